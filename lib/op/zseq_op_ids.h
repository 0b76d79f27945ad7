//  The op ids of a key that have fallen out of its record's dedup window, as
//  the proposer that has proposed these records remembers them. So a client is
//  not told that its op is forgotten only because many others write the key at
//  the same time. Source: lib/doc/kv.md, K9.

#ifndef ZSEQ_OP_IDS_H_INCLUDED
#define ZSEQ_OP_IDS_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

#include "zseq_kv.h"

//  How long op ids are remembered, at least, unless a key has more of them.
#define ZSEQ_OP_IDS_US 1000000
#define ZSEQ_OP_IDS_MAX 65536

//  A zeroed one is empty, and has no memory to free.
typedef struct {
    uint64_t from;  //  Op ids with versions up to that may be forgotten; those
                    //  above it are here, or in the record's window
    zseq_dedup_t *entries;  //  Ascending by version
    size_t count;
    size_t capacity;     //  0 or a power of two
    uint32_t *index;     //  A hash table of twice the capacity, with linear
                         //  probing: places in entries, from 1; 0: free
    bool forgot;         //  Since the last _forget there was no memory
    size_t old;          //  The first ones, which were there at turned_us
    uint64_t turned_us;  //  When to forget was thought of last
} zseq_op_ids_t;

void zseq_op_ids_term (zseq_op_ids_t *self);

//  Begins anew, with a record whose from is that one.
void zseq_op_ids_begin (zseq_op_ids_t *self, uint64_t from, uint64_t now_us);

//  The oldest entry of the record's window falls out of it.
void zseq_op_ids_add (zseq_op_ids_t *self, const zseq_dedup_t *entry);

//  Forgets all but the first count, which were there after the last _forget:
//  the records with which the others fell out were not proposed.
void zseq_op_ids_cut (zseq_op_ids_t *self, size_t count);

//  The version that an op with that since has made; 0: it is not here.
uint64_t zseq_op_ids_find (const zseq_op_ids_t *self, uint64_t op,
                           uint64_t since);

//  Time has passed: forgets the oldest ones.
void zseq_op_ids_forget (zseq_op_ids_t *self, uint64_t now_us);

//  Bytes of memory that they take.
size_t zseq_op_ids_size (const zseq_op_ids_t *self);

#endif
