//  The flake sources: IDs made of the clock and a worker's number. zseq_flake
//  is the generator and zseq_flake_clock the wall clock; the sources differ in
//  which milliseconds they may use:
//
//  - flake:WORKER may use all of them, because the user says so. All clients of
//    a process that name the same worker share one generator.
//  - flake+URI claims them (zseq_worker_lease).

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "zseq_client_private.h"
#include "zseq_client_texts.h"
#include "zseq_clock.h"
#include "zseq_detail.h"
#include "zseq_flake_clock.h"
#include "zseq_fork.h"
#include "zseq_source.h"
#include "zseq_worker_lease.h"

//  A generator that the clients of a process share. It is never freed, because
//  it knows which IDs were handed out.
typedef struct s_shared {
    zseq_flake_t generator;
    unsigned forks;  //  zseq_fork_count of the process that made it
    struct s_shared *next;
} s_shared_t;

//  All shared generators, newest first. They are added without a lock, because
//  another thread may fork at any moment.
static s_shared_t *_Atomic s_shared;

typedef struct {
    zseq_source_t source;
    zseq_flake_layout_t layout;
    _Atomic uint64_t issued;
    _Atomic uint64_t burnt;
    atomic_bool closed;
    zseq_flake_t *generator;     //  Of flake:WORKER; else NULL
    zseq_worker_lease_t *lease;  //  Of flake+URI; else NULL,
    zseq_client_t *claims;       //  ... as is the client that it claims through
} s_flake_t;

//  The process's generator for that layout and worker, made if there is none.
//  NULL: no memory.
static zseq_flake_t *
s_share (const zseq_flake_layout_t *layout, uint32_t worker, uint64_t first_ms)
{
    s_shared_t *made = NULL;
    s_shared_t *newest = s_shared;
    while (true) {
        s_shared_t *shared = newest;
        //  The original of a generator that fork () copied goes on in the
        //  parent, which may have handed out IDs since: begin above the copy.
        for (; shared; shared = shared->next) {
            const zseq_flake_t *generator = &shared->generator;
            if (generator->worker != worker ||
                !zseq_flake_layout_same (&generator->layout, layout))
                continue;
            if (shared->forks == zseq_fork_count)
                break;
            uint64_t last_ms = generator->last >> layout->sequence_bits;
            if (first_ms <= last_ms)
                first_ms = last_ms + 1;
        }
        if (shared) {
            free (made);
            return &shared->generator;
        }
        if (!made && !(made = calloc (1, sizeof *made)))
            return NULL;
        zseq_flake_init (&made->generator, layout, worker, first_ms,
                         zseq_flake_ms_end (layout));
        made->forks = zseq_fork_count;
        made->next = newest;
        if (atomic_compare_exchange_strong (&s_shared, &newest, made))
            return &made->generator;
    }
}

//  Takes an ID of flake:WORKER, and waits for the clock.
static int
s_take_alone (s_flake_t *self, uint64_t deadline_us, uint64_t *id_p)
{
    while (!self->closed) {
        uint64_t until_ms;
        int rc = zseq_flake_take (self->generator,
                                  zseq_flake_clock_now_ms (&self->layout), id_p,
                                  &until_ms);
        if (rc == ZSEQ_EEXHAUSTED)
            return zseq_flake_clock_fail_used_up (&self->layout);
        if (rc == ZSEQ_OK)
            return rc;
        rc = zseq_flake_clock_wait (&self->layout, until_ms, deadline_us);
        if (rc != ZSEQ_OK)
            return rc;
    }
    return zseq_detail_fail_closed ();
}

//  The source's calls.

static int
s_take (zseq_source_t *source, void *name, uint64_t count, int timeout_ms,
        uint64_t *first_p)
{
    (void) name;
    s_flake_t *self = (s_flake_t *) source;
    if (count != 1)
        return zseq_detail_fail (ZSEQ_EINVAL, ZSEQ_TEXT_FLAKE_NOT_CONSECUTIVE);
    //  The usual case reads the clock only once.
    uint64_t until_ms;
    int rc = ZSEQ_EAGAIN;
    if (self->generator)
        rc = zseq_flake_take (self->generator,
                              zseq_flake_clock_now_ms (&self->layout), first_p,
                              &until_ms);
    if (rc != ZSEQ_OK) {
        uint64_t deadline_us =
          zseq_clock_now_us () + (uint64_t) timeout_ms * 1000;
        rc = self->generator
               ? s_take_alone (self, deadline_us, first_p)
               : zseq_worker_lease_take (self->lease, deadline_us, first_p);
    }
    if (rc == ZSEQ_OK)
        atomic_fetch_add_explicit (&self->issued, 1, memory_order_relaxed);
    return rc;
}

static void
s_burn (zseq_source_t *source, uint64_t count)
{
    s_flake_t *self = (s_flake_t *) source;
    atomic_fetch_add (&self->burnt, count);
}

//  Refuses a call that needs a sequence.
static int
s_refuse (void)
{
    return zseq_detail_fail (ZSEQ_EINVAL, ZSEQ_TEXT_FLAKE_NO_SEQUENCE);
}

static int
s_peek (zseq_source_t *source, void *name, uint64_t *next_p)
{
    (void) source;
    (void) name;
    (void) next_p;
    return s_refuse ();
}

static int
s_raise (zseq_source_t *source, void *name, uint64_t id)
{
    (void) source;
    (void) name;
    (void) id;
    return s_refuse ();
}

static int
s_list (zseq_source_t *source, const char *prefix, zseq_list_fn *fn, void *arg)
{
    (void) source;
    (void) prefix;
    (void) fn;
    (void) arg;
    return s_refuse ();
}

static int
s_status (zseq_source_t *source, int timeout_ms, zseq_status_t *status_p)
{
    s_flake_t *self = (s_flake_t *) source;
    if (!self->claims)
        return s_refuse ();
    (void) zseq_client_set_timeout (self->claims, timeout_ms);
    return zseq_client_status (self->claims, status_p);
}

static int
s_stats (zseq_source_t *source, zseq_stats_t *stats_p)
{
    s_flake_t *self = (s_flake_t *) source;
    zseq_stats_t stats = {0};
    int rc = self->claims ? zseq_client_stats (self->claims, &stats) : ZSEQ_OK;
    if (rc != ZSEQ_OK)
        return rc;
    uint64_t burnt = atomic_load (&self->burnt);
    stats.issued = atomic_load (&self->issued) - burnt;
    stats.burnt += burnt;
    *stats_p = stats;
    return ZSEQ_OK;
}

//  All names share the source's IDs.
static void *
s_open (zseq_source_t *source, const char *name)
{
    (void) name;
    return source;
}

static void
s_close (zseq_source_t *source)
{
    s_flake_t *self = (s_flake_t *) source;
    self->closed = true;
    if (self->claims)
        zseq_client_close (self->claims);
}

static void
s_destroy (zseq_source_t *source)
{
    s_flake_t *self = (s_flake_t *) source;
    zseq_worker_lease_destroy (&self->lease);
    zseq_client_destroy (&self->claims);
    free (self);
}

zseq_source_t *
zseq_source_flake_new (const zseq_uri_t *uri, zseq_client_t *claims)
{
    assert (uri);
    assert (uri->flake);

    static const zseq_source_ops_t ops = {.destroy = s_destroy,
                                          .close = s_close,
                                          .open = s_open,
                                          .take = s_take,
                                          .burn = s_burn,
                                          .peek = s_peek,
                                          .raise = s_raise,
                                          .list = s_list,
                                          .status = s_status,
                                          .stats = s_stats};
    s_flake_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->source.ops = &ops;
    self->layout = uri->layout;
    //  A process that had the number of flake:WORKER before, and has ended, may
    //  have used this millisecond.
    if (claims)
        self->lease = zseq_worker_lease_new (&self->layout, claims);
    else
        self->generator = s_share (&self->layout, uri->worker,
                                   zseq_flake_clock_now_ms (&self->layout) + 1);
    if (!self->lease && !self->generator) {
        free (self);
        return NULL;
    }
    self->claims = claims;
    return &self->source;
}
