//  The asynchronous form: calls that are started, and collected when they have
//  ended. One that cannot be answered from a handle's buffer waits for it among
//  its drinkers; others have a want or a probe of their own.

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "zseq_client_private.h"
#include "zseq_detail.h"
#include "zseq_seq.h"

_Static_assert(sizeof ((zseq_ended_t *) 0)->detail == ZSEQ_DETAIL_MAX,
               "an outcome's detail fits");

struct zseq_call {
    zseq_t *handle;
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
    if (client->engine)
        zseq_engine_set_settle (client->engine, s_settle, client);
}

void
zseq_calls_term (zseq_client_t *client)
{
    assert (client);
    zseq_calls_t *self = &client->calls;
    //  What is pending in a forked child is its parent's.
    assert (!self->pending || client->forks != zseq_engine_forks);
    while (self->ended) {
        zseq_call_t *call = self->ended;
        self->ended = call->next;
        free (call);
    }
    if (self->fd >= 0)
        close (self->fd);
    pthread_mutex_destroy (&self->lock);
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
    zseq_calls_t *calls = &call->handle->client->calls;
    call->result.rc = rc;
    if (rc != ZSEQ_OK) {
        call->result.value = 0;
        strcpy (call->result.detail, detail);
    }
    call->next = NULL;
    pthread_mutex_lock (&calls->lock);
    if (!calls->ended && calls->fd >= 0)
        s_signal (calls->fd);
    *calls->ended_end = call;
    calls->ended_end = &call->next;
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

//  Sees to the calls that wait for a buffer: those whose time has passed, those
//  whose buffer is none any more, and those for which nothing was sent yet.
static void
s_settle (void *arg)
{
    zseq_client_t *client = arg;
    uint64_t now_us = zseq_engine_now_us ();
    zseq_t *filled = NULL;
    zseq_call_t *following;
    for (zseq_call_t *call = client->calls.pending; call; call = following) {
        following = call->next;
        if (!call->drinks)
            continue;
        zseq_t *handle = call->handle;
        uint64_t id;
        if (zseq_client_take (handle, call->deadline_us, &id)) {
            s_leave_drinkers (call);
            call->result.value = id;
            s_end_pending (call, ZSEQ_OK, "");
        }
        else if (now_us >= call->deadline_us) {
            zseq_outcome_t outcome;
            s_leave_drinkers (call);
            zseq_engine_explain (client->engine, handle->name, &outcome);
            s_end_pending (call, outcome.rc, outcome.detail);
        }
        else if (!zseq_client_buffered (handle)) {
            s_leave_drinkers (call);
            s_want (call, 1);
        }
        else {
            if (handle != filled)
                zseq_client_fill (handle, call->deadline_us);
            filled = handle;
            zseq_engine_settle_at (client->engine, call->deadline_us);
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
s_new (zseq_t *handle, uint64_t tag, int *rc_p)
{
    *rc_p = zseq_client_check (handle->client);
    if (*rc_p != ZSEQ_OK)
        return NULL;
    zseq_call_t *call = calloc (1, sizeof *call);
    if (!call) {
        *rc_p = zseq_detail_fail (ZSEQ_ENOMEM, "no call fits");
        return NULL;
    }
    call->handle = handle;
    call->result.tag = tag;
    call->deadline_us = zseq_client_deadline_us (handle->timeout_ms);
    return call;
}

//  Of a source, which has answered.
static int
s_end_at_once (zseq_call_t *call, int rc)
{
    s_end (call, rc, rc == ZSEQ_OK ? "" : zseq_detail ());
    return ZSEQ_OK;
}

//  Enters the engine; or frees the call.
static int
s_enter (zseq_call_t *call)
{
    int rc = zseq_engine_enter (call->handle->client->engine);
    if (rc != ZSEQ_OK)
        free (call);
    return rc;
}

static int
s_take_source (zseq_call_t *call, uint64_t count)
{
    return s_end_at_once (call, zseq_client_take_source (call->handle, count,
                                                         ZSEQ_SOURCE_MS,
                                                         &call->result.value));
}

int
zseq_start_next (zseq_t *self, uint64_t tag)
{
    assert (self);

    int rc;
    zseq_call_t *call = s_new (self, tag, &rc);
    if (!call)
        return rc;
    if (self->client->source)
        return s_take_source (call, 1);
    if (zseq_client_take_ahead (self, &call->result.value)) {
        s_end (call, ZSEQ_OK, "");
        return ZSEQ_OK;
    }
    rc = s_enter (call);
    if (rc != ZSEQ_OK)
        return rc;
    s_pend (call);
    if (!zseq_client_buffered (self))
        s_want (call, 1);
    else if (zseq_client_take (self, call->deadline_us, &call->result.value))
        s_end_pending (call, ZSEQ_OK, "");
    else {
        s_drink (call);
        zseq_client_fill (self, call->deadline_us);
    }
    zseq_engine_leave (self->client->engine);
    return ZSEQ_OK;
}

int
zseq_start_range (zseq_t *self, uint64_t count, uint64_t tag)
{
    assert (self);

    int rc = zseq_client_check_count (count);
    zseq_call_t *call = rc == ZSEQ_OK ? s_new (self, tag, &rc) : NULL;
    if (!call)
        return rc;
    if (self->client->source)
        return s_take_source (call, count);
    rc = s_enter (call);
    if (rc != ZSEQ_OK)
        return rc;
    s_pend (call);
    s_want (call, count);
    zseq_engine_leave (self->client->engine);
    return ZSEQ_OK;
}

//  value: 0 to peek, or what to raise to.
static int
s_start_probe (zseq_t *self, uint64_t value, uint64_t tag)
{
    int rc;
    zseq_call_t *call = s_new (self, tag, &rc);
    if (!call)
        return rc;
    call->result.value = value;
    if (self->client->source)
        return s_end_at_once (
          call, zseq_client_probe_source (self, &call->result.value));
    rc = s_enter (call);
    if (rc != ZSEQ_OK)
        return rc;
    call->raises = value > 0;
    call->probe = (zseq_probe_t){.name = zseq_engine_name_text (self->name),
                                 .value = value,
                                 .deadline_us = call->deadline_us,
                                 .done = s_probe_done,
                                 .arg = call};
    s_pend (call);
    rc = zseq_engine_post_probe (self->client->engine, &call->probe);
    if (rc != ZSEQ_OK) {
        s_unpend (call);
        free (call);
        rc = zseq_detail_fail (rc, "no call fits");
    }
    zseq_engine_leave (self->client->engine);
    return rc;
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
