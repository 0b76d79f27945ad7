//  Requests that wait at a node until a key has a newer version. They are
//  hints: a request may be dropped at any time, and its client asks again.
//  There is a bounded number of them, in all and of each sender, so that no
//  client can use up the node's memory, or leave no place for others.

#ifndef ZSEQ_KV_WATCHES_H_INCLUDED
#define ZSEQ_KV_WATCHES_H_INCLUDED

#include "zseq_node.h"

#define ZSEQ_KV_WATCHES_MAX 16384
#define ZSEQ_KV_WATCHES_SENDER_MAX 1024

typedef struct zseq_kv_watches zseq_kv_watches_t;

//  A watch that ends, with the version that its key has.
typedef void (zseq_kv_watches_fn) (const zseq_sender_t *sender,
                                   uint64_t request, uint64_t version,
                                   void *arg);

//  No watches. NULL: no memory.
zseq_kv_watches_t *zseq_kv_watches_new (void);
void zseq_kv_watches_destroy (zseq_kv_watches_t **self_p);

//  Waits until until_us for a version of key that is above that one. Errors:
//  ZSEQ_EBUSY: there are too many. ZSEQ_ENOMEM.
int zseq_kv_watches_add (zseq_kv_watches_t *self, const zseq_sender_t *sender,
                         uint64_t request, zseq_slice_t key, uint64_t above,
                         uint64_t until_us);

//  The key has that version: ends the watches of it that wait for less.
void zseq_kv_watches_note (zseq_kv_watches_t *self, zseq_slice_t key,
                           uint64_t version, zseq_kv_watches_fn *fn, void *arg);

//  Drops the watches whose time is over.
void zseq_kv_watches_expire (zseq_kv_watches_t *self, uint64_t now_us);

//  Drops all watches.
void zseq_kv_watches_clear (zseq_kv_watches_t *self);

size_t zseq_kv_watches_count (const zseq_kv_watches_t *self);

#endif
