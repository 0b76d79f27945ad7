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

typedef enum { S_FLIP, S_CUT, S_DELETE, S_SWAP } s_kind_t;

//  What is done to which file of those whose names begin so.
typedef struct {
    s_kind_t kind;
    const char *prefix;
    size_t index;
    size_t at;      //  Which byte
    char name[64];  //  What was changed; empty: there is no such file or byte
} s_change_t;

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

static void
s_flip (const char *path, size_t at)
{
    uint8_t byte;
    int fd = open (path, O_RDWR);
    cr_assert_eq (pread (fd, &byte, 1, (off_t) at), 1);
    byte ^= 0x40;
    cr_assert_eq (pwrite (fd, &byte, 1, (off_t) at), 1);
    close (fd);
}

//  Puts the bytes of one file in the place of another's.
static void
s_swap (const char *path, const char *other)
{
    size_t size;
    uint8_t *bytes = fixture_read (other, &size);
    fixture_put (path, bytes, size);
    free (bytes);
}

//  Called while the store is open, so that the files are those in use.
static void
s_change (void *arg)
{
    s_change_t *change = arg;
    char names[FILES_MAX][64];
    char path[600];
    char other[600];
    size_t count = s_list (change->prefix, names);
    change->name[0] = 0;
    if (change->index >= count)
        return;
    s_path (path, names[change->index]);
    if (change->at >= s_used (path))
        return;
    strcpy (change->name, names[change->index]);
    switch (change->kind) {
    case S_FLIP:
        s_flip (path, change->at);
        break;
    case S_CUT:
        cr_assert_eq (truncate (path, (off_t) change->at), 0);
        break;
    case S_DELETE:
        unlink (path);
        break;
    case S_SWAP:
        cr_assert_geq (count, 2);
        s_path (other, names[change->index ? 0 : 1]);
        s_swap (path, other);
        break;
    }
}

//  Does that. It is noticed once and named, unless a new snapshot was due and
//  came first; and repaired: the next start finds all that was written. Returns
//  whether there was such a file and byte.
static bool
s_repairs (kvstate_report_t *report, s_change_t change)
{
    report->damaged = 0;
    kvstate_read_back (report, 0, s_change, &change);
    cr_assert_eq (report->fatal, 0);
    if (!change.name[0])
        return false;
    cr_assert_leq (report->damaged, 1, "%s at %zu", change.name, change.at);
    if (report->damaged == 1)
        cr_assert (strstr (report->damage, change.name), "%s is not in \"%s\"",
                   change.name, report->damage);
    kvstate_counters_t counters;
    zseq_kvstore_load_result_t result;
    cr_assert_eq (kvstate_check (report->durable, &counters, &result), ZSEQ_OK,
                  "%s at %zu: %s", change.name, change.at, kvstate_text ());
    cr_assert_eq (
      memcmp (&counters, &report->after[report->submitted], sizeof counters), 0,
      "%s at %zu", change.name, change.at);
    return true;
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

//  Does that to places of each file of a kind, in steps. Repairs make new
//  segments, so there are groups in between. Nearly all are noticed. Returns
//  how often that was done.
static size_t
s_try (kvstate_report_t *report, s_change_t change, size_t step)
{
    size_t repaired = 0;
    size_t noticed = 0;
    bool more = true;
    for (size_t place = 0; more; place++) {
        kvstate_play (report, 0, 4, NULL, NULL);
        more = false;
        for (change.index = 0; change.index < 8; change.index++) {
            change.at = place * step + change.index;
            if (s_repairs (report, change)) {
                more = true;
                repaired++;
                noticed += report->damaged;
            }
        }
    }
    cr_assert_geq (10 * noticed, 9 * repaired, "%zu of %zu", noticed, repaired);
    return repaired;
}

Test (kvstore_scrub, finds_nothing_wrong_with_what_it_wrote)
{
    kvstate_report_t *report = s_make ();
    s_change_t nothing = {.prefix = "shard-", .index = FILES_MAX};
    cr_assert_not (s_repairs (report, nothing));
    cr_assert_eq (report->damaged, 0, "%s", report->damage);
    cr_assert_gt (report->checked, 8);
}

//  Snapshots are replaced and segments deleted while they are read.
Test (kvstore_scrub, finds_nothing_wrong_while_groups_keep_coming)
{
    kvstate_report_t *report = s_make ();
    kvstate_read_back_in_use (report, 400);
    cr_assert_eq (report->damaged, 0, "%s", report->damage);
    cr_assert_eq (report->checked, 400);
}

Test (kvstore_scrub, replaces_a_snapshot_with_a_changed_byte)
{
    s_change_t change = {S_FLIP, "shard-", 0, 0, ""};
    cr_assert_gt (s_try (s_make (), change, 7), 50);
}

Test (kvstore_scrub, replaces_a_snapshot_that_was_cut)
{
    s_change_t change = {S_CUT, "shard-", 0, 0, ""};
    cr_assert_gt (s_try (s_make (), change, 50), 8);
}

Test (kvstore_scrub, replaces_a_segment_with_a_changed_byte)
{
    s_change_t change = {S_FLIP, "journal-", 0, 0, ""};
    cr_assert_gt (s_try (s_make (), change, 61), 20);
}

Test (kvstore_scrub, replaces_files_that_are_gone)
{
    kvstate_report_t *report = s_make ();
    s_change_t change = {S_DELETE, "shard-", 0, 0, ""};
    for (; change.index < 4; change.index++)
        cr_assert (s_repairs (report, change));
    //  Another process has taken the directory if the newest segment is gone.
    char names[FILES_MAX][64];
    while (s_list ("journal-", names) < 3)
        kvstate_play (report, 0, 1, NULL, NULL);
    change = (s_change_t){S_DELETE, "journal-", 0, 0, ""};
    cr_assert (s_repairs (report, change));
}

Test (kvstore_scrub, replaces_an_intact_file_that_is_not_its_own)
{
    kvstate_report_t *report = s_make ();
    s_change_t change = {S_SWAP, "shard-", 0, 0, ""};
    cr_assert (s_repairs (report, change));
    char names[FILES_MAX][64];
    while (s_list ("journal-", names) < 3)
        kvstate_play (report, 0, 1, NULL, NULL);
    change = (s_change_t){S_SWAP, "journal-", 0, 0, ""};
    cr_assert (s_repairs (report, change));
}
