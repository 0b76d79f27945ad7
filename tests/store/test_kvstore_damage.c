//  The key-value store finds what a disk or an operator has done to it.

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zseq_assert.h"
#include "zseq_fixture.h"
#include "zseq_kvstate.h"
#include "zseq_kvstore_format.h"
#include "zseq_store_verify.h"

TestSuite (kvstore_damage, .init = fixture_init, .fini = fixture_term);

enum { FILES_MAX = 64 };

typedef struct {
    char name[64];
    uint8_t *bytes;
    size_t size;
} s_file_t;

static s_file_t s_files[FILES_MAX];
static size_t s_count;
static kvstate_report_t *s_report;

static const char *
s_path (const char *name)
{
    char file[80];
    snprintf (file, sizeof file, "kv/%.60s", name);
    return fixture_file (file);
}

static int
s_compare_files (const void *a, const void *b)
{
    return strcmp (((const s_file_t *) a)->name, ((const s_file_t *) b)->name);
}

//  Makes a node with snapshots and several segments, and notes its files.
static void
s_make (size_t snapshots)
{
    fixture_make_node ();
    s_report = kvstate_report_new ();
    kvstate_play (s_report, snapshots, 40, NULL, NULL);
    DIR *stream = opendir (fixture_file ("kv"));
    cr_assert (stream);
    const struct dirent *entry;
    s_count = 0;
    while ((entry = readdir (stream))) {
        if (entry->d_name[0] == '.')
            continue;
        cr_assert_lt (s_count, FILES_MAX);
        s_file_t *file = &s_files[s_count++];
        snprintf (file->name, sizeof file->name, "%.60s", entry->d_name);
        file->bytes = fixture_read (s_path (file->name), &file->size);
    }
    closedir (stream);
    qsort (s_files, s_count, sizeof *s_files, s_compare_files);
}

static void
s_restore (const s_file_t *file)
{
    fixture_put (s_path (file->name), file->bytes, file->size);
}

static bool
s_is_journal (const s_file_t *file)
{
    return strncmp (file->name, "journal-", 8) == 0;
}

//  Loads, and restores the files that loading has tidied.
static int
s_check (uint64_t heard, kvstate_counters_t *counters, uint64_t *position_p)
{
    zseq_kvstore_load_result_t result;
    int rc = kvstate_check (heard, counters, &result);
    *position_p = result.position;
    for (size_t i = 0; i < s_count; i++)
        if (!fixture_exists (s_path (s_files[i].name)) ||
            s_is_journal (&s_files[i]))
            s_restore (&s_files[i]);
    return rc;
}

static bool
s_is_after (const kvstate_counters_t *counters, uint64_t position)
{
    return memcmp (counters, &s_report->after[position], sizeof *counters) == 0;
}

//  Loading reports damage, or finds all that peers have heard of.
static void
s_assert_noticed (const char *what, const char *name, size_t at)
{
    kvstate_counters_t counters;
    uint64_t position;
    int rc = s_check (s_report->durable, &counters, &position);
    if (rc == ZSEQ_EDAMAGED || rc == ZSEQ_EFOREIGN)
        return;
    cr_assert_eq (rc, ZSEQ_OK, "%s %s %zu: %d %s", what, name, at, rc,
                  kvstate_text ());
    cr_assert (s_is_after (&counters, s_report->durable),
               "%s %s %zu: not noticed", what, name, at);
}

//  Loading reports damage, or finds the state after the position where it says
//  that the journal ends.
static bool
s_assert_consistent (const char *what, const char *name, size_t at)
{
    kvstate_counters_t counters;
    uint64_t position;
    int rc = s_check (0, &counters, &position);
    if (rc == ZSEQ_EDAMAGED || rc == ZSEQ_EFOREIGN)
        return false;
    cr_assert_eq (rc, ZSEQ_OK, "%s %s %zu: %d %s", what, name, at, rc,
                  kvstate_text ());
    cr_assert (s_is_after (&counters, position),
               "%s %s %zu: not the state after %lu", what, name, at, position);
    return true;
}

Test (kvstore_damage, notices_every_changed_byte)
{
    s_make (12);
    for (size_t i = 0; i < s_count; i++)
        for (size_t at = 0; at < s_files[i].size; at++) {
            uint8_t *bytes = s_files[i].bytes;
            bytes[at] ^= (uint8_t) (1u << at % 8);
            s_restore (&s_files[i]);
            bytes[at] ^= (uint8_t) (1u << at % 8);
            s_assert_noticed ("byte", s_files[i].name, at);
            s_restore (&s_files[i]);
        }
}

Test (kvstore_damage, notices_a_changed_byte_of_a_group_that_is_not_the_last)
{
    s_make (12);
    for (size_t i = 0; i < s_count; i++)
        for (size_t at = 0; at < s_files[i].size; at += 3) {
            uint8_t *bytes = s_files[i].bytes;
            bytes[at] ^= (uint8_t) (1u << at % 8);
            s_restore (&s_files[i]);
            bytes[at] ^= (uint8_t) (1u << at % 8);
            kvstate_counters_t counters;
            uint64_t position;
            //  The store has ended well, so the last batch is of no group.
            if (s_check (0, &counters, &position) == ZSEQ_OK)
                cr_assert (s_is_after (&counters, s_report->durable), "%s %zu",
                           s_files[i].name, at);
            s_restore (&s_files[i]);
        }
}

Test (kvstore_damage, notices_every_cut)
{
    s_make (12);
    for (size_t i = 0; i < s_count; i++)
        for (size_t size = 0; size < s_files[i].size; size += 7) {
            fixture_put (s_path (s_files[i].name), s_files[i].bytes, size);
            s_assert_noticed ("cut", s_files[i].name, size);
            fixture_put (s_path (s_files[i].name), s_files[i].bytes, size);
            (void) s_assert_consistent ("cut", s_files[i].name, size);
            s_restore (&s_files[i]);
        }
}

Test (kvstore_damage, notices_every_lost_file)
{
    s_make (12);
    size_t lost = 0;
    for (size_t i = 0; i < s_count; i++) {
        unlink (s_path (s_files[i].name));
        lost += !s_assert_consistent ("lost", s_files[i].name, 0);
        unlink (s_path (s_files[i].name));
        s_assert_noticed ("lost", s_files[i].name, 0);
    }
    //  Not needed may be: a segment that was made ahead, the oldest one if the
    //  store ended before it was deleted, a snapshot that no base names yet.
    cr_assert_geq (lost + 3, s_count);
}

Test (kvstore_damage, notices_a_cut_journal_with_each_lost_or_cut_snapshot)
{
    s_make (12);
    for (size_t j = 0; j < s_count; j++) {
        if (!s_is_journal (&s_files[j]))
            continue;
        for (size_t i = 0; i < s_count; i++) {
            if (i == j)
                continue;
            for (size_t size = 0; size < s_files[j].size; size += 29) {
                unlink (s_path (s_files[i].name));
                fixture_put (s_path (s_files[j].name), s_files[j].bytes, size);
                (void) s_assert_consistent ("pair", s_files[i].name, size);
            }
            s_restore (&s_files[i]);
        }
    }
}

Test (kvstore_damage, notices_an_old_snapshot_that_was_restored)
{
    s_make (12);
    size_t refused = 0;
    static s_file_t old[FILES_MAX];
    size_t old_count = s_count;
    memcpy (old, s_files, sizeof old);
    kvstate_play (s_report, s_report->snapshots + 30, 0, NULL, NULL);
    s_count = 0;
    for (size_t i = 0; i < old_count; i++) {
        if (s_is_journal (&old[i]))
            continue;
        size_t size;
        uint8_t *bytes = fixture_read (s_path (old[i].name), &size);
        s_restore (&old[i]);
        refused += !s_assert_consistent ("old", old[i].name, 0);
        fixture_put (s_path (old[i].name), bytes, size);
        free (bytes);
    }
    cr_assert_gt (refused, 0);
    cr_assert (s_assert_consistent ("whole", "", 0));
}

Test (kvstore_damage, refuses_what_peers_know_to_be_longer)
{
    fixture_make_node ();
    s_report = kvstate_report_new ();
    kvstate_play (s_report, 0, 5, NULL, NULL);
    cr_assert_eq (kvstate_check (s_report->durable + 1, NULL, NULL),
                  ZSEQ_EDAMAGED);
    cr_assert (strstr (kvstate_text (), "the journal ends at"));
    cr_assert_eq (kvstate_check (s_report->durable, NULL, NULL), ZSEQ_OK);
}

Test (kvstore_damage, names_what_is_missing_or_unexpected)
{
    fixture_make_node ();
    cr_assert_eq (rename (fixture_file ("kv"), fixture_path ("kept")), 0);
    cr_assert_eq (kvstate_check (0, NULL, NULL), ZSEQ_EDAMAGED);
    cr_assert (strstr (kvstate_text (), "kv: missing"));
    fixture_put (fixture_file ("kv"), "x", 1);
    cr_assert_eq (kvstate_check (0, NULL, NULL), ZSEQ_EDAMAGED);
    cr_assert (strstr (kvstate_text (), "kv: not a directory"));
    unlink (fixture_file ("kv"));
    mkdir (fixture_file ("kv"), 0700);
    cr_assert_eq (kvstate_check (0, NULL, NULL), ZSEQ_EDAMAGED);
    cr_assert (strstr (kvstate_text (), "kv: holds no journal"));
    rmdir (fixture_file ("kv"));
    cr_assert_eq (rename (fixture_path ("kept"), fixture_file ("kv")), 0);
    fixture_put (fixture_file ("kv/shard-40"), "x", 1);
    uint64_t sum = fixture_sum (fixture_node ());
    cr_assert_eq (kvstate_check (0, NULL, NULL), ZSEQ_EDAMAGED);
    cr_assert (strstr (kvstate_text (), "kv/shard-40: unexpected"));
    cr_assert_eq (fixture_sum (fixture_node ()), sum);
    unlink (fixture_file ("kv/shard-40"));
    cr_assert_eq (kvstate_check (0, NULL, NULL), ZSEQ_OK);
}

Test (kvstore_damage, refuses_files_of_another_cluster)
{
    s_make (3);
    for (size_t i = 0; i < s_count; i++) {
        uint8_t *bytes = s_files[i].bytes;
        size_t at = s_is_journal (&s_files[i]) ? 10 : 12;
        size_t end = s_is_journal (&s_files[i]) ? ZSEQ_KVSTORE_HEADER_SIZE
                                                : s_files[i].size;
        bytes[at] ^= 1;
        fixture_seal (bytes, end);
        s_restore (&s_files[i]);
        bytes[at] ^= 1;
        fixture_seal (bytes, end);
        cr_assert_eq (kvstate_check (0, NULL, NULL), ZSEQ_EFOREIGN, "%s",
                      s_files[i].name);
        cr_assert (strstr (kvstate_text (), "of another cluster"));
        s_restore (&s_files[i]);
    }
}

static void
s_assert_damage (const char *text)
{
    cr_assert_eq (kvstate_check (0, NULL, NULL), ZSEQ_EDAMAGED, "%s", text);
    cr_assert (strstr (kvstate_text (), text), "%s: %s", text, kvstate_text ());
}

Test (kvstore_damage, says_what_is_wrong_with_a_snapshot)
{
    s_make (3);
    size_t i = 0;
    while (i < s_count && s_is_journal (&s_files[i]))
        i++;
    cr_assert_lt (i, s_count);
    uint8_t *bytes = s_files[i].bytes;
    zseq_kvstore_shot_header_t header;
    const char *what;
    cr_assert_eq (
      zseq_kvstore_shot_decode (&header, bytes, s_files[i].size, &what),
      ZSEQ_OK);
    cr_assert_gt (header.records_size, 0);
    uint64_t position = header.position;
    header.position = 1u << 30;
    zseq_kvstore_shot_encode (&header, bytes);
    fixture_seal (bytes, s_files[i].size);
    s_restore (&s_files[i]);
    s_assert_damage ("newer than the end of the journal");
    header.position = position;
    zseq_kvstore_shot_encode (&header, bytes);
    header.shard ^= 1;
    zseq_kvstore_shot_encode (&header, bytes);
    fixture_seal (bytes, s_files[i].size);
    s_restore (&s_files[i]);
    s_assert_damage ("of another shard");
    header.shard ^= 1;
    zseq_kvstore_shot_encode (&header, bytes);
    memset (bytes + ZSEQ_KVSTORE_SHOT_HEADER_SIZE, 0xff, header.records_size);
    fixture_seal (bytes, s_files[i].size);
    s_restore (&s_files[i]);
    s_assert_damage ("holds an invalid record");
}

//  Writes a segment of that header with the first of two batches, or both. The
//  second does not follow the first.
static void
s_put_segment (const zseq_kvstore_header_t *header, const char *name,
               uint64_t next, bool both)
{
    uint8_t bytes[1024];
    zseq_kvstore_header_encode (header, bytes);
    size_t size = ZSEQ_KVSTORE_HEADER_SIZE;
    for (uint64_t i = 0; i < 1u + both; i++) {
        zseq_kvstore_batch_t batch = {bytes + size, 0};
        zseq_kvstore_batch_begin (&batch);
        if (next > 0)
            zseq_kvstore_batch_next (&batch, next);
        else
            zseq_kvstore_batch_cleared (&batch, 3);
        (void) zseq_kvstore_batch_seal (&batch, header->salt, 1 + i, 0);
        size += batch.size;
    }
    fixture_put (fixture_file (name), bytes, size);
}

//  Writes the first segment with a base of that oldest segment.
static void
s_put_base (const zseq_kvstore_header_t *header, uint64_t oldest)
{
    uint8_t bytes[1024];
    zseq_kvstore_header_encode (header, bytes);
    zseq_kvstore_batch_t batch = {bytes + ZSEQ_KVSTORE_HEADER_SIZE, 0};
    zseq_kvstore_base_t base = {.oldest = oldest};
    zseq_kvstore_batch_begin (&batch);
    zseq_kvstore_batch_base (&batch, &base);
    (void) zseq_kvstore_batch_seal (&batch, header->salt, 1, 0);
    fixture_put (fixture_file ("kv/journal-00000001"), bytes,
                 ZSEQ_KVSTORE_HEADER_SIZE + batch.size);
}

Test (kvstore_damage, says_what_is_wrong_with_a_segment)
{
    static const char first[] = "kv/journal-00000001";
    fixture_make_node ();
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file (first), &size);
    zseq_kvstore_header_t header;
    const char *what;
    cr_assert_eq (zseq_kvstore_header_decode (&header, bytes, size, &what),
                  ZSEQ_OK);
    fixture_put (fixture_file (first), bytes, 3);
    s_assert_damage ("too short for a segment of the journal");
    bytes[0] ^= 1;
    fixture_put (fixture_file (first), bytes, size);
    s_assert_damage ("not a segment of a journal");
    bytes[0] ^= 1;
    s_put_segment (&header, first, header.number + 2, false);
    s_assert_damage ("holds an invalid entry");
    s_put_segment (&header, first, 0, true);
    s_assert_damage ("holds a batch that does not follow the one before");
    s_put_segment (&header, first, 0, false);
    s_assert_damage ("does not say what the journal relies on");
    s_put_base (&header, 2);
    s_assert_damage ("relies on a segment that is yet to come");
    header.node++;
    s_put_base (&header, 1);
    cr_assert_eq (kvstate_check (0, NULL, NULL), ZSEQ_EFOREIGN);
    cr_assert (strstr (kvstate_text (), "of another node"));
    header.node--;
    header.number++;
    s_put_base (&header, 2);
    s_assert_damage ("of another number");
    header.number--;
    fixture_put (fixture_file (first), bytes, size);
    header.number++;
    s_put_segment (&header, "kv/journal-00000002", 0, false);
    s_assert_damage ("holds a batch, but the segment before does not name it");
    free (bytes);
}

//  A value may be anything, even a batch: that is none.
Test (kvstore_damage, takes_no_value_for_a_batch)
{
    fixture_make_node ();
    zseq_store_t *store;
    zseq_kvstore_t *kv;
    kvstate_t state;
    zseq_kvstore_load_result_t result;
    cr_assert_eq (kvstate_open (&store, &kv, 0, &state, &result), ZSEQ_OK);
    cr_assert_eq (zseq_kvstore_start (kv), ZSEQ_OK);
    uint8_t value[256];
    zseq_kvstore_batch_t batch = {value, 0};
    zseq_kvstore_batch_begin (&batch);
    zseq_kvstore_batch_cleared (&batch, 3);
    (void) zseq_kvstore_batch_seal (&batch, 0, 2, 0);
    zseq_kv_record_t record;
    zseq_kv_record_init (&record, kvstate_key (0), 0);
    record.proposal.seq = 1;
    record.version = 1;
    record.value = (zseq_slice_t){(char *) value, batch.size};
    zseq_register_t *reg = zseq_register_new (&record);
    zseq_kv_change_t change = {.type = ZSEQ_KV_CHANGE_RECORD, .accepted = reg};
    zseq_kv_change_t promise = {
      .type = ZSEQ_KV_CHANGE_PROMISE, .promise = {1, 1}, .dropped = 3};
    cr_assert_eq (kvstate_write (kv, 1, &promise, 1), ZSEQ_OK);
    cr_assert_eq (kvstate_write (kv, 2, &change, 1), ZSEQ_OK);
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file ("kv/journal-00000001"), &size);
    zseq_kvstore_destroy (&kv);
    zseq_store_destroy (&store);
    zseq_register_release (&reg);
    //  The last group was not finished: its first bytes are missing.
    uint8_t *at = memmem (bytes, size, value, batch.size);
    cr_assert (at);
    at -= ZSEQ_KVSTORE_BATCH_HEADER_SIZE + 1 +
          zseq_kvstore_record_size (&record) - batch.size;
    cr_assert_arr_eq (at, "zsqk", 4);
    memset (at, 0x55, 20);
    fixture_put (fixture_file ("kv/journal-00000001"), bytes, size);
    free (bytes);
    cr_assert_eq (kvstate_check (0, NULL, &result), ZSEQ_OK, "%s",
                  kvstate_text ());
    cr_assert_eq (result.position, 1);
    cr_assert_eq (result.unfinished, 1);
    cr_assert_eq (kvstate_check (0, NULL, &result), ZSEQ_OK);
    cr_assert_eq (result.unfinished, 0);
}

Test (kvstore_damage, begins_anew_after_a_group_that_clears_all)
{
    s_make (12);
    size_t lost = 0;
    for (size_t i = 0; i < s_count; i++)
        if (s_is_journal (&s_files[i])) {
            unlink (s_path (s_files[i].name));
            lost++;
        }
    zseq_store_t *store;
    zseq_kvstore_t *kv;
    kvstate_t state;
    zseq_kvstore_load_result_t result;
    uint64_t sum = fixture_sum (fixture_node ());
    cr_assert_eq (kvstate_open (&store, &kv, 0, &state, &result),
                  ZSEQ_EDAMAGED);
    cr_assert_eq (fixture_sum (fixture_node ()), sum);
    kvstate_term (&state);
    cr_assert_eq (zseq_kvstore_start (kv), ZSEQ_OK);
    zseq_kv_change_t changes[ZSEQ_SHARDS + 1];
    for (uint8_t i = 0; i < ZSEQ_SHARDS; i++)
        changes[i] =
          (zseq_kv_change_t){.type = ZSEQ_KV_CHANGE_CLEARED, .shard = i};
    zseq_register_t *reg = kvstate_register (2, 33, 100);
    changes[ZSEQ_SHARDS] =
      (zseq_kv_change_t){.type = ZSEQ_KV_CHANGE_RECORD, .accepted = reg};
    cr_assert_eq (kvstate_write (kv, 1, changes, ZSEQ_SHARDS + 1), ZSEQ_OK);
    zseq_register_release (&reg);
    zseq_kvstore_destroy (&kv);
    zseq_store_destroy (&store);
    kvstate_counters_t counters;
    cr_assert_eq (kvstate_check (1, &counters, &result), ZSEQ_OK, "%s",
                  kvstate_text ());
    cr_assert_eq (result.position, 1);
    for (size_t i = 0; i < KVSTATE_COUNTERS; i++)
        cr_assert_eq (counters.counter[i], i == 2 ? 33 : 0);
    cr_assert_eq (fixture_count (fixture_file ("damaged/1/kv"), ""),
                  s_count - lost);
}

static int
s_skip_name (const char *name, size_t size, uint64_t next, uint64_t durable_to,
             void *arg)
{
    (void) name;
    (void) size;
    (void) next;
    (void) durable_to;
    (void) arg;
    return ZSEQ_OK;
}

static void
s_assert_verified (size_t damaged, size_t unfinished)
{
    uint64_t sum = fixture_sum (fixture_node ());
    zseq_store_load_callbacks_t callbacks = {.name = s_skip_name};
    zseq_store_verified_t verified;
    char text[ZSEQ_STORE_TEXT_MAX];
    int rc = zseq_store_verify (fixture_node (), &callbacks, &verified, text);
    cr_assert_eq (rc, ZSEQ_OK, "%d, %s", rc, text);
    cr_assert_eq (verified.damaged, damaged, "%zu", verified.damaged);
    cr_assert_eq (verified.unfinished, unfinished, "%zu", verified.unfinished);
    cr_assert_eq (fixture_sum (fixture_node ()), sum);
}

Test (kvstore_damage, is_verified_without_changes)
{
    s_make (12);
    //  A segment may be left that was about to be deleted.
    cr_assert_eq (kvstate_check (0, NULL, NULL), ZSEQ_OK);
    s_assert_verified (0, 0);
    fixture_put (fixture_file ("kv/.tmp-1-1"), "x", 1);
    s_assert_verified (0, 1);
    fixture_corrupt (s_path (s_files[s_count - 1].name));
    s_assert_verified (1, 0);
    s_restore (&s_files[s_count - 1]);
    fixture_remove (fixture_file ("kv"));
    s_assert_verified (1, 0);
}
