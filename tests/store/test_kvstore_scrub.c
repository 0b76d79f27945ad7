//  The key-value store reads back its files, and replaces what is damaged.

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zseq_fixture.h"
#include "zseq_kvstate.h"
#include "zseq_kvstore_format.h"

TestSuite (kvstore_scrub, .init = fixture_init, .fini = fixture_term);

enum { FILES_MAX = 32 };

typedef enum { S_NOTHING, S_FLIP, S_CUT, S_DELETE, S_SWAP } s_kind_t;

//  What is done to which file.
typedef struct {
    s_kind_t kind;
    char file[600];
    size_t at;
    char other[600];  //  Whose bytes a file gets
} s_change_t;

static void
s_change (void *arg)
{
    const s_change_t *change = arg;
    size_t size;
    uint8_t byte;
    int fd = open (change->file, O_RDWR);
    cr_assert_geq (fd, 0, "%s", change->file);
    switch (change->kind) {
    case S_NOTHING:
        break;
    case S_FLIP:
        cr_assert_eq (pread (fd, &byte, 1, (off_t) change->at), 1);
        byte ^= 0x40;
        cr_assert_eq (pwrite (fd, &byte, 1, (off_t) change->at), 1);
        break;
    case S_CUT:
        cr_assert_eq (ftruncate (fd, (off_t) change->at), 0);
        break;
    case S_DELETE:
        unlink (change->file);
        break;
    case S_SWAP: {
        uint8_t *bytes = fixture_read (change->other, &size);
        fixture_put (change->file, bytes, size);
        free (bytes);
    }
    }
    close (fd);
}

//  The names of the files in kv whose names begin so, in order. Returns how
//  many.
static size_t
s_list (const char *prefix, char names[FILES_MAX][64])
{
    struct dirent **entries;
    size_t count = 0;
    int found = scandir (fixture_file ("kv"), &entries, NULL, alphasort);
    for (int i = 0; i < found; i++) {
        if (strncmp (entries[i]->d_name, prefix, strlen (prefix)) == 0) {
            cr_assert_lt (count, FILES_MAX);
            snprintf (names[count++], 64, "%.60s", entries[i]->d_name);
        }
        free (entries[i]);
    }
    free (entries);
    return count;
}

static void
s_path (char *path, const char *name)
{
    char file[80];
    snprintf (file, sizeof file, "kv/%.60s", name);
    snprintf (path, 600, "%.599s", fixture_file (file));
}

//  A file's size without the zeros at its end; 0 if it holds no batch.
static size_t
s_used (const char *path)
{
    size_t size;
    uint8_t *bytes = fixture_read (path, &size);
    while (size > 0 && bytes[size - 1] == 0)
        size--;
    free (bytes);
    return size > ZSEQ_KVSTORE_HEADER_SIZE ? size : 0;
}

//  What was done to a file is noticed, named and repaired: the next start finds
//  all that was written.
static void
s_assert_repaired (kvstate_report_t *report, s_change_t *change,
                   const char *name)
{
    report->damaged = 0;
    kvstate_read_back (report, 0, s_change, change);
    cr_assert_geq (report->damaged, 1, "%s at %zu", name, change->at);
    cr_assert (strstr (report->damage, name), "%s is not in \"%s\"", name,
               report->damage);
    cr_assert_eq (report->fatal, 0);
    kvstate_counters_t counters;
    zseq_kvstore_load_result_t result;
    cr_assert_eq (kvstate_check (report->durable, &counters, &result), ZSEQ_OK,
                  "%s at %zu: %s", name, change->at, kvstate_text ());
    cr_assert_eq (
      memcmp (&counters, &report->after[report->submitted], sizeof counters), 0,
      "%s at %zu", name, change->at);
}

//  Makes a node with snapshots and segments.
static kvstate_report_t *
s_make (void)
{
    fixture_make_node ();
    kvstate_report_t *report = kvstate_report_new ();
    kvstate_play (report, 8, 40, NULL, NULL);
    return report;
}

//  Does that to a place of each file of a kind, in steps. Repairs make new
//  segments, so there are groups in between.
static void
s_try (kvstate_report_t *report, const char *prefix, s_kind_t kind, size_t step)
{
    bool more = true;
    for (size_t place = 0; more; place++) {
        char names[FILES_MAX][64];
        kvstate_play (report, 0, 4, NULL, NULL);
        size_t count = s_list (prefix, names);
        cr_assert_geq (count, 1);
        more = false;
        for (size_t i = 0; i < count; i++) {
            s_change_t change = {.kind = kind, .at = place * step + i};
            s_path (change.file, names[i]);
            if (!fixture_exists (change.file) ||
                change.at >= s_used (change.file))
                continue;
            s_assert_repaired (report, &change, names[i]);
            more = true;
        }
    }
}

Test (kvstore_scrub, reads_back_what_it_wrote)
{
    kvstate_report_t *report = s_make ();
    s_change_t nothing = {.kind = S_NOTHING};
    char names[FILES_MAX][64];
    cr_assert_geq (s_list ("shard-", names), 2);
    s_path (nothing.file, names[0]);
    kvstate_read_back (report, 0, s_change, &nothing);
    cr_assert_eq (report->damaged, 0, "%s", report->damage);
    cr_assert_gt (report->checked, 8);
}

Test (kvstore_scrub, replaces_a_snapshot_with_a_changed_byte)
{
    s_try (s_make (), "shard-", S_FLIP, 7);
}

Test (kvstore_scrub, replaces_a_snapshot_that_was_cut)
{
    s_try (s_make (), "shard-", S_CUT, 50);
}

Test (kvstore_scrub, replaces_a_segment_with_a_changed_byte)
{
    s_try (s_make (), "journal-", S_FLIP, 61);
}

Test (kvstore_scrub, replaces_files_that_are_gone)
{
    kvstate_report_t *report = s_make ();
    char names[FILES_MAX][64];
    s_change_t change = {.kind = S_DELETE};
    size_t count = s_list ("shard-", names);
    for (size_t i = 0; i < count; i++) {
        s_path (change.file, names[i]);
        s_assert_repaired (report, &change, names[i]);
    }
    //  Another process has taken the directory if the newest one is gone.
    s_list ("journal-", names);
    s_path (change.file, names[0]);
    s_assert_repaired (report, &change, names[0]);
}

Test (kvstore_scrub, replaces_an_intact_file_that_is_not_its_own)
{
    kvstate_report_t *report = s_make ();
    char names[FILES_MAX][64];
    s_change_t change = {.kind = S_SWAP};
    cr_assert_geq (s_list ("shard-", names), 2);
    s_path (change.file, names[0]);
    s_path (change.other, names[1]);
    s_assert_repaired (report, &change, names[0]);
    while (s_list ("journal-", names) < 2)
        kvstate_play (report, 0, 1, NULL, NULL);
    s_path (change.file, names[0]);
    s_path (change.other, names[1]);
    s_assert_repaired (report, &change, names[0]);
}
