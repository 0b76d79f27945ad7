//  A closed-loop load: so many processes times so many threads, each of which
//  repeats one operation as fast as it can, measured over one window of time.
//  Everything that the bench measures, cases and floors, is such an
//  operation.

#ifndef ZSEQ_BENCH_LOAD_H_INCLUDED
#define ZSEQ_BENCH_LOAD_H_INCLUDED

#include "zseq_bench_children.h"
#include "zseq_bench_histogram.h"

#define ZSEQ_BENCH_TEXT_MAX 512  //  Bytes in a reason, with its end

//  What an operation counts besides time, since it was opened.
typedef struct {
    uint64_t claims;     //  Claims that succeeded
    uint64_t conflicts;  //  Attempts that another client beat
    uint64_t burnt;      //  IDs claimed, or perhaps, and never handed out
    uint64_t timeouts;   //  Calls that failed at their deadline, then repeated
} zseq_bench_counts_t;

void zseq_bench_counts_add (zseq_bench_counts_t *self,
                            const zseq_bench_counts_t *other);

//  Runs in the measured processes. Functions that can fail return 0, or -1
//  with the reason in text (ZSEQ_BENCH_TEXT_MAX bytes).
typedef struct {
    //  Once per process, before its threads start. arg is the load's; process
    //  counts from 0.
    int (*open) (const void *arg, size_t process, void **context_p, char *text);
    //  Does the operation count times. On each thread; last is a word of the
    //  thread's own, 0 at first.
    int (*repeat) (void *context, size_t count, uint64_t *last, char *text);
    //  How long the last operation took, on the thread of its repeat, where
    //  several are under way at once, and stretch is 1; or NULL: as its call.
    uint64_t (*wait_ns) (void *context);
    //  Sets counts, which are zeros, to what was counted; or NULL.
    void (*count) (void *context, zseq_bench_counts_t *counts);
    void (*close) (void *context);
} zseq_bench_operation_t;

typedef struct {
    const zseq_bench_operation_t *operation;
    const void *arg;
    size_t processes;    //  1..ZSEQ_BENCH_PROCESSES_MAX
    size_t threads;      //  In each process, 1..ZSEQ_BENCH_THREADS_MAX
    size_t stretch;      //  Operations per look at the clock, at least 1
    double seconds;      //  Length of the window
    const pid_t *nodes;  //  Processes whose time is measured too
    size_t node_count;
} zseq_bench_load_t;

#define ZSEQ_BENCH_PROCESSES_MAX 32
#define ZSEQ_BENCH_THREADS_MAX 256

typedef struct {
    zseq_bench_histogram_t waits;  //  Nanoseconds per operation, from its call
                                   //  to its return, of those begun in the
                                   //  window
    uint64_t done;                 //  Operations that returned in the window
    uint64_t window_ns;
    uint64_t cpu_clients_ns;  //  Processor time of the clients, in the window
    uint64_t cpu_nodes_ns;    //  The same of load->nodes
    zseq_bench_counts_t counts;  //  In the window
    double fairness;             //  Slowest client's done / fastest client's
} zseq_bench_sample_t;

//  Runs the load once, after a short warm-up. Returns 0; or -1 with the reason
//  on stderr. No child of the load is left either way.
int zseq_bench_load_run (const zseq_bench_load_t *load,
                         zseq_bench_children_t *children,
                         zseq_bench_sample_t *sample);

//  The processor time that another process has used, nanoseconds; 0 if it has
//  ended.
uint64_t zseq_bench_process_cpu_ns (pid_t pid);

//  A new sample, all zeros, or NULL with the reason on stderr; free () it.
zseq_bench_sample_t *zseq_bench_sample_new (void);

#endif
