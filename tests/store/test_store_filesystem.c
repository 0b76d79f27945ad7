//  Which file systems a directory may be on, and what is synced on each.

#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zseq_assert.h"
#include "zseq_faults.h"
#include "zseq_fixture.h"

TestSuite (store_filesystem, .init = fixture_init, .fini = fixture_term);

//  Types of statfs.
#define S_NFS 0x6969
#define S_UNKNOWN 0x12345678

#define S_NAMES 40  //  So many that they are written together

Test (store_filesystem, refuses_file_systems_whose_locks_are_not_to_be_trusted)
{
    static const struct {
        unsigned long type;
        const char *name;
    } types[] = {{S_NFS, "type nfs,"},       {0xff534d42, "type cifs,"},
                 {0xfe534d42, "type smb2,"}, {0x01021997, "type 9p,"},
                 {0x00c36400, "type ceph,"}, {0x01161970, "type gfs2,"},
                 {0x7461636f, "type ocfs2,"}};
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    cr_assert_eq (unlink (fixture_file ("lock")), 0);
    zseq_record_t record;
    fixture_record (&record, 0);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        zseq_faults_filesystem (types[i].type);
        cr_assert_eq (fixture_check (NULL), ZSEQ_EINVAL);
        cr_assert (strstr (fixture_text (), types[i].name), "%s",
                   fixture_text ());
        cr_assert (strstr (fixture_text (), "--unsafe-filesystem"));
        cr_assert_not (fixture_exists (fixture_file ("lock")));
        zseq_store_t *store = zseq_store_new (fixture_path ("new"));
        cr_assert_eq (zseq_store_format (store, &record), ZSEQ_EINVAL);
        cr_assert_eq (zseq_store_open_lost (store, 1), ZSEQ_EINVAL);
        cr_assert_not (fixture_exists (fixture_path ("new")));
        zseq_store_allow_unsafe (store);
        cr_assert_eq (zseq_store_format (store, &record), ZSEQ_OK);
        zseq_store_destroy (&store);
        fixture_remove (fixture_path ("new"));
    }
}

//  Whether the log has that line at index or later.
static bool
s_logged (size_t index, const char *line)
{
    size_t count;
    zseq_faults_log (&count);
    for (; index < count; index++)
        if (strcmp (zseq_faults_line (index), line) == 0)
            return true;
    return false;
}

static size_t
s_count_logged (const char *line)
{
    size_t found = 0;
    size_t count;
    zseq_faults_log (&count);
    for (size_t i = 0; i < count; i++)
        found += strcmp (zseq_faults_line (i), line) == 0;
    return found;
}

static void
s_write_many (zseq_store_t *store, bool deferred, int expected)
{
    static char names[S_NAMES][16];
    zseq_write_t writes[S_NAMES];
    zseq_written_t written[S_NAMES];
    for (size_t i = 0; i < S_NAMES; i++) {
        int size = snprintf (names[i], sizeof names[i], "name-%zu", i);
        writes[i] = (zseq_write_t){.name = names[i],
                                   .name_size = (uint8_t) size,
                                   .deferred = deferred,
                                   .next = 10,
                                   .durable_to = 10};
    }
    fixture_submit (store, writes, S_NAMES, written);
    for (size_t i = 0; i < S_NAMES; i++)
        cr_assert_eq (written[i].status, expected);
}

//  Each of many writes, too, is synced by itself before any is acknowledged.
static void
s_assert_syncs_each (bool deferred)
{
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_faults_filesystem (S_UNKNOWN);
    zseq_store_t *store = fixture_start ();
    zseq_faults_begin (fixture_node ());
    s_write_many (store, deferred, ZSEQ_OK);
    cr_assert_eq (s_count_logged ("fsync seq/XX/.tmp"), S_NAMES);
    cr_assert_eq (s_count_logged ("fsync names"), 1);
    cr_assert_eq (s_count_logged ("fsync names-copy"), 1);
    cr_assert_eq (s_count_logged ("syncfs ."), 0);
    cr_assert_eq (s_count_logged ("mkdir seq/XX"),
                  s_count_logged ("fsync seq/XX"));
    zseq_store_destroy (&store);
}

Test (store_filesystem, syncs_each_of_many_where_syncfs_is_not_known_to_work)
{
    s_assert_syncs_each (false);
}

Test (store_filesystem, defers_nothing_where_syncfs_is_not_known_to_work)
{
    s_assert_syncs_each (true);
}

Test (store_filesystem, syncs_what_it_reads_where_syncfs_is_not_known_to_work)
{
    zseq_store_t *store = fixture_running ();
    zseq_store_destroy (&store);
    zseq_faults_filesystem (S_UNKNOWN);
    zseq_faults_begin (fixture_path (""));
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
    cr_assert_eq (s_count_logged ("syncfs node"), 0);
    static const char *const lines[] = {"fsync .",
                                        "fsync node",
                                        "fsync node/node",
                                        "fsync node/names",
                                        "fsync node/names-copy",
                                        "fsync node/seq"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        cr_assert (s_logged (0, lines[i]), "no %s", lines[i]);
    size_t record = 0;
    size_t bucket = 0;
    size_t count;
    const zseq_call_t *log = zseq_faults_log (&count);
    for (size_t i = 0; i < count; i++) {
        record +=
          strstr (log[i].path, "/orders") && !strcmp (log[i].call, "fsync");
        bucket += !strncmp (log[i].path, "node/seq/", 9) &&
                  strlen (log[i].path) == 11 && !strcmp (log[i].call, "fsync");
    }
    cr_assert_eq (record, 1);
    cr_assert_eq (bucket, 1);
}

Test (store_filesystem, opens_nothing_that_it_cannot_sync_by_itself)
{
    zseq_store_t *store = fixture_running ();
    zseq_store_destroy (&store);
    zseq_faults_filesystem (S_UNKNOWN);
    for (size_t when = 1;; when++) {
        zseq_faults_begin (fixture_path (""));
        zseq_faults_fail ("fsync", when, EIO, false);
        int rc = fixture_check (NULL);
        if (!zseq_faults_failed ()) {
            cr_assert_eq (rc, ZSEQ_OK);
            cr_assert_geq (when, 8);
            break;
        }
        cr_assert_eq (rc, ZSEQ_EIO, "fsync %zu", when);
    }
}

Test (store_filesystem,
      syncs_what_repair_moves_where_syncfs_is_not_known_to_work)
{
    zseq_store_t *store = fixture_running ();
    zseq_store_destroy (&store);
    fixture_put (fixture_find ("orders"), "damage", strlen ("damage"));
    zseq_faults_filesystem (S_UNKNOWN);
    zseq_faults_begin (fixture_node ());
    cr_assert_eq (fixture_repair (&store), ZSEQ_OK);
    size_t count;
    const zseq_call_t *log = zseq_faults_log (&count);
    size_t move = 0;
    while (move < count && !(strcmp (log[move].call, "rename") == 0 &&
                             strncmp (log[move].to, "damaged/", 8) == 0))
        move++;
    cr_assert_lt (move, count);
    char line[400];
    cr_assert (s_logged (move, "fsync seq/XX"));
    snprintf (line, sizeof line, "fsync %.*s",
              (int) (strrchr (log[move].to, '/') - log[move].to), log[move].to);
    cr_assert (s_logged (move, line), "no %s", line);
    cr_assert (s_logged (0, "fsync damaged"));
    cr_assert (s_logged (0, "fsync damaged/1"));
    cr_assert_eq (s_count_logged ("syncfs ."), 0);
    zseq_store_destroy (&store);
}

//  Gives this thread, and those that it starts, mounts of its own.
static void
s_own_mounts (void)
{
    if (unshare (CLONE_NEWNS) != 0 ||
        mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        cr_skip_test ("no mounts here");
}

static void
s_mount (const char *path)
{
    cr_assert_eq (mount ("zseq", path, "tmpfs", 0, "size=1m"), 0);
}

static void
s_assert_refuses_mount (const char *path, const char *where)
{
    uint64_t sum = fixture_sum (fixture_node ());
    int rc = fixture_check (NULL);
    cr_assert_eq (rc, ZSEQ_EINVAL, "%d: %s", rc, fixture_text ());
    cr_assert (strstr (fixture_text (), where), "%s", fixture_text ());
    cr_assert (strstr (fixture_text (), "on another file system"));
    cr_assert_eq (fixture_sum (fixture_node ()), sum);
    cr_assert_eq (umount (path), 0);
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
}

Test (store_filesystem, refuses_records_on_a_file_system_of_their_own)
{
    zseq_store_t *store = fixture_running ();
    zseq_store_destroy (&store);
    s_own_mounts ();
    s_mount (fixture_file ("seq"));
    s_assert_refuses_mount (fixture_file ("seq"), "/seq: ");
}

Test (store_filesystem, refuses_some_records_on_a_file_system_of_their_own)
{
    zseq_store_t *store = fixture_running ();
    zseq_store_destroy (&store);
    char path[700];
    snprintf (path, sizeof path, "%s", fixture_find ("orders"));
    *strrchr (path, '/') = 0;
    s_own_mounts ();
    s_mount (path);
    s_assert_refuses_mount (path, strstr (path, "/seq/"));
}

Test (store_filesystem, refuses_damage_on_a_file_system_of_its_own)
{
    zseq_store_t *store = fixture_running ();
    zseq_store_destroy (&store);
    cr_assert_eq (mkdir (fixture_file ("damaged"), 0700), 0);
    s_own_mounts ();
    s_mount (fixture_file ("damaged"));
    s_assert_refuses_mount (fixture_file ("damaged"), "/damaged: ");
}

//  A file system that is mounted over the records at run time.
static void
s_assert_ends_on_mount (bool many)
{
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    s_own_mounts ();
    zseq_store_t *store = fixture_start ();
    s_write_many (store, false, ZSEQ_OK);
    char path[700];
    snprintf (path, sizeof path, "%s", fixture_find ("name-7"));
    *strrchr (path, '/') = 0;
    s_mount (path);
    if (many)
        s_write_many (store, false, ZSEQ_EIO);
    else
        cr_assert_eq (fixture_write (store, "name-7", 20, true), ZSEQ_EIO);
    assert_text (store, "on another file system");
    zseq_store_destroy (&store);
    cr_assert_eq (umount (path), 0);
}

Test (store_filesystem, ends_when_a_file_system_comes_over_a_record)
{
    s_assert_ends_on_mount (false);
}

Test (store_filesystem, ends_when_a_file_system_comes_over_one_of_many)
{
    s_assert_ends_on_mount (true);
}
