//  IDs that a handle has claimed and not handed out yet. Taking one needs no
//  lock: a ticket is drawn by one atomic addition, and says which ID of the
//  current range it stands for. All other calls are made under the handle's
//  lock.

#ifndef ZSEQ_BUFFER_H_INCLUDED
#define ZSEQ_BUFFER_H_INCLUDED

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

//  Ranges that may wait behind the current one.
#define ZSEQ_BUFFER_QUEUE_MAX 4
#define ZSEQ_BUFFER_SLOTS 4

//  [first, end).
typedef struct {
    uint64_t first;
    uint64_t end;
} zseq_range_t;

//  A range whose tickets are, or were, drawn. What is read of it counts only if
//  its generation was the ticket's before and after: the slot is used again.
typedef struct {
    _Atomic uint64_t generation;
    _Atomic uint64_t first;
    _Atomic uint32_t count;
    _Atomic uint32_t
      low_offset;           //  Whoever takes that one sees to the next range
    _Atomic uint32_t mask;  //  ... and one whose number has all these bits
} zseq_buffer_slot_t;

typedef struct {
    //  The current range's generation, and how many of its IDs were taken: the
    //  upper and the lower half. Each ticket is drawn once, unless a thread
    //  stands still in the middle of taking one while a multiple of 2^32 ranges
    //  comes and goes.
    _Alignas(64) _Atomic uint64_t ticket;
    _Alignas(64) zseq_buffer_slot_t slot[ZSEQ_BUFFER_SLOTS];
    //  The handle's lock guards what follows.
    uint64_t generation;
    zseq_range_t current;  //  As it was when it became current
    zseq_range_t queue[ZSEQ_BUFFER_QUEUE_MAX];  //  Ascending
    size_t queued;
    uint32_t mask;    //  Of ranges to come; UINT32_MAX: no such
    uint64_t floor;   //  One above the highest ID handed out, as far as known
    uint64_t issued;  //  IDs handed out, but for the current range's
} zseq_buffer_t;

void zseq_buffer_init (zseq_buffer_t *self);

//  Takes the next ID, if there is one in the current range. low_p: it is time
//  to see to the next range. Any thread, without a lock.
static inline bool
zseq_buffer_take (zseq_buffer_t *self, uint64_t *id_p, bool *low_p)
{
    uint64_t ticket =
      atomic_load_explicit (&self->ticket, memory_order_relaxed);
    zseq_buffer_slot_t *slot = &self->slot[(ticket >> 32) % ZSEQ_BUFFER_SLOTS];
    //  Only a hint; it keeps the lower half from growing.
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
    *low_p = offset == low_offset || (offset & mask) == mask;
    return true;
}

//  IDs that are left of the current range.
uint64_t zseq_buffer_left (const zseq_buffer_t *self);

//  If the current range is used up, makes the first queued range the current
//  one. Returns whether there is anything to take; low_water: how many are left when it is time for the next.
bool zseq_buffer_next_range (zseq_buffer_t *self, uint64_t low_water);

//  S9: cuts off what lies below an ID that was handed out, or is going to be,
//  of the current range. Returns how much is burnt by that.
uint64_t zseq_buffer_cut (zseq_buffer_t *self, zseq_range_t *range);

//  Adds a range that was cut, or what is left of it. There must be room.
void zseq_buffer_add (zseq_buffer_t *self, const zseq_range_t *range);

//  IDs were handed out beside the buffer, up to and without end.
void zseq_buffer_note_issued (zseq_buffer_t *self, uint64_t end,
                              uint64_t count);

//  S9: nothing below floor is handed out after this. Returns how much is burnt.
uint64_t zseq_buffer_raise_floor (zseq_buffer_t *self, uint64_t floor,
                                  uint64_t low_water);

//  Drops everything. Returns how much is burnt.
uint64_t zseq_buffer_drain (zseq_buffer_t *self);

//  IDs handed out so far; at most, as one is lost to whoever is overtaken by
//  several ranges in the middle of taking it.
uint64_t zseq_buffer_issued (const zseq_buffer_t *self);

#endif
