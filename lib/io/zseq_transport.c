//  Chooses the kind of a transport, and passes each call on to it.

#include "zseq_transport.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zseq_address.h"
#include "zseq_io_texts.h"
#include "zseq_transport_private.h"

//  A connection that finds the backlog full is tried again a second later, so
//  thousands of clients that start together must fit. Linux admits 4096.
static const zseq_transport_options_t s_defaults = {
  .queue_max = 1024,
  .backlog = 4096,
  .message_size_max = ZSEQ_MESSAGE_MAX,
  .connections_max = 16384,
  .source_max = 4096,
  .linger_ms = 200,
  .silence_ms = 3000,
  .reconnect_ms = 20,
  .reconnect_ms_max = 1000,
  .connect_ms = 3000,
  .handshake_ms = 5000,
};

//  The kinds that this build has; the first is the default.
static const struct {
    const char *name;
    zseq_transport_kind_t kind;
    zseq_transport_t *(*make) (void);
} s_kinds[] = {
#ifdef ZSEQ_ZMQ
  {"zmq", ZSEQ_TRANSPORT_ZMQ, zseq_transport_zmq_new},
#endif
  {"native", ZSEQ_TRANSPORT_NATIVE, zseq_transport_native_new},
};

#define KINDS (sizeof s_kinds / sizeof *s_kinds)

zseq_transport_kind_t
zseq_transport_kind_find (const char *name)
{
    assert (name);
    for (size_t index = 0; index < KINDS; index++)
        if (!strcmp (s_kinds[index].name, name))
            return s_kinds[index].kind;
    return ZSEQ_TRANSPORT_NONE;
}

zseq_transport_kind_t
zseq_transport_kind_choose (zseq_transport_kind_t given)
{
    if (given != ZSEQ_TRANSPORT_NONE)
        return given;
    const char *name = getenv ("ZSEQ_TRANSPORT");
    return name && *name ? zseq_transport_kind_find (name) : s_kinds[0].kind;
}

int
zseq_transport_fail (zseq_transport_t *self, int rc, const char *format, ...)
{
    assert (self);
    assert (format);
    va_list list;
    va_start (list, format);
    vsnprintf (self->text, sizeof self->text, format, list);
    va_end (list);
    return rc;
}

//  Whether a process listens at an ipc endpoint. To bind it would silently take
//  the endpoint over.
static bool
s_taken (const char *endpoint)
{
    zseq_address_t address;
    if (zseq_address_parse (&address, endpoint, true) != ZSEQ_OK)
        return false;
    int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1)
        return false;
    //  EAGAIN: more wait to be accepted than may.
    bool taken =
      connect (fd, (const struct sockaddr *) &address.any, address.size) == 0 ||
      errno == EAGAIN;
    close (fd);
    return taken;
}

//  Replaces a default by the given option unless the given option is 0.
static void
s_choose (int *option, int given)
{
    assert (given >= 0);
    if (given)
        *option = given;
}

static void
s_take_options (zseq_transport_options_t *self,
                const zseq_transport_options_t *given)
{
    *self = s_defaults;
    if (!given)
        return;
    self->kind = given->kind;
    self->keys = given->keys;
    s_choose (&self->queue_max, given->queue_max);
    s_choose (&self->backlog, given->backlog);
    s_choose (&self->message_size_max, given->message_size_max);
    s_choose (&self->connections_max, given->connections_max);
    s_choose (&self->source_max, given->source_max);
    s_choose (&self->linger_ms, given->linger_ms);
    s_choose (&self->silence_ms, given->silence_ms);
    s_choose (&self->reconnect_ms, given->reconnect_ms);
    s_choose (&self->reconnect_ms_max, given->reconnect_ms_max);
    s_choose (&self->connect_ms, given->connect_ms);
    s_choose (&self->handshake_ms, given->handshake_ms);
}

zseq_transport_t *
zseq_transport_new (const zseq_transport_options_t *options)
{
    zseq_transport_options_t taken;
    s_take_options (&taken, options);
    if (taken.keys && sodium_init () == -1)
        return NULL;
    taken.kind = zseq_transport_kind_choose (taken.kind);
    size_t index = 0;
    while (index < KINDS && s_kinds[index].kind != taken.kind)
        index++;
    //  Callers check a name before they get here.
    zseq_transport_t *self = s_kinds[index < KINDS ? index : 0].make ();
    if (!self)
        return NULL;
    self->options = taken;
    if (taken.keys) {
        self->keys = *taken.keys;
        self->options.keys = &self->keys;
    }
    return self;
}

void
zseq_transport_destroy (zseq_transport_t **self_p)
{
    assert (self_p);

    zseq_transport_t *self = *self_p;
    if (!self)
        return;
    sodium_memzero (&self->keys, sizeof self->keys);
    self->ops->destroy (self);
    *self_p = NULL;
}

const char *
zseq_transport_text (const zseq_transport_t *self)
{
    assert (self);
    return self->text;
}

//  Whether the path of an ipc endpoint is free, or has the socket that an ended
//  process has left. Both kinds remove what has the path when they bind.
static int
s_check_path (zseq_transport_t *self, const char *endpoint)
{
    struct stat status;
    if (strncmp (endpoint, "ipc://", 6))
        return ZSEQ_OK;
    if (s_taken (endpoint))
        return zseq_transport_fail (self, ZSEQ_ELOCKED, ZSEQ_TEXT_BIND_TAKEN,
                                    endpoint);
    const char *path = endpoint + strlen ("ipc://");
    //  An abstract name has no file.
    if (path[0] != '@' && lstat (path, &status) == 0 &&
        !S_ISSOCK (status.st_mode))
        return zseq_transport_fail (self, ZSEQ_EIO, ZSEQ_TEXT_BIND_NOT_SOCKET,
                                    endpoint);
    return ZSEQ_OK;
}

int
zseq_transport_bind (zseq_transport_t *self, const char *endpoint)
{
    assert (self);
    assert (endpoint);
    int rc = s_check_path (self, endpoint);
    return rc == ZSEQ_OK ? self->ops->bind (self, endpoint) : rc;
}

void
zseq_transport_reset (zseq_transport_t *self)
{
    assert (self);
    self->ops->reset (self);
}

int
zseq_transport_link (zseq_transport_t *self, size_t index, const char *endpoint)
{
    assert (self);
    assert (index < ZSEQ_LINKS_MAX);
    assert (endpoint);
    if (self->options.keys && !self->pinned[index])
        return zseq_transport_fail (self, ZSEQ_EINVAL, ZSEQ_TEXT_LINK_NO_KEY,
                                    endpoint);
    return self->ops->link (self, index, endpoint);
}

void
zseq_transport_pin (zseq_transport_t *self, size_t index,
                    const uint8_t *public_key)
{
    assert (self);
    assert (index < ZSEQ_LINKS_MAX);
    assert (public_key);
    self->pinned[index] = zseq_curve_usable (public_key);
    memcpy (self->server_key[index], public_key, ZSEQ_CURVE_KEY_SIZE);
}

const char *
zseq_transport_trouble (zseq_transport_t *self, size_t index)
{
    assert (self);
    assert (index < ZSEQ_LINKS_MAX);
    return self->ops->trouble (self, index);
}

void
zseq_transport_unlink (zseq_transport_t *self, size_t index)
{
    assert (self);
    assert (index < ZSEQ_LINKS_MAX);
    self->ops->unlink (self, index);
}

int
zseq_transport_send (zseq_transport_t *self, size_t index, const uint8_t *bytes,
                     size_t size)
{
    assert (self);
    assert (index < ZSEQ_LINKS_MAX);
    assert (bytes);

    int rc = self->ops->send (self, index, bytes, size);
    if (rc == ZSEQ_OK)
        zseq_transport_count_sent (self, size);
    return rc;
}

_Static_assert(ZSEQ_LINKS_MAX <= 32, "a set of links fits into 32 bits");

uint32_t
zseq_transport_send_all (zseq_transport_t *self, uint32_t links,
                         const uint8_t *bytes, size_t size)
{
    assert (self);
    assert (bytes);

    uint32_t sent = 0;
    for (size_t index = 0; index < ZSEQ_LINKS_MAX; index++)
        if ((links >> index & 1) &&
            zseq_transport_send (self, index, bytes, size) == ZSEQ_OK)
            sent |= 1u << index;
    return sent;
}

int
zseq_transport_reply (zseq_transport_t *self, const zseq_route_t *route,
                      const uint8_t *bytes, size_t size)
{
    assert (self);
    assert (route);
    assert (bytes);

    int rc = self->ops->reply (self, route, bytes, size);
    if (rc == ZSEQ_OK)
        zseq_transport_count_sent (self, size);
    return rc;
}

bool
zseq_transport_ready (zseq_transport_t *self, size_t index)
{
    assert (self);
    assert (index < ZSEQ_LINKS_MAX);
    return self->ops->ready (self, index);
}

int
zseq_transport_recv (zseq_transport_t *self, size_t index,
                     const uint8_t **bytes_p, size_t *size_p)
{
    assert (self);
    assert (index < ZSEQ_LINKS_MAX);
    assert (bytes_p);
    assert (size_p);

    int rc = self->ops->recv (self, index, bytes_p, size_p);
    if (rc == ZSEQ_OK)
        zseq_transport_count_received (self, *size_p);
    return rc;
}

int
zseq_transport_recv_request (zseq_transport_t *self, zseq_route_t *route_p,
                             const uint8_t **bytes_p, size_t *size_p)
{
    assert (self);
    assert (route_p);
    assert (bytes_p);
    assert (size_p);

    int rc = self->ops->recv_request (self, route_p, bytes_p, size_p);
    if (rc == ZSEQ_OK)
        zseq_transport_count_received (self, *size_p);
    return rc;
}

const uint8_t *
zseq_transport_sender (zseq_transport_t *self)
{
    assert (self);
    return self->ops->sender (self);
}

size_t
zseq_transport_drain (zseq_transport_t *self,
                      zseq_frame_t frames[ZSEQ_FRAMES_MAX])
{
    assert (self);
    assert (frames);

    size_t count = self->ops->drain (self, frames);
    for (size_t at = 0; at < count; at++)
        zseq_transport_count_received (self, frames[at].size);
    return count;
}

const zseq_traffic_t *
zseq_transport_traffic (const zseq_transport_t *self)
{
    assert (self);
    return &self->traffic;
}

const zseq_refusal_t *
zseq_transport_refusals (const zseq_transport_t *self)
{
    assert (self);
    return self->refusal;
}

size_t
zseq_transport_fds (const zseq_transport_t *self, struct pollfd *fds)
{
    assert (self);
    assert (fds);
    return self->ops->fds (self, fds);
}

int
zseq_transport_poll (zseq_transport_t *self, struct pollfd *fds, size_t count,
                     const struct timespec *timeout)
{
    assert (self);
    assert (fds);
    return self->ops->poll ? self->ops->poll (self, fds, count, timeout)
                           : ppoll (fds, count, timeout, NULL);
}

void
zseq_transport_watch (zseq_transport_t *self, int fd)
{
    assert (self);
    assert (fd >= 0);
    if (self->ops->watch)
        self->ops->watch (self, fd);
}

void
zseq_transport_unwatch (zseq_transport_t *self, int fd)
{
    assert (self);
    assert (fd >= 0);
    if (self->ops->unwatch)
        self->ops->unwatch (self, fd);
}

void
zseq_transport_note_ready (zseq_transport_t *self, const struct pollfd *fds,
                           size_t count)
{
    assert (self);
    assert (fds);
    self->ops->note_ready (self, fds, count);
}

void
zseq_transport_flush (zseq_transport_t *self)
{
    assert (self);
    if (self->ops->flush)
        self->ops->flush (self);
}

size_t
zseq_transport_shed (zseq_transport_t *self)
{
    assert (self);
    return self->ops->shed ? self->ops->shed (self) : 0;
}

bool
zseq_transport_unflushed (const zseq_transport_t *self)
{
    assert (self);
    return self->ops->unflushed && self->ops->unflushed (self);
}
