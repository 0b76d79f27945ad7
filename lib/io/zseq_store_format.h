//  The format on disk: the bytes of records and of the names journal, and the
//  names of files, as lib/doc/disk.md specifies them in sections 1 to 5. These
//  functions only encode and decode and touch no file. (zseq_store_format,
//  which formats a directory, is in zseq_store.c.) Private to the store.

#ifndef ZSEQ_STORE_FORMAT_H_INCLUDED
#define ZSEQ_STORE_FORMAT_H_INCLUDED

#include "zseq_record.h"
#include "zseq_store_bytes.h"

#define ZSEQ_STORE_FORMAT 3  //  Of a directory, and of the node's record in it
#define ZSEQ_STORE_GROUP_MAX 4096  //  Names in a batch, writes in a group
#define ZSEQ_STORE_BUCKET_COUNT 256
#define ZSEQ_STORE_FILE_MAX 180         //  Bytes in a file's name
#define ZSEQ_STORE_TEMP_PREFIX ".tmp-"  //  No record's file begins so

//  Sizes in bytes. A record of any kind is smaller than a page of memory.
#define ZSEQ_STORE_RECORD_MIN (8 + 2 + 2 + 8 + 1 + 1 + 4 + 8)
#define ZSEQ_STORE_SEQUENCE_MAX (ZSEQ_STORE_RECORD_MIN + ZSEQ_NAME_MAX + 16)
#define ZSEQ_STORE_MEMBER_MAX                                                  \
    (1 + ZSEQ_LABEL_MAX + 1 + ZSEQ_ENDPOINT_MAX + 16 + 16)
#define ZSEQ_STORE_RECORD_MAX                                                  \
    (ZSEQ_STORE_RECORD_MIN + 1 + ZSEQ_LABEL_MAX + 1 +                          \
     ZSEQ_NODES_MAX * ZSEQ_STORE_MEMBER_MAX + 18)
#define ZSEQ_STORE_HEADER_SIZE (8 + 2 + 8 + 1 + 8)
#define ZSEQ_STORE_BATCH_HEADER_SIZE 8
#define ZSEQ_STORE_PAYLOAD_MAX (ZSEQ_STORE_GROUP_MAX * (2 + ZSEQ_NAME_MAX))
#define ZSEQ_STORE_BATCH_MAX                                                   \
    (ZSEQ_STORE_BATCH_HEADER_SIZE + ZSEQ_STORE_PAYLOAD_MAX +                   \
     ZSEQ_STORE_CHECKSUM_SIZE)

//  The path of a name's record: seq/XX/file, XX being bucket.
typedef struct {
    uint8_t bucket;
    char file[ZSEQ_STORE_FILE_MAX + 1];
} zseq_store_path_t;

void zseq_store_path_init (zseq_store_path_t *self, const char *name,
                           size_t size);

//  What every record has around its value.
#define ZSEQ_STORE_KIND_SEQUENCE 1
#define ZSEQ_STORE_KIND_NODE 3
#define ZSEQ_STORE_KIND_SHARD 4  //  Registers of a shard: zseq_kvstore_format.h

typedef struct {
    uint16_t version;
    uint16_t kind;
    uint64_t identity;
    uint8_t node;
    const char *name;
    size_t name_size;
    const uint8_t *value;
    size_t value_size;
} zseq_store_envelope_t;

//  Puts all that precedes the value. Returns its size; without a name
//  ZSEQ_STORE_RECORD_MIN less the checksum.
size_t zseq_store_envelope_begin (const zseq_store_envelope_t *self,
                                  uint8_t *bytes);

//  Decodes a record of that kind; name and value point into the bytes. Errors:
//  as the decoding of records below.
int zseq_store_envelope_decode (zseq_store_envelope_t *self, uint16_t kind,
                                const uint8_t *bytes, size_t size,
                                const char **what_p);

//  A sequence's record. After decoding, name points into the bytes.
typedef struct {
    uint64_t identity;
    uint8_t node;
    const char *name;
    size_t name_size;
    uint64_t next;
    uint64_t durable_to;  //  Claims up to it may have been granted
} zseq_store_sequence_t;

//  Encoding returns the size. bytes must have the size of the kind's _MAX or
//  _SIZE.
size_t zseq_store_sequence_encode (const zseq_store_sequence_t *self,
                                   uint8_t *bytes);
size_t zseq_store_node_encode (const zseq_record_t *record, uint8_t *bytes);
size_t zseq_store_header_encode (uint64_t identity, uint8_t node,
                                 uint8_t *bytes);

//  Decoding. Errors, with the reason in a few words in what_p: ZSEQ_EDAMAGED,
//  ZSEQ_EFOREIGN (intact, but of an unknown format version). A node's record
//  may be of format version 1, which has no starts, or 2; version_p receives
//  the version.
int zseq_store_sequence_decode (zseq_store_sequence_t *self,
                                const uint8_t *bytes, size_t size,
                                const char **what_p);
int zseq_store_node_decode (zseq_record_t *record, const uint8_t *bytes,
                            size_t size, uint16_t *version_p,
                            const char **what_p);
int zseq_store_header_decode (const uint8_t *bytes, size_t size,
                              uint64_t *identity_p, uint8_t *node_p,
                              const char **what_p);

//  A batch of the journal under construction. bytes must have
//  ZSEQ_STORE_BATCH_MAX bytes, or as many as the entries need.
typedef struct {
    uint8_t *bytes;
    size_t size;  //  0: empty
} zseq_store_batch_t;

void zseq_store_batch_add (zseq_store_batch_t *self, const char *name,
                           size_t size);

//  Completes the batch with its magic, size and checksum.
void zseq_store_batch_seal (zseq_store_batch_t *self);

//  The size of the whole batch at the beginning of bytes; 0 if there is none.
size_t zseq_store_batch_size (const uint8_t *bytes, size_t size);

//  Whether a whole batch begins anywhere in bytes.
bool zseq_store_batch_within (const uint8_t *bytes, size_t size);

//  The entries of a whole batch, one after the other.
typedef struct {
    const uint8_t *bytes;
    size_t left;
} zseq_store_entries_t;

void zseq_store_entries_init (zseq_store_entries_t *self, const uint8_t *batch,
                              size_t size);

//  Takes the next entry; there must be bytes left. False: the entry is invalid.
bool zseq_store_entries_next (zseq_store_entries_t *self, const char **name_p,
                              size_t *size_p);

#endif
