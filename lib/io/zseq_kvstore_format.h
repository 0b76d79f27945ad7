//  The bytes of the key-value store on disk: segments of its journal, and
//  snapshots of its shards, as lib/doc/disk.md specifies them in section 14.
//  These functions only encode and decode and touch no file. Private to the
//  store.

#ifndef ZSEQ_KVSTORE_FORMAT_H_INCLUDED
#define ZSEQ_KVSTORE_FORMAT_H_INCLUDED

#include "zseq_kv.h"
#include "zseq_store_format.h"
#include "zseq_journal_end.h"

//  Sizes in bytes.
#define ZSEQ_KVSTORE_HEADER_SIZE (8 + 2 + 8 + 1 + 8 + 8 + 8)
#define ZSEQ_KVSTORE_BATCH_HEADER_SIZE (4 + 4 + 8 + 8)
#define ZSEQ_KVSTORE_BATCH_FRAME                                               \
    (ZSEQ_KVSTORE_BATCH_HEADER_SIZE + ZSEQ_STORE_CHECKSUM_SIZE)
#define ZSEQ_KVSTORE_RECORD_MAX                                                \
    (1 + 1 + ZSEQ_KEY_MAX + 4 + 8 + 8 + 8 + 8 + 1 + 16 * ZSEQ_DEDUP_MAX + 4 +  \
     ZSEQ_VALUE_MAX)
#define ZSEQ_KVSTORE_BASE_SIZE (1 + 8 + 8 * ZSEQ_SHARDS)
#define ZSEQ_KVSTORE_NEXT_SIZE (1 + 8)
#define ZSEQ_KVSTORE_HEARD_SIZE (1 + 1 + 8 + 8 + 8)
//  Entries of a batch that are of no group: a base, and what each node told.
#define ZSEQ_KVSTORE_EXTRA_SIZE                                                \
    (ZSEQ_KVSTORE_BASE_SIZE + ZSEQ_NODES_MAX * ZSEQ_KVSTORE_HEARD_SIZE)
#define ZSEQ_KVSTORE_SHOT_HEADER_SIZE                                          \
    (ZSEQ_STORE_RECORD_MIN - ZSEQ_STORE_CHECKSUM_SIZE + 1 + 8 + 4 + 8 + 8)

//  Bytes of groups' entries in a batch, at most. A reader accepts no larger
//  batch than that and ZSEQ_KVSTORE_EXTRA_SIZE.
#define ZSEQ_KVSTORE_PAYLOAD_MAX (4u << 20)

//  The beginning of a segment.
typedef struct {
    uint64_t identity;
    uint8_t node;
    uint64_t number;  //  From 1
    uint64_t salt;    //  Random; the seed of the checksums of its batches
} zseq_kvstore_header_t;

//  Puts a header into ZSEQ_KVSTORE_HEADER_SIZE bytes.
void zseq_kvstore_header_encode (const zseq_kvstore_header_t *self,
                                 uint8_t *bytes);

//  Errors, with the reason in what_p: ZSEQ_EDAMAGED, ZSEQ_EFOREIGN (intact, but
//  of an unknown format version).
int zseq_kvstore_header_decode (zseq_kvstore_header_t *self,
                                const uint8_t *bytes, size_t size,
                                const char **what_p);

//  What the journal relies on.
typedef struct {
    uint64_t oldest;                 //  The first segment that is needed
    uint64_t snapshot[ZSEQ_SHARDS];  //  Snapshots are at least as new as these
                                     //  positions; 0: there need not be any
} zseq_kvstore_base_t;

typedef enum {
    ZSEQ_KVSTORE_PROMISE = 1,  //  shard, ballot, dropped
    ZSEQ_KVSTORE_RECORD = 2,   //  record
    ZSEQ_KVSTORE_DROPPED = 3,  //  key, proposal and version of record
    ZSEQ_KVSTORE_CLEARED = 4,  //  shard: its promise and records are gone
    ZSEQ_KVSTORE_BASE = 5,     //  base
    ZSEQ_KVSTORE_NEXT = 6,     //  number: the journal goes on in that segment
    ZSEQ_KVSTORE_HEARD = 7     //  node, end: what it has told this node
} zseq_kvstore_type_t;

//  An entry of a batch. After decoding, slices point into the bytes.
typedef struct {
    zseq_kvstore_type_t type;
    uint8_t shard;  //  Decoding also sets it for records and dropped keys
    zseq_ballot_t ballot;
    uint64_t dropped;  //  The highest dropped version of shard
    zseq_kv_record_t record;
    zseq_kvstore_base_t base;
    uint64_t number;
    uint8_t node;
    zseq_journal_end_t end;
} zseq_kvstore_item_t;

//  Bytes of a record as journal and snapshots hold it, and of a dropped one.
size_t zseq_kvstore_record_size (const zseq_kv_record_t *record);
size_t zseq_kvstore_dropped_size (const zseq_kv_record_t *record);

//  Puts a record.
void zseq_kvstore_record_put (zseq_store_writing_t *writing,
                              const zseq_kv_record_t *record);

//  Takes a record. False: it is invalid.
bool zseq_kvstore_record_get (zseq_store_reading_t *reading,
                              zseq_kv_record_t *record);

//  A batch under construction. bytes must have room for the payload and
//  ZSEQ_KVSTORE_BATCH_FRAME.
typedef struct {
    uint8_t *bytes;
    size_t size;  //  The header included, once begun
} zseq_kvstore_batch_t;

void zseq_kvstore_batch_begin (zseq_kvstore_batch_t *self);
size_t zseq_kvstore_batch_payload (const zseq_kvstore_batch_t *self);

//  Each puts an entry.
void zseq_kvstore_batch_promise (zseq_kvstore_batch_t *self, uint8_t shard,
                                 const zseq_ballot_t *ballot, uint64_t dropped);
void zseq_kvstore_batch_record (zseq_kvstore_batch_t *self,
                                const zseq_kv_record_t *record);
void zseq_kvstore_batch_dropped (zseq_kvstore_batch_t *self,
                                 const zseq_kv_record_t *record);
void zseq_kvstore_batch_cleared (zseq_kvstore_batch_t *self, uint8_t shard);
void zseq_kvstore_batch_base (zseq_kvstore_batch_t *self,
                              const zseq_kvstore_base_t *base);
void zseq_kvstore_batch_next (zseq_kvstore_batch_t *self, uint64_t number);
void zseq_kvstore_batch_heard (zseq_kvstore_batch_t *self, uint8_t node,
                               const zseq_journal_end_t *end);

//  Completes the batch for a segment of that salt: its position, the checksum
//  of the batch before it, its own. Returns its checksum.
uint64_t zseq_kvstore_batch_seal (zseq_kvstore_batch_t *self, uint64_t salt,
                                  uint64_t position, uint64_t before);

//  A whole batch.
typedef struct {
    size_t size;  //  Of all of it
    uint64_t position;
    uint64_t before;    //  The checksum of the batch before it
    uint64_t checksum;  //  Its own
    zseq_store_reading_t entries;
} zseq_kvstore_whole_t;

//  Reads the whole batch at the beginning of bytes. False: there is none.
bool zseq_kvstore_batch_read (zseq_kvstore_whole_t *self, uint64_t salt,
                              const uint8_t *bytes, size_t size);

//  The size that the header of a batch at the beginning of bytes claims; 0:
//  there is none.
size_t zseq_kvstore_batch_claim (const uint8_t *bytes, size_t size);

//  Whether a whole batch begins anywhere in bytes.
bool zseq_kvstore_batch_within (uint64_t salt, const uint8_t *bytes,
                                size_t size);

//  Takes the next entry; there must be bytes left. False: it is invalid.
bool zseq_kvstore_batch_take (zseq_kvstore_whole_t *self,
                              zseq_kvstore_item_t *item);

//  A snapshot of a shard, without its records.
typedef struct {
    uint64_t identity;
    uint8_t node;
    uint8_t shard;
    uint64_t position;  //  The groups up to it are in the snapshot
    zseq_ballot_t promise;
    uint64_t dropped;
    size_t records_size;           //  Bytes of all records
    zseq_store_reading_t records;  //  After decoding: the records
} zseq_kvstore_shot_header_t;

//  Puts what precedes the records into ZSEQ_KVSTORE_SHOT_HEADER_SIZE bytes. The
//  records follow, in the order of their keys, and then the checksum.
void zseq_kvstore_shot_encode (const zseq_kvstore_shot_header_t *self,
                               uint8_t *bytes);

//  Reads a snapshot. Take its records with zseq_kvstore_record_get while any
//  are left. Errors: as zseq_kvstore_header_decode.
int zseq_kvstore_shot_decode (zseq_kvstore_shot_header_t *self,
                              const uint8_t *bytes, size_t size,
                              const char **what_p);

//  Compares keys in byte order; a prefix comes first.
int zseq_kvstore_key_compare (zseq_slice_t left, zseq_slice_t right);

#endif
