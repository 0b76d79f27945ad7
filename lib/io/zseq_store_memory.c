#include "zseq_store_memory.h"

#include <string.h>
#include <sys/mman.h>

//  Maps size zero bytes; NULL: no memory.
static void *
s_map (size_t size)
{
    void *memory = mmap (NULL, size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

void
zseq_store_memory_unmap (void *memory, size_t size)
{
    if (memory)
        (void) munmap (memory, size);  //  Our mapping: cannot fail
}

bool
zseq_store_memory_reserve (void **items_p, size_t *capacity_p, size_t count,
                           size_t item)
{
    if (count <= *capacity_p)
        return true;
    size_t capacity = *capacity_p ? *capacity_p : 64;
    while (capacity < count)
        capacity *= 2;
    //  Not mremap, which ThreadSanitizer does not support.
    void *items = s_map (capacity * item);
    if (!items)
        return false;
    if (*items_p)
        memcpy (items, *items_p, *capacity_p * item);
    zseq_store_memory_unmap (*items_p, *capacity_p * item);
    *items_p = items;
    *capacity_p = capacity;
    return true;
}

const char *
zseq_store_chunk_copy (zseq_store_chunk_t **chunks_p, const char *bytes,
                       size_t size)
{
    zseq_store_chunk_t *chunk = *chunks_p;
    if (!chunk || chunk->used + size + 1 > sizeof chunk->bytes) {
        chunk = s_map (sizeof *chunk);
        if (!chunk)
            return NULL;
        chunk->next = *chunks_p;
        *chunks_p = chunk;
    }
    char *copy = chunk->bytes + chunk->used;
    memcpy (copy, bytes, size);
    copy[size] = 0;
    chunk->used += size + 1;
    return copy;
}

void
zseq_store_chunk_free (zseq_store_chunk_t **chunks_p)
{
    while (*chunks_p) {
        zseq_store_chunk_t *chunk = *chunks_p;
        *chunks_p = chunk->next;
        zseq_store_memory_unmap (chunk, sizeof *chunk);
    }
}
