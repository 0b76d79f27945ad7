//  When a silent node is probed, and when it is suspected: lib/doc/wire.md,
//  section 6.9. Times are in microseconds from an arbitrary start.

#include <criterion/criterion.h>

#include "zseq_detector.h"

#define SILENCE_US 50000u
#define ASKED_US 1000000u

//  Ticks when the detector wants to be ticked, late_us later. Returns when.
static uint64_t
s_tick_at_wake (zseq_detector_t *self, uint64_t late_us,
                zseq_detector_verdict_t expected)
{
    uint64_t wake_us = zseq_detector_wake_us (self, SILENCE_US);
    cr_assert_eq (zseq_detector_tick (self, SILENCE_US, wake_us - 1),
                  ZSEQ_DETECTOR_WAIT);
    cr_assert_eq (zseq_detector_wake_us (self, SILENCE_US), wake_us);
    cr_assert_eq (zseq_detector_tick (self, SILENCE_US, wake_us + late_us),
                  expected);
    return wake_us + late_us;
}

Test (detector, suspects_a_node_after_two_probes_without_a_word)
{
    zseq_detector_t detector = {0};
    zseq_detector_asked (&detector, ASKED_US);
    uint64_t now_us = s_tick_at_wake (&detector, 0, ZSEQ_DETECTOR_PROBE);
    cr_assert_eq (now_us, ASKED_US + SILENCE_US);
    now_us = s_tick_at_wake (&detector, 0, ZSEQ_DETECTOR_PROBE);
    cr_assert_eq (now_us, ASKED_US + SILENCE_US + 200000);
    now_us = s_tick_at_wake (&detector, 0, ZSEQ_DETECTOR_SUSPECT);
    cr_assert_eq (now_us, ASKED_US + SILENCE_US + 200000 + SILENCE_US);
}

//  Not even its I/O thread may have run.
Test (detector, counts_no_probe_if_the_owner_was_stalled)
{
    zseq_detector_t detector = {0};
    zseq_detector_asked (&detector, ASKED_US);
    s_tick_at_wake (&detector, 0, ZSEQ_DETECTOR_PROBE);
    for (size_t stall = 0; stall < 10; stall++)
        s_tick_at_wake (&detector, 20001, ZSEQ_DETECTOR_PROBE);
    s_tick_at_wake (&detector, 20000, ZSEQ_DETECTOR_PROBE);
    s_tick_at_wake (&detector, 20001, ZSEQ_DETECTOR_PROBE);
    s_tick_at_wake (&detector, 20000, ZSEQ_DETECTOR_SUSPECT);
}

//  The first probe may be as late as it likes: it has just been sent.
Test (detector, counts_a_first_probe_that_is_sent_late)
{
    zseq_detector_t detector = {0};
    zseq_detector_asked (&detector, ASKED_US);
    s_tick_at_wake (&detector, 500000, ZSEQ_DETECTOR_PROBE);
    s_tick_at_wake (&detector, 0, ZSEQ_DETECTOR_PROBE);
    s_tick_at_wake (&detector, 0, ZSEQ_DETECTOR_SUSPECT);
}

Test (detector, begins_again_when_the_node_is_heard)
{
    zseq_detector_t detector = {0};
    zseq_detector_asked (&detector, ASKED_US);
    s_tick_at_wake (&detector, 0, ZSEQ_DETECTOR_PROBE);
    uint64_t now_us = s_tick_at_wake (&detector, 0, ZSEQ_DETECTOR_PROBE);
    zseq_detector_heard (&detector, now_us + 7);
    uint64_t again_us = s_tick_at_wake (&detector, 0, ZSEQ_DETECTOR_PROBE);
    cr_assert_eq (again_us, now_us + 7 + 2 * SILENCE_US);
    s_tick_at_wake (&detector, 0, ZSEQ_DETECTOR_PROBE);
    s_tick_at_wake (&detector, 0, ZSEQ_DETECTOR_SUSPECT);
}

Test (detector, is_more_patient_with_a_node_that_answers_probes_until_it_serves)
{
    zseq_detector_t detector = {0};
    zseq_detector_asked (&detector, ASKED_US);
    uint64_t now_us = ASKED_US;
    uint64_t silence_us = SILENCE_US;
    for (size_t probe = 0; probe < 12; probe++) {
        uint64_t probed_us = s_tick_at_wake (&detector, 0, ZSEQ_DETECTOR_PROBE);
        cr_assert_eq (probed_us, now_us + silence_us);
        now_us = probed_us + 300;
        zseq_detector_heard (&detector, now_us);
        silence_us = silence_us < 500000 ? 2 * silence_us : 1000000;
    }
    zseq_detector_served (&detector);
    cr_assert_eq (zseq_detector_wake_us (&detector, SILENCE_US),
                  now_us + SILENCE_US);
}

//  A silence of old says nothing of a request that was sent since.
Test (detector, begins_with_the_first_request_since_the_node_was_heard)
{
    zseq_detector_t detector = {0};
    zseq_detector_asked (&detector, ASKED_US);
    zseq_detector_heard (&detector, ASKED_US + 100);
    uint64_t asked_us = 100 * ASKED_US;
    for (size_t request = 0; request < 3; request++)
        zseq_detector_asked (&detector, asked_us + request);
    cr_assert_eq (zseq_detector_wake_us (&detector, SILENCE_US),
                  asked_us + SILENCE_US);
    cr_assert_eq (
      zseq_detector_tick (&detector, SILENCE_US, asked_us + SILENCE_US - 1),
      ZSEQ_DETECTOR_WAIT);
    cr_assert_eq (
      zseq_detector_tick (&detector, SILENCE_US, asked_us + SILENCE_US),
      ZSEQ_DETECTOR_PROBE);
}

Test (detector, takes_one_answer_to_its_last_probe)
{
    zseq_detector_t detector = {0};
    zseq_detector_asked (&detector, ASKED_US);
    cr_assert (!zseq_detector_reply (&detector, 0));
    zseq_detector_probed (&detector, 7, ASKED_US);
    zseq_detector_probed (&detector, 8, ASKED_US + 1);
    cr_assert (!zseq_detector_reply (&detector, 7));
    cr_assert (zseq_detector_reply (&detector, 8));
    cr_assert (!zseq_detector_reply (&detector, 8));
    cr_assert_eq (detector.probed_us, ASKED_US + 1);
}
