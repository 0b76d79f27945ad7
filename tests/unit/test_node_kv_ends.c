//  Tests what nodes tell each other of their journals, and that a node whose
//  journal ends before a position that it has told recovers: kv.md, K17.
//
//  A test makes node a of three (fixture_kv_voter, s_starter) and plays its
//  peers b and c, and the disk.

#include <criterion/criterion.h>
#include <string.h>

#include "zseq_node_fixture.h"

static const zseq_ballot_t s_ballot = {5, 77};
static const zseq_slice_t s_key = {"k", 1};

//  Sends a request of a node that tells that, and which changes the registers
//  if its ballot is new.
static void
s_promise (fixture_t *self, uint8_t peer, zseq_incarnation_t incarnation,
           uint64_t position, zseq_ballot_t ballot)
{
    zseq_msg_t msg = fixture_request (ZSEQ_OP_KV_PROMISE, "", 7);
    msg.node = peer;
    msg.end = (zseq_journal_end_t){incarnation, position};
    msg.kv_promise.ballot = ballot;
    msg.kv_promise.shards = UINT64_C (1) << zseq_kv_shard (s_key);
    fixture_send (self, &msg);
}

//  Has the node hand a group over to the disk, and makes that durable. Returns
//  what the group remembers of a node.
static zseq_journal_end_t
s_sync (fixture_t *self, uint8_t node)
{
    fixture_flush (self);
    const zseq_kv_group_t *group =
      fixture_only (self, ZSEQ_ACTION_PERSIST_KV)->group;
    zseq_journal_end_t end = group->heard[node];
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_KV_PERSISTED,
                                       .position = group->position,
                                       .status = ZSEQ_OK});
    return end;
}

//  Whose journal the node says to have heard how much of.
static uint64_t
s_heard (fixture_t *self, uint8_t peer)
{
    fixture_tick (self, 10000000);
    zseq_msg_t ask = fixture_introduction (self, peer);
    ask.reply = false;
    fixture_send (self, &ask);
    const fixture_seen_t *reply = fixture_find (self, ZSEQ_ACTION_REPLY);
    cr_assert (reply);
    cr_assert_eq (reply->msg.status, ZSEQ_OK);
    return reply->msg.introduce.heard;
}

static zseq_incarnation_t
s_incarnation (const fixture_t *self, uint8_t node)
{
    return self->record.vector.incarnation[node];
}

Test (node_kv_ends, remembers_the_highest_position_of_a_peer)
{
    fixture_t *self = fixture_kv_voter (100);
    zseq_incarnation_t b = s_incarnation (self, 1);
    cr_assert_eq (s_heard (self, 1), 0);
    s_promise (self, 1, b, 8, s_ballot);
    s_promise (self, 1, b, 9, s_ballot);
    s_promise (self, 1, b, 7, s_ballot);
    cr_assert_eq (s_heard (self, 1), 9);
    cr_assert_eq (s_heard (self, 2), 0);
    fixture_destroy (&self);
}

//  Positions begin anew with an incarnation.
Test (node_kv_ends, remembers_the_newest_incarnation_only)
{
    fixture_t *self = fixture_kv_voter (100);
    zseq_incarnation_t old = s_incarnation (self, 1);
    zseq_incarnation_t new = {old.counter + 1, 1};
    s_promise (self, 1, old, 9, s_ballot);
    s_promise (self, 1, new, 2, s_ballot);
    s_promise (self, 1, old, 10, s_ballot);
    //  The node does not know that incarnation from the peer's endpoint yet.
    cr_assert_eq (s_heard (self, 1), 0);
    zseq_journal_end_t end = s_sync (self, 1);
    cr_assert_eq (end.incarnation.counter, new.counter);
    cr_assert_eq (end.position, 2);
    zseq_vector_t vector = self->record.vector;
    vector.incarnation[1] = new;
    fixture_hear_vector (self, 1, &vector);
    fixture_write_record (self);
    cr_assert_eq (s_heard (self, 1), 2);
    fixture_destroy (&self);
}

//  A version without keys recovers a node and writes nothing of them.
Test (node_kv_ends, knows_that_a_recovery_has_written)
{
    fixture_t *self = fixture_kv_voter (100);
    zseq_incarnation_t old = s_incarnation (self, 1);
    zseq_incarnation_t new = {old.counter + 1, 1};
    zseq_vector_t vector = self->record.vector;
    vector.incarnation[1] = new;
    vector.incarnation[2] = new;
    s_promise (self, 1, old, 9, s_ballot);
    fixture_hear_vector (self, 1, &vector);
    fixture_write_record (self);
    cr_assert_eq (s_heard (self, 1), 1);
    //  That one has never told anything.
    cr_assert_eq (s_heard (self, 2), 0);
    s_promise (self, 1, new, 3, (zseq_ballot_t){6, 77});
    cr_assert_eq (s_heard (self, 1), 3);
    fixture_destroy (&self);
}

Test (node_kv_ends, writes_what_it_remembers_with_its_next_group)
{
    fixture_t *self = fixture_kv_voter (100);
    zseq_incarnation_t b = s_incarnation (self, 1);
    s_promise (self, 1, b, 8, s_ballot);
    cr_assert_eq (s_sync (self, 1).position, 8);
    s_promise (self, 1, b, 9, s_ballot);
    fixture_flush (self);
    cr_assert_null (fixture_find (self, ZSEQ_ACTION_PERSIST_KV));
    s_promise (self, 2, s_incarnation (self, 2), 3, (zseq_ballot_t){6, 77});
    cr_assert_eq (s_sync (self, 1).position, 9);
    fixture_destroy (&self);
}

Test (node_kv_ends, goes_on_with_what_the_disk_remembers)
{
    zseq_record_t record = fixture_voting_record ();
    fixture_t *self = fixture_new_kv (&record, 100, 100000000);
    zseq_journal_end_t end = {record.vector.incarnation[1], 8};
    zseq_node_load_heard (self->node, 1, &end);
    end.position = 4;
    zseq_node_load_heard (self->node, 1, &end);
    //  The node itself, and what no member is, are nothing to remember.
    zseq_node_load_heard (self->node, 0, &end);
    zseq_node_load_heard (self->node, 3, &end);
    fixture_start (self);
    cr_assert_eq (s_heard (self, 1), 8);
    s_promise (self, 2, s_incarnation (self, 2), 3, s_ballot);
    cr_assert_eq (s_sync (self, 0).position, 0);
    fixture_destroy (&self);
}

//  Makes b and c speak the version that has keys.
static void
s_speak (fixture_t *self)
{
    for (uint8_t peer = 1; peer <= 2; peer++) {
        fixture_tick (self, 10000000);
        zseq_msg_t reply = fixture_introduction (self, peer);
        reply.introduce.speaks = ZSEQ_WIRE_VERSION;
        reply.introduce.members.member_count = 0;
        fixture_answer (self, peer, &reply);
    }
}

static void
s_write (fixture_t *self, uint64_t request)
{
    zseq_msg_t msg = fixture_request (ZSEQ_OP_KV_WRITE, "m", request);
    msg.kv_write.op =
      (zseq_kv_op_t){.type = ZSEQ_KV_PUT, .op = request, .value = {"v", 1}};
    msg.kv_write.timeout_us = 5000000;
    msg.kv_write.relayed = true;
    fixture_send (self, &msg);
}

//  The question to a peer of that op in the last step.
static zseq_msg_t
s_question (const fixture_t *self, zseq_op_t op)
{
    size_t index = 0;
    while (index < self->count && (self->seen[index].type != ZSEQ_ACTION_ASK ||
                                   self->seen[index].msg.op != op))
        index++;
    cr_assert_lt (index, self->count);
    return self->seen[index].msg;
}

static void
s_assert_says (const fixture_t *self, const zseq_msg_t *msg, uint64_t position)
{
    cr_assert_eq (msg->node, 0);
    cr_assert_eq (msg->end.incarnation.counter,
                  s_incarnation (self, 0).counter);
    cr_assert_eq (msg->end.incarnation.random, s_incarnation (self, 0).random);
    cr_assert_eq (msg->end.position, position);
}

Test (node_kv_ends, tells_in_its_own_requests_what_is_durable)
{
    fixture_t *self = fixture_kv_voter (100);
    s_speak (self);
    s_promise (self, 1, s_incarnation (self, 1), 8, s_ballot);
    s_sync (self, 0);
    s_promise (self, 1, s_incarnation (self, 1), 8, (zseq_ballot_t){6, 77});
    fixture_flush (self);
    cr_assert_eq (fixture_find (self, ZSEQ_ACTION_PERSIST_KV)->group->position,
                  2);
    s_write (self, 20);
    fixture_flush (self);
    zseq_msg_t ask = s_question (self, ZSEQ_OP_KV_PROMISE);
    s_assert_says (self, &ask, 1);
    fixture_destroy (&self);
}

Test (node_kv_ends, hears_what_the_replies_to_its_requests_tell)
{
    fixture_t *self = fixture_kv_voter (100);
    s_speak (self);
    s_write (self, 20);
    fixture_flush (self);
    zseq_msg_t ask = s_question (self, ZSEQ_OP_KV_PROMISE);
    zseq_kv_answer_t answer = {.status = ZSEQ_OK,
                               .promise = ask.kv_promise.ballot};
    zseq_msg_t reply = {.op = ZSEQ_OP_KV_PROMISE,
                        .reply = true,
                        .request = ask.request,
                        .cluster = ask.cluster,
                        .node = 1,
                        .vector = self->record.vector,
                        .end = {.position = 12},
                        .kv_promise = {.shards = ask.kv_promise.shards,
                                       .answers = &answer,
                                       .answer_count = 1}};
    //  Whoever answers for another peer tells nothing.
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_PEER_REPLY,
                                       .sender = zseq_sender_peer (2),
                                       .msg = &reply});
    cr_assert_eq (s_heard (self, 1), 0);
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_PEER_REPLY,
                                       .sender = zseq_sender_peer (1),
                                       .msg = &reply});
    cr_assert_eq (s_heard (self, 1), 12);
    fixture_destroy (&self);
}

//  Makes node a of three, whose journal ends at position 5, before it votes.
static fixture_t *
s_starter (uint64_t kv_bytes_max)
{
    zseq_record_t record = fixture_voting_record ();
    fixture_t *self = fixture_new_kv (&record, 100, kv_bytes_max);
    zseq_registers_t *registers = zseq_node_registers (self->node);
    if (registers)
        zseq_registers_load_position (registers, 5);
    fixture_tick (self, 0);
    fixture_write_record (self);
    fixture_tick (self, 10000000);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING);
    return self;
}

//  A peer answers that it has heard of position. Returns the node's state then.
static zseq_state_t
s_hear_of_itself (fixture_t *self, uint8_t peer, uint64_t position)
{
    zseq_msg_t reply = fixture_introduction (self, peer);
    reply.introduce.heard = position;
    fixture_answer (self, peer, &reply);
    return zseq_node_state (self->node);
}

Test (node_kv_ends, recovers_if_its_journal_ends_before_what_it_has_told)
{
    fixture_t *self = s_starter (100000000);
    cr_assert_eq (s_hear_of_itself (self, 1, 6), ZSEQ_STATE_RECOVERING);
    cr_assert_str_eq (
      fixture_find (self, ZSEQ_ACTION_LOG)->text,
      "node a recovers: the journal in its directory kv has lost its end, "
      "after "
      "group 5, as peer b has heard of group 6: check the disk, which has lost "
      "what it had confirmed");
    fixture_destroy (&self);
}

Test (node_kv_ends, starts_if_its_journal_has_what_it_has_told)
{
    fixture_t *self = s_starter (100000000);
    zseq_msg_t c = fixture_introduction (self, 2);
    cr_assert_eq (s_hear_of_itself (self, 1, 5), ZSEQ_STATE_STARTING);
    //  In another incarnation than its own.
    c.introduce.heard = 6;
    c.vector.incarnation[0].counter--;
    fixture_answer (self, 2, &c);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING);
    fixture_write_record (self);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
    fixture_destroy (&self);
}

Test (node_kv_ends, starts_without_a_store_whatever_it_has_told)
{
    fixture_t *self = s_starter (0);
    cr_assert_eq (s_hear_of_itself (self, 1, 6), ZSEQ_STATE_STARTING);
    fixture_destroy (&self);
}
