//  The key-value store: what is written is there at the next start.

#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zseq_assert.h"
#include "zseq_example.h"
#include "zseq_faults.h"
#include "zseq_fixture.h"
#include "zseq_kvstate.h"
#include "zseq_kvstore_format.h"

TestSuite (kvstore, .init = fixture_init, .fini = fixture_term);

//  The directory holds the state after the last position.
static void
s_assert_final (const kvstate_report_t *report)
{
    kvstate_counters_t counters;
    zseq_kvstore_load_result_t result;
    cr_assert_eq (kvstate_check (report->durable, &counters, &result), ZSEQ_OK,
                  "%s", kvstate_text ());
    cr_assert_eq (result.position, report->submitted);
    for (size_t i = 0; i < KVSTATE_COUNTERS; i++)
        cr_assert_eq (counters.counter[i],
                      report->after[report->submitted].counter[i],
                      "counter %zu is %u", i, counters.counter[i]);
}

Test (kvstore, is_empty_at_first)
{
    fixture_make_node ();
    kvstate_counters_t counters;
    zseq_kvstore_load_result_t result;
    cr_assert_eq (kvstate_check (0, &counters, &result), ZSEQ_OK, "%s",
                  kvstate_text ());
    cr_assert_eq (result.position, 0);
    cr_assert_eq (result.unfinished, 0);
    for (size_t i = 0; i < KVSTATE_COUNTERS; i++)
        cr_assert_eq (counters.counter[i], 0);
    //  A node that has no keys pays for one small file.
    cr_assert_eq (fixture_count (fixture_file ("kv"), ""), 1);
    struct stat info;
    cr_assert_eq (stat (fixture_file ("kv/journal-00000001"), &info), 0);
    cr_assert_lt (info.st_size, 1024);
}

Test (kvstore, keeps_what_was_written)
{
    fixture_make_node ();
    kvstate_report_t *report = kvstate_report_new ();
    for (int start = 0; start < 4; start++) {
        kvstate_play (report, 0, 5, NULL, NULL);
        cr_assert_eq (report->durable, report->submitted);
        s_assert_final (report);
    }
}

Test (kvstore, keeps_it_over_snapshots_and_segments)
{
    fixture_make_node ();
    kvstate_report_t *report = kvstate_report_new ();
    for (int start = 0; start < 4; start++) {
        kvstate_play (report, report->snapshots + 20, 0, NULL, NULL);
        s_assert_final (report);
    }
    cr_assert (!fixture_exists (fixture_file ("kv/journal-00000001")));
    //  The journal is bounded: two segments, what is written while they are
    //  compacted, which for so small ones takes long, and one ahead.
    cr_assert_leq (fixture_count (fixture_file ("kv"), "journal-"), 20);
    cr_assert_eq (fixture_count (fixture_file ("kv"), ".tmp"), 0);
}

//  Opens an intact directory.
static zseq_kvstore_t *
s_start (zseq_store_t **store_p)
{
    zseq_kvstore_t *kv;
    kvstate_t state;
    zseq_kvstore_load_result_t result;
    cr_assert_eq (kvstate_open (store_p, &kv, 0, &state, &result), ZSEQ_OK,
                  "%s", kvstate_text ());
    kvstate_term (&state);
    cr_assert_eq (zseq_kvstore_start (kv), ZSEQ_OK);
    return kv;
}

static void
s_end (zseq_kvstore_t **kv_p, zseq_store_t **store_p)
{
    zseq_kvstore_destroy (kv_p);
    zseq_store_destroy (store_p);
}

//  Records of each key, of that version and size. Returns their count.
static size_t
s_make_records (zseq_kv_change_t *changes, uint64_t version, size_t size)
{
    for (size_t i = 0; i < KVSTATE_KEYS; i++)
        changes[i] =
          (zseq_kv_change_t){.type = ZSEQ_KV_CHANGE_RECORD,
                             .accepted = kvstate_register (i, version, size)};
    return KVSTATE_KEYS;
}

static void
s_release (zseq_kv_change_t *changes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        zseq_register_release (&changes[i].accepted);
    }
}

Test (kvstore, writes_a_group_that_exceeds_a_batch)
{
    fixture_make_node ();
    zseq_store_t *store;
    zseq_kvstore_t *kv = s_start (&store);
    zseq_kv_change_t changes[KVSTATE_KEYS];
    for (uint64_t version = 1; version <= 20; version++) {
        size_t count = s_make_records (changes, version, 700);
        cr_assert_eq (kvstate_write (kv, version, changes, count), ZSEQ_OK);
        s_release (changes, count);
    }
    s_end (&kv, &store);
    kvstate_counters_t counters;
    zseq_kvstore_load_result_t result;
    cr_assert_eq (kvstate_check (20, &counters, &result), ZSEQ_OK, "%s",
                  kvstate_text ());
    cr_assert_eq (result.position, 20);
    for (size_t i = 0; i < KVSTATE_KEYS; i++)
        cr_assert_eq (counters.counter[i], 20);
}

Test (kvstore, keeps_a_value_and_a_key_of_any_size)
{
    uint8_t bytes[ZSEQ_KVSTORE_RECORD_MAX];
    static char data[ZSEQ_VALUE_MAX];
    static const size_t sizes[] = {0, 1, ZSEQ_VALUE_MAX - 1, ZSEQ_VALUE_MAX};
    char key[ZSEQ_KEY_MAX];
    memset (key, 0, sizeof key);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        zseq_kv_record_t record;
        zseq_kv_record_t found;
        zseq_kv_record_init (&record,
                             (zseq_slice_t){key, i % 2 ? 1 : ZSEQ_KEY_MAX}, 0);
        record.proposal.seq = 1;
        record.dedup_count = ZSEQ_DEDUP_MAX;
        record.value = (zseq_slice_t){data, sizes[i]};
        zseq_store_writing_t writing = {bytes, 0};
        zseq_kvstore_record_put (&writing, &record);
        cr_assert_eq (writing.size, zseq_kvstore_record_size (&record));
        zseq_store_reading_t reading = {bytes, writing.size, false};
        cr_assert (zseq_kvstore_record_get (&reading, &found));
        cr_assert_eq (reading.left, 0);
        cr_assert_eq (found.key.size, record.key.size);
        cr_assert_eq (found.value.size, sizes[i]);
        cr_assert_eq (found.dedup_count, ZSEQ_DEDUP_MAX);
    }
}

Test (kvstore, acknowledges_after_one_write_and_one_sync)
{
    fixture_make_node ();
    zseq_store_t *store;
    zseq_kvstore_t *kv = s_start (&store);
    zseq_kv_change_t change = {.type = ZSEQ_KV_CHANGE_PROMISE,
                               .shard = 7,
                               .promise = {1, 1},
                               .dropped = 3};
    zseq_faults_begin (fixture_node ());
    cr_assert_eq (kvstate_write (kv, 1, &change, 1), ZSEQ_OK);
    //  The thread goes on with zeros.
    s_end (&kv, &store);
    size_t index = 0;
    ASSERT_LINES (index, "write kv/journal-00000001",
                  "fdatasync kv/journal-00000001", "complete");
}

Test (kvstore, goes_on_in_the_next_segment_only_when_it_is_durable)
{
    fixture_make_node ();
    zseq_store_t *store;
    zseq_kvstore_t *kv = s_start (&store);
    zseq_faults_begin (fixture_node ());
    zseq_kv_change_t change = {.type = ZSEQ_KV_CHANGE_RECORD,
                               .accepted = kvstate_register (0, 1, 900)};
    for (uint64_t position = 1; position <= 8; position++)
        cr_assert_eq (kvstate_write (kv, position, &change, 1), ZSEQ_OK);
    s_release (&change, 1);
    s_end (&kv, &store);
    size_t count;
    zseq_faults_log (&count);
    size_t made = 0;
    size_t synced = 0;
    size_t first = 0;
    for (size_t i = 0; i < count; i++) {
        const char *line = zseq_faults_line (i);
        if (!made && strcmp (line, "rename kv/.tmp kv/journal-00000002") == 0)
            made = i;
        if (made && !synced && strcmp (line, "fsync kv") == 0)
            synced = i;
        if (!first && strcmp (line, "write kv/journal-00000002") == 0)
            first = i;
    }
    cr_assert_gt (made, 0);
    cr_assert_gt (synced, made);
    cr_assert_gt (first, synced);
}

//  Waits for a failure that no group reports.
static void
s_assert_fails (zseq_kvstore_t *kv, const char *text)
{
    zseq_kvstore_done_t done;
    struct pollfd fd = {zseq_kvstore_fd (kv), POLLIN, 0};
    cr_assert_eq (poll (&fd, 1, 10000), 1);
    cr_assert_eq (zseq_kvstore_collect (kv, &done, 1), 1);
    cr_assert_eq (done.type, ZSEQ_KVSTORE_FAILED);
    cr_assert_eq (done.status, ZSEQ_EIO);
    cr_assert (strstr (zseq_kvstore_text (kv), text), "%s",
               zseq_kvstore_text (kv));
    zseq_kv_change_t change = {.type = ZSEQ_KV_CHANGE_CLEARED};
    cr_assert_eq (kvstate_write (kv, 99, &change, 1), ZSEQ_EIO);
}

Test (kvstore, stops_when_its_directory_is_moved)
{
    fixture_make_node ();
    zseq_store_t *store;
    zseq_kvstore_t *kv = s_start (&store);
    cr_assert_eq (rename (fixture_node (), fixture_path ("moved")), 0);
    s_assert_fails (kv, "moved away");
    cr_assert_eq (rename (fixture_path ("moved"), fixture_node ()), 0);
    s_end (&kv, &store);
}

Test (kvstore, stops_when_kv_is_replaced)
{
    fixture_make_node ();
    zseq_store_t *store;
    zseq_kvstore_t *kv = s_start (&store);
    cr_assert_eq (rename (fixture_file ("kv"), fixture_path ("moved")), 0);
    cr_assert_eq (mkdir (fixture_file ("kv"), 0700), 0);
    s_assert_fails (kv, "kv: written, moved or removed");
    s_end (&kv, &store);
}

Test (kvstore, stops_when_another_process_appends_to_its_journal)
{
    fixture_make_node ();
    zseq_store_t *store;
    zseq_kvstore_t *kv = s_start (&store);
    FILE *file = fopen (fixture_file ("kv/journal-00000001"), "ab");
    cr_assert (file);
    for (int i = 0; i < 1000; i++)
        fputc (0, file);
    fclose (file);
    zseq_kv_change_t change = {.type = ZSEQ_KV_CHANGE_CLEARED};
    cr_assert_eq (kvstate_write (kv, 1, &change, 1), ZSEQ_EIO);
    cr_assert (strstr (zseq_kvstore_text (kv), "another process"));
    s_end (&kv, &store);
}

Test (kvstore, stops_when_another_process_signs_the_directory)
{
    fixture_make_node ();
    zseq_store_t *store;
    zseq_kvstore_t *kv = s_start (&store);
    fixture_put (fixture_file ("lock"), "1 0123456789abcdef\n", 19);
    s_assert_fails (kv, "another process has taken the directory");
    s_end (&kv, &store);
}

Test (kvstore, does_not_care_for_a_deleted_lock_file)
{
    fixture_make_node ();
    zseq_store_t *store;
    zseq_kvstore_t *kv = s_start (&store);
    zseq_kv_change_t change = {.type = ZSEQ_KV_CHANGE_CLEARED};
    cr_assert_eq (kvstate_write (kv, 1, &change, 1), ZSEQ_OK);
    unlink (fixture_file ("lock"));
    cr_assert_eq (kvstate_write (kv, 2, &change, 1), ZSEQ_OK);
    s_end (&kv, &store);
}

Test (kvstore, writes_the_bytes_that_the_document_shows)
{
    uint8_t bytes[512];
    const zseq_kvstore_header_t header = {FIXTURE_IDENTITY, 1, 7, 0x5a17};
    const zseq_ballot_t ballot = {3, 0x0a0b0c0d0e0f1001};
    zseq_kv_record_t record;
    zseq_kv_record_init (&record, (zseq_slice_t){"color", 5}, 0);
    record.proposal = (zseq_proposal_t){ballot, 9};
    record.version = 0x300000001;
    record.from = 0x200000005;
    record.dedup_count = 1;
    record.dedup[0] = (zseq_dedup_t){0x77, 0x300000001};
    record.value = (zseq_slice_t){"red", 3};
    zseq_kv_record_t dropped;
    zseq_kv_record_init (&dropped, (zseq_slice_t){"size", 4}, 0);
    dropped.proposal = (zseq_proposal_t){ballot, 2};
    dropped.version = 0x200000009;
    uint8_t shard = zseq_kv_shard (record.key);

    zseq_kvstore_header_encode (&header, bytes);
    zseq_kvstore_batch_t batch = {bytes + ZSEQ_KVSTORE_HEADER_SIZE, 0};
    zseq_kvstore_batch_begin (&batch);
    zseq_kvstore_batch_promise (&batch, shard, &ballot, 0x200000005);
    zseq_kvstore_batch_record (&batch, &record);
    zseq_kvstore_batch_dropped (&batch, &dropped);
    const zseq_journal_end_t end = {{2, 0x5a5a}, 17};
    zseq_kvstore_batch_heard (&batch, 2, &end);
    (void) zseq_kvstore_batch_seal (&batch, header.salt, 42, 0xc0ffee);
    assert_example ("Example: a segment of registers", bytes,
                    ZSEQ_KVSTORE_HEADER_SIZE + batch.size);

    const zseq_kvstore_shot_header_t shot = {
      .identity = FIXTURE_IDENTITY,
      .node = 1,
      .shard = shard,
      .position = 42,
      .promise = ballot,
      .dropped = 0x200000009,
      .records_size = zseq_kvstore_record_size (&record)};
    zseq_kvstore_shot_encode (&shot, bytes);
    zseq_store_writing_t writing = {bytes, ZSEQ_KVSTORE_SHOT_HEADER_SIZE};
    zseq_kvstore_record_put (&writing, &record);
    zseq_store_put_checksum (&writing);
    assert_example ("Example: a snapshot of a shard", bytes, writing.size);
}
