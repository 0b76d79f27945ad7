//  Records: what loading finds, and what it takes for damage or for another
//  node's.

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zseq_assert.h"
#include "zseq_fixture.h"
#include "zseq_seq.h"

TestSuite (store_records, .init = fixture_init, .fini = fixture_term);

Test (store_records, finds_again_what_was_written)
{
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_store_t *store = fixture_start ();
    cr_assert_eq (fixture_write (store, "orders", 100, false), ZSEQ_OK);
    cr_assert_eq (fixture_write (store, "orders", 101, true), ZSEQ_OK);
    cr_assert_eq (fixture_write (store, "bills", ZSEQ_NEXT_MAX, false),
                  ZSEQ_OK);
    zseq_write_t write = {.name = "orders",
                          .name_size = 6,
                          .journaled = true,
                          .next = 102,
                          .durable_to = 1000};
    zseq_written_t written;
    fixture_submit (store, &write, 1, &written);
    cr_assert_eq (written.status, ZSEQ_OK);
    zseq_store_destroy (&store);

    fixture_names_t names;
    cr_assert_eq (fixture_check (&names), ZSEQ_OK);
    cr_assert_eq (names.count, 2);
    cr_assert_str_eq (names.found[0].name, "bills");
    cr_assert_eq (names.found[0].durable_to, ZSEQ_NEXT_MAX);
    cr_assert_eq (names.found[1].next, 102);
    cr_assert_eq (names.found[1].durable_to, 1000);
    fixture_forget (&names);
}

Test (store_records, is_born_with_the_record_that_says_so)
{
    fixture_format (fixture_node (), 0);
    cr_assert (!fixture_exists (fixture_file ("names")));
    zseq_store_t *store = fixture_start ();
    zseq_record_t record;
    fixture_record (&record, 0);
    record.vector.incarnation[0].counter = 1;
    zseq_write_t write = {.record = &record, .tag = 5, .owner = &record};
    zseq_written_t written;
    fixture_submit (store, &write, 1, &written);
    cr_assert (written.record);
    cr_assert_eq (written.status, ZSEQ_OK);
    cr_assert_eq (written.tag, 5);
    cr_assert_eq (written.owner, &record);
    cr_assert (!fixture_exists (fixture_file ("names")));

    fixture_record (&record, FIXTURE_IDENTITY);
    fixture_submit (store, &write, 1, &written);
    cr_assert_eq (written.status, ZSEQ_OK);
    cr_assert (fixture_exists (fixture_file ("names")));
    cr_assert_eq (fixture_write (store, "orders", 10, false), ZSEQ_OK);
    //  Later records leave the journal alone.
    fixture_submit (store, &write, 1, &written);
    zseq_store_destroy (&store);

    store = zseq_store_new (fixture_node ());
    memset (&record, 0, sizeof record);
    cr_assert_eq (zseq_store_open (store, &record), ZSEQ_OK);
    zseq_store_destroy (&store);
    cr_assert_eq (record.identity, FIXTURE_IDENTITY);
    cr_assert (record.voting);
    fixture_names_t names;
    cr_assert_eq (fixture_check (&names), ZSEQ_OK);
    cr_assert_eq (fixture_durable_to (&names, "orders"), 10);
    fixture_forget (&names);
}

//  Every flipped bit, every truncation and an extra byte of a file.
static void
s_assert_fragile (const char *path, const char *where)
{
    size_t size;
    uint8_t *bytes = fixture_read (path, &size);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (uint8_t) (1 << bit % 8);
        fixture_put (path, bytes, size);
        assert_refused (ZSEQ_EDAMAGED, where);
        bytes[bit / 8] ^= (uint8_t) (1 << bit % 8);
    }
    for (size_t cut = 0; cut < size; cut++) {
        fixture_put (path, bytes, cut);
        assert_refused (ZSEQ_EDAMAGED, where);
    }
    bytes[size] = 0;
    fixture_put (path, bytes, size + 1);
    assert_refused (ZSEQ_EDAMAGED, where);
    fixture_put (path, bytes, size);
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
    free (bytes);
}

Test (store_records, notices_every_bit_of_damage_to_a_sequence_record)
{
    fixture_node_with ((const char *[]){"orders"}, 1);
    s_assert_fragile (fixture_find ("orders"), "/orders: ");
}

Test (store_records, notices_every_bit_of_damage_to_the_nodes_record)
{
    fixture_node_with (NULL, 0);
    s_assert_fragile (fixture_file ("node"), "/node: ");
}

Test (store_records, refuses_what_has_a_right_checksum_and_a_wrong_value)
{
    fixture_node_with ((const char *[]){"orders"}, 1);
    const char *path = fixture_find ("orders");
    size_t size;
    uint8_t *bytes = fixture_read (path, &size);
    struct {
        size_t offset;
        uint8_t value;
        int rc;
        const char *text;
    } cases[] = {{8, 2, ZSEQ_EFOREIGN, "unknown format version"},
                 {10, 2, ZSEQ_EDAMAGED, "of the wrong kind for"},
                 {12, 0, ZSEQ_EFOREIGN, "another node or cluster"},
                 {20, 0, ZSEQ_EFOREIGN, "another node or cluster"},
                 {21, 5, ZSEQ_EDAMAGED, "sizes do not add up"},
                 {22, 'x', ZSEQ_EDAMAGED, "another name"},
                 {23, 0, ZSEQ_EDAMAGED, "no valid name"},
                 {28, 15, ZSEQ_EDAMAGED, "sizes do not add up"},
                 {32, 0, ZSEQ_EDAMAGED, "is invalid"},
                 {40, 9, ZSEQ_EDAMAGED, "is invalid"},
                 {47, 0x80, ZSEQ_EDAMAGED, "is invalid"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t before = bytes[cases[i].offset];
        bytes[cases[i].offset] = cases[i].value;
        fixture_seal (bytes, size);
        fixture_put (path, bytes, size);
        assert_refused (cases[i].rc, cases[i].text);
        bytes[cases[i].offset] = before;
    }
    free (bytes);
}

Test (store_records, believes_nothing_that_belongs_to_no_cluster)
{
    fixture_node_with ((const char *[]){"orders"}, 1);
    const char *const paths[] = {fixture_find ("orders"),
                                 fixture_file ("names")};
    const size_t offsets[] = {12, 10};
    for (size_t i = 0; i < 2; i++) {
        size_t size;
        uint8_t *bytes = fixture_read (paths[i], &size);
        uint8_t changed[1024];
        memcpy (changed, bytes, size);
        memset (changed + offsets[i], 0, 8);
        fixture_seal (changed, i == 0 ? size : 27);
        fixture_put (paths[i], changed, size);
        assert_refused (ZSEQ_EDAMAGED, "is invalid");
        fixture_put (paths[i], bytes, size);
        free (bytes);
    }
}

Test (store_records, refuses_a_node_record_that_makes_no_sense)
{
    fixture_node_with (NULL, 0);
    const char *path = fixture_file ("node");
    size_t size;
    uint8_t *bytes = fixture_read (path, &size);
    //  The node's index, the cluster's label, n, voting, the floor.
    const size_t offsets[] = {20, 27, 31, size - 25, size - 17};
    const uint8_t values[] = {3, ' ', 10, 2, 0x81};
    for (size_t i = 0; i < sizeof values; i++) {
        uint8_t before = bytes[offsets[i]];
        bytes[offsets[i]] = values[i];
        fixture_seal (bytes, size);
        fixture_put (path, bytes, size);
        assert_refused (ZSEQ_EDAMAGED, "is invalid");
        bytes[offsets[i]] = before;
    }
    bytes[8] = 9;
    fixture_seal (bytes, size);
    fixture_put (path, bytes, size);
    assert_refused (ZSEQ_EFOREIGN, "unknown format version");
    free (bytes);
}

Test (store_records, refuses_the_record_of_another_cluster_and_changes_nothing)
{
    fixture_node_with ((const char *[]){"orders"}, 1);
    char other[640];
    snprintf (other, sizeof other, "%s", fixture_path ("other"));
    rename (fixture_node (), other);
    fixture_format (fixture_node (), FIXTURE_IDENTITY + 1);
    mkdir (fixture_file ("seq"), 0700);
    char command[1400];
    snprintf (command, sizeof command, "cp -r %s/seq/. %s", other,
              fixture_file ("seq"));
    cr_assert_eq (system (command), 0);
    fixture_put (fixture_file (".tmp-1-1"), "x", 1);
    size_t before;
    free (fixture_read (fixture_file ("names"), &before));
    assert_refused (ZSEQ_EFOREIGN, "orders: a record of another");
    size_t after;
    free (fixture_read (fixture_file ("names"), &after));
    cr_assert_eq (before, after);
    cr_assert (fixture_exists (fixture_file (".tmp-1-1")));
}

Test (store_records, refuses_a_record_in_the_wrong_place)
{
    fixture_node_with ((const char *[]){"orders"}, 1);
    char from[640];
    snprintf (from, sizeof from, "%s", fixture_find ("orders"));
    char to[700];
    snprintf (to, sizeof to, "%.600s", from);
    strcpy (strrchr (to, '/') + 1, "bills");
    rename (from, to);
    assert_refused (ZSEQ_EDAMAGED, "bills: holds the record of another");
    rename (to, from);

    char *bucket = strrchr (from, '/') - 2;
    snprintf (to, sizeof to, "%.600s", from);
    char *digit = to + (bucket - from);
    *digit = *digit == '0' ? '1' : '0';
    char parent[700];
    snprintf (parent, sizeof parent, "%.*s", (int) (digit + 2 - to), to);
    mkdir (parent, 0700);
    rename (from, to);
    assert_refused (ZSEQ_EDAMAGED, "orders: holds the record of another");
}

Test (store_records, refuses_what_it_did_not_put_among_its_records)
{
    fixture_node_with ((const char *[]){"orders"}, 1);
    char bucket[640];
    snprintf (bucket, sizeof bucket, "%s", fixture_find ("orders"));
    *strrchr (bucket, '/') = 0;
    char odd[700];

    fixture_put (fixture_file ("seq/file"), "x", 1);
    assert_refused (ZSEQ_EDAMAGED, "seq/file: unexpected");
    unlink (fixture_file ("seq/file"));

    fixture_put (fixture_file ("seq/zz"), "x", 1);
    assert_refused (ZSEQ_EDAMAGED, "seq/zz: unexpected");
    unlink (fixture_file ("seq/zz"));

    snprintf (odd, sizeof odd, "%s/orders.bak", bucket);
    fixture_put (odd, "x", 1);
    assert_refused (ZSEQ_EDAMAGED, "orders.bak: too short");
    unlink (odd);

    static const uint8_t zeros[5000];
    snprintf (odd, sizeof odd, "%s/long", bucket);
    fixture_put (odd, zeros, sizeof zeros);
    assert_refused (ZSEQ_EDAMAGED, "long: too long");
    unlink (odd);

    snprintf (odd, sizeof odd, "%s/a\nb", bucket);
    mkdir (odd, 0700);
    assert_refused (ZSEQ_EDAMAGED, "a?b: not a regular file");
    rmdir (odd);

    snprintf (odd, sizeof odd, "%s/pipe", bucket);
    mkfifo (odd, 0600);
    assert_refused (ZSEQ_EDAMAGED, "pipe: not a regular file");
    unlink (odd);

    snprintf (odd, sizeof odd, "%s/link", bucket);
    cr_assert_eq (symlink ("orders", odd), 0);
    assert_refused (ZSEQ_EDAMAGED, "link: not a regular file");
    unlink (odd);

    //  Other files do not matter: the directory may be a mount point.
    mkdir (fixture_file ("lost+found"), 0700);
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
}

Test (store_records, deletes_temporary_files)
{
    fixture_node_with ((const char *[]){"orders"}, 1);
    char temp[700];
    snprintf (temp, sizeof temp, "%s", fixture_find ("orders"));
    strcpy (strrchr (temp, '/') + 1, ".tmp-123-4");
    fixture_put (temp, "half a rec", 10);
    fixture_put (fixture_file (".tmp-9-9"), "", 0);
    fixture_names_t names;
    cr_assert_eq (fixture_check (&names), ZSEQ_OK);
    cr_assert_eq (names.count, 1);
    fixture_forget (&names);
    cr_assert (!fixture_exists (temp));
    cr_assert (!fixture_exists (fixture_file (".tmp-9-9")));
}

Test (store_records, is_not_confused_by_a_temporary_file_of_its_own_name)
{
    fixture_node_with ((const char *[]){"orders"}, 1);
    zseq_store_t *store = fixture_start ();
    char temp[700];
    snprintf (temp, sizeof temp, "%s", fixture_find ("orders"));
    snprintf (strrchr (temp, '/') + 1, 60, ".tmp-%ld-0", (long) getpid ());
    fixture_put (temp, "x", 1);
    cr_assert_eq (fixture_write (store, "orders", 20, true), ZSEQ_OK);
    zseq_store_destroy (&store);
    fixture_names_t names;
    cr_assert_eq (fixture_check (&names), ZSEQ_OK);
    cr_assert_eq (fixture_durable_to (&names, "orders"), 20);
    fixture_forget (&names);
}

//  Records of another node.

//  Makes a node of a formed cluster at other, with a name of its own: of
//  another cluster, or node 0 of the same.
static void
s_make_other (bool cluster)
{
    char keep[640];
    snprintf (keep, sizeof keep, "%s", fixture_path ("keep"));
    rename (fixture_node (), keep);
    zseq_record_t record;
    fixture_record (&record, FIXTURE_IDENTITY + cluster);
    if (!cluster)
        record.self = 0;
    zseq_store_t *store = zseq_store_new (fixture_node ());
    cr_assert_eq (zseq_store_format (store, &record), ZSEQ_OK);
    zseq_store_destroy (&store);
    store = fixture_start ();
    cr_assert_eq (fixture_write (store, "theirs", 10, false), ZSEQ_OK);
    zseq_store_destroy (&store);
    rename (fixture_node (), fixture_path ("other"));
    rename (keep, fixture_node ());
}

static void
s_swap (const char *file)
{
    //  The journal's copy belongs to the same node.
    if (strcmp (file, "names") == 0)
        s_swap ("names-copy");
    char path[640];
    snprintf (path, sizeof path, "other/%s", file);
    rename (fixture_file (file), fixture_path ("away"));
    rename (fixture_path (path), fixture_file (file));
    rename (fixture_path ("away"), fixture_path (path));
}

Test (store_records, leaves_what_was_swapped_with_another_node_untouched)
{
    static const char *const parts[] = {"node", "names", "seq"};
    fixture_node_with (fixture_three, 3);
    for (int cluster = 0; cluster < 2; cluster++) {
        s_make_other (cluster);
        //  Each part of the other node's directory, each also without a node's
        //  record.
        for (unsigned set = 0; set < 16; set++) {
            for (unsigned i = 0; i < 3; i++)
                if (set & 1u << i)
                    s_swap (parts[i]);
            if (set & 8)
                rename (fixture_file ("node"), fixture_path ("gone"));
            fixture_put (fixture_file (".tmp-1-1"), "x", 1);
            uint64_t sum = fixture_sum (fixture_node ());
            int rc = fixture_check (NULL);
            //  A whole directory is the other node's, and the caller is told
            //  so. Without a node's record nothing says which cluster it
            //  belongs to.
            int expected = ZSEQ_EFOREIGN;
            if (set == 0 || set == 7)
                expected = ZSEQ_OK;
            else if ((set & 14) == 8 || (cluster && (set & 14) == 14))
                expected = ZSEQ_EDAMAGED;
            cr_assert_eq (rc, expected, "set %u of %d: %d, %s", set, cluster,
                          rc, fixture_text ());
            if (rc != ZSEQ_OK)
                cr_assert_eq (fixture_sum (fixture_node ()), sum);
            unlink (fixture_file (".tmp-1-1"));
            if (set & 8)
                rename (fixture_path ("gone"), fixture_file ("node"));
            for (unsigned i = 0; i < 3; i++)
                if (set & 1u << i)
                    s_swap (parts[i]);
        }
        fixture_remove (fixture_path ("other"));
    }
}

Test (store_records, refuses_records_that_disagree_about_their_cluster)
{
    fixture_node_with (fixture_three, 3);
    s_make_other (true);
    unlink (fixture_file ("node"));
    unlink (fixture_file ("names"));
    char command[1400];
    snprintf (command, sizeof command, "cp -r %s/seq/. %s",
              fixture_path ("other"), fixture_file ("seq"));
    cr_assert_eq (system (command), 0);
    uint64_t sum = fixture_sum (fixture_node ());
    assert_refused (ZSEQ_EFOREIGN, "a record of another");
    cr_assert_eq (fixture_sum (fixture_node ()), sum);
}
