//  A reactor's fields and its operations. Private to zseq_reactor.c, to
//  zseq_operation.c and zseq_name_queue.c, which the reactor runs, to
//  zseq_query.c and zseq_kv_query.c, which have the kinds of operation, and to
//  zseq_ask.c, which waits for them. Calls go downward: ask, reactor and the
//  queries; operation and name_queue; explain; session. Calls upward go through
//  function pointers: an operation's kind, a request's done, the deferred work.

#ifndef ZSEQ_REACTOR_PRIVATE_H_INCLUDED
#define ZSEQ_REACTOR_PRIVATE_H_INCLUDED

#include <poll.h>
#include <stdatomic.h>

#include "zseq_clock.h"
#include "zseq_explain.h"
#include "zseq_fair_lock.h"
#include "zseq_fork.h"
#include "zseq_kv_list.h"
#include "zseq_kv_nodes.h"
#include "zseq_name_queue.h"
#include "zseq_peek.h"
#include "zseq_query.h"
#include "zseq_transport.h"

//  Size of an encoded request: a message of ours with two names fits.
#define ZSEQ_REQUEST_MAX 1024

typedef struct zseq_operation zseq_operation_t;

//  How one kind of operation does each step.
typedef struct {
    uint64_t speaks;  //  Asks only nodes that speak this version; 0: all
    //  Whether the operation can begin.
    bool (*may_start) (const zseq_session_t *session);
    //  Handles the time now_us. starts: it is the first tick.
    zseq_do_t (*tick) (zseq_reactor_t *reactor, zseq_operation_t *self,
                       bool starts, uint64_t now_us);
    //  The nodes to send to, all of which speak that version. NULL: all that
    //  speak it.
    zseq_node_set_t (*nodes) (const zseq_operation_t *self);
    //  Fills in the message to send.
    void (*request) (zseq_reactor_t *reactor, zseq_operation_t *self,
                     zseq_msg_t *msg);
    //  The message was sent to these nodes so far. NULL: it is sent to the
    //  others once they can be reached.
    zseq_do_t (*sent) (zseq_operation_t *self, zseq_node_set_t reached,
                       uint64_t now_us);
    //  Whether it waits for a reply to that request. NULL: to the message
    //  that was sent last.
    bool (*waits_for) (const zseq_operation_t *self, uint64_t request);
    //  When to tick next at the latest. NULL: when the attempt says.
    uint64_t (*wake_us) (const zseq_operation_t *self);
    //  Handles a reply; with an attempt, only replies from our cluster.
    zseq_do_t (*receive) (zseq_reactor_t *reactor, zseq_operation_t *self,
                          const zseq_msg_t *msg, uint64_t now_us);
    //  Explains the failure, after the deadline has passed or the session has
    //  become fatal. NULL: the operation has no outcome.
    void (*fail) (zseq_reactor_t *reactor, zseq_operation_t *self);
    //  Called when the operation is off the list; may free it. NULL: the
    //  reactor wakes the operation's waiter.
    void (*ended) (zseq_operation_t *self);
} zseq_operation_kind_t;

//  A question to the nodes, with its message under way.
struct zseq_operation {
    const zseq_operation_kind_t *kind;
    zseq_attempt_t *attempt;  //  NULL: asks each node once
    uint64_t deadline_us;
    zseq_waiter_t waiter;  //  Of the thread that waits, if any
    bool active;           //  In the reactor's list
    bool started;          //  Has had its first tick
    uint64_t request;      //  0: no message is under way
    uint64_t sent_us;
    zseq_node_set_t targets;  //  Nodes that the message is for
    zseq_node_set_t unsent;   //  ... without the message so far
    bool foreign;             //  A node answered for another cluster
    uint8_t *bytes;  //  The encoded message; NULL before the start: the
                     //  operation's own bytes are enough
    size_t bytes_max;
    size_t size;
    uint8_t own_bytes[ZSEQ_REQUEST_MAX];
    zseq_operation_t *prev;
    zseq_operation_t *next;
};

//  The kinds. Each struct begins with its operation.

typedef struct {
    zseq_operation_t operation;
    zseq_peek_t peek;
    zseq_query_t *query;
} zseq_query_operation_t;

typedef struct {
    zseq_operation_t operation;
    zseq_status_t *status;
    zseq_node_set_t missing;  //  Nodes that have not answered yet
} zseq_status_operation_t;

typedef struct {
    zseq_operation_t operation;
    const char *name;
    zseq_info_t *info;
    zseq_node_set_t missing;  //  Nodes that were asked and have not answered
} zseq_info_operation_t;

//  One node's page of names.
typedef struct {
    size_t count;
    bool more;
    struct {
        uint64_t next;
        char name[ZSEQ_NAME_MAX + 1];
    } item[ZSEQ_PAGE_MAX];
} zseq_node_page_t;

typedef struct {
    zseq_operation_t operation;
    zseq_attempt_t attempt;
    const char *prefix;
    const char *after;
    zseq_node_page_t *node_pages;  //  One per node
    zseq_outcome_t *outcome;
    bool done;
} zseq_page_operation_t;

typedef struct {
    zseq_operation_t operation;
    zseq_kv_list_t *list;
    const zseq_kv_list_ask_t *ask;
    zseq_outcome_t *outcome;
} zseq_kv_page_operation_t;

struct zseq_reactor {
    //  Taken before the lock by calls to a local node. Such a call rarely
    //  sleeps, so one thread could make calls over and over while others wait
    //  for the lock. A call to a cluster sleeps until nodes answer.
    zseq_fair_lock_t entrance;
    pthread_mutex_t lock;
    bool has_entrance;  //  The thread that has the lock has the entrance
    zseq_uri_t uri;
    unsigned generation;      //  Count of forks when it was made
    zseq_session_t *session;  //  NULL until the first call
    bool closed;              //  Nothing more may be asked
    atomic_bool entered;      //  The session has been opened
    zseq_stats_t stats;       //  Without those of the claims
    uint64_t now_us;          //  Time of this run; 0: not read yet
    bool needs_run;           //  Work has begun since the last run

    //  zseq_reactor.c: the thread that polls, and those that wait.
    struct {
        int wake_fd;            //  Ends a poll before its time
        bool active;            //  A thread polls
        zseq_waiter_t *poller;  //  Its waiter; NULL: the background thread
        uint64_t until_us;      //  When the poll ends
        unsigned changes;       //  Of the session, when the poll began
        //  The session's descriptors when the poll began, and wake_fd. The
        //  thread that polls uses them without the lock.
        struct pollfd fds[ZSEQ_LINKS_MAX + 2];
        size_t fd_count;  //  Of the session
        bool woken;       //  wake_fd has been written
    } poll;
    zseq_waiter_t *waiters;
    struct {
        pthread_t thread;
        bool exists;
        bool closing;
        pthread_cond_t cond;
    } background;
    struct {
        void (*run) (void *arg);
        void *arg;
        uint64_t due_us;
    } deferred;

    //  zseq_name_queue.c: all claims.
    struct {
        zseq_batcher_t *batcher;
        //  After the last tick or post. A tick follows each reply and each
        //  cancelled request, which also change the state.
        zseq_batcher_state_t state;
        bool opened;   //  Claims may be made
        bool foreign;  //  A node answered for another cluster
        zseq_name_queue_t *first;
        uint64_t encoded;  //  Request ID of the message in bytes
        size_t size;
        uint8_t bytes[ZSEQ_REQUEST_MAX];
    } names;

    //  zseq_operation.c: all other operations.
    zseq_operation_t *operations;

    //  zseq_kv_query.c.
    zseq_kv_nodes_t kv_nodes;  //  n 0: nothing was asked yet

    //  zseq_query.c and zseq_kv_query.c.
    uint64_t seed;  //  For the jitter of the next operation
};

//  Whether this process is a forked child of the one that made the reactor.
static inline bool
zseq_reactor_forked (const zseq_reactor_t *self)
{
    return self->generation != zseq_fork_count;
}

//  The time of CLOCK_MONOTONIC. The time stands still from when the thread took
//  the lock, or its poll ended, until the thread releases the lock again.
static inline uint64_t
zseq_reactor_now_us (zseq_reactor_t *self)
{
    if (!self->now_us)
        self->now_us = zseq_clock_now_us ();
    return self->now_us;
}

//  Of zseq_reactor.c.

//  Receives, ticks and sends until no more work is due at once.
void zseq_reactor_run_once (zseq_reactor_t *self);

//  Of zseq_name_queue.c: all queues of the reactor.

//  Prepares the claims of all names. False: no memory.
bool zseq_name_queues_init (zseq_reactor_t *reactor);
void zseq_name_queues_term (zseq_reactor_t *reactor);

//  Starts claims once the session is ready; ticks the claims under way.
void zseq_name_queues_tick (zseq_reactor_t *reactor, uint64_t now_us);

//  Handles a reply that belongs to no operation.
void zseq_name_queues_receive (zseq_reactor_t *reactor, const zseq_msg_t *msg);

//  Whether a claim's message has not reached a node, or a node has answered for
//  another cluster.
bool zseq_name_queues_unsent (const zseq_reactor_t *reactor);

//  Of zseq_operation.c.

//  Puts an operation on the list. The caller has zeroed the operation, and then
//  set kind, attempt, deadline_us, waiter and the kind's own fields.
void zseq_operation_start (zseq_reactor_t *reactor, zseq_operation_t *self);

//  Takes an operation off the list.
void zseq_operation_retire (zseq_reactor_t *reactor, zseq_operation_t *self);

//  The nodes that an operation asks.
zseq_node_set_t zseq_operation_nodes (const zseq_reactor_t *reactor,
                                      const zseq_operation_t *self);

//  An operation's progress, for zseq_explain.
zseq_progress_t zseq_operation_progress (const zseq_operation_t *self);

//  Starts the operations that are ready; ticks the others.
void zseq_operations_tick (zseq_reactor_t *reactor, uint64_t now_us);

//  Handles a reply if it belongs to an operation; returns whether it does.
bool zseq_operations_receive (zseq_reactor_t *reactor, const zseq_msg_t *msg);

//  Whether an operation's message has not reached a node, or a node has
//  answered for another cluster.
bool zseq_operations_unsent (const zseq_reactor_t *reactor);

//  When to tick next at the latest.
uint64_t zseq_operations_wake_us (const zseq_reactor_t *reactor);

//  Of zseq_kv_query.c.

//  Explains why too few nodes have answered an operation of the key-value store
//  that changes nothing.
void zseq_kv_query_explain (zseq_reactor_t *reactor,
                            const zseq_operation_t *operation,
                            zseq_outcome_t *outcome);

//  Of zseq_query.c: the kinds.
extern const zseq_operation_kind_t zseq_query_kind;
extern const zseq_operation_kind_t zseq_query_status_kind;
extern const zseq_operation_kind_t zseq_query_page_kind;
extern const zseq_operation_kind_t zseq_query_info_kind;
extern const zseq_operation_kind_t zseq_query_kv_page_kind;

#endif
