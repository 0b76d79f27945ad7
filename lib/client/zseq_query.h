//  What nodes are asked beside IDs, without waiting for the answer: what is
//  next of a name, or that it be raised. Under the reactor's lock, with its
//  session opened.

#ifndef ZSEQ_QUERY_H_INCLUDED
#define ZSEQ_QUERY_H_INCLUDED

#include "zseq_detail.h"
#include "zseq_reactor.h"

//  A peek or raise.
typedef struct zseq_query {
    const char *name;
    uint64_t value;  //  0 or what to raise to; then the result
    uint64_t deadline_us;
    zseq_outcome_t outcome;
    //  Called under the lock, once, when it is no longer pending; NULL if a
    //  thread waits for it.
    void (*done) (struct zseq_query *self);
    void *arg;
    void *operation;  //  NULL: it is not pending
} zseq_query_t;

//  Posts a query whose done is set. Errors: ZSEQ_ENOMEM.
int zseq_query_post (zseq_reactor_t *reactor, zseq_query_t *self);

//  Takes it back if it is pending. done is not called.
void zseq_query_cancel (zseq_reactor_t *reactor, zseq_query_t *self);

#endif
