//  What any program that uses a store needs: a callback that ignores the names,
//  and a wait for completions.

#ifndef ZSEQ_COLLECT_H_INCLUDED
#define ZSEQ_COLLECT_H_INCLUDED

#include "zseq_store.h"

//  A name callback of zseq_store_load_callbacks_t that ignores every name.
int collect_skip_name (const char *name, size_t size, uint64_t next,
                       uint64_t durable_to, void *arg);

//  Blocks until count completions are there, and takes them.
void collect_wait (zseq_store_t *store, zseq_written_t *written, size_t count);

#endif
