#include "zseq_op_ids.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

//  A power of two.
#define CAPACITY_MIN 64

void
zseq_op_ids_term (zseq_op_ids_t *self)
{
    assert (self);

    free (self->entries);
    free (self->index);
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

static size_t
s_index_size (const zseq_op_ids_t *self)
{
    return 2 * self->capacity;
}

//  Where the index has an op id, or would have it. A client's op ids follow
//  each other. Whoever chooses them so that they collide makes the search as
//  long as one without an index. Source: multiplicative hashing, Knuth, "The
//  Art of Computer Programming", volume 3, section 6.4.
static uint32_t *
s_slot (const zseq_op_ids_t *self, uint64_t op)
{
    size_t mask = s_index_size (self) - 1;
    size_t slot = (size_t) (op * 0x9e3779b97f4a7c15u >> 32) & mask;
    while (self->index[slot] && self->entries[self->index[slot] - 1].op != op)
        slot = (slot + 1) & mask;
    return &self->index[slot];
}

//  Makes the index of the entries anew.
static void
s_index_all (zseq_op_ids_t *self)
{
    if (!self->index)
        return;
    memset (self->index, 0, s_index_size (self) * sizeof *self->index);
    for (size_t at = 0; at < self->count; at++)
        *s_slot (self, self->entries[at].op) = (uint32_t) at + 1;
}

static bool
s_grow (zseq_op_ids_t *self)
{
    size_t capacity = self->capacity ? 2 * self->capacity : CAPACITY_MIN;
    zseq_dedup_t *entries = realloc (self->entries, capacity * sizeof *entries);
    if (entries)
        self->entries = entries;
    uint32_t *index = malloc (2 * capacity * sizeof *index);
    if (!entries || !index) {
        free (index);
        return false;
    }
    free (self->index);
    self->index = index;
    self->capacity = capacity;
    s_index_all (self);
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
    s_index_all (self);
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
        s_index_all (self);
        return;
    }
    *s_slot (self, entry->op) = (uint32_t) self->count + 1;
    self->entries[self->count++] = *entry;
}

void
zseq_op_ids_cut (zseq_op_ids_t *self, size_t count)
{
    assert (self);

    if (self->forgot)
        count = 0;
    if (count < self->count) {
        self->count = count;
        s_index_all (self);
    }
    if (self->old > self->count)
        self->old = self->count;
}

uint64_t
zseq_op_ids_find (const zseq_op_ids_t *self, uint64_t op, uint64_t since)
{
    assert (self);

    if (self->count == 0)
        return 0;
    uint32_t place = *s_slot (self, op);
    uint64_t version = place ? self->entries[place - 1].version : 0;
    //  K10: an op that was applied has a version above its since.
    return version > since ? version : 0;
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
    return self->capacity * sizeof *self->entries +
           s_index_size (self) * sizeof *self->index;
}
