//  The lock, the poll and the waiting threads of a reactor.
//
//  zseq_reactor_run_once does the work: it receives what has arrived, and ticks
//  the session, the operations and the name queues. A thread in
//  zseq_reactor_wait polls for all threads (s_poll); the others sleep on their
//  own condition variables. A thread that starts work which is due earlier than
//  the poll ends wakes the poller through wake_fd (s_wake_poller). A thread
//  that leaves passes the duty to poll to a waiter, or to the background thread
//  (s_hand_over), which the first such need starts.

#include "zseq_reactor.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "zseq_client_texts.h"
#include "zseq_detail.h"
#include "zseq_reactor_private.h"

//  The lock.

//  Drops the cached time, and requires a run: while the lock was free, time
//  passed and other threads may have started work.
static void
s_mark_stale (zseq_reactor_t *self)
{
    self->now_us = 0;
    self->needs_run = true;
}

static void
s_lock (zseq_reactor_t *self)
{
    pthread_mutex_lock (&self->lock);
    s_mark_stale (self);
}

//  Releases the lock, and the entrance if this thread has it. Then sends what
//  this thread has left to send: others need not wait for the lock meanwhile.
static void
s_unlock (zseq_reactor_t *self)
{
    bool has_entrance = self->has_entrance;
    self->has_entrance = false;
    zseq_session_t *session = self->session;
    pthread_mutex_unlock (&self->lock);
    if (session)
        zseq_session_flush (session);
    if (has_entrance)
        zseq_fair_lock_release (&self->entrance);
}

//  Releases the entrance, if this thread has it: it is about to sleep.
static void
s_let_in (zseq_reactor_t *self)
{
    if (self->has_entrance)
        zseq_fair_lock_release (&self->entrance);
    self->has_entrance = false;
}

//  Releases the lock until cond is signalled or the time until has come; NULL:
//  there is no such time. Returns sooner if there was something to send.
static void
s_sleep (zseq_reactor_t *self, pthread_cond_t *cond,
         const struct timespec *until)
{
    if (self->session && zseq_session_unflushed (self->session)) {
        s_unlock (self);
        s_lock (self);
        return;
    }
    s_let_in (self);
    if (until)
        pthread_cond_timedwait (cond, &self->lock, until);
    else
        pthread_cond_wait (cond, &self->lock);
    s_mark_stale (self);
}

//  One run: receives what has arrived, and ticks what is due.

//  Receives all replies. Returns whether there were any frames.
static bool
s_receive (zseq_reactor_t *self)
{
    bool seen = false;
    zseq_msg_t msg;
    while (zseq_session_recv (self->session, &msg, &seen))
        if (!zseq_operations_receive (self, &msg))
            zseq_name_queues_receive (self, &msg);
    return seen;
}

//  Ticks the session, the operations and the name queues.
static void
s_tick (zseq_reactor_t *self)
{
    uint64_t now_us = zseq_reactor_now_us (self);
    zseq_session_tick (self->session, now_us,
                       zseq_name_queues_unsent (self) ||
                         zseq_operations_unsent (self));
    zseq_operations_tick (self, now_us);
    zseq_name_queues_tick (self, now_us);
}

static void
s_run_deferred (zseq_reactor_t *self)
{
    if (self->deferred.due_us > zseq_reactor_now_us (self))
        return;
    self->deferred.due_us = ZSEQ_NEVER;
    self->deferred.run (self->deferred.arg);
}

void
zseq_reactor_set_deferred (zseq_reactor_t *self, void (*deferred) (void *arg),
                           void *arg)
{
    assert (self);
    self->deferred.run = deferred;
    self->deferred.arg = arg;
}

void
zseq_reactor_schedule (zseq_reactor_t *self, uint64_t us)
{
    assert (self);
    assert (self->deferred.run);
    if (us < self->deferred.due_us)
        self->deferred.due_us = us;
    self->needs_run = true;
}

//  Receives before it ticks: a reply that has arrived counts, even if its
//  request's deadline has passed meanwhile. Ends when every socket was empty
//  after the last send: only then does a socket's descriptor report the next
//  message.
void
zseq_reactor_run_once (zseq_reactor_t *self)
{
    assert (self);
    (void) s_receive (self);
    bool again;
    do {
        self->needs_run = false;
        s_tick (self);
        if (self->deferred.due_us != ZSEQ_NEVER)
            s_run_deferred (self);
        again = zseq_session_touched (self->session) && s_receive (self);
        //  Reads the time again, so that deadlines pass in a flood of replies.
        if (again)
            self->now_us = 0;
    } while (again);
}

//  The thread that polls, and the threads that wait.

//  The earliest time at which the session or any work is due.
static uint64_t
s_next_wake_us (const zseq_reactor_t *self)
{
    uint64_t wake_us = zseq_session_wake_us (self->session);
    if (self->deferred.due_us < wake_us)
        wake_us = self->deferred.due_us;
    uint64_t operations_us = zseq_operations_wake_us (self);
    if (operations_us < wake_us)
        wake_us = operations_us;
    uint64_t names_us = self->names.state.wake_us;
    return names_us < wake_us ? names_us : wake_us;
}

//  Ends another thread's poll if that thread's wait is over, the reactor
//  closes, the session's descriptors have changed, or work is due before the
//  poll ends.
static void
s_wake_poller (zseq_reactor_t *self)
{
    if (!self->poll.active || self->poll.woken)
        return;
    if ((self->poll.poller && self->poll.poller->woken) ||
        self->background.closing ||
        zseq_session_changes (self->session) != self->poll.changes ||
        s_next_wake_us (self) < self->poll.until_us) {
        self->poll.woken = true;
        uint64_t one = 1;
        ssize_t size = write (self->poll.wake_fd, &one, sizeof one);
        assert (size == sizeof one);
    }
}

//  Polls for all threads until until_us at most, and then runs once. Releases
//  the lock during the poll. waiter: this thread's; NULL: the background
//  thread.
static void
s_poll (zseq_reactor_t *self, zseq_waiter_t *waiter, uint64_t until_us)
{
    uint64_t wake_us = s_next_wake_us (self);
    if (wake_us > until_us)
        wake_us = until_us;
    uint64_t now_us = zseq_reactor_now_us (self);

    struct pollfd *fds = self->poll.fds;
    if (!self->poll.fd_count ||
        self->poll.changes != zseq_session_changes (self->session))
        self->poll.fd_count = zseq_session_fds (self->session, fds);
    size_t count = self->poll.fd_count;
    fds[count].fd = self->poll.wake_fd;
    fds[count].events = POLLIN;
    fds[count].revents = 0;
    struct timespec timeout =
      zseq_clock_timespec (wake_us > now_us ? wake_us - now_us : 0);

    self->poll.active = true;
    self->poll.poller = waiter;
    self->poll.until_us = wake_us;
    self->poll.changes = zseq_session_changes (self->session);
    self->poll.woken = false;
    s_unlock (self);
    int rc = zseq_session_poll (self->session, fds, count + 1,
                                wake_us == ZSEQ_NEVER ? NULL : &timeout);
    assert (rc >= 0 || errno == EINTR);
    s_lock (self);
    self->poll.active = false;
    self->poll.poller = NULL;
    if (rc > 0)
        zseq_session_note_ready (self->session, fds, count);

    if (self->poll.woken) {
        uint64_t wakes;
        ssize_t size = read (self->poll.wake_fd, &wakes, sizeof wakes);
        assert (size == sizeof wakes);
    }
    zseq_reactor_run_once (self);
}

//  Whether any request, query or deferred work is under way.
static bool
s_busy (const zseq_reactor_t *self)
{
    return self->operations || self->deferred.due_us != ZSEQ_NEVER ||
           self->names.state.busy;
}

//  The background thread: polls while work is under way and no thread waits.
static void *
s_background (void *arg)
{
    zseq_reactor_t *self = arg;
    s_lock (self);
    while (!self->background.closing)
        if (!self->poll.active && !self->waiters && s_busy (self))
            s_poll (self, NULL, ZSEQ_NEVER);
        else {
            if (!self->poll.active && self->waiters)
                pthread_cond_signal (&self->waiters->cond);
            s_sleep (self, &self->background.cond, NULL);
        }
    pthread_mutex_unlock (&self->lock);
    return NULL;
}

//  If work is under way and no thread polls, passes the poll to a waiter, or to
//  the background thread, which it starts if necessary.
static void
s_hand_over (zseq_reactor_t *self)
{
    if (self->poll.active || !s_busy (self))
        return;
    if (self->waiters) {
        pthread_cond_signal (&self->waiters->cond);
        return;
    }
    if (!self->background.exists) {
        //  If no thread can start, the next call continues the work.
        sigset_t all, before;
        sigfillset (&all);
        pthread_sigmask (SIG_SETMASK, &all, &before);
        self->background.exists =
          pthread_create (&self->background.thread, NULL, s_background, self) ==
          0;
        pthread_sigmask (SIG_SETMASK, &before, NULL);
    }
    pthread_cond_signal (&self->background.cond);
}

void
zseq_reactor_wait (zseq_reactor_t *self, zseq_waiter_t *waiter,
                   uint64_t until_us)
{
    assert (self);
    assert (waiter);

    zseq_reactor_run_once (self);
    waiter->prev = NULL;
    waiter->next = self->waiters;
    if (self->waiters)
        self->waiters->prev = waiter;
    self->waiters = waiter;

    while (!waiter->woken && zseq_reactor_now_us (self) < until_us) {
        if (!self->poll.active)
            s_poll (self, waiter, until_us);
        else {
            s_wake_poller (self);
            struct timespec until = zseq_clock_timespec (until_us);
            s_sleep (self, &waiter->cond, &until);
        }
    }

    if (waiter->prev)
        waiter->prev->next = waiter->next;
    else
        self->waiters = waiter->next;
    if (waiter->next)
        waiter->next->prev = waiter->prev;
}

//  Construction, and entering.

zseq_reactor_t *
zseq_reactor_new (const zseq_uri_t *uri)
{
    assert (uri);

    zseq_fork_watch ();
    if (sodium_init () == -1)
        return NULL;
    zseq_reactor_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->uri = *uri;
    self->generation = zseq_fork_count;
    self->poll.wake_fd = -1;
    self->deferred.due_us = ZSEQ_NEVER;
    if (!zseq_name_queues_init (self)) {
        free (self);
        return NULL;
    }
    randombytes_buf (&self->seed, sizeof self->seed);
    pthread_mutex_init (&self->lock, NULL);
    zseq_fair_lock_init (&self->entrance);
    zseq_waiter_init_cond (&self->background.cond);
    return self;
}

void
zseq_reactor_destroy (zseq_reactor_t **self_p)
{
    assert (self_p);

    zseq_reactor_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    if (zseq_reactor_forked (self)) {
        free (self);
        return;
    }
    assert (!self->names.first);
    pthread_mutex_lock (&self->lock);
    self->background.closing = true;
    if (self->session)
        s_wake_poller (self);
    pthread_cond_signal (&self->background.cond);
    pthread_mutex_unlock (&self->lock);
    if (self->background.exists)
        pthread_join (self->background.thread, NULL);
    zseq_session_destroy (&self->session);
    zseq_name_queues_term (self);
    if (self->poll.wake_fd >= 0)
        close (self->poll.wake_fd);
    pthread_cond_destroy (&self->background.cond);
    zseq_fair_lock_term (&self->entrance);
    pthread_mutex_destroy (&self->lock);
    free (self);
}

//  Opens the session, and the descriptor that wakes the poller.
static int
s_open (zseq_reactor_t *self)
{
    if (self->poll.wake_fd < 0)
        self->poll.wake_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->poll.wake_fd < 0)
        return zseq_detail_fail (ZSEQ_EIO, ZSEQ_TEXT_NO_DESCRIPTOR,
                                 strerror (errno));
    uint64_t request;
    randombytes_buf (&request, sizeof request);
    int rc = zseq_session_new (&self->session, &self->uri, request);
    if (rc == ZSEQ_OK)
        zseq_session_watch (self->session, self->poll.wake_fd);
    return rc;
}

int
zseq_reactor_enter (zseq_reactor_t *self)
{
    assert (self);

    if (zseq_reactor_forked (self))
        return zseq_fork_check (self->generation);
    bool local = self->uri.scheme == ZSEQ_SCHEME_FILE;
    if (local)
        zseq_fair_lock_acquire (&self->entrance);
    s_lock (self);
    self->has_entrance = local;
    int rc = self->session  ? ZSEQ_OK
             : self->closed ? zseq_detail_fail_closed ()
                            : s_open (self);
    if (rc != ZSEQ_OK)
        s_unlock (self);
    else
        self->entered = true;
    return rc;
}

bool
zseq_reactor_entered (const zseq_reactor_t *self)
{
    assert (self);
    return self->entered;
}

void
zseq_reactor_lock (zseq_reactor_t *self)
{
    assert (self);
    s_lock (self);
}

void
zseq_reactor_leave (zseq_reactor_t *self)
{
    assert (self);

    if (self->session) {
        if (self->needs_run)
            zseq_reactor_run_once (self);
        s_wake_poller (self);
        s_hand_over (self);
    }
    s_unlock (self);
}

void
zseq_reactor_close (zseq_reactor_t *self)
{
    assert (self);

    self->closed = true;
    if (!self->session)
        return;
    zseq_session_close (self->session);
    zseq_reactor_run_once (self);
}

void
zseq_reactor_set_timeout (zseq_reactor_t *self, int timeout_ms)
{
    assert (self);

    pthread_mutex_lock (&self->lock);
    self->uri.timeout_ms = timeout_ms;
    pthread_mutex_unlock (&self->lock);
}

int
zseq_reactor_set_quorum (zseq_reactor_t *self, int r, int w)
{
    assert (self);

    int rc = zseq_fork_check (self->generation);
    if (rc != ZSEQ_OK)
        return rc;
    if (r < 0 || r > ZSEQ_NODES_MAX || w < 0 || w > ZSEQ_NODES_MAX)
        return zseq_detail_fail (ZSEQ_EINVAL, ZSEQ_TEXT_QUORUM_RANGE, r, w,
                                 ZSEQ_NODES_MAX);
    pthread_mutex_lock (&self->lock);
    bool late = self->session != NULL;
    if (!late) {
        self->uri.r = r;
        self->uri.w = w;
    }
    pthread_mutex_unlock (&self->lock);
    return late ? zseq_detail_fail (ZSEQ_EINVAL, ZSEQ_TEXT_QUORUM_LATE)
                : ZSEQ_OK;
}

void
zseq_reactor_stats (zseq_reactor_t *self, zseq_stats_t *stats)
{
    assert (self);
    assert (stats);

    pthread_mutex_lock (&self->lock);
    const zseq_batcher_stats_t *batcher =
      zseq_batcher_stats (self->names.batcher);
    *stats = self->stats;
    stats->attempts += batcher->claims;
    stats->claims += batcher->won;
    stats->conflicts += batcher->conflicts;
    stats->timeouts += batcher->late;
    stats->burnt += batcher->burnt;
    stats->round_trips += batcher->round_trips;
    stats->rtt_us = batcher->rtt_us;
    pthread_mutex_unlock (&self->lock);
}

void
zseq_reactor_burn (zseq_reactor_t *self, uint64_t count)
{
    assert (self);
    self->stats.burnt += count;
}
