#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_client_private.h"
#include "zseq_clock.h"
#include "zseq_detail.h"
#include "zseq_fork.h"
#include "zseq_seq.h"

//  How long a status waits for slow nodes.
#define STATUS_US_MAX 1000000
//  For how long the ranges of an automatic batch last, at the rate at which IDs
//  are taken; a shorter time than the fourth part of that says little about the
//  rate.
#define AUTO_US 10000
#define AUTO_BATCH_MAX ((uint64_t) 1 << 24)
#define AUTO_GROWTH 4
//  IDs of an automatic batch that are that old are burnt: they were meant for a
//  rate that is long gone, and lie below what others are handed by now. It is
//  noticed with every 64th ID.
#define AUTO_STALE_US (100 * AUTO_US)
#define AUTO_MASK 63u

static zseq_client_t *s_new (const zseq_uri_t *uri);

//  Clients.

//  What a URI stands for: an engine, or a source. False: no memory.
static bool
s_open (zseq_client_t *self)
{
    const zseq_uri_t *uri = &self->uri;
    if (uri->scheme == ZSEQ_SCHEME_MEM)
        self->source = zseq_source_mem_new ();
    else if (!uri->flake)
        self->engine = zseq_engine_new (uri);
    else {
        //  Where milliseconds have to be claimed, there is a client that does.
        zseq_uri_t claims = *uri;
        claims.flake = false;
        zseq_client_t *client =
          uri->scheme == ZSEQ_SCHEME_FLAKE ? NULL : s_new (&claims);
        if (client || uri->scheme == ZSEQ_SCHEME_FLAKE)
            self->source = zseq_source_flake_new (uri, client);
        if (!self->source)
            zseq_client_destroy (&client);
    }
    return self->engine || self->source;
}

static zseq_client_t *
s_new (const zseq_uri_t *uri)
{
    zseq_client_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    zseq_fork_watch ();
    self->uri = *uri;
    self->forks = zseq_fork_count;
    if (!s_open (self)) {
        free (self);
        return NULL;
    }
    atomic_init (&self->timeout_ms, uri->timeout_ms);
    pthread_mutex_init (&self->lock, NULL);
    zseq_calls_init (self);
    return self;
}

zseq_client_t *
zseq_client_new (const char *uri)
{
    if (!uri) {
        (void) zseq_detail_fail (ZSEQ_EURI, "the URI is NULL");
        return NULL;
    }
    zseq_uri_t parsed;
    if (zseq_uri_parse (uri, &parsed) != ZSEQ_OK)
        return NULL;
    zseq_client_t *self = s_new (&parsed);
    if (!self)
        (void) zseq_detail_fail (ZSEQ_ENOMEM, "no client fits");
    return self;
}

void
zseq_client_destroy (zseq_client_t **self_p)
{
    assert (self_p);

    zseq_client_t *self = *self_p;
    if (!self)
        return;
    //  Those of a forked child's parent may have been in the making.
    assert (!self->handles || self->forks != zseq_fork_count);
    zseq_calls_term (self);
    if (self->engine)
        zseq_engine_destroy (&self->engine);
    else
        self->source->ops->destroy (self->source);
    free (self);
    *self_p = NULL;
}

int
zseq_client_check (const zseq_client_t *self)
{
    return zseq_fork_check (self->forks);
}

static int
s_check_timeout (int timeout_ms)
{
    if (timeout_ms >= 1 && timeout_ms <= ZSEQ_TIMEOUT_MS_MAX)
        return ZSEQ_OK;
    return zseq_detail_fail (ZSEQ_EINVAL, "timeout %d ms is not in 1..%d",
                             timeout_ms, ZSEQ_TIMEOUT_MS_MAX);
}

int
zseq_client_set_timeout (zseq_client_t *self, int timeout_ms)
{
    assert (self);

    int rc = zseq_client_check (self);
    if (rc == ZSEQ_OK)
        rc = s_check_timeout (timeout_ms);
    if (rc != ZSEQ_OK)
        return rc;
    self->timeout_ms = timeout_ms;
    if (self->engine)
        zseq_engine_set_timeout (self->engine, timeout_ms);
    return ZSEQ_OK;
}

int
zseq_client_set_quorum (zseq_client_t *self, int r, int w)
{
    assert (self);
    int rc = zseq_client_check (self);
    if (rc != ZSEQ_OK)
        return rc;
    if (!self->engine)
        return zseq_detail_fail (ZSEQ_EINVAL,
                                 "only a cluster's URI has quorums");
    return zseq_engine_set_quorum (self->engine, r, w);
}

static int
s_fail (const zseq_outcome_t *outcome)
{
    if (outcome->rc == ZSEQ_OK)
        return ZSEQ_OK;
    return zseq_detail_fail (outcome->rc, "%s", outcome->detail);
}

uint64_t
zseq_client_deadline_us (int timeout_ms)
{
    return zseq_clock_now_us () + (uint64_t) timeout_ms * 1000;
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
    zseq_engine_stats (self->engine, &stats);
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

int
zseq_client_status (zseq_client_t *self, zseq_status_t *status_p)
{
    assert (self);
    assert (status_p);

    int rc = zseq_client_check (self);
    if (rc == ZSEQ_OK && self->source)
        return self->source->ops->status (self->source, self->timeout_ms,
                                          status_p);
    if (rc == ZSEQ_OK)
        rc = zseq_engine_enter (self->engine);
    if (rc != ZSEQ_OK)
        return rc;
    uint64_t deadline_us = zseq_client_deadline_us (self->timeout_ms);
    uint64_t patience_us = zseq_clock_now_us () + STATUS_US_MAX;
    zseq_status_t status;
    zseq_outcome_t outcome;
    zseq_engine_status (self->engine,
                        deadline_us < patience_us ? deadline_us : patience_us,
                        &status, &outcome);
    zseq_engine_leave (self->engine);
    if (outcome.rc == ZSEQ_OK)
        *status_p = status;
    return s_fail (&outcome);
}

int
zseq_client_list (zseq_client_t *self, const char *prefix, zseq_list_fn *fn,
                  void *arg)
{
    assert (self);
    assert (prefix);
    assert (fn);

    if (strlen (prefix) > ZSEQ_NAME_MAX)
        return zseq_detail_fail (
          ZSEQ_EINVAL, "the prefix is longer than %d bytes", ZSEQ_NAME_MAX);
    if (self->source) {
        int rc = zseq_client_check (self);
        return rc == ZSEQ_OK
                 ? self->source->ops->list (self->source, prefix, fn, arg)
                 : rc;
    }
    zseq_page_t *page = malloc (sizeof *page);
    if (!page)
        return zseq_detail_fail (ZSEQ_ENOMEM, "a page of names does not fit");

    char after[ZSEQ_NAME_MAX + 1] = "";
    zseq_outcome_t outcome;
    bool going = true;
    do {
        int rc = zseq_engine_enter (self->engine);
        if (rc != ZSEQ_OK) {
            free (page);
            return rc;
        }
        zseq_engine_page (self->engine, prefix, after,
                          zseq_client_deadline_us (self->timeout_ms), page,
                          &outcome);
        zseq_engine_leave (self->engine);
        if (outcome.rc != ZSEQ_OK)
            break;
        for (size_t index = 0; index < page->count && going; index++)
            going =
              fn (page->item[index].name, page->item[index].next, arg) == 0;
        if (page->count)
            strcpy (after, page->item[page->count - 1].name);
    } while (going && page->more && page->count);
    free (page);
    return s_fail (&outcome);
}

//  Handles.

static void s_filled (zseq_want_t *want);

zseq_t *
zseq_new (zseq_client_t *client, const char *name)
{
    assert (client);

    size_t size = name ? strlen (name) : 0;
    if (size < 1 || size > ZSEQ_NAME_MAX) {
        (void) zseq_detail_fail (ZSEQ_EINVAL,
                                 "a sequence's name has 1 to %d bytes, not %zu",
                                 ZSEQ_NAME_MAX, size);
        return NULL;
    }
    if (zseq_client_check (client) != ZSEQ_OK)
        return NULL;
    //  The buffer is aligned to lines of the cache.
    zseq_t *self = aligned_alloc (_Alignof(zseq_t), sizeof *self);
    if (self)
        memset (self, 0, sizeof *self);
    if (self && client->engine)
        self->name = zseq_engine_name (client->engine, name);
    else if (self)
        self->place = client->source->ops->open (client->source, name);
    if (!self || (!self->name && !self->place)) {
        free (self);
        (void) zseq_detail_fail (ZSEQ_ENOMEM, "no handle fits");
        return NULL;
    }
    self->client = client;
    self->forks = zseq_fork_count;
    self->batch = 1;
    zseq_buffer_init (&self->buffer);
    for (size_t index = 0; index < ZSEQ_FILLS_MAX; index++) {
        self->fill[index].done = s_filled;
        self->fill[index].arg = self;
    }
    atomic_init (&self->timeout_ms, client->timeout_ms);
    pthread_mutex_init (&self->lock, NULL);

    pthread_mutex_lock (&client->lock);
    self->next = client->handles;
    if (client->handles)
        client->handles->prev = self;
    client->handles = self;
    pthread_mutex_unlock (&client->lock);
    return self;
}

//  How many IDs are left of a range when it is time for the next. Handle's lock
//  held.
static uint64_t
s_mark (const zseq_t *self)
{
    return self->batch / 2;
}

//  Who waits for the buffer looks again. Engine's lock held.
static void
s_wake_drinkers (zseq_t *self, bool failed)
{
    for (zseq_drinker_t *drinker = self->drinkers; drinker;
         drinker = drinker->next)
        if (!drinker->call)
            zseq_waiter_wake (&drinker->waiter);
    zseq_calls_filled (self, failed);
}

//  Empties the buffer and calls fills off; who waits for them looks again.
//  Returns what is burnt by that.
static uint64_t
s_drop_buffer (zseq_t *self)
{
    for (size_t index = 0; index < ZSEQ_FILLS_MAX; index++)
        zseq_engine_cancel (self->client->engine, &self->fill[index]);
    pthread_mutex_lock (&self->lock);
    uint64_t burnt = zseq_buffer_drain (&self->buffer);
    self->filling = 0;
    pthread_mutex_unlock (&self->lock);
    s_wake_drinkers (self, false);
    return burnt;
}

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
    zseq_engine_t *engine = self->client->engine;
    if (self->forks != zseq_fork_count)
        s_unlink (self);
    else {
        zseq_calls_off_queue (self);
        if (engine) {
            zseq_engine_lock (engine);
            zseq_calls_off (self);
            zseq_engine_burn (engine, s_drop_buffer (self));
            zseq_engine_leave (engine);
        }
        pthread_mutex_lock (&self->client->lock);
        s_unlink (self);
        pthread_mutex_unlock (&self->client->lock);
        pthread_mutex_destroy (&self->lock);
    }
    if (engine)
        zseq_engine_name_free (engine, self->name);
    free (self);
    *self_p = NULL;
}

int
zseq_set_batch (zseq_t *self, uint64_t batch)
{
    assert (self);

    bool automatic = batch == ZSEQ_BATCH_AUTO;
    if (batch > ZSEQ_COUNT_MAX && !automatic)
        return zseq_detail_fail (ZSEQ_EINVAL, "batch %llu is above 2^32",
                                 (unsigned long long) batch);
    zseq_engine_t *engine = self->client->engine;
    int rc = zseq_client_check (self->client);
    if (rc != ZSEQ_OK)
        return rc;
    pthread_mutex_lock (&self->lock);
    self->batch = batch > 1 && !automatic ? batch : 1;
    self->automatic = automatic;
    self->buffer.mask = automatic ? AUTO_MASK : UINT32_MAX;
    self->adapted_us = 0;
    bool drop = batch <= 1 && (self->filling || self->buffer.spares ||
                               zseq_buffer_left (&self->buffer));
    pthread_mutex_unlock (&self->lock);
    if (!drop)
        return ZSEQ_OK;
    rc = zseq_engine_enter (engine);
    if (rc != ZSEQ_OK)
        return rc;
    zseq_engine_burn (engine, s_drop_buffer (self));
    zseq_engine_leave (engine);
    return ZSEQ_OK;
}

int
zseq_set_timeout (zseq_t *self, int timeout_ms)
{
    assert (self);

    int rc = zseq_client_check (self->client);
    if (rc == ZSEQ_OK)
        rc = s_check_timeout (timeout_ms);
    if (rc == ZSEQ_OK)
        self->timeout_ms = timeout_ms;
    return rc;
}

//  The buffer.

//  Whether there may be anything in the buffer. Handle's lock held.
static bool
s_has_buffer (const zseq_t *self)
{
    return self->batch > 1 || self->automatic;
}

//  How many ranges should be on their way, and are not: one when the last one
//  is half gone, one more if that has proven too late. Handle's lock held.
static size_t
s_thirst (const zseq_t *self)
{
    if (!s_has_buffer (self))
        return 0;
    uint64_t left = zseq_buffer_left (&self->buffer);
    size_t ranges = left > s_mark (self) ? 0 : left || !self->hungry ? 1 : 2;
    size_t ahead = self->buffer.spares + self->filling;
    return ranges > ahead ? ranges - ahead : 0;
}

bool
zseq_client_buffered (zseq_t *self)
{
    pthread_mutex_lock (&self->lock);
    bool buffered = self->batch > 1;
    pthread_mutex_unlock (&self->lock);
    return buffered;
}

//  Takes an ID; with none left of the current range, of the next.
static bool
s_take (zseq_t *self, uint64_t *id_p, bool *mark_p)
{
    bool more = true;
    while (more) {
        if (zseq_buffer_take (&self->buffer, id_p, mark_p))
            return true;
        pthread_mutex_lock (&self->lock);
        more = zseq_buffer_turn (&self->buffer, s_mark (self));
        pthread_mutex_unlock (&self->lock);
    }
    return false;
}

//  Gives those who wait their IDs, in the order in which they came: were they
//  only woken, the buffer could be empty again before the last of them runs.
//  Both locks held.
static void
s_serve (zseq_t *self, zseq_range_t *range)
{
    uint64_t first = range->first;
    for (zseq_drinker_t *drinker = self->drinkers;
         drinker && range->first < range->end; drinker = drinker->next) {
        if (drinker->served)
            continue;
        drinker->served = true;
        drinker->id = range->first++;
    }
    if (range->first > first)
        zseq_buffer_pass (&self->buffer, range->first, range->first - first);
}

//  A fill has ended. Engine's lock held.
static void
s_filled (zseq_want_t *want)
{
    zseq_t *self = want->arg;
    uint64_t burnt = 0;
    pthread_mutex_lock (&self->lock);
    self->filling--;
    self->filled_us = zseq_clock_now_us ();
    if (want->outcome.rc == ZSEQ_OK) {
        zseq_range_t range = {want->rider.first,
                              want->rider.first + want->rider.count};
        //  S9: a range that was overtaken is dropped.
        burnt = zseq_buffer_cut (&self->buffer, &range);
        s_serve (self, &range);
        zseq_buffer_add (&self->buffer, &range);
        (void) zseq_buffer_turn (&self->buffer, s_mark (self));
    }
    pthread_mutex_unlock (&self->lock);
    zseq_engine_burn (self->client->engine, burnt);

    self->fills++;
    self->fill_outcome = want->outcome;
    self->fill_failed = want->outcome.rc != ZSEQ_OK;
    s_wake_drinkers (self, self->fill_failed);
}

//  An automatic batch follows the rate at which IDs are taken. Handle's lock
//  held.
static void
s_adapt (zseq_t *self, uint64_t now_us)
{
    if (!self->automatic)
        return;
    uint64_t issued = zseq_buffer_issued (&self->buffer);
    uint64_t used = issued - self->adapted_issued;
    uint64_t elapsed_us = now_us - self->adapted_us;
    uint64_t batch = self->batch;
    if (elapsed_us >= AUTO_US / 4)
        batch =
          used < AUTO_BATCH_MAX ? used * AUTO_US / elapsed_us : AUTO_BATCH_MAX;
    else if (self->hungry)
        batch = AUTO_GROWTH * self->batch;
    else
        return;
    if (batch > AUTO_GROWTH * self->batch)
        batch = AUTO_GROWTH * self->batch;
    if (batch > AUTO_BATCH_MAX)
        batch = AUTO_BATCH_MAX;
    self->batch = batch > 1 ? batch : 1;
    self->adapted_us = now_us;
    self->adapted_issued = issued;
}

void
zseq_client_fill (zseq_t *self, uint64_t deadline_us)
{
    pthread_mutex_lock (&self->lock);
    //  Before the batch changes, and with it when it is time.
    size_t thirst = s_thirst (self);
    if (thirst)
        s_adapt (self, zseq_clock_now_us ());
    if (thirst && zseq_buffer_left (&self->buffer))
        self->hungry = false;
    uint64_t count = self->batch;
    self->filling += thirst;
    pthread_mutex_unlock (&self->lock);

    uint64_t drinkers = 0;
    for (zseq_drinker_t *drinker = self->drinkers; drinker;
         drinker = drinker->next)
        drinkers++;
    for (size_t index = 0; index < ZSEQ_FILLS_MAX; index++) {
        zseq_want_t *fill = &self->fill[index];
        if (fill->pending) {
            if (fill->rider.deadline_us < deadline_us)
                fill->rider.deadline_us = deadline_us;
            continue;
        }
        if (!thirst)
            continue;
        thirst--;
        fill->rider.count = count > drinkers ? count : drinkers;
        fill->rider.count_min = 1;
        fill->rider.deadline_us = deadline_us;
        zseq_engine_post (self->client->engine, self->name, fill);
    }
    assert (!thirst);
}

//  Keeps the buffer ahead of its consumer, who does not wait for it.
__attribute__ ((noinline)) static void
s_prefetch (zseq_t *self)
{
    uint64_t now_us = zseq_clock_now_us ();
    pthread_mutex_lock (&self->lock);
    bool stale = self->automatic && now_us - self->filled_us > AUTO_STALE_US;
    bool thirsty = s_thirst (self) > 0;
    if (stale) {
        self->batch = 1;
        self->adapted_us = now_us;
        self->adapted_issued = zseq_buffer_issued (&self->buffer);
    }
    pthread_mutex_unlock (&self->lock);
    if ((!stale && !thirsty) ||
        zseq_engine_enter (self->client->engine) != ZSEQ_OK)
        return;
    if (stale)
        zseq_engine_burn (self->client->engine, s_drop_buffer (self));
    else
        zseq_client_fill (self, zseq_client_deadline_us (self->timeout_ms));
    zseq_engine_leave (self->client->engine);
}

bool
zseq_client_take (zseq_t *self, uint64_t deadline_us, uint64_t *id_p)
{
    bool mark;
    bool taken = s_take (self, id_p, &mark);
    if (taken && mark)
        zseq_client_fill (self, deadline_us);
    return taken;
}

bool
zseq_client_take_ahead (zseq_t *self, uint64_t *id_p)
{
    bool mark;
    bool taken = s_take (self, id_p, &mark);
    if (taken && mark)
        s_prefetch (self);
    return taken;
}

//  Waits for the buffer. Engine's lock held. ZSEQ_EAGAIN: it is none any more.
static int
s_drink (zseq_t *self, uint64_t deadline_us, uint64_t *id_p,
         zseq_outcome_t *outcome)
{
    zseq_engine_t *engine = self->client->engine;
    unsigned seen = self->fills;
    zseq_drinker_t drinker = {.served = false};
    zseq_waiter_init (&drinker.waiter);
    zseq_drinker_t **link_p = &self->drinkers;
    while (*link_p)
        link_p = &(*link_p)->next;
    *link_p = &drinker;

    int rc = ZSEQ_OK;
    bool mark = false;
    while (!drinker.served && !s_take (self, id_p, &mark)) {
        if (self->fills != seen && self->fill_outcome.rc != ZSEQ_OK) {
            *outcome = self->fill_outcome;
            self->fill_failed = false;
            rc = outcome->rc;
            break;
        }
        seen = self->fills;
        if (zseq_clock_now_us () >= deadline_us) {
            zseq_engine_explain (engine, self->name, outcome);
            rc = outcome->rc;
            break;
        }
        if (!zseq_client_buffered (self)) {
            rc = ZSEQ_EAGAIN;
            break;
        }
        drinker.waiter.woken = false;
        pthread_mutex_lock (&self->lock);
        self->hungry = self->fills > 0;
        pthread_mutex_unlock (&self->lock);
        zseq_client_fill (self, deadline_us);
        zseq_engine_wait (engine, &drinker.waiter, deadline_us);
    }

    if (drinker.served)
        *id_p = drinker.id;
    if (mark)
        zseq_client_fill (self, deadline_us);

    link_p = &self->drinkers;
    while (*link_p != &drinker)
        link_p = &(*link_p)->next;
    *link_p = drinker.next;
    zseq_waiter_term (&drinker.waiter);
    return rc;
}

//  Calls.

static void
s_wake (zseq_want_t *want)
{
    zseq_waiter_wake (want->arg);
}

void
zseq_client_passed (zseq_t *self, uint64_t first, uint64_t count)
{
    pthread_mutex_lock (&self->lock);
    uint64_t end = first + count;
    uint64_t burnt = zseq_buffer_lift (&self->buffer, end, s_mark (self));
    zseq_buffer_pass (&self->buffer, end, count);
    s_adapt (self, zseq_clock_now_us ());
    pthread_mutex_unlock (&self->lock);
    zseq_engine_burn (self->client->engine, burnt);
}

//  Ranges that are on their way are cut when they come. Returns what is burnt.
static uint64_t
s_lift (zseq_t *self, uint64_t id)
{
    pthread_mutex_lock (&self->lock);
    uint64_t burnt = zseq_buffer_lift (&self->buffer, id, s_mark (self));
    pthread_mutex_unlock (&self->lock);
    return burnt;
}

void
zseq_client_raised (zseq_t *self, uint64_t id)
{
    zseq_client_t *client = self->client;
    uint64_t burnt = 0;
    pthread_mutex_lock (&client->lock);
    for (zseq_t *handle = client->handles; handle; handle = handle->next)
        if (handle->name == self->name)
            burnt += s_lift (handle, id);
    pthread_mutex_unlock (&client->lock);
    zseq_engine_burn (client->engine, burnt);
}

//  Claims count IDs that were in no buffer. Engine's lock held.
static void
s_claim (zseq_t *self, uint64_t count, uint64_t deadline_us, uint64_t *first_p,
         zseq_outcome_t *outcome)
{
    zseq_waiter_t waiter;
    zseq_waiter_init (&waiter);
    zseq_want_t want = {
      .rider = {.count = count, .count_min = count, .deadline_us = deadline_us},
      .done = s_wake,
      .arg = &waiter};
    zseq_engine_post (self->client->engine, self->name, &want);
    while (want.pending)
        zseq_engine_wait (self->client->engine, &waiter, deadline_us);
    zseq_waiter_term (&waiter);

    *outcome = want.outcome;
    if (outcome->rc != ZSEQ_OK)
        return;
    *first_p = want.rider.first;
    zseq_client_passed (self, want.rider.first, count);
}

int
zseq_client_take_source (zseq_t *self, uint64_t count, int timeout_ms,
                         uint64_t *first_p)
{
    zseq_source_t *source = self->client->source;
    return source->ops->take (source, self->place, count, timeout_ms, first_p);
}

//  When the current range is used up, or there is none.
static int
s_next_by (zseq_t *self, uint64_t deadline_us, uint64_t *id_p)
{
    if (zseq_client_take_ahead (self, id_p))
        return ZSEQ_OK;
    zseq_engine_t *engine = self->client->engine;
    int rc = zseq_engine_enter (engine);
    if (rc != ZSEQ_OK)
        return rc;
    zseq_outcome_t outcome = {.rc = ZSEQ_OK};
    rc = zseq_client_buffered (self)
           ? s_drink (self, deadline_us, id_p, &outcome)
           : ZSEQ_EAGAIN;
    if (rc == ZSEQ_EAGAIN)
        s_claim (self, 1, deadline_us, id_p, &outcome);
    zseq_engine_leave (engine);
    return s_fail (&outcome);
}

__attribute__ ((noinline)) static int
s_next (zseq_t *self, uint64_t *id_p)
{
    int rc = zseq_client_check (self->client);
    if (rc != ZSEQ_OK)
        return rc;
    if (self->client->source)
        return zseq_client_take_source (self, 1, self->timeout_ms, id_p);
    return s_next_by (self, zseq_client_deadline_us (self->timeout_ms), id_p);
}

int
zseq_next (zseq_t *self, uint64_t *id_p)
{
    assert (self);
    assert (id_p);

    bool mark;
    if (self->forks != zseq_fork_count ||
        !zseq_buffer_take (&self->buffer, id_p, &mark))
        return s_next (self, id_p);
    if (mark)
        s_prefetch (self);
    return ZSEQ_OK;
}

int
zseq_client_check_count (uint64_t count)
{
    if (count >= 1 && count <= ZSEQ_COUNT_MAX)
        return ZSEQ_OK;
    return zseq_detail_fail (ZSEQ_EINVAL, "count %llu is not in 1..2^32",
                             (unsigned long long) count);
}

int
zseq_client_check_id (uint64_t id)
{
    if (id >= 1 && id <= ZSEQ_NEXT_MAX)
        return ZSEQ_OK;
    return zseq_detail_fail (ZSEQ_EINVAL, "ID %llu is not in 1..2^63",
                             (unsigned long long) id);
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
        return zseq_client_take_source (self, count, self->timeout_ms, first_p);
    if (rc == ZSEQ_OK)
        rc = zseq_engine_enter (self->client->engine);
    if (rc != ZSEQ_OK)
        return rc;
    zseq_outcome_t outcome;
    s_claim (self, count, zseq_client_deadline_us (self->timeout_ms), first_p,
             &outcome);
    zseq_engine_leave (self->client->engine);
    return s_fail (&outcome);
}

//  Whoever does not want to wait does not wait for a clock or worker either.
static int
s_try_source (zseq_t *self, uint64_t *id_p)
{
    int rc = zseq_client_take_source (self, 1, 0, id_p);
    return rc == ZSEQ_ECLOCK || rc == ZSEQ_ETIMEOUT ? zseq_calls_warm (self)
                                                    : rc;
}

//  The next ID, by a deadline that is shared by several.
static int
s_take_by (zseq_t *self, uint64_t deadline_us, uint64_t *id_p)
{
    if (!self->client->source)
        return s_next_by (self, deadline_us, id_p);
    uint64_t now_us = zseq_clock_now_us ();
    uint64_t left_us = deadline_us > now_us ? deadline_us - now_us : 0;
    return zseq_client_take_source (self, 1, (int) (left_us / 1000), id_p);
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
    //  With neither buffer nor clock, all of them are one claim.
    if (!self->client->uri.flake && !zseq_client_buffered (self)) {
        rc = zseq_next_range (self, count, ids);
        for (size_t index = 1; rc == ZSEQ_OK && index < count; index++)
            ids[index] = ids[0] + index;
        return rc;
    }
    uint64_t deadline_us = zseq_client_deadline_us (self->timeout_ms);
    for (size_t index = 0; rc == ZSEQ_OK && index < count; index++) {
        bool mark;
        if (!zseq_buffer_take (&self->buffer, &ids[index], &mark))
            rc = s_take_by (self, deadline_us, &ids[index]);
        else if (mark)
            s_prefetch (self);
    }
    return rc;
}

int
zseq_try_next (zseq_t *self, uint64_t *id_p)
{
    assert (self);
    assert (id_p);

    if (self->forks == zseq_fork_count && zseq_client_take_ahead (self, id_p))
        return ZSEQ_OK;
    int rc = zseq_client_check (self->client);
    if (rc != ZSEQ_OK)
        return rc;
    pthread_mutex_lock (&self->lock);
    bool buffered = s_has_buffer (self);
    pthread_mutex_unlock (&self->lock);
    if (!buffered)
        return zseq_detail_fail (
          ZSEQ_EINVAL,
          "with batch 1 nothing is ever buffered: set a larger batch");
    if (self->client->source)
        return s_try_source (self, id_p);
    if (zseq_calls_wait (self->client))
        return zseq_calls_warm (self);
    zseq_engine_t *engine = self->client->engine;
    rc = zseq_engine_enter (engine);
    if (rc != ZSEQ_OK)
        return rc;
    zseq_outcome_t outcome = {.rc = ZSEQ_OK};
    if (self->fill_failed)
        outcome = self->fill_outcome;
    else
        zseq_client_fill (self, zseq_client_deadline_us (self->timeout_ms));
    self->fill_failed = false;
    zseq_engine_leave (engine);
    if (outcome.rc != ZSEQ_OK)
        return s_fail (&outcome);
    return zseq_detail_fail (ZSEQ_EAGAIN,
                             "the next range of '%s' is on its way",
                             zseq_engine_name_text (self->name));
}

int
zseq_client_probe_source (zseq_source_t *source, void *place, uint64_t *value_p)
{
    return *value_p ? source->ops->raise (source, place, *value_p)
                    : source->ops->peek (source, place, value_p);
}

static int
s_probe (zseq_t *self, uint64_t *value_p)
{
    int rc = zseq_client_check (self->client);
    if (rc == ZSEQ_OK && self->client->source)
        return zseq_client_probe_source (self->client->source, self->place,
                                         value_p);
    if (rc == ZSEQ_OK)
        rc = zseq_engine_enter (self->client->engine);
    if (rc != ZSEQ_OK)
        return rc;
    zseq_probe_t probe = {.name = zseq_engine_name_text (self->name),
                          .value = *value_p,
                          .deadline_us =
                            zseq_client_deadline_us (self->timeout_ms)};
    zseq_engine_probe (self->client->engine, &probe);
    zseq_engine_leave (self->client->engine);
    if (probe.outcome.rc == ZSEQ_OK)
        *value_p = probe.value;
    return s_fail (&probe.outcome);
}

int
zseq_peek (zseq_t *self, uint64_t *next_p)
{
    assert (self);
    assert (next_p);

    uint64_t value = 0;
    int rc = s_probe (self, &value);
    if (rc == ZSEQ_OK)
        *next_p = value;
    return rc;
}

int
zseq_raise (zseq_t *self, uint64_t id)
{
    assert (self);

    int rc = zseq_client_check_id (id);
    if (rc == ZSEQ_OK)
        rc = s_probe (self, &id);
    if (rc != ZSEQ_OK || self->client->source)
        return rc;
    zseq_engine_lock (self->client->engine);
    zseq_client_raised (self, id);
    zseq_engine_leave (self->client->engine);
    return ZSEQ_OK;
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
        return zseq_detail_fail (
          ZSEQ_EINVAL, "only IDs of flake: and flake+ URIs hold a time");
    int rc = zseq_flake_decode (&self->uri.layout, id, unix_ms_p, worker_p,
                                sequence_p);
    if (rc != ZSEQ_OK)
        return zseq_detail_fail (rc, "%llu is no ID of that layout",
                                 (unsigned long long) id);
    return ZSEQ_OK;
}
