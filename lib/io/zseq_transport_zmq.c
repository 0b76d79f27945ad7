//  A transport over libzmq's sockets.
//
//  A node binds one ROUTER (zseq_transport_bind); each link is a DEALER
//  (zseq_transport_link). s_open sets the socket options that lib/doc/wire.md,
//  section 2, names, and explains each that works around a fault of libzmq.
//
//  ZeroMQ's descriptors are edge-triggered, and each read of an empty socket
//  costs system calls. A socket (s_socket_t) is therefore quiet from when a
//  read finds it empty until its descriptor becomes readable or a message is
//  sent. The received frame stays in one zmq_msg_t until the next receive;
//  those of a drain stay until the next drain.
//
//  libzmq resolves a host's name each time that it tries to connect, in the
//  thread that moves the bytes of all connections of its context. With a name
//  server that does not answer, that thread stands still for ten seconds at a
//  time. So a link to a name has a context of its own: no other link, and not
//  the ROUTER, waits with it.

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include "zseq_io_texts.h"
#include "zseq_limits.h"
#include "zseq_members.h"
#include "zseq_transport_private.h"
#include "zseq_zmq_keys.h"

//  What libzmq 4.3.4 needs, and aborts the process for if it lacks that. The
//  context: a descriptor that wakes the thread which terminates it, and one
//  that wakes and one to poll for each of its two threads. A socket: one that
//  wakes it, one that binds or connects, and one with which libzmq lists the
//  network interfaces meanwhile.
#define CONTEXT_DESCRIPTORS 5
#define CONTEXT_THREADS 2
#define SOCKET_DESCRIPTORS 3

//  How long a link waits after a handshake that has failed for its keys.
#define RETRY_US 1000000

//  What a link with keys has beside its socket.
typedef struct {
    void *monitor;        //  NULL: there are no keys
    const char *trouble;  //  Of the last handshake
    uint64_t retry_us;    //  When to connect again; 0: libzmq does
    char endpoint[ZSEQ_ENDPOINT_MAX + 1];
} s_keyed_t;

//  A socket, its descriptor, and whether the socket is empty until the
//  descriptor becomes readable.
typedef struct {
    void *zmq;
    void *context;  //  The socket's own; NULL: that of the transport
    int fd;
    bool quiet;
} s_socket_t;

typedef struct {
    zseq_transport_t transport;
    void *context;  //  NULL: no socket was opened yet
    s_socket_t router;
    s_socket_t link[ZSEQ_LINKS_MAX];
    s_socket_t zap;  //  With keys: where libzmq asks whom the ROUTER lets in
    s_keyed_t keyed[ZSEQ_LINKS_MAX];
    unsigned monitors;                    //  That were ever made
    bool requested;                       //  The frame is a request
    uint8_t sender[ZSEQ_CURVE_KEY_SIZE];  //  Of a request
    zmq_msg_t frame;                      //  The last frame received
    size_t next_link;                     //  Index of the link to drain next
    size_t drained_count;
    zmq_msg_t drained[ZSEQ_FRAMES_MAX];  //  The frames of the last drain
} s_zmq_t;

static void
s_release_drained (s_zmq_t *self)
{
    while (self->drained_count)
        zmq_msg_close (&self->drained[--self->drained_count]);
}

//  Ends a context whose sockets are closed.
static void *
s_end_context (void *context)
{
    while (zmq_ctx_term (context) == -1 && errno == EINTR)
        continue;
    return NULL;
}

//  Ends a link's own context in the background: its thread may be waiting for a
//  name server.
static void
s_abandon_context (void *context)
{
    sigset_t all;
    sigset_t before;
    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    pthread_t thread;
    if (pthread_create (&thread, NULL, s_end_context, context) == 0)
        pthread_detach (thread);
    else
        (void) s_end_context (context);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
}

//  Sets an option. Every libzmq that we build with has the option and accepts
//  the value: a failure is our mistake.
static void
s_set (void *socket, int option, int value)
{
    int rc = zmq_setsockopt (socket, option, &value, sizeof value);
    assert (rc == 0);
}

//  Makes a socket, and the context if there is none yet. The first socket
//  starts the context's threads. NULL: it failed with self->transport.text.
static void *
s_make (s_zmq_t *self, int type, void **context_p)
{
    bool first = !*context_p;
    if (!zseq_limits_leave (SOCKET_DESCRIPTORS +
                              (first ? CONTEXT_DESCRIPTORS : 0),
                            first ? CONTEXT_THREADS : 0, self->transport.text,
                            sizeof self->transport.text))
        return NULL;
    if (first)
        *context_p = zmq_ctx_new ();
    void *socket = *context_p ? zmq_socket (*context_p, type) : NULL;
    if (!socket)
        (void) zseq_transport_fail (&self->transport, ZSEQ_EIO,
                                    ZSEQ_TEXT_SOCKET_FAILED,
                                    zmq_strerror (errno));
    //  Closing never waits for unsent messages.
    if (first && *context_p)
        (void) zmq_ctx_set (*context_p, ZMQ_BLOCKY, 0);
    return socket;
}

//  Opens a socket of that type with all options set. NULL: it failed with
//  self->transport.text.
static void *
s_open (s_zmq_t *self, int type, void **context_p)
{
    void *socket = s_make (self, type, context_p);
    if (!socket)
        return NULL;
    const zseq_transport_options_t *options = &self->transport.options;
    //  libzmq counts what is sealed.
    int64_t message_max =
      options->message_size_max + (options->keys ? ZSEQ_CURVE_OVERHEAD : 0);
    int rc =
      zmq_setsockopt (socket, ZMQ_MAXMSGSIZE, &message_max, sizeof message_max);
    assert (rc == 0);
    s_set (socket, ZMQ_LINGER, 0);
    s_set (socket, ZMQ_SNDHWM, options->queue_max);
    //  The input queue is unlimited, so input never waits. libzmq 4.3.4 aborts
    //  if a connection closes while its input waits for a full queue and the
    //  bytes already read contain a PING. The other end can provoke the abort.
    s_set (socket, ZMQ_RCVHWM, 0);
    s_set (socket, ZMQ_HANDSHAKE_IVL, options->handshake_ms);
    //  No ZMTP heartbeats: libzmq 4.3.4 aborts if a heartbeat is due on a
    //  connection that its peer has closed while the input waits.
    s_set (socket, ZMQ_TCP_KEEPALIVE, 1);
    s_set (socket, ZMQ_TCP_KEEPALIVE_IDLE, 1);
    s_set (socket, ZMQ_TCP_KEEPALIVE_INTVL, 1);
    s_set (socket, ZMQ_TCP_KEEPALIVE_CNT, 3);
    s_set (socket, ZMQ_TCP_MAXRT, options->silence_ms);
    return socket;
}

//  Takes a bound or connecting socket into use, with its own context, if it has
//  one.
static void
s_use (s_socket_t *self, void *socket, void *context)
{
    size_t size = sizeof self->fd;
    int rc = zmq_getsockopt (socket, ZMQ_FD, &self->fd, &size);
    assert (rc == 0);
    self->zmq = socket;
    self->context = context;
    self->quiet = false;
}

//  Closes a socket if it is open.
static void
s_close (s_socket_t *self)
{
    if (self->zmq)
        zmq_close (self->zmq);
    if (self->context)
        s_abandon_context (self->context);
    self->zmq = self->context = NULL;
}

//  Enables IPv6 only for an address in brackets: with IPv6 enabled, libzmq
//  would resolve a name such as localhost to IPv6 alone.
static void
s_set_family (void *socket, const char *endpoint)
{
    s_set (socket, ZMQ_IPV6, strchr (endpoint, '[') != NULL);
}

//  Lets a ROUTER only those in whose keys are allowed, if there are keys.
//  False: that failed with self->transport.text.
static bool
s_serve_keys (s_zmq_t *self, void *router)
{
    const zseq_curve_keys_t *keys = self->transport.options.keys;
    if (!keys)
        return true;
    if (!zseq_zmq_keys_serve (router, keys)) {
        (void) zseq_transport_fail (&self->transport, ZSEQ_EIO,
                                    ZSEQ_TEXT_ZMQ_NO_KEYS);
        return false;
    }
    void *zap = self->zap.zmq ? NULL : zseq_zmq_keys_open_zap (self->context);
    if (zap)
        s_use (&self->zap, zap, NULL);
    if (!self->zap.zmq)
        (void) zseq_transport_fail (&self->transport, ZSEQ_EIO,
                                    ZSEQ_TEXT_SOCKET_FAILED,
                                    zmq_strerror (errno));
    return self->zap.zmq;
}

static int
s_op_bind (zseq_transport_t *transport, const char *endpoint)
{
    s_zmq_t *self = (s_zmq_t *) transport;
    assert (!self->router.zmq);

    void *router = s_open (self, ZMQ_ROUTER, &self->context);
    if (!router)
        return ZSEQ_EIO;
    if (!s_serve_keys (self, router)) {
        zmq_close (router);
        return ZSEQ_EIO;
    }
    //  A reply to a disconnected client fails instead of vanishing. No client
    //  can take over another's connection by claiming its routing ID.
    s_set (router, ZMQ_ROUTER_MANDATORY, 1);
    s_set (router, ZMQ_ROUTER_HANDOVER, 0);
    s_set (router, ZMQ_BACKLOG, self->transport.options.backlog);
    s_set (router, ZMQ_LINGER, self->transport.options.linger_ms);
    s_set_family (router, endpoint);
    if (zmq_bind (router, endpoint) == -1) {
        int error = errno;
        zmq_close (router);
        //  What libzmq says of a host that is none of these.
        if (error == ENODEV)
            return zseq_transport_fail (&self->transport, ZSEQ_EIO,
                                        ZSEQ_TEXT_BIND_NO_ADDRESS, endpoint);
        return zseq_transport_fail (&self->transport,
                                    error == EINVAL       ? ZSEQ_EINVAL
                                    : error == EADDRINUSE ? ZSEQ_ELOCKED
                                                          : ZSEQ_EIO,
                                    ZSEQ_TEXT_BIND_FAILED, endpoint,
                                    zmq_strerror (error));
    }
    s_use (&self->router, router, NULL);
    return ZSEQ_OK;
}

static const char *const s_troubles[] = {
  [ZSEQ_ZMQ_DENIED] = ZSEQ_TEXT_NODE_DENIES,
  [ZSEQ_ZMQ_MISMATCH] = ZSEQ_TEXT_NODE_LACKS_KEYS,
  [ZSEQ_ZMQ_HUNG_UP] = ZSEQ_TEXT_NODE_HANGS_UP,
};

static uint64_t
s_now_us (void)
{
    struct timespec now;
    int rc = clock_gettime (CLOCK_MONOTONIC, &now);
    assert (rc == 0);
    return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

//  Forgets a link's keys, before its socket is closed.
static void
s_drop_keys (s_zmq_t *self, size_t index, void *link)
{
    if (self->keyed[index].monitor)
        zseq_zmq_keys_unwatch (link, self->keyed[index].monitor);
    self->keyed[index] = (s_keyed_t){.monitor = NULL};
}

//  Notes what has become of a link's handshakes. libzmq gives up after most of
//  those that fail: we try again later, over the same socket.
static void
s_note_news (s_zmq_t *self, size_t index)
{
    s_keyed_t *keyed = &self->keyed[index];
    void *link = self->link[index].zmq;
    if (!keyed->monitor)
        return;
    zseq_zmq_news_t news = zseq_zmq_keys_news (keyed->monitor);
    if (news == ZSEQ_ZMQ_SHAKEN)
        keyed->trouble = NULL;
    else if (news != ZSEQ_ZMQ_NO_NEWS) {
        keyed->trouble = s_troubles[news];
        (void) zmq_disconnect (link, keyed->endpoint);
        keyed->retry_us = s_now_us () + RETRY_US;
    }
    if (keyed->retry_us && keyed->retry_us <= s_now_us ()) {
        keyed->retry_us = 0;
        (void) zmq_connect (link, keyed->endpoint);
    }
}

//  Gives a DEALER its keys, if there are any, and has it watched. False: that
//  failed with self->transport.text.
static bool
s_connect_keys (s_zmq_t *self, size_t index, void *link, void *context,
                const char *endpoint)
{
    const zseq_curve_keys_t *keys = self->transport.options.keys;
    if (!keys)
        return true;
    if (!zseq_limits_leave (ZSEQ_ZMQ_MONITOR_DESCRIPTORS, 0,
                            self->transport.text, sizeof self->transport.text))
        return false;
    s_keyed_t *keyed = &self->keyed[index];
    snprintf (keyed->endpoint, sizeof keyed->endpoint, "%s", endpoint);
    zseq_zmq_keys_connect (link, keys, self->transport.server_key[index]);
    keyed->monitor = zseq_zmq_keys_watch (context, link, self->monitors++);
    if (!keyed->monitor)
        (void) zseq_transport_fail (&self->transport, ZSEQ_EIO,
                                    ZSEQ_TEXT_SOCKET_FAILED,
                                    zmq_strerror (errno));
    return keyed->monitor;
}

static void
s_op_unlink (zseq_transport_t *transport, size_t index)
{
    s_zmq_t *self = (s_zmq_t *) transport;

    s_drop_keys (self, index, self->link[index].zmq);
    s_close (&self->link[index]);
}

static void
s_op_reset (zseq_transport_t *transport)
{
    s_zmq_t *self = (s_zmq_t *) transport;

    s_close (&self->router);
    s_close (&self->zap);
    for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++)
        s_op_unlink (transport, index);
}

static int
s_connect (s_zmq_t *self, size_t index, void *link, void *own,
           const char *endpoint)
{
    if (!s_connect_keys (self, index, link, own ? own : self->context,
                         endpoint))
        return ZSEQ_EIO;
    if (zmq_connect (link, endpoint) == 0)
        return ZSEQ_OK;
    return zseq_transport_fail (
      &self->transport, errno == EINVAL ? ZSEQ_EINVAL : ZSEQ_EIO,
      ZSEQ_TEXT_CONNECT_FAILED, endpoint, zmq_strerror (errno));
}

static int
s_op_link (zseq_transport_t *transport, size_t index, const char *endpoint)
{
    s_zmq_t *self = (s_zmq_t *) transport;

    s_op_unlink (transport, index);
    void *own = NULL;
    bool named = zseq_endpoint_named (endpoint);
    void *link = s_open (self, ZMQ_DEALER, named ? &own : &self->context);
    if (!link) {
        if (own)
            s_abandon_context (own);
        return ZSEQ_EIO;
    }
    //  A request that cannot be sent now is not queued: its deadline may have
    //  passed once the node is back.
    s_set (link, ZMQ_IMMEDIATE, 1);
    s_set (link, ZMQ_RECONNECT_IVL, self->transport.options.reconnect_ms);
    s_set (link, ZMQ_RECONNECT_IVL_MAX,
           self->transport.options.reconnect_ms_max);
    s_set (link, ZMQ_CONNECT_TIMEOUT, self->transport.options.connect_ms);
    s_set_family (link, endpoint);
    int rc = s_connect (self, index, link, own, endpoint);
    if (rc == ZSEQ_OK) {
        s_use (&self->link[index], link, own);
        return ZSEQ_OK;
    }
    s_drop_keys (self, index, link);
    zmq_close (link);
    if (own)
        s_abandon_context (own);
    return rc;
}

//  Sends one frame on a socket without blocking. Sending consumes the
//  descriptor's edge, as receiving does.
static int
s_send (s_socket_t *socket, const void *bytes, size_t size, int flags)
{
    socket->quiet = false;
    while (zmq_send (socket->zmq, bytes, size, flags | ZMQ_DONTWAIT) == -1)
        if (errno != EINTR)
            return ZSEQ_EAGAIN;
    return ZSEQ_OK;
}

static bool
s_op_ready (zseq_transport_t *transport, size_t index)
{
    s_zmq_t *self = (s_zmq_t *) transport;

    s_socket_t *link = &self->link[index];
    int events = 0;
    size_t size = sizeof events;
    if (!link->zmq)
        return false;
    link->quiet = false;
    if (zmq_getsockopt (link->zmq, ZMQ_EVENTS, &events, &size) == 0 &&
        (events & ZMQ_POLLOUT))
        return true;
    s_note_news (self, index);
    return false;
}

static int
s_op_send (zseq_transport_t *transport, size_t index, const uint8_t *bytes,
           size_t size)
{
    s_zmq_t *self = (s_zmq_t *) transport;

    s_socket_t *link = &self->link[index];
    if (!link->zmq)
        return ZSEQ_EAGAIN;
    int rc = s_send (link, bytes, size, 0);
    //  A send notices a new connection only now and then. Reading the events
    //  always notices it, and consumes the descriptor's edge.
    if (rc == ZSEQ_EAGAIN && s_op_ready (transport, index))
        rc = s_send (link, bytes, size, 0);
    return rc;
}

static int
s_op_reply (zseq_transport_t *transport, const zseq_route_t *route,
            const uint8_t *bytes, size_t size)
{
    s_zmq_t *self = (s_zmq_t *) transport;

    if (!self->router.zmq)
        return ZSEQ_EAGAIN;
    int rc = s_send (&self->router, route->id, route->size, ZMQ_SNDMORE);
    if (rc != ZSEQ_OK)
        return rc;
    return s_send (&self->router, bytes, size, 0);
}

//  Receives the next frame, whether or not it is the first of its message.
static int
s_recv (s_zmq_t *self, s_socket_t *socket)
{
    if (socket->quiet)
        return ZSEQ_EAGAIN;
    while (zmq_msg_recv (&self->frame, socket->zmq, ZMQ_DONTWAIT) == -1)
        if (errno != EINTR) {
            socket->quiet = true;
            return ZSEQ_EAGAIN;
        }
    return ZSEQ_OK;
}

//  Whether the frame is the last of its message. If not, discards the rest of
//  the message.
static bool
s_last (s_zmq_t *self, s_socket_t *socket)
{
    if (!zmq_msg_more (&self->frame))
        return true;
    while (zmq_msg_more (&self->frame))
        if (s_recv (self, socket) != ZSEQ_OK)
            break;
    return false;
}

//  Returns the received frame to the caller.
static int
s_give (s_zmq_t *self, const uint8_t **bytes_p, size_t *size_p)
{
    *bytes_p = zmq_msg_data (&self->frame);
    *size_p = zmq_msg_size (&self->frame);
    return ZSEQ_OK;
}

static int
s_op_recv (zseq_transport_t *transport, size_t index, const uint8_t **bytes_p,
           size_t *size_p)
{
    s_zmq_t *self = (s_zmq_t *) transport;

    s_socket_t *link = &self->link[index];
    self->requested = false;
    while (link->zmq && s_recv (self, link) == ZSEQ_OK)
        if (s_last (self, link))
            return s_give (self, bytes_p, size_p);
    return ZSEQ_EAGAIN;
}

//  Keeps the last frame received until the next drain.
static void
s_keep (s_zmq_t *self, zseq_frame_t *frame)
{
    zmq_msg_t *kept = &self->drained[self->drained_count++];
    zmq_msg_init (kept);
    int rc = zmq_msg_move (kept, &self->frame);
    assert (rc == 0);
    frame->index = self->next_link;
    frame->bytes = zmq_msg_data (kept);
    frame->size = zmq_msg_size (kept);
}

static const uint8_t *
s_op_sender (zseq_transport_t *transport)
{
    s_zmq_t *self = (s_zmq_t *) transport;

    return self->requested && self->transport.options.keys &&
               zseq_zmq_keys_sender (&self->frame, self->sender)
             ? self->sender
             : NULL;
}

static const char *
s_op_trouble (zseq_transport_t *transport, size_t index)
{
    s_zmq_t *self = (s_zmq_t *) transport;

    s_note_news (self, index);
    return self->keyed[index].trouble;
}

static size_t
s_op_drain (zseq_transport_t *transport, zseq_frame_t frames[ZSEQ_FRAMES_MAX])
{
    s_zmq_t *self = (s_zmq_t *) transport;

    s_release_drained (self);
    size_t empty = 0;
    while (empty < ZSEQ_LINKS_MAX && self->drained_count < ZSEQ_FRAMES_MAX) {
        s_socket_t *link = &self->link[self->next_link];
        if (!link->zmq || s_recv (self, link) != ZSEQ_OK) {
            self->next_link = (self->next_link + 1) % ZSEQ_LINKS_MAX;
            empty++;
            continue;
        }
        empty = 0;
        if (s_last (self, link))
            s_keep (self, &frames[self->drained_count]);
    }
    return self->drained_count;
}

static int
s_op_recv_request (zseq_transport_t *transport, zseq_route_t *route_p,
                   const uint8_t **bytes_p, size_t *size_p)
{
    s_zmq_t *self = (s_zmq_t *) transport;

    self->requested = false;
    if (self->zap.zmq && !self->zap.quiet) {
        zseq_zmq_keys_answer (self->zap.zmq, self->transport.options.keys);
        self->zap.quiet = true;
    }
    if (!self->router.zmq || s_recv (self, &self->router) != ZSEQ_OK)
        return ZSEQ_EAGAIN;
    size_t size = zmq_msg_size (&self->frame);
    bool usable = size <= ZSEQ_ROUTE_MAX && zmq_msg_more (&self->frame);
    route_p->size = 0;
    if (usable) {
        route_p->size = (uint8_t) size;
        memcpy (route_p->id, zmq_msg_data (&self->frame), size);
    }
    if (zmq_msg_more (&self->frame) && s_recv (self, &self->router) != ZSEQ_OK)
        return ZSEQ_EAGAIN;
    usable = s_last (self, &self->router) && usable;
    (void) s_give (self, bytes_p, size_p);
    //  Returns an empty frame for a dropped message, so that the caller can do
    //  its other work during a flood of them.
    if (!usable)
        *size_p = 0;
    self->requested = usable;
    return ZSEQ_OK;
}

//  Adds a socket's descriptor to fds.
static void
s_add_fd (const s_socket_t *socket, struct pollfd *fds, size_t *count_p)
{
    if (!socket->zmq)
        return;
    fds[*count_p].fd = socket->fd;
    fds[*count_p].events = POLLIN;
    fds[*count_p].revents = 0;
    (*count_p)++;
}

static size_t
s_op_fds (const zseq_transport_t *transport, struct pollfd *fds)
{
    const s_zmq_t *self = (const s_zmq_t *) transport;

    size_t count = 0;
    s_add_fd (&self->router, fds, &count);
    s_add_fd (&self->zap, fds, &count);
    for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++)
        s_add_fd (&self->link[index], fds, &count);
    return count;
}

//  Ends a socket's quiet time if the ready descriptor is the socket's.
static void
s_note_ready (s_socket_t *socket, int fd)
{
    if (socket->zmq && socket->fd == fd)
        socket->quiet = false;
}

static void
s_op_note_ready (zseq_transport_t *transport, const struct pollfd *fds,
                 size_t count)
{
    s_zmq_t *self = (s_zmq_t *) transport;

    for (size_t at = 0; at < count; at++) {
        if (!fds[at].revents)
            continue;
        s_note_ready (&self->router, fds[at].fd);
        s_note_ready (&self->zap, fds[at].fd);
        for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++)
            s_note_ready (&self->link[index], fds[at].fd);
    }
}

static void
s_op_destroy (zseq_transport_t *transport)
{
    s_zmq_t *self = (s_zmq_t *) transport;
    zmq_msg_close (&self->frame);
    s_release_drained (self);
    s_op_reset (transport);
    if (self->context)
        (void) s_end_context (self->context);
    free (self);
}

zseq_transport_t *
zseq_transport_zmq_new (void)
{
    static const zseq_transport_ops_t ops = {
      .destroy = s_op_destroy,
      .bind = s_op_bind,
      .reset = s_op_reset,
      .link = s_op_link,
      .unlink = s_op_unlink,
      .send = s_op_send,
      .reply = s_op_reply,
      .ready = s_op_ready,
      .recv = s_op_recv,
      .recv_request = s_op_recv_request,
      .sender = s_op_sender,
      .trouble = s_op_trouble,
      .drain = s_op_drain,
      .fds = s_op_fds,
      .note_ready = s_op_note_ready,
    };
    s_zmq_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->transport.ops = &ops;
    zmq_msg_init (&self->frame);
    return &self->transport;
}
