//  The store when calls fail, the process dies, or the power goes: nothing that
//  was acknowledged is lost, and what is left can be loaded (S8).

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zseq_faults.h"
#include "zseq_fixture.h"

//  Every call is tried, and with address sanitizer, which takes eight times as long,
//  one of three.
#if defined __SANITIZE_ADDRESS__
#define STRIDE 3
#else
#define STRIDE 1
#endif

TestSuite (store_faults, .init = fixture_init, .fini = fixture_term);

//  The order of calls.

//  Whether the log from *index_p on is exactly these lines; moves past them.
static void
s_assert_lines (size_t *index_p, const char *const *lines, size_t count)
{
    size_t logged;
    zseq_faults_log (&logged);
    for (size_t i = 0; i < count; i++, (*index_p)++) {
        const char *line =
          *index_p < logged ? zseq_faults_line (*index_p) : "(the end)";
        cr_assert_str_eq (line, lines[i], "call %zu is \"%s\", not \"%s\"",
                          *index_p, line, lines[i]);
    }
}

#define S_ASSERT_LINES(index, ...)                                             \
    do {                                                                       \
        const char *const lines[] = {__VA_ARGS__};                             \
        s_assert_lines (&index, lines, sizeof lines / sizeof *lines);          \
    } while (0)

Test (store_faults, acknowledges_after_record_directory_and_journal)
{
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_store_t *store = fixture_start ();
    zseq_faults_begin (fixture_node ());
    cr_assert_eq (fixture_write (store, "orders", 10, false), ZSEQ_OK);
    size_t index = 0;
    S_ASSERT_LINES (index, "mkdir seq", "fsync .", "mkdir seq/XX", "fsync seq",
                    "create seq/XX/.tmp", "write seq/XX/.tmp",
                    "fsync seq/XX/.tmp", "close seq/XX/.tmp",
                    "rename seq/XX/.tmp seq/XX/orders", "fsync seq/XX",
                    "close seq/XX", "write names", "fsync names",
                    "write names-copy", "fsync names-copy", "complete");
    //  A name that is in the journal already.
    cr_assert_eq (fixture_write (store, "orders", 20, true), ZSEQ_OK);
    S_ASSERT_LINES (index, "create seq/XX/.tmp", "write seq/XX/.tmp",
                    "fsync seq/XX/.tmp", "close seq/XX/.tmp",
                    "exchange seq/XX/.tmp seq/XX/orders", "fsync seq/XX",
                    "close seq/XX", "complete");
    //  From then on there is a spare file.
    cr_assert_eq (fixture_write (store, "orders", 30, true), ZSEQ_OK);
    S_ASSERT_LINES (index, "write seq/XX/.tmp", "fsync seq/XX/.tmp",
                    "close seq/XX/.tmp", "exchange seq/XX/.tmp seq/XX/orders",
                    "fsync seq/XX", "close seq/XX", "complete");
    size_t count;
    zseq_faults_log (&count);
    cr_assert_eq (index, count);
    zseq_store_destroy (&store);
}

Test (store_faults, is_born_journal_first)
{
    fixture_format (fixture_node (), 0);
    zseq_store_t *store = fixture_start ();
    zseq_faults_begin (fixture_node ());
    zseq_record_t record;
    fixture_record (&record, FIXTURE_IDENTITY);
    zseq_write_t job = {.record = &record};
    zseq_written_t written;
    fixture_submit (store, &job, 1, &written);
    cr_assert_eq (written.status, ZSEQ_OK);
    size_t index = 0;
    S_ASSERT_LINES (
      index, "create .tmp", "write .tmp", "fsync .tmp", "close .tmp",
      "rename .tmp names-copy", "create .tmp", "write .tmp", "fsync .tmp",
      "close .tmp", "rename .tmp names", "fsync .", "create .tmp", "write .tmp",
      "fsync .tmp", "close .tmp", "rename .tmp node", "fsync .", "complete");
    zseq_store_destroy (&store);
}

Test (store_faults, formats_with_directory_and_parent_synced)
{
    zseq_faults_begin (fixture_path (""));
    fixture_format (fixture_node (), 0);
    size_t index = 0;
    S_ASSERT_LINES (index, "mkdir", "create node/lock", "truncate node/lock",
                    "write node/lock", "create node/.tmp", "write node/.tmp",
                    "fsync node/.tmp", "close node/.tmp",
                    "rename node/.tmp node/node", "fsync node", "fsync .");
}

Test (store_faults, makes_a_lost_directory_with_its_parent_synced)
{
    zseq_faults_begin (fixture_path (""));
    zseq_store_t *store = zseq_store_new (fixture_node ());
    cr_assert_eq (zseq_store_open_lost (store, 1), ZSEQ_OK);
    zseq_store_destroy (&store);
    size_t index = 0;
    S_ASSERT_LINES (index, "mkdir", "fsync .", "close .", "create node/lock",
                    "truncate node/lock", "write node/lock", "syncfs node");
}

Test (store_faults, opens_nothing_that_it_cannot_sync)
{
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_faults_begin (fixture_node ());
    zseq_faults_fail ("syncfs", 1, EIO, false);
    cr_assert_eq (fixture_check (NULL), ZSEQ_EIO);
    cr_assert (strstr (fixture_text (), "syncfs"));
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
}

Test (store_faults, survives_short_and_interrupted_writes)
{
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_store_t *store = fixture_start ();
    zseq_faults_begin (fixture_node ());
    zseq_faults_dribble (true);
    cr_assert_eq (fixture_write (store, "orders", 10, false), ZSEQ_OK);
    zseq_faults_dribble (false);
    zseq_store_destroy (&store);
    fixture_names_t names;
    cr_assert_eq (fixture_check (&names), ZSEQ_OK);
    cr_assert_eq (fixture_limit (&names, "orders"), 10);
    fixture_forget (&names);
    unlink (fixture_find ("orders"));
    cr_assert_eq (fixture_check (NULL), ZSEQ_EDAMAGED);
}

//  A script of writes that every kind of failure is tried on: a birth, new
//  names, known ones, several in a group, two of them in one directory. What it
//  was told is shared with the process that watches.

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
    bool born;         //  The birth was acknowledged
    size_t refused;    //  Completions that said ZSEQ_ENOSPACE
    size_t fatal;      //  ... ZSEQ_EIO
    bool after_fatal;  //  One said something else after that
    char failed[16];   //  The call that was made to fail
    char failed_path[320];
} s_told_t;

//  Submits one step and notes what it is told.
static void
s_step (zseq_store_t *store, size_t step, s_told_t *told)
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
        told->submitted[i] = limit;
        writes[count++] =
          (zseq_write_t){.name = s_name[i],
                         .name_size = (uint8_t) strlen (s_name[i]),
                         .journaled = told->journaled[i],
                         .next = limit,
                         .limit = limit};
    }
    fixture_submit (store, writes, count, written);
    for (size_t i = 0; i < count; i++) {
        if (told->fatal && written[i].status != ZSEQ_EIO)
            told->after_fatal = true;
        told->fatal += written[i].status == ZSEQ_EIO;
        told->refused += written[i].status == ZSEQ_ENOSPACE;
        if (written[i].status != ZSEQ_OK)
            continue;
        if (written[i].record)
            told->born = true;
        else {
            told->durable[index[i]] = written[i].limit;
            told->journaled[index[i]] = true;
        }
    }
}

//  The whole script on a node that is not born yet. A step that is refused is
//  tried again.
static void
s_play (zseq_store_t *store, s_told_t *told)
{
    for (size_t step = 0; step < STEPS; step++) {
        size_t refused = told->refused;
        s_step (store, step, told);
        if (told->refused > refused && !told->fatal)
            s_step (store, step, told);
        //  Without a birth there is nothing to write.
        if (step == 0 && !told->born)
            break;
    }
    if (told->fatal && !zseq_store_text (store)[0])
        told->after_fatal = true;
    const zseq_call_t *failed = zseq_faults_failed ();
    if (failed) {
        snprintf (told->failed, sizeof told->failed, "%s", failed->call);
        strcpy (told->failed_path, failed->path);
    }
    zseq_store_destroy (&store);
}

static s_told_t *
s_share (void)
{
    s_told_t *told = mmap (NULL, sizeof *told, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq (told, MAP_FAILED);
    return told;
}

//  What is on disk has all that was acknowledged and nothing that was never
//  submitted.
static void
s_assert_kept (const s_told_t *told, const char *what, size_t when)
{
    fixture_names_t names;
    int rc = fixture_check (&names);
    cr_assert_eq (rc, ZSEQ_OK, "%s %zu: %s", what, when, fixture_text ());
    for (size_t i = 0; i < NAMES; i++) {
        uint64_t found = fixture_limit (&names, s_name[i]);
        bool known = found == 0;
        for (size_t step = 0; step < STEPS; step++)
            known |= s_script[step][i] == found;
        cr_assert (known, "%s %zu: %s has %lu", what, when, s_name[i], found);
        cr_assert_geq (found, told->durable[i], "%s %zu: %s lost, %lu < %lu",
                       what, when, s_name[i], found, told->durable[i]);
        cr_assert_leq (found, told->submitted[i]);
    }
    fixture_forget (&names);
    zseq_record_t record;
    zseq_store_t *store = zseq_store_new (fixture_node ());
    cr_assert_eq (zseq_store_open (store, &record), ZSEQ_OK);
    cr_assert (record.identity != 0 || !told->born, "%s %zu: born no more",
               what, when);
    zseq_store_destroy (&store);
    //  Nothing is left lying about, and it is found again.
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
    cr_assert_eq (fixture_count (fixture_node (), ".tmp"), 0);
}

static void
s_renew_node (s_told_t *told)
{
    if (fixture_exists (fixture_node ()))
        fixture_remove (fixture_node ());
    fixture_format (fixture_node (), 0);
    memset (told, 0, sizeof *told);
}

//  Runs the script in a child, which fails or dies at call number when.
//  Returns whether that call came.
typedef enum { S_DIE, S_DIE_TORN, S_FAIL } s_fault_t;

static bool
s_try (s_told_t *told, s_fault_t fault, const char *call, size_t when,
       int error, bool repeat)
{
    s_renew_node (told);
    pid_t child = fork ();
    if (child == 0) {
        //  Dying is tried from the first call on, failing only for writes.
        zseq_store_t *store = fault == S_FAIL ? fixture_start () : NULL;
        zseq_faults_begin (fixture_node ());
        if (fault == S_FAIL)
            zseq_faults_fail (call, when, error, repeat);
        else
            zseq_faults_kill (when, fault == S_DIE_TORN);
        s_play (store ? store : fixture_start (), told);
        _exit (0);
    }
    int status;
    cr_assert_eq (waitpid (child, &status, 0), child);
    if (fault == S_FAIL) {
        cr_assert (WIFEXITED (status) && WEXITSTATUS (status) == 0);
        return told->failed[0] != 0;
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
    s_told_t *told = s_share ();
    for (int torn = 0; torn < 2; torn++) {
        size_t when = 1;
        for (; s_try (told, torn ? S_DIE_TORN : S_DIE, NULL, when, 0, false);
             when += STRIDE)
            s_assert_kept (told, torn ? "torn at" : "killed at", when);
        cr_assert_gt (when, 80);
        cr_assert_eq (told->durable[4], 50);
    }
}

//  What may be refused, and what is the end.
static bool
s_may_refuse (const s_told_t *told, int error)
{
    if (error != ENOSPC && error != EDQUOT && error != EMFILE)
        return false;
    if (strcmp (told->failed, "fsync") == 0)
        return strstr (told->failed_path, ".tmp") != NULL;
    return strcmp (told->failed, "truncate") != 0 &&
           strcmp (told->failed, "open") != 0;
}

Test (store_faults, acknowledges_nothing_after_a_call_failed)
{
    static const char *const calls[] = {"create", "mkdir",  "write",   "fsync",
                                        "close",  "rename", "exchange"};
    static const int errors[] = {EIO, ENOSPC, EDQUOT, EROFS, EMFILE};
    s_told_t *told = s_share ();
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        for (size_t j = 0; j < sizeof errors / sizeof *errors; j++) {
            //  EDQUOT and EROFS are to all like ENOSPC and EIO: seen of write.
            if ((errors[j] == EDQUOT || errors[j] == EROFS) &&
                strcmp (calls[i], "write") != 0)
                continue;
            size_t when = 1;
            for (; s_try (told, S_FAIL, calls[i], when, errors[j], false);
                 when += STRIDE) {
                //  Closing what was only read or synced tells nothing.
                if (strcmp (told->failed, "close") != 0 ||
                    strstr (told->failed_path, ".tmp")) {
                    bool refuse = s_may_refuse (told, errors[j]);
                    cr_assert_eq (told->fatal > 0, !refuse, "%s %zu of %s: %s",
                                  calls[i], when, told->failed_path,
                                  strerror (errors[j]));
                    cr_assert_eq (told->refused > 0, refuse);
                    cr_assert (!told->after_fatal);
                    //  What was refused is done when it is tried again.
                    if (refuse)
                        for (size_t k = 0; k < NAMES; k++)
                            cr_assert_eq (told->durable[k], told->submitted[k]);
                }
                s_assert_kept (told, calls[i], when);
            }
            cr_assert_gt (when, 2, "%s was never called", calls[i]);
        }
}

Test (store_faults, keeps_what_it_had_while_the_disk_stays_full)
{
    static const char *const calls[] = {"create", "mkdir", "write", "rename",
                                        "exchange"};
    s_told_t *told = s_share ();
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        for (size_t when = 1;
             s_try (told, S_FAIL, calls[i], when, ENOSPC, true);
             when += STRIDE) {
            cr_assert_eq (told->fatal, 0);
            cr_assert_gt (told->refused, 0);
            s_assert_kept (told, calls[i], when);
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
        char spread[640];
        snprintf (spread, sizeof spread, "%s", fixture_find ("a"));
        *strrchr (spread, '/') = 0;
        cr_assert_eq (fixture_count (spread, ""), 1, "%s", calls[i]);
    }
    zseq_store_destroy (&store);
}

//  How many temporary files lie beside a name's record.
static size_t
s_count_spares (const char *name)
{
    char spread[640];
    snprintf (spread, sizeof spread, "%s", fixture_find (name));
    *strrchr (spread, '/') = 0;
    return fixture_count (spread, ".tmp");
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
    //  A copy of the directory that is made of links.
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
    cr_assert_eq (fixture_limit (&names, "a"), 23);
    cr_assert_eq (fixture_limit (&names, "e420"), 23);
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
    cr_assert_eq (fixture_limit (&names, "a"), 22);
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
      {.name = "b", .name_size = 1, .next = 1, .limit = 1},
      {.name = "a", .name_size = 1, .journaled = true, .next = 20, .limit = 20},
      {.name = "c", .name_size = 1, .next = 1, .limit = 1}};
    zseq_written_t written[3];
    zseq_faults_fail ("write", 4, ENOSPC, false);
    fixture_submit (store, writes, 3, written);
    cr_assert_str_eq (zseq_faults_failed ()->path, "names");
    cr_assert_eq (written[0].status, ZSEQ_ENOSPACE);
    cr_assert_eq (written[1].status, ZSEQ_OK);
    cr_assert_eq (written[2].status, ZSEQ_ENOSPACE);
    //  The half that was written is cut off at once.
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
    S_ASSERT_LINES (index, "truncate names-copy", "fsync names-copy",
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
    cr_assert_eq (fixture_limit (&names, "a"), 30);
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

//  The power goes. A model of a disk that keeps no more than it must: a file
//  has the bytes of its last fsync, a directory the entries of its last. What
//  came since may be there or not, each for itself.

enum { FILES_MAX = 1000, ENTRIES_MAX = 1000, BYTES_MAX = 2048, ROUNDS = 12 };

typedef struct {
    size_t size;
    uint8_t bytes[BYTES_MAX];
} s_bytes_t;

typedef struct {
    bool directory;
    s_bytes_t now;
    s_bytes_t synced;
} s_inode_t;

typedef struct {
    char path[320];  //  Below the node's directory
    int now;         //  Its file, or -1
    int synced;
} s_entry_t;

typedef struct {
    size_t files;
    s_inode_t file[FILES_MAX];
    size_t entries;
    s_entry_t entry[ENTRIES_MAX];
} s_disk_t;

static s_disk_t s_disk;

static s_entry_t *
s_disk_entry (const char *path)
{
    for (size_t i = 0; i < s_disk.entries; i++)
        if (strcmp (s_disk.entry[i].path, path) == 0)
            return &s_disk.entry[i];
    cr_assert_lt (s_disk.entries, ENTRIES_MAX);
    s_entry_t *entry = &s_disk.entry[s_disk.entries++];
    strcpy (entry->path, path);
    entry->now = -1;
    entry->synced = -1;
    return entry;
}

static s_entry_t *
s_disk_create (const char *path, bool directory)
{
    cr_assert_lt (s_disk.files, FILES_MAX);
    s_inode_t *file = &s_disk.file[s_disk.files];
    memset (file, 0, sizeof *file);
    file->directory = directory;
    s_entry_t *entry = s_disk_entry (path);
    entry->now = (int) s_disk.files++;
    return entry;
}

//  Whether path lies right in directory.
static bool
s_is_in (const char *path, const char *directory)
{
    const char *slash = strrchr (path, '/');
    if (strcmp (directory, ".") == 0)
        return !slash;
    size_t size = strlen (directory);
    return slash && (size_t) (slash - path) == size &&
           strncmp (path, directory, size) == 0;
}

static void
s_disk_sync (const char *path)
{
    s_entry_t *self = strcmp (path, ".") == 0 ? NULL : s_disk_entry (path);
    if (self && !s_disk.file[self->now].directory) {
        s_disk.file[self->now].synced = s_disk.file[self->now].now;
        return;
    }
    for (size_t i = 0; i < s_disk.entries; i++)
        if (s_is_in (s_disk.entry[i].path, path))
            s_disk.entry[i].synced = s_disk.entry[i].now;
}

static void
s_disk_sync_all (void)
{
    for (size_t i = 0; i < s_disk.entries; i++)
        s_disk.entry[i].synced = s_disk.entry[i].now;
    for (size_t i = 0; i < s_disk.files; i++)
        s_disk.file[i].synced = s_disk.file[i].now;
}

static void
s_disk_apply (const zseq_call_t *call)
{
    if (strcmp (call->call, "create") == 0)
        s_disk_create (call->path, false);
    else if (strcmp (call->call, "mkdir") == 0)
        s_disk_create (call->path, true);
    else if (strcmp (call->call, "fsync") == 0)
        s_disk_sync (call->path);
    else if (strcmp (call->call, "syncfs") == 0)
        s_disk_sync_all ();
    else if (strcmp (call->call, "rename") == 0) {
        s_entry_t *from = s_disk_entry (call->path);
        s_disk_entry (call->to)->now = from->now;
        from->now = -1;
    }
    else if (strcmp (call->call, "exchange") == 0) {
        s_entry_t *from = s_disk_entry (call->path);
        s_entry_t *to = s_disk_entry (call->to);
        int file = from->now;
        from->now = to->now;
        to->now = file;
    }
    else if (strcmp (call->call, "unlink") == 0)
        s_disk_entry (call->path)->now = -1;
    else if (strcmp (call->call, "write") == 0) {
        s_bytes_t *bytes = &s_disk.file[s_disk_entry (call->path)->now].now;
        size_t end = (size_t) call->offset + call->size;
        cr_assert_leq (end, BYTES_MAX);
        memcpy (bytes->bytes + call->offset, call->data, call->size);
        if (end > bytes->size)
            bytes->size = end;
    }
    else if (strcmp (call->call, "truncate") == 0)
        s_disk.file[s_disk_entry (call->path)->now].now.size =
          (size_t) call->offset;
}

//  A choice for what the disk need not keep: 0 drops it, 1 keeps it, otherwise
//  by chance.
static bool
s_choose (int choice, unsigned *seed)
{
    return choice < 2 ? choice == 1 : rand_r (seed) % 2 == 0;
}

//  Puts under path what a cut leaves of it.
static void
s_disk_restore_file (const s_inode_t *file, const char *path, int choice,
                     unsigned *seed)
{
    s_bytes_t bytes = s_choose (choice, seed) ? file->now : file->synced;
    //  What was written over may be there in part.
    size_t part =
      choice == 2 ? (size_t) rand_r (seed) % (file->now.size + 1) : 0;
    for (size_t i = 0; i < part && i < bytes.size; i++)
        bytes.bytes[i] = file->now.bytes[i];
    //  A file that grew may end anywhere in between, or in zeros.
    if (choice == 2 && file->now.size > file->synced.size) {
        bytes = file->now;
        size_t grown = file->now.size - file->synced.size;
        bytes.size = file->synced.size + (size_t) rand_r (seed) % (grown + 1);
        if (rand_r (seed) % 4 == 0) {
            memset (bytes.bytes + bytes.size, 0, file->now.size - bytes.size);
            bytes.size = file->now.size;
        }
    }
    fixture_put (path, bytes.bytes, bytes.size);
}

//  Makes the node's directory as a power cut now may leave it.
static void
s_disk_restore (int choice, unsigned seed)
{
    fixture_remove (fixture_node ());
    mkdir (fixture_node (), 0700);
    //  A directory's entry comes before what is in it.
    for (size_t i = 0; i < s_disk.entries; i++) {
        const s_entry_t *entry = &s_disk.entry[i];
        int index = s_choose (choice, &seed) ? entry->now : entry->synced;
        if (index < 0)
            continue;
        char parent[320];
        strcpy (parent, entry->path);
        char *slash = strrchr (parent, '/');
        if (slash) {
            *slash = 0;
            if (!fixture_exists (fixture_file (parent)))
                continue;
        }
        const s_inode_t *file = &s_disk.file[index];
        if (file->directory)
            mkdir (fixture_file (entry->path), 0700);
        else
            s_disk_restore_file (file, fixture_file (entry->path), choice,
                                 &seed);
    }
}

//  Everything in the node's directory is there for good.
static void
s_disk_add (const char *parent)
{
    DIR *stream = opendir (parent[0] ? fixture_file (parent) : fixture_node ());
    cr_assert_not_null (stream);
    const struct dirent *entry;
    while ((entry = readdir (stream))) {
        if (strcmp (entry->d_name, ".") == 0 ||
            strcmp (entry->d_name, "..") == 0)
            continue;
        char path[320];
        snprintf (path, sizeof path, "%.40s%s%.255s", parent,
                  parent[0] ? "/" : "", entry->d_name);
        struct stat info;
        cr_assert_eq (lstat (fixture_file (path), &info), 0);
        s_entry_t *made = s_disk_create (path, S_ISDIR (info.st_mode));
        if (S_ISDIR (info.st_mode)) {
            s_disk_add (path);
            continue;
        }
        s_bytes_t *bytes = &s_disk.file[made->now].now;
        uint8_t *content = fixture_read (fixture_file (path), &bytes->size);
        cr_assert_leq (bytes->size, BYTES_MAX);
        memcpy (bytes->bytes, content, bytes->size);
        free (content);
    }
    closedir (stream);
}

//  The model begins with what is there now, and watching too.
static void
s_disk_begin (void)
{
    memset (&s_disk, 0, sizeof s_disk);
    s_disk_add ("");
    s_disk_sync_all ();
    zseq_faults_begin (fixture_node ());
}

//  Checks what is on disk after so many completions.
typedef void (s_check_fn) (size_t completed, const char *what, size_t when);

//  Whether a cut after the call is of interest: not where it was as good before,
//  and of many records' calls after a part, of each kind.
static bool
s_is_of_interest (const zseq_call_t *log, size_t index, size_t count)
{
    if (strcmp (log[index].call, "close") == 0)
        return false;
    return count < 250 || strncmp (log[index].path, "seq/", 4) != 0 ||
           strstr (log[index].call, "sync") || index % 4 == 0;
}

//  Cuts the power after the calls that were logged, several times each.
static void
s_cut_everywhere (unsigned rounds, s_check_fn *check)
{
    zseq_faults_stop ();
    size_t count;
    const zseq_call_t *log = zseq_faults_log (&count);
    size_t completed = 0;
    for (size_t i = 0; i < count; i++) {
        //  The lock was there: opening it made nothing.
        if (strcmp (log[i].path, "lock") == 0)
            continue;
        s_disk_apply (&log[i]);
        completed += strcmp (log[i].call, "complete") == 0;
        if (!s_is_of_interest (log, i, count))
            continue;
        for (unsigned round = 0; round < (rounds + STRIDE - 1) / STRIDE;
             round++) {
            unsigned seed = (unsigned) (rounds * i + round) * 2654435761u;
            s_disk_restore (round < 2 ? (int) round : 2, seed);
            check (completed, zseq_faults_line (i), i);
        }
    }
}

//  What s_play is told, by the number of completions; each step is one group.
static void
s_check_script (size_t completed, const char *what, size_t when)
{
    s_told_t told;
    memset (&told, 0, sizeof told);
    told.born = completed > 0;
    for (size_t step = 0; step < STEPS && step <= completed; step++)
        for (size_t i = 0; i < NAMES; i++) {
            if (s_script[step][i] == 0)
                continue;
            told.submitted[i] = s_script[step][i];
            if (step < completed)
                told.durable[i] = s_script[step][i];
        }
    s_assert_kept (&told, what, when);
}

Test (store_faults, loses_nothing_when_the_power_goes_at_any_call)
{
    s_told_t told;
    s_renew_node (&told);
    s_disk_begin ();
    s_play (fixture_start (), &told);
    cr_assert_eq (told.durable[4], 50);
    size_t count;
    zseq_faults_log (&count);
    cr_assert_gt (count, 80);
    s_cut_everywhere (ROUNDS, s_check_script);
}

//  Many writes in a group.

enum { MANY = 32, ALL = 35 };

static char s_numbered[ALL][8];

//  Writes [first, first + count) of the numbered names with limit.
static void
s_write_numbered (zseq_store_t *store, size_t first, size_t count,
                  uint64_t limit, bool deferred, size_t journaled,
                  zseq_written_t *written)
{
    zseq_write_t writes[ALL];
    for (size_t i = 0; i < count; i++) {
        char *name = s_numbered[first + i];
        snprintf (name, sizeof *s_numbered, "n%zu", first + i);
        writes[i] = (zseq_write_t){.name = name,
                                   .name_size = (uint8_t) strlen (name),
                                   .journaled = first + i < journaled,
                                   .deferred = deferred,
                                   .next = limit,
                                   .limit = limit};
    }
    fixture_submit (store, writes, count, written);
}

static size_t
s_count_lines (const char *prefix)
{
    size_t found = 0;
    size_t count;
    zseq_faults_log (&count);
    for (size_t i = 0; i < count; i++)
        found += strncmp (zseq_faults_line (i), prefix, strlen (prefix)) == 0;
    return found;
}

Test (store_faults, syncs_few_writes_one_by_one_and_many_together)
{
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_store_t *store = fixture_start ();
    zseq_written_t written[ALL];
    zseq_faults_begin (fixture_node ());
    s_write_numbered (store, 0, MANY - 1, 10, false, 0, written);
    cr_assert_eq (s_count_lines ("syncfs"), 0);
    cr_assert_eq (s_count_lines ("fsync seq/XX/.tmp"), MANY - 1);

    //  The same and one more: data, renames, directories, journal, in this
    //  order.
    zseq_faults_begin (fixture_node ());
    s_write_numbered (store, 0, MANY, 20, false, MANY - 1, written);
    cr_assert_eq (s_count_lines ("fsync seq"), 0);
    static const char *const phases[] = {
      "syncfs .",         "syncfs .",         "write names", "fsync names",
      "write names-copy", "fsync names-copy", "complete"};
    size_t phase = 0;
    size_t seen[2] = {0, 0};
    size_t count;
    zseq_faults_log (&count);
    for (size_t i = 0; i < count; i++) {
        const char *line = zseq_faults_line (i);
        if (strcmp (line, phases[phase]) == 0) {
            phase++;
            continue;
        }
        if (strncmp (line, "create", 6) == 0 || strncmp (line, "write", 5) == 0)
            cr_assert_eq (phase, 0, "%s", line);
        bool placed = strncmp (line, "rename", 6) == 0 ||
                      strncmp (line, "exchange", 8) == 0;
        if (placed)
            cr_assert_eq (phase, 1, "%s", line);
        seen[0] += strncmp (line, "write", 5) == 0;
        seen[1] += placed;
    }
    cr_assert_eq (phase, 7);
    cr_assert_eq (seen[0], MANY);
    cr_assert_eq (seen[1], MANY);
    zseq_store_destroy (&store);
}

//  A node that votes, known names and new ones.
typedef struct {
    size_t first;
    size_t count;
    uint64_t limit;
} s_many_t;

enum { GROUPS = 3 };

static const s_many_t s_many[GROUPS] = {
  {0, MANY, 10}, {1, 33, 20}, {0, ALL, 30}};

static uint64_t
s_many_limit (size_t name, size_t groups)
{
    uint64_t limit = 0;
    for (size_t i = 0; i < groups && i < GROUPS; i++)
        if (name >= s_many[i].first && name < s_many[i].first + s_many[i].count)
            limit = s_many[i].limit;
    return limit;
}

static void
s_play_many (size_t *completed)
{
    zseq_written_t written[ALL];
    zseq_store_t *store = fixture_start ();
    size_t journaled = 0;
    for (size_t i = 0; i < GROUPS; i++) {
        const s_many_t *group = &s_many[i];
        s_write_numbered (store, group->first, group->count, group->limit,
                          false, journaled, written);
        journaled = group->first + group->count;
        ++*completed;
    }
    zseq_store_destroy (&store);
}

static void
s_check_many (size_t completed, const char *what, size_t when)
{
    fixture_names_t names;
    int rc = fixture_check (&names);
    cr_assert_eq (rc, ZSEQ_OK, "%s %zu: %s", what, when, fixture_text ());
    for (size_t i = 0; i < ALL; i++) {
        uint64_t durable = s_many_limit (i, completed);
        uint64_t submitted = s_many_limit (i, completed + 1);
        char name[8];
        snprintf (name, sizeof name, "n%zu", i);
        uint64_t found = fixture_limit (&names, name);
        cr_assert_geq (found, durable, "%s %zu: %s lost", what, when, name);
        cr_assert_leq (found, submitted, "%s %zu: %s", what, when, name);
    }
    fixture_forget (&names);
}

Test (store_faults, loses_none_of_many_when_the_power_goes_at_any_call)
{
    size_t completed = 0;
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    s_disk_begin ();
    s_play_many (&completed);
    s_cut_everywhere (8, s_check_many);
}

//  Kills a child at each of its calls, and checks what it leaves.
static void
s_kill_everywhere (void (*make) (void), void (*play) (size_t *completed),
                   s_check_fn *check)
{
    size_t *completed = mmap (NULL, sizeof *completed, PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq (completed, MAP_FAILED);
    bool died = true;
    size_t when = 1;
    for (; died; when += STRIDE) {
        if (fixture_exists (fixture_node ()))
            fixture_remove (fixture_node ());
        make ();
        *completed = 0;
        pid_t child = fork ();
        if (child == 0) {
            zseq_faults_begin (fixture_node ());
            zseq_faults_kill (when, true);
            play (completed);
            _exit (0);
        }
        int status;
        cr_assert_eq (waitpid (child, &status, 0), child);
        died = !WIFEXITED (status);
        if (died)
            cr_assert_eq (WTERMSIG (status), SIGKILL);
        check (*completed, "killed at", when);
    }
    cr_assert_gt (when, 20);
}

static void
s_make_node (void)
{
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
}

Test (store_faults, loses_none_of_many_when_killed_at_any_call)
{
    s_kill_everywhere (s_make_node, s_play_many, s_check_many);
}

//  How many of count are refused, and how many are told that it is the end.
static void
s_count (const zseq_written_t *written, size_t count, size_t *refused,
         size_t *fatal)
{
    *refused = 0;
    *fatal = 0;
    for (size_t i = 0; i < count; i++) {
        *refused += written[i].status == ZSEQ_ENOSPACE;
        *fatal += written[i].status == ZSEQ_EIO;
    }
}

Test (store_faults, refuses_one_of_many_or_ends)
{
    static const char *const calls[] = {"create", "mkdir",  "write",
                                        "close",  "rename", "exchange",
                                        "syncfs", "fsync"};
    static const int errors[] = {EIO, ENOSPC, EDQUOT};
    for (size_t c = 0; c < sizeof calls / sizeof *calls; c++)
        for (size_t e = 0; e < 3; e++) {
            bool came = true;
            size_t when = 1;
            for (; came; when += STRIDE) {
                s_make_node ();
                zseq_store_t *store = fixture_start ();
                zseq_written_t written[ALL];
                s_write_numbered (store, 0, 4, 10, false, 0, written);
                zseq_faults_begin (fixture_node ());
                zseq_faults_fail (calls[c], when, errors[e], false);
                s_write_numbered (store, 0, ALL, 20, false, 4, written);
                const zseq_call_t *failed = zseq_faults_failed ();
                came = failed != NULL;
                size_t refused;
                size_t fatal;
                s_count (written, ALL, &refused, &fatal);
                bool journal = came && strncmp (failed->path, "names", 5) == 0;
                if (!came)
                    cr_assert_eq (refused + fatal, 0);
                else if (errors[e] == EIO || c >= 6)
                    cr_assert_eq (fatal, ALL, "%s %zu", calls[c], when);
                else
                    cr_assert (fatal == 0 &&
                                 refused == (journal ? ALL - 4u : 1u),
                               "%s %zu of %s: %zu refused", calls[c], when,
                               failed->path, refused);
                zseq_store_destroy (&store);
                zseq_faults_end ();
                fixture_names_t names;
                cr_assert_eq (fixture_check (&names), ZSEQ_OK, "%s",
                              fixture_text ());
                for (size_t i = 0; i < ALL; i++)
                    if (written[i].status == ZSEQ_OK)
                        cr_assert_eq (fixture_limit (&names, s_numbered[i]),
                                      20);
                    else if (i < 4)
                        cr_assert_geq (fixture_limit (&names, s_numbered[i]),
                                       10);
                fixture_forget (&names);
                fixture_remove (fixture_node ());
            }
            cr_assert_gt (when, 2, "%s was never called", calls[c]);
        }
}

//  Deferred writes.

static void
s_make_lost_vote (void)
{
    zseq_record_t record;
    fixture_record (&record, FIXTURE_IDENTITY);
    record.voting = false;
    zseq_store_t *store = zseq_store_new (fixture_node ());
    cr_assert_eq (zseq_store_format (store, &record), ZSEQ_OK);
    zseq_store_destroy (&store);
    store = fixture_start ();
    cr_assert_eq (fixture_write (store, "n0", 5, false), ZSEQ_OK);
    zseq_store_destroy (&store);
}

static void
s_play_deferred (size_t *completed)
{
    zseq_written_t written[ALL];
    zseq_store_t *store = fixture_start ();
    s_write_numbered (store, 0, 3, 10, true, 1, written);
    ++*completed;
    s_write_numbered (store, 0, ALL, 20, true, 3, written);
    ++*completed;
    zseq_record_t record;
    fixture_record (&record, FIXTURE_IDENTITY);
    cr_assert_eq (fixture_write_record (store, &record), ZSEQ_OK);
    ++*completed;
    s_write_numbered (store, 0, 2, 30, false, ALL, written);
    ++*completed;
    zseq_store_destroy (&store);
}

//  A node that votes has all of it. One that does not may be damaged.
static void
s_check_deferred (size_t completed, const char *what, size_t when)
{
    fixture_names_t names;
    int rc = fixture_check (&names);
    bool voting = !names.lost && names.record.voting;
    cr_assert (rc == ZSEQ_OK || (rc == ZSEQ_EDAMAGED && !voting), "%s %zu: %s",
               what, when, fixture_text ());
    cr_assert (completed < 3 || voting);
    cr_assert (completed >= 2 || !voting, "%s %zu", what, when);
    for (size_t i = 0; voting && i < ALL; i++) {
        char name[8];
        snprintf (name, sizeof name, "n%zu", i);
        uint64_t found = fixture_limit (&names, name);
        cr_assert_geq (found, completed == 4 && i < 2 ? 30 : 20,
                       "%s %zu: %s lost", what, when, name);
    }
    fixture_forget (&names);
}

Test (store_faults, syncs_deferred_writes_before_the_nodes_record)
{
    s_make_lost_vote ();
    zseq_store_t *store = fixture_start ();
    zseq_written_t written[ALL];
    zseq_faults_begin (fixture_node ());
    s_write_numbered (store, 0, 3, 10, true, 1, written);
    s_write_numbered (store, 0, ALL, 20, true, 3, written);
    cr_assert_eq (s_count_lines ("syncfs") + s_count_lines ("fsync"), 0);
    cr_assert_eq (s_count_lines ("write names"), 4);
    cr_assert_eq (s_count_lines ("write names-copy"), 2);
    zseq_faults_begin (fixture_node ());
    zseq_record_t record;
    fixture_record (&record, FIXTURE_IDENTITY);
    cr_assert_eq (fixture_write_record (store, &record), ZSEQ_OK);
    size_t index = 0;
    S_ASSERT_LINES (index, "syncfs .", "create .tmp", "write .tmp",
                    "fsync .tmp", "close .tmp", "rename .tmp node", "fsync .",
                    "complete");
    //  Once is enough.
    cr_assert_eq (fixture_write_record (store, &record), ZSEQ_OK);
    S_ASSERT_LINES (index, "create .tmp");
    //  So does another write.
    s_write_numbered (store, 4, 1, 30, true, ALL, written);
    zseq_faults_begin (fixture_node ());
    s_write_numbered (store, 5, 1, 30, false, ALL, written);
    index = 0;
    S_ASSERT_LINES (index, "syncfs .", "create seq/XX/.tmp");
    zseq_store_destroy (&store);
}

Test (store_faults, ends_when_deferred_writes_cannot_be_synced)
{
    s_make_lost_vote ();
    zseq_store_t *store = fixture_start ();
    zseq_written_t written[ALL];
    s_write_numbered (store, 0, ALL, 20, true, 1, written);
    zseq_faults_begin (fixture_node ());
    zseq_faults_fail ("syncfs", 1, ENOSPC, false);
    zseq_record_t record;
    fixture_record (&record, FIXTURE_IDENTITY);
    cr_assert_eq (fixture_write_record (store, &record), ZSEQ_EIO);
    cr_assert (strstr (zseq_store_text (store), "syncfs"));
    zseq_store_destroy (&store);
    zseq_faults_end ();
    fixture_names_t names;
    fixture_check (&names);
    cr_assert (!names.record.voting);
    fixture_forget (&names);
}

Test (store_faults, votes_with_all_that_was_deferred_or_not_at_all)
{
    size_t completed = 0;
    s_make_lost_vote ();
    s_disk_begin ();
    s_play_deferred (&completed);
    s_cut_everywhere (8, s_check_deferred);
}

Test (store_faults, votes_with_all_that_was_deferred_when_killed_at_any_call)
{
    s_kill_everywhere (s_make_lost_vote, s_play_deferred, s_check_deferred);
}

//  Healing. A node that voted, in its first life, holds a to d and is damaged
//  in one way or another.

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
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_store_t *store = fixture_start ();
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq (fixture_write (store, s_name[i], 10, false), ZSEQ_OK);
    zseq_store_destroy (&store);
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
    //  An old record put back.
    zseq_record_t record;
    fixture_record (&record, 0);
    fixture_remove (fixture_path ("node/node"));
    store = zseq_store_new (fixture_path ("other"));
    cr_assert_eq (zseq_store_format (store, &record), ZSEQ_OK);
    zseq_store_destroy (&store);
    rename (fixture_path ("other/node"), fixture_file ("node"));
    fixture_remove (fixture_path ("other"));
}

static void
s_play_healing (size_t *completed)
{
    zseq_store_t *store;
    int rc = fixture_repair (&store);
    cr_assert_eq (rc, ZSEQ_OK);
    ++*completed;
    cr_assert_eq (fixture_write (store, "b", 50, false), ZSEQ_OK);
    ++*completed;
    zseq_record_t record;
    fixture_record (&record, FIXTURE_IDENTITY);
    record.vector.life[1].counter = 2;
    cr_assert_eq (fixture_write_record (store, &record), ZSEQ_OK);
    ++*completed;
    zseq_store_destroy (&store);
}

//  Healed, or known to be damaged: never does the first life vote again, and
//  what was intact stays.
static void
s_check_healing (size_t completed, const char *what, size_t when)
{
    fixture_names_t names;
    int rc = fixture_check (&names);
    cr_assert (rc == ZSEQ_OK || rc == ZSEQ_EDAMAGED, "%s %zu: %s", what, when,
               fixture_text ());
    cr_assert (rc == ZSEQ_OK || completed == 0, "%s %zu: %s", what, when,
               fixture_text ());
    bool voting = rc == ZSEQ_OK && names.record.voting;
    if (rc == ZSEQ_OK)
        cr_assert_eq (names.record.vector.life[1].counter, 2, "%s %zu", what,
                      when);
    cr_assert (completed >= 2 || !voting, "%s %zu", what, when);
    cr_assert (completed < 3 || voting);
    cr_assert_eq (names.identity, FIXTURE_IDENTITY);
    cr_assert_eq (fixture_limit (&names, "a"), 10, "%s %zu", what, when);
    cr_assert_eq (fixture_limit (&names, "c"), 10, "%s %zu", what, when);
    if (completed >= 2)
        cr_assert_eq (fixture_limit (&names, "b"), 50);
    fixture_forget (&names);
}

Test (store_faults, heals_or_stays_damaged_when_the_power_goes_at_any_call)
{
    for (s_kind = 0; s_kind < KINDS; s_kind++) {
        size_t completed = 0;
        s_make_damaged ();
        s_disk_begin ();
        s_play_healing (&completed);
        cr_assert_eq (completed, 3);
        s_cut_everywhere (8, s_check_healing);
        fixture_remove (fixture_node ());
    }
}

Test (store_faults, heals_or_stays_damaged_when_killed_at_any_call)
{
    for (s_kind = 0; s_kind < KINDS; s_kind++)
        s_kill_everywhere (s_make_damaged, s_play_healing, s_check_healing);
}

//  The same for a node of which nothing is left.

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
        cr_assert_eq (fixture_limit (&names, "b"), 50);
    fixture_forget (&names);
}

Test (store_faults, begins_a_lost_node_anew_whenever_the_power_goes)
{
    size_t completed = 0;
    s_make_nothing ();
    s_disk_begin ();
    s_play_healing (&completed);
    s_cut_everywhere (ROUNDS, s_check_nothing);
    s_kill_everywhere (s_make_nothing, s_play_healing, s_check_nothing);
}

Test (store_faults, heals_in_order)
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
    S_ASSERT_LINES (
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

Test (store_faults, heals_later_what_a_full_disk_prevents)
{
    static const char *const calls[] = {"create", "mkdir",  "write", "close",
                                        "rename", "syncfs", "fsync", "unlink"};
    static const int errors[] = {EIO, ENOSPC, EDQUOT};
    s_kind = 5;
    for (size_t c = 0; c < sizeof calls / sizeof *calls; c++)
        for (size_t e = 0; e < 3; e++) {
            bool came = true;
            size_t when = 1;
            for (; came; when += STRIDE) {
                s_make_damaged ();
                zseq_store_t *store = zseq_store_new (fixture_node ());
                cr_assert_eq (fixture_load (store, NULL), ZSEQ_EDAMAGED);
                cr_assert_eq (zseq_store_start (store), ZSEQ_OK);
                zseq_record_t record;
                fixture_record (&record, FIXTURE_IDENTITY);
                record.voting = false;
                record.vector.life[1].counter = 2;
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
                bool healed = rc == ZSEQ_OK || refuse;
                cr_assert (healed || zseq_store_text (store)[0]);
                zseq_store_destroy (&store);
                zseq_faults_end ();
                //  After the end it may be healed all the same.
                s_check_healing (healed, calls[c], when);
                cr_assert_eq (fixture_repair (&store), ZSEQ_OK);
                zseq_store_destroy (&store);
                s_check_healing (1, calls[c], when);
                fixture_remove (fixture_node ());
            }
            cr_assert_gt (when, 2, "%s was never called", calls[c]);
        }
}

//  A directory of format 1, with all that its first start has to mend: a bad last
//  batch, a record without an entry, a temporary file.

static void
s_make_aged (void)
{
    s_make_node ();
    zseq_store_t *store = fixture_start ();
    for (size_t i = 0; i < 3; i++)
        cr_assert_eq (fixture_write (store, s_name[i], 10, false), ZSEQ_OK);
    zseq_store_destroy (&store);
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file ("names"), &size);
    fixture_put (fixture_file ("names"), bytes, size - 1);
    free (bytes);
    fixture_put (fixture_file (".tmp-1-1"), "x", 1);
    fixture_age ();
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

//  It is of one format or the other, with all names, and votes.
static void
s_check_aged (size_t completed, const char *what, size_t when)
{
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file ("node"), &size);
    cr_assert (bytes[8] == 2 || (bytes[8] == 1 && completed == 0), "%s %zu",
               what, when);
    free (bytes);
    fixture_names_t names;
    int rc = fixture_check (&names);
    cr_assert_eq (rc, ZSEQ_OK, "%s %zu: %s", what, when, fixture_text ());
    cr_assert (names.record.voting);
    for (size_t i = 0; i < 3; i++)
        cr_assert_eq (fixture_limit (&names, s_name[i]), 10, "%s %zu", what,
                      when);
    if (completed == 2)
        cr_assert_eq (fixture_limit (&names, "e420"), 50);
    fixture_forget (&names);
}

Test (store_faults, converts_wholly_or_not_at_all_when_the_power_goes)
{
    size_t completed = 0;
    s_make_aged ();
    s_disk_begin ();
    s_play_aged (&completed);
    cr_assert_eq (completed, 2);
    s_cut_everywhere (8, s_check_aged);
}

Test (store_faults, converts_wholly_or_not_at_all_when_killed_at_any_call)
{
    s_kill_everywhere (s_make_aged, s_play_aged, s_check_aged);
}

Test (store_faults, converts_later_what_a_call_prevents)
{
    static const char *const calls[] = {"create", "write", "fsync", "rename"};
    static const int errors[] = {EIO, ENOSPC};
    for (size_t c = 0; c < sizeof calls / sizeof *calls; c++)
        for (size_t e = 0; e < 2; e++) {
            bool came = true;
            for (size_t when = 1; came; when += STRIDE) {
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

Test (store_faults, converts_in_order)
{
    s_make_aged ();
    zseq_faults_begin (fixture_node ());
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK, "%s", fixture_text ());
    size_t index = 0;
    S_ASSERT_LINES (index, "create lock", "truncate lock", "write lock",
                    "syncfs .");
    static const char *const lines[] = {
      "unlink .tmp", "truncate names",
      "fsync names", "write names",
      "fsync names", "create .tmp",
      "write .tmp",  "fsync .tmp",
      "close .tmp",  "rename .tmp names-copy",
      "fsync .",     "create .tmp",
      "write .tmp",  "fsync .tmp",
      "close .tmp",  "rename .tmp node.format1",
      "fsync .",     "create .tmp",
      "write .tmp",  "fsync .tmp",
      "close .tmp",  "rename .tmp node",
      "fsync ."};
    //  What was opened to be read is closed in between.
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

//  Loading.

Test (store_faults, loads_all_or_says_what_failed)
{
    static const char *const calls[] = {"open",  "read",   "syncfs",  "write",
                                        "fsync", "unlink", "truncate"};
    for (size_t c = 0; c < sizeof calls / sizeof *calls; c++) {
        bool came = true;
        size_t when = 1;
        for (; came; when += STRIDE) {
            s_make_node ();
            zseq_store_t *store = fixture_start ();
            zseq_written_t written[ALL];
            s_write_numbered (store, 0, ALL, 10, false, 0, written);
            zseq_store_destroy (&store);
            //  All is there to be mended: a temporary file, a bad last batch
            //  of the journal or of its copy, lacking entries.
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
            //  The number in the lock is only a courtesy.
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
