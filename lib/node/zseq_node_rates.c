//  What a node measures for its operator: rates over the last ten seconds or
//  so, and how many connections are in use. A STATUS reply carries both among
//  the counters.
//
//  Rates are of the time between now and the oldest of the samples, which are
//  taken once a second. So two readers get the same rates, and one reading is
//  enough.
//
//  Connections are told apart by bits of a hash, in two sets: those heard in
//  this period, and those heard in the one before. libzmq tells when a
//  connection ends only by a monitor, and that blocks libzmq's thread when
//  nobody reads it. So a connection counts while it sends.

#include "zseq_node_private.h"

#include <string.h>

#define SAMPLE_US 1000000
#define PERIOD_US 5000000
#define WORD_BITS 64

//  What the samples and the rates are of.
static zseq_node_sample_t
s_now (const zseq_node_t *self)
{
    const zseq_counters_t *counters = &self->counters;
    zseq_node_sample_t sample = {
      .at_us = self->now_us,
      .ids = counters->ids,
      .claims = self->stats.claims,
      .refusals = counters->refused_not_voting + counters->refused_exhausted +
                  counters->refused_no_space + counters->refused_names_full +
                  counters->refused_busy + counters->refused_malformed +
                  counters->refused_other};
    return sample;
}

static void
s_sample (zseq_node_t *self)
{
    zseq_node_rates_t *rates = &self->rates;
    rates->sample[rates->next_sample % ZSEQ_SAMPLES] = s_now (self);
    rates->next_sample++;
    rates->sample_us = self->now_us + SAMPLE_US;
}

//  Begins the period that it is now.
static void
s_turn (zseq_node_t *self)
{
    zseq_node_rates_t *rates = &self->rates;
    //  The period before the last one is over.
    uint64_t ended_us = self->now_us - rates->period_us;
    rates->period = !rates->period;
    memset (rates->heard[rates->period], 0, sizeof rates->heard[0]);
    if (ended_us >= PERIOD_US)
        memset (rates->heard[!rates->period], 0, sizeof rates->heard[0]);
    rates->period_us = self->now_us + PERIOD_US;
}

void
zseq_node_rates_tick (zseq_node_t *self)
{
    if (self->now_us >= self->rates.sample_us)
        s_sample (self);
    if (self->now_us >= self->rates.period_us)
        s_turn (self);
}

void
zseq_node_rates_note_request (zseq_node_t *self, const zseq_sender_t *sender)
{
    if (sender->type != ZSEQ_SENDER_CONNECTION)
        return;
    uint64_t bit = zseq_sender_hash (sender) % ZSEQ_HEARD_BITS;
    self->rates.heard[self->rates.period][bit / WORD_BITS] |=
      (uint64_t) 1 << bit % WORD_BITS;
}

//  How many a second, rounded up. IDs are at most 2^63, so nothing overflows.
static uint64_t
s_per_second (uint64_t now, uint64_t before, uint64_t elapsed_us)
{
    uint64_t count = now - before;
    uint64_t left = count % elapsed_us * SAMPLE_US;
    return count / elapsed_us * SAMPLE_US + left / elapsed_us +
           (left % elapsed_us != 0);
}

static uint64_t
s_heard (const zseq_node_t *self)
{
    uint64_t count = 0;
    for (size_t word = 0; word < ZSEQ_HEARD_BITS / WORD_BITS; word++)
        for (uint64_t bits =
               self->rates.heard[0][word] | self->rates.heard[1][word];
             bits; bits &= bits - 1)
            count++;
    return count;
}

void
zseq_node_rates_fill (zseq_node_t *self)
{
    const zseq_node_rates_t *rates = &self->rates;
    size_t oldest =
      rates->next_sample > ZSEQ_SAMPLES ? rates->next_sample - ZSEQ_SAMPLES : 0;
    const zseq_node_sample_t *before = &rates->sample[oldest % ZSEQ_SAMPLES];
    zseq_node_sample_t now = s_now (self);
    uint64_t elapsed_us = now.at_us - before->at_us;
    if (elapsed_us < SAMPLE_US)
        elapsed_us = SAMPLE_US;
    zseq_counters_t *counters = &self->counters;
    counters->ids_per_second = s_per_second (now.ids, before->ids, elapsed_us);
    counters->claims_per_second =
      s_per_second (now.claims, before->claims, elapsed_us);
    counters->refusals_per_second =
      s_per_second (now.refusals, before->refusals, elapsed_us);
    counters->active_connections = s_heard (self);
}
