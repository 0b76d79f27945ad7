//  Clients that use keys of the key-value store while a test disturbs its
//  nodes, and a judge of what they were told.
//
//  Threads of client processes put, compare and set, delete and get: few keys
//  often, many seldom, values that are all different, handles that come and go,
//  timeouts that are long or so short that outcomes are unknown. Each call is
//  noted in memory that the judge shares, a process of its own. It takes the
//  calls in as they come and forgets what is settled, so that a run can be of
//  any length. What a client that is killed has sent is noted before it is
//  sent.
//
//  A test calls zseq_keys_new, and forks client processes. Each of them calls
//  zseq_keys_client_new, and _end when it ends by itself. The test calls
//  zseq_keys_reap for each client that has ended, and zseq_keys_judge at last.
//  What goes wrong in these functions ends the test (zseq_process_fail).

#ifndef ZSEQ_KEYS_H_INCLUDED
#define ZSEQ_KEYS_H_INCLUDED

#include "zseq.h"
#include "zseq_kv_history.h"

#include <pthread.h>

#define ZSEQ_KEYS_MAX 1024
#define ZSEQ_KEYS_THREADS_MAX 8
#define ZSEQ_KEYS_CLIENTS_MAX 64

typedef struct {
    const char *name;  //  What all names of keys begin with. Keys must be
                       //  absent at first
    uint32_t clients;  //  Client processes at a time
    uint32_t threads;  //  Threads of each that use keys
    uint32_t keys;     //  Half of all calls are for the first few
    size_t value_max;  //  Bytes of a value; most are small
    int timeout_ms;    //  Of a call; of some handles a small part of it
    bool steady;       //  The first thread of each client only writes, the
                       //  second only reads, and they have no such handle:
                       //  they tell whether the client is served
    pthread_rwlock_t *gate;  //  A call holds it for reading, or NULL
    uint64_t seed;
} zseq_keys_options_t;

typedef struct zseq_keys zseq_keys_t;

//  Starts the judge. It dies with the thread that calls this.
zseq_keys_t *zseq_keys_new (const zseq_keys_options_t *options);

//  Ends a judge that has not judged; nulls the pointer.
void zseq_keys_destroy (zseq_keys_t **self_p);

//  In a client process.

typedef struct zseq_keys_client zseq_keys_client_t;

//  Starts the threads of the client of that index, below options.clients.
zseq_keys_client_t *zseq_keys_client_new (zseq_keys_t *keys, uint32_t index,
                                          zseq_client_t *client);

//  Waits until the threads have ended: after zseq_keys_stop, or an error that
//  faults of nodes do not explain, which is printed. Returns ZSEQ_OK, or that
//  error.
int zseq_keys_client_end (zseq_keys_client_t **self_p);

//  In a process of its own: gets every key once, and does not take the gate.
//  Returns ZSEQ_OK, or the error.
int zseq_keys_ask_all (zseq_keys_t *self, zseq_client_t *client,
                       int timeout_ms);

//  In the test.

//  Lets the threads end after their present calls.
void zseq_keys_stop (zseq_keys_t *self);

//  A client process has ended, by itself or not: the outcome of what it was
//  doing is unknown. Another client may have its index now.
void zseq_keys_reap (zseq_keys_t *self, uint32_t index);

//  What a client has done, if steady its first two threads.
typedef struct {
    uint64_t reads;  //  Gets, stale ones not counted, that had an answer
    uint64_t writes;
    uint64_t failures;
    uint64_t read_ns;  //  When the last one of them ended
    uint64_t write_ns;
} zseq_keys_progress_t;

zseq_keys_progress_t zseq_keys_progress (const zseq_keys_t *self,
                                         uint32_t index);

//  Counts over all clients.
typedef struct {
    uint64_t calls;
    uint64_t failures;  //  Of calls: refused or unknown
    uint64_t unknown;   //  ... of which writes that may have been done
    uint64_t refused;   //  ... of which refused by full disks
} zseq_keys_counts_t;

zseq_keys_counts_t zseq_keys_counts (const zseq_keys_t *self);

//  Waits until so many more calls have had an answer.
void zseq_keys_await (const zseq_keys_t *self, uint64_t answers);

//  All clients must have been reaped. Waits for the judge and returns its
//  verdict, owned by self; violations are printed. ZSEQ_TEST_HISTORY of the
//  environment is a file that all calls are appended to (histories.md).
const zseq_kv_verdict_t *zseq_keys_judge (zseq_keys_t *self);

#endif
