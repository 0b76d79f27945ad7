//  What a client and its handles are made of. Private to zseq_client.c and
//  zseq_calls.c.

#ifndef ZSEQ_CLIENT_PRIVATE_H_INCLUDED
#define ZSEQ_CLIENT_PRIVATE_H_INCLUDED

#include "zseq_buffer.h"
#include "zseq_engine.h"
#include "zseq_source.h"

//  Ranges that a handle may have on their way.
#define ZSEQ_FILLS_MAX 2

typedef struct zseq_call zseq_call_t;

//  Calls that somebody has started and does not wait for. A thread begins those
//  that would have to wait before they are under way: for a clock, a worker, or a
//  directory.
typedef struct {
    pthread_mutex_t lock;  //  May be taken under any other; guards what follows
    int fd;                //  An eventfd, readable while any has ended; or -1
    zseq_call_t *ended;    //  In the order in which they did
    zseq_call_t **ended_end;
    zseq_call_t *queue;  //  For the thread
    zseq_call_t **queue_end;
    zseq_call_t *current;  //  The thread is at it
    pthread_t thread;
    bool threaded;
    bool closing;
    pthread_cond_t wake;    //  The queue has grown, or it is closing
    pthread_cond_t idle;    //  The thread is at none
    bool warming;           //  zseq_calls_warm has one under way
    zseq_outcome_t warmed;  //  How the last one of these has failed
    //  The engine's lock guards what follows.
    zseq_call_t *pending;
} zseq_calls_t;

struct zseq_client {
    zseq_engine_t *engine;  //  One of the two
    zseq_source_t *source;
    zseq_uri_t uri;
    unsigned forks;  //  As many as when it was made
    atomic_int timeout_ms;
    zseq_calls_t calls;
    //  May be taken under the engine's; guards what follows.
    pthread_mutex_t lock;
    zseq_t *handles;
    uint64_t issued;  //  By handles that are gone
};

//  Somebody who waits for the buffer to be filled: a thread, or a call.
typedef struct zseq_drinker {
    zseq_call_t *call;
    zseq_waiter_t waiter;  //  Of a thread
    bool served;
    uint64_t id;  //  What it got
    struct zseq_drinker *next;
} zseq_drinker_t;

//  The handle's lock may be taken under the engine's and the client's, not the
//  other way.
struct zseq {
    zseq_client_t *client;
    zseq_name_t *name;
    void *place;     //  What stands for the name at the source
    unsigned forks;  //  As many as when it was made
    atomic_int timeout_ms;

    pthread_mutex_t lock;  //  Guards what follows
    zseq_buffer_t buffer;  //  IDs can be taken without it
    uint64_t batch;
    bool automatic;
    uint64_t filled_us;       //  When the last range came
    uint64_t adapted_us;      //  When the automatic batch was chosen
    uint64_t adapted_issued;  //  IDs handed out until then
    size_t filling;           //  Ranges that are on their way
    bool hungry;              //  The buffer ran dry before the last one came

    //  The engine's lock guards what follows.
    zseq_want_t fill[ZSEQ_FILLS_MAX];
    unsigned fills;               //  How many have ended
    zseq_outcome_t fill_outcome;  //  How the last one did
    bool fill_failed;             //  ... badly, and nobody was told
    zseq_drinker_t *drinkers;     //  In the order in which they came
    bool settled;  //  Its waiting calls were seen to in this turn

    zseq_t *prev;
    zseq_t *next;
};

//  Of zseq_client.c.

//  Whether the handle, or client, is of this process. Errors: ZSEQ_EFORKED.
int zseq_client_check (const zseq_client_t *self);

int zseq_client_check_count (uint64_t count);
int zseq_client_check_id (uint64_t id);

uint64_t zseq_client_deadline_us (int timeout_ms);

//  Whether the handle has a buffer.
bool zseq_client_buffered (zseq_t *handle);

//  Takes an ID that is at hand, and sends for more in time, which may take until
//  the deadline; with the engine's lock held, or not.
bool zseq_client_take (zseq_t *handle, uint64_t deadline_us, uint64_t *id_p);
bool zseq_client_take_ahead (zseq_t *handle, uint64_t *id_p);

//  Sends for the next ranges, unless they are on their way; then those may take
//  until deadline_us at least. Engine's lock held.
void zseq_client_fill (zseq_t *handle, uint64_t deadline_us);

//  An ID, or range, came that was in no buffer. Engine's lock held.
void zseq_client_passed (zseq_t *handle, uint64_t first, uint64_t count);

//  The handle's sequence was raised: no handle of its client hands out less from
//  now on. Engine's lock held.
void zseq_client_raised (zseq_t *handle, uint64_t id);

//  Of the source: IDs; a peek (with 0 there) or raise.
int zseq_client_take_source (zseq_t *handle, uint64_t count, int timeout_ms,
                             uint64_t *first_p);
int zseq_client_probe_source (zseq_source_t *source, void *place,
                              uint64_t *value_p);

//  Of zseq_calls.c.

void zseq_calls_init (zseq_client_t *client);
void zseq_calls_term (zseq_client_t *client);

//  Calls that wait for the handle's buffer go on: a fill has ended, well or with
//  the handle's outcome; or what was on its way was called off. Engine's lock
//  held.
void zseq_calls_filled (zseq_t *handle, bool failed);

//  Calls off all of that handle: first those that the thread has or is at, with
//  no lock held, then with the engine's lock those that are under way.
void zseq_calls_off_queue (zseq_t *handle);
void zseq_calls_off (zseq_t *handle);

//  Whether calls of that client have to be begun by the thread.
bool zseq_calls_wait (const zseq_client_t *client);

//  Has the thread do the waiting that a call of the handle would have to do, and
//  says ZSEQ_EAGAIN; or how that has failed, once.
int zseq_calls_warm (zseq_t *handle);

#endif
