#include "zseq_backoff.h"

#include <assert.h>

static uint64_t
s_random (zseq_backoff_t *self)
{
    self->random += 0x9e3779b97f4a7c15u;
    uint64_t mixed = self->random;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

void
zseq_backoff_init (zseq_backoff_t *self, uint64_t rtt_us, uint64_t seed)
{
    assert (self);

    self->random = seed;
    self->pause_us = rtt_us / 2 + 1;
    if (self->pause_us > ZSEQ_PAUSE_US_MAX)
        self->pause_us = ZSEQ_PAUSE_US_MAX;
}

uint64_t
zseq_backoff_next (zseq_backoff_t *self)
{
    assert (self);
    assert (self->pause_us >= 1);

    uint64_t pause_us = s_random (self) % self->pause_us;
    self->pause_us *= 2;
    if (self->pause_us > ZSEQ_PAUSE_US_MAX)
        self->pause_us = ZSEQ_PAUSE_US_MAX;
    return pause_us;
}
