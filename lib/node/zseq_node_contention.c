//  Which names several clients ask for at the same time. Replies to READ and
//  CLAIM say so (`contended`), and a client that is told delegates the name at
//  once: it need not lose a claim first. A newcomer cannot know that it is one
//  of many, but the node can. No name has memory of its own: names share slots
//  by their hashes, so names that do not exist yet count, too, and two names in
//  one slot cost their clients a detour at worst.
//
//  For clients that claim for themselves all the same, replies to CLAIM say how
//  many IDs the last claim took: that is how far a client that never wins has
//  to skip ahead.

#include "zseq_node_private.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

//  Two clients compete if their requests are no further apart.
#define APART_US_MAX 100000
//  How long that is remembered.
#define CONTENDED_US 1000000

size_t
zseq_node_contention_note (zseq_node_t *self, const zseq_sender_t *sender,
                           zseq_slice_t name)
{
    uint64_t name_hash = XXH3_64bits (name.data, name.size);
    size_t slot = name_hash % ZSEQ_CONTENTION_SLOTS;
    zseq_node_contention_t *contention = &self->contention[slot];
    //  How far a client skips must not depend on another name.
    if (contention->name != name_hash)
        contention->claimed = 0;
    contention->name = name_hash;
    //  The own coordinator claims for clients that were noted before.
    if (sender->type == ZSEQ_SENDER_SELF)
        return slot;
    uint64_t hash = zseq_sender_hash (sender);
    if (contention->sender != hash && contention->last_us &&
        self->now_us - contention->last_us <= APART_US_MAX)
        contention->until_us = self->now_us + CONTENDED_US;
    contention->sender = hash;
    contention->last_us = self->now_us;
    return slot;
}

void
zseq_node_contention_note_claim (zseq_node_t *self, size_t slot, uint64_t count)
{
    self->contention[slot].claimed = count;
}

bool
zseq_node_contended (const zseq_node_t *self, size_t slot)
{
    return self->now_us < self->contention[slot].until_us;
}
