//  Inspecting a directory without changing it.

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zseq_fixture.h"
#include "zseq_store_verify.h"

TestSuite (store_verify, .init = fixture_init, .fini = fixture_term);

static int
s_verify_name (const char *name, size_t size, uint64_t next,
               uint64_t durable_to, void *arg)
{
    (void) name;
    (void) size;
    (void) next;
    cr_assert_eq (durable_to, 10);
    ++*(size_t *) arg;
    return ZSEQ_OK;
}

//  Verifying changes nothing and finds the same as loading.
static void
s_assert_verified (size_t damaged, size_t unfinished, size_t count)
{
    uint64_t sum = fixture_sum (fixture_node ());
    size_t names = 0;
    zseq_store_load_callbacks_t callbacks = {.name = s_verify_name,
                                             .arg = &names};
    zseq_store_verified_t verified;
    char text[ZSEQ_STORE_TEXT_MAX];
    int rc = zseq_store_verify (fixture_node (), &callbacks, &verified, text);
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

Test (store_verify, verifies_what_is_intact_or_was_cut_short)
{
    fixture_node_with (fixture_three, 3);
    s_assert_verified (0, 0, 3);
    fixture_put (fixture_file (".tmp-1-1"), "x", 1);
    s_assert_verified (0, 1, 3);
    size_t size;
    uint8_t *bytes = fixture_read (fixture_file ("names"), &size);
    fixture_put (fixture_file ("names-copy"), bytes, size - 1);
    s_assert_verified (0, 1, 3);
    fixture_put (fixture_file ("names-copy"), bytes, size - FIXTURE_LAST_SIZE);
    fixture_put (fixture_file ("names"), bytes, size - 1);
    //  The record also lacks its entry.
    s_assert_verified (0, 2, 3);
    fixture_age ();
    s_assert_verified (0, 0, 3);
    free (bytes);
}

Test (store_verify, verifies_every_kind_of_damage)
{
    for (int kind = 0; kind < 8; kind++) {
        fixture_node_with (fixture_three, 3);
        size_t names = 3;
        if (kind == 0)
            fixture_corrupt (fixture_file ("names"));
        else if (kind == 1)
            unlink (fixture_file ("names-copy"));
        else if (kind == 2)
            fixture_corrupt (fixture_file ("node"));
        else if (kind == 3)
            unlink (fixture_file ("node"));
        else if (kind == 4)
            fixture_put (fixture_file ("seq/odd"), "x", 1);
        else if (kind == 5)
            mkdir (fixture_file ("seq/zz"), 0700);
        else
            names = 2;
        if (kind == 6)
            fixture_corrupt (fixture_find ("one"));
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
    zseq_store_load_callbacks_t callbacks = {.name = s_verify_name,
                                             .arg = &names};
    zseq_store_verified_t verified;
    return zseq_store_verify (fixture_node (), &callbacks, &verified, text);
}

Test (store_verify, verifies_nothing_that_is_in_use_or_is_not_a_nodes)
{
    char text[ZSEQ_STORE_TEXT_MAX];
    cr_assert_eq (s_verify (text), ZSEQ_EAGAIN);
    mkdir (fixture_node (), 0700);
    cr_assert_eq (s_verify (text), ZSEQ_EAGAIN);
    cr_assert (strstr (text, "it has none of a node's files"), "%s", text);
    cr_assert_eq (fixture_count (fixture_node (), ""), 0);
    rmdir (fixture_node ());
    fixture_node_with (fixture_three, 3);
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
