//  A proposer in front of three acceptors that answer at once, unless they are
//  cut off. What random walks (test_proposer_walk.c) hardly meet.

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "zseq_proposer.h"
#include "zseq_registers.h"

#define NODES 3
#define ROUND ((uint64_t) 1 << 32)
#define ALL ((zseq_node_set_t) 7)
#define SECOND_US UINT64_C (1000000)
#define CHOSEN_HEAD 64  //  Bytes of a CHOSEN beside its keys, at most
#define SIZES_MAX 64
#define CHOSEN_ITEM 32  //  ... and beside each key's own

typedef struct {
    uint64_t now_us;
    uint64_t drawn;
    zseq_node_set_t reachable;
    zseq_node_set_t accepts;  //  Those that an ACCEPT reaches
    zseq_node_set_t refuse;   //  Those whose disks are full
    zseq_registers_t *registers[NODES];
    uint64_t incarnation[NODES][NODES];  //  Of each node, as each node knows
    zseq_proposer_t *proposer;           //  Whose turn it is
    size_t chosen_bytes;                 //  Of the largest CHOSEN, at most
    size_t asked;
    size_t done;
    size_t sizes[SIZES_MAX];  //  Bytes of the value in each answer
} s_world_t;

static zseq_slice_t
s_slice (const char *text)
{
    return (zseq_slice_t){text, strlen (text)};
}

static void
s_answer_promise (zseq_registers_t *registers, const zseq_msg_t *msg,
                  zseq_kv_answer_t *answers, zseq_msg_t *reply)
{
    size_t count = 0;
    for (uint8_t shard = 0; shard < ZSEQ_SHARDS; shard++) {
        if (!(msg->kv_promise.shards >> shard & 1))
            continue;
        answers[count].status =
          zseq_registers_prepare (registers, shard, &msg->kv_promise.ballot);
        answers[count++].promise = *zseq_registers_promise (registers, shard);
    }
    reply->kv_promise.shards = msg->kv_promise.shards;
    reply->kv_promise.answers = answers;
    reply->kv_promise.answer_count = count;
}

static void
s_answer_fetch (zseq_registers_t *registers, const zseq_msg_t *msg,
                zseq_kv_answer_t *answers, zseq_kv_record_t *records,
                zseq_msg_t *reply)
{
    for (size_t item = 0; item < msg->kv_fetch.key_count; item++) {
        zseq_slice_t key = msg->kv_fetch.keys[item];
        const zseq_ballot_t *promise =
          zseq_registers_promise (registers, zseq_kv_shard (key));
        bool same = zseq_ballot_compare (promise, &msg->kv_fetch.ballot) == 0;
        answers[item].status = same ? ZSEQ_OK : ZSEQ_EBALLOT;
        answers[item].promise = *promise;
        zseq_registers_view_t view;
        zseq_registers_find (registers, key, &view);
        if (view.accepted)
            records[item] = view.accepted->record;
        else
            zseq_kv_record_init (&records[item], key,
                                 zseq_ballot_floor (promise));
        if (!view.accepted)
            records[item].from =
              zseq_registers_dropped (registers, zseq_kv_shard (key));
    }
    reply->kv_fetch.answers = answers;
    reply->kv_fetch.records = records;
    reply->kv_fetch.answer_count = msg->kv_fetch.key_count;
}

static void
s_answer_accept (zseq_registers_t *registers, const zseq_msg_t *msg,
                 zseq_kv_answer_t *answers, zseq_msg_t *reply)
{
    for (size_t item = 0; item < msg->kv_accept.record_count; item++) {
        const zseq_kv_record_t *record = &msg->kv_accept.records[item];
        answers[item].status = zseq_registers_accept (registers, record);
        answers[item].promise =
          *zseq_registers_promise (registers, zseq_kv_shard (record->key));
    }
    reply->kv_accept.answers = answers;
    reply->kv_accept.answer_count = msg->kv_accept.record_count;
}

static void
s_note_chosen (s_world_t *self, const zseq_msg_t *msg)
{
    size_t bytes = CHOSEN_HEAD;
    for (size_t item = 0; item < msg->kv_chosen.chosen_count; item++)
        bytes += msg->kv_chosen.chosen[item].key.size + CHOSEN_ITEM;
    if (bytes > self->chosen_bytes)
        self->chosen_bytes = bytes;
}

static bool
s_ask (void *arg, uint8_t node, zseq_msg_t *msg)
{
    s_world_t *self = arg;
    zseq_kv_answer_t answers[ZSEQ_PAGE_MAX];
    static zseq_kv_record_t records[ZSEQ_PAGE_MAX];
    zseq_msg_t reply = {.op = msg->op,
                        .reply = true,
                        .request = msg->request,
                        .node = node,
                        .vector = {.n = NODES}};
    for (uint8_t other = 0; other < NODES; other++)
        reply.vector.incarnation[other].counter =
          self->incarnation[node][other];
    self->asked++;
    if (msg->op == ZSEQ_OP_KV_CHOSEN)
        s_note_chosen (self, msg);
    if (!zseq_node_set_has (self->reachable, node) ||
        (msg->op == ZSEQ_OP_KV_ACCEPT &&
         !zseq_node_set_has (self->accepts, node)) ||
        msg->op == ZSEQ_OP_KV_CHOSEN)
        return true;
    if (msg->op == ZSEQ_OP_KV_PROMISE)
        s_answer_promise (self->registers[node], msg, answers, &reply);
    else if (msg->op == ZSEQ_OP_KV_FETCH)
        s_answer_fetch (self->registers[node], msg, answers, records, &reply);
    else
        s_answer_accept (self->registers[node], msg, answers, &reply);
    //  A node whose disk is full has accepted in memory.
    if (msg->op == ZSEQ_OP_KV_ACCEPT && zseq_node_set_has (self->refuse, node))
        reply.status = ZSEQ_ENOSPACE;
    zseq_proposer_reply (self->proposer, &reply, self->now_us);
    return true;
}

static void
s_done (void *arg, zseq_kv_request_t *request)
{
    s_world_t *self = arg;
    if (self->done < SIZES_MAX)
        self->sizes[self->done] = request->value.size;
    self->done++;
}

static uint64_t
s_draw (void *arg)
{
    s_world_t *self = arg;
    return ++self->drawn;
}

static void
s_init (s_world_t *self)
{
    memset (self, 0, sizeof *self);
    self->now_us = 1000;
    self->reachable = self->accepts = ALL;
    for (uint8_t node = 0; node < NODES; node++) {
        self->registers[node] = zseq_registers_new (1 << 28);
        for (uint8_t other = 0; other < NODES; other++)
            self->incarnation[node][other] = 1;
    }
}

static void
s_term (s_world_t *self)
{
    for (uint8_t node = 0; node < NODES; node++)
        zseq_registers_destroy (&self->registers[node]);
}

static zseq_proposer_t *
s_proposer (s_world_t *self, uint8_t node)
{
    zseq_proposer_options_t options = {
      .n = NODES, .proposer = (100u + node) << 8 | node, .seed = node + 1u};
    zseq_proposer_hooks_t hooks = {
      .arg = self, .ask = s_ask, .done = s_done, .draw = s_draw};
    return zseq_proposer_new (&options, &hooks);
}

//  Lets a proposer work for so long.
static void
s_run (s_world_t *self, zseq_proposer_t *proposer, uint64_t us)
{
    self->proposer = proposer;
    for (uint64_t end_us = self->now_us + us; self->now_us < end_us;
         self->now_us += 1000) {
        zseq_proposer_tick (proposer, self->now_us);
        zseq_proposer_flush (proposer, self->now_us);
    }
}

static zseq_kv_request_t
s_put (uint64_t op, uint64_t since, const char *value)
{
    return (zseq_kv_request_t){.op = {.type = ZSEQ_KV_PUT,
                                      .op = op,
                                      .since = since,
                                      .value = s_slice (value)},
                               .deadline_us = 1000 * SECOND_US};
}

static void
s_add (s_world_t *self, zseq_proposer_t *proposer, zseq_slice_t key,
       zseq_kv_request_t *request)
{
    request->status = ZSEQ_EAGAIN;
    cr_assert_eq (zseq_proposer_add (proposer, key, request, self->now_us),
                  ZSEQ_OK);
}

#define CLIENTS 32

static zseq_kv_request_t
s_cas (uint64_t op, uint64_t expected, const char *value)
{
    zseq_kv_request_t cas = s_put (op, expected, value);
    cas.op.conditional = true;
    cas.op.expected = expected;
    return cas;
}

//  Sets a key, and then has all clients add a cas of what it was set to.
static void
s_compete (s_world_t *self, zseq_proposer_t *proposer, zseq_slice_t key,
           zseq_kv_request_t *cas, uint64_t timeout_us)
{
    static zseq_kv_request_t old;
    old = s_put (1, ROUND, "old");
    s_add (self, proposer, key, &old);
    s_run (self, proposer, 5000);
    cr_assert_eq (old.status, ZSEQ_OK);
    for (uint64_t index = 0; index < CLIENTS; index++) {
        cas[index] =
          s_cas (2 + index, old.version, index == 0 ? "won" : "lost");
        cas[index].deadline_us = self->now_us + timeout_us;
        s_add (self, proposer, key, &cas[index]);
    }
}

static void
s_check_lost (const s_world_t *self, const zseq_kv_request_t *cas, size_t count)
{
    cr_assert_eq (cas[0].status, ZSEQ_OK);
    for (size_t index = 1; index < count; index++) {
        cr_assert_eq (cas[index].status, ZSEQ_EVERSION);
        cr_assert_eq (cas[index].version, cas[0].version);
        cr_assert_eq (self->sizes[1 + index], strlen ("won"));
    }
}

//  K8: the proposal that makes them fail tells one of them what the key has
//  now. As it does not try again, the others are told soon, without a message.
Test (proposer, tells_clients_in_turn_that_their_condition_does_not_hold)
{
    s_world_t self;
    s_init (&self);
    zseq_proposer_t *proposer = s_proposer (&self, 0);
    zseq_kv_request_t cas[CLIENTS];
    s_compete (&self, proposer, s_slice ("k"), cas, SECOND_US);
    uint64_t proposals = zseq_proposer_stats (proposer)->proposals;
    uint64_t fetches = zseq_proposer_stats (proposer)->fetches;
    s_run (&self, proposer, 1000);
    cr_assert_eq (self.done, 1 + 2);
    s_check_lost (&self, cas, 2);
    s_run (&self, proposer, 20000);
    cr_assert_eq (self.done, 1 + CLIENTS);
    s_check_lost (&self, cas, CLIENTS);
    cr_assert_eq (zseq_proposer_stats (proposer)->proposals, proposals + 1);
    cr_assert_eq (zseq_proposer_stats (proposer)->fetches, fetches);
    cr_assert (!zseq_proposer_busy (proposer));
    zseq_proposer_destroy (&proposer);
    s_term (&self);
}

//  A client that tries again is likely to succeed, and ends its turn.
Test (proposer, gives_the_next_turn_when_a_write_is_chosen)
{
    s_world_t self;
    s_init (&self);
    zseq_proposer_t *proposer = s_proposer (&self, 0);
    zseq_kv_request_t cas[CLIENTS];
    zseq_kv_request_t again[CLIENTS];
    s_compete (&self, proposer, s_slice ("k"), cas, SECOND_US);
    zseq_proposer_flush (proposer, self.now_us);
    for (uint64_t index = 1; index < CLIENTS; index++) {
        zseq_proposer_flush (proposer, self.now_us);
        cr_assert_eq (self.done, 1 + 2 * index);
        cr_assert_eq (cas[index].status, ZSEQ_EVERSION);
        again[index] = s_cas (100 + index, cas[index].version, "won");
        s_add (&self, proposer, s_slice ("k"), &again[index]);
        zseq_proposer_flush (proposer, self.now_us);
        cr_assert_eq (again[index].status, ZSEQ_OK);
    }
    zseq_proposer_destroy (&proposer);
    s_term (&self);
}

//  Nothing is under way, and nobody competes.
Test (proposer, tells_a_lone_client_at_once_that_its_condition_does_not_hold)
{
    s_world_t self;
    s_init (&self);
    zseq_proposer_t *proposer = s_proposer (&self, 0);
    zseq_slice_t key = s_slice ("k");
    zseq_kv_request_t old = s_put (1, ROUND, "old");
    s_add (&self, proposer, key, &old);
    s_run (&self, proposer, 5000);
    for (uint64_t index = 0; index < CLIENTS; index++) {
        zseq_kv_request_t cas = s_cas (2 + index, old.version - 1, "new");
        s_add (&self, proposer, key, &cas);
        zseq_proposer_flush (proposer, self.now_us);
        cr_assert_eq (cas.status, ZSEQ_EVERSION);
    }
    zseq_proposer_destroy (&proposer);
    s_term (&self);
}

//  P3: they are held for half of their time at most.
Test (proposer, tells_clients_with_short_deadlines_before_these)
{
    s_world_t self;
    s_init (&self);
    zseq_proposer_t *proposer = s_proposer (&self, 0);
    zseq_kv_request_t cas[CLIENTS];
    s_compete (&self, proposer, s_slice ("k"), cas, 4000);
    s_run (&self, proposer, 4000);
    cr_assert_eq (self.done, 1 + CLIENTS);
    s_check_lost (&self, cas, CLIENTS);
    zseq_proposer_destroy (&proposer);
    s_term (&self);
}

//  The key is deleted before their turn comes.
Test (proposer, applies_a_held_write_if_its_condition_holds_in_its_turn)
{
    s_world_t self;
    s_init (&self);
    zseq_proposer_t *proposer = s_proposer (&self, 0);
    zseq_slice_t key = s_slice ("k");
    zseq_kv_request_t old = s_put (1, ROUND, "old");
    s_add (&self, proposer, key, &old);
    s_run (&self, proposer, 5000);
    zseq_kv_request_t create[3];
    for (uint64_t index = 0; index < 3; index++) {
        create[index] = s_cas (2 + index, 0, "new");
        create[index].op.since = old.version;
        s_add (&self, proposer, key, &create[index]);
    }
    zseq_proposer_flush (proposer, self.now_us);
    cr_assert_eq (self.done, 2, "%zu", self.done);
    zseq_kv_request_t del = {
      .op = {.type = ZSEQ_KV_DEL, .op = 9, .since = old.version},
      .deadline_us = 1000 * SECOND_US};
    s_add (&self, proposer, key, &del);
    s_run (&self, proposer, 1000);
    cr_assert_eq (del.status, ZSEQ_OK);
    cr_assert_eq (create[1].status, ZSEQ_OK);
    cr_assert_gt (create[1].version, del.version);
    s_run (&self, proposer, 20000);
    cr_assert_eq (create[2].status, ZSEQ_EVERSION);
    cr_assert_eq (create[2].version, create[1].version);
    zseq_proposer_destroy (&proposer);
    s_term (&self);
}

//  K4: what was judged on a base that ended with its ballot is judged again.
Test (proposer, judges_held_writes_again_under_a_new_ballot)
{
    s_world_t self;
    s_init (&self);
    zseq_proposer_t *proposer = s_proposer (&self, 0);
    zseq_proposer_t *other = s_proposer (&self, 2);
    zseq_slice_t key = s_slice ("k");
    zseq_kv_request_t cas[CLIENTS];
    s_compete (&self, proposer, key, cas, SECOND_US);
    self.proposer = proposer;
    zseq_proposer_flush (proposer, self.now_us);
    zseq_proposer_flush (proposer, self.now_us);
    cr_assert_eq (self.done, 1 + 2);
    zseq_ballot_t first = {.round = 1, .proposer = 100 << 8};
    zseq_proposer_note (other, zseq_kv_shard (key), &first);
    zseq_kv_request_t put = s_put (99, ROUND, "taken");
    s_add (&self, other, key, &put);
    s_run (&self, other, 1000);
    cr_assert_eq (put.status, ZSEQ_OK);
    zseq_kv_request_t late = s_put (98, ROUND, "late");
    s_add (&self, proposer, key, &late);
    s_run (&self, proposer, SECOND_US / 2);
    cr_assert_eq (late.status, ZSEQ_OK);
    cr_assert_eq (self.done, 1 + CLIENTS + 2);
    for (size_t index = 2; index < CLIENTS; index++) {
        cr_assert_eq (cas[index].status, ZSEQ_EVERSION);
        cr_assert_geq (cas[index].version, put.version);
    }
    zseq_proposer_destroy (&proposer);
    zseq_proposer_destroy (&other);
    s_term (&self);
}

//  K8: a refused condition does not show the value at its own place.
Test (proposer, judges_refused_conditions_after_all_writes)
{
    s_world_t self;
    s_init (&self);
    zseq_proposer_t *proposer = s_proposer (&self, 0);
    zseq_slice_t key = s_slice ("k");
    zseq_kv_request_t old = s_put (1, ROUND, "old");
    s_add (&self, proposer, key, &old);
    s_run (&self, proposer, 5000);

    zseq_kv_request_t create = s_cas (2, 0, "created");
    create.op.since = old.version;
    zseq_kv_request_t late = s_cas (3, ROUND, "late");
    zseq_kv_request_t del = {
      .op = {.type = ZSEQ_KV_DEL, .op = 4, .since = old.version},
      .deadline_us = 1000 * SECOND_US};
    s_add (&self, proposer, key, &create);
    s_add (&self, proposer, key, &late);
    s_add (&self, proposer, key, &del);
    s_run (&self, proposer, 1000);
    cr_assert_eq (self.done, 4);
    cr_assert_eq (del.status, ZSEQ_OK);
    cr_assert_eq (create.status, ZSEQ_OK);
    cr_assert_gt (create.version, del.version);
    cr_assert_eq (late.status, ZSEQ_EVERSION);
    cr_assert_eq (late.version, create.version);
    cr_assert_eq (self.sizes[3], strlen ("created"));
    zseq_proposer_destroy (&proposer);
    s_term (&self);
}

//  A delete and a write that expects no value share a proposal, which only node
//  0 accepts before the ballot is lost. The value that is there then says that
//  the write is refused; but as long as nothing higher was chosen, somebody may
//  still take the proposal up from node 0.
Test (proposer, refuses_no_write_that_a_minority_may_hold)
{
    s_world_t self;
    s_init (&self);
    zseq_proposer_t *first = s_proposer (&self, 0);
    zseq_proposer_t *second = s_proposer (&self, 2);
    zseq_slice_t key = s_slice ("k");
    uint8_t shard = zseq_kv_shard (key);
    zseq_kv_request_t old = s_put (1, ROUND, "old");
    s_add (&self, first, key, &old);
    s_run (&self, first, 5000);
    cr_assert_eq (old.status, ZSEQ_OK);

    zseq_ballot_t other = {.round = 2, .proposer = 999 << 8 | 1};
    cr_assert_eq (zseq_registers_prepare (self.registers[1], shard, &other),
                  ZSEQ_OK);
    cr_assert_eq (zseq_registers_prepare (self.registers[2], shard, &other),
                  ZSEQ_OK);
    zseq_kv_request_t del = {
      .op = {.type = ZSEQ_KV_DEL, .op = 2, .since = old.version},
      .deadline_us = self.now_us + 500};
    zseq_kv_request_t create = s_put (3, old.version, "new");
    create.op.conditional = true;
    s_add (&self, first, key, &del);
    s_add (&self, first, key, &create);
    self.proposer = first;
    zseq_proposer_flush (first, self.now_us);
    self.now_us += 20000;
    self.reachable = ALL & ~(zseq_node_set_t) 1;
    s_run (&self, first, SECOND_US);
    cr_assert_eq (self.done, 3);
    cr_assert_eq (del.status, ZSEQ_ETIMEOUT);
    cr_assert_eq (create.status, ZSEQ_EVERSION);

    //  So nobody may see it done.
    self.reachable = 3;
    zseq_kv_request_t get = {.op = {.type = ZSEQ_KV_GET},
                             .deadline_us = 1000 * SECOND_US};
    zseq_proposer_note (second, shard,
                        zseq_registers_promise (self.registers[1], shard));
    s_add (&self, second, key, &get);
    s_run (&self, second, SECOND_US);
    cr_assert_eq (self.done, 4);
    cr_assert_eq (get.status, ZSEQ_OK);
    cr_assert_eq (get.version, old.version);
    zseq_proposer_destroy (&first);
    zseq_proposer_destroy (&second);
    s_term (&self);
}

//  S4: node 1 accepts, and loses its disk; then it must accept again.
Test (proposer, asks_again_who_accepted_in_an_incarnation_that_has_ended)
{
    s_world_t self;
    s_init (&self);
    zseq_proposer_t *proposer = s_proposer (&self, 0);
    zseq_slice_t key = s_slice ("k");
    zseq_kv_request_t old = s_put (1, ROUND, "old");
    s_add (&self, proposer, key, &old);
    s_run (&self, proposer, 5000);

    self.reachable = 2;
    zseq_kv_request_t put = s_put (2, old.version, "new");
    s_add (&self, proposer, key, &put);
    s_run (&self, proposer, 5000);
    self.incarnation[0][1] = self.incarnation[1][1] = 2;
    self.reachable = 3;
    s_run (&self, proposer, 5 * SECOND_US);
    cr_assert_eq (self.done, 2);
    cr_assert_eq (put.status, ZSEQ_OK);
    zseq_proposer_destroy (&proposer);
    s_term (&self);
}

//  Many long keys are chosen at once.
Test (proposer, tells_of_what_was_chosen_in_messages_that_can_be_sent)
{
    static zseq_kv_request_t put[ZSEQ_PAGE_MAX];
    static char key[ZSEQ_PAGE_MAX][ZSEQ_KEY_MAX];
    s_world_t self;
    s_init (&self);
    zseq_proposer_t *proposer = s_proposer (&self, 0);
    for (size_t index = 0; index < ZSEQ_PAGE_MAX; index++) {
        memset (key[index], 'k', ZSEQ_KEY_MAX);
        key[index][0] = (char) index;
        put[index] = s_put (index + 1, ROUND, "v");
        s_add (&self, proposer, (zseq_slice_t){key[index], ZSEQ_KEY_MAX},
               &put[index]);
    }
    s_run (&self, proposer, 100000);
    cr_assert_eq (self.done, ZSEQ_PAGE_MAX);
    cr_assert_gt (self.chosen_bytes, CHOSEN_HEAD);
    cr_assert_leq (self.chosen_bytes, ZSEQ_MESSAGE_MAX);
    zseq_proposer_destroy (&proposer);
    s_term (&self);
}

//  Asks for many keys, one after another, for a moment each, until nobody
//  waits.
static void
s_ask_for_many (s_world_t *self, zseq_proposer_t *proposer)
{
    static zseq_kv_request_t put[20000];
    static char key[20000][8];
    for (size_t index = 0; index < 20000; index++) {
        int size = snprintf (key[index], sizeof key[index], "%zu", index);
        put[index] = s_put (index + 1, ROUND, "v");
        put[index].deadline_us = self->now_us + 1;
        s_add (self, proposer, (zseq_slice_t){key[index], (size_t) size},
               &put[index]);
        if (index % 100 == 99)
            s_run (self, proposer, 15000);
    }
    cr_assert_not (zseq_proposer_busy (proposer));
    self->asked = 0;
}

Test (proposer, asks_for_nothing_that_nobody_waits_for)
{
    s_world_t self;
    s_init (&self);
    zseq_proposer_t *proposer = s_proposer (&self, 0);
    self.reachable = 1;
    s_ask_for_many (&self, proposer);
    s_run (&self, proposer, 5 * SECOND_US);
    cr_assert_eq (self.asked, 0);
    zseq_proposer_destroy (&proposer);
    s_term (&self);
}

//  ... and keeps the bases that it has proposed, but not without an end.
Test (proposer, asks_for_no_acceptances_that_nobody_waits_for)
{
    s_world_t self;
    s_init (&self);
    zseq_proposer_t *proposer = s_proposer (&self, 0);
    self.accepts = 1;
    s_ask_for_many (&self, proposer);
    s_run (&self, proposer, 5 * SECOND_US);
    cr_assert_eq (self.asked, 0);
    cr_assert_gt (zseq_proposer_stats (proposer)->ballots, 64);
    self.accepts = ALL;
    zseq_kv_request_t put = s_put (1000000, 100 * ROUND, "last");
    s_add (&self, proposer, s_slice ("19999"), &put);
    size_t done = self.done;
    s_run (&self, proposer, SECOND_US);
    cr_assert_eq (self.done, done + 1);
    zseq_proposer_destroy (&proposer);
    s_term (&self);
}

//  K9: the record's window has 16 op ids.

//  Puts a value, in a message of its own.
static uint64_t
s_put_once (s_world_t *self, zseq_proposer_t *proposer, uint64_t op,
            uint64_t since)
{
    zseq_kv_request_t put = s_put (op, since, "v");
    s_add (self, proposer, s_slice ("k"), &put);
    s_run (self, proposer, 2000);
    cr_assert_eq (put.status, ZSEQ_OK);
    return put.version;
}

//  What becomes of an op that is put again.
static zseq_kv_request_t
s_put_again (s_world_t *self, zseq_proposer_t *proposer, uint64_t op,
             uint64_t since)
{
    zseq_kv_request_t put = s_put (op, since, "v");
    s_add (self, proposer, s_slice ("k"), &put);
    s_run (self, proposer, SECOND_US);
    return put;
}

Test (proposer, remembers_more_op_ids_than_a_record)
{
    s_world_t self;
    s_init (&self);
    zseq_proposer_t *proposer = s_proposer (&self, 0);
    uint64_t before = s_put_once (&self, proposer, 1, ROUND);
    uint64_t version = s_put_once (&self, proposer, 2, before);
    for (uint64_t op = 3; op < 103; op++)
        s_put_once (&self, proposer, op, before);
    zseq_kv_request_t again = s_put_again (&self, proposer, 2, before);
    cr_assert_eq (again.status, ZSEQ_OK);
    cr_assert_eq (again.version, version);
    //  ... for a second or two.
    for (int second = 0; second < 3; second++) {
        self.now_us += SECOND_US;
        version =
          s_put_once (&self, proposer, 200 + (uint64_t) second, version);
    }
    again = s_put_again (&self, proposer, 2, before);
    cr_assert_eq (again.status, ZSEQ_EFORGOTTEN);
    zseq_proposer_destroy (&proposer);
    s_term (&self);
}

//  Another proposer applies an op, which then falls out of the window.
Test (proposer, forgets_op_ids_with_its_ballot)
{
    s_world_t self;
    s_init (&self);
    uint8_t shard = zseq_kv_shard (s_slice ("k"));
    zseq_proposer_t *first = s_proposer (&self, 0);
    zseq_proposer_t *second = s_proposer (&self, 2);
    uint64_t version = ROUND;
    for (uint64_t op = 1; op < 41; op++)
        version = s_put_once (&self, first, op, ROUND);

    zseq_proposer_note (second, shard,
                        zseq_registers_promise (self.registers[1], shard));
    s_put_once (&self, second, 100, version);
    for (uint64_t op = 101; op < 141; op++)
        s_put_once (&self, second, op, version);

    zseq_kv_request_t again = s_put_again (&self, first, 100, version);
    cr_assert_eq (again.status, ZSEQ_ETIMEOUT);
    again = s_put_again (&self, first, 100, version);
    cr_assert_eq (again.status, ZSEQ_EFORGOTTEN);
    zseq_proposer_destroy (&first);
    zseq_proposer_destroy (&second);
    s_term (&self);
}

//  A proposer of a higher ballot may be asked for an op that an earlier one was
//  asked for: its client has seen nothing of the key, and neither has anybody.
Test (proposer, applies_an_op_to_a_key_that_was_never_written)
{
    s_world_t self;
    s_init (&self);
    zseq_proposer_t *proposer = s_proposer (&self, 0);
    cr_assert_eq (s_put_once (&self, proposer, 1, 0), ROUND + 1);
    zseq_proposer_destroy (&proposer);
    s_term (&self);
}

//  The highest version that W nodes say they have dropped counts. Below it, an
//  op may be one that went with a tombstone.
Test (proposer, forgets_ops_of_tombstones_that_were_dropped)
{
    s_world_t self;
    s_init (&self);
    uint8_t shard = zseq_kv_shard (s_slice ("k"));
    self.reachable = 3;
    zseq_registers_raise_dropped (self.registers[0], shard, 40);
    zseq_registers_raise_dropped (self.registers[1], shard, 42);
    zseq_proposer_t *proposer = s_proposer (&self, 0);
    zseq_kv_request_t again = s_put_again (&self, proposer, 1, 41);
    cr_assert_eq (again.status, ZSEQ_EFORGOTTEN);
    cr_assert_eq (again.version, 0);
    cr_assert_geq (again.floor, 42);
    uint64_t version = s_put_once (&self, proposer, 2, 42);

    //  ... and goes on to do so when the key has a value.
    again = s_put_again (&self, proposer, 1, 41);
    cr_assert_eq (again.status, ZSEQ_EFORGOTTEN);
    cr_assert_eq (again.version, version);
    again = s_put_again (&self, proposer, 2, 42);
    cr_assert_eq (again.version, version);
    zseq_proposer_destroy (&proposer);
    s_term (&self);
}

//  Nodes that are full.

//  Gives nodes little memory.
static void
s_shrink (s_world_t *self, zseq_node_set_t nodes)
{
    for (uint8_t node = 0; node < NODES; node++)
        if (zseq_node_set_has (nodes, node)) {
            zseq_registers_destroy (&self->registers[node]);
            self->registers[node] = zseq_registers_new (5000);
        }
}

//  A request for key "k" that has its answer after a moment.
static zseq_kv_request_t
s_do (s_world_t *self, zseq_proposer_t *proposer, zseq_kv_type_t type,
      zseq_slice_t value)
{
    zseq_kv_request_t request = {
      .op = {.type = type, .op = ++self->drawn, .since = ROUND, .value = value},
      .deadline_us = 1000 * SECOND_US};
    size_t done = self->done;
    s_add (self, proposer, s_slice ("k"), &request);
    s_run (self, proposer, 2000);
    cr_assert_eq (self->done, done + 1);
    return request;
}

Test (proposer, goes_on_with_a_key_whose_value_has_no_room)
{
    static char bytes[8192];
    const zseq_slice_t large = {bytes, sizeof bytes};
    s_world_t self;
    s_init (&self);
    s_shrink (&self, ALL);
    zseq_proposer_t *proposer = s_proposer (&self, 0);
    uint64_t old = s_do (&self, proposer, ZSEQ_KV_PUT, s_slice ("old")).version;
    //  Proposed: it may be applied yet. Then others are refused beforehand.
    cr_assert_eq (s_do (&self, proposer, ZSEQ_KV_PUT, large).status,
                  ZSEQ_ENOSPACE);
    uint64_t proposals = zseq_proposer_stats (proposer)->proposals;
    cr_assert_eq (s_do (&self, proposer, ZSEQ_KV_PUT, large).status,
                  ZSEQ_EFULL);
    cr_assert_eq (zseq_proposer_stats (proposer)->proposals, proposals);

    //  What builds on it is chosen.
    zseq_kv_request_t small =
      s_do (&self, proposer, ZSEQ_KV_PUT, s_slice ("a"));
    cr_assert_eq (small.status, ZSEQ_OK);
    cr_assert_gt (small.version, old + 1);
    cr_assert_eq (s_do (&self, proposer, ZSEQ_KV_GET, s_slice ("")).version,
                  small.version);
    cr_assert_eq (s_do (&self, proposer, ZSEQ_KV_DEL, s_slice ("")).status,
                  ZSEQ_OK);
    cr_assert_eq (s_do (&self, proposer, ZSEQ_KV_PUT, large).status,
                  ZSEQ_EFULL);
    self.now_us += SECOND_US;
    cr_assert_eq (s_do (&self, proposer, ZSEQ_KV_PUT, large).status,
                  ZSEQ_ENOSPACE);
    cr_assert_eq (s_do (&self, proposer, ZSEQ_KV_PUT, s_slice ("b")).status,
                  ZSEQ_OK);
    zseq_proposer_destroy (&proposer);
    s_term (&self);
}

//  A deletion that waits behind it, and a put that came with the deletion.
Test (proposer, serves_who_waits_for_a_value_that_has_no_room)
{
    static char bytes[8192];
    s_world_t self;
    s_init (&self);
    s_shrink (&self, ALL);
    zseq_proposer_t *proposer = s_proposer (&self, 0);
    (void) s_do (&self, proposer, ZSEQ_KV_PUT, s_slice ("old"));
    self.accepts = 0;
    zseq_kv_request_t put = s_put (100, ROUND, "");
    put.op.value = (zseq_slice_t){bytes, sizeof bytes};
    s_add (&self, proposer, s_slice ("k"), &put);
    s_run (&self, proposer, 2000);
    zseq_kv_request_t del = {
      .op = {.type = ZSEQ_KV_DEL, .op = 101, .since = ROUND},
      .deadline_us = 1000 * SECOND_US};
    s_add (&self, proposer, s_slice ("k"), &del);
    s_run (&self, proposer, 2000);
    cr_assert_eq (self.done, 1);
    self.accepts = ALL;
    s_run (&self, proposer, SECOND_US);
    cr_assert_eq (put.status, ZSEQ_ENOSPACE);
    cr_assert_eq (del.status, ZSEQ_OK);
    zseq_proposer_destroy (&proposer);
    s_term (&self);
}

Test (proposer, needs_no_room_on_a_minority)
{
    static char bytes[8192];
    s_world_t self;
    s_init (&self);
    s_shrink (&self, 4);
    zseq_proposer_t *proposer = s_proposer (&self, 0);
    cr_assert_eq (
      s_do (&self, proposer, ZSEQ_KV_PUT, (zseq_slice_t){bytes, sizeof bytes})
        .status,
      ZSEQ_OK);
    zseq_proposer_destroy (&proposer);
    s_term (&self);
}

//  The nodes have the value in memory, and write it when their disks have room.
Test (proposer, says_at_once_that_disks_are_full)
{
    s_world_t self;
    s_init (&self);
    zseq_proposer_t *proposer = s_proposer (&self, 0);
    (void) s_do (&self, proposer, ZSEQ_KV_PUT, s_slice ("old"));
    self.refuse = 4;
    cr_assert_eq (s_do (&self, proposer, ZSEQ_KV_PUT, s_slice ("a")).status,
                  ZSEQ_OK);
    self.refuse = 6;
    cr_assert_eq (s_do (&self, proposer, ZSEQ_KV_PUT, s_slice ("b")).status,
                  ZSEQ_ENOSPACE);
    self.refuse = 0;
    zseq_kv_request_t get = s_do (&self, proposer, ZSEQ_KV_GET, s_slice (""));
    cr_assert_eq (get.status, ZSEQ_OK);
    cr_assert_eq (get.value.size, 1);
    zseq_proposer_destroy (&proposer);
    s_term (&self);
}
