//  Known races of disks, messages and collections. Each comment says what goes
//  wrong where a rule is broken, and which rule that is.

#include "register_schedule.h"

//  COLLECT_COPIED: a tombstone that one node accepted is copied to the others,
//  which had promised without it before they lost their disks.
void
register_race_copied_tombstone (const register_cast_t *cast)
{
    uint32_t but_z = register_all () & ~cast->only_z;
    register_take_ballot (0, register_all ());
    register_write (0, PUT, register_all ());
    register_write (0, DELETE, cast->only_z);
    register_take_ballot (1, but_z);
    EACH_NODE (node, but_z)
    {
        register_lose_disk (node);
        register_recover_from (node, register_all () & ~(1u << node));
    }
    register_collect_at (register_all ());
    register_promise_at (1, cast->only_z);
    register_drop_at (register_all ());
    register_read_anew_at (but_z);
    register_write (1, PUT, but_z);
}

//  COLLECT_UNCHECKED: a node shows a tombstone, loses it with its disk, and the
//  others show it later.
void
register_race_lost_tombstone (const register_cast_t *cast)
{
    uint32_t but_z = register_all () & ~cast->only_z;
    register_take_ballot (0, register_all ());
    register_write (0, PUT, register_all ());
    int accept = register_write (0, DELETE, cast->only_z);
    register_collect_at (cast->only_z);
    register_lose_disk (cast->z);
    register_recover_from (cast->z, but_z);
    register_accept_at (accept, but_z);
    register_collect_at (but_z);
    register_take_ballot (1, but_z);
    register_drop_at (but_z);
    uint32_t but_y = register_all () & ~cast->only_y;
    register_take_ballot (2, but_y);
    register_write (2, PUT, but_y);
}

//  RECOVERY_UNCHECKED, of five nodes: a peer that answered FENCE loses its
//  disk, and in its new incarnation accepts what the recovering node has
//  forgotten.
void
register_race_forgotten_fence (const register_cast_t *cast)
{
    uint32_t but_x = register_all () & ~cast->only_x;
    register_take_ballot (0, register_all ());
    int accept = register_write (0, PUT, cast->only_x);
    register_lose_disk (cast->x);
    register_ask_at (cast->x, but_x);
    register_ask_fence_at (cast->x, cast->only_y);
    register_copy_at (cast->x, cast->only_y);
    register_lose_disk (cast->y);
    register_recover_from (cast->y, but_x & ~cast->only_y);
    register_accept_at (accept, cast->only_y | cast->only_z);
    register_ask_fence_at (cast->x, cast->others);
    register_copy_at (cast->x, cast->others);
    register_take_ballot (1, cast->only_x | cast->others);
    register_write (1, PUT, cast->only_x | cast->others);
}

//  FETCH_UNCHECKED: a promise is lost between two replies to one fetch.
void
register_race_lost_promise (const register_cast_t *cast)
{
    register_take_ballot (0, register_all ());
    register_take_ballot (1, cast->only_x);
    register_lose_disk (cast->x);
    register_recover_from (cast->x, register_all () & ~cast->only_x);
    register_write (0, PUT, cast->z_side);
    register_promise_at (1, cast->y_side);
    register_fetch_at (1, cast->y_side);
    register_promise_at (1, cast->only_z);
    register_write (1, PUT, cast->y_side | cast->only_z);
}

//  ACCEPT_UNCHECKED: an acceptance is lost between two replies to one proposal.
void
register_race_lost_acceptance (const register_cast_t *cast)
{
    register_take_ballot (0, register_all ());
    int accept = register_write (0, PUT, cast->only_x);
    register_lose_disk (cast->x);
    register_recover_from (cast->x, register_all () & ~cast->only_x);
    register_accept_at (accept, cast->y_side);
    register_take_ballot (1, cast->z_side);
    register_write (1, PUT, cast->z_side);
}

//  READ_UNCHECKED: ... between two replies to one read.
void
register_race_lost_while_read (const register_cast_t *cast)
{
    register_take_ballot (0, register_all ());
    int accept = register_write (0, PUT, cast->only_x);
    register_read_anew_at (cast->only_x);
    register_lose_disk (cast->x);
    register_recover_from (cast->x, register_all () & ~cast->only_x);
    register_accept_at (accept, cast->y_side);
    register_read_at (cast->y_side);
    register_take_ballot (1, cast->z_side);
    register_write (1, PUT, cast->z_side);
}

//  PROMISE_COPIED_EARLY: a key is dropped between the FENCE and the pages of a
//  recovery. With the promise of the FENCE an old ACCEPT brings the key back.
void
register_race_dropped_while_copied (const register_cast_t *cast)
{
    uint32_t but_x = register_all () & ~cast->only_x;
    register_take_ballot (0, register_all ());
    int accept = register_write (0, PUT, register_all ());
    register_write (0, DELETE, register_all ());
    register_collect_at (register_all ());
    register_lose_disk (cast->x);
    register_ask_at (cast->x, but_x);
    register_ask_fence_at (cast->x, but_x);
    register_take_ballot (1, but_x);
    register_drop_at (but_x);
    register_copy_at (cast->x, but_x);
    register_accept_at (accept, cast->only_x);
    register_take_ballot (2, cast->z_side);
    register_write (2, PUT, cast->z_side);
}

//  RECOVERY_KEEPS_OWN: an old copy holds a key that has been dropped.
void
register_race_dropped_in_copy (const register_cast_t *cast)
{
    uint32_t but_x = register_all () & ~cast->only_x;
    register_take_ballot (0, register_all ());
    register_write (0, PUT, register_all ());
    STEP (register_keep_copy (cast->x));
    register_write (0, DELETE, register_all ());
    register_lose_disk (cast->x);
    register_recover_from (cast->x, but_x);
    register_write (0, DELETE, register_all ());
    register_collect_at (register_all ());
    register_take_ballot (1, register_all ());
    register_drop_at (register_all ());
    register_put_back_copy (cast->x);
    register_confirm_at (cast->x, cast->only_y);
    register_recover_from (cast->x, but_x);
    register_take_ballot (2, cast->z_side);
    register_write (2, PUT, cast->z_side);
}

//  READ_COUNTS_COPIED: a value that one node accepted is copied to a node which
//  has promised a ballot whose base is another.
void
register_race_copied_below (const register_cast_t *cast)
{
    uint32_t but_x = register_all () & ~cast->only_x;
    uint32_t but_y = register_all () & ~cast->only_y;
    register_take_ballot (0, register_all ());
    register_write (0, PUT, cast->only_y);
    register_take_ballot (1, but_y);
    register_lose_disk (cast->x);
    register_recover_from (cast->x, but_x);
    register_read_anew_at (cast->only_x | cast->only_y);
    register_write (1, PUT, but_y);
}

//  START_UNCONFIRMED: a read has an old reply of y, from before y knew the new
//  incarnation of x; and then one of an old copy of x.
void
register_race_early_and_old (const register_cast_t *cast)
{
    register_take_ballot (0, register_all ());
    register_write (0, PUT, cast->only_x | cast->y_side);
    STEP (register_keep_copy (cast->x));
    register_write (0, PUT, cast->z_side);
    register_read_anew_at (cast->y_side);
    register_lose_disk (cast->x);
    register_recover_from (cast->x, register_all () & ~cast->only_x);
    register_put_back_copy (cast->x);
    register_read_at (cast->only_x);
}

//  PROMISE_EARLY: x forgets a promise that a coordinator has counted, and
//  accepts below it.
void
register_race_forgotten_promise (const register_cast_t *cast)
{
    register_take_ballot (0, register_all ());
    STEP (register_ask_promises (1));
    register_promise_unsynced_at (1, cast->only_x);
    register_promise_at (1, cast->y_side);
    register_fetch_at (1, cast->only_x | cast->y_side);
    register_restart_with (cast->x, register_all ());
    register_write (0, PUT, cast->z_side);
    register_promise_at (1, cast->only_z);
    register_write (1, PUT, cast->y_side | cast->only_z);
}

//  DROP_UNDER_ANY_PROMISE: an ACCEPT that was given up arrives after the
//  tombstone above it was dropped.
void
register_race_late_accept (const register_cast_t *cast)
{
    (void) cast;  //  Nodes are alike here
    register_take_ballot (0, register_all ());
    int accept = register_write (0, PUT, 0);
    STEP (register_give_up (0));
    register_write (0, DELETE, register_all ());
    register_collect_at (register_all ());
    register_drop_at (register_all ());
    register_accept_at (accept, register_all ());
    register_read_anew_at (register_all ());
}

//  COPY_DURABLE: x loses an acceptance that was counted, and copies while the
//  other acceptances are in memory only. Their vectors are older than FENCE.
void
register_race_unsynced_copy (const register_cast_t *cast)
{
    register_take_ballot (0, register_all ());
    int accept = register_write (0, PUT, cast->only_x);
    register_accept_unsynced_at (accept, cast->y_side);
    register_lose_disk (cast->x);
    register_recover_from (cast->x, register_all () & ~cast->only_x);
    register_sync_at (cast->y_side);
    register_take_ballot (1, cast->z_side);
    register_write (1, PUT, cast->z_side);
}

//  SHOWN_EARLY: a read shows what a restart then loses.
void
register_race_unsynced_read (const register_cast_t *cast)
{
    uint32_t readers = cast->only_x | cast->y_side;
    register_take_ballot (0, register_all ());
    int accept = register_write (0, PUT, 0);
    register_accept_unsynced_at (accept, readers);
    register_read_anew_at (readers);
    EACH_NODE (node, readers)
    register_restart_with (node, register_all ());
    register_read_anew_at (readers);
}

//  PROMISE_NOT_COPIED: x promises, loses its disk, recovers without the
//  promise, and accepts below it.
void
register_race_uncopied_promise (const register_cast_t *cast)
{
    register_take_ballot (0, register_all ());
    register_write (0, PUT, register_all ());
    register_take_ballot (1, cast->only_x | cast->y_side);
    register_lose_disk (cast->x);
    register_recover_from (cast->x, register_all () & ~cast->only_x);
    register_write (0, PUT, cast->z_side);
    register_promise_at (1, cast->only_z);
    register_write (1, PUT, cast->y_side | cast->only_z);
}

//  SINCE_ABOVE_BALLOT: y tells the floor of a round that no other node knows,
//  and forgets it. A version above that floor is chosen in an older round,
//  deleted and collected; and a coordinator begins at the floor.
void
register_race_later_floor (const register_cast_t *cast)
{
    uint32_t but_y = register_all () & ~cast->only_y;
    register_take_ballot (0, register_all ());
    register_take_ballot (1, cast->only_y);
    int floor = register_floor_of (walk.coordinator[1].ballot);
    register_write_since (0, PUT, floor, but_y);
    int accept = register_write (0, DELETE, but_y);
    register_lose_disk (cast->y);
    register_recover_from (cast->y, but_y);
    register_accept_at (accept, cast->only_y);
    register_collect_at (register_all ());
    //  The first round that it asks for is one that it sees to be taken.
    STEP (register_ask_promises (2));
    STEP (register_ask_promises (2));
    register_promise_at (2, register_all ());
    register_drop_at (register_all ());
    register_fetch_at (2, register_all ());
    register_write (2, PUT, register_all ());
}

//  COLLECT_BY_MAJORITY: x has missed a tombstone that the others drop.
void
register_race_missed_tombstone (const register_cast_t *cast)
{
    uint32_t but_x = register_all () & ~cast->only_x;
    register_take_ballot (0, register_all ());
    register_write (0, PUT, register_all ());
    register_write (0, DELETE, but_x);
    register_collect_at (but_x);
    register_take_ballot (1, but_x);
    register_drop_at (but_x);
    register_take_ballot (2, cast->only_x | cast->y_side);
    register_write (2, PUT, cast->only_x | cast->y_side);
}

//  DROP_IN_SAME_ROUND, VERSION_BELOW_FLOOR: a key is written again after it was
//  collected, by a client that knows no late version.
void
register_race_written_again (const register_cast_t *cast)
{
    (void) cast;  //  Nodes are alike here
    register_take_ballot (0, register_all ());
    register_write (0, PUT, register_all ());
    register_write (0, DELETE, register_all ());
    register_collect_at (register_all ());
    STEP (register_ask_promises (1));
    if (register_chance (2))
        STEP (register_ask_promises (1));
    register_promise_at (1, register_all ());
    register_drop_at (register_all ());
    register_fetch_at (1, register_all ());
    register_write_since (1, PUT, 0, register_all ());
}

//  Writes and deletes the key, by clients that have seen nothing of it, and
//  shows the tombstone to the collector. All nodes promise the ballot of
//  another coordinator, so it can be dropped. Returns the op of the write.
static int
s_write_and_collect (void)
{
    register_take_ballot (0, register_all ());
    int op = walk.op_count;
    register_write_since (0, PUT, 0, register_all ());
    register_write (0, DELETE, register_all ());
    register_collect_at (register_all ());
    register_take_ballot (1, register_all ());
    return op;
}

//  A late copy of that write's request reaches a coordinator that finds the key
//  absent at these nodes.
static void
s_write_late (int op, uint32_t set)
{
    register_take_ballot (2, set);
    register_write_again (2, op, set);
}

//  FROM_NOTHING: the tombstone that had an op id is dropped.
void
register_race_op_collected (const register_cast_t *cast)
{
    (void) cast;  //  Nodes are alike here
    int op = s_write_and_collect ();
    register_drop_at (register_all ());
    s_write_late (op, register_all ());
}

//  DROPPED_LATER: the nodes restart before all that a drop changes is durable.
void
register_race_dropped_then_cut (const register_cast_t *cast)
{
    uint32_t but_z = register_all () & ~cast->only_z;
    int op = s_write_and_collect ();
    register_drop_unsynced_at (but_z);
    EACH_NODE (node, but_z)
    register_restart_with (node, register_all ());
    s_write_late (op, but_z);
}

//  DROPPED_NOT_COPIED: W nodes lose their disks after the drop, one by one.
void
register_race_dropped_then_lost (const register_cast_t *cast)
{
    uint32_t but_z = register_all () & ~cast->only_z;
    int op = s_write_and_collect ();
    register_drop_at (register_all ());
    EACH_NODE (node, but_z)
    {
        register_lose_disk (node);
        register_recover_from (node, register_all () & ~(1u << node));
    }
    s_write_late (op, but_z);
}

//  DROPPED_COPIED_EARLY, of three nodes: x and y recover one after the other,
//  each from peers that drop the tombstone between FENCE and page. Restarts
//  undo the first drops.
void
register_race_drop_undone (const register_cast_t *cast)
{
    uint32_t but_x = register_all () & ~cast->only_x;
    uint32_t but_y = register_all () & ~cast->only_y;
    int op = s_write_and_collect ();
    register_lose_disk (cast->x);
    register_ask_at (cast->x, but_x);
    register_ask_fence_at (cast->x, but_x);
    register_drop_unsynced_at (but_x);
    register_copy_at (cast->x, but_x);
    EACH_NODE (node, but_x)
    register_restart_with (node, register_all ());
    register_lose_disk (cast->y);
    register_ask_at (cast->y, but_y);
    register_ask_fence_at (cast->y, but_y);
    register_drop_at (cast->only_z);
    register_copy_at (cast->y, but_y);
    s_write_late (op, cast->only_x | cast->only_y);
}
