//  A session with a cluster of zseqd nodes. The session learns the members from
//  the first node that answers, follows members to new endpoints, and keeps a
//  connection to each member. Source: lib/doc/wire.md, section 3.5.
//
//  zseq_session_cluster_new opens a connection to each endpoint of the URI. The
//  ticks send a HELLO on each connection. The first reply names the members,
//  and the session then opens a connection to each member that has none. The
//  session is ready when the cluster is formed, and each endpoint of the URI
//  has identified its node or has used up its grace period. While a request
//  cannot reach a node, the session repeats the HELLOs to learn new endpoints.
//
//  Nodes that can keep it are told the client's label, by a HELLO of its own
//  whose reply says nothing new. libzmq connects again by itself, and the node
//  then takes the client for another one. So the label is told again when a
//  connection can send that could not, and now and then while it is in use.

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_client_label.h"
#include "zseq_client_texts.h"
#include "zseq_codec.h"
#include "zseq_io_texts.h"
#include "zseq_session.h"
#include "zseq_transport.h"

//  How long a HELLO waits for its reply. The wait doubles with each HELLO: only
//  a reply to the last HELLO counts, and a round trip may be long.
#define HELLO_US 200000
#define HELLO_US_MAX 5000000
//  How soon the session repeats the HELLO to a cluster that is not formed yet.
#define FORMATION_US 100000
//  How often the session learns the endpoints again while a node is
//  unreachable.
#define REFRESH_US 1000000
//  How long the other endpoints of the URI may take to identify their nodes
//  after the first reply: the session reports a node that is listed twice
//  before any request starts.
#define GRACE_US 50000
//  The same for an endpoint that is connected and belongs to no member: it may
//  lead to another cluster that answers slowly.
#define GRACE_UNKNOWN_US 1000000

//  How often a connection in use tells the label again.
#define LABEL_US 10000000
//  The version of the nodes that take a label.
#define LABEL_VERSION 3

#define NO_NODE (-1)

typedef struct {
    char endpoint[ZSEQ_ENDPOINT_MAX + 1];  //  Empty: not in use
    bool listed;                           //  In the URI
    int node;                              //  That answered, or NO_NODE
    bool hello_done;                       //  No HELLO is due
    uint64_t request;                      //  The last HELLO; 0: not sent yet
    uint64_t hello_us;                     //  When to send the next HELLO
    uint64_t wait_us;                      //  Wait of the last HELLO
    int refusal;                           //  Status of its HELLO; or ZSEQ_OK
    bool blocked;                          //  A message could not be sent
    bool used;                             //  One was since the last label
    uint64_t label_us;                     //  When to tell the label again
} s_connection_t;

typedef struct {
    zseq_session_t session;
    zseq_transport_t *transport;
    zseq_codec_t codec;
    char label[ZSEQ_LABEL_MAX + 1];  //  Empty: tells none
    s_connection_t connection[ZSEQ_LINKS_MAX];
    zseq_frame_t frame[ZSEQ_FRAMES_MAX];  //  Of the last drain
    size_t frame_count;
    size_t frame_next;        //  The next to decode
    uint64_t now_us;          //  Of the last tick
    uint64_t first_reply_us;  //  When the first node replied; 0: not yet
    uint64_t grace_us;        //  As s_grace_us, of the last tick
} s_cluster_t;

//  Construction.

//  Opens a connection to the endpoint, in place of the one at that index.
static int
s_open (s_cluster_t *self, size_t index, const char *endpoint)
{
    int rc = zseq_transport_link (self->transport, index, endpoint);
    if (rc != ZSEQ_OK)
        return rc;
    s_connection_t *connection = &self->connection[index];
    memset (connection, 0, sizeof *connection);
    memcpy (connection->endpoint, endpoint, strlen (endpoint) + 1);
    connection->node = NO_NODE;
    self->session.changes++;
    self->session.touched = true;
    return ZSEQ_OK;
}

static void
s_close (s_cluster_t *self, s_connection_t *connection)
{
    zseq_transport_unlink (self->transport,
                           (size_t) (connection - self->connection));
    memset (connection, 0, sizeof *connection);
    connection->node = NO_NODE;
    self->session.changes++;
}

//  Makes the transport, and opens a connection to each endpoint of the URI.
static int
s_open_listed (s_cluster_t *self)
{
    zseq_transport_options_t options = {
      .kind = zseq_transport_kind_choose (self->session.uri->transport)};
    if (options.kind == ZSEQ_TRANSPORT_NONE)
        return zseq_detail_fail (ZSEQ_EINVAL, ZSEQ_TEXT_TRANSPORT_UNKNOWN,
                                 getenv ("ZSEQ_TRANSPORT"));
    self->transport = zseq_transport_new (&options);
    if (!self->transport)
        return zseq_detail_fail (ZSEQ_ENOMEM, ZSEQ_TEXT_NO_MEMORY_SOCKETS);
    for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++)
        self->connection[index].node = NO_NODE;
    for (size_t index = 0; index < self->session.uri->endpoints; index++) {
        int rc = s_open (self, index, self->session.uri->endpoint[index]);
        if (rc != ZSEQ_OK)
            return zseq_detail_fail (rc == ZSEQ_EINVAL ? ZSEQ_EURI : rc, "%s",
                                     zseq_transport_text (self->transport));
        self->connection[index].listed = true;
    }
    return ZSEQ_OK;
}

static void
s_destroy (zseq_session_t *session)
{
    s_cluster_t *self = (s_cluster_t *) session;
    zseq_transport_destroy (&self->transport);
    free (self);
}

//  Whether an endpoint of the URI has the name of a host, not an address.
//  libzmq does not tell whether it resolves, and to ask here could take long.
static bool
s_has_name (const zseq_uri_t *uri)
{
    for (size_t index = 0; index < uri->endpoints; index++)
        if (zseq_endpoint_named (uri->endpoint[index]))
            return true;
    return false;
}

static void
s_explain (const zseq_session_t *session, zseq_outcome_t *outcome)
{
    const s_cluster_t *self = (const s_cluster_t *) session;
    if (self->session.members.n) {
        zseq_outcome_set (outcome, ZSEQ_EUNAVAILABLE,
                          ZSEQ_TEXT_CLUSTER_NOT_FORMED,
                          self->session.cluster_name);
        return;
    }
    const s_connection_t *unanswered = NULL;
    for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++) {
        const s_connection_t *connection = &self->connection[index];
        if (connection->refusal) {
            zseq_outcome_set (outcome, connection->refusal,
                              ZSEQ_TEXT_SESSION_REFUSED, connection->endpoint);
            return;
        }
        if (connection->request)
            unanswered = connection;
    }
    if (unanswered)
        zseq_outcome_set (outcome, ZSEQ_EUNAVAILABLE,
                          ZSEQ_TEXT_SESSION_NOT_ZSEQD, unanswered->endpoint);
    else
        zseq_outcome_set (
          outcome, ZSEQ_EUNAVAILABLE, ZSEQ_TEXT_SESSION_SILENT,
          self->session.uri->endpoint[0],
          self->session.uri->endpoints > 1 ? ZSEQ_TEXT_SESSION_OTHERS : "",
          s_has_name (self->session.uri) ? ZSEQ_TEXT_SESSION_RESOLVES : "");
}

//  Sending.

//  Whether a connection could take a message now. This check consumes the edge
//  of the socket's descriptor.
static bool
s_can_send (s_cluster_t *self, const s_connection_t *connection)
{
    self->session.touched = true;
    return zseq_transport_ready (self->transport,
                                 (size_t) (connection - self->connection));
}

//  The connection to a node; of several, preferably one that can send.
static s_connection_t *
s_find_connection (s_cluster_t *self, uint8_t node)
{
    s_connection_t *found = NULL;
    for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++) {
        s_connection_t *connection = &self->connection[index];
        if (!connection->endpoint[0] || connection->node != node)
            continue;
        //  A node mostly has one connection: check none unless there are more.
        if (!found || !s_can_send (self, found))
            found = connection;
    }
    return found;
}

static bool
s_reaches (zseq_session_t *session, uint8_t node)
{
    s_cluster_t *self = (s_cluster_t *) session;
    const s_connection_t *connection = s_find_connection (self, node);
    return connection && s_can_send (self, connection);
}

static int
s_send (s_cluster_t *self, s_connection_t *connection, const uint8_t *bytes,
        size_t size)
{
    self->session.touched = true;
    int rc = zseq_transport_send (
      self->transport, (size_t) (connection - self->connection), bytes, size);
    connection->blocked = rc != ZSEQ_OK;
    return rc;
}

//  Whether a connection that could not send can send now. Receiving from a
//  socket consumes the edge that its descriptor shows when the socket connects,
//  so the descriptor does not report it.
static bool
s_unblocked (s_cluster_t *self)
{
    bool unblocked = false;
    for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++) {
        s_connection_t *connection = &self->connection[index];
        if (!connection->blocked || !s_can_send (self, connection))
            continue;
        connection->blocked = false;
        connection->used = true;
        connection->label_us = 0;
        unblocked = true;
    }
    return unblocked;
}

static zseq_node_set_t
s_send_nodes (zseq_session_t *session, zseq_node_set_t nodes,
              const uint8_t *bytes, size_t size)
{
    s_cluster_t *self = (s_cluster_t *) session;
    uint32_t connections = 0;
    for (uint8_t node = 0; node < self->session.members.n; node++) {
        const s_connection_t *connection =
          nodes >> node & 1 ? s_find_connection (self, node) : NULL;
        if (connection)
            connections |= 1u << (connection - self->connection);
    }
    self->session.touched = true;
    uint32_t sent =
      zseq_transport_send_all (self->transport, connections, bytes, size);
    zseq_node_set_t reached = 0;
    for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++) {
        if (!(connections >> index & 1))
            continue;
        s_connection_t *connection = &self->connection[index];
        connection->blocked = !(sent >> index & 1);
        connection->used |= !connection->blocked;
        if (!connection->blocked)
            reached |= 1u << connection->node;
    }
    return reached;
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

//  Takes over n, the quorums and the names of the first reply. Returns false,
//  and the session is fatal, if the URI's quorums do not fit n.
static bool
s_learn_cluster (s_cluster_t *self, const zseq_msg_t *msg)
{
    const zseq_msg_members_t *members = &msg->hello.members;
    size_t n = members->member_count;
    if (zseq_quorum_init (&self->session.members.quorum, n,
                          (size_t) self->session.uri->r,
                          (size_t) self->session.uri->w) != ZSEQ_OK) {
        zseq_outcome_set (
          &self->session.fatal, ZSEQ_EQUORUM, ZSEQ_TEXT_SESSION_QUORUM,
          (int) members->cluster_name.size, members->cluster_name.data, n,
          n - n / 2, n, n / 2 + 1, n, self->session.uri->r,
          self->session.uri->w);
        return false;
    }
    self->session.members.n = (uint8_t) n;
    s_copy (self->session.cluster_name, sizeof self->session.cluster_name,
            members->cluster_name);
    for (uint8_t node = 0; node < n; node++)
        s_copy (self->session.members.member[node].name,
                sizeof self->session.members.member[node].name,
                members->member[node].name);
    return true;
}

//  Whether the reply is from our cluster. If not, a session that is not ready
//  yet becomes fatal.
static bool
s_check_cluster (s_cluster_t *self, const s_connection_t *connection,
                 const zseq_msg_t *msg)
{
    const zseq_msg_members_t *members = &msg->hello.members;
    const char *expected = self->session.members.n ? self->session.cluster_name
                                                   : self->session.uri->cluster;
    bool same = !*expected || s_same (members->cluster_name, expected);
    if (self->session.members.n && same) {
        same = members->member_count == self->session.members.n;
        for (uint8_t node = 0; node < self->session.members.n && same; node++)
            same = s_same (members->member[node].name,
                           self->session.members.member[node].name);
    }
    if (same && self->session.cluster && msg->cluster)
        same = msg->cluster == self->session.cluster;
    //  In a ready session, only this endpoint leads to another cluster.
    if (!same && !self->session.ready)
        zseq_outcome_set (
          &self->session.fatal, ZSEQ_ECLUSTER, ZSEQ_TEXT_SESSION_CLUSTER,
          connection->endpoint, (int) members->cluster_name.size,
          members->cluster_name.data, expected,
          self->session.members.n ? ZSEQ_TEXT_SESSION_FIRST : "");
    return same;
}

//  Takes over the members' endpoints. A node knows its own endpoint; its
//  endpoints of other nodes may be out of date, and count only for a node that
//  we cannot send to.
static void
s_learn_endpoints (s_cluster_t *self, const zseq_msg_t *msg)
{
    const zseq_msg_members_t *members = &msg->hello.members;
    for (uint8_t node = 0; node < self->session.members.n; node++) {
        char endpoint[ZSEQ_ENDPOINT_MAX + 1];
        s_copy (endpoint, sizeof endpoint, members->member[node].endpoint);
        const s_connection_t *connection = s_find_connection (self, node);
        bool can_send = connection && s_can_send (self, connection);
        if (zseq_endpoint_valid (endpoint) && (node == msg->node || !can_send))
            strcpy (self->session.members.member[node].endpoint, endpoint);
    }
}

//  Opens a connection to the endpoint of every member that has no connection
//  that can send. Closes a member's unlisted connections that cannot send and
//  lead to another endpoint.
static void
s_connect_members (s_cluster_t *self)
{
    for (uint8_t node = 0; node < self->session.members.n; node++) {
        const char *endpoint = self->session.members.member[node].endpoint;
        size_t unused = ZSEQ_LINKS_MAX;
        bool connected = !*endpoint;
        for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++) {
            s_connection_t *connection = &self->connection[index];
            if (!connection->endpoint[0]) {
                unused = unused < index ? unused : index;
                continue;
            }
            bool same_endpoint = !strcmp (connection->endpoint, endpoint);
            bool can_send =
              connection->node == node && s_can_send (self, connection);
            if (connection->node == node && !same_endpoint && !can_send &&
                !connection->listed)
                s_close (self, connection);
            connected |= same_endpoint || can_send;
        }
        //  After a failure, the next HELLO's reply tries again.
        if (!connected && unused < ZSEQ_LINKS_MAX)
            (void) s_open (self, unused, endpoint);
    }
}

//  Whether another listed endpoint is the same node: then the session is fatal.
static bool
s_is_duplicate (s_cluster_t *self, const s_connection_t *connection)
{
    for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++) {
        const s_connection_t *other = &self->connection[index];
        if (other == connection || !other->listed || !connection->listed ||
            other->node != connection->node)
            continue;
        zseq_outcome_set (&self->session.fatal, ZSEQ_EDUPLICATE,
                          ZSEQ_TEXT_SESSION_DUPLICATE, other->endpoint,
                          connection->endpoint,
                          self->session.members.member[connection->node].name);
        return true;
    }
    return false;
}

//  Tells the node at the end of a connection the client's label, if the node
//  takes one.
static void
s_send_label (s_cluster_t *self, s_connection_t *connection)
{
    connection->used = false;
    if (!self->label[0] || connection->node == NO_NODE ||
        self->session.speaks[connection->node] < LABEL_VERSION)
        return;
    zseq_msg_t msg = {.op = ZSEQ_OP_HELLO,
                      .request = zseq_session_draw_request (&self->session),
                      .hello.label = {self->label, strlen (self->label)}};
    uint8_t bytes[64 + ZSEQ_LABEL_MAX];
    size_t size = zseq_codec_encode (&msg, bytes, sizeof bytes);
    assert (size);
    if (s_send (self, connection, bytes, size) == ZSEQ_OK)
        connection->label_us = self->now_us + LABEL_US;
}

//  Learns from a reply to a HELLO which node the connection leads to, and what
//  that node knows of its cluster.
static void
s_hello_reply (s_cluster_t *self, s_connection_t *connection,
               const zseq_msg_t *msg)
{
    //  A connection that was opened meanwhile has sent no HELLO yet.
    if (connection->hello_done || !connection->request ||
        msg->request != connection->request)
        return;
    connection->wait_us = 0;
    connection->hello_us = self->now_us + FORMATION_US;
    connection->refusal = msg->status;
    if (msg->status != ZSEQ_OK || msg->node >= msg->hello.members.member_count)
        return;
    if (!s_check_cluster (self, connection, msg)) {
        connection->node = NO_NODE;
        connection->hello_us = self->now_us + HELLO_US_MAX;
        return;
    }
    if (!self->session.members.n && !s_learn_cluster (self, msg))
        return;
    if (!self->first_reply_us)
        self->first_reply_us = self->now_us;
    connection->node = msg->node;
    if (!self->session.ready && s_is_duplicate (self, connection))
        return;
    //  A cluster that is not formed yet needs another HELLO.
    connection->hello_done = msg->cluster != 0;
    if (msg->cluster)
        self->session.cluster = msg->cluster;
    self->session.speaks[msg->node] = msg->hello.speaks;
    s_send_label (self, connection);
    s_learn_endpoints (self, msg);
    s_connect_members (self);
}

static void
s_send_hello (s_cluster_t *self, size_t index)
{
    s_connection_t *connection = &self->connection[index];
    zseq_msg_t msg = {.op = ZSEQ_OP_HELLO,
                      .request = zseq_session_draw_request (&self->session)};
    uint8_t bytes[64];
    size_t size = zseq_codec_encode (&msg, bytes, sizeof bytes);
    assert (size);
    if (s_send (self, connection, bytes, size) != ZSEQ_OK) {
        connection->request = 0;
        connection->wait_us = 0;
        return;
    }
    connection->request = msg.request;
    connection->wait_us =
      connection->wait_us ? 2 * connection->wait_us : HELLO_US;
    if (connection->wait_us > HELLO_US_MAX)
        connection->wait_us = HELLO_US_MAX;
    connection->hello_us = self->now_us + connection->wait_us;
}

//  Whether every listed endpoint has identified its node.
static bool
s_all_identified (const s_cluster_t *self)
{
    for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++)
        if (self->connection[index].listed &&
            self->connection[index].node == NO_NODE)
            return false;
    return true;
}

static bool
s_is_member (const s_cluster_t *self, const char *endpoint)
{
    for (uint8_t node = 0; node < self->session.members.n; node++)
        if (!strcmp (self->session.members.member[node].endpoint, endpoint))
            return true;
    return false;
}

//  When the session stops waiting for listed endpoints.
static uint64_t
s_grace_us (const s_cluster_t *self)
{
    for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++) {
        const s_connection_t *connection = &self->connection[index];
        if (connection->listed && connection->node == NO_NODE &&
            zseq_transport_ready (self->transport, index) &&
            !s_is_member (self, connection->endpoint))
            return self->first_reply_us + GRACE_UNKNOWN_US;
    }
    return self->first_reply_us + GRACE_US;
}

static void
s_tick (zseq_session_t *session, uint64_t now_us, bool has_unsent)
{
    s_cluster_t *self = (s_cluster_t *) session;
    self->now_us = now_us;
    if (self->session.fatal.rc)
        return;
    for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++) {
        s_connection_t *connection = &self->connection[index];
        if (!connection->endpoint[0])
            continue;
        if (has_unsent && connection->hello_done &&
            now_us >= connection->hello_us + REFRESH_US)
            connection->hello_done = false;
        if (!connection->hello_done &&
            (!connection->request || now_us >= connection->hello_us))
            s_send_hello (self, index);
        if (connection->used && now_us >= connection->label_us)
            s_send_label (self, connection);
    }
    if (self->session.members.n && !self->session.ready) {
        self->session.touched = true;
        self->grace_us = s_grace_us (self);
        self->session.known =
          s_all_identified (self) || now_us >= self->grace_us;
        self->session.ready = self->session.known && self->session.cluster;
    }
}

static uint64_t
s_wake_us (const zseq_session_t *session)
{
    const s_cluster_t *self = (const s_cluster_t *) session;
    uint64_t wake_us = ZSEQ_NEVER;
    //  A connection whose HELLO could not be sent needs no time: its descriptor
    //  shows when it can send.
    for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++) {
        const s_connection_t *connection = &self->connection[index];
        if (connection->endpoint[0] && !connection->hello_done &&
            connection->request && connection->hello_us < wake_us)
            wake_us = connection->hello_us;
    }
    //  Looks at no connection: whoever asks polls next, and what has come would
    //  not show any more.
    if (self->session.members.n && !self->session.known &&
        self->grace_us < wake_us)
        wake_us = self->grace_us;
    return wake_us;
}

//  Receiving.

//  The next frame, from the last drain or a new one. NULL: every socket is
//  empty.
static const zseq_frame_t *
s_next_frame (s_cluster_t *self)
{
    if (self->frame_next == self->frame_count) {
        //  A batch that was not full has emptied all sockets.
        bool empty = self->frame_count && self->frame_count < ZSEQ_FRAMES_MAX &&
                     !self->session.touched;
        self->frame_next = self->frame_count = 0;
        if (empty)
            return NULL;
        self->session.touched = false;
        self->frame_count = zseq_transport_drain (self->transport, self->frame);
        if (!self->frame_count)
            return NULL;
    }
    return &self->frame[self->frame_next++];
}

static bool
s_recv (zseq_session_t *session, zseq_msg_t *msg, bool *seen_p)
{
    s_cluster_t *self = (s_cluster_t *) session;
    const zseq_frame_t *frame;
    while ((frame = s_next_frame (self))) {
        *seen_p = true;
        //  A HELLO's reply in the same batch may have closed the connection.
        s_connection_t *connection = &self->connection[frame->index];
        if (!connection->endpoint[0] ||
            zseq_codec_decode_reply (&self->codec, frame->bytes, frame->size,
                                     msg) != ZSEQ_OK)
            continue;
        if (msg->op == ZSEQ_OP_HELLO)
            s_hello_reply (self, connection, msg);
        else if (msg->node < self->session.members.n)
            return true;
    }
    if (s_unblocked (self))
        *seen_p = true;
    return false;
}

static size_t
s_fds (const zseq_session_t *session, struct pollfd *fds)
{
    const s_cluster_t *self = (const s_cluster_t *) session;
    return zseq_transport_fds (self->transport, fds);
}

static int
s_poll (zseq_session_t *session, struct pollfd *fds, size_t count,
        const struct timespec *timeout)
{
    return zseq_transport_poll (((s_cluster_t *) session)->transport, fds,
                                count, timeout);
}

static void
s_watch (zseq_session_t *session, int fd)
{
    zseq_transport_watch (((s_cluster_t *) session)->transport, fd);
}

static void
s_note_ready (zseq_session_t *session, const struct pollfd *fds, size_t count)
{
    s_cluster_t *self = (s_cluster_t *) session;
    zseq_transport_note_ready (self->transport, fds, count);
}

static void
s_flush (zseq_session_t *session)
{
    zseq_transport_flush (((s_cluster_t *) session)->transport);
}

static bool
s_unflushed (const zseq_session_t *session)
{
    return zseq_transport_unflushed (
      ((const s_cluster_t *) session)->transport);
}

int
zseq_session_cluster_new (zseq_session_t **self_p, const zseq_uri_t *uri,
                          uint64_t request)
{
    assert (self_p);
    assert (uri);

    static const zseq_session_ops_t ops = {.destroy = s_destroy,
                                           .send = s_send_nodes,
                                           .reaches = s_reaches,
                                           .recv = s_recv,
                                           .tick = s_tick,
                                           .wake_us = s_wake_us,
                                           .fds = s_fds,
                                           .poll = s_poll,
                                           .watch = s_watch,
                                           .note_ready = s_note_ready,
                                           .flush = s_flush,
                                           .unflushed = s_unflushed,
                                           .explain = s_explain};
    s_cluster_t *self = calloc (1, sizeof *self);
    if (!self)
        return zseq_detail_fail (ZSEQ_ENOMEM, ZSEQ_TEXT_NO_MEMORY_SESSION);
    self->session.ops = &ops;
    self->session.uri = uri;
    self->session.request = request;
    if (uri->labelled)
        strcpy (self->label, uri->label);
    else
        zseq_client_label_default (self->label);
    int rc = s_open_listed (self);
    if (rc == ZSEQ_OK)
        *self_p = &self->session;
    else
        s_destroy (&self->session);
    return rc;
}
