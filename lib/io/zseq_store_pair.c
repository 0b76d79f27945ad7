#include "zseq_store_pair.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "zseq_io_texts.h"

static void
s_image_term (zseq_store_image_t *self)
{
    if (self->bytes)
        (void) munmap (self->bytes,
                       self->capacity);  //  Our mapping: cannot fail
}

void
zseq_store_pair_term (zseq_store_pair_t *self)
{
    assert (self);
    s_image_term (&self->names);
    s_image_term (&self->copy);
    *self = (zseq_store_pair_t){.names = {.there = false}};
}

//  Reading.

//  Reads size bytes of a journal. With a million names a journal is large:
//  memory from the kernel leaves no holes in the heap.
static int
s_read_bytes (zseq_store_image_t *self, zseq_store_disk_t *disk,
              const char *file, int fd, size_t size)
{
    self->capacity = size + 1;
    void *bytes = mmap (NULL, self->capacity, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED)
        return zseq_store_disk_fail (disk, ZSEQ_ENOMEM, file,
                                     ZSEQ_TEXT_NO_MEMORY_LOAD);
    self->bytes = bytes;
    //  S8: sync before reading, as for every file that syncfs has not reached.
    if (disk->sync_each && fsync (fd) != 0)
        return zseq_store_disk_fail_io (disk, file, "fsync");
    zseq_store_disk_forget (disk, fd);
    ssize_t got = zseq_store_read_all (fd, self->bytes, size);
    if (got < 0)
        return zseq_store_disk_fail_io (disk, file, "read");
    self->size = (size_t) got;
    return ZSEQ_OK;
}

//  Finds where the whole batches end.
static void
s_scan (zseq_store_image_t *self)
{
    self->end = ZSEQ_STORE_HEADER_SIZE;
    self->last = self->end;
    size_t whole;
    while ((whole = zseq_store_batch_size (self->bytes + self->end,
                                           self->size - self->end)) > 0) {
        self->last = self->end;
        self->end += whole;
    }
    //  Names contain no NUL and the sizes of batches do, so a name cannot look
    //  like a batch: whatever is found here was written as one.
    if (zseq_store_batch_within (self->bytes + self->end,
                                 self->size - self->end))
        self->damage = ZSEQ_TEXT_JOURNAL_CORRUPT;
}

//  Reads one of the two files and checks its header.
static int
s_image_read (zseq_store_image_t *self, zseq_store_disk_t *disk,
              const char *file, zseq_store_pair_ours_fn *ours, void *arg)
{
    int fd = -1;
    size_t size;
    int rc = zseq_store_disk_open (disk, file, O_RDONLY, &fd, &size);
    if (rc == ZSEQ_EAGAIN)
        return ZSEQ_OK;
    self->there = true;
    if (rc == ZSEQ_EDAMAGED)
        self->damage = ZSEQ_TEXT_STORE_NOT_REGULAR;
    if (rc != ZSEQ_OK)
        return rc == ZSEQ_EDAMAGED ? ZSEQ_OK : rc;
    rc = s_read_bytes (self, disk, file, fd, size);
    zseq_store_close (&fd);
    if (rc != ZSEQ_OK)
        return rc;

    uint64_t identity;
    uint8_t node;
    const char *what;
    rc = zseq_store_header_decode (self->bytes, self->size, &identity, &node,
                                   &what);
    if (rc == ZSEQ_EFOREIGN)
        return zseq_store_disk_fail (disk, rc, file, what);
    self->damage = what;
    if (rc != ZSEQ_OK)
        return ZSEQ_OK;
    rc = ours (identity, node, file, arg);
    if (rc == ZSEQ_OK)
        s_scan (self);
    if (rc != ZSEQ_EDAMAGED)
        return rc;
    self->damage = ZSEQ_TEXT_JOURNAL_OTHER;
    return ZSEQ_OK;
}

int
zseq_store_pair_read (zseq_store_pair_t *self, zseq_store_disk_t *disk,
                      zseq_store_pair_ours_fn *ours, void *arg)
{
    assert (self);
    assert (disk);
    assert (ours);
    int rc = s_image_read (&self->names, disk, ZSEQ_STORE_NAMES, ours, arg);
    return rc == ZSEQ_OK
             ? s_image_read (&self->copy, disk, ZSEQ_STORE_COPY, ours, arg)
             : rc;
}

//  Judging.

//  Whether bytes follow the last whole batch.
static bool
s_has_tail (const zseq_store_image_t *self)
{
    return self->end < self->size;
}

//  Whether the shorter of both is the beginning of the other, as far as their
//  whole batches go.
static bool
s_agree (const zseq_store_pair_t *self)
{
    size_t common =
      self->names.end < self->copy.end ? self->names.end : self->copy.end;
    return memcmp (self->names.bytes, self->copy.bytes, common) == 0;
}

//  Decides whether a crash can have left the two ends. The whole batches of
//  both agree. An append goes to names, is synced there, and only then goes to
//  the copy. So names may end in a partial batch only where the copy ends, and
//  the copy may lack, or end within, only the last batch of names. Everything
//  else was acknowledged.
static void
s_judge_ends (zseq_store_pair_t *self)
{
    zseq_store_image_t *names = &self->names;
    zseq_store_image_t *copy = &self->copy;
    if (names->end < copy->end)
        names->damage = s_has_tail (names) ? ZSEQ_TEXT_JOURNAL_PAIR_CORRUPT
                                           : ZSEQ_TEXT_JOURNAL_PAIR_SHORT;
    else if (names->end == copy->end && s_has_tail (copy)) {
        copy->damage = ZSEQ_TEXT_JOURNAL_PAIR_CONTINUES;
        if (s_has_tail (names))
            names->damage = ZSEQ_TEXT_JOURNAL_PAIR_BOTH;
    }
    else if (names->end > copy->end &&
             (copy->end != names->last || s_has_tail (names) ||
              copy->size > names->size))
        copy->damage = ZSEQ_TEXT_JOURNAL_PAIR_LACKS;
}

void
zseq_store_pair_judge (zseq_store_pair_t *self, uint16_t format)
{
    assert (self);
    zseq_store_image_t *names = &self->names;
    zseq_store_image_t *copy = &self->copy;
    if (!names->there || !copy->there || names->damage || copy->damage)
        return;
    if (!s_agree (self))
        copy->damage = ZSEQ_TEXT_JOURNAL_PAIR_DIFFERS;
    else if (format != 1)
        s_judge_ends (self);
    //  The conversion wrote the copy at once. The copy may be older than the
    //  journal if an older zseqd has written since.
    else if (s_has_tail (copy))
        copy->damage = ZSEQ_TEXT_JOURNAL_PAIR_LAST;
    else if (names->end < copy->end)
        names->damage = ZSEQ_TEXT_JOURNAL_PAIR_SHORT;
}

//  Mending.

//  Truncates a file to size, appends count bytes, and syncs it.
static int
s_end_at (zseq_store_disk_t *disk, int fd, const char *file, size_t size,
          const uint8_t *bytes, size_t count)
{
    if (ftruncate (fd, (off_t) size) != 0)
        return zseq_store_disk_fail_io (disk, file, "truncate");
    if (!zseq_store_write_all (fd, bytes, count, (off_t) size))
        return zseq_store_disk_fail_write (disk, file, "append");
    if (fsync (fd) != 0)
        return zseq_store_disk_fail_io (disk, file, "fsync");
    return ZSEQ_OK;
}

bool
zseq_store_pair_even (const zseq_store_pair_t *self)
{
    assert (self);
    return !s_has_tail (&self->names) && self->copy.there &&
           self->copy.end == self->names.end && !s_has_tail (&self->copy);
}

int
zseq_store_pair_mend (const zseq_store_pair_t *self, zseq_store_disk_t *disk,
                      zseq_store_journal_t *journal, uint16_t format)
{
    assert (self);
    assert (journal);
    const zseq_store_image_t *names = &self->names;
    const zseq_store_image_t *copy = &self->copy;
    assert (names->there && !names->damage && !copy->damage);
    bool has_copy = format != 1;
    assert (!has_copy || copy->there);
    int rc = zseq_store_journal_open (journal, disk, has_copy, names->end);
    if (rc == ZSEQ_OK && s_has_tail (names))
        rc =
          s_end_at (disk, journal->fd, ZSEQ_STORE_NAMES, names->end, NULL, 0);
    if (rc == ZSEQ_OK && has_copy &&
        (copy->end < names->end || s_has_tail (copy)))
        rc = s_end_at (disk, journal->copy_fd, ZSEQ_STORE_COPY, copy->end,
                       names->bytes + copy->end, names->end - copy->end);
    return rc;
}
