//  Tests what only a native transport promises: how much one turn takes, what
//  its only descriptor reports, and whom a ROUTER refuses.

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "zseq_transport.h"
#include "zseq_zmtp.h"

enum { WAIT_MS = 10000, MANY = 100 };

static zseq_transport_t *
s_new (const zseq_transport_options_t *options)
{
    zseq_transport_options_t own = *options;
    own.kind = ZSEQ_TRANSPORT_NATIVE;
    zseq_transport_t *transport = zseq_transport_new (&own);
    cr_assert (transport);
    return transport;
}

static zseq_transport_t *
s_bind (const zseq_transport_options_t *options, const char *endpoint)
{
    zseq_transport_t *router = s_new (options);
    cr_assert_eq (zseq_transport_bind (router, endpoint), ZSEQ_OK, "%s",
                  zseq_transport_text (router));
    return router;
}

//  Polls the transport's descriptor. Whether it was ready.
static bool
s_poll (zseq_transport_t *self, int timeout_ms)
{
    struct pollfd fds[ZSEQ_LINKS_MAX + 1];
    zseq_transport_flush (self);
    size_t count = zseq_transport_fds (self, fds);
    cr_assert_eq (count, 1);
    int found = poll (fds, (nfds_t) count, timeout_ms);
    zseq_transport_note_ready (self, fds, count);
    return found > 0;
}

//  Takes the requests that are there. Returns how many.
static size_t
s_take (zseq_transport_t *router)
{
    zseq_route_t route;
    const uint8_t *bytes;
    size_t size;
    size_t count = 0;
    while (zseq_transport_recv_request (router, &route, &bytes, &size) ==
           ZSEQ_OK)
        count++;
    return count;
}

//  A socket that listens on loopback, and its endpoint.
static int
s_listen (char *endpoint, size_t endpoint_size)
{
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    cr_assert_eq (bind (fd, (const struct sockaddr *) &address, size), 0);
    cr_assert_eq (listen (fd, MANY), 0);
    cr_assert_eq (getsockname (fd, (struct sockaddr *) &address, &size), 0);
    snprintf (endpoint, endpoint_size, "tcp://127.0.0.1:%d",
              ntohs (address.sin_port));
    return fd;
}

static const char *
s_endpoint (void)
{
    static char endpoint[64];
    static int next;
    snprintf (endpoint, sizeof endpoint, "ipc://@zseq-native.%d.%d",
              (int) getpid (), next++);
    return endpoint;
}

static int
s_dial (const char *endpoint)
{
    zseq_address_t address;
    cr_assert_eq (zseq_address_parse (&address, endpoint, false), ZSEQ_OK);
    int fd = socket (address.any.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq (
      connect (fd, (const struct sockaddr *) &address.any, address.size), 0);
    return fd;
}

static void
s_put (int fd, const void *bytes, size_t size)
{
    cr_assert_eq (send (fd, bytes, size, MSG_NOSIGNAL), (ssize_t) size);
}

//  Shakes hands as a DEALER.
static void
s_shake (int fd)
{
    uint8_t ready[ZSEQ_ZMTP_READY_MAX];
    s_put (fd, zseq_zmtp_greeting, sizeof zseq_zmtp_greeting);
    s_put (fd, ready, zseq_zmtp_put_ready (ready, ZSEQ_ZMTP_DEALER));
}

//  Whether the other end has hung up; all that it has sent is dropped.
static bool
s_hung_up (int fd)
{
    char bytes[256];
    ssize_t size;
    while ((size = recv (fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
        continue;
    return size == 0 || errno == ECONNRESET;
}

//  Runs a ROUTER until it has hung up.
static void
s_await_end (zseq_transport_t *router, int fd)
{
    for (int look = 0; !s_hung_up (fd); look++) {
        cr_assert_lt (look, WAIT_MS / 10);
        (void) s_take (router);
        (void) s_poll (router, 10);
    }
}

//  More than the system tells at a time.
Test (native, takes_all_that_has_come_in_one_turn)
{
    zseq_transport_options_t options = {0};
    const char *endpoint = s_endpoint ();
    zseq_transport_t *router = s_bind (&options, endpoint);
    int fds[MANY];
    for (size_t index = 0; index < MANY; index++) {
        fds[index] = s_dial (endpoint);
        s_shake (fds[index]);
        s_put (fds[index], "\0\1x", 3);
    }
    size_t taken = 0;
    for (int look = 0; taken < MANY; look++) {
        cr_assert_lt (look, WAIT_MS / 10);
        (void) s_poll (router, 10);
        taken += s_take (router);
    }
    for (size_t index = 0; index < MANY; index++)
        s_put (fds[index], "\0\1x", 3);
    cr_assert (s_poll (router, WAIT_MS));
    cr_assert_eq (s_take (router), MANY);
    for (size_t index = 0; index < MANY; index++)
        close (fds[index]);
    zseq_transport_destroy (&router);
}

//  Nothing but the timer tells that: the node accepts, and says nothing.
Test (native, link_gives_up_a_node_that_does_not_shake_hands)
{
    char endpoint[64];
    int node = s_listen (endpoint, sizeof endpoint);
    zseq_transport_options_t options = {.handshake_ms = 20};
    zseq_transport_t *client = s_new (&options);
    cr_assert_eq (zseq_transport_link (client, 0, endpoint), ZSEQ_OK);
    for (int times = 0; times < 3; times++) {
        struct pollfd accepts = {node, POLLIN, 0};
        while (poll (&accepts, 1, 0) == 0) {
            cr_assert (s_poll (client, WAIT_MS), "the timer is not set");
            cr_assert (!zseq_transport_ready (client, 0));
        }
        int fd = accept4 (node, NULL, NULL, SOCK_CLOEXEC);
        cr_assert_geq (fd, 0);
        while (!s_hung_up (fd)) {
            cr_assert (s_poll (client, WAIT_MS), "the timer is not set");
            cr_assert (!zseq_transport_ready (client, 0));
        }
        close (fd);
    }
    zseq_transport_destroy (&client);
    close (node);
}

//  A sender looks for what has ended, too, and finds what has begun. It then
//  waits for the descriptor.
Test (native, descriptor_reports_a_connection_that_was_noticed_in_passing)
{
    zseq_transport_options_t options = {0};
    const char *endpoint = s_endpoint ();
    zseq_transport_t *router = s_bind (&options, endpoint);
    zseq_transport_t *client = s_new (&options);
    cr_assert_eq (zseq_transport_link (client, 0, endpoint), ZSEQ_OK);
    for (int look = 0; !zseq_transport_ready (client, 0); look++) {
        cr_assert_lt (look, WAIT_MS / 2);
        (void) s_take (router);
        (void) s_poll (router, 2);
    }
    cr_assert (s_poll (client, WAIT_MS), "nobody knows of the connection");
    //  Once.
    cr_assert (!s_poll (client, 0));
    zseq_transport_destroy (&client);
    zseq_transport_destroy (&router);
}

//  It has received before, and what it got is in use still.
Test (native, one_that_only_sends_learns_the_end_of_a_node)
{
    zseq_transport_options_t options = {0};
    const char *endpoint = s_endpoint ();
    zseq_transport_t *router = s_bind (&options, endpoint);
    zseq_transport_t *client = s_new (&options);
    cr_assert_eq (zseq_transport_link (client, 0, endpoint), ZSEQ_OK);
    zseq_route_t route;
    const uint8_t *bytes;
    size_t size;
    bool sent = false;
    while (zseq_transport_recv_request (router, &route, &bytes, &size) !=
           ZSEQ_OK) {
        sent = sent || zseq_transport_send (client, 0, (const uint8_t *) "x",
                                            1) == ZSEQ_OK;
        (void) s_poll (client, 10);
        (void) s_poll (router, 10);
    }
    cr_assert_eq (
      zseq_transport_reply (router, &route, (const uint8_t *) "last", 4),
      ZSEQ_OK);
    zseq_transport_flush (router);
    cr_assert (s_poll (client, WAIT_MS));
    cr_assert_eq (zseq_transport_recv (client, 0, &bytes, &size), ZSEQ_OK);
    zseq_transport_reset (router);
    //  No receive from here on.
    cr_assert_eq (zseq_transport_bind (router, endpoint), ZSEQ_OK);
    for (int look = 0; !s_take (router); look++) {
        cr_assert_lt (look, WAIT_MS / 20, "the link does not come back");
        (void) zseq_transport_send (client, 0, (const uint8_t *) "x", 1);
        (void) s_poll (client, 10);
        (void) s_poll (router, 10);
    }
    cr_assert_eq (size, 4);
    cr_assert_arr_eq (bytes, "last", 4);
    zseq_transport_destroy (&client);
    zseq_transport_destroy (&router);
}

//  The node does not read: its system takes some, the rest waits.
Test (native, keeps_no_more_messages_than_may_wait)
{
    const char *endpoint = s_endpoint ();
    zseq_address_t address;
    cr_assert_eq (zseq_address_parse (&address, endpoint, true), ZSEQ_OK);
    int node = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq (
      bind (node, (const struct sockaddr *) &address.any, address.size), 0);
    cr_assert_eq (listen (node, 1), 0);
    zseq_transport_options_t options = {.queue_max = MANY};
    zseq_transport_t *client = s_new (&options);
    cr_assert_eq (zseq_transport_link (client, 0, endpoint), ZSEQ_OK);
    int fd = accept4 (node, NULL, NULL, SOCK_CLOEXEC);
    uint8_t ready[ZSEQ_ZMTP_READY_MAX];
    s_put (fd, zseq_zmtp_greeting, sizeof zseq_zmtp_greeting);
    s_put (fd, ready, zseq_zmtp_put_ready (ready, ZSEQ_ZMTP_ROUTER));
    for (int look = 0; !zseq_transport_ready (client, 0); look++) {
        cr_assert_lt (look, WAIT_MS);
        (void) s_poll (client, 10);
    }
    static const uint8_t bytes[1024];
    size_t since_full = 0;
    for (int look = 0; since_full < 3; look++) {
        cr_assert_lt (look, 1 << 20);
        if (zseq_transport_send (client, 0, bytes, sizeof bytes) == ZSEQ_OK)
            since_full = 0;
        else
            since_full++;
        zseq_transport_flush (client);
    }
    cr_assert (!zseq_transport_ready (client, 0));
    //  The system's bytes are all there. The others wait.
    uint64_t sent = zseq_transport_traffic (client)->frames_sent;
    static uint8_t drained[1 << 16];
    uint64_t before = 0;
    ssize_t size;
    while ((size = recv (fd, drained, sizeof drained, MSG_DONTWAIT)) > 0)
        before += (uint64_t) size;
    uint64_t waiting = sent - before / (sizeof bytes + ZSEQ_ZMTP_HEAD_MAX);
    cr_assert_leq (waiting, 2 * MANY + 1);
    zseq_transport_destroy (&client);
    close (fd);
    close (node);
}

//  Whom it refuses.

static uint64_t
s_refused (const zseq_transport_t *router, zseq_refusal_reason_t reason)
{
    return zseq_transport_refusals (router)[reason].count;
}

Test (native, tells_who_does_not_speak_zmtp)
{
    zseq_transport_options_t options = {0};
    zseq_transport_t *router = s_bind (&options, "tcp://127.0.0.1:*");
    zseq_transport_destroy (&router);
    char endpoint[64];
    close (s_listen (endpoint, sizeof endpoint));
    router = s_bind (&options, endpoint);
    int fd = s_dial (endpoint);
    s_put (fd, "GET / HTTP/1.1\r\n", 16);
    s_await_end (router, fd);
    cr_assert_eq (s_refused (router, ZSEQ_REFUSAL_PROTOCOL), 1);
    cr_assert_str_eq (
      zseq_transport_refusals (router)[ZSEQ_REFUSAL_PROTOCOL].host,
      "127.0.0.1");
    close (fd);
    //  One that leaves is not refused.
    fd = s_dial (endpoint);
    s_shake (fd);
    s_put (fd, "\0\1x", 3);
    for (int look = 0; !s_take (router); look++) {
        cr_assert_lt (look, WAIT_MS / 10);
        (void) s_poll (router, 10);
    }
    close (fd);
    cr_assert (s_poll (router, WAIT_MS));
    cr_assert_eq (s_take (router), 0);
    for (int reason = 0; reason < ZSEQ_REFUSALS; reason++)
        cr_expect_eq (s_refused (router, (zseq_refusal_reason_t) reason),
                      reason == ZSEQ_REFUSAL_PROTOCOL);
    zseq_transport_destroy (&router);
}

Test (native, tells_who_does_not_shake_hands_in_time)
{
    zseq_transport_options_t options = {.handshake_ms = 1};
    const char *endpoint = s_endpoint ();
    zseq_transport_t *router = s_bind (&options, endpoint);
    int fd = s_dial (endpoint);
    s_await_end (router, fd);
    cr_assert_eq (s_refused (router, ZSEQ_REFUSAL_HANDSHAKE), 1);
    cr_assert_str_eq (
      zseq_transport_refusals (router)[ZSEQ_REFUSAL_HANDSHAKE].host,
      "this machine");
    close (fd);
    zseq_transport_destroy (&router);
}

//  The oldest gives way as long as one has not shaken hands; then the new one
//  is refused.
Test (native, tells_that_all_connections_are_in_use)
{
    zseq_transport_options_t options = {.connections_max = 2};
    const char *endpoint = s_endpoint ();
    zseq_transport_t *router = s_bind (&options, endpoint);
    int idle = s_dial (endpoint);
    int fds[3];
    for (size_t index = 0; index < 2; index++) {
        fds[index] = s_dial (endpoint);
        s_shake (fds[index]);
        s_put (fds[index], "\0\1x", 3);
        for (int look = 0; !s_take (router); look++) {
            cr_assert_lt (look, WAIT_MS / 10);
            (void) s_poll (router, 10);
        }
    }
    s_await_end (router, idle);
    cr_assert_eq (s_refused (router, ZSEQ_REFUSAL_FULL), 1);
    fds[2] = s_dial (endpoint);
    s_await_end (router, fds[2]);
    cr_assert_eq (s_refused (router, ZSEQ_REFUSAL_FULL), 2);
    cr_assert (!s_hung_up (fds[0]));
    cr_assert (!s_hung_up (fds[1]));
    close (idle);
    for (size_t index = 0; index < 3; index++)
        close (fds[index]);
    zseq_transport_destroy (&router);
}
