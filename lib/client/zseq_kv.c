//  A handle on the key-value store: its constructor and its calls, those that
//  block and those that zseq_client_collect ends. Each call makes a query
//  (zseq_kv_query), which the reactor or the client's source runs.

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_call_private.h"
#include "zseq_client_check.h"
#include "zseq_client_texts.h"
#include "zseq_detail.h"
#include "zseq_fork.h"

zseq_kv_t *
zseq_kv_new (zseq_client_t *client)
{
    assert (client);

    if (zseq_client_check (client) != ZSEQ_OK)
        return NULL;
    if (client->source && !client->source->ops->kv) {
        (void) zseq_detail_fail (ZSEQ_EINVAL, ZSEQ_TEXT_KV_NOT_FLAKE);
        return NULL;
    }
    zseq_kv_t *self = calloc (1, sizeof *self);
    if (!self) {
        (void) zseq_detail_fail (ZSEQ_ENOMEM, ZSEQ_TEXT_NO_MEMORY_HANDLE);
        return NULL;
    }
    self->client = client;
    self->forks = zseq_fork_count;
    atomic_init (&self->timeout_ms, client->timeout_ms);
    zseq_kv_seen_init (&self->seen);
    zseq_client_begin_use (client);
    return self;
}

void
zseq_kv_destroy (zseq_kv_t **self_p)
{
    assert (self_p);

    zseq_kv_t *self = *self_p;
    if (!self)
        return;
    zseq_client_t *client = self->client;
    if (self->forks == zseq_fork_count) {
        zseq_call_queue_cancel (client, self);
        if (client->reactor) {
            zseq_reactor_lock (client->reactor);
            zseq_call_run_cancel (client, self);
            zseq_reactor_leave (client->reactor);
        }
        zseq_kv_seen_term (&self->seen);
    }
    free (self);
    zseq_client_end_use (client);
    *self_p = NULL;
}

int
zseq_kv_set_timeout (zseq_kv_t *self, int timeout_ms)
{
    assert (self);

    int rc = zseq_client_check (self->client);
    if (rc == ZSEQ_OK)
        rc = zseq_client_check_timeout (timeout_ms);
    if (rc == ZSEQ_OK)
        self->timeout_ms = timeout_ms;
    return rc;
}

//  Queries. Errors, with zseq_detail set: ZSEQ_EINVAL, ZSEQ_EVALUE.

static int
s_make (zseq_kv_query_t *query, zseq_kv_type_t type, const void *key,
        size_t key_size)
{
    assert (key || key_size == 0);

    if (key_size < 1 || key_size > ZSEQ_KEY_MAX)
        return zseq_detail_fail (ZSEQ_EINVAL, ZSEQ_TEXT_KEY_SIZE, ZSEQ_KEY_MAX,
                                 key_size);
    memset (query, 0, sizeof *query);
    query->ask.key = (zseq_slice_t){key, key_size};
    query->ask.op.type = type;
    query->ask.op.value = (zseq_slice_t){"", 0};
    return ZSEQ_OK;
}

static int
s_make_get (zseq_kv_query_t *query, const void *key, size_t key_size,
            bool stale, void *buffer, size_t buffer_size)
{
    assert (buffer || buffer_size == 0);

    int rc = s_make (query, ZSEQ_KV_GET, key, key_size);
    if (rc != ZSEQ_OK)
        return rc;
    query->ask.stale = stale;
    query->buffer = buffer;
    query->buffer_size = buffer_size;
    return ZSEQ_OK;
}

static int
s_make_watch (zseq_kv_query_t *query, const void *key, size_t key_size,
              uint64_t after_version, void *buffer, size_t buffer_size)
{
    int rc = s_make_get (query, key, key_size, false, buffer, buffer_size);
    if (rc != ZSEQ_OK)
        return rc;
    query->ask.watch = true;
    query->ask.above =
      after_version < ZSEQ_KV_VERSION_MAX ? after_version : ZSEQ_KV_VERSION_MAX;
    return ZSEQ_OK;
}

//  expected: ZSEQ_KV_ANY, or the condition.
static int
s_make_put (zseq_kv_query_t *query, const void *key, size_t key_size,
            uint64_t expected, const void *data, size_t size)
{
    assert (data || size == 0);

    int rc = s_make (query, ZSEQ_KV_PUT, key, key_size);
    if (rc != ZSEQ_OK)
        return rc;
    if (size > ZSEQ_VALUE_MAX)
        return zseq_detail_fail (ZSEQ_EVALUE, ZSEQ_TEXT_VALUE_SIZE,
                                 ZSEQ_VALUE_MAX, size);
    if (size)
        query->ask.op.value = (zseq_slice_t){data, size};
    query->ask.op.conditional = expected != ZSEQ_KV_ANY;
    query->ask.op.expected = expected == ZSEQ_KV_ANY ? 0 : expected;
    return ZSEQ_OK;
}

static int
s_make_cas_or_get (zseq_kv_query_t *query, const void *key, size_t key_size,
                   uint64_t expected, const void *data, size_t size,
                   void *buffer, size_t buffer_size)
{
    assert (buffer || buffer_size == 0);

    int rc = s_make_put (query, key, key_size, expected, data, size);
    if (rc != ZSEQ_OK)
        return rc;
    query->buffer = buffer;
    query->buffer_size = buffer_size;
    return ZSEQ_OK;
}

static int
s_make_del (zseq_kv_query_t *query, const void *key, size_t key_size,
            uint64_t expected)
{
    int rc = s_make (query, ZSEQ_KV_DEL, key, key_size);
    if (rc != ZSEQ_OK)
        return rc;
    if (expected == 0)
        return zseq_detail_fail (ZSEQ_EINVAL, ZSEQ_TEXT_KV_DEL_NOTHING);
    query->ask.op.conditional = expected != ZSEQ_KV_ANY;
    query->ask.op.expected = expected == ZSEQ_KV_ANY ? 0 : expected;
    return ZSEQ_OK;
}

//  Calls that block.

static void
s_wake (zseq_kv_query_t *query)
{
    zseq_waiter_wake (query->arg);
}

//  Runs a query and waits for it. Reactor's lock held.
static void
s_wait (zseq_kv_t *self, zseq_kv_query_t *query)
{
    zseq_waiter_t waiter;
    zseq_waiter_init (&waiter);
    query->done = s_wake;
    query->arg = &waiter;
    query->forgotten = zseq_kv_seen_prepare (&self->seen, &query->ask);
    if (zseq_kv_query_post (self->client->reactor, query) != ZSEQ_OK)
        zseq_outcome_set (&query->outcome, ZSEQ_ENOMEM,
                          ZSEQ_TEXT_NO_MEMORY_CALL);
    while (query->operation)
        zseq_reactor_wait (self->client->reactor, &waiter, query->deadline_us);
    zseq_waiter_term (&waiter);
}

//  Runs a query, and returns its error, with zseq_detail set.
static int
s_run (zseq_kv_t *self, zseq_kv_query_t *query)
{
    zseq_client_t *client = self->client;
    int rc = zseq_client_check (client);
    if (rc == ZSEQ_OK && client->reactor)
        rc = zseq_reactor_enter (client->reactor);
    if (rc != ZSEQ_OK)
        return rc;
    query->deadline_us = zseq_client_deadline_us (self->timeout_ms);
    if (client->reactor) {
        s_wait (self, query);
        zseq_reactor_leave (client->reactor);
    }
    else {
        query->forgotten = zseq_kv_seen_prepare (&self->seen, &query->ask);
        client->source->ops->kv (client->source, query);
    }
    zseq_kv_seen_note (&self->seen, query->ask.key, query->forgotten,
                       query->version, query->floor);
    rc = zseq_client_report (&query->outcome);
    if (query->unknown)
        zseq_detail_set_unknown ();
    return rc;
}

static int
s_read (zseq_kv_t *self, zseq_kv_query_t *query, zseq_kv_info_t *info_p)
{
    int rc = s_run (self, query);
    if (rc == ZSEQ_OK || rc == ZSEQ_ENOKEY || rc == ZSEQ_EVALUE)
        *info_p =
          (zseq_kv_info_t){.size = query->size, .version = query->version};
    return rc;
}

static int
s_get (zseq_kv_t *self, const void *key, size_t key_size, bool stale,
       void *buffer, size_t buffer_size, zseq_kv_info_t *info_p)
{
    zseq_kv_query_t query;
    int rc = s_make_get (&query, key, key_size, stale, buffer, buffer_size);
    return rc == ZSEQ_OK ? s_read (self, &query, info_p) : rc;
}

int
zseq_kv_get (zseq_kv_t *self, const void *key, size_t key_size, void *buffer,
             size_t buffer_size, zseq_kv_info_t *info_p)
{
    assert (self);
    assert (info_p);
    return s_get (self, key, key_size, false, buffer, buffer_size, info_p);
}

int
zseq_kv_stale (zseq_kv_t *self, const void *key, size_t key_size, void *buffer,
               size_t buffer_size, zseq_kv_info_t *info_p)
{
    assert (self);
    assert (info_p);
    return s_get (self, key, key_size, true, buffer, buffer_size, info_p);
}

int
zseq_kv_watch (zseq_kv_t *self, const void *key, size_t key_size,
               uint64_t after_version, void *buffer, size_t buffer_size,
               zseq_kv_info_t *info_p)
{
    assert (self);
    assert (info_p);

    zseq_kv_query_t query;
    int rc =
      s_make_watch (&query, key, key_size, after_version, buffer, buffer_size);
    return rc == ZSEQ_OK ? s_read (self, &query, info_p) : rc;
}

//  Runs a write. A refused one tells the key's version, too.
static int
s_write (zseq_kv_t *self, zseq_kv_query_t *query, uint64_t *version_p)
{
    int rc = s_run (self, query);
    if (version_p && (rc == ZSEQ_OK || rc == ZSEQ_ENOKEY ||
                      rc == ZSEQ_EVERSION || rc == ZSEQ_EFORGOTTEN))
        *version_p = query->version;
    return rc;
}

int
zseq_kv_put (zseq_kv_t *self, const void *key, size_t key_size,
             const void *data, size_t size, uint64_t *version_p)
{
    assert (self);
    return zseq_kv_cas (self, key, key_size, ZSEQ_KV_ANY, data, size,
                        version_p);
}

int
zseq_kv_cas (zseq_kv_t *self, const void *key, size_t key_size,
             uint64_t expected, const void *data, size_t size,
             uint64_t *version_p)
{
    assert (self);

    zseq_kv_query_t query;
    int rc = s_make_put (&query, key, key_size, expected, data, size);
    return rc == ZSEQ_OK ? s_write (self, &query, version_p) : rc;
}

int
zseq_kv_cas_or_get (zseq_kv_t *self, const void *key, size_t key_size,
                    uint64_t expected, const void *data, size_t size,
                    void *buffer, size_t buffer_size, zseq_kv_info_t *info_p)
{
    assert (self);
    assert (info_p);

    zseq_kv_query_t query;
    int rc = s_make_cas_or_get (&query, key, key_size, expected, data, size,
                                buffer, buffer_size);
    if (rc != ZSEQ_OK)
        return rc;
    rc = s_run (self, &query);
    if (rc == ZSEQ_OK || rc == ZSEQ_ENOKEY || rc == ZSEQ_EVERSION ||
        rc == ZSEQ_EFORGOTTEN)
        *info_p = (zseq_kv_info_t){.size = rc == ZSEQ_OK ? size : query.size,
                                   .version = query.version};
    return rc;
}

int
zseq_kv_del (zseq_kv_t *self, const void *key, size_t key_size,
             uint64_t expected, uint64_t *version_p)
{
    assert (self);

    zseq_kv_query_t query;
    int rc = s_make_del (&query, key, key_size, expected);
    return rc == ZSEQ_OK ? s_write (self, &query, version_p) : rc;
}

int
zseq_kv_note (zseq_kv_t *self, const void *key, size_t key_size,
              uint64_t version)
{
    assert (self);

    zseq_kv_query_t query;
    int rc = zseq_client_check (self->client);
    if (rc == ZSEQ_OK)
        rc = s_make (&query, ZSEQ_KV_GET, key, key_size);
    if (rc != ZSEQ_OK)
        return rc;
    if (version < 1 || version > ZSEQ_KV_VERSION_MAX)
        return zseq_detail_fail (ZSEQ_EINVAL, ZSEQ_TEXT_KV_VERSION,
                                 (unsigned long long) version);
    uint64_t forgotten = zseq_kv_seen_prepare (&self->seen, &query.ask);
    zseq_kv_seen_note (&self->seen, query.ask.key, forgotten, version, 0);
    return ZSEQ_OK;
}

//  Calls that are started.

static int
s_start (zseq_kv_t *self, const zseq_kv_query_t *query, uint64_t tag)
{
    int rc;
    zseq_call_t *call = zseq_call_run_new_kv (self, query, tag, &rc);
    if (!call)
        return rc;
    //  A source answers at once, but for a watch.
    if (zseq_call_queue_needed (self->client) ||
        (self->client->source && query->ask.watch))
        return zseq_call_queue_post (call);
    (void) zseq_call_run_begin (call);
    return ZSEQ_OK;
}

int
zseq_start_kv_get (zseq_kv_t *self, const void *key, size_t key_size,
                   void *buffer, size_t buffer_size, uint64_t tag)
{
    assert (self);

    zseq_kv_query_t query;
    int rc = s_make_get (&query, key, key_size, false, buffer, buffer_size);
    return rc == ZSEQ_OK ? s_start (self, &query, tag) : rc;
}

int
zseq_start_kv_stale (zseq_kv_t *self, const void *key, size_t key_size,
                     void *buffer, size_t buffer_size, uint64_t tag)
{
    assert (self);

    zseq_kv_query_t query;
    int rc = s_make_get (&query, key, key_size, true, buffer, buffer_size);
    return rc == ZSEQ_OK ? s_start (self, &query, tag) : rc;
}

int
zseq_start_kv_put (zseq_kv_t *self, const void *key, size_t key_size,
                   const void *data, size_t size, uint64_t tag)
{
    assert (self);
    return zseq_start_kv_cas (self, key, key_size, ZSEQ_KV_ANY, data, size,
                              tag);
}

int
zseq_start_kv_cas (zseq_kv_t *self, const void *key, size_t key_size,
                   uint64_t expected, const void *data, size_t size,
                   uint64_t tag)
{
    assert (self);

    zseq_kv_query_t query;
    int rc = s_make_put (&query, key, key_size, expected, data, size);
    return rc == ZSEQ_OK ? s_start (self, &query, tag) : rc;
}

int
zseq_start_kv_cas_or_get (zseq_kv_t *self, const void *key, size_t key_size,
                          uint64_t expected, const void *data, size_t size,
                          void *buffer, size_t buffer_size, uint64_t tag)
{
    assert (self);

    zseq_kv_query_t query;
    int rc = s_make_cas_or_get (&query, key, key_size, expected, data, size,
                                buffer, buffer_size);
    return rc == ZSEQ_OK ? s_start (self, &query, tag) : rc;
}

int
zseq_start_kv_del (zseq_kv_t *self, const void *key, size_t key_size,
                   uint64_t expected, uint64_t tag)
{
    assert (self);

    zseq_kv_query_t query;
    int rc = s_make_del (&query, key, key_size, expected);
    return rc == ZSEQ_OK ? s_start (self, &query, tag) : rc;
}

int
zseq_start_kv_watch (zseq_kv_t *self, const void *key, size_t key_size,
                     uint64_t after_version, void *buffer, size_t buffer_size,
                     uint64_t tag)
{
    assert (self);

    zseq_kv_query_t query;
    int rc =
      s_make_watch (&query, key, key_size, after_version, buffer, buffer_size);
    return rc == ZSEQ_OK ? s_start (self, &query, tag) : rc;
}
