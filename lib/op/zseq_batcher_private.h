//  What the batcher's files share: the batcher, its queues of requests and
//  their claims in flight. zseq_request_queue.c keeps which requests wait and
//  which share a claim; zseq_batcher.c, which calls it, sends, receives and
//  keeps the time; zseq_batcher_next.c does so for claims that are delegated.

#ifndef ZSEQ_BATCHER_PRIVATE_H_INCLUDED
#define ZSEQ_BATCHER_PRIVATE_H_INCLUDED

#include "zseq_claim.h"
#include "zseq_delegation.h"
#include "zseq_batcher.h"

#define ZSEQ_NO_NODE UINT8_MAX

//  A claim or a NEXT: in flight, or paused before it is sent again.
typedef struct zseq_inflight {
    zseq_claim_t claim;           //  Of a NEXT: only its counts
    uint8_t node;                 //  The NEXT's coordinator; or ZSEQ_NO_NODE
    uint64_t request_id;          //  The NEXT's ID
    uint64_t until_us;            //  When the NEXT is given up
    zseq_node_set_t passed;       //  Nodes that could not serve it
    zseq_node_set_t unreachable;  //  ... because they could not be reached
    zseq_node_set_t late;         //  ... because they were late
    uint64_t busy_until_us;  //  How long to wait for a busy coordinator; 0:
                             //  none was
    uint32_t busy_count;     //  How often it was
    uint64_t unanswered_us;  //  Since when no attempt got its replies; 0: none
                             //  is without
    size_t own_inflight;     //  Most NEXTs of its queue that were out with it
    zseq_request_t *requests;
    size_t request_count;  //  How many were assigned to it
    zseq_request_queue_t *queue;
    uint64_t began_us;             //  When it was last sent
    bool due;                      //  The next flush sends it
    size_t index;                  //  In the array of all claims in flight
    struct zseq_inflight *behind;  //  In the queue's list, or the free one
} zseq_inflight_t;

struct zseq_request_queue {
    zseq_batcher_t *batcher;
    zseq_slice_t name;
    zseq_known_t known;
    size_t requests;   //  All that have not ended
    size_t share_max;  //  Most requests that may share a claim
    zseq_request_t *waiting;
    zseq_request_t **waiting_end;
    zseq_inflight_t *inflight;  //  In the order in which they began
    size_t inflight_count;
    zseq_delegation_name_t delegation;
    bool queued;
    zseq_request_queue_t
      *next_scheduled;           //  Next in the schedule that it is in
    zseq_request_queue_t *busy;  //  Next of those with requests
    zseq_request_queue_t **busy_p;
};

//  Queues, first come, first served.
typedef struct {
    zseq_request_queue_t *first;
    zseq_request_queue_t **end;
} zseq_schedule_t;

struct zseq_batcher {
    zseq_batcher_hooks_t hooks;
    zseq_quorum_t quorum;  //  n 0: not open
    zseq_delegation_t delegation;
    zseq_batcher_stats_t stats;
    uint64_t drawn_next;       //  The next request ID of those drawn
    uint64_t drawn_left;       //  ... how many there are
    uint64_t deadline_us;      //  No request's deadline is earlier
    zseq_schedule_t queued;    //  Queues with work for the flush
    zseq_schedule_t lined_up;  //  Those with requests and none in flight
    zseq_request_queue_t *busy;
    zseq_inflight_t **inflight;  //  All claims in flight
    size_t inflight_count;
    size_t inflight_size;
    zseq_inflight_t *free_inflight;
};

//  Whether it is a NEXT, sent to a coordinator.
static inline bool
zseq_inflight_delegated (const zseq_inflight_t *inflight)
{
    return inflight->node != ZSEQ_NO_NODE;
}

//  Whether it is a CLAIM that was sent and has no result yet.
static inline bool
zseq_inflight_claims (const zseq_inflight_t *inflight)
{
    return !zseq_inflight_delegated (inflight) &&
           inflight->claim.attempt.request && !inflight->claim.reading;
}

//  Whether a node's coordinator owns the batcher, not a client.
static inline bool
zseq_batcher_is_node (const zseq_batcher_t *self)
{
    return self->delegation.possible &&
           self->delegation.rank.self != self->quorum.n;
}

//  zseq_batcher.c.

//  A request ID that was never used before.
uint64_t zseq_batcher_draw (zseq_batcher_t *self);

//  zseq_batcher_next.c.

//  The node to ask next for the requests of inflight, in the name's order; n:
//  none is left.
uint8_t zseq_batcher_coordinator (zseq_batcher_t *self,
                                  const zseq_inflight_t *inflight);

//  Sends a NEXT for a claim that has its requests to the coordinator. False: no
//  node is left that could be asked.
bool zseq_batcher_send_next (zseq_batcher_t *self, zseq_inflight_t *inflight,
                             uint64_t now_us);

//  A node has replied: it may be asked although it could not be reached before.
void zseq_batcher_note_reachable (zseq_inflight_t *inflight, uint8_t node);

//  Probes the nodes that are down and come before the coordinator of queue's
//  name, if that is due; see zseq_delegation_probes_due.
void zseq_batcher_probe_down (zseq_batcher_t *self, zseq_request_queue_t *queue,
                              zseq_node_set_t unreachable, uint64_t now_us);

//  Takes in the reply to a NEXT.
void zseq_batcher_next_reply (zseq_batcher_t *self, zseq_inflight_t *inflight,
                              const zseq_msg_t *msg, uint64_t now_us);

//  Notes that a node was heard. Returns whether the reply answers a probe.
bool zseq_batcher_hear (zseq_batcher_t *self, const zseq_msg_t *msg,
                        uint64_t now_us);

//  Time has passed: gives up NEXTs that are overdue, and looks for nodes that
//  owe replies and are silent. And when to tick next at the latest.
void zseq_batcher_tick_nexts (zseq_batcher_t *self, uint64_t now_us);
uint64_t zseq_batcher_nexts_wake_us (const zseq_batcher_t *self);

//  zseq_request_queue.c.

//  Puts a queue at the end of a schedule, unless it is in one.
void zseq_request_queue_put (zseq_schedule_t *schedule,
                             zseq_request_queue_t *queue);

//  Schedules a queue for the next flush.
void zseq_request_queue_schedule (zseq_request_queue_t *queue);

//  Takes the first queue out of a schedule. NULL: there is none.
zseq_request_queue_t *zseq_request_queue_take (zseq_schedule_t *schedule);

//  Adds a claim without requests to a queue, behind the others. NULL: no
//  memory.
zseq_inflight_t *zseq_request_queue_launch (zseq_request_queue_t *queue);

//  Assigns waiting requests, first come, first served, to a claim that is about
//  to be sent, beside those assigned to it before; capacity is how many IDs the
//  claim may ask for, and requests_max for how many requests. Those that do not
//  fit wait, before those that came later. Sets the claim's size. False: no
//  request is assigned.
bool zseq_request_queue_assign (zseq_inflight_t *inflight, uint64_t capacity,
                                size_t requests_max);

//  Hands out the left IDs from first on that a claim won, to its requests in
//  the order in which they came. others: how many requests of others the
//  coordinator had in hand.
void zseq_request_queue_hand_out (zseq_inflight_t *inflight, uint64_t first,
                                  uint64_t left, uint64_t others);

//  Ends all requests of a claim in flight with that status.
void zseq_request_queue_refuse (zseq_inflight_t *inflight, int status);

//  Takes a claim without requests out of its queue, adds its counters to the
//  batcher's, and schedules the queue.
void zseq_request_queue_retire (zseq_inflight_t *inflight);

//  Retires a claim whose requests have all gone: the IDs that it may still win
//  are burnt.
void zseq_request_queue_abandon (zseq_inflight_t *inflight);

//  Ends all requests whose deadlines have passed, of all queues.
void zseq_request_queue_expire (zseq_batcher_t *batcher, uint64_t now_us);

//  Ends all requests of a queue with that status.
void zseq_request_queue_end (zseq_request_queue_t *queue, int status);

#endif
