//  Damage is reported, is not fatal, and is repaired with the node's next
//  record.

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zseq_assert.h"
#include "zseq_fixture.h"

TestSuite (store_repair, .init = fixture_init, .fini = fixture_term);

//  The file at path after its move to the first repair's folder, or the
//  second's.
static const char *
s_moved (const char *path, int number)
{
    static char moved[640];
    snprintf (moved, sizeof moved, "%s/%d%s", fixture_file ("damaged"), number,
              path + strlen (fixture_node ()));
    return moved;
}

Test (store_repair, tells_of_all_damage_and_loads_what_is_intact)
{
    fixture_node_with ((const char *[]){"a", "b", "c", "d"}, 4);
    fixture_corrupt (fixture_find ("b"));
    unlink (fixture_find ("d"));
    fixture_put (fixture_file ("seq/odd"), "x", 1);
    fixture_put (fixture_file (".tmp-1-1"), "x", 1);
    fixture_names_t names;
    assert_damaged (3, &names);
    cr_assert (strstr (fixture_text (), "/b: checksum"));
    cr_assert (strstr (fixture_text (), "/d: missing"));
    cr_assert (strstr (fixture_text (), "/seq/odd: unexpected"));
    cr_assert_eq (names.count, 2);
    cr_assert_str_eq (names.found[0].name, "a");
    cr_assert_str_eq (names.found[1].name, "c");
    cr_assert_eq (names.found[1].durable_to, 10);
    cr_assert_eq (names.identity, FIXTURE_IDENTITY);
    fixture_forget (&names);
}

Test (store_repair, repairs_with_the_nodes_next_record)
{
    fixture_node_with ((const char *[]){"a", "b", "c", "d"}, 4);
    char path[640];
    snprintf (path, sizeof path, "%s", fixture_find ("b"));
    fixture_corrupt (path);
    size_t size;
    uint8_t *bytes = fixture_read (path, &size);
    unlink (fixture_find ("d"));
    fixture_put (fixture_file ("seq/odd"), "odd", 3);
    fixture_put (fixture_file (".tmp-1-1"), "x", 1);
    char temp[700];
    snprintf (temp, sizeof temp, "%.*s.tmp-1-1", (int) (strlen (path) - 1),
              path);
    fixture_put (temp, "x", 1);
    assert_repaired ("b", 2);

    //  Damaged files are kept, unfinished ones are not.
    size_t moved_size;
    uint8_t *moved = fixture_read (s_moved (path, 1), &moved_size);
    cr_assert_eq (moved_size, size);
    cr_assert_arr_eq (moved, bytes, size);
    free (moved);
    cr_assert (fixture_exists (fixture_file ("damaged/1/seq/odd")));
    cr_assert (!fixture_exists (fixture_file ("seq/odd")));
    cr_assert (!fixture_exists (fixture_file (".tmp-1-1")));
    cr_assert (!fixture_exists (temp));

    //  The next repair keeps its files beside the first one's.
    fixture_corrupt (path);
    assert_repaired ("b", 2);
    cr_assert (fixture_exists (s_moved (path, 1)));
    cr_assert (fixture_exists (s_moved (path, 2)));
    moved = fixture_read (s_moved (path, 1), &moved_size);
    cr_assert_arr_eq (moved, bytes, size);
    free (moved);
    free (bytes);
}

Test (store_repair, repairs_before_anything_else_is_written)
{
    fixture_node_with (fixture_three, 3);
    fixture_corrupt (fixture_find ("one"));
    unlink (fixture_file ("names"));
    zseq_store_t *store;
    cr_assert_eq (fixture_repair (&store), ZSEQ_OK);
    zseq_store_destroy (&store);
    //  The completion of the record alone means that the repair is done.
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK, "%s", fixture_text ());
    unlink (fixture_find ("two"));
    assert_refused (ZSEQ_EDAMAGED, "two: missing");
}

Test (store_repair, never_repairs_with_a_record_that_votes, .signal = SIGABRT)
{
    fixture_node_with (fixture_three, 3);
    fixture_corrupt (fixture_find ("one"));
    zseq_store_t *store = zseq_store_new (fixture_node ());
    cr_assert_eq (fixture_load (store, NULL), ZSEQ_EDAMAGED);
    cr_assert_eq (zseq_store_start (store), ZSEQ_OK);
    zseq_record_t record;
    fixture_record (&record, FIXTURE_IDENTITY);
    fixture_write_record (store, &record);
}

Test (store_repair, repairs_a_journal_however_it_is_damaged)
{
    fixture_node_with (fixture_three, 3);
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file ("names"), &size);
    for (int kind = 0; kind < 6; kind++) {
        const char *names = fixture_file ("names");
        uint8_t damaged[1024] = {0};
        memcpy (damaged, bytes, size);
        if (kind < 3)
            //  Its header, its first batch, its second.
            damaged[(const size_t[]){3, 30, 30 + 8 + 2 + 3 + 8}[kind]] ^= 1;
        else if (kind < 5)
            memset (damaged, 0, size);
        unlink (names);
        if (kind == 5)
            mkdir (names, 0700);
        else if (kind != 3)
            fixture_put (names, damaged, size);
        assert_refused (ZSEQ_EDAMAGED, "/names: ");
        char name[8];
        snprintf (name, sizeof name, "new%d", kind);
        assert_repaired (name, 3 + (size_t) kind);
        cr_assert_eq (fixture_exists (fixture_file ("damaged")), true);
        if (kind == 5)
            cr_assert (fixture_exists (fixture_file ("damaged/5/names")));
    }
    free (bytes);
}

Test (store_repair, repairs_files_full_of_zeros_and_empty_ones)
{
    static const uint8_t zeros[4096];
    fixture_node_with (fixture_three, 3);
    for (int i = 0; i < 6; i++) {
        char path[640];
        snprintf (path, sizeof path, "%s",
                  i % 3 == 0   ? fixture_find ("one")
                  : i % 3 == 1 ? fixture_file ("node")
                               : fixture_file ("names"));
        size_t size;
        free (fixture_read (path, &size));
        fixture_put (path, zeros, i < 3 ? size : 0);
        fixture_names_t names;
        int rc = fixture_check (&names);
        cr_assert_eq (rc, ZSEQ_EDAMAGED, "%d", i);
        cr_assert_eq (names.damaged, 1, "%s", fixture_text ());
        fixture_forget (&names);
        zseq_store_t *store;
        cr_assert_eq (fixture_repair (&store), ZSEQ_OK);
        if (i % 3 == 0)
            cr_assert_eq (fixture_write (store, "one", 77, false), ZSEQ_OK);
        zseq_store_destroy (&store);
        cr_assert_eq (fixture_check (&names), ZSEQ_OK, "%s", fixture_text ());
        cr_assert_eq (names.count, 3);
        fixture_forget (&names);
        cr_assert (fixture_exists (s_moved (path, i + 1)));
    }
}

Test (store_repair, repairs_missing_directories_and_what_lies_in_their_place)
{
    fixture_node_with (fixture_three, 3);
    char bucket[640];
    for (int kind = 0; kind < 5; kind++) {
        snprintf (bucket, sizeof bucket, "%s", fixture_find ("one"));
        *strrchr (bucket, '/') = 0;
        const char *path = kind < 3 ? bucket : fixture_file ("seq");
        fixture_remove (path);
        if (kind == 1)
            fixture_put (path, "x", 1);
        else if (kind == 2)
            cr_assert_eq (symlink ("/tmp", path), 0);
        else if (kind == 4)
            fixture_put (path, "x", 1);
        assert_refused (ZSEQ_EDAMAGED, "/one: missing");
        fixture_names_t names;
        fixture_check (&names);
        size_t lost = kind < 3 ? 1 : 3;
        cr_assert_eq (names.damaged,
                      lost + (kind == 1 || kind == 2 || kind == 4));
        fixture_forget (&names);
        assert_repaired ("one", 3 - lost);
        if (lost == 1)
            continue;
        zseq_store_t *store = fixture_start ();
        cr_assert_eq (fixture_write (store, "two", 10, false), ZSEQ_OK);
        cr_assert_eq (fixture_write (store, "three", 10, false), ZSEQ_OK);
        zseq_store_destroy (&store);
    }
}

Test (store_repair, repairs_the_nodes_own_record_and_keeps_the_sequences)
{
    fixture_node_with (fixture_three, 3);
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file ("node"), &size);
    for (int kind = 0; kind < 3; kind++) {
        unlink (fixture_file ("node"));
        if (kind == 1) {
            bytes[40] ^= 1;
            fixture_put (fixture_file ("node"), bytes, size);
        }
        if (kind == 2)
            mkdir (fixture_file ("node"), 0700);
        fixture_names_t names;
        assert_damaged (1, &names);
        cr_assert (names.lost);
        cr_assert_eq (names.count, 3 + (size_t) kind);
        cr_assert_eq (names.identity, FIXTURE_IDENTITY);
        fixture_forget (&names);
        char name[8];
        snprintf (name, sizeof name, "new%d", kind);
        assert_repaired (name, 3 + (size_t) kind);
    }
    cr_assert (fixture_exists (fixture_file ("damaged/1/node")));
    cr_assert (fixture_exists (fixture_file ("damaged/2/node")));
    free (bytes);
}

Test (store_repair, recovers_a_node_into_an_empty_directory)
{
    for (int made = 0; made < 2; made++) {
        if (made)
            mkdir (fixture_node (), 0700);
        zseq_store_t *store = zseq_store_new (fixture_node ());
        zseq_record_t record;
        cr_assert_eq (zseq_store_open (store, &record), ZSEQ_EAGAIN);
        cr_assert_eq (zseq_store_open_lost (store, 1), ZSEQ_OK);
        cr_assert_str_eq (zseq_store_text (store), "");
        zseq_store_destroy (&store);

        //  The node's record is missing, and no intact file names the cluster.
        fixture_names_t names;
        assert_damaged (1, &names);
        cr_assert_eq (names.count, 0);
        cr_assert_eq (names.identity, 0);
        fixture_forget (&names);
        assert_repaired ("orders", 0);
        cr_assert (!fixture_exists (fixture_file ("damaged")));
        fixture_remove (fixture_node ());
    }
}

Test (store_repair, opens_nothing_as_lost_that_is_not)
{
    fixture_node_with (fixture_three, 3);
    zseq_store_t *store = zseq_store_new (fixture_node ());
    cr_assert_eq (zseq_store_open_lost (store, 1), ZSEQ_ELOCKED);
    assert_text (store, "another process has just recovered this node");
    zseq_store_destroy (&store);
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
    //  Its journal alone also identifies a node's directory without a lock.
    unlink (fixture_file ("lock"));
    unlink (fixture_file ("node"));
    store = zseq_store_new (fixture_node ());
    cr_assert_eq (zseq_store_open_lost (store, 1), ZSEQ_OK);
    zseq_store_destroy (&store);
    //  A record of an unknown format must not be replaced.
    size_t size;
    fixture_format (fixture_path ("other"), FIXTURE_IDENTITY);
    uint8_t *bytes = fixture_read (fixture_path ("other/node"), &size);
    bytes[8] = 9;
    fixture_seal (bytes, size);
    fixture_put (fixture_file ("node"), bytes, size);
    free (bytes);
    store = zseq_store_new (fixture_node ());
    cr_assert_eq (zseq_store_open_lost (store, 1), ZSEQ_EFOREIGN);
    zseq_store_destroy (&store);
}

Test (store_repair, recovers_from_an_old_record_put_back)
{
    fixture_node_with (fixture_three, 3);
    fixture_format (fixture_path ("other"), 0);
    rename (fixture_path ("other/node"), fixture_file ("node"));
    fixture_names_t names;
    assert_damaged (1, &names);
    cr_assert (!names.lost);
    cr_assert_eq (names.record.identity, 0);
    cr_assert_eq (names.identity, FIXTURE_IDENTITY);
    cr_assert_eq (names.count, 3);
    fixture_forget (&names);
    assert_repaired ("new", 3);
}

Test (store_repair, repairs_a_node_that_was_never_formed)
{
    fixture_format (fixture_node (), 0);
    fixture_put (fixture_file ("names"), "x", 1);
    fixture_names_t names;
    assert_damaged (1, &names);
    cr_assert_eq (names.identity, 0);
    fixture_forget (&names);
    zseq_store_t *store = zseq_store_new (fixture_node ());
    cr_assert_eq (fixture_load (store, NULL), ZSEQ_EDAMAGED);
    cr_assert_eq (zseq_store_start (store), ZSEQ_OK);
    zseq_record_t record;
    fixture_record (&record, 0);
    cr_assert_eq (fixture_write_record (store, &record), ZSEQ_OK);
    cr_assert (!fixture_exists (fixture_file ("names")));
    fixture_record (&record, FIXTURE_IDENTITY);
    cr_assert_eq (fixture_write_record (store, &record), ZSEQ_OK);
    cr_assert_eq (fixture_write (store, "orders", 10, false), ZSEQ_OK);
    zseq_store_destroy (&store);
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
}
