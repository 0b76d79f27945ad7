//  The struct of a call. Private to zseq_call*.c.

#ifndef ZSEQ_CALL_PRIVATE_H_INCLUDED
#define ZSEQ_CALL_PRIVATE_H_INCLUDED

#include "zseq_client_private.h"

typedef enum {
    ZSEQ_CALL_NEXT,
    ZSEQ_CALL_RANGE,
    ZSEQ_CALL_QUERY,    //  A peek or a raise
    ZSEQ_CALL_KV,       //  Of the key-value store
    ZSEQ_CALL_PREFETCH  //  Only waits; its result is not collected
} zseq_call_kind_t;

struct zseq_call {
    zseq_call_kind_t kind;
    zseq_client_t *client;
    const void *owner;  //  Its handle: one of handle and kv, the other is NULL
    zseq_t *handle;
    zseq_kv_t *kv;
    void *source_name;  //  That of the handle
    uint64_t count;     //  IDs; 1 but for ZSEQ_CALL_RANGE
    bool off;           //  Cancelled: its handle is gone
    uint64_t deadline_us;
    zseq_ended_t result;
    zseq_buffer_waiter_t buffer_waiter;
    bool waits;  //  buffer_waiter is among the handle's waiters
    zseq_id_request_t request;
    zseq_query_t query;
    bool raises;  //  The query is a raise
    zseq_kv_query_t kv_query;
    zseq_call_t *prev;
    zseq_call_t *next;
    char bytes[];  //  The key and the value of kv_query
};

//  Of zseq_call_run.c.

//  Makes a call with that handle's timeout. On failure NULL, with *rc_p and
//  zseq_detail set: ZSEQ_EFORKED, ZSEQ_ENOMEM.
zseq_call_t *zseq_call_run_new (zseq_t *handle, zseq_call_kind_t kind,
                                uint64_t tag, int *rc_p);

//  Makes a call of the key-value store, with copies of the key and the value of
//  query. Errors as of _new.
zseq_call_t *zseq_call_run_new_kv (zseq_kv_t *kv, const zseq_kv_query_t *query,
                                   uint64_t tag, int *rc_p);

//  Begins a call. Ends it at once if its deadline has passed while the client's
//  directory is still not open: earlier calls have waited for the directory,
//  too. False: begin the call once more, later. No lock held.
bool zseq_call_run_begin (zseq_call_t *call);

//  Ends a call that is in no list: leaves it to be collected, or frees a
//  prefetch or a cancelled call. detail is used if rc is an error.
void zseq_call_run_end (zseq_call_t *call, int rc, const char *detail);

//  Makes the eventfd readable.
void zseq_call_run_signal (int fd);

//  The reactor's deferred work: resumes the client's calls that wait for a
//  buffer. client is a zseq_client_t. Reactor's lock held.
void zseq_call_run_deferred (void *client);

//  Of zseq_call_queue.c.

//  Queues the call for the thread, and starts the thread if there is none.
//  Errors, the call freed, with zseq_detail set: ZSEQ_ENOMEM.
int zseq_call_queue_post (zseq_call_t *call);

//  Ends the thread, if there is one. Not in a forked child.
void zseq_call_queue_stop (zseq_calls_t *self);

#endif
