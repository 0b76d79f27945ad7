//  Tests the automatic batch of a handle. Time is an argument, so that each
//  test says when IDs are used; s_use uses them at an even rate.

#include <criterion/criterion.h>

#include "test_random.h"
#include "zseq_usage.h"

#define START_US 5000000u

static zseq_usage_t s_usage;
static uint64_t s_now_us;
static uint64_t s_issued;

static void
s_setup (void)
{
    s_now_us = START_US;
    s_issued = 0;
    zseq_usage_init (&s_usage, s_now_us, s_issued);
}

//  Uses count IDs in each millisecond of so many, and notes each.
static void
s_use (uint64_t count, uint64_t ms)
{
    for (uint64_t i = 0; i < ms; i++) {
        s_now_us += 1000;
        s_issued += count;
        zseq_usage_note (&s_usage, s_now_us, s_issued);
    }
}

static uint64_t
s_batch (void)
{
    return zseq_usage_batch (&s_usage, s_now_us, s_issued, 1);
}

Test (usage, begins_with_batch_1, .init = s_setup)
{
    cr_assert_eq (s_batch (), 1);
}

Test (usage, follows_what_10_ms_use, .init = s_setup)
{
    s_use (1000, 500);
    cr_assert_eq (s_batch (), 10000);
    s_use (50, 500);
    cr_assert_eq (s_batch (), 500);
    s_use (1000000, 500);
    cr_assert_eq (s_batch (), 10000000);
}

Test (usage, keeps_no_buffer_for_less_than_an_id_in_10_ms, .init = s_setup)
{
    for (int i = 0; i < 100; i++) {
        s_now_us += 12000;
        s_issued++;
        cr_assert_eq (s_batch (), 1);
    }
}

Test (usage, grows_by_no_more_than_was_used, .init = s_setup)
{
    //  Each claim is used at once, and takes 100 us.
    uint64_t batch = 1;
    for (int claims = 0; claims < 25; claims++) {
        s_now_us += 100;
        s_issued += batch;
        zseq_usage_note (&s_usage, s_now_us, s_issued);
        batch = s_batch ();
        cr_assert_leq (batch, s_issued);
    }
    //  Even so it grows fast.
    cr_assert_gt (batch, 1000000);
}

Test (usage, does_not_grow_while_nothing_is_used, .init = s_setup)
{
    s_use (10, 1);
    for (int i = 0; i < 100; i++) {
        s_now_us += 10;
        s_issued++;
        cr_assert_leq (s_batch (), s_issued);
    }
}

Test (usage, forgets_a_load_that_stopped_100_ms_ago, .init = s_setup)
{
    s_use (1000, 500);
    s_now_us += ZSEQ_USAGE_WINDOW_US + 1;
    s_issued++;
    cr_assert_eq (s_batch (), 1);
}

Test (usage, lasts_for_two_claims_that_take_long, .init = s_setup)
{
    s_use (1000, 500);
    zseq_usage_note_claim (&s_usage, 20000);
    cr_assert_eq (s_batch (), 40000);
    zseq_usage_note_claim (&s_usage, 200000);
    cr_assert_leq (s_batch (), 100000);
    zseq_usage_note_claim (&s_usage, 100);
    cr_assert_eq (s_batch (), 10000);
}

Test (usage, counts_one_late_claim_for_little, .init = s_setup)
{
    s_use (1000, 500);
    zseq_usage_note_claim (&s_usage, 200);
    zseq_usage_note_claim (&s_usage, 18200);
    cr_assert_eq (s_batch (), 10000);
}

//  A claim that takes longer than the window must not end with batches of 1.
Test (usage, grows_while_claims_take_long, .init = s_setup)
{
    uint64_t batch = 1;
    for (int claims = 0; claims < 20; claims++) {
        //  Two ranges come, and are taken at once.
        s_now_us += 150000;
        zseq_usage_note (&s_usage, s_now_us, s_issued);
        zseq_usage_note_claim (&s_usage, 150000);
        s_issued += 2 * batch;
        s_now_us += 10;
        batch = zseq_usage_batch (&s_usage, s_now_us, s_issued, batch);
    }
    cr_assert_gt (batch, 100000);
}

//  So must a caller that waits for each claim of one ID.
Test (usage, begins_to_grow_while_claims_take_long, .init = s_setup)
{
    for (int claims = 0; claims < 3; claims++) {
        s_now_us += 150000;
        s_issued++;
        zseq_usage_note_claim (&s_usage, 150000);
        cr_assert_eq (s_batch (), claims > 0 ? 2 : 1);
    }
    //  But not one that pauses longer.
    for (int claims = 0; claims < 3; claims++) {
        s_now_us += 610000;
        s_issued++;
        cr_assert_eq (s_batch (), 1);
    }
}

Test (usage, keeps_the_batch_that_was_too_small, .init = s_setup)
{
    s_use (1000, 500);
    cr_assert_eq (zseq_usage_batch (&s_usage, s_now_us, s_issued, 30000),
                  30000);
    cr_assert_leq (zseq_usage_batch (&s_usage, s_now_us, s_issued, 200000),
                   100000);
}

Test (usage, is_never_above_its_limit, .init = s_setup)
{
    s_use ((uint64_t) 1 << 40, 500);
    cr_assert_eq (s_batch (), ZSEQ_USAGE_BATCH_MAX);
}

//  Threads read the clock, and then wait for the lock.
Test (usage, accepts_a_time_before_the_last, .init = s_setup)
{
    s_use (1000, 500);
    uint64_t batch = s_batch ();
    zseq_usage_note (&s_usage, s_now_us - 3000, s_issued);
    cr_assert_eq (s_batch (), batch);
    cr_assert_leq (zseq_usage_batch (&s_usage, s_now_us - 50000, s_issued, 1),
                   150 * 1000);
}

Test (usage, is_stale_when_no_range_came_for_a_second, .init = s_setup)
{
    zseq_usage_note_range (&s_usage, s_now_us);
    cr_assert (!zseq_usage_stale (&s_usage, s_now_us + ZSEQ_USAGE_STALE_US));
    cr_assert (zseq_usage_stale (&s_usage, s_now_us + ZSEQ_USAGE_STALE_US + 1));
}

//  The thread read the clock before the range came.
Test (usage, is_not_stale_when_a_range_came_after_that_time, .init = s_setup)
{
    zseq_usage_note_range (&s_usage, s_now_us);
    cr_assert (!zseq_usage_stale (&s_usage, s_now_us - 1));
    cr_assert (!zseq_usage_stale (&s_usage, 0));
}

//  What the last 100 ms used, found by looking at each use.
#define USES 20000

Test (usage, takes_no_more_than_100_ms_used, .init = s_setup)
{
    static uint64_t us[USES];
    static uint64_t issued[USES];
    uint64_t seed = 11;
    size_t first = 0;
    uint64_t before = 0;
    for (size_t i = 0; i < USES; i++) {
        //  Mostly busy, with pauses of all lengths.
        bool pauses = test_random_below (&seed, 50) == 0;
        s_now_us += test_random_below (&seed, pauses ? 300000 : 3000);
        s_issued += test_random_below (&seed, 2000);
        us[i] = s_now_us;
        issued[i] = s_issued;
        if (test_random_below (&seed, 4) == 0)
            zseq_usage_note_claim (&s_usage, test_random_below (&seed, 50000));
        if (test_random_below (&seed, 2) == 0)
            zseq_usage_note (&s_usage, s_now_us, s_issued);
        for (; us[first] + ZSEQ_USAGE_WINDOW_US < s_now_us; first++)
            before = issued[first];
        uint64_t wanted = test_random_below (&seed, 100000);
        uint64_t batch =
          zseq_usage_batch (&s_usage, s_now_us, s_issued, wanted);
        cr_assert (batch == 1 || batch <= s_issued - before,
                   "%lu of %lu at %zu", batch, s_issued - before, i);
    }
}
