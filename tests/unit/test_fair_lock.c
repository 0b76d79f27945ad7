//  Tests the lock that threads get in turn. The main thread has the lock while
//  other threads come, one after the other (s_come). Each thread notes itself
//  when it has the lock (s_run). s_set_turn sets when the turn began: long ago,
//  so that the next release passes the lock on, or in the future.

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>

#include "zseq_fair_lock.h"

#define THREADS 8
#define LONG_AGO 0
#define FUTURE (UINT64_MAX - ZSEQ_FAIR_LOCK_TURN_US)

static zseq_fair_lock_t s_lock;
static uint64_t s_turn_us;  //  What each thread sets
static pthread_t s_thread[THREADS];
static size_t s_number[THREADS];
static size_t s_order[THREADS];
static size_t s_taken;  //  Entries of s_order; the lock guards both
static size_t s_count;  //  The lock guards it, too

static void
s_set_turn (uint64_t us)
{
    pthread_mutex_lock (&s_lock.mutex);
    s_lock.turn_us = us;
    pthread_mutex_unlock (&s_lock.mutex);
}

static size_t
s_waiters (void)
{
    pthread_mutex_lock (&s_lock.mutex);
    size_t waiters = s_lock.waiters;
    pthread_mutex_unlock (&s_lock.mutex);
    return waiters;
}

static void *
s_run (void *arg)
{
    const size_t *number = arg;
    zseq_fair_lock_acquire (&s_lock);
    s_order[s_taken++] = *number;
    s_set_turn (s_turn_us);
    zseq_fair_lock_release (&s_lock);
    return NULL;
}

//  Starts so many threads. Each is in the queue before the next one comes.
static void
s_come (size_t threads, uint64_t turn_us)
{
    s_turn_us = turn_us;
    for (size_t i = 0; i < threads; i++) {
        s_number[i] = i;
        cr_assert_eq (pthread_create (&s_thread[i], NULL, s_run, &s_number[i]),
                      0);
        while (s_waiters () <= i)
            sched_yield ();
    }
    s_set_turn (turn_us);
}

static void
s_join (size_t threads)
{
    for (size_t i = 0; i < threads; i++)
        pthread_join (s_thread[i], NULL);
    cr_assert_eq (s_taken, threads);
    for (size_t i = 0; i < threads; i++)
        cr_assert_eq (s_order[i], i);
}

static void
s_set_up (void)
{
    zseq_fair_lock_init (&s_lock);
    zseq_fair_lock_acquire (&s_lock);
}

static void
s_tear_down (void)
{
    zseq_fair_lock_term (&s_lock);
}

TestSuite (fair_lock, .init = s_set_up, .fini = s_tear_down, .timeout = 60);

//  The main thread runs, and the others have to be woken.
Test (fair_lock, passes_by_the_thread_that_had_it_when_the_turn_is_over)
{
    s_come (THREADS, LONG_AGO);
    zseq_fair_lock_release (&s_lock);
    zseq_fair_lock_acquire (&s_lock);
    cr_assert_eq (s_taken, THREADS);
    zseq_fair_lock_release (&s_lock);
    s_join (THREADS);
}

Test (fair_lock, wakes_the_queue_in_order_during_a_turn)
{
    s_come (THREADS, FUTURE);
    zseq_fair_lock_release (&s_lock);
    s_join (THREADS);
}

//  The state of the first thread in the queue; if there is none, as if the lock
//  had been passed to it.
static int
s_first_state (void)
{
    pthread_mutex_lock (&s_lock.mutex);
    int state = s_lock.first ? s_lock.first->state : ZSEQ_FAIR_LOCK_PASSED;
    pthread_mutex_unlock (&s_lock.mutex);
    return state;
}

//  A thread that was woken and came too late is not woken again.
Test (fair_lock, forgets_no_thread_that_came_too_late)
{
    bool naps = false;
    while (!naps) {
        s_taken = 0;
        s_come (1, FUTURE);
        zseq_fair_lock_release (&s_lock);
        zseq_fair_lock_acquire (&s_lock);
        while (s_first_state () == ZSEQ_FAIR_LOCK_LOOKS)
            sched_yield ();
        naps = s_first_state () == ZSEQ_FAIR_LOCK_NAPS;
        if (!naps)
            s_join (1);
    }
    zseq_fair_lock_release (&s_lock);
    s_join (1);
}

//  A turn begins with the first thread that waits, not with one long ago.
Test (fair_lock, gives_a_turn_before_it_is_passed_on)
{
    s_set_turn (LONG_AGO);
    s_turn_us = LONG_AGO;
    cr_assert_eq (pthread_create (&s_thread[0], NULL, s_run, &s_number[0]), 0);
    while (s_waiters () == 0)
        sched_yield ();
    pthread_mutex_lock (&s_lock.mutex);
    cr_assert_gt (s_lock.turn_us, LONG_AGO);
    pthread_mutex_unlock (&s_lock.mutex);
    zseq_fair_lock_release (&s_lock);
    s_join (1);
}

static void *
s_add (void *arg)
{
    (void) arg;
    for (int i = 0; i < 10000; i++) {
        zseq_fair_lock_acquire (&s_lock);
        s_count++;
        zseq_fair_lock_release (&s_lock);
    }
    return NULL;
}

Test (fair_lock, is_held_by_one_thread_at_a_time)
{
    zseq_fair_lock_release (&s_lock);
    for (size_t i = 0; i < THREADS; i++)
        cr_assert_eq (pthread_create (&s_thread[i], NULL, s_add, NULL), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join (s_thread[i], NULL);
    cr_assert_eq (s_count, THREADS * 10000);
}
