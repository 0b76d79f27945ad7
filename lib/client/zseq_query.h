//  Queries, without waiting for the answer: a peek asks what is next of a name,
//  and a raise raises what is next. Call all functions under the reactor's
//  lock, with the session opened.

#ifndef ZSEQ_QUERY_H_INCLUDED
#define ZSEQ_QUERY_H_INCLUDED

#include "zseq_detail.h"
#include "zseq_reactor.h"

//  A peek or raise.
typedef struct zseq_query {
    const char *name;
    uint64_t value;  //  0 or the next to raise to; then the result
    uint64_t deadline_us;
    zseq_outcome_t outcome;
    //  Called once, under the lock, when the query is no longer pending; NULL:
    //  a thread waits for the query.
    void (*done) (struct zseq_query *self);
    void *arg;
    void *operation;  //  NULL: not pending
} zseq_query_t;

//  Posts a query whose done is set. Errors: ZSEQ_ENOMEM.
int zseq_query_post (zseq_reactor_t *reactor, zseq_query_t *self);

//  Withdraws a query if it is pending, and does not call done.
void zseq_query_cancel (zseq_reactor_t *reactor, zseq_query_t *self);

#endif
