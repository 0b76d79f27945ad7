//  Tests a node, one step at a time: how many clients it sees waiting at once.

#include <criterion/criterion.h>
#include <string.h>

#include "zseq_node_fixture.h"

//  Receives each claims of each of clients clients in one turn, and refuses
//  them all. Returns whether the last reply says that the node is congested.
static bool
s_meet (fixture_t *self, size_t clients, size_t each)
{
    bool congested = false;
    for (size_t count = 0; count < clients * each; count++) {
        zseq_event_t event = {.type = ZSEQ_EVENT_REQUEST};
        zseq_msg_t msg = fixture_request (ZSEQ_OP_CLAIM, "orders", 900);
        msg.claim.first = ZSEQ_ID_MAX;
        msg.claim.count = 2;
        event.msg = &msg;
        event.sender.route.size = 5;
        memcpy (event.sender.route.id + 1,
                &(uint32_t){(uint32_t) (count % clients)}, 4);
        fixture_step (self, event);
        congested = fixture_only (self, ZSEQ_ACTION_REPLY)->msg.congested;
    }
    fixture_flush (self);
    return congested;
}

//  Returns how many turns it takes until the node is congested; TURNS_MAX:
//  never.
#define TURNS_MAX 1000

static size_t
s_meet_until_congested (fixture_t *self, size_t clients, size_t each)
{
    for (size_t turn = 0; turn < TURNS_MAX; turn++)
        if (s_meet (self, clients, each))
            return turn;
    return TURNS_MAX;
}

Test (node, is_congested_when_many_clients_wait_at_once)
{
    fixture_t *self = fixture_voter ();
    cr_assert_eq (s_meet_until_congested (self, 1, 1), TURNS_MAX);
    cr_assert_eq (s_meet_until_congested (self, 7, 1), TURNS_MAX);
    cr_assert_lt (s_meet_until_congested (self, 9, 1), TURNS_MAX);
    fixture_destroy (&self);
    self = fixture_voter ();
    size_t turns = s_meet_until_congested (self, 20, 1);
    cr_assert_geq (turns, 3, "a few are no sign: %zu", turns);
    cr_assert_lt (turns, 10, "%zu", turns);
    fixture_destroy (&self);
    self = fixture_voter ();
    //  The average request counts, not the average turn: most requests meet
    //  many others.
    for (turns = 0; turns < TURNS_MAX; turns++)
        if (s_meet (self, turns % 10 ? 1 : 40, 1))
            break;
    cr_assert_lt (turns, TURNS_MAX);
    fixture_destroy (&self);
}

Test (node, is_not_congested_by_one_client_with_many_requests)
{
    fixture_t *self = fixture_voter ();
    cr_assert_eq (s_meet_until_congested (self, 1, 50), TURNS_MAX);
    cr_assert_eq (s_meet_until_congested (self, 4, 50), TURNS_MAX);
    fixture_destroy (&self);
}

Test (node, is_congested_for_a_second_and_then_looks_anew)
{
    fixture_t *self = fixture_voter ();
    cr_assert_lt (s_meet_until_congested (self, 20, 1), 10);
    //  The node ignores what it sees meanwhile.
    self->now_us += 500000;
    for (size_t turn = 0; turn < 50; turn++)
        cr_assert (s_meet (self, 20, 1));
    self->now_us += 499999;
    cr_assert (s_meet (self, 1, 1));
    self->now_us += 1;
    cr_assert_not (s_meet (self, 20, 1));
    cr_assert_lt (s_meet_until_congested (self, 20, 1), 10);
    self->now_us += 1000000;
    cr_assert_eq (s_meet_until_congested (self, 7, 1), TURNS_MAX);
    fixture_destroy (&self);
}

Test (node, is_never_congested_alone)
{
    zseq_record_t record = fixture_record (1, 0);
    fixture_t *self = fixture_new (&record, 10, 10);
    fixture_tick (self, 0);
    cr_assert_eq (s_meet_until_congested (self, 40, 1), TURNS_MAX);
    fixture_destroy (&self);
}

//  Clients that delegate ask one node each, so that a node meets a third of
//  them.
Test (node, stays_congested_when_clients_delegate)
{
    for (uint32_t clients = 2; clients < 5; clients++) {
        fixture_t *self = fixture_voter ();
        bool congested = false;
        for (size_t turn = 0; turn < 100; turn++) {
            for (uint32_t client = 0; client < clients; client++) {
                zseq_msg_t msg = fixture_request (ZSEQ_OP_NEXT, "orders", 900);
                msg.next = (zseq_msg_next_t){
                  .count = 1, .count_min = 1, .timeout_us = 1000};
                zseq_event_t event = {.type = ZSEQ_EVENT_REQUEST, .msg = &msg};
                event.sender.route.size = 5;
                memcpy (event.sender.route.id + 1, &client, sizeof client);
                fixture_step (self, event);
            }
            fixture_flush (self);
            fixture_tick (self, 2000);
            congested |= zseq_node_congested (self->node);
        }
        cr_assert_eq (congested, clients > 2, "%u clients", clients);
        fixture_destroy (&self);
    }
}
