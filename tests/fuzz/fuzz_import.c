//  Fuzzes zseq import. An export of what it has accepted as complete is
//  accepted again, and reading in pieces gives the same as reading at once.
//
//  An input is a byte that says whether the import is partial and how big the
//  pieces are, and the text.

#include <assert.h>
#include <string.h>

#include "zseq_export.h"
#include "zseq_fuzz.h"

typedef struct {
    zseq_export_t *export;
    size_t count;
    uint64_t sum;
} s_sum_t;

static bool
s_sum (const char *name, uint64_t next, size_t line, void *arg)
{
    s_sum_t *self = arg;
    size_t size = strlen (name);
    assert (size >= 1 && size <= ZSEQ_NAME_MAX);
    assert (next >= 1 && next <= ZSEQ_ID_MAX + (uint64_t) 1);
    assert (line > self->count);
    self->count++;
    self->sum = 31 * self->sum + next + size;
    const char *text = zseq_export_sequence (self->export, name, next);
    assert (strlen (text) <= ZSEQ_EXPORT_LINE_MAX);
    return true;
}

static bool
s_sum_key (const zseq_kv_entry_t *entry, size_t line, void *arg)
{
    s_sum_t *self = arg;
    assert (entry->key_size >= 1 && entry->key_size <= ZSEQ_KEY_MAX);
    assert (entry->size <= ZSEQ_VALUE_MAX);
    assert (entry->version >= 1 && entry->version <= ZSEQ_ID_MAX);
    assert (line > self->count);
    self->count++;
    self->sum = 31 * self->sum + entry->version + entry->key_size + entry->size;
    const char *text = zseq_export_key (self->export, entry);
    assert (strlen (text) <= ZSEQ_EXPORT_LINE_MAX);
    return true;
}

static bool
s_read (const char *bytes, size_t size, bool partial, size_t piece,
        s_sum_t *sum)
{
    *sum = (s_sum_t){.export = zseq_export_new ()};
    zseq_import_t *import = zseq_import_new (partial, s_sum, s_sum_key, sum);
    bool taken = true;
    for (size_t at = 0; taken && at < size; at += piece)
        taken = zseq_import_feed (import, bytes + at,
                                  size - at < piece ? size - at : piece);
    taken = taken && zseq_import_end (import);
    assert (taken == (zseq_import_why (import)[0] == '\0'));
    zseq_import_destroy (&import);
    zseq_export_destroy (&sum->export);
    return taken;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const char *bytes = (const char *) data + 1;
    bool partial = data[0] & 1;
    s_sum_t once;
    s_sum_t pieces;
    bool taken = s_read (bytes, size - 1, partial, size, &once);
    assert (s_read (bytes, size - 1, partial, 1 + data[0] / 2, &pieces) ==
            taken);
    assert (!taken || (once.count == pieces.count && once.sum == pieces.sum));
    //  A partial import also accepts a complete export.
    if (taken && !partial && once.count > 0)
        assert (s_read (bytes, size - 1, true, size, &pieces) &&
                once.sum == pieces.sum);
    return 0;
}
