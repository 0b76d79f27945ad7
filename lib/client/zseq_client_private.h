//  What a client and its handles are made of. Private to zseq_client*.c,
//  zseq_handle.c, zseq_prefetch.c and zseq_call*.c.

#ifndef ZSEQ_CLIENT_PRIVATE_H_INCLUDED
#define ZSEQ_CLIENT_PRIVATE_H_INCLUDED

#include "zseq_ask.h"
#include "zseq_buffer.h"
#include "zseq_call.h"
#include "zseq_name_queue.h"
#include "zseq_query.h"
#include "zseq_reactor.h"
#include "zseq_source.h"

//  Ranges that a handle may have on their way.
#define ZSEQ_FILLS_MAX 2

struct zseq_client {
    zseq_reactor_t *reactor;  //  One of the two
    zseq_source_t *source;
    zseq_uri_t uri;
    unsigned forks;  //  As many as when it was made
    atomic_int timeout_ms;
    zseq_calls_t calls;
    //  May be taken under the reactor's; guards what follows.
    pthread_mutex_t lock;
    zseq_t *handles;
    uint64_t issued;  //  By handles that are gone
};

//  Somebody who waits for an ID from the handle's buffer: a thread, or a call.
typedef struct zseq_buffer_waiter {
    //  Called under the reactor's lock when a fill has ended, well, which may
    //  have served the waiter, or with the handle's fill_outcome (failed), and
    //  when fills were called off. It may remove this waiter, and no other.
    void (*filled) (struct zseq_buffer_waiter *self, bool failed);
    void *arg;
    bool served;
    uint64_t id;  //  What it got
    struct zseq_buffer_waiter *next;
} zseq_buffer_waiter_t;

//  What a handle holds is sorted by the lock that guards it. The handle's lock
//  may be taken under the reactor's and the client's, not the other way.
struct zseq {
    zseq_client_t *client;
    zseq_name_queue_t *name;
    void *source_name;  //  What stands for the name at the source
    unsigned forks;     //  As many as when it was made
    atomic_int timeout_ms;

    //  IDs can be taken without a lock; all else is under the handle's.
    zseq_buffer_t buffer;

    pthread_mutex_t lock;  //  Guards handle_locked
    struct {
        uint64_t batch;
        bool automatic;
        uint64_t filled_us;       //  When the last range came
        uint64_t adapted_us;      //  When the automatic batch was chosen
        uint64_t adapted_issued;  //  IDs handed out until then
        size_t fills_inflight;    //  Ranges that are on their way
        bool starved;  //  The buffer ran dry before the last one came
    } handle_locked;

    //  The reactor's lock guards these.
    struct {
        zseq_want_t fill[ZSEQ_FILLS_MAX];
        unsigned fills_ended;           //  How many have ended
        zseq_outcome_t fill_outcome;    //  How the last one did
        bool fill_failed;               //  The last one failed; nobody was told
        zseq_buffer_waiter_t *waiters;  //  In the order in which they came
        bool resumed;  //  Its waiting calls were seen to in this turn
    } reactor_locked;

    //  The client's lock guards these.
    zseq_t *prev;
    zseq_t *next;
};

#endif
