//  A cluster of real zseqd processes for a test, on loopback ports that are its
//  own as long as it runs, in a temporary directory. What goes wrong
//  here ends the test (zseq_process_fail). A cluster that is not destroyed when
//  the test ends belongs to a test that failed: then its logs are printed, and
//  its processes ended and its directory removed all the same.

#ifndef ZSEQ_CLUSTER_H_INCLUDED
#define ZSEQ_CLUSTER_H_INCLUDED

#include "zseq.h"

#include <sys/types.h>

typedef struct zseq_cluster zseq_cluster_t;

#define ZSEQ_CLUSTER_URI_MAX 512

//  A cluster of that name, of n nodes (1..ZSEQ_NODES_MAX) called a, b, c and
//  so on, formatted and not started. zseqd is the daemon's path, NULL for the
//  one that was built.
zseq_cluster_t *zseq_cluster_new (const char *name, size_t n,
                                  const char *zseqd);
void zseq_cluster_destroy (zseq_cluster_t **self_p);

//  Formats the node's directory, which must not be there.
void zseq_cluster_format (zseq_cluster_t *self, size_t node);

//  Removes the node's directory: a lost disk.
void zseq_cluster_lose (zseq_cluster_t *self, size_t node);

//  Starts a node, or all, and waits until they say that they vote.
void zseq_cluster_start (zseq_cluster_t *self, size_t node);
void zseq_cluster_start_all (zseq_cluster_t *self);

//  Starts a node and does not wait; waits until a started one votes.
void zseq_cluster_spawn (zseq_cluster_t *self, size_t node);
void zseq_cluster_ready (zseq_cluster_t *self, size_t node);

//  Sends a signal to a node, or waits for its end; both return its exit
//  status as zseq_process_wait.
int zseq_cluster_stop (zseq_cluster_t *self, size_t node, int signal);
int zseq_cluster_wait (zseq_cluster_t *self, size_t node);

//  Waits for the end of any node that runs; returns which one it was.
size_t zseq_cluster_wait_any (zseq_cluster_t *self, int *status_p);

//  SIGKILL, and gone when it returns.
void zseq_cluster_kill (zseq_cluster_t *self, size_t node);

//  SIGSTOP and SIGCONT.
void zseq_cluster_pause (zseq_cluster_t *self, size_t node);
void zseq_cluster_resume (zseq_cluster_t *self, size_t node);

//  All nodes' endpoints as a client wants them.
const char *zseq_cluster_uri (const zseq_cluster_t *self);

//  What belongs to a node, or to all: owned by the cluster.
const char *zseq_cluster_endpoint (const zseq_cluster_t *self, size_t node);
const char *zseq_cluster_members (const zseq_cluster_t *self);
const char *zseq_cluster_directory (const zseq_cluster_t *self, size_t node);
const char *zseq_cluster_log (const zseq_cluster_t *self, size_t node);
const char *zseq_cluster_zseqd (const zseq_cluster_t *self);
pid_t zseq_cluster_pid (const zseq_cluster_t *self, size_t node);

//  The temporary directory, where a test may put files of its own.
const char *zseq_cluster_path (const zseq_cluster_t *self);

//  Runs a zseqd to its end with the arguments given, the last one NULL, its
//  messages in the log of that node. Returns its exit status.
int zseq_cluster_run (zseq_cluster_t *self, size_t node, ...)
  __attribute__ ((sentinel));

//  Whether the node's log contains text.
bool zseq_cluster_logged (const zseq_cluster_t *self, size_t node,
                          const char *text);

#endif
