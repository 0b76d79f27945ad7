//  Finds what is missing, by comparing the journal, the records and the node's
//  record. Private to loading.

#ifndef ZSEQ_STORE_MATCH_H_INCLUDED
#define ZSEQ_STORE_MATCH_H_INCLUDED

#include "zseq_store_loading.h"

//  Marks the records that have an entry. Notes as damage an entry without a
//  record, a missing journal, and a node's record older than the rest.
//  Everything has been read, and both lists are sorted. Errors: ZSEQ_ENOMEM.
int zseq_store_match (zseq_store_loading_t *self);

//  Counts what a crash has left unfinished. Call it after zseq_store_match,
//  with no damage.
size_t zseq_store_match_unfinished (const zseq_store_loading_t *self);

#endif
