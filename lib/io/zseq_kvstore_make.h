//  Makes the directory kv, or makes it anew. Private to the store.

#ifndef ZSEQ_KVSTORE_MAKE_H_INCLUDED
#define ZSEQ_KVSTORE_MAKE_H_INCLUDED

#include "zseq_store_disk.h"

//  Makes an empty kv, durably, in place of what an interrupted making has left.
//  The caller writes a node's record that says that it is there only after
//  that. Errors: ZSEQ_ENOSPACE (call it again), ZSEQ_EIO.
int zseq_kvstore_make (zseq_store_disk_t *disk, uint64_t identity,
                       uint8_t node);

//  Whether there is anything in kv's place, or a new one for it.
bool zseq_kvstore_make_is_there (const zseq_store_disk_t *disk);

//  As zseq_kvstore_make, but leaves a kv that is there as it is.
int zseq_kvstore_make_missing (zseq_store_disk_t *disk, uint64_t identity,
                               uint8_t node);

//  The directory in which a new kv is made while a damaged one is in its place.
#define ZSEQ_KVSTORE_RENEWAL "kv-new"

//  Makes an empty kv beside a damaged one, and makes aside, which is closed or
//  of an earlier try, the directory that has it. Errors: ZSEQ_ENOSPACE,
//  ZSEQ_EIO.
int zseq_kvstore_renew (zseq_store_disk_t *disk, zseq_store_disk_t *aside,
                        uint64_t identity, uint8_t node);

//  Once the new kv has all that is to be kept: moves the old one, if there is
//  one, to the folder `damaged`, and the new one in its place. Only while the
//  node's record says that the node does not vote. Errors: the same.
int zseq_kvstore_renewed (zseq_store_disk_t *disk);

//  Whether a crash came between these two moves; ends the second. Errors:
//  ZSEQ_ENOSPACE, ZSEQ_EIO.
bool zseq_kvstore_is_unplaced (const zseq_store_disk_t *disk);
int zseq_kvstore_place (zseq_store_disk_t *disk);

//  Deletes a new kv that an ended recovery has left, once the old one turns out
//  to be intact: it must never take the place of one that goes missing later.
//  Errors: ZSEQ_EIO.
int zseq_kvstore_discard_renewal (zseq_store_disk_t *disk);

//  Opens the directory of the new kv. -1 with errno: failed.
int zseq_kvstore_open_renewal (const zseq_store_disk_t *disk);

//  Whether kv has more in it than an interrupted making leaves. Errors:
//  ZSEQ_EIO.
int zseq_kvstore_is_used (zseq_store_disk_t *disk, bool *used_p);

#endif
