//  Fuzzes the store: a directory with one file of any bytes, and perhaps a lost
//  record. Loading finds what was written or reports damage. It never crashes,
//  and never takes an existing name for a new one.
//
//  An input is the kind of file (s_case_t) with flags, in one byte, then the
//  file's bytes. CASE_NODE and CASE_SEQUENCE fuzz a record, CASE_NAMES and
//  CASE_COPY a journal. The bytes are decoded and encoded again. With FLAG_DISK
//  they are also written into a directory, which is loaded, and with
//  FLAG_REPAIR repaired and loaded again.

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "zseq_collect.h"
#include "zseq_fuzz_directory.h"
#include "zseq_fuzz.h"
#include "zseq_seq.h"
#include "zseq_store.h"
#include "zseq_store_format.h"

#define IDENTITY 0x1122334455667788u
#define FILE_MAX 8192
#define FOUND_MAX 8

typedef enum {
    CASE_NODE,
    CASE_NAMES,
    CASE_SEQUENCE,
    CASE_COPY,
    CASES
} s_case_t;

//  Flags in the input's first byte.
#define FLAG_LOST 0x08    //  Another record is missing
#define FLAG_SEAL 0x10    //  Checksums are corrected
#define FLAG_DISK 0x20    //  A directory is loaded, too
#define FLAG_REPAIR 0x40  //  ... and repaired
#define FLAG_WITH 0x80  //  ... and the other files belong to this node's record

static const struct {
    const char *name;
    uint64_t next;
    uint64_t durable_to;
} s_known[] = {{"invoices", 51, 51}, {"orders", 42, 1042}};

//  The one that is lost.
#define LOST "invoices"

#define KNOWN (sizeof s_known / sizeof s_known[0])

//  The node's directory, in that of the target.
#define DIRECTORY "node"

//  What loading has found.
typedef struct {
    size_t count;
    struct {
        char name[ZSEQ_NAME_MAX];
        size_t size;
        uint64_t next;
        uint64_t durable_to;
    } name[FOUND_MAX];
    size_t damages;
} s_found_t;

//  Bytes.

static void
s_seal (uint8_t *bytes, size_t size)
{
    uint64_t sum = XXH3_64bits (bytes, size);
    for (int index = 0; index < 8; index++)
        bytes[size + (size_t) index] = (uint8_t) (sum >> 8 * index);
}

//  Corrects the checksum of a record, or those of a journal's header and its
//  batches. The last batch takes the remaining bytes.
static void
s_seal_all (s_case_t which, uint8_t *bytes, size_t size)
{
    if (which == CASE_NODE || which == CASE_SEQUENCE) {
        if (size >= ZSEQ_STORE_CHECKSUM_SIZE)
            s_seal (bytes, size - ZSEQ_STORE_CHECKSUM_SIZE);
        return;
    }
    size_t around = ZSEQ_STORE_BATCH_HEADER_SIZE + ZSEQ_STORE_CHECKSUM_SIZE;
    if (size < ZSEQ_STORE_HEADER_SIZE)
        return;
    s_seal (bytes, ZSEQ_STORE_HEADER_SIZE - ZSEQ_STORE_CHECKSUM_SIZE);
    for (size_t at = ZSEQ_STORE_HEADER_SIZE; at + around <= size;) {
        size_t payload = bytes[at + 4] | (size_t) bytes[at + 5] << 8;
        if (payload > size - at - around)
            payload = size - at - around;
        s_seal (bytes + at, ZSEQ_STORE_BATCH_HEADER_SIZE + payload);
        at += around + payload;
    }
}

static void
s_check_record (const zseq_record_t *record)
{
    assert (record->members.n >= 1);
    assert (record->members.n <= ZSEQ_NODES_MAX);
    assert (record->vector.n == record->members.n);
    assert (record->self < record->members.n);
    assert (zseq_label_valid (record->cluster));
    for (uint8_t node = 0; node < record->members.n; node++) {
        assert (zseq_label_valid (record->members.member[node].name));
        assert (record->members.member[node].endpoint[0]);
        assert (node == 0 || strcmp (record->members.member[node - 1].name,
                                     record->members.member[node].name) < 0);
    }
    assert (record->floor >= 1);
    assert (record->floor <= ZSEQ_NEXT_MAX);
    assert (record->floor_reserved >= 1);
    assert (record->floor_reserved <= ZSEQ_NEXT_MAX);
}

//  Checks that decoded bytes encode to the same bytes: there is only one
//  encoding.
static void
s_check_bytes (s_case_t which, const uint8_t *bytes, size_t size)
{
    static uint8_t again[ZSEQ_STORE_RECORD_MAX + ZSEQ_STORE_SEQUENCE_MAX];
    const char *what = NULL;
    zseq_record_t record;
    zseq_store_sequence_t sequence;
    uint64_t identity;
    uint8_t node;
    uint16_t version;
    size_t again_size = 0;
    int rc;
    if (which == CASE_NODE) {
        rc = zseq_store_node_decode (&record, bytes, size, &version, &what);
        if (rc == ZSEQ_OK) {
            s_check_record (&record);
            //  Version 1 is read, but never written.
            if (version == 1)
                return;
            again_size = zseq_store_node_encode (&record, again);
        }
    }
    else if (which == CASE_SEQUENCE) {
        rc = zseq_store_sequence_decode (&sequence, bytes, size, &what);
        if (rc == ZSEQ_OK) {
            assert (sequence.next >= 1);
            assert (sequence.next <= sequence.durable_to);
            assert (sequence.durable_to <= ZSEQ_NEXT_MAX);
            again_size = zseq_store_sequence_encode (&sequence, again);
        }
    }
    else {
        rc = zseq_store_header_decode (bytes, size, &identity, &node, &what);
        if (rc == ZSEQ_OK) {
            again_size = zseq_store_header_encode (identity, node, again);
            size = again_size;
        }
    }
    if (rc != ZSEQ_OK) {
        assert (rc == ZSEQ_EDAMAGED || rc == ZSEQ_EFOREIGN);
        assert (what && *what);
        return;
    }
    assert (again_size == size);
    assert (!memcmp (again, bytes, size));
}

static void
s_check_batches (const uint8_t *bytes, size_t size)
{
    size_t whole = zseq_store_batch_size (bytes, size);
    assert (whole <= size);
    if (whole) {
        assert (zseq_store_batch_within (bytes, size));
        zseq_store_entries_t entries;
        zseq_store_entries_init (&entries, bytes, whole);
        const char *name;
        size_t name_size;
        while (entries.left &&
               zseq_store_entries_next (&entries, &name, &name_size)) {
            assert (name_size >= 1);
            assert (name_size <= ZSEQ_NAME_MAX);
            assert (!memchr (name, 0, name_size));
            zseq_store_path_t path;
            zseq_store_path_init (&path, name, name_size);
            assert (path.file[0] && path.file[0] != '.');
            assert (!strchr (path.file, '/'));
        }
    }
    if (size > 1)
        (void) zseq_store_batch_within (bytes + 1, size - 1);
}

//  The directory.

static const char *
s_sequence_path (const char *name)
{
    static char file[224];
    zseq_store_path_t path;
    zseq_store_path_init (&path, name, strlen (name));
    snprintf (file, sizeof file, DIRECTORY "/seq/%02x/%s", path.bucket,
              path.file);
    return file;
}

static void
s_record (zseq_record_t *record)
{
    static const zseq_member_t members[] = {{"a", "tcp://127.0.0.1:19001"},
                                            {"b", "tcp://127.0.0.1:19002"},
                                            {"c", "ipc:///run/zseq/c"}};
    zseq_members_t all;
    int rc = zseq_members_init (&all, members, 3);
    assert (rc == ZSEQ_OK);
    rc = zseq_record_init (record, "test", "b", &all, 0xb0b);
    assert (rc == ZSEQ_OK);
    record->identity = IDENTITY;
    record->voting = true;
}

//  Writes the directory of an intact node.
static void
s_make_directory (uint64_t identity, uint8_t node)
{
    static uint8_t bytes[FILE_MAX];
    zseq_fuzz_directory_remove (DIRECTORY);
    zseq_fuzz_directory_make (DIRECTORY);
    zseq_fuzz_directory_put (DIRECTORY "/lock", bytes, 0);
    zseq_record_t record;
    s_record (&record);
    zseq_fuzz_directory_put (DIRECTORY "/node", bytes,
                             zseq_store_node_encode (&record, bytes));

    size_t size = zseq_store_header_encode (identity, node, bytes);
    zseq_store_batch_t batch = {bytes + size, 0};
    zseq_fuzz_directory_make (DIRECTORY "/seq");
    for (size_t index = 0; index < KNOWN; index++)
        zseq_store_batch_add (&batch, s_known[index].name,
                              strlen (s_known[index].name));
    zseq_store_batch_seal (&batch);
    zseq_fuzz_directory_put (DIRECTORY "/names", bytes, size + batch.size);
    zseq_fuzz_directory_put (DIRECTORY "/names-copy", bytes, size + batch.size);
    for (size_t index = 0; index < KNOWN; index++) {
        zseq_store_sequence_t sequence = {
          .identity = identity,
          .node = node,
          .name = s_known[index].name,
          .name_size = strlen (s_known[index].name),
          .next = s_known[index].next,
          .durable_to = s_known[index].durable_to};
        const char *file = s_sequence_path (s_known[index].name);
        char folder[sizeof DIRECTORY + 7];
        snprintf (folder, sizeof folder, "%.*s", (int) sizeof folder - 1, file);
        zseq_fuzz_directory_make (folder);
        zseq_fuzz_directory_put (file, bytes,
                                 zseq_store_sequence_encode (&sequence, bytes));
    }
}

static int
s_take (const char *name, size_t size, uint64_t next, uint64_t durable_to,
        void *arg)
{
    s_found_t *found = arg;
    assert (found->count < FOUND_MAX);
    assert (size >= 1);
    assert (size <= ZSEQ_NAME_MAX);
    assert (next >= 1);
    assert (next <= durable_to);
    assert (durable_to <= ZSEQ_NEXT_MAX);
    memcpy (found->name[found->count].name, name, size);
    found->name[found->count].size = size;
    found->name[found->count].next = next;
    found->name[found->count++].durable_to = durable_to;
    return ZSEQ_OK;
}

static void
s_take_damage (const char *text, void *arg)
{
    assert (*text);
    assert (!strchr (text, '\n'));
    ((s_found_t *) arg)->damages++;
}

//  Returns the durable_to that loading found for a name; 0: none.
static uint64_t
s_find_durable_to (const s_found_t *found, const char *name)
{
    for (size_t index = 0; index < found->count; index++)
        if (found->name[index].size == strlen (name) &&
            !memcmp (found->name[index].name, name, strlen (name)))
            return found->name[index].durable_to;
    return 0;
}

//  Opens the directory, as lost if necessary, and loads it.
static int
s_load (zseq_store_t *store, zseq_record_t *record, s_found_t *found,
        zseq_store_load_result_t *result)
{
    memset (found, 0, sizeof *found);
    memset (result, 0, sizeof *result);
    int rc = zseq_store_open (store, record);
    //  The store never reports an empty directory.
    assert (rc == ZSEQ_OK || rc == ZSEQ_EDAMAGED || rc == ZSEQ_EFOREIGN);
    if (rc == ZSEQ_OK)
        s_check_record (record);
    if (rc == ZSEQ_EDAMAGED) {
        s_record (record);
        zseq_record_reset (record, 0);
        rc = zseq_store_open_lost (store, record->self);
    }
    if (rc != ZSEQ_OK) {
        assert (rc == ZSEQ_EFOREIGN);
        assert (zseq_store_text (store)[0]);
        return rc;
    }
    zseq_store_load_callbacks_t callbacks = {
      .name = s_take, .damage = s_take_damage, .arg = found};
    rc = zseq_store_load (store, &callbacks, result);
    assert (rc == ZSEQ_OK || rc == ZSEQ_EFOREIGN);
    return rc;
}

//  Checks that loading found every intact record, and reported every missing
//  one as damage.
static void
s_check_found (s_case_t which, bool lost, const s_found_t *found,
               const zseq_store_load_result_t *result)
{
    assert (found->damages <= result->damaged);
    //  Neither journal hides the missing record.
    assert (!lost || result->damaged);
    for (size_t index = 0; index < KNOWN; index++) {
        const char *name = s_known[index].name;
        uint64_t durable_to = s_find_durable_to (found, name);
        if (lost && !strcmp (name, LOST))
            assert (durable_to == 0);
        else if (which == CASE_SEQUENCE && !strcmp (name, "orders"))
            assert (durable_to || result->damaged);
        else
            assert (durable_to == s_known[index].durable_to);
    }
}

static void
s_write_record (zseq_store_t *store, const zseq_record_t *record)
{
    zseq_write_t write = {.record = record};
    int rc = zseq_store_submit (store, &write, 1);
    assert (rc == ZSEQ_OK);
    zseq_written_t written;
    collect_wait (store, &written, 1);
    assert (written.status == ZSEQ_OK);
}

//  Repairs and loads again. Checks that every intact record is there, and no
//  other.
static void
s_check_repaired (zseq_store_t **store_p, zseq_record_t *record,
                  const s_found_t *found, uint64_t identity)
{
    zseq_record_reset (record, identity);
    record->vector.incarnation[record->self].counter = 2;
    int rc = zseq_store_start (*store_p);
    assert (rc == ZSEQ_OK);
    s_write_record (*store_p, record);
    zseq_store_destroy (store_p);

    *store_p = zseq_store_new (zseq_fuzz_directory_path (DIRECTORY));
    assert (*store_p);
    static s_found_t again;
    zseq_store_load_result_t result;
    rc = s_load (*store_p, record, &again, &result);
    assert (rc == ZSEQ_OK);
    assert (result.damaged == 0);
    assert (!record->voting);
    assert (again.count == found->count);
    for (size_t index = 0; index < found->count; index++)
        assert (again.name[index].durable_to == found->name[index].durable_to);
}

static void
s_check_directory (s_case_t which, const uint8_t *bytes, size_t size,
                   uint8_t flags)
{
    uint64_t identity = IDENTITY;
    uint8_t node = 1;
    zseq_record_t record;
    uint16_t version;
    const char *what;
    if (which == CASE_NODE && flags & FLAG_WITH &&
        zseq_store_node_decode (&record, bytes, size, &version, &what) ==
          ZSEQ_OK &&
        record.identity) {
        identity = record.identity;
        node = record.self;
    }
    s_make_directory (identity, node);
    zseq_fuzz_directory_put (which == CASE_NODE    ? DIRECTORY "/node"
                             : which == CASE_NAMES ? DIRECTORY "/names"
                             : which == CASE_COPY  ? DIRECTORY "/names-copy"
                                                   : s_sequence_path ("orders"),
                             bytes, size);
    bool lost = flags & FLAG_LOST;
    if (lost)
        unlink (zseq_fuzz_directory_path (s_sequence_path (LOST)));

    zseq_store_t *store = zseq_store_new (zseq_fuzz_directory_path (DIRECTORY));
    assert (store);
    static s_found_t found;
    zseq_store_load_result_t result;
    if (s_load (store, &record, &found, &result) == ZSEQ_OK) {
        s_check_found (which, lost, &found, &result);
        //  Without its journal, a node cannot tell a new name from a lost one.
        uint64_t journal_identity;
        uint8_t journal_node;
        if ((which == CASE_NAMES || which == CASE_COPY) &&
            zseq_store_header_decode (bytes, size, &journal_identity,
                                      &journal_node, &what) != ZSEQ_OK)
            assert (result.damaged);
        if (flags & FLAG_REPAIR && result.identity)
            s_check_repaired (&store, &record, &found, result.identity);
    }
    zseq_store_destroy (&store);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    zseq_fuzz_t input = {data, size};
    uint8_t flags = zseq_fuzz_byte (&input);
    s_case_t which = flags % 8 % CASES;
    uint8_t *bytes = zseq_fuzz_bytes (&input, FILE_MAX, &size);
    if (flags & FLAG_SEAL)
        s_seal_all (which, bytes, size);
    s_check_bytes (which, bytes, size);
    s_check_batches (bytes, size);
    if (flags & FLAG_DISK)
        s_check_directory (which, bytes, size, flags);
    free (bytes);
    return 0;
}
