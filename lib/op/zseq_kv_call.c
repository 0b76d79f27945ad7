//  The phases of a call. A get READs (s_read_*); when the nodes have not agreed
//  twice, or too few have answered, it asks a coordinator to settle the key. A
//  write asks a coordinator at once. A stale get asks a near node first, and
//  then READs. A watch READs; as long as that shows nothing new, it leaves the
//  question with all nodes (s_watch_*), and READs again when one of them
//  answers, or after a while.
//
//  All messages to coordinators for one op have the same op id and request IDs
//  of their own: a late reply to any of them answers the op.

#include "zseq_kv_call.h"

#include <assert.h>
#include <string.h>

#include "zseq_kv_times.h"

//  How long a READ waits for other nodes when W have answered and do not agree,
//  or fewer have and the others cannot be reached or were silent last.
#define OTHERS_US 20000
//  ... and when fewer have, of those that were heard, at least.
#define LIKELY_US_MIN 100000
#define LIKELY_ROUND_TRIPS 8
//  How long a stale get waits for its node.
#define NEAR_US_MIN 20000
#define NEAR_ROUND_TRIPS 8
//  How soon to see whether a coordinator that has not answered is still
//  connected. The time doubles.
#define CHECK_US 10000
//  How long a coordinator may take that is heard.
#define LIMIT_TIMES 16
//  How long a watch relies on the nodes that hold it; and if those are so few
//  that a write may pass them by.
#define WATCH_US 10000000
#define POLL_US 500000
//  After so many hints in vain, and after twice as many, and so on, a watch has
//  the key settled: a node may hold a version that was never chosen.
#define FRUITLESS_MAX 4

void
zseq_kv_call_init (zseq_kv_call_t *self, zseq_kv_nodes_t *nodes,
                   const zseq_kv_ask_t *ask, const zseq_timing_t *timing)
{
    assert (self);
    assert (nodes);
    assert (ask);
    assert (ask->key.size >= 1);
    assert (ask->key.size <= ZSEQ_KEY_MAX);
    assert (timing);

    memset (self, 0, sizeof *self);
    self->nodes = nodes;
    self->ask = *ask;
    self->deadline_us = timing->deadline_us;
    self->node = nodes->n;
    //  K16: W is the majority, whatever the client's own quorums are.
    zseq_quorum_t quorum;
    int rc = zseq_quorum_init (&quorum, nodes->n, 0, 0);
    assert (rc == ZSEQ_OK);
    zseq_attempt_init (&self->attempt, &quorum, timing);
    zseq_backoff_init (&self->backoff, timing->rtt_us, timing->seed);
    self->phase = ask->op.type != ZSEQ_KV_GET ? ZSEQ_KV_COORDINATED
                  : ask->stale                ? ZSEQ_KV_NEAR
                                              : ZSEQ_KV_READ;
}

static bool
s_writes (const zseq_kv_call_t *self)
{
    return self->ask.op.type != ZSEQ_KV_GET;
}

static zseq_do_t
s_done (zseq_kv_call_t *self, int rc)
{
    self->done = true;
    self->rc = rc;
    self->unknown =
      rc != ZSEQ_OK && s_writes (self) && (self->applied || self->owing);
    return ZSEQ_DO_DONE;
}

//  A watch goes on: the key's version is no newer one.
static zseq_do_t
s_watch_on (zseq_kv_call_t *self, uint64_t now_us)
{
    self->phase = ZSEQ_KV_WATCHING;
    self->node = self->nodes->n;
    self->passed = 0;
    self->owing = 0;
    self->disagreed = 0;
    self->watched = 0;
    if (!self->fruitless)
        return ZSEQ_DO_SEND;
    self->pause_us = now_us + zseq_backoff_next (&self->backoff);
    return ZSEQ_DO_WAIT;
}

//  A read has told the key's version. To a watch, an absence is news if it knew
//  a version: the key was deleted, and the deletion is forgotten.
static zseq_do_t
s_answered (zseq_kv_call_t *self, int rc, uint64_t now_us)
{
    bool absent = self->version == 0;
    if (!self->ask.watch ||
        (absent ? self->ask.above > 0 : self->version > self->ask.above))
        return s_done (self, rc);
    return s_watch_on (self, now_us);
}

//  The answer to a read: what a node shows of the key.
static zseq_do_t
s_found (zseq_kv_call_t *self, const zseq_kv_record_t *record, uint64_t floor,
         uint64_t now_us)
{
    bool absent = record->proposal.seq == 0;
    self->version = absent ? 0 : record->version;
    self->floor = absent ? floor : 0;
    if (!zseq_kv_record_exists (record))
        return s_answered (self, ZSEQ_ENOKEY, now_us);
    self->value = record->value;
    return s_answered (self, ZSEQ_OK, now_us);
}

//  What the reply shows of the key; NULL: nothing, for the reason *status_p.
static const zseq_kv_record_t *
s_record (const zseq_msg_t *reply, int *status_p)
{
    *status_p = reply->status;
    if (reply->status != ZSEQ_OK)
        return NULL;
    *status_p = reply->kv_read.answer_count ? reply->kv_read.answers[0].status
                                            : ZSEQ_EPROTOCOL;
    return *status_p == ZSEQ_OK ? &reply->kv_read.records[0] : NULL;
}

//  NEAR.

static zseq_do_t
s_near_failed (zseq_kv_call_t *self)
{
    self->phase = ZSEQ_KV_READ;
    self->node = self->nodes->n;
    return ZSEQ_DO_SEND;
}

static void
s_near_request (zseq_kv_call_t *self, uint64_t request, uint64_t now_us)
{
    self->asked_us = now_us;
    self->node =
      zseq_kv_nodes_near (self->nodes, request * 0x9e3779b97f4a7c15u, now_us);
    self->sent[self->node] = request;
    uint64_t wait_us = NEAR_ROUND_TRIPS * self->nodes->node[self->node].rtt_us;
    self->limit_us = now_us + (wait_us > NEAR_US_MIN ? wait_us : NEAR_US_MIN);
}

//  K15: a record that the node marks as chosen, not below what was seen before.
static zseq_do_t
s_near_reply (zseq_kv_call_t *self, const zseq_msg_t *reply, uint64_t now_us)
{
    if (reply->request != self->sent[reply->node])
        return ZSEQ_DO_WAIT;
    zseq_kv_nodes_note_read (self->nodes, self->node, now_us - self->asked_us);
    int status;
    const zseq_kv_record_t *record = s_record (reply, &status);
    if (!record)
        return s_near_failed (self);
    uint64_t version = record->proposal.seq == 0 ? 0 : record->version;
    return version < self->ask.least
             ? s_near_failed (self)
             : s_found (self, record, record->version, now_us);
}

//  READ.

//  The nodes whose votes count and that show the same as that node: K7. An
//  absence is not a tombstone, and a copy agrees with nobody.
static zseq_node_set_t
s_agreeing (const zseq_kv_call_t *self, uint8_t node)
{
    const zseq_kv_vote_t *vote = &self->vote[node];
    zseq_node_set_t granted = zseq_attempt_granted (&self->attempt);
    zseq_node_set_t agreeing = 0;
    for (uint8_t other = 0; other < self->nodes->n; other++)
        if (zseq_node_set_has (granted, other) && !self->vote[other].copied &&
            zseq_proposal_compare (&vote->proposal,
                                   &self->vote[other].proposal) == 0)
            zseq_node_set_add (&agreeing, other);
    return agreeing;
}

static bool
s_quorum (const zseq_kv_call_t *self, zseq_node_set_t nodes)
{
    return zseq_quorum_reached (&self->attempt.quorum, ZSEQ_QUORUM_WRITE,
                                nodes);
}

//  The nodes that have not answered.
static zseq_node_set_t
s_silent (const zseq_kv_call_t *self)
{
    zseq_node_set_t silent = 0;
    for (uint8_t node = 0; node < self->nodes->n; node++)
        if (!self->attempt.tally.vote[node].present)
            zseq_node_set_add (&silent, node);
    return silent;
}

//  Whether no nodes can agree any more. If W have answered, those that the
//  message did not reach are not waited for. Copies may agree with nobody
//  before W have answered, which it takes to have the key settled.
static bool
s_read_hopeless (const zseq_kv_call_t *self)
{
    zseq_node_set_t granted = zseq_attempt_granted (&self->attempt);
    zseq_node_set_t silent = s_silent (self);
    if (!s_quorum (self, granted))
        return !s_quorum (self, granted | silent);
    silent &= ~self->attempt.absent;
    bool hopeless = !s_quorum (self, silent);
    for (uint8_t node = 0; node < self->nodes->n; node++)
        if (zseq_node_set_has (granted, node) &&
            s_quorum (self, s_agreeing (self, node) | silent))
            hopeless = false;
    return hopeless;
}

static zseq_do_t s_next (zseq_kv_call_t *self, uint64_t now_us);

//  The READ has not shown the key. If W nodes have answered twice and do not
//  agree, a coordinator settles it; also if fewer have, one of them, because it
//  may reach those that this client does not. Else all are asked again.
static zseq_do_t
s_read_over (zseq_kv_call_t *self, bool answered, uint64_t now_us)
{
    zseq_node_set_t granted = zseq_attempt_granted (&self->attempt);
    bool disagrees = s_quorum (self, granted);
    if (!answered)
        zseq_kv_nodes_note_silent (self->nodes, s_silent (self));
    self->disagreed += disagrees;
    zseq_attempt_end (&self->attempt, answered);
    if (self->disagreed == 2 || (granted && !disagrees)) {
        if (!disagrees) {
            self->passed = zseq_node_set_first (self->nodes->n) & ~granted;
            self->waits++;
        }
        self->phase = ZSEQ_KV_COORDINATED;
        return s_next (self, now_us);
    }
    zseq_attempt_pause (&self->attempt, now_us);
    return ZSEQ_DO_WAIT;
}

//  The lowest floor that nodes show with an absence.
static uint64_t
s_lowest_floor (const zseq_kv_call_t *self, zseq_node_set_t nodes)
{
    uint64_t floor = UINT64_MAX;
    for (uint8_t node = 0; node < self->nodes->n; node++)
        if (zseq_node_set_has (nodes, node) && self->vote[node].version < floor)
            floor = self->vote[node].version;
    return floor;
}

//  How long to wait for the others: silent nodes may be far away.
static uint64_t
s_others_us (const zseq_kv_call_t *self)
{
    uint64_t others_us = OTHERS_US;
    zseq_node_set_t silent = zseq_kv_nodes_silent (self->nodes);
    for (uint8_t node = 0; node < self->nodes->n; node++)
        if (zseq_node_set_has (silent, node) &&
            others_us < 2 * self->nodes->node[node].rtt_us)
            others_us = 2 * self->nodes->node[node].rtt_us;
    return others_us;
}

//  How long to wait for nodes that should answer. A link may have been cut.
static uint64_t
s_likely_us (const zseq_kv_call_t *self, zseq_node_set_t likely)
{
    uint64_t likely_us = LIKELY_US_MIN;
    for (uint8_t node = 0; node < self->nodes->n; node++) {
        uint64_t rtt_us = self->nodes->node[node].rtt_us;
        uint64_t node_us =
          rtt_us ? LIKELY_ROUND_TRIPS * rtt_us : ZSEQ_KV_UNMEASURED_US;
        if (zseq_node_set_has (likely, node) && likely_us < node_us)
            likely_us = node_us;
    }
    return likely_us;
}

//  Nodes that are connected no more will not answer.
static void
s_note_lost (zseq_kv_call_t *self)
{
    zseq_node_set_t silent = s_silent (self) & ~self->attempt.absent;
    for (uint8_t node = 0; node < self->nodes->n; node++)
        if (zseq_node_set_has (silent, node) &&
            zseq_kv_nodes_lost (self->nodes, node))
            zseq_node_set_add (&self->attempt.absent, node);
}

static zseq_do_t
s_read_reply (zseq_kv_call_t *self, const zseq_msg_t *reply, uint64_t now_us)
{
    zseq_attempt_t *attempt = &self->attempt;
    if (!zseq_attempt_add (attempt, reply))
        return ZSEQ_DO_WAIT;
    int status;
    const zseq_kv_record_t *record = s_record (reply, &status);
    attempt->tally.vote[reply->node].status = status;
    zseq_kv_nodes_note_read (self->nodes, reply->node,
                             now_us - attempt->began_us);
    if (record) {
        self->vote[reply->node] = (zseq_kv_vote_t){.proposal = record->proposal,
                                                   .copied = record->copied,
                                                   .version = record->version};
        zseq_node_set_t agreeing = s_agreeing (self, reply->node);
        if (s_quorum (self, agreeing)) {
            zseq_attempt_end (attempt, true);
            return s_found (self, record, s_lowest_floor (self, agreeing),
                            now_us);
        }
    }
    zseq_node_set_t granted = zseq_attempt_granted (attempt);
    if (s_quorum (self, granted))
        s_note_lost (self);
    if (s_read_hopeless (self))
        return s_read_over (self, true, now_us);
    zseq_node_set_t likely =
      s_silent (self) & ~attempt->absent & ~zseq_kv_nodes_silent (self->nodes);
    bool others =
      s_quorum (self, granted) || !s_quorum (self, granted | likely);
    zseq_attempt_hasten (
      attempt,
      now_us + (others ? s_others_us (self) : s_likely_us (self, likely)));
    return ZSEQ_DO_WAIT;
}

static zseq_do_t
s_read_tick (zseq_kv_call_t *self, uint64_t now_us)
{
    if (zseq_attempt_overdue (&self->attempt, now_us))
        return s_read_over (self, false, now_us);
    return zseq_attempt_due (&self->attempt, now_us) ? ZSEQ_DO_SEND
                                                     : ZSEQ_DO_WAIT;
}

//  COORDINATED, and what WATCHING shares with it.

static uint64_t
s_left_us (const zseq_kv_call_t *self, uint64_t now_us)
{
    return self->deadline_us > now_us ? self->deadline_us - now_us : 0;
}

//  Nobody is asked for a moment.
static zseq_do_t
s_pause (zseq_kv_call_t *self, uint64_t now_us)
{
    self->node = self->nodes->n;
    self->pause_us = now_us + zseq_backoff_next (&self->backoff);
    return ZSEQ_DO_WAIT;
}

//  Chooses the node to ask. Once all were passed over, all are asked again
//  after a pause.
static zseq_do_t
s_next (zseq_kv_call_t *self, uint64_t now_us)
{
    self->node = zseq_kv_nodes_coordinator (
      self->nodes, zseq_kv_shard (self->ask.key), self->passed, now_us);
    if (self->node != self->nodes->n)
        return ZSEQ_DO_SEND;
    self->passed = 0;
    self->waits = 0;
    self->busy_us = 0;
    return s_pause (self, now_us);
}

static zseq_do_t
s_pass_over (zseq_kv_call_t *self, uint64_t now_us)
{
    zseq_node_set_add (&self->passed, self->node);
    self->busy_us = 0;
    return s_next (self, now_us);
}

//  When the node is taken for dead, or for too slow. A node that answers other
//  calls is alive: to leave it would make work for it and for the next one.
static uint64_t
s_late_us (const zseq_kv_call_t *self)
{
    uint64_t heard_us = self->nodes->node[self->node].heard_us;
    uint64_t since_us = heard_us > self->asked_us ? heard_us : self->asked_us;
    uint64_t late_us = since_us + zseq_kv_nodes_silence_us (self->nodes);
    return late_us < self->limit_us ? late_us : self->limit_us;
}

//  Whether the node that is asked is connected no more. It is looked at now and
//  then.
static bool
s_is_lost (zseq_kv_call_t *self, uint64_t now_us)
{
    if (now_us < self->check_us)
        return false;
    self->checks_us *= 2;
    self->check_us = now_us + self->checks_us;
    return zseq_kv_nodes_lost (self->nodes, self->node);
}

static zseq_do_t
s_coordinated_tick (zseq_kv_call_t *self, uint64_t now_us)
{
    if (self->node == self->nodes->n)
        return now_us >= self->pause_us ? s_next (self, now_us) : ZSEQ_DO_WAIT;
    bool lost = s_is_lost (self, now_us);
    if (!lost && now_us < s_late_us (self))
        return ZSEQ_DO_WAIT;
    //  One that is heard and does not answer may have lost its majority; unless
    //  this call is only in a hurry.
    if (lost || !self->hurried || now_us < self->limit_us)
        zseq_kv_nodes_note_failed (self->nodes, self->node, now_us);
    self->waits++;
    return s_pass_over (self, now_us);
}

static void
s_coordinated_request (zseq_kv_call_t *self, uint64_t request, uint64_t now_us,
                       zseq_msg_t *msg)
{
    self->request = request;
    //  K9: an op id is as unique as a request ID, and its copies keep it.
    if (s_writes (self) && !self->ask.op.op)
        self->ask.op.op = request;
    msg->op = s_writes (self) ? ZSEQ_OP_KV_WRITE : ZSEQ_OP_KV_SETTLE;
    msg->name = self->ask.key;
    //  A reply may come in the very moment of the deadline.
    uint64_t left_us = s_left_us (self, now_us);
    msg->kv_write = (zseq_msg_kv_write_t){.op = self->ask.op,
                                          .timeout_us = left_us ? left_us : 1};
}

//  How long a coordinator may take. Each has half as long as the one before:
//  if that has lost its majority, others have, too.
static uint64_t
s_limit_us (const zseq_kv_call_t *self)
{
    uint64_t limit_us = LIMIT_TIMES * self->nodes->served_us;
    if (limit_us < ZSEQ_KV_LIMIT_US)
        limit_us = ZSEQ_KV_LIMIT_US;
    limit_us >>= self->waits;
    uint64_t silence_us = zseq_kv_nodes_silence_us (self->nodes);
    return limit_us > silence_us ? limit_us : silence_us;
}

//  P3: leaves half of the time for other nodes.
static void
s_coordinated_sent (zseq_kv_call_t *self, uint64_t now_us)
{
    uint64_t limit_us = s_limit_us (self);
    self->hurried = limit_us > s_left_us (self, now_us) / 2;
    if (self->hurried)
        limit_us = s_left_us (self, now_us) / 2 + 1;
    self->asked_us = now_us;
    self->sent_us[self->node] = now_us;
    self->limit_us = now_us + limit_us;
    self->checks_us = CHECK_US;
    self->check_us = self->nodes->reaches ? now_us + CHECK_US : UINT64_MAX;
    self->sent[self->node] = self->request;
    //  An earlier copy at this node will have no reply that is recognised.
    if (zseq_node_set_has (self->owing, self->node))
        self->applied = s_writes (self);
    zseq_node_set_add (&self->owing, self->node);
}

//  The op was not applied, and is not under way anywhere: another op takes its
//  place that knows more. (With an op id of its own: K9 forbids to change
//  since.)
static zseq_do_t
s_renew (zseq_kv_call_t *self, uint64_t now_us)
{
    if (self->ask.op.since < self->version)
        self->ask.op.since = self->version;
    if (self->ask.op.since < self->floor)
        self->ask.op.since = self->floor;
    self->ask.op.op = 0;
    memset (self->sent, 0, sizeof self->sent);
    self->passed = 0;
    return s_next (self, now_us);
}

//  A condition that does not hold is the end of the op if it cannot hold later
//  either, because the expected version has passed, or if no copy of the op is
//  left that could be judged later. A version floor above the expected version
//  does not say that it has passed: a minority may hold a value with it that
//  was proposed under a lower ballot, and that is taken up later.
static zseq_do_t
s_refused (zseq_kv_call_t *self, int status, uint64_t now_us)
{
    const zseq_kv_op_t *op = &self->ask.op;
    if (self->ask.watch)
        return s_answered (self, status, now_us);
    zseq_do_t todo = s_done (self, status);
    if (op->conditional && op->expected != 0 && self->version > op->expected)
        self->unknown = false;
    return todo;
}

//  The node is too busy to take the op. The next one would pass it on to the
//  same node, or fight with it; so it is asked again, for half of the time.
static zseq_do_t
s_busy (zseq_kv_call_t *self, uint64_t now_us)
{
    if (!self->busy_us)
        self->busy_us = now_us + s_left_us (self, now_us) / 2;
    return now_us < self->busy_us ? s_pause (self, now_us)
                                  : s_pass_over (self, now_us);
}

//  A refusal for a reason that another node may not have.
static zseq_do_t
s_refused_by_node (zseq_kv_call_t *self, uint8_t node, int status,
                   uint64_t now_us)
{
    //  With these a node has not looked at the op.
    if (status != ZSEQ_ENOTVOTING && status != ZSEQ_EBUSY &&
        status != ZSEQ_ENOMEM && status != ZSEQ_EFULL &&
        status != ZSEQ_EPROTOCOL && status != ZSEQ_ECLUSTER)
        self->applied = s_writes (self);
    if (status == ZSEQ_ENOTVOTING)
        zseq_kv_nodes_note_failed (self->nodes, node, now_us);
    self->refusal = status;
    //  A majority is full: no other node can help.
    if (status == ZSEQ_EFULL && s_writes (self) && !self->applied &&
        !self->owing)
        return s_done (self, ZSEQ_EFULL);
    if (node != self->node)
        return ZSEQ_DO_WAIT;
    return status == ZSEQ_EBUSY ? s_busy (self, now_us)
                                : s_pass_over (self, now_us);
}

static zseq_do_t
s_coordinated_reply (zseq_kv_call_t *self, const zseq_msg_t *reply,
                     uint64_t now_us)
{
    if (!reply->request || reply->request != self->sent[reply->node])
        return ZSEQ_DO_WAIT;
    //  S3: once.
    self->sent[reply->node] = 0;
    zseq_node_set_remove (&self->owing, reply->node);
    bool answers = reply->status == ZSEQ_OK || reply->status == ZSEQ_ENOKEY ||
                   reply->status == ZSEQ_EVERSION ||
                   reply->status == ZSEQ_EFORGOTTEN;
    if (answers) {
        self->version = reply->kv_write.version;
        self->floor = reply->kv_write.floor;
        uint64_t served_us = now_us - self->sent_us[reply->node];
        if (reply->node == self->node)
            zseq_kv_nodes_note_served (self->nodes, reply->node, served_us);
        else
            zseq_kv_nodes_note_served_late (self->nodes, reply->node,
                                            served_us);
    }
    switch (reply->status) {
    case ZSEQ_OK:
        self->value = s_writes (self) ? self->value : reply->kv_write.value;
        return s_answered (self, ZSEQ_OK, now_us);
    case ZSEQ_ENOKEY:
    case ZSEQ_EVERSION:
        self->value = reply->kv_write.value;
        return s_refused (self, reply->status, now_us);
    case ZSEQ_EFORGOTTEN:
        return self->applied || self->owing ? s_done (self, ZSEQ_EFORGOTTEN)
                                            : s_renew (self, now_us);
    case ZSEQ_EINVAL:
    case ZSEQ_EVALUE:
    case ZSEQ_EEXHAUSTED:
        return s_done (self, reply->status);
    default:
        return s_refused_by_node (self, reply->node, reply->status, now_us);
    }
}

//  WATCHING.

//  When the key is to be read anyway. A message or a node may have been lost;
//  and a write has reached W nodes, but perhaps no others.
static uint64_t
s_watch_until_us (const zseq_kv_call_t *self)
{
    zseq_node_set_t holding = self->reached & ~self->declined;
    return self->asked_us + (s_quorum (self, holding) ? WATCH_US : POLL_US);
}

static void
s_watch_request (zseq_kv_call_t *self, uint64_t request, uint64_t now_us,
                 zseq_msg_t *msg)
{
    uint64_t left_us = s_left_us (self, now_us);
    self->watched = request;
    self->asked_us = now_us;
    self->reached = 0;
    self->declined = 0;
    msg->op = ZSEQ_OP_KV_WATCH;
    msg->name = self->ask.key;
    msg->kv_watch = (zseq_msg_kv_watch_t){
      .above = self->ask.above,
      .timeout_us = left_us < WATCH_US ? left_us + 1 : WATCH_US};
}

static zseq_do_t
s_watch_tick (zseq_kv_call_t *self, uint64_t now_us)
{
    if (!self->watched)
        return now_us >= self->pause_us ? ZSEQ_DO_SEND : ZSEQ_DO_WAIT;
    if (now_us < s_watch_until_us (self))
        return ZSEQ_DO_WAIT;
    self->fruitless = 0;
    self->phase = ZSEQ_KV_READ;
    return ZSEQ_DO_SEND;
}

//  A node has a newer version, chosen or not.
static zseq_do_t
s_watch_reply (zseq_kv_call_t *self, const zseq_msg_t *reply, uint64_t now_us)
{
    if (!reply->request || reply->request != self->watched)
        return ZSEQ_DO_WAIT;
    if (reply->status != ZSEQ_OK) {
        zseq_node_set_add (&self->declined, reply->node);
        return ZSEQ_DO_WAIT;
    }
    if (reply->kv_watch.version <= self->ask.above)
        return ZSEQ_DO_WAIT;
    uint32_t fruitless = self->fruitless++;
    self->phase = ZSEQ_KV_READ;
    if (fruitless < FRUITLESS_MAX || (fruitless & (fruitless - 1)))
        return ZSEQ_DO_SEND;
    self->phase = ZSEQ_KV_COORDINATED;
    return s_next (self, now_us);
}

//  What the owner calls.

zseq_do_t
zseq_kv_call_tick (zseq_kv_call_t *self, uint64_t now_us)
{
    assert (self);

    if (!self->done && now_us >= self->deadline_us)
        zseq_kv_call_end (self);
    if (self->done)
        return ZSEQ_DO_DONE;
    if (self->phase == ZSEQ_KV_COORDINATED)
        return s_coordinated_tick (self, now_us);
    if (self->phase == ZSEQ_KV_READ)
        return s_read_tick (self, now_us);
    if (self->phase == ZSEQ_KV_WATCHING)
        return s_watch_tick (self, now_us);
    if (self->node == self->nodes->n)
        return ZSEQ_DO_SEND;
    return now_us >= self->limit_us ? s_near_failed (self) : ZSEQ_DO_WAIT;
}

void
zseq_kv_call_request (zseq_kv_call_t *self, uint64_t request, uint64_t now_us,
                      zseq_msg_t *msg)
{
    assert (self);
    assert (request);
    assert (msg);
    assert (!self->done);

    memset (msg, 0, sizeof *msg);
    if (self->phase == ZSEQ_KV_COORDINATED)
        s_coordinated_request (self, request, now_us, msg);
    else if (self->phase == ZSEQ_KV_WATCHING)
        s_watch_request (self, request, now_us, msg);
    else {
        bool near = self->phase == ZSEQ_KV_NEAR;
        if (near)
            s_near_request (self, request, now_us);
        else
            zseq_attempt_begin (&self->attempt, request, true, now_us);
        msg->op = ZSEQ_OP_KV_READ;
        msg->kv_read =
          (zseq_msg_kv_read_t){.keys = &self->ask.key,
                               .key_count = 1,
                               .stale = near,
                               .least = near ? self->ask.least : 0};
    }
    msg->request = request;
}

zseq_node_set_t
zseq_kv_call_nodes (const zseq_kv_call_t *self)
{
    assert (self);

    if (self->phase == ZSEQ_KV_READ || self->phase == ZSEQ_KV_WATCHING)
        return zseq_node_set_first (self->nodes->n);
    zseq_node_set_t node = 0;
    zseq_node_set_add (&node, self->node);
    return node;
}

zseq_do_t
zseq_kv_call_sent (zseq_kv_call_t *self, zseq_node_set_t reached,
                   uint64_t now_us)
{
    assert (self);
    assert (!self->done);

    if (self->phase == ZSEQ_KV_READ) {
        self->attempt.absent = zseq_node_set_first (self->nodes->n) & ~reached;
        return ZSEQ_DO_WAIT;
    }
    if (self->phase == ZSEQ_KV_WATCHING) {
        self->reached = reached;
        return ZSEQ_DO_WAIT;
    }
    bool sent = zseq_node_set_has (reached, self->node);
    if (self->phase == ZSEQ_KV_NEAR)
        return sent ? ZSEQ_DO_WAIT : s_near_failed (self);
    zseq_node_set_put (&self->unreached, self->node, !sent);
    if (!sent)
        return s_pass_over (self, now_us);
    s_coordinated_sent (self, now_us);
    return ZSEQ_DO_WAIT;
}

bool
zseq_kv_call_waits_for (const zseq_kv_call_t *self, uint64_t request)
{
    assert (self);
    assert (request);

    if (self->phase == ZSEQ_KV_READ)
        return self->attempt.request == request;
    if (self->phase == ZSEQ_KV_WATCHING)
        return self->watched == request;
    for (uint8_t node = 0; node < self->nodes->n; node++)
        if (self->sent[node] == request)
            return true;
    return false;
}

zseq_do_t
zseq_kv_call_reply (zseq_kv_call_t *self, const zseq_msg_t *reply,
                    uint64_t now_us)
{
    assert (self);
    assert (reply);
    assert (reply->reply);

    if (reply->node >= self->nodes->n)
        return ZSEQ_DO_WAIT;
    zseq_kv_nodes_heard (self->nodes, reply->node, now_us);
    if (self->done)
        return ZSEQ_DO_DONE;
    bool read = reply->op == ZSEQ_OP_KV_READ;
    if (self->phase == ZSEQ_KV_NEAR)
        return read ? s_near_reply (self, reply, now_us) : ZSEQ_DO_WAIT;
    if (self->phase == ZSEQ_KV_READ)
        return read ? s_read_reply (self, reply, now_us) : ZSEQ_DO_WAIT;
    if (self->phase == ZSEQ_KV_WATCHING)
        return reply->op == ZSEQ_OP_KV_WATCH
                 ? s_watch_reply (self, reply, now_us)
                 : ZSEQ_DO_WAIT;
    zseq_op_t op = s_writes (self) ? ZSEQ_OP_KV_WRITE : ZSEQ_OP_KV_SETTLE;
    return reply->op == op ? s_coordinated_reply (self, reply, now_us)
                           : ZSEQ_DO_WAIT;
}

uint64_t
zseq_kv_call_wake_us (const zseq_kv_call_t *self)
{
    assert (self);

    uint64_t wake_us = self->pause_us;
    if (self->phase == ZSEQ_KV_READ)
        wake_us = zseq_attempt_wake_us (&self->attempt);
    else if (self->phase == ZSEQ_KV_WATCHING)
        wake_us = self->watched ? s_watch_until_us (self) : self->pause_us;
    else if (self->phase == ZSEQ_KV_NEAR)
        wake_us = self->limit_us;
    else if (self->node != self->nodes->n) {
        wake_us = s_late_us (self);
        if (self->check_us < wake_us)
            wake_us = self->check_us;
    }
    return wake_us < self->deadline_us ? wake_us : self->deadline_us;
}

void
zseq_kv_call_end (zseq_kv_call_t *self)
{
    assert (self);
    assert (!self->done);

    int rc = ZSEQ_EUNAVAILABLE;
    bool read_by_too_few = self->phase == ZSEQ_KV_COORDINATED &&
                           !s_writes (self) && self->disagreed < 2;
    if (self->phase == ZSEQ_KV_READ || read_by_too_few)
        rc = zseq_attempt_failure (&self->attempt, ZSEQ_QUORUM_WRITE, NULL);
    else if (self->owing || self->phase == ZSEQ_KV_WATCHING)
        rc = ZSEQ_ETIMEOUT;
    else if (self->refusal != ZSEQ_OK && self->refusal != ZSEQ_ENOTVOTING)
        rc = self->refusal;
    (void) s_done (self, rc);
}
