//  A node, one step at a time: names that are reserved for flake IDs.

#include <criterion/criterion.h>

#include "zseq_node_fixture.h"

#define EPOCH_MS 1735689600000u
#define FLAKE "$flake/41-10-12/1735689600000/17"
#define FLAKE_1970 "$flake/41-10-12/0/17"

//  A voter whose wall clock shows that many milliseconds since 2025 began.
static fixture_t *
s_voter_at (uint64_t ms)
{
    fixture_t *self = fixture_voter ();
    self->wall_ms = EPOCH_MS + ms;
    return self;
}

//  What the last step's only reply says.
static int
s_status (const fixture_t *self)
{
    return fixture_only (self, ZSEQ_ACTION_REPLY)->msg.status;
}

static void
s_raise (fixture_t *self, const char *name, uint64_t to)
{
    zseq_msg_t msg = fixture_request (ZSEQ_OP_RAISE, name, 700);
    msg.raise.to = to;
    fixture_send (self, &msg);
}

//  What a node answers to READ, when all is durable.
static uint64_t
s_next (fixture_t *self, const char *name)
{
    zseq_msg_t read = fixture_request (ZSEQ_OP_READ, name, 6);
    fixture_send (self, &read);
    cr_assert_eq (s_status (self), ZSEQ_OK);
    return self->seen[0].msg.read.next;
}

Test (reserved_name, is_claimed_up_to_a_minute_beyond_the_clock)
{
    fixture_t *self = s_voter_at (5000);
    fixture_claim_durably (self, FLAKE, 4000, 2000);
    cr_assert_eq (s_next (self, FLAKE), 6000);
    fixture_claim_durably (self, FLAKE, 64000, 1000);
    cr_assert_eq (s_next (self, FLAKE), 65000);
    fixture_destroy (&self);
}

Test (reserved_name, is_not_claimed_further_and_nothing_changes)
{
    fixture_t *self = s_voter_at (5000);
    fixture_claim (self, FLAKE, 64000, 1001);
    cr_assert_eq (s_status (self), ZSEQ_ECLOCK);
    fixture_claim (self, FLAKE, ZSEQ_ID_MAX, ZSEQ_COUNT_MAX);
    cr_assert_eq (s_status (self), ZSEQ_ECLOCK);
    cr_assert_eq (zseq_node_count (self->node), 0, "it makes no name");
    fixture_claim_durably (self, FLAKE, 5000, 1000);
    fixture_claim (self, FLAKE, 64000, 1001);
    cr_assert_eq (s_status (self), ZSEQ_ECLOCK);
    fixture_claim (self, FLAKE, 5000, 60001);
    cr_assert_eq (s_status (self), ZSEQ_ECLOCK, "though it begins below next");
    fixture_flush (self);
    cr_assert_eq (self->count, 0, "nothing is to be written");
    cr_assert_eq (s_next (self, FLAKE), 6000);
    fixture_claim_durably (self, FLAKE, 6000, 1);
    fixture_destroy (&self);
}

Test (reserved_name, is_not_raised_further_either)
{
    fixture_t *self = s_voter_at (5000);
    s_raise (self, FLAKE, 65001);
    cr_assert_eq (s_status (self), ZSEQ_ECLOCK);
    s_raise (self, FLAKE, ZSEQ_NEXT_MAX);
    cr_assert_eq (s_status (self), ZSEQ_ECLOCK);
    cr_assert_eq (zseq_node_count (self->node), 0);
    cr_assert_eq (s_next (self, FLAKE), 1);
    s_raise (self, FLAKE, 65000);
    fixture_flush (self);
    cr_assert_eq (fixture_only (self, ZSEQ_ACTION_PERSIST)->durable_to, 65000);
    fixture_destroy (&self);
}

Test (reserved_name, goes_by_the_clock_of_the_moment)
{
    fixture_t *self = s_voter_at (5000);
    fixture_claim (self, FLAKE, 70000, 10);
    cr_assert_eq (s_status (self), ZSEQ_ECLOCK);
    self->wall_ms += 10000;
    fixture_claim_durably (self, FLAKE, 70000, 10);
    self->wall_ms -= 20000;
    fixture_claim (self, FLAKE, 70010, 10);
    cr_assert_eq (s_status (self), ZSEQ_ECLOCK, "the clock stepped back");
    cr_assert_eq (s_next (self, FLAKE), 70010, "next did not");
    fixture_destroy (&self);
}

Test (reserved_name, is_not_claimed_with_a_clock_that_is_not_known)
{
    fixture_t *self = fixture_voter ();
    static const char *const names[] = {FLAKE, FLAKE_1970};
    for (size_t index = 0; index < 2; index++) {
        fixture_claim (self, names[index], 1, 1);
        cr_assert_eq (s_status (self), ZSEQ_ECLOCK);
        s_raise (self, names[index], 1);
        cr_assert_eq (s_status (self), ZSEQ_ECLOCK);
        cr_assert_eq (s_next (self, names[index]), 1, "it is read");
    }
    cr_assert_eq (zseq_node_count (self->node), 0);
    fixture_claim_durably (self, "orders", 1, 1);
    fixture_destroy (&self);
}

Test (reserved_name, counts_from_the_epoch_that_it_says)
{
    fixture_t *self = s_voter_at (5000);
    uint64_t end_ms = EPOCH_MS + 65000;
    fixture_claim (self, FLAKE_1970, end_ms - 9, 10);
    cr_assert_eq (s_status (self), ZSEQ_ECLOCK);
    fixture_claim_durably (self, FLAKE_1970, end_ms - 10, 10);
    fixture_claim (self, FLAKE, end_ms - 10, 10);
    cr_assert_eq (s_status (self), ZSEQ_ECLOCK);
    fixture_claim (self, "$flake/41-10-12/1735689665000/17", 1, 1);
    cr_assert_eq (s_status (self), ZSEQ_ECLOCK, "an epoch yet to come");
    cr_assert_eq (s_next (self, FLAKE), 1, "another name");
    fixture_destroy (&self);
}

Test (reserved_name, that_is_malformed_is_refused_whatever_is_asked)
{
    fixture_t *self = s_voter_at (5000);
    static const char *const names[] = {
      "$flake/", "$flake/41-10-12/1735689600000", FLAKE "/",
      "$flake/41-10-12/01735689600000/17",
      "$flake/41-10-12/1735689600000/1024"};
    for (size_t index = 0; index < sizeof names / sizeof *names; index++) {
        fixture_claim (self, names[index], 1, 1);
        cr_assert_eq (s_status (self), ZSEQ_EINVAL);
        s_raise (self, names[index], 1);
        cr_assert_eq (s_status (self), ZSEQ_EINVAL);
        zseq_msg_t msg = fixture_request (ZSEQ_OP_READ, names[index], 8);
        fixture_send (self, &msg);
        cr_assert_eq (s_status (self), ZSEQ_EINVAL);
        msg = fixture_request (ZSEQ_OP_INFO, names[index], 8);
        fixture_send (self, &msg);
        cr_assert_eq (s_status (self), ZSEQ_EINVAL);
        msg = fixture_request (ZSEQ_OP_NEXT, names[index], 9);
        msg.next.count = msg.next.count_min = msg.next.timeout_us = 1;
        fixture_send (self, &msg);
        cr_assert_eq (s_status (self), ZSEQ_EINVAL);
    }
    cr_assert_eq (zseq_node_count (self->node), 0);
    fixture_claim_durably (self, "$flake", ZSEQ_ID_MAX, 1);
    fixture_destroy (&self);
}

Test (reserved_name, is_refused_by_who_does_not_vote_as_any_other)
{
    fixture_t *self = s_voter_at (5000);
    zseq_msg_t msg = fixture_request (ZSEQ_OP_CLAIM, FLAKE "/", 9);
    msg.claim.first = msg.claim.count = 1;
    msg.cluster = 43;
    fixture_send (self, &msg);
    cr_assert_eq (s_status (self), ZSEQ_ECLUSTER);
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_STOP});
    fixture_send (self, &msg);
    cr_assert_eq (s_status (self), ZSEQ_ENOTVOTING);
    fixture_destroy (&self);
}

Test (reserved_name, is_not_claimed_further_by_a_coordinator)
{
    zseq_record_t record = fixture_record (1, 0);
    record.identity = 42;
    record.voting = true;
    fixture_t *self = fixture_new (&record, 10, 10);
    self->wall_ms = EPOCH_MS + 5000;
    fixture_tick (self, 0);
    fixture_claim_durably (self, FLAKE, 64000, 900);
    zseq_msg_t msg = fixture_request (ZSEQ_OP_NEXT, FLAKE, 9);
    msg.next.count = msg.next.count_min = 101;
    msg.next.timeout_us = 50000;
    fixture_send (self, &msg);
    //  It asks itself, does not write what it refuses, and says so at once.
    fixture_flush (self);
    cr_assert_eq (self->count, 0);
    fixture_tick (self, 1000);
    cr_assert_eq (s_status (self), ZSEQ_ECLOCK);
    cr_assert_eq (self->seen[0].msg.op, ZSEQ_OP_NEXT);
    fixture_flush (self);
    cr_assert_eq (zseq_node_wake_us (self->node), UINT64_MAX, "none waits");
    cr_assert_eq (s_next (self, FLAKE), 64900);
    msg.next.count = msg.next.count_min = 100;
    fixture_send (self, &msg);
    fixture_flush (self);
    cr_assert_eq (fixture_only (self, ZSEQ_ACTION_PERSIST)->durable_to, 65000);
    fixture_destroy (&self);
}

//  A NEXT for too many IDs must not end those that wait with it.
Test (node, refuses_by_its_clock_only_the_next_that_is_too_large)
{
    zseq_record_t record = fixture_record (1, 0);
    record.identity = 42;
    record.voting = true;
    fixture_t *self = fixture_new (&record, 10, 10);
    self->wall_ms = EPOCH_MS + 5000;
    fixture_tick (self, 0);
    fixture_claim_durably (self, FLAKE, 5000, 1);
    zseq_msg_t msg = fixture_request (ZSEQ_OP_NEXT, FLAKE, 9);
    msg.next.count = msg.next.count_min = ZSEQ_COUNT_MAX;
    msg.next.timeout_us = 50000;
    fixture_send (self, &msg);
    msg = fixture_request (ZSEQ_OP_NEXT, FLAKE, 10);
    msg.next.count = msg.next.count_min = 1;
    msg.next.timeout_us = 50000;
    fixture_send (self, &msg);
    fixture_flush (self);
    bool claimed = false;
    for (size_t round = 0; round < 20; round++) {
        fixture_tick (self, 1000);
        for (size_t at = 0; at < self->count; at++)
            cr_assert (self->seen[at].type != ZSEQ_ACTION_REPLY ||
                         self->seen[at].msg.request != 10 ||
                         self->seen[at].msg.status == ZSEQ_OK,
                       "NEXT for 1 ID, with the clock far behind its limit: %d",
                       self->seen[at].msg.status);
        fixture_flush (self);
        for (size_t at = 0; at < self->count; at++)
            claimed |= self->seen[at].type == ZSEQ_ACTION_PERSIST &&
                       self->seen[at].durable_to == 5002;
    }
    cr_assert (claimed);
    fixture_destroy (&self);
}
