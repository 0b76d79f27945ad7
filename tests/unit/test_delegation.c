//  Tests when a client delegates a name to coordinators, when it claims itself
//  again, and which coordinator it asks.
//
//  Most tests begin with test_turn: the queue finds another client and
//  delegates the name. They let nodes refuse, fall silent or report congestion,
//  and check the op and the receiver of the next message. A node that refused
//  is down until it answers a probe, a READ beside the next request (s_probe).
//  A client claims itself again after ALONE replies that show no other client's
//  requests. What happens to a delegated request is in
//  test_delegated_requests.c.

#include <criterion/criterion.h>
#include <string.h>

#include "test_batcher_fixture.h"
#include "zseq_seq.h"

#define PROBE_US 50000u  //  Pause before a node that is down is probed
#define ALONE 64u        //  Replies without other clients, until it claims
#define ALONE_MAX 4096u

TestSuite (delegation, .fini = test_close);

//  Lets so much time pass that the next request also probes the node that is
//  down. Returns the probe.
static test_letter_t *
s_probe (void)
{
    test_now += 1000000;
    test_add (0, 1);
    test_flush ();
    test_letter_t *next = test_letter (ZSEQ_OP_NEXT);
    test_letter_t *probe = test_letter (ZSEQ_OP_READ);
    test_assert_silent ();
    cr_assert_eq (next->node, test_ranking[1]);
    cr_assert_eq (probe->node, test_ranking[0]);
    cr_assert_neq (probe->msg.request, next->msg.request);
    test_answer (next);
    cr_assert_eq (test_requests[0].status, ZSEQ_OK);
    return probe;
}

static void
s_pass_first (void)
{
    test_turn (3);
    test_refusal[test_ranking[0]] = ZSEQ_ENOTVOTING;
    test_draw_ids (1);
    test_refusal[test_ranking[0]] = ZSEQ_OK;
}

static uint8_t
s_asked (void)
{
    test_add (0, 1);
    test_flush ();
    test_letter_t *letter = test_letter (ZSEQ_OP_NEXT);
    test_answer (letter);
    return letter->node;
}

Test (delegation, take_a_coordinator_back_that_answers_a_question)
{
    s_pass_first ();
    test_now += PROBE_US / 2;
    cr_assert_eq (s_asked (), test_ranking[1]);
    test_assert_silent ();
    test_letter_t *probe = s_probe ();
    cr_assert_eq (s_asked (), test_ranking[1]);
    cr_assert (test_answer (probe));
    cr_assert_eq (s_asked (), test_ranking[0]);
    test_assert_silent ();
}

Test (delegation, do_not_take_a_coordinator_back_that_refuses_a_question)
{
    s_pass_first ();
    test_letter_t *probe = s_probe ();
    test_refusal[test_ranking[0]] = ZSEQ_ENOTVOTING;
    cr_assert (test_answer (probe));
    cr_assert_eq (s_asked (), test_ranking[1]);
    test_refusal[test_ranking[0]] = ZSEQ_OK;
    cr_assert (!test_answer (probe));
    cr_assert_eq (s_asked (), test_ranking[1]);
    cr_assert (test_answer (s_probe ()));
    cr_assert_eq (s_asked (), test_ranking[0]);
}

//  A coordinator that answers a READ and refuses each NEXT is tried less and
//  less often.
Test (delegation, try_a_coordinator_ever_less_often_that_never_does_it)
{
    test_turn (3);
    test_served = 2;
    size_t tries = 0;
    for (size_t call = 0; call < 1000; call++) {
        test_now += 20000;
        test_sent = test_read = test_ended_count = 0;
        test_add (0, 1);
        test_flush ();
        for (; test_read < test_sent; test_flush ()) {
            test_letter_t *letter = &test_letters[test_read++];
            bool tried =
              letter->msg.op == ZSEQ_OP_NEXT && letter->node == test_ranking[0];
            tries += tried;
            test_refusal[letter->node] = tried ? ZSEQ_EUNAVAILABLE : ZSEQ_OK;
            test_answer (letter);
        }
        cr_assert_eq (test_requests[0].status, ZSEQ_OK);
    }
    //  The calls took twenty seconds.
    cr_assert_gt (tries, 3);
    cr_assert_lt (tries, 12);
}

Test (delegation, try_a_coordinator_soon_again_that_has_served_meanwhile)
{
    s_pass_first ();
    for (size_t call = 0; call < 4; call++) {
        test_letter_t *probe = s_probe ();
        test_refusal[test_ranking[0]] = call < 3 ? ZSEQ_ENOTVOTING : ZSEQ_OK;
        cr_assert (test_answer (probe));
    }
    cr_assert_eq (s_asked (), test_ranking[0]);
    test_refusal[test_ranking[0]] = ZSEQ_ENOTVOTING;
    test_draw_ids (1);
    test_now += PROBE_US;
    cr_assert_eq (s_asked (), test_ranking[1]);
    cr_assert_eq (test_letter (ZSEQ_OP_READ)->node, test_ranking[0]);
}

Test (delegation, ask_only_nodes_that_would_come_first)
{
    test_turn (5);
    for (size_t rank = 0; rank < 2; rank++)
        test_refusal[test_ranking[rank]] = ZSEQ_ENOTVOTING;
    test_draw_ids (1);
    memset (test_refusal, 0, sizeof test_refusal);
    cr_assert_eq (s_asked (), test_ranking[2]);
    test_now += 1000000;
    test_add (0, 1);
    test_flush ();
    test_letter (ZSEQ_OP_NEXT);
    test_letter_t *first = test_letter (ZSEQ_OP_READ);
    test_letter_t *second = test_letter (ZSEQ_OP_READ);
    test_assert_silent ();
    cr_assert_eq (first->node, test_ranking[0]);
    cr_assert_eq (second->node, test_ranking[1]);
    //  A probe of the second node is pointless while the first node is up.
    test_answer (first);
    test_answer (&test_letters[test_read - 3]);
    test_now += 1000000;
    cr_assert_eq (s_asked (), test_ranking[0]);
    test_assert_silent ();
}

//  Back to claims.

//  Counts the requests that a coordinator gets before the client claims itself.
static uint64_t
s_count_until_claim (void)
{
    for (uint64_t count = 0;; count++) {
        cr_assert_leq (count, 2 * ALONE_MAX);
        test_sent = test_read = test_ended_count = 0;
        test_add (0, 1);
        test_flush ();
        if (test_letters[0].msg.op == ZSEQ_OP_CLAIM)
            return count;
        test_answer (test_letter (ZSEQ_OP_NEXT));
        cr_assert_eq (test_requests[0].status, ZSEQ_OK);
    }
}

//  The second request of test_turn already asked the coordinator.
Test (delegation, claim_again_after_64_replies_that_served_nobody_else)
{
    test_turn (3);
    uint64_t count = s_count_until_claim () + 1;
    cr_assert_eq (count, ALONE, "%lu", count);
    test_finish ();
    test_draw_ids (1);
    cr_assert_eq (test_letters[test_sent - 1].msg.op, ZSEQ_OP_CLAIM);
    cr_assert_eq (zseq_batcher_stats (test_batcher)->conflicts, 1);
}

Test (delegation, count_anew_when_a_reply_served_another)
{
    test_turn (3);
    for (size_t call = 0; call < 10 * ALONE; call++) {
        test_sent = test_read = test_ended_count = 0;
        test_served = call % (ALONE - 1) == 0 ? 2 : 1;
        s_asked ();
    }
    test_served = 1;
    uint64_t count = s_count_until_claim ();
    cr_assert_leq (count, 2 * ALONE);
    cr_assert_gt (count, 0);
}

//  Keeps two requests in flight, both at the coordinator. Returns whether the
//  client then claimed itself.
static bool
s_keep_two_out (uint64_t served, uint64_t calls)
{
    test_served = served;
    test_add (0, 1);
    test_flush ();
    test_letter_t oldest = *test_letter (ZSEQ_OP_NEXT);
    for (uint64_t call = 1; call <= calls; call++) {
        test_sent = test_read = test_ended_count = 0;
        test_add (call % 2, 1);
        test_flush ();
        if (test_sent && test_letters[0].msg.op != ZSEQ_OP_NEXT)
            return true;
        test_answer (&oldest);
        test_flush ();
        if (!test_sent || test_letters[0].msg.op != ZSEQ_OP_NEXT)
            return true;
        oldest = test_letters[0];
    }
    return false;
}

Test (delegation, are_no_company_to_themselves)
{
    test_turn (3);
    cr_assert (s_keep_two_out (2, 3 * ALONE));
    test_finish ();
}

Test (delegation, tell_others_from_their_own_requests)
{
    test_turn (3);
    cr_assert (!s_keep_two_out (3, 10 * ALONE));
    test_finish ();
}

Test (delegation, wait_twice_as_long_after_a_further_conflict)
{
    test_turn (3);
    uint64_t before = s_count_until_claim () + 1;
    for (size_t turn = 0; turn < 10; turn++) {
        //  The claim in flight conflicts with another client.
        test_interfere (10);
        test_finish ();
        uint64_t count = s_count_until_claim () + 1;
        uint64_t twice = 2 * before < ALONE_MAX ? 2 * before : ALONE_MAX;
        cr_assert_eq (count, twice, "%lu after %lu", count, before);
        before = count;
    }
    cr_assert_eq (before, ALONE_MAX);
}

//  A client that a node tells of others does not begin with a fight.
Test (delegation, leave_a_new_name_to_its_coordinator_if_others_want_it)
{
    test_open (3);
    test_contended = true;
    test_add (0, 1);
    test_flush ();
    test_letter_to_all (ZSEQ_OP_READ);
    test_read -= 3;
    test_answer_all ();
    test_flush ();
    cr_assert_eq (test_letter (ZSEQ_OP_NEXT)->node, test_ranking[0]);
    test_assert_silent ();
}

Test (delegation, leave_a_name_to_its_coordinator_once_others_want_it)
{
    test_open (3);
    test_draw_ids (1);
    cr_assert_eq (test_letters[test_sent - 1].msg.op, ZSEQ_OP_CLAIM);
    test_contended = true;
    test_draw_ids (1);
    cr_assert_eq (test_letters[test_sent - 1].msg.op, ZSEQ_OP_CLAIM);
    test_contended = false;
    test_draw_ids (1);
    cr_assert_eq (test_letters[test_sent - 1].msg.op, ZSEQ_OP_NEXT);
    cr_assert_eq (zseq_batcher_stats (test_batcher)->conflicts, 0);
}

//  The coordinator's last claims are not those of another client.
Test (delegation, believe_no_node_right_after_they_return_to_claims)
{
    test_turn (3);
    s_count_until_claim ();
    test_finish ();
    test_contended = true;
    for (size_t call = 0; call < 20; call++) {
        test_draw_ids (1);
        cr_assert_eq (test_letters[test_sent - 1].msg.op, ZSEQ_OP_CLAIM);
        test_now += 50000;
    }
    test_now += 1500000;
    test_draw_ids (1);
    test_draw_ids (1);
    cr_assert_eq (test_letters[test_sent - 1].msg.op, ZSEQ_OP_NEXT);
}

//  A node's own coordinator.

//  Opens the batcher of the node with that rank.
static void
s_open_node (size_t rank)
{
    test_make (5, 0);
    zseq_coordinator_rank_set_self (&test_rank, test_ranking[rank]);
    zseq_batcher_open (test_batcher, &test_quorum, &test_rank);
    test_served = 2;
}

Test (delegation, pass_on_to_the_node_that_comes_first)
{
    s_open_node (3);
    for (size_t call = 0; call < 200; call++) {
        test_sent = test_read = test_ended_count = 0;
        cr_assert_eq (s_asked (), test_ranking[0]);
        cr_assert_eq (test_requests[0].status, ZSEQ_OK);
        test_assert_silent ();
    }
}

//  What the coordinator has in hand of others counts for the clients, too.
Test (delegation, pass_back_how_many_requests_were_served)
{
    s_open_node (1);
    test_served = 12;
    test_add (0, 1);
    test_add (1, 1);
    test_flush ();
    test_answer (test_letter (ZSEQ_OP_NEXT));
    cr_assert_eq (test_requests[0].served, 2 + 12 - 1);
    cr_assert_eq (test_requests[1].first, test_requests[0].first + 1);
}

Test (delegation, claim_where_the_own_node_comes_first)
{
    s_open_node (0);
    test_congested = ALL_NODES;
    test_contended = true;
    test_draw_ids (1);
    for (size_t call = 0; call < 20; call++) {
        test_interfere (10);
        test_draw_ids (1);
    }
    for (size_t index = 0; index < test_sent; index++)
        cr_assert_neq (test_letters[index].msg.op, ZSEQ_OP_NEXT);
}

//  So NEXTs do not circle.
Test (delegation, pass_nothing_on_to_nodes_that_come_later)
{
    for (size_t rank = 1; rank < 5; rank++) {
        s_open_node (rank);
        for (size_t above = 0; above < rank; above++)
            test_refusal[test_ranking[above]] = ZSEQ_ENOTVOTING;
        test_add (0, 1);
        test_flush ();
        for (size_t above = 0; above < rank; above++) {
            test_letter_t *letter = test_letter (ZSEQ_OP_NEXT);
            cr_assert_eq (letter->node, test_ranking[above]);
            test_answer (letter);
            test_flush ();
        }
        memset (test_refusal, 0, sizeof test_refusal);
        test_letter_to_all (ZSEQ_OP_READ);
        test_read -= 5;
        test_finish ();
        cr_assert_eq (test_requests[0].status, ZSEQ_OK);
        test_sent = test_read = test_ended_count = 0;
        test_close ();
    }
}

//  Else two coordinators would claim the name from then on.
Test (delegation, pass_on_again_to_a_node_that_is_up_again)
{
    s_open_node (1);
    test_refusal[test_ranking[0]] = ZSEQ_ENOTVOTING;
    test_draw_ids (1);
    test_refusal[test_ranking[0]] = ZSEQ_OK;
    test_draw_ids (1);
    cr_assert_eq (test_letters[test_sent - 1].msg.op, ZSEQ_OP_CLAIM);
    test_now += PROBE_US;
    test_sent = test_read = 0;
    test_draw_ids (1);
    cr_assert_eq (test_letters[0].msg.op, ZSEQ_OP_READ);
    cr_assert_eq (test_letters[0].node, test_ranking[0]);
    cr_assert_eq (s_asked (), test_ranking[0]);
}

//  Clients that wait with it have other nodes to ask.
Test (delegation, refuse_what_a_majority_does_not_answer)
{
    s_open_node (0);
    test_draw_ids (1);
    test_mute = ALL_NODES;
    test_add (0, 1);
    test_flush ();
    test_add (1, 1);
    uint64_t now_us = test_now;
    while (!test_ended_count)
        test_wait ();
    cr_assert_leq (test_now, now_us + 1500000);
    cr_assert_eq (test_requests[0].status, ZSEQ_EUNAVAILABLE);
    cr_assert_eq (test_requests[1].status, ZSEQ_EUNAVAILABLE);
    test_mute = 0;
}

//  However often the claim is made again because the only node that answers has
//  seen others.
Test (delegation, refuse_what_a_majority_does_not_answer_in_several_attempts)
{
    s_open_node (0);
    test_draw_ids (1);
    test_mute = ALL_NODES & ~(1u << test_ranking[0]);
    test_competitor = 1;
    uint64_t now_us = test_now;
    test_add (0, 1);
    test_flush ();
    while (!test_ended_count)
        if (test_read < test_sent)
            test_answer_all ();
        else
            test_wait ();
    cr_assert_leq (test_now, now_us + 1500000);
    cr_assert_geq (test_sent, 10, "it was sent again");
    cr_assert_eq (test_requests[0].status, ZSEQ_EUNAVAILABLE);
}

//  It has asked all nodes once more, and one of them does not answer.
Test (delegation, refuse_at_the_end_though_a_node_is_silent)
{
    s_open_node (0);
    test_draw_ids (1);
    for (uint8_t node = 0; node < 5; node++)
        test_next[node] = ZSEQ_NEXT_MAX - 1;
    test_mute = 1u << test_ranking[4];
    test_add (0, 2);
    test_finish ();
    cr_assert_eq (test_requests[0].status, ZSEQ_EEXHAUSTED);
}

//  A name of milliseconds can be claimed up to a time. A NEXT must not wait for
//  that time.
Test (delegation, refuse_at_once_what_too_many_clocks_refuse)
{
    s_open_node (0);
    test_draw_ids (1);
    uint64_t now_us = test_now;
    for (size_t rank = 0; rank < 3; rank++)
        test_refusal[test_ranking[rank]] = ZSEQ_ECLOCK;
    test_add (0, 1);
    test_finish ();
    cr_assert_eq (test_requests[0].status, ZSEQ_ECLOCK);
    cr_assert_leq (test_now, now_us + 10000);
}

Test (delegation, claim_though_two_clocks_are_slow)
{
    s_open_node (0);
    test_draw_ids (1);
    for (size_t rank = 0; rank < 2; rank++)
        test_refusal[test_ranking[rank]] = ZSEQ_ECLOCK;
    test_competitor = 1;
    test_add (0, 1);
    test_flush ();
    test_answer_all ();
    test_competitor = 0;
    test_finish ();
    cr_assert_eq (test_requests[0].status, ZSEQ_OK);
}

//  It refuses that name alone.
Test (delegation, do_not_pass_over_a_coordinator_for_its_clock)
{
    test_turn (3);
    test_refusal[test_ranking[0]] = ZSEQ_ECLOCK;
    uint64_t burnt = test_burnt ();
    test_add (0, 1);
    test_finish ();
    test_assert_got (&test_requests[0], test_next[0] - 1, 1);
    cr_assert_eq (test_letters[test_sent - 1].node, test_ranking[1]);
    cr_assert_eq (test_burnt (), burnt);
    test_refusal[test_ranking[0]] = ZSEQ_OK;
    test_draw_ids (1);
    cr_assert_eq (test_letters[test_sent - 1].node, test_ranking[0]);
}

//  Late is not dead: hundreds of requests may wait for the claim, and the nodes
//  may share their machine with those who sent them.
Test (delegation, wait_for_nodes_that_take_long_to_answer_a_coordinator)
{
    s_open_node (0);
    test_draw_ids (1);
    uint64_t next = test_next[0];
    test_add (0, 100);
    test_flush ();
    test_now += 1000000;
    test_tick ();
    test_answer_all ();
    test_assert_got (&test_requests[0], next, 100);
    cr_assert_eq (test_burnt (), 0);
}

//  Congested nodes: wire.md, section 6.9.

//  Returns the op that draws an ID while the nodes of the set report
//  congestion.
static zseq_op_t
s_drawn_by (uint32_t congested)
{
    test_sent = test_read = test_ended_count = 0;
    test_congested = congested;
    test_draw_ids (1);
    return test_letters[test_sent - 1].msg.op;
}

Test (delegation, leave_names_to_coordinators_while_nodes_are_congested)
{
    test_open (3);
    cr_assert_eq (s_drawn_by (0), ZSEQ_OP_CLAIM);
    cr_assert_eq (s_drawn_by (ALL_NODES), ZSEQ_OP_CLAIM);
    for (size_t call = 0; call < 200; call++)
        cr_assert_eq (s_drawn_by (ALL_NODES), ZSEQ_OP_NEXT);
    cr_assert_eq (test_letters[test_sent - 1].node, test_ranking[0]);
    cr_assert_eq (s_drawn_by (0), ZSEQ_OP_NEXT);
    for (size_t call = 0; call < 200; call++)
        cr_assert_eq (s_drawn_by (0), ZSEQ_OP_CLAIM);
    cr_assert_eq (test_burnt (), 0);
    cr_assert_eq (zseq_batcher_stats (test_batcher)->conflicts, 0);
}

//  The client hears W of three nodes.
Test (delegation, take_a_coordinator_and_w_nodes_for_congestion)
{
    for (size_t absent = 0; absent < 3; absent++)
        for (uint32_t congested = 0; congested < 8; congested++) {
            test_open (3);
            test_mute = 1u << test_ranking[absent];
            uint32_t reported = congested & ~test_mute;
            bool left = __builtin_popcount (reported) == 2 &&
                        reported & (1u << test_ranking[0]);
            cr_assert_eq (s_drawn_by (congested), ZSEQ_OP_CLAIM);
            if (absent == 0)
                test_mute = 0;
            cr_assert_eq (s_drawn_by (congested),
                          left ? ZSEQ_OP_NEXT : ZSEQ_OP_CLAIM);
            test_mute = 0;
            test_close ();
        }
}

//  The claim was over: what the node says then is not weighed.
Test (delegation, go_by_no_late_reply_for_congestion)
{
    test_open (3);
    test_mute = 1u << test_ranking[0];
    cr_assert_eq (s_drawn_by (ALL_NODES), ZSEQ_OP_CLAIM);
    test_letter_t *late = NULL;
    for (size_t at = 0; at < test_sent; at++)
        if (test_letters[at].msg.op == ZSEQ_OP_CLAIM &&
            test_letters[at].node == test_ranking[0])
            late = &test_letters[at];
    cr_assert_not_null (late);
    test_mute = 0;
    cr_assert (!test_answer (late));
    cr_assert_eq (s_drawn_by (0), ZSEQ_OP_CLAIM);
}

Test (delegation, leave_also_a_new_name_to_its_coordinator_in_congestion)
{
    test_open (3);
    s_drawn_by (ALL_NODES);
    cr_assert_eq (s_drawn_by (ALL_NODES), ZSEQ_OP_NEXT);
    for (uint8_t node = 0; node < 3; node++) {
        //  The client may not have heard the name's coordinator yet.
        zseq_request_queue_t *bills =
          zseq_request_queue_new (test_batcher, "bills", 5);
        test_requests[1] = (zseq_request_t){
          .count = 3, .count_min = 3, .deadline_us = test_now + LIMIT_US};
        zseq_request_queue_add (bills, &test_requests[1]);
        test_flush ();
        test_finish ();
        cr_assert_eq (test_requests[1].status, ZSEQ_OK);
        zseq_request_queue_free (&bills);
    }
    zseq_op_t op = test_letters[test_sent - 1].msg.op;
    cr_assert_eq (op, ZSEQ_OP_NEXT, "%d", op);
}

Test (delegation, claim_in_congestion_when_all_coordinators_are_down)
{
    test_open (3);
    s_drawn_by (ALL_NODES);
    cr_assert_eq (s_drawn_by (ALL_NODES), ZSEQ_OP_NEXT);
    for (uint8_t node = 0; node < 3; node++)
        test_refusal[node] = ZSEQ_EBUSY;
    test_add (0, 1);
    test_flush ();
    test_answer (test_letter (ZSEQ_OP_NEXT));
    test_flush ();
    while (test_letters[test_read].msg.op == ZSEQ_OP_NEXT) {
        test_answer (test_letter (ZSEQ_OP_NEXT));
        test_flush ();
    }
    memset (test_refusal, 0, sizeof test_refusal);
    test_letter_to_all (ZSEQ_OP_CLAIM);
    test_answer_all ();
}

//  wire.md, section 16: a coordinator does not know a client's larger W.
Test (delegation, never_ask_a_coordinator_if_w_is_above_the_majority)
{
    test_make (3, 3);
    zseq_batcher_open (test_batcher, &test_quorum, &test_rank);
    test_congested = ALL_NODES;
    test_draw_ids (1);
    for (size_t call = 0; call < 100; call++) {
        test_interfere (10);
        test_draw_ids (1);
    }
    cr_assert_eq (zseq_batcher_stats (test_batcher)->conflicts, 100);
    for (size_t index = 0; index < test_sent; index++)
        cr_assert_neq (test_letters[index].msg.op, ZSEQ_OP_NEXT);
}

Test (delegation, ask_no_coordinator_if_there_is_none)
{
    test_make (3, 0);
    zseq_batcher_open (test_batcher, &test_quorum, NULL);
    test_congested = ALL_NODES;
    test_draw_ids (1);
    for (size_t call = 0; call < 100; call++) {
        test_interfere (10);
        test_draw_ids (1);
    }
    for (size_t index = 0; index < test_sent; index++)
        cr_assert_neq (test_letters[index].msg.op, ZSEQ_OP_NEXT);
}

//  The CLAIMs of one claim are lost with their connections; all nodes answer
//  everything else.
Test (delegation, send_a_lost_claim_again_when_a_later_one_wins)
{
    s_open_node (0);
    test_draw_ids (1);
    test_add (0, 1);
    test_flush ();
    test_letter_to_all (ZSEQ_OP_CLAIM);  //  Lost
    uint64_t request = test_letters[test_read - 1].msg.request;
    size_t resent = 0, served = 0, refused = 0, lost = 0;
    uint64_t now_us = test_now;
    test_ended_count = 0;
    //  A client asks every ten milliseconds.
    for (size_t at = 1; at < 250; at++) {
        test_now += 10000;
        test_add (at, 1);
        test_flush ();
        for (size_t index = test_read; index < test_sent; index++)
            resent += test_letters[index].msg.request == request;
        test_tick ();
        test_answer_all ();
        if (test_requests[0].status != 77 && !lost)
            lost = test_now - now_us;
    }
    for (size_t at = 1; at < 249; at++) {
        served += test_requests[at].status == ZSEQ_OK;
        refused += test_requests[at].status == ZSEQ_EUNAVAILABLE;
    }
    cr_assert (test_requests[0].status == ZSEQ_OK && refused == 0,
               "the lost one: status %d after %zu us, sent again to %zu nodes; "
               "others: %zu served, %zu refused as unavailable",
               test_requests[0].status, lost, resent, served, refused);
}

//  W nodes answer every attempt within a round trip, two others are dead, and
//  another client is first at one node each time. That is no silence.
Test (delegation, do_not_call_a_majority_that_refuses_unavailable)
{
    s_open_node (0);
    test_draw_ids (1);
    test_mute = 1u << test_ranking[3] | 1u << test_ranking[4];
    uint8_t lost = test_ranking[2];
    uint64_t now_us = test_now;
    test_ended_count = 0;
    test_add (0, 1);
    test_flush ();
    size_t attempts = 0;
    uint64_t request = 0;
    while (!test_ended_count && test_now < now_us + 9000000)
        if (test_read < test_sent) {
            if (test_letters[test_read].msg.request != request) {
                request = test_letters[test_read].msg.request;
                attempts++;
                test_next[lost] += 1;
            }
            test_answer_all ();
        }
        else
            test_wait ();
    cr_assert_neq (test_requests[0].status, ZSEQ_EUNAVAILABLE,
                   "unavailable after %lu us and %zu attempts, each answered "
                   "by 3 of 5 nodes; %lu conflicts counted",
                   (unsigned long) (test_now - now_us), attempts,
                   zseq_batcher_stats (test_batcher)->conflicts);
    test_mute = 0;
}

//  Such losses count.
Test (delegation, halve_a_claim_that_loses_while_nodes_are_dead)
{
    s_open_node (0);
    test_draw_ids (1);
    test_mute = 1u << test_ranking[3] | 1u << test_ranking[4];
    uint8_t lost = test_ranking[2];
    test_ended_count = 0;
    for (size_t at = 0; at < 200; at++)
        test_add (at, 1);
    test_flush ();
    size_t attempts = 0;
    uint64_t request = 0, count = 0;
    while (!test_ended_count && attempts < 6)
        if (test_read < test_sent) {
            if (test_letters[test_read].msg.request != request) {
                request = test_letters[test_read].msg.request;
                count = test_letters[test_read].msg.claim.count;
                attempts++;
                if (test_letters[test_read].msg.op == ZSEQ_OP_CLAIM)
                    test_next[lost] =
                      test_letters[test_read].msg.claim.first + 1;
            }
            test_answer_all ();
        }
        else
            test_wait ();
    cr_assert_lt (count, 200, "claim %zu asks for %lu IDs, %lu were burnt",
                  attempts, count, test_burnt ());
    test_mute = 0;
}
