//  Reading back what was written, while a node runs: lib/doc/disk.md, section
//  13. Private to the store; for the thread that writes, between groups.

#ifndef ZSEQ_STORE_SCRUB_H_INCLUDED
#define ZSEQ_STORE_SCRUB_H_INCLUDED

#include "zseq_store_load.h"

//  Each reads from the disk itself (disk->cold), and returns ZSEQ_OK,
//  ZSEQ_EDAMAGED (it is not what was written; disk->why says what is wrong) or
//  ZSEQ_EAGAIN (it cannot be told now). What cannot be read is damage.

//  A sequence's record: intact, ours, and of no lower a durable_to.
int zseq_store_scrub_sequence (zseq_store_disk_t *disk,
                               const zseq_store_expected_t *expected,
                               const char *name, size_t size,
                               uint64_t durable_to);

//  The node's record.
int zseq_store_scrub_node (zseq_store_disk_t *disk,
                           const zseq_record_t *record);

//  A piece of both journals from *offset_p on, which moves on, to 0 after the
//  last piece. One that is damaged is replaced by the other, if that is intact.
//  Error also: ZSEQ_EIO (it could not be replaced; nothing more may be written).
int zseq_store_scrub_journal (zseq_store_disk_t *disk,
                              zseq_store_journal_t *journal,
                              const zseq_store_expected_t *expected,
                              off_t *offset_p);

#endif
