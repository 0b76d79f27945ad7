//  Schedules: which there are, and the steps of which they are made.

#include "register_schedule.h"

#define SCHEDULE_NOW_MAX 900

typedef struct {
    const char *name;
    void (*follow) (const register_cast_t *cast);
} s_schedule_t;

static const s_schedule_t s_schedule[] = {
  {"guided", register_guide},
  {"copied-tombstone", register_race_copied_tombstone},
  {"lost-tombstone", register_race_lost_tombstone},
  {"forgotten-fence", register_race_forgotten_fence},
  {"lost-promise", register_race_lost_promise},
  {"lost-acceptance", register_race_lost_acceptance},
  {"lost-while-read", register_race_lost_while_read},
  {"dropped-while-copied", register_race_dropped_while_copied},
  {"dropped-in-copy", register_race_dropped_in_copy},
  {"copied-below", register_race_copied_below},
  {"early-and-old", register_race_early_and_old},
  {"forgotten-promise", register_race_forgotten_promise},
  {"late-accept", register_race_late_accept},
  {"unsynced-copy", register_race_unsynced_copy},
  {"unsynced-read", register_race_unsynced_read},
  {"uncopied-promise", register_race_uncopied_promise},
  {"later-floor", register_race_later_floor},
  {"missed-tombstone", register_race_missed_tombstone},
  {"written-again", register_race_written_again},
  {"op-collected", register_race_op_collected},
  {"dropped-then-cut", register_race_dropped_then_cut},
  {"dropped-then-lost", register_race_dropped_then_lost},
  {"drop-undone", register_race_drop_undone},
  {"tail-lost", register_tail_lost},
  {"tail-unsynced", register_tail_unsynced},
  {"tail-anew", register_tail_anew},
  {"tail-own-vote", register_tail_own_vote},
  {"tail-client-read", register_tail_client_read},
  {"tail-other-peer", register_tail_other_peer},
  {"tail-peer-restarts", register_tail_peer_restarts},
  {"tail-late-reply", register_tail_late_reply},
};

static int s_left_out;  //  Of 100 steps
static int s_between;   //  ... random steps come before so many

bool
register_next (void)
{
    while (register_draw (100) < s_between && walk.now < SCHEDULE_NOW_MAX)
        register_step ();
    walk.now++;
    return register_draw (100) >= s_left_out;
}

//  Casts nodes at random.
static register_cast_t
s_cast (void)
{
    int place[NODES_MAX] = {0};
    for (int node = 0; node < walk.n; node++) {
        int other = register_draw (node + 1);
        place[node] = place[other];
        place[other] = node;
    }
    register_cast_t cast = {.x = place[0], .y = place[1], .z = place[2]};
    cast.only_x = 1u << cast.x;
    cast.only_y = 1u << cast.y;
    cast.only_z = 1u << cast.z;
    cast.others = register_all () & ~(cast.only_x | cast.only_y | cast.only_z);
    cast.y_side = cast.only_y;
    for (int index = 3; register_size (cast.y_side) < walk.majority - 1;
         index++)
        cast.y_side |= 1u << place[index];
    cast.z_side = register_all () & ~cast.y_side;
    return cast;
}

const char *
register_schedule_name (int index)
{
    int count = (int) (sizeof s_schedule / sizeof s_schedule[0]);
    return index >= 0 && index < count ? s_schedule[index].name : NULL;
}

void
register_follow (int index)
{
    assert (register_schedule_name (index));
    s_left_out = register_chance (2) ? 0 : register_draw (12);
    s_between = register_chance (2) ? 0 : register_draw (50);
    register_cast_t cast = s_cast ();
    TRACE ("schedule %s: x, y, z are nodes %d, %d, %d", s_schedule[index].name,
           cast.x, cast.y, cast.z);
    s_schedule[index].follow (&cast);
    for (int steps = 0; steps < 40 && !walk.wrong; steps++)
        register_step ();
}

//  Delivers the newest PROMISE of a coordinator to node.
static void
s_deliver_promise (int index, int node)
{
    for (int at = walk.ballot_count - 1; at >= 0; at--)
        if (walk.ballot[at].ballot == walk.coordinator[index].ballot) {
            register_promise (at, node);
            return;
        }
}

static void
s_promise_and_sync (int index, int node)
{
    s_deliver_promise (index, node);
    register_sync (node);
}

void
register_promise_unsynced_at (int index, uint32_t set)
{
    EACH_NODE (node, set)
    STEP (s_deliver_promise (index, node));
}

void
register_promise_at (int index, uint32_t set)
{
    EACH_NODE (node, set)
    STEP (s_promise_and_sync (index, node));
}

void
register_fetch_at (int index, uint32_t set)
{
    EACH_NODE (node, set)
    STEP (register_fetch (index, node));
}

//  Asks for a ballot of a higher round than all before.
static void
s_ask_above (int index)
{
    register_coordinator_t *self = &walk.coordinator[index];
    for (int at = 0; at < walk.ballot_count; at++) {
        int round = register_round_of (walk.ballot[at].ballot);
        if (self->round < round)
            self->round = round;
    }
    register_ask_promises (index);
}

void
register_take_ballot (int index, uint32_t set)
{
    STEP (s_ask_above (index));
    EACH_NODE (node, set)
    {
        STEP (s_promise_and_sync (index, node));
        STEP (register_fetch (index, node));
    }
}

void
register_accept_unsynced_at (int accept, uint32_t set)
{
    if (accept < 0)
        return;
    EACH_NODE (node, set)
    STEP (register_accept (accept, node, false));
}

void
register_sync_at (uint32_t set)
{
    EACH_NODE (node, set)
    STEP (register_sync (node));
}

static void
s_accept_and_sync (int accept, int node)
{
    register_accept (accept, node, false);
    register_sync (node);
}

void
register_accept_at (int accept, uint32_t set)
{
    if (accept < 0)
        return;
    EACH_NODE (node, set)
    STEP (s_accept_and_sync (accept, node));
}

//  Proposes a new operation of a client that has been told this version.
static void
s_propose_new (int index, register_kind_t kind, int since)
{
    int op = walk.op_count;
    register_begin_op (kind);
    if (op == walk.op_count)
        return;
    if (walk.op[op].since < since)
        walk.op[op].since = since;
    register_propose (index, op);
}

//  Returns the index of the newest proposal of a coordinator; -1: there is
//  none.
static int
s_newest_accept (int index)
{
    for (int at = walk.accept_count - 1; at >= 0; at--)
        if (walk.accept[at].proposal == walk.coordinator[index].proposal)
            return at;
    return -1;
}

int
register_write_since (int index, register_kind_t kind, int since, uint32_t set)
{
    STEP (s_propose_new (index, kind, since));
    int accept = s_newest_accept (index);
    register_accept_at (accept, set);
    return accept;
}

int
register_write_again (int index, int op, uint32_t set)
{
    if (op < walk.op_count)
        STEP (register_propose (index, op));
    int accept = s_newest_accept (index);
    register_accept_at (accept, set);
    return accept;
}

int
register_write (int index, register_kind_t kind, uint32_t set)
{
    //  After EFORGOTTEN a client knows the version floor.
    int floor = register_floor_of (walk.coordinator[index].ballot);
    return register_write_since (index, kind, floor, set);
}

static void
s_lose (int node)
{
    walk.losses_left = 1;
    register_lose (node);
}

void
register_lose_disk (int node)
{
    STEP (s_lose (node));
}

void
register_ask_at (int node, uint32_t set)
{
    EACH_NODE (peer, set)
    STEP (register_ask (node, peer));
}

void
register_ask_fence_at (int node, uint32_t set)
{
    EACH_NODE (peer, set)
    STEP (register_ask_fence (node, peer));
}

void
register_copy_at (int node, uint32_t set)
{
    EACH_NODE (peer, set)
    STEP (register_copy (node, peer));
}

void
register_recover_from (int node, uint32_t set)
{
    register_ask_at (node, set);
    register_ask_fence_at (node, set);
    register_copy_at (node, set);
}

void
register_confirm_at (int node, uint32_t set)
{
    EACH_NODE (peer, set)
    STEP (register_confirm (node, peer));
}

void
register_restart_with (int node, uint32_t set)
{
    STEP (register_restart (node, 0));
    register_confirm_at (node, set);
}

static void
s_put_back (int node)
{
    walk.copies_left = 1;
    register_put_back (node);
}

void
register_put_back_copy (int node)
{
    STEP (s_put_back (node));
}

static void
s_cut (int node, int lost)
{
    if (register_votes (node) && register_down () < walk.n - walk.majority)
        register_restart (node, lost);
}

void
register_cut (int node, int lost)
{
    STEP (s_cut (node, lost));
}

void
register_read_at (uint32_t set)
{
    EACH_NODE (node, set)
    STEP (register_read (0, node));
}

void
register_read_anew_at (uint32_t set)
{
    STEP (walk.reader[0].active = false);
    register_read_at (set);
}

void
register_collect_at (uint32_t set)
{
    EACH_NODE (node, set)
    STEP (register_collect (node));
}

static void
s_drop (int node)
{
    if (walk.drop_count)
        register_drop (walk.drop_count - 1, node);
}

void
register_drop_unsynced_at (uint32_t set)
{
    EACH_NODE (node, set)
    STEP (s_drop (node));
}

static void
s_drop_and_sync (int node)
{
    s_drop (node);
    register_sync (node);
}

void
register_drop_at (uint32_t set)
{
    EACH_NODE (node, set)
    STEP (s_drop_and_sync (node));
}
