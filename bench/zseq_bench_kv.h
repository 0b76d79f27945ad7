//  zseq-bench kv: runs the cases of the key-value store on a cluster of zseq,
//  and on one of etcd beside it, in slices that alternate.

#ifndef ZSEQ_BENCH_KV_H_INCLUDED
#define ZSEQ_BENCH_KV_H_INCLUDED

#include "zseq_bench_kv_report.h"

typedef struct {
    const char *uri;        //  NULL: a cluster of our own
    size_t nodes;           //  Of each cluster
    const char *zseqd;      //  Path of the program
    const char *loader;     //  Of zseq-bench-etcd; NULL: there is no peer
    bool leader;            //  etcd's clients talk to its leader only
    const char *directory;  //  Must exist
    const char *pattern;    //  Of cases, or NULL
    double seconds;         //  Of each case, on each side
    size_t rounds;
} zseq_bench_kv_plan_t;

typedef struct zseq_bench_kv zseq_bench_kv_t;

//  How many cases a pattern, or NULL, chooses of a cluster of our own or not.
size_t zseq_bench_kv_chosen_count (const char *pattern, bool own);

//  Starts the clusters. The plan is copied, its strings are not. Returns NULL,
//  with the reason on stderr, on failure.
zseq_bench_kv_t *zseq_bench_kv_new (zseq_bench_children_t *children,
                                    const zseq_bench_kv_plan_t *plan);
void zseq_bench_kv_destroy (zseq_bench_kv_t **self_p);

//  Measures the cases, and prints each. Returns 0; or -1 with the reason on
//  stderr.
int zseq_bench_kv_run (zseq_bench_kv_t *self);

const zseq_bench_kv_row_t *zseq_bench_kv_rows (const zseq_bench_kv_t *self,
                                               size_t *count_p);

//  Returns the version of the peer; NULL: there is none.
const char *zseq_bench_kv_etcd (const zseq_bench_kv_t *self);

#endif
