//  Reading a node's directory: journal and sequence records, with several
//  threads. Private to the store.

#ifndef ZSEQ_STORE_LOAD_H_INCLUDED
#define ZSEQ_STORE_LOAD_H_INCLUDED

#include "zseq_store_repair.h"
#include "zseq_store_pair.h"

//  What the node's record says.
#define ZSEQ_STORE_NODE_UNKNOWN UINT8_MAX
typedef struct {
    uint64_t identity;  //  0: nothing, or that the cluster is not formed yet
    uint8_t node;       //  Where it is lost, ZSEQ_STORE_NODE_UNKNOWN will do
    bool lost;          //  There is no intact one
    uint16_t format;    //  Its version, that of the directory; 0: it is lost
} zseq_store_expected_t;

//  As zseq_store_load. With damage repair is set, without it the journal is
//  ready to be appended to; of a directory of format 1 it has no copy yet.
//  Without a journal nothing is changed, and repair is not needed.
int zseq_store_read (zseq_store_disk_t *disk, zseq_store_journal_t *journal,
                     zseq_store_repair_t *repair,
                     const zseq_store_expected_t *expected,
                     const zseq_store_load_callbacks_t *callbacks,
                     zseq_store_load_result_t *result_p);

#endif
