#include "zseq_store_loading.h"

#include <stdio.h>
#include <string.h>

#include "zseq_io_texts.h"

int
zseq_store_loading_stop (zseq_store_loading_t *self, int rc, const char *where,
                         const char *what)
{
    pthread_mutex_lock (&self->mutex);
    if (self->rc == ZSEQ_OK)
        self->rc = zseq_store_disk_fail (self->disk, rc, where, what);
    pthread_mutex_unlock (&self->mutex);
    atomic_store (&self->stop, true);
    return rc;
}

int
zseq_store_loading_stop_call (zseq_store_loading_t *self, const char *where,
                              const char *call)
{
    char what[160];
    snprintf (what, sizeof what, "%s: %m", call);
    return zseq_store_loading_stop (self, ZSEQ_EIO, where, what);
}

int
zseq_store_loading_stop_memory (zseq_store_loading_t *self)
{
    return zseq_store_loading_stop (self, ZSEQ_ENOMEM, ".",
                                    ZSEQ_TEXT_NO_MEMORY_LOAD);
}

int
zseq_store_loading_note_damage (zseq_store_loading_t *self,
                                zseq_store_finds_t *finds, const char *where,
                                const char *what, bool there)
{
    const char *copy =
      zseq_store_chunk_copy (&finds->chunks, where, strlen (where));
    if (!copy || !zseq_store_memory_reserve (
                   (void **) &finds->damage, &finds->damage_capacity,
                   finds->damage_count + 1, sizeof *finds->damage))
        return zseq_store_loading_stop_memory (self);
    finds->damage[finds->damage_count++] =
      (zseq_store_damage_t){copy, what, there};
    return ZSEQ_OK;
}

int
zseq_store_loading_note_temp (zseq_store_loading_t *self,
                              zseq_store_finds_t *finds, const char *where)
{
    const char *copy =
      zseq_store_chunk_copy (&finds->chunks, where, strlen (where));
    if (!copy || !zseq_store_memory_reserve (
                   (void **) &finds->temp, &finds->temp_capacity,
                   finds->temp_count + 1, sizeof *finds->temp))
        return zseq_store_loading_stop_memory (self);
    finds->temp[finds->temp_count++] = copy;
    return ZSEQ_OK;
}

bool
zseq_store_loading_ours (zseq_store_loading_t *self, uint64_t identity,
                         uint8_t node)
{
    uint64_t known = 0;
    uint8_t known_node = ZSEQ_STORE_NODE_UNKNOWN;
    return (atomic_compare_exchange_strong (&self->node, &known_node, node) ||
            known_node == node) &&
           (atomic_compare_exchange_strong (&self->identity, &known,
                                            identity) ||
            known == identity);
}
