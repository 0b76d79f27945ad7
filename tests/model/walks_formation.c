//  How a new cluster forms: every node knows all incarnations and has taken a
//  start, and enough peers have noted that start.

#include "walks.h"

bool
walks_complete (const walks_vector_t *incarnation)
{
    for (uint8_t node = 0; node < walk.n; node++)
        if (!incarnation->of[node])
            return false;
    return true;
}

bool
walks_are_first (const walks_vector_t *incarnation)
{
    for (uint8_t node = 0; node < walk.n; node++)
        if (walks_counter (incarnation->of[node]) != 1)
            return false;
    return true;
}

bool
walks_is_unformed_with (const walks_vector_t *incarnation,
                        const walks_instance_t *peer)
{
    return !peer->formed && peer->phase == FORMATTED &&
           !memcmp (incarnation, &peer->disk.incarnation, sizeof *incarnation);
}

//  Returns whether a peer that is formed lets self in.
static bool
s_lets_in (const walks_instance_t *self, const walks_instance_t *peer)
{
    bool serves = walk.broken == FORMATION_BY_VOTERS ? walks_votes (peer)
                                                     : !walks_recovers (peer);
    return peer->formed && serves && walks_complete (&peer->disk.incarnation) &&
           peer->disk.incarnation.of[self->node] ==
             walks_own_incarnation (self);
}

void
walks_note_formation (walks_instance_t *self, const walks_instance_t *peer)
{
    walks_set_bit (&self->together, peer->node,
                   walks_is_unformed_with (&self->disk.incarnation, peer));
    walks_set_bit (&self->formed_peers, peer->node, peer->formed);
    walks_set_bit (&self->identified, peer->node, s_lets_in (self, peer));
    self->peer_floor[peer->node] = peer->disk_floor;
    if (self->started && !walks_recovers (peer) && walks_noted_by (self, peer))
        self->peer_answers.of[peer->node] =
          walks_known (&peer->disk.incarnation, peer->node);
}

//  Returns how many peers have to note the start before a node forms.
static uint8_t
s_notes_to_form (void)
{
    switch (walk.broken) {
    case FORMATION_UNNOTED:
    case FORMATION_BY_VOTERS:
        return 0;
    case FORMATION_NOTED_BY_FEW:
        return walk.r - 1;
    default:
        return walks_first_need ();
    }
}

//  Returns whether self may take its first start.
static bool
s_may_form (const walks_instance_t *self)
{
    if (!walks_complete (&self->disk.incarnation))
        return false;
    if (!self->formed_peers)
        return self->together == walks_others_than (self) &&
               walks_are_first (&self->disk.incarnation);
    int formed = __builtin_popcount (self->identified);
    bool all =
      (self->together | self->identified) == walks_others_than (self) &&
      walk.broken != FORMATION_TOGETHER;
    return (formed >= walk.r - 1 || all) && formed > 0 &&
           walks_has_heard_all (self);
}

void
walks_go_on_forming (walks_instance_t *self)
{
    if (!self->started) {
        if (!s_may_form (self))
            return;
        walks_take_start (self);
    }
    if (walks_answers (self) < s_notes_to_form ())
        return;
    self->formed = true;
    self->disk_votes = true;
    self->disk_started = true;
    self->disk = self->memory;
    self->disk_floor = self->floor;
    self->phase = VOTING;
    walk.sum.formed++;
    TRACE_OF (self, "is formed");
}
