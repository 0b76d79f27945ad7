//  A register: what a node has accepted of a key. It never changes; a node that
//  accepts the key's next proposal makes a new one. So the loop may go on while
//  another thread writes a register to disk. It counts its owners, and only
//  one thread, the node's, may add or release one.

#ifndef ZSEQ_REGISTER_H_INCLUDED
#define ZSEQ_REGISTER_H_INCLUDED

#include "zseq_kv.h"

typedef struct {
    zseq_kv_record_t record;  //  Its slices point behind this struct
    uint32_t owners;
} zseq_register_t;

//  A register with a copy of all that record holds; its caller is its owner.
//  NULL: no memory.
zseq_register_t *zseq_register_new (const zseq_kv_record_t *record);

//  Adds an owner. Returns self.
zseq_register_t *zseq_register_own (zseq_register_t *self);

//  Releases an owner's register, and frees it after the last one. Nulls the
//  owner's pointer, and accepts an already null one.
void zseq_register_release (zseq_register_t **self_p);

//  Bytes of memory that it takes.
size_t zseq_register_size (const zseq_register_t *self);

#endif
