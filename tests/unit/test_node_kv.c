//  Tests a node's part in the key-value store, one step at a time: PROMISE,
//  FETCH, ACCEPT, READ and CHOSEN.
//
//  A test makes a voting node (fixture_kv_voter) and plays a proposer, a client
//  and the disk. s_promise, s_accept and s_fetch send a request; fixture_flush
//  makes the node hand a group over to the disk; s_persisted reports its end.
//  What registers accept is tested in test_registers.c; here it is when a node
//  answers.

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "zseq_node_fixture.h"

static const zseq_ballot_t s_ballot = {5, 77};

static zseq_slice_t
s_text (const char *text)
{
    return (zseq_slice_t){text, strlen (text)};
}

static uint64_t
s_shard_bit (const char *key)
{
    return UINT64_C (1) << zseq_kv_shard (s_text (key));
}

static void
s_promise (fixture_t *self, const char *key, zseq_ballot_t ballot,
           uint64_t request)
{
    zseq_msg_t msg = fixture_request (ZSEQ_OP_KV_PROMISE, "", request);
    msg.kv_promise.ballot = ballot;
    msg.kv_promise.shards = s_shard_bit (key);
    fixture_send (self, &msg);
}

static zseq_kv_record_t
s_record (const char *key, zseq_ballot_t ballot, uint64_t seq,
          const char *value)
{
    zseq_kv_record_t record;
    zseq_kv_record_init (&record, s_text (key), 0);
    record.proposal = (zseq_proposal_t){ballot, seq};
    record.version = 100 + seq;
    record.value = s_text (value);
    return record;
}

static void
s_accept_records (fixture_t *self, const zseq_kv_record_t *records,
                  size_t count, uint64_t request)
{
    zseq_msg_t msg = fixture_request (ZSEQ_OP_KV_ACCEPT, "", request);
    msg.kv_accept.records = records;
    msg.kv_accept.record_count = count;
    fixture_send (self, &msg);
}

static void
s_accept (fixture_t *self, const char *key, uint64_t seq, const char *value,
          uint64_t request)
{
    zseq_kv_record_t record = s_record (key, s_ballot, seq, value);
    s_accept_records (self, &record, 1, request);
}

static void
s_fetch (fixture_t *self, const char *key, zseq_ballot_t ballot,
         uint64_t request)
{
    zseq_slice_t name = s_text (key);
    zseq_msg_t msg = fixture_request (ZSEQ_OP_KV_FETCH, "", request);
    msg.kv_fetch.ballot = ballot;
    msg.kv_fetch.keys = &name;
    msg.kv_fetch.key_count = 1;
    fixture_send (self, &msg);
}

static void
s_read (fixture_t *self, const char *key, bool stale, uint64_t least)
{
    zseq_slice_t name = s_text (key);
    zseq_msg_t msg = fixture_request (ZSEQ_OP_KV_READ, "", 999);
    msg.kv_read.keys = &name;
    msg.kv_read.key_count = 1;
    msg.kv_read.stale = stale;
    msg.kv_read.least = least;
    fixture_send (self, &msg);
}

static void
s_chosen (fixture_t *self, const char *key, uint64_t seq)
{
    zseq_kv_chosen_t chosen = {s_text (key), {s_ballot, seq}};
    zseq_msg_t msg = fixture_request (ZSEQ_OP_KV_CHOSEN, "", 998);
    msg.kv_chosen.chosen = &chosen;
    msg.kv_chosen.chosen_count = 1;
    fixture_send (self, &msg);
    cr_assert_eq (self->count, 0);
}

//  Flushes the node, which hands over one group. Returns its position.
static uint64_t
s_flush (fixture_t *self)
{
    fixture_flush (self);
    return fixture_only (self, ZSEQ_ACTION_PERSIST_KV)->group->position;
}

static void
s_persisted (fixture_t *self, uint64_t position, int status)
{
    fixture_step (self, (zseq_event_t){.type = ZSEQ_EVENT_KV_PERSISTED,
                                       .position = position,
                                       .status = status});
}

//  Makes all that was asked of the node durable.
static void
s_sync (fixture_t *self)
{
    s_persisted (self, s_flush (self), ZSEQ_OK);
}

//  A voter that has durably promised s_ballot for the shard of key.
static fixture_t *
s_promised (const char *key)
{
    fixture_t *self = fixture_kv_voter (100);
    s_promise (self, key, s_ballot, 1);
    s_sync (self);
    return self;
}

//  Checks that the last step answered request, and nothing else. Returns that.
static const fixture_seen_t *
s_answered (const fixture_t *self, uint64_t request, int status)
{
    const fixture_seen_t *reply = fixture_only (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.request, request);
    cr_assert_eq (reply->msg.status, status);
    return reply;
}

Test (node_kv, answers_a_promise_when_it_is_durable)
{
    fixture_t *self = fixture_kv_voter (100);
    s_promise (self, "k", s_ballot, 7);
    cr_assert_eq (self->count, 0);
    fixture_flush (self);
    const zseq_kv_group_t *group =
      fixture_only (self, ZSEQ_ACTION_PERSIST_KV)->group;
    cr_assert_eq (group->position, 1);
    cr_assert_eq (group->count, 1);
    cr_assert_eq (group->changes[0].type, ZSEQ_KV_CHANGE_PROMISE);
    cr_assert (!zseq_node_idle (self->node));
    s_persisted (self, 1, ZSEQ_OK);
    const fixture_seen_t *reply = s_answered (self, 7, ZSEQ_OK);
    cr_assert_eq (reply->msg.end.position, 1);
    cr_assert_eq (reply->msg.kv_promise.shards, s_shard_bit ("k"));
    cr_assert_eq (reply->answer_count, 1);
    cr_assert_eq (reply->answer[0].status, ZSEQ_OK);
    cr_assert_eq (reply->answer[0].promise.round, 5);
    cr_assert (zseq_node_idle (self->node));
    fixture_destroy (&self);
}

Test (node_kv, promises_the_same_again_at_once_if_it_is_durable)
{
    fixture_t *self = fixture_kv_voter (100);
    s_promise (self, "k", s_ballot, 7);
    uint64_t position = s_flush (self);
    s_promise (self, "k", s_ballot, 8);
    cr_assert_eq (self->count, 0);
    s_persisted (self, position, ZSEQ_OK);
    cr_assert_eq (self->count, 2);
    s_promise (self, "k", s_ballot, 9);
    cr_assert_eq (s_answered (self, 9, ZSEQ_OK)->msg.end.position, 1);
    fixture_destroy (&self);
}

Test (node_kv, tells_which_higher_ballot_it_has_promised)
{
    fixture_t *self = s_promised ("k");
    s_promise (self, "k", (zseq_ballot_t){4, 99}, 8);
    const fixture_seen_t *reply = s_answered (self, 8, ZSEQ_OK);
    cr_assert_eq (reply->answer[0].status, ZSEQ_EBALLOT);
    cr_assert_eq (reply->answer[0].promise.round, 5);
    cr_assert_eq (reply->answer[0].promise.proposer, 77);
    fixture_destroy (&self);
}

Test (node_kv, promises_each_shard_by_itself)
{
    fixture_t *self = s_promised ("k");
    uint64_t own = s_shard_bit ("k");
    uint64_t other = own << 1 ? own << 1 : own >> 1;
    zseq_msg_t msg = fixture_request (ZSEQ_OP_KV_PROMISE, "", 8);
    msg.kv_promise.ballot = (zseq_ballot_t){4, 99};
    msg.kv_promise.shards = own | other;
    fixture_send (self, &msg);
    s_sync (self);
    const fixture_seen_t *reply = s_answered (self, 8, ZSEQ_OK);
    cr_assert_eq (reply->answer_count, 2);
    size_t at = own < other ? 0 : 1;
    cr_assert_eq (reply->answer[at].status, ZSEQ_EBALLOT);
    cr_assert_eq (reply->answer[1 - at].status, ZSEQ_OK);
    cr_assert_eq (reply->answer[1 - at].promise.round, 4);
    fixture_destroy (&self);
}

Test (node_kv, answers_an_accept_when_it_is_durable)
{
    fixture_t *self = s_promised ("k");
    s_accept (self, "k", 1, "one", 8);
    cr_assert_eq (self->count, 0);
    uint64_t position = s_flush (self);
    cr_assert_eq (position, 2);
    s_persisted (self, position, ZSEQ_OK);
    const fixture_seen_t *reply = s_answered (self, 8, ZSEQ_OK);
    cr_assert_eq (reply->answer[0].status, ZSEQ_OK);
    cr_assert_eq (reply->msg.end.position, 2);
    //  The same again needs no write.
    s_accept (self, "k", 1, "one", 9);
    s_answered (self, 9, ZSEQ_OK);
    fixture_destroy (&self);
}

Test (node_kv, refuses_at_once_what_it_does_not_accept)
{
    fixture_t *self = s_promised ("k");
    s_accept (self, "k", 2, "two", 8);
    s_sync (self);
    s_accept (self, "k", 1, "one", 9);
    cr_assert_eq (s_answered (self, 9, ZSEQ_OK)->answer[0].status,
                  ZSEQ_ECONFLICT);
    zseq_kv_record_t record = s_record ("k", (zseq_ballot_t){6, 1}, 3, "three");
    s_accept_records (self, &record, 1, 10);
    const fixture_seen_t *reply = s_answered (self, 10, ZSEQ_OK);
    cr_assert_eq (reply->answer[0].status, ZSEQ_EBALLOT);
    cr_assert_eq (reply->answer[0].promise.round, 5);
    fixture_destroy (&self);
}

Test (node_kv, writes_all_of_a_flush_in_one_group)
{
    fixture_t *self = fixture_kv_voter (100);
    s_promise (self, "k", s_ballot, 1);
    s_accept (self, "k", 1, "one", 2);
    s_accept (self, "k", 2, "two", 3);
    s_promise (self, "l", s_ballot, 4);
    s_accept (self, "l", 3, "three", 5);
    fixture_flush (self);
    const zseq_kv_group_t *group =
      fixture_only (self, ZSEQ_ACTION_PERSIST_KV)->group;
    cr_assert_eq (group->count, 4);
    s_persisted (self, 1, ZSEQ_OK);
    cr_assert_eq (self->count, 5);
    for (uint64_t request = 1; request <= 5; request++)
        cr_assert_eq (self->seen[request - 1].msg.request, request);
    fixture_destroy (&self);
}

Test (node_kv, shows_a_read_what_is_durable)
{
    fixture_t *self = s_promised ("k");
    s_accept (self, "k", 1, "one", 8);
    s_read (self, "k", false, 0);
    const fixture_seen_t *reply = s_answered (self, 999, ZSEQ_OK);
    cr_assert_eq (reply->shown[0].proposal.seq, 0);
    cr_assert_eq (reply->shown[0].version, UINT64_C (5) << 32);
    s_sync (self);
    s_accept (self, "k", 2, "two", 9);
    s_read (self, "k", false, 0);
    reply = s_answered (self, 999, ZSEQ_OK);
    cr_assert_eq (reply->shown[0].proposal.seq, 1);
    cr_assert_eq (reply->shown[0].version, 101);
    cr_assert_str_eq (reply->value[0], "one");
    s_sync (self);
    s_read (self, "k", false, 0);
    cr_assert_str_eq (s_answered (self, 999, ZSEQ_OK)->value[0], "two");
    fixture_destroy (&self);
}

Test (node_kv, shows_a_fetch_what_was_accepted_when_it_is_durable)
{
    fixture_t *self = s_promised ("k");
    s_accept (self, "k", 1, "one", 8);
    s_sync (self);
    s_accept (self, "k", 2, "two", 9);
    s_fetch (self, "k", s_ballot, 10);
    cr_assert_eq (self->count, 0);
    uint64_t position = s_flush (self);
    s_persisted (self, position, ZSEQ_OK);
    cr_assert_eq (self->count, 2);
    cr_assert_eq (self->seen[1].msg.request, 10);
    cr_assert_eq (self->seen[1].shown[0].proposal.seq, 2);
    cr_assert_str_eq (self->seen[1].value[0], "two");
    s_fetch (self, "k", s_ballot, 11);
    cr_assert_str_eq (s_answered (self, 11, ZSEQ_OK)->value[0], "two");
    fixture_destroy (&self);
}

//  Else a power cut could take back the promise under which it was shown.
Test (node_kv, shows_a_fetch_nothing_before_its_promise_is_durable)
{
    fixture_t *self = fixture_kv_voter (100);
    s_promise (self, "k", s_ballot, 7);
    s_fetch (self, "k", s_ballot, 8);
    cr_assert_eq (self->count, 0);
    s_sync (self);
    cr_assert_eq (self->count, 2);
    cr_assert_eq (self->seen[1].msg.request, 8);
    cr_assert_eq (self->seen[1].shown[0].proposal.seq, 0);
    cr_assert_eq (self->seen[1].shown[0].version, UINT64_C (5) << 32);
    fixture_destroy (&self);
}

//  K9: who proposes takes op ids up to that version for forgotten.
Test (node_kv, shows_a_fetch_of_an_absent_key_what_was_dropped_in_its_shard)
{
    fixture_t *self = s_promised ("k");
    s_fetch (self, "k", s_ballot, 8);
    cr_assert_eq (s_answered (self, 8, ZSEQ_OK)->shown[0].from, 0);
    zseq_registers_raise_dropped (zseq_node_registers (self->node),
                                  zseq_kv_shard (s_text ("k")), 42);
    s_fetch (self, "k", s_ballot, 9);
    const fixture_seen_t *reply = s_answered (self, 9, ZSEQ_OK);
    cr_assert_eq (reply->shown[0].from, 42);
    cr_assert_eq (reply->shown[0].version, UINT64_C (5) << 32);
    fixture_destroy (&self);
}

Test (node_kv, shows_a_fetch_nothing_under_another_ballot)
{
    fixture_t *self = s_promised ("k");
    s_accept (self, "k", 1, "one", 8);
    s_sync (self);
    static const zseq_ballot_t others[] = {{5, 76}, {5, 78}, {4, 77}, {6, 77}};
    for (size_t index = 0; index < 4; index++) {
        s_fetch (self, "k", others[index], 20 + index);
        const fixture_seen_t *reply = s_answered (self, 20 + index, ZSEQ_OK);
        cr_assert_eq (reply->answer[0].status, ZSEQ_EBALLOT);
        cr_assert_eq (reply->answer[0].promise.round, 5);
        cr_assert_eq (reply->shown[0].proposal.seq, 0);
    }
    fixture_destroy (&self);
}

//  A reply is limited to a message: the proposer asks for the rest.
Test (node_kv, answers_as_many_keys_as_fit)
{
    static char value[ZSEQ_VALUE_MAX + 1];
    memset (value, 'x', ZSEQ_VALUE_MAX);
    fixture_t *self = fixture_kv_voter (100);
    zseq_slice_t keys[3] = {s_text ("big"), s_text ("k"), s_text ("large")};
    for (size_t index = 0; index < 3; index++)
        s_promise (self, keys[index].data, s_ballot, 1 + index);
    s_accept (self, "big", 1, value, 7);
    s_accept (self, "k", 2, "two", 8);
    s_accept (self, "large", 3, value, 9);
    s_sync (self);
    zseq_msg_t msg = fixture_request (ZSEQ_OP_KV_READ, "", 10);
    msg.kv_read.keys = keys;
    msg.kv_read.key_count = 3;
    fixture_send (self, &msg);
    cr_assert_eq (s_answered (self, 10, ZSEQ_OK)->answer_count, 2);
    msg = fixture_request (ZSEQ_OP_KV_FETCH, "", 11);
    msg.kv_fetch.ballot = s_ballot;
    msg.kv_fetch.keys = keys;
    msg.kv_fetch.key_count = 3;
    fixture_send (self, &msg);
    cr_assert_eq (s_answered (self, 11, ZSEQ_OK)->answer_count, 2);
    fixture_destroy (&self);
}

Test (node_kv, tells_a_stale_reader_only_what_was_chosen)
{
    fixture_t *self = s_promised ("k");
    s_read (self, "k", true, 0);
    cr_assert_eq (s_answered (self, 999, ZSEQ_OK)->answer[0].status, ZSEQ_OK);
    s_read (self, "k", true, 1);
    cr_assert_eq (s_answered (self, 999, ZSEQ_OK)->answer[0].status,
                  ZSEQ_EAGAIN);
    s_accept (self, "k", 1, "one", 8);
    s_sync (self);
    s_read (self, "k", true, 0);
    cr_assert_eq (s_answered (self, 999, ZSEQ_OK)->answer[0].status,
                  ZSEQ_EAGAIN);
    s_chosen (self, "k", 1);
    s_read (self, "k", true, 101);
    const fixture_seen_t *reply = s_answered (self, 999, ZSEQ_OK);
    cr_assert_eq (reply->answer[0].status, ZSEQ_OK);
    cr_assert_str_eq (reply->value[0], "one");
    s_read (self, "k", true, 102);
    cr_assert_eq (s_answered (self, 999, ZSEQ_OK)->answer[0].status,
                  ZSEQ_EAGAIN);
    fixture_destroy (&self);
}

Test (node_kv, refuses_what_the_disk_has_no_space_for)
{
    fixture_t *self = s_promised ("k");
    s_accept (self, "k", 1, "one", 8);
    s_persisted (self, s_flush (self), ZSEQ_ENOSPACE);
    cr_assert_eq (self->count, 2);
    cr_assert_eq (self->seen[0].type, ZSEQ_ACTION_LOG);
    cr_assert (strstr (self->seen[0].text,
                       "the node refuses to write keys, as its disk takes no "
                       "more: "));
    cr_assert_eq (self->seen[1].msg.request, 8);
    cr_assert_eq (self->seen[1].msg.status, ZSEQ_ENOSPACE);
    s_read (self, "k", false, 0);
    cr_assert_eq (s_answered (self, 999, ZSEQ_OK)->shown[0].proposal.seq, 0);
    //  Not again at once: only after a pause.
    fixture_flush (self);
    cr_assert_eq (self->count, 0);
    fixture_tick (self, 999999);
    fixture_flush (self);
    cr_assert_null (fixture_find (self, ZSEQ_ACTION_PERSIST_KV));
    fixture_tick (self, 1);
    fixture_flush (self);
    const fixture_seen_t *persist = fixture_find (self, ZSEQ_ACTION_PERSIST_KV);
    cr_assert_not_null (persist);
    uint64_t position = persist->group->position;
    zseq_msg_t ask = {.op = ZSEQ_OP_STATUS, .request = 7};
    fixture_send (self, &ask);
    cr_assert (strstr (fixture_find (self, ZSEQ_ACTION_REPLY)->reason,
                       "refuses writes of keys: "));
    s_persisted (self, position, ZSEQ_OK);
    cr_assert (strstr (fixture_only (self, ZSEQ_ACTION_LOG)->text,
                       "the disk takes the keys that the node writes again"));
    s_read (self, "k", false, 0);
    cr_assert_str_eq (s_answered (self, 999, ZSEQ_OK)->value[0], "one");
    fixture_destroy (&self);
}

//  A proposer that did not see the record could have something else chosen, and
//  the record could become durable and be shown afterwards.
Test (node_kv, shows_a_fetch_what_the_disk_has_refused_when_it_is_durable)
{
    fixture_t *self = s_promised ("k");
    s_accept (self, "k", 1, "one", 8);
    s_persisted (self, s_flush (self), ZSEQ_ENOSPACE);
    s_fetch (self, "k", s_ballot, 9);
    cr_assert_eq (self->count, 0);
    s_persisted (self, s_flush (self), ZSEQ_ENOSPACE);
    s_answered (self, 9, ZSEQ_ENOSPACE);
    s_fetch (self, "k", s_ballot, 10);
    s_persisted (self, s_flush (self), ZSEQ_OK);
    const fixture_seen_t *reply = fixture_find (self, ZSEQ_ACTION_REPLY);
    cr_assert_not_null (reply);
    cr_assert_eq (reply->msg.request, 10);
    cr_assert_str_eq (reply->value[0], "one");
    fixture_destroy (&self);
}

//  A reply that needs two groups must not leave with the second if the first
//  was refused. The simulator found that it did.
Test (node_kv, shows_nothing_that_an_earlier_group_was_to_make_durable)
{
    fixture_t *self = s_promised ("k");
    s_accept (self, "k", 1, "one", 8);
    uint64_t first = s_flush (self);
    s_promise (self, "k", (zseq_ballot_t){6, 1}, 9);
    s_fetch (self, "k", (zseq_ballot_t){6, 1}, 10);
    s_accept (self, "l", 1, "", 11);
    s_answered (self, 11, ZSEQ_OK);
    uint64_t second = s_flush (self);
    s_persisted (self, first, ZSEQ_ENOSPACE);
    cr_assert_eq (self->count, 3);
    cr_assert_eq (self->seen[1].msg.request, 8);
    cr_assert_eq (self->seen[2].msg.request, 10);
    cr_assert_eq (self->seen[2].msg.status, ZSEQ_ENOSPACE);
    s_persisted (self, second, ZSEQ_OK);
    s_answered (self, 9, ZSEQ_OK);
    fixture_destroy (&self);
}

Test (node_kv, says_in_its_status_that_it_refuses_writes)
{
    fixture_t *self = s_promised ("k");
    s_accept (self, "k", 1, "one", 8);
    s_persisted (self, s_flush (self), ZSEQ_ENOSPACE);
    zseq_msg_t msg = fixture_request (ZSEQ_OP_STATUS, "", 5);
    fixture_send (self, &msg);
    cr_assert_str_eq (fixture_only (self, ZSEQ_ACTION_REPLY)->reason,
                      "refuses writes of keys: the disk is full");
    fixture_destroy (&self);
}

Test (node_kv, counts_keys_and_what_is_asked_of_them)
{
    fixture_t *self = s_promised ("k");
    s_accept (self, "k", 1, "one", 8);
    s_sync (self);
    s_read (self, "k", false, 0);
    zseq_msg_t msg = fixture_request (ZSEQ_OP_STATUS, "", 5);
    fixture_send (self, &msg);
    const fixture_seen_t *reply = fixture_only (self, ZSEQ_ACTION_REPLY);
    size_t found = 0;
    for (size_t index = 0; index < reply->counters; index++) {
        const char *name = reply->counter[index].name;
        if (!strcmp (name, "keys") || !strcmp (name, "key_reads") ||
            !strcmp (name, "key_promises") || !strcmp (name, "key_accepts"))
            found += reply->counter[index].value == 1;
        if (!strcmp (name, "key_bytes"))
            found += reply->counter[index].value > 100;
    }
    cr_assert_eq (found, 5);
    fixture_destroy (&self);
}

Test (node_kv, answers_what_waits_for_a_group_in_flight)
{
    fixture_t *self = s_promised ("k");
    s_accept (self, "k", 1, "one", 8);
    uint64_t first = s_flush (self);
    s_promise (self, "l", s_ballot, 9);
    s_accept (self, "k", 1, "one", 10);
    uint64_t second = s_flush (self);
    s_persisted (self, first, ZSEQ_OK);
    cr_assert_eq (self->count, 2);
    cr_assert_eq (self->seen[0].msg.request, 8);
    cr_assert_eq (self->seen[1].msg.request, 10);
    s_persisted (self, second, ZSEQ_OK);
    s_answered (self, 9, ZSEQ_OK);
    fixture_destroy (&self);
}

Test (node_kv, lets_only_so_many_replies_wait)
{
    fixture_t *self = fixture_kv_voter (2);
    s_promise (self, "k", s_ballot, 1);
    s_accept (self, "k", 1, "one", 2);
    s_accept (self, "k", 2, "two", 3);
    s_answered (self, 3, ZSEQ_EBUSY);
    s_promise (self, "l", s_ballot, 4);
    s_answered (self, 4, ZSEQ_EBUSY);
    s_fetch (self, "k", s_ballot, 5);
    s_answered (self, 5, ZSEQ_EBUSY);
    //  A read never waits.
    s_read (self, "k", false, 0);
    s_answered (self, 999, ZSEQ_OK);
    s_sync (self);
    s_read (self, "k", false, 0);
    cr_assert_str_eq (s_answered (self, 999, ZSEQ_OK)->value[0], "one");
    fixture_destroy (&self);
}

Test (node_kv, hands_a_large_group_over_at_once)
{
    static char value[ZSEQ_VALUE_MAX + 1];
    memset (value, 'x', ZSEQ_VALUE_MAX);
    fixture_t *self = s_promised ("k");
    size_t bytes = 0;
    //  All of the same key would replace each other.
    for (uint64_t seq = 1; self->count == 0 || seq == 1; seq++) {
        char key[32];
        do
            snprintf (key, sizeof key, "k%llu-%zu", (unsigned long long) seq,
                      bytes++);
        while (s_shard_bit (key) != s_shard_bit ("k"));
        s_accept (self, key, seq, value, seq);
        cr_assert_lt (seq, 200u);
    }
    const fixture_seen_t *persist = fixture_only (self, ZSEQ_ACTION_PERSIST_KV);
    cr_assert_geq (persist->group->bytes, (size_t) 4 << 20);
    cr_assert_lt (persist->group->bytes, (size_t) 5 << 20);
    s_persisted (self, persist->group->position, ZSEQ_OK);
    fixture_destroy (&self);
}

Test (node_kv, refuses_all_while_it_does_not_vote)
{
    zseq_record_t record = fixture_voting_record ();
    fixture_t *self = fixture_new_kv (&record, 100, 1000000);
    fixture_tick (self, 0);
    s_promise (self, "k", s_ballot, 1);
    s_answered (self, 1, ZSEQ_ENOTVOTING);
    s_accept (self, "k", 1, "one", 2);
    s_answered (self, 2, ZSEQ_ENOTVOTING);
    s_fetch (self, "k", s_ballot, 3);
    s_answered (self, 3, ZSEQ_ENOTVOTING);
    s_read (self, "k", false, 0);
    s_answered (self, 999, ZSEQ_ENOTVOTING);
    s_chosen (self, "k", 1);
    fixture_destroy (&self);
}

Test (node_kv, refuses_requests_of_another_cluster)
{
    fixture_t *self = s_promised ("k");
    zseq_msg_t msg = fixture_request (ZSEQ_OP_KV_PROMISE, "", 8);
    msg.cluster = 43;
    msg.kv_promise.ballot = (zseq_ballot_t){9, 9};
    msg.kv_promise.shards = 1;
    fixture_send (self, &msg);
    s_answered (self, 8, ZSEQ_ECLUSTER);
    fixture_destroy (&self);
}

Test (node_kv, refuses_all_without_a_store)
{
    fixture_t *self = fixture_voter ();
    s_promise (self, "k", s_ballot, 1);
    s_answered (self, 1, ZSEQ_EPROTOCOL);
    s_read (self, "k", false, 0);
    s_answered (self, 999, ZSEQ_EPROTOCOL);
    cr_assert_null (zseq_node_registers (self->node));
    fixture_destroy (&self);
}

Test (node_kv, answers_nothing_once_it_has_ceased_to_vote)
{
    fixture_t *self = s_promised ("k");
    s_accept (self, "k", 1, "one", 8);
    uint64_t position = s_flush (self);
    //  A peer knows a newer incarnation: this directory is an old copy.
    zseq_vector_t vector = self->record.vector;
    vector.incarnation[0] = (zseq_incarnation_t){9, 9};
    fixture_hear_vector (self, 1, &vector);
    cr_assert_eq (zseq_node_state (self->node), ZSEQ_STATE_RECOVERING);
    s_persisted (self, position, ZSEQ_OK);
    cr_assert_null (fixture_find (self, ZSEQ_ACTION_REPLY));
    s_fetch (self, "k", s_ballot, 9);
    s_answered (self, 9, ZSEQ_ENOTVOTING);
    fixture_destroy (&self);
}

Test (node_kv, goes_on_with_what_is_loaded)
{
    zseq_record_t record = fixture_voting_record ();
    fixture_t *self = fixture_new_kv (&record, 100, 1000000);
    zseq_registers_t *registers = zseq_node_registers (self->node);
    zseq_kv_record_t loaded = s_record ("k", s_ballot, 3, "three");
    cr_assert_eq (zseq_registers_load (registers, &loaded), ZSEQ_OK);
    zseq_registers_load_position (registers, 40);
    fixture_start (self);
    s_read (self, "k", false, 0);
    cr_assert_str_eq (s_answered (self, 999, ZSEQ_OK)->value[0], "three");
    //  What was chosen is forgotten.
    s_read (self, "k", true, 0);
    cr_assert_eq (s_answered (self, 999, ZSEQ_OK)->answer[0].status,
                  ZSEQ_EAGAIN);
    s_promise (self, "k", s_ballot, 7);
    cr_assert_eq (s_answered (self, 7, ZSEQ_OK)->msg.end.position, 40);
    s_accept (self, "k", 4, "four", 8);
    cr_assert_eq (s_flush (self), 41);
    fixture_destroy (&self);
}

//  LIST and WATCH.

static void
s_list (fixture_t *self, const char *prefix, const char *after, uint64_t count)
{
    zseq_msg_t msg = fixture_request (ZSEQ_OP_KV_LIST, "", 999);
    msg.kv_list = (zseq_msg_kv_list_t){.prefix = s_text (prefix),
                                       .after = s_text (after),
                                       .count = count,
                                       .values = true};
    fixture_send (self, &msg);
}

//  A voter that has durably accepted three keys, each in its own shard.
static fixture_t *
s_holding_keys (void)
{
    static const char *keys[] = {"a", "ab", "b"};
    fixture_t *self = fixture_kv_voter (100);
    for (size_t index = 0; index < 3; index++) {
        s_promise (self, keys[index], s_ballot, 1);
        s_accept (self, keys[index], index + 1, "value", 2);
    }
    s_sync (self);
    return self;
}

//  Checks the keys of the list reply, each followed by a space.
static void
s_listed (const fixture_t *self, const char *keys, const char *through)
{
    const fixture_seen_t *reply = s_answered (self, 999, ZSEQ_OK);
    cr_assert_str_eq (reply->keys, keys);
    cr_assert_str_eq (reply->through, through);
}

Test (node_kv, lists_keys_in_order)
{
    fixture_t *self = s_holding_keys ();
    s_list (self, "", "", 256);
    s_listed (self, "a ab b ", "");
    s_list (self, "a", "", 256);
    s_listed (self, "a ab ", "");
    s_list (self, "", "a", 256);
    s_listed (self, "ab b ", "");
    s_list (self, "c", "", 256);
    s_listed (self, "", "");
    s_list (self, "", "", 2);
    s_listed (self, "a ab ", "ab");
    fixture_destroy (&self);
}

//  K3: but the page covers them.
Test (node_kv, lists_no_keys_that_are_not_durable)
{
    fixture_t *self = s_holding_keys ();
    s_promise (self, "c", s_ballot, 1);
    s_accept (self, "c", 4, "value", 2);
    s_list (self, "", "a", 3);
    s_listed (self, "ab b ", "c");
    fixture_destroy (&self);
}

Test (node_kv, lists_only_what_fits_into_a_message)
{
    static char value[ZSEQ_VALUE_MAX];
    fixture_t *self = fixture_kv_voter (100);
    static const char *keys[] = {"a", "b"};
    for (size_t index = 0; index < 2; index++) {
        s_promise (self, keys[index], s_ballot, 1);
        zseq_kv_record_t record = s_record (keys[index], s_ballot, 1, "");
        record.value = (zseq_slice_t){value, sizeof value};
        s_accept_records (self, &record, 1, 2);
    }
    s_sync (self);
    s_list (self, "", "", 256);
    s_listed (self, "a ", "a");
    s_list (self, "", "a", 256);
    s_listed (self, "b ", "");
    fixture_destroy (&self);
}

static void
s_watch (fixture_t *self, const char *key, uint64_t above, uint64_t timeout_us)
{
    zseq_msg_t msg = fixture_request (ZSEQ_OP_KV_WATCH, key, 998);
    msg.kv_watch =
      (zseq_msg_kv_watch_t){.above = above, .timeout_us = timeout_us};
    fixture_send (self, &msg);
}

Test (node_kv, answers_a_watch_when_a_newer_version_is_durable)
{
    fixture_t *self = s_promised ("k");
    s_accept (self, "k", 1, "one", 8);
    s_sync (self);
    s_watch (self, "k", 101, 1000000);
    cr_assert_eq (self->count, 0);
    s_accept (self, "k", 2, "two", 9);
    uint64_t position = s_flush (self);
    cr_assert_null (fixture_find (self, ZSEQ_ACTION_REPLY));
    s_persisted (self, position, ZSEQ_OK);
    const fixture_seen_t *hint = fixture_find (self, ZSEQ_ACTION_REPLY);
    cr_assert (hint);
    cr_assert_eq (hint->msg.op, ZSEQ_OP_KV_WATCH);
    cr_assert_eq (hint->msg.request, 998);
    cr_assert_eq (hint->msg.kv_watch.version, 102);
    //  Only once.
    s_accept (self, "k", 3, "three", 10);
    s_sync (self);
    s_answered (self, 10, ZSEQ_OK);
    fixture_destroy (&self);
}

Test (node_kv, answers_a_watch_at_once_that_comes_late)
{
    fixture_t *self = s_promised ("k");
    s_accept (self, "k", 1, "one", 8);
    s_sync (self);
    s_watch (self, "k", 100, 1000000);
    cr_assert_eq (s_answered (self, 998, ZSEQ_OK)->msg.kv_watch.version, 101);
    fixture_destroy (&self);
}

Test (node_kv, answers_no_watch_whose_write_the_disk_has_refused)
{
    fixture_t *self = s_promised ("k");
    s_watch (self, "k", 0, 1000000);
    s_accept (self, "k", 1, "one", 8);
    s_persisted (self, s_flush (self), ZSEQ_ENOSPACE);
    const fixture_seen_t *reply = fixture_find (self, ZSEQ_ACTION_REPLY);
    cr_assert_eq (reply->msg.op, ZSEQ_OP_KV_ACCEPT);
    fixture_destroy (&self);
}

Test (node_kv, forgets_watches_after_their_time)
{
    fixture_t *self = s_promised ("k");
    s_watch (self, "k", 0, 1000000);
    fixture_tick (self, 1000000);
    s_accept (self, "k", 1, "one", 8);
    s_sync (self);
    s_answered (self, 8, ZSEQ_OK);
    fixture_destroy (&self);
}

//  A voter whose peers speak the store's version, and were just heard.
static fixture_t *
s_among_peers (void)
{
    zseq_record_t record = fixture_voting_record ();
    fixture_t *self = fixture_new_kv (&record, 100, 100000000);
    fixture_tick (self, 0);
    zseq_msg_t b = fixture_introduction (self, 1);
    zseq_msg_t c = fixture_introduction (self, 2);
    b.introduce.speaks = c.introduce.speaks = 4;
    fixture_write_record (self);
    fixture_answer (self, 1, &b);
    fixture_answer (self, 2, &c);
    fixture_write_record (self);
    return self;
}

//  A client's write of a key whose shard's ballot peer 1 has. Returns the first
//  ASK of that op that it leads to; NULL: there is none.
static const fixture_seen_t *
s_write_held_by_1 (fixture_t *self, const char *key, zseq_op_t op)
{
    s_promise (self, key, (zseq_ballot_t){5, 77 << 8 | 1}, 1);
    s_sync (self);
    zseq_msg_t msg = fixture_request (ZSEQ_OP_KV_WRITE, key, 2);
    msg.kv_write.op =
      (zseq_kv_op_t){.type = ZSEQ_KV_PUT, .op = 9, .value = {"value", 5}};
    msg.kv_write.timeout_us = 1000000;
    fixture_send (self, &msg);
    if (op != ZSEQ_OP_KV_WRITE)
        fixture_flush (self);
    for (size_t index = 0; index < self->count; index++)
        if (self->seen[index].type == ZSEQ_ACTION_ASK &&
            self->seen[index].msg.op == op)
            return &self->seen[index];
    return NULL;
}

//  A key of a shard that comes first to another node than this one.
static const char *
s_not_own (void)
{
    static char key[2] = "a";
    bool passed = false;
    while (!passed) {
        cr_assert_leq (++key[0], 'z', "all shards are its own");
        fixture_t *self = s_among_peers ();
        passed = s_write_held_by_1 (self, key, ZSEQ_OP_KV_WRITE) != NULL;
        fixture_destroy (&self);
    }
    return key;
}

Test (node_kv, passes_a_write_on_to_the_holder_of_its_ballot)
{
    const char *key = s_not_own ();
    fixture_t *self = s_among_peers ();
    const fixture_seen_t *ask = s_write_held_by_1 (self, key, ZSEQ_OP_KV_WRITE);
    cr_assert_not_null (ask);
    cr_assert_eq (ask->peer, 1);
    cr_assert (ask->msg.kv_write.relayed);
    fixture_destroy (&self);
}

//  The holder was killed. A client that has noticed it should not have to wait
//  once more.
Test (node_kv, takes_the_ballot_itself_if_its_holder_is_not_connected)
{
    const char *key = s_not_own ();
    fixture_t *self = s_among_peers ();
    self->unreached = 2;
    const fixture_seen_t *ask =
      s_write_held_by_1 (self, key, ZSEQ_OP_KV_PROMISE);
    cr_assert_not_null (ask);
    cr_assert_eq (ask->msg.kv_promise.ballot.round, 6);
    fixture_destroy (&self);
}
