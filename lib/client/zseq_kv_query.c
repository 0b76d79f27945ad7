//  The kind of operation that runs a zseq_kv_call.

#include "zseq_kv_query.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_client_texts.h"
#include "zseq_reactor_private.h"

typedef struct {
    zseq_operation_t operation;
    zseq_kv_call_t call;
    zseq_kv_query_t *query;
    uint8_t bytes[];
} s_kv_t;

//  The version of the protocol that has the key-value store.
#define SPEAKS 4

static bool
s_reaches (void *arg, uint8_t node)
{
    const zseq_reactor_t *reactor = arg;
    return zseq_session_reaches (reactor->session, node);
}

//  What is known of the nodes, from the first query on.
static zseq_kv_nodes_t *
s_nodes (zseq_reactor_t *reactor)
{
    zseq_kv_nodes_t *nodes = &reactor->kv_nodes;
    if (nodes->n)
        return nodes;
    zseq_kv_nodes_init (nodes, zseq_session_n (reactor->session));
    nodes->reaches = s_reaches;
    nodes->arg = reactor;
    for (uint8_t node = 0; node < nodes->n; node++) {
        const char *name = zseq_session_member (reactor->session, node)->name;
        zseq_kv_nodes_set_name (nodes, node, name, strlen (name));
    }
    return nodes;
}

static zseq_do_t
s_tick (zseq_reactor_t *reactor, zseq_operation_t *operation, bool starts,
        uint64_t now_us)
{
    s_kv_t *self = (s_kv_t *) operation;
    if (starts) {
        zseq_timing_t timing = {
          .rtt_us = zseq_batcher_stats (reactor->names.batcher)->rtt_us,
          .deadline_us = operation->deadline_us,
          .seed = reactor->seed++};
        zseq_kv_call_init (&self->call, s_nodes (reactor), &self->query->ask,
                           &timing);
    }
    return zseq_kv_call_tick (&self->call, now_us);
}

static zseq_node_set_t
s_targets (const zseq_operation_t *operation)
{
    return zseq_kv_call_nodes (&((const s_kv_t *) operation)->call);
}

static void
s_request (zseq_reactor_t *reactor, zseq_operation_t *operation,
           zseq_msg_t *msg)
{
    s_kv_t *self = (s_kv_t *) operation;
    zseq_kv_call_request (&self->call,
                          zseq_session_draw_request (reactor->session),
                          zseq_reactor_now_us (reactor), msg);
}

static zseq_do_t
s_sent (zseq_operation_t *operation, zseq_node_set_t reached, uint64_t now_us)
{
    s_kv_t *self = (s_kv_t *) operation;
    //  A READ or a WATCH may still reach the others; what goes to one node goes
    //  to another one then.
    if (self->call.phase != ZSEQ_KV_READ &&
        self->call.phase != ZSEQ_KV_WATCHING)
        operation->unsent = 0;
    return zseq_kv_call_sent (&self->call, reached, now_us);
}

static bool
s_waits_for (const zseq_operation_t *operation, uint64_t request)
{
    return zseq_kv_call_waits_for (&((const s_kv_t *) operation)->call,
                                   request);
}

static uint64_t
s_wake_us (const zseq_operation_t *operation)
{
    return zseq_kv_call_wake_us (&((const s_kv_t *) operation)->call);
}

//  The value is in the reply: it is taken over at once.
static zseq_do_t
s_receive (zseq_reactor_t *reactor, zseq_operation_t *operation,
           const zseq_msg_t *msg, uint64_t now_us)
{
    (void) reactor;
    s_kv_t *self = (s_kv_t *) operation;
    zseq_do_t todo = zseq_kv_call_reply (&self->call, msg, now_us);
    if (todo == ZSEQ_DO_DONE) {
        self->query->unknown = self->call.unknown;
        self->query->floor = self->call.floor;
        zseq_kv_query_finish (self->query, self->call.rc, self->call.version,
                              self->call.value);
    }
    return todo;
}

//  Failures.

//  How many nodes are known to speak the store's version, or an older one.
static uint8_t
s_count_speaking (const zseq_session_t *session, bool older)
{
    uint8_t count = 0;
    for (uint8_t node = 0; node < zseq_session_n (session); node++) {
        uint64_t speaks = zseq_session_speaks (session, node);
        if (speaks && (speaks < SPEAKS) == older)
            count++;
    }
    return count;
}

//  Why the last node that refused did so. To a coordinator, memory may have
//  been what is full.
static const char *
s_refusal (const zseq_kv_call_t *call)
{
    if (call->refusal == ZSEQ_ENOSPACE || call->refusal == ZSEQ_EFULL)
        return ZSEQ_TEXT_KV_NO_ROOM;
    return call->refusal ? zseq_strerror (call->refusal) : "";
}

//  Explains why a quorum has not answered with that error: coordinated is the
//  call whose coordinator has not; or NULL.
static void
s_explain_nodes (const zseq_operation_t *operation,
                 const zseq_session_t *session,
                 const zseq_kv_call_t *coordinated, int rc,
                 zseq_outcome_t *outcome)
{
    unsigned n = zseq_session_n (session);
    unsigned majority = zseq_quorum_majority ((uint8_t) n);
    zseq_node_set_t answered;
    (void) zseq_attempt_failure (operation->attempt, ZSEQ_QUORUM_WRITE,
                                 &answered);
    if (rc == ZSEQ_EUNAVAILABLE && operation->foreign)
        zseq_outcome_set (outcome, ZSEQ_ECLUSTER, ZSEQ_TEXT_CLUSTER_ANEW);
    else if (s_count_speaking (session, true) > n - majority)
        zseq_outcome_set (outcome, ZSEQ_EPROTOCOL, ZSEQ_TEXT_KV_OLD_NODES,
                          s_count_speaking (session, true), n);
    else if (coordinated)
        zseq_outcome_set (outcome, rc, ZSEQ_TEXT_KV_NOT_COORDINATED,
                          coordinated->refusal ? ZSEQ_TEXT_KV_ONE_REFUSED : "",
                          s_refusal (coordinated));
    else
        zseq_outcome_set (outcome, rc, ZSEQ_TEXT_ANSWERED_FEW,
                          zseq_node_set_count (answered), n, majority);
}

void
zseq_kv_query_explain (zseq_reactor_t *reactor,
                       const zseq_operation_t *operation,
                       zseq_outcome_t *outcome)
{
    const zseq_session_t *session = reactor->session;
    zseq_progress_t progress = zseq_operation_progress (operation);
    if (!operation->started || zseq_session_fatal (session)) {
        zseq_explain (session, &progress, ZSEQ_QUORUM_WRITE,
                      ZSEQ_TEXT_NOTHING_CHANGED, outcome);
        return;
    }
    int rc = zseq_attempt_failure (operation->attempt, ZSEQ_QUORUM_WRITE, NULL);
    s_explain_nodes (operation, session, NULL, rc, outcome);
    zseq_explain_add (session, &progress, ZSEQ_TEXT_NOTHING_CHANGED, outcome);
}

static void
s_fail (zseq_reactor_t *reactor, zseq_operation_t *operation)
{
    s_kv_t *self = (s_kv_t *) operation;
    zseq_kv_query_t *query = self->query;
    const zseq_session_t *session = reactor->session;
    bool writes = query->ask.op.type != ZSEQ_KV_GET;
    if (operation->started && !self->call.done)
        zseq_kv_call_end (&self->call);
    query->unknown = operation->started && self->call.unknown;
    const char *consequence = query->unknown ? ZSEQ_TEXT_KV_MAY_BE_WRITTEN
                              : writes       ? ZSEQ_TEXT_KV_NOT_WRITTEN
                                             : ZSEQ_TEXT_NOTHING_CHANGED;
    zseq_progress_t progress = zseq_operation_progress (operation);
    if (operation->started && !zseq_session_fatal (session) &&
        self->call.phase == ZSEQ_KV_WATCHING) {
        zseq_kv_query_expire (query);
        return;
    }
    if (!operation->started || zseq_session_fatal (session)) {
        zseq_explain (session, &progress, ZSEQ_QUORUM_WRITE, consequence,
                      &query->outcome);
        return;
    }
    const zseq_kv_call_t *call = &self->call;
    s_explain_nodes (operation, session,
                     call->phase == ZSEQ_KV_COORDINATED ? call : NULL, call->rc,
                     &query->outcome);
    if (self->call.phase == ZSEQ_KV_COORDINATED)
        progress.unsent = self->call.unreached;
    zseq_explain_add (session, &progress, consequence, &query->outcome);
}

static void
s_ended (zseq_operation_t *operation)
{
    s_kv_t *self = (s_kv_t *) operation;
    zseq_kv_query_t *query = self->query;
    query->operation = NULL;
    free (self);
    query->done (query);
}

static const zseq_operation_kind_t s_kind = {
  .speaks = SPEAKS,
  .may_start = zseq_session_ready,
  .tick = s_tick,
  .nodes = s_targets,
  .request = s_request,
  .sent = s_sent,
  .waits_for = s_waits_for,
  .wake_us = s_wake_us,
  .receive = s_receive,
  .fail = s_fail,
  .ended = s_ended,
};

//  What others call.

static void
s_explain_error (zseq_kv_query_t *self, int rc)
{
    const zseq_kv_op_t *op = &self->ask.op;
    unsigned long long version = self->version;
    const char *unknown = self->unknown ? ZSEQ_TEXT_KV_COPY_LEFT : "";
    if (rc == ZSEQ_ENOKEY && version)
        zseq_outcome_set (&self->outcome, rc, ZSEQ_TEXT_KV_DELETED, version,
                          unknown);
    else if (rc == ZSEQ_ENOKEY)
        zseq_outcome_set (&self->outcome, rc, ZSEQ_TEXT_KV_NONE, unknown);
    else if (rc == ZSEQ_EVERSION && op->expected == 0)
        zseq_outcome_set (&self->outcome, rc, ZSEQ_TEXT_KV_EXISTS, version,
                          unknown);
    else if (rc == ZSEQ_EVERSION)
        zseq_outcome_set (&self->outcome, rc, ZSEQ_TEXT_KV_OTHER_VERSION,
                          version, (unsigned long long) op->expected, unknown);
    else if (rc == ZSEQ_EFULL)
        zseq_outcome_set (&self->outcome, rc, ZSEQ_TEXT_KV_FULL);
    else if (rc == ZSEQ_EFORGOTTEN)
        zseq_outcome_set (&self->outcome, rc, ZSEQ_TEXT_KV_FORGOTTEN, version);
    else
        zseq_outcome_set (&self->outcome, rc, ZSEQ_TEXT_KV_REFUSED, unknown);
}

static void
s_take_value (zseq_kv_query_t *self, zseq_slice_t value)
{
    self->size = value.size;
    if (value.size > 0 && value.size <= self->buffer_size)
        memcpy (self->buffer, value.data, value.size);
}

void
zseq_kv_query_finish (zseq_kv_query_t *self, int rc, uint64_t version,
                      zseq_slice_t value)
{
    assert (self);

    bool reads = self->ask.op.type == ZSEQ_KV_GET;
    self->version = version;
    self->outcome.rc = ZSEQ_OK;
    if (rc != ZSEQ_OK)
        s_explain_error (self, rc);
    if (rc == ZSEQ_EVERSION || (rc == ZSEQ_OK && reads))
        s_take_value (self, value);
    if (reads && self->size > self->buffer_size)
        zseq_outcome_set (&self->outcome, ZSEQ_EVALUE,
                          ZSEQ_TEXT_KV_BUFFER_SMALL, self->size,
                          self->buffer_size);
}

void
zseq_kv_query_expire (zseq_kv_query_t *self)
{
    assert (self);
    assert (self->ask.watch);
    zseq_outcome_set (&self->outcome, ZSEQ_ETIMEOUT, ZSEQ_TEXT_KV_NO_NEWER,
                      (unsigned long long) self->ask.above);
}

int
zseq_kv_query_post (zseq_reactor_t *reactor, zseq_kv_query_t *self)
{
    assert (reactor);
    assert (self);
    assert (self->done);
    assert (!self->operation);

    size_t size = ZSEQ_REQUEST_MAX + self->ask.op.value.size;
    s_kv_t *operation = calloc (1, sizeof *operation + size);
    if (!operation)
        return ZSEQ_ENOMEM;
    operation->operation.kind = &s_kind;
    operation->operation.attempt = &operation->call.attempt;
    operation->operation.deadline_us = self->deadline_us;
    operation->operation.bytes = operation->bytes;
    operation->operation.bytes_max = size;
    operation->query = self;
    self->operation = operation;
    self->outcome.rc = ZSEQ_OK;
    zseq_operation_start (reactor, &operation->operation);
    return ZSEQ_OK;
}

void
zseq_kv_query_cancel (zseq_reactor_t *reactor, zseq_kv_query_t *self)
{
    assert (reactor);
    assert (self);

    s_kv_t *operation = self->operation;
    if (!operation)
        return;
    zseq_operation_retire (reactor, &operation->operation);
    self->operation = NULL;
    free (operation);
}
