//  What an op makes of a record: kv.md, K9 to K11.

#include <criterion/criterion.h>
#include <string.h>

#include "zseq_kv.h"

#define ROUND ((uint64_t) 1 << 32)
#define FLOOR (5 * ROUND)

static zseq_kv_record_t
s_absent (void)
{
    zseq_kv_record_t record;
    zseq_kv_record_init (&record, (zseq_slice_t){"k", 1}, FLOOR);
    return record;
}

static zseq_kv_op_t
s_put (uint64_t op, uint64_t since, const char *value)
{
    return (zseq_kv_op_t){.type = ZSEQ_KV_PUT,
                          .op = op,
                          .since = since,
                          .value = {value, strlen (value)}};
}

static zseq_kv_outcome_t
s_apply (zseq_kv_record_t *record, zseq_kv_op_t op)
{
    zseq_kv_outcome_t outcome;
    zseq_kv_apply (record, FLOOR, &op, &outcome);
    return outcome;
}

//  A record with one value, of op 1.
static zseq_kv_record_t
s_record (void)
{
    zseq_kv_record_t record = s_absent ();
    cr_assert (s_apply (&record, s_put (1, FLOOR, "one")).writes);
    return record;
}

Test (kv, the_first_version_of_a_key_is_above_the_floor)
{
    zseq_kv_record_t record = s_absent ();
    zseq_kv_outcome_t outcome = s_apply (&record, s_put (1, FLOOR, "one"));
    cr_assert_eq (outcome.status, ZSEQ_OK);
    cr_assert_eq (outcome.version, FLOOR + 1);
    cr_assert_eq (record.version, FLOOR + 1);
    cr_assert (zseq_kv_record_exists (&record));
    cr_assert_eq (memcmp (record.value.data, "one", 3), 0);
}

Test (kv, an_absent_key_has_no_version)
{
    zseq_kv_record_t record = s_absent ();
    zseq_kv_outcome_t outcome =
      s_apply (&record, (zseq_kv_op_t){.type = ZSEQ_KV_GET});
    cr_assert_eq (outcome.status, ZSEQ_ENOKEY);
    cr_assert_eq (outcome.version, 0);
}

//  K10: also of a key that has a version, and so above all that its client has
//  seen.
Test (kv, a_version_is_above_the_floor_of_the_ballot_it_is_made_under)
{
    zseq_kv_record_t record = s_absent ();
    record.proposal.seq = 1;
    record.version = record.from = ROUND;
    zseq_kv_outcome_t outcome = s_apply (&record, s_put (1, FLOOR - 7, "one"));
    cr_assert_eq (outcome.status, ZSEQ_OK);
    cr_assert_eq (outcome.version, FLOOR + 1);
    cr_assert_eq (s_apply (&record, s_put (2, ROUND, "two")).version,
                  FLOOR + 2);
}

Test (kv, an_op_is_applied_once)
{
    zseq_kv_record_t record = s_record ();
    s_apply (&record, s_put (2, FLOOR, "two"));
    zseq_kv_outcome_t outcome = s_apply (&record, s_put (1, FLOOR, "one"));
    cr_assert_eq (outcome.status, ZSEQ_OK);
    cr_assert_not (outcome.writes);
    cr_assert_eq (outcome.version, FLOOR + 1);
    cr_assert_eq (memcmp (record.value.data, "two", 3), 0);
}

Test (kv, an_op_is_found_though_its_condition_no_longer_holds)
{
    zseq_kv_record_t record = s_absent ();
    zseq_kv_op_t op = s_put (1, FLOOR, "one");
    op.conditional = true;
    cr_assert (s_apply (&record, op).writes);
    zseq_kv_outcome_t outcome = s_apply (&record, op);
    cr_assert_eq (outcome.status, ZSEQ_OK);
    cr_assert_not (outcome.writes);
}

Test (kv, an_op_that_the_window_may_have_forgotten_is_refused)
{
    zseq_kv_record_t record = s_record ();
    for (uint64_t op = 2; op <= ZSEQ_DEDUP_MAX; op++)
        s_apply (&record, s_put (op, FLOOR, "more"));
    cr_assert_eq (record.from, 0);
    cr_assert_not (s_apply (&record, s_put (1, FLOOR, "one")).writes);

    //  One more, and the first is forgotten.
    cr_assert (s_apply (&record, s_put (100, FLOOR, "more")).writes);
    cr_assert_eq (record.from, FLOOR + 1);
    cr_assert_eq (record.dedup_count, ZSEQ_DEDUP_MAX);
    zseq_kv_outcome_t outcome = s_apply (&record, s_put (1, FLOOR, "one"));
    cr_assert_eq (outcome.status, ZSEQ_EFORGOTTEN);
    cr_assert_not (outcome.writes);
    cr_assert_eq (outcome.version, record.version);

    //  Who has seen that version knows that op 200 is not among the forgotten.
    outcome = s_apply (&record, s_put (200, FLOOR + 1, "more"));
    cr_assert (outcome.writes);
}

Test (kv, a_client_of_a_higher_round_needs_a_higher_ballot)
{
    zseq_kv_record_t record = s_record ();
    cr_assert_eq (s_apply (&record, s_put (2, 6 * ROUND, "two")).status,
                  ZSEQ_EBALLOT);
    cr_assert_eq (s_apply (&record, s_put (2, FLOOR + 2, "two")).status,
                  ZSEQ_EBALLOT);
    cr_assert_eq (
      s_apply (&record,
               s_put (2, FLOOR + (ZSEQ_ROUND_RISE_MAX + 1) * ROUND, "two"))
        .status,
      ZSEQ_EINVAL);
    cr_assert_eq (record.version, FLOOR + 1);
}

Test (kv, a_condition_on_a_version)
{
    zseq_kv_record_t record = s_record ();
    zseq_kv_op_t op = s_put (2, FLOOR + 1, "two");
    op.conditional = true;
    op.expected = FLOOR + 9;
    zseq_kv_outcome_t outcome = s_apply (&record, op);
    cr_assert_eq (outcome.status, ZSEQ_EVERSION);
    cr_assert_eq (outcome.version, FLOOR + 1);
    op.expected = FLOOR + 1;
    cr_assert_eq (s_apply (&record, op).version, FLOOR + 2);
}

Test (kv, a_condition_that_nothing_exists)
{
    zseq_kv_record_t record = s_record ();
    zseq_kv_op_t op = s_put (2, FLOOR + 1, "two");
    op.conditional = true;
    cr_assert_eq (s_apply (&record, op).status, ZSEQ_EVERSION);
    s_apply (&record,
             (zseq_kv_op_t){.type = ZSEQ_KV_DEL, .op = 3, .since = FLOOR + 1});
    cr_assert_eq (s_apply (&record, op).status, ZSEQ_OK);
    cr_assert (zseq_kv_record_exists (&record));
}

Test (kv, a_delete_leaves_a_tombstone_with_a_version)
{
    zseq_kv_record_t record = s_record ();
    zseq_kv_op_t op = {.type = ZSEQ_KV_DEL, .op = 2, .since = FLOOR + 1};
    zseq_kv_outcome_t outcome = s_apply (&record, op);
    cr_assert (outcome.writes);
    cr_assert_eq (outcome.version, FLOOR + 2);
    cr_assert (record.tombstone);
    cr_assert_eq (record.value.size, 0);

    //  Again: it is found. Another delete has nothing to delete.
    cr_assert_eq (s_apply (&record, op).status, ZSEQ_OK);
    op.op = 3;
    outcome = s_apply (&record, op);
    cr_assert_eq (outcome.status, ZSEQ_ENOKEY);
    cr_assert_eq (outcome.version, FLOOR + 2);
}

Test (kv, versions_end)
{
    zseq_kv_record_t record = s_record ();
    record.version = ZSEQ_KV_VERSION_MAX;
    zseq_kv_outcome_t outcome =
      s_apply (&record, s_put (2, ZSEQ_KV_VERSION_MAX, "two"));
    cr_assert_eq (outcome.status, ZSEQ_EEXHAUSTED);
    cr_assert_not (outcome.writes);
}

Test (kv, keys_spread_over_all_shards)
{
    uint64_t seen = 0;
    for (uint32_t key = 0; key < 2000; key++)
        seen |= (uint64_t) 1 << zseq_kv_shard (
                  (zseq_slice_t){(const char *) &key, sizeof key});
    cr_assert_eq (seen, UINT64_MAX);
}
