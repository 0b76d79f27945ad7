//  Repair when the process dies, the power goes, or the disk is full.

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zseq_assert.h"
#include "zseq_faults.h"
#include "zseq_fixture.h"
#include "zseq_power.h"

TestSuite (store_faults_repair, .init = fixture_init, .fini = fixture_term);

//  A node that voted in its first incarnation, holds a to d, and is damaged in
//  one of several ways.

enum { KINDS = 7 };

static int s_kind;

static void
s_damage (const char *path)
{
    size_t size;
    uint8_t *bytes = fixture_read (path, &size);
    bytes[size / 2] ^= 4;
    fixture_put (path, bytes, size);
    free (bytes);
}

static void
s_make_damaged (void)
{
    fixture_node_with ((const char *[]){"a", "b", "c", "d%/"}, 4);
    if (s_kind == 0 || s_kind == 5) {
        s_damage (fixture_find ("b"));
        unlink (fixture_find ("d%25%2F"));
        fixture_put (fixture_file ("seq/odd"), "odd", 3);
        fixture_put (fixture_file (".tmp-1-1"), "x", 1);
    }
    if (s_kind == 1 || s_kind == 5)
        s_damage (fixture_file ("names"));
    if (s_kind == 6)
        unlink (fixture_file ("names-copy"));
    if (s_kind == 2)
        unlink (fixture_file ("node"));
    if (s_kind == 3 || s_kind == 5)
        s_damage (fixture_file ("node"));
    if (s_kind != 4)
        return;
    //  An old record, restored.
    zseq_record_t record;
    fixture_record (&record, 0);
    fixture_remove (fixture_path ("node/node"));
    zseq_store_t *store = zseq_store_new (fixture_path ("other"));
    cr_assert_eq (zseq_store_format (store, &record), ZSEQ_OK);
    zseq_store_destroy (&store);
    rename (fixture_path ("other/node"), fixture_file ("node"));
    fixture_remove (fixture_path ("other"));
}

static void
s_play_repair (size_t *completed)
{
    zseq_store_t *store;
    int rc = fixture_repair (&store);
    cr_assert_eq (rc, ZSEQ_OK);
    ++*completed;
    cr_assert_eq (fixture_write (store, "b", 50, false), ZSEQ_OK);
    ++*completed;
    zseq_record_t record;
    fixture_record (&record, FIXTURE_IDENTITY);
    record.vector.incarnation[1].counter = 2;
    cr_assert_eq (fixture_write_record (store, &record), ZSEQ_OK);
    ++*completed;
    zseq_store_destroy (&store);
}

//  The node is repaired or known to be damaged: its first incarnation never
//  votes again, and what was intact stays.
static void
s_check_repair (size_t completed, const char *what, size_t when)
{
    fixture_names_t names;
    int rc = fixture_check (&names);
    cr_assert (rc == ZSEQ_OK || rc == ZSEQ_EDAMAGED, "%s %zu: %s", what, when,
               fixture_text ());
    cr_assert (rc == ZSEQ_OK || completed == 0, "%s %zu: %s", what, when,
               fixture_text ());
    bool voting = rc == ZSEQ_OK && names.record.voting;
    if (rc == ZSEQ_OK)
        cr_assert_eq (names.record.vector.incarnation[1].counter, 2, "%s %zu",
                      what, when);
    cr_assert (completed >= 2 || !voting, "%s %zu", what, when);
    cr_assert (completed < 3 || voting);
    cr_assert_eq (names.identity, FIXTURE_IDENTITY);
    cr_assert_eq (fixture_durable_to (&names, "a"), 10, "%s %zu", what, when);
    cr_assert_eq (fixture_durable_to (&names, "c"), 10, "%s %zu", what, when);
    if (completed >= 2)
        cr_assert_eq (fixture_durable_to (&names, "b"), 50);
    fixture_forget (&names);
}

Test (store_faults_repair,
      repairs_or_stays_damaged_when_the_power_goes_at_any_call)
{
    for (s_kind = 0; s_kind < KINDS; s_kind++) {
        size_t completed = 0;
        s_make_damaged ();
        power_begin ();
        s_play_repair (&completed);
        cr_assert_eq (completed, 3);
        power_cut_everywhere (8, s_check_repair);
        fixture_remove (fixture_node ());
    }
}

Test (store_faults_repair, repairs_or_stays_damaged_when_killed_at_any_call)
{
    for (s_kind = 0; s_kind < KINDS; s_kind++)
        power_kill_everywhere (s_make_damaged, s_play_repair, s_check_repair);
}

//  The same for an empty directory.

static void
s_make_nothing (void)
{
    mkdir (fixture_node (), 0700);
    zseq_store_t *store = zseq_store_new (fixture_node ());
    cr_assert_eq (zseq_store_open_lost (store, 1), ZSEQ_OK);
    zseq_store_destroy (&store);
}

static void
s_check_nothing (size_t completed, const char *what, size_t when)
{
    fixture_names_t names;
    int rc = fixture_check (&names);
    cr_assert (rc == ZSEQ_OK || (rc == ZSEQ_EDAMAGED && completed == 0),
               "%s %zu: %s", what, when, fixture_text ());
    bool voting = rc == ZSEQ_OK && names.record.voting;
    cr_assert (completed >= 2 || !voting, "%s %zu", what, when);
    cr_assert (completed < 3 || voting);
    if (completed >= 2)
        cr_assert_eq (fixture_durable_to (&names, "b"), 50);
    fixture_forget (&names);
}

Test (store_faults_repair, begins_a_lost_node_anew_whenever_the_power_goes)
{
    size_t completed = 0;
    s_make_nothing ();
    power_begin ();
    s_play_repair (&completed);
    power_cut_everywhere (POWER_ROUNDS, s_check_nothing);
    power_kill_everywhere (s_make_nothing, s_play_repair, s_check_nothing);
}

Test (store_faults_repair, repairs_in_order)
{
    s_kind = 5;
    s_make_damaged ();
    zseq_store_t *store = zseq_store_new (fixture_node ());
    cr_assert_eq (fixture_load (store, NULL), ZSEQ_EDAMAGED);
    cr_assert_eq (zseq_store_start (store), ZSEQ_OK);
    zseq_faults_begin (fixture_node ());
    zseq_record_t record;
    fixture_record (&record, FIXTURE_IDENTITY);
    record.voting = false;
    cr_assert_eq (fixture_write_record (store, &record), ZSEQ_OK);
    size_t index = 0;
    ASSERT_LINES (
      index, "mkdir damaged", "mkdir damaged/1", "rename node damaged/1/node",
      "create .tmp", "write .tmp", "fsync .tmp", "close .tmp",
      "rename .tmp node", "fsync .", "rename names damaged/1/names",
      "mkdir damaged/1/seq", "mkdir damaged/1/seq/3f",
      "rename seq/XX/b damaged/1/seq/3f/b", "rename seq/odd damaged/1/seq/odd",
      "unlink .tmp", "create .tmp", "write .tmp", "fsync .tmp", "close .tmp",
      "rename .tmp names-copy", "create .tmp", "write .tmp", "fsync .tmp",
      "close .tmp", "rename .tmp names", "syncfs .", "complete");
    zseq_store_destroy (&store);
}

Test (store_faults_repair, repairs_later_what_a_full_disk_prevents)
{
    static const char *const calls[] = {"create", "mkdir",  "write", "close",
                                        "rename", "syncfs", "fsync", "unlink"};
    static const int errors[] = {EIO, ENOSPC, EDQUOT};
    s_kind = 5;
    size_t moved = 0;  //  Failures to move a file away
    for (size_t c = 0; c < sizeof calls / sizeof *calls; c++)
        for (size_t e = 0; e < 3; e++) {
            bool came = true;
            size_t when = 1;
            for (; came; when += ZSEQ_FAULTS_STRIDE) {
                s_make_damaged ();
                zseq_store_t *store = zseq_store_new (fixture_node ());
                cr_assert_eq (fixture_load (store, NULL), ZSEQ_EDAMAGED);
                cr_assert_eq (zseq_store_start (store), ZSEQ_OK);
                zseq_record_t record;
                fixture_record (&record, FIXTURE_IDENTITY);
                record.voting = false;
                record.vector.incarnation[1].counter = 2;
                zseq_faults_begin (fixture_node ());
                zseq_faults_fail (calls[c], when, errors[e], false);
                int rc = fixture_write_record (store, &record);
                const zseq_call_t *failed = zseq_faults_failed ();
                came = failed != NULL;
                bool temp = came && strstr (failed->path, ".tmp");
                bool refuse = errors[e] != EIO && (c < 5 || (c == 6 && temp));
                int expected = refuse ? ZSEQ_ENOSPACE : ZSEQ_EIO;
                cr_assert_eq (rc, came ? expected : ZSEQ_OK,
                              "%s %zu of %s: %s, %d", calls[c], when,
                              came ? failed->path : "", strerror (errors[e]),
                              rc);
                if (came && refuse)
                    cr_assert_eq (fixture_write_record (store, &record),
                                  ZSEQ_OK);
                bool repaired = rc == ZSEQ_OK || refuse;
                cr_assert (repaired || zseq_store_text (store)[0]);
                moved += strstr (zseq_store_text (store),
                                 ": move to the folder damaged: ") != NULL;
                zseq_store_destroy (&store);
                zseq_faults_end ();
                //  After a fatal error the directory may be repaired all the
                //  same.
                s_check_repair (repaired, calls[c], when);
                cr_assert_eq (fixture_repair (&store), ZSEQ_OK);
                zseq_store_destroy (&store);
                s_check_repair (1, calls[c], when);
                fixture_remove (fixture_node ());
            }
            cr_assert_gt (when, 2, "%s was never called", calls[c]);
        }
    cr_assert_gt (moved, 0);
}
