//  Estimates how many clients wait at once. If there are too many, replies
//  carry `congested`, and clients then delegate their claims to a coordinator.

#include "zseq_node_private.h"

#include <assert.h>
#include <string.h>

//  The node is congested if CONGESTION_MIN clients wait at once, on average
//  over the last CONGESTION_WINDOW of them. The verdict holds for
//  CONGESTION_US: once clients ask coordinators, this node receives fewer of
//  their requests.
#define CONGESTION_MIN 8
#define CONGESTION_WINDOW 128
#define CONGESTION_UNIT 256
#define CONGESTION_US 1000000

bool
zseq_node_congested (const zseq_node_t *self)
{
    assert (self);
    return self->now_us < self->congestion.until_us;
}

//  Counts the connections that send requests between two flushes. A hash
//  distinguishes them; the count need not be exact. A client that delegates
//  asks one node in n, so that it stands for n: otherwise no node would be
//  congested any more once clients delegate, and all would claim again.
void
zseq_node_congestion_note_request (zseq_node_t *self,
                                   const zseq_sender_t *sender, zseq_op_t op)
{
    uint64_t slot = zseq_sender_hash (sender) % ZSEQ_CALLERS_MAX;
    uint64_t bit = (uint64_t) 1 << slot % 64;
    if (self->congestion.caller[slot / 64] & bit)
        return;
    self->congestion.caller[slot / 64] |= bit;
    self->congestion.callers += op == ZSEQ_OP_NEXT ? self->record.members.n : 1;
}

//  Updates the average, weighted by clients: each client counts how many wait
//  with it.
void
zseq_node_congestion_note_flush (zseq_node_t *self)
{
    uint64_t callers = self->congestion.callers;
    if (!callers)
        return;
    self->congestion.callers = 0;
    memset (self->congestion.caller, 0, sizeof self->congestion.caller);
    if (self->now_us < self->congestion.until_us)
        return;
    if (callers > CONGESTION_WINDOW)
        callers = CONGESTION_WINDOW;
    self->congestion.waiting =
      ((CONGESTION_WINDOW - callers) * self->congestion.waiting +
       callers * callers * CONGESTION_UNIT) /
      CONGESTION_WINDOW;
    if (self->congestion.waiting < CONGESTION_MIN * CONGESTION_UNIT ||
        self->record.members.n == 1)
        return;
    self->congestion.waiting = 0;
    self->congestion.until_us = self->now_us + CONGESTION_US;
}
