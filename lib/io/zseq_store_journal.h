//  The names journal as it is written: lib/doc/disk.md, sections 5 and 6.
//  Private to the store.

#ifndef ZSEQ_STORE_JOURNAL_H_INCLUDED
#define ZSEQ_STORE_JOURNAL_H_INCLUDED

#include "zseq_store_bytes.h"
#include "zseq_store_disk.h"

typedef struct {
    int fd;      //  -1: there is none
    off_t size;  //  Where the next batch goes
    zseq_store_batch_t batch;
} zseq_store_journal_t;

//  False: no memory.
bool zseq_store_journal_init (zseq_store_journal_t *self);
void zseq_store_journal_term (zseq_store_journal_t *self);

//  Puts a whole journal in place of what is there; that lasts once the
//  directory is synced. Errors: ZSEQ_ENOSPACE, ZSEQ_EIO.
int zseq_store_journal_replace (zseq_store_journal_t *self,
                                zseq_store_disk_t *disk, const uint8_t *bytes,
                                size_t size);

//  Adds a name to the batch that is being made.
void zseq_store_journal_add (zseq_store_journal_t *self, const char *name,
                             size_t size);

//  Appends what was added, if anything, as one batch; with sync it is on disk
//  afterwards. Errors: ZSEQ_ENOSPACE (nothing was appended), ZSEQ_EIO.
int zseq_store_journal_append (zseq_store_journal_t *self,
                               zseq_store_disk_t *disk, bool sync);

//  Cuts off what follows size, on disk. Errors: ZSEQ_EIO.
int zseq_store_journal_cut (zseq_store_journal_t *self, zseq_store_disk_t *disk,
                            off_t size);

#endif
