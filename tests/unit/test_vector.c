//  Tests incarnations and vectors of them.

#include <criterion/criterion.h>
#include <string.h>

#include "test_random.h"
#include "zseq_vector.h"

//  Draws from few values, so that equal ones meet.
static zseq_incarnation_t
s_incarnation (uint64_t *state)
{
    static const uint64_t randoms[] = {0, 1, 2, UINT64_MAX - 1, UINT64_MAX};
    zseq_incarnation_t incarnation = {test_random_below (state, 3),
                                      randoms[test_random_below (state, 5)]};
    if (test_random_below (state, 10) == 0)
        incarnation.counter = UINT64_MAX;
    return incarnation;
}

static zseq_vector_t
s_vector (uint64_t *state, uint8_t n)
{
    zseq_vector_t vector;
    memset (&vector, 0xa5, sizeof vector);
    vector.n = n;
    for (uint8_t node = 0; node < n; node++)
        vector.incarnation[node] = s_incarnation (state);
    return vector;
}

static int
s_sign (int order)
{
    return (order > 0) - (order < 0);
}

//  Compares counter and random number as one number of 128 bits.
static int
s_compare (const zseq_incarnation_t *a, const zseq_incarnation_t *b)
{
    unsigned __int128 left = (unsigned __int128) a->counter << 64 | a->random;
    unsigned __int128 right = (unsigned __int128) b->counter << 64 | b->random;
    return (left > right) - (left < right);
}

Test (vector, newer_is_by_counter_then_by_random_number)
{
    const zseq_incarnation_t old = {1, UINT64_MAX};
    const zseq_incarnation_t new = {2, 0};
    const zseq_incarnation_t newer = {2, 1};
    cr_expect (zseq_incarnation_compare (&old, &new) < 0);
    cr_expect (zseq_incarnation_compare (&new, &old) > 0);
    cr_expect (zseq_incarnation_compare (&new, &newer) < 0);
    cr_expect (zseq_incarnation_compare (&newer, &newer) == 0);

    uint64_t state = 1;
    for (int round = 0; round < 10000; round++) {
        zseq_incarnation_t a = s_incarnation (&state);
        zseq_incarnation_t b = s_incarnation (&state);
        cr_assert_eq (s_sign (zseq_incarnation_compare (&a, &b)),
                      s_compare (&a, &b));
    }
}

Test (vector, merge_takes_the_newer_of_every_entry)
{
    uint64_t state = 2;
    for (int round = 0; round < 10000; round++) {
        uint8_t n = (uint8_t) (1 + test_random_below (&state, ZSEQ_NODES_MAX));
        zseq_vector_t mine = s_vector (&state, n);
        zseq_vector_t theirs = s_vector (&state, n);
        zseq_vector_t merged = mine;
        bool changed = zseq_vector_merge (&merged, &theirs);

        bool differs = false;
        cr_assert_eq (merged.n, n);
        for (uint8_t node = 0; node < n; node++) {
            bool newer = s_compare (&theirs.incarnation[node],
                                    &mine.incarnation[node]) > 0;
            const zseq_incarnation_t *expected =
              newer ? &theirs.incarnation[node] : &mine.incarnation[node];
            cr_assert (s_compare (&merged.incarnation[node], expected) == 0);
            differs = differs || newer;
        }
        cr_assert_eq (changed, differs);
        cr_assert_eq (changed, !zseq_vector_equal (&mine, &merged));

        //  Merging again changes nothing, and the order does not matter.
        cr_assert (!zseq_vector_merge (&merged, &theirs));
        cr_assert (!zseq_vector_merge (&merged, &mine));
        zseq_vector_merge (&theirs, &mine);
        cr_assert (zseq_vector_equal (&theirs, &merged));
    }
}

Test (vector, a_newer_incarnation_brings_its_start_along)
{
    zseq_vector_t mine = {.n = 1, .incarnation = {{1, 5}}, .start = {{7, 70}}};
    zseq_vector_t theirs = {
      .n = 1, .incarnation = {{2, 1}}, .start = {{3, 30}}};
    cr_assert (zseq_vector_merge (&mine, &theirs));
    cr_expect_eq (mine.incarnation[0].counter, 2);
    cr_expect_eq (mine.start[0].counter, 3);
    cr_expect_eq (mine.start[0].random, 30);

    //  The start in an older incarnation does not matter.
    zseq_vector_t old = {.n = 1, .incarnation = {{1, 5}}, .start = {{9, 90}}};
    cr_expect (!zseq_vector_merge (&mine, &old));
    cr_expect_eq (mine.start[0].counter, 3);
}

Test (vector, of_two_starts_in_one_incarnation_the_higher_counter_is_newer)
{
    zseq_vector_t mine = {.n = 1, .incarnation = {{1, 5}}, .start = {{7, 70}}};
    zseq_vector_t later = {.n = 1, .incarnation = {{1, 5}}, .start = {{8, 1}}};
    cr_assert (zseq_vector_merge (&mine, &later));
    cr_expect (zseq_start_equal (&mine.start[0], &later.start[0]));
    cr_expect (zseq_vector_equal (&mine, &later));
    //  Two starts with one counter are of two copies: neither counts any more.
    zseq_vector_t other = {.n = 1, .incarnation = {{1, 5}}, .start = {{8, 99}}};
    cr_expect (zseq_vector_merge (&mine, &other));
    cr_expect_eq (mine.start[0].counter, 8);
    cr_expect_eq (mine.start[0].random, 0);
    cr_expect (!zseq_vector_merge (&mine, &other));
    cr_expect (!zseq_vector_merge (&mine, &later));
    cr_expect (zseq_vector_merge (&other, &mine));
    cr_expect_eq (other.start[0].random, 0);
}

Test (vector, equal_means_every_entry_and_the_same_n)
{
    uint64_t state = 3;
    for (uint8_t n = 1; n <= ZSEQ_NODES_MAX; n++) {
        zseq_vector_t a = s_vector (&state, n);
        zseq_vector_t b = a;
        cr_expect (zseq_vector_equal (&a, &b));
        for (uint8_t node = 0; node < n; node++) {
            b = a;
            b.incarnation[node].counter ^= 1;
            cr_expect (!zseq_vector_equal (&a, &b));
            b = a;
            b.incarnation[node].random ^= (uint64_t) 1 << 63;
            cr_expect (!zseq_vector_equal (&a, &b));
        }
        //  Entries from n on do not matter.
        b = a;
        for (uint8_t node = n; node < ZSEQ_NODES_MAX; node++)
            b.incarnation[node] = (zseq_incarnation_t){77, node};
        cr_expect (zseq_vector_equal (&a, &b));
        b.n = (uint8_t) (n - 1);
        cr_expect (!zseq_vector_equal (&a, &b));
        cr_expect (!zseq_vector_equal (&b, &a));
    }
}

Test (vector, complete_once_every_counter_is_known)
{
    for (uint8_t n = 1; n <= ZSEQ_NODES_MAX; n++) {
        zseq_vector_t vector;
        memset (&vector, 0, sizeof vector);
        vector.n = n;
        for (uint8_t node = 0; node < n; node++) {
            cr_expect (!zseq_vector_complete (&vector));
            vector.incarnation[node].counter = 1;
        }
        cr_expect (zseq_vector_complete (&vector));
        for (uint8_t node = 0; node < n; node++) {
            zseq_vector_t hole = vector;
            hole.incarnation[node] = (zseq_incarnation_t){0, 77};
            cr_expect (!zseq_vector_complete (&hole));
        }
    }
}
