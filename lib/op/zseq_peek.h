//  A client's read with read repair (peek), and its raise, which is the second
//  half of it with the value given. Driven as zseq_claim is. Source: Attiya,
//  Bar-Noy and Dolev, "Sharing Memory Robustly in Message-Passing Systems"
//  (J. ACM 1995), and design.md, S6.

#ifndef ZSEQ_PEEK_H_INCLUDED
#define ZSEQ_PEEK_H_INCLUDED

#include "zseq_attempt.h"
#include "zseq_seq.h"

typedef struct {
    zseq_attempt_t attempt;
    zseq_tally_t read;  //  The replies that value was found in
    uint64_t value;     //  The result; 0 while it is being read
    bool given;         //  It was given: a raise
    bool raising;       //  The question under way is a RAISE
    bool done;
    int rc;  //  Result, once done
} zseq_peek_t;

//  Begins a peek (value 0), or a raise to value (1..ZSEQ_NEXT_MAX).
void zseq_peek_init (zseq_peek_t *self, const zseq_quorum_t *quorum,
                     uint64_t value, const zseq_timing_t *timing);

//  As of zseq_claim; _request sets op, reply, request and next of msg.
zseq_do_t zseq_peek_tick (zseq_peek_t *self, uint64_t now_us);
zseq_do_t zseq_peek_request (zseq_peek_t *self, uint64_t request,
                             uint64_t now_us, zseq_msg_t *msg);
zseq_do_t zseq_peek_reply (zseq_peek_t *self, const zseq_msg_t *reply,
                           uint64_t now_us);
uint64_t zseq_peek_wake_us (const zseq_peek_t *self);

#endif
