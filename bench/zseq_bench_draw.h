//  The operation that all is about: receive one ID from a cluster, through
//  the public library, as any user would.

#ifndef ZSEQ_BENCH_DRAW_H_INCLUDED
#define ZSEQ_BENCH_DRAW_H_INCLUDED

#include "zseq_bench_load.h"

//  The argument of its load.
typedef struct {
    const char *uri;
    const char *name;  //  Of the sequence
    uint64_t batch;
    bool own;  //  Each process has a sequence of its own
} zseq_bench_draw_t;

//  A call that fails at its deadline is counted and repeated, so that the wait
//  for an ID is reported whole; any other error ends the load, and so does an
//  ID that is not above the thread's last one.
extern const zseq_bench_operation_t zseq_bench_draw;

//  Asks the cluster, from a child, how many nodes it has and how many replies
//  a write waits for. Returns 0; or -1 with the reason on stderr, also when
//  fewer than W nodes vote.
int zseq_bench_draw_quorum (zseq_bench_children_t *children, const char *uri,
                            size_t *n_p, size_t *w_p);

#endif
