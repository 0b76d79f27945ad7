//  Tests the batcher of one name step by step: which requests share a claim,
//  how a claim's range is divided, what is burnt, and when the batcher has to
//  run again.
//
//  The nodes are simulated by the fixture (test_batcher_fixture.h). A test adds
//  requests with test_add and sends them with test_flush. It takes the messages
//  to the nodes with test_letter, in the order in which they were sent, and
//  test_answer_all answers them. test_finish runs until no request is left.
//  Coordinators are in test_delegation.c and test_delegated_requests.c, random
//  runs in test_batcher_random.c.

#include <criterion/criterion.h>

#include "test_batcher_fixture.h"
#include "zseq_seq.h"

TestSuite (batcher, .fini = test_close);

//  Claims.

Test (batcher, shares_a_claim_in_the_order_in_which_requests_came)
{
    test_open (3);
    test_add (0, 2);
    test_add (1, 3);
    test_add (2, 4);
    test_assert_silent ();
    test_flush ();
    test_letter_to_all (ZSEQ_OP_READ);
    test_assert_silent ();
    test_read = 0;
    test_answer_all ();
    cr_assert_eq (test_letter_to_all (ZSEQ_OP_CLAIM)->msg.claim.count, 9);
    test_assert_silent ();
    test_read -= 3;
    test_answer_all ();

    cr_assert_eq (test_ended_count, 3);
    test_assert_got (test_ended[0], 1, 2);
    test_assert_got (test_ended[1], 3, 3);
    test_assert_got (test_ended[2], 6, 4);
    for (size_t index = 0; index < 3; index++) {
        cr_assert_eq (test_ended[index], &test_requests[index]);
        cr_assert_eq (test_requests[index].served, 3);
    }
    const zseq_batcher_stats_t *stats = zseq_batcher_stats (test_batcher);
    cr_assert_eq (stats->claims, 1);
    cr_assert_eq (stats->won, 1);
    cr_assert_eq (stats->round_trips, 2);
    cr_assert_eq (stats->burnt, 0);
    cr_assert (zseq_request_queue_idle (test_queue));
    cr_assert (!zseq_batcher_busy (test_batcher));
}

Test (batcher, names_the_sequence_in_all_that_it_sends)
{
    test_turn (3);
    cr_assert_gt (test_sent, 6);
    for (size_t index = 0; index < test_sent; index++) {
        zseq_slice_t name = test_letters[index].msg.name;
        cr_assert_eq (name.size, 6);
        cr_assert_eq (memcmp (name.data, "orders", 6), 0);
    }
}

//  S7: a claim that was sent takes no more requests.
Test (batcher, lets_nobody_join_a_claim_that_was_sent)
{
    test_open (3);
    test_draw_ids (1);
    zseq_request_t *early = test_add (0, 5);
    test_flush ();
    test_letter_to_all (ZSEQ_OP_CLAIM);
    zseq_request_t *late = test_add (1, 3);
    test_flush ();
    test_letter_t *second = test_letter_to_all (ZSEQ_OP_CLAIM);
    cr_assert_neq (second->msg.request,
                   test_letters[test_read - 4].msg.request);
    cr_assert_eq (test_letters[test_read - 4].msg.claim.count, 5);

    test_read -= 6;
    for (size_t node = 0; node < 2; node++)
        test_answer (&test_letters[test_read + node]);
    test_assert_got (early, 2, 5);
    cr_assert_eq (late->status, 77);
    test_finish ();
    test_assert_got (late, 7, 3);
}

Test (batcher, lets_a_second_claim_begin_where_the_first_one_ends)
{
    test_open (3);
    test_draw_ids (1);
    test_add (0, 5);
    test_flush ();
    cr_assert_eq (test_letter_to_all (ZSEQ_OP_CLAIM)->msg.claim.first, 2);
    test_add (1, 3);
    test_flush ();
    cr_assert_eq (test_letter_to_all (ZSEQ_OP_CLAIM)->msg.claim.first, 7);
    //  No third message: the requests wait for the next claim.
    test_add (2, 1);
    test_add (3, 1);
    test_flush ();
    test_assert_silent ();
    test_read -= 6;
    test_answer_all ();
    test_letter_t *third = test_letter_to_all (ZSEQ_OP_CLAIM);
    cr_assert_eq (third->msg.claim.first, 10);
    cr_assert_eq (third->msg.claim.count, 2);
    test_assert_silent ();
    test_read -= 3;
    test_answer_all ();
    cr_assert_eq (test_ended_count, 4);
    cr_assert_eq (test_burnt (), 0);
    cr_assert_eq (zseq_batcher_stats (test_batcher)->conflicts, 0);
}

//  Below the second claim it would lose again.
Test (batcher, lets_a_claim_that_lost_begin_again_behind_the_second_one)
{
    test_make (3, 0);
    zseq_batcher_open (test_batcher, &test_quorum, NULL);
    test_draw_ids (1);
    uint64_t next = test_next[0];
    test_add (0, 10);
    test_flush ();
    test_letter_t *first = test_letter_to_all (ZSEQ_OP_CLAIM) - 2;
    test_add (1, 5);
    test_flush ();
    test_letter_t *second = test_letter_to_all (ZSEQ_OP_CLAIM);
    cr_assert_eq (second->msg.claim.first, next + 10);
    test_interfere (2);
    for (size_t node = 0; node < 3; node++)
        test_answer (&first[node]);
    test_wait ();
    test_letter_t *again = test_letter_to_all (ZSEQ_OP_CLAIM);
    cr_assert_eq (again->msg.claim.first, next + 15);
    cr_assert_eq (again->msg.claim.count, 10);
    test_read -= 6;
    test_finish ();
    test_assert_got (&test_requests[1], next + 10, 5);
    test_assert_got (&test_requests[0], next + 15, 10);
}

Test (batcher, begins_a_second_claim_only_when_it_is_known_where)
{
    test_open (3);
    test_add (0, 5);
    test_flush ();
    test_letter_to_all (ZSEQ_OP_READ);
    test_add (1, 3);
    test_flush ();
    test_assert_silent ();
    //  Nothing has been claimed yet: both requests share the claim.
    test_read -= 3;
    test_answer_all ();
    cr_assert_eq (test_letter_to_all (ZSEQ_OP_CLAIM)->msg.claim.count, 8);
    test_assert_silent ();
}

Test (batcher, takes_in_who_comes_while_a_claim_is_to_be_made_again)
{
    test_make (3, 0);
    zseq_batcher_open (test_batcher, &test_quorum, NULL);
    test_draw_ids (1);
    test_interfere (10);
    test_add (0, 5);
    test_flush ();
    test_answer_all ();
    test_add (1, 3);
    test_flush ();
    if (test_read == test_sent)
        test_wait ();
    test_letter_t *again = test_letter_to_all (ZSEQ_OP_CLAIM);
    cr_assert_eq (again->msg.claim.first, 12);
    cr_assert_eq (again->msg.claim.count, 8);
    test_read -= 3;
    test_finish ();
    test_assert_got (&test_requests[0], 12, 5);
    test_assert_got (&test_requests[1], 17, 3);
}

Test (batcher, shares_nothing_between_two_names)
{
    test_open (3);
    zseq_request_queue_t *bills =
      zseq_request_queue_new (test_batcher, "bills", 5);
    test_add (0, 5);
    test_requests[1] = (zseq_request_t){
      .count = 3, .count_min = 3, .deadline_us = test_now + LIMIT_US};
    zseq_request_queue_add (bills, &test_requests[1]);
    test_flush ();
    test_letter_to_all (ZSEQ_OP_READ);
    cr_assert_eq (test_letter_to_all (ZSEQ_OP_READ)->msg.name.size, 5);
    test_read = 0;
    test_answer_all ();
    cr_assert_eq (test_letter_to_all (ZSEQ_OP_CLAIM)->msg.claim.count, 5);
    cr_assert_eq (test_letter_to_all (ZSEQ_OP_CLAIM)->msg.claim.count, 3);
    cr_assert (!zseq_request_queue_idle (bills));
    zseq_batcher_end (test_batcher, ZSEQ_ETIMEOUT);
    zseq_request_queue_free (&bills);
}

//  The end of a sequence.

Test (batcher, divides_what_is_left_and_refuse_alone_who_does_not_fit)
{
    test_open (3);
    test_interfere (ZSEQ_ID_MAX - 5);  //  Five IDs are left
    test_add (0, 2);
    test_add (1, 10);
    test_add_at_least (2, 10, 1);
    test_add_at_least (3, 10, 1);
    test_finish ();
    cr_assert_eq (test_ended_count, 4);
    test_assert_got (&test_requests[0], ZSEQ_ID_MAX - 4, 2);
    test_assert_got (&test_requests[2], ZSEQ_ID_MAX - 2, 3);
    cr_assert_eq (test_requests[1].status, ZSEQ_EEXHAUSTED);
    cr_assert_eq (test_requests[3].status, ZSEQ_EEXHAUSTED);
    cr_assert_eq (test_burnt (), 0);
    cr_assert_eq (test_next[0], ZSEQ_NEXT_MAX);
    cr_assert_eq (test_ended[0], &test_requests[0]);
    cr_assert_eq (test_ended[1], &test_requests[2]);
}

Test (batcher, refuses_a_range_that_does_not_fit_where_a_smaller_one_does)
{
    test_open (3);
    test_interfere (ZSEQ_ID_MAX - 5);
    test_add (0, 6);
    test_finish ();
    cr_assert_eq (test_requests[0].status, ZSEQ_EEXHAUSTED);
    test_assert_got (test_draw_ids (5), ZSEQ_ID_MAX - 4, 5);
    cr_assert_eq (test_burnt (), 0);
}

Test (batcher, refuses_everybody_when_nothing_is_left)
{
    test_open (3);
    test_interfere (ZSEQ_ID_MAX);
    for (size_t index = 0; index < 5; index++)
        test_add_at_least (index, 10, index + 1);
    test_finish ();
    cr_assert_eq (test_ended_count, 5);
    for (size_t index = 0; index < 5; index++)
        cr_assert_eq (test_requests[index].status, ZSEQ_EEXHAUSTED);
    cr_assert_eq (zseq_batcher_stats (test_batcher)->claims, 0);
    cr_assert_eq (test_burnt (), 0);
}

//  A claim has a limit, too. It cuts no request short: only at the end of the
//  sequence may a request get less than it asked for (wire.md, section 16).
Test (batcher, cuts_nobody_short_before_the_end)
{
    test_open (3);
    test_add (0, ZSEQ_COUNT_MAX - 1);
    test_add_at_least (1, 10, 1);
    test_finish ();
    test_assert_got (&test_requests[0], 1, ZSEQ_COUNT_MAX - 1);
    test_assert_got (&test_requests[1], ZSEQ_COUNT_MAX, 10);
}

Test (batcher, makes_two_claims_of_what_one_cannot_hold)
{
    test_open (3);
    test_add (0, ZSEQ_COUNT_MAX);
    test_add (1, ZSEQ_COUNT_MAX);
    test_add (2, 1);
    test_finish ();
    test_assert_got (&test_requests[0], 1, ZSEQ_COUNT_MAX);
    test_assert_got (&test_requests[1], 1 + (uint64_t) ZSEQ_COUNT_MAX,
                     ZSEQ_COUNT_MAX);
    test_assert_got (&test_requests[2], 1 + 2 * (uint64_t) ZSEQ_COUNT_MAX, 1);
}

//  Cancelled and expired requests.

Test (batcher, burns_the_share_of_one_that_is_cancelled_on_its_way)
{
    test_open (3);
    test_draw_ids (1);
    test_add (0, 2);
    test_add (1, 3);
    test_flush ();
    zseq_request_queue_cancel (&test_requests[0]);
    test_finish ();
    cr_assert_eq (test_ended_count, 1);
    test_assert_got (&test_requests[1], 2, 3);
    cr_assert_eq (test_requests[0].status, 77);
    cr_assert_eq (test_burnt (), 2);
}

Test (batcher, burns_a_claim_that_nobody_rides_any_more)
{
    test_open (3);
    test_draw_ids (1);
    test_add (0, 2);
    test_add (1, 3);
    test_flush ();
    zseq_request_queue_cancel (&test_requests[1]);
    cr_assert (!zseq_request_queue_idle (test_queue));
    zseq_request_queue_cancel (&test_requests[0]);
    cr_assert_eq (test_burnt (), 5);
    cr_assert (zseq_request_queue_idle (test_queue));
    cr_assert (!zseq_batcher_busy (test_batcher));
    for (; test_read < test_sent; test_read++)
        cr_assert (!test_answer (&test_letters[test_read]));
    cr_assert_eq (test_ended_count, 0);
    //  The next request finds out.
    test_assert_got (test_draw_ids (1), 7, 1);
    cr_assert_eq (test_burnt (), 5);
}

Test (batcher, burns_nothing_if_one_is_cancelled_before_its_claim)
{
    test_open (3);
    test_add (0, 2);
    test_flush ();
    test_letter_to_all (ZSEQ_OP_READ);
    test_add (1, 3);
    zseq_request_queue_cancel (&test_requests[1]);
    zseq_request_queue_cancel (&test_requests[0]);
    test_flush ();
    cr_assert (zseq_request_queue_idle (test_queue));
    cr_assert_eq (test_burnt (), 0);
    test_assert_silent ();
}

Test (batcher,
      keeps_the_order_when_one_in_the_middle_or_at_the_end_is_cancelled)
{
    test_open (3);
    for (size_t index = 0; index < 5; index++)
        test_add (index, 1);
    zseq_request_queue_cancel (&test_requests[2]);
    zseq_request_queue_cancel (&test_requests[4]);
    test_add (5, 1);
    zseq_request_queue_cancel (&test_requests[0]);
    test_finish ();
    cr_assert_eq (test_ended_count, 3);
    test_assert_got (&test_requests[1], 1, 1);
    test_assert_got (&test_requests[3], 2, 1);
    test_assert_got (&test_requests[5], 3, 1);
    cr_assert_eq (test_burnt (), 0);
}

Test (batcher, ends_a_request_at_its_deadline)
{
    test_open (3);
    test_draw_ids (1);
    test_add_until (0, 2, 2, test_now + 100);
    test_add_until (1, 3, 3, test_now + 300);
    test_flush ();
    cr_assert_eq (zseq_batcher_wake_us (test_batcher), test_now + 100);
    test_now += 99;
    test_tick ();
    cr_assert_eq (test_ended_count, 0);
    test_now += 1;
    test_tick ();
    cr_assert_eq (test_ended_count, 1);
    cr_assert_eq (test_requests[0].status, ZSEQ_ETIMEOUT);
    cr_assert_eq (zseq_batcher_wake_us (test_batcher), test_now + 200);
    test_finish ();
    test_assert_got (&test_requests[1], 2, 3);
    cr_assert_eq (test_burnt (), 2);
}

Test (batcher, burns_a_claim_whose_requests_have_all_expired)
{
    test_open (3);
    test_draw_ids (1);
    test_add (0, 2);
    test_flush ();
    test_now += LIMIT_US;
    test_tick ();
    cr_assert_eq (test_requests[0].status, ZSEQ_ETIMEOUT);
    cr_assert_eq (test_burnt (), 2);
    cr_assert (zseq_request_queue_idle (test_queue));
    cr_assert_eq (zseq_batcher_wake_us (test_batcher), UINT64_MAX);
}

Test (batcher, lets_a_deadline_be_put_off)
{
    test_open (3);
    test_draw_ids (1);
    test_mute = 7;
    test_add (0, 2);
    test_flush ();
    test_requests[0].deadline_us += 1000;
    test_now += LIMIT_US;
    test_tick ();
    cr_assert_eq (test_ended_count, 0);
    test_now += 1000;
    test_tick ();
    cr_assert_eq (test_ended_count, 1);
}

Test (batcher, ends_all_requests_that_wait_or_ride)
{
    test_open (3);
    test_draw_ids (1);
    for (size_t index = 0; index < 4; index++) {
        test_add (index, 1 + index);
        if (index < 2)
            test_flush ();
    }
    cr_assert (zseq_batcher_busy (test_batcher));
    zseq_batcher_end (test_batcher, ZSEQ_ENOTVOTING);
    cr_assert_eq (test_ended_count, 4);
    for (size_t index = 0; index < 4; index++)
        cr_assert_eq (test_requests[index].status, ZSEQ_ENOTVOTING);
    cr_assert_eq (test_burnt (), 1 + 2);
    cr_assert (zseq_request_queue_idle (test_queue));
    cr_assert (!zseq_batcher_busy (test_batcher));
    cr_assert_eq (zseq_batcher_wake_us (test_batcher), UINT64_MAX);
    for (; test_read < test_sent; test_read++)
        cr_assert (!test_answer (&test_letters[test_read]));
    //  The queue can be used again.
    test_draw_ids (1);
}

Test (batcher, waits_until_there_are_nodes)
{
    test_make (3, 0);
    cr_assert (!zseq_batcher_busy (test_batcher));
    test_add_until (0, 1, 1, test_now + 10);
    test_add (1, 1);
    cr_assert (zseq_batcher_busy (test_batcher));
    cr_assert_eq (zseq_batcher_wake_us (test_batcher), test_now + 10);
    test_flush ();
    test_now += 10;
    test_tick ();
    test_assert_silent ();
    cr_assert_eq (test_requests[0].status, ZSEQ_ETIMEOUT);
    zseq_batcher_open (test_batcher, &test_quorum, &test_rank);
    test_finish ();
    test_assert_got (&test_requests[1], 1, 1);
}

//  Unreachable nodes.

Test (batcher, sends_a_claim_again_to_a_node_that_can_be_reached_by_now)
{
    test_open (3);
    test_draw_ids (1);
    test_cut = 6;
    test_add (0, 2);
    test_flush ();
    test_letter_t *first = test_letter (ZSEQ_OP_CLAIM);
    test_assert_silent ();
    cr_assert (zseq_batcher_has_unsent (test_batcher));
    test_answer (first);
    test_tick ();
    test_assert_silent ();
    test_cut = 4;
    test_tick ();
    test_letter_t *second = test_letter (ZSEQ_OP_CLAIM);
    test_assert_silent ();
    cr_assert_eq (second->node, 1);
    cr_assert_eq (second->msg.request, first->msg.request);
    cr_assert_eq (second->msg.claim.first, first->msg.claim.first);
    cr_assert_eq (second->msg.claim.count, first->msg.claim.count);
    cr_assert_eq (second->msg.name.size, 6);
    test_answer (second);
    test_assert_got (&test_requests[0], 2, 2);
    cr_assert (!zseq_batcher_has_unsent (test_batcher));
}

//  The second claim begins where the first claim ends.
Test (batcher, sends_claims_again_in_the_order_in_which_they_set_out)
{
    test_open (3);
    test_draw_ids (1);
    test_cut = 2;
    test_add (0, 2);
    test_flush ();
    test_add (1, 3);
    test_flush ();
    test_read = test_sent;
    test_cut = 0;
    test_tick ();
    test_letter_t *first = test_letter (ZSEQ_OP_CLAIM);
    test_letter_t *second = test_letter (ZSEQ_OP_CLAIM);
    test_assert_silent ();
    cr_assert_eq (first->node, 1);
    cr_assert_eq (second->node, 1);
    cr_assert_eq (first->msg.claim.first, 2);
    cr_assert_eq (second->msg.claim.first, 4);
}

Test (batcher, is_at_rest_when_all_nodes_are_reached)
{
    test_open (3);
    cr_assert (!zseq_batcher_has_unsent (test_batcher));
    test_cut = 2;
    test_add (0, 2);
    test_flush ();
    cr_assert (zseq_batcher_has_unsent (test_batcher));
    test_cut = 0;
    test_tick ();
    cr_assert (!zseq_batcher_has_unsent (test_batcher));
    test_finish ();
}

//  Hooks for several nodes, and for several request IDs.

static size_t s_blocks;
static uint64_t s_requests[16];
static size_t s_request_count;
static uint32_t s_asked;

static bool
s_ask_one (void *arg, uint8_t node, zseq_msg_t *msg)
{
    (void) arg;
    (void) node;
    (void) msg;
    cr_assert_fail ("each node is asked by itself");
    return false;
}

static uint32_t
s_ask_all (void *arg, uint32_t nodes, zseq_msg_t *msg)
{
    (void) arg;
    cr_assert_lt (s_request_count, 16);
    s_requests[s_request_count++] = msg->request;
    s_asked = nodes;
    return nodes & ~test_cut;
}

static void
s_end (void *arg, zseq_request_t *request)
{
    (void) arg;
    (void) request;
}

static uint64_t
s_draw_four (void *arg)
{
    (void) arg;
    return 100 * (uint64_t) ++s_blocks;
}

Test (batcher, asks_all_nodes_at_once_and_draw_request_ids_in_blocks)
{
    zseq_batcher_hooks_t hooks = {.ask = s_ask_one,
                                  .ask_all = s_ask_all,
                                  .done = s_end,
                                  .draw = s_draw_four,
                                  .draw_count = 4};
    zseq_batcher_t *batcher = zseq_batcher_new (&hooks);
    zseq_quorum_t quorum;
    cr_assert_eq (zseq_quorum_init (&quorum, 3, 0, 0), ZSEQ_OK);
    zseq_batcher_open (batcher, &quorum, NULL);
    zseq_request_queue_t *queue[3];
    zseq_request_t request[3];
    test_cut = 4;
    for (size_t index = 0; index < 3; index++) {
        queue[index] = zseq_request_queue_new (batcher, &"abc"[index], 1);
        request[index] =
          (zseq_request_t){.count = 1, .count_min = 1, .deadline_us = 1000};
        zseq_batcher_state_t state;
        zseq_batcher_post (batcher, queue[index], &request[index], 1, &state);
        cr_assert_eq (s_asked, 7);
        cr_assert (state.has_unsent);
    }
    //  Each claim takes one number for its jitter and one for its request.
    cr_assert_eq (s_blocks, 2);
    cr_assert_eq (s_request_count, 3);
    cr_assert_eq (s_requests[0], 101);
    cr_assert_eq (s_requests[1], 103);
    cr_assert_eq (s_requests[2], 201);
    //  Only nodes that were not reached are asked again.
    test_cut = 0;
    zseq_batcher_tick (batcher, 2);
    cr_assert_eq (s_asked, 4);
    cr_assert (!zseq_batcher_has_unsent (batcher));
    zseq_batcher_destroy (&batcher);
    for (size_t index = 0; index < 3; index++)
        free (queue[index]);
}

//  What a call leaves to be done.

Test (batcher, says_after_a_post_that_something_waits_though_nothing_was_sent)
{
    test_open (3);
    test_cut = ALL_NODES;
    test_requests[0] = (zseq_request_t){
      .count = 1, .count_min = 1, .deadline_us = test_now + 5000};
    zseq_batcher_state_t state;
    zseq_batcher_post (test_batcher, test_queue, &test_requests[0], test_now,
                       &state);
    test_assert_silent ();
    cr_assert (state.busy);
    cr_assert (state.has_unsent);
    cr_assert_eq (state.wake_us, zseq_batcher_wake_us (test_batcher));
    cr_assert_leq (state.wake_us, test_now + 5000);
}

Test (batcher, says_after_a_run_what_is_left_to_do)
{
    test_open (3);
    zseq_batcher_state_t state;
    zseq_batcher_run (test_batcher, test_now, &state);
    cr_assert (!state.busy);
    cr_assert (!state.has_unsent);
    cr_assert_eq (state.wake_us, UINT64_MAX);
    test_cut = 2;
    test_add (0, 2);
    zseq_batcher_run (test_batcher, test_now, &state);
    cr_assert (state.busy);
    cr_assert (state.has_unsent);
    cr_assert_eq (state.wake_us, zseq_batcher_wake_us (test_batcher));
    test_cut = 0;
    zseq_batcher_run (test_batcher, test_now, &state);
    cr_assert (state.busy);
    cr_assert (!state.has_unsent);
    test_finish ();
    zseq_batcher_run (test_batcher, test_now, &state);
    cr_assert (!state.busy);
}
