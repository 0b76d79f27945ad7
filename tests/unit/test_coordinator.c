//  Tests nodes as coordinators, which claim on behalf of clients.

#include <criterion/criterion.h>
#include <string.h>

#include "zseq_testbed.h"

#define CLIENTS_MAX 64

//  A NEXT and its result.
typedef struct {
    zseq_msg_t msg;
    size_t answered;
    int status;
    uint64_t first;
    uint64_t count;
    uint64_t served;
} s_next_t;

static zseq_testbed_t *s_testbed;
static s_next_t s_nexts[CLIENTS_MAX];
static size_t s_next_count;
static uint8_t s_cut;          //  A node that no other node reaches; 255: none
static uint64_t s_timeout_us;  //  Of the NEXTs

static bool
s_filter (const zseq_testbed_message_t *message, void *arg)
{
    (void) arg;
    return message->from == ZSEQ_TESTBED_CLIENT ||
           message->to == ZSEQ_TESTBED_CLIENT ||
           (message->from != s_cut && message->to != s_cut);
}

static void
s_reply (const zseq_msg_t *msg, void *arg)
{
    (void) arg;
    for (size_t index = 0; index < s_next_count; index++) {
        s_next_t *next = &s_nexts[index];
        if (next->msg.request != msg->request)
            continue;
        next->answered++;
        next->status = msg->status;
        next->first = msg->next.first;
        next->count = msg->next.count;
        next->served = msg->next.served;
    }
}

static void
s_setup (size_t n)
{
    s_testbed = zseq_testbed_new (n);
    s_next_count = 0;
    s_cut = 255;
    s_timeout_us = 5000000;
    zseq_testbed_filter (s_testbed, s_filter, NULL);
    zseq_testbed_client (s_testbed, s_reply, NULL);
    zseq_testbed_form (s_testbed);
}

static void
s_teardown (void)
{
    zseq_testbed_destroy (&s_testbed);
}

TestSuite (coordinator, .fini = s_teardown);

//  Sends a NEXT, which arrives in the next round.
static s_next_t *
s_ask (uint8_t node, uint64_t count, uint64_t count_min)
{
    cr_assert_lt (s_next_count, (size_t) CLIENTS_MAX);
    s_next_t *next = &s_nexts[s_next_count++];
    memset (next, 0, sizeof *next);
    next->msg.op = ZSEQ_OP_NEXT;
    next->msg.request = 9000 + s_next_count;
    next->msg.cluster = zseq_testbed_identity (s_testbed);
    next->msg.name = (zseq_slice_t){"orders", 6};
    next->msg.next.count = count;
    next->msg.next.count_min = count_min;
    next->msg.next.timeout_us = s_timeout_us;
    zseq_testbed_send (s_testbed, node, &next->msg);
    return next;
}

static void
s_assert_won (const s_next_t *next, uint64_t first, uint64_t count)
{
    cr_assert_eq (next->answered, 1);
    cr_assert_eq (next->status, ZSEQ_OK);
    cr_assert_eq (next->first, first);
    cr_assert_eq (next->count, count);
}

static void
s_rounds (size_t count)
{
    for (size_t round = 0; round < count; round++)
        zseq_testbed_round (s_testbed);
}

Test (coordinator, claims_on_behalf_of_a_client)
{
    for (size_t n = 1; n <= 5; n++) {
        s_setup (n);
        s_next_t *next = s_ask (0, 10, 10);
        s_rounds (2);
        s_assert_won (next, 1, 10);
        cr_assert_eq (next->served, 1);
        for (uint8_t node = 0; node < n; node++)
            cr_assert_eq (zseq_testbed_disk_next (s_testbed, node, "orders"),
                          11);
        if (n < 5)
            s_teardown ();
    }
}

Test (coordinator, shares_one_claim_in_the_order_of_arrival)
{
    s_setup (3);
    s_next_t *nexts[5];
    for (uint64_t index = 0; index < 5; index++)
        nexts[index] = s_ask (1, index + 1, index + 1);
    s_rounds (2);
    uint64_t first = 1;
    for (uint64_t index = 0; index < 5; index++) {
        s_assert_won (nexts[index], first, index + 1);
        cr_assert_eq (nexts[index]->served, 5);
        first += index + 1;
    }
}

Test (coordinator, goes_on_above_what_others_have_claimed)
{
    s_setup (3);
    for (uint8_t round = 0; round < 12; round++) {
        s_ask (round % 3, 10, 10);
        s_rounds (50);
    }
    for (size_t index = 1; index < s_next_count; index++) {
        cr_assert_eq (s_nexts[index].status, ZSEQ_OK);
        cr_assert_geq (s_nexts[index].first, s_nexts[index - 1].first + 10);
    }
}

Test (coordinator, and_others_hand_out_nothing_twice)
{
    s_setup (3);
    for (size_t index = 0; index < 40; index++)
        s_ask (index % 2, 1 + index % 7, 1);
    s_rounds (200);
    for (size_t index = 0; index < s_next_count; index++) {
        cr_assert_eq (s_nexts[index].answered, 1, "%zu", index);
        cr_assert_eq (s_nexts[index].status, ZSEQ_OK);
        for (size_t other = 0; other < index; other++)
            cr_assert (s_nexts[index].first + s_nexts[index].count <=
                         s_nexts[other].first ||
                       s_nexts[other].first + s_nexts[other].count <=
                         s_nexts[index].first);
    }
}

//  Its clients have other nodes to ask.
Test (coordinator, needs_a_majority_and_says_when_it_has_none)
{
    enum { A, B, C };
    s_setup (3);
    zseq_testbed_kill (s_testbed, B);
    s_next_t *next = s_ask (A, 1, 1);
    s_rounds (20);
    s_assert_won (next, 1, 1);
    s_cut = A;
    next = s_ask (A, 1, 1);
    s_rounds (200);
    cr_assert_eq (next->answered, 1);
    cr_assert_eq (next->status, ZSEQ_EUNAVAILABLE);
    s_cut = 255;
    next = s_ask (A, 1, 1);
    s_rounds (50);
    cr_assert_eq (next->status, ZSEQ_OK);
    cr_assert_gt (next->first, 1);
}

Test (coordinator, forgets_a_client_that_has_given_up)
{
    enum { A };
    s_setup (3);
    s_cut = A;
    s_timeout_us = 100000;
    s_next_t *next = s_ask (A, 1, 1);
    s_rounds (300);
    s_cut = 255;
    s_rounds (50);
    cr_assert_eq (next->answered, 0);
}

Test (coordinator, answers_a_client_that_would_wait_for_ever)
{
    enum { A };
    s_setup (3);
    s_cut = A;
    s_timeout_us = UINT64_MAX;
    s_next_t *next = s_ask (A, 1, 1);
    for (int round = 0; round < 2000 && !next->answered; round++)
        s_rounds (1);
    cr_assert_eq (next->answered, 1);
    cr_assert_eq (next->status, ZSEQ_EUNAVAILABLE);
}

Test (coordinator, ends_a_sequence_as_a_client_does)
{
    s_setup (3);
    zseq_msg_t raise = {.op = ZSEQ_OP_RAISE,
                        .request = 7,
                        .cluster = zseq_testbed_identity (s_testbed),
                        .name = {"orders", 6},
                        .raise.to = ZSEQ_NEXT_MAX - 15};
    for (uint8_t node = 0; node < 3; node++)
        zseq_testbed_send (s_testbed, node, &raise);
    s_rounds (2);
    s_next_t *whole = s_ask (0, 10, 10);
    s_next_t *misfit = s_ask (0, 10, 10);
    s_next_t *part = s_ask (0, 10, 1);
    s_rounds (50);
    s_assert_won (whole, ZSEQ_NEXT_MAX - 15, 10);
    s_assert_won (part, ZSEQ_NEXT_MAX - 5, 5);
    cr_assert_eq (misfit->status, ZSEQ_EEXHAUSTED);
    cr_assert_eq (misfit->answered, 1);
}

Test (coordinator, that_does_not_vote_says_so)
{
    enum { A, B, C };
    s_setup (3);
    zseq_testbed_kill (s_testbed, B);
    zseq_testbed_kill (s_testbed, C);
    zseq_testbed_wipe (s_testbed, B);
    zseq_testbed_start (s_testbed, B, NULL);
    s_next_t *next = s_ask (B, 1, 1);
    s_rounds (2);
    cr_assert_eq (next->status, ZSEQ_ENOTVOTING);
}

//  S3: a peer's reply counts only for the peer itself and for its cluster. S8:
//  the node's own vote counts once it is durable.
Test (coordinator, counts_its_own_vote_when_it_is_on_disk)
{
    enum { A, B, C };
    s_setup (3);
    zseq_testbed_kill (s_testbed, C);
    zseq_testbed_stick (s_testbed, A, 0);
    s_next_t *next = s_ask (A, 1, 1);
    s_rounds (3);
    cr_assert_eq (next->answered, 0);
    //  S7: a request does not join a claim in flight.
    s_next_t *later = s_ask (A, 1, 1);
    s_rounds (3);
    zseq_testbed_unstick (s_testbed, A);
    s_rounds (50);
    s_assert_won (next, 1, 1);
    s_assert_won (later, 2, 1);
}
