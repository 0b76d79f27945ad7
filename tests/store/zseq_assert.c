#include "zseq_assert.h"

#include <criterion/criterion.h>
#include <string.h>

#include "zseq_faults.h"

void
assert_refused (int expected, const char *text)
{
    int rc = fixture_check (NULL);
    cr_assert_eq (rc, expected, "%d instead, %s", rc, fixture_text ());
    cr_assert (strstr (fixture_text (), text), "\"%s\" lacks \"%s\"",
               fixture_text (), text);
}

void
assert_text (const zseq_store_t *store, const char *text)
{
    cr_assert (strstr (zseq_store_text (store), text), "\"%s\" lacks \"%s\"",
               zseq_store_text (store), text);
}

void
assert_damaged (size_t damaged, fixture_names_t *names)
{
    uint64_t sum = fixture_sum (fixture_node ());
    cr_assert_eq (fixture_check (NULL), ZSEQ_EDAMAGED);
    cr_assert_eq (fixture_check (names), ZSEQ_EDAMAGED);
    cr_assert_eq (names->damaged, damaged, "%zu: %s", names->damaged,
                  fixture_text ());
    cr_assert_eq (names->reported, damaged);
    cr_assert_eq (fixture_sum (fixture_node ()), sum);
}

void
assert_repaired (const char *name, size_t others)
{
    zseq_store_t *store;
    cr_assert_eq (fixture_repair (&store), ZSEQ_OK);
    cr_assert_eq (fixture_write (store, name, 77, false), ZSEQ_OK);
    zseq_store_destroy (&store);
    fixture_names_t names;
    cr_assert_eq (fixture_check (&names), ZSEQ_OK, "%s", fixture_text ());
    cr_assert_eq (names.count, others + 1);
    cr_assert_eq (fixture_durable_to (&names, name), 77);
    cr_assert_eq (names.identity, FIXTURE_IDENTITY);
    cr_assert (!names.record.voting);
    cr_assert_eq (names.record.vector.incarnation[1].counter, 2);
    fixture_forget (&names);
}

void
assert_lines (size_t *index_p, const char *const *lines, size_t count)
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
