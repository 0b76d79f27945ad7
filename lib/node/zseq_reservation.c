#include "zseq_reservation.h"

#include <assert.h>

//  A reservation saves nothing if a claim takes longer than this to come.
#define SLOW_US 100000
//  A reservation is written again when half of it is used: there are at least
//  half as many claims to a write, however slowly they come.
#define CLAIMS_MIN 32
//  From one write to the next the reservation grows by this factor at most, so
//  that a few claims in a row do not burn a second's worth of IDs.
#define GROWTH 8
//  Clocks are too coarse to measure a rate over less than this.
#define ELAPSED_US_MIN 100

void
zseq_reservation_note_claim (zseq_reservation_t *self, uint64_t count)
{
    assert (self);
    assert (count >= 1);
    assert (count <= ZSEQ_COUNT_MAX);

    //  IDs end at 2^63, and no ID is claimed twice here: no overflow.
    self->claimed += count;
    if (self->claims < UINT32_MAX)
        self->claims++;
}

//  How long the claims took to come.
static uint64_t
s_elapsed_us (const zseq_reservation_t *self, uint64_t now_us)
{
    uint64_t elapsed_us = now_us > self->since_us ? now_us - self->since_us : 0;
    return elapsed_us > ELAPSED_US_MIN ? elapsed_us : ELAPSED_US_MIN;
}

uint64_t
zseq_reservation_lasts_us (const zseq_reservation_t *self, uint64_t now_us,
                           uint64_t period_us, uint64_t period_us_max)
{
    assert (self);
    assert (period_us <= period_us_max);

    if (self->claims == 0)
        return period_us;
    uint64_t lasts_us = s_elapsed_us (self, now_us) * CLAIMS_MIN / self->claims;
    if (lasts_us > period_us_max)
        return period_us_max;
    return lasts_us > period_us ? lasts_us : period_us;
}

uint64_t
zseq_reservation_wanted (const zseq_reservation_t *self, uint64_t now_us,
                         uint64_t lasts_us)
{
    assert (self);

    uint64_t elapsed_us = s_elapsed_us (self, now_us);
    if (self->claims <= 1 && elapsed_us >= SLOW_US)
        return 0;

    //  If the product overflows, the reservation is smaller, which is harmless.
    uint64_t wanted;
    if (__builtin_mul_overflow (self->claimed, lasts_us, &wanted))
        wanted = UINT64_MAX;
    wanted /= elapsed_us;
    if (wanted / GROWTH >= self->claimed)
        wanted = self->claimed * GROWTH;
    return wanted;
}

void
zseq_reservation_restart (zseq_reservation_t *self, uint64_t now_us,
                          uint64_t lasts_us)
{
    assert (self);

    self->lasts_us = lasts_us < UINT32_MAX ? (uint32_t) lasts_us : UINT32_MAX;
    self->since_us = now_us;
    self->claimed = 0;
    self->claims = 0;
}
