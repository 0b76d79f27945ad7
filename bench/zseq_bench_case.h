//  The cases: what is measured, on which cluster, and which floor it is held
//  to.

#ifndef ZSEQ_BENCH_CASE_H_INCLUDED
#define ZSEQ_BENCH_CASE_H_INCLUDED

#include "zseq_bench_report.h"

#define ZSEQ_BENCH_ROUNDS_MAX 5

//  How to run them. What is not the user's word is set by zseq-bench.
typedef struct {
    const char *uri;        //  A cluster that runs; NULL: of our own
    const char *pattern;    //  Of cases' names; NULL: all
    bool quick;             //  Without the long ones
    const char *zseqd;      //  The nodes' program
    const char *directory;  //  Temporary
    size_t nodes;           //  Of a cluster of our own
    double reserve_s;       //  As zseqd start --reserve
    zseq_bench_setting_t *setting;
} zseq_bench_plan_t;

size_t zseq_bench_case_count (void);
const char *zseq_bench_case_name (size_t index);

//  Whether the plan has it; only pattern, uri, quick, nodes and reserve_s are
//  looked at.
bool zseq_bench_case_chosen (size_t index, const zseq_bench_plan_t *plan);

typedef struct zseq_bench_cases zseq_bench_cases_t;

//  plan must stay. NULL, with the reason on stderr, if memory is out.
zseq_bench_cases_t *zseq_bench_cases_new (zseq_bench_children_t *children,
                                          const zseq_bench_plan_t *plan);
void zseq_bench_cases_destroy (zseq_bench_cases_t **self_p);

//  Starts the cluster that most cases use, if any chosen one does. Returns 0;
//  or -1 with the reason on stderr, as the next one.
int zseq_bench_cases_open (zseq_bench_cases_t *self);

//  Runs the chosen cases and tells each on standard output.
int zseq_bench_cases_run (zseq_bench_cases_t *self,
                          zseq_bench_floors_t *floors);

//  What was found.
const zseq_bench_row_t *zseq_bench_cases_rows (const zseq_bench_cases_t *self,
                                               size_t *count_p);

#endif
