//  The daemon zseqd-segments has small segments in the journal of its
//  registers, so that a short load fills many, and snapshots are made. Linked
//  with --wrap=zseq_kvstore_new.

#include "zseq_kvstore_private.h"

zseq_kvstore_t *__real_zseq_kvstore_new (const zseq_store_t *store);
zseq_kvstore_t *__wrap_zseq_kvstore_new (const zseq_store_t *store);

zseq_kvstore_t *
__wrap_zseq_kvstore_new (const zseq_store_t *store)
{
    static const zseq_kvstore_sizes_t sizes = {.segment = 256u << 10,
                                               .payload = 64u << 10,
                                               .piece = 16u << 10,
                                               .ahead = 64u << 10};
    zseq_kvstore_t *self = __real_zseq_kvstore_new (store);
    if (self)
        zseq_kvstore_set_sizes (self, &sizes);
    return self;
}
