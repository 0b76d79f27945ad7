//  The bounded table of the names that a node holds, in byte order: a crit-bit
//  tree (Bernstein, "Crit-bit trees"; Langley, "Crit-bit Trees", 2008), which looks
//  up, lists by prefix and pages. Beside it, as a tree of a million names is a walk
//  through as many cache misses as it is deep, an index by hash that finds most
//  names with two (linear hashing: Litwin, VLDB 1980, which grows by a bucket at a
//  time, without a pause). It is only a short cut: where somebody has flooded a
//  bucket, the tree is asked. Names are never removed.

#ifndef ZSEQ_TABLE_H_INCLUDED
#define ZSEQ_TABLE_H_INCLUDED

#include "zseq_reserve.h"

//  One name. Its address holds as long as the table.
typedef struct zseq_entry {
    zseq_seq_t seq;
    uint64_t limit;    //  Claims up to it are durable: next on disk, or more
                       //  that is reserved; 0 if none
    uint32_t waiting;  //  Requests that wait for the disk: the first, 0 if none
    uint32_t waiting_last;        //  ... and the last
    struct zseq_entry *dirty;     //  Next in the list of entries to persist
    struct zseq_entry *reserved;  //  Next in the list of those with a reserve
    struct zseq_entry *bucket;    //  Next in its bucket of the index
    struct zseq_line *line;       //  Its line at the coordinator, or NULL
    zseq_reserve_t reserve;
    bool queued;     //  It is in the list of entries to persist
    bool writing;    //  A write of it is in flight
    bool journaled;  //  Its name is in the names journal
    bool listed;     //  It is in the list of those with a reserve
    bool lowering;   //  Its reserve was lowered, which the disk is to be told
    uint8_t name_size;
    char name[];  //  Terminated
} zseq_entry_t;

typedef struct zseq_table zseq_table_t;

//  A table of at most entries_max names (at least 1).
zseq_table_t *zseq_table_new (size_t entries_max);
void zseq_table_destroy (zseq_table_t **self_p);

size_t zseq_table_count (const zseq_table_t *self);

//  The entry of name, or NULL. size 1..ZSEQ_NAME_MAX, no NUL inside.
zseq_entry_t *zseq_table_find (const zseq_table_t *self, const char *name,
                               size_t size);

//  The entry of name, made with next 1 and nothing durable if need be.
//  Errors: ZSEQ_EFULL (entries_max names are there), ZSEQ_ENOMEM.
int zseq_table_insert (zseq_table_t *self, const char *name, size_t size,
                       zseq_entry_t **entry_p);

//  Collects up to count entries whose names begin with prefix and lie above
//  after (empty for all), ascending by bytes. Returns how many.
size_t zseq_table_page (const zseq_table_t *self, const char *prefix,
                        size_t prefix_size, const char *after,
                        size_t after_size, zseq_entry_t **entries,
                        size_t count);

#endif
