//  What a call is made of. Private to zseq_call*.c.

#ifndef ZSEQ_CALL_PRIVATE_H_INCLUDED
#define ZSEQ_CALL_PRIVATE_H_INCLUDED

#include "zseq_client_private.h"

//  What is to be done.
typedef enum {
    ZSEQ_CALL_NEXT,
    ZSEQ_CALL_RANGE,
    ZSEQ_CALL_QUERY,
    ZSEQ_CALL_PREFETCH
} zseq_call_kind_t;

struct zseq_call {
    zseq_call_kind_t kind;
    zseq_client_t *client;
    zseq_t *handle;
    void *source_name;  //  The handle's
    uint64_t count;     //  Of ZSEQ_CALL_RANGE
    bool off;           //  Its handle is gone
    uint64_t deadline_us;
    zseq_ended_t result;
    zseq_buffer_waiter_t buffer_waiter;
    bool waits;  //  It is among the handle's waiters
    zseq_want_t want;
    zseq_query_t query;
    bool raises;
    zseq_call_t *prev;
    zseq_call_t *next;
};

//  Of zseq_call_run.c.

//  A call with that handle's timeout. On failure NULL, with *rc_p and
//  zseq_detail set: ZSEQ_EFORKED, ZSEQ_ENOMEM.
zseq_call_t *zseq_call_run_new (zseq_t *handle, zseq_call_kind_t kind,
                                uint64_t tag, int *rc_p);

//  Begins a call; or ends it, and with it the wait for a directory that others
//  before it have waited for long enough. False: it needs to be begun once
//  more. No lock held.
bool zseq_call_run_begin (zseq_call_t *call);

//  Ends a call that is nowhere else any more: it is collected, or freed if
//  nobody is to hear of it. detail counts if rc is an error.
void zseq_call_run_end (zseq_call_t *call, int rc, const char *detail);

//  Makes the descriptor readable.
void zseq_call_run_signal (int fd);

//  Lets the client's calls that wait for a buffer go on. client is a
//  zseq_client_t. Reactor's lock held.
void zseq_call_run_deferred (void *client);

//  Of zseq_call_queue.c.

//  Lets the thread begin the call, and makes it if need be. Errors, the call
//  freed, with zseq_detail set: ZSEQ_ENOMEM.
int zseq_call_queue_post (zseq_call_t *call);

//  Ends the thread, if there is one. Not in a forked child.
void zseq_call_queue_stop (zseq_calls_t *self);

#endif
