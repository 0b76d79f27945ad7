//  Makes the directory kv, or makes it anew. Private to the store.

#ifndef ZSEQ_KVSTORE_MAKE_H_INCLUDED
#define ZSEQ_KVSTORE_MAKE_H_INCLUDED

#include "zseq_store_disk.h"

//  Makes an empty kv, durably, in place of what an interrupted making has left.
//  The caller writes a node's record that says that it is there only after
//  that. Errors: ZSEQ_ENOSPACE (call it again), ZSEQ_EIO.
int zseq_kvstore_make (zseq_store_disk_t *disk, uint64_t identity,
                       uint8_t node);

//  Whether there is anything in kv's place.
bool zseq_kvstore_make_is_there (const zseq_store_disk_t *disk);

//  As zseq_kvstore_make, but leaves a kv that is there as it is.
int zseq_kvstore_make_missing (zseq_store_disk_t *disk, uint64_t identity,
                               uint8_t node);

//  Moves kv, if there is one, to the folder `damaged` and makes a new one. Only
//  while the node's record says that the node does not vote. Errors: the same.
int zseq_kvstore_renew (zseq_store_disk_t *disk, uint64_t identity,
                        uint8_t node);

//  Whether kv has more in it than an interrupted making leaves. Errors:
//  ZSEQ_EIO.
int zseq_kvstore_is_used (zseq_store_disk_t *disk, bool *used_p);

#endif
