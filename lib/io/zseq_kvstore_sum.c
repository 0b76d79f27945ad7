#include "zseq_kvstore_sum.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

//  XXH3 wants its state aligned to 64 bytes.
struct zseq_kvstore_sum {
    XXH3_state_t state;
};

uint64_t
zseq_kvstore_sum (const uint8_t *bytes, size_t size)
{
    return XXH3_64bits (bytes, size);
}

zseq_kvstore_sum_t *
zseq_kvstore_sum_new (void)
{
    zseq_kvstore_sum_t *self = aligned_alloc (64, sizeof *self);
    if (self)
        zseq_kvstore_sum_reset (self);
    return self;
}

void
zseq_kvstore_sum_destroy (zseq_kvstore_sum_t **self_p)
{
    free (*self_p);
    *self_p = NULL;
}

void
zseq_kvstore_sum_reset (zseq_kvstore_sum_t *self)
{
    XXH3_64bits_reset (&self->state);
}

void
zseq_kvstore_sum_add (zseq_kvstore_sum_t *self, const uint8_t *bytes,
                      size_t size)
{
    XXH3_64bits_update (&self->state, bytes, size);
}

uint64_t
zseq_kvstore_sum_value (const zseq_kvstore_sum_t *self)
{
    return XXH3_64bits_digest (&self->state);
}
