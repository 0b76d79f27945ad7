//  Condition variables of the threads that wait for a reactor.

#include "zseq_waiter.h"

#include <assert.h>
#include <string.h>
#include <time.h>

void
zseq_waiter_init_cond (pthread_cond_t *cond)
{
    assert (cond);
    pthread_condattr_t attributes;
    pthread_condattr_init (&attributes);
    pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
    int rc = pthread_cond_init (cond, &attributes);
    assert (rc == 0);
    pthread_condattr_destroy (&attributes);
}

void
zseq_waiter_init (zseq_waiter_t *self)
{
    assert (self);
    memset (self, 0, sizeof *self);
    zseq_waiter_init_cond (&self->cond);
}

void
zseq_waiter_term (zseq_waiter_t *self)
{
    assert (self);
    pthread_cond_destroy (&self->cond);
}

void
zseq_waiter_wake (zseq_waiter_t *self)
{
    assert (self);
    self->woken = true;
    pthread_cond_signal (&self->cond);
}
