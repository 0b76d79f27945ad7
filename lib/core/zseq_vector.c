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
zseq_vector_merge (zseq_vector_t *self, const zseq_vector_t *other)
{
    assert (self);
    assert (other);
    assert (self->n == other->n);

    bool changed = false;
    for (uint8_t index = 0; index < self->n; index++) {
        zseq_incarnation_t *mine = &self->life[index];
        const zseq_incarnation_t *theirs = &other->life[index];
        if (zseq_incarnation_compare (mine, theirs) < 0) {
            *mine = *theirs;
            changed = true;
        }
    }
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
        if (zseq_incarnation_compare (&self->life[index], &other->life[index]))
            return false;
    return true;
}

bool
zseq_vector_complete (const zseq_vector_t *self)
{
    assert (self);

    for (uint8_t index = 0; index < self->n; index++)
        if (self->life[index].counter == 0)
            return false;
    return true;
}
