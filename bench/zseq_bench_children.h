//  The processes that the bench starts, and nothing that outlives it: nodes
//  and helpers are ended by their id when it is destroyed, and by the
//  kernel if the bench itself is killed.
//
//  The bench's own process stays without threads and without ZeroMQ, so that
//  it can fork at any time; whatever is measured runs in children.

#ifndef ZSEQ_BENCH_CHILDREN_H_INCLUDED
#define ZSEQ_BENCH_CHILDREN_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ZSEQ_BENCH_CHILDREN_MAX 64
#define ZSEQ_BENCH_WAIT_S 30  //  Limit of the wait for quick steps

typedef struct zseq_bench_children zseq_bench_children_t;

//  What a forked child runs; its result is the child's exit status.
typedef int (zseq_bench_child_fn) (void *arg);

//  From now on SIGINT, SIGTERM and SIGHUP are held back and end the next
//  _wait instead. One per process. NULL, and the reason on stderr, if
//  the system refuses.
zseq_bench_children_t *zseq_bench_children_new (void);

//  Ends every child, politely where it was started by _exec, and waits.
void zseq_bench_children_destroy (zseq_bench_children_t **self_p);

//  Forks a child that runs fn (arg). what names it in messages. Returns its
//  id, or -1 with the reason on stderr.
pid_t zseq_bench_children_fork (zseq_bench_children_t *self, const char *what,
                                zseq_bench_child_fn *fn, void *arg);

//  Starts a program (found as execvp does) whose standard input and output are
//  those descriptors. Its standard error is read for as long as it
//  incarnations.
pid_t zseq_bench_children_exec (zseq_bench_children_t *self, const char *what,
                                char *const *arguments, int input, int output);

//  From now on it is an error if that child ends by itself.
void zseq_bench_children_need (zseq_bench_children_t *self, pid_t pid);

//  Waits until a child ended, said something or rang, or the time (of
//  zseq_bench_now_ns) has come. Returns 0; or -1 with the reason on stderr,
//  once a signal asked the bench to end or a needed child has ended.
int zseq_bench_children_wait (zseq_bench_children_t *self, uint64_t until_ns);

//  In a forked child: wakes the _wait of its parent.
void zseq_bench_children_ring (zseq_bench_children_t *self);

//  Whether the child has ended; then *status_p is its exit status, or -1 if a
//  signal ended it.
bool zseq_bench_children_ended (zseq_bench_children_t *self, pid_t pid,
                                int *status_p);

//  Waits, not forever, for the end of a child that is to end by itself, and
//  forgets it. Returns 0 if its exit status is 0; else -1 with the reason on
//  stderr, which a forked child that ends with another status writes itself.
int zseq_bench_children_finish (zseq_bench_children_t *self, pid_t pid);

//  The last 4 KiB, at most, of what the child wrote to standard error.
const char *zseq_bench_children_said (zseq_bench_children_t *self, pid_t pid);

//  Ends the child if need be, with SIGTERM (then SIGKILL) if it was started
//  by _exec, else with SIGKILL, and forgets it.
void zseq_bench_children_end (zseq_bench_children_t *self, pid_t pid);

//  A monotonic clock, nanoseconds.
uint64_t zseq_bench_now_ns (void);

//  Prints "zseq-bench: ", the text and a line feed to stderr. Returns -1.
int zseq_bench_fail (const char *format, ...)
  __attribute__ ((format (printf, 1, 2)));

//  Progress goes to stderr; on a terminal it stays on one line, which _end
//  clears. _line is for steps that only a terminal shows.
void zseq_bench_progress (const char *format, ...)
  __attribute__ ((format (printf, 1, 2)));
void zseq_bench_progress_line (const char *format, ...)
  __attribute__ ((format (printf, 1, 2)));
void zseq_bench_progress_end (void);

#endif
