//  The load of a case of the key-value store on a cluster of zseq: clients are
//  threads of one process, and put, get, or get and put, as fast as they can.

#ifndef ZSEQ_BENCH_KV_LOAD_H_INCLUDED
#define ZSEQ_BENCH_KV_LOAD_H_INCLUDED

#include "zseq_bench_kv_case.h"
#include "zseq_bench_load.h"

typedef struct {
    const char *uri;
    const zseq_bench_kv_case_t *one;
    double seconds;
    int timeout_ms;  //  Of a call
    const pid_t *nodes;
    size_t node_count;
    void (*midway) (void *arg);  //  As the load's
    void *midway_arg;
} zseq_bench_kv_load_t;

//  What one slice found.
typedef struct {
    zseq_bench_sample_t load;  //  A failed try of a cas is a conflict
    uint64_t gap_ns;  //  The longest time that a client was without a success,
                      //  of those that ended after midway; 0: there was none
} zseq_bench_kv_sample_t;

//  Stores all keys of a case. Returns 0; or -1 with the reason on stderr.
int zseq_bench_kv_load_fill (const zseq_bench_kv_load_t *self,
                             zseq_bench_children_t *children);

//  Runs the load once. Calls that fail are counted, and given up. Returns 0; or
//  -1 with the reason on stderr, also when a counter that is incremented by cas
//  has lost an increment, or counted one twice.
int zseq_bench_kv_load_run (const zseq_bench_kv_load_t *self,
                            zseq_bench_children_t *children,
                            zseq_bench_kv_sample_t *sample);

#endif
