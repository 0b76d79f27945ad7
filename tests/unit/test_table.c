//  Tests the table of names against a sorted array.
//
//  A test inserts the same names into the table and into an array (s_dumb_t),
//  and compares what find, insert and page return. s_walk does that at random,
//  from a seed that a failure prints. The random names (s_random_name) have
//  long common prefixes, because those are the hard case of the tree. Two tests
//  attack the structure itself: many names in one bucket of the hash, and a
//  tree as deep as it can become.

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test_random.h"
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "zseq_table.h"

//  The owner's struct, whose first member is the table's entry.
typedef struct {
    zseq_entry_t entry;
    uint64_t value;
    uint8_t last;
} s_owner_t;

typedef struct {
    size_t size;
    char data[ZSEQ_NAME_MAX];
    zseq_entry_t *entry;
} s_name_t;

static int
s_compare (const void *a, const void *b)
{
    const s_name_t *left = a;
    const s_name_t *right = b;
    size_t shared = left->size < right->size ? left->size : right->size;
    int order = memcmp (left->data, right->data, shared);
    return order ? order
                 : (left->size > right->size) - (left->size < right->size);
}

static s_name_t
s_name (const char *text)
{
    s_name_t name = {.size = strlen (text)};
    memcpy (name.data, text, name.size);
    return name;
}

//  The array: ascending, no name twice.
typedef struct {
    s_name_t *names;
    size_t count;
} s_dumb_t;

static s_name_t *
s_dumb_find (const s_dumb_t *self, const s_name_t *name)
{
    for (size_t index = 0; index < self->count; index++)
        if (!s_compare (&self->names[index], name))
            return &self->names[index];
    return NULL;
}

static void
s_dumb_insert (s_dumb_t *self, const s_name_t *name)
{
    self->names =
      realloc (self->names, (self->count + 1) * sizeof *self->names);
    cr_assert (self->names);
    self->names[self->count++] = *name;
    qsort (self->names, self->count, sizeof *self->names, s_compare);
}

static void
s_dumb_remove (s_dumb_t *self, s_name_t *name)
{
    size_t at = (size_t) (name - self->names);
    memmove (name, name + 1, (--self->count - at) * sizeof *name);
}

static size_t
s_dumb_page (const s_dumb_t *self, const s_name_t *prefix,
             const s_name_t *after, const s_name_t **page, size_t count)
{
    size_t found = 0;
    for (size_t index = 0; index < self->count && found < count; index++) {
        const s_name_t *name = &self->names[index];
        if (name->size < prefix->size ||
            memcmp (name->data, prefix->data, prefix->size))
            continue;
        if (after->size > 0 && s_compare (name, after) <= 0)
            continue;
        page[found++] = name;
    }
    return found;
}

//  Draws a name. Most names extend the beginning of another; bytes come from
//  all values, or from only a few.
static s_name_t
s_random_name (uint64_t *state, const s_dumb_t *dumb)
{
    s_name_t name = {.size = 0};
    if (dumb->count > 0 && test_random_below (state, 3) > 0) {
        const s_name_t *other =
          &dumb->names[test_random_below (state, dumb->count)];
        name.size = test_random_below (state, other->size + 1);
        memcpy (name.data, other->data, name.size);
    }
    uint64_t bytes = test_random_below (state, 2) ? 255 : 2;
    uint64_t longer = test_random_below (state, 16) ? 4 : ZSEQ_NAME_MAX;
    uint64_t size = name.size + test_random_below (state, longer);
    if (size < 1)
        size = 1;
    if (size > ZSEQ_NAME_MAX)
        size = ZSEQ_NAME_MAX;
    while (name.size < size)
        name.data[name.size++] = (char) (1 + test_random_below (state, bytes));
    return name;
}

static zseq_entry_t *
s_insert (zseq_table_t *table, const char *text)
{
    zseq_entry_t *entry = NULL;
    cr_assert_eq (zseq_table_insert (table, text, strlen (text), &entry),
                  ZSEQ_OK);
    return entry;
}

Test (table, is_empty_at_first)
{
    zseq_table_t *table = zseq_table_new (10, sizeof (s_owner_t));
    zseq_entry_t *entries[2];
    cr_expect_eq (zseq_table_count (table), 0);
    cr_expect_null (zseq_table_find (table, "a", 1));
    cr_expect_eq (zseq_table_page (table, "", 0, "", 0, entries, 2), 0);
    cr_expect_eq (zseq_table_page (table, "a", 1, "ab", 2, entries, 2), 0);
    cr_expect_eq (zseq_table_page (table, NULL, 0, NULL, 0, entries, 2), 0);
    zseq_table_destroy (&table);
    cr_expect_null (table);
    zseq_table_destroy (&table);
}

Test (table, makes_entries_that_are_zero_but_for_their_names)
{
    zseq_table_t *table = zseq_table_new (10, sizeof (s_owner_t));
    zseq_entry_t *entry = s_insert (table, "orders");
    s_owner_t *owner = (s_owner_t *) entry;
    cr_expect_eq (owner->value, 0);
    cr_expect_eq (owner->last, 0);
    cr_expect_eq (entry->name_size, 6);
    cr_expect_str_eq (zseq_entry_name (entry), "orders");
    owner->value = UINT64_MAX;
    owner->last = UINT8_MAX;
    cr_expect_str_eq (zseq_entry_name (entry), "orders");
    zseq_table_destroy (&table);
}

Test (table, gives_the_same_entry_for_the_same_name)
{
    zseq_table_t *table = zseq_table_new (10, sizeof (s_owner_t));
    zseq_entry_t *entry = s_insert (table, "orders");
    ((s_owner_t *) entry)->value = 77;
    s_insert (table, "order");
    s_insert (table, "orders2");
    cr_expect_eq (s_insert (table, "orders"), entry);
    cr_expect_eq (zseq_table_find (table, "orders", 6), entry);
    cr_expect_eq (((s_owner_t *) entry)->value, 77);
    cr_expect_eq (zseq_table_count (table), 3);
    zseq_table_destroy (&table);
}

Test (table, tells_a_name_from_its_beginning)
{
    zseq_table_t *table = zseq_table_new (10, sizeof (s_owner_t));
    zseq_entry_t *longer = s_insert (table, "ab");
    cr_expect_null (zseq_table_find (table, "a", 1));
    cr_expect_null (zseq_table_find (table, "abc", 3));
    zseq_entry_t *shorter = s_insert (table, "a");
    cr_expect_neq (shorter, longer);
    //  Bytes after a name's end do not belong to the name.
    cr_expect_eq (zseq_table_find (table, "ab", 1), shorter);
    cr_expect_eq (zseq_table_find (table, "abc", 2), longer);
    zseq_table_destroy (&table);
}

Test (table, takes_as_many_names_as_it_may_and_no_more)
{
    zseq_table_t *table = zseq_table_new (3, sizeof (s_owner_t));
    s_insert (table, "a");
    zseq_entry_t *b = s_insert (table, "b");
    s_insert (table, "c");
    zseq_entry_t *entry = (zseq_entry_t *) table;
    cr_expect_eq (zseq_table_insert (table, "d", 1, &entry), ZSEQ_EFULL);
    cr_expect_eq ((void *) entry, (void *) table);
    cr_expect_eq (zseq_table_count (table), 3);
    cr_expect_null (zseq_table_find (table, "d", 1));

    //  The names that the table has are still there.
    cr_expect_eq (zseq_table_insert (table, "b", 1, &entry), ZSEQ_OK);
    cr_expect_eq (entry, b);
    zseq_table_destroy (&table);

    table = zseq_table_new (1, sizeof (s_owner_t));
    s_insert (table, "a");
    cr_expect_eq (zseq_table_insert (table, "b", 1, &entry), ZSEQ_EFULL);
    zseq_table_destroy (&table);
}

Test (table, holds_every_byte_and_every_size)
{
    zseq_table_t *table = zseq_table_new (2 * 255, sizeof (s_owner_t));
    char name[ZSEQ_NAME_MAX];
    zseq_entry_t *entry;
    for (unsigned byte = 1; byte <= 255; byte++) {
        memset (name, (int) byte, 1);
        cr_assert_eq (zseq_table_insert (table, name, 1, &entry), ZSEQ_OK);
    }
    memset (name, 0xff, sizeof name);
    for (size_t size = 2; size <= ZSEQ_NAME_MAX; size++)
        cr_assert_eq (zseq_table_insert (table, name, size, &entry), ZSEQ_OK);
    cr_expect_eq (zseq_table_count (table), 255 + 254);

    zseq_entry_t *entries[600];
    cr_assert_eq (zseq_table_page (table, "", 0, "", 0, entries, 600), 509);
    for (size_t index = 0; index < 255; index++)
        cr_assert_eq ((uint8_t) zseq_entry_name (entries[index])[0], index + 1);
    for (size_t index = 255; index < 509; index++)
        cr_assert_eq (entries[index]->name_size, index - 253);
    zseq_table_destroy (&table);
}

static void
s_check_page (const zseq_table_t *table, const s_dumb_t *dumb,
              const s_name_t *prefix, const s_name_t *after, size_t count,
              uint64_t seed)
{
    static zseq_entry_t *entries[1000];
    static const s_name_t *expected[1000];
    cr_assert (count <= 1000);
    size_t found = zseq_table_page (table, prefix->data, prefix->size,
                                    after->data, after->size, entries, count);
    size_t wanted = s_dumb_page (dumb, prefix, after, expected, count);
    cr_assert_eq (found, wanted, "seed %" PRIu64 ": %zu, not %zu", seed, found,
                  wanted);
    for (size_t index = 0; index < found; index++)
        cr_assert_eq (entries[index], expected[index]->entry,
                      "seed %" PRIu64 " at %zu", seed, index);
}

static void
s_walk (uint64_t seed, size_t steps)
{
    uint64_t state = seed;
    zseq_table_t *table = zseq_table_new (steps, sizeof (s_owner_t));
    s_dumb_t dumb = {0};
    static const s_name_t none;
    for (size_t step = 0; step < steps; step++) {
        s_name_t name = s_random_name (&state, &dumb);
        s_name_t *known = s_dumb_find (&dumb, &name);
        zseq_entry_t *entry = zseq_table_find (table, name.data, name.size);
        cr_assert_eq (entry, known ? known->entry : NULL,
                      "seed %" PRIu64 " step %zu", seed, step);
        if (test_random_below (&state, 3) > 0) {
            cr_assert_eq (
              zseq_table_insert (table, name.data, name.size, &name.entry),
              ZSEQ_OK);
            cr_assert (!known || known->entry == name.entry);
            if (!known)
                s_dumb_insert (&dumb, &name);
        }
        else if (known && test_random_below (&state, 2)) {
            zseq_table_remove (table, entry);
            s_dumb_remove (&dumb, known);
        }
        cr_assert_eq (zseq_table_count (table), dumb.count);

        //  A prefix and an after that are names, or nearly names, or unrelated.
        s_name_t prefix = s_random_name (&state, &dumb);
        s_name_t after = s_random_name (&state, &dumb);
        size_t count = (size_t) test_random_below (&state, 20);
        if (test_random_below (&state, 2))
            prefix.size = test_random_below (&state, 4) % (prefix.size + 1);
        s_check_page (table, &dumb, &prefix, &after, count, seed);
        s_check_page (table, &dumb, &prefix, &none, count, seed);
        s_check_page (table, &dumb, &none, &after, count, seed);
        s_check_page (table, &dumb, &name, &name, count, seed);
    }
    s_check_page (table, &dumb, &none, &none, 1000, seed);
    for (size_t index = 0; index < dumb.count; index++) {
        const s_name_t *name = &dumb.names[index];
        cr_assert_eq (name->entry->name_size, name->size);
        cr_assert (
          !memcmp (zseq_entry_name (name->entry), name->data, name->size));
        cr_assert_eq (zseq_entry_name (name->entry)[name->size], 0);
    }
    zseq_table_destroy (&table);
    free (dumb.names);
}

Test (table, does_what_a_sorted_array_does)
{
    for (uint64_t seed = 1; seed <= 100; seed++)
        s_walk (seed, 60);
    for (uint64_t seed = 101; seed <= 104; seed++)
        s_walk (seed, 500);
}

//  Lists all names page by page, as a client does.
Test (table, pages_make_up_the_whole)
{
    uint64_t state = 1;
    zseq_table_t *table = zseq_table_new (1000, sizeof (s_owner_t));
    s_dumb_t dumb = {0};
    while (dumb.count < 300) {
        s_name_t name = s_random_name (&state, &dumb);
        if (s_dumb_find (&dumb, &name))
            continue;
        cr_assert_eq (
          zseq_table_insert (table, name.data, name.size, &name.entry),
          ZSEQ_OK);
        s_dumb_insert (&dumb, &name);
    }
    for (size_t count = 1; count <= 300; count += 13) {
        zseq_entry_t *entries[301];
        const char *after = "";
        size_t after_size = 0;
        size_t seen = 0;
        for (;;) {
            size_t found =
              zseq_table_page (table, "", 0, after, after_size, entries, count);
            if (found == 0)
                break;
            for (size_t index = 0; index < found; index++)
                cr_assert_eq (entries[index], dumb.names[seen++].entry);
            after = zseq_entry_name (entries[found - 1]);
            after_size = entries[found - 1]->name_size;
        }
        cr_assert_eq (seen, 300);
    }
    zseq_table_destroy (&table);
    free (dumb.names);
}

//  The lowest bits of these names' hashes are the same, so they share a bucket,
//  however many buckets there are.
Test (table, finds_names_in_a_bucket_that_was_flooded)
{
    enum { FLOOD = 40, BITS = 12 };
    char names[FLOOD][16];
    size_t count = 0;
    for (unsigned number = 0; count < FLOOD; number++) {
        char name[16];
        snprintf (name, sizeof name, "flood-%u", number);
        if (XXH3_64bits (name, strlen (name)) % (1u << BITS) == 5)
            strcpy (names[count++], name);
    }
    zseq_table_t *table = zseq_table_new (FLOOD, sizeof (s_owner_t));
    zseq_entry_t *entries[FLOOD];
    for (size_t at = 0; at + 1 < FLOOD; at++)
        cr_assert_eq (zseq_table_insert (table, names[at], strlen (names[at]),
                                         &entries[at]),
                      ZSEQ_OK);
    for (size_t at = 0; at + 1 < FLOOD; at++) {
        cr_assert_eq (zseq_table_find (table, names[at], strlen (names[at])),
                      entries[at]);
        zseq_entry_t *entry = NULL;
        cr_assert_eq (
          zseq_table_insert (table, names[at], strlen (names[at]), &entry),
          ZSEQ_OK);
        cr_assert_eq (entry, entries[at]);
    }
    cr_assert_null (
      zseq_table_find (table, names[FLOOD - 1], strlen (names[FLOOD - 1])));
    cr_assert_eq (zseq_table_count (table), FLOOD - 1);
    zseq_table_destroy (&table);
}

Test (table, finds_all_of_many_and_nothing_else)
{
    enum { MANY = 20000 };
    zseq_table_t *table = zseq_table_new (MANY, sizeof (s_owner_t));
    for (unsigned number = 0; number < MANY; number++) {
        char name[16];
        snprintf (name, sizeof name, "%u", number);
        zseq_entry_t *entry;
        cr_assert_eq (zseq_table_insert (table, name, strlen (name), &entry),
                      ZSEQ_OK);
        if (number % 1000 == 0 || number < 300)
            for (unsigned before = 0; before <= number; before++) {
                snprintf (name, sizeof name, "%u", before);
                zseq_entry_t *found =
                  zseq_table_find (table, name, strlen (name));
                cr_assert (found && !strcmp (zseq_entry_name (found), name),
                           "%s of %u", name, number);
            }
        snprintf (name, sizeof name, "%u", number + 1);
        cr_assert_null (zseq_table_find (table, name, strlen (name)));
    }
    zseq_table_destroy (&table);
}

Test (table, finds_names_by_prefix_only_from_its_first_byte_on)
{
    zseq_table_t *table = zseq_table_new (10, sizeof (s_owner_t));
    static const char *names[] = {"a", "ab", "abc", "abd", "ac", "b", "\xff"};
    for (size_t index = 0; index < 7; index++)
        s_insert (table, names[index]);
    zseq_entry_t *entries[10];
    s_name_t prefix = s_name ("ab");
    cr_expect_eq (zseq_table_page (table, "ab", 2, "", 0, entries, 10), 3);
    cr_expect_str_eq (zseq_entry_name (entries[0]), "ab");
    cr_expect_str_eq (zseq_entry_name (entries[2]), "abd");

    //  An after before, inside and behind the names with the prefix.
    cr_expect_eq (zseq_table_page (table, prefix.data, 2, "a", 1, entries, 10),
                  3);
    cr_expect_eq (zseq_table_page (table, prefix.data, 2, "ab", 2, entries, 10),
                  2);
    cr_expect_eq (
      zseq_table_page (table, prefix.data, 2, "abcx", 4, entries, 10), 1);
    cr_expect_eq (zseq_table_page (table, prefix.data, 2, "ac", 2, entries, 10),
                  0);
    cr_expect_eq (zseq_table_page (table, prefix.data, 2, "A", 1, entries, 10),
                  3);
    cr_expect_eq (zseq_table_page (table, "abx", 3, "", 0, entries, 10), 0);
    cr_expect_eq (zseq_table_page (table, "\xff", 1, "", 0, entries, 10), 1);
    cr_expect_eq (zseq_table_page (table, "", 0, "\xff", 1, entries, 10), 0);
    zseq_table_destroy (&table);
}

//  Each name is the beginning of the next, so the tree is as deep as it can be.
//  That must not cost stack.
Test (table, destroys_a_deep_tree)
{
    zseq_table_t *table = zseq_table_new (100000, sizeof (s_owner_t));
    char name[ZSEQ_NAME_MAX];
    zseq_entry_t *entry;
    for (size_t size = 1; size <= ZSEQ_NAME_MAX; size++)
        for (unsigned bit = 0; bit < 8; bit++) {
            memset (name, 0x01, sizeof name);
            name[size - 1] = (char) (1u << bit);
            cr_assert_eq (zseq_table_insert (table, name, size, &entry),
                          ZSEQ_OK);
        }
    cr_expect_eq (zseq_table_count (table), 8 * ZSEQ_NAME_MAX);
    zseq_table_destroy (&table);
    cr_expect_null (table);
}
