#include "zseq_kvstore_format.h"

#include <assert.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "zseq_io_texts.h"

#define FORMAT_VERSION 1
#define SEGMENT_MAGIC "zseqkvj\n"
#define MAGIC_SIZE 8
#define BATCH_MAGIC "zsqk"
#define BATCH_MAGIC_SIZE 4
#define CHECKSUM_SIZE ZSEQ_STORE_CHECKSUM_SIZE

#define FLAG_TOMBSTONE 1
#define FLAG_COPIED 2

//  Segments.

void
zseq_kvstore_header_encode (const zseq_kvstore_header_t *self, uint8_t *bytes)
{
    assert (self);
    assert (self->identity != 0);
    assert (self->number >= 1);
    assert (bytes);
    zseq_store_writing_t writing = {bytes, 0};
    zseq_store_put (&writing, SEGMENT_MAGIC, MAGIC_SIZE);
    zseq_store_put_number (&writing, FORMAT_VERSION, 2);
    zseq_store_put_number (&writing, self->identity, 8);
    zseq_store_put_number (&writing, self->node, 1);
    zseq_store_put_number (&writing, self->number, 8);
    zseq_store_put_number (&writing, self->salt, 8);
    zseq_store_put_checksum (&writing);
    assert (writing.size == ZSEQ_KVSTORE_HEADER_SIZE);
}

int
zseq_kvstore_header_decode (zseq_kvstore_header_t *self, const uint8_t *bytes,
                            size_t size, const char **what_p)
{
    assert (self);
    assert (bytes);
    assert (what_p);
    *what_p = NULL;
    if (size < ZSEQ_KVSTORE_HEADER_SIZE)
        *what_p = ZSEQ_TEXT_KV_SEGMENT_SHORT;
    else if (memcmp (bytes, SEGMENT_MAGIC, MAGIC_SIZE) != 0)
        *what_p = ZSEQ_TEXT_KV_SEGMENT_FOREIGN_BYTES;
    else if (!zseq_store_checksum_ok (bytes, ZSEQ_KVSTORE_HEADER_SIZE))
        *what_p = ZSEQ_TEXT_JOURNAL_CHECKSUM;
    if (*what_p)
        return ZSEQ_EDAMAGED;
    zseq_store_reading_t reading = {bytes + MAGIC_SIZE, size - MAGIC_SIZE,
                                    false};
    if (zseq_store_get_number (&reading, 2) != FORMAT_VERSION) {
        *what_p = ZSEQ_TEXT_FORMAT_VERSION;
        return ZSEQ_EFOREIGN;
    }
    self->identity = zseq_store_get_number (&reading, 8);
    self->node = (uint8_t) zseq_store_get_number (&reading, 1);
    self->number = zseq_store_get_number (&reading, 8);
    self->salt = zseq_store_get_number (&reading, 8);
    if (self->identity != 0 && self->number != 0)
        return ZSEQ_OK;
    *what_p = ZSEQ_TEXT_JOURNAL_HEADER;
    return ZSEQ_EDAMAGED;
}

//  Records.

static void
s_put_ballot (zseq_store_writing_t *writing, const zseq_ballot_t *ballot)
{
    zseq_store_put_number (writing, ballot->round, 4);
    zseq_store_put_number (writing, ballot->proposer, 8);
}

static void
s_get_ballot (zseq_store_reading_t *reading, zseq_ballot_t *ballot)
{
    ballot->round = (uint32_t) zseq_store_get_number (reading, 4);
    ballot->proposer = zseq_store_get_number (reading, 8);
    if (ballot->round > ZSEQ_ROUND_MAX)
        reading->bad = true;
}

static void
s_get_key (zseq_store_reading_t *reading, zseq_slice_t *key)
{
    key->size = (size_t) zseq_store_get_number (reading, 1);
    key->data = (const char *) zseq_store_get (reading, key->size);
    if (key->size == 0)
        reading->bad = true;
}

size_t
zseq_kvstore_record_size (const zseq_kv_record_t *record)
{
    return 1 + 1 + record->key.size + 4 + 8 + 8 + 8 + 8 + 1 +
           16 * (size_t) record->dedup_count + 4 + record->value.size;
}

size_t
zseq_kvstore_dropped_size (const zseq_kv_record_t *record)
{
    return 1 + record->key.size + 4 + 8 + 8 + 8;
}

void
zseq_kvstore_record_put (zseq_store_writing_t *writing,
                         const zseq_kv_record_t *record)
{
    assert (record->proposal.seq > 0);
    assert (record->value.size == 0 || !record->tombstone);
    zseq_store_put_number (writing,
                           (record->tombstone ? FLAG_TOMBSTONE : 0) |
                             (record->copied ? FLAG_COPIED : 0),
                           1);
    zseq_store_put_text (writing, record->key.data, record->key.size);
    s_put_ballot (writing, &record->proposal.ballot);
    zseq_store_put_number (writing, record->proposal.seq, 8);
    zseq_store_put_number (writing, record->version, 8);
    zseq_store_put_number (writing, record->from, 8);
    zseq_store_put_number (writing, record->dedup_count, 1);
    for (size_t i = 0; i < record->dedup_count; i++) {
        zseq_store_put_number (writing, record->dedup[i].op, 8);
        zseq_store_put_number (writing, record->dedup[i].version, 8);
    }
    zseq_store_put_number (writing, record->value.size, 4);
    if (record->value.size > 0)
        zseq_store_put (writing, record->value.data, record->value.size);
}

bool
zseq_kvstore_record_get (zseq_store_reading_t *reading,
                         zseq_kv_record_t *record)
{
    memset (record, 0, sizeof *record);
    uint64_t flags = zseq_store_get_number (reading, 1);
    record->tombstone = flags & FLAG_TOMBSTONE;
    record->copied = flags & FLAG_COPIED;
    s_get_key (reading, &record->key);
    s_get_ballot (reading, &record->proposal.ballot);
    record->proposal.seq = zseq_store_get_number (reading, 8);
    record->version = zseq_store_get_number (reading, 8);
    record->from = zseq_store_get_number (reading, 8);
    record->dedup_count = (uint8_t) zseq_store_get_number (reading, 1);
    if (record->dedup_count > ZSEQ_DEDUP_MAX)
        return false;
    for (size_t i = 0; i < record->dedup_count; i++) {
        record->dedup[i].op = zseq_store_get_number (reading, 8);
        record->dedup[i].version = zseq_store_get_number (reading, 8);
    }
    record->value.size = (size_t) zseq_store_get_number (reading, 4);
    if (record->value.size > ZSEQ_VALUE_MAX)
        return false;
    record->value.data =
      (const char *) zseq_store_get (reading, record->value.size);
    return !reading->bad && flags <= (FLAG_TOMBSTONE | FLAG_COPIED) &&
           record->proposal.seq > 0 && record->version <= ZSEQ_KV_VERSION_MAX &&
           (record->value.size == 0 || !record->tombstone);
}

//  Batches.

void
zseq_kvstore_batch_begin (zseq_kvstore_batch_t *self)
{
    assert (self);
    self->size = ZSEQ_KVSTORE_BATCH_HEADER_SIZE;
}

size_t
zseq_kvstore_batch_payload (const zseq_kvstore_batch_t *self)
{
    assert (self->size >= ZSEQ_KVSTORE_BATCH_HEADER_SIZE);
    return self->size - ZSEQ_KVSTORE_BATCH_HEADER_SIZE;
}

//  Begins an entry at the end of the batch.
static zseq_store_writing_t
s_begin_entry (const zseq_kvstore_batch_t *batch, zseq_kvstore_type_t type)
{
    zseq_store_writing_t writing = {batch->bytes, batch->size};
    zseq_store_put_number (&writing, type, 1);
    return writing;
}

void
zseq_kvstore_batch_promise (zseq_kvstore_batch_t *self, uint8_t shard,
                            const zseq_ballot_t *ballot, uint64_t dropped)
{
    assert (shard < ZSEQ_SHARDS);
    zseq_store_writing_t writing = s_begin_entry (self, ZSEQ_KVSTORE_PROMISE);
    zseq_store_put_number (&writing, shard, 1);
    s_put_ballot (&writing, ballot);
    zseq_store_put_number (&writing, dropped, 8);
    self->size = writing.size;
}

void
zseq_kvstore_batch_record (zseq_kvstore_batch_t *self,
                           const zseq_kv_record_t *record)
{
    zseq_store_writing_t writing = s_begin_entry (self, ZSEQ_KVSTORE_RECORD);
    zseq_kvstore_record_put (&writing, record);
    self->size = writing.size;
}

void
zseq_kvstore_batch_dropped (zseq_kvstore_batch_t *self,
                            const zseq_kv_record_t *record)
{
    zseq_store_writing_t writing = s_begin_entry (self, ZSEQ_KVSTORE_DROPPED);
    zseq_store_put_text (&writing, record->key.data, record->key.size);
    s_put_ballot (&writing, &record->proposal.ballot);
    zseq_store_put_number (&writing, record->proposal.seq, 8);
    zseq_store_put_number (&writing, record->version, 8);
    self->size = writing.size;
}

void
zseq_kvstore_batch_cleared (zseq_kvstore_batch_t *self, uint8_t shard)
{
    assert (shard < ZSEQ_SHARDS);
    zseq_store_writing_t writing = s_begin_entry (self, ZSEQ_KVSTORE_CLEARED);
    zseq_store_put_number (&writing, shard, 1);
    self->size = writing.size;
}

void
zseq_kvstore_batch_base (zseq_kvstore_batch_t *self,
                         const zseq_kvstore_base_t *base)
{
    zseq_store_writing_t writing = s_begin_entry (self, ZSEQ_KVSTORE_BASE);
    zseq_store_put_number (&writing, base->oldest, 8);
    for (size_t i = 0; i < ZSEQ_SHARDS; i++)
        zseq_store_put_number (&writing, base->snapshot[i], 8);
    self->size = writing.size;
}

void
zseq_kvstore_batch_next (zseq_kvstore_batch_t *self, uint64_t number)
{
    zseq_store_writing_t writing = s_begin_entry (self, ZSEQ_KVSTORE_NEXT);
    zseq_store_put_number (&writing, number, 8);
    self->size = writing.size;
}

void
zseq_kvstore_batch_heard (zseq_kvstore_batch_t *self, uint8_t node,
                          const zseq_journal_end_t *end)
{
    assert (node < ZSEQ_NODES_MAX);
    zseq_store_writing_t writing = s_begin_entry (self, ZSEQ_KVSTORE_HEARD);
    zseq_store_put_number (&writing, node, 1);
    zseq_store_put_number (&writing, end->incarnation.counter, 8);
    zseq_store_put_number (&writing, end->incarnation.random, 8);
    zseq_store_put_number (&writing, end->position, 8);
    self->size = writing.size;
}

uint64_t
zseq_kvstore_batch_seal (zseq_kvstore_batch_t *self, uint64_t salt,
                         uint64_t position, uint64_t before)
{
    assert (self);
    size_t payload = zseq_kvstore_batch_payload (self);
    zseq_store_writing_t header = {self->bytes, 0};
    zseq_store_put (&header, BATCH_MAGIC, BATCH_MAGIC_SIZE);
    zseq_store_put_number (&header, payload, 4);
    zseq_store_put_number (&header, position, 8);
    zseq_store_put_number (&header, before, 8);
    uint64_t checksum =
      XXH3_64bits_withSeed (self->bytes, self->size, (XXH64_hash_t) salt);
    zseq_store_writing_t writing = {self->bytes, self->size};
    zseq_store_put_number (&writing, checksum, CHECKSUM_SIZE);
    self->size = writing.size;
    return checksum;
}

bool
zseq_kvstore_batch_read (zseq_kvstore_whole_t *self, uint64_t salt,
                         const uint8_t *bytes, size_t size)
{
    assert (self);
    zseq_store_reading_t reading = {bytes, size, false};
    const uint8_t *magic = zseq_store_get (&reading, BATCH_MAGIC_SIZE);
    if (!magic || memcmp (magic, BATCH_MAGIC, BATCH_MAGIC_SIZE) != 0)
        return false;
    size_t payload = (size_t) zseq_store_get_number (&reading, 4);
    self->position = zseq_store_get_number (&reading, 8);
    self->before = zseq_store_get_number (&reading, 8);
    if (payload > ZSEQ_KVSTORE_PAYLOAD_MAX + ZSEQ_KVSTORE_EXTRA_SIZE)
        return false;
    const uint8_t *entries = zseq_store_get (&reading, payload);
    self->checksum = zseq_store_get_number (&reading, CHECKSUM_SIZE);
    if (reading.bad)
        return false;
    self->entries = (zseq_store_reading_t){entries, payload, false};
    self->size = ZSEQ_KVSTORE_BATCH_FRAME + payload;
    return self->checksum == XXH3_64bits_withSeed (bytes,
                                                   self->size - CHECKSUM_SIZE,
                                                   (XXH64_hash_t) salt);
}

size_t
zseq_kvstore_batch_claim (const uint8_t *bytes, size_t size)
{
    zseq_store_reading_t reading = {bytes, size, false};
    const uint8_t *magic = zseq_store_get (&reading, BATCH_MAGIC_SIZE);
    size_t payload = (size_t) zseq_store_get_number (&reading, 4);
    return reading.bad || memcmp (magic, BATCH_MAGIC, BATCH_MAGIC_SIZE) != 0
             ? 0
             : ZSEQ_KVSTORE_BATCH_FRAME + payload;
}

bool
zseq_kvstore_batch_within (uint64_t salt, const uint8_t *bytes, size_t size)
{
    const uint8_t *end = bytes + size;
    zseq_kvstore_whole_t whole;
    while ((bytes = memmem (bytes, (size_t) (end - bytes), BATCH_MAGIC,
                            BATCH_MAGIC_SIZE))) {
        if (zseq_kvstore_batch_read (&whole, salt, bytes,
                                     (size_t) (end - bytes)))
            return true;
        bytes++;
    }
    return false;
}

static uint8_t
s_get_shard (zseq_store_reading_t *reading)
{
    uint64_t shard = zseq_store_get_number (reading, 1);
    if (shard >= ZSEQ_SHARDS)
        reading->bad = true;
    return (uint8_t) (shard % ZSEQ_SHARDS);
}

static uint64_t
s_get_version (zseq_store_reading_t *reading)
{
    uint64_t version = zseq_store_get_number (reading, 8);
    if (version > ZSEQ_KV_VERSION_MAX)
        reading->bad = true;
    return version;
}

static void
s_get_dropped (zseq_store_reading_t *reading, zseq_kv_record_t *record)
{
    memset (record, 0, sizeof *record);
    s_get_key (reading, &record->key);
    s_get_ballot (reading, &record->proposal.ballot);
    record->proposal.seq = zseq_store_get_number (reading, 8);
    record->version = s_get_version (reading);
    if (record->proposal.seq == 0)
        reading->bad = true;
}

static void
s_get_base (zseq_store_reading_t *reading, zseq_kvstore_base_t *base)
{
    base->oldest = zseq_store_get_number (reading, 8);
    if (base->oldest == 0)
        reading->bad = true;
    for (size_t i = 0; i < ZSEQ_SHARDS; i++)
        base->snapshot[i] = zseq_store_get_number (reading, 8);
}

static void
s_get_heard (zseq_store_reading_t *reading, zseq_kvstore_item_t *item)
{
    item->node = (uint8_t) zseq_store_get_number (reading, 1);
    item->end.incarnation.counter = zseq_store_get_number (reading, 8);
    item->end.incarnation.random = zseq_store_get_number (reading, 8);
    item->end.position = zseq_store_get_number (reading, 8);
    if (item->node >= ZSEQ_NODES_MAX)
        reading->bad = true;
}

bool
zseq_kvstore_batch_take (zseq_kvstore_whole_t *self, zseq_kvstore_item_t *item)
{
    assert (self);
    assert (self->entries.left > 0);
    assert (item);
    zseq_store_reading_t *reading = &self->entries;
    uint64_t type = zseq_store_get_number (reading, 1);
    item->type = (zseq_kvstore_type_t) type;
    switch (type) {
    case ZSEQ_KVSTORE_PROMISE:
        item->shard = s_get_shard (reading);
        s_get_ballot (reading, &item->ballot);
        item->dropped = s_get_version (reading);
        return !reading->bad;
    case ZSEQ_KVSTORE_RECORD:
        if (!zseq_kvstore_record_get (reading, &item->record))
            return false;
        item->shard = zseq_kv_shard (item->record.key);
        return true;
    case ZSEQ_KVSTORE_DROPPED:
        s_get_dropped (reading, &item->record);
        if (reading->bad)
            return false;
        item->shard = zseq_kv_shard (item->record.key);
        return true;
    case ZSEQ_KVSTORE_CLEARED:
        item->shard = s_get_shard (reading);
        return !reading->bad;
    case ZSEQ_KVSTORE_BASE:
        s_get_base (reading, &item->base);
        return !reading->bad;
    case ZSEQ_KVSTORE_NEXT:
        item->number = zseq_store_get_number (reading, 8);
        return !reading->bad;
    case ZSEQ_KVSTORE_HEARD:
        s_get_heard (reading, item);
        return !reading->bad;
    default:
        return false;
    }
}

//  Snapshots.

void
zseq_kvstore_shot_encode (const zseq_kvstore_shot_header_t *self,
                          uint8_t *bytes)
{
    assert (self);
    assert (self->shard < ZSEQ_SHARDS);
    assert (bytes);
    zseq_store_envelope_t envelope = {.version = FORMAT_VERSION,
                                      .kind = ZSEQ_STORE_KIND_SHARD,
                                      .identity = self->identity,
                                      .node = self->node,
                                      .name = "",
                                      .value_size =
                                        1 + 8 + 4 + 8 + 8 + self->records_size};
    zseq_store_writing_t writing = {
      bytes, zseq_store_envelope_begin (&envelope, bytes)};
    zseq_store_put_number (&writing, self->shard, 1);
    zseq_store_put_number (&writing, self->position, 8);
    s_put_ballot (&writing, &self->promise);
    zseq_store_put_number (&writing, self->dropped, 8);
    assert (writing.size == ZSEQ_KVSTORE_SHOT_HEADER_SIZE);
}

int
zseq_kvstore_shot_decode (zseq_kvstore_shot_header_t *self,
                          const uint8_t *bytes, size_t size,
                          const char **what_p)
{
    assert (self);
    assert (what_p);
    zseq_store_envelope_t envelope;
    int rc = zseq_store_envelope_decode (&envelope, ZSEQ_STORE_KIND_SHARD,
                                         bytes, size, what_p);
    if (rc != ZSEQ_OK)
        return rc;
    zseq_store_reading_t reading = {envelope.value, envelope.value_size, false};
    self->identity = envelope.identity;
    self->node = envelope.node;
    self->shard = s_get_shard (&reading);
    self->position = zseq_store_get_number (&reading, 8);
    s_get_ballot (&reading, &self->promise);
    self->dropped = s_get_version (&reading);
    self->records = reading;
    self->records_size = reading.left;
    if (!reading.bad && envelope.name_size == 0 && self->identity != 0)
        return ZSEQ_OK;
    *what_p = ZSEQ_TEXT_RECORD_VALUE;
    return ZSEQ_EDAMAGED;
}

int
zseq_kvstore_key_compare (zseq_slice_t left, zseq_slice_t right)
{
    size_t size = left.size < right.size ? left.size : right.size;
    int order = memcmp (left.data, right.data, size);
    return order ? order : (left.size > right.size) - (left.size < right.size);
}
