#include "zseq_sources.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

bool
zseq_sources_init (zseq_sources_t *self, size_t connections)
{
    assert (self);
    assert (connections);

    memset (self, 0, sizeof *self);
    self->buckets = 1;
    while (self->buckets < connections)
        self->buckets *= 2;
    //  All zeros are empty lists.
    self->bucket = calloc (self->buckets, sizeof *self->bucket);
    crypto_shorthash_keygen (self->key);
    return self->bucket != NULL;
}

void
zseq_sources_term (zseq_sources_t *self)
{
    assert (self);
    for (size_t index = 0; self->bucket && index < self->buckets; index++)
        assert (LIST_EMPTY (&self->bucket[index]));
    free (self->bucket);
    memset (self, 0, sizeof *self);
}

static struct zseq_source_bucket *
s_bucket (const zseq_sources_t *self, const uint8_t network[ZSEQ_NETWORK_SIZE])
{
    _Static_assert(crypto_shorthash_BYTES == sizeof (uint64_t),
                   "a hash is a number");
    uint64_t hash;
    crypto_shorthash ((uint8_t *) &hash, network, ZSEQ_NETWORK_SIZE, self->key);
    return &self->bucket[hash & (self->buckets - 1)];
}

zseq_source_t *
zseq_sources_enter (zseq_sources_t *self, const zseq_address_t *address)
{
    assert (self);
    assert (self->bucket);
    assert (address);

    uint8_t network[ZSEQ_NETWORK_SIZE];
    zseq_address_network (address, network);
    struct zseq_source_bucket *bucket = s_bucket (self, network);
    zseq_source_t *source;
    LIST_FOREACH (source, bucket, same_bucket)
    if (!memcmp (source->network, network, sizeof network))
        break;
    if (!source) {
        source = calloc (1, sizeof *source);
        if (!source)
            return NULL;
        memcpy (source->network, network, sizeof network);
        LIST_INSERT_HEAD (bucket, source, same_bucket);
    }
    source->count++;
    return source;
}

void
zseq_sources_leave (zseq_source_t *source)
{
    assert (source);
    assert (source->count);
    if (--source->count)
        return;
    LIST_REMOVE (source, same_bucket);
    free (source);
}
