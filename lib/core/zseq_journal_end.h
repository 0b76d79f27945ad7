//  Where the journal of a node's registers ends, as the node has told: the
//  position of its last durable group. Positions hold for one incarnation.
//  Source: lib/doc/kv.md, K17.

#ifndef ZSEQ_JOURNAL_END_H_INCLUDED
#define ZSEQ_JOURNAL_END_H_INCLUDED

#include "zseq_vector.h"

typedef struct {
    zseq_incarnation_t incarnation;  //  Counter 0: it has told nothing
    uint64_t position;
} zseq_journal_end_t;

//  Raises self to other, if that is of a newer incarnation, or of the same one
//  and higher. Returns whether self changed.
static inline bool
zseq_journal_end_raise (zseq_journal_end_t *self,
                        const zseq_journal_end_t *other)
{
    int order =
      zseq_incarnation_compare (&other->incarnation, &self->incarnation);
    if (order < 0 || (order == 0 && other->position <= self->position))
        return false;
    *self = *other;
    return true;
}

#endif
