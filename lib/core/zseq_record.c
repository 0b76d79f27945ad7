#include "zseq_record.h"

#include <assert.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

int
zseq_record_init (zseq_record_t *self, const char *cluster, const char *name,
                  const zseq_members_t *members, uint64_t random)
{
    assert (self);
    assert (cluster);
    assert (name);
    assert (members);

    uint8_t index = zseq_members_find (members, name);
    if (!zseq_label_valid (cluster) || index == members->n)
        return ZSEQ_EINVAL;

    memset (self, 0, sizeof *self);
    memcpy (self->cluster, cluster, strlen (cluster));
    self->self = index;
    self->members = *members;
    self->vector.n = members->n;
    self->vector.incarnation[index] = (zseq_incarnation_t){1, random};
    self->floor = 1;
    self->floor_reserved = 1;
    return ZSEQ_OK;
}

void
zseq_record_reset (zseq_record_t *self, uint64_t identity)
{
    assert (self);

    self->identity = identity;
    self->voting = false;
    self->vector.incarnation[self->self] = (zseq_incarnation_t){0, 0};
}

bool
zseq_record_incomplete (const zseq_record_t *self)
{
    assert (self);
    return !self->voting && (self->identity ||
                             self->vector.incarnation[self->self].counter != 1);
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
    for (uint8_t index = 0; index < self->members.n; index++) {
        size_t name_size = strlen (self->members.member[index].name) + 1;
        memcpy (bytes + size, self->members.member[index].name, name_size);
        size += name_size;
        uint64_t random = self->vector.incarnation[index].random;
        for (int shift = 0; shift < 64; shift += 8)
            bytes[size++] = (uint8_t) (random >> shift);
    }
    assert (size <= sizeof bytes);

    uint64_t identity = XXH3_64bits (bytes, size);
    return identity ? identity : 1;
}
