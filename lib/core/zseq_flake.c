#include "zseq_flake.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

//  In last: no ID has that many bits without its worker's.
#define CLOSED UINT64_MAX

void
zseq_flake_layout_init (zseq_flake_layout_t *self)
{
    assert (self);

    self->time_bits = ZSEQ_FLAKE_TIME_BITS;
    self->worker_bits = ZSEQ_FLAKE_WORKER_BITS;
    self->sequence_bits = ZSEQ_FLAKE_SEQUENCE_BITS;
    self->epoch_ms = ZSEQ_FLAKE_EPOCH_MS;
}

int
zseq_flake_layout_check (const zseq_flake_layout_t *self)
{
    assert (self);

    bool valid = self->time_bits >= 1 && self->worker_bits >= 1 &&
                 self->worker_bits <= ZSEQ_FLAKE_WORKER_BITS_MAX &&
                 self->sequence_bits >= 1 &&
                 self->sequence_bits <= ZSEQ_FLAKE_SEQUENCE_BITS_MAX &&
                 self->time_bits + self->worker_bits + self->sequence_bits <=
                   ZSEQ_FLAKE_BITS_MAX &&
                 self->epoch_ms <= ZSEQ_FLAKE_EPOCH_MS_MAX;
    return valid ? ZSEQ_OK : ZSEQ_EINVAL;
}

bool
zseq_flake_layout_same (const zseq_flake_layout_t *self,
                        const zseq_flake_layout_t *other)
{
    assert (self);
    assert (other);

    return self->time_bits == other->time_bits &&
           self->worker_bits == other->worker_bits &&
           self->sequence_bits == other->sequence_bits &&
           self->epoch_ms == other->epoch_ms;
}

uint64_t
zseq_flake_ms_end (const zseq_flake_layout_t *layout)
{
    return (uint64_t) 1 << layout->time_bits;
}

uint64_t
zseq_flake_worker_end (const zseq_flake_layout_t *layout)
{
    return (uint64_t) 1 << layout->worker_bits;
}

uint64_t
zseq_flake_sequence_end (const zseq_flake_layout_t *layout)
{
    return (uint64_t) 1 << layout->sequence_bits;
}

uint64_t
zseq_flake_ms (const zseq_flake_layout_t *layout, uint64_t unix_ms)
{
    return unix_ms > layout->epoch_ms ? unix_ms - layout->epoch_ms : 0;
}

uint64_t
zseq_flake_encode (const zseq_flake_layout_t *layout, uint64_t ms,
                   uint32_t worker, uint32_t sequence)
{
    assert (ms >= 1);
    assert (ms < zseq_flake_ms_end (layout));
    assert (worker < zseq_flake_worker_end (layout));
    assert (sequence < zseq_flake_sequence_end (layout));

    return ((ms << layout->worker_bits | worker) << layout->sequence_bits) |
           sequence;
}

int
zseq_flake_decode (const zseq_flake_layout_t *layout, uint64_t id,
                   uint64_t *unix_ms_p, uint32_t *worker_p,
                   uint32_t *sequence_p)
{
    assert (layout);
    assert (unix_ms_p);
    assert (worker_p);
    assert (sequence_p);

    uint64_t rest = id >> layout->sequence_bits;
    uint64_t ms = rest >> layout->worker_bits;
    if (ms < 1 || ms >= zseq_flake_ms_end (layout))
        return ZSEQ_EINVAL;
    *unix_ms_p = layout->epoch_ms + ms;
    *worker_p = (uint32_t) (rest & (zseq_flake_worker_end (layout) - 1));
    *sequence_p = (uint32_t) (id & (zseq_flake_sequence_end (layout) - 1));
    return ZSEQ_OK;
}

//  Names.

size_t
zseq_flake_name (const zseq_flake_layout_t *layout, uint32_t worker, char *name)
{
    assert (layout);
    assert (worker < zseq_flake_worker_end (layout));
    assert (name);

    int size = snprintf (name, ZSEQ_FLAKE_NAME_SIZE,
                         ZSEQ_FLAKE_PREFIX "%u-%u-%u/%" PRIu64 "/%" PRIu32,
                         layout->time_bits, layout->worker_bits,
                         layout->sequence_bits, layout->epoch_ms, worker);
    assert (size > 0);
    assert (size < ZSEQ_FLAKE_NAME_SIZE);
    return (size_t) size;
}

bool
zseq_flake_reserved (const char *name, size_t size)
{
    assert (name);

    size_t prefix_size = sizeof ZSEQ_FLAKE_PREFIX - 1;
    return size >= prefix_size &&
           !memcmp (name, ZSEQ_FLAKE_PREFIX, prefix_size);
}

//  Reads a number and skips the separator after it. Accepts other spellings of
//  the number, too; the caller compares the result with the one spelling.
static uint64_t
s_scan (const char **text, const char *end)
{
    uint64_t number = 0;
    while (*text < end && **text >= '0' && **text <= '9' &&
           number <= ZSEQ_FLAKE_EPOCH_MS_MAX)
        number = number * 10 + (uint64_t) (*(*text)++ - '0');
    if (*text < end)
        (*text)++;
    return number;
}

int
zseq_flake_parse (const char *name, size_t size, zseq_flake_layout_t *layout_p,
                  uint32_t *worker_p)
{
    assert (layout_p);
    assert (worker_p);

    if (!zseq_flake_reserved (name, size))
        return ZSEQ_EINVAL;
    const char *text = name + sizeof ZSEQ_FLAKE_PREFIX - 1;
    const char *end = name + size;
    zseq_flake_layout_t layout;
    layout.time_bits = (uint8_t) s_scan (&text, end);
    layout.worker_bits = (uint8_t) s_scan (&text, end);
    layout.sequence_bits = (uint8_t) s_scan (&text, end);
    layout.epoch_ms = s_scan (&text, end);
    uint32_t worker = (uint32_t) s_scan (&text, end);
    if (zseq_flake_layout_check (&layout) != ZSEQ_OK ||
        worker >= zseq_flake_worker_end (&layout))
        return ZSEQ_EINVAL;

    //  Each worker has one spelling: refuses every other one that was scanned.
    char spelt[ZSEQ_FLAKE_NAME_SIZE];
    if (zseq_flake_name (&layout, worker, spelt) != size ||
        memcmp (name, spelt, size) != 0)
        return ZSEQ_EINVAL;
    *layout_p = layout;
    *worker_p = worker;
    return ZSEQ_OK;
}

bool
zseq_flake_claimable (const zseq_flake_layout_t *layout, uint64_t end_ms,
                      uint64_t wall_ms)
{
    assert (layout);

    if (wall_ms == 0 || wall_ms > UINT64_MAX - ZSEQ_FLAKE_AHEAD_MS)
        return false;
    return end_ms <= zseq_flake_ms (layout, wall_ms + ZSEQ_FLAKE_AHEAD_MS);
}

//  The generator. Its state is one number: the thread that advances it takes
//  the ID that the new value stands for.

void
zseq_flake_init (zseq_flake_t *self, const zseq_flake_layout_t *layout,
                 uint32_t worker, uint64_t first_ms, uint64_t end_ms)
{
    assert (self);
    assert (layout);
    assert (zseq_flake_layout_check (layout) == ZSEQ_OK);
    assert (worker < zseq_flake_worker_end (layout));
    assert (first_ms >= 1);

    self->layout = *layout;
    self->worker = worker;
    uint64_t ms_end = zseq_flake_ms_end (layout);
    if (first_ms > ms_end)
        first_ms = ms_end;
    atomic_init (&self->last, (first_ms << layout->sequence_bits) - 1);
    atomic_init (&self->end_ms, 0);
    zseq_flake_extend (self, end_ms);
}

int
zseq_flake_take (zseq_flake_t *self, uint64_t now_ms, uint64_t *id_p,
                 uint64_t *until_ms_p)
{
    assert (self);
    assert (id_p);
    assert (until_ms_p);

    const zseq_flake_layout_t *layout = &self->layout;
    uint64_t last = atomic_load (&self->last);
    uint64_t next;
    uint64_t ms;
    do {
        if (last == CLOSED)
            return ZSEQ_EEXHAUSTED;
        next = last + 1;
        ms = next >> layout->sequence_bits;
        bool fresh = ms < now_ms;
        if (fresh)
            ms = now_ms;
        if (ms >= atomic_load (&self->end_ms))
            return ZSEQ_EEXHAUSTED;
        if (ms > now_ms) {
            *until_ms_p = ms;
            return ZSEQ_EAGAIN;
        }
        if (fresh)
            next = ms << layout->sequence_bits;
    } while (!atomic_compare_exchange_weak (&self->last, &last, next));

    uint64_t sequence = next & (zseq_flake_sequence_end (layout) - 1);
    *id_p = zseq_flake_encode (layout, ms, self->worker, (uint32_t) sequence);
    return ZSEQ_OK;
}

void
zseq_flake_extend (zseq_flake_t *self, uint64_t end_ms)
{
    assert (self);

    uint64_t ms_end = zseq_flake_ms_end (&self->layout);
    if (end_ms > ms_end)
        end_ms = ms_end;
    uint64_t held = atomic_load (&self->end_ms);
    while (held < end_ms &&
           !atomic_compare_exchange_weak (&self->end_ms, &held, end_ms)) {
    }
}

uint64_t
zseq_flake_close (zseq_flake_t *self)
{
    assert (self);

    uint64_t last = atomic_exchange (&self->last, CLOSED);
    return last == CLOSED ? 0 : (last >> self->layout.sequence_bits) + 1;
}
