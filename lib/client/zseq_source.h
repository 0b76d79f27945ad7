//  Where IDs come from without a cluster: a call is answered at once, or after
//  a wait for the clock. Each URI that has no reactor has one. All calls may be
//  made by any number of threads; those that fail have called zseq_detail_fail.

#ifndef ZSEQ_SOURCE_H_INCLUDED
#define ZSEQ_SOURCE_H_INCLUDED

#include "zseq_uri.h"

typedef struct zseq_source zseq_source_t;

typedef struct {
    void (*destroy) (zseq_source_t *self);
    //  What stands for a name as long as the source; NULL: no memory.
    void *(*open) (zseq_source_t *self, const char *name);
    //  As the functions of zseq.h. Also: ZSEQ_ECLOCK (an ID would have to
    //  wait longer than that for the clock).
    int (*take) (zseq_source_t *self, void *name, uint64_t count,
                 int timeout_ms, uint64_t *first_p);
    //  IDs that were taken and are not handed out after all.
    void (*burn) (zseq_source_t *self, uint64_t count);
    int (*peek) (zseq_source_t *self, void *name, uint64_t *next_p);
    int (*raise) (zseq_source_t *self, void *name, uint64_t id);
    int (*list) (zseq_source_t *self, const char *prefix, zseq_list_fn *fn,
                 void *arg);
    int (*status) (zseq_source_t *self, int timeout_ms,
                   zseq_status_t *status_p);
    int (*stats) (zseq_source_t *self, zseq_stats_t *stats_p);
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

//  Flake IDs of the clock, whose milliseconds are the worker's that the URI
//  names, or claimed by claims, which it owns from then on. NULL: no memory.
zseq_source_t *zseq_source_flake_new (const zseq_uri_t *uri,
                                      zseq_client_t *claims);

#endif
