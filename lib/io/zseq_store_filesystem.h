//  What a node may expect of the file system that its directory is on:
//  lib/doc/disk.md, section 9. Private to the store.

#ifndef ZSEQ_STORE_FILESYSTEM_H_INCLUDED
#define ZSEQ_STORE_FILESYSTEM_H_INCLUDED

#include "zseq_store_disk.h"

//  Looks at the file system of the open directory and sets disk's device and
//  sync_each. Changes nothing on disk. Errors: ZSEQ_EINVAL (one that does not
//  give what a node needs, and disk does not say that any will do), ZSEQ_EIO.
int zseq_store_filesystem_check (zseq_store_disk_t *disk);

//  What is wrong with a directory below the node's that is on another file
//  system: nothing that syncs the node's would reach it.
extern const char zseq_store_filesystem_elsewhere[];

//  Whether the directory name below fd is on the node's file system; where is
//  for the text. Errors: ZSEQ_EINVAL, ZSEQ_EIO, ZSEQ_EAGAIN (there is none).
int zseq_store_filesystem_same (zseq_store_disk_t *disk, int fd,
                                const char *name, const char *where);

#endif
