//  Repairs a damaged directory along with a node's record that does not vote:
//  lib/doc/disk.md, section 7. Private to the store.
//
//  Loading fills in zseq_store_repair_t. The next write of the node's record
//  calls _begin before that record and _end after it.

#ifndef ZSEQ_STORE_REPAIR_H_INCLUDED
#define ZSEQ_STORE_REPAIR_H_INCLUDED

#include "zseq_store_journal.h"

//  The repair to do, as loading found it. All zeros: none.
typedef struct {
    bool needed;          //  Something is damaged
    uint64_t identity;    //  Of the intact files; 0: unknown
    bool node;            //  A damaged node's record exists
    char *paths;          //  Each: a ZSEQ_STORE_REPAIR_..., a path, a NUL
    size_t paths_size;    //  Bytes in paths
    size_t paths_done;    //  Bytes that are done
    uint8_t *journal;     //  The new journal; _end makes its header
    size_t journal_size;  //  Its size, header included
    char folder[32];      //  The folder of this repair; "": not made yet
} zseq_store_repair_t;

#define ZSEQ_STORE_REPAIR_MOVE 'm'
#define ZSEQ_STORE_REPAIR_DELETE 'd'

void zseq_store_repair_term (zseq_store_repair_t *self);

//  Moves path to the same path below the folder of this repair, which it makes
//  first if there is none. Errors: ZSEQ_ENOSPACE, ZSEQ_EIO.
int zseq_store_repair_move (zseq_store_repair_t *self, zseq_store_disk_t *disk,
                            const char *path);

//  Before the node's record is written: moves a damaged one away. Errors:
//  ZSEQ_ENOSPACE, ZSEQ_EIO.
int zseq_store_repair_begin (zseq_store_repair_t *self,
                             zseq_store_disk_t *disk);

//  Once the record is durable: moves damaged files away, deletes temporary
//  files, writes the new journal unless the cluster is not formed yet, and
//  syncs everything. Nothing is needed afterwards. Errors: ZSEQ_ENOSPACE (call
//  it again), ZSEQ_EIO.
int zseq_store_repair_end (zseq_store_repair_t *self, zseq_store_disk_t *disk,
                           zseq_store_journal_t *journal,
                           const zseq_record_t *record);

#endif
