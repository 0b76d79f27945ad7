//  Tests a sequence replica.

#include <criterion/criterion.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "test_random.h"
#include "zseq_seq.h"

static zseq_seq_t
s_seq (uint64_t next)
{
    zseq_seq_t seq;
    zseq_seq_init (&seq, next);
    return seq;
}

Test (seq, begins_where_it_is_told)
{
    cr_expect_eq (s_seq (1).next, 1);
    cr_expect_eq (s_seq (ZSEQ_NEXT_MAX).next, ZSEQ_NEXT_MAX);
}

Test (seq, accepts_a_range_at_next)
{
    zseq_seq_t seq = s_seq (1);
    cr_expect_eq (zseq_seq_accept (&seq, 1, 1000), ZSEQ_OK);
    cr_expect_eq (seq.next, 1001);
    cr_expect_eq (zseq_seq_accept (&seq, 1001, 1), ZSEQ_OK);
    cr_expect_eq (seq.next, 1002);
}

Test (seq, accepts_a_range_above_next)
{
    zseq_seq_t seq = s_seq (10);
    cr_expect_eq (zseq_seq_accept (&seq, 500, 7), ZSEQ_OK);
    cr_expect_eq (seq.next, 507);
}

//  S1, also where the range ends above next: "accept iff the new value is
//  higher" would hand out the same IDs twice.
Test (seq, refuses_a_range_below_next)
{
    zseq_seq_t seq = s_seq (101);
    cr_expect_eq (zseq_seq_accept (&seq, 100, 1), ZSEQ_ECONFLICT);
    cr_expect_eq (zseq_seq_accept (&seq, 100, 1000), ZSEQ_ECONFLICT);
    cr_expect_eq (zseq_seq_accept (&seq, 1, ZSEQ_COUNT_MAX), ZSEQ_ECONFLICT);
    cr_expect_eq (seq.next, 101);
}

Test (seq, refuses_the_same_range_twice)
{
    zseq_seq_t seq = s_seq (1);
    cr_expect_eq (zseq_seq_accept (&seq, 1, 10), ZSEQ_OK);
    cr_expect_eq (zseq_seq_accept (&seq, 1, 10), ZSEQ_ECONFLICT);
    cr_expect_eq (seq.next, 11);
}

Test (seq, accepts_ranges_up_to_the_last_id)
{
    zseq_seq_t seq = s_seq (1);
    cr_expect_eq (zseq_seq_accept (&seq, ZSEQ_ID_MAX, 1), ZSEQ_OK);
    cr_expect_eq (seq.next, ZSEQ_NEXT_MAX);

    seq = s_seq (1);
    cr_expect_eq (
      zseq_seq_accept (&seq, ZSEQ_NEXT_MAX - ZSEQ_COUNT_MAX, ZSEQ_COUNT_MAX),
      ZSEQ_OK);
    cr_expect_eq (seq.next, ZSEQ_NEXT_MAX);
}

Test (seq, refuses_ranges_past_the_last_id)
{
    zseq_seq_t seq = s_seq (5);
    cr_expect_eq (zseq_seq_accept (&seq, ZSEQ_ID_MAX, 2), ZSEQ_EEXHAUSTED);
    cr_expect_eq (zseq_seq_accept (&seq, ZSEQ_ID_MAX, ZSEQ_COUNT_MAX),
                  ZSEQ_EEXHAUSTED);
    cr_expect_eq (zseq_seq_accept (&seq, ZSEQ_NEXT_MAX - ZSEQ_COUNT_MAX + 1,
                                   ZSEQ_COUNT_MAX),
                  ZSEQ_EEXHAUSTED);
    cr_expect_eq (zseq_seq_accept (&seq, ZSEQ_NEXT_MAX, 1), ZSEQ_EEXHAUSTED);
    cr_expect_eq (zseq_seq_accept (&seq, UINT64_MAX, 1), ZSEQ_EEXHAUSTED);
    cr_expect_eq (zseq_seq_accept (&seq, UINT64_MAX, ZSEQ_COUNT_MAX),
                  ZSEQ_EEXHAUSTED);
    cr_expect_eq (seq.next, 5);
}

//  See wire.md, section 9.
Test (seq, is_exhausted_rather_than_in_conflict_past_the_end)
{
    zseq_seq_t seq = s_seq (ZSEQ_NEXT_MAX);
    cr_expect_eq (zseq_seq_accept (&seq, ZSEQ_ID_MAX, 2), ZSEQ_EEXHAUSTED);
    cr_expect_eq (zseq_seq_accept (&seq, ZSEQ_ID_MAX, 1), ZSEQ_ECONFLICT);
    cr_expect_eq (seq.next, ZSEQ_NEXT_MAX);
}

Test (seq, raises_and_never_lowers)
{
    zseq_seq_t seq = s_seq (10);
    zseq_seq_raise (&seq, 9);
    cr_expect_eq (seq.next, 10);
    zseq_seq_raise (&seq, 10);
    cr_expect_eq (seq.next, 10);
    zseq_seq_raise (&seq, 11);
    cr_expect_eq (seq.next, 11);
    zseq_seq_raise (&seq, 1);
    cr_expect_eq (seq.next, 11);
    zseq_seq_raise (&seq, ZSEQ_NEXT_MAX);
    cr_expect_eq (seq.next, ZSEQ_NEXT_MAX);
    cr_expect_eq (zseq_seq_accept (&seq, ZSEQ_ID_MAX, 1), ZSEQ_ECONFLICT);
}

//  Compares the replica with one flag per ID, for the lowest and the highest
//  IDs.
#define IDS 512

static void
s_check_against_flags (uint64_t seed, uint64_t base)
{
    uint64_t state = seed;
    for (int round = 0; round < 300; round++) {
        bool taken[2 * IDS] = {false};
        zseq_seq_t seq = s_seq (base);
        for (int step = 0; step < 60; step++) {
            uint64_t at = test_random_below (&state, IDS);
            uint64_t count = 1 + test_random_below (&state, 40);
            if (test_random_below (&state, 8) == 0) {
                zseq_seq_raise (&seq, base + at);
                for (uint64_t id = 0; id < at; id++)
                    taken[id] = true;
            }
            else {
                //  No ID at or above the start has been taken.
                int expected = ZSEQ_OK;
                for (uint64_t id = at; id < 2 * IDS; id++)
                    if (taken[id])
                        expected = ZSEQ_ECONFLICT;
                if (base + at + count > ZSEQ_NEXT_MAX)
                    expected = ZSEQ_EEXHAUSTED;
                cr_assert_eq (zseq_seq_accept (&seq, base + at, count),
                              expected, "seed %" PRIu64 " round %d step %d",
                              seed, round, step);
                //  Skipped IDs are burnt.
                if (expected == ZSEQ_OK)
                    for (uint64_t id = 0; id < at + count; id++)
                        taken[id] = true;
            }
            uint64_t next = 0;
            while (next < 2 * IDS && taken[next])
                next++;
            cr_assert_eq (seq.next, base + next);
        }
    }
}

Test (seq, takes_what_flags_for_every_id_would_take)
{
    s_check_against_flags (1, 1);
    s_check_against_flags (2, 1u << 31);
    s_check_against_flags (3, ZSEQ_NEXT_MAX - IDS);
    s_check_against_flags (4, ZSEQ_NEXT_MAX - IDS + 1);
}

Test (seq, asserts_that_ids_begin_at_1, .signal = SIGABRT)
{
    s_seq (0);
}

Test (seq, asserts_that_a_claim_takes_something, .signal = SIGABRT)
{
    zseq_seq_t seq = s_seq (1);
    zseq_seq_accept (&seq, 1, 0);
}
