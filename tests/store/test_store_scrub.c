//  Reading back while the store is open.

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zseq_assert.h"
#include "zseq_collect.h"
#include "zseq_fixture.h"

TestSuite (store_scrub, .init = fixture_init, .fini = fixture_term);

static void
s_assert_read_back (zseq_store_t *store, zseq_check_type_t type,
                    const char *name, int expected, const char *text)
{
    int rc = fixture_read_back (store, type, name, name ? 10 : 0, NULL);
    cr_assert_eq (rc, expected, "%d, %s", rc, zseq_store_check_text (store));
    if (rc != ZSEQ_OK)
        cr_assert (strstr (zseq_store_check_text (store), text),
                   "\"%s\" lacks \"%s\"", zseq_store_check_text (store), text);
}

//  Changes a byte of a file in place.
static void
s_flip (const char *path, size_t at)
{
    int fd = open (path, O_RDWR);
    uint8_t byte;
    cr_assert_eq (pread (fd, &byte, 1, (off_t) at), 1);
    byte ^= 0x40;
    cr_assert_eq (pwrite (fd, &byte, 1, (off_t) at), 1);
    close (fd);
}

//  Flips each byte of a file in turn: each time it is noticed and named.
//  Restores what the store does not repair by itself.
static void
s_try_read_back (zseq_store_t *store, zseq_check_type_t type, const char *name,
                 const char *path, bool mended)
{
    char where[640];
    snprintf (where, sizeof where, "%s", path);
    size_t size;
    free (fixture_read (where, &size));
    for (size_t at = 0; at < size; at++) {
        s_flip (where, at);
        s_assert_read_back (store, type, name, ZSEQ_EDAMAGED, fixture_node ());
        if (!mended)
            s_flip (where, at);
        s_assert_read_back (store, type, name, ZSEQ_OK, "");
    }
}

Test (store_scrub, reads_back_every_bit_of_what_it_wrote)
{
    fixture_node_with (fixture_three, 3);
    zseq_store_t *store = fixture_start ();
    s_try_read_back (store, ZSEQ_CHECK_SEQUENCE, "two", fixture_find ("two"),
                     false);
    //  The journals are repaired from each other at once.
    s_try_read_back (store, ZSEQ_CHECK_JOURNAL, NULL, fixture_file ("names"),
                     true);
    s_try_read_back (store, ZSEQ_CHECK_JOURNAL, NULL,
                     fixture_file ("names-copy"), true);
    //  Appends go to the new files.
    cr_assert_eq (fixture_write (store, "new", 10, false), ZSEQ_OK);
    s_assert_read_back (store, ZSEQ_CHECK_JOURNAL, NULL, ZSEQ_OK, "");
    zseq_store_destroy (&store);
    fixture_names_t names;
    cr_assert_eq (fixture_check (&names), ZSEQ_OK, "%s", fixture_text ());
    cr_assert_eq (names.count, 4);
    fixture_forget (&names);
    unlink (fixture_find ("new"));
    assert_refused (ZSEQ_EDAMAGED, "new: missing");
}

Test (store_scrub, reads_back_a_record_that_was_cut_or_is_gone)
{
    fixture_node_with (fixture_three, 3);
    zseq_store_t *store = fixture_start ();
    char path[640];
    snprintf (path, sizeof path, "%s", fixture_find ("two"));
    size_t size;
    uint8_t *bytes = fixture_read (path, &size);
    for (size_t at = 0; at <= size; at++) {
        if (at == size)
            unlink (path);
        else
            cr_assert_eq (truncate (path, (off_t) at), 0);
        s_assert_read_back (store, ZSEQ_CHECK_SEQUENCE, "two", ZSEQ_EDAMAGED,
                            fixture_node ());
        fixture_put (path, bytes, size);
        s_assert_read_back (store, ZSEQ_CHECK_SEQUENCE, "two", ZSEQ_OK, "");
    }
    free (bytes);
    zseq_store_destroy (&store);
}

//  A decayed record keeps its times; otherwise the watch stops the node.
Test (store_scrub, reads_back_the_nodes_record)
{
    fixture_node_with (fixture_three, 3);
    const char *path = fixture_file ("node");
    size_t size;
    free (fixture_read (path, &size));
    for (size_t at = 0; at < size; at += 20) {
        zseq_store_t *store = zseq_store_new (fixture_node ());
        zseq_record_t record;
        zseq_store_load_result_t found;
        zseq_store_load_callbacks_t callbacks = {.name = collect_skip_name};
        cr_assert_eq (zseq_store_open (store, &record), ZSEQ_OK);
        cr_assert_eq (zseq_store_load (store, &callbacks, &found), ZSEQ_OK);
        //  Before the watching thread starts.
        struct stat info;
        cr_assert_eq (stat (path, &info), 0);
        s_flip (path, at);
        const struct timespec times[] = {info.st_atim, info.st_mtim};
        cr_assert_eq (utimensat (AT_FDCWD, path, times, 0), 0);
        cr_assert_eq (zseq_store_start (store), ZSEQ_OK);
        s_assert_read_back (store, ZSEQ_CHECK_NODE, NULL, ZSEQ_EDAMAGED,
                            "/node: not what was written last");
        cr_assert_eq (fixture_write_record (store, &record), ZSEQ_OK);
        s_assert_read_back (store, ZSEQ_CHECK_NODE, NULL, ZSEQ_OK, "");
        zseq_store_destroy (&store);
    }
}

Test (store_scrub, reads_back_who_and_how_far)
{
    fixture_node_with (fixture_three, 3);
    zseq_store_t *store = fixture_start ();
    char path[640];
    snprintf (path, sizeof path, "%s", fixture_find ("two"));
    size_t size;
    uint8_t *old = fixture_read (path, &size);
    cr_assert_eq (fixture_write (store, "two", 20, true), ZSEQ_OK);
    cr_assert_eq (
      fixture_read_back (store, ZSEQ_CHECK_SEQUENCE, "two", 20, NULL), ZSEQ_OK);
    //  A refused write may have left a higher value, never a lower one.
    cr_assert_eq (
      fixture_read_back (store, ZSEQ_CHECK_SEQUENCE, "two", 19, NULL), ZSEQ_OK);
    fixture_put (path, old, size);
    cr_assert_eq (
      fixture_read_back (store, ZSEQ_CHECK_SEQUENCE, "two", 20, NULL),
      ZSEQ_EDAMAGED);
    cr_assert (strstr (zseq_store_check_text (store), "/two: older than"));
    //  It is written again like any other write.
    cr_assert_eq (fixture_write (store, "two", 20, true), ZSEQ_OK);
    cr_assert_eq (
      fixture_read_back (store, ZSEQ_CHECK_SEQUENCE, "two", 20, NULL), ZSEQ_OK);
    free (old);
    old = fixture_read (fixture_find ("one"), &size);
    fixture_put (path, old, size);
    free (old);
    s_assert_read_back (store, ZSEQ_CHECK_SEQUENCE, "two", ZSEQ_EDAMAGED,
                        "/two: holds the record of another");
    unlink (path);
    cr_assert_eq (fixture_write (store, "two", 20, true), ZSEQ_OK);
    zseq_store_destroy (&store);
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK, "%s", fixture_text ());
}

Test (store_scrub, says_so_when_both_journals_are_damaged)
{
    fixture_node_with (fixture_three, 3);
    zseq_store_t *store = fixture_start ();
    s_flip (fixture_file ("names"), 30);
    s_flip (fixture_file ("names-copy"), 40);
    for (int i = 0; i < 2; i++)
        s_assert_read_back (store, ZSEQ_CHECK_JOURNAL, NULL, ZSEQ_EDAMAGED,
                            "the other one is damaged, too");
    zseq_store_destroy (&store);
    assert_refused (ZSEQ_EDAMAGED, "/names");
}

Test (store_scrub, reads_long_journals_back_piece_by_piece)
{
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_store_t *store = fixture_start ();
    fixture_write_numbered (store, 0, 5000, true);
    bool more = true;
    //  Files that are not synced yet are skipped.
    cr_assert_eq (fixture_read_back (store, ZSEQ_CHECK_JOURNAL, NULL, 0, &more),
                  ZSEQ_EAGAIN);
    fixture_write_numbered (store, 5000, 1, false);
    size_t pieces = 0;
    do {
        cr_assert_eq (
          fixture_read_back (store, ZSEQ_CHECK_JOURNAL, NULL, 0, &more),
          ZSEQ_OK);
        pieces++;
    } while (more);
    cr_assert_geq (pieces, 2);
    //  A byte at the end is found in the last piece.
    struct stat info;
    cr_assert_eq (stat (fixture_file ("names"), &info), 0);
    int fd = open (fixture_file ("names"), O_RDWR);
    uint8_t byte;
    cr_assert_eq (pread (fd, &byte, 1, info.st_size - 1), 1);
    byte ^= 1;
    cr_assert_eq (pwrite (fd, &byte, 1, info.st_size - 1), 1);
    close (fd);
    size_t passed = 0;
    while (fixture_read_back (store, ZSEQ_CHECK_JOURNAL, NULL, 0, &more) ==
           ZSEQ_OK)
        passed++;
    cr_assert_eq (passed, pieces - 1);
    cr_assert (!more);
    zseq_store_destroy (&store);
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK, "%s", fixture_text ());
}
