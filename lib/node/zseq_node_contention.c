//  Which names several clients ask for at the same time. Replies to READ and
//  CLAIM say so (`contended`), and a client that is told delegates the name at
//  once: it need not lose a claim first. A newcomer cannot know that it is one
//  of many, but the node can. No name has memory of its own: names share slots
//  by their hashes, so names that do not exist yet count, too, and two names in
//  one slot cost their clients a detour at worst.
//
//  For clients that claim for themselves all the same, replies to CLAIM say how
//  many IDs the last claim took: that is how far a client that never wins has
//  to skip ahead. INFO tells an operator when that was, whose it was, and how
//  many IDs the claims of the last second took.

#include "zseq_node_private.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

//  Two clients compete if their requests are no further apart.
#define APART_US_MAX 100000
//  How long that is remembered.
#define CONTENDED_US 1000000
#define SECOND_US 1000000

static zseq_node_contention_t *
s_slot (zseq_node_t *self, uint64_t name_hash)
{
    return &self->contention[name_hash % ZSEQ_CONTENTION_SLOTS];
}

uint64_t
zseq_node_contention_note (zseq_node_t *self, const zseq_sender_t *sender,
                           zseq_slice_t name)
{
    uint64_t name_hash = XXH3_64bits (name.data, name.size);
    zseq_node_contention_t *contention = s_slot (self, name_hash);
    //  How far a client skips must not depend on another name.
    if (contention->name != name_hash) {
        contention->claimed = 0;
        contention->claimed_us = 0;
        contention->second_ids = 0;
        contention->second_before = 0;
        contention->claimant.size = 0;
    }
    contention->name = name_hash;
    //  The own coordinator claims for clients that were noted before.
    if (sender->type == ZSEQ_SENDER_SELF)
        return name_hash;
    uint64_t hash = zseq_sender_hash (sender);
    if (contention->sender != hash && contention->last_us &&
        self->now_us - contention->last_us <= APART_US_MAX)
        contention->until_us = self->now_us + CONTENDED_US;
    contention->sender = hash;
    contention->last_us = self->now_us;
    return name_hash;
}

//  Begins the second that it is now, if the last one is over.
static void
s_turn (zseq_node_contention_t *self, uint64_t now_us)
{
    uint64_t age_us = now_us - self->second_us;
    if (age_us < SECOND_US)
        return;
    bool next = age_us < 2 * SECOND_US;
    self->second_before = next ? self->second_ids : 0;
    self->second_us = next ? self->second_us + SECOND_US : now_us;
    self->second_ids = 0;
}

void
zseq_node_contention_note_claim (zseq_node_t *self, uint64_t name_hash,
                                 uint64_t count)
{
    s_slot (self, name_hash)->claimed = count;
}

void
zseq_node_contention_note_durable (zseq_node_t *self,
                                   const zseq_sender_t *sender,
                                   uint64_t name_hash, uint64_t count)
{
    zseq_node_contention_t *contention = s_slot (self, name_hash);
    //  Another name has taken the slot meanwhile.
    if (contention->name != name_hash)
        return;
    s_turn (contention, self->now_us);
    //  IDs end at 2^63, and none is claimed twice here: no overflow.
    contention->second_ids += count;
    contention->claimed_us = self->now_us;
    //  For whom the own coordinator claims is known when it answers them.
    if (sender->type != ZSEQ_SENDER_SELF)
        contention->claimant = zseq_node_labels_find (self, sender);
}

void
zseq_node_contention_note_served (zseq_node_t *self,
                                  const zseq_sender_t *sender,
                                  zseq_slice_t name)
{
    uint64_t name_hash = XXH3_64bits (name.data, name.size);
    zseq_node_contention_t *contention = s_slot (self, name_hash);
    if (contention->name == name_hash)
        contention->claimant = zseq_node_labels_find (self, sender);
}

uint64_t
zseq_node_contention_claimed (const zseq_node_t *self, uint64_t name_hash)
{
    return self->contention[name_hash % ZSEQ_CONTENTION_SLOTS].claimed;
}

void
zseq_node_contention_info (const zseq_node_t *self, zseq_slice_t name,
                           zseq_msg_info_t *info)
{
    uint64_t name_hash = XXH3_64bits (name.data, name.size);
    const zseq_node_contention_t *slot =
      &self->contention[name_hash % ZSEQ_CONTENTION_SLOTS];
    if (slot->name != name_hash || !slot->claimed_us)
        return;
    zseq_node_contention_t contention = *slot;
    s_turn (&contention, self->now_us);
    //  Of the second before, as much as belongs to the last second.
    uint64_t left_us = SECOND_US - (self->now_us - contention.second_us);
    uint64_t before = contention.second_before;
    info->rate = contention.second_ids + before / SECOND_US * left_us +
                 before % SECOND_US * left_us / SECOND_US;
    uint64_t since_us = self->now_us - contention.claimed_us;
    info->since_us = since_us ? since_us : 1;
    info->claimant = (zseq_slice_t){slot->claimant.text, slot->claimant.size};
}

bool
zseq_node_contended (const zseq_node_t *self, uint64_t name_hash)
{
    return self->now_us <
           self->contention[name_hash % ZSEQ_CONTENTION_SLOTS].until_us;
}
