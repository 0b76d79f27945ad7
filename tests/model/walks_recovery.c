//  How a node recovers a lost disk. It asks voting peers which incarnations
//  they know, begins the next one, and copies from peers where that is in
//  force. By force it needs fewer peers, and goes on above a floor.

#include "walks.h"

//  Returns whether the recovery of self may count on what peer holds.
static bool
s_holds (const walks_instance_t *self, const walks_instance_t *peer)
{
    return walks_votes (peer) ||
           (self->forced && peer->running && peer->phase == STARTING &&
            walk.broken != FORCE_SKIPS_STARTING_PEERS);
}

void
walks_ask (walks_instance_t *self, const walks_instance_t *peer)
{
    if (self->node == peer->node || !self->running || self->phase != ASKING ||
        !peer->running || peer->elsewhere)
        return;
    bool empty =
      walks_recovers (peer) &&
      (!peer->disk_votes || walk.broken == FORCE_COUNTS_WHO_RECOVERS_IN_MEMORY);
    bool holds = s_holds (self, peer);
    walks_set_bit (&self->bound, peer->node, empty);
    walks_set_bit (&self->holding, peer->node, holds);
    if (walks_votes (peer) || peer->phase == STARTING)
        self->answered |= (uint8_t) (1u << peer->node);
    if (holds)
        walks_count_answer (self, peer);
    if (holds || (self->forced && empty))
        TRACE_OF (self, "asks %s, incarnation %s", walks_name_of (peer),
                  walks_number_text (walks_own_incarnation (peer)));
}

//  Returns whether a recovery by force binds enough peers. They know the new
//  incarnation, or have nothing left, so that the others cannot let an old copy
//  of self vote.
static bool
s_binds_enough (const walks_instance_t *self)
{
    uint32_t bound = self->bound | self->gone;
    for (uint8_t node = 0; node < walk.n; node++)
        if (self->peer_answers.of[node])
            bound |= 1u << node;
    int need = walks_first_need ();
    if (walk.broken == FORCE_BOUND_BY_TOO_FEW)
        need--;
    if (walk.broken == FORCE_SKIPS_STARTING_PEERS)
        bound |= self->answered;
    return __builtin_popcount (bound & walks_others_than (self)) >= need;
}

//  Returns whether enough peers have answered for self to begin an incarnation.
static bool
s_has_asked_enough (const walks_instance_t *self)
{
    if (!self->forced)
        return walks_answers (self) >= walk.r;
    return s_binds_enough (self) && (self->formed || self->answered);
}

//  Returns whether self has copied enough. By force it copies from every peer
//  that has answered and holds a vote.
static bool
s_has_copied_enough (const walks_instance_t *self)
{
    if (!self->forced)
        return walks_answers (self) >= walk.r;
    for (uint8_t node = 0; node < walk.n; node++)
        if ((self->holding >> node & 1) && !self->peer_answers.of[node])
            return false;
    return s_binds_enough (self);
}

void
walks_begin_incarnation (walks_instance_t *self)
{
    if (!self->running || self->phase != ASKING || !s_has_asked_enough (self) ||
        walk.incarnation_count == INCARNATIONS_MAX ||
        walks_counter (walks_own_incarnation (self)) > COUNTER_MAX)
        return;
    int counter = (walks_own_incarnation (self) >> COUNTER_SHIFT) + 1;
    if (self->forced)
        counter += FORCED_INCARNATIONS;
    int tag = (int) walks_draw (16) << 4 | walk.incarnation_count++;
    if (walk.broken == ONE_EPOCH)
        tag = 0;
    self->memory.incarnation.of[walks_entry_of (self->node)] =
      (int16_t) (counter << COUNTER_SHIFT | tag);
    self->memory.start.of[self->node] = 0;
    self->base = 0;
    self->formed = true;
    self->disk = self->memory;
    self->disk_votes = false;
    self->disk_started = true;
    self->phase = COPYING;
    memset (&self->peer_answers, 0, sizeof self->peer_answers);
    TRACE_OF (self, "begins this incarnation%s",
              self->forced ? ", by force" : "");
}

void
walks_copy (walks_instance_t *self, const walks_instance_t *peer)
{
    if (self->node == peer->node || !self->running || self->phase != COPYING ||
        !s_holds (self, peer) || peer->elsewhere)
        return;
    int16_t incarnation = walks_own_incarnation (self);
    int16_t known = walks_known (&peer->memory.incarnation, self->node);
    if (known > incarnation) {
        TRACE_OF (self, "hears from %s of a newer incarnation of its own",
                  walks_name_of (peer));
        walks_merge (&self->memory.incarnation, &peer->memory.incarnation);
        walks_ask_anew (self);
        return;
    }
    if (known != incarnation ||
        (walk.broken != FENCE_EARLY &&
         walks_known (&peer->disk.incarnation, self->node) != incarnation))
        return;
    walks_count_answer (self, peer);
    if (walk.broken != NOTES_LOST)
        walks_remember_all (self, &peer->memory);
    uint8_t next = walk.broken == COPY_DISK ? peer->disk_next : peer->next;
    if (self->next < next)
        self->next = next;
    TRACE_OF (self, "copies next %u from %s, incarnation %s", next,
              walks_name_of (peer),
              walks_number_text (walks_own_incarnation (peer)));
}

//  Returns the operator's floor: above all IDs that were asked for so far,
//  unless a node that has answered holds all of them.
static uint8_t
s_forced_floor (const walks_instance_t *self)
{
    uint8_t most = 1;
    for (uint8_t index = 0; index < walk.claim_count; index++) {
        uint8_t end =
          (uint8_t) (walk.claim[index].first + walk.claim[index].count);
        if (most < end)
            most = end;
    }
    uint8_t known = walks_least_next (self);
    for (uint8_t node = 0; node < walk.n; node++) {
        const walks_instance_t *peer = &walk.instance[walk.current[node]];
        if ((self->answered >> node & 1) && known < peer->disk_next)
            known = peer->disk_next;
    }
    return most <= known && walk.floor_known ? 1 : most;
}

//  Takes the highest floor of the peers; by force, that of the operator.
static void
s_finish_floor (walks_instance_t *self)
{
    for (uint8_t node = 0; node < walk.n; node++)
        if (self->peer_answers.of[node] && self->floor < self->peer_floor[node])
            self->floor = self->peer_floor[node];
    if (!self->forced)
        return;
    uint8_t floor = s_forced_floor (self);
    if (self->floor < floor)
        self->floor = floor;
    self->forced = false;
    walk.sum.forced++;
    TRACE_OF (self, "has recovered by force, floor %u", self->floor);
}

void
walks_finish_recovery (walks_instance_t *self)
{
    if (!self->running || self->phase != COPYING || !s_has_copied_enough (self))
        return;
    s_finish_floor (self);
    walks_persist (self);
    self->disk = self->memory;
    self->disk_floor = self->floor;
    self->disk_votes = true;
    self->stale = self->restored = false;
    self->phase = VOTING;
    memset (&self->peer_answers, 0, sizeof self->peer_answers);
    if (walk.newest_voter[self->node] < walks_own_incarnation (self))
        walk.newest_voter[self->node] = walks_own_incarnation (self);
    walk.sum.recovered++;
    TRACE_OF (self, "votes, next %u", self->next);
}
