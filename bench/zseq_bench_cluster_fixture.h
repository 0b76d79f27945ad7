//  A cluster of the bench's own and its names. It is started, and filled with
//  names, when a case needs that.

#ifndef ZSEQ_BENCH_CLUSTER_FIXTURE_H_INCLUDED
#define ZSEQ_BENCH_CLUSTER_FIXTURE_H_INCLUDED

#include "zseq_bench_cluster.h"
#include "zseq_bench_many_names.h"

//  The largest number of names.
#define ZSEQ_BENCH_FIXTURE_NAMES_MAX 1000000

typedef struct zseq_bench_cluster_fixture zseq_bench_cluster_fixture_t;

//  Makes a fixture for a cluster of that many nodes. Its directory is made when
//  the cluster starts. options is copied, its strings are not. Returns NULL,
//  with the reason on stderr, if there is no memory.
zseq_bench_cluster_fixture_t *
zseq_bench_cluster_fixture_new (zseq_bench_children_t *children,
                                const zseq_bench_cluster_options_t *options);
void zseq_bench_cluster_fixture_destroy (zseq_bench_cluster_fixture_t **self_p);

//  Returns the cluster, after starting it if necessary; NULL, with the reason
//  on stderr, on failure.
zseq_bench_cluster_t *
zseq_bench_cluster_fixture_cluster (zseq_bench_cluster_fixture_t *self);

//  Makes names until there are at least count, by one claim of each, durable on
//  every node. Starts the cluster if necessary, and prints progress on stderr.
//  Returns 0; or -1 with the reason on stderr.
int zseq_bench_cluster_fixture_prepare (zseq_bench_cluster_fixture_t *self,
                                        uint64_t count);

//  Return the number of names, and the seconds that making them took.
uint64_t
zseq_bench_cluster_fixture_names (const zseq_bench_cluster_fixture_t *self);
double
zseq_bench_cluster_fixture_prepare_s (const zseq_bench_cluster_fixture_t *self);

//  Returns the memory of node a before there were names, in bytes.
uint64_t
zseq_bench_cluster_fixture_resident (const zseq_bench_cluster_fixture_t *self);

//  Returns a load of claims for the first count names, which must exist.
zseq_bench_many_names_t
zseq_bench_cluster_fixture_many_names (zseq_bench_cluster_fixture_t *self,
                                       uint64_t count);

//  Claims one ID of each of count new names, thousands in flight. The sample's
//  window ends when the last node has answered the last claim. The cluster must
//  have been started. Returns 0; or -1 with the reason on stderr.
int zseq_bench_cluster_fixture_claim_fresh (zseq_bench_cluster_fixture_t *self,
                                            uint64_t count,
                                            zseq_bench_sample_t *sample);

#endif
