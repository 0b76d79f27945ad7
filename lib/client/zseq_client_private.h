//  The structs of a client and its handles. Private to zseq_client*.c,
//  zseq_handle.c, zseq_kv.c, zseq_prefetch.c and zseq_call*.c.

#ifndef ZSEQ_CLIENT_PRIVATE_H_INCLUDED
#define ZSEQ_CLIENT_PRIVATE_H_INCLUDED

#include "zseq_ask.h"
#include "zseq_buffer.h"
#include "zseq_call.h"
#include "zseq_kv_query.h"
#include "zseq_kv_seen.h"
#include "zseq_name_queue.h"
#include "zseq_query.h"
#include "zseq_reactor.h"
#include "zseq_source.h"
#include "zseq_usage.h"

//  Fills of a handle that may be in flight.
#define ZSEQ_FILLS_MAX 2

struct zseq_client {
    zseq_reactor_t *reactor;  //  One of reactor and source is NULL
    zseq_source_t *source;
    zseq_uri_t uri;
    unsigned forks;  //  zseq_fork_count when it was made
    atomic_int timeout_ms;
    zseq_calls_t calls;
    atomic_bool closed;  //  It was destroyed; handles or calls are left
    //  May be taken under the reactor's lock; guards what follows.
    pthread_mutex_t lock;
    size_t uses;  //  Its owner's until closed, each handle's, and those of
                  //  calls that wait without a handle; the last one frees it
    zseq_t *handles;
    uint64_t issued;  //  IDs handed out by destroyed handles
};

//  A thread or a call that waits for an ID from the handle's buffer.
typedef struct zseq_buffer_waiter {
    //  Called under the reactor's lock when a fill has ended, which may have
    //  served this waiter, and when the fills were cancelled. failed: the fill
    //  failed with the handle's fill_outcome. May remove this waiter, and no
    //  other.
    void (*filled) (struct zseq_buffer_waiter *self, bool failed);
    void *arg;
    bool served;
    uint64_t id;  //  Its ID, if served
    struct zseq_buffer_waiter *next;
} zseq_buffer_waiter_t;

//  The fields of a handle are grouped by the lock that guards them. Take the
//  handle's lock under the reactor's and the client's, never the other way
//  round.
struct zseq {
    zseq_client_t *client;
    zseq_name_queue_t *name;
    void *source_name;  //  The name at the source
    unsigned forks;     //  zseq_fork_count when it was made
    atomic_int timeout_ms;

    //  Taking an ID needs no lock; the rest needs the handle's.
    zseq_buffer_t buffer;

    //  When it is time again to look at an automatic batch. Set under the
    //  handle's lock, read without.
    _Atomic uint64_t look_us;

    pthread_mutex_t lock;  //  Guards handle_locked
    struct {
        uint64_t batch;
        bool automatic;
        zseq_usage_t usage;     //  Of an automatic batch
        size_t fills_inflight;  //  Fills that have not ended
        bool starved;  //  The buffer ran dry before the last fill ended
    } handle_locked;

    //  The reactor's lock guards these.
    struct {
        zseq_id_request_t fill[ZSEQ_FILLS_MAX];
        unsigned fills_ended;           //  How many fills have ended
        zseq_outcome_t fill_outcome;    //  How the last fill ended
        bool fill_failed;               //  The last fill's error is unreported
        zseq_buffer_waiter_t *waiters;  //  First come, first served
        bool resumed;  //  A waiting call was resumed in this round
    } reactor_locked;

    //  The client's lock guards these.
    zseq_t *prev;
    zseq_t *next;
};

//  A handle on the key-value store.
struct zseq_kv {
    zseq_client_t *client;
    unsigned forks;  //  zseq_fork_count when it was made
    atomic_int timeout_ms;
    zseq_kv_seen_t seen;
};

//  Of zseq_client.c.

//  Counts a handle, or a call, that needs the client's memory; the last one to
//  end frees the client if it was destroyed.
void zseq_client_begin_use (zseq_client_t *self);
void zseq_client_end_use (zseq_client_t *self);

//  Ends the calls of all threads, and fails those to come: ZSEQ_ECLOSED.
void zseq_client_close (zseq_client_t *self);

#endif
