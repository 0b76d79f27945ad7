//  Requests for IDs that wait in one place, a line for each name, and the
//  claims made for them: those of a client's threads, or those that a
//  coordinator's clients have sent it. Requests that wait at the same time share
//  a claim, which is split in the order in which they came; a further claim may
//  set out before the last one has ended. A client that meets others' claims
//  asks a coordinator instead (NEXT), until it finds itself alone. Source:
//  lib/doc/design.md, section 4, and lib/doc/wire.md, section 6.9.

#ifndef ZSEQ_LINES_H_INCLUDED
#define ZSEQ_LINES_H_INCLUDED

#include "zseq_claim.h"
#include "zseq_rendezvous.h"

typedef struct zseq_lines zseq_lines_t;
typedef struct zseq_line zseq_line_t;

//  A request. It belongs to its owner, and stays where it is while it is in a
//  line.
typedef struct zseq_rider {
    uint64_t count;        //  How many IDs, 1..ZSEQ_COUNT_MAX; how many it got
    uint64_t count_min;    //  How many are better than none
    uint64_t deadline_us;  //  May be put off at any time
    int status;            //  ZSEQ_OK, ZSEQ_EEXHAUSTED, ZSEQ_ETIMEOUT, or what
                           //  _end was told
    uint64_t first;        //  The IDs that it got
    uint64_t served;       //  Requests that were in the line then
    zseq_line_t *line;
    struct zseq_rider *next;
} zseq_rider_t;

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

//  A line for that name, which is not copied. NULL: no memory. One that is
//  freed must be idle.
zseq_line_t *zseq_line_new (zseq_lines_t *lines, const char *name, size_t size);
void zseq_line_free (zseq_line_t **self_p);

//  Whether nobody waits in it and nothing is on its way.
bool zseq_line_idle (const zseq_line_t *self);

//  Puts rider, whose count, count_min and deadline_us are set, into the line.
void zseq_line_add (zseq_line_t *self, zseq_rider_t *rider);

//  Takes rider out of its line; IDs on their way to it are burnt. done is not
//  called.
void zseq_line_cancel (zseq_rider_t *rider);

//  The oldest claim's attempt, for what to tell people; NULL: there is none.
//  node_p: which node is asked to claim instead, or n.
const zseq_attempt_t *zseq_line_attempt (const zseq_line_t *self,
                                         uint8_t *node_p);

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
