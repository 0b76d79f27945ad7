//  Tests a node, one step at a time: recovery, also by force.
//
//  A test plays the node's peers. It makes a voting node (fixture_voter), tells
//  it of a newer incarnation of itself, and the node recovers: it asks its
//  peers for FENCE and COPY. s_recover answers all questions until the node
//  votes. s_answer_recovery answers those of one step, and
//  s_answer_recovery_but holds back one COPY. Recovery with real peers is in
//  test_recovery.c, and the rules of counting answers in
//  test_recovery_answers.c.

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "zseq_node_fixture.h"

Test (node, does_not_answer_what_it_granted_in_its_old_incarnation)
{
    fixture_t *self = fixture_voter ();
    fixture_claim (self, "orders", 1, 10);
    fixture_flush (self);
    zseq_sequence_t *sequence =
      fixture_only (self, ZSEQ_ACTION_PERSIST)->sequence;
    zseq_vector_t vector = self->record.vector;
    vector.incarnation[0] = (zseq_incarnation_t){2, 9};
    fixture_hear_vector (self, 1, &vector);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_RECOVERING);
    fixture_persisted (self, sequence, 11, ZSEQ_OK);
    cr_assert_null (fixture_find (self, ZSEQ_ACTION_REPLY));
    fixture_destroy (&self);
}

//  Found by the simulator, seed 10451788: the node never ended.
Test (node, ends_while_it_recovers_though_requests_had_waited)
{
    fixture_t *self = fixture_voter ();
    fixture_claim (self, "orders", 1, 10);
    fixture_flush (self);
    zseq_sequence_t *sequence =
      fixture_only (self, ZSEQ_ACTION_PERSIST)->sequence;
    fixture_claim (self, "orders", 11, 10);
    zseq_vector_t vector = self->record.vector;
    vector.incarnation[0] = (zseq_incarnation_t){2, 9};
    fixture_hear_vector (self, 1, &vector);
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_STOP});
    fixture_persisted (self, sequence, 11, ZSEQ_OK);
    cr_assert_null (fixture_find (self, ZSEQ_ACTION_REPLY));
    fixture_write_record (self);
    cr_assert (zseq_node_idle (self->node));
    fixture_destroy (&self);
}

//  A voter with a claim on its way to the disk that hears of its newer
//  incarnation.
static fixture_t *
s_recovering_with (zseq_sequence_t **sequence_p)
{
    fixture_t *self = fixture_voter ();
    fixture_claim (self, "orders", 1, 10);
    fixture_flush (self);
    *sequence_p = fixture_only (self, ZSEQ_ACTION_PERSIST)->sequence;
    zseq_vector_t vector = self->record.vector;
    vector.incarnation[0] = (zseq_incarnation_t){2, 9};
    fixture_hear_vector (self, 1, &vector);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_RECOVERING);
    return self;
}

Test (node, ends_when_it_recovers_and_its_disk_is_full)
{
    zseq_sequence_t *sequence;
    fixture_t *self = s_recovering_with (&sequence);
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_PERSISTED,
                                       .sequence = sequence,
                                       .status = ZSEQ_ENOSPACE,
                                       .why = "/d/seq: write: No space"});
    const fixture_seen_t *end = fixture_only (self, ZSEQ_ACTION_EXIT);
    cr_assert_eq (end->status, ZSEQ_ENOSPACE);
    cr_assert_str_eq (end->text,
                      "the node cannot recover, as its disk takes no more: "
                      "/d/seq: write: No space; make room, then recover again");
    fixture_destroy (&self);
}

Test (node, ends_when_it_recovers_and_cannot_write_its_record)
{
    zseq_sequence_t *sequence;
    fixture_t *self = s_recovering_with (&sequence);
    fixture_flush (self);
    const fixture_seen_t *persist =
      fixture_find (self, ZSEQ_ACTION_PERSIST_RECORD);
    cr_assert_not_null (persist);
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_RECORD_PERSISTED,
                                       .version = persist->version,
                                       .status = ZSEQ_ENOSPACE,
                                       .why = "/d/node: write: No space"});
    const fixture_seen_t *end = fixture_only (self, ZSEQ_ACTION_EXIT);
    cr_assert_eq (end->status, ZSEQ_ENOSPACE);
    cr_assert (strstr (end->text,
                       "cannot be written: /d/node: write: No space; "
                       "make room on the disk, or raise the limit of "
                       "open files, then recover again"));
    fixture_destroy (&self);
}

//  The floor of all peers, as they report it to a recovering node.
static uint64_t s_floor = 1;

//  Makes the answer of a peer without names to a recovering node.
static zseq_msg_t
s_copied (fixture_t *self, const fixture_seen_t *ask,
          const zseq_vector_t *vector)
{
    zseq_msg_t reply = ask->msg;
    reply.reply = true;
    reply.status = ZSEQ_OK;
    reply.node = ask->peer;
    reply.cluster = 42;
    reply.vector = *vector;
    if (reply.op == ZSEQ_OP_HELLO) {
        reply.hello.members = fixture_members (self);
        reply.hello.state = ZSEQ_STATE_VOTING;
        return reply;
    }
    reply.vector.incarnation[0] = zseq_msg_recovery (&ask->msg)->incarnation;
    if (reply.op == ZSEQ_OP_FENCE)
        reply.fence.floor = reply.fence.floor_reserved = s_floor;
    return reply;
}

//  Whether a recovering node logs text within ten seconds, while its peers
//  answer HELLO and refuse all else. With others, each answers as the other.
static bool
s_logs_recovering (bool others, const char *text)
{
    zseq_sequence_t *sequence;
    fixture_t *self = s_recovering_with (&sequence);
    fixture_persisted (self, sequence, 11, ZSEQ_OK);
    zseq_vector_t vector = self->record.vector;
    bool logged = false;
    for (int tick = 0; tick < 500; tick++) {
        fixture_write_record (self);
        fixture_tick (self, 20000);
        for (uint8_t peer = 1; peer < 3; peer++) {
            int ask = fixture_asked (self, peer);
            if (ask < 0)
                continue;
            zseq_msg_t reply = s_copied (self, &self->seen[ask], &vector);
            if (others)
                reply.node = (uint8_t) (3 - peer);
            if (reply.op != ZSEQ_OP_HELLO)
                reply.status = ZSEQ_EAGAIN;
            fixture_answer (self, peer, &reply);
            const fixture_seen_t *log = fixture_find (self, ZSEQ_ACTION_LOG);
            logged |= log && strstr (log->text, text);
        }
    }
    fixture_destroy (&self);
    return logged;
}

Test (node, says_which_peer_does_not_reach_it_while_it_recovers)
{
    cr_assert (
      s_logs_recovering (false, "peer b does not reach node a at tcp:"));
}

Test (node, says_that_another_node_answers_for_a_peer_while_it_recovers)
{
    cr_assert (s_logs_recovering (true, "who answers for peer b at tcp:"));
}

//  Answers all questions of a recovering node. If held is set, the COPY of the
//  last peer goes there and gets no answer.
static void
s_answer_recovery_but (fixture_t *self, const zseq_vector_t *vector,
                       fixture_seen_t *held)
{
    static fixture_seen_t asks[ACTIONS_MAX];
    size_t count = self->count;
    memcpy (asks, self->seen, count * sizeof *asks);
    for (size_t index = 0; index < count; index++) {
        if (asks[index].type != ZSEQ_ACTION_ASK)
            continue;
        if (held && asks[index].msg.op == ZSEQ_OP_COPY &&
            asks[index].peer == self->record.members.n - 1) {
            *held = asks[index];
            continue;
        }
        zseq_msg_t reply = s_copied (self, &asks[index], vector);
        fixture_answer (self, asks[index].peer, &reply);
    }
}

static void
s_answer_recovery (fixture_t *self, const zseq_vector_t *vector)
{
    s_answer_recovery_but (self, vector, NULL);
}

//  Ticks a recovering node, answers it and writes its record, until it votes.
static void
s_recover (fixture_t *self, const zseq_vector_t *vector)
{
    for (int round = 0;
         round < 10 && zseq_node_state (self->node) != ZSEQ_STATE_VOTING;
         round++) {
        fixture_tick (self, 100000);
        s_answer_recovery (self, vector);
        fixture_write_record (self);
        fixture_flush (self);
        s_answer_recovery (self, vector);
        fixture_write_record (self);
    }
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
}

Test (node, tells_from_whom_it_has_copied)
{
    fixture_t *self = fixture_voter ();
    zseq_vector_t vector = self->record.vector;
    vector.incarnation[0] = (zseq_incarnation_t){2, 9};
    fixture_hear_vector (self, 1, &vector);
    bool shown = false;
    for (int round = 0; round < 10 && !shown; round++) {
        fixture_seen_t held;
        fixture_tick (self, 100000);
        s_answer_recovery_but (self, &vector, &held);
        fixture_write_record (self);
        zseq_msg_t ask = {.op = ZSEQ_OP_STATUS, .request = 7};
        fixture_send (self, &ask);
        const char *reason = fixture_find (self, ZSEQ_ACTION_REPLY)->reason;
        shown = strstr (reason, "recovering: copied from ");
    }
    cr_assert (shown);
    fixture_destroy (&self);
}

Test (node, ends_when_its_incarnations_are_used_up)
{
    zseq_record_t record = fixture_voting_record ();
    record.vector.incarnation[0].counter = UINT64_MAX - 2;
    fixture_t *self = fixture_new (&record, 100, 100);
    fixture_start (self);
    zseq_vector_t vector = self->record.vector;
    vector.incarnation[0] = (zseq_incarnation_t){UINT64_MAX - 1, 9};
    fixture_hear_vector (self, 1, &vector);
    for (int round = 0; round < 10 && !fixture_find (self, ZSEQ_ACTION_EXIT);
         round++) {
        fixture_tick (self, 100000);
        s_answer_recovery (self, &vector);
    }
    cr_assert (strstr (fixture_only (self, ZSEQ_ACTION_EXIT)->text,
                       "has had all incarnations that there are"));
    fixture_destroy (&self);
}

//  Otherwise two processes of one name would begin incarnations forever.
Test (node, ends_when_each_of_its_incarnations_was_there_already)
{
    zseq_sequence_t *sequence;
    fixture_t *self = s_recovering_with (&sequence);
    fixture_persisted (self, sequence, 11, ZSEQ_OK);
    zseq_vector_t vector = self->record.vector;
    const fixture_seen_t *end = NULL;
    for (int tick = 0; tick < 1000 && !end; tick++) {
        fixture_write_record (self);
        fixture_tick (self, 100000);
        for (uint8_t peer = 1; peer < 3 && !end; peer++) {
            int ask = fixture_asked (self, peer);
            if (ask < 0)
                continue;
            zseq_msg_t reply = s_copied (self, &self->seen[ask], &vector);
            if (reply.op != ZSEQ_OP_HELLO) {
                reply.status = ZSEQ_ESUPERSEDED;
                reply.vector.incarnation[0].counter++;
            }
            fixture_answer (self, peer, &reply);
            end = fixture_find (self, ZSEQ_ACTION_EXIT);
        }
    }
    cr_assert_not_null (end);
    cr_assert_eq (end->status, ZSEQ_ESUPERSEDED);
    cr_assert (strstr (end->text, "has begun 32 recoveries, and each time a "
                                  "newer incarnation of it was there already"));
    fixture_destroy (&self);
}

Test (node, leaves_a_directory_alone_that_belongs_to_another_cluster)
{
    zseq_sequence_t *sequence;
    fixture_t *self = s_recovering_with (&sequence);
    fixture_persisted (self, sequence, 11, ZSEQ_OK);
    fixture_write_record (self);
    fixture_tick (self, 100000);
    zseq_msg_t reply[3];
    for (uint8_t peer = 1; peer < 3; peer++) {
        int ask = fixture_asked (self, peer);
        cr_assert_geq (ask, 0);
        zseq_vector_t vector = self->record.vector;
        reply[peer] = s_copied (self, &self->seen[ask], &vector);
        reply[peer].cluster = 43;
    }
    fixture_answer (self, 1, &reply[1]);
    cr_assert_null (fixture_find (self, ZSEQ_ACTION_EXIT));
    fixture_answer (self, 2, &reply[2]);
    const fixture_seen_t *end = fixture_find (self, ZSEQ_ACTION_EXIT);
    cr_assert_not_null (end);
    cr_assert_eq (end->status, ZSEQ_EFOREIGN);
    cr_assert (strstr (end->text, "belongs to another cluster than its peers, "
                                  "and is left untouched"));
    fixture_destroy (&self);
}

//  Otherwise an operator's floor would be lost when nodes recover one by one.
Test (node, votes_after_a_recovery_with_the_floors_of_those_it_copied_from)
{
    fixture_t *self = fixture_voter ();
    zseq_vector_t vector = self->record.vector;
    vector.incarnation[0] = (zseq_incarnation_t){2, 99};
    fixture_hear_vector (self, 1, &vector);
    fixture_flush (self);
    const fixture_seen_t *persist =
      fixture_find (self, ZSEQ_ACTION_PERSIST_RECORD);
    cr_assert_not_null (persist);
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_RECORD_PERSISTED,
                                       .version = persist->version});
    s_floor = 500;
    s_recover (self, &vector);
    cr_assert (self->record.voting);
    cr_assert_eq (self->record.floor, 500);
    cr_assert_eq (self->record.floor_reserved, 500);
    fixture_destroy (&self);
}

Test (node,
      recovers_when_a_newer_incarnation_of_it_exists_and_ends_the_second_time)
{
    fixture_t *self = fixture_voter ();
    zseq_vector_t vector = self->record.vector;
    vector.incarnation[0] = (zseq_incarnation_t){2, 99};
    fixture_hear_vector (self, 1, &vector);
    cr_assert_null (fixture_find (self, ZSEQ_ACTION_EXIT));
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_RECOVERING);
    fixture_flush (self);
    const fixture_seen_t *persist =
      fixture_find (self, ZSEQ_ACTION_PERSIST_RECORD);
    cr_assert_not_null (persist);
    cr_assert (!persist->record.voting);
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_RECORD_PERSISTED,
                                       .version = persist->version});
    s_recover (self, &vector);
    cr_assert_eq (self->record.vector.incarnation[0].counter, 3);

    vector.incarnation[0] = (zseq_incarnation_t){4, 99};
    fixture_hear_vector (self, 1, &vector);
    const fixture_seen_t *end = fixture_find (self, ZSEQ_ACTION_EXIT);
    cr_assert_not_null (end);
    cr_assert_eq (end->status, ZSEQ_ESUPERSEDED);
    fixture_destroy (&self);
}

//  Only one peer knows the newer incarnation, and it is not among those that
//  answer.
Test (node, takes_a_incarnation_above_the_one_that_it_heard_of)
{
    fixture_t *self = fixture_voter ();
    zseq_vector_t vector = self->record.vector;
    zseq_vector_t newer = vector;
    newer.incarnation[0] = (zseq_incarnation_t){2, 99};
    fixture_hear_vector (self, 1, &newer);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_RECOVERING);
    fixture_write_record (self);
    s_recover (self, &vector);
    cr_assert_eq (self->record.vector.incarnation[0].counter, 3);
    fixture_destroy (&self);
}

//  S5: an answer arrives while the vote is being written.
Test (node, does_not_vote_when_a_late_answer_shows_a_newer_incarnation)
{
    zseq_record_t record = fixture_record (5, 0);
    for (uint8_t index = 0; index < 5; index++)
        record.vector.incarnation[index] =
          (zseq_incarnation_t){1, 1000u + index};
    record.identity = 42;
    fixture_t *self = fixture_new (&record, 100, 100);
    zseq_vector_t vector = record.vector;
    fixture_seen_t late = {0};
    const fixture_seen_t *persist = NULL;
    for (int round = 0; round < 10; round++) {
        fixture_tick (self, 100000);
        for (int question = 0; question < 3; question++) {
            for (size_t index = 0; index < self->count; index++) {
                fixture_seen_t *seen = &self->seen[index];
                if (seen->type != ZSEQ_ACTION_ASK || seen->peer != 4)
                    continue;
                late = *seen;
                seen->type = ZSEQ_ACTION_LOG;
            }
            s_answer_recovery (self, &vector);
            fixture_flush (self);
            persist = fixture_find (self, ZSEQ_ACTION_PERSIST_RECORD);
            if (persist && persist->record.voting)
                break;
            if (persist)
                fixture_step (
                  self, (zseq_event_t){.type = ZSEQ_EVENT_RECORD_PERSISTED,
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
    reply.vector.incarnation[0] = (zseq_incarnation_t){9, 9};
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_PEER_REPLY,
                                       .sender = zseq_sender_peer (4),
                                       .msg = &reply});
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_RECORD_PERSISTED,
                                       .version = version});
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_RECOVERING);
    fixture_flush (self);
    cr_assert (!fixture_find (self, ZSEQ_ACTION_PERSIST_RECORD)->record.voting);
    fixture_destroy (&self);
}

//  S8: the vote is handed to the disk after a sync of all deferred writes, so a
//  later write must not be deferred.
//
//  Makes a node of five that has recovered and whose vote is on its way to the
//  disk. The last peer's answer to COPY is still to come.
static fixture_t *
s_recovered_but (fixture_seen_t *vote, zseq_msg_t *page)
{
    zseq_record_t record = fixture_record (5, 0);
    zseq_record_reset (&record, 0);
    fixture_t *self = fixture_new (&record, 100, 100);
    zseq_vector_t vector = {.n = 5};
    for (uint8_t index = 0; index < 5; index++)
        vector.incarnation[index] = (zseq_incarnation_t){1, 1000u + index};
    fixture_seen_t held = {.peer = 0};
    memset (vote, 0, sizeof *vote);
    for (int round = 0; round < 20 && !vote->record.voting; round++) {
        fixture_tick (self, 100000);
        s_answer_recovery_but (self, &vector, &held);
        fixture_flush (self);
        const fixture_seen_t *persist =
          fixture_find (self, ZSEQ_ACTION_PERSIST_RECORD);
        if (!persist)
            continue;
        *vote = *persist;
        if (!vote->record.voting)
            fixture_step (self,
                          (zseq_event_t){.type = ZSEQ_EVENT_RECORD_PERSISTED,
                                         .version = vote->version});
    }
    cr_assert (vote->record.voting);
    cr_assert_eq (held.peer, 4);
    *page = s_copied (self, &held, &vector);
    return self;
}

//  Found by fuzzing: the node took the answer for a report of another process,
//  and ended.
Test (node, ignores_what_a_recovery_asked_and_is_answered_after_its_end)
{
    fixture_seen_t vote;
    zseq_msg_t page;
    fixture_t *self = s_recovered_but (&vote, &page);
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_RECORD_PERSISTED,
                                       .version = vote.version});
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_VOTING);
    page.status = ZSEQ_ESUPERSEDED;
    fixture_answer (self, 4, &page);
    cr_assert_eq (self->count, 0);
    fixture_destroy (&self);
}

Test (node, syncs_a_page_that_comes_after_its_vote_was_handed_to_the_disk)
{
    fixture_seen_t vote;
    zseq_msg_t page;
    fixture_t *self = s_recovered_but (&vote, &page);
    zseq_item_t item = {{"late", 4}, 11};
    page.copy.page.items = &item;
    page.copy.page.item_count = 1;
    fixture_answer (self, 4, &page);
    fixture_flush (self);
    const fixture_seen_t *write = fixture_find (self, ZSEQ_ACTION_PERSIST);
    cr_assert_not_null (write);
    cr_assert (!write->deferred);
    zseq_sequence_t *sequence = write->sequence;
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_RECORD_PERSISTED,
                                       .version = vote.version});
    fixture_persisted (self, sequence, 11, ZSEQ_OK);
    fixture_destroy (&self);
}

//  A node lost its state. The voter that answers first is of another cluster
//  with the same names.
Test (node, recovers_from_the_cluster_that_enough_voters_are_of)
{
    zseq_record_t record = fixture_record (5, 0);
    zseq_record_reset (&record, 0);
    fixture_t *self = fixture_new (&record, 100, 100);
    zseq_vector_t vector = {.n = 5};
    for (uint8_t index = 0; index < 5; index++)
        vector.incarnation[index] = (zseq_incarnation_t){1, 1000u + index};
    fixture_tick (self, 0);
    for (size_t index = 0; index < self->count; index++) {
        fixture_seen_t *seen = &self->seen[index];
        if (seen->type != ZSEQ_ACTION_ASK || seen->peer != 1)
            continue;
        zseq_msg_t reply = seen->msg;
        reply.reply = true;
        reply.status = ZSEQ_OK;
        reply.node = 1;
        reply.cluster = 41;
        reply.vector = vector;
        reply.vector.incarnation[2] = (zseq_incarnation_t){99, 99};
        reply.hello.state = ZSEQ_STATE_VOTING;
        reply.hello.members = fixture_members (self);
        seen->type = ZSEQ_ACTION_LOG;
        fixture_seen_t rest[ACTIONS_MAX];
        size_t count = self->count;
        memcpy (rest, self->seen, count * sizeof *rest);
        fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_PEER_REPLY,
                                           .sender = zseq_sender_peer (1),
                                           .msg = &reply});
        memcpy (self->seen, rest, count * sizeof *rest);
        self->count = count;
        break;
    }
    s_recover (self, &vector);
    cr_assert_eq (zseq_node_record (self->node)->identity, 42);
    cr_assert_eq (zseq_node_record (self->node)->vector.incarnation[2].counter,
                  1);
    fixture_destroy (&self);
}

//  Found by the simulator: the node gave up its vote because an endpoint had
//  moved, could not recover, and ended.
Test (node, told_to_recover_leaves_its_record_until_it_can_begin)
{
    zseq_record_t record = fixture_voting_record ();
    fixture_t *self = fixture_new (&record, 100, 100);
    zseq_member_t moved = record.members.member[1];
    snprintf (moved.endpoint, sizeof moved.endpoint, "tcp://127.0.0.1:4711");
    cr_assert (zseq_node_move (self->node, &moved));
    zseq_node_recover (self->node, "it was told to", NULL);
    fixture_tick (self, 0);
    fixture_flush (self);
    cr_assert_null (fixture_find (self, ZSEQ_ACTION_PERSIST_RECORD));
    fixture_destroy (&self);
}

//  A forced floor binds the peers that put the new incarnation in force. They
//  must learn it then, because the forced node stops as soon as it votes (zseqd
//  recover).
Test (start, a_forced_floor_is_told_with_the_new_incarnation)
{
    zseq_record_t record = fixture_voting_record ();
    fixture_t *self = fixture_new (&record, 100, 100);
    zseq_force_t force = {.floor = 500, .wait_us = 1000000};
    zseq_node_recover (self->node, "it was told to", &force);
    zseq_vector_t vector = record.vector;
    bool fenced = false;
    for (int round = 0; round < 10 && !fenced; round++) {
        fixture_tick (self, 100000);
        for (size_t index = 0; index < self->count; index++)
            fenced |= self->seen[index].type == ZSEQ_ACTION_ASK &&
                      self->seen[index].msg.op == ZSEQ_OP_FENCE;
        if (fenced)
            break;
        s_answer_recovery (self, &vector);
        fixture_write_record (self);
        for (size_t index = 0; index < self->count; index++)
            fenced |= self->seen[index].type == ZSEQ_ACTION_ASK &&
                      self->seen[index].msg.op == ZSEQ_OP_FENCE;
    }
    cr_assert (fenced);
    cr_assert_eq (self->record.vector.incarnation[0].counter, 1002);
    //  A peer asks at the node's endpoint, as it does before it answers FENCE
    //  with 0.
    zseq_msg_t ask = fixture_request (ZSEQ_OP_INTRODUCE, "", 5);
    ask.node = 1;
    ask.introduce.members = fixture_members (self);
    ask.vector = vector;
    ask.introduce.state = ZSEQ_STATE_VOTING;
    ask.introduce.process = 99;
    fixture_send (self, &ask);
    const fixture_seen_t *reply = fixture_find (self, ZSEQ_ACTION_REPLY);
    cr_assert_not_null (reply);
    cr_assert_eq (reply->msg.status, ZSEQ_OK);
    cr_expect_eq (reply->msg.introduce.floor, 500, "b goes on below the floor");
    fixture_destroy (&self);
}

//  b recovered, so the node expected b to ask. Then b votes without having
//  asked: b does not know the new incarnation yet.
Test (start, force_counts_no_peer_that_recovered_and_votes_by_now)
{
    zseq_record_t record = fixture_voting_record ();
    fixture_t *self = fixture_new (&record, 100, 100);
    zseq_force_t force = {.floor = 500, .wait_us = 1000000, .lost = 1u << 2};
    zseq_node_recover (self->node, "it was told to", &force);
    bool fenced = false;
    bool ended = false;
    for (int round = 0; round < 40 && !ended; round++) {
        fixture_tick (self, 100000);
        ended = fixture_find (self, ZSEQ_ACTION_EXIT) != NULL;
        const fixture_seen_t *ask = fixture_find (self, ZSEQ_ACTION_ASK);
        while (ask && ask < self->seen + self->count &&
               (ask->type != ZSEQ_ACTION_ASK || ask->peer != 1))
            ask++;
        if (ask && ask < self->seen + self->count) {
            fixture_seen_t asked = *ask;
            zseq_msg_t reply = s_copied (self, &asked, &record.vector);
            if (asked.msg.op == ZSEQ_OP_HELLO) {
                reply.hello.state = ZSEQ_STATE_RECOVERING;
                reply.hello.speaks = ZSEQ_WIRE_VERSION;
            }
            if (asked.msg.op == ZSEQ_OP_FENCE) {
                reply.status = ZSEQ_EAGAIN;
                fenced = true;
            }
            fixture_answer (self, 1, &reply);
        }
        fixture_write_record (self);
        fixture_flush (self);
    }
    cr_expect (fenced);
    cr_expect (ended, "b votes, and does not know the new incarnation");
    cr_expect (!self->record.voting);
    fixture_destroy (&self);
}

//  An answer from before a recovery says nothing about the new incarnation,
//  which has no start yet.
Test (start, answers_of_before_a_recovery_note_nothing_after_it)
{
    fixture_t *self = fixture_voter ();
    zseq_vector_t vector = self->record.vector;
    vector.incarnation[0] = (zseq_incarnation_t){2, 99};
    vector.start[0] = (zseq_start_t){0, 0};
    fixture_hear_vector (self, 1, &vector);
    fixture_write_record (self);
    s_recover (self, &vector);
    cr_assert_eq (self->record.vector.start[0].counter, 0);
    //  Since then only b has answered INTRODUCE, with a floor.
    fixture_tick (self, 60000000);
    zseq_msg_t b = fixture_introduction (self, 1);
    b.introduce.floor = 500;
    b.introduce.seen = 0;
    fixture_answer (self, 1, &b);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING);
    fixture_write_record (self);
    fixture_tick (self, 0);
    fixture_write_record (self);
    cr_expect_eq (zseq_node_state (self->node), ZSEQ_STATE_STARTING,
                  "c answered before the recovery");
    fixture_destroy (&self);
}
