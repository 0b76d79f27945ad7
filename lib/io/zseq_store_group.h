//  Writes a group: writes that share their syncs and complete together, once
//  all are durable. lib/doc/disk.md, section 6. Private to the store.
//
//  A few sequences are synced one by one, and then the directories that
//  changed. Many are written to temporary files that one syncfs makes durable,
//  and then renamed, and a second syncfs makes the renames durable. Then new
//  names are journaled in one batch, and node's records are written. The
//  replaced file of a record is kept as a spare file. The next record of that
//  directory overwrites the spare file, so the file system need not free and
//  allocate an inode and blocks.

#ifndef ZSEQ_STORE_GROUP_H_INCLUDED
#define ZSEQ_STORE_GROUP_H_INCLUDED

#include "zseq_store.h"

#define ZSEQ_STORE_SPARES_MAX 16  //  Spare files of a directory

typedef struct {
    zseq_write_t write;  //  Its record is the store's own copy
    uint64_t temp;       //  The number of its temporary file
    uint8_t bucket;      //  ... its directory
    bool spare;          //  ... now holds the old record
    int status;
} zseq_store_job_t;

//  Temporary files of a directory that may be overwritten: no durable state
//  needs their contents.
typedef struct {
    size_t count;
    uint64_t number[ZSEQ_STORE_SPARES_MAX];
} zseq_store_spares_t;

//  Writes count (1..ZSEQ_STORE_GROUP_MAX) jobs and sets the status of each:
//  ZSEQ_OK (durable, or only written if all are deferred) or ZSEQ_ENOSPACE. Any
//  result other than ZSEQ_OK is fatal to the store and voids every status.
int zseq_store_group_write (zseq_store_t *self, zseq_store_job_t *jobs,
                            size_t count);

//  After the last group: closes directories that a failed group left open, and
//  deletes the spare files unless an error was fatal.
void zseq_store_group_end (zseq_store_t *self);

#endif
