//  A thread that waits, with its condition variable: zseq_reactor_wait sleeps
//  until another thread calls _wake. The reactor's lock guards the waiter.

#ifndef ZSEQ_WAITER_H_INCLUDED
#define ZSEQ_WAITER_H_INCLUDED

#include <pthread.h>
#include <stdbool.h>

typedef struct zseq_waiter {
    pthread_cond_t cond;
    bool woken;
    struct zseq_waiter *prev;
    struct zseq_waiter *next;
} zseq_waiter_t;

void zseq_waiter_init (zseq_waiter_t *self);
void zseq_waiter_term (zseq_waiter_t *self);
void zseq_waiter_wake (zseq_waiter_t *self);

//  Makes a condition variable whose timeouts are of CLOCK_MONOTONIC.
void zseq_waiter_init_cond (pthread_cond_t *cond);

#endif
