#include "zseq_kvstore_shot.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zseq_io_texts.h"

bool
zseq_kvstore_shot_init (zseq_kvstore_shot_t *self, size_t piece)
{
    memset (self, 0, sizeof *self);
    self->fd = -1;
    self->piece = piece;
    self->capacity = piece + ZSEQ_KVSTORE_RECORD_MAX + ZSEQ_STORE_CHECKSUM_SIZE;
    self->bytes = malloc (self->capacity);
    self->sum = zseq_kvstore_sum_new ();
    return self->bytes && self->sum;
}

void
zseq_kvstore_shot_term (zseq_kvstore_shot_t *self)
{
    if (self->fd >= 0)
        zseq_store_disk_drop (&self->temp);
    zseq_store_close (&self->fd);
    zseq_kvstore_sum_destroy (&self->sum);
    free (self->bytes);
    self->bytes = NULL;
}

void
zseq_kvstore_shot_where (uint8_t shard, char *where)
{
    snprintf (where, ZSEQ_KVSTORE_WHERE_SIZE, ZSEQ_KVSTORE_FOLDER "/shard-%02x",
              shard);
}

//  Ends a snapshot that failed.
static int
s_abandon (zseq_kvstore_shot_t *self, int rc)
{
    zseq_store_close (&self->fd);
    if (rc == ZSEQ_ENOSPACE)
        zseq_store_disk_drop (&self->temp);
    return rc;
}

static int
s_fail (zseq_kvstore_shot_t *self, zseq_kvstore_journal_t *journal,
        const char *call)
{
    return s_abandon (
      self, zseq_store_disk_fail_write (journal->disk, self->where, call));
}

//  Writes and syncs the first size bytes of the piece.
static int
s_write (zseq_kvstore_shot_t *self, zseq_kvstore_journal_t *journal,
         size_t size)
{
    //  The old snapshot stands until the rename, so a failed sync that only
    //  says that the disk is full leaves nothing in doubt.
    if (!zseq_store_write_all (self->fd, self->bytes, size, (off_t) self->size))
        return s_fail (self, journal, "write");
    if (fdatasync (self->fd) != 0)
        return s_fail (self, journal, "fdatasync");
    self->size += size;
    return ZSEQ_OK;
}

int
zseq_kvstore_shot_begin (zseq_kvstore_shot_t *self,
                         zseq_kvstore_journal_t *journal,
                         const zseq_kvstore_shot_source_t *source)
{
    assert (self->fd < 0);
    size_t records_size = 0;
    for (size_t i = 0; i < source->count; i++)
        records_size +=
          zseq_kvstore_record_size (&source->registers[i]->record);
    self->source = *source;
    self->done = 0;
    self->size = 0;
    zseq_kvstore_shot_where (source->shard, self->where);
    self->temp = (zseq_store_temp_t){.fd = journal->disk->fd,
                                     .parent = ZSEQ_KVSTORE_FOLDER "/",
                                     .where = self->where};
    if (records_size > UINT32_MAX - ZSEQ_KVSTORE_SHOT_HEADER_SIZE)
        return zseq_store_disk_fail (journal->disk, ZSEQ_ENOSPACE, self->where,
                                     ZSEQ_TEXT_KV_SHARD_LARGE);
    self->fd = zseq_store_disk_create (journal->disk, &self->temp);
    if (self->fd < 0)
        return zseq_store_disk_fail_write (journal->disk, self->where,
                                           ZSEQ_TEXT_STORE_CREATE_TEMPORARY);
    zseq_kvstore_shot_header_t header = {.identity = journal->identity,
                                         .node = journal->node,
                                         .shard = source->shard,
                                         .position = source->position,
                                         .promise = source->promise,
                                         .dropped = source->dropped,
                                         .records_size = records_size};
    zseq_kvstore_shot_encode (&header, self->bytes);
    zseq_kvstore_sum_reset (self->sum);
    zseq_kvstore_sum_add (self->sum, self->bytes,
                          ZSEQ_KVSTORE_SHOT_HEADER_SIZE);
    return s_write (self, journal, ZSEQ_KVSTORE_SHOT_HEADER_SIZE);
}

bool
zseq_kvstore_shot_is_complete (const zseq_kvstore_shot_t *self)
{
    return self->fd >= 0 && self->done == self->source.count;
}

int
zseq_kvstore_shot_step (zseq_kvstore_shot_t *self,
                        zseq_kvstore_journal_t *journal)
{
    assert (self->fd >= 0);
    zseq_store_writing_t writing = {self->bytes, 0};
    while (self->done < self->source.count && writing.size < self->piece) {
        const zseq_kv_record_t *record =
          &self->source.registers[self->done++]->record;
        zseq_kvstore_record_put (&writing, record);
    }
    assert (writing.size <= self->capacity);
    zseq_kvstore_sum_add (self->sum, self->bytes, writing.size);
    return s_write (self, journal, writing.size);
}

int
zseq_kvstore_shot_end (zseq_kvstore_shot_t *self,
                       zseq_kvstore_journal_t *journal)
{
    assert (zseq_kvstore_shot_is_complete (self));
    assert (journal->position >= self->source.position);
    zseq_store_writing_t writing = {self->bytes, 0};
    zseq_store_put_number (&writing, zseq_kvstore_sum_value (self->sum),
                           ZSEQ_STORE_CHECKSUM_SIZE);
    zseq_kvstore_sum_add (self->sum, self->bytes, writing.size);
    int rc = s_write (self, journal, writing.size);
    if (rc != ZSEQ_OK)
        return rc;
    if (fsync (self->fd) != 0)
        return s_fail (self, journal, "fsync");
    zseq_store_close (&self->fd);
    rc = zseq_store_disk_rename (journal->disk, &self->temp,
                                 self->where + strlen (self->temp.parent));
    if (rc != ZSEQ_OK)
        return rc;
    if (!zseq_store_sync_directory (journal->folder_fd))
        return zseq_store_disk_fail_io (journal->disk, ZSEQ_KVSTORE_FOLDER,
                                        "fsync");
    return ZSEQ_OK;
}

void
zseq_kvstore_shot_stop (zseq_kvstore_shot_t *self)
{
    zseq_store_close (&self->fd);
    self->source.registers = NULL;
    self->source.count = 0;
}
