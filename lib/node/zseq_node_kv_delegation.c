//  Connects a node with its coordinator of keys, which writes and settles on
//  behalf of clients. The static functions are the coordinator's hooks.

#include "zseq_node_private.h"

#include <assert.h>
#include <string.h>

//  Bytes of values that may wait at once.
#define BYTES_MAX (64u << 20)
//  A request is passed on only to a peer that was heard since then: peers that
//  are up answer an INTRODUCE every second.
#define HEARD_US_MAX 1500000

void
zseq_node_kv_delegation_write (zseq_node_t *self, const zseq_event_t *event)
{
    if (!zseq_node_kv_admit (self, event))
        return;
    const zseq_ballot_t *promise = zseq_registers_promise (
      self->kv.registers, zseq_kv_shard (event->msg->name));
    if (zseq_kv_coordinator_write (self->kv.coordinator, &event->sender,
                                   event->msg, promise,
                                   self->now_us) != ZSEQ_OK)
        zseq_node_refuse (self, event, ZSEQ_EBUSY);
}

void
zseq_node_kv_delegation_reply (zseq_node_t *self, const zseq_event_t *event)
{
    const zseq_msg_t *msg = event->msg;
    if (!self->kv.coordinator || msg->node != event->sender.peer ||
        msg->cluster != self->record.identity)
        return;
    zseq_node_kv_hear_reply (self, msg);
    zseq_kv_coordinator_reply (self->kv.coordinator, msg, self->now_us);
}

static uint64_t
s_draw (void *arg)
{
    zseq_node_t *self = arg;
    if (++self->next_request == 0)
        self->next_request = 1;
    return self->next_request;
}

//  The node's own acceptor takes the same path as that of any other node: it
//  counts when it is durable.
static bool
s_ask (void *arg, uint8_t node, zseq_msg_t *msg)
{
    zseq_node_t *self = arg;
    msg->cluster = self->record.identity;
    zseq_node_kv_say_end (self, msg);
    if (node == self->record.self) {
        zseq_event_t event = {.type = ZSEQ_EVENT_REQUEST,
                              .sender = {.type = ZSEQ_SENDER_SELF},
                              .msg = msg};
        zseq_node_kv_request (self, &event);
        return true;
    }
    if (self->peer[node].speaks < KV_VERSION)
        return false;
    zseq_action_t action = {.type = ZSEQ_ACTION_ASK, .peer = node, .msg = msg};
    self->peer[node].unreached = false;
    self->act (&action, self->arg);
    return !self->peer[node].unreached;
}

static bool
s_pass (void *arg, uint8_t node, zseq_msg_t *msg)
{
    zseq_node_t *self = arg;
    if (node >= self->record.members.n || node == self->record.self ||
        self->now_us - self->peer[node].heard_us > HEARD_US_MAX)
        return false;
    return s_ask (self, node, msg);
}

static void
s_answer (void *arg, const zseq_sender_t *sender, const zseq_msg_t *msg)
{
    zseq_node_t *self = arg;
    zseq_msg_t *reply =
      zseq_node_reply (self, msg->op, msg->request, msg->status);
    reply->kv_write = msg->kv_write;
    zseq_node_send (self, sender);
}

//  The shards that this node coordinates while all nodes are up.
static uint64_t
s_own_shards (const zseq_node_t *self)
{
    const zseq_members_t *members = &self->record.members;
    zseq_coordinator_rank_t rank;
    uint8_t ranking[ZSEQ_NODES_MAX];
    uint64_t shards = 0;

    zseq_coordinator_rank_init (&rank, members->n);
    for (uint8_t node = 0; node < members->n; node++) {
        const char *name = zseq_node_name (self, node);
        zseq_coordinator_rank_set_name (&rank, node, name, strlen (name));
    }
    for (uint8_t shard = 0; shard < ZSEQ_SHARDS; shard++) {
        char name = (char) shard;
        zseq_coordinator_rank_nodes (&rank, &name, 1, ranking);
        if (ranking[0] == self->record.self)
            shards |= (uint64_t) 1 << shard;
    }
    return shards;
}

zseq_kv_coordinator_t *
zseq_node_kv_delegation_new (zseq_node_t *self, size_t requests_max)
{
    zseq_kv_coordinator_hooks_t hooks = {.arg = self,
                                         .ask = s_ask,
                                         .draw = s_draw,
                                         .pass = s_pass,
                                         .answer = s_answer};
    zseq_kv_coordinator_options_t options = {
      .proposer = {.n = self->record.members.n,
                   .proposer = self->process << 8 | self->record.self,
                   .own_shards = s_own_shards (self),
                   .seed = self->process},
      .requests_max = requests_max,
      .bytes_max = BYTES_MAX};
    return zseq_kv_coordinator_new (&options, &hooks);
}

void
zseq_node_kv_delegation_begin (zseq_node_t *self)
{
    for (uint8_t shard = 0; shard < ZSEQ_SHARDS; shard++)
        zseq_kv_coordinator_note (
          self->kv.coordinator, shard,
          zseq_registers_promise (self->kv.registers, shard));
}
