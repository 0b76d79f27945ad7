#include "zseq_store_tidy.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
zseq_store_tidy (zseq_store_loading_t *self, zseq_store_journal_t *journal)
{
    assert (self);
    assert (journal);
    const zseq_store_finds_t *finds = &self->finds;
    for (size_t i = 0; i < finds->temp_count; i++)
        if (unlinkat (self->disk->fd, finds->temp[i], 0) != 0)
            return zseq_store_loading_stop_call (self, finds->temp[i],
                                                 "delete");
    if (self->expected->identity == 0)
        return ZSEQ_OK;
    int rc = zseq_store_pair_mend (&self->pair, self->disk, journal,
                                   self->expected->format);
    size_t added = 0;
    for (size_t i = 0; rc == ZSEQ_OK && i < finds->record_count; i++) {
        if (finds->record[i].journaled)
            continue;
        zseq_store_journal_add (journal, finds->record[i].name,
                                finds->record[i].size);
        if (++added % ZSEQ_STORE_GROUP_MAX == 0)
            rc = zseq_store_journal_append (journal, self->disk, true);
    }
    return rc == ZSEQ_OK ? zseq_store_journal_append (journal, self->disk, true)
                         : rc;
}

//  Adds a path and what to do with it.
static void
s_add_path (zseq_store_repair_t *repair, char what, const char *path)
{
    size_t size = strlen (path) + 1;
    repair->paths[repair->paths_size] = what;
    memcpy (repair->paths + repair->paths_size + 1, path, size);
    repair->paths_size += size + 1;
}

//  Lists the paths to move and to delete. False: no memory.
static bool
s_prepare_paths (const zseq_store_loading_t *self, zseq_store_repair_t *repair)
{
    const zseq_store_finds_t *finds = &self->finds;
    size_t size = 0;
    for (size_t i = 0; i < finds->damage_count; i++)
        size += strlen (finds->damage[i].where) + 2;
    for (size_t i = 0; i < finds->temp_count; i++)
        size += strlen (finds->temp[i]) + 2;
    repair->paths = malloc (size > 0 ? size : 1);
    if (!repair->paths)
        return false;
    for (size_t i = 0; i < finds->damage_count; i++)
        if (finds->damage[i].there)
            s_add_path (repair, ZSEQ_STORE_REPAIR_MOVE, finds->damage[i].where);
    for (size_t i = 0; i < finds->temp_count; i++)
        s_add_path (repair, ZSEQ_STORE_REPAIR_DELETE, finds->temp[i]);
    return true;
}

//  Makes a journal of all intact names, but for its header. False: no memory.
static bool
s_prepare_journal (const zseq_store_loading_t *self,
                   zseq_store_repair_t *repair)
{
    const zseq_store_finds_t *finds = &self->finds;
    const size_t frame =
      ZSEQ_STORE_BATCH_HEADER_SIZE + ZSEQ_STORE_CHECKSUM_SIZE;
    size_t size = ZSEQ_STORE_HEADER_SIZE +
                  frame * (finds->record_count / ZSEQ_STORE_GROUP_MAX + 1);
    for (size_t i = 0; i < finds->record_count; i++)
        size += 2u + finds->record[i].size;
    repair->journal = malloc (size);
    if (!repair->journal)
        return false;
    repair->journal_size = ZSEQ_STORE_HEADER_SIZE;
    for (size_t i = 0; i < finds->record_count;) {
        zseq_store_batch_t batch = {repair->journal + repair->journal_size, 0};
        do
            zseq_store_batch_add (&batch, finds->record[i].name,
                                  finds->record[i].size);
        while (++i < finds->record_count && i % ZSEQ_STORE_GROUP_MAX != 0);
        zseq_store_batch_seal (&batch);
        repair->journal_size += batch.size;
    }
    assert (repair->journal_size <= size);
    return true;
}

int
zseq_store_tidy_plan (zseq_store_loading_t *self, zseq_store_repair_t *repair)
{
    assert (self);
    assert (repair);
    repair->needed = true;
    repair->identity = self->identity;
    if (s_prepare_paths (self, repair) && s_prepare_journal (self, repair))
        return ZSEQ_OK;
    zseq_store_repair_term (repair);
    return zseq_store_loading_stop_memory (self);
}
