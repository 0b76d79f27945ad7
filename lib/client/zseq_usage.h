//  The automatic batch of a handle: as many IDs as are used in 10 ms, or in
//  twice the time that a claim takes, if that is longer; but never more than
//  were used in the last 100 ms. So the batches of a load that begins double,
//  and a load that ends leaves little behind.
//
//  Note how many IDs were handed out now and then, best every few milliseconds,
//  and when ranges come; then ask for the batch of the next claim.

#ifndef ZSEQ_USAGE_H_INCLUDED
#define ZSEQ_USAGE_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZSEQ_USAGE_WINDOW_US 100000
#define ZSEQ_USAGE_SAMPLES 16
//  Samples lie at least that far apart, so that the ring covers the window.
#define ZSEQ_USAGE_APART_US (ZSEQ_USAGE_WINDOW_US / (ZSEQ_USAGE_SAMPLES - 1))
//  How long a batch lasts if claims are quick.
#define ZSEQ_USAGE_BATCH_US 10000
#define ZSEQ_USAGE_BATCH_MAX ((uint64_t) 1 << 24)
//  The age at which a range is stale: it was claimed for a rate that no longer
//  holds, and lies below what other clients get by now.
#define ZSEQ_USAGE_STALE_US 1000000

typedef struct {
    struct {
        uint64_t us;
        uint64_t issued;  //  IDs handed out until then
    } sample[ZSEQ_USAGE_SAMPLES];
    size_t newest;      //  Index of the last sample; those before it are older
    size_t count;       //  Samples noted, at most ZSEQ_USAGE_SAMPLES
    uint64_t range_us;  //  When the last range came
    uint64_t claim_us;  //  How long a claim takes; 0: not known
} zseq_usage_t;

//  Begins at now_us (monotonic), when issued IDs had been handed out: what was
//  used before does not count.
void zseq_usage_init (zseq_usage_t *self, uint64_t now_us, uint64_t issued);

//  Notes that issued IDs have been handed out by now. now_us may lie before
//  that of other calls: a thread may be late to call.
void zseq_usage_note (zseq_usage_t *self, uint64_t now_us, uint64_t issued);

//  Notes how long a claim took.
void zseq_usage_note_claim (zseq_usage_t *self, uint64_t claim_us);

//  Notes that a range has come.
void zseq_usage_note_range (zseq_usage_t *self, uint64_t now_us);

//  The batch of a claim that is made now: 1 to ZSEQ_USAGE_BATCH_MAX, and if
//  above 1, at most the IDs used in the last ZSEQ_USAGE_WINDOW_US. Up to that
//  limit it is not below wanted: what was too little before. It is 2 or more
//  if 2 were used in the time of four claims: else a caller that waits for each
//  of its claims would never get more when they take long.
uint64_t zseq_usage_batch (zseq_usage_t *self, uint64_t now_us, uint64_t issued,
                           uint64_t wanted);

//  Whether the last range came longer than ZSEQ_USAGE_STALE_US ago. The range
//  may have come after now_us, as in _note.
bool zseq_usage_stale (const zseq_usage_t *self, uint64_t now_us);

#endif
