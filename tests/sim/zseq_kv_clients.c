#include "zseq_kv_clients.h"

#include <assert.h>
#include <string.h>

//  Keys that simulated disks hold.
static const char s_keys[] = "abcdef";

static uint64_t
s_draw (zseq_kv_clients_t *self, uint64_t bound)
{
    return zseq_sim_cluster_draw (self->cluster, bound);
}

static uint64_t
s_now_us (const zseq_kv_clients_t *self)
{
    return zseq_sim_cluster_now_us (self->cluster);
}

static size_t
s_index (const zseq_kv_clients_t *self, const zseq_kv_caller_t *caller)
{
    return (size_t) (caller - self->caller);
}

static void
s_wake_at (zseq_kv_clients_t *self, const zseq_kv_caller_t *caller,
           uint64_t at_us)
{
    zseq_sim_cluster_alarm (self->cluster,
                            at_us + s_draw (self, self->manners.late_us + 1),
                            self->alarm + (uint32_t) s_index (self, caller));
}

static uint64_t
s_draw_request (zseq_kv_clients_t *self)
{
    self->request += self->request == UINT64_MAX ? 2 : 1;
    return self->request;
}

//  A client's connection to a node lasts as long as the node's process.
static bool
s_reaches (void *arg, uint8_t node)
{
    const zseq_kv_clients_t *self = arg;
    return zseq_sim_cluster_up (self->cluster, node);
}

//  Gives a client the state of a new process.
static void
s_forget (zseq_kv_clients_t *self, zseq_kv_caller_t *caller)
{
    memset (caller, 0, sizeof *caller);
    caller->handle = self->handles++;
    zseq_kv_nodes_init (&caller->nodes, self->n);
    caller->nodes.reaches = s_reaches;
    caller->nodes.arg = self;
    for (uint8_t node = 0; node < self->n; node++) {
        char letter = (char) ('a' + node);
        zseq_kv_nodes_set_name (&caller->nodes, node, &letter, 1);
    }
}

void
zseq_kv_clients_init (zseq_kv_clients_t *self, zseq_sim_cluster_t *cluster,
                      uint8_t n, uint32_t alarm)
{
    assert (self);

    memset (self, 0, sizeof *self);
    self->cluster = cluster;
    self->n = n;
    self->alarm = alarm;
    self->history = zseq_kv_history_new ();
    assert (self->history);
    self->request = s_draw (self, UINT64_MAX);
    for (size_t index = 0; index < ZSEQ_KV_CLIENTS_MAX; index++)
        s_forget (self, &self->caller[index]);
}

void
zseq_kv_clients_term (zseq_kv_clients_t *self)
{
    assert (self);
    zseq_kv_history_destroy (&self->history);
}

void
zseq_kv_clients_begin (zseq_kv_clients_t *self,
                       const zseq_kv_manners_t *manners)
{
    assert (self);
    assert (manners->clients <= ZSEQ_KV_CLIENTS_MAX);
    assert (manners->keys <= ZSEQ_KV_CLIENTS_KEYS);

    self->manners = *manners;
    self->manners.calls_max += self->calls;
    for (size_t index = 0; index < manners->clients; index++)
        if (!self->caller[index].busy)
            s_wake_at (self, &self->caller[index], s_now_us (self));
}

//  The outcome of a call, as the history knows it.
static zseq_kv_history_outcome_t
s_outcome (const zseq_kv_caller_t *caller)
{
    const zseq_kv_call_t *call = &caller->call;
    //  A condition did not hold, and a copy of the op may be judged later.
    if (call->unknown)
        return ZSEQ_KV_HISTORY_UNKNOWN;
    switch (call->rc) {
    case ZSEQ_OK:
        return ZSEQ_KV_HISTORY_DONE;
    case ZSEQ_ENOKEY:
        return ZSEQ_KV_HISTORY_ENOKEY;
    case ZSEQ_EVERSION:
        return ZSEQ_KV_HISTORY_EVERSION;
    default:
        return ZSEQ_KV_HISTORY_REFUSED;
    }
}

static void
s_add (zseq_kv_clients_t *self, const zseq_kv_caller_t *caller,
       zseq_kv_history_outcome_t outcome)
{
    const zseq_kv_call_t *call = &caller->call;
    bool get = caller->kind == ZSEQ_KV_HISTORY_GET ||
               caller->kind == ZSEQ_KV_HISTORY_STALE;
    zseq_kv_history_op_t op = {.begin_ns = 1000 * caller->begun_us,
                               .end_ns = 1000 * s_now_us (self) + 1,
                               .id = call->ask.op.op,
                               .expected = caller->kind == ZSEQ_KV_HISTORY_DEL
                                             ? (call->ask.op.conditional
                                                  ? call->ask.op.expected
                                                  : ZSEQ_KV_HISTORY_ANY)
                                             : call->ask.op.expected,
                               .version = call->version,
                               .value = caller->value,
                               .key = (uint32_t) caller->key,
                               .client = caller->handle,
                               .kind = (uint8_t) caller->kind,
                               .outcome = (uint8_t) outcome};
    if (get && outcome == ZSEQ_KV_HISTORY_DONE)
        memcpy (&op.value, call->value.data, sizeof op.value);
    zseq_kv_history_add (self->history, &op);
}

//  The call has ended; the next one begins later.
static void
s_end (zseq_kv_clients_t *self, zseq_kv_caller_t *caller)
{
    const zseq_kv_call_t *call = &caller->call;
    zseq_kv_history_outcome_t outcome = s_outcome (caller);
    zseq_sim_cluster_say (
      self->cluster, "client %zu: %s of key %c, value %llu: %d version %llx%s",
      s_index (self, caller),
      caller->kind == ZSEQ_KV_HISTORY_DEL   ? "del"
      : caller->kind == ZSEQ_KV_HISTORY_CAS ? "cas"
      : caller->kind == ZSEQ_KV_HISTORY_PUT ? "put"
                                            : "get",
      s_keys[caller->key], (unsigned long long) caller->value, call->rc,
      (unsigned long long) call->version, call->unknown ? ", unknown" : "");
    s_add (self, caller, outcome);
    self->done += outcome < ZSEQ_KV_HISTORY_REFUSED;
    self->unknown += outcome == ZSEQ_KV_HISTORY_UNKNOWN;
    //  After EFORGOTTEN the library tries again with another op id, unless the
    //  op may have been applied: as when its ballot was lost meanwhile.
    self->failed += outcome >= ZSEQ_KV_HISTORY_REFUSED &&
                    call->rc != ZSEQ_EFORGOTTEN && call->rc != ZSEQ_ENOKEY &&
                    call->rc != ZSEQ_EVERSION;
    uint64_t *version = &caller->version[caller->key];
    uint64_t *since = &caller->since[caller->key];
    if (outcome < ZSEQ_KV_HISTORY_REFUSED && call->version > *version)
        *version = call->version;
    if (call->floor > *since)
        *since = call->floor;
    if (*version > *since)
        *since = *version;
    caller->busy = false;
    s_wake_at (self, caller,
               s_now_us (self) + s_draw (self, self->manners.pause_us + 1));
}

//  Sends the message to nodes that it has not reached.
static zseq_do_t
s_scatter (zseq_kv_clients_t *self, zseq_kv_caller_t *caller)
{
    for (uint8_t node = 0; node < self->n; node++)
        if (zseq_node_set_has (caller->unsent, node) &&
            zseq_sim_cluster_send (
              self->cluster, ZSEQ_KV_CLIENTS_FIRST + s_index (self, caller),
              node, &caller->msg)) {
            zseq_node_set_remove (&caller->unsent, node);
            zseq_node_set_add (&caller->sent, node);
        }
    //  Only a READ or a WATCH waits for nodes that cannot be reached now.
    if (caller->msg.op != ZSEQ_OP_KV_READ && caller->msg.op != ZSEQ_OP_KV_WATCH)
        caller->unsent = 0;
    return zseq_kv_call_sent (&caller->call, caller->sent, s_now_us (self));
}

static void
s_go_on (zseq_kv_clients_t *self, zseq_kv_caller_t *caller, zseq_do_t todo)
{
    while (todo == ZSEQ_DO_SEND) {
        zseq_kv_call_request (&caller->call, s_draw_request (self),
                              s_now_us (self), &caller->msg);
        caller->msg.cluster = zseq_sim_cluster_identity (self->cluster);
        caller->unsent = zseq_kv_call_nodes (&caller->call);
        caller->sent = 0;
        todo = s_scatter (self, caller);
    }
    if (todo == ZSEQ_DO_DONE)
        s_end (self, caller);
    else
        s_wake_at (self, caller, zseq_kv_call_wake_us (&caller->call));
}

static void
s_draw_op (zseq_kv_clients_t *self, zseq_kv_caller_t *caller,
           zseq_kv_ask_t *ask)
{
    static const zseq_kv_history_kind_t kinds[] = {
      ZSEQ_KV_HISTORY_GET, ZSEQ_KV_HISTORY_GET, ZSEQ_KV_HISTORY_STALE,
      ZSEQ_KV_HISTORY_PUT, ZSEQ_KV_HISTORY_PUT, ZSEQ_KV_HISTORY_CAS,
      ZSEQ_KV_HISTORY_CAS, ZSEQ_KV_HISTORY_DEL};
    caller->kind = kinds[s_draw (self, sizeof kinds / sizeof kinds[0])];
    caller->key = s_draw (self, self->manners.keys);
    caller->value = ++self->value;
    uint64_t version = caller->version[caller->key];
    *ask = (zseq_kv_ask_t){
      .key = {&s_keys[caller->key], 1},
      .op = {.since = caller->since[caller->key]},
    };
    switch (caller->kind) {
    case ZSEQ_KV_HISTORY_GET:
        break;
    case ZSEQ_KV_HISTORY_STALE:
        ask->stale = true;
        ask->least = version;
        break;
    case ZSEQ_KV_HISTORY_CAS:
        ask->op.conditional = true;
        ask->op.expected = s_draw (self, 4) ? version : 0;
        //  Fall through.
    case ZSEQ_KV_HISTORY_PUT:
        ask->op.type = ZSEQ_KV_PUT;
        ask->op.value =
          (zseq_slice_t){(const char *) &caller->value, sizeof caller->value};
        break;
    default:
        ask->op.type = ZSEQ_KV_DEL;
        ask->op.conditional = version && s_draw (self, 2);
        ask->op.expected = ask->op.conditional ? version : 0;
    }
}

static void
s_begin (zseq_kv_clients_t *self, zseq_kv_caller_t *caller)
{
    zseq_kv_ask_t ask;
    s_draw_op (self, caller, &ask);
    uint64_t lasts_us =
      self->manners.least_us + s_draw (self, self->manners.operation_us + 1);
    caller->begun_us = s_now_us (self);
    zseq_timing_t timing = {.rtt_us = 1 + s_draw (self, self->manners.rtt_us),
                            .deadline_us = caller->begun_us + lasts_us,
                            .seed = s_draw (self, UINT64_MAX)};
    zseq_kv_call_init (&caller->call, &caller->nodes, &ask, &timing);
    caller->busy = true;
    caller->unsent = 0;
    self->calls++;
    s_go_on (self, caller, zseq_kv_call_tick (&caller->call, s_now_us (self)));
}

void
zseq_kv_clients_alarm (zseq_kv_clients_t *self, size_t client)
{
    assert (self);
    assert (client < ZSEQ_KV_CLIENTS_MAX);

    zseq_kv_caller_t *caller = &self->caller[client];
    if (!caller->busy) {
        if (client < self->manners.clients &&
            self->calls < self->manners.calls_max)
            s_begin (self, caller);
        return;
    }
    //  An alarm of an earlier call may ring early.
    zseq_do_t todo = ZSEQ_DO_WAIT;
    if (caller->unsent)
        todo = s_scatter (self, caller);
    if (todo == ZSEQ_DO_WAIT)
        todo = zseq_kv_call_tick (&caller->call, s_now_us (self));
    s_go_on (self, caller, todo);
}

void
zseq_kv_clients_reply (zseq_kv_clients_t *self, size_t client,
                       const zseq_msg_t *msg)
{
    assert (self);
    assert (client < ZSEQ_KV_CLIENTS_MAX);
    assert (msg);

    zseq_kv_caller_t *caller = &self->caller[client];
    if (!caller->busy ||
        !zseq_kv_call_waits_for (&caller->call, msg->request) ||
        msg->cluster != zseq_sim_cluster_identity (self->cluster))
        return;
    s_go_on (self, caller,
             zseq_kv_call_reply (&caller->call, msg, s_now_us (self)));
}

void
zseq_kv_clients_crash (zseq_kv_clients_t *self, size_t client)
{
    assert (self);
    assert (client < ZSEQ_KV_CLIENTS_MAX);

    zseq_kv_caller_t *caller = &self->caller[client];
    if (caller->busy) {
        zseq_kv_call_end (&caller->call);
        s_add (self, caller,
               caller->call.unknown ? ZSEQ_KV_HISTORY_UNKNOWN
                                    : ZSEQ_KV_HISTORY_REFUSED);
    }
    s_forget (self, caller);
    if (client < self->manners.clients)
        s_wake_at (self, caller, s_now_us (self));
}

bool
zseq_kv_clients_idle (const zseq_kv_clients_t *self)
{
    assert (self);
    for (size_t client = 0; client < ZSEQ_KV_CLIENTS_MAX; client++)
        if (self->caller[client].busy)
            return false;
    return self->calls >= self->manners.calls_max || !self->manners.clients;
}

void
zseq_kv_clients_judge (zseq_kv_clients_t *self)
{
    static zseq_kv_verdict_t verdict;
    assert (self);
    if (!zseq_kv_history_check (self->history, &verdict))
        zseq_sim_cluster_broken (self->cluster, "key-value store: %.400s",
                                 verdict.text);
}
