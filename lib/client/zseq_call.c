//  Starts and collects calls. A call that would block is begun by the thread of
//  zseq_call_queue.c, any other in zseq_start_* itself.

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "zseq_call_private.h"
#include "zseq_client_check.h"
#include "zseq_client_texts.h"
#include "zseq_detail.h"
#include "zseq_fork.h"

void
zseq_calls_init (zseq_client_t *client)
{
    assert (client);
    zseq_calls_t *self = &client->calls;
    pthread_mutex_init (&self->lock, NULL);
    self->fd = -1;
    self->ended_end = &self->ended;
    self->queue_end = &self->queue;
    pthread_cond_init (&self->wake, NULL);
    pthread_cond_init (&self->idle, NULL);
    if (client->reactor)
        zseq_reactor_set_deferred (client->reactor, zseq_call_run_deferred,
                                   client);
}

void
zseq_calls_term (zseq_client_t *client)
{
    assert (client);
    zseq_calls_t *self = &client->calls;
    //  In a forked child, the pending calls are those of its parent.
    assert (!self->pending || client->forks != zseq_fork_count);
    if (client->forks == zseq_fork_count)
        zseq_call_queue_stop (self);
    while (self->ended) {
        zseq_call_t *call = self->ended;
        self->ended = call->next;
        free (call);
    }
    if (self->fd >= 0)
        close (self->fd);
    //  In a forked child, the parent's thread may seem to wait on these for
    //  ever.
    if (client->forks == zseq_fork_count) {
        pthread_cond_destroy (&self->wake);
        pthread_cond_destroy (&self->idle);
        pthread_mutex_destroy (&self->lock);
    }
}

//  Starting.

//  Begins a call that does not block; queues any other for the thread.
static int
s_start (zseq_call_t *call)
{
    zseq_source_t *source = call->client->source;
    if (!zseq_call_queue_needed (call->client))
        (void) zseq_call_run_begin (call);
    else if (source && call->kind == ZSEQ_CALL_NEXT &&
             source->ops->take (source, call->source_name, 1, 0,
                                &call->result.value) == ZSEQ_OK)
        zseq_call_run_end (call, ZSEQ_OK, "");
    else
        return zseq_call_queue_post (call);
    return ZSEQ_OK;
}

int
zseq_start_next (zseq_t *self, uint64_t tag)
{
    assert (self);
    int rc;
    zseq_call_t *call = zseq_call_run_new (self, ZSEQ_CALL_NEXT, tag, &rc);
    return call ? s_start (call) : rc;
}

int
zseq_start_range (zseq_t *self, uint64_t count, uint64_t tag)
{
    assert (self);

    int rc = zseq_client_check_count (count);
    zseq_call_t *call = rc == ZSEQ_OK
                          ? zseq_call_run_new (self, ZSEQ_CALL_RANGE, tag, &rc)
                          : NULL;
    if (!call)
        return rc;
    call->count = count;
    return s_start (call);
}

//  Starts a peek (value 0), or a raise to value.
static int
s_start_query (zseq_t *self, uint64_t value, uint64_t tag)
{
    int rc;
    zseq_call_t *call = zseq_call_run_new (self, ZSEQ_CALL_QUERY, tag, &rc);
    if (!call)
        return rc;
    call->result.value = value;
    return s_start (call);
}

int
zseq_start_peek (zseq_t *self, uint64_t tag)
{
    assert (self);
    return s_start_query (self, 0, tag);
}

int
zseq_start_raise (zseq_t *self, uint64_t id, uint64_t tag)
{
    assert (self);
    int rc = zseq_client_check_id (id);
    return rc == ZSEQ_OK ? s_start_query (self, id, tag) : rc;
}

//  Collecting calls.

int
zseq_client_fd (zseq_client_t *self)
{
    assert (self);

    if (zseq_client_check (self) != ZSEQ_OK)
        return -1;
    zseq_calls_t *calls = &self->calls;
    pthread_mutex_lock (&calls->lock);
    if (calls->fd < 0) {
        calls->fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (calls->fd < 0)
            (void) zseq_detail_fail (ZSEQ_EIO, ZSEQ_TEXT_NO_DESCRIPTOR,
                                     strerror (errno));
        else if (calls->ended)
            zseq_call_run_signal (calls->fd);
    }
    int fd = calls->fd;
    pthread_mutex_unlock (&calls->lock);
    return fd;
}

size_t
zseq_client_collect (zseq_client_t *self, zseq_ended_t *ended, size_t count)
{
    assert (self);
    assert (ended || count == 0);

    if (zseq_client_check (self) != ZSEQ_OK)
        return 0;
    zseq_calls_t *calls = &self->calls;
    size_t taken = 0;
    pthread_mutex_lock (&calls->lock);
    while (taken < count && calls->ended) {
        zseq_call_t *call = calls->ended;
        ended[taken++] = call->result;
        calls->ended = call->next;
        free (call);
    }
    if (!calls->ended)
        calls->ended_end = &calls->ended;
    if (taken && !calls->ended && calls->fd >= 0) {
        uint64_t events;
        ssize_t size = read (calls->fd, &events, sizeof events);
        assert (size == sizeof events);
    }
    pthread_mutex_unlock (&calls->lock);
    return taken;
}
