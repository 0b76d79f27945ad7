//  Reads the names journal and its copy. Private to loading.

#ifndef ZSEQ_STORE_REPLAY_H_INCLUDED
#define ZSEQ_STORE_REPLAY_H_INCLUDED

#include "zseq_store_loading.h"

//  Reads both, notes their damage, and adds all entries of their whole batches
//  to the loading's entries, unsorted and with duplicates. Only before threads
//  start. Errors: as zseq_store_load; loading has ended.
int zseq_store_replay (zseq_store_loading_t *self);

#endif
