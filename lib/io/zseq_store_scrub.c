#include "zseq_store_scrub.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zseq_io_texts.h"

#define PIECE_SIZE 32768

int
zseq_store_scrub_fail (zseq_store_disk_t *disk, const char *where,
                       const char *call)
{
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
        return ZSEQ_EAGAIN;
    (void) zseq_store_disk_fail_io (disk, where, call);
    return ZSEQ_EDAMAGED;
}

int
zseq_store_scrub_open (zseq_store_disk_t *disk, const char *where, int *fd_p)
{
    const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
    *fd_p = zseq_store_openat (disk->fd, where, flags | O_NOATIME);
    if (*fd_p < 0 && errno == EPERM)
        *fd_p = zseq_store_openat (disk->fd, where, flags);
    if (*fd_p >= 0)
        return ZSEQ_OK;
    if (errno == ENOENT)
        return zseq_store_disk_fail (disk, ZSEQ_EDAMAGED, where, "missing");
    return zseq_store_scrub_fail (disk, where, "open");
}

//  Reads up to size bytes of a record. size is one more than a record may have,
//  so that a longer one shows.
static int
s_read_record (zseq_store_disk_t *disk, const char *where, uint8_t *bytes,
               size_t size, size_t *got_p)
{
    int fd;
    int rc = zseq_store_scrub_open (disk, where, &fd);
    if (rc != ZSEQ_OK)
        return rc;
    zseq_store_disk_forget (disk, fd);
    ssize_t got = zseq_store_read_all (fd, bytes, size);
    if (got < 0)
        rc = zseq_store_scrub_fail (disk, where, "read");
    else
        *got_p = (size_t) got;
    zseq_store_close (&fd);
    return rc;
}

int
zseq_store_scrub_sequence (zseq_store_disk_t *disk,
                           const zseq_store_expected_t *expected,
                           const char *name, size_t size, uint64_t durable_to)
{
    assert (disk);
    assert (expected);
    zseq_store_path_t path;
    zseq_store_path_init (&path, name, size);
    char where[ZSEQ_STORE_PATH_SIZE];
    snprintf (where, sizeof where, "seq/%02x/%s", path.bucket, path.file);
    uint8_t bytes[ZSEQ_STORE_SEQUENCE_MAX + 1];
    size_t got;
    int rc = s_read_record (disk, where, bytes, sizeof bytes, &got);
    if (rc != ZSEQ_OK)
        return rc;
    zseq_store_sequence_t sequence;
    const char *what = NULL;
    rc = zseq_store_sequence_decode (&sequence, bytes, got, &what);
    if (rc != ZSEQ_OK)
        return zseq_store_disk_fail (disk, ZSEQ_EDAMAGED, where, what);
    if (sequence.identity != expected->identity ||
        sequence.node != expected->node)
        what = ZSEQ_TEXT_RECORD_OTHER;
    else if (sequence.name_size != size ||
             memcmp (sequence.name, name, size) != 0)
        what = ZSEQ_TEXT_RECORD_OTHER_NAME;
    //  A refused write may have left a higher one.
    else if (sequence.durable_to < durable_to)
        what = ZSEQ_TEXT_SCRUB_OLDER;
    return what ? zseq_store_disk_fail (disk, ZSEQ_EDAMAGED, where, what)
                : ZSEQ_OK;
}

int
zseq_store_scrub_node (zseq_store_disk_t *disk, const zseq_record_t *record)
{
    assert (disk);
    assert (record);
    uint8_t written[ZSEQ_STORE_RECORD_MAX];
    size_t size = zseq_store_node_encode (record, written);
    uint8_t bytes[ZSEQ_STORE_RECORD_MAX + 1];
    size_t got;
    int rc = s_read_record (disk, "node", bytes, sizeof bytes, &got);
    if (rc != ZSEQ_OK)
        return rc;
    if (got == size && memcmp (bytes, written, size) == 0)
        return ZSEQ_OK;
    return zseq_store_disk_fail (disk, ZSEQ_EDAMAGED, "node",
                                 ZSEQ_TEXT_SCRUB_DIFFERS);
}

//  The journals.

//  Reads a piece of a journal, which must be the file that is open for appends.
static int
s_read_piece (zseq_store_disk_t *disk, const char *file, int journal_fd,
              uint8_t *bytes, size_t size, off_t offset)
{
    int fd;
    int rc = zseq_store_scrub_open (disk, file, &fd);
    if (rc != ZSEQ_OK)
        return rc;
    struct stat there;
    struct stat ours;
    if (fstat (fd, &there) != 0 || fstat (journal_fd, &ours) != 0)
        rc = zseq_store_scrub_fail (disk, file, "stat");
    else if (there.st_ino != ours.st_ino || there.st_dev != ours.st_dev)
        rc = zseq_store_disk_fail (disk, ZSEQ_EDAMAGED, file,
                                   ZSEQ_TEXT_SCRUB_REPLACED);
    if (rc == ZSEQ_OK) {
        (void) posix_fadvise (fd, offset, (off_t) size, POSIX_FADV_DONTNEED);
        ssize_t got = pread (fd, bytes, size, offset);
        if (got < 0)
            rc = zseq_store_scrub_fail (disk, file, "read");
        else if ((size_t) got != size)
            rc = zseq_store_disk_fail (disk, ZSEQ_EDAMAGED, file,
                                       ZSEQ_TEXT_SCRUB_CUT_OFF);
    }
    zseq_store_close (&fd);
    return rc;
}

//  Compares a piece of the journal with that of its copy.
static int
s_compare_piece (zseq_store_disk_t *disk, const zseq_store_journal_t *journal,
                 off_t offset, size_t size)
{
    uint8_t bytes[2][PIECE_SIZE];
    int rc = s_read_piece (disk, ZSEQ_STORE_NAMES, journal->fd, bytes[0], size,
                           offset);
    if (rc == ZSEQ_OK)
        rc = s_read_piece (disk, ZSEQ_STORE_COPY, journal->copy_fd, bytes[1],
                           size, offset);
    if (rc == ZSEQ_OK && memcmp (bytes[0], bytes[1], size) != 0)
        rc = zseq_store_disk_fail (disk, ZSEQ_EDAMAGED, ZSEQ_STORE_NAMES,
                                   ZSEQ_TEXT_SCRUB_COPY_DIFFERS);
    return rc;
}

//  Whether a journal's header names the expected cluster and node.
static int
s_is_ours (uint64_t identity, uint8_t node, const char *file, void *arg)
{
    const zseq_store_expected_t *expected = arg;
    (void) file;
    return identity == expected->identity && node == expected->node
             ? ZSEQ_OK
             : ZSEQ_EDAMAGED;
}

//  Whether a journal is intact up to the size that was written.
static bool
s_is_whole (const zseq_store_image_t *image,
            const zseq_store_journal_t *journal)
{
    return image->there && !image->damage &&
           image->end == (size_t) journal->size && image->size == image->end;
}

//  Replaces the damaged journal by the intact one. disk->why already says what
//  is wrong.
static int
s_restore (zseq_store_disk_t *disk, zseq_store_journal_t *journal,
           const zseq_store_expected_t *expected)
{
    char why[ZSEQ_STORE_TEXT_MAX];
    memcpy (why, disk->why, sizeof why);
    zseq_store_pair_t pair = {.names = {.there = false}};
    int rc = zseq_store_pair_read (&pair, disk, s_is_ours,
                                   (zseq_store_expected_t *) expected);
    bool names = s_is_whole (&pair.names, journal);
    bool copy = s_is_whole (&pair.copy, journal);
    const char *done = ZSEQ_TEXT_SCRUB_BOTH;
    if (rc == ZSEQ_ENOMEM)
        rc = ZSEQ_EAGAIN;
    else if (!names && !copy)
        rc = ZSEQ_EDAMAGED;
    else {
        const zseq_store_image_t *whole = names ? &pair.names : &pair.copy;
        rc =
          zseq_store_journal_replace (journal, disk, whole->bytes, whole->size);
        if (rc == ZSEQ_OK)
            rc = zseq_store_disk_sync (disk);
        done = rc == ZSEQ_ENOSPACE ? ZSEQ_TEXT_SCRUB_NO_SPACE
                                   : ZSEQ_TEXT_SCRUB_RESTORED;
    }
    zseq_store_pair_term (&pair);
    if (rc == ZSEQ_EIO || rc == ZSEQ_EAGAIN)
        return rc;
    snprintf (disk->why, sizeof disk->why, "%.900s; %s", why, done);
    return ZSEQ_EDAMAGED;
}

int
zseq_store_scrub_journal (zseq_store_disk_t *disk,
                          zseq_store_journal_t *journal,
                          const zseq_store_expected_t *expected,
                          off_t *offset_p)
{
    assert (disk);
    assert (journal);
    assert (journal->fd >= 0 && journal->copy_fd >= 0);
    assert (offset_p);
    //  Repair may have replaced the journal by a shorter one.
    off_t offset = *offset_p < journal->size ? *offset_p : 0;
    size_t size = journal->size - offset < PIECE_SIZE
                    ? (size_t) (journal->size - offset)
                    : PIECE_SIZE;
    int rc = s_compare_piece (disk, journal, offset, size);
    offset += (off_t) size;
    *offset_p = offset < journal->size && rc != ZSEQ_EDAMAGED ? offset : 0;
    return rc == ZSEQ_EDAMAGED ? s_restore (disk, journal, expected) : rc;
}
