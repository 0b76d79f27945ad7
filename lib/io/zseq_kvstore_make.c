#include "zseq_kvstore_make.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zseq_kvstore_journal.h"
#include "zseq_store_repair.h"
#include "zseq_store_scan.h"

#define FIRST_SEGMENT "journal-00000001"

//  The new kv while the old one is in its place.
#define RENEWED ZSEQ_KVSTORE_RENEWAL "/" ZSEQ_KVSTORE_FOLDER

//  Bytes of a segment that has only been made.
#define MADE_SIZE                                                              \
    (ZSEQ_KVSTORE_HEADER_SIZE + ZSEQ_KVSTORE_BATCH_FRAME +                     \
     ZSEQ_KVSTORE_BASE_SIZE)

//  Whether an interrupted making leaves that file.
static bool
s_is_leftover (int fd, const char *file)
{
    struct stat info;
    if (zseq_store_scan_is_temp (file))
        return true;
    return strcmp (file, FIRST_SEGMENT) == 0 &&
           fstatat (fd, file, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
           info.st_size <= (off_t) MADE_SIZE;
}

//  Goes through the open directory kv. Deletes what an interrupted making
//  leaves, or with used_p only notes whether there is anything else.
static int
s_sweep (zseq_store_disk_t *disk, int folder_fd, bool *used_p)
{
    int fd = zseq_store_openat (folder_fd, ".", O_RDONLY | O_DIRECTORY);
    DIR *stream = fd < 0 ? NULL : fdopendir (fd);
    if (!stream) {
        int rc = zseq_store_disk_fail_io (disk, ZSEQ_KVSTORE_FOLDER, "open");
        zseq_store_close (&fd);
        return rc;
    }
    int rc = ZSEQ_OK;
    const struct dirent *entry;
    errno = 0;
    while (rc == ZSEQ_OK && (entry = readdir (stream))) {
        const char *file = entry->d_name;
        bool dot = strcmp (file, ".") == 0 || strcmp (file, "..") == 0;
        if (!dot && used_p)
            *used_p |= !s_is_leftover (folder_fd, file);
        else if (!dot && unlinkat (folder_fd, file, 0) != 0)
            rc = zseq_store_disk_fail_io (disk, ZSEQ_KVSTORE_FOLDER, "delete");
        errno = 0;
    }
    if (rc == ZSEQ_OK && errno != 0)
        rc = zseq_store_disk_fail_io (disk, ZSEQ_KVSTORE_FOLDER, "read");
    (void) closedir (stream);
    return rc;
}

//  Opens kv; -1: it is no directory, or not there.
static int
s_open_folder (const zseq_store_disk_t *disk)
{
    return zseq_store_openat (disk->fd, ZSEQ_KVSTORE_FOLDER,
                              O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

int
zseq_kvstore_is_used (zseq_store_disk_t *disk, bool *used_p)
{
    assert (disk);
    assert (used_p);
    *used_p = false;
    int fd = s_open_folder (disk);
    if (fd < 0) {
        *used_p = errno != ENOENT;
        return ZSEQ_OK;
    }
    int rc = s_sweep (disk, fd, used_p);
    zseq_store_close (&fd);
    return rc;
}

//  Makes the first segment in the open directory.
static int
s_make_segment (zseq_store_disk_t *disk, int folder_fd, uint64_t identity,
                uint8_t node)
{
    zseq_kvstore_header_t header = {
      .identity = identity, .node = node, .number = 1};
    zseq_kvstore_base_t base = {.oldest = 1};
    zseq_kvstore_segment_t segment;
    uint64_t checksum;
    randombytes_buf (&header.salt, sizeof header.salt);
    int rc =
      zseq_kvstore_journal_make (disk, &header, &base, &segment, &checksum);
    if (rc != ZSEQ_OK)
        return rc;
    zseq_store_close (&segment.fd);
    if (!zseq_store_sync_directory (folder_fd))
        return zseq_store_disk_fail_io (disk, ZSEQ_KVSTORE_FOLDER, "fsync");
    return ZSEQ_OK;
}

int
zseq_kvstore_make (zseq_store_disk_t *disk, uint64_t identity, uint8_t node)
{
    assert (disk);
    assert (identity != 0);
    bool made = mkdirat (disk->fd, ZSEQ_KVSTORE_FOLDER, 0700) == 0;
    if (!made && errno != EEXIST)
        return zseq_store_disk_fail_write (disk, ZSEQ_KVSTORE_FOLDER, "mkdir");
    int rc = zseq_store_disk_sync (disk);
    if (rc != ZSEQ_OK)
        return rc;
    int fd = s_open_folder (disk);
    if (fd < 0)
        return zseq_store_disk_fail_io (disk, ZSEQ_KVSTORE_FOLDER, "open");
    rc = made ? ZSEQ_OK : s_sweep (disk, fd, NULL);
    if (rc == ZSEQ_OK)
        rc = s_make_segment (disk, fd, identity, node);
    zseq_store_close (&fd);
    return rc;
}

//  Whether there is anything at that path.
static bool
s_is_there (const zseq_store_disk_t *disk, const char *path)
{
    return faccessat (disk->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool
zseq_kvstore_is_unplaced (const zseq_store_disk_t *disk)
{
    assert (disk);
    return !s_is_there (disk, ZSEQ_KVSTORE_FOLDER) &&
           s_is_there (disk, RENEWED);
}

bool
zseq_kvstore_make_is_there (const zseq_store_disk_t *disk)
{
    return s_is_there (disk, ZSEQ_KVSTORE_FOLDER) || s_is_there (disk, RENEWED);
}

int
zseq_kvstore_place (zseq_store_disk_t *disk)
{
    assert (disk);
    if (!zseq_kvstore_is_unplaced (disk))
        return ZSEQ_OK;
    if (renameat (disk->fd, RENEWED, disk->fd, ZSEQ_KVSTORE_FOLDER) != 0)
        return zseq_store_disk_fail_write (disk, RENEWED, "rename");
    int rc = zseq_store_disk_sync (disk);
    if (rc == ZSEQ_OK)
        rc = zseq_store_disk_sync_parent (disk, RENEWED);
    //  If that fails, it is empty and in nobody's way.
    if (rc == ZSEQ_OK)
        (void) unlinkat (disk->fd, ZSEQ_KVSTORE_RENEWAL, AT_REMOVEDIR);
    return rc;
}

int
zseq_kvstore_discard_renewal (zseq_store_disk_t *disk)
{
    assert (disk);
    if (!s_is_there (disk, ZSEQ_KVSTORE_RENEWAL))
        return ZSEQ_OK;
    int rc = ZSEQ_OK;
    int fd = zseq_store_openat (disk->fd, RENEWED,
                                O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (fd >= 0)
        rc = s_sweep (disk, fd, NULL);
    zseq_store_close (&fd);
    if (rc == ZSEQ_OK &&
        ((unlinkat (disk->fd, RENEWED, AT_REMOVEDIR) != 0 && errno != ENOENT) ||
         unlinkat (disk->fd, ZSEQ_KVSTORE_RENEWAL, AT_REMOVEDIR) != 0))
        rc = zseq_store_disk_fail_io (disk, ZSEQ_KVSTORE_RENEWAL, "delete");
    return rc == ZSEQ_OK ? zseq_store_disk_sync (disk) : rc;
}

int
zseq_kvstore_make_missing (zseq_store_disk_t *disk, uint64_t identity,
                           uint8_t node)
{
    assert (disk);
    int rc = zseq_kvstore_place (disk);
    if (rc != ZSEQ_OK || s_is_there (disk, ZSEQ_KVSTORE_FOLDER))
        return rc;
    return zseq_kvstore_make (disk, identity, node);
}

int
zseq_kvstore_open_renewal (const zseq_store_disk_t *disk)
{
    assert (disk);
    return zseq_store_openat (disk->fd, ZSEQ_KVSTORE_RENEWAL,
                              O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

int
zseq_kvstore_renew (zseq_store_disk_t *disk, zseq_store_disk_t *aside,
                    uint64_t identity, uint8_t node)
{
    assert (disk);
    assert (aside);
    zseq_store_close (&aside->fd);
    if (mkdirat (disk->fd, ZSEQ_KVSTORE_RENEWAL, 0700) != 0 && errno != EEXIST)
        return zseq_store_disk_fail_write (disk, ZSEQ_KVSTORE_RENEWAL, "mkdir");
    int rc = zseq_store_disk_sync (disk);
    if (rc != ZSEQ_OK)
        return rc;
    aside->fd = zseq_kvstore_open_renewal (disk);
    if (aside->fd < 0)
        return zseq_store_disk_fail_io (disk, ZSEQ_KVSTORE_RENEWAL, "open");
    rc = zseq_kvstore_make (aside, identity, node);
    if (rc != ZSEQ_OK)
        memcpy (disk->why, aside->why, sizeof disk->why);
    return rc;
}

int
zseq_kvstore_renewed (zseq_store_disk_t *disk)
{
    assert (disk);
    zseq_store_repair_t repair = {.needed = true};
    int rc = ZSEQ_OK;
    if (s_is_there (disk, ZSEQ_KVSTORE_FOLDER))
        rc = zseq_store_repair_move (&repair, disk, ZSEQ_KVSTORE_FOLDER);
    if (rc == ZSEQ_OK && repair.folder[0] && !disk->sync_each)
        rc = zseq_store_disk_sync_all (disk);
    return rc == ZSEQ_OK ? zseq_kvstore_place (disk) : rc;
}
