//  What zseq_batcher.c and zseq_request_queue.c share: the batcher, its queues
//  of requests and their claims in flight. zseq_request_queue.c keeps who waits
//  and who rides; zseq_batcher.c, which calls it, sends, receives and keeps the
//  time.

#ifndef ZSEQ_BATCHER_PRIVATE_H_INCLUDED
#define ZSEQ_BATCHER_PRIVATE_H_INCLUDED

#include "zseq_claim.h"
#include "zseq_delegation.h"
#include "zseq_batcher.h"

#define ZSEQ_NOBODY UINT8_MAX  //  No node

//  A claim or a NEXT: on its way, or to be made again.
typedef struct zseq_inflight {
    zseq_claim_t claim;   //  Of a NEXT, what is wanted
    uint8_t node;         //  Whom the NEXT was sent; or ZSEQ_NOBODY
    uint64_t request_id;  //  The NEXT's ID
    uint64_t until_us;    //  When its wait limit ends
    size_t own_inflight;  //  How many of its queue were out at once with it
    zseq_request_t *requests;
    zseq_request_queue_t *queue;
    uint64_t began_us;             //  When it was sent last
    bool due;                      //  It is to be sent with the next flush
    size_t index;                  //  In the array of all
    struct zseq_inflight *behind;  //  In the queue's list, or the free one
} zseq_inflight_t;

struct zseq_request_queue {
    zseq_batcher_t *batcher;
    zseq_slice_t name;
    zseq_known_t known;
    size_t requests;  //  All that have not ended
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
    uint64_t deadline_us;      //  No request's is before
    zseq_schedule_t queued;    //  Queues with work for the flush
    zseq_schedule_t lined_up;  //  Those with requests and none in flight
    zseq_request_queue_t *busy;
    zseq_inflight_t **inflight;  //  All of them
    size_t inflight_count;
    size_t inflight_size;
    zseq_inflight_t *free_inflight;
};

//  Whether it is a NEXT, which a coordinator was sent.
static inline bool
zseq_inflight_delegated (const zseq_inflight_t *inflight)
{
    return inflight->node != ZSEQ_NOBODY;
}

//  Puts a queue at the end of a schedule, unless it is in one.
void zseq_request_queue_put (zseq_schedule_t *schedule,
                             zseq_request_queue_t *queue);

//  Has the next flush look at a queue.
void zseq_request_queue_schedule (zseq_request_queue_t *queue);

//  Takes the first queue out of a schedule. NULL: there is none.
zseq_request_queue_t *zseq_request_queue_take (zseq_schedule_t *schedule);

//  Adds a claim to a queue, behind its others, that nobody rides yet. NULL: no
//  memory.
zseq_inflight_t *zseq_request_queue_launch (zseq_request_queue_t *queue);

//  Assigns waiting requests to a claim in flight that is about to be sent,
//  first come, first served, together with those that ride it already; capacity
//  is how many IDs it may be for. Sets its claim's size. False: nobody rides
//  it.
bool zseq_request_queue_assign (zseq_inflight_t *inflight, uint64_t capacity);

//  Hands out what a claim in flight won, left IDs from first on, in the order
//  in which its requests came.
void zseq_request_queue_hand_out (zseq_inflight_t *inflight, uint64_t first,
                                  uint64_t left);

//  Ends all requests that ride a claim in flight with that status.
void zseq_request_queue_refuse (zseq_inflight_t *inflight, int status);

//  Takes a claim in flight that nobody rides out of its queue, and adds up what
//  it did. The queue is scheduled.
void zseq_request_queue_retire (zseq_inflight_t *inflight);

//  Retires a claim in flight whose requests have all gone: what it may win is
//  burnt.
void zseq_request_queue_abandon (zseq_inflight_t *inflight);

//  Ends all requests whose deadlines have passed, of all queues.
void zseq_request_queue_expire (zseq_batcher_t *batcher, uint64_t now_us);

//  Ends all requests of a queue with that status.
void zseq_request_queue_end (zseq_request_queue_t *queue, int status);

#endif
