//  Tests a node's registers and promises: which ballots they promise, which
//  records they accept, and what they show before a group is durable.

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test_random.h"
#include "zseq_registers.h"

#define BYTES_MAX 100000000

static zseq_slice_t
s_text (const char *text)
{
    return (zseq_slice_t){text, strlen (text)};
}

static zseq_ballot_t
s_ballot (uint32_t round, uint64_t proposer)
{
    return (zseq_ballot_t){round, proposer};
}

static zseq_registers_t *
s_registers (void)
{
    zseq_registers_t *self = zseq_registers_new (BYTES_MAX);
    cr_assert (self);
    return self;
}

//  A record whose value tells its seq.
static zseq_kv_record_t
s_record (zseq_slice_t key, zseq_ballot_t ballot, uint64_t seq)
{
    static const char bytes[] = "0123456789abcdef";
    zseq_kv_record_t record;
    zseq_kv_record_init (&record, key, 0);
    record.proposal = (zseq_proposal_t){ballot, seq};
    record.version = seq + 1;
    record.value = (zseq_slice_t){bytes, seq % sizeof bytes};
    return record;
}

static int
s_prepare (zseq_registers_t *self, const char *key, zseq_ballot_t ballot)
{
    return zseq_registers_prepare (self, zseq_kv_shard (s_text (key)), &ballot);
}

static int
s_accept (zseq_registers_t *self, const char *key, zseq_ballot_t ballot,
          uint64_t seq)
{
    zseq_kv_record_t record = s_record (s_text (key), ballot, seq);
    return zseq_registers_accept (self, &record);
}

static zseq_kv_group_t *
s_submit (zseq_registers_t *self)
{
    zseq_kv_group_t *group = zseq_registers_submit (self);
    cr_assert (group);
    return group;
}

//  Makes all that has changed durable.
static void
s_sync (zseq_registers_t *self)
{
    zseq_kv_group_t *group = s_submit (self);
    zseq_registers_complete (self, &group, ZSEQ_OK);
    cr_assert_null (group);
}

static zseq_registers_view_t
s_find (const zseq_registers_t *self, const char *key)
{
    zseq_registers_view_t view;
    zseq_registers_find (self, s_text (key), &view);
    return view;
}

//  The seq of a register; 0: absent.
static uint64_t
s_seq (const zseq_register_t *held)
{
    return held ? held->record.proposal.seq : 0;
}

//  Registers with a durable promise for the shard of key.
static zseq_registers_t *
s_promised (const char *key, zseq_ballot_t ballot)
{
    zseq_registers_t *self = s_registers ();
    cr_assert_eq (s_prepare (self, key, ballot), ZSEQ_OK);
    s_sync (self);
    return self;
}

Test (registers, promise_a_higher_ballot)
{
    zseq_registers_t *self = s_registers ();
    cr_expect_eq (s_prepare (self, "k", s_ballot (1, 7)), ZSEQ_OK);
    cr_expect_eq (s_prepare (self, "k", s_ballot (1, 8)), ZSEQ_OK);
    cr_expect_eq (s_prepare (self, "k", s_ballot (2, 1)), ZSEQ_OK);
    uint8_t shard = zseq_kv_shard (s_text ("k"));
    cr_expect_eq (zseq_registers_promise (self, shard)->round, 2);
    cr_expect_eq (zseq_registers_promise (self, shard ^ 1)->round, 0);
    zseq_registers_destroy (&self);
    cr_expect_null (self);
}

Test (registers, promise_no_lower_ballot)
{
    zseq_registers_t *self = s_registers ();
    cr_expect_eq (s_prepare (self, "k", s_ballot (2, 7)), ZSEQ_OK);
    cr_expect_eq (s_prepare (self, "k", s_ballot (2, 6)), ZSEQ_EBALLOT);
    cr_expect_eq (s_prepare (self, "k", s_ballot (1, 8)), ZSEQ_EBALLOT);
    uint8_t shard = zseq_kv_shard (s_text ("k"));
    cr_expect_eq (zseq_registers_promise (self, shard)->proposer, 7);
    zseq_registers_destroy (&self);
}

Test (registers, promise_the_same_ballot_again_without_a_change)
{
    zseq_registers_t *self = s_promised ("k", s_ballot (2, 7));
    cr_expect_eq (s_prepare (self, "k", s_ballot (2, 7)), ZSEQ_OK);
    cr_expect_eq (zseq_registers_open_count (self), 0);
    zseq_registers_destroy (&self);
}

Test (registers, let_no_promise_rise_too_far)
{
    zseq_registers_t *self = s_promised ("k", s_ballot (3, 7));
    cr_expect_eq (s_prepare (self, "k", s_ballot (4 + ZSEQ_ROUND_RISE_MAX, 1)),
                  ZSEQ_EINVAL);
    cr_expect_eq (s_prepare (self, "k", s_ballot (3 + ZSEQ_ROUND_RISE_MAX, 1)),
                  ZSEQ_OK);
    zseq_registers_destroy (&self);
}

Test (registers, show_a_promise_as_durable_when_its_group_is)
{
    zseq_registers_t *self = s_registers ();
    uint8_t shard = zseq_kv_shard (s_text ("k"));
    cr_expect_eq (s_prepare (self, "k", s_ballot (2, 7)), ZSEQ_OK);
    cr_expect_eq (zseq_registers_promise_position (self, shard), 1);
    zseq_kv_group_t *group = s_submit (self);
    cr_expect_eq (group->position, 1);
    cr_assert_eq (group->count, 1);
    cr_expect_eq (group->changes[0].type, ZSEQ_KV_CHANGE_PROMISE);
    cr_expect_eq (group->changes[0].shard, shard);
    cr_expect_eq (group->changes[0].promise.round, 2);
    cr_expect_eq (zseq_registers_durable_promise (self, shard)->round, 0);
    zseq_registers_complete (self, &group, ZSEQ_OK);
    cr_expect_eq (zseq_registers_durable_promise (self, shard)->round, 2);
    cr_expect_eq (zseq_registers_promise_position (self, shard), 0);
    zseq_registers_destroy (&self);
}

Test (registers, accept_only_the_ballot_that_is_promised)
{
    zseq_registers_t *self = s_promised ("k", s_ballot (2, 7));
    cr_expect_eq (s_accept (self, "k", s_ballot (2, 6), 9), ZSEQ_EBALLOT);
    cr_expect_eq (s_accept (self, "k", s_ballot (1, 7), 9), ZSEQ_EBALLOT);
    cr_expect_eq (s_accept (self, "k", s_ballot (3, 7), 9), ZSEQ_EBALLOT);
    cr_expect_eq (zseq_registers_count (self), 0);
    cr_expect_eq (s_accept (self, "k", s_ballot (2, 7), 9), ZSEQ_OK);
    cr_expect_eq (zseq_registers_count (self), 1);
    zseq_registers_destroy (&self);
}

Test (registers, accept_no_proposal_below_the_accepted_one)
{
    zseq_registers_t *self = s_promised ("k", s_ballot (2, 7));
    cr_expect_eq (s_accept (self, "k", s_ballot (2, 7), 9), ZSEQ_OK);
    cr_expect_eq (s_accept (self, "k", s_ballot (2, 7), 8), ZSEQ_ECONFLICT);
    cr_expect_eq (s_seq (s_find (self, "k").accepted), 9);
    cr_expect_eq (s_accept (self, "k", s_ballot (2, 7), 10), ZSEQ_OK);
    cr_expect_eq (s_seq (s_find (self, "k").accepted), 10);
    zseq_registers_destroy (&self);
}

Test (registers, accept_the_same_proposal_again_without_a_change)
{
    zseq_registers_t *self = s_promised ("k", s_ballot (2, 7));
    cr_expect_eq (s_accept (self, "k", s_ballot (2, 7), 9), ZSEQ_OK);
    s_sync (self);
    cr_expect_eq (s_accept (self, "k", s_ballot (2, 7), 9), ZSEQ_OK);
    cr_expect_eq (zseq_registers_open_count (self), 0);
    zseq_registers_destroy (&self);
}

Test (registers, accept_what_was_copied_and_is_then_no_copy)
{
    zseq_registers_t *self = s_registers ();
    zseq_kv_record_t record = s_record (s_text ("k"), s_ballot (2, 7), 9);
    record.copied = true;
    cr_assert_eq (zseq_registers_load (self, &record), ZSEQ_OK);
    cr_expect (s_find (self, "k").durable->record.copied);
    cr_expect_eq (s_accept (self, "k", s_ballot (2, 7), 9), ZSEQ_OK);
    cr_expect_eq (s_find (self, "k").position, 1);
    s_sync (self);
    cr_expect_not (s_find (self, "k").durable->record.copied);
    zseq_registers_destroy (&self);
}

Test (registers, show_the_durable_record_until_the_next_one_is)
{
    zseq_registers_t *self = s_promised ("k", s_ballot (2, 7));
    zseq_kv_group_t *group[3];
    for (uint64_t seq = 1; seq <= 3; seq++) {
        cr_assert_eq (s_accept (self, "k", s_ballot (2, 7), seq), ZSEQ_OK);
        group[seq - 1] = s_submit (self);
    }
    for (uint64_t seq = 0; seq <= 3; seq++) {
        if (seq > 0)
            zseq_registers_complete (self, &group[seq - 1], ZSEQ_OK);
        zseq_registers_view_t view = s_find (self, "k");
        cr_expect_eq (s_seq (view.durable), seq);
        cr_expect_eq (s_seq (view.accepted), 3);
        cr_expect_eq (view.position, seq == 3 ? 0 : 4);
    }
    zseq_registers_destroy (&self);
}

Test (registers, write_of_a_key_only_the_newest_record_of_a_group)
{
    zseq_registers_t *self = s_promised ("k", s_ballot (2, 7));
    cr_assert_eq (s_accept (self, "k", s_ballot (2, 7), 1), ZSEQ_OK);
    cr_assert_eq (s_accept (self, "k", s_ballot (2, 7), 2), ZSEQ_OK);
    size_t bytes = zseq_register_size (s_find (self, "k").accepted);
    cr_expect_eq (zseq_registers_open_bytes (self), bytes);
    zseq_kv_group_t *group = s_submit (self);
    cr_assert_eq (group->count, 1);
    cr_expect_eq (group->bytes, bytes);
    cr_expect_eq (s_seq (group->changes[0].accepted), 2);
    cr_expect_eq (zseq_registers_open_bytes (self), 0);
    zseq_registers_complete (self, &group, ZSEQ_OK);
    zseq_registers_destroy (&self);
}

Test (registers, write_again_what_the_disk_has_refused)
{
    zseq_registers_t *self = s_registers ();
    cr_assert_eq (s_prepare (self, "k", s_ballot (2, 7)), ZSEQ_OK);
    cr_assert_eq (s_accept (self, "k", s_ballot (2, 7), 1), ZSEQ_OK);
    zseq_kv_group_t *group = s_submit (self);
    zseq_registers_complete (self, &group, ZSEQ_ENOSPACE);
    zseq_registers_view_t view = s_find (self, "k");
    cr_expect_null (view.durable);
    cr_expect_eq (s_seq (view.accepted), 1);
    cr_expect_eq (view.position, 2);
    cr_expect_eq (zseq_registers_open_count (self), 2);
    s_sync (self);
    cr_expect_eq (s_seq (s_find (self, "k").durable), 1);
    cr_expect_eq (
      zseq_registers_durable_promise (self, zseq_kv_shard (s_text ("k")))
        ->round,
      2);
    zseq_registers_destroy (&self);
}

//  A refused record must not come after the one that has replaced it.
Test (registers, do_not_write_again_what_was_replaced)
{
    zseq_registers_t *self = s_promised ("k", s_ballot (2, 7));
    cr_assert_eq (s_accept (self, "k", s_ballot (2, 7), 1), ZSEQ_OK);
    zseq_kv_group_t *first = s_submit (self);
    cr_assert_eq (s_accept (self, "k", s_ballot (2, 7), 2), ZSEQ_OK);
    zseq_kv_group_t *second = s_submit (self);
    zseq_registers_complete (self, &first, ZSEQ_ENOSPACE);
    cr_expect_eq (zseq_registers_open_count (self), 0);
    zseq_registers_complete (self, &second, ZSEQ_OK);
    cr_expect_eq (s_seq (s_find (self, "k").durable), 2);
    zseq_registers_destroy (&self);
}

//  The promise's group was refused, a record's under that promise was not.
Test (registers, promise_at_least_what_they_have_accepted)
{
    zseq_registers_t *self = s_registers ();
    uint8_t shard = zseq_kv_shard (s_text ("k"));
    cr_assert_eq (s_prepare (self, "k", s_ballot (2, 7)), ZSEQ_OK);
    zseq_kv_group_t *first = s_submit (self);
    cr_assert_eq (s_accept (self, "k", s_ballot (2, 7), 1), ZSEQ_OK);
    zseq_kv_group_t *second = s_submit (self);
    zseq_registers_complete (self, &first, ZSEQ_ENOSPACE);
    zseq_registers_complete (self, &second, ZSEQ_OK);
    cr_expect_eq (zseq_registers_durable_promise (self, shard)->round, 2);

    zseq_registers_t *loaded = s_registers ();
    zseq_kv_record_t record = s_record (s_text ("k"), s_ballot (2, 7), 1);
    cr_assert_eq (zseq_registers_load (loaded, &record), ZSEQ_OK);
    cr_expect_eq (zseq_registers_promise (loaded, shard)->round, 2);
    zseq_registers_destroy (&self);
    zseq_registers_destroy (&loaded);
}

Test (registers, go_on_at_the_position_of_the_disk)
{
    zseq_registers_t *self = s_registers ();
    zseq_registers_load_position (self, 41);
    cr_expect_eq (zseq_registers_open_position (self), 42);
    cr_assert_eq (s_prepare (self, "k", s_ballot (2, 7)), ZSEQ_OK);
    zseq_kv_group_t *group = s_submit (self);
    cr_expect_eq (group->position, 42);
    zseq_registers_complete (self, &group, ZSEQ_OK);
    zseq_registers_destroy (&self);
}

Test (registers, load_a_key_again_as_it_was_last)
{
    zseq_registers_t *self = s_registers ();
    for (uint64_t seq = 1; seq <= 2; seq++) {
        zseq_kv_record_t record = s_record (s_text ("k"), s_ballot (2, 7), seq);
        cr_assert_eq (zseq_registers_load (self, &record), ZSEQ_OK);
    }
    zseq_registers_view_t view = s_find (self, "k");
    cr_expect_eq (s_seq (view.accepted), 2);
    cr_expect_eq (s_seq (view.durable), 2);
    cr_expect_eq (zseq_registers_count (self), 1);
    zseq_registers_destroy (&self);
}

Test (registers, load_a_dropped_key_as_absent)
{
    zseq_registers_t *self = s_registers ();
    zseq_slice_t key = s_text ("k");
    uint64_t bytes = zseq_registers_bytes (self);
    zseq_kv_record_t record = s_record (key, s_ballot (2, 7), 1);
    cr_assert_eq (zseq_registers_load (self, &record), ZSEQ_OK);
    zseq_registers_load_dropped (self, key, &record.proposal, 7);
    cr_expect_null (s_find (self, "k").accepted);
    cr_expect_eq (zseq_registers_count (self), 0);
    cr_expect_eq (zseq_registers_bytes (self), bytes);
    //  Whoever accepts a ballot has promised it.
    cr_expect_eq (zseq_registers_promise (self, zseq_kv_shard (key))->round, 2);

    //  Another proposal than the one that was dropped stays.
    zseq_proposal_t dropped = record.proposal;
    record = s_record (key, s_ballot (2, 7), 2);
    cr_assert_eq (zseq_registers_load (self, &record), ZSEQ_OK);
    zseq_registers_load_dropped (self, key, &dropped, 6);
    zseq_registers_load_dropped (self, s_text ("other"), &dropped, 6);
    cr_expect_eq (s_seq (s_find (self, "k").durable), 2);
    //  The highest version that was dropped stays.
    cr_expect_eq (zseq_registers_dropped (self, zseq_kv_shard (key)), 7);
    zseq_registers_destroy (&self);
}

Test (registers, load_a_cleared_shard_as_one_without_anything)
{
    zseq_registers_t *self = s_registers ();
    uint64_t bytes = zseq_registers_bytes (self);
    zseq_slice_t key = s_text ("k");
    zseq_kv_record_t record = s_record (key, s_ballot (2, 7), 1);
    cr_assert_eq (zseq_registers_load (self, &record), ZSEQ_OK);
    uint8_t other = (uint8_t) ((zseq_kv_shard (key) + 1) % ZSEQ_SHARDS);
    zseq_ballot_t promise = s_ballot (3, 7);
    zseq_registers_load_promise (self, zseq_kv_shard (key), &promise);
    zseq_registers_load_promise (self, other, &promise);
    zseq_registers_raise_dropped (self, zseq_kv_shard (key), 7);
    zseq_registers_raise_dropped (self, other, 7);

    zseq_registers_load_cleared (self, zseq_kv_shard (key));
    cr_expect_null (s_find (self, "k").accepted);
    cr_expect_eq (zseq_registers_bytes (self), bytes);
    cr_expect_eq (zseq_registers_promise (self, zseq_kv_shard (key))->round, 0);
    cr_expect_eq (
      zseq_registers_durable_promise (self, zseq_kv_shard (key))->round, 0);
    cr_expect_eq (zseq_registers_promise (self, other)->round, 3);
    cr_expect_eq (zseq_registers_dropped (self, zseq_kv_shard (key)), 0);
    cr_expect_eq (zseq_registers_dropped (self, other), 7);

    record = s_record (key, s_ballot (1, 7), 1);
    cr_assert_eq (zseq_registers_load (self, &record), ZSEQ_OK);
    cr_expect_eq (zseq_registers_promise (self, zseq_kv_shard (key))->round, 1);
    zseq_registers_destroy (&self);
}

//  Without a promise or a value, so that the limit is exact.
static int
s_accept_sized (zseq_registers_t *self, const char *key, uint64_t seq,
                size_t size, bool tombstone)
{
    static char bytes[ZSEQ_VALUE_MAX];
    zseq_kv_record_t record = s_record (s_text (key), s_ballot (0, 0), seq);
    record.value = (zseq_slice_t){bytes, size};
    record.tombstone = tombstone;
    return zseq_registers_accept (self, &record);
}

Test (registers, refuse_records_beyond_their_memory)
{
    zseq_registers_t *probe = s_registers ();
    cr_assert_eq (s_accept_sized (probe, "k", 1, 100, false), ZSEQ_OK);
    uint64_t limit = zseq_registers_bytes (probe);
    zseq_registers_destroy (&probe);

    zseq_registers_t *self = zseq_registers_new (limit);
    cr_assert (self);
    cr_expect_eq (s_accept_sized (self, "k", 1, 101, false), ZSEQ_EFULL);
    cr_expect_eq (zseq_registers_count (self), 0);
    cr_expect_eq (s_accept_sized (self, "k", 1, 100, false), ZSEQ_OK);
    cr_expect_eq (zseq_registers_bytes (self), limit);
    cr_expect_eq (s_accept_sized (self, "l", 1, 0, false), ZSEQ_EFULL);
    cr_expect_eq (s_accept_sized (self, "k", 2, 101, false), ZSEQ_EFULL);
    cr_expect_eq (s_accept_sized (self, "k", 2, 100, false), ZSEQ_OK);
    //  Deletes must always be possible, also of what this node has missed.
    cr_expect_eq (s_accept_sized (self, "l", 2, 0, true), ZSEQ_OK);
    cr_expect_eq (s_accept_sized (self, "k", 3, 99, false), ZSEQ_OK);
    cr_expect_eq (s_accept_sized (self, "k", 4, 100, false), ZSEQ_EFULL);
    zseq_registers_destroy (&self);
}

//  K13.

static int
s_copy (zseq_registers_t *self, const char *key, zseq_ballot_t ballot,
        uint64_t seq)
{
    zseq_kv_record_t record = s_record (s_text (key), ballot, seq);
    return zseq_registers_copy (self, &record);
}

Test (registers, forget_all_and_what_is_in_flight_when_cleared)
{
    zseq_registers_t *self = s_promised ("k", s_ballot (2, 7));
    s_accept (self, "k", s_ballot (2, 7), 1);
    zseq_kv_group_t *flying = s_submit (self);
    s_accept (self, "l", s_ballot (2, 7), 2);
    zseq_registers_clear (self);
    cr_expect_eq (zseq_registers_count (self), 0);
    cr_expect_eq (zseq_registers_bytes (self), 0);
    zseq_kv_group_t *group = s_submit (self);
    cr_assert_eq (group->count, ZSEQ_SHARDS);
    for (uint8_t shard = 0; shard < ZSEQ_SHARDS; shard++) {
        cr_expect_eq (group->changes[shard].type, ZSEQ_KV_CHANGE_CLEARED);
        cr_expect_eq (group->changes[shard].shard, shard);
    }
    zseq_registers_complete (self, &flying, ZSEQ_OK);
    cr_expect_null (s_find (self, "k").accepted);
    zseq_registers_complete (self, &group, ZSEQ_OK);
    cr_expect_eq (
      zseq_registers_promise (self, zseq_kv_shard (s_text ("k")))->round, 0);
    zseq_registers_destroy (&self);
}

Test (registers, copy_the_highest_and_settle_it_in_parts)
{
    zseq_registers_t *self = s_registers ();
    s_copy (self, "k", s_ballot (2, 7), 5);
    s_copy (self, "k", s_ballot (2, 7), 4);
    s_copy (self, "l", s_ballot (1, 7), 9);
    zseq_ballot_t promise = s_ballot (2, 7);
    for (uint8_t shard = 0; shard < ZSEQ_SHARDS; shard++)
        zseq_registers_raise (self, shard, &promise);
    zseq_kv_cursor_t cursor = {.shard = 0};
    size_t groups = 0;
    while (cursor.shard < ZSEQ_SHARDS) {
        cr_assert_eq (zseq_registers_settle (self, &cursor, 1), ZSEQ_OK);
        zseq_kv_group_t *group = s_submit (self);
        cr_expect_eq (group->changes[0].type, ZSEQ_KV_CHANGE_PROMISE);
        groups++;
        zseq_registers_complete (self, &group, ZSEQ_OK);
    }
    cr_expect_eq (groups, 3);
    cr_expect_eq (s_seq (s_find (self, "k").durable), 5);
    cr_expect_not (s_find (self, "k").durable->record.copied);
    cr_expect (s_find (self, "l").durable->record.copied);
    cr_expect_eq (zseq_registers_durable_promise (self, 0)->round, 2);
    //  Nothing is left to be written.
    cursor = (zseq_kv_cursor_t){.shard = 0};
    zseq_registers_settle (self, &cursor, SIZE_MAX);
    cr_expect_eq (zseq_registers_open_count (self), 0);
    zseq_registers_destroy (&self);
}

Test (registers, settle_all_in_the_group_that_clears)
{
    zseq_registers_t *self = s_registers ();
    zseq_kv_record_t record = s_record (s_text ("k"), s_ballot (2, 7), 5);
    cr_assert_eq (zseq_registers_load (self, &record), ZSEQ_OK);
    zseq_registers_load_damaged (self);
    s_copy (self, "l", s_ballot (1, 7), 9);
    zseq_kv_cursor_t cursor = {.shard = 0};
    cr_assert_eq (zseq_registers_settle (self, &cursor, 1), ZSEQ_OK);
    cr_expect_eq (cursor.shard, ZSEQ_SHARDS);
    zseq_kv_group_t *group = s_submit (self);
    size_t records = 0;
    for (size_t index = 0; index < group->count; index++)
        records += group->changes[index].type == ZSEQ_KV_CHANGE_RECORD;
    cr_expect_eq (group->changes[0].type, ZSEQ_KV_CHANGE_CLEARED);
    cr_expect_eq (records, 2);
    zseq_registers_complete (self, &group, ZSEQ_OK);
    cr_expect_eq (s_seq (s_find (self, "k").durable), 5);
    zseq_registers_destroy (&self);
}

Test (registers, mark_as_chosen_what_is_durable_and_chosen)
{
    zseq_registers_t *self = s_promised ("k", s_ballot (2, 7));
    zseq_proposal_t first = {s_ballot (2, 7), 1};
    zseq_proposal_t second = {s_ballot (2, 7), 2};
    zseq_registers_choose (self, s_text ("k"), &first);
    cr_assert_eq (s_accept (self, "k", s_ballot (2, 7), 1), ZSEQ_OK);
    cr_expect_not (s_find (self, "k").chosen);
    zseq_registers_choose (self, s_text ("k"), &first);
    cr_expect_not (s_find (self, "k").chosen);
    s_sync (self);
    cr_expect (s_find (self, "k").chosen);
    cr_assert_eq (s_accept (self, "k", s_ballot (2, 7), 2), ZSEQ_OK);
    s_sync (self);
    cr_expect_not (s_find (self, "k").chosen);
    zseq_registers_choose (self, s_text ("k"), &second);
    cr_expect (s_find (self, "k").chosen);
    //  An old message comes late.
    zseq_registers_choose (self, s_text ("k"), &first);
    cr_expect (s_find (self, "k").chosen);
    zseq_registers_destroy (&self);
}

//  Pages are compared with a sorted array of keys.

#define KEYS 400
#define KEY_MAX 6

typedef struct {
    char bytes[KEY_MAX];
    size_t size;
} s_key_t;

static zseq_slice_t
s_slice (const s_key_t *key)
{
    return (zseq_slice_t){key->bytes, key->size};
}

static int
s_order (const void *left, const void *right)
{
    const s_key_t *a = left;
    const s_key_t *b = right;
    size_t shared = a->size < b->size ? a->size : b->size;
    int order = memcmp (a->bytes, b->bytes, shared);
    return order ? order : (a->size > b->size) - (a->size < b->size);
}

//  Few different bytes, NUL and 0xff among them, so that keys share prefixes.
static s_key_t
s_random_key (uint64_t *random)
{
    static const char letters[] = {0, 'a', 'b', (char) 0xff};
    s_key_t key = {.size = 1 + test_random (random) % KEY_MAX};
    for (size_t index = 0; index < key.size; index++)
        key.bytes[index] = letters[test_random (random) % sizeof letters];
    return key;
}

static zseq_registers_t *
s_filled (s_key_t *keys, size_t *count_p, uint64_t *random)
{
    zseq_registers_t *self = s_registers ();
    for (size_t index = 0; index < KEYS; index++) {
        keys[index] = s_random_key (random);
        zseq_kv_record_t record =
          s_record (s_slice (&keys[index]), s_ballot (0, 0), 1 + index);
        cr_assert_eq (zseq_registers_accept (self, &record), ZSEQ_OK);
    }
    qsort (keys, KEYS, sizeof *keys, s_order);
    size_t count = 0;
    for (size_t index = 0; index < KEYS; index++)
        if (index == 0 || s_order (&keys[count - 1], &keys[index]) != 0)
            keys[count++] = keys[index];
    *count_p = count;
    cr_assert_eq (zseq_registers_count (self), count);
    return self;
}

//  Checks a page: the keys above after that match, and no more than max.
static void
s_check_page (const zseq_registers_view_t *views, size_t count, size_t max,
              const s_key_t *keys, size_t key_count, const s_key_t *after,
              const s_key_t *prefix, int shard)
{
    size_t at = 0;
    for (size_t index = 0; index < key_count && at < max; index++) {
        const s_key_t *key = &keys[index];
        if (s_order (key, after) <= 0 || key->size < prefix->size ||
            memcmp (key->bytes, prefix->bytes, prefix->size) != 0 ||
            (shard >= 0 && zseq_kv_shard (s_slice (key)) != shard))
            continue;
        cr_assert_lt (at, count);
        zseq_slice_t shown = views[at++].accepted->record.key;
        cr_assert_eq (shown.size, key->size);
        cr_assert_eq (memcmp (shown.data, key->bytes, key->size), 0);
    }
    cr_assert_eq (at, count);
}

Test (registers, page_in_byte_order)
{
    uint64_t random = 1;
    s_key_t keys[KEYS];
    size_t count;
    zseq_registers_t *self = s_filled (keys, &count, &random);
    zseq_registers_view_t views[KEYS];
    for (size_t round = 0; round < 2000; round++) {
        s_key_t after = s_random_key (&random);
        after.size -= after.size == 1 ? test_random (&random) % 2 : 0;
        s_key_t prefix = s_random_key (&random);
        prefix.size = test_random (&random) % 4;
        size_t max = 1 + test_random (&random) % KEYS;
        size_t found = zseq_registers_list (self, s_slice (&prefix),
                                            s_slice (&after), views, max);
        s_check_page (views, found, max, keys, count, &after, &prefix, -1);
        uint8_t shard = test_random (&random) % ZSEQ_SHARDS;
        found = zseq_registers_page (self, shard, s_slice (&after), views, max);
        prefix.size = 0;
        s_check_page (views, found, max, keys, count, &after, &prefix, shard);
    }
    zseq_registers_destroy (&self);
}

//  Random changes, with groups in flight, some of which the disk refuses, and
//  power cuts. A disk that is an array tells what must be shown.

#define DISK_KEYS 5
#define GROUPS 4

typedef struct {
    zseq_registers_t *registers;
    zseq_kv_group_t *groups[GROUPS];  //  In flight
    size_t group_count;
    uint64_t last;                         //  Position of the last group
    zseq_ballot_t promises[ZSEQ_SHARDS];   //  On the disk
    zseq_proposal_t proposals[DISK_KEYS];  //  On the disk
    zseq_proposal_t accepted[DISK_KEYS];   //  In memory
} s_disk_t;

static zseq_slice_t
s_disk_key (size_t index)
{
    static const char *keys[DISK_KEYS] = {"a", "b", "c", "d", "e"};
    return s_text (keys[index]);
}

static void
s_disk_write (s_disk_t *self, const zseq_kv_change_t *change)
{
    if (change->type == ZSEQ_KV_CHANGE_PROMISE) {
        self->promises[change->shard] = change->promise;
        return;
    }
    const zseq_kv_record_t *record = &change->accepted->record;
    self->proposals[record->key.data[0] - 'a'] = record->proposal;
    zseq_ballot_t *promise = &self->promises[change->shard];
    if (zseq_ballot_compare (promise, &record->proposal.ballot) < 0)
        *promise = record->proposal.ballot;
}

static void
s_disk_complete (s_disk_t *self, bool refused)
{
    zseq_kv_group_t *group = self->groups[0];
    memmove (&self->groups[0], &self->groups[1],
             (GROUPS - 1) * sizeof *self->groups);
    self->group_count--;
    for (size_t index = 0; index < group->count && !refused; index++)
        s_disk_write (self, &group->changes[index]);
    zseq_registers_complete (self->registers, &group,
                             refused ? ZSEQ_ENOSPACE : ZSEQ_OK);
}

//  Starts again with what is on the disk.
static void
s_disk_cut (s_disk_t *self)
{
    for (size_t index = 0; index < self->group_count; index++)
        zseq_kv_group_destroy (&self->groups[index]);
    self->group_count = 0;
    zseq_registers_destroy (&self->registers);
    self->registers = s_registers ();
    for (uint8_t shard = 0; shard < ZSEQ_SHARDS; shard++)
        zseq_registers_load_promise (self->registers, shard,
                                     &self->promises[shard]);
    for (size_t key = 0; key < DISK_KEYS; key++) {
        self->accepted[key] = self->proposals[key];
        if (self->proposals[key].seq == 0)
            continue;
        zseq_kv_record_t record =
          s_record (s_disk_key (key), self->proposals[key].ballot,
                    self->proposals[key].seq);
        cr_assert_eq (zseq_registers_load (self->registers, &record), ZSEQ_OK);
    }
    zseq_registers_load_position (self->registers, self->last);
}

static void
s_disk_change (s_disk_t *self, uint64_t *random)
{
    size_t key = test_random (random) % DISK_KEYS;
    uint8_t shard = zseq_kv_shard (s_disk_key (key));
    zseq_ballot_t ballot = *zseq_registers_promise (self->registers, shard);
    if (test_random (random) % 4 == 0) {
        ballot.round += (uint32_t) (test_random (random) % 2);
        ballot.proposer = test_random (random) % 3;
        (void) zseq_registers_prepare (self->registers, shard, &ballot);
        return;
    }
    zseq_proposal_t proposal = {ballot, 1 + test_random (random) % 50};
    zseq_kv_record_t record = s_record (s_disk_key (key), ballot, proposal.seq);
    int rc = zseq_registers_accept (self->registers, &record);
    bool below = zseq_proposal_compare (&proposal, &self->accepted[key]) < 0;
    cr_assert_eq (rc, below ? ZSEQ_ECONFLICT : ZSEQ_OK);
    if (rc == ZSEQ_OK)
        self->accepted[key] = proposal;
}

static bool
s_is (const zseq_register_t *held, const zseq_proposal_t *proposal)
{
    if (!held)
        return proposal->seq == 0;
    return zseq_proposal_compare (&held->record.proposal, proposal) == 0;
}

static void
s_disk_check (const s_disk_t *self)
{
    for (size_t key = 0; key < DISK_KEYS; key++) {
        zseq_registers_view_t view;
        zseq_registers_find (self->registers, s_disk_key (key), &view);
        cr_assert (s_is (view.durable, &self->proposals[key]));
        cr_assert (s_is (view.accepted, &self->accepted[key]));
        cr_assert_eq (view.position == 0, view.accepted == view.durable);
        uint8_t shard = zseq_kv_shard (s_disk_key (key));
        cr_assert_eq (zseq_ballot_compare (
                        zseq_registers_durable_promise (self->registers, shard),
                        &self->promises[shard]),
                      0);
    }
}

Test (registers, show_what_a_disk_holds)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        uint64_t random = seed;
        s_disk_t self = {.registers = s_registers ()};
        for (size_t step = 0; step < 300; step++) {
            uint64_t luck = test_random (&random) % 100;
            if (luck < 50)
                s_disk_change (&self, &random);
            else if (luck < 75 && self.group_count < GROUPS &&
                     zseq_registers_open_count (self.registers)) {
                self.groups[self.group_count] = s_submit (self.registers);
                self.last = self.groups[self.group_count++]->position;
            }
            else if (luck < 99 && self.group_count)
                s_disk_complete (&self, luck > 92);
            else if (luck == 99)
                s_disk_cut (&self);
            s_disk_check (&self);
        }
        for (size_t index = 0; index < self.group_count; index++)
            zseq_kv_group_destroy (&self.groups[index]);
        zseq_registers_destroy (&self.registers);
    }
}
