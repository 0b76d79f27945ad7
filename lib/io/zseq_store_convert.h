//  Converts a directory of format 1, which has no copy of its names journal, or
//  2, which has no directory kv, to the current format: lib/doc/disk.md,
//  section 10. Private to the store.

#ifndef ZSEQ_STORE_CONVERT_H_INCLUDED
#define ZSEQ_STORE_CONVERT_H_INCLUDED

#include "zseq_store_guard.h"

//  Converts an undamaged directory of that format; record is its node's record.
//  The journal is open, and its copy and kv are made, unless the cluster is not
//  formed yet. Notes the new record in guard. An interrupted conversion leaves
//  one format or the other. Errors: ZSEQ_ENOSPACE, ZSEQ_EIO, ZSEQ_ENOMEM.
int zseq_store_convert (zseq_store_disk_t *disk, zseq_store_journal_t *journal,
                        zseq_store_guard_t *guard, const zseq_record_t *record,
                        uint16_t format);

#endif
