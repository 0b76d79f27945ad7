//  Conversion from formats 1 and 2 when calls fail, the process dies, or the
//  power goes.

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_assert.h"
#include "zseq_faults.h"
#include "zseq_fixture.h"
#include "zseq_power.h"

TestSuite (store_faults_convert, .init = fixture_init, .fini = fixture_term);

static const char *const s_name[3] = {"a", "b", "c"};

//  A directory of format 1 with everything that its first start repairs: a bad
//  last batch, a record without an entry, a temporary file.

static void
s_make_aged (void)
{
    fixture_node_with (s_name, 3);
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file ("names"), &size);
    fixture_put (fixture_file ("names"), bytes, size - 1);
    free (bytes);
    fixture_put (fixture_file (".tmp-1-1"), "x", 1);
    fixture_age ();
}

//  The same of format 2.
static void
s_make_aged_2 (void)
{
    fixture_node_with (s_name, 3);
    fixture_put (fixture_file (".tmp-1-1"), "x", 1);
    fixture_age_to_2 ();
}

static void
s_play_aged (size_t *completed)
{
    zseq_store_t *store = fixture_start ();
    ++*completed;
    cr_assert_eq (fixture_write (store, "e420", 50, false), ZSEQ_OK);
    ++*completed;
    zseq_store_destroy (&store);
}

//  The directory is of one format or the other, has all names, and votes.
static void
s_check_aged (size_t completed, const char *what, size_t when)
{
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file ("node"), &size);
    cr_assert (bytes[8] == 3 || (bytes[8] < 3 && completed == 0), "%s %zu",
               what, when);
    free (bytes);
    fixture_names_t names;
    int rc = fixture_check (&names);
    cr_assert_eq (rc, ZSEQ_OK, "%s %zu: %s", what, when, fixture_text ());
    cr_assert (names.record.voting);
    for (size_t i = 0; i < 3; i++)
        cr_assert_eq (fixture_durable_to (&names, s_name[i]), 10, "%s %zu",
                      what, when);
    if (completed == 2)
        cr_assert_eq (fixture_durable_to (&names, "e420"), 50);
    fixture_forget (&names);
}

Test (store_faults_convert, converts_wholly_or_not_at_all_when_the_power_goes)
{
    size_t completed = 0;
    s_make_aged ();
    power_begin ();
    s_play_aged (&completed);
    cr_assert_eq (completed, 2);
    power_cut_everywhere (8, s_check_aged);
}

Test (store_faults_convert, converts_format_2_wholly_or_not_at_all)
{
    size_t completed = 0;
    s_make_aged_2 ();
    power_begin ();
    s_play_aged (&completed);
    cr_assert_eq (completed, 2);
    power_cut_everywhere (8, s_check_aged);
    power_kill_everywhere (s_make_aged_2, s_play_aged, s_check_aged);
}

Test (store_faults_convert,
      converts_wholly_or_not_at_all_when_killed_at_any_call)
{
    power_kill_everywhere (s_make_aged, s_play_aged, s_check_aged);
}

Test (store_faults_convert, converts_later_what_a_call_prevents)
{
    static const char *const calls[] = {"create", "write", "fsync", "rename"};
    static const int errors[] = {EIO, ENOSPC};
    for (size_t c = 0; c < sizeof calls / sizeof *calls; c++)
        for (size_t e = 0; e < 2; e++) {
            bool came = true;
            for (size_t when = 1; came; when += ZSEQ_FAULTS_STRIDE) {
                s_make_aged ();
                zseq_faults_begin (fixture_node ());
                zseq_faults_fail (calls[c], when, errors[e], false);
                int rc = fixture_check (NULL);
                const zseq_call_t *failed = zseq_faults_failed ();
                came = failed != NULL;
                bool lock = came && strcmp (failed->path, "lock") == 0;
                if (came && !(lock && c == 1))
                    cr_assert (rc == ZSEQ_EIO ||
                                 (errors[e] == ENOSPC && rc == ZSEQ_ENOSPACE),
                               "%s %zu: %d", calls[c], when, rc);
                else
                    cr_assert_eq (rc, ZSEQ_OK);
                zseq_faults_end ();
                s_check_aged (0, calls[c], when);
                fixture_remove (fixture_node ());
            }
        }
}

Test (store_faults_convert, converts_in_order)
{
    s_make_aged ();
    zseq_faults_begin (fixture_node ());
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK, "%s", fixture_text ());
    size_t index = 0;
    ASSERT_LINES (index, "create lock", "truncate lock", "write lock",
                  "syncfs .");
    static const char *const lines[] = {"unlink .tmp",
                                        "truncate names",
                                        "fsync names",
                                        "write names",
                                        "fsync names",
                                        "create .tmp",
                                        "write .tmp",
                                        "fsync .tmp",
                                        "close .tmp",
                                        "rename .tmp names-copy",
                                        "fsync .",
                                        "mkdir kv",
                                        "fsync .",
                                        "create kv/.tmp",
                                        "write kv/.tmp",
                                        "fsync kv/.tmp",
                                        "rename kv/.tmp kv/journal-00000001",
                                        "fsync kv",
                                        "create .tmp",
                                        "write .tmp",
                                        "fsync .tmp",
                                        "close .tmp",
                                        "rename .tmp node.format1",
                                        "fsync .",
                                        "create .tmp",
                                        "write .tmp",
                                        "fsync .tmp",
                                        "close .tmp",
                                        "rename .tmp node",
                                        "fsync ."};
    //  A file that was opened for reading is closed in between.
    size_t count;
    zseq_faults_log (&count);
    size_t line = 0;
    for (; index < count && line < sizeof lines / sizeof *lines; index++) {
        const char *call = zseq_faults_line (index);
        if (strncmp (call, "close", 5) == 0 && !strstr (call, ".tmp"))
            continue;
        cr_assert_str_eq (call, lines[line++]);
    }
    cr_assert_eq (line, sizeof lines / sizeof *lines);
}
