//  The names journal and its copy: what a crash may leave of them, and what is
//  damage.

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zseq_assert.h"
#include "zseq_fixture.h"
#include "zseq_store_format.h"

TestSuite (store_journal, .init = fixture_init, .fini = fixture_term);

//  Writes both journals and tells whether the node loads with all names and
//  leaves both whole.
static void
s_assert_mended (const uint8_t *names, size_t names_size, const uint8_t *copy,
                 size_t copy_size, size_t whole)
{
    fixture_put (fixture_file ("names"), names, names_size);
    fixture_put (fixture_file ("names-copy"), copy, copy_size);
    for (int i = 0; i < 2; i++) {
        fixture_names_t found;
        int rc = fixture_check (&found);
        cr_assert_eq (rc, ZSEQ_OK, "%s", fixture_text ());
        cr_assert_eq (found.count, 3);
        fixture_forget (&found);
    }
    size_t size[2];
    uint8_t *mended[2] = {fixture_read (fixture_file ("names"), &size[0]),
                          fixture_read (fixture_file ("names-copy"), &size[1])};
    cr_assert_eq (size[0], whole);
    cr_assert_eq (size[1], whole);
    cr_assert_arr_eq (mended[0], mended[1], whole);
    free (mended[0]);
    free (mended[1]);
    //  Loading has added the entry again.
    char path[640];
    snprintf (path, sizeof path, "%s", fixture_find ("two"));
    rename (path, fixture_path ("away"));
    assert_refused (ZSEQ_EDAMAGED, "two: missing, but listed");
    rename (fixture_path ("away"), path);
}

Test (store_journal, cuts_off_an_append_that_never_reached_the_copy)
{
    fixture_node_with (fixture_three, 3);
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file ("names"), &size);
    uint8_t whole[1024];
    memcpy (whole, bytes, size);
    size_t last = size - FIXTURE_LAST_SIZE;
    for (size_t cut = last; cut < size; cut++)
        s_assert_mended (bytes, cut, whole, last, size);
    for (size_t bit = 8 * last; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (uint8_t) (1 << bit % 8);
        s_assert_mended (bytes, size, whole, last, size);
        bytes[bit / 8] ^= (uint8_t) (1 << bit % 8);
    }
    //  Zeros, as a file system may leave them, and half a batch.
    memset (bytes + size, 0, 4096);
    s_assert_mended (bytes, size + 4096, whole, size, size);
    memcpy (bytes + size, bytes + last, 12);
    s_assert_mended (bytes, size + 12, whole, size, size);
    free (bytes);
}

Test (store_journal, completes_a_copy_that_an_append_did_not_reach)
{
    fixture_node_with (fixture_three, 3);
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file ("names"), &size);
    uint8_t torn[1024];
    memcpy (torn, bytes, size);
    size_t last = size - FIXTURE_LAST_SIZE;
    for (size_t cut = last; cut < size; cut++) {
        s_assert_mended (bytes, size, bytes, cut, size);
        torn[cut] ^= 1;
        s_assert_mended (bytes, size, torn, size, size);
        torn[cut] ^= 1;
        memset (torn + cut, 0, size - cut);
        s_assert_mended (bytes, size, torn, size, size);
        memcpy (torn, bytes, size);
    }
    free (bytes);
}

//  Every bit of the first bytes of a journal, and every length below that.
static void
s_assert_firm (const char *file, size_t count)
{
    char where[32];
    snprintf (where, sizeof where, "/%s: ", file);
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file (file), &size);
    for (size_t bit = 0; bit < 8 * count; bit++) {
        bytes[bit / 8] ^= (uint8_t) (1 << bit % 8);
        fixture_put (fixture_file (file), bytes, size);
        assert_refused (ZSEQ_EDAMAGED, where);
        bytes[bit / 8] ^= (uint8_t) (1 << bit % 8);
    }
    for (size_t cut = 0; cut < count; cut++) {
        fixture_put (fixture_file (file), bytes, cut);
        assert_refused (ZSEQ_EDAMAGED, where);
    }
    //  A byte lost in the middle moves the batches after it.
    memmove (bytes + 30, bytes + 31, size - 31);
    fixture_put (fixture_file (file), bytes, size - 1);
    assert_refused (ZSEQ_EDAMAGED, "before the last");
    memmove (bytes + 31, bytes + 30, size - 31);
    free (bytes);
}

Test (store_journal, takes_every_bad_byte_of_the_journal_for_damage)
{
    fixture_node_with (fixture_three, 3);
    size_t size;
    free (fixture_read (fixture_file ("names"), &size));
    s_assert_firm ("names", size);
}

Test (store_journal, takes_a_bad_batch_of_the_copy_before_the_last_for_damage)
{
    fixture_node_with (fixture_three, 3);
    size_t size;
    free (fixture_read (fixture_file ("names-copy"), &size));
    s_assert_firm ("names-copy", size - FIXTURE_LAST_SIZE);
}

//  Appends go one at a time to names and then to names-copy: of all pairs of
//  lengths, only those that a crash can leave are completed.
Test (store_journal, mends_what_a_crash_can_leave_and_nothing_else)
{
    fixture_node_with ((const char *[]){"a", "b"}, 2);
    const size_t batch = 8 + 2 + 1 + 8;
    const size_t end[] = {27, 27 + batch, 27 + 2 * batch};
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file ("names"), &size);
    cr_assert_eq (size, end[2]);
    //  All shorter headers act the same.
    for (size_t names = end[0] - 1; names <= size; names++)
        for (size_t copy = end[0] - 1; copy <= size; copy++) {
            bool crash =
              names == copy && copy >= 27 && (copy - 27) % batch == 0;
            for (size_t i = 0; i < 2; i++) {
                crash |=
                  copy == end[i] && names >= end[i] && names < end[i + 1];
                crash |= names == end[i + 1] && copy >= end[i] && copy < names;
            }
            fixture_put (fixture_file ("names"), bytes, names);
            fixture_put (fixture_file ("names-copy"), bytes, copy);
            int rc = fixture_check (NULL);
            cr_assert_eq (rc, crash ? ZSEQ_OK : ZSEQ_EDAMAGED,
                          "%zu and %zu bytes: %d, %s", names, copy, rc,
                          fixture_text ());
        }
    free (bytes);
}

//  Pairs of faults: one of the journals and a record.

typedef enum { S_GONE, S_CUT, S_FLIPPED, S_RECORD_FAULTS } s_record_fault_t;

//  Applies the fault to a record.
static void
s_spoil (const char *path, s_record_fault_t fault, uint8_t *bytes, size_t size)
{
    bytes[size / 2] ^= fault == S_FLIPPED;
    if (fault == S_GONE)
        unlink (path);
    else
        fixture_put (path, bytes, fault == S_CUT ? size / 2 : size);
    bytes[size / 2] ^= fault == S_FLIPPED;
}

//  Either all names are there, or damage is reported.
static void
s_assert_all_or_damage (size_t count, const char *what, size_t at)
{
    fixture_names_t found;
    int rc = fixture_check (&found);
    cr_assert (rc == ZSEQ_EDAMAGED || (rc == ZSEQ_OK && found.count == count),
               "%s at %zu: %d, %zu of %zu names", what, at, rc, found.count,
               count);
    for (size_t i = 0; i < found.count; i++)
        cr_assert_eq (found.found[i].durable_to, 10);
    fixture_forget (&found);
}

//  A journal that ends at each length, and with each byte flipped.
static void
s_try_journal (const char *file, size_t count)
{
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file (file), &size);
    //  One byte of the header in five: each alone is damage.
    for (size_t at = 0; at < size; at += at < 25 ? 5 : 1) {
        fixture_put (fixture_file (file), bytes, at);
        s_assert_all_or_damage (count, "cut", at);
        fixture_put (fixture_file (file), bytes, size);
        bytes[at] ^= 0x10;
        fixture_put (fixture_file (file), bytes, size);
        s_assert_all_or_damage (count, "flipped", at);
        bytes[at] ^= 0x10;
    }
    unlink (fixture_file (file));
    s_assert_all_or_damage (count, "gone", 0);
    fixture_put (fixture_file (file), bytes, size);
    free (bytes);
}

//  Writes names in that many batches: single names first, the rest in one.
static void
s_make_batches (size_t count, size_t batches)
{
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_store_t *store = fixture_start ();
    zseq_write_t writes[3];
    zseq_written_t written[3];
    for (size_t i = 0; i < count; i++)
        writes[i] =
          (zseq_write_t){.name = fixture_three[i],
                         .name_size = (uint8_t) strlen (fixture_three[i]),
                         .next = 10,
                         .durable_to = 10};
    for (size_t i = 0; i < batches; i++)
        fixture_submit (store, writes + i, i + 1 < batches ? 1 : count - i,
                        written);
    zseq_store_destroy (&store);
}

Test (store_journal, hides_no_lost_record_behind_a_bad_journal)
{
    static const size_t shapes[][2] = {{1, 1}, {3, 2}, {3, 3}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        size_t count = shapes[i][0];
        s_make_batches (count, shapes[i][1]);
        for (size_t name = 0; name < count; name++) {
            char path[640];
            snprintf (path, sizeof path, "%s",
                      fixture_find (fixture_three[name]));
            size_t size;
            uint8_t *bytes = fixture_read (path, &size);
            //  The last name loses most: its batch is the last one.
            for (int fault = 0; fault < S_RECORD_FAULTS; fault++) {
                if (fault != S_GONE && name + 1 < count)
                    continue;
                s_spoil (path, (s_record_fault_t) fault, bytes, size);
                s_try_journal ("names", count);
                s_try_journal ("names-copy", count);
            }
            fixture_put (path, bytes, size);
            free (bytes);
        }
        cr_assert_eq (fixture_check (NULL), ZSEQ_OK, "%s", fixture_text ());
        fixture_remove (fixture_node ());
    }
}

Test (store_journal, takes_a_lost_record_for_damage)
{
    fixture_node_with (fixture_three, 3);
    for (size_t i = 0; i < 3; i++) {
        char path[640];
        snprintf (path, sizeof path, "%s", fixture_find (fixture_three[i]));
        rename (path, fixture_path ("away"));
        char text[80];
        snprintf (text, sizeof text, "/%s: missing", fixture_three[i]);
        assert_refused (ZSEQ_EDAMAGED, text);
        rename (fixture_path ("away"), path);
    }
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
    rename (fixture_file ("seq"), fixture_path ("away"));
    assert_refused (ZSEQ_EDAMAGED,
                    "/one: missing, but listed in the names journal");
}

Test (store_journal, adds_the_entry_of_a_first_claim_cut_short)
{
    fixture_node_with (fixture_three, 3);
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file ("names"), &size);
    //  Only the headers are left: all three were cut.
    fixture_put (fixture_file ("names"), bytes, 27);
    fixture_put (fixture_file ("names-copy"), bytes, 27);
    free (bytes);
    fixture_names_t names;
    cr_assert_eq (fixture_check (&names), ZSEQ_OK);
    cr_assert_eq (names.count, 3);
    fixture_forget (&names);
    unlink (fixture_find ("one"));
    assert_refused (ZSEQ_EDAMAGED, "one: missing, but listed");
}

Test (store_journal, counts_a_name_with_two_entries_once)
{
    fixture_node_with (fixture_three, 3);
    zseq_store_t *store = fixture_start ();
    cr_assert_eq (fixture_write (store, "two", 20, false), ZSEQ_OK);
    zseq_store_destroy (&store);
    fixture_names_t names;
    cr_assert_eq (fixture_check (&names), ZSEQ_OK);
    cr_assert_eq (names.count, 3);
    fixture_forget (&names);
    unlink (fixture_find ("two"));
    cr_assert_eq (fixture_check (&names), ZSEQ_EDAMAGED);
    cr_assert_eq (names.damaged, 1);
    fixture_forget (&names);
}

//  Both journals hold that many bytes of whole ones.
static void
s_put_journals (const uint8_t *bytes, size_t names_size, size_t copy_size)
{
    fixture_put (fixture_file ("names"), bytes, names_size);
    fixture_put (fixture_file ("names-copy"), bytes, copy_size);
}

Test (store_journal, says_what_is_wrong_with_the_ends)
{
    fixture_node_with (fixture_three, 3);
    size_t size;
    uint8_t *read = fixture_read (fixture_file ("names"), &size);
    uint8_t bytes[1024] = {0};  //  And a tail that is no batch
    memcpy (bytes, read, size);
    free (read);
    size_t last = size - FIXTURE_LAST_SIZE;
    s_put_journals (bytes, last, size);
    assert_refused (ZSEQ_EDAMAGED, "names: ends before its copy does");
    s_put_journals (bytes, size - 1, size);
    assert_refused (ZSEQ_EDAMAGED,
                    "names: a batch is corrupt but intact in its copy");
    s_put_journals (bytes, size, size + 1);
    assert_refused (ZSEQ_EDAMAGED,
                    "names-copy: continues after the last intact batch");
    s_put_journals (bytes, size + 1, size + 1);
    assert_refused (ZSEQ_EDAMAGED,
                    "names: its last batch is corrupt, as is that of its copy");
    s_put_journals (bytes, size, ZSEQ_STORE_HEADER_SIZE);
    assert_refused (ZSEQ_EDAMAGED,
                    "names-copy: lacks more than the last batch of the names");
    //  A conversion writes the copy at once.
    s_put_journals (bytes, size, size);
    fixture_age ();
    fixture_put (fixture_file ("names-copy"), bytes, size + 1);
    assert_refused (ZSEQ_EDAMAGED, "names-copy: its last batch is corrupt");
}

Test (store_journal, says_that_the_copy_is_of_other_names)
{
    fixture_node_with ((const char *[]){"a", "b", "c"}, 3);
    rename (fixture_file ("names-copy"), fixture_path ("away"));
    fixture_remove (fixture_node ());
    fixture_node_with ((const char *[]){"c", "b", "a"}, 3);
    rename (fixture_path ("away"), fixture_file ("names-copy"));
    assert_refused (ZSEQ_EDAMAGED, "names-copy: differs from the names");
}

Test (store_journal, says_what_is_wrong_with_the_header)
{
    fixture_node_with (fixture_three, 3);
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file ("names"), &size);
    fixture_put (fixture_file ("names"), bytes, ZSEQ_STORE_HEADER_SIZE - 1);
    assert_refused (ZSEQ_EDAMAGED, "names: too short for a names journal");
    bytes[0] ^= 1;
    fixture_put (fixture_file ("names"), bytes, size);
    assert_refused (ZSEQ_EDAMAGED, "names: not a names journal");
    bytes[0] ^= 1;
    bytes[18] ^= 1;
    fixture_put (fixture_file ("names"), bytes, size);
    assert_refused (ZSEQ_EDAMAGED, "names: checksum of its header does not");
    //  A journal of no cluster.
    memset (bytes + 10, 0, 8);
    fixture_seal (bytes, ZSEQ_STORE_HEADER_SIZE);
    fixture_put (fixture_file ("names"), bytes, size);
    assert_refused (ZSEQ_EDAMAGED, "names: its header is invalid");
    free (bytes);
}

Test (store_journal, takes_a_missing_journal_for_damage)
{
    fixture_node_with (fixture_three, 3);
    rename (fixture_file ("names"), fixture_path ("away"));
    assert_refused (ZSEQ_EDAMAGED, "names: missing");
    rename (fixture_path ("away"), fixture_file ("names"));
    unlink (fixture_file ("names-copy"));
    assert_refused (ZSEQ_EDAMAGED, "names-copy: missing");
}

Test (store_journal, refuses_the_journal_of_another_cluster)
{
    fixture_node_with (fixture_three, 3);
    fixture_format (fixture_path ("other"), FIXTURE_IDENTITY + 1);
    rename (fixture_path ("other/names-copy"), fixture_file ("names-copy"));
    assert_refused (ZSEQ_EFOREIGN, "names-copy: the journal of another");
    rename (fixture_path ("other/names"), fixture_file ("names"));
    assert_refused (ZSEQ_EFOREIGN, "names: the journal of another");
}

Test (store_journal, believes_no_journal_or_record_from_before_the_birth)
{
    fixture_node_with (fixture_three, 3);
    fixture_format (fixture_path ("other"), 0);
    rename (fixture_path ("other/node"), fixture_file ("node"));
    assert_refused (ZSEQ_EDAMAGED, "older than the records");
    rename (fixture_file ("seq"), fixture_path ("away"));
    assert_refused (ZSEQ_EDAMAGED, "older than the records");
    //  An interrupted formation leaves an empty journal.
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file ("names"), &size);
    fixture_put (fixture_file ("names"), bytes, 27);
    assert_refused (ZSEQ_EDAMAGED, "older than the records");
    fixture_put (fixture_file ("names-copy"), bytes, 27);
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
    unlink (fixture_file ("names"));
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
    fixture_put (fixture_file ("names"), bytes, 27);
    unlink (fixture_file ("names-copy"));
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
    free (bytes);
}
