//  Each handle has ZSEQ_FILLS_MAX requests for ranges, its fills. s_shortfall
//  says how many of them to post. When a fill ends (s_filled), the waiters get
//  their IDs first, in order, and the buffer gets the rest. Then all waiters
//  are called back, so that those without an ID can give up or post another
//  fill.
//
//  The handle's lock guards the buffer and handle_locked, the reactor's lock
//  the fills and the waiters. See zseq_prefetch.h for how to use it.

#include "zseq_prefetch.h"

#include <assert.h>
#include <pthread.h>

#include "zseq_client_check.h"
#include "zseq_clock.h"

//  Every 64th ID of an automatic batch looks whether the buffer is stale.
#define AUTO_MASK 63u

//  How many IDs of a range are left when the next one is needed. Handle's lock
//  held.
static uint64_t
s_low_water (const zseq_t *self)
{
    return self->handle_locked.batch / 2;
}

//  Whether the buffer may hold anything. Handle's lock held.
static bool
s_has_buffer (const zseq_t *self)
{
    return self->handle_locked.batch > 1 || self->handle_locked.automatic;
}

//  How many fills are missing: one is needed when the current range is half
//  gone, two if one has proven too late. Handle's lock held.
static size_t
s_shortfall (const zseq_t *self)
{
    if (!s_has_buffer (self))
        return 0;
    uint64_t left = zseq_buffer_left (&self->buffer);
    if (left > s_low_water (self))
        return 0;
    size_t ranges = left || !self->handle_locked.starved ? 1 : 2;
    size_t ahead = self->buffer.queued + self->handle_locked.fills_inflight;
    return ranges > ahead ? ranges - ahead : 0;
}

bool
zseq_prefetch_buffered (zseq_t *self)
{
    pthread_mutex_lock (&self->lock);
    bool buffered = self->handle_locked.batch > 1;
    pthread_mutex_unlock (&self->lock);
    return buffered;
}

bool
zseq_prefetch_enabled (zseq_t *self)
{
    pthread_mutex_lock (&self->lock);
    bool enabled = s_has_buffer (self);
    pthread_mutex_unlock (&self->lock);
    return enabled;
}

bool
zseq_prefetch_set_batch (zseq_t *self, uint64_t batch)
{
    assert (self);

    bool automatic = batch == ZSEQ_BATCH_AUTO;
    pthread_mutex_lock (&self->lock);
    self->handle_locked.batch = batch > 1 && !automatic ? batch : 1;
    self->handle_locked.automatic = automatic;
    self->buffer.mask = automatic ? AUTO_MASK : UINT32_MAX;
    if (automatic)
        zseq_usage_init (&self->handle_locked.usage, zseq_clock_now_us (),
                         zseq_buffer_issued (&self->buffer));
    bool drop =
      batch <= 1 && (self->handle_locked.fills_inflight ||
                     self->buffer.queued || zseq_buffer_left (&self->buffer));
    pthread_mutex_unlock (&self->lock);
    return drop;
}

//  Buffer waiters.

void
zseq_prefetch_add_waiter (zseq_t *self, zseq_buffer_waiter_t *waiter)
{
    assert (self);
    assert (waiter);
    assert (waiter->filled);

    zseq_buffer_waiter_t **link_p = &self->reactor_locked.waiters;
    while (*link_p)
        link_p = &(*link_p)->next;
    *link_p = waiter;
}

void
zseq_prefetch_remove_waiter (zseq_t *self, zseq_buffer_waiter_t *waiter)
{
    assert (self);
    assert (waiter);

    zseq_buffer_waiter_t **link_p = &self->reactor_locked.waiters;
    while (*link_p != waiter)
        link_p = &(*link_p)->next;
    *link_p = waiter->next;
}

//  Calls the waiters back, each of which may remove itself. Reactor's lock
//  held.
static void
s_notify_waiters (zseq_t *self, bool failed)
{
    zseq_buffer_waiter_t *following;
    for (zseq_buffer_waiter_t *waiter = self->reactor_locked.waiters; waiter;
         waiter = following) {
        following = waiter->next;
        waiter->filled (waiter, failed);
    }
}

//  Filling and emptying.

//  Gives each waiter an ID of the range, first come first served. If it only
//  woke them, the buffer could be empty again before the last waiter runs. Both
//  locks held.
static void
s_serve (zseq_t *self, zseq_range_t *range)
{
    uint64_t first = range->first;
    for (zseq_buffer_waiter_t *waiter = self->reactor_locked.waiters;
         waiter && range->first < range->end; waiter = waiter->next) {
        if (waiter->served)
            continue;
        waiter->served = true;
        waiter->id = range->first++;
    }
    if (range->first > first)
        zseq_buffer_note_issued (&self->buffer, range->first,
                                 range->first - first);
}

//  The callback of a fill that has ended. Reactor's lock held.
static void
s_filled (zseq_id_request_t *request)
{
    zseq_t *self = request->arg;
    uint64_t now_us = zseq_clock_now_us ();
    uint64_t burnt = 0;
    pthread_mutex_lock (&self->lock);
    self->handle_locked.fills_inflight--;
    if (request->outcome.rc == ZSEQ_OK) {
        if (self->handle_locked.automatic)
            zseq_usage_note (&self->handle_locked.usage, now_us,
                             zseq_buffer_issued (&self->buffer));
        zseq_usage_note_claim (&self->handle_locked.usage,
                               now_us - request->posted_us);
        zseq_usage_note_range (&self->handle_locked.usage, now_us);
        zseq_range_t range = {request->request.first,
                              request->request.first + request->request.count};
        //  S9: a range that was overtaken is burnt.
        burnt = zseq_buffer_cut (&self->buffer, &range);
        s_serve (self, &range);
        zseq_buffer_add (&self->buffer, &range);
        (void) zseq_buffer_next_range (&self->buffer, s_low_water (self));
    }
    pthread_mutex_unlock (&self->lock);
    zseq_reactor_burn (self->client->reactor, burnt);

    self->reactor_locked.fills_ended++;
    self->reactor_locked.fill_outcome = request->outcome;
    self->reactor_locked.fill_failed = request->outcome.rc != ZSEQ_OK;
    s_notify_waiters (self, self->reactor_locked.fill_failed);
}

void
zseq_prefetch_init (zseq_t *self)
{
    assert (self);

    zseq_buffer_init (&self->buffer);
    self->handle_locked.batch = 1;
    for (size_t index = 0; index < ZSEQ_FILLS_MAX; index++) {
        self->reactor_locked.fill[index].done = s_filled;
        self->reactor_locked.fill[index].arg = self;
    }
}

uint64_t
zseq_prefetch_drop (zseq_t *self)
{
    for (size_t index = 0; index < ZSEQ_FILLS_MAX; index++)
        zseq_name_queue_cancel (self->client->reactor,
                                &self->reactor_locked.fill[index]);
    pthread_mutex_lock (&self->lock);
    uint64_t burnt = zseq_buffer_drain (&self->buffer);
    self->handle_locked.fills_inflight = 0;
    pthread_mutex_unlock (&self->lock);
    s_notify_waiters (self, false);
    return burnt;
}

//  Sets an automatic batch by what was used lately. Handle's lock held.
static void
s_adapt (zseq_t *self, uint64_t now_us)
{
    if (self->handle_locked.automatic)
        self->handle_locked.batch = zseq_usage_batch (
          &self->handle_locked.usage, now_us,
          zseq_buffer_issued (&self->buffer),
          self->handle_locked.starved ? self->handle_locked.batch : 1);
}

void
zseq_prefetch_fill (zseq_t *self, uint64_t deadline_us)
{
    uint64_t now_us = zseq_clock_now_us ();
    pthread_mutex_lock (&self->lock);
    //  Before the batch changes, and the low-water mark with it.
    size_t shortfall = s_shortfall (self);
    if (shortfall)
        s_adapt (self, now_us);
    if (shortfall && zseq_buffer_left (&self->buffer))
        self->handle_locked.starved = false;
    uint64_t count = self->handle_locked.batch;
    self->handle_locked.fills_inflight += shortfall;
    pthread_mutex_unlock (&self->lock);

    uint64_t waiters = 0;
    for (zseq_buffer_waiter_t *waiter = self->reactor_locked.waiters; waiter;
         waiter = waiter->next)
        waiters++;
    for (size_t index = 0; index < ZSEQ_FILLS_MAX; index++) {
        zseq_id_request_t *fill = &self->reactor_locked.fill[index];
        if (fill->pending) {
            if (fill->request.deadline_us < deadline_us)
                fill->request.deadline_us = deadline_us;
            continue;
        }
        if (!shortfall)
            continue;
        shortfall--;
        fill->request.count = count > waiters ? count : waiters;
        fill->request.count_min = 1;
        fill->request.deadline_us = deadline_us;
        zseq_name_queue_post (self->client->reactor, self->name, fill);
    }
    assert (!shortfall);
}

//  Taking.

//  Takes an ID of the current range, or of the next ranges once that is used
//  up.
static bool
s_take (zseq_t *self, uint64_t *id_p, zseq_buffer_level_t *level_p)
{
    bool more = true;
    while (more) {
        if (zseq_buffer_take (&self->buffer, id_p, level_p))
            return true;
        pthread_mutex_lock (&self->lock);
        more = zseq_buffer_next_range (&self->buffer, s_low_water (self));
        pthread_mutex_unlock (&self->lock);
    }
    return false;
}

//  Whether an automatic batch has gone stale. Handle's lock held.
static bool
s_stale (const zseq_t *self, uint64_t now_us)
{
    return self->handle_locked.automatic &&
           zseq_usage_stale (&self->handle_locked.usage, now_us);
}

//  Burns a stale buffer, unless another thread has done so, and a new range
//  came meanwhile. Reactor's lock held.
static void
s_drop_stale (zseq_t *self)
{
    uint64_t now_us = zseq_clock_now_us ();
    pthread_mutex_lock (&self->lock);
    bool stale = s_stale (self, now_us);
    if (stale)
        self->handle_locked.batch = 1;
    pthread_mutex_unlock (&self->lock);
    if (stale)
        zseq_reactor_burn (self->client->reactor, zseq_prefetch_drop (self));
}

void
zseq_prefetch_keep_ahead (zseq_t *self, zseq_buffer_level_t level)
{
    assert (self);

    uint64_t now_us = zseq_clock_now_us ();
    if (level == ZSEQ_BUFFER_LOOK &&
        now_us < atomic_load_explicit (&self->look_us, memory_order_relaxed))
        return;
    pthread_mutex_lock (&self->lock);
    atomic_store_explicit (&self->look_us, now_us + ZSEQ_USAGE_APART_US,
                           memory_order_relaxed);
    bool stale = s_stale (self, now_us);
    bool is_short = s_shortfall (self) > 0;
    if (self->handle_locked.automatic)
        zseq_usage_note (&self->handle_locked.usage, now_us,
                         zseq_buffer_issued (&self->buffer));
    pthread_mutex_unlock (&self->lock);
    if ((!stale && !is_short) ||
        zseq_reactor_enter (self->client->reactor) != ZSEQ_OK)
        return;
    if (stale)
        s_drop_stale (self);
    else
        zseq_prefetch_fill (self, zseq_client_deadline_us (self->timeout_ms));
    zseq_reactor_leave (self->client->reactor);
}

bool
zseq_prefetch_take (zseq_t *self, uint64_t deadline_us, uint64_t *id_p)
{
    zseq_buffer_level_t level;
    bool taken = s_take (self, id_p, &level);
    if (taken && level != ZSEQ_BUFFER_ENOUGH)
        zseq_prefetch_fill (self, deadline_us);
    return taken;
}

bool
zseq_prefetch_take_ahead (zseq_t *self, uint64_t *id_p)
{
    zseq_buffer_level_t level;
    bool taken = s_take (self, id_p, &level);
    if (taken && level != ZSEQ_BUFFER_ENOUGH)
        zseq_prefetch_keep_ahead (self, level);
    return taken;
}

//  The callback of a waiter that is a thread.
static void
s_wake_thread (zseq_buffer_waiter_t *waiter, bool failed)
{
    (void) failed;
    zseq_waiter_wake (waiter->arg);
}

int
zseq_prefetch_wait_for_id (zseq_t *self, uint64_t deadline_us, uint64_t *id_p,
                           zseq_outcome_t *outcome)
{
    zseq_reactor_t *reactor = self->client->reactor;
    unsigned seen = self->reactor_locked.fills_ended;
    zseq_waiter_t thread;
    zseq_waiter_init (&thread);
    zseq_buffer_waiter_t waiter = {.filled = s_wake_thread, .arg = &thread};
    zseq_prefetch_add_waiter (self, &waiter);

    int rc = ZSEQ_OK;
    zseq_buffer_level_t level = ZSEQ_BUFFER_ENOUGH;
    while (!waiter.served && !s_take (self, id_p, &level)) {
        if (self->reactor_locked.fills_ended != seen &&
            self->reactor_locked.fill_outcome.rc != ZSEQ_OK) {
            *outcome = self->reactor_locked.fill_outcome;
            self->reactor_locked.fill_failed = false;
            rc = outcome->rc;
            break;
        }
        seen = self->reactor_locked.fills_ended;
        if (zseq_clock_now_us () >= deadline_us) {
            zseq_name_queue_explain (reactor, self->name, outcome);
            rc = outcome->rc;
            break;
        }
        if (!zseq_prefetch_buffered (self)) {
            rc = ZSEQ_EAGAIN;
            break;
        }
        thread.woken = false;
        pthread_mutex_lock (&self->lock);
        self->handle_locked.starved = self->reactor_locked.fills_ended > 0;
        pthread_mutex_unlock (&self->lock);
        zseq_prefetch_fill (self, deadline_us);
        zseq_reactor_wait (reactor, &thread, deadline_us);
    }

    if (waiter.served)
        *id_p = waiter.id;
    if (level != ZSEQ_BUFFER_ENOUGH)
        zseq_prefetch_fill (self, deadline_us);

    zseq_prefetch_remove_waiter (self, &waiter);
    zseq_waiter_term (&thread);
    return rc;
}

//  IDs beside the buffer.

void
zseq_prefetch_note_issued (zseq_t *self, const zseq_id_request_t *request)
{
    uint64_t count = request->request.count;
    uint64_t end = request->request.first + count;
    pthread_mutex_lock (&self->lock);
    uint64_t burnt =
      zseq_buffer_raise_floor (&self->buffer, end, s_low_water (self));
    zseq_buffer_note_issued (&self->buffer, end, count);
    if (self->handle_locked.automatic) {
        uint64_t now_us = zseq_clock_now_us ();
        zseq_usage_note_claim (&self->handle_locked.usage,
                               now_us - request->posted_us);
        s_adapt (self, now_us);
    }
    pthread_mutex_unlock (&self->lock);
    zseq_reactor_burn (self->client->reactor, burnt);
}

//  Burns the IDs of one handle below id. Ranges still in flight are cut when
//  they come. Returns how many IDs it burnt.
static uint64_t
s_raise_floor (zseq_t *self, uint64_t id)
{
    pthread_mutex_lock (&self->lock);
    uint64_t burnt =
      zseq_buffer_raise_floor (&self->buffer, id, s_low_water (self));
    pthread_mutex_unlock (&self->lock);
    return burnt;
}

void
zseq_prefetch_raised (zseq_t *self, uint64_t id)
{
    zseq_client_t *client = self->client;
    uint64_t burnt = 0;
    pthread_mutex_lock (&client->lock);
    for (zseq_t *handle = client->handles; handle; handle = handle->next)
        if (handle->name == self->name)
            burnt += s_raise_floor (handle, id);
    pthread_mutex_unlock (&client->lock);
    zseq_reactor_burn (client->reactor, burnt);
}
