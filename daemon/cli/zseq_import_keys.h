//  The keys of an import: kept in memory while the file is read, and then
//  stored. A key is stored if it has no value here, or one of a version below
//  the file's, and then gets a version above the file's. So a key that has
//  changed here since stays, unless it is to be replaced, an import may be
//  repeated, and a version that was a fence at the other place is one here.

#ifndef ZSEQ_IMPORT_KEYS_H_INCLUDED
#define ZSEQ_IMPORT_KEYS_H_INCLUDED

#include "zseq.h"

typedef struct {
    char *records;
    size_t used;
    size_t size;
    size_t count;
    size_t stored;
    size_t passed;  //  Those whose value was there already
    size_t newer;   //  Those that stay as they are
    bool replace;   //  None does
} zseq_import_keys_t;

//  Why a key could not be stored.
typedef struct {
    int rc;  //  ZSEQ_OK: all were
    size_t line;
    bool unknown;  //  As zseq_kv_unknown
    char detail[512];
} zseq_import_failure_t;

void zseq_import_keys_init (zseq_import_keys_t *self);
void zseq_import_keys_term (zseq_import_keys_t *self);

//  Keeps a copy of a key. False: no memory.
bool zseq_import_keys_add (zseq_import_keys_t *self,
                           const zseq_kv_entry_t *entry, size_t line);

//  Stores all that were added, and says on stderr which of them stay, or were
//  newer and were replaced; file: as it is called there. Waits. Returns the rc
//  of the failure.
int zseq_import_keys_store (zseq_import_keys_t *self, zseq_client_t *client,
                            const char *file, zseq_import_failure_t *failure);

#endif
