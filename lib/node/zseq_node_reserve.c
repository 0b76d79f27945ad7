//  How far ahead of its next a sequence is written: its reserve. The limit on
//  disk follows the rate of claims up, and in steps down again.

#include "zseq_node_private.h"

#include <assert.h>

//  How long after its limit was chosen an entry is looked at again, and how
//  many are at one tick.
#define LOOK_US 1000000
#define LOOKS_MAX 32768

void
zseq_node_reserve_list (zseq_node_t *self, zseq_entry_t *entry)
{
    if (entry->listed)
        return;
    entry->listed = true;
    entry->reserved = NULL;
    *self->reserved_end = entry;
    self->reserved_end = &entry->reserved;
}

void
zseq_node_reserve_ahead (zseq_node_t *self, zseq_entry_t *entry)
{
    if (entry->listed && entry->limit >= entry->seq.next &&
        entry->limit - entry->seq.next <= entry->reserve.claimed)
        zseq_node_mark_dirty (self, entry);
}

void
zseq_node_reserve_shrink (zseq_node_t *self, zseq_entry_t *entry,
                          uint64_t limit)
{
    assert (!entry->writing);
    assert (limit <= entry->limit);
    entry->limit = limit;
    entry->lowering = true;
    zseq_node_mark_dirty (self, entry);
}

//  Lets an entry's reserve follow its rate: to nothing when it is idle.
static void
s_look (zseq_node_t *self, zseq_entry_t *entry)
{
    uint64_t next = entry->seq.next;
    uint64_t unused = entry->limit > next ? entry->limit - next : 0;
    uint64_t wanted = entry->reserve.claimed;
    if (unused && !entry->writing && !entry->queued) {
        if (wanted == 0)
            zseq_node_reserve_shrink (self, entry, next);
        else if (unused / 2 > wanted)
            zseq_node_reserve_shrink (self, entry, next + wanted);
    }
    zseq_reserve_restart (&entry->reserve, self->now_us);
}

void
zseq_node_reserve_revisit (zseq_node_t *self)
{
    for (size_t looks = 0; looks < LOOKS_MAX && self->reserved; looks++) {
        zseq_entry_t *entry = self->reserved;
        if (self->now_us < entry->reserve.since_us + LOOK_US)
            break;
        self->reserved = entry->reserved;
        if (!self->reserved)
            self->reserved_end = &self->reserved;
        entry->listed = false;
        s_look (self, entry);
        if (entry->limit > entry->seq.next || entry->writing)
            zseq_node_reserve_list (self, entry);
    }
}

void
zseq_node_reserve_shrink_all (zseq_node_t *self)
{
    for (zseq_entry_t *entry = self->reserved; entry; entry = entry->reserved)
        if (entry->limit > entry->seq.next && !entry->writing)
            zseq_node_reserve_shrink (self, entry, entry->seq.next);
}

uint64_t
zseq_node_reserve_limit (zseq_node_t *self, zseq_entry_t *entry)
{
    uint64_t limit = entry->seq.next;
    if (!entry->lowering && self->voting && !self->stopping) {
        //  S10: a reserve would be ahead of the clock after a crash.
        uint64_t wanted = 0;
        if (self->reserve_us &&
            !zseq_flake_reserved (entry->name, entry->name_size))
            wanted = zseq_reserve_wanted (&entry->reserve, self->now_us,
                                          self->reserve_us);
        limit = wanted < ZSEQ_NEXT_MAX - limit ? limit + wanted : ZSEQ_NEXT_MAX;
        zseq_reserve_restart (&entry->reserve, self->now_us);
    }
    entry->lowering = false;
    return limit > entry->limit ? limit : entry->limit;
}
