//  Memory that grows, for loading. A million names take a lot, once: it comes
//  from the kernel itself and is given back to it, and leaves no holes in the
//  heap. Private to the store.

#ifndef ZSEQ_STORE_MEMORY_H_INCLUDED
#define ZSEQ_STORE_MEMORY_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

//  Size bytes that are zero; NULL: no memory. Unmapping accepts null.
void *zseq_store_memory_map (size_t size);
void zseq_store_memory_unmap (void *memory, size_t size);

//  Makes room for count items of item bytes, doubling. The array is null with a
//  capacity of 0 at first; the caller unmaps capacity times item bytes of it.
//  False: no memory, nothing is changed.
bool zseq_store_memory_reserve (void **items_p, size_t *capacity_p,
                                size_t count, size_t item);

//  Texts that stay where they are.
typedef struct zseq_store_chunk zseq_store_chunk_t;
struct zseq_store_chunk {
    zseq_store_chunk_t *next;
    size_t used;
    char bytes[(1 << 20) - 2 * sizeof (size_t)];
};

//  A copy of size bytes, terminated, in the last chunk or a new one; NULL: no
//  memory.
const char *zseq_store_chunk_copy (zseq_store_chunk_t **chunks_p,
                                   const char *bytes, size_t size);

//  Frees all of them; null afterwards.
void zseq_store_chunk_free (zseq_store_chunk_t **chunks_p);

#endif
