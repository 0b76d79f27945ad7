//  The names journal and its copy as they are written: lib/doc/disk.md,
//  sections 5 and 6. Private to the store.

#ifndef ZSEQ_STORE_JOURNAL_H_INCLUDED
#define ZSEQ_STORE_JOURNAL_H_INCLUDED

#include "zseq_store_format.h"
#include "zseq_store_disk.h"

#define ZSEQ_STORE_NAMES "names"
#define ZSEQ_STORE_COPY "names-copy"

typedef struct {
    int fd;       //  -1: there is none
    int copy_fd;  //  -1: there is none yet, of a directory of format 1
    off_t size;   //  Where the next batch goes
    zseq_store_batch_t batch;
} zseq_store_journal_t;

//  False: no memory.
bool zseq_store_journal_init (zseq_store_journal_t *self);
void zseq_store_journal_close (zseq_store_journal_t *self);
void zseq_store_journal_term (zseq_store_journal_t *self);

//  Puts a whole journal and its copy in place of what is there; that lasts once
//  the directory is synced. Errors: ZSEQ_ENOSPACE, ZSEQ_EIO.
int zseq_store_journal_replace (zseq_store_journal_t *self,
                                zseq_store_disk_t *disk, const uint8_t *bytes,
                                size_t size);

//  Opens what is there, whose whole batches end at size.
int zseq_store_journal_open (zseq_store_journal_t *self,
                             zseq_store_disk_t *disk, bool copy, size_t size);

//  Makes the copy of a journal that has none; that lasts once the directory is
//  synced. Errors: ZSEQ_ENOSPACE, ZSEQ_EIO, ZSEQ_ENOMEM.
int zseq_store_journal_copy (zseq_store_journal_t *self,
                             zseq_store_disk_t *disk);

//  Adds a name to the batch that is being made.
void zseq_store_journal_add (zseq_store_journal_t *self, const char *name,
                             size_t size);

//  Appends what was added, if anything, as one batch, to the journal and then to
//  its copy; with sync each is on disk before the next thing is done. Errors:
//  ZSEQ_ENOSPACE (nothing was appended), ZSEQ_EIO.
int zseq_store_journal_append (zseq_store_journal_t *self,
                               zseq_store_disk_t *disk, bool sync);

#endif
