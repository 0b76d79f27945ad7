//  A list of requests for a key, first come, first served. A request is on one
//  list at a time.

#ifndef ZSEQ_KV_REQUESTS_H_INCLUDED
#define ZSEQ_KV_REQUESTS_H_INCLUDED

#include "zseq_proposer.h"

typedef struct {
    zseq_kv_request_t *first;  //  NULL: the list is empty
    zseq_kv_request_t **end;
} zseq_kv_requests_t;

//  An empty list. It must not be copied: it points into itself.
void zseq_kv_requests_init (zseq_kv_requests_t *self);

void zseq_kv_requests_append (zseq_kv_requests_t *self,
                              zseq_kv_request_t *request);

//  Moves all requests of other before those of self.
void zseq_kv_requests_prepend (zseq_kv_requests_t *self,
                               zseq_kv_requests_t *other);

//  Removes and returns the first request; NULL: there is none. And the one
//  behind previous, which must be there; previous NULL: the first.
zseq_kv_request_t *zseq_kv_requests_take (zseq_kv_requests_t *self);
zseq_kv_request_t *zseq_kv_requests_take_behind (zseq_kv_requests_t *self,
                                                 zseq_kv_request_t *previous);

#endif
