//  What the tests of the batcher share (see the header for the functions).
//
//  A node is its next ID (test_next), the status of its refusals
//  (test_refusal), and a bit each that says whether it is silent, unreachable
//  or congested (test_mute, test_cut, test_congested). test_ask, the batcher's
//  hook, appends each message to test_letters. test_answer makes the reply that
//  a node would send: to a CLAIM by the code of the library (zseq_seq_accept),
//  to a NEXT as a coordinator that always succeeds. Time is test_now. Only
//  test_wait, test_answer_all and tests themselves move it.

#include "test_batcher_fixture.h"

#include <criterion/criterion.h>
#include <string.h>

#include "zseq_seq.h"

zseq_batcher_t *test_batcher;
zseq_request_queue_t *test_queue;
zseq_quorum_t test_quorum;
zseq_coordinator_rank_t test_rank;
uint8_t test_ranking[ZSEQ_NODES_MAX];
uint64_t test_now;
uint64_t test_drawn;
test_letter_t test_letters[LETTERS_MAX];
size_t test_sent;
size_t test_read;
uint32_t test_cut;
zseq_request_t test_requests[REQUESTS_MAX];
zseq_request_t *test_ended[ENDED_MAX];
size_t test_ended_count;
uint64_t test_next[ZSEQ_NODES_MAX];
int test_refusal[ZSEQ_NODES_MAX];
uint32_t test_mute;
uint64_t test_served;
uint32_t test_congested;
bool test_contended;
uint64_t test_competitor;

bool
test_ask (void *arg, uint8_t node, zseq_msg_t *msg)
{
    cr_assert_eq (arg, &test_drawn);
    cr_assert_lt (node, test_quorum.n);
    cr_assert_eq (msg->reply, false);
    cr_assert_neq (msg->request, 0);
    if (test_cut & (1u << node))
        return false;
    cr_assert_lt (test_sent, LETTERS_MAX);
    test_letters[test_sent++] = (test_letter_t){.msg = *msg, .node = node};
    return true;
}

static void
s_done (void *arg, zseq_request_t *request)
{
    cr_assert_eq (arg, &test_drawn);
    cr_assert_lt (test_ended_count, ENDED_MAX);
    test_ended[test_ended_count++] = request;
}

uint64_t
test_draw (void *arg)
{
    return ++*(uint64_t *) arg;
}

void
test_make (size_t n, size_t w)
{
    static const char labels[] = "abcdefghi";
    zseq_batcher_hooks_t hooks = {
      .arg = &test_drawn, .ask = test_ask, .done = s_done, .draw = test_draw};
    cr_assert_eq (zseq_quorum_init (&test_quorum, n, 0, w), ZSEQ_OK);
    zseq_coordinator_rank_init (&test_rank, test_quorum.n);
    for (uint8_t node = 0; node < test_quorum.n; node++) {
        zseq_coordinator_rank_set_name (&test_rank, node, &labels[node], 1);
        test_next[node] = 1;
    }
    zseq_coordinator_rank_nodes (&test_rank, "orders", 6, test_ranking);
    test_now = 1000000;
    test_served = 1;
    test_congested = 0;
    test_contended = false;
    test_batcher = zseq_batcher_new (&hooks);
    cr_assert (test_batcher);
    test_queue = zseq_request_queue_new (test_batcher, "orders", 6);
    cr_assert (test_queue);
}

void
test_open (size_t n)
{
    test_make (n, 0);
    zseq_batcher_open (test_batcher, &test_quorum, &test_rank);
}

void
test_close (void)
{
    if (test_queue && zseq_request_queue_idle (test_queue))
        zseq_request_queue_free (&test_queue);
    zseq_batcher_destroy (&test_batcher);
}

zseq_request_t *
test_add_until (size_t index, uint64_t count, uint64_t count_min,
                uint64_t deadline_us)
{
    zseq_request_t *request = &test_requests[index];
    *request = (zseq_request_t){.count = count,
                                .count_min = count_min,
                                .deadline_us = deadline_us,
                                .status = 77};
    zseq_request_queue_add (test_queue, request);
    return request;
}

zseq_request_t *
test_add_at_least (size_t index, uint64_t count, uint64_t count_min)
{
    return test_add_until (index, count, count_min, test_now + LIMIT_US);
}

zseq_request_t *
test_add (size_t index, uint64_t count)
{
    return test_add_at_least (index, count, count);
}

void
test_flush (void)
{
    zseq_batcher_flush (test_batcher, test_now);
}

void
test_tick (void)
{
    zseq_batcher_tick (test_batcher, test_now);
    test_flush ();
}

void
test_wait (void)
{
    uint64_t wake_us = zseq_batcher_wake_us (test_batcher);
    cr_assert_lt (wake_us, UINT64_MAX);
    if (test_now < wake_us)
        test_now = wake_us;
    test_tick ();
}

test_letter_t *
test_letter (zseq_op_t op)
{
    cr_assert_lt (test_read, test_sent, "nothing was sent");
    test_letter_t *letter = &test_letters[test_read++];
    cr_assert_eq (letter->msg.op, op, "%d instead of %d", letter->msg.op, op);
    return letter;
}

test_letter_t *
test_letter_to_all (zseq_op_t op)
{
    test_letter_t *first = test_letter (op);
    test_letter_t *letter = first;
    cr_assert_eq (letter->node, 0);
    for (uint8_t node = 1; node < test_quorum.n; node++) {
        letter = test_letter (op);
        cr_assert_eq (letter->node, node);
        cr_assert_eq (letter->msg.request, first->msg.request);
    }
    return letter;
}

void
test_assert_silent (void)
{
    cr_assert_eq (test_read, test_sent, "op %d was sent",
                  test_letters[test_read].msg.op);
}

zseq_msg_t
test_reply_to (const test_letter_t *letter, uint8_t node, int status)
{
    zseq_msg_t msg;
    memset (&msg, 0, sizeof msg);
    msg.op = letter->msg.op;
    msg.reply = true;
    msg.request = letter->msg.request;
    msg.status = status;
    msg.node = node;
    if (msg.op == ZSEQ_OP_NEXT) {
        msg.next = letter->msg.next;
        msg.next.served = test_served;
    }
    else if (msg.op == ZSEQ_OP_CLAIM) {
        msg.claim = letter->msg.claim;
        msg.claim.next = test_next[node];
        msg.claim.last_count = 0;
    }
    else
        msg.read.next = test_next[node];
    msg.congested = test_congested & (1u << node);
    msg.contended = test_contended && msg.op != ZSEQ_OP_NEXT;
    msg.vector.n = test_quorum.n;
    for (uint8_t index = 0; index < msg.vector.n; index++)
        msg.vector.incarnation[index] = (zseq_incarnation_t){1, 1000u + index};
    return msg;
}

int
test_coordinate (const test_letter_t *letter, uint64_t *first_p,
                 uint64_t *count_p)
{
    uint64_t first = 1;
    for (uint8_t node = 0; node < test_quorum.n; node++)
        if (first < test_next[node])
            first = test_next[node];
    uint64_t left = ZSEQ_NEXT_MAX - first;
    if (left < letter->msg.next.count_min)
        return ZSEQ_EEXHAUSTED;
    *first_p = first;
    *count_p = left < letter->msg.next.count ? left : letter->msg.next.count;
    for (uint8_t node = 0; node < test_quorum.n; node++)
        test_next[node] = first + *count_p;
    return ZSEQ_OK;
}

bool
test_answer (test_letter_t *letter)
{
    uint8_t node = letter->node;
    letter->answered = true;
    zseq_msg_t msg = test_reply_to (letter, node, test_refusal[node]);
    if (test_refusal[node])
        return zseq_batcher_reply (test_batcher, &msg, test_now);
    if (msg.op == ZSEQ_OP_NEXT)
        msg.status = test_coordinate (letter, &msg.next.first, &msg.next.count);
    if (msg.op == ZSEQ_OP_CLAIM) {
        zseq_seq_t seq = {test_next[node]};
        msg.status = zseq_seq_accept (&seq, msg.claim.first, msg.claim.count);
        msg.claim.next = test_next[node] = seq.next;
    }
    return zseq_batcher_reply (test_batcher, &msg, test_now);
}

void
test_answer_all (void)
{
    test_now += TRIP_US;
    size_t end = test_sent;
    for (; test_read < end; test_read++) {
        test_letter_t *letter = &test_letters[test_read];
        if (letter->answered || test_mute & (1u << letter->node))
            continue;
        if (letter->msg.op == ZSEQ_OP_CLAIM)
            test_next[letter->node] += test_competitor;
        test_answer (letter);
    }
    test_tick ();
}

void
test_finish (void)
{
    test_flush ();
    for (int round = 0; zseq_batcher_busy (test_batcher); round++) {
        cr_assert_lt (round, 10000);
        if (test_read < test_sent)
            test_answer_all ();
        else
            test_wait ();
    }
    test_assert_silent ();
}

zseq_request_t *
test_draw_ids (uint64_t count)
{
    zseq_request_t *request = test_add (REQUESTS_MAX - 1, count);
    test_finish ();
    cr_assert_eq (request->status, ZSEQ_OK);
    cr_assert_gt (test_ended_count, 0);
    test_ended_count--;
    return request;
}

void
test_assert_got (const zseq_request_t *request, uint64_t first, uint64_t count)
{
    cr_assert_eq (request->status, ZSEQ_OK, "status %d", request->status);
    cr_assert_eq (request->first, first, "%lu instead of %lu", request->first,
                  first);
    cr_assert_eq (request->count, count);
}

uint64_t
test_burnt (void)
{
    return zseq_batcher_stats (test_batcher)->burnt;
}

void
test_interfere (uint64_t count)
{
    for (uint8_t node = 0; node < test_quorum.n; node++)
        test_next[node] += count;
}

void
test_turn (size_t n)
{
    test_open (n);
    test_draw_ids (1);
    test_interfere (10);
    test_draw_ids (1);
    cr_assert_eq (test_letters[test_sent - 1].msg.op, ZSEQ_OP_NEXT);
    cr_assert_eq (test_letters[test_sent - 1].node, test_ranking[0]);
}
