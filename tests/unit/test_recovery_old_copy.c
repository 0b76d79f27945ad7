//  Tests nodes whose directory is an old copy: they learn that before they
//  vote.

#include <criterion/criterion.h>

#include "zseq_recovery_fixture.h"

Test (recovery, an_old_copy_hears_of_its_newer_incarnation_and_recovers)
{
    enum { A, B, C };
    fixture_setup (3);
    zseq_testbed_kill (fixture_world, B);
    zseq_disk_t *old = zseq_testbed_keep (fixture_world, B);
    zseq_testbed_start (fixture_world, B, NULL);
    cr_assert (zseq_testbed_votes (fixture_world, B, 100));
    fixture_fill ("orders", C);
    fixture_lose (B);
    cr_assert (zseq_testbed_votes (fixture_world, B, 100));
    zseq_testbed_kill (fixture_world, B);
    zseq_testbed_put_back (fixture_world, B, &old);
    zseq_testbed_start (fixture_world, B, NULL);
    fixture_rounds (2);
    cr_assert (
      zseq_testbed_logged (fixture_world, B, "an old copy of its directory"));
    cr_assert (zseq_testbed_votes (fixture_world, B, 100));
    cr_assert_eq (fixture_incarnation (B, B), 3);
    cr_assert_eq (fixture_read ("orders", B), 11);
}

//  B has accepted a claim that C's old copy could complete, although C has
//  accepted a competitor since the copy.
Test (recovery, an_old_copy_does_not_vote_before_it_has_asked)
{
    enum { A, B, C };
    fixture_setup (3);
    zseq_disk_t *old = zseq_testbed_keep (fixture_world, C);
    fixture_client_t *claim = fixture_claim ("orders", 1, 10);
    fixture_client_t *competitor = fixture_claim ("orders", 1, 10);
    fixture_send (claim, B);
    fixture_send (competitor, A);
    fixture_send (competitor, C);
    cr_assert (fixture_won (competitor));
    fixture_lose (C);
    cr_assert (zseq_testbed_votes (fixture_world, C, 100));
    zseq_testbed_kill (fixture_world, C);
    zseq_testbed_put_back (fixture_world, C, &old);
    //  C reaches no node, and no node reaches C. The client reaches all.
    fixture_close_all ();
    zseq_testbed_start (fixture_world, C, NULL);
    fixture_rounds (100);
    fixture_send (claim, C);
    cr_assert_eq (claim->status, ZSEQ_ENOTVOTING);
    cr_assert (!fixture_won (claim));
    fixture_open_all ();
    cr_assert (zseq_testbed_votes (fixture_world, C, 100));
    cr_assert_eq (fixture_incarnation (C, C), 3);
}

//  The recovery of E reached A, B and C, but not D.
Test (recovery, an_old_copy_asks_enough_peers_that_one_must_know)
{
    enum { A, B, C, D, E };
    fixture_setup (5);
    zseq_disk_t *old = zseq_testbed_keep (fixture_world, E);
    fixture_set (D, E, false);
    for (uint8_t node = A; node <= C; node++)
        fixture_set (D, node, false);
    fixture_lose (E);
    cr_assert (zseq_testbed_votes (fixture_world, E, 100));
    zseq_testbed_kill (fixture_world, E);
    zseq_testbed_put_back (fixture_world, E, &old);
    fixture_close_all ();
    fixture_set (D, E, true);
    zseq_testbed_start (fixture_world, E, NULL);
    fixture_rounds (100);
    cr_assert_eq (zseq_testbed_state (fixture_world, E), ZSEQ_STATE_STARTING);
    fixture_set (A, E, true);
    fixture_rounds (500);
    cr_assert (
      zseq_testbed_logged (fixture_world, E, "an old copy of its directory"));
    fixture_open_all ();
    cr_assert (zseq_testbed_votes (fixture_world, E, 100));
    cr_assert_eq (fixture_incarnation (E, E), 3);
}
