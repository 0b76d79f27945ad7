//  Walks in which a new cluster forms. Some look for an ID that is handed out
//  twice, others check that the cluster forms at all.

#include "walks.h"

//  Makes all nodes new.
static void
s_form (void)
{
    for (uint8_t node = 0; node < walk.n; node++) {
        walks_instance_t *self = &walk.instance[node];
        self->formed = self->disk_votes = false;
        self->phase = FORMATTED;
        memset (&self->disk, 0, sizeof self->disk);
        self->disk.incarnation.of[node] = FIRST_INCARNATION;
        self->memory = self->disk;
        self->base = 0;
    }
    walk.start_count = 0;
}

//  Puts the directory of node back as it was formatted.
static void
s_put_formatted_back (uint8_t node, bool goes_on)
{
    walks_instance_t *now = &walk.instance[walk.current[node]];
    if (walk.instance_count == INSTANCES_MAX || !now->disk_votes)
        return;
    if (!goes_on) {
        walks_drop (now);
        now->running = false;
    }
    walk.current[node] = walk.instance_count++;
    walks_instance_t *self = &walk.instance[walk.current[node]];
    walks_format (self, node, false);
    self->disk.incarnation.of[node] = FIRST_INCARNATION;
    TRACE_OF (self, "is put back as it was formatted");
    walk.sum.put_back++;
    walks_restart (self);
}

//  Lets each node of a set start or form with the others of the set.
static void
s_introduce_all (uint32_t set)
{
    EACH_NODE (node, set)
    {
        walks_instance_t *self = &walk.instance[walk.current[node]];
        if (walks_chance (2))
            walks_recover (self, set & ~(1u << node), false);
        else if (!walks_chance (8))
            walks_introduce (self, set & ~(1u << node), false);
        walks_write (self);
    }
}

//  Causes one fault while the cluster forms.
static void
s_formation_trouble (uint32_t theirs, uint32_t mine, uint8_t node)
{
    walks_instance_t *now = &walk.instance[walk.current[node]];
    uint32_t peers = walks_side (theirs, mine) & ~(1u << node);
    switch (walks_draw (9)) {
    case 0:
    case 1:
        s_introduce_all (walks_side (theirs, mine));
        break;
    case 2:
        walks_recover (now, peers, false);
        break;
    case 3:
        s_put_formatted_back (node, walks_chance (3));
        walks_recover (&walk.instance[walk.current[node]], walks_all_nodes (),
                       false);
        walks_recover (&walk.instance[walk.current[node]], peers, false);
        break;
    case 4:
        walks_restart (now);
        walks_recover (now, peers, walks_chance (8));
        break;
    case 5:
        walks_restart (&walk.instance[walks_draw (walk.instance_count)]);
        break;
    case 6:
        walks_deliver (0, theirs, walks_chance (4));
        break;
    case 7:
        if (walks_chance (2))
            walks_trouble (theirs, mine);
        break;
    case 8:
        walks_recover_all (walks_side (theirs, mine));
        break;
    }
}

void
walks_walk_formation (uint32_t theirs, uint32_t mine)
{
    s_form ();
    walks_begin_claim (1, (uint8_t) (1 + walks_draw (3)));
    walks_begin_claim (1, (uint8_t) (1 + walks_draw (3)));
    uint8_t node = walks_one_of (theirs & mine);
    s_introduce_all (walks_all_nodes ());
    for (uint32_t rounds = 2 + walks_draw (6); rounds > 0; rounds--)
        s_formation_trouble (theirs, mine, node);
    walks_deliver (0, theirs, walks_chance (8));
    for (uint32_t rounds = 1 + walks_draw (4); rounds > 0; rounds--)
        s_formation_trouble (theirs, mine, node);
    walks_deliver (0, theirs, walks_chance (2));
    walks_deliver (1, mine, walks_chance (4));
    walks_deliver (1, walks_all_nodes (), walks_chance (4));
}

//  Returns whether all nodes of a set vote after some rounds of messages.
static bool
s_comes_up (uint32_t set)
{
    uint32_t voting = 0;
    for (unsigned rounds = 0; rounds < 8u && voting != set; rounds++)
        EACH_NODE (node, set)
        {
            walks_instance_t *self = &walk.instance[walk.current[node]];
            self->unreachable = (uint8_t) (walks_all_nodes () & ~set);
            for (uint8_t peer = 0; peer < walk.n; peer++)
                if (set >> peer & 1)
                    walks_learn (self, &walk.instance[walk.current[peer]]);
            walks_write (self);
            if (walks_votes (self))
                voting |= 1u << node;
        }
    return voting == set;
}

//  Starts some nodes, and kills some of these.
static void
s_stumble (void)
{
    for (uint32_t rounds = walks_draw (5); rounds > 0; rounds--) {
        if (walks_chance (2))
            s_introduce_all (
              walks_some_of (walks_all_nodes (), 1 + walks_draw (walk.n)));
        else
            walks_any_step ();
        while (walks_chance (2))
            walks_restart (&walk.instance[walks_draw (walk.n)]);
    }
}

void
walks_walk_up (void)
{
    s_form ();
    s_introduce_all (walks_all_nodes ());
    s_stumble ();
    if (!s_comes_up (walks_all_nodes ())) {
        walk.wrong = "all are up, and not all are formed";
        return;
    }
    s_stumble ();
    for (uint8_t node = 0; node < walk.n; node++)
        walks_restart (&walk.instance[node]);
    if (!s_comes_up (walks_some_of (walks_all_nodes (), walk.n / 2 + 1u)))
        walk.wrong = "after a power cut a majority does not start";
}
