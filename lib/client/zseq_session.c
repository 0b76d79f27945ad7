//  What both kinds of session share: the getters, and the calls that the table
//  of functions forwards to a kind. See zseq_session.h for how to use them.

#include "zseq_session.h"

#include <assert.h>

#include "zseq_sys_texts.h"

int
zseq_session_new (zseq_session_t **self_p, const zseq_uri_t *uri,
                  uint64_t request)
{
    assert (self_p);
    assert (uri);

    return uri->scheme == ZSEQ_SCHEME_FILE
             ? zseq_session_local_new (self_p, uri, request)
             : zseq_session_cluster_new (self_p, uri, request);
}

void
zseq_session_destroy (zseq_session_t **self_p)
{
    assert (self_p);

    zseq_session_t *self = *self_p;
    if (!self)
        return;
    self->ops->destroy (self);
    *self_p = NULL;
}

//  What the session has learnt.

uint8_t
zseq_session_n (const zseq_session_t *self)
{
    assert (self);
    return self->members.n;
}

const zseq_member_t *
zseq_session_member (const zseq_session_t *self, uint8_t node)
{
    assert (self);
    assert (node < self->members.n);
    return &self->members.member[node];
}

uint64_t
zseq_session_speaks (const zseq_session_t *self, uint8_t node)
{
    assert (self);
    assert (node < self->members.n);
    return self->speaks[node];
}

const char *
zseq_session_cluster_name (const zseq_session_t *self)
{
    assert (self);
    return self->cluster_name;
}

uint64_t
zseq_session_cluster (const zseq_session_t *self)
{
    assert (self);
    return self->cluster;
}

const zseq_quorum_t *
zseq_session_quorum (const zseq_session_t *self)
{
    assert (self);
    return &self->members.quorum;
}

bool
zseq_session_known (const zseq_session_t *self)
{
    assert (self);
    return self->known;
}

bool
zseq_session_ready (const zseq_session_t *self)
{
    assert (self);
    return self->ready;
}

const zseq_outcome_t *
zseq_session_fatal (const zseq_session_t *self)
{
    assert (self);
    return self->fatal.rc ? &self->fatal : NULL;
}

void
zseq_session_close (zseq_session_t *self)
{
    assert (self);
    zseq_outcome_set (&self->fatal, ZSEQ_ECLOSED, ZSEQ_TEXT_CLIENT_DESTROYED);
}

unsigned
zseq_session_changes (const zseq_session_t *self)
{
    assert (self);
    return self->changes;
}

//  Calls to the kind's own functions.

void
zseq_session_explain (const zseq_session_t *self, zseq_outcome_t *outcome)
{
    assert (self);
    assert (outcome);

    if (self->fatal.rc)
        *outcome = self->fatal;
    else
        self->ops->explain (self, outcome);
}

zseq_node_set_t
zseq_session_send (zseq_session_t *self, zseq_node_set_t nodes,
                   const uint8_t *bytes, size_t size)
{
    assert (self);
    assert (nodes < 1u << self->members.n);
    return self->ops->send (self, nodes, bytes, size);
}

bool
zseq_session_reaches (zseq_session_t *self, uint8_t node)
{
    assert (self);
    assert (node < self->members.n);
    return self->ops->reaches (self, node);
}

void
zseq_session_tick (zseq_session_t *self, uint64_t now_us, bool has_unsent)
{
    assert (self);
    self->ops->tick (self, now_us, has_unsent);
}

uint64_t
zseq_session_wake_us (const zseq_session_t *self)
{
    assert (self);
    return self->fatal.rc ? ZSEQ_NEVER : self->ops->wake_us (self);
}

bool
zseq_session_recv (zseq_session_t *self, zseq_msg_t *msg, bool *seen_p)
{
    assert (self);
    assert (msg);
    assert (seen_p);
    return self->ops->recv (self, msg, seen_p);
}

size_t
zseq_session_fds (const zseq_session_t *self, struct pollfd *fds)
{
    assert (self);
    return self->ops->fds (self, fds);
}

int
zseq_session_poll (zseq_session_t *self, struct pollfd *fds, size_t count,
                   const struct timespec *timeout)
{
    assert (self);
    assert (fds);
    return self->ops->poll ? self->ops->poll (self, fds, count, timeout)
                           : ppoll (fds, count, timeout, NULL);
}

void
zseq_session_watch (zseq_session_t *self, int fd)
{
    assert (self);
    if (self->ops->watch)
        self->ops->watch (self, fd);
}

void
zseq_session_note_ready (zseq_session_t *self, const struct pollfd *fds,
                         size_t count)
{
    assert (self);
    self->ops->note_ready (self, fds, count);
}

void
zseq_session_flush (zseq_session_t *self)
{
    assert (self);
    if (self->ops->flush)
        self->ops->flush (self);
}

bool
zseq_session_unflushed (const zseq_session_t *self)
{
    assert (self);
    return self->ops->unflushed && self->ops->unflushed (self);
}
