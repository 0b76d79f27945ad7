//  The requests for IDs of one name, in the order in which they came: those
//  that wait, and those assigned to a claim in flight. The requests of one
//  claim share the IDs that it wins, in that order. The batcher
//  (zseq_batcher.h) owns the claims.

#ifndef ZSEQ_REQUEST_QUEUE_H_INCLUDED
#define ZSEQ_REQUEST_QUEUE_H_INCLUDED

#include "zseq_attempt.h"

typedef struct zseq_batcher zseq_batcher_t;
typedef struct zseq_request_queue zseq_request_queue_t;

//  A request. Its memory belongs to its owner, who must not move it while it is
//  in a queue.
typedef struct zseq_request {
    uint64_t count;        //  IDs wanted, 1..ZSEQ_COUNT_MAX; then IDs it got
    uint64_t count_min;    //  How many are better than none
    uint64_t deadline_us;  //  The owner may put it off at any time
    int status;            //  ZSEQ_OK, ZSEQ_EEXHAUSTED, ZSEQ_ETIMEOUT, or the
                           //  status given to _end
    uint64_t first;        //  The first of the IDs that it got
    uint64_t served;       //  Requests that its queue held then
    zseq_request_queue_t *queue;
    struct zseq_request *next;
} zseq_request_t;

//  A queue for that name, which is not copied. NULL: no memory. A queue must be
//  idle when it is freed.
zseq_request_queue_t *zseq_request_queue_new (zseq_batcher_t *batcher,
                                              const char *name, size_t size);
void zseq_request_queue_free (zseq_request_queue_t **self_p);

//  Whether no request waits and no claim is in flight.
bool zseq_request_queue_idle (const zseq_request_queue_t *self);

//  Appends request, whose count, count_min and deadline_us are set.
void zseq_request_queue_add (zseq_request_queue_t *self,
                             zseq_request_t *request);

//  Takes request out of its queue; the IDs that its claim wins for it are
//  burnt. Does not call done.
void zseq_request_queue_cancel (zseq_request_t *request);

//  The attempt of the oldest claim in flight, to explain a failure; NULL: there
//  is none. Sets *node_p to the coordinator that was sent a NEXT instead, or n.
const zseq_attempt_t *
zseq_request_queue_attempt (const zseq_request_queue_t *self, uint8_t *node_p);

#endif
