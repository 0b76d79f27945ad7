//  A crowd on one name: clients with connections of their own, each a thread,
//  draw IDs without a buffer, all at once or one after the other for a while.

#ifndef ZSEQ_BENCH_CONTENTION_H_INCLUDED
#define ZSEQ_BENCH_CONTENTION_H_INCLUDED

#include "zseq_bench_load.h"

//  Open files at most: of a client, of a node for each client, and what a
//  process has besides.
#define ZSEQ_BENCH_FILES_CLIENT 16
#define ZSEQ_BENCH_FILES_NODE 2
#define ZSEQ_BENCH_FILES_OTHER 256

typedef struct {
    const char *uri;
    const char *name;  //  Of the sequence: a new one, so that all that the
                       //  crowd burns can be seen
    const char *warm;  //  NULL; or before the window each client draws an ID
                       //  of a sequence of its own, of this name and a number
    uint64_t burst;    //  As the load's
    uint64_t calls_each;  //  0; or a client makes so many calls, and then a new
                          //  one takes its place
    size_t processes;     //  As the load's, as all that follows
    size_t threads;
    double seconds;
    const pid_t *nodes;
    size_t node_count;
} zseq_bench_contention_t;

//  What became of the sequence.
typedef struct {
    uint64_t ids;   //  That were handed out, in the window or not
    uint64_t next;  //  Of the sequence, afterwards; 0: it cannot be told
} zseq_bench_used_t;

//  Runs the crowd once. Calls that fail are counted, and given up. Returns 0;
//  or -1 with the reason on stderr, also when an ID was handed out twice, or
//  after a higher one.
int zseq_bench_contention_run (const zseq_bench_contention_t *self,
                               zseq_bench_children_t *children,
                               zseq_bench_sample_t *sample,
                               zseq_bench_used_t *used);

//  Whether processes of this user may open as many files as the crowd, and the
//  nodes of a cluster of ours, need; else false with the reason in text
//  (ZSEQ_BENCH_TEXT_MAX bytes).
bool zseq_bench_contention_fits (size_t processes, size_t threads, char *text);

#endif
