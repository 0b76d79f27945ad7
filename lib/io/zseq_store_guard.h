//  The guard of a node's directory: the lock that keeps other processes out,
//  and the watch, which detects what gets past the lock (a directory that was
//  moved or replaced, or a process that the lock did not stop).
//  lib/doc/disk.md, sections 1 and 6. Private to the store.
//
//  A writer calls zseq_store_guard_open, _hold and _sign, then _check before
//  each acknowledgement, and at last _release. A reader calls _open, _share and
//  _release.

#ifndef ZSEQ_STORE_GUARD_H_INCLUDED
#define ZSEQ_STORE_GUARD_H_INCLUDED

#include <time.h>

#include "zseq_store_journal.h"

//  The state of a file when it was last seen to be ours. Links, mode and access
//  time do not count: backups change them.
typedef struct {
    ino_t inode;
    off_t size;
    struct timespec written;
} zseq_store_mark_t;

typedef struct {
    int
      start_fd;  //  The working directory that a relative path begins at, or -1
    bool held;   //  The directory is locked
    bool follows;            //  ... by the guard that this one follows
    ino_t inode;             //  The directory's inode
    int lock_fd;             //  The lock file, locked; or -1
    char token[48];          //  The line that we write into it
    zseq_store_mark_t lock;  //  The lock file when last seen
    size_t node_size;        //  0: the content of the node's record is unknown
    uint8_t node[ZSEQ_STORE_RECORD_MAX];  //  What the record should hold
    zseq_store_mark_t node_mark;          //  The record when last seen
} zseq_store_guard_t;

void zseq_store_guard_init (zseq_store_guard_t *self);

//  Opens the directory, following symbolic links. Errors: ZSEQ_EAGAIN (no such
//  directory), ZSEQ_EIO.
int zseq_store_guard_open (zseq_store_guard_t *self, zseq_store_disk_t *disk);

//  Locks the open directory itself without waiting. Changes nothing in it.
//  Errors: ZSEQ_ELOCKED (the text names the process), ZSEQ_EIO.
int zseq_store_guard_hold (zseq_store_guard_t *self, zseq_store_disk_t *disk);

//  Locks the directory for reading, in place of _hold and _sign: the lock, and
//  that of the lock file if there is one, is shared with other readers.
int zseq_store_guard_share (zseq_store_guard_t *self, zseq_store_disk_t *disk);

//  Creates the lock file in a directory that is held, locks it, and writes into
//  it who we are. Errors: ZSEQ_ELOCKED (by an older zseqd, which knows only
//  this file), ZSEQ_ENOSPACE, ZSEQ_EIO.
int zseq_store_guard_sign (zseq_store_guard_t *self, zseq_store_disk_t *disk);

//  Watches a directory that leader has signed, for another thread of this
//  process: _check then checks the path and the line in the lock file, and
//  changes nothing. leader must outlive it. No _release.
void zseq_store_guard_follow (zseq_store_guard_t *self,
                              const zseq_store_guard_t *leader);

//  Checks that name is still the file that is open as fd, and unless size is
//  negative that it has that size. Errors: ZSEQ_EIO, the text says what
//  happened.
int zseq_store_guard_file (zseq_store_disk_t *disk, const char *name, int fd,
                           off_t size);

//  Notes the content of the node's record that we read or wrote; size 0:
//  unknown.
void zseq_store_guard_node (zseq_store_guard_t *self,
                            const zseq_store_disk_t *disk, const uint8_t *bytes,
                            size_t size);

//  Checks that the directory is still the one at its path and that no other
//  process has written it. journal is NULL if there is none to compare with;
//  seq_fd is -1 if the directory seq is not open. Makes a deleted lock file
//  again. Errors: ZSEQ_EIO, the text says what happened.
int zseq_store_guard_check (zseq_store_guard_t *self, zseq_store_disk_t *disk,
                            const zseq_store_journal_t *journal, int seq_fd);

//  Releases both locks, even if a forked child still holds the descriptors, and
//  closes the directory.
void zseq_store_guard_release (zseq_store_guard_t *self,
                               zseq_store_disk_t *disk);

#endif
