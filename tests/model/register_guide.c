//  Guided walks: the steps of schedules, in random order. Messages reach one of
//  two sides, which share as few nodes as possible. The walks know of no race.

#include "register_schedule.h"

#define COORDINATORS 3

static int s_leader;  //  The coordinator that asked for a ballot last

static uint32_t s_theirs;  //  Two sides that share as few nodes as possible
static uint32_t s_mine;

//  Draws the nodes that a message reaches: one of the sides, or others.
static uint32_t
s_reached (void)
{
    switch (register_draw (6)) {
    case 0:
    case 1:
        return s_theirs;
    case 2:
    case 3:
        return s_mine;
    case 4:
        return register_all ();
    default:
        return (uint32_t) register_draw ((int) register_all () + 1);
    }
}

static register_kind_t
s_draw_kind (void)
{
    static const register_kind_t s_often[] = {PUT, PUT, DELETE, SETTLE};
    return s_often[register_draw (4)];
}

//  Lets a coordinator take a ballot.
static void
s_take_ballot (uint32_t set)
{
    s_leader = register_draw (COORDINATORS);
    register_take_ballot (s_leader, set);
}

//  Draws a coordinator: mostly the latest.
static int
s_coordinator (void)
{
    return register_chance (4) ? register_draw (COORDINATORS) : s_leader;
}

//  Takes a write, or goes on with one: a late ACCEPT, another attempt.
static void
s_write (int index)
{
    switch (register_draw (6)) {
    case 0:
        if (walk.accept_count)
            register_accept_at (register_draw (walk.accept_count),
                                s_reached ());
        break;
    case 1:
        STEP (register_give_up (index));
        break;
    case 2:
        STEP (register_propose_any (index));
        break;
    case 3:
        register_accept_unsynced_at (register_write (index, s_draw_kind (), 0),
                                     s_reached ());
        break;
    default:
        register_write (index, s_draw_kind (), s_reached ());
        break;
    }
}

//  Lets some nodes that do not vote go on.
static void
s_go_on (void)
{
    uint32_t set = s_reached ();
    EACH_NODE (node, register_all ())
    {
        if (register_chance (3))
            continue;
        register_confirm_at (node, set);
        register_ask_at (node, register_all ());
        register_ask_fence_at (node, set);
        register_copy_at (node, set);
    }
}

//  Draws a node of whose directory there is a copy; else node.
static int
s_kept (int node)
{
    EACH_NODE (other, walk.has_kept)
    if (register_chance (2))
        node = other;
    return node;
}

//  Loses a disk, restarts a node, or puts an old copy back.
static void
s_fault (int node)
{
    switch (register_draw (6)) {
    case 0:
    case 1:
        register_lose_disk (node);
        break;
    case 2:
        STEP (register_restart (node, 0));
        break;
    case 3:
        register_cut (node, 1 + register_draw (4));
        break;
    case 4:
        STEP (register_keep_copy (node));
        break;
    case 5:
        register_put_back_copy (s_kept (node));
        break;
    }
    if (!register_chance (3))
        s_go_on ();
}

static void
s_collect (void)
{
    register_collect_at (register_chance (4) ? s_reached () : register_all ());
    if (register_chance (2))
        s_take_ballot (register_all ());
    register_drop_at (s_reached ());
}

static void
s_read (void)
{
    if (register_chance (2))
        register_read_anew_at (s_reached ());
    else
        register_read_at (s_reached ());
}

void
register_guide (const register_cast_t *cast)
{
    s_theirs = cast->only_x | cast->y_side;
    s_mine = cast->z_side;
    s_take_ballot (s_reached ());
    for (int left = 4 + register_draw (16); left > 0 && !walk.wrong; left--) {
        int draw = register_draw (14);
        if (draw < 2)
            s_take_ballot (s_reached ());
        else if (draw < 7)
            s_write (s_coordinator ());
        else if (draw < 9)
            s_read ();
        else if (draw < 10)
            s_collect ();
        else if (draw < 12)
            s_fault (register_draw (walk.n));
        else if (draw < 13)
            s_go_on ();
        else
            register_sync_at (s_reached ());
    }
    s_go_on ();
    s_take_ballot (s_reached ());
    register_write (s_leader, PUT, s_reached ());
}
