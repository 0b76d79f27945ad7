//  Claims for all names of a client: the reactor's side of zseq_batcher, which
//  decides what to claim, and when.
//
//  zseq_name_queue_acquire makes a name's queue or shares it. A thread posts a
//  request to the queue; the reactor's runs pass time and replies to the claims
//  (zseq_name_queues_tick, _receive). A request that ends calls its done.

#include "zseq_name_queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_client_texts.h"
#include "zseq_codec.h"
#include "zseq_reactor_private.h"

//  Request IDs that the batcher draws at once.
#define REQUEST_BLOCK 256

struct zseq_name_queue {
    zseq_request_queue_t *requests;
    size_t references;
    struct zseq_name_queue *next;
    char name[ZSEQ_NAME_MAX + 1];
};

//  The hooks that zseq_batcher calls.

//  Sends a claim to nodes. Encodes a message once, for all nodes.
static zseq_node_set_t
s_send_claim (void *arg, zseq_node_set_t nodes, zseq_msg_t *msg)
{
    zseq_reactor_t *reactor = arg;
    if (reactor->names.encoded != msg->request) {
        msg->cluster = zseq_session_cluster (reactor->session);
        reactor->names.size = zseq_codec_encode (msg, reactor->names.bytes,
                                                 sizeof reactor->names.bytes);
        assert (reactor->names.size);
        reactor->names.encoded = msg->request;
    }
    return zseq_session_send (reactor->session, nodes, reactor->names.bytes,
                              reactor->names.size);
}

static bool
s_send_one (void *arg, uint8_t node, zseq_msg_t *msg)
{
    return s_send_claim (arg, 1u << node, msg) != 0;
}

static uint64_t
s_draw_requests (void *arg)
{
    zseq_reactor_t *reactor = arg;
    return zseq_session_draw_requests (reactor->session, REQUEST_BLOCK);
}

//  Sets the request's outcome, and calls its done.
static void
s_end_request (void *arg, zseq_request_t *request)
{
    const zseq_reactor_t *reactor = arg;
    zseq_id_request_t *id_request = (zseq_id_request_t *) request;
    id_request->outcome.rc = request->status;
    if (request->status == ZSEQ_EEXHAUSTED && request->count_min == 1)
        zseq_outcome_set (&id_request->outcome, ZSEQ_EEXHAUSTED,
                          ZSEQ_TEXT_SEQUENCE_END, id_request->queue->name);
    else if (request->status == ZSEQ_EEXHAUSTED)
        zseq_outcome_set (
          &id_request->outcome, ZSEQ_EEXHAUSTED, ZSEQ_TEXT_SEQUENCE_FEW,
          (unsigned long long) request->count_min, id_request->queue->name);
    else if (request->status != ZSEQ_OK)
        zseq_name_queue_explain (reactor, id_request->queue,
                                 &id_request->outcome);
    id_request->pending = false;
    id_request->done (id_request);
}

//  All queues of the reactor.

bool
zseq_name_queues_init (zseq_reactor_t *reactor)
{
    assert (reactor);
    zseq_batcher_hooks_t hooks = {.arg = reactor,
                                  .ask = s_send_one,
                                  .ask_all = s_send_claim,
                                  .done = s_end_request,
                                  .draw = s_draw_requests,
                                  .draw_count = REQUEST_BLOCK};
    reactor->names.batcher = zseq_batcher_new (&hooks);
    reactor->names.state.wake_us = ZSEQ_NEVER;
    return reactor->names.batcher != NULL;
}

void
zseq_name_queues_term (zseq_reactor_t *reactor)
{
    assert (reactor);
    zseq_batcher_destroy (&reactor->names.batcher);
}

//  Opens the claims: the session now knows the nodes.
static void
s_open (zseq_reactor_t *reactor)
{
    const zseq_quorum_t *quorum = zseq_session_quorum (reactor->session);
    zseq_coordinator_rank_t rank;
    zseq_coordinator_rank_init (&rank, quorum->n);
    for (uint8_t node = 0; node < quorum->n; node++) {
        const char *name = zseq_session_member (reactor->session, node)->name;
        zseq_coordinator_rank_set_name (&rank, node, name, strlen (name));
    }
    zseq_batcher_open (reactor->names.batcher, quorum, &rank);
    reactor->names.opened = true;
}

void
zseq_name_queues_tick (zseq_reactor_t *reactor, uint64_t now_us)
{
    assert (reactor);
    zseq_batcher_t *batcher = reactor->names.batcher;
    if (!reactor->names.opened && zseq_session_ready (reactor->session))
        s_open (reactor);
    if (zseq_session_fatal (reactor->session))
        zseq_batcher_end (batcher, ZSEQ_ETIMEOUT);
    zseq_batcher_run (batcher, now_us, &reactor->names.state);
}

void
zseq_name_queues_receive (zseq_reactor_t *reactor, const zseq_msg_t *msg)
{
    assert (reactor);
    assert (msg);
    //  Replies from another cluster never count as votes.
    if (msg->cluster != zseq_session_cluster (reactor->session))
        reactor->names.foreign |= msg->status == ZSEQ_ECLUSTER;
    else if (zseq_batcher_reply (reactor->names.batcher, msg,
                                 zseq_reactor_now_us (reactor)))
        reactor->names.foreign = false;
}

bool
zseq_name_queues_unsent (const zseq_reactor_t *reactor)
{
    assert (reactor);
    const zseq_batcher_state_t *state = &reactor->names.state;
    return state->has_unsent || (reactor->names.foreign && state->busy);
}

//  One name's queue.

zseq_name_queue_t *
zseq_name_queue_acquire (zseq_reactor_t *reactor, const char *name)
{
    assert (reactor);
    assert (name);
    assert (strlen (name) <= ZSEQ_NAME_MAX);

    pthread_mutex_lock (&reactor->lock);
    zseq_name_queue_t *self = reactor->names.first;
    while (self && strcmp (self->name, name))
        self = self->next;
    if (!self && (self = calloc (1, sizeof *self))) {
        strcpy (self->name, name);
        self->requests = zseq_request_queue_new (reactor->names.batcher,
                                                 self->name, strlen (name));
        if (self->requests) {
            self->next = reactor->names.first;
            reactor->names.first = self;
        }
        else {
            free (self);
            self = NULL;
        }
    }
    if (self)
        self->references++;
    pthread_mutex_unlock (&reactor->lock);
    return self;
}

void
zseq_name_queue_release (zseq_reactor_t *reactor, zseq_name_queue_t *self)
{
    assert (reactor);
    assert (self);

    bool forked = zseq_reactor_forked (reactor);
    if (!forked)
        pthread_mutex_lock (&reactor->lock);
    assert (self->references);
    if (--self->references == 0) {
        //  In a forked child, a thread of the parent may have been changing
        //  the claims: they stay alone.
        if (!forked)
            zseq_request_queue_free (&self->requests);
        zseq_name_queue_t **slot = &reactor->names.first;
        while (*slot != self)
            slot = &(*slot)->next;
        *slot = self->next;
        free (self);
    }
    if (!forked)
        pthread_mutex_unlock (&reactor->lock);
}

const char *
zseq_name_queue_name (const zseq_name_queue_t *self)
{
    assert (self);
    return self->name;
}

void
zseq_name_queue_post (zseq_reactor_t *reactor, zseq_name_queue_t *self,
                      zseq_id_request_t *request)
{
    assert (reactor);
    assert (self);
    assert (request);
    assert (!request->pending);

    request->queue = self;
    request->pending = true;
    request->posted_us = zseq_reactor_now_us (reactor);
    reactor->needs_run = true;
    zseq_batcher_post (reactor->names.batcher, self->requests,
                       &request->request, request->posted_us,
                       &reactor->names.state);
}

void
zseq_name_queue_cancel (zseq_reactor_t *reactor, zseq_id_request_t *request)
{
    assert (reactor);
    assert (request);
    if (request->pending)
        zseq_request_queue_cancel (&request->request);
    request->pending = false;
    reactor->needs_run = true;
}

void
zseq_name_queue_explain (const zseq_reactor_t *reactor,
                         const zseq_name_queue_t *self, zseq_outcome_t *outcome)
{
    assert (reactor);
    assert (self);
    assert (outcome);

    const char *consequence = ZSEQ_TEXT_CLAIM_BURNT;
    const zseq_session_t *session = reactor->session;
    uint8_t node;
    const zseq_attempt_t *attempt =
      zseq_request_queue_attempt (self->requests, &node);
    if (!attempt && zseq_session_ready (session) &&
        !zseq_session_fatal (session)) {
        zseq_outcome_set (outcome, ZSEQ_ETIMEOUT, ZSEQ_TEXT_CLAIM_OTHERS_FIRST,
                          consequence);
        return;
    }
    zseq_progress_t progress = {attempt != NULL, reactor->names.foreign,
                                attempt ? attempt->absent
                                        : zseq_node_set_first (ZSEQ_NODES_MAX),
                                attempt};
    if (attempt && node < zseq_session_n (session) &&
        !zseq_session_fatal (session)) {
        const zseq_member_t *member = zseq_session_member (session, node);
        zseq_outcome_set (outcome, ZSEQ_ETIMEOUT, ZSEQ_TEXT_CLAIM_COORDINATOR,
                          member->name, member->endpoint, consequence);
        return;
    }
    zseq_explain (session, &progress, ZSEQ_QUORUM_WRITE, consequence, outcome);
}
