#include "zseq_channel.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "zseq_msg.h"

#define CAPACITY_MIN 8192
//  Bytes that may wait to be sent, beside what the system holds.
#define OUTBOX_MAX (8 * (size_t) ZSEQ_MESSAGE_MAX)
//  Reads of what a connection that is closed still brings.
#define DISCARDS_MAX 64

void
zseq_channel_init (zseq_channel_t *self, size_t keep)
{
    assert (self);
    memset (self, 0, sizeof *self);
    self->fd = -1;
    zseq_outbox_init (&self->outbox, keep);
}

void
zseq_channel_term (zseq_channel_t *self)
{
    assert (self);
    free (zseq_channel_close (self));
    zseq_outbox_term (&self->outbox);
}

void
zseq_channel_set_keys (zseq_channel_t *self, const zseq_curve_keys_t *keys,
                       const uint8_t *server_key)
{
    assert (self);
    assert (self->fd == -1);

    self->keys = keys;
    self->server_key = server_key;
}

void
zseq_channel_open (zseq_channel_t *self, int fd, int epoll, uint64_t key,
                   zseq_zmtp_socket_t socket,
                   const zseq_transport_options_t *options)
{
    assert (self);
    assert (self->fd == -1);
    assert (options);

    self->fd = fd;
    self->bytes = self->greeting;
    self->capacity = sizeof self->greeting;
    self->at = self->size = self->needed = 0;
    self->readable = true;
    zseq_zmtp_init (&self->zmtp, socket,
                    self->keys ? ZSEQ_ZMTP_CURVE : ZSEQ_ZMTP_NULL,
                    (size_t) options->message_size_max);
    uint8_t greeting[ZSEQ_ZMTP_GREETING_SIZE];
    zseq_zmtp_put_greeting (&self->zmtp, greeting);
    //  Nothing was sent yet, so the system takes it; else the other end waits
    //  in vain, and hangs up.
    (void) !send (fd, greeting, sizeof greeting, MSG_NOSIGNAL | MSG_DONTWAIT);
    zseq_outbox_open (&self->outbox, fd, epoll, key,
                      (size_t) options->queue_max);
}

uint8_t *
zseq_channel_close (zseq_channel_t *self)
{
    assert (self);
    zseq_outbox_close (&self->outbox);
    if (self->curve)
        zseq_curve_term (self->curve);
    free (self->curve);
    self->curve = NULL;
    uint8_t *bytes = self->bytes == self->greeting ? NULL : self->bytes;
    self->fd = -1;
    self->bytes = NULL;
    self->capacity = self->at = self->size = 0;
    return bytes;
}

//  Makes room behind the bytes that have come.
static bool
s_make_room (zseq_channel_t *self)
{
    if (self->at > 0) {
        self->size -= self->at;
        memmove (self->bytes, self->bytes + self->at, self->size);
        self->at = 0;
    }
    if (self->size < self->capacity)
        return true;
    //  It grows as the frame comes, whatever the frame's head has announced.
    size_t capacity = self->capacity ? 2 * self->capacity : CAPACITY_MIN;
    if (self->capacity && capacity > self->needed)
        capacity = self->needed > self->capacity ? self->needed : capacity;
    uint8_t *bytes = realloc (self->bytes, capacity);
    if (!bytes)
        return false;
    self->bytes = bytes;
    self->capacity = capacity;
    return true;
}

int
zseq_channel_read (zseq_channel_t *self)
{
    assert (self);
    assert (self->fd >= 0);

    if (!s_make_room (self))
        return ZSEQ_EIO;
    size_t room = self->capacity - self->size;
    ssize_t size;
    do
        size = recv (self->fd, self->bytes + self->size, room, MSG_DONTWAIT);
    while (size == -1 && errno == EINTR);
    self->readable = size == (ssize_t) room;
    if (size == -1 && errno == EAGAIN)
        return ZSEQ_EAGAIN;
    assert (size >= 0 || (errno != EBADF && errno != ENOTSOCK));
    if (size <= 0)
        return ZSEQ_EIO;
    self->size += (size_t) size;
    return ZSEQ_OK;
}

uint8_t *
zseq_channel_renew (zseq_channel_t *self)
{
    assert (self);
    assert (self->bytes && self->bytes != self->greeting);

    uint8_t *bytes = malloc (self->capacity);
    if (!bytes)
        return NULL;
    uint8_t *before = self->bytes;
    self->size -= self->at;
    memcpy (bytes, before + self->at, self->size);
    self->bytes = bytes;
    self->at = 0;
    return before;
}

void
zseq_channel_discard (zseq_channel_t *self)
{
    assert (self);
    uint8_t bytes[4096];
    (void) shutdown (self->fd, SHUT_WR);
    for (size_t times = 0; times < DISCARDS_MAX; times++)
        if (recv (self->fd, bytes, sizeof bytes, MSG_DONTWAIT) <= 0)
            return;
}

bool
zseq_channel_at_end (const zseq_channel_t *self)
{
    assert (self);
    assert (self->fd >= 0);

    char byte;
    if (self->at < self->size)
        return false;
    ssize_t size = recv (self->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return size == 0 || (size == -1 && errno != EAGAIN && errno != EINTR);
}

//  Adds a frame to the outbox. Without memory for it, nothing is added.
static int
s_put_frame (zseq_channel_t *self,
             size_t (*put) (zseq_zmtp_t *zmtp, uint8_t *bytes,
                            const uint8_t *contents, size_t size),
             const uint8_t *contents, size_t size)
{
    size_t frame_size = zseq_zmtp_frame_size (&self->zmtp, size);
    uint8_t *bytes = zseq_outbox_begin (&self->outbox, frame_size, OUTBOX_MAX);
    if (!bytes)
        return ZSEQ_EAGAIN;
    size_t added = put (&self->zmtp, bytes, contents, size);
    assert (added == frame_size || added == 0);
    zseq_outbox_end (&self->outbox, added);
    if (added)
        return ZSEQ_OK;
    (void) shutdown (self->fd, SHUT_RDWR);
    return ZSEQ_EAGAIN;
}

//  Begins the mechanism CURVE. Without memory for it, the connection ends.
static bool
s_begin_curve (zseq_channel_t *self)
{
    self->curve = malloc (sizeof *self->curve);
    if (!self->curve)
        return false;
    if (self->zmtp.socket == ZSEQ_ZMTP_DEALER)
        zseq_curve_init_client (self->curve, self->keys, self->server_key);
    else
        zseq_curve_init_server (self->curve, self->keys);
    zseq_zmtp_set_curve (&self->zmtp, self->curve);
    return true;
}

static void
s_shake (zseq_channel_t *self)
{
    uint8_t bytes[ZSEQ_ZMTP_HANDSHAKE_MAX];
    size_t size = zseq_zmtp_put_handshake (&self->zmtp, bytes);
    if (size)
        (void) zseq_outbox_put (&self->outbox, bytes, size, NULL, 0,
                                OUTBOX_MAX);
}

//  False: the connection has to end.
static bool
s_answer (zseq_channel_t *self, const zseq_zmtp_event_t *event)
{
    if (event->type == ZSEQ_ZMTP_GREETED) {
        assert (self->bytes == self->greeting);
        self->bytes = NULL;
        self->capacity = self->at = self->size = 0;
        self->readable = true;
        if (self->keys && !s_begin_curve (self))
            return false;
    }
    if (event->type == ZSEQ_ZMTP_GREETED ||
        event->type == ZSEQ_ZMTP_HANDSHAKE || event->type == ZSEQ_ZMTP_READY ||
        event->type == ZSEQ_ZMTP_FAILED)
        s_shake (self);
    else if (event->type == ZSEQ_ZMTP_PING) {
        uint8_t bytes[ZSEQ_ZMTP_PONG_MAX];
        size_t size = zseq_zmtp_put_pong (bytes, event);
        (void) s_put_frame (self, zseq_zmtp_put_command, bytes, size);
    }
    return true;
}

zseq_zmtp_event_t
zseq_channel_next (zseq_channel_t *self)
{
    assert (self);

    size_t size = self->size - self->at;
    uint8_t *bytes = size ? self->bytes + self->at : NULL;
    zseq_zmtp_event_t event = zseq_zmtp_next (&self->zmtp, bytes, size);
    self->at += event.taken;
    self->needed = event.needed;
    if (!s_answer (self, &event))
        event.type = ZSEQ_ZMTP_FAILED;
    return event;
}

const uint8_t *
zseq_channel_peer (const zseq_channel_t *self)
{
    assert (self);
    return self->curve ? self->curve->peer : NULL;
}

void
zseq_channel_trim (zseq_channel_t *self)
{
    assert (self);
    if (self->at < self->size || self->bytes == self->greeting)
        return;
    free (self->bytes);
    self->bytes = NULL;
    self->capacity = self->at = self->size = 0;
}

int
zseq_channel_put (zseq_channel_t *self, const uint8_t *bytes, size_t size)
{
    assert (self);
    if (s_put_frame (self, zseq_zmtp_put_message, bytes, size) == ZSEQ_OK)
        return ZSEQ_OK;
    //  A turn may have more for one connection than the outbox holds.
    zseq_outbox_flush (&self->outbox);
    return s_put_frame (self, zseq_zmtp_put_message, bytes, size);
}

bool
zseq_channel_ready (zseq_channel_t *self)
{
    assert (self);
    return zseq_outbox_fits (
      &self->outbox, zseq_zmtp_frame_size (&self->zmtp, ZSEQ_MESSAGE_MAX),
      OUTBOX_MAX);
}

static void
s_set (int fd, int level, int option, int value)
{
    //  A connection works without any of them.
    (void) setsockopt (fd, level, option, &value, sizeof value);
}

void
zseq_channel_set_tcp (int fd, int silence_ms)
{
    s_set (fd, IPPROTO_TCP, TCP_NODELAY, 1);
    s_set (fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    s_set (fd, IPPROTO_TCP, TCP_KEEPIDLE, 1);
    s_set (fd, IPPROTO_TCP, TCP_KEEPINTVL, 1);
    s_set (fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
    s_set (fd, IPPROTO_TCP, TCP_USER_TIMEOUT, silence_ms);
}
