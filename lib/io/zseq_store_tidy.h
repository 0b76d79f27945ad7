//  What loading does in the end: a crash's leavings are cleared away, and of
//  damage is noted how to repair it. Private to loading.

#ifndef ZSEQ_STORE_TIDY_H_INCLUDED
#define ZSEQ_STORE_TIDY_H_INCLUDED

#include "zseq_store_loading.h"

//  All is well: deletes temporary files, makes both journals end alike, adds
//  entries that are lacking. The journal can be appended to afterwards. Errors:
//  as zseq_store_load.
int zseq_store_tidy (zseq_store_loading_t *self, zseq_store_journal_t *journal);

//  With damage: what repair will need, a journal of all intact names with it.
//  That is made now, so that the thread that writes needs no memory. Changes
//  nothing on disk. Errors: ZSEQ_ENOMEM.
int zseq_store_tidy_plan (zseq_store_loading_t *self,
                          zseq_store_repair_t *repair);

#endif
