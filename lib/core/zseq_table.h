//  The bounded table of the names that a node holds, in byte order: a crit-bit
//  tree (Bernstein, "Crit-bit trees"; Langley, "Crit-bit Trees", 2008), which
//  looks up, lists by prefix and pages. Beside it, as a tree of a million names
//  is a walk through as many cache misses as it is deep, an index by hash that
//  finds most names with two (linear hashing: Litwin, VLDB 1980, which grows by
//  a bucket at a time, without a pause). It is only a short cut: where somebody
//  has flooded a bucket, the tree is asked. Names are never removed.

#ifndef ZSEQ_TABLE_H_INCLUDED
#define ZSEQ_TABLE_H_INCLUDED

#include "zseq.h"

//  What the table needs of an entry. The owner's struct begins with it, so that
//  a pointer to either is a pointer to the other; the name lies behind that
//  struct. An entry's address holds as long as the table.
typedef struct zseq_entry {
    struct zseq_entry *bucket;  //  Next in its bucket of the index
    uint16_t name_at;           //  Where the name begins, bytes from here
    uint8_t name_size;
} zseq_entry_t;

//  The entry's name, terminated.
static inline const char *
zseq_entry_name (const zseq_entry_t *self)
{
    return (const char *) self + self->name_at;
}

typedef struct zseq_table zseq_table_t;

//  A table of at most entries_max names (at least 1), whose owner's structs are
//  of entry_size bytes. NULL: no memory.
zseq_table_t *zseq_table_new (size_t entries_max, size_t entry_size);

//  Frees all entries too.
void zseq_table_destroy (zseq_table_t **self_p);

size_t zseq_table_count (const zseq_table_t *self);

//  The entry of name, or NULL. size 1..ZSEQ_NAME_MAX, no NUL inside.
zseq_entry_t *zseq_table_find (const zseq_table_t *self, const char *name,
                               size_t size);

//  The entry of name. If there is none it is made, all zero but for what the
//  table keeps. Errors: ZSEQ_EFULL (entries_max names are there), ZSEQ_ENOMEM.
int zseq_table_insert (zseq_table_t *self, const char *name, size_t size,
                       zseq_entry_t **entry_p);

//  Collects up to count entries whose names begin with prefix and lie above
//  after (empty for all), ascending by bytes. Returns how many.
size_t zseq_table_page (const zseq_table_t *self, const char *prefix,
                        size_t prefix_size, const char *after,
                        size_t after_size, zseq_entry_t **entries,
                        size_t count);

#endif
