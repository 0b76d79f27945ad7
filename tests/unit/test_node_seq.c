//  Tests a node, one step at a time: READ, CLAIM, RAISE and LIST.
//
//  A test makes a voting node (fixture_voter) and plays its clients and its
//  disk. fixture_claim sends a CLAIM, and fixture_flush ends the turn, which
//  makes the node write. fixture_persisted reports the write's end. After a
//  step, fixture_only and fixture_find return the actions: PERSIST with the
//  value to write, REPLY with the message to send. fixture_claim_durably does
//  all of it.

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "zseq_node_fixture.h"

Test (node, replies_only_when_the_claim_is_durable)
{
    fixture_t *self = fixture_voter ();
    fixture_claim (self, "orders", 1, 10);
    cr_assert_eq (self->count, 0);
    fixture_flush (self);
    const fixture_seen_t *persist = fixture_only (self, ZSEQ_ACTION_PERSIST);
    cr_assert_eq (persist->durable_to, 11);
    zseq_sequence_t *sequence = persist->sequence;
    cr_assert_str_eq (zseq_sequence_name (sequence), "orders");
    cr_assert (!zseq_node_idle (self->node));
    fixture_persisted (self, sequence, 11, ZSEQ_OK);
    const fixture_seen_t *reply = fixture_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.op, ZSEQ_OP_CLAIM);
    cr_assert_eq (reply->msg.request, 901);
    cr_assert_eq (reply->msg.status, ZSEQ_OK);
    cr_assert_eq (reply->msg.claim.next, 11);
    cr_assert_eq (reply->msg.claim.first, 1);
    cr_assert_eq (reply->msg.claim.count, 10);
    cr_assert_eq (reply->msg.cluster, 42);
    cr_assert_eq (reply->msg.vector.incarnation[2].random, 1002);
    cr_assert_eq (reply->sender.route.size, 5);
    cr_assert (zseq_node_idle (self->node));
    fixture_destroy (&self);
}

Test (node, writes_a_name_once_for_all_claims_of_a_flush)
{
    fixture_t *self = fixture_voter ();
    for (uint64_t first = 1; first <= 10; first++)
        fixture_claim (self, "orders", first, 1);
    fixture_flush (self);
    const fixture_seen_t *persist = fixture_only (self, ZSEQ_ACTION_PERSIST);
    cr_assert_eq (persist->durable_to, 11);
    fixture_persisted (self, persist->sequence, 11, ZSEQ_OK);
    cr_assert_eq (self->count, 10);
    for (uint64_t first = 1; first <= 10; first++) {
        cr_assert_eq (self->seen[first - 1].msg.request, 900 + first);
        cr_assert_eq (self->seen[first - 1].msg.claim.next, first + 1);
    }
    fixture_destroy (&self);
}

Test (node, has_one_write_of_a_name_in_flight)
{
    fixture_t *self = fixture_voter ();
    fixture_claim (self, "orders", 1, 1);
    fixture_flush (self);
    zseq_sequence_t *sequence =
      fixture_only (self, ZSEQ_ACTION_PERSIST)->sequence;
    fixture_claim (self, "orders", 2, 1);
    fixture_flush (self);
    cr_assert_eq (self->count, 0);
    fixture_persisted (self, sequence, 2, ZSEQ_OK);
    cr_assert_eq (fixture_only (self, ZSEQ_ACTION_REPLY)->msg.claim.first, 1);
    fixture_flush (self);
    cr_assert_eq (fixture_only (self, ZSEQ_ACTION_PERSIST)->durable_to, 3);
    fixture_persisted (self, sequence, 3, ZSEQ_OK);
    cr_assert_eq (fixture_only (self, ZSEQ_ACTION_REPLY)->msg.claim.first, 2);
    fixture_destroy (&self);
}

Test (node, refuses_a_claim_below_next_and_says_where_to_start)
{
    fixture_t *self = fixture_voter ();
    fixture_claim_durably (self, "orders", 1, 10);
    fixture_claim (self, "orders", 10, 5);
    const fixture_seen_t *reply = fixture_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.status, ZSEQ_ECONFLICT);
    cr_assert_eq (reply->msg.claim.next, 11);
    zseq_msg_t status = fixture_request (ZSEQ_OP_STATUS, "", 7);
    fixture_send (self, &status);
    cr_assert_eq (
      fixture_only (self, ZSEQ_ACTION_REPLY)->msg.node_status.claims, 1);
    cr_assert_eq (
      fixture_only (self, ZSEQ_ACTION_REPLY)->msg.node_status.conflicts, 1);
    fixture_destroy (&self);
}

Test (node, hands_out_the_counters_that_status_tells)
{
    fixture_t *self = fixture_voter ();
    fixture_claim_durably (self, "orders", 1, 10);
    fixture_claim_durably (self, "invoices", 1, 1);
    fixture_claim (self, "orders", 5, 10);
    zseq_node_stats_t stats;
    zseq_node_stats (self->node, &stats);
    cr_assert_eq (stats.sequences, 2);
    cr_assert_eq (stats.claims, 2);
    cr_assert_eq (stats.conflicts, 1);
    cr_assert_eq (stats.burnt, 0);
    zseq_msg_t status = fixture_request (ZSEQ_OP_STATUS, "", 7);
    fixture_send (self, &status);
    const zseq_msg_t *reply = &fixture_only (self, ZSEQ_ACTION_REPLY)->msg;
    cr_assert_eq (reply->node_status.sequences, stats.sequences);
    cr_assert_eq (reply->node_status.claims, stats.claims);
    cr_assert_eq (reply->node_status.conflicts, stats.conflicts);
    cr_assert_eq (reply->node_status.burnt, stats.burnt);
    fixture_destroy (&self);
}

Test (node, answers_whoever_sent_the_request)
{
    fixture_t *self = fixture_voter ();
    zseq_msg_t msg = fixture_request (ZSEQ_OP_STATUS, "", 7);
    zseq_sender_t local = {.type = ZSEQ_SENDER_LOCAL};
    fixture_step (
      self,
      (zseq_event_t){.type = ZSEQ_EVENT_REQUEST, .sender = local, .msg = &msg});
    cr_assert_eq (fixture_only (self, ZSEQ_ACTION_REPLY)->sender.type,
                  ZSEQ_SENDER_LOCAL);
    zseq_sender_t far = {.route = {3, {7, 8, 9}}};
    fixture_step (
      self,
      (zseq_event_t){.type = ZSEQ_EVENT_REQUEST, .sender = far, .msg = &msg});
    const fixture_seen_t *seen = fixture_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (seen->sender.type, ZSEQ_SENDER_CONNECTION);
    cr_assert_eq (seen->sender.route.size, 3);
    cr_assert (!memcmp (seen->sender.route.id, far.route.id, 3));
    fixture_destroy (&self);
}

Test (node, refuses_a_claim_past_the_end)
{
    fixture_t *self = fixture_voter ();
    fixture_claim (self, "orders", ZSEQ_ID_MAX, 2);
    cr_assert_eq (fixture_only (self, ZSEQ_ACTION_REPLY)->msg.status,
                  ZSEQ_EEXHAUSTED);
    fixture_claim_durably (self, "orders", ZSEQ_ID_MAX, 1);
    fixture_destroy (&self);
}

Test (node, answers_a_read_when_what_it_found_is_durable)
{
    fixture_t *self = fixture_voter ();
    fixture_claim (self, "orders", 1, 10);
    fixture_flush (self);
    zseq_sequence_t *sequence =
      fixture_only (self, ZSEQ_ACTION_PERSIST)->sequence;
    zseq_msg_t read = fixture_request (ZSEQ_OP_READ, "orders", 5);
    fixture_send (self, &read);
    cr_assert_eq (self->count, 0);
    fixture_persisted (self, sequence, 11, ZSEQ_OK);
    cr_assert_eq (self->count, 2);
    cr_assert_eq (self->seen[1].msg.request, 5);
    cr_assert_eq (self->seen[1].msg.read.next, 11);
    fixture_send (self, &read);
    cr_assert_eq (zseq_msg_next (&fixture_only (self, ZSEQ_ACTION_REPLY)->msg),
                  11);
    fixture_destroy (&self);
}

Test (node, spends_no_memory_on_names_that_are_only_read)
{
    fixture_t *self = fixture_voter ();
    zseq_msg_t msg = fixture_request (ZSEQ_OP_READ, "orders", 5);
    fixture_send (self, &msg);
    cr_assert_eq (zseq_msg_next (&fixture_only (self, ZSEQ_ACTION_REPLY)->msg),
                  1);
    msg = fixture_request (ZSEQ_OP_RAISE, "orders", 6);
    msg.raise.to = 1;
    fixture_send (self, &msg);
    cr_assert_eq (zseq_msg_next (&fixture_only (self, ZSEQ_ACTION_REPLY)->msg),
                  1);
    msg = fixture_request (ZSEQ_OP_STATUS, "", 7);
    fixture_send (self, &msg);
    cr_assert_eq (
      fixture_only (self, ZSEQ_ACTION_REPLY)->msg.node_status.sequences, 0);
    fixture_destroy (&self);
}

Test (node, raises_and_never_lowers)
{
    fixture_t *self = fixture_voter ();
    zseq_sequence_t *sequence = fixture_claim_durably (self, "orders", 1, 10);
    zseq_msg_t raise = fixture_request (ZSEQ_OP_RAISE, "orders", 5);
    raise.raise.to = 100;
    fixture_send (self, &raise);
    cr_assert_eq (self->count, 0);
    fixture_flush (self);
    cr_assert_eq (fixture_only (self, ZSEQ_ACTION_PERSIST)->durable_to, 100);
    fixture_persisted (self, sequence, 100, ZSEQ_OK);
    cr_assert_eq (zseq_msg_next (&fixture_only (self, ZSEQ_ACTION_REPLY)->msg),
                  100);
    raise.raise.to = 50;
    fixture_send (self, &raise);
    cr_assert_eq (zseq_msg_next (&fixture_only (self, ZSEQ_ACTION_REPLY)->msg),
                  100);
    fixture_destroy (&self);
}

//  Asks for the status of a node that votes. Returns its reason.
static const char *
s_reason (fixture_t *self)
{
    zseq_msg_t msg = {.op = ZSEQ_OP_STATUS, .request = 7};
    fixture_send (self, &msg);
    const fixture_seen_t *seen = fixture_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (seen->msg.node_status.state, ZSEQ_STATE_VOTING);
    return seen->reason;
}

//  Ends the write of a sequence as a full disk does.
static void
s_refuse (fixture_t *self, zseq_sequence_t *sequence, uint64_t durable_to)
{
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_PERSISTED,
                                       .sequence = sequence,
                                       .durable_to = durable_to,
                                       .status = ZSEQ_ENOSPACE,
                                       .why = "/d/seq: write: No space left"});
}

//  The last write of a turn that begins after us microseconds; NULL: none.
static const fixture_seen_t *
s_write_after (fixture_t *self, uint64_t us)
{
    fixture_tick (self, us);
    fixture_flush (self);
    return fixture_find (self, ZSEQ_ACTION_PERSIST);
}

Test (node, tells_once_that_its_disk_refuses_and_that_it_takes_again)
{
    fixture_t *self = fixture_voter ();
    cr_assert_str_empty (s_reason (self));
    fixture_claim (self, "orders", 1, 10);
    fixture_flush (self);
    zseq_sequence_t *sequence =
      fixture_only (self, ZSEQ_ACTION_PERSIST)->sequence;
    s_refuse (self, sequence, 11);
    const fixture_seen_t *log = fixture_find (self, ZSEQ_ACTION_LOG);
    cr_assert_eq (log->level, ZSEQ_LOG_WARNING);
    cr_assert (strstr (log->text, "the node refuses claims that need its disk, "
                                  "which takes no more: /d/seq: write: No"));
    cr_assert_str_eq (s_reason (self), "refuses claims: No space left");
    //  The node tries again each second, though nobody claims.
    cr_assert_null (s_write_after (self, 900000));
    cr_assert_eq (s_write_after (self, 100000)->sequence, sequence);
    s_refuse (self, sequence, 11);
    cr_assert_eq (self->count, 0);
    const fixture_seen_t *again = s_write_after (self, 1000000);
    fixture_persisted (self, again->sequence, again->durable_to, ZSEQ_OK);
    log = fixture_only (self, ZSEQ_ACTION_LOG);
    cr_assert_eq (log->level, ZSEQ_LOG_INFO);
    cr_assert (strstr (log->text, "takes what the node writes again"));
    cr_assert_str_empty (s_reason (self));
    cr_assert_null (s_write_after (self, 2000000));
    fixture_destroy (&self);
}

//  What fits, as the file is there, does not end it for what does not.
Test (node, goes_on_to_refuse_while_another_sequence_is_written)
{
    fixture_t *self = fixture_voter ();
    zseq_sequence_t *fits = fixture_claim_durably (self, "orders", 1, 1);
    fixture_claim (self, "invoices", 1, 1);
    fixture_flush (self);
    zseq_sequence_t *sequence =
      fixture_only (self, ZSEQ_ACTION_PERSIST)->sequence;
    s_refuse (self, sequence, 2);
    self->now_us += 1100000;
    cr_assert_eq (fixture_claim_durably (self, "orders", 2, 1), fits);
    cr_assert_str_eq (s_reason (self), "refuses claims: No space left");
    cr_assert_eq (s_write_after (self, 0)->sequence, sequence);
    fixture_destroy (&self);
}

Test (node, refuses_what_the_disk_has_no_room_for_and_forgets_nothing)
{
    fixture_t *self = fixture_voter ();
    fixture_claim (self, "orders", 1, 10);
    fixture_flush (self);
    zseq_sequence_t *sequence =
      fixture_only (self, ZSEQ_ACTION_PERSIST)->sequence;
    fixture_persisted (self, sequence, 11, ZSEQ_ENOSPACE);
    cr_assert_eq (fixture_find (self, ZSEQ_ACTION_REPLY)->msg.status,
                  ZSEQ_ENOSPACE);
    fixture_claim (self, "orders", 1, 1);
    cr_assert_eq (fixture_only (self, ZSEQ_ACTION_REPLY)->msg.status,
                  ZSEQ_ECONFLICT);
    fixture_claim (self, "orders", 11, 1);
    fixture_flush (self);
    cr_assert_eq (fixture_only (self, ZSEQ_ACTION_PERSIST)->durable_to, 12);
    fixture_destroy (&self);
}

Test (node, is_busy_when_too_many_wait_and_takes_nothing)
{
    zseq_record_t record = fixture_record (1, 0);
    record.identity = 42;
    record.voting = true;
    fixture_t *self = fixture_new (&record, 10, 2);
    fixture_tick (self, 0);
    fixture_claim_durably (self, "orders", 1, 1);
    fixture_claim (self, "orders", 2, 1);
    fixture_claim (self, "orders", 3, 1);
    cr_assert_eq (self->count, 0);
    fixture_claim (self, "orders", 4, 1);
    cr_assert_eq (fixture_only (self, ZSEQ_ACTION_REPLY)->msg.status,
                  ZSEQ_EBUSY);
    fixture_flush (self);
    cr_assert_eq (fixture_only (self, ZSEQ_ACTION_PERSIST)->durable_to, 4);
    fixture_destroy (&self);
}

//  A request of a client for a new name; how many of it are taken until the
//  node is busy.
static size_t
s_flood_of_names (fixture_t *self, char client, size_t requests)
{
    size_t taken = 0;
    for (size_t number = 0; number < requests; number++) {
        char name[32];
        snprintf (name, sizeof name, "flood-%c-%zu", client, number);
        zseq_msg_t msg = fixture_request (ZSEQ_OP_RAISE, name, 900);
        msg.raise.to = 7;
        zseq_event_t event = {.type = ZSEQ_EVENT_REQUEST, .msg = &msg};
        event.sender.route.size = 1;
        event.sender.route.id[0] = (uint8_t) client;
        fixture_step (self, event);
        taken += self->count == 0;
        if (self->count)
            cr_assert_eq (fixture_only (self, ZSEQ_ACTION_REPLY)->msg.status,
                          ZSEQ_EBUSY);
    }
    return taken;
}

Test (node, keeps_places_for_known_names_and_for_others_new_ones)
{
    zseq_record_t record = fixture_voting_record ();
    fixture_t *self = fixture_new (&record, 1000, 40);
    fixture_start (self);
    fixture_claim_durably (self, "orders", 1, 1);
    //  20 places for new names, 10 of them for one sender.
    cr_assert_eq (s_flood_of_names (self, 'x', 50), 10);
    cr_assert_eq (s_flood_of_names (self, 'y', 50), 10);
    cr_assert_eq (s_flood_of_names (self, 'z', 50), 0);
    fixture_claim (self, "orders", 2, 1);
    cr_assert_eq (self->count, 0);
    cr_assert_eq (zseq_node_count (self->node), 21);
    fixture_flush (self);
    cr_assert_eq (self->count, 21);
    //  Places that are free again are taken again.
    zseq_sequence_t *written[21];
    for (size_t at = 0; at < 21; at++)
        written[at] = self->seen[at].sequence;
    for (size_t at = 0; at < 21; at++)
        fixture_persisted (self, written[at], 7, ZSEQ_OK);
    cr_assert_eq (s_flood_of_names (self, 'z', 50), 10);
    fixture_destroy (&self);
}

//  However many new names wait to be written, a known one waits for few.
Test (node, writes_known_names_first_and_few_new_ones_at_once)
{
    static fixture_seen_t batch[ACTIONS_MAX];
    zseq_record_t record = fixture_voting_record ();
    fixture_t *self = fixture_new (&record, 10000, 10000);
    fixture_start (self);
    zseq_sequence_t *orders = fixture_claim_durably (self, "orders", 1, 1);
    cr_assert_eq (s_flood_of_names (self, 'x', 600), 600);
    fixture_claim (self, "orders", 2, 1);
    fixture_flush (self);
    cr_assert_eq (self->seen[0].sequence, orders);
    cr_assert_eq (self->count, 257);
    memcpy (batch, self->seen, sizeof batch);
    fixture_flush (self);
    cr_assert_eq (self->count, 0);
    //  Three are done: three others follow, refused or not.
    fixture_persisted (self, batch[1].sequence, 7, ZSEQ_OK);
    fixture_persisted (self, batch[2].sequence, 7, ZSEQ_OK);
    fixture_persisted (self, batch[3].sequence, 7, ZSEQ_ENOSPACE);
    fixture_flush (self);
    cr_assert_eq (self->count, 3);
    fixture_destroy (&self);
}

Test (node, holds_no_more_names_than_it_may)
{
    zseq_record_t record = fixture_record (1, 0);
    record.identity = 42;
    record.voting = true;
    fixture_t *self = fixture_new (&record, 1, 10);
    fixture_tick (self, 0);
    fixture_claim_durably (self, "orders", 1, 1);
    cr_assert_str_empty (s_reason (self));
    fixture_claim (self, "invoices", 1, 1);
    cr_assert_eq (fixture_find (self, ZSEQ_ACTION_REPLY)->msg.status,
                  ZSEQ_EFULL);
    const fixture_seen_t *log = fixture_find (self, ZSEQ_ACTION_LOG);
    cr_assert_eq (log->level, ZSEQ_LOG_WARNING);
    cr_assert (strstr (log->text, "refuses new sequences: it holds 1,"));
    //  It says so once, and in its status.
    fixture_claim (self, "receipts", 1, 1);
    cr_assert_eq (fixture_only (self, ZSEQ_ACTION_REPLY)->msg.status,
                  ZSEQ_EFULL);
    cr_assert_str_eq (s_reason (self),
                      "refuses new names: it holds its maximum");
    fixture_claim_durably (self, "orders", 2, 1);
    fixture_destroy (&self);
}

//  What the owner sees and the node does not: descriptors, memory.
Test (node, tells_what_troubles_its_process)
{
    fixture_t *self = fixture_voter ();
    zseq_node_set_trouble (self->node, "no descriptor is left");
    cr_assert_str_eq (s_reason (self), "no descriptor is left");
    fixture_claim (self, "orders", 1, 10);
    fixture_flush (self);
    s_refuse (self, fixture_only (self, ZSEQ_ACTION_PERSIST)->sequence, 11);
    cr_assert_str_eq (s_reason (self), "refuses claims: No space left; no "
                                       "descriptor is left");
    zseq_node_set_trouble (self->node, NULL);
    cr_assert_str_eq (s_reason (self), "refuses claims: No space left");
    fixture_destroy (&self);
}

Test (node, tells_trouble_behind_why_it_does_not_vote)
{
    zseq_record_t record = fixture_record (3, 0);
    fixture_t *self = fixture_new (&record, 10, 10);
    fixture_tick (self, 0);
    zseq_node_set_trouble (self->node, "no descriptor is left");
    zseq_msg_t msg = {.op = ZSEQ_OP_STATUS, .request = 7};
    fixture_send (self, &msg);
    cr_assert_str_eq (fixture_only (self, ZSEQ_ACTION_REPLY)->reason,
                      "formation: has not met b c; no descriptor is left");
    fixture_destroy (&self);
}

Test (node, starts_where_its_records_end)
{
    zseq_record_t record = fixture_record (1, 0);
    record.identity = 42;
    record.voting = true;
    fixture_t *self = fixture_new (&record, 10, 10);
    cr_assert_eq (zseq_node_load (self->node, "orders", 6, 500, 500), ZSEQ_OK);
    fixture_tick (self, 0);
    cr_assert (strstr (self->seen[0].text, "ready: node a votes"));
    fixture_claim (self, "orders", 499, 1);
    cr_assert_eq (zseq_msg_next (&fixture_only (self, ZSEQ_ACTION_REPLY)->msg),
                  500);
    fixture_claim_durably (self, "orders", 500, 1);
    fixture_destroy (&self);
}

Test (node, lists_names_page_by_page)
{
    fixture_t *self = fixture_voter ();
    fixture_claim_durably (self, "a", 1, 1);
    fixture_claim_durably (self, "b/1", 1, 2);
    fixture_claim_durably (self, "b/2", 1, 3);
    zseq_msg_t list = fixture_request (ZSEQ_OP_LIST, "b/", 5);
    list.list.count = 1;
    fixture_send (self, &list);
    const fixture_seen_t *reply = fixture_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.list.page.item_count, 1);
    cr_assert_eq (reply->msg.list.page.items[0].next, 3);
    cr_assert (reply->msg.list.page.more);
    list.list.after.data = "b/1";
    list.list.after.size = 3;
    fixture_send (self, &list);
    reply = fixture_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.list.page.item_count, 1);
    cr_assert_eq (reply->msg.list.page.items[0].next, 4);
    cr_assert (!reply->msg.list.page.more);
    fixture_destroy (&self);
}

Test (node, bounds_the_bytes_of_a_page_of_names)
{
    enum { NAMES = 40, PAGE_BYTES = 8192, ITEM_BYTES = 16 };
    fixture_t *self = fixture_voter ();
    char name[ZSEQ_NAME_MAX + 1];
    memset (name, 'x', ZSEQ_NAME_MAX);
    name[ZSEQ_NAME_MAX] = 0;
    for (int index = 0; index < NAMES; index++) {
        name[0] = (char) ('0' + index);
        fixture_claim_durably (self, name, 1, 1);
    }
    zseq_msg_t list = fixture_request (ZSEQ_OP_LIST, "", 5);
    list.list.count = ZSEQ_PAGE_MAX;
    fixture_send (self, &list);
    const fixture_seen_t *reply = fixture_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.list.page.item_count,
                  PAGE_BYTES / (ZSEQ_NAME_MAX + ITEM_BYTES));
    cr_assert (reply->msg.list.page.more);
    fixture_destroy (&self);
}

Test (node, lists_only_what_is_durable)
{
    fixture_t *self = fixture_voter ();
    fixture_claim_durably (self, "a", 1, 1);
    fixture_claim (self, "a", 2, 5);
    fixture_claim (self, "b", 1, 1);
    zseq_msg_t list = fixture_request (ZSEQ_OP_LIST, "", 5);
    list.list.count = 10;
    fixture_send (self, &list);
    const fixture_seen_t *reply = fixture_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.list.page.item_count, 1);
    cr_assert_eq (reply->msg.list.page.items[0].next, 2);
    cr_assert (!reply->msg.list.page.more);
    fixture_destroy (&self);
}

Test (node, lists_beyond_names_that_are_not_durable)
{
    fixture_t *self = fixture_voter ();
    fixture_claim_durably (self, "c", 1, 1);
    fixture_claim (self, "a", 1, 1);
    fixture_claim (self, "b", 1, 1);
    zseq_msg_t list = fixture_request (ZSEQ_OP_LIST, "", 5);
    list.list.count = 1;
    fixture_send (self, &list);
    const fixture_seen_t *reply = fixture_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.list.page.item_count, 1);
    cr_assert (!memcmp (reply->msg.list.page.items[0].name.data, "c", 1));
    cr_assert (!reply->msg.list.page.more);
    fixture_destroy (&self);
}

//  The value of a counter in a STATUS reply. Fails if there is none.
static uint64_t
s_counter (fixture_t *self, const char *name)
{
    zseq_msg_t msg = fixture_request (ZSEQ_OP_STATUS, "", 950);
    fixture_send (self, &msg);
    const fixture_seen_t *reply = fixture_find (self, ZSEQ_ACTION_REPLY);
    cr_assert_not_null (reply);
    for (size_t index = 0; index < reply->counters; index++)
        if (!strcmp (reply->counter[index].name, name))
            return reply->counter[index].value;
    cr_assert_fail ("no counter %s", name);
    return 0;
}

Test (node, counts_what_it_accepts_and_refuses_and_why)
{
    fixture_t *self = fixture_voter ();
    uint64_t uptime_us = s_counter (self, "uptime_us");
    (void) fixture_claim_durably (self, "orders", 1, 10);
    (void) fixture_claim_durably (self, "bills", 1, 5);
    //  One that the disk refuses, so that it was never accepted.
    fixture_claim (self, "parts", 1, 100);
    fixture_flush (self);
    zseq_sequence_t *sequence =
      fixture_only (self, ZSEQ_ACTION_PERSIST)->sequence;
    cr_assert_eq (s_counter (self, "ids"), 15, "not durable yet");
    fixture_persisted (self, sequence, 101, ZSEQ_ENOSPACE);
    cr_assert_eq (s_counter (self, "refused_no_space"), 1);
    //  A claim that another was faster than, one beyond the end, and one with
    //  another cluster's identity.
    fixture_claim (self, "orders", 1, 10);
    fixture_claim (self, "orders", ZSEQ_ID_MAX, 2);
    zseq_msg_t msg = fixture_request (ZSEQ_OP_READ, "orders", 902);
    msg.cluster = 43;
    fixture_send (self, &msg);
    zseq_msg_t malformed = fixture_request (ZSEQ_OP_READ, "orders", 903);
    fixture_step (
      self, (zseq_event_t){.type = ZSEQ_EVENT_MALFORMED, .msg = &malformed});
    self->now_us += 5000000;
    cr_assert_eq (s_counter (self, "uptime_us"), uptime_us + 5000000);
    cr_assert_eq (s_counter (self, "ids"), 15);
    cr_assert_eq (s_counter (self, "refused_exhausted"), 1);
    cr_assert_eq (s_counter (self, "refused_other"), 1);
    cr_assert_eq (s_counter (self, "refused_malformed"), 1);
    cr_assert_eq (s_counter (self, "refused_not_voting"), 0);
    uint64_t requests = s_counter (self, "requests");
    cr_assert_eq (s_counter (self, "requests"), requests + 1);
    fixture_destroy (&self);
}

//  What a node says of a name, to another client than the one that claims.
static zseq_msg_info_t
s_info (fixture_t *self, const char *name)
{
    zseq_msg_t msg = fixture_request (ZSEQ_OP_INFO, name, 960);
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_REQUEST,
                                       .sender.route = {5, {9, 9, 9, 9, 9}},
                                       .msg = &msg});
    const fixture_seen_t *reply = fixture_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.op, ZSEQ_OP_INFO);
    cr_assert_eq (reply->msg.status, ZSEQ_OK);
    return reply->msg.info;
}

Test (node, tells_of_a_name_how_fast_and_when_it_was_claimed)
{
    fixture_t *self = fixture_voter ();
    zseq_msg_info_t info = s_info (self, "orders");
    cr_expect_eq (info.next, 1);
    cr_expect_eq (info.rate, 0);
    cr_expect_eq (info.since_us, 0);

    (void) fixture_claim_durably (self, "orders", 1, 1000);
    info = s_info (self, "orders");
    cr_expect_eq (info.next, 1001);
    cr_expect_eq (info.rate, 1000);
    cr_expect_eq (info.since_us, 1);
    self->now_us += 3500;
    cr_expect_eq (s_info (self, "orders").since_us, 3500);
    cr_expect_eq (s_info (self, "bills").since_us, 0);

    //  Of the second before, the part that the last second still has counts.
    self->now_us += 1500000;
    cr_expect_eq (s_info (self, "orders").rate, 496);
    self->now_us += 1000000;
    info = s_info (self, "orders");
    cr_expect_eq (info.rate, 0);
    cr_expect_eq (info.since_us, 2503500);
    fixture_destroy (&self);
}

Test (node, tells_of_a_name_only_what_is_durable)
{
    fixture_t *self = fixture_voter ();
    fixture_claim (self, "orders", 1, 10);
    zseq_msg_info_t info = s_info (self, "orders");
    cr_expect_eq (info.next, 1);
    cr_expect_eq (info.rate, 0);
    cr_expect_eq (info.since_us, 0);
    fixture_flush (self);
    zseq_sequence_t *sequence =
      fixture_only (self, ZSEQ_ACTION_PERSIST)->sequence;
    fixture_persisted (self, sequence, 11, ZSEQ_OK);
    info = s_info (self, "orders");
    cr_expect_eq (info.next, 11);
    cr_expect_eq (info.rate, 10);
    cr_expect_eq (info.since_us, 1);
    fixture_destroy (&self);
}

Test (node, tells_of_a_name_no_claim_that_the_disk_refused)
{
    fixture_t *self = fixture_voter ();
    fixture_claim (self, "orders", 1, 10);
    fixture_flush (self);
    zseq_sequence_t *sequence =
      fixture_only (self, ZSEQ_ACTION_PERSIST)->sequence;
    fixture_persisted (self, sequence, 0, ZSEQ_ENOSPACE);
    zseq_msg_info_t info = s_info (self, "orders");
    cr_expect_eq (info.rate, 0);
    cr_expect_eq (info.since_us, 0);
    fixture_destroy (&self);
}

Test (node, does_not_take_who_asks_about_a_name_for_a_competitor)
{
    fixture_t *self = fixture_voter ();
    (void) fixture_claim_durably (self, "orders", 1, 10);
    (void) s_info (self, "orders");
    zseq_msg_t read = fixture_request (ZSEQ_OP_READ, "orders", 961);
    fixture_send (self, &read);
    const fixture_seen_t *reply = fixture_only (self, ZSEQ_ACTION_REPLY);
    cr_expect_eq (reply->msg.read.next, 11);
    cr_expect (!reply->msg.contended);
    fixture_destroy (&self);
}
