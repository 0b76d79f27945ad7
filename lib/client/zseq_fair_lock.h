//  A lock that no thread waits for while others take it over and over. A mutex
//  goes to the thread that runs when it is released. A thread that has to be
//  woken first comes too late, again and again, while the load lasts.
//
//  The threads that wait are in a queue, in the order in which they came. For
//  a turn, ZSEQ_FAIR_LOCK_TURN_US, running threads may take the lock before
//  them, because to wake a thread costs more than most work under the lock.
//  When the turn is over, the next release passes the lock to the first of the
//  queue, and a new turn begins. So a thread that finds n others in the queue
//  gets the lock after n + 1 turns at most, each as long as the work of its
//  last holder takes beyond its end.

#ifndef ZSEQ_FAIR_LOCK_H_INCLUDED
#define ZSEQ_FAIR_LOCK_H_INCLUDED

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZSEQ_FAIR_LOCK_TURN_US 500

typedef enum {
    ZSEQ_FAIR_LOCK_SLEEPS,
    ZSEQ_FAIR_LOCK_NAPS,   //  Sleeps for a moment at most
    ZSEQ_FAIR_LOCK_LOOKS,  //  Was woken since the lock was free
    ZSEQ_FAIR_LOCK_PASSED  //  Has the lock, and is off the queue
} zseq_fair_lock_state_t;

//  A thread in the queue. The state is set under the lock's mutex.
typedef struct zseq_fair_lock_waiter {
    _Atomic int state;
    struct zseq_fair_lock_waiter *next;
} zseq_fair_lock_waiter_t;

typedef struct {
    pthread_mutex_t mutex;  //  Held for a moment only; guards what follows
    bool held;
    uint64_t turn_us;  //  When the turn began
    zseq_fair_lock_waiter_t *first;
    zseq_fair_lock_waiter_t **end;
    size_t waiters;  //  In the queue
} zseq_fair_lock_t;

//  Nobody holds the lock, or waits for it, when it is terminated.
void zseq_fair_lock_init (zseq_fair_lock_t *self);
void zseq_fair_lock_term (zseq_fair_lock_t *self);

//  Waits until this thread has the lock; it must not have it already.
void zseq_fair_lock_acquire (zseq_fair_lock_t *self);

//  Gives the lock up, or passes it to the first in the queue. The lock must be
//  held.
void zseq_fair_lock_release (zseq_fair_lock_t *self);

#endif
