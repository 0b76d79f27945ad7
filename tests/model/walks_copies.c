//  Walks in which a node restarts again and again, and so do copies of its
//  directory, at its endpoint or elsewhere.

#include "walks.h"

//  Restarts the node of the copies, copies its directory, or puts a copy back.
static void
s_copied_trouble (uint32_t peers)
{
    walks_instance_t *now = &walk.instance[walk.current[walk.copied]];
    switch (walks_draw (7)) {
    case 0:
    case 1:
        walks_restart (now);
        walks_recover (now, peers, walks_chance (8));
        break;
    case 2:
        walks_recover (now, peers, walks_chance (8));
        break;
    case 3:
        walks_put_back (walks_chance (3));
        walks_recover (&walk.instance[walk.current[walk.copied]], peers,
                       walks_chance (8));
        break;
    case 4:
        walks_keep_copy ();
        break;
    case 5:
        walks_start_elsewhere ();
        walks_recover (&walk.instance[walk.instance_count - 1], peers,
                       walks_chance (8));
        break;
    case 6: {
        walks_instance_t *self = walks_pick_old (walk.copied);
        if (walks_chance (3))
            walks_move_in (self, walks_chance (3));
        if (walks_chance (2))
            walks_restart (self);
        walks_recover (self, peers, walks_chance (8));
        break;
    }
    }
}

//  Makes a node lose its disk, or restarts it.
static void
s_node_trouble (uint32_t peers)
{
    uint8_t node = walks_one_of (walks_all_nodes ());
    if (walks_chance (3))
        walks_lose_disk (node, walks_chance (4));
    else
        walks_restart (&walk.instance[walk.current[node]]);
    walks_recover (&walk.instance[walk.current[node]],
                   (walks_chance (2) ? peers : walks_all_nodes ()) &
                     ~(1u << node),
                   walks_chance (8));
}

//  Causes one fault, mostly of the node of the copies.
static void
s_start_trouble (uint32_t theirs, uint32_t mine)
{
    uint32_t peers = walks_side (theirs, mine) & ~(1u << walk.copied);
    if (walks_chance (3))
        peers = walks_some_of (peers, walks_draw (walk.n));
    switch (walks_draw (10)) {
    case 0:
        s_node_trouble (peers);
        break;
    case 1:
        walks_deliver (0, theirs, walks_chance (4));
        break;
    case 2:
        walks_trouble (theirs, mine);
        break;
    default:
        s_copied_trouble (peers);
    }
}

void
walks_walk_starts (uint32_t theirs, uint32_t mine)
{
    walks_begin_claim (1, (uint8_t) (1 + walks_draw (3)));
    walks_begin_claim (1, (uint8_t) (1 + walks_draw (3)));
    walk.copied = walks_one_of (theirs & mine);
    walks_keep_copy ();
    for (uint32_t rounds = 1 + walks_draw (6); rounds > 0; rounds--)
        s_start_trouble (theirs, mine);
    walks_deliver (0, theirs, walks_chance (8));
    for (uint32_t rounds = 1 + walks_draw (4); rounds > 0; rounds--)
        s_start_trouble (theirs, mine);
    walks_deliver (1, mine, walks_chance (4));
    walks_deliver (1, walks_all_nodes (), walks_chance (4));
}
