//  Threads of a client process that use keys.

#include "zseq_keys_private.h"
#include "zseq_history.h"
#include "zseq_process.h"

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S_HOT 4           //  Keys that get half of the calls
#define S_SMALL_MAX 64    //  Bytes of half of the values
#define S_CALLS_MAX 2000  //  Calls of a handle at most
#define S_SHORT_PART 50   //  Short timeouts are up to this part
#define S_FULL_MS 1       //  How often to look whether the judge has room
#define S_WATCH_MS 200    //  Only handles whose calls last no longer watch
#define S_TOKEN_MAX 16

//  One thread.
typedef struct {
    zseq_keys_t *keys;
    zseq_keys_log_t *log;
    zseq_client_t *client;
    pthread_rwlock_t *gate;  //  Or NULL
    zseq_kv_t *shared;       //  A handle of all threads of the process
    uint32_t shared_number;
    uint32_t thread;  //  Its number in the process
    uint64_t random;
    zseq_kv_t *kv;                 //  Its own handle
    int timeout_ms;                //  ... and how long its calls last at most
    uint32_t number;               //  ... in the history
    uint64_t left;                 //  Calls that it has left
    uint64_t op;                   //  ID of the last op, a value's first bytes
    uint64_t seen[ZSEQ_KEYS_MAX];  //  Versions of keys, present or not
    char *buffer;                  //  Of ZSEQ_VALUE_MAX bytes
    int rc;
    pthread_t id;
} s_thread_t;

struct zseq_keys_client {
    uint32_t threads;
    zseq_kv_t *shared;
    s_thread_t thread[];
};

static uint64_t
s_mix (uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t
s_below (s_thread_t *self, uint64_t bound)
{
    return s_mix (self->random += 0x9e3779b97f4a7c15u) % bound;
}

//  Values. A value is random bytes that its first eight decide; the history has
//  a hash of all, so that a value which is damaged was written by nobody.

static uint64_t
s_hash (const char *data, size_t size)
{
    uint64_t hash = s_mix (size + 1);
    for (size_t at = 0; at < size; at += sizeof hash) {
        uint64_t word = 0;
        memcpy (&word, data + at,
                size - at < sizeof word ? size - at : sizeof word);
        hash = s_mix (hash ^ word) + 0x9e3779b97f4a7c15u;
    }
    return hash;
}

//  Fills the buffer with the value of the present op, which nobody has written
//  before; returns its size.
static size_t
s_fill (s_thread_t *self)
{
    size_t most = self->keys->options.value_max;
    if (s_below (self, 2) == 0 && most > S_SMALL_MAX)
        most = S_SMALL_MAX;
    else if (s_below (self, 8) > 0)
        most = most / 16 + 1;
    size_t size = sizeof (uint64_t) + s_below (self, most);
    if (size > ZSEQ_VALUE_MAX)
        size = ZSEQ_VALUE_MAX;
    uint64_t word = self->op;
    for (size_t at = 0; at < size; at += sizeof word) {
        memcpy (self->buffer + at, &word,
                size - at < sizeof word ? size - at : sizeof word);
        word = s_mix (word);
    }
    return size;
}

//  Whether it tells whether the client is served.
static bool
s_is_steady (const s_thread_t *self)
{
    return self->keys->options.steady && self->thread < 2;
}

//  Handles.

static int
s_draw_timeout (s_thread_t *self)
{
    const zseq_keys_options_t *options = &self->keys->options;
    int timeout_ms = options->timeout_ms;
    if (s_is_steady (self) || s_below (self, 4) > 0)
        return timeout_ms;
    int most = timeout_ms / S_SHORT_PART;
    return 1 + (int) s_below (self, most > 0 ? (uint64_t) most : 1);
}

static void
s_renew (s_thread_t *self)
{
    zseq_kv_destroy (&self->kv);
    self->kv = zseq_kv_new (self->client);
    self->timeout_ms = s_draw_timeout (self);
    if (!self->kv ||
        zseq_kv_set_timeout (self->kv, self->timeout_ms) != ZSEQ_OK)
        zseq_process_fail ("no handle: %s", zseq_detail ());
    self->number = atomic_fetch_add (&self->keys->handles, 1);
    assert (self->number < ZSEQ_KV_HISTORY_CLIENTS_MAX);
    self->left = 1 + s_below (self, S_CALLS_MAX);
}

//  Calls.

static bool
s_is_write (const zseq_kv_history_op_t *op)
{
    return op->kind >= ZSEQ_KV_HISTORY_PUT;
}

//  What is asked: kind, key, and the version that is expected.
static void
s_draw (s_thread_t *self, zseq_kv_history_op_t *op)
{
    static const zseq_kv_history_kind_t kinds[] = {
      ZSEQ_KV_HISTORY_GET,   ZSEQ_KV_HISTORY_GET,   ZSEQ_KV_HISTORY_GET,
      ZSEQ_KV_HISTORY_STALE, ZSEQ_KV_HISTORY_STALE, ZSEQ_KV_HISTORY_PUT,
      ZSEQ_KV_HISTORY_PUT,   ZSEQ_KV_HISTORY_PUT,   ZSEQ_KV_HISTORY_CAS,
      ZSEQ_KV_HISTORY_CAS,   ZSEQ_KV_HISTORY_CAS,   ZSEQ_KV_HISTORY_DEL,
      ZSEQ_KV_HISTORY_LIST,  ZSEQ_KV_HISTORY_WATCH};
    uint32_t keys = self->keys->options.keys;
    uint32_t hot = keys < S_HOT ? keys : S_HOT;
    do
        op->kind =
          (uint8_t) kinds[s_below (self, sizeof kinds / sizeof kinds[0])];
    while (s_is_steady (self) && s_is_write (op) != (self->thread == 0));
    bool watch = op->kind == ZSEQ_KV_HISTORY_WATCH;
    bool waits = self->timeout_ms > S_WATCH_MS || op->client != self->number;
    if ((watch && waits) ||
        (s_is_steady (self) && (watch || op->kind == ZSEQ_KV_HISTORY_LIST)))
        op->kind = ZSEQ_KV_HISTORY_GET;
    op->key = (uint32_t) s_below (self, s_below (self, 2) == 0 ? hot : keys);
    uint64_t seen = self->seen[op->key];
    if (op->kind == ZSEQ_KV_HISTORY_CAS || op->kind == ZSEQ_KV_HISTORY_WATCH)
        op->expected = s_below (self, 4) > 0 ? seen : 0;
    if (op->kind == ZSEQ_KV_HISTORY_DEL)
        op->expected =
          seen > 0 && s_below (self, 2) == 0 ? seen : ZSEQ_KV_HISTORY_ANY;
}

//  Listings. One key's name is the prefix: the listing shows it, or leaves it
//  out.

typedef struct {
    const char *key;
    size_t key_size;
    bool found;
    zseq_kv_history_op_t *op;
} s_listing_t;

static int
s_take_entry (const zseq_kv_entry_t *entry, void *arg)
{
    s_listing_t *listing = arg;
    if (entry->key_size != listing->key_size ||
        memcmp (entry->key, listing->key, entry->key_size) != 0)
        return 0;
    listing->found = true;
    listing->op->version = entry->version;
    listing->op->value = s_hash (entry->data, entry->size);
    return 0;
}

static int
s_list (zseq_kv_t *kv, const char *key, size_t key_size,
        zseq_kv_history_op_t *op)
{
    s_listing_t listing = {key, key_size, false, op};
    int rc = zseq_kv_list (kv, key, key_size, NULL, 0, s_take_entry, &listing);
    if (rc != ZSEQ_OK || listing.found)
        return rc;
    op->version = ZSEQ_KV_HISTORY_ANY;
    return ZSEQ_ENOKEY;
}

//  Makes the call. Sets version and value of an answer.
static int
s_make_call (s_thread_t *self, zseq_kv_t *kv, zseq_kv_history_op_t *op,
             size_t size)
{
    char key[2 * ZSEQ_KEYS_NAME_MAX];
    zseq_keys_name (self->keys, op->key, key, sizeof key);
    size_t key_size = strlen (key);
    zseq_kv_info_t info = {.version = 0};
    int rc;
    switch (op->kind) {
    case ZSEQ_KV_HISTORY_GET:
        rc =
          zseq_kv_get (kv, key, key_size, self->buffer, ZSEQ_VALUE_MAX, &info);
        break;
    case ZSEQ_KV_HISTORY_STALE:
        rc = zseq_kv_stale (kv, key, key_size, self->buffer, ZSEQ_VALUE_MAX,
                            &info);
        break;
    case ZSEQ_KV_HISTORY_LIST:
        return s_list (kv, key, key_size, op);
    case ZSEQ_KV_HISTORY_WATCH:
        rc = zseq_kv_watch (kv, key, key_size, op->expected, self->buffer,
                            ZSEQ_VALUE_MAX, &info);
        break;
    case ZSEQ_KV_HISTORY_PUT:
        return zseq_kv_put (kv, key, key_size, self->buffer, size,
                            &op->version);
    case ZSEQ_KV_HISTORY_CAS:
        return zseq_kv_cas (kv, key, key_size, op->expected, self->buffer, size,
                            &op->version);
    default:
        return zseq_kv_del (kv, key, key_size, op->expected, &op->version);
    }
    op->version = info.version;
    if (rc == ZSEQ_OK)
        op->value = s_hash (self->buffer, info.size);
    return rc;
}

//  What a call's error says of its outcome, as zseq.h has it.
static zseq_kv_history_outcome_t
s_outcome (const zseq_kv_history_op_t *op, int rc)
{
    if (rc == ZSEQ_OK)
        return ZSEQ_KV_HISTORY_DONE;
    if (s_is_write (op) && zseq_kv_unknown ())
        return ZSEQ_KV_HISTORY_UNKNOWN;
    if (rc == ZSEQ_EVERSION)
        return ZSEQ_KV_HISTORY_EVERSION;
    if (rc == ZSEQ_ENOKEY)
        return ZSEQ_KV_HISTORY_ENOKEY;
    return ZSEQ_KV_HISTORY_REFUSED;
}

//  Whether disturbed nodes explain an error.
static bool
s_is_expected (int rc)
{
    return rc == ZSEQ_EUNAVAILABLE || rc == ZSEQ_ETIMEOUT ||
           rc == ZSEQ_ENOSPACE || rc == ZSEQ_EBUSY || rc == ZSEQ_EFORGOTTEN;
}

static void
s_count (s_thread_t *self, const zseq_kv_history_op_t *op, int rc)
{
    zseq_keys_log_t *log = self->log;
    if (op->outcome <= ZSEQ_KV_HISTORY_ENOKEY) {
        if (s_is_write (op)) {
            atomic_store (&log->write_ns, op->end_ns);
            atomic_fetch_add (&log->writes, 1);
        }
        else if (op->kind == ZSEQ_KV_HISTORY_GET) {
            atomic_store (&log->read_ns, op->end_ns);
            atomic_fetch_add (&log->reads, 1);
        }
        return;
    }
    atomic_fetch_add (&log->failures, 1);
    if (op->outcome == ZSEQ_KV_HISTORY_UNKNOWN)
        atomic_fetch_add (&self->keys->unknown, 1);
    if (rc == ZSEQ_ENOSPACE)
        atomic_fetch_add (&self->keys->refused, 1);
    if (rc == ZSEQ_ENOKEY || rc == ZSEQ_EVERSION || s_is_expected (rc))
        return;
    fprintf (stderr, "keys: client %u: %s: %s\n", op->client,
             zseq_strerror (rc), zseq_detail ());
    self->rc = rc;
}

//  Where to note the next call: waits until the judge has taken enough.
static zseq_kv_history_op_t *
s_note (const s_thread_t *self)
{
    uint64_t count = atomic_load (&self->log->count);
    while (count - atomic_load (&self->log->taken) >= ZSEQ_KEYS_LOG_MAX &&
           !atomic_load (&self->keys->stop))
        (void) poll (NULL, 0, S_FULL_MS);
    if (count - atomic_load (&self->log->taken) >= ZSEQ_KEYS_LOG_MAX)
        return NULL;
    return &self->log->op[count % ZSEQ_KEYS_LOG_MAX];
}

//  Makes the call that op asks for, and notes it. The order of the stores
//  matters where the process is killed in between.
static int
s_call (s_thread_t *self, zseq_kv_t *kv, const zseq_kv_history_op_t *ask)
{
    zseq_keys_log_t *log = self->log;
    zseq_kv_history_op_t *note = s_note (self);
    if (!note)
        return ZSEQ_OK;
    zseq_kv_history_op_t op = *ask;
    op.outcome = ZSEQ_KV_HISTORY_UNKNOWN;
    op.id = ++self->op;
    size_t size = 0;
    if (ask->kind == ZSEQ_KV_HISTORY_PUT || ask->kind == ZSEQ_KV_HISTORY_CAS) {
        size = s_fill (self);
        op.value = s_hash (self->buffer, size);
    }
    atomic_store (&log->bound_ns, zseq_history_now_ns ());
    if (self->gate)
        pthread_rwlock_rdlock (self->gate);
    op.begin_ns = op.end_ns = zseq_history_now_ns ();
    *note = op;
    atomic_store (&log->begun, atomic_load (&log->count) + 1);
    int rc = s_make_call (self, kv, &op, size);
    op.end_ns = zseq_history_now_ns ();
    op.outcome = (uint8_t) s_outcome (&op, rc);
    note->version = op.outcome <= ZSEQ_KV_HISTORY_ENOKEY ? op.version : 0;
    note->value = op.value;
    note->end_ns = op.end_ns;
    atomic_signal_fence (memory_order_seq_cst);
    note->outcome = op.outcome;
    atomic_fetch_add (&log->count, 1);
    if (self->gate)
        pthread_rwlock_unlock (self->gate);
    if (op.outcome <= ZSEQ_KV_HISTORY_ENOKEY &&
        op.kind != ZSEQ_KV_HISTORY_LIST && op.version > self->seen[op.key])
        self->seen[op.key] = op.version;
    s_count (self, &op, rc);
    return rc;
}

static bool
s_over (const s_thread_t *self)
{
    return self->rc != ZSEQ_OK || atomic_load (&self->keys->stop);
}

static void *
s_thread_run (void *arg)
{
    s_thread_t *self = arg;
    while (!s_over (self)) {
        if (self->left-- == 0)
            s_renew (self);
        bool shared = !s_is_steady (self) && s_below (self, 4) == 0;
        zseq_kv_history_op_t op = {.client = shared ? self->shared_number
                                                    : self->number};
        s_draw (self, &op);
        s_call (self, shared ? self->shared : self->kv, &op);
    }
    atomic_store (&self->log->bound_ns, ZSEQ_KEYS_ENDED);
    return NULL;
}

static void
s_init (s_thread_t *self, zseq_keys_t *keys, zseq_keys_log_t *log,
        zseq_client_t *client)
{
    self->keys = keys;
    self->log = log;
    self->client = client;
    self->buffer = malloc (ZSEQ_VALUE_MAX);
    assert (self->buffer);
}

static void
s_term (s_thread_t *self)
{
    zseq_kv_destroy (&self->kv);
    free (self->buffer);
}

zseq_keys_client_t *
zseq_keys_client_new (zseq_keys_t *keys, uint32_t index, zseq_client_t *client)
{
    assert (keys);
    assert (index < keys->options.clients);
    assert (client);
    uint32_t threads = keys->options.threads;
    zseq_keys_client_t *self =
      calloc (1, sizeof *self + threads * sizeof self->thread[0]);
    assert (self);
    self->threads = threads;
    uint32_t process = atomic_fetch_add (&keys->processes, 1);
    uint32_t number = atomic_fetch_add (&keys->handles, 1);
    self->shared = zseq_kv_new (client);
    if (!self->shared ||
        zseq_kv_set_timeout (self->shared, keys->options.timeout_ms) != ZSEQ_OK)
        zseq_process_fail ("no handle: %s", zseq_detail ());
    for (uint32_t thread = 0; thread < threads; thread++) {
        s_thread_t *one = &self->thread[thread];
        s_init (one, keys, &keys->log[index * threads + thread], client);
        one->gate = keys->options.gate;
        one->shared = self->shared;
        one->shared_number = number;
        one->thread = thread;
        one->op = (uint64_t) process << 44 | (uint64_t) thread << 40;
        one->random =
          s_mix (keys->options.seed + process * 1009u + thread * 9176u);
        if (pthread_create (&one->id, NULL, s_thread_run, one))
            zseq_process_fail ("cannot start a client's thread");
    }
    return self;
}

int
zseq_keys_client_end (zseq_keys_client_t **self_p)
{
    assert (self_p);
    zseq_keys_client_t *self = *self_p;
    int rc = ZSEQ_OK;
    for (uint32_t thread = 0; thread < self->threads; thread++) {
        pthread_join (self->thread[thread].id, NULL);
        if (self->thread[thread].rc != ZSEQ_OK)
            rc = self->thread[thread].rc;
        s_term (&self->thread[thread]);
    }
    zseq_kv_destroy (&self->shared);
    free (self);
    *self_p = NULL;
    return rc;
}

int
zseq_keys_ask_all (zseq_keys_t *self, zseq_client_t *client, int timeout_ms)
{
    assert (self);
    assert (client);
    s_thread_t *thread = calloc (1, sizeof *thread);
    assert (thread);
    s_init (thread, self, &self->log[self->logs - 1], client);
    thread->number = atomic_fetch_add (&self->handles, 1);
    thread->kv = zseq_kv_new (client);
    int rc =
      thread->kv ? zseq_kv_set_timeout (thread->kv, timeout_ms) : zseq_errno ();
    for (uint32_t key = 0; key < self->options.keys && rc == ZSEQ_OK; key++) {
        zseq_kv_history_op_t op = {
          .kind = ZSEQ_KV_HISTORY_GET, .key = key, .client = thread->number};
        rc = s_call (thread, thread->kv, &op);
        if (rc == ZSEQ_ENOKEY)
            rc = ZSEQ_OK;
    }
    if (rc != ZSEQ_OK)
        fprintf (stderr, "asking for all keys: %s: %s\n", zseq_strerror (rc),
                 zseq_detail ());
    atomic_store (&thread->log->bound_ns, ZSEQ_KEYS_ENDED);
    s_term (thread);
    free (thread);
    return rc;
}
