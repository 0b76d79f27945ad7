//  Op ids that a proposer remembers, against a list that is searched from end
//  to end.

#include <criterion/criterion.h>
#include <string.h>

#include "test_random.h"
#include "zseq_op_ids.h"

#define ENTRIES_MAX 100000
#define STEPS 1000
#define OPS 40000  //  Some come twice

typedef struct {
    zseq_op_ids_t ids;
    zseq_dedup_t entry[ENTRIES_MAX];  //  All that was added and not cut
    size_t count;
    uint64_t version;  //  The last
    uint64_t now_us;
} s_list_t;

static void
s_add (s_list_t *self, uint64_t op)
{
    self->version += 3;
    zseq_dedup_t entry = {.op = op, .version = self->version};
    cr_assert_lt (self->count, (size_t) ENTRIES_MAX);
    self->entry[self->count++] = entry;
    zseq_op_ids_add (&self->ids, &entry);
}

//  Checks that an op is found if its version is above since, and above what may
//  be forgotten.
static void
s_check (const s_list_t *self, uint64_t op, uint64_t since)
{
    uint64_t expected = 0;
    for (size_t index = 0; index < self->count; index++)
        if (self->entry[index].op == op && self->entry[index].version > since &&
            self->entry[index].version > self->ids.from)
            expected = self->entry[index].version;
    cr_assert_eq (zseq_op_ids_find (&self->ids, op, since), expected);
}

Test (op_ids, find_what_a_search_from_end_to_end_finds)
{
    static s_list_t list;
    s_list_t *self = &list;
    uint64_t random = 400001;
    memset (self, 0, sizeof *self);
    self->version = 100;
    zseq_op_ids_begin (&self->ids, self->version, 0);
    for (size_t step = 0; step < STEPS; step++) {
        size_t remembered = self->ids.count;
        size_t whole = self->count;
        for (uint64_t left = test_random_below (&random, 60); left > 0; left--)
            s_add (self, test_random_below (&random, OPS));
        if (test_random_below (&random, 4) == 0) {
            zseq_op_ids_cut (&self->ids, remembered);
            self->count = whole;
        }
        for (int times = 0; times < 10; times++)
            s_check (self, test_random_below (&random, OPS),
                     self->version - test_random_below (&random, 3000));
        self->now_us += test_random_below (&random, 20000);
        zseq_op_ids_forget (&self->ids, self->now_us);
    }
    zseq_op_ids_term (&self->ids);
}

Test (op_ids, remember_as_many_as_may_be_and_the_newest)
{
    static s_list_t list;
    s_list_t *self = &list;
    memset (self, 0, sizeof *self);
    zseq_op_ids_begin (&self->ids, 0, 0);
    for (uint64_t op = 1; op <= ZSEQ_OP_IDS_MAX + 1; op++)
        s_add (self, op << 32);
    zseq_op_ids_forget (&self->ids, 1);
    cr_assert_eq (self->ids.count, (size_t) ZSEQ_OP_IDS_MAX / 2);
    cr_assert_eq (self->ids.from, 3 * (ZSEQ_OP_IDS_MAX / 2 + 1));
    for (uint64_t op = 1; op <= ZSEQ_OP_IDS_MAX + 1; op++)
        cr_assert_eq (zseq_op_ids_find (&self->ids, op << 32, 0) != 0,
                      3 * op > self->ids.from);
    zseq_op_ids_term (&self->ids);
}

//  An op is found with the last version that it has made.
Test (op_ids, are_those_of_the_newest_entries)
{
    static s_list_t list;
    s_list_t *self = &list;
    memset (self, 0, sizeof *self);
    zseq_op_ids_begin (&self->ids, 0, 0);
    cr_assert_eq (zseq_op_ids_find (&self->ids, 7, 0), 0);
    s_add (self, 7);
    s_add (self, 8);
    s_add (self, 7);
    cr_assert_eq (zseq_op_ids_find (&self->ids, 7, 0), 9);
    cr_assert_eq (zseq_op_ids_find (&self->ids, 7, 9), 0);
    zseq_op_ids_cut (&self->ids, 2);
    cr_assert_eq (zseq_op_ids_find (&self->ids, 7, 0), 3);
    cr_assert_eq (zseq_op_ids_find (&self->ids, 8, 0), 6);
    zseq_op_ids_term (&self->ids);
}
