//  Walks in which nodes lose their disks again and again while two clients want
//  the same IDs, and old incarnations go on answering.

#include "walks.h"

//  Cuts a recovery short, once or twice, after it has reached few peers.
static void
s_cut_short (walks_instance_t *self, uint32_t set)
{
    set = walks_some_of (set, 1 + walks_draw (2));
    walks_recover (self, set, false);
    if (walks_chance (2)) {
        walks_restart (self);
        walks_recover (self, set, false);
    }
}

//  Lets a node that recovers reach one peer, which then loses its disk too, and
//  forgets the node.
static void
s_lose_two (uint32_t theirs, uint32_t mine)
{
    uint8_t first = walks_one_of (walks_chance (2) ? mine : theirs & mine);
    uint8_t second = walks_one_of (theirs & ~(1u << first));
    walks_lose_disk (first, walks_chance (8));
    walks_recover (&walk.instance[walk.current[first]], 1u << second, false);
    if (walks_chance (2)) {
        walks_restart (&walk.instance[walk.current[first]]);
        walks_recover (&walk.instance[walk.current[first]], 1u << second,
                       false);
    }
    if (walks_chance (2))
        walks_deliver (0, 1u << second, false);
    walks_lose_disk (second, walks_chance (8));
    walks_recover (&walk.instance[walk.current[second]],
                   walks_all_nodes () & ~(1u << first), false);
}

//  Puts back a copy of a directory, perhaps when its node has lost its disk.
static void
s_bring_back (uint32_t peers)
{
    uint32_t others = peers & ~(1u << walk.copied);
    if (walks_chance (2)) {
        walks_lose_disk (walk.copied, walks_chance (3));
        walks_recover (&walk.instance[walk.current[walk.copied]],
                       walks_chance (2) ? walks_all_nodes () : others,
                       walks_chance (8));
    }
    walks_put_back (walks_chance (4));
    walks_recover (&walk.instance[walk.current[walk.copied]], others,
                   walks_chance (8));
}

//  Copies a directory or puts it back, and takes some steps of any instance.
static void
s_copies_and_steps (uint32_t theirs, uint32_t mine)
{
    if (walk.copied != NODES_MAX && walks_chance (4))
        walks_keep_copy ();
    if (walk.copied != NODES_MAX && walks_chance (2))
        s_bring_back (walks_side (theirs, mine));
    for (uint32_t steps = walks_draw (4); steps > 0; steps--)
        walks_any_step ();
}

//  Restarts an instance that recovers, which then asks these nodes.
static void
s_restart_one (uint32_t set)
{
    walks_instance_t *self = walks_one_recovering ();
    walks_restart (self);
    walks_recover (self, set, walks_chance (8));
}

//  Restarts any instance, which then asks all nodes, or sometimes only these.
static void
s_restart_any (uint32_t set)
{
    walks_instance_t *self = &walk.instance[walks_draw (walk.instance_count)];
    walks_restart (self);
    walks_recover (self, walks_chance (8) ? set : walks_all_nodes (),
                   walks_chance (8));
}

void
walks_trouble (uint32_t theirs, uint32_t mine)
{
    uint32_t from =
      walks_chance (2) ? theirs & mine : walks_side (theirs, mine);
    uint8_t node = walks_one_of (from);
    uint32_t peers = walks_side (theirs, mine);
    uint32_t others = peers & ~(1u << node);
    if (!walks_chance (3))
        others = walks_some_of (others, 1 + walks_draw (walk.n));
    switch (walks_draw (12)) {
    case 0:
    case 1:
    case 2:
    case 3:
        walks_lose_disk (node, walks_chance (3));
        walks_recover (&walk.instance[walk.current[node]], others,
                       walks_chance (4));
        break;
    case 4:
        walks_recover (walks_one_recovering (), peers, walks_chance (4));
        break;
    case 5:
        s_restart_one (others);
        break;
    case 6:
        s_restart_any (others);
        break;
    case 7:
    case 8:
        walks_deliver (
          0,
          walks_chance (4) ? theirs : walks_some_of (from, 1 + walks_draw (2)),
          walks_chance (8));
        break;
    case 9:
        walks_further_claim ();
        break;
    case 10:
        walks_lose_disk (node, walks_chance (3));
        s_cut_short (&walk.instance[walk.current[node]], peers & ~(1u << node));
        break;
    case 11:
        if (walk.n > 2)
            s_lose_two (theirs, mine);
        break;
    }
    s_copies_and_steps (theirs, mine);
}

void
walks_walk_disks (uint32_t theirs, uint32_t mine)
{
    walks_begin_claim (1, (uint8_t) (1 + walks_draw (3)));
    walks_begin_claim (1, (uint8_t) (1 + walks_draw (3)));
    if (walks_has_old_incarnations () && walks_chance (3)) {
        walk.copied = walks_one_of (theirs & mine);
        walks_keep_copy ();
        walks_deliver (1, walks_some_of (mine & ~theirs, walks_draw (walk.n)),
                       false);
    }
    if (walks_chance (2))
        walks_deliver (0, walks_chance (2) ? theirs : theirs & mine, false);
    for (uint32_t rounds = 1 + walks_draw (6); rounds > 0; rounds--)
        walks_trouble (theirs, mine);
    if (!walks_chance (4))
        walks_recover_all (walks_side (theirs, mine));
    walks_deliver (0, walks_chance (2) ? theirs : theirs & ~mine,
                   walks_chance (8));
    for (uint32_t rounds = walks_draw (3); rounds > 0; rounds--)
        walks_trouble (theirs, mine);
    walks_recover_all (walks_side (theirs, mine));
    walks_deliver (1, mine, walks_chance (4));
    walks_deliver (1, walks_all_nodes (), false);
}
