//  A handle on one sequence: its constructor and the calls that block. An ID
//  comes from the handle's buffer (zseq_prefetch), from a claim of its own when
//  the handle does not buffer (s_claim), or from the client's source. The calls
//  that do not block are in zseq_call.c.
//
//  zseq_next first tries the buffer, without a lock and without checking more
//  than the fork count; everything else is in s_next.

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_call.h"
#include "zseq_client_check.h"
#include "zseq_client_texts.h"
#include "zseq_clock.h"
#include "zseq_flake.h"
#include "zseq_fork.h"
#include "zseq_prefetch.h"

zseq_t *
zseq_new (zseq_client_t *client, const char *name)
{
    assert (client);

    size_t size = name ? strlen (name) : 0;
    if (size < 1 || size > ZSEQ_NAME_MAX) {
        (void) zseq_detail_fail (ZSEQ_EINVAL, ZSEQ_TEXT_NAME_SIZE,
                                 ZSEQ_NAME_MAX, size);
        return NULL;
    }
    zseq_flake_layout_t layout;
    uint32_t worker;
    if (zseq_flake_reserved (name, size) &&
        zseq_flake_parse (name, size, &layout, &worker) != ZSEQ_OK) {
        (void) zseq_detail_fail (ZSEQ_EINVAL, ZSEQ_TEXT_NAME_RESERVED,
                                 ZSEQ_FLAKE_PREFIX, name, ZSEQ_FLAKE_PREFIX);
        return NULL;
    }
    if (zseq_client_check (client) != ZSEQ_OK)
        return NULL;
    //  The buffer is aligned to cache lines.
    zseq_t *self = aligned_alloc (_Alignof(zseq_t), sizeof *self);
    if (self)
        memset (self, 0, sizeof *self);
    if (self && client->reactor)
        self->name = zseq_name_queue_acquire (client->reactor, name);
    else if (self)
        self->source_name = client->source->ops->open (client->source, name);
    if (!self || (!self->name && !self->source_name)) {
        free (self);
        (void) zseq_detail_fail (ZSEQ_ENOMEM, ZSEQ_TEXT_NO_MEMORY_HANDLE);
        return NULL;
    }
    self->client = client;
    self->forks = zseq_fork_count;
    zseq_prefetch_init (self);
    atomic_init (&self->timeout_ms, client->timeout_ms);
    pthread_mutex_init (&self->lock, NULL);

    zseq_client_begin_use (client);
    pthread_mutex_lock (&client->lock);
    self->next = client->handles;
    if (client->handles)
        client->handles->prev = self;
    client->handles = self;
    pthread_mutex_unlock (&client->lock);
    return self;
}

//  Removes the handle from its client. Client's lock held.
static void
s_unlink (zseq_t *self)
{
    zseq_client_t *client = self->client;
    if (self->prev)
        self->prev->next = self->next;
    else
        client->handles = self->next;
    if (self->next)
        self->next->prev = self->prev;
    client->issued += zseq_buffer_issued (&self->buffer);
}

void
zseq_destroy (zseq_t **self_p)
{
    assert (self_p);

    zseq_t *self = *self_p;
    if (!self)
        return;
    zseq_client_t *client = self->client;
    zseq_reactor_t *reactor = client->reactor;
    if (self->forks != zseq_fork_count)
        s_unlink (self);
    else {
        zseq_call_queue_cancel (client, self);
        if (reactor) {
            zseq_reactor_lock (reactor);
            zseq_call_run_cancel (client, self);
            zseq_reactor_burn (reactor, zseq_prefetch_drop (self));
            zseq_reactor_leave (reactor);
        }
        pthread_mutex_lock (&client->lock);
        s_unlink (self);
        pthread_mutex_unlock (&client->lock);
        pthread_mutex_destroy (&self->lock);
    }
    if (reactor)
        zseq_name_queue_release (reactor, self->name);
    free (self);
    zseq_client_end_use (client);
    *self_p = NULL;
}

int
zseq_set_batch (zseq_t *self, uint64_t batch)
{
    assert (self);

    if (batch > ZSEQ_COUNT_MAX && batch != ZSEQ_BATCH_AUTO)
        return zseq_detail_fail (ZSEQ_EINVAL, ZSEQ_TEXT_BATCH_RANGE,
                                 (unsigned long long) batch);
    zseq_reactor_t *reactor = self->client->reactor;
    int rc = zseq_client_check (self->client);
    if (rc != ZSEQ_OK)
        return rc;
    if (!zseq_prefetch_set_batch (self, batch))
        return ZSEQ_OK;
    rc = zseq_reactor_enter (reactor);
    if (rc != ZSEQ_OK)
        return rc;
    zseq_reactor_burn (reactor, zseq_prefetch_drop (self));
    zseq_reactor_leave (reactor);
    return ZSEQ_OK;
}

int
zseq_set_timeout (zseq_t *self, int timeout_ms)
{
    assert (self);

    int rc = zseq_client_check (self->client);
    if (rc == ZSEQ_OK)
        rc = zseq_client_check_timeout (timeout_ms);
    if (rc == ZSEQ_OK)
        self->timeout_ms = timeout_ms;
    return rc;
}

//  IDs.

static void
s_wake (zseq_id_request_t *request)
{
    zseq_waiter_wake (request->arg);
}

//  Claims count IDs beside the buffer, and waits. Reactor's lock held.
static void
s_claim (zseq_t *self, uint64_t count, uint64_t deadline_us, uint64_t *first_p,
         zseq_outcome_t *outcome)
{
    zseq_waiter_t waiter;
    zseq_waiter_init (&waiter);
    zseq_id_request_t request = {.request = {.count = count,
                                             .count_min = count,
                                             .deadline_us = deadline_us},
                                 .done = s_wake,
                                 .arg = &waiter};
    zseq_name_queue_post (self->client->reactor, self->name, &request);
    while (request.pending)
        zseq_reactor_wait (self->client->reactor, &waiter, deadline_us);
    zseq_waiter_term (&waiter);

    *outcome = request.outcome;
    if (outcome->rc != ZSEQ_OK)
        return;
    *first_p = request.request.first;
    zseq_prefetch_note_issued (self, &request);
}

static int
s_take_source (zseq_t *self, uint64_t count, int timeout_ms, uint64_t *first_p)
{
    zseq_source_t *source = self->client->source;
    return source->ops->take (source, self->source_name, count, timeout_ms,
                              first_p);
}

//  The next ID of a client with a reactor, when the buffer's current range is
//  used up or there is none.
static int
s_next_by (zseq_t *self, uint64_t deadline_us, uint64_t *id_p)
{
    if (zseq_prefetch_take_ahead (self, id_p))
        return ZSEQ_OK;
    zseq_reactor_t *reactor = self->client->reactor;
    int rc = zseq_reactor_enter (reactor);
    if (rc != ZSEQ_OK)
        return rc;
    zseq_outcome_t outcome = {.rc = ZSEQ_OK};
    rc = zseq_prefetch_buffered (self)
           ? zseq_prefetch_wait_for_id (self, deadline_us, id_p, &outcome)
           : ZSEQ_EAGAIN;
    if (rc == ZSEQ_EAGAIN)
        s_claim (self, 1, deadline_us, id_p, &outcome);
    zseq_reactor_leave (reactor);
    return zseq_client_report (&outcome);
}

//  The next ID, when the buffer's current range has none.
__attribute__ ((noinline)) static int
s_next (zseq_t *self, uint64_t *id_p)
{
    int rc = zseq_client_check (self->client);
    if (rc != ZSEQ_OK)
        return rc;
    if (self->client->source)
        return s_take_source (self, 1, self->timeout_ms, id_p);
    return s_next_by (self, zseq_client_deadline_us (self->timeout_ms), id_p);
}

int
zseq_next (zseq_t *self, uint64_t *id_p)
{
    assert (self);
    assert (id_p);

    zseq_buffer_level_t level;
    if (self->forks != zseq_fork_count ||
        !zseq_buffer_take (&self->buffer, id_p, &level))
        return s_next (self, id_p);
    if (level != ZSEQ_BUFFER_ENOUGH)
        zseq_prefetch_keep_ahead (self, level);
    return ZSEQ_OK;
}

int
zseq_next_range (zseq_t *self, uint64_t count, uint64_t *first_p)
{
    assert (self);
    assert (first_p);

    int rc = zseq_client_check_count (count);
    if (rc == ZSEQ_OK)
        rc = zseq_client_check (self->client);
    if (rc == ZSEQ_OK && self->client->source)
        return s_take_source (self, count, self->timeout_ms, first_p);
    if (rc == ZSEQ_OK)
        rc = zseq_reactor_enter (self->client->reactor);
    if (rc != ZSEQ_OK)
        return rc;
    zseq_outcome_t outcome;
    s_claim (self, count, zseq_client_deadline_us (self->timeout_ms), first_p,
             &outcome);
    zseq_reactor_leave (self->client->reactor);
    return zseq_client_report (&outcome);
}

//  The next ID, by a deadline that several IDs share.
static int
s_take_by (zseq_t *self, uint64_t deadline_us, uint64_t *id_p)
{
    if (!self->client->source)
        return s_next_by (self, deadline_us, id_p);
    uint64_t now_us = zseq_clock_now_us ();
    uint64_t left_us = deadline_us > now_us ? deadline_us - now_us : 0;
    return s_take_source (self, 1, (int) (left_us / 1000), id_p);
}

int
zseq_take (zseq_t *self, uint64_t *ids, size_t count)
{
    assert (self);
    assert (ids);

    int rc = zseq_client_check_count (count);
    if (rc == ZSEQ_OK)
        rc = zseq_client_check (self->client);
    if (rc != ZSEQ_OK)
        return rc;
    //  With neither a buffer nor flake IDs, one claim takes all of them.
    if (!self->client->uri.flake && !zseq_prefetch_buffered (self)) {
        rc = zseq_next_range (self, count, ids);
        for (size_t index = 1; rc == ZSEQ_OK && index < count; index++)
            ids[index] = ids[0] + index;
        return rc;
    }
    uint64_t deadline_us = zseq_client_deadline_us (self->timeout_ms);
    for (size_t index = 0; rc == ZSEQ_OK && index < count; index++) {
        zseq_buffer_level_t level;
        if (!zseq_buffer_take (&self->buffer, &ids[index], &level))
            rc = s_take_by (self, deadline_us, &ids[index]);
        else if (level != ZSEQ_BUFFER_ENOUGH)
            zseq_prefetch_keep_ahead (self, level);
    }
    return rc;
}

//  The next ID of a source, without waiting: a thread does the waiting for a
//  clock or a worker.
static int
s_try_source (zseq_t *self, uint64_t *id_p)
{
    int rc = s_take_source (self, 1, 0, id_p);
    return rc == ZSEQ_ECLOCK || rc == ZSEQ_ETIMEOUT
             ? zseq_call_queue_prefetch (self)
             : rc;
}

int
zseq_try_next (zseq_t *self, uint64_t *id_p)
{
    assert (self);
    assert (id_p);

    if (self->forks == zseq_fork_count && zseq_prefetch_take_ahead (self, id_p))
        return ZSEQ_OK;
    int rc = zseq_client_check (self->client);
    if (rc != ZSEQ_OK)
        return rc;
    if (!zseq_prefetch_enabled (self))
        return zseq_detail_fail (ZSEQ_EINVAL, ZSEQ_TEXT_BATCH_ONE);
    if (self->client->source)
        return s_try_source (self, id_p);
    if (zseq_call_queue_needed (self->client))
        return zseq_call_queue_prefetch (self);
    zseq_reactor_t *reactor = self->client->reactor;
    rc = zseq_reactor_enter (reactor);
    if (rc != ZSEQ_OK)
        return rc;
    zseq_outcome_t outcome = {.rc = ZSEQ_OK};
    if (self->reactor_locked.fill_failed)
        outcome = self->reactor_locked.fill_outcome;
    else
        zseq_prefetch_fill (self, zseq_client_deadline_us (self->timeout_ms));
    self->reactor_locked.fill_failed = false;
    zseq_reactor_leave (reactor);
    if (outcome.rc != ZSEQ_OK)
        return zseq_client_report (&outcome);
    return zseq_detail_fail (ZSEQ_EAGAIN, ZSEQ_TEXT_BATCH_CLAIMED,
                             zseq_name_queue_name (self->name));
}

//  Peek and raise.

//  Peeks if *value_p is 0, else raises to it.
static int
s_query (zseq_t *self, uint64_t *value_p)
{
    int rc = zseq_client_check (self->client);
    if (rc == ZSEQ_OK && self->client->source)
        return zseq_source_query (self->client->source, self->source_name,
                                  value_p);
    if (rc == ZSEQ_OK)
        rc = zseq_reactor_enter (self->client->reactor);
    if (rc != ZSEQ_OK)
        return rc;
    zseq_query_t query = {.name = zseq_name_queue_name (self->name),
                          .value = *value_p,
                          .deadline_us =
                            zseq_client_deadline_us (self->timeout_ms)};
    zseq_ask_query (self->client->reactor, &query);
    zseq_reactor_leave (self->client->reactor);
    if (query.outcome.rc == ZSEQ_OK)
        *value_p = query.value;
    return zseq_client_report (&query.outcome);
}

int
zseq_peek (zseq_t *self, uint64_t *next_p)
{
    assert (self);
    assert (next_p);

    uint64_t value = 0;
    int rc = s_query (self, &value);
    if (rc == ZSEQ_OK)
        *next_p = value;
    return rc;
}

//  What a source knows: it is its only node.
static int
s_source_info (zseq_t *self, zseq_info_t *info)
{
    *info = (zseq_info_t){.nodes = 1};
    strcpy (info->node[0].name, "local");
    info->node[0].known = true;
    return s_query (self, &info->node[0].next);
}

int
zseq_info (zseq_t *self, zseq_info_t *info_p)
{
    assert (self);
    assert (info_p);

    zseq_info_t info;
    int rc = zseq_client_check (self->client);
    if (rc == ZSEQ_OK && self->client->source) {
        rc = s_source_info (self, &info);
        if (rc == ZSEQ_OK)
            *info_p = info;
        return rc;
    }
    if (rc == ZSEQ_OK)
        rc = zseq_reactor_enter (self->client->reactor);
    if (rc != ZSEQ_OK)
        return rc;
    zseq_outcome_t outcome;
    zseq_ask_info (self->client->reactor, zseq_name_queue_name (self->name),
                   zseq_client_status_us (self->timeout_ms), &info, &outcome);
    zseq_reactor_leave (self->client->reactor);
    if (outcome.rc == ZSEQ_OK)
        *info_p = info;
    return zseq_client_report (&outcome);
}

int
zseq_raise (zseq_t *self, uint64_t id)
{
    assert (self);

    int rc = zseq_client_check_id (id);
    if (rc == ZSEQ_OK)
        rc = s_query (self, &id);
    if (rc != ZSEQ_OK || self->client->source)
        return rc;
    zseq_reactor_lock (self->client->reactor);
    zseq_prefetch_raised (self, id);
    zseq_reactor_leave (self->client->reactor);
    return ZSEQ_OK;
}
