//  The store when calls fail, the process dies, or the power goes: nothing
//  acknowledged is lost, and what is left can be loaded (S8).
//
//  A child process runs a script of writes (s_script, s_play). For each call of
//  the script, one child lets the call fail, another dies there, and
//  zseq_power.c cuts the power after it. The parent then loads the directory
//  and compares it with what the child was reported (s_check).

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zseq_assert.h"
#include "zseq_faults.h"
#include "zseq_fixture.h"
#include "zseq_power.h"

TestSuite (store_faults, .init = fixture_init, .fini = fixture_term);

//  The script: a formation, new names, known ones, several in a group, two in
//  one directory. s_reported_t, what was reported to the script, is shared with
//  the watching process.

enum { STEPS = 6, NAMES = 5 };

static const char *const s_name[NAMES] = {"a", "b", "c", "d%/", "e420"};

//  The limit that each step writes for each name; 0: none.
static const uint64_t s_script[STEPS][NAMES] = {{0},
                                                {10, 0, 0, 0, 0},
                                                {20, 10, 10, 0, 0},
                                                {0, 20, 0, 30, 0},
                                                {40, 30, 40, 40, 40},
                                                {50, 40, 0, 50, 50}};

typedef struct {
    uint64_t submitted[NAMES];  //  The newest limit that was handed over
    uint64_t durable[NAMES];    //  The newest that was acknowledged
    bool journaled[NAMES];
    bool formed;       //  The formation was acknowledged
    size_t refused;    //  Completions that said ZSEQ_ENOSPACE
    size_t fatal;      //  ... ZSEQ_EIO
    bool after_fatal;  //  One said something else after that
    char failed[16];   //  The call that was made to fail
    char failed_path[320];
} s_reported_t;

//  Submits one step and notes what it is reported.
static void
s_step (zseq_store_t *store, size_t step, s_reported_t *reported)
{
    zseq_record_t record;
    zseq_write_t writes[NAMES];
    zseq_written_t written[NAMES];
    size_t index[NAMES];
    size_t count = 0;
    if (step == 0) {
        fixture_record (&record, FIXTURE_IDENTITY);
        writes[count++] = (zseq_write_t){.record = &record};
    }
    for (size_t i = 0; i < NAMES; i++) {
        uint64_t limit = s_script[step][i];
        if (limit == 0)
            continue;
        index[count] = i;
        reported->submitted[i] = limit;
        writes[count++] =
          (zseq_write_t){.name = s_name[i],
                         .name_size = (uint8_t) strlen (s_name[i]),
                         .journaled = reported->journaled[i],
                         .next = limit,
                         .durable_to = limit};
    }
    fixture_submit (store, writes, count, written);
    for (size_t i = 0; i < count; i++) {
        if (reported->fatal && written[i].status != ZSEQ_EIO)
            reported->after_fatal = true;
        reported->fatal += written[i].status == ZSEQ_EIO;
        reported->refused += written[i].status == ZSEQ_ENOSPACE;
        if (written[i].status != ZSEQ_OK)
            continue;
        if (written[i].record)
            reported->formed = true;
        else {
            reported->durable[index[i]] = written[i].durable_to;
            reported->journaled[index[i]] = true;
        }
    }
}

//  Runs the script on a node whose cluster is not formed yet. Repeats a refused
//  step.
static void
s_play (zseq_store_t *store, s_reported_t *reported)
{
    for (size_t step = 0; step < STEPS; step++) {
        size_t refused = reported->refused;
        s_step (store, step, reported);
        if (reported->refused > refused && !reported->fatal)
            s_step (store, step, reported);
        //  Without a formation there is nothing to write.
        if (step == 0 && !reported->formed)
            break;
    }
    if (reported->fatal && !zseq_store_text (store)[0])
        reported->after_fatal = true;
    const zseq_call_t *failed = zseq_faults_failed ();
    if (failed) {
        snprintf (reported->failed, sizeof reported->failed, "%s",
                  failed->call);
        strcpy (reported->failed_path, failed->path);
    }
    zseq_store_destroy (&store);
}

static s_reported_t *
s_share (void)
{
    s_reported_t *reported =
      mmap (NULL, sizeof *reported, PROT_READ | PROT_WRITE,
            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq (reported, MAP_FAILED);
    return reported;
}

//  The disk has everything acknowledged and nothing that was never submitted.
static void
s_assert_kept (const s_reported_t *reported, const char *what, size_t when)
{
    fixture_names_t names;
    int rc = fixture_check (&names);
    cr_assert_eq (rc, ZSEQ_OK, "%s %zu: %s", what, when, fixture_text ());
    for (size_t i = 0; i < NAMES; i++) {
        uint64_t found = fixture_durable_to (&names, s_name[i]);
        bool known = found == 0;
        for (size_t step = 0; step < STEPS; step++)
            known |= s_script[step][i] == found;
        cr_assert (known, "%s %zu: %s has %lu", what, when, s_name[i], found);
        cr_assert_geq (found, reported->durable[i],
                       "%s %zu: %s lost, %lu < %lu", what, when, s_name[i],
                       found, reported->durable[i]);
        cr_assert_leq (found, reported->submitted[i]);
    }
    fixture_forget (&names);
    zseq_record_t record;
    zseq_store_t *store = zseq_store_new (fixture_node ());
    cr_assert_eq (zseq_store_open (store, &record), ZSEQ_OK);
    cr_assert (record.identity != 0 || !reported->formed,
               "%s %zu: formed no more", what, when);
    zseq_store_destroy (&store);
    //  Loading leaves no temporary files, and a second load finds the same.
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
    cr_assert_eq (fixture_count (fixture_node (), ".tmp"), 0);
}

static void
s_renew_node (s_reported_t *reported)
{
    if (fixture_exists (fixture_node ()))
        fixture_remove (fixture_node ());
    fixture_format (fixture_node (), 0);
    memset (reported, 0, sizeof *reported);
}

//  Runs the script in a child, which fails or dies at call number when. Returns
//  whether the script made that call.
typedef enum { S_DIE, S_DIE_TORN, S_FAIL } s_fault_t;

static bool
s_try (s_reported_t *reported, s_fault_t fault, const char *call, size_t when,
       int error, bool repeat)
{
    s_renew_node (reported);
    pid_t child = fork ();
    if (child == 0) {
        //  The child may die at any call; only writes fail.
        zseq_store_t *store = fault == S_FAIL ? fixture_start () : NULL;
        zseq_faults_begin (fixture_node ());
        if (fault == S_FAIL)
            zseq_faults_fail (call, when, error, repeat);
        else
            zseq_faults_kill (when, fault == S_DIE_TORN);
        s_play (store ? store : fixture_start (), reported);
        _exit (0);
    }
    int status;
    cr_assert_eq (waitpid (child, &status, 0), child);
    if (fault == S_FAIL) {
        cr_assert (WIFEXITED (status) && WEXITSTATUS (status) == 0);
        return reported->failed[0] != 0;
    }
    if (WIFEXITED (status)) {
        cr_assert_eq (WEXITSTATUS (status), 0);
        return false;
    }
    cr_assert_eq (WTERMSIG (status), SIGKILL);
    return true;
}

Test (store_faults, loses_nothing_when_killed_at_any_call)
{
    s_reported_t *reported = s_share ();
    for (int torn = 0; torn < 2; torn++) {
        size_t when = 1;
        for (;
             s_try (reported, torn ? S_DIE_TORN : S_DIE, NULL, when, 0, false);
             when += ZSEQ_FAULTS_STRIDE)
            s_assert_kept (reported, torn ? "torn at" : "killed at", when);
        cr_assert_gt (when, 80);
        cr_assert_eq (reported->durable[4], 50);
    }
}

//  Which failures refuse a write, and which are fatal.
static bool
s_may_refuse (const s_reported_t *reported, int error)
{
    if (error != ENOSPC && error != EDQUOT && error != EMFILE)
        return false;
    if (strcmp (reported->failed, "fsync") == 0)
        return strstr (reported->failed_path, ".tmp") != NULL;
    return strcmp (reported->failed, "truncate") != 0 &&
           strcmp (reported->failed, "open") != 0;
}

Test (store_faults, acknowledges_nothing_after_a_call_failed)
{
    static const char *const calls[] = {"create", "mkdir",  "write",   "fsync",
                                        "close",  "rename", "exchange"};
    static const int errors[] = {EIO, ENOSPC, EDQUOT, EROFS, EMFILE};
    s_reported_t *reported = s_share ();
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        for (size_t j = 0; j < sizeof errors / sizeof *errors; j++) {
            //  EDQUOT and EROFS act like ENOSPC and EIO on every call: one
            //  call, write, shows that.
            if ((errors[j] == EDQUOT || errors[j] == EROFS) &&
                strcmp (calls[i], "write") != 0)
                continue;
            size_t when = 1;
            for (; s_try (reported, S_FAIL, calls[i], when, errors[j], false);
                 when += ZSEQ_FAULTS_STRIDE) {
                //  Closing a file that was only read or synced reports nothing.
                if (strcmp (reported->failed, "close") != 0 ||
                    strstr (reported->failed_path, ".tmp")) {
                    bool refuse = s_may_refuse (reported, errors[j]);
                    cr_assert_eq (reported->fatal > 0, !refuse,
                                  "%s %zu of %s: %s", calls[i], when,
                                  reported->failed_path, strerror (errors[j]));
                    cr_assert_eq (reported->refused > 0, refuse);
                    cr_assert (!reported->after_fatal);
                    //  A refused write succeeds when it is repeated.
                    if (refuse)
                        for (size_t k = 0; k < NAMES; k++)
                            cr_assert_eq (reported->durable[k],
                                          reported->submitted[k]);
                }
                s_assert_kept (reported, calls[i], when);
            }
            cr_assert_gt (when, 2, "%s was never called", calls[i]);
        }
}

Test (store_faults, keeps_what_it_had_while_the_disk_stays_full)
{
    static const char *const calls[] = {"create", "mkdir", "write", "rename",
                                        "exchange"};
    s_reported_t *reported = s_share ();
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        for (size_t when = 1;
             s_try (reported, S_FAIL, calls[i], when, ENOSPC, true);
             when += ZSEQ_FAULTS_STRIDE) {
            cr_assert_eq (reported->fatal, 0);
            cr_assert_gt (reported->refused, 0);
            s_assert_kept (reported, calls[i], when);
        }
}

Test (store_faults, deletes_the_temporary_file_of_a_refused_write)
{
    static const char *const calls[] = {"write", "fsync", "close", "exchange"};
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_store_t *store = fixture_start ();
    cr_assert_eq (fixture_write (store, "a", 10, false), ZSEQ_OK);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        zseq_faults_begin (fixture_node ());
        zseq_faults_fail (calls[i], 1, ENOSPC, false);
        cr_assert_eq (fixture_write (store, "a", 20, true), ZSEQ_ENOSPACE);
        char bucket[640];
        snprintf (bucket, sizeof bucket, "%s", fixture_find ("a"));
        *strrchr (bucket, '/') = 0;
        cr_assert_eq (fixture_count (bucket, ""), 1, "%s", calls[i]);
    }
    zseq_store_destroy (&store);
}

//  The number of temporary files beside a name's record.
static size_t
s_count_spares (const char *name)
{
    char bucket[640];
    snprintf (bucket, sizeof bucket, "%s", fixture_find (name));
    *strrchr (bucket, '/') = 0;
    return fixture_count (bucket, ".tmp");
}

Test (store_faults, keeps_few_spare_files_and_none_after_a_clean_end)
{
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_store_t *store = fixture_start ();
    cr_assert_eq (fixture_write (store, "a", 10, false), ZSEQ_OK);
    cr_assert_eq (s_count_spares ("a"), 0);
    for (uint64_t limit = 20; limit < 30; limit++) {
        cr_assert_eq (fixture_write (store, "a", limit, true), ZSEQ_OK);
        cr_assert_eq (s_count_spares ("a"), 1);
    }
    zseq_store_destroy (&store);
    cr_assert_eq (s_count_spares ("a"), 0);
}

Test (store_faults, writes_over_no_file_that_has_another_link)
{
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_store_t *store = fixture_start ();
    cr_assert_eq (fixture_write (store, "a", 10, false), ZSEQ_OK);
    //  A copy of the directory made of hard links.
    cr_assert_eq (link (fixture_find ("a"), fixture_path ("copy")), 0);
    size_t size;
    uint8_t *before = fixture_read (fixture_path ("copy"), &size);
    for (uint64_t limit = 20; limit < 24; limit++)
        cr_assert_eq (fixture_write (store, "a", limit, true), ZSEQ_OK);
    size_t size_after;
    uint8_t *after = fixture_read (fixture_path ("copy"), &size_after);
    cr_assert_eq (size_after, size);
    cr_assert_eq (memcmp (before, after, size), 0);
    free (before);
    free (after);
    zseq_store_destroy (&store);
}

Test (store_faults, cuts_a_spare_file_that_is_longer)
{
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_store_t *store = fixture_start ();
    cr_assert_eq (fixture_write (store, "a", 10, false), ZSEQ_OK);
    cr_assert_eq (fixture_write (store, "e420", 10, false), ZSEQ_OK);
    for (uint64_t limit = 20; limit < 24; limit++) {
        cr_assert_eq (fixture_write (store, "e420", limit, true), ZSEQ_OK);
        cr_assert_eq (fixture_write (store, "a", limit, true), ZSEQ_OK);
    }
    zseq_store_destroy (&store);
    fixture_names_t names;
    cr_assert_eq (fixture_check (&names), ZSEQ_OK, "%s", fixture_text ());
    cr_assert_eq (fixture_durable_to (&names, "a"), 23);
    cr_assert_eq (fixture_durable_to (&names, "e420"), 23);
    fixture_forget (&names);
}

Test (store_faults, renames_where_the_file_system_cannot_exchange)
{
    static const int errors[] = {EINVAL, ENOSYS, EOPNOTSUPP};
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_store_t *store = fixture_start ();
    cr_assert_eq (fixture_write (store, "a", 10, false), ZSEQ_OK);
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        zseq_faults_begin (fixture_node ());
        zseq_faults_fail ("exchange", 1, errors[i], true);
        cr_assert_eq (fixture_write (store, "a", 20 + i, true), ZSEQ_OK);
        cr_assert_not_null (zseq_faults_failed ());
        cr_assert_eq (s_count_spares ("a"), 0);
    }
    zseq_faults_end ();
    zseq_store_destroy (&store);
    fixture_names_t names;
    cr_assert_eq (fixture_check (&names), ZSEQ_OK, "%s", fixture_text ());
    cr_assert_eq (fixture_durable_to (&names, "a"), 22);
    fixture_forget (&names);
}

Test (store_faults, refuses_only_the_new_names_when_the_journal_is_full)
{
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_store_t *store = fixture_start ();
    cr_assert_eq (fixture_write (store, "a", 10, false), ZSEQ_OK);
    size_t size;
    free (fixture_read (fixture_file ("names"), &size));
    zseq_faults_begin (fixture_node ());
    zseq_write_t writes[] = {
      {.name = "b", .name_size = 1, .next = 1, .durable_to = 1},
      {.name = "a",
       .name_size = 1,
       .journaled = true,
       .next = 20,
       .durable_to = 20},
      {.name = "c", .name_size = 1, .next = 1, .durable_to = 1}};
    zseq_written_t written[3];
    zseq_faults_fail ("write", 4, ENOSPC, false);
    fixture_submit (store, writes, 3, written);
    cr_assert_str_eq (zseq_faults_failed ()->path, "names");
    cr_assert_eq (written[0].status, ZSEQ_ENOSPACE);
    cr_assert_eq (written[1].status, ZSEQ_OK);
    cr_assert_eq (written[2].status, ZSEQ_ENOSPACE);
    //  The written half is cut off at once.
    size_t after;
    free (fixture_read (fixture_file ("names"), &after));
    cr_assert_eq (after, size);
    fixture_submit (store, writes, 3, written);
    cr_assert_eq (written[0].status, ZSEQ_OK);

    zseq_store_destroy (&store);
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
}

Test (store_faults, cuts_both_back_when_the_copy_of_the_journal_is_full)
{
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_store_t *store = fixture_start ();
    cr_assert_eq (fixture_write (store, "a", 10, false), ZSEQ_OK);
    zseq_faults_begin (fixture_node ());
    zseq_faults_fail ("write", 3, ENOSPC, false);
    cr_assert_eq (fixture_write (store, "b", 10, false), ZSEQ_ENOSPACE);
    cr_assert_str_eq (zseq_faults_failed ()->path, "names-copy");
    size_t count;
    zseq_faults_log (&count);
    size_t index = count - 4;
    ASSERT_LINES (index, "truncate names-copy", "fsync names-copy",
                  "truncate names", "complete");
    size_t size[2];
    free (fixture_read (fixture_file ("names"), &size[0]));
    free (fixture_read (fixture_file ("names-copy"), &size[1]));
    cr_assert_eq (size[0], 27 + 8 + 2 + 1 + 8);
    cr_assert_eq (size[1], size[0]);
    cr_assert_eq (fixture_write (store, "b", 20, false), ZSEQ_OK);
    zseq_store_destroy (&store);
    zseq_faults_end ();
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
    unlink (fixture_find ("b"));
    cr_assert_eq (fixture_check (NULL), ZSEQ_EDAMAGED);
}

Test (store_faults, ends_when_a_failed_append_cannot_be_cut_off)
{
    //  ENOSPC for every call from the append on: the truncate fails as well.
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_store_t *store = fixture_start ();
    cr_assert_eq (fixture_write (store, "a", 10, false), ZSEQ_OK);
    zseq_faults_begin (fixture_node ());
    cr_assert_eq (fixture_write (store, "a", 20, true), ZSEQ_OK);
    size_t calls = zseq_faults_seen ();
    //  The same calls again for a name beside it, then the append.
    zseq_faults_begin (fixture_node ());
    zseq_faults_fail (NULL, calls, ENOSPC, true);
    cr_assert_eq (fixture_write (store, "a", 30, false), ZSEQ_EIO);
    cr_assert_str_eq (zseq_faults_failed ()->call, "write");
    cr_assert_str_eq (zseq_faults_failed ()->path, "names");
    cr_assert (strstr (zseq_store_text (store), "truncate"));
    cr_assert_eq (fixture_write (store, "a", 40, true), ZSEQ_EIO);
    zseq_store_destroy (&store);
    zseq_faults_end ();
    fixture_names_t names;
    cr_assert_eq (fixture_check (&names), ZSEQ_OK);
    cr_assert_eq (fixture_durable_to (&names, "a"), 30);
    fixture_forget (&names);
}

Test (store_faults, says_which_file_and_why)
{
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_store_t *store = fixture_start ();
    zseq_faults_begin (fixture_node ());
    zseq_faults_fail ("rename", 1, EROFS, false);
    cr_assert_eq (fixture_write (store, "orders", 10, false), ZSEQ_EIO);
    const char *text = zseq_store_text (store);
    cr_assert (strstr (text, fixture_node ()));
    cr_assert (strstr (text, "/orders: rename: Read-only file system"), "%s",
               text);
    zseq_store_destroy (&store);
}

Test (store_faults, says_which_step_and_why)
{
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_store_t *store = fixture_start ();
    zseq_faults_begin (fixture_node ());
    zseq_faults_fail ("create", 1, EROFS, false);
    cr_assert_eq (fixture_write (store, "orders", 10, false), ZSEQ_EIO);
    cr_assert (strstr (zseq_store_text (store),
                       "/orders: create a temporary file: Read-only"),
               "%s", zseq_store_text (store));
    zseq_store_destroy (&store);
}

Test (store_faults, formats_wholly_or_leaves_what_is_not_taken_for_a_node)
{
    zseq_record_t record;
    fixture_record (&record, 0);
    bool died = true;
    for (size_t when = 1; died; when++) {
        pid_t child = fork ();
        if (child == 0) {
            zseq_faults_begin (fixture_path (""));
            zseq_faults_kill (when, true);
            fixture_format (fixture_node (), 0);
            _exit (0);
        }
        int status;
        cr_assert_eq (waitpid (child, &status, 0), child);
        died = !WIFEXITED (status);
        int rc = fixture_check (NULL);
        cr_assert (rc == ZSEQ_OK || rc == ZSEQ_EAGAIN || rc == ZSEQ_EDAMAGED);
        cr_assert (died || rc == ZSEQ_OK);
        zseq_store_t *store = zseq_store_new (fixture_node ());
        int again = zseq_store_format (store, &record);
        cr_assert_eq (again, rc == ZSEQ_EAGAIN ? ZSEQ_OK : ZSEQ_EEXIST);
        zseq_store_destroy (&store);
        fixture_remove (fixture_node ());
    }
}

//  What s_play was reported, from the number of completions; each step is one
//  group.
static void
s_check_script (size_t completed, const char *what, size_t when)
{
    s_reported_t reported;
    memset (&reported, 0, sizeof reported);
    reported.formed = completed > 0;
    for (size_t step = 0; step < STEPS && step <= completed; step++)
        for (size_t i = 0; i < NAMES; i++) {
            if (s_script[step][i] == 0)
                continue;
            reported.submitted[i] = s_script[step][i];
            if (step < completed)
                reported.durable[i] = s_script[step][i];
        }
    s_assert_kept (&reported, what, when);
}

Test (store_faults, loses_nothing_when_the_power_goes_at_any_call)
{
    s_reported_t reported;
    s_renew_node (&reported);
    power_begin ();
    s_play (fixture_start (), &reported);
    cr_assert_eq (reported.durable[4], 50);
    size_t count;
    zseq_faults_log (&count);
    cr_assert_gt (count, 80);
    power_cut_everywhere (POWER_ROUNDS, s_check_script);
}

//  Loading.

Test (store_faults, loads_all_or_says_what_failed)
{
    static const char *const calls[] = {"open",  "read",   "syncfs",  "write",
                                        "fsync", "unlink", "truncate"};
    enum { ALL = 35 };
    for (size_t c = 0; c < sizeof calls / sizeof *calls; c++) {
        bool came = true;
        size_t when = 1;
        for (; came; when += ZSEQ_FAULTS_STRIDE) {
            fixture_make_node ();
            zseq_store_t *store = fixture_start ();
            fixture_write_numbered (store, 0, ALL, false);
            zseq_store_destroy (&store);
            //  Everything that loading repairs: a temporary file, a bad last
            //  batch of the journal or of its copy, missing entries.
            fixture_put (fixture_file (".tmp-1-1"), "x", 1);
            size_t size;
            uint8_t *bytes = fixture_read (fixture_file ("names"), &size);
            fixture_put (fixture_file ("names-copy"), bytes,
                         when % 2 ? size - 1 : 27);
            fixture_put (fixture_file ("names"), bytes,
                         when % 2 ? size : size - 1);
            free (bytes);
            zseq_faults_begin (fixture_node ());
            zseq_faults_fail (calls[c], when, EIO, false);
            int rc = fixture_check (NULL);
            came = zseq_faults_failed () != NULL;
            //  The process ID in the lock is informational.
            bool lock = came &&
                        strcmp (zseq_faults_failed ()->path, "lock") == 0 &&
                        strcmp (calls[c], "open") != 0;
            cr_assert_eq (rc, came && !lock ? ZSEQ_EIO : ZSEQ_OK, "%s %zu: %s",
                          calls[c], when, fixture_text ());
            cr_assert (!came || lock || strstr (fixture_text (), "error"), "%s",
                       fixture_text ());
            zseq_faults_end ();
            fixture_names_t names;
            cr_assert_eq (fixture_check (&names), ZSEQ_OK, "%s",
                          fixture_text ());
            cr_assert_eq (names.count, ALL);
            fixture_forget (&names);
            fixture_remove (fixture_node ());
        }
        cr_assert_gt (when, 2, "%s was never called", calls[c]);
    }
}
