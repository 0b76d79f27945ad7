//  A node, one step at a time: events in, actions out.

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "zseq_node.h"

#define ACTIONS_MAX 64

typedef struct {
    zseq_action_type_t type;
    zseq_route_t route;
    zseq_msg_t msg;
    uint8_t peer;
    zseq_sequence_t *sequence;
    uint64_t limit;
    bool deferred;
    zseq_record_t record;
    uint64_t version;
    int status;
    char text[512];
} s_seen_t;

typedef struct {
    zseq_node_t *node;
    zseq_record_t record;
    uint64_t now_us;
    uint64_t wall_ms;
    s_seen_t seen[ACTIONS_MAX];
    size_t count;
} s_fixture_t;

static void
s_act (const zseq_action_t *action, void *arg)
{
    s_fixture_t *self = arg;
    cr_assert_lt (self->count, (size_t) ACTIONS_MAX);
    s_seen_t *seen = &self->seen[self->count++];
    memset (seen, 0, sizeof *seen);
    seen->type = action->type;
    if (action->route)
        seen->route = *action->route;
    if (action->msg)
        seen->msg = *action->msg;
    seen->peer = action->peer;
    seen->sequence = action->sequence;
    seen->limit = action->limit;
    seen->deferred = action->deferred;
    if (action->record)
        seen->record = *action->record;
    seen->version = action->version;
    seen->status = action->status;
    if (action->text)
        snprintf (seen->text, sizeof seen->text, "%s", action->text);
}

static zseq_record_t
s_record (size_t n, uint8_t self)
{
    zseq_member_t members[ZSEQ_NODES_MAX];
    memset (members, 0, sizeof members);
    for (size_t index = 0; index < n; index++) {
        snprintf (members[index].name, sizeof members[index].name, "%c",
                  (char) ('a' + index));
        snprintf (members[index].endpoint, sizeof members[index].endpoint,
                  "tcp://127.0.0.1:%zu", 1000 + index);
    }
    zseq_record_t record;
    char name[2] = {(char) ('a' + self), 0};
    cr_assert_eq (
      zseq_record_init (&record, "test", name, members, n, 1000u + self),
      ZSEQ_OK);
    return record;
}

static s_fixture_t *
s_new (const zseq_record_t *record, size_t names_max, size_t waiting_max)
{
    s_fixture_t *self = calloc (1, sizeof *self);
    zseq_node_limits_t limits = {names_max, waiting_max, 0};
    self->record = *record;
    self->now_us = 1000000;
    self->node = zseq_node_new (record, &limits, 77, s_act, self);
    cr_assert_not_null (self->node);
    return self;
}

static void
s_destroy (s_fixture_t **self_p)
{
    zseq_node_destroy (&(*self_p)->node);
    free (*self_p);
    *self_p = NULL;
}

static void
s_step (s_fixture_t *self, zseq_event_t event)
{
    self->count = 0;
    event.now_us = self->now_us;
    event.wall_ms = self->wall_ms;
    zseq_node_step (self->node, &event);
}

static void
s_tick (s_fixture_t *self, uint64_t us)
{
    self->now_us += us;
    s_step (self, (zseq_event_t){.type = ZSEQ_EVENT_TICK});
}

static void
s_flush (s_fixture_t *self)
{
    s_step (self, (zseq_event_t){.type = ZSEQ_EVENT_FLUSH});
}

static const s_seen_t *
s_find (const s_fixture_t *self, zseq_action_type_t type)
{
    for (size_t index = 0; index < self->count; index++)
        if (self->seen[index].type == type)
            return &self->seen[index];
    return NULL;
}

//  The only action there was.
static const s_seen_t *
s_only (const s_fixture_t *self, zseq_action_type_t type)
{
    cr_assert_eq (self->count, 1, "%zu actions", self->count);
    cr_assert_eq (self->seen[0].type, type);
    return &self->seen[0];
}

//  The questions to peer in the last step; the last one's index, or -1.
static int
s_asked (const s_fixture_t *self, uint8_t peer)
{
    for (size_t index = 0; index < self->count; index++)
        if (self->seen[index].type == ZSEQ_ACTION_ASK &&
            self->seen[index].peer == peer)
            return (int) index;
    return -1;
}

//  What a peer that votes says of itself, as the answer to the last question: it
//  has noted all that the question told of its sender.
static zseq_msg_t
s_introduction (const s_fixture_t *self, uint8_t peer)
{
    int index = s_asked (self, peer);
    cr_assert_geq (index, 0);
    zseq_msg_t reply = self->seen[index].msg;
    reply.reply = true;
    reply.status = ZSEQ_OK;
    reply.node = peer;
    reply.state = ZSEQ_STATE_VOTING;
    reply.extended = true;
    reply.met = reply.process;
    reply.process = 99u + peer;
    reply.floor = reply.floor_reserved = 1;
    return reply;
}

static void
s_answer (s_fixture_t *self, uint8_t peer, const zseq_msg_t *reply)
{
    s_step (self, (zseq_event_t){
                    .type = ZSEQ_EVENT_PEER_REPLY, .peer = peer, .msg = reply});
}

//  The record of node a of three, which has voted for long.
static zseq_record_t
s_voting_record (void)
{
    zseq_record_t record = s_record (3, 0);
    for (uint8_t index = 0; index < 3; index++)
        record.vector.life[index] = (zseq_incarnation_t){1, 1000u + index};
    record.identity = 42;
    record.voting = true;
    return record;
}

//  Writes the record if it has changed.
static void
s_write_record (s_fixture_t *self)
{
    s_flush (self);
    const s_seen_t *persist = s_find (self, ZSEQ_ACTION_PERSIST_RECORD);
    if (!persist)
        return;
    self->record = persist->record;
    s_step (self, (zseq_event_t){.type = ZSEQ_EVENT_RECORD_PERSISTED,
                                 .version = persist->version});
}

//  A node with that record starts, and its peers have answered.
static s_fixture_t *
s_started (const zseq_record_t *record)
{
    s_fixture_t *self = s_new (record, 100, 100);
    s_tick (self, 0);
    zseq_msg_t b = s_introduction (self, 1);
    zseq_msg_t c = s_introduction (self, 2);
    s_write_record (self);
    s_answer (self, 1, &b);
    s_answer (self, 2, &c);
    s_write_record (self);
    return self;
}

static s_fixture_t *
s_voter (void)
{
    zseq_record_t record = s_voting_record ();
    return s_started (&record);
}

static zseq_msg_t
s_request (zseq_op_t op, const char *name, uint64_t request)
{
    zseq_msg_t msg;
    memset (&msg, 0, sizeof msg);
    msg.op = op;
    msg.request = request;
    msg.cluster = 42;
    msg.name.data = name;
    msg.name.size = strlen (name);
    return msg;
}

static void
s_send (s_fixture_t *self, const zseq_msg_t *msg)
{
    s_step (self, (zseq_event_t){.type = ZSEQ_EVENT_REQUEST,
                                 .route = {5, {1, 2, 3, 4, 5}},
                                 .msg = msg});
}

static void
s_claim (s_fixture_t *self, const char *name, uint64_t first, uint64_t count)
{
    zseq_msg_t msg = s_request (ZSEQ_OP_CLAIM, name, 900 + first);
    msg.first = first;
    msg.count = count;
    s_send (self, &msg);
}

static void
s_persisted (s_fixture_t *self, zseq_sequence_t *sequence, uint64_t limit,
             int status)
{
    s_step (self, (zseq_event_t){.type = ZSEQ_EVENT_PERSISTED,
                                 .sequence = sequence,
                                 .limit = limit,
                                 .status = status});
}

//  Claims and makes them durable. Returns the name's sequence.
static zseq_sequence_t *
s_claim_durably (s_fixture_t *self, const char *name, uint64_t first,
                 uint64_t count)
{
    s_claim (self, name, first, count);
    s_flush (self);
    const s_seen_t *persist = s_only (self, ZSEQ_ACTION_PERSIST);
    zseq_sequence_t *sequence = persist->sequence;
    s_persisted (self, sequence, persist->limit, ZSEQ_OK);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_REPLY)->msg.status, ZSEQ_OK);
    return sequence;
}

Test (node, replies_only_when_the_claim_is_durable)
{
    s_fixture_t *self = s_voter ();
    s_claim (self, "orders", 1, 10);
    cr_assert_eq (self->count, 0);
    s_flush (self);
    const s_seen_t *persist = s_only (self, ZSEQ_ACTION_PERSIST);
    cr_assert_eq (persist->limit, 11);
    zseq_sequence_t *sequence = persist->sequence;
    cr_assert_str_eq (zseq_sequence_name (sequence), "orders");
    cr_assert (!zseq_node_idle (self->node));
    s_persisted (self, sequence, 11, ZSEQ_OK);
    const s_seen_t *reply = s_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.op, ZSEQ_OP_CLAIM);
    cr_assert_eq (reply->msg.request, 901);
    cr_assert_eq (reply->msg.status, ZSEQ_OK);
    cr_assert_eq (reply->msg.next, 11);
    cr_assert_eq (reply->msg.first, 1);
    cr_assert_eq (reply->msg.count, 10);
    cr_assert_eq (reply->msg.cluster, 42);
    cr_assert_eq (reply->msg.vector.life[2].random, 1002);
    cr_assert_eq (reply->route.size, 5);
    cr_assert (zseq_node_idle (self->node));
    s_destroy (&self);
}

Test (node, writes_a_name_once_for_all_claims_of_a_flush)
{
    s_fixture_t *self = s_voter ();
    for (uint64_t first = 1; first <= 10; first++)
        s_claim (self, "orders", first, 1);
    s_flush (self);
    const s_seen_t *persist = s_only (self, ZSEQ_ACTION_PERSIST);
    cr_assert_eq (persist->limit, 11);
    s_persisted (self, persist->sequence, 11, ZSEQ_OK);
    cr_assert_eq (self->count, 10);
    for (uint64_t first = 1; first <= 10; first++) {
        cr_assert_eq (self->seen[first - 1].msg.request, 900 + first);
        cr_assert_eq (self->seen[first - 1].msg.next, first + 1);
    }
    s_destroy (&self);
}

Test (node, has_one_write_of_a_name_in_flight)
{
    s_fixture_t *self = s_voter ();
    s_claim (self, "orders", 1, 1);
    s_flush (self);
    zseq_sequence_t *sequence = s_only (self, ZSEQ_ACTION_PERSIST)->sequence;
    s_claim (self, "orders", 2, 1);
    s_flush (self);
    cr_assert_eq (self->count, 0);
    s_persisted (self, sequence, 2, ZSEQ_OK);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_REPLY)->msg.first, 1);
    s_flush (self);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_PERSIST)->limit, 3);
    s_persisted (self, sequence, 3, ZSEQ_OK);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_REPLY)->msg.first, 2);
    s_destroy (&self);
}

Test (node, refuses_a_claim_below_next_and_says_where_to_start)
{
    s_fixture_t *self = s_voter ();
    s_claim_durably (self, "orders", 1, 10);
    s_claim (self, "orders", 10, 5);
    const s_seen_t *reply = s_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.status, ZSEQ_ECONFLICT);
    cr_assert_eq (reply->msg.next, 11);
    zseq_msg_t status = s_request (ZSEQ_OP_STATUS, "", 7);
    s_send (self, &status);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_REPLY)->msg.claims, 1);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_REPLY)->msg.conflicts, 1);
    s_destroy (&self);
}

Test (node, refuses_a_claim_past_the_end)
{
    s_fixture_t *self = s_voter ();
    s_claim (self, "orders", ZSEQ_ID_MAX, 2);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_REPLY)->msg.status,
                  ZSEQ_EEXHAUSTED);
    s_claim_durably (self, "orders", ZSEQ_ID_MAX, 1);
    s_destroy (&self);
}

Test (node, answers_a_read_when_what_it_found_is_durable)
{
    s_fixture_t *self = s_voter ();
    s_claim (self, "orders", 1, 10);
    s_flush (self);
    zseq_sequence_t *sequence = s_only (self, ZSEQ_ACTION_PERSIST)->sequence;
    zseq_msg_t read = s_request (ZSEQ_OP_READ, "orders", 5);
    s_send (self, &read);
    cr_assert_eq (self->count, 0);
    s_persisted (self, sequence, 11, ZSEQ_OK);
    cr_assert_eq (self->count, 2);
    cr_assert_eq (self->seen[1].msg.request, 5);
    cr_assert_eq (self->seen[1].msg.next, 11);
    s_send (self, &read);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_REPLY)->msg.next, 11);
    s_destroy (&self);
}

Test (node, spends_no_memory_on_names_that_are_only_read)
{
    s_fixture_t *self = s_voter ();
    zseq_msg_t msg = s_request (ZSEQ_OP_READ, "orders", 5);
    s_send (self, &msg);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_REPLY)->msg.next, 1);
    msg = s_request (ZSEQ_OP_RAISE, "orders", 6);
    msg.next = 1;
    s_send (self, &msg);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_REPLY)->msg.next, 1);
    msg = s_request (ZSEQ_OP_STATUS, "", 7);
    s_send (self, &msg);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_REPLY)->msg.sequences, 0);
    s_destroy (&self);
}

//  Claims of that many clients that are taken in together, and refused at once.
//  Returns whether the node tells the last one that it is crowded.
static bool
s_meet (s_fixture_t *self, size_t clients, size_t each)
{
    bool crowded = false;
    for (size_t count = 0; count < clients * each; count++) {
        zseq_event_t event = {.type = ZSEQ_EVENT_REQUEST};
        zseq_msg_t msg = s_request (ZSEQ_OP_CLAIM, "orders", 900);
        msg.first = ZSEQ_ID_MAX;
        msg.count = 2;
        event.msg = &msg;
        event.route.size = 5;
        memcpy (event.route.id + 1, &(uint32_t){(uint32_t) (count % clients)},
                4);
        s_step (self, event);
        crowded = s_only (self, ZSEQ_ACTION_REPLY)->msg.crowded;
    }
    s_flush (self);
    return crowded;
}

//  How many turns it takes until the node is crowded, of TURNS_MAX at most.
#define TURNS_MAX 1000

static size_t
s_meet_until_crowded (s_fixture_t *self, size_t clients, size_t each)
{
    for (size_t turn = 0; turn < TURNS_MAX; turn++)
        if (s_meet (self, clients, each))
            return turn;
    return TURNS_MAX;
}

Test (node, is_crowded_when_many_clients_wait_at_once)
{
    s_fixture_t *self = s_voter ();
    cr_assert_eq (s_meet_until_crowded (self, 1, 1), TURNS_MAX);
    cr_assert_eq (s_meet_until_crowded (self, 7, 1), TURNS_MAX);
    cr_assert_lt (s_meet_until_crowded (self, 9, 1), TURNS_MAX);
    s_destroy (&self);
    self = s_voter ();
    size_t turns = s_meet_until_crowded (self, 20, 1);
    cr_assert_geq (turns, 3, "a few are no sign: %zu", turns);
    cr_assert_lt (turns, 10, "%zu", turns);
    s_destroy (&self);
    self = s_voter ();
    //  What typical requests find, and not what typical turns do.
    for (turns = 0; turns < TURNS_MAX; turns++)
        if (s_meet (self, turns % 10 ? 1 : 40, 1))
            break;
    cr_assert_lt (turns, TURNS_MAX);
    s_destroy (&self);
}

Test (node, is_not_crowded_by_one_client_with_many_requests)
{
    s_fixture_t *self = s_voter ();
    cr_assert_eq (s_meet_until_crowded (self, 1, 50), TURNS_MAX);
    cr_assert_eq (s_meet_until_crowded (self, 4, 50), TURNS_MAX);
    s_destroy (&self);
}

Test (node, is_crowded_for_a_second_and_then_looks_anew)
{
    s_fixture_t *self = s_voter ();
    cr_assert_lt (s_meet_until_crowded (self, 20, 1), 10);
    //  What it sees meanwhile is of no account.
    self->now_us += 500000;
    for (size_t turn = 0; turn < 50; turn++)
        cr_assert (s_meet (self, 20, 1));
    self->now_us += 499999;
    cr_assert (s_meet (self, 1, 1));
    self->now_us += 1;
    cr_assert_not (s_meet (self, 20, 1));
    cr_assert_lt (s_meet_until_crowded (self, 20, 1), 10);
    self->now_us += 1000000;
    cr_assert_eq (s_meet_until_crowded (self, 7, 1), TURNS_MAX);
    s_destroy (&self);
}

Test (node, is_never_crowded_alone)
{
    zseq_record_t record = s_record (1, 0);
    s_fixture_t *self = s_new (&record, 10, 10);
    s_tick (self, 0);
    cr_assert_eq (s_meet_until_crowded (self, 40, 1), TURNS_MAX);
    s_destroy (&self);
}

Test (node, raises_and_never_lowers)
{
    s_fixture_t *self = s_voter ();
    zseq_sequence_t *sequence = s_claim_durably (self, "orders", 1, 10);
    zseq_msg_t raise = s_request (ZSEQ_OP_RAISE, "orders", 5);
    raise.next = 100;
    s_send (self, &raise);
    cr_assert_eq (self->count, 0);
    s_flush (self);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_PERSIST)->limit, 100);
    s_persisted (self, sequence, 100, ZSEQ_OK);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_REPLY)->msg.next, 100);
    raise.next = 50;
    s_send (self, &raise);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_REPLY)->msg.next, 100);
    s_destroy (&self);
}

Test (node, refuses_what_the_disk_has_no_room_for_and_forgets_nothing)
{
    s_fixture_t *self = s_voter ();
    s_claim (self, "orders", 1, 10);
    s_flush (self);
    zseq_sequence_t *sequence = s_only (self, ZSEQ_ACTION_PERSIST)->sequence;
    s_persisted (self, sequence, 11, ZSEQ_ENOSPACE);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_REPLY)->msg.status, ZSEQ_ENOSPACE);
    s_claim (self, "orders", 1, 1);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_REPLY)->msg.status, ZSEQ_ECONFLICT);
    s_claim (self, "orders", 11, 1);
    s_flush (self);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_PERSIST)->limit, 12);
    s_destroy (&self);
}

Test (node, is_busy_when_too_many_wait_and_takes_nothing)
{
    zseq_record_t record = s_record (1, 0);
    record.identity = 42;
    record.voting = true;
    s_fixture_t *self = s_new (&record, 10, 2);
    s_tick (self, 0);
    s_claim (self, "orders", 1, 1);
    s_claim (self, "orders", 2, 1);
    cr_assert_eq (self->count, 0);
    s_claim (self, "orders", 3, 1);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_REPLY)->msg.status, ZSEQ_EBUSY);
    s_flush (self);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_PERSIST)->limit, 3);
    s_destroy (&self);
}

Test (node, holds_no_more_names_than_it_may)
{
    zseq_record_t record = s_record (1, 0);
    record.identity = 42;
    record.voting = true;
    s_fixture_t *self = s_new (&record, 1, 10);
    s_tick (self, 0);
    s_claim_durably (self, "orders", 1, 1);
    s_claim (self, "invoices", 1, 1);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_REPLY)->msg.status, ZSEQ_EFULL);
    s_claim_durably (self, "orders", 2, 1);
    s_destroy (&self);
}

Test (node, refuses_another_cluster)
{
    s_fixture_t *self = s_voter ();
    zseq_msg_t read = s_request (ZSEQ_OP_READ, "orders", 5);
    read.cluster = 43;
    s_send (self, &read);
    const s_seen_t *reply = s_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.status, ZSEQ_ECLUSTER);
    cr_assert_eq (reply->msg.cluster, 42);
    s_destroy (&self);
}

Test (node, takes_part_in_nothing_while_it_does_not_vote)
{
    zseq_record_t record = s_record (3, 0);
    s_fixture_t *self = s_new (&record, 10, 10);
    s_tick (self, 0);
    zseq_op_t ops[] = {ZSEQ_OP_READ, ZSEQ_OP_CLAIM, ZSEQ_OP_RAISE,
                       ZSEQ_OP_LIST};
    for (size_t index = 0; index < 4; index++) {
        zseq_msg_t msg = s_request (ops[index], "orders", 5);
        msg.first = msg.count = msg.next = 1;
        s_send (self, &msg);
        cr_assert_eq (s_only (self, ZSEQ_ACTION_REPLY)->msg.status,
                      ZSEQ_ENOTVOTING);
    }
    s_destroy (&self);
}

Test (node, finishes_what_it_granted_after_it_was_told_to_stop)
{
    s_fixture_t *self = s_voter ();
    s_claim (self, "orders", 1, 10);
    s_flush (self);
    zseq_sequence_t *sequence = s_only (self, ZSEQ_ACTION_PERSIST)->sequence;
    s_step (self, (zseq_event_t){.type = ZSEQ_EVENT_STOP});
    s_claim (self, "orders", 11, 1);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_REPLY)->msg.status,
                  ZSEQ_ENOTVOTING);
    cr_assert (!zseq_node_idle (self->node));
    s_persisted (self, sequence, 11, ZSEQ_OK);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_REPLY)->msg.status, ZSEQ_OK);
    cr_assert (zseq_node_idle (self->node));
    s_destroy (&self);
}

Test (node, starts_where_its_records_end)
{
    zseq_record_t record = s_record (1, 0);
    record.identity = 42;
    record.voting = true;
    s_fixture_t *self = s_new (&record, 10, 10);
    cr_assert_eq (zseq_node_load (self->node, "orders", 6, 500, 500), ZSEQ_OK);
    s_tick (self, 0);
    cr_assert (strstr (self->seen[0].text, "ready: node a votes"));
    s_claim (self, "orders", 499, 1);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_REPLY)->msg.next, 500);
    s_claim_durably (self, "orders", 500, 1);
    s_destroy (&self);
}

Test (node, writes_again_what_the_disk_has_lost)
{
    s_fixture_t *self = s_voter ();
    zseq_sequence_t *sequence = s_claim_durably (self, "orders", 1, 10);
    s_flush (self);
    cr_assert_eq (self->count, 0);
    zseq_event_t damaged = {.type = ZSEQ_EVENT_DAMAGED, .sequence = sequence};
    s_step (self, damaged);
    s_flush (self);
    const s_seen_t *persist = s_only (self, ZSEQ_ACTION_PERSIST);
    cr_assert_eq (persist->sequence, sequence);
    cr_assert_eq (persist->limit, 11);
    //  One write is enough, and what it holds stays as it is.
    s_step (self, damaged);
    s_persisted (self, sequence, 11, ZSEQ_OK);
    s_flush (self);
    cr_assert_eq (self->count, 0);
    cr_assert (zseq_node_idle (self->node));

    //  The node's record, too.
    damaged.sequence = NULL;
    s_step (self, damaged);
    s_flush (self);
    cr_assert (s_only (self, ZSEQ_ACTION_PERSIST_RECORD)->record.voting);
    s_destroy (&self);
}

Test (node, writes_nothing_again_while_it_does_not_vote)
{
    zseq_record_t record = s_record (3, 0);
    s_fixture_t *self = s_new (&record, 10, 10);
    s_tick (self, 0);
    s_step (self, (zseq_event_t){.type = ZSEQ_EVENT_DAMAGED});
    s_flush (self);
    cr_assert_eq (self->count, 0);
    s_destroy (&self);
}

Test (node, lists_names_page_by_page)
{
    s_fixture_t *self = s_voter ();
    s_claim_durably (self, "a", 1, 1);
    s_claim_durably (self, "b/1", 1, 2);
    s_claim_durably (self, "b/2", 1, 3);
    zseq_msg_t list = s_request (ZSEQ_OP_LIST, "b/", 5);
    list.count = 1;
    s_send (self, &list);
    const s_seen_t *reply = s_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.item_count, 1);
    cr_assert_eq (reply->msg.items[0].next, 3);
    cr_assert (reply->msg.more);
    list.after.data = "b/1";
    list.after.size = 3;
    s_send (self, &list);
    reply = s_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.item_count, 1);
    cr_assert_eq (reply->msg.items[0].next, 4);
    cr_assert (!reply->msg.more);
    s_destroy (&self);
}

//  Birth. The fixtures of a cluster's nodes ask each other.

//  Answers every question that asker's last step asked of the others.
static void
s_exchange (s_fixture_t **nodes, uint8_t asker)
{
    s_seen_t asks[ACTIONS_MAX];
    size_t count = 0;
    for (size_t index = 0; index < nodes[asker]->count; index++)
        if (nodes[asker]->seen[index].type == ZSEQ_ACTION_ASK)
            asks[count++] = nodes[asker]->seen[index];
    for (size_t index = 0; index < count; index++) {
        uint8_t peer = asks[index].peer;
        if (!nodes[peer])
            continue;
        s_send (nodes[peer], &asks[index].msg);
        s_seen_t reply = *s_only (nodes[peer], ZSEQ_ACTION_REPLY);
        s_step (nodes[asker], (zseq_event_t){.type = ZSEQ_EVENT_PEER_REPLY,
                                             .peer = peer,
                                             .msg = &reply.msg});
    }
}

static void
s_round (s_fixture_t **nodes, uint8_t n)
{
    for (uint8_t index = 0; index < n; index++)
        if (nodes[index]) {
            s_tick (nodes[index], 2000000);
            s_exchange (nodes, index);
            s_write_record (nodes[index]);
        }
}

Test (birth, of_one_node_is_at_once)
{
    zseq_record_t record = s_record (1, 0);
    s_fixture_t *self = s_new (&record, 10, 10);
    s_tick (self, 0);
    cr_assert_neq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
    s_write_record (self);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
    cr_assert (self->record.voting);
    cr_assert_neq (self->record.identity, 0);
    s_destroy (&self);
}

Test (birth, makes_all_vote_in_one_cluster)
{
    for (uint8_t n = 2; n <= ZSEQ_NODES_MAX; n++) {
        s_fixture_t *nodes[ZSEQ_NODES_MAX];
        for (uint8_t index = 0; index < n; index++) {
            zseq_record_t record = s_record (n, index);
            nodes[index] = s_new (&record, 10, 10);
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
            s_destroy (&nodes[index]);
    }
}

Test (birth, waits_for_the_last_node)
{
    s_fixture_t *nodes[3] = {NULL, NULL, NULL};
    for (uint8_t index = 0; index < 2; index++) {
        zseq_record_t record = s_record (3, index);
        nodes[index] = s_new (&record, 10, 10);
    }
    for (int round = 0; round < 10; round++)
        s_round (nodes, 3);
    for (uint8_t index = 0; index < 2; index++) {
        cr_assert_eq (zseq_node_state (nodes[index]->node), ZSEQ_STATE_BIRTH);
        s_destroy (&nodes[index]);
    }
}

Test (birth, does_not_vote_before_its_record_says_so)
{
    zseq_record_t record = s_record (1, 0);
    s_fixture_t *self = s_new (&record, 10, 10);
    s_tick (self, 0);
    s_flush (self);
    const s_seen_t *persist = s_find (self, ZSEQ_ACTION_PERSIST_RECORD);
    cr_assert_not_null (persist);
    cr_assert (persist->record.voting);
    zseq_msg_t read = s_request (ZSEQ_OP_READ, "orders", 5);
    read.cluster = persist->record.identity;
    s_send (self, &read);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_REPLY)->msg.status,
                  ZSEQ_ENOTVOTING);
    s_destroy (&self);
}

Test (birth, tells_peers_only_what_is_durable)
{
    s_fixture_t *nodes[2];
    for (uint8_t index = 0; index < 2; index++) {
        zseq_record_t record = s_record (2, index);
        nodes[index] = s_new (&record, 10, 10);
    }
    //  a has met b, and has not written it down yet.
    s_tick (nodes[0], 2000000);
    s_exchange (nodes, 0);
    s_tick (nodes[1], 2000000);
    s_seen_t ask = *s_find (nodes[1], ZSEQ_ACTION_ASK);
    s_send (nodes[0], &ask.msg);
    const s_seen_t *reply = s_only (nodes[0], ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.state, ZSEQ_STATE_BIRTH);
    cr_assert_eq (reply->msg.vector.life[1].counter, 0);
    s_write_record (nodes[0]);
    s_send (nodes[0], &ask.msg);
    reply = s_only (nodes[0], ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.state, ZSEQ_STATE_COMPLETE);
    cr_assert_eq (reply->msg.vector.life[1].random, 1001);
    s_destroy (&nodes[0]);
    s_destroy (&nodes[1]);
}

Test (birth, lets_a_node_vote_that_was_down_when_the_others_began)
{
    s_fixture_t *nodes[3];
    for (uint8_t index = 0; index < 3; index++) {
        zseq_record_t record = s_record (3, index);
        nodes[index] = s_new (&record, 10, 10);
    }
    //  c has noted that the others begin, and stops before it begins itself.
    zseq_record_t record = nodes[2]->record;
    for (int round = 0; round < 10 && !nodes[0]->record.voting; round++) {
        record = nodes[2]->record;
        s_round (nodes, 3);
    }
    cr_assert (nodes[0]->record.voting);
    cr_assert (!record.voting);
    s_destroy (&nodes[2]);
    for (int round = 0; round < 3; round++)
        s_round (nodes, 3);
    cr_assert_eq (zseq_node_state (nodes[1]->node), ZSEQ_STATE_VOTING);
    nodes[2] = s_new (&record, 10, 10);
    for (int round = 0; round < 3; round++)
        s_round (nodes, 3);
    cr_assert_eq (zseq_node_state (nodes[2]->node), ZSEQ_STATE_VOTING);
    cr_assert_eq (nodes[2]->record.identity, nodes[0]->record.identity);
    for (uint8_t index = 0; index < 3; index++)
        s_destroy (&nodes[index]);
}

//  Found by the simulator, seed 20348662: it voted in a cluster of its own.
Test (birth, that_was_missed_is_heard_of_from_who_was_born)
{
    //  It had met all, and was down while they began and e lost its disk.
    zseq_record_t record = s_record (5, 0);
    for (uint8_t index = 0; index < 5; index++)
        record.vector.life[index] = (zseq_incarnation_t){1, 1000u + index};
    record.vector.life[4] = (zseq_incarnation_t){2, 99};
    s_fixture_t *self = s_new (&record, 10, 10);
    s_tick (self, 0);
    zseq_msg_t reply[5];
    //  Where one has begun another life, they were not all born together.
    for (uint8_t peer = 1; peer < 5; peer++) {
        reply[peer] = s_introduction (self, peer);
        reply[peer].state = ZSEQ_STATE_COMPLETE;
    }
    for (uint8_t peer = 1; peer < 5; peer++)
        s_answer (self, peer, &reply[peer]);
    s_write_record (self);
    cr_assert_eq (self->record.vector.start[0].counter, 0);
    s_tick (self, 2000000);
    //  Those that lost what they knew do not count.
    for (uint8_t peer = 1; peer < 5; peer++) {
        reply[peer] = s_introduction (self, peer);
        reply[peer].cluster = 42;
        reply[peer].state =
          peer > 2 ? ZSEQ_STATE_RECOVERING : ZSEQ_STATE_STARTING;
    }
    for (uint8_t peer = 4; peer >= 2; peer--)
        s_answer (self, peer, &reply[peer]);
    s_write_record (self);
    cr_assert_eq (self->record.vector.start[0].counter, 0);
    s_answer (self, 1, &reply[1]);
    s_write_record (self);
    cr_assert_eq (self->record.vector.start[0].counter, 1);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_COMPLETE);
    //  Three peers are to note that it begins, before it votes.
    for (uint8_t peer = 1; peer < 4; peer++) {
        cr_assert (!self->record.voting);
        s_tick (self, 10000000);
        reply[peer] = s_introduction (self, peer);
        reply[peer].cluster = 42;
        s_answer (self, peer, &reply[peer]);
        s_write_record (self);
    }
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
    cr_assert_eq (self->record.identity, 42);
    s_destroy (&self);
}

Test (birth, waits_until_all_have_met)
{
    zseq_record_t record = s_record (3, 0);
    for (uint8_t index = 0; index < 3; index++)
        record.vector.life[index] = (zseq_incarnation_t){1, 1000u + index};
    s_fixture_t *self = s_new (&record, 10, 10);
    s_tick (self, 0);
    zseq_msg_t reply[3];
    for (uint8_t peer = 1; peer < 3; peer++) {
        reply[peer] = s_introduction (self, peer);
        reply[peer].state = ZSEQ_STATE_COMPLETE;
    }
    //  b has not met c.
    zseq_msg_t early = reply[1];
    early.state = ZSEQ_STATE_BIRTH;
    early.vector.life[2] = (zseq_incarnation_t){0, 0};
    s_answer (self, 2, &reply[2]);
    s_answer (self, 1, &early);
    s_write_record (self);
    cr_assert_eq (self->record.vector.start[0].counter, 0);
    s_tick (self, 2000000);
    reply[1].request = s_introduction (self, 1).request;
    s_answer (self, 1, &reply[1]);
    s_write_record (self);
    cr_assert_eq (self->record.vector.start[0].counter, 1);
    s_destroy (&self);
}

Test (birth, does_not_let_a_node_vote_that_was_formatted_again)
{
    s_fixture_t *nodes[3];
    for (uint8_t index = 0; index < 3; index++) {
        zseq_record_t record = s_record (3, index);
        nodes[index] = s_new (&record, 10, 10);
    }
    for (int round = 0; round < 4; round++)
        s_round (nodes, 3);
    s_destroy (&nodes[2]);
    zseq_record_t record = s_record (3, 2);
    record.vector.life[2].random = 4711;
    nodes[2] = s_new (&record, 10, 10);
    s_tick (nodes[2], 2000000);
    s_seen_t ask = *s_find (nodes[2], ZSEQ_ACTION_ASK);
    s_send (nodes[ask.peer], &ask.msg);
    s_seen_t reply = *s_only (nodes[ask.peer], ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply.msg.status, ZSEQ_EREFORMATTED);
    s_step (nodes[2], (zseq_event_t){.type = ZSEQ_EVENT_PEER_REPLY,
                                     .peer = ask.peer,
                                     .msg = &reply.msg});
    const s_seen_t *end = s_only (nodes[2], ZSEQ_ACTION_EXIT);
    cr_assert_eq (end->status, ZSEQ_EREFORMATTED);
    cr_assert (strstr (end->text, "formatted again"));
    //  Its peers neither vote with it nor forget its first life.
    nodes[2]->count = 0;
    s_round (nodes, 2);
    cr_assert_eq (nodes[0]->record.vector.life[2].random, 1002);
    for (uint8_t index = 0; index < 3; index++)
        s_destroy (&nodes[index]);
}

Test (birth, a_node_formatted_twice_during_it_never_votes_in_both_lives)
{
    //  a meets c's first life, b only its second.
    s_fixture_t *nodes[3];
    for (uint8_t index = 0; index < 3; index++) {
        zseq_record_t record = s_record (3, index);
        nodes[index] = s_new (&record, 10, 10);
    }
    s_fixture_t *pair[3] = {nodes[0], NULL, nodes[2]};
    s_round (pair, 3);
    zseq_record_t record = s_record (3, 2);
    record.vector.life[2].random = 4711;
    s_destroy (&nodes[2]);
    nodes[2] = s_new (&record, 10, 10);
    pair[0] = NULL;
    pair[1] = nodes[1];
    pair[2] = nodes[2];
    s_round (pair, 3);
    for (int round = 0; round < 6; round++)
        for (uint8_t index = 0; index < 2; index++) {
            s_tick (nodes[index], 2000000);
            s_exchange (nodes, index);
            s_write_record (nodes[index]);
        }
    cr_assert_neq (zseq_node_state (nodes[0]->node), ZSEQ_STATE_VOTING);
    cr_assert_neq (zseq_node_state (nodes[1]->node), ZSEQ_STATE_VOTING);
    for (uint8_t index = 0; index < 3; index++)
        s_destroy (&nodes[index]);
}

Test (birth, refuses_another_member_list)
{
    zseq_record_t record = s_record (3, 0);
    s_fixture_t *self = s_new (&record, 10, 10);
    zseq_record_t other_record = s_record (2, 1);
    s_fixture_t *other = s_new (&other_record, 10, 10);
    s_tick (other, 2000000);
    s_seen_t ask = *s_find (other, ZSEQ_ACTION_ASK);
    s_send (self, &ask.msg);
    s_seen_t reply = *s_find (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply.msg.status, ZSEQ_EMEMBERS);
    cr_assert (strstr (s_find (self, ZSEQ_ACTION_LOG)->text, "member list"));
    //  Anybody could say it again and again: it is told of now and then.
    s_send (self, &ask.msg);
    cr_assert_null (s_find (self, ZSEQ_ACTION_LOG));
    s_step (other, (zseq_event_t){.type = ZSEQ_EVENT_PEER_REPLY,
                                  .peer = 0,
                                  .msg = &reply.msg});
    const s_seen_t *end = s_only (other, ZSEQ_ACTION_EXIT);
    cr_assert_eq (end->status, ZSEQ_EMEMBERS);
    cr_assert (strstr (end->text, "member list"));
    s_destroy (&self);
    s_destroy (&other);
}

Test (node, learns_nothing_from_what_anybody_could_say)
{
    s_fixture_t *self = s_voter ();
    zseq_msg_t lie = s_request (ZSEQ_OP_INTRODUCE, "", 5);
    lie.node = 1;
    lie.cluster_name = (zseq_slice_t){"test", 4};
    lie.member_count = 3;
    const char *names[] = {"a", "b", "c"};
    for (size_t index = 0; index < 3; index++)
        lie.member[index].name = (zseq_slice_t){names[index], 1};
    lie.vector.n = 3;
    for (uint8_t index = 0; index < 3; index++)
        lie.vector.life[index] = (zseq_incarnation_t){9, 9};
    lie.state = ZSEQ_STATE_VOTING;
    s_send (self, &lie);
    s_flush (self);
    cr_assert_eq (self->count, 0);
    zseq_msg_t read = s_request (ZSEQ_OP_READ, "orders", 6);
    s_send (self, &read);
    const s_seen_t *reply = s_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.status, ZSEQ_OK);
    cr_assert_eq (reply->msg.vector.life[1].counter, 1);
    s_destroy (&self);
}

//  Asks peer, and hears that vector in answer.
static void
s_hear (s_fixture_t *self, uint8_t peer, const zseq_vector_t *vector,
        uint64_t process)
{
    s_tick (self, 2000000);
    for (size_t index = 0; index < self->count; index++) {
        if (self->seen[index].type != ZSEQ_ACTION_ASK ||
            self->seen[index].peer != peer)
            continue;
        zseq_msg_t reply = self->seen[index].msg;
        reply.reply = true;
        reply.node = peer;
        reply.status = ZSEQ_OK;
        reply.cluster = 42;
        reply.state = ZSEQ_STATE_VOTING;
        reply.vector = *vector;
        reply.process = process;
        s_step (self, (zseq_event_t){.type = ZSEQ_EVENT_PEER_REPLY,
                                     .peer = peer,
                                     .msg = &reply});
        return;
    }
    cr_assert_fail ("peer was not asked");
}

static void
s_hear_vector (s_fixture_t *self, uint8_t peer, const zseq_vector_t *vector)
{
    s_hear (self, peer, vector, 1);
}

static void
s_hear_process (s_fixture_t *self, uint8_t peer, uint64_t process)
{
    s_hear (self, peer, &self->record.vector, process);
}

Test (node, does_not_answer_what_it_granted_in_its_old_life)
{
    s_fixture_t *self = s_voter ();
    s_claim (self, "orders", 1, 10);
    s_flush (self);
    zseq_sequence_t *sequence = s_only (self, ZSEQ_ACTION_PERSIST)->sequence;
    zseq_vector_t vector = self->record.vector;
    vector.life[0] = (zseq_incarnation_t){2, 9};
    s_hear_vector (self, 1, &vector);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_RECOVERING);
    s_persisted (self, sequence, 11, ZSEQ_OK);
    cr_assert_null (s_find (self, ZSEQ_ACTION_REPLY));
    s_destroy (&self);
}

//  Found by the simulator, seed 10451788: it never ended.
Test (node, ends_while_it_recovers_though_requests_had_waited)
{
    s_fixture_t *self = s_voter ();
    s_claim (self, "orders", 1, 10);
    s_flush (self);
    zseq_sequence_t *sequence = s_only (self, ZSEQ_ACTION_PERSIST)->sequence;
    s_claim (self, "orders", 11, 10);
    zseq_vector_t vector = self->record.vector;
    vector.life[0] = (zseq_incarnation_t){2, 9};
    s_hear_vector (self, 1, &vector);
    s_step (self, (zseq_event_t){.type = ZSEQ_EVENT_STOP});
    s_persisted (self, sequence, 11, ZSEQ_OK);
    cr_assert_null (s_find (self, ZSEQ_ACTION_REPLY));
    s_write_record (self);
    cr_assert (zseq_node_idle (self->node));
    s_destroy (&self);
}

//  Start. A node whose record says that it votes asks whether that still holds.

//  A node of n that has just begun, for the fourth time in its second life, and
//  whose start is on its disk.
static s_fixture_t *
s_starter (size_t n)
{
    zseq_record_t record = s_record (n, 0);
    for (uint8_t index = 0; index < n; index++)
        record.vector.life[index] = (zseq_incarnation_t){2, 1000u + index};
    record.vector.start[0] = (zseq_start_t){3, 333};
    record.start_voted = true;
    record.identity = 42;
    record.voting = true;
    s_fixture_t *self = s_new (&record, 100, 100);
    s_tick (self, 0);
    s_write_record (self);
    //  Asks again, as the first answers were given before that.
    s_tick (self, 100000);
    return self;
}

//  Those that have not answered are silent.
static void
s_wait_for_the_silent (s_fixture_t *self)
{
    s_tick (self, 1000000);
}

Test (start, waits_for_the_word_of_a_peer)
{
    s_fixture_t *self = s_starter (3);
    s_wait_for_the_silent (self);
    zseq_msg_t recovering = s_introduction (self, 1);
    zseq_msg_t voting = s_introduction (self, 2);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING);
    s_claim (self, "orders", 1, 1);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_REPLY)->msg.status,
                  ZSEQ_ENOTVOTING);
    //  It has forgotten what it knew.
    recovering.state = ZSEQ_STATE_RECOVERING;
    s_answer (self, 1, &recovering);
    s_write_record (self);
    cr_assert (!self->record.start_voted);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING);
    s_answer (self, 2, &voting);
    s_write_record (self);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
    s_claim_durably (self, "orders", 1, 1);
    s_destroy (&self);
}

Test (start, of_a_cluster_needs_no_voter)
{
    s_fixture_t *self = s_starter (3);
    zseq_msg_t reply = s_introduction (self, 1);
    reply.state = ZSEQ_STATE_STARTING;
    s_answer (self, 1, &reply);
    s_wait_for_the_silent (self);
    s_write_record (self);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
    s_destroy (&self);
}

Test (start, is_noted_by_a_majority_together_with_the_node)
{
    for (uint8_t n = 1; n <= 7; n++) {
        s_fixture_t *self = s_starter (n);
        s_wait_for_the_silent (self);
        zseq_msg_t reply[7];
        for (uint8_t peer = 1; peer < n; peer++)
            reply[peer] = s_introduction (self, peer);
        for (uint8_t peer = 1; peer <= n / 2; peer++) {
            cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING);
            s_answer (self, peer, &reply[peer]);
        }
        s_write_record (self);
        cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
        s_destroy (&self);
    }
}

Test (start, is_on_disk_before_it_is_shown)
{
    zseq_record_t record = s_voting_record ();
    record.vector.start[0] = (zseq_start_t){3, 333};
    record.start_voted = true;
    s_fixture_t *self = s_new (&record, 100, 100);
    s_tick (self, 0);
    zseq_msg_t ask = s_introduction (self, 1);
    ask.reply = false;
    ask.node = 1;
    ask.vector = record.vector;
    s_send (self, &ask);
    const s_seen_t *reply = s_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.vector.start[0].counter, 3);
    s_write_record (self);
    s_send (self, &ask);
    reply = s_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.vector.start[0].counter, 4);
    cr_assert_eq (reply->msg.vector.start[0].random, 77);
    s_destroy (&self);
}

//  Found by walks of the model: an old copy that was started, killed and started
//  again had overtaken the start that its peers had noted.
Test (start, in_which_nobody_has_voted_is_taken_again)
{
    s_fixture_t *self = s_starter (3);
    zseq_record_t record = self->record;
    cr_assert_eq (record.vector.start[0].counter, 4);
    cr_assert (!record.start_voted);
    s_destroy (&self);
    self = s_new (&record, 100, 100);
    s_tick (self, 0);
    zseq_msg_t c = s_introduction (self, 2);
    cr_assert_eq (c.vector.start[0].counter, 4);
    cr_assert_eq (c.vector.start[0].random, 77);
    c.vector.start[0].random = 88;
    s_answer (self, 2, &c);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_RECOVERING);
    s_destroy (&self);
}

Test (start, is_on_disk_as_voted_before_the_vote)
{
    s_fixture_t *self = s_starter (3);
    for (uint8_t peer = 1; peer < 3; peer++) {
        s_tick (self, 10000000);
        zseq_msg_t reply = s_introduction (self, peer);
        s_answer (self, peer, &reply);
    }
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING);
    s_write_record (self);
    cr_assert (self->record.start_voted);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
    s_destroy (&self);
}

//  A copy of the directory that runs elsewhere is met by nobody.
Test (start, counts_only_for_the_process_at_the_endpoint)
{
    s_fixture_t *self = s_starter (3);
    zseq_msg_t reply = s_introduction (self, 1);
    reply.met = 4711;
    s_answer (self, 1, &reply);
    s_wait_for_the_silent (self);
    s_write_record (self);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING);
    s_tick (self, 10000000);
    cr_assert (strstr (s_find (self, ZSEQ_ACTION_LOG)->text,
                       "peer b does not reach this process of node a"));
    s_destroy (&self);
}

Test (start, counts_only_where_it_is_on_disk)
{
    s_fixture_t *self = s_starter (3);
    zseq_msg_t reply = s_introduction (self, 1);
    reply.vector.start[0] = (zseq_start_t){3, 333};
    s_answer (self, 1, &reply);
    s_wait_for_the_silent (self);
    s_write_record (self);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING);
    s_destroy (&self);
}

//  S11: a copy that was made before the node's last start.
Test (start, of_a_copy_from_before_a_later_start_is_a_recovery)
{
    const zseq_start_t later[] = {{5, 77}, {4, 78}};
    for (size_t i = 0; i < 2; i++) {
        s_fixture_t *self = s_starter (3);
        zseq_msg_t b = s_introduction (self, 1);
        zseq_msg_t c = s_introduction (self, 2);
        s_answer (self, 1, &b);
        cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING);
        c.vector.start[0] = later[i];
        s_answer (self, 2, &c);
        cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_RECOVERING);
        cr_assert (strstr (s_find (self, ZSEQ_ACTION_LOG)->text,
                           "peer c knows a later start of it"));
        s_destroy (&self);
    }
}

Test (start, that_was_overtaken_ends_the_vote)
{
    s_fixture_t *self = s_voter ();
    zseq_vector_t vector = self->record.vector;
    vector.start[0].counter++;
    s_tick (self, 2000000);
    zseq_msg_t reply = s_introduction (self, 1);
    reply.vector = vector;
    s_answer (self, 1, &reply);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_RECOVERING);
    s_destroy (&self);
}

//  In another life starts are counted anew.
Test (start, of_an_older_life_does_not_matter)
{
    s_fixture_t *self = s_starter (3);
    zseq_msg_t reply = s_introduction (self, 1);
    reply.vector.life[0] = (zseq_incarnation_t){1, 1000};
    reply.vector.start[0] = (zseq_start_t){9, 999};
    s_answer (self, 1, &reply);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING);
    s_destroy (&self);
}

//  A cluster half of which is older notes no starts.
Test (start, counts_the_word_of_a_peer_that_speaks_version_1)
{
    s_fixture_t *self = s_starter (3);
    zseq_msg_t reply = s_introduction (self, 1);
    reply.extended = false;
    memset (reply.vector.start, 0, sizeof reply.vector.start);
    reply.met = 0;
    s_answer (self, 1, &reply);
    s_wait_for_the_silent (self);
    s_write_record (self);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
    s_destroy (&self);
}

//  A floor that was forced binds whoever meets it.
Test (start, takes_the_floor_of_a_peer_before_it_votes)
{
    s_fixture_t *self = s_starter (3);
    zseq_msg_t b = s_introduction (self, 1);
    zseq_msg_t c = s_introduction (self, 2);
    s_answer (self, 2, &c);
    b.floor = 500;
    s_answer (self, 1, &b);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING);
    s_write_record (self);
    cr_assert_eq (self->record.floor, 500);
    s_write_record (self);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
    s_claim (self, "orders", 1, 10);
    const s_seen_t *reply = s_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.status, ZSEQ_ECONFLICT);
    cr_assert_eq (reply->msg.next, 500);
    s_destroy (&self);
}

//  A question was under way when the life was claimed, so that its answer says
//  nothing of it: the next one must not wait for a second.
Test (node, asks_at_once_what_a_question_under_way_could_not_answer)
{
    s_fixture_t *self = s_voter ();
    s_tick (self, 2000000);
    zseq_msg_t b = s_introduction (self, 1);
    zseq_msg_t fence = s_request (ZSEQ_OP_FENCE, "", 5);
    fence.node = 1;
    fence.life = (zseq_incarnation_t){2, 9};
    s_send (self, &fence);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_REPLY)->msg.status, ZSEQ_EAGAIN);
    s_answer (self, 1, &b);
    s_tick (self, 20000);
    b = s_introduction (self, 1);
    s_answer (self, 1, &b);
    s_send (self, &fence);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_REPLY)->msg.status,
                  ZSEQ_ESUPERSEDED);
    s_destroy (&self);
}

//  Peers note starts, which needs the disk: a full one must not end them.
Test (node, goes_on_when_there_is_no_room_for_its_record)
{
    s_fixture_t *self = s_voter ();
    s_tick (self, 2000000);
    zseq_msg_t b = s_introduction (self, 1);
    b.vector.start[1] = (zseq_start_t){7, 70};
    s_answer (self, 1, &b);
    s_flush (self);
    uint64_t version = s_only (self, ZSEQ_ACTION_PERSIST_RECORD)->version;
    s_step (self, (zseq_event_t){.type = ZSEQ_EVENT_RECORD_PERSISTED,
                                 .version = version,
                                 .status = ZSEQ_ENOSPACE});
    cr_assert (
      strstr (s_only (self, ZSEQ_ACTION_LOG)->text, "make room on the disk"));
    s_flush (self);
    cr_assert_eq (self->count, 0);
    s_claim_durably (self, "orders", 1, 1);
    //  It tries again, and tells no more.
    s_tick (self, 1000000);
    s_flush (self);
    const s_seen_t *persist = s_find (self, ZSEQ_ACTION_PERSIST_RECORD);
    cr_assert_not_null (persist);
    s_step (self, (zseq_event_t){.type = ZSEQ_EVENT_RECORD_PERSISTED,
                                 .version = persist->version,
                                 .status = ZSEQ_ENOSPACE});
    cr_assert_eq (self->count, 0);
    s_tick (self, 1000000);
    s_write_record (self);
    cr_assert_eq (self->record.vector.start[1].counter, 7);
    s_destroy (&self);
}

Test (node, does_not_vote_below_a_floor_that_it_meets)
{
    s_fixture_t *self = s_voter ();
    s_claim (self, "orders", 1, 10);
    s_flush (self);
    zseq_sequence_t *sequence = s_only (self, ZSEQ_ACTION_PERSIST)->sequence;
    s_tick (self, 2000000);
    zseq_msg_t b = s_introduction (self, 1);
    b.floor = 500;
    s_answer (self, 1, &b);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING);
    s_write_record (self);
    //  What was granted below it is never answered.
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING);
    s_persisted (self, sequence, 11, ZSEQ_OK);
    cr_assert_null (s_find (self, ZSEQ_ACTION_REPLY));
    s_tick (self, 0);
    s_write_record (self);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
    s_claim_durably (self, "orders", 500, 1);
    s_destroy (&self);
}

//  A birth that was cut short: c never comes back, and b has not heard yet.
Test (start, counts_who_was_born_with_it_and_does_not_vote_yet)
{
    zseq_record_t record = s_record (3, 0);
    for (uint8_t index = 0; index < 3; index++)
        record.vector.life[index] = (zseq_incarnation_t){1, 1000u + index};
    record.identity = 42;
    record.voting = true;
    s_fixture_t *self = s_new (&record, 100, 100);
    s_tick (self, 0);
    s_write_record (self);
    s_tick (self, 100000);
    zseq_msg_t reply[3];
    for (uint8_t peer = 1; peer < 3; peer++) {
        reply[peer] = s_introduction (self, peer);
        reply[peer].cluster = 0;
        reply[peer].state = ZSEQ_STATE_COMPLETE;
    }
    //  Of another birth.
    reply[2].vector.life[2].random = 4711;
    s_answer (self, 2, &reply[2]);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING);
    s_answer (self, 1, &reply[1]);
    s_wait_for_the_silent (self);
    s_write_record (self);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
    s_destroy (&self);
}

//  S4: b answers in a life that has ended, as c knows.
Test (start, does_not_count_an_old_life_s_word)
{
    s_fixture_t *self = s_starter (5);
    s_wait_for_the_silent (self);
    zseq_msg_t reply[5];
    for (uint8_t peer = 1; peer < 5; peer++) {
        reply[peer] = s_introduction (self, peer);
        reply[peer].vector.life[1] = (zseq_incarnation_t){3, 7};
    }
    reply[1].vector.life[1] = (zseq_incarnation_t){2, 1001};
    s_answer (self, 1, &reply[1]);
    s_answer (self, 2, &reply[2]);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING);
    s_answer (self, 3, &reply[3]);
    s_write_record (self);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
    s_destroy (&self);
}

Test (start, of_an_old_copy_is_a_recovery)
{
    s_fixture_t *self = s_starter (3);
    zseq_msg_t other = s_introduction (self, 1);
    zseq_msg_t reply = s_introduction (self, 2);
    reply.vector.life[0] = (zseq_incarnation_t){3, 7};
    s_answer (self, 2, &reply);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_RECOVERING);
    s_answer (self, 1, &other);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_RECOVERING);
    s_destroy (&self);
}

Test (start, says_whom_it_waits_for)
{
    s_fixture_t *self = s_starter (3);
    zseq_msg_t status = s_request (ZSEQ_OP_STATUS, "", 5);
    s_send (self, &status);
    const s_seen_t *reply = s_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.state, ZSEQ_STATE_STARTING);
    cr_assert_str_eq (reply->msg.reason.data, "starting: not noted yet by b c");
    s_destroy (&self);
}

Test (node, spreads_newer_incarnations)
{
    s_fixture_t *self = s_voter ();
    zseq_vector_t vector = self->record.vector;
    vector.life[2] = (zseq_incarnation_t){2, 99};
    s_hear_vector (self, 1, &vector);
    s_flush (self);
    const s_seen_t *persist = s_only (self, ZSEQ_ACTION_PERSIST_RECORD);
    cr_assert_eq (persist->record.vector.life[2].counter, 2);
    s_destroy (&self);
}

//  What a peer that holds nothing answers to a recovering node.
static zseq_msg_t
s_copied (const s_fixture_t *self, const s_seen_t *ask,
          const zseq_vector_t *vector)
{
    zseq_msg_t reply = ask->msg;
    reply.reply = true;
    reply.status = ZSEQ_OK;
    reply.node = ask->peer;
    reply.cluster = 42;
    reply.vector = *vector;
    reply.state = ZSEQ_STATE_VOTING;
    reply.floor = reply.floor_reserved = 1;
    reply.cluster_name = (zseq_slice_t){"test", 4};
    reply.member_count = self->record.n;
    for (size_t member = 0; member < self->record.n; member++)
        reply.member[member].name =
          (zseq_slice_t){self->record.member[member].name, 1};
    if (reply.op != ZSEQ_OP_HELLO)
        reply.vector.life[0] = ask->msg.life;
    return reply;
}

//  Answers all that a recovering node asks, but the COPY of the last peer if
//  that is held back.
static void
s_answer_recovery_but (s_fixture_t *self, const zseq_vector_t *vector,
                       s_seen_t *held)
{
    static s_seen_t asks[ACTIONS_MAX];
    size_t count = self->count;
    memcpy (asks, self->seen, count * sizeof *asks);
    for (size_t index = 0; index < count; index++) {
        if (asks[index].type != ZSEQ_ACTION_ASK)
            continue;
        if (held && asks[index].msg.op == ZSEQ_OP_COPY &&
            asks[index].peer == self->record.n - 1) {
            *held = asks[index];
            continue;
        }
        zseq_msg_t reply = s_copied (self, &asks[index], vector);
        s_answer (self, asks[index].peer, &reply);
    }
}

static void
s_answer_recovery (s_fixture_t *self, const zseq_vector_t *vector)
{
    s_answer_recovery_but (self, vector, NULL);
}

//  Lets a recovering node ask, and write its record, until it votes.
static void
s_recover (s_fixture_t *self, const zseq_vector_t *vector)
{
    for (int round = 0;
         round < 10 && zseq_node_state (self->node) != ZSEQ_STATE_VOTING;
         round++) {
        s_tick (self, 100000);
        s_answer_recovery (self, vector);
        s_write_record (self);
        s_flush (self);
        s_answer_recovery (self, vector);
        s_write_record (self);
    }
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
}

Test (node, recovers_when_a_newer_life_of_it_exists_and_ends_the_second_time)
{
    s_fixture_t *self = s_voter ();
    zseq_vector_t vector = self->record.vector;
    vector.life[0] = (zseq_incarnation_t){2, 99};
    s_hear_vector (self, 1, &vector);
    cr_assert_null (s_find (self, ZSEQ_ACTION_EXIT));
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_RECOVERING);
    s_flush (self);
    const s_seen_t *persist = s_find (self, ZSEQ_ACTION_PERSIST_RECORD);
    cr_assert_not_null (persist);
    cr_assert (!persist->record.voting);
    s_step (self, (zseq_event_t){.type = ZSEQ_EVENT_RECORD_PERSISTED,
                                 .version = persist->version});
    s_recover (self, &vector);
    cr_assert_eq (self->record.vector.life[0].counter, 3);

    vector.life[0] = (zseq_incarnation_t){4, 99};
    s_hear_vector (self, 1, &vector);
    const s_seen_t *end = s_find (self, ZSEQ_ACTION_EXIT);
    cr_assert_not_null (end);
    cr_assert_eq (end->status, ZSEQ_ESUPERSEDED);
    s_destroy (&self);
}

//  Only one peer knows of the newer life, and is not among those that answer.
Test (node, takes_a_life_above_the_one_that_it_heard_of)
{
    s_fixture_t *self = s_voter ();
    zseq_vector_t vector = self->record.vector;
    zseq_vector_t newer = vector;
    newer.life[0] = (zseq_incarnation_t){2, 99};
    s_hear_vector (self, 1, &newer);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_RECOVERING);
    s_write_record (self);
    s_recover (self, &vector);
    cr_assert_eq (self->record.vector.life[0].counter, 3);
    s_destroy (&self);
}

//  S5: an answer that comes when the vote is being written already.
Test (node, does_not_vote_when_a_late_answer_shows_a_newer_life)
{
    zseq_record_t record = s_record (5, 0);
    for (uint8_t index = 0; index < 5; index++)
        record.vector.life[index] = (zseq_incarnation_t){1, 1000u + index};
    record.identity = 42;
    s_fixture_t *self = s_new (&record, 100, 100);
    zseq_vector_t vector = record.vector;
    s_seen_t late = {0};
    const s_seen_t *persist = NULL;
    for (int round = 0; round < 10; round++) {
        s_tick (self, 100000);
        for (int question = 0; question < 3; question++) {
            for (size_t index = 0; index < self->count; index++) {
                s_seen_t *seen = &self->seen[index];
                if (seen->type != ZSEQ_ACTION_ASK || seen->peer != 4)
                    continue;
                late = *seen;
                seen->type = ZSEQ_ACTION_LOG;
            }
            s_answer_recovery (self, &vector);
            s_flush (self);
            persist = s_find (self, ZSEQ_ACTION_PERSIST_RECORD);
            if (persist && persist->record.voting)
                break;
            if (persist)
                s_step (self,
                        (zseq_event_t){.type = ZSEQ_EVENT_RECORD_PERSISTED,
                                       .version = persist->version});
        }
        if (persist && persist->record.voting)
            break;
    }
    cr_assert_not_null (persist);
    cr_assert (persist->record.voting);
    uint64_t version = persist->version;
    cr_assert_eq (late.msg.op, ZSEQ_OP_FENCE);
    zseq_msg_t reply = late.msg;
    reply.reply = true;
    reply.status = ZSEQ_ESUPERSEDED;
    reply.node = 4;
    reply.vector = vector;
    reply.vector.life[0] = (zseq_incarnation_t){9, 9};
    s_step (self, (zseq_event_t){
                    .type = ZSEQ_EVENT_PEER_REPLY, .peer = 4, .msg = &reply});
    s_step (self, (zseq_event_t){.type = ZSEQ_EVENT_RECORD_PERSISTED,
                                 .version = version});
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_RECOVERING);
    s_flush (self);
    cr_assert (!s_find (self, ZSEQ_ACTION_PERSIST_RECORD)->record.voting);
    s_destroy (&self);
}

//  Two processes with copies of one directory: the one that is not found at
//  the node's endpoint is told, and ends.
Test (node, tells_a_second_process_under_one_name_from_the_first)
{
    s_fixture_t *self = s_voter ();
    zseq_msg_t hello = s_request (ZSEQ_OP_INTRODUCE, "", 5);
    hello.node = 1;
    hello.cluster_name = (zseq_slice_t){"test", 4};
    hello.member_count = 3;
    for (size_t member = 0; member < 3; member++)
        hello.member[member].name =
          (zseq_slice_t){self->record.member[member].name, 1};
    hello.vector = self->record.vector;
    hello.state = ZSEQ_STATE_VOTING;
    hello.process = 77;
    s_send (self, &hello);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_REPLY)->msg.status, ZSEQ_OK);
    //  Another process answers at b's endpoint.
    s_hear_process (self, 1, 78);
    s_send (self, &hello);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_REPLY)->msg.status,
                  ZSEQ_ESUPERSEDED);
    hello.process = 78;
    s_send (self, &hello);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_REPLY)->msg.status, ZSEQ_OK);
    //  A restarted one is let in, before and after it has answered.
    hello.process = 79;
    s_send (self, &hello);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_REPLY)->msg.status, ZSEQ_OK);
    s_hear_process (self, 1, 79);
    s_send (self, &hello);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_REPLY)->msg.status, ZSEQ_OK);
    s_destroy (&self);
}

Test (node, ends_when_another_process_is_found_at_its_endpoint)
{
    s_fixture_t *self = s_voter ();
    s_tick (self, 2000000);
    zseq_msg_t reply = s_find (self, ZSEQ_ACTION_ASK)->msg;
    uint8_t peer = s_find (self, ZSEQ_ACTION_ASK)->peer;
    reply.reply = true;
    reply.node = peer;
    reply.status = ZSEQ_ESUPERSEDED;
    reply.cluster = 42;
    s_step (self, (zseq_event_t){.type = ZSEQ_EVENT_PEER_REPLY,
                                 .peer = peer,
                                 .msg = &reply});
    const s_seen_t *end = s_find (self, ZSEQ_ACTION_EXIT);
    cr_assert_not_null (end);
    cr_assert_eq (end->status, ZSEQ_ESUPERSEDED);
    s_destroy (&self);
}

//  P6: whoever claims that a peer has a new life cannot keep this node from
//  waiting for that peer's answer.
Test (node, does_not_ask_again_at_once_for_what_anybody_claims)
{
    s_fixture_t *self = s_voter ();
    s_tick (self, 2000000);
    cr_assert_geq (s_asked (self, 2), 0);
    for (uint64_t lie = 5; lie < 25; lie++) {
        zseq_msg_t fence = s_request (ZSEQ_OP_FENCE, "", lie);
        fence.node = 2;
        fence.life = (zseq_incarnation_t){lie, lie};
        s_send (self, &fence);
        cr_assert_eq (s_only (self, ZSEQ_ACTION_REPLY)->msg.status,
                      ZSEQ_EAGAIN);
        s_tick (self, 20000);
        cr_assert_eq (s_asked (self, 2), -1);
    }
    s_tick (self, 200000);
    cr_assert_geq (s_asked (self, 2), 0);
    s_destroy (&self);
}

//  S8: the vote is handed to the disk after a sync of all that was deferred, so
//  what comes later must not be deferred.
//  A node of five has recovered, and its vote is on its way to the disk. What the
//  last peer answers to COPY is still to come.
static s_fixture_t *
s_recovered_but (s_seen_t *vote, zseq_msg_t *page)
{
    zseq_record_t record = s_record (5, 0);
    zseq_record_lose (&record, 0);
    s_fixture_t *self = s_new (&record, 100, 100);
    zseq_vector_t vector = {.n = 5};
    for (uint8_t index = 0; index < 5; index++)
        vector.life[index] = (zseq_incarnation_t){1, 1000u + index};
    s_seen_t held = {.peer = 0};
    memset (vote, 0, sizeof *vote);
    for (int round = 0; round < 20 && !vote->record.voting; round++) {
        s_tick (self, 100000);
        s_answer_recovery_but (self, &vector, &held);
        s_flush (self);
        const s_seen_t *persist = s_find (self, ZSEQ_ACTION_PERSIST_RECORD);
        if (!persist)
            continue;
        *vote = *persist;
        if (!vote->record.voting)
            s_step (self, (zseq_event_t){.type = ZSEQ_EVENT_RECORD_PERSISTED,
                                         .version = vote->version});
    }
    cr_assert (vote->record.voting);
    cr_assert_eq (held.peer, 4);
    *page = s_copied (self, &held, &vector);
    return self;
}

//  Found by fuzzing: it was taken for a word about another process, and the node
//  ended.
Test (node, ignores_what_a_recovery_asked_and_is_answered_after_its_end)
{
    s_seen_t vote;
    zseq_msg_t page;
    s_fixture_t *self = s_recovered_but (&vote, &page);
    s_step (self, (zseq_event_t){.type = ZSEQ_EVENT_RECORD_PERSISTED,
                                 .version = vote.version});
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
    page.status = ZSEQ_ESUPERSEDED;
    s_answer (self, 4, &page);
    cr_assert_eq (self->count, 0);
    s_destroy (&self);
}

Test (node, syncs_a_page_that_comes_after_its_vote_was_handed_to_the_disk)
{
    s_seen_t vote;
    zseq_msg_t page;
    s_fixture_t *self = s_recovered_but (&vote, &page);
    zseq_item_t item = {{"late", 4}, 11};
    page.items = &item;
    page.item_count = 1;
    s_answer (self, 4, &page);
    s_flush (self);
    const s_seen_t *write = s_find (self, ZSEQ_ACTION_PERSIST);
    cr_assert_not_null (write);
    cr_assert (!write->deferred);
    zseq_sequence_t *sequence = write->sequence;
    s_step (self, (zseq_event_t){.type = ZSEQ_EVENT_RECORD_PERSISTED,
                                 .version = vote.version});
    s_persisted (self, sequence, 11, ZSEQ_OK);
    s_destroy (&self);
}

//  A node that lost all it knew, and one voter of a cluster with the same
//  names that answers first.
Test (node, recovers_from_the_cluster_that_enough_voters_are_of)
{
    zseq_record_t record = s_record (5, 0);
    zseq_record_lose (&record, 0);
    s_fixture_t *self = s_new (&record, 100, 100);
    zseq_vector_t vector = {.n = 5};
    for (uint8_t index = 0; index < 5; index++)
        vector.life[index] = (zseq_incarnation_t){1, 1000u + index};
    s_tick (self, 0);
    for (size_t index = 0; index < self->count; index++) {
        s_seen_t *seen = &self->seen[index];
        if (seen->type != ZSEQ_ACTION_ASK || seen->peer != 1)
            continue;
        zseq_msg_t reply = seen->msg;
        reply.reply = true;
        reply.status = ZSEQ_OK;
        reply.node = 1;
        reply.cluster = 41;
        reply.vector = vector;
        reply.vector.life[2] = (zseq_incarnation_t){99, 99};
        reply.state = ZSEQ_STATE_VOTING;
        reply.cluster_name = (zseq_slice_t){"test", 4};
        reply.member_count = 5;
        for (size_t member = 0; member < 5; member++)
            reply.member[member].name =
              (zseq_slice_t){record.member[member].name, 1};
        seen->type = ZSEQ_ACTION_LOG;
        s_seen_t rest[ACTIONS_MAX];
        size_t count = self->count;
        memcpy (rest, self->seen, count * sizeof *rest);
        s_step (self, (zseq_event_t){.type = ZSEQ_EVENT_PEER_REPLY,
                                     .peer = 1,
                                     .msg = &reply});
        memcpy (self->seen, rest, count * sizeof *rest);
        self->count = count;
        break;
    }
    s_recover (self, &vector);
    cr_assert_eq (zseq_node_record (self->node)->identity, 42);
    cr_assert_eq (zseq_node_record (self->node)->vector.life[2].counter, 1);
    s_destroy (&self);
}

Test (node, does_not_trust_an_answer_from_the_wrong_node)
{
    s_fixture_t *self = s_voter ();
    s_tick (self, 2000000);
    zseq_msg_t reply = s_find (self, ZSEQ_ACTION_ASK)->msg;
    uint8_t peer = s_find (self, ZSEQ_ACTION_ASK)->peer;
    reply.reply = true;
    reply.status = ZSEQ_OK;
    reply.node = (uint8_t) (3 - peer);
    reply.vector.life[2].counter = 5;
    s_step (self, (zseq_event_t){.type = ZSEQ_EVENT_PEER_REPLY,
                                 .peer = peer,
                                 .msg = &reply});
    cr_assert_not_null (s_find (self, ZSEQ_ACTION_LOG));
    s_flush (self);
    cr_assert_eq (self->count, 0);
    s_destroy (&self);
}

Test (node, is_not_shaken_by_a_reformatted_peer)
{
    s_fixture_t *self = s_voter ();
    zseq_vector_t vector = {.n = 3};
    vector.life[1] = (zseq_incarnation_t){1, 4711};
    s_hear_vector (self, 1, &vector);
    cr_assert_not_null (s_find (self, ZSEQ_ACTION_LOG));
    s_flush (self);
    cr_assert_eq (self->count, 0);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
    s_destroy (&self);
}

Test (node, moves_a_member_and_says_so_on_disk)
{
    zseq_record_t record = s_record (1, 0);
    record.identity = 42;
    record.voting = true;
    s_fixture_t *self = s_new (&record, 10, 10);
    zseq_member_t member = record.member[0];
    cr_assert (!zseq_node_move (self->node, &member));
    snprintf (member.endpoint, sizeof member.endpoint, "tcp://127.0.0.1:7");
    cr_assert (zseq_node_move (self->node, &member));
    s_tick (self, 0);
    s_flush (self);
    const s_seen_t *persist = s_only (self, ZSEQ_ACTION_PERSIST_RECORD);
    cr_assert_str_eq (persist->record.member[0].endpoint, "tcp://127.0.0.1:7");
    s_destroy (&self);
}

Test (node, lists_only_what_is_durable)
{
    s_fixture_t *self = s_voter ();
    s_claim_durably (self, "a", 1, 1);
    s_claim (self, "a", 2, 5);
    s_claim (self, "b", 1, 1);
    zseq_msg_t list = s_request (ZSEQ_OP_LIST, "", 5);
    list.count = 10;
    s_send (self, &list);
    const s_seen_t *reply = s_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.item_count, 1);
    cr_assert_eq (reply->msg.items[0].next, 2);
    cr_assert (!reply->msg.more);
    s_destroy (&self);
}

Test (node, lists_beyond_names_that_are_not_durable)
{
    s_fixture_t *self = s_voter ();
    s_claim_durably (self, "c", 1, 1);
    s_claim (self, "a", 1, 1);
    s_claim (self, "b", 1, 1);
    zseq_msg_t list = s_request (ZSEQ_OP_LIST, "", 5);
    list.count = 1;
    s_send (self, &list);
    const s_seen_t *reply = s_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.item_count, 1);
    cr_assert (!memcmp (reply->msg.items[0].name.data, "c", 1));
    cr_assert (!reply->msg.more);
    s_destroy (&self);
}

//  Names that are reserved for flake IDs.

#define EPOCH_MS 1735689600000u
#define FLAKE "$flake/41-10-12/1735689600000/17"
#define FLAKE_1970 "$flake/41-10-12/0/17"

//  A voter whose wall clock shows that many milliseconds since 2025 began.
static s_fixture_t *
s_voter_at (uint64_t ms)
{
    s_fixture_t *self = s_voter ();
    self->wall_ms = EPOCH_MS + ms;
    return self;
}

//  What the last step's only reply says.
static int
s_status (const s_fixture_t *self)
{
    return s_only (self, ZSEQ_ACTION_REPLY)->msg.status;
}

static void
s_raise (s_fixture_t *self, const char *name, uint64_t to)
{
    zseq_msg_t msg = s_request (ZSEQ_OP_RAISE, name, 700);
    msg.next = to;
    s_send (self, &msg);
}

//  What a node answers to READ, when all is durable.
static uint64_t
s_next (s_fixture_t *self, const char *name)
{
    zseq_msg_t read = s_request (ZSEQ_OP_READ, name, 6);
    s_send (self, &read);
    cr_assert_eq (s_status (self), ZSEQ_OK);
    return self->seen[0].msg.next;
}

Test (reserved_name, is_claimed_up_to_a_minute_beyond_the_clock)
{
    s_fixture_t *self = s_voter_at (5000);
    s_claim_durably (self, FLAKE, 4000, 2000);
    cr_assert_eq (s_next (self, FLAKE), 6000);
    s_claim_durably (self, FLAKE, 64000, 1000);
    cr_assert_eq (s_next (self, FLAKE), 65000);
    s_destroy (&self);
}

Test (reserved_name, is_not_claimed_further_and_nothing_changes)
{
    s_fixture_t *self = s_voter_at (5000);
    s_claim (self, FLAKE, 64000, 1001);
    cr_assert_eq (s_status (self), ZSEQ_ECLOCK);
    s_claim (self, FLAKE, ZSEQ_ID_MAX, ZSEQ_COUNT_MAX);
    cr_assert_eq (s_status (self), ZSEQ_ECLOCK);
    cr_assert_eq (zseq_node_count (self->node), 0, "it makes no name");
    s_claim_durably (self, FLAKE, 5000, 1000);
    s_claim (self, FLAKE, 64000, 1001);
    cr_assert_eq (s_status (self), ZSEQ_ECLOCK);
    s_claim (self, FLAKE, 5000, 60001);
    cr_assert_eq (s_status (self), ZSEQ_ECLOCK, "though it begins below next");
    s_flush (self);
    cr_assert_eq (self->count, 0, "nothing is to be written");
    cr_assert_eq (s_next (self, FLAKE), 6000);
    s_claim_durably (self, FLAKE, 6000, 1);
    s_destroy (&self);
}

Test (reserved_name, is_not_raised_further_either)
{
    s_fixture_t *self = s_voter_at (5000);
    s_raise (self, FLAKE, 65001);
    cr_assert_eq (s_status (self), ZSEQ_ECLOCK);
    s_raise (self, FLAKE, ZSEQ_NEXT_MAX);
    cr_assert_eq (s_status (self), ZSEQ_ECLOCK);
    cr_assert_eq (zseq_node_count (self->node), 0);
    cr_assert_eq (s_next (self, FLAKE), 1);
    s_raise (self, FLAKE, 65000);
    s_flush (self);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_PERSIST)->limit, 65000);
    s_destroy (&self);
}

Test (reserved_name, goes_by_the_clock_of_the_moment)
{
    s_fixture_t *self = s_voter_at (5000);
    s_claim (self, FLAKE, 70000, 10);
    cr_assert_eq (s_status (self), ZSEQ_ECLOCK);
    self->wall_ms += 10000;
    s_claim_durably (self, FLAKE, 70000, 10);
    self->wall_ms -= 20000;
    s_claim (self, FLAKE, 70010, 10);
    cr_assert_eq (s_status (self), ZSEQ_ECLOCK, "the clock stepped back");
    cr_assert_eq (s_next (self, FLAKE), 70010, "next did not");
    s_destroy (&self);
}

Test (reserved_name, is_not_claimed_with_a_clock_that_is_not_known)
{
    s_fixture_t *self = s_voter ();
    static const char *const names[] = {FLAKE, FLAKE_1970};
    for (size_t index = 0; index < 2; index++) {
        s_claim (self, names[index], 1, 1);
        cr_assert_eq (s_status (self), ZSEQ_ECLOCK);
        s_raise (self, names[index], 1);
        cr_assert_eq (s_status (self), ZSEQ_ECLOCK);
        cr_assert_eq (s_next (self, names[index]), 1, "it is read");
    }
    cr_assert_eq (zseq_node_count (self->node), 0);
    s_claim_durably (self, "orders", 1, 1);
    s_destroy (&self);
}

Test (reserved_name, counts_from_the_epoch_that_it_says)
{
    s_fixture_t *self = s_voter_at (5000);
    uint64_t end_ms = EPOCH_MS + 65000;
    s_claim (self, FLAKE_1970, end_ms - 9, 10);
    cr_assert_eq (s_status (self), ZSEQ_ECLOCK);
    s_claim_durably (self, FLAKE_1970, end_ms - 10, 10);
    s_claim (self, FLAKE, end_ms - 10, 10);
    cr_assert_eq (s_status (self), ZSEQ_ECLOCK);
    s_claim (self, "$flake/41-10-12/1735689665000/17", 1, 1);
    cr_assert_eq (s_status (self), ZSEQ_ECLOCK, "an epoch yet to come");
    cr_assert_eq (s_next (self, FLAKE), 1, "another name");
    s_destroy (&self);
}

Test (reserved_name, that_is_malformed_is_refused_whatever_is_asked)
{
    s_fixture_t *self = s_voter_at (5000);
    static const char *const names[] = {
      "$flake/", "$flake/41-10-12/1735689600000", FLAKE "/",
      "$flake/41-10-12/01735689600000/17",
      "$flake/41-10-12/1735689600000/1024"};
    for (size_t index = 0; index < sizeof names / sizeof *names; index++) {
        s_claim (self, names[index], 1, 1);
        cr_assert_eq (s_status (self), ZSEQ_EINVAL);
        s_raise (self, names[index], 1);
        cr_assert_eq (s_status (self), ZSEQ_EINVAL);
        zseq_msg_t msg = s_request (ZSEQ_OP_READ, names[index], 8);
        s_send (self, &msg);
        cr_assert_eq (s_status (self), ZSEQ_EINVAL);
        msg = s_request (ZSEQ_OP_NEXT, names[index], 9);
        msg.count = msg.count_min = msg.patience_us = 1;
        s_send (self, &msg);
        cr_assert_eq (s_status (self), ZSEQ_EINVAL);
    }
    cr_assert_eq (zseq_node_count (self->node), 0);
    s_claim_durably (self, "$flake", ZSEQ_ID_MAX, 1);
    s_destroy (&self);
}

Test (reserved_name, is_refused_by_who_does_not_vote_as_any_other)
{
    s_fixture_t *self = s_voter_at (5000);
    zseq_msg_t msg = s_request (ZSEQ_OP_CLAIM, FLAKE "/", 9);
    msg.first = msg.count = 1;
    msg.cluster = 43;
    s_send (self, &msg);
    cr_assert_eq (s_status (self), ZSEQ_ECLUSTER);
    s_step (self, (zseq_event_t){.type = ZSEQ_EVENT_STOP});
    s_send (self, &msg);
    cr_assert_eq (s_status (self), ZSEQ_ENOTVOTING);
    s_destroy (&self);
}

Test (reserved_name, is_not_claimed_further_by_a_coordinator)
{
    zseq_record_t record = s_record (1, 0);
    record.identity = 42;
    record.voting = true;
    s_fixture_t *self = s_new (&record, 10, 10);
    self->wall_ms = EPOCH_MS + 5000;
    s_tick (self, 0);
    s_claim_durably (self, FLAKE, 64000, 900);
    zseq_msg_t msg = s_request (ZSEQ_OP_NEXT, FLAKE, 9);
    msg.count = msg.count_min = 101;
    msg.patience_us = 50000;
    s_send (self, &msg);
    //  It asks itself, and does not write what it refuses.
    for (size_t round = 0; round < 100; round++) {
        s_flush (self);
        cr_assert_eq (self->count, 0);
        s_tick (self, 1000);
        cr_assert_eq (self->count, 0);
    }
    cr_assert_eq (zseq_node_wake_us (self->node), UINT64_MAX, "it gave up");
    cr_assert_eq (s_next (self, FLAKE), 64900);
    msg.count = msg.count_min = 100;
    s_send (self, &msg);
    s_flush (self);
    cr_assert_eq (s_only (self, ZSEQ_ACTION_PERSIST)->limit, 65000);
    s_destroy (&self);
}

Test (birth, is_possible_over_long_distances)
{
    //  An answer that takes 300 ms comes before the question is asked anew.
    zseq_record_t record = s_record (2, 0);
    s_fixture_t *self = s_new (&record, 10, 10);
    uint64_t asked_us = 0;
    zseq_msg_t ask = {.request = 0};
    bool answered = false;
    for (int tick = 0; tick < 200 && !answered; tick++) {
        s_tick (self, 20000);
        int index = s_asked (self, 1);
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
        reply.state = ZSEQ_STATE_BIRTH;
        memset (reply.vector.life, 0, sizeof reply.vector.life);
        reply.vector.life[1] = (zseq_incarnation_t){1, 1001};
        s_step (self, (zseq_event_t){.type = ZSEQ_EVENT_PEER_REPLY,
                                     .peer = 1,
                                     .msg = &reply});
        s_flush (self);
        answered = s_find (self, ZSEQ_ACTION_PERSIST_RECORD) != NULL;
    }
    cr_assert (answered);
    s_destroy (&self);
}

Test (node, does_not_end_for_what_another_cluster_s_node_says)
{
    //  A node of a cluster of the same names that is not born yet listens where
    //  b did.
    s_fixture_t *self = s_voter ();
    s_tick (self, 2000000);
    zseq_msg_t reply = self->seen[s_asked (self, 1)].msg;
    reply.reply = true;
    reply.node = 1;
    reply.cluster = 0;
    reply.status = ZSEQ_EREFORMATTED;
    s_step (self, (zseq_event_t){
                    .type = ZSEQ_EVENT_PEER_REPLY, .peer = 1, .msg = &reply});
    cr_assert_null (s_find (self, ZSEQ_ACTION_EXIT));
    s_tick (self, 2000000);
    reply.request = self->seen[s_asked (self, 1)].msg.request;
    reply.status = ZSEQ_OK;
    reply.state = ZSEQ_STATE_BIRTH;
    reply.vector.life[0] = (zseq_incarnation_t){1, 4711};
    reply.vector.life[1] = (zseq_incarnation_t){1, 4712};
    s_step (self, (zseq_event_t){
                    .type = ZSEQ_EVENT_PEER_REPLY, .peer = 1, .msg = &reply});
    cr_assert_null (s_find (self, ZSEQ_ACTION_EXIT));
    cr_assert_not_null (s_find (self, ZSEQ_ACTION_LOG));
    s_flush (self);
    cr_assert_eq (self->count, 0);
    s_destroy (&self);
}

//  Found by the review of starts, births and floors.

//  A peer's answer as of version 1.
static zseq_msg_t
s_introduction_1 (const s_fixture_t *self, uint8_t peer)
{
    zseq_msg_t reply = s_introduction (self, peer);
    reply.extended = false;
    memset (reply.vector.start, 0, sizeof reply.vector.start);
    reply.met = 0;
    return reply;
}

//  Found by the simulator: it gave its vote up for an endpoint that had moved, and
//  then ended as it could not recover.
Test (node, told_to_recover_leaves_its_record_until_it_can_begin)
{
    zseq_record_t record = s_voting_record ();
    s_fixture_t *self = s_new (&record, 100, 100);
    zseq_member_t moved = record.member[1];
    snprintf (moved.endpoint, sizeof moved.endpoint, "tcp://127.0.0.1:4711");
    cr_assert (zseq_node_move (self->node, &moved));
    zseq_node_recover (self->node, "it was told to", NULL);
    s_tick (self, 0);
    s_flush (self);
    cr_assert_null (s_find (self, ZSEQ_ACTION_PERSIST_RECORD));
    s_destroy (&self);
}

//  S11: peers of version 1 confirm a start that is on no disk yet, while the
//  disk says that the one before was voted in.
Test (start, a_start_among_peers_of_version_1_is_on_disk_before_the_vote)
{
    zseq_record_t record = s_voting_record ();
    record.vector.start[0] = (zseq_start_t){3, 333};
    record.start_voted = true;
    s_fixture_t *self = s_new (&record, 100, 100);
    s_tick (self, 0);
    zseq_msg_t b = s_introduction_1 (self, 1);
    zseq_msg_t c = s_introduction_1 (self, 2);
    s_answer (self, 1, &b);
    s_answer (self, 2, &c);
    cr_expect_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING,
                  "it votes, and its start is on no disk");
    s_write_record (self);
    s_write_record (self);
    cr_expect_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
    cr_expect_eq (self->record.vector.start[0].counter, 4);
    cr_expect (self->record.start_voted,
               "the next process takes this start again, and a copy made in it "
               "is never found out");
    s_destroy (&self);
}

//  A floor that is met while the first vote is being written.
Test (start, a_birth_does_not_vote_before_a_floor_is_on_disk)
{
    zseq_record_t record = s_record (3, 0);
    for (uint8_t index = 0; index < 3; index++)
        record.vector.life[index] = (zseq_incarnation_t){1, 1000u + index};
    s_fixture_t *self = s_new (&record, 100, 100);
    uint64_t version = 0;
    for (int round = 0; round < 5 && !version; round++) {
        s_tick (self, 10000000);
        zseq_msg_t b = s_introduction (self, 1);
        zseq_msg_t c = s_introduction (self, 2);
        b.cluster = c.cluster = 42;
        s_answer (self, 1, &b);
        s_answer (self, 2, &c);
        s_flush (self);
        const s_seen_t *persist = s_find (self, ZSEQ_ACTION_PERSIST_RECORD);
        if (!persist)
            continue;
        if (persist->record.voting)
            version = persist->version;
        else
            s_step (self, (zseq_event_t){.type = ZSEQ_EVENT_RECORD_PERSISTED,
                                         .version = persist->version});
    }
    cr_assert_neq (version, 0);
    s_tick (self, 10000000);
    zseq_msg_t b = s_introduction (self, 1);
    b.cluster = 42;
    b.floor = 500;
    s_answer (self, 1, &b);
    s_step (self, (zseq_event_t){.type = ZSEQ_EVENT_RECORD_PERSISTED,
                                 .version = version});
    cr_expect_neq (zseq_node_state (self->node), ZSEQ_STATE_VOTING,
                   "the floor is on no disk");
    s_destroy (&self);
}

//  A forced floor binds those who put the new life in force, and not only once
//  the forced node votes, which then stops (zseqd recover ends).
Test (start, a_forced_floor_is_told_with_the_new_life)
{
    zseq_record_t record = s_voting_record ();
    s_fixture_t *self = s_new (&record, 100, 100);
    zseq_force_t force = {.floor = 500, .wait_us = 1000000};
    zseq_node_recover (self->node, "it was told to", &force);
    zseq_vector_t vector = record.vector;
    bool fenced = false;
    for (int round = 0; round < 10 && !fenced; round++) {
        s_tick (self, 100000);
        for (size_t index = 0; index < self->count; index++)
            fenced |= self->seen[index].type == ZSEQ_ACTION_ASK &&
                      self->seen[index].msg.op == ZSEQ_OP_FENCE;
        if (fenced)
            break;
        s_answer_recovery (self, &vector);
        s_write_record (self);
        for (size_t index = 0; index < self->count; index++)
            fenced |= self->seen[index].type == ZSEQ_ACTION_ASK &&
                      self->seen[index].msg.op == ZSEQ_OP_FENCE;
    }
    cr_assert (fenced);
    cr_assert_eq (self->record.vector.life[0].counter, 1002);
    //  A peer asks at its endpoint, as it does before it answers FENCE with 0.
    zseq_msg_t ask = s_request (ZSEQ_OP_INTRODUCE, "", 5);
    ask.node = 1;
    ask.cluster_name = (zseq_slice_t){"test", 4};
    ask.member_count = 3;
    for (size_t member = 0; member < 3; member++)
        ask.member[member].name =
          (zseq_slice_t){self->record.member[member].name, 1};
    ask.vector = vector;
    ask.state = ZSEQ_STATE_VOTING;
    ask.process = 99;
    s_send (self, &ask);
    const s_seen_t *reply = s_find (self, ZSEQ_ACTION_REPLY);
    cr_assert_not_null (reply);
    cr_assert_eq (reply->msg.status, ZSEQ_OK);
    cr_expect_eq (reply->msg.floor, 500, "b goes on below the floor");
    s_destroy (&self);
}

//  B has recovered, and been counted as one that will ask; then it votes, and has not
//  asked: it does not know the new life yet.
Test (start, force_counts_no_peer_that_recovered_and_votes_by_now)
{
    zseq_record_t record = s_voting_record ();
    s_fixture_t *self = s_new (&record, 100, 100);
    zseq_force_t force = {.floor = 500, .wait_us = 1000000, .lost = 1u << 2};
    zseq_node_recover (self->node, "it was told to", &force);
    bool fenced = false;
    bool ended = false;
    for (int round = 0; round < 40 && !ended; round++) {
        s_tick (self, 100000);
        ended = s_find (self, ZSEQ_ACTION_EXIT) != NULL;
        const s_seen_t *ask = s_find (self, ZSEQ_ACTION_ASK);
        while (ask && ask < self->seen + self->count &&
               (ask->type != ZSEQ_ACTION_ASK || ask->peer != 1))
            ask++;
        if (ask && ask < self->seen + self->count) {
            s_seen_t asked = *ask;
            zseq_msg_t reply = s_copied (self, &asked, &record.vector);
            reply.state = ZSEQ_STATE_RECOVERING;
            reply.speaks = ZSEQ_WIRE_VERSION;
            if (asked.msg.op == ZSEQ_OP_FENCE) {
                reply.status = ZSEQ_EAGAIN;
                fenced = true;
            }
            s_answer (self, 1, &reply);
        }
        s_write_record (self);
        s_flush (self);
    }
    cr_expect (fenced);
    cr_expect (ended, "b knows nothing of the new life, and votes");
    cr_expect (!self->record.voting);
    s_destroy (&self);
}

//  A peer that has come late to the birth knows a later start, and is no kin yet.
Test (start, a_late_peer_s_word_of_a_later_start_is_heard)
{
    s_fixture_t *self = s_starter (3);
    zseq_msg_t b = s_introduction (self, 1);
    zseq_msg_t c = s_introduction (self, 2);
    c.cluster = 0;
    c.state = ZSEQ_STATE_COMPLETE;
    c.vector.start[0] = (zseq_start_t){5, 99};
    s_answer (self, 2, &c);
    s_answer (self, 1, &b);
    s_write_record (self);
    cr_expect_eq (zseq_node_state (self->node), ZSEQ_STATE_RECOVERING,
                  "a peer that it reaches knows a later start");
    s_destroy (&self);
}

//  a votes; b has voted and lost its disk; c was down when they began.
Test (start, a_late_node_and_one_that_recovers_do_not_wait_for_each_other)
{
    s_fixture_t *nodes[3];
    for (uint8_t index = 0; index < 3; index++) {
        zseq_record_t record = s_record (3, index);
        nodes[index] = s_new (&record, 10, 10);
    }
    zseq_record_t late = nodes[2]->record;
    for (int round = 0; round < 10 && !nodes[0]->record.voting; round++) {
        late = nodes[2]->record;
        s_round (nodes, 3);
    }
    s_destroy (&nodes[2]);
    for (int round = 0; round < 3; round++)
        s_round (nodes, 3);
    cr_assert_eq (zseq_node_state (nodes[0]->node), ZSEQ_STATE_VOTING);
    cr_assert_eq (zseq_node_state (nodes[1]->node), ZSEQ_STATE_VOTING);
    s_destroy (&nodes[1]);
    zseq_record_t lost = s_record (3, 1);
    zseq_record_lose (&lost, 0);
    nodes[1] = s_new (&lost, 10, 10);
    nodes[2] = s_new (&late, 10, 10);
    for (int round = 0; round < 50; round++)
        s_round (nodes, 3);
    cr_expect_eq (zseq_node_state (nodes[0]->node), ZSEQ_STATE_VOTING);
    cr_expect_eq (zseq_node_state (nodes[1]->node), ZSEQ_STATE_VOTING,
                  "b never recovers");
    cr_expect_eq (zseq_node_state (nodes[2]->node), ZSEQ_STATE_VOTING,
                  "c is never born");
    for (uint8_t index = 0; index < 3; index++)
        s_destroy (&nodes[index]);
}

//  b recovers, and so asks nobody INTRODUCE: that is not a matter of endpoints.
Test (start, a_peer_that_recovers_is_not_said_not_to_reach_the_node)
{
    s_fixture_t *self = s_starter (3);
    zseq_msg_t b = s_introduction (self, 1);
    b.state = ZSEQ_STATE_RECOVERING;
    b.met = 0;
    s_answer (self, 1, &b);
    s_tick (self, 10000000);
    for (size_t index = 0; index < self->count; index++)
        cr_expect (!strstr (self->seen[index].text, "does not reach"), "%s",
                   self->seen[index].text);
    s_destroy (&self);
}

//  Answers of before a recovery say nothing of the life after it, in which no start
//  was taken yet.
Test (start, answers_of_before_a_recovery_note_nothing_after_it)
{
    s_fixture_t *self = s_voter ();
    zseq_vector_t vector = self->record.vector;
    vector.life[0] = (zseq_incarnation_t){2, 99};
    vector.start[0] = (zseq_start_t){0, 0};
    s_hear_vector (self, 1, &vector);
    s_write_record (self);
    s_recover (self, &vector);
    cr_assert_eq (self->record.vector.start[0].counter, 0);
    //  Nobody has answered INTRODUCE since, but b, with a floor.
    s_tick (self, 60000000);
    zseq_msg_t b = s_introduction (self, 1);
    b.floor = 500;
    b.met = 0;
    s_answer (self, 1, &b);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING);
    s_write_record (self);
    s_tick (self, 0);
    s_write_record (self);
    cr_expect_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING,
                  "c's answer was of the life before");
    s_destroy (&self);
}
