//  How a node with a vote on its disk may vote again. It takes a start, peers
//  note the start on their disks, and peers that know a newer one object.

#include "walks.h"

void
walks_ask_anew (walks_instance_t *self)
{
    self->phase = ASKING;
    memset (&self->peer_answers, 0, sizeof self->peer_answers);
    walks_drop (self);
}

void
walks_count_answer (walks_instance_t *self, const walks_instance_t *peer)
{
    walks_merge (&self->memory.incarnation, &peer->memory.incarnation);
    self->peer_answers.of[peer->node] = walks_own_incarnation (peer);
    self->peer_floor[peer->node] = peer->floor;
}

uint8_t
walks_answers (const walks_instance_t *self)
{
    //  With one number for the cluster, peers that only report it count.
    bool checked = walk.broken != RECOVERY_UNCHECKED &&
                   !(walk.broken == ONE_EPOCH && self->phase != COPYING);
    uint8_t count = 0;
    for (uint8_t node = 0; node < walk.n; node++) {
        int16_t incarnation = self->peer_answers.of[node];
        //  A peer with a higher floor confirms nothing before self has it.
        bool low = walks_recovers (self) ||
                   walk.broken == FLOOR_NOT_TAKEN_AT_START ||
                   self->peer_floor[node] <= self->disk_floor;
        if (incarnation && low &&
            (!checked ||
             incarnation == walks_known (&self->memory.incarnation, node)))
            count++;
    }
    return count;
}

void
walks_take_start (walks_instance_t *self)
{
    int16_t *own = &self->memory.start.of[self->node];
    self->started = true;
    if (self->disk_started || walk.broken == START_PER_PROCESS) {
        int16_t serial = ++walk.start_count;
        walk.genuine[serial] = !self->stale && !self->elsewhere;
        *own = (int16_t) ((walks_counter (*own) + 1) << COUNTER_SHIFT | serial);
    }
    if (walk.broken == START_EARLY)
        return;
    self->disk_started = false;
    self->disk.start.of[self->node] = *own;
    TRACE_OF (self, "takes the start %s", walks_number_text (*own));
}

//  Returns whether peer knows a start of this incarnation of self that self
//  does not know: then self runs on an old copy of a directory.
static bool
s_objects_to (const walks_instance_t *self, const walks_instance_t *peer)
{
    int16_t start = peer->disk.start.of[self->node];
    if (walk.broken == STARTS_IGNORED || walk.broken == ONE_EPOCH ||
        (walk.broken == FORMATION_UNOBJECTED && !peer->formed) ||
        (walk.broken == FORMATION_BY_VOTERS && !self->formed &&
         !walks_votes (peer)))
        return false;
    return peer->disk.incarnation.of[self->node] ==
             walks_own_incarnation (self) &&
           walks_counter (start) > self->base &&
           start != walks_own_start (self);
}

//  Notes that peer has answered self, and whether it is a peer that has to warn
//  self, by the checker.
static void
s_note_heard (walks_instance_t *self, const walks_instance_t *peer)
{
    self->heard |= (uint8_t) (1u << peer->node);
    self->seen.of[peer->node] = peer->process;
    if (peer->formed && peer->disk_floor)
        self->met_floor = true;
    if (self->stale && walk.current[peer->node] == peer - walk.instance &&
        !peer->stale && (peer->phase == VOTING || peer->phase == STARTING) &&
        walks_own_incarnation (peer) >= walk.newest_voter[peer->node] &&
        (walks_has_witnessed (&walk.noted[peer->node], self) ||
         walks_has_witnessed (&walk.counted[peer->node], self)))
        self->warned = true;
}

//  Returns the start that self shows its peers.
static int16_t
s_shown_start (const walks_instance_t *self)
{
    return walk.broken == START_EARLY ? walks_own_start (self)
                                      : self->disk.start.of[self->node];
}

//  Takes a forced floor from any peer. self does not vote before the floor is
//  on its disk.
static void
s_take_floor (walks_instance_t *self, const walks_instance_t *peer)
{
    bool starts = self->phase == STARTING || self->phase == FORMATTED;
    if (!peer->formed || self->floor >= peer->disk_floor ||
        (starts && walk.broken == FLOOR_NOT_TAKEN_AT_START))
        return;
    self->floor = peer->disk_floor;
    TRACE_OF (self, "takes the floor %u of %s", self->floor,
              walks_name_of (peer));
    if (self->phase != VOTING)
        return;
    walks_drop (self);
    self->phase = STARTING;
}

//  Notes the answer of peer. Before self takes its first start, it believes
//  only what peers say about themselves.
static void
s_note (walks_instance_t *self, const walks_instance_t *peer)
{
    walks_memory_t shown = peer->disk;
    shown.start.of[peer->node] = s_shown_start (peer);
    if (peer->formed && (self->formed || self->started)) {
        walks_remember_all (self, &shown);
        return;
    }
    if (walk.broken == FORMATION_UNOBJECTED && !self->formed &&
        shown.start.of[peer->node])
        self->memory.start.of[peer->node] = 0;
    walks_remember (&self->memory, peer->node, shown.incarnation.of[peer->node],
                    shown.start.of[peer->node]);
}

bool
walks_noted_by (const walks_instance_t *self, const walks_instance_t *peer)
{
    const walks_memory_t *shown =
      walk.broken == NOTE_EARLY ? &peer->memory : &peer->disk;
    bool met = peer->seen.of[self->node] == self->process ||
               walk.broken == START_UNMET || walk.broken == STARTS_IGNORED;
    bool noted = shown->start.of[self->node] == walks_own_start (self) ||
                 walk.broken == START_UNNOTED || walk.broken == STARTS_IGNORED;
    return met && noted &&
           shown->incarnation.of[self->node] == walks_own_incarnation (self);
}

bool
walks_has_heard_all (const walks_instance_t *self)
{
    return walk.broken == WAITS_FOR_NOBODY ||
           ((self->heard | self->unreachable) & walks_others_than (self)) ==
             walks_others_than (self);
}

//  Lets self vote if enough peers have noted its start, and every peer that may
//  know a newer one has answered. We assume that an old copy reaches a peer
//  that knows.
static void
s_begin_to_vote (walks_instance_t *self)
{
    if (walks_answers (self) < walk.confirms || !walks_has_heard_all (self) ||
        (self->stale && !self->warned) || self->floor != self->disk_floor ||
        (self->restored && !self->met_floor && !self->disk_floor))
        return;
    //  The process may be killed between the two steps.
    if (!self->disk_started) {
        self->disk_started = true;
        TRACE_OF (self, "is about to vote");
        if (walks_chance (8))
            return;
    }
    self->phase = VOTING;
    for (uint8_t node = 0; node < walk.n; node++)
        if (self->peer_answers.of[node] &&
            self->peer_answers.of[node] == self->memory.incarnation.of[node])
            walks_witness (&walk.counted[node], self->node,
                           walks_own_incarnation (self),
                           walks_own_start (self));
    walk.sum.started++;
    TRACE_OF (self, "votes, next %u", self->next);
}

//  S4: counts the confirmation of peer, if peer is in its newest incarnation
//  that self has heard of.
static void
s_confirm (walks_instance_t *self, const walks_instance_t *peer)
{
    if (!walks_recovers (peer) && walks_noted_by (self, peer)) {
        self->peer_answers.of[peer->node] =
          walks_known (&peer->disk.incarnation, peer->node);
        self->peer_floor[peer->node] = peer->disk_floor;
        TRACE_OF (self, "is confirmed by %s", walks_name_of (peer));
    }
    s_begin_to_vote (self);
}

//  Lets self know that its incarnation has ended, or that its directory is old.
static void
s_supersede (walks_instance_t *self, const walks_instance_t *peer)
{
    TRACE_OF (self, "hears from %s that it is out of date",
              walks_name_of (peer));
    walks_ask_anew (self);
    if (self->superseded)
        self->running = false;
    self->superseded = true;
}

//  Notes the answer of a peer that is not formed to self, which is. If that
//  peer was formatted together with self it confirms a start, because it has
//  answered no recovery.
static void
s_learn_of_unformed (walks_instance_t *self, const walks_instance_t *peer)
{
    self->heard |= (uint8_t) (1u << peer->node);
    if (peer->phase != FORMATTED || !walks_complete (&peer->disk.incarnation) ||
        peer->disk.incarnation.of[peer->node] !=
          walks_known (&self->memory.incarnation, peer->node))
        return;
    s_note_heard (self, peer);
    s_note (self, peer);
    if (self->phase != STARTING ||
        !walks_is_unformed_with (&self->memory.incarnation, peer) ||
        !walks_are_first (&peer->disk.incarnation))
        return;
    if (s_objects_to (self, peer))
        s_supersede (self, peer);
    else
        s_confirm (self, peer);
}

void
walks_learn (walks_instance_t *self, const walks_instance_t *peer)
{
    if (self->node == peer->node || !peer->running || peer->elsewhere ||
        !self->running || self->phase == ASKING ||
        (self->phase == COPYING && !walks_votes (self)))
        return;
    if (self->formed && !peer->formed) {
        s_learn_of_unformed (self, peer);
        return;
    }
    if (walks_known (&peer->disk.incarnation, peer->node) <
        walks_known (&self->memory.incarnation, peer->node))
        return;
    s_note_heard (self, peer);
    bool ended =
      walk.broken != ONE_EPOCH &&
      peer->disk.incarnation.of[self->node] > walks_own_incarnation (self);
    if (ended || s_objects_to (self, peer)) {
        s_supersede (self, peer);
        return;
    }
    s_note (self, peer);
    s_take_floor (self, peer);
    if (self->phase == STARTING)
        s_confirm (self, peer);
    else if (self->phase == FORMATTED) {
        walks_note_formation (self, peer);
        walks_go_on_forming (self);
    }
}
