//  The asynchronous form: calls that are started, and collected when they have
//  ended. One that cannot be answered from a handle's buffer waits for it among
//  its drinkers; others have a want or a probe of their own.

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "zseq_client_private.h"
#include "zseq_clock.h"
#include "zseq_detail.h"
#include "zseq_fork.h"
#include "zseq_seq.h"

_Static_assert(sizeof ((zseq_ended_t *) 0)->detail == ZSEQ_DETAIL_MAX,
               "an outcome's detail fits");

//  How long a call may keep the thread when others wait for it, too.
#define SLICE_US 500000
#define PAUSE_US 10000

//  What is to be done.
typedef enum { S_NEXT, S_RANGE, S_PROBE, S_WARM } s_kind_t;

struct zseq_call {
    s_kind_t kind;
    zseq_client_t *client;
    zseq_t *handle;
    void *place;     //  The handle's
    uint64_t count;  //  Of S_RANGE
    bool off;        //  Its handle is gone
    uint64_t deadline_us;
    zseq_ended_t result;
    zseq_drinker_t drinker;
    bool drinks;  //  It is among the handle's drinkers
    zseq_want_t want;
    zseq_probe_t probe;
    bool raises;
    zseq_call_t *prev;
    zseq_call_t *next;
};

static void s_settle (void *arg);

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
    if (client->engine)
        zseq_engine_set_settle (client->engine, s_settle, client);
}

void
zseq_calls_term (zseq_client_t *client)
{
    assert (client);
    zseq_calls_t *self = &client->calls;
    //  What is pending in a forked child is its parent's.
    assert (!self->pending || client->forks != zseq_fork_count);
    if (self->threaded && client->forks == zseq_fork_count) {
        pthread_mutex_lock (&self->lock);
        self->closing = true;
        pthread_cond_signal (&self->wake);
        pthread_mutex_unlock (&self->lock);
        pthread_join (self->thread, NULL);
    }
    while (self->ended) {
        zseq_call_t *call = self->ended;
        self->ended = call->next;
        free (call);
    }
    if (self->fd >= 0)
        close (self->fd);
    //  The thread is the parent's, and may seem to wait for ever.
    if (client->forks == zseq_fork_count) {
        pthread_cond_destroy (&self->wake);
        pthread_cond_destroy (&self->idle);
        pthread_mutex_destroy (&self->lock);
    }
}

//  How a call ends.

static void
s_signal (int fd)
{
    const uint64_t one = 1;
    ssize_t size = write (fd, &one, sizeof one);
    assert (size == sizeof one);
}

//  Of a call that is nowhere else any more.
static void
s_end (zseq_call_t *call, int rc, const char *detail)
{
    zseq_calls_t *calls = &call->client->calls;
    call->result.rc = rc;
    if (rc != ZSEQ_OK) {
        call->result.value = 0;
        snprintf (call->result.detail, sizeof call->result.detail, "%s",
                  detail);
    }
    call->next = NULL;
    pthread_mutex_lock (&calls->lock);
    if (call->kind == S_WARM) {
        calls->warming = false;
        calls->warmed.rc = rc;
        strcpy (calls->warmed.detail, call->result.detail);
    }
    //  It may be freed from here on, and another one have its address.
    if (calls->current == call)
        calls->current = NULL;
    if (call->off || call->kind == S_WARM)
        free (call);
    else {
        if (!calls->ended && calls->fd >= 0)
            s_signal (calls->fd);
        *calls->ended_end = call;
        calls->ended_end = &call->next;
    }
    pthread_mutex_unlock (&calls->lock);
}

//  Engine's lock held, for all that follows.

static void
s_pend (zseq_call_t *call)
{
    zseq_calls_t *calls = &call->handle->client->calls;
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
        call->handle->client->calls.pending = call->next;
    if (call->next)
        call->next->prev = call->prev;
}

static void
s_end_pending (zseq_call_t *call, int rc, const char *detail)
{
    s_unpend (call);
    s_end (call, rc, detail);
}

static void
s_want_done (zseq_want_t *want)
{
    zseq_call_t *call = want->arg;
    if (want->outcome.rc == ZSEQ_OK) {
        call->result.value = want->rider.first;
        zseq_client_passed (call->handle, want->rider.first, want->rider.count);
    }
    s_end_pending (call, want->outcome.rc, want->outcome.detail);
}

static void
s_want (zseq_call_t *call, uint64_t count)
{
    call->want.rider.count = count;
    call->want.rider.count_min = count;
    call->want.rider.deadline_us = call->deadline_us;
    call->want.done = s_want_done;
    call->want.arg = call;
    zseq_engine_post (call->handle->client->engine, call->handle->name,
                      &call->want);
}

static void
s_probe_done (zseq_probe_t *probe)
{
    zseq_call_t *call = probe->arg;
    if (probe->outcome.rc == ZSEQ_OK) {
        if (call->raises)
            zseq_client_raised (call->handle, call->result.value);
        call->result.value = probe->value;
    }
    s_end_pending (call, probe->outcome.rc, probe->outcome.detail);
}

//  Drinkers.

static void
s_drink (zseq_call_t *call)
{
    call->drinks = true;
    call->drinker.call = call;
    zseq_drinker_t **link_p = &call->handle->drinkers;
    while (*link_p)
        link_p = &(*link_p)->next;
    *link_p = &call->drinker;
    zseq_engine_settle_at (call->handle->client->engine, call->deadline_us);
}

static void
s_leave_drinkers (zseq_call_t *call)
{
    zseq_drinker_t **link_p = &call->handle->drinkers;
    while (*link_p != &call->drinker)
        link_p = &(*link_p)->next;
    *link_p = call->drinker.next;
    call->drinks = false;
}

void
zseq_calls_filled (zseq_t *handle, bool failed)
{
    assert (handle);
    bool thirsty = false;
    zseq_drinker_t *following;
    for (zseq_drinker_t *drinker = handle->drinkers; drinker;
         drinker = following) {
        following = drinker->next;
        zseq_call_t *call = drinker->call;
        if (!call)
            continue;
        if (drinker->served) {
            s_leave_drinkers (call);
            call->result.value = drinker->id;
            s_end_pending (call, ZSEQ_OK, "");
        }
        else if (failed) {
            handle->fill_failed = false;
            s_leave_drinkers (call);
            s_end_pending (call, handle->fill_outcome.rc,
                           handle->fill_outcome.detail);
        }
        else
            thirsty = true;
    }
    if (thirsty)
        zseq_engine_settle_at (handle->client->engine, 0);
}

//  Lets a call that waits for a buffer go on, if it can: its time has passed, the
//  buffer is none any more, or nothing was sent for it yet. Returns whether
//  something was posted: then other calls may have ended, and be gone.
static bool
s_settle_call (zseq_call_t *call, uint64_t now_us)
{
    zseq_t *handle = call->handle;
    zseq_engine_t *engine = handle->client->engine;
    if (now_us >= call->deadline_us) {
        zseq_outcome_t outcome;
        s_leave_drinkers (call);
        zseq_engine_explain (engine, handle->name, &outcome);
        s_end_pending (call, outcome.rc, outcome.detail);
        return false;
    }
    if (!zseq_client_buffered (handle)) {
        s_leave_drinkers (call);
        s_want (call, 1);
        return true;
    }
    uint64_t deadline_us = call->deadline_us;
    zseq_engine_settle_at (engine, deadline_us);
    if (handle->settled)
        return false;
    handle->settled = true;
    if (zseq_client_take (handle, deadline_us, &call->result.value)) {
        s_leave_drinkers (call);
        s_end_pending (call, ZSEQ_OK, "");
        handle->settled = false;
    }
    else
        zseq_client_fill (handle, deadline_us);
    return true;
}

static void
s_settle (void *arg)
{
    zseq_client_t *client = arg;
    zseq_calls_t *self = &client->calls;
    uint64_t now_us = zseq_clock_now_us ();
    for (zseq_call_t *call = self->pending; call; call = call->next)
        call->handle->settled = false;
    bool posted = true;
    while (posted) {
        posted = false;
        zseq_call_t *following;
        for (zseq_call_t *call = self->pending; call && !posted;
             call = following) {
            following = call->next;
            if (call->drinks)
                posted = s_settle_call (call, now_us);
        }
    }
}

void
zseq_calls_off (zseq_t *handle)
{
    assert (handle);
    zseq_call_t *following;
    for (zseq_call_t *call = handle->client->calls.pending; call;
         call = following) {
        following = call->next;
        if (call->handle != handle)
            continue;
        if (call->drinks)
            s_leave_drinkers (call);
        zseq_engine_cancel (handle->client->engine, &call->want);
        zseq_engine_cancel_probe (handle->client->engine, &call->probe);
        s_unpend (call);
        free (call);
    }
}

//  Starting. No lock held.

static zseq_call_t *
s_new (zseq_t *handle, s_kind_t kind, uint64_t tag, int *rc_p)
{
    *rc_p = zseq_client_check (handle->client);
    if (*rc_p != ZSEQ_OK)
        return NULL;
    zseq_call_t *call = calloc (1, sizeof *call);
    if (!call) {
        *rc_p = zseq_detail_fail (ZSEQ_ENOMEM, "no call fits");
        return NULL;
    }
    call->kind = kind;
    call->client = handle->client;
    call->handle = handle;
    call->place = handle->place;
    call->count = 1;
    call->result.tag = tag;
    call->deadline_us = zseq_client_deadline_us (handle->timeout_ms);
    return call;
}

//  Enters the engine; or the call has ended.
static bool
s_enter (zseq_call_t *call)
{
    int rc = zseq_engine_enter (call->client->engine);
    if (rc != ZSEQ_OK)
        s_end (call, rc, zseq_detail ());
    return rc == ZSEQ_OK;
}

static void
s_begin_next (zseq_call_t *call)
{
    zseq_t *handle = call->handle;
    if (zseq_client_take_ahead (handle, &call->result.value)) {
        s_end (call, ZSEQ_OK, "");
        return;
    }
    if (!s_enter (call))
        return;
    s_pend (call);
    if (!zseq_client_buffered (handle))
        s_want (call, 1);
    else if (zseq_client_take (handle, call->deadline_us, &call->result.value))
        s_end_pending (call, ZSEQ_OK, "");
    else {
        s_drink (call);
        zseq_client_fill (handle, call->deadline_us);
    }
    zseq_engine_leave (handle->client->engine);
}

static void
s_begin_range (zseq_call_t *call)
{
    zseq_engine_t *engine = call->client->engine;
    if (!s_enter (call))
        return;
    s_pend (call);
    s_want (call, call->count);
    zseq_engine_leave (engine);
}

static void
s_begin_probe (zseq_call_t *call)
{
    zseq_engine_t *engine = call->client->engine;
    if (!s_enter (call))
        return;
    call->raises = call->result.value > 0;
    call->probe =
      (zseq_probe_t){.name = zseq_engine_name_text (call->handle->name),
                     .value = call->result.value,
                     .deadline_us = call->deadline_us,
                     .done = s_probe_done,
                     .arg = call};
    s_pend (call);
    int rc = zseq_engine_post_probe (engine, &call->probe);
    if (rc != ZSEQ_OK)
        s_end_pending (call, rc, "no call fits");
    zseq_engine_leave (engine);
}

//  A source answers at once, or after a wait, of which the call gets a slice: others
//  wait, too. False: it needs another one.
static bool
s_begin_source (zseq_call_t *call)
{
    zseq_source_t *source = call->client->source;
    uint64_t now_us = zseq_clock_now_us ();
    uint64_t left_us =
      call->deadline_us > now_us ? call->deadline_us - now_us : 0;
    bool sliced = left_us > SLICE_US;
    int rc;
    if (call->kind == S_PROBE)
        rc =
          zseq_client_probe_source (source, call->place, &call->result.value);
    else
        rc = source->ops->take (source, call->place, call->count,
                                (int) ((sliced ? SLICE_US : left_us) / 1000),
                                &call->result.value);
    if (sliced &&
        (rc == ZSEQ_ETIMEOUT || rc == ZSEQ_EUNAVAILABLE || rc == ZSEQ_ECLOCK)) {
        //  A clock that is far behind is told of at once.
        (void) usleep (PAUSE_US);
        return false;
    }
    //  Whoever warms up is handed nothing.
    if (rc == ZSEQ_OK && call->kind == S_WARM)
        source->ops->burn (source, 1);
    s_end (call, rc, rc == ZSEQ_OK ? "" : zseq_detail ());
    return true;
}

//  Begins a call; or ends it, and with it the wait for a directory that others
//  before it have waited for long enough.
static bool
s_begin (zseq_call_t *call)
{
    zseq_engine_t *engine = call->client->engine;
    if (!engine)
        return s_begin_source (call);
    if (!zseq_engine_entered (engine) &&
        zseq_clock_now_us () >= call->deadline_us)
        s_end (call, ZSEQ_ETIMEOUT, "the directory was not there in time");
    else if (call->kind == S_NEXT)
        s_begin_next (call);
    else if (call->kind == S_RANGE)
        s_begin_range (call);
    else if (call->kind == S_PROBE)
        s_begin_probe (call);
    else if (s_enter (call)) {
        zseq_engine_leave (engine);
        s_end (call, ZSEQ_OK, "");
    }
    return true;
}

//  The thread.

bool
zseq_calls_wait (const zseq_client_t *client)
{
    assert (client);
    if (client->source)
        return client->uri.flake;
    return client->uri.scheme == ZSEQ_SCHEME_FILE &&
           !zseq_engine_entered (client->engine);
}

//  These two with the calls' lock held.

static void
s_enqueue (zseq_calls_t *self, zseq_call_t *call)
{
    call->next = NULL;
    *self->queue_end = call;
    self->queue_end = &call->next;
    pthread_cond_signal (&self->wake);
}

//  Nobody is to hear of it.
static void
s_forget (zseq_calls_t *self, zseq_call_t *call)
{
    self->warming = self->warming && call->kind != S_WARM;
    free (call);
}

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
        bool begun = s_begin (call);
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

//  Lets the thread begin it.
static int
s_queue (zseq_call_t *call)
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
    return zseq_detail_fail (rc, "no thread fits");
}

void
zseq_calls_off_queue (zseq_t *handle)
{
    assert (handle);
    zseq_calls_t *self = &handle->client->calls;
    pthread_mutex_lock (&self->lock);
    zseq_call_t **link_p = &self->queue;
    while (*link_p) {
        zseq_call_t *call = *link_p;
        if (call->handle != handle) {
            link_p = &call->next;
            continue;
        }
        *link_p = call->next;
        s_forget (self, call);
    }
    self->queue_end = link_p;
    //  A source does not need the handle. An engine does, but soon is under way.
    if (self->current && self->current->handle == handle)
        self->current->off = true;
    while (!handle->client->source && self->current &&
           self->current->handle == handle)
        pthread_cond_wait (&self->idle, &self->lock);
    pthread_mutex_unlock (&self->lock);
}

int
zseq_calls_warm (zseq_t *handle)
{
    assert (handle);
    zseq_calls_t *self = &handle->client->calls;
    pthread_mutex_lock (&self->lock);
    bool warms = !self->warming;
    zseq_outcome_t failed = self->warmed;
    self->warmed.rc = ZSEQ_OK;
    if (failed.rc == ZSEQ_OK)
        self->warming = true;
    pthread_mutex_unlock (&self->lock);
    if (failed.rc != ZSEQ_OK)
        return zseq_detail_fail (failed.rc, "%s", failed.detail);
    int rc = ZSEQ_OK;
    zseq_call_t *call = warms ? s_new (handle, S_WARM, 0, &rc) : NULL;
    if (call)
        rc = s_queue (call);
    if (rc != ZSEQ_OK) {
        pthread_mutex_lock (&self->lock);
        self->warming = false;
        pthread_mutex_unlock (&self->lock);
        return rc;
    }
    return zseq_detail_fail (ZSEQ_EAGAIN, "the first IDs are on their way");
}

//  Starting.

//  A call that waits for nothing is begun here and now.
static int
s_start (zseq_call_t *call)
{
    if (!zseq_calls_wait (call->client))
        (void) s_begin (call);
    else if (call->client->source && call->kind == S_NEXT &&
             zseq_client_take_source (call->handle, 1, 0,
                                      &call->result.value) == ZSEQ_OK)
        s_end (call, ZSEQ_OK, "");
    else
        return s_queue (call);
    return ZSEQ_OK;
}

int
zseq_start_next (zseq_t *self, uint64_t tag)
{
    assert (self);
    int rc;
    zseq_call_t *call = s_new (self, S_NEXT, tag, &rc);
    return call ? s_start (call) : rc;
}

int
zseq_start_range (zseq_t *self, uint64_t count, uint64_t tag)
{
    assert (self);

    int rc = zseq_client_check_count (count);
    zseq_call_t *call = rc == ZSEQ_OK ? s_new (self, S_RANGE, tag, &rc) : NULL;
    if (!call)
        return rc;
    call->count = count;
    return s_start (call);
}

//  value: 0 to peek, or what to raise to.
static int
s_start_probe (zseq_t *self, uint64_t value, uint64_t tag)
{
    int rc;
    zseq_call_t *call = s_new (self, S_PROBE, tag, &rc);
    if (!call)
        return rc;
    call->result.value = value;
    return s_start (call);
}

int
zseq_start_peek (zseq_t *self, uint64_t tag)
{
    assert (self);
    return s_start_probe (self, 0, tag);
}

int
zseq_start_raise (zseq_t *self, uint64_t id, uint64_t tag)
{
    assert (self);
    int rc = zseq_client_check_id (id);
    return rc == ZSEQ_OK ? s_start_probe (self, id, tag) : rc;
}

//  Collecting.

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
            (void) zseq_detail_fail (ZSEQ_EIO, "no descriptor is left: %s",
                                     strerror (errno));
        else if (calls->ended)
            s_signal (calls->fd);
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
