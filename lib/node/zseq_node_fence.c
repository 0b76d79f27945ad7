//  Answers FENCE, COPY, KV_COPY and KV_PROMISES: a recovering peer first asks
//  this node to put its new incarnation in force, then copies this node's
//  sequences, its registers, and its promises.

#include "zseq_node_private.h"

#include <stdlib.h>
#include <string.h>

//  Bytes at most of a reply's head, and of a record beside its key, its value
//  and its dedup window; and of an entry of that.
#define HEAD_BYTES 512
#define RECORD_BYTES 64
#define DEDUP_BYTES 18

//  Whether the request of a recovering peer is admitted: its new incarnation is
//  in force here and on disk. Anybody could claim an incarnation, so this node
//  does not believe the request; it asks at the peer's endpoint.
static bool
s_admit_fenced (zseq_node_t *self, const zseq_event_t *event)
{
    const zseq_msg_t *msg = event->msg;
    const zseq_msg_recovery_t *recovery = zseq_msg_recovery (msg);
    //  A recovery by force also copies from a node that does not vote yet.
    if (self->starting && recovery->forced && !self->stopping) {
        if (msg->cluster != self->record.identity) {
            zseq_node_refuse (self, event, ZSEQ_ECLUSTER);
            return false;
        }
    }
    else if (!zseq_node_admit (self, event))
        return false;
    if (msg->node >= self->record.members.n || msg->node == self->record.self) {
        zseq_node_refuse (self, event, ZSEQ_EMEMBERS);
        return false;
    }
    zseq_peer_t *peer = &self->peer[msg->node];
    int order = zseq_incarnation_compare (
      &recovery->incarnation, &self->record.vector.incarnation[msg->node]);
    bool claimed =
      !zseq_incarnation_compare (&recovery->incarnation, &peer->claimed);
    if (order > 0 && !claimed) {
        peer->claimed = recovery->incarnation;
        peer->checking = false;
        peer->disproved = false;
    }
    if (order > 0)
        zseq_node_ask_soon (self, msg->node);
    bool durable = !zseq_incarnation_compare (
      &recovery->incarnation, &self->durable.vector.incarnation[msg->node]);
    if (order == 0 && durable)
        return true;
    bool refused =
      order < 0 || (claimed && peer->disproved) || msg->op != ZSEQ_OP_FENCE;
    zseq_node_refuse (self, event, refused ? ZSEQ_ESUPERSEDED : ZSEQ_EAGAIN);
    return false;
}

void
zseq_node_fence_answer (zseq_node_t *self, const zseq_event_t *event)
{
    if (!s_admit_fenced (self, event))
        return;
    zseq_msg_t *reply =
      zseq_node_reply (self, ZSEQ_OP_FENCE, event->msg->request, ZSEQ_OK);
    reply->version = event->msg->version;
    reply->extended = true;
    reply->fence.floor = self->record.floor;
    reply->fence.floor_reserved = self->record.floor_reserved;
    reply->fence.sequences = zseq_table_count (self->table);
    zseq_node_send (self, &event->sender);
}

void
zseq_node_fence_copy (zseq_node_t *self, const zseq_event_t *event)
{
    if (s_admit_fenced (self, event))
        zseq_node_answer_page (self, event, (zseq_slice_t){"", 0},
                               ZSEQ_PAGE_MAX);
}

//  Whether a request for the registers of this node is admitted.
static bool
s_admit_keys (zseq_node_t *self, const zseq_event_t *event)
{
    if (self->kv.registers)
        return s_admit_fenced (self, event);
    zseq_node_refuse (self, event, ZSEQ_EPROTOCOL);
    return false;
}

static size_t
s_record_bytes (const zseq_kv_record_t *record)
{
    return RECORD_BYTES + record->key.size + record->value.size +
           DEDUP_BYTES * (size_t) record->dedup_count;
}

//  Fills a page with the records that have room: one at least, if there is any.
static void
s_fill_page (const zseq_node_t *self, const zseq_msg_kv_copy_t *asked,
             zseq_kv_record_t *records, zseq_msg_kv_copy_t *page)
{
    zseq_registers_view_t views[ZSEQ_PAGE_MAX + 1];
    size_t count = zseq_registers_page (self->kv.registers, asked->shard,
                                        asked->after, views, ZSEQ_PAGE_MAX + 1);
    size_t bytes = HEAD_BYTES;
    size_t fits = 0;
    for (; fits < count && fits < ZSEQ_PAGE_MAX; fits++) {
        const zseq_kv_record_t *record = &views[fits].accepted->record;
        bytes += s_record_bytes (record);
        if (bytes > ZSEQ_MESSAGE_MAX)
            break;
        records[fits] = *record;
    }
    *page =
      (zseq_msg_kv_copy_t){.process = self->process,
                           .keys = zseq_registers_count (self->kv.registers),
                           .records = records,
                           .record_count = fits,
                           .more = fits < count};
}

//  K13: shows what is in memory, durable or not.
void
zseq_node_fence_copy_keys (zseq_node_t *self, const zseq_event_t *event)
{
    const zseq_msg_t *msg = event->msg;
    if (!s_admit_keys (self, event))
        return;
    zseq_kv_record_t *records = calloc (ZSEQ_PAGE_MAX, sizeof *records);
    if (!records) {
        zseq_node_refuse (self, event, ZSEQ_EBUSY);
        return;
    }
    zseq_msg_t *reply =
      zseq_node_reply (self, ZSEQ_OP_KV_COPY, msg->request, ZSEQ_OK);
    s_fill_page (self, &msg->kv_copy, records, &reply->kv_copy);
    zseq_node_send (self, &event->sender);
    free (records);
}

void
zseq_node_fence_promises (zseq_node_t *self, const zseq_event_t *event)
{
    zseq_ballot_t promises[ZSEQ_SHARDS];
    if (!s_admit_keys (self, event))
        return;
    for (uint8_t shard = 0; shard < ZSEQ_SHARDS; shard++)
        promises[shard] = *zseq_registers_promise (self->kv.registers, shard);
    zseq_msg_t *reply =
      zseq_node_reply (self, ZSEQ_OP_KV_PROMISES, event->msg->request, ZSEQ_OK);
    reply->kv_promises.process = self->process;
    reply->kv_promises.promises = promises;
    memcpy (reply->kv_promises.heard, self->kv.heard, sizeof self->kv.heard);
    zseq_node_send (self, &event->sender);
}
