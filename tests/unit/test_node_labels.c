//  Tests whom a node names for a name's last claim: the labels that clients
//  tell by HELLO, and that INFO repeats.

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "zseq_node_fixture.h"

static void
s_send_as (fixture_t *self, uint8_t client, const zseq_msg_t *msg)
{
    fixture_step (self,
                  (zseq_event_t){.type = ZSEQ_EVENT_REQUEST,
                                 .sender.route = {5, {0, 1, 2, 3, client}},
                                 .msg = msg});
}

static void
s_say_hello (fixture_t *self, uint8_t client, const char *label)
{
    zseq_msg_t msg = fixture_request (ZSEQ_OP_HELLO, "", 970);
    msg.hello.label = (zseq_slice_t){label, strlen (label)};
    s_send_as (self, client, &msg);
    cr_assert_eq (fixture_only (self, ZSEQ_ACTION_REPLY)->msg.status, ZSEQ_OK);
}

//  Claims an ID, durably.
static void
s_claim (fixture_t *self, uint8_t client, const char *name, uint64_t first)
{
    zseq_msg_t msg = fixture_request (ZSEQ_OP_CLAIM, name, 971);
    msg.claim.first = first;
    msg.claim.count = 1;
    s_send_as (self, client, &msg);
    fixture_flush (self);
    zseq_sequence_t *sequence =
      fixture_only (self, ZSEQ_ACTION_PERSIST)->sequence;
    fixture_persisted (self, sequence, first + 1, ZSEQ_OK);
}

//  Who made the last claim of a name, as INFO says.
static const char *
s_claimant (fixture_t *self, const char *name)
{
    static char text[ZSEQ_LABEL_MAX + 1];
    zseq_msg_t msg = fixture_request (ZSEQ_OP_INFO, name, 972);
    s_send_as (self, 99, &msg);
    zseq_slice_t claimant =
      fixture_only (self, ZSEQ_ACTION_REPLY)->msg.info.claimant;
    snprintf (text, sizeof text, "%.*s", (int) claimant.size, claimant.data);
    return text;
}

Test (node_labels, name_who_made_the_last_claim)
{
    fixture_t *self = fixture_voter ();
    s_say_hello (self, 1, "web-17");
    s_say_hello (self, 2, "web-18");
    cr_expect_str_empty (s_claimant (self, "orders"));
    s_claim (self, 1, "orders", 1);
    cr_expect_str_eq (s_claimant (self, "orders"), "web-17");
    cr_expect_str_empty (s_claimant (self, "bills"));
    s_claim (self, 2, "orders", 2);
    cr_expect_str_eq (s_claimant (self, "orders"), "web-18");
    //  One that has told none, and one whose label is another one by now.
    s_claim (self, 3, "orders", 3);
    cr_expect_str_empty (s_claimant (self, "orders"));
    s_say_hello (self, 1, "web-19");
    s_claim (self, 1, "orders", 4);
    cr_expect_str_eq (s_claimant (self, "orders"), "web-19");
    fixture_destroy (&self);
}

//  The reply to a HELLO without one may have come late.
Test (node_labels, outlive_a_hello_without_a_label)
{
    fixture_t *self = fixture_voter ();
    s_say_hello (self, 1, "web-17");
    s_say_hello (self, 1, "");
    s_claim (self, 1, "orders", 1);
    cr_expect_str_eq (s_claimant (self, "orders"), "web-17");
    fixture_destroy (&self);
}

//  What is claimed is claimed, whoever has gone since.
Test (node_labels, of_a_claim_outlive_the_connection_s)
{
    fixture_t *self = fixture_voter ();
    s_say_hello (self, 1, "web-17");
    s_claim (self, 1, "orders", 1);
    for (unsigned client = 0; client < 10000; client++) {
        zseq_msg_t msg = fixture_request (ZSEQ_OP_HELLO, "", 970);
        msg.hello.label = (zseq_slice_t){"other", 5};
        zseq_event_t event = {.type = ZSEQ_EVENT_REQUEST, .msg = &msg};
        event.sender.route.size = 5;
        memcpy (event.sender.route.id + 1, &client, sizeof client);
        fixture_step (self, event);
    }
    cr_expect_str_eq (s_claimant (self, "orders"), "web-17");
    fixture_destroy (&self);
}

Test (node_labels, may_have_the_maximum_of_any_bytes)
{
    fixture_t *self = fixture_voter ();
    char label[ZSEQ_LABEL_MAX + 1];
    memset (label, '\x1b', sizeof label - 1);
    label[sizeof label - 1] = 0;
    s_say_hello (self, 1, label);
    s_claim (self, 1, "orders", 1);
    cr_expect_str_eq (s_claimant (self, "orders"), label);
    fixture_destroy (&self);
}

//  Nodes claim for clients; each says which node it was, and that one knows
//  which client.
Test (node_labels, name_the_node_that_claimed_for_clients)
{
    fixture_t *self = fixture_voter ();
    zseq_msg_t msg = fixture_request (ZSEQ_OP_INTRODUCE, "", 973);
    msg.node = 1;
    msg.vector = zseq_node_record (self->node)->vector;
    msg.introduce.members = fixture_members (self);
    msg.introduce.state = ZSEQ_STATE_VOTING;
    msg.introduce.process = 5;
    s_send_as (self, 1, &msg);
    cr_assert_eq (fixture_find (self, ZSEQ_ACTION_REPLY)->msg.status, ZSEQ_OK);
    s_claim (self, 1, "orders", 1);
    cr_expect_str_eq (s_claimant (self, "orders"), "node b");
    fixture_destroy (&self);
}

//  A node of one, which claims for a client by itself.
Test (node_labels, name_the_client_that_a_coordinator_served)
{
    zseq_record_t record = fixture_record (1, 0);
    record.identity = 42;
    record.voting = true;
    fixture_t *self = fixture_new (&record, 10, 10);
    fixture_tick (self, 0);
    s_say_hello (self, 1, "web-17");
    s_say_hello (self, 2, "web-18");
    s_claim (self, 2, "orders", 1);
    zseq_msg_t msg = fixture_request (ZSEQ_OP_NEXT, "orders", 974);
    msg.next =
      (zseq_msg_next_t){.count = 1, .count_min = 1, .timeout_us = 1000000};
    s_send_as (self, 1, &msg);
    fixture_flush (self);
    cr_assert_not_null (fixture_find (self, ZSEQ_ACTION_PERSIST));
    fixture_seen_t write = *fixture_find (self, ZSEQ_ACTION_PERSIST);
    cr_expect_str_eq (s_claimant (self, "orders"), "web-18");
    fixture_persisted (self, write.sequence, write.durable_to, ZSEQ_OK);
    cr_assert_eq (fixture_find (self, ZSEQ_ACTION_REPLY)->msg.op, ZSEQ_OP_NEXT);
    cr_expect_str_eq (s_claimant (self, "orders"), "web-17");
    fixture_destroy (&self);
}
