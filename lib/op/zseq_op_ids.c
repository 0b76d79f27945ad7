#include "zseq_op_ids.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 64

void
zseq_op_ids_term (zseq_op_ids_t *self)
{
    assert (self);

    free (self->entries);
    memset (self, 0, sizeof *self);
}

void
zseq_op_ids_begin (zseq_op_ids_t *self, uint64_t from, uint64_t now_us)
{
    assert (self);

    zseq_op_ids_term (self);
    self->from = from;
    self->turned_us = now_us;
}

static bool
s_grow (zseq_op_ids_t *self)
{
    size_t capacity = self->capacity ? 2 * self->capacity : CAPACITY_MIN;
    zseq_dedup_t *entries = realloc (self->entries, capacity * sizeof *entries);
    if (!entries)
        return false;
    self->entries = entries;
    self->capacity = capacity;
    return true;
}

//  Forgets the first count.
static void
s_drop (zseq_op_ids_t *self, size_t count)
{
    if (count == 0)
        return;
    self->from = self->entries[count - 1].version;
    self->count -= count;
    self->old -= count < self->old ? count : self->old;
    memmove (self->entries, self->entries + count,
             self->count * sizeof *self->entries);
}

void
zseq_op_ids_add (zseq_op_ids_t *self, const zseq_dedup_t *entry)
{
    assert (self);
    assert (entry);

    if (self->count == self->capacity && !s_grow (self)) {
        //  Without memory, only the record remembers.
        self->count = self->old = 0;
        self->from = entry->version;
        self->forgot = true;
        return;
    }
    self->entries[self->count++] = *entry;
}

void
zseq_op_ids_cut (zseq_op_ids_t *self, size_t count)
{
    assert (self);

    if (self->forgot)
        count = 0;
    if (count < self->count)
        self->count = count;
    if (self->old > self->count)
        self->old = self->count;
}

uint64_t
zseq_op_ids_find (const zseq_op_ids_t *self, uint64_t op, uint64_t since)
{
    assert (self);

    //  K10: an op that was applied has a version above its since.
    for (size_t index = self->count;
         index > 0 && self->entries[index - 1].version > since; index--)
        if (self->entries[index - 1].op == op)
            return self->entries[index - 1].version;
    return 0;
}

void
zseq_op_ids_forget (zseq_op_ids_t *self, uint64_t now_us)
{
    assert (self);

    self->forgot = false;
    if (self->count > ZSEQ_OP_IDS_MAX)
        s_drop (self, self->count - ZSEQ_OP_IDS_MAX / 2);
    if (now_us - self->turned_us < ZSEQ_OP_IDS_US)
        return;
    s_drop (self, self->old);
    self->old = self->count;
    self->turned_us = now_us;
}

size_t
zseq_op_ids_size (const zseq_op_ids_t *self)
{
    assert (self);
    return self->capacity * sizeof *self->entries;
}
