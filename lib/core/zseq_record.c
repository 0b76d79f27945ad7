#include "zseq_record.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static int
s_compare_members (const void *a, const void *b)
{
    return strcmp (((const zseq_member_t *) a)->name,
                   ((const zseq_member_t *) b)->name);
}

int
zseq_record_init (zseq_record_t *self, const char *cluster, const char *name,
                  const zseq_member_t *members, size_t n, uint64_t random)
{
    assert (self);
    assert (cluster);
    assert (name);
    assert (members);

    if (n < 1 || n > ZSEQ_NODES_MAX || !zseq_label_valid (cluster) ||
        !zseq_label_valid (name))
        return ZSEQ_EINVAL;

    zseq_record_t record;
    memset (&record, 0, sizeof record);
    memcpy (record.cluster, cluster, strlen (cluster));
    record.n = (uint8_t) n;
    memcpy (record.member, members, n * sizeof *members);
    qsort (record.member, n, sizeof *members, s_compare_members);

    record.self = (uint8_t) n;
    for (uint8_t index = 0; index < n; index++) {
        const zseq_member_t *member = &record.member[index];
        if (!zseq_label_valid (member->name) || !member->endpoint[0])
            return ZSEQ_EINVAL;
        for (uint8_t before = 0; before < index; before++)
            if (!strcmp (record.member[before].name, member->name) ||
                !strcmp (record.member[before].endpoint, member->endpoint))
                return ZSEQ_EDUPLICATE;
        if (!strcmp (member->name, name))
            record.self = index;
    }
    if (record.self == n)
        return ZSEQ_EINVAL;

    record.vector.n = (uint8_t) n;
    record.vector.life[record.self].counter = 1;
    record.vector.life[record.self].random = random;
    record.floor = 1;
    record.floor_reserved = 1;
    *self = record;
    return ZSEQ_OK;
}

void
zseq_record_reset (zseq_record_t *self, uint64_t identity)
{
    assert (self);

    self->identity = identity;
    self->voting = false;
    self->vector.life[self->self] = (zseq_incarnation_t){0, 0};
}

bool
zseq_record_incomplete (const zseq_record_t *self)
{
    assert (self);
    return !self->voting &&
           (self->identity || self->vector.life[self->self].counter != 1);
}

uint64_t
zseq_record_identity (const zseq_record_t *self)
{
    assert (self);
    assert (zseq_vector_complete (&self->vector));

    //  The hash is of bytes in a fixed order, so that every node finds the
    //  same, whatever machine it runs on.
    uint8_t bytes[(ZSEQ_LABEL_MAX + 1 + 8) * (ZSEQ_NODES_MAX + 1)];
    size_t size = strlen (self->cluster) + 1;
    memcpy (bytes, self->cluster, size);
    for (uint8_t index = 0; index < self->n; index++) {
        size_t name_size = strlen (self->member[index].name) + 1;
        memcpy (bytes + size, self->member[index].name, name_size);
        size += name_size;
        uint64_t random = self->vector.life[index].random;
        for (int shift = 0; shift < 64; shift += 8)
            bytes[size++] = (uint8_t) (random >> shift);
    }
    assert (size <= sizeof bytes);

    uint64_t identity = XXH3_64bits (bytes, size);
    return identity ? identity : 1;
}
