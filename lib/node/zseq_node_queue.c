//  The two queues before the disk: sequences to write at the next flush, and
//  granted requests whose replies wait until their sequence is written.

#include "zseq_node_private.h"

#include <assert.h>
#include <stdlib.h>

void
zseq_node_mark_dirty (zseq_node_t *self, zseq_sequence_t *sequence)
{
    if (sequence->queued || sequence->writing)
        return;
    sequence->queued = true;
    sequence->dirty = NULL;
    zseq_sequence_t ***end_p = zseq_node_seq_fresh (sequence)
                                 ? &self->queue.fresh_end
                                 : &self->queue.dirty_end;
    **end_p = sequence;
    *end_p = &sequence->dirty;
}

bool
zseq_node_queue_dirty (const zseq_node_t *self)
{
    return self->queue.dirty || self->queue.fresh;
}

//  The count of a sender's requests for new names.
static uint32_t *
s_fresh_of (zseq_node_t *self, const zseq_sender_t *sender)
{
    return &self->queue
              .fresh_of[zseq_sender_hash (sender) % ZSEQ_FRESH_SENDERS];
}

//  A flood of new names must not keep other names, or other senders, waiting.
static bool
s_admits_fresh (zseq_node_t *self, const zseq_sender_t *sender)
{
    size_t max = self->queue.waiting_max - self->queue.waiting_max / 2;
    return self->queue.fresh_waiting < max &&
           *s_fresh_of (self, sender) < max - max / 2;
}

bool
zseq_node_queue_has_capacity (zseq_node_t *self,
                              const zseq_sequence_t *sequence,
                              const zseq_sender_t *sender)
{
    if ((!sequence || zseq_node_seq_fresh (sequence)) &&
        !s_admits_fresh (self, sender))
        return false;
    if (self->queue.waiting_free)
        return true;
    if (self->queue.waiting_count == self->queue.waiting_max)
        return false;

    size_t size = self->queue.waiting_size ? self->queue.waiting_size * 2 : 64;
    if (size > self->queue.waiting_max + 1)
        size = self->queue.waiting_max + 1;
    zseq_waiting_t *waiting =
      realloc (self->queue.waiting, size * sizeof *waiting);
    if (!waiting)
        return false;
    uint32_t begin = self->queue.waiting_size ? self->queue.waiting_size : 1;
    for (uint32_t slot = begin; slot < size; slot++)
        waiting[slot].following = slot + 1 < size ? slot + 1 : 0;
    self->queue.waiting = waiting;
    self->queue.waiting_size = (uint32_t) size;
    self->queue.waiting_free = begin < size ? begin : 0;
    return self->queue.waiting_free != 0;
}

void
zseq_node_queue_answer (zseq_node_t *self, const zseq_sender_t *sender,
                        const zseq_waiting_t *granted, int status)
{
    zseq_msg_t *reply =
      zseq_node_reply (self, granted->op, granted->request, status);
    reply->contended = zseq_node_contended (self, granted->name_hash);
    if (granted->op == ZSEQ_OP_READ)
        reply->read = (zseq_msg_read_t){
          .next = granted->next,
          .none_waits = zseq_coordinator_has_none (self->coordinator, sender)};
    else if (granted->op == ZSEQ_OP_RAISE)
        reply->raise.next = granted->next;
    else
        reply->claim =
          (zseq_msg_claim_t){.first = granted->first,
                             .count = granted->count,
                             .next = granted->next,
                             .last_count = zseq_node_contention_claimed (
                               self, granted->name_hash)};
    //  A claim is accepted when it is durable.
    if (granted->op == ZSEQ_OP_CLAIM && status == ZSEQ_OK) {
        self->stats.claims++;
        self->counters.ids += granted->count;
        zseq_node_contention_note_durable (self, sender, granted->name_hash,
                                           granted->count);
    }
    zseq_node_send (self, sender);
}

void
zseq_node_queue_wait (zseq_node_t *self, zseq_sequence_t *sequence,
                      const zseq_waiting_t *granted)
{
    uint32_t slot = self->queue.waiting_free;
    assert (slot);
    self->queue.waiting_free = self->queue.waiting[slot].following;
    self->queue.waiting_count++;
    self->queue.waiting[slot] = *granted;
    self->queue.waiting[slot].fresh = zseq_node_seq_fresh (sequence);
    if (self->queue.waiting[slot].fresh) {
        self->queue.fresh_waiting++;
        ++*s_fresh_of (self, &granted->sender);
    }
    if (sequence->waiting)
        self->queue.waiting[sequence->waiting_last].following = slot;
    else
        sequence->waiting = slot;
    sequence->waiting_last = slot;
    zseq_node_mark_dirty (self, sequence);
}

//  Answers the requests that wait for no more than durable_to. next only grows,
//  so these come first in the queue. A node that has ceased to vote drops them
//  without an answer.
void
zseq_node_release (zseq_node_t *self, zseq_sequence_t *sequence,
                   uint64_t durable_to, int status)
{
    while (sequence->waiting) {
        uint32_t slot = sequence->waiting;
        zseq_waiting_t *granted = &self->queue.waiting[slot];
        if (granted->next > durable_to)
            break;
        if (self->voting)
            zseq_node_queue_answer (self, &granted->sender, granted, status);
        if (granted->fresh) {
            self->queue.fresh_waiting--;
            --*s_fresh_of (self, &granted->sender);
        }
        sequence->waiting = granted->following;
        granted->following = self->queue.waiting_free;
        self->queue.waiting_free = slot;
        self->queue.waiting_count--;
    }
}
