//  Reading all sequence records of a directory. Threads take the directories in
//  seq one after the other, each with memory of its own for what it finds; in
//  the end the calling thread puts all of it together. Without a cache the disk
//  is waited for, so there are more threads than processors, to keep several
//  reads on their way. Private to loading.

#ifndef ZSEQ_STORE_SEQUENCES_H_INCLUDED
#define ZSEQ_STORE_SEQUENCES_H_INCLUDED

#include "zseq_store_loading.h"

//  Reads them, tells the callbacks of progress, and puts the journal's entries in
//  order meanwhile. Errors: as zseq_store_load; loading has ended.
int zseq_store_sequences_read (zseq_store_loading_t *self);

#endif
