//  Tests peek and raise, one step at a time.

#include <criterion/criterion.h>
#include <string.h>

#include "zseq_peek.h"

#define NOW 1000000u

typedef struct {
    zseq_peek_t peek;
    zseq_msg_t sent;
    uint64_t request;
} s_fixture_t;

static s_fixture_t
s_begin (size_t n, uint64_t value)
{
    s_fixture_t self = {.request = 100};
    zseq_quorum_t quorum;
    cr_assert_eq (zseq_quorum_init (&quorum, n, 0, 0), ZSEQ_OK);
    zseq_timing_t timing = {.rtt_us = 200, .deadline_us = NOW + 5000000};
    zseq_peek_init (&self.peek, &quorum, value, &timing);
    cr_assert_eq (zseq_peek_tick (&self.peek, NOW), ZSEQ_DO_SEND);
    cr_assert_eq (
      zseq_peek_request (&self.peek, ++self.request, NOW, &self.sent),
      ZSEQ_DO_SEND);
    return self;
}

static void
s_ask (s_fixture_t *self)
{
    cr_assert_eq (
      zseq_peek_request (&self->peek, ++self->request, NOW, &self->sent),
      ZSEQ_DO_SEND);
}

static zseq_msg_t
s_reply (const s_fixture_t *self, uint8_t node, int status, uint64_t next)
{
    zseq_msg_t msg;
    memset (&msg, 0, sizeof msg);
    msg.op = self->sent.op;
    msg.reply = true;
    msg.request = self->sent.request;
    msg.status = status;
    msg.node = node;
    if (msg.op == ZSEQ_OP_READ)
        msg.read.next = next;
    else
        msg.raise.next = next;
    msg.vector.n = self->peek.attempt.quorum.n;
    for (uint8_t index = 0; index < msg.vector.n; index++)
        msg.vector.incarnation[index] = (zseq_incarnation_t){1, 1000u + index};
    return msg;
}

static zseq_do_t
s_hear (s_fixture_t *self, uint8_t node, uint64_t next)
{
    zseq_msg_t msg = s_reply (self, node, ZSEQ_OK, next);
    return zseq_peek_reply (&self->peek, &msg, NOW);
}

Test (peek, is_one_round_trip_when_w_nodes_agree)
{
    s_fixture_t self = s_begin (3, 0);
    cr_assert_eq (self.sent.op, ZSEQ_OP_READ);
    cr_assert_eq (s_hear (&self, 0, 9), ZSEQ_DO_WAIT);
    cr_assert_eq (s_hear (&self, 1, 9), ZSEQ_DO_DONE);
    cr_assert_eq (self.peek.rc, ZSEQ_OK);
    cr_assert_eq (self.peek.value, 9);
}

Test (peek, repairs_before_it_returns)
{
    s_fixture_t self = s_begin (3, 0);
    s_hear (&self, 0, 9);
    cr_assert_eq (s_hear (&self, 1, 4), ZSEQ_DO_SEND);
    s_ask (&self);
    cr_assert_eq (self.sent.op, ZSEQ_OP_RAISE);
    cr_assert_eq (self.sent.raise.to, 9);
    cr_assert_eq (s_hear (&self, 0, 9), ZSEQ_DO_WAIT);
    cr_assert_eq (s_hear (&self, 1, 12), ZSEQ_DO_DONE);
    cr_assert_eq (self.peek.value, 9);
}

Test (peek, does_not_take_a_node_below_the_value_for_repaired)
{
    s_fixture_t self = s_begin (3, 0);
    s_hear (&self, 0, 9);
    s_hear (&self, 1, 4);
    s_ask (&self);
    s_hear (&self, 0, 9);
    cr_assert_eq (s_hear (&self, 1, 8), ZSEQ_DO_WAIT);
}

Test (peek, waits_for_a_write_quorum_when_n_is_even)
{
    s_fixture_t self = s_begin (4, 0);
    cr_assert_eq (s_hear (&self, 0, 9), ZSEQ_DO_WAIT);
    cr_assert_eq (s_hear (&self, 1, 9), ZSEQ_DO_WAIT);
    cr_assert_eq (s_hear (&self, 2, 9), ZSEQ_DO_DONE);
}

Test (peek, does_not_count_an_earlier_incarnation)
{
    s_fixture_t self = s_begin (3, 0);
    s_hear (&self, 1, 9);
    zseq_msg_t later = s_reply (&self, 0, ZSEQ_OK, 9);
    later.vector.incarnation[1].counter = 2;
    cr_assert_eq (zseq_peek_reply (&self.peek, &later, NOW), ZSEQ_DO_WAIT);
    cr_assert (!self.peek.done);
}

Test (peek,
      starts_over_when_a_raise_shows_that_a_read_was_of_an_earlier_incarnation)
{
    s_fixture_t self = s_begin (3, 0);
    s_hear (&self, 0, 9);
    s_hear (&self, 1, 4);
    s_ask (&self);
    //  The replies to the RAISE show that node 1 has lost its disk meanwhile.
    zseq_msg_t reply = s_reply (&self, 0, ZSEQ_OK, 9);
    reply.vector.incarnation[1].counter = 2;
    cr_assert_eq (zseq_peek_reply (&self.peek, &reply, NOW), ZSEQ_DO_WAIT);
    reply = s_reply (&self, 2, ZSEQ_OK, 50);
    reply.vector.incarnation[1].counter = 2;
    cr_assert_eq (zseq_peek_reply (&self.peek, &reply, NOW), ZSEQ_DO_WAIT);
    cr_assert (!self.peek.done);
    cr_assert_eq (zseq_peek_tick (&self.peek, zseq_peek_wake_us (&self.peek)),
                  ZSEQ_DO_SEND);
    s_ask (&self);
    cr_assert_eq (self.sent.op, ZSEQ_OP_READ);
}

Test (peek, lets_what_the_read_showed_hold_for_the_raise)
{
    s_fixture_t self = s_begin (5, 0);
    //  Node 0 shows a newer incarnation of node 4; nodes 1 and 2 complete the
    //  READ.
    zseq_msg_t reply = s_reply (&self, 0, ZSEQ_OK, 9);
    reply.vector.incarnation[4].counter = 2;
    zseq_peek_reply (&self.peek, &reply, NOW);
    s_hear (&self, 1, 4);
    cr_assert_eq (s_hear (&self, 2, 4), ZSEQ_DO_SEND);
    s_ask (&self);
    //  An answer of node 4's earlier incarnation, which no reply contradicts
    //  here.
    s_hear (&self, 1, 9);
    s_hear (&self, 4, 9);
    cr_assert_eq (s_hear (&self, 2, 9), ZSEQ_DO_WAIT);
    cr_assert (!self.peek.done);
    cr_assert_eq (s_hear (&self, 3, 9), ZSEQ_DO_DONE);
}

Test (raise, is_done_when_w_nodes_show_it)
{
    s_fixture_t self = s_begin (3, 100);
    cr_assert_eq (self.sent.op, ZSEQ_OP_RAISE);
    cr_assert_eq (self.sent.raise.to, 100);
    cr_assert_eq (s_hear (&self, 0, 100), ZSEQ_DO_WAIT);
    cr_assert_eq (s_hear (&self, 2, 130), ZSEQ_DO_DONE);
    cr_assert_eq (self.peek.value, 100);
}

Test (raise, is_unavailable_when_too_few_vote)
{
    s_fixture_t self = s_begin (3, 100);
    zseq_msg_t refusal = s_reply (&self, 0, ZSEQ_ENOTVOTING, 0);
    zseq_peek_reply (&self.peek, &refusal, NOW);
    refusal.node = 1;
    zseq_peek_reply (&self.peek, &refusal, NOW);
    cr_assert_eq (zseq_peek_tick (&self.peek, NOW + 5000000), ZSEQ_DO_DONE);
    cr_assert_eq (self.peek.rc, ZSEQ_EUNAVAILABLE);
}
