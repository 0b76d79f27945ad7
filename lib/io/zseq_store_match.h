//  Finding out what is missing: what the journal, the records and the node's
//  record say of each other. Private to loading.

#ifndef ZSEQ_STORE_MATCH_H_INCLUDED
#define ZSEQ_STORE_MATCH_H_INCLUDED

#include "zseq_store_loading.h"

//  Marks the records that have their entry, and notes as damage an entry
//  without a record, a journal that is not there, and a node's record that is
//  older than the rest. All were read, and both lists are sorted. Errors:
//  ZSEQ_ENOMEM.
int zseq_store_match (zseq_store_loading_t *self);

//  How much a crash has left to be put right. After it, with no damage.
size_t zseq_store_match_unfinished (const zseq_store_loading_t *self);

#endif
