//  Connects a node with its coordinator, which claims on behalf of clients
//  (NEXT). The static functions are the coordinator's hooks.

#include "zseq_node_private.h"

#include <string.h>

//  A NEXT is passed on only to a peer that was heard since then: peers that are
//  up answer an INTRODUCE every second.
#define HEARD_US_MAX 1500000

static void
s_refuse_busy (zseq_node_t *self, const zseq_event_t *event)
{
    zseq_msg_t *reply =
      zseq_node_reply (self, ZSEQ_OP_NEXT, event->msg->request, ZSEQ_EBUSY);
    reply->next.retry_us = zseq_coordinator_retry_us (self->coordinator);
    zseq_node_send (self, &event->sender);
}

void
zseq_node_delegation_next (zseq_node_t *self, const zseq_event_t *event)
{
    if (!zseq_node_seq_admit (self, event, 0))
        return;
    (void) zseq_node_contention_note (self, &event->sender, event->msg->name);
    //  Before the name takes memory.
    if (!zseq_coordinator_has_capacity (self->coordinator, &event->sender)) {
        s_refuse_busy (self, event);
        return;
    }
    zseq_sequence_t *sequence = zseq_node_seq_obtain (self, event);
    if (sequence &&
        zseq_coordinator_next (self->coordinator, sequence, &event->sender,
                               event->msg, self->now_us) != ZSEQ_OK)
        s_refuse_busy (self, event);
}

void
zseq_node_delegation_reply (zseq_node_t *self, const zseq_event_t *event)
{
    const zseq_msg_t *msg = event->msg;
    if (msg->node == event->sender.peer &&
        msg->cluster == self->record.identity)
        zseq_coordinator_reply (self->coordinator, msg, self->now_us);
}

static uint64_t
s_draw (void *arg)
{
    zseq_node_t *self = arg;
    if (++self->next_request == 0)
        self->next_request = 1;
    return self->next_request;
}

//  Sends a READ or CLAIM of the coordinator. The node's own vote takes the same
//  path as any other request and counts when it is durable.
static bool
s_ask (void *arg, uint8_t node, zseq_msg_t *msg)
{
    zseq_node_t *self = arg;
    msg->cluster = self->record.identity;
    if (node == self->record.self) {
        zseq_event_t event = {.type = ZSEQ_EVENT_REQUEST,
                              .sender = {.type = ZSEQ_SENDER_SELF},
                              .msg = msg};
        if (msg->op == ZSEQ_OP_READ)
            zseq_node_seq_read (self, &event);
        else
            zseq_node_seq_claim (self, &event);
        return true;
    }
    //  Other messages are sent again when they are lost.
    if (msg->op == ZSEQ_OP_NEXT &&
        self->now_us - self->peer[node].heard_us > HEARD_US_MAX)
        return false;
    zseq_action_t action = {.type = ZSEQ_ACTION_ASK,
                            .peer = node,
                            .packs = self->peer[node].packs,
                            .msg = msg};
    self->act (&action, self->arg);
    return true;
}

static void
s_answer_next (void *arg, const zseq_sender_t *sender, const zseq_msg_t *msg)
{
    zseq_node_t *self = arg;
    zseq_msg_t *reply =
      zseq_node_reply (self, ZSEQ_OP_NEXT, msg->request, msg->status);
    if (msg->status == ZSEQ_OK) {
        self->counters.delegated_requests++;
        self->counters.delegated_ids += msg->next.count;
        zseq_node_contention_note_served (self, sender, msg->name);
    }
    reply->next.first = msg->next.first;
    reply->next.count = msg->next.count;
    reply->next.served = msg->next.served;
    zseq_node_send (self, sender);
}

static bool
s_untouched (void *arg, const zseq_sequence_t *sequence)
{
    return zseq_node_seq_untouched (arg, sequence);
}

static void
s_forget (void *arg, zseq_sequence_t *sequence)
{
    zseq_node_t *self = arg;
    zseq_table_remove (self->table, &sequence->entry);
    self->names_full = false;
}

zseq_coordinator_t *
zseq_node_delegation_new (zseq_node_t *self, size_t requests_max)
{
    zseq_coordinator_hooks_t hooks = {.arg = self,
                                      .ask = s_ask,
                                      .answer = s_answer_next,
                                      .draw = s_draw,
                                      .untouched = s_untouched,
                                      .forget = s_forget};
    const zseq_members_t *members = &self->record.members;
    zseq_coordinator_rank_t rank;
    zseq_coordinator_rank_init (&rank, members->n);
    zseq_coordinator_rank_set_self (&rank, self->record.self);
    for (uint8_t node = 0; node < members->n; node++) {
        const char *name = zseq_node_name (self, node);
        zseq_coordinator_rank_set_name (&rank, node, name, strlen (name));
    }
    return zseq_coordinator_new (&rank, requests_max, &hooks);
}
