//  A thread in the queue sleeps. The first of the queue is woken once when the
//  lock is free. If another thread has taken the lock by then, it looks again
//  by itself, every NAP_US. To wake it at each release would cost the threads
//  that have the lock more than their work.

#include "zseq_fair_lock.h"

#include <assert.h>
#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "zseq_clock.h"

#define NAP_US 50

void
zseq_fair_lock_init (zseq_fair_lock_t *self)
{
    assert (self);
    memset (self, 0, sizeof *self);
    pthread_mutex_init (&self->mutex, NULL);
    self->end = &self->first;
}

void
zseq_fair_lock_term (zseq_fair_lock_t *self)
{
    assert (self);
    assert (!self->held);
    assert (!self->first);
    pthread_mutex_destroy (&self->mutex);
}

//  Wakes a thread whose state was changed. It may have seen that already, and
//  its waiter may be gone: only the address is used here. A thread that waits
//  for something else at that address sees that nothing has changed.
static void
s_wake (zseq_fair_lock_waiter_t *waiter)
{
    syscall (SYS_futex, &waiter->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

//  Sleeps until another thread has changed that state, or a nap is over.
static void
s_sleep (zseq_fair_lock_waiter_t *waiter, int state)
{
    const struct timespec nap = {.tv_nsec = NAP_US * 1000};
    bool over = false;
    while (!over && atomic_load (&waiter->state) == state)
        over =
          syscall (SYS_futex, &waiter->state, FUTEX_WAIT_PRIVATE, state,
                   state == ZSEQ_FAIR_LOCK_NAPS ? &nap : NULL, NULL, 0) != 0 &&
          errno == ETIMEDOUT;
}

//  The mutex is held for the following.

static void
s_remove_first (zseq_fair_lock_t *self)
{
    self->waiters--;
    self->first = self->first->next;
    if (!self->first)
        self->end = &self->first;
}

//  Waits in the queue until the lock is passed to this thread, or this thread
//  is the first and the lock is free. Releases the mutex meanwhile.
static void
s_wait (zseq_fair_lock_t *self)
{
    zseq_fair_lock_waiter_t waiter = {.next = NULL};
    if (!self->first)
        self->turn_us = zseq_clock_now_us ();
    *self->end = &waiter;
    self->end = &waiter.next;
    self->waiters++;
    int state = ZSEQ_FAIR_LOCK_SLEEPS;
    do {
        atomic_store (&waiter.state, state);
        pthread_mutex_unlock (&self->mutex);
        s_sleep (&waiter, state);
        pthread_mutex_lock (&self->mutex);
        state = ZSEQ_FAIR_LOCK_NAPS;
    } while (atomic_load (&waiter.state) != ZSEQ_FAIR_LOCK_PASSED &&
             self->held);
    if (atomic_load (&waiter.state) != ZSEQ_FAIR_LOCK_PASSED)
        s_remove_first (self);
}

//  Frees the lock, or passes it on. Returns the thread to wake, or NULL.
static zseq_fair_lock_waiter_t *
s_release (zseq_fair_lock_t *self)
{
    zseq_fair_lock_waiter_t *first = self->first;
    self->held = false;
    if (!first)
        return NULL;
    uint64_t now_us = zseq_clock_now_us ();
    if (now_us >= self->turn_us + ZSEQ_FAIR_LOCK_TURN_US) {
        self->held = true;
        self->turn_us = now_us;
        s_remove_first (self);
        atomic_store (&first->state, ZSEQ_FAIR_LOCK_PASSED);
        return first;
    }
    if (atomic_load (&first->state) != ZSEQ_FAIR_LOCK_SLEEPS)
        return NULL;
    atomic_store (&first->state, ZSEQ_FAIR_LOCK_LOOKS);
    return first;
}

//  The mutex is not held.

void
zseq_fair_lock_acquire (zseq_fair_lock_t *self)
{
    assert (self);

    pthread_mutex_lock (&self->mutex);
    if (self->held)
        s_wait (self);
    self->held = true;
    pthread_mutex_unlock (&self->mutex);
}

void
zseq_fair_lock_release (zseq_fair_lock_t *self)
{
    assert (self);

    pthread_mutex_lock (&self->mutex);
    assert (self->held);
    zseq_fair_lock_waiter_t *waiter = s_release (self);
    pthread_mutex_unlock (&self->mutex);
    if (waiter)
        s_wake (waiter);
}
