//  Counts the claims of a sequence, and computes how many IDs to reserve ahead
//  of next so that most claims need no write of their own: about as many as are
//  claimed in a given time. Source: lib/doc/design.md, section 3.

#ifndef ZSEQ_RESERVATION_H_INCLUDED
#define ZSEQ_RESERVATION_H_INCLUDED

#include "zseq_seq.h"

//  Claims since durable_to was chosen or the sequence was revisited.
typedef struct {
    uint64_t since_us;
    uint64_t claimed;  //  IDs
    uint32_t claims;
    uint32_t lasts_us;  //  When it is to be revisited, from since_us on
} zseq_reservation_t;

//  Notes a claim of count IDs. IDs that a RAISE or a gap skips are not counted.
void zseq_reservation_note_claim (zseq_reservation_t *self, uint64_t count);

//  How long a reservation is to last at the present rate: the time of 32
//  claims, at least period_us, and at most period_us_max.
uint64_t zseq_reservation_lasts_us (const zseq_reservation_t *self,
                                    uint64_t now_us, uint64_t period_us,
                                    uint64_t period_us_max);

//  IDs to reserve: as many as are claimed in lasts_us at the present rate, at
//  most 8 times what was claimed; 0 for a single claim in 100 ms.
uint64_t zseq_reservation_wanted (const zseq_reservation_t *self,
                                  uint64_t now_us, uint64_t lasts_us);

//  Restarts the count, for a reservation of lasts_us.
void zseq_reservation_restart (zseq_reservation_t *self, uint64_t now_us,
                               uint64_t lasts_us);

#endif
