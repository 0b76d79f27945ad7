//  Tests what a node measures for its operator: rates of the last ten seconds,
//  and how many connections are in use.

#include <criterion/criterion.h>
#include <string.h>

#include "zseq_node_fixture.h"

#define SECOND_US 1000000

//  The value of a counter in a STATUS reply. Fails if there is none.
static uint64_t
s_counter (fixture_t *self, const char *name)
{
    zseq_msg_t msg = fixture_request (ZSEQ_OP_STATUS, "", 950);
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_REQUEST,
                                       .sender.route = {5, {9, 9, 9, 9, 9}},
                                       .msg = &msg});
    const fixture_seen_t *reply = fixture_only (self, ZSEQ_ACTION_REPLY);
    for (size_t index = 0; index < reply->counters; index++)
        if (!strcmp (reply->counter[index].name, name))
            return reply->counter[index].value;
    cr_assert_fail ("no counter %s", name);
    return 0;
}

//  Ticks the node as its owner does, for that time.
static void
s_pass (fixture_t *self, unsigned seconds)
{
    for (unsigned tick = 0; tick < 50 * seconds; tick++)
        fixture_tick (self, SECOND_US / 50);
}

Test (node_rates, are_of_the_last_ten_seconds)
{
    fixture_t *self = fixture_voter ();
    s_pass (self, 20);
    cr_expect_eq (s_counter (self, "ids_per_second"), 0);
    uint64_t next = 1;
    for (unsigned second = 0; second < 20; second++) {
        (void) fixture_claim_durably (self, "orders", next, 100);
        next += 100;
        fixture_claim (self, "orders", ZSEQ_ID_MAX, 2);
        fixture_claim (self, "orders", ZSEQ_ID_MAX, 2);
        s_pass (self, 1);
    }
    cr_expect_eq (s_counter (self, "ids_per_second"), 100);
    cr_expect_eq (s_counter (self, "claims_per_second"), 1);
    cr_expect_eq (s_counter (self, "refusals_per_second"), 2);
    s_pass (self, 5);
    cr_expect_eq (s_counter (self, "ids_per_second"), 50);
    s_pass (self, 6);
    cr_expect_eq (s_counter (self, "ids_per_second"), 0);
    cr_expect_eq (s_counter (self, "refusals_per_second"), 0);
    fixture_destroy (&self);
}

//  So that 0 says that nothing happens.
Test (node_rates, are_rounded_up)
{
    fixture_t *self = fixture_voter ();
    s_pass (self, 20);
    (void) fixture_claim_durably (self, "orders", 1, 1);
    s_pass (self, 1);
    cr_expect_eq (s_counter (self, "ids_per_second"), 1);
    cr_expect_eq (s_counter (self, "claims_per_second"), 1);
    fixture_destroy (&self);
}

//  A node that has just begun, and one that was stopped for a while.
Test (node_rates, are_of_the_time_that_has_passed)
{
    fixture_t *self = fixture_voter ();
    (void) fixture_claim_durably (self, "orders", 1, 1000);
    cr_expect_eq (s_counter (self, "ids_per_second"), 1000);
    s_pass (self, 4);
    cr_expect_eq (s_counter (self, "ids_per_second"), 250);
    fixture_tick (self, 100 * SECOND_US);
    (void) fixture_claim_durably (self, "orders", 1001, 104000);
    cr_expect_eq (s_counter (self, "ids_per_second"), 1010);
    fixture_destroy (&self);
}

static void
s_ask (fixture_t *self, uint8_t connection)
{
    zseq_msg_t msg = fixture_request (ZSEQ_OP_READ, "orders", 951);
    fixture_step (self,
                  (zseq_event_t){.type = ZSEQ_EVENT_REQUEST,
                                 .sender.route = {5, {0, 1, 2, 3, connection}},
                                 .msg = &msg});
}

//  The one that asks for the status is one of them.
Test (node_rates, count_connections_that_have_sent_of_late)
{
    fixture_t *self = fixture_voter ();
    cr_expect_eq (s_counter (self, "active_connections"), 1);
    for (uint8_t round = 0; round < 3; round++)
        for (uint8_t connection = 0; connection < 40; connection++)
            s_ask (self, connection);
    cr_expect_eq (s_counter (self, "active_connections"), 41);
    s_pass (self, 4);
    cr_expect_eq (s_counter (self, "active_connections"), 41);
    for (unsigned second = 0; second < 6; second++) {
        s_ask (self, 3);
        s_pass (self, 1);
    }
    cr_expect_eq (s_counter (self, "active_connections"), 2);
    fixture_tick (self, 100 * SECOND_US);
    cr_expect_eq (s_counter (self, "active_connections"), 1);
    fixture_destroy (&self);
}

Test (node_rates, count_no_connection_of_the_own_process)
{
    fixture_t *self = fixture_voter ();
    zseq_msg_t msg = fixture_request (ZSEQ_OP_READ, "orders", 952);
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_REQUEST,
                                       .sender.type = ZSEQ_SENDER_LOCAL,
                                       .msg = &msg});
    cr_expect_eq (s_counter (self, "active_connections"), 1);
    fixture_destroy (&self);
}
