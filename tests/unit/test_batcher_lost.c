//  Tests what the batcher makes of a claim that loses again and again: which
//  requests share it, and that none is lost or served twice.

#include <criterion/criterion.h>

#include "test_batcher_fixture.h"

//  Adds requests for an ID each, and lets others claim so often that these lose
//  several times. Returns how many IDs the next claim is for.
static uint64_t
s_lose (size_t requests, int times)
{
    for (size_t index = 0; index < requests; index++)
        test_add (index, 1);
    test_flush ();
    test_competitor = 1;
    for (int time = 0; time < times; time++) {
        test_answer_all ();
        test_wait ();
    }
    test_competitor = 0;
    uint64_t count = test_letter_to_all (ZSEQ_OP_CLAIM)->msg.claim.count;
    test_assert_silent ();
    test_read -= test_quorum.n;
    return count;
}

//  Checks that each of the requests got the ID after that of the one before.
static void
s_assert_in_order (size_t first, size_t count)
{
    for (size_t index = first; index < first + count; index++)
        test_assert_got (&test_requests[index],
                         test_requests[first].first + index - first, 1);
}

Test (batcher, halves_a_claim_that_has_lost_twice)
{
    test_make (3, 0);
    zseq_batcher_open (test_batcher, &test_quorum, NULL);
    test_draw_ids (1);
    cr_assert_eq (s_lose (40, 1), 40);
    test_competitor = 1;
    test_answer_all ();
    test_competitor = 0;
    test_wait ();
    cr_assert_eq (test_letter_to_all (ZSEQ_OP_CLAIM)->msg.claim.count, 20);
    test_assert_silent ();
    //  One that comes now waits behind those that wait already.
    test_add (40, 1);
    test_read -= 3;
    test_answer_all ();
    cr_assert_eq (test_ended_count, 20);
    s_assert_in_order (0, 20);
    test_letter_t *second = test_letter_to_all (ZSEQ_OP_CLAIM);
    cr_assert_eq (second->msg.claim.count, 20);
    test_read -= 3;
    test_finish ();
    cr_assert_eq (test_ended_count, 41);
    s_assert_in_order (0, 41);
}

Test (batcher, lets_16_requests_share_a_claim_however_often_it_loses)
{
    test_make (3, 0);
    zseq_batcher_open (test_batcher, &test_quorum, NULL);
    test_draw_ids (1);
    cr_assert_eq (s_lose (64, 3), 32);
    test_finish ();
    cr_assert_eq (s_lose (64, 9), 16);
    test_finish ();
    cr_assert_eq (test_ended_count, 128);
}

//  So that the more wait, the more a claim serves.
Test (batcher, lets_an_eighth_share_a_claim_however_often_it_loses)
{
    test_make (3, 0);
    zseq_batcher_open (test_batcher, &test_quorum, NULL);
    test_draw_ids (1);
    cr_assert_eq (s_lose (240, 4), 60);
    test_finish ();
    cr_assert_eq (s_lose (240, 9), 30);
    test_finish ();
    cr_assert_eq (test_ended_count, 480);
}

Test (batcher, lets_more_share_a_claim_as_long_as_no_other_is_met)
{
    test_make (3, 0);
    zseq_batcher_open (test_batcher, &test_quorum, NULL);
    test_draw_ids (1);
    cr_assert_eq (s_lose (16, 8), 16);
    test_finish ();
    cr_assert_eq (s_lose (64, 0), 64, "claims of 16 need no halving");
    test_finish ();
    cr_assert_eq (s_lose (32, 4), 16);
    test_finish ();
    cr_assert_eq (s_lose (64, 0), 32, "the last claim met no other");
    test_finish ();
    test_draw_ids (1);
    cr_assert_eq (s_lose (64, 0), 64);
    test_finish ();
}

//  The second one would win above the first one, and burn what is between.
Test (batcher, begins_no_second_claim_behind_one_that_has_lost)
{
    test_make (3, 0);
    zseq_batcher_open (test_batcher, &test_quorum, NULL);
    test_draw_ids (1);
    cr_assert_eq (s_lose (1, 1), 1);
    test_read += 3;
    test_add (1, 1);
    test_flush ();
    test_assert_silent ();
    test_read -= 3;
    test_finish ();
    s_assert_in_order (0, 2);
}
