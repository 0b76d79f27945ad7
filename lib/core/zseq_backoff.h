//  Random, growing pauses between attempts, and the only randomness of the
//  core: a generator seeded by its owner, so that a seed replays everything.
//  Source: full jitter, Brooker, "Exponential Backoff And Jitter" (2015);
//  splitmix64, Steele, Lea and Flood (OOPSLA 2014).

#ifndef ZSEQ_BACKOFF_H_INCLUDED
#define ZSEQ_BACKOFF_H_INCLUDED

#include "zseq.h"

typedef struct {
    uint64_t random;    //  State of the generator
    uint64_t pause_us;  //  Upper bound of the next pause
} zseq_backoff_t;

#define ZSEQ_PAUSE_US_MAX 200000

//  rtt_us is a typical round trip; the first pause is at most half of it.
void zseq_backoff_init (zseq_backoff_t *self, uint64_t rtt_us, uint64_t seed);

//  The next pause in microseconds, uniform in [0, bound); the bound doubles
//  each time, up to ZSEQ_PAUSE_US_MAX.
uint64_t zseq_backoff_next (zseq_backoff_t *self);

#endif
