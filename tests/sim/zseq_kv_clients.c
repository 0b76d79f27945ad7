#include "zseq_kv_clients.h"

#include <assert.h>
#include <string.h>

#define WATCH_US 100000  //  How long a watch lasts, at least

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
s_wake_at (zseq_kv_clients_t *self, zseq_kv_caller_t *caller, uint64_t at_us)
{
    //  One that rings before then looks again.
    if (caller->alarm_us > s_now_us (self) && caller->alarm_us <= at_us)
        return;
    caller->alarm_us = at_us + s_draw (self, self->manners.late_us + 1);
    zseq_sim_cluster_alarm (self->cluster, caller->alarm_us,
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
    zseq_kv_list_t *list = caller->lister.list;
    memset (caller, 0, sizeof *caller);
    caller->lister.list = list;
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
    for (size_t index = 0; index < ZSEQ_KV_CLIENTS_MAX; index++)
        zseq_kv_list_destroy (&self->caller[index].lister.list);
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
    if (call->rc == ZSEQ_ETIMEOUT && call->phase == ZSEQ_KV_WATCHING)
        return ZSEQ_KV_HISTORY_QUIET;
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

//  The version that a call expects, as the history knows it.
static uint64_t
s_expected (const zseq_kv_caller_t *caller)
{
    const zseq_kv_ask_t *ask = &caller->call.ask;
    if (caller->kind == ZSEQ_KV_HISTORY_WATCH)
        return ask->above;
    if (caller->kind == ZSEQ_KV_HISTORY_DEL && !ask->op.conditional)
        return ZSEQ_KV_HISTORY_ANY;
    return ask->op.expected;
}

static void
s_add (zseq_kv_clients_t *self, const zseq_kv_caller_t *caller,
       zseq_kv_history_outcome_t outcome)
{
    const zseq_kv_call_t *call = &caller->call;
    zseq_kv_history_op_t op = {.begin_ns = 1000 * caller->begun_us,
                               .end_ns = 1000 * s_now_us (self) + 1,
                               .id = call->ask.op.op,
                               .expected = s_expected (caller),
                               .version = call->version,
                               .value = caller->value,
                               .key = (uint32_t) caller->key,
                               .client = caller->handle,
                               .kind = (uint8_t) caller->kind,
                               .outcome = (uint8_t) outcome};
    if (caller->kind < ZSEQ_KV_HISTORY_PUT && outcome == ZSEQ_KV_HISTORY_DONE)
        memcpy (&op.value, call->value.data, sizeof op.value);
    zseq_kv_history_add (self->history, &op);
}

//  Watches.

//  A client was told of a version: it is news for those that watch the key and
//  know an older one.
static void
s_note_news (zseq_kv_clients_t *self, size_t key, uint64_t version)
{
    for (size_t index = 0; index < ZSEQ_KV_CLIENTS_MAX; index++) {
        zseq_kv_caller_t *caller = &self->caller[index];
        if (caller->busy && !caller->lister.page && !caller->news_us &&
            caller->kind == ZSEQ_KV_HISTORY_WATCH && caller->key == key &&
            caller->call.ask.above < version)
            caller->news_us = s_now_us (self);
    }
}

//  Changes when a process of a node begins.
static uint64_t
s_processes (const zseq_kv_clients_t *self)
{
    uint64_t processes = 0;
    for (uint8_t node = 0; node < self->n; node++)
        processes += zseq_sim_cluster_process (self->cluster, node);
    return processes;
}

//  A watch has ended.
static void
s_end_watch (zseq_kv_clients_t *self, const zseq_kv_caller_t *caller,
             zseq_kv_history_outcome_t outcome)
{
    self->watches++;
    self->quiet += outcome == ZSEQ_KV_HISTORY_QUIET;
    if (self->manners.news_us && caller->news_us &&
        caller->processes == s_processes (self) &&
        s_now_us (self) - caller->news_us > self->manners.news_us)
        zseq_sim_cluster_broken (
          self->cluster,
          "key-value store: a watch of client %zu has its news too late",
          s_index (self, caller));
}

static const char *
s_kind (const zseq_kv_caller_t *caller)
{
    static const char *const names[ZSEQ_KV_HISTORY_KINDS] = {
      [ZSEQ_KV_HISTORY_GET] = "get",   [ZSEQ_KV_HISTORY_STALE] = "get",
      [ZSEQ_KV_HISTORY_LIST] = "list", [ZSEQ_KV_HISTORY_WATCH] = "watch",
      [ZSEQ_KV_HISTORY_PUT] = "put",   [ZSEQ_KV_HISTORY_CAS] = "cas",
      [ZSEQ_KV_HISTORY_DEL] = "del"};
    return names[caller->kind];
}

//  Calls.

//  No call is in progress; the next one begins later.
static void
s_rest (zseq_kv_clients_t *self, zseq_kv_caller_t *caller)
{
    caller->busy = false;
    s_wake_at (self, caller,
               s_now_us (self) + s_draw (self, self->manners.pause_us + 1));
}

//  Notes what the client knows of the key now.
static void
s_learn (zseq_kv_clients_t *self, zseq_kv_caller_t *caller,
         zseq_kv_history_outcome_t outcome)
{
    const zseq_kv_call_t *call = &caller->call;
    uint64_t *version = &caller->version[caller->key];
    uint64_t *since = &caller->since[caller->key];
    if (outcome < ZSEQ_KV_HISTORY_REFUSED && call->version > *version)
        *version = call->version;
    if (call->floor > *since)
        *since = call->floor;
    if (*version > *since)
        *since = *version;
    if (outcome < ZSEQ_KV_HISTORY_REFUSED)
        s_note_news (self, caller->key, call->version);
}

//  The call has ended.
static void
s_end (zseq_kv_clients_t *self, zseq_kv_caller_t *caller)
{
    const zseq_kv_call_t *call = &caller->call;
    zseq_kv_history_outcome_t outcome = s_outcome (caller);
    zseq_sim_cluster_say (
      self->cluster, "client %zu: %s of key %c, value %llu: %d version %llx%s",
      s_index (self, caller), s_kind (caller), s_keys[caller->key],
      (unsigned long long) caller->value, call->rc,
      (unsigned long long) call->version, call->unknown ? ", unknown" : "");
    s_add (self, caller, outcome);
    self->done += outcome < ZSEQ_KV_HISTORY_REFUSED;
    self->unknown += outcome == ZSEQ_KV_HISTORY_UNKNOWN;
    //  After EFORGOTTEN the library tries again with another op id, unless the
    //  op may have been applied: as when its ballot was lost meanwhile. A watch
    //  may be too short to read its key.
    self->failed += outcome >= ZSEQ_KV_HISTORY_REFUSED &&
                    caller->kind != ZSEQ_KV_HISTORY_WATCH &&
                    call->rc != ZSEQ_EFORGOTTEN && call->rc != ZSEQ_ENOKEY &&
                    call->rc != ZSEQ_EVERSION;
    if (caller->kind == ZSEQ_KV_HISTORY_WATCH)
        s_end_watch (self, caller, outcome);
    s_rest (self, caller);
    s_learn (self, caller, outcome);
}

//  Listings.

//  Adds what a page says of a key.
static void
s_add_listed (zseq_kv_clients_t *self, const zseq_kv_caller_t *caller,
              size_t key, const zseq_kv_list_entry_t *entry)
{
    zseq_kv_history_op_t op = {.begin_ns = 1000 * caller->begun_us,
                               .end_ns = 1000 * s_now_us (self) + 1,
                               .version = ZSEQ_KV_HISTORY_ANY,
                               .key = (uint32_t) key,
                               .client = caller->handle,
                               .kind = ZSEQ_KV_HISTORY_LIST,
                               .outcome = ZSEQ_KV_HISTORY_ENOKEY};
    if (entry) {
        op.outcome = ZSEQ_KV_HISTORY_DONE;
        op.version = entry->version;
        assert (entry->value.size == sizeof op.value);
        memcpy (&op.value, entry->value.data, sizeof op.value);
    }
    zseq_kv_history_add (self->history, &op);
}

static size_t
s_key_of (zseq_slice_t key)
{
    assert (key.size == 1);
    size_t index = (size_t) (key.data[0] - s_keys[0]);
    assert (index < ZSEQ_KV_CLIENTS_KEYS);
    return index;
}

//  A page has ended: adds each key that it comprises, but for those on which
//  the nodes do not agree. They are got next.
static void
s_take_page (zseq_kv_clients_t *self, zseq_kv_caller_t *caller)
{
    zseq_kv_lister_t *lister = &caller->lister;
    size_t key = lister->after;
    size_t end = ZSEQ_KV_CLIENTS_KEYS;
    zseq_slice_t after;
    lister->more = zseq_kv_list_more (lister->list, &after);
    if (lister->more)
        end = s_key_of (after) + 1;
    zseq_kv_list_entry_t entry;
    bool any = zseq_kv_list_next (lister->list, &entry);
    for (; key < end; key++) {
        bool shown = any && s_key_of (entry.key) == key;
        if (shown && entry.disputed)
            lister->disputed |= 1u << key;
        else if (shown || lister->prefix == ZSEQ_KV_CLIENTS_KEYS ||
                 lister->prefix == key)
            s_add_listed (self, caller, key, shown ? &entry : NULL);
        if (shown)
            any = zseq_kv_list_next (lister->list, &entry);
    }
    //  Every key was there, once and in order.
    assert (!any);
    lister->after = end;
}

//  A page, or the attempt to get one, has ended.
static void
s_end_page (zseq_kv_clients_t *self, zseq_kv_caller_t *caller, bool done)
{
    zseq_kv_lister_t *lister = &caller->lister;
    size_t first = lister->after;
    lister->page = lister->more = false;
    if (done)
        s_take_page (self, caller);
    zseq_sim_cluster_say (
      self->cluster, "client %zu: page from key %c to %c, %s%s",
      s_index (self, caller), s_keys[first], s_keys[lister->after - done],
      done ? "done" : "failed", lister->disputed ? ", disputed" : "");
    self->pages++;
    self->done += done;
    self->failed += !done;
    s_rest (self, caller);
}

//  What a page says by itself.
static zseq_do_t
s_tick_page (zseq_kv_caller_t *caller, uint64_t now_us)
{
    return now_us < caller->deadline_us
             ? zseq_kv_list_tick (caller->lister.list, now_us)
             : ZSEQ_DO_DONE;
}

static void
s_request_page (zseq_kv_clients_t *self, zseq_kv_caller_t *caller)
{
    zseq_kv_list_request (caller->lister.list, s_draw_request (self),
                          s_now_us (self), &caller->msg);
    caller->msg.kv_list.count = caller->lister.count;
}

//  Draws what a listing lists.
static void
s_draw_listing (zseq_kv_clients_t *self, zseq_kv_lister_t *lister)
{
    lister->prefix = s_draw (self, 4) ? ZSEQ_KV_CLIENTS_KEYS
                                      : s_draw (self, ZSEQ_KV_CLIENTS_KEYS);
    lister->after = s_draw (self, 3) ? 0 : 1;
    lister->count = s_draw (self, 2) ? ZSEQ_PAGE_MAX : 1 + s_draw (self, 2);
    if (!lister->list)
        lister->list = zseq_kv_list_new ();
    assert (lister->list);
}

static void
s_begin_page (zseq_kv_clients_t *self, zseq_kv_caller_t *caller,
              const zseq_timing_t *timing)
{
    zseq_kv_lister_t *lister = &caller->lister;
    if (!lister->more)
        s_draw_listing (self, lister);
    zseq_kv_list_ask_t ask = {.values = true};
    if (lister->prefix < ZSEQ_KV_CLIENTS_KEYS)
        ask.prefix = (zseq_slice_t){&s_keys[lister->prefix], 1};
    if (lister->after > 0)
        ask.after = (zseq_slice_t){&s_keys[lister->after - 1], 1};
    lister->page = true;
    lister->more = false;
    zseq_kv_list_begin (lister->list, self->n, &ask, timing);
}

//  What a page and any other call do.

static zseq_do_t
s_tick (zseq_kv_clients_t *self, zseq_kv_caller_t *caller)
{
    return caller->lister.page
             ? s_tick_page (caller, s_now_us (self))
             : zseq_kv_call_tick (&caller->call, s_now_us (self));
}

static zseq_do_t
s_sent (zseq_kv_clients_t *self, zseq_kv_caller_t *caller)
{
    if (!caller->lister.page)
        return zseq_kv_call_sent (&caller->call, caller->sent, s_now_us (self));
    zseq_kv_list_attempt (caller->lister.list)->absent =
      zseq_node_set_first (self->n) & ~caller->sent;
    return ZSEQ_DO_WAIT;
}

static void
s_request (zseq_kv_clients_t *self, zseq_kv_caller_t *caller)
{
    bool page = caller->lister.page;
    if (page)
        s_request_page (self, caller);
    else
        zseq_kv_call_request (&caller->call, s_draw_request (self),
                              s_now_us (self), &caller->msg);
    caller->msg.cluster = zseq_sim_cluster_identity (self->cluster);
    caller->unsent =
      page ? zseq_node_set_first (self->n) : zseq_kv_call_nodes (&caller->call);
    caller->sent = 0;
}

static uint64_t
s_wake_us (const zseq_kv_caller_t *caller)
{
    if (!caller->lister.page)
        return zseq_kv_call_wake_us (&caller->call);
    uint64_t wake_us =
      zseq_attempt_wake_us (zseq_kv_list_attempt (caller->lister.list));
    return wake_us < caller->deadline_us ? wake_us : caller->deadline_us;
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
    //  What asks all nodes waits for those that cannot be reached now.
    if (caller->msg.op != ZSEQ_OP_KV_READ &&
        caller->msg.op != ZSEQ_OP_KV_WATCH && caller->msg.op != ZSEQ_OP_KV_LIST)
        caller->unsent = 0;
    return s_sent (self, caller);
}

static void
s_go_on (zseq_kv_clients_t *self, zseq_kv_caller_t *caller, zseq_do_t todo)
{
    while (todo == ZSEQ_DO_SEND) {
        s_request (self, caller);
        todo = s_scatter (self, caller);
    }
    if (todo == ZSEQ_DO_WAIT) {
        caller->wake_us = s_wake_us (caller);
        s_wake_at (self, caller, caller->wake_us);
    }
    else if (caller->lister.page)
        s_end_page (self, caller, s_now_us (self) < caller->deadline_us);
    else
        s_end (self, caller);
}

//  Draws what the client does next. What a page left open comes first.
static void
s_draw_kind (zseq_kv_clients_t *self, zseq_kv_caller_t *caller)
{
    static const zseq_kv_history_kind_t kinds[] = {
      ZSEQ_KV_HISTORY_GET,  ZSEQ_KV_HISTORY_GET, ZSEQ_KV_HISTORY_STALE,
      ZSEQ_KV_HISTORY_PUT,  ZSEQ_KV_HISTORY_PUT, ZSEQ_KV_HISTORY_CAS,
      ZSEQ_KV_HISTORY_CAS,  ZSEQ_KV_HISTORY_DEL, ZSEQ_KV_HISTORY_LIST,
      ZSEQ_KV_HISTORY_WATCH};
    uint32_t *disputed = &caller->lister.disputed;
    if (*disputed) {
        caller->kind = ZSEQ_KV_HISTORY_GET;
        caller->key = (size_t) __builtin_ctz (*disputed);
        *disputed &= *disputed - 1;
        return;
    }
    caller->kind = caller->lister.more
                     ? ZSEQ_KV_HISTORY_LIST
                     : kinds[s_draw (self, sizeof kinds / sizeof kinds[0])];
    if (caller->kind == ZSEQ_KV_HISTORY_WATCH && !self->manners.watch_us)
        caller->kind = ZSEQ_KV_HISTORY_GET;
    if (caller->kind == ZSEQ_KV_HISTORY_LIST &&
        self->manners.unlisted >> s_index (self, caller) & 1)
        caller->kind = ZSEQ_KV_HISTORY_GET;
    caller->key = s_draw (self, self->manners.keys);
}

static void
s_draw_op (zseq_kv_clients_t *self, zseq_kv_caller_t *caller,
           zseq_kv_ask_t *ask)
{
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
    case ZSEQ_KV_HISTORY_WATCH:
        ask->watch = true;
        ask->above = s_draw (self, 8) ? version : 0;
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
    s_draw_kind (self, caller);
    bool watch = caller->kind == ZSEQ_KV_HISTORY_WATCH;
    uint64_t lasts_us = watch ? WATCH_US + s_draw (self, self->manners.watch_us)
                              : self->manners.least_us +
                                  s_draw (self, self->manners.operation_us + 1);
    caller->begun_us = s_now_us (self);
    caller->deadline_us = caller->begun_us + lasts_us;
    zseq_timing_t timing = {.rtt_us = 1 + s_draw (self, self->manners.rtt_us),
                            .deadline_us = caller->deadline_us,
                            .seed = s_draw (self, UINT64_MAX)};
    if (caller->kind == ZSEQ_KV_HISTORY_LIST)
        s_begin_page (self, caller, &timing);
    else {
        s_draw_op (self, caller, &ask);
        zseq_kv_call_init (&caller->call, &caller->nodes, &ask, &timing);
    }
    caller->busy = true;
    caller->news_us = 0;
    caller->processes = s_processes (self);
    caller->unsent = 0;
    self->calls++;
    s_go_on (self, caller, s_tick (self, caller));
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
        todo = s_tick (self, caller);
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
    bool page = caller->lister.page;
    if (!caller->busy ||
        msg->cluster != zseq_sim_cluster_identity (self->cluster) ||
        (!page && !zseq_kv_call_waits_for (&caller->call, msg->request)))
        return;
    zseq_do_t todo =
      page ? zseq_kv_list_reply (caller->lister.list, msg, s_now_us (self))
           : zseq_kv_call_reply (&caller->call, msg, s_now_us (self));
    //  A reply may shorten the wait for the others.
    if (todo != ZSEQ_DO_WAIT || s_wake_us (caller) < caller->wake_us)
        s_go_on (self, caller, todo);
}

void
zseq_kv_clients_crash (zseq_kv_clients_t *self, size_t client)
{
    assert (self);
    assert (client < ZSEQ_KV_CLIENTS_MAX);

    zseq_kv_caller_t *caller = &self->caller[client];
    if (caller->busy && !caller->lister.page) {
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
