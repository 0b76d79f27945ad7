//  Asks peers who they are. At most one question is under way to each peer; an
//  unanswered question is asked again with growing intervals.
//  zseq_node_recovery asks its own questions through the same functions.

#include "zseq_node_private.h"

//  The least time between a question and its repetition when a message says
//  that the answer has changed. Anybody can send such a message.
#define ASK_SOON_US 500000

zseq_msg_t *
zseq_node_ask_question (zseq_node_t *self, uint8_t peer, zseq_op_t op)
{
    if (++self->next_request == 0)
        self->next_request = 1;
    self->peer[peer].request = self->next_request;
    self->peer[peer].asked_us = self->now_us;
    self->peer[peer].op = op;
    self->peer[peer].asked_soon = false;

    zseq_msg_t *ask = &self->reply;
    *ask = (zseq_msg_t){
      .op = op,
      .version = 1,
      .request = self->next_request,
      .cluster = self->record.identity,
      .node = self->record.self,
    };
    return ask;
}

void
zseq_node_ask_send (zseq_node_t *self, uint8_t peer)
{
    zseq_action_t action = {
      .type = ZSEQ_ACTION_ASK, .peer = peer, .msg = &self->reply};
    self->act (&action, self->arg);
}

void
zseq_node_ask_soon (zseq_node_t *self, uint8_t node)
{
    zseq_peer_t *peer = &self->peer[node];
    uint64_t ask_us =
      peer->request ? peer->asked_us + ASK_SOON_US : self->now_us;
    peer->asked_soon = peer->request != 0;
    if (peer->ask_us > ask_us)
        peer->ask_us = ask_us;
}

static void
s_ask (zseq_node_t *self, uint8_t peer)
{
    zseq_msg_t *ask = zseq_node_ask_question (self, peer, ZSEQ_OP_INTRODUCE);
    ask->vector = self->record.vector;
    ask->introduce.state = zseq_node_state (self);
    ask->introduce.process = self->process;
    zseq_node_fill_members (self, &ask->introduce.members);
    zseq_node_ask_send (self, peer);
    self->peer[peer].checking = self->peer[peer].claimed.counter > 0;
    self->peer[peer].duplicate_checking = self->peer[peer].duplicate != 0;
}

//  Asks a peer what it has promised, if that is of use. Returns whether it has.
//  Anybody can have a node ask that, so who the peers are is asked in between.
static bool
s_ask_promises (zseq_node_t *self, uint8_t peer)
{
    if (!zseq_node_set_has (self->kv.ask, peer) ||
        self->peer[peer].speaks < KV_VERSION ||
        self->peer[peer].op != ZSEQ_OP_INTRODUCE ||
        self->peer[peer].claimed.counter > 0 || self->peer[peer].duplicate)
        return false;
    zseq_node_set_remove (&self->kv.ask, peer);
    zseq_msg_t *ask = zseq_node_ask_question (self, peer, ZSEQ_OP_KV_PROMISES);
    ask->kv_promises.recovery.incarnation =
      self->record.vector.incarnation[self->record.self];
    zseq_node_ask_send (self, peer);
    return true;
}

void
zseq_node_ask_all (zseq_node_t *self)
{
    for (uint8_t node = 0; node < self->record.members.n; node++) {
        zseq_peer_t *peer = &self->peer[node];
        if (node == self->record.self || self->now_us < peer->ask_us)
            continue;
        uint64_t usual_us = self->voting ? ASK_US : FORMATION_ASK_US;
        peer->wait_us = peer->wait_us ? peer->wait_us * 2 : usual_us;
        if (peer->wait_us > ASK_US_MAX)
            peer->wait_us = ASK_US_MAX;
        peer->ask_us = self->now_us + peer->wait_us;
        if (!s_ask_promises (self, node))
            s_ask (self, node);
    }
}

bool
zseq_node_ask_answered (zseq_node_t *self, uint8_t index, const zseq_msg_t *msg)
{
    zseq_peer_t *peer = &self->peer[index];
    if (msg->op != peer->op || msg->request != peer->request || self->stopping)
        return false;
    peer->request = 0;
    peer->wait_us = 0;
    peer->ask_us = self->now_us + (self->voting ? ASK_US : FORMATION_ASK_US);
    //  The peer may have answered before the change.
    if (peer->asked_soon)
        peer->ask_us = self->now_us;
    return true;
}
