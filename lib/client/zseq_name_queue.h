//  The requests for IDs of one name. Requests that wait at the same time share
//  a claim, first come first served. All handles of a client with the same name
//  share the name's queue.
//
//  Acquire a queue, post requests to it, and release it. _post, _cancel and
//  _explain need the reactor's lock and an opened session; the others do not.

#ifndef ZSEQ_NAME_QUEUE_H_INCLUDED
#define ZSEQ_NAME_QUEUE_H_INCLUDED

#include "zseq_detail.h"
#include "zseq_batcher.h"
#include "zseq_reactor.h"

typedef struct zseq_name_queue zseq_name_queue_t;

//  A request for IDs.
typedef struct zseq_id_request {
    zseq_request_t request;  //  Deadline of CLOCK_MONOTONIC
    //  Called once, under the lock, when the request is no longer pending.
    void (*done) (struct zseq_id_request *self);
    void *arg;
    bool pending;
    uint64_t posted_us;  //  When it was posted
    zseq_outcome_t outcome;
    zseq_name_queue_t *queue;
} zseq_id_request_t;

//  Returns the name's queue, and makes it if necessary; NULL: no memory.
//  Release each acquired queue. Both functions take the lock themselves.
zseq_name_queue_t *zseq_name_queue_acquire (zseq_reactor_t *reactor,
                                            const char *name);
void zseq_name_queue_release (zseq_reactor_t *reactor, zseq_name_queue_t *self);

const char *zseq_name_queue_name (const zseq_name_queue_t *self);

//  Posts a request. The caller has set done, arg, count, count_min and
//  deadline_us.
void zseq_name_queue_post (zseq_reactor_t *reactor, zseq_name_queue_t *self,
                           zseq_id_request_t *request);

//  Withdraws a pending request, and does not call done. IDs already claimed for
//  the request are burnt.
void zseq_name_queue_cancel (zseq_reactor_t *reactor,
                             zseq_id_request_t *request);

//  Sets outcome to why a request of that name has no IDs yet, as if its
//  deadline passed now.
void zseq_name_queue_explain (const zseq_reactor_t *reactor,
                              const zseq_name_queue_t *self,
                              zseq_outcome_t *outcome);

#endif
