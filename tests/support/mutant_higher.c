//  A planted mistake for the history checker to find: this replaces
//  zseq_seq.c in the daemon zseqd-higher, with the rule "accept iff the new
//  value is higher". Two clients with different counts are then handed the
//  same IDs: [1, 65) and after it [8, 108) both raise the value.

#include "zseq_seq.h"

void
zseq_seq_init (zseq_seq_t *self, uint64_t next)
{
    self->next = next;
}

int
zseq_seq_accept (zseq_seq_t *self, uint64_t first, uint64_t count)
{
    if (first > ZSEQ_NEXT_MAX || count > ZSEQ_NEXT_MAX - first)
        return ZSEQ_EEXHAUSTED;
    if (first + count <= self->next)
        return ZSEQ_ECONFLICT;
    self->next = first + count;
    return ZSEQ_OK;
}

void
zseq_seq_raise (zseq_seq_t *self, uint64_t to)
{
    if (to > self->next)
        self->next = to;
}
