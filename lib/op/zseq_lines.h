//  Requests for IDs that wait in one place, a line for each name, and the
//  claims made for them: those of a client's threads, or those that a
//  coordinator's clients have sent it. Requests that wait at the same time
//  share a claim, which is split in the order in which they came; a further
//  claim may set out before the last one has ended. A client that meets others'
//  claims asks a coordinator instead (NEXT), until it finds itself alone.
//  Source: lib/doc/design.md, section 4, and lib/doc/wire.md, section 6.9.

#ifndef ZSEQ_LINES_H_INCLUDED
#define ZSEQ_LINES_H_INCLUDED

#include "zseq_rendezvous.h"
#include "zseq_request_queue.h"

//  What has to be done for the lines, during calls of them. None may be called
//  from there, but for _reply from ask.
typedef struct {
    void *arg;
    //  Sets the cluster of a READ, CLAIM or NEXT, and sends it to a node.
    //  False: it cannot be reached now.
    bool (*ask) (void *arg, uint8_t node, zseq_msg_t *msg);
    //  A request has left its line.
    void (*done) (void *arg, zseq_rider_t *rider);
    //  A request ID that was never used before.
    uint64_t (*draw) (void *arg);
} zseq_lines_hooks_t;

//  What was done so far.
typedef struct {
    uint64_t claims;     //  CLAIMs and NEXTs sent
    uint64_t won;        //  ... that won IDs
    uint64_t conflicts;  //  CLAIMs that another client beat
    uint64_t late;       //  Questions given up because replies were late
    uint64_t burnt;      //  IDs that nobody is going to get, at most
    uint64_t trips;      //  Questions that got their replies
    uint64_t rtt_us;     //  A typical one's round trip
} zseq_lines_stats_t;

//  No lines. NULL: no memory.
zseq_lines_t *zseq_lines_new (const zseq_lines_hooks_t *hooks);

//  Requests that are left are forgotten.
void zseq_lines_destroy (zseq_lines_t **self_p);

//  From now on there are nodes to be asked. rendezvous, which is copied, says
//  whom to ask to claim; NULL: nobody. Nobody either if W is not the majority.
void zseq_lines_open (zseq_lines_t *self, const zseq_quorum_t *quorum,
                      const zseq_rendezvous_t *rendezvous);

//  All that waited has been taken in: sends what is due.
void zseq_lines_flush (zseq_lines_t *self, uint64_t now_us);

//  A node's reply, whose cluster is the right one. Returns whether it answers
//  something that is under way.
bool zseq_lines_reply (zseq_lines_t *self, const zseq_msg_t *msg,
                       uint64_t now_us);

//  Time has passed, or nodes can be reached again; a flush is to follow. And
//  when to tick next at the latest.
void zseq_lines_tick (zseq_lines_t *self, uint64_t now_us);
uint64_t zseq_lines_wake_us (const zseq_lines_t *self);

//  Ends all requests with that status.
void zseq_lines_end (zseq_lines_t *self, int status);

//  Whether something is on its way to a node that cannot be reached.
bool zseq_lines_restless (const zseq_lines_t *self);

//  Whether anything waits or is on its way.
bool zseq_lines_busy (const zseq_lines_t *self);

const zseq_lines_stats_t *zseq_lines_stats (const zseq_lines_t *self);

#endif
