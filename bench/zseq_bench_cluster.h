//  A cluster of real nodes on this machine, for one run of the bench.

#ifndef ZSEQ_BENCH_CLUSTER_H_INCLUDED
#define ZSEQ_BENCH_CLUSTER_H_INCLUDED

#include "zseq_bench_load.h"

#define ZSEQ_BENCH_NODES_MAX 9

typedef struct zseq_bench_cluster zseq_bench_cluster_t;

typedef struct {
    const char *zseqd;      //  Path of the program
    const char *directory;  //  Must exist; for the nodes' directories
    size_t nodes;           //  1..ZSEQ_BENCH_NODES_MAX
    double reserve_s;       //  As zseqd start --reserve
    const char *transport;  //  Of nodes and clients; NULL: the default
} zseq_bench_cluster_options_t;

//  Formats and starts nodes, on free ports of the loopback interface, and waits
//  until all vote. options is copied, its strings are not. Returns NULL, with
//  the reason on stderr, on failure. From then on the children's _wait fails if
//  a node ends by itself.
zseq_bench_cluster_t *
zseq_bench_cluster_new (zseq_bench_children_t *children,
                        const zseq_bench_cluster_options_t *options);

//  Ends the nodes. Their data stays, in the caller's directory.
void zseq_bench_cluster_destroy (zseq_bench_cluster_t **self_p);

//  Returns the URI for clients, which is valid as long as the cluster.
const char *zseq_bench_cluster_uri (const zseq_bench_cluster_t *self);

//  _stop ends a node; _kill does with SIGKILL. _wipe also deletes its data.
void zseq_bench_cluster_stop (zseq_bench_cluster_t *self, size_t index);
void zseq_bench_cluster_kill (zseq_bench_cluster_t *self, size_t index);
void zseq_bench_cluster_wipe (zseq_bench_cluster_t *self, size_t index);

//  Starts a node again and waits until it votes, for half an hour at most.
//  *ns_p is how long that took. A node that was wiped recovers from its peers.
int zseq_bench_cluster_start (zseq_bench_cluster_t *self, size_t index,
                              uint64_t *ns_p);

//  Returns the resident memory of a node, in bytes; 0: not known.
uint64_t zseq_bench_cluster_resident (const zseq_bench_cluster_t *self,
                                      size_t index);

//  Returns the processor time that the running nodes have used, in nanoseconds.
uint64_t zseq_bench_cluster_cpu_ns (const zseq_bench_cluster_t *self);

//  Reserves a free port of the loopback interface for a process that sets
//  SO_REUSEADDR, as zseqd and etcd do. Sets *fd_p to the socket that holds it,
//  or -1. Returns 0; or -1 with the reason on stderr.
int zseq_bench_reserve_port (int *fd_p, unsigned *port_p);

//  Deletes a file, or a directory with its contents. Reports on stderr what
//  cannot be deleted.
void zseq_bench_delete (const char *path);

//  Returns the nodes' process ids.
const pid_t *zseq_bench_cluster_pids (const zseq_bench_cluster_t *self,
                                      size_t *count_p);

#endif
