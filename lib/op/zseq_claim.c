#include "zseq_claim.h"

#include <assert.h>
#include <string.h>

//  A client whose claims follow each other without a gap beats every claim that
//  begins where its last one ends: its next one is under way already. After
//  SKIP_AFTER conflicts a claim skips ahead by the IDs of one claim, its own or
//  the one that beat it, whichever is larger; then by twice as many, and so on,
//  until it wins. From then on the clients take turns. The distance that others
//  advanced does not count: skips would feed each other.
#define SKIP_AFTER 16
#define SKIP_DOUBLINGS_MAX 4

void
zseq_claim_init (zseq_claim_t *self, const zseq_quorum_t *quorum,
                 const zseq_known_t *known, uint64_t count, uint64_t count_min,
                 const zseq_timing_t *timing)
{
    assert (self);
    assert (known);

    memset (self, 0, sizeof *self);
    zseq_attempt_init (&self->attempt, quorum, timing);
    self->known = *known;
    zseq_claim_resize (self, count, count_min);
}

void
zseq_claim_resize (zseq_claim_t *self, uint64_t count, uint64_t count_min)
{
    assert (self);
    assert (count_min >= 1);
    assert (count >= count_min);
    assert (count <= ZSEQ_COUNT_MAX);
    //  S7: a claim under way may already lie below a later one.
    assert (!self->attempt.request);

    self->count = count;
    self->count_min = count_min;
}

//  The lowest start that a write quorum is known to accept, so that one node
//  that is ahead burns nothing. If too few nodes are known, the highest next of
//  these; 0 if none is.
static uint64_t
s_lowest_start (const zseq_claim_t *self)
{
    const uint64_t *next = self->known.next;
    uint8_t sorted[ZSEQ_NODES_MAX];
    uint8_t size = 0;
    for (uint8_t node = 0; node < self->attempt.quorum.n; node++) {
        if (next[node] == 0)
            continue;
        uint8_t at = size++;
        for (; at > 0 && next[sorted[at - 1]] > next[node]; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = node;
    }
    uint64_t start = 0;
    zseq_node_set_t accepting = 0;
    for (uint8_t at = 0; at < size; at++) {
        start = next[sorted[at]];
        zseq_node_set_add (&accepting, sorted[at]);
        if (zseq_quorum_reached (&self->attempt.quorum, ZSEQ_QUORUM_WRITE,
                                 accepting))
            break;
    }
    return start;
}

//  Keeps next of each node whose reply counted. Fewer than a read quorum are no
//  basis for a claim: it would burn IDs while the other nodes do not vote.
static void
s_learn (zseq_claim_t *self)
{
    const zseq_tally_t *tally = &self->attempt.tally;
    zseq_node_set_t known = 0;
    for (uint8_t node = 0; node < tally->n; node++) {
        uint64_t next =
          zseq_tally_counts (tally, node) ? tally->vote[node].next : 0;
        self->known.next[node] = next;
        zseq_node_set_put (&known, node, next != 0);
    }
    if (!zseq_quorum_reached (&self->attempt.quorum, ZSEQ_QUORUM_READ, known))
        memset (&self->known, 0, sizeof self->known);
}

static zseq_do_t
s_done (zseq_claim_t *self, int rc)
{
    self->done = true;
    self->rc = rc;
    return ZSEQ_DO_DONE;
}

//  The attempt has failed: too few nodes are left that may grant it. The IDs
//  that some node may have accepted are burnt, except those that a refusal
//  shows to be another client's.
static zseq_do_t
s_lost (zseq_claim_t *self, bool answered, uint64_t now_us)
{
    const zseq_tally_t *tally = &self->attempt.tally;
    if (!self->reading) {
        uint64_t first = self->first;
        bool accepted = false;
        for (uint8_t node = 0; node < tally->n; node++) {
            const zseq_vote_t *vote = &tally->vote[node];
            accepted |= !vote->present || vote->status == ZSEQ_OK;
            if (vote->status == ZSEQ_ECONFLICT && vote->next > first)
                first = vote->next;
        }
        if (accepted && first < self->first + self->count)
            self->burnt += self->first + self->count - first;
        if (answered && zseq_tally_nodes (tally, ZSEQ_ECONFLICT)) {
            self->conflicts++;
            self->lost_first = self->first - self->skip_ahead;
        }
    }
    s_learn (self);
    zseq_attempt_end (&self->attempt, answered);
    zseq_attempt_pause (&self->attempt, now_us);
    return ZSEQ_DO_WAIT;
}

//  A read quorum has answered the READ.
static zseq_do_t
s_read (zseq_claim_t *self)
{
    s_learn (self);
    self->doubted = self->doubting;
    zseq_attempt_end (&self->attempt, true);
    return ZSEQ_DO_SEND;
}

//  Whether so many nodes have voted on a CLAIM that it is lost, and not merely
//  late.
static bool
s_outvoted (const zseq_attempt_t *attempt)
{
    zseq_node_set_t voted = zseq_attempt_granted (attempt) |
                            zseq_tally_nodes (&attempt->tally, ZSEQ_ECONFLICT);
    return zseq_quorum_reached (&attempt->quorum, ZSEQ_QUORUM_WRITE, voted);
}

zseq_do_t
zseq_claim_tick (zseq_claim_t *self, uint64_t now_us)
{
    assert (self);

    zseq_attempt_t *attempt = &self->attempt;
    if (self->done)
        return ZSEQ_DO_DONE;
    if (now_us >= attempt->timing.deadline_us) {
        if (attempt->request)
            s_lost (self, false, now_us);
        return s_done (self,
                       zseq_attempt_failure (attempt, ZSEQ_QUORUM_WRITE, NULL));
    }
    if (zseq_attempt_overdue (attempt, now_us)) {
        if (self->reading && zseq_attempt_reached (attempt, ZSEQ_QUORUM_READ))
            return s_read (self);
        return s_lost (self, !self->reading && s_outvoted (attempt), now_us);
    }
    return zseq_attempt_due (attempt, now_us) ? ZSEQ_DO_SEND : ZSEQ_DO_WAIT;
}

static zseq_do_t
s_send_read (zseq_claim_t *self, uint64_t request, uint64_t now_us,
             zseq_msg_t *msg)
{
    self->reading = true;
    msg->op = ZSEQ_OP_READ;
    msg->reply = false;
    msg->request = request;
    zseq_attempt_begin (&self->attempt, request, false, now_us);
    return ZSEQ_DO_SEND;
}

uint64_t
zseq_claim_remaining (const zseq_claim_t *self)
{
    assert (self);

    uint64_t first = s_lowest_start (self);
    uint64_t left = first ? ZSEQ_NEXT_MAX - first : ZSEQ_COUNT_MAX;
    return left < ZSEQ_COUNT_MAX ? left : ZSEQ_COUNT_MAX;
}

//  How far above first the claim skips ahead; never past the sequence's end.
static uint64_t
s_skip_ahead (const zseq_claim_t *self, uint64_t first)
{
    if (self->conflicts < SKIP_AFTER || first <= self->lost_first)
        return 0;
    uint32_t doublings = self->conflicts - SKIP_AFTER;
    if (doublings > SKIP_DOUBLINGS_MAX)
        doublings = SKIP_DOUBLINGS_MAX;
    uint64_t claim =
      self->count > self->winner_count ? self->count : self->winner_count;
    uint64_t skip_ahead = claim << doublings;
    return skip_ahead <= ZSEQ_NEXT_MAX - first - self->count ? skip_ahead : 0;
}

zseq_do_t
zseq_claim_request (zseq_claim_t *self, uint64_t request, uint64_t now_us,
                    zseq_msg_t *msg)
{
    assert (self);
    assert (msg);
    assert (!self->done);

    self->doubting = false;
    uint64_t first = s_lowest_start (self);
    if (first == 0)
        return s_send_read (self, request, now_us, msg);

    uint64_t left = ZSEQ_NEXT_MAX - first;
    if (left < self->count_min) {
        //  One node that is ahead must not end the sequence: read from all.
        if (self->doubted)
            return s_done (self, ZSEQ_EEXHAUSTED);
        self->doubting = true;
        return s_send_read (self, request, now_us, msg);
    }
    if (self->count > left)
        self->count = left;

    self->reading = false;
    self->doubted = false;
    self->skip_ahead = s_skip_ahead (self, first);
    self->first = first + self->skip_ahead;
    self->claims++;
    msg->op = ZSEQ_OP_CLAIM;
    msg->reply = false;
    msg->request = request;
    msg->claim.first = self->first;
    msg->claim.count = self->count;
    zseq_attempt_begin (&self->attempt, request, true, now_us);
    return ZSEQ_DO_SEND;
}

void
zseq_claim_repeat (const zseq_claim_t *self, zseq_msg_t *msg)
{
    assert (self);
    assert (msg);
    assert (self->attempt.request);

    msg->op = self->reading ? ZSEQ_OP_READ : ZSEQ_OP_CLAIM;
    msg->reply = false;
    msg->request = self->attempt.request;
    if (self->reading)
        return;
    msg->claim.first = self->first;
    msg->claim.count = self->count;
}

//  Whether all nodes that were read show the same next.
static bool
s_agreed (const zseq_tally_t *tally)
{
    uint64_t next = 0;
    for (uint8_t node = 0; node < tally->n; node++) {
        if (!zseq_tally_counts (tally, node) || !tally->vote[node].next)
            continue;
        if (next && next != tally->vote[node].next)
            return false;
        next = tally->vote[node].next;
    }
    return true;
}

static zseq_do_t
s_read_reply (zseq_claim_t *self, uint64_t now_us)
{
    zseq_attempt_t *attempt = &self->attempt;
    zseq_node_set_t granted = zseq_attempt_granted (attempt);
    if (!zseq_quorum_reached (&attempt->quorum, ZSEQ_QUORUM_READ, granted))
        return zseq_attempt_hopeless (attempt, ZSEQ_QUORUM_READ)
                 ? s_lost (self, true, now_us)
                 : ZSEQ_DO_WAIT;
    bool all = zseq_attempt_grantable (attempt) == granted;
    if (all || (!self->doubting && s_agreed (&attempt->tally)))
        return s_read (self);
    //  One node that is ahead would burn the difference: gives the other nodes
    //  one more round trip to reply.
    if (!self->doubting)
        zseq_attempt_hasten (attempt, now_us + attempt->timing.rtt_us);
    return ZSEQ_DO_WAIT;
}

zseq_do_t
zseq_claim_reply (zseq_claim_t *self, const zseq_msg_t *reply, uint64_t now_us)
{
    assert (self);
    assert (reply);

    zseq_attempt_t *attempt = &self->attempt;
    if (self->done)
        return ZSEQ_DO_DONE;
    if (reply->op != (self->reading ? ZSEQ_OP_READ : ZSEQ_OP_CLAIM))
        return ZSEQ_DO_WAIT;
    if (!self->reading && reply->claim.count &&
        (reply->claim.first != self->first ||
         reply->claim.count != self->count))
        return ZSEQ_DO_WAIT;
    if (!zseq_attempt_add (attempt, reply))
        return ZSEQ_DO_WAIT;
    if (self->reading)
        return s_read_reply (self, now_us);
    if (reply->status == ZSEQ_ECONFLICT)
        self->winner_count = reply->claim.last_count;

    //  S2: a write quorum took the same range.
    if (zseq_attempt_reached (attempt, ZSEQ_QUORUM_WRITE)) {
        self->burnt += self->skip_ahead;
        s_learn (self);
        zseq_attempt_end (attempt, true);
        return s_done (self, ZSEQ_OK);
    }
    if (zseq_attempt_hopeless (attempt, ZSEQ_QUORUM_WRITE))
        return s_lost (self, true, now_us);
    return ZSEQ_DO_WAIT;
}

bool
zseq_claim_reads (const zseq_claim_t *self)
{
    assert (self);
    return self->reading && self->attempt.request;
}

void
zseq_claim_stop_read (zseq_claim_t *self)
{
    assert (self);
    assert (zseq_claim_reads (self));

    s_learn (self);
    zseq_attempt_end (&self->attempt, true);
}

uint64_t
zseq_claim_wake_us (const zseq_claim_t *self)
{
    assert (self);
    return zseq_attempt_wake_us (&self->attempt);
}
