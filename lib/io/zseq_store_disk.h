//  A node's directory: its files, and what to say when a call fails. Private
//  to the store.

#ifndef ZSEQ_STORE_DISK_H_INCLUDED
#define ZSEQ_STORE_DISK_H_INCLUDED

#include <sys/types.h>

#include "zseq_store.h"

//  A path below the directory, of a file whose name may be anything.
#define ZSEQ_STORE_PATH_SIZE (255 + 64)

typedef struct {
    char *path;
    int fd;                         //  -1 unless open
    dev_t device;                   //  Its file system, once that was looked at
    bool unsafe;                    //  Any file system will do
    bool sync_each;                 //  syncfs may not reach what was written
    bool cold;                      //  Files are read from the disk itself
    uint64_t temps;                 //  Makes temporary names unique
    char why[ZSEQ_STORE_TEXT_MAX];  //  What went wrong
} zseq_store_disk_t;

//  Each says what went wrong and returns an error. where is the path below the
//  directory. _fail returns rc, _fail_write is for a call that failed with
//  errno where the disk may just be full (ZSEQ_ENOSPACE or ZSEQ_EIO), _fail_io
//  for one where that is the end (ZSEQ_EIO).
int zseq_store_disk_fail (zseq_store_disk_t *self, int rc, const char *where,
                          const char *what);
int zseq_store_disk_fail_write (zseq_store_disk_t *self, const char *where,
                                const char *call);
int zseq_store_disk_fail_io (zseq_store_disk_t *self, const char *where,
                             const char *call);

//  "DIRECTORY/where: what" on one line.
void zseq_store_disk_text (const zseq_store_disk_t *self, const char *where,
                           const char *what, char *text, size_t size);

//  As openat, for files that nobody else may read, closed by exec and never at 0
//  to 2: whatever a process that has closed these prints must not end up in a
//  file of ours. The latter alone for a descriptor, -1 among them, that is given
//  up if it is one of these.
int zseq_store_openat (int fd, const char *file, int flags);
int zseq_store_above_standard (int fd);

//  Opens a regular file that lies right in the directory; a link is none.
//  Errors: ZSEQ_EAGAIN (there is none), ZSEQ_EDAMAGED (it is something else),
//  ZSEQ_EIO.
int zseq_store_disk_open (zseq_store_disk_t *self, const char *file, int flags,
                          int *fd_p, size_t *size_p);

//  Writes a temporary file in the directory parent below fd: "", or a path that
//  ends in a slash. With spare, one of that number may be there, whose bytes
//  nobody needs: it is written over. Else, or if that is of no use, a new one is
//  made. With sync it is on disk afterwards. where is for the text. Errors:
//  ZSEQ_EAGAIN (there is no such directory), ZSEQ_ENOSPACE (the file is
//  deleted), ZSEQ_EIO.
typedef struct {
    int fd;
    const char *parent;
    const char *where;
    uint64_t number;  //  Of the temporary file
    bool spare;
} zseq_store_temp_t;

int zseq_store_disk_prepare (zseq_store_disk_t *self, zseq_store_temp_t *temp,
                             const uint8_t *bytes, size_t size, bool sync);

//  Renames it to file, in the same directory. Errors: ZSEQ_ENOSPACE (the
//  temporary file is deleted), ZSEQ_EIO.
int zseq_store_disk_rename (zseq_store_disk_t *self,
                            const zseq_store_temp_t *temp, const char *file);

//  The same, but what the file was is the temporary file then. Errors also:
//  ZSEQ_EAGAIN (there is no such file, or the file system cannot exchange;
//  nothing was done).
int zseq_store_disk_exchange (zseq_store_disk_t *self,
                              const zseq_store_temp_t *temp, const char *file);

//  Deletes it; if that fails, the next start does.
void zseq_store_disk_drop (const zseq_store_temp_t *temp);

//  Replaces a file that lies right in the directory; that lasts once the
//  directory is synced.
int zseq_store_disk_replace (zseq_store_disk_t *self, const char *file,
                             const uint8_t *bytes, size_t size);

//  Syncs a directory; false with errno if it, or the file system, has failed. XFS
//  answers fsync of a directory with success after it has shut down and thrown
//  away what the directory got: a look at it does not.
bool zseq_store_sync_directory (int fd);

//  Syncs the directory itself, one that path is or lies in, or the whole file
//  system. Errors: ZSEQ_EIO.
int zseq_store_disk_sync (zseq_store_disk_t *self);
int zseq_store_disk_sync_parent (zseq_store_disk_t *self, const char *path);
int zseq_store_disk_sync_all (zseq_store_disk_t *self);

bool zseq_store_write_all (int fd, const uint8_t *bytes, size_t size,
                           off_t offset);

//  If the disk is cold, lets the system forget what it holds of a file that is
//  on disk, so that what is read is what lies there. Where it cannot, it is as it
//  is without.
void zseq_store_disk_forget (const zseq_store_disk_t *self, int fd);

//  Reads size bytes, or fewer at the end of the file; -1 with errno.
ssize_t zseq_store_read_all (int fd, uint8_t *bytes, size_t size);

//  Closes what is open and sets it to -1.
void zseq_store_close (int *fd_p);

#endif
