//  The steps of which walks are made. Most are steps of a set of nodes, and
//  most follow the protocol; some leave out a write or a message.

#include "walks.h"

//  Returns the instance that answers for a node, mostly the latest.
static walks_instance_t *
s_pick (uint8_t node)
{
    if (walk.instance_count > walk.n && walks_chance (4)) {
        walks_instance_t *any =
          &walk.instance[walks_draw (walk.instance_count)];
        if (any->node == node)
            return any;
    }
    return &walk.instance[walk.current[node]];
}

walks_instance_t *
walks_pick_old (uint8_t node)
{
    for (uint8_t slot = 0; slot < walk.instance_count; slot++)
        if (walk.instance[slot].node == node && walk.current[node] != slot &&
            walk.instance[slot].running)
            return &walk.instance[slot];
    return &walk.instance[walk.current[node]];
}

//  Returns the instance of node that takes a step.
static walks_instance_t *
s_choose (uint8_t node, bool old)
{
    return old ? walks_pick_old (node) : s_pick (node);
}

uint32_t
walks_some_of (uint32_t set, unsigned size)
{
    while ((unsigned) __builtin_popcount (set) > size) {
        uint32_t drop = walks_draw ((uint32_t) __builtin_popcount (set));
        uint32_t rest = set;
        while (drop--)
            rest &= rest - 1;
        set &= ~(rest & -rest);
    }
    return set;
}

uint8_t
walks_one_of (uint32_t set)
{
    return (uint8_t) __builtin_ctz (walks_some_of (set, 1));
}

uint32_t
walks_side (uint32_t theirs, uint32_t mine)
{
    switch (walks_draw (4)) {
    case 0:
        return theirs & mine;
    case 1:
        return theirs;
    case 2:
        return mine;
    default:
        return walks_all_nodes ();
    }
}

void
walks_deliver (uint8_t claim, uint32_t set, bool old)
{
    EACH_NODE (node, set)
    {
        walks_instance_t *self = s_choose ((uint8_t) node, old);
        walks_accept (self, claim);
        if (!walks_chance (16))
            walks_persist (self);
    }
}

//  Lets self ask these nodes which incarnations they know.
static void
s_ask_some (walks_instance_t *self, uint32_t set, bool old)
{
    if (self->phase != ASKING)
        return;
    EACH_NODE (node, set)
    walks_ask (self, s_choose ((uint8_t) node, old));
    walks_begin_incarnation (self);
}

void
walks_introduce (walks_instance_t *self, uint32_t set, bool old)
{
    if (!walks_chance (4))
        self->unreachable |= (uint8_t) (walks_all_nodes () & ~set);
    EACH_NODE (node, set)
    {
        walks_instance_t *peer = s_choose ((uint8_t) node, old);
        walks_learn (peer, self);
        if (!walks_chance (16))
            walks_write (peer);
        walks_learn (self, peer);
        if (walks_chance (4))
            walks_write (self);
    }
}

void
walks_recover (walks_instance_t *self, uint32_t set, bool old)
{
    if (self->phase == STARTING || self->phase == FORMATTED)
        walks_introduce (self, set, old);
    if (!self->running || self->phase == VOTING || self->phase == STARTING ||
        self->phase == FORMATTED)
        return;
    uint32_t asked = walks_chance (4) ? set : walks_all_nodes ();
    s_ask_some (self, asked, old);
    if (walks_chance (16))
        return;
    bool copies = !walks_chance (self->forced ? 32 : 8);
    EACH_NODE (node, set)
    {
        walks_instance_t *peer = s_choose ((uint8_t) node, old);
        walks_learn (peer, self);
        if (!walks_chance (16))
            walks_write (peer);
        if (copies)
            walks_copy (self, peer);
    }
    if (walks_chance (16))
        walks_persist (self);
    if (!walks_chance (16))
        walks_finish_recovery (self);
}

void
walks_recover_all (uint32_t set)
{
    bool old = walks_chance (8);
    for (uint8_t slot = 0; slot < walk.instance_count; slot++)
        walks_recover (&walk.instance[slot], set, old);
}

void
walks_any_step (void)
{
    walks_instance_t *self = &walk.instance[walks_draw (walk.instance_count)];
    walks_instance_t *peer = &walk.instance[walks_draw (walk.instance_count)];
    switch (walks_draw (9)) {
    case 0:
        walks_accept (self, (uint8_t) walks_draw (walk.claim_count));
        break;
    case 1:
        walks_persist (self);
        break;
    case 2:
        walks_learn (self, peer);
        break;
    case 3:
        walks_write (self);
        break;
    case 4:
        walks_ask (self, peer);
        break;
    case 5:
        walks_begin_incarnation (self);
        break;
    case 6:
        walks_copy (self, peer);
        break;
    case 7:
        walks_finish_recovery (self);
        break;
    case 8:
        if (walks_chance (4))
            walks_restart (self);
        break;
    }
}

void
walks_further_claim (void)
{
    uint8_t first =
      walks_least_next (&walk.instance[walks_draw (walk.instance_count)]);
    walks_begin_claim (first, (uint8_t) (1 + walks_draw (3)));
    walks_deliver ((uint8_t) (walk.claim_count - 1),
                   walks_some_of (walks_all_nodes (), walk.w), false);
}

walks_instance_t *
walks_one_recovering (void)
{
    uint8_t start = (uint8_t) walks_draw (walk.instance_count);
    for (uint8_t turn = 0; turn < walk.instance_count; turn++) {
        uint8_t slot = (uint8_t) ((start + turn) % walk.instance_count);
        if (walk.instance[slot].running && walk.instance[slot].phase != VOTING)
            return &walk.instance[slot];
    }
    return &walk.instance[start];
}
