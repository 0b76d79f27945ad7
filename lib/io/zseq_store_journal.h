//  Writes the names journal and its copy: lib/doc/disk.md, sections 5 and 6.
//  Private to the store.

#ifndef ZSEQ_STORE_JOURNAL_H_INCLUDED
#define ZSEQ_STORE_JOURNAL_H_INCLUDED

#include "zseq_store_format.h"
#include "zseq_store_disk.h"

#define ZSEQ_STORE_NAMES "names"
#define ZSEQ_STORE_COPY "names-copy"

typedef struct {
    int fd;                    //  -1: there is none
    int copy_fd;               //  -1: none yet (a directory of format 1)
    off_t size;                //  Where the next batch goes
    zseq_store_batch_t batch;  //  Names to be appended
} zseq_store_journal_t;

//  False: no memory.
bool zseq_store_journal_init (zseq_store_journal_t *self);
void zseq_store_journal_close (zseq_store_journal_t *self);
void zseq_store_journal_term (zseq_store_journal_t *self);

//  Replaces the journal and its copy with bytes. The change is durable once the
//  directory is synced. Errors: ZSEQ_ENOSPACE, ZSEQ_EIO.
int zseq_store_journal_replace (zseq_store_journal_t *self,
                                zseq_store_disk_t *disk, const uint8_t *bytes,
                                size_t size);

//  Opens the journal, whose whole batches end at size, and its copy if copy is
//  set.
int zseq_store_journal_open (zseq_store_journal_t *self,
                             zseq_store_disk_t *disk, bool copy, size_t size);

//  Makes the copy of a journal that has none. The copy is durable once the
//  directory is synced. Errors: ZSEQ_ENOSPACE, ZSEQ_EIO, ZSEQ_ENOMEM.
int zseq_store_journal_copy (zseq_store_journal_t *self,
                             zseq_store_disk_t *disk);

//  Adds a name to the batch.
void zseq_store_journal_add (zseq_store_journal_t *self, const char *name,
                             size_t size);

//  Appends the batch, if it is not empty, to the journal and then to its copy.
//  With sync each append is on disk before the next step. Errors: ZSEQ_ENOSPACE
//  (nothing was appended), ZSEQ_EIO.
int zseq_store_journal_append (zseq_store_journal_t *self,
                               zseq_store_disk_t *disk, bool sync);

#endif
