//  A client that draws IDs and writes down what it was given. It may use keys
//  beside.

#ifndef ZSEQ_LOAD_H_INCLUDED
#define ZSEQ_LOAD_H_INCLUDED

#include "zseq_keys.h"

#include <stdatomic.h>

//  What all clients of a test share with it; in memory that survives fork.
typedef struct {
    _Atomic uint64_t operations;  //  Calls that succeeded
    _Atomic uint64_t ids;         //  IDs they handed out
    _Atomic uint64_t failures;    //  Calls that failed, not counted above
    _Atomic uint64_t timeouts;    //  As zseq_stats_t, of clients that ended
    _Atomic uint64_t burnt;       //  The same
    atomic_bool stop;             //  Clients end at the next call
    int progress[2];              //  A pipe: a byte for every so many IDs
} zseq_load_shared_t;

zseq_load_shared_t *zseq_load_shared_new (void);
void zseq_load_shared_destroy (zseq_load_shared_t **self_p);

//  Waits for count bytes of progress; forgets the progress made so far.
void zseq_load_await (zseq_load_shared_t *self, size_t count);
void zseq_load_drain (zseq_load_shared_t *self);

#define ZSEQ_LOAD_BATCH_MAX 1250

typedef struct {
    const char *uri;
    const char *name;
    const char *history;  //  File that the operations are appended to
    uint32_t client;      //  Its number in the history
    uint32_t threads;     //  Threads on its one handle; 0 means 1
    uint64_t operations;  //  Calls per thread; 0: until it is stopped
    uint64_t batch;       //  1: no buffer. 0: all kinds of calls and batches up
                          //  to ZSEQ_LOAD_BATCH_MAX, chosen at random
    uint64_t range;       //  If not 0: next_range of so many
    uint64_t peeks;       //  If not 0: one call in so many is a peek
    uint64_t seed;        //  For what is random
    int timeout_ms;       //  Of a call
    uint64_t pause_us;    //  Between calls
    bool tolerant;        //  Goes on after unavailability and timeouts
    zseq_load_shared_t *shared;
    zseq_keys_t *keys;    //  Keys that it uses beside, until they are stopped;
                          //  or NULL
    uint32_t keys_index;  //  ... as the client of that index
} zseq_load_t;

//  Runs a zseq_load_t, as zseq_process_fork wants it. Returns 0, or 1 after a
//  failure. Prints every failure.
int zseq_load_run (void *load);

#endif
