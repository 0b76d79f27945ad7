//  Directories of format 1, whose journal has no copy.

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "zseq_assert.h"
#include "zseq_fixture.h"

TestSuite (store_convert, .init = fixture_init, .fini = fixture_term);

static uint8_t
s_format_of (const char *file)
{
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file (file), &size);
    uint8_t format = bytes[8];
    free (bytes);
    return format;
}

static void
s_assert_converted (size_t count)
{
    size_t size;
    uint8_t *before = fixture_read (fixture_file ("node"), &size);
    for (int again = 0; again < 2; again++) {
        fixture_names_t found;
        int rc = fixture_check (&found);
        cr_assert_eq (rc, ZSEQ_OK, "%s", fixture_text ());
        cr_assert_eq (found.converted, again ? 0 : 1);
        cr_assert_eq (found.count, count);
        cr_assert_eq (found.record.identity, FIXTURE_IDENTITY);
        cr_assert (found.record.voting);
        cr_assert_eq (found.record.vector.incarnation[1].counter, 1);
        cr_assert_eq (found.record.vector.start[1].counter, 0);
        fixture_forget (&found);
    }
    cr_assert_eq (s_format_of ("node"), 3);
    size_t kept_size;
    uint8_t *kept = fixture_read (fixture_file ("node.format1"), &kept_size);
    cr_assert_eq (kept_size, size);
    cr_assert_arr_eq (kept, before, size);
    free (kept);
    free (before);
    size_t size_of[2];
    uint8_t *bytes[2] = {
      fixture_read (fixture_file ("names"), &size_of[0]),
      fixture_read (fixture_file ("names-copy"), &size_of[1])};
    cr_assert_eq (size_of[0], size_of[1]);
    cr_assert_arr_eq (bytes[0], bytes[1], size_of[0]);
    free (bytes[0]);
    free (bytes[1]);
}

Test (store_convert, converts_a_directory_of_format_1)
{
    fixture_node_with (fixture_three, 3);
    fixture_age ();
    s_assert_converted (3);
    //  From now on both journals are required and written.
    zseq_store_t *store = fixture_start ();
    cr_assert_eq (fixture_write (store, "new", 10, false), ZSEQ_OK);
    zseq_store_destroy (&store);
    size_t size;
    free (fixture_read (fixture_file ("names-copy"), &size));
    cr_assert_eq (size, 27 + 3 * (8 + 2 + 3 + 8) + 8 + 2 + 5 + 8);
    unlink (fixture_file ("names-copy"));
    assert_refused (ZSEQ_EDAMAGED, "names-copy: missing");
}

Test (store_convert, converts_a_directory_of_format_2)
{
    fixture_node_with (fixture_three, 3);
    fixture_age_to_2 ();
    fixture_names_t found;
    cr_assert_eq (fixture_check (&found), ZSEQ_OK, "%s", fixture_text ());
    cr_assert_eq (found.converted, 2);
    cr_assert_eq (found.count, 3);
    cr_assert_eq (found.record.vector.start[1].counter, 4);
    fixture_forget (&found);
    cr_assert_eq (s_format_of ("node"), 3);
    cr_assert_eq (s_format_of ("node.format2"), 2);
    cr_assert (fixture_exists (fixture_file ("kv/journal-00000001")));
    cr_assert_eq (fixture_check (&found), ZSEQ_OK);
    cr_assert_eq (found.converted, 0);
    fixture_forget (&found);
}

//  An operator has restored the record that a conversion kept.
Test (store_convert, takes_a_record_older_than_kv_for_damage)
{
    fixture_node_with (fixture_three, 3);
    fixture_age_to_2 ();
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
    fixture_put (fixture_file ("kv/shard-07"), "x", 1);
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file ("node.format2"), &size);
    fixture_put (fixture_file ("node"), bytes, size);
    free (bytes);
    assert_refused (ZSEQ_EDAMAGED, "node: older than the directory kv");
}

Test (store_convert, converts_with_the_old_rule_for_a_bad_last_batch)
{
    fixture_node_with (fixture_three, 3);
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file ("names"), &size);
    for (size_t cut = 27; cut < size; cut++) {
        fixture_put (fixture_file ("names"), bytes, cut);
        fixture_age ();
        s_assert_converted (3);
    }
    free (bytes);
}

Test (store_convert, converts_a_node_that_is_not_born_yet)
{
    fixture_format (fixture_node (), 0);
    fixture_age ();
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
    cr_assert_eq (s_format_of ("node"), 3);
    cr_assert_eq (s_format_of ("node.format1"), 1);
    cr_assert (!fixture_exists (fixture_file ("names-copy")));
}

Test (store_convert, converts_nothing_that_is_damaged)
{
    fixture_node_with (fixture_three, 3);
    fixture_age ();
    unlink (fixture_find ("one"));
    fixture_names_t names;
    assert_damaged (1, &names);
    fixture_forget (&names);
    cr_assert_eq (s_format_of ("node"), 1);
    assert_repaired ("one", 2);
    cr_assert_eq (s_format_of ("node"), 3);
    cr_assert (fixture_exists (fixture_file ("names-copy")));
}

//  A conversion was interrupted, and an older zseqd has written since: the copy
//  is a beginning of the journal.
Test (store_convert, converts_beside_an_older_copy)
{
    fixture_node_with (fixture_three, 3);
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file ("names"), &size);
    uint8_t *node = NULL;
    size_t node_size = 0;
    for (size_t cut = 0; cut <= size; cut++) {
        fixture_put (fixture_file ("names-copy"), bytes, cut);
        if (node)
            fixture_put (fixture_file ("node"), node, node_size);
        else {
            fixture_age ();
            node = fixture_read (fixture_file ("node"), &node_size);
            fixture_put (fixture_file ("names-copy"), bytes, cut);
        }
        bool whole = cut == 27 || cut == 27 + FIXTURE_LAST_SIZE ||
                     cut == size - FIXTURE_LAST_SIZE || cut == size;
        int rc = fixture_check (NULL);
        cr_assert_eq (rc, whole ? ZSEQ_OK : ZSEQ_EDAMAGED, "%zu: %d, %s", cut,
                      rc, fixture_text ());
        cr_assert_eq (s_format_of ("node"), whole ? 3 : 1);
    }
    free (node);
    free (bytes);
}

//  An operator has restored the record that a conversion kept: the old rule for
//  a bad tail stays retired.
Test (store_convert,
      takes_a_journal_that_ends_before_its_copy_for_damage_in_format_1)
{
    fixture_node_with (fixture_three, 3);
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file ("names"), &size);
    fixture_age ();
    fixture_put (fixture_file ("names-copy"), bytes, size);
    for (size_t cut = 0; cut < size; cut++) {
        fixture_put (fixture_file ("names"), bytes, cut);
        assert_refused (ZSEQ_EDAMAGED, "/names: ");
    }
    free (bytes);
}
