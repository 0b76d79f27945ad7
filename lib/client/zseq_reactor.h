//  What a client's threads share: the session to the nodes, and the requests and
//  queries under way. No thread is there for the I/O only: of the threads that
//  wait, one polls for all of them (the leader), and hands the duty over when
//  its own wait ends. A background thread polls only when no other waits.
//
//  Everything between _enter and _leave is under one lock; _wait gives it up
//  while it sleeps. zseq_name_queue and zseq_query start what a thread need not
//  wait for, zseq_ask what it does.

#ifndef ZSEQ_REACTOR_H_INCLUDED
#define ZSEQ_REACTOR_H_INCLUDED

#include "zseq_uri.h"
#include "zseq_waiter.h"

typedef struct zseq_reactor zseq_reactor_t;

//  A reactor for that URI, which is copied. Does no I/O. NULL: no memory.
zseq_reactor_t *zseq_reactor_new (const zseq_uri_t *uri);

//  Nobody may wait any more, and no name queue may be left. In a forked child,
//  what belongs to the parent is left alone.
void zseq_reactor_destroy (zseq_reactor_t **self_p);

//  Takes the lock, opening the session the first time. Errors, lock not taken,
//  zseq_detail set: ZSEQ_EFORKED, ZSEQ_ENOMEM, ZSEQ_EIO, ZSEQ_EURI.
int zseq_reactor_enter (zseq_reactor_t *self);

//  Whether the session have been opened: then entering waits for nothing but the
//  lock, which nobody holds for long.
bool zseq_reactor_entered (const zseq_reactor_t *self);

//  Takes the lock and nothing else.
void zseq_reactor_lock (zseq_reactor_t *self);

//  Deals with what has arrived meanwhile, makes sure that a thread polls if
//  anything is under way, and gives the lock back.
void zseq_reactor_leave (zseq_reactor_t *self);

//  Sleeps until waiter is woken or until_us has passed. Does the I/O for all
//  threads if no other does.
void zseq_reactor_wait (zseq_reactor_t *self, zseq_waiter_t *waiter,
                        uint64_t until_us);

//  Counts IDs that no caller will ever be handed.
void zseq_reactor_burn (zseq_reactor_t *self, uint64_t count);

//  Has deferred called under the lock, where everything may be called, at the
//  scheduled time or soon after. Of several times, the earliest counts.
void zseq_reactor_set_deferred (zseq_reactor_t *self,
                                void (*deferred) (void *arg), void *arg);
void zseq_reactor_schedule (zseq_reactor_t *self, uint64_t us);

//  How long opening the session may take.
void zseq_reactor_set_timeout (zseq_reactor_t *self, int timeout_ms);

//  Before the session are opened. Errors: ZSEQ_EINVAL.
int zseq_reactor_set_quorum (zseq_reactor_t *self, int r, int w);

void zseq_reactor_stats (zseq_reactor_t *self, zseq_stats_t *stats);

#endif
