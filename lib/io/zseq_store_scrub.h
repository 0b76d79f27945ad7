//  Reads back what was written, while a node runs: lib/doc/disk.md, section 13.
//  Private to the store; called by the thread that writes, between groups.

#ifndef ZSEQ_STORE_SCRUB_H_INCLUDED
#define ZSEQ_STORE_SCRUB_H_INCLUDED

#include "zseq_store_load.h"

//  Each function reads from the disk itself (disk->cold) and returns ZSEQ_OK,
//  ZSEQ_EDAMAGED (the content is not what was written; disk->why says how) or
//  ZSEQ_EAGAIN (it could not be checked now). Unreadable content is damage.

//  What zseq_kvstore_scrub uses, too. Opens a file below the directory, without
//  changing its access time if possible.
int zseq_store_scrub_open (zseq_store_disk_t *disk, const char *where,
                           int *fd_p);

//  What a call says of the disk that failed with errno: nothing, if it lacked
//  descriptors or memory.
int zseq_store_scrub_fail (zseq_store_disk_t *disk, const char *where,
                           const char *call);

//  Checks a sequence's record: intact, this node's, and with a durable_to no
//  lower than the argument.
int zseq_store_scrub_sequence (zseq_store_disk_t *disk,
                               const zseq_store_expected_t *expected,
                               const char *name, size_t size,
                               uint64_t durable_to);

//  Checks the node's record, byte for byte.
int zseq_store_scrub_node (zseq_store_disk_t *disk,
                           const zseq_record_t *record);

//  Checks the piece of both journals at *offset_p, and advances *offset_p, to 0
//  after the last piece. Replaces a damaged journal by the other one if that is
//  intact. Error also: ZSEQ_EIO (the replacement failed; nothing more may be
//  written).
int zseq_store_scrub_journal (zseq_store_disk_t *disk,
                              zseq_store_journal_t *journal,
                              const zseq_store_expected_t *expected,
                              off_t *offset_p);

#endif
