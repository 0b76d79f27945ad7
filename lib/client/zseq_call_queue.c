//  The thread that begins calls that would block before they are under way, and
//  its queue. It is started with the first such call and ends with the client.

#include <assert.h>
#include <signal.h>
#include <stdlib.h>

#include "zseq_call_private.h"
#include "zseq_client_texts.h"
#include "zseq_detail.h"

bool
zseq_call_queue_needed (const zseq_client_t *client)
{
    assert (client);
    if (client->source)
        return client->uri.flake;
    return client->uri.scheme == ZSEQ_SCHEME_FILE &&
           !zseq_reactor_entered (client->reactor);
}

//  The calls' lock is held for these two.

static void
s_enqueue (zseq_calls_t *self, zseq_call_t *call)
{
    call->next = NULL;
    *self->queue_end = call;
    self->queue_end = &call->next;
    pthread_cond_signal (&self->wake);
}

//  Frees a call that is not to be collected.
static void
s_forget (zseq_calls_t *self, zseq_call_t *call)
{
    self->opening = self->opening && call->kind != ZSEQ_CALL_PREFETCH;
    free (call);
}

//  The thread.
static void *
s_run (void *arg)
{
    zseq_calls_t *self = arg;
    pthread_mutex_lock (&self->lock);
    while (!self->closing) {
        zseq_call_t *call = self->queue;
        if (!call) {
            pthread_cond_wait (&self->wake, &self->lock);
            continue;
        }
        self->queue = call->next;
        if (!self->queue)
            self->queue_end = &self->queue;
        self->current = call;
        pthread_mutex_unlock (&self->lock);
        bool begun = zseq_call_run_begin (call);
        pthread_mutex_lock (&self->lock);
        if (!begun && (call->off || self->closing))
            s_forget (self, call);
        else if (!begun)
            s_enqueue (self, call);
        self->current = NULL;
        pthread_cond_broadcast (&self->idle);
    }
    pthread_mutex_unlock (&self->lock);
    return NULL;
}

int
zseq_call_queue_post (zseq_call_t *call)
{
    zseq_calls_t *self = &call->client->calls;
    int rc = ZSEQ_OK;
    pthread_mutex_lock (&self->lock);
    if (!self->threaded) {
        sigset_t all, before;
        sigfillset (&all);
        pthread_sigmask (SIG_SETMASK, &all, &before);
        self->threaded = pthread_create (&self->thread, NULL, s_run, self) == 0;
        pthread_sigmask (SIG_SETMASK, &before, NULL);
    }
    if (self->threaded)
        s_enqueue (self, call);
    else
        rc = ZSEQ_ENOMEM;
    pthread_mutex_unlock (&self->lock);
    if (rc == ZSEQ_OK)
        return rc;
    free (call);
    return zseq_detail_fail (rc, ZSEQ_TEXT_NO_MEMORY_CALL_THREAD);
}

void
zseq_call_queue_stop (zseq_calls_t *self)
{
    assert (self);

    if (!self->threaded)
        return;
    pthread_mutex_lock (&self->lock);
    self->closing = true;
    pthread_cond_signal (&self->wake);
    pthread_mutex_unlock (&self->lock);
    pthread_join (self->thread, NULL);
}

void
zseq_call_queue_cancel (zseq_client_t *client, const void *handle)
{
    assert (client);
    assert (handle);
    zseq_calls_t *self = &client->calls;
    pthread_mutex_lock (&self->lock);
    zseq_call_t **link_p = &self->queue;
    while (*link_p) {
        zseq_call_t *call = *link_p;
        if (call->owner != handle) {
            link_p = &call->next;
            continue;
        }
        *link_p = call->next;
        s_forget (self, call);
    }
    self->queue_end = link_p;
    //  With a source, the call does not need the handle any more, unless it is
    //  of the key-value store. With a reactor it does, so this waits until the
    //  thread has begun it.
    if (self->current && self->current->owner == handle)
        self->current->off = true;
    while (self->current && self->current->owner == handle &&
           (!client->source || self->current->kv))
        pthread_cond_wait (&self->idle, &self->lock);
    pthread_mutex_unlock (&self->lock);
}

int
zseq_call_queue_prefetch (zseq_t *handle)
{
    assert (handle);
    zseq_calls_t *self = &handle->client->calls;
    pthread_mutex_lock (&self->lock);
    bool begins = !self->opening;
    zseq_outcome_t failed = self->open_outcome;
    self->open_outcome.rc = ZSEQ_OK;
    if (failed.rc == ZSEQ_OK)
        self->opening = true;
    pthread_mutex_unlock (&self->lock);
    if (failed.rc != ZSEQ_OK)
        return zseq_detail_fail (failed.rc, "%s", failed.detail);
    int rc = ZSEQ_OK;
    zseq_call_t *call =
      begins ? zseq_call_run_new (handle, ZSEQ_CALL_PREFETCH, 0, &rc) : NULL;
    if (call)
        rc = zseq_call_queue_post (call);
    if (rc != ZSEQ_OK) {
        pthread_mutex_lock (&self->lock);
        self->opening = false;
        pthread_mutex_unlock (&self->lock);
        return rc;
    }
    return zseq_detail_fail (ZSEQ_EAGAIN, ZSEQ_TEXT_CALL_FIRST_IDS);
}
