//  Writes a snapshot of a shard, in pieces: lib/doc/disk.md, section 14.4.
//  Private to the store.

#ifndef ZSEQ_KVSTORE_SHOT_H_INCLUDED
#define ZSEQ_KVSTORE_SHOT_H_INCLUDED

#include "zseq_kvstore_journal.h"
#include "zseq_kvstore_sum.h"
#include "zseq_register.h"

//  What a snapshot is made of.
typedef struct {
    uint8_t shard;
    uint64_t position;  //  The groups up to it are in it
    zseq_ballot_t promise;
    uint64_t dropped;
    zseq_register_t *const *registers;  //  In the order of their keys
    size_t count;
} zseq_kvstore_shot_source_t;

typedef struct {
    int fd;  //  The temporary file; -1: no snapshot is under way
    zseq_kvstore_shot_source_t source;
    zseq_store_temp_t temp;
    size_t done;              //  Registers that are written
    uint64_t size;            //  Bytes that are written
    zseq_kvstore_sum_t *sum;  //  Their checksum; of all once it is placed
    uint8_t *bytes;           //  A piece
    size_t capacity;          //  Its bytes, and one record more
    size_t piece;
    char where[ZSEQ_KVSTORE_WHERE_SIZE];  //  Its path
} zseq_kvstore_shot_t;

//  False: no memory.
bool zseq_kvstore_shot_init (zseq_kvstore_shot_t *self, size_t piece);

//  Also deletes a file that is not finished.
void zseq_kvstore_shot_term (zseq_kvstore_shot_t *self);

//  The path of a shard's snapshot.
void zseq_kvstore_shot_where (uint8_t shard, char *where);

//  Begins a snapshot. Errors, of all three: ZSEQ_ENOSPACE (the file is deleted,
//  the old snapshot stands), ZSEQ_EIO (fatal).
int zseq_kvstore_shot_begin (zseq_kvstore_shot_t *self,
                             zseq_kvstore_journal_t *journal,
                             const zseq_kvstore_shot_source_t *source);

//  Writes the next piece and syncs it.
int zseq_kvstore_shot_step (zseq_kvstore_shot_t *self,
                            zseq_kvstore_journal_t *journal);

//  Whether all records are written.
bool zseq_kvstore_shot_is_complete (const zseq_kvstore_shot_t *self);

//  Puts the snapshot in the place of the one before, durably. The journal must
//  have come to the snapshot's position.
int zseq_kvstore_shot_end (zseq_kvstore_shot_t *self,
                           zseq_kvstore_journal_t *journal);

//  Ends a snapshot that is placed or was given up.
void zseq_kvstore_shot_stop (zseq_kvstore_shot_t *self);

#endif
