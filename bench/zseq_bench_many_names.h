//  Many claims in flight, over many names, from one thread: the requests of
//  thousands of clients, without their cost. It speaks the wire protocol
//  (lib/doc/wire.md) with the codec and the sockets of the library. It checks
//  none of the rules that the library has to keep.

#ifndef ZSEQ_BENCH_MANY_NAMES_H_INCLUDED
#define ZSEQ_BENCH_MANY_NAMES_H_INCLUDED

#include "zseq_bench_load.h"

#include <stdatomic.h>

//  Half of the messages that may queue for one connection. libzmq lets a sender
//  that was stopped go on only when half of the queue is empty.
#define ZSEQ_BENCH_MANY_NAMES_MAX 500

//  Claims are of one ID each. A name is the prefix and a number.
typedef struct {
    const char *uri;  //  All nodes, ordered by name
    const char *prefix;
    size_t claims;   //  In flight, 1..ZSEQ_BENCH_MANY_NAMES_MAX
    uint64_t limit;  //  Numbers are below it
    uint64_t *next;  //  By number, in memory that outlives the process:
                     //  the lowest ID not asked for. NULL: not kept
    _Atomic uint64_t *fresh;  //  The number of the next new name, in memory
                              //  that processes share. NULL: names are drawn
                              //  at random, by one process at a time
} zseq_bench_many_names_t;

//  An operation is a claim. It is done, and timed, when W nodes have accepted
//  it. The next one takes its place when all nodes have answered, so that the
//  slowest node does not fall further and further behind. A claim without an
//  answer for seconds is sent again, and counted as a timeout. The argument of
//  the load has fresh NULL; the load has one process, one thread and stretch 1.
extern const zseq_bench_operation_t zseq_bench_many_names;

//  Claims one ID of each name from *fresh to limit, at all nodes, and adds to
//  waits and counts. Returns 0; or -1 with the reason in text. Several
//  processes may share the work.
int zseq_bench_many_names_fill (const zseq_bench_many_names_t *many_names,
                                zseq_bench_histogram_t *waits,
                                zseq_bench_counts_t *counts, char *text);

#endif
