//  The operation that most cases measure: receive one ID from a cluster through
//  the public library, as a program does.

#ifndef ZSEQ_BENCH_DRAW_H_INCLUDED
#define ZSEQ_BENCH_DRAW_H_INCLUDED

#include "zseq_bench_load.h"

//  The argument of the load.
typedef struct {
    const char *uri;
    const char *name;  //  Of the sequence
    uint64_t batch;
    bool own;  //  Each process has a sequence of its own
} zseq_bench_draw_t;

//  A call that fails at its deadline is counted and repeated, so that the whole
//  wait for an ID is reported. Any other error ends the load. So does an ID
//  that is not above the thread's last ID.
extern const zseq_bench_operation_t zseq_bench_draw;

//  Asks a cluster, from a child, how many nodes it has and for how many replies
//  a write waits. Returns 0; or -1 with the reason on stderr, also when fewer
//  than W nodes vote.
int zseq_bench_draw_quorum (zseq_bench_children_t *children, const char *uri,
                            size_t *n_p, size_t *w_p);

#endif
