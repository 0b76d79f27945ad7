//  Tests a node, one step at a time: introductions of peers, and what the node
//  learns from them.

#include <criterion/criterion.h>
#include <string.h>

#include "zseq_node_fixture.h"

Test (node, learns_nothing_from_what_anybody_could_say)
{
    fixture_t *self = fixture_voter ();
    zseq_msg_t lie = fixture_request (ZSEQ_OP_INTRODUCE, "", 5);
    lie.node = 1;
    lie.introduce.members = fixture_members (self);
    lie.vector.n = 3;
    for (uint8_t index = 0; index < 3; index++)
        lie.vector.incarnation[index] = (zseq_incarnation_t){9, 9};
    lie.introduce.state = ZSEQ_STATE_VOTING;
    fixture_send (self, &lie);
    fixture_flush (self);
    cr_assert_eq (self->count, 0);
    zseq_msg_t read = fixture_request (ZSEQ_OP_READ, "orders", 6);
    fixture_send (self, &read);
    const fixture_seen_t *reply = fixture_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.status, ZSEQ_OK);
    cr_assert_eq (reply->msg.vector.incarnation[1].counter, 1);
    fixture_destroy (&self);
}

static void
s_hear_process (fixture_t *self, uint8_t peer, uint64_t process)
{
    fixture_hear (self, peer, &self->record.vector, process);
}

//  A question was in flight when the peer claimed its incarnation, so the
//  answer says nothing about it. The node must ask again without waiting a
//  second.
Test (node, asks_at_once_what_a_question_under_way_could_not_answer)
{
    fixture_t *self = fixture_voter ();
    fixture_tick (self, 2000000);
    zseq_msg_t b = fixture_introduction (self, 1);
    zseq_msg_t fence = fixture_request (ZSEQ_OP_FENCE, "", 5);
    fence.node = 1;
    fence.fence.recovery.incarnation = (zseq_incarnation_t){2, 9};
    fixture_send (self, &fence);
    cr_assert_eq (fixture_only (self, ZSEQ_ACTION_REPLY)->msg.status,
                  ZSEQ_EAGAIN);
    fixture_answer (self, 1, &b);
    fixture_tick (self, 20000);
    b = fixture_introduction (self, 1);
    fixture_answer (self, 1, &b);
    fixture_send (self, &fence);
    cr_assert_eq (fixture_only (self, ZSEQ_ACTION_REPLY)->msg.status,
                  ZSEQ_ESUPERSEDED);
    fixture_destroy (&self);
}

//  Whatever a peer says, newer incarnations are left to begin.
Test (node, believes_no_peer_that_skips_billions_of_incarnations)
{
    const uint64_t lies[] = {UINT64_MAX, UINT64_MAX - 1,
                             ((uint64_t) 1 << 32) + 2};
    for (size_t at = 0; at < 3 * 3; at++) {
        uint8_t node = (uint8_t) (at % 3);
        fixture_t *self = fixture_voter ();
        zseq_vector_t vector = self->record.vector;
        vector.incarnation[node].counter = lies[at / 3];
        fixture_hear_vector (self, 1, &vector);
        cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
        fixture_write_record (self);
        cr_assert_eq (
          zseq_node_record (self->node)->vector.incarnation[node].counter, 1);
        fixture_destroy (&self);
    }
    //  Those that a recovery may begin are believed.
    fixture_t *self = fixture_voter ();
    zseq_vector_t vector = self->record.vector;
    vector.incarnation[2].counter = 1001;
    fixture_hear_vector (self, 1, &vector);
    fixture_write_record (self);
    cr_assert_eq (zseq_node_record (self->node)->vector.incarnation[2].counter,
                  1001);
    fixture_destroy (&self);
}

//  A reply to a claim is no better.
Test (node, says_at_times_that_it_does_not_believe_a_peer)
{
    fixture_t *self = fixture_voter ();
    zseq_msg_t lie = {
      .op = ZSEQ_OP_CLAIM, .reply = true, .vector = self->record.vector};
    lie.vector.incarnation[2].counter = UINT64_MAX;
    for (uint64_t seconds = 0; seconds < 30; seconds++) {
        fixture_tick (self, 1000000);
        fixture_answer (self, 1, &lie);
        cr_assert_eq (self->count, seconds % 10 == 0);
        if (self->count)
            cr_assert (strstr (fixture_only (self, ZSEQ_ACTION_LOG)->text,
                               "says that node c is in incarnation "
                               "18446744073709551615, which no node reaches"));
    }
    fixture_destroy (&self);
}

Test (node, spreads_newer_incarnations)
{
    fixture_t *self = fixture_voter ();
    zseq_vector_t vector = self->record.vector;
    vector.incarnation[2] = (zseq_incarnation_t){2, 99};
    fixture_hear_vector (self, 1, &vector);
    fixture_flush (self);
    const fixture_seen_t *persist =
      fixture_only (self, ZSEQ_ACTION_PERSIST_RECORD);
    cr_assert_eq (persist->record.vector.incarnation[2].counter, 2);
    fixture_destroy (&self);
}

//  Two processes run on copies of one directory. The process that is not at the
//  node's endpoint is told so, and ends.
Test (node, tells_a_second_process_under_one_name_from_the_first)
{
    fixture_t *self = fixture_voter ();
    zseq_msg_t hello = fixture_request (ZSEQ_OP_INTRODUCE, "", 5);
    hello.node = 1;
    hello.introduce.members = fixture_members (self);
    hello.vector = self->record.vector;
    hello.introduce.state = ZSEQ_STATE_VOTING;
    hello.introduce.process = 77;
    fixture_send (self, &hello);
    cr_assert_eq (fixture_only (self, ZSEQ_ACTION_REPLY)->msg.status, ZSEQ_OK);
    //  Another process answers at b's endpoint.
    s_hear_process (self, 1, 78);
    fixture_send (self, &hello);
    cr_assert_eq (fixture_only (self, ZSEQ_ACTION_REPLY)->msg.status,
                  ZSEQ_ESUPERSEDED);
    hello.introduce.process = 78;
    fixture_send (self, &hello);
    cr_assert_eq (fixture_only (self, ZSEQ_ACTION_REPLY)->msg.status, ZSEQ_OK);
    //  A restarted process is accepted, before and after it has answered.
    hello.introduce.process = 79;
    fixture_send (self, &hello);
    cr_assert_eq (fixture_only (self, ZSEQ_ACTION_REPLY)->msg.status, ZSEQ_OK);
    s_hear_process (self, 1, 79);
    fixture_send (self, &hello);
    cr_assert_eq (fixture_only (self, ZSEQ_ACTION_REPLY)->msg.status, ZSEQ_OK);
    fixture_destroy (&self);
}

Test (node, ends_when_another_process_is_found_at_its_endpoint)
{
    fixture_t *self = fixture_voter ();
    fixture_tick (self, 2000000);
    zseq_msg_t reply = fixture_find (self, ZSEQ_ACTION_ASK)->msg;
    uint8_t peer = fixture_find (self, ZSEQ_ACTION_ASK)->peer;
    reply.reply = true;
    reply.node = peer;
    reply.status = ZSEQ_ESUPERSEDED;
    reply.cluster = 42;
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_PEER_REPLY,
                                       .sender = zseq_sender_peer (peer),
                                       .msg = &reply});
    const fixture_seen_t *end = fixture_find (self, ZSEQ_ACTION_EXIT);
    cr_assert_not_null (end);
    cr_assert_eq (end->status, ZSEQ_ESUPERSEDED);
    //  The other process is where the peer looks, which may not be where this
    //  node's own list says.
    const zseq_record_t *record = zseq_node_record (self->node);
    cr_assert_null (
      strstr (end->text, record->members.member[record->self].endpoint));
    fixture_destroy (&self);
}

//  P6: a false claim that a peer has a new incarnation must not stop this node
//  from waiting for the peer's answer.
Test (node, does_not_ask_again_at_once_for_what_anybody_claims)
{
    fixture_t *self = fixture_voter ();
    fixture_tick (self, 2000000);
    cr_assert_geq (fixture_asked (self, 2), 0);
    for (uint64_t lie = 5; lie < 25; lie++) {
        zseq_msg_t fence = fixture_request (ZSEQ_OP_FENCE, "", lie);
        fence.node = 2;
        fence.fence.recovery.incarnation = (zseq_incarnation_t){lie, lie};
        fixture_send (self, &fence);
        cr_assert_eq (fixture_only (self, ZSEQ_ACTION_REPLY)->msg.status,
                      ZSEQ_EAGAIN);
        fixture_tick (self, 20000);
        cr_assert_eq (fixture_asked (self, 2), -1);
    }
    fixture_tick (self, 200000);
    cr_assert_geq (fixture_asked (self, 2), 0);
    fixture_destroy (&self);
}

Test (node, does_not_trust_an_answer_from_the_wrong_node)
{
    fixture_t *self = fixture_voter ();
    fixture_tick (self, 2000000);
    zseq_msg_t reply = fixture_find (self, ZSEQ_ACTION_ASK)->msg;
    uint8_t peer = fixture_find (self, ZSEQ_ACTION_ASK)->peer;
    reply.reply = true;
    reply.status = ZSEQ_OK;
    reply.node = (uint8_t) (3 - peer);
    reply.vector.incarnation[2].counter = 5;
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_PEER_REPLY,
                                       .sender = zseq_sender_peer (peer),
                                       .msg = &reply});
    cr_assert (strstr (fixture_find (self, ZSEQ_ACTION_LOG)->text,
                       " is not who answers at tcp://"));
    fixture_flush (self);
    cr_assert_eq (self->count, 0);
    fixture_destroy (&self);
}

Test (node, says_once_that_a_peer_refuses_it)
{
    fixture_t *self = fixture_voter ();
    for (size_t asked = 0; asked < 2; asked++) {
        fixture_tick (self, 2000000);
        zseq_msg_t reply = fixture_introduction (self, 1);
        reply.status = ZSEQ_EPROTOCOL;
        fixture_answer (self, 1, &reply);
        const fixture_seen_t *log = fixture_find (self, ZSEQ_ACTION_LOG);
        cr_assert_eq (log != NULL, asked == 0);
        cr_assert (!log || strstr (log->text, "refuses this node: the message"),
                   "%s", log->text);
    }
    fixture_destroy (&self);
}

Test (node, says_that_a_peer_recovers)
{
    fixture_t *self = fixture_voter ();
    zseq_vector_t vector = self->record.vector;
    vector.incarnation[1] = (zseq_incarnation_t){2, 99};
    fixture_hear_vector (self, 1, &vector);
    cr_assert_str_eq (fixture_find (self, ZSEQ_ACTION_LOG)->text,
                      "peer b begins incarnation 2: it recovers");
    fixture_destroy (&self);
}

Test (node, is_not_shaken_by_a_reformatted_peer)
{
    fixture_t *self = fixture_voter ();
    zseq_vector_t vector = {.n = 3};
    vector.incarnation[1] = (zseq_incarnation_t){1, 4711};
    fixture_hear_vector (self, 1, &vector);
    cr_assert (strstr (fixture_find (self, ZSEQ_ACTION_LOG)->text,
                       "is not the one this node has met: it was formatted"));
    fixture_flush (self);
    cr_assert_eq (self->count, 0);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
    fixture_destroy (&self);
}

Test (node, does_not_end_for_what_another_cluster_s_node_says)
{
    //  At b's endpoint listens a node of a cluster with the same names that has
    //  not formed yet.
    fixture_t *self = fixture_voter ();
    fixture_tick (self, 2000000);
    zseq_msg_t reply = self->seen[fixture_asked (self, 1)].msg;
    reply.reply = true;
    reply.node = 1;
    reply.cluster = 0;
    reply.status = ZSEQ_EREFORMATTED;
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_PEER_REPLY,
                                       .sender = zseq_sender_peer (1),
                                       .msg = &reply});
    cr_assert_null (fixture_find (self, ZSEQ_ACTION_EXIT));
    fixture_tick (self, 2000000);
    reply.request = self->seen[fixture_asked (self, 1)].msg.request;
    reply.status = ZSEQ_OK;
    reply.introduce.state = ZSEQ_STATE_FORMING;
    reply.vector.incarnation[0] = (zseq_incarnation_t){1, 4711};
    reply.vector.incarnation[1] = (zseq_incarnation_t){1, 4712};
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_PEER_REPLY,
                                       .sender = zseq_sender_peer (1),
                                       .msg = &reply});
    cr_assert_null (fixture_find (self, ZSEQ_ACTION_EXIT));
    cr_assert_not_null (fixture_find (self, ZSEQ_ACTION_LOG));
    fixture_flush (self);
    cr_assert_eq (self->count, 0);
    fixture_destroy (&self);
}
