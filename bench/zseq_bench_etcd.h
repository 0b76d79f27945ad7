//  A cluster of etcd on this machine, to compare with, and its load: that of
//  zseq-bench-etcd, which uses etcd's own client.

#ifndef ZSEQ_BENCH_ETCD_H_INCLUDED
#define ZSEQ_BENCH_ETCD_H_INCLUDED

#include "zseq_bench_cluster.h"
#include "zseq_bench_kv_load.h"

typedef struct zseq_bench_etcd zseq_bench_etcd_t;

typedef struct {
    const char *loader;     //  Path of zseq-bench-etcd
    const char *directory;  //  Must exist; for the members' directories
    size_t nodes;           //  1..ZSEQ_BENCH_NODES_MAX
    bool leader;            //  Clients talk to the leader only
} zseq_bench_etcd_options_t;

//  Finds etcd and the loader. Returns 0; or -1 with the reason, and what to
//  install, on stderr.
int zseq_bench_etcd_check (const char *loader);

//  Starts members, with the defaults of etcd but for logs, on free ports of the
//  loopback interface, and waits until all name the same leader. options is
//  copied, its strings are not. Returns NULL, with the reason on stderr, on
//  failure.
zseq_bench_etcd_t *
zseq_bench_etcd_new (zseq_bench_children_t *children,
                     const zseq_bench_etcd_options_t *options);

//  Ends the members. Their data stays, in the caller's directory.
void zseq_bench_etcd_destroy (zseq_bench_etcd_t **self_p);

//  Returns the version that etcd --version names.
const char *zseq_bench_etcd_version (const zseq_bench_etcd_t *self);

typedef enum {
    ZSEQ_BENCH_ETCD_NOBODY,
    ZSEQ_BENCH_ETCD_FOLLOWER,
    ZSEQ_BENCH_ETCD_LEADER,
} zseq_bench_etcd_victim_t;

//  As zseq_bench_kv_load_fill and _run; of load the one, the seconds and the
//  timeout are used. The sample's failed calls are all of error 0. The victim
//  is killed in the middle of the window, and started again afterwards.
int zseq_bench_etcd_fill (zseq_bench_etcd_t *self,
                          const zseq_bench_kv_load_t *load);
int zseq_bench_etcd_run (zseq_bench_etcd_t *self,
                         const zseq_bench_kv_load_t *load,
                         zseq_bench_etcd_victim_t victim,
                         zseq_bench_kv_sample_t *sample);

#endif
