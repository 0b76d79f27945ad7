//  Disasters: all processes end. The operator restores directories, or starts
//  nodes on empty ones, and recovers one node by force.

#include "walks.h"

//  Kills all processes.
static void
s_end_all (void)
{
    for (uint8_t slot = 0; slot < walk.instance_count; slot++) {
        walks_drop (&walk.instance[slot]);
        walk.instance[slot].running = false;
        walk.instance[slot].ended =
          walk.current[walk.instance[slot].node] != slot;
    }
    TRACE ("  all processes end\n");
}

//  Starts an instance of node on that directory, or on an empty one. It takes
//  the place of the current instance.
static walks_instance_t *
s_replace (uint8_t node, const walks_instance_t *directory)
{
    assert (walk.instance_count < INSTANCES_MAX);
    walk.instance[walk.current[node]].ended = true;
    walk.current[node] = walk.instance_count++;
    walks_instance_t *self = &walk.instance[walk.current[node]];
    if (directory)
        *self = *directory;
    else
        walks_format (self, node, false);
    self->running = false;
    TRACE_OF (self, directory ? "is restored" : "begins on an empty directory");
    return self;
}

//  Forgets, for the checker, which starts copies must learn of, because all
//  directories may be old now.
static void
s_forget_witnesses (void)
{
    memset (walk.noted, 0, sizeof walk.noted);
    memset (walk.counted, 0, sizeof walk.counted);
    memset (walk.newest_voter, 0, sizeof walk.newest_voter);
    memset (&walk.kept_noted, 0, sizeof walk.kept_noted);
    memset (&walk.kept_counted, 0, sizeof walk.kept_counted);
}

//  Recovers node by force. The operator may name nodes as gone.
static void
s_force (uint8_t node, uint32_t gone)
{
    walks_instance_t *self = &walk.instance[walk.current[node]];
    if (self->phase == COPYING && self->running)
        return;
    walks_drop (self);
    self->ended = false;
    walks_begin_process (self);
    self->phase = ASKING;
    self->forced = true;
    self->gone =
      (uint8_t) (walks_chance (2) ? gone
                                  : walks_some_of (gone, walks_draw (walk.n)));
    TRACE_OF (self, "is to recover by force, lost %02x", self->gone);
}

//  Returns the nodes of a set whose directories were lost and that have not
//  recovered since.
static uint32_t
s_still_empty (uint32_t set)
{
    uint32_t empty = 0;
    for (uint8_t node = 0; node < walk.n; node++)
        if ((set >> node & 1) && !walk.instance[walk.current[node]].formed)
            empty |= 1u << node;
    return empty;
}

//  Takes one step, mostly of a node of the set.
static void
s_disaster_step (uint32_t theirs, uint32_t mine, uint32_t set)
{
    uint8_t node = walks_one_of (set);
    walks_instance_t *now = &walk.instance[walk.current[node]];
    switch (walks_draw (6)) {
    case 0:
        if (walks_chance (2))
            walks_restart (now);
        walks_recover (now, walks_side (theirs, mine), walks_chance (8));
        break;
    case 1:
        walks_recover_all (walks_side (theirs, mine));
        break;
    case 2:
        walks_recover (now, walks_all_nodes (), false);
        break;
    case 3:
        walks_deliver (walks_chance (2), walks_side (theirs, mine),
                       walks_chance (8));
        break;
    case 4:
        walks_further_claim ();
        break;
    case 5:
        walks_any_step ();
        break;
    }
}

void
walks_walk_restore (uint32_t theirs, uint32_t mine)
{
    walks_instance_t kept[NODES_MAX];
    walks_begin_claim (1, (uint8_t) (1 + walks_draw (3)));
    walks_begin_claim (1, (uint8_t) (1 + walks_draw (3)));
    for (uint8_t node = 0; node < walk.n; node++)
        kept[node] = walk.instance[node];
    walks_deliver (0, walks_chance (8) ? mine : theirs, false);
    for (uint32_t rounds = walks_draw (3); rounds > 0; rounds--)
        walks_trouble (theirs, mine);
    for (uint8_t node = 0; node < walk.n; node++)
        if (walks_chance (4) && walk.instance[walk.current[node]].disk_votes)
            kept[node] = walk.instance[walk.current[node]];
    s_end_all ();
    s_forget_witnesses ();
    bool most = walks_chance (2);
    uint32_t restored =
      most ? walks_all_nodes () : walks_some_of (mine, walk.r);
    uint8_t first = walks_one_of (restored);
    if (walk.instance_count + walk.n > INSTANCES_MAX)
        return;
    for (uint8_t node = 0; node < walk.n; node++) {
        walks_instance_t *self =
          s_replace (node, restored >> node & 1 ? &kept[node] : NULL);
        self->ended = node == first;
        self->restored = most;
        walks_restart (self);
    }
    walk.copied = first;
    walk.kept = walk.instance[walk.current[first]];
    for (uint32_t rounds = walks_draw (4); rounds > 0; rounds--)
        s_disaster_step (theirs, mine, walks_all_nodes () & ~(1u << first));
    s_force (first, s_still_empty (walks_all_nodes ()));
    walks_recover (&walk.instance[walk.current[first]], walks_all_nodes (),
                   false);
    for (uint32_t rounds = 2 + walks_draw (8); rounds > 0; rounds--)
        s_disaster_step (theirs, mine, walks_all_nodes ());
    walks_deliver (1, mine, false);
    walks_deliver (1, walks_all_nodes (), false);
}

//  Puts back an old copy of a node that has recovered by force, while these
//  nodes are up.
static void
s_start_old_copy (uint32_t set)
{
    walks_put_back (false);
    for (uint8_t node = 0; node < walk.n; node++) {
        walks_instance_t *now = &walk.instance[walk.current[node]];
        if ((set >> node & 1) && (!now->running || walks_recovers (now)))
            walks_restart (now);
    }
    for (uint8_t node = 0; node < walk.n; node++)
        if (set >> node & 1)
            walks_recover (&walk.instance[walk.current[node]], set, false);
    walks_recover (&walk.instance[walk.current[walk.copied]], set, false);
}

void
walks_walk_force (uint32_t theirs, uint32_t mine)
{
    walks_begin_claim (1, (uint8_t) (1 + walks_draw (3)));
    walks_begin_claim (1, (uint8_t) (1 + walks_draw (3)));
    walk.floor_known = true;
    walk.copied = walks_one_of (theirs & mine);
    uint8_t node = walk.copied;
    walks_keep_copy ();
    walks_deliver (0, theirs, false);
    s_end_all ();
    uint32_t lost =
      walks_some_of (walks_side (theirs, mine), walks_draw (walk.n));
    for (uint8_t other = 0; other < walk.n; other++)
        if (lost >> other & 1)
            s_replace (other, NULL);
    s_forget_witnesses ();
    for (uint8_t other = 0; other < walk.n; other++)
        if (!walks_chance (4))
            walks_restart (&walk.instance[walk.current[other]]);
    //  One node is told to recover. Until it can, its disk says that it votes.
    walks_instance_t *target =
      &walk.instance[walk.current[walks_one_of (walks_all_nodes ())]];
    if (walks_chance (2) && target->phase == STARTING)
        walks_ask_anew (target);
    for (uint32_t rounds = 1 + walks_draw (3); rounds > 0; rounds--) {
        s_force (node, s_still_empty (lost & ~(1u << node)));
        walks_recover (&walk.instance[walk.current[node]], walks_all_nodes (),
                       false);
        if (walks_chance (2))
            s_disaster_step (theirs, mine, walks_all_nodes ());
        if (walks_chance (4) && s_still_empty (lost))
            node = walks_one_of (s_still_empty (lost));
    }
    for (uint32_t rounds = 1 + walks_draw (6); rounds > 0; rounds--) {
        if (walks_chance (3))
            walks_put_back (false);
        s_disaster_step (theirs, mine,
                         walks_chance (2) ? 1u << walk.copied
                                          : walks_all_nodes ());
    }
    if (walks_chance (2))
        s_start_old_copy (mine);
    walks_deliver (1, mine, false);
    walks_deliver (1, walks_all_nodes (), false);
}
