#include "zseq_busy.h"

#include <assert.h>

#define SECOND_US 1000000

//  busy_ns of the second that ends now. Nanoseconds, so that steps of a few
//  microseconds decay it, too.
static uint64_t
s_busy_ns (const zseq_busy_t *self, uint64_t now_us)
{
    uint64_t elapsed_us = now_us > self->since_us ? now_us - self->since_us : 0;
    if (elapsed_us > SECOND_US)
        elapsed_us = SECOND_US;
    uint64_t busy_ns = self->busy_ns - self->busy_ns * elapsed_us / SECOND_US;
    return self->busy ? busy_ns + elapsed_us * 1000 : busy_ns;
}

void
zseq_busy_set (zseq_busy_t *self, bool busy, uint64_t now_us)
{
    assert (self);

    self->busy_ns = s_busy_ns (self, now_us);
    self->since_us = now_us;
    self->busy = busy;
}

uint64_t
zseq_busy_us (const zseq_busy_t *self, uint64_t now_us)
{
    assert (self);

    uint64_t busy_us = s_busy_ns (self, now_us) / 1000;
    return busy_us < SECOND_US ? busy_us : SECOND_US;
}
