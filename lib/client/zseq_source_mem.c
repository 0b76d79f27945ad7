//  mem: a table of counters. An atomic operation takes IDs from a counter; only
//  the table itself needs a lock. Beside it is a key-value store.

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_client_texts.h"
#include "zseq_detail.h"
#include "zseq_kv_memory.h"
#include "zseq_seq.h"
#include "zseq_source.h"
#include "zseq_table.h"

#define NAMES_MAX ((size_t) 1 << 30)

//  A sequence, as the table holds it.
typedef struct {
    zseq_entry_t entry;
    _Atomic uint64_t last;  //  Next - 1: the last ID that was taken; 0: none
} s_counter_t;

typedef struct {
    zseq_source_t source;
    pthread_mutex_t lock;  //  Guards the table, not the counters
    zseq_table_t *table;
    zseq_kv_memory_t *kv;
    _Atomic uint64_t skipped;  //  IDs that raises skipped
    _Atomic uint64_t burnt;    //  IDs taken but not handed out
} s_mem_t;

static void
s_close (zseq_source_t *source)
{
    zseq_kv_memory_close (((s_mem_t *) source)->kv);
}

static void
s_destroy (zseq_source_t *source)
{
    s_mem_t *self = (s_mem_t *) source;
    zseq_table_destroy (&self->table);
    zseq_kv_memory_destroy (&self->kv);
    pthread_mutex_destroy (&self->lock);
    free (self);
}

static void *
s_open (zseq_source_t *source, const char *name)
{
    s_mem_t *self = (s_mem_t *) source;
    zseq_entry_t *entry = NULL;
    pthread_mutex_lock (&self->lock);
    int rc = zseq_table_insert (self->table, name, strlen (name), &entry);
    pthread_mutex_unlock (&self->lock);
    return rc == ZSEQ_OK ? entry : NULL;
}

static int
s_take (zseq_source_t *source, void *name, uint64_t count, int timeout_ms,
        uint64_t *first_p)
{
    (void) source;
    (void) timeout_ms;
    s_counter_t *counter = name;
    uint64_t last = atomic_load_explicit (&counter->last, memory_order_relaxed);
    do
        if (last + 1 > ZSEQ_NEXT_MAX - count)
            return zseq_detail_fail (ZSEQ_EEXHAUSTED, ZSEQ_TEXT_SEQUENCE_FEW,
                                     (unsigned long long) count,
                                     zseq_entry_name (&counter->entry));
    while (!atomic_compare_exchange_weak_explicit (
      &counter->last, &last, last + count, memory_order_acq_rel,
      memory_order_relaxed));
    *first_p = last + 1;
    return ZSEQ_OK;
}

static void
s_burn (zseq_source_t *source, uint64_t count)
{
    s_mem_t *self = (s_mem_t *) source;
    atomic_fetch_add (&self->burnt, count);
}

static int
s_peek (zseq_source_t *source, void *name, uint64_t *next_p)
{
    (void) source;
    s_counter_t *counter = name;
    *next_p = atomic_load_explicit (&counter->last, memory_order_acquire) + 1;
    return ZSEQ_OK;
}

static int
s_raise (zseq_source_t *source, void *name, uint64_t id)
{
    s_mem_t *self = (s_mem_t *) source;
    s_counter_t *counter = name;
    uint64_t last = atomic_load_explicit (&counter->last, memory_order_relaxed);
    while (last + 1 < id)
        if (atomic_compare_exchange_weak_explicit (&counter->last, &last,
                                                   id - 1, memory_order_acq_rel,
                                                   memory_order_relaxed)) {
            atomic_fetch_add (&self->skipped, id - 1 - last);
            break;
        }
    return ZSEQ_OK;
}

static int
s_list (zseq_source_t *source, const char *prefix, zseq_list_fn *fn, void *arg)
{
    s_mem_t *self = (s_mem_t *) source;
    zseq_entry_t *page[256];
    char after[ZSEQ_NAME_MAX + 1] = "";
    size_t count;
    do {
        pthread_mutex_lock (&self->lock);
        count = zseq_table_page (self->table, prefix, strlen (prefix), after,
                                 strlen (after), page, 256);
        pthread_mutex_unlock (&self->lock);
        for (size_t index = 0; index < count; index++) {
            uint64_t next;
            (void) s_peek (source, page[index], &next);
            //  A sequence exists from its first claim on.
            if (next > 1 && fn (zseq_entry_name (page[index]), next, arg) != 0)
                return ZSEQ_OK;
        }
        if (count)
            strcpy (after, zseq_entry_name (page[count - 1]));
    } while (count == 256);
    return ZSEQ_OK;
}

static int
s_count_name (const char *name, uint64_t next, void *arg)
{
    (void) name;
    (void) next;
    ++*(uint64_t *) arg;
    return 0;
}

static int
s_status (zseq_source_t *source, int timeout_ms, zseq_status_t *status_p)
{
    (void) timeout_ms;
    zseq_status_t status = {.cluster = "mem", .nodes = 1, .r = 1, .w = 1};
    zseq_node_status_t *node = &status.node[0];
    strcpy (node->name, "local");
    strcpy (node->endpoint, "mem:");
    strcpy (node->state, "voting");
    node->reachable = true;
    node->voting = true;
    node->incarnation = 1;
    (void) s_list (source, "", s_count_name, &node->sequences);
    *status_p = status;
    return ZSEQ_OK;
}

static int
s_sum_name (const char *name, uint64_t next, void *arg)
{
    (void) name;
    *(uint64_t *) arg += next - 1;
    return 0;
}

static int
s_stats (zseq_source_t *source, zseq_stats_t *stats_p)
{
    s_mem_t *self = (s_mem_t *) source;
    zseq_stats_t stats = {.burnt = atomic_load (&self->burnt)};
    uint64_t skipped = atomic_load (&self->skipped);
    (void) s_list (source, "", s_sum_name, &stats.issued);
    stats.issued -= skipped + stats.burnt;
    *stats_p = stats;
    return ZSEQ_OK;
}

static void
s_kv (zseq_source_t *source, zseq_kv_query_t *query)
{
    zseq_kv_memory_run (((s_mem_t *) source)->kv, query);
}

static int
s_kv_list (zseq_source_t *source, const zseq_kv_list_ask_t *ask,
           zseq_kv_list_fn *fn, void *arg)
{
    return zseq_kv_memory_list (((s_mem_t *) source)->kv, ask, fn, arg);
}

zseq_source_t *
zseq_source_mem_new (void)
{
    static const zseq_source_ops_t ops = {.destroy = s_destroy,
                                          .close = s_close,
                                          .open = s_open,
                                          .take = s_take,
                                          .burn = s_burn,
                                          .peek = s_peek,
                                          .raise = s_raise,
                                          .list = s_list,
                                          .status = s_status,
                                          .stats = s_stats,
                                          .kv_list = s_kv_list,
                                          .kv = s_kv};
    s_mem_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->source.ops = &ops;
    self->table = zseq_table_new (NAMES_MAX, sizeof (s_counter_t));
    self->kv = zseq_kv_memory_new ();
    if (!self->table || !self->kv) {
        zseq_table_destroy (&self->table);
        zseq_kv_memory_destroy (&self->kv);
        free (self);
        return NULL;
    }
    pthread_mutex_init (&self->lock, NULL);
    return &self->source;
}
