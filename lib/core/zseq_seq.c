#include "zseq_seq.h"

#include <assert.h>

void
zseq_seq_init (zseq_seq_t *self, uint64_t next)
{
    assert (self);
    assert (next >= 1);
    assert (next <= ZSEQ_NEXT_MAX);
    self->next = next;
}

int
zseq_seq_accept (zseq_seq_t *self, uint64_t first, uint64_t count)
{
    assert (self);
    assert (first >= 1);
    assert (count >= 1);
    assert (count <= ZSEQ_COUNT_MAX);

    if (first > ZSEQ_NEXT_MAX || count > ZSEQ_NEXT_MAX - first)
        return ZSEQ_EEXHAUSTED;

    //  S1: a client may already hold any ID below next.
    if (first < self->next)
        return ZSEQ_ECONFLICT;

    self->next = first + count;
    return ZSEQ_OK;
}

void
zseq_seq_raise (zseq_seq_t *self, uint64_t to)
{
    assert (self);
    assert (to >= 1);
    assert (to <= ZSEQ_NEXT_MAX);

    if (self->next < to)
        self->next = to;
}
