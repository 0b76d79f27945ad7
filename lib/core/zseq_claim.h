//  A client's claim: scatter, tally, retry, until W nodes accepted the same
//  range or the deadline passed. Source: design.md, section 3, and wire.md,
//  section 6.
//
//  The owner feeds replies and the time in, and does what comes back:
//
//      ZSEQ_DO_WAIT   nothing, until a reply or zseq_claim_wake_us
//      ZSEQ_DO_SEND   make the attempt's message with zseq_claim_request and
//                     send it to every node
//      ZSEQ_DO_DONE   read self->rc and the range

#ifndef ZSEQ_CLAIM_H_INCLUDED
#define ZSEQ_CLAIM_H_INCLUDED

#include "zseq_backoff.h"
#include "zseq_quorum.h"
#include "zseq_seq.h"
#include "zseq_tally.h"

typedef enum {
    ZSEQ_DO_WAIT,
    ZSEQ_DO_SEND,
    ZSEQ_DO_DONE,
} zseq_do_t;

//  What a client knows of a name: per node the next of its last reply that
//  counted; 0 if none did.
typedef struct {
    uint64_t next[ZSEQ_NODES_MAX];
} zseq_known_t;

typedef struct {
    uint64_t rtt_us;      //  A typical round trip, for pauses and patience
    uint64_t deadline_us; //  When to give up
    uint64_t seed;        //  For the jitter
} zseq_pace_t;

typedef struct {
    zseq_quorum_t quorum;
    zseq_known_t known;
    zseq_tally_t tally; //  Of the attempt under way
    zseq_backoff_t backoff;
    uint64_t rtt_us;
    uint64_t deadline_us;
    uint64_t wake_us;     //  End of the pause, or of the attempt
    uint64_t request;     //  ID of the attempt's message
    uint64_t first;       //  The attempt's range
    uint64_t count;       //  How many IDs are wanted
    uint64_t count_min;   //  How many are better than none
    uint64_t burnt;       //  IDs that lost attempts may have taken
    uint32_t attempts;    //  CLAIMs sent
    uint32_t conflicts;   //  Attempts lost to another client
    uint32_t timeouts;    //  Attempts given up as late
    uint32_t trips;       //  Attempts of both kinds that got their replies
    uint8_t patience;     //  How often patience has doubled
    uint8_t phase;        //  Private
    bool asked_all;       //  The READ that doubted the end was done
    int refusal;          //  Why nodes last refused other than by conflict
    int rc;               //  Result, once done
} zseq_claim_t;

//  Begins a claim of count IDs, of which count_min (1..count) are better than
//  none when the sequence ends: the owner may leave it equal to count. known
//  is what the last claim left behind, or zeros.
void zseq_claim_init (zseq_claim_t *self, const zseq_quorum_t *quorum,
                      const zseq_known_t *known, uint64_t count,
                      uint64_t count_min, const zseq_pace_t *pace);

//  Changes the IDs wanted. Only between ZSEQ_DO_SEND and zseq_claim_request:
//  nothing may join a claim that was sent (S7).
void zseq_claim_resize (zseq_claim_t *self, uint64_t count,
                        uint64_t count_min);

//  Time passes; also the first call after _init.
zseq_do_t zseq_claim_tick (zseq_claim_t *self, uint64_t now_us);

//  Fixes the attempt under the request ID that the caller draws, and fills in
//  op, request, first and count of msg (the caller sets cluster and name).
//  Returns ZSEQ_DO_SEND, or ZSEQ_DO_DONE when nothing of the range is left.
zseq_do_t zseq_claim_request (zseq_claim_t *self, uint64_t request,
                              uint64_t now_us, zseq_msg_t *msg);

//  A decoded reply. What does not answer the attempt under way is ignored.
zseq_do_t zseq_claim_reply (zseq_claim_t *self, const zseq_msg_t *reply,
                            uint64_t now_us);

//  When to call _tick next.
uint64_t zseq_claim_wake_us (const zseq_claim_t *self);

#endif
