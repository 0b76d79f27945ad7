//  The processes that the bench starts. None outlives it: nodes and helpers are
//  ended by their ids when the object is destroyed, and by the kernel if the
//  bench itself is killed.
//
//  The bench's own process has no threads and no ZeroMQ context, so that it can
//  fork at any time. Everything that is measured runs in children.

#ifndef ZSEQ_BENCH_CHILDREN_H_INCLUDED
#define ZSEQ_BENCH_CHILDREN_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ZSEQ_BENCH_CHILDREN_MAX 2100
#define ZSEQ_BENCH_WAIT_S 30  //  Limit of the wait for quick steps

typedef struct zseq_bench_children zseq_bench_children_t;

//  What a forked child runs; its result is the child's exit status.
typedef int (zseq_bench_child_fn) (void *arg);

//  From now on SIGINT, SIGTERM and SIGHUP are blocked, and make the next _wait
//  fail instead. There is one object per process. Returns NULL, with the reason
//  on stderr, if the system refuses.
zseq_bench_children_t *zseq_bench_children_new (void);

//  Ends every child and waits. A child that was started by _exec gets SIGTERM
//  first.
void zseq_bench_children_destroy (zseq_bench_children_t **self_p);

//  Forks a child that runs fn (arg). what names it in messages. Returns its
//  id, or -1 with the reason on stderr.
pid_t zseq_bench_children_fork (zseq_bench_children_t *self, const char *what,
                                zseq_bench_child_fn *fn, void *arg);

//  Starts a program (found as execvp does) with those descriptors as its
//  standard input and output. Its standard error is read for as long as it
//  runs.
pid_t zseq_bench_children_exec (zseq_bench_children_t *self, const char *what,
                                char *const *arguments, int input, int output);

//  From now on it is an error if this child ends by itself.
void zseq_bench_children_need (zseq_bench_children_t *self, pid_t pid);

//  From now on it is none any more.
void zseq_bench_children_release (zseq_bench_children_t *self, pid_t pid);

//  Waits until a child has ended, written to standard error or called _ring, or
//  until the time (of zseq_bench_now_ns). Returns 0; or -1 with the reason on
//  stderr, once a signal has asked the bench to end or a needed child has
//  ended.
int zseq_bench_children_wait (zseq_bench_children_t *self, uint64_t until_ns);

//  In a forked child: wakes the _wait of the parent.
void zseq_bench_children_ring (zseq_bench_children_t *self);

//  Returns whether the child has ended. Then *status_p is its exit status, or
//  -1 if a signal ended it.
bool zseq_bench_children_ended (zseq_bench_children_t *self, pid_t pid,
                                int *status_p);

//  Waits, not forever, until a child ends by itself, and frees its entry.
//  Returns 0 if its exit status is 0; else -1 with the reason on stderr. A
//  forked child that ends with another status writes the reason itself.
int zseq_bench_children_finish (zseq_bench_children_t *self, pid_t pid);

//  Returns the last 4 KiB, at most, that the child wrote to standard error.
const char *zseq_bench_children_said (zseq_bench_children_t *self, pid_t pid);

//  Ends the child if it runs, and frees its entry. A child that was started by
//  _exec gets SIGTERM, and later SIGKILL; a forked child SIGKILL.
void zseq_bench_children_end (zseq_bench_children_t *self, pid_t pid);

//  Returns a monotonic time in nanoseconds.
uint64_t zseq_bench_now_ns (void);

//  Prints "zseq-bench: ", the text and a line feed to stderr. Returns -1.
int zseq_bench_fail (const char *format, ...)
  __attribute__ ((format (printf, 1, 2)));

//  Prints progress on stderr. On a terminal progress stays on one line, which
//  _end clears. _line is for steps that only a terminal shows.
void zseq_bench_progress (const char *format, ...)
  __attribute__ ((format (printf, 1, 2)));
void zseq_bench_progress_line (const char *format, ...)
  __attribute__ ((format (printf, 1, 2)));
void zseq_bench_progress_end (void);

#endif
