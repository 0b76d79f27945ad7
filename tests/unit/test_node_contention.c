//  Tests a node, one step at a time: whether it says that several clients ask
//  for a name, and how large the last claim was (lib/doc/wire.md, 6.9 and 6.4).

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "zseq_node_fixture.h"

//  A request of that op from client, for a name. Returns the reply; NULL: there
//  is none yet.
static const zseq_msg_t *
s_ask (fixture_t *self, uint32_t client, zseq_op_t op, const char *name)
{
    zseq_msg_t msg = fixture_request (op, name, 900);
    if (op == ZSEQ_OP_CLAIM) {
        //  Refused, so that the reply does not wait for the disk.
        msg.claim.first = ZSEQ_ID_MAX;
        msg.claim.count = 2;
    }
    if (op == ZSEQ_OP_NEXT)
        msg.next =
          (zseq_msg_next_t){.count = 1, .count_min = 1, .timeout_us = 1000000};
    zseq_event_t event = {.type = ZSEQ_EVENT_REQUEST, .msg = &msg};
    event.sender.route.size = 5;
    memcpy (event.sender.route.id + 1, &client, sizeof client);
    fixture_step (self, event);
    const fixture_seen_t *reply = fixture_find (self, ZSEQ_ACTION_REPLY);
    return reply ? &reply->msg : NULL;
}

Test (node_contention, is_told_when_two_clients_ask_for_a_name)
{
    const zseq_op_t ops[] = {ZSEQ_OP_READ, ZSEQ_OP_CLAIM};
    for (size_t first = 0; first < 2; first++)
        for (size_t second = 0; second < 2; second++) {
            fixture_t *self = fixture_voter ();
            cr_assert (!s_ask (self, 1, ops[first], "orders")->contended);
            cr_assert (!s_ask (self, 1, ops[second], "orders")->contended);
            cr_assert (s_ask (self, 2, ops[second], "orders")->contended);
            cr_assert (s_ask (self, 1, ops[first], "orders")->contended);
            cr_assert (!s_ask (self, 1, ops[first], "bills")->contended);
            fixture_destroy (&self);
        }
}

Test (node_contention, counts_those_that_ask_a_coordinator)
{
    fixture_t *self = fixture_voter ();
    cr_assert_null (s_ask (self, 1, ZSEQ_OP_NEXT, "orders"));
    cr_assert (s_ask (self, 2, ZSEQ_OP_READ, "orders")->contended);
    fixture_destroy (&self);
}

Test (node_contention, takes_no_clients_for_two_that_ask_far_apart)
{
    fixture_t *self = fixture_voter ();
    for (uint32_t client = 0; client < 20; client++) {
        cr_assert (!s_ask (self, client, ZSEQ_OP_READ, "orders")->contended);
        self->now_us += 100001;
    }
    fixture_destroy (&self);
}

Test (node_contention, is_remembered_for_a_second)
{
    fixture_t *self = fixture_voter ();
    s_ask (self, 1, ZSEQ_OP_READ, "orders");
    self->now_us += 100000;
    cr_assert (s_ask (self, 2, ZSEQ_OP_READ, "orders")->contended);
    self->now_us += 999999;
    cr_assert (s_ask (self, 2, ZSEQ_OP_READ, "orders")->contended);
    self->now_us += 1;
    cr_assert (!s_ask (self, 2, ZSEQ_OP_READ, "orders")->contended);
    fixture_destroy (&self);
}

Test (node_contention, does_not_come_from_the_own_coordinator)
{
    fixture_t *self = fixture_voter ();
    for (size_t call = 0; call < 10; call++) {
        s_ask (self, 1, ZSEQ_OP_NEXT, "orders");
        fixture_flush (self);
        self->now_us += 1000;
    }
    cr_assert (!s_ask (self, 1, ZSEQ_OP_READ, "orders")->contended);
    fixture_destroy (&self);
}

Test (node_contention, knows_how_large_the_last_claim_was)
{
    fixture_t *self = fixture_voter ();
    cr_assert_eq (s_ask (self, 1, ZSEQ_OP_CLAIM, "orders")->claim.last_count,
                  0);
    fixture_claim_durably (self, "orders", 1, 70);
    cr_assert_eq (s_ask (self, 1, ZSEQ_OP_CLAIM, "orders")->claim.last_count,
                  70);
    fixture_claim_durably (self, "orders", 1071, 3);
    cr_assert_eq (s_ask (self, 1, ZSEQ_OP_CLAIM, "orders")->claim.last_count,
                  3);
    cr_assert_eq (s_ask (self, 1, ZSEQ_OP_CLAIM, "bills")->claim.last_count, 0);
    fixture_destroy (&self);
}

//  A reply to READ says whether a NEXT of that connection was lost.
Test (node_contention, tells_a_client_whether_its_requests_wait)
{
    fixture_t *self = fixture_voter ();
    cr_assert (s_ask (self, 1, ZSEQ_OP_READ, "orders")->read.none_waits);
    s_ask (self, 1, ZSEQ_OP_NEXT, "orders");
    cr_assert (!s_ask (self, 1, ZSEQ_OP_READ, "bills")->read.none_waits);
    cr_assert (s_ask (self, 2, ZSEQ_OP_READ, "bills")->read.none_waits);
    //  The client has given up by then.
    fixture_tick (self, 1000000);
    fixture_flush (self);
    cr_assert (s_ask (self, 1, ZSEQ_OP_READ, "bills")->read.none_waits);
    fixture_destroy (&self);
}

//  One sender leaves places for others.
Test (node_contention, refuses_as_busy_what_is_too_much_of_one_sender)
{
    fixture_t *self = fixture_voter ();
    size_t accepted = 0;
    while (accepted < 100000 && !s_ask (self, 1, ZSEQ_OP_NEXT, "orders"))
        accepted++;
    cr_assert_lt (accepted, 100000);
    const fixture_seen_t *reply = fixture_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.status, ZSEQ_EBUSY);
    cr_assert_gt (reply->msg.next.retry_us, 0);
    for (size_t other = 0; other < accepted; other++)
        cr_assert_null (s_ask (self, 2, ZSEQ_OP_NEXT, "orders"));
    fixture_destroy (&self);
}

//  Names that nothing was won of hold no memory, whether they are refused at
//  once or in the end.
Test (node_contention, forgets_names_of_nexts_that_win_nothing)
{
    fixture_t *self = fixture_voter ();
    fixture_claim_durably (self, "orders", 1, 1);
    size_t refused = 0;
    for (size_t number = 0; number < 90; number++) {
        char name[16];
        snprintf (name, sizeof name, "new-%zu", number);
        refused += s_ask (self, 1, ZSEQ_OP_NEXT, name) != NULL;
    }
    cr_assert_eq (zseq_node_count (self->node), 1 + 90 - refused);
    cr_assert_gt (refused, 10);
    cr_assert_null (s_ask (self, 2, ZSEQ_OP_NEXT, "orders"));
    //  Nobody answers the coordinator's questions.
    fixture_tick (self, 3000000);
    fixture_tick (self, 3000000);
    cr_assert_eq (zseq_node_count (self->node), 1);
    cr_assert_null (s_ask (self, 1, ZSEQ_OP_NEXT, "new-1"));
    cr_assert_eq (zseq_node_count (self->node), 2);
    fixture_destroy (&self);
}

//  How many NEXTs the last step passes on to peers.
static size_t
s_passed_on (const fixture_t *self)
{
    size_t count = 0;
    for (size_t index = 0; index < self->count; index++)
        count += self->seen[index].type == ZSEQ_ACTION_ASK &&
                 self->seen[index].msg.op == ZSEQ_OP_NEXT;
    return count;
}

//  A peer that was not heard for long would only keep the clients waiting.
Test (node_contention, passes_a_next_on_to_peers_that_were_heard)
{
    for (int heard = 0; heard < 2; heard++) {
        fixture_t *self = fixture_voter ();
        self->now_us += 10000000;
        for (uint8_t peer = 1; peer < 3 && heard; peer++) {
            zseq_msg_t reply = {
              .op = ZSEQ_OP_READ, .reply = true, .node = peer};
            fixture_answer (self, peer, &reply);
        }
        self->now_us += 1500000;
        for (int name = 'a'; name <= 'z'; name++)
            s_ask (self, 1, ZSEQ_OP_NEXT, (char[]){(char) name, 0});
        fixture_flush (self);
        if (heard)
            cr_assert_gt (s_passed_on (self), 0);
        else
            cr_assert_eq (s_passed_on (self), 0);
        fixture_destroy (&self);
    }
}

//  Claims for the clients of several names share a frame, but only to a peer
//  that has said that it reads one, and says so still.
Test (node_contention, packs_claims_for_peers_that_read_packed_frames)
{
    static const uint64_t speaks[] = {0, 3, 4, 0};
    fixture_t *self = fixture_voter ();
    for (size_t at = 0; at < sizeof speaks / sizeof *speaks; at++) {
        fixture_tick (self, 2000000);
        uint64_t request = 0;
        for (size_t index = 0; index < self->count && !request; index++)
            if (self->seen[index].type == ZSEQ_ACTION_ASK &&
                self->seen[index].peer == 1) {
                cr_assert_not (self->seen[index].packs);
                request = self->seen[index].msg.request;
            }
        zseq_msg_t reply = {.op = ZSEQ_OP_INTRODUCE,
                            .reply = true,
                            .request = request,
                            .cluster = 42,
                            .node = 1,
                            .extended = true,
                            .vector = self->record.vector};
        reply.introduce.state = ZSEQ_STATE_VOTING;
        reply.introduce.process = 1;
        reply.introduce.floor = 1;
        reply.introduce.floor_reserved = 1;
        reply.introduce.speaks = speaks[at];
        fixture_answer (self, 1, &reply);
        for (int name = 'a'; name <= 'z'; name++)
            s_ask (self, 1, ZSEQ_OP_NEXT, (char[]){(char) name, 0});
        fixture_flush (self);
        size_t asked = 0;
        for (size_t index = 0; index < self->count; index++) {
            const fixture_seen_t *ask = &self->seen[index];
            if (ask->type != ZSEQ_ACTION_ASK)
                continue;
            asked += ask->peer == 1;
            cr_assert_eq (ask->packs, ask->peer == 1 && speaks[at] > 2, "%zu",
                          at);
        }
        cr_assert_gt (asked, 1, "%zu", at);
    }
    fixture_destroy (&self);
}
