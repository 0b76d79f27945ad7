//  Tests recovery by force, which an operator orders when too few peers vote.

#include <criterion/criterion.h>

#include "zseq_recovery_fixture.h"

Test (recovery, by_force_waits_for_nobody_who_recovers_itself)
{
    enum { A, B, C };
    fixture_setup (3);
    fixture_fill ("orders", fixture_n);
    fixture_lose (B);
    fixture_lose (C);
    fixture_rounds (200);
    zseq_force_t force = {.floor = 5, .wait_us = UINT64_MAX};
    zseq_testbed_kill (fixture_world, B);
    zseq_testbed_start (fixture_world, B, &force);
    cr_assert (zseq_testbed_votes (fixture_world, B, 200));
    cr_assert_eq (fixture_read ("orders", B), 11, "but for a, which has it");
}

Test (recovery, of_two_takes_force)
{
    enum { A, B };
    fixture_setup (2);
    fixture_fill ("orders", fixture_n);
    fixture_lose (B);
    fixture_rounds (1);
    cr_assert_eq (zseq_testbed_ended (fixture_world, B), ZSEQ_EQUORUM);
    cr_assert (zseq_testbed_logged (fixture_world, B, "zseqd recover --force"));
    zseq_force_t force = {.floor = 1, .wait_us = 1000000};
    zseq_testbed_start (fixture_world, B, &force);
    cr_assert (zseq_testbed_votes (fixture_world, B, 200));
    cr_assert_eq (fixture_read ("orders", B), 11);
}

Test (recovery, by_force_lets_no_name_go_on_below_the_floor)
{
    fixture_setup (1);
    fixture_fill ("orders", fixture_n);
    fixture_fill ("damaged", fixture_n);
    zseq_testbed_kill (fixture_world, 0);
    zseq_testbed_damage (fixture_world, 0, "damaged");
    zseq_testbed_start (fixture_world, 0, NULL);
    fixture_rounds (1);
    cr_assert_eq (zseq_testbed_ended (fixture_world, 0), ZSEQ_EQUORUM);
    zseq_force_t force = {.floor = 1000, .wait_us = 1000000};
    zseq_testbed_start (fixture_world, 0, &force);
    cr_assert (zseq_testbed_votes (fixture_world, 0, 200));
    for (int start = 0; start < 2; start++) {
        cr_assert_eq (fixture_read ("orders", 0), 1000);
        cr_assert_eq (fixture_read ("damaged", 0), 1000);
        cr_assert_eq (fixture_read ("new", 0), 1000);
        zseq_testbed_kill (fixture_world, 0);
        zseq_testbed_start (fixture_world, 0, NULL);
        fixture_rounds (1);
    }
    fixture_client_t *low = fixture_claim ("orders", 11, 1);
    fixture_send (low, 0);
    cr_assert_eq (low->status, ZSEQ_ECONFLICT);
    cr_assert_eq (low->next, 1000);
    fixture_client_t *claim = fixture_claim ("orders", 1000, 5);
    fixture_send (claim, 0);
    cr_assert (fixture_won (claim));
}

Test (recovery, by_force_lets_no_reserved_name_go_on_where_others_may_have_been)
{
    static const char since_1970[] = "$flake/41-10-12/0/17";
    static const char since_2025[] = "$flake/41-10-12/1735689600000/17";
    static const char since_2286[] = "$flake/41-10-12/10000000000000/17";
    fixture_setup (1);
    fixture_fill ("damaged", fixture_n);
    zseq_testbed_kill (fixture_world, 0);
    zseq_testbed_damage (fixture_world, 0, "damaged");
    zseq_force_t force = {.floor = ZSEQ_NEXT_MAX / 2, .wait_us = 1000000};
    zseq_testbed_start (fixture_world, 0, &force);
    cr_assert (zseq_testbed_votes (fixture_world, 0, 200));
    cr_assert_eq (fixture_read ("orders", 0), ZSEQ_NEXT_MAX / 2);

    //  Each claim had to be within a minute of the clock.
    uint64_t now_ms =
      ZSEQ_TESTBED_WALL_MS + zseq_testbed_now_us (fixture_world) / 1000;
    uint64_t floor_ms = zseq_testbed_record (fixture_world, 0)->floor_reserved;
    cr_assert_leq (floor_ms, now_ms + 60000);
    cr_assert_geq (floor_ms, now_ms + 59000);
    for (int start = 0; start < 2; start++) {
        cr_assert_eq (fixture_read (since_1970, 0), floor_ms);
        cr_assert_eq (fixture_read (since_2025, 0), floor_ms - 1735689600000);
        cr_assert_eq (fixture_read (since_2286, 0), 1);
        zseq_testbed_kill (fixture_world, 0);
        zseq_testbed_start (fixture_world, 0, NULL);
        fixture_rounds (1);
    }
    fixture_client_t *low = fixture_claim (since_1970, floor_ms - 1, 1);
    fixture_send (low, 0);
    cr_assert_eq (low->status, ZSEQ_ECONFLICT);
    cr_assert_eq (low->next, floor_ms);
    fixture_rounds (100);
    fixture_client_t *claim = fixture_claim (since_1970, floor_ms, 1000);
    fixture_send (claim, 0);
    cr_assert (fixture_won (claim));
    cr_assert_eq (zseq_testbed_disk_limit (fixture_world, 0, since_1970),
                  floor_ms + 1000);
}

Test (recovery, by_force_needs_somebody_who_knows_the_cluster)
{
    fixture_setup (3);
    for (uint8_t node = 0; node < 3; node++)
        zseq_testbed_kill (fixture_world, node);
    zseq_testbed_wipe (fixture_world, 0);
    zseq_force_t force = {.floor = 1, .wait_us = 1000000};
    zseq_testbed_start (fixture_world, 0, &force);
    fixture_rounds (200);
    cr_assert_eq (zseq_testbed_ended (fixture_world, 0), ZSEQ_EUNAVAILABLE);
}

//  `zseqd recover --force` ends as soon as a votes. b and c, whose directories
//  are older, have put its new incarnation in force, and go on below the floor.
Test (recovery, a_forced_floor_binds_who_answered_fence)
{
    enum { A, B, C };
    fixture_setup (3);
    zseq_testbed_kill (fixture_world, A);
    zseq_force_t force = {.floor = 1000, .wait_us = 1000000};
    zseq_testbed_start (fixture_world, A, &force);
    cr_assert (zseq_testbed_votes (fixture_world, A, 500));
    zseq_testbed_kill (fixture_world, A);
    fixture_client_t *below = fixture_claim ("orders", 1, 10);
    fixture_send (below, B);
    fixture_send (below, C);
    cr_expect (!fixture_won (below), "IDs below the floor after the recovery");
}

//  b answers: it was told to recover, and its directory is whole.
Test (recovery, by_force_does_not_say_that_who_answers_is_silent)
{
    enum { A, B, C };
    fixture_setup (3);
    for (uint8_t node = A; node <= C; node++)
        zseq_testbed_kill (fixture_world, node);
    zseq_testbed_start_to_recover (fixture_world, B);
    zseq_force_t force = {.floor = 5, .wait_us = 1000000, .lost = 1u << C};
    zseq_testbed_start (fixture_world, A, &force);
    fixture_rounds (200);
    cr_expect (
      !zseq_testbed_logged (fixture_world, A, "these do not answer: b"));
    cr_expect (!zseq_testbed_logged (fixture_world, A, "--lost b"),
               "it leads to giving up a whole directory");
    cr_expect (
      zseq_testbed_logged (fixture_world, A,
                           "these do not vote now, but may do so later "
                           "with what is on their disks: b"));
}
