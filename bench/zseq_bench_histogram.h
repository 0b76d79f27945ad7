//  A histogram of durations, which is fine for short times and coarse for long
//  ones. Its size is fixed, so that processes can share it in memory. The idea
//  is that of HdrHistogram (Gil Tene, 2012): linear steps inside each power of
//  two. We do not use its C library because Debian 12 has no package of it.

#ifndef ZSEQ_BENCH_HISTOGRAM_H_INCLUDED
#define ZSEQ_BENCH_HISTOGRAM_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

//  Every power of two is divided into this many steps: a reported value is at
//  most 1/128, 0.8 %, above the recorded one.
#define ZSEQ_BENCH_STEPS 128
#define ZSEQ_BENCH_BUCKETS (58 * ZSEQ_BENCH_STEPS)

typedef struct {
    uint64_t total;  //  Values recorded
    uint64_t max;    //  The highest of them, exact; 0: none
    uint64_t count[ZSEQ_BENCH_BUCKETS];
} zseq_bench_histogram_t;

//  A histogram of zero bytes is empty.

//  Records value count times. Not thread-safe: use one histogram per client,
//  then _merge.
void zseq_bench_histogram_record (zseq_bench_histogram_t *self, uint64_t value,
                                  uint64_t count);

//  Adds the values of other.
void zseq_bench_histogram_merge (zseq_bench_histogram_t *self,
                                 const zseq_bench_histogram_t *other);

//  Returns the lowest value that at least percent (above 0, up to 100) of the
//  recorded values do not exceed, or up to 1/128 more, but never more than the
//  highest. 0: nothing was recorded.
uint64_t zseq_bench_histogram_percentile (const zseq_bench_histogram_t *self,
                                          double percent);

//  Returns the median of count values (at least 1), after sorting them. For an
//  even count that is the mean of the middle two.
double zseq_bench_median (double *values, size_t count);

#endif
