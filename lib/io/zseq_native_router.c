//  The ROUTER of the native transport: a listening socket and its connections.
//
//  A connection with something to read is in the queue. Whoever receives takes
//  a frame of its first, which then goes to the queue's end: each sender has
//  its turn, however much another one sends. What is answered in a turn leaves
//  with one write for each connection.
//
//  A route is a slot and the connection's id, which no other connection ever
//  has: an answer that comes late reaches nobody else. The other end has no say
//  in it.
//
//  When all connections are in use, or all descriptors, the oldest one gives
//  way whose handshake is not done; if there is none, the new one is refused.

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#include "zseq_io_texts.h"
#include "zseq_limits.h"
#include "zseq_native.h"

//  Connections accepted before other events are looked at.
#define ACCEPTS_MAX 64
//  How long it waits after the system could not accept.
#define PAUSE_US 100000
//  Descriptors that connections leave to the disk, at most; of a low limit a
//  quarter.
#define DESCRIPTORS_LEFT 64
//  Bytes of a connection's outbox that stay allocated.
#define KEEP 1024
#define SLOTS_MIN 64
//  A listening socket, and the spare descriptor.
#define DESCRIPTORS 2

void
zseq_native_router_init (zseq_native_t *self)
{
    assert (self);
    zseq_native_router_t *router = &self->router;
    router->fd = router->spare = -1;
    TAILQ_INIT (&router->queue);
    TAILQ_INIT (&router->handshakes);
    TAILQ_INIT (&router->dirty);
}

//  Binding.

static int
s_fail_bind (zseq_native_t *self, const char *endpoint)
{
    int error = errno;
    if (self->router.fd >= 0)
        close (self->router.fd);
    self->router.fd = -1;
    zseq_sources_term (&self->router.sources);
    return zseq_transport_fail (
      &self->transport, error == EADDRINUSE ? ZSEQ_ELOCKED : ZSEQ_EIO,
      ZSEQ_TEXT_BIND_FAILED, endpoint, strerror (error));
}

//  Whether an ipc endpoint has no file.
static bool
s_is_abstract (const char *path)
{
    return path[0] == '@';
}

static int
s_set (int fd, int level, int option, int value)
{
    return setsockopt (fd, level, option, &value, sizeof value);
}

static int
s_listen (zseq_native_t *self, const zseq_address_t *address)
{
    zseq_native_router_t *router = &self->router;
    router->fd = socket (address->any.ss_family,
                         SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (router->fd == -1)
        return -1;
    if (address->any.ss_family != AF_UNIX) {
        (void) s_set (router->fd, SOL_SOCKET, SO_REUSEADDR, 1);
        //  Connections inherit these.
        zseq_channel_set_tcp (router->fd, self->transport.options.silence_ms);
    }
    if (address->any.ss_family == AF_INET6)
        (void) s_set (router->fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    if (bind (router->fd, (const struct sockaddr *) &address->any,
              address->size) == -1)
        return -1;
    return listen (router->fd, self->transport.options.backlog);
}

int
zseq_native_router_bind (zseq_native_t *self, const char *endpoint)
{
    assert (self);
    assert (self->router.fd == -1);

    zseq_native_router_t *router = &self->router;
    zseq_address_t address;
    int rc = zseq_address_parse (&address, endpoint, true);
    if (rc == ZSEQ_EAGAIN)
        return zseq_transport_fail (&self->transport, ZSEQ_EIO,
                                    ZSEQ_TEXT_BIND_NO_ADDRESS, endpoint);
    if (rc != ZSEQ_OK)
        return zseq_transport_fail (&self->transport, rc, ZSEQ_TEXT_BIND_FAILED,
                                    endpoint, strerror (EINVAL));
    const char *file = endpoint + strlen ("ipc://");
    bool named = address.any.ss_family == AF_UNIX && !s_is_abstract (file);
    //  zseq_transport_bind has seen that it is a socket that nobody uses.
    if (named)
        (void) unlink (file);
    if (!zseq_limits_leave (DESCRIPTORS, 0, self->transport.text,
                            sizeof self->transport.text))
        return ZSEQ_EIO;
    if (!zseq_sources_init (&router->sources,
                            (size_t) self->transport.options.connections_max) ||
        s_listen (self, &address) == -1)
        return s_fail_bind (self, endpoint);
    snprintf (router->path, sizeof router->path, "%s", named ? file : "");
    router->spare = open ("/dev/null", O_RDONLY | O_CLOEXEC);
    router->paused = false;
    if (zseq_native_watch (self, EPOLL_CTL_ADD, router->fd, EPOLLIN,
                           zseq_native_key (ZSEQ_NATIVE_LISTENER, 0, 0)))
        return ZSEQ_OK;
    rc = zseq_native_fail_watch (self, endpoint);
    zseq_native_router_close (self);
    return rc;
}

//  Connections.

//  Notes that a connection is refused or ended.
static void
s_note_refusal (zseq_native_t *self, zseq_refusal_reason_t reason,
                const zseq_address_t *address)
{
    zseq_refusal_t *refusal = &self->transport.refusal[reason];
    refusal->count++;
    zseq_address_host (address, refusal->host);
}

//  Ends a connection, and forgets it.
static void
s_end (zseq_native_t *self, zseq_native_connection_t *connection)
{
    zseq_native_router_t *router = &self->router;
    if (connection->queued)
        TAILQ_REMOVE (&router->queue, connection, queue);
    if (!connection->shaken)
        TAILQ_REMOVE (&router->handshakes, connection, handshake);
    if (connection->dirty)
        TAILQ_REMOVE (&router->dirty, connection, dirty_list);
    if (connection->source)
        zseq_sources_leave (connection->source);
    if (router->sender == connection)
        router->sender = NULL;
    router->slot[connection->slot] = NULL;
    router->unused[router->unused_count++] = connection->slot;
    router->count--;
    zseq_channel_term (&connection->channel);
    free (connection);
}

//  Ends a connection for a reason that people want to know.
static void
s_end_for (zseq_native_t *self, zseq_native_connection_t *connection,
           zseq_refusal_reason_t reason)
{
    zseq_address_t address = {.size = sizeof address.any};
    //  A peer that has gone has no address any more.
    (void) getpeername (connection->channel.fd,
                        (struct sockaddr *) &address.any, &address.size);
    s_note_refusal (self, reason, &address);
    s_end (self, connection);
}

//  Sends the last replies, for a while at most.
static void
s_linger (zseq_native_t *self)
{
    zseq_native_router_t *router = &self->router;
    uint64_t end_us = zseq_native_now_us () +
                      (uint64_t) self->transport.options.linger_ms * 1000;
    for (size_t slot = 0; slot < router->slots; slot++) {
        zseq_native_connection_t *connection = router->slot[slot];
        if (!connection || !connection->shaken)
            continue;
        zseq_channel_t *channel = &connection->channel;
        uint64_t now_us = zseq_native_now_us ();
        while (!zseq_outbox_empty (&channel->outbox) && now_us < end_us) {
            struct pollfd fd = {channel->fd, POLLOUT, 0};
            if (poll (&fd, 1, (int) ((end_us - now_us) / 1000) + 1) < 1 ||
                (fd.revents & (POLLERR | POLLHUP)))
                break;
            zseq_outbox_flush (&channel->outbox);
            now_us = zseq_native_now_us ();
        }
        zseq_channel_discard (channel);
    }
}

void
zseq_native_router_close (zseq_native_t *self)
{
    assert (self);

    zseq_native_router_t *router = &self->router;
    zseq_native_router_flush (self);
    s_linger (self);
    for (size_t slot = 0; slot < router->slots; slot++)
        if (router->slot[slot])
            s_end (self, router->slot[slot]);
    free (router->slot);
    free (router->unused);
    router->slot = NULL;
    router->unused = NULL;
    router->slots = router->unused_count = 0;
    zseq_sources_term (&router->sources);
    if (router->fd >= 0) {
        (void) zseq_native_watch (self, EPOLL_CTL_DEL, router->fd, 0, 0);
        close (router->fd);
        if (router->path[0])
            (void) unlink (router->path);
    }
    if (router->spare >= 0)
        close (router->spare);
    router->fd = router->spare = -1;
}

//  Makes more slots.
static bool
s_grow (zseq_native_router_t *router)
{
    size_t slots = router->slots ? 2 * router->slots : SLOTS_MIN;
    uint32_t *unused = realloc (router->unused, slots * sizeof *unused);
    if (!unused)
        return false;
    router->unused = unused;
    zseq_native_connection_t **slot =
      realloc (router->slot, slots * sizeof (zseq_native_connection_t *));
    if (!slot)
        return false;
    router->slot = slot;
    for (size_t index = slots; index-- > router->slots;) {
        slot[index] = NULL;
        unused[router->unused_count++] = (uint32_t) index;
    }
    router->slots = slots;
    return true;
}

//  How many connections a source may have: no more than a quarter of the
//  descriptors, so that no other machine takes all.
static rlim_t
s_source_max (const zseq_native_t *self)
{
    rlim_t max = (rlim_t) self->transport.options.source_max;
    struct rlimit limit;
    if (getrlimit (RLIMIT_NOFILE, &limit) == 0 && max > limit.rlim_cur / 4)
        max = limit.rlim_cur / 4;
    return max;
}

//  Whether there is no room for a connection with that descriptor. The system
//  gives the lowest number that is free, so a high one says that few are left.
static bool
s_is_full (const zseq_native_t *self, int fd)
{
    if (self->router.count >= (size_t) self->transport.options.connections_max)
        return true;
    struct rlimit limit;
    if (getrlimit (RLIMIT_NOFILE, &limit) != 0)
        return false;
    rlim_t left = limit.rlim_cur / 4;
    if (left > DESCRIPTORS_LEFT)
        left = DESCRIPTORS_LEFT;
    return (rlim_t) fd >= limit.rlim_cur - left;
}

//  Ends the oldest connection whose handshake is not done. False: there is
//  none.
static bool
s_make_way (zseq_native_t *self)
{
    zseq_native_connection_t *oldest = TAILQ_FIRST (&self->router.handshakes);
    if (oldest)
        s_end_for (self, oldest, ZSEQ_REFUSAL_FULL);
    return oldest != NULL;
}

//  Makes room for an accepted socket. Returns it, with a descriptor that does
//  not take up those that are to be left; -1: there is no room.
static int
s_make_room (zseq_native_t *self, int fd)
{
    if (!s_is_full (self, fd))
        return fd;
    int lower = s_make_way (self) ? fcntl (fd, F_DUPFD_CLOEXEC, 0) : -1;
    close (fd);
    return lower;
}

//  Counts a connection for its source; a connection of this host has none.
//  Returns ZSEQ_REFUSALS, or why the connection is refused.
static zseq_refusal_reason_t
s_enter_source (zseq_native_t *self, const zseq_address_t *address,
                zseq_source_t **source_p)
{
    *source_p = NULL;
    if (zseq_address_local (address))
        return ZSEQ_REFUSALS;
    *source_p = zseq_sources_enter (&self->router.sources, address);
    if (!*source_p)
        return ZSEQ_REFUSAL_MEMORY;
    return (*source_p)->count > s_source_max (self) ? ZSEQ_REFUSAL_SOURCE
                                                    : ZSEQ_REFUSALS;
}

//  Makes a connection of an accepted socket. False: no memory, or no watch, is
//  left.
static bool
s_open (zseq_native_t *self, int fd, zseq_source_t *source)
{
    zseq_native_router_t *router = &self->router;
    if (!router->unused_count && !s_grow (router))
        return false;
    zseq_native_connection_t *connection = calloc (1, sizeof *connection);
    if (!connection)
        return false;
    connection->slot = router->unused[router->unused_count - 1];
    connection->id = ++router->last_id;
    uint64_t key = zseq_native_key (ZSEQ_NATIVE_CONNECTION, connection->slot,
                                    (uint32_t) connection->id);
    if (!zseq_native_watch (self, EPOLL_CTL_ADD, fd, ZSEQ_OUTBOX_EVENTS, key)) {
        free (connection);
        return false;
    }
    router->slot[connection->slot] = connection;
    router->unused_count--;
    router->count++;
    connection->source = source;
    connection->until_us =
      zseq_native_now_us () +
      (uint64_t) self->transport.options.handshake_ms * 1000;
    TAILQ_INSERT_TAIL (&router->handshakes, connection, handshake);
    zseq_channel_init (&connection->channel, KEEP);
    zseq_channel_set_keys (&connection->channel, self->transport.options.keys,
                           NULL);
    zseq_channel_open (&connection->channel, fd, self->epoll, key,
                       ZSEQ_ZMTP_ROUTER, &self->transport.options);
    connection->channel.readable = false;
    return true;
}

//  Takes an accepted socket, or closes it. A source that has too many takes
//  nobody's place.
static void
s_take (zseq_native_t *self, int fd, const zseq_address_t *address)
{
    zseq_source_t *source;
    zseq_refusal_reason_t reason = s_enter_source (self, address, &source);
    if (reason == ZSEQ_REFUSALS) {
        fd = s_make_room (self, fd);
        if (fd >= 0 && s_open (self, fd, source))
            return;
        reason = fd >= 0 ? ZSEQ_REFUSAL_MEMORY : ZSEQ_REFUSAL_FULL;
    }
    s_note_refusal (self, reason, address);
    if (source)
        zseq_sources_leave (source);
    if (fd >= 0)
        close (fd);
}

//  No descriptor is left. Hangs up on the connection that waits, so that epoll
//  does not report it over and over.
static void
s_refuse (zseq_native_t *self)
{
    zseq_native_router_t *router = &self->router;
    if (router->spare >= 0) {
        close (router->spare);
        zseq_address_t address = {.size = sizeof address.any};
        int fd = accept4 (router->fd, (struct sockaddr *) &address.any,
                          &address.size, SOCK_CLOEXEC);
        if (fd >= 0) {
            s_note_refusal (self, ZSEQ_REFUSAL_FULL, &address);
            close (fd);
        }
    }
    router->spare = open ("/dev/null", O_RDONLY | O_CLOEXEC);
    if (router->spare >= 0)
        return;
    (void) zseq_native_watch (self, EPOLL_CTL_MOD, router->fd, 0,
                              zseq_native_key (ZSEQ_NATIVE_LISTENER, 0, 0));
    router->paused = true;
    router->resume_us = zseq_native_now_us () + PAUSE_US;
}

void
zseq_native_router_accept (zseq_native_t *self)
{
    assert (self);

    for (size_t times = 0; times < ACCEPTS_MAX; times++) {
        zseq_address_t address = {.size = sizeof address.any};
        int fd = accept4 (self->router.fd, (struct sockaddr *) &address.any,
                          &address.size, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            s_take (self, fd, &address);
            continue;
        }
        if (errno == EAGAIN)
            return;
        bool lacks = errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
                     errno == ENOBUFS;
        //  Else the connection has failed before it was accepted.
        if (!lacks)
            continue;
        if (!s_make_way (self))
            s_refuse (self);
        return;
    }
}

//  Receiving.

static void
s_queue (zseq_native_router_t *router, zseq_native_connection_t *connection)
{
    if (!connection->queued)
        TAILQ_INSERT_TAIL (&router->queue, connection, queue);
    connection->queued = true;
}

void
zseq_native_router_event (zseq_native_t *self, uint32_t slot, uint32_t count,
                          uint32_t events)
{
    assert (self);

    zseq_native_router_t *router = &self->router;
    zseq_native_connection_t *connection =
      slot < router->slots ? router->slot[slot] : NULL;
    if (!connection || (uint32_t) connection->id != count)
        return;
    if (events & EPOLLOUT)
        zseq_outbox_flush (&connection->channel.outbox);
    if (events & ~(uint32_t) EPOLLOUT) {
        connection->channel.readable = true;
        s_queue (router, connection);
    }
}

static void
s_mark_dirty (zseq_native_router_t *router,
              zseq_native_connection_t *connection)
{
    if (!connection->dirty)
        TAILQ_INSERT_TAIL (&router->dirty, connection, dirty_list);
    connection->dirty = true;
}

//  Sends what the handshake has answered.
static void
s_shake (zseq_native_t *self, zseq_native_connection_t *connection, bool done)
{
    zseq_outbox_flush (&connection->channel.outbox);
    if (!done)
        return;
    TAILQ_REMOVE (&self->router.handshakes, connection, handshake);
    connection->shaken = true;
}

//  Takes a connection's next event; reads if there is none. Whether it was
//  something in the traffic, or took as long as that does, so that the next
//  connection has its turn.
static bool
s_step (zseq_native_t *self, zseq_native_connection_t *connection,
        zseq_zmtp_event_t *event)
{
    zseq_native_router_t *router = &self->router;
    *event = zseq_channel_next (&connection->channel);
    switch (event->type) {
    case ZSEQ_ZMTP_SHORT:
        if (connection->channel.readable) {
            if (zseq_channel_read (&connection->channel) == ZSEQ_EIO)
                s_end (self, connection);
            return false;
        }
        TAILQ_REMOVE (&router->queue, connection, queue);
        connection->queued = false;
        zseq_channel_trim (&connection->channel);
        return false;
    case ZSEQ_ZMTP_FAILED:
        zseq_outbox_flush (&connection->channel.outbox);
        s_end_for (self, connection, ZSEQ_REFUSAL_PROTOCOL);
        return false;
    case ZSEQ_ZMTP_GREETED:
        s_shake (self, connection, false);
        return false;
    case ZSEQ_ZMTP_HANDSHAKE:
        s_shake (self, connection, false);
        return true;
    case ZSEQ_ZMTP_READY:
        s_shake (self, connection, true);
        return zseq_channel_peer (&connection->channel) != NULL;
    case ZSEQ_ZMTP_PING:
        s_mark_dirty (router, connection);
        return true;
    default:
        return true;
    }
}

static void
s_set_route (const zseq_native_connection_t *connection, zseq_route_t *route)
{
    route->size = sizeof connection->slot + sizeof connection->id;
    memcpy (route->id, &connection->slot, sizeof connection->slot);
    memcpy (route->id + sizeof connection->slot, &connection->id,
            sizeof connection->id);
}

int
zseq_native_router_recv (zseq_native_t *self, zseq_route_t *route_p,
                         const uint8_t **bytes_p, size_t *size_p)
{
    assert (self);

    zseq_native_router_t *router = &self->router;
    zseq_native_connection_t *connection;
    router->sender = NULL;
    while ((connection = TAILQ_FIRST (&router->queue))) {
        zseq_zmtp_event_t event;
        if (!s_step (self, connection, &event))
            continue;
        TAILQ_REMOVE (&router->queue, connection, queue);
        TAILQ_INSERT_TAIL (&router->queue, connection, queue);
        bool frame = event.type == ZSEQ_ZMTP_FRAME;
        router->sender = frame ? connection : NULL;
        s_set_route (connection, route_p);
        *bytes_p = event.bytes ? event.bytes : connection->channel.greeting;
        *size_p = frame ? event.size : 0;
        return ZSEQ_OK;
    }
    return ZSEQ_EAGAIN;
}

const uint8_t *
zseq_native_router_sender (const zseq_native_t *self)
{
    assert (self);
    const zseq_native_connection_t *sender = self->router.sender;
    return sender ? zseq_channel_peer (&sender->channel) : NULL;
}

//  Sending.

int
zseq_native_router_reply (zseq_native_t *self, const zseq_route_t *route,
                          const uint8_t *bytes, size_t size)
{
    assert (self);

    zseq_native_router_t *router = &self->router;
    uint32_t slot;
    uint64_t id;
    if (route->size != sizeof slot + sizeof id)
        return ZSEQ_EAGAIN;
    memcpy (&slot, route->id, sizeof slot);
    memcpy (&id, route->id + sizeof slot, sizeof id);
    zseq_native_connection_t *connection =
      slot < router->slots ? router->slot[slot] : NULL;
    if (!connection || connection->id != id || !connection->shaken)
        return ZSEQ_EAGAIN;
    s_mark_dirty (router, connection);
    return zseq_channel_put (&connection->channel, bytes, size);
}

void
zseq_native_router_flush (zseq_native_t *self)
{
    assert (self);

    zseq_native_router_t *router = &self->router;
    zseq_native_connection_t *connection;
    while ((connection = TAILQ_FIRST (&router->dirty))) {
        TAILQ_REMOVE (&router->dirty, connection, dirty_list);
        connection->dirty = false;
        zseq_outbox_flush (&connection->channel.outbox);
    }
}

//  Time and memory.

uint64_t
zseq_native_router_expire (zseq_native_t *self, uint64_t now_us)
{
    assert (self);

    zseq_native_router_t *router = &self->router;
    zseq_native_connection_t *oldest;
    while ((oldest = TAILQ_FIRST (&router->handshakes)) &&
           oldest->until_us <= now_us)
        s_end_for (self, oldest, ZSEQ_REFUSAL_HANDSHAKE);
    uint64_t due_us = oldest ? oldest->until_us : ZSEQ_NATIVE_NEVER;
    if (router->paused && router->resume_us <= now_us) {
        router->paused = false;
        (void) zseq_native_watch (self, EPOLL_CTL_MOD, router->fd, EPOLLIN,
                                  zseq_native_key (ZSEQ_NATIVE_LISTENER, 0, 0));
    }
    return router->paused && router->resume_us < due_us ? router->resume_us
                                                        : due_us;
}

static size_t
s_weight (zseq_native_connection_t *connection)
{
    return sizeof *connection + connection->channel.capacity +
           connection->channel.outbox.filling.capacity +
           connection->channel.outbox.sending.capacity +
           (connection->channel.curve ? sizeof *connection->channel.curve : 0);
}

//  What a connection takes, for sorting.
typedef struct {
    size_t weight;
    zseq_native_connection_t *connection;
} s_share_t;

static int
s_compare_shares (const void *a, const void *b)
{
    size_t first = ((const s_share_t *) a)->weight;
    size_t second = ((const s_share_t *) b)->weight;
    return (first < second) - (first > second);
}

//  Lists the connections, those that take most first. Returns what all take.
static size_t
s_list_shares (const zseq_native_router_t *router, s_share_t *shares)
{
    size_t total = 0;
    size_t count = 0;
    for (size_t slot = 0; slot < router->slots; slot++) {
        zseq_native_connection_t *connection = router->slot[slot];
        if (!connection)
            continue;
        shares[count].weight = s_weight (connection);
        shares[count].connection = connection;
        total += shares[count++].weight;
    }
    assert (count == router->count);
    qsort (shares, count, sizeof *shares, s_compare_shares);
    return total;
}

size_t
zseq_native_router_shed (zseq_native_t *self)
{
    assert (self);

    size_t count = self->router.count;
    s_share_t *shares = count ? calloc (count, sizeof *shares) : NULL;
    if (!shares)
        return 0;
    size_t total = s_list_shares (&self->router, shares);
    size_t freed = 0;
    size_t ended = 0;
    while (freed < total - total / 2) {
        freed += shares[ended].weight;
        s_end_for (self, shares[ended++].connection, ZSEQ_REFUSAL_MEMORY);
    }
    free (shares);
    return ended;
}
