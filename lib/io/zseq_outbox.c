#include "zseq_outbox.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "zseq.h"

#define CAPACITY_MIN 512
//  Writes of one thread in a row. Then epoll has to ask for more: others may
//  add bytes as fast as one can send them.
#define WRITES_MAX 16

void
zseq_outbox_init (zseq_outbox_t *self, size_t keep)
{
    assert (self);
    memset (self, 0, sizeof *self);
    pthread_mutex_init (&self->lock, NULL);
    pthread_mutex_init (&self->writing, NULL);
    self->keep = keep;
    self->fd = -1;
}

void
zseq_outbox_term (zseq_outbox_t *self)
{
    assert (self);
    zseq_outbox_close (self);
    pthread_mutex_destroy (&self->lock);
    pthread_mutex_destroy (&self->writing);
}

void
zseq_outbox_open (zseq_outbox_t *self, int fd, int epoll, uint64_t key,
                  size_t messages_max)
{
    assert (self);
    assert (fd >= 0);
    assert (messages_max);
    pthread_mutex_lock (&self->writing);
    assert (self->fd == -1);
    self->fd = fd;
    self->epoll = epoll;
    self->key = key;
    self->messages_max = messages_max;
    self->blocked = false;
    pthread_mutex_unlock (&self->writing);
}

static void
s_free (zseq_outbox_buffer_t *buffer)
{
    free (buffer->bytes);
    memset (buffer, 0, sizeof *buffer);
}

void
zseq_outbox_close (zseq_outbox_t *self)
{
    assert (self);
    pthread_mutex_lock (&self->writing);
    if (self->fd >= 0) {
        //  A forked child may have the socket, too.
        (void) epoll_ctl (self->epoll, EPOLL_CTL_DEL, self->fd, NULL);
        (void) shutdown (self->fd, SHUT_RDWR);
        close (self->fd);
    }
    self->fd = -1;
    self->sent = 0;
    s_free (&self->sending);
    pthread_mutex_lock (&self->lock);
    s_free (&self->filling);
    pthread_mutex_unlock (&self->lock);
    pthread_mutex_unlock (&self->writing);
}

//  Makes room for size more bytes.
static bool
s_reserve (zseq_outbox_buffer_t *buffer, size_t size)
{
    size_t capacity = buffer->capacity ? buffer->capacity : CAPACITY_MIN;
    while (capacity < buffer->size + size)
        capacity *= 2;
    if (capacity == buffer->capacity)
        return true;
    uint8_t *bytes = realloc (buffer->bytes, capacity);
    if (!bytes)
        return false;
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return true;
}

//  Whether the limits allow one more. Lock held.
static bool
s_fits (const zseq_outbox_t *self, size_t size, size_t max)
{
    return self->filling.size + size <= max &&
           self->filling.messages < self->messages_max;
}

uint8_t *
zseq_outbox_begin (zseq_outbox_t *self, size_t size, size_t max)
{
    assert (self);

    pthread_mutex_lock (&self->lock);
    zseq_outbox_buffer_t *buffer = &self->filling;
    if (s_fits (self, size, max) && s_reserve (buffer, size))
        return buffer->bytes + buffer->size;
    pthread_mutex_unlock (&self->lock);
    return NULL;
}

void
zseq_outbox_end (zseq_outbox_t *self, size_t size)
{
    assert (self);
    assert (self->filling.size + size <= self->filling.capacity);
    self->filling.size += size;
    self->filling.messages += size > 0;
    pthread_mutex_unlock (&self->lock);
}

int
zseq_outbox_put (zseq_outbox_t *self, const uint8_t *head, size_t head_size,
                 const uint8_t *bytes, size_t size, size_t max)
{
    assert (self);
    assert (head || head_size == 0);
    assert (bytes || size == 0);

    uint8_t *at = zseq_outbox_begin (self, head_size + size, max);
    if (!at)
        return ZSEQ_EAGAIN;
    if (head_size)
        memcpy (at, head, head_size);
    if (size)
        memcpy (at + head_size, bytes, size);
    zseq_outbox_end (self, head_size + size);
    return ZSEQ_OK;
}

size_t
zseq_outbox_size (zseq_outbox_t *self)
{
    assert (self);
    pthread_mutex_lock (&self->lock);
    size_t size = self->filling.size;
    pthread_mutex_unlock (&self->lock);
    return size;
}

bool
zseq_outbox_fits (zseq_outbox_t *self, size_t size, size_t max)
{
    assert (self);
    pthread_mutex_lock (&self->lock);
    bool fits = s_fits (self, size, max);
    pthread_mutex_unlock (&self->lock);
    return fits;
}

//  Takes what was added since the last write. False: nothing was.
static bool
s_take (zseq_outbox_t *self)
{
    self->sent = self->sending.size = self->sending.messages = 0;
    if (self->sending.capacity > self->keep)
        s_free (&self->sending);
    pthread_mutex_lock (&self->lock);
    zseq_outbox_buffer_t taken = self->filling;
    if (taken.size) {
        self->filling = self->sending;
        self->sending = taken;
    }
    pthread_mutex_unlock (&self->lock);
    return taken.size > 0;
}

static void
s_set_blocked (zseq_outbox_t *self, bool blocked)
{
    if (self->blocked == blocked)
        return;
    self->blocked = blocked;
    struct epoll_event event = {.events =
                                  ZSEQ_OUTBOX_EVENTS | (blocked ? EPOLLOUT : 0),
                                .data.u64 = self->key};
    (void) epoll_ctl (self->epoll, EPOLL_CTL_MOD, self->fd, &event);
}

//  Writes until all is sent, or the system takes no more.
static void
s_write (zseq_outbox_t *self)
{
    size_t writes = 0;
    while (self->fd >= 0) {
        if (self->sent == self->sending.size && !s_take (self)) {
            s_set_blocked (self, false);
            return;
        }
        if (writes++ == WRITES_MAX) {
            s_set_blocked (self, true);
            return;
        }
        ssize_t size =
          send (self->fd, self->sending.bytes + self->sent,
                self->sending.size - self->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size >= 0)
            self->sent += (size_t) size;
        else if (errno == EAGAIN) {
            s_set_blocked (self, true);
            return;
        }
        else if (errno != EINTR) {
            //  Another's descriptor now: see the caveats of zseq.h.
            assert (errno != EBADF && errno != ENOTSOCK);
            //  A frame may have been sent in part: nothing may follow it.
            self->sent = self->sending.size;
            (void) shutdown (self->fd, SHUT_RDWR);
        }
    }
}

bool
zseq_outbox_empty (zseq_outbox_t *self)
{
    assert (self);
    pthread_mutex_lock (&self->writing);
    bool empty = self->sent == self->sending.size;
    pthread_mutex_unlock (&self->writing);
    return empty && zseq_outbox_size (self) == 0;
}

void
zseq_outbox_flush (zseq_outbox_t *self)
{
    assert (self);

    //  A thread that adds bytes and then finds another one writing leaves them
    //  to that one, which looks again after it has let go.
    bool again;
    do {
        atomic_thread_fence (memory_order_seq_cst);
        if (pthread_mutex_trylock (&self->writing) != 0)
            return;
        s_write (self);
        again = self->fd >= 0 && !self->blocked;
        pthread_mutex_unlock (&self->writing);
        atomic_thread_fence (memory_order_seq_cst);
    } while (again && zseq_outbox_size (self) > 0);
}
