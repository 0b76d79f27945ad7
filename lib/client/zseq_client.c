//  A client: a reactor or a source, by its URI, and the handles on its
//  sequences. This file has the calls that need no handle; zseq_client_new.c
//  has the constructor.

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_client_check.h"
#include "zseq_client_private.h"
#include "zseq_client_texts.h"
#include "zseq_detail.h"
#include "zseq_fork.h"
#include "zseq_prefetch.h"

//  The client's life.

static void
s_free (zseq_client_t *self)
{
    zseq_calls_term (self);
    if (self->reactor)
        zseq_reactor_destroy (&self->reactor);
    else
        self->source->ops->destroy (self->source);
    free (self);
}

void
zseq_client_begin_use (zseq_client_t *self)
{
    assert (self);
    pthread_mutex_lock (&self->lock);
    self->uses++;
    pthread_mutex_unlock (&self->lock);
}

void
zseq_client_end_use (zseq_client_t *self)
{
    assert (self);
    //  In a forked child, a thread of its parent may seem to hold the lock.
    bool locks = self->forks == zseq_fork_count;
    if (locks)
        pthread_mutex_lock (&self->lock);
    assert (self->uses);
    bool last = --self->uses == 0;
    if (locks)
        pthread_mutex_unlock (&self->lock);
    if (last)
        s_free (self);
}

//  Ends all calls, and burns what is buffered.
static void
s_close_reactor (zseq_client_t *self)
{
    uint64_t burnt = 0;
    zseq_reactor_lock (self->reactor);
    zseq_reactor_close (self->reactor);
    pthread_mutex_lock (&self->lock);
    for (zseq_t *handle = self->handles; handle; handle = handle->next)
        burnt += zseq_prefetch_drop (handle);
    pthread_mutex_unlock (&self->lock);
    zseq_reactor_burn (self->reactor, burnt);
    zseq_reactor_leave (self->reactor);
}

void
zseq_client_close (zseq_client_t *self)
{
    assert (self);
    if (self->forks != zseq_fork_count)
        return;
    self->closed = true;
    if (self->reactor)
        s_close_reactor (self);
    else
        self->source->ops->close (self->source);
}

void
zseq_client_destroy (zseq_client_t **self_p)
{
    assert (self_p);

    zseq_client_t *self = *self_p;
    if (!self)
        return;
    zseq_client_close (self);
    zseq_client_end_use (self);
    *self_p = NULL;
}

//  Calls without a handle.

int
zseq_client_set_timeout (zseq_client_t *self, int timeout_ms)
{
    assert (self);

    int rc = zseq_client_check (self);
    if (rc == ZSEQ_OK)
        rc = zseq_client_check_timeout (timeout_ms);
    if (rc != ZSEQ_OK)
        return rc;
    self->timeout_ms = timeout_ms;
    if (self->reactor)
        zseq_reactor_set_timeout (self->reactor, timeout_ms);
    return ZSEQ_OK;
}

int
zseq_client_set_quorum (zseq_client_t *self, int r, int w)
{
    assert (self);
    int rc = zseq_client_check (self);
    if (rc != ZSEQ_OK)
        return rc;
    if (!self->reactor)
        return zseq_detail_fail (ZSEQ_EINVAL, ZSEQ_TEXT_QUORUM_ONLY_CLUSTER);
    return zseq_reactor_set_quorum (self->reactor, r, w);
}

int
zseq_client_stats (zseq_client_t *self, zseq_stats_t *stats_p)
{
    assert (self);
    assert (stats_p);

    int rc = zseq_client_check (self);
    if (rc != ZSEQ_OK)
        return rc;
    if (self->source)
        return self->source->ops->stats (self->source, stats_p);
    zseq_stats_t stats;
    zseq_reactor_stats (self->reactor, &stats);
    pthread_mutex_lock (&self->lock);
    stats.issued = self->issued;
    for (zseq_t *handle = self->handles; handle; handle = handle->next) {
        pthread_mutex_lock (&handle->lock);
        stats.issued += zseq_buffer_issued (&handle->buffer);
        pthread_mutex_unlock (&handle->lock);
    }
    pthread_mutex_unlock (&self->lock);
    *stats_p = stats;
    return ZSEQ_OK;
}

static int
s_status (zseq_client_t *self, zseq_status_t *status_p)
{
    int rc = zseq_client_check (self);
    if (rc == ZSEQ_OK && self->source)
        return self->source->ops->status (self->source, self->timeout_ms,
                                          status_p);
    if (rc == ZSEQ_OK)
        rc = zseq_reactor_enter (self->reactor);
    if (rc != ZSEQ_OK)
        return rc;
    zseq_status_t status;
    zseq_outcome_t outcome;
    zseq_ask_status (self->reactor, zseq_client_status_us (self->timeout_ms),
                     &status, &outcome);
    zseq_reactor_leave (self->reactor);
    if (outcome.rc == ZSEQ_OK)
        *status_p = status;
    return zseq_client_report (&outcome);
}

int
zseq_client_status (zseq_client_t *self, zseq_status_t *status_p)
{
    assert (self);
    assert (status_p);

    int rc = zseq_client_check (self);
    if (rc != ZSEQ_OK)
        return rc;
    zseq_client_begin_use (self);
    rc = s_status (self, status_p);
    zseq_client_end_use (self);
    return rc;
}

static int
s_list (zseq_client_t *self, const char *prefix, zseq_list_fn *fn, void *arg)
{
    if (strlen (prefix) > ZSEQ_NAME_MAX)
        return zseq_detail_fail (ZSEQ_EINVAL, ZSEQ_TEXT_PREFIX_LONG,
                                 ZSEQ_NAME_MAX);
    if (self->source) {
        int rc = zseq_client_check (self);
        return rc == ZSEQ_OK
                 ? self->source->ops->list (self->source, prefix, fn, arg)
                 : rc;
    }
    zseq_page_t *page = malloc (sizeof *page);
    if (!page)
        return zseq_detail_fail (ZSEQ_ENOMEM, ZSEQ_TEXT_NO_MEMORY_PAGE);

    char after[ZSEQ_NAME_MAX + 1] = "";
    zseq_outcome_t outcome;
    bool going = true;
    do {
        int rc = zseq_reactor_enter (self->reactor);
        if (rc != ZSEQ_OK) {
            free (page);
            return rc;
        }
        zseq_ask_page (self->reactor, prefix, after,
                       zseq_client_deadline_us (self->timeout_ms), page,
                       &outcome);
        zseq_reactor_leave (self->reactor);
        if (outcome.rc != ZSEQ_OK)
            break;
        for (size_t index = 0; index < page->count && going; index++)
            going =
              fn (page->item[index].name, page->item[index].next, arg) == 0;
        if (page->count)
            strcpy (after, page->item[page->count - 1].name);
    } while (going && page->more && page->count);
    free (page);
    return zseq_client_report (&outcome);
}

int
zseq_client_list (zseq_client_t *self, const char *prefix, zseq_list_fn *fn,
                  void *arg)
{
    assert (self);
    assert (prefix);
    assert (fn);

    int rc = zseq_client_check (self);
    if (rc != ZSEQ_OK)
        return rc;
    zseq_client_begin_use (self);
    rc = s_list (self, prefix, fn, arg);
    zseq_client_end_use (self);
    return rc;
}

int
zseq_client_decode (const zseq_client_t *self, uint64_t id, uint64_t *unix_ms_p,
                    uint32_t *worker_p, uint32_t *sequence_p)
{
    assert (self);
    assert (unix_ms_p);
    assert (worker_p);
    assert (sequence_p);

    if (!self->uri.flake)
        return zseq_detail_fail (ZSEQ_EINVAL, ZSEQ_TEXT_DECODE_ONLY_FLAKE);
    int rc = zseq_flake_decode (&self->uri.layout, id, unix_ms_p, worker_p,
                                sequence_p);
    if (rc != ZSEQ_OK)
        return zseq_detail_fail (rc, ZSEQ_TEXT_DECODE_NO_ID,
                                 (unsigned long long) id);
    return ZSEQ_OK;
}
