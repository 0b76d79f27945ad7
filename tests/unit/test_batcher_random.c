//  Tests the batcher with requests, replies, competitors and time in random
//  order: no ID goes to two requests.

#include <criterion/criterion.h>
#include <string.h>

#include "test_batcher_fixture.h"
#include "test_random.h"
#include "zseq_seq.h"

//  Random runs.

#define SEEDS 300
#define STEPS 600
#define IDS_MAX 65536
#define BAG_MAX 4096

enum { CLAIMED = 1, COORDINATED = 2, HANDED_OUT = 4, COMPETITORS = 8 };

static uint8_t s_ids[IDS_MAX];     //  State of each ID
static zseq_msg_t s_bag[BAG_MAX];  //  Replies in flight
static size_t s_bag_count;
static bool s_active[REQUESTS_MAX];
static uint64_t s_seed;

static void
s_mark_ids (uint64_t first, uint64_t count, uint8_t what)
{
    cr_assert_leq (first + count, (uint64_t) IDS_MAX);
    for (uint64_t id = first; id < first + count; id++)
        s_ids[id] |= what;
}

//  S7: no request gets an ID that another request has.
static void
s_done_and_mark (void *arg, zseq_request_t *request)
{
    cr_assert_eq (arg, &test_drawn);
    size_t index = (size_t) (request - test_requests);
    cr_assert (s_active[index]);
    s_active[index] = false;
    if (request->status == ZSEQ_ETIMEOUT) {
        cr_assert_leq (request->deadline_us, test_now);
        return;
    }
    cr_assert_eq (request->status, ZSEQ_OK);
    cr_assert_geq (request->first, 1);
    cr_assert_lt (request->first + request->count, (uint64_t) IDS_MAX);
    for (uint64_t id = request->first; id < request->first + request->count;
         id++)
        cr_assert (s_ids[id] == CLAIMED || s_ids[id] == COORDINATED,
                   "seed %lu, ID %lu: %d", s_seed, id, s_ids[id]);
    s_mark_ids (request->first, request->count, HANDED_OUT);
}

static void
s_put_reply (const zseq_msg_t *msg)
{
    cr_assert_lt (s_bag_count, (size_t) BAG_MAX);
    s_bag[s_bag_count++] = *msg;
}

//  Delivers a letter to its node. With twice, the letter stays in flight and
//  arrives once more. A NEXT never does, because a coordinator would claim each
//  time.
static void
s_deliver (size_t index, bool twice)
{
    test_letter_t letter = test_letters[index];
    if (!twice || letter.msg.op == ZSEQ_OP_NEXT)
        test_letters[index] = test_letters[--test_sent];
    uint8_t node = letter.node;
    zseq_msg_t msg = test_reply_to (&letter, node, test_refusal[node]);
    if (msg.status == ZSEQ_OK && msg.op == ZSEQ_OP_NEXT) {
        msg.status =
          test_coordinate (&letter, &msg.next.first, &msg.next.count);
        s_mark_ids (msg.next.first, msg.next.count, COORDINATED);
    }
    if (msg.status == ZSEQ_OK && msg.op == ZSEQ_OP_CLAIM) {
        zseq_seq_t seq = {test_next[node]};
        msg.status = zseq_seq_accept (&seq, msg.claim.first, msg.claim.count);
        msg.claim.next = test_next[node] = seq.next;
        if (msg.status == ZSEQ_OK)
            s_mark_ids (msg.claim.first, msg.claim.count, CLAIMED);
    }
    s_put_reply (&msg);
}

static void
s_hear (size_t index, bool twice)
{
    zseq_msg_t msg = s_bag[index];
    if (!twice)
        s_bag[index] = s_bag[--s_bag_count];
    zseq_batcher_reply (test_batcher, &msg, test_now);
}

static void
s_join_or_leave (uint64_t *seed)
{
    size_t index = test_random_below (seed, 48);
    if (s_active[index] && test_random_below (seed, 4) == 0) {
        s_active[index] = false;
        zseq_request_queue_cancel (&test_requests[index]);
    }
    else if (!s_active[index]) {
        uint64_t count = 1 + test_random_below (seed, 12);
        uint64_t count_min = 1 + test_random_below (seed, count);
        uint64_t wait_us = 1 + test_random_below (seed, 400000);
        s_active[index] = true;
        test_add_until (index, count, count_min, test_now + wait_us);
    }
}

static void
s_competitor_claims (uint64_t *seed)
{
    zseq_msg_t msg = {
      .next = {.count = 1 + test_random_below (seed, 12), .count_min = 1}};
    test_letter_t letter = {.msg = msg};
    cr_assert_eq (test_coordinate (&letter, &msg.next.first, &msg.next.count),
                  ZSEQ_OK);
    s_mark_ids (msg.next.first, msg.next.count, COMPETITORS);
}

static void
s_step (uint64_t *seed)
{
    uint8_t node = (uint8_t) test_random_below (seed, test_quorum.n);
    switch (test_random_below (seed, 16)) {
    case 0:
    case 1:
        s_join_or_leave (seed);
        break;
    case 2:
        test_cut = (uint32_t) (test_random (seed) & test_random (seed)) &
                   ((1u << test_quorum.n) - 1);
        break;
    case 3:
        test_refusal[node] =
          test_random_below (seed, 3) ? ZSEQ_OK : ZSEQ_ENOTVOTING;
        break;
    case 4:
        s_competitor_claims (seed);
        break;
    case 5:
        test_now += test_random_below (seed, 60000);
        zseq_batcher_tick (test_batcher, test_now);
        break;
    case 6:
        if (s_bag_count) {
            size_t lost = test_random_below (seed, s_bag_count);
            s_bag[lost] = s_bag[--s_bag_count];
        }
        break;
    default:
        test_now += test_random_below (seed, TRIP_US);
        if (test_sent)
            s_deliver (test_random_below (seed, test_sent),
                       test_random_below (seed, 16) == 0);
        if (s_bag_count)
            s_hear (test_random_below (seed, s_bag_count),
                    test_random_below (seed, 16) == 0);
        zseq_batcher_tick (test_batcher, test_now);
    }
    test_flush ();
}

static void
s_run (uint64_t seed)
{
    test_make (1 + test_random_below (&seed, 5), 0);
    zseq_request_queue_free (&test_queue);
    zseq_batcher_destroy (&test_batcher);
    zseq_batcher_hooks_t hooks = {.arg = &test_drawn,
                                  .ask = test_ask,
                                  .done = s_done_and_mark,
                                  .draw = test_draw};
    test_batcher = zseq_batcher_new (&hooks);
    test_queue = zseq_request_queue_new (test_batcher, "orders", 6);
    zseq_batcher_open (test_batcher, &test_quorum, &test_rank);
    test_sent = s_bag_count = 0;
    test_cut = 0;
    memset (test_refusal, 0, sizeof test_refusal);
    memset (s_ids, 0, sizeof s_ids);
    for (size_t step = 0; step < STEPS; step++)
        s_step (&seed);

    //  With all faults repaired, every request is served or has expired.
    test_cut = 0;
    memset (test_refusal, 0, sizeof test_refusal);
    for (int round = 0; zseq_batcher_busy (test_batcher); round++) {
        cr_assert_lt (round, 10000, "seed %lu", s_seed);
        while (test_sent)
            s_deliver (0, false);
        while (s_bag_count)
            s_hear (0, false);
        if (zseq_batcher_busy (test_batcher))
            test_wait ();
    }
    cr_assert (zseq_request_queue_idle (test_queue));
    for (size_t index = 0; index < REQUESTS_MAX; index++)
        cr_assert (!s_active[index]);

    //  IDs that a coordinator claimed and no request got are burnt, and counted
    //  as burnt.
    uint64_t burnt = 0;
    for (size_t id = 0; id < IDS_MAX; id++)
        burnt += s_ids[id] == COORDINATED;
    cr_assert_leq (burnt, test_burnt (), "seed %lu: %lu, counted %lu", s_seed,
                   burnt, test_burnt ());
    test_close ();
}

Test (batcher, gives_each_id_to_one_request_whatever_happens)
{
    for (s_seed = 1; s_seed <= SEEDS; s_seed++)
        s_run (s_seed);
}
