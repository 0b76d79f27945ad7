#include "zseq_kvstore_ledger.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void
zseq_kvstore_ledger_init (zseq_kvstore_ledger_t *self)
{
    memset (self, 0, sizeof *self);
    self->base.oldest = 1;
}

void
zseq_kvstore_ledger_term (zseq_kvstore_ledger_t *self)
{
    free (self->segment);
    zseq_kvstore_ledger_init (self);
}

bool
zseq_kvstore_ledger_reserve (zseq_kvstore_ledger_t *self)
{
    if (self->count < self->capacity)
        return true;
    size_t capacity = self->capacity ? 2 * self->capacity : 8;
    void *segment =
      reallocarray (self->segment, capacity, sizeof *self->segment);
    if (!segment)
        return false;
    self->segment = segment;
    self->capacity = capacity;
    return true;
}

void
zseq_kvstore_ledger_add (zseq_kvstore_ledger_t *self, uint64_t number)
{
    assert (self->count < self->capacity);
    assert (self->count == 0 ||
            self->segment[self->count - 1].number + 1 == number);
    self->segment[self->count++] =
      (zseq_kvstore_segment_use_t){.number = number};
}

void
zseq_kvstore_ledger_end_load (zseq_kvstore_ledger_t *self, uint64_t position)
{
    for (size_t i = 0; i < self->count; i++)
        for (size_t shard = 0; shard < ZSEQ_SHARDS; shard++)
            if (self->segment[i].last[shard] > position) {
                self->segment[i].last[shard] = position;
                //  A snapshot as of that position may be older than the
                //  beginning of the group that comes next, which memory has.
                self->bad[shard] |= self->base.snapshot[shard] == position;
            }
}

void
zseq_kvstore_ledger_grow (zseq_kvstore_ledger_t *self, uint64_t size)
{
    assert (self->count > 0);
    self->segment[self->count - 1].size = size;
}

void
zseq_kvstore_ledger_note (zseq_kvstore_ledger_t *self, uint8_t shard,
                          uint64_t position, size_t size)
{
    assert (self->count > 0);
    assert (shard < ZSEQ_SHARDS);
    self->segment[self->count - 1].last[shard] = position;
    self->journal[shard] += size;
}

void
zseq_kvstore_ledger_snapshot (zseq_kvstore_ledger_t *self, uint8_t shard,
                              uint64_t position, uint64_t size, uint64_t sum,
                              uint64_t since)
{
    assert (shard < ZSEQ_SHARDS);
    assert (position >= self->base.snapshot[shard]);
    self->base.snapshot[shard] = position;
    self->base_due = true;
    self->snapshot[shard] = size;
    self->sum[shard] = sum;
    self->bad[shard] = false;
    self->journal[shard] = since;
}

void
zseq_kvstore_ledger_lose_snapshot (zseq_kvstore_ledger_t *self, uint8_t shard)
{
    assert (shard < ZSEQ_SHARDS);
    self->bad[shard] = true;
}

void
zseq_kvstore_ledger_lose_segment (zseq_kvstore_ledger_t *self, uint64_t number)
{
    if (self->bad_to < number)
        self->bad_to = number;
}

bool
zseq_kvstore_ledger_is_damaged (const zseq_kvstore_ledger_t *self)
{
    for (uint8_t i = 0; i < ZSEQ_SHARDS; i++)
        if (self->bad[i])
            return true;
    return self->bad_to >= self->segment[0].number;
}

bool
zseq_kvstore_ledger_is_stuck (const zseq_kvstore_ledger_t *self)
{
    return self->bad_to > 0 &&
           self->bad_to >= self->segment[self->count - 1].number;
}

//  Whether the segment has entries of the shard that its snapshot lacks.
static bool
s_needs (const zseq_kvstore_ledger_t *self,
         const zseq_kvstore_segment_use_t *segment, uint8_t shard)
{
    return segment->last[shard] > self->base.snapshot[shard];
}

//  Whether the journal is to become smaller.
static bool
s_is_large (const zseq_kvstore_ledger_t *self, uint64_t at_least)
{
    uint64_t journal = 0;
    uint64_t snapshots = 0;
    for (size_t i = 0; i < self->count; i++)
        journal += self->segment[i].size;
    for (size_t i = 0; i < ZSEQ_SHARDS; i++)
        snapshots += self->snapshot[i];
    return journal > at_least && journal > snapshots;
}

uint8_t
zseq_kvstore_ledger_due (const zseq_kvstore_ledger_t *self, uint64_t at_least)
{
    for (uint8_t i = 0; i < ZSEQ_SHARDS; i++)
        if (self->bad[i])
            return i;
    if (self->count < 2 || (self->bad_to < self->segment[0].number &&
                            !s_is_large (self, at_least)))
        return ZSEQ_SHARDS;
    uint8_t due = ZSEQ_SHARDS;
    int64_t most = INT64_MIN;
    for (uint8_t i = 0; i < ZSEQ_SHARDS; i++) {
        int64_t weight =
          (int64_t) self->journal[i] - (int64_t) self->snapshot[i];
        if (s_needs (self, &self->segment[0], i) && weight > most) {
            due = i;
            most = weight;
        }
    }
    return due;
}

bool
zseq_kvstore_ledger_is_spent (const zseq_kvstore_ledger_t *self)
{
    if (self->count < 2)
        return false;
    for (uint8_t i = 0; i < ZSEQ_SHARDS; i++)
        if (self->bad[i] || s_needs (self, &self->segment[0], i))
            return false;
    return true;
}

void
zseq_kvstore_ledger_hear (zseq_kvstore_ledger_t *self, uint8_t node,
                          const zseq_journal_end_t *end)
{
    assert (node < ZSEQ_NODES_MAX);
    if (zseq_journal_end_raise (&self->heard[node], end))
        self->heard_due = true;
}

void
zseq_kvstore_ledger_remove (zseq_kvstore_ledger_t *self)
{
    assert (self->count >= 2);
    self->count--;
    memmove (&self->segment[0], &self->segment[1],
             self->count * sizeof *self->segment);
    self->base.oldest = self->segment[0].number;
    self->base_due = true;
}
