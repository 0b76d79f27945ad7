//  Buckets by powers of two, each divided into equal steps.

#include "zseq_bench_histogram.h"

#include <assert.h>
#include <stdlib.h>

//  Values below two times ZSEQ_BENCH_STEPS have a bucket each. Above that, a
//  value keeps its eight highest bits. The number of bits it loses is its row
//  of ZSEQ_BENCH_STEPS buckets.

static size_t
s_bucket (uint64_t value)
{
    if (value < 2 * ZSEQ_BENCH_STEPS)
        return (size_t) value;
    unsigned lost = 63 - 7 - (unsigned) __builtin_clzll (value);
    return (size_t) lost * ZSEQ_BENCH_STEPS + (size_t) (value >> lost);
}

//  Returns the highest value of a bucket.
static uint64_t
s_highest (size_t bucket)
{
    if (bucket < 2 * ZSEQ_BENCH_STEPS)
        return bucket;
    size_t lost = bucket / ZSEQ_BENCH_STEPS - 1;
    uint64_t kept = bucket % ZSEQ_BENCH_STEPS + ZSEQ_BENCH_STEPS;
    return ((kept + 1) << lost) - 1;
}

void
zseq_bench_histogram_record (zseq_bench_histogram_t *self, uint64_t value,
                             uint64_t count)
{
    assert (self);
    self->count[s_bucket (value)] += count;
    self->total += count;
    if (count > 0 && self->max < value)
        self->max = value;
}

void
zseq_bench_histogram_merge (zseq_bench_histogram_t *self,
                            const zseq_bench_histogram_t *other)
{
    assert (self);
    assert (other);
    for (size_t i = 0; i < ZSEQ_BENCH_BUCKETS; i++)
        self->count[i] += other->count[i];
    self->total += other->total;
    if (self->max < other->max)
        self->max = other->max;
}

uint64_t
zseq_bench_histogram_percentile (const zseq_bench_histogram_t *self,
                                 double percent)
{
    assert (self);
    assert (percent > 0);
    assert (percent <= 100);
    double wanted = percent / 100 * (double) self->total;
    uint64_t seen = 0;
    for (size_t i = 0; i < ZSEQ_BENCH_BUCKETS; i++) {
        seen += self->count[i];
        if (self->count[i] > 0 && (double) seen >= wanted) {
            uint64_t highest = s_highest (i);
            return highest < self->max ? highest : self->max;
        }
    }
    return self->max;
}

static int
s_compare (const void *a, const void *b)
{
    double left = *(const double *) a;
    double right = *(const double *) b;
    return left < right ? -1 : left > right;
}

double
zseq_bench_median (double *values, size_t count)
{
    assert (values);
    assert (count >= 1);
    qsort (values, count, sizeof *values, s_compare);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}
