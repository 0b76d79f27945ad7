//  Runs the chosen cases, on clusters of the bench's own, which are started
//  when a case needs them. Keeps a row with the results of each case.

#ifndef ZSEQ_BENCH_CASES_H_INCLUDED
#define ZSEQ_BENCH_CASES_H_INCLUDED

#include "zseq_bench_case.h"

typedef struct zseq_bench_cases zseq_bench_cases_t;

//  plan must stay valid. Returns NULL, with the reason on stderr, if there is
//  no memory.
zseq_bench_cases_t *zseq_bench_cases_new (zseq_bench_children_t *children,
                                          const zseq_bench_plan_t *plan);
void zseq_bench_cases_destroy (zseq_bench_cases_t **self_p);

//  Starts the cluster that most cases use, if any chosen case does. Returns 0,
//  or -1 with the reason on stderr, as does zseq_bench_cases_run.
int zseq_bench_cases_open (zseq_bench_cases_t *self);

//  Runs the chosen cases, and prints each on standard output.
int zseq_bench_cases_run (zseq_bench_cases_t *self,
                          zseq_bench_floors_t *floors);

//  Returns the rows so far.
const zseq_bench_row_t *zseq_bench_cases_rows (const zseq_bench_cases_t *self,
                                               size_t *count_p);

#endif
