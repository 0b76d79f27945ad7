//  The requests for IDs of one name, in the order in which they came: those
//  that wait, and those that ride a claim on its way. Requests of one claim
//  share what it wins, in that order. The batcher (zseq_batcher.h) owns the
//  claims.

#ifndef ZSEQ_REQUEST_QUEUE_H_INCLUDED
#define ZSEQ_REQUEST_QUEUE_H_INCLUDED

#include "zseq_attempt.h"

typedef struct zseq_batcher zseq_batcher_t;
typedef struct zseq_request_queue zseq_request_queue_t;

//  A request. It belongs to its owner, and stays where it is while it is in a
//  queue.
typedef struct zseq_request {
    uint64_t count;        //  How many IDs, 1..ZSEQ_COUNT_MAX; how many it got
    uint64_t count_min;    //  How many are better than none
    uint64_t deadline_us;  //  May be put off at any time
    int status;            //  ZSEQ_OK, ZSEQ_EEXHAUSTED, ZSEQ_ETIMEOUT, or what
                           //  _end was told
    uint64_t first;        //  The IDs that it got
    uint64_t served;       //  Requests that were in the queue then
    zseq_request_queue_t *queue;
    struct zseq_request *next;
} zseq_request_t;

//  A queue for that name, which is not copied. NULL: no memory. One that is
//  freed must be idle.
zseq_request_queue_t *zseq_request_queue_new (zseq_batcher_t *batcher,
                                              const char *name, size_t size);
void zseq_request_queue_free (zseq_request_queue_t **self_p);

//  Whether nobody waits in it and nothing is on its way.
bool zseq_request_queue_idle (const zseq_request_queue_t *self);

//  Puts request, whose count, count_min and deadline_us are set, into the
//  queue.
void zseq_request_queue_add (zseq_request_queue_t *self,
                             zseq_request_t *request);

//  Takes request out of its queue; IDs on their way to it are burnt. done is
//  not called.
void zseq_request_queue_cancel (zseq_request_t *request);

//  The oldest claim's attempt, for what to tell people; NULL: there is none.
//  node_p: which node is asked to claim instead, or n.
const zseq_attempt_t *
zseq_request_queue_attempt (const zseq_request_queue_t *self, uint8_t *node_p);

#endif
