//  Tests how a node recovers its registers and promises, one step at a time,
//  and how it answers a peer that does: kv.md, K13.
//
//  A test makes a node with a key-value store that recovers, and plays its
//  peers: s_peers has what each holds, and s_answer_all answers whatever the
//  node asks. s_run goes on until the node hands a group over or votes.

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "zseq_node_fixture.h"

#define RECORDS_MAX 4

typedef struct {
    uint64_t speaks;
    uint64_t process;
    uint64_t late_process;  //  That answers KV_PROMISES; 0: the same
    uint64_t incarnation;
    zseq_kv_record_t record[RECORDS_MAX];  //  Ascending by key, of one shard
    size_t count;
    zseq_ballot_t promise;  //  In all shards
    uint64_t heard;  //  The position that the other one has told it; 0: none
    size_t pages;    //  KV_COPY that it has answered
    bool shows_e;    //  With its promises, that e has a second incarnation
} s_peer_t;

static s_peer_t s_peers[5];
static zseq_ballot_t s_promises[5][ZSEQ_SHARDS];
static uint64_t s_dropped[5][ZSEQ_SHARDS];
static const zseq_ballot_t s_low = {3, 0x101};
static const zseq_ballot_t s_high = {5, 0x102};

static zseq_kv_record_t
s_record (const char *key, zseq_ballot_t ballot, uint64_t seq)
{
    zseq_kv_record_t record;
    zseq_kv_record_init (&record, (zseq_slice_t){key, strlen (key)}, 0);
    record.proposal = (zseq_proposal_t){ballot, seq};
    record.version = ((uint64_t) ballot.round << 32) + seq;
    record.value = (zseq_slice_t){"value", 5};
    return record;
}

static void
s_reset_peers (void)
{
    memset (s_peers, 0, sizeof s_peers);
    for (uint8_t peer = 1; peer < 5; peer++)
        s_peers[peer] =
          (s_peer_t){.speaks = 4, .process = 100u + peer, .incarnation = 1};
}

TestSuite (node_keys, .init = s_reset_peers);

static zseq_msg_t
s_reply (fixture_t *self, const fixture_seen_t *ask)
{
    s_peer_t *peer = &s_peers[ask->peer];
    zseq_msg_t reply = ask->msg;
    reply.reply = true;
    reply.node = ask->peer;
    reply.cluster = 42;
    reply.vector = self->record.vector;
    reply.vector.incarnation[ask->peer].counter = peer->incarnation;
    switch (reply.op) {
    case ZSEQ_OP_HELLO:
        reply.hello.members = fixture_members (self);
        reply.hello.state = ZSEQ_STATE_VOTING;
        reply.hello.speaks = peer->speaks;
        break;
    case ZSEQ_OP_FENCE:
        reply.fence.floor = reply.fence.floor_reserved = 1;
        break;
    case ZSEQ_OP_KV_COPY: {
        bool mine = peer->count &&
                    zseq_kv_shard (peer->record[0].key) == reply.kv_copy.shard;
        peer->pages++;
        reply.kv_copy.process = peer->process;
        reply.kv_copy.keys = peer->count;
        reply.kv_copy.records = peer->record;
        reply.kv_copy.record_count = mine ? peer->count : 0;
        break;
    }
    case ZSEQ_OP_KV_PROMISES:
        for (uint8_t shard = 0; shard < ZSEQ_SHARDS; shard++)
            s_promises[ask->peer][shard] = peer->promise;
        reply.kv_promises.process =
          peer->late_process ? peer->late_process : peer->process;
        peer->process = reply.kv_promises.process;
        reply.kv_promises.promises = s_promises[ask->peer];
        reply.kv_promises.dropped = s_dropped[ask->peer];
        if (peer->shows_e)
            reply.vector.incarnation[4].counter = 2;
        if (peer->heard)
            reply.kv_promises.heard[3 - ask->peer] = (zseq_journal_end_t){
              reply.vector.incarnation[3 - ask->peer], peer->heard};
        break;
    default:
        break;
    }
    return reply;
}

//  Answers all questions of the last step. Returns whether there were any.
static bool
s_answer_all (fixture_t *self)
{
    static fixture_seen_t asks[ACTIONS_MAX];
    size_t count = self->count;
    bool any = false;
    memcpy (asks, self->seen, count * sizeof *asks);
    for (size_t index = 0; index < count; index++) {
        if (asks[index].type != ZSEQ_ACTION_ASK)
            continue;
        zseq_msg_t reply = s_reply (self, &asks[index]);
        fixture_answer (self, asks[index].peer, &reply);
        any = true;
        if (fixture_find (self, ZSEQ_ACTION_EXIT))
            return false;
    }
    return any;
}

//  Goes on until the node hands over a group, ends or votes. Returns the group.
static const zseq_kv_group_t *
s_run (fixture_t *self)
{
    for (int round = 0;
         round < 400 && zseq_node_state (self->node) != ZSEQ_STATE_VOTING;
         round++) {
        fixture_tick (self, 100000);
        s_answer_all (self);
        if (fixture_find (self, ZSEQ_ACTION_EXIT))
            return NULL;
        fixture_flush (self);
        const fixture_seen_t *persist =
          fixture_find (self, ZSEQ_ACTION_PERSIST_KV);
        if (persist)
            return persist->group;
        const fixture_seen_t *record =
          fixture_find (self, ZSEQ_ACTION_PERSIST_RECORD);
        if (!record)
            continue;
        self->record = record->record;
        fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_RECORD_PERSISTED,
                                           .version = record->version});
    }
    return NULL;
}

static void
s_persisted (fixture_t *self, uint64_t position, int status)
{
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_KV_PERSISTED,
                                       .position = position,
                                       .status = status,
                                       .why = "/d/kv: write: No space"});
}

//  The record of a key in a group; NULL: it has none.
static const zseq_kv_record_t *
s_find (const zseq_kv_group_t *group, const char *key)
{
    for (size_t index = 0; index < group->count; index++) {
        const zseq_kv_change_t *change = &group->changes[index];
        if (change->type == ZSEQ_KV_CHANGE_RECORD &&
            change->accepted->record.key.size == strlen (key) &&
            !memcmp (change->accepted->record.key.data, key, strlen (key)))
            return &change->accepted->record;
    }
    return NULL;
}

static bool
s_clears (const zseq_kv_group_t *group)
{
    for (uint8_t shard = 0; shard < ZSEQ_SHARDS; shard++)
        if (shard >= group->count ||
            group->changes[shard].type != ZSEQ_KV_CHANGE_CLEARED ||
            group->changes[shard].shard != shard)
            return false;
    return true;
}

//  The promise of a shard in a group; round 0: it has none.
static zseq_ballot_t
s_promise_of (const zseq_kv_group_t *group, uint8_t shard)
{
    for (size_t index = 0; index < group->count; index++)
        if (group->changes[index].type == ZSEQ_KV_CHANGE_PROMISE &&
            group->changes[index].shard == shard)
            return group->changes[index].promise;
    return (zseq_ballot_t){0, 0};
}

//  What was dropped in a shard, as a group says; 0: it does not.
static uint64_t
s_dropped_of (const zseq_kv_group_t *group, uint8_t shard)
{
    for (size_t index = 0; index < group->count; index++)
        if (group->changes[index].type == ZSEQ_KV_CHANGE_PROMISE &&
            group->changes[index].shard == shard)
            return group->changes[index].dropped;
    return 0;
}

//  A node with that much memory that holds own, if it is not NULL, and is told
//  to recover.
static fixture_t *
s_recovering (uint64_t bytes_max, const zseq_kv_record_t *own, bool damaged,
              const zseq_force_t *force)
{
    zseq_record_t record = fixture_voting_record ();
    fixture_t *self = fixture_new_kv (&record, 100, bytes_max);
    zseq_registers_t *registers = zseq_node_registers (self->node);
    if (own)
        cr_assert_eq (zseq_registers_load (registers, own), ZSEQ_OK);
    if (damaged)
        zseq_registers_load_damaged (registers);
    zseq_node_recover (self->node, "it was told to", force);
    return self;
}

Test (node_keys, are_copied_and_durable_before_the_vote)
{
    fixture_t *self = s_recovering (1000000, NULL, false, NULL);
    s_peers[1].record[0] = s_record ("k", s_low, 1);
    s_peers[2].record[0] = s_record ("k", s_low, 2);
    s_peers[1].count = s_peers[2].count = 1;
    s_peers[1].promise = s_peers[2].promise = s_low;
    const zseq_kv_group_t *group = s_run (self);
    cr_assert_not_null (group);
    cr_assert_not (self->record.voting, "the disk knows that it does not vote");
    cr_assert (s_clears (group));
    cr_assert_eq (s_find (group, "k")->proposal.seq, 2);
    cr_assert_not (s_find (group, "k")->copied, "the promise is its ballot");
    cr_assert_eq (s_promise_of (group, 7).round, s_low.round);
    cr_assert_null (s_run (self));
    cr_assert_not (self->record.voting);
    s_persisted (self, group->position, ZSEQ_OK);
    s_run (self);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
    fixture_destroy (&self);
}

//  K12: what the node shows of an absent key is not below that of its peers.
Test (node_keys, are_copied_with_what_was_dropped)
{
    fixture_t *self = s_recovering (1000000, NULL, false, NULL);
    s_peers[1].promise = s_peers[2].promise = s_low;
    s_dropped[1][7] = s_dropped[2][9] = 42;
    s_dropped[2][7] = 41;
    const zseq_kv_group_t *group = s_run (self);
    cr_assert_eq (s_dropped_of (group, 7), 42);
    cr_assert_eq (s_dropped_of (group, 9), 42);
    cr_assert_eq (s_dropped_of (group, 8), 0);
    fixture_destroy (&self);
}

//  K17: else nobody might know any more that a peer has lost the end of its
//  journal.
Test (node_keys, are_copied_with_what_peers_have_heard)
{
    fixture_t *self = s_recovering (1000000, NULL, false, NULL);
    s_peers[1].heard = 70;
    const zseq_kv_group_t *group = s_run (self);
    cr_assert_eq (group->heard[0].position, 0);
    cr_assert_eq (group->heard[1].position, 0);
    cr_assert_eq (group->heard[2].position, 70);
    cr_assert_eq (group->heard[2].incarnation.random,
                  self->record.vector.incarnation[2].random);
    fixture_destroy (&self);
}

Test (node_keys, are_marked_as_copied_below_the_promise)
{
    fixture_t *self = s_recovering (1000000, NULL, false, NULL);
    s_peers[1].record[0] = s_record ("k", s_low, 1);
    s_peers[1].count = 1;
    s_peers[1].promise = s_low;
    s_peers[2].promise = s_high;
    const zseq_kv_group_t *group = s_run (self);
    cr_assert (s_find (group, "k")->copied);
    cr_assert_eq (
      zseq_ballot_compare (
        &(zseq_ballot_t){s_high.round, s_high.proposer},
        zseq_registers_promise (zseq_node_registers (self->node), 9)),
      0);
    fixture_destroy (&self);
}

//  A key that is dropped since would come back.
Test (node_keys, of_its_own_do_not_count)
{
    zseq_kv_record_t own = s_record ("k", s_high, 7);
    fixture_t *self = s_recovering (1000000, &own, false, NULL);
    const zseq_kv_group_t *group = s_run (self);
    cr_assert (s_clears (group));
    cr_assert_null (s_find (group, "k"));
    cr_assert_eq (zseq_registers_count (zseq_node_registers (self->node)), 0);
    fixture_destroy (&self);
}

//  What a process has shown may have been undone when it ended.
Test (node_keys, are_copied_again_from_a_peer_that_has_restarted)
{
    fixture_t *self = s_recovering (1000000, NULL, false, NULL);
    s_peers[1].late_process = 900;
    cr_assert_not_null (s_run (self));
    cr_assert_eq (s_peers[1].pages, 2 * ZSEQ_SHARDS);
    cr_assert_eq (s_peers[2].pages, ZSEQ_SHARDS);
    fixture_destroy (&self);
}

Test (node_keys, are_not_asked_of_a_peer_that_speaks_no_version_with_them)
{
    fixture_t *self = s_recovering (1000000, NULL, false, NULL);
    s_peers[1].speaks = 3;
    cr_assert_not_null (s_run (self));
    cr_assert_eq (s_peers[1].pages, 0);
    cr_assert_eq (s_peers[2].pages, ZSEQ_SHARDS);
    fixture_destroy (&self);
}

//  b shows a key, then loses its disk and with it the fence; meanwhile the key
//  may have been dropped.
Test (node_keys, of_an_incarnation_that_has_ended_do_not_count)
{
    fixture_t *self = s_recovering (1000000, NULL, false, NULL);
    s_peers[1].record[0] = s_record ("k", s_low, 1);
    s_peers[1].count = 1;
    for (int round = 0; round < 400 && s_peers[1].pages < ZSEQ_SHARDS;
         round++) {
        fixture_tick (self, 100000);
        s_answer_all (self);
        fixture_write_record (self);
    }
    zseq_registers_t *registers = zseq_node_registers (self->node);
    cr_assert_eq (zseq_registers_count (registers), 1);
    s_peers[1] = (s_peer_t){.speaks = 4, .process = 300, .incarnation = 2};
    const zseq_kv_group_t *group = s_run (self);
    cr_assert_not_null (group);
    cr_assert_null (s_find (group, "k"));
    fixture_destroy (&self);
}

Test (node_keys, that_need_more_memory_end_the_node)
{
    fixture_t *self = s_recovering (10, NULL, false, NULL);
    s_peers[1].record[0] = s_record ("k", s_low, 1);
    s_peers[1].count = 1;
    s_run (self);
    const fixture_seen_t *end = fixture_find (self, ZSEQ_ACTION_EXIT);
    cr_assert_eq (end->status, ZSEQ_EFULL);
    cr_assert_str_eq (end->text,
                      "the peers hold more of the key-value store than this "
                      "node may: raise --kv-memory");
    fixture_destroy (&self);
}

Test (node_keys, that_the_disk_refuses_end_the_node)
{
    fixture_t *self = s_recovering (1000000, NULL, false, NULL);
    const zseq_kv_group_t *group = s_run (self);
    s_persisted (self, group->position, ZSEQ_ENOSPACE);
    const fixture_seen_t *end = fixture_find (self, ZSEQ_ACTION_EXIT);
    cr_assert_eq (end->status, ZSEQ_ENOSPACE);
    cr_assert_str_eq (end->text,
                      "the node cannot recover, as its disk takes no more: "
                      "/d/kv: write: No space; make room, then recover again");
    fixture_destroy (&self);
}

static const zseq_force_t s_force = {
  .floor = 500, .wait_us = 1000000, .lost = 1u << 1 | 1u << 2};

//  Versions of later writes are above those of all that was lost.
Test (node_keys, of_its_own_count_by_force_and_promises_rise)
{
    zseq_kv_record_t own = s_record ("k", s_high, 7);
    fixture_t *self = s_recovering (1000000, &own, false, &s_force);
    s_peers[1].record[0] = s_record ("k", s_low, 1);
    s_peers[1].count = 1;
    const zseq_kv_group_t *group = s_run (self);
    cr_assert_not (s_clears (group));
    cr_assert_eq (s_find (group, "k")->proposal.seq, 7);
    cr_assert (s_find (group, "k")->copied);
    uint8_t shard = zseq_kv_shard ((zseq_slice_t){"k", 1});
    cr_assert_eq (s_promise_of (group, shard).round, s_high.round + (1u << 18));
    cr_assert_eq (zseq_ballot_node (
                    &(zseq_ballot_t){0, s_promise_of (group, shard).proposer}),
                  0);
    cr_assert_eq (s_dropped_of (group, 7),
                  (uint64_t) s_promise_of (group, 7).round << 32);
    fixture_destroy (&self);
}

Test (node_keys, of_a_damaged_store_are_written_again_by_force)
{
    zseq_kv_record_t own = s_record ("k", s_high, 7);
    fixture_t *self = s_recovering (1000000, &own, true, &s_force);
    const zseq_kv_group_t *group = s_run (self);
    cr_assert (s_clears (group));
    cr_assert_eq (s_find (group, "k")->proposal.seq, 7);
    fixture_destroy (&self);
}

//  A peer that recovers asks this node.

static zseq_msg_t
s_asked_by_peer (const fixture_t *self, zseq_op_t op)
{
    zseq_msg_t msg = fixture_request (op, "", 5);
    zseq_msg_recovery_t recovery = {.incarnation =
                                      self->record.vector.incarnation[1]};
    msg.node = 1;
    if (op == ZSEQ_OP_KV_COPY)
        msg.kv_copy =
          (zseq_msg_kv_copy_t){.recovery = recovery,
                               .shard = zseq_kv_shard ((zseq_slice_t){"k", 1})};
    else
        msg.kv_promises.recovery = recovery;
    return msg;
}

//  Has the node accept a value that it has not written yet.
static void
s_accept (fixture_t *self)
{
    zseq_kv_record_t record = s_record ("k", s_low, 1);
    zseq_msg_t promise = fixture_request (ZSEQ_OP_KV_PROMISE, "", 7);
    promise.node = 1;
    promise.end = (zseq_journal_end_t){self->record.vector.incarnation[1], 30};
    promise.kv_promise.ballot = s_low;
    promise.kv_promise.shards = UINT64_MAX;
    fixture_send (self, &promise);
    zseq_msg_t accept = fixture_request (ZSEQ_OP_KV_ACCEPT, "", 8);
    accept.kv_accept.records = &record;
    accept.kv_accept.record_count = 1;
    fixture_send (self, &accept);
    cr_assert_eq (self->count, 0);
}

Test (node_keys, are_shown_to_a_peer_before_they_are_durable)
{
    fixture_t *self = fixture_kv_voter (100);
    s_accept (self);
    zseq_msg_t msg = s_asked_by_peer (self, ZSEQ_OP_KV_COPY);
    fixture_send (self, &msg);
    const fixture_seen_t *reply = fixture_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.status, ZSEQ_OK);
    cr_assert_eq (reply->msg.kv_copy.record_count, 1);
    cr_assert_eq (reply->msg.kv_copy.keys, 1);
    cr_assert_not (reply->msg.kv_copy.more);
    msg = s_asked_by_peer (self, ZSEQ_OP_KV_PROMISES);
    fixture_send (self, &msg);
    reply = fixture_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.status, ZSEQ_OK);
    cr_assert_neq (reply->msg.kv_promises.process, 0);
    cr_assert_eq (reply->msg.kv_promises.heard[1].position, 30);
    fixture_destroy (&self);
}

Test (node_keys, are_shown_only_to_a_peer_whose_incarnation_is_in_force)
{
    for (int op = ZSEQ_OP_KV_COPY; op <= ZSEQ_OP_KV_PROMISES; op++) {
        fixture_t *self = fixture_kv_voter (100);
        zseq_msg_t msg = s_asked_by_peer (self, (zseq_op_t) op);
        if (op == ZSEQ_OP_KV_COPY)
            msg.kv_copy.recovery.incarnation.counter++;
        else
            msg.kv_promises.recovery.incarnation.counter++;
        fixture_send (self, &msg);
        cr_assert_eq (fixture_find (self, ZSEQ_ACTION_REPLY)->msg.status,
                      ZSEQ_ESUPERSEDED);
        fixture_destroy (&self);
        self = fixture_voter ();
        fixture_send (self, &msg);
        cr_assert_eq (fixture_find (self, ZSEQ_ACTION_REPLY)->msg.status,
                      ZSEQ_EPROTOCOL);
        fixture_destroy (&self);
    }
}

//  As many as have room are on a page, and it says that more follow.
Test (node_keys, are_shown_in_pages_that_fit_a_message)
{
    static char value[ZSEQ_VALUE_MAX];
    zseq_record_t record = fixture_voting_record ();
    fixture_t *self = fixture_new_kv (&record, 100, 1000000);
    uint8_t shard = zseq_kv_shard ((zseq_slice_t){"k", 1});
    for (uint32_t number = 0, loaded = 0; loaded < 3; number++) {
        char key[16];
        snprintf (key, sizeof key, "%u", number);
        zseq_kv_record_t big = s_record (key, s_low, 1);
        big.value = (zseq_slice_t){value, 20000};
        if (zseq_kv_shard (big.key) != shard)
            continue;
        loaded++;
        cr_assert_eq (
          zseq_registers_load (zseq_node_registers (self->node), &big),
          ZSEQ_OK);
    }
    fixture_start (self);
    zseq_msg_t msg = s_asked_by_peer (self, ZSEQ_OP_KV_COPY);
    fixture_send (self, &msg);
    const fixture_seen_t *reply = fixture_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.kv_copy.record_count, 3);
    msg.kv_copy.after = (zseq_slice_t){"9999999", 7};
    fixture_send (self, &msg);
    reply = fixture_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.kv_copy.record_count, 0);
    fixture_destroy (&self);
}

//  The node was away while rounds rose. Its peers tell how far.
Test (node_keys, of_a_round_that_peers_have_promised_are_promised)
{
    fixture_t *self = fixture_kv_voter (100);
    fixture_tick (self, 10000000);
    zseq_msg_t says = fixture_introduction (self, 1);
    says.introduce.speaks = 4;
    fixture_answer (self, 1, &says);
    zseq_msg_t msg = fixture_request (ZSEQ_OP_KV_PROMISE, "", 7);
    zseq_ballot_t far = {3 * ZSEQ_ROUND_RISE_MAX, 0x102};
    msg.kv_promise.ballot = far;
    msg.kv_promise.shards = 1;
    fixture_send (self, &msg);
    cr_assert_eq (fixture_only (self, ZSEQ_ACTION_REPLY)->answer[0].status,
                  ZSEQ_EINVAL);
    for (uint8_t shard = 0; shard < ZSEQ_SHARDS; shard++)
        s_promises[1][shard] = far;
    fixture_tick (self, 10000000);
    int asked = fixture_asked (self, 1);
    cr_assert_geq (asked, 0);
    cr_assert_eq (self->seen[asked].msg.op, ZSEQ_OP_KV_PROMISES);
    zseq_msg_t reply = self->seen[asked].msg;
    reply.reply = true;
    reply.node = 1;
    reply.cluster = 42;
    reply.vector = self->record.vector;
    reply.kv_promises = (zseq_msg_kv_promises_t){
      .process = 1, .promises = s_promises[1], .dropped = s_dropped[1]};
    fixture_answer (self, 1, &reply);
    fixture_send (self, &msg);
    fixture_flush (self);
    const zseq_kv_group_t *group =
      fixture_find (self, ZSEQ_ACTION_PERSIST_KV)->group;
    s_persisted (self, group->position, ZSEQ_OK);
    cr_assert_eq (fixture_only (self, ZSEQ_ACTION_REPLY)->answer[0].status,
                  ZSEQ_OK);
    fixture_destroy (&self);
}

//  Plays four peers until the node writes, but for the keys of e, which is
//  asked in vain after some pages. Returns the group; late: what e was asked.
static const zseq_kv_group_t *
s_run_without_e (fixture_t *self, size_t pages, fixture_seen_t *late)
{
    static fixture_seen_t asks[ACTIONS_MAX];
    for (int round = 0; round < 4000; round++) {
        fixture_tick (self, 100000);
        size_t count = self->count;
        memcpy (asks, self->seen, count * sizeof *asks);
        for (size_t index = 0; index < count; index++) {
            if (asks[index].type != ZSEQ_ACTION_ASK)
                continue;
            if (asks[index].peer == 4 && s_peers[4].pages >= pages &&
                asks[index].msg.op == ZSEQ_OP_KV_COPY) {
                *late = asks[index];
                continue;
            }
            zseq_msg_t reply = s_reply (self, &asks[index]);
            fixture_answer (self, asks[index].peer, &reply);
        }
        fixture_flush (self);
        const fixture_seen_t *persist =
          fixture_find (self, ZSEQ_ACTION_PERSIST_KV);
        if (persist)
            return persist->group;
        const fixture_seen_t *record =
          fixture_find (self, ZSEQ_ACTION_PERSIST_RECORD);
        if (!record)
            continue;
        self->record = record->record;
        fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_RECORD_PERSISTED,
                                           .version = record->version});
    }
    return NULL;
}

//  One of five nodes recovers.
static fixture_t *
s_one_of_five (void)
{
    zseq_record_t record = fixture_record (5, 0);
    for (uint8_t index = 0; index < 5; index++)
        record.vector.incarnation[index] =
          (zseq_incarnation_t){1, 1000u + index};
    record.identity = 42;
    record.voting = true;
    fixture_t *self = fixture_new_kv (&record, 100, 1000000);
    zseq_node_recover (self->node, "it was told to", NULL);
    return self;
}

//  e has shown a page, and loses its disk. The promises of b, which come last,
//  are the first to show that: what was copied from b is forgotten, too, and
//  its promises do not complete it.
Test (node_keys, are_copied_again_from_a_peer_that_shows_a_lost_disk)
{
    fixture_t *self = s_one_of_five ();
    s_peers[1].record[0] = s_record ("k", s_low, 1);
    s_peers[1].count = 1;
    s_peers[1].shows_e = true;
    static fixture_seen_t late;
    const zseq_kv_group_t *group = s_run_without_e (self, 1, &late);
    cr_assert_not_null (group);
    cr_assert_gt (s_peers[1].pages, ZSEQ_SHARDS);
    cr_assert_not_null (s_find (group, "k"));
    fixture_destroy (&self);
}

//  Of five nodes, e is not needed any more. Meanwhile it has lost its disk and
//  recovered, and so does not know the new incarnation of this node.
Test (node_keys, are_kept_if_a_peer_refuses_when_they_are_written)
{
    fixture_t *self = s_one_of_five ();
    for (uint8_t peer = 1; peer < 5; peer++) {
        s_peers[peer].record[0] = s_record ("k", s_low, 1);
        s_peers[peer].count = 1;
        s_peers[peer].promise = s_low;
    }
    static fixture_seen_t late;
    cr_assert_not_null (s_run_without_e (self, 0, &late));
    cr_assert_eq (late.msg.op, ZSEQ_OP_KV_COPY);
    s_peers[4].incarnation = 2;
    zseq_msg_t refusal = s_reply (self, &late);
    refusal.status = ZSEQ_ESUPERSEDED;
    fixture_answer (self, 4, &refusal);
    cr_assert_eq (zseq_registers_count (zseq_node_registers (self->node)), 1);
    fixture_destroy (&self);
}
