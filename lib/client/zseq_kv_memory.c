//  A tree of registers under one lock. Nothing is ever under way twice, so an
//  op may say that it knows all versions: none is forgotten.

#include "zseq_kv_memory.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

//  A red-black tree; Debian's libbsd-dev. Only the header, no symbol.
#include <bsd/sys/tree.h>

#include "zseq_client_texts.h"
#include "zseq_register.h"
#include "zseq_sys_texts.h"
#include "zseq_waiter.h"

typedef struct s_key {
    RB_ENTRY (s_key) tree;
    zseq_register_t *held;
} s_key_t;

RB_HEAD (s_tree, s_key);

struct zseq_kv_memory {
    pthread_mutex_t lock;
    struct s_tree keys;
    pthread_cond_t written;  //  A key has a new version, or closed is set
    bool closed;
    uint64_t op;  //  Ids that were used
};

static int
s_compare (const s_key_t *left, const s_key_t *right)
{
    return zseq_slice_compare (left->held->record.key, right->held->record.key);
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
    zseq_waiter_init_cond (&self->written);
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
    pthread_cond_destroy (&self->written);
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

//  Runs a query. Returns false if it is a watch that has nothing new.
static bool
s_run (zseq_kv_memory_t *self, zseq_kv_query_t *query)
{
    s_key_t *key = s_find (self, query->ask.key);
    zseq_kv_record_t record;
    if (key)
        record = key->held->record;
    else
        zseq_kv_record_init (&record, query->ask.key, 0);
    zseq_kv_op_t op = query->ask.op;
    op.op = ++self->op;
    //  What the handle was told of elsewhere (zseq_kv_note) is the floor.
    uint64_t floor = op.since;
    op.since = record.version > floor ? record.version : floor;
    zseq_kv_outcome_t outcome;
    zseq_kv_apply (&record, floor, &op, &outcome);
    if (query->ask.watch && outcome.version <= query->ask.above)
        return false;
    if (outcome.writes && !s_keep (self, key, &record)) {
        zseq_outcome_set (&query->outcome, ZSEQ_ENOMEM,
                          ZSEQ_TEXT_NO_MEMORY_VALUE, op.value.size);
        return true;
    }
    if (outcome.writes)
        pthread_cond_broadcast (&self->written);
    zseq_kv_query_finish (query, outcome.status, outcome.version, record.value);
    return true;
}

//  Waits for a write. False: the deadline has passed.
static bool
s_wait (zseq_kv_memory_t *self, uint64_t deadline_us)
{
    struct timespec until = {.tv_sec = (time_t) (deadline_us / 1000000),
                             .tv_nsec = (long) (deadline_us % 1000000) * 1000};
    return pthread_cond_timedwait (&self->written, &self->lock, &until) !=
           ETIMEDOUT;
}

void
zseq_kv_memory_run (zseq_kv_memory_t *self, zseq_kv_query_t *query)
{
    assert (self);
    assert (query);

    query->floor = 0;
    query->unknown = false;
    pthread_mutex_lock (&self->lock);
    bool going = true;
    while (!s_run (self, query) && going) {
        if (self->closed) {
            zseq_outcome_set (&query->outcome, ZSEQ_ECLOSED,
                              ZSEQ_TEXT_CLIENT_DESTROYED);
            break;
        }
        going = s_wait (self, query->deadline_us);
        if (!going)
            zseq_kv_query_expire (query);
    }
    pthread_mutex_unlock (&self->lock);
}

void
zseq_kv_memory_close (zseq_kv_memory_t *self)
{
    assert (self);
    pthread_mutex_lock (&self->lock);
    self->closed = true;
    pthread_cond_broadcast (&self->written);
    pthread_mutex_unlock (&self->lock);
}

//  Listing. A page owns its records, so that no lock is held while they are
//  passed on.

static bool
s_begins (zseq_slice_t key, zseq_slice_t prefix)
{
    return key.size >= prefix.size &&
           zseq_slice_compare ((zseq_slice_t){key.data, prefix.size}, prefix) ==
             0;
}

static size_t
s_page (zseq_kv_memory_t *self, const zseq_kv_list_ask_t *ask,
        zseq_register_t **page, size_t max)
{
    bool first = zseq_slice_compare (ask->after, ask->prefix) < 0;
    zseq_register_t wanted = {.record.key = first ? ask->prefix : ask->after};
    s_key_t like = {.held = &wanted};
    size_t count = 0;
    pthread_mutex_lock (&self->lock);
    for (s_key_t *key = RB_NFIND (s_tree, &self->keys, &like);
         key && count < max; key = RB_NEXT (s_tree, , key)) {
        const zseq_kv_record_t *record = &key->held->record;
        if (!s_begins (record->key, ask->prefix))
            break;
        if (!record->tombstone &&
            zseq_slice_compare (record->key, ask->after) > 0)
            page[count++] = zseq_register_own (key->held);
    }
    pthread_mutex_unlock (&self->lock);
    return count;
}

static void
s_release (zseq_kv_memory_t *self, zseq_register_t **page, size_t count)
{
    pthread_mutex_lock (&self->lock);
    for (size_t index = 0; index < count; index++)
        zseq_register_release (&page[index]);
    pthread_mutex_unlock (&self->lock);
}

int
zseq_kv_memory_list (zseq_kv_memory_t *self, const zseq_kv_list_ask_t *ask,
                     zseq_kv_list_fn *fn, void *arg)
{
    assert (self);
    assert (ask);
    assert (fn);

    zseq_register_t *page[ZSEQ_PAGE_MAX];
    char after[ZSEQ_KEY_MAX];
    zseq_kv_list_ask_t next = *ask;
    bool going = true;
    size_t count;
    do {
        count = s_page (self, &next, page, ZSEQ_PAGE_MAX);
        for (size_t index = 0; index < count && going; index++) {
            const zseq_kv_record_t *record = &page[index]->record;
            zseq_kv_entry_t entry = {
              .key = record->key.data,
              .key_size = record->key.size,
              .data = ask->values ? record->value.data : NULL,
              .size = ask->values ? record->value.size : 0,
              .version = record->version};
            going = fn (&entry, arg) == 0;
        }
        if (count) {
            zseq_slice_t last = page[count - 1]->record.key;
            memcpy (after, last.data, last.size);
            next.after = (zseq_slice_t){after, last.size};
        }
        s_release (self, page, count);
    } while (going && count == ZSEQ_PAGE_MAX);
    return ZSEQ_OK;
}
