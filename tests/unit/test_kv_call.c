//  Tests a client's calls of the key-value store, one step at a time.

#include <criterion/criterion.h>
#include <string.h>

#include "zseq_kv_call.h"

#define NOW 1000000u
#define DEADLINE (NOW + 5000000u)
#define FLOOR (7ull << 32)

typedef struct {
    zseq_kv_nodes_t nodes;
    zseq_kv_call_t call;
    zseq_msg_t sent;
    zseq_node_set_t to;    //  The nodes that the last message is for
    zseq_node_set_t gone;  //  Nodes that cannot be reached
    size_t looks;          //  How often the call has looked whether they can
    uint64_t request;
    uint64_t now_us;
    zseq_kv_answer_t answer;
    zseq_kv_record_t record;
} s_fixture_t;

static bool
s_reaches (void *arg, uint8_t node)
{
    s_fixture_t *self = arg;
    self->looks++;
    return !zseq_node_set_has (self->gone, node);
}

static void
s_init (s_fixture_t *self, uint8_t n)
{
    static const char labels[] = "abcdefghi";
    memset (self, 0, sizeof *self);
    self->request = 100;
    self->now_us = NOW;
    zseq_kv_nodes_init (&self->nodes, n);
    for (uint8_t node = 0; node < n; node++)
        zseq_kv_nodes_set_name (&self->nodes, node, &labels[node], 1);
}

//  Does what the call wants, until it waits or is done.
static zseq_do_t
s_drive (s_fixture_t *self, zseq_do_t todo)
{
    while (todo == ZSEQ_DO_SEND) {
        zseq_kv_call_request (&self->call, ++self->request, self->now_us,
                              &self->sent);
        self->to = zseq_kv_call_nodes (&self->call);
        todo =
          zseq_kv_call_sent (&self->call, self->to & ~self->gone, self->now_us);
    }
    return todo;
}

static zseq_do_t
s_tick (s_fixture_t *self, uint64_t now_us)
{
    self->now_us = now_us;
    return s_drive (self, zseq_kv_call_tick (&self->call, now_us));
}

//  Ticks when the call wants to be ticked.
static zseq_do_t
s_wake (s_fixture_t *self)
{
    uint64_t wake_us = zseq_kv_call_wake_us (&self->call);
    return s_tick (self, wake_us > self->now_us ? wake_us : self->now_us);
}

static void
s_ask (s_fixture_t *self, const zseq_kv_ask_t *ask)
{
    zseq_timing_t timing = {.rtt_us = 200, .deadline_us = DEADLINE, .seed = 1};
    zseq_kv_call_init (&self->call, &self->nodes, ask, &timing);
    cr_assert_eq (s_tick (self, self->now_us), ZSEQ_DO_WAIT);
}

static s_fixture_t *
s_begin (uint8_t n, zseq_kv_ask_t ask)
{
    static s_fixture_t self;
    s_init (&self, n);
    ask.key = (zseq_slice_t){"key", 3};
    s_ask (&self, &ask);
    return &self;
}

static s_fixture_t *
s_get (uint8_t n)
{
    return s_begin (n, (zseq_kv_ask_t){.op.type = ZSEQ_KV_GET});
}

static s_fixture_t *
s_put (uint8_t n)
{
    return s_begin (
      n, (zseq_kv_ask_t){.op = {.type = ZSEQ_KV_PUT, .value = {"new", 3}}});
}

static zseq_msg_t
s_reply (const s_fixture_t *self, uint8_t node, int status)
{
    zseq_msg_t msg;
    memset (&msg, 0, sizeof msg);
    msg.op = self->sent.op;
    msg.reply = true;
    msg.request = self->sent.request;
    msg.status = status;
    msg.node = node;
    msg.vector.n = self->nodes.n;
    for (uint8_t index = 0; index < msg.vector.n; index++)
        msg.vector.incarnation[index] = (zseq_incarnation_t){1, 1000u + index};
    return msg;
}

//  A node's reply to a KV_READ: the key's proposal of that seq, 0: absent. Its
//  version is FLOOR + seq.
static zseq_msg_t
s_shown (s_fixture_t *self, uint8_t node, uint64_t seq)
{
    self->record =
      (zseq_kv_record_t){.proposal = {.ballot = {7, 1}, .seq = seq},
                         .version = FLOOR + seq,
                         .value = {"value", 5}};
    self->answer = (zseq_kv_answer_t){.status = ZSEQ_OK};
    zseq_msg_t msg = s_reply (self, node, ZSEQ_OK);
    msg.kv_read = (zseq_msg_kv_read_t){
      .answers = &self->answer, .records = &self->record, .answer_count = 1};
    return msg;
}

static zseq_do_t
s_hear (s_fixture_t *self, const zseq_msg_t *msg)
{
    return s_drive (self, zseq_kv_call_reply (&self->call, msg, self->now_us));
}

static zseq_do_t
s_show (s_fixture_t *self, uint8_t node, uint64_t seq)
{
    zseq_msg_t msg = s_shown (self, node, seq);
    return s_hear (self, &msg);
}

//  The answer of the node that was asked last, as coordinator.
static zseq_do_t
s_answer (s_fixture_t *self, int status, uint64_t version)
{
    uint8_t node = 0;
    while (!zseq_node_set_has (self->to, node))
        node++;
    zseq_msg_t msg = s_reply (self, node, status);
    msg.kv_write.version = version;
    msg.kv_write.floor = FLOOR;
    return s_hear (self, &msg);
}

//  Reads: K7.

Test (kv_get, is_done_when_w_nodes_show_the_same_proposal)
{
    s_fixture_t *self = s_get (3);
    cr_assert_eq (self->sent.op, ZSEQ_OP_KV_READ);
    cr_assert_eq (self->to, 7);
    cr_assert_eq (s_show (self, 0, 5), ZSEQ_DO_WAIT);
    cr_assert_eq (s_show (self, 2, 5), ZSEQ_DO_DONE);
    cr_assert_eq (self->call.rc, ZSEQ_OK);
    cr_assert_eq (self->call.version, FLOOR + 5);
    cr_assert_eq (self->call.value.size, 5);
}

Test (kv_get, takes_w_absences_for_no_key_without_a_version)
{
    s_fixture_t *self = s_get (3);
    s_show (self, 0, 0);
    cr_assert_eq (s_show (self, 1, 0), ZSEQ_DO_DONE);
    cr_assert_eq (self->call.rc, ZSEQ_ENOKEY);
    cr_assert_eq (self->call.version, 0);
    cr_assert_eq (self->call.floor, FLOOR);
}

Test (kv_get, tells_the_version_of_a_deletion)
{
    s_fixture_t *self = s_get (3);
    for (uint8_t node = 0; node < 2; node++) {
        zseq_msg_t msg = s_shown (self, node, 5);
        self->record.tombstone = true;
        s_hear (self, &msg);
    }
    cr_assert (self->call.done);
    cr_assert_eq (self->call.rc, ZSEQ_ENOKEY);
    cr_assert_eq (self->call.version, FLOOR + 5);
}

Test (kv_get, does_not_count_an_absence_and_a_tombstone_together)
{
    s_fixture_t *self = s_get (3);
    zseq_msg_t msg = s_shown (self, 0, 5);
    self->record.tombstone = true;
    s_hear (self, &msg);
    cr_assert_eq (s_show (self, 1, 0), ZSEQ_DO_WAIT);
    cr_assert (!self->call.done);
}

Test (kv_get, does_not_believe_copies)
{
    s_fixture_t *self = s_get (3);
    s_show (self, 0, 5);
    zseq_msg_t msg = s_shown (self, 1, 5);
    self->record.copied = true;
    cr_assert_eq (s_hear (self, &msg), ZSEQ_DO_WAIT);
    cr_assert_eq (s_show (self, 2, 5), ZSEQ_DO_DONE);
    //  Nor those that came first.
    self = s_get (3);
    msg = s_shown (self, 1, 5);
    self->record.copied = true;
    s_hear (self, &msg);
    cr_assert_eq (s_show (self, 0, 5), ZSEQ_DO_WAIT);
}

//  Of two nodes, or of four, too few are left to agree after the first answers
//  that are copies. A coordinator settles the key nevertheless. Found by the
//  simulator.
Test (kv_get, has_a_key_settled_of_which_all_have_copies)
{
    for (uint8_t n = 2; n <= 5; n++) {
        s_fixture_t *self = s_get (n);
        for (size_t tries = 0; tries < 2; tries++) {
            cr_assert_eq (self->sent.op, ZSEQ_OP_KV_READ);
            for (uint8_t node = 0; node < n; node++) {
                zseq_msg_t msg = s_shown (self, node, 5);
                self->record.copied = true;
                s_hear (self, &msg);
            }
            if (tries == 0)
                s_wake (self);
        }
        cr_assert_eq (self->sent.op, ZSEQ_OP_KV_SETTLE, "of %u", n);
    }
}

Test (kv_get, does_not_count_an_earlier_incarnation)
{
    s_fixture_t *self = s_get (3);
    s_show (self, 1, 5);
    zseq_msg_t msg = s_shown (self, 0, 5);
    msg.vector.incarnation[1].counter = 2;
    cr_assert_eq (s_hear (self, &msg), ZSEQ_DO_WAIT);
    cr_assert (!self->call.done);
}

Test (kv_get, needs_a_majority_of_an_even_number)
{
    s_fixture_t *self = s_get (4);
    s_show (self, 0, 5);
    cr_assert_eq (s_show (self, 1, 5), ZSEQ_DO_WAIT);
    cr_assert_eq (s_show (self, 2, 5), ZSEQ_DO_DONE);
}

Test (kv_get, asks_once_more_and_then_has_the_key_settled)
{
    s_fixture_t *self = s_get (3);
    s_show (self, 0, 5);
    s_show (self, 1, 6);
    uint64_t first = self->sent.request;
    cr_assert_eq (s_show (self, 2, 7), ZSEQ_DO_WAIT);
    s_wake (self);
    cr_assert_eq (self->sent.op, ZSEQ_OP_KV_READ);
    cr_assert_neq (self->sent.request, first);
    s_show (self, 0, 5);
    s_show (self, 1, 6);
    cr_assert_eq (s_show (self, 2, 7), ZSEQ_DO_WAIT);
    cr_assert_eq (self->sent.op, ZSEQ_OP_KV_SETTLE);
    cr_assert_eq (zseq_node_set_count (self->to), 1);
    cr_assert_eq (s_answer (self, ZSEQ_OK, FLOOR + 8), ZSEQ_DO_DONE);
    cr_assert_eq (self->call.rc, ZSEQ_OK);
    cr_assert_eq (self->call.version, FLOOR + 8);
}

Test (kv_get, does_not_wait_for_nodes_that_cannot_be_reached)
{
    static s_fixture_t self;
    s_init (&self, 3);
    self.gone = 4;
    s_ask (&self, &(zseq_kv_ask_t){.key = {"key", 3}});
    uint64_t first = self.sent.request;
    s_show (&self, 0, 5);
    s_show (&self, 1, 6);
    cr_assert_leq (zseq_kv_call_wake_us (&self.call), NOW + 1000);
    s_wake (&self);
    cr_assert_neq (self.sent.request, first);
}

//  W have answered and do not agree; the third has lost its connection since.
Test (kv_get, does_not_wait_for_nodes_that_are_connected_no_more)
{
    static s_fixture_t self;
    s_init (&self, 3);
    self.nodes.reaches = s_reaches;
    self.nodes.arg = &self;
    s_ask (&self, &(zseq_kv_ask_t){.key = {"key", 3}});
    uint64_t first = self.sent.request;
    self.gone = 4;
    s_show (&self, 0, 5);
    cr_assert_eq (self.looks, 0);
    s_show (&self, 1, 6);
    cr_assert_leq (zseq_kv_call_wake_us (&self.call), NOW + 1000);
    s_wake (&self);
    cr_assert_neq (self.sent.request, first);
}

Test (kv_get, has_a_node_read_that_may_reach_more)
{
    static s_fixture_t self;
    s_init (&self, 3);
    self.gone = 6;
    s_ask (&self, &(zseq_kv_ask_t){.key = {"key", 3}});
    s_show (&self, 0, 5);
    //  Others may be connected soon.
    cr_assert_leq (zseq_kv_call_wake_us (&self.call), NOW + 50000);
    s_wake (&self);
    cr_assert_eq (self.sent.op, ZSEQ_OP_KV_SETTLE);
    cr_assert_eq (self.to, 1);
    cr_assert_eq (s_answer (&self, ZSEQ_OK, FLOOR + 5), ZSEQ_DO_DONE);
    cr_assert_eq (self.call.rc, ZSEQ_OK);
    cr_assert_eq (self.call.version, FLOOR + 5);
}

Test (kv_get, has_a_node_read_when_the_others_are_silent)
{
    for (uint8_t node = 0; node < 3; node++) {
        s_fixture_t *self = s_get (3);
        s_show (self, node, 5);
        cr_assert_eq (s_wake (self), ZSEQ_DO_WAIT);
        cr_assert_leq (self->now_us, NOW + 600000);
        cr_assert_eq (self->sent.op, ZSEQ_OP_KV_SETTLE);
        cr_assert_eq (self->to, 1u << node);
    }
}

//  Makes a get to nodes that typically answer fast.
static s_fixture_t *
s_get_near (uint8_t n)
{
    s_fixture_t *self = s_get (n);
    for (uint8_t node = 0; node < n; node++)
        zseq_kv_nodes_note_read (&self->nodes, node, 200);
    return self;
}

//  The connections to nodes 1 and 2 stand, and nothing comes through them.
//  Links to the others may have been cut. A message is lost, or they are slow.
Test (kv_get, has_a_node_read_soon_when_the_others_do_not_answer)
{
    s_fixture_t *self = s_get_near (3);
    self->now_us += 1000;
    s_show (self, 0, 5);
    cr_assert_eq (zseq_kv_call_wake_us (&self->call), NOW + 101000);
    s_wake (self);
    cr_assert_eq (self->sent.op, ZSEQ_OP_KV_SETTLE);
    //  Nodes that typically answer late, or were never heard of.
    self = s_get (3);
    s_show (self, 0, 5);
    cr_assert_eq (zseq_kv_call_wake_us (&self->call), NOW + 500000);
    self = s_get_near (3);
    zseq_kv_nodes_note_read (&self->nodes, 2, 200000);
    s_show (self, 0, 5);
    cr_assert_gt (zseq_kv_call_wake_us (&self->call), NOW + 150000);
}

Test (kv_get, waits_for_silent_nodes_only_once)
{
    s_fixture_t *self = s_get (3);
    cr_assert_eq (s_show (self, 0, 9), ZSEQ_DO_WAIT);
    cr_assert_gt (zseq_kv_call_wake_us (&self->call), NOW + 20000);
    s_wake (self);
    cr_assert_eq (self->sent.op, ZSEQ_OP_KV_SETTLE);
    cr_assert_eq (self->to, 1);

    zseq_kv_ask_t ask = self->call.ask;
    s_ask (self, &ask);
    cr_assert_eq (self->to, 7);
    cr_assert_eq (s_show (self, 0, 9), ZSEQ_DO_WAIT);
    cr_assert_eq (zseq_kv_call_wake_us (&self->call), self->now_us + 20000);
    s_wake (self);
    cr_assert_eq (self->sent.op, ZSEQ_OP_KV_SETTLE);

    //  Once it is heard, a node is waited for again.
    s_ask (self, &ask);
    cr_assert_eq (s_show (self, 1, 8), ZSEQ_DO_WAIT);
    cr_assert_gt (zseq_kv_call_wake_us (&self->call), self->now_us + 20000);
}

Test (kv_get, waits_for_too_few_nodes_until_the_deadline)
{
    s_fixture_t *self = s_get (3);
    s_show (self, 0, 5);
    while (s_wake (self) != ZSEQ_DO_DONE)
        continue;
    cr_assert_eq (self->now_us, DEADLINE);
    cr_assert_eq (self->call.rc, ZSEQ_EUNAVAILABLE);
    cr_assert (!self->call.unknown);
}

//  Stale reads: K15.

static s_fixture_t *
s_stale (uint64_t least)
{
    return s_begin (
      3,
      (zseq_kv_ask_t){.op.type = ZSEQ_KV_GET, .stale = true, .least = least});
}

static uint8_t
s_asked (const s_fixture_t *self)
{
    cr_assert_eq (zseq_node_set_count (self->to), 1);
    uint8_t node = 0;
    while (!zseq_node_set_has (self->to, node))
        node++;
    return node;
}

Test (kv_stale, asks_one_node)
{
    s_fixture_t *self = s_stale (FLOOR + 5);
    cr_assert (self->sent.kv_read.stale);
    cr_assert_eq (self->sent.kv_read.least, FLOOR + 5);
    cr_assert_eq (s_show (self, s_asked (self), 5), ZSEQ_DO_DONE);
    cr_assert_eq (self->call.rc, ZSEQ_OK);
}

Test (kv_stale, reads_from_all_if_the_node_cannot_tell)
{
    s_fixture_t *self = s_stale (0);
    zseq_msg_t msg = s_shown (self, s_asked (self), 5);
    self->answer.status = ZSEQ_EAGAIN;
    cr_assert_eq (s_hear (self, &msg), ZSEQ_DO_WAIT);
    cr_assert (!self->sent.kv_read.stale);
    cr_assert_eq (self->to, 7);
}

Test (kv_stale, never_goes_back)
{
    s_fixture_t *self = s_stale (FLOOR + 6);
    s_show (self, s_asked (self), 5);
    cr_assert_eq (self->to, 7);
    //  Nor to an absence of a key that was there.
    self = s_stale (FLOOR + 6);
    s_show (self, s_asked (self), 0);
    cr_assert_eq (self->to, 7);
}

Test (kv_stale, believes_an_absence_of_a_key_that_was_never_seen)
{
    s_fixture_t *self = s_stale (0);
    cr_assert_eq (s_show (self, s_asked (self), 0), ZSEQ_DO_DONE);
    cr_assert_eq (self->call.rc, ZSEQ_ENOKEY);
}

Test (kv_stale, leaves_a_silent_node)
{
    s_fixture_t *self = s_stale (0);
    s_wake (self);
    cr_assert_eq (self->to, 7);
}

Test (kv_stale, prefers_nodes_that_answer_fast)
{
    zseq_kv_nodes_t nodes;
    zseq_kv_nodes_init (&nodes, 2);
    zseq_kv_nodes_note_read (&nodes, 0, 100);
    zseq_kv_nodes_note_read (&nodes, 1, 5000);
    size_t fast = 0;
    for (uint64_t index = 0; index < 1000; index++) {
        uint64_t random = (index + 1) * 0x9e3779b97f4a7c15u;
        fast += zseq_kv_nodes_near (&nodes, random, NOW) == 0;
    }
    cr_assert_gt (fast, 600);
    cr_assert_lt (fast, 900);
}

//  Writes.

Test (kv_put, asks_the_first_node_of_the_shards_ranking)
{
    s_fixture_t *self = s_put (3);
    cr_assert_eq (self->sent.op, ZSEQ_OP_KV_WRITE);
    char shard = (char) zseq_kv_shard (self->call.ask.key);
    uint8_t ranking[ZSEQ_NODES_MAX];
    zseq_coordinator_rank_nodes (&self->nodes.rank, &shard, 1, ranking);
    cr_assert_eq (s_asked (self), ranking[0]);
    cr_assert_neq (self->sent.kv_write.op.op, 0);
    cr_assert_eq (self->sent.kv_write.timeout_us, 5000000);
    cr_assert_eq (s_answer (self, ZSEQ_OK, FLOOR + 1), ZSEQ_DO_DONE);
    cr_assert_eq (self->call.rc, ZSEQ_OK);
    cr_assert_eq (self->call.version, FLOOR + 1);
    cr_assert_eq (self->call.floor, FLOOR);
}

Test (kv_put, asks_the_next_node_with_the_same_op_id_when_one_is_silent)
{
    s_fixture_t *self = s_put (3);
    uint64_t op = self->sent.kv_write.op.op;
    uint64_t request = self->sent.request;
    uint8_t first = s_asked (self);
    cr_assert_eq (zseq_kv_call_wake_us (&self->call), NOW + 50000);
    s_wake (self);
    cr_assert_neq (s_asked (self), first);
    cr_assert_eq (self->sent.kv_write.op.op, op);
    cr_assert_neq (self->sent.request, request);
    cr_assert_eq (s_answer (self, ZSEQ_OK, FLOOR + 1), ZSEQ_DO_DONE);
    //  The next call does not wait for the silent node.
    s_ask (self,
           &(zseq_kv_ask_t){.key = {"key", 3}, .op = {.type = ZSEQ_KV_PUT}});
    cr_assert_neq (s_asked (self), first);
}

//  It was killed: its connection ends long before it counts as silent. It may
//  have applied the op, so the next one is asked with the same op id.
Test (kv_put, leaves_a_node_soon_that_is_connected_no_more)
{
    static s_fixture_t self;
    s_init (&self, 3);
    self.nodes.reaches = s_reaches;
    self.nodes.arg = &self;
    const zseq_kv_ask_t ask = {.key = {"key", 3}, .op = {.type = ZSEQ_KV_PUT}};
    s_ask (&self, &ask);
    uint8_t first = s_asked (&self);
    uint64_t op = self.sent.kv_write.op.op;
    s_wake (&self);
    cr_assert_eq (self.now_us, NOW + 10000);
    cr_assert_eq (s_asked (&self), first);
    self.gone = self.to;
    s_wake (&self);
    cr_assert_eq (self.now_us, NOW + 30000);
    cr_assert_neq (s_asked (&self), first);
    cr_assert_eq (self.sent.kv_write.op.op, op);
    cr_assert_eq (self.looks, 2);
    cr_assert_eq (s_answer (&self, ZSEQ_EFORGOTTEN, FLOOR + 3), ZSEQ_DO_DONE);
    cr_assert (self.call.unknown);
}

Test (kv_put, takes_the_late_reply_of_the_first_node)
{
    s_fixture_t *self = s_put (3);
    zseq_msg_t late = s_reply (self, s_asked (self), ZSEQ_OK);
    late.kv_write.version = FLOOR + 1;
    s_wake (self);
    cr_assert_eq (s_hear (self, &late), ZSEQ_DO_DONE);
    cr_assert_eq (self->call.rc, ZSEQ_OK);
}

Test (kv_put, takes_it_also_when_another_node_has_refused)
{
    s_fixture_t *self = s_put (3);
    zseq_msg_t late = s_reply (self, s_asked (self), ZSEQ_OK);
    s_wake (self);
    s_answer (self, ZSEQ_ENOTVOTING, 0);
    cr_assert_eq (s_hear (self, &late), ZSEQ_DO_DONE);
    cr_assert_eq (self->call.rc, ZSEQ_OK);
}

//  All nodes are silent, and then cannot be reached any more: nothing takes the
//  place of what was sent to them.
Test (kv_put, takes_the_late_reply_of_a_node_that_cannot_be_reached_again)
{
    s_fixture_t *self = s_put (3);
    zseq_msg_t late = s_reply (self, s_asked (self), ZSEQ_OK);
    s_wake (self);
    s_wake (self);
    self->gone = 7;
    for (int wakes = 0; wakes < 4; wakes++)
        cr_assert_eq (s_wake (self), ZSEQ_DO_WAIT);
    cr_assert (zseq_kv_call_waits_for (&self->call, late.request));
    cr_assert_eq (s_hear (self, &late), ZSEQ_DO_DONE);
    cr_assert_eq (self->call.rc, ZSEQ_OK);
}

Test (kv_put, does_not_leave_a_node_that_is_heard)
{
    s_fixture_t *self = s_put (3);
    uint8_t first = s_asked (self);
    for (self->now_us = NOW; self->now_us < NOW + 240000;
         self->now_us += 20000) {
        zseq_kv_nodes_heard (&self->nodes, first, self->now_us);
        cr_assert_eq (s_tick (self, self->now_us), ZSEQ_DO_WAIT);
        cr_assert_eq (s_asked (self), first);
    }
}

//  It is heard, because it answers reads, and has lost its majority. The next
//  calls ask others first.
Test (kv_put, leaves_a_node_for_a_while_that_takes_too_long)
{
    s_fixture_t *self = s_put (3);
    uint8_t first = s_asked (self);
    while (s_asked (self) == first) {
        zseq_kv_nodes_heard (&self->nodes, first, self->now_us);
        s_tick (self, self->now_us + 10000);
    }
    cr_assert_eq (self->now_us, NOW + 250000);
    s_ask (self,
           &(zseq_kv_ask_t){.key = {"key", 3}, .op = {.type = ZSEQ_KV_PUT}});
    cr_assert_neq (s_asked (self), first);
}

//  Its own deadline says nothing about the node.
Test (kv_put, that_is_in_a_hurry_leaves_a_node_only_for_itself)
{
    s_fixture_t *self = s_put (3);
    uint8_t first = s_asked (self);
    const zseq_kv_ask_t ask = self->call.ask;
    self->now_us = DEADLINE - 40000;
    s_ask (self, &ask);
    cr_assert_eq (s_asked (self), first);
    zseq_kv_nodes_heard (&self->nodes, first, self->now_us);
    s_wake (self);
    zseq_kv_nodes_heard (&self->nodes, first, self->now_us);
    s_wake (self);
    cr_assert_neq (s_asked (self), first);
    s_ask (self, &ask);
    cr_assert_eq (s_asked (self), first);
}

//  A coordinator that is far away is waited for once that is known.
Test (kv_put, learns_how_long_a_node_takes_that_was_left)
{
    s_fixture_t *self = s_put (3);
    uint8_t first = s_asked (self);
    const zseq_kv_ask_t ask = self->call.ask;
    zseq_msg_t late = s_reply (self, first, ZSEQ_OK);
    late.kv_write.version = FLOOR + 1;
    while (s_asked (self) == first) {
        zseq_kv_nodes_heard (&self->nodes, first, self->now_us);
        s_tick (self, self->now_us + 10000);
    }
    self->now_us = NOW + 300000;
    cr_assert_eq (s_hear (self, &late), ZSEQ_DO_DONE);
    s_ask (self, &ask);
    cr_assert_eq (s_asked (self), first);
    zseq_kv_nodes_heard (&self->nodes, first, self->now_us);
    cr_assert_gt (zseq_kv_call_wake_us (&self->call), self->now_us + 300000);
}

Test (kv_put, leaves_a_node_at_once_that_cannot_be_reached)
{
    static s_fixture_t self;
    s_init (&self, 3);
    const zseq_kv_ask_t ask = {.key = {"key", 3}, .op = {.type = ZSEQ_KV_PUT}};
    s_ask (&self, &ask);
    uint8_t first = s_asked (&self);
    self.gone = self.to;
    s_ask (&self, &ask);
    cr_assert_neq (s_asked (&self), first);
    //  It may be the only one that cannot be reached; nothing was sent there.
    cr_assert_eq (s_answer (&self, ZSEQ_EFORGOTTEN, FLOOR + 3), ZSEQ_DO_WAIT);
}

Test (kv_put, leaves_a_node_at_once_that_does_not_vote)
{
    s_fixture_t *self = s_put (3);
    uint8_t first = s_asked (self);
    cr_assert_eq (s_answer (self, ZSEQ_ENOTVOTING, 0), ZSEQ_DO_WAIT);
    cr_assert_neq (s_asked (self), first);
}

Test (kv_put, asks_a_busy_node_again_after_a_pause)
{
    s_fixture_t *self = s_put (3);
    uint8_t first = s_asked (self);
    uint64_t request = self->sent.request;
    cr_assert_eq (s_answer (self, ZSEQ_EBUSY, 0), ZSEQ_DO_WAIT);
    cr_assert_eq (self->sent.request, request);
    s_wake (self);
    cr_assert_neq (self->sent.request, request);
    cr_assert_eq (s_asked (self), first);
}

Test (kv_put, leaves_a_node_that_stays_busy)
{
    s_fixture_t *self = s_put (3);
    uint8_t first = s_asked (self);
    while (s_asked (self) == first) {
        s_answer (self, ZSEQ_EBUSY, 0);
        if (self->call.node == self->nodes.n)
            s_wake (self);
        cr_assert_lt (self->now_us, DEADLINE);
    }
    cr_assert_geq (self->now_us, NOW + 2500000);
}

Test (kv_put, makes_a_new_op_when_the_only_one_is_forgotten)
{
    s_fixture_t *self = s_put (3);
    uint64_t op = self->sent.kv_write.op.op;
    cr_assert_eq (self->sent.kv_write.op.since, 0);
    for (uint64_t version = FLOOR + 20; version < FLOOR + 25; version++) {
        cr_assert_eq (s_answer (self, ZSEQ_EFORGOTTEN, version), ZSEQ_DO_WAIT);
        cr_assert_neq (self->sent.kv_write.op.op, op);
        cr_assert_eq (self->sent.kv_write.op.since, version);
    }
    cr_assert_eq (s_answer (self, ZSEQ_OK, FLOOR + 30), ZSEQ_DO_DONE);
}

Test (kv_put, takes_the_floor_that_a_forgotten_op_of_an_absent_key_tells)
{
    s_fixture_t *self = s_put (3);
    s_answer (self, ZSEQ_EFORGOTTEN, 0);
    cr_assert_eq (self->sent.kv_write.op.since, FLOOR);
}

Test (kv_put, is_unknown_when_it_is_forgotten_after_it_was_sent_twice)
{
    s_fixture_t *self = s_put (3);
    s_wake (self);
    cr_assert_eq (s_answer (self, ZSEQ_EFORGOTTEN, FLOOR + 20), ZSEQ_DO_DONE);
    cr_assert_eq (self->call.rc, ZSEQ_EFORGOTTEN);
    cr_assert (self->call.unknown);
}

Test (kv_put, is_unknown_when_its_deadline_passes)
{
    s_fixture_t *self = s_put (3);
    while (s_wake (self) != ZSEQ_DO_DONE)
        continue;
    cr_assert_eq (self->call.rc, ZSEQ_ETIMEOUT);
    cr_assert (self->call.unknown);
}

Test (kv_put, is_not_done_when_no_node_has_taken_it)
{
    static s_fixture_t self;
    s_init (&self, 3);
    self.gone = 7;
    s_ask (&self,
           &(zseq_kv_ask_t){.key = {"key", 3}, .op = {.type = ZSEQ_KV_PUT}});
    while (s_wake (&self) != ZSEQ_DO_DONE)
        continue;
    cr_assert_eq (self.call.rc, ZSEQ_EUNAVAILABLE);
    cr_assert (!self.call.unknown);
}

Test (kv_put, is_not_done_when_no_node_has_a_store)
{
    s_fixture_t *self = s_put (3);
    while (!self->call.done) {
        if (self->call.node != self->nodes.n)
            s_answer (self, ZSEQ_EPROTOCOL, 0);
        else
            s_wake (self);
    }
    cr_assert_eq (self->call.rc, ZSEQ_EPROTOCOL);
    cr_assert (!self->call.unknown);
}

Test (kv_put, says_why_all_nodes_refuse)
{
    s_fixture_t *self = s_put (3);
    while (!self->call.done) {
        if (self->call.node != self->nodes.n)
            s_answer (self, ZSEQ_EFULL, 0);
        else
            s_wake (self);
    }
    cr_assert_eq (self->call.rc, ZSEQ_EFULL);
    cr_assert (!self->call.unknown);
}

Test (kv_put, is_unknown_after_a_coordinator_has_given_up)
{
    s_fixture_t *self = s_put (3);
    while (!self->call.done) {
        if (self->call.node != self->nodes.n)
            s_answer (self, ZSEQ_ETIMEOUT, 0);
        else
            s_wake (self);
    }
    cr_assert_eq (self->call.rc, ZSEQ_ETIMEOUT);
    cr_assert (self->call.unknown);
}

//  Conditions.

static s_fixture_t *
s_delete (bool conditional, uint64_t expected)
{
    return s_begin (3, (zseq_kv_ask_t){.op = {.type = ZSEQ_KV_DEL,
                                              .conditional = conditional,
                                              .expected = expected}});
}

Test (kv_condition, tells_the_present_version)
{
    s_fixture_t *self = s_delete (true, FLOOR + 5);
    cr_assert_eq (s_answer (self, ZSEQ_EVERSION, FLOOR + 9), ZSEQ_DO_DONE);
    cr_assert_eq (self->call.rc, ZSEQ_EVERSION);
    cr_assert_eq (self->call.version, FLOOR + 9);
    cr_assert (!self->call.unknown);
}

Test (kv_condition, tells_the_present_value)
{
    s_fixture_t *self = s_delete (true, FLOOR + 5);
    zseq_msg_t msg = s_reply (self, self->call.node, ZSEQ_EVERSION);
    msg.kv_write.version = FLOOR + 9;
    msg.kv_write.value = (zseq_slice_t){"now", 3};
    cr_assert_eq (s_hear (self, &msg), ZSEQ_DO_DONE);
    cr_assert_eq (self->call.value.size, 3);
    cr_assert (memcmp (self->call.value.data, "now", 3) == 0);
}

Test (kv_condition, that_failed_at_one_of_two_nodes_may_hold_at_the_other_later)
{
    s_fixture_t *self = s_delete (false, 0);
    s_wake (self);
    cr_assert_eq (s_answer (self, ZSEQ_ENOKEY, 0), ZSEQ_DO_DONE);
    cr_assert_eq (self->call.rc, ZSEQ_ENOKEY);
    cr_assert (self->call.unknown);
}

Test (kv_condition, on_a_version_that_has_passed_never_holds_again)
{
    s_fixture_t *self = s_delete (true, FLOOR + 5);
    s_wake (self);
    cr_assert_eq (s_answer (self, ZSEQ_EVERSION, FLOOR + 9), ZSEQ_DO_DONE);
    cr_assert (!self->call.unknown);
}

//  A value of that version may have been proposed under a lower ballot, and
//  accepted by a minority.
Test (kv_condition, on_a_version_below_the_floor_may_hold_later)
{
    s_fixture_t *self = s_delete (true, FLOOR - 5);
    s_wake (self);
    cr_assert_eq (s_answer (self, ZSEQ_EVERSION, FLOOR - 9), ZSEQ_DO_DONE);
    cr_assert (self->call.unknown);
    self = s_delete (true, FLOOR - 5);
    s_wake (self);
    cr_assert_eq (s_answer (self, ZSEQ_ENOKEY, 0), ZSEQ_DO_DONE);
    cr_assert (self->call.unknown);
}

//  Watches.

#define WATCHED (FLOOR + 5)

static s_fixture_t *
s_watch (uint8_t n, uint64_t above)
{
    return s_begin (
      n,
      (zseq_kv_ask_t){.op.type = ZSEQ_KV_GET, .watch = true, .above = above});
}

static zseq_do_t
s_hint (s_fixture_t *self, uint8_t node, int status, uint64_t version)
{
    zseq_msg_t msg = s_reply (self, node, status);
    msg.kv_watch = (zseq_msg_kv_watch_t){.version = version};
    return s_hear (self, &msg);
}

//  All nodes show that version, and the watch waits.
static void
s_wait_on (s_fixture_t *self, uint64_t seq)
{
    s_show (self, 0, seq);
    cr_assert_eq (s_show (self, 1, seq), ZSEQ_DO_WAIT);
    cr_assert_eq (self->sent.op, ZSEQ_OP_KV_WATCH);
    cr_assert_eq (self->to, 7);
    cr_assert_eq (self->sent.kv_watch.above, self->call.ask.above);
}

Test (kv_watch, is_done_at_once_if_there_is_a_newer_version)
{
    s_fixture_t *self = s_watch (3, WATCHED - 1);
    cr_assert_eq (self->sent.op, ZSEQ_OP_KV_READ);
    s_show (self, 0, 5);
    cr_assert_eq (s_show (self, 1, 5), ZSEQ_DO_DONE);
    cr_assert_eq (self->call.rc, ZSEQ_OK);
    cr_assert_eq (self->call.version, WATCHED);
}

Test (kv_watch, reads_what_a_node_hints_at)
{
    s_fixture_t *self = s_watch (3, WATCHED);
    s_wait_on (self, 5);
    cr_assert_eq (s_hint (self, 2, ZSEQ_OK, WATCHED + 1), ZSEQ_DO_WAIT);
    cr_assert_eq (self->sent.op, ZSEQ_OP_KV_READ);
    s_show (self, 0, 6);
    cr_assert_eq (s_show (self, 2, 6), ZSEQ_DO_DONE);
    cr_assert_eq (self->call.rc, ZSEQ_OK);
    cr_assert_eq (self->call.version, WATCHED + 1);
}

Test (kv_watch, waits_for_a_key_that_is_absent)
{
    s_fixture_t *self = s_watch (3, 0);
    s_wait_on (self, 0);
    s_hint (self, 0, ZSEQ_OK, WATCHED);
    s_show (self, 0, 5);
    cr_assert_eq (s_show (self, 1, 5), ZSEQ_DO_DONE);
    cr_assert_eq (self->call.version, WATCHED);
}

Test (kv_watch, tells_that_a_deletion_was_forgotten)
{
    s_fixture_t *self = s_watch (3, WATCHED);
    s_show (self, 0, 0);
    cr_assert_eq (s_show (self, 1, 0), ZSEQ_DO_DONE);
    cr_assert_eq (self->call.rc, ZSEQ_ENOKEY);
    cr_assert_eq (self->call.version, 0);
}

Test (kv_watch, reads_again_now_and_then)
{
    s_fixture_t *self = s_watch (3, WATCHED);
    self->call.deadline_us = NOW + 60000000;
    s_wait_on (self, 5);
    cr_assert_eq (s_tick (self, NOW + 9999999), ZSEQ_DO_WAIT);
    cr_assert_eq (self->sent.op, ZSEQ_OP_KV_WATCH);
    cr_assert_eq (s_tick (self, NOW + 10000000), ZSEQ_DO_WAIT);
    cr_assert_eq (self->sent.op, ZSEQ_OP_KV_READ);
}

Test (kv_watch, reads_more_often_if_a_write_may_pass_the_watches_by)
{
    s_fixture_t *self = s_watch (3, WATCHED);
    self->gone = 4;
    s_wait_on (self, 5);
    cr_assert_eq (zseq_kv_call_wake_us (&self->call), DEADLINE);
    cr_assert_eq (s_hint (self, 0, ZSEQ_EBUSY, 0), ZSEQ_DO_WAIT);
    cr_assert_eq (zseq_kv_call_wake_us (&self->call), NOW + 500000);
    s_tick (self, NOW + 500000);
    cr_assert_eq (self->sent.op, ZSEQ_OP_KV_READ);
}

//  A node holds a version that no quorum has: the watch pauses, and in the end
//  has the key settled.
Test (kv_watch, settles_a_key_when_hints_lead_to_nothing)
{
    s_fixture_t *self = s_watch (3, WATCHED);
    s_wait_on (self, 5);
    for (int hint = 0; hint < 4; hint++) {
        s_hint (self, 2, ZSEQ_OK, WATCHED + 1);
        cr_assert_eq (self->sent.op, ZSEQ_OP_KV_READ);
        s_show (self, 0, 5);
        s_show (self, 1, 5);
        uint64_t request = self->sent.request;
        cr_assert_gt (zseq_kv_call_wake_us (&self->call), self->now_us);
        s_wake (self);
        cr_assert_eq (self->sent.op, ZSEQ_OP_KV_WATCH);
        cr_assert_neq (self->sent.request, request);
    }
    s_hint (self, 2, ZSEQ_OK, WATCHED + 1);
    cr_assert_eq (self->sent.op, ZSEQ_OP_KV_SETTLE);
    cr_assert_eq (s_answer (self, ZSEQ_OK, WATCHED), ZSEQ_DO_WAIT);
    s_wake (self);
    cr_assert_eq (self->sent.op, ZSEQ_OP_KV_WATCH);
    s_hint (self, 2, ZSEQ_OK, WATCHED + 2);
    s_show (self, 0, 7);
    cr_assert_eq (s_show (self, 2, 7), ZSEQ_DO_DONE);
    cr_assert_eq (self->call.version, WATCHED + 2);
}

Test (kv_watch, ends_at_its_deadline)
{
    s_fixture_t *self = s_watch (3, WATCHED);
    s_wait_on (self, 5);
    cr_assert_eq (zseq_kv_call_wake_us (&self->call), DEADLINE);
    cr_assert_eq (s_tick (self, DEADLINE), ZSEQ_DO_DONE);
    cr_assert_eq (self->call.rc, ZSEQ_ETIMEOUT);
    cr_assert (!self->call.unknown);
}
