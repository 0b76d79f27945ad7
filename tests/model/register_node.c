//  A node as it votes: promises, acceptances, drops, and the journal that makes
//  them durable. A vote is in memory first, in the journal when the batch is
//  synced, and answered last.

#include "register.h"

void
register_note (register_replies_t *self, int node,
               const register_image_t *image, const register_vector_t *vector)
{
    //  S3: once per node. Messages come in any order, so any of its replies may
    //  be the one that is kept.
    if (register_has (self->from, node) && register_chance (2))
        return;
    self->from |= 1u << node;
    self->image[node] = *image;
    self->vector[node] = *vector;
}

uint32_t
register_counted (const register_replies_t *self, bool checks)
{
    uint32_t counted = self->from;
    if (!checks)
        return counted;
    for (int node = 0; node < walk.n; node++) {
        if (!register_has (self->from, node))
            continue;
        int own = self->vector[node].of[node];
        for (int peer = 0; peer < walk.n; peer++)
            if (register_has (self->from, peer) &&
                self->vector[peer].of[node] > own)
                counted &= ~(1u << node);
    }
    return counted;
}

void
register_form (int node)
{
    register_node_t *self = &walk.node[node];
    memset (self, 0, sizeof *self);
    for (int peer = 0; peer < walk.n; peer++)
        self->vector.of[peer] = FIRST_INCARNATION;
}

//  K3: what is not durable is shown to no one but a node that recovers.
const register_image_t *
register_shown_of (int node)
{
    return walk.broken == SHOWN_EARLY ? register_memory_of (node)
                                      : register_durable_of (node);
}

register_end_t
register_end_of (int node)
{
    const register_node_t *self = &walk.node[node];
    return (register_end_t){
      .incarnation = register_incarnation_of (node),
      .position = walk.broken == POSITION_EARLY ? self->end : self->synced};
}

void
register_hear (int node, int peer, register_end_t end)
{
    register_end_t *heard = &walk.node[node].heard[peer];
    if (node == peer || heard->incarnation > end.incarnation)
        return;
    if (heard->incarnation < end.incarnation &&
        walk.broken != POSITION_OUTLIVES)
        heard->position = 0;
    heard->incarnation = end.incarnation;
    if (heard->position < end.position)
        heard->position = end.position;
}

void
register_arrived (int node, register_end_t end)
{
    if (end.incarnation == register_incarnation_of (node) &&
        walk.shown[node] < end.position)
        walk.shown[node] = end.position;
}

register_image_t *
register_append (int node)
{
    register_node_t *self = &walk.node[node];
    //  A walk keeps some durable entries, too.
    if (self->end - self->synced >= JOURNAL_KEPT / 2)
        register_sync (node);
    const register_image_t *memory = register_memory_of (node);
    self->end++;
    *register_memory_of (node) = *memory;
    return register_memory_of (node);
}

//  Sends a reply, which may arrive now, later, or never.
static void
s_send (const register_reply_t *reply)
{
    if (walk.reply_count < REPLIES_MAX)
        walk.reply[walk.reply_count++] = *reply;
    if (!register_chance (6))
        register_deliver_reply (reply);
}

void
register_sync (int node)
{
    register_node_t *self = &walk.node[node];
    self->synced = self->end;
    memcpy (self->heard_disk, self->heard, sizeof self->heard_disk);
    int count = self->waiting_count;
    self->waiting_count = 0;
    for (int index = 0; index < count; index++)
        s_send (&self->waiting[index]);
}

void
register_promise (int index, int node)
{
    const register_request_t *request = &walk.ballot[index];
    if (!register_votes (node))
        return;
    register_hear (node, request->sender, request->end);
    if (request->ballot <= register_memory_of (node)->promise)
        return;
    register_append (node)->promise = request->ballot;
    TRACE ("node %d promises %s", node, register_ballot_text (request->ballot));
}

//  K3
static bool
s_may_accept (const register_image_t *memory, int proposal)
{
    if (proposal < memory->accepted)
        return false;
    return register_ballot_of (proposal) == memory->promise ||
           walk.broken == ACCEPT_BELOW_PROMISE;
}

//  Lets the reply to an acceptance wait for the disk.
static void
s_answer (int node, int proposal)
{
    register_node_t *self = &walk.node[node];
    register_reply_t reply = {
      .node = node,
      .proposal = proposal,
      .end = {register_incarnation_of (node), self->end},
      .vector = self->vector};
    if (walk.broken == ACCEPTED_EARLY) {
        reply.end.position = self->synced;
        s_send (&reply);
    }
    else if (self->waiting_count < WAITING_MAX)
        self->waiting[self->waiting_count++] = reply;
}

void
register_accept (int index, int node, bool refusal_is_lost)
{
    const register_request_t *request = &walk.accept[index];
    if (!register_votes (node))
        return;
    register_hear (node, request->sender, request->end);
    const register_image_t *memory = register_memory_of (node);
    if (!s_may_accept (memory, request->proposal)) {
        if (!refusal_is_lost)
            register_refuse (request->proposal, memory->promise);
        return;
    }
    if (request->proposal > memory->accepted || memory->copied) {
        register_image_t *entry = register_append (node);
        entry->accepted = request->proposal;
        entry->value = request->value;
        entry->copied = false;
        walk.node[node].chosen = false;
        TRACE ("node %d accepts %s, value %d", node,
               register_proposal_text (request->proposal), request->value);
    }
    s_answer (node, request->proposal);
}

//  K12: returns whether nothing can be accepted below the tombstone any more,
//  and the version floor is above its version.
static bool
s_may_drop (const register_image_t *memory)
{
    int ballot = register_ballot_of (memory->accepted);
    if (walk.broken == DROP_UNDER_ANY_PROMISE)
        return true;
    if (walk.broken == DROP_IN_SAME_ROUND)
        return memory->promise > ballot;
    return register_round_of (memory->promise) > register_round_of (ballot);
}

void
register_drop (int index, int node)
{
    const register_image_t *memory = register_memory_of (node);
    if (!register_votes (node) || memory->accepted != walk.drop[index] ||
        !s_may_drop (memory))
        return;
    register_image_t *entry = register_append (node);
    int version = walk.value[entry->value].version;
    if (walk.value[entry->collected].depth < walk.value[entry->value].depth)
        entry->collected = entry->value;
    entry->accepted = 0;
    entry->value = 0;
    entry->copied = false;
    if (walk.broken == DROPPED_LATER)
        entry = register_append (node);
    if (entry->dropped < version)
        entry->dropped = version;
    walk.node[node].chosen = false;
    walk.sum.dropped++;
    TRACE ("node %d drops %s", node, register_proposal_text (walk.drop[index]));
}

void
register_learn_chosen (int index, int node)
{
    const register_request_t *request = &walk.chosen[index];
    if (!register_votes (node))
        return;
    register_hear (node, request->sender, request->end);
    if (register_durable_of (node)->accepted == request->proposal &&
        register_memory_of (node)->accepted == request->proposal)
        walk.node[node].chosen = true;
}

//  Returns where the journal ends after a power cut. Some entries that were not
//  synced may have reached the disk.
static int
s_end_on_disk (const register_node_t *self, int lost)
{
    int end = self->synced;
    if (lost == 0)
        return end + register_draw (self->end - self->synced + 1);
    int oldest = self->end - JOURNAL_KEPT + 1;
    if (oldest < 0)
        oldest = 0;
    return end - lost < oldest ? oldest : end - lost;
}

//  Removes the replies of a node that have not arrived. (Where they may still
//  arrive, K17 does not cover them.)
static void
s_lose_replies (int node)
{
    if (walk.broken == TAIL_UNCOVERED)
        return;
    int left = 0;
    for (int index = 0; index < walk.reply_count; index++)
        if (walk.reply[index].node != node)
            walk.reply[left++] = walk.reply[index];
    walk.reply_count = left;
}

void
register_restart (int node, int lost)
{
    register_node_t *self = &walk.node[node];
    if (self->phase == ASKING)
        return;
    if (self->phase == COPYING) {
        TRACE ("node %d restarts, and recovers from the beginning", node);
        register_recover (node, true);
        return;
    }
    int end = s_end_on_disk (self, lost);
    if (lost && end == self->synced)
        return;
    if (lost) {
        self->cut = self->was_cut = true;
        walk.sum.cut++;
        s_lose_replies (node);
    }
    TRACE ("node %d restarts: its journal ended at %d, synced %d, and ends at "
           "%d",
           node, self->end, self->synced, end);
    self->end = end;
    register_start (node);
}
