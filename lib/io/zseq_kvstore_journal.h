//  Appends to the journal of a key-value store, segment by segment:
//  lib/doc/disk.md, section 14.3. Private to the store.
//
//  A segment is written with zeros before batches overwrite them, because a
//  sync then need not write where the file's blocks are. The zeros are written
//  in pieces, while no group waits.

#ifndef ZSEQ_KVSTORE_JOURNAL_H_INCLUDED
#define ZSEQ_KVSTORE_JOURNAL_H_INCLUDED

#include "zseq_kvstore_format.h"
#include "zseq_store_disk.h"

#define ZSEQ_KVSTORE_FOLDER "kv"
#define ZSEQ_KVSTORE_WHERE_SIZE 64

//  Sizes in bytes. Tests have smaller ones.
typedef struct {
    size_t segment;  //  A segment that is full
    size_t payload;  //  Entries of a batch
    size_t piece;    //  What is written at once while no group waits
    size_t ahead;    //  Zeros that are kept ahead
} zseq_kvstore_sizes_t;

typedef struct {
    int fd;  //  -1: there is none
    uint64_t number;
    uint64_t salt;
    size_t end;   //  Where the next batch goes
    size_t size;  //  Of the file; zeros from end on
} zseq_kvstore_segment_t;

typedef struct {
    zseq_store_disk_t *disk;
    int folder_fd;  //  The directory kv
    uint64_t identity;
    uint8_t node;
    zseq_kvstore_sizes_t sizes;
    zseq_kvstore_segment_t current;
    zseq_kvstore_segment_t next;  //  Made ahead; or none
    uint64_t position;            //  Of the last batch
    uint64_t checksum;            //  ... its checksum
    uint8_t *zeros;               //  A piece of them
} zseq_kvstore_journal_t;

//  False: no memory.
bool zseq_kvstore_journal_init (zseq_kvstore_journal_t *self,
                                zseq_store_disk_t *disk,
                                const zseq_kvstore_sizes_t *sizes);
void zseq_kvstore_journal_term (zseq_kvstore_journal_t *self);

//  The path of a segment.
void zseq_kvstore_journal_where (uint64_t number, char *where);

//  Makes a segment below a directory kv and its first batch, which holds base
//  if there is one: a temporary file that is synced and renamed. The segment is
//  open afterwards. It is durable once kv is synced. checksum_p: that of the
//  batch. Errors: ZSEQ_ENOSPACE, ZSEQ_EIO.
int zseq_kvstore_journal_make (zseq_store_disk_t *disk,
                               const zseq_kvstore_header_t *header,
                               const zseq_kvstore_base_t *base,
                               zseq_kvstore_segment_t *segment,
                               uint64_t *checksum_p);

//  Whether a batch of payload bytes fits into the current segment and leaves
//  room for the batch that closes it.
bool zseq_kvstore_journal_fits (const zseq_kvstore_journal_t *self,
                                size_t payload);

//  Closes the current segment and goes on in the next one, which it makes if
//  there is none. *size_p: bytes of the one that is closed. Errors:
//  ZSEQ_ENOSPACE (nothing has changed), ZSEQ_EIO.
int zseq_kvstore_journal_turn (zseq_kvstore_journal_t *self, uint64_t *size_p);

//  Appends the batch at position and syncs it. Errors: ZSEQ_ENOSPACE (nothing
//  is in the journal), ZSEQ_EIO (fatal).
int zseq_kvstore_journal_append (zseq_kvstore_journal_t *self,
                                 zseq_kvstore_batch_t *batch,
                                 uint64_t position);

//  Whether zseq_kvstore_journal_prepare has something to do.
bool zseq_kvstore_journal_is_short (const zseq_kvstore_journal_t *self);

//  Writes the next piece of zeros, or makes the next segment once the current
//  one has all its zeros. Errors: ZSEQ_ENOSPACE (nothing has changed),
//  ZSEQ_EIO.
int zseq_kvstore_journal_prepare (zseq_kvstore_journal_t *self);

//  Deletes a segment that is not needed, durably. It may be gone. Errors:
//  ZSEQ_EIO.
int zseq_kvstore_journal_delete (zseq_kvstore_journal_t *self, uint64_t number);

#endif
