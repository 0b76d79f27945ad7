//  Fuzzes the readers of the key-value store: a directory kv with a segment or
//  a snapshot of any bytes. Reading finds valid records or reports damage. It
//  never crashes, and after it has cleared up it finds the same again.
//
//  An input is the kind of file (s_case_t) with flags, in one byte, then the
//  file's bytes. With FLAG_SEAL the checksums are corrected, and the chain of
//  the batches. With FLAG_TWO the bytes are two segments, cut in the middle.

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "zseq_fuzz_directory.h"
#include "zseq_fuzz.h"
#include "zseq_kvstore_format.h"
#include "zseq_kvstore_load.h"

#define IDENTITY 0x1122334455667788u
#define NODE 1
#define SALT 0x5a17u
#define FILE_MAX 8192

typedef enum { CASE_SEGMENT, CASE_SNAPSHOT, CASES } s_case_t;

//  Flags in the input's first byte.
#define FLAG_SEAL 0x10
#define FLAG_TWO 0x20

//  What reading has reported.
typedef struct {
    uint64_t sum;
    size_t count;
    size_t damages;
} s_seen_t;

//  Bytes.

static void
s_put_number (uint8_t *bytes, uint64_t number, size_t size)
{
    for (size_t index = 0; index < size; index++)
        bytes[index] = (uint8_t) (number >> 8 * index);
}

static uint64_t
s_get_number (const uint8_t *bytes, size_t size)
{
    uint64_t number = 0;
    for (size_t index = 0; index < size; index++)
        number |= (uint64_t) bytes[index] << 8 * index;
    return number;
}

//  Makes the bytes a segment of that number: its header, the chain and the
//  checksums of its batches, whose sizes stand. Returns the last checksum.
static uint64_t
s_seal_segment (uint8_t *bytes, size_t size, uint64_t number, uint64_t before)
{
    if (size < ZSEQ_KVSTORE_HEADER_SIZE)
        return before;
    const zseq_kvstore_header_t header = {IDENTITY, NODE, number, SALT};
    zseq_kvstore_header_encode (&header, bytes);
    size_t at = ZSEQ_KVSTORE_HEADER_SIZE;
    while (size - at >= ZSEQ_KVSTORE_BATCH_FRAME) {
        size_t payload = s_get_number (bytes + at + 4, 4);
        if (payload > size - at - ZSEQ_KVSTORE_BATCH_FRAME)
            payload = size - at - ZSEQ_KVSTORE_BATCH_FRAME;
        s_put_number (bytes + at + 4, payload, 4);
        s_put_number (bytes + at + 16, before, 8);
        size_t covered = ZSEQ_KVSTORE_BATCH_HEADER_SIZE + payload;
        before = XXH3_64bits_withSeed (bytes + at, covered, SALT);
        s_put_number (bytes + at + covered, before, 8);
        at += ZSEQ_KVSTORE_BATCH_FRAME + payload;
    }
    return before;
}

static void
s_seal_snapshot (uint8_t *bytes, size_t size)
{
    if (size >= 8)
        s_put_number (bytes + size - 8, XXH3_64bits (bytes, size - 8), 8);
}

//  The directory.

//  Writes a segment with a base and an empty batch at position.
static void
s_put_journal (uint64_t position)
{
    uint8_t bytes[ZSEQ_KVSTORE_HEADER_SIZE + 2 * ZSEQ_KVSTORE_BATCH_FRAME +
                  ZSEQ_KVSTORE_BASE_SIZE];
    const zseq_kvstore_header_t header = {IDENTITY, NODE, 1, SALT};
    const zseq_kvstore_base_t base = {.oldest = 1};
    zseq_kvstore_header_encode (&header, bytes);
    size_t size = ZSEQ_KVSTORE_HEADER_SIZE;
    zseq_kvstore_batch_t batch = {bytes + size, 0};
    zseq_kvstore_batch_begin (&batch);
    zseq_kvstore_batch_base (&batch, &base);
    uint64_t before = zseq_kvstore_batch_seal (&batch, SALT, 0, 0);
    size += batch.size;
    batch.bytes = bytes + size;
    zseq_kvstore_batch_begin (&batch);
    (void) zseq_kvstore_batch_seal (&batch, SALT, position, before);
    zseq_fuzz_directory_put ("kv/journal-00000001", bytes, size + batch.size);
}

//  Reading.

static void
s_add (s_seen_t *seen, const void *bytes, size_t size)
{
    seen->sum = seen->sum * 31 + XXH3_64bits (bytes, size);
    seen->count++;
}

static int
s_take_promise (uint8_t shard, const zseq_ballot_t *ballot, uint64_t dropped,
                void *arg)
{
    assert (dropped <= ZSEQ_KV_VERSION_MAX);
    assert (shard < ZSEQ_SHARDS);
    assert (ballot->round <= ZSEQ_ROUND_MAX);
    s_add (arg, &ballot->proposer, sizeof ballot->proposer);
    s_add (arg, &dropped, sizeof dropped);
    return ZSEQ_OK;
}

//  There is only one encoding of a record.
static int
s_take_record (uint8_t shard, const zseq_kv_record_t *record, void *arg)
{
    static uint8_t bytes[ZSEQ_KVSTORE_RECORD_MAX];
    assert (shard == zseq_kv_shard (record->key));
    assert (record->key.size >= 1);
    assert (record->key.size <= ZSEQ_KEY_MAX);
    assert (record->value.size <= ZSEQ_VALUE_MAX);
    assert (record->dedup_count <= ZSEQ_DEDUP_MAX);
    assert (record->proposal.seq > 0);
    zseq_store_writing_t writing = {bytes, 0};
    zseq_kvstore_record_put (&writing, record);
    assert (writing.size == zseq_kvstore_record_size (record));
    zseq_store_reading_t reading = {bytes, writing.size, false};
    zseq_kv_record_t again;
    bool valid = zseq_kvstore_record_get (&reading, &again);
    assert (valid);
    assert (reading.left == 0);
    s_add (arg, bytes, writing.size);
    return ZSEQ_OK;
}

static int
s_take_dropped (uint8_t shard, zseq_slice_t key,
                const zseq_proposal_t *proposal, uint64_t version, void *arg)
{
    assert (shard == zseq_kv_shard (key));
    assert (proposal->seq > 0);
    assert (version <= ZSEQ_KV_VERSION_MAX);
    s_add (arg, &version, sizeof version);
    s_add (arg, key.data, key.size);
    return ZSEQ_OK;
}

static int
s_take_cleared (uint8_t shard, void *arg)
{
    assert (shard < ZSEQ_SHARDS);
    s_add (arg, &shard, 1);
    return ZSEQ_OK;
}

static void
s_take_damage (const char *text, void *arg)
{
    assert (*text);
    assert (!strchr (text, '\n'));
    ((s_seen_t *) arg)->damages++;
}

//  Not counted: a segment that is not needed may say it, too.
static int
s_take_heard (uint8_t node, const zseq_journal_end_t *end, void *arg)
{
    (void) arg;
    assert (node < ZSEQ_NODES_MAX);
    assert (end);
    return ZSEQ_OK;
}

static int
s_read (zseq_store_disk_t *disk, s_seen_t *seen, zseq_kvstore_found_t *found)
{
    memset (seen, 0, sizeof *seen);
    const zseq_kvstore_load_callbacks_t callbacks = {.promise = s_take_promise,
                                                     .record = s_take_record,
                                                     .dropped = s_take_dropped,
                                                     .cleared = s_take_cleared,
                                                     .heard = s_take_heard,
                                                     .damage = s_take_damage,
                                                     .arg = seen};
    int rc = zseq_kvstore_read (disk, IDENTITY, NODE, 0, &callbacks, found);
    assert (rc == ZSEQ_OK || rc == ZSEQ_EFOREIGN);
    assert (rc != ZSEQ_OK || found->result.damaged == seen->damages);
    return rc;
}

//  Reads the directory, clears up, and reads it again.
static void
s_check_directory (void)
{
    char path[80];
    snprintf (path, sizeof path, "%s", zseq_fuzz_directory_path (""));
    zseq_store_disk_t disk = {.path = path,
                              .fd = open (path, O_RDONLY | O_DIRECTORY)};
    struct stat info;
    assert (disk.fd != -1);
    int rc = fstat (disk.fd, &info);
    assert (rc == 0);
    disk.device = info.st_dev;
    s_seen_t seen;
    s_seen_t again;
    zseq_kvstore_found_t found;
    rc = s_read (&disk, &seen, &found);
    if (rc == ZSEQ_OK && seen.damages == 0) {
        zseq_kvstore_journal_t journal = {
          .folder_fd = -1, .current.fd = -1, .next.fd = -1};
        uint64_t position = found.result.position;
        rc = zseq_kvstore_tidy (&disk, &found, &journal);
        assert (rc == ZSEQ_OK);
        assert (journal.current.end <= journal.current.size);
        zseq_kvstore_journal_term (&journal);
        zseq_kvstore_ledger_term (&found.ledger);
        rc = s_read (&disk, &again, &found);
        assert (rc == ZSEQ_OK);
        assert (again.damages == 0);
        assert (found.result.unfinished == 0);
        assert (found.result.position == position);
        assert (again.count == seen.count);
        assert (again.sum == seen.sum);
    }
    zseq_kvstore_ledger_term (&found.ledger);
    close (disk.fd);
}

static void
s_put_segments (uint8_t *bytes, size_t size, uint8_t flags)
{
    size_t half = flags & FLAG_TWO ? size / 2 : size;
    if (flags & FLAG_SEAL) {
        uint64_t before = s_seal_segment (bytes, half, 1, 0);
        (void) s_seal_segment (bytes + half, size - half, 2, before);
    }
    zseq_fuzz_directory_put ("kv/journal-00000001", bytes, half);
    if (half < size)
        zseq_fuzz_directory_put ("kv/journal-00000002", bytes + half,
                                 size - half);
}

static void
s_put_snapshot (uint8_t *bytes, size_t size, uint8_t flags)
{
    if (flags & FLAG_SEAL)
        s_seal_snapshot (bytes, size);
    s_put_journal (size > 31 ? s_get_number (bytes + 27, 4) : 1);
    zseq_fuzz_directory_put ("kv/shard-29", bytes, size);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    zseq_fuzz_directory_remove ("kv");
    zseq_fuzz_directory_make ("kv");
    zseq_fuzz_t input = {data, size};
    uint8_t flags = zseq_fuzz_byte (&input);
    uint8_t *bytes = zseq_fuzz_bytes (&input, FILE_MAX, &size);
    if (flags % CASES == CASE_SEGMENT)
        s_put_segments (bytes, size, flags);
    else
        s_put_snapshot (bytes, size, flags);
    s_check_directory ();
    free (bytes);
    return 0;
}
