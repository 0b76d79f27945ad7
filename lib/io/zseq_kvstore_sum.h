//  The checksum of a file of the key-value store that is written or read in
//  pieces: XXH3, 64 bits. Private to the store.

#ifndef ZSEQ_KVSTORE_SUM_H_INCLUDED
#define ZSEQ_KVSTORE_SUM_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

typedef struct zseq_kvstore_sum zseq_kvstore_sum_t;

//  Of bytes that are all there.
uint64_t zseq_kvstore_sum (const uint8_t *bytes, size_t size);

//  NULL: no memory.
zseq_kvstore_sum_t *zseq_kvstore_sum_new (void);
void zseq_kvstore_sum_destroy (zseq_kvstore_sum_t **self_p);

//  Forgets all bytes.
void zseq_kvstore_sum_reset (zseq_kvstore_sum_t *self);

void zseq_kvstore_sum_add (zseq_kvstore_sum_t *self, const uint8_t *bytes,
                           size_t size);

//  Of all bytes that were added.
uint64_t zseq_kvstore_sum_value (const zseq_kvstore_sum_t *self);

#endif
