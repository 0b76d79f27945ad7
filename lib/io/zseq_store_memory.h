//  Growing memory for loading. A million names take a lot of memory, once, so
//  the memory comes directly from the kernel and goes back to it, and leaves no
//  holes in the heap. Private to the store.

#ifndef ZSEQ_STORE_MEMORY_H_INCLUDED
#define ZSEQ_STORE_MEMORY_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

//  Gives back size bytes; accepts null.
void zseq_store_memory_unmap (void *memory, size_t size);

//  Grows an array to hold count items of item bytes, by doubling. The array
//  starts as null with a capacity of 0; the caller unmaps capacity times item
//  bytes. False: no memory, nothing is changed.
bool zseq_store_memory_reserve (void **items_p, size_t *capacity_p,
                                size_t count, size_t item);

//  A block of texts that never move.
typedef struct zseq_store_chunk zseq_store_chunk_t;
struct zseq_store_chunk {
    zseq_store_chunk_t *next;  //  The block that was filled before
    size_t used;               //  Bytes of texts
    char bytes[(1 << 20) - 2 * sizeof (size_t)];
};

//  Copies size bytes, terminated, into the newest block or a new one. NULL: no
//  memory.
const char *zseq_store_chunk_copy (zseq_store_chunk_t **chunks_p,
                                   const char *bytes, size_t size);

//  Frees all blocks and nulls the pointer.
void zseq_store_chunk_free (zseq_store_chunk_t **chunks_p);

#endif
