#include "zseq_attempt.h"

#include <assert.h>
#include <string.h>

//  A reply is late after a few round trips. But a short round trip says little
//  about a disk or a scheduler that stalls, and a long one must not keep a
//  client from retrying. While no other client competes, a retry gains nothing
//  but gaps, unless a message was lost with its connection.
#define ROUND_TRIPS 8
#define CONTENDED_WAIT_US_MIN 20000
#define WAIT_US_MIN 500000
#define WAIT_US_MAX 1000000
//  A client that lost to another client's claim must not fall far behind the
//  winner, which does not pause: with 200 ms, two clients shared IDs 100 to 1.
#define CONTENDED_PAUSE_US_MAX 4000

static uint64_t
s_wait_us (const zseq_attempt_t *self, uint64_t wait_us_min)
{
    uint64_t wait_us = self->timing.rtt_us * ROUND_TRIPS;
    if (wait_us < wait_us_min)
        wait_us = wait_us_min;
    for (uint32_t late = 0; late < self->late; late++)
        if (wait_us < WAIT_US_MAX)
            wait_us *= 2;
    return wait_us < WAIT_US_MAX ? wait_us : WAIT_US_MAX;
}

//  Whether a status says that the node voted, for or against.
static bool
s_conclusive (int status)
{
    return status == ZSEQ_OK || status == ZSEQ_ECONFLICT ||
           status == ZSEQ_EEXHAUSTED;
}

void
zseq_attempt_init (zseq_attempt_t *self, const zseq_quorum_t *quorum,
                   const zseq_timing_t *timing)
{
    assert (self);
    assert (quorum);
    assert (timing);

    memset (self, 0, sizeof *self);
    self->quorum = *quorum;
    self->timing = *timing;
    zseq_tally_init (&self->tally, quorum->n);
    zseq_backoff_init (&self->backoff, timing->rtt_us, timing->seed);
}

void
zseq_attempt_begin (zseq_attempt_t *self, uint64_t request, bool is_final_phase,
                    uint64_t now_us)
{
    assert (self);
    assert (!self->request);
    assert (request);

    self->request = request;
    self->began_us = now_us;
    self->wake_us =
      now_us + (self->timing.wait_us ? self->timing.wait_us
                                     : s_wait_us (self, WAIT_US_MIN));
    self->is_final_phase = is_final_phase;
    self->absent = 0;
    zseq_tally_init (&self->tally, self->quorum.n);
}

bool
zseq_attempt_add (zseq_attempt_t *self, const zseq_msg_t *reply)
{
    assert (self);
    assert (reply);

    //  S3: a reply counts only for the request that it answers.
    if (!self->request || reply->request != self->request)
        return false;
    if (!zseq_tally_add (&self->tally, reply))
        return false;

    if (reply->status == ZSEQ_ECONFLICT)
        zseq_attempt_hasten (self, self->began_us +
                                     s_wait_us (self, CONTENDED_WAIT_US_MIN));
    return true;
}

//  Keeps which nodes answered the message under way, to explain a failure.
static void
s_judge (const zseq_attempt_t *self, zseq_node_set_t *answered_p,
         int *refusal_p)
{
    *answered_p = 0;
    *refusal_p = ZSEQ_OK;
    for (uint8_t node = 0; node < self->quorum.n; node++) {
        int status = self->tally.vote[node].status;
        if (!zseq_tally_counts (&self->tally, node))
            continue;
        if (s_conclusive (status))
            zseq_node_set_add (answered_p, node);
        else
            *refusal_p = status;
    }
}

zseq_node_set_t
zseq_attempt_granted (const zseq_attempt_t *self)
{
    assert (self);
    return zseq_tally_nodes (&self->tally, ZSEQ_OK);
}

zseq_node_set_t
zseq_attempt_grantable (const zseq_attempt_t *self)
{
    assert (self);

    zseq_node_set_t silent = 0;
    for (uint8_t node = 0; node < self->quorum.n; node++)
        if (!self->tally.vote[node].present)
            zseq_node_set_add (&silent, node);
    if (zseq_tally_nodes (&self->tally, ZSEQ_ECONFLICT))
        silent &= ~self->absent;
    return zseq_attempt_granted (self) | silent;
}

bool
zseq_attempt_reached (const zseq_attempt_t *self, zseq_quorum_kind_t kind)
{
    assert (self);
    return zseq_quorum_reached (&self->quorum, kind,
                                zseq_attempt_granted (self));
}

bool
zseq_attempt_hopeless (const zseq_attempt_t *self, zseq_quorum_kind_t kind)
{
    assert (self);
    return !zseq_quorum_reached (&self->quorum, kind,
                                 zseq_attempt_grantable (self));
}

void
zseq_attempt_hasten (zseq_attempt_t *self, uint64_t until_us)
{
    assert (self);
    assert (self->request);

    if (self->wake_us > until_us)
        self->wake_us = until_us;
}

void
zseq_attempt_end (zseq_attempt_t *self, bool answered)
{
    assert (self);
    assert (self->request);

    zseq_node_set_t answered_nodes;
    int refusal;
    s_judge (self, &answered_nodes, &refusal);
    for (uint8_t node = 0; node < self->quorum.n; node++)
        self->refusals[node] = zseq_attempt_refusal (self, node);
    self->refused = refusal != ZSEQ_OK;
    if (self->is_final_phase || !self->concluded) {
        self->answered = answered_nodes;
        self->refusal = refusal;
        self->concluded = self->is_final_phase;
    }
    self->request = 0;
    self->wake_us = 0;
    if (answered)
        self->round_trips++;
    else
        self->late++;
}

void
zseq_attempt_pause (zseq_attempt_t *self, uint64_t now_us)
{
    assert (self);
    assert (!self->request);
    if (!self->refused && self->backoff.pause_us > CONTENDED_PAUSE_US_MAX)
        self->backoff.pause_us = CONTENDED_PAUSE_US_MAX;
    self->wake_us = now_us + zseq_backoff_next (&self->backoff);
}

void
zseq_attempt_pause_until (zseq_attempt_t *self, uint64_t until_us)
{
    assert (self);
    assert (!self->request);
    self->wake_us = until_us;
}

bool
zseq_attempt_overdue (const zseq_attempt_t *self, uint64_t now_us)
{
    assert (self);
    return self->request && now_us >= self->wake_us;
}

bool
zseq_attempt_due (const zseq_attempt_t *self, uint64_t now_us)
{
    assert (self);
    return !self->request && now_us >= self->wake_us;
}

uint64_t
zseq_attempt_wake_us (const zseq_attempt_t *self)
{
    assert (self);
    return self->wake_us < self->timing.deadline_us ? self->wake_us
                                                    : self->timing.deadline_us;
}

int
zseq_attempt_failure (const zseq_attempt_t *self, zseq_quorum_kind_t kind,
                      zseq_node_set_t *answered_p)
{
    assert (self);

    zseq_node_set_t answered = self->answered;
    int refusal = self->refusal;
    if (self->request && (self->is_final_phase || !self->concluded)) {
        //  The message under way may only just have been sent.
        zseq_node_set_t answered_now;
        s_judge (self, &answered_now, &refusal);
        if (zseq_node_set_count (answered) < zseq_node_set_count (answered_now))
            answered = answered_now;
        if (!refusal)
            refusal = self->refusal;
    }
    if (answered_p)
        *answered_p = answered;
    if (zseq_quorum_reached (&self->quorum, kind, answered))
        return ZSEQ_ETIMEOUT;
    if (refusal && refusal != ZSEQ_ENOTVOTING)
        return refusal;
    return ZSEQ_EUNAVAILABLE;
}

int
zseq_attempt_refusal (const zseq_attempt_t *self, uint8_t node)
{
    assert (self);
    assert (node < self->quorum.n);

    if (!self->request || !self->tally.vote[node].present)
        return self->refusals[node];
    //  S4: it answered in an incarnation that has ended.
    if (!zseq_tally_counts (&self->tally, node))
        return ZSEQ_ESUPERSEDED;
    int status = self->tally.vote[node].status;
    return s_conclusive (status) ? ZSEQ_OK : status;
}
