//  A session with the local node, which runs inside this process (file:).
//  zseq_session_local_new waits until the node votes, so the session is known
//  and ready from the start. The session is fatal once the node has ended.

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_client_texts.h"
#include "zseq_host.h"
#include "zseq_local.h"
#include "zseq_session.h"

typedef struct {
    zseq_session_t session;
    zseq_local_t *local;
} s_local_t;

static void
s_destroy (zseq_session_t *session)
{
    s_local_t *self = (s_local_t *) session;
    zseq_local_destroy (&self->local);
    free (self);
}

static void
s_explain (const zseq_session_t *session, zseq_outcome_t *outcome)
{
    zseq_outcome_set (outcome, ZSEQ_ETIMEOUT, ZSEQ_TEXT_LOCAL_SLOW,
                      session->uri->path);
}

static zseq_node_set_t
s_send (zseq_session_t *session, zseq_node_set_t nodes, const uint8_t *bytes,
        size_t size)
{
    s_local_t *self = (s_local_t *) session;
    bool sent = nodes && zseq_local_send (self->local, bytes, size) == ZSEQ_OK;
    return sent ? nodes : 0;
}

//  The node is in this process.
static bool
s_reaches (zseq_session_t *session, uint8_t node)
{
    (void) session;
    (void) node;
    return true;
}

static void
s_tick (zseq_session_t *session, uint64_t now_us, bool has_unsent)
{
    (void) has_unsent;
    s_local_t *self = (s_local_t *) session;
    if (!session->fatal.rc)
        zseq_local_tick (self->local, now_us);
}

static uint64_t
s_wake_us (const zseq_session_t *session)
{
    const s_local_t *self = (const s_local_t *) session;
    return zseq_local_wake_us (self->local);
}

static bool
s_recv (zseq_session_t *session, zseq_msg_t *msg, bool *seen_p)
{
    s_local_t *self = (s_local_t *) session;
    if (zseq_local_recv (self->local, msg, seen_p))
        return true;
    const char *text;
    int rc = zseq_local_failure (self->local, &text);
    if (rc != ZSEQ_OK && !self->session.fatal.rc) {
        zseq_outcome_set (&self->session.fatal, rc, "%s", text);
        *seen_p = true;
    }
    return false;
}

static size_t
s_fds (const zseq_session_t *session, struct pollfd *fds)
{
    const s_local_t *self = (const s_local_t *) session;
    return zseq_local_fds (self->local, fds);
}

//  Does nothing: the node reads its descriptor itself.
static void
s_note_ready (zseq_session_t *session, const struct pollfd *fds, size_t count)
{
    (void) session;
    (void) fds;
    (void) count;
}

//  Fills the session from the node's record. The local node does not listen at
//  its record's endpoint, so messages to people name the directory instead.
static void
s_learn (s_local_t *self)
{
    const zseq_record_t *record = zseq_local_record (self->local);
    self->session.members.n = record->members.n;
    self->session.cluster = record->identity;
    strcpy (self->session.cluster_name, record->cluster);
    self->session.members.member[0] = record->members.member[0];
    self->session.speaks[0] = ZSEQ_WIRE_VERSION;
    snprintf (self->session.members.member[0].endpoint,
              sizeof self->session.members.member[0].endpoint, "file:%.*s",
              (int) (ZSEQ_ENDPOINT_MAX - strlen ("file:")),
              self->session.uri->path);
    self->session.known = self->session.ready = true;
    //  Receive always runs before a poll: the node may have more to do.
    self->session.touched = true;
}

//  Opens the directory, and waits until its node votes.
static int
s_open (s_local_t *self)
{
    if (zseq_quorum_init (&self->session.members.quorum, 1,
                          (size_t) self->session.uri->r,
                          (size_t) self->session.uri->w) != ZSEQ_OK)
        return zseq_detail_fail (ZSEQ_EQUORUM, ZSEQ_TEXT_LOCAL_QUORUM,
                                 self->session.uri->path, self->session.uri->r,
                                 self->session.uri->w);
    self->local =
      zseq_local_new (self->session.uri->path, self->session.uri->unsafe);
    if (!self->local)
        return zseq_detail_fail (ZSEQ_ENOMEM, ZSEQ_TEXT_NO_MEMORY_LOCAL);
    uint64_t wait_us = (uint64_t) self->session.uri->timeout_ms * 1000;
    if (wait_us > ZSEQ_PREDECESSOR_US)
        wait_us = ZSEQ_PREDECESSOR_US;
    int rc = zseq_local_open (self->local, wait_us);
    if (rc == ZSEQ_OK)
        s_learn (self);
    return rc;
}

int
zseq_session_local_new (zseq_session_t **self_p, const zseq_uri_t *uri,
                        uint64_t request)
{
    assert (self_p);
    assert (uri);

    static const zseq_session_ops_t ops = {.destroy = s_destroy,
                                           .send = s_send,
                                           .reaches = s_reaches,
                                           .recv = s_recv,
                                           .tick = s_tick,
                                           .wake_us = s_wake_us,
                                           .fds = s_fds,
                                           .note_ready = s_note_ready,
                                           .explain = s_explain};
    s_local_t *self = calloc (1, sizeof *self);
    if (!self)
        return zseq_detail_fail (ZSEQ_ENOMEM, ZSEQ_TEXT_NO_MEMORY_SESSION);
    self->session.ops = &ops;
    self->session.uri = uri;
    self->session.request = request;
    int rc = s_open (self);
    if (rc == ZSEQ_OK)
        *self_p = &self->session;
    else
        s_destroy (&self->session);
    return rc;
}
