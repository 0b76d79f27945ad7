//  A sequence replica: what one node knows of one name, in one number. It only
//  grows.

#ifndef ZSEQ_SEQ_H_INCLUDED
#define ZSEQ_SEQ_H_INCLUDED

#include "zseq.h"

//  Where a sequence ends: next when all IDs have been claimed.
#define ZSEQ_NEXT_MAX (ZSEQ_ID_MAX + 1)

typedef struct {
    uint64_t next;  //  Lowest ID never claimed here, 1..ZSEQ_NEXT_MAX
} zseq_seq_t;

//  A replica where nothing below next was ever claimed.
void zseq_seq_init (zseq_seq_t *self, uint64_t next);

//  Takes [first, first + count), 1 <= first, 1 <= count <= ZSEQ_COUNT_MAX.
//  Errors, nothing taken: ZSEQ_ECONFLICT (first is below next),
//  ZSEQ_EEXHAUSTED (the range does not end at or below ZSEQ_ID_MAX).
//  Source: design.md, S1.
int zseq_seq_accept (zseq_seq_t *self, uint64_t first, uint64_t count);

//  Read repair: raises next to at least to, 1..ZSEQ_NEXT_MAX.
void zseq_seq_raise (zseq_seq_t *self, uint64_t to);

#endif
