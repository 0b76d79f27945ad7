//  Many writers of one key, in simulated time: a proposer, three acceptors that
//  accept after a millisecond, and writers that are near or far. Each writes
//  again as soon as it has its answer; or it gets the key, compares and sets
//  it, and if that fails tries again with what it was told.

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "zseq_proposer.h"
#include "zseq_registers.h"

#define NODES 3
#define WRITERS_MAX 1000
#define WRITE_US 1000
#define STEP_US 50
#define NEAR_US 200
#define FAR_US 20000
#define SECOND_US UINT64_C (1000000)
#define REPLIES_MAX 4096
//  How long a client that gives up does other things.
#define PAUSE_US 20000
//  How long a refusal is held, and two proposals.
#define WAITED_US_MAX (20000 + 2 * (WRITE_US + 2 * STEP_US))

//  An ACCEPT on its way back.
typedef struct {
    uint64_t due_us;
    zseq_msg_t msg;
    zseq_kv_answer_t answers[ZSEQ_PAGE_MAX];
} s_accepted_t;

typedef struct {
    zseq_kv_request_t request;  //  First
    char key[24];
    uint64_t away_us;  //  How far it is from the coordinator
    uint64_t due_us;   //  When its next op arrives there; 0: one waits
    uint64_t written;
    uint64_t forgotten;
    //  If it compares and sets.
    bool gets;         //  It has to get the key first
    bool gives_up;     //  After each failure
    uint64_t version;  //  That it expects
    uint64_t added_us;
    uint64_t waited_us;  //  For an answer, at most
    uint64_t failed;
} s_writer_t;

typedef struct {
    uint64_t now_us;
    uint64_t drawn;
    uint64_t random;
    zseq_registers_t *registers[NODES];
    zseq_proposer_t *proposer;
    s_accepted_t accepted[REPLIES_MAX];
    size_t first;
    size_t end;
    s_writer_t writer[WRITERS_MAX];
    size_t writers;
    bool compare;      //  They compare and set
    uint64_t version;  //  The last that anybody was told
    uint64_t written;
    uint64_t forgotten;
    uint64_t failed;
} s_world_t;

static void
s_accept (s_world_t *self, uint8_t node, const zseq_msg_t *msg,
          zseq_msg_t *reply)
{
    cr_assert_lt (self->end - self->first, REPLIES_MAX);
    s_accepted_t *accepted = &self->accepted[self->end++ % REPLIES_MAX];
    for (size_t item = 0; item < msg->kv_accept.record_count; item++)
        accepted->answers[item].status = zseq_registers_accept (
          self->registers[node], &msg->kv_accept.records[item]);
    reply->kv_accept.answers = accepted->answers;
    reply->kv_accept.answer_count = msg->kv_accept.record_count;
    accepted->msg = *reply;
    accepted->due_us = self->now_us + WRITE_US;
}

static void
s_promise (s_world_t *self, uint8_t node, const zseq_msg_t *msg,
           zseq_msg_t *reply)
{
    zseq_kv_answer_t answers[ZSEQ_SHARDS];
    size_t count = 0;
    for (uint8_t shard = 0; shard < ZSEQ_SHARDS; shard++) {
        if (!(msg->kv_promise.shards >> shard & 1))
            continue;
        answers[count].status = zseq_registers_prepare (
          self->registers[node], shard, &msg->kv_promise.ballot);
        answers[count++].promise = msg->kv_promise.ballot;
    }
    reply->kv_promise.shards = msg->kv_promise.shards;
    reply->kv_promise.answers = answers;
    reply->kv_promise.answer_count = count;
    zseq_proposer_reply (self->proposer, reply, self->now_us);
}

static void
s_fetch (s_world_t *self, uint8_t node, const zseq_msg_t *msg,
         zseq_msg_t *reply)
{
    static zseq_kv_record_t records[ZSEQ_PAGE_MAX];
    static zseq_kv_answer_t answers[ZSEQ_PAGE_MAX];
    for (size_t item = 0; item < msg->kv_fetch.key_count; item++) {
        zseq_registers_view_t view;
        zseq_registers_find (self->registers[node], msg->kv_fetch.keys[item],
                             &view);
        if (view.accepted)
            records[item] = view.accepted->record;
        else
            zseq_kv_record_init (&records[item], msg->kv_fetch.keys[item], 0);
    }
    reply->kv_fetch.answers = answers;
    reply->kv_fetch.records = records;
    reply->kv_fetch.answer_count = msg->kv_fetch.key_count;
    zseq_proposer_reply (self->proposer, reply, self->now_us);
}

static bool
s_ask (void *arg, uint8_t node, zseq_msg_t *msg)
{
    s_world_t *self = arg;
    zseq_msg_t reply = {.op = msg->op,
                        .reply = true,
                        .request = msg->request,
                        .node = node,
                        .vector = {.n = NODES}};
    for (uint8_t other = 0; other < NODES; other++)
        reply.vector.incarnation[other].counter = 1;
    if (msg->op == ZSEQ_OP_KV_PROMISE)
        s_promise (self, node, msg, &reply);
    else if (msg->op == ZSEQ_OP_KV_FETCH)
        s_fetch (self, node, msg, &reply);
    else if (msg->op == ZSEQ_OP_KV_ACCEPT)
        s_accept (self, node, msg, &reply);
    return true;
}

static uint64_t
s_draw (void *arg)
{
    s_world_t *self = arg;
    return ++self->drawn;
}

//  What a client does whose comparison succeeded or failed. One that gives up
//  comes back after a while.
static void
s_compared (s_world_t *self, s_writer_t *writer)
{
    const zseq_kv_request_t *request = &writer->request;
    bool written = request->status == ZSEQ_OK;
    cr_assert (written || request->status == ZSEQ_EVERSION);
    if (self->now_us - writer->added_us > writer->waited_us)
        writer->waited_us = self->now_us - writer->added_us;
    writer->version = request->version;
    if (request->version > self->version)
        self->version = request->version;
    writer->written += written;
    self->written += written;
    writer->failed += !written;
    self->failed += !written;
    writer->gets = written || writer->gives_up;
    writer->due_us = self->now_us + 2 * writer->away_us;
    if (!written && writer->gives_up)
        writer->due_us += PAUSE_US;
}

//  What a client does: a forgotten op is made anew, with the version that it
//  was told.
static void
s_done (void *arg, zseq_kv_request_t *request)
{
    s_world_t *self = arg;
    s_writer_t *writer = (s_writer_t *) request;
    if (self->compare) {
        s_compared (self, writer);
        return;
    }
    if (request->status == ZSEQ_OK) {
        writer->written++;
        self->written++;
    }
    else {
        cr_assert_eq (request->status, ZSEQ_EFORGOTTEN);
        writer->forgotten++;
        self->forgotten++;
    }
    request->op.since =
      request->version > request->floor ? request->version : request->floor;
    writer->due_us = self->now_us + 2 * writer->away_us;
}

static void
s_write (s_world_t *self, s_writer_t *writer)
{
    if (self->compare && writer->gets) {
        writer->gets = false;
        writer->version = self->version;
        writer->due_us = self->now_us + 2 * writer->away_us;
        return;
    }
    zseq_kv_op_t op = {.type = ZSEQ_KV_PUT,
                       .op = ++self->drawn,
                       .since = writer->request.op.since,
                       .value = {"value", 5}};
    if (self->compare) {
        op.conditional = true;
        op.since = op.expected = writer->version;
    }
    writer->added_us = self->now_us;
    writer->request = (zseq_kv_request_t){.op = op, .deadline_us = UINT64_MAX};
    writer->due_us = 0;
    int rc = zseq_proposer_add (
      self->proposer, (zseq_slice_t){writer->key, strlen (writer->key)},
      &writer->request, self->now_us);
    cr_assert_eq (rc, ZSEQ_OK);
}

static void
s_step (s_world_t *self)
{
    while (self->first != self->end &&
           self->accepted[self->first % REPLIES_MAX].due_us <= self->now_us)
        zseq_proposer_reply (self->proposer,
                             &self->accepted[self->first++ % REPLIES_MAX].msg,
                             self->now_us);
    //  Who of those that write at the same time is first, is random.
    self->random = self->random * 6364136223846793005u + 1442695040888963407u;
    size_t first = (size_t) (self->random >> 33) % self->writers;
    for (size_t index = 0; index < self->writers; index++) {
        s_writer_t *writer = &self->writer[(first + index) % self->writers];
        if (writer->due_us && writer->due_us <= self->now_us)
            s_write (self, writer);
    }
    zseq_proposer_tick (self->proposer, self->now_us);
    zseq_proposer_flush (self->proposer, self->now_us);
    self->now_us += STEP_US;
}

static s_world_t s_world;

//  Writers of that many keys; every fourth is far away if far is set.
static s_world_t *
s_run (size_t writers, size_t keys, bool far, uint64_t us)
{
    s_world_t *self = &s_world;
    self->now_us = 1000;
    self->writers = writers;
    for (uint8_t node = 0; node < NODES; node++)
        self->registers[node] = zseq_registers_new (1 << 28);
    zseq_proposer_options_t options = {
      .n = NODES, .proposer = 100 << 8, .seed = 1};
    zseq_proposer_hooks_t hooks = {
      .arg = self, .ask = s_ask, .done = s_done, .draw = s_draw};
    self->proposer = zseq_proposer_new (&options, &hooks);
    for (size_t index = 0; index < writers; index++) {
        s_writer_t *writer = &self->writer[index];
        snprintf (writer->key, sizeof writer->key, "%zu", index % keys);
        writer->away_us = far && index % 4 == 0 ? FAR_US : NEAR_US;
        writer->due_us = self->now_us + index % 50 * STEP_US;
    }
    for (uint64_t end_us = self->now_us + us; self->now_us < end_us;)
        s_step (self);
    zseq_proposer_destroy (&self->proposer);
    for (uint8_t node = 0; node < NODES; node++)
        zseq_registers_destroy (&self->registers[node]);
    return self;
}

static s_world_t *
s_puts (size_t writers, size_t keys, bool far)
{
    memset (&s_world, 0, sizeof s_world);
    return s_run (writers, keys, far, SECOND_US);
}

//  Writers that compare and set one key; the first ones give up each time.
static s_world_t *
s_compares (size_t writers, size_t giving_up)
{
    memset (&s_world, 0, sizeof s_world);
    s_world.compare = true;
    for (size_t index = 0; index < giving_up; index++)
        s_world.writer[index].gives_up = true;
    const s_world_t *self = s_run (writers, 1, false, SECOND_US);
    uint64_t waited_us = 0;
    for (size_t index = 0; index < writers; index++)
        if (waited_us < self->writer[index].waited_us)
            waited_us = self->writer[index].waited_us;
    cr_log_info ("%zu compare, %zu give up: %llu done, %llu failed, %llu us",
                 writers, giving_up, (unsigned long long) self->written,
                 (unsigned long long) self->failed,
                 (unsigned long long) waited_us);
    cr_assert_leq (waited_us, WAITED_US_MAX);
    return &s_world;
}

//  A key has one ACCEPT under way at a time: a write that comes meanwhile waits
//  for its end first.
Test (proposer_writers, of_one_key_are_not_much_slower_than_of_many)
{
    uint64_t apart = s_puts (32, 32, false)->written;
    uint64_t together = s_puts (32, 1, false)->written;
    cr_log_info ("%llu %llu", (unsigned long long) apart,
                 (unsigned long long) together);
    cr_assert_gt (apart, 1000);
    cr_assert_geq (100 * together, 65 * apart);
}

//  Only the version that a writer begins with may be too old.
Test (proposer_writers, are_not_told_that_their_writes_are_forgotten)
{
    static const size_t counts[] = {1, 16, 32, 64, 200, 1000};
    for (size_t index = 0; index < sizeof counts / sizeof counts[0]; index++) {
        const s_world_t *self = s_puts (counts[index], 1, true);
        cr_log_info ("%zu writers: %llu written, %llu forgotten", counts[index],
                     (unsigned long long) self->written,
                     (unsigned long long) self->forgotten);
        for (size_t writer = 0; writer < counts[index]; writer++) {
            cr_assert_gt (self->writer[writer].written, 5);
            cr_assert_leq (self->writer[writer].forgotten, 1);
        }
    }
}

//  K8: as soon as one has succeeded, the next one knows the key. It has only to
//  try again, where a lone client has to get the key first.
Test (proposer_writers, that_compare_and_set_one_key_take_turns)
{
    uint64_t alone = s_compares (1, 0)->written;
    const s_world_t *self = s_compares (32, 0);
    cr_assert_geq (self->written, alone);
    cr_assert_leq (self->failed, 5 * self->written / 2);
    uint64_t share = self->written / 32;
    for (size_t writer = 0; writer < 32; writer++) {
        cr_assert_geq (self->writer[writer].written, share / 2);
        cr_assert_leq (self->writer[writer].written, 2 * share);
    }
}

//  A turn that nobody uses costs time.
Test (proposer_writers, that_give_up_do_not_hold_others_back)
{
    uint64_t alone = s_compares (1, 0)->written;
    cr_assert_geq (s_compares (32, 16)->written, 2 * alone / 3);
    cr_assert_geq (s_compares (32, 31)->written, alone / 3);
}

//  More than can have a turn in time: all are answered, and none starves.
Test (proposer_writers, that_compare_and_set_are_all_answered_in_time)
{
    uint64_t alone = s_compares (1, 0)->written;
    cr_assert_geq (s_compares (200, 0)->written, alone / 2);
    cr_assert_geq (s_compares (1000, 0)->written, alone / 2);
}
