//  To take a worker, the lease lists the cluster's reserved names, chooses one
//  whose next lies in the past, raises it to the present millisecond and claims
//  a short first range there. After that it only claims, ahead of need.
//
//  Other processes may claim from the same name: no millisecond is ever claimed
//  twice, but then the ranges of this process lie apart from each other, or in
//  the future. The lease sees that by where a range begins (NEAR_MS, GAP_MS),
//  and takes another worker once it has used up what it holds.
//
//  See zseq_worker_lease.h for how to use it.

#include "zseq_worker_lease.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "zseq_buffer.h"
#include "zseq_client_check.h"
#include "zseq_client_texts.h"
#include "zseq_clock.h"
#include "zseq_detail.h"
#include "zseq_flake_clock.h"
#include "zseq_fork.h"

#define RANGE_MS 1000
//  A worker's first range is short: if two processes take the worker at the
//  same time, one of them has to wait until the other's range is over.
#define FIRST_MS 20
//  Another process uses the worker if a first range begins that far ahead of
//  the clock, or a later range that far above the end of the last.
#define NEAR_MS 10
#define GAP_MS 100
//  How long the claim of the next range may take in the background.
#define AHEAD_TIMEOUT_MS 5000
//  How many workers are tried before zseq_worker_lease_take gives up.
#define TRIES_MAX 16

struct zseq_worker_lease {
    zseq_flake_layout_t layout;
    zseq_client_t *claims;
    unsigned forks;        //  zseq_fork_count when it was made
    pthread_mutex_t lock;  //  Guards busy
    pthread_cond_t left;   //  busy was unset
    bool busy;             //  A thread works on all that follows
    zseq_flake_t own;      //  The worker's generator
    zseq_t *handle;        //  On the worker's milliseconds; NULL: no worker yet
    uint64_t end_ms;       //  The generator holds the milliseconds below
    zseq_range_t later;    //  A range apart from that, or empty
    bool claiming;         //  A claim of the next range is in flight
    uint64_t tag;          //  The tag of that claim
    bool contested;        //  Another process claims of the worker, too
    uint64_t floor_ms;     //  Milliseconds below may have been handed out
};

zseq_worker_lease_t *
zseq_worker_lease_new (const zseq_flake_layout_t *layout, zseq_client_t *claims)
{
    assert (layout);
    assert (claims);

    zseq_worker_lease_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->layout = *layout;
    self->claims = claims;
    self->forks = zseq_fork_count;
    pthread_mutex_init (&self->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init (&attributes);
    pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
    pthread_cond_init (&self->left, &attributes);
    pthread_condattr_destroy (&attributes);
    return self;
}

void
zseq_worker_lease_destroy (zseq_worker_lease_t **self_p)
{
    assert (self_p);

    zseq_worker_lease_t *self = *self_p;
    if (!self)
        return;
    //  In a forked child, threads of the parent may seem to wait on these for
    //  ever.
    if (self->forks == zseq_fork_count) {
        zseq_destroy (&self->handle);
        pthread_cond_destroy (&self->left);
        pthread_mutex_destroy (&self->lock);
    }
    free (self);
    *self_p = NULL;
}

//  All that follows is called by the thread that has set busy.

//  Gives up the milliseconds that the generator holds.
static void
s_end_range (zseq_worker_lease_t *self)
{
    uint64_t unused_ms = zseq_flake_close (&self->own);
    if (self->floor_ms < unused_ms)
        self->floor_ms = unused_ms;
    self->end_ms = 0;
}

//  Hands the claimed range [first_ms, end_ms) to the generator.
static void
s_begin_range (zseq_worker_lease_t *self, uint32_t worker, uint64_t first_ms,
               uint64_t end_ms)
{
    self->end_ms = end_ms;
    self->later.end = 0;
    self->contested = false;
    //  IDs rise also when the worker changes.
    if (first_ms < self->floor_ms)
        first_ms = self->floor_ms;
    zseq_flake_init (&self->own, &self->layout, worker, first_ms, self->end_ms);
}

//  Takes the claimed range, if it has come. If the range begins far above the
//  end of the last one, another process has claimed in between: the worker is
//  contested, and is given up when the generator has used up what it holds.
static void
s_collect (zseq_worker_lease_t *self)
{
    zseq_ended_t ended;
    while (self->claiming && zseq_client_collect (self->claims, &ended, 1)) {
        if (ended.tag != self->tag)
            continue;
        self->claiming = false;
        if (ended.rc != ZSEQ_OK)
            break;
        //  Only a range that begins where the last one ends extends it.
        if (ended.value != self->end_ms) {
            self->contested = ended.value > self->end_ms + GAP_MS;
            self->later = (zseq_range_t){ended.value, ended.value + RANGE_MS};
            break;
        }
        self->end_ms += RANGE_MS;
        zseq_flake_extend (&self->own, self->end_ms);
    }
}

//  Claims the next range in the background when half of this one is gone.
static void
s_claim_ahead (zseq_worker_lease_t *self, uint64_t now_ms)
{
    if (self->claiming || self->contested || self->later.end ||
        now_ms + RANGE_MS / 2 < self->end_ms)
        return;
    (void) zseq_set_timeout (self->handle, AHEAD_TIMEOUT_MS);
    self->claiming =
      zseq_start_range (self->handle, RANGE_MS, ++self->tag) == ZSEQ_OK;
}

static void
s_give_worker_up (zseq_worker_lease_t *self)
{
    zseq_destroy (&self->handle);
    self->claiming = false;
    self->later.end = 0;
}

//  The name's worker number; the layout's end of numbers if it has none.
static uint32_t
s_worker_of (const zseq_worker_lease_t *self, const char *name)
{
    zseq_flake_layout_t layout;
    uint32_t worker;
    if (zseq_flake_parse (name, strlen (name), &layout, &worker) != ZSEQ_OK ||
        !zseq_flake_layout_same (&layout, &self->layout))
        worker = (uint32_t) zseq_flake_worker_end (&self->layout);
    return worker;
}

//  Which workers are taken, as a listing of names shows it.
typedef struct {
    const zseq_worker_lease_t *self;
    uint64_t now_ms;
    uint8_t *taken;  //  One byte per worker
} s_survey_t;

static int
s_survey (const char *name, uint64_t next, void *arg)
{
    const s_survey_t *survey = arg;
    uint32_t worker = s_worker_of (survey->self, name);
    if (worker < zseq_flake_worker_end (&survey->self->layout))
        survey->taken[worker] = next > survey->now_ms;
    return 0;
}

//  Chooses at random a worker whose claimed milliseconds lie in the past.
//  Errors: ZSEQ_EFULL (there is none), ZSEQ_ENOMEM, those of zseq_client_list.
static int
s_choose (zseq_worker_lease_t *self, uint32_t *worker_p)
{
    size_t end = zseq_flake_worker_end (&self->layout);
    s_survey_t survey = {.self = self,
                         .now_ms = zseq_flake_clock_now_ms (&self->layout),
                         .taken = calloc (end, 1)};
    if (!survey.taken)
        return zseq_detail_fail (ZSEQ_ENOMEM, ZSEQ_TEXT_NO_MEMORY_WORKERS);
    //  All names of the layout begin like the first.
    char prefix[ZSEQ_FLAKE_NAME_SIZE];
    size_t size = zseq_flake_name (&self->layout, 0, prefix);
    prefix[size - 1] = 0;
    int rc = zseq_client_list (self->claims, prefix, s_survey, &survey);
    size_t free_count = 0;
    for (size_t worker = 0; worker < end; worker++)
        free_count += !survey.taken[worker];
    if (rc == ZSEQ_OK && free_count == 0)
        rc = zseq_detail_fail (ZSEQ_EFULL, ZSEQ_TEXT_WORKERS_IN_USE, end);
    if (rc == ZSEQ_OK) {
        size_t index = randombytes_uniform ((uint32_t) free_count);
        uint32_t worker = 0;
        while (survey.taken[worker] || index-- > 0)
            worker++;
        *worker_p = worker;
    }
    free (survey.taken);
    return rc;
}

//  What is left until the deadline, in milliseconds; 0: nothing.
static int
s_left_ms (uint64_t deadline_us)
{
    uint64_t now_us = zseq_clock_now_us ();
    return now_us < deadline_us ? (int) ((deadline_us - now_us + 999) / 1000)
                                : 0;
}

static int
s_fail_late (void)
{
    return zseq_detail_fail (ZSEQ_ETIMEOUT, ZSEQ_TEXT_WORKERS_NOT_CLAIMED);
}

//  Claims a first range of the handle's worker, from the present millisecond
//  on. ZSEQ_ECONFLICT: another process has claimed what is about to come.
static int
s_claim_now (zseq_worker_lease_t *self, uint64_t deadline_us)
{
    int left_ms = s_left_ms (deadline_us);
    if (left_ms == 0)
        return s_fail_late ();
    (void) zseq_set_timeout (self->handle, left_ms);
    uint64_t now_ms = zseq_flake_clock_now_ms (&self->layout);
    uint64_t first_ms = now_ms > self->floor_ms ? now_ms : self->floor_ms;
    if (first_ms < 1)
        return zseq_flake_clock_fail_early (&self->layout);
    if (first_ms + FIRST_MS > zseq_flake_ms_end (&self->layout))
        return zseq_flake_clock_fail_used_up (&self->layout);
    int rc = zseq_raise (self->handle, first_ms);
    left_ms = s_left_ms (deadline_us);
    if (rc == ZSEQ_OK && left_ms == 0)
        rc = s_fail_late ();
    if (rc == ZSEQ_OK)
        (void) zseq_set_timeout (self->handle, left_ms);
    if (rc == ZSEQ_OK)
        rc = zseq_next_range (self->handle, FIRST_MS, &first_ms);
    if (rc != ZSEQ_OK)
        return rc;
    if (first_ms > zseq_flake_clock_now_ms (&self->layout) + NEAR_MS &&
        first_ms > self->floor_ms) {
        self->later = (zseq_range_t){first_ms, first_ms + FIRST_MS};
        return ZSEQ_ECONFLICT;
    }
    s_begin_range (self, self->own.worker, first_ms, first_ms + FIRST_MS);
    return ZSEQ_OK;
}

//  Takes a worker, and claims a first range of it.
static int
s_take_worker (zseq_worker_lease_t *self, uint64_t deadline_us)
{
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        int left_ms = s_left_ms (deadline_us);
        if (left_ms == 0)
            return s_fail_late ();
        (void) zseq_client_set_timeout (self->claims, left_ms);
        uint32_t worker = 0;
        int rc = s_choose (self, &worker);
        if (rc != ZSEQ_OK)
            return rc;
        char name[ZSEQ_FLAKE_NAME_SIZE];
        (void) zseq_flake_name (&self->layout, worker, name);
        self->handle = zseq_new (self->claims, name);
        if (!self->handle)
            return zseq_errno ();
        self->own.worker = worker;
        rc = s_claim_now (self, deadline_us);
        if (rc == ZSEQ_OK)
            return rc;
        s_give_worker_up (self);
        if (rc != ZSEQ_ECONFLICT)
            return rc;
    }
    return zseq_detail_fail (ZSEQ_EBUSY, ZSEQ_TEXT_WORKERS_FEW);
}

//  Takes another worker, because another process claims of this one, or a claim
//  of our own came late. If no worker is free, keeps this one when its later
//  range begins soon.
static int
s_change_worker (zseq_worker_lease_t *self, uint64_t deadline_us)
{
    zseq_t *handle = self->handle;
    zseq_range_t later = self->later;
    uint32_t worker = self->own.worker;
    self->handle = NULL;
    self->claiming = false;
    self->later.end = 0;
    int rc = s_take_worker (self, deadline_us);
    if (rc == ZSEQ_EFULL && later.end &&
        later.first <=
          zseq_flake_clock_now_ms (&self->layout) + RANGE_MS + GAP_MS) {
        self->handle = handle;
        s_begin_range (self, worker, later.first, later.end);
        return ZSEQ_OK;
    }
    zseq_destroy (&handle);
    return rc;
}

//  Gets the generator milliseconds that have not ended. Waits for the claim in
//  flight, if there is one.
static int
s_renew (zseq_worker_lease_t *self, uint64_t deadline_us)
{
    if (self->claiming) {
        struct pollfd fd = {.fd = zseq_client_fd (self->claims),
                            .events = POLLIN};
        if (fd.fd < 0)
            return zseq_errno ();
        while (poll (&fd, 1, s_left_ms (deadline_us)) < 0 && errno == EINTR)
            ;
        uint64_t end_ms = self->end_ms;
        s_collect (self);
        if (self->end_ms > end_ms)
            return ZSEQ_OK;
        if (self->claiming)
            return s_fail_late ();
    }
    if (self->handle)
        s_end_range (self);
    if (self->later.end && !self->contested) {
        s_begin_range (self, self->own.worker, self->later.first,
                       self->later.end);
        return ZSEQ_OK;
    }
    if (self->handle && !self->contested) {
        int rc = s_claim_now (self, deadline_us);
        if (rc != ZSEQ_ECONFLICT)
            return rc;
    }
    //  Without time left, keeps what is held of this worker.
    return s_left_ms (deadline_us) ? s_change_worker (self, deadline_us)
                                   : s_fail_late ();
}

//  Takes an ID. ZSEQ_EAGAIN: sets *until_ms_p to what the clock has to show
//  before there may be one.
static int
s_try_claimed (zseq_worker_lease_t *self, uint64_t deadline_us, uint64_t *id_p,
               uint64_t *until_ms_p)
{
    s_collect (self);
    while (true) {
        uint64_t now_ms = zseq_flake_clock_now_ms (&self->layout);
        int rc = self->end_ms
                   ? zseq_flake_take (&self->own, now_ms, id_p, until_ms_p)
                   : ZSEQ_EEXHAUSTED;
        if (rc == ZSEQ_OK)
            s_claim_ahead (self, now_ms);
        if (rc != ZSEQ_EEXHAUSTED)
            return rc;
        rc = s_renew (self, deadline_us);
        if (rc != ZSEQ_OK)
            return rc;
    }
}

//  Waits until no other thread is busy. False: the deadline has passed.
static bool
s_enter (zseq_worker_lease_t *self, uint64_t deadline_us)
{
    struct timespec until = {.tv_sec = (time_t) (deadline_us / 1000000),
                             .tv_nsec = (long) (deadline_us % 1000000) * 1000};
    pthread_mutex_lock (&self->lock);
    int error = 0;
    while (self->busy && error == 0)
        error = pthread_cond_timedwait (&self->left, &self->lock, &until);
    bool entered = !self->busy;
    self->busy = true;
    pthread_mutex_unlock (&self->lock);
    return entered;
}

static void
s_leave (zseq_worker_lease_t *self)
{
    pthread_mutex_lock (&self->lock);
    self->busy = false;
    pthread_cond_signal (&self->left);
    pthread_mutex_unlock (&self->lock);
}

int
zseq_worker_lease_take (zseq_worker_lease_t *self, uint64_t deadline_us,
                        uint64_t *id_p)
{
    assert (self);
    assert (id_p);

    while (true) {
        if (!s_enter (self, deadline_us))
            return s_fail_late ();
        uint64_t until_ms = 0;
        int rc = s_try_claimed (self, deadline_us, id_p, &until_ms);
        s_leave (self);
        if (rc != ZSEQ_EAGAIN)
            return rc;
        rc = zseq_flake_clock_wait (&self->layout, until_ms, deadline_us);
        if (rc == ZSEQ_OK)
            rc = zseq_client_check (self->claims);
        if (rc != ZSEQ_OK)
            return rc;
    }
}
