//  A cluster of real nodes, each on a host of its own, and clients on others,
//  who write down what they are given. What goes wrong here ends the test
//  (zseq_process_fail) and prints the logs.
//
//  A client is able while it reaches W nodes that vote, and unable while it
//  does not; what it must do and must not follows from that. Its keys depend on
//  coordinators: while it reaches a node that reaches a majority, it must read
//  and write them, and while no chain of nodes leads to one, it cannot write.

#ifndef ZSEQ_NETCLUSTER_H_INCLUDED
#define ZSEQ_NETCLUSTER_H_INCLUDED

#include "zseq_netns.h"

#include <stdint.h>

//  Hosts of clients, after those of the nodes; and clients on each.
#define ZSEQ_NETCLUSTER_STANDS 3
#define ZSEQ_NETCLUSTER_CLIENTS (2 * ZSEQ_NETCLUSTER_STANDS)

typedef struct zseq_netcluster zseq_netcluster_t;

//  n nodes that vote, with clients at work; what is random follows from seed.
//  ZSEQ_CRASH_ZSEQD is the daemon to run instead of the one that was built.
//  With clocks, the nodes' wall clocks can be set.
zseq_netcluster_t *zseq_netcluster_new (size_t n, uint64_t seed, bool clocks);

//  The clients must have been judged.
void zseq_netcluster_destroy (zseq_netcluster_t **self_p);

size_t zseq_netcluster_nodes (const zseq_netcluster_t *self);
zseq_netns_t *zseq_netcluster_netns (zseq_netcluster_t *self);
uint64_t zseq_netcluster_below (zseq_netcluster_t *self, uint64_t bound);

//  Whether nodes' wall clocks can be set here; if not, says why.
bool zseq_netcluster_has_clocks (void);

//  Sets a node's wall clock to so many seconds from the true time.
void zseq_netcluster_set_clock (zseq_netcluster_t *self, size_t node,
                                int64_t offset_s);

//  Nodes.

//  What becomes of a node's disk: it stays; it is lost; the one that was lost
//  last is put back in the place of the present one.
typedef enum {
    ZSEQ_NETCLUSTER_KEPT,
    ZSEQ_NETCLUSTER_LOST,
    ZSEQ_NETCLUSTER_OLD,
} zseq_netcluster_disk_t;

//  SIGKILL, and started again, without waiting for its vote.
void zseq_netcluster_restart (zseq_netcluster_t *self, size_t node,
                              zseq_netcluster_disk_t disk);

//  Whether it reaches enough peers to vote after such a restart: a majority of
//  N to recover from, or N - majority that know no newer incarnation of it.
bool zseq_netcluster_can_vote (const zseq_netcluster_t *self, size_t node,
                               zseq_netcluster_disk_t disk);

//  Waits until a restarted node votes.
void zseq_netcluster_must_vote (zseq_netcluster_t *self, size_t node);

//  The same, and fails unless it has recovered first.
void zseq_netcluster_must_recover (zseq_netcluster_t *self, size_t node);

//  Fails if a restarted node has voted before the test waited for it.
void zseq_netcluster_may_not_vote (zseq_netcluster_t *self, size_t node);

//  SIGSTOP and SIGCONT. It has stopped when it returns.
void zseq_netcluster_pause (zseq_netcluster_t *self, size_t node, bool pause);
void zseq_netcluster_pause_client (zseq_netcluster_t *self, size_t client,
                                   bool pause);

//  Clients.

//  From now on, until the end of the watch, no unable client may be given
//  anything that it asks for. Who is able must not change meanwhile.
void zseq_netcluster_watch (zseq_netcluster_t *self);
void zseq_netcluster_watch_end (zseq_netcluster_t *self);

//  During a watch: waits until every able client was given IDs and every
//  unable one got errors, and until every client that can use keys has. A
//  client whose host is slow or that is paused is passed over.
void zseq_netcluster_hold (zseq_netcluster_t *self);

//  During a watch: lets so much time pass, and prints the longest time in which
//  a client that can use keys could not read, or not write. Fails if that is
//  far more than a second.
void zseq_netcluster_hold_keys (zseq_netcluster_t *self, uint64_t ms);

//  Marks a host as slow.
void zseq_netcluster_set_slow (zseq_netcluster_t *self, size_t host, bool slow);

//  Lets time pass: how long a fault lasts.
void zseq_netcluster_last (uint64_t ms);

//  Nothing is wrong any more: waits until all nodes vote and every client was
//  given IDs.
void zseq_netcluster_must_progress (zseq_netcluster_t *self);

//  The same, then ends the clients; every host must see all nodes vote. Judges
//  all that was handed out; returns whether it was right.
bool zseq_netcluster_judge (zseq_netcluster_t *self);

//  Counts over all clusters of this process, printed.
void zseq_netcluster_print (void);

#endif
