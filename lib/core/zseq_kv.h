//  The words of the key-value store that all layers share: keys, shards,
//  records, and what a write makes of a record. Source: lib/doc/kv.md, sections
//  2 to 4.

#ifndef ZSEQ_KV_H_INCLUDED
#define ZSEQ_KV_H_INCLUDED

#include "zseq_ballot.h"
#include "zseq_slice.h"

#define ZSEQ_SHARDS 64
#define ZSEQ_DEDUP_MAX 16  //  Op ids that a record remembers
#define ZSEQ_KV_VERSION_MAX 0x7fffffffffffffffu

//  A write that was applied: its op id, and the version that it made.
typedef struct {
    uint64_t op;
    uint64_t version;
} zseq_dedup_t;

//  What a node has accepted of a key, as messages and the disk carry it. The
//  slices point into memory of somebody else.
typedef struct {
    zseq_slice_t key;
    zseq_proposal_t proposal;  //  seq 0: the key is absent
    bool tombstone;            //  It was deleted
    bool copied;       //  Copied by a recovery: no vote for its proposal (K7)
    uint64_t version;  //  If it is absent, the version floor of its shard
    uint64_t from;     //  Op ids with versions up to that may be forgotten; if
                       //  it is absent, of all keys that were dropped
    uint8_t dedup_count;
    zseq_dedup_t dedup[ZSEQ_DEDUP_MAX];  //  Ascending by version
    zseq_slice_t value;
} zseq_kv_record_t;

//  The shard of a key, below ZSEQ_SHARDS: the last 6 bits of its XXH3.
uint8_t zseq_kv_shard (zseq_slice_t key);

//  A place in the order of all keys: shard by shard, and within a shard by
//  their bytes. All zeros: before the first one.
typedef struct {
    uint8_t shard;     //  ZSEQ_SHARDS: behind the last one
    uint8_t key_size;  //  0: before the shard's first key
    char key[ZSEQ_KEY_MAX];
} zseq_kv_cursor_t;

//  An absent record of key in a shard with that version floor, in which nothing
//  was dropped.
void zseq_kv_record_init (zseq_kv_record_t *self, zseq_slice_t key,
                          uint64_t floor);

//  Whether the record has a value: it is neither absent nor a tombstone.
static inline bool
zseq_kv_record_exists (const zseq_kv_record_t *self)
{
    return self->proposal.seq != 0 && !self->tombstone;
}

typedef enum {
    ZSEQ_KV_GET = 0,  //  Reads: what a SETTLE asks for
    ZSEQ_KV_PUT = 1,
    ZSEQ_KV_DEL = 2,
} zseq_kv_type_t;

//  What a client asks of a key.
typedef struct {
    zseq_kv_type_t type;
    uint64_t op;     //  Its op id; not of a GET
    uint64_t since;  //  A version that was passed before the op was made
    bool conditional;
    uint64_t expected;   //  If conditional: the version that it replaces; 0: no
                         //  value may exist
    zseq_slice_t value;  //  Of a PUT
} zseq_kv_op_t;

typedef struct {
    //  ZSEQ_OK, or: ZSEQ_ENOKEY (no value is there), ZSEQ_EVERSION (another
    //  version than the expected one is), ZSEQ_EFORGOTTEN (it may have been
    //  applied and forgotten; it will not be applied from here), ZSEQ_EBALLOT
    //  (a higher ballot is needed first), ZSEQ_EINVAL (since is no version
    //  that this cluster can have told).
    int status;
    bool writes;       //  The op makes a new version; else it reads one
    uint64_t version;  //  0: the key is absent. A version floor is no version
                       //  of it: a value that no quorum has accepted yet may
                       //  have a lower one, and be chosen later
} zseq_kv_outcome_t;

//  Judges an op on the record that would be its base, under a ballot with that
//  version floor. If the op writes, the record becomes what it makes: its
//  value is then the op's, and its proposal is not touched, except that an
//  absent record gets seq 1 so that it is absent no longer. Source: kv.md, K9
//  to K11.
void zseq_kv_apply (zseq_kv_record_t *record, uint64_t floor,
                    const zseq_kv_op_t *op, zseq_kv_outcome_t *outcome);

#endif
