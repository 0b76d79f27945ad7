//  The steps of schedules. Each takes the nodes of a set one by one; each step
//  may be left out, and random steps may come before it.

#ifndef REGISTER_SCHEDULE_H_INCLUDED
#define REGISTER_SCHEDULE_H_INCLUDED

#include "register.h"

//  Nodes in random places. x, y and z are three of them.
typedef struct {
    int x;
    int y;
    int z;
    uint32_t only_x;
    uint32_t only_y;
    uint32_t only_z;
    uint32_t others;  //  All but x, y and z
    uint32_t y_side;  //  y and others: with x, or with z, they are W
    uint32_t z_side;  //  All but y_side: x, z and the rest
} register_cast_t;

//  Takes the random steps that come before the next step. Returns whether that
//  is taken.
bool register_next (void);

#define STEP(call)                                                             \
    do {                                                                       \
        if (register_next ())                                                  \
            call;                                                              \
    } while (0)

//  Visits each node of a set.
#define EACH_NODE(node, set)                                                   \
    for (int node = 0; node < walk.n; node++)                                  \
        if (register_has ((set), node))

//  Has these nodes promise the newest ballot of a coordinator, with or without
//  syncing.
void register_promise_at (int index, uint32_t set);
void register_promise_unsynced_at (int index, uint32_t set);

//  Has a coordinator read the key at these nodes; or take a new ballot there,
//  and read the key.
void register_fetch_at (int index, uint32_t set);
void register_take_ballot (int index, uint32_t set);

//  Has these nodes accept a proposal, with or without syncing.
void register_accept_at (int accept, uint32_t set);
void register_accept_unsynced_at (int accept, uint32_t set);
void register_sync_at (uint32_t set);

//  Proposes a new operation, which these nodes accept. Returns the index of the
//  proposal.
int register_write (int index, register_kind_t kind, uint32_t set);

//  The same, by a client that has been told a version of at least since.
int register_write_since (int index, register_kind_t kind, int since,
                          uint32_t set);

//  Proposes an operation again, from a late copy of its request.
int register_write_again (int index, int op, uint32_t set);

//  Loses the disk of a node; recovers it from these nodes, or one step of that.
void register_lose_disk (int node);
void register_ask_at (int node, uint32_t set);
void register_ask_fence_at (int node, uint32_t set);
void register_copy_at (int node, uint32_t set);
void register_recover_from (int node, uint32_t set);

//  Restarts a node, with an old copy of its directory, or with a journal that
//  has lost entries. These nodes confirm its start.
void register_restart_with (int node, uint32_t set);
void register_put_back_copy (int node);
void register_cut (int node, int lost);
void register_confirm_at (int node, uint32_t set);

//  Reads; collects; drops.
void register_read_at (uint32_t set);
void register_read_anew_at (uint32_t set);
void register_collect_at (uint32_t set);
void register_drop_at (uint32_t set);
void register_drop_unsynced_at (uint32_t set);

//  register_guide.c

void register_guide (const register_cast_t *cast);

//  register_races.c

void register_race_copied_tombstone (const register_cast_t *cast);
void register_race_lost_tombstone (const register_cast_t *cast);
void register_race_forgotten_fence (const register_cast_t *cast);
void register_race_lost_promise (const register_cast_t *cast);
void register_race_lost_acceptance (const register_cast_t *cast);
void register_race_lost_while_read (const register_cast_t *cast);
void register_race_dropped_while_copied (const register_cast_t *cast);
void register_race_dropped_in_copy (const register_cast_t *cast);
void register_race_copied_below (const register_cast_t *cast);
void register_race_early_and_old (const register_cast_t *cast);
void register_race_forgotten_promise (const register_cast_t *cast);
void register_race_late_accept (const register_cast_t *cast);
void register_race_unsynced_copy (const register_cast_t *cast);
void register_race_unsynced_read (const register_cast_t *cast);
void register_race_uncopied_promise (const register_cast_t *cast);
void register_race_later_floor (const register_cast_t *cast);
void register_race_missed_tombstone (const register_cast_t *cast);
void register_race_written_again (const register_cast_t *cast);
void register_race_op_collected (const register_cast_t *cast);
void register_race_dropped_then_cut (const register_cast_t *cast);
void register_race_dropped_then_lost (const register_cast_t *cast);
void register_race_drop_undone (const register_cast_t *cast);

//  register_tails.c

void register_tail_lost (const register_cast_t *cast);
void register_tail_unsynced (const register_cast_t *cast);
void register_tail_anew (const register_cast_t *cast);
void register_tail_own_vote (const register_cast_t *cast);
void register_tail_client_read (const register_cast_t *cast);
void register_tail_other_peer (const register_cast_t *cast);
void register_tail_peer_restarts (const register_cast_t *cast);
void register_tail_late_reply (const register_cast_t *cast);

#endif
