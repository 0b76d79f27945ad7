//  A ring of samples that lie apart in time. The oldest sample in the window
//  tells what was used since, and how long that took. After a pause no sample
//  is in the window, and a load begins anew.

#include "zseq_usage.h"

#include <assert.h>
#include <string.h>

//  The part of a slower claim that counts. Quicker ones count at once: a claim
//  that was late, because its thread had to wait for a processor, says little.
#define SLOWER 4

void
zseq_usage_init (zseq_usage_t *self, uint64_t now_us, uint64_t issued)
{
    assert (self);

    memset (self, 0, sizeof *self);
    self->sample[0].us = now_us;
    self->sample[0].issued = issued;
    self->count = 1;
    self->range_us = now_us;
}

void
zseq_usage_note (zseq_usage_t *self, uint64_t now_us, uint64_t issued)
{
    assert (self);
    assert (self->count);

    if (now_us < self->sample[self->newest].us + ZSEQ_USAGE_APART_US)
        return;
    self->newest = (self->newest + 1) % ZSEQ_USAGE_SAMPLES;
    self->sample[self->newest].us = now_us;
    self->sample[self->newest].issued = issued;
    if (self->count < ZSEQ_USAGE_SAMPLES)
        self->count++;
}

void
zseq_usage_note_claim (zseq_usage_t *self, uint64_t claim_us)
{
    assert (self);

    if (self->claim_us && claim_us > self->claim_us)
        self->claim_us += (claim_us - self->claim_us) / SLOWER;
    else
        self->claim_us = claim_us;
}

void
zseq_usage_note_range (zseq_usage_t *self, uint64_t now_us)
{
    assert (self);
    self->range_us = now_us;
}

//  What was used since the oldest sample in the last window_us, and how long
//  ago that was.
static uint64_t
s_used (const zseq_usage_t *self, uint64_t now_us, uint64_t issued,
        uint64_t window_us, uint64_t *elapsed_us_p)
{
    uint64_t used = 0;
    *elapsed_us_p = 0;
    for (size_t back = 0; back < self->count; back++) {
        size_t index =
          (self->newest + ZSEQ_USAGE_SAMPLES - back) % ZSEQ_USAGE_SAMPLES;
        uint64_t us = self->sample[index].us;
        if (us + window_us < now_us)
            break;
        used = issued - self->sample[index].issued;
        *elapsed_us_p = now_us > us ? now_us - us : 0;
    }
    return used;
}

uint64_t
zseq_usage_batch (zseq_usage_t *self, uint64_t now_us, uint64_t issued,
                  uint64_t wanted)
{
    assert (self);

    uint64_t elapsed_us;
    uint64_t used =
      s_used (self, now_us, issued, ZSEQ_USAGE_WINDOW_US, &elapsed_us);
    uint64_t two_us = 2 * self->claim_us;
    uint64_t lasts_us =
      two_us > ZSEQ_USAGE_BATCH_US ? two_us : ZSEQ_USAGE_BATCH_US;
    uint64_t batch = used;
    if (elapsed_us > lasts_us)
        batch =
          (uint64_t) ((double) used * (double) lasts_us / (double) elapsed_us);
    if (batch < wanted)
        batch = wanted < used ? wanted : used;
    if (batch < 2 &&
        s_used (self, now_us, issued, 2 * two_us, &elapsed_us) >= 2)
        batch = 2;
    zseq_usage_note (self, now_us, issued);
    if (batch > ZSEQ_USAGE_BATCH_MAX)
        batch = ZSEQ_USAGE_BATCH_MAX;
    return batch > 1 ? batch : 1;
}

bool
zseq_usage_stale (const zseq_usage_t *self, uint64_t now_us)
{
    assert (self);
    return now_us > self->range_us + ZSEQ_USAGE_STALE_US;
}
