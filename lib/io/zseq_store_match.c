#include "zseq_store_match.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_io_texts.h"
#include "zseq_kvstore_make.h"

static int
s_compare_damages (const void *a, const void *b)
{
    const zseq_store_damage_t *x = a;
    const zseq_store_damage_t *y = b;
    return strcmp (x->where, y->where);
}

//  Whether where is among the first count damages, which are sorted.
static bool
s_is_damaged (const zseq_store_loading_t *self, size_t count, const char *where)
{
    zseq_store_damage_t key = {.where = where};
    return count > 0 && bsearch (&key, self->finds.damage, count, sizeof key,
                                 s_compare_damages);
}

//  Notes the missing record of an entry, unless its file is already among the
//  first known damages, which are sorted.
static int
s_note_missing (zseq_store_loading_t *self, const zseq_store_name_t *entry,
                size_t known)
{
    zseq_store_path_t path;
    zseq_store_path_init (&path, entry->name, entry->size);
    char where[ZSEQ_STORE_PATH_SIZE];
    snprintf (where, sizeof where, "seq/%02x/%s", path.bucket, path.file);
    if (s_is_damaged (self, known, where))
        return ZSEQ_OK;
    return zseq_store_loading_note_damage (self, &self->finds, where,
                                           ZSEQ_TEXT_RECORD_MISSING, false);
}

//  Joins the records and the journal's entries, both sorted.
static int
s_match_names (zseq_store_loading_t *self)
{
    zseq_store_finds_t *finds = &self->finds;
    size_t known = finds->damage_count;
    if (known > 1)
        qsort (finds->damage, known, sizeof *finds->damage, s_compare_damages);
    size_t record = 0;
    for (size_t i = 0; i < self->entry_count; i++) {
        const zseq_store_name_t *entry = &self->entry[i];
        //  A name may have two entries.
        if (i > 0 && zseq_store_name_compare (entry - 1, entry) == 0)
            continue;
        int order = -1;
        while (record < finds->record_count && order < 0) {
            order = zseq_store_name_compare (&finds->record[record], entry);
            record += order < 0;
        }
        if (order == 0)
            finds->record[record].journaled = true;
        else if (s_note_missing (self, entry, known) != ZSEQ_OK)
            return ZSEQ_ENOMEM;
    }
    return ZSEQ_OK;
}

//  Whether the directory has more than the empty journals of an interrupted
//  formation.
static bool
s_has_content (const zseq_store_loading_t *self)
{
    return self->finds.record_count > 0 ||
           self->pair.names.size > ZSEQ_STORE_HEADER_SIZE ||
           self->pair.copy.size > ZSEQ_STORE_HEADER_SIZE;
}

//  Checks that a node's record from before kv was made is not beside one that
//  was used: somebody has put an old record there.
static int
s_match_kv (zseq_store_loading_t *self)
{
    bool used = false;
    if (self->expected->identity != 0 &&
        self->expected->format >= ZSEQ_STORE_FORMAT)
        return ZSEQ_OK;
    int rc = zseq_kvstore_is_used (self->disk, &used);
    if (rc == ZSEQ_OK && used)
        rc = zseq_store_loading_note_damage (
          self, &self->finds, "node", ZSEQ_TEXT_RECORD_OLDER_THAN_KV, false);
    return rc;
}

int
zseq_store_match (zseq_store_loading_t *self)
{
    assert (self);
    const zseq_store_expected_t *expected = self->expected;
    bool unformed = expected->identity == 0 && !expected->lost;
    int rc = s_match_names (self);
    if (rc == ZSEQ_OK && !expected->lost)
        rc = s_match_kv (self);
    if (rc != ZSEQ_OK || self->identity == 0 ||
        (unformed && !s_has_content (self)))
        return rc;
    if (!self->pair.names.there)
        rc = zseq_store_loading_note_damage (
          self, &self->finds, ZSEQ_STORE_NAMES, "missing", false);
    //  Without a node's record nothing says whether there was a copy.
    if (rc == ZSEQ_OK && !self->pair.copy.there && !expected->lost &&
        expected->format != 1)
        rc = zseq_store_loading_note_damage (self, &self->finds,
                                             ZSEQ_STORE_COPY, "missing", false);
    if (rc == ZSEQ_OK && unformed)
        rc = zseq_store_loading_note_damage (self, &self->finds, "node",
                                             ZSEQ_TEXT_RECORD_OLD, false);
    return rc;
}

size_t
zseq_store_match_unfinished (const zseq_store_loading_t *self)
{
    assert (self);
    const zseq_store_finds_t *finds = &self->finds;
    size_t count = finds->temp_count;
    if (self->expected->identity == 0)
        return count;
    for (size_t i = 0; i < finds->record_count; i++)
        count += !finds->record[i].journaled;
    return count +
           (self->expected->format != 1 && !zseq_store_pair_even (&self->pair));
}
