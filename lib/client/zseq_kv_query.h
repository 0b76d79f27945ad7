//  A get or a write of the key-value store, without waiting for it. Call all
//  functions under the reactor's lock, with the session opened.

#ifndef ZSEQ_KV_QUERY_H_INCLUDED
#define ZSEQ_KV_QUERY_H_INCLUDED

#include "zseq_detail.h"
#include "zseq_kv_call.h"

typedef struct zseq_reactor zseq_reactor_t;

typedef struct zseq_kv_query {
    zseq_kv_ask_t ask;
    void *buffer;  //  Where the value goes that a GET finds, or a write
                   //  instead of the expected one; the owner keeps it
    size_t buffer_size;
    uint64_t deadline_us;
    uint64_t forgotten;  //  Of zseq_kv_seen_prepare

    //  The result. outcome: also ZSEQ_EVALUE, if the value does not fit; the
    //  rest is set then, too.
    zseq_outcome_t outcome;
    bool unknown;      //  A write that failed may have been done
    size_t size;       //  Of the value that was found; 0: none was
    uint64_t version;  //  As of zseq_kv_call_t
    uint64_t floor;
    //  Called once, under the lock, when the query is no longer pending.
    void (*done) (struct zseq_kv_query *self);
    void *arg;
    void *operation;  //  NULL: not pending
} zseq_kv_query_t;

//  Posts a query. Errors: ZSEQ_ENOMEM.
int zseq_kv_query_post (zseq_reactor_t *reactor, zseq_kv_query_t *self);

//  Withdraws a query if it is pending, and does not call done. A write may have
//  been done.
void zseq_kv_query_cancel (zseq_reactor_t *reactor, zseq_kv_query_t *self);

//  Sets the result of a query: what the key was found to be, or the error that
//  a write of it has, as in zseq_kv_call_t.
void zseq_kv_query_finish (zseq_kv_query_t *self, int rc, uint64_t version,
                           zseq_slice_t value);

//  Sets the result of a watch whose deadline has passed.
void zseq_kv_query_expire (zseq_kv_query_t *self);

#endif
