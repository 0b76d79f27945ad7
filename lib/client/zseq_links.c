#include "zseq_links.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_codec.h"
#include "zseq_detail.h"
#include "zseq_embedded.h"
#include "zseq_replica.h"
#include "zseq_transport.h"

//  How long a HELLO may stay without an answer, doubling each time: an answer
//  counts only for the last one, and a round trip may be long.
#define GREET_US 200000
#define GREET_US_MAX 5000000
//  How soon a cluster that is not born yet is asked again.
#define BIRTH_US 100000
//  How often the members are learnt anew while one cannot be reached.
#define REFRESH_US 1000000
//  How long the other endpoints of the URI may take to say who they are once
//  one has: a node listed twice is found out before anything is done.
#define GRACE_US 50000
//  ... and one to which there is a connection, and that is no member's: it may
//  lead to another cluster, which just takes its time.
#define GRACE_STRANGER_US 1000000

#define NOBODY (-1)

typedef struct {
    char endpoint[ZSEQ_ENDPOINT_MAX + 1];  //  Empty: not in use
    bool listed;                           //  In the URI
    int node;                              //  Who answered, or NOBODY
    bool greeted;                          //  No HELLO is due
    uint64_t request;                      //  The last HELLO; 0: not sent yet
    uint64_t greet_us;                     //  When to say HELLO again
    uint64_t patience_us;                  //  How long the last one may take
    int refusal;                           //  Of its HELLO; or ZSEQ_OK
    bool blocked;                          //  Something could not be sent
} s_link_t;

struct zseq_links {
    const zseq_uri_t *uri;
    zseq_embedded_t *embedded;    //  The one node there is; or NULL,
    zseq_transport_t *transport;  //  ... and NULL with it
    zseq_codec_t codec;
    s_link_t link[ZSEQ_LINKS_MAX];
    size_t turn;       //  Link that is received from next
    unsigned changes;  //  Of sockets
    uint64_t request;  //  Drawn last
    uint64_t cluster;  //  Identity
    char cluster_name[ZSEQ_LABEL_MAX + 1];
    uint8_t n;
    zseq_member_t member[ZSEQ_NODES_MAX];
    uint64_t speaks[ZSEQ_NODES_MAX];
    zseq_quorum_t quorum;
    uint64_t now_us;    //  Of the last tick
    uint64_t heard_us;  //  When the first answer came; 0: not yet
    bool known;
    bool ready;
    zseq_outcome_t fatal;
};

//  Life.

static int
s_open (zseq_links_t *self, size_t index, const char *endpoint)
{
    int rc = zseq_transport_link (self->transport, index, endpoint);
    if (rc != ZSEQ_OK)
        return rc;
    s_link_t *link = &self->link[index];
    memset (link, 0, sizeof *link);
    memcpy (link->endpoint, endpoint, strlen (endpoint) + 1);
    link->node = NOBODY;
    self->changes++;
    return ZSEQ_OK;
}

static void
s_close (zseq_links_t *self, s_link_t *link)
{
    zseq_transport_unlink (self->transport, (size_t) (link - self->link));
    memset (link, 0, sizeof *link);
    link->node = NOBODY;
    self->changes++;
}

static int
s_open_listed (zseq_links_t *self)
{
    self->transport = zseq_transport_new (NULL);
    if (!self->transport)
        return zseq_detail_fail (ZSEQ_ENOMEM, "cannot make a ZeroMQ context");
    for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++)
        self->link[index].node = NOBODY;
    for (size_t index = 0; index < self->uri->endpoints; index++) {
        int rc = s_open (self, index, self->uri->endpoint[index]);
        if (rc != ZSEQ_OK)
            return zseq_detail_fail (rc == ZSEQ_EINVAL ? ZSEQ_EURI : rc, "%s",
                                     zseq_transport_text (self->transport));
        self->link[index].listed = true;
    }
    return ZSEQ_OK;
}

//  It is not at its record's endpoint, so a person is told of the directory.
static void
s_learn_embedded (zseq_links_t *self)
{
    const zseq_record_t *record = zseq_embedded_record (self->embedded);
    self->n = record->n;
    self->cluster = record->identity;
    strcpy (self->cluster_name, record->cluster);
    self->member[0] = record->member[0];
    self->speaks[0] = ZSEQ_WIRE_VERSION;
    snprintf (self->member[0].endpoint, sizeof self->member[0].endpoint,
              "file:%.*s", (int) (ZSEQ_ENDPOINT_MAX - strlen ("file:")),
              self->uri->path);
    self->known = self->ready = true;
}

static int
s_open_embedded (zseq_links_t *self)
{
    if (zseq_quorum_init (&self->quorum, 1, (size_t) self->uri->r,
                          (size_t) self->uri->w) != ZSEQ_OK)
        return zseq_detail_fail (ZSEQ_EQUORUM,
                                 "directory %s is one node: r and w must be 1 "
                                 "(or 0), not %d and %d",
                                 self->uri->path, self->uri->r, self->uri->w);
    self->embedded = zseq_embedded_new (self->uri->path, self->uri->unsafe);
    if (!self->embedded)
        return zseq_detail_fail (ZSEQ_ENOMEM, "no node fits");
    uint64_t patience_us = (uint64_t) self->uri->timeout_ms * 1000;
    if (patience_us > ZSEQ_PREDECESSOR_US)
        patience_us = ZSEQ_PREDECESSOR_US;
    int rc = zseq_embedded_open (self->embedded, patience_us);
    if (rc == ZSEQ_OK)
        s_learn_embedded (self);
    return rc;
}

int
zseq_links_new (zseq_links_t **self_p, const zseq_uri_t *uri, uint64_t request)
{
    assert (self_p);
    assert (uri);

    zseq_links_t *self = calloc (1, sizeof *self);
    if (!self)
        return zseq_detail_fail (ZSEQ_ENOMEM, "no links fit");
    self->uri = uri;
    self->request = request;
    int rc = uri->scheme == ZSEQ_SCHEME_FILE ? s_open_embedded (self)
                                             : s_open_listed (self);
    if (rc == ZSEQ_OK)
        *self_p = self;
    else
        zseq_links_destroy (&self);
    return rc;
}

void
zseq_links_destroy (zseq_links_t **self_p)
{
    assert (self_p);

    zseq_links_t *self = *self_p;
    if (!self)
        return;
    zseq_embedded_destroy (&self->embedded);
    zseq_transport_destroy (&self->transport);
    free (self);
    *self_p = NULL;
}

//  What has been learnt.

uint8_t
zseq_links_n (const zseq_links_t *self)
{
    assert (self);
    return self->n;
}

const zseq_member_t *
zseq_links_member (const zseq_links_t *self, uint8_t node)
{
    assert (self);
    assert (node < self->n);
    return &self->member[node];
}

uint64_t
zseq_links_speaks (const zseq_links_t *self, uint8_t node)
{
    assert (self);
    assert (node < self->n);
    return self->speaks[node];
}

const char *
zseq_links_cluster_name (const zseq_links_t *self)
{
    assert (self);
    return self->cluster_name;
}

uint64_t
zseq_links_cluster (const zseq_links_t *self)
{
    assert (self);
    return self->cluster;
}

const zseq_quorum_t *
zseq_links_quorum (const zseq_links_t *self)
{
    assert (self);
    return &self->quorum;
}

bool
zseq_links_known (const zseq_links_t *self)
{
    assert (self);
    return self->known;
}

bool
zseq_links_ready (const zseq_links_t *self)
{
    assert (self);
    return self->ready;
}

const zseq_outcome_t *
zseq_links_fatal (const zseq_links_t *self)
{
    assert (self);
    return self->fatal.rc ? &self->fatal : NULL;
}

void
zseq_links_explain (const zseq_links_t *self, zseq_outcome_t *outcome)
{
    assert (self);
    assert (outcome);

    if (self->fatal.rc) {
        *outcome = self->fatal;
        return;
    }
    if (self->embedded) {
        zseq_outcome_set (outcome, ZSEQ_ETIMEOUT,
                          "directory %s was opened too late: allow more time",
                          self->uri->path);
        return;
    }
    if (self->n) {
        zseq_outcome_set (outcome, ZSEQ_EUNAVAILABLE,
                          "cluster %s is not born yet: all of its nodes have "
                          "to be up together once",
                          self->cluster_name);
        return;
    }
    const s_link_t *spoke = NULL;
    for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++) {
        const s_link_t *link = &self->link[index];
        if (link->refusal) {
            zseq_outcome_set (outcome, link->refusal,
                              "%s refuses to say who it is: is it a node of "
                              "another version?",
                              link->endpoint);
            return;
        }
        if (link->request)
            spoke = link;
    }
    if (spoke)
        zseq_outcome_set (outcome, ZSEQ_EUNAVAILABLE,
                          "no node answered: what listens at %s does not "
                          "speak like zseqd",
                          spoke->endpoint);
    else
        zseq_outcome_set (outcome, ZSEQ_EUNAVAILABLE,
                          "no node answered at %s%s: is zseqd running there, "
                          "and reachable?",
                          self->uri->endpoint[0],
                          self->uri->endpoints > 1 ? " or the other endpoints"
                                                   : "");
}

//  Sending.

uint64_t
zseq_links_draw_request (zseq_links_t *self)
{
    assert (self);

    if (++self->request == 0)
        self->request = 1;
    return self->request;
}

//  The link to a node: of those that lead to it, one that works.
static s_link_t *
s_find_link (zseq_links_t *self, uint8_t node)
{
    s_link_t *found = NULL;
    for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++) {
        s_link_t *link = &self->link[index];
        if (!link->endpoint[0] || link->node != node)
            continue;
        //  Mostly there is just one, and nothing to choose.
        if (!found || !zseq_transport_ready (self->transport,
                                             (size_t) (found - self->link)))
            found = link;
    }
    return found;
}

static int
s_send (zseq_links_t *self, s_link_t *link, const uint8_t *bytes, size_t size)
{
    int rc = zseq_transport_send (self->transport, (size_t) (link - self->link),
                                  bytes, size);
    link->blocked = rc != ZSEQ_OK;
    return rc;
}

//  Whether anything that could not be sent can be sent by now. To receive from a
//  socket takes the edge with it that its descriptor shows when it is connected.
static bool
s_unblocked (zseq_links_t *self)
{
    bool unblocked = false;
    for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++) {
        s_link_t *link = &self->link[index];
        if (!link->blocked || !zseq_transport_ready (self->transport, index))
            continue;
        link->blocked = false;
        unblocked = true;
    }
    return unblocked;
}

int
zseq_links_send (zseq_links_t *self, uint8_t node, const uint8_t *bytes,
                 size_t size)
{
    assert (self);
    assert (node < self->n);

    if (self->embedded)
        return zseq_embedded_send (self->embedded, bytes, size);
    s_link_t *link = s_find_link (self, node);
    if (!link)
        return ZSEQ_EAGAIN;
    return s_send (self, link, bytes, size);
}

//  Discovery.

static bool
s_same (zseq_slice_t slice, const char *text)
{
    return slice.size == strlen (text) &&
           !memcmp (slice.data, text, slice.size);
}

static void
s_copy (char *text, size_t size, zseq_slice_t slice)
{
    assert (slice.size < size);
    memcpy (text, slice.data, slice.size);
    text[slice.size] = 0;
}

static bool
s_learn_cluster (zseq_links_t *self, const zseq_msg_t *msg)
{
    size_t n = msg->member_count;
    if (zseq_quorum_init (&self->quorum, n, (size_t) self->uri->r,
                          (size_t) self->uri->w) != ZSEQ_OK) {
        zseq_outcome_set (&self->fatal, ZSEQ_EQUORUM,
                          "cluster %.*s has %zu nodes: r must be %zu to %zu "
                          "and w %zu to %zu (or 0), not %d and %d",
                          (int) msg->cluster_name.size, msg->cluster_name.data,
                          n, n - n / 2, n, n / 2 + 1, n, self->uri->r,
                          self->uri->w);
        return false;
    }
    self->n = (uint8_t) n;
    s_copy (self->cluster_name, sizeof self->cluster_name, msg->cluster_name);
    for (uint8_t node = 0; node < n; node++)
        s_copy (self->member[node].name, sizeof self->member[node].name,
                msg->member[node].name);
    return true;
}

static bool
s_check_cluster (zseq_links_t *self, const s_link_t *link,
                 const zseq_msg_t *msg)
{
    const char *wanted = self->n ? self->cluster_name : self->uri->cluster;
    bool same = !*wanted || s_same (msg->cluster_name, wanted);
    if (self->n && same) {
        same = msg->member_count == self->n;
        for (uint8_t node = 0; node < self->n && same; node++)
            same = s_same (msg->member[node].name, self->member[node].name);
    }
    if (same && self->cluster && msg->cluster)
        same = msg->cluster == self->cluster;
    //  Later it is only one endpoint that leads elsewhere.
    if (!same && !self->ready)
        zseq_outcome_set (
          &self->fatal, ZSEQ_ECLUSTER,
          "%s belongs to a cluster named %.*s, and not to "
          "%s%s",
          link->endpoint, (int) msg->cluster_name.size, msg->cluster_name.data,
          self->n ? "the one that was found first, named " : "cluster ",
          wanted);
    return same;
}

//  Takes over where the members are. What a node says of itself holds; what it
//  says of others may be out of date, so only if nothing else leads there.
static void
s_learn_endpoints (zseq_links_t *self, const zseq_msg_t *msg)
{
    for (uint8_t node = 0; node < self->n; node++) {
        char endpoint[ZSEQ_ENDPOINT_MAX + 1];
        s_copy (endpoint, sizeof endpoint, msg->member[node].endpoint);
        const s_link_t *link = s_find_link (self, node);
        bool works = link && zseq_transport_ready (
                               self->transport, (size_t) (link - self->link));
        if (zseq_endpoint_valid (endpoint) && (node == msg->node || !works))
            strcpy (self->member[node].endpoint, endpoint);
    }
}

//  Sees to it that a link leads to every member: one that works, or else one
//  to its endpoint. Of those that were not listed, all others go.
static void
s_link_members (zseq_links_t *self)
{
    for (uint8_t node = 0; node < self->n; node++) {
        const char *endpoint = self->member[node].endpoint;
        size_t unused = ZSEQ_LINKS_MAX;
        bool linked = !*endpoint;
        for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++) {
            s_link_t *link = &self->link[index];
            if (!link->endpoint[0]) {
                unused = unused < index ? unused : index;
                continue;
            }
            bool there = !strcmp (link->endpoint, endpoint);
            bool works = link->node == node &&
                         zseq_transport_ready (self->transport, index);
            if (link->node == node && !there && !works && !link->listed)
                s_close (self, link);
            linked |= there || works;
        }
        //  It is tried again with the next answer.
        if (!linked && unused < ZSEQ_LINKS_MAX)
            (void) s_open (self, unused, endpoint);
    }
}

//  Whether another listed endpoint is the same node.
static bool
s_twice (zseq_links_t *self, const s_link_t *link)
{
    for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++) {
        const s_link_t *other = &self->link[index];
        if (other == link || !other->listed || !link->listed ||
            other->node != link->node)
            continue;
        zseq_outcome_set (&self->fatal, ZSEQ_EDUPLICATE,
                          "%s and %s are both node %s: list each node once",
                          other->endpoint, link->endpoint,
                          self->member[link->node].name);
        return true;
    }
    return false;
}

static void
s_hello_reply (zseq_links_t *self, s_link_t *link, const zseq_msg_t *msg)
{
    if (link->greeted || msg->request != link->request)
        return;
    link->patience_us = 0;
    link->greet_us = self->now_us + BIRTH_US;
    link->refusal = msg->status;
    if (msg->status != ZSEQ_OK || msg->node >= msg->member_count)
        return;
    if (!s_check_cluster (self, link, msg)) {
        link->node = NOBODY;
        link->greet_us = self->now_us + GREET_US_MAX;
        return;
    }
    if (!self->n && !s_learn_cluster (self, msg))
        return;
    if (!self->heard_us)
        self->heard_us = self->now_us;
    link->node = msg->node;
    if (!self->ready && s_twice (self, link))
        return;
    //  A cluster that is not born yet has to be asked again.
    link->greeted = msg->cluster != 0;
    if (msg->cluster)
        self->cluster = msg->cluster;
    self->speaks[msg->node] = msg->speaks;
    s_learn_endpoints (self, msg);
    s_link_members (self);
}

static void
s_greet (zseq_links_t *self, size_t index)
{
    s_link_t *link = &self->link[index];
    zseq_msg_t msg;
    msg.op = ZSEQ_OP_HELLO;
    msg.reply = false;
    msg.request = zseq_links_draw_request (self);
    msg.cluster = 0;
    uint8_t bytes[64];
    size_t size = zseq_codec_encode (&msg, bytes, sizeof bytes);
    assert (size);
    if (s_send (self, link, bytes, size) != ZSEQ_OK) {
        link->request = 0;
        link->patience_us = 0;
        return;
    }
    link->request = msg.request;
    link->patience_us = link->patience_us ? 2 * link->patience_us : GREET_US;
    if (link->patience_us > GREET_US_MAX)
        link->patience_us = GREET_US_MAX;
    link->greet_us = self->now_us + link->patience_us;
}

//  Whether every listed endpoint has said who it is.
static bool
s_all_heard (const zseq_links_t *self)
{
    for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++)
        if (self->link[index].listed && self->link[index].node == NOBODY)
            return false;
    return true;
}

static bool
s_is_member (const zseq_links_t *self, const char *endpoint)
{
    for (uint8_t node = 0; node < self->n; node++)
        if (!strcmp (self->member[node].endpoint, endpoint))
            return true;
    return false;
}

//  When listed endpoints need not be waited for any more.
static uint64_t
s_grace_us (const zseq_links_t *self)
{
    for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++) {
        const s_link_t *link = &self->link[index];
        if (link->listed && link->node == NOBODY &&
            zseq_transport_ready (self->transport, index) &&
            !s_is_member (self, link->endpoint))
            return self->heard_us + GRACE_STRANGER_US;
    }
    return self->heard_us + GRACE_US;
}

void
zseq_links_tick (zseq_links_t *self, uint64_t now_us, bool restless)
{
    assert (self);

    self->now_us = now_us;
    if (self->fatal.rc)
        return;
    if (self->embedded) {
        zseq_embedded_tick (self->embedded, now_us);
        return;
    }
    for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++) {
        s_link_t *link = &self->link[index];
        if (!link->endpoint[0])
            continue;
        if (restless && link->greeted && now_us >= link->greet_us + REFRESH_US)
            link->greeted = false;
        if (!link->greeted && (!link->request || now_us >= link->greet_us))
            s_greet (self, index);
    }
    if (self->n && !self->ready) {
        self->known = s_all_heard (self) || now_us >= s_grace_us (self);
        self->ready = self->known && self->cluster;
    }
}

uint64_t
zseq_links_wake_us (const zseq_links_t *self)
{
    assert (self);

    uint64_t wake_us = ZSEQ_NEVER;
    if (self->fatal.rc)
        return wake_us;
    if (self->embedded)
        return zseq_embedded_wake_us (self->embedded);
    //  Where nothing could be sent, the descriptor tells when it can.
    for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++) {
        const s_link_t *link = &self->link[index];
        if (link->endpoint[0] && !link->greeted && link->request &&
            link->greet_us < wake_us)
            wake_us = link->greet_us;
    }
    if (self->n && !self->known && s_grace_us (self) < wake_us)
        wake_us = s_grace_us (self);
    return wake_us;
}

static bool
s_recv_embedded (zseq_links_t *self, zseq_msg_t *msg, bool *seen_p)
{
    if (zseq_embedded_recv (self->embedded, msg, seen_p))
        return true;
    const char *text;
    int rc = zseq_embedded_failure (self->embedded, &text);
    if (rc != ZSEQ_OK && !self->fatal.rc) {
        zseq_outcome_set (&self->fatal, rc, "%s", text);
        *seen_p = true;
    }
    return false;
}

bool
zseq_links_recv (zseq_links_t *self, zseq_msg_t *msg, bool *seen_p)
{
    assert (self);
    assert (msg);
    assert (seen_p);

    if (self->embedded)
        return s_recv_embedded (self, msg, seen_p);
    for (size_t empty = 0; empty < ZSEQ_LINKS_MAX;) {
        s_link_t *link = &self->link[self->turn];
        const uint8_t *bytes;
        size_t size;
        if (!link->endpoint[0] ||
            zseq_transport_recv (self->transport, self->turn, &bytes, &size) !=
              ZSEQ_OK) {
            self->turn = (self->turn + 1) % ZSEQ_LINKS_MAX;
            empty++;
            continue;
        }
        empty = 0;
        *seen_p = true;
        if (zseq_codec_decode_reply (&self->codec, bytes, size, msg) != ZSEQ_OK)
            continue;
        if (msg->op == ZSEQ_OP_HELLO)
            s_hello_reply (self, link, msg);
        else if (msg->node < self->n)
            return true;
    }
    if (s_unblocked (self))
        *seen_p = true;
    return false;
}

size_t
zseq_links_fds (const zseq_links_t *self, struct pollfd *fds)
{
    assert (self);
    if (self->embedded)
        return zseq_embedded_fds (self->embedded, fds);
    return zseq_transport_fds (self->transport, fds);
}

unsigned
zseq_links_changes (const zseq_links_t *self)
{
    assert (self);
    return self->changes;
}

void
zseq_links_heed (zseq_links_t *self, const struct pollfd *fds, size_t count)
{
    assert (self);
    if (!self->embedded)
        zseq_transport_heed (self->transport, fds, count);
}
