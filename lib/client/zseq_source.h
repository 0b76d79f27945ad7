//  A source: where a client without a reactor gets its IDs. It answers a call
//  at once, or after a wait for the clock. mem: has one, and so have the flake
//  URIs. That of mem: is a key-value store, too.
//
//  A source is a table of functions behind zseq_source_t. Any number of threads
//  may call them. Every function that fails sets zseq_detail.

#ifndef ZSEQ_SOURCE_H_INCLUDED
#define ZSEQ_SOURCE_H_INCLUDED

#include "zseq_kv_list.h"
#include "zseq_kv_query.h"
#include "zseq_uri.h"

typedef struct zseq_source zseq_source_t;

typedef struct {
    void (*destroy) (zseq_source_t *self);
    //  Ends the calls that wait, and those to come that would: ZSEQ_ECLOSED.
    void (*close) (zseq_source_t *self);
    //  Opens a name: what the other calls take as name, valid as long as the
    //  source. NULL: no memory.
    void *(*open) (zseq_source_t *self, const char *name);
    //  These are as the functions of zseq.h. take: also ZSEQ_ECLOCK (an ID
    //  would have to wait longer than timeout_ms for the clock).
    int (*take) (zseq_source_t *self, void *name, uint64_t count,
                 int timeout_ms, uint64_t *first_p);
    //  Counts IDs that were taken but not handed out.
    void (*burn) (zseq_source_t *self, uint64_t count);
    int (*peek) (zseq_source_t *self, void *name, uint64_t *next_p);
    int (*raise) (zseq_source_t *self, void *name, uint64_t id);
    int (*list) (zseq_source_t *self, const char *prefix, zseq_list_fn *fn,
                 void *arg);
    int (*status) (zseq_source_t *self, int timeout_ms,
                   zseq_status_t *status_p);
    int (*stats) (zseq_source_t *self, zseq_stats_t *stats_p);
    //  Runs a query of the key-value store at once, but for a watch, which may
    //  wait until its deadline, and sets its result; does not call done. NULL:
    //  the source has no store.
    void (*kv) (zseq_source_t *self, zseq_kv_query_t *query);
    //  As zseq_kv_list, if the source has a store.
    int (*kv_list) (zseq_source_t *self, const zseq_kv_list_ask_t *ask,
                    zseq_kv_list_fn *fn, void *arg);
} zseq_source_ops_t;

struct zseq_source {
    const zseq_source_ops_t *ops;
};

//  Peeks if *value_p is 0, else raises to it.
static inline int
zseq_source_query (zseq_source_t *self, void *name, uint64_t *value_p)
{
    return *value_p ? self->ops->raise (self, name, *value_p)
                    : self->ops->peek (self, name, value_p);
}

//  Counters in memory, of this client alone. NULL: no memory.
zseq_source_t *zseq_source_mem_new (void);

//  Flake IDs of the clock. Their milliseconds are those of the worker that the
//  URI names; or the source claims milliseconds through claims, which it owns
//  from then on. NULL: no memory.
zseq_source_t *zseq_source_flake_new (const zseq_uri_t *uri,
                                      zseq_client_t *claims);

#endif
