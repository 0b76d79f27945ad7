#include "zseq_kvstore_journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zseq_io_texts.h"

#define CLOSING_SIZE (ZSEQ_KVSTORE_BATCH_FRAME + ZSEQ_KVSTORE_NEXT_SIZE)

void
zseq_kvstore_journal_where (uint64_t number, char *where)
{
    snprintf (where, ZSEQ_KVSTORE_WHERE_SIZE,
              ZSEQ_KVSTORE_FOLDER "/journal-%08" PRIu64, number);
}

bool
zseq_kvstore_journal_init (zseq_kvstore_journal_t *self,
                           zseq_store_disk_t *disk,
                           const zseq_kvstore_sizes_t *sizes)
{
    assert (self);
    assert (disk);
    assert (sizes);
    assert (sizes->payload <= ZSEQ_KVSTORE_PAYLOAD_MAX);
    assert (sizes->segment > ZSEQ_KVSTORE_HEADER_SIZE + CLOSING_SIZE +
                               ZSEQ_KVSTORE_BATCH_FRAME + sizes->payload +
                               ZSEQ_KVSTORE_EXTRA_SIZE);
    memset (self, 0, sizeof *self);
    self->disk = disk;
    self->sizes = *sizes;
    self->folder_fd = -1;
    self->current.fd = -1;
    self->next.fd = -1;
    self->zeros = calloc (1, sizes->piece);
    return self->zeros != NULL;
}

void
zseq_kvstore_journal_term (zseq_kvstore_journal_t *self)
{
    zseq_store_close (&self->current.fd);
    zseq_store_close (&self->next.fd);
    zseq_store_close (&self->folder_fd);
    free (self->zeros);
    self->zeros = NULL;
}

int
zseq_kvstore_journal_make (zseq_store_disk_t *disk,
                           const zseq_kvstore_header_t *header,
                           const zseq_kvstore_base_t *base,
                           zseq_kvstore_segment_t *segment,
                           uint64_t *checksum_p)
{
    uint8_t bytes[ZSEQ_KVSTORE_HEADER_SIZE + ZSEQ_KVSTORE_BATCH_FRAME +
                  ZSEQ_KVSTORE_BASE_SIZE];
    size_t size = ZSEQ_KVSTORE_HEADER_SIZE;
    zseq_kvstore_header_encode (header, bytes);
    if (base) {
        zseq_kvstore_batch_t batch = {bytes + size, 0};
        zseq_kvstore_batch_begin (&batch);
        zseq_kvstore_batch_base (&batch, base);
        *checksum_p = zseq_kvstore_batch_seal (&batch, header->salt, 0, 0);
        size += batch.size;
    }
    char where[ZSEQ_KVSTORE_WHERE_SIZE];
    zseq_kvstore_journal_where (header->number, where);
    zseq_store_temp_t temp = {
      .fd = disk->fd, .parent = ZSEQ_KVSTORE_FOLDER "/", .where = where};
    int fd = zseq_store_disk_create (disk, &temp);
    if (fd < 0)
        return zseq_store_disk_fail_write (disk, where,
                                           ZSEQ_TEXT_STORE_CREATE_TEMPORARY);
    int rc = ZSEQ_OK;
    if (!zseq_store_write_all (fd, bytes, size, 0))
        rc = zseq_store_disk_fail_write (disk, where, "write");
    else if (fsync (fd) != 0)
        rc = zseq_store_disk_fail_write (disk, where, "fsync");
    if (rc == ZSEQ_ENOSPACE)
        zseq_store_disk_drop (&temp);
    if (rc == ZSEQ_OK)
        rc = zseq_store_disk_rename (disk, &temp, where + strlen (temp.parent));
    if (rc != ZSEQ_OK) {
        zseq_store_close (&fd);
        return rc;
    }
    *segment = (zseq_kvstore_segment_t){.fd = fd,
                                        .number = header->number,
                                        .salt = header->salt,
                                        .end = size,
                                        .size = size};
    return ZSEQ_OK;
}

//  Makes the segment after the current one, durably.
static int
s_make_next (zseq_kvstore_journal_t *self)
{
    zseq_kvstore_header_t header = {.identity = self->identity,
                                    .node = self->node,
                                    .number = self->current.number + 1};
    randombytes_buf (&header.salt, sizeof header.salt);
    int rc =
      zseq_kvstore_journal_make (self->disk, &header, NULL, &self->next, NULL);
    if (rc == ZSEQ_OK && !zseq_store_sync_directory (self->folder_fd))
        rc = zseq_store_disk_fail_io (self->disk, ZSEQ_KVSTORE_FOLDER, "fsync");
    return rc;
}

bool
zseq_kvstore_journal_fits (const zseq_kvstore_journal_t *self, size_t payload)
{
    return self->current.end + ZSEQ_KVSTORE_BATCH_FRAME + payload +
             CLOSING_SIZE <=
           self->sizes.segment;
}

//  Cuts off what a failed write has left of a batch or of zeros. The next batch
//  may be shorter, and nothing may follow it. A failure is fatal.
static int
s_cut (zseq_kvstore_journal_t *self, zseq_kvstore_segment_t *segment,
       size_t size, const char *where)
{
    if (ftruncate (segment->fd, (off_t) size) != 0)
        return zseq_store_disk_fail_io (self->disk, where, "truncate");
    if (fsync (segment->fd) != 0)
        return zseq_store_disk_fail_io (self->disk, where, "fsync");
    segment->size = size;
    return ZSEQ_ENOSPACE;
}

//  Notes a failed write, and makes it undone if the disk is only full.
static int
s_fail_write (zseq_kvstore_journal_t *self, zseq_kvstore_segment_t *segment,
              size_t size)
{
    char where[ZSEQ_KVSTORE_WHERE_SIZE];
    zseq_kvstore_journal_where (segment->number, where);
    int rc = zseq_store_disk_fail_write (self->disk, where, "write");
    return rc == ZSEQ_ENOSPACE ? s_cut (self, segment, size, where) : rc;
}

//  Syncs a segment. Whatever the reason of a failure, nobody knows what is on
//  disk then.
static int
s_sync (zseq_kvstore_journal_t *self, const zseq_kvstore_segment_t *segment)
{
    if (fdatasync (segment->fd) == 0)
        return ZSEQ_OK;
    char where[ZSEQ_KVSTORE_WHERE_SIZE];
    zseq_kvstore_journal_where (segment->number, where);
    return zseq_store_disk_fail_io (self->disk, where, "fdatasync");
}

int
zseq_kvstore_journal_append (zseq_kvstore_journal_t *self,
                             zseq_kvstore_batch_t *batch, uint64_t position)
{
    assert (position >= self->position);
    zseq_kvstore_segment_t *segment = &self->current;
    uint64_t checksum =
      zseq_kvstore_batch_seal (batch, segment->salt, position, self->checksum);
    if (!zseq_store_write_all (segment->fd, batch->bytes, batch->size,
                               (off_t) segment->end))
        return s_fail_write (self, segment, segment->end);
    int rc = s_sync (self, segment);
    if (rc != ZSEQ_OK)
        return rc;
    segment->end += batch->size;
    if (segment->size < segment->end)
        segment->size = segment->end;
    self->position = position;
    self->checksum = checksum;
    return ZSEQ_OK;
}

int
zseq_kvstore_journal_turn (zseq_kvstore_journal_t *self, uint64_t *size_p)
{
    int rc = self->next.fd < 0 ? s_make_next (self) : ZSEQ_OK;
    if (rc != ZSEQ_OK)
        return rc;
    uint8_t bytes[CLOSING_SIZE];
    zseq_kvstore_batch_t batch = {bytes, 0};
    zseq_kvstore_batch_begin (&batch);
    zseq_kvstore_batch_next (&batch, self->next.number);
    rc = zseq_kvstore_journal_append (self, &batch, self->position);
    if (rc != ZSEQ_OK)
        return rc;
    *size_p = self->current.end;
    zseq_store_close (&self->current.fd);
    self->current = self->next;
    self->next.fd = -1;
    return ZSEQ_OK;
}

//  The segment whose zeros come next, or NULL.
static zseq_kvstore_segment_t *
s_short_of_zeros (zseq_kvstore_journal_t *self)
{
    const zseq_kvstore_segment_t *current = &self->current;
    size_t zeros = current->size - current->end;
    if (zeros >= self->sizes.ahead)
        return NULL;
    if (current->size < self->sizes.segment)
        return &self->current;
    if (self->next.fd < 0)
        return &self->next;
    return zeros + self->next.size < self->sizes.ahead &&
               self->next.size < self->sizes.segment
             ? &self->next
             : NULL;
}

bool
zseq_kvstore_journal_is_short (const zseq_kvstore_journal_t *self)
{
    return s_short_of_zeros ((zseq_kvstore_journal_t *) self) != NULL;
}

int
zseq_kvstore_journal_prepare (zseq_kvstore_journal_t *self)
{
    zseq_kvstore_segment_t *segment = s_short_of_zeros (self);
    assert (segment);
    if (segment->fd < 0)
        return s_make_next (self);
    size_t piece = self->sizes.segment - segment->size;
    if (piece > self->sizes.piece)
        piece = self->sizes.piece;
    if (!zseq_store_write_all (segment->fd, self->zeros, piece,
                               (off_t) segment->size))
        return s_fail_write (self, segment, segment->size);
    int rc = s_sync (self, segment);
    if (rc == ZSEQ_OK)
        segment->size += piece;
    return rc;
}

int
zseq_kvstore_journal_delete (zseq_kvstore_journal_t *self, uint64_t number)
{
    assert (number < self->current.number);
    char where[ZSEQ_KVSTORE_WHERE_SIZE];
    zseq_kvstore_journal_where (number, where);
    if (unlinkat (self->disk->fd, where, 0) != 0 && errno != ENOENT)
        return zseq_store_disk_fail_io (self->disk, where, "delete");
    if (!zseq_store_sync_directory (self->folder_fd))
        return zseq_store_disk_fail_io (self->disk, ZSEQ_KVSTORE_FOLDER,
                                        "fsync");
    return ZSEQ_OK;
}
