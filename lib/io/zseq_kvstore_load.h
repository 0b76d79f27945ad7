//  Reads the directory kv of a node: snapshots, then the journal.
//  lib/doc/disk.md, section 14.5. Private to the store.

#ifndef ZSEQ_KVSTORE_LOAD_H_INCLUDED
#define ZSEQ_KVSTORE_LOAD_H_INCLUDED

#include "zseq_kvstore.h"
#include "zseq_kvstore_journal.h"
#include "zseq_kvstore_ledger.h"

//  What reading found beside what it reported.
typedef struct {
    zseq_kvstore_load_result_t result;
    uint64_t checksum;               //  Of the last batch
    zseq_kvstore_segment_t current;  //  The segment that it is in; fd is -1
    bool torn;        //  Something that is no batch follows the last one
    uint64_t oldest;  //  The oldest segment that is there
    uint64_t newest;  //  The newest: the current one, or one made ahead
    size_t temps;     //  Temporary files
    zseq_kvstore_ledger_t ledger;
} zseq_kvstore_found_t;

//  Reads the directory and reports to callbacks, whose functions except damage
//  may be null all at once. Changes nothing. The caller terminates found's
//  ledger, even after an error. Errors: as zseq_kvstore_load.
int zseq_kvstore_read (zseq_store_disk_t *disk, uint64_t identity, uint8_t node,
                       uint64_t heard,
                       const zseq_kvstore_load_callbacks_t *callbacks,
                       zseq_kvstore_found_t *found);

//  Clears up after a crash, and opens the journal for appends. Nothing may be
//  damaged. Errors: ZSEQ_EIO.
int zseq_kvstore_tidy (zseq_store_disk_t *disk,
                       const zseq_kvstore_found_t *found,
                       zseq_kvstore_journal_t *journal);

#endif
