//  A cluster of real nodes, each on a host of its own, and clients on others,
//  who write down what they are given. What goes wrong here ends the test
//  (zseq_process_fail) and prints the logs.
//
//  A client is able while it reaches W nodes that vote, and unable while it
//  does not; what it must do and must not follows from that.

#ifndef ZSEQ_FIELD_H_INCLUDED
#define ZSEQ_FIELD_H_INCLUDED

#include "zseq_net.h"

#include <stdint.h>

//  Hosts of clients, after those of the nodes; and clients on each.
#define ZSEQ_FIELD_STANDS 3
#define ZSEQ_FIELD_CLIENTS (2 * ZSEQ_FIELD_STANDS)

typedef struct zseq_field zseq_field_t;

//  n nodes that vote, with clients at work; what is random follows from seed.
//  ZSEQ_CRASH_ZSEQD is the daemon to run instead of the one that was built.
//  With clocks, the nodes' wall clocks can be set.
zseq_field_t *zseq_field_new (size_t n, uint64_t seed, bool clocks);

//  The clients must have been judged.
void zseq_field_destroy (zseq_field_t **self_p);

size_t zseq_field_nodes (const zseq_field_t *self);
zseq_net_t *zseq_field_net (zseq_field_t *self);
uint64_t zseq_field_below (zseq_field_t *self, uint64_t bound);

//  Whether nodes' wall clocks can be set here; if not, says why.
bool zseq_field_has_clocks (void);

//  Sets a node's wall clock to so many seconds from the true time.
void zseq_field_set_clock (zseq_field_t *self, size_t node, int64_t offset_s);

//  Nodes.

//  What becomes of a node's disk: it stays; it is lost; the one that was lost
//  last is put back in the place of the present one.
typedef enum {
    ZSEQ_FIELD_KEPT,
    ZSEQ_FIELD_LOST,
    ZSEQ_FIELD_OLD,
} zseq_field_disk_t;

//  SIGKILL, and started again, without waiting for its vote.
void zseq_field_restart (zseq_field_t *self, size_t node,
                         zseq_field_disk_t disk);

//  Whether it reaches enough peers to vote after such a restart: a majority of
//  N to recover from, or N - majority that know no newer life of it.
bool zseq_field_can_vote (const zseq_field_t *self, size_t node,
                          zseq_field_disk_t disk);

//  Waits until a restarted node votes.
void zseq_field_must_vote (zseq_field_t *self, size_t node);

//  The same, and fails unless it has recovered first.
void zseq_field_must_recover (zseq_field_t *self, size_t node);

//  Fails if a restarted node that nobody has waited for has voted.
void zseq_field_may_not_vote (zseq_field_t *self, size_t node);

//  SIGSTOP and SIGCONT. It has stopped when it returns.
void zseq_field_pause (zseq_field_t *self, size_t node, bool pause);
void zseq_field_pause_client (zseq_field_t *self, size_t client, bool pause);

//  Clients.

//  From now on, until the end of the watch, no unable client may be given
//  anything that it asks for. Who is able must not change meanwhile.
void zseq_field_watch (zseq_field_t *self);
void zseq_field_watch_end (zseq_field_t *self);

//  During a watch: waits until every able client was given IDs and every
//  unable one got errors. A client whose host is slow or that is paused is
//  passed over.
void zseq_field_hold (zseq_field_t *self);

//  Marks a host as slow.
void zseq_field_set_slow (zseq_field_t *self, size_t host, bool slow);

//  Lets time pass: how long a fault lasts.
void zseq_field_last (uint64_t ms);

//  Nothing is wrong any more: waits until all nodes vote and every client was
//  given IDs.
void zseq_field_must_progress (zseq_field_t *self);

//  The same, then ends the clients; every host must see all nodes vote. Judges
//  all that was handed out; returns whether it was right.
bool zseq_field_judge (zseq_field_t *self);

//  Counts over all fields of this process, printed.
void zseq_field_tell (void);

#endif
