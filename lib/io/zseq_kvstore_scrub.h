//  Reads the files of a key-value store back, a piece at a time, and compares
//  them with what was written: lib/doc/disk.md, section 14.7. Private to the
//  store.
//
//  A pass reads the snapshots in the order of their shards, and then the
//  segments from the oldest on. Files that the store replaces or deletes
//  meanwhile are begun again or passed over.

#ifndef ZSEQ_KVSTORE_SCRUB_H_INCLUDED
#define ZSEQ_KVSTORE_SCRUB_H_INCLUDED

#include "zseq_kvstore_journal.h"
#include "zseq_kvstore_ledger.h"
#include "zseq_kvstore_sum.h"

typedef struct {
    zseq_store_disk_t disk;  //  The store's; its text is of the last damage
    size_t piece;       //  Bytes that are read at once, if no batch has more
    uint8_t shard;      //  Whose snapshot is read; ZSEQ_SHARDS: segments are
    uint64_t number;    //  The segment
    uint64_t at;        //  Bytes of the file that were read
    uint64_t position;  //  The snapshot's; or of the last batch
    uint64_t checksum;  //  The last batch's
    uint64_t salt;      //  The segment's
    bool begun;         //  A batch was read in this pass
    zseq_kvstore_sum_t *sum;  //  Of what was read of the snapshot
} zseq_kvstore_scrub_t;

//  False: no memory.
bool zseq_kvstore_scrub_init (zseq_kvstore_scrub_t *self, size_t piece);
void zseq_kvstore_scrub_term (zseq_kvstore_scrub_t *self);

//  How many pieces a pass has.
size_t zseq_kvstore_scrub_pieces (const zseq_kvstore_scrub_t *self,
                                  const zseq_kvstore_ledger_t *ledger);

//  Reads the next piece; after the last one a pass begins again. The ledger
//  notes what is damaged and has it replaced; disk.why says what is wrong.
//  Errors: ZSEQ_EDAMAGED, ZSEQ_EAGAIN (a lack of memory or descriptors says
//  nothing about the disk).
int zseq_kvstore_scrub_step (zseq_kvstore_scrub_t *self,
                             const zseq_kvstore_journal_t *journal,
                             zseq_kvstore_ledger_t *ledger);

#endif
