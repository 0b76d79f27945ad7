#include "zseq_store_journal.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "zseq_io_texts.h"

bool
zseq_store_journal_init (zseq_store_journal_t *self)
{
    assert (self);
    *self = (zseq_store_journal_t){.fd = -1, .copy_fd = -1};
    self->batch.bytes = malloc (ZSEQ_STORE_BATCH_MAX);
    return self->batch.bytes != NULL;
}

void
zseq_store_journal_close (zseq_store_journal_t *self)
{
    assert (self);
    zseq_store_close (&self->fd);
    zseq_store_close (&self->copy_fd);
}

void
zseq_store_journal_term (zseq_store_journal_t *self)
{
    assert (self);
    zseq_store_journal_close (self);
    free (self->batch.bytes);
}

//  Opens the journal or its copy, which must have at least size bytes.
static int
s_open (zseq_store_disk_t *disk, const char *file, size_t size, int *fd_p)
{
    size_t found;
    zseq_store_close (fd_p);
    int rc = zseq_store_disk_open (disk, file, O_RDWR, fd_p, &found);
    if (rc == ZSEQ_OK && found >= size)
        return ZSEQ_OK;
    zseq_store_close (fd_p);
    return rc == ZSEQ_EIO ? rc
                          : zseq_store_disk_fail (disk, ZSEQ_EIO, file,
                                                  ZSEQ_TEXT_JOURNAL_VANISHED);
}

int
zseq_store_journal_open (zseq_store_journal_t *self, zseq_store_disk_t *disk,
                         bool copy, size_t size)
{
    assert (self);
    zseq_store_journal_close (self);
    self->size = (off_t) size;
    int rc = s_open (disk, ZSEQ_STORE_NAMES, size, &self->fd);
    if (rc == ZSEQ_OK && copy)
        rc = s_open (disk, ZSEQ_STORE_COPY, 0, &self->copy_fd);
    return rc;
}

int
zseq_store_journal_replace (zseq_store_journal_t *self, zseq_store_disk_t *disk,
                            const uint8_t *bytes, size_t size)
{
    assert (self);
    int rc = zseq_store_disk_replace (disk, ZSEQ_STORE_COPY, bytes, size);
    if (rc != ZSEQ_OK)
        return rc;
    rc = zseq_store_disk_replace (disk, ZSEQ_STORE_NAMES, bytes, size);
    if (rc == ZSEQ_OK)
        return zseq_store_journal_open (self, disk, true, size);
    //  Appends may continue, to the old journal and the new copy.
    int opened = self->copy_fd >= 0
                   ? s_open (disk, ZSEQ_STORE_COPY, size, &self->copy_fd)
                   : ZSEQ_OK;
    return opened == ZSEQ_OK ? rc : opened;
}

int
zseq_store_journal_copy (zseq_store_journal_t *self, zseq_store_disk_t *disk)
{
    assert (self);
    assert (self->fd >= 0);
    size_t size = (size_t) self->size;
    uint8_t *bytes = malloc (size);
    if (!bytes)
        return zseq_store_disk_fail (disk, ZSEQ_ENOMEM, ZSEQ_STORE_COPY,
                                     ZSEQ_TEXT_NO_MEMORY_JOURNAL);
    int rc = ZSEQ_OK;
    if (zseq_store_read_all (self->fd, bytes, size) != (ssize_t) size)
        rc = zseq_store_disk_fail_io (disk, ZSEQ_STORE_NAMES, "read");
    if (rc == ZSEQ_OK)
        rc = zseq_store_disk_replace (disk, ZSEQ_STORE_COPY, bytes, size);
    if (rc == ZSEQ_OK)
        rc = s_open (disk, ZSEQ_STORE_COPY, size, &self->copy_fd);
    free (bytes);
    return rc;
}

void
zseq_store_journal_add (zseq_store_journal_t *self, const char *name,
                        size_t size)
{
    assert (self);
    zseq_store_batch_add (&self->batch, name, size);
}

//  Appends the sealed batch to the journal or its copy.
static int
s_append (const zseq_store_journal_t *self, zseq_store_disk_t *disk, int fd,
          const char *file, size_t size, bool sync)
{
    if (!zseq_store_write_all (fd, self->batch.bytes, size, self->size))
        return zseq_store_disk_fail_write (disk, file, "append");
    if (sync && fsync (fd) != 0)
        return zseq_store_disk_fail_io (disk, file, "fsync");
    return ZSEQ_OK;
}

//  Truncates a file to the size before the append.
static int
s_cut (const zseq_store_journal_t *self, zseq_store_disk_t *disk, int fd,
       const char *file)
{
    if (ftruncate (fd, self->size) != 0)
        return zseq_store_disk_fail_io (disk, file, ZSEQ_TEXT_JOURNAL_TRUNCATE);
    return ZSEQ_OK;
}

//  Cuts off what a refused append has left. The copy's cut is synced before the
//  journal is cut, so that the journal never ends before its copy.
static int
s_take_back (const zseq_store_journal_t *self, zseq_store_disk_t *disk,
             bool copy)
{
    if (copy) {
        int rc = s_cut (self, disk, self->copy_fd, ZSEQ_STORE_COPY);
        if (rc != ZSEQ_OK)
            return rc;
        if (fsync (self->copy_fd) != 0)
            return zseq_store_disk_fail_io (disk, ZSEQ_STORE_COPY, "fsync");
    }
    return s_cut (self, disk, self->fd, ZSEQ_STORE_NAMES);
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

    //  A batch that is not in the copy was never acknowledged: a start relies
    //  on that.
    int rc = s_append (self, disk, self->fd, ZSEQ_STORE_NAMES, size, sync);
    bool copy = rc == ZSEQ_OK && self->copy_fd >= 0;
    if (copy)
        rc = s_append (self, disk, self->copy_fd, ZSEQ_STORE_COPY, size, sync);
    if (rc == ZSEQ_OK)
        self->size += (off_t) size;
    if (rc != ZSEQ_ENOSPACE)
        return rc;
    int taken_back = s_take_back (self, disk, copy);
    return taken_back == ZSEQ_OK ? rc : taken_back;
}
