//  The asynchronous form: zseq_start_* starts a call, and zseq_client_collect
//  collects it when it has ended. A call that cannot be answered from a
//  handle's buffer waits for the buffer among its waiters, or has a request or
//  a query of its own.
//
//  There are three files, each above the next: zseq_call.c starts and collects
//  calls, zseq_call_queue.c has the thread that begins calls that would block,
//  and zseq_call_run.c begins, resumes and ends calls.

#ifndef ZSEQ_CALL_H_INCLUDED
#define ZSEQ_CALL_H_INCLUDED

#include <pthread.h>

#include "zseq_detail.h"

typedef struct zseq_call zseq_call_t;

//  A client's calls that were started. A thread begins those that would block
//  before they are under way: for a clock, a worker, or a directory.
typedef struct {
    pthread_mutex_t
      lock;  //  May be taken under any other lock; guards what follows
    int fd;  //  An eventfd, readable while ended is not empty; or -1
    zseq_call_t *ended;  //  To be collected, the first to end first
    zseq_call_t **ended_end;
    zseq_call_t *queue;  //  To be begun by the thread
    zseq_call_t **queue_end;
    zseq_call_t *current;  //  The thread is beginning this one
    pthread_t thread;
    bool threaded;
    bool closing;
    pthread_cond_t wake;  //  The queue has grown, or closing was set
    pthread_cond_t idle;  //  current is NULL
    bool opening;         //  A call of zseq_call_queue_prefetch is under way
    zseq_outcome_t open_outcome;  //  How the last such call failed
    //  The reactor's lock guards what follows.
    zseq_call_t *pending;  //  Under way
} zseq_calls_t;

//  Of zseq_call.c. Makes the calls of a client that has its reactor or source.
//  _term ends the thread; in a forked child it leaves alone what belongs to the
//  parent.
void zseq_calls_init (zseq_client_t *client);
void zseq_calls_term (zseq_client_t *client);

//  Of zseq_call_queue.c.

//  Whether the thread has to begin the calls of that client.
bool zseq_call_queue_needed (const zseq_client_t *client);

//  Has the thread wait as a call of the handle would have to. Errors, with
//  zseq_detail set: ZSEQ_EAGAIN (the thread is waiting), the error of the last
//  such wait (once), ZSEQ_ENOMEM, ZSEQ_EFORKED.
int zseq_call_queue_prefetch (zseq_t *handle);

//  Cancels the calls of a handle, a zseq_t or a zseq_kv_t, that the thread has
//  or is beginning. No lock held.
void zseq_call_queue_cancel (zseq_client_t *client, const void *handle);

//  Of zseq_call_run.c.

//  Cancels the calls of a handle, a zseq_t or a zseq_kv_t, that are under way.
//  Reactor's lock held.
void zseq_call_run_cancel (zseq_client_t *client, const void *handle);

#endif
