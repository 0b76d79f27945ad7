//  Dispatches requests and replies of peers, ticks and completed writes to the
//  files that handle them.

#include "zseq_node_private.h"

#include <assert.h>

#include "zseq_node_texts.h"

void
zseq_node_peers_request (zseq_node_t *self, const zseq_event_t *event)
{
    switch (event->msg->op) {
    case ZSEQ_OP_INTRODUCE:
        zseq_node_introduce_answer (self, event);
        break;
    case ZSEQ_OP_FENCE:
        zseq_node_fence_answer (self, event);
        break;
    case ZSEQ_OP_COPY:
        zseq_node_fence_copy (self, event);
        break;
    case ZSEQ_OP_KV_COPY:
        zseq_node_fence_copy_keys (self, event);
        break;
    default:
        assert (event->msg->op == ZSEQ_OP_KV_PROMISES);
        zseq_node_fence_promises (self, event);
    }
}

//  A recovery begins the next incarnation, or by force one that is a thousand
//  further. A reply that skips more than this beyond the newest known one is a
//  lie: whoever believed it might have no newer incarnation left to begin.
#define INCARNATIONS_SKIPPED_MAX ((uint64_t) 1 << 32)
//  The least time between two log lines on that.
#define DISBELIEVED_US 10000000

bool
zseq_node_peers_believes (zseq_node_t *self, const zseq_event_t *event)
{
    const zseq_vector_t *vector = &event->msg->vector;
    for (uint8_t node = 0; node < vector->n && node < self->record.members.n;
         node++) {
        uint64_t counter = vector->incarnation[node].counter;
        uint64_t known = self->record.vector.incarnation[node].counter;
        if (counter <= known || counter - known <= INCARNATIONS_SKIPPED_MAX)
            continue;
        uint8_t peer = event->sender.peer;
        if (self->now_us >= self->disbelieved_us)
            zseq_node_log (
              self, ZSEQ_LOG (PEER_DISBELIEVED), zseq_node_name (self, peer),
              self->record.members.member[peer].endpoint,
              zseq_node_name (self, node), (unsigned long long) counter);
        if (self->now_us >= self->disbelieved_us)
            self->disbelieved_us = self->now_us + DISBELIEVED_US;
        return false;
    }
    return true;
}

void
zseq_node_peers_reply (zseq_node_t *self, const zseq_event_t *event)
{
    const zseq_msg_t *msg = event->msg;
    uint8_t index = event->sender.peer;
    assert (index < self->record.members.n);
    if (!zseq_node_ask_answered (self, index, msg))
        return;
    if (self->recovering)
        zseq_node_recovery_reply (self, index, msg);
    //  Any other op is a late reply to a recovery that is over.
    else if (msg->op == ZSEQ_OP_INTRODUCE)
        zseq_node_introduce_reply (self, index, msg);
    else if (msg->op == ZSEQ_OP_KV_PROMISES)
        zseq_node_kv_hear_promises (self, index, msg);
}

//  Logs a peer that answers but has not reached this process at the member's
//  endpoint: such a peer cannot note this node's start.
static void
s_log_unreached (zseq_node_t *self)
{
    if ((!self->starting && !self->forming) ||
        self->now_us - self->begun_us < ASK_US_MAX ||
        self->now_us < self->unreached_us)
        return;
    for (uint8_t node = 0; node < self->record.members.n; node++) {
        const zseq_peer_t *peer = &self->peer[node];
        //  A recovering peer asks no node who it is.
        if (node == self->record.self || !peer->extended ||
            peer->seen == self->process || peer->state == ZSEQ_STATE_RECOVERING)
            continue;
        self->unreached_us = self->now_us + WAITING_US;
        zseq_node_log (self, ZSEQ_LOG (PEER_DOES_NOT_REACH),
                       zseq_node_name (self, node),
                       zseq_node_name (self, self->record.self),
                       self->record.members.member[self->record.self].endpoint);
    }
}

void
zseq_node_peers_tick (zseq_node_t *self)
{
    if (self->recovering) {
        zseq_node_recovery_maybe_proceed (self);
        zseq_node_recovery_request_all (self);
        zseq_node_recovery_log (self);
        return;
    }
    zseq_node_ask_all (self);
    zseq_node_start_maybe_vote (self);
    zseq_node_formation_maybe_vote (self);
    s_log_unreached (self);
    zseq_node_watch_tick (self);
}

void
zseq_node_peers_record_written (zseq_node_t *self)
{
    zseq_node_start_maybe_vote (self);
    zseq_node_formation_maybe_vote (self);
    zseq_node_recovery_record_written (self);
}

void
zseq_node_peers_flushed (zseq_node_t *self)
{
    if (self->recovering && !self->stopping)
        zseq_node_recovery_request_all (self);
}
