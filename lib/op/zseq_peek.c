#include "zseq_peek.h"

#include <assert.h>
#include <string.h>

void
zseq_peek_init (zseq_peek_t *self, const zseq_quorum_t *quorum, uint64_t value,
                const zseq_timing_t *timing)
{
    assert (self);
    assert (value <= ZSEQ_NEXT_MAX);

    memset (self, 0, sizeof *self);
    zseq_attempt_init (&self->attempt, quorum, timing);
    self->value = value;
    self->given = value > 0;
}

//  Which quorum the replies must reach: a read quorum finds the value, a write
//  quorum shows it.
static zseq_quorum_kind_t
s_kind (const zseq_peek_t *self)
{
    return self->given ? ZSEQ_QUORUM_WRITE : ZSEQ_QUORUM_BOTH;
}

static zseq_do_t
s_done (zseq_peek_t *self, int rc)
{
    self->done = true;
    self->rc = rc;
    return ZSEQ_DO_DONE;
}

//  Starts over without what was found so far.
static zseq_do_t
s_lost (zseq_peek_t *self, bool answered, uint64_t now_us)
{
    if (!self->given)
        self->value = 0;
    zseq_attempt_end (&self->attempt, answered);
    zseq_attempt_pause (&self->attempt, now_us);
    return ZSEQ_DO_WAIT;
}

zseq_do_t
zseq_peek_tick (zseq_peek_t *self, uint64_t now_us)
{
    assert (self);

    zseq_attempt_t *attempt = &self->attempt;
    if (self->done)
        return ZSEQ_DO_DONE;
    if (now_us >= attempt->timing.deadline_us) {
        if (attempt->request)
            zseq_attempt_end (attempt, false);
        return s_done (self,
                       zseq_attempt_failure (attempt, s_kind (self), NULL));
    }
    if (zseq_attempt_overdue (attempt, now_us))
        return s_lost (self, false, now_us);
    return zseq_attempt_due (attempt, now_us) ? ZSEQ_DO_SEND : ZSEQ_DO_WAIT;
}

zseq_do_t
zseq_peek_request (zseq_peek_t *self, uint64_t request, uint64_t now_us,
                   zseq_msg_t *msg)
{
    assert (self);
    assert (msg);
    assert (!self->done);

    self->raising = self->value > 0;
    msg->op = self->raising ? ZSEQ_OP_RAISE : ZSEQ_OP_READ;
    msg->reply = false;
    msg->request = request;
    if (self->raising)
        msg->raise.to = self->value;
    zseq_attempt_begin (&self->attempt, request, true, now_us);
    //  S4: what the READ's replies have shown holds for the RAISE's too.
    if (self->raising && !self->given)
        zseq_tally_learn (&self->attempt.tally, &self->read.newest);
    return ZSEQ_DO_SEND;
}

//  The nodes whose votes count and show at least value.
static zseq_node_set_t
s_showing (const zseq_tally_t *tally, uint64_t value)
{
    zseq_node_set_t showing = 0;
    for (uint8_t node = 0; node < tally->n; node++)
        if (zseq_tally_counts (tally, node) &&
            tally->vote[node].status == ZSEQ_OK &&
            tally->vote[node].next >= value)
            zseq_node_set_add (&showing, node);
    return showing;
}

static uint64_t
s_highest (const zseq_tally_t *tally)
{
    uint64_t highest = 0;
    for (uint8_t node = 0; node < tally->n; node++)
        if (zseq_tally_counts (tally, node) &&
            tally->vote[node].status == ZSEQ_OK &&
            tally->vote[node].next > highest)
            highest = tally->vote[node].next;
    return highest;
}

//  A quorum has answered the READ.
static zseq_do_t
s_found (zseq_peek_t *self)
{
    zseq_attempt_t *attempt = &self->attempt;
    self->read = attempt->tally;
    self->value = s_highest (&self->read);
    zseq_attempt_end (attempt, true);

    //  S6: a later read must not find less, so a write quorum must show it.
    if (zseq_quorum_reached (&attempt->quorum, ZSEQ_QUORUM_WRITE,
                             s_showing (&self->read, self->value)))
        return s_done (self, ZSEQ_OK);
    return ZSEQ_DO_SEND;
}

//  A write quorum has answered the RAISE.
static zseq_do_t
s_raised (zseq_peek_t *self, uint64_t now_us)
{
    zseq_attempt_t *attempt = &self->attempt;
    if (!self->given) {
        //  S4: READs and RAISEs are one operation. What a RAISE's replies show
        //  of newer incarnations holds for the READ's too.
        zseq_tally_learn (&self->read, &attempt->tally.newest);
        if (!zseq_quorum_reached (&attempt->quorum, s_kind (self),
                                  zseq_tally_nodes (&self->read, ZSEQ_OK)))
            return s_lost (self, true, now_us);
    }
    zseq_attempt_end (attempt, true);
    return s_done (self, ZSEQ_OK);
}

zseq_do_t
zseq_peek_reply (zseq_peek_t *self, const zseq_msg_t *reply, uint64_t now_us)
{
    assert (self);
    assert (reply);

    zseq_attempt_t *attempt = &self->attempt;
    if (self->done)
        return ZSEQ_DO_DONE;
    if (reply->op != (self->raising ? ZSEQ_OP_RAISE : ZSEQ_OP_READ))
        return ZSEQ_DO_WAIT;
    if (!zseq_attempt_add (attempt, reply))
        return ZSEQ_DO_WAIT;

    zseq_quorum_kind_t kind = self->raising ? ZSEQ_QUORUM_WRITE : s_kind (self);
    zseq_node_set_t granted = self->raising
                                ? s_showing (&attempt->tally, self->value)
                                : zseq_attempt_granted (attempt);
    if (zseq_quorum_reached (&attempt->quorum, kind, granted))
        return self->raising ? s_raised (self, now_us) : s_found (self);
    if (zseq_attempt_hopeless (attempt, kind))
        return s_lost (self, true, now_us);
    return ZSEQ_DO_WAIT;
}

uint64_t
zseq_peek_wake_us (const zseq_peek_t *self)
{
    assert (self);
    return zseq_attempt_wake_us (&self->attempt);
}
