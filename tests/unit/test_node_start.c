//  Tests a node, one step at a time: its start, in which it asks its peers
//  whether its record is the newest.
//
//  A directory may be an old copy. A node therefore votes only after enough
//  peers have confirmed its incarnation and its start (S11). s_starter makes a
//  node with a start on its disk. A test takes fixture_introduction as a peer's
//  answer, changes a field, delivers it with fixture_answer, and checks the
//  node's state: it still waits, votes, or recovers. s_wait_for_the_silent lets
//  the time pass that the node gives to the other peers.

#include <criterion/criterion.h>
#include <string.h>

#include "zseq_node_fixture.h"

//  Makes a node of n in its second incarnation that has begun its fourth start,
//  which is on its disk.
static fixture_t *
s_starter (size_t n)
{
    zseq_record_t record = fixture_record (n, 0);
    for (uint8_t index = 0; index < n; index++)
        record.vector.incarnation[index] =
          (zseq_incarnation_t){2, 1000u + index};
    record.vector.start[0] = (zseq_start_t){3, 333};
    record.start_voted = true;
    record.identity = 42;
    record.voting = true;
    fixture_t *self = fixture_new (&record, 100, 100);
    fixture_tick (self, 0);
    fixture_write_record (self);
    //  The node asks again, because the first answers were given before the
    //  write.
    fixture_tick (self, 100000);
    return self;
}

//  Lets the node's wait for the peers without an answer end.
static void
s_wait_for_the_silent (fixture_t *self)
{
    fixture_tick (self, 1000000);
}

Test (start, waits_for_the_word_of_a_peer)
{
    fixture_t *self = s_starter (3);
    s_wait_for_the_silent (self);
    zseq_msg_t recovering = fixture_introduction (self, 1);
    zseq_msg_t voting = fixture_introduction (self, 2);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING);
    fixture_claim (self, "orders", 1, 1);
    cr_assert_eq (fixture_only (self, ZSEQ_ACTION_REPLY)->msg.status,
                  ZSEQ_ENOTVOTING);
    //  The peer has lost its state.
    recovering.introduce.state = ZSEQ_STATE_RECOVERING;
    fixture_answer (self, 1, &recovering);
    fixture_write_record (self);
    cr_assert (!self->record.start_voted);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING);
    fixture_answer (self, 2, &voting);
    fixture_write_record (self);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
    fixture_claim_durably (self, "orders", 1, 1);
    fixture_destroy (&self);
}

Test (start, of_a_cluster_needs_no_voter)
{
    fixture_t *self = s_starter (3);
    zseq_msg_t reply = fixture_introduction (self, 1);
    reply.introduce.state = ZSEQ_STATE_STARTING;
    fixture_answer (self, 1, &reply);
    s_wait_for_the_silent (self);
    fixture_write_record (self);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
    fixture_destroy (&self);
}

Test (start, is_noted_by_a_majority_together_with_the_node)
{
    for (uint8_t n = 1; n <= 7; n++) {
        fixture_t *self = s_starter (n);
        s_wait_for_the_silent (self);
        zseq_msg_t reply[7];
        for (uint8_t peer = 1; peer < n; peer++)
            reply[peer] = fixture_introduction (self, peer);
        for (uint8_t peer = 1; peer <= n / 2; peer++) {
            fixture_write_record (self);
            cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING);
            fixture_answer (self, peer, &reply[peer]);
        }
        fixture_write_record (self);
        cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
        fixture_destroy (&self);
    }
}

Test (start, is_on_disk_before_it_is_shown)
{
    zseq_record_t record = fixture_voting_record ();
    record.vector.start[0] = (zseq_start_t){3, 333};
    record.start_voted = true;
    fixture_t *self = fixture_new (&record, 100, 100);
    fixture_tick (self, 0);
    zseq_msg_t ask = fixture_introduction (self, 1);
    ask.reply = false;
    ask.node = 1;
    ask.vector = record.vector;
    fixture_send (self, &ask);
    const fixture_seen_t *reply = fixture_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.vector.start[0].counter, 3);
    fixture_write_record (self);
    fixture_send (self, &ask);
    reply = fixture_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.vector.start[0].counter, 4);
    cr_assert_eq (reply->msg.vector.start[0].random, 77);
    fixture_destroy (&self);
}

//  Found by walks of the model: a copy of the directory was started, killed and
//  started again, and so overtook the start that its peers had noted.
Test (start, in_which_nobody_has_voted_is_taken_again)
{
    fixture_t *self = s_starter (3);
    zseq_record_t record = self->record;
    cr_assert_eq (record.vector.start[0].counter, 4);
    cr_assert (!record.start_voted);
    fixture_destroy (&self);
    self = fixture_new (&record, 100, 100);
    fixture_tick (self, 0);
    zseq_msg_t c = fixture_introduction (self, 2);
    cr_assert_eq (c.vector.start[0].counter, 4);
    cr_assert_eq (c.vector.start[0].random, 77);
    c.vector.start[0].random = 88;
    fixture_answer (self, 2, &c);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_RECOVERING);
    fixture_destroy (&self);
}

Test (start, is_on_disk_as_voted_before_the_vote)
{
    fixture_t *self = s_starter (3);
    for (uint8_t peer = 1; peer < 3; peer++) {
        fixture_tick (self, 10000000);
        zseq_msg_t reply = fixture_introduction (self, peer);
        fixture_answer (self, peer, &reply);
    }
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING);
    fixture_write_record (self);
    cr_assert (self->record.start_voted);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
    fixture_destroy (&self);
}

//  No peer meets a copy of the directory that runs at another endpoint.
Test (start, counts_only_for_the_process_at_the_endpoint)
{
    fixture_t *self = s_starter (3);
    zseq_msg_t reply = fixture_introduction (self, 1);
    reply.introduce.seen = 4711;
    fixture_answer (self, 1, &reply);
    s_wait_for_the_silent (self);
    fixture_write_record (self);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING);
    fixture_tick (self, 10000000);
    cr_assert (strstr (fixture_find (self, ZSEQ_ACTION_LOG)->text,
                       "peer b does not reach this process of node a"));
    fixture_destroy (&self);
}

Test (start, counts_only_where_it_is_on_disk)
{
    fixture_t *self = s_starter (3);
    zseq_msg_t reply = fixture_introduction (self, 1);
    reply.vector.start[0] = (zseq_start_t){3, 333};
    fixture_answer (self, 1, &reply);
    s_wait_for_the_silent (self);
    fixture_write_record (self);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING);
    fixture_destroy (&self);
}

//  S11: the directory was copied before the node's last start.
Test (start, of_a_copy_from_before_a_later_start_is_a_recovery)
{
    const zseq_start_t later[] = {{5, 77}, {4, 78}};
    for (size_t i = 0; i < 2; i++) {
        fixture_t *self = s_starter (3);
        zseq_msg_t b = fixture_introduction (self, 1);
        zseq_msg_t c = fixture_introduction (self, 2);
        fixture_answer (self, 1, &b);
        cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING);
        c.vector.start[0] = later[i];
        fixture_answer (self, 2, &c);
        cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_RECOVERING);
        cr_assert (strstr (fixture_find (self, ZSEQ_ACTION_LOG)->text,
                           "peer c knows a later start of it"));
        fixture_destroy (&self);
    }
}

Test (start, that_was_overtaken_ends_the_vote)
{
    fixture_t *self = fixture_voter ();
    zseq_vector_t vector = self->record.vector;
    vector.start[0].counter++;
    fixture_tick (self, 2000000);
    zseq_msg_t reply = fixture_introduction (self, 1);
    reply.vector = vector;
    fixture_answer (self, 1, &reply);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_RECOVERING);
    fixture_destroy (&self);
}

//  Each incarnation counts its starts anew.
Test (start, of_an_older_incarnation_does_not_matter)
{
    fixture_t *self = s_starter (3);
    zseq_msg_t reply = fixture_introduction (self, 1);
    reply.vector.incarnation[0] = (zseq_incarnation_t){1, 1000};
    reply.vector.start[0] = (zseq_start_t){9, 999};
    fixture_answer (self, 1, &reply);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING);
    fixture_destroy (&self);
}

//  Peers of an older version note no starts.
Test (start, counts_the_word_of_a_peer_that_speaks_version_1)
{
    fixture_t *self = s_starter (3);
    zseq_msg_t reply = fixture_introduction (self, 1);
    reply.extended = false;
    memset (reply.vector.start, 0, sizeof reply.vector.start);
    reply.introduce.seen = 0;
    fixture_answer (self, 1, &reply);
    s_wait_for_the_silent (self);
    fixture_write_record (self);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
    fixture_destroy (&self);
}

//  A forced floor binds every node that learns it.
Test (start, takes_the_floor_of_a_peer_before_it_votes)
{
    fixture_t *self = s_starter (3);
    zseq_msg_t b = fixture_introduction (self, 1);
    zseq_msg_t c = fixture_introduction (self, 2);
    fixture_answer (self, 2, &c);
    b.introduce.floor = 500;
    fixture_answer (self, 1, &b);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING);
    fixture_write_record (self);
    cr_assert_eq (self->record.floor, 500);
    fixture_write_record (self);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
    fixture_claim (self, "orders", 1, 10);
    const fixture_seen_t *reply = fixture_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.status, ZSEQ_ECONFLICT);
    cr_assert_eq (reply->msg.claim.next, 500);
    fixture_destroy (&self);
}

Test (node, does_not_vote_below_a_floor_that_it_meets)
{
    fixture_t *self = fixture_voter ();
    fixture_claim (self, "orders", 1, 10);
    fixture_flush (self);
    zseq_sequence_t *sequence =
      fixture_only (self, ZSEQ_ACTION_PERSIST)->sequence;
    fixture_tick (self, 2000000);
    zseq_msg_t b = fixture_introduction (self, 1);
    b.introduce.floor = 500;
    fixture_answer (self, 1, &b);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING);
    fixture_write_record (self);
    //  A claim that was granted below the floor is never answered.
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING);
    fixture_persisted (self, sequence, 11, ZSEQ_OK);
    cr_assert_null (fixture_find (self, ZSEQ_ACTION_REPLY));
    fixture_tick (self, 0);
    fixture_write_record (self);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
    fixture_claim_durably (self, "orders", 500, 1);
    fixture_destroy (&self);
}

//  A formation was cut short: c never returns, and b has not learnt of it yet.
Test (start, counts_who_was_born_with_it_and_does_not_vote_yet)
{
    zseq_record_t record = fixture_record (3, 0);
    for (uint8_t index = 0; index < 3; index++)
        record.vector.incarnation[index] =
          (zseq_incarnation_t){1, 1000u + index};
    record.identity = 42;
    record.voting = true;
    fixture_t *self = fixture_new (&record, 100, 100);
    fixture_tick (self, 0);
    fixture_write_record (self);
    fixture_tick (self, 100000);
    s_wait_for_the_silent (self);
    zseq_msg_t reply[3];
    for (uint8_t peer = 1; peer < 3; peer++) {
        reply[peer] = fixture_introduction (self, peer);
        reply[peer].cluster = 0;
        reply[peer].introduce.state = ZSEQ_STATE_COMPLETE;
    }
    //  b's answer is of another formation.
    reply[2].vector.incarnation[2].random = 4711;
    fixture_answer (self, 2, &reply[2]);
    fixture_write_record (self);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING);
    fixture_answer (self, 1, &reply[1]);
    fixture_write_record (self);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
    fixture_destroy (&self);
}

//  S4: b answers in an incarnation that has ended, as c knows.
Test (start, does_not_count_an_old_incarnation_s_word)
{
    fixture_t *self = s_starter (5);
    s_wait_for_the_silent (self);
    zseq_msg_t reply[5];
    for (uint8_t peer = 1; peer < 5; peer++) {
        reply[peer] = fixture_introduction (self, peer);
        reply[peer].vector.incarnation[1] = (zseq_incarnation_t){3, 7};
    }
    reply[1].vector.incarnation[1] = (zseq_incarnation_t){2, 1001};
    fixture_answer (self, 1, &reply[1]);
    fixture_answer (self, 2, &reply[2]);
    fixture_write_record (self);
    cr_assert (!self->record.start_voted);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING);
    fixture_answer (self, 3, &reply[3]);
    fixture_write_record (self);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
    fixture_destroy (&self);
}

Test (start, of_an_old_copy_is_a_recovery)
{
    fixture_t *self = s_starter (3);
    zseq_msg_t other = fixture_introduction (self, 1);
    zseq_msg_t reply = fixture_introduction (self, 2);
    reply.vector.incarnation[0] = (zseq_incarnation_t){3, 7};
    fixture_answer (self, 2, &reply);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_RECOVERING);
    fixture_answer (self, 1, &other);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_RECOVERING);
    fixture_destroy (&self);
}

Test (start, says_whom_it_waits_for)
{
    fixture_t *self = s_starter (3);
    zseq_msg_t status = fixture_request (ZSEQ_OP_STATUS, "", 5);
    fixture_send (self, &status);
    const fixture_seen_t *reply = fixture_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.node_status.state, ZSEQ_STATE_STARTING);
    cr_assert_str_eq (reply->msg.node_status.reason.data,
                      "starting: not noted yet by b c");
    fixture_destroy (&self);
}

//  Makes a peer's answer in version 1.
static zseq_msg_t
s_introduction_1 (const fixture_t *self, uint8_t peer)
{
    zseq_msg_t reply = fixture_introduction (self, peer);
    reply.extended = false;
    memset (reply.vector.start, 0, sizeof reply.vector.start);
    reply.introduce.seen = 0;
    return reply;
}

//  S11: peers of version 1 confirm a start that is on no disk yet, while the
//  disk says that the node voted in the start before.
Test (start, a_start_among_peers_of_version_1_is_on_disk_before_the_vote)
{
    zseq_record_t record = fixture_voting_record ();
    record.vector.start[0] = (zseq_start_t){3, 333};
    record.start_voted = true;
    fixture_t *self = fixture_new (&record, 100, 100);
    fixture_tick (self, 0);
    zseq_msg_t b = s_introduction_1 (self, 1);
    zseq_msg_t c = s_introduction_1 (self, 2);
    fixture_answer (self, 1, &b);
    fixture_answer (self, 2, &c);
    cr_expect_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING,
                  "it votes, and its start is on no disk");
    fixture_write_record (self);
    fixture_write_record (self);
    cr_expect_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
    cr_expect_eq (self->record.vector.start[0].counter, 4);
    cr_expect (self->record.start_voted,
               "the next process takes this start again, and a copy made in it "
               "is never found out");
    fixture_destroy (&self);
}

//  A peer that missed the formation knows a later start, and no cluster.
Test (start, a_late_peer_s_word_of_a_later_start_is_heard)
{
    fixture_t *self = s_starter (3);
    zseq_msg_t b = fixture_introduction (self, 1);
    zseq_msg_t c = fixture_introduction (self, 2);
    c.cluster = 0;
    c.introduce.state = ZSEQ_STATE_COMPLETE;
    c.vector.start[0] = (zseq_start_t){5, 99};
    fixture_answer (self, 2, &c);
    fixture_answer (self, 1, &b);
    fixture_write_record (self);
    cr_expect_eq (zseq_node_state (self->node), ZSEQ_STATE_RECOVERING,
                  "a peer that it reaches knows a later start");
    fixture_destroy (&self);
}

//  b recovers, and therefore asks no peer INTRODUCE. That is no sign of a wrong
//  endpoint.
Test (start, a_peer_that_recovers_is_not_said_not_to_reach_the_node)
{
    fixture_t *self = s_starter (3);
    zseq_msg_t b = fixture_introduction (self, 1);
    b.introduce.state = ZSEQ_STATE_RECOVERING;
    b.introduce.seen = 0;
    fixture_answer (self, 1, &b);
    fixture_tick (self, 10000000);
    for (size_t index = 0; index < self->count; index++)
        cr_expect (!strstr (self->seen[index].text, "does not reach"), "%s",
                   self->seen[index].text);
    fixture_destroy (&self);
}
