//  A node's directory: opening, writing, renaming and syncing its files, and
//  the text of what went wrong. Private to the store.
//
//  A record is replaced by zseq_store_disk_prepare (writes a temporary file),
//  zseq_store_disk_rename or _exchange, and a sync of the directory.
//  zseq_store_disk_replace does the first two for a file of the directory
//  itself. Each call that fails leaves a text in why.

#ifndef ZSEQ_STORE_DISK_H_INCLUDED
#define ZSEQ_STORE_DISK_H_INCLUDED

#include <sys/types.h>

#include "zseq_store.h"

//  A path below the directory, of a file whose name may be anything.
#define ZSEQ_STORE_PATH_SIZE (255 + 64)

typedef struct {
    char *path;
    int fd;                         //  -1 unless open
    dev_t device;                   //  Its file system, once checked
    bool unsafe;                    //  Accept any file system
    bool guarded;                   //  Refuse one that others may write
    bool sync_each;                 //  syncfs cannot be trusted: sync each file
    bool cold;                      //  Read files from the disk, not the cache
    uint64_t temps;                 //  The number of the next temporary file
    char why[ZSEQ_STORE_TEXT_MAX];  //  What went wrong
} zseq_store_disk_t;

//  Each notes what went wrong and returns an error. where is the path below the
//  directory. _fail returns rc. _fail_write is for a failed call (errno) that
//  may only mean that the disk is full (ZSEQ_ENOSPACE or ZSEQ_EIO). _fail_io is
//  for a failed call that is fatal (ZSEQ_EIO).
int zseq_store_disk_fail (zseq_store_disk_t *self, int rc, const char *where,
                          const char *what);
int zseq_store_disk_fail_write (zseq_store_disk_t *self, const char *where,
                                const char *call);
int zseq_store_disk_fail_io (zseq_store_disk_t *self, const char *where,
                             const char *call);

//  "DIRECTORY/where: what" on one line.
void zseq_store_disk_text (const zseq_store_disk_t *self, const char *where,
                           const char *what, char *text, size_t size);

//  zseq_store_openat is openat for private files: closed by exec and never
//  numbered 0 to 2, so that output of a process that has closed these cannot
//  end up in our file. zseq_store_above_standard moves a descriptor above 2 and
//  closes the original; it accepts -1.
int zseq_store_openat (int fd, const char *file, int flags);
int zseq_store_above_standard (int fd);

//  Opens a regular file of the directory itself; a link is not one. Errors:
//  ZSEQ_EAGAIN (no such file), ZSEQ_EDAMAGED (not a regular file), ZSEQ_EIO.
int zseq_store_disk_open (zseq_store_disk_t *self, const char *file, int flags,
                          int *fd_p, size_t *size_p);

//  A temporary file in the directory parent below fd. parent is "" or a path
//  that ends in a slash.
typedef struct {
    int fd;
    const char *parent;
    const char *where;  //  The record's path, for the text
    uint64_t number;    //  The number in the file's name
    bool spare;         //  Overwrite the spare file of that number
} zseq_store_temp_t;

//  Creates an empty temporary file with a new number. Returns its descriptor,
//  or -1 with errno.
int zseq_store_disk_create (zseq_store_disk_t *self, zseq_store_temp_t *temp);

//  Writes a temporary file. With spare, overwrites the spare file of that
//  number; makes a new file without one, or if it cannot be used. With sync the
//  file is on disk afterwards. Errors: ZSEQ_EAGAIN (no such directory),
//  ZSEQ_ENOSPACE (the file is deleted), ZSEQ_EIO.
int zseq_store_disk_prepare (zseq_store_disk_t *self, zseq_store_temp_t *temp,
                             const uint8_t *bytes, size_t size, bool sync);

//  Renames the temporary file to file, in the same directory. Errors:
//  ZSEQ_ENOSPACE (the temporary file is deleted), ZSEQ_EIO.
int zseq_store_disk_rename (zseq_store_disk_t *self,
                            const zseq_store_temp_t *temp, const char *file);

//  The same, but exchanges the two: the temporary file then holds what file
//  held. Errors also: ZSEQ_EAGAIN (no such file, or the file system cannot
//  exchange; nothing was done).
int zseq_store_disk_exchange (zseq_store_disk_t *self,
                              const zseq_store_temp_t *temp, const char *file);

//  Deletes the temporary file. If that fails, the next start deletes it.
void zseq_store_disk_drop (const zseq_store_temp_t *temp);

//  Replaces a file of the directory itself. The change is durable once the
//  directory is synced.
int zseq_store_disk_replace (zseq_store_disk_t *self, const char *file,
                             const uint8_t *bytes, size_t size);

//  Syncs a directory. False with errno: the sync or the file system has failed.
//  After XFS has shut down and discarded a directory's changes, its fsync of
//  the directory still succeeds; the fstat that follows does not.
bool zseq_store_sync_directory (int fd);

//  Syncs the directory itself, the directory that contains path, or the whole
//  file system. Errors: ZSEQ_EIO.
int zseq_store_disk_sync (zseq_store_disk_t *self);
int zseq_store_disk_sync_parent (zseq_store_disk_t *self, const char *path);
int zseq_store_disk_sync_all (zseq_store_disk_t *self);

bool zseq_store_write_all (int fd, const uint8_t *bytes, size_t size,
                           off_t offset);

//  If the disk is cold, drops the cached pages of a synced file, so that reads
//  come from the disk. Does nothing where the system cannot do that.
void zseq_store_disk_forget (const zseq_store_disk_t *self, int fd);

//  Reads size bytes, or fewer at the end of the file; -1 with errno.
ssize_t zseq_store_read_all (int fd, uint8_t *bytes, size_t size);

//  Closes what is open and sets it to -1.
void zseq_store_close (int *fd_p);

#endif
