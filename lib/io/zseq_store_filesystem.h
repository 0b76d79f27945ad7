//  Checks whether a node's directory is on a file system that can be trusted:
//  lib/doc/disk.md, section 9. Private to the store.

#ifndef ZSEQ_STORE_FILESYSTEM_H_INCLUDED
#define ZSEQ_STORE_FILESYSTEM_H_INCLUDED

#include "zseq_store_disk.h"

//  Checks the file system of the open directory and sets disk's device and
//  sync_each. Changes nothing on disk. Errors: ZSEQ_EINVAL (it lacks what a
//  node needs, and disk is not set to accept any), ZSEQ_EIO.
int zseq_store_filesystem_check (zseq_store_disk_t *disk);

//  Checks that no user but this process's and root owns the open directory or
//  may write it. Changes nothing on disk. Errors: ZSEQ_EINVAL, ZSEQ_EIO.
int zseq_store_filesystem_private (zseq_store_disk_t *disk);

//  Checks that the directory name below fd is on the node's file system; where
//  is for the text. Errors: ZSEQ_EINVAL, ZSEQ_EIO, ZSEQ_EAGAIN (no such
//  directory).
int zseq_store_filesystem_same (zseq_store_disk_t *disk, int fd,
                                const char *name, const char *where);

#endif
