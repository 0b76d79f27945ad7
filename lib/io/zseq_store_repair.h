//  Making a damaged directory whole again, with a node's record that does not
//  vote: lib/doc/disk.md, section 7. Private to the store.

#ifndef ZSEQ_STORE_REPAIR_H_INCLUDED
#define ZSEQ_STORE_REPAIR_H_INCLUDED

#include "zseq_store_journal.h"

//  What loading has left to do. All zeros: nothing.
typedef struct {
    bool needed;
    uint64_t identity;    //  Of what is intact; 0: nothing tells
    bool node;            //  There is a node's record, damaged
    char *paths;          //  Each one ZSEQ_STORE_REPAIR_..., the path, a NUL
    size_t paths_size;    //  Bytes in paths
    size_t paths_done;    //  How far it has come
    uint8_t *journal;     //  The new journal; its header is made in the end
    size_t journal_size;  //  Its bytes, the header's among them
    char folder[32];  //  Where this time's things are moved; "" not made yet
} zseq_store_repair_t;

#define ZSEQ_STORE_REPAIR_MOVE 'm'
#define ZSEQ_STORE_REPAIR_DELETE 'd'

void zseq_store_repair_term (zseq_store_repair_t *self);

//  Before the node's record is written: moves a damaged one out of the way,
//  which leaves none. Errors: ZSEQ_ENOSPACE, ZSEQ_EIO.
int zseq_store_repair_begin (zseq_store_repair_t *self,
                             zseq_store_disk_t *disk);

//  Once it is durable: moves what is damaged, deletes temporary files, puts the
//  new journal in place unless the cluster is not formed yet, syncs all of it.
//  Then nothing is needed any more. Errors: ZSEQ_ENOSPACE (call it again),
//  ZSEQ_EIO.
int zseq_store_repair_end (zseq_store_repair_t *self, zseq_store_disk_t *disk,
                           zseq_store_journal_t *journal,
                           const zseq_record_t *record);

#endif
