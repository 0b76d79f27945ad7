//  The node's part in the key-value store: Paxos' acceptor. Answers the nodes
//  that propose (PROMISE, FETCH, ACCEPT, CHOSEN) and the clients that read
//  (READ, LIST, WATCH). Registers change at once in memory (zseq_registers);
//  replies leave when all that they show is durable (zseq_node_kv_queue).
//  Source: kv.md, K2 to K4, K7 and K15.

#include "zseq_node_private.h"

#include <assert.h>

//  Bytes at most of a reply's head, and of what it says of a key beside the
//  value and the dedup window; and of an entry of that.
#define HEAD_BYTES 512
#define ANSWER_BYTES 64
#define DEDUP_BYTES 18

bool
zseq_node_kv_admit (zseq_node_t *self, const zseq_event_t *event)
{
    if (!self->kv.registers) {
        zseq_node_refuse (self, event, ZSEQ_EPROTOCOL);
        return false;
    }
    if (event->msg->op == ZSEQ_OP_KV_CHOSEN)
        return self->voting && event->msg->cluster == self->record.identity;
    return zseq_node_admit (self, event);
}

//  K2. A ballot that is promised is answered when the promise is durable.
static void
s_promise (zseq_node_t *self, const zseq_event_t *event)
{
    zseq_registers_t *registers = self->kv.registers;
    const zseq_msg_kv_promise_t *msg = &event->msg->kv_promise;
    zseq_kv_reply_t *reply = zseq_node_kv_reply_new (self, event, ZSEQ_SHARDS);
    if (!reply)
        return;
    reply->shards = msg->shards;
    reply->count = 0;
    for (uint8_t shard = 0; shard < ZSEQ_SHARDS; shard++) {
        if (!(msg->shards >> shard & 1))
            continue;
        zseq_kv_answer_t *answer = &reply->answers[reply->count++];
        answer->status =
          zseq_registers_prepare (registers, shard, &msg->ballot);
        answer->promise = *zseq_registers_promise (registers, shard);
        //  The node was away while rounds rose, or somebody uses them up. The
        //  peers tell: they are asked at their endpoints.
        if (answer->status == ZSEQ_EINVAL)
            self->kv.ask = zseq_node_peer_set (self);
        if (answer->status != ZSEQ_OK)
            continue;
        self->counters.key_promises++;
        zseq_node_kv_reply_need (
          reply, zseq_registers_promise_position (registers, shard));
    }
    zseq_node_kv_answer (self, &reply);
}

void
zseq_node_kv_hear_promises (zseq_node_t *self, uint8_t peer,
                            const zseq_msg_t *msg)
{
    if (!self->kv.registers || msg->status != ZSEQ_OK || msg->node != peer ||
        msg->cluster != self->record.identity)
        return;
    for (uint8_t shard = 0; shard < ZSEQ_SHARDS; shard++)
        zseq_registers_note_peer (self->kv.registers, shard,
                                  &msg->kv_promises.promises[shard]);
}

//  K3. What is accepted is answered when it is durable.
static void
s_accept (zseq_node_t *self, const zseq_event_t *event)
{
    zseq_registers_t *registers = self->kv.registers;
    const zseq_msg_kv_accept_t *msg = &event->msg->kv_accept;
    int rc = zseq_node_kv_capacity (self);
    if (rc != ZSEQ_OK) {
        zseq_node_refuse (self, event, rc);
        return;
    }
    zseq_kv_reply_t *reply =
      zseq_node_kv_reply_new (self, event, msg->record_count);
    if (!reply)
        return;
    for (size_t index = 0; index < msg->record_count; index++) {
        const zseq_kv_record_t *record = &msg->records[index];
        zseq_kv_answer_t *answer = &reply->answers[index];
        rc = zseq_registers_accept (registers, record);
        answer->status = rc == ZSEQ_ENOMEM ? ZSEQ_EBUSY : rc;
        answer->promise =
          *zseq_registers_promise (registers, zseq_kv_shard (record->key));
        if (rc != ZSEQ_OK)
            continue;
        self->counters.key_accepts++;
        zseq_registers_view_t view;
        zseq_registers_find (registers, record->key, &view);
        zseq_node_kv_reply_need (reply, view.position);
    }
    zseq_node_kv_answer (self, &reply);
    zseq_node_kv_flush_large (self);
}

//  Shows a register in a reply; NULL: the key is absent, in a shard with that
//  promise, where such a version was dropped. The key is not repeated.
static void
s_show (zseq_kv_reply_t *reply, size_t index, zseq_register_t *shown,
        uint64_t dropped, const zseq_ballot_t *promise)
{
    zseq_kv_record_t *record = &reply->records[index];
    if (shown) {
        reply->shown[index] = zseq_register_own (shown);
        *record = shown->record;
    }
    else {
        zseq_kv_record_init (record, (zseq_slice_t){"", 0},
                             zseq_ballot_floor (promise));
        record->from = dropped;
        record->value = (zseq_slice_t){"", 0};
    }
    record->key = (zseq_slice_t){"", 0};
}

static void
s_refuse_key (zseq_kv_reply_t *reply, size_t index, int status,
              const zseq_ballot_t *promise)
{
    reply->answers[index].status = status;
    reply->answers[index].promise = *promise;
}

//  Whether a reply has room for one more answer with such a register; adds its
//  bytes.
static bool
s_fits (size_t *bytes, const zseq_register_t *shown)
{
    size_t size = ANSWER_BYTES;
    if (shown)
        size += shown->record.value.size +
                DEDUP_BYTES * (size_t) shown->record.dedup_count;
    *bytes += size;
    return *bytes <= ZSEQ_MESSAGE_MAX;
}

//  K4. Shows what was accepted, when that is durable, and only under the very
//  ballot that is promised, when that is durable.
static void
s_fetch (zseq_node_t *self, const zseq_event_t *event)
{
    zseq_registers_t *registers = self->kv.registers;
    const zseq_msg_kv_fetch_t *msg = &event->msg->kv_fetch;
    zseq_kv_reply_t *reply =
      zseq_node_kv_reply_new (self, event, msg->key_count);
    if (!reply)
        return;
    size_t bytes = HEAD_BYTES;
    for (size_t index = 0; index < msg->key_count; index++) {
        uint8_t shard = zseq_kv_shard (msg->keys[index]);
        const zseq_ballot_t *promise =
          zseq_registers_promise (registers, shard);
        zseq_registers_view_t view;
        zseq_registers_find (registers, msg->keys[index], &view);
        if (!s_fits (&bytes, view.accepted)) {
            reply->count = index;
            break;
        }
        if (zseq_ballot_compare (promise, &msg->ballot) != 0) {
            s_refuse_key (reply, index, ZSEQ_EBALLOT, promise);
            continue;
        }
        s_show (reply, index, view.accepted,
                zseq_registers_dropped (registers, shard), promise);
        zseq_node_kv_reply_need (reply, view.position);
        zseq_node_kv_reply_need (
          reply, zseq_registers_promise_position (registers, shard));
    }
    zseq_node_kv_answer (self, &reply);
}

//  K15. Whether one node's word is enough for a client that has seen that
//  version of the key.
static bool
s_suffices (const zseq_registers_view_t *view, uint64_t least)
{
    if (!view->durable)
        return least == 0;
    return view->chosen && view->durable->record.version >= least;
}

//  K7. Shows what is durable, at once. The reply has no from.
static void
s_read (zseq_node_t *self, const zseq_event_t *event)
{
    zseq_registers_t *registers = self->kv.registers;
    const zseq_msg_kv_read_t *msg = &event->msg->kv_read;
    zseq_kv_reply_t *reply =
      zseq_node_kv_reply_new (self, event, msg->key_count);
    if (!reply)
        return;
    size_t bytes = HEAD_BYTES;
    for (size_t index = 0; index < msg->key_count; index++) {
        const zseq_ballot_t *promise = zseq_registers_durable_promise (
          registers, zseq_kv_shard (msg->keys[index]));
        zseq_registers_view_t view;
        zseq_registers_find (registers, msg->keys[index], &view);
        if (!s_fits (&bytes, view.durable)) {
            reply->count = index;
            break;
        }
        self->counters.key_reads++;
        if (msg->stale && !s_suffices (&view, msg->least))
            s_refuse_key (reply, index, ZSEQ_EAGAIN, promise);
        else
            s_show (reply, index, view.durable, 0, promise);
    }
    zseq_node_kv_answer (self, &reply);
}

//  Whether a page has room for one more register; adds its bytes.
static bool
s_fits_page (size_t *bytes, const zseq_register_t *shown, bool values)
{
    *bytes += ANSWER_BYTES + shown->record.key.size +
              (values ? shown->record.value.size : 0);
    return *bytes <= ZSEQ_MESSAGE_MAX;
}

//  K7, as a READ of all keys that the page covers. A key that is not durable
//  yet is absent.
static void
s_list (zseq_node_t *self, const zseq_event_t *event)
{
    const zseq_msg_kv_list_t *msg = &event->msg->kv_list;
    zseq_registers_view_t views[ZSEQ_PAGE_MAX];
    size_t max =
      msg->count < ZSEQ_PAGE_MAX ? (size_t) msg->count : ZSEQ_PAGE_MAX;
    size_t found = zseq_registers_list (self->kv.registers, msg->prefix,
                                        msg->after, views, max);
    zseq_kv_reply_t *reply =
      zseq_node_kv_reply_new (self, event, found ? found : 1);
    if (!reply)
        return;
    self->counters.key_reads += found;
    reply->count = 0;
    size_t bytes = HEAD_BYTES;
    size_t index = 0;
    for (; index < found; index++) {
        zseq_register_t *durable = views[index].durable;
        if (durable && !s_fits_page (&bytes, durable, msg->values))
            break;
        reply->through = views[index].accepted->record.key;
        if (!durable)
            continue;
        zseq_kv_record_t *record = &reply->records[reply->count];
        reply->shown[reply->count++] = zseq_register_own (durable);
        *record = durable->record;
        if (!msg->values)
            record->value = (zseq_slice_t){"", 0};
    }
    if (index == found && found < max)
        reply->through = (zseq_slice_t){"", 0};
    zseq_node_kv_answer (self, &reply);
}

static void
s_chosen (zseq_node_t *self, const zseq_event_t *event)
{
    const zseq_msg_kv_chosen_t *msg = &event->msg->kv_chosen;
    for (size_t index = 0; index < msg->chosen_count; index++)
        zseq_registers_choose (self->kv.registers, msg->chosen[index].key,
                               &msg->chosen[index].proposal);
}

void
zseq_node_kv_request (zseq_node_t *self, const zseq_event_t *event)
{
    if (!zseq_node_kv_admit (self, event))
        return;
    if (event->msg->op != ZSEQ_OP_KV_READ)
        zseq_node_kv_hear (self, event->msg->node, &event->msg->end);
    switch (event->msg->op) {
    case ZSEQ_OP_KV_READ:
        s_read (self, event);
        break;
    case ZSEQ_OP_KV_LIST:
        s_list (self, event);
        break;
    case ZSEQ_OP_KV_WATCH:
        zseq_node_kv_watch (self, event);
        break;
    case ZSEQ_OP_KV_PROMISE:
        s_promise (self, event);
        break;
    case ZSEQ_OP_KV_FETCH:
        s_fetch (self, event);
        break;
    case ZSEQ_OP_KV_ACCEPT:
        s_accept (self, event);
        break;
    case ZSEQ_OP_KV_CHOSEN:
        s_chosen (self, event);
        break;
    default:
        assert (false);
    }
}
