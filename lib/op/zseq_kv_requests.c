#include "zseq_kv_requests.h"

#include <assert.h>

void
zseq_kv_requests_init (zseq_kv_requests_t *self)
{
    assert (self);
    self->first = NULL;
    self->end = &self->first;
}

void
zseq_kv_requests_append (zseq_kv_requests_t *self, zseq_kv_request_t *request)
{
    assert (self);
    assert (request);

    request->following = NULL;
    *self->end = request;
    self->end = &request->following;
}

void
zseq_kv_requests_prepend (zseq_kv_requests_t *self, zseq_kv_requests_t *other)
{
    assert (self);
    assert (other);

    if (!other->first)
        return;
    *other->end = self->first;
    if (!self->first)
        self->end = other->end;
    self->first = other->first;
    zseq_kv_requests_init (other);
}

zseq_kv_request_t *
zseq_kv_requests_take (zseq_kv_requests_t *self)
{
    assert (self);
    return self->first ? zseq_kv_requests_take_behind (self, NULL) : NULL;
}

zseq_kv_request_t *
zseq_kv_requests_take_behind (zseq_kv_requests_t *self,
                              zseq_kv_request_t *previous)
{
    assert (self);

    zseq_kv_request_t **place = previous ? &previous->following : &self->first;
    zseq_kv_request_t *request = *place;
    assert (request);
    *place = request->following;
    if (!*place)
        self->end = place;
    return request;
}
