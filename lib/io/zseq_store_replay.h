//  Taking in the names journal and its copy. Private to loading.

#ifndef ZSEQ_STORE_REPLAY_H_INCLUDED
#define ZSEQ_STORE_REPLAY_H_INCLUDED

#include "zseq_store_loading.h"

//  Reads both, notes what is wrong with them as damage, and adds all entries of
//  their whole batches to the loading's, in no order and with repeats. Before
//  there are threads. Errors: as zseq_store_load; loading has ended.
int zseq_store_replay (zseq_store_loading_t *self);

#endif
