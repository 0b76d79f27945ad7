#include "zseq_store_journal.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

bool
zseq_store_journal_init (zseq_store_journal_t *self)
{
    assert (self);
    *self = (zseq_store_journal_t){.fd = -1};
    self->batch.bytes = malloc (ZSEQ_STORE_BATCH_MAX);
    return self->batch.bytes != NULL;
}

void
zseq_store_journal_term (zseq_store_journal_t *self)
{
    assert (self);
    zseq_store_close (&self->fd);
    free (self->batch.bytes);
}

int
zseq_store_journal_replace (zseq_store_journal_t *self, zseq_store_disk_t *disk,
                            const uint8_t *bytes, size_t size)
{
    assert (self);
    int rc = zseq_store_disk_replace (disk, "names", bytes, size);
    if (rc != ZSEQ_OK)
        return rc;
    zseq_store_close (&self->fd);
    size_t found;
    rc = zseq_store_disk_open (disk, "names", O_RDWR, &self->fd, &found);
    if (rc == ZSEQ_OK && found == size) {
        self->size = (off_t) size;
        return ZSEQ_OK;
    }
    return zseq_store_disk_fail (disk, ZSEQ_EIO, "names", "vanished");
}

void
zseq_store_journal_add (zseq_store_journal_t *self, const char *name,
                        size_t size)
{
    assert (self);
    zseq_store_batch_add (&self->batch, name, size);
}

int
zseq_store_journal_append (zseq_store_journal_t *self, zseq_store_disk_t *disk,
                           bool sync)
{
    assert (self);
    if (self->batch.size == 0)
        return ZSEQ_OK;
    assert (self->fd >= 0);
    zseq_store_batch_seal (&self->batch);
    size_t size = self->batch.size;
    self->batch.size = 0;

    if (!zseq_store_write_all (self->fd, self->batch.bytes, size, self->size)) {
        int rc = zseq_store_disk_fail_write (disk, "names", "append");
        if (ftruncate (self->fd, self->size) != 0)
            rc = zseq_store_disk_fail_io (disk, "names",
                                          "truncate after a failed append");
        return rc;
    }
    if (sync && fsync (self->fd) != 0)
        return zseq_store_disk_fail_io (disk, "names", "fsync");
    self->size += (off_t) size;
    return ZSEQ_OK;
}

int
zseq_store_journal_cut (zseq_store_journal_t *self, zseq_store_disk_t *disk,
                        off_t size)
{
    assert (self);
    assert (self->fd >= 0);
    if (ftruncate (self->fd, size) != 0)
        return zseq_store_disk_fail_io (disk, "names", "truncate");
    if (fsync (self->fd) != 0)
        return zseq_store_disk_fail_io (disk, "names", "fsync");
    self->size = size;
    return ZSEQ_OK;
}
