//  A client's claim: scatter, tally, retry, until W nodes accepted the same
//  range or the deadline passed. Source: design.md, section 4, and wire.md,
//  section 6.
//
//  The owner calls _tick (first at once), _request when told ZSEQ_DO_SEND and
//  _reply, until one of them returns ZSEQ_DO_DONE.

#ifndef ZSEQ_CLAIM_H_INCLUDED
#define ZSEQ_CLAIM_H_INCLUDED

#include "zseq_attempt.h"
#include "zseq_seq.h"

//  What a client knows of a name: of each node the next of its last reply that
//  counted; 0 if none has.
typedef struct {
    uint64_t next[ZSEQ_NODES_MAX];
} zseq_known_t;

typedef struct {
    zseq_attempt_t attempt;
    zseq_known_t known;
    uint64_t first;         //  The range of the attempt under way, or won
    uint64_t count;         //  How many IDs are wanted; won, in the end
    uint64_t count_min;     //  How many are better than none
    uint64_t burnt;         //  IDs that lost attempts may have taken
    uint32_t claims;        //  CLAIMs sent
    uint32_t conflicts;     //  CLAIMs that another client beat
    uint64_t lost_first;    //  Where the last one of these began
    uint64_t winner_count;  //  IDs of the last claim that beat one of these
    uint64_t skip_ahead;    //  How far above the lowest start this one begins
    bool reading;           //  The question under way is a READ
    bool doubting;          //  ... of all nodes, because the end seems reached
    bool doubted;           //  That READ has been made
    bool done;
    int rc;  //  Result, once done
} zseq_claim_t;

//  Begins a claim of count IDs (1..ZSEQ_COUNT_MAX), of which count_min
//  (1..count) suffice where the sequence ends. known is what the last claim
//  left behind, or zeros.
void zseq_claim_init (zseq_claim_t *self, const zseq_quorum_t *quorum,
                      const zseq_known_t *known, uint64_t count,
                      uint64_t count_min, const zseq_timing_t *timing);

//  How many IDs remain from where the claim would begin, as far as is known;
//  ZSEQ_COUNT_MAX if at least that many, or if nothing is known.
uint64_t zseq_claim_remaining (const zseq_claim_t *self);

//  Changes the counts. Only after ZSEQ_DO_SEND and before _request: no request
//  may join a claim that was sent (S7).
void zseq_claim_resize (zseq_claim_t *self, uint64_t count, uint64_t count_min);

//  Time has passed.
zseq_do_t zseq_claim_tick (zseq_claim_t *self, uint64_t now_us);

//  Begins the next question under that request ID (not 0, never used before)
//  and sets op, reply, request, first and count of msg; the caller sets
//  cluster and name. Returns ZSEQ_DO_SEND, or ZSEQ_DO_DONE when too few IDs
//  are left.
zseq_do_t zseq_claim_request (zseq_claim_t *self, uint64_t request,
                              uint64_t now_us, zseq_msg_t *msg);

//  Makes the message under way once more, for nodes that it did not reach.
void zseq_claim_repeat (const zseq_claim_t *self, zseq_msg_t *msg);

//  Takes in a reply. Ignores one that does not answer the message under way.
zseq_do_t zseq_claim_reply (zseq_claim_t *self, const zseq_msg_t *reply,
                            uint64_t now_us);

//  Whether a READ is under way.
bool zseq_claim_reads (const zseq_claim_t *self);

//  Waits for no more replies to the READ that is under way. What was learnt
//  counts if the nodes that have replied suffice.
void zseq_claim_stop_read (zseq_claim_t *self);

//  When to tick next at the latest.
uint64_t zseq_claim_wake_us (const zseq_claim_t *self);

#endif
