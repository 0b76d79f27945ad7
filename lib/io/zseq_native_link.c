//  A link of the native transport: a connection to a node that comes back by
//  itself. It waits, resolves its host, connects, shakes hands, and is then
//  connected; a failure anywhere begins the next wait, which is longer.

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zseq_io_texts.h"
#include "zseq_limits.h"
#include "zseq_native.h"

//  Of an idle link; one that resolves a name needs a thread and one more.
#define DESCRIPTORS 1
#define NAMED_DESCRIPTORS 2

//  Bytes of the outbox that stay allocated.
#define KEEP 65536
//  Reads until a frame is there: the largest needs fewer. The other end must
//  not keep a thread with what is no frame.
#define READS_MAX 16

void
zseq_native_link_init (zseq_native_link_t *self)
{
    assert (self);
    memset (self, 0, sizeof *self);
    zseq_channel_init (&self->channel, KEEP);
    self->fd = -1;
    self->due_us = ZSEQ_NATIVE_NEVER;
}

void
zseq_native_link_term (zseq_native_link_t *self)
{
    assert (self);
    assert (self->state == ZSEQ_NATIVE_UNUSED);
    zseq_channel_term (&self->channel);
}

static uint64_t
s_key (const zseq_native_t *self, const zseq_native_link_t *link)
{
    return zseq_native_key (ZSEQ_NATIVE_LINK, (uint32_t) (link - self->link),
                            link->count);
}

//  Gives up the connection, or what the link does for one.
static void
s_drop (zseq_native_t *self, zseq_native_link_t *link)
{
    link->count++;
    if (link->lookup) {
        (void) zseq_native_watch (self, EPOLL_CTL_DEL,
                                  zseq_lookup_fd (link->lookup), 0, 0);
        zseq_lookup_destroy (&link->lookup);
    }
    if (link->fd >= 0) {
        (void) zseq_native_watch (self, EPOLL_CTL_DEL, link->fd, 0, 0);
        close (link->fd);
    }
    link->fd = -1;
    uint8_t *bytes = zseq_channel_close (&link->channel);
    //  The frames in use are so until the owner receives again.
    if (bytes && link->given)
        self->retired[self->retired_count++] = bytes;
    else
        free (bytes);
    link->given = false;
}

//  Begins to wait: each time twice as long, up to a limit. Many links to a node
//  that has just ended do not all come back at once.
static void
s_fail (zseq_native_t *self, zseq_native_link_t *link)
{
    s_drop (self, link);
    const zseq_transport_options_t *options = &self->transport.options;
    uint64_t wait_ms = (uint64_t) options->reconnect_ms;
    for (unsigned times = 0; times < link->failures; times++)
        if (wait_ms < (uint64_t) options->reconnect_ms_max)
            wait_ms *= 2;
    if (wait_ms > (uint64_t) options->reconnect_ms_max)
        wait_ms = (uint64_t) options->reconnect_ms_max;
    uint64_t jitter_us =
      randombytes_uniform ((uint32_t) options->reconnect_ms * 1000);
    link->failures++;
    link->trouble = ZSEQ_NATIVE_NO_TROUBLE;
    link->state = ZSEQ_NATIVE_WAITING;
    link->due_us = zseq_native_now_us () + wait_ms * 1000 + jitter_us;
    self->untimed = true;
}

//  What the end of a handshake says of keys. A node of libzmq may hang up
//  before it has sent which mechanism it has, if that is not ours; and any node
//  after a HELLO that it cannot open.
static zseq_native_trouble_t
s_find_trouble (const zseq_channel_t *channel)
{
    switch (channel->zmtp.error) {
    case ZSEQ_ZMTP_WANTS_KEYS:
        return ZSEQ_NATIVE_WANTS_KEYS;
    case ZSEQ_ZMTP_LACKS_KEYS:
        return ZSEQ_NATIVE_LACKS_KEYS;
    case ZSEQ_ZMTP_FORGED:
        return ZSEQ_NATIVE_OTHER_KEY;
    case ZSEQ_ZMTP_REFUSED:
        return channel->curve ? ZSEQ_NATIVE_DENIED : ZSEQ_NATIVE_NO_TROUBLE;
    case ZSEQ_ZMTP_OK:
        break;
    default:
        return ZSEQ_NATIVE_NO_TROUBLE;
    }
    if (!channel->curve)
        return ZSEQ_NATIVE_HUNG_UP;
    return zseq_curve_welcomed (channel->curve) ? ZSEQ_NATIVE_DENIED
                                                : ZSEQ_NATIVE_OTHER_KEY;
}

//  The handshake has failed.
static void
s_fail_handshake (zseq_native_t *self, zseq_native_link_t *link)
{
    zseq_native_trouble_t trouble = s_find_trouble (&link->channel);
    s_fail (self, link);
    link->trouble = trouble;
}

static uint64_t
s_after (int ms)
{
    return zseq_native_now_us () + (uint64_t) ms * 1000;
}

//  The socket is connected.
static void
s_shake (zseq_native_t *self, zseq_native_link_t *link)
{
    int fd = link->fd;
    link->fd = -1;
    link->count++;
    link->state = ZSEQ_NATIVE_SHAKING;
    link->due_us = s_after (self->transport.options.handshake_ms);
    uint64_t key = s_key (self, link);
    link->ended = false;
    (void) zseq_native_watch (self, EPOLL_CTL_MOD, fd, ZSEQ_OUTBOX_EVENTS, key);
    zseq_channel_set_keys (&link->channel, self->transport.options.keys,
                           link->server_key);
    zseq_channel_open (&link->channel, fd, self->epoll, key, ZSEQ_ZMTP_DEALER,
                       &self->transport.options);
}

//  Watches what the link waits for. Nothing would wake a link that cannot be
//  watched: it tries again later. Errors: ZSEQ_EIO, with the text set.
static int
s_watch (zseq_native_t *self, zseq_native_link_t *link, int fd, uint32_t events)
{
    if (zseq_native_watch (self, EPOLL_CTL_ADD, fd, events, s_key (self, link)))
        return ZSEQ_OK;
    int rc = zseq_native_fail_watch (self, link->endpoint);
    s_fail (self, link);
    return rc;
}

//  Errors: as s_watch.
static int
s_connect (zseq_native_t *self, zseq_native_link_t *link,
           const zseq_address_t *address)
{
    link->fd = socket (address->any.ss_family,
                       SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (link->fd == -1) {
        s_fail (self, link);
        return ZSEQ_OK;
    }
    if (address->any.ss_family != AF_UNIX)
        zseq_channel_set_tcp (link->fd, self->transport.options.silence_ms);
    int rc = connect (link->fd, (const struct sockaddr *) &address->any,
                      address->size);
    if (rc == -1 && errno != EINPROGRESS && errno != EINTR) {
        s_fail (self, link);
        return ZSEQ_OK;
    }
    bool connected = rc == 0;
    link->state = ZSEQ_NATIVE_CONNECTING;
    link->due_us = s_after (self->transport.options.connect_ms);
    rc = s_watch (self, link, link->fd, EPOLLOUT);
    if (rc == ZSEQ_OK && connected)
        s_shake (self, link);
    return rc;
}

//  Begins an attempt. Only a host with a name needs to be resolved, each time
//  anew. Errors: as s_watch; any other failure is tried again, as that one is.
static int
s_start (zseq_native_t *self, zseq_native_link_t *link)
{
    link->count++;
    zseq_address_t address;
    int rc = zseq_address_parse (&address, link->endpoint, false);
    if (rc == ZSEQ_OK)
        return s_connect (self, link, &address);
    link->lookup = zseq_lookup_new (link->endpoint);
    if (!link->lookup) {
        s_fail (self, link);
        return ZSEQ_OK;
    }
    link->state = ZSEQ_NATIVE_RESOLVING;
    link->due_us = ZSEQ_NATIVE_NEVER;
    return s_watch (self, link, zseq_lookup_fd (link->lookup), EPOLLIN);
}

int
zseq_native_link_open (zseq_native_t *self, size_t index, const char *endpoint)
{
    assert (self);

    zseq_native_link_close (self, index);
    zseq_address_t address;
    int rc = zseq_address_parse (&address, endpoint, false);
    if (rc == ZSEQ_EINVAL)
        return zseq_transport_fail (&self->transport, rc,
                                    ZSEQ_TEXT_CONNECT_FAILED, endpoint,
                                    strerror (EINVAL));
    bool named = rc != ZSEQ_OK;
    if (!zseq_limits_leave (named ? NAMED_DESCRIPTORS : DESCRIPTORS, named,
                            self->transport.text, sizeof self->transport.text))
        return ZSEQ_EIO;
    zseq_native_link_t *link = &self->link[index];
    snprintf (link->endpoint, sizeof link->endpoint, "%s", endpoint);
    memcpy (link->server_key, self->transport.server_key[index],
            sizeof link->server_key);
    link->failures = 0;
    link->trouble = ZSEQ_NATIVE_NO_TROUBLE;
    rc = s_start (self, link);
    if (rc != ZSEQ_OK)
        zseq_native_link_close (self, index);
    return rc;
}

void
zseq_native_link_close (zseq_native_t *self, size_t index)
{
    assert (self);

    zseq_native_link_t *link = &self->link[index];
    if (link->state == ZSEQ_NATIVE_UNUSED)
        return;
    s_drop (self, link);
    link->state = ZSEQ_NATIVE_UNUSED;
    link->due_us = ZSEQ_NATIVE_NEVER;
}

static void
s_end_lookup (zseq_native_t *self, zseq_native_link_t *link)
{
    zseq_address_t address;
    int rc = zseq_lookup_take (link->lookup, &address);
    if (rc == ZSEQ_EAGAIN)
        return;
    s_drop (self, link);
    if (rc == ZSEQ_OK)
        (void) s_connect (self, link, &address);
    else
        s_fail (self, link);
}

//  Whether a socket is connected to itself, as TCP allows: its own port was the
//  one that it tries, while no node listened there.
static bool
s_is_own (int fd)
{
    zseq_address_t own = {.size = sizeof own.any};
    zseq_address_t other = {.size = sizeof other.any};
    return getsockname (fd, (struct sockaddr *) &own.any, &own.size) == 0 &&
           getpeername (fd, (struct sockaddr *) &other.any, &other.size) == 0 &&
           own.any.ss_family != AF_UNIX && own.size == other.size &&
           memcmp (&own.any, &other.any, own.size) == 0;
}

static void
s_end_connect (zseq_native_t *self, zseq_native_link_t *link)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt (link->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 &&
        error == 0 && !s_is_own (link->fd))
        s_shake (self, link);
    else
        s_fail (self, link);
}

//  Goes on with the handshake as far as the bytes go.
static void
s_go_on (zseq_native_t *self, zseq_native_link_t *link)
{
    while (link->state == ZSEQ_NATIVE_SHAKING) {
        zseq_zmtp_event_t event = zseq_channel_next (&link->channel);
        if (event.type == ZSEQ_ZMTP_READY) {
            link->state = ZSEQ_NATIVE_CONNECTED;
            link->failures = 0;
            link->trouble = ZSEQ_NATIVE_NO_TROUBLE;
            link->due_us = ZSEQ_NATIVE_NEVER;
            self->connected = true;
        }
        else if (event.type == ZSEQ_ZMTP_GREETED ||
                 event.type == ZSEQ_ZMTP_HANDSHAKE)
            zseq_outbox_flush (&link->channel.outbox);
        else if (event.type == ZSEQ_ZMTP_FAILED)
            s_fail_handshake (self, link);
        else if (!link->channel.readable)
            return;
        else if (zseq_channel_read (&link->channel) == ZSEQ_EIO)
            s_fail_handshake (self, link);
    }
}

void
zseq_native_link_event (zseq_native_t *self, size_t index, uint32_t count,
                        uint32_t events)
{
    assert (self);
    assert (index < ZSEQ_LINKS_MAX);

    zseq_native_link_t *link = &self->link[index];
    if (count != link->count)
        return;
    if (link->state == ZSEQ_NATIVE_RESOLVING)
        s_end_lookup (self, link);
    else if (link->state == ZSEQ_NATIVE_CONNECTING)
        s_end_connect (self, link);
    else {
        link->channel.readable |= (events & ~(uint32_t) EPOLLOUT) != 0;
        link->ended |= (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
        if (events & EPOLLOUT)
            zseq_outbox_flush (&link->channel.outbox);
        s_go_on (self, link);
        //  Who only sends does not receive the end.
        if (link->ended && link->state == ZSEQ_NATIVE_CONNECTED &&
            zseq_channel_at_end (&link->channel))
            s_fail (self, link);
    }
}

uint64_t
zseq_native_link_expire (zseq_native_t *self, size_t index, uint64_t now_us)
{
    assert (self);

    zseq_native_link_t *link = &self->link[index];
    if (now_us < link->due_us)
        return link->due_us;
    if (link->state == ZSEQ_NATIVE_WAITING)
        (void) s_start (self, link);
    else
        s_fail (self, link);
    return link->due_us;
}

//  Reads. Frames that were given stay where they are. False: nothing was read.
static bool
s_read (zseq_native_t *self, zseq_native_link_t *link)
{
    if (!link->channel.readable)
        return false;
    if (link->given) {
        uint8_t *bytes = self->retired_count < ZSEQ_NATIVE_RETIRED_MAX
                           ? zseq_channel_renew (&link->channel)
                           : NULL;
        if (!bytes)
            return false;
        self->retired[self->retired_count++] = bytes;
        link->given = false;
    }
    if (zseq_channel_read (&link->channel) == ZSEQ_EIO)
        s_fail (self, link);
    return true;
}

int
zseq_native_link_recv (zseq_native_t *self, size_t index,
                       const uint8_t **bytes_p, size_t *size_p)
{
    assert (self);

    zseq_native_link_t *link = &self->link[index];
    size_t reads = 0;
    while (link->state == ZSEQ_NATIVE_CONNECTED) {
        zseq_zmtp_event_t event = zseq_channel_next (&link->channel);
        if (event.type == ZSEQ_ZMTP_FRAME) {
            *bytes_p = event.bytes ? event.bytes : link->channel.greeting;
            *size_p = event.size;
            return ZSEQ_OK;
        }
        if (event.type == ZSEQ_ZMTP_PING)
            atomic_fetch_or (&self->dirty_links, 1u << index);
        else if (event.type == ZSEQ_ZMTP_FAILED)
            s_fail (self, link);
        else if (event.type == ZSEQ_ZMTP_SHORT &&
                 (reads++ == READS_MAX || !s_read (self, link)))
            return ZSEQ_EAGAIN;
    }
    return ZSEQ_EAGAIN;
}

const char *
zseq_native_link_trouble (const zseq_native_t *self, size_t index)
{
    assert (self);

    switch (self->link[index].trouble) {
    case ZSEQ_NATIVE_WANTS_KEYS:
        return ZSEQ_TEXT_NODE_WANTS_KEYS;
    case ZSEQ_NATIVE_LACKS_KEYS:
        return ZSEQ_TEXT_NODE_LACKS_KEYS;
    case ZSEQ_NATIVE_OTHER_KEY:
        return ZSEQ_TEXT_NODE_OTHER_KEY;
    case ZSEQ_NATIVE_HUNG_UP:
        return self->transport.options.keys ? ZSEQ_TEXT_NODE_HANGS_UP
                                            : ZSEQ_TEXT_NODE_HANGS_UP_KEYLESS;
    case ZSEQ_NATIVE_DENIED:
        return ZSEQ_TEXT_NODE_DENIES;
    default:
        return NULL;
    }
}

bool
zseq_native_link_ready (zseq_native_t *self, size_t index)
{
    assert (self);

    zseq_native_link_t *link = &self->link[index];
    return link->state == ZSEQ_NATIVE_CONNECTED && !link->ended &&
           zseq_channel_ready (&link->channel);
}

int
zseq_native_link_send (zseq_native_t *self, size_t index, const uint8_t *bytes,
                       size_t size)
{
    assert (self);

    zseq_native_link_t *link = &self->link[index];
    if (link->state != ZSEQ_NATIVE_CONNECTED || link->ended)
        return ZSEQ_EAGAIN;
    atomic_fetch_or (&self->dirty_links, 1u << index);
    return zseq_channel_put (&link->channel, bytes, size);
}
