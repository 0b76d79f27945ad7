//  Many claims under way at once, over many names, from one thread: what
//  thousands of clients would ask for, without the cost of thousands of
//  clients. Straight on the wire (lib/doc/wire.md) with the codec and the
//  sockets of the library; it judges nothing that the library has to.

#ifndef ZSEQ_BENCH_MANY_NAMES_H_INCLUDED
#define ZSEQ_BENCH_MANY_NAMES_H_INCLUDED

#include "zseq_bench_load.h"

#include <stdatomic.h>

//  Half of the messages that may wait for one connection, as libzmq lets the
//  sender go on only when half of them have been taken.
#define ZSEQ_BENCH_MANY_NAMES_MAX 500

//  Claims are of one ID each, of names that are prefix and a number.
typedef struct {
    const char *uri;  //  All nodes, in the order of their names
    const char *prefix;
    size_t claims;   //  Under way at once, 1..ZSEQ_BENCH_MANY_NAMES_MAX
    uint64_t limit;  //  Numbers lie below it
    uint64_t *next;  //  By number, in memory that outlives the process: the
                     //  lowest ID that was not asked for yet. NULL: not kept
    _Atomic uint64_t *fresh;  //  The number of the next name that is new, in
                              //  memory that processes share. NULL: names are
                              //  drawn at random, by one process at a time
} zseq_bench_many_names_t;

//  Operations are claims, done and timed when W nodes have accepted; the next
//  one is sent in its place when all nodes have answered, so that the slowest
//  does not fall behind for ever. What is not answered in seconds is asked
//  again and counted as a timeout. The load's argument is many names with fresh
//  NULL; one process, one thread, stretch 1.
extern const zseq_bench_operation_t zseq_bench_many_names;

//  Claims one ID of each name from *fresh to limit, at all nodes, and adds
//  to waits and counts. Returns 0; or -1 with the reason in
//  text. Several processes may share the work.
int zseq_bench_many_names_fill (const zseq_bench_many_names_t *many_names,
                                zseq_bench_histogram_t *waits,
                                zseq_bench_counts_t *counts, char *text);

#endif
