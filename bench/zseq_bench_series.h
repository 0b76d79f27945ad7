//  What the slices of a row found, until they are the row.

#ifndef ZSEQ_BENCH_SERIES_H_INCLUDED
#define ZSEQ_BENCH_SERIES_H_INCLUDED

#include "zseq_bench_case.h"
#include "zseq_bench_contention.h"

//  Medians of the arrays are printed; what has no array adds up. One of zero
//  bytes is an empty one.
typedef struct {
    size_t count;
    double ns_per_id[ZSEQ_BENCH_ROUNDS_MAX];
    double claims_per_s[ZSEQ_BENCH_ROUNDS_MAX];
    double fairness[ZSEQ_BENCH_ROUNDS_MAX];
    double mutex_fairness[ZSEQ_BENCH_ROUNDS_MAX];
    double floor[ZSEQ_BENCH_ROUNDS_MAX];
    double floor_p50_us[ZSEQ_BENCH_ROUNDS_MAX];
    double resident[ZSEQ_BENCH_ROUNDS_MAX];  //  Bytes per name
    double window_s[ZSEQ_BENCH_ROUNDS_MAX];
    size_t cut;        //  Bursts that were ended before they were over
    uint64_t ids;      //  Handed out by names that were new
    uint64_t claimed;  //  Of the same names
    uint64_t next;     //  The highest of theirs
    bool unknown;      //  ... or of one it cannot be told
    zseq_bench_counts_t counts;
    double cpu_nodes_s;
    double cpu_s;
    zseq_bench_histogram_t waits;
    zseq_bench_histogram_t mutex_waits;
} zseq_bench_series_t;

//  Takes over what a slice found, ZSEQ_BENCH_ROUNDS_MAX times at most: so long
//  for so many IDs, or names.
void zseq_bench_series_note (zseq_bench_series_t *self, uint64_t ns,
                             uint64_t ids);

//  The same, of a slice that was a load.
void zseq_bench_series_note_sample (zseq_bench_series_t *self,
                                    const zseq_bench_sample_t *sample);

//  Takes over what a mutex gave in the slice that comes next.
void zseq_bench_series_note_mutex (zseq_bench_series_t *self,
                                   const zseq_bench_sample_t *sample);

//  Adds what became of the name that a slice has used up.
void zseq_bench_series_note_used (zseq_bench_series_t *self,
                                  const zseq_bench_used_t *used);

//  Sorts the values, at least 1.
zseq_bench_spread_t zseq_bench_series_spread (double *values, size_t count);

//  Sets all of the row, which is zeros, that the slices, at least 1, and the
//  case tell. The name is that of the case with suffix. Sorts the slices.
void zseq_bench_series_row (zseq_bench_series_t *self,
                            const zseq_bench_case_t *one, const char *suffix,
                            zseq_bench_row_t *row);

#endif
