//  The asynchronous form: calls that are started, and collected when they have
//  ended. One that cannot be answered from a handle's buffer waits for it among
//  its waiters; others have a want or a query of their own.
//
//  Three files, each above the next: zseq_call.c starts and collects calls,
//  zseq_call_queue.c has the thread that begins those that would have to wait
//  first, and zseq_call_run.c knows how a call begins, goes on and ends.

#ifndef ZSEQ_CALL_H_INCLUDED
#define ZSEQ_CALL_H_INCLUDED

#include <pthread.h>

#include "zseq_detail.h"

typedef struct zseq_call zseq_call_t;

//  Calls that somebody has started and does not wait for. A thread begins those
//  that would have to wait before they are under way: for a clock, a worker, or
//  a directory.
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
    pthread_cond_t wake;  //  The queue has grown, or it is closing
    pthread_cond_t idle;  //  The thread is at none
    bool opening;         //  A call of zseq_call_queue_prefetch is under way
    zseq_outcome_t open_outcome;  //  How the last such call failed
    //  The reactor's lock guards what follows.
    zseq_call_t *pending;
} zseq_calls_t;

//  Of zseq_call.c. The calls of a client whose reactor or source is made; _term
//  ends the thread. In a forked child, what belongs to the parent is left
//  alone.
void zseq_calls_init (zseq_client_t *client);
void zseq_calls_term (zseq_client_t *client);

//  Of zseq_call_queue.c.

//  Whether calls of that client have to be begun by the thread.
bool zseq_call_queue_needed (const zseq_client_t *client);

//  Has the thread do the waiting that a call of the handle would have to do,
//  and says ZSEQ_EAGAIN; or how that has failed, once.
int zseq_call_queue_prefetch (zseq_t *handle);

//  Calls off all of that handle that the thread has or is at. No lock held.
void zseq_call_queue_cancel (zseq_t *handle);

//  Of zseq_call_run.c.

//  Calls off all of that handle that are under way. Reactor's lock held.
void zseq_call_run_cancel (zseq_t *handle);

#endif
