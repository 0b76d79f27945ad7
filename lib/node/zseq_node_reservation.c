//  Chooses how far ahead of next each sequence is written: its reservation.
//  durable_to follows the rate of claims up at once, and in steps down again.
//  zseq_node_disk asks for the next durable_to to write; ticks revisit the
//  sequences whose reservations should be used up by now.

#include "zseq_node_private.h"

#include <assert.h>

//  How long a reservation lasts while the disk is idle. It lasts as long as it
//  may when the disk is busy for this much of a second.
#define PERIOD_US 100000
#define BUSY_US_MAX 500000
//  How often all sequences with a reservation are looked at, and how many of
//  them one tick looks at.
#define ROUND_US 100000
#define LOOKS_MAX 32768

void
zseq_node_reservation_list (zseq_node_t *self, zseq_sequence_t *sequence)
{
    if (sequence->listed)
        return;
    sequence->listed = true;
    sequence->reserved = NULL;
    *self->reservation.end = sequence;
    self->reservation.end = &sequence->reserved;
    self->reservation.count++;
}

void
zseq_node_reservation_ahead (zseq_node_t *self, zseq_sequence_t *sequence)
{
    if (sequence->listed && sequence->durable_to >= sequence->seq.next &&
        sequence->durable_to - sequence->seq.next <=
          sequence->reservation.claimed)
        zseq_node_mark_dirty (self, sequence);
}

void
zseq_node_reservation_shrink (zseq_node_t *self, zseq_sequence_t *sequence,
                              uint64_t durable_to)
{
    assert (!sequence->writing);
    assert (durable_to <= sequence->durable_to);
    sequence->durable_to = durable_to;
    sequence->shrinking = true;
    zseq_node_mark_dirty (self, sequence);
}

//  How long the reservation of a sequence is to last. Each takes two writes in
//  its time, or more; so it lasts the longer, the busier the disk is.
static uint64_t
s_lasts_us (const zseq_node_t *self, const zseq_sequence_t *sequence)
{
    uint64_t ahead_us = self->reservation.ahead_us;
    uint64_t busy_us = zseq_busy_us (&self->disk.busy, self->now_us);
    uint64_t period_us = ahead_us * busy_us / BUSY_US_MAX;
    if (period_us < PERIOD_US)
        period_us = PERIOD_US;
    if (period_us > ahead_us)
        period_us = ahead_us;
    return zseq_reservation_lasts_us (&sequence->reservation, self->now_us,
                                      period_us, ahead_us);
}

//  Shrinks a sequence's reservation to its rate: to nothing if it is idle.
static void
s_revisit (zseq_node_t *self, zseq_sequence_t *sequence)
{
    uint64_t next = sequence->seq.next;
    uint64_t unused =
      sequence->durable_to > next ? sequence->durable_to - next : 0;
    uint64_t lasts_us = s_lasts_us (self, sequence);
    uint64_t wanted =
      zseq_reservation_wanted (&sequence->reservation, self->now_us, lasts_us);
    if (unused && !sequence->writing && !sequence->queued) {
        if (wanted == 0)
            zseq_node_reservation_shrink (self, sequence, next);
        else if (unused / 2 > wanted)
            zseq_node_reservation_shrink (self, sequence, next + wanted);
    }
    zseq_reservation_restart (&sequence->reservation, self->now_us, lasts_us);
}

//  A round looks at every entry that was listed when it began, as the times at
//  which they are due are in no order.
void
zseq_node_reservation_revisit (zseq_node_t *self)
{
    if (self->reservation.due == 0 &&
        self->now_us >= self->reservation.round_us) {
        self->reservation.due = self->reservation.count;
        self->reservation.round_us = self->now_us + ROUND_US;
    }
    for (size_t looks = 0; looks < LOOKS_MAX && self->reservation.due;
         looks++) {
        zseq_sequence_t *sequence = self->reservation.first;
        self->reservation.first = sequence->reserved;
        if (!self->reservation.first)
            self->reservation.end = &self->reservation.first;
        self->reservation.count--;
        self->reservation.due--;
        sequence->listed = false;
        if (self->now_us >=
            sequence->reservation.since_us + sequence->reservation.lasts_us)
            s_revisit (self, sequence);
        if (sequence->durable_to > sequence->seq.next || sequence->writing)
            zseq_node_reservation_list (self, sequence);
    }
}

void
zseq_node_reservation_shrink_all (zseq_node_t *self)
{
    for (zseq_sequence_t *sequence = self->reservation.first; sequence;
         sequence = sequence->reserved)
        if (sequence->durable_to > sequence->seq.next && !sequence->writing)
            zseq_node_reservation_shrink (self, sequence, sequence->seq.next);
}

uint64_t
zseq_node_reservation_target (zseq_node_t *self, zseq_sequence_t *sequence)
{
    uint64_t durable_to = sequence->seq.next;
    if (!sequence->shrinking && self->voting && !self->stopping) {
        //  S10: after a crash a reservation would be ahead of the clock.
        uint64_t lasts_us = s_lasts_us (self, sequence);
        uint64_t wanted = 0;
        if (self->reservation.ahead_us &&
            !zseq_flake_reserved (zseq_sequence_name (sequence),
                                  sequence->entry.name_size))
            wanted = zseq_reservation_wanted (&sequence->reservation,
                                              self->now_us, lasts_us);
        durable_to = wanted < ZSEQ_NEXT_MAX - durable_to ? durable_to + wanted
                                                         : ZSEQ_NEXT_MAX;
        zseq_reservation_restart (&sequence->reservation, self->now_us,
                                  lasts_us);
    }
    sequence->shrinking = false;
    return durable_to > sequence->durable_to ? durable_to
                                             : sequence->durable_to;
}
