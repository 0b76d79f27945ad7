//  Requests for IDs that wait in one place, a queue for each name, and the
//  claims made for them: those of a client's threads, or those that a
//  coordinator's clients have sent it. Requests that wait at the same time
//  share a claim, which is split in the order in which they came; a further
//  claim may start before the last one has ended. A client that meets others'
//  claims asks a coordinator instead (NEXT), until it finds itself alone.
//  Source: lib/doc/design.md, section 4, and lib/doc/wire.md, section 6.9.

#ifndef ZSEQ_BATCHER_H_INCLUDED
#define ZSEQ_BATCHER_H_INCLUDED

#include "zseq_coordinator_rank.h"
#include "zseq_request_queue.h"

//  What the batcher calls, during calls of the batcher. None may be called
//  from there, but for _reply from ask.
typedef struct {
    void *arg;
    //  Sets the cluster of a READ, CLAIM or NEXT, and sends it to a node.
    //  False: it cannot be reached now.
    bool (*ask) (void *arg, uint8_t node, zseq_msg_t *msg);
    //  The same for several nodes, a bit each, none of which replies during the
    //  call. Returns those that were reached. NULL: ask is called for each.
    zseq_node_set_t (*ask_all) (void *arg, zseq_node_set_t nodes,
                                zseq_msg_t *msg);
    //  A request has left its queue.
    void (*done) (void *arg, zseq_request_t *request);
    //  A request ID that was never used before: the first of draw_count in a
    //  row; 0: of one.
    uint64_t (*draw) (void *arg);
    uint64_t draw_count;
} zseq_batcher_hooks_t;

//  What was done so far.
typedef struct {
    uint64_t claims;       //  CLAIMs and NEXTs sent
    uint64_t won;          //  ... that won IDs
    uint64_t conflicts;    //  CLAIMs that another client beat
    uint64_t late;         //  Questions given up because replies were late
    uint64_t burnt;        //  IDs that nobody is going to get, at most
    uint64_t round_trips;  //  Questions that got their replies
    uint64_t rtt_us;       //  A typical one's round trip
} zseq_batcher_stats_t;

//  A batcher without queues. NULL: no memory.
zseq_batcher_t *zseq_batcher_new (const zseq_batcher_hooks_t *hooks);

//  Requests that are left are forgotten.
void zseq_batcher_destroy (zseq_batcher_t **self_p);

//  From now on there are nodes to be asked. rendezvous, which is copied, says
//  whom to ask to claim; NULL: nobody. Nobody either if W is not the majority.
void zseq_batcher_open (zseq_batcher_t *self, const zseq_quorum_t *quorum,
                        const zseq_coordinator_rank_t *rank);

//  What there is to do.
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
//  Fills state, too: it may be that nothing could be sent, and nothing else
//  makes its owner look.
void zseq_batcher_post (zseq_batcher_t *self, zseq_request_queue_t *queue,
                        zseq_request_t *request, uint64_t now_us,
                        zseq_batcher_state_t *state);

//  All that waited has been taken in: sends what is due.
void zseq_batcher_flush (zseq_batcher_t *self, uint64_t now_us);

//  A node's reply, whose cluster is the right one. Returns whether it answers
//  something that is under way.
bool zseq_batcher_reply (zseq_batcher_t *self, const zseq_msg_t *msg,
                         uint64_t now_us);

//  Time has passed, or nodes can be reached again; a flush is to follow. And
//  when to tick next at the latest.
void zseq_batcher_tick (zseq_batcher_t *self, uint64_t now_us);
uint64_t zseq_batcher_wake_us (const zseq_batcher_t *self);

//  Ends all requests with that status.
void zseq_batcher_end (zseq_batcher_t *self, int status);

//  Whether something is on its way to a node that cannot be reached.
bool zseq_batcher_has_unsent (const zseq_batcher_t *self);

//  Whether anything waits or is on its way.
bool zseq_batcher_busy (const zseq_batcher_t *self);

const zseq_batcher_stats_t *zseq_batcher_stats (const zseq_batcher_t *self);

#endif
