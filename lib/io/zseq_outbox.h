//  What is to be sent over a connection: a bounded queue of bytes in front of
//  the system's.
//
//  Threads put bytes in while they hold the lock of the connection's owner, and
//  flush without it. One of them writes for all: those that come meanwhile
//  leave at once, and it looks again before it leaves. So no thread waits for
//  another one's write, and the writes become fewer and larger the more there
//  is to send.

#ifndef ZSEQ_OUTBOX_H_INCLUDED
#define ZSEQ_OUTBOX_H_INCLUDED

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

typedef struct {
    uint8_t *bytes;
    size_t size;
    size_t capacity;
    size_t messages;  //  That its bytes are
} zseq_outbox_buffer_t;

typedef struct {
    pthread_mutex_t lock;     //  Guards filling; held for a moment
    pthread_mutex_t writing;  //  Guards all else; the thread that writes has it
    zseq_outbox_buffer_t filling;
    zseq_outbox_buffer_t sending;
    size_t sent;  //  Bytes of sending
    size_t keep;  //  Bytes of a buffer that stay allocated while it is empty
    size_t messages_max;
    int fd;  //  -1: closed
    int epoll;
    uint64_t key;
    bool blocked;  //  The system takes no more; epoll says when it does
} zseq_outbox_t;

void zseq_outbox_init (zseq_outbox_t *self, size_t keep);
void zseq_outbox_term (zseq_outbox_t *self);

//  The events for which a connection is in epoll, but for EPOLLOUT.
#define ZSEQ_OUTBOX_EVENTS (EPOLLIN | EPOLLRDHUP)

//  Opens it on a connected socket, which is in epoll for these events, with key
//  as its data. Takes the socket over. messages_max: how many may wait, beside
//  those that are being written.
void zseq_outbox_open (zseq_outbox_t *self, int fd, int epoll, uint64_t key,
                       size_t messages_max);

//  Drops what is left, and closes the socket. The other end sees that at once,
//  whoever else may have the socket.
void zseq_outbox_close (zseq_outbox_t *self);

//  Adds a message in two parts. Errors: ZSEQ_EAGAIN (there would be more than
//  max bytes or messages_max messages, or no memory is left), nothing added.
int zseq_outbox_put (zseq_outbox_t *self, const uint8_t *head, size_t head_size,
                     const uint8_t *bytes, size_t size, size_t max);

//  Adds a message of size bytes that the caller writes: _begin returns where;
//  NULL: as ZSEQ_EAGAIN above. After that comes _end, with 0 to add nothing.
//  Others wait meanwhile.
uint8_t *zseq_outbox_begin (zseq_outbox_t *self, size_t size, size_t max);
void zseq_outbox_end (zseq_outbox_t *self, size_t size);

//  Bytes that wait, but for those that a thread writes just now.
size_t zseq_outbox_size (zseq_outbox_t *self);

//  Whether a message of that size could be added, as far as the limits go.
bool zseq_outbox_fits (zseq_outbox_t *self, size_t size, size_t max);

//  Whether all has been sent.
bool zseq_outbox_empty (zseq_outbox_t *self);

//  Sends what the system takes. A connection that fails drops the bytes, and is
//  shut down; its owner learns it from epoll.
void zseq_outbox_flush (zseq_outbox_t *self);

#endif
