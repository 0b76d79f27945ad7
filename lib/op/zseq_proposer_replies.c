#include "zseq_proposer_private.h"

#include <assert.h>

static void
s_take_promises (zseq_proposer_t *self, const zseq_msg_t *msg)
{
    size_t answer = 0;
    for (uint8_t shard = 0; shard < ZSEQ_SHARDS; shard++) {
        if (!(msg->kv_promise.shards >> shard & 1))
            continue;
        if (answer == msg->kv_promise.answer_count)
            return;
        zseq_proposer_ballot_learn (self, shard, msg->node,
                                    &msg->kv_promise.answers[answer++].promise);
    }
}

//  Whether a message is still under way for a key.
static bool
s_waits (const zseq_proposer_message_t *message, size_t item)
{
    const zseq_proposer_key_t *key = message->item[item].key;
    return key->message == message && key->item == item;
}

//  Learns only the newer incarnations that a reply shows.
static void
s_learn (zseq_proposer_t *self, const zseq_proposer_message_t *message,
         const zseq_msg_t *msg)
{
    if (msg->vector.n != self->quorum.n)
        return;
    for (size_t item = 0; item < message->item_count; item++)
        if (s_waits (message, item))
            zseq_tally_learn (&message->item[item].key->tally, &msg->vector);
}

//  Keeps what a node shows of a key. False: no memory.
static bool
s_show (zseq_proposer_key_t *key, uint8_t node, const zseq_kv_record_t *record)
{
    zseq_shown_t *shown = &key->shown[node];
    zseq_register_t *held = NULL;

    if (record->proposal.seq != 0) {
        //  A message does not repeat the key.
        zseq_kv_record_t whole = *record;
        whole.key = key->key;
        held = zseq_register_new (&whole);
        if (!held)
            return false;
    }
    zseq_register_release (&shown->held);
    shown->held = held;
    shown->copied = record->copied;
    shown->from = record->from;
    return true;
}

//  A node has granted what the message asks for the key.
static void
s_grant (zseq_proposer_t *self, zseq_proposer_key_t *key, const zseq_msg_t *msg,
         const zseq_kv_record_t *record)
{
    if (!zseq_tally_add (&key->tally, msg))
        return;
    if (record && !s_show (key, msg->node, record)) {
        zseq_proposer_key_release (self, key);
        return;
    }
    if (!zseq_quorum_reached (&self->quorum, ZSEQ_QUORUM_WRITE,
                              zseq_tally_nodes (&key->tally, ZSEQ_OK)))
        return;
    if (record)
        zseq_proposer_decide_shown (self, key);
    else
        zseq_proposer_decide_chosen (self, key);
}

//  A node refuses the key's proposal, and would refuse it again. The others may
//  still be enough.
static void
s_refuse (zseq_proposer_t *self, zseq_proposer_key_t *key, uint8_t node,
          int status)
{
    zseq_node_set_add (&key->full, node);
    if (!zseq_quorum_reached (&self->quorum, ZSEQ_QUORUM_WRITE,
                              zseq_node_set_first (self->quorum.n) &
                                ~key->full))
        zseq_proposer_decide_refused (self, key, status);
}

//  A node's disk does not take an ACCEPT.
static void
s_refuse_all (zseq_proposer_t *self, zseq_proposer_message_t *message,
              uint8_t node)
{
    for (size_t item = 0; item < message->item_count; item++)
        if (s_waits (message, item))
            s_refuse (self, message->item[item].key, node, ZSEQ_ENOSPACE);
}

//  A round trip is measured with messages that were sent once.
static void
s_measure (zseq_proposer_t *self, const zseq_proposer_message_t *message)
{
    if (self->now_us >= message->again_us || self->now_us < message->sent_us)
        return;
    uint64_t rtt_us = self->now_us - message->sent_us;
    self->rtt_us = (7 * self->rtt_us + rtt_us) / 8;
}

//  Takes in the answers for each key. Returns whether the node has granted all.
static bool
s_take_answers (zseq_proposer_t *self, zseq_proposer_message_t *message,
                const zseq_msg_t *msg, const zseq_kv_answer_t *answers,
                const zseq_kv_record_t *records, size_t count)
{
    bool all = true;
    for (size_t item = 0; item < count; item++) {
        zseq_proposer_key_t *key = message->item[item].key;
        bool waits = s_waits (message, item);
        if (answers[item].status == ZSEQ_OK) {
            if (waits)
                s_grant (self, key, msg, records ? &records[item] : NULL);
            continue;
        }
        all = false;
        if (waits)
            zseq_tally_learn (&key->tally, &msg->vector);
        if (answers[item].status == ZSEQ_EBALLOT)
            zseq_proposer_ballot_learn (self, key->shard, msg->node,
                                        &answers[item].promise);
        else if (answers[item].status == ZSEQ_EFULL && waits)
            s_refuse (self, key, msg->node, ZSEQ_EFULL);
    }
    return all;
}

//  What had no room in a reply to a FETCH is asked for again, apart.
static void
s_split (zseq_proposer_t *self, zseq_proposer_message_t *message, size_t count)
{
    for (size_t item = count; item < message->item_count; item++)
        if (s_waits (message, item))
            zseq_proposer_key_release (self, message->item[item].key);
}

void
zseq_proposer_reply (zseq_proposer_t *self, const zseq_msg_t *msg,
                     uint64_t now_us)
{
    assert (self);
    assert (msg);
    assert (msg->reply);

    self->now_us = now_us;
    if (msg->node >= self->quorum.n)
        return;
    if (msg->op == ZSEQ_OP_KV_PROMISE) {
        if (msg->status == ZSEQ_OK)
            s_take_promises (self, msg);
        return;
    }
    zseq_proposer_message_t *message =
      zseq_proposer_message_find (self, msg->request);
    if (!message || message->op != msg->op)
        return;
    if (msg->status != ZSEQ_OK || msg->vector.n != self->quorum.n) {
        s_learn (self, message, msg);
        if (msg->status == ZSEQ_ENOSPACE && msg->op == ZSEQ_OP_KV_ACCEPT)
            s_refuse_all (self, message, msg->node);
        return;
    }
    bool fetch = msg->op == ZSEQ_OP_KV_FETCH;
    size_t count =
      fetch ? msg->kv_fetch.answer_count : msg->kv_accept.answer_count;
    if (count > message->item_count || count == 0)
        return;
    s_measure (self, message);
    if (s_take_answers (self, message, msg,
                        fetch ? msg->kv_fetch.answers : msg->kv_accept.answers,
                        fetch ? msg->kv_fetch.records : NULL, count))
        zseq_node_set_add (&message->answered, msg->node);
    else if (message->waiting > 0)
        zseq_proposer_message_hasten (self, message, msg->node);
    if (fetch)
        s_split (self, message, count);
}
