//  Tests what bounds a native transport: how much one turn may send, what a
//  hostile node keeps busy, and how long the last replies have.

#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "zseq_transport.h"
#include "zseq_zmtp.h"

enum { LARGE = 49152, WAIT_MS = 10000 };

typedef struct {
    zseq_transport_t *router;
    zseq_transport_t *client;
    zseq_route_t route;
} s_pair_t;

static char s_endpoint[80];

static zseq_transport_t *
s_new (void)
{
    zseq_transport_options_t options = {.kind = ZSEQ_TRANSPORT_NATIVE,
                                        .linger_ms = WAIT_MS};
    zseq_transport_t *transport = zseq_transport_new (&options);
    cr_assert (transport);
    return transport;
}

static const char *
s_path (void)
{
    return s_endpoint + strlen ("ipc://");
}

static void
s_init (void)
{
    snprintf (s_endpoint, sizeof s_endpoint, "ipc:///tmp/zseq-bounds.%d",
              (int) getpid ());
}

static void
s_fini (void)
{
    unlink (s_path ());
}

TestSuite (bounds, .init = s_init, .fini = s_fini);

//  Waits until a transport may have something new.
static void
s_wait (zseq_transport_t *transport)
{
    struct pollfd fds[ZSEQ_TRANSPORT_FDS_MAX];
    zseq_transport_flush (transport);
    size_t count = zseq_transport_fds (transport, fds);
    (void) poll (fds, (nfds_t) count, 10);
    zseq_transport_note_ready (transport, fds, count);
}

//  A client whose request a ROUTER has taken.
static void
s_open (s_pair_t *self)
{
    self->router = s_new ();
    self->client = s_new ();
    cr_assert_eq (zseq_transport_bind (self->router, s_endpoint), ZSEQ_OK);
    cr_assert_eq (zseq_transport_link (self->client, 0, s_endpoint), ZSEQ_OK);
    const uint8_t *bytes;
    size_t size;
    bool sent = false;
    for (int look = 0; zseq_transport_recv_request (self->router, &self->route,
                                                    &bytes, &size) != ZSEQ_OK;
         look++) {
        cr_assert_lt (look, WAIT_MS);
        sent = sent || zseq_transport_send (
                         self->client, 0, (const uint8_t *) "x", 1) == ZSEQ_OK;
        s_wait (self->client);
        s_wait (self->router);
    }
}

static void
s_close (s_pair_t *self)
{
    zseq_transport_destroy (&self->client);
    zseq_transport_destroy (&self->router);
}

static void
s_reply (s_pair_t *self, size_t size)
{
    uint8_t *bytes = calloc (1, size);
    cr_assert_eq (
      zseq_transport_reply (self->router, &self->route, bytes, size), ZSEQ_OK);
    free (bytes);
}

//  Takes count replies of that size.
static void
s_await_replies (s_pair_t *self, size_t count, size_t size)
{
    const uint8_t *bytes;
    size_t got;
    for (int look = 0; count > 0;) {
        if (zseq_transport_recv (self->client, 0, &bytes, &got) == ZSEQ_OK) {
            cr_assert_eq (got, size);
            count--;
            continue;
        }
        cr_assert_lt (look++, WAIT_MS);
        if (self->router) {
            s_wait (self->router);
            cr_assert_neq (zseq_transport_recv_request (
                             self->router, &self->route, &bytes, &got),
                           ZSEQ_OK);
        }
        s_wait (self->client);
    }
}

//  As for thirty clients that read values at once.
Test (bounds, a_turn_may_have_more_replies_than_an_outbox_holds)
{
    s_pair_t self;
    s_open (&self);
    for (size_t count = 0; count < 20; count++)
        s_reply (&self, LARGE);
    s_await_replies (&self, 20, LARGE);
    s_close (&self);
}

//  Then every link is empty, whatever a buffer holds.
Test (bounds, a_drain_that_is_not_full_has_taken_all)
{
    s_pair_t self;
    s_open (&self);
    for (size_t count = 0; count < 40; count++)
        s_reply (&self, 1024);
    zseq_transport_flush (self.router);
    s_wait (self.client);
    size_t total = 0;
    size_t drained;
    do {
        zseq_frame_t frames[ZSEQ_FRAMES_MAX];
        drained = zseq_transport_drain (self.client, frames);
        for (size_t index = 0; index < drained; index++)
            cr_assert_eq (frames[index].size, 1024);
        total += drained;
    } while (drained == ZSEQ_FRAMES_MAX);
    cr_assert_eq (total, 40);
    s_close (&self);
}

static void *
s_destroy (void *arg)
{
    zseq_transport_destroy ((zseq_transport_t **) arg);
    return NULL;
}

//  The socket takes a part of it at once.
Test (bounds, the_last_replies_are_sent_before_the_end)
{
    s_pair_t self;
    s_open (&self);
    for (size_t count = 0; count < 9; count++)
        s_reply (&self, LARGE);
    zseq_transport_t *router = self.router;
    self.router = NULL;
    pthread_t thread;
    cr_assert_eq (pthread_create (&thread, NULL, s_destroy, &router), 0);
    s_await_replies (&self, 9, LARGE);
    pthread_join (thread, NULL);
    s_close (&self);
}

//  A node that sends a message of very many parts, which is dropped, and then
//  one that counts.

enum { PARTS_SIZE = 180000 };

typedef struct {
    int fd;
    atomic_bool connected;
    atomic_bool sent;
} s_node_t;

static void *
s_send_parts (void *arg)
{
    static uint8_t parts[PARTS_SIZE + 5];
    s_node_t *self = arg;
    int fd = accept4 (self->fd, NULL, NULL, SOCK_CLOEXEC);
    int room = 1 << 20;
    (void) setsockopt (fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    uint8_t ready[ZSEQ_ZMTP_READY_MAX];
    size_t size = zseq_zmtp_put_ready (ready, ZSEQ_ZMTP_ROUTER);
    for (size_t at = 0; at < PARTS_SIZE; at += 2)
        parts[at] = 1;  //  More follows an empty part
    //  The last part, and a message.
    memcpy (parts + PARTS_SIZE, "\0\0\0\1x", 5);
    (void) !send (fd, zseq_zmtp_greeting, sizeof zseq_zmtp_greeting,
                  MSG_NOSIGNAL);
    (void) !send (fd, ready, size, MSG_NOSIGNAL);
    while (!self->connected)
        sched_yield ();
    ssize_t sent = send (fd, parts, sizeof parts, MSG_NOSIGNAL);
    self->sent = sent == (ssize_t) sizeof parts;
    return (void *) (intptr_t) fd;
}

//  All is there at once, and is read in several calls: in between, the owner
//  serves others.
Test (bounds, parts_of_a_message_keep_nobody)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf (address.sun_path, sizeof address.sun_path, "%s", s_path ());
    s_node_t node = {.fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    cr_assert_eq (bind (node.fd, (struct sockaddr *) &address, sizeof address),
                  0);
    cr_assert_eq (listen (node.fd, 1), 0);
    pthread_t thread;
    cr_assert_eq (pthread_create (&thread, NULL, s_send_parts, &node), 0);
    zseq_transport_t *client = s_new ();
    cr_assert_eq (zseq_transport_link (client, 0, s_endpoint), ZSEQ_OK);
    for (int look = 0; !zseq_transport_ready (client, 0); look++) {
        cr_assert_lt (look, WAIT_MS);
        s_wait (client);
    }
    node.connected = true;
    void *fd;
    pthread_join (thread, &fd);
    cr_assert (node.sent);
    const uint8_t *bytes;
    size_t size;
    int calls = 0;
    do {
        cr_assert_lt (calls++, WAIT_MS);
        s_wait (client);
    } while (zseq_transport_recv (client, 0, &bytes, &size) != ZSEQ_OK);
    cr_assert_eq (size, 1);
    cr_assert_gt (calls, 1);
    zseq_transport_destroy (&client);
    close ((int) (intptr_t) fd);
    close (node.fd);
}
