//  The IDs that a handle has claimed and not handed out yet: a current range
//  and a queue of later ones. _take hands out an ID of the current range
//  without a lock; all other calls need the handle's lock. When _take finds
//  nothing, call _next_range and try again; when that finds nothing, claim a
//  range and _add it, cut by _cut.
//
//  To take an ID, a thread draws a ticket by one atomic addition. The upper
//  half of the ticket names the range, the lower half an ID in it:
//
//      ticket   63          32 31           0
//              +--------------+--------------+
//              |  generation  |    offset    |  atomic addition of 1
//              +--------------+--------------+
//                     |              |
//                     | % 4          |
//                     v              |
//      slot[] [ 0 ][ 1 ][ 2 ][ 3 ]   |
//                     |              |
//            generation, first, count, low_offset
//                     |              |
//                     v              v
//               ID =  first    +   offset,  if offset < count
//
//  A new current range gets the next generation and slot, and the ticket
//  becomes (generation, 0). A thread that drew an older ticket still gets its
//  ID, unless the slot has been reused meanwhile: then that ID is lost. The
//  thread sees that by the generation of the slot, which it reads before and
//  after the rest.

#ifndef ZSEQ_BUFFER_H_INCLUDED
#define ZSEQ_BUFFER_H_INCLUDED

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

//  Ranges that may be queued behind the current one.
#define ZSEQ_BUFFER_QUEUE_MAX 4
#define ZSEQ_BUFFER_SLOTS 4

//  [first, end).
typedef struct {
    uint64_t first;
    uint64_t end;
} zseq_range_t;

//  A range whose tickets are, or were, drawn.
typedef struct {
    _Atomic uint64_t generation;
    _Atomic uint64_t first;
    _Atomic uint32_t count;
    _Atomic uint32_t low_offset;  //  At this ID the range is low
    _Atomic uint32_t mask;        //  At IDs whose offsets have all these bits
                                  //  it is time to look
} zseq_buffer_slot_t;

//  What an ID says of the current range.
typedef enum {
    ZSEQ_BUFFER_ENOUGH,
    ZSEQ_BUFFER_LOOK,  //  It is one of the IDs at which to look at the time
    ZSEQ_BUFFER_LOW    //  Its taker has to get the next range
} zseq_buffer_level_t;

typedef struct {
    //  The current range's generation, and how many of its IDs were taken. Each
    //  ticket is drawn once, unless a thread stops in the middle of _take while
    //  a multiple of 2^32 ranges come and go.
    _Alignas(64) _Atomic uint64_t ticket;
    _Alignas(64) zseq_buffer_slot_t slot[ZSEQ_BUFFER_SLOTS];
    //  The handle's lock guards what follows.
    uint64_t generation;
    zseq_range_t current;  //  Whole, as when it became current
    zseq_range_t queue[ZSEQ_BUFFER_QUEUE_MAX];  //  Ascending
    size_t queued;
    uint32_t mask;    //  Of ranges to come; UINT32_MAX: none
    uint64_t floor;   //  One above the highest ID handed out, as far as known
    uint64_t issued;  //  IDs handed out, without the current range's
} zseq_buffer_t;

void zseq_buffer_init (zseq_buffer_t *self);

//  Takes the next ID of the current range, and sets *level_p. False: there is
//  none. Any thread, without a lock.
static inline bool
zseq_buffer_take (zseq_buffer_t *self, uint64_t *id_p,
                  zseq_buffer_level_t *level_p)
{
    uint64_t ticket =
      atomic_load_explicit (&self->ticket, memory_order_relaxed);
    zseq_buffer_slot_t *slot = &self->slot[(ticket >> 32) % ZSEQ_BUFFER_SLOTS];
    //  A hint, which keeps the lower half of the ticket from running over.
    if ((uint32_t) ticket >=
        atomic_load_explicit (&slot->count, memory_order_relaxed))
        return false;

    ticket = atomic_fetch_add_explicit (&self->ticket, 1, memory_order_acq_rel);
    uint64_t generation = ticket >> 32;
    uint32_t offset = (uint32_t) ticket;
    slot = &self->slot[generation % ZSEQ_BUFFER_SLOTS];
    uint64_t before =
      atomic_load_explicit (&slot->generation, memory_order_acquire);
    uint64_t first = atomic_load_explicit (&slot->first, memory_order_acquire);
    uint32_t count = atomic_load_explicit (&slot->count, memory_order_acquire);
    uint32_t low_offset =
      atomic_load_explicit (&slot->low_offset, memory_order_acquire);
    uint32_t mask = atomic_load_explicit (&slot->mask, memory_order_acquire);
    uint64_t after =
      atomic_load_explicit (&slot->generation, memory_order_relaxed);
    if (before != generation || after != generation || offset >= count)
        return false;
    *id_p = first + offset;
    *level_p = offset == low_offset      ? ZSEQ_BUFFER_LOW
               : (offset & mask) == mask ? ZSEQ_BUFFER_LOOK
                                         : ZSEQ_BUFFER_ENOUGH;
    return true;
}

//  How many IDs of the current range are left.
uint64_t zseq_buffer_left (const zseq_buffer_t *self);

//  If the current range is used up, makes the first queued range the current
//  one. Returns whether there is anything to take; low_water: how many IDs are
//  left when the next range is needed.
bool zseq_buffer_next_range (zseq_buffer_t *self, uint64_t low_water);

//  S9: cuts off the part of range that lies below an ID handed out, or below
//  one of the current range that will be. Returns how many IDs that burns.
uint64_t zseq_buffer_cut (zseq_buffer_t *self, zseq_range_t *range);

//  Queues a range that _cut has cut. Fewer than ZSEQ_BUFFER_QUEUE_MAX may be
//  queued; an empty range is ignored.
void zseq_buffer_add (zseq_buffer_t *self, const zseq_range_t *range);

//  Notes that count IDs below end were handed out beside the buffer.
void zseq_buffer_note_issued (zseq_buffer_t *self, uint64_t end,
                              uint64_t count);

//  S9: burns all IDs below floor: none of them is handed out after this.
//  Returns how many.
uint64_t zseq_buffer_raise_floor (zseq_buffer_t *self, uint64_t floor,
                                  uint64_t low_water);

//  Burns all IDs in the buffer. Returns how many.
uint64_t zseq_buffer_drain (zseq_buffer_t *self);

//  An upper bound of the IDs handed out so far: an ID is lost when several
//  ranges come and go while a thread is in the middle of _take.
uint64_t zseq_buffer_issued (const zseq_buffer_t *self);

#endif
