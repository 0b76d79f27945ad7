#include "zseq_engine.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "zseq_clock.h"
#include "zseq_codec.h"
#include "zseq_detail.h"
#include "zseq_fork.h"
#include "zseq_transport.h"

//  A request of ours with two names fits.
#define REQUEST_MAX 1024

typedef enum {
    S_PROBE,
    S_STATUS,
    S_PAGE,
} s_kind_t;

//  Something that nodes are asked, with the message under way.
typedef struct s_op {
    s_kind_t kind;
    bool active;       //  It is in the engine's list
    bool started;      //  It was ticked once
    uint64_t request;  //  0: no message is under way
    uint64_t sent_us;
    uint32_t unsent;  //  Nodes that could not be reached yet, a bit each
    bool foreign;     //  A node answered for another cluster
    size_t size;
    uint8_t bytes[REQUEST_MAX];
    struct s_op *prev;
    struct s_op *next;
} s_op_t;

struct zseq_name {
    zseq_line_t *line;
    size_t references;
    struct zseq_name *next;
    char text[ZSEQ_NAME_MAX + 1];
};

typedef struct {
    s_op_t op;
    zseq_peek_t peek;
    zseq_probe_t *probe;
    zseq_waiter_t waiter;
} s_probe_t;

typedef struct {
    s_op_t op;
    zseq_status_t *status;
    uint64_t deadline_us;
    uint32_t missing;  //  Nodes that have not answered yet
    zseq_waiter_t waiter;
} s_status_t;

typedef struct {
    size_t count;
    bool more;
    struct {
        uint64_t next;
        char name[ZSEQ_NAME_MAX + 1];
    } item[ZSEQ_PAGE_MAX];
} s_leaf_t;

typedef struct {
    s_op_t op;
    zseq_attempt_t attempt;
    const char *prefix;
    const char *after;
    s_leaf_t *leaf;  //  One per node
    zseq_outcome_t *outcome;
    bool done;
    zseq_waiter_t waiter;
} s_page_t;

struct zseq_engine {
    pthread_mutex_t lock;
    zseq_uri_t uri;
    unsigned generation;    //  Of forks, in which it was made
    zseq_session_t *links;  //  NULL until the first call
    atomic_bool entered;    //  ... has had them
    int nudge_fd;           //  Ends a poll before its time
    bool polling;           //  Somebody polls
    zseq_waiter_t *poller;  //  ... this one, or the background thread
    uint64_t poll_until_us;
    unsigned poll_changes;  //  Of the links, when the poll began
    bool nudged;
    zseq_waiter_t *waiters;
    pthread_t thread;  //  The background thread
    bool threaded;     //  ... exists
    pthread_cond_t background;
    bool closing;
    s_op_t *ops;
    zseq_lines_t *lines;  //  All claims
    bool opened;          //  ... may be made
    bool foreign;         //  A node answered one for another cluster
    uint64_t encoded;     //  Request ID of the message in bytes
    size_t size;
    uint8_t bytes[REQUEST_MAX];
    zseq_name_t *names;
    void (*settle) (void *arg);
    void *settle_arg;
    uint64_t settle_us;  //  When to call it
    uint64_t seed;
    zseq_stats_t stats;
};

static void s_pump (zseq_engine_t *self);
static void s_drive (zseq_engine_t *self, s_op_t *op, zseq_do_t todo);

bool
zseq_engine_forked (const zseq_engine_t *self)
{
    assert (self);
    return self->generation != zseq_fork_count;
}

//  Time and waiting.

static void
s_cond_init (pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    pthread_condattr_init (&attributes);
    pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
    int rc = pthread_cond_init (cond, &attributes);
    assert (rc == 0);
    pthread_condattr_destroy (&attributes);
}

void
zseq_waiter_init (zseq_waiter_t *self)
{
    assert (self);
    memset (self, 0, sizeof *self);
    s_cond_init (&self->cond);
}

void
zseq_waiter_term (zseq_waiter_t *self)
{
    assert (self);
    pthread_cond_destroy (&self->cond);
}

void
zseq_waiter_wake (zseq_waiter_t *self)
{
    assert (self);
    self->woken = true;
    pthread_cond_signal (&self->cond);
}

//  What to tell people.

//  How far a question has come.
typedef struct {
    bool started;     //  It was asked
    bool foreign;     //  A node answered for another cluster
    uint32_t unsent;  //  Nodes that it could not be sent to, a bit each
    const zseq_attempt_t *attempt;
} s_state_t;

//  Whom it has not reached, for a person.
static void
s_add_missing (const zseq_engine_t *self, const s_state_t *state,
               zseq_outcome_t *outcome)
{
    const char *before = "; not reachable: ";
    for (uint8_t node = 0; node < zseq_session_n (self->links); node++) {
        if (!(state->unsent & (1u << node)))
            continue;
        const zseq_member_t *member = zseq_session_member (self->links, node);
        zseq_outcome_add (outcome, "%s%s at %s", before, member->name,
                          member->endpoint);
        before = ", ";
    }
}

//  Why what was wanted did not come to be by its deadline.
static void
s_explain (const zseq_engine_t *self, const s_state_t *state, uint8_t need,
           const char *harm, zseq_outcome_t *outcome)
{
    if (zseq_session_fatal (self->links)) {
        *outcome = *zseq_session_fatal (self->links);
        return;
    }
    if (!zseq_session_ready (self->links) || !state->started) {
        zseq_session_explain (self->links, outcome);
        zseq_outcome_add (outcome, "; %s", harm);
        return;
    }
    unsigned n = zseq_session_n (self->links);
    uint8_t answered;
    int rc = zseq_attempt_failure (state->attempt, need, &answered);
    if (rc == ZSEQ_EUNAVAILABLE && state->foreign)
        zseq_outcome_set (outcome, ZSEQ_ECLUSTER,
                          "the nodes answer for another cluster than before: "
                          "was it made anew? Make a new client");
    else if (rc == ZSEQ_EUNAVAILABLE)
        zseq_outcome_set (outcome, rc, "%u of %u nodes answered, %u are needed",
                          answered, n, need);
    else if (rc == ZSEQ_ETIMEOUT)
        zseq_outcome_set (outcome, rc,
                          "%u of %u nodes answered, too late or with other "
                          "clients' claims first: allow more time, or use a "
                          "larger batch",
                          answered, n);
    else
        zseq_outcome_set (outcome, rc,
                          "%u of %u nodes answered, the others refuse",
                          answered, n);
    s_add_missing (self, state, outcome);
    zseq_outcome_add (outcome, "; %s", harm);
}

static s_state_t
s_state (const s_op_t *op, const zseq_attempt_t *attempt)
{
    s_state_t state = {op->started, op->foreign,
                       op->started ? op->unsent : UINT32_MAX, attempt};
    return state;
}

//  Operations.

static void
s_activate (zseq_engine_t *self, s_op_t *op)
{
    assert (!op->active);
    op->active = true;
    op->started = false;
    op->request = 0;
    op->unsent = 0;
    op->foreign = false;
    op->prev = NULL;
    op->next = self->ops;
    if (self->ops)
        self->ops->prev = op;
    self->ops = op;
}

static void
s_retire (zseq_engine_t *self, s_op_t *op)
{
    assert (op->active);
    if (op->prev)
        op->prev->next = op->next;
    else
        self->ops = op->next;
    if (op->next)
        op->next->prev = op->prev;
    op->active = false;
    op->request = 0;
}

static zseq_pace_t
s_pace (zseq_engine_t *self)
{
    zseq_pace_t pace = {.rtt_us = zseq_lines_stats (self->lines)->rtt_us,
                        .deadline_us = ZSEQ_NEVER,
                        .seed = self->seed++};
    return pace;
}

//  The attempt that op is at; NULL if it makes none.
static zseq_attempt_t *
s_attempt (s_op_t *op)
{
    switch (op->kind) {
    case S_PROBE:
        return &((s_probe_t *) op)->peek.attempt;
    case S_PAGE:
        return &((s_page_t *) op)->attempt;
    case S_STATUS:
        break;
    }
    return NULL;
}

//  Sends op's message to the nodes that it could not reach so far.
static void
s_scatter (zseq_engine_t *self, s_op_t *op)
{
    for (uint8_t node = 0; node < zseq_session_n (self->links); node++) {
        uint32_t bit = 1u << node;
        if ((op->unsent & bit) &&
            zseq_session_send (self->links, node, op->bytes, op->size) ==
              ZSEQ_OK)
            op->unsent &= ~bit;
    }
    zseq_attempt_t *attempt = s_attempt (op);
    if (attempt)
        attempt->absent = op->unsent;
}

static void
s_send (zseq_engine_t *self, s_op_t *op, zseq_msg_t *msg)
{
    msg->cluster = zseq_session_cluster (self->links);
    op->request = msg->request;
    op->sent_us = zseq_clock_now_us ();
    op->size = zseq_codec_encode (msg, op->bytes, sizeof op->bytes);
    assert (op->size);
    op->unsent = (1u << zseq_session_n (self->links)) - 1;
    s_scatter (self, op);
}

static zseq_slice_t
s_slice (const char *text)
{
    zseq_slice_t slice = {text, strlen (text)};
    return slice;
}

//  Wants.

//  A message is made once, for all nodes.
static bool
s_send_claim (void *arg, uint8_t node, zseq_msg_t *msg)
{
    zseq_engine_t *self = arg;
    if (self->encoded != msg->request) {
        msg->cluster = zseq_session_cluster (self->links);
        self->size = zseq_codec_encode (msg, self->bytes, sizeof self->bytes);
        assert (self->size);
        self->encoded = msg->request;
    }
    return zseq_session_send (self->links, node, self->bytes, self->size) ==
           ZSEQ_OK;
}

static uint64_t
s_draw (void *arg)
{
    zseq_engine_t *self = arg;
    return zseq_session_draw_request (self->links);
}

void
zseq_engine_explain (const zseq_engine_t *self, const zseq_name_t *name,
                     zseq_outcome_t *outcome)
{
    assert (self);
    assert (name);
    assert (outcome);

    const char *harm = "nothing was handed out, though IDs may have been burnt";
    uint8_t node;
    const zseq_attempt_t *attempt = zseq_line_attempt (name->line, &node);
    if (!attempt && zseq_session_ready (self->links) &&
        !zseq_session_fatal (self->links)) {
        zseq_outcome_set (outcome, ZSEQ_ETIMEOUT,
                          "other requests of this client came first: allow "
                          "more time, or use a larger batch; %s",
                          harm);
        return;
    }
    s_state_t state = {attempt != NULL, self->foreign,
                       attempt ? attempt->absent : UINT32_MAX, attempt};
    if (attempt && node < zseq_session_n (self->links) &&
        !zseq_session_fatal (self->links)) {
        const zseq_member_t *member = zseq_session_member (self->links, node);
        zseq_outcome_set (outcome, ZSEQ_ETIMEOUT,
                          "node %s at %s, which was asked to claim, has not "
                          "answered yet: allow more time; %s",
                          member->name, member->endpoint, harm);
        return;
    }
    s_explain (self, &state, zseq_session_quorum (self->links)->w, harm,
               outcome);
}

static void
s_end_want (void *arg, zseq_rider_t *rider)
{
    const zseq_engine_t *self = arg;
    zseq_want_t *want = (zseq_want_t *) rider;
    want->outcome.rc = rider->status;
    if (rider->status == ZSEQ_EEXHAUSTED && rider->count_min == 1)
        zseq_outcome_set (&want->outcome, ZSEQ_EEXHAUSTED,
                          "no ID is left of sequence '%s'", want->name->text);
    else if (rider->status == ZSEQ_EEXHAUSTED)
        zseq_outcome_set (&want->outcome, ZSEQ_EEXHAUSTED,
                          "fewer than %llu IDs are left of sequence '%s'",
                          (unsigned long long) rider->count_min,
                          want->name->text);
    else if (rider->status != ZSEQ_OK)
        zseq_engine_explain (self, want->name, &want->outcome);
    want->pending = false;
    want->done (want);
}

void
zseq_engine_cancel (zseq_engine_t *self, zseq_want_t *want)
{
    assert (self);
    assert (want);
    if (want->pending)
        zseq_line_cancel (&want->rider);
    want->pending = false;
}

void
zseq_engine_post (zseq_engine_t *self, zseq_name_t *name, zseq_want_t *want)
{
    assert (self);
    assert (name);
    assert (want);
    assert (!want->pending);

    want->name = name;
    want->pending = true;
    zseq_line_add (name->line, &want->rider);
    zseq_lines_flush (self->lines, zseq_clock_now_us ());
}

void
zseq_engine_burn (zseq_engine_t *self, uint64_t count)
{
    assert (self);
    self->stats.burnt += count;
}

//  The nodes are known: claims may be made.
static void
s_open_lines (zseq_engine_t *self)
{
    const zseq_quorum_t *quorum = zseq_session_quorum (self->links);
    zseq_rendezvous_t rendezvous;
    zseq_rendezvous_init (&rendezvous, quorum->n);
    for (uint8_t node = 0; node < quorum->n; node++) {
        const char *name = zseq_session_member (self->links, node)->name;
        zseq_rendezvous_set_name (&rendezvous, node, name, strlen (name));
    }
    zseq_lines_open (self->lines, quorum, &rendezvous);
    self->opened = true;
}

//  The next step of each kind.

static zseq_do_t
s_ask_probe (zseq_engine_t *self, s_probe_t *probe)
{
    zseq_msg_t msg;
    zseq_do_t todo =
      zseq_peek_request (&probe->peek, zseq_session_draw_request (self->links),
                         zseq_clock_now_us (), &msg);
    assert (todo == ZSEQ_DO_SEND);
    msg.name = s_slice (probe->probe->name);
    s_send (self, &probe->op, &msg);
    return ZSEQ_DO_WAIT;
}

static zseq_do_t
s_ask_page (zseq_engine_t *self, s_page_t *page)
{
    zseq_msg_t msg;
    msg.op = ZSEQ_OP_LIST;
    msg.reply = false;
    msg.request = zseq_session_draw_request (self->links);
    msg.name = s_slice (page->prefix);
    msg.after = s_slice (page->after);
    msg.count = ZSEQ_PAGE_MAX;
    zseq_attempt_begin (&page->attempt, msg.request, true,
                        zseq_clock_now_us ());
    s_send (self, &page->op, &msg);
    return ZSEQ_DO_WAIT;
}

static zseq_do_t
s_ask_status (zseq_engine_t *self, s_status_t *status)
{
    zseq_msg_t msg;
    msg.op = ZSEQ_OP_STATUS;
    msg.reply = false;
    msg.request = zseq_session_draw_request (self->links);
    s_send (self, &status->op, &msg);
    return ZSEQ_DO_WAIT;
}

static zseq_do_t
s_ask (zseq_engine_t *self, s_op_t *op)
{
    switch (op->kind) {
    case S_PROBE:
        return s_ask_probe (self, (s_probe_t *) op);
    case S_PAGE:
        return s_ask_page (self, (s_page_t *) op);
    case S_STATUS:
        return s_ask_status (self, (s_status_t *) op);
    }
    assert (false);
    return ZSEQ_DO_WAIT;
}

static void
s_end_probe (s_probe_t *op)
{
    zseq_probe_t *probe = op->probe;
    if (probe->outcome.rc == ZSEQ_OK) {
        assert (op->peek.done);
        probe->value = op->peek.value;
    }
    if (!probe->done) {
        zseq_waiter_wake (&op->waiter);
        return;
    }
    probe->op = NULL;
    free (op);
    probe->done (probe);
}

static void
s_finish (zseq_engine_t *self, s_op_t *op)
{
    s_retire (self, op);
    if (op->kind == S_PROBE)
        s_end_probe ((s_probe_t *) op);
    else if (op->kind == S_PAGE)
        zseq_waiter_wake (&((s_page_t *) op)->waiter);
    else
        zseq_waiter_wake (&((s_status_t *) op)->waiter);
}

static void
s_drive (zseq_engine_t *self, s_op_t *op, zseq_do_t todo)
{
    if (todo == ZSEQ_DO_SEND)
        todo = s_ask (self, op);
    if (todo == ZSEQ_DO_DONE)
        s_finish (self, op);
}

//  Why a probe or a page did not come to be.
static void
s_fail_op (zseq_engine_t *self, s_op_t *op)
{
    if (op->kind == S_PROBE) {
        s_probe_t *probe = (s_probe_t *) op;
        uint8_t need = probe->peek.attempt.quorum.w;
        s_state_t state = s_state (op, &probe->peek.attempt);
        s_explain (self, &state,
                   op->started ? need : zseq_session_quorum (self->links)->w,
                   probe->peek.given ? "the raise may yet come to hold"
                                     : "nothing has changed",
                   &probe->probe->outcome);
    }
    else if (op->kind == S_PAGE) {
        s_page_t *page = (s_page_t *) op;
        s_state_t state = s_state (op, &page->attempt);
        s_explain (self, &state, zseq_session_quorum (self->links)->r,
                   "nothing has changed", page->outcome);
    }
    s_finish (self, op);
}

static uint64_t
s_deadline_us (const s_op_t *op)
{
    switch (op->kind) {
    case S_PROBE:
        return ((const s_probe_t *) op)->probe->deadline_us;
    case S_PAGE:
        return ((const s_page_t *) op)->attempt.pace.deadline_us;
    case S_STATUS:
        return ((const s_status_t *) op)->deadline_us;
    }
    return ZSEQ_NEVER;
}

static uint64_t
s_wake_us (const s_op_t *op)
{
    uint64_t deadline_us = s_deadline_us (op);
    uint64_t wake_us = ZSEQ_NEVER;
    if (op->started && op->kind == S_PROBE)
        wake_us = zseq_peek_wake_us (&((const s_probe_t *) op)->peek);
    else if (op->started && op->kind == S_PAGE)
        wake_us = zseq_attempt_wake_us (&((const s_page_t *) op)->attempt);
    return wake_us < deadline_us ? wake_us : deadline_us;
}

static zseq_do_t
s_tick_page (s_page_t *page, uint64_t now_us)
{
    zseq_attempt_t *attempt = &page->attempt;
    if (zseq_attempt_overdue (attempt, now_us)) {
        zseq_attempt_end (attempt, false);
        zseq_attempt_pause (attempt, now_us);
    }
    return zseq_attempt_due (attempt, now_us) ? ZSEQ_DO_SEND : ZSEQ_DO_WAIT;
}

//  Starts what may start, and lets time pass for the rest.
static void
s_tick_op (zseq_engine_t *self, s_op_t *op, uint64_t now_us)
{
    if (zseq_session_fatal (self->links) || now_us >= s_deadline_us (op)) {
        s_fail_op (self, op);
        return;
    }
    bool may_start = op->kind == S_STATUS ? zseq_session_known (self->links)
                                          : zseq_session_ready (self->links);
    if (!op->started && !may_start)
        return;

    if (op->started && op->unsent)
        s_scatter (self, op);
    bool starts = !op->started;
    zseq_pace_t pace = s_pace (self);
    op->started = true;
    if (op->kind == S_PROBE) {
        s_probe_t *probe = (s_probe_t *) op;
        if (starts)
            zseq_peek_init (&probe->peek, zseq_session_quorum (self->links),
                            probe->probe->value, &pace);
        s_drive (self, op, zseq_peek_tick (&probe->peek, now_us));
    }
    else if (op->kind == S_PAGE) {
        s_page_t *page = (s_page_t *) op;
        if (starts) {
            pace.deadline_us = page->attempt.pace.deadline_us;
            zseq_attempt_init (&page->attempt,
                               zseq_session_quorum (self->links), &pace);
        }
        s_drive (self, op, s_tick_page (page, now_us));
    }
    else if (starts) {
        ((s_status_t *) op)->missing = (1u << zseq_session_n (self->links)) - 1;
        s_drive (self, op, ZSEQ_DO_SEND);
    }
}

//  Replies.

static zseq_do_t
s_page_reply (s_page_t *page, const zseq_msg_t *msg, uint64_t now_us)
{
    zseq_attempt_t *attempt = &page->attempt;
    if (msg->op != ZSEQ_OP_LIST || !zseq_attempt_add (attempt, msg))
        return ZSEQ_DO_WAIT;
    s_leaf_t *leaf = &page->leaf[msg->node];
    leaf->count = 0;
    leaf->more = false;
    if (msg->status == ZSEQ_OK) {
        leaf->count = msg->item_count;
        leaf->more = msg->more && msg->item_count;
        for (size_t index = 0; index < msg->item_count; index++) {
            const zseq_item_t *item = &msg->items[index];
            leaf->item[index].next = item->next;
            memcpy (leaf->item[index].name, item->name.data, item->name.size);
            leaf->item[index].name[item->name.size] = 0;
        }
    }
    if (zseq_attempt_granted (attempt) >= attempt->quorum.r) {
        zseq_attempt_end (attempt, true);
        page->done = true;
        return ZSEQ_DO_DONE;
    }
    if (zseq_attempt_hopeless (attempt, attempt->quorum.r)) {
        zseq_attempt_end (attempt, true);
        zseq_attempt_pause (attempt, now_us);
    }
    return ZSEQ_DO_WAIT;
}

static zseq_do_t
s_status_reply (zseq_engine_t *self, s_status_t *op, const zseq_msg_t *msg,
                uint64_t now_us)
{
    if (msg->op != ZSEQ_OP_STATUS || msg->request != op->op.request ||
        msg->status != ZSEQ_OK || !(op->missing & (1u << msg->node)))
        return ZSEQ_DO_WAIT;
    op->missing &= ~(1u << msg->node);
    zseq_node_status_t *node = &op->status->node[msg->node];
    node->reachable = true;
    node->voting = msg->state == ZSEQ_STATE_VOTING;
    if (node->voting)
        snprintf (node->state, sizeof node->state, "voting");
    else
        snprintf (node->state, sizeof node->state, "%.*s",
                  (int) msg->reason.size, msg->reason.data);
    node->incarnation = msg->vector.life[msg->node].counter;
    node->sequences = msg->sequences;
    node->burnt = msg->burnt;
    node->rtt_us = now_us - op->op.sent_us;
    node->version = zseq_session_speaks (self->links, msg->node);
    return op->missing ? ZSEQ_DO_WAIT : ZSEQ_DO_DONE;
}

static void
s_op_reply (zseq_engine_t *self, s_op_t *op, const zseq_msg_t *msg)
{
    uint64_t now_us = zseq_clock_now_us ();
    if (op->kind == S_STATUS) {
        s_drive (self, op,
                 s_status_reply (self, (s_status_t *) op, msg, now_us));
        return;
    }
    //  The wrong cluster's node is nobody's vote.
    if (msg->cluster != zseq_session_cluster (self->links)) {
        op->foreign = op->foreign || msg->status == ZSEQ_ECLUSTER;
        return;
    }

    const zseq_attempt_t *attempt = s_attempt (op);
    uint32_t trips = attempt->trips;
    zseq_do_t todo;
    if (op->kind == S_PROBE)
        todo = zseq_peek_reply (&((s_probe_t *) op)->peek, msg, now_us);
    else
        todo = s_page_reply ((s_page_t *) op, msg, now_us);
    self->stats.round_trips += attempt->trips - trips;
    s_drive (self, op, todo);
}

//  The engine's turn.

static s_op_t *
s_find_op (const zseq_engine_t *self, uint64_t request)
{
    s_op_t *op = self->ops;
    while (op && op->request != request)
        op = op->next;
    return op;
}

//  Returns whether anything was received.
static bool
s_receive (zseq_engine_t *self)
{
    bool seen = false;
    zseq_msg_t msg;
    while (zseq_session_recv (self->links, &msg, &seen)) {
        s_op_t *op = s_find_op (self, msg.request);
        if (op)
            s_op_reply (self, op, &msg);
        //  The wrong cluster's node is nobody's vote.
        else if (msg.cluster != zseq_session_cluster (self->links))
            self->foreign |= msg.status == ZSEQ_ECLUSTER;
        else if (zseq_lines_reply (self->lines, &msg, zseq_clock_now_us ()))
            self->foreign = false;
    }
    return seen;
}

static void
s_tick (zseq_engine_t *self)
{
    uint64_t now_us = zseq_clock_now_us ();
    bool restless = zseq_lines_restless (self->lines) ||
                    (self->foreign && zseq_lines_busy (self->lines));
    for (const s_op_t *op = self->ops; op; op = op->next)
        restless |= op->unsent || op->foreign;
    zseq_session_tick (self->links, now_us, restless);
    s_op_t *following;
    for (s_op_t *op = self->ops; op; op = following) {
        following = op->next;
        s_tick_op (self, op, now_us);
    }
    if (!self->opened && zseq_session_ready (self->links))
        s_open_lines (self);
    if (zseq_session_fatal (self->links))
        zseq_lines_end (self->lines, ZSEQ_ETIMEOUT);
    zseq_lines_tick (self->lines, now_us);
    zseq_lines_flush (self->lines, now_us);
}

static void
s_settle (zseq_engine_t *self)
{
    if (self->settle_us > zseq_clock_now_us ())
        return;
    self->settle_us = ZSEQ_NEVER;
    self->settle (self->settle_arg);
}

void
zseq_engine_set_settle (zseq_engine_t *self, void (*settle) (void *arg),
                        void *arg)
{
    assert (self);
    self->settle = settle;
    self->settle_arg = arg;
}

void
zseq_engine_settle_at (zseq_engine_t *self, uint64_t us)
{
    assert (self);
    assert (self->settle);
    if (us < self->settle_us)
        self->settle_us = us;
}

//  Until every socket has been found empty after the last message was sent:
//  only then does its descriptor tell of the next one.
static void
s_pump (zseq_engine_t *self)
{
    do {
        s_tick (self);
        if (self->settle_us != ZSEQ_NEVER)
            s_settle (self);
    } while (s_receive (self));
}

static uint64_t
s_next_wake_us (const zseq_engine_t *self)
{
    uint64_t wake_us = zseq_session_wake_us (self->links);
    for (const s_op_t *op = self->ops; op; op = op->next) {
        uint64_t op_us = s_wake_us (op);
        if (op_us < wake_us)
            wake_us = op_us;
    }
    if (self->settle_us < wake_us)
        wake_us = self->settle_us;
    uint64_t lines_us = zseq_lines_wake_us (self->lines);
    return lines_us < wake_us ? lines_us : wake_us;
}

//  Ends the poll of another thread when what it polls for has come, or when
//  something is due before its time.
static void
s_nudge (zseq_engine_t *self)
{
    if (!self->polling || self->nudged)
        return;
    if ((self->poller && self->poller->woken) || self->closing ||
        zseq_session_changes (self->links) != self->poll_changes ||
        s_next_wake_us (self) < self->poll_until_us) {
        self->nudged = true;
        uint64_t one = 1;
        ssize_t size = write (self->nudge_fd, &one, sizeof one);
        assert (size == sizeof one);
    }
}

static void
s_poll (zseq_engine_t *self, zseq_waiter_t *waiter, uint64_t until_us)
{
    uint64_t wake_us = s_next_wake_us (self);
    if (wake_us > until_us)
        wake_us = until_us;
    uint64_t now_us = zseq_clock_now_us ();

    struct pollfd fds[ZSEQ_LINKS_MAX + 2];
    size_t count = zseq_session_fds (self->links, fds);
    fds[count].fd = self->nudge_fd;
    fds[count].events = POLLIN;
    fds[count].revents = 0;
    struct timespec timeout =
      zseq_clock_timespec (wake_us > now_us ? wake_us - now_us : 0);

    self->polling = true;
    self->poller = waiter;
    self->poll_until_us = wake_us;
    self->poll_changes = zseq_session_changes (self->links);
    self->nudged = false;
    pthread_mutex_unlock (&self->lock);
    int rc =
      ppoll (fds, count + 1, wake_us == ZSEQ_NEVER ? NULL : &timeout, NULL);
    assert (rc >= 0 || errno == EINTR);
    pthread_mutex_lock (&self->lock);
    self->polling = false;
    self->poller = NULL;
    if (rc > 0)
        zseq_session_heed (self->links, fds, count);

    if (self->nudged) {
        uint64_t nudges;
        ssize_t size = read (self->nudge_fd, &nudges, sizeof nudges);
        assert (size == sizeof nudges);
    }
    s_pump (self);
}

static bool
s_busy (const zseq_engine_t *self)
{
    return self->ops || self->settle_us != ZSEQ_NEVER ||
           zseq_lines_busy (self->lines);
}

static void *
s_background (void *arg)
{
    zseq_engine_t *self = arg;
    pthread_mutex_lock (&self->lock);
    while (!self->closing)
        if (!self->polling && !self->waiters && s_busy (self))
            s_poll (self, NULL, ZSEQ_NEVER);
        else {
            if (!self->polling && self->waiters)
                pthread_cond_signal (&self->waiters->cond);
            pthread_cond_wait (&self->background, &self->lock);
        }
    pthread_mutex_unlock (&self->lock);
    return NULL;
}

//  Sees to it that somebody polls if anything is under way.
static void
s_hand_over (zseq_engine_t *self)
{
    if (self->polling || !s_busy (self))
        return;
    if (self->waiters) {
        pthread_cond_signal (&self->waiters->cond);
        return;
    }
    if (!self->threaded) {
        //  Without a thread, what is under way goes on with the next call.
        sigset_t all, before;
        sigfillset (&all);
        pthread_sigmask (SIG_SETMASK, &all, &before);
        self->threaded =
          pthread_create (&self->thread, NULL, s_background, self) == 0;
        pthread_sigmask (SIG_SETMASK, &before, NULL);
    }
    pthread_cond_signal (&self->background);
}

void
zseq_engine_wait (zseq_engine_t *self, zseq_waiter_t *waiter, uint64_t until_us)
{
    assert (self);
    assert (waiter);

    s_pump (self);
    waiter->prev = NULL;
    waiter->next = self->waiters;
    if (self->waiters)
        self->waiters->prev = waiter;
    self->waiters = waiter;

    struct timespec until = zseq_clock_timespec (until_us);
    while (!waiter->woken && zseq_clock_now_us () < until_us) {
        if (!self->polling)
            s_poll (self, waiter, until_us);
        else {
            s_nudge (self);
            pthread_cond_timedwait (&waiter->cond, &self->lock, &until);
        }
    }

    if (waiter->prev)
        waiter->prev->next = waiter->next;
    else
        self->waiters = waiter->next;
    if (waiter->next)
        waiter->next->prev = waiter->prev;
}

//  Life.

zseq_engine_t *
zseq_engine_new (const zseq_uri_t *uri)
{
    assert (uri);

    zseq_fork_watch ();
    if (sodium_init () == -1)
        return NULL;
    zseq_engine_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->uri = *uri;
    self->generation = zseq_fork_count;
    self->nudge_fd = -1;
    self->settle_us = ZSEQ_NEVER;
    zseq_lines_hooks_t hooks = {
      .arg = self, .ask = s_send_claim, .done = s_end_want, .draw = s_draw};
    self->lines = zseq_lines_new (&hooks);
    if (!self->lines) {
        free (self);
        return NULL;
    }
    randombytes_buf (&self->seed, sizeof self->seed);
    pthread_mutex_init (&self->lock, NULL);
    s_cond_init (&self->background);
    return self;
}

void
zseq_engine_destroy (zseq_engine_t **self_p)
{
    assert (self_p);

    zseq_engine_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    if (zseq_engine_forked (self)) {
        free (self);
        return;
    }
    assert (!self->names);
    pthread_mutex_lock (&self->lock);
    self->closing = true;
    if (self->links)
        s_nudge (self);
    pthread_cond_signal (&self->background);
    pthread_mutex_unlock (&self->lock);
    if (self->threaded)
        pthread_join (self->thread, NULL);
    zseq_session_destroy (&self->links);
    zseq_lines_destroy (&self->lines);
    if (self->nudge_fd >= 0)
        close (self->nudge_fd);
    pthread_cond_destroy (&self->background);
    pthread_mutex_destroy (&self->lock);
    free (self);
}

static int
s_open (zseq_engine_t *self)
{
    if (self->nudge_fd < 0)
        self->nudge_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->nudge_fd < 0)
        return zseq_detail_fail (ZSEQ_EIO, "no descriptor is left: %s",
                                 strerror (errno));
    uint64_t request;
    randombytes_buf (&request, sizeof request);
    return zseq_session_new (&self->links, &self->uri, request);
}

int
zseq_engine_enter (zseq_engine_t *self)
{
    assert (self);

    int rc = zseq_fork_check (self->generation);
    if (rc != ZSEQ_OK)
        return rc;
    pthread_mutex_lock (&self->lock);
    rc = self->links ? ZSEQ_OK : s_open (self);
    if (rc != ZSEQ_OK)
        pthread_mutex_unlock (&self->lock);
    else
        self->entered = true;
    return rc;
}

bool
zseq_engine_entered (const zseq_engine_t *self)
{
    assert (self);
    return self->entered;
}

void
zseq_engine_lock (zseq_engine_t *self)
{
    assert (self);
    pthread_mutex_lock (&self->lock);
}

void
zseq_engine_leave (zseq_engine_t *self)
{
    assert (self);

    if (self->links) {
        s_pump (self);
        s_nudge (self);
        s_hand_over (self);
    }
    pthread_mutex_unlock (&self->lock);
}

void
zseq_engine_set_timeout (zseq_engine_t *self, int timeout_ms)
{
    assert (self);

    pthread_mutex_lock (&self->lock);
    self->uri.timeout_ms = timeout_ms;
    pthread_mutex_unlock (&self->lock);
}

int
zseq_engine_set_quorum (zseq_engine_t *self, int r, int w)
{
    assert (self);

    int rc = zseq_fork_check (self->generation);
    if (rc != ZSEQ_OK)
        return rc;
    if (r < 0 || r > ZSEQ_NODES_MAX || w < 0 || w > ZSEQ_NODES_MAX)
        return zseq_detail_fail (ZSEQ_EINVAL, "r %d or w %d is not in 0..%d", r,
                                 w, ZSEQ_NODES_MAX);
    pthread_mutex_lock (&self->lock);
    bool late = self->links != NULL;
    if (!late) {
        self->uri.r = r;
        self->uri.w = w;
    }
    pthread_mutex_unlock (&self->lock);
    return late
             ? zseq_detail_fail (
                 ZSEQ_EINVAL, "r and w are set before the client's first call")
             : ZSEQ_OK;
}

void
zseq_engine_stats (zseq_engine_t *self, zseq_stats_t *stats)
{
    assert (self);
    assert (stats);

    pthread_mutex_lock (&self->lock);
    const zseq_lines_stats_t *lines = zseq_lines_stats (self->lines);
    *stats = self->stats;
    stats->attempts += lines->claims;
    stats->claims += lines->won;
    stats->conflicts += lines->conflicts;
    stats->timeouts += lines->late;
    stats->burnt += lines->burnt;
    stats->round_trips += lines->trips;
    stats->rtt_us = lines->rtt_us;
    pthread_mutex_unlock (&self->lock);
}

zseq_name_t *
zseq_engine_name (zseq_engine_t *self, const char *name)
{
    assert (self);
    assert (name);
    assert (strlen (name) <= ZSEQ_NAME_MAX);

    pthread_mutex_lock (&self->lock);
    zseq_name_t *known = self->names;
    while (known && strcmp (known->text, name))
        known = known->next;
    if (!known && (known = calloc (1, sizeof *known))) {
        strcpy (known->text, name);
        known->line = zseq_line_new (self->lines, known->text, strlen (name));
        if (known->line) {
            known->next = self->names;
            self->names = known;
        }
        else {
            free (known);
            known = NULL;
        }
    }
    if (known)
        known->references++;
    pthread_mutex_unlock (&self->lock);
    return known;
}

const char *
zseq_engine_name_text (const zseq_name_t *name)
{
    assert (name);
    return name->text;
}

void
zseq_engine_name_free (zseq_engine_t *self, zseq_name_t *name)
{
    assert (self);
    assert (name);

    bool forked = zseq_engine_forked (self);
    if (!forked)
        pthread_mutex_lock (&self->lock);
    assert (name->references);
    if (--name->references == 0) {
        //  The lines are the parent's, who may have been at work on them.
        if (!forked)
            zseq_line_free (&name->line);
        zseq_name_t **place = &self->names;
        while (*place != name)
            place = &(*place)->next;
        *place = name->next;
        free (name);
    }
    if (!forked)
        pthread_mutex_unlock (&self->lock);
}

//  Questions that the caller waits for.

//  Waits for op, which wakes waiter when it is done.
static void
s_run (zseq_engine_t *self, s_op_t *op, zseq_waiter_t *waiter,
       uint64_t deadline_us)
{
    zseq_waiter_init (waiter);
    s_activate (self, op);
    while (!waiter->woken) {
        zseq_engine_wait (self, waiter, deadline_us);
        //  The tick after the deadline ends it.
        s_pump (self);
    }
    zseq_waiter_term (waiter);
}

void
zseq_engine_probe (zseq_engine_t *self, zseq_probe_t *probe)
{
    assert (self);
    assert (probe);

    s_probe_t op = {.op.kind = S_PROBE, .probe = probe};
    probe->outcome.rc = ZSEQ_OK;
    s_run (self, &op.op, &op.waiter, probe->deadline_us);
}

int
zseq_engine_post_probe (zseq_engine_t *self, zseq_probe_t *probe)
{
    assert (self);
    assert (probe);
    assert (probe->done);
    assert (!probe->op);

    s_probe_t *op = calloc (1, sizeof *op);
    if (!op)
        return ZSEQ_ENOMEM;
    op->op.kind = S_PROBE;
    op->probe = probe;
    probe->op = op;
    probe->outcome.rc = ZSEQ_OK;
    s_activate (self, &op->op);
    return ZSEQ_OK;
}

void
zseq_engine_cancel_probe (zseq_engine_t *self, zseq_probe_t *probe)
{
    assert (self);
    assert (probe);
    s_probe_t *op = probe->op;
    if (!op)
        return;
    s_retire (self, &op->op);
    probe->op = NULL;
    free (op);
}

void
zseq_engine_status (zseq_engine_t *self, uint64_t deadline_us,
                    zseq_status_t *status, zseq_outcome_t *outcome)
{
    assert (self);
    assert (status);
    assert (outcome);

    memset (status, 0, sizeof *status);
    s_status_t op = {
      .op.kind = S_STATUS, .status = status, .deadline_us = deadline_us};
    s_run (self, &op.op, &op.waiter, deadline_us);

    uint8_t n = zseq_session_n (self->links);
    bool reachable = false;
    for (uint8_t node = 0; node < n; node++) {
        const zseq_member_t *member = zseq_session_member (self->links, node);
        strcpy (status->node[node].name, member->name);
        strcpy (status->node[node].endpoint, member->endpoint);
        reachable |= status->node[node].reachable;
    }
    outcome->rc = ZSEQ_OK;
    if (!reachable || zseq_session_fatal (self->links)) {
        zseq_attempt_t none = {.answered = 0};
        s_state_t state = s_state (&op.op, &none);
        s_explain (self, &state, 1, "nothing has changed", outcome);
        return;
    }
    const zseq_quorum_t *quorum = zseq_session_quorum (self->links);
    strcpy (status->cluster, zseq_session_cluster_name (self->links));
    status->identity = zseq_session_cluster (self->links);
    status->nodes = quorum->n;
    status->r = quorum->r;
    status->w = quorum->w;
}

//  Takes the lowest name of all leaves that count; those who have it move on.
static bool
s_merge_next (const zseq_engine_t *self, const s_page_t *op, size_t *at,
              const char *bound, zseq_page_t *page)
{
    const char *lowest = NULL;
    for (uint8_t node = 0; node < zseq_session_n (self->links); node++) {
        const s_leaf_t *leaf = &op->leaf[node];
        if (zseq_tally_counts (&op->attempt.tally, node) &&
            at[node] < leaf->count &&
            (!lowest || strcmp (leaf->item[at[node]].name, lowest) < 0))
            lowest = leaf->item[at[node]].name;
    }
    if (!lowest || (bound && strcmp (lowest, bound) > 0))
        return false;

    size_t index = page->count++;
    strcpy (page->item[index].name, lowest);
    page->item[index].next = 0;
    for (uint8_t node = 0; node < zseq_session_n (self->links); node++) {
        const s_leaf_t *leaf = &op->leaf[node];
        if (!zseq_tally_counts (&op->attempt.tally, node) ||
            at[node] >= leaf->count ||
            strcmp (leaf->item[at[node]].name, page->item[index].name))
            continue;
        if (leaf->item[at[node]].next > page->item[index].next)
            page->item[index].next = leaf->item[at[node]].next;
        at[node]++;
    }
    return true;
}

void
zseq_engine_page (zseq_engine_t *self, const char *prefix, const char *after,
                  uint64_t deadline_us, zseq_page_t *page,
                  zseq_outcome_t *outcome)
{
    assert (self);
    assert (prefix);
    assert (after);
    assert (page);
    assert (outcome);

    page->count = 0;
    page->more = false;
    s_page_t op = {.op.kind = S_PAGE,
                   .prefix = prefix,
                   .after = after,
                   .outcome = outcome,
                   .attempt.pace.deadline_us = deadline_us,
                   .leaf = calloc (ZSEQ_NODES_MAX, sizeof (s_leaf_t))};
    outcome->rc = ZSEQ_OK;
    if (!op.leaf) {
        zseq_outcome_set (outcome, ZSEQ_ENOMEM, "a page of names does not fit");
        return;
    }
    s_run (self, &op.op, &op.waiter, deadline_us);
    if (outcome->rc == ZSEQ_OK) {
        assert (op.done);
        //  Above the end of the shortest page that goes on, nothing is known.
        const char *bound = NULL;
        for (uint8_t node = 0; node < zseq_session_n (self->links); node++) {
            const s_leaf_t *leaf = &op.leaf[node];
            if (!zseq_tally_counts (&op.attempt.tally, node) || !leaf->more)
                continue;
            const char *last = leaf->item[leaf->count - 1].name;
            if (!bound || strcmp (last, bound) < 0)
                bound = last;
        }
        page->more = bound != NULL;
        size_t at[ZSEQ_NODES_MAX] = {0};
        while (s_merge_next (self, &op, at, bound, page))
            continue;
    }
    free (op.leaf);
}
