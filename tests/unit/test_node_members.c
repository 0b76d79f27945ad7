//  Tests a node, one step at a time: member lists of peers that differ from its
//  own.

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "zseq_node_fixture.h"

#define OLD_C "tcp://127.0.0.1:1002"
#define NEW_C "tcp://10.0.0.4:1002"

//  The member list of a peer: this node's, but for the endpoint of c.
typedef struct {
    zseq_msg_member_t member[ZSEQ_NODES_MAX];
    zseq_msg_members_t members;
} s_list_t;

static zseq_slice_t
s_text (const char *text)
{
    return (zseq_slice_t){text, strlen (text)};
}

static const zseq_msg_members_t *
s_list (s_list_t *self, const fixture_t *node, const char *c)
{
    const zseq_members_t *members = &node->record.members;
    for (uint8_t index = 0; index < members->n; index++)
        self->member[index] = (zseq_msg_member_t){
          s_text (members->member[index].name),
          s_text (index == 2 ? c : members->member[index].endpoint)};
    self->members =
      (zseq_msg_members_t){.cluster_name = s_text (node->record.cluster),
                           .member = self->member,
                           .member_count = members->n};
    return &self->members;
}

//  Has the node ask b, which answers that c is at that endpoint; NULL: it says
//  no list.
static void
s_hear (fixture_t *self, const char *c)
{
    fixture_tick (self, 2000000);
    zseq_msg_t reply = fixture_introduction (self, 1);
    reply.introduce.speaks = ZSEQ_WIRE_VERSION;
    s_list_t list = {.members.member_count = 0};
    reply.introduce.members = c ? *s_list (&list, self, c) : list.members;
    fixture_answer (self, 1, &reply);
}

//  The only line about member lists in the last step; NULL: none.
static const fixture_seen_t *
s_line (const fixture_t *self)
{
    const fixture_seen_t *line = NULL;
    for (size_t index = 0; index < self->count; index++) {
        const fixture_seen_t *seen = &self->seen[index];
        if (seen->type != ZSEQ_ACTION_LOG ||
            !strstr (seen->text, "member list"))
            continue;
        cr_assert_null (line);
        line = seen;
    }
    return line;
}

//  Asks for the node's STATUS. Returns how many peers' lists differ.
static uint64_t
s_differing (fixture_t *self, const char *reason)
{
    zseq_msg_t msg = fixture_request (ZSEQ_OP_STATUS, "", 950);
    fixture_send (self, &msg);
    const fixture_seen_t *reply = fixture_only (self, ZSEQ_ACTION_REPLY);
    cr_expect_str_eq (reply->reason, reason);
    for (size_t index = 0; index < reply->counters; index++)
        if (!strcmp (reply->counter[index].name, "member_lists_differ"))
            return reply->counter[index].value;
    cr_assert_fail ("no counter");
    return 0;
}

Test (node_members, logs_and_marks_a_list_that_differs_until_it_does_not)
{
    fixture_t *self = fixture_voter ();
    s_hear (self, OLD_C);
    cr_assert_null (s_line (self));
    cr_assert_eq (s_differing (self, ""), 0);

    s_hear (self, NEW_C);
    const fixture_seen_t *line = s_line (self);
    cr_assert_not_null (line);
    cr_assert_eq (line->level, ZSEQ_LOG_WARNING);
    cr_assert_str_eq (
      line->text,
      "member list differs from peer b's: c is at " OLD_C " here and at " NEW_C
      " there. Stop the node whose list is wrong and start it again with the "
      "other's: on this node zseqd start --data DIR --members "
      "'a=tcp://127.0.0.1:1000,b=tcp://127.0.0.1:1001,c=" NEW_C
      "', or on b zseqd start --data DIR --members "
      "'a=tcp://127.0.0.1:1000,b=tcp://127.0.0.1:1001,c=" OLD_C "'");
    cr_assert_eq (s_differing (self, "member list differs from b's: c at " OLD_C
                                     " here, at " NEW_C " there"),
                  1);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
    for (int again = 0; again < 5; again++) {
        s_hear (self, NEW_C);
        cr_assert_null (s_line (self));
    }

    s_hear (self, OLD_C);
    line = s_line (self);
    cr_assert_not_null (line);
    cr_assert_eq (line->level, ZSEQ_LOG_INFO);
    cr_assert_str_eq (line->text,
                      "member list no longer differs from peer b's");
    cr_assert_eq (s_differing (self, ""), 0);
    s_hear (self, OLD_C);
    cr_assert_null (s_line (self));
    fixture_destroy (&self);
}

Test (node_members, logs_another_difference_again)
{
    fixture_t *self = fixture_voter ();
    s_hear (self, NEW_C);
    s_hear (self, "tcp://10.0.0.5:1002");
    cr_assert_not_null (s_line (self));
    cr_assert_not_null (strstr (s_line (self)->text, "10.0.0.5"));
    fixture_destroy (&self);
}

//  An endpoint of this node's list is an operator's: no peer changes it.
Test (node_members, takes_no_endpoint_over)
{
    fixture_t *self = fixture_voter ();
    s_hear (self, NEW_C);
    fixture_flush (self);
    cr_assert_null (fixture_find (self, ZSEQ_ACTION_PERSIST_RECORD));
    cr_assert_str_eq (zseq_node_record (self->node)->members.member[2].endpoint,
                      OLD_C);
    fixture_destroy (&self);
}

Test (node_members, compares_nothing_with_a_peer_that_says_no_list)
{
    fixture_t *self = fixture_voter ();
    s_hear (self, NULL);
    cr_assert_null (s_line (self));
    s_hear (self, NEW_C);
    //  An older version was started in its place.
    s_hear (self, NULL);
    cr_assert_not_null (s_line (self));
    cr_assert_eq (s_differing (self, ""), 0);
    fixture_destroy (&self);
}

//  P6: only a reply that comes from the peer's endpoint, from that peer of this
//  cluster, is compared.
Test (node_members, believes_no_list_that_anybody_could_send)
{
    fixture_t *self = fixture_voter ();
    s_list_t list;
    zseq_msg_t lie = fixture_request (ZSEQ_OP_INTRODUCE, "", 5);
    lie.node = 1;
    lie.introduce.members = *s_list (&list, self, NEW_C);
    lie.vector = self->record.vector;
    lie.introduce.state = ZSEQ_STATE_VOTING;
    fixture_send (self, &lie);
    cr_assert_null (s_line (self));
    for (int how = 0; how < 3; how++) {
        fixture_tick (self, 2000000);
        zseq_msg_t reply = fixture_introduction (self, 1);
        reply.introduce.speaks = ZSEQ_WIRE_VERSION;
        reply.introduce.members = *s_list (&list, self, NEW_C);
        if (how == 0)
            reply.request++;  //  No answer to a question
        else if (how == 1)
            reply.cluster++;
        else
            reply.node = 2;
        fixture_answer (self, 1, &reply);
        cr_assert_null (s_line (self), "%d", how);
    }
    cr_assert_eq (s_differing (self, ""), 0);
    fixture_destroy (&self);
}

//  The log shows commands to copy. What a peer says is no part of a shell's
//  language.
Test (node_members, shows_nothing_that_a_shell_would_run)
{
    fixture_t *self = fixture_voter ();
    s_hear (self, "tcp://x'$(reboot)\n\x1b[2J`;:1");
    const fixture_seen_t *line = s_line (self);
    cr_assert_not_null (line);
    cr_assert_not_null (strstr (line->text, "c=tcp://x???reboot???[2J??:1'"));
    fixture_destroy (&self);
}

Test (node_members, answers_an_introduction_with_its_list)
{
    fixture_t *self = fixture_voter ();
    zseq_msg_t hello = fixture_request (ZSEQ_OP_INTRODUCE, "", 5);
    hello.node = 1;
    hello.introduce.members = fixture_members (self);
    hello.vector = self->record.vector;
    hello.introduce.state = ZSEQ_STATE_VOTING;
    fixture_send (self, &hello);
    const zseq_msg_t *reply = &fixture_only (self, ZSEQ_ACTION_REPLY)->msg;
    cr_assert_eq (reply->introduce.members.member_count, 3);
    zseq_slice_t c = reply->introduce.members.member[2].endpoint;
    cr_assert (c.size == strlen (OLD_C) && !memcmp (c.data, OLD_C, c.size));
    fixture_destroy (&self);
}

//  A node that recovers asks HELLO, and not INTRODUCE. That its peers look for
//  it at its old endpoint is why it waits.
Test (node_members, compares_lists_while_it_recovers)
{
    zseq_record_t record = fixture_voting_record ();
    fixture_t *self = fixture_new (&record, 10, 10);
    zseq_node_recover (self->node, "it was told to", NULL);
    fixture_tick (self, 0);
    int asked = fixture_asked (self, 1);
    cr_assert_geq (asked, 0);
    zseq_msg_t reply = self->seen[asked].msg;
    cr_assert_eq (reply.op, ZSEQ_OP_HELLO);
    s_list_t list;
    reply.reply = true;
    reply.node = 1;
    reply.cluster = 42;
    reply.vector = record.vector;
    reply.hello.members = *s_list (&list, self, NEW_C);
    reply.hello.state = ZSEQ_STATE_VOTING;
    reply.hello.speaks = ZSEQ_WIRE_VERSION;
    fixture_answer (self, 1, &reply);
    cr_assert_not_null (s_line (self));
    //  Both endpoints would not fit.
    cr_assert_eq (
      s_differing (self, "recovering: found 1 of 2 voting peers; lacks c; "
                         "member list differs from b's: c"),
      1);
    fixture_destroy (&self);
}
