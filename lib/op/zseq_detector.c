#include "zseq_detector.h"

#include <assert.h>

//  Probes that a node must miss in a row to be suspected.
#define MISSED_MAX 2
//  Until a first probe counts as missed: longer than a scheduler or a disk
//  stalls now and then.
#define FIRST_PROBE_US 200000
//  A tick that comes later than this after its time shows that the owner itself
//  was stalled: replies may have arrived that it could not take in yet.
#define STALLED_US 20000
//  Each silence that a probe ended doubles the next one that is borne, so that
//  many clients that wait for a busy node do not add to its work.
#define DOUBLINGS_MAX 6
#define SILENCE_US_MAX 1000000

//  Whether the last tick saw the present silence.
static bool
s_same_silence (const zseq_detector_t *self, uint64_t since_us)
{
    return self->since_us == since_us && self->wake_us;
}

//  When the node fell silent. A request that was given up meanwhile counts:
//  else a client with short deadlines would never suspect a node.
static uint64_t
s_since_us (const zseq_detector_t *self)
{
    return self->asked_us > self->heard_us ? self->asked_us : self->heard_us;
}

//  When the first probe of a silence is due.
static uint64_t
s_first_us (const zseq_detector_t *self, uint64_t since_us, uint64_t silence_us)
{
    silence_us <<= self->answered;
    if (silence_us > SILENCE_US_MAX)
        silence_us = SILENCE_US_MAX;
    return since_us + silence_us;
}

void
zseq_detector_asked (zseq_detector_t *self, uint64_t now_us)
{
    assert (self);
    if (self->asked_us <= self->heard_us)
        self->asked_us = now_us;
}

void
zseq_detector_heard (zseq_detector_t *self, uint64_t now_us)
{
    assert (self);

    if (self->missed && self->answered < DOUBLINGS_MAX)
        self->answered++;
    self->missed = 0;
    self->heard_us = now_us;
}

void
zseq_detector_served (zseq_detector_t *self)
{
    assert (self);
    self->answered = 0;
}

uint64_t
zseq_detector_wake_us (const zseq_detector_t *self, uint64_t silence_us)
{
    assert (self);

    uint64_t since_us = s_since_us (self);
    return s_same_silence (self, since_us)
             ? self->wake_us
             : s_first_us (self, since_us, silence_us);
}

zseq_detector_verdict_t
zseq_detector_tick (zseq_detector_t *self, uint64_t silence_us, uint64_t now_us)
{
    assert (self);

    uint64_t since_us = s_since_us (self);
    if (!s_same_silence (self, since_us)) {
        self->missed = 0;
        self->wake_us = s_first_us (self, since_us, silence_us);
        self->since_us = since_us;
    }
    if (now_us < self->wake_us)
        return ZSEQ_DETECTOR_WAIT;

    bool stalled = self->missed && now_us - self->wake_us > STALLED_US;
    if (!stalled) {
        if (self->missed == MISSED_MAX)
            return ZSEQ_DETECTOR_SUSPECT;
        self->missed++;
    }
    self->wake_us =
      now_us + (self->missed < MISSED_MAX && silence_us < FIRST_PROBE_US
                  ? FIRST_PROBE_US
                  : silence_us);
    return ZSEQ_DETECTOR_PROBE;
}

void
zseq_detector_probed (zseq_detector_t *self, uint64_t request, uint64_t now_us)
{
    assert (self);
    self->request = request;
    self->probed_us = now_us;
}

bool
zseq_detector_reply (zseq_detector_t *self, uint64_t request)
{
    assert (self);

    if (!request || self->request != request)
        return false;
    self->request = 0;
    return true;
}
