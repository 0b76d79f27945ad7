//  Tests requests that a client delegates: it asks a coordinator to claim on
//  its behalf.
//
//  Most tests begin with test_turn, after which the name is delegated: the next
//  request becomes a NEXT to the first coordinator of test_ranking. A test then
//  lets the coordinator refuse, answer late, lie or be unreachable, and checks
//  which node the batcher asks next, how long it waits, and which IDs it hands
//  out or burns. When names are delegated at all is in test_delegation.c.

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "test_batcher_fixture.h"
#include "zseq_seq.h"

//  wire.md, section 6.9: when a silent coordinator is probed, how long the
//  first probe may take at least, and the second one.
#define PROBE_US 50000u
#define FIRST_US 200000u
#define SECOND_US 50000u

//  Coordinators.

Test (delegation, turn_to_the_first_node_of_the_order_at_once_after_a_conflict)
{
    test_open (3);
    test_draw_ids (1);
    test_interfere (10);
    test_add (0, 5);
    test_add_at_least (1, 3, 2);
    test_flush ();
    uint8_t node;
    cr_assert (zseq_request_queue_attempt (test_queue, &node));
    cr_assert_eq (node, 3);
    test_answer_all ();
    //  The NEXT is sent at the time of the conflict, without a pause.
    test_letter_t *letter = test_letter (ZSEQ_OP_NEXT);
    test_assert_silent ();
    cr_assert_eq (letter->node, test_ranking[0]);
    cr_assert_eq (letter->msg.next.count, 8);
    cr_assert_eq (letter->msg.next.count_min, 2);
    //  P3: half of the time is left for other nodes.
    cr_assert_eq (letter->msg.next.timeout_us,
                  (test_requests[0].deadline_us - test_now) / 2 + 1);
    cr_assert (zseq_request_queue_attempt (test_queue, &node));
    cr_assert_eq (node, test_ranking[0]);
    cr_assert_eq (zseq_batcher_wake_us (test_batcher), test_now + PROBE_US);
    test_answer (letter);
    test_assert_got (&test_requests[0], 12, 5);
    test_assert_got (&test_requests[1], 17, 3);
    cr_assert_null (zseq_request_queue_attempt (test_queue, &node));
    cr_assert_eq (zseq_batcher_stats (test_batcher)->conflicts, 1);
    cr_assert_eq (zseq_batcher_stats (test_batcher)->claims, 3);
    cr_assert_eq (zseq_batcher_stats (test_batcher)->won, 2);
}

Test (delegation, go_on_asking_the_coordinator)
{
    test_turn (5);
    uint64_t next = test_next[0];
    for (size_t call = 0; call < 20; call++) {
        test_add (0, 2);
        test_flush ();
        test_letter_t *letter = test_letter (ZSEQ_OP_NEXT);
        test_assert_silent ();
        cr_assert_eq (letter->node, test_ranking[0]);
        test_answer (letter);
        test_assert_got (&test_requests[0], next, 2);
        next += 2;
    }
}

//  S7: a NEXT that was sent takes no more requests.
Test (delegation, let_nobody_join_what_a_coordinator_was_asked)
{
    test_turn (3);
    uint64_t next = test_next[0];
    test_add (0, 2);
    test_flush ();
    test_letter_t *first = test_letter (ZSEQ_OP_NEXT);
    test_add (1, 3);
    test_flush ();
    test_letter_t *second = test_letter (ZSEQ_OP_NEXT);
    cr_assert_neq (second->msg.request, first->msg.request);
    test_add (2, 4);
    test_flush ();
    test_assert_silent ();
    test_answer (first);
    cr_assert_eq (test_ended_count, 1);
    test_assert_got (&test_requests[0], next, 2);
    test_answer (second);
    test_assert_got (&test_requests[1], next + 2, 3);
    test_finish ();
    test_assert_got (&test_requests[2], next + 5, 4);
}

Test (delegation, pass_over_a_coordinator_that_refuses)
{
    test_turn (3);
    uint64_t next = test_next[0];
    test_refusal[test_ranking[0]] = ZSEQ_ENOTVOTING;
    test_add (0, 2);
    test_flush ();
    test_letter_t *first = test_letter (ZSEQ_OP_NEXT);
    test_answer (first);
    test_flush ();
    test_letter_t *second = test_letter (ZSEQ_OP_NEXT);
    test_assert_silent ();
    cr_assert_eq (second->node, test_ranking[1]);
    cr_assert_neq (second->msg.request, first->msg.request);
    cr_assert_eq (second->msg.next.count, 2);
    test_answer (second);
    test_assert_got (&test_requests[0], next, 2);
    cr_assert_eq (test_burnt (), 0);
    //  The next request does not go to that coordinator.
    test_add (1, 1);
    test_flush ();
    cr_assert_eq (test_letter (ZSEQ_OP_NEXT)->node, test_ranking[1]);
}

//  Whatever the reason: the client does not wait for it to pass.
Test (delegation, pass_over_a_coordinator_that_cannot_serve_the_name)
{
    const int refusals[] = {ZSEQ_EINVAL, ZSEQ_EFULL, ZSEQ_EPROTOCOL};
    for (size_t index = 0; index < 3; index++) {
        test_ended_count = test_sent = test_read = 0;
        test_turn (3);
        test_refusal[test_ranking[0]] = refusals[index];
        test_draw_ids (1);
        test_refusal[test_ranking[0]] = ZSEQ_OK;
        cr_assert_eq (test_requests[0].status, ZSEQ_OK);
        test_read = test_sent;
        test_add (1, 1);
        test_flush ();
        cr_assert_eq (test_letter (ZSEQ_OP_NEXT)->node, test_ranking[1]);
        test_close ();
    }
}

//  Finds another name that has the same first coordinator.
static zseq_request_queue_t *
s_second_queue (char *name)
{
    uint8_t ranking[ZSEQ_NODES_MAX];
    for (int number = 0;; number++) {
        int size = sprintf (name, "bills-%d", number);
        zseq_coordinator_rank_nodes (&test_rank, name, (size_t) size, ranking);
        if (!memcmp (ranking, test_ranking, 3))
            return zseq_request_queue_new (test_batcher, name, (size_t) size);
    }
}

//  Draws an ID of a name in congestion. Returns the node that it asks first.
static uint8_t
s_first_asked (zseq_request_queue_t *queue)
{
    test_requests[1] = (zseq_request_t){
      .count = 1, .count_min = 1, .deadline_us = test_now + LIMIT_US};
    test_read = test_sent;
    zseq_request_queue_add (queue, &test_requests[1]);
    test_flush ();
    uint8_t node = test_letter (ZSEQ_OP_NEXT)->node;
    test_read--;
    test_finish ();
    return node;
}

//  One that cannot be reached is left out for one request, of one name.
Test (delegation, take_a_coordinator_that_refuses_for_down_for_all_names)
{
    test_turn (3);
    char name[32];
    zseq_request_queue_t *other = s_second_queue (name);
    test_congested = ALL_NODES;
    test_draw_ids (1);
    test_draw_ids (1);
    test_cut = 1u << test_ranking[0];
    test_draw_ids (1);
    test_cut = 0;
    cr_assert_eq (s_first_asked (other), test_ranking[0]);
    test_refusal[test_ranking[0]] = ZSEQ_ENOTVOTING;
    test_draw_ids (1);
    test_refusal[test_ranking[0]] = ZSEQ_OK;
    cr_assert_eq (s_first_asked (other), test_ranking[1]);
    zseq_batcher_end (test_batcher, ZSEQ_ETIMEOUT);
    zseq_request_queue_free (&other);
    test_congested = 0;
}

//  A node whose table of names is full still serves the names that it has.
Test (delegation, pass_over_for_one_name_a_coordinator_that_refuses_the_name)
{
    const int refusals[] = {ZSEQ_EINVAL, ZSEQ_EFULL};
    for (size_t index = 0; index < 2; index++) {
        test_ended_count = test_sent = test_read = 0;
        test_turn (3);
        char name[32];
        zseq_request_queue_t *other = s_second_queue (name);
        test_congested = ALL_NODES;
        test_draw_ids (1);
        test_draw_ids (1);
        test_refusal[test_ranking[0]] = refusals[index];
        test_draw_ids (1);
        test_refusal[test_ranking[0]] = ZSEQ_OK;
        cr_assert_eq (s_first_asked (other), test_ranking[0]);
        cr_assert_eq (s_first_asked (test_queue), test_ranking[1]);
        //  The node may have been started again with more room.
        test_now += 10000000;
        cr_assert_eq (s_first_asked (test_queue), test_ranking[0]);
        zseq_request_queue_free (&other);
        test_congested = 0;
        test_close ();
    }
}

//  P5: what its claim may have taken is counted.
Test (delegation, count_what_a_coordinator_without_a_majority_may_have_burnt)
{
    test_turn (3);
    test_refusal[test_ranking[0]] = ZSEQ_EUNAVAILABLE;
    test_draw_ids (7);
    test_refusal[test_ranking[0]] = ZSEQ_OK;
    cr_assert_eq (test_burnt (), 7);
}

//  It is asked again as soon as it can be reached: a connection that is not up
//  yet says nothing about a node.
Test (delegation, ask_another_node_while_the_coordinator_cannot_be_reached)
{
    test_turn (3);
    test_cut = 1u << test_ranking[0] | 1u << test_ranking[1];
    test_add (0, 2);
    test_flush ();
    cr_assert_eq (test_letter (ZSEQ_OP_NEXT)->node, test_ranking[2]);
    test_assert_silent ();
    test_cut = 0;
    test_add (1, 2);
    test_flush ();
    cr_assert_eq (test_letter (ZSEQ_OP_NEXT)->node, test_ranking[0]);
    test_assert_silent ();
}

//  Asks for 2 IDs of a name that others want, too, while only the last node of
//  the order can be reached. Returns the NEXT to it.
static test_letter_t *
s_reach_last (void)
{
    test_open (3);
    uint8_t node = test_ranking[2];
    test_contended = true;
    test_cut = ALL_NODES & ~(1u << node);
    test_add (0, 2);
    test_flush ();
    test_letter_t *read = test_letter (ZSEQ_OP_READ);
    cr_assert_eq (read->node, node);
    cr_assert (test_answer (read));
    test_flush ();
    test_letter_t *next = test_letter (ZSEQ_OP_NEXT);
    test_assert_silent ();
    cr_assert_eq (next->node, node);
    return next;
}

//  Of thousands that begin together, each has one connection long before it has
//  two.
Test (delegation, need_one_node_that_can_be_reached)
{
    test_letter_t *next = s_reach_last ();
    //  There is no other node to leave time for.
    cr_assert_eq (next->msg.next.timeout_us,
                  test_requests[0].deadline_us - test_now);
    cr_assert (test_answer (next));
    test_assert_got (&test_requests[0], 1, 2);
    cr_assert_eq (test_burnt (), 0);
}

Test (delegation, wait_for_no_more_replies_to_a_read_that_tells_of_others)
{
    test_open (3);
    test_contended = true;
    test_add (0, 2);
    test_flush ();
    test_letter_to_all (ZSEQ_OP_READ);
    test_now += TRIP_US;
    cr_assert (test_answer (&test_letters[test_read - 1]));
    test_flush ();
    test_letter_t *next = test_letter (ZSEQ_OP_NEXT);
    cr_assert_eq (next->node, test_ranking[0]);
    cr_assert (!test_answer (&test_letters[test_read - 2]));
    cr_assert (test_answer (next));
    test_assert_got (&test_requests[0], 1, 2);
}

Test (delegation, ask_a_node_that_can_be_reached_meanwhile)
{
    test_letter_t *next = s_reach_last ();
    test_refusal[next->node] = ZSEQ_ENOTVOTING;
    cr_assert (test_answer (next));
    test_flush ();
    cr_assert_eq (test_letter (ZSEQ_OP_READ)->node, next->node);
    test_assert_silent ();
    test_cut = ALL_NODES & ~(1u << test_ranking[0]);
    test_tick ();
    test_letter_t *read = test_letter (ZSEQ_OP_READ);
    cr_assert_eq (read->node, test_ranking[0]);
    cr_assert (test_answer (read));
    test_flush ();
    next = test_letter (ZSEQ_OP_NEXT);
    cr_assert_eq (next->node, test_ranking[0]);
    cr_assert (test_answer (next));
    test_assert_got (&test_requests[0], 1, 2);
}

//  One that is late is better than none.
Test (delegation, ask_a_late_node_again_when_no_other_can_be_reached)
{
    test_turn (3);
    test_add (0, 2);
    test_flush ();
    test_letter_t *late = test_letter (ZSEQ_OP_NEXT);
    test_cut = ALL_NODES & ~(1u << test_ranking[0]);
    uint64_t left_us = LIMIT_US - late->msg.next.timeout_us + 1;
    for (;;) {
        test_wait ();
        if (test_letters[test_read].msg.op == ZSEQ_OP_NEXT)
            break;
        cr_assert (test_answer (test_letter (ZSEQ_OP_READ)));
    }
    test_letter_t *again = test_letter (ZSEQ_OP_NEXT);
    cr_assert_eq (again->node, test_ranking[0]);
    cr_assert_eq (again->msg.next.timeout_us, left_us);
    uint64_t first = test_next[0];
    cr_assert (test_answer (again));
    test_assert_got (&test_requests[0], first, 2);
}

//  Without a pause: a claim that was lost would only be made again.
Test (delegation, claim_at_once_when_no_coordinator_can_be_reached)
{
    test_turn (3);
    test_cut = ALL_NODES;
    test_add (0, 2);
    test_flush ();
    test_cut = 0;
    test_tick ();
    test_letter_to_all (ZSEQ_OP_CLAIM);
    test_finish ();
    cr_assert_eq (test_requests[0].status, ZSEQ_OK);
}

//  Whoever wins all the time is a coordinator that works.
Test (delegation, ask_coordinators_again_when_claims_lose)
{
    test_turn (3);
    test_cut = ALL_NODES;
    test_add (0, 2);
    test_flush ();
    test_cut = 0;
    test_tick ();
    test_competitor = 5;
    for (size_t lost = 0; test_letters[test_read].msg.op == ZSEQ_OP_CLAIM;
         lost++) {
        cr_assert_lt (lost, 4);
        test_letter_to_all (ZSEQ_OP_CLAIM);
        test_read -= 3;
        test_answer_all ();
        if (test_read == test_sent)
            test_wait ();
    }
    test_competitor = 0;
    test_answer (test_letter (ZSEQ_OP_NEXT));
    cr_assert_eq (test_requests[0].status, ZSEQ_OK);
}

//  S3: the range of a late reply is not handed out. That one request had little
//  time says nothing about the node.
Test (delegation, ask_another_node_when_half_of_the_time_is_over)
{
    test_turn (3);
    test_add_until (0, 2, 2, test_now + 80000);
    test_flush ();
    test_letter_t *late = test_letter (ZSEQ_OP_NEXT);
    test_now += late->msg.next.timeout_us - 1;
    test_tick ();
    test_assert_silent ();
    test_now += 1;
    test_tick ();
    test_letter_t *second = test_letter (ZSEQ_OP_NEXT);
    test_assert_silent ();
    cr_assert_eq (second->node, test_ranking[1]);
    cr_assert_neq (second->msg.request, late->msg.request);
    cr_assert_eq (test_burnt (), 2);
    cr_assert_eq (zseq_batcher_stats (test_batcher)->late, 1);
    cr_assert (!test_answer (late));
    cr_assert_eq (test_ended_count, 0);
    uint64_t next = test_next[0];
    test_answer (second);
    test_assert_got (&test_requests[0], next, 2);
    cr_assert (!test_answer (late));
    cr_assert_eq (test_burnt (), 2);
    test_add (1, 1);
    test_flush ();
    cr_assert_eq (test_letter (ZSEQ_OP_NEXT)->node, test_ranking[0]);
}

//  Waits until the coordinator is probed, that long after it was last heard.
static test_letter_t *
s_wait_for_probe (uint64_t wait_us)
{
    uint64_t now_us = test_now;
    test_wait ();
    cr_assert_eq (test_now, now_us + wait_us, "%lu us", test_now - now_us);
    test_letter_t *probe = test_letter (ZSEQ_OP_READ);
    test_assert_silent ();
    cr_assert_eq (probe->node, test_ranking[0]);
    return probe;
}

//  Two NEXTs are sent to the coordinator, and another node is asked for both.
static void
s_assert_passed_over (const test_letter_t *first, const test_letter_t *second)
{
    test_letter_t *again = test_letter (ZSEQ_OP_NEXT);
    cr_assert_eq (again->node, test_ranking[1]);
    cr_assert_eq (again->msg.next.count, first->msg.next.count);
    again = test_letter (ZSEQ_OP_NEXT);
    cr_assert_eq (again->node, test_ranking[1]);
    cr_assert_eq (again->msg.next.count, second->msg.next.count);
    cr_assert_eq (test_burnt (), 5);
    cr_assert_eq (zseq_batcher_stats (test_batcher)->late, 2);
    cr_assert_eq (test_ended_count, 0);
}

static void
s_send_two (test_letter_t **first, test_letter_t **second)
{
    test_turn (3);
    test_add (0, 2);
    test_flush ();
    *first = test_letter (ZSEQ_OP_NEXT);
    test_add (1, 3);
    test_flush ();
    *second = test_letter (ZSEQ_OP_NEXT);
    cr_assert_eq ((*second)->node, test_ranking[0]);
}

Test (delegation, pass_over_a_coordinator_that_misses_two_probes)
{
    test_letter_t *first;
    test_letter_t *second;
    s_send_two (&first, &second);
    s_wait_for_probe (PROBE_US);
    s_wait_for_probe (FIRST_US);
    uint64_t now_us = test_now;
    test_wait ();
    cr_assert_eq (test_now, now_us + SECOND_US);
    s_assert_passed_over (first, second);
    cr_assert (!test_answer (first));
    cr_assert (!test_answer (second));
}

Test (delegation, pass_over_a_silent_coordinator_that_cannot_be_probed)
{
    test_letter_t *first;
    test_letter_t *second;
    s_send_two (&first, &second);
    test_cut = 1u << test_ranking[0];
    test_wait ();
    s_assert_passed_over (first, second);
}

Test (delegation, pass_over_a_coordinator_that_no_longer_votes)
{
    test_letter_t *first;
    test_letter_t *second;
    s_send_two (&first, &second);
    test_letter_t *probe = s_wait_for_probe (PROBE_US);
    test_refusal[test_ranking[0]] = ZSEQ_ENOTVOTING;
    cr_assert (test_answer (probe));
    test_flush ();
    s_assert_passed_over (first, second);
}

//  Late is not dead: what waits with a busy node stays there, and is not made
//  more work by probes.
Test (delegation, wait_for_a_slow_coordinator_that_answers_probes)
{
    test_turn (3);
    test_add (0, 2);
    test_flush ();
    test_letter_t *next = test_letter (ZSEQ_OP_NEXT);
    for (uint64_t wait_us = PROBE_US; wait_us < 1000000; wait_us *= 2)
        cr_assert (test_answer (s_wait_for_probe (wait_us)));
    for (size_t probe = 0; probe < 2; probe++)
        cr_assert (test_answer (s_wait_for_probe (1000000)));
    uint64_t first = test_next[0];
    test_answer (next);
    test_assert_got (&test_requests[0], first, 2);
    cr_assert_eq (test_burnt (), 0);
    //  It is probed as soon as before once it has served NEXTs fast.
    test_served = 2;
    for (size_t call = 0; call < 80; call++)
        test_draw_ids (1);
    test_add (0, 2);
    test_flush ();
    test_letter (ZSEQ_OP_NEXT);
    s_wait_for_probe (PROBE_US);
}

//  With a connection, or with the process of a node, NEXTs are lost. The node
//  is up again before anything was noticed.
Test (delegation, send_again_what_a_node_has_lost)
{
    test_letter_t *first;
    test_letter_t *second;
    s_send_two (&first, &second);
    test_letter_t *probe = s_wait_for_probe (PROBE_US);
    zseq_msg_t msg = test_reply_to (probe, probe->node, ZSEQ_OK);
    msg.read.next = test_next[0];
    msg.read.none_waits = true;
    cr_assert (zseq_batcher_reply (test_batcher, &msg, test_now));
    test_flush ();
    for (size_t index = 0; index < 2; index++) {
        test_letter_t *again = test_letter (ZSEQ_OP_NEXT);
        cr_assert_eq (again->node, test_ranking[0]);
        cr_assert_neq (again->msg.request, first->msg.request);
        cr_assert_eq (again->msg.next.count, 2 + index);
    }
    test_assert_silent ();
    test_finish ();
    cr_assert_eq (test_requests[0].status, ZSEQ_OK);
    cr_assert_eq (test_requests[1].status, ZSEQ_OK);
}

//  The pauses double, and half of each is by chance. All that time the requests
//  have others to turn to, when half of it is over.
Test (delegation, ask_a_busy_coordinator_again_and_then_another)
{
    test_turn (3);
    test_add_until (0, 2, 2, test_now + 2000000);
    test_flush ();
    uint64_t until_us = test_now + 1000001;
    uint64_t pause_us = 7000;
    test_letter_t *letter = test_letter (ZSEQ_OP_NEXT);
    while (test_now < until_us) {
        cr_assert_eq (letter->node, test_ranking[0]);
        zseq_msg_t msg = test_reply_to (letter, letter->node, ZSEQ_EBUSY);
        msg.next.retry_us = 7000;
        cr_assert (zseq_batcher_reply (test_batcher, &msg, test_now));
        test_flush ();
        test_assert_silent ();
        uint64_t now_us = test_now;
        test_wait ();
        cr_assert_geq (test_now - now_us, pause_us / 2);
        cr_assert_leq (test_now - now_us, pause_us + 1);
        pause_us = pause_us < 500000 ? 2 * pause_us : 1000000;
        letter = test_letter (ZSEQ_OP_NEXT);
    }
    zseq_msg_t msg = test_reply_to (letter, letter->node, ZSEQ_EBUSY);
    msg.next.retry_us = UINT64_MAX;
    cr_assert (zseq_batcher_reply (test_batcher, &msg, test_now));
    test_flush ();
    letter = test_letter (ZSEQ_OP_NEXT);
    cr_assert_eq (letter->node, test_ranking[1]);
    test_answer (letter);
    cr_assert_eq (test_requests[0].status, ZSEQ_OK);
    cr_assert_eq (test_burnt (), 0);
    //  The node is busy, not down.
    test_add (1, 1);
    test_flush ();
    cr_assert_eq (test_letter (ZSEQ_OP_NEXT)->node, test_ranking[0]);
}

//  A client whose calls are all short suspects it as well.
Test (delegation, pass_over_a_dead_coordinator_with_short_deadlines)
{
    test_turn (3);
    size_t tries = 0;
    for (size_t call = 0; call < 50; call++) {
        test_sent = test_read = test_ended_count = 0;
        test_add_until (0, 1, 1, test_now + 90000);
        test_flush ();
        while (!test_ended_count) {
            for (; test_read < test_sent; test_flush ()) {
                test_letter_t *letter = &test_letters[test_read++];
                bool dead = letter->node == test_ranking[0];
                tries += dead && letter->msg.op == ZSEQ_OP_NEXT;
                if (!dead)
                    test_answer (letter);
            }
            if (!test_ended_count)
                test_wait ();
        }
        cr_assert_eq (test_requests[0].status, ZSEQ_OK);
    }
    cr_assert_leq (tries, 10);
}

//  It served another request a moment ago.
Test (delegation, do_not_pass_over_a_coordinator_that_was_heard_meanwhile)
{
    test_turn (3);
    test_add_until (0, 1, 1, test_now + 120000);
    test_flush ();
    test_letter (ZSEQ_OP_NEXT);
    test_now += 40000;
    test_add (1, 1);
    test_flush ();
    test_answer (test_letter (ZSEQ_OP_NEXT));
    test_now += 30000;
    test_tick ();
    cr_assert_eq (test_letter (ZSEQ_OP_NEXT)->node, test_ranking[1]);
    test_add (2, 1);
    test_flush ();
    cr_assert_eq (test_letter (ZSEQ_OP_NEXT)->node, test_ranking[0]);
}

//  P3: a client that reaches a majority makes progress, however slow the
//  coordinators were before, and however short the deadline is.
Test (delegation, leave_a_request_the_time_to_do_without_its_coordinator)
{
    test_turn (3);
    uint64_t deadline_us = test_now + 80000;
    test_add_until (0, 1, 1, deadline_us);
    test_flush ();
    for (size_t at = 0; at < 3; at++) {
        cr_assert_eq (test_letter (ZSEQ_OP_NEXT)->node, test_ranking[at]);
        test_assert_silent ();
        test_wait ();
    }
    cr_assert_lt (test_now, deadline_us);
    test_letter_to_all (ZSEQ_OP_CLAIM);
}

//  A client that looks at its clock late must not ask the same node for ever.
Test (delegation, pass_over_a_coordinator_whose_request_has_ended_meanwhile)
{
    test_turn (3);
    test_add_until (0, 1, 1, test_now + 80000);
    test_flush ();
    cr_assert_eq (test_letter (ZSEQ_OP_NEXT)->node, test_ranking[0]);
    test_now += 80000;
    test_tick ();
    cr_assert_eq (test_requests[0].status, ZSEQ_ETIMEOUT);
    test_add (1, 1);
    test_flush ();
    cr_assert_eq (test_letter (ZSEQ_OP_NEXT)->node, test_ranking[1]);
}

//  How long the NEXT that was just sent may stay without a word.
static uint64_t
s_silence_us (void)
{
    return zseq_batcher_wake_us (test_batcher) - test_now;
}

Test (delegation, are_more_patient_with_a_coordinator_that_takes_long)
{
    test_turn (3);
    test_add (0, 1);
    test_flush ();
    uint64_t before_us = s_silence_us ();
    for (size_t call = 0; call < 30; call++) {
        test_now += 20000;
        test_answer (test_letter (ZSEQ_OP_NEXT));
        test_add (0, 1);
        test_flush ();
    }
    uint64_t after_us = s_silence_us ();
    cr_assert_eq (before_us, PROBE_US);
    cr_assert_gt (after_us, 100000);
    cr_assert_leq (after_us, 8 * 20001);
}

//  Old claims took long. Their round trips say nothing about coordinators that
//  have answered since.
Test (delegation, go_by_a_coordinator_s_own_round_trips)
{
    test_open (3);
    test_draw_ids (1);
    test_congested = ALL_NODES;
    test_add (0, 1);
    test_flush ();
    test_now += 400000;
    test_answer_all ();
    test_add (1, 1);
    test_flush ();
    test_letter_t *letter = test_letter (ZSEQ_OP_NEXT);
    cr_assert_geq (s_silence_us (), 8 * 50000);
    test_now += 20000;
    test_answer (letter);
    test_add (2, 1);
    test_flush ();
    test_letter (ZSEQ_OP_NEXT);
    cr_assert_eq (s_silence_us (), 8 * 20000);
    test_read--;
    test_finish ();
}

Test (delegation, ignore_what_another_node_or_another_op_answers_to_a_next)
{
    test_turn (3);
    test_add (0, 2);
    test_flush ();
    test_letter_t *letter = test_letter (ZSEQ_OP_NEXT);
    zseq_msg_t msg = test_reply_to (letter, test_ranking[1], ZSEQ_OK);
    msg.next.first = 5000;
    cr_assert (!zseq_batcher_reply (test_batcher, &msg, test_now));
    msg = test_reply_to (letter, test_ranking[0], ZSEQ_OK);
    msg.op = ZSEQ_OP_CLAIM;
    msg.claim.first = 5000;
    cr_assert (!zseq_batcher_reply (test_batcher, &msg, test_now));
    msg = test_reply_to (letter, test_ranking[0], ZSEQ_OK);
    msg.next.first = 5000;
    msg.request++;
    cr_assert (!zseq_batcher_reply (test_batcher, &msg, test_now));
    cr_assert_eq (test_ended_count, 0);
    test_flush ();
    test_assert_silent ();
    uint64_t next = test_next[0];
    test_answer (letter);
    test_assert_got (&test_requests[0], next, 2);
}

//  Replies of a node that is faulty or malicious.
static const struct {
    uint64_t first;
    uint64_t count;
    bool believed;
} s_ranges[] = {
  {5000, 3, true},
  {5000, 10, true},
  {5000, 11, false},
  {5000, 2, false},
  {5000, 0, false},
  {5000, UINT64_MAX, false},
  {0, 10, false},
  {1, 10, true},
  {ZSEQ_NEXT_MAX - 10, 10, true},
  {ZSEQ_NEXT_MAX - 9, 10, false},
  {ZSEQ_NEXT_MAX, 3, false},
  {UINT64_MAX, 10, false},
  {UINT64_MAX - 9, 10, false},
};

Test (delegation, do_not_believe_a_range_that_cannot_be)
{
    for (size_t index = 0; index < sizeof s_ranges / sizeof s_ranges[0];
         index++) {
        test_ended_count = test_sent = test_read = 0;
        test_turn (3);
        uint64_t next = test_next[0];
        test_add_at_least (0, 10, 3);
        test_flush ();
        test_letter_t *letter = test_letter (ZSEQ_OP_NEXT);
        zseq_msg_t msg = test_reply_to (letter, letter->node, ZSEQ_OK);
        msg.next.first = s_ranges[index].first;
        msg.next.count = s_ranges[index].count;
        cr_assert (zseq_batcher_reply (test_batcher, &msg, test_now));
        if (s_ranges[index].believed)
            test_assert_got (&test_requests[0], msg.next.first, msg.next.count);
        else {
            cr_assert_eq (test_ended_count, 0, "range %zu", index);
            test_flush ();
            letter = test_letter (ZSEQ_OP_NEXT);
            cr_assert_eq (letter->node, test_ranking[1]);
            test_answer (letter);
            test_assert_got (&test_requests[0], next, 10);
        }
        test_close ();
    }
}

Test (delegation, believe_a_coordinator_that_the_sequence_has_ended)
{
    test_turn (3);
    test_interfere (ZSEQ_ID_MAX - 5 - (test_next[0] - 1));
    test_add (0, 6);
    test_add (1, 7);
    test_flush ();
    test_answer (test_letter (ZSEQ_OP_NEXT));
    cr_assert_eq (test_ended_count, 2);
    cr_assert_eq (test_requests[0].status, ZSEQ_EEXHAUSTED);
    cr_assert_eq (test_requests[1].status, ZSEQ_EEXHAUSTED);
    test_add_at_least (0, 6, 1);
    test_flush ();
    test_answer (test_letter (ZSEQ_OP_NEXT));
    test_assert_got (&test_requests[0], ZSEQ_ID_MAX - 4, 5);
    cr_assert_eq (test_burnt (), 0);
}

Test (delegation, burn_what_a_coordinator_was_asked_for_nobody)
{
    test_turn (3);
    test_add (0, 2);
    test_flush ();
    zseq_request_queue_cancel (&test_requests[0]);
    cr_assert_eq (test_burnt (), 2);
    cr_assert (zseq_request_queue_idle (test_queue));
    cr_assert (!test_answer (test_letter (ZSEQ_OP_NEXT)));
    test_add (0, 3);
    test_flush ();
    test_letter (ZSEQ_OP_NEXT);
    zseq_batcher_end (test_batcher, ZSEQ_ETIMEOUT);
    cr_assert_eq (test_burnt (), 5);
}

//  Marks all coordinators down.
static void
s_pass_all (void)
{
    test_turn (3);
    for (uint8_t node = 0; node < 3; node++)
        test_refusal[node] = ZSEQ_ENOTVOTING;
    test_add (0, 1);
    test_flush ();
    for (size_t at = 0; at < 3; at++) {
        test_letter_t *letter = test_letter (ZSEQ_OP_NEXT);
        cr_assert_eq (letter->node, test_ranking[at]);
        test_answer (letter);
        test_flush ();
    }
    memset (test_refusal, 0, sizeof test_refusal);
}

Test (delegation, claim_again_when_all_coordinators_are_down)
{
    s_pass_all ();
    uint64_t next = test_next[0];
    test_letter_t *letter = test_letter_to_all (ZSEQ_OP_CLAIM);
    test_assert_silent ();
    cr_assert_eq (letter->msg.claim.first, next);
    test_read -= 3;
    test_finish ();
    test_assert_got (&test_requests[0], next, 1);
}

//  With one conflict after the other, the client must pause between claims.
Test (delegation, pause_between_claims_when_all_coordinators_are_down)
{
    s_pass_all ();
    test_competitor = 3;
    test_requests[0].deadline_us = UINT64_MAX;
    uint64_t start_us = test_now;
    uint64_t claims = 0;
    //  From the sixteenth conflict on, the client would skip ahead of its
    //  competitor.
    while (claims < 16) {
        //  The probed nodes do not answer.
        for (size_t index = test_read; index < test_sent; index++) {
            test_letter_t *letter = &test_letters[index];
            claims += letter->msg.op == ZSEQ_OP_CLAIM && letter->node == 0;
            cr_assert_neq (letter->msg.op, ZSEQ_OP_NEXT);
            letter->answered |= letter->msg.op == ZSEQ_OP_READ;
        }
        if (test_read < test_sent)
            test_answer_all ();
        else
            test_wait ();
    }
    cr_assert_eq (test_ended_count, 0);
    cr_assert_geq (test_now - start_us, 16 * TRIP_US + 15 * 1000);
}

//  Claims of one queue must not conflict with each other.
Test (delegation, let_claims_follow_each_other_when_all_are_down)
{
    s_pass_all ();
    test_finish ();
    uint64_t next = test_next[0];
    test_add (0, 5);
    test_flush ();
    cr_assert_eq (test_letter_to_all (ZSEQ_OP_CLAIM)->msg.claim.first, next);
    test_add (1, 3);
    test_flush ();
    if (test_read < test_sent)
        cr_assert_eq (test_letter_to_all (ZSEQ_OP_CLAIM)->msg.claim.first,
                      next + 5);
}

//  It would refuse again at once.
Test (delegation, do_not_ask_the_only_node_again_that_has_refused)
{
    test_letter_t *next = s_reach_last ();
    test_refusal[next->node] = ZSEQ_ECLOCK;
    cr_assert (test_answer (next));
    test_flush ();
    for (size_t letter = test_read; letter < test_sent; letter++)
        cr_assert_neq (test_letters[letter].msg.op, ZSEQ_OP_NEXT);
}

//  The only node that can be reached refuses once. A call with ten seconds must
//  be served when the node can again.
static void
s_refuse_once (int status)
{
    test_letter_t *next = s_reach_last ();
    test_refusal[next->node] = status;
    cr_assert (test_answer (next));
    test_flush ();
    memset (test_refusal, 0, sizeof test_refusal);
    uint64_t began_us = test_now;
    size_t reads = 0;
    while (!test_ended_count) {
        if (test_read < test_sent) {
            test_letter_t *letter = &test_letters[test_read++];
            reads += letter->msg.op == ZSEQ_OP_READ;
            test_now += TRIP_US;
            test_answer (letter);
            test_tick ();
        }
        else
            test_wait ();
    }
    cr_assert_eq (test_requests[0].status, ZSEQ_OK,
                  "status %d after %lu us and %zu READs that it answered",
                  test_requests[0].status,
                  (unsigned long) (test_now - began_us), reads);
}

Test (delegation, ask_the_only_node_again_that_had_no_majority)
{
    s_refuse_once (ZSEQ_EUNAVAILABLE);
}

Test (delegation, ask_the_only_node_again_that_was_starting)
{
    s_refuse_once (ZSEQ_ENOTVOTING);
}

//  It answers the probes, so later calls find it up.
Test (delegation, probe_the_only_node_below_unreachable_ones)
{
    test_letter_t *next = s_reach_last ();
    test_refusal[next->node] = ZSEQ_ENOTVOTING;
    cr_assert (test_answer (next));
    memset (test_refusal, 0, sizeof test_refusal);
    size_t served = 0;
    for (size_t call = 1; call < 20; call++) {
        test_add (call, 1);
        test_ended_count = 0;
        test_flush ();
        while (test_requests[call].status == 77)
            if (test_read < test_sent) {
                test_letter_t *letter = &test_letters[test_read++];
                test_now += TRIP_US;
                test_answer (letter);
                test_tick ();
            }
            else
                test_wait ();
        served += test_requests[call].status == ZSEQ_OK;
    }
    cr_assert_gt (served, 0, "of 19 calls of 10 s each none was served");
}
