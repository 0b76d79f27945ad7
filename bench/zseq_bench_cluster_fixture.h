//  A cluster of the bench's own, and the names that it was given: started,
//  and filled with names, when a case needs it.

#ifndef ZSEQ_BENCH_CLUSTER_FIXTURE_H_INCLUDED
#define ZSEQ_BENCH_CLUSTER_FIXTURE_H_INCLUDED

#include "zseq_bench_cluster.h"
#include "zseq_bench_many_names.h"

//  Names at most.
#define ZSEQ_BENCH_FIXTURE_NAMES_MAX 1000000

typedef struct zseq_bench_cluster_fixture zseq_bench_cluster_fixture_t;

//  A cluster of that many nodes, in directory (which is made) once started.
//  options is copied, its strings are not. NULL, with the reason on stderr, if
//  memory is out.
zseq_bench_cluster_fixture_t *
zseq_bench_cluster_fixture_new (zseq_bench_children_t *children,
                                const zseq_bench_cluster_options_t *options);
void zseq_bench_cluster_fixture_destroy (zseq_bench_cluster_fixture_t **self_p);

//  Its cluster, started if need be. NULL, with the reason on stderr, on
//  failure.
zseq_bench_cluster_t *
zseq_bench_cluster_fixture_cluster (zseq_bench_cluster_fixture_t *self);

//  Sees to it that there are count names at least, by one claim of each,
//  durable on every node. Starts the cluster, and prints progress on stderr.
//  Returns 0; or -1 with the reason on stderr.
int zseq_bench_cluster_fixture_prepare (zseq_bench_cluster_fixture_t *self,
                                        uint64_t count);

//  The names that there are, and how long making them took, seconds.
uint64_t
zseq_bench_cluster_fixture_names (const zseq_bench_cluster_fixture_t *self);
double
zseq_bench_cluster_fixture_prepare_s (const zseq_bench_cluster_fixture_t *self);

//  What node a had in memory before there were names, bytes.
uint64_t
zseq_bench_cluster_fixture_resident (const zseq_bench_cluster_fixture_t *self);

//  Claims under way for the first count names, which are there.
zseq_bench_many_names_t
zseq_bench_cluster_fixture_many_names (zseq_bench_cluster_fixture_t *self,
                                       uint64_t count);

//  Claims one ID of each of count other names, new ones each time, thousands
//  at once. The sample's window ends when the last node has answered the last
//  claim. The cluster must have been started. Returns 0; or -1 with the reason
//  on stderr.
int zseq_bench_cluster_fixture_claim_fresh (zseq_bench_cluster_fixture_t *self,
                                            uint64_t count,
                                            zseq_bench_sample_t *sample);

#endif
