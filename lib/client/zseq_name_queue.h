//  The requests for IDs of one name. Those that wait at the same time share a
//  claim, in the order in which they came. All handles of a client that have
//  the same name share its queue.
//
//  But for _acquire, _release and _name, all is under the reactor's lock, with
//  its session opened.

#ifndef ZSEQ_NAME_QUEUE_H_INCLUDED
#define ZSEQ_NAME_QUEUE_H_INCLUDED

#include "zseq_detail.h"
#include "zseq_batcher.h"
#include "zseq_reactor.h"

typedef struct zseq_name_queue zseq_name_queue_t;

//  A request for IDs.
typedef struct zseq_id_request {
    zseq_request_t request;  //  Its deadline is of CLOCK_MONOTONIC
    //  Called under the lock, once, when it is no longer pending.
    void (*done) (struct zseq_id_request *self);
    void *arg;
    bool pending;
    zseq_outcome_t outcome;
    zseq_name_queue_t *queue;
} zseq_id_request_t;

//  That name's queue, made if there is none yet; NULL: no memory. Each is to be
//  released. These two take the lock, and need no session.
zseq_name_queue_t *zseq_name_queue_acquire (zseq_reactor_t *reactor,
                                            const char *name);
void zseq_name_queue_release (zseq_reactor_t *reactor, zseq_name_queue_t *self);

const char *zseq_name_queue_name (const zseq_name_queue_t *self);

//  Posts a request, whose request's count, count_min and deadline_us, and whose
//  done and arg are set.
void zseq_name_queue_post (zseq_reactor_t *reactor, zseq_name_queue_t *self,
                           zseq_id_request_t *request);

//  Takes a pending request back; IDs on their way to it are burnt. done is not
//  called.
void zseq_name_queue_cancel (zseq_reactor_t *reactor,
                             zseq_id_request_t *request);

//  Why a request of that name that had its deadline now would not get its IDs.
void zseq_name_queue_explain (const zseq_reactor_t *reactor,
                              const zseq_name_queue_t *self,
                              zseq_outcome_t *outcome);

#endif
