//  Tests a node, one step at a time: the formation of its cluster.
//
//  A test makes the nodes of a cluster, each stepped by hand (fixture_t), and
//  passes their INTRODUCE messages. s_round ticks every node, answers its
//  questions and writes its record. NULL in place of a node is a node that is
//  down. Other tests make one node and play its peers: fixture_introduction is
//  a peer's answer, of which the test changes a field, and fixture_answer
//  delivers it. The protocol is in wire.md; formation must never produce two
//  clusters or let a node vote in two incarnations.

#include <criterion/criterion.h>
#include <string.h>

#include "zseq_node_fixture.h"

//  Answers every question of asker's last step, by the nodes themselves.
static void
s_exchange (fixture_t **nodes, uint8_t asker)
{
    fixture_seen_t asks[ACTIONS_MAX];
    size_t count = 0;
    for (size_t index = 0; index < nodes[asker]->count; index++)
        if (nodes[asker]->seen[index].type == ZSEQ_ACTION_ASK)
            asks[count++] = nodes[asker]->seen[index];
    for (size_t index = 0; index < count; index++) {
        uint8_t peer = asks[index].peer;
        if (!nodes[peer])
            continue;
        fixture_send (nodes[peer], &asks[index].msg);
        fixture_seen_t reply = *fixture_only (nodes[peer], ZSEQ_ACTION_REPLY);
        fixture_step (nodes[asker],
                      (zseq_event_t){.type = ZSEQ_EVENT_PEER_REPLY,
                                     .sender = zseq_sender_peer (peer),
                                     .msg = &reply.msg});
    }
}

static void
s_round (fixture_t **nodes, uint8_t n)
{
    for (uint8_t index = 0; index < n; index++)
        if (nodes[index]) {
            fixture_tick (nodes[index], 2000000);
            s_exchange (nodes, index);
            fixture_write_record (nodes[index]);
        }
}

Test (formation, of_one_node_is_at_once)
{
    zseq_record_t record = fixture_record (1, 0);
    fixture_t *self = fixture_new (&record, 10, 10);
    fixture_tick (self, 0);
    cr_assert_neq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
    fixture_write_record (self);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
    cr_assert (self->record.voting);
    cr_assert_neq (self->record.identity, 0);
    fixture_destroy (&self);
}

Test (formation, makes_all_vote_in_one_cluster)
{
    for (uint8_t n = 2; n <= ZSEQ_NODES_MAX; n++) {
        fixture_t *nodes[ZSEQ_NODES_MAX];
        for (uint8_t index = 0; index < n; index++) {
            zseq_record_t record = fixture_record (n, index);
            nodes[index] = fixture_new (&record, 10, 10);
        }
        for (int round = 0; round < 4; round++)
            s_round (nodes, n);
        for (uint8_t index = 0; index < n; index++) {
            cr_assert_eq (zseq_node_state (nodes[index]->node),
                          ZSEQ_STATE_VOTING);
            cr_assert (nodes[index]->record.voting);
            cr_assert_eq (nodes[index]->record.identity,
                          nodes[0]->record.identity);
        }
        for (uint8_t index = 0; index < n; index++)
            fixture_destroy (&nodes[index]);
    }
}

Test (formation, waits_for_the_last_node)
{
    fixture_t *nodes[3] = {NULL, NULL, NULL};
    for (uint8_t index = 0; index < 2; index++) {
        zseq_record_t record = fixture_record (3, index);
        nodes[index] = fixture_new (&record, 10, 10);
    }
    for (int round = 0; round < 10; round++)
        s_round (nodes, 3);
    for (uint8_t index = 0; index < 2; index++) {
        cr_assert_eq (zseq_node_state (nodes[index]->node), ZSEQ_STATE_FORMING);
        fixture_destroy (&nodes[index]);
    }
}

Test (formation, does_not_vote_before_its_record_says_so)
{
    zseq_record_t record = fixture_record (1, 0);
    fixture_t *self = fixture_new (&record, 10, 10);
    fixture_tick (self, 0);
    fixture_flush (self);
    const fixture_seen_t *persist =
      fixture_find (self, ZSEQ_ACTION_PERSIST_RECORD);
    cr_assert_not_null (persist);
    cr_assert (persist->record.voting);
    zseq_msg_t read = fixture_request (ZSEQ_OP_READ, "orders", 5);
    read.cluster = persist->record.identity;
    fixture_send (self, &read);
    cr_assert_eq (fixture_only (self, ZSEQ_ACTION_REPLY)->msg.status,
                  ZSEQ_ENOTVOTING);
    fixture_destroy (&self);
}

Test (formation, tells_peers_only_what_is_durable)
{
    fixture_t *nodes[2];
    for (uint8_t index = 0; index < 2; index++) {
        zseq_record_t record = fixture_record (2, index);
        nodes[index] = fixture_new (&record, 10, 10);
    }
    //  a has met b, but has not written that to its disk yet.
    fixture_tick (nodes[0], 2000000);
    s_exchange (nodes, 0);
    fixture_tick (nodes[1], 2000000);
    fixture_seen_t ask = *fixture_find (nodes[1], ZSEQ_ACTION_ASK);
    fixture_send (nodes[0], &ask.msg);
    const fixture_seen_t *reply = fixture_only (nodes[0], ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.introduce.state, ZSEQ_STATE_FORMING);
    cr_assert_eq (reply->msg.vector.incarnation[1].counter, 0);
    fixture_write_record (nodes[0]);
    fixture_send (nodes[0], &ask.msg);
    reply = fixture_only (nodes[0], ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.introduce.state, ZSEQ_STATE_COMPLETE);
    cr_assert_eq (reply->msg.vector.incarnation[1].random, 1001);
    fixture_destroy (&nodes[0]);
    fixture_destroy (&nodes[1]);
}

Test (formation, lets_a_node_vote_that_was_down_when_the_others_began)
{
    fixture_t *nodes[3];
    for (uint8_t index = 0; index < 3; index++) {
        zseq_record_t record = fixture_record (3, index);
        nodes[index] = fixture_new (&record, 10, 10);
    }
    //  c has noted that the others start, and stops before it starts itself.
    zseq_record_t record = nodes[2]->record;
    for (int round = 0; round < 10 && !nodes[0]->record.voting; round++) {
        record = nodes[2]->record;
        s_round (nodes, 3);
    }
    cr_assert (nodes[0]->record.voting);
    cr_assert (!record.voting);
    fixture_destroy (&nodes[2]);
    for (int round = 0; round < 3; round++)
        s_round (nodes, 3);
    cr_assert_eq (zseq_node_state (nodes[1]->node), ZSEQ_STATE_VOTING);
    nodes[2] = fixture_new (&record, 10, 10);
    for (int round = 0; round < 3; round++)
        s_round (nodes, 3);
    cr_assert_eq (zseq_node_state (nodes[2]->node), ZSEQ_STATE_VOTING);
    cr_assert_eq (nodes[2]->record.identity, nodes[0]->record.identity);
    for (uint8_t index = 0; index < 3; index++)
        fixture_destroy (&nodes[index]);
}

//  Found by the simulator, seed 20348662: the node voted in a cluster of its
//  own.
Test (formation, that_was_missed_is_heard_of_from_who_was_born)
{
    //  The node had met all peers. It was down while they started and e lost
    //  its disk.
    zseq_record_t record = fixture_record (5, 0);
    for (uint8_t index = 0; index < 5; index++)
        record.vector.incarnation[index] =
          (zseq_incarnation_t){1, 1000u + index};
    record.vector.incarnation[4] = (zseq_incarnation_t){2, 99};
    fixture_t *self = fixture_new (&record, 10, 10);
    fixture_tick (self, 0);
    zseq_msg_t reply[5];
    //  If a peer has begun another incarnation, its cluster did not form with
    //  the vector that this node knows.
    for (uint8_t peer = 1; peer < 5; peer++) {
        reply[peer] = fixture_introduction (self, peer);
        reply[peer].introduce.state = ZSEQ_STATE_COMPLETE;
    }
    for (uint8_t peer = 1; peer < 5; peer++)
        fixture_answer (self, peer, &reply[peer]);
    fixture_write_record (self);
    cr_assert_eq (self->record.vector.start[0].counter, 0);
    fixture_tick (self, 2000000);
    //  Peers that lost their state do not count.
    for (uint8_t peer = 1; peer < 5; peer++) {
        reply[peer] = fixture_introduction (self, peer);
        reply[peer].cluster = 42;
        reply[peer].introduce.state =
          peer > 2 ? ZSEQ_STATE_RECOVERING : ZSEQ_STATE_STARTING;
    }
    for (uint8_t peer = 4; peer >= 2; peer--)
        fixture_answer (self, peer, &reply[peer]);
    fixture_write_record (self);
    cr_assert_eq (self->record.vector.start[0].counter, 0);
    fixture_answer (self, 1, &reply[1]);
    fixture_write_record (self);
    cr_assert_eq (self->record.vector.start[0].counter, 1);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_COMPLETE);
    //  Three peers have to note that the node starts before it votes.
    for (uint8_t peer = 1; peer < 4; peer++) {
        cr_assert (!self->record.voting);
        fixture_tick (self, 10000000);
        reply[peer] = fixture_introduction (self, peer);
        reply[peer].cluster = 42;
        fixture_answer (self, peer, &reply[peer]);
        fixture_write_record (self);
    }
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
    cr_assert_eq (self->record.identity, 42);
    fixture_destroy (&self);
}

//  Whether a node's status gives that reason.
static bool
s_waits (fixture_t *self, const char *reason)
{
    zseq_msg_t ask = {.op = ZSEQ_OP_STATUS, .request = 7};
    fixture_send (self, &ask);
    const fixture_seen_t *reply = fixture_find (self, ZSEQ_ACTION_REPLY);
    return strcmp (reply->reason, reason) == 0;
}

Test (formation, waits_until_all_have_met)
{
    zseq_record_t record = fixture_record (3, 0);
    for (uint8_t index = 0; index < 3; index++)
        record.vector.incarnation[index] =
          (zseq_incarnation_t){1, 1000u + index};
    fixture_t *self = fixture_new (&record, 10, 10);
    fixture_tick (self, 0);
    zseq_msg_t reply[3];
    for (uint8_t peer = 1; peer < 3; peer++) {
        reply[peer] = fixture_introduction (self, peer);
        reply[peer].introduce.state = ZSEQ_STATE_COMPLETE;
    }
    //  b has not met c.
    zseq_msg_t early = reply[1];
    early.introduce.state = ZSEQ_STATE_FORMING;
    early.vector.incarnation[2] = (zseq_incarnation_t){0, 0};
    fixture_answer (self, 2, &reply[2]);
    fixture_answer (self, 1, &early);
    fixture_write_record (self);
    cr_assert_eq (self->record.vector.start[0].counter, 0);
    cr_assert (s_waits (self, "formation: not all have met the same nodes: b"));
    fixture_tick (self, 2000000);
    reply[1].request = fixture_introduction (self, 1).request;
    fixture_answer (self, 1, &reply[1]);
    fixture_write_record (self);
    cr_assert_eq (self->record.vector.start[0].counter, 1);
    cr_assert (s_waits (self, "formation: not noted yet by b c"));
    fixture_destroy (&self);
}

Test (formation, does_not_let_a_node_vote_that_was_formatted_again)
{
    fixture_t *nodes[3];
    for (uint8_t index = 0; index < 3; index++) {
        zseq_record_t record = fixture_record (3, index);
        nodes[index] = fixture_new (&record, 10, 10);
    }
    for (int round = 0; round < 4; round++)
        s_round (nodes, 3);
    fixture_destroy (&nodes[2]);
    zseq_record_t record = fixture_record (3, 2);
    record.vector.incarnation[2].random = 4711;
    nodes[2] = fixture_new (&record, 10, 10);
    fixture_tick (nodes[2], 2000000);
    fixture_seen_t ask = *fixture_find (nodes[2], ZSEQ_ACTION_ASK);
    fixture_send (nodes[ask.peer], &ask.msg);
    fixture_seen_t reply = *fixture_only (nodes[ask.peer], ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply.msg.status, ZSEQ_EREFORMATTED);
    fixture_step (nodes[2],
                  (zseq_event_t){.type = ZSEQ_EVENT_PEER_REPLY,
                                 .sender = zseq_sender_peer (ask.peer),
                                 .msg = &reply.msg});
    const fixture_seen_t *end = fixture_only (nodes[2], ZSEQ_ACTION_EXIT);
    cr_assert_eq (end->status, ZSEQ_EREFORMATTED);
    cr_assert (strstr (end->text, "formatted again"));
    //  c's peers neither vote with it nor forget its first incarnation.
    nodes[2]->count = 0;
    s_round (nodes, 2);
    cr_assert_eq (nodes[0]->record.vector.incarnation[2].random, 1002);
    for (uint8_t index = 0; index < 3; index++)
        fixture_destroy (&nodes[index]);
}

Test (formation,
      a_node_formatted_twice_during_it_never_votes_in_both_incarnations)
{
    //  a meets c's first incarnation, b only its second.
    fixture_t *nodes[3];
    for (uint8_t index = 0; index < 3; index++) {
        zseq_record_t record = fixture_record (3, index);
        nodes[index] = fixture_new (&record, 10, 10);
    }
    fixture_t *pair[3] = {nodes[0], NULL, nodes[2]};
    s_round (pair, 3);
    zseq_record_t record = fixture_record (3, 2);
    record.vector.incarnation[2].random = 4711;
    fixture_destroy (&nodes[2]);
    nodes[2] = fixture_new (&record, 10, 10);
    pair[0] = NULL;
    pair[1] = nodes[1];
    pair[2] = nodes[2];
    s_round (pair, 3);
    for (int round = 0; round < 6; round++)
        for (uint8_t index = 0; index < 2; index++) {
            fixture_tick (nodes[index], 2000000);
            s_exchange (nodes, index);
            fixture_write_record (nodes[index]);
        }
    cr_assert_neq (zseq_node_state (nodes[0]->node), ZSEQ_STATE_VOTING);
    cr_assert_neq (zseq_node_state (nodes[1]->node), ZSEQ_STATE_VOTING);
    for (uint8_t index = 0; index < 3; index++)
        fixture_destroy (&nodes[index]);
}

Test (formation, refuses_another_member_list)
{
    zseq_record_t record = fixture_record (3, 0);
    fixture_t *self = fixture_new (&record, 10, 10);
    zseq_record_t other_record = fixture_record (2, 1);
    fixture_t *other = fixture_new (&other_record, 10, 10);
    fixture_tick (other, 2000000);
    fixture_seen_t ask = *fixture_find (other, ZSEQ_ACTION_ASK);
    fixture_send (self, &ask.msg);
    fixture_seen_t reply = *fixture_find (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply.msg.status, ZSEQ_EMEMBERS);
    const char *text = fixture_find (self, ZSEQ_ACTION_LOG)->text;
    cr_assert (strstr (text, "another member list"));
    //  Nobody is told to format a directory because of it.
    cr_assert (strstr (text, "anybody can send"));
    cr_assert_null (strstr (text, "format one"));
    //  Any process could send this repeatedly, so the node logs it at intervals
    //  only.
    fixture_send (self, &ask.msg);
    cr_assert_null (fixture_find (self, ZSEQ_ACTION_LOG));
    fixture_step (other, (zseq_event_t){.type = ZSEQ_EVENT_PEER_REPLY,
                                        .sender = zseq_sender_peer (0),
                                        .msg = &reply.msg});
    const fixture_seen_t *end = fixture_only (other, ZSEQ_ACTION_EXIT);
    cr_assert_eq (end->status, ZSEQ_EMEMBERS);
    cr_assert (strstr (end->text, "member list"));
    fixture_destroy (&self);
    fixture_destroy (&other);
}

Test (formation, is_possible_over_long_distances)
{
    //  An answer that takes 300 ms arrives before the question is repeated.
    zseq_record_t record = fixture_record (2, 0);
    fixture_t *self = fixture_new (&record, 10, 10);
    uint64_t asked_us = 0;
    zseq_msg_t ask = {.request = 0};
    bool answered = false;
    for (int tick = 0; tick < 200 && !answered; tick++) {
        fixture_tick (self, 20000);
        int index = fixture_asked (self, 1);
        if (index >= 0) {
            ask = self->seen[index].msg;
            asked_us = self->now_us;
        }
        if (!ask.request || self->now_us < asked_us + 300000)
            continue;
        zseq_msg_t reply = ask;
        reply.reply = true;
        reply.status = ZSEQ_OK;
        reply.node = 1;
        reply.introduce.state = ZSEQ_STATE_FORMING;
        memset (reply.vector.incarnation, 0, sizeof reply.vector.incarnation);
        reply.vector.incarnation[1] = (zseq_incarnation_t){1, 1001};
        fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_PEER_REPLY,
                                           .sender = zseq_sender_peer (1),
                                           .msg = &reply});
        fixture_flush (self);
        answered = fixture_find (self, ZSEQ_ACTION_PERSIST_RECORD) != NULL;
    }
    cr_assert (answered);
    fixture_destroy (&self);
}

//  The node learns of a floor while its first vote is being written.
Test (start, a_birth_does_not_vote_before_a_floor_is_on_disk)
{
    zseq_record_t record = fixture_record (3, 0);
    for (uint8_t index = 0; index < 3; index++)
        record.vector.incarnation[index] =
          (zseq_incarnation_t){1, 1000u + index};
    fixture_t *self = fixture_new (&record, 100, 100);
    uint64_t version = 0;
    for (int round = 0; round < 5 && !version; round++) {
        fixture_tick (self, 10000000);
        zseq_msg_t b = fixture_introduction (self, 1);
        zseq_msg_t c = fixture_introduction (self, 2);
        b.cluster = c.cluster = 42;
        fixture_answer (self, 1, &b);
        fixture_answer (self, 2, &c);
        fixture_flush (self);
        const fixture_seen_t *persist =
          fixture_find (self, ZSEQ_ACTION_PERSIST_RECORD);
        if (!persist)
            continue;
        if (persist->record.voting)
            version = persist->version;
        else
            fixture_step (self,
                          (zseq_event_t){.type = ZSEQ_EVENT_RECORD_PERSISTED,
                                         .version = persist->version});
    }
    cr_assert_neq (version, 0);
    fixture_tick (self, 10000000);
    zseq_msg_t b = fixture_introduction (self, 1);
    b.cluster = 42;
    b.introduce.floor = 500;
    fixture_answer (self, 1, &b);
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_RECORD_PERSISTED,
                                       .version = version});
    cr_expect_neq (zseq_node_state (self->node), ZSEQ_STATE_VOTING,
                   "the floor is on no disk");
    fixture_destroy (&self);
}

//  a votes. b has voted and lost its disk. c was down when they started.
Test (start, a_late_node_and_one_that_recovers_do_not_wait_for_each_other)
{
    fixture_t *nodes[3];
    for (uint8_t index = 0; index < 3; index++) {
        zseq_record_t record = fixture_record (3, index);
        nodes[index] = fixture_new (&record, 10, 10);
    }
    zseq_record_t late = nodes[2]->record;
    for (int round = 0; round < 10 && !nodes[0]->record.voting; round++) {
        late = nodes[2]->record;
        s_round (nodes, 3);
    }
    fixture_destroy (&nodes[2]);
    for (int round = 0; round < 3; round++)
        s_round (nodes, 3);
    cr_assert_eq (zseq_node_state (nodes[0]->node), ZSEQ_STATE_VOTING);
    cr_assert_eq (zseq_node_state (nodes[1]->node), ZSEQ_STATE_VOTING);
    fixture_destroy (&nodes[1]);
    zseq_record_t lost = fixture_record (3, 1);
    zseq_record_reset (&lost, 0);
    nodes[1] = fixture_new (&lost, 10, 10);
    nodes[2] = fixture_new (&late, 10, 10);
    for (int round = 0; round < 50; round++)
        s_round (nodes, 3);
    cr_expect_eq (zseq_node_state (nodes[0]->node), ZSEQ_STATE_VOTING);
    cr_expect_eq (zseq_node_state (nodes[1]->node), ZSEQ_STATE_VOTING,
                  "b never recovers");
    cr_expect_eq (zseq_node_state (nodes[2]->node), ZSEQ_STATE_VOTING,
                  "c is never born");
    for (uint8_t index = 0; index < 3; index++)
        fixture_destroy (&nodes[index]);
}
