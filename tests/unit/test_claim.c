//  Tests the client's claim, one step at a time: where it starts, which replies
//  decide it, when it pauses or skips ahead, and what it burns.
//
//  s_begin starts a claim with given knowledge of the nodes (s_known). s_ask
//  takes the message that the claim wants to send, s_hear passes it a node's
//  reply, and zseq_claim_tick moves time. After a step a test checks what the
//  claim wants next, or its result.

#include <criterion/criterion.h>
#include <string.h>

#include "zseq_claim.h"

#define NOW 1000000u
#define RTT 200u

static const zseq_known_t s_nothing;

typedef struct {
    zseq_claim_t claim;
    zseq_msg_t sent;
    uint64_t request;
} s_fixture_t;

static s_fixture_t
s_begin (size_t n, const zseq_known_t *known, uint64_t count)
{
    s_fixture_t self = {.request = 100};
    zseq_quorum_t quorum;
    cr_assert_eq (zseq_quorum_init (&quorum, n, 0, 0), ZSEQ_OK);
    zseq_timing_t timing = {
      .rtt_us = RTT, .deadline_us = NOW + 5000000, .seed = 7};
    zseq_claim_init (&self.claim, &quorum, known, count, count, &timing);
    cr_assert_eq (zseq_claim_tick (&self.claim, NOW), ZSEQ_DO_SEND);
    return self;
}

static zseq_do_t
s_ask (s_fixture_t *self, uint64_t now_us)
{
    return zseq_claim_request (&self->claim, ++self->request, now_us,
                               &self->sent);
}

//  Makes a node's reply to the last message. All nodes are in their first
//  incarnation.
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
    else {
        msg.claim = self->sent.claim;
        msg.claim.next = next;
        msg.claim.last_count = 0;
    }
    msg.vector.n = self->claim.attempt.quorum.n;
    for (uint8_t index = 0; index < msg.vector.n; index++)
        msg.vector.incarnation[index] = (zseq_incarnation_t){1, 1000u + index};
    return msg;
}

static zseq_do_t
s_hear (s_fixture_t *self, uint8_t node, int status, uint64_t next)
{
    zseq_msg_t msg = s_reply (self, node, status, next);
    return zseq_claim_reply (&self->claim, &msg, NOW + RTT);
}

static zseq_known_t
s_known (uint64_t a, uint64_t b, uint64_t c)
{
    return (zseq_known_t){{a, b, c}};
}

Test (claim, reads_first_when_nothing_is_known)
{
    s_fixture_t self = s_begin (3, &s_nothing, 1);
    cr_assert_eq (s_ask (&self, NOW), ZSEQ_DO_SEND);
    cr_assert_eq (self.sent.op, ZSEQ_OP_READ);
    cr_assert_eq (s_hear (&self, 0, ZSEQ_OK, 9), ZSEQ_DO_WAIT);
    cr_assert_eq (s_hear (&self, 2, ZSEQ_OK, 9), ZSEQ_DO_SEND);
    cr_assert_eq (s_ask (&self, NOW), ZSEQ_DO_SEND);
    cr_assert_eq (self.sent.op, ZSEQ_OP_CLAIM);
    cr_assert_eq (self.sent.claim.first, 9);
    cr_assert_eq (self.sent.claim.count, 1);
}

Test (claim, burns_nothing_where_one_node_is_ahead)
{
    s_fixture_t self = s_begin (3, &s_nothing, 1);
    s_ask (&self, NOW);
    cr_assert_eq (s_hear (&self, 0, ZSEQ_OK, 1000000), ZSEQ_DO_WAIT);
    cr_assert_eq (s_hear (&self, 2, ZSEQ_OK, 9), ZSEQ_DO_WAIT);
    cr_assert_eq (s_hear (&self, 1, ZSEQ_OK, 9), ZSEQ_DO_SEND);
    s_ask (&self, NOW);
    cr_assert_eq (self.sent.claim.first, 9);
}

Test (claim, waits_a_round_trip_for_a_third_opinion)
{
    s_fixture_t self = s_begin (3, &s_nothing, 1);
    s_ask (&self, NOW);
    s_hear (&self, 0, ZSEQ_OK, 1000000);
    s_hear (&self, 2, ZSEQ_OK, 9);
    uint64_t wake_us = zseq_claim_wake_us (&self.claim);
    cr_assert_leq (wake_us, NOW + 2 * RTT);
    cr_assert_eq (zseq_claim_tick (&self.claim, wake_us), ZSEQ_DO_SEND);
    s_ask (&self, wake_us);
    cr_assert_eq (self.sent.op, ZSEQ_OP_CLAIM);
    cr_assert_eq (self.sent.claim.first, 1000000);
}

Test (claim, starts_at_the_lowest_that_w_nodes_would_accept)
{
    zseq_known_t known = s_known (500, 10, 20);
    s_fixture_t self = s_begin (3, &known, 5);
    s_ask (&self, NOW);
    cr_assert_eq (self.sent.op, ZSEQ_OP_CLAIM);
    cr_assert_eq (self.sent.claim.first, 20);
}

Test (claim, starts_at_the_highest_when_fewer_than_w_are_known)
{
    zseq_known_t known = s_known (0, 10, 0);
    s_fixture_t self = s_begin (3, &known, 5);
    s_ask (&self, NOW);
    cr_assert_eq (self.sent.claim.first, 10);
}

Test (claim, is_won_by_w_nodes_in_one_round_trip)
{
    zseq_known_t known = s_known (7, 7, 7);
    s_fixture_t self = s_begin (3, &known, 3);
    s_ask (&self, NOW);
    cr_assert_eq (s_hear (&self, 1, ZSEQ_OK, 10), ZSEQ_DO_WAIT);
    cr_assert_eq (s_hear (&self, 2, ZSEQ_OK, 10), ZSEQ_DO_DONE);
    cr_assert_eq (self.claim.rc, ZSEQ_OK);
    cr_assert_eq (self.claim.first, 7);
    cr_assert_eq (self.claim.count, 3);
    cr_assert_eq (self.claim.attempt.round_trips, 1);
}

Test (claim, counts_a_node_once)
{
    zseq_known_t known = s_known (7, 7, 7);
    s_fixture_t self = s_begin (3, &known, 3);
    s_ask (&self, NOW);
    cr_assert_eq (s_hear (&self, 1, ZSEQ_OK, 10), ZSEQ_DO_WAIT);
    cr_assert_eq (s_hear (&self, 1, ZSEQ_OK, 10), ZSEQ_DO_WAIT);
    cr_assert_eq (s_hear (&self, 1, ZSEQ_OK, 10), ZSEQ_DO_WAIT);
    cr_assert (!self.claim.done);
}

Test (claim, needs_three_of_four)
{
    zseq_known_t known = {{7, 7, 7, 7}};
    s_fixture_t self = s_begin (4, &known, 3);
    s_ask (&self, NOW);
    cr_assert_eq (s_hear (&self, 0, ZSEQ_OK, 10), ZSEQ_DO_WAIT);
    cr_assert_eq (s_hear (&self, 1, ZSEQ_OK, 10), ZSEQ_DO_WAIT);
    cr_assert_eq (s_hear (&self, 2, ZSEQ_OK, 10), ZSEQ_DO_DONE);
}

Test (claim, ignores_a_late_reply)
{
    zseq_known_t known = s_known (7, 7, 7);
    s_fixture_t self = s_begin (3, &known, 3);
    s_ask (&self, NOW);
    zseq_msg_t late = s_reply (&self, 0, ZSEQ_OK, 10);
    uint64_t wake_us = zseq_claim_wake_us (&self.claim);
    cr_assert_eq (zseq_claim_tick (&self.claim, wake_us), ZSEQ_DO_WAIT);
    uint64_t again_us = zseq_claim_wake_us (&self.claim);
    cr_assert_eq (zseq_claim_tick (&self.claim, again_us), ZSEQ_DO_SEND);
    self.claim.known = known;
    s_ask (&self, again_us);
    cr_assert_eq (self.sent.op, ZSEQ_OP_CLAIM);
    cr_assert_eq (zseq_claim_reply (&self.claim, &late, again_us),
                  ZSEQ_DO_WAIT);
    cr_assert_eq (s_hear (&self, 1, ZSEQ_OK, 10), ZSEQ_DO_WAIT);
    cr_assert (!self.claim.done);
}

Test (claim, ignores_an_acceptance_of_another_range)
{
    zseq_known_t known = s_known (7, 7, 7);
    s_fixture_t self = s_begin (3, &known, 3);
    s_ask (&self, NOW);
    cr_assert_eq (s_hear (&self, 0, ZSEQ_OK, 10), ZSEQ_DO_WAIT);
    zseq_msg_t other = s_reply (&self, 1, ZSEQ_OK, 10);
    other.claim.first = 8;
    cr_assert_eq (zseq_claim_reply (&self.claim, &other, NOW), ZSEQ_DO_WAIT);
    other = s_reply (&self, 1, ZSEQ_OK, 10);
    other.claim.count = 2;
    cr_assert_eq (zseq_claim_reply (&self.claim, &other, NOW), ZSEQ_DO_WAIT);
}

//  It is no reply to the claim, so its vector says nothing about the others.
Test (claim, uses_no_vector_of_a_reply_to_another_range)
{
    zseq_known_t known = s_known (7, 7, 7);
    s_fixture_t self = s_begin (3, &known, 3);
    s_ask (&self, NOW);
    cr_assert_eq (s_hear (&self, 1, ZSEQ_OK, 10), ZSEQ_DO_WAIT);
    zseq_msg_t other = s_reply (&self, 0, ZSEQ_OK, 10);
    other.claim.first = 8;
    other.vector.incarnation[1].counter = 2;
    cr_assert_eq (zseq_claim_reply (&self.claim, &other, NOW), ZSEQ_DO_WAIT);
    cr_assert_eq (s_hear (&self, 2, ZSEQ_OK, 10), ZSEQ_DO_DONE);
    cr_assert_eq (self.claim.rc, ZSEQ_OK);
}

Test (claim, does_not_count_an_earlier_incarnation)
{
    //  b accepted and then lost its disk. a's reply shows b's next incarnation.
    zseq_known_t known = s_known (7, 7, 7);
    s_fixture_t self = s_begin (3, &known, 3);
    s_ask (&self, NOW);
    cr_assert_eq (s_hear (&self, 1, ZSEQ_OK, 10), ZSEQ_DO_WAIT);
    zseq_msg_t later = s_reply (&self, 0, ZSEQ_OK, 10);
    later.vector.incarnation[1].counter = 2;
    cr_assert_eq (zseq_claim_reply (&self.claim, &later, NOW), ZSEQ_DO_WAIT);
    cr_assert (!self.claim.done);
    //  b's new incarnation may vote again.
    zseq_msg_t again = s_reply (&self, 1, ZSEQ_OK, 10);
    again.vector.incarnation[1].counter = 2;
    cr_assert_eq (zseq_claim_reply (&self.claim, &again, NOW), ZSEQ_DO_DONE);
    cr_assert_eq (self.claim.rc, ZSEQ_OK);
}

Test (claim, does_not_count_an_earlier_incarnation_whose_reply_comes_later)
{
    zseq_known_t known = s_known (7, 7, 7);
    s_fixture_t self = s_begin (3, &known, 3);
    s_ask (&self, NOW);
    zseq_msg_t first = s_reply (&self, 0, ZSEQ_OK, 10);
    first.vector.incarnation[1].counter = 2;
    cr_assert_eq (zseq_claim_reply (&self.claim, &first, NOW), ZSEQ_DO_WAIT);
    cr_assert_neq (s_hear (&self, 1, ZSEQ_OK, 10), ZSEQ_DO_DONE);
    cr_assert (!self.claim.done);
}

Test (claim, retries_above_what_the_refusals_told)
{
    zseq_known_t known = s_known (7, 7, 7);
    s_fixture_t self = s_begin (3, &known, 3);
    s_ask (&self, NOW);
    cr_assert_eq (s_hear (&self, 0, ZSEQ_ECONFLICT, 30), ZSEQ_DO_WAIT);
    cr_assert_eq (s_hear (&self, 1, ZSEQ_ECONFLICT, 20), ZSEQ_DO_WAIT);
    cr_assert_eq (self.claim.conflicts, 1);
    uint64_t wake_us = zseq_claim_wake_us (&self.claim);
    cr_assert_leq (wake_us, NOW + RTT + RTT / 2 + 1);
    cr_assert_eq (zseq_claim_tick (&self.claim, wake_us), ZSEQ_DO_SEND);
    s_ask (&self, wake_us);
    cr_assert_eq (self.sent.op, ZSEQ_OP_CLAIM);
    cr_assert_eq (self.sent.claim.first, 30);
    cr_assert_eq (self.claim.claims, 2);
}

Test (claim, does_not_start_where_an_earlier_incarnation_said)
{
    zseq_known_t known = s_known (7, 7, 7);
    s_fixture_t self = s_begin (3, &known, 3);
    s_ask (&self, NOW);
    s_hear (&self, 1, ZSEQ_ECONFLICT, 500);
    zseq_msg_t later = s_reply (&self, 0, ZSEQ_ECONFLICT, 20);
    later.vector.incarnation[1].counter = 2;
    zseq_claim_reply (&self.claim, &later, NOW);
    zseq_claim_tick (&self.claim, zseq_claim_wake_us (&self.claim));
    s_ask (&self, NOW + RTT);
    cr_assert_eq (self.sent.op, ZSEQ_OP_READ);
}

Test (claim, reads_again_while_fewer_than_r_vote)
{
    //  When a cluster forms, node 0 votes first. A claim based on node 0 alone
    //  would burn the first ID.
    s_fixture_t self = s_begin (3, &s_nothing, 1);
    uint64_t now_us = NOW;
    for (int round = 0; round < 5; round++) {
        cr_assert_eq (s_ask (&self, now_us), ZSEQ_DO_SEND);
        cr_assert_eq (self.sent.op, ZSEQ_OP_READ);
        s_hear (&self, 0, ZSEQ_OK, 1);
        s_hear (&self, 1, ZSEQ_ENOTVOTING, 0);
        s_hear (&self, 2, ZSEQ_ENOTVOTING, 0);
        now_us = zseq_claim_wake_us (&self.claim);
        cr_assert_eq (zseq_claim_tick (&self.claim, now_us), ZSEQ_DO_SEND);
    }
    cr_assert_eq (self.claim.burnt, 0);
}

Test (claim, reads_again_after_a_claim_that_fewer_than_r_answered)
{
    zseq_known_t known = s_known (7, 7, 7);
    s_fixture_t self = s_begin (3, &known, 1);
    s_ask (&self, NOW);
    cr_assert_eq (self.sent.op, ZSEQ_OP_CLAIM);
    s_hear (&self, 0, ZSEQ_OK, 8);
    s_hear (&self, 1, ZSEQ_ENOTVOTING, 0);
    s_hear (&self, 2, ZSEQ_ENOTVOTING, 0);
    uint64_t wake_us = zseq_claim_wake_us (&self.claim);
    cr_assert_eq (zseq_claim_tick (&self.claim, wake_us), ZSEQ_DO_SEND);
    s_ask (&self, wake_us);
    cr_assert_eq (self.sent.op, ZSEQ_OP_READ);
}

Test (claim, is_patient_while_no_other_client_is_in_the_way)
{
    //  A slow disk must not cost the first ID of a new name.
    zseq_known_t known = s_known (7, 7, 7);
    s_fixture_t self = s_begin (3, &known, 3);
    s_ask (&self, NOW);
    s_hear (&self, 0, ZSEQ_OK, 10);
    s_hear (&self, 2, ZSEQ_ENOTVOTING, 0);
    cr_assert_eq (zseq_claim_tick (&self.claim, NOW + 400000), ZSEQ_DO_WAIT);
    cr_assert_eq (s_hear (&self, 1, ZSEQ_OK, 10), ZSEQ_DO_DONE);
}

Test (claim, is_not_patient_once_another_client_is_in_the_way)
{
    zseq_known_t known = s_known (7, 7, 7);
    s_fixture_t self = s_begin (3, &known, 3);
    s_ask (&self, NOW);
    s_hear (&self, 0, ZSEQ_OK, 10);
    s_hear (&self, 2, ZSEQ_ECONFLICT, 30);
    cr_assert_leq (zseq_claim_wake_us (&self.claim), NOW + 20000u);
}

Test (claim, may_grow_until_it_is_sent)
{
    zseq_known_t known = s_known (7, 7, 7);
    s_fixture_t self = s_begin (3, &known, 1);
    zseq_claim_resize (&self.claim, 40, 1);
    s_ask (&self, NOW);
    cr_assert_eq (self.sent.claim.count, 40);
}

Test (claim, shrinks_to_what_is_left)
{
    zseq_known_t known =
      s_known (ZSEQ_NEXT_MAX - 4, ZSEQ_NEXT_MAX - 4, ZSEQ_NEXT_MAX - 4);
    s_fixture_t self = s_begin (3, &known, 10);
    zseq_claim_resize (&self.claim, 10, 1);
    s_ask (&self, NOW);
    cr_assert_eq (self.sent.op, ZSEQ_OP_CLAIM);
    cr_assert_eq (self.sent.claim.count, 4);
}

Test (claim, is_exhausted_only_after_all_were_asked)
{
    zseq_known_t known = s_known (ZSEQ_NEXT_MAX, ZSEQ_NEXT_MAX, 0);
    s_fixture_t self = s_begin (3, &known, 1);
    s_ask (&self, NOW);
    cr_assert_eq (self.sent.op, ZSEQ_OP_READ);
    s_hear (&self, 0, ZSEQ_OK, ZSEQ_NEXT_MAX);
    cr_assert_eq (s_hear (&self, 1, ZSEQ_OK, ZSEQ_NEXT_MAX), ZSEQ_DO_WAIT);
    cr_assert_eq (s_hear (&self, 2, ZSEQ_OK, 5), ZSEQ_DO_SEND);
    cr_assert_eq (s_ask (&self, NOW), ZSEQ_DO_DONE);
    cr_assert_eq (self.claim.rc, ZSEQ_EEXHAUSTED);
}

Test (claim, takes_the_last_ids_where_one_node_alone_is_ahead)
{
    zseq_known_t known = s_known (ZSEQ_NEXT_MAX, 0, 0);
    s_fixture_t self = s_begin (3, &known, 1);
    s_ask (&self, NOW);
    cr_assert_eq (self.sent.op, ZSEQ_OP_READ);
    s_hear (&self, 0, ZSEQ_OK, ZSEQ_NEXT_MAX);
    s_hear (&self, 1, ZSEQ_OK, 5);
    cr_assert_eq (s_hear (&self, 2, ZSEQ_OK, 5), ZSEQ_DO_SEND);
    s_ask (&self, NOW);
    cr_assert_eq (self.sent.op, ZSEQ_OP_CLAIM);
    cr_assert_eq (self.sent.claim.first, 5);
}

Test (claim, is_unavailable_when_too_few_answer)
{
    zseq_known_t known = s_known (7, 7, 7);
    s_fixture_t self = s_begin (3, &known, 1);
    s_ask (&self, NOW);
    cr_assert_eq (s_hear (&self, 0, ZSEQ_OK, 8), ZSEQ_DO_WAIT);
    cr_assert_eq (zseq_claim_tick (&self.claim, NOW + 5000000), ZSEQ_DO_DONE);
    cr_assert_eq (self.claim.rc, ZSEQ_EUNAVAILABLE);
    cr_assert_eq (self.claim.burnt, 1);
}

//  Loses times claims to a client that advances by ten IDs each time, and whose
//  claims are of winner_count.
static uint64_t
s_lose (s_fixture_t *self, unsigned times, uint64_t next, uint64_t winner_count)
{
    uint64_t now_us = NOW;
    for (unsigned time = 0; time < times; time++) {
        cr_assert_eq (s_ask (self, now_us), ZSEQ_DO_SEND);
        cr_assert_eq (self->sent.claim.first, next);
        next += 10;
        for (uint8_t node = 0; node < 2; node++) {
            zseq_msg_t msg = s_reply (self, node, ZSEQ_ECONFLICT, next);
            msg.claim.last_count = winner_count;
            (void) zseq_claim_reply (&self->claim, &msg, now_us);
        }
        now_us = zseq_claim_wake_us (&self->claim);
        cr_assert_eq (zseq_claim_tick (&self->claim, now_us), ZSEQ_DO_SEND);
    }
    return now_us;
}

//  Loses one more claim to a client that is at next, and makes the following
//  one.
static void
s_lose_again (s_fixture_t *self, uint64_t *now_us, uint64_t next,
              uint64_t winner_count)
{
    for (uint8_t node = 0; node < 2; node++) {
        zseq_msg_t msg = s_reply (self, node, ZSEQ_ECONFLICT, next);
        msg.claim.last_count = winner_count;
        (void) zseq_claim_reply (&self->claim, &msg, *now_us);
    }
    *now_us = zseq_claim_wake_us (&self->claim);
    cr_assert_eq (zseq_claim_tick (&self->claim, *now_us), ZSEQ_DO_SEND);
    cr_assert_eq (s_ask (self, *now_us), ZSEQ_DO_SEND);
}

//  By the size of its claims, however far it has come.
Test (claim, skips_ahead_of_a_client_that_always_wins)
{
    zseq_known_t known = s_known (100, 100, 100);
    s_fixture_t self = s_begin (3, &known, 1);
    uint64_t now_us = s_lose (&self, 16, 100, 5);
    cr_assert_eq (self.claim.conflicts, 16);
    cr_assert_eq (s_ask (&self, now_us), ZSEQ_DO_SEND);
    cr_assert_eq (self.sent.claim.first, 260 + 5);
    //  Another conflict doubles the distance.
    s_lose_again (&self, &now_us, 300, 5);
    cr_assert_eq (self.sent.claim.first, 300 + 10);
    for (uint32_t doublings = 2; doublings < 10; doublings++) {
        uint64_t next = 1000000u * doublings;
        s_lose_again (&self, &now_us, next, 5);
        cr_assert_eq (self.sent.claim.first,
                      next + (5u << (doublings < 4 ? doublings : 4)));
    }
    uint64_t burnt = self.claim.burnt;
    for (uint8_t node = 0; node < 2; node++) {
        zseq_msg_t msg = s_reply (&self, node, ZSEQ_OK, 9000081);
        (void) zseq_claim_reply (&self.claim, &msg, now_us);
    }
    cr_assert (self.claim.done);
    cr_assert_eq (self.claim.rc, ZSEQ_OK);
    cr_assert_eq (self.claim.first, 9000080);
    cr_assert_eq (self.claim.burnt - burnt, 80, "what was skipped is burnt");
}

//  A node of an older version does not say how large the other's claim was.
Test (claim, skips_ahead_by_its_own_size_at_least)
{
    zseq_known_t known = s_known (100, 100, 100);
    s_fixture_t self = s_begin (3, &known, 3);
    uint64_t now_us = s_lose (&self, 16, 100, 0);
    cr_assert_eq (s_ask (&self, now_us), ZSEQ_DO_SEND);
    cr_assert_eq (self.sent.claim.first, 260 + 3);
}

Test (claim, skips_over_no_end_of_the_sequence)
{
    uint64_t next = ZSEQ_NEXT_MAX - 165;
    zseq_known_t known = s_known (next, next, next);
    s_fixture_t self = s_begin (3, &known, 1);
    uint64_t now_us = s_lose (&self, 16, next, 5);
    cr_assert_eq (s_ask (&self, now_us), ZSEQ_DO_SEND);
    cr_assert_eq (self.sent.claim.first, next + 160);
}

Test (claim, times_out_when_others_always_win)
{
    zseq_known_t known = s_known (7, 7, 7);
    s_fixture_t self = s_begin (3, &known, 1);
    s_ask (&self, NOW);
    s_hear (&self, 0, ZSEQ_ECONFLICT, 30);
    s_hear (&self, 1, ZSEQ_ECONFLICT, 30);
    cr_assert_eq (zseq_claim_tick (&self.claim, NOW + 5000000), ZSEQ_DO_DONE);
    cr_assert_eq (self.claim.rc, ZSEQ_ETIMEOUT);
}

Test (claim, says_that_disks_are_full)
{
    zseq_known_t known = s_known (7, 7, 7);
    s_fixture_t self = s_begin (3, &known, 1);
    s_ask (&self, NOW);
    s_hear (&self, 0, ZSEQ_ENOSPACE, 0);
    s_hear (&self, 1, ZSEQ_ENOSPACE, 0);
    cr_assert_eq (zseq_claim_tick (&self.claim, NOW + 5000000), ZSEQ_DO_DONE);
    cr_assert_eq (self.claim.rc, ZSEQ_ENOSPACE);
}

//  Each refusal sends the claim back to a READ. The READ succeeds, so it must
//  not replace the reason for the failure.
Test (claim, says_that_it_was_too_far_from_the_clock_however_often_it_tried)
{
    s_fixture_t self = s_begin (3, &s_nothing, 1);
    uint64_t now_us = NOW;
    while (!self.claim.done) {
        if (s_ask (&self, now_us) != ZSEQ_DO_SEND)
            break;
        bool reading = self.sent.op == ZSEQ_OP_READ;
        for (uint8_t node = 0; node < 3; node++) {
            zseq_msg_t msg =
              s_reply (&self, node, reading ? ZSEQ_OK : ZSEQ_ECLOCK, 9);
            zseq_claim_reply (&self.claim, &msg, now_us);
        }
        if (reading)
            continue;
        now_us = zseq_claim_wake_us (&self.claim);
        zseq_claim_tick (&self.claim, now_us);
    }
    cr_assert_geq (now_us, NOW + 5000000);
    cr_assert_leq (self.claim.claims, 1000, "it pauses");
    cr_assert_eq (self.claim.rc, ZSEQ_ECLOCK);
}

Test (claim, waits_for_a_node_while_w_can_still_be_reached)
{
    zseq_known_t known = s_known (7, 7, 7);
    s_fixture_t self = s_begin (3, &known, 1);
    s_ask (&self, NOW);
    s_hear (&self, 0, ZSEQ_ECONFLICT, 30);
    cr_assert_eq (self.claim.conflicts, 0);
    s_hear (&self, 1, ZSEQ_OK, 8);
    cr_assert_eq (s_hear (&self, 2, ZSEQ_OK, 8), ZSEQ_DO_DONE);
    cr_assert_eq (self.claim.rc, ZSEQ_OK);
    //  The refusal's next does not raise the start of the next claim.
    cr_assert_eq (self.claim.known.next[0], 30);
    cr_assert_eq (self.claim.known.next[1], 8);
}

//  Returns the longest of many pauses, each after W nodes refused with status.
static uint64_t
s_longest_pause_us (int status)
{
    zseq_known_t known = s_known (7, 7, 7);
    s_fixture_t self = s_begin (3, &known, 1);
    uint64_t now_us = NOW;
    uint64_t longest_us = 0;
    for (int round = 0; round < 24; round++) {
        s_ask (&self, now_us);
        zseq_msg_t a = s_reply (&self, 0, status, self.sent.claim.first + 5);
        zseq_msg_t b = s_reply (&self, 1, status, self.sent.claim.first + 5);
        zseq_claim_reply (&self.claim, &a, now_us);
        zseq_claim_reply (&self.claim, &b, now_us);
        uint64_t pause_us = zseq_claim_wake_us (&self.claim) - now_us;
        if (pause_us > longest_us)
            longest_us = pause_us;
        now_us += pause_us;
        cr_assert_eq (zseq_claim_tick (&self.claim, now_us), ZSEQ_DO_SEND);
    }
    return longest_us;
}

Test (claim, grows_its_pauses)
{
    uint64_t contended_us = s_longest_pause_us (ZSEQ_ECONFLICT);
    cr_assert_gt (contended_us, 10 * RTT);
    cr_assert_leq (contended_us, 4000);
    uint64_t refused_us = s_longest_pause_us (ZSEQ_EBUSY);
    cr_assert_gt (refused_us, (uint64_t) ZSEQ_PAUSE_US_MAX / 2);
    cr_assert_leq (refused_us, (uint64_t) ZSEQ_PAUSE_US_MAX);
}

Test (claim, is_not_exhausted_on_one_node_s_word)
{
    //  Only node 0 was raised to the end. The others do not answer the READ
    //  that verifies it.
    zseq_known_t known = s_known (ZSEQ_NEXT_MAX, 0, 0);
    s_fixture_t self = s_begin (3, &known, 1);
    s_ask (&self, NOW);
    cr_assert_eq (self.sent.op, ZSEQ_OP_READ);
    s_hear (&self, 0, ZSEQ_OK, ZSEQ_NEXT_MAX);
    s_hear (&self, 1, ZSEQ_ENOTVOTING, 0);
    s_hear (&self, 2, ZSEQ_ENOTVOTING, 0);
    uint64_t wake_us = zseq_claim_wake_us (&self.claim);
    cr_assert_eq (zseq_claim_tick (&self.claim, wake_us), ZSEQ_DO_SEND);
    cr_assert_eq (s_ask (&self, wake_us), ZSEQ_DO_SEND);
    cr_assert_eq (self.sent.op, ZSEQ_OP_READ);
}

Test (claim, doubts_the_end_again_after_a_claim)
{
    zseq_known_t known = s_known (ZSEQ_NEXT_MAX, 0, 0);
    s_fixture_t self = s_begin (3, &known, 1);
    s_ask (&self, NOW);
    s_hear (&self, 0, ZSEQ_OK, ZSEQ_NEXT_MAX);
    s_hear (&self, 1, ZSEQ_OK, 100);
    cr_assert_eq (s_hear (&self, 2, ZSEQ_OK, 100), ZSEQ_DO_SEND);
    s_ask (&self, NOW);
    cr_assert_eq (self.sent.claim.first, 100);
    //  The claim fails because the third reply is late.
    s_hear (&self, 0, ZSEQ_ECONFLICT, ZSEQ_NEXT_MAX);
    s_hear (&self, 1, ZSEQ_OK, 101);
    uint64_t wake_us = zseq_claim_wake_us (&self.claim);
    zseq_claim_tick (&self.claim, wake_us);
    wake_us = zseq_claim_wake_us (&self.claim);
    cr_assert_eq (zseq_claim_tick (&self.claim, wake_us), ZSEQ_DO_SEND);
    cr_assert_eq (s_ask (&self, wake_us), ZSEQ_DO_SEND);
    cr_assert_eq (self.sent.op, ZSEQ_OP_READ);
}

//  While only READs were sent, their replies tell how many nodes there are.
Test (claim, tells_how_many_nodes_answered_before_it_could_claim)
{
    s_fixture_t self = s_begin (3, &s_nothing, 1);
    s_ask (&self, NOW);
    cr_assert_eq (self.sent.op, ZSEQ_OP_READ);
    s_hear (&self, 0, ZSEQ_OK, 5);
    zseq_node_set_t answered;
    cr_assert_eq (
      zseq_attempt_failure (&self.claim.attempt, ZSEQ_QUORUM_WRITE, &answered),
      ZSEQ_EUNAVAILABLE);
    cr_assert_eq (answered, 1u << 0);
    uint64_t wake_us = zseq_claim_wake_us (&self.claim);
    zseq_claim_tick (&self.claim, wake_us);
    zseq_attempt_failure (&self.claim.attempt, ZSEQ_QUORUM_WRITE, &answered);
    cr_assert_eq (answered, 1u << 0);
}

Test (claim, tells_which_node_refuses_and_why)
{
    zseq_known_t known = s_known (5, 5, 5);
    s_fixture_t self = s_begin (3, &known, 1);
    s_ask (&self, NOW);
    cr_assert_eq (self.sent.op, ZSEQ_OP_CLAIM);
    s_hear (&self, 1, ZSEQ_ENOSPACE, 0);
    const zseq_attempt_t *attempt = &self.claim.attempt;
    cr_assert_eq (zseq_attempt_refusal (attempt, 1), ZSEQ_ENOSPACE);
    cr_assert_eq (zseq_attempt_refusal (attempt, 0), ZSEQ_OK);
    //  The message ends, and another one begins.
    uint64_t wake_us = zseq_claim_wake_us (&self.claim);
    zseq_claim_tick (&self.claim, wake_us);
    cr_assert_eq (zseq_attempt_refusal (attempt, 1), ZSEQ_ENOSPACE);
    wake_us = zseq_claim_wake_us (&self.claim);
    cr_assert_eq (zseq_claim_tick (&self.claim, wake_us), ZSEQ_DO_SEND);
    s_ask (&self, wake_us);
    cr_assert_eq (zseq_attempt_refusal (attempt, 1), ZSEQ_ENOSPACE);
    s_hear (&self, 1, ZSEQ_OK, 5);
    cr_assert_eq (zseq_attempt_refusal (attempt, 1), ZSEQ_OK);
    zseq_attempt_end (&self.claim.attempt, false);
    cr_assert_eq (zseq_attempt_refusal (attempt, 1), ZSEQ_OK);
}

//  A peer knows a newer incarnation of the node than the node itself.
Test (claim, tells_which_nodes_answered_and_do_not_count)
{
    zseq_known_t known = s_known (5, 5, 5);
    s_fixture_t self = s_begin (3, &known, 1);
    s_ask (&self, NOW);
    s_hear (&self, 1, ZSEQ_OK, 6);
    const zseq_attempt_t *attempt = &self.claim.attempt;
    cr_assert_eq (zseq_attempt_refusal (attempt, 1), ZSEQ_OK);
    zseq_vector_t newer = {.n = 3};
    newer.incarnation[1].counter = 9;
    zseq_tally_learn (&self.claim.attempt.tally, &newer);
    cr_assert_eq (zseq_attempt_refusal (attempt, 1), ZSEQ_ESUPERSEDED);
    cr_assert_eq (zseq_attempt_refusal (attempt, 0), ZSEQ_OK);
    zseq_attempt_end (&self.claim.attempt, false);
    cr_assert_eq (zseq_attempt_refusal (attempt, 1), ZSEQ_ESUPERSEDED);
}

Test (claim, knows_how_much_room_there_is)
{
    s_fixture_t self = s_begin (3, &s_nothing, 1);
    cr_assert_eq (zseq_claim_remaining (&self.claim), ZSEQ_COUNT_MAX);
    zseq_known_t known = s_known (5, 5, 5);
    self = s_begin (3, &known, 1);
    cr_assert_eq (zseq_claim_remaining (&self.claim), ZSEQ_COUNT_MAX);
    known = s_known (ZSEQ_NEXT_MAX - 9, ZSEQ_NEXT_MAX - 4, 1);
    self = s_begin (3, &known, 1);
    cr_assert_eq (zseq_claim_remaining (&self.claim), 9);
}

Test (claim, does_not_wait_for_absent_nodes_when_another_client_is_in_the_way)
{
    zseq_known_t known = s_known (7, 7, 7);
    s_fixture_t self = s_begin (3, &known, 1);
    s_ask (&self, NOW);
    self.claim.attempt.absent = 1 << 2;
    s_hear (&self, 0, ZSEQ_OK, 8);
    cr_assert_eq (self.claim.conflicts, 0);
    s_hear (&self, 1, ZSEQ_ECONFLICT, 8);
    cr_assert_eq (self.claim.conflicts, 1);
}

Test (claim, waits_for_absent_nodes_while_nobody_is_in_the_way)
{
    zseq_known_t known = s_known (7, 7, 7);
    s_fixture_t self = s_begin (3, &known, 1);
    s_ask (&self, NOW);
    self.claim.attempt.absent = 1 << 1 | 1 << 2;
    cr_assert_eq (s_hear (&self, 0, ZSEQ_OK, 8), ZSEQ_DO_WAIT);
    cr_assert_eq (zseq_claim_tick (&self.claim, NOW + 100000), ZSEQ_DO_WAIT);
    cr_assert_eq (s_hear (&self, 1, ZSEQ_OK, 8), ZSEQ_DO_DONE);
    cr_assert_eq (self.claim.first, 7);
}

Test (claim, counts_as_burnt_only_what_may_be)
{
    //  All nodes refuse: nothing is burnt.
    zseq_known_t known = s_known (7, 7, 7);
    s_fixture_t self = s_begin (3, &known, 10);
    s_ask (&self, NOW);
    s_hear (&self, 0, ZSEQ_ECONFLICT, 30);
    s_hear (&self, 1, ZSEQ_ECONFLICT, 30);
    s_hear (&self, 2, ZSEQ_ECONFLICT, 30);
    uint64_t wake_us = zseq_claim_wake_us (&self.claim);
    zseq_claim_tick (&self.claim, wake_us);
    //  One accepts [30, 40), and another client has [30, 34).
    s_ask (&self, wake_us);
    cr_assert_eq (self.sent.claim.first, 30);
    uint64_t burnt = self.claim.burnt;
    s_hear (&self, 0, ZSEQ_OK, 40);
    s_hear (&self, 1, ZSEQ_ECONFLICT, 34);
    s_hear (&self, 2, ZSEQ_ECONFLICT, 34);
    cr_assert_eq (self.claim.burnt - burnt, 6);
}

Test (claim, doubts_the_end_that_a_read_quorum_has_shown)
{
    //  R is 2 of 4: the others may still have IDs for a quorum of 3.
    s_fixture_t self = s_begin (4, &s_nothing, 1);
    s_ask (&self, NOW);
    s_hear (&self, 0, ZSEQ_OK, ZSEQ_NEXT_MAX);
    cr_assert_eq (s_hear (&self, 1, ZSEQ_OK, ZSEQ_NEXT_MAX), ZSEQ_DO_SEND);
    cr_assert_eq (s_ask (&self, NOW), ZSEQ_DO_SEND);
    cr_assert_eq (self.sent.op, ZSEQ_OP_READ);
}
