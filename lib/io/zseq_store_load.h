//  Reads a node's directory: journal and sequence records, with several
//  threads. Private to the store.

#ifndef ZSEQ_STORE_LOAD_H_INCLUDED
#define ZSEQ_STORE_LOAD_H_INCLUDED

#include "zseq_store_repair.h"
#include "zseq_store_pair.h"

//  What the node's record says, and every other file must agree with.
#define ZSEQ_STORE_NODE_UNKNOWN UINT8_MAX
typedef struct {
    uint64_t identity;  //  0: unknown, or the cluster is not formed yet
    uint8_t node;       //  May be ZSEQ_STORE_NODE_UNKNOWN if lost
    bool lost;          //  The record is missing or damaged
    uint16_t format;    //  The directory's format version; 0: lost
} zseq_store_expected_t;

//  As zseq_store_load. With damage repair is filled in; without it the journal
//  is open for appends, and in a directory of format 1 has no copy yet. With a
//  null journal and repair, nothing is changed.
int zseq_store_read (zseq_store_disk_t *disk, zseq_store_journal_t *journal,
                     zseq_store_repair_t *repair,
                     const zseq_store_expected_t *expected,
                     const zseq_store_load_callbacks_t *callbacks,
                     zseq_store_load_result_t *result_p);

#endif
