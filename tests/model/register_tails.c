//  Journals that have lost their end (K17). In each schedule x and the side of
//  y accept a value, and x then loses the acceptance; z_side chooses without it
//  if x votes. The schedules from own_vote on are what K17 does not cover.

#include "register_schedule.h"

//  Lets x vote after its journal has lost the acceptance, if these nodes know
//  of nothing; then z_side writes, through a coordinator that is not on x.
static void
s_forget_and_write (const register_cast_t *cast, uint32_t confirming)
{
    register_cut (cast->x, 1);
    register_confirm_at (cast->x, confirming);
    register_take_ballot (cast->y, cast->z_side);
    register_write (cast->y, PUT, cast->z_side);
}

//  TAIL_IGNORED: the coordinator's node has heard where the journal ended.
void
register_tail_lost (const register_cast_t *cast)
{
    register_take_ballot (cast->z, register_all ());
    register_write (cast->z, PUT, cast->only_x | cast->y_side);
    s_forget_and_write (cast, cast->z_side);
}

//  POSITION_EARLY: x tells an end that is not durable, and restarts.
void
register_tail_unsynced (const register_cast_t *cast)
{
    register_take_ballot (cast->z, register_all ());
    int accept = register_write (cast->z, PUT, cast->only_z);
    register_accept_unsynced_at (accept, cast->only_x);
    STEP (register_ask_promises (cast->x));
    register_promise_unsynced_at (cast->x, cast->only_z);
    register_restart_with (cast->x, cast->only_z);
}

//  POSITION_OUTLIVES: after a recovery the journal is shorter, and whole.
void
register_tail_anew (const register_cast_t *cast)
{
    register_take_ballot (cast->z, register_all ());
    register_write (cast->z, PUT, register_all ());
    register_lose_disk (cast->x);
    register_recover_from (cast->x, register_all () & ~cast->only_x);
    register_restart_with (cast->x, cast->only_z);
}

//  The coordinator is on x and counts its own acceptance. No peer hears of that
//  before the next message.
void
register_tail_own_vote (const register_cast_t *cast)
{
    register_take_ballot (cast->x, register_all ());
    register_write (cast->x, PUT, cast->only_x | cast->y_side);
    s_forget_and_write (cast, register_all ());
}

//  The coordinator has crashed, and a client counts the acceptances.
void
register_tail_client_read (const register_cast_t *cast)
{
    register_take_ballot (cast->z, register_all ());
    int accept = register_write (cast->z, PUT, 0);
    STEP (register_crash (cast->z));
    register_accept_at (accept, cast->only_x | cast->y_side);
    register_read_anew_at (cast->only_x | cast->y_side);
    s_forget_and_write (cast, register_all ());
}

//  The node that has heard is not among those that confirm the start.
void
register_tail_other_peer (const register_cast_t *cast)
{
    register_take_ballot (cast->z, register_all ());
    register_write (cast->z, PUT, cast->only_x | cast->y_side);
    s_forget_and_write (cast, register_all () & ~cast->only_z);
}

//  The node that has heard restarts before it has written what it heard.
void
register_tail_peer_restarts (const register_cast_t *cast)
{
    register_take_ballot (cast->z, register_all ());
    register_write (cast->z, PUT, cast->only_x | cast->y_side);
    register_restart_with (cast->z, cast->y_side);
    s_forget_and_write (cast, cast->z_side);
}

//  Delivers the replies of node that are still on their way.
static void
s_deliver_replies_of (int node)
{
    for (int index = 0; index < walk.reply_count; index++)
        if (walk.reply[index].node == node)
            register_deliver_reply (&walk.reply[index]);
}

//  The reply of x is on its way when x restarts, and counts later.
void
register_tail_late_reply (const register_cast_t *cast)
{
    register_take_ballot (cast->z, register_all ());
    int accept = register_write (cast->z, PUT, cast->only_x);
    s_forget_and_write (cast, register_all ());
    register_accept_at (accept, cast->y_side);
    STEP (s_deliver_replies_of (cast->x));
}
