//  Writes and reads exports. The reader takes pieces of any size, collects a
//  line, and goes from stage to stage: first line, lines, over. After a refusal
//  it takes nothing more.

#define XXH_INLINE_ALL
#include "zseq_export.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "zseq_cli_texts.h"
#include "zseq_text.h"

#define VERSION 1
#define NEXT_MAX (ZSEQ_ID_MAX + (uint64_t) 1)

//  Writing.

struct zseq_export {
    XXH3_state_t *hash;  //  Of the lines so far
    uint64_t count;
    char line[ZSEQ_EXPORT_LINE_MAX + 1];
};

//  XXH3's state is aligned as calloc does not promise.
static XXH3_state_t *
s_new_hash (void)
{
    XXH3_state_t *hash = XXH3_createState ();
    if (hash)
        (void) XXH3_64bits_reset (hash);  //  Fails for NULL only.
    return hash;
}

zseq_export_t *
zseq_export_new (void)
{
    zseq_export_t *self = calloc (1, sizeof *self);
    if (self && !(self->hash = s_new_hash ()))
        zseq_export_destroy (&self);
    return self;
}

void
zseq_export_destroy (zseq_export_t **self_p)
{
    assert (self_p);
    if (!*self_p)
        return;
    (void) XXH3_freeState ((*self_p)->hash);
    free (*self_p);
    *self_p = NULL;
}

static const char *
s_finish_line (zseq_export_t *self, int size)
{
    assert (size > 0 && size <= ZSEQ_EXPORT_LINE_MAX);
    (void) XXH3_64bits_update (self->hash, self->line, (size_t) size);
    return self->line;
}

const char *
zseq_export_first (zseq_export_t *self, const zseq_export_source_t *source)
{
    assert (self);
    assert (source);
    assert (strlen (source->cluster) <= ZSEQ_LABEL_MAX);
    assert (strlen (source->prefix) <= ZSEQ_NAME_MAX);

    char cluster[4 * ZSEQ_LABEL_MAX + 1];
    char prefix[4 * ZSEQ_NAME_MAX + 1];
    char time[32] = "";
    struct tm parts;
    if (gmtime_r (&source->time, &parts))
        (void) strftime (time, sizeof time, "%Y-%m-%dT%H:%M:%SZ", &parts);
    int size = snprintf (
      self->line, sizeof self->line,
      "zseq-export\t%d\tcluster=%s\tidentity=%016" PRIx64 "\tfloor=%" PRIu64
      "\ttime=%s\tprefix=%s\n",
      VERSION, zseq_text_escape (source->cluster, cluster, sizeof cluster),
      source->identity, source->floor, time,
      zseq_text_escape (source->prefix, prefix, sizeof prefix));
    return s_finish_line (self, size);
}

const char *
zseq_export_sequence (zseq_export_t *self, const char *name, uint64_t next)
{
    assert (self);
    assert (name);
    assert (strlen (name) <= ZSEQ_NAME_MAX);

    char escaped[4 * ZSEQ_NAME_MAX + 1];
    self->count++;
    return s_finish_line (
      self,
      snprintf (self->line, sizeof self->line, "sequence\t%s\t%" PRIu64 "\n",
                zseq_text_escape (name, escaped, sizeof escaped), next));
}

const char *
zseq_export_key (zseq_export_t *self, const zseq_kv_entry_t *entry)
{
    assert (self);
    assert (entry);
    assert (entry->key_size >= 1 && entry->key_size <= ZSEQ_KEY_MAX);
    assert (entry->size <= ZSEQ_VALUE_MAX);

    char key[4 * ZSEQ_KEY_MAX + 1];
    zseq_text_escape_bytes (entry->key, entry->key_size, key, sizeof key);
    int size = snprintf (self->line, sizeof self->line,
                         "key\t%s\t%" PRIu64 "\t", key, entry->version);
    zseq_text_escape_bytes (entry->data, entry->size, self->line + size,
                            sizeof self->line - (size_t) size - 1);
    size += (int) strlen (self->line + size);
    memcpy (self->line + size, "\n", 2);
    self->count++;
    return s_finish_line (self, size + 1);
}

const char *
zseq_export_last (zseq_export_t *self)
{
    assert (self);
    (void) snprintf (self->line, sizeof self->line,
                     "end\t%" PRIu64 "\t%016" PRIx64 "\n", self->count,
                     (uint64_t) XXH3_64bits_digest (self->hash));
    return self->line;
}

//  Reading.

//  Where the reader is.
typedef enum {
    S_FIRST,   //  At the first line
    S_LINES,   //  ... those of an export
    S_LISTED,  //  ... those that zseq list prints
    S_OVER,    //  Behind the last line
    S_REFUSED
} s_stage_t;

struct zseq_import {
    zseq_import_fn *fn;
    zseq_import_key_fn *key_fn;
    void *arg;
    bool partial;
    s_stage_t stage;
    XXH3_state_t *hash;
    uint64_t floor;
    uint64_t count;
    size_t line;                   //  Complete ones so far
    char last[ZSEQ_NAME_MAX + 1];  //  The name before
    size_t last_key_size;          //  Of the key before; 0: none
    char last_key[ZSEQ_KEY_MAX];
    size_t used;
    char text[ZSEQ_EXPORT_LINE_MAX + 1];
    char why[ZSEQ_EXPORT_WHY_MAX];
};

zseq_import_t *
zseq_import_new (bool partial, zseq_import_fn *fn, zseq_import_key_fn *key_fn,
                 void *arg)
{
    assert (fn);
    assert (key_fn);
    zseq_import_t *self = calloc (1, sizeof *self);
    if (self && !(self->hash = s_new_hash ()))
        zseq_import_destroy (&self);
    if (!self)
        return NULL;
    self->partial = partial;
    self->fn = fn;
    self->key_fn = key_fn;
    self->arg = arg;
    return self;
}

void
zseq_import_destroy (zseq_import_t **self_p)
{
    assert (self_p);
    if (!*self_p)
        return;
    (void) XXH3_freeState ((*self_p)->hash);
    free (*self_p);
    *self_p = NULL;
}

const char *
zseq_import_why (const zseq_import_t *self)
{
    assert (self);
    return self->why;
}

uint64_t
zseq_import_floor (const zseq_import_t *self)
{
    assert (self);
    return self->floor;
}

size_t
zseq_import_line (const zseq_import_t *self)
{
    assert (self);
    return self->line;
}

static bool
s_refuse (zseq_import_t *self, const char *why)
{
    self->stage = S_REFUSED;
    (void) snprintf (self->why, sizeof self->why, "%s", why);
    return false;
}

static bool
s_refuse_damaged (zseq_import_t *self, const char *what)
{
    self->stage = S_REFUSED;
    (void) snprintf (self->why, sizeof self->why, ZSEQ_TEXT_IMPORT_DAMAGED,
                     what);
    return false;
}

//  Cuts the next field off the line at *text_p, which is NULL after the last.
static char *
s_field (char **text_p)
{
    char *field = *text_p;
    char *tab = field ? strchr (field, '\t') : NULL;
    if (tab)
        *tab = '\0';
    *text_p = tab ? tab + 1 : NULL;
    return field;
}

//  What stands behind key in the next field; NULL: there is no such field.
static char *
s_value (char **text_p, const char *key)
{
    char *field = s_field (text_p);
    size_t size = strlen (key);
    return field && strncmp (field, key, size) == 0 ? field + size : NULL;
}

static bool
s_is_hexadecimal (const char *text)
{
    return strlen (text) == 16 && strspn (text, "0123456789abcdef") == 16;
}

static bool
s_take_first (zseq_import_t *self, char *text)
{
    uint64_t version;
    const char *number = s_field (&text);
    if (!text || !zseq_text_number (number, 1, UINT64_MAX, &version))
        return s_refuse_damaged (self, ZSEQ_TEXT_IMPORT_NO_VERSION);
    if (version != VERSION)
        return s_refuse (self, ZSEQ_TEXT_IMPORT_VERSION);
    char *cluster = s_value (&text, "cluster=");
    char *identity = s_value (&text, "identity=");
    char *floor = s_value (&text, "floor=");
    char *time = s_value (&text, "time=");
    char *prefix = s_value (&text, "prefix=");
    if (!cluster || !identity || !floor || !time || !prefix || text ||
        !s_is_hexadecimal (identity) || !zseq_text_unescape (cluster) ||
        !zseq_text_number (floor, 1, NEXT_MAX, &self->floor) ||
        !zseq_text_unescape (prefix))
        return s_refuse_damaged (self, ZSEQ_TEXT_IMPORT_FIRST_LINE);
    self->stage = S_LINES;
    return true;
}

//  A name, a tab, its next ID.
static bool
s_take_sequence (zseq_import_t *self, char *text)
{
    char *name = s_field (&text);
    const char *number = s_field (&text);
    uint64_t next;
    if (!number || text || !*name || !zseq_text_unescape (name) ||
        strlen (name) > ZSEQ_NAME_MAX ||
        !zseq_text_number (number, 1, NEXT_MAX, &next))
        return s_refuse_damaged (self, ZSEQ_TEXT_IMPORT_NOT_SEQUENCE);
    //  Lines that a person put together may be in any order, and raise twice.
    if (!self->partial &&
        (strcmp (name, self->last) <= 0 || self->last_key_size > 0))
        return s_refuse_damaged (self, ZSEQ_TEXT_IMPORT_ORDER);
    strcpy (self->last, name);
    self->count++;
    if (!self->fn (name, next, self->line, self->arg))
        return s_refuse (self, ZSEQ_TEXT_IMPORT_NO_MEMORY);
    return true;
}

//  Whether the key lies above the one before.
static bool
s_rises (const zseq_import_t *self, const char *key, size_t size)
{
    size_t least = size < self->last_key_size ? size : self->last_key_size;
    int order = memcmp (key, self->last_key, least);
    return order > 0 || (order == 0 && size > self->last_key_size);
}

//  A key, a tab, its version, a tab, its value.
static bool
s_take_key (zseq_import_t *self, char *text)
{
    char *key = s_field (&text);
    const char *number = s_field (&text);
    char *value = s_field (&text);
    zseq_kv_entry_t entry = {.key = key, .data = value};
    if (!value || text || !zseq_text_unescape_bytes (key, &entry.key_size) ||
        entry.key_size < 1 || entry.key_size > ZSEQ_KEY_MAX ||
        !zseq_text_number (number, 1, ZSEQ_ID_MAX, &entry.version) ||
        !zseq_text_unescape_bytes (value, &entry.size) ||
        entry.size > ZSEQ_VALUE_MAX)
        return s_refuse_damaged (self, ZSEQ_TEXT_IMPORT_NOT_KEY);
    if (!self->partial && !s_rises (self, key, entry.key_size))
        return s_refuse_damaged (self, ZSEQ_TEXT_IMPORT_ORDER);
    memcpy (self->last_key, key, entry.key_size);
    self->last_key_size = entry.key_size;
    self->count++;
    if (!self->key_fn (&entry, self->line, self->arg))
        return s_refuse (self, ZSEQ_TEXT_IMPORT_NO_MEMORY);
    return true;
}

static bool
s_take_last (zseq_import_t *self, char *text)
{
    const char *number = s_field (&text);
    const char *checksum = s_field (&text);
    uint64_t count;
    if (!checksum || text || !s_is_hexadecimal (checksum) ||
        !zseq_text_number (number, 0, UINT64_MAX, &count))
        return s_refuse_damaged (self, ZSEQ_TEXT_IMPORT_NOT_LAST);
    self->stage = S_OVER;
    if (self->partial)
        return true;
    if (count != self->count)
        return s_refuse_damaged (self, ZSEQ_TEXT_IMPORT_COUNT);
    if (strtoull (checksum, NULL, 16) != XXH3_64bits_digest (self->hash))
        return s_refuse_damaged (self, ZSEQ_TEXT_IMPORT_CHECKSUM);
    return true;
}

static bool
s_take_line_of_export (zseq_import_t *self, char *text)
{
    const char *kind = s_field (&text);
    if (text && strcmp (kind, "sequence") == 0)
        return s_take_sequence (self, text);
    if (text && strcmp (kind, "key") == 0)
        return s_take_key (self, text);
    if (text && strcmp (kind, "end") == 0)
        return s_take_last (self, text);
    char escaped[128];
    (void) snprintf (self->why, sizeof self->why, ZSEQ_TEXT_IMPORT_KIND,
                     zseq_text_escape (kind, escaped, sizeof escaped));
    self->stage = S_REFUSED;
    return false;
}

//  The first line of an export has more tabs than any that zseq list prints.
static bool
s_is_first (const char *text)
{
    const char *tab = strchr (text, '\t');
    return strncmp (text, "zseq-export\t", 12) == 0 && strchr (tab + 1, '\t');
}

//  A complete line, without its line feed.
static bool
s_take_line (zseq_import_t *self)
{
    char *text = self->text;
    if (strlen (text) != self->used)
        return s_refuse_damaged (self, ZSEQ_TEXT_IMPORT_NUL);
    if (self->stage == S_FIRST &&
        strncmp (text, ZSEQ_TEXT_MARK, strlen (ZSEQ_TEXT_MARK)) == 0)
        return s_refuse (self, ZSEQ_TEXT_IMPORT_MARK);
    if (self->stage == S_FIRST && s_is_first (text))
        return s_take_first (self, strchr (text, '\t') + 1);
    if (self->stage == S_FIRST && !self->partial)
        return s_refuse (self, ZSEQ_TEXT_IMPORT_NOT_EXPORT);
    if (self->stage == S_LINES)
        return s_take_line_of_export (self, text);
    self->stage = S_LISTED;
    return s_take_sequence (self, text);
}

//  Takes the bytes up to the first line feed, or all. Returns how many.
static size_t
s_feed_line (zseq_import_t *self, const char *bytes, size_t size)
{
    const char *end = memchr (bytes, '\n', size);
    if (end)
        size = (size_t) (end - bytes) + 1;
    if (self->stage == S_OVER) {
        self->line++;
        (void) s_refuse (self, ZSEQ_TEXT_IMPORT_MORE);
        return size;
    }
    if (self->used + size > ZSEQ_EXPORT_LINE_MAX) {
        self->line++;
        (void) s_refuse_damaged (self, ZSEQ_TEXT_IMPORT_LINE_LONG);
        return size;
    }
    memcpy (self->text + self->used, bytes, size);
    self->used += size;
    if (!end)
        return size;
    self->line++;
    //  All but the last line; that ends the hash, and compares it.
    bool last = self->stage == S_LINES && strncmp (self->text, "end\t", 4) == 0;
    if (!last)
        (void) XXH3_64bits_update (self->hash, self->text, self->used);
    self->text[--self->used] = '\0';
    (void) s_take_line (self);
    self->used = 0;
    return size;
}

bool
zseq_import_feed (zseq_import_t *self, const char *bytes, size_t size)
{
    assert (self);
    assert (bytes);
    while (size > 0 && self->stage != S_REFUSED) {
        size_t taken = s_feed_line (self, bytes, size);
        bytes += taken;
        size -= taken;
    }
    return self->stage != S_REFUSED;
}

bool
zseq_import_end (zseq_import_t *self)
{
    assert (self);
    if (self->stage == S_REFUSED)
        return false;
    if (self->partial && self->count > 0)
        return true;
    if (self->stage == S_OVER)
        return true;
    self->line++;
    if (self->partial)
        return s_refuse (self, ZSEQ_TEXT_IMPORT_NO_LINE);
    if (self->line == 1 && self->used == 0)
        return s_refuse (self, ZSEQ_TEXT_IMPORT_EMPTY);
    return s_refuse (self, ZSEQ_TEXT_IMPORT_CUT_OFF);
}
