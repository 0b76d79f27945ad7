//  Runs the steps of loading: zseq_store_loading.h.

#include "zseq_store_load.h"

#include <assert.h>
#include <stdlib.h>

#include "zseq_io_texts.h"
#include "zseq_store_loading.h"
#include "zseq_store_match.h"
#include "zseq_store_replay.h"
#include "zseq_store_scan.h"
#include "zseq_store_sequences.h"
#include "zseq_store_tidy.h"

//  Calls the callbacks for the damage and the records that were found.
static int
s_report_finds (zseq_store_loading_t *self)
{
    const zseq_store_load_callbacks_t *callbacks = self->callbacks;
    const zseq_store_finds_t *finds = &self->finds;
    for (size_t i = 0; callbacks->damage && i < finds->damage_count; i++) {
        char text[ZSEQ_STORE_TEXT_MAX];
        zseq_store_disk_text (self->disk, finds->damage[i].where,
                              finds->damage[i].what, text, sizeof text);
        callbacks->damage (text, callbacks->arg);
    }
    int rc = ZSEQ_OK;
    for (size_t i = 0; rc == ZSEQ_OK && i < finds->record_count; i++)
        rc = callbacks->name (finds->record[i].name, finds->record[i].size,
                              finds->record[i].next,
                              finds->record[i].durable_to, callbacks->arg);
    return rc;
}

//  Runs the steps and fills in result.
static int
s_load (zseq_store_loading_t *self, zseq_store_journal_t *journal,
        zseq_store_repair_t *repair, zseq_store_load_result_t *result)
{
    int rc = zseq_store_replay (self);
    if (rc == ZSEQ_OK)
        rc = zseq_store_scan_directories (self);
    if (rc == ZSEQ_OK)
        rc = zseq_store_sequences_read (self);
    if (rc == ZSEQ_OK)
        rc = zseq_store_match (self);
    if (rc == ZSEQ_OK)
        rc = s_report_finds (self);
    if (rc != ZSEQ_OK)
        return rc;
    result->damaged = self->finds.damage_count + self->expected->lost;
    result->identity =
      result->damaged > 0 ? self->identity : self->expected->identity;
    result->unfinished =
      result->damaged > 0 ? 0 : zseq_store_match_unfinished (self);
    if (!journal)
        return ZSEQ_OK;
    if (result->damaged == 0)
        return zseq_store_tidy (self, journal);
    zseq_store_journal_close (journal);
    return zseq_store_tidy_plan (self, repair);
}

int
zseq_store_read (zseq_store_disk_t *disk, zseq_store_journal_t *journal,
                 zseq_store_repair_t *repair,
                 const zseq_store_expected_t *expected,
                 const zseq_store_load_callbacks_t *callbacks,
                 zseq_store_load_result_t *result_p)
{
    assert (disk);
    assert (!journal == !repair);
    assert (expected);
    zseq_store_loading_t *self = calloc (1, sizeof *self);
    if (!self)
        return zseq_store_disk_fail (disk, ZSEQ_ENOMEM, ".",
                                     ZSEQ_TEXT_NO_MEMORY_LOAD);
    self->disk = disk;
    self->expected = expected;
    self->callbacks = callbacks;
    self->seq_fd = -1;
    atomic_init (&self->identity, expected->identity);
    atomic_init (&self->node, expected->node);
    pthread_mutex_init (&self->mutex, NULL);
    pthread_cond_init (&self->news, NULL);

    zseq_store_load_result_t result = {0};
    int rc = s_load (self, journal, repair, &result);
    if (rc == ZSEQ_OK)
        *result_p = result;

    pthread_cond_destroy (&self->news);
    pthread_mutex_destroy (&self->mutex);
    zseq_store_close (&self->seq_fd);
    zseq_store_finds_term (&self->finds);
    zseq_store_pair_term (&self->pair);
    zseq_store_memory_unmap (self->entry,
                             self->entry_capacity * sizeof *self->entry);
    free (self);
    return rc;
}
