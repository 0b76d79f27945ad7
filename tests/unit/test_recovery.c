//  Tests the recovery of nodes that lose their disks, in a simulated cluster.
//
//  fixture_setup makes a cluster of n nodes that has formed. fixture_lose
//  destroys a node's disk and starts it again. fixture_set, fixture_close_all
//  and fixture_open_all decide which nodes reach each other, and fixture_rounds
//  lets time pass. fixture_claim makes a client whose claim of [1, 11) a test
//  sends to single nodes, and fixture_won says whether a quorum has accepted
//  it. The claims and crashes of a test follow the counterexample that stands
//  before it: S4 and S5 are in lib/doc/design.md.

#include <criterion/criterion.h>
#include <stdio.h>

#include "zseq_recovery_fixture.h"

Test (recovery, brings_back_what_the_others_know)
{
    fixture_setup (3);
    fixture_fill ("orders", fixture_n);
    fixture_lose (1);
    cr_assert (zseq_testbed_votes (fixture_world, 1, 100));
    cr_assert_eq (fixture_read ("orders", 1), 11);
    cr_assert_eq (zseq_testbed_disk_limit (fixture_world, 1, "orders"), 11);
    cr_assert_eq (fixture_incarnation (1, 1), 2);
    cr_assert_eq (fixture_incarnation (1, 0), 2);
    cr_assert_eq (fixture_incarnation (1, 2), 2);
}

//  S4 in claims: b accepts a claim, loses its disk and recovers. Its acceptance
//  must not complete the claim any more.
Test (recovery, a_claim_does_not_count_what_a_lost_disk_had_accepted)
{
    enum { A, B, C };
    fixture_setup (3);
    fixture_client_t *first = fixture_claim ("orders", 1, 10);
    fixture_send (first, B);
    cr_assert_eq (first->status, ZSEQ_OK);
    fixture_lose (B);
    cr_assert (zseq_testbed_votes (fixture_world, B, 100));
    fixture_send (first, A);
    cr_assert_eq (first->answered, 2);
    cr_assert_eq (first->status, ZSEQ_OK);
    cr_assert (!fixture_won (first), "b has forgotten what it accepted");
    fixture_client_t *second = fixture_claim ("orders", 1, 10);
    fixture_send (second, B);
    fixture_send (second, C);
    cr_assert (fixture_won (second));
}

//  S4 in recoveries: Z loses its disk and hears only A. Then A loses its disk,
//  and with it Z's fence, so that a claim which Z had accepted completes at A
//  and B. A's answer to Z must not count together with the answers of X and D,
//  which do not know that claim.
Test (recovery, does_not_count_the_answer_of_an_incarnation_that_has_ended)
{
    enum { X, Z, A, B, D };
    fixture_setup (5);
    fixture_client_t *first = fixture_claim ("orders", 1, 10);
    fixture_send (first, Z);
    cr_assert_eq (first->status, ZSEQ_OK);

    fixture_close_all ();
    fixture_set (Z, A, true);
    fixture_lose (Z);
    fixture_rounds (20);
    cr_assert_eq (fixture_incarnation (Z, A), 2);
    cr_assert_eq (fixture_incarnation (Z, X), 1);

    fixture_set (Z, A, false);
    fixture_set_hello (Z, A, false);
    fixture_set (A, X, true);
    fixture_set (A, B, true);
    fixture_set (A, D, true);
    fixture_lose (A);
    cr_assert (zseq_testbed_votes (fixture_world, A, 100));
    cr_assert_eq (fixture_incarnation (A, A), 2);
    cr_assert_eq (fixture_incarnation (Z, A), 1, "A has forgotten Z's fence");
    cr_assert_eq (fixture_incarnation (A, X), 2);
    fixture_close_all ();
    fixture_send (first, A);
    fixture_send (first, B);
    cr_assert (fixture_won (first));

    fixture_set (Z, X, true);
    fixture_set (Z, D, true);
    fixture_rounds (100);
    cr_assert_eq (fixture_incarnation (Z, X), 2);
    cr_assert_eq (fixture_incarnation (Z, D), 2);
    cr_assert_eq (zseq_testbed_state (fixture_world, Z), ZSEQ_STATE_RECOVERING,
                  "only the answers of X and D count");
    fixture_client_t *second = fixture_claim ("orders", 1, 10);
    fixture_send (second, X);
    fixture_send (second, Z);
    fixture_send (second, D);
    cr_assert (!fixture_won (second), "the same IDs twice");

    fixture_open_all ();
    cr_assert (zseq_testbed_votes (fixture_world, Z, 200));
    cr_assert_eq (fixture_read ("orders", Z), 11);
}

//  Why each node has incarnations, rather than the cluster one epoch number: Z
//  begins two incarnations and reaches only X. X then accepts a claim and loses
//  its disk. What X told Z and the claim belongs to X's old incarnation,
//  however high Z's number was.
Test (recovery, incarnations_of_different_nodes_are_not_compared)
{
    enum { X, Z, A, B, D };
    fixture_setup (5);
    fixture_close_all ();
    fixture_set (Z, X, true);
    fixture_lose (Z);
    fixture_rounds (20);
    cr_assert_eq (fixture_incarnation (Z, X), 2);
    zseq_testbed_kill (fixture_world, Z);
    zseq_testbed_start (fixture_world, Z, NULL);
    fixture_rounds (20);
    cr_assert_eq (fixture_incarnation (Z, X), 3);

    fixture_client_t *first = fixture_claim ("orders", 1, 10);
    fixture_send (first, X);
    cr_assert_eq (first->status, ZSEQ_OK);
    fixture_set (Z, X, false);
    fixture_set_hello (Z, X, false);
    fixture_set (X, A, true);
    fixture_set (X, B, true);
    fixture_set (X, D, true);
    fixture_lose (X);
    cr_assert (zseq_testbed_votes (fixture_world, X, 100));
    cr_assert_eq (fixture_incarnation (Z, X), 1, "X has forgotten Z's fence");

    fixture_close_all ();
    fixture_set (Z, A, true);
    fixture_set (Z, B, true);
    fixture_rounds (100);
    cr_assert_eq (fixture_incarnation (Z, A), 3);
    bool votes = zseq_testbed_state (fixture_world, Z) == ZSEQ_STATE_VOTING;
    fixture_send (first, A);
    fixture_send (first, B);
    fixture_client_t *second = fixture_claim ("orders", 1, 10);
    fixture_send (second, X);
    fixture_send (second, Z);
    fixture_send (second, D);
    cr_assert (!fixture_won (first) || !fixture_won (second),
               "the same IDs twice");
    cr_assert (!votes, "only the answers of A and B count");
    cr_assert (!fixture_won (first), "only the votes of A and B count");
}

//  A recovery that was cut short begins anew. The node must not vote on the
//  part that it had copied.
Test (recovery, begins_anew_when_it_was_cut_short)
{
    enum { A, B, C };
    fixture_setup (3);
    for (int name = 0; name < 300; name++) {
        char text[16];
        snprintf (text, sizeof text, "n%d", name);
        fixture_forget_clients ();
        fixture_fill (text, B);
    }
    zseq_testbed_kill (fixture_world, B);
    for (size_t writes = 0; writes < 300; writes += 23) {
        zseq_testbed_wipe (fixture_world, B);
        zseq_testbed_stick (fixture_world, B, writes);
        zseq_testbed_start (fixture_world, B, NULL);
        fixture_rounds (20);
        cr_assert_eq (zseq_testbed_state (fixture_world, B),
                      ZSEQ_STATE_RECOVERING);
        zseq_testbed_kill (fixture_world, B);
    }
    zseq_testbed_unstick (fixture_world, B);
    zseq_testbed_start (fixture_world, B, NULL);
    cr_assert (zseq_testbed_votes (fixture_world, B, 100));
    cr_assert (zseq_testbed_logged (fixture_world, B,
                                    "recovers: its last recovery was not "
                                    "finished"));
    for (int name = 0; name < 300; name++) {
        char text[16];
        snprintf (text, sizeof text, "n%d", name);
        fixture_forget_clients ();
        cr_assert_eq (fixture_read (text, B), 11);
    }
}

Test (recovery, a_cluster_killed_during_first_claims_comes_back)
{
    fixture_setup (3);
    for (size_t writes = 0; writes < 12; writes++) {
        fixture_forget_clients ();
        fixture_client_t *acknowledged[12];
        for (uint8_t node = 0; node < 3; node++)
            zseq_testbed_stick (fixture_world, node, writes + node);
        for (int name = 0; name < 12; name++) {
            char text[16];
            snprintf (text, sizeof text, "w%zu-%d", writes, name);
            acknowledged[name] = fixture_claim (text, 1, 10);
            for (uint8_t node = 0; node < 3; node++)
                zseq_testbed_send (fixture_world, node,
                                   &acknowledged[name]->msg);
        }
        fixture_rounds (3);
        for (uint8_t node = 0; node < 3; node++) {
            zseq_testbed_kill (fixture_world, node);
            zseq_testbed_unstick (fixture_world, node);
            zseq_testbed_start (fixture_world, node, NULL);
        }
        for (uint8_t node = 0; node < 3; node++)
            cr_assert (zseq_testbed_votes (fixture_world, node, 100));
        for (int name = 0; name < 12; name++) {
            unsigned knows = 0;
            for (uint8_t node = 0; node < 3; node++)
                knows += fixture_read (acknowledged[name]->name, node) == 11;
            cr_assert (!fixture_won (acknowledged[name]) || knows >= 2);
        }
    }
}

Test (recovery, copies_what_is_accepted_and_not_yet_durable)
{
    enum { A, B, C };
    fixture_setup (3);
    fixture_copy = false;
    fixture_lose (B);
    fixture_rounds (20);
    cr_assert_eq (fixture_incarnation (B, A), 2);
    zseq_testbed_stick (fixture_world, A, 0);
    fixture_client_t *first = fixture_claim ("orders", 1, 10);
    fixture_send (first, A);
    cr_assert_eq (first->answered, 0);
    fixture_copy = true;
    cr_assert (zseq_testbed_votes (fixture_world, B, 100));
    cr_assert_eq (fixture_read ("orders", B), 11);
}

//  S5: the node writes its new incarnation and two names, and only then the
//  vote.
Test (recovery, votes_only_when_the_last_write_is_on_disk)
{
    enum { A, B, C };
    fixture_setup (3);
    fixture_fill ("orders", fixture_n);
    fixture_fill ("bills", fixture_n);
    zseq_testbed_stick (fixture_world, B, 3);
    fixture_lose (B);
    fixture_rounds (100);
    cr_assert_eq (zseq_testbed_disk_limit (fixture_world, B, "orders"), 11);
    cr_assert_eq (zseq_testbed_disk_limit (fixture_world, B, "bills"), 11);
    cr_assert_eq (zseq_testbed_state (fixture_world, B), ZSEQ_STATE_RECOVERING);
    zseq_testbed_stick (fixture_world, B, 1);
    fixture_rounds (1);
    cr_assert_eq (zseq_testbed_state (fixture_world, B), ZSEQ_STATE_VOTING);
}

Test (recovery, a_peer_answers_a_fence_only_when_it_is_durable)
{
    enum { A, B, C };
    fixture_setup (3);
    zseq_testbed_stick (fixture_world, A, 0);
    fixture_lose (B);
    fixture_rounds (50);
    cr_assert_eq (fixture_incarnation (B, A), 2, "in force");
    cr_assert_eq (zseq_testbed_state (fixture_world, B), ZSEQ_STATE_RECOVERING);
    zseq_testbed_unstick (fixture_world, A);
    cr_assert (zseq_testbed_votes (fixture_world, B, 100));
}

//  Any process that reaches a node's port can send FENCE. It must fence no
//  node.
Test (recovery, nobody_is_fenced_by_what_anybody_could_say)
{
    enum { A, B, C };
    fixture_setup (3);
    fixture_client_t *self = fixture_client (ZSEQ_OP_FENCE, "");
    self->msg.node = B;
    self->msg.fence.recovery.incarnation = (zseq_incarnation_t){99, 99};
    fixture_send (self, A);
    cr_assert_eq (self->status, ZSEQ_EAGAIN);
    fixture_rounds (100);
    cr_assert_eq (fixture_incarnation (B, A), 1);
    cr_assert_eq (zseq_testbed_state (fixture_world, B), ZSEQ_STATE_VOTING);
    fixture_send (self, A);
    cr_assert_eq (self->status, ZSEQ_ESUPERSEDED,
                  "b is in an older incarnation");
    fixture_client_t *copy = fixture_client (ZSEQ_OP_COPY, "");
    copy->msg.node = B;
    copy->msg.copy.recovery.incarnation = (zseq_incarnation_t){99, 99};
    fixture_send (copy, A);
    cr_assert_eq (copy->status, ZSEQ_ESUPERSEDED);
    copy->msg.node = A;
    fixture_send (copy, A);
    cr_assert_eq (copy->status, ZSEQ_EMEMBERS);
    fixture_fill ("orders", B);
}

Test (recovery, takes_no_part_until_it_is_over)
{
    enum { A, B, C };
    fixture_setup (3);
    fixture_fill ("orders", fixture_n);
    zseq_testbed_kill (fixture_world, C);
    fixture_lose (B);
    fixture_rounds (1000);
    cr_assert_eq (zseq_testbed_state (fixture_world, B), ZSEQ_STATE_RECOVERING);
    cr_assert (zseq_testbed_logged (fixture_world, B,
                                    "cannot vote yet: recovering: "
                                    "found 1 of 2 voting peers; "
                                    "lacks c"));
    for (zseq_op_t op = ZSEQ_OP_READ; op <= ZSEQ_OP_RAISE; op++) {
        fixture_client_t *self = fixture_client (op, "orders");
        if (op == ZSEQ_OP_CLAIM)
            self->msg.claim.first = self->msg.claim.count = 1;
        if (op == ZSEQ_OP_RAISE)
            self->msg.raise.to = 1;
        fixture_send (self, B);
        cr_assert_eq (self->status, ZSEQ_ENOTVOTING);
    }
    zseq_testbed_start (fixture_world, C, NULL);
    cr_assert (zseq_testbed_votes (fixture_world, B, 200));
}

Test (recovery, of_two_nodes_of_three_does_not_happen)
{
    enum { A, B, C };
    fixture_setup (3);
    fixture_fill ("orders", fixture_n);
    fixture_lose (B);
    fixture_lose (C);
    fixture_rounds (2000);
    for (uint8_t node = B; node <= C; node++) {
        cr_assert_eq (zseq_testbed_state (fixture_world, node),
                      ZSEQ_STATE_RECOVERING);
        cr_assert (
          zseq_testbed_logged (fixture_world, node, "cannot vote yet"));
    }
    zseq_force_t force = {.floor = 5, .wait_us = 1000000};
    zseq_testbed_kill (fixture_world, B);
    zseq_testbed_start (fixture_world, B, &force);
    cr_assert (zseq_testbed_votes (fixture_world, B, 200));
    cr_assert_eq (fixture_read ("orders", B), 11, "a told it");
    cr_assert_eq (fixture_read ("other", B), 5);
    cr_assert (zseq_testbed_votes (fixture_world, C, 200), "from a and b");
    cr_assert_eq (fixture_read ("orders", C), 11);
    cr_assert_eq (fixture_read ("other", C), 5, "the floor is part of it");
    cr_assert_eq (zseq_testbed_record (fixture_world, A)->floor, 5,
                  "it is bound");
}

Test (recovery, takes_the_highest_next_of_reserved_names_whatever_the_clock)
{
    enum { A, B, C };
    static const char name[] = "$flake/41-10-12/0/17";
    fixture_setup (3);
    fixture_client_t *claim =
      fixture_claim (name, ZSEQ_TESTBED_WALL_MS + 50000, 1000);
    fixture_send (claim, A);
    fixture_send (claim, B);
    cr_assert (fixture_won (claim));
    fixture_lose (C);
    cr_assert (zseq_testbed_votes (fixture_world, C, 200));
    cr_assert_eq (fixture_read (name, C), ZSEQ_TESTBED_WALL_MS + 51000);
    cr_assert_eq (zseq_testbed_record (fixture_world, C)->floor_reserved, 1,
                  "no node was forced");
}

Test (recovery, heals_a_damaged_name_and_keeps_the_others)
{
    enum { A, B, C };
    fixture_setup (3);
    fixture_fill ("orders", fixture_n);
    fixture_fill ("bills", fixture_n);
    //  Only b knows of these IDs, from a claim that failed.
    fixture_client_t *lost = fixture_claim ("mine", 1, 10);
    fixture_send (lost, B);
    fixture_client_t *higher = fixture_claim ("bills", 11, 10);
    fixture_send (higher, B);
    zseq_testbed_kill (fixture_world, B);
    zseq_testbed_damage (fixture_world, B, "orders");
    zseq_testbed_start (fixture_world, B, NULL);
    cr_assert (zseq_testbed_votes (fixture_world, B, 100));
    cr_assert_eq (fixture_read ("orders", B), 11);
    cr_assert_eq (fixture_read ("bills", B), 21, "nothing is lowered");
    cr_assert_eq (fixture_read ("mine", B), 11, "an intact record is kept");
    cr_assert_eq (fixture_incarnation (B, B), 2);
}

//  A node that is told to recover and cannot keeps its state.
Test (recovery, that_is_asked_for_changes_nothing_before_it_can_begin)
{
    enum { A, B, C };
    fixture_setup (3);
    fixture_fill ("orders", fixture_n);
    for (uint8_t node = A; node <= C; node++)
        zseq_testbed_kill (fixture_world, node);
    size_t writes = zseq_testbed_writes (fixture_world, C);
    zseq_testbed_start_to_recover (fixture_world, C);
    zseq_testbed_start (fixture_world, A, NULL);
    fixture_rounds (200);
    cr_assert_eq (zseq_testbed_state (fixture_world, C), ZSEQ_STATE_RECOVERING);
    cr_assert_eq (zseq_testbed_writes (fixture_world, C), writes);
    zseq_testbed_kill (fixture_world, C);
    zseq_testbed_start (fixture_world, C, NULL);
    cr_assert (zseq_testbed_votes (fixture_world, C, 100));
    cr_assert_eq (fixture_incarnation (C, C), 1);
    cr_assert_eq (fixture_read ("orders", C), 11);
}

Test (recovery, goes_on_while_others_claim)
{
    enum { A, B, C };
    fixture_setup (3);
    for (int name = 0; name < 400; name++) {
        char text[16];
        snprintf (text, sizeof text, "n%d", name);
        fixture_forget_clients ();
        fixture_fill (text, fixture_n);
    }
    fixture_forget_clients ();
    fixture_lose (B);
    for (uint64_t first = 11; first < 30; first++) {
        fixture_client_t *claim = fixture_claim ("n7", first, 1);
        for (uint8_t node = 0; node < 3; node++)
            fixture_send (claim, node);
        cr_assert (fixture_won (claim));
    }
    cr_assert (zseq_testbed_votes (fixture_world, B, 100));
    cr_assert_geq (fixture_read ("n7", B), 11);
}
