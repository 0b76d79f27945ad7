//  A cluster of real nodes on this machine, for one run of the bench.

#ifndef ZSEQ_BENCH_CLUSTER_H_INCLUDED
#define ZSEQ_BENCH_CLUSTER_H_INCLUDED

#include "zseq_bench_family.h"

#define ZSEQ_BENCH_NODES_MAX 9

typedef struct zseq_bench_cluster zseq_bench_cluster_t;

//  Formats and starts nodes (1..ZSEQ_BENCH_NODES_MAX) zseqd processes, the
//  program at that path, with their data in directory and on free ports of
//  the loopback, and waits until all vote. NULL, with the reason on stderr, on
//  failure. From then on a node that ends is an error of the family's _wait.
zseq_bench_cluster_t *zseq_bench_cluster_new (zseq_bench_family_t *family,
                                              const char *zseqd,
                                              const char *directory,
                                              size_t nodes);

//  Ends the nodes. Their data stays; it is the caller's directory.
void zseq_bench_cluster_destroy (zseq_bench_cluster_t **self_p);

//  What a client connects to. Valid as long as the cluster.
const char *zseq_bench_cluster_uri (const zseq_bench_cluster_t *self);

//  The nodes' process ids.
const pid_t *zseq_bench_cluster_pids (const zseq_bench_cluster_t *self,
                                      size_t *count_p);

#endif
