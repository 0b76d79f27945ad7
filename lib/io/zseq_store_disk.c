//  The calls that touch the files of a node's directory. zseq_store_disk.h has
//  the contract.
//
//  Every open uses O_NOFOLLOW and O_CLOEXEC, so a planted link leads nowhere
//  and no child inherits a file. A temporary file is named .tmp-PID-NUMBER; a
//  spare file is a temporary file that a later write may overwrite
//  (lib/doc/disk.md, section 6). A failed call leaves "DIRECTORY/where: what"
//  in why.

#include "zseq_store_disk.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zseq_io_texts.h"
#include "zseq_store_format.h"

void
zseq_store_disk_text (const zseq_store_disk_t *self, const char *where,
                      const char *what, char *text, size_t size)
{
    bool root = strcmp (where, ".") == 0;
    snprintf (text, size, "%s%s%s: %s", self->path, root ? "" : "/",
              root ? "" : where, what);
    //  The name of an unexpected file may contain control characters.
    for (char *c = text; *c; c++)
        if ((unsigned char) *c < ' ' || *c == 0x7f)
            *c = '?';
}

int
zseq_store_disk_fail (zseq_store_disk_t *self, int rc, const char *where,
                      const char *what)
{
    zseq_store_disk_text (self, where, what, self->why, sizeof self->why);
    return rc;
}

int
zseq_store_disk_fail_io (zseq_store_disk_t *self, const char *where,
                         const char *call)
{
    char what[160];
    snprintf (what, sizeof what, "%s: %m", call);
    return zseq_store_disk_fail (self, ZSEQ_EIO, where, what);
}

int
zseq_store_disk_fail_write (zseq_store_disk_t *self, const char *where,
                            const char *call)
{
    //  Descriptors may be free again for the next write.
    bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG ||
                errno == EMFILE || errno == ENFILE;
    int rc = zseq_store_disk_fail_io (self, where, call);
    return full ? ZSEQ_ENOSPACE : rc;
}

bool
zseq_store_write_all (int fd, const uint8_t *bytes, size_t size, off_t offset)
{
    while (size > 0) {
        ssize_t written = pwrite (fd, bytes, size, offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        bytes += written;
        size -= (size_t) written;
        offset += written;
    }
    return true;
}

void
zseq_store_disk_forget (const zseq_store_disk_t *self, int fd)
{
    if (self->cold)
        (void) posix_fadvise (fd, 0, 0, POSIX_FADV_DONTNEED);
}

ssize_t
zseq_store_read_all (int fd, uint8_t *bytes, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = pread (fd, bytes + done, size - done, (off_t) done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        done += (size_t) got;
    }
    return (ssize_t) done;
}

void
zseq_store_close (int *fd_p)
{
    //  Nothing that must be durable was written since the last sync.
    if (*fd_p >= 0)
        (void) close (*fd_p);
    *fd_p = -1;
}

int
zseq_store_above_standard (int fd)
{
    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    int above = fcntl (fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int error = errno;
    zseq_store_close (&fd);
    errno = error;
    return above;
}

int
zseq_store_openat (int fd, const char *file, int flags)
{
    return zseq_store_above_standard (
      openat (fd, file, flags | O_CLOEXEC, 0600));
}

int
zseq_store_disk_open (zseq_store_disk_t *self, const char *file, int flags,
                      int *fd_p, size_t *size_p)
{
    //  O_NONBLOCK: a pipe under that name must not block us.
    int fd =
      zseq_store_openat (self->fd, file, flags | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return ZSEQ_EAGAIN;
    if (fd < 0 && (errno == ELOOP || errno == EISDIR || errno == ENXIO))
        return zseq_store_disk_fail (self, ZSEQ_EDAMAGED, file,
                                     ZSEQ_TEXT_STORE_NOT_REGULAR);
    if (fd < 0)
        return zseq_store_disk_fail_io (self, file, "open");
    struct stat info;
    int rc = ZSEQ_OK;
    if (fstat (fd, &info) != 0)
        rc = zseq_store_disk_fail_io (self, file, "stat");
    else if (!S_ISREG (info.st_mode))
        rc = zseq_store_disk_fail (self, ZSEQ_EDAMAGED, file,
                                   ZSEQ_TEXT_STORE_NOT_REGULAR);
    if (rc != ZSEQ_OK) {
        zseq_store_close (&fd);
        return rc;
    }
    *fd_p = fd;
    *size_p = (size_t) info.st_size;
    return ZSEQ_OK;
}

//  The temporary file's path below its fd.
static void
s_temp_path (const zseq_store_temp_t *temp, char *path, size_t size)
{
    snprintf (path, size, "%s" ZSEQ_STORE_TEMP_PREFIX "%ld-%" PRIu64,
              temp->parent, (long) getpid (), temp->number);
}

void
zseq_store_disk_drop (const zseq_store_temp_t *temp)
{
    char path[96];
    s_temp_path (temp, path, sizeof path);
    (void) unlinkat (temp->fd, path, 0);
}

//  Opens a spare file and truncates it to size if it is longer. *fd_p is -1 if
//  the file cannot be used. A file with another link belongs to a backup made
//  of hard links. Errors: ZSEQ_ENOSPACE, ZSEQ_EIO.
static int
s_open_spare (zseq_store_disk_t *self, const zseq_store_temp_t *temp,
              size_t size, int *fd_p)
{
    char path[96];
    s_temp_path (temp, path, sizeof path);
    *fd_p = zseq_store_openat (temp->fd, path, O_WRONLY | O_NOFOLLOW);
    if (*fd_p < 0 && errno == ENOENT)
        return ZSEQ_OK;
    if (*fd_p < 0)
        return zseq_store_disk_fail_write (self, temp->where,
                                           ZSEQ_TEXT_STORE_OPEN_TEMPORARY);
    struct stat status;
    int rc = ZSEQ_OK;
    bool alone = true;
    if (fstat (*fd_p, &status) != 0)
        rc = zseq_store_disk_fail_write (self, temp->where, "stat");
    else if (status.st_nlink != 1)
        alone = false;
    else if (status.st_size > (off_t) size &&
             ftruncate (*fd_p, (off_t) size) != 0)
        rc = zseq_store_disk_fail_write (self, temp->where, "truncate");
    if (rc == ZSEQ_OK && alone)
        return ZSEQ_OK;
    zseq_store_close (fd_p);
    zseq_store_disk_drop (temp);
    return rc;
}

int
zseq_store_disk_create (zseq_store_disk_t *self, zseq_store_temp_t *temp)
{
    char path[96];
    int fd;
    do {
        temp->number = self->temps++;
        s_temp_path (temp, path, sizeof path);
        fd = zseq_store_openat (temp->fd, path,
                                O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
    } while (fd < 0 && errno == EEXIST);
    return fd;
}

int
zseq_store_disk_prepare (zseq_store_disk_t *self, zseq_store_temp_t *temp,
                         const uint8_t *bytes, size_t size, bool sync)
{
    int fd = -1;
    int rc = temp->spare ? s_open_spare (self, temp, size, &fd) : ZSEQ_OK;
    if (rc != ZSEQ_OK)
        return rc;
    if (fd < 0)
        fd = zseq_store_disk_create (self, temp);
    if (fd < 0 && errno == ENOENT)
        return zseq_store_disk_fail (self, ZSEQ_EAGAIN, temp->where,
                                     ZSEQ_TEXT_STORE_NO_DIRECTORY);
    if (fd < 0)
        return zseq_store_disk_fail_write (self, temp->where,
                                           ZSEQ_TEXT_STORE_CREATE_TEMPORARY);

    //  The old value stands until the rename, so a failed fsync that only says
    //  that the disk is full leaves nothing in doubt.
    if (!zseq_store_write_all (fd, bytes, size, 0))
        rc = zseq_store_disk_fail_write (self, temp->where, "write");
    else if (sync && fsync (fd) != 0)
        rc = zseq_store_disk_fail_write (self, temp->where, "fsync");
    if (close (fd) != 0 && rc == ZSEQ_OK)
        rc = zseq_store_disk_fail_write (self, temp->where, "close");
    if (rc == ZSEQ_ENOSPACE)
        zseq_store_disk_drop (temp);
    return rc;
}

//  Renames the temporary file to file, or exchanges the two.
static int
s_rename (zseq_store_disk_t *self, const zseq_store_temp_t *temp,
          const char *file, bool exchange)
{
    char from[96];
    char to[ZSEQ_STORE_PATH_SIZE];
    s_temp_path (temp, from, sizeof from);
    snprintf (to, sizeof to, "%s%s", temp->parent, file);
    if ((exchange ? renameat2 (temp->fd, from, temp->fd, to, RENAME_EXCHANGE)
                  : renameat (temp->fd, from, temp->fd, to)) == 0)
        return ZSEQ_OK;
    if (exchange && (errno == ENOENT || errno == EINVAL || errno == ENOSYS ||
                     errno == EOPNOTSUPP))
        return ZSEQ_EAGAIN;
    int rc = zseq_store_disk_fail_write (self, temp->where, "rename");
    if (rc == ZSEQ_ENOSPACE)
        zseq_store_disk_drop (temp);
    return rc;
}

int
zseq_store_disk_rename (zseq_store_disk_t *self, const zseq_store_temp_t *temp,
                        const char *file)
{
    return s_rename (self, temp, file, false);
}

int
zseq_store_disk_exchange (zseq_store_disk_t *self,
                          const zseq_store_temp_t *temp, const char *file)
{
    return s_rename (self, temp, file, true);
}

int
zseq_store_disk_replace (zseq_store_disk_t *self, const char *file,
                         const uint8_t *bytes, size_t size)
{
    zseq_store_temp_t temp = {.fd = self->fd, .parent = "", .where = file};
    int rc = zseq_store_disk_prepare (self, &temp, bytes, size, true);
    if (rc == ZSEQ_EAGAIN)
        return ZSEQ_EIO;
    return rc == ZSEQ_OK ? zseq_store_disk_rename (self, &temp, file) : rc;
}

bool
zseq_store_sync_directory (int fd)
{
    struct stat status;
    return fsync (fd) == 0 && fstat (fd, &status) == 0;
}

int
zseq_store_disk_sync (zseq_store_disk_t *self)
{
    if (!zseq_store_sync_directory (self->fd))
        return zseq_store_disk_fail_io (self, ".", "fsync");
    return ZSEQ_OK;
}

int
zseq_store_disk_sync_parent (zseq_store_disk_t *self, const char *path)
{
    char parent[ZSEQ_STORE_PATH_SIZE];
    const char *slash = strrchr (path, '/');
    snprintf (parent, sizeof parent, "%.*s", slash ? (int) (slash - path) : 1,
              slash ? path : ".");
    int fd = zseq_store_openat (self->fd, parent, O_RDONLY | O_DIRECTORY);
    int rc = ZSEQ_OK;
    if (fd < 0)
        rc = zseq_store_disk_fail_io (self, parent, "open");
    else if (!zseq_store_sync_directory (fd))
        rc = zseq_store_disk_fail_io (self, parent, "fsync");
    zseq_store_close (&fd);
    return rc;
}

int
zseq_store_disk_sync_all (zseq_store_disk_t *self)
{
    if (syncfs (self->fd) != 0)
        return zseq_store_disk_fail_io (self, ".", "syncfs");
    return ZSEQ_OK;
}
