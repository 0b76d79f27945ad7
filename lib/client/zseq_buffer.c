//  The writer's side of the ticket that zseq_buffer.h draws: s_publish makes a
//  range the current one. All of it is under the handle's lock.

#include "zseq_buffer.h"

#include <assert.h>
#include <string.h>

//  IDs of one generation, at most. The lower half of the ticket must not run
//  over, though each thread may draw one ticket too many.
#define COUNT_MAX ((uint64_t) 1 << 31)
#define NO_GENERATION UINT64_MAX

static uint64_t
s_size (const zseq_range_t *range)
{
    return range->end - range->first;
}

void
zseq_buffer_init (zseq_buffer_t *self)
{
    assert (self);

    memset (self, 0, sizeof *self);
    for (size_t index = 1; index < ZSEQ_BUFFER_SLOTS; index++)
        atomic_init (&self->slot[index].generation, NO_GENERATION);
    self->floor = 1;
    self->mask = UINT32_MAX;
}

//  How many IDs of the current range were taken when the ticket was that.
static uint64_t
s_taken (const zseq_buffer_t *self, uint64_t ticket)
{
    uint64_t taken = (uint32_t) ticket;
    uint64_t size = s_size (&self->current);
    return taken < size ? taken : size;
}

static uint64_t
s_taken_now (const zseq_buffer_t *self)
{
    return s_taken (self,
                    atomic_load_explicit (&self->ticket, memory_order_acquire));
}

uint64_t
zseq_buffer_left (const zseq_buffer_t *self)
{
    assert (self);
    return s_size (&self->current) - s_taken_now (self);
}

//  Makes a range of at most COUNT_MAX IDs the current one. Returns what is left
//  of the range before. Threads that take IDs meanwhile get IDs of either
//  range, and none that is in what is left.
static zseq_range_t
s_publish (zseq_buffer_t *self, const zseq_range_t *range, uint64_t low_water)
{
    uint64_t size = s_size (range);
    assert (size <= COUNT_MAX);
    self->generation = (self->generation + 1) & UINT32_MAX;
    zseq_buffer_slot_t *slot =
      &self->slot[self->generation % ZSEQ_BUFFER_SLOTS];
    atomic_store_explicit (&slot->generation, NO_GENERATION,
                           memory_order_relaxed);
    atomic_store_explicit (&slot->first, range->first, memory_order_release);
    atomic_store_explicit (&slot->count, (uint32_t) size, memory_order_release);
    atomic_store_explicit (&slot->low_offset,
                           (uint32_t) (size > low_water ? size - low_water : 0),
                           memory_order_release);
    atomic_store_explicit (&slot->mask, self->mask, memory_order_release);
    atomic_store_explicit (&slot->generation, self->generation,
                           memory_order_release);
    uint64_t ticket = atomic_exchange_explicit (
      &self->ticket, self->generation << 32, memory_order_acq_rel);

    uint64_t taken = s_taken (self, ticket);
    zseq_range_t left = {self->current.first + taken, self->current.end};
    self->issued += taken;
    if (taken && self->floor < left.first)
        self->floor = left.first;
    self->current = *range;
    return left;
}

//  Queues a range that is not empty, in ascending order.
static void
s_insert (zseq_buffer_t *self, const zseq_range_t *range)
{
    assert (self->queued < ZSEQ_BUFFER_QUEUE_MAX);
    size_t at = self->queued++;
    for (; at > 0 && self->queue[at - 1].first > range->first; at--)
        self->queue[at] = self->queue[at - 1];
    self->queue[at] = *range;
}

bool
zseq_buffer_next_range (zseq_buffer_t *self, uint64_t low_water)
{
    assert (self);

    if (zseq_buffer_left (self))
        return true;
    if (!self->queued)
        return false;
    zseq_range_t range = self->queue[0];
    if (s_size (&range) > COUNT_MAX) {
        range.end = range.first + COUNT_MAX;
        self->queue[0].first = range.end;
    }
    else
        memmove (&self->queue[0], &self->queue[1],
                 --self->queued * sizeof self->queue[0]);
    zseq_range_t left = s_publish (self, &range, low_water);
    assert (!s_size (&left));
    return true;
}

//  Cuts off the IDs below floor. Returns how many.
static uint64_t
s_cut (zseq_range_t *range, uint64_t floor)
{
    uint64_t first = range->first < floor ? floor : range->first;
    if (first > range->end)
        first = range->end;
    uint64_t cut = first - range->first;
    range->first = first;
    return cut;
}

//  Notes the IDs taken so far, and that floor, in the buffer's floor.
static void
s_note_floor (zseq_buffer_t *self, uint64_t floor)
{
    uint64_t taken = s_taken_now (self);
    if (taken && self->floor < self->current.first + taken)
        self->floor = self->current.first + taken;
    if (self->floor < floor)
        self->floor = floor;
}

uint64_t
zseq_buffer_cut (zseq_buffer_t *self, zseq_range_t *range)
{
    assert (self);
    assert (range);

    //  What is left of the current range will be handed out first.
    uint64_t floor = self->floor;
    if (floor < self->current.end)
        floor = self->current.end;
    return s_cut (range, floor);
}

void
zseq_buffer_add (zseq_buffer_t *self, const zseq_range_t *range)
{
    assert (self);
    assert (range);
    if (s_size (range))
        s_insert (self, range);
}

void
zseq_buffer_note_issued (zseq_buffer_t *self, uint64_t end, uint64_t count)
{
    assert (self);
    s_note_floor (self, end);
    self->issued += count;
}

uint64_t
zseq_buffer_raise_floor (zseq_buffer_t *self, uint64_t floor,
                         uint64_t low_water)
{
    assert (self);

    s_note_floor (self, floor);
    uint64_t burnt = 0;
    size_t kept = 0;
    for (size_t index = 0; index < self->queued; index++) {
        zseq_range_t range = self->queue[index];
        burnt += s_cut (&range, floor);
        if (s_size (&range))
            self->queue[kept++] = range;
    }
    self->queued = kept;
    if (zseq_buffer_left (self) && self->current.first < floor) {
        zseq_range_t none = {0, 0};
        zseq_range_t left = s_publish (self, &none, 0);
        burnt += s_cut (&left, floor);
        if (s_size (&left))
            s_insert (self, &left);
        (void) zseq_buffer_next_range (self, low_water);
    }
    return burnt;
}

uint64_t
zseq_buffer_drain (zseq_buffer_t *self)
{
    assert (self);

    zseq_range_t none = {0, 0};
    zseq_range_t left = s_publish (self, &none, 0);
    uint64_t burnt = s_size (&left);
    for (size_t index = 0; index < self->queued; index++)
        burnt += s_size (&self->queue[index]);
    self->queued = 0;
    return burnt;
}

uint64_t
zseq_buffer_issued (const zseq_buffer_t *self)
{
    assert (self);
    return self->issued + s_taken_now (self);
}
