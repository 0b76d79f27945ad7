//  Each key is got, and then put on condition that it is as it was got. Many
//  are under way together, each in a slot.

#include "zseq_import_keys.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_cli_job.h"
#include "zseq_cli_texts.h"
#include "zseq_text.h"

//  How far a version may be above what a cluster has reached: 2^19 rounds.
#define STEP_MAX ((uint64_t) 1 << 51)
#define WINDOW 64

//  A key that was read. Records follow each other in memory.
typedef struct {
    uint64_t version;
    size_t line;
    size_t key_size;
    size_t value_size;
    char bytes[];  //  Key and value
} s_record_t;

typedef struct {
    const s_record_t *record;  //  NULL: free
    bool puts;                 //  It was got, and is being put
    uint64_t newer;  //  The version that is replaced, if it is not below the
                     //  file's; else 0
    char value[ZSEQ_VALUE_MAX];
} s_slot_t;

typedef struct {
    zseq_import_keys_t *keys;
    zseq_client_t *client;
    zseq_kv_t *kv;
    const char *file;
    zseq_import_failure_t *failure;
    size_t under_way;
    s_slot_t slot[WINDOW];
} s_store_t;

void
zseq_import_keys_init (zseq_import_keys_t *self)
{
    assert (self);
    memset (self, 0, sizeof *self);
}

void
zseq_import_keys_term (zseq_import_keys_t *self)
{
    assert (self);
    free (self->records);
    self->records = NULL;
}

static size_t
s_size (size_t bytes)
{
    size_t align = _Alignof(s_record_t);
    return (sizeof (s_record_t) + bytes + align - 1) / align * align;
}

bool
zseq_import_keys_add (zseq_import_keys_t *self, const zseq_kv_entry_t *entry,
                      size_t line)
{
    assert (self);
    assert (entry);

    size_t size = s_size (entry->key_size + entry->size);
    if (self->used + size > self->size) {
        size_t wanted = 2 * (self->used + size);
        char *records = realloc (self->records, wanted);
        if (!records)
            return false;
        self->records = records;
        self->size = wanted;
    }
    s_record_t *record = (s_record_t *) (void *) (self->records + self->used);
    record->version = entry->version;
    record->line = line;
    record->key_size = entry->key_size;
    record->value_size = entry->size;
    memcpy (record->bytes, entry->key, entry->key_size);
    memcpy (record->bytes + entry->key_size, entry->data, entry->size);
    self->used += size;
    self->count++;
    return true;
}

static int
s_fail (const s_store_t *self, const s_record_t *record, int rc, bool unknown,
        const char *detail)
{
    self->failure->rc = rc;
    self->failure->line = record ? record->line : 1;
    self->failure->unknown = unknown;
    (void) snprintf (self->failure->detail, sizeof self->failure->detail, "%s",
                     detail);
    return rc;
}

static int
s_get (s_store_t *self, size_t index)
{
    s_slot_t *slot = &self->slot[index];
    slot->puts = false;
    int rc =
      zseq_start_kv_get (self->kv, slot->record->bytes, slot->record->key_size,
                         slot->value, sizeof slot->value, index);
    return rc == ZSEQ_OK
             ? rc
             : s_fail (self, slot->record, rc, false, zseq_detail ());
}

//  expected: the version that was got; 0: there was no value. low: a version
//  that the cluster has reached. A version far above needs more than one put.
static int
s_put (s_store_t *self, size_t index, uint64_t expected, uint64_t low)
{
    s_slot_t *slot = &self->slot[index];
    const s_record_t *record = slot->record;
    slot->puts = true;
    uint64_t version = record->version;
    if (version > low && version - low > STEP_MAX)
        version = low + STEP_MAX;
    int rc = zseq_kv_note (self->kv, record->bytes, record->key_size, version);
    if (rc == ZSEQ_OK)
        rc = zseq_start_kv_cas (self->kv, record->bytes, record->key_size,
                                expected, record->bytes + record->key_size,
                                record->value_size, index);
    return rc == ZSEQ_OK ? rc
                         : s_fail (self, record, rc, false, zseq_detail ());
}

static void
s_release (s_store_t *self, size_t index)
{
    self->slot[index].record = NULL;
    self->under_way--;
}

//  A key was newer here, and stays or was replaced.
static void
s_say_newer (const s_store_t *self, const s_record_t *record, uint64_t version,
             bool replaced)
{
    char file[ZSEQ_CLI_TEXT_MAX];
    char key[4 * ZSEQ_KEY_MAX + 1];
    (void) zseq_text_escape (self->file, file, sizeof file);
    (void) zseq_text_escape_bytes (record->bytes, record->key_size, key,
                                   sizeof key);
    if (replaced)
        fprintf (stderr, ZSEQ_TEXT_IMPORT_REPLACED, file, record->line, key,
                 version, record->version);
    else
        fprintf (stderr, ZSEQ_TEXT_IMPORT_NEWER, file, record->line, key,
                 version, record->version);
}

//  A get has ended: decides what becomes of the key.
static int
s_got (s_store_t *self, const zseq_ended_t *ended)
{
    size_t index = ended->tag;
    s_slot_t *slot = &self->slot[index];
    const s_record_t *record = slot->record;
    bool exists = ended->rc == ZSEQ_OK;
    if (!exists && ended->rc != ZSEQ_ENOKEY)
        return s_fail (self, record, ended->rc, false, ended->detail);
    bool newer = ended->value >= record->version;
    bool same =
      exists && ended->size == record->value_size &&
      memcmp (slot->value, record->bytes + record->key_size, ended->size) == 0;
    if (!newer || (!same && self->keys->replace)) {
        slot->newer = newer ? ended->value : 0;
        return s_put (self, index, exists ? ended->value : 0, ended->value);
    }
    if (same)
        self->keys->passed++;
    else {
        s_say_newer (self, record, ended->value, false);
        self->keys->newer++;
    }
    s_release (self, index);
    return ZSEQ_OK;
}

//  A put has ended. It is looked at again if the key has changed meanwhile, or
//  nobody knows whether it was done; or if its version is too low, because the
//  handle had too many keys to remember the file's.
static int
s_was_put (s_store_t *self, const zseq_ended_t *ended)
{
    size_t index = ended->tag;
    const s_record_t *record = self->slot[index].record;
    if (ended->rc == ZSEQ_EVERSION || ended->rc == ZSEQ_ENOKEY ||
        ended->rc == ZSEQ_EFORGOTTEN ||
        (ended->rc == ZSEQ_OK && ended->value <= record->version))
        return s_get (self, index);
    if (ended->rc != ZSEQ_OK)
        return s_fail (self, record, ended->rc, ended->unknown, ended->detail);
    if (self->slot[index].newer)
        s_say_newer (self, record, self->slot[index].newer, true);
    self->keys->stored++;
    s_release (self, index);
    return ZSEQ_OK;
}

//  Waits until a call at least has ended, and deals with those that have.
static int
s_collect (s_store_t *self)
{
    zseq_ended_t ended[WINDOW];
    struct pollfd fd = {.fd = zseq_client_fd (self->client), .events = POLLIN};
    if (fd.fd < 0)
        return s_fail (self, NULL, zseq_errno (), false, zseq_detail ());
    while (poll (&fd, 1, -1) < 0)
        assert (errno == EINTR);
    size_t count = zseq_client_collect (self->client, ended, WINDOW);
    int rc = ZSEQ_OK;
    for (size_t index = 0; index < count && rc == ZSEQ_OK; index++)
        rc = self->slot[ended[index].tag].puts ? s_was_put (self, &ended[index])
                                               : s_got (self, &ended[index]);
    return rc;
}

static int
s_begin (s_store_t *self, const s_record_t *record)
{
    size_t index = 0;
    while (self->slot[index].record)
        index++;
    self->slot[index].record = record;
    self->under_way++;
    return s_get (self, index);
}

static int
s_store_all (s_store_t *self)
{
    int rc = ZSEQ_OK;
    size_t at = 0;
    while (rc == ZSEQ_OK && (at < self->keys->used || self->under_way)) {
        if (at == self->keys->used || self->under_way == WINDOW) {
            rc = s_collect (self);
            continue;
        }
        const s_record_t *record =
          (const s_record_t *) (const void *) (self->keys->records + at);
        rc = s_begin (self, record);
        at += s_size (record->key_size + record->value_size);
    }
    return rc;
}

int
zseq_import_keys_store (zseq_import_keys_t *keys, zseq_client_t *client,
                        const char *file, zseq_import_failure_t *failure)
{
    assert (keys);
    assert (client);
    assert (file);
    assert (failure);

    memset (failure, 0, sizeof *failure);
    if (keys->count == 0)
        return ZSEQ_OK;
    s_store_t *self = calloc (1, sizeof *self);
    if (!self) {
        failure->line = 1;
        return failure->rc = ZSEQ_ENOMEM;
    }
    self->keys = keys;
    self->client = client;
    self->file = file;
    self->failure = failure;
    self->kv = zseq_kv_new (client);
    int rc = self->kv
               ? s_store_all (self)
               : s_fail (self, NULL, zseq_errno (), false, zseq_detail ());
    //  Before the values that its calls may still write.
    zseq_kv_destroy (&self->kv);
    free (self);
    return rc;
}
