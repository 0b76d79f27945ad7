#include "zseq_node.h"

#include <assert.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t
zseq_sender_hash (const zseq_sender_t *self)
{
    assert (self);
    return XXH3_64bits_withSeed (self->route.id, self->route.size, self->type);
}
