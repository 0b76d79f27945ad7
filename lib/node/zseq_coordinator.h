//  Claims on behalf of clients (NEXT). Any node can coordinate, and safety does
//  not depend on the choice: a coordinator's claims are like any client's. The
//  node passes requests to zseq_coordinator_next, replies to _reply, and calls
//  _flush and _tick as time passes; results come through the hooks. Source:
//  design.md, section 4, and wire.md, section 6.9.

#ifndef ZSEQ_COORDINATOR_H_INCLUDED
#define ZSEQ_COORDINATOR_H_INCLUDED

#include "zseq_batcher.h"
#include "zseq_node.h"

typedef struct zseq_coordinator zseq_coordinator_t;

//  The hooks of a coordinator, which calls them during its own calls. A hook
//  must not call the coordinator, except zseq_coordinator_reply with the node's
//  own reply.
typedef struct {
    void *arg;
    //  Sets the cluster of a READ, CLAIM or NEXT, and sends it to a node, which
    //  may be this one. False: the node is unreachable now.
    bool (*ask) (void *arg, uint8_t node, zseq_msg_t *msg);
    //  Answers a NEXT: msg has op, request, status and the body.
    void (*answer) (void *arg, const zseq_sender_t *sender,
                    const zseq_msg_t *msg);
    //  A request ID that was never used before.
    uint64_t (*draw) (void *arg);
    //  Whether nothing of a sequence was ever claimed or raised. _forget frees
    //  such a one, for which no NEXT waits here.
    bool (*untouched) (void *arg, const zseq_sequence_t *sequence);
    void (*forget) (void *arg, zseq_sequence_t *sequence);
} zseq_coordinator_hooks_t;

//  A coordinator of a node in a cluster. rank, which is copied, ranks the nodes
//  and names its own. At most requests_max NEXTs wait at once. NULL: no memory.
zseq_coordinator_t *
zseq_coordinator_new (const zseq_coordinator_rank_t *rank, size_t requests_max,
                      const zseq_coordinator_hooks_t *hooks);
void zseq_coordinator_destroy (zseq_coordinator_t **self_p);

//  Whether one more NEXT of that sender may wait.
bool zseq_coordinator_has_capacity (const zseq_coordinator_t *self,
                                    const zseq_sender_t *sender);

//  Accepts a NEXT for sequence's name; the answer comes later. A sequence of
//  which no NEXT has won anything is forgotten when none waits for it. Errors:
//  ZSEQ_EBUSY (too many wait, of all senders or of this one, or no memory).
int zseq_coordinator_next (zseq_coordinator_t *self, zseq_sequence_t *sequence,
                           const zseq_sender_t *sender, const zseq_msg_t *msg,
                           uint64_t now_us);

//  Whether a client of that sender has no NEXT here; and when a refused one
//  may be sent again, in microseconds from now, 1 or more.
bool zseq_coordinator_has_none (const zseq_coordinator_t *self,
                                const zseq_sender_t *sender);
uint64_t zseq_coordinator_retry_us (const zseq_coordinator_t *self);

//  What its claims have come to.
void zseq_coordinator_stats (const zseq_coordinator_t *self,
                             zseq_batcher_stats_t *stats);

//  All requests that had arrived are accepted: sends the claims that are due.
void zseq_coordinator_flush (zseq_coordinator_t *self, uint64_t now_us);

//  A node's reply to a READ, CLAIM or NEXT. A reply to no request in flight is
//  ignored. May be called from ask.
void zseq_coordinator_reply (zseq_coordinator_t *self, const zseq_msg_t *msg,
                             uint64_t now_us);

//  Time has passed; a flush follows. And the latest time of the next tick.
void zseq_coordinator_tick (zseq_coordinator_t *self, uint64_t now_us);
uint64_t zseq_coordinator_wake_us (const zseq_coordinator_t *self);

//  The node ceased to vote: answers all waiting NEXTs with status.
void zseq_coordinator_end (zseq_coordinator_t *self, int status);

#endif
