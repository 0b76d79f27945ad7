//  How a call begins, is resumed, and ends.
//
//  zseq_call_run_begin begins it. A range, or an ID without a buffer, posts a
//  request to the name's queue; a peek or a raise posts a query, and so does a
//  call of the key-value store; an ID of a buffer waits among the handle's
//  buffer waiters. Meanwhile the call is in the list of pending calls, under
//  the reactor's lock. The callbacks s_request_done, s_query_done, s_kv_done
//  and s_filled end it, as does the deferred work if its deadline passes. A
//  call of a source never pends: the thread that begins it waits in slices.

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zseq_call_private.h"
#include "zseq_client_check.h"
#include "zseq_client_texts.h"
#include "zseq_clock.h"
#include "zseq_detail.h"
#include "zseq_prefetch.h"

_Static_assert(sizeof ((zseq_ended_t *) 0)->detail == ZSEQ_DETAIL_MAX,
               "an outcome's detail fits");

//  How long a call may occupy the thread at a time, and the pause after that.
#define SLICE_US 500000
#define PAUSE_US 10000

//  Ending.

void
zseq_call_run_signal (int fd)
{
    const uint64_t one = 1;
    ssize_t size = write (fd, &one, sizeof one);
    assert (size == sizeof one);
}

void
zseq_call_run_end (zseq_call_t *call, int rc, const char *detail)
{
    zseq_calls_t *calls = &call->client->calls;
    call->result.rc = rc;
    if (rc != ZSEQ_OK) {
        //  A write that was not done still tells the key's version.
        if (call->kind != ZSEQ_CALL_KV)
            call->result.value = 0;
        snprintf (call->result.detail, sizeof call->result.detail, "%s",
                  detail);
    }
    call->next = NULL;
    pthread_mutex_lock (&calls->lock);
    if (call->kind == ZSEQ_CALL_PREFETCH) {
        calls->opening = false;
        calls->open_outcome.rc = rc;
        strcpy (calls->open_outcome.detail, call->result.detail);
    }
    //  The call may be freed from here on, and another may get its address.
    if (calls->current == call)
        calls->current = NULL;
    if (call->off || call->kind == ZSEQ_CALL_PREFETCH)
        free (call);
    else {
        if (!calls->ended && calls->fd >= 0)
            zseq_call_run_signal (calls->fd);
        *calls->ended_end = call;
        calls->ended_end = &call->next;
    }
    pthread_mutex_unlock (&calls->lock);
}

//  The reactor's lock is held for all that follows, down to "Beginning".

//  Adds the call to the pending ones.
static void
s_pend (zseq_call_t *call)
{
    zseq_calls_t *calls = &call->client->calls;
    call->prev = NULL;
    call->next = calls->pending;
    if (calls->pending)
        calls->pending->prev = call;
    calls->pending = call;
}

static void
s_unpend (zseq_call_t *call)
{
    if (call->prev)
        call->prev->next = call->next;
    else
        call->client->calls.pending = call->next;
    if (call->next)
        call->next->prev = call->prev;
}

static void
s_end_pending (zseq_call_t *call, int rc, const char *detail)
{
    s_unpend (call);
    zseq_call_run_end (call, rc, detail);
}

static void
s_request_done (zseq_id_request_t *request)
{
    zseq_call_t *call = request->arg;
    if (request->outcome.rc == ZSEQ_OK) {
        call->result.value = request->request.first;
        zseq_prefetch_note_issued (call->handle, request);
    }
    s_end_pending (call, request->outcome.rc, request->outcome.detail);
}

//  Posts the call's request for count IDs beside the buffer.
static void
s_post_request (zseq_call_t *call, uint64_t count)
{
    call->request.request.count = count;
    call->request.request.count_min = count;
    call->request.request.deadline_us = call->deadline_us;
    call->request.done = s_request_done;
    call->request.arg = call;
    zseq_name_queue_post (call->handle->client->reactor, call->handle->name,
                          &call->request);
}

static void
s_query_done (zseq_query_t *query)
{
    zseq_call_t *call = query->arg;
    if (query->outcome.rc == ZSEQ_OK) {
        if (call->raises)
            zseq_prefetch_raised (call->handle, call->result.value);
        call->result.value = query->value;
    }
    s_end_pending (call, query->outcome.rc, query->outcome.detail);
}

//  Takes over the result of a key-value call. Returns its error.
static int
s_take_kv (zseq_call_t *call)
{
    const zseq_kv_query_t *query = &call->kv_query;
    zseq_kv_seen_note (&call->kv->seen, query->ask.key, query->forgotten,
                       query->version, query->floor);
    call->result.value = query->version;
    call->result.size = query->size;
    call->result.unknown = query->unknown;
    return query->outcome.rc;
}

static void
s_kv_done (zseq_kv_query_t *query)
{
    zseq_call_t *call = query->arg;
    int rc = s_take_kv (call);
    s_end_pending (call, rc, query->outcome.detail);
}

//  Waiting for the buffer.

static void
s_stop_waiting (zseq_call_t *call)
{
    zseq_prefetch_remove_waiter (call->handle, &call->buffer_waiter);
    call->waits = false;
}

//  A fill has ended: the callback of the call's buffer waiter.
static void
s_filled (zseq_buffer_waiter_t *waiter, bool failed)
{
    zseq_call_t *call = waiter->arg;
    zseq_t *handle = call->handle;
    if (waiter->served) {
        s_stop_waiting (call);
        call->result.value = waiter->id;
        s_end_pending (call, ZSEQ_OK, "");
    }
    else if (failed) {
        handle->reactor_locked.fill_failed = false;
        s_stop_waiting (call);
        s_end_pending (call, handle->reactor_locked.fill_outcome.rc,
                       handle->reactor_locked.fill_outcome.detail);
    }
    else
        zseq_reactor_schedule (handle->client->reactor, 0);
}

//  Adds the call to the buffer's waiters.
static void
s_wait_for_id (zseq_call_t *call)
{
    call->waits = true;
    call->buffer_waiter.filled = s_filled;
    call->buffer_waiter.arg = call;
    zseq_prefetch_add_waiter (call->handle, &call->buffer_waiter);
    zseq_reactor_schedule (call->handle->client->reactor, call->deadline_us);
}

//  Resumes a call that waits for a buffer: ends it if its deadline has passed,
//  posts a request for it if the handle no longer buffers, and else, once a
//  round for each handle, takes an ID or fills the buffer. Returns whether
//  other calls may have ended and been freed by that.
static bool
s_resume_call (zseq_call_t *call, uint64_t now_us)
{
    zseq_t *handle = call->handle;
    zseq_reactor_t *reactor = handle->client->reactor;
    if (now_us >= call->deadline_us) {
        zseq_outcome_t outcome;
        s_stop_waiting (call);
        zseq_name_queue_explain (reactor, handle->name, &outcome);
        s_end_pending (call, outcome.rc, outcome.detail);
        return false;
    }
    if (!zseq_prefetch_buffered (handle)) {
        s_stop_waiting (call);
        s_post_request (call, 1);
        return true;
    }
    uint64_t deadline_us = call->deadline_us;
    zseq_reactor_schedule (reactor, deadline_us);
    if (handle->reactor_locked.resumed)
        return false;
    handle->reactor_locked.resumed = true;
    if (zseq_prefetch_take (handle, deadline_us, &call->result.value)) {
        s_stop_waiting (call);
        s_end_pending (call, ZSEQ_OK, "");
        handle->reactor_locked.resumed = false;
    }
    else
        zseq_prefetch_fill (handle, deadline_us);
    return true;
}

void
zseq_call_run_deferred (void *arg)
{
    zseq_client_t *client = arg;
    zseq_calls_t *self = &client->calls;
    uint64_t now_us = zseq_clock_now_us ();
    for (zseq_call_t *call = self->pending; call; call = call->next)
        if (call->handle)
            call->handle->reactor_locked.resumed = false;
    bool posted = true;
    while (posted) {
        posted = false;
        zseq_call_t *following;
        for (zseq_call_t *call = self->pending; call && !posted;
             call = following) {
            following = call->next;
            if (call->waits)
                posted = s_resume_call (call, now_us);
        }
    }
}

void
zseq_call_run_cancel (zseq_client_t *client, const void *handle)
{
    assert (client);
    assert (handle);
    zseq_call_t *following;
    for (zseq_call_t *call = client->calls.pending; call; call = following) {
        following = call->next;
        if (call->owner != handle)
            continue;
        if (call->waits)
            s_stop_waiting (call);
        zseq_name_queue_cancel (client->reactor, &call->request);
        zseq_query_cancel (client->reactor, &call->query);
        zseq_kv_query_cancel (client->reactor, &call->kv_query);
        s_unpend (call);
        free (call);
    }
}

//  Beginning. No lock held.

//  A call of a client, with room for so many bytes.
static zseq_call_t *
s_new (zseq_client_t *client, zseq_call_kind_t kind, size_t size, uint64_t tag,
       int *rc_p)
{
    *rc_p = zseq_client_check (client);
    if (*rc_p != ZSEQ_OK)
        return NULL;
    zseq_call_t *call = calloc (1, sizeof *call + size);
    if (!call) {
        *rc_p = zseq_detail_fail (ZSEQ_ENOMEM, ZSEQ_TEXT_NO_MEMORY_CALL);
        return NULL;
    }
    call->kind = kind;
    call->client = client;
    call->count = 1;
    call->result.tag = tag;
    return call;
}

zseq_call_t *
zseq_call_run_new (zseq_t *handle, zseq_call_kind_t kind, uint64_t tag,
                   int *rc_p)
{
    zseq_call_t *call = s_new (handle->client, kind, 0, tag, rc_p);
    if (!call)
        return NULL;
    call->owner = handle;
    call->handle = handle;
    call->source_name = handle->source_name;
    call->deadline_us = zseq_client_deadline_us (handle->timeout_ms);
    return call;
}

//  Copies a slice to the call's bytes at *used.
static void
s_copy (zseq_call_t *call, zseq_slice_t *slice, size_t *used)
{
    if (slice->size)
        memcpy (call->bytes + *used, slice->data, slice->size);
    slice->data = call->bytes + *used;
    *used += slice->size;
}

zseq_call_t *
zseq_call_run_new_kv (zseq_kv_t *kv, const zseq_kv_query_t *query, uint64_t tag,
                      int *rc_p)
{
    size_t size = query->ask.key.size + query->ask.op.value.size;
    zseq_call_t *call = s_new (kv->client, ZSEQ_CALL_KV, size, tag, rc_p);
    if (!call)
        return NULL;
    call->owner = kv;
    call->kv = kv;
    call->deadline_us = zseq_client_deadline_us (kv->timeout_ms);
    call->kv_query = *query;
    size_t used = 0;
    s_copy (call, &call->kv_query.ask.key, &used);
    s_copy (call, &call->kv_query.ask.op.value, &used);
    call->kv_query.deadline_us = call->deadline_us;
    call->kv_query.done = s_kv_done;
    call->kv_query.arg = call;
    return call;
}

//  Enters the reactor. False: that failed, and the call has ended.
static bool
s_enter (zseq_call_t *call)
{
    int rc = zseq_reactor_enter (call->client->reactor);
    if (rc != ZSEQ_OK)
        zseq_call_run_end (call, rc, zseq_detail ());
    return rc == ZSEQ_OK;
}

static void
s_begin_next (zseq_call_t *call)
{
    zseq_t *handle = call->handle;
    if (zseq_prefetch_take_ahead (handle, &call->result.value)) {
        zseq_call_run_end (call, ZSEQ_OK, "");
        return;
    }
    if (!s_enter (call))
        return;
    s_pend (call);
    if (!zseq_prefetch_buffered (handle))
        s_post_request (call, 1);
    else if (zseq_prefetch_take (handle, call->deadline_us,
                                 &call->result.value))
        s_end_pending (call, ZSEQ_OK, "");
    else {
        s_wait_for_id (call);
        zseq_prefetch_fill (handle, call->deadline_us);
    }
    zseq_reactor_leave (handle->client->reactor);
}

static void
s_begin_range (zseq_call_t *call)
{
    zseq_reactor_t *reactor = call->client->reactor;
    if (!s_enter (call))
        return;
    s_pend (call);
    s_post_request (call, call->count);
    zseq_reactor_leave (reactor);
}

static void
s_begin_query (zseq_call_t *call)
{
    zseq_reactor_t *reactor = call->client->reactor;
    if (!s_enter (call))
        return;
    call->raises = call->result.value > 0;
    call->query =
      (zseq_query_t){.name = zseq_name_queue_name (call->handle->name),
                     .value = call->result.value,
                     .deadline_us = call->deadline_us,
                     .done = s_query_done,
                     .arg = call};
    s_pend (call);
    int rc = zseq_query_post (reactor, &call->query);
    if (rc != ZSEQ_OK)
        s_end_pending (call, rc, ZSEQ_TEXT_NO_MEMORY_CALL);
    zseq_reactor_leave (reactor);
}

static void
s_begin_kv (zseq_call_t *call)
{
    zseq_reactor_t *reactor = call->client->reactor;
    if (!s_enter (call))
        return;
    s_pend (call);
    call->kv_query.forgotten =
      zseq_kv_seen_prepare (&call->kv->seen, &call->kv_query.ask);
    int rc = zseq_kv_query_post (reactor, &call->kv_query);
    if (rc != ZSEQ_OK)
        s_end_pending (call, rc, ZSEQ_TEXT_NO_MEMORY_CALL);
    zseq_reactor_leave (reactor);
}

//  A watch only looks, and is begun again: what it waits for may be among the
//  calls behind it.
static bool
s_begin_source_kv (zseq_call_t *call)
{
    zseq_source_t *source = call->client->source;
    zseq_kv_query_t *query = &call->kv_query;
    uint64_t now_us = zseq_clock_now_us ();
    if (query->ask.watch && now_us < call->deadline_us)
        query->deadline_us = now_us;
    query->forgotten = zseq_kv_seen_prepare (&call->kv->seen, &query->ask);
    source->ops->kv (source, query);
    if (query->outcome.rc == ZSEQ_ETIMEOUT && now_us < call->deadline_us) {
        (void) usleep (PAUSE_US);
        return false;
    }
    int rc = s_take_kv (call);
    zseq_call_run_end (call, rc, query->outcome.detail);
    return true;
}

//  Calls the source, which may block. The call gets a slice of its time,
//  because other calls wait for the thread, too. False: it needs another slice.
static bool
s_begin_source (zseq_call_t *call)
{
    zseq_source_t *source = call->client->source;
    if (call->kind == ZSEQ_CALL_KV)
        return s_begin_source_kv (call);
    uint64_t now_us = zseq_clock_now_us ();
    uint64_t left_us =
      call->deadline_us > now_us ? call->deadline_us - now_us : 0;
    bool sliced = left_us > SLICE_US;
    int rc;
    if (call->kind == ZSEQ_CALL_QUERY)
        rc = zseq_source_query (source, call->source_name, &call->result.value);
    else
        rc = source->ops->take (source, call->source_name, call->count,
                                (int) ((sliced ? SLICE_US : left_us) / 1000),
                                &call->result.value);
    if (sliced &&
        (rc == ZSEQ_ETIMEOUT || rc == ZSEQ_EUNAVAILABLE || rc == ZSEQ_ECLOCK)) {
        //  A clock that is far behind fails at once: without a pause, spins.
        (void) usleep (PAUSE_US);
        return false;
    }
    //  A prefetch hands out no ID.
    if (rc == ZSEQ_OK && call->kind == ZSEQ_CALL_PREFETCH)
        source->ops->burn (source, 1);
    zseq_call_run_end (call, rc, rc == ZSEQ_OK ? "" : zseq_detail ());
    return true;
}

bool
zseq_call_run_begin (zseq_call_t *call)
{
    zseq_reactor_t *reactor = call->client->reactor;
    if (!reactor)
        return s_begin_source (call);
    if (!zseq_reactor_entered (reactor) &&
        zseq_clock_now_us () >= call->deadline_us)
        zseq_call_run_end (call, ZSEQ_ETIMEOUT, ZSEQ_TEXT_CALL_NOT_OPENED);
    else if (call->kind == ZSEQ_CALL_NEXT)
        s_begin_next (call);
    else if (call->kind == ZSEQ_CALL_RANGE)
        s_begin_range (call);
    else if (call->kind == ZSEQ_CALL_QUERY)
        s_begin_query (call);
    else if (call->kind == ZSEQ_CALL_KV)
        s_begin_kv (call);
    else if (s_enter (call)) {
        zseq_reactor_leave (reactor);
        zseq_call_run_end (call, ZSEQ_OK, "");
    }
    return true;
}
