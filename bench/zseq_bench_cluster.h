//  A cluster of real nodes on this machine, for one run of the bench.

#ifndef ZSEQ_BENCH_CLUSTER_H_INCLUDED
#define ZSEQ_BENCH_CLUSTER_H_INCLUDED

#include "zseq_bench_load.h"

#define ZSEQ_BENCH_NODES_MAX 9

typedef struct zseq_bench_cluster zseq_bench_cluster_t;

typedef struct {
    const char *zseqd;      //  The program
    const char *directory;  //  Exists; the nodes' data go there
    size_t nodes;           //  1..ZSEQ_BENCH_NODES_MAX
    double reserve_s;       //  As zseqd start --reserve
} zseq_bench_cluster_options_t;

//  Formats and starts nodes, on free ports of the loopback, and waits until
//  all vote. options is copied, its strings are not. NULL, with the reason on
//  stderr, on failure. From then on a node that ends by itself is an error of
//  the children's _wait.
zseq_bench_cluster_t *
zseq_bench_cluster_new (zseq_bench_children_t *children,
                        const zseq_bench_cluster_options_t *options);

//  Ends the nodes. Their data stays; it is the caller's directory.
void zseq_bench_cluster_destroy (zseq_bench_cluster_t **self_p);

//  What a client connects to. Valid as long as the cluster.
const char *zseq_bench_cluster_uri (const zseq_bench_cluster_t *self);

//  Ends node index; _wipe deletes its data, too.
void zseq_bench_cluster_stop (zseq_bench_cluster_t *self, size_t index);
void zseq_bench_cluster_wipe (zseq_bench_cluster_t *self, size_t index);

//  Starts it again and waits, patiently, until it votes. *ns_p is how long
//  that took. A node that was wiped recovers from its peers.
int zseq_bench_cluster_start (zseq_bench_cluster_t *self, size_t index,
                              uint64_t *ns_p);

//  What a node's process has in memory, bytes; 0 if it is not known.
uint64_t zseq_bench_cluster_resident (const zseq_bench_cluster_t *self,
                                      size_t index);

//  The processor time that the nodes that run have used, nanoseconds.
uint64_t zseq_bench_cluster_cpu_ns (const zseq_bench_cluster_t *self);

//  Deletes a file, or a directory and all in it, reporting on stderr what
//  cannot be deleted.
void zseq_bench_delete (const char *path);

//  The nodes' process ids.
const pid_t *zseq_bench_cluster_pids (const zseq_bench_cluster_t *self,
                                      size_t *count_p);

#endif
