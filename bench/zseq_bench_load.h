//  A closed-loop load: a number of processes with a number of threads each.
//  Every thread repeats one operation as fast as it can, and is measured over
//  one window of time. All that the bench measures, cases and floors, is such
//  an operation.

#ifndef ZSEQ_BENCH_LOAD_H_INCLUDED
#define ZSEQ_BENCH_LOAD_H_INCLUDED

#include "zseq_bench_children.h"
#include "zseq_bench_histogram.h"

#define ZSEQ_BENCH_TEXT_MAX 512  //  Bytes in a reason, with its NUL

//  Numbers of errors of the library lie below it, as -ZSEQ_EINVAL.
#define ZSEQ_BENCH_ERRORS 32

//  What an operation counts besides time, since it was opened.
typedef struct {
    uint64_t claims;     //  Claims that succeeded
    uint64_t conflicts;  //  Attempts that another client beat
    uint64_t burnt;      //  IDs claimed, or perhaps, and never handed out
    uint64_t timeouts;   //  Calls that failed at their deadline, then repeated
    uint64_t unknown;    //  Writes that failed, and may have been done
    uint64_t failed[ZSEQ_BENCH_ERRORS];  //  Calls that failed, by the number
                                         //  of their error, and were given up
} zseq_bench_counts_t;

void zseq_bench_counts_add (zseq_bench_counts_t *self,
                            const zseq_bench_counts_t *other);

//  Calls that failed and were given up, whatever the error.
uint64_t zseq_bench_counts_failed (const zseq_bench_counts_t *self);

//  Runs in the measured processes. Functions that can fail return 0, or -1
//  with the reason in text (ZSEQ_BENCH_TEXT_MAX bytes).
typedef struct {
    //  Called once per process, before its threads start. arg is the load's.
    //  process counts from 0.
    int (*open) (const void *arg, size_t process, void **context_p, char *text);
    //  Instead, _open, _count and _close once per thread, on that thread;
    //  process is then the number of the thread among all.
    bool per_thread;
    //  Does the operation count times. On each thread; last is a word of the
    //  thread's own, 0 at first. 1 instead of 0 if it failed in a way that is
    //  counted: then it is timed, but not done.
    int (*repeat) (void *context, size_t count, uint64_t *last, char *text);
    //  Returns how long the last operation took, in the thread of its repeat.
    //  NULL: as long as the call. Needed if several operations are in flight,
    //  where stretch is 1.
    uint64_t (*wait_ns) (void *context);
    //  Sets counts, which are zeros, to what was counted. NULL: nothing is.
    void (*count) (void *context, zseq_bench_counts_t *counts);
    void (*close) (void *context);
} zseq_bench_operation_t;

typedef struct {
    const zseq_bench_operation_t *operation;
    const void *arg;
    size_t processes;    //  1..ZSEQ_BENCH_PROCESSES_MAX
    size_t threads;      //  In each process, 1..ZSEQ_BENCH_THREADS_MAX
    size_t stretch;      //  Operations per reading of the clock
    double seconds;      //  Length of the window
    uint64_t burst;      //  0; or the operations of each thread: all threads
                         //  begin together when the window opens, without a
                         //  warm-up, and it closes with the last operation,
                         //  after seconds at the latest
    bool together;       //  Threads wait for each other once each has done an
                         //  operation: libzmq accepts connections slowly while
                         //  others are in use. Not with burst
    double limit_s;      //  How long all threads may take to get ready for the
                         //  window, then for their last operation; 0: as long
                         //  as quick ones need
    const pid_t *nodes;  //  Processes whose time is measured too
    size_t node_count;
    void (*midway) (void *arg);  //  NULL; or called by the bench's own process
    void *midway_arg;            //  in the middle of the window. Not with burst
} zseq_bench_load_t;

#define ZSEQ_BENCH_PROCESSES_MAX 2000
#define ZSEQ_BENCH_THREADS_MAX 256

typedef struct {
    zseq_bench_histogram_t waits;  //  Durations of operations that began
                                   //  in the window, nanoseconds
    uint64_t done;                 //  Operations that ended in the window
    uint64_t window_ns;
    bool cut;  //  Not all operations of a burst were done in time
    uint64_t cpu_clients_ns;  //  Processor time of the clients, in the window
    uint64_t cpu_nodes_ns;    //  The same of load->nodes
    zseq_bench_counts_t counts;  //  In the window
    double fairness;             //  Slowest client's done / fastest client's
} zseq_bench_sample_t;

//  Runs the load once, after a short warm-up. Returns 0; or -1 with the reason
//  on stderr. In either case no child of the load is left.
int zseq_bench_load_run (const zseq_bench_load_t *load,
                         zseq_bench_children_t *children,
                         zseq_bench_sample_t *sample);

//  Returns the processor time that another process has used, in nanoseconds; 0:
//  it has ended.
uint64_t zseq_bench_process_cpu_ns (pid_t pid);

//  Returns a new sample, all zeros; NULL, with the reason on stderr, on
//  failure. Free it with free ().
zseq_bench_sample_t *zseq_bench_sample_new (void);

#endif
