//  One page of a listing of keys. It asks all nodes for their pages, and merges
//  those of a quorum: up to the key at which the first of these pages ends,
//  each key is read by K7, as if it had been asked for alone. The page's reader
//  has to read the keys on which the nodes do not agree. Source: lib/doc/kv.md,
//  K7, and lib/doc/wire.md, section 6.11.
//
//  The owner begins a page and ticks it first. When a function returns
//  ZSEQ_DO_SEND, the owner calls _request and sends the message to all nodes.

#ifndef ZSEQ_KV_LIST_H_INCLUDED
#define ZSEQ_KV_LIST_H_INCLUDED

#include "zseq_attempt.h"

typedef struct zseq_kv_list zseq_kv_list_t;

typedef struct {
    zseq_slice_t prefix;  //  The owner keeps the bytes
    zseq_slice_t after;   //  Keys above it; empty: all
    bool values;          //  With the values
} zseq_kv_list_ask_t;

//  A key of the page.
typedef struct {
    zseq_slice_t key;
    bool disputed;       //  The nodes do not agree: the key may have a value
    uint64_t version;    //  The rest is of a key that is not disputed
    zseq_slice_t value;  //  Empty, unless values were asked for
} zseq_kv_list_entry_t;

//  NULL: no memory.
zseq_kv_list_t *zseq_kv_list_new (void);
void zseq_kv_list_destroy (zseq_kv_list_t **self_p);

//  Begins a page of n nodes (1..ZSEQ_NODES_MAX), which forgets the one before.
//  ask.after may lie in that page.
void zseq_kv_list_begin (zseq_kv_list_t *self, uint8_t n,
                         const zseq_kv_list_ask_t *ask,
                         const zseq_timing_t *timing);

//  Time has passed.
zseq_do_t zseq_kv_list_tick (zseq_kv_list_t *self, uint64_t now_us);

//  Fills in the message to send. request: an ID that was never used before.
void zseq_kv_list_request (zseq_kv_list_t *self, uint64_t request,
                           uint64_t now_us, zseq_msg_t *msg);

//  Takes in a reply of the right cluster.
zseq_do_t zseq_kv_list_reply (zseq_kv_list_t *self, const zseq_msg_t *reply,
                              uint64_t now_us);

//  For the owner, who sets absent, and for failures.
zseq_attempt_t *zseq_kv_list_attempt (zseq_kv_list_t *self);

//  The page's next key, in byte order, once it is done; false: it has no more.
//  Valid until the next page begins. Deleted keys are left out.
bool zseq_kv_list_next (zseq_kv_list_t *self, zseq_kv_list_entry_t *entry);

//  Whether other pages follow, and after which key, once the page is done.
bool zseq_kv_list_more (const zseq_kv_list_t *self, zseq_slice_t *after_p);

#endif
