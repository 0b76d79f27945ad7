//  Writing a group: writes that share their syncs, and of which none is
//  complete before all are durable. lib/doc/disk.md, section 6. Private to the
//  store.
//
//  A few sequences are synced one by one, and then the directories that have
//  changed; many are written to temporary files, which one syncfs makes
//  durable, and renamed, which another does. Then new names are journaled, in
//  one batch, and node's records are written. The file that a record had before
//  is kept as a spare one: the next record of that directory is written over
//  it, which spares the file system an inode and blocks.

#ifndef ZSEQ_STORE_GROUP_H_INCLUDED
#define ZSEQ_STORE_GROUP_H_INCLUDED

#include "zseq_store.h"

#define ZSEQ_STORE_SPARES_MAX 16  //  Spare files that a directory keeps

typedef struct {
    zseq_write_t write;  //  Its record is a copy of ours
    uint64_t temp;       //  The number of its temporary file
    uint8_t bucket;      //  ... and its directory
    bool spare;          //  ... which is what the record's file was
    int status;
} zseq_store_job_t;

//  Temporary files of a directory that may be written over: nothing that lasts
//  needs what they hold.
typedef struct {
    size_t count;
    uint64_t number[ZSEQ_STORE_SPARES_MAX];
} zseq_store_spares_t;

//  Writes count (1..ZSEQ_STORE_GROUP_MAX) jobs and sets the status of each:
//  ZSEQ_OK (durable, or written if all are deferred) or ZSEQ_ENOSPACE. Another
//  result than ZSEQ_OK is the store's end: no status counts then.
int zseq_store_group_write (zseq_store_t *self, zseq_store_job_t *jobs,
                            size_t count);

//  After the last group: closes what a group that failed has left open and, if
//  nothing was fatal, deletes the spare files.
void zseq_store_group_end (zseq_store_t *self);

#endif
