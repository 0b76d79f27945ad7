//  The lock of a directory and its watch, as zseq_store_guard.h describes them.
//
//  The lock that counts is a flock of the directory itself. The lock file is
//  locked as well, for older zseqds, and names its process. The watch
//  (zseq_store_guard_check) compares, with a few calls of stat, the directory
//  at the path, the lock file's line, the node's record, both journals and seq
//  with what this process opened or wrote last. A file is read again only if
//  its inode, size or modification time has changed.
//
//  A failed check is ZSEQ_EIO, which ends the store. The text says what
//  happened and what to do.

#include "zseq_store_guard.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "zseq_io_texts.h"

void
zseq_store_guard_init (zseq_store_guard_t *self)
{
    memset (self, 0, sizeof *self);
    self->start_fd = -1;
    self->lock_fd = -1;
}

int
zseq_store_guard_open (zseq_store_guard_t *self, zseq_store_disk_t *disk)
{
    assert (disk->fd < 0);
    //  If the process changes its working directory, a relative path would lead
    //  elsewhere.
    int from = AT_FDCWD;
    if (disk->path[0] != '/') {
        self->start_fd =
          zseq_store_openat (AT_FDCWD, ".", O_PATH | O_DIRECTORY);
        if (self->start_fd < 0)
            return zseq_store_disk_fail_io (disk, ".",
                                            ZSEQ_TEXT_STORE_OPEN_WORKING);
        from = self->start_fd;
    }
    disk->fd = zseq_store_openat (from, disk->path, O_RDONLY | O_DIRECTORY);
    if (disk->fd >= 0)
        return ZSEQ_OK;
    if (errno == ENOENT)
        return zseq_store_disk_fail (disk, ZSEQ_EAGAIN, ".",
                                     ZSEQ_TEXT_STORE_ABSENT);
    return zseq_store_disk_fail_io (disk, ".", "open");
}

//  The lock.

//  The process that has locked the open directory, from /proc/locks. 0:
//  unknown, or in another PID namespace.
static long
s_holder (const struct stat *directory)
{
    FILE *locks = fopen ("/proc/locks", "re");
    if (!locks)
        return 0;
    char *line = NULL;
    size_t capacity = 0;
    long holder = 0;
    while (holder <= 0 && getline (&line, &capacity, locks) > 0) {
        long pid;
        unsigned major_number;
        unsigned minor_number;
        uintmax_t inode;
        if (sscanf (line, "%*s FLOCK %*s %*s %ld %x:%x:%ju", &pid,
                    &major_number, &minor_number, &inode) == 4 &&
            inode == directory->st_ino &&
            makedev (major_number, minor_number) == directory->st_dev)
            holder = pid;
    }
    free (line);
    (void) fclose (locks);  //  Only read
    return holder > 0 ? holder : 0;
}

//  The process that the lock file names. It may be of another container, or
//  dead.
static long
s_signed (int fd)
{
    char text[48] = "";
    (void) zseq_store_read_all (fd, (uint8_t *) text, sizeof text - 1);
    return strtol (text, NULL, 10);
}

//  Reports that process pid, or an unknown one (0), uses the directory.
static int
s_fail_locked (zseq_store_disk_t *disk, long pid)
{
    char number[24];
    char what[64];
    snprintf (number, sizeof number, "%ld", pid);
    snprintf (what, sizeof what, ZSEQ_TEXT_STORE_IN_USE,
              pid > 0 ? number : "(unknown)");
    return zseq_store_disk_fail (disk, ZSEQ_ELOCKED, ".", what);
}

//  Reports who holds the directory's lock, from /proc/locks or the lock file.
static int
s_fail_held (zseq_store_disk_t *disk, const struct stat *directory)
{
    long pid = s_holder (directory);
    int fd = pid > 0 ? -1
                     : zseq_store_openat (disk->fd, "lock",
                                          O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0)
        pid = s_signed (fd);
    zseq_store_close (&fd);
    return s_fail_locked (disk, pid);
}

//  Locks the directory, exclusively or shared, without waiting.
static int
s_hold (zseq_store_guard_t *self, zseq_store_disk_t *disk, int kind)
{
    struct stat info;
    if (fstat (disk->fd, &info) != 0)
        return zseq_store_disk_fail_io (disk, ".", "stat");
    if (flock (disk->fd, kind | LOCK_NB) != 0)
        return errno == EWOULDBLOCK
                 ? s_fail_held (disk, &info)
                 : zseq_store_disk_fail_io (disk, ".", "flock");
    self->held = true;
    self->inode = info.st_ino;
    return ZSEQ_OK;
}

int
zseq_store_guard_hold (zseq_store_guard_t *self, zseq_store_disk_t *disk)
{
    return s_hold (self, disk, LOCK_EX);
}

//  The state of a file, for a later comparison.
static zseq_store_mark_t
s_mark (const struct stat *info)
{
    return (zseq_store_mark_t){info->st_ino, info->st_size, info->st_mtim};
}

//  Whether a file is in the noted state.
static bool
s_is_marked (const zseq_store_mark_t *mark, const struct stat *info)
{
    return mark->inode == info->st_ino && mark->size == info->st_size &&
           mark->written.tv_sec == info->st_mtim.tv_sec &&
           mark->written.tv_nsec == info->st_mtim.tv_nsec;
}

//  Writes our line into the locked lock file and notes its state. The lock
//  holds even if the write fails.
static void
s_write_token (zseq_store_guard_t *self, int fd)
{
    if (ftruncate (fd, 0) == 0)
        (void) zseq_store_write_all (fd, (const uint8_t *) self->token,
                                     strlen (self->token), 0);
    struct stat info;
    if (fstat (fd, &info) == 0)
        self->lock = s_mark (&info);
}

static void
s_close_lock (zseq_store_guard_t *self)
{
    if (self->lock_fd >= 0)
        (void) flock (self->lock_fd, LOCK_UN);
    zseq_store_close (&self->lock_fd);
}

static int
s_open_lock (const zseq_store_disk_t *disk, int flags)
{
    return zseq_store_openat (disk->fd, "lock",
                              O_RDWR | O_NOFOLLOW | O_NONBLOCK | flags);
}

//  Locks the open lock file and keeps it.
static int
s_take_lock (zseq_store_guard_t *self, zseq_store_disk_t *disk, int fd,
             int kind)
{
    if (flock (fd, kind | LOCK_NB) == 0) {
        self->lock_fd = fd;
        return ZSEQ_OK;
    }
    int rc = errno == EWOULDBLOCK
               ? s_fail_locked (disk, s_signed (fd))
               : zseq_store_disk_fail_io (disk, "lock", "flock");
    zseq_store_close (&fd);
    return rc;
}

int
zseq_store_guard_sign (zseq_store_guard_t *self, zseq_store_disk_t *disk)
{
    assert (self->held);
    assert (self->lock_fd < 0);
    uint64_t number;
    randombytes_buf (&number, sizeof number);
    snprintf (self->token, sizeof self->token, "%ld %016" PRIx64 "\n",
              (long) getpid (), number);
    int fd = s_open_lock (disk, O_CREAT);
    if (fd < 0)
        return zseq_store_disk_fail_write (disk, "lock", "open");
    int rc = s_take_lock (self, disk, fd, LOCK_EX);
    if (rc == ZSEQ_OK)
        s_write_token (self, fd);
    return rc;
}

int
zseq_store_guard_share (zseq_store_guard_t *self, zseq_store_disk_t *disk)
{
    int rc = s_hold (self, disk, LOCK_SH);
    if (rc != ZSEQ_OK)
        return rc;
    int fd =
      zseq_store_openat (disk->fd, "lock", O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? ZSEQ_OK
                               : zseq_store_disk_fail_io (disk, "lock", "open");
    return s_take_lock (self, disk, fd, LOCK_SH);
}

void
zseq_store_guard_follow (zseq_store_guard_t *self,
                         const zseq_store_guard_t *leader)
{
    assert (leader->held);
    zseq_store_guard_init (self);
    self->start_fd = leader->start_fd;
    self->held = true;
    self->follows = true;
    self->inode = leader->inode;
    self->lock = leader->lock;
    memcpy (self->token, leader->token, sizeof self->token);
}

void
zseq_store_guard_release (zseq_store_guard_t *self, zseq_store_disk_t *disk)
{
    s_close_lock (self);
    if (self->held)
        (void) flock (disk->fd, LOCK_UN);
    zseq_store_close (&disk->fd);
    zseq_store_close (&self->start_fd);
    zseq_store_guard_init (self);
}

//  The watch.

//  Reports that the directory is no longer ours.
static int
s_fail_taken (zseq_store_disk_t *disk, const char *where, const char *what)
{
    return zseq_store_disk_fail (disk, ZSEQ_EIO, where, what);
}

//  Checks that the path still leads to the open directory.
static int
s_check_path (zseq_store_guard_t *self, zseq_store_disk_t *disk)
{
    struct stat info;
    int from = self->start_fd >= 0 ? self->start_fd : AT_FDCWD;
    if (fstatat (from, disk->path, &info, 0) == 0) {
        if (info.st_dev == disk->device && info.st_ino == self->inode)
            return ZSEQ_OK;
        return s_fail_taken (disk, ".", ZSEQ_TEXT_GUARD_REPLACED);
    }
    //  Without permission to look nothing is known. The lock holds all the
    //  same.
    if (errno == EACCES)
        return ZSEQ_OK;
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
        return s_fail_taken (disk, ".", ZSEQ_TEXT_GUARD_MOVED);
    return zseq_store_disk_fail_io (disk, ".", "stat");
}

void
zseq_store_guard_node (zseq_store_guard_t *self, const zseq_store_disk_t *disk,
                       const uint8_t *bytes, size_t size)
{
    assert (size <= sizeof self->node);
    self->node_size = size;
    if (size == 0)
        return;
    memcpy (self->node, bytes, size);
    struct stat info = {0};
    (void) fstatat (disk->fd, "node", &info, AT_SYMLINK_NOFOLLOW);
    self->node_mark = s_mark (&info);
}

//  Whether the node's record holds the expected bytes, in whatever file.
static bool
s_is_node (const zseq_store_guard_t *self, const zseq_store_disk_t *disk)
{
    uint8_t bytes[ZSEQ_STORE_RECORD_MAX];
    int fd =
      zseq_store_openat (disk->fd, "node", O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return false;
    ssize_t size = zseq_store_read_all (fd, bytes, sizeof bytes);
    zseq_store_close (&fd);
    return size == (ssize_t) self->node_size &&
           memcmp (bytes, self->node, self->node_size) == 0;
}

//  Checks that no other process has written the node's record.
static int
s_check_node (zseq_store_guard_t *self, zseq_store_disk_t *disk)
{
    if (self->node_size == 0)
        return ZSEQ_OK;
    struct stat info;
    if (fstatat (disk->fd, "node", &info, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT
                 ? s_fail_taken (disk, "node", ZSEQ_TEXT_GUARD_REMOVED)
                 : zseq_store_disk_fail_io (disk, "node", "stat");
    if (s_is_marked (&self->node_mark, &info))
        return ZSEQ_OK;
    if (!s_is_node (self, disk))
        return s_fail_taken (disk, "node", ZSEQ_TEXT_GUARD_WRITTEN);
    self->node_mark = s_mark (&info);
    return ZSEQ_OK;
}

int
zseq_store_guard_file (zseq_store_disk_t *disk, const char *name, int fd,
                       off_t size)
{
    struct stat there = {0};
    struct stat ours;
    if (fstat (fd, &ours) != 0)
        return zseq_store_disk_fail_io (disk, name, "stat");
    if (fstatat (disk->fd, name, &there, AT_SYMLINK_NOFOLLOW) != 0 &&
        errno != ENOENT)
        return zseq_store_disk_fail_io (disk, name, "stat");
    if (there.st_ino == ours.st_ino && there.st_dev == ours.st_dev &&
        (size < 0 || there.st_size == size))
        return ZSEQ_OK;
    return s_fail_taken (disk, name, ZSEQ_TEXT_GUARD_FILE);
}

//  Handles a lock file that was replaced or written. If it holds our line or
//  nothing, adopts it.
static int
s_check_token (zseq_store_guard_t *self, zseq_store_disk_t *disk,
               const struct stat *info)
{
    struct stat ours;
    bool same = self->lock_fd >= 0 && fstat (self->lock_fd, &ours) == 0 &&
                ours.st_ino == info->st_ino;
    int fd = same ? self->lock_fd : s_open_lock (disk, 0);
    char text[sizeof self->token] = "";
    if (fd >= 0)
        (void) zseq_store_read_all (fd, (uint8_t *) text, sizeof text - 1);
    if (fd < 0 || (text[0] && strcmp (text, self->token) != 0) ||
        (!same && flock (fd, LOCK_EX | LOCK_NB) != 0)) {
        if (!same)
            zseq_store_close (&fd);
        return s_fail_taken (disk, "lock", ZSEQ_TEXT_GUARD_TAKEN);
    }
    if (!same) {
        s_close_lock (self);
        self->lock_fd = fd;
    }
    if (text[0])
        self->lock = s_mark (info);
    else
        s_write_token (self, fd);
    return ZSEQ_OK;
}

//  Makes a deleted lock file again. A failure does not matter.
static void
s_sign_again (zseq_store_guard_t *self, const zseq_store_disk_t *disk)
{
    int fd = s_open_lock (disk, O_CREAT | O_EXCL);
    if (fd < 0 || flock (fd, LOCK_EX | LOCK_NB) != 0) {
        zseq_store_close (&fd);
        return;
    }
    s_close_lock (self);
    self->lock_fd = fd;
    s_write_token (self, fd);
}

//  The same for a guard that follows another: that one holds the lock.
static int
s_check_followed_token (zseq_store_guard_t *self, zseq_store_disk_t *disk,
                        const struct stat *info)
{
    int fd =
      zseq_store_openat (disk->fd, "lock", O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    char text[sizeof self->token] = "";
    if (fd >= 0)
        (void) zseq_store_read_all (fd, (uint8_t *) text, sizeof text - 1);
    //  Without a descriptor nothing is known, and the lock holds all the same.
    bool ours = fd < 0 ? errno == ENOENT || errno == EMFILE || errno == ENFILE
                       : !text[0] || strcmp (text, self->token) == 0;
    zseq_store_close (&fd);
    if (!ours)
        return s_fail_taken (disk, "lock", ZSEQ_TEXT_GUARD_TAKEN);
    if (text[0])
        self->lock = s_mark (info);
    return ZSEQ_OK;
}

//  Checks that the lock file names no other process.
static int
s_check_lock (zseq_store_guard_t *self, zseq_store_disk_t *disk)
{
    struct stat info;
    if (fstatat (disk->fd, "lock", &info, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT && !self->follows)
            s_sign_again (self, disk);
        return ZSEQ_OK;
    }
    if (s_is_marked (&self->lock, &info))
        return ZSEQ_OK;
    return self->follows ? s_check_followed_token (self, disk, &info)
                         : s_check_token (self, disk, &info);
}

int
zseq_store_guard_check (zseq_store_guard_t *self, zseq_store_disk_t *disk,
                        const zseq_store_journal_t *journal, int seq_fd)
{
    assert (self->held);
    int rc = s_check_path (self, disk);
    if (rc == ZSEQ_OK)
        rc = s_check_lock (self, disk);
    if (rc == ZSEQ_OK)
        rc = s_check_node (self, disk);
    if (rc == ZSEQ_OK && journal)
        rc = zseq_store_guard_file (disk, ZSEQ_STORE_NAMES, journal->fd,
                                    journal->size);
    if (rc == ZSEQ_OK && journal)
        rc = zseq_store_guard_file (disk, ZSEQ_STORE_COPY, journal->copy_fd,
                                    journal->size);
    if (rc == ZSEQ_OK && seq_fd >= 0)
        rc = zseq_store_guard_file (disk, "seq", seq_fd, -1);
    return rc;
}
