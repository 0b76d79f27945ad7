//  How a node recovers (K13). It asks voting peers which incarnations they
//  know, begins the next one, asks FENCE, and copies from peers where the new
//  incarnation is in force.

#include "register.h"

void
register_recover (int node, bool wiped)
{
    register_node_t *self = &walk.node[node];
    register_node_t anew = {.phase = ASKING};
    if (!wiped) {
        anew.vector = self->vector;
        memcpy (anew.heard, self->heard, sizeof anew.heard);
        memcpy (anew.heard_disk, self->heard_disk, sizeof anew.heard_disk);
        anew.journal[0] = *register_memory_of (node);
    }
    if (walk.broken != RECOVERY_KEEPS_OWN)
        memset (&anew.journal[0], 0, sizeof anew.journal[0]);
    *self = anew;
    memset (&walk.recovery[node], 0, sizeof walk.recovery[node]);
}

void
register_lose (int node)
{
    if (!register_votes (node) || !walk.losses_left ||
        register_down () >= walk.n - walk.majority)
        return;
    walk.losses_left--;
    TRACE ("node %d loses its disk", node);
    register_recover (node, true);
}

static void
s_merge (register_vector_t *self, const register_vector_t *other)
{
    for (int node = 0; node < walk.n; node++)
        if (self->of[node] < other->of[node])
            self->of[node] = other->of[node];
}

void
register_ask (int node, int peer)
{
    register_node_t *self = &walk.node[node];
    register_recovery_t *recovery = &walk.recovery[node];
    if (node == peer || self->phase != ASKING || !register_votes (peer))
        return;
    recovery->asked |= 1u << peer;
    s_merge (&self->vector, &walk.node[peer].vector);
    if (register_size (recovery->asked) < walk.majority ||
        walk.fence_count == FENCES_MAX)
        return;
    int counter = (self->vector.of[node] >> COUNTER_SHIFT) + 1;
    recovery->incarnation =
      counter << COUNTER_SHIFT | register_draw (1 << COUNTER_SHIFT);
    self->phase = COPYING;
    walk.fence[walk.fence_count++] =
      (register_fence_t){node, recovery->incarnation};
    TRACE ("node %d begins incarnation %d", node, recovery->incarnation);
}

//  Lets node recover again, above an incarnation of its own that a peer knows.
static void
s_recover_above (int node, int incarnation)
{
    TRACE ("node %d hears of its incarnation %d", node, incarnation);
    register_recover (node, false);
    walk.node[node].vector.of[node] = incarnation;
}

//  Returns whether peer may answer node, which recovers.
static bool
s_may_answer (int node, int peer)
{
    return node != peer && walk.node[node].phase == COPYING &&
           register_votes (peer);
}

void
register_ask_fence (int node, int peer)
{
    register_recovery_t *recovery = &walk.recovery[node];
    if (!s_may_answer (node, peer))
        return;
    int *known = &walk.node[peer].vector.of[node];
    if (*known > recovery->incarnation) {
        s_recover_above (node, *known);
        return;
    }
    *known = recovery->incarnation;
    recovery->fenced |= 1u << peer;
    recovery->peer_incarnation[peer] = register_incarnation_of (peer);
    recovery->peer_promise[peer] = register_memory_of (peer)->promise;
    recovery->peer_dropped[peer] = register_memory_of (peer)->dropped;
    TRACE ("node %d says that incarnation %d of node %d is in force", peer,
           *known, node);
}

void
register_late_fence (int index, int peer)
{
    const register_fence_t *fence = &walk.fence[index];
    int *known = &walk.node[peer].vector.of[fence->node];
    if (fence->node != peer && register_votes (peer) &&
        *known < fence->incarnation)
        *known = fence->incarnation;
}

//  Takes over what a peer has shown.
static void
s_merge_image (register_image_t *self, const register_image_t *other)
{
    if (self->promise < other->promise && walk.broken != PROMISE_NOT_COPIED)
        self->promise = other->promise;
    if (self->accepted < other->accepted) {
        self->accepted = other->accepted;
        self->value = other->value;
    }
    if (self->dropped < other->dropped && walk.broken != DROPPED_NOT_COPIED)
        self->dropped = other->dropped;
    if (walk.value[self->collected].depth < walk.value[other->collected].depth)
        self->collected = other->collected;
}

//  Lets node vote with what the counted peers have shown. Its journal is empty.
static void
s_finish (int node, uint32_t counted)
{
    register_node_t *self = &walk.node[node];
    const register_recovery_t *recovery = &walk.recovery[node];
    register_image_t *image = &self->journal[0];
    for (int peer = 0; peer < walk.n; peer++) {
        if (register_has (recovery->pages.from, peer))
            s_merge (&self->vector, &recovery->pages.vector[peer]);
        if (register_has (counted, peer))
            s_merge_image (image, &recovery->pages.image[peer]);
    }
    if (self->vector.of[node] > recovery->incarnation) {
        s_recover_above (node, self->vector.of[node]);
        return;
    }
    self->vector.of[node] = recovery->incarnation;
    int ballot = register_ballot_of (image->accepted);
    if (image->promise < ballot)
        image->promise = ballot;
    image->copied = image->accepted && ballot != image->promise;
    memcpy (self->heard_disk, self->heard, sizeof self->heard_disk);
    self->phase = VOTING;
    walk.shown[node] = 0;
    walk.sum.recovered++;
    TRACE ("node %d votes in incarnation %d: promise %s, accepted %s, value "
           "%d%s, from peers %x",
           node, recovery->incarnation, register_ballot_text (image->promise),
           register_proposal_text (image->accepted), image->value,
           image->copied ? ", copied" : "", counted);
}

//  K13: pages show memory, durable or not.
static register_image_t
s_page_of (int node, int peer)
{
    register_image_t image = walk.broken == COPY_DURABLE
                               ? *register_durable_of (peer)
                               : *register_memory_of (peer);
    if (walk.broken == PROMISE_COPIED_EARLY)
        image.promise = walk.recovery[node].peer_promise[peer];
    if (walk.broken == DROPPED_COPIED_EARLY)
        image.dropped = walk.recovery[node].peer_dropped[peer];
    return image;
}

void
register_copy (int node, int peer)
{
    register_recovery_t *recovery = &walk.recovery[node];
    if (!s_may_answer (node, peer) || !register_has (recovery->fenced, peer))
        return;
    const register_node_t *other = &walk.node[peer];
    if (other->vector.of[node] > recovery->incarnation) {
        s_recover_above (node, other->vector.of[node]);
        return;
    }
    //  FENCE and pages are of one incarnation of the peer.
    if (other->vector.of[node] != recovery->incarnation ||
        register_incarnation_of (peer) != recovery->peer_incarnation[peer]) {
        recovery->fenced &= ~(1u << peer);
        return;
    }
    register_image_t page = s_page_of (node, peer);
    register_note (&recovery->pages, peer, &page, &other->vector);
    for (int third = 0; third < walk.n; third++)
        register_hear (node, third, other->heard[third]);
    uint32_t counted =
      register_counted (&recovery->pages, walk.broken != RECOVERY_UNCHECKED);
    if (register_size (counted) >= walk.majority)
        s_finish (node, counted);
}
