#include "zseq_engine.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "zseq_codec.h"
#include "zseq_detail.h"
#include "zseq_transport.h"

//  How often a node that does not say who it is, or whose cluster is not born
//  yet, is asked again.
#define GREET_US 100000
//  How often the members are learnt anew while one cannot be reached.
#define REFRESH_US 1000000
//  How long the other endpoints of the URI may take to say who they are once
//  one has: a node listed twice is found out before anything is done.
#define GRACE_US 50000
//  A first guess.
#define RTT_US 1000
//  Weight of a new round trip in the typical one: 1 / 8, as TCP has it
//  (RFC 6298).
#define RTT_SHIFT 3
//  A request of ours with two names fits.
#define REQUEST_MAX 1024

typedef struct {
    char endpoint[ZSEQ_ENDPOINT_MAX + 1];  //  Empty: not in use
    bool listed;                           //  In the URI
    bool greeted;                          //  It has said who it is
    uint8_t node;                          //  ... this member
    uint64_t request;                      //  Its HELLO under way; 0 if none
    uint64_t greet_us;                     //  When to say HELLO again
} s_link_t;

typedef enum {
    S_CLAIM,
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
    size_t size;
    uint8_t bytes[REQUEST_MAX];
    struct s_op *prev;
    struct s_op *next;
} s_op_t;

struct zseq_line {
    s_op_t op;
    zseq_claim_t claim;
    zseq_known_t known;
    zseq_want_t *riding;   //  Wants that share the claim, in order
    zseq_want_t *waiting;  //  Wants that came after it was sent
    size_t references;
    struct zseq_line *next;
    char name[ZSEQ_NAME_MAX + 1];
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
        uint8_t size;
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
    unsigned generation;  //  Of forks, in which it was made
    zseq_transport_t *transport;
    zseq_codec_t codec;
    int nudge_fd;           //  Ends a poll before its time
    bool polling;           //  Somebody polls
    zseq_waiter_t *poller;  //  ... this one, or the background thread
    uint64_t poll_until_us;
    bool nudged;
    zseq_waiter_t *waiters;
    pthread_t thread;  //  The background thread
    bool threaded;     //  ... exists
    pthread_cond_t background;
    bool closing;

    s_link_t link[ZSEQ_LINKS_MAX];
    char cluster_name[ZSEQ_LABEL_MAX + 1];
    uint64_t cluster;  //  Identity; 0: not known, or not born yet
    uint8_t n;         //  0: not known
    zseq_member_t member[ZSEQ_NODES_MAX];
    int node_link[ZSEQ_NODES_MAX];  //  Link of each member; -1 if none
    zseq_quorum_t quorum;
    uint64_t grace_us;     //  When grace ends; 0 before the first HELLO's reply
    bool known;            //  Members are known, and grace is over
    bool ready;            //  ... and the cluster is born
    zseq_outcome_t fatal;  //  Set up wrongly: every call fails so

    s_op_t *ops;
    zseq_line_t *lines;
    uint64_t next_request;
    uint64_t seed;
    zseq_stats_t stats;
};

static void s_pump (zseq_engine_t *self);
static void s_drive (zseq_engine_t *self, s_op_t *op, zseq_do_t todo);

//  Forks. A child must not touch what its parent's threads are using.

static unsigned s_generation;

static void
s_count_fork (void)
{
    s_generation++;
}

static void
s_watch_forks (void)
{
    (void) pthread_atfork (NULL, NULL, s_count_fork);
}

bool
zseq_engine_forked (const zseq_engine_t *self)
{
    assert (self);
    return self->generation != s_generation;
}

//  Time and waiting.

uint64_t
zseq_engine_now_us (void)
{
    struct timespec now;
    int rc = clock_gettime (CLOCK_MONOTONIC, &now);
    assert (rc == 0);
    return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

static struct timespec
s_timespec (uint64_t us)
{
    struct timespec time = {.tv_sec = (time_t) (us / 1000000),
                            .tv_nsec = (long) (us % 1000000) * 1000};
    return time;
}

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

static void
s_outcome (zseq_outcome_t *outcome, int rc, const char *format, ...)
{
    outcome->rc = rc;
    va_list list;
    va_start (list, format);
    vsnprintf (outcome->detail, sizeof outcome->detail, format, list);
    va_end (list);
}

static void
s_append (char *text, size_t size, const char *format, ...)
{
    size_t used = strlen (text);
    va_list list;
    va_start (list, format);
    vsnprintf (text + used, size - used, format, list);
    va_end (list);
}

//  Whom op has not reached, for a person.
static void
s_append_missing (const zseq_engine_t *self, const s_op_t *op, char *text)
{
    const char *before = "; not reachable: ";
    for (uint8_t node = 0; node < self->n; node++) {
        if (self->node_link[node] >= 0 && !(op->unsent & (1u << node)))
            continue;
        s_append (text, ZSEQ_DETAIL_MAX, "%s%s at %s", before,
                  self->member[node].name, self->member[node].endpoint);
        before = ", ";
    }
}

//  Why what op wanted did not come to be by its deadline.
static void
s_explain (const zseq_engine_t *self, const s_op_t *op,
           const zseq_attempt_t *attempt, uint8_t need, const char *harm,
           zseq_outcome_t *outcome)
{
    if (self->fatal.rc) {
        *outcome = self->fatal;
        return;
    }
    if (self->n == 0) {
        bool spoke = false;
        for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++)
            spoke |= self->link[index].request != 0;
        s_outcome (outcome, ZSEQ_EUNAVAILABLE,
                   "no node answered at %s%s: %s; %s", self->uri.endpoint[0],
                   self->uri.endpoints > 1 ? " or the other endpoints" : "",
                   spoke ? "what listens there does not speak like zseqd"
                         : "is zseqd running there, and reachable?",
                   harm);
        return;
    }
    if (!self->cluster) {
        s_outcome (outcome, ZSEQ_EUNAVAILABLE,
                   "cluster %s is not born yet: all of its nodes have to be up "
                   "together once; %s",
                   self->cluster_name, harm);
        return;
    }
    int rc =
      op->started ? zseq_attempt_failure (attempt, need) : ZSEQ_EUNAVAILABLE;
    if (rc == ZSEQ_EUNAVAILABLE)
        s_outcome (outcome, rc, "%u of %u nodes answered, %u are needed",
                   op->started ? attempt->answered : 0, self->n, need);
    else if (rc == ZSEQ_ETIMEOUT)
        s_outcome (outcome, rc,
                   "%u of %u nodes answered, too late or with other clients' "
                   "claims first: allow more time, or use a larger batch",
                   attempt->answered, self->n);
    else
        s_outcome (outcome, rc, "%u of %u nodes answered, the others refuse",
                   attempt->answered, self->n);
    s_append_missing (self, op, outcome->detail);
    s_append (outcome->detail, ZSEQ_DETAIL_MAX, "; %s", harm);
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

static uint64_t
s_draw_request (zseq_engine_t *self)
{
    if (++self->next_request == 0)
        self->next_request = 1;
    return self->next_request;
}

static zseq_pace_t
s_pace (zseq_engine_t *self)
{
    zseq_pace_t pace = {.rtt_us = self->stats.rtt_us,
                        .deadline_us = ZSEQ_NEVER,
                        .seed = self->seed++};
    return pace;
}

static void
s_note_trip (zseq_engine_t *self, const s_op_t *op)
{
    uint64_t now_us = zseq_engine_now_us ();
    uint64_t trip_us = now_us > op->sent_us ? now_us - op->sent_us : 0;
    uint64_t rtt_us = self->stats.rtt_us;
    self->stats.rtt_us =
      rtt_us - (rtt_us >> RTT_SHIFT) + (trip_us >> RTT_SHIFT) + 1;
    self->stats.round_trips++;
}

//  Sends op's message to the nodes that it could not reach so far.
static void
s_scatter (zseq_engine_t *self, s_op_t *op)
{
    for (uint8_t node = 0; node < self->n; node++) {
        uint32_t bit = 1u << node;
        int link = self->node_link[node];
        if ((op->unsent & bit) && link >= 0 &&
            zseq_transport_send (self->transport, (size_t) link, op->bytes,
                                 op->size) == ZSEQ_OK)
            op->unsent &= ~bit;
    }
}

static void
s_send (zseq_engine_t *self, s_op_t *op, zseq_msg_t *msg)
{
    msg->cluster = self->cluster;
    op->request = msg->request;
    op->sent_us = zseq_engine_now_us ();
    op->size = zseq_codec_encode (msg, op->bytes, sizeof op->bytes);
    assert (op->size);
    op->unsent = (1u << self->n) - 1;
    s_scatter (self, op);
}

static zseq_slice_t
s_slice (const char *text)
{
    zseq_slice_t slice = {text, strlen (text)};
    return slice;
}

//  Claims and the wants that they are made for.

static void
s_push (zseq_want_t **list, zseq_want_t *want)
{
    while (*list)
        list = &(*list)->next;
    want->next = NULL;
    *list = want;
}

static bool
s_pull (zseq_want_t **list, zseq_want_t *want)
{
    for (; *list; list = &(*list)->next)
        if (*list == want) {
            *list = want->next;
            return true;
        }
    return false;
}

//  S7: wants that wait join the claim about to be sent, never one that was.
static void
s_board (zseq_line_t *line)
{
    uint64_t count = 0;
    uint64_t count_min = ZSEQ_COUNT_MAX;
    zseq_want_t **end = &line->riding;
    for (; *end; end = &(*end)->next) {
        count += (*end)->count;
        if ((*end)->count_min < count_min)
            count_min = (*end)->count_min;
    }
    while (line->waiting && count + line->waiting->count <= ZSEQ_COUNT_MAX) {
        zseq_want_t *want = line->waiting;
        line->waiting = want->next;
        want->next = NULL;
        *end = want;
        end = &want->next;
        count += want->count;
        if (want->count_min < count_min)
            count_min = want->count_min;
    }
    assert (count);
    zseq_claim_resize (&line->claim, count, count_min);
}

static void
s_count_claim (zseq_engine_t *self, const zseq_line_t *line)
{
    const zseq_claim_t *claim = &line->claim;
    self->stats.attempts += claim->claims;
    self->stats.conflicts += claim->conflicts;
    self->stats.timeouts += claim->attempt.late;
    self->stats.burnt += claim->burnt;
}

static void
s_start_claim (zseq_engine_t *self, zseq_line_t *line)
{
    s_op_t *op = &line->op;
    if (op->active || !(line->riding || line->waiting))
        return;
    s_activate (self, op);
    if (self->fatal.rc || !self->ready)
        return;
    op->started = true;
    zseq_pace_t pace = s_pace (self);
    zseq_claim_init (&line->claim, &self->quorum, &line->known, 1, 1, &pace);
    s_drive (self, op, zseq_claim_tick (&line->claim, zseq_engine_now_us ()));
}

static void
s_end_want (zseq_want_t *want)
{
    want->pending = false;
    want->done (want);
}

//  Hands the range that was won out, in the order in which the wants came.
static void
s_hand_out (zseq_engine_t *self, zseq_line_t *line, zseq_want_t *riding)
{
    uint64_t first = line->claim.first;
    uint64_t left = line->claim.count;
    while (riding) {
        zseq_want_t *want = riding;
        riding = want->next;
        if (want->count_min > left)
            s_outcome (&want->outcome, ZSEQ_EEXHAUSTED,
                       "%llu IDs are left of sequence '%s', %llu were wanted",
                       (unsigned long long) left, line->name,
                       (unsigned long long) want->count);
        else {
            if (want->count > left)
                want->count = left;
            want->first = first;
            want->outcome.rc = ZSEQ_OK;
            first += want->count;
            left -= want->count;
        }
        s_end_want (want);
    }
    self->stats.burnt += left;
}

static void
s_finish_claim (zseq_engine_t *self, zseq_line_t *line)
{
    zseq_claim_t *claim = &line->claim;
    s_count_claim (self, line);
    s_retire (self, &line->op);
    line->known = claim->known;

    zseq_want_t *riding = line->riding;
    line->riding = NULL;
    if (claim->rc == ZSEQ_OK) {
        self->stats.claims++;
        s_hand_out (self, line, riding);
    }
    else {
        assert (claim->rc == ZSEQ_EEXHAUSTED);
        while (riding) {
            zseq_want_t *want = riding;
            riding = want->next;
            s_outcome (&want->outcome, ZSEQ_EEXHAUSTED,
                       "fewer than %llu IDs are left of sequence '%s'",
                       (unsigned long long) want->count_min, line->name);
            s_end_want (want);
        }
    }
    s_start_claim (self, line);
}

//  Takes want off its line. A claim that nobody rides any more is given up.
static void
s_unpost (zseq_engine_t *self, zseq_want_t *want)
{
    zseq_line_t *line = want->line;
    bool riding = s_pull (&line->riding, want);
    bool found = riding || s_pull (&line->waiting, want);
    assert (found);
    want->pending = false;
    s_op_t *op = &line->op;
    bool idle = op->started ? !line->riding : !line->waiting;
    if (!op->active || !idle)
        return;
    if (op->started) {
        s_count_claim (self, line);
        if (op->request && !line->claim.reading)
            self->stats.burnt += line->claim.count;
    }
    s_retire (self, op);
    s_start_claim (self, line);
}

void
zseq_engine_explain (const zseq_engine_t *self, const zseq_line_t *line,
                     zseq_outcome_t *outcome)
{
    assert (self);
    assert (line);
    assert (outcome);
    s_explain (self, &line->op, &line->claim.attempt, self->quorum.w,
               "nothing was handed out, though IDs may have been burnt",
               outcome);
}

void
zseq_engine_cancel (zseq_engine_t *self, zseq_want_t *want)
{
    assert (self);
    assert (want);
    if (want->pending)
        s_unpost (self, want);
}

static void
s_expire (zseq_engine_t *self, zseq_want_t *want)
{
    zseq_engine_explain (self, want->line, &want->outcome);
    s_unpost (self, want);
    want->done (want);
}

void
zseq_engine_post (zseq_engine_t *self, zseq_line_t *line, zseq_want_t *want)
{
    assert (self);
    assert (line);
    assert (want);
    assert (!want->pending);
    assert (want->count_min >= 1);
    assert (want->count_min <= want->count);
    assert (want->count <= ZSEQ_COUNT_MAX);

    want->line = line;
    want->pending = true;
    s_push (&line->waiting, want);
    if (self->fatal.rc)
        s_expire (self, want);
    else
        s_start_claim (self, line);
}

void
zseq_engine_burn (zseq_engine_t *self, uint64_t count)
{
    assert (self);
    self->stats.burnt += count;
}

static void
s_expire_wants (zseq_engine_t *self, zseq_line_t *line, uint64_t now_us)
{
    for (;;) {
        zseq_want_t *want = line->riding;
        while (want && want->deadline_us > now_us)
            want = want->next;
        if (!want)
            want = line->waiting;
        while (want && want->deadline_us > now_us)
            want = want->next;
        if (!want)
            break;
        s_expire (self, want);
    }
}

//  The next step of each kind.

static zseq_do_t
s_ask_claim (zseq_engine_t *self, zseq_line_t *line)
{
    zseq_msg_t msg;
    s_board (line);
    zseq_do_t todo = zseq_claim_request (&line->claim, s_draw_request (self),
                                         zseq_engine_now_us (), &msg);
    if (todo == ZSEQ_DO_SEND) {
        msg.name = s_slice (line->name);
        s_send (self, &line->op, &msg);
        return ZSEQ_DO_WAIT;
    }
    return todo;
}

static zseq_do_t
s_ask_probe (zseq_engine_t *self, s_probe_t *probe)
{
    zseq_msg_t msg;
    zseq_do_t todo = zseq_peek_request (&probe->peek, s_draw_request (self),
                                        zseq_engine_now_us (), &msg);
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
    msg.request = s_draw_request (self);
    msg.name = s_slice (page->prefix);
    msg.after = s_slice (page->after);
    msg.count = ZSEQ_PAGE_MAX;
    zseq_attempt_begin (&page->attempt, msg.request, true,
                        zseq_engine_now_us ());
    s_send (self, &page->op, &msg);
    return ZSEQ_DO_WAIT;
}

static zseq_do_t
s_ask_status (zseq_engine_t *self, s_status_t *status)
{
    zseq_msg_t msg;
    msg.op = ZSEQ_OP_STATUS;
    msg.reply = false;
    msg.request = s_draw_request (self);
    s_send (self, &status->op, &msg);
    return ZSEQ_DO_WAIT;
}

static zseq_do_t
s_ask (zseq_engine_t *self, s_op_t *op)
{
    switch (op->kind) {
    case S_CLAIM:
        return s_ask_claim (self, (zseq_line_t *) op);
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
s_finish (zseq_engine_t *self, s_op_t *op)
{
    if (op->kind == S_CLAIM) {
        s_finish_claim (self, (zseq_line_t *) op);
        return;
    }
    s_retire (self, op);
    if (op->kind == S_PROBE)
        zseq_waiter_wake (&((s_probe_t *) op)->waiter);
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

//  Why a probe or a page did not come to be; S_CLAIM's wants explain
//  themselves.
static void
s_fail_op (zseq_engine_t *self, s_op_t *op)
{
    if (op->kind == S_PROBE) {
        s_probe_t *probe = (s_probe_t *) op;
        uint8_t need = probe->peek.attempt.quorum.w;
        s_explain (self, op, &probe->peek.attempt,
                   op->started ? need : self->quorum.w,
                   probe->peek.given ? "the raise may yet come to hold"
                                     : "nothing has changed",
                   &probe->probe->outcome);
    }
    else if (op->kind == S_PAGE) {
        s_page_t *page = (s_page_t *) op;
        s_explain (self, op, &page->attempt, self->quorum.r,
                   "nothing has changed", page->outcome);
    }
    s_finish (self, op);
}

static uint64_t
s_deadline_us (const s_op_t *op)
{
    switch (op->kind) {
    case S_CLAIM: {
        uint64_t deadline_us = ZSEQ_NEVER;
        const zseq_line_t *line = (const zseq_line_t *) op;
        for (const zseq_want_t *want = line->riding; want; want = want->next)
            if (want->deadline_us < deadline_us)
                deadline_us = want->deadline_us;
        for (const zseq_want_t *want = line->waiting; want; want = want->next)
            if (want->deadline_us < deadline_us)
                deadline_us = want->deadline_us;
        return deadline_us;
    }
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
    if (op->started && op->kind == S_CLAIM)
        wake_us = zseq_claim_wake_us (&((const zseq_line_t *) op)->claim);
    else if (op->started && op->kind == S_PROBE)
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
    if (op->kind == S_CLAIM)
        s_expire_wants (self, (zseq_line_t *) op, now_us);
    else if (self->fatal.rc || now_us >= s_deadline_us (op)) {
        s_fail_op (self, op);
        return;
    }
    if (!op->active)
        return;
    bool may_start = op->kind == S_STATUS ? self->known : self->ready;
    if (!op->started && !may_start)
        return;

    if (op->started && op->unsent)
        s_scatter (self, op);
    bool starts = !op->started;
    if (starts && op->kind == S_CLAIM) {
        s_retire (self, op);
        s_start_claim (self, (zseq_line_t *) op);
        return;
    }
    zseq_pace_t pace = s_pace (self);
    op->started = true;
    if (op->kind == S_CLAIM)
        s_drive (self, op,
                 zseq_claim_tick (&((zseq_line_t *) op)->claim, now_us));
    else if (op->kind == S_PROBE) {
        s_probe_t *probe = (s_probe_t *) op;
        if (starts)
            zseq_peek_init (&probe->peek, &self->quorum, probe->probe->value,
                            &pace);
        s_drive (self, op, zseq_peek_tick (&probe->peek, now_us));
    }
    else if (op->kind == S_PAGE) {
        s_page_t *page = (s_page_t *) op;
        if (starts) {
            pace.deadline_us = page->attempt.pace.deadline_us;
            zseq_attempt_init (&page->attempt, &self->quorum, &pace);
        }
        s_drive (self, op, s_tick_page (page, now_us));
    }
    else if (starts) {
        ((s_status_t *) op)->missing = (1u << self->n) - 1;
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
            leaf->item[index].size = (uint8_t) item->name.size;
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
s_status_reply (s_status_t *op, const zseq_msg_t *msg, uint64_t now_us)
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
    node->rtt_us = now_us - op->op.sent_us;
    return op->missing ? ZSEQ_DO_WAIT : ZSEQ_DO_DONE;
}

static void
s_op_reply (zseq_engine_t *self, s_op_t *op, const zseq_msg_t *msg)
{
    uint64_t now_us = zseq_engine_now_us ();
    if (op->kind == S_STATUS) {
        s_drive (self, op, s_status_reply ((s_status_t *) op, msg, now_us));
        return;
    }
    //  The wrong cluster's node is nobody's vote.
    if (msg->cluster != self->cluster)
        return;

    zseq_attempt_t *attempt;
    zseq_do_t todo;
    uint32_t trips;
    switch (op->kind) {
    case S_CLAIM:
        attempt = &((zseq_line_t *) op)->claim.attempt;
        trips = attempt->trips;
        todo = zseq_claim_reply (&((zseq_line_t *) op)->claim, msg, now_us);
        break;
    case S_PROBE:
        attempt = &((s_probe_t *) op)->peek.attempt;
        trips = attempt->trips;
        todo = zseq_peek_reply (&((s_probe_t *) op)->peek, msg, now_us);
        break;
    default:
        attempt = &((s_page_t *) op)->attempt;
        trips = attempt->trips;
        todo = s_page_reply ((s_page_t *) op, msg, now_us);
    }
    if (attempt->trips != trips)
        s_note_trip (self, op);
    s_drive (self, op, todo);
}

//  Discovery.

static void
s_fatal (zseq_engine_t *self, int rc, const char *format, ...)
{
    if (self->fatal.rc)
        return;
    self->fatal.rc = rc;
    va_list list;
    va_start (list, format);
    vsnprintf (self->fatal.detail, sizeof self->fatal.detail, format, list);
    va_end (list);
    for (zseq_line_t *line = self->lines; line; line = line->next)
        s_expire_wants (self, line, ZSEQ_NEVER);
}

static bool
s_same (zseq_slice_t slice, const char *text)
{
    return slice.size == strlen (text) &&
           !memcmp (slice.data, text, slice.size);
}

static void
s_copy (char *text, size_t size, zseq_slice_t slice)
{
    assert (slice.size < size);
    memcpy (text, slice.data, slice.size);
    text[slice.size] = 0;
}

static bool
s_learn_members (zseq_engine_t *self, const zseq_msg_t *msg)
{
    zseq_quorum_t quorum;
    if (zseq_quorum_init (&quorum, msg->member_count, (size_t) self->uri.r,
                          (size_t) self->uri.w) != ZSEQ_OK) {
        size_t n = msg->member_count;
        s_fatal (self, ZSEQ_EQUORUM,
                 "cluster %.*s has %zu nodes: r must be %zu to %zu and w %zu "
                 "to %zu (or 0), not %d and %d",
                 (int) msg->cluster_name.size, msg->cluster_name.data, n,
                 n - n / 2, n, n / 2 + 1, n, self->uri.r, self->uri.w);
        return false;
    }
    self->quorum = quorum;
    self->n = (uint8_t) msg->member_count;
    s_copy (self->cluster_name, sizeof self->cluster_name, msg->cluster_name);
    for (uint8_t node = 0; node < self->n; node++) {
        s_copy (self->member[node].name, sizeof self->member[node].name,
                msg->member[node].name);
        s_copy (self->member[node].endpoint, sizeof self->member[node].endpoint,
                msg->member[node].endpoint);
        self->node_link[node] = -1;
    }
    return true;
}

static bool
s_check_cluster (zseq_engine_t *self, const s_link_t *link,
                 const zseq_msg_t *msg)
{
    const char *wanted = self->n ? self->cluster_name : self->uri.cluster;
    bool same = !*wanted || s_same (msg->cluster_name, wanted);
    if (self->n && same) {
        same = msg->member_count == self->n;
        for (uint8_t node = 0; node < self->n && same; node++)
            same = s_same (msg->member[node].name, self->member[node].name);
    }
    if (same && self->cluster && msg->cluster)
        same = msg->cluster == self->cluster;
    if (!same && !self->ready)
        s_fatal (self, ZSEQ_ECLUSTER,
                 "%s belongs to a cluster named %.*s, and not to %s %s",
                 link->endpoint, (int) msg->cluster_name.size,
                 msg->cluster_name.data,
                 self->n ? "the one that was found first," : "cluster", wanted);
    return same;
}

//  Opens a link to every member that has none and is not about to be found at
//  another link's endpoint.
static void
s_link_members (zseq_engine_t *self)
{
    for (uint8_t node = 0; node < self->n; node++) {
        bool linked = self->node_link[node] >= 0;
        size_t unused = ZSEQ_LINKS_MAX;
        for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++) {
            const s_link_t *link = &self->link[index];
            if (!strcmp (link->endpoint, self->member[node].endpoint))
                linked = true;
            if (!link->endpoint[0] && unused == ZSEQ_LINKS_MAX)
                unused = index;
        }
        if (linked || unused == ZSEQ_LINKS_MAX ||
            zseq_transport_link (self->transport, unused,
                                 self->member[node].endpoint) != ZSEQ_OK)
            continue;
        s_link_t *link = &self->link[unused];
        memset (link, 0, sizeof *link);
        strcpy (link->endpoint, self->member[node].endpoint);
    }
}

static void
s_drop_link (zseq_engine_t *self, s_link_t *link)
{
    zseq_transport_unlink (self->transport, (size_t) (link - self->link));
    memset (link, 0, sizeof *link);
}

//  Members may have moved. A link that works is left alone; one that does not
//  makes way for the new endpoint's.
static void
s_move_members (zseq_engine_t *self, const zseq_msg_t *msg)
{
    for (uint8_t node = 0; node < self->n; node++) {
        zseq_member_t *member = &self->member[node];
        if (s_same (msg->member[node].endpoint, member->endpoint))
            continue;
        for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++) {
            s_link_t *link = &self->link[index];
            bool leads = self->node_link[node] == (int) index ||
                         !strcmp (link->endpoint, member->endpoint);
            if (!leads || zseq_transport_ready (self->transport, index))
                continue;
            if (self->node_link[node] == (int) index)
                self->node_link[node] = -1;
            if (!link->listed)
                s_drop_link (self, link);
        }
        s_copy (member->endpoint, sizeof member->endpoint,
                msg->member[node].endpoint);
    }
}

static void
s_hello_reply (zseq_engine_t *self, s_link_t *link, const zseq_msg_t *msg)
{
    if (msg->request != link->request || link->greeted)
        return;
    if (msg->status != ZSEQ_OK || msg->node >= msg->member_count)
        return;
    if (!s_check_cluster (self, link, msg))
        return;
    if (!self->n && !s_learn_members (self, msg))
        return;
    if (!self->grace_us)
        self->grace_us = zseq_engine_now_us () + GRACE_US;
    s_move_members (self, msg);
    if (msg->cluster)
        self->cluster = msg->cluster;

    int other = self->node_link[msg->node];
    int index = (int) (link - self->link);
    if (other >= 0 && other != index) {
        if (link->listed && self->link[other].listed && !self->ready) {
            s_fatal (self, ZSEQ_EDUPLICATE,
                     "%s and %s are both node %s: list each node once",
                     self->link[other].endpoint, link->endpoint,
                     self->member[msg->node].name);
            return;
        }
        if (!link->listed) {
            s_drop_link (self, link);
            return;
        }
        if (!self->link[other].listed)
            s_drop_link (self, &self->link[other]);
    }
    self->node_link[msg->node] = index;
    //  A cluster that is not born yet has to be asked again.
    link->greeted = msg->cluster != 0;
    s_link_members (self);
}

//  Says HELLO where nobody has said who he is yet.
static void
s_greet (zseq_engine_t *self, uint64_t now_us)
{
    for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++) {
        s_link_t *link = &self->link[index];
        if (!link->endpoint[0] || link->greeted ||
            (link->request && now_us < link->greet_us))
            continue;
        zseq_msg_t msg;
        uint8_t bytes[REQUEST_MAX];
        msg.op = ZSEQ_OP_HELLO;
        msg.reply = false;
        msg.request = s_draw_request (self);
        msg.cluster = 0;
        size_t size = zseq_codec_encode (&msg, bytes, sizeof bytes);
        bool sent =
          zseq_transport_send (self->transport, index, bytes, size) == ZSEQ_OK;
        link->request = sent ? msg.request : 0;
        link->greet_us = now_us + GREET_US;
    }
}

//  Learns again where the members are when one of them cannot be reached.
static void
s_greet_again (zseq_engine_t *self, const s_op_t *op, uint64_t now_us)
{
    if (!op->unsent)
        return;
    for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++) {
        s_link_t *link = &self->link[index];
        if (link->greeted && now_us >= link->greet_us + REFRESH_US) {
            link->greeted = false;
            link->request = 0;
        }
    }
}

static void
s_get_ready (zseq_engine_t *self, uint64_t now_us)
{
    if (self->ready || self->fatal.rc || !self->n)
        return;
    bool silent = false;
    for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++) {
        const s_link_t *link = &self->link[index];
        bool heard = false;
        for (uint8_t node = 0; node < self->n; node++)
            heard |= self->node_link[node] == (int) index;
        silent |= link->listed && !heard;
    }
    self->known = !silent || now_us >= self->grace_us;
    self->ready = self->known && self->cluster != 0;
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

static bool
s_receive (zseq_engine_t *self)
{
    bool received = false;
    for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++) {
        const uint8_t *bytes;
        size_t size;
        while (self->link[index].endpoint[0] &&
               zseq_transport_recv (self->transport, index, &bytes, &size) ==
                 ZSEQ_OK) {
            zseq_msg_t msg;
            received = true;
            if (zseq_codec_decode_reply (&self->codec, bytes, size, &msg) !=
                ZSEQ_OK)
                continue;
            if (msg.op == ZSEQ_OP_HELLO) {
                s_hello_reply (self, &self->link[index], &msg);
                continue;
            }
            s_op_t *op = s_find_op (self, msg.request);
            if (op && msg.node < self->n)
                s_op_reply (self, op, &msg);
        }
    }
    return received;
}

static void
s_tick (zseq_engine_t *self)
{
    uint64_t now_us = zseq_engine_now_us ();
    if (!self->fatal.rc)
        s_greet (self, now_us);
    s_get_ready (self, now_us);
    s_op_t *following;
    for (s_op_t *op = self->ops; op; op = following) {
        following = op->next;
        s_greet_again (self, op, now_us);
        s_tick_op (self, op, now_us);
    }
}

//  Until every socket has been found empty after the last message was sent:
//  only then does its descriptor tell of the next one.
static void
s_pump (zseq_engine_t *self)
{
    do
        s_tick (self);
    while (s_receive (self));
}

static uint64_t
s_next_wake_us (const zseq_engine_t *self)
{
    uint64_t wake_us = ZSEQ_NEVER;
    for (const s_op_t *op = self->ops; op; op = op->next) {
        uint64_t op_us = s_wake_us (op);
        if (op_us < wake_us)
            wake_us = op_us;
    }
    for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++) {
        const s_link_t *link = &self->link[index];
        //  Where nothing could be sent, the descriptor tells when it can.
        if (link->endpoint[0] && !link->greeted && link->greet_us &&
            link->greet_us < wake_us)
            wake_us = link->greet_us;
    }
    if (self->grace_us && !self->ready && !self->known &&
        self->grace_us < wake_us)
        wake_us = self->grace_us;
    return wake_us;
}

//  Ends the poll of another thread when what it polls for has come, or when
//  something is due before its time.
static void
s_nudge (zseq_engine_t *self)
{
    if (!self->polling || self->nudged)
        return;
    if ((self->poller && self->poller->woken) || self->closing ||
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
    uint64_t now_us = zseq_engine_now_us ();

    struct pollfd fds[ZSEQ_LINKS_MAX + 2];
    size_t count = zseq_transport_fds (self->transport, fds);
    fds[count].fd = self->nudge_fd;
    fds[count].events = POLLIN;
    fds[count].revents = 0;
    struct timespec timeout =
      s_timespec (wake_us > now_us ? wake_us - now_us : 0);

    self->polling = true;
    self->poller = waiter;
    self->poll_until_us = wake_us;
    self->nudged = false;
    pthread_mutex_unlock (&self->lock);
    int rc =
      ppoll (fds, count + 1, wake_us == ZSEQ_NEVER ? NULL : &timeout, NULL);
    assert (rc >= 0 || errno == EINTR);
    pthread_mutex_lock (&self->lock);
    self->polling = false;
    self->poller = NULL;

    if (self->nudged) {
        uint64_t nudges;
        ssize_t size = read (self->nudge_fd, &nudges, sizeof nudges);
        assert (size == sizeof nudges);
    }
    s_pump (self);
}

static void *
s_background (void *arg)
{
    zseq_engine_t *self = arg;
    pthread_mutex_lock (&self->lock);
    while (!self->closing)
        if (!self->polling && !self->waiters && self->ops)
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
    if (self->polling || !self->ops)
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

    struct timespec until = s_timespec (until_us);
    while (!waiter->woken && zseq_engine_now_us () < until_us) {
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

    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void) pthread_once (&once, s_watch_forks);
    if (sodium_init () == -1)
        return NULL;
    zseq_engine_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->uri = *uri;
    self->generation = s_generation;
    self->nudge_fd = -1;
    self->stats.rtt_us = RTT_US;
    randombytes_buf (&self->next_request, sizeof self->next_request);
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
    assert (!self->lines);
    pthread_mutex_lock (&self->lock);
    self->closing = true;
    s_nudge (self);
    pthread_cond_signal (&self->background);
    pthread_mutex_unlock (&self->lock);
    if (self->threaded)
        pthread_join (self->thread, NULL);
    zseq_transport_destroy (&self->transport);
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
    zseq_transport_t *transport = zseq_transport_new ();
    if (!transport)
        return zseq_detail_fail (ZSEQ_ENOMEM, "cannot make a ZeroMQ context");
    for (size_t index = 0; index < self->uri.endpoints; index++) {
        const char *endpoint = self->uri.endpoint[index];
        int rc = zseq_transport_link (transport, index, endpoint);
        if (rc != ZSEQ_OK) {
            rc = zseq_detail_fail (rc == ZSEQ_EINVAL ? ZSEQ_EURI : rc, "%s",
                                   zseq_transport_text (transport));
            zseq_transport_destroy (&transport);
            return rc;
        }
        strcpy (self->link[index].endpoint, endpoint);
        self->link[index].listed = true;
    }
    self->transport = transport;
    return ZSEQ_OK;
}

int
zseq_engine_check (const zseq_engine_t *self)
{
    if (zseq_engine_forked (self))
        return zseq_detail_fail (
          ZSEQ_EFORKED,
          "this client was made before fork (): make a new one in the child");
    return ZSEQ_OK;
}

int
zseq_engine_enter (zseq_engine_t *self)
{
    assert (self);

    int rc = zseq_engine_check (self);
    if (rc != ZSEQ_OK)
        return rc;
    pthread_mutex_lock (&self->lock);
    rc = self->transport ? ZSEQ_OK : s_open (self);
    if (rc != ZSEQ_OK)
        pthread_mutex_unlock (&self->lock);
    return rc;
}

void
zseq_engine_leave (zseq_engine_t *self)
{
    assert (self);

    s_pump (self);
    s_nudge (self);
    s_hand_over (self);
    pthread_mutex_unlock (&self->lock);
}

int
zseq_engine_set_quorum (zseq_engine_t *self, int r, int w)
{
    assert (self);

    if (r < 0 || r > ZSEQ_NODES_MAX || w < 0 || w > ZSEQ_NODES_MAX)
        return zseq_detail_fail (ZSEQ_EINVAL, "r %d or w %d is not in 0..%d", r,
                                 w, ZSEQ_NODES_MAX);
    pthread_mutex_lock (&self->lock);
    bool late = self->transport != NULL;
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
    *stats = self->stats;
    pthread_mutex_unlock (&self->lock);
}

zseq_line_t *
zseq_engine_line (zseq_engine_t *self, const char *name)
{
    assert (self);
    assert (name);
    assert (strlen (name) <= ZSEQ_NAME_MAX);

    pthread_mutex_lock (&self->lock);
    zseq_line_t *line = self->lines;
    while (line && strcmp (line->name, name))
        line = line->next;
    if (!line && (line = calloc (1, sizeof *line))) {
        line->op.kind = S_CLAIM;
        strcpy (line->name, name);
        line->next = self->lines;
        self->lines = line;
    }
    if (line)
        line->references++;
    pthread_mutex_unlock (&self->lock);
    return line;
}

void
zseq_engine_line_free (zseq_engine_t *self, zseq_line_t *line)
{
    assert (self);
    assert (line);
    assert (line->references);

    bool forked = zseq_engine_forked (self);
    if (!forked)
        pthread_mutex_lock (&self->lock);
    if (--line->references == 0) {
        assert (forked || !line->op.active);
        zseq_line_t **link_p = &self->lines;
        while (*link_p != line)
            link_p = &(*link_p)->next;
        *link_p = line->next;
        free (line);
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
    if (probe->outcome.rc == ZSEQ_OK) {
        assert (op.peek.done);
        probe->value = op.peek.value;
    }
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

    bool reachable = false;
    for (uint8_t node = 0; node < self->n; node++) {
        strcpy (status->node[node].name, self->member[node].name);
        strcpy (status->node[node].endpoint, self->member[node].endpoint);
        reachable |= status->node[node].reachable;
    }
    outcome->rc = ZSEQ_OK;
    if (!reachable || self->fatal.rc) {
        zseq_attempt_t none = {.answered = 0};
        s_explain (self, &op.op, &none, 1, "nothing has changed", outcome);
        return;
    }
    strcpy (status->cluster, self->cluster_name);
    status->identity = self->cluster;
    status->nodes = self->n;
    status->r = self->quorum.r;
    status->w = self->quorum.w;
}

//  Takes the lowest name of all leaves that count; those who have it move on.
static bool
s_merge_next (const zseq_engine_t *self, const s_page_t *op, size_t *at,
              const char *bound, zseq_page_t *page)
{
    const char *lowest = NULL;
    for (uint8_t node = 0; node < self->n; node++) {
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
    for (uint8_t node = 0; node < self->n; node++) {
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
        s_outcome (outcome, ZSEQ_ENOMEM, "a page of names does not fit");
        return;
    }
    s_run (self, &op.op, &op.waiter, deadline_us);
    if (outcome->rc == ZSEQ_OK) {
        assert (op.done);
        //  Above the end of the shortest page that goes on, nothing is known.
        const char *bound = NULL;
        for (uint8_t node = 0; node < self->n; node++) {
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
