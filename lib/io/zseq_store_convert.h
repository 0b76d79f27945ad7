//  A directory of format 1, which has no copy of its names journal, made one of
//  the format that is written now: lib/doc/disk.md, section 10. Private to the
//  store.

#ifndef ZSEQ_STORE_CONVERT_H_INCLUDED
#define ZSEQ_STORE_CONVERT_H_INCLUDED

#include "zseq_store_guard.h"

//  Nothing in it is damaged, and record is its node's. Unless the cluster is
//  not formed yet, the journal is open, and its copy is made; guard is told of
//  the record that is written. A cut leaves it of one format or the other.
//  Errors: ZSEQ_ENOSPACE, ZSEQ_EIO, ZSEQ_ENOMEM.
int zseq_store_convert (zseq_store_disk_t *disk, zseq_store_journal_t *journal,
                        zseq_store_guard_t *guard, const zseq_record_t *record);

#endif
