//  What a client's threads share: the session with the cluster, and the
//  requests and queries under way. No thread does only I/O: of the threads that
//  wait, one polls for all of them (the leader of the leader/follower pattern),
//  and passes the poll to another when its own wait ends. A background thread
//  polls only while no other thread waits.
//
//  A call begins with _enter and ends with _leave; the reactor's lock is held
//  in between. _wait releases the lock while it sleeps. zseq_name_queue and
//  zseq_query start work without waiting for it; zseq_ask also waits.

#ifndef ZSEQ_REACTOR_H_INCLUDED
#define ZSEQ_REACTOR_H_INCLUDED

#include "zseq_uri.h"
#include "zseq_waiter.h"

typedef struct zseq_reactor zseq_reactor_t;

//  Makes a reactor for a URI, and copies the URI. Does no I/O. NULL: no memory.
zseq_reactor_t *zseq_reactor_new (const zseq_uri_t *uri);

//  Call it when no thread waits and all name queues are released. In a forked
//  child, the session and the threads, which belong to the parent, stay alone.
void zseq_reactor_destroy (zseq_reactor_t **self_p);

//  Takes the lock, and opens the session at the first call. After an error, the
//  lock is not taken and zseq_detail is set. Errors: ZSEQ_EFORKED, and those of
//  zseq_session_new.
int zseq_reactor_enter (zseq_reactor_t *self);

//  Whether the session has been opened: then _enter waits only for the lock,
//  which no thread holds for long.
bool zseq_reactor_entered (const zseq_reactor_t *self);

//  Takes the lock, and does not open the session. Release it with _leave.
void zseq_reactor_lock (zseq_reactor_t *self);

//  Runs once if new work requires it, ensures that a thread polls while work is
//  under way, and releases the lock.
void zseq_reactor_leave (zseq_reactor_t *self);

//  Ends all requests and operations with ZSEQ_ECLOSED, and those to come.
//  Reactor's lock held.
void zseq_reactor_close (zseq_reactor_t *self);

//  Sleeps until waiter is woken or until_us has passed. Polls for all threads
//  if no other thread does.
void zseq_reactor_wait (zseq_reactor_t *self, zseq_waiter_t *waiter,
                        uint64_t until_us);

//  Adds to the count of burnt IDs: IDs that no caller will ever get.
void zseq_reactor_burn (zseq_reactor_t *self, uint64_t count);

//  Sets the deferred work. The reactor calls it under the lock at the scheduled
//  time or soon after; the work may call any function of the reactor. Of
//  several scheduled times, the earliest counts.
void zseq_reactor_set_deferred (zseq_reactor_t *self,
                                void (*deferred) (void *arg), void *arg);
void zseq_reactor_schedule (zseq_reactor_t *self, uint64_t us);

//  Limits how long opening the session may take.
void zseq_reactor_set_timeout (zseq_reactor_t *self, int timeout_ms);

//  Sets the quorums. Errors: ZSEQ_EINVAL (out of range, or the session has been
//  opened).
int zseq_reactor_set_quorum (zseq_reactor_t *self, int r, int w);

void zseq_reactor_stats (zseq_reactor_t *self, zseq_stats_t *stats);

#endif
