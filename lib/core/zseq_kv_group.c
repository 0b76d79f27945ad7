#include "zseq_kv_group.h"

#include <assert.h>
#include <stdlib.h>

zseq_kv_group_t *
zseq_kv_group_new (uint64_t position, size_t count)
{
    assert (position >= 1);

    zseq_kv_group_t *self =
      calloc (1, sizeof *self + count * sizeof self->changes[0]);
    if (self)
        self->position = position;
    return self;
}

void
zseq_kv_group_destroy (zseq_kv_group_t **self_p)
{
    assert (self_p);

    zseq_kv_group_t *self = *self_p;
    if (!self)
        return;
    for (size_t index = 0; index < self->count; index++)
        zseq_register_release (&self->changes[index].accepted);
    free (self);
    *self_p = NULL;
}
