#include "zseq_kv_seen.h"

#include <assert.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

void
zseq_kv_seen_init (zseq_kv_seen_t *self)
{
    assert (self);
    memset (self, 0, sizeof *self);
    pthread_mutex_init (&self->lock, NULL);
}

void
zseq_kv_seen_term (zseq_kv_seen_t *self)
{
    assert (self);
    pthread_mutex_destroy (&self->lock);
}

static uint64_t
s_hash (zseq_slice_t key)
{
    return XXH3_64bits (key.data, key.size);
}

//  Keys of one slot may be of different shards.
static zseq_kv_seen_slot_t *
s_slot (zseq_kv_seen_t *self, uint64_t hash)
{
    return &self->slot[(hash >> 32) % ZSEQ_KV_SEEN_MAX];
}

//  The highest version of the key that was seen, or a higher one.
static uint64_t
s_version (zseq_kv_seen_t *self, uint64_t hash)
{
    const zseq_kv_seen_slot_t *slot = s_slot (self, hash);
    return slot->version && slot->key == hash
             ? slot->version
             : self->forgotten[hash % ZSEQ_SHARDS];
}

static void
s_raise (uint64_t *value, uint64_t to)
{
    if (*value < to)
        *value = to;
}

uint64_t
zseq_kv_seen_prepare (zseq_kv_seen_t *self, zseq_kv_ask_t *ask)
{
    assert (self);
    assert (ask);

    uint64_t hash = s_hash (ask->key);
    pthread_mutex_lock (&self->lock);
    const zseq_kv_seen_slot_t *slot = s_slot (self, hash);
    ask->least = s_version (self, hash);
    //  Not the version of another key: a ballot may be too old for it.
    ask->op.since = self->floor[hash % ZSEQ_SHARDS];
    if (slot->version && slot->key == hash)
        s_raise (&ask->op.since, slot->version);
    uint64_t forgotten = self->forgotten[hash % ZSEQ_SHARDS];
    pthread_mutex_unlock (&self->lock);
    return forgotten;
}

//  Gives the key a slot. If a higher version was forgotten since the call
//  began, that may be this key's, and the key goes without.
static void
s_insert (zseq_kv_seen_t *self, zseq_kv_seen_slot_t *slot, uint64_t hash,
          uint64_t version, uint64_t forgotten)
{
    if (self->forgotten[hash % ZSEQ_SHARDS] != forgotten) {
        s_raise (&self->forgotten[hash % ZSEQ_SHARDS], version);
        return;
    }
    if (slot->version)
        s_raise (&self->forgotten[slot->key % ZSEQ_SHARDS], slot->version);
    *slot = (zseq_kv_seen_slot_t){.key = hash, .version = version};
}

void
zseq_kv_seen_note (zseq_kv_seen_t *self, zseq_slice_t key, uint64_t forgotten,
                   uint64_t version, uint64_t floor)
{
    assert (self);

    uint64_t hash = s_hash (key);
    uint8_t shard = (uint8_t) (hash % ZSEQ_SHARDS);
    pthread_mutex_lock (&self->lock);
    s_raise (&self->floor[shard], floor);
    //  A version was made under a ballot with that floor, or a higher one.
    s_raise (&self->floor[shard], version >> 32 << 32);
    zseq_kv_seen_slot_t *slot = s_slot (self, hash);
    if (slot->version && slot->key == hash)
        s_raise (&slot->version, version);
    else if (version)
        s_insert (self, slot, hash, version, forgotten);
    pthread_mutex_unlock (&self->lock);
}
