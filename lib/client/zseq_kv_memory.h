//  The key-value store of mem: records in memory, with the rules of the nodes'.
//  Thread-safe.

#ifndef ZSEQ_KV_MEMORY_H_INCLUDED
#define ZSEQ_KV_MEMORY_H_INCLUDED

#include "zseq_kv_list.h"
#include "zseq_kv_query.h"

typedef struct zseq_kv_memory zseq_kv_memory_t;

//  An empty store. NULL: no memory.
zseq_kv_memory_t *zseq_kv_memory_new (void);
void zseq_kv_memory_destroy (zseq_kv_memory_t **self_p);

//  Runs a query at once, but for a watch, which may wait until its deadline,
//  and sets its result; does not call done.
void zseq_kv_memory_run (zseq_kv_memory_t *self, zseq_kv_query_t *query);

//  Ends the watches that wait: ZSEQ_ECLOSED.
void zseq_kv_memory_close (zseq_kv_memory_t *self);

//  As zseq_kv_list.
int zseq_kv_memory_list (zseq_kv_memory_t *self, const zseq_kv_list_ask_t *ask,
                         zseq_kv_list_fn *fn, void *arg);

#endif
