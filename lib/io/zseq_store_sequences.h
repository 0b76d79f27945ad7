//  Reads all sequence records of a directory. Threads take the buckets one
//  after the other, and each collects what it finds in memory of its own. At
//  the end the calling thread merges all of it. Without a cache every read
//  waits for the disk, so there are more threads than processors, to keep
//  several reads under way. Private to loading.

#ifndef ZSEQ_STORE_SEQUENCES_H_INCLUDED
#define ZSEQ_STORE_SEQUENCES_H_INCLUDED

#include "zseq_store_loading.h"

//  Reads the records, reports progress, and meanwhile sorts the journal's
//  entries. Errors: as zseq_store_load; loading has ended.
int zseq_store_sequences_read (zseq_store_loading_t *self);

#endif
