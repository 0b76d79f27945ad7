//  Tests the batcher with many names: the number of claims in flight is
//  limited.

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "test_batcher_fixture.h"

//  Many names.

#define S_OUT_MAX 512
#define S_MANY (S_OUT_MAX + 100)

static zseq_request_queue_t *s_many[S_MANY];
static zseq_request_t s_many_requests[S_MANY];

static void
s_add_one_of_many (size_t index)
{
    s_many_requests[index] =
      (zseq_request_t){.count = 1,
                       .count_min = 1,
                       .deadline_us = test_now + LIMIT_US,
                       .status = 77};
    zseq_request_queue_add (s_many[index], &s_many_requests[index]);
}

//  Makes all queues, and adds a request to each of the first count.
static void
s_add_many (size_t count)
{
    static char names[S_MANY][8];
    for (size_t index = 0; index < S_MANY; index++) {
        int size = snprintf (names[index], sizeof *names, "%zu", index);
        s_many[index] =
          zseq_request_queue_new (test_batcher, names[index], (size_t) size);
        if (index < count)
            s_add_one_of_many (index);
    }
    test_flush ();
}

//  Runs the batcher and checks that the requests from first to end - 1 were
//  served.
static void
s_finish_many (size_t first, size_t end)
{
    test_finish ();
    for (size_t index = first; index < end; index++)
        cr_assert_eq (s_many_requests[index].status, ZSEQ_OK, "%zu", index);
    for (size_t index = 0; index < S_MANY; index++)
        zseq_request_queue_free (&s_many[index]);
}

Test (batcher, lets_no_more_claims_out_than_nodes_keep_replies_for)
{
    test_open (3);
    s_add_many (S_MANY);
    cr_assert_eq (test_sent, 3 * S_OUT_MAX);
    //  A claim that ends makes room for the next.
    test_answer (&test_letters[0]);
    test_answer (&test_letters[1]);
    test_flush ();
    cr_assert_eq (test_letters[test_sent - 1].msg.op, ZSEQ_OP_CLAIM);
    size_t sent = test_sent;
    test_answer (&test_letters[sent - 3]);
    test_answer (&test_letters[sent - 2]);
    cr_assert_eq (s_many_requests[0].status, ZSEQ_OK);
    test_flush ();
    cr_assert_eq (test_sent, sent + 3);
    cr_assert_eq (test_letters[sent].msg.op, ZSEQ_OP_READ);
    cr_assert (!memcmp (test_letters[sent].msg.name.data, "512", 3));
    s_finish_many (0, S_MANY);
}

Test (batcher, lets_queues_go_while_they_wait_for_their_turn)
{
    test_open (3);
    test_cut = 3;
    s_add_many (S_MANY);
    for (size_t index = S_OUT_MAX; index < S_MANY; index++)
        zseq_request_queue_cancel (&s_many_requests[index]);
    zseq_request_queue_free (&s_many[S_MANY - 1]);
    zseq_request_queue_free (&s_many[S_OUT_MAX]);
    //  ... and hold up no request that comes after them.
    test_add (0, 1);
    test_flush ();
    test_cut = 0;
    test_tick ();
    test_read = test_sent;
    zseq_request_queue_cancel (&s_many_requests[0]);
    test_flush ();
    test_letter_to_all (ZSEQ_OP_READ);
    test_assert_silent ();
    test_read = 0;
    s_finish_many (1, S_OUT_MAX);
    cr_assert_eq (test_requests[0].status, ZSEQ_OK);
}

//  A queue with a claim in flight waits behind other queues for its next claim.
Test (batcher, gives_queues_turns_where_there_is_no_capacity)
{
    test_open (3);
    test_add (0, 1);
    test_flush ();
    test_answer (test_letter (ZSEQ_OP_READ));
    test_answer (test_letter (ZSEQ_OP_READ));
    test_flush ();
    test_add (1, 1);
    test_flush ();
    test_read++;
    test_letter_t *first = test_letter (ZSEQ_OP_CLAIM);
    s_add_many (S_OUT_MAX - 2);
    test_add (2, 1);
    s_add_one_of_many (S_OUT_MAX);
    size_t sent = test_sent;
    test_flush ();
    cr_assert_eq (test_sent, sent);
    test_answer (first);
    test_answer (first + 1);
    cr_assert_eq (test_requests[0].status, ZSEQ_OK);
    test_flush ();
    cr_assert_eq (test_sent, sent + 3);
    cr_assert_eq (test_letters[sent].msg.op, ZSEQ_OP_READ);
    s_finish_many (0, S_OUT_MAX - 2);
    cr_assert_eq (test_requests[2].status, ZSEQ_OK);
    cr_assert_eq (s_many_requests[S_OUT_MAX].status, ZSEQ_OK);
}

Test (batcher, starts_others_while_claims_pause)
{
    test_open (3);
    for (uint8_t at = 0; at < 3; at++)
        test_refusal[at] = ZSEQ_ENOSPACE;
    s_add_many (S_MANY);
    cr_assert_eq (test_sent, 3 * S_OUT_MAX);
    for (size_t index = 0; index < S_OUT_MAX; index++) {
        test_answer (&test_letters[3 * index]);
        test_answer (&test_letters[3 * index + 1]);
    }
    test_flush ();
    cr_assert_geq (test_sent, 3 * S_MANY);
    memset (test_refusal, 0, sizeof test_refusal);
    test_read = test_sent - 3 * (S_MANY - S_OUT_MAX);
    s_finish_many (0, S_MANY);
}
