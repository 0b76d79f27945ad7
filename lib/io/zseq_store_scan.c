#include "zseq_store_scan.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zseq_io_texts.h"
#include "zseq_store_filesystem.h"

void
zseq_store_listing_term (zseq_store_listing_t *self)
{
    zseq_store_memory_unmap (self->file,
                             self->count_capacity * sizeof *self->file);
    zseq_store_memory_unmap (self->bytes, self->size_capacity);
}

bool
zseq_store_scan_is_temp (const char *file)
{
    return strncmp (file, ZSEQ_STORE_TEMP_PREFIX,
                    strlen (ZSEQ_STORE_TEMP_PREFIX)) == 0;
}

//  Adds an entry, except "." and "..". False: no memory.
static bool
s_list_entry (zseq_store_listing_t *listing, int fd, const struct dirent *entry)
{
    const char *name = entry->d_name;
    if (strcmp (name, ".") == 0 || strcmp (name, "..") == 0)
        return true;
    zseq_store_file_t file = {entry->d_ino, listing->size,
                              entry->d_type == DT_REG, entry->d_type == DT_DIR};
    struct stat info;
    //  Some file systems do not give the type. A file that has vanished is
    //  noticed later.
    if (entry->d_type == DT_UNKNOWN &&
        fstatat (fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0) {
        file.regular = S_ISREG (info.st_mode);
        file.directory = S_ISDIR (info.st_mode);
    }
    size_t size = strlen (name) + 1;
    if (!zseq_store_memory_reserve (
          (void **) &listing->file, &listing->count_capacity,
          listing->count + 1, sizeof *listing->file) ||
        !zseq_store_memory_reserve ((void **) &listing->bytes,
                                    &listing->size_capacity,
                                    listing->size + size, 1))
        return false;
    listing->file[listing->count++] = file;
    memcpy (listing->bytes + listing->size, name, size);
    listing->size += size;
    return true;
}

int
zseq_store_scan_settle (zseq_store_loading_t *self, int fd, const char *where)
{
    if (!self->disk->sync_each || fsync (fd) == 0)
        return ZSEQ_OK;
    return zseq_store_loading_stop_call (self, where, "fsync");
}

int
zseq_store_scan_list (zseq_store_loading_t *self, zseq_store_listing_t *listing,
                      int fd, const char *where)
{
    listing->count = 0;
    listing->size = 0;
    int copy = zseq_store_openat (fd, ".", O_RDONLY | O_DIRECTORY);
    DIR *stream = copy < 0 ? NULL : fdopendir (copy);
    if (!stream) {
        int rc = zseq_store_loading_stop_call (self, where, "open");
        zseq_store_close (&copy);
        return rc;
    }
    int rc = zseq_store_scan_settle (self, fd, where);
    while (rc == ZSEQ_OK) {
        errno = 0;
        const struct dirent *entry = readdir (stream);
        if (!entry && errno != 0)
            rc = zseq_store_loading_stop_call (self, where, "read");
        if (!entry)
            break;
        if (!s_list_entry (listing, fd, entry))
            rc = zseq_store_loading_stop_memory (self);
    }
    (void) closedir (stream);  //  Nothing was written
    return rc;
}

//  Checks that the directory is on the node's file system, so that a syncfs
//  reaches it.
static int
s_check_device (zseq_store_loading_t *self, int fd, const char *where)
{
    struct stat info;
    if (fstat (fd, &info) != 0)
        return zseq_store_loading_stop_call (self, where, "stat");
    if (info.st_dev == self->disk->device)
        return ZSEQ_OK;
    return zseq_store_loading_stop (self, ZSEQ_EINVAL, where,
                                    ZSEQ_TEXT_FILESYSTEM_ELSEWHERE);
}

int
zseq_store_scan_open (zseq_store_loading_t *self, zseq_store_finds_t *finds,
                      int parent_fd, const char *name, const char *where,
                      int *fd_p)
{
    *fd_p =
      zseq_store_openat (parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (*fd_p >= 0) {
        int rc = s_check_device (self, *fd_p, where);
        if (rc != ZSEQ_OK)
            zseq_store_close (fd_p);
        return rc;
    }
    if (errno == ENOENT)
        return ZSEQ_OK;
    if (errno == ENOTDIR || errno == ELOOP)
        return zseq_store_loading_note_damage (
          self, finds, where, ZSEQ_TEXT_STORE_NOT_DIRECTORY, true);
    return zseq_store_loading_stop_call (self, where, "open");
}

//  Checks the folder `damaged`: a rename into it must stay on the file system.
static int
s_check_damaged (zseq_store_loading_t *self)
{
    int rc = zseq_store_filesystem_same (self->disk, self->disk->fd, "damaged",
                                         "damaged");
    return rc == ZSEQ_EAGAIN ? ZSEQ_OK : rc;
}

//  Lists the node's directory and notes its temporary files.
static int
s_list_root (zseq_store_loading_t *self, zseq_store_listing_t *listing)
{
    int rc = zseq_store_scan_list (self, listing, self->disk->fd, ".");
    if (rc == ZSEQ_OK)
        rc = s_check_damaged (self);
    //  Other files (lost+found, for one) are not ours.
    for (size_t i = 0; rc == ZSEQ_OK && i < listing->count; i++) {
        const char *file = listing->bytes + listing->file[i].offset;
        if (zseq_store_scan_is_temp (file) && !listing->file[i].directory)
            rc = zseq_store_loading_note_temp (self, &self->finds, file);
    }
    return rc;
}

//  Lists seq and notes its buckets and any damage.
static int
s_list_seq (zseq_store_loading_t *self, zseq_store_listing_t *listing)
{
    int rc = zseq_store_scan_open (self, &self->finds, self->disk->fd, "seq",
                                   "seq", &self->seq_fd);
    if (rc != ZSEQ_OK || self->seq_fd < 0)
        return rc;
    rc = zseq_store_scan_list (self, listing, self->seq_fd, "seq");
    for (size_t i = 0; rc == ZSEQ_OK && i < listing->count; i++) {
        const char *file = listing->bytes + listing->file[i].offset;
        if (strlen (file) == 2 && strspn (file, "0123456789abcdef") == 2) {
            memcpy (self->bucket[self->bucket_count++], file, 3);
            continue;
        }
        char where[ZSEQ_STORE_PATH_SIZE];
        snprintf (where, sizeof where, "seq/%s", file);
        rc = zseq_store_loading_note_damage (self, &self->finds, where,
                                             "unexpected", true);
    }
    return rc;
}

int
zseq_store_scan_directories (zseq_store_loading_t *self)
{
    assert (self);
    zseq_store_listing_t listing = {0};
    int rc = s_list_root (self, &listing);
    if (rc == ZSEQ_OK)
        rc = s_list_seq (self, &listing);
    zseq_store_listing_term (&listing);
    return rc;
}
