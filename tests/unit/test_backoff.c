//  Tests the pauses between attempts.

#include <criterion/criterion.h>
#include <inttypes.h>

#include "zseq_backoff.h"

Test (backoff, first_pause_is_at_most_half_a_round_trip)
{
    for (uint64_t seed = 0; seed < 1000; seed++) {
        zseq_backoff_t backoff;
        zseq_backoff_init (&backoff, 200, seed);
        cr_assert_leq (zseq_backoff_next (&backoff), 100);
        zseq_backoff_init (&backoff, 0, seed);
        cr_assert_eq (zseq_backoff_next (&backoff), 0);
    }
}

Test (backoff, bound_doubles_up_to_the_longest_pause)
{
    const uint64_t rtts_us[] = {
      0, 1, 3, 200, 1000000, 2 * ZSEQ_PAUSE_US_MAX, UINT64_MAX};
    for (size_t index = 0; index < sizeof rtts_us / sizeof *rtts_us; index++) {
        zseq_backoff_t backoff;
        zseq_backoff_init (&backoff, rtts_us[index], 1);
        for (int round = 0; round < 100; round++) {
            uint64_t bound_us = backoff.pause_us;
            cr_assert_geq (bound_us, 1);
            cr_assert_leq (bound_us, ZSEQ_PAUSE_US_MAX);
            cr_assert_lt (zseq_backoff_next (&backoff), bound_us);
            uint64_t doubled_us = 2 * bound_us < ZSEQ_PAUSE_US_MAX
                                    ? 2 * bound_us
                                    : ZSEQ_PAUSE_US_MAX;
            cr_assert_eq (backoff.pause_us, doubled_us);
        }
        cr_assert_eq (backoff.pause_us, ZSEQ_PAUSE_US_MAX);
    }
}

Test (backoff, pauses_are_spread_evenly_below_the_bound)
{
    enum { SLOTS = 8, DRAWS = 80000 };
    zseq_backoff_t backoff;
    zseq_backoff_init (&backoff, 4 * ZSEQ_PAUSE_US_MAX, 1);
    unsigned drawn[SLOTS] = {0};
    for (int draw = 0; draw < DRAWS; draw++)
        drawn[zseq_backoff_next (&backoff) * SLOTS / ZSEQ_PAUSE_US_MAX]++;
    for (int slot = 0; slot < SLOTS; slot++) {
        cr_expect_gt (drawn[slot], DRAWS / SLOTS * 95 / 100);
        cr_expect_lt (drawn[slot], DRAWS / SLOTS * 105 / 100);
    }
}

Test (backoff, same_seed_gives_the_same_pauses)
{
    zseq_backoff_t one;
    zseq_backoff_t two;
    zseq_backoff_t other;
    zseq_backoff_init (&one, 1000, 42);
    zseq_backoff_init (&two, 1000, 42);
    zseq_backoff_init (&other, 1000, 43);
    int differing = 0;
    for (int round = 0; round < 100; round++) {
        uint64_t pause_us = zseq_backoff_next (&one);
        cr_expect_eq (zseq_backoff_next (&two), pause_us);
        differing += zseq_backoff_next (&other) != pause_us;
    }
    cr_expect_gt (differing, 90);
}
