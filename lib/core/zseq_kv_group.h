//  A group of changes to a node's registers and promises: what is written to
//  disk at once. A node numbers its groups; a group's number is its position.
//  They become durable in the order of their positions.

#ifndef ZSEQ_KV_GROUP_H_INCLUDED
#define ZSEQ_KV_GROUP_H_INCLUDED

#include "zseq_register.h"
#include "zseq_journal_end.h"

typedef enum {
    ZSEQ_KV_CHANGE_PROMISE = 1,  //  A shard was promised, or what was dropped
                                 //  there was taken over
    ZSEQ_KV_CHANGE_RECORD = 2,   //  A record was accepted
    ZSEQ_KV_CHANGE_DROPPED = 3,  //  A tombstone was dropped
    ZSEQ_KV_CHANGE_CLEARED = 4,  //  A shard has no promise and no records
} zseq_kv_change_type_t;

typedef struct {
    zseq_kv_change_type_t type;
    uint8_t shard;
    zseq_ballot_t promise;      //  PROMISE
    uint64_t dropped;           //  ... and the highest dropped version
    zseq_register_t *accepted;  //  RECORD: what was accepted. DROPPED: the
                                //  tombstone, of which key, proposal and
                                //  version count. The group is an owner of it
} zseq_kv_change_t;

typedef struct {
    uint64_t position;  //  From 1
    size_t bytes;       //  Of memory that the registers take
    zseq_journal_end_t heard[ZSEQ_NODES_MAX];  //  Of peers, by their indexes
    size_t count;  //  At most one RECORD for a key, one PROMISE for a
                   //  shard; a key's DROPPED is before its RECORD
    zseq_kv_change_t changes[];
} zseq_kv_group_t;

//  A group with room for count changes, of which it has none yet. NULL: no
//  memory.
zseq_kv_group_t *zseq_kv_group_new (uint64_t position, size_t count);

//  Releases the registers, too.
void zseq_kv_group_destroy (zseq_kv_group_t **self_p);

#endif
