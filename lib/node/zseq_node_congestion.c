//  How many clients wait at once. Replies tell them when there are too many
//  (crowded), so that they leave their claims to a coordinator.

#include "zseq_node_private.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

//  So many clients whose requests wait at once, on average over the last
//  CROWD_WINDOW of them, are a crowd; and how long that is believed, for once
//  they ask coordinators there is less to be seen of it.
#define CROWD 8
#define CROWD_WINDOW 128
#define CROWD_UNIT 256
#define CROWD_US 1000000

//  Who asks between two flushes. Connections are told apart by a hash: it need
//  not be exact.
void
zseq_node_congestion_note_request (zseq_node_t *self,
                                   const zseq_sender_t *sender)
{
    uint64_t place =
      XXH3_64bits (sender->route.id, sender->route.size) % ZSEQ_CALLERS_MAX;
    uint64_t bit = (uint64_t) 1 << place % 64;
    if (self->congestion.caller[place / 64] & bit)
        return;
    self->congestion.caller[place / 64] |= bit;
    self->congestion.callers++;
}

//  How many wait at once, as the typical one of them finds it.
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
    if (callers > CROWD_WINDOW)
        callers = CROWD_WINDOW;
    self->congestion.crowd =
      ((CROWD_WINDOW - callers) * self->congestion.crowd +
       callers * callers * CROWD_UNIT) /
      CROWD_WINDOW;
    if (self->congestion.crowd < CROWD * CROWD_UNIT ||
        self->record.members.n == 1)
        return;
    self->congestion.crowd = 0;
    self->congestion.until_us = self->now_us + CROWD_US;
}
