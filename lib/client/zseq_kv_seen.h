//  The versions that a handle on the key-value store has seen. A stale get may
//  not go back behind them, and a write tells them, so that nodes know which of
//  its copies they may have forgotten. Source: lib/doc/kv.md, K9 and K15.
//
//  It has a bounded number of keys. What is known of the keys of a shard that
//  had to be forgotten is kept together: as if each had had the highest
//  version. A stale get of such a key may be no stale get, once.
//
//  Thread-safe. Its lock may be taken under any other.

#ifndef ZSEQ_KV_SEEN_H_INCLUDED
#define ZSEQ_KV_SEEN_H_INCLUDED

#include <pthread.h>

#include "zseq_kv_call.h"

#define ZSEQ_KV_SEEN_MAX 1024  //  Keys

typedef struct {
    uint64_t key;      //  Its hash
    uint64_t version;  //  0: the slot is empty
} zseq_kv_seen_slot_t;

typedef struct {
    pthread_mutex_t lock;  //  Guards all of it
    uint64_t floor[ZSEQ_SHARDS];
    uint64_t forgotten[ZSEQ_SHARDS];  //  The highest version of a key without
                                      //  a slot
    zseq_kv_seen_slot_t slot[ZSEQ_KV_SEEN_MAX];
} zseq_kv_seen_t;

void zseq_kv_seen_init (zseq_kv_seen_t *self);
void zseq_kv_seen_term (zseq_kv_seen_t *self);

//  Sets op.since and least of what is about to be asked. Returns what _note is
//  to be told.
uint64_t zseq_kv_seen_prepare (zseq_kv_seen_t *self, zseq_kv_ask_t *ask);

//  A get or a write has told a version of the key, or 0, and a version floor of
//  its shard, or 0. forgotten: what _prepare has returned before.
void zseq_kv_seen_note (zseq_kv_seen_t *self, zseq_slice_t key,
                        uint64_t forgotten, uint64_t version, uint64_t floor);

#endif
