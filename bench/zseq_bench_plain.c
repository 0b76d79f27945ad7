#include "zseq_bench_plain.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096
#define EVENTS_MAX 64
#define TIMEOUT_MS 10000

//  Bytes that are read at once.
#define BUFFER 8192

//  Notes why an operation failed. Returns -1.
static int
s_text (char *text, const char *why)
{
    snprintf (text, ZSEQ_BENCH_TEXT_MAX, "plain: %s", why);
    return -1;
}

static void
s_set_address (struct sockaddr_in *address, uint16_t port)
{
    memset (address, 0, sizeof *address);
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    address->sin_port = htons (port);
}

static void
s_set_nodelay (int fd)
{
    int one = 1;
    (void) setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

//  The server. A connection's epoll data is its record; the listener's NULL.

typedef struct {
    int fd;
    size_t size;  //  Bytes that have come of the next request
    uint8_t bytes[BUFFER];
} s_connection_t;

int
zseq_bench_plain_listen (uint16_t *port_p)
{
    assert (port_p);
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    s_set_address (&address, 0);
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 &&
        bind (fd, (const struct sockaddr *) &address, sizeof address) == 0 &&
        listen (fd, BACKLOG) == 0 &&
        getsockname (fd, (struct sockaddr *) &address, &size) == 0) {
        *port_p = ntohs (address.sin_port);
        return fd;
    }
    if (fd >= 0)
        close (fd);
    return -1;
}

//  Adds a connection that waits to epoll.
static void
s_accept (int epoll, int listener)
{
    int fd = accept4 (listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    s_connection_t *connection = fd >= 0 ? malloc (sizeof *connection) : NULL;
    if (!connection) {
        if (fd >= 0)
            close (fd);
        return;
    }
    connection->fd = fd;
    connection->size = 0;
    s_set_nodelay (fd);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl (epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        close (fd);
        free (connection);
    }
}

//  Answers the requests that have come whole, with one write. False: the
//  connection is to be closed.
static bool
s_answer (const zseq_bench_plain_t *self, s_connection_t *connection)
{
    uint8_t replies[BUFFER / sizeof (uint64_t) * ZSEQ_BENCH_PLAIN_SIZE_MAX];
    size_t at = 0;
    size_t size = 0;
    for (; connection->size - at >= self->request_size;
         at += self->request_size) {
        memset (replies + size, 0, self->reply_size);
        memcpy (replies + size, connection->bytes + at, sizeof (uint64_t));
        size += self->reply_size;
    }
    connection->size -= at;
    memmove (connection->bytes, connection->bytes + at, connection->size);
    //  A client waits for its replies: there is room for them.
    return size == 0 ||
           send (connection->fd, replies, size, MSG_NOSIGNAL) == (ssize_t) size;
}

//  Reads a connection. False: it is to be closed.
static bool
s_read (const zseq_bench_plain_t *self, s_connection_t *connection)
{
    ssize_t size = recv (connection->fd, connection->bytes + connection->size,
                         sizeof connection->bytes - connection->size, 0);
    if (size < 0)
        return errno == EAGAIN || errno == EINTR;
    connection->size += (size_t) size;
    return size > 0 && s_answer (self, connection);
}

int
zseq_bench_plain_serve (const zseq_bench_plain_t *self, int listener)
{
    assert (self);
    assert (self->request_size >= sizeof (uint64_t));
    assert (self->reply_size >= sizeof (uint64_t));
    assert (self->reply_size <= ZSEQ_BENCH_PLAIN_SIZE_MAX);
    int epoll = epoll_create1 (EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll < 0 || epoll_ctl (epoll, EPOLL_CTL_ADD, listener, &event) != 0)
        return 1;
    while (true) {
        struct epoll_event events[EVENTS_MAX];
        int count = epoll_wait (epoll, events, EVENTS_MAX, -1);
        if (count < 0 && errno != EINTR)
            return 1;
        for (int at = 0; at < count; at++) {
            s_connection_t *connection = events[at].data.ptr;
            if (!connection)
                s_accept (epoll, listener);
            else if (!s_read (self, connection)) {
                close (connection->fd);
                free (connection);
            }
        }
    }
}

//  A client, with a connection to each server.

typedef struct {
    zseq_bench_plain_t plain;
    int epoll;
    int fd[ZSEQ_BENCH_PLAIN_NODES_MAX];
    size_t size[ZSEQ_BENCH_PLAIN_NODES_MAX];  //  Bytes of the next reply
    uint8_t bytes[ZSEQ_BENCH_PLAIN_NODES_MAX][BUFFER];
    size_t n;
    size_t w;
    uint64_t request;
} s_client_t;

void
zseq_bench_plain_close (void *context)
{
    s_client_t *self = context;
    for (size_t i = 0; i < self->n; i++)
        if (self->fd[i] >= 0)
            close (self->fd[i]);
    if (self->epoll >= 0)
        close (self->epoll);
    free (self);
}

static int
s_connect (s_client_t *self, size_t index, uint16_t port)
{
    struct sockaddr_in address;
    s_set_address (&address, port);
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    self->fd[index] = fd;
    if (fd < 0 ||
        connect (fd, (const struct sockaddr *) &address, sizeof address) != 0)
        return -1;
    s_set_nodelay (fd);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = index};
    return epoll_ctl (self->epoll, EPOLL_CTL_ADD, fd, &event);
}

int
zseq_bench_plain_open (const zseq_bench_plain_t *self, const uint16_t *ports,
                       size_t n, size_t w, void **context_p, char *text)
{
    assert (self);
    assert (ports);
    assert (n >= 1);
    assert (n <= ZSEQ_BENCH_PLAIN_NODES_MAX);
    assert (w >= 1);
    assert (w <= n);
    s_client_t *client = calloc (1, sizeof *client);
    if (!client)
        return s_text (text, "out of memory");
    client->plain = *self;
    client->w = w;
    client->epoll = epoll_create1 (EPOLL_CLOEXEC);
    int rc = client->epoll >= 0 ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        client->n++;
        rc = s_connect (client, i, ports[i]);
    }
    if (rc != 0) {
        s_text (text, strerror (errno));
        zseq_bench_plain_close (client);
        return -1;
    }
    *context_p = client;
    return 0;
}

//  Reads a connection. Returns how many of its replies answer the current
//  request; -1 with the reason in text.
static int
s_take (s_client_t *self, size_t index, char *text)
{
    uint8_t *bytes = self->bytes[index];
    ssize_t size = recv (self->fd[index], bytes + self->size[index],
                         BUFFER - self->size[index], MSG_DONTWAIT);
    if (size <= 0)
        return size < 0 && errno == EAGAIN
                 ? 0
                 : s_text (text, size < 0 ? strerror (errno) : "hung up");
    self->size[index] += (size_t) size;
    int answers = 0;
    size_t at = 0;
    for (; self->size[index] - at >= self->plain.reply_size;
         at += self->plain.reply_size)
        answers += !memcmp (bytes + at, &self->request, sizeof self->request);
    self->size[index] -= at;
    memmove (bytes, bytes + at, self->size[index]);
    return answers;
}

//  Gathers w replies.
static int
s_gather (s_client_t *self, char *text)
{
    for (size_t got = 0; got < self->w;) {
        struct epoll_event events[ZSEQ_BENCH_PLAIN_NODES_MAX];
        int count = epoll_wait (self->epoll, events, ZSEQ_BENCH_PLAIN_NODES_MAX,
                                TIMEOUT_MS);
        if (count == 0)
            return s_text (text, "no reply");
        if (count < 0 && errno != EINTR)
            return s_text (text, strerror (errno));
        for (int at = 0; at < count; at++) {
            int answers = s_take (self, events[at].data.u64, text);
            if (answers < 0)
                return -1;
            got += (size_t) answers;
        }
    }
    return 0;
}

int
zseq_bench_plain_repeat (void *context, size_t count, uint64_t *last,
                         char *text)
{
    s_client_t *self = context;
    (void) last;
    for (size_t done = 0; done < count; done++) {
        uint8_t request[ZSEQ_BENCH_PLAIN_SIZE_MAX] = {0};
        self->request++;
        memcpy (request, &self->request, sizeof self->request);
        for (size_t i = 0; i < self->n; i++)
            if (send (self->fd[i], request, self->plain.request_size,
                      MSG_NOSIGNAL) != (ssize_t) self->plain.request_size)
                return s_text (text, strerror (errno));
        if (s_gather (self, text) != 0)
            return -1;
    }
    return 0;
}
