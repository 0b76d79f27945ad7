//  A tree of registers under one lock. Nothing is ever under way twice, so an
//  op may say that it knows all versions: none is forgotten.

#include "zseq_kv_memory.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

//  A red-black tree; Debian's libbsd-dev. Only the header, no symbol.
#include <bsd/sys/tree.h>

#include "zseq_client_texts.h"
#include "zseq_register.h"

typedef struct s_key {
    RB_ENTRY (s_key) tree;
    zseq_register_t *held;
} s_key_t;

RB_HEAD (s_tree, s_key);

struct zseq_kv_memory {
    pthread_mutex_t lock;
    struct s_tree keys;
    uint64_t op;  //  Ids that were used
};

static int
s_compare (const s_key_t *left, const s_key_t *right)
{
    zseq_slice_t a = left->held->record.key;
    zseq_slice_t b = right->held->record.key;
    int order = memcmp (a.data, b.data, a.size < b.size ? a.size : b.size);
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

RB_GENERATE_INTERNAL (s_tree, s_key, tree, s_compare,
                      __attribute__ ((unused)) static)

zseq_kv_memory_t *
zseq_kv_memory_new (void)
{
    zseq_kv_memory_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    pthread_mutex_init (&self->lock, NULL);
    RB_INIT (&self->keys);
    return self;
}

void
zseq_kv_memory_destroy (zseq_kv_memory_t **self_p)
{
    assert (self_p);

    zseq_kv_memory_t *self = *self_p;
    if (!self)
        return;
    s_key_t *key;
    while ((key = RB_ROOT (&self->keys)) != NULL) {
        RB_REMOVE (s_tree, &self->keys, key);
        zseq_register_release (&key->held);
        free (key);
    }
    pthread_mutex_destroy (&self->lock);
    free (self);
    *self_p = NULL;
}

static s_key_t *
s_find (zseq_kv_memory_t *self, zseq_slice_t name)
{
    zseq_register_t wanted = {.record.key = name};
    s_key_t key = {.held = &wanted};
    return RB_FIND (s_tree, &self->keys, &key);
}

//  Keeps a record in place of the key's. False: no memory.
static bool
s_keep (zseq_kv_memory_t *self, s_key_t *key, const zseq_kv_record_t *record)
{
    zseq_register_t *held = zseq_register_new (record);
    if (held && !key) {
        key = calloc (1, sizeof *key);
        if (!key)
            zseq_register_release (&held);
        else {
            key->held = held;
            RB_INSERT (s_tree, &self->keys, key);
        }
        return key != NULL;
    }
    if (!held)
        return false;
    zseq_register_release (&key->held);
    key->held = held;
    return true;
}

void
zseq_kv_memory_run (zseq_kv_memory_t *self, zseq_kv_query_t *query)
{
    assert (self);
    assert (query);

    pthread_mutex_lock (&self->lock);
    s_key_t *key = s_find (self, query->ask.key);
    zseq_kv_record_t record;
    if (key)
        record = key->held->record;
    else
        zseq_kv_record_init (&record, query->ask.key, 0);
    zseq_kv_op_t op = query->ask.op;
    op.op = ++self->op;
    op.since = record.version;
    zseq_kv_outcome_t outcome;
    zseq_kv_apply (&record, 0, &op, &outcome);
    query->floor = 0;
    query->unknown = false;
    if (outcome.writes && !s_keep (self, key, &record))
        zseq_outcome_set (&query->outcome, ZSEQ_ENOMEM,
                          ZSEQ_TEXT_NO_MEMORY_VALUE, op.value.size);
    else
        zseq_kv_query_finish (query, outcome.status, outcome.version,
                              record.value);
    pthread_mutex_unlock (&self->lock);
}
