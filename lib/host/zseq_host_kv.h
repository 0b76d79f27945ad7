//  The key-value store of a host: joins the store on disk (zseq_kvstore) to the
//  registers of the node. Private to zseq_host.
//
//  Call _new, _load and _start. From then on: _submit with each group of the
//  node, _collect, step the node with what it has taken, and _flush after each
//  FLUSH.

#ifndef ZSEQ_HOST_KV_H_INCLUDED
#define ZSEQ_HOST_KV_H_INCLUDED

#include "zseq_kvstore.h"
#include "zseq_node.h"

typedef struct zseq_host_kv zseq_host_kv_t;

//  store must be open. It and node, which has a key-value store, must outlive
//  it. NULL: no memory.
zseq_host_kv_t *zseq_host_kv_new (const zseq_store_t *store, zseq_node_t *node);

//  Ends the writes first: the node, which owns the groups, goes afterwards.
void zseq_host_kv_destroy (zseq_host_kv_t **self_p);

//  Whether there is anything to load.
bool zseq_host_kv_is_there (const zseq_host_kv_t *self);

//  Before the node's first step: loads what the disk holds into the registers
//  and the node, and reports damage. *identity_p is that of the cluster. If it
//  is 0, not known, it becomes what the files say; if they do not say it,
//  nothing is loaded. Errors, with zseq_detail: those of zseq_kvstore_load.
int zseq_host_kv_load (zseq_host_kv_t *self, uint64_t *identity_p, uint8_t node,
                       void (*damage) (const char *text, void *arg), void *arg);

//  In place of _load, once the node runs: what the disk holds is void, and is
//  moved to the folder `damaged` unless it is empty. recovers: the node clears
//  all shards before it writes anything else. A node that forms its cluster has
//  an empty kv; else it is damaged: ZSEQ_EDAMAGED. Other errors as _load.
int zseq_host_kv_load_new (zseq_host_kv_t *self, uint64_t identity,
                           uint8_t node, bool recovers);

//  Errors, with zseq_detail: those of zseq_kvstore_start.
int zseq_host_kv_start (zseq_host_kv_t *self);

//  The rest is as zseq_kvstore. _collect and _flush answer the store's
//  questions for snapshots, so that a caller need only look at what was
//  written or checked, and at ZSEQ_EIO.
int zseq_host_kv_submit (zseq_host_kv_t *self, const zseq_kv_group_t *group);
size_t zseq_host_kv_collect (zseq_host_kv_t *self, zseq_kvstore_done_t *done,
                             size_t count);
void zseq_host_kv_flush (zseq_host_kv_t *self);
void zseq_host_kv_check (zseq_host_kv_t *self);
void zseq_host_kv_check_text (zseq_host_kv_t *self, char *text);
void zseq_host_kv_refusal (zseq_host_kv_t *self, char *text);
const char *zseq_host_kv_text (const zseq_host_kv_t *self);
int zseq_host_kv_fd (const zseq_host_kv_t *self);

#endif
