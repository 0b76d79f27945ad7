//  Random walks of proposers and acceptors: messages come late, twice or never,
//  in any order; proposers fight for a shard; clients give an op to several of
//  them. What clients see of a key must be one order of its writes.

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test_random.h"
#include "zseq_proposer.h"
#include "zseq_register.h"

#define NODES 3
#define PROPOSERS 3
#define KEYS 3
#define MESSAGES_MAX 200
#define OPS 400
#define SEEDS 2000

typedef struct {
    uint8_t from;  //  The proposer
    uint8_t node;
    bool reply;
    zseq_op_t op;
    uint64_t request;
    zseq_ballot_t ballot;
    uint64_t shards;
    size_t count;
    uint8_t key[KEYS];
    zseq_register_t *record[KEYS];
    zseq_kv_answer_t answer[ZSEQ_SHARDS];
} s_message_t;

typedef struct {
    zseq_ballot_t promise[ZSEQ_SHARDS];
    zseq_register_t *held[KEYS];
} s_acceptor_t;

//  An op of a client, which is given to proposers until one has an answer.
typedef struct {
    uint8_t key;
    zseq_kv_op_t op;
    char value[8];
    uint64_t begun;
    uint64_t ended;  //  0: has no answer
    int status;
    uint64_t version;
    uint64_t floor;
    char seen[8];
} s_op_t;

typedef struct s_world s_world_t;

typedef struct {
    zseq_kv_request_t request;  //  First
    s_world_t *world;
    s_op_t *op;
    bool busy;
} s_given_t;

typedef struct {
    s_world_t *world;
    uint8_t index;
} s_owner_t;

struct s_world {
    uint64_t random;
    uint64_t now;
    uint64_t drawn;
    s_acceptor_t acceptor[NODES];
    zseq_proposer_t *proposer[PROPOSERS];
    s_owner_t owner[PROPOSERS];
    s_message_t message[MESSAGES_MAX];
    size_t message_count;
    s_op_t op[OPS];
    size_t op_count;
    s_given_t given[64];
    uint64_t process;
    uint64_t fights;  //  In a hundred ops
};

static const char s_keys[KEYS] = {'a', 'b', 'c'};

static uint64_t
s_below (s_world_t *self, uint64_t bound)
{
    return test_random (&self->random) % bound;
}

static zseq_slice_t
s_key (uint8_t key)
{
    return (zseq_slice_t){&s_keys[key], 1};
}

static uint8_t
s_key_index (zseq_slice_t key)
{
    return (uint8_t) (key.data[0] - 'a');
}

static void
s_release (s_message_t *message)
{
    for (size_t index = 0; index < message->count; index++)
        if (message->op != ZSEQ_OP_KV_PROMISE)
            zseq_register_release (&message->record[index]);
}

static void
s_post (s_world_t *self, s_message_t *message)
{
    if (self->message_count == MESSAGES_MAX) {
        s_release (message);
        return;
    }
    self->message[self->message_count++] = *message;
}

static bool
s_ask (void *arg, uint8_t node, zseq_msg_t *msg)
{
    s_owner_t *owner = arg;
    s_message_t message = {.from = owner->index,
                           .node = node,
                           .op = msg->op,
                           .request = msg->request};
    switch (msg->op) {
    case ZSEQ_OP_KV_PROMISE:
        message.ballot = msg->kv_promise.ballot;
        message.shards = msg->kv_promise.shards;
        break;
    case ZSEQ_OP_KV_FETCH:
        message.ballot = msg->kv_fetch.ballot;
        message.count = msg->kv_fetch.key_count;
        for (size_t index = 0; index < message.count; index++)
            message.key[index] = s_key_index (msg->kv_fetch.keys[index]);
        break;
    case ZSEQ_OP_KV_ACCEPT:
        message.count = msg->kv_accept.record_count;
        for (size_t index = 0; index < message.count; index++) {
            const zseq_kv_record_t *record = &msg->kv_accept.records[index];
            message.key[index] = s_key_index (record->key);
            message.record[index] = zseq_register_new (record);
        }
        break;
    default:
        return true;  //  CHOSEN
    }
    s_post (owner->world, &message);
    return true;
}

static uint64_t
s_draw (void *arg)
{
    s_owner_t *owner = arg;
    return ++owner->world->drawn;
}

static void
s_done (void *arg, zseq_kv_request_t *request)
{
    s_given_t *given = (s_given_t *) request;
    s_op_t *op = given->op;
    (void) arg;
    given->busy = false;
    if (request->status == ZSEQ_ETIMEOUT || request->status == ZSEQ_ENOTVOTING)
        return;
    //  A write that may be forgotten was applied by an earlier message, or
    //  never.
    if (request->status == ZSEQ_EFORGOTTEN)
        return;
    if (op->ended) {
        if (op->op.type != ZSEQ_KV_GET && op->status == ZSEQ_OK)
            cr_assert (request->status != ZSEQ_OK ||
                         request->version == op->version,
                       "an op was applied twice");
        return;
    }
    op->ended = given->world->now;
    op->status = request->status;
    op->version = request->version;
    op->floor = request->floor;
    if (op->op.type == ZSEQ_KV_GET && request->status == ZSEQ_OK)
        memcpy (op->seen, request->value.data, request->value.size);
}

static zseq_ballot_t *
s_promise (s_acceptor_t *acceptor, uint8_t key)
{
    return &acceptor->promise[zseq_kv_shard (s_key (key))];
}

static void
s_accept_one (s_acceptor_t *acceptor, s_message_t *message, size_t index)
{
    uint8_t key = message->key[index];
    zseq_ballot_t *promise = s_promise (acceptor, key);
    zseq_register_t **held = &acceptor->held[key];
    zseq_register_t *record = message->record[index];
    message->answer[index].promise = *promise;
    if (message->op == ZSEQ_OP_KV_FETCH) {
        bool same = zseq_ballot_compare (promise, &message->ballot) == 0;
        message->answer[index].status = same ? ZSEQ_OK : ZSEQ_EBALLOT;
        if (same && *held)
            message->record[index] = zseq_register_own (*held);
        return;
    }
    message->answer[index].status = ZSEQ_OK;
    if (zseq_ballot_compare (promise, &record->record.proposal.ballot) != 0)
        message->answer[index].status = ZSEQ_EBALLOT;
    else if (*held && zseq_proposal_compare (&record->record.proposal,
                                             &(*held)->record.proposal) < 0)
        message->answer[index].status = ZSEQ_ECONFLICT;
    else {
        zseq_register_release (held);
        *held = zseq_register_own (record);
    }
    zseq_register_release (&message->record[index]);
}

//  A request arrives at its node, and becomes its reply.
static void
s_serve (s_world_t *self, s_message_t *message)
{
    s_acceptor_t *acceptor = &self->acceptor[message->node];
    message->reply = true;
    if (message->op == ZSEQ_OP_KV_PROMISE)
        for (uint8_t shard = 0; shard < ZSEQ_SHARDS; shard++) {
            if (!(message->shards >> shard & 1))
                continue;
            zseq_ballot_t *promise = &acceptor->promise[shard];
            if (zseq_ballot_compare (&message->ballot, promise) > 0)
                *promise = message->ballot;
            message->answer[message->count++].promise = *promise;
        }
    else
        for (size_t index = 0; index < message->count; index++)
            s_accept_one (acceptor, message, index);
    s_post (self, message);
}

static void
s_reply (s_world_t *self, s_message_t *message)
{
    zseq_kv_record_t records[KEYS];
    zseq_msg_t msg = {.op = message->op,
                      .reply = true,
                      .request = message->request,
                      .node = message->node,
                      .vector = {.n = NODES}};
    for (uint8_t node = 0; node < NODES; node++)
        msg.vector.incarnation[node].counter = 1;
    if (message->op == ZSEQ_OP_KV_PROMISE) {
        msg.kv_promise.ballot = message->ballot;
        msg.kv_promise.shards = message->shards;
        msg.kv_promise.answers = message->answer;
        msg.kv_promise.answer_count = message->count;
    }
    else if (message->op == ZSEQ_OP_KV_FETCH) {
        for (size_t index = 0; index < message->count; index++)
            if (message->record[index])
                records[index] = message->record[index]->record;
            else
                zseq_kv_record_init (&records[index],
                                     s_key (message->key[index]), 0);
        msg.kv_fetch.answers = message->answer;
        msg.kv_fetch.records = records;
        msg.kv_fetch.answer_count = message->count;
    }
    else {
        msg.kv_accept.answers = message->answer;
        msg.kv_accept.answer_count = message->count;
    }
    zseq_proposer_reply (self->proposer[message->from], &msg, self->now);
    s_release (message);
}

static void
s_start_proposer (s_world_t *self, uint8_t index)
{
    self->owner[index].world = self;
    self->owner[index].index = index;
    zseq_proposer_options_t options = {.n = NODES,
                                       .proposer = ++self->process << 8 | index,
                                       .own_shards =
                                         index == 0 ? UINT64_MAX : 0,
                                       .seed = test_random (&self->random)};
    zseq_proposer_hooks_t hooks = {
      .arg = &self->owner[index], .ask = s_ask, .done = s_done, .draw = s_draw};
    self->proposer[index] = zseq_proposer_new (&options, &hooks);
    cr_assert (self->proposer[index]);
}

//  What clients know of a key: the highest version that they have seen, and a
//  version that was passed.
static void
s_known (const s_world_t *self, uint8_t key, uint64_t *version, uint64_t *since)
{
    *version = *since = 0;
    for (size_t index = 0; index < self->op_count; index++) {
        const s_op_t *op = &self->op[index];
        if (op->key != key || !op->ended)
            continue;
        if (op->version > *version)
            *version = op->version;
        if (op->floor > *since)
            *since = op->floor;
    }
    if (*version > *since)
        *since = *version;
}

static void
s_begin_op (s_world_t *self)
{
    if (self->op_count == OPS)
        return;
    s_op_t *op = &self->op[self->op_count++];
    op->key = (uint8_t) s_below (self, KEYS);
    op->begun = self->now;
    op->op.type = (zseq_kv_type_t) s_below (self, 3);
    op->op.op = 1000 + self->op_count;
    uint64_t version;
    s_known (self, op->key, &version, &op->op.since);
    op->op.conditional = op->op.type != ZSEQ_KV_GET && s_below (self, 2);
    op->op.expected = s_below (self, 4) ? version : 0;
    snprintf (op->value, sizeof op->value, "%zu", self->op_count);
    op->op.value = (zseq_slice_t){op->value, sizeof op->value};
}

static void
s_give (s_world_t *self)
{
    if (self->op_count == 0)
        return;
    size_t back = s_below (self, s_below (self, 4) ? 6 : 60);
    s_op_t *op =
      &self->op[self->op_count - 1 - (back < self->op_count ? back : 0)];
    for (size_t index = 0; index < 64; index++) {
        s_given_t *given = &self->given[index];
        if (given->busy)
            continue;
        memset (given, 0, sizeof *given);
        given->request.op = op->op;
        given->request.deadline_us = self->now + s_below (self, 100000);
        given->world = self;
        given->op = op;
        given->busy = true;
        uint8_t proposer = (uint8_t) (s_below (self, 100) < self->fights
                                        ? s_below (self, PROPOSERS)
                                        : 0);
        cr_assert_eq (zseq_proposer_add (self->proposer[proposer],
                                         s_key (op->key), &given->request,
                                         self->now),
                      ZSEQ_OK);
        return;
    }
}

static void
s_deliver (s_world_t *self)
{
    if (self->message_count == 0)
        return;
    size_t index = s_below (self, 3) ? 0 : s_below (self, self->message_count);
    s_message_t message = self->message[index];
    uint64_t fate = s_below (self, 20);
    if (fate == 0 && self->message_count < MESSAGES_MAX) {
        //  It arrives, and comes again later.
        for (size_t item = 0; item < message.count; item++)
            if (message.op != ZSEQ_OP_KV_PROMISE && message.record[item])
                (void) zseq_register_own (message.record[item]);
        self->message[self->message_count++] = message;
    }
    self->message_count--;
    memmove (&self->message[index], &self->message[index + 1],
             (self->message_count - index) * sizeof message);
    if (fate == 1)
        s_release (&message);
    else if (message.reply)
        s_reply (self, &message);
    else
        s_serve (self, &message);
}

static void
s_run_proposer (s_world_t *self, uint8_t proposer)
{
    zseq_proposer_tick (self->proposer[proposer], self->now);
    zseq_proposer_flush (self->proposer[proposer], self->now);
}

static void
s_step (s_world_t *self, uint64_t faults)
{
    self->now += s_below (self, 200);
    uint64_t what = s_below (self, 100);
    uint8_t proposer = (uint8_t) s_below (self, PROPOSERS);
    if (what < 3)
        s_begin_op (self);
    else if (what < 8)
        s_give (self);
    else if (what < 85)
        s_deliver (self);
    else if (what < 98)
        s_run_proposer (self, proposer);
    else if (s_below (self, 10) < faults) {
        zseq_proposer_end (self->proposer[proposer], ZSEQ_ENOTVOTING);
        zseq_proposer_destroy (&self->proposer[proposer]);
        s_start_proposer (self, proposer);
    }
}

//  What two answered ops of one key must not show.
static const char *
s_contradiction (const s_op_t *first, const s_op_t *second)
{
    bool first_wrote =
      first->op.type != ZSEQ_KV_GET && first->status == ZSEQ_OK;
    bool second_wrote =
      second->op.type != ZSEQ_KV_GET && second->status == ZSEQ_OK;
    if (first_wrote && second_wrote && first->version == second->version)
        return "two writes made one version";
    if (first->ended < second->begun &&
        (second->version < first->version ||
         (second_wrote && second->version == first->version)))
        return "a later op went back";
    if (first_wrote && second->op.type == ZSEQ_KV_GET &&
        first->version == second->version) {
        bool put = first->op.type == ZSEQ_KV_PUT;
        if (put != (second->status == ZSEQ_OK))
            return "a version exists and does not";
        if (put && strcmp (first->value, second->seen) != 0)
            return "a version has two values";
    }
    if (first_wrote && second_wrote && second->op.conditional &&
        second->op.expected && first->version > second->op.expected &&
        first->version < second->version)
        return "a write lies between a version and what replaced it";
    return NULL;
}

static size_t
s_check (const s_world_t *self, uint64_t seed)
{
    size_t answered = 0;
    for (size_t first = 0; first < self->op_count; first++) {
        answered += self->op[first].ended != 0;
        for (size_t second = 0; second < self->op_count; second++) {
            const s_op_t *a = &self->op[first];
            const s_op_t *b = &self->op[second];
            if (first == second || a->key != b->key || !a->ended || !b->ended)
                continue;
            const char *text = s_contradiction (a, b);
            cr_assert (!text,
                       "seed %lu: op %zu (type %d, version %lx) and op "
                       "%zu (type %d, version %lx): %s",
                       seed, first, a->op.type, a->version, second, b->op.type,
                       b->version, text);
        }
    }
    return answered;
}

static void
s_end (s_world_t *self)
{
    for (uint8_t index = 0; index < PROPOSERS; index++)
        zseq_proposer_destroy (&self->proposer[index]);
    for (size_t index = 0; index < self->message_count; index++)
        s_release (&self->message[index]);
    for (uint8_t node = 0; node < NODES; node++)
        for (uint8_t key = 0; key < KEYS; key++)
            zseq_register_release (&self->acceptor[node].held[key]);
}

//  Returns how many ops were answered.
static size_t
s_walk (uint64_t seed, size_t steps)
{
    s_world_t *self = calloc (1, sizeof *self);
    cr_assert (self);
    self->random = seed;
    for (uint8_t index = 0; index < PROPOSERS; index++)
        s_start_proposer (self, index);
    uint64_t faults = s_below (self, 3);
    self->fights = s_below (self, 3) * 20;
    for (size_t step = 0; step < steps; step++)
        s_step (self, faults);
    size_t answered = s_check (self, seed);
    s_end (self);
    free (self);
    return answered;
}

Test (proposer_walk, keeps_one_order_of_writes)
{
    size_t answered = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        answered += s_walk (seed, 2000);
    cr_log_info ("%zu ops were answered", answered);
    cr_assert_gt (answered, SEEDS * 20);
}
