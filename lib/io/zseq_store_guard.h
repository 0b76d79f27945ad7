//  Whose a node's directory is: the lock that keeps other processes out, and the
//  watch for what gets past it (a directory that was moved, replaced, or written
//  by a process that the lock did not stop). lib/doc/disk.md, sections 1 and 6.
//  Private to the store.

#ifndef ZSEQ_STORE_GUARD_H_INCLUDED
#define ZSEQ_STORE_GUARD_H_INCLUDED

#include <time.h>

#include "zseq_store_journal.h"

//  How a file was when it was last seen to be ours. Neither its links, nor its
//  mode, nor when it was read are of interest: backups change these.
typedef struct {
    ino_t inode;
    off_t size;
    struct timespec written;
} zseq_store_mark_t;

typedef struct {
    int
      start_fd;  //  The working directory that a relative path begins at, or -1
    bool held;   //  The directory is locked
    ino_t inode;     //  The directory's
    int lock_fd;     //  The lock file, locked; or -1
    char token[48];  //  What we write into it
    zseq_store_mark_t lock;
    size_t node_size;  //  0: it is not known what is in the node's record
    uint8_t node[ZSEQ_STORE_RECORD_MAX];
    zseq_store_mark_t node_mark;
} zseq_store_guard_t;

void zseq_store_guard_init (zseq_store_guard_t *self);

//  Opens the directory, following symbolic links. Errors: ZSEQ_EAGAIN (there is
//  none), ZSEQ_EIO.
int zseq_store_guard_open (zseq_store_guard_t *self, zseq_store_disk_t *disk);

//  Locks the open directory itself, which changes nothing in it, without
//  waiting. Errors: ZSEQ_ELOCKED (the text says by whom), ZSEQ_EIO.
int zseq_store_guard_hold (zseq_store_guard_t *self, zseq_store_disk_t *disk);

//  The same for who only reads, in place of that and of signing: shared with
//  others who do so, of the lock file as well, if there is one.
int zseq_store_guard_share (zseq_store_guard_t *self, zseq_store_disk_t *disk);

//  Makes the lock file in a directory that is held, locks it, and says in it who
//  we are. Errors: ZSEQ_ELOCKED (by an older zseqd, which knows only this file),
//  ZSEQ_ENOSPACE, ZSEQ_EIO.
int zseq_store_guard_sign (zseq_store_guard_t *self, zseq_store_disk_t *disk);

//  Takes down that the node's record was read, or written by us; size 0: it may
//  be anything.
void zseq_store_guard_node (zseq_store_guard_t *self,
                            const zseq_store_disk_t *disk, const uint8_t *bytes,
                            size_t size);

//  Whether the directory is still the one at its path, and nobody else has
//  written it. journal is NULL while there is none to compare with; seq_fd is -1
//  while the directory seq is not open. A lock file that was deleted is made
//  again. Errors: ZSEQ_EIO, the text says what happened.
int zseq_store_guard_check (zseq_store_guard_t *self, zseq_store_disk_t *disk,
                            const zseq_store_journal_t *journal, int seq_fd);

//  Gives both locks back, also where a child that was forked has them, too, and
//  closes the directory.
void zseq_store_guard_release (zseq_store_guard_t *self,
                               zseq_store_disk_t *disk);

#endif
