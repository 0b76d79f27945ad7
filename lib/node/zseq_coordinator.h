//  A node that claims on behalf of clients (NEXT). Any node will do, and safety
//  does not rest on it: its claims are claims like any client's. Source:
//  design.md, section 4, and wire.md, section 6.9.

#ifndef ZSEQ_COORDINATOR_H_INCLUDED
#define ZSEQ_COORDINATOR_H_INCLUDED

#include "zseq_batcher.h"
#include "zseq_node.h"

typedef struct zseq_coordinator zseq_coordinator_t;

//  What a coordinator has done for it, during its calls, which must not be
//  called from there; but for the replies of the node itself, see _reply.
typedef struct {
    void *arg;
    //  Sets the cluster of a READ or CLAIM, and sends it to a node, which may be
    //  the coordinator itself. False: it cannot be reached now.
    bool (*ask) (void *arg, uint8_t node, zseq_msg_t *msg);
    //  Answers a NEXT: msg has op, request, status and the body.
    void (*answer) (void *arg, const zseq_sender_t *sender,
                    const zseq_msg_t *msg);
    //  A request ID that was never used before.
    uint64_t (*draw) (void *arg);
} zseq_coordinator_hooks_t;

//  A coordinator in a cluster of n nodes. At most requests_max NEXTs wait in
//  it at once. NULL: no memory.
zseq_coordinator_t *
zseq_coordinator_new (size_t n, size_t requests_max,
                      const zseq_coordinator_hooks_t *hooks);
void zseq_coordinator_destroy (zseq_coordinator_t **self_p);

//  Takes in a NEXT for sequence's name, to be answered later. Errors: ZSEQ_EBUSY
//  (too many wait, or no memory).
int zseq_coordinator_next (zseq_coordinator_t *self, zseq_sequence_t *sequence,
                           const zseq_sender_t *sender, const zseq_msg_t *msg,
                           uint64_t now_us);

//  All that waited has been taken in: sends the claims that are due.
void zseq_coordinator_flush (zseq_coordinator_t *self, uint64_t now_us);

//  The reply of a node to what was asked. One that does not answer a question
//  under way is ignored. May be called from ask.
void zseq_coordinator_reply (zseq_coordinator_t *self, const zseq_msg_t *msg,
                             uint64_t now_us);

//  Time has passed; a flush is to follow. And when to tick next at the latest.
void zseq_coordinator_tick (zseq_coordinator_t *self, uint64_t now_us);
uint64_t zseq_coordinator_wake_us (const zseq_coordinator_t *self);

//  The node votes no more: answers all that wait with status, and forgets them.
void zseq_coordinator_end (zseq_coordinator_t *self, int status);

#endif
