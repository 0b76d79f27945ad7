//  A client's read with read repair (peek), and its raise, which is the same
//  operation with the value given. Fed and driven as zseq_claim. Source:
//  Attiya, Bar-Noy and Dolev, "Sharing Memory Robustly in Message-Passing
//  Systems" (J. ACM 1995), and design.md, S6.

#ifndef ZSEQ_PEEK_H_INCLUDED
#define ZSEQ_PEEK_H_INCLUDED

#include "zseq_claim.h"

typedef struct {
    zseq_quorum_t quorum;
    zseq_tally_t tally; //  Of all READs and RAISEs of this operation
    zseq_backoff_t backoff;
    uint64_t rtt_us;
    uint64_t deadline_us;
    uint64_t wake_us;
    uint64_t request;   //  ID of the message under way
    uint64_t value;     //  What is raised to; 0 while reading
    uint32_t trips;     //  Messages that got their replies
    uint8_t patience;
    uint8_t phase; //  Private
    int refusal;
    int rc;
} zseq_peek_t;

//  Begins a peek (value 0), or a raise to value (1..ZSEQ_NEXT_MAX).
void zseq_peek_init (zseq_peek_t *self, const zseq_quorum_t *quorum,
                     uint64_t value, const zseq_pace_t *pace);

zseq_do_t zseq_peek_tick (zseq_peek_t *self, uint64_t now_us);
zseq_do_t zseq_peek_request (zseq_peek_t *self, uint64_t request,
                             uint64_t now_us, zseq_msg_t *msg);
zseq_do_t zseq_peek_reply (zseq_peek_t *self, const zseq_msg_t *reply,
                           uint64_t now_us);
uint64_t zseq_peek_wake_us (const zseq_peek_t *self);

#endif
