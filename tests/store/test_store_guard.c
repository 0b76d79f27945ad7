//  The guard of a directory: the lock, and the watch while it is in use.

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zseq_assert.h"
#include "zseq_faults.h"
#include "zseq_fixture.h"
#include "zseq_store_format.h"

TestSuite (store_guard, .init = fixture_init, .fini = fixture_term);

static void
s_wait_child (pid_t child)
{
    int status;
    cr_assert_eq (waitpid (child, &status, 0), child);
    cr_assert (WIFEXITED (status), "signal %d", WTERMSIG (status));
    cr_assert_eq (WEXITSTATUS (status), 0);
}

static void
s_assert_goes_on (zseq_store_t *store)
{
    static uint64_t limit = 10;
    cr_assert_eq (fixture_write (store, "orders", ++limit, true), ZSEQ_OK);
}

//  The write and any later one fail.
static void
s_assert_ends (zseq_store_t *store, const char *text)
{
    cr_assert_eq (fixture_write (store, "orders", 5000, true), ZSEQ_EIO);
    assert_text (store, text);
    cr_assert_eq (fixture_write (store, "orders", 6000, true), ZSEQ_EIO);
}

//  The same without a write.
static void
s_assert_ends_idle (zseq_store_t *store, const char *text)
{
    struct pollfd fd = {zseq_store_fd (store), POLLIN, 0};
    cr_assert_eq (poll (&fd, 1, 60000), 1);
    zseq_written_t written[2];
    cr_assert_eq (zseq_store_collect (store, written, 2), 1);
    cr_assert_eq (written[0].status, ZSEQ_EIO);
    cr_assert_not (written[0].record);
    assert_text (store, text);
    cr_assert_eq (fixture_write (store, "orders", 6000, true), ZSEQ_EIO);
}

static void
s_put_text (const char *path, const char *text)
{
    fixture_put (path, text, strlen (text));
}

//  Replaces a file of the node by another file with the same bytes.
static void
s_copy_over (const char *file)
{
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file (file), &size);
    fixture_put (fixture_path ("copy"), bytes, size);
    free (bytes);
    cr_assert_eq (rename (fixture_path ("copy"), fixture_file (file)), 0);
}

//  The lock.

Test (store_guard, is_locked_without_the_lock_file)
{
    zseq_store_t *store = fixture_running ();
    char owner[64];
    snprintf (owner, sizeof owner, "in use by process %ld", (long) getpid ());
    cr_assert_eq (unlink (fixture_file ("lock")), 0);
    cr_assert_eq (fixture_check (NULL), ZSEQ_ELOCKED);
    cr_assert (strstr (fixture_text (), owner), "%s", fixture_text ());
    zseq_record_t record;
    fixture_record (&record, 0);
    zseq_store_t *other = zseq_store_new (fixture_node ());
    cr_assert_eq (zseq_store_open_lost (other, 1), ZSEQ_ELOCKED);
    cr_assert_eq (zseq_store_open_or_format (other, &record, &record),
                  ZSEQ_ELOCKED);
    cr_assert_eq (zseq_store_format (other, &record), ZSEQ_EEXIST);
    zseq_store_destroy (&other);
    s_assert_goes_on (store);
    zseq_store_destroy (&store);
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
}

Test (store_guard, makes_a_deleted_lock_file_again)
{
    zseq_store_t *store = fixture_running ();
    cr_assert_eq (unlink (fixture_file ("lock")), 0);
    s_assert_goes_on (store);
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file ("lock"), &size);
    cr_assert_eq (strtol ((char *) bytes, NULL, 10), getpid ());
    free (bytes);
    s_assert_goes_on (store);
    zseq_store_destroy (&store);
}

Test (store_guard, heeds_the_lock_file_of_an_older_process)
{
    zseq_store_t *store = fixture_running ();
    zseq_store_destroy (&store);
    s_put_text (fixture_file ("lock"), "4711\n");
    int fd = open (fixture_file ("lock"), O_RDWR | O_CLOEXEC);
    cr_assert_eq (flock (fd, LOCK_EX), 0);
    cr_assert_eq (fixture_check (NULL), ZSEQ_ELOCKED);
    cr_assert (strstr (fixture_text (), "process 4711"));
    close (fd);
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
}

Test (store_guard, formats_nothing_that_is_about_to_be_formatted)
{
    cr_assert_eq (mkdir (fixture_node (), 0700), 0);
    int fd = open (fixture_node (), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert_eq (flock (fd, LOCK_EX), 0);
    zseq_record_t record;
    fixture_record (&record, 0);
    zseq_store_t *store = zseq_store_new (fixture_node ());
    cr_assert_eq (zseq_store_format (store, &record), ZSEQ_ELOCKED);
    cr_assert_eq (fixture_count (fixture_node (), ""), 0);
    close (fd);
    cr_assert_eq (zseq_store_format (store, &record), ZSEQ_OK);
    zseq_store_destroy (&store);
}

Test (store_guard, gives_the_lock_back_where_a_child_has_it_too)
{
    zseq_store_t *store = fixture_running ();
    int ends[2];
    cr_assert_eq (pipe (ends), 0);
    pid_t child = fork ();
    if (child == 0) {
        char byte;
        close (ends[1]);
        _exit (read (ends[0], &byte, 1) == 0 ? 0 : 1);
    }
    zseq_store_destroy (&store);
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
    close (ends[1]);
    s_wait_child (child);
}

//  The watch.

Test (store_guard, ends_when_its_directory_was_moved_away)
{
    zseq_store_t *store = fixture_running ();
    cr_assert_eq (rename (fixture_node (), fixture_path ("moved")), 0);
    s_assert_ends (store, "moved away");
    assert_text (store, fixture_node ());
    zseq_store_destroy (&store);
}

Test (store_guard, ends_idle_when_its_directory_was_moved_away)
{
    zseq_store_t *store = fixture_running ();
    cr_assert_eq (rename (fixture_node (), fixture_path ("moved")), 0);
    s_assert_ends_idle (store, "moved away");
    zseq_store_destroy (&store);
}

Test (store_guard, ends_when_another_directory_is_in_its_place)
{
    zseq_store_t *store = fixture_running ();
    cr_assert_eq (rename (fixture_node (), fixture_path ("moved")), 0);
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    s_assert_ends (store, "another directory");
    zseq_store_destroy (&store);
}

Test (store_guard, ends_when_its_link_leads_elsewhere)
{
    fixture_format (fixture_path ("first"), FIXTURE_IDENTITY);
    fixture_format (fixture_path ("second"), FIXTURE_IDENTITY);
    cr_assert_eq (symlink (fixture_path ("first"), fixture_node ()), 0);
    zseq_store_t *store = fixture_start ();
    cr_assert_eq (fixture_write (store, "orders", 10, false), ZSEQ_OK);
    s_assert_goes_on (store);
    cr_assert_eq (symlink (fixture_path ("second"), fixture_path ("link")), 0);
    cr_assert_eq (rename (fixture_path ("link"), fixture_node ()), 0);
    s_assert_ends (store, "another directory");
    zseq_store_destroy (&store);
}

Test (store_guard, finds_a_relative_path_from_any_working_directory)
{
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    cr_assert_eq (chdir (fixture_path ("")), 0);
    zseq_store_t *store = zseq_store_new ("./node");
    cr_assert_eq (fixture_load (store, NULL), ZSEQ_OK);
    cr_assert_eq (zseq_store_start (store), ZSEQ_OK);
    cr_assert_eq (chdir ("/"), 0);
    cr_assert_eq (fixture_write (store, "orders", 10, false), ZSEQ_OK);
    s_assert_goes_on (store);
    cr_assert_eq (rename (fixture_node (), fixture_path ("moved")), 0);
    s_assert_ends (store, "moved away");
    zseq_store_destroy (&store);
}

Test (store_guard, goes_on_after_what_backups_and_people_do)
{
    zseq_store_t *store = fixture_running ();
    const char *const files[] = {"node", "names", "names-copy", "lock"};
    const struct timespec past[2] = {{.tv_sec = 1}, {.tv_sec = 2}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const char *path = fixture_file (files[i]);
        char backup[16];
        snprintf (backup, sizeof backup, "%s.backup", files[i]);
        cr_assert_eq (link (path, fixture_path (backup)), 0);
        cr_assert_eq (chmod (path, 0640), 0);
        s_assert_goes_on (store);
        cr_assert_eq (utimensat (AT_FDCWD, path, past, 0), 0);
        s_assert_goes_on (store);
    }
    s_copy_over ("node");
    s_copy_over ("lock");
    s_assert_goes_on (store);
    s_put_text (fixture_file ("lock"), "");
    s_put_text (fixture_file ("notes"), "not a file of zseq's");
    cr_assert_eq (chmod (fixture_node (), 0750), 0);
    s_assert_goes_on (store);
    //  A copy of the lock file gets locked like the first one.
    int fd = open (fixture_file ("lock"), O_RDWR | O_CLOEXEC);
    cr_assert_eq (flock (fd, LOCK_EX | LOCK_NB), -1);
    close (fd);
    zseq_store_destroy (&store);
}

Test (store_guard, ends_when_somebody_writes_the_node_record)
{
    fixture_format (fixture_path ("other"), FIXTURE_IDENTITY + 1);
    size_t size;
    uint8_t *bytes = fixture_read (fixture_path ("other/node"), &size);
    zseq_store_t *store = fixture_running ();
    s_assert_goes_on (store);
    //  The same size in the same file.
    fixture_put (fixture_file ("node"), bytes, size);
    free (bytes);
    s_assert_ends (store, "node: written by another process");
    zseq_store_destroy (&store);
}

Test (store_guard, ends_idle_when_the_node_record_is_removed)
{
    zseq_store_t *store = fixture_running ();
    cr_assert_eq (unlink (fixture_file ("node")), 0);
    s_assert_ends_idle (
      store, "node: removed by another process while it was in use; this node "
             "stops and acknowledges nothing more: stop the other process");
    zseq_store_destroy (&store);
}

Test (store_guard, goes_on_after_its_own_node_record)
{
    zseq_store_t *store = fixture_running ();
    zseq_record_t record;
    fixture_record (&record, FIXTURE_IDENTITY);
    record.vector.incarnation[1].counter = 7;
    cr_assert_eq (fixture_write_record (store, &record), ZSEQ_OK);
    s_assert_goes_on (store);
    zseq_store_destroy (&store);
}

static void
s_assert_ends_when_appended (const char *file, const char *text)
{
    zseq_store_t *store = fixture_running ();
    int fd = open (fixture_file (file), O_WRONLY | O_APPEND);
    cr_assert_eq (write (fd, "x", 1), 1);
    close (fd);
    s_assert_ends (store, text);
    zseq_store_destroy (&store);
}

Test (store_guard, ends_when_somebody_appends_to_the_names)
{
    s_assert_ends_when_appended ("names", "names: written");
}

Test (store_guard, ends_when_somebody_appends_to_the_copy_of_the_names)
{
    s_assert_ends_when_appended ("names-copy", "names-copy: written");
}

static void
s_assert_ends_when_replaced (const char *file, const char *text)
{
    zseq_store_t *store = fixture_running ();
    s_copy_over (file);
    s_assert_ends (store, text);
    zseq_store_destroy (&store);
}

Test (store_guard, ends_when_the_names_are_another_file)
{
    s_assert_ends_when_replaced ("names", "names: written");
}

Test (store_guard, ends_when_the_copy_of_the_names_is_another_file)
{
    s_assert_ends_when_replaced ("names-copy", "names-copy: written");
}

Test (store_guard, ends_idle_when_the_copy_of_the_names_is_removed)
{
    zseq_store_t *store = fixture_running ();
    cr_assert_eq (unlink (fixture_file ("names-copy")), 0);
    s_assert_ends_idle (store, "names-copy: written, moved or removed");
    zseq_store_destroy (&store);
}

//  Runs a check before a whole second has passed without a write.
Test (store_guard, ends_when_it_reads_back_what_is_not_its_own)
{
    zseq_store_t *store = fixture_running ();
    cr_assert_eq (unlink (fixture_file ("node")), 0);
    cr_assert_eq (
      fixture_read_back (store, ZSEQ_CHECK_SEQUENCE, "orders", 10, NULL),
      ZSEQ_EIO);
    cr_assert (strstr (zseq_store_text (store), "node: removed by another"));
    cr_assert_eq (fixture_write (store, "orders", 20, true), ZSEQ_EIO);
    zseq_store_destroy (&store);
}

//  The watch accepts files that reading back and conversion have replaced.
Test (store_guard, goes_on_after_it_has_written_a_journal_again)
{
    zseq_store_t *store = fixture_running ();
    static const char *const files[] = {"names", "names-copy"};
    for (size_t i = 0; i < 2; i++) {
        int fd = open (fixture_file (files[i]), O_RDWR);
        cr_assert_eq (pwrite (fd, "x", 1, ZSEQ_STORE_HEADER_SIZE), 1);
        close (fd);
        cr_assert_eq (
          fixture_read_back (store, ZSEQ_CHECK_JOURNAL, NULL, 0, NULL),
          ZSEQ_EDAMAGED);
        s_assert_goes_on (store);
    }
    zseq_store_destroy (&store);
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
}

//  The copy was replaced, and the journal was not.
Test (store_guard, goes_on_when_it_has_written_only_the_copy_again)
{
    zseq_store_t *store = fixture_running ();
    int fd = open (fixture_file ("names"), O_RDWR);
    cr_assert_eq (pwrite (fd, "x", 1, ZSEQ_STORE_HEADER_SIZE), 1);
    close (fd);
    zseq_faults_begin (fixture_node ());
    zseq_faults_fail ("create", 2, ENOSPC, false);
    cr_assert_eq (fixture_read_back (store, ZSEQ_CHECK_JOURNAL, NULL, 0, NULL),
                  ZSEQ_EDAMAGED);
    cr_assert (strstr (zseq_store_check_text (store), "no space"));
    zseq_faults_end ();
    cr_assert_eq (fixture_write (store, "new", 10, false), ZSEQ_OK);
    cr_assert_eq (fixture_read_back (store, ZSEQ_CHECK_JOURNAL, NULL, 0, NULL),
                  ZSEQ_EDAMAGED);
    cr_assert_eq (fixture_read_back (store, ZSEQ_CHECK_JOURNAL, NULL, 0, NULL),
                  ZSEQ_OK);
    zseq_store_destroy (&store);
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
}

Test (store_guard, goes_on_after_it_has_converted_the_directory)
{
    zseq_store_t *store = fixture_running ();
    zseq_store_destroy (&store);
    fixture_age ();
    store = fixture_start ();
    s_assert_goes_on (store);
    cr_assert_eq (fixture_write (store, "new", 10, false), ZSEQ_OK);
    zseq_store_destroy (&store);
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
}

Test (store_guard, ends_when_the_records_are_moved_away)
{
    zseq_store_t *store = fixture_running ();
    cr_assert_eq (rename (fixture_file ("seq"), fixture_path ("seq")), 0);
    s_assert_ends (store, "seq: written, moved or removed");
    zseq_store_destroy (&store);
}

//  Where locks do not work, the lock file still reveals another process.
Test (store_guard, ends_when_another_process_signs_the_lock_file)
{
    zseq_store_t *store = fixture_running ();
    s_put_text (fixture_file ("lock"), "4711 00112233445566778899\n");
    s_assert_ends_idle (
      store,
      "lock: another process has taken the directory while it was in use; "
      "this node stops and acknowledges nothing more: stop the other");
    zseq_store_destroy (&store);
}

Test (store_guard, ends_when_an_older_process_takes_a_deleted_lock_file)
{
    zseq_store_t *store = fixture_running ();
    s_put_text (fixture_path ("lock"), "4711\n");
    cr_assert_eq (rename (fixture_path ("lock"), fixture_file ("lock")), 0);
    s_assert_ends (store, "lock: another process");
    zseq_store_destroy (&store);
}

//  Descriptors and limits of the process.

Test (store_guard, takes_none_of_the_standard_descriptors)
{
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    pid_t child = fork ();
    if (child == 0) {
        close (0);
        close (1);
        close (2);
        zseq_store_t *store = fixture_start ();
        bool ok = fixture_write (store, "orders", 10, false) == ZSEQ_OK;
        for (int fd = 0; fd < 3; fd++)
            ok &= fcntl (fd, F_GETFD) == -1;
        zseq_store_destroy (&store);
        _exit (ok ? 0 : 1);
    }
    s_wait_child (child);
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
}

static void
s_limit_files (rlim_t size)
{
    const struct rlimit limit = {size, RLIM_INFINITY};
    cr_assert_eq (setrlimit (RLIMIT_FSIZE, &limit), 0);
}

//  The signal has its default action, which kills the process.
Test (store_guard, refuses_what_a_limit_of_files_does_not_let_it_write)
{
    zseq_store_t *store = fixture_running ();
    size_t size;
    free (fixture_read (fixture_file ("names"), &size));
    s_limit_files (size + 8);
    cr_assert_eq (fixture_write (store, "new", 10, false), ZSEQ_ENOSPACE);
    s_limit_files (8);
    cr_assert_eq (fixture_write (store, "orders", 20, true), ZSEQ_ENOSPACE);
    s_limit_files (RLIM_INFINITY);
    s_assert_goes_on (store);
    cr_assert_eq (fixture_write (store, "new", 20, false), ZSEQ_OK);
    zseq_store_destroy (&store);
}

Test (store_guard, opens_and_loads_in_spite_of_a_limit_of_files)
{
    zseq_store_t *store = fixture_running ();
    zseq_store_destroy (&store);
    //  The record lacks its entry, as after a crash, and gets one.
    cr_assert_eq (truncate (fixture_file ("names"), ZSEQ_STORE_HEADER_SIZE), 0);
    cr_assert_eq (
      truncate (fixture_file ("names-copy"), ZSEQ_STORE_HEADER_SIZE), 0);
    s_limit_files (0);
    cr_assert_eq (fixture_check (NULL), ZSEQ_ENOSPACE);
    zseq_record_t record;
    fixture_record (&record, 0);
    store = zseq_store_new (fixture_path ("new"));
    cr_assert_eq (zseq_store_format (store, &record), ZSEQ_ENOSPACE);
    sigset_t pending;
    cr_assert_eq (sigpending (&pending), 0);
    cr_assert_eq (sigismember (&pending, SIGXFSZ), 0);
    s_limit_files (RLIM_INFINITY);
    zseq_store_destroy (&store);
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
}
