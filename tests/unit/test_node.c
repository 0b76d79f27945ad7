//  Tests a node, one step at a time: what it answers while it does not vote or
//  is told to stop, and what it writes.

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "zseq_node_fixture.h"

Test (node, refuses_another_cluster)
{
    fixture_t *self = fixture_voter ();
    zseq_msg_t read = fixture_request (ZSEQ_OP_READ, "orders", 5);
    read.cluster = 43;
    fixture_send (self, &read);
    const fixture_seen_t *reply = fixture_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.status, ZSEQ_ECLUSTER);
    cr_assert_eq (reply->msg.cluster, 42);
    fixture_destroy (&self);
}

Test (node, takes_part_in_nothing_while_it_does_not_vote)
{
    zseq_record_t record = fixture_record (3, 0);
    fixture_t *self = fixture_new (&record, 10, 10);
    fixture_tick (self, 0);
    zseq_op_t ops[] = {ZSEQ_OP_READ, ZSEQ_OP_CLAIM, ZSEQ_OP_RAISE,
                       ZSEQ_OP_LIST};
    for (size_t index = 0; index < 4; index++) {
        zseq_msg_t msg = fixture_request (ops[index], "orders", 5);
        if (ops[index] == ZSEQ_OP_CLAIM)
            msg.claim.first = msg.claim.count = 1;
        else if (ops[index] == ZSEQ_OP_RAISE)
            msg.raise.to = 1;
        else if (ops[index] == ZSEQ_OP_LIST)
            msg.list.count = 1;
        fixture_send (self, &msg);
        cr_assert_eq (fixture_only (self, ZSEQ_ACTION_REPLY)->msg.status,
                      ZSEQ_ENOTVOTING);
    }
    fixture_destroy (&self);
}

Test (node, finishes_what_it_granted_after_it_was_told_to_stop)
{
    fixture_t *self = fixture_voter ();
    fixture_claim (self, "orders", 1, 10);
    fixture_flush (self);
    zseq_sequence_t *sequence =
      fixture_only (self, ZSEQ_ACTION_PERSIST)->sequence;
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_STOP});
    fixture_claim (self, "orders", 11, 1);
    cr_assert_eq (fixture_only (self, ZSEQ_ACTION_REPLY)->msg.status,
                  ZSEQ_ENOTVOTING);
    cr_assert (!zseq_node_idle (self->node));
    fixture_persisted (self, sequence, 11, ZSEQ_OK);
    cr_assert_eq (fixture_only (self, ZSEQ_ACTION_REPLY)->msg.status, ZSEQ_OK);
    cr_assert (zseq_node_idle (self->node));
    fixture_destroy (&self);
}

Test (node, writes_again_what_the_disk_has_lost)
{
    fixture_t *self = fixture_voter ();
    zseq_sequence_t *sequence = fixture_claim_durably (self, "orders", 1, 10);
    fixture_flush (self);
    cr_assert_eq (self->count, 0);
    zseq_event_t damaged = {.type = ZSEQ_EVENT_DAMAGED, .sequence = sequence};
    fixture_step (self, damaged);
    fixture_flush (self);
    const fixture_seen_t *persist = fixture_only (self, ZSEQ_ACTION_PERSIST);
    cr_assert_eq (persist->sequence, sequence);
    cr_assert_eq (persist->durable_to, 11);
    //  One write repairs the sequence's value, which does not change.
    fixture_step (self, damaged);
    fixture_persisted (self, sequence, 11, ZSEQ_OK);
    fixture_flush (self);
    cr_assert_eq (self->count, 0);
    cr_assert (zseq_node_idle (self->node));

    //  The same holds for the node's record.
    damaged.sequence = NULL;
    fixture_step (self, damaged);
    fixture_flush (self);
    cr_assert (fixture_only (self, ZSEQ_ACTION_PERSIST_RECORD)->record.voting);
    fixture_destroy (&self);
}

Test (node, writes_nothing_again_while_it_does_not_vote)
{
    zseq_record_t record = fixture_record (3, 0);
    fixture_t *self = fixture_new (&record, 10, 10);
    fixture_tick (self, 0);
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_DAMAGED});
    fixture_flush (self);
    cr_assert_eq (self->count, 0);
    fixture_destroy (&self);
}

//  Peers note starts, which needs disk space. A full disk must not end them.
Test (node, goes_on_when_there_is_no_room_for_its_record)
{
    fixture_t *self = fixture_voter ();
    fixture_tick (self, 2000000);
    zseq_msg_t b = fixture_introduction (self, 1);
    b.vector.start[1] = (zseq_start_t){7, 70};
    fixture_answer (self, 1, &b);
    fixture_flush (self);
    uint64_t version = fixture_only (self, ZSEQ_ACTION_PERSIST_RECORD)->version;
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_RECORD_PERSISTED,
                                       .version = version,
                                       .status = ZSEQ_ENOSPACE,
                                       .why = "/d/node: write: No space"});
    cr_assert (strstr (fixture_only (self, ZSEQ_ACTION_LOG)->text,
                       "cannot be written: /d/node: write: No space; make room "
                       "on the disk, or raise the limit of open files; until "
                       "then peers that start may have to wait"));
    fixture_flush (self);
    cr_assert_eq (self->count, 0);
    zseq_msg_t status = fixture_request (ZSEQ_OP_STATUS, "", 8);
    fixture_send (self, &status);
    cr_assert_str_eq (fixture_only (self, ZSEQ_ACTION_REPLY)->reason,
                      "cannot note starts of peers: No space");
    fixture_claim_durably (self, "orders", 1, 1);
    //  The node tries again, and logs nothing more.
    fixture_tick (self, 1000000);
    fixture_flush (self);
    const fixture_seen_t *persist =
      fixture_find (self, ZSEQ_ACTION_PERSIST_RECORD);
    cr_assert_not_null (persist);
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_RECORD_PERSISTED,
                                       .version = persist->version,
                                       .status = ZSEQ_ENOSPACE});
    cr_assert_eq (self->count, 0);
    fixture_tick (self, 1000000);
    fixture_write_record (self);
    cr_assert_eq (self->record.vector.start[1].counter, 7);
    fixture_destroy (&self);
}

Test (node, moves_a_member_and_says_so_on_disk)
{
    zseq_record_t record = fixture_record (1, 0);
    record.identity = 42;
    record.voting = true;
    fixture_t *self = fixture_new (&record, 10, 10);
    zseq_member_t member = record.members.member[0];
    cr_assert (!zseq_node_move (self->node, &member));
    snprintf (member.endpoint, sizeof member.endpoint, "tcp://127.0.0.1:7");
    cr_assert (zseq_node_move (self->node, &member));
    fixture_tick (self, 0);
    fixture_flush (self);
    const fixture_seen_t *persist =
      fixture_only (self, ZSEQ_ACTION_PERSIST_RECORD);
    cr_assert_str_eq (persist->record.members.member[0].endpoint,
                      "tcp://127.0.0.1:7");
    fixture_destroy (&self);
}
