//  Tests the coordinator ranking: which node a client asks to claim on its
//  behalf, and when a node that is down is probed.

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "zseq_coordinator_rank.h"

#define NOW 1000000u
#define NAMES 10000u
//  wire.md leaves these open: the first and the longest pause before a probe.
#define PAUSE_US 50000u
#define PAUSE_US_MAX 10000000u

static const char s_labels[] = "abcdefghi";

//  Makes a ranking of the nodes a, b, c and so on, one for each label.
static zseq_coordinator_rank_t
s_nodes (const char *labels)
{
    zseq_coordinator_rank_t self;
    uint8_t n = (uint8_t) strlen (labels);
    zseq_coordinator_rank_init (&self, n);
    for (uint8_t node = 0; node < n; node++)
        zseq_coordinator_rank_set_name (&self, node, &labels[node], 1);
    return self;
}

static zseq_coordinator_rank_t
s_first_nodes (size_t n)
{
    char labels[ZSEQ_NODES_MAX + 1];
    snprintf (labels, sizeof labels, "%.*s", (int) n, s_labels);
    return s_nodes (labels);
}

static void
s_order (const zseq_coordinator_rank_t *self, size_t index, uint8_t *ranking)
{
    char name[32];
    int size = snprintf (name, sizeof name, "name/%zu", index);
    zseq_coordinator_rank_nodes (self, name, (size_t) size, ranking);
}

Test (coordinator_rank, orders_all_nodes_and_each_once)
{
    for (size_t n = 1; n <= ZSEQ_NODES_MAX; n++) {
        zseq_coordinator_rank_t self = s_first_nodes (n);
        for (size_t index = 0; index < 100; index++) {
            uint8_t ranking[ZSEQ_NODES_MAX];
            uint32_t seen = 0;
            s_order (&self, index, ranking);
            for (size_t at = 0; at < n; at++) {
                cr_assert_lt (ranking[at], n);
                seen |= 1u << ranking[at];
            }
            cr_assert_eq (seen, (1u << n) - 1);
        }
    }
}

//  wire.md, section 6.9: other implementations of the client must find the same
//  node.
Test (coordinator_rank, weighs_by_the_hash_that_the_protocol_names)
{
    zseq_coordinator_rank_t self = s_first_nodes (5);
    for (size_t index = 0; index < 1000; index++) {
        char name[256];  //  For the longest case of xxhash
        int size = snprintf (name, sizeof name, "name/%zu", index);
        uint8_t ranking[ZSEQ_NODES_MAX];
        s_order (&self, index, ranking);
        uint64_t before = UINT64_MAX;
        for (size_t at = 0; at < 5; at++) {
            uint64_t label = XXH3_64bits (&s_labels[ranking[at]], 1);
            uint64_t weight = XXH3_64bits_withSeed (name, (size_t) size, label);
            cr_assert_leq (weight, before);
            before = weight;
        }
    }
}

Test (coordinator_rank, goes_by_the_names_of_nodes_and_not_their_numbers)
{
    zseq_coordinator_rank_t self = s_nodes ("abcde");
    zseq_coordinator_rank_t other = s_nodes ("dbeca");
    for (size_t index = 0; index < 1000; index++) {
        uint8_t ranking[ZSEQ_NODES_MAX];
        uint8_t other_order[ZSEQ_NODES_MAX];
        s_order (&self, index, ranking);
        s_order (&other, index, other_order);
        for (size_t at = 0; at < 5; at++)
            cr_assert_eq ("abcde"[ranking[at]], "dbeca"[other_order[at]]);
    }
}

//  With 4 degrees of freedom, a fair distribution exceeds 30 once in 200,000
//  times. The names are the same in each run.
Test (coordinator_rank, spreads_names_evenly)
{
    zseq_coordinator_rank_t self = s_first_nodes (5);
    for (size_t rank = 0; rank < 5; rank++) {
        double count[5] = {0};
        for (size_t index = 0; index < NAMES; index++) {
            uint8_t ranking[ZSEQ_NODES_MAX];
            s_order (&self, index, ranking);
            count[ranking[rank]]++;
        }
        double square = 0;
        for (size_t node = 0; node < 5; node++) {
            double off = count[node] - NAMES / 5.0;
            square += off * off / (NAMES / 5.0);
        }
        cr_assert_lt (square, 30.0, "place %zu: %f", rank, square);
    }
}

//  The names of a node that is down also spread evenly over all other nodes.
Test (coordinator_rank, moves_only_the_names_of_a_node_that_is_lost)
{
    zseq_coordinator_rank_t self = s_first_nodes (5);
    zseq_coordinator_rank_t less = self;
    zseq_coordinator_rank_mark_down (&less, 2, NOW);
    size_t heirs[5] = {0};
    for (size_t index = 0; index < NAMES; index++) {
        uint8_t ranking[ZSEQ_NODES_MAX];
        s_order (&self, index, ranking);
        uint8_t before = zseq_coordinator_rank_choose (&self, ranking);
        uint8_t after = zseq_coordinator_rank_choose (&less, ranking);
        cr_assert_neq (after, 2);
        if (before != 2)
            cr_assert_eq (after, before);
        else
            heirs[after]++;
    }
    for (size_t node = 0; node < 5; node++)
        if (node != 2)
            cr_assert_gt (heirs[node], NAMES / 5 / 4 / 2);
}

Test (coordinator_rank, keeps_the_order_of_those_who_stay_when_one_leaves)
{
    zseq_coordinator_rank_t self = s_nodes ("abcde");
    zseq_coordinator_rank_t less = s_nodes ("abde");
    for (size_t index = 0; index < 1000; index++) {
        uint8_t ranking[ZSEQ_NODES_MAX];
        uint8_t less_order[ZSEQ_NODES_MAX];
        s_order (&self, index, ranking);
        s_order (&less, index, less_order);
        size_t rank = 0;
        for (size_t at = 0; at < 5; at++)
            if ("abcde"[ranking[at]] != 'c')
                cr_assert_eq ("abcde"[ranking[at]], "abde"[less_order[rank++]]);
    }
}

Test (coordinator_rank, chooses_the_first_that_is_not_passed_over)
{
    zseq_coordinator_rank_t self = s_first_nodes (3);
    const uint8_t ranking[] = {1, 2, 0};
    cr_assert_eq (zseq_coordinator_rank_choose (&self, ranking), 1);
    zseq_coordinator_rank_mark_down (&self, 1, NOW);
    cr_assert_eq (zseq_coordinator_rank_choose (&self, ranking), 2);
    zseq_coordinator_rank_mark_down (&self, 0, NOW);
    cr_assert_eq (zseq_coordinator_rank_choose (&self, ranking), 2);
    zseq_coordinator_rank_mark_down (&self, 2, NOW);
    cr_assert_eq (zseq_coordinator_rank_choose (&self, ranking), 3);
}

Test (coordinator_rank,
      doubts_only_a_node_that_is_passed_over_and_after_a_pause)
{
    zseq_coordinator_rank_t self = s_first_nodes (3);
    cr_assert (!zseq_coordinator_rank_probe_due (&self, 1, UINT64_MAX));
    zseq_coordinator_rank_mark_down (&self, 1, NOW);
    cr_assert (!zseq_coordinator_rank_probe_due (&self, 1, NOW));
    cr_assert (!zseq_coordinator_rank_probe_due (&self, 1, NOW + PAUSE_US - 1));
    cr_assert (zseq_coordinator_rank_probe_due (&self, 1, NOW + PAUSE_US));
    cr_assert (!zseq_coordinator_rank_probe_due (&self, 0, NOW + PAUSE_US));
}

//  Two requests that time out at once mark a node down once.
Test (coordinator_rank, is_not_put_off_by_being_passed_over_again)
{
    zseq_coordinator_rank_t self = s_first_nodes (3);
    zseq_coordinator_rank_mark_down (&self, 1, NOW);
    zseq_coordinator_rank_mark_down (&self, 1, NOW + PAUSE_US - 1);
    cr_assert (zseq_coordinator_rank_probe_due (&self, 1, NOW + PAUSE_US));
    zseq_coordinator_rank_probe (&self, 1, 7, NOW + PAUSE_US);
    zseq_coordinator_rank_mark_down (&self, 1, NOW + PAUSE_US);
    cr_assert (zseq_coordinator_rank_probe_reply (&self, 1, 7, ZSEQ_OK));
    cr_assert (!self.candidate[1].down);
}

//  Probes the node until the interval is longest. Returns the time.
static uint64_t
s_ask_in_vain (zseq_coordinator_rank_t *self, uint8_t node, uint64_t now_us)
{
    uint64_t pause_us = PAUSE_US;
    zseq_coordinator_rank_mark_down (self, node, now_us);
    now_us += pause_us;
    for (uint64_t request = 1; request <= 10; request++) {
        cr_assert (zseq_coordinator_rank_probe_due (self, node, now_us));
        zseq_coordinator_rank_probe (self, node, request, now_us);
        cr_assert (!zseq_coordinator_rank_probe_due (self, node, now_us));
        cr_assert (
          !zseq_coordinator_rank_probe_due (self, node, now_us + pause_us - 1));
        now_us += pause_us;
        pause_us = 2 * pause_us < PAUSE_US_MAX ? 2 * pause_us : PAUSE_US_MAX;
    }
    cr_assert_eq (pause_us, PAUSE_US_MAX);
    cr_assert (zseq_coordinator_rank_probe_reply (self, node, 10, ZSEQ_OK));
    return now_us;
}

Test (coordinator_rank, asks_ever_less_often_but_every_ten_seconds)
{
    zseq_coordinator_rank_t self = s_first_nodes (3);
    uint64_t now_us = s_ask_in_vain (&self, 0, NOW);
    //  The node answers, but does not serve.
    zseq_coordinator_rank_mark_down (&self, 0, now_us);
    cr_assert (
      !zseq_coordinator_rank_probe_due (&self, 0, now_us + PAUSE_US_MAX - 1));
    cr_assert (
      zseq_coordinator_rank_probe_due (&self, 0, now_us + PAUSE_US_MAX));
}

Test (coordinator_rank, asks_soon_again_once_a_node_has_done_what_it_was_asked)
{
    zseq_coordinator_rank_t self = s_first_nodes (3);
    uint64_t now_us = s_ask_in_vain (&self, 0, NOW);
    zseq_coordinator_rank_note_served (&self, 0);
    zseq_coordinator_rank_mark_down (&self, 0, now_us);
    cr_assert (
      !zseq_coordinator_rank_probe_due (&self, 0, now_us + PAUSE_US - 1));
    cr_assert (zseq_coordinator_rank_probe_due (&self, 0, now_us + PAUSE_US));
}

Test (coordinator_rank, takes_a_node_back_that_answers)
{
    zseq_coordinator_rank_t self = s_first_nodes (3);
    zseq_coordinator_rank_mark_down (&self, 1, NOW);
    zseq_coordinator_rank_mark_down (&self, 2, NOW);
    zseq_coordinator_rank_probe (&self, 1, 7, NOW + PAUSE_US);
    cr_assert (zseq_coordinator_rank_probe_reply (&self, 1, 7, ZSEQ_OK));
    cr_assert (!self.candidate[1].down);
    cr_assert (self.candidate[2].down);
    cr_assert (!zseq_coordinator_rank_probe_reply (&self, 1, 7, ZSEQ_OK));
}

Test (coordinator_rank, does_not_take_a_node_back_that_refuses)
{
    zseq_coordinator_rank_t self = s_first_nodes (3);
    zseq_coordinator_rank_mark_down (&self, 1, NOW);
    zseq_coordinator_rank_probe (&self, 1, 7, NOW + PAUSE_US);
    cr_assert (
      zseq_coordinator_rank_probe_reply (&self, 1, 7, ZSEQ_ENOTVOTING));
    cr_assert (self.candidate[1].down);
    //  Each probe accepts one reply.
    cr_assert (!zseq_coordinator_rank_probe_reply (&self, 1, 7, ZSEQ_OK));
    cr_assert (self.candidate[1].down);
}

Test (coordinator_rank, hears_only_the_answer_to_its_last_question)
{
    zseq_coordinator_rank_t self = s_first_nodes (3);
    cr_assert (!zseq_coordinator_rank_probe_reply (&self, 1, 0, ZSEQ_OK));
    zseq_coordinator_rank_mark_down (&self, 1, NOW);
    cr_assert (!zseq_coordinator_rank_probe_reply (&self, 1, 0, ZSEQ_OK));
    zseq_coordinator_rank_probe (&self, 1, 7, NOW + PAUSE_US);
    zseq_coordinator_rank_probe (&self, 1, 8, NOW + 2 * PAUSE_US);
    cr_assert (!zseq_coordinator_rank_probe_reply (&self, 1, 7, ZSEQ_OK));
    cr_assert (!zseq_coordinator_rank_probe_reply (&self, 2, 8, ZSEQ_OK));
    cr_assert (!zseq_coordinator_rank_probe_reply (&self, 3, 8, ZSEQ_OK));
    cr_assert (
      !zseq_coordinator_rank_probe_reply (&self, UINT8_MAX, 8, ZSEQ_OK));
    cr_assert (self.candidate[1].down);
    cr_assert (zseq_coordinator_rank_probe_reply (&self, 1, 8, ZSEQ_OK));
    cr_assert (!self.candidate[1].down);
}
