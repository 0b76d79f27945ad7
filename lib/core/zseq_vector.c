#include "zseq_vector.h"

#include <assert.h>

int
zseq_incarnation_compare (const zseq_incarnation_t *a,
                          const zseq_incarnation_t *b)
{
    assert (a);
    assert (b);

    if (a->counter != b->counter)
        return a->counter < b->counter ? -1 : 1;
    if (a->random != b->random)
        return a->random < b->random ? -1 : 1;
    return 0;
}

bool
zseq_start_equal (const zseq_start_t *a, const zseq_start_t *b)
{
    assert (a);
    assert (b);
    return a->counter == b->counter && a->random == b->random;
}

bool
zseq_start_merge (zseq_start_t *self, const zseq_start_t *other)
{
    assert (self);
    assert (other);
    if (self->counter > other->counter || zseq_start_equal (self, other))
        return false;
    if (self->counter < other->counter)
        *self = *other;
    else if (self->random)
        self->random = 0;
    else
        return false;
    return true;
}

//  Raises one entry. Returns whether it changed.
static bool
s_merge_entry (zseq_vector_t *self, const zseq_vector_t *other, uint8_t index)
{
    int order = zseq_incarnation_compare (&self->incarnation[index],
                                          &other->incarnation[index]);
    if (order == 0)
        return zseq_start_merge (&self->start[index], &other->start[index]);
    if (order > 0)
        return false;
    self->incarnation[index] = other->incarnation[index];
    self->start[index] = other->start[index];
    return true;
}

bool
zseq_vector_merge (zseq_vector_t *self, const zseq_vector_t *other)
{
    assert (self);
    assert (other);
    assert (self->n == other->n);

    bool changed = false;
    for (uint8_t index = 0; index < self->n; index++)
        changed |= s_merge_entry (self, other, index);
    return changed;
}

bool
zseq_vector_equal (const zseq_vector_t *self, const zseq_vector_t *other)
{
    assert (self);
    assert (other);

    if (self->n != other->n)
        return false;
    for (uint8_t index = 0; index < self->n; index++)
        if (zseq_incarnation_compare (&self->incarnation[index],
                                      &other->incarnation[index]))
            return false;
    return true;
}

bool
zseq_vector_complete (const zseq_vector_t *self)
{
    assert (self);

    for (uint8_t index = 0; index < self->n; index++)
        if (self->incarnation[index].counter == 0)
            return false;
    return true;
}
