//  Writes and settles keys on behalf of clients (KV_WRITE, KV_SETTLE). Any node
//  can coordinate any key, and safety does not depend on the choice. It owns
//  the requests of clients, bounds them, and has a proposer (zseq_proposer)
//  that does the work. The node passes requests to _write, replies to _reply,
//  and calls _flush and _tick as time passes. Source: lib/doc/kv.md, section 5.

#ifndef ZSEQ_KV_COORDINATOR_H_INCLUDED
#define ZSEQ_KV_COORDINATOR_H_INCLUDED

#include "zseq_node.h"
#include "zseq_proposer.h"

typedef struct zseq_kv_coordinator zseq_kv_coordinator_t;

//  The hooks of a coordinator, which calls them during its own calls. A hook
//  must not call the coordinator, except zseq_kv_coordinator_reply with the
//  node's own reply.
typedef struct {
    void *arg;
    //  As of zseq_proposer_hooks_t.
    bool (*ask) (void *arg, uint8_t node, zseq_msg_t *msg);
    uint64_t (*draw) (void *arg);
    //  Passes a KV_WRITE or KV_SETTLE on to another node; its reply goes to
    //  _reply. False: the node was not heard of late.
    bool (*pass) (void *arg, uint8_t node, zseq_msg_t *msg);
    //  Answers a request of that sender: msg has op, request, status and the
    //  body.
    void (*answer) (void *arg, const zseq_sender_t *sender,
                    const zseq_msg_t *msg);
} zseq_kv_coordinator_hooks_t;

typedef struct {
    zseq_proposer_options_t proposer;
    size_t requests_max;  //  That wait at once
    size_t bytes_max;     //  Of their values
} zseq_kv_coordinator_options_t;

//  NULL: no memory.
zseq_kv_coordinator_t *
zseq_kv_coordinator_new (const zseq_kv_coordinator_options_t *options,
                         const zseq_kv_coordinator_hooks_t *hooks);
void zseq_kv_coordinator_destroy (zseq_kv_coordinator_t **self_p);

//  Accepts a KV_WRITE or KV_SETTLE; the answer comes later. promise: in force
//  in the key's shard, as far as the node knows. Errors: ZSEQ_EBUSY (too many
//  wait, of all senders or of this one, or no memory).
int zseq_kv_coordinator_write (zseq_kv_coordinator_t *self,
                               const zseq_sender_t *sender,
                               const zseq_msg_t *msg,
                               const zseq_ballot_t *promise, uint64_t now_us);

//  A shard has this promise in force, as far as the node knows.
void zseq_kv_coordinator_note (zseq_kv_coordinator_t *self, uint8_t shard,
                               const zseq_ballot_t *promise);

//  As of zseq_proposer.
void zseq_kv_coordinator_reply (zseq_kv_coordinator_t *self,
                                const zseq_msg_t *msg, uint64_t now_us);
void zseq_kv_coordinator_flush (zseq_kv_coordinator_t *self, uint64_t now_us);
void zseq_kv_coordinator_tick (zseq_kv_coordinator_t *self, uint64_t now_us);
uint64_t zseq_kv_coordinator_wake_us (const zseq_kv_coordinator_t *self);
const zseq_proposer_stats_t *
zseq_kv_coordinator_stats (const zseq_kv_coordinator_t *self);

//  The node ceased to vote: answers all waiting requests with status.
void zseq_kv_coordinator_end (zseq_kv_coordinator_t *self, int status);

#endif
