//  Batches requests for IDs into claims. Each name has a queue of requests:
//  those of a client's threads, or those that clients sent to a coordinator.
//  Requests that wait at the same time share a claim; the batcher splits its
//  IDs among them, first come, first served. A further claim may start before
//  the last one has ended. A client that meets other clients on a name asks a
//  coordinator to claim instead (NEXT), until it meets none any more; a node's
//  own batcher asks the node that comes before it.
//
//  The owner calls _post for each request, _reply for each reply, and _run when
//  state says so. Source: lib/doc/design.md, section 4, and lib/doc/wire.md,
//  section 6.9.

#ifndef ZSEQ_BATCHER_H_INCLUDED
#define ZSEQ_BATCHER_H_INCLUDED

#include "zseq_coordinator_rank.h"
#include "zseq_request_queue.h"

//  What the batcher calls, during calls of its own functions. A hook must not
//  call the batcher, except that ask may call _reply.
typedef struct {
    void *arg;
    //  Sets the cluster of a READ, CLAIM or NEXT, and sends it to a node.
    //  False: the node cannot be reached now.
    bool (*ask) (void *arg, uint8_t node, zseq_msg_t *msg);
    //  The same for a set of nodes, none of which replies during the call.
    //  Returns the nodes that were reached. NULL: the batcher calls ask for
    //  each node.
    zseq_node_set_t (*ask_all) (void *arg, zseq_node_set_t nodes,
                                zseq_msg_t *msg);
    //  A request has left its queue.
    void (*done) (void *arg, zseq_request_t *request);
    //  Returns the first of draw_count request IDs in a row that were never
    //  used before. draw_count 0 means 1.
    uint64_t (*draw) (void *arg);
    uint64_t draw_count;
} zseq_batcher_hooks_t;

//  What the batcher has done so far.
typedef struct {
    uint64_t claims;       //  CLAIMs and NEXTs sent
    uint64_t won;          //  ... that won IDs
    uint64_t conflicts;    //  CLAIMs that another client beat
    uint64_t late;         //  Messages given up because replies were late
    uint64_t burnt;        //  IDs that no request will get, at most
    uint64_t round_trips;  //  Messages that got their replies
    uint64_t rtt_us;       //  A typical round trip
} zseq_batcher_stats_t;

//  A batcher without queues. NULL: no memory.
zseq_batcher_t *zseq_batcher_new (const zseq_batcher_hooks_t *hooks);

//  Forgets all requests that are left, without calling done.
void zseq_batcher_destroy (zseq_batcher_t **self_p);

//  The nodes are known from now on. rank, which is copied, ranks the nodes as
//  coordinators. NULL: the batcher never delegates; nor does it if W is not the
//  majority.
void zseq_batcher_open (zseq_batcher_t *self, const zseq_quorum_t *quorum,
                        const zseq_coordinator_rank_t *rank);

//  What the owner has to do.
typedef struct {
    uint64_t wake_us;  //  When to run or tick next at the latest
    bool has_unsent;   //  See zseq_batcher_has_unsent
    bool busy;         //  See zseq_batcher_busy
} zseq_batcher_state_t;

//  Ticks and flushes. Fills state, which holds until the next call that may
//  change something.
void zseq_batcher_run (zseq_batcher_t *self, uint64_t now_us,
                       zseq_batcher_state_t *state);

//  Adds a request to a queue, as zseq_request_queue_add does, and flushes.
//  Fills state, too: even if nothing could be sent, the owner learns when to
//  run next.
void zseq_batcher_post (zseq_batcher_t *self, zseq_request_queue_t *queue,
                        zseq_request_t *request, uint64_t now_us,
                        zseq_batcher_state_t *state);

//  All messages that waited were taken in: sends what is due.
void zseq_batcher_flush (zseq_batcher_t *self, uint64_t now_us);

//  Takes in a node's reply, which is of the right cluster. Returns whether it
//  answers a message under way.
bool zseq_batcher_reply (zseq_batcher_t *self, const zseq_msg_t *msg,
                         uint64_t now_us);

//  Time has passed, or nodes can be reached again; a flush must follow. And
//  when to tick next at the latest.
void zseq_batcher_tick (zseq_batcher_t *self, uint64_t now_us);
uint64_t zseq_batcher_wake_us (const zseq_batcher_t *self);

//  Ends all requests with that status.
void zseq_batcher_end (zseq_batcher_t *self, int status);

//  Whether a message is still to be sent to a node that could not be reached.
bool zseq_batcher_has_unsent (const zseq_batcher_t *self);

//  Whether a request waits or a message is under way.
bool zseq_batcher_busy (const zseq_batcher_t *self);

const zseq_batcher_stats_t *zseq_batcher_stats (const zseq_batcher_t *self);

#endif
