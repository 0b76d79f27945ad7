//  How long operations took: a histogram that is fine for short times and
//  coarse for long ones, of fixed size, so that it can live in memory shared
//  by processes. The idea is that of HdrHistogram (Gil Tene, 2012): linear
//  steps inside each power of two. Written here because Debian 12 has no
//  package of its C library.

#ifndef ZSEQ_BENCH_HISTOGRAM_H_INCLUDED
#define ZSEQ_BENCH_HISTOGRAM_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

//  Every power of two is cut into this many steps: a reported value is at
//  most 1/128, 0.8%, above the recorded one.
#define ZSEQ_BENCH_STEPS 128
#define ZSEQ_BENCH_BUCKETS (58 * ZSEQ_BENCH_STEPS)

typedef struct {
    uint64_t total;  //  Values recorded
    uint64_t max;    //  The highest of them, exact; 0 if none
    uint64_t count[ZSEQ_BENCH_BUCKETS];
} zseq_bench_histogram_t;

//  A histogram of zero bytes is an empty one.

//  Records value count times. Not thread-safe: one histogram per client, then
//  _merge.
void zseq_bench_histogram_record (zseq_bench_histogram_t *self, uint64_t value,
                                  uint64_t count);

//  Adds what other holds.
void zseq_bench_histogram_merge (zseq_bench_histogram_t *self,
                                 const zseq_bench_histogram_t *other);

//  The lowest value that at least percent (above 0, up to 100) of the values
//  recorded do not exceed, or up to 1/128 more, but never more than the
//  highest. 0 if nothing was recorded.
uint64_t zseq_bench_histogram_percentile (const zseq_bench_histogram_t *self,
                                          double percent);

//  The median of count values (at least 1), which get sorted; of an even
//  number the mean of the middle two.
double zseq_bench_median (double *values, size_t count);

#endif
