//  Tests transports against each other: a ROUTER of each kind with links of
//  each kind, over IPv4, IPv6 and ipc.

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zseq_transport.h"
#include "zseq_zmtp.h"

#define WAIT_MS 10000
#define FILES 16

typedef struct {
    zseq_transport_t *router;
    zseq_transport_t *client;
    char endpoint[128];
    const uint8_t *bytes;  //  Received last, by either
    size_t size;
    zseq_route_t route;
} s_pair_t;

static const zseq_transport_kind_t s_kinds[] = {ZSEQ_TRANSPORT_ZMQ,
                                                ZSEQ_TRANSPORT_NATIVE};

static char s_path[64];

static zseq_transport_t *
s_new (zseq_transport_kind_t kind)
{
    zseq_transport_options_t options = {.kind = kind, .handshake_ms = 1000};
    zseq_transport_t *transport = zseq_transport_new (&options);
    cr_assert (transport);
    return transport;
}

//  Waits until one of both has something to do.
static void
s_wait (s_pair_t *self)
{
    struct pollfd fds[2 * ZSEQ_TRANSPORT_FDS_MAX];
    zseq_transport_flush (self->router);
    zseq_transport_flush (self->client);
    size_t count = zseq_transport_fds (self->router, fds);
    size_t total = count + zseq_transport_fds (self->client, fds + count);
    //  Of what was sent before, some may have come in the meantime.
    (void) poll (fds, (nfds_t) total, 10);
    zseq_transport_note_ready (self->router, fds, count);
    zseq_transport_note_ready (self->client, fds + count, total - count);
}

//  Receives a request; false: none is there.
static bool
s_take_request (s_pair_t *self)
{
    int rc = zseq_transport_recv_request (self->router, &self->route,
                                          &self->bytes, &self->size);
    return rc == ZSEQ_OK;
}

static void
s_await_request (s_pair_t *self)
{
    for (int look = 0; !s_take_request (self); look++) {
        cr_assert_lt (look, WAIT_MS / 10);
        s_wait (self);
    }
}

static void
s_await_reply (s_pair_t *self)
{
    for (int look = 0; zseq_transport_recv (self->client, 0, &self->bytes,
                                            &self->size) != ZSEQ_OK;
         look++) {
        cr_assert_lt (look, WAIT_MS / 10);
        //  The ROUTER has to take what its client sends.
        zseq_route_t route;
        const uint8_t *bytes;
        size_t size;
        while (zseq_transport_recv_request (self->router, &route, &bytes,
                                            &size) == ZSEQ_OK)
            continue;
        s_wait (self);
    }
}

static void
s_send (s_pair_t *self, const void *bytes, size_t size)
{
    for (int look = 0;
         zseq_transport_send (self->client, 0, bytes, size) != ZSEQ_OK;
         look++) {
        cr_assert_lt (look, WAIT_MS / 10);
        zseq_route_t route;
        const uint8_t *none;
        size_t none_size;
        cr_assert_neq (
          zseq_transport_recv_request (self->router, &route, &none, &none_size),
          ZSEQ_OK);
        s_wait (self);
    }
    zseq_transport_flush (self->client);
}

static void
s_reply (s_pair_t *self, const void *bytes, size_t size)
{
    cr_assert_eq (
      zseq_transport_reply (self->router, &self->route, bytes, size), ZSEQ_OK);
    zseq_transport_flush (self->router);
}

static void
s_open (s_pair_t *self, zseq_transport_kind_t router,
        zseq_transport_kind_t client, const char *endpoint)
{
    memset (self, 0, sizeof *self);
    self->router = s_new (router);
    self->client = s_new (client);
    snprintf (self->endpoint, sizeof self->endpoint, "%s", endpoint);
    cr_assert_eq (zseq_transport_bind (self->router, endpoint), ZSEQ_OK, "%s",
                  zseq_transport_text (self->router));
    cr_assert_eq (zseq_transport_link (self->client, 0, endpoint), ZSEQ_OK);
}

static void
s_close (s_pair_t *self)
{
    zseq_transport_destroy (&self->client);
    zseq_transport_destroy (&self->router);
}

//  An endpoint of a port that was free a moment ago.
static const char *
s_free_port (const char *host)
{
    static char endpoint[64];
    int fd = socket (AF_INET, SOCK_STREAM, 0);
    struct sockaddr_storage any = {.ss_family = AF_INET};
    socklen_t size = 16;
    cr_assert_eq (bind (fd, (struct sockaddr *) &any, size), 0);
    cr_assert_eq (getsockname (fd, (struct sockaddr *) &any, &size), 0);
    uint8_t *port = (uint8_t *) &any + 2;
    snprintf (endpoint, sizeof endpoint, "tcp://%s:%d", host,
              port[0] << 8 | port[1]);
    close (fd);
    return endpoint;
}

static const char *
s_ipc (void)
{
    static char endpoint[sizeof s_path + 8];
    snprintf (s_path, sizeof s_path, "/tmp/zseq-pairs.%d", (int) getpid ());
    snprintf (endpoint, sizeof endpoint, "ipc://%s", s_path);
    return endpoint;
}

//  Runs a case for each pair of kinds.
static void
s_each (void (*run) (s_pair_t *self), const char *endpoint)
{
    for (size_t index = 0; index < 4; index++) {
        s_pair_t self;
        s_open (&self, s_kinds[index / 2], s_kinds[index % 2], endpoint);
        run (&self);
        s_close (&self);
    }
}

static void
s_exchange (s_pair_t *self)
{
    s_send (self, "ping", 4);
    s_await_request (self);
    cr_assert_eq (self->size, 4);
    cr_assert_arr_eq (self->bytes, "ping", 4);
    s_reply (self, "pong!", 5);
    s_await_reply (self);
    cr_assert_eq (self->size, 5);
    cr_assert_arr_eq (self->bytes, "pong!", 5);
}

Test (pairs, exchange_messages_over_ipv4)
{
    s_each (s_exchange, s_free_port ("127.0.0.1"));
}

Test (pairs, exchange_messages_over_ipv6)
{
    if (access ("/proc/net/if_inet6", F_OK) != 0)
        cr_skip_test ("no IPv6");
    s_each (s_exchange, s_free_port ("[::1]"));
}

Test (pairs, exchange_messages_over_ipc)
{
    s_each (s_exchange, s_ipc ());
}

static const char *
s_abstract (void)
{
    static char endpoint[64];
    snprintf (endpoint, sizeof endpoint, "ipc://@zseq-pairs.%d",
              (int) getpid ());
    return endpoint;
}

//  There is no file.
Test (pairs, exchange_messages_over_abstract_ipc)
{
    s_each (s_exchange, s_abstract ());
    cr_assert_neq (access (s_abstract () + strlen ("ipc://"), F_OK), 0);
}

//  A name is resolved in the background.
Test (pairs, exchange_messages_with_a_named_host)
{
    const char *port = strrchr (s_free_port ("127.0.0.1"), ':');
    char bound[64];
    char named[64];
    snprintf (bound, sizeof bound, "tcp://127.0.0.1%s", port);
    snprintf (named, sizeof named, "tcp://localhost%s", port);
    for (size_t index = 0; index < 4; index++) {
        s_pair_t self;
        s_open (&self, s_kinds[index / 2], s_kinds[index % 2], bound);
        cr_assert_eq (zseq_transport_link (self.client, 0, named), ZSEQ_OK);
        s_exchange (&self);
        s_close (&self);
    }
}

//  It is resolved again and again, which keeps nothing else waiting.
Test (pairs, wait_for_a_name_that_does_not_resolve)
{
    s_pair_t self;
    s_open (&self, ZSEQ_TRANSPORT_NATIVE, ZSEQ_TRANSPORT_NATIVE, s_ipc ());
    cr_assert_eq (
      zseq_transport_link (self.client, 1, "tcp://no-such-host.invalid:1"),
      ZSEQ_OK);
    s_exchange (&self);
    cr_assert (!zseq_transport_ready (self.client, 1));
    cr_assert_eq (
      zseq_transport_send (self.client, 1, (const uint8_t *) "x", 1),
      ZSEQ_EAGAIN);
    s_close (&self);
}

static void
s_exchange_long (s_pair_t *self)
{
    static const size_t sizes[] = {
      0, 1, 255, 256, 8191, 8192, ZSEQ_MESSAGE_MAX - 1, ZSEQ_MESSAGE_MAX};
    uint8_t *bytes = malloc (ZSEQ_MESSAGE_MAX);
    cr_assert (bytes);
    for (size_t at = 0; at < ZSEQ_MESSAGE_MAX; at++)
        bytes[at] = (uint8_t) (at * 7 + at / 256);
    for (size_t index = 0; index < sizeof sizes / sizeof *sizes; index++) {
        size_t size = sizes[index];
        s_send (self, bytes, size);
        s_await_request (self);
        cr_assert_eq (self->size, size);
        cr_assert (!size || !memcmp (self->bytes, bytes, size));
        s_reply (self, bytes, size);
        s_await_reply (self);
        cr_assert_eq (self->size, size);
        cr_assert (!size || !memcmp (self->bytes, bytes, size));
    }
    free (bytes);
}

Test (pairs, exchange_messages_of_any_size)
{
    s_each (s_exchange_long, s_free_port ("127.0.0.1"));
}

//  More than any buffer holds. Each message is there once, in order.
static void
s_exchange_many (s_pair_t *self)
{
    enum { COUNT = 20000 };
    uint32_t sent = 0;
    uint32_t asked = 0;
    uint32_t answered = 0;
    uint8_t bytes[512] = {0};
    while (answered < COUNT) {
        while (sent < COUNT && sent - answered < 500) {
            memcpy (bytes, &sent, sizeof sent);
            if (zseq_transport_send (self->client, 0, bytes, 4 + sent % 500) !=
                ZSEQ_OK)
                break;
            sent++;
        }
        while (s_take_request (self)) {
            uint32_t number;
            memcpy (&number, self->bytes, sizeof number);
            cr_assert_eq (number, asked);
            cr_assert_eq (self->size, 4 + asked % 500);
            asked++;
            s_reply (self, self->bytes, self->size);
        }
        while (zseq_transport_recv (self->client, 0, &self->bytes,
                                    &self->size) == ZSEQ_OK) {
            uint32_t number;
            memcpy (&number, self->bytes, sizeof number);
            cr_assert_eq (number, answered);
            answered++;
        }
        s_wait (self);
    }
}

Test (pairs, exchange_many_messages_in_order)
{
    s_each (s_exchange_many, s_free_port ("127.0.0.1"));
}

//  The client comes back by itself, and what it could not send is not queued.
static void
s_come_back (s_pair_t *self)
{
    s_exchange (self);
    zseq_transport_reset (self->router);
    while (zseq_transport_ready (self->client, 0)) {
        (void) zseq_transport_recv (self->client, 0, &self->bytes, &self->size);
        s_wait (self);
    }
    cr_assert_eq (
      zseq_transport_send (self->client, 0, (const uint8_t *) "x", 1),
      ZSEQ_EAGAIN);
    int rc;
    while ((rc = zseq_transport_bind (self->router, self->endpoint)) ==
           ZSEQ_ELOCKED)
        s_wait (self);
    cr_assert_eq (rc, ZSEQ_OK, "%s", zseq_transport_text (self->router));
    s_exchange (self);
}

Test (pairs, come_together_again_after_the_node_was_away)
{
    s_each (s_come_back, s_free_port ("127.0.0.1"));
}

//  A node may answer and end; whoever has its answer may send meanwhile.
static void
s_end_after_reply (s_pair_t *self)
{
    s_send (self, "ping", 4);
    s_await_request (self);
    s_reply (self, "the last one", 12);
    s_await_reply (self);
    const uint8_t *bytes = self->bytes;
    zseq_transport_reset (self->router);
    while (zseq_transport_ready (self->client, 0))
        s_wait (self);
    cr_assert_arr_eq (bytes, "the last one", 12);
}

Test (pairs, keep_a_frame_whose_node_has_ended)
{
    s_each (s_end_after_reply, s_free_port ("127.0.0.1"));
}

//  A route belongs to a connection, not to a slot.
static void
s_late_reply (s_pair_t *self)
{
    s_exchange (self);
    zseq_route_t old = self->route;
    zseq_transport_unlink (self->client, 0);
    //  Until the ROUTER knows that the connection has ended.
    while (zseq_transport_reply (self->router, &old, (const uint8_t *) "old",
                                 3) == ZSEQ_OK) {
        (void) s_take_request (self);
        s_wait (self);
    }
    cr_assert_eq (zseq_transport_link (self->client, 0, self->endpoint),
                  ZSEQ_OK);
    s_send (self, "new", 3);
    s_await_request (self);
    cr_assert_eq (
      zseq_transport_reply (self->router, &old, (const uint8_t *) "old", 3),
      ZSEQ_EAGAIN);
    s_reply (self, "for the new one", 15);
    s_await_reply (self);
    cr_assert_eq (self->size, 15);
}

Test (pairs, send_no_late_reply_to_another_connection)
{
    s_each (s_late_reply, s_free_port ("127.0.0.1"));
}

//  Its replies are dropped once they are too many, and nobody waits. libzmq
//  always reads, whether or not its user does.
static void
s_slow_reader (s_pair_t *self)
{
    s_send (self, "ping", 4);
    s_await_request (self);
    uint8_t *bytes = calloc (1, ZSEQ_MESSAGE_MAX);
    cr_assert (bytes);
    size_t dropped = 0;
    for (size_t count = 0; count < 4096 && !dropped; count++) {
        dropped += zseq_transport_reply (self->router, &self->route, bytes,
                                         ZSEQ_MESSAGE_MAX) != ZSEQ_OK;
        zseq_transport_flush (self->router);
    }
    cr_assert_gt (dropped, 0);
    free (bytes);
}

Test (pairs, drop_replies_to_one_that_does_not_read)
{
    const char *endpoint = s_free_port ("127.0.0.1");
    for (size_t index = 0; index < 2; index++) {
        s_pair_t self;
        s_open (&self, s_kinds[index], ZSEQ_TRANSPORT_NATIVE, endpoint);
        s_slow_reader (&self);
        s_close (&self);
    }
}

//  Where a node binds.

Test (pairs, bind_no_abstract_name_that_is_taken)
{
    for (size_t index = 0; index < 4; index++) {
        s_pair_t self;
        s_open (&self, s_kinds[index / 2], ZSEQ_TRANSPORT_NATIVE,
                s_abstract ());
        zseq_transport_t *other = s_new (s_kinds[index % 2]);
        cr_assert_eq (zseq_transport_bind (other, s_abstract ()), ZSEQ_ELOCKED);
        cr_assert (
          strstr (zseq_transport_text (other), "a process listens there"));
        cr_assert_eq (zseq_transport_bind (other, "ipc://@"), ZSEQ_EINVAL);
        zseq_transport_destroy (&other);
        s_close (&self);
    }
}

Test (pairs, bind_the_socket_that_an_ended_process_has_left)
{
    const char *endpoint = s_ipc ();
    s_pair_t self;
    for (size_t index = 0; index < 2; index++) {
        s_open (&self, s_kinds[index], ZSEQ_TRANSPORT_NATIVE, endpoint);
        zseq_transport_t *other = s_new (s_kinds[index]);
        cr_assert_eq (zseq_transport_bind (other, endpoint), ZSEQ_ELOCKED);
        cr_assert (
          strstr (zseq_transport_text (other), "a process listens there"));
        zseq_transport_destroy (&other);
        s_close (&self);
    }
    //  A socket that nobody listens at.
    int fd = socket (AF_UNIX, SOCK_STREAM, 0);
    struct {
        sa_family_t family;
        char path[sizeof s_path];
    } address = {.family = AF_UNIX};
    memcpy (address.path, s_path, sizeof s_path);
    cr_assert_eq (bind (fd, (struct sockaddr *) &address, sizeof address), 0);
    close (fd);
    s_open (&self, ZSEQ_TRANSPORT_NATIVE, ZSEQ_TRANSPORT_NATIVE, endpoint);
    s_exchange (&self);
    s_close (&self);
    cr_assert_neq (access (s_path, F_OK), 0);
}

Test (pairs, leave_a_file_alone_that_is_no_socket)
{
    const char *endpoint = s_ipc ();
    FILE *file = fopen (s_path, "w");
    cr_assert (file);
    fclose (file);
    zseq_transport_t *router = s_new (ZSEQ_TRANSPORT_NATIVE);
    cr_assert_eq (zseq_transport_bind (router, endpoint), ZSEQ_EIO);
    cr_assert (strstr (zseq_transport_text (router),
                       "something that is no socket has that path: remove it"));
    zseq_transport_destroy (&router);
    cr_assert_eq (access (s_path, F_OK), 0);
    unlink (s_path);
}

Test (pairs, refuse_endpoints_that_are_none)
{
    static const char *const malformed[] = {
      "tcp://127.0.0.1", "tcp://127.0.0.1:x", "tcp://127.0.0.1:65536",

      "tcp://[::1:1",    "udp://127.0.0.1:1", "tcp://[1.2.3.4.5]:1",
      "ipc://",          "tcp://:1"};
    zseq_transport_t *router = s_new (ZSEQ_TRANSPORT_NATIVE);
    for (size_t index = 0; index < sizeof malformed / sizeof *malformed;
         index++)
        cr_expect_eq (zseq_transport_bind (router, malformed[index]),
                      ZSEQ_EINVAL, "%s", malformed[index]);
    cr_assert_eq (zseq_transport_bind (router, "tcp://1.2.3.4.5:1"), ZSEQ_EIO);
    cr_assert_eq (zseq_transport_link (router, 0, "tcp://1.2.3.4.5:1"),
                  ZSEQ_EINVAL);
    cr_assert (strstr (zseq_transport_text (router),
                       "cannot connect to tcp://1.2.3.4.5:1: "));
    cr_assert_eq (zseq_transport_bind (router, "tcp://no-interface:1"),
                  ZSEQ_EIO);
    cr_assert (
      strstr (zseq_transport_text (router), "no address or interface"));
    cr_assert_eq (zseq_transport_bind (router, "tcp://lo:*"), ZSEQ_OK);
    zseq_transport_destroy (&router);
}

//  Limits of the native ROUTER.

Test (pairs, take_a_frame_of_each_sender_in_turn)
{
    s_pair_t many;
    s_open (&many, ZSEQ_TRANSPORT_NATIVE, ZSEQ_TRANSPORT_NATIVE, s_ipc ());
    s_pair_t one = {.router = many.router,
                    .client = s_new (ZSEQ_TRANSPORT_NATIVE)};
    cr_assert_eq (zseq_transport_link (one.client, 0, many.endpoint), ZSEQ_OK);
    s_exchange (&many);
    s_exchange (&one);
    for (size_t count = 0; count < 500; count++)
        s_send (&many, "many", 4);
    s_send (&one, "one", 3);
    s_wait (&many);
    size_t taken = 0;
    do {
        s_await_request (&many);
        taken++;
    } while (many.size != 3);
    cr_assert_leq (taken, 2);
    zseq_transport_destroy (&one.client);
    s_close (&many);
}

static int
s_dial (const char *endpoint)
{
    struct {
        sa_family_t family;
        char path[sizeof s_path];
    } address = {.family = AF_UNIX};
    snprintf (address.path, sizeof address.path, "%s", endpoint + 6);
    int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    cr_assert_eq (connect (fd, (struct sockaddr *) &address, sizeof address),
                  0);
    return fd;
}

//  Whether the ROUTER has hung up; until then it has sent its greeting at most.
static bool
s_hung_up (int fd)
{
    char bytes[128];
    ssize_t size;
    while ((size = recv (fd, bytes, sizeof bytes, 0)) > 0)
        continue;
    return size == 0 || errno == ECONNRESET;
}

Test (pairs, end_the_oldest_half_open_connection_when_all_are_in_use)
{
    zseq_transport_options_t options = {.kind = ZSEQ_TRANSPORT_NATIVE,
                                        .connections_max = FILES};
    s_pair_t self = {.router = zseq_transport_new (&options),
                     .client = s_new (ZSEQ_TRANSPORT_NATIVE)};
    const char *endpoint = s_ipc ();
    cr_assert_eq (zseq_transport_bind (self.router, endpoint), ZSEQ_OK);
    int fds[2 * FILES];
    for (size_t index = 0; index < 2 * FILES; index++)
        fds[index] = s_dial (endpoint);
    while (!s_hung_up (fds[FILES - 1])) {
        (void) s_take_request (&self);
        s_wait (&self);
    }
    for (size_t index = 0; index < 2 * FILES; index++)
        cr_expect_eq (s_hung_up (fds[index]), index < FILES, "%zu", index);
    //  One that shakes hands is served.
    cr_assert_eq (zseq_transport_link (self.client, 0, endpoint), ZSEQ_OK);
    s_exchange (&self);
    for (size_t index = 0; index < 2 * FILES; index++)
        close (fds[index]);
    s_close (&self);
}

Test (pairs, end_a_handshake_that_takes_too_long)
{
    s_pair_t self;
    const char *endpoint = s_ipc ();
    s_open (&self, ZSEQ_TRANSPORT_NATIVE, ZSEQ_TRANSPORT_NATIVE, endpoint);
    s_exchange (&self);
    int fd = s_dial (endpoint);
    while (!s_hung_up (fd)) {
        (void) s_take_request (&self);
        s_wait (&self);
    }
    close (fd);
    s_exchange (&self);
    s_close (&self);
}

//  Sends most of a long message. It takes the ROUTER's memory until it is
//  complete.
static void
s_send_part (s_pair_t *self, int fd)
{
    static uint8_t bytes[ZSEQ_MESSAGE_MAX];
    size_t size = sizeof zseq_zmtp_greeting;
    memcpy (bytes, zseq_zmtp_greeting, size);
    size += zseq_zmtp_put_ready (bytes + size, ZSEQ_ZMTP_DEALER);
    (void) zseq_zmtp_put_head (bytes + size, ZSEQ_MESSAGE_MAX);
    for (size_t sent = 0; sent < sizeof bytes;) {
        ssize_t rc = send (fd, bytes + sent, sizeof bytes - sent, 0);
        sent += rc > 0 ? (size_t) rc : 0;
        cr_assert (!s_take_request (self));
        s_wait (self);
    }
    int unread = 1;
    while (unread > 0) {
        cr_assert_eq (ioctl (fd, SIOCOUTQ, &unread), 0);
        cr_assert (!s_take_request (self));
        s_wait (self);
    }
}

Test (pairs, shed_the_connections_that_take_most)
{
    s_pair_t self;
    const char *endpoint = s_ipc ();
    s_open (&self, ZSEQ_TRANSPORT_NATIVE, ZSEQ_TRANSPORT_NATIVE, endpoint);
    s_exchange (&self);
    int fd = s_dial (endpoint);
    s_send_part (&self, fd);
    cr_assert_eq (zseq_transport_shed (self.router), 1);
    cr_assert (s_hung_up (fd));
    close (fd);
    //  The other one has its connection still.
    s_reply (&self, "again", 5);
    s_await_reply (&self);
    cr_assert_eq (self.size, 5);
    s_close (&self);
}

Test (pairs, shed_nothing_where_it_cannot_be_told)
{
    s_pair_t self;
    s_open (&self, ZSEQ_TRANSPORT_ZMQ, ZSEQ_TRANSPORT_NATIVE, s_ipc ());
    s_exchange (&self);
    cr_assert_eq (zseq_transport_shed (self.router), 0);
    s_close (&self);
}
