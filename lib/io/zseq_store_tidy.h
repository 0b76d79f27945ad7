//  The last step of loading: clears up after a crash, or with damage plans the
//  repair. Private to loading.

#ifndef ZSEQ_STORE_TIDY_H_INCLUDED
#define ZSEQ_STORE_TIDY_H_INCLUDED

#include "zseq_store_loading.h"

//  Without damage: deletes temporary files, makes both journals end alike, and
//  adds missing entries. The journal can be appended to afterwards. Errors: as
//  zseq_store_load.
int zseq_store_tidy (zseq_store_loading_t *self, zseq_store_journal_t *journal);

//  With damage: fills in repair, with a new journal of all intact names. It
//  does so now so that the thread that writes needs no memory. Changes nothing
//  on disk. Errors: ZSEQ_ENOMEM.
int zseq_store_tidy_plan (zseq_store_loading_t *self,
                          zseq_store_repair_t *repair);

#endif
