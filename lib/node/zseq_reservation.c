#include "zseq_reservation.h"

#include <assert.h>

//  A claim that took this long to come saves nothing by a reserve.
#define SLOW_US 100000
//  The reserve grows by this factor at most from one write to the next: a few
//  claims in a row do not burn a second's worth.
#define GROWTH 8
//  Clocks are too coarse for a rate below.
#define ELAPSED_US_MIN 100

void
zseq_reservation_note_claim (zseq_reservation_t *self, uint64_t count)
{
    assert (self);
    assert (count >= 1);
    assert (count <= ZSEQ_COUNT_MAX);

    //  IDs end at 2^63 and none is claimed twice here, so it cannot wrap.
    self->claimed += count;
    if (self->claims < UINT32_MAX)
        self->claims++;
}

uint64_t
zseq_reservation_wanted (const zseq_reservation_t *self, uint64_t now_us,
                         uint64_t period_us)
{
    assert (self);

    uint64_t elapsed_us = now_us > self->since_us ? now_us - self->since_us : 0;
    if (self->claims <= 1 && elapsed_us >= SLOW_US)
        return 0;
    if (elapsed_us < ELAPSED_US_MIN)
        elapsed_us = ELAPSED_US_MIN;

    //  So many claims that it overflows reserve less, which is harmless.
    uint64_t wanted;
    if (__builtin_mul_overflow (self->claimed, period_us, &wanted))
        wanted = UINT64_MAX;
    wanted /= elapsed_us;
    if (wanted / GROWTH >= self->claimed)
        wanted = self->claimed * GROWTH;
    return wanted;
}

void
zseq_reservation_restart (zseq_reservation_t *self, uint64_t now_us)
{
    assert (self);

    self->since_us = now_us;
    self->claimed = 0;
    self->claims = 0;
}
