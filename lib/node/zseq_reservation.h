//  How far ahead of next a sequence's durable_to on disk is put, so that claims need
//  no write each: about as many IDs as are claimed in a given time. Source:
//  lib/doc/design.md, section 3.

#ifndef ZSEQ_RESERVATION_H_INCLUDED
#define ZSEQ_RESERVATION_H_INCLUDED

#include "zseq_seq.h"

//  What was claimed since durable_to was chosen, or revisited.
typedef struct {
    uint64_t since_us;
    uint64_t claimed;  //  IDs
    uint32_t claims;
} zseq_reservation_t;

//  Notes a claim of count IDs. What RAISE or a gap skips is no claim.
void zseq_reservation_note_claim (zseq_reservation_t *self, uint64_t count);

//  IDs to reserve: as many as are claimed in period_us at the present rate, at
//  most 8 times what was claimed; 0 for a single claim in 100 ms.
uint64_t zseq_reservation_wanted (const zseq_reservation_t *self,
                                  uint64_t now_us, uint64_t period_us);

//  Begins to count anew.
void zseq_reservation_restart (zseq_reservation_t *self, uint64_t now_us);

#endif
