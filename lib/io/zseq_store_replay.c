#include "zseq_store_replay.h"

#include <assert.h>

#include "zseq_io_texts.h"

//  Ends loading with rc; the disk's text already says why. Only before threads
//  start.
static int
s_stop_with_text (zseq_store_loading_t *self, int rc)
{
    self->rc = rc;
    return rc;
}

//  Adds the entries of the whole batches.
static int
s_read_batches (zseq_store_loading_t *self, zseq_store_image_t *image)
{
    for (size_t offset = ZSEQ_STORE_HEADER_SIZE; offset < image->end;) {
        size_t whole =
          zseq_store_batch_size (image->bytes + offset, image->end - offset);
        assert (whole > 0);
        zseq_store_entries_t entries;
        zseq_store_entries_init (&entries, image->bytes + offset, whole);
        while (entries.left > 0) {
            const char *name;
            size_t size;
            if (!zseq_store_entries_next (&entries, &name, &size)) {
                image->damage = ZSEQ_TEXT_JOURNAL_ENTRY;
                return ZSEQ_OK;
            }
            if (!zseq_store_memory_reserve (
                  (void **) &self->entry, &self->entry_capacity,
                  self->entry_count + 1, sizeof *self->entry))
                return zseq_store_loading_stop_memory (self);
            self->entry[self->entry_count++] =
              (zseq_store_name_t){.name = name, .size = (uint8_t) size};
        }
        offset += whole;
    }
    return ZSEQ_OK;
}

//  Whether a journal's header names the same node and cluster as the rest.
static int
s_check_journal (uint64_t identity, uint8_t node, const char *file, void *arg)
{
    zseq_store_loading_t *self = arg;
    if (zseq_store_loading_ours (self, identity, node))
        return ZSEQ_OK;
    return zseq_store_disk_fail (self->disk, ZSEQ_EFOREIGN, file,
                                 ZSEQ_TEXT_JOURNAL_OTHER);
}

int
zseq_store_replay (zseq_store_loading_t *self)
{
    assert (self);
    zseq_store_pair_t *pair = &self->pair;
    int rc = zseq_store_pair_read (pair, self->disk, s_check_journal, self);
    if (rc != ZSEQ_OK)
        return s_stop_with_text (self, rc);
    zseq_store_pair_judge (pair, self->expected->format);
    rc = s_read_batches (self, &pair->names);
    //  With damage the copy may have entries that the journal lacks.
    if (rc == ZSEQ_OK &&
        (!pair->names.there || pair->names.damage || pair->copy.damage))
        rc = s_read_batches (self, &pair->copy);
    if (rc == ZSEQ_OK && pair->names.damage)
        rc = zseq_store_loading_note_damage (
          self, &self->finds, ZSEQ_STORE_NAMES, pair->names.damage, true);
    if (rc == ZSEQ_OK && pair->copy.damage)
        rc = zseq_store_loading_note_damage (
          self, &self->finds, ZSEQ_STORE_COPY, pair->copy.damage, true);
    return rc;
}
