//  What loading finds in a directory: records, damage, temporary files. Each
//  reader thread collects its own; loading merges them at the end. Private to
//  the store.

#ifndef ZSEQ_STORE_FINDS_H_INCLUDED
#define ZSEQ_STORE_FINDS_H_INCLUDED

#include <stdint.h>

#include "zseq_store_memory.h"

//  A record, or an entry of the journal.
typedef struct {
    const char *name;     //  An entry's points into the journal
    uint64_t next;        //  Only a record has it
    uint64_t durable_to;  //  Only a record has it
    uint8_t size;
    bool journaled;  //  The record has an entry
} zseq_store_name_t;

typedef struct {
    const char *where;  //  Below the node's directory
    const char *what;
    bool there;  //  Repair has to move it away
} zseq_store_damage_t;

typedef struct {
    zseq_store_chunk_t *chunks;
    zseq_store_name_t *record;  //  In byte order of the names, once sorted
    size_t record_count;
    size_t record_capacity;
    zseq_store_damage_t *damage;
    size_t damage_count;
    size_t damage_capacity;
    const char **temp;  //  Paths of temporary files
    size_t temp_count;
    size_t temp_capacity;
} zseq_store_finds_t;

//  Frees all of it.
void zseq_store_finds_term (zseq_store_finds_t *self);

//  Compares names in byte order; a prefix comes first.
int zseq_store_name_compare (const zseq_store_name_t *a,
                             const zseq_store_name_t *b);

//  Sorts count names in that order and may replace the array. False: no memory.
bool zseq_store_name_sort (zseq_store_name_t **names_p, size_t *capacity_p,
                           size_t count);

#endif
