//  Encoding and decoding what lies on the disk: lib/doc/disk.md, sections 1 to
//  5.
//
//  A record is an envelope (zseq_store_envelope_t) around the value of a
//  sequence or of a node. A journal is a header and then batches of entries.
//
//  Only bytes are handled here, so tests/fuzz/fuzz_store.c calls these
//  functions with any input.

#include "zseq_store_format.h"

#include <assert.h>
#include <string.h>

#include <sodium.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "zseq_io_texts.h"
#include "zseq_seq.h"

#define FORMAT_VERSION 1  //  Of sequence records and journals
#define RECORD_MAGIC "zseqrec\n"
#define JOURNAL_MAGIC "zseqnam\n"
#define BATCH_MAGIC "zsqb"
#define MAGIC_SIZE 8
#define BATCH_MAGIC_SIZE 4
#define CHECKSUM_SIZE ZSEQ_STORE_CHECKSUM_SIZE

#define KIND_SEQUENCE ZSEQ_STORE_KIND_SEQUENCE
#define KIND_NODE ZSEQ_STORE_KIND_NODE

#define VALUE_MAX (ZSEQ_STORE_RECORD_MAX - ZSEQ_STORE_RECORD_MIN)
#define PREFIX_MAX 100  //  Readable bytes in the file's name of a long name
#define HASH_SIZE 16

//  The path of a record.

//  Whether a byte of a name stands for itself in a file's name.
static bool
s_plain (char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '_' || c == '-';
}

void
zseq_store_path_init (zseq_store_path_t *self, const char *name, size_t size)
{
    assert (self);
    assert (name);
    static const char digits[] = "0123456789ABCDEF";
    char full[3 * ZSEQ_NAME_MAX + 1];
    size_t length = 0;
    size_t prefix = 0;
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t) name[i];
        if (s_plain (name[i]) || (name[i] == '.' && i > 0))
            full[length++] = name[i];
        else {
            full[length++] = '%';
            full[length++] = digits[byte >> 4];
            full[length++] = digits[byte & 15];
        }
        if (length <= PREFIX_MAX)
            prefix = length;
    }
    if (length > ZSEQ_STORE_FILE_MAX) {
        uint8_t hash[HASH_SIZE];
        crypto_generichash (hash, sizeof hash, (const uint8_t *) name, size,
                            NULL, 0);
        full[prefix] = '~';
        sodium_bin2hex (full + prefix + 1, 2 * HASH_SIZE + 1, hash,
                        sizeof hash);
        length = prefix + 1 + 2 * HASH_SIZE;
    }
    memcpy (self->file, full, length);
    self->file[length] = 0;
    self->bucket = (uint8_t) XXH3_64bits (name, size);
}

//  Records: an envelope around a value.

size_t
zseq_store_envelope_begin (const zseq_store_envelope_t *self, uint8_t *bytes)
{
    assert (self);
    assert (bytes);
    zseq_store_writing_t writer = {bytes, 0};
    zseq_store_put (&writer, RECORD_MAGIC, MAGIC_SIZE);
    zseq_store_put_number (&writer, self->version, 2);
    zseq_store_put_number (&writer, self->kind, 2);
    zseq_store_put_number (&writer, self->identity, 8);
    zseq_store_put_number (&writer, self->node, 1);
    zseq_store_put_text (&writer, self->name, self->name_size);
    zseq_store_put_number (&writer, self->value_size, 4);
    return writer.size;
}

//  Encodes a record. Returns its size; bytes must be large enough.
static size_t
s_envelope_encode (const zseq_store_envelope_t *self, uint8_t *bytes)
{
    zseq_store_writing_t writer = {bytes,
                                   zseq_store_envelope_begin (self, bytes)};
    zseq_store_put (&writer, self->value, self->value_size);
    zseq_store_put_checksum (&writer);
    return writer.size;
}

size_t
zseq_store_sequence_encode (const zseq_store_sequence_t *self, uint8_t *bytes)
{
    assert (self);
    assert (bytes);
    uint8_t value[16];
    zseq_store_writing_t writer = {value, 0};
    zseq_store_put_number (&writer, self->next, 8);
    zseq_store_put_number (&writer, self->durable_to, 8);
    zseq_store_envelope_t envelope = {
      FORMAT_VERSION, KIND_SEQUENCE,   self->identity, self->node,
      self->name,     self->name_size, value,          sizeof value};
    return s_envelope_encode (&envelope, bytes);
}

//  The checksum is checked before the version: a flipped bit there is damage,
//  but an intact record of another version is from another zseq.
int
zseq_store_envelope_decode (zseq_store_envelope_t *self, uint16_t kind,
                            const uint8_t *bytes, size_t size,
                            const char **what_p)
{
    *what_p = NULL;
    if (size < ZSEQ_STORE_RECORD_MIN)
        *what_p = ZSEQ_TEXT_RECORD_SHORT;
    else if (memcmp (bytes, RECORD_MAGIC, MAGIC_SIZE) != 0)
        *what_p = ZSEQ_TEXT_RECORD_FOREIGN_BYTES;
    else if (!zseq_store_checksum_ok (bytes, size))
        *what_p = ZSEQ_TEXT_RECORD_CHECKSUM;
    if (*what_p)
        return ZSEQ_EDAMAGED;

    zseq_store_reading_t reader = {bytes + MAGIC_SIZE,
                                   size - MAGIC_SIZE - CHECKSUM_SIZE, false};
    self->version = (uint16_t) zseq_store_get_number (&reader, 2);
    uint16_t newest = kind == KIND_NODE ? ZSEQ_STORE_FORMAT : FORMAT_VERSION;
    if (self->version < FORMAT_VERSION || self->version > newest) {
        *what_p = ZSEQ_TEXT_FORMAT_VERSION;
        return ZSEQ_EFOREIGN;
    }
    self->kind = (uint16_t) zseq_store_get_number (&reader, 2);
    self->identity = zseq_store_get_number (&reader, 8);
    self->node = (uint8_t) zseq_store_get_number (&reader, 1);
    self->name_size = (size_t) zseq_store_get_number (&reader, 1);
    self->name = (const char *) zseq_store_get (&reader, self->name_size);
    self->value_size = (size_t) zseq_store_get_number (&reader, 4);
    self->value = zseq_store_get (&reader, self->value_size);
    if (reader.bad || reader.left > 0)
        *what_p = ZSEQ_TEXT_RECORD_SIZES;
    else if (self->kind != kind)
        *what_p = ZSEQ_TEXT_RECORD_KIND;
    return *what_p ? ZSEQ_EDAMAGED : ZSEQ_OK;
}

int
zseq_store_sequence_decode (zseq_store_sequence_t *self, const uint8_t *bytes,
                            size_t size, const char **what_p)
{
    assert (self);
    assert (bytes);
    assert (what_p);
    zseq_store_envelope_t envelope;
    int rc = zseq_store_envelope_decode (&envelope, KIND_SEQUENCE, bytes, size,
                                         what_p);
    if (rc != ZSEQ_OK)
        return rc;
    zseq_store_reading_t reader = {envelope.value, envelope.value_size, false};
    self->identity = envelope.identity;
    self->node = envelope.node;
    self->name = envelope.name;
    self->name_size = envelope.name_size;
    self->next = zseq_store_get_number (&reader, 8);
    self->durable_to = zseq_store_get_number (&reader, 8);
    if (self->name_size == 0 || memchr (self->name, 0, self->name_size))
        *what_p = ZSEQ_TEXT_RECORD_NAME;
    else if (reader.bad || reader.left > 0 || self->identity == 0 ||
             self->next < 1 || self->next > self->durable_to ||
             self->durable_to > ZSEQ_NEXT_MAX)
        *what_p = ZSEQ_TEXT_RECORD_VALUE;
    return *what_p ? ZSEQ_EDAMAGED : ZSEQ_OK;
}

size_t
zseq_store_node_encode (const zseq_record_t *record, uint8_t *bytes)
{
    assert (record);
    assert (bytes);
    uint8_t value[VALUE_MAX];
    zseq_store_writing_t writer = {value, 0};
    zseq_store_put_text (&writer, record->cluster, strlen (record->cluster));
    zseq_store_put_number (&writer, record->members.n, 1);
    for (size_t i = 0; i < record->members.n; i++) {
        const zseq_member_t *member = &record->members.member[i];
        zseq_store_put_text (&writer, member->name, strlen (member->name));
        zseq_store_put_text (&writer, member->endpoint,
                             strlen (member->endpoint));
    }
    for (size_t i = 0; i < record->members.n; i++) {
        zseq_store_put_number (&writer, record->vector.incarnation[i].counter,
                               8);
        zseq_store_put_number (&writer, record->vector.incarnation[i].random,
                               8);
    }
    for (size_t i = 0; i < record->members.n; i++) {
        zseq_store_put_number (&writer, record->vector.start[i].counter, 8);
        zseq_store_put_number (&writer, record->vector.start[i].random, 8);
    }
    zseq_store_put_number (&writer, record->start_voted, 1);
    zseq_store_put_number (&writer, record->voting, 1);
    zseq_store_put_number (&writer, record->floor, 8);
    zseq_store_put_number (&writer, record->floor_reserved, 8);
    assert (writer.size <= sizeof value);

    zseq_store_envelope_t envelope = {ZSEQ_STORE_FORMAT,
                                      KIND_NODE,
                                      record->identity,
                                      record->self,
                                      "",
                                      0,
                                      value,
                                      writer.size};
    return s_envelope_encode (&envelope, bytes);
}

//  Whether a decoded node's record is consistent.
static bool
s_node_valid (const zseq_record_t *record)
{
    if (record->self >= record->members.n ||
        !zseq_label_valid (record->cluster))
        return false;
    for (size_t i = 0; i < record->members.n; i++) {
        const zseq_member_t *member = &record->members.member[i];
        if (!zseq_label_valid (member->name) || !member->endpoint[0])
            return false;
        if (i > 0 && strcmp (member[-1].name, member->name) >= 0)
            return false;
    }
    return record->floor >= 1 && record->floor <= ZSEQ_NEXT_MAX &&
           record->floor_reserved >= 1 &&
           record->floor_reserved <= ZSEQ_NEXT_MAX;
}

int
zseq_store_node_decode (zseq_record_t *record, const uint8_t *bytes,
                        size_t size, uint16_t *version_p, const char **what_p)
{
    assert (record);
    assert (bytes);
    assert (version_p);
    assert (what_p);
    zseq_store_envelope_t envelope;
    int rc =
      zseq_store_envelope_decode (&envelope, KIND_NODE, bytes, size, what_p);
    if (rc != ZSEQ_OK)
        return rc;
    *version_p = envelope.version;

    memset (record, 0, sizeof *record);
    record->identity = envelope.identity;
    record->self = envelope.node;
    zseq_store_reading_t reader = {envelope.value, envelope.value_size, false};
    zseq_store_get_text (&reader, record->cluster, ZSEQ_LABEL_MAX);
    record->members.n = (uint8_t) zseq_store_get_number (&reader, 1);
    if (record->members.n > ZSEQ_NODES_MAX)
        reader.bad = true;
    for (size_t i = 0; i < record->members.n && !reader.bad; i++) {
        zseq_store_get_text (&reader, record->members.member[i].name,
                             ZSEQ_LABEL_MAX);
        zseq_store_get_text (&reader, record->members.member[i].endpoint,
                             ZSEQ_ENDPOINT_MAX);
    }
    record->vector.n = record->members.n;
    for (size_t i = 0; i < record->members.n && !reader.bad; i++) {
        record->vector.incarnation[i].counter =
          zseq_store_get_number (&reader, 8);
        record->vector.incarnation[i].random =
          zseq_store_get_number (&reader, 8);
    }
    bool starts = envelope.version >= 2;
    for (size_t i = 0; i < record->members.n && starts && !reader.bad; i++) {
        record->vector.start[i].counter = zseq_store_get_number (&reader, 8);
        record->vector.start[i].random = zseq_store_get_number (&reader, 8);
    }
    uint64_t start_voted = starts ? zseq_store_get_number (&reader, 1) : 0;
    uint64_t voting = zseq_store_get_number (&reader, 1);
    record->voting = voting == 1;
    record->start_voted = starts ? start_voted == 1 : record->voting;
    record->floor = zseq_store_get_number (&reader, 8);
    record->floor_reserved = zseq_store_get_number (&reader, 8);
    if (reader.bad || reader.left > 0 || voting > 1 || start_voted > 1 ||
        envelope.name_size > 0 || !s_node_valid (record) ||
        zseq_quorum_init (&record->members.quorum, record->members.n, 0, 0) !=
          ZSEQ_OK) {
        *what_p = ZSEQ_TEXT_RECORD_VALUE;
        return ZSEQ_EDAMAGED;
    }
    return ZSEQ_OK;
}

//  The names journal.

size_t
zseq_store_header_encode (uint64_t identity, uint8_t node, uint8_t *bytes)
{
    assert (identity != 0);
    assert (bytes);
    zseq_store_writing_t writer = {bytes, 0};
    zseq_store_put (&writer, JOURNAL_MAGIC, MAGIC_SIZE);
    zseq_store_put_number (&writer, FORMAT_VERSION, 2);
    zseq_store_put_number (&writer, identity, 8);
    zseq_store_put_number (&writer, node, 1);
    zseq_store_put_checksum (&writer);
    return writer.size;
}

int
zseq_store_header_decode (const uint8_t *bytes, size_t size,
                          uint64_t *identity_p, uint8_t *node_p,
                          const char **what_p)
{
    assert (bytes);
    assert (identity_p);
    assert (node_p);
    assert (what_p);
    *what_p = NULL;
    if (size < ZSEQ_STORE_HEADER_SIZE)
        *what_p = ZSEQ_TEXT_JOURNAL_SHORT;
    else if (memcmp (bytes, JOURNAL_MAGIC, MAGIC_SIZE) != 0)
        *what_p = ZSEQ_TEXT_JOURNAL_FOREIGN_BYTES;
    else if (!zseq_store_checksum_ok (bytes, ZSEQ_STORE_HEADER_SIZE))
        *what_p = ZSEQ_TEXT_JOURNAL_CHECKSUM;
    if (*what_p)
        return ZSEQ_EDAMAGED;
    zseq_store_reading_t reader = {bytes + MAGIC_SIZE, size - MAGIC_SIZE,
                                   false};
    if (zseq_store_get_number (&reader, 2) != FORMAT_VERSION) {
        *what_p = ZSEQ_TEXT_FORMAT_VERSION;
        return ZSEQ_EFOREIGN;
    }
    *identity_p = zseq_store_get_number (&reader, 8);
    *node_p = (uint8_t) zseq_store_get_number (&reader, 1);
    if (*identity_p != 0)
        return ZSEQ_OK;
    *what_p = ZSEQ_TEXT_JOURNAL_HEADER;
    return ZSEQ_EDAMAGED;
}

void
zseq_store_batch_add (zseq_store_batch_t *self, const char *name, size_t size)
{
    assert (self);
    assert (name);
    if (self->size == 0)
        self->size = ZSEQ_STORE_BATCH_HEADER_SIZE;
    zseq_store_writing_t writer = {self->bytes, self->size};
    zseq_store_put_number (&writer, KIND_SEQUENCE, 1);
    zseq_store_put_text (&writer, name, size);
    self->size = writer.size;
    assert (self->size + CHECKSUM_SIZE <= ZSEQ_STORE_BATCH_MAX);
}

void
zseq_store_batch_seal (zseq_store_batch_t *self)
{
    assert (self);
    assert (self->size > 0);
    zseq_store_writing_t header = {self->bytes, 0};
    zseq_store_put (&header, BATCH_MAGIC, BATCH_MAGIC_SIZE);
    zseq_store_put_number (&header, self->size - ZSEQ_STORE_BATCH_HEADER_SIZE,
                           4);
    zseq_store_writing_t writer = {self->bytes, self->size};
    zseq_store_put_checksum (&writer);
    self->size = writer.size;
}

void
zseq_store_entries_init (zseq_store_entries_t *self, const uint8_t *batch,
                         size_t size)
{
    assert (self);
    assert (size >= ZSEQ_STORE_BATCH_HEADER_SIZE + CHECKSUM_SIZE);
    self->bytes = batch + ZSEQ_STORE_BATCH_HEADER_SIZE;
    self->left = size - ZSEQ_STORE_BATCH_HEADER_SIZE - CHECKSUM_SIZE;
}

bool
zseq_store_entries_next (zseq_store_entries_t *self, const char **name_p,
                         size_t *size_p)
{
    assert (self);
    assert (self->left > 0);
    zseq_store_reading_t reader = {self->bytes, self->left, false};
    uint64_t kind = zseq_store_get_number (&reader, 1);
    size_t size = (size_t) zseq_store_get_number (&reader, 1);
    const uint8_t *name = zseq_store_get (&reader, size);
    if (!name || kind != KIND_SEQUENCE || size == 0 || memchr (name, 0, size))
        return false;
    *self = (zseq_store_entries_t){reader.bytes, reader.left};
    *name_p = (const char *) name;
    *size_p = size;
    return true;
}

size_t
zseq_store_batch_size (const uint8_t *bytes, size_t size)
{
    zseq_store_reading_t reader = {bytes, size, false};
    const uint8_t *magic = zseq_store_get (&reader, BATCH_MAGIC_SIZE);
    if (!magic || memcmp (magic, BATCH_MAGIC, BATCH_MAGIC_SIZE) != 0)
        return 0;
    size_t payload = (size_t) zseq_store_get_number (&reader, 4);
    if (reader.bad || payload > ZSEQ_STORE_PAYLOAD_MAX ||
        reader.left < payload + CHECKSUM_SIZE)
        return 0;
    size_t whole = ZSEQ_STORE_BATCH_HEADER_SIZE + payload + CHECKSUM_SIZE;
    return zseq_store_checksum_ok (bytes, whole) ? whole : 0;
}

bool
zseq_store_batch_within (const uint8_t *bytes, size_t size)
{
    const uint8_t *end = bytes + size;
    while ((bytes = memmem (bytes, (size_t) (end - bytes), BATCH_MAGIC,
                            BATCH_MAGIC_SIZE))) {
        if (zseq_store_batch_size (bytes, (size_t) (end - bytes)) > 0)
            return true;
        bytes++;
    }
    return false;
}
