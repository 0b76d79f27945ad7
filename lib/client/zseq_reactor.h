//  What a client's threads share: the links to the nodes, and the operations
//  under way. There is no thread of its own that does the I/O: of the threads
//  that wait, one polls, for all of them, and hands the duty over when its own
//  wait ends. A background thread polls only when nobody waits.
//
//  Everything between _enter and _leave is under one lock; _wait gives it up
//  while it sleeps.

#ifndef ZSEQ_ENGINE_H_INCLUDED
#define ZSEQ_ENGINE_H_INCLUDED

#include <pthread.h>

#include "zseq_lines.h"
#include "zseq_session.h"
#include "zseq_peek.h"

typedef struct zseq_engine zseq_engine_t;

//  A thread that waits.
typedef struct zseq_waiter {
    pthread_cond_t cond;
    bool woken;
    struct zseq_waiter *prev;
    struct zseq_waiter *next;
} zseq_waiter_t;

void zseq_waiter_init (zseq_waiter_t *self);
void zseq_waiter_term (zseq_waiter_t *self);
void zseq_waiter_wake (zseq_waiter_t *self);

//  A name that IDs are wanted of.
typedef struct zseq_name zseq_name_t;

//  A wish for IDs. Wishes for one name that wait at the same time share a
//  claim, in the order in which they came.
typedef struct zseq_want {
    zseq_rider_t rider;  //  Its deadline is of CLOCK_MONOTONIC
    //  Called under the lock, once, when it is no longer pending.
    void (*done) (struct zseq_want *self);
    void *arg;
    bool pending;
    zseq_outcome_t outcome;
    zseq_name_t *name;
} zseq_want_t;

//  A peek or raise.
typedef struct zseq_probe {
    const char *name;
    uint64_t value;  //  0 or what to raise to; then the result
    uint64_t deadline_us;
    zseq_outcome_t outcome;
    //  As a want's, unless somebody waits for it.
    void (*done) (struct zseq_probe *self);
    void *arg;
    void *op;  //  NULL: it is not pending
} zseq_probe_t;

//  An engine for that URI, which is copied. Does no I/O. NULL: no memory.
zseq_engine_t *zseq_engine_new (const zseq_uri_t *uri);

//  Nobody may wait any more, and no name may be left. In a forked child, what
//  belongs to the parent is left alone.
void zseq_engine_destroy (zseq_engine_t **self_p);

//  Takes the lock, opening the links the first time. Errors, lock not taken,
//  zseq_detail set: ZSEQ_EFORKED, ZSEQ_ENOMEM, ZSEQ_EIO, ZSEQ_EURI.
int zseq_engine_enter (zseq_engine_t *self);

//  Whether the links have been opened: then entering waits for nothing but the
//  lock, which nobody holds for long.
bool zseq_engine_entered (const zseq_engine_t *self);

//  Takes the lock and nothing else.
void zseq_engine_lock (zseq_engine_t *self);

//  Deals with what has arrived meanwhile, sees to it that somebody polls if
//  anything is under way, and gives the lock back.
void zseq_engine_leave (zseq_engine_t *self);

//  Whether this is another process than the one that made the engine.
bool zseq_engine_forked (const zseq_engine_t *self);

//  Sleeps, doing the I/O for everybody if nobody else does, until waiter is
//  woken or until_us has passed.
void zseq_engine_wait (zseq_engine_t *self, zseq_waiter_t *waiter,
                       uint64_t until_us);

//  That name, made known if need be; NULL: no memory. Each is to be given back.
//  These two need the lock but not the links: they take it.
zseq_name_t *zseq_engine_name (zseq_engine_t *self, const char *name);
void zseq_engine_name_free (zseq_engine_t *self, zseq_name_t *name);

const char *zseq_engine_name_text (const zseq_name_t *name);

//  Posts want, whose rider's count, count_min and deadline_us, and whose done
//  and arg are set.
void zseq_engine_post (zseq_engine_t *self, zseq_name_t *name,
                       zseq_want_t *want);

//  Takes a pending want back; IDs on their way to it are burnt. done is not
//  called.
void zseq_engine_cancel (zseq_engine_t *self, zseq_want_t *want);

//  Why a want of that name that had its deadline now would not get its IDs.
void zseq_engine_explain (const zseq_engine_t *self, const zseq_name_t *name,
                          zseq_outcome_t *outcome);

//  Counts IDs that no caller will ever be handed.
void zseq_engine_burn (zseq_engine_t *self, uint64_t count);

//  Has settle called under the lock, where everything may be called, at the time
//  that is asked for, or soon after.
void zseq_engine_set_settle (zseq_engine_t *self, void (*settle) (void *arg),
                             void *arg);
void zseq_engine_settle_at (zseq_engine_t *self, uint64_t us);

//  Posts a probe whose done is set. Errors: ZSEQ_ENOMEM. And takes it back.
int zseq_engine_post_probe (zseq_engine_t *self, zseq_probe_t *probe);
void zseq_engine_cancel_probe (zseq_engine_t *self, zseq_probe_t *probe);

//  These wait until they are done; the lock is given up while they do.
void zseq_engine_probe (zseq_engine_t *self, zseq_probe_t *probe);
void zseq_engine_status (zseq_engine_t *self, uint64_t deadline_us,
                         zseq_status_t *status, zseq_outcome_t *outcome);

//  Some names, ascending, with what is next of each.
typedef struct {
    size_t count;
    bool more;  //  There may be names above the last one
    struct {
        uint64_t next;
        char name[ZSEQ_NAME_MAX + 1];
    } item[ZSEQ_NODES_MAX * ZSEQ_PAGE_MAX];
} zseq_page_t;

//  The names above after ("" for all) that begin with prefix, as many as one
//  round of questions finds, agreed on by R nodes.
void zseq_engine_page (zseq_engine_t *self, const char *prefix,
                       const char *after, uint64_t deadline_us,
                       zseq_page_t *page, zseq_outcome_t *outcome);

//  How long opening the links may take.
void zseq_engine_set_timeout (zseq_engine_t *self, int timeout_ms);

//  Before the links are opened. Errors: ZSEQ_EINVAL.
int zseq_engine_set_quorum (zseq_engine_t *self, int r, int w);

void zseq_engine_stats (zseq_engine_t *self, zseq_stats_t *stats);

#endif
