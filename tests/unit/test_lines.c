//  Requests that share claims, and a client's turn to coordinators and back: by
//  hand, with nodes made of numbers and a clock of our own.

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "test_random.h"
#include "zseq_lines.h"
#include "zseq_seq.h"

#define TRIP_US 200u
#define LETTERS_MAX 65536
#define S_ALL UINT32_MAX
#define RIDERS_MAX 64
#define ENDED_MAX 1024
#define LIMIT_US 10000000u  //  After the start: a rider's deadline
#define PROBE_US 50000u     //  When one that was passed over is asked
#define ALONE 64u           //  Replies that lead back to claims
#define ALONE_MAX 4096u
#define NOBODY UINT8_MAX

//  What was sent to a node.
typedef struct {
    zseq_msg_t msg;
    uint8_t node;
    bool answered;
} s_letter_t;

static zseq_lines_t *s_lines;
static zseq_line_t *s_line;
static zseq_quorum_t s_quorum;
static zseq_rendezvous_t s_rendezvous;
static uint8_t s_order[ZSEQ_NODES_MAX];  //  Whom to ask first, and then
static uint64_t s_now;
static uint64_t s_drawn;
static s_letter_t s_letters[LETTERS_MAX];
static size_t s_sent;   //  Letters
static size_t s_read;   //  ... of which a test has seen these
static uint32_t s_cut;  //  Nodes that cannot be reached, a bit each
static zseq_rider_t s_riders[RIDERS_MAX];
static zseq_rider_t *s_ended[ENDED_MAX];
static size_t s_ended_count;

//  The nodes.
static uint64_t s_next[ZSEQ_NODES_MAX];
static int s_refusal[ZSEQ_NODES_MAX];  //  What each says to everything
static uint32_t s_mute;                //  Those that do not answer
static uint64_t s_served;              //  What a coordinator says of others
static uint32_t s_crowded;             //  Those that say that they are
static uint64_t s_rival;               //  How many IDs another client takes
                                       //  before each of our claims arrives

static bool
s_ask (void *arg, uint8_t node, zseq_msg_t *msg)
{
    cr_assert_eq (arg, &s_drawn);
    cr_assert_lt (node, s_quorum.n);
    cr_assert_eq (msg->reply, false);
    cr_assert_neq (msg->request, 0);
    if (s_cut & (1u << node))
        return false;
    cr_assert_lt (s_sent, LETTERS_MAX);
    s_letters[s_sent++] = (s_letter_t){.msg = *msg, .node = node};
    return true;
}

static void
s_done (void *arg, zseq_rider_t *rider)
{
    cr_assert_eq (arg, &s_drawn);
    cr_assert_lt (s_ended_count, ENDED_MAX);
    s_ended[s_ended_count++] = rider;
}

static uint64_t
s_draw (void *arg)
{
    return ++*(uint64_t *) arg;
}

//  Lines for n nodes, where w 0 is the smallest; not open.
static void
s_make (size_t n, size_t w)
{
    static const char labels[] = "abcdefghi";
    zseq_lines_hooks_t hooks = {&s_drawn, s_ask, s_done, s_draw};
    cr_assert_eq (zseq_quorum_init (&s_quorum, n, 0, w), ZSEQ_OK);
    zseq_rendezvous_init (&s_rendezvous, s_quorum.n);
    for (uint8_t node = 0; node < s_quorum.n; node++) {
        zseq_rendezvous_set_name (&s_rendezvous, node, &labels[node], 1);
        s_next[node] = 1;
    }
    zseq_rendezvous_order (&s_rendezvous, "orders", 6, s_order);
    s_now = 1000000;
    s_served = 1;
    s_crowded = 0;
    s_lines = zseq_lines_new (&hooks);
    cr_assert (s_lines);
    s_line = zseq_line_new (s_lines, "orders", 6);
    cr_assert (s_line);
}

static void
s_open (size_t n)
{
    s_make (n, 0);
    zseq_lines_open (s_lines, &s_quorum, &s_rendezvous);
}

static void
s_close (void)
{
    if (s_line && zseq_line_idle (s_line))
        zseq_line_free (&s_line);
    zseq_lines_destroy (&s_lines);
}

TestSuite (lines, .fini = s_close);

static zseq_rider_t *
s_add_until (size_t index, uint64_t count, uint64_t count_min,
             uint64_t deadline_us)
{
    zseq_rider_t *rider = &s_riders[index];
    *rider = (zseq_rider_t){.count = count,
                            .count_min = count_min,
                            .deadline_us = deadline_us,
                            .status = 77};
    zseq_line_add (s_line, rider);
    return rider;
}

static zseq_rider_t *
s_add_at_least (size_t index, uint64_t count, uint64_t count_min)
{
    return s_add_until (index, count, count_min, s_now + LIMIT_US);
}

static zseq_rider_t *
s_add (size_t index, uint64_t count)
{
    return s_add_at_least (index, count, count);
}

static void
s_flush (void)
{
    zseq_lines_flush (s_lines, s_now);
}

static void
s_tick (void)
{
    zseq_lines_tick (s_lines, s_now);
    s_flush ();
}

//  Lets the time pass until something is to be done.
static void
s_wait (void)
{
    uint64_t wake_us = zseq_lines_wake_us (s_lines);
    cr_assert_lt (wake_us, UINT64_MAX);
    if (s_now < wake_us)
        s_now = wake_us;
    s_tick ();
}

//  The next letter that was not read yet.
static s_letter_t *
s_letter (zseq_op_t op)
{
    cr_assert_lt (s_read, s_sent, "nothing was sent");
    s_letter_t *letter = &s_letters[s_read++];
    cr_assert_eq (letter->msg.op, op, "%d instead of %d", letter->msg.op, op);
    return letter;
}

//  One for each node, of the same question. Returns the last one.
static s_letter_t *
s_letter_to_all (zseq_op_t op)
{
    s_letter_t *first = s_letter (op);
    s_letter_t *letter = first;
    cr_assert_eq (letter->node, 0);
    for (uint8_t node = 1; node < s_quorum.n; node++) {
        letter = s_letter (op);
        cr_assert_eq (letter->node, node);
        cr_assert_eq (letter->msg.request, first->msg.request);
    }
    return letter;
}

static void
s_assert_silent (void)
{
    cr_assert_eq (s_read, s_sent, "op %d was sent", s_letters[s_read].msg.op);
}

//  A reply of node to a letter, of which the caller sets the body.
static zseq_msg_t
s_reply_to (const s_letter_t *letter, uint8_t node, int status)
{
    zseq_msg_t msg;
    memset (&msg, 0, sizeof msg);
    msg.op = letter->msg.op;
    msg.reply = true;
    msg.request = letter->msg.request;
    msg.status = status;
    msg.node = node;
    msg.first = letter->msg.first;
    msg.count = letter->msg.count;
    msg.next = s_next[node];
    msg.served = s_served;
    msg.crowded = s_crowded & (1u << node);
    msg.vector.n = s_quorum.n;
    for (uint8_t index = 0; index < msg.vector.n; index++)
        msg.vector.life[index] = (zseq_incarnation_t){1, 1000u + index};
    return msg;
}

//  A coordinator that takes what all nodes have left.
static int
s_coordinate (const s_letter_t *letter, uint64_t *first_p, uint64_t *count_p)
{
    uint64_t first = 1;
    for (uint8_t node = 0; node < s_quorum.n; node++)
        if (first < s_next[node])
            first = s_next[node];
    uint64_t left = ZSEQ_NEXT_MAX - first;
    if (left < letter->msg.count_min)
        return ZSEQ_EEXHAUSTED;
    *first_p = first;
    *count_p = left < letter->msg.count ? left : letter->msg.count;
    for (uint8_t node = 0; node < s_quorum.n; node++)
        s_next[node] = first + *count_p;
    return ZSEQ_OK;
}

//  A node answers a letter as a node does. Returns whether the answer was
//  expected.
static bool
s_answer (s_letter_t *letter)
{
    uint8_t node = letter->node;
    letter->answered = true;
    zseq_msg_t msg = s_reply_to (letter, node, s_refusal[node]);
    if (s_refusal[node])
        return zseq_lines_reply (s_lines, &msg, s_now);
    if (msg.op == ZSEQ_OP_NEXT)
        msg.status = s_coordinate (letter, &msg.first, &msg.count);
    if (msg.op == ZSEQ_OP_CLAIM) {
        zseq_seq_t seq = {s_next[node]};
        msg.status = zseq_seq_accept (&seq, msg.first, msg.count);
        msg.next = s_next[node] = seq.next;
    }
    return zseq_lines_reply (s_lines, &msg, s_now);
}

//  All nodes that talk answer all that was sent them, a trip later.
static void
s_answer_all (void)
{
    s_now += TRIP_US;
    size_t end = s_sent;
    for (; s_read < end; s_read++) {
        s_letter_t *letter = &s_letters[s_read];
        if (letter->answered || s_mute & (1u << letter->node))
            continue;
        if (letter->msg.op == ZSEQ_OP_CLAIM)
            s_next[letter->node] += s_rival;
        s_answer (letter);
    }
    s_tick ();
}

//  Until nobody waits any more.
static void
s_finish (void)
{
    s_flush ();
    for (int round = 0; zseq_lines_busy (s_lines); round++) {
        cr_assert_lt (round, 10000);
        if (s_read < s_sent)
            s_answer_all ();
        else
            s_wait ();
    }
    s_assert_silent ();
}

//  One request from its beginning to its end.
static zseq_rider_t *
s_draw_ids (uint64_t count)
{
    zseq_rider_t *rider = s_add (RIDERS_MAX - 1, count);
    s_finish ();
    cr_assert_eq (rider->status, ZSEQ_OK);
    cr_assert_gt (s_ended_count, 0);
    s_ended_count--;
    return rider;
}

static void
s_assert_got (const zseq_rider_t *rider, uint64_t first, uint64_t count)
{
    cr_assert_eq (rider->status, ZSEQ_OK, "status %d", rider->status);
    cr_assert_eq (rider->first, first, "%lu instead of %lu", rider->first,
                  first);
    cr_assert_eq (rider->count, count);
}

static uint64_t
s_burnt (void)
{
    return zseq_lines_stats (s_lines)->burnt;
}

//  Another client takes IDs of all nodes.
static void
s_interfere (uint64_t count)
{
    for (uint8_t node = 0; node < s_quorum.n; node++)
        s_next[node] += count;
}

//  Lets the line meet another client, so that it asks coordinators; IDs are
//  claimed up to some number.
static void
s_turn (size_t n)
{
    s_open (n);
    s_draw_ids (1);
    s_interfere (10);
    s_draw_ids (1);
    cr_assert_eq (s_letters[s_sent - 1].msg.op, ZSEQ_OP_NEXT);
    cr_assert_eq (s_letters[s_sent - 1].node, s_order[0]);
}

//  Claims.

Test (lines, share_a_claim_in_the_order_in_which_requests_came)
{
    s_open (3);
    s_add (0, 2);
    s_add (1, 3);
    s_add (2, 4);
    s_assert_silent ();
    s_flush ();
    s_letter_to_all (ZSEQ_OP_READ);
    s_assert_silent ();
    s_read = 0;
    s_answer_all ();
    cr_assert_eq (s_letter_to_all (ZSEQ_OP_CLAIM)->msg.count, 9);
    s_assert_silent ();
    s_read -= 3;
    s_answer_all ();

    cr_assert_eq (s_ended_count, 3);
    s_assert_got (s_ended[0], 1, 2);
    s_assert_got (s_ended[1], 3, 3);
    s_assert_got (s_ended[2], 6, 4);
    for (size_t index = 0; index < 3; index++) {
        cr_assert_eq (s_ended[index], &s_riders[index]);
        cr_assert_eq (s_riders[index].served, 3);
    }
    const zseq_lines_stats_t *stats = zseq_lines_stats (s_lines);
    cr_assert_eq (stats->claims, 1);
    cr_assert_eq (stats->won, 1);
    cr_assert_eq (stats->trips, 2);
    cr_assert_eq (stats->burnt, 0);
    cr_assert (zseq_line_idle (s_line));
    cr_assert (!zseq_lines_busy (s_lines));
}

Test (lines, name_the_sequence_in_all_that_they_send)
{
    s_turn (3);
    cr_assert_gt (s_sent, 6);
    for (size_t index = 0; index < s_sent; index++) {
        zseq_slice_t name = s_letters[index].msg.name;
        cr_assert_eq (name.size, 6);
        cr_assert_eq (memcmp (name.data, "orders", 6), 0);
    }
}

//  S7.
Test (lines, let_nobody_join_a_claim_that_was_sent)
{
    s_open (3);
    s_draw_ids (1);
    zseq_rider_t *early = s_add (0, 5);
    s_flush ();
    s_letter_to_all (ZSEQ_OP_CLAIM);
    zseq_rider_t *late = s_add (1, 3);
    s_flush ();
    s_letter_t *second = s_letter_to_all (ZSEQ_OP_CLAIM);
    cr_assert_neq (second->msg.request, s_letters[s_read - 4].msg.request);
    cr_assert_eq (s_letters[s_read - 4].msg.count, 5);

    s_read -= 6;
    for (size_t node = 0; node < 2; node++)
        s_answer (&s_letters[s_read + node]);
    s_assert_got (early, 2, 5);
    cr_assert_eq (late->status, 77);
    s_finish ();
    s_assert_got (late, 7, 3);
}

Test (lines, let_a_second_claim_begin_where_the_first_one_ends)
{
    s_open (3);
    s_draw_ids (1);
    s_add (0, 5);
    s_flush ();
    cr_assert_eq (s_letter_to_all (ZSEQ_OP_CLAIM)->msg.first, 2);
    s_add (1, 3);
    s_flush ();
    cr_assert_eq (s_letter_to_all (ZSEQ_OP_CLAIM)->msg.first, 7);
    //  No third one; they wait for the next.
    s_add (2, 1);
    s_add (3, 1);
    s_flush ();
    s_assert_silent ();
    s_read -= 6;
    s_answer_all ();
    s_letter_t *third = s_letter_to_all (ZSEQ_OP_CLAIM);
    cr_assert_eq (third->msg.first, 10);
    cr_assert_eq (third->msg.count, 2);
    s_assert_silent ();
    s_read -= 3;
    s_answer_all ();
    cr_assert_eq (s_ended_count, 4);
    cr_assert_eq (s_burnt (), 0);
    cr_assert_eq (zseq_lines_stats (s_lines)->conflicts, 0);
}

Test (lines, begin_a_second_claim_only_when_it_is_known_where)
{
    s_open (3);
    s_add (0, 5);
    s_flush ();
    s_letter_to_all (ZSEQ_OP_READ);
    s_add (1, 3);
    s_flush ();
    s_assert_silent ();
    //  Nothing was claimed yet: both share the claim.
    s_read -= 3;
    s_answer_all ();
    cr_assert_eq (s_letter_to_all (ZSEQ_OP_CLAIM)->msg.count, 8);
    s_assert_silent ();
}

Test (lines, take_in_who_comes_while_a_claim_is_to_be_made_again)
{
    s_make (3, 0);
    zseq_lines_open (s_lines, &s_quorum, NULL);
    s_draw_ids (1);
    s_interfere (10);
    s_add (0, 5);
    s_flush ();
    s_answer_all ();
    s_add (1, 3);
    s_flush ();
    if (s_read == s_sent)
        s_wait ();
    s_letter_t *again = s_letter_to_all (ZSEQ_OP_CLAIM);
    cr_assert_eq (again->msg.first, 12);
    cr_assert_eq (again->msg.count, 8);
    s_read -= 3;
    s_finish ();
    s_assert_got (&s_riders[0], 12, 5);
    s_assert_got (&s_riders[1], 17, 3);
}

Test (lines, of_two_names_share_nothing)
{
    s_open (3);
    zseq_line_t *bills = zseq_line_new (s_lines, "bills", 5);
    s_add (0, 5);
    s_riders[1] = (zseq_rider_t){
      .count = 3, .count_min = 3, .deadline_us = s_now + LIMIT_US};
    zseq_line_add (bills, &s_riders[1]);
    s_flush ();
    s_letter_to_all (ZSEQ_OP_READ);
    cr_assert_eq (s_letter_to_all (ZSEQ_OP_READ)->msg.name.size, 5);
    s_read = 0;
    s_answer_all ();
    cr_assert_eq (s_letter_to_all (ZSEQ_OP_CLAIM)->msg.count, 5);
    cr_assert_eq (s_letter_to_all (ZSEQ_OP_CLAIM)->msg.count, 3);
    cr_assert (!zseq_line_idle (bills));
    zseq_lines_end (s_lines, ZSEQ_ETIMEOUT);
    zseq_line_free (&bills);
}

//  Many names.

#define S_OUT_MAX 512
#define S_MANY (S_OUT_MAX + 100)

static zseq_line_t *s_many[S_MANY];
static zseq_rider_t s_many_riders[S_MANY];

static void
s_add_one_of_many (size_t index)
{
    s_many_riders[index] = (zseq_rider_t){.count = 1,
                                          .count_min = 1,
                                          .deadline_us = s_now + LIMIT_US,
                                          .status = 77};
    zseq_line_add (s_many[index], &s_many_riders[index]);
}

//  Makes all lines, of which count are used.
static void
s_add_many (size_t count)
{
    static char names[S_MANY][8];
    for (size_t index = 0; index < S_MANY; index++) {
        int size = snprintf (names[index], sizeof *names, "%zu", index);
        s_many[index] = zseq_line_new (s_lines, names[index], (size_t) size);
        if (index < count)
            s_add_one_of_many (index);
    }
    s_flush ();
}

//  Those from first to end - 1 get what they wait for.
static void
s_finish_many (size_t first, size_t end)
{
    s_finish ();
    for (size_t index = first; index < end; index++)
        cr_assert_eq (s_many_riders[index].status, ZSEQ_OK, "%zu", index);
    for (size_t index = 0; index < S_MANY; index++)
        zseq_line_free (&s_many[index]);
}

Test (lines, let_no_more_claims_out_than_nodes_keep_replies_for)
{
    s_open (3);
    s_add_many (S_MANY);
    cr_assert_eq (s_sent, 3 * S_OUT_MAX);
    //  One that ends lets the next one out.
    s_answer (&s_letters[0]);
    s_answer (&s_letters[1]);
    s_flush ();
    cr_assert_eq (s_letters[s_sent - 1].msg.op, ZSEQ_OP_CLAIM);
    size_t sent = s_sent;
    s_answer (&s_letters[sent - 3]);
    s_answer (&s_letters[sent - 2]);
    cr_assert_eq (s_many_riders[0].status, ZSEQ_OK);
    s_flush ();
    cr_assert_eq (s_sent, sent + 3);
    cr_assert_eq (s_letters[sent].msg.op, ZSEQ_OP_READ);
    cr_assert (!memcmp (s_letters[sent].msg.name.data, "512", 3));
    s_finish_many (0, S_MANY);
}

Test (lines, may_leave_while_they_wait_for_their_turn)
{
    s_open (3);
    s_cut = 3;
    s_add_many (S_MANY);
    for (size_t index = S_OUT_MAX; index < S_MANY; index++)
        zseq_line_cancel (&s_many_riders[index]);
    zseq_line_free (&s_many[S_MANY - 1]);
    zseq_line_free (&s_many[S_OUT_MAX]);
    //  ... and keep nobody waiting who comes after them.
    s_add (0, 1);
    s_flush ();
    s_cut = 0;
    s_tick ();
    s_read = s_sent;
    zseq_line_cancel (&s_many_riders[0]);
    s_flush ();
    s_letter_to_all (ZSEQ_OP_READ);
    s_assert_silent ();
    s_read = 0;
    s_finish_many (1, S_OUT_MAX);
    cr_assert_eq (s_riders[0].status, ZSEQ_OK);
}

//  Of one with a claim out, the next one waits behind those of others.
Test (lines, take_turns_where_there_is_no_room)
{
    s_open (3);
    s_add (0, 1);
    s_flush ();
    s_answer (s_letter (ZSEQ_OP_READ));
    s_answer (s_letter (ZSEQ_OP_READ));
    s_flush ();
    s_add (1, 1);
    s_flush ();
    s_read++;
    s_letter_t *first = s_letter (ZSEQ_OP_CLAIM);
    s_add_many (S_OUT_MAX - 2);
    s_add (2, 1);
    s_add_one_of_many (S_OUT_MAX);
    size_t sent = s_sent;
    s_flush ();
    cr_assert_eq (s_sent, sent);
    s_answer (first);
    s_answer (first + 1);
    cr_assert_eq (s_riders[0].status, ZSEQ_OK);
    s_flush ();
    cr_assert_eq (s_sent, sent + 3);
    cr_assert_eq (s_letters[sent].msg.op, ZSEQ_OP_READ);
    s_finish_many (0, S_OUT_MAX - 2);
    cr_assert_eq (s_riders[2].status, ZSEQ_OK);
    cr_assert_eq (s_many_riders[S_OUT_MAX].status, ZSEQ_OK);
}

Test (lines, that_pause_keep_no_other_from_setting_out)
{
    s_open (3);
    for (uint8_t at = 0; at < 3; at++)
        s_refusal[at] = ZSEQ_ENOSPACE;
    s_add_many (S_MANY);
    cr_assert_eq (s_sent, 3 * S_OUT_MAX);
    for (size_t index = 0; index < S_OUT_MAX; index++) {
        s_answer (&s_letters[3 * index]);
        s_answer (&s_letters[3 * index + 1]);
    }
    s_flush ();
    cr_assert_geq (s_sent, 3 * S_MANY);
    memset (s_refusal, 0, sizeof s_refusal);
    s_read = s_sent - 3 * (S_MANY - S_OUT_MAX);
    s_finish_many (0, S_MANY);
}

//  The end of a sequence.

Test (lines, divide_what_is_left_and_refuse_alone_who_does_not_fit)
{
    s_open (3);
    s_interfere (ZSEQ_ID_MAX - 5);  //  Five are left
    s_add (0, 2);
    s_add (1, 10);
    s_add_at_least (2, 10, 1);
    s_add_at_least (3, 10, 1);
    s_finish ();
    cr_assert_eq (s_ended_count, 4);
    s_assert_got (&s_riders[0], ZSEQ_ID_MAX - 4, 2);
    s_assert_got (&s_riders[2], ZSEQ_ID_MAX - 2, 3);
    cr_assert_eq (s_riders[1].status, ZSEQ_EEXHAUSTED);
    cr_assert_eq (s_riders[3].status, ZSEQ_EEXHAUSTED);
    cr_assert_eq (s_burnt (), 0);
    cr_assert_eq (s_next[0], ZSEQ_NEXT_MAX);
    cr_assert_eq (s_ended[0], &s_riders[0]);
    cr_assert_eq (s_ended[1], &s_riders[2]);
}

Test (lines, refuse_a_range_that_does_not_fit_where_a_smaller_one_does)
{
    s_open (3);
    s_interfere (ZSEQ_ID_MAX - 5);
    s_add (0, 6);
    s_finish ();
    cr_assert_eq (s_riders[0].status, ZSEQ_EEXHAUSTED);
    s_assert_got (s_draw_ids (5), ZSEQ_ID_MAX - 4, 5);
    cr_assert_eq (s_burnt (), 0);
}

Test (lines, refuse_everybody_when_nothing_is_left)
{
    s_open (3);
    s_interfere (ZSEQ_ID_MAX);
    for (size_t index = 0; index < 5; index++)
        s_add_at_least (index, 10, index + 1);
    s_finish ();
    cr_assert_eq (s_ended_count, 5);
    for (size_t index = 0; index < 5; index++)
        cr_assert_eq (s_riders[index].status, ZSEQ_EEXHAUSTED);
    cr_assert_eq (zseq_lines_stats (s_lines)->claims, 0);
    cr_assert_eq (s_burnt (), 0);
}

//  One claim has its limit, too; but that is not the end of the sequence, where
//  less is better than none (wire.md, section 16).
Test (lines, cut_nobody_short_before_the_end)
{
    s_open (3);
    s_add (0, ZSEQ_COUNT_MAX - 1);
    s_add_at_least (1, 10, 1);
    s_finish ();
    s_assert_got (&s_riders[0], 1, ZSEQ_COUNT_MAX - 1);
    s_assert_got (&s_riders[1], ZSEQ_COUNT_MAX, 10);
}

Test (lines, make_two_claims_of_what_one_cannot_hold)
{
    s_open (3);
    s_add (0, ZSEQ_COUNT_MAX);
    s_add (1, ZSEQ_COUNT_MAX);
    s_add (2, 1);
    s_finish ();
    s_assert_got (&s_riders[0], 1, ZSEQ_COUNT_MAX);
    s_assert_got (&s_riders[1], 1 + (uint64_t) ZSEQ_COUNT_MAX, ZSEQ_COUNT_MAX);
    s_assert_got (&s_riders[2], 1 + 2 * (uint64_t) ZSEQ_COUNT_MAX, 1);
}

//  Those who give up.

Test (lines, burn_the_share_of_one_that_is_cancelled_on_its_way)
{
    s_open (3);
    s_draw_ids (1);
    s_add (0, 2);
    s_add (1, 3);
    s_flush ();
    zseq_line_cancel (&s_riders[0]);
    s_finish ();
    cr_assert_eq (s_ended_count, 1);
    s_assert_got (&s_riders[1], 2, 3);
    cr_assert_eq (s_riders[0].status, 77);
    cr_assert_eq (s_burnt (), 2);
}

Test (lines, burn_a_claim_that_nobody_rides_any_more)
{
    s_open (3);
    s_draw_ids (1);
    s_add (0, 2);
    s_add (1, 3);
    s_flush ();
    zseq_line_cancel (&s_riders[1]);
    cr_assert (!zseq_line_idle (s_line));
    zseq_line_cancel (&s_riders[0]);
    cr_assert_eq (s_burnt (), 5);
    cr_assert (zseq_line_idle (s_line));
    cr_assert (!zseq_lines_busy (s_lines));
    for (; s_read < s_sent; s_read++)
        cr_assert (!s_answer (&s_letters[s_read]));
    cr_assert_eq (s_ended_count, 0);
    //  The next one finds out.
    s_assert_got (s_draw_ids (1), 7, 1);
    cr_assert_eq (s_burnt (), 5);
}

Test (lines, burn_nothing_if_one_is_cancelled_before_its_claim)
{
    s_open (3);
    s_add (0, 2);
    s_flush ();
    s_letter_to_all (ZSEQ_OP_READ);
    s_add (1, 3);
    zseq_line_cancel (&s_riders[1]);
    zseq_line_cancel (&s_riders[0]);
    s_flush ();
    cr_assert (zseq_line_idle (s_line));
    cr_assert_eq (s_burnt (), 0);
    s_assert_silent ();
}

Test (lines, keep_their_order_when_one_in_the_middle_or_at_the_end_is_cancelled)
{
    s_open (3);
    for (size_t index = 0; index < 5; index++)
        s_add (index, 1);
    zseq_line_cancel (&s_riders[2]);
    zseq_line_cancel (&s_riders[4]);
    s_add (5, 1);
    zseq_line_cancel (&s_riders[0]);
    s_finish ();
    cr_assert_eq (s_ended_count, 3);
    s_assert_got (&s_riders[1], 1, 1);
    s_assert_got (&s_riders[3], 2, 1);
    s_assert_got (&s_riders[5], 3, 1);
    cr_assert_eq (s_burnt (), 0);
}

Test (lines, end_a_request_at_its_deadline)
{
    s_open (3);
    s_draw_ids (1);
    s_add_until (0, 2, 2, s_now + 100);
    s_add_until (1, 3, 3, s_now + 300);
    s_flush ();
    cr_assert_eq (zseq_lines_wake_us (s_lines), s_now + 100);
    s_now += 99;
    s_tick ();
    cr_assert_eq (s_ended_count, 0);
    s_now += 1;
    s_tick ();
    cr_assert_eq (s_ended_count, 1);
    cr_assert_eq (s_riders[0].status, ZSEQ_ETIMEOUT);
    cr_assert_eq (zseq_lines_wake_us (s_lines), s_now + 200);
    s_finish ();
    s_assert_got (&s_riders[1], 2, 3);
    cr_assert_eq (s_burnt (), 2);
}

Test (lines, burn_a_claim_whose_requests_have_all_expired)
{
    s_open (3);
    s_draw_ids (1);
    s_add (0, 2);
    s_flush ();
    s_now += LIMIT_US;
    s_tick ();
    cr_assert_eq (s_riders[0].status, ZSEQ_ETIMEOUT);
    cr_assert_eq (s_burnt (), 2);
    cr_assert (zseq_line_idle (s_line));
    cr_assert_eq (zseq_lines_wake_us (s_lines), UINT64_MAX);
}

Test (lines, let_a_deadline_be_put_off)
{
    s_open (3);
    s_draw_ids (1);
    s_mute = 7;
    s_add (0, 2);
    s_flush ();
    s_riders[0].deadline_us += 1000;
    s_now += LIMIT_US;
    s_tick ();
    cr_assert_eq (s_ended_count, 0);
    s_now += 1000;
    s_tick ();
    cr_assert_eq (s_ended_count, 1);
}

Test (lines, end_all_requests_that_wait_or_ride)
{
    s_open (3);
    s_draw_ids (1);
    for (size_t index = 0; index < 4; index++) {
        s_add (index, 1 + index);
        if (index < 2)
            s_flush ();
    }
    cr_assert (zseq_lines_busy (s_lines));
    zseq_lines_end (s_lines, ZSEQ_ENOTVOTING);
    cr_assert_eq (s_ended_count, 4);
    for (size_t index = 0; index < 4; index++)
        cr_assert_eq (s_riders[index].status, ZSEQ_ENOTVOTING);
    cr_assert_eq (s_burnt (), 1 + 2);
    cr_assert (zseq_line_idle (s_line));
    cr_assert (!zseq_lines_busy (s_lines));
    cr_assert_eq (zseq_lines_wake_us (s_lines), UINT64_MAX);
    for (; s_read < s_sent; s_read++)
        cr_assert (!s_answer (&s_letters[s_read]));
    //  And can be used again.
    s_draw_ids (1);
}

Test (lines, wait_until_there_are_nodes)
{
    s_make (3, 0);
    cr_assert (!zseq_lines_busy (s_lines));
    s_add_until (0, 1, 1, s_now + 10);
    s_add (1, 1);
    cr_assert (zseq_lines_busy (s_lines));
    cr_assert_eq (zseq_lines_wake_us (s_lines), s_now + 10);
    s_flush ();
    s_now += 10;
    s_tick ();
    s_assert_silent ();
    cr_assert_eq (s_riders[0].status, ZSEQ_ETIMEOUT);
    zseq_lines_open (s_lines, &s_quorum, &s_rendezvous);
    s_finish ();
    s_assert_got (&s_riders[1], 1, 1);
}

//  Nodes that cannot be reached.

Test (lines, send_a_claim_again_to_a_node_that_can_be_reached_by_now)
{
    s_open (3);
    s_draw_ids (1);
    s_cut = 6;
    s_add (0, 2);
    s_flush ();
    s_letter_t *first = s_letter (ZSEQ_OP_CLAIM);
    s_assert_silent ();
    cr_assert (zseq_lines_restless (s_lines));
    s_answer (first);
    s_tick ();
    s_assert_silent ();
    s_cut = 4;
    s_tick ();
    s_letter_t *second = s_letter (ZSEQ_OP_CLAIM);
    s_assert_silent ();
    cr_assert_eq (second->node, 1);
    cr_assert_eq (second->msg.request, first->msg.request);
    cr_assert_eq (second->msg.first, first->msg.first);
    cr_assert_eq (second->msg.count, first->msg.count);
    cr_assert_eq (second->msg.name.size, 6);
    s_answer (second);
    s_assert_got (&s_riders[0], 2, 2);
    cr_assert (!zseq_lines_restless (s_lines));
}

//  The second claim begins where the first one ends.
Test (lines, send_claims_again_in_the_order_in_which_they_set_out)
{
    s_open (3);
    s_draw_ids (1);
    s_cut = 2;
    s_add (0, 2);
    s_flush ();
    s_add (1, 3);
    s_flush ();
    s_read = s_sent;
    s_cut = 0;
    s_tick ();
    s_letter_t *first = s_letter (ZSEQ_OP_CLAIM);
    s_letter_t *second = s_letter (ZSEQ_OP_CLAIM);
    s_assert_silent ();
    cr_assert_eq (first->node, 1);
    cr_assert_eq (second->node, 1);
    cr_assert_eq (first->msg.first, 2);
    cr_assert_eq (second->msg.first, 4);
}

Test (lines, are_at_rest_when_all_nodes_are_reached)
{
    s_open (3);
    cr_assert (!zseq_lines_restless (s_lines));
    s_cut = 2;
    s_add (0, 2);
    s_flush ();
    cr_assert (zseq_lines_restless (s_lines));
    s_cut = 0;
    s_tick ();
    cr_assert (!zseq_lines_restless (s_lines));
    s_finish ();
}

//  Coordinators.

Test (lines, turn_to_the_first_node_of_the_order_at_once_after_a_conflict)
{
    s_open (3);
    s_draw_ids (1);
    s_interfere (10);
    s_add (0, 5);
    s_add_at_least (1, 3, 2);
    s_flush ();
    uint8_t node;
    cr_assert (zseq_line_attempt (s_line, &node));
    cr_assert_eq (node, 3);
    s_answer_all ();
    //  At the time of the conflict, without a pause.
    s_letter_t *letter = s_letter (ZSEQ_OP_NEXT);
    s_assert_silent ();
    cr_assert_eq (letter->node, s_order[0]);
    cr_assert_eq (letter->msg.count, 8);
    cr_assert_eq (letter->msg.count_min, 2);
    cr_assert_geq (letter->msg.patience_us, 50000);
    cr_assert (zseq_line_attempt (s_line, &node));
    cr_assert_eq (node, s_order[0]);
    cr_assert_eq (zseq_lines_wake_us (s_lines),
                  s_now + letter->msg.patience_us);
    s_answer (letter);
    s_assert_got (&s_riders[0], 12, 5);
    s_assert_got (&s_riders[1], 17, 3);
    cr_assert_null (zseq_line_attempt (s_line, &node));
    cr_assert_eq (zseq_lines_stats (s_lines)->conflicts, 1);
    cr_assert_eq (zseq_lines_stats (s_lines)->claims, 3);
    cr_assert_eq (zseq_lines_stats (s_lines)->won, 2);
}

Test (lines, go_on_asking_the_coordinator)
{
    s_turn (5);
    uint64_t next = s_next[0];
    for (size_t call = 0; call < 20; call++) {
        s_add (0, 2);
        s_flush ();
        s_letter_t *letter = s_letter (ZSEQ_OP_NEXT);
        s_assert_silent ();
        cr_assert_eq (letter->node, s_order[0]);
        s_answer (letter);
        s_assert_got (&s_riders[0], next, 2);
        next += 2;
    }
}

//  S7.
Test (lines, let_nobody_join_what_a_coordinator_was_asked)
{
    s_turn (3);
    uint64_t next = s_next[0];
    s_add (0, 2);
    s_flush ();
    s_letter_t *first = s_letter (ZSEQ_OP_NEXT);
    s_add (1, 3);
    s_flush ();
    s_letter_t *second = s_letter (ZSEQ_OP_NEXT);
    cr_assert_neq (second->msg.request, first->msg.request);
    s_add (2, 4);
    s_flush ();
    s_assert_silent ();
    s_answer (first);
    cr_assert_eq (s_ended_count, 1);
    s_assert_got (&s_riders[0], next, 2);
    s_answer (second);
    s_assert_got (&s_riders[1], next + 2, 3);
    s_finish ();
    s_assert_got (&s_riders[2], next + 5, 4);
}

Test (lines, pass_over_a_coordinator_that_refuses)
{
    s_turn (3);
    uint64_t next = s_next[0];
    s_refusal[s_order[0]] = ZSEQ_ENOTVOTING;
    s_add (0, 2);
    s_flush ();
    s_letter_t *first = s_letter (ZSEQ_OP_NEXT);
    s_answer (first);
    s_flush ();
    s_letter_t *second = s_letter (ZSEQ_OP_NEXT);
    s_assert_silent ();
    cr_assert_eq (second->node, s_order[1]);
    cr_assert_neq (second->msg.request, first->msg.request);
    cr_assert_eq (second->msg.count, 2);
    s_answer (second);
    s_assert_got (&s_riders[0], next, 2);
    cr_assert_eq (s_burnt (), 0);
    //  The next request does not ask it again.
    s_add (1, 1);
    s_flush ();
    cr_assert_eq (s_letter (ZSEQ_OP_NEXT)->node, s_order[1]);
}

Test (lines, pass_over_a_coordinator_that_cannot_be_reached)
{
    s_turn (3);
    s_cut = 1u << s_order[0] | 1u << s_order[1];
    s_add (0, 2);
    s_flush ();
    cr_assert_eq (s_letter (ZSEQ_OP_NEXT)->node, s_order[2]);
    s_assert_silent ();
    //  Nor when it can be reached again, until it has answered.
    s_cut = 0;
    s_add (1, 2);
    s_flush ();
    cr_assert_eq (s_letter (ZSEQ_OP_NEXT)->node, s_order[2]);
    s_assert_silent ();
}

//  S3: what it answers after all is not handed out.
Test (lines, pass_over_a_coordinator_that_is_late)
{
    s_turn (3);
    s_add (0, 2);
    s_flush ();
    s_letter_t *late = s_letter (ZSEQ_OP_NEXT);
    s_now += late->msg.patience_us - 1;
    s_tick ();
    s_assert_silent ();
    s_now += 1;
    s_tick ();
    s_letter_t *second = s_letter (ZSEQ_OP_NEXT);
    s_assert_silent ();
    cr_assert_eq (second->node, s_order[1]);
    cr_assert_neq (second->msg.request, late->msg.request);
    cr_assert_eq (s_burnt (), 2);
    cr_assert_eq (zseq_lines_stats (s_lines)->late, 1);
    cr_assert (!s_answer (late));
    cr_assert_eq (s_ended_count, 0);
    uint64_t next = s_next[0];
    s_answer (second);
    s_assert_got (&s_riders[0], next, 2);
    cr_assert (!s_answer (late));
    cr_assert_eq (s_burnt (), 2);
}

Test (lines, pass_over_a_late_coordinator_for_all_that_it_was_asked)
{
    s_turn (3);
    s_add (0, 2);
    s_flush ();
    s_letter_t *first = s_letter (ZSEQ_OP_NEXT);
    s_now += 1000;
    s_add (1, 3);
    s_flush ();
    s_letter_t *second = s_letter (ZSEQ_OP_NEXT);
    cr_assert_eq (second->node, s_order[0]);
    s_now += first->msg.patience_us - 1000;
    s_tick ();
    for (size_t index = 0; index < 2; index++) {
        s_letter_t *again = s_letter (ZSEQ_OP_NEXT);
        cr_assert_eq (again->node, s_order[1]);
        cr_assert_eq (again->msg.count, 2 + index);
    }
    s_assert_silent ();
    cr_assert_eq (s_burnt (), 5);
    cr_assert_eq (zseq_lines_stats (s_lines)->late, 2);
    cr_assert (!s_answer (first));
    cr_assert (!s_answer (second));
    cr_assert_eq (s_ended_count, 0);
}

//  P3: whoever reaches a majority makes progress, however slow its coordinators
//  were before, and however little time there is.
Test (lines, leave_a_request_the_time_to_do_without_its_coordinator)
{
    s_turn (3);
    uint64_t deadline_us = s_now + 80000;
    s_add_until (0, 1, 1, deadline_us);
    s_flush ();
    for (size_t at = 0; at < 3; at++) {
        cr_assert_eq (s_letter (ZSEQ_OP_NEXT)->node, s_order[at]);
        s_assert_silent ();
        s_wait ();
    }
    cr_assert_lt (s_now, deadline_us);
    s_letter_to_all (ZSEQ_OP_CLAIM);
}

//  Who looks at its clock late must not ask the same one for ever.
Test (lines, pass_over_a_coordinator_whose_request_has_ended_meanwhile)
{
    s_turn (3);
    s_add_until (0, 1, 1, s_now + 80000);
    s_flush ();
    cr_assert_eq (s_letter (ZSEQ_OP_NEXT)->node, s_order[0]);
    s_now += 80000;
    s_tick ();
    cr_assert_eq (s_riders[0].status, ZSEQ_ETIMEOUT);
    s_add (1, 1);
    s_flush ();
    cr_assert_eq (s_letter (ZSEQ_OP_NEXT)->node, s_order[1]);
}

Test (lines, are_more_patient_with_a_coordinator_that_takes_long)
{
    s_turn (3);
    s_add (0, 1);
    s_flush ();
    uint64_t before_us = s_letters[s_read].msg.patience_us;
    for (size_t call = 0; call < 30; call++) {
        s_now += 20000;
        s_answer (s_letter (ZSEQ_OP_NEXT));
        s_add (0, 1);
        s_flush ();
    }
    uint64_t after_us = s_letters[s_read].msg.patience_us;
    cr_assert_eq (before_us, 50000);
    cr_assert_gt (after_us, 100000);
    cr_assert_leq (after_us, 8 * 20001);
    cr_assert_eq (zseq_lines_wake_us (s_lines), s_now + after_us);
}

//  Claims of long ago, which took long, tell nothing of coordinators that have
//  answered since.
Test (lines, go_by_a_coordinator_s_own_round_trips)
{
    s_open (3);
    s_draw_ids (1);
    s_crowded = S_ALL;
    s_add (0, 1);
    s_flush ();
    s_now += 400000;
    s_answer_all ();
    s_add (1, 1);
    s_flush ();
    s_letter_t *letter = s_letter (ZSEQ_OP_NEXT);
    cr_assert_geq (letter->msg.patience_us, 8 * 50000);
    s_now += 20000;
    s_answer (letter);
    s_add (2, 1);
    s_flush ();
    letter = s_letter (ZSEQ_OP_NEXT);
    cr_assert_eq (letter->msg.patience_us, 8 * 20000, "%lu",
                  letter->msg.patience_us);
    s_finish ();
}

Test (lines, ignore_what_another_node_or_another_op_answers_to_a_next)
{
    s_turn (3);
    s_add (0, 2);
    s_flush ();
    s_letter_t *letter = s_letter (ZSEQ_OP_NEXT);
    zseq_msg_t msg = s_reply_to (letter, s_order[1], ZSEQ_OK);
    msg.first = 5000;
    cr_assert (!zseq_lines_reply (s_lines, &msg, s_now));
    msg = s_reply_to (letter, s_order[0], ZSEQ_OK);
    msg.first = 5000;
    msg.op = ZSEQ_OP_CLAIM;
    cr_assert (!zseq_lines_reply (s_lines, &msg, s_now));
    msg = s_reply_to (letter, s_order[0], ZSEQ_OK);
    msg.first = 5000;
    msg.request++;
    cr_assert (!zseq_lines_reply (s_lines, &msg, s_now));
    cr_assert_eq (s_ended_count, 0);
    s_flush ();
    s_assert_silent ();
    uint64_t next = s_next[0];
    s_answer (letter);
    s_assert_got (&s_riders[0], next, 2);
}

//  A node that has lost its mind, or an enemy's.
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

Test (lines, do_not_believe_a_range_that_cannot_be)
{
    for (size_t index = 0; index < sizeof s_ranges / sizeof s_ranges[0];
         index++) {
        s_ended_count = s_sent = s_read = 0;
        s_turn (3);
        uint64_t next = s_next[0];
        s_add_at_least (0, 10, 3);
        s_flush ();
        s_letter_t *letter = s_letter (ZSEQ_OP_NEXT);
        zseq_msg_t msg = s_reply_to (letter, letter->node, ZSEQ_OK);
        msg.first = s_ranges[index].first;
        msg.count = s_ranges[index].count;
        cr_assert (zseq_lines_reply (s_lines, &msg, s_now));
        if (s_ranges[index].believed)
            s_assert_got (&s_riders[0], msg.first, msg.count);
        else {
            cr_assert_eq (s_ended_count, 0, "range %zu", index);
            s_flush ();
            letter = s_letter (ZSEQ_OP_NEXT);
            cr_assert_eq (letter->node, s_order[1]);
            s_answer (letter);
            s_assert_got (&s_riders[0], next, 10);
        }
        s_close ();
    }
}

Test (lines, believe_a_coordinator_that_the_sequence_has_ended)
{
    s_turn (3);
    s_interfere (ZSEQ_ID_MAX - 5 - (s_next[0] - 1));
    s_add (0, 6);
    s_add (1, 7);
    s_flush ();
    s_answer (s_letter (ZSEQ_OP_NEXT));
    cr_assert_eq (s_ended_count, 2);
    cr_assert_eq (s_riders[0].status, ZSEQ_EEXHAUSTED);
    cr_assert_eq (s_riders[1].status, ZSEQ_EEXHAUSTED);
    s_add_at_least (0, 6, 1);
    s_flush ();
    s_answer (s_letter (ZSEQ_OP_NEXT));
    s_assert_got (&s_riders[0], ZSEQ_ID_MAX - 4, 5);
    cr_assert_eq (s_burnt (), 0);
}

Test (lines, burn_what_a_coordinator_was_asked_for_nobody)
{
    s_turn (3);
    s_add (0, 2);
    s_flush ();
    zseq_line_cancel (&s_riders[0]);
    cr_assert_eq (s_burnt (), 2);
    cr_assert (zseq_line_idle (s_line));
    cr_assert (!s_answer (s_letter (ZSEQ_OP_NEXT)));
    s_add (0, 3);
    s_flush ();
    s_letter (ZSEQ_OP_NEXT);
    zseq_lines_end (s_lines, ZSEQ_ETIMEOUT);
    cr_assert_eq (s_burnt (), 5);
}

//  Nobody coordinates: all were passed over.
static void
s_pass_all (void)
{
    s_turn (3);
    for (uint8_t node = 0; node < 3; node++)
        s_refusal[node] = ZSEQ_ENOTVOTING;
    s_add (0, 1);
    s_flush ();
    for (size_t at = 0; at < 3; at++) {
        s_letter_t *letter = s_letter (ZSEQ_OP_NEXT);
        cr_assert_eq (letter->node, s_order[at]);
        s_answer (letter);
        s_flush ();
    }
    memset (s_refusal, 0, sizeof s_refusal);
}

Test (lines, claim_again_when_all_coordinators_are_passed_over)
{
    s_pass_all ();
    uint64_t next = s_next[0];
    s_letter_t *letter = s_letter_to_all (ZSEQ_OP_CLAIM);
    s_assert_silent ();
    cr_assert_eq (letter->msg.first, next);
    s_read -= 3;
    s_finish ();
    s_assert_got (&s_riders[0], next, 1);
}

//  One conflict after the other: that must not become a storm.
Test (lines, pause_between_claims_when_all_coordinators_are_passed_over)
{
    s_pass_all ();
    s_rival = 3;
    s_riders[0].deadline_us = UINT64_MAX;
    uint64_t start_us = s_now;
    uint64_t claims = 0;
    //  From the sixteenth conflict on it would leap over the rival.
    while (claims < 16) {
        //  Those who are asked whether they answer do not.
        for (size_t index = s_read; index < s_sent; index++) {
            s_letter_t *letter = &s_letters[index];
            claims += letter->msg.op == ZSEQ_OP_CLAIM && letter->node == 0;
            cr_assert_neq (letter->msg.op, ZSEQ_OP_NEXT);
            letter->answered |= letter->msg.op == ZSEQ_OP_READ;
        }
        if (s_read < s_sent)
            s_answer_all ();
        else
            s_wait ();
    }
    cr_assert_eq (s_ended_count, 0);
    cr_assert_geq (s_now - start_us, 16 * TRIP_US + 15 * 1000);
}

//  Claims of one line that collide would be conflicts with nobody else.
Test (lines, let_claims_follow_each_other_when_all_are_passed_over)
{
    s_pass_all ();
    s_finish ();
    uint64_t next = s_next[0];
    s_add (0, 5);
    s_flush ();
    cr_assert_eq (s_letter_to_all (ZSEQ_OP_CLAIM)->msg.first, next);
    s_add (1, 3);
    s_flush ();
    if (s_read < s_sent)
        cr_assert_eq (s_letter_to_all (ZSEQ_OP_CLAIM)->msg.first, next + 5);
}

//  Lets so much time pass that the node passed over is asked whether it answers,
//  which another request brings about.
static s_letter_t *
s_probe (void)
{
    s_now += 1000000;
    s_add (0, 1);
    s_flush ();
    s_letter_t *next = s_letter (ZSEQ_OP_NEXT);
    s_letter_t *probe = s_letter (ZSEQ_OP_READ);
    s_assert_silent ();
    cr_assert_eq (next->node, s_order[1]);
    cr_assert_eq (probe->node, s_order[0]);
    cr_assert_neq (probe->msg.request, next->msg.request);
    s_answer (next);
    cr_assert_eq (s_riders[0].status, ZSEQ_OK);
    return probe;
}

static void
s_pass_first (void)
{
    s_turn (3);
    s_refusal[s_order[0]] = ZSEQ_ENOTVOTING;
    s_draw_ids (1);
    s_refusal[s_order[0]] = ZSEQ_OK;
}

static uint8_t
s_asked (void)
{
    s_add (0, 1);
    s_flush ();
    s_letter_t *letter = s_letter (ZSEQ_OP_NEXT);
    s_answer (letter);
    return letter->node;
}

Test (lines, take_a_coordinator_back_that_answers_a_question)
{
    s_pass_first ();
    s_now += PROBE_US / 2;
    cr_assert_eq (s_asked (), s_order[1]);
    s_assert_silent ();
    s_letter_t *probe = s_probe ();
    cr_assert_eq (s_asked (), s_order[1]);
    cr_assert (s_answer (probe));
    cr_assert_eq (s_asked (), s_order[0]);
    s_assert_silent ();
}

Test (lines, do_not_take_a_coordinator_back_that_refuses_a_question)
{
    s_pass_first ();
    s_letter_t *probe = s_probe ();
    s_refusal[s_order[0]] = ZSEQ_ENOTVOTING;
    cr_assert (s_answer (probe));
    cr_assert_eq (s_asked (), s_order[1]);
    s_refusal[s_order[0]] = ZSEQ_OK;
    cr_assert (!s_answer (probe));
    cr_assert_eq (s_asked (), s_order[1]);
    cr_assert (s_answer (s_probe ()));
    cr_assert_eq (s_asked (), s_order[0]);
}

//  One that answers a READ and refuses each NEXT is not tried all the time.
Test (lines, try_a_coordinator_ever_less_often_that_never_does_it)
{
    s_turn (3);
    s_served = 2;
    size_t tries = 0;
    for (size_t call = 0; call < 1000; call++) {
        s_now += 20000;
        s_sent = s_read = s_ended_count = 0;
        s_add (0, 1);
        s_flush ();
        for (; s_read < s_sent; s_flush ()) {
            s_letter_t *letter = &s_letters[s_read++];
            bool tried =
              letter->msg.op == ZSEQ_OP_NEXT && letter->node == s_order[0];
            tries += tried;
            s_refusal[letter->node] = tried ? ZSEQ_EFULL : ZSEQ_OK;
            s_answer (letter);
        }
        cr_assert_eq (s_riders[0].status, ZSEQ_OK);
    }
    //  In twenty seconds.
    cr_assert_gt (tries, 3);
    cr_assert_lt (tries, 12);
}

Test (lines, try_a_coordinator_soon_again_that_has_served_meanwhile)
{
    s_pass_first ();
    for (size_t call = 0; call < 4; call++) {
        s_letter_t *probe = s_probe ();
        s_refusal[s_order[0]] = call < 3 ? ZSEQ_ENOTVOTING : ZSEQ_OK;
        cr_assert (s_answer (probe));
    }
    cr_assert_eq (s_asked (), s_order[0]);
    s_refusal[s_order[0]] = ZSEQ_ENOTVOTING;
    s_draw_ids (1);
    s_now += PROBE_US;
    cr_assert_eq (s_asked (), s_order[1]);
    cr_assert_eq (s_letter (ZSEQ_OP_READ)->node, s_order[0]);
}

Test (lines, ask_only_nodes_that_would_come_first)
{
    s_turn (5);
    s_cut = 1u << s_order[0] | 1u << s_order[1];
    cr_assert_eq (s_asked (), s_order[2]);
    s_cut = 0;
    s_now += 1000000;
    s_add (0, 1);
    s_flush ();
    s_letter (ZSEQ_OP_NEXT);
    s_letter_t *first = s_letter (ZSEQ_OP_READ);
    s_letter_t *second = s_letter (ZSEQ_OP_READ);
    s_assert_silent ();
    cr_assert_eq (first->node, s_order[0]);
    cr_assert_eq (second->node, s_order[1]);
    //  The second one of them is of no use while the first is back.
    s_answer (first);
    s_answer (&s_letters[s_read - 3]);
    s_now += 1000000;
    cr_assert_eq (s_asked (), s_order[0]);
    s_assert_silent ();
}

//  The way back.

//  Counts the requests that a coordinator gets, until one is claimed.
static uint64_t
s_count_until_claim (void)
{
    for (uint64_t count = 0;; count++) {
        cr_assert_leq (count, 2 * ALONE_MAX);
        s_sent = s_read = s_ended_count = 0;
        s_add (0, 1);
        s_flush ();
        if (s_letters[0].msg.op == ZSEQ_OP_CLAIM)
            return count;
        s_answer (s_letter (ZSEQ_OP_NEXT));
        cr_assert_eq (s_riders[0].status, ZSEQ_OK);
    }
}

//  Of the two requests that s_turn makes, the second asked the coordinator.
Test (lines, claim_again_after_64_replies_that_served_nobody_else)
{
    s_turn (3);
    uint64_t count = s_count_until_claim () + 1;
    cr_assert_eq (count, ALONE, "%lu", count);
    s_finish ();
    s_draw_ids (1);
    cr_assert_eq (s_letters[s_sent - 1].msg.op, ZSEQ_OP_CLAIM);
    cr_assert_eq (zseq_lines_stats (s_lines)->conflicts, 1);
}

Test (lines, count_anew_when_a_reply_served_another)
{
    s_turn (3);
    for (size_t call = 0; call < 10 * ALONE; call++) {
        s_sent = s_read = s_ended_count = 0;
        s_served = call % (ALONE - 1) == 0 ? 2 : 1;
        s_asked ();
    }
    s_served = 1;
    uint64_t count = s_count_until_claim ();
    cr_assert_leq (count, 2 * ALONE);
    cr_assert_gt (count, 0);
}

//  Two requests on their way, of which the coordinator has both in hand.
//  Returns whether a claim followed.
static bool
s_keep_two_out (uint64_t served, uint64_t calls)
{
    s_served = served;
    s_add (0, 1);
    s_flush ();
    s_letter_t oldest = *s_letter (ZSEQ_OP_NEXT);
    for (uint64_t call = 1; call <= calls; call++) {
        s_sent = s_read = s_ended_count = 0;
        s_add (call % 2, 1);
        s_flush ();
        if (s_sent && s_letters[0].msg.op != ZSEQ_OP_NEXT)
            return true;
        s_answer (&oldest);
        s_flush ();
        if (!s_sent || s_letters[0].msg.op != ZSEQ_OP_NEXT)
            return true;
        oldest = s_letters[0];
    }
    return false;
}

Test (lines, are_no_company_to_themselves)
{
    s_turn (3);
    cr_assert (s_keep_two_out (2, 3 * ALONE));
    s_finish ();
}

Test (lines, tell_others_from_their_own_requests)
{
    s_turn (3);
    cr_assert (!s_keep_two_out (3, 10 * ALONE));
    s_finish ();
}

Test (lines, wait_twice_as_long_after_a_further_conflict)
{
    s_turn (3);
    uint64_t before = s_count_until_claim () + 1;
    for (size_t turn = 0; turn < 10; turn++) {
        //  The claim that is on its way meets another client.
        s_interfere (10);
        s_finish ();
        uint64_t count = s_count_until_claim () + 1;
        uint64_t twice = 2 * before < ALONE_MAX ? 2 * before : ALONE_MAX;
        cr_assert_eq (count, twice, "%lu after %lu", count, before);
        before = count;
    }
    cr_assert_eq (before, ALONE_MAX);
}

//  Crowded nodes: wire.md, section 6.9.

//  Which op an ID is drawn by, when those nodes say that they are crowded.
static zseq_op_t
s_drawn_by (uint32_t crowded)
{
    s_sent = s_read = s_ended_count = 0;
    s_crowded = crowded;
    s_draw_ids (1);
    return s_letters[s_sent - 1].msg.op;
}

Test (lines, leave_names_to_coordinators_while_nodes_are_crowded)
{
    s_open (3);
    cr_assert_eq (s_drawn_by (0), ZSEQ_OP_CLAIM);
    cr_assert_eq (s_drawn_by (S_ALL), ZSEQ_OP_CLAIM);
    for (size_t call = 0; call < 200; call++)
        cr_assert_eq (s_drawn_by (S_ALL), ZSEQ_OP_NEXT);
    cr_assert_eq (s_letters[s_sent - 1].node, s_order[0]);
    cr_assert_eq (s_drawn_by (0), ZSEQ_OP_NEXT);
    for (size_t call = 0; call < 200; call++)
        cr_assert_eq (s_drawn_by (0), ZSEQ_OP_CLAIM);
    cr_assert_eq (s_burnt (), 0);
    cr_assert_eq (zseq_lines_stats (s_lines)->conflicts, 0);
}

//  Those who are heard are W, of three.
Test (lines, take_a_coordinator_and_w_nodes_for_a_crowd)
{
    for (size_t absent = 0; absent < 3; absent++)
        for (uint32_t crowded = 0; crowded < 8; crowded++) {
            s_open (3);
            s_mute = 1u << s_order[absent];
            uint32_t told = crowded & ~s_mute;
            bool left =
              __builtin_popcount (told) == 2 && told & (1u << s_order[0]);
            cr_assert_eq (s_drawn_by (crowded), ZSEQ_OP_CLAIM);
            if (absent == 0)
                s_mute = 0;
            cr_assert_eq (s_drawn_by (crowded),
                          left ? ZSEQ_OP_NEXT : ZSEQ_OP_CLAIM);
            s_mute = 0;
            s_close ();
        }
}

Test (lines, leave_also_a_new_name_to_its_coordinator_in_a_crowd)
{
    s_open (3);
    s_drawn_by (S_ALL);
    cr_assert_eq (s_drawn_by (S_ALL), ZSEQ_OP_NEXT);
    for (uint8_t node = 0; node < 3; node++) {
        //  Its own coordinator may not have been heard of yet.
        zseq_line_t *bills = zseq_line_new (s_lines, "bills", 5);
        s_riders[1] = (zseq_rider_t){
          .count = 3, .count_min = 3, .deadline_us = s_now + LIMIT_US};
        zseq_line_add (bills, &s_riders[1]);
        s_flush ();
        s_finish ();
        cr_assert_eq (s_riders[1].status, ZSEQ_OK);
        zseq_line_free (&bills);
    }
    zseq_op_t op = s_letters[s_sent - 1].msg.op;
    cr_assert_eq (op, ZSEQ_OP_NEXT, "%d", op);
}

Test (lines, claim_in_a_crowd_when_all_coordinators_are_passed_over)
{
    s_open (3);
    s_drawn_by (S_ALL);
    cr_assert_eq (s_drawn_by (S_ALL), ZSEQ_OP_NEXT);
    for (uint8_t node = 0; node < 3; node++)
        s_refusal[node] = ZSEQ_EBUSY;
    s_add (0, 1);
    s_flush ();
    s_answer (s_letter (ZSEQ_OP_NEXT));
    s_flush ();
    while (s_letters[s_read].msg.op == ZSEQ_OP_NEXT) {
        s_answer (s_letter (ZSEQ_OP_NEXT));
        s_flush ();
    }
    memset (s_refusal, 0, sizeof s_refusal);
    s_letter_to_all (ZSEQ_OP_CLAIM);
    s_answer_all ();
}

//  wire.md, section 16: a larger W is not the coordinator's.
Test (lines, never_ask_a_coordinator_if_w_is_above_the_majority)
{
    s_make (3, 3);
    zseq_lines_open (s_lines, &s_quorum, &s_rendezvous);
    s_crowded = S_ALL;
    s_draw_ids (1);
    for (size_t call = 0; call < 100; call++) {
        s_interfere (10);
        s_draw_ids (1);
    }
    cr_assert_eq (zseq_lines_stats (s_lines)->conflicts, 100);
    for (size_t index = 0; index < s_sent; index++)
        cr_assert_neq (s_letters[index].msg.op, ZSEQ_OP_NEXT);
}

Test (lines, ask_no_coordinator_if_there_is_none)
{
    s_make (3, 0);
    zseq_lines_open (s_lines, &s_quorum, NULL);
    s_crowded = S_ALL;
    s_draw_ids (1);
    for (size_t call = 0; call < 100; call++) {
        s_interfere (10);
        s_draw_ids (1);
    }
    for (size_t index = 0; index < s_sent; index++)
        cr_assert_neq (s_letters[index].msg.op, ZSEQ_OP_NEXT);
}

//  Whatever happens.

#define SEEDS 300
#define STEPS 600
#define IDS_MAX 65536
#define BAG_MAX 4096

enum { CLAIMED = 1, COORDINATED = 2, HANDED_OUT = 4, RIVALS = 8 };

static uint8_t s_ids[IDS_MAX];     //  What became of each
static zseq_msg_t s_bag[BAG_MAX];  //  Replies on their way
static size_t s_bag_count;
static bool s_active[RIDERS_MAX];
static uint64_t s_seed;

static void
s_mark_ids (uint64_t first, uint64_t count, uint8_t what)
{
    cr_assert_leq (first + count, (uint64_t) IDS_MAX);
    for (uint64_t id = first; id < first + count; id++)
        s_ids[id] |= what;
}

//  S7: nobody gets what another one has.
static void
s_done_and_mark (void *arg, zseq_rider_t *rider)
{
    cr_assert_eq (arg, &s_drawn);
    size_t index = (size_t) (rider - s_riders);
    cr_assert (s_active[index]);
    s_active[index] = false;
    if (rider->status == ZSEQ_ETIMEOUT) {
        cr_assert_leq (rider->deadline_us, s_now);
        return;
    }
    cr_assert_eq (rider->status, ZSEQ_OK);
    cr_assert_geq (rider->first, 1);
    cr_assert_lt (rider->first + rider->count, (uint64_t) IDS_MAX);
    for (uint64_t id = rider->first; id < rider->first + rider->count; id++)
        cr_assert (s_ids[id] == CLAIMED || s_ids[id] == COORDINATED,
                   "seed %lu, ID %lu: %d", s_seed, id, s_ids[id]);
    s_mark_ids (rider->first, rider->count, HANDED_OUT);
}

static void
s_put_reply (const zseq_msg_t *msg)
{
    cr_assert_lt (s_bag_count, (size_t) BAG_MAX);
    s_bag[s_bag_count++] = *msg;
}

//  A letter arrives, which may be one of two; but a NEXT is claimed for each
//  time.
static void
s_deliver (size_t index, bool twice)
{
    s_letter_t letter = s_letters[index];
    if (!twice || letter.msg.op == ZSEQ_OP_NEXT)
        s_letters[index] = s_letters[--s_sent];
    uint8_t node = letter.node;
    zseq_msg_t msg = s_reply_to (&letter, node, s_refusal[node]);
    if (msg.status == ZSEQ_OK && msg.op == ZSEQ_OP_NEXT) {
        msg.status = s_coordinate (&letter, &msg.first, &msg.count);
        s_mark_ids (msg.first, msg.count, COORDINATED);
    }
    if (msg.status == ZSEQ_OK && msg.op == ZSEQ_OP_CLAIM) {
        zseq_seq_t seq = {s_next[node]};
        msg.status = zseq_seq_accept (&seq, msg.first, msg.count);
        msg.next = s_next[node] = seq.next;
        if (msg.status == ZSEQ_OK)
            s_mark_ids (msg.first, msg.count, CLAIMED);
    }
    s_put_reply (&msg);
}

static void
s_hear (size_t index, bool twice)
{
    zseq_msg_t msg = s_bag[index];
    if (!twice)
        s_bag[index] = s_bag[--s_bag_count];
    zseq_lines_reply (s_lines, &msg, s_now);
}

static void
s_join_or_leave (uint64_t *seed)
{
    size_t index = test_random_below (seed, 16);
    if (s_active[index] && test_random_below (seed, 4) == 0) {
        s_active[index] = false;
        zseq_line_cancel (&s_riders[index]);
    }
    else if (!s_active[index]) {
        uint64_t count = 1 + test_random_below (seed, 12);
        uint64_t count_min = 1 + test_random_below (seed, count);
        uint64_t patience_us = 1 + test_random_below (seed, 400000);
        s_active[index] = true;
        s_add_until (index, count, count_min, s_now + patience_us);
    }
}

static void
s_rival_claims (uint64_t *seed)
{
    zseq_msg_t msg = {.count = 1 + test_random_below (seed, 12),
                      .count_min = 1};
    s_letter_t letter = {.msg = msg};
    cr_assert_eq (s_coordinate (&letter, &msg.first, &msg.count), ZSEQ_OK);
    s_mark_ids (msg.first, msg.count, RIVALS);
}

static void
s_step (uint64_t *seed)
{
    uint8_t node = (uint8_t) test_random_below (seed, s_quorum.n);
    switch (test_random_below (seed, 16)) {
    case 0:
    case 1:
        s_join_or_leave (seed);
        break;
    case 2:
        s_cut = (uint32_t) (test_random (seed) & test_random (seed)) &
                ((1u << s_quorum.n) - 1);
        break;
    case 3:
        s_refusal[node] =
          test_random_below (seed, 3) ? ZSEQ_OK : ZSEQ_ENOTVOTING;
        break;
    case 4:
        s_rival_claims (seed);
        break;
    case 5:
        s_now += test_random_below (seed, 60000);
        zseq_lines_tick (s_lines, s_now);
        break;
    case 6:
        if (s_bag_count) {
            size_t lost = test_random_below (seed, s_bag_count);
            s_bag[lost] = s_bag[--s_bag_count];
        }
        break;
    default:
        s_now += test_random_below (seed, TRIP_US);
        if (s_sent)
            s_deliver (test_random_below (seed, s_sent),
                       test_random_below (seed, 16) == 0);
        if (s_bag_count)
            s_hear (test_random_below (seed, s_bag_count),
                    test_random_below (seed, 16) == 0);
        zseq_lines_tick (s_lines, s_now);
    }
    s_flush ();
}

static void
s_run (uint64_t seed)
{
    s_make (1 + test_random_below (&seed, 5), 0);
    zseq_line_free (&s_line);
    zseq_lines_destroy (&s_lines);
    zseq_lines_hooks_t hooks = {&s_drawn, s_ask, s_done_and_mark, s_draw};
    s_lines = zseq_lines_new (&hooks);
    s_line = zseq_line_new (s_lines, "orders", 6);
    zseq_lines_open (s_lines, &s_quorum, &s_rendezvous);
    s_sent = s_bag_count = 0;
    s_cut = 0;
    memset (s_refusal, 0, sizeof s_refusal);
    memset (s_ids, 0, sizeof s_ids);
    for (size_t step = 0; step < STEPS; step++)
        s_step (&seed);

    //  All get what they want once nothing is in the way, or have expired.
    s_cut = 0;
    memset (s_refusal, 0, sizeof s_refusal);
    for (int round = 0; zseq_lines_busy (s_lines); round++) {
        cr_assert_lt (round, 10000, "seed %lu", s_seed);
        while (s_sent)
            s_deliver (0, false);
        while (s_bag_count)
            s_hear (0, false);
        if (zseq_lines_busy (s_lines))
            s_wait ();
    }
    cr_assert (zseq_line_idle (s_line));
    for (size_t index = 0; index < RIDERS_MAX; index++)
        cr_assert (!s_active[index]);

    //  What a coordinator claimed and nobody got is burnt, and counted as that.
    uint64_t burnt = 0;
    for (size_t id = 0; id < IDS_MAX; id++)
        burnt += s_ids[id] == COORDINATED;
    cr_assert_leq (burnt, s_burnt (), "seed %lu: %lu, counted %lu", s_seed,
                   burnt, s_burnt ());
    s_close ();
}

Test (lines, give_each_id_to_one_request_whatever_happens)
{
    for (s_seed = 1; s_seed <= SEEDS; s_seed++)
        s_run (s_seed);
}
