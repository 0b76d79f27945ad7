//  The store from outside: what it finds again, what it refuses, what it says.

#include <criterion/criterion.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zseq_collect.h"
#include "zseq_faults.h"
#include "zseq_fixture.h"
#include "zseq_seq.h"
#include "zseq_store_verify.h"

TestSuite (store, .init = fixture_init, .fini = fixture_term);

//  A born node that holds names, each with limit 10, one group per name.
static void
s_node_with (const char *const *names, size_t count)
{
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_store_t *store = fixture_start ();
    for (size_t i = 0; i < count; i++)
        cr_assert_eq (fixture_write (store, names[i], 10, false), ZSEQ_OK);
    zseq_store_destroy (&store);
}

static void
s_assert_refused (int expected, const char *text)
{
    int rc = fixture_check (NULL);
    cr_assert_eq (rc, expected, "%d instead, %s", rc, fixture_text ());
    cr_assert (strstr (fixture_text (), text), "\"%s\" lacks \"%s\"",
               fixture_text (), text);
}

//  Opening and formatting.

Test (store, opens_what_was_formatted)
{
    zseq_record_t written;
    fixture_record (&written, 0);
    written.vector.life[0].counter = 7;
    written.vector.life[2].random = UINT64_MAX;
    written.floor = ZSEQ_NEXT_MAX;
    written.floor_reserved = 17;
    zseq_store_t *store = zseq_store_new (fixture_node ());
    cr_assert_eq (zseq_store_format (store, &written), ZSEQ_OK);
    zseq_record_t found;
    cr_assert_eq (zseq_store_open (store, &found), ZSEQ_OK);
    zseq_store_destroy (&store);
    cr_assert_null (store);
    zseq_store_destroy (&store);

    cr_assert_eq (found.identity, 0);
    cr_assert_str_eq (found.cluster, "test");
    cr_assert_eq (found.self, written.self);
    cr_assert_eq (found.n, 3);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_str_eq (found.member[i].name, written.member[i].name);
        cr_assert_str_eq (found.member[i].endpoint, written.member[i].endpoint);
    }
    cr_assert (zseq_vector_equal (&found.vector, &written.vector));
    cr_assert (!found.voting);
    cr_assert_eq (found.floor, ZSEQ_NEXT_MAX);
    cr_assert_eq (found.floor_reserved, 17);
}

Test (store, keeps_a_record_with_everything_at_its_limit)
{
    char label[ZSEQ_NODES_MAX][ZSEQ_LABEL_MAX + 1];
    zseq_member_t members[ZSEQ_NODES_MAX];
    memset (members, 0, sizeof members);
    for (int i = 0; i < ZSEQ_NODES_MAX; i++) {
        memset (label[i], 'a' + i, ZSEQ_LABEL_MAX);
        label[i][ZSEQ_LABEL_MAX] = 0;
        strcpy (members[i].name, label[i]);
        memset (members[i].endpoint, 'e', ZSEQ_ENDPOINT_MAX);
        members[i].endpoint[0] = (char) ('0' + i);
    }
    zseq_record_t written;
    cr_assert_eq (zseq_record_init (&written, label[3], label[8], members,
                                    ZSEQ_NODES_MAX, 1),
                  ZSEQ_OK);
    zseq_store_t *store = zseq_store_new (fixture_node ());
    cr_assert_eq (zseq_store_format (store, &written), ZSEQ_OK);
    zseq_record_t found;
    cr_assert_eq (zseq_store_open (store, &found), ZSEQ_OK);
    cr_assert_eq (found.self, 8);
    for (size_t i = 0; i < ZSEQ_NODES_MAX; i++)
        cr_assert_str_eq (found.member[i].endpoint, members[i].endpoint);
    zseq_store_destroy (&store);

    //  A byte more is too much.
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file ("node"), &size);
    bytes[size] = 0;
    fixture_put (fixture_file ("node"), bytes, size + 1);
    free (bytes);
    store = zseq_store_new (fixture_node ());
    cr_assert_eq (zseq_store_open (store, &found), ZSEQ_EDAMAGED);
    cr_assert (strstr (zseq_store_text (store), "too long"));
    zseq_store_destroy (&store);
}

Test (store, tells_an_empty_directory_from_a_damaged_one)
{
    s_assert_refused (ZSEQ_EAGAIN, "no such directory");
    cr_assert (!fixture_exists (fixture_node ()));
    mkdir (fixture_node (), 0700);
    s_assert_refused (ZSEQ_EAGAIN, "empty");
    cr_assert_eq (fixture_count (fixture_node (), ""), 0);
}

Test (store, leaves_a_directory_that_is_not_a_nodes_alone)
{
    mkdir (fixture_node (), 0700);
    fixture_put (fixture_file (".tmp-1-1"), "x", 1);
    zseq_record_t record;
    zseq_store_t *store = zseq_store_new (fixture_node ());
    cr_assert_eq (zseq_store_open (store, &record), ZSEQ_EDAMAGED);
    cr_assert (strstr (zseq_store_text (store), "not a node's directory"));
    cr_assert_eq (zseq_store_open_lost (store, 1), ZSEQ_EFOREIGN);
    cr_assert (strstr (zseq_store_text (store), "not a node's directory"));
    cr_assert_eq (fixture_count (fixture_node (), ""), 1);
    zseq_store_destroy (&store);
    fixture_record (&record, 0);
    store = zseq_store_new (fixture_node ());
    cr_assert_eq (zseq_store_format (store, &record), ZSEQ_EEXIST);
    cr_assert (strstr (zseq_store_text (store), "not empty"));
    cr_assert_eq (fixture_count (fixture_node (), ""), 1);
    zseq_store_destroy (&store);
}

Test (store, does_not_format_twice)
{
    fixture_format (fixture_node (), 0);
    zseq_record_t record;
    fixture_record (&record, 0);
    zseq_store_t *store = zseq_store_new (fixture_node ());
    cr_assert_eq (zseq_store_format (store, &record), ZSEQ_EEXIST);
    zseq_store_destroy (&store);
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
}

Test (store, does_not_make_parents)
{
    zseq_record_t record;
    fixture_record (&record, 0);
    zseq_store_t *store = zseq_store_new (fixture_path ("none/node"));
    cr_assert_eq (zseq_store_format (store, &record), ZSEQ_EIO);
    cr_assert (strstr (zseq_store_text (store), "parent does not exist"));
    zseq_store_destroy (&store);
}

Test (store, notices_a_deleted_node_record)
{
    s_node_with (NULL, 0);
    unlink (fixture_file ("node"));
    s_assert_refused (ZSEQ_EDAMAGED, "missing");
}

Test (store, is_locked_for_another_process_which_is_told_whose_it_is)
{
    fixture_format (fixture_node (), 0);
    zseq_store_t *store = zseq_store_new (fixture_node ());
    cr_assert_eq (fixture_load (store, NULL), ZSEQ_OK);
    char owner[64];
    snprintf (owner, sizeof owner, "process %ld", (long) getpid ());
    pid_t child = fork ();
    if (child == 0) {
        bool ok = fixture_check (NULL) == ZSEQ_ELOCKED &&
                  strstr (fixture_text (), owner);
        _exit (ok ? 0 : 1);
    }
    int status;
    cr_assert_eq (waitpid (child, &status, 0), child);
    cr_assert (WIFEXITED (status) && WEXITSTATUS (status) == 0);
    zseq_store_destroy (&store);
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
}

Test (store, keeps_strangers_out_of_what_it_makes)
{
    s_node_with ((const char *[]){"orders"}, 1);
    struct stat info;
    stat (fixture_node (), &info);
    cr_assert_eq (info.st_mode & 0777, 0700);
    stat (fixture_find ("orders"), &info);
    cr_assert_eq (info.st_mode & 077, 0);
}

//  Records.

Test (store, finds_again_what_was_written)
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
                          .limit = 1000};
    zseq_written_t written;
    fixture_submit (store, &write, 1, &written);
    cr_assert_eq (written.status, ZSEQ_OK);
    zseq_store_destroy (&store);

    fixture_names_t names;
    cr_assert_eq (fixture_check (&names), ZSEQ_OK);
    cr_assert_eq (names.count, 2);
    cr_assert_str_eq (names.found[0].name, "bills");
    cr_assert_eq (names.found[0].limit, ZSEQ_NEXT_MAX);
    cr_assert_eq (names.found[1].next, 102);
    cr_assert_eq (names.found[1].limit, 1000);
    fixture_forget (&names);
}

Test (store, is_born_with_the_record_that_says_so)
{
    fixture_format (fixture_node (), 0);
    cr_assert (!fixture_exists (fixture_file ("names")));
    zseq_store_t *store = fixture_start ();
    zseq_record_t record;
    fixture_record (&record, 0);
    record.vector.life[0].counter = 1;
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
    cr_assert_eq (fixture_limit (&names, "orders"), 10);
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
        s_assert_refused (ZSEQ_EDAMAGED, where);
        bytes[bit / 8] ^= (uint8_t) (1 << bit % 8);
    }
    for (size_t cut = 0; cut < size; cut++) {
        fixture_put (path, bytes, cut);
        s_assert_refused (ZSEQ_EDAMAGED, where);
    }
    bytes[size] = 0;
    fixture_put (path, bytes, size + 1);
    s_assert_refused (ZSEQ_EDAMAGED, where);
    fixture_put (path, bytes, size);
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
    free (bytes);
}

Test (store, notices_every_bit_of_damage_to_a_sequence_record)
{
    s_node_with ((const char *[]){"orders"}, 1);
    s_assert_fragile (fixture_find ("orders"), "/orders: ");
}

Test (store, notices_every_bit_of_damage_to_the_nodes_record)
{
    s_node_with (NULL, 0);
    s_assert_fragile (fixture_file ("node"), "/node: ");
}

Test (store, refuses_what_has_a_right_checksum_and_a_wrong_value)
{
    s_node_with ((const char *[]){"orders"}, 1);
    const char *path = fixture_find ("orders");
    size_t size;
    uint8_t *bytes = fixture_read (path, &size);
    struct {
        size_t offset;
        uint8_t value;
        int rc;
        const char *text;
    } cases[] = {{8, 2, ZSEQ_EFOREIGN, "format version that is not known"},
                 {10, 2, ZSEQ_EDAMAGED, "kind"},
                 {12, 0, ZSEQ_EFOREIGN, "another node or cluster"},
                 {20, 0, ZSEQ_EFOREIGN, "another node or cluster"},
                 {21, 5, ZSEQ_EDAMAGED, "sizes"},
                 {22, 'x', ZSEQ_EDAMAGED, "another name"},
                 {23, 0, ZSEQ_EDAMAGED, "no valid name"},
                 {28, 15, ZSEQ_EDAMAGED, "sizes"},
                 {32, 0, ZSEQ_EDAMAGED, "no sense"},
                 {40, 9, ZSEQ_EDAMAGED, "no sense"},
                 {47, 0x80, ZSEQ_EDAMAGED, "no sense"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t before = bytes[cases[i].offset];
        bytes[cases[i].offset] = cases[i].value;
        fixture_seal (bytes, size);
        fixture_put (path, bytes, size);
        s_assert_refused (cases[i].rc, cases[i].text);
        bytes[cases[i].offset] = before;
    }
    free (bytes);
}

Test (store, believes_nothing_that_belongs_to_no_cluster)
{
    s_node_with ((const char *[]){"orders"}, 1);
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
        s_assert_refused (ZSEQ_EDAMAGED, "no sense");
        fixture_put (paths[i], bytes, size);
        free (bytes);
    }
}

Test (store, refuses_a_node_record_that_makes_no_sense)
{
    s_node_with (NULL, 0);
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
        s_assert_refused (ZSEQ_EDAMAGED, "no sense");
        bytes[offsets[i]] = before;
    }
    bytes[8] = 9;
    fixture_seal (bytes, size);
    fixture_put (path, bytes, size);
    s_assert_refused (ZSEQ_EFOREIGN, "format version that is not known");
    free (bytes);
}

Test (store, refuses_the_record_of_another_cluster_and_changes_nothing)
{
    s_node_with ((const char *[]){"orders"}, 1);
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
    s_assert_refused (ZSEQ_EFOREIGN, "orders: a record of another");
    size_t after;
    free (fixture_read (fixture_file ("names"), &after));
    cr_assert_eq (before, after);
    cr_assert (fixture_exists (fixture_file (".tmp-1-1")));
}

Test (store, refuses_a_record_in_the_wrong_place)
{
    s_node_with ((const char *[]){"orders"}, 1);
    char from[640];
    snprintf (from, sizeof from, "%s", fixture_find ("orders"));
    char to[700];
    snprintf (to, sizeof to, "%.600s", from);
    strcpy (strrchr (to, '/') + 1, "bills");
    rename (from, to);
    s_assert_refused (ZSEQ_EDAMAGED, "bills: holds the record of another");
    rename (to, from);

    char *spread = strrchr (from, '/') - 2;
    snprintf (to, sizeof to, "%.600s", from);
    char *digit = to + (spread - from);
    *digit = *digit == '0' ? '1' : '0';
    char parent[700];
    snprintf (parent, sizeof parent, "%.*s", (int) (digit + 2 - to), to);
    mkdir (parent, 0700);
    rename (from, to);
    s_assert_refused (ZSEQ_EDAMAGED, "orders: holds the record of another");
}

Test (store, refuses_what_it_did_not_put_among_its_records)
{
    s_node_with ((const char *[]){"orders"}, 1);
    char spread[640];
    snprintf (spread, sizeof spread, "%s", fixture_find ("orders"));
    *strrchr (spread, '/') = 0;
    char odd[700];

    fixture_put (fixture_file ("seq/file"), "x", 1);
    s_assert_refused (ZSEQ_EDAMAGED, "seq/file: unexpected");
    unlink (fixture_file ("seq/file"));

    fixture_put (fixture_file ("seq/zz"), "x", 1);
    s_assert_refused (ZSEQ_EDAMAGED, "seq/zz: unexpected");
    unlink (fixture_file ("seq/zz"));

    snprintf (odd, sizeof odd, "%s/orders.bak", spread);
    fixture_put (odd, "x", 1);
    s_assert_refused (ZSEQ_EDAMAGED, "orders.bak: too short");
    unlink (odd);

    static const uint8_t zeros[5000];
    snprintf (odd, sizeof odd, "%s/long", spread);
    fixture_put (odd, zeros, sizeof zeros);
    s_assert_refused (ZSEQ_EDAMAGED, "long: too long");
    unlink (odd);

    snprintf (odd, sizeof odd, "%s/a\nb", spread);
    mkdir (odd, 0700);
    s_assert_refused (ZSEQ_EDAMAGED, "a?b: not a regular file");
    rmdir (odd);

    snprintf (odd, sizeof odd, "%s/pipe", spread);
    mkfifo (odd, 0600);
    s_assert_refused (ZSEQ_EDAMAGED, "pipe: not a regular file");
    unlink (odd);

    snprintf (odd, sizeof odd, "%s/link", spread);
    cr_assert_eq (symlink ("orders", odd), 0);
    s_assert_refused (ZSEQ_EDAMAGED, "link: not a regular file");
    unlink (odd);

    //  Beside them it does not care: the directory may be a mount point.
    mkdir (fixture_file ("lost+found"), 0700);
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
}

Test (store, deletes_temporary_files)
{
    s_node_with ((const char *[]){"orders"}, 1);
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

Test (store, is_not_confused_by_a_temporary_file_of_its_own_name)
{
    s_node_with ((const char *[]){"orders"}, 1);
    zseq_store_t *store = fixture_start ();
    char temp[700];
    snprintf (temp, sizeof temp, "%s", fixture_find ("orders"));
    snprintf (strrchr (temp, '/') + 1, 60, ".tmp-%ld-0", (long) getpid ());
    fixture_put (temp, "x", 1);
    cr_assert_eq (fixture_write (store, "orders", 20, true), ZSEQ_OK);
    zseq_store_destroy (&store);
    fixture_names_t names;
    cr_assert_eq (fixture_check (&names), ZSEQ_OK);
    cr_assert_eq (fixture_limit (&names, "orders"), 20);
    fixture_forget (&names);
}

//  The journal.

static const char *const s_three[] = {"one", "three", "two"};

//  Bytes of the last batch of s_three, which holds "three" or "two", whichever
//  was written last.
#define LAST_SIZE (8 + 2 + strlen ("two") + 8)

//  Puts both journals in place and tells whether the node loads with all names,
//  and with both whole again.
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
    //  The entry is there again.
    char path[640];
    snprintf (path, sizeof path, "%s", fixture_find ("two"));
    rename (path, fixture_path ("away"));
    s_assert_refused (ZSEQ_EDAMAGED, "two: missing");
    rename (fixture_path ("away"), path);
}

Test (store, cuts_off_an_append_that_never_reached_the_copy)
{
    s_node_with (s_three, 3);
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file ("names"), &size);
    uint8_t whole[1024];
    memcpy (whole, bytes, size);
    size_t last = size - LAST_SIZE;
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

Test (store, completes_a_copy_that_an_append_did_not_reach)
{
    s_node_with (s_three, 3);
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file ("names"), &size);
    uint8_t torn[1024];
    memcpy (torn, bytes, size);
    size_t last = size - LAST_SIZE;
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
        s_assert_refused (ZSEQ_EDAMAGED, where);
        bytes[bit / 8] ^= (uint8_t) (1 << bit % 8);
    }
    for (size_t cut = 0; cut < count; cut++) {
        fixture_put (fixture_file (file), bytes, cut);
        s_assert_refused (ZSEQ_EDAMAGED, where);
    }
    //  A byte lost in the middle moves the batches after it.
    memmove (bytes + 30, bytes + 31, size - 31);
    fixture_put (fixture_file (file), bytes, size - 1);
    s_assert_refused (ZSEQ_EDAMAGED, "not the last");
    memmove (bytes + 31, bytes + 30, size - 31);
    free (bytes);
}

Test (store, takes_every_bad_byte_of_the_journal_for_damage)
{
    s_node_with (s_three, 3);
    size_t size;
    free (fixture_read (fixture_file ("names"), &size));
    s_assert_firm ("names", size);
}

Test (store, takes_a_bad_batch_of_the_copy_before_the_last_for_damage)
{
    s_node_with (s_three, 3);
    size_t size;
    free (fixture_read (fixture_file ("names-copy"), &size));
    s_assert_firm ("names-copy", size - LAST_SIZE);
}

//  One append at a time is on its way, to names and then to names-copy: whatever
//  lengths the two have, only those are mended that a crash can leave.
Test (store, mends_what_a_crash_can_leave_and_nothing_else)
{
    s_node_with ((const char *[]){"a", "b"}, 2);
    const size_t batch = 8 + 2 + 1 + 8;
    const size_t end[] = {27, 27 + batch, 27 + 2 * batch};
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file ("names"), &size);
    cr_assert_eq (size, end[2]);
    //  Shorter headers are all alike.
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

//  Puts the fault to a record.
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

//  All is there, or it is said that something is not.
static void
s_assert_all_or_damage (size_t count, const char *what, size_t at)
{
    fixture_names_t found;
    int rc = fixture_check (&found);
    cr_assert (rc == ZSEQ_EDAMAGED || (rc == ZSEQ_OK && found.count == count),
               "%s at %zu: %d, %zu of %zu names", what, at, rc, found.count,
               count);
    for (size_t i = 0; i < found.count; i++)
        cr_assert_eq (found.found[i].limit, 10);
    fixture_forget (&found);
}

//  A journal that ends at each length, and with each byte flipped.
static void
s_try_journal (const char *file, size_t count)
{
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file (file), &size);
    //  A byte of the header in five: each by itself is damage.
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

//  Names in so many batches: the first ones alone, the others in one.
static void
s_make_batches (size_t count, size_t batches)
{
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_store_t *store = fixture_start ();
    zseq_write_t writes[3];
    zseq_written_t written[3];
    for (size_t i = 0; i < count; i++)
        writes[i] = (zseq_write_t){.name = s_three[i],
                                   .name_size = (uint8_t) strlen (s_three[i]),
                                   .next = 10,
                                   .limit = 10};
    for (size_t i = 0; i < batches; i++)
        fixture_submit (store, writes + i, i + 1 < batches ? 1 : count - i,
                        written);
    zseq_store_destroy (&store);
}

Test (store, hides_no_lost_record_behind_a_bad_journal)
{
    static const size_t shapes[][2] = {{1, 1}, {3, 2}, {3, 3}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        size_t count = shapes[i][0];
        s_make_batches (count, shapes[i][1]);
        for (size_t name = 0; name < count; name++) {
            char path[640];
            snprintf (path, sizeof path, "%s", fixture_find (s_three[name]));
            size_t size;
            uint8_t *bytes = fixture_read (path, &size);
            //  The last name lost most: its batch is the last one.
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

Test (store, takes_a_lost_record_for_damage)
{
    s_node_with (s_three, 3);
    for (size_t i = 0; i < 3; i++) {
        char path[640];
        snprintf (path, sizeof path, "%s", fixture_find (s_three[i]));
        rename (path, fixture_path ("away"));
        char text[80];
        snprintf (text, sizeof text, "/%s: missing", s_three[i]);
        s_assert_refused (ZSEQ_EDAMAGED, text);
        rename (fixture_path ("away"), path);
    }
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
    rename (fixture_file ("seq"), fixture_path ("away"));
    s_assert_refused (ZSEQ_EDAMAGED, "/one: missing");
}

Test (store, adds_the_entry_of_a_first_claim_cut_short)
{
    s_node_with (s_three, 3);
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file ("names"), &size);
    //  Only the headers: all three were cut short.
    fixture_put (fixture_file ("names"), bytes, 27);
    fixture_put (fixture_file ("names-copy"), bytes, 27);
    free (bytes);
    fixture_names_t names;
    cr_assert_eq (fixture_check (&names), ZSEQ_OK);
    cr_assert_eq (names.count, 3);
    fixture_forget (&names);
    unlink (fixture_find ("one"));
    s_assert_refused (ZSEQ_EDAMAGED, "one: missing");
}

Test (store, counts_a_name_with_two_entries_once)
{
    s_node_with (s_three, 3);
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

Test (store, takes_a_missing_journal_for_damage)
{
    s_node_with (s_three, 3);
    rename (fixture_file ("names"), fixture_path ("away"));
    s_assert_refused (ZSEQ_EDAMAGED, "names: missing");
    rename (fixture_path ("away"), fixture_file ("names"));
    unlink (fixture_file ("names-copy"));
    s_assert_refused (ZSEQ_EDAMAGED, "names-copy: missing");
}

Test (store, refuses_the_journal_of_another_cluster)
{
    s_node_with (s_three, 3);
    fixture_format (fixture_path ("other"), FIXTURE_IDENTITY + 1);
    rename (fixture_path ("other/names-copy"), fixture_file ("names-copy"));
    s_assert_refused (ZSEQ_EFOREIGN, "names-copy: the journal of another");
    rename (fixture_path ("other/names"), fixture_file ("names"));
    s_assert_refused (ZSEQ_EFOREIGN, "names: the journal of another");
}

Test (store, believes_no_journal_or_record_from_before_the_birth)
{
    s_node_with (s_three, 3);
    fixture_format (fixture_path ("other"), 0);
    rename (fixture_path ("other/node"), fixture_file ("node"));
    s_assert_refused (ZSEQ_EDAMAGED, "older than the records");
    rename (fixture_file ("seq"), fixture_path ("away"));
    s_assert_refused (ZSEQ_EDAMAGED, "older than the records");
    //  An empty one is what a birth that was cut short leaves.
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file ("names"), &size);
    fixture_put (fixture_file ("names"), bytes, 27);
    s_assert_refused (ZSEQ_EDAMAGED, "older than the records");
    fixture_put (fixture_file ("names-copy"), bytes, 27);
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
    unlink (fixture_file ("names"));
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
    fixture_put (fixture_file ("names"), bytes, 27);
    unlink (fixture_file ("names-copy"));
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
    free (bytes);
}

//  Damage: told, not fatal, and healed with the next record of the node.

//  What lies at path, moved to the first healing's folder, or the second's.
static const char *
s_moved (const char *path, int number)
{
    static char moved[640];
    snprintf (moved, sizeof moved, "%s/%d%s", fixture_file ("damaged"), number,
              path + strlen (fixture_node ()));
    return moved;
}

//  Damage changes nothing by being found, however often.
static void
s_assert_damaged (size_t damaged, fixture_names_t *names)
{
    uint64_t sum = fixture_sum (fixture_node ());
    cr_assert_eq (fixture_check (NULL), ZSEQ_EDAMAGED);
    cr_assert_eq (fixture_check (names), ZSEQ_EDAMAGED);
    cr_assert_eq (names->damaged, damaged, "%zu: %s", names->damaged,
                  fixture_text ());
    cr_assert_eq (names->told, damaged);
    cr_assert_eq (fixture_sum (fixture_node ()), sum);
}

//  Heals, writes name (a new one, or one that was damaged), and finds it and so
//  many others again.
static void
s_assert_healed (const char *name, size_t others)
{
    zseq_store_t *store;
    cr_assert_eq (fixture_repair (&store), ZSEQ_OK);
    cr_assert_eq (fixture_write (store, name, 77, false), ZSEQ_OK);
    zseq_store_destroy (&store);
    fixture_names_t names;
    cr_assert_eq (fixture_check (&names), ZSEQ_OK, "%s", fixture_text ());
    cr_assert_eq (names.count, others + 1);
    cr_assert_eq (fixture_limit (&names, name), 77);
    cr_assert_eq (names.identity, FIXTURE_IDENTITY);
    cr_assert (!names.record.voting);
    cr_assert_eq (names.record.vector.life[1].counter, 2);
    fixture_forget (&names);
}

static void
s_corrupt (const char *path)
{
    size_t size;
    uint8_t *bytes = fixture_read (path, &size);
    bytes[size / 2] ^= 1;
    fixture_put (path, bytes, size);
    free (bytes);
}

Test (store, tells_of_all_damage_and_loads_what_is_intact)
{
    s_node_with ((const char *[]){"a", "b", "c", "d"}, 4);
    s_corrupt (fixture_find ("b"));
    unlink (fixture_find ("d"));
    fixture_put (fixture_file ("seq/odd"), "x", 1);
    fixture_put (fixture_file (".tmp-1-1"), "x", 1);
    fixture_names_t names;
    s_assert_damaged (3, &names);
    cr_assert (strstr (fixture_text (), "/b: checksum"));
    cr_assert (strstr (fixture_text (), "/d: missing"));
    cr_assert (strstr (fixture_text (), "/seq/odd: unexpected"));
    cr_assert_eq (names.count, 2);
    cr_assert_str_eq (names.found[0].name, "a");
    cr_assert_str_eq (names.found[1].name, "c");
    cr_assert_eq (names.found[1].limit, 10);
    cr_assert_eq (names.identity, FIXTURE_IDENTITY);
    fixture_forget (&names);
}

Test (store, heals_with_the_nodes_next_record)
{
    s_node_with ((const char *[]){"a", "b", "c", "d"}, 4);
    char path[640];
    snprintf (path, sizeof path, "%s", fixture_find ("b"));
    s_corrupt (path);
    size_t size;
    uint8_t *bytes = fixture_read (path, &size);
    unlink (fixture_find ("d"));
    fixture_put (fixture_file ("seq/odd"), "odd", 3);
    fixture_put (fixture_file (".tmp-1-1"), "x", 1);
    char temp[700];
    snprintf (temp, sizeof temp, "%.*s.tmp-1-1", (int) (strlen (path) - 1),
              path);
    fixture_put (temp, "x", 1);
    s_assert_healed ("b", 2);

    //  What was damaged is kept, what was never finished is not.
    size_t moved_size;
    uint8_t *moved = fixture_read (s_moved (path, 1), &moved_size);
    cr_assert_eq (moved_size, size);
    cr_assert_arr_eq (moved, bytes, size);
    free (moved);
    cr_assert (fixture_exists (fixture_file ("damaged/1/seq/odd")));
    cr_assert (!fixture_exists (fixture_file ("seq/odd")));
    cr_assert (!fixture_exists (fixture_file (".tmp-1-1")));
    cr_assert (!fixture_exists (temp));

    //  The next time is kept beside it.
    s_corrupt (path);
    s_assert_healed ("b", 2);
    cr_assert (fixture_exists (s_moved (path, 1)));
    cr_assert (fixture_exists (s_moved (path, 2)));
    moved = fixture_read (s_moved (path, 1), &moved_size);
    cr_assert_arr_eq (moved, bytes, size);
    free (moved);
    free (bytes);
}

Test (store, heals_before_anything_else_is_written)
{
    s_node_with (s_three, 3);
    s_corrupt (fixture_find ("one"));
    unlink (fixture_file ("names"));
    zseq_store_t *store;
    cr_assert_eq (fixture_repair (&store), ZSEQ_OK);
    zseq_store_destroy (&store);
    //  All of it is in order with the record's completion alone.
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK, "%s", fixture_text ());
    unlink (fixture_find ("two"));
    s_assert_refused (ZSEQ_EDAMAGED, "two: missing");
}

Test (store, never_heals_with_a_record_that_votes, .signal = SIGABRT)
{
    s_node_with (s_three, 3);
    s_corrupt (fixture_find ("one"));
    zseq_store_t *store = zseq_store_new (fixture_node ());
    cr_assert_eq (fixture_load (store, NULL), ZSEQ_EDAMAGED);
    cr_assert_eq (zseq_store_start (store), ZSEQ_OK);
    zseq_record_t record;
    fixture_record (&record, FIXTURE_IDENTITY);
    fixture_write_record (store, &record);
}

Test (store, heals_a_journal_however_it_is_damaged)
{
    s_node_with (s_three, 3);
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
        s_assert_refused (ZSEQ_EDAMAGED, "/names: ");
        char name[8];
        snprintf (name, sizeof name, "new%d", kind);
        s_assert_healed (name, 3 + (size_t) kind);
        cr_assert_eq (fixture_exists (fixture_file ("damaged")), true);
        if (kind == 5)
            cr_assert (fixture_exists (fixture_file ("damaged/5/names")));
    }
    free (bytes);
}

Test (store, heals_files_full_of_zeros_and_empty_ones)
{
    static const uint8_t zeros[4096];
    s_node_with (s_three, 3);
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

Test (store, heals_missing_directories_and_what_lies_in_their_place)
{
    s_node_with (s_three, 3);
    char spread[640];
    for (int kind = 0; kind < 5; kind++) {
        snprintf (spread, sizeof spread, "%s", fixture_find ("one"));
        *strrchr (spread, '/') = 0;
        const char *path = kind < 3 ? spread : fixture_file ("seq");
        fixture_remove (path);
        if (kind == 1)
            fixture_put (path, "x", 1);
        else if (kind == 2)
            cr_assert_eq (symlink ("/tmp", path), 0);
        else if (kind == 4)
            fixture_put (path, "x", 1);
        s_assert_refused (ZSEQ_EDAMAGED, "/one: missing");
        fixture_names_t names;
        fixture_check (&names);
        size_t lost = kind < 3 ? 1 : 3;
        cr_assert_eq (names.damaged,
                      lost + (kind == 1 || kind == 2 || kind == 4));
        fixture_forget (&names);
        s_assert_healed ("one", 3 - lost);
        if (lost == 1)
            continue;
        zseq_store_t *store = fixture_start ();
        cr_assert_eq (fixture_write (store, "two", 10, false), ZSEQ_OK);
        cr_assert_eq (fixture_write (store, "three", 10, false), ZSEQ_OK);
        zseq_store_destroy (&store);
    }
}

Test (store, heals_the_nodes_own_record_and_keeps_the_sequences)
{
    s_node_with (s_three, 3);
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
        s_assert_damaged (1, &names);
        cr_assert (names.lost);
        cr_assert_eq (names.count, 3 + (size_t) kind);
        cr_assert_eq (names.identity, FIXTURE_IDENTITY);
        fixture_forget (&names);
        char name[8];
        snprintf (name, sizeof name, "new%d", kind);
        s_assert_healed (name, 3 + (size_t) kind);
    }
    cr_assert (fixture_exists (fixture_file ("damaged/1/node")));
    cr_assert (fixture_exists (fixture_file ("damaged/2/node")));
    free (bytes);
}

Test (store, recovers_a_node_into_an_empty_directory)
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

        //  Nobody knows it yet: it is a lost node's from now on.
        fixture_names_t names;
        s_assert_damaged (1, &names);
        cr_assert_eq (names.count, 0);
        cr_assert_eq (names.identity, 0);
        fixture_forget (&names);
        s_assert_healed ("orders", 0);
        cr_assert (!fixture_exists (fixture_file ("damaged")));
        fixture_remove (fixture_node ());
    }
}

Test (store, opens_nothing_as_lost_that_is_not)
{
    s_node_with (s_three, 3);
    zseq_store_t *store = zseq_store_new (fixture_node ());
    cr_assert_eq (zseq_store_open_lost (store, 1), ZSEQ_ELOCKED);
    zseq_store_destroy (&store);
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
    //  A node's directory without a lock is one by its journal, too.
    unlink (fixture_file ("lock"));
    unlink (fixture_file ("node"));
    store = zseq_store_new (fixture_node ());
    cr_assert_eq (zseq_store_open_lost (store, 1), ZSEQ_OK);
    zseq_store_destroy (&store);
    //  A record of another format's is nobody's to replace.
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

Test (store, recovers_from_an_old_record_put_back)
{
    s_node_with (s_three, 3);
    fixture_format (fixture_path ("other"), 0);
    rename (fixture_path ("other/node"), fixture_file ("node"));
    fixture_names_t names;
    s_assert_damaged (1, &names);
    cr_assert (!names.lost);
    cr_assert_eq (names.record.identity, 0);
    cr_assert_eq (names.identity, FIXTURE_IDENTITY);
    cr_assert_eq (names.count, 3);
    fixture_forget (&names);
    s_assert_healed ("new", 3);
}

Test (store, heals_a_node_that_was_never_born)
{
    fixture_format (fixture_node (), 0);
    fixture_put (fixture_file ("names"), "x", 1);
    fixture_names_t names;
    s_assert_damaged (1, &names);
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

//  Directories of format 1, whose journal has no copy.

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
        cr_assert_eq (found.converted, !again);
        cr_assert_eq (found.count, count);
        cr_assert_eq (found.record.identity, FIXTURE_IDENTITY);
        cr_assert (found.record.voting);
        cr_assert_eq (found.record.vector.life[1].counter, 1);
        cr_assert_eq (found.record.vector.start[1].counter, 0);
        fixture_forget (&found);
    }
    cr_assert_eq (s_format_of ("node"), 2);
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

Test (store, converts_a_directory_of_format_1)
{
    s_node_with (s_three, 3);
    fixture_age ();
    s_assert_converted (3);
    //  From now on both journals are needed, and written.
    zseq_store_t *store = fixture_start ();
    cr_assert_eq (fixture_write (store, "new", 10, false), ZSEQ_OK);
    zseq_store_destroy (&store);
    size_t size;
    free (fixture_read (fixture_file ("names-copy"), &size));
    cr_assert_eq (size, 27 + 3 * (8 + 2 + 3 + 8) + 8 + 2 + 5 + 8);
    unlink (fixture_file ("names-copy"));
    s_assert_refused (ZSEQ_EDAMAGED, "names-copy: missing");
}

Test (store, converts_with_the_old_rule_for_a_bad_last_batch)
{
    s_node_with (s_three, 3);
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file ("names"), &size);
    for (size_t cut = 27; cut < size; cut++) {
        fixture_put (fixture_file ("names"), bytes, cut);
        fixture_age ();
        s_assert_converted (3);
    }
    free (bytes);
}

Test (store, converts_a_node_that_is_not_born_yet)
{
    fixture_format (fixture_node (), 0);
    fixture_age ();
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
    cr_assert_eq (s_format_of ("node"), 2);
    cr_assert_eq (s_format_of ("node.format1"), 1);
    cr_assert (!fixture_exists (fixture_file ("names-copy")));
}

Test (store, converts_nothing_that_is_damaged)
{
    s_node_with (s_three, 3);
    fixture_age ();
    unlink (fixture_find ("one"));
    fixture_names_t names;
    s_assert_damaged (1, &names);
    fixture_forget (&names);
    cr_assert_eq (s_format_of ("node"), 1);
    s_assert_healed ("one", 2);
    cr_assert_eq (s_format_of ("node"), 2);
    cr_assert (fixture_exists (fixture_file ("names-copy")));
}

//  A conversion was cut short, and an older zseqd has written since: the copy is
//  the journal's beginning.
Test (store, converts_beside_an_older_copy)
{
    s_node_with (s_three, 3);
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
        bool whole = cut == 27 || cut == 27 + LAST_SIZE ||
                     cut == size - LAST_SIZE || cut == size;
        int rc = fixture_check (NULL);
        cr_assert_eq (rc, whole ? ZSEQ_OK : ZSEQ_EDAMAGED, "%zu: %d, %s", cut,
                      rc, fixture_text ());
        cr_assert_eq (s_format_of ("node"), whole ? 2 : 1);
    }
    free (node);
    free (bytes);
}

//  Somebody has put the record back that a conversion has kept: the old rule
//  for a bad tail does not come back with it.
Test (store, takes_a_journal_that_ends_before_its_copy_for_damage_in_format_1)
{
    s_node_with (s_three, 3);
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file ("names"), &size);
    fixture_age ();
    fixture_put (fixture_file ("names-copy"), bytes, size);
    for (size_t cut = 0; cut < size; cut++) {
        fixture_put (fixture_file ("names"), bytes, cut);
        s_assert_refused (ZSEQ_EDAMAGED, "/names: ");
    }
    free (bytes);
}

//  Looking without touching.

static int
s_verify_name (const char *name, size_t size, uint64_t next, uint64_t limit,
               void *arg)
{
    (void) name;
    (void) size;
    (void) next;
    cr_assert_eq (limit, 10);
    ++*(size_t *) arg;
    return ZSEQ_OK;
}

//  Verifying changes nothing, and finds what loading finds.
static void
s_assert_verified (size_t damaged, size_t unfinished, size_t count)
{
    uint64_t sum = fixture_sum (fixture_node ());
    size_t names = 0;
    zseq_store_loader_t loader = {.name = s_verify_name, .arg = &names};
    zseq_store_verified_t verified;
    char text[ZSEQ_STORE_TEXT_MAX];
    int rc = zseq_store_verify (fixture_node (), &loader, &verified, text);
    cr_assert_eq (rc, ZSEQ_OK, "%d, %s", rc, text);
    cr_assert_eq (verified.damaged, damaged, "%zu", verified.damaged);
    cr_assert_eq (verified.unfinished, unfinished, "%zu", verified.unfinished);
    cr_assert_eq (names, count);
    cr_assert_eq (verified.identity, FIXTURE_IDENTITY);
    cr_assert_eq (fixture_sum (fixture_node ()), sum);
    fixture_names_t found;
    rc = fixture_check (&found);
    cr_assert_eq (rc, damaged ? ZSEQ_EDAMAGED : ZSEQ_OK);
    cr_assert_eq (found.damaged, damaged);
    cr_assert_eq (found.count, count);
    cr_assert_eq (found.lost, verified.lost);
    fixture_forget (&found);
}

Test (store, verifies_what_is_intact_or_was_cut_short)
{
    s_node_with (s_three, 3);
    s_assert_verified (0, 0, 3);
    fixture_put (fixture_file (".tmp-1-1"), "x", 1);
    s_assert_verified (0, 1, 3);
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file ("names"), &size);
    fixture_put (fixture_file ("names-copy"), bytes, size - 1);
    s_assert_verified (0, 1, 3);
    fixture_put (fixture_file ("names-copy"), bytes, size - LAST_SIZE);
    fixture_put (fixture_file ("names"), bytes, size - 1);
    //  Its record lacks its entry, too.
    s_assert_verified (0, 2, 3);
    fixture_age ();
    s_assert_verified (0, 0, 3);
    free (bytes);
}

Test (store, verifies_every_kind_of_damage)
{
    for (int kind = 0; kind < 8; kind++) {
        s_node_with (s_three, 3);
        size_t names = 3;
        if (kind == 0)
            s_corrupt (fixture_file ("names"));
        else if (kind == 1)
            unlink (fixture_file ("names-copy"));
        else if (kind == 2)
            s_corrupt (fixture_file ("node"));
        else if (kind == 3)
            unlink (fixture_file ("node"));
        else if (kind == 4)
            fixture_put (fixture_file ("seq/odd"), "x", 1);
        else if (kind == 5)
            mkdir (fixture_file ("seq/zz"), 0700);
        else
            names = 2;
        if (kind == 6)
            s_corrupt (fixture_find ("one"));
        if (kind == 7)
            unlink (fixture_find ("one"));
        s_assert_verified (1, 0, names);
        fixture_remove (fixture_node ());
    }
}

static int
s_verify (char *text)
{
    size_t names = 0;
    zseq_store_loader_t loader = {.name = s_verify_name, .arg = &names};
    zseq_store_verified_t verified;
    return zseq_store_verify (fixture_node (), &loader, &verified, text);
}

Test (store, verifies_nothing_that_is_in_use_or_is_not_a_nodes)
{
    char text[ZSEQ_STORE_TEXT_MAX];
    cr_assert_eq (s_verify (text), ZSEQ_EAGAIN);
    mkdir (fixture_node (), 0700);
    cr_assert_eq (s_verify (text), ZSEQ_EAGAIN);
    cr_assert_eq (fixture_count (fixture_node (), ""), 0);
    rmdir (fixture_node ());
    s_node_with (s_three, 3);
    zseq_store_t *store = fixture_start ();
    cr_assert_eq (s_verify (text), ZSEQ_ELOCKED);
    cr_assert (strstr (text, "in use"), "%s", text);
    zseq_store_destroy (&store);
    cr_assert_eq (s_verify (text), ZSEQ_OK);
    //  Another cluster's journal.
    fixture_format (fixture_path ("other"), FIXTURE_IDENTITY + 1);
    rename (fixture_path ("other/names"), fixture_file ("names"));
    cr_assert_eq (s_verify (text), ZSEQ_EFOREIGN);
    cr_assert (strstr (text, "another node or cluster"), "%s", text);
}

static void
s_write_numbered (zseq_store_t *store, size_t first, size_t count,
                  bool deferred)
{
    char (*name)[16] = calloc (count, sizeof *name);
    zseq_write_t *writes = calloc (count, sizeof *writes);
    zseq_written_t *written = calloc (count, sizeof *written);
    for (size_t i = 0; i < count; i++) {
        snprintf (name[i], sizeof name[i], "name-%zu", first + i);
        writes[i] = (zseq_write_t){.name = name[i],
                                   .name_size = (uint8_t) strlen (name[i]),
                                   .deferred = deferred,
                                   .next = 1,
                                   .limit = first + i + 1};
    }
    fixture_submit (store, writes, count, written);
    for (size_t i = 0; i < count; i++)
        cr_assert_eq (written[i].status, ZSEQ_OK);
    free (written);
    free (writes);
    free (name);
}

//  Reading back while the store is open.

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

//  A file with each byte flipped: each time it is noticed and named. What does
//  not mend itself is put right.
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

Test (store, reads_back_every_bit_of_what_it_wrote)
{
    s_node_with (s_three, 3);
    zseq_store_t *store = fixture_start ();
    s_try_read_back (store, ZSEQ_CHECK_SEQUENCE, "two", fixture_find ("two"),
                     false);
    //  These are mended from each other, at once.
    s_try_read_back (store, ZSEQ_CHECK_JOURNAL, NULL, fixture_file ("names"),
                     true);
    s_try_read_back (store, ZSEQ_CHECK_JOURNAL, NULL,
                     fixture_file ("names-copy"), true);
    //  It is the new files that go on.
    cr_assert_eq (fixture_write (store, "new", 10, false), ZSEQ_OK);
    s_assert_read_back (store, ZSEQ_CHECK_JOURNAL, NULL, ZSEQ_OK, "");
    zseq_store_destroy (&store);
    fixture_names_t names;
    cr_assert_eq (fixture_check (&names), ZSEQ_OK, "%s", fixture_text ());
    cr_assert_eq (names.count, 4);
    fixture_forget (&names);
    unlink (fixture_find ("new"));
    s_assert_refused (ZSEQ_EDAMAGED, "new: missing");
}

Test (store, reads_back_a_record_that_was_cut_or_is_gone)
{
    s_node_with (s_three, 3);
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

//  A node's record that rots keeps its times: else the watch ends the node.
Test (store, reads_back_the_nodes_record)
{
    s_node_with (s_three, 3);
    const char *path = fixture_file ("node");
    size_t size;
    free (fixture_read (path, &size));
    for (size_t at = 0; at < size; at += 20) {
        zseq_store_t *store = zseq_store_new (fixture_node ());
        zseq_record_t record;
        zseq_store_found_t found;
        zseq_store_loader_t loader = {.name = collect_skip_name};
        cr_assert_eq (zseq_store_open (store, &record), ZSEQ_OK);
        cr_assert_eq (zseq_store_load (store, &loader, &found), ZSEQ_OK);
        //  Before there is a thread that watches.
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

Test (store, reads_back_who_and_how_far)
{
    s_node_with (s_three, 3);
    zseq_store_t *store = fixture_start ();
    char path[640];
    snprintf (path, sizeof path, "%s", fixture_find ("two"));
    size_t size;
    uint8_t *old = fixture_read (path, &size);
    cr_assert_eq (fixture_write (store, "two", 20, true), ZSEQ_OK);
    cr_assert_eq (
      fixture_read_back (store, ZSEQ_CHECK_SEQUENCE, "two", 20, NULL), ZSEQ_OK);
    //  A refused write may have left more, and never less.
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

Test (store, says_so_when_both_journals_are_damaged)
{
    s_node_with (s_three, 3);
    zseq_store_t *store = fixture_start ();
    s_flip (fixture_file ("names"), 30);
    s_flip (fixture_file ("names-copy"), 40);
    for (int i = 0; i < 2; i++)
        s_assert_read_back (store, ZSEQ_CHECK_JOURNAL, NULL, ZSEQ_EDAMAGED,
                            "the other one is damaged, too");
    zseq_store_destroy (&store);
    s_assert_refused (ZSEQ_EDAMAGED, "/names");
}

Test (store, reads_long_journals_back_piece_by_piece)
{
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_store_t *store = fixture_start ();
    s_write_numbered (store, 0, 5000, true);
    bool more = true;
    //  What is not synced yet is left alone.
    cr_assert_eq (fixture_read_back (store, ZSEQ_CHECK_JOURNAL, NULL, 0, &more),
                  ZSEQ_EAGAIN);
    s_write_numbered (store, 5000, 1, false);
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

//  Another's.

//  A born node at other, with a name of its own: of another cluster, or node 0
//  of the same.
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
    //  A journal's copy goes with it.
    if (strcmp (file, "names") == 0)
        s_swap ("names-copy");
    char path[640];
    snprintf (path, sizeof path, "other/%s", file);
    rename (fixture_file (file), fixture_path ("away"));
    rename (fixture_path (path), fixture_file (file));
    rename (fixture_path ("away"), fixture_path (path));
}

Test (store, leaves_what_was_swapped_with_another_node_untouched)
{
    static const char *const parts[] = {"node", "names", "seq"};
    s_node_with (s_three, 3);
    for (int cluster = 0; cluster < 2; cluster++) {
        s_make_other (cluster);
        //  Each part of the other's, each without a node's record, too.
        for (unsigned set = 0; set < 16; set++) {
            for (unsigned i = 0; i < 3; i++)
                if (set & 1u << i)
                    s_swap (parts[i]);
            if (set & 8)
                rename (fixture_file ("node"), fixture_path ("gone"));
            fixture_put (fixture_file (".tmp-1-1"), "x", 1);
            uint64_t sum = fixture_sum (fixture_node ());
            int rc = fixture_check (NULL);
            //  Whole, it is that node's, which the caller is told; without a
            //  record of the node nothing tells which cluster it belongs to.
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

Test (store, refuses_records_that_disagree_about_their_cluster)
{
    s_node_with (s_three, 3);
    s_make_other (true);
    unlink (fixture_file ("node"));
    unlink (fixture_file ("names"));
    char command[1400];
    snprintf (command, sizeof command, "cp -r %s/seq/. %s",
              fixture_path ("other"), fixture_file ("seq"));
    cr_assert_eq (system (command), 0);
    uint64_t sum = fixture_sum (fixture_node ());
    s_assert_refused (ZSEQ_EFOREIGN, "a record of another");
    cr_assert_eq (fixture_sum (fixture_node ()), sum);
}

//  Many names.

Test (store, tells_of_progress)
{
    enum { COUNT = 100000 };
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_store_t *store = fixture_start ();
    s_write_numbered (store, 0, COUNT, true);
    zseq_store_destroy (&store);
    fixture_names_t names;
    cr_assert_eq (fixture_check (&names), ZSEQ_OK);
    cr_assert_eq (names.count, COUNT);
    cr_assert_geq (names.progress, 1);
    cr_assert_leq (names.progress, 2);
    for (size_t i = 1; i < COUNT; i++)
        cr_assert (strcmp (names.found[i - 1].name, names.found[i].name) < 0);
    fixture_forget (&names);
}

Test (store, needs_few_descriptors)
{
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    struct rlimit limit = {128, 128};
    cr_assert_eq (setrlimit (RLIMIT_NOFILE, &limit), 0);
    zseq_store_t *store = fixture_start ();
    s_write_numbered (store, 0, 4096, false);
    s_write_numbered (store, 4096, 31, false);
    zseq_store_destroy (&store);
    fixture_names_t names;
    cr_assert_eq (fixture_check (&names), ZSEQ_OK, "%s", fixture_text ());
    cr_assert_eq (names.count, 4127);
    fixture_forget (&names);
}

Test (store, finds_out_itself_what_directories_do_not_tell)
{
    s_node_with (s_three, 3);
    zseq_faults_typeless (true);
    fixture_put (fixture_file (".tmp-1-1"), "x", 1);
    mkdir (fixture_file (".tmp-dir"), 0700);
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
    cr_assert (!fixture_exists (fixture_file (".tmp-1-1")));
    char path[700];
    snprintf (path, sizeof path, "%s.link", fixture_find ("one"));
    cr_assert_eq (symlink ("one", path), 0);
    s_assert_refused (ZSEQ_EDAMAGED, "one.link: not a regular file");
    unlink (path);
    mkfifo (path, 0600);
    s_assert_refused (ZSEQ_EDAMAGED, "one.link: not a regular file");
}

//  Names.

Test (store, keeps_every_name_apart_and_within_its_directory)
{
    enum { FIXED = 13, COUNT = FIXED + 255 + 255 + 2 + 3000 };
    static char name[COUNT][ZSEQ_NAME_MAX + 1];
    static const char *const fixed[FIXED] = {
      ".",         "..",  "../../x", "/", "%",        "%2E",   "~",
      "h\xc3\xa9", "a.b", "A",       "a", ".tmp-1-1", "node\n"};
    size_t count = 0;
    for (; count < FIXED; count++)
        strcpy (name[count], fixed[count]);
    //  Each byte alone, if it was not there yet, and 255 times.
    for (int byte = 1; byte < 256; byte++) {
        char one[2] = {(char) byte, 0};
        if (!strchr (".%/~Aa", byte))
            strcpy (name[count++], one);
        memset (name[count++], byte, ZSEQ_NAME_MAX);
    }
    //  Long ones that differ in their last byte.
    for (char last = 'x'; last <= 'y'; last++) {
        memset (name[count], 'q', ZSEQ_NAME_MAX);
        name[count++][ZSEQ_NAME_MAX - 1] = last;
    }
    //  Random ones out of what could be mistaken for an encoding.
    unsigned seed = 4711;
    while (count < COUNT - 20) {
        size_t size = 3 + (size_t) rand_r (&seed) % 4;
        for (size_t i = 0; i < size; i++)
            name[count][i] = "%~.2E5Fa/"[rand_r (&seed) % 9];
        name[count][size] = 0;
        bool twice = false;
        for (size_t i = 0; i < count && !twice; i++)
            twice = strcmp (name[i], name[count]) == 0;
        count += !twice;
    }

    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_store_t *store = fixture_start ();
    static zseq_write_t writes[COUNT];
    static zseq_written_t written[COUNT];
    for (size_t i = 0; i < count; i++)
        writes[i] = (zseq_write_t){.name = name[i],
                                   .name_size = (uint8_t) strlen (name[i]),
                                   .next = i + 1,
                                   .limit = i + 1};
    fixture_submit (store, writes, count, written);
    zseq_store_destroy (&store);

    fixture_names_t names;
    cr_assert_eq (fixture_check (&names), ZSEQ_OK, "%s", fixture_text ());
    cr_assert_eq (names.count, count);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq (fixture_limit (&names, name[i]), i + 1, "%s", name[i]);
        if (i > 0)
            cr_assert_lt (strcmp (names.found[i - 1].name, names.found[i].name),
                          0);
    }
    fixture_forget (&names);
    cr_assert_eq (fixture_count (fixture_path (""), ""), 1);
    cr_assert_eq (fixture_count (fixture_node (), ""), 5);
}

Test (store, gives_readable_names_to_files)
{
    static const struct {
        const char *name;
        const char *file;
    } cases[] = {{"orders-2024_EU.v1", "orders-2024_EU.v1"},
                 {"a b", "a%20b"},
                 {".", "%2E"},
                 {"../../x", "%2E.%2F..%2Fx"},
                 {"%2E", "%252E"},
                 {"~", "%7E"},
                 {"h\xc3\xa9", "h%C3%A9"}};
    enum { COUNT = sizeof cases / sizeof *cases };
    const char *names[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        names[i] = cases[i].name;
    s_node_with (names, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        cr_assert_not_null (fixture_find (cases[i].file), "%s", cases[i].file);
}

Test (store, hashes_a_name_from_one_byte_past_the_limit_on)
{
    char longest[182];
    memset (longest, 'a', sizeof longest);
    longest[180] = 0;
    char longer[182];
    memset (longer, 'a', sizeof longer);
    longer[181] = 0;
    char bytes[ZSEQ_NAME_MAX + 1];
    memset (bytes, 1, ZSEQ_NAME_MAX);
    bytes[ZSEQ_NAME_MAX] = 0;
    s_node_with ((const char *[]){longest, longer, bytes}, 3);
    cr_assert_not_null (fixture_find (longest));
    cr_assert_null (fixture_find (longer));
    //  BLAKE2b as Python's hashlib has it, after what is left readable: 100
    //  bytes, or 99 where a character of three would not fit.
    strcpy (longer + 100, "~4c97d0046304ee465aeaf86091aa8e65");
    cr_assert_not_null (fixture_find (longer));
    char file[200] = "";
    for (int i = 0; i < 33; i++)
        strcat (file, "%01");
    strcat (file, "~37c7e7aaf682f9b6e25e4a8859e359ed");
    cr_assert_not_null (fixture_find (file));
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
}

//  Groups.

Test (store, completes_a_thousand_writes_in_order_with_few_syncs)
{
    enum { COUNT = 1000 };
    static char name[COUNT][16];
    static zseq_write_t writes[COUNT];
    static zseq_written_t written[COUNT];
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_store_t *store = fixture_start ();
    for (size_t i = 0; i < COUNT; i++) {
        snprintf (name[i], sizeof name[i], "name-%zu", i);
        writes[i] = (zseq_write_t){.name = name[i],
                                   .name_size = (uint8_t) strlen (name[i]),
                                   .next = i + 1,
                                   .limit = i + 2,
                                   .tag = i,
                                   .owner = name[i]};
    }
    zseq_faults_begin (fixture_node ());
    fixture_submit (store, writes, COUNT, written);
    for (size_t i = 0; i < COUNT; i++) {
        cr_assert_eq (written[i].status, ZSEQ_OK);
        cr_assert_eq (written[i].tag, i);
        cr_assert_eq (written[i].limit, i + 2);
        cr_assert_eq (written[i].owner, name[i]);
    }
    struct pollfd fd = {zseq_store_fd (store), POLLIN, 0};
    cr_assert_eq (poll (&fd, 1, 0), 0);
    cr_assert_eq (zseq_store_collect (store, written, COUNT), 0);

    size_t fsyncs = 0;
    size_t all = 0;
    size_t count;
    zseq_faults_log (&count);
    for (size_t i = 0; i < count; i++) {
        fsyncs += strncmp (zseq_faults_line (i), "fsync", 5) == 0;
        all += strcmp (zseq_faults_line (i), "syncfs .") == 0;
    }
    cr_assert_eq (fsyncs, 2);
    cr_assert_eq (all, 2);
    zseq_faults_end ();
    zseq_store_destroy (&store);
    fixture_names_t names;
    cr_assert_eq (fixture_check (&names), ZSEQ_OK);
    cr_assert_eq (names.count, COUNT);
    fixture_forget (&names);
}

Test (store, takes_more_writes_than_a_group_holds)
{
    enum { COUNT = 10000 };
    static char name[COUNT][16];
    static zseq_write_t writes[COUNT];
    static zseq_written_t written[COUNT];
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_store_t *store = fixture_start ();
    for (size_t i = 0; i < COUNT; i++) {
        snprintf (name[i], sizeof name[i], "name-%zu", i);
        writes[i] = (zseq_write_t){.name = name[i],
                                   .name_size = (uint8_t) strlen (name[i]),
                                   .next = 1,
                                   .limit = i + 1,
                                   .tag = i};
    }
    //  Nothing is collected in between, and what was submitted is finished.
    for (size_t i = 0; i < COUNT; i += 100)
        cr_assert_eq (zseq_store_submit (store, writes + i, 100), ZSEQ_OK);
    zseq_store_destroy (&store);
    fixture_names_t names;
    cr_assert_eq (fixture_check (&names), ZSEQ_OK);
    cr_assert_eq (names.count, COUNT);
    fixture_forget (&names);

    //  Journals that lack them all are mended in several batches.
    uint8_t header[27];
    FILE *file = fopen (fixture_file ("names"), "rb");
    cr_assert_eq (fread (header, 1, 27, file), 27);
    fclose (file);
    fixture_put (fixture_file ("names"), header, 27);
    fixture_put (fixture_file ("names-copy"), header, 27);
    cr_assert_eq (fixture_check (NULL), ZSEQ_OK);
    store = fixture_start ();
    for (size_t i = 0; i < COUNT; i++)
        writes[i].journaled = true;
    fixture_submit (store, writes, COUNT, written);
    for (size_t i = 0; i < COUNT; i++)
        cr_assert_eq (written[i].tag, i);
    zseq_store_destroy (&store);
    unlink (fixture_find ("name-9999"));
    s_assert_refused (ZSEQ_EDAMAGED, "name-9999: missing");
}

static int
s_refuse (const char *name, size_t size, uint64_t next, uint64_t limit,
          void *arg)
{
    (void) next;
    (void) name;
    (void) size;
    (void) limit;
    return ++*(int *) arg == 2 ? ZSEQ_EFULL : ZSEQ_OK;
}

Test (store, stops_loading_when_the_caller_refuses)
{
    s_node_with (s_three, 3);
    zseq_store_t *store = zseq_store_new (fixture_node ());
    zseq_record_t record;
    cr_assert_eq (zseq_store_open (store, &record), ZSEQ_OK);
    int calls = 0;
    zseq_store_loader_t loader = {.name = s_refuse, .arg = &calls};
    zseq_store_found_t found;
    cr_assert_eq (zseq_store_load (store, &loader, &found), ZSEQ_EFULL);
    cr_assert_eq (calls, 2);
    zseq_store_destroy (&store);
}

//  A disk that really is full: a tiny tmpfs, gone with this process.

Test (store, goes_on_when_a_full_disk_has_room_again)
{
    mkdir (fixture_path ("disk"), 0700);
    if (unshare (CLONE_NEWNS) != 0 ||
        mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount ("none", fixture_path ("disk"), "tmpfs", 0, "size=128k") != 0)
        cr_skip_test ("mounting a tmpfs needs root");
    const char *directory = fixture_path ("disk/node");
    fixture_format (directory, FIXTURE_IDENTITY);
    zseq_store_t *store = zseq_store_new (directory);
    cr_assert_eq (fixture_load (store, NULL), ZSEQ_OK);
    cr_assert_eq (zseq_store_start (store), ZSEQ_OK);
    cr_assert_eq (fixture_write (store, "orders", 10, false), ZSEQ_OK);

    int fd = open (fixture_path ("disk/junk"), O_WRONLY | O_CREAT, 0600);
    static const char junk[512];
    while (write (fd, junk, sizeof junk) > 0)
        ;
    cr_assert_eq (errno, ENOSPC);
    cr_assert_eq (fixture_write (store, "orders", 20, true), ZSEQ_ENOSPACE);
    cr_assert_eq (fixture_write (store, "bills", 20, false), ZSEQ_ENOSPACE);
    cr_assert_str_eq (zseq_store_text (store), "");
    close (fd);
    unlink (fixture_path ("disk/junk"));
    cr_assert_eq (fixture_write (store, "orders", 20, true), ZSEQ_OK);
    cr_assert_eq (fixture_write (store, "bills", 30, false), ZSEQ_OK);
    zseq_store_destroy (&store);

    store = zseq_store_new (directory);
    fixture_names_t names;
    cr_assert_eq (fixture_load (store, &names), ZSEQ_OK);
    cr_assert_eq (fixture_limit (&names, "orders"), 20);
    cr_assert_eq (fixture_limit (&names, "bills"), 30);
    fixture_forget (&names);
    zseq_store_destroy (&store);
    umount (fixture_path ("disk"));
}

//  The document's bytes are the store's.

//  Reads the hexadecimal bytes of a block that begins after a line "title".
static size_t
s_example (const char *title, uint8_t *bytes)
{
    FILE *file = fopen (ZSEQ_DISK_MD, "r");
    cr_assert (file);
    char line[256];
    bool within = false;
    size_t size = 0;
    while (fgets (line, sizeof line, file)) {
        if (!within) {
            within = strstr (line, title) != NULL;
            continue;
        }
        const char *at = line + strspn (line, " ");
        if (size > 0 && !isxdigit ((unsigned char) *at))
            break;
        //  Bytes are one space apart; what follows two is explanation.
        unsigned byte;
        while (isxdigit ((unsigned char) at[0]) &&
               isxdigit ((unsigned char) at[1]) &&
               sscanf (at, "%2x", &byte) == 1) {
            bytes[size++] = (uint8_t) byte;
            at += at[2] == ' ' ? 3 : 2;
        }
    }
    fclose (file);
    return size;
}

static void
s_assert_example (const char *title, const char *path)
{
    uint8_t expected[1024];
    size_t expected_size = s_example (title, expected);
    cr_assert_gt (expected_size, 0, "%s has no bytes", title);
    size_t size;
    uint8_t *bytes = fixture_read (path, &size);
    for (size_t i = 0; i < size && i < expected_size; i++)
        cr_assert_eq (bytes[i], expected[i], "%s: byte %zu is %02x, not %02x",
                      title, i, bytes[i], expected[i]);
    cr_assert_eq (size, expected_size);
    free (bytes);
}

Test (store, writes_the_bytes_that_the_document_shows)
{
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_store_t *store = fixture_start ();
    zseq_write_t writes[] = {
      {.name = "orders", .name_size = 6, .next = 42, .limit = 1042},
      {.name = "h\xc3\xa9", .name_size = 3, .next = 1, .limit = 1}};
    zseq_written_t written[2];
    fixture_submit (store, writes, 2, written);
    zseq_store_destroy (&store);
    s_assert_example ("Example: a sequence's record", fixture_find ("orders"));
    s_assert_example ("Example: a node's record", fixture_file ("node"));
    s_assert_example ("Example: a names journal", fixture_file ("names"));
    s_assert_example ("Example: a names journal", fixture_file ("names-copy"));
}
