//  Tests a native transport whose system fails it. The functions below stand
//  before the system's, which they call unless a test wants something else.

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "zseq_outbox.h"
#include "zseq_transport.h"
#include "zseq_zmtp.h"

enum { WAIT_MS = 10000, SOURCE_MAX = 3 };

//  What is to fail.
static struct {
    unsigned watches;    //  Descriptors that epoll takes before ...
    unsigned unwatched;  //  ... it refuses that many
    bool to_itself;      //  The next connection is to itself
    const char *from;    //  Where accepted connections come from
    int sends;           //  1: the next send takes three bytes; 2: it fails
} s_fault;

int
epoll_ctl (int epoll, int operation, int fd, struct epoll_event *event)
{
    static int (*call) (int, int, int, struct epoll_event *);
    if (!call)
        *(void **) &call = dlsym (RTLD_NEXT, "epoll_ctl");
    bool fails = operation == EPOLL_CTL_ADD && s_fault.unwatched > 0 &&
                 (s_fault.watches == 0 || s_fault.watches-- == 0);
    if (!fails)
        return call (epoll, operation, fd, event);
    s_fault.unwatched--;
    errno = ENOSPC;
    return -1;
}

//  A socket that has the address that it connects to connects to itself.
int
connect (int fd, const struct sockaddr *address, socklen_t size)
{
    static int (*call) (int, const struct sockaddr *, socklen_t);
    if (!call)
        *(void **) &call = dlsym (RTLD_NEXT, "connect");
    int on = 1;
    if (s_fault.to_itself) {
        (void) setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        s_fault.to_itself = bind (fd, address, size) != 0;
    }
    return call (fd, address, size);
}

int
accept4 (int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    static int (*call) (int, struct sockaddr *, socklen_t *, int);
    if (!call)
        *(void **) &call = dlsym (RTLD_NEXT, "accept4");
    int rc = call (fd, address, size, flags);
    if (rc < 0 || !s_fault.from || !address)
        return rc;
    zseq_address_t from;
    cr_assert_eq (zseq_address_parse (&from, s_fault.from, false), ZSEQ_OK);
    memcpy (address, &from.any, from.size);
    *size = from.size;
    return rc;
}

ssize_t
send (int fd, const void *bytes, size_t size, int flags)
{
    static ssize_t (*call) (int, const void *, size_t, int);
    if (!call)
        *(void **) &call = dlsym (RTLD_NEXT, "send");
    if (s_fault.sends == 2) {
        s_fault.sends = 0;
        errno = EIO;
        return -1;
    }
    if (s_fault.sends == 1) {
        s_fault.sends = 2;
        size = 3;
    }
    return call (fd, bytes, size, flags);
}

static zseq_transport_t *
s_new (void)
{
    zseq_transport_options_t options = {.kind = ZSEQ_TRANSPORT_NATIVE,
                                        .source_max = SOURCE_MAX,
                                        .reconnect_ms = 1,
                                        .reconnect_ms_max = 1};
    zseq_transport_t *transport = zseq_transport_new (&options);
    cr_assert (transport);
    return transport;
}

//  Reserves an endpoint of loopback. Closing the socket frees it.
static int
s_reserve (const char *host, char *endpoint, size_t endpoint_size)
{
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    cr_assert_eq (bind (fd, (const struct sockaddr *) &address, size), 0);
    cr_assert_eq (getsockname (fd, (struct sockaddr *) &address, &size), 0);
    snprintf (endpoint, endpoint_size, "tcp://%s:%d", host,
              ntohs (address.sin_port));
    return fd;
}

static void
s_poll (zseq_transport_t *self)
{
    struct pollfd fds[ZSEQ_LINKS_MAX + 1];
    zseq_transport_flush (self);
    size_t count = zseq_transport_fds (self, fds);
    (void) poll (fds, (nfds_t) count, 10);
    zseq_transport_note_ready (self, fds, count);
}

//  Takes a request, if there is one.
static bool
s_take (zseq_transport_t *router)
{
    zseq_route_t route;
    const uint8_t *bytes;
    size_t size;
    return zseq_transport_recv_request (router, &route, &bytes, &size) ==
           ZSEQ_OK;
}

//  Sends a request, and takes it.
static void
s_exchange (zseq_transport_t *router, zseq_transport_t *client)
{
    bool sent = false;
    for (int look = 0; !s_take (router); look++) {
        cr_assert_lt (look, WAIT_MS / 20, "they do not come together");
        sent = sent || zseq_transport_send (client, 0, (const uint8_t *) "x",
                                            1) == ZSEQ_OK;
        s_poll (client);
        s_poll (router);
    }
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

static bool
s_hung_up (int fd)
{
    char bytes[256];
    ssize_t size;
    while ((size = recv (fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
        continue;
    return size == 0 || errno == ECONNRESET;
}

//  The system watches no more descriptors.

static void
s_assert_unwatched (const zseq_transport_t *self, const char *what)
{
    char text[512];
    snprintf (text, sizeof text,
              "%s cannot be watched: No space left on device: raise the "
              "sysctl fs.epoll.max_user_watches, or free memory",
              what);
    cr_assert_str_eq (zseq_transport_text (self), text);
}

Test (faults, a_timer_that_cannot_be_watched_fails_the_call)
{
    char endpoint[64];
    close (s_reserve ("127.0.0.1", endpoint, sizeof endpoint));
    zseq_transport_t *router = s_new ();
    zseq_transport_t *client = s_new ();
    s_fault.unwatched = 1;
    cr_assert_eq (zseq_transport_bind (router, endpoint), ZSEQ_EIO);
    s_assert_unwatched (router, "the timer of connections");
    s_fault.unwatched = 1;
    cr_assert_eq (zseq_transport_link (client, 0, endpoint), ZSEQ_EIO);
    s_assert_unwatched (client, "the timer of connections");
    cr_assert_eq (zseq_transport_bind (router, endpoint), ZSEQ_OK);
    cr_assert_eq (zseq_transport_link (client, 0, endpoint), ZSEQ_OK);
    s_exchange (router, client);
    zseq_transport_destroy (&client);
    zseq_transport_destroy (&router);
}

Test (faults, a_listener_that_cannot_be_watched_is_not_bound)
{
    char endpoint[64];
    close (s_reserve ("127.0.0.1", endpoint, sizeof endpoint));
    zseq_transport_t *router = s_new ();
    zseq_transport_t *client = s_new ();
    s_fault.watches = s_fault.unwatched = 1;
    cr_assert_eq (zseq_transport_bind (router, endpoint), ZSEQ_EIO);
    s_assert_unwatched (router, endpoint);
    cr_assert_eq (zseq_transport_bind (router, endpoint), ZSEQ_OK);
    cr_assert_eq (zseq_transport_link (client, 0, endpoint), ZSEQ_OK);
    s_exchange (router, client);
    zseq_transport_destroy (&client);
    zseq_transport_destroy (&router);
}

static void
s_open_unwatched (const char *host)
{
    char endpoint[64];
    close (s_reserve (host, endpoint, sizeof endpoint));
    zseq_transport_t *client = s_new ();
    s_fault.watches = s_fault.unwatched = 1;
    cr_assert_eq (zseq_transport_link (client, 0, endpoint), ZSEQ_EIO);
    s_assert_unwatched (client, endpoint);
    cr_assert (!zseq_transport_ready (client, 0));
    cr_assert_eq (zseq_transport_link (client, 0, endpoint), ZSEQ_OK);
    zseq_transport_destroy (&client);
}

Test (faults, a_link_that_cannot_be_watched_is_not_opened)
{
    s_open_unwatched ("127.0.0.1");
    s_open_unwatched ("localhost");
}

//  It had tried before, and tries on.
static void
s_retry_unwatched (const char *host)
{
    char endpoint[64];
    int reserved = s_reserve (host, endpoint, sizeof endpoint);
    zseq_transport_t *client = s_new ();
    cr_assert_eq (zseq_transport_link (client, 0, endpoint), ZSEQ_OK);
    s_fault.unwatched = 2;
    while (s_fault.unwatched) {
        s_poll (client);
        cr_assert (!zseq_transport_ready (client, 0));
    }
    close (reserved);
    zseq_transport_t *router = s_new ();
    char bound[64];
    snprintf (bound, sizeof bound, "tcp://127.0.0.1%s",
              strrchr (endpoint, ':'));
    cr_assert_eq (zseq_transport_bind (router, bound), ZSEQ_OK);
    s_exchange (router, client);
    zseq_transport_destroy (&client);
    zseq_transport_destroy (&router);
}

Test (faults, a_link_that_could_not_be_watched_comes_back)
{
    s_retry_unwatched ("127.0.0.1");
    s_retry_unwatched ("localhost");
}

Test (faults, a_connection_that_cannot_be_watched_is_refused)
{
    char endpoint[64];
    close (s_reserve ("127.0.0.1", endpoint, sizeof endpoint));
    zseq_transport_t *router = s_new ();
    zseq_transport_t *client = s_new ();
    cr_assert_eq (zseq_transport_bind (router, endpoint), ZSEQ_OK);
    int fd = s_dial (endpoint);
    s_fault.unwatched = 1;
    for (int look = 0; !s_hung_up (fd); look++) {
        cr_assert_lt (look, WAIT_MS / 10);
        s_poll (router);
        cr_assert (!s_take (router));
    }
    const zseq_refusal_t *refusal =
      &zseq_transport_refusals (router)[ZSEQ_REFUSAL_MEMORY];
    cr_assert_eq (refusal->count, 1);
    cr_assert_str_eq (refusal->host, "127.0.0.1");
    close (fd);
    cr_assert_eq (zseq_transport_link (client, 0, endpoint), ZSEQ_OK);
    s_exchange (router, client);
    zseq_transport_destroy (&client);
    zseq_transport_destroy (&router);
}

//  TCP connects a socket to itself if the port that the system gives it is the
//  one that it tries. No node is there.
Test (faults, a_connection_to_itself_is_given_up)
{
    char endpoint[64];
    close (s_reserve ("127.0.0.1", endpoint, sizeof endpoint));
    zseq_transport_t *client = s_new ();
    zseq_transport_t *router = s_new ();
    s_fault.to_itself = true;
    cr_assert_eq (zseq_transport_link (client, 0, endpoint), ZSEQ_OK);
    cr_assert (!s_fault.to_itself);
    while (zseq_transport_bind (router, endpoint) != ZSEQ_OK) {
        //  It would hold the node's port as long as it believes itself.
        cr_assert (!zseq_transport_ready (client, 0));
        s_poll (client);
    }
    s_exchange (router, client);
    zseq_transport_destroy (&client);
    zseq_transport_destroy (&router);
}

//  The other end would take the next frame for the rest of that one.
Test (faults, nothing_follows_half_a_frame)
{
    int fds[2];
    cr_assert_eq (socketpair (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    int epoll = epoll_create1 (EPOLL_CLOEXEC);
    struct epoll_event event = {.events = ZSEQ_OUTBOX_EVENTS};
    cr_assert_eq (epoll_ctl (epoll, EPOLL_CTL_ADD, fds[1], &event), 0);
    zseq_outbox_t outbox;
    zseq_outbox_init (&outbox, 0);
    zseq_outbox_open (&outbox, fds[1], epoll, 0, 2);
    s_fault.sends = 1;
    const uint8_t *first = (const uint8_t *) "first";
    const uint8_t *second = (const uint8_t *) "second";
    cr_assert_eq (zseq_outbox_put (&outbox, first, 5, NULL, 0, 100), ZSEQ_OK);
    zseq_outbox_flush (&outbox);
    cr_assert_eq (s_fault.sends, 0);
    cr_assert_eq (zseq_outbox_put (&outbox, second, 6, NULL, 0, 100), ZSEQ_OK);
    zseq_outbox_flush (&outbox);
    char bytes[16];
    cr_assert_eq (recv (fds[0], bytes, sizeof bytes, 0), 3);
    cr_assert_eq (recv (fds[0], bytes, sizeof bytes, 0), 0);
    //  Its owner learns it.
    cr_assert_eq (epoll_wait (epoll, &event, 1, 0), 1);
    cr_assert (event.events & EPOLLRDHUP);
    zseq_outbox_term (&outbox);
    close (fds[0]);
    close (epoll);
}

//  Many of one host.

//  Connects from there, and lets the ROUTER accept. Whether it has.
static bool
s_come_from (zseq_transport_t *router, const char *endpoint, const char *from,
             int *fd_p)
{
    s_fault.from = from;
    *fd_p = s_dial (endpoint);
    struct pollfd fd = {*fd_p, POLLIN, 0};
    for (int look = 0; poll (&fd, 1, 0) == 0; look++) {
        cr_assert_lt (look, WAIT_MS / 10);
        s_poll (router);
        cr_assert (!s_take (router));
    }
    //  Its greeting, or nothing.
    char byte;
    return recv (*fd_p, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

//  from: hosts of one source; other: one of another.
static void
s_fill_source (const char *const from[SOURCE_MAX + 1], const char *other)
{
    char endpoint[64];
    close (s_reserve ("127.0.0.1", endpoint, sizeof endpoint));
    zseq_transport_t *router = s_new ();
    cr_assert_eq (zseq_transport_bind (router, endpoint), ZSEQ_OK);
    int fds[SOURCE_MAX + 3];
    for (int index = 0; index < SOURCE_MAX; index++)
        cr_assert (s_come_from (router, endpoint, from[index], &fds[index]));
    cr_assert (
      !s_come_from (router, endpoint, from[SOURCE_MAX], &fds[SOURCE_MAX]));
    const zseq_refusal_t *refusal =
      &zseq_transport_refusals (router)[ZSEQ_REFUSAL_SOURCE];
    cr_assert_eq (refusal->count, 1);
    cr_assert (strstr (from[SOURCE_MAX], refusal->host));
    //  Others, and this host, may come.
    cr_assert (s_come_from (router, endpoint, other, &fds[SOURCE_MAX + 1]));
    cr_assert (s_come_from (router, endpoint, NULL, &fds[SOURCE_MAX + 2]));
    //  One leaves.
    close (fds[0]);
    while (!s_come_from (router, endpoint, from[SOURCE_MAX], &fds[0])) {
        close (fds[0]);
        s_poll (router);
        cr_assert (!s_take (router));
    }
    for (int index = 0; index < SOURCE_MAX + 3; index++)
        close (fds[index]);
    zseq_transport_destroy (&router);
}

Test (faults, one_host_has_its_share_of_connections)
{
    s_fill_source ((const char *[]){"tcp://10.0.0.1:1", "tcp://10.0.0.1:2",
                                    "tcp://[::ffff:10.0.0.1]:1",
                                    "tcp://10.0.0.1:4"},
                   "tcp://10.0.0.2:1");
}

Test (faults, a_network_of_ipv6_has_the_share_of_one_host)
{
    s_fill_source (
      (const char *[]){"tcp://[2001:db8::1]:1", "tcp://[2001:db8::2]:1",
                       "tcp://[2001:db8::ff:3]:1", "tcp://[2001:db8::4]:1"},
      "tcp://[2001:db8:0:1::1]:1");
}
