//  The bounded table of the names that a node holds, in byte order. It is two
//  structures over the same entries:
//
//  A crit-bit tree (Bernstein, "Crit-bit trees"; Langley, "Crit-bit Trees",
//  2008) looks up, lists by prefix and pages. An inner node is the first bit in
//  which the names on its two sides differ:
//
//        byte 5, bit 0x40
//        |-- 0: byte 6, bit 0x02
//        |      |-- 0: "order-a"
//        |      `-- 1: "order-b"
//        `-- 1: "orders"
//
//  A tree of a million names costs a cache miss per level. An index by hash
//  (linear hashing: Litwin, VLDB 1980, which grows by one bucket at a time,
//  without a pause) finds most names with two. A bucket is a list of entries:
//
//        bucket 0 -> "order-b" -> "orders"
//        bucket 1
//        bucket 2 -> "order-a"
//
//  The index is only a shortcut: if a bucket is too long, because somebody has
//  flooded it, the lookup falls back to the tree.

#ifndef ZSEQ_TABLE_H_INCLUDED
#define ZSEQ_TABLE_H_INCLUDED

#include "zseq.h"

//  What the table needs of an entry. The owner's struct begins with it, so that
//  a pointer to one is a pointer to the other; the name follows that struct. An
//  entry's address holds until it is removed.
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

//  The entry of name. Makes it if there is none: all zero but for the table's
//  own fields. Errors: ZSEQ_EFULL (entries_max names are there), ZSEQ_ENOMEM.
int zseq_table_insert (zseq_table_t *self, const char *name, size_t size,
                       zseq_entry_t **entry_p);

//  Removes an entry of the table, and frees it.
void zseq_table_remove (zseq_table_t *self, zseq_entry_t *entry);

//  Collects up to count entries whose names begin with prefix and lie above
//  after (empty for all), ascending by bytes. Returns how many.
size_t zseq_table_page (const zseq_table_t *self, const char *prefix,
                        size_t prefix_size, const char *after,
                        size_t after_size, zseq_entry_t **entries,
                        size_t count);

#endif
