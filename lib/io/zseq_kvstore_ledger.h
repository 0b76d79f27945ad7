//  The ledger of a key-value store: what its journal and snapshots hold. It
//  decides which shard needs a new snapshot, and which segments are not needed
//  any more. lib/doc/disk.md, section 14.4. Private to the store.

#ifndef ZSEQ_KVSTORE_LEDGER_H_INCLUDED
#define ZSEQ_KVSTORE_LEDGER_H_INCLUDED

#include "zseq_kvstore_format.h"

//  A segment: its bytes, and the position of each shard's last entry in it.
typedef struct {
    uint64_t number;
    uint64_t size;
    uint64_t last[ZSEQ_SHARDS];
} zseq_kvstore_segment_use_t;

typedef struct {
    zseq_kvstore_segment_use_t *segment;  //  Oldest first
    size_t count;
    size_t capacity;
    zseq_kvstore_base_t base;        //  As the directory is
    bool base_due;                   //  The journal does not say so yet
    uint64_t journal[ZSEQ_SHARDS];   //  Bytes of entries since its snapshot
    uint64_t snapshot[ZSEQ_SHARDS];  //  Bytes of its snapshot
    uint64_t sum[ZSEQ_SHARDS];       //  ... the checksum of all of them
    bool bad[ZSEQ_SHARDS];           //  ... it has to be made anew
    uint64_t bad_to;  //  Segments up to this number are not to be relied on
    zseq_journal_end_t heard[ZSEQ_NODES_MAX];  //  Of peers, by their indexes
    bool heard_due;  //  The journal does not say that yet
} zseq_kvstore_ledger_t;

void zseq_kvstore_ledger_init (zseq_kvstore_ledger_t *self);
void zseq_kvstore_ledger_term (zseq_kvstore_ledger_t *self);

//  Makes room for one more segment. False: no memory.
bool zseq_kvstore_ledger_reserve (zseq_kvstore_ledger_t *self);

//  Adds a segment after all others; there must be room.
void zseq_kvstore_ledger_add (zseq_kvstore_ledger_t *self, uint64_t number);

//  All was noted that loading has found. The journal ends at position: a new
//  snapshot as of then has what the beginning of a group has left behind it.
void zseq_kvstore_ledger_end_load (zseq_kvstore_ledger_t *self,
                                   uint64_t position);

//  The newest segment has grown to size bytes.
void zseq_kvstore_ledger_grow (zseq_kvstore_ledger_t *self, uint64_t size);

//  A batch at position, in the newest segment, has size bytes of entries of the
//  shard.
void zseq_kvstore_ledger_note (zseq_kvstore_ledger_t *self, uint8_t shard,
                               uint64_t position, size_t size);

//  A snapshot of the shard with the groups up to position is durable. It has
//  size bytes with that checksum; since: bytes of its entries that came later.
void zseq_kvstore_ledger_snapshot (zseq_kvstore_ledger_t *self, uint8_t shard,
                                   uint64_t position, uint64_t size,
                                   uint64_t sum, uint64_t since);

//  The snapshot of the shard, or a segment, is damaged. Of a segment, snapshots
//  have to replace all that the journal holds up to its end.
void zseq_kvstore_ledger_lose_snapshot (zseq_kvstore_ledger_t *self,
                                        uint8_t shard);
void zseq_kvstore_ledger_lose_segment (zseq_kvstore_ledger_t *self,
                                       uint64_t number);

//  Whether anything is damaged and not replaced yet.
bool zseq_kvstore_ledger_is_damaged (const zseq_kvstore_ledger_t *self);

//  Whether the newest segment is damaged, so that another one must follow.
bool zseq_kvstore_ledger_is_stuck (const zseq_kvstore_ledger_t *self);

//  The shard that needs a snapshot next; ZSEQ_SHARDS: none. One does as soon as
//  the journal is larger than the snapshots together and than at_least, or if
//  something is damaged.
uint8_t zseq_kvstore_ledger_due (const zseq_kvstore_ledger_t *self,
                                 uint64_t at_least);

//  Whether no snapshot needs the oldest segment. Never the newest one.
bool zseq_kvstore_ledger_is_spent (const zseq_kvstore_ledger_t *self);

//  A node has told that, or something newer.
void zseq_kvstore_ledger_hear (zseq_kvstore_ledger_t *self, uint8_t node,
                               const zseq_journal_end_t *end);

//  The oldest segment is needed no more.
void zseq_kvstore_ledger_remove (zseq_kvstore_ledger_t *self);

#endif
