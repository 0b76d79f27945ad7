//  A counter under a mutex: what clients get that only take turns. As many
//  threads or processes as a case has take from it, in the same run, so that
//  the case's fairness and its longest wait can be compared with the machine's.

#ifndef ZSEQ_BENCH_MUTEX_H_INCLUDED
#define ZSEQ_BENCH_MUTEX_H_INCLUDED

#include "zseq_bench_load.h"

//  Runs the load once, with its operation and arg set to such a counter, which
//  all of its processes share. Returns 0; or -1 with the reason on stderr.
int zseq_bench_mutex_run (const zseq_bench_load_t *load,
                          zseq_bench_children_t *children,
                          zseq_bench_sample_t *sample);

#endif
