#include "zseq_node_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

//  Copies the reason and the counters, which lie in the node's memory.
static void
s_keep_status (fixture_seen_t *seen)
{
    zseq_slice_t reason = seen->msg.node_status.reason;
    snprintf (seen->reason, sizeof seen->reason, "%.*s", (int) reason.size,
              reason.data);
    seen->counters = seen->msg.node_status.counter_count;
    for (size_t index = 0; index < seen->counters; index++) {
        const zseq_msg_counter_t *counter =
          &seen->msg.node_status.counter[index];
        snprintf (seen->counter[index].name, sizeof seen->counter[index].name,
                  "%.*s", (int) counter->name.size, counter->name.data);
        seen->counter[index].value = counter->value;
    }
}

//  Copies the keys of a LIST, which the node frees.
static void
s_keep_listed (fixture_seen_t *seen)
{
    const zseq_msg_kv_list_t *list = &seen->msg.kv_list;
    if (seen->msg.op != ZSEQ_OP_KV_LIST || seen->msg.status != ZSEQ_OK)
        return;
    for (size_t index = 0; index < list->record_count; index++) {
        size_t used = strlen (seen->keys);
        snprintf (seen->keys + used, sizeof seen->keys - used, "%.*s ",
                  (int) list->records[index].key.size,
                  list->records[index].key.data);
    }
    if (list->through.size)
        snprintf (seen->through, sizeof seen->through, "%.*s",
                  (int) list->through.size, list->through.data);
}

//  Copies the answers of the key-value store, which the node frees.
static void
s_keep_answers (fixture_seen_t *seen)
{
    const zseq_msg_t *msg = &seen->msg;
    const zseq_kv_answer_t *answers = NULL;
    const zseq_kv_record_t *records = NULL;
    if (!msg->reply || msg->status != ZSEQ_OK)
        return;
    if (msg->op == ZSEQ_OP_KV_READ || msg->op == ZSEQ_OP_KV_FETCH) {
        bool read = msg->op == ZSEQ_OP_KV_READ;
        answers = read ? msg->kv_read.answers : msg->kv_fetch.answers;
        records = read ? msg->kv_read.records : msg->kv_fetch.records;
        seen->answer_count =
          read ? msg->kv_read.answer_count : msg->kv_fetch.answer_count;
    }
    else if (msg->op == ZSEQ_OP_KV_PROMISE || msg->op == ZSEQ_OP_KV_ACCEPT) {
        bool promise = msg->op == ZSEQ_OP_KV_PROMISE;
        answers = promise ? msg->kv_promise.answers : msg->kv_accept.answers;
        seen->answer_count =
          promise ? msg->kv_promise.answer_count : msg->kv_accept.answer_count;
    }
    for (size_t index = 0; index < seen->answer_count && index < ANSWERS_MAX;
         index++) {
        seen->answer[index] = answers[index];
        if (!records)
            continue;
        zseq_slice_t value = records[index].value;
        seen->shown[index] = records[index];
        snprintf (seen->value[index], VALUE_MAX, "%.*s",
                  (int) (value.size < VALUE_MAX ? value.size : VALUE_MAX),
                  value.size ? value.data : "");
    }
}

static void
s_act (const zseq_action_t *action, void *arg)
{
    fixture_t *self = arg;
    cr_assert_lt (self->count, (size_t) ACTIONS_MAX);
    fixture_seen_t *seen = &self->seen[self->count++];
    memset (seen, 0, sizeof *seen);
    seen->type = action->type;
    if (action->type == ZSEQ_ACTION_ASK &&
        zseq_node_set_has (self->unreached, action->peer))
        zseq_node_note_unreached (self->node, action->peer);
    if (action->sender)
        seen->sender = *action->sender;
    if (action->msg)
        seen->msg = *action->msg;
    if (action->msg && action->msg->op == ZSEQ_OP_STATUS)
        s_keep_status (seen);
    if (action->msg)
        s_keep_listed (seen);
    s_keep_answers (seen);
    seen->group = action->group;
    seen->peer = action->peer;
    seen->packs = action->packs;
    seen->sequence = action->sequence;
    seen->durable_to = action->durable_to;
    seen->deferred = action->deferred;
    if (action->record)
        seen->record = *action->record;
    seen->version = action->version;
    seen->status = action->status;
    seen->level = action->level;
    if (action->text)
        snprintf (seen->text, sizeof seen->text, "%s", action->text);
}

zseq_record_t
fixture_record (size_t n, uint8_t self)
{
    zseq_member_t members[ZSEQ_NODES_MAX];
    memset (members, 0, sizeof members);
    for (size_t index = 0; index < n; index++) {
        snprintf (members[index].name, sizeof members[index].name, "%c",
                  (char) ('a' + index));
        snprintf (members[index].endpoint, sizeof members[index].endpoint,
                  "tcp://127.0.0.1:%zu", 1000 + index);
    }
    zseq_members_t all;
    cr_assert_eq (zseq_members_init (&all, members, n), ZSEQ_OK);
    zseq_record_t record;
    char name[2] = {(char) ('a' + self), 0};
    cr_assert_eq (zseq_record_init (&record, "test", name, &all, 1000u + self),
                  ZSEQ_OK);
    return record;
}

static fixture_t *
s_new (const zseq_record_t *record, const zseq_node_limits_t *limits)
{
    fixture_t *self = calloc (1, sizeof *self);
    self->record = *record;
    self->now_us = 1000000;
    self->node = zseq_node_new (record, limits, 77, s_act, self);
    cr_assert_not_null (self->node);
    return self;
}

fixture_t *
fixture_new (const zseq_record_t *record, size_t names_max, size_t waiting_max)
{
    return s_new (record, &(zseq_node_limits_t){.names_max = names_max,
                                                .waiting_max = waiting_max});
}

fixture_t *
fixture_new_kv (const zseq_record_t *record, size_t waiting_max,
                uint64_t kv_bytes_max)
{
    return s_new (record, &(zseq_node_limits_t){.names_max = 100,
                                                .waiting_max = waiting_max,
                                                .kv_bytes_max = kv_bytes_max});
}

void
fixture_destroy (fixture_t **self_p)
{
    zseq_node_destroy (&(*self_p)->node);
    free (*self_p);
    *self_p = NULL;
}

void
fixture_step (fixture_t *self, zseq_event_t event)
{
    self->count = 0;
    event.now_us = self->now_us;
    event.wall_ms = self->wall_ms;
    zseq_node_step (self->node, &event);
}

void
fixture_tick (fixture_t *self, uint64_t us)
{
    self->now_us += us;
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_TICK});
}

void
fixture_flush (fixture_t *self)
{
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_FLUSH});
}

const fixture_seen_t *
fixture_find (const fixture_t *self, zseq_action_type_t type)
{
    for (size_t index = 0; index < self->count; index++)
        if (self->seen[index].type == type)
            return &self->seen[index];
    return NULL;
}

const fixture_seen_t *
fixture_only (const fixture_t *self, zseq_action_type_t type)
{
    cr_assert_eq (self->count, 1, "%zu actions", self->count);
    cr_assert_eq (self->seen[0].type, type);
    return &self->seen[0];
}

int
fixture_asked (const fixture_t *self, uint8_t peer)
{
    for (size_t index = 0; index < self->count; index++)
        if (self->seen[index].type == ZSEQ_ACTION_ASK &&
            self->seen[index].peer == peer)
            return (int) index;
    return -1;
}

zseq_msg_members_t
fixture_members (fixture_t *self)
{
    for (size_t index = 0; index < self->record.members.n; index++)
        self->members[index].name =
          (zseq_slice_t){self->record.members.member[index].name, 1};
    return (zseq_msg_members_t){.cluster_name = {"test", 4},
                                .member = self->members,
                                .member_count = self->record.members.n};
}

zseq_msg_t
fixture_introduction (const fixture_t *self, uint8_t peer)
{
    int index = fixture_asked (self, peer);
    cr_assert_geq (index, 0);
    zseq_msg_t reply = self->seen[index].msg;
    reply.reply = true;
    reply.status = ZSEQ_OK;
    reply.node = peer;
    reply.extended = true;
    reply.introduce.state = ZSEQ_STATE_VOTING;
    reply.introduce.seen = reply.introduce.process;
    reply.introduce.process = 99u + peer;
    reply.introduce.floor = reply.introduce.floor_reserved = 1;
    return reply;
}

void
fixture_answer (fixture_t *self, uint8_t peer, const zseq_msg_t *reply)
{
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_PEER_REPLY,
                                       .sender = zseq_sender_peer (peer),
                                       .msg = reply});
}

zseq_record_t
fixture_voting_record (void)
{
    zseq_record_t record = fixture_record (3, 0);
    for (uint8_t index = 0; index < 3; index++)
        record.vector.incarnation[index] =
          (zseq_incarnation_t){1, 1000u + index};
    record.identity = 42;
    record.voting = true;
    return record;
}

void
fixture_write_record (fixture_t *self)
{
    fixture_flush (self);
    const fixture_seen_t *persist =
      fixture_find (self, ZSEQ_ACTION_PERSIST_RECORD);
    if (!persist)
        return;
    self->record = persist->record;
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_RECORD_PERSISTED,
                                       .version = persist->version});
}

void
fixture_start (fixture_t *self)
{
    fixture_tick (self, 0);
    zseq_msg_t b = fixture_introduction (self, 1);
    zseq_msg_t c = fixture_introduction (self, 2);
    fixture_write_record (self);
    fixture_answer (self, 1, &b);
    fixture_answer (self, 2, &c);
    fixture_write_record (self);
}

fixture_t *
fixture_voter (void)
{
    zseq_record_t record = fixture_voting_record ();
    fixture_t *self = fixture_new (&record, 100, 100);
    fixture_start (self);
    return self;
}

fixture_t *
fixture_kv_voter (size_t waiting_max)
{
    zseq_record_t record = fixture_voting_record ();
    fixture_t *self = fixture_new_kv (&record, waiting_max, 100000000);
    fixture_start (self);
    return self;
}

zseq_msg_t
fixture_request (zseq_op_t op, const char *name, uint64_t request)
{
    zseq_msg_t msg;
    memset (&msg, 0, sizeof msg);
    msg.op = op;
    msg.request = request;
    msg.cluster = 42;
    zseq_slice_t *slice = op == ZSEQ_OP_LIST ? &msg.list.prefix : &msg.name;
    *slice = (zseq_slice_t){name, strlen (name)};
    return msg;
}

void
fixture_send (fixture_t *self, const zseq_msg_t *msg)
{
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_REQUEST,
                                       .sender.route = {5, {1, 2, 3, 4, 5}},
                                       .msg = msg});
}

void
fixture_claim (fixture_t *self, const char *name, uint64_t first,
               uint64_t count)
{
    zseq_msg_t msg = fixture_request (ZSEQ_OP_CLAIM, name, 900 + first);
    msg.claim.first = first;
    msg.claim.count = count;
    fixture_send (self, &msg);
}

void
fixture_persisted (fixture_t *self, zseq_sequence_t *sequence,
                   uint64_t durable_to, int status)
{
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_PERSISTED,
                                       .sequence = sequence,
                                       .durable_to = durable_to,
                                       .status = status});
}

zseq_sequence_t *
fixture_claim_durably (fixture_t *self, const char *name, uint64_t first,
                       uint64_t count)
{
    fixture_claim (self, name, first, count);
    fixture_flush (self);
    const fixture_seen_t *persist = fixture_only (self, ZSEQ_ACTION_PERSIST);
    zseq_sequence_t *sequence = persist->sequence;
    fixture_persisted (self, sequence, persist->durable_to, ZSEQ_OK);
    cr_assert_eq (fixture_only (self, ZSEQ_ACTION_REPLY)->msg.status, ZSEQ_OK);
    return sequence;
}

void
fixture_hear (fixture_t *self, uint8_t peer, const zseq_vector_t *vector,
              uint64_t process)
{
    fixture_tick (self, 2000000);
    for (size_t index = 0; index < self->count; index++) {
        if (self->seen[index].type != ZSEQ_ACTION_ASK ||
            self->seen[index].peer != peer)
            continue;
        zseq_msg_t reply = self->seen[index].msg;
        reply.reply = true;
        reply.node = peer;
        reply.status = ZSEQ_OK;
        reply.cluster = 42;
        reply.introduce.state = ZSEQ_STATE_VOTING;
        reply.vector = *vector;
        reply.introduce.process = process;
        fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_PEER_REPLY,
                                           .sender = zseq_sender_peer (peer),
                                           .msg = &reply});
        return;
    }
    cr_assert_fail ("peer was not asked");
}

void
fixture_hear_vector (fixture_t *self, uint8_t peer, const zseq_vector_t *vector)
{
    fixture_hear (self, peer, vector, 1);
}
