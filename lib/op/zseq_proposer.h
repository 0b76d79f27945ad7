//  Proposes values for registers: what a node does as coordinator of the
//  key-value store. All requests for a key that wait at the same time share a
//  proposal. A process takes a ballot for a shard once, with its first request
//  there; from then on a write is one ACCEPT, until another proposer takes the
//  shard. Any number of proposers may work at once, also on one key; safety
//  does not depend on who proposes. Source: lib/doc/kv.md, K1 and K4 to K11.
//
//  The owner calls _add for each request, _reply for each reply, _tick as time
//  passes, and _flush after any of them.

#ifndef ZSEQ_PROPOSER_H_INCLUDED
#define ZSEQ_PROPOSER_H_INCLUDED

#include "zseq_msg.h"
#include "zseq_quorum.h"

typedef struct zseq_proposer zseq_proposer_t;

//  A client's op on a key, which the owner keeps until it is done.
typedef struct zseq_kv_request {
    zseq_kv_op_t op;  //  The owner also keeps the bytes of its value
    uint64_t deadline_us;
    bool tried;  //  Another proposal or another node may have applied it; false
                 //  if the op has just arrived
    bool relayed;  //  Another node has passed it on

    //  The answer. status is that of zseq_kv_outcome_t; or of _end; or
    //  ZSEQ_ETIMEOUT, after which the op may have been applied, or may be yet.
    //  ZSEQ_EFORGOTTEN comes only for an op that was not tried. ZSEQ_EFULL: a
    //  majority of the nodes has no memory for it; it was not proposed.
    //  ZSEQ_ENOSPACE: a majority has refused it, for lack of memory or disk; it
    //  may be applied yet.
    int status;
    uint64_t version;    //  That the op has made or found
    uint64_t floor;      //  The shard's version floor; 0: not known
    zseq_slice_t value;  //  Of the key: GET, and ZSEQ_EVERSION; valid during
                         //  done

    //  The proposer's own.
    struct zseq_kv_request *following;
    uint64_t arrival;
    uint64_t held_until_us;  //  When its turn comes at the latest; 0: it was
                             //  not decided yet whether it is held
} zseq_kv_request_t;

//  What the proposer calls, during calls of its own functions. A hook must not
//  call the proposer, except that ask may call _reply.
typedef struct {
    void *arg;
    //  Sets the cluster of a KV_PROMISE, KV_FETCH, KV_ACCEPT or KV_CHOSEN, and
    //  sends it to a node, which may be this one. False: the node cannot be
    //  reached now.
    bool (*ask) (void *arg, uint8_t node, zseq_msg_t *msg);
    //  A request has its answer, and is its owner's again.
    void (*done) (void *arg, zseq_kv_request_t *request);
    //  A request ID that was never used before.
    uint64_t (*draw) (void *arg);
    //  That node's proposer has the shard's ballot. Returns whether the request
    //  was passed on to it, and is its owner's again. NULL: never.
    bool (*pass) (void *arg, uint8_t node, zseq_kv_request_t *request);
} zseq_proposer_hooks_t;

typedef struct {
    uint8_t n;          //  Nodes
    uint64_t proposer;  //  56 random bits of the process, then the node's index
    uint64_t own_shards;  //  Those that the node coordinates while all are up,
                          //  a bit each: their ballots are taken together
    uint64_t seed;        //  For pauses
} zseq_proposer_options_t;

//  What the proposer has done so far.
typedef struct {
    uint64_t ballots;    //  Ballots that it has asked for
    uint64_t lost;       //  Ballots that others have overtaken
    uint64_t proposals;  //  ... made
    uint64_t chosen;     //  ... that were chosen
    uint64_t writes;     //  Ops that were applied by these
    uint64_t fetches;    //  Keys that were fetched
} zseq_proposer_stats_t;

//  A proposer without requests. NULL: no memory.
zseq_proposer_t *zseq_proposer_new (const zseq_proposer_options_t *options,
                                    const zseq_proposer_hooks_t *hooks);

//  Forgets all requests that are left, without calling done.
void zseq_proposer_destroy (zseq_proposer_t **self_p);

//  A promise was seen in a shard: asks only for ballots above it. Saves a round
//  trip; nothing depends on it.
void zseq_proposer_note (zseq_proposer_t *self, uint8_t shard,
                         const zseq_ballot_t *promise);

//  Adds a request for a key. Errors, the request is not taken: ZSEQ_ENOMEM.
int zseq_proposer_add (zseq_proposer_t *self, zseq_slice_t key,
                       zseq_kv_request_t *request, uint64_t now_us);

//  All that had arrived was taken in: sends what is due.
void zseq_proposer_flush (zseq_proposer_t *self, uint64_t now_us);

//  Takes in a node's reply, which is of the right cluster. May be called from
//  ask.
void zseq_proposer_reply (zseq_proposer_t *self, const zseq_msg_t *msg,
                          uint64_t now_us);

//  Time has passed; a flush must follow. And when to tick next at the latest.
void zseq_proposer_tick (zseq_proposer_t *self, uint64_t now_us);
uint64_t zseq_proposer_wake_us (const zseq_proposer_t *self);

//  Ends all requests with that status, and gives all ballots up.
void zseq_proposer_end (zseq_proposer_t *self, int status);

//  Whether a request waits.
bool zseq_proposer_busy (const zseq_proposer_t *self);

const zseq_proposer_stats_t *zseq_proposer_stats (const zseq_proposer_t *self);

#endif
