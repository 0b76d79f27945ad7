//  Whether a node that owes a client replies is still there. A node may be
//  silent because it is slow: only a node that answers no probe either, twice
//  in a row, is suspected. A probe is a READ, which a node answers at once,
//  however many NEXTs wait for its coordinator.
//
//  The owner reports what it hears, ticks while the node owes a reply, and
//  sends the probe that a tick asks for. Source: lib/doc/wire.md, section 6.9;
//  the words are those of Chandra and Toueg, "Unreliable Failure Detectors for
//  Reliable Distributed Systems" (JACM 43(2), 1996).

#ifndef ZSEQ_DETECTOR_H_INCLUDED
#define ZSEQ_DETECTOR_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint64_t asked_us;   //  When it was first asked since it was last heard
    uint64_t heard_us;   //  When the node was last heard
    uint64_t since_us;   //  When the silence began that is being looked into
    uint64_t wake_us;    //  When the next probe or the verdict is due
    uint8_t missed;      //  Probes in this silence that were not answered in
                         //  time
    uint8_t answered;    //  Silences that ended since it last did its work
    uint64_t request;    //  Request ID of the last probe; 0: none is under way
    uint64_t probed_us;  //  When that was sent
} zseq_detector_t;

//  What the owner is to do.
typedef enum {
    ZSEQ_DETECTOR_WAIT,     //  Nothing
    ZSEQ_DETECTOR_PROBE,    //  Send a probe, and call _probed
    ZSEQ_DETECTOR_SUSPECT,  //  Take the node for dead
} zseq_detector_verdict_t;

//  The node was asked for something that it owes a reply to.
void zseq_detector_asked (zseq_detector_t *self, uint64_t now_us);

//  The node was heard: whatever it said. It did its work.
void zseq_detector_heard (zseq_detector_t *self, uint64_t now_us);
void zseq_detector_served (zseq_detector_t *self);

//  Time has passed, and the node owes replies.
//  silence_us: how long a silence may last before the first probe.
zseq_detector_verdict_t zseq_detector_tick (zseq_detector_t *self,
                                            uint64_t silence_us,
                                            uint64_t now_us);

//  When to tick next at the latest.
uint64_t zseq_detector_wake_us (const zseq_detector_t *self,
                                uint64_t silence_us);

//  A probe was sent under that request ID. Whether a reply answers it.
void zseq_detector_probed (zseq_detector_t *self, uint64_t request,
                           uint64_t now_us);
bool zseq_detector_reply (zseq_detector_t *self, uint64_t request);

#endif
