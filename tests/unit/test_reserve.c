//  Tests reserve-ahead: how much a node reserves, and that it never costs an ID
//  that was handed out.
//
//  The suite reserve is about arithmetic: how much zseq_reservation_wanted
//  grants at a rate of claims, and for how long. The suite busy tells how busy
//  a disk is. The suite reserve_ahead runs a cluster of one node in the
//  testbed, with a reservation of up to one second. s_run claims one ID a round
//  and s_rush a hundred, s_idle lets the node idle, and s_restart kills and
//  restarts it. A test counts the disk's writes, or compares the value on the
//  disk with what the client was granted (S8). The last test kills the node at
//  random times.

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "test_random.h"
#include "zseq_busy.h"
#include "zseq_reservation.h"
#include "zseq_testbed.h"

#define SECOND_US 1000000

static void
s_claims (zseq_reservation_t *reserve, uint32_t claims, uint64_t count)
{
    for (uint32_t claim = 0; claim < claims; claim++)
        zseq_reservation_note_claim (reserve, count);
}

Test (reserve, of_a_claim_now_and_then_is_nothing)
{
    zseq_reservation_t reserve = {0};
    zseq_reservation_restart (&reserve, SECOND_US, SECOND_US);
    s_claims (&reserve, 1, 1000);
    cr_assert_eq (
      zseq_reservation_wanted (&reserve, SECOND_US + 100000, SECOND_US), 0);
    cr_assert_gt (
      zseq_reservation_wanted (&reserve, SECOND_US + 99999, SECOND_US), 0);
}

Test (reserve, is_what_is_claimed_in_the_time_at_the_present_rate)
{
    zseq_reservation_t reserve = {0};
    s_claims (&reserve, 500, 10);
    cr_assert_eq (zseq_reservation_wanted (&reserve, 500000, SECOND_US), 10000);
    cr_assert_eq (zseq_reservation_wanted (&reserve, 500000, SECOND_US / 2),
                  5000);
    cr_assert_eq (zseq_reservation_wanted (&reserve, 500000, 0), 0);
}

Test (reserve, grows_by_no_more_than_a_factor)
{
    zseq_reservation_t reserve = {0};
    s_claims (&reserve, 2, 10);
    cr_assert_eq (zseq_reservation_wanted (&reserve, 0, SECOND_US), 160);
    zseq_reservation_restart (&reserve, SECOND_US, SECOND_US);
    cr_assert_eq (zseq_reservation_wanted (&reserve, SECOND_US, SECOND_US), 0);
}

Test (reserve, lasts_for_32_claims_and_the_period)
{
    zseq_reservation_t reserve = {0};
    cr_assert_eq (zseq_reservation_lasts_us (&reserve, 500, 100000, SECOND_US),
                  100000);
    s_claims (&reserve, 50, 10);
    cr_assert_eq (
      zseq_reservation_lasts_us (&reserve, 10000, 100000, SECOND_US), 100000);
    cr_assert_eq (
      zseq_reservation_lasts_us (&reserve, 500000, 100000, SECOND_US), 320000);
    cr_assert_eq (
      zseq_reservation_lasts_us (&reserve, 500000, 400000, SECOND_US), 400000);
    cr_assert_eq (zseq_reservation_lasts_us (&reserve, 500000, 100000, 200000),
                  200000);
    cr_assert_eq (
      zseq_reservation_lasts_us (&reserve, 60 * SECOND_US, 100000, SECOND_US),
      SECOND_US);
}

Test (reserve, is_bounded_where_ids_end)
{
    zseq_reservation_t reserve = {.claimed = ZSEQ_ID_MAX, .claims = UINT32_MAX};
    cr_assert_leq (zseq_reservation_wanted (&reserve, 1, 60 * SECOND_US),
                   UINT64_MAX / 100);
    zseq_reservation_note_claim (&reserve, 1);
    cr_assert_eq (reserve.claims, UINT32_MAX);
}

Test (busy, is_how_much_of_the_last_second_it_was)
{
    zseq_busy_t busy = {0};
    cr_assert_eq (zseq_busy_us (&busy, 5 * SECOND_US), 0);
    zseq_busy_set (&busy, true, 5 * SECOND_US);
    cr_assert_eq (zseq_busy_us (&busy, 5 * SECOND_US + 1000), 1000);
    cr_assert_eq (zseq_busy_us (&busy, 6 * SECOND_US), SECOND_US);
    zseq_busy_set (&busy, false, 7 * SECOND_US);
    cr_assert_eq (zseq_busy_us (&busy, 7 * SECOND_US), SECOND_US);
    cr_assert_eq (zseq_busy_us (&busy, 7 * SECOND_US + 250000), 750000);
    cr_assert_eq (zseq_busy_us (&busy, 8 * SECOND_US), 0);
    cr_assert_eq (zseq_busy_us (&busy, 6 * SECOND_US), SECOND_US,
                  "no time has passed");
}

//  The average of a third, whether the steps are long or short.
Test (busy, is_the_share_of_many_short_times)
{
    for (uint64_t step_us = 10; step_us <= 10000; step_us *= 10) {
        zseq_busy_t busy = {0};
        uint64_t now_us = 0;
        while (now_us < 10 * SECOND_US) {
            zseq_busy_set (&busy, true, now_us);
            now_us += step_us;
            zseq_busy_set (&busy, false, now_us);
            now_us += 2 * step_us;
        }
        uint64_t busy_us = zseq_busy_us (&busy, now_us);
        cr_assert_geq (busy_us, 320000, "%zu", (size_t) busy_us);
        cr_assert_leq (busy_us, 345000, "%zu", (size_t) busy_us);
    }
}

//  A single node, and a client that counts the claims it was granted.
static zseq_testbed_t *s_testbed;
static size_t s_granted;
static uint64_t s_request;

static void
s_reply (const zseq_msg_t *msg, void *arg)
{
    (void) arg;
    cr_assert_eq (msg->status, ZSEQ_OK);
    s_granted++;
}

static void
s_setup (void)
{
    s_testbed = zseq_testbed_new (1);
    s_granted = 0;
    s_request = 7000;
    zseq_testbed_client (s_testbed, s_reply, NULL);
    zseq_testbed_reserve (s_testbed, SECOND_US);
    zseq_testbed_form (s_testbed);
}

static void
s_teardown (void)
{
    zseq_testbed_destroy (&s_testbed);
}

static void
s_claim_of (const char *name, uint64_t first, uint64_t count)
{
    zseq_msg_t msg;
    memset (&msg, 0, sizeof msg);
    msg.op = ZSEQ_OP_CLAIM;
    msg.request = ++s_request;
    msg.cluster = zseq_testbed_identity (s_testbed);
    msg.name = (zseq_slice_t){name, strlen (name)};
    msg.claim.first = first;
    msg.claim.count = count;
    zseq_testbed_send (s_testbed, 0, &msg);
}

static void
s_claim (uint64_t first, uint64_t count)
{
    s_claim_of ("orders", first, count);
}

//  Claims one ID per round. Returns the next ID.
static uint64_t
s_run (uint64_t first, size_t rounds)
{
    for (size_t round = 0; round < rounds; round++) {
        s_claim (first++, 1);
        zseq_testbed_round (s_testbed);
    }
    return first;
}

//  Claims 100 IDs per round, one by one: 5000 a second.
static uint64_t
s_rush (uint64_t first, size_t rounds)
{
    for (size_t round = 0; round < rounds; round++) {
        for (size_t claim = 0; claim < 100; claim++)
            s_claim (first++, 1);
        zseq_testbed_round (s_testbed);
    }
    return first;
}

static void
s_idle (size_t rounds)
{
    for (size_t round = 0; round < rounds; round++)
        zseq_testbed_round (s_testbed);
}

static void
s_restart (void)
{
    zseq_testbed_kill (s_testbed, 0);
    zseq_testbed_start (s_testbed, 0, NULL);
    zseq_testbed_round (s_testbed);
}

TestSuite (reserve_ahead, .init = s_setup, .fini = s_teardown);

Test (reserve_ahead, a_busy_sequence_needs_few_writes)
{
    size_t before = zseq_testbed_writes (s_testbed, 0);
    s_run (1, 1000);
    cr_assert_eq (s_granted, 1000);
    size_t writes = zseq_testbed_writes (s_testbed, 0) - before;
    cr_assert_lt (writes, (size_t) 80, "%zu writes", writes);
    before = zseq_testbed_writes (s_testbed, 0);
    s_rush (1001, 200);
    cr_assert_eq (s_granted, 21000);
    writes = zseq_testbed_writes (s_testbed, 0) - before;
    cr_assert_lt (writes, (size_t) 110, "%zu writes in 4 s", writes);
}

Test (reserve_ahead, is_what_is_claimed_in_100_ms_while_the_disk_is_idle)
{
    uint64_t next = s_rush (1, 20);
    for (size_t round = 0; round < 100; round++) {
        next = s_rush (next, 1);
        uint64_t limit = zseq_testbed_disk_limit (s_testbed, 0, "orders");
        cr_assert_leq (limit, next + 500 + 100, "%zu ahead of %zu",
                       (size_t) (limit - next), (size_t) next);
    }
}

Test (reserve_ahead, lasts_longer_while_the_disk_is_busy)
{
    uint64_t next = s_rush (1, 20);
    zseq_testbed_stick (s_testbed, 0, 0);
    next = s_rush (next, 5);
    s_idle (10);
    zseq_testbed_unstick (s_testbed, 0);
    uint64_t ahead = 0;
    for (size_t round = 0; round < 10; round++) {
        next = s_rush (next, 1);
        uint64_t limit = zseq_testbed_disk_limit (s_testbed, 0, "orders");
        cr_assert_leq (limit, next + 5000);
        if (limit > next && limit - next > ahead)
            ahead = limit - next;
    }
    cr_assert_gt (ahead, 1000u, "%zu ahead", (size_t) ahead);
    next = s_rush (next, 100);
    cr_assert_leq (zseq_testbed_disk_limit (s_testbed, 0, "orders"),
                   next + 500 + 100);
}

Test (reserve_ahead, is_no_more_than_a_second_s_worth)
{
    for (uint64_t first = 1; first <= 1000; first++) {
        s_run (first, 1);
        cr_assert_leq (zseq_testbed_disk_limit (s_testbed, 0, "orders"),
                       first + 1 + 50 + 25, "after %zu", (size_t) first);
    }
}

Test (reserve_ahead, is_nothing_for_a_slow_sequence)
{
    for (uint64_t first = 1; first <= 20; first++) {
        s_run (first, 1);
        cr_assert_eq (zseq_testbed_disk_limit (s_testbed, 0, "orders"),
                      first + 1);
        s_idle (10);
    }
}

Test (reserve_ahead, burns_what_was_reserved_after_a_crash_and_repeats_nothing)
{
    uint64_t next = s_run (1, 200);
    uint64_t limit = zseq_testbed_disk_limit (s_testbed, 0, "orders");
    cr_assert_gt (limit, next);
    s_restart ();
    char text[40];
    snprintf (
      text, sizeof text, "burnt %zu IDs at most",
      (size_t) (limit - zseq_testbed_disk_next (s_testbed, 0, "orders")));
    //  Once the node has voted, the record is exact.
    s_idle (2);
    cr_assert_eq (zseq_testbed_disk_next (s_testbed, 0, "orders"), limit);
    cr_assert (zseq_testbed_logged (s_testbed, 0, "burnt"));
    s_granted = 0;
    s_claim (limit, 1);
    s_idle (1);
    cr_assert_eq (s_granted, 1);
    s_restart ();
    cr_assert (!zseq_testbed_logged (s_testbed, 0, "burnt"), "told only once");
}

Test (reserve_ahead, is_not_for_reserved_names)
{
    static const char name[] = "$flake/41-10-12/0/17";
    uint64_t next = ZSEQ_TESTBED_WALL_MS;
    for (size_t round = 0; round < 200; round++) {
        s_claim_of (name, next, 20);
        next += 20;
        zseq_testbed_round (s_testbed);
        cr_assert_eq (zseq_testbed_disk_limit (s_testbed, 0, name), next);
    }
    cr_assert_eq (s_granted, 200);
    s_restart ();
    cr_assert (!zseq_testbed_logged (s_testbed, 0, "burnt"));
    s_claim_of (name, next, 1);
    s_idle (2);
    cr_assert_eq (s_granted, 201);
}

Test (reserve_ahead, returns_to_nothing_when_the_sequence_is_idle)
{
    uint64_t next = s_run (1, 200);
    cr_assert_gt (zseq_testbed_disk_limit (s_testbed, 0, "orders"), next);
    s_idle (150);
    cr_assert_eq (zseq_testbed_disk_limit (s_testbed, 0, "orders"), next);
    cr_assert_eq (zseq_testbed_disk_next (s_testbed, 0, "orders"), next);
    size_t writes = zseq_testbed_writes (s_testbed, 0);
    s_idle (500);
    cr_assert_eq (zseq_testbed_writes (s_testbed, 0), writes);
}

Test (reserve_ahead, is_given_back_soon_after_a_rush)
{
    uint64_t next = s_rush (1, 50);
    cr_assert_gt (zseq_testbed_disk_limit (s_testbed, 0, "orders"), next);
    s_idle (12);
    cr_assert_eq (zseq_testbed_disk_limit (s_testbed, 0, "orders"), next);
}

Test (reserve_ahead, is_given_back_while_another_sequence_is_busy)
{
    for (uint64_t first = 1; first <= 100; first++) {
        s_claim (first, 1);
        s_claim_of ("bills", first, 1);
        zseq_testbed_round (s_testbed);
    }
    cr_assert_gt (zseq_testbed_disk_limit (s_testbed, 0, "bills"), 101);
    s_run (101, 200);
    cr_assert_eq (zseq_testbed_disk_limit (s_testbed, 0, "bills"), 101);
}

Test (reserve_ahead, shrinks_with_the_rate)
{
    for (uint64_t first = 1; first < 200000; first += 1000) {
        s_claim (first, 1000);
        zseq_testbed_round (s_testbed);
    }
    uint64_t limit = zseq_testbed_disk_limit (s_testbed, 0, "orders");
    cr_assert_gt (limit, 215000u);
    uint64_t next = 200001;
    for (int round = 0; round < 100; round++) {
        next = s_run (next, 1);
        s_idle (2);
    }
    cr_assert_leq (zseq_testbed_disk_limit (s_testbed, 0, "orders"), next + 60);
}

//  S8: IDs above a limit that is about to be lowered on disk are no longer
//  granted.
Test (reserve_ahead, is_lowered_in_memory_before_the_disk_is_told)
{
    s_run (1, 200);
    uint64_t limit = zseq_testbed_disk_limit (s_testbed, 0, "orders");
    zseq_testbed_stick (s_testbed, 0, 0);
    s_idle (150);
    cr_assert_eq (zseq_testbed_disk_limit (s_testbed, 0, "orders"), limit);
    s_granted = 0;
    s_claim (limit - 1, 1);
    s_idle (1);
    cr_assert_eq (s_granted, 0, "the smaller limit may be on disk already");
    zseq_testbed_stick (s_testbed, 0, 1);
    s_idle (1);
    cr_assert_lt (zseq_testbed_disk_limit (s_testbed, 0, "orders"), limit);
    cr_assert_eq (s_granted, 0, "the disk says less than what was claimed");
    zseq_testbed_unstick (s_testbed, 0);
    s_idle (1);
    cr_assert_eq (s_granted, 1);
    cr_assert_geq (zseq_testbed_disk_limit (s_testbed, 0, "orders"), limit);
}

Test (reserve_ahead, is_not_used_before_it_is_durable)
{
    uint64_t next = s_run (1, 50);
    uint64_t limit = zseq_testbed_disk_limit (s_testbed, 0, "orders");
    zseq_testbed_stick (s_testbed, 0, 0);
    s_granted = 0;
    for (uint64_t first = next; first < limit + 20; first++)
        s_claim (first, 1);
    s_idle (1);
    cr_assert_eq (s_granted, (size_t) (limit - next));
    zseq_testbed_unstick (s_testbed, 0);
    s_idle (1);
    cr_assert_eq (s_granted, (size_t) (limit - next) + 20);
}

Test (reserve_ahead, counts_claims_and_not_what_is_skipped)
{
    zseq_msg_t msg;
    memset (&msg, 0, sizeof msg);
    msg.op = ZSEQ_OP_RAISE;
    msg.request = 1;
    msg.cluster = zseq_testbed_identity (s_testbed);
    msg.name = (zseq_slice_t){"orders", 6};
    s_run (1, 3);
    msg.raise.to = (uint64_t) 1 << 50;
    zseq_testbed_send (s_testbed, 0, &msg);
    zseq_testbed_round (s_testbed);
    s_run (msg.raise.to, 2);
    cr_assert_leq (zseq_testbed_disk_limit (s_testbed, 0, "orders"),
                   msg.raise.to + 100);
}

Test (reserve_ahead, ends_where_ids_end)
{
    uint64_t first = ZSEQ_ID_MAX - 20;
    s_run (first, 21);
    cr_assert_eq (s_granted, 21);
    cr_assert_eq (zseq_testbed_disk_limit (s_testbed, 0, "orders"),
                  ZSEQ_ID_MAX + 1);
}

//  Crashes at random times, with disks that stall. The client remembers all
//  IDs: none may come twice.
Test (reserve_ahead, repeats_nothing_whenever_it_is_killed)
{
    uint64_t random = 4711;
    uint64_t given = 0;
    for (int incarnation = 0; incarnation < 300; incarnation++) {
        uint64_t rounds = test_random (&random) % 40;
        for (uint64_t round = 0; round < rounds; round++) {
            uint64_t count = 1 + test_random (&random) % 100;
            if (test_random (&random) % 8 == 0)
                zseq_testbed_stick (s_testbed, 0, test_random (&random) % 2);
            uint64_t next = given + 1;
            uint64_t limit = zseq_testbed_disk_limit (s_testbed, 0, "orders");
            if (next < limit && round == 0)
                next = limit;
            s_granted = 0;
            s_claim (next, count);
            zseq_testbed_round (s_testbed);
            if (s_granted) {
                given = next + count - 1;
                cr_assert_geq (zseq_testbed_disk_limit (s_testbed, 0, "orders"),
                               given + 1);
            }
            else {
                zseq_testbed_unstick (s_testbed, 0);
                zseq_testbed_round (s_testbed);
                given = next + count - 1;
            }
            if (test_random (&random) % 16 == 0)
                s_idle (test_random (&random) % 120);
        }
        zseq_testbed_unstick (s_testbed, 0);
        s_restart ();
        cr_assert_geq (zseq_testbed_disk_limit (s_testbed, 0, "orders"), given);
    }
}
