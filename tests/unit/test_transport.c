//  Tests transports of both kinds. In the first part the nodes are ROUTER
//  sockets of the test, in the second they are transports: each kind talks to
//  each.

#include <criterion/criterion.h>
#include <czmq.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "zseq_transport.h"

#define FDS_MAX 256
#define CLIENTS 4096u  //  That may connect at the same moment

#define WAIT_MS 10000
#define NODES 2

static const zseq_transport_kind_t s_kinds[] = {ZSEQ_TRANSPORT_ZMQ,
                                                ZSEQ_TRANSPORT_NATIVE};
#define KINDS (sizeof s_kinds / sizeof *s_kinds)

static zsock_t *s_node[NODES];
static zframe_t *s_route[NODES];  //  From the node to its link
static zseq_transport_t *s_transport;
static zseq_frame_t s_frames[ZSEQ_FRAMES_MAX];

static zseq_transport_t *
s_new (zseq_transport_kind_t kind)
{
    zseq_transport_options_t options = {.kind = kind};
    zseq_transport_t *transport = zseq_transport_new (&options);
    cr_assert (transport);
    return transport;
}

//  Waits until a socket has something to say. Fails after WAIT_MS.
static void
s_wait_for_socket (void)
{
    struct pollfd fds[ZSEQ_TRANSPORT_FDS_MAX];
    zseq_transport_flush (s_transport);
    size_t count = zseq_transport_fds (s_transport, fds);
    const struct timespec timeout = {WAIT_MS / 1000, 0};
    cr_assert_gt (zseq_transport_poll (s_transport, fds, count, &timeout), 0);
    zseq_transport_note_ready (s_transport, fds, count);
}

//  Opens link i to node i, and sends over link i until node i has its route.
static void
s_set_up (zseq_transport_kind_t kind)
{
    s_transport = s_new (kind);
    for (size_t index = 0; index < NODES; index++) {
        s_node[index] = zsock_new (ZMQ_ROUTER);
        char endpoint[64];
        int port = zsock_bind (s_node[index], "tcp://127.0.0.1:*");
        snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", port);
        cr_assert_eq (zseq_transport_link (s_transport, index, endpoint),
                      ZSEQ_OK);
        while (zseq_transport_send (s_transport, index,
                                    (const uint8_t *) "hello", 5) != ZSEQ_OK)
            s_wait_for_socket ();
        zseq_transport_flush (s_transport);
        zsock_set_rcvtimeo (s_node[index], WAIT_MS);
        zmsg_t *message = zmsg_recv (s_node[index]);
        cr_assert_not_null (message);
        s_route[index] = zmsg_pop (message);
        zmsg_destroy (&message);
    }
}

static void
s_tear_down (void)
{
    zseq_transport_destroy (&s_transport);
    for (size_t index = 0; index < NODES; index++) {
        zframe_destroy (&s_route[index]);
        zsock_destroy (&s_node[index]);
    }
}

//  Sends a message from a node: one byte in one frame, or in each of two
//  frames.
static void
s_reply (size_t node, uint8_t byte, bool two_frames)
{
    zframe_t *route = zframe_dup (s_route[node]);
    cr_assert_eq (zframe_send (&route, s_node[node], ZFRAME_MORE), 0);
    zframe_t *frame = zframe_new (&byte, 1);
    cr_assert_eq (
      zframe_send (&frame, s_node[node], two_frames ? ZFRAME_MORE : 0), 0);
    if (!two_frames)
        return;
    frame = zframe_new (&byte, 1);
    cr_assert_eq (zframe_send (&frame, s_node[node], 0), 0);
}

//  Drains the frames that have arrived. Returns how many.
static size_t
s_drain (void)
{
    struct pollfd fds[ZSEQ_TRANSPORT_FDS_MAX];
    zseq_transport_flush (s_transport);
    size_t count = zseq_transport_fds (s_transport, fds);
    (void) poll (fds, (nfds_t) count, 0);
    zseq_transport_note_ready (s_transport, fds, count);
    return zseq_transport_drain (s_transport, s_frames);
}

//  Drains until a frame arrives. Returns how many frames arrived.
static size_t
s_await (void)
{
    size_t count;
    while (!(count = s_drain ()))
        s_wait_for_socket ();
    return count;
}

static void
s_drain_all (zseq_transport_kind_t kind)
{
    s_set_up (kind);
    cr_assert_eq (s_drain (), 0);
    s_reply (0, 'a', false);
    s_reply (1, 'b', false);
    bool found[NODES] = {false};
    for (size_t total = 0; total < NODES;) {
        size_t count = s_await ();
        cr_assert_gt (count, 0);
        for (size_t at = 0; at < count; at++) {
            const zseq_frame_t *frame = &s_frames[at];
            cr_assert_lt (frame->index, NODES);
            cr_assert_eq (frame->size, 1);
            cr_assert_eq (frame->bytes[0], 'a' + frame->index);
            cr_assert (!found[frame->index]);
            found[frame->index] = true;
        }
        total += count;
    }
    cr_assert_eq (s_drain (), 0);
    s_tear_down ();
}

Test (transport, drains_all_links_until_they_are_empty)
{
    for (size_t index = 0; index < KINDS; index++)
        s_drain_all (s_kinds[index]);
}

static void
s_drop_parts (zseq_transport_kind_t kind)
{
    s_set_up (kind);
    s_reply (0, 'x', true);
    s_reply (0, 'a', false);
    cr_assert_eq (s_await (), 1);
    cr_assert_eq (s_frames[0].bytes[0], 'a');
    s_tear_down ();
}

Test (transport, drains_no_message_of_several_frames)
{
    for (size_t index = 0; index < KINDS; index++)
        s_drop_parts (s_kinds[index]);
}

//  The frames arrive in order, each once. A drain follows each full batch.
static void
s_drain_many (zseq_transport_kind_t kind)
{
    s_set_up (kind);
    uint8_t sent = 2 * ZSEQ_FRAMES_MAX + 1;
    for (uint8_t byte = 0; byte < sent; byte++)
        s_reply (0, byte, false);
    uint8_t next = 0;
    while (next < sent) {
        size_t count = s_await ();
        cr_assert_gt (count, 0);
        cr_assert_leq (count, ZSEQ_FRAMES_MAX);
        for (size_t at = 0; at < count; at++)
            cr_assert_eq (s_frames[at].bytes[0], next++);
    }
    cr_assert_eq (s_drain (), 0);
    s_tear_down ();
}

Test (transport, drains_more_frames_than_fit_in_several_batches)
{
    for (size_t index = 0; index < KINDS; index++)
        s_drain_many (s_kinds[index]);
}

static void
s_keep_drained (zseq_transport_kind_t kind)
{
    s_set_up (kind);
    s_reply (0, 'a', false);
    cr_assert_eq (s_await (), 1);
    zseq_transport_unlink (s_transport, 0);
    cr_assert_eq (s_frames[0].index, 0);
    cr_assert_eq (s_frames[0].bytes[0], 'a');
    s_tear_down ();
}

Test (transport, keeps_drained_frames_when_their_link_is_closed)
{
    for (size_t index = 0; index < KINDS; index++)
        s_keep_drained (s_kinds[index]);
}

static void
s_send_all (zseq_transport_kind_t kind)
{
    s_set_up (kind);
    cr_assert_eq (
      zseq_transport_send_all (s_transport, 7, (const uint8_t *) "x", 1), 3);
    zseq_transport_flush (s_transport);
    for (size_t index = 0; index < NODES; index++) {
        zmsg_t *message = zmsg_recv (s_node[index]);
        cr_assert_not_null (message);
        cr_assert_eq (zmsg_size (message), 2);
        zmsg_destroy (&message);
    }
    s_tear_down ();
}

Test (transport, sends_over_the_links_of_a_set_that_are_connected)
{
    for (size_t index = 0; index < KINDS; index++)
        s_send_all (s_kinds[index]);
}

//  How many connections may wait at the process's only listening socket.
static unsigned
s_backlog (void)
{
    unsigned backlog = 0;
    for (int fd = 0; fd < FDS_MAX; fd++) {
        int listens = 0;
        socklen_t size = sizeof listens;
        struct tcp_info info;
        socklen_t info_size = sizeof info;
        if (getsockopt (fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 ||
            !listens ||
            getsockopt (fd, IPPROTO_TCP, TCP_INFO, &info, &info_size) != 0)
            continue;
        cr_assert_eq (backlog, 0);
        backlog = info.tcpi_sacked;
    }
    return backlog;
}

//  The system may admit fewer.
Test (transport, lets_thousands_of_clients_connect_at_once)
{
    unsigned most = 0;
    FILE *file = fopen ("/proc/sys/net/core/somaxconn", "r");
    cr_assert_not_null (file);
    cr_assert_eq (fscanf (file, "%u", &most), 1);
    fclose (file);
    for (size_t index = 0; index < KINDS; index++) {
        s_transport = s_new (s_kinds[index]);
        cr_assert_eq (zseq_transport_bind (s_transport, "tcp://127.0.0.1:*"),
                      ZSEQ_OK);
        cr_assert_eq (s_backlog (), most < CLIENTS ? most : CLIENTS);
        zseq_transport_destroy (&s_transport);
    }
}

//  The other way round: the ROUTER is a transport, and czmq its client.

//  Receives a request that has contents.
static zseq_route_t
s_await_request (const uint8_t **bytes_p, size_t *size_p)
{
    zseq_route_t route;
    for (;;) {
        if (zseq_transport_recv_request (s_transport, &route, bytes_p,
                                         size_p) != ZSEQ_OK)
            s_wait_for_socket ();
        else if (*size_p)
            return route;
    }
}

static void
s_serve_czmq (zseq_transport_kind_t kind)
{
    char endpoint[64];
    snprintf (endpoint, sizeof endpoint, "ipc://@zseq-czmq.%d",
              (int) getpid ());
    s_transport = s_new (kind);
    cr_assert_eq (zseq_transport_bind (s_transport, endpoint), ZSEQ_OK);
    zsock_t *client = zsock_new (ZMQ_DEALER);
    zsock_set_rcvtimeo (client, WAIT_MS);
    zsock_set_identity (client, "czmq");
    zsock_set_heartbeat_ivl (client, 1);
    zsock_set_heartbeat_timeout (client, WAIT_MS);
    cr_assert_eq (zsock_connect (client, "%s", endpoint), 0);
    static const size_t sizes[] = {1, 255, 256, 8192, ZSEQ_MESSAGE_MAX};
    for (size_t index = 0; index < sizeof sizes / sizeof *sizes; index++) {
        //  The first one has several frames, and is dropped.
        zstr_sendx (client, "one", "two", NULL);
        zframe_t *sent = zframe_new (NULL, sizes[index]);
        memset (zframe_data (sent), (int) index, sizes[index]);
        cr_assert_eq (zframe_send (&sent, client, ZFRAME_REUSE), 0);
        const uint8_t *bytes;
        size_t size;
        zseq_route_t route = s_await_request (&bytes, &size);
        cr_assert_eq (size, sizes[index]);
        cr_assert_arr_eq (bytes, zframe_data (sent), size);
        cr_assert_eq (
          zseq_transport_reply (s_transport, &route, zframe_data (sent), size),
          ZSEQ_OK);
        zseq_transport_flush (s_transport);
        zframe_t *reply = zframe_recv (client);
        cr_assert_not_null (reply);
        cr_assert (zframe_eq (reply, sent));
        zframe_destroy (&reply);
        zframe_destroy (&sent);
    }
    zsock_destroy (&client);
    zseq_transport_destroy (&s_transport);
}

Test (transport, router_serves_a_client_of_czmq)
{
    for (size_t index = 0; index < KINDS; index++)
        s_serve_czmq (s_kinds[index]);
}

//  The names of the kinds.

//  Polls the sockets and other descriptors, which are marked by their bit if
//  they are ready. The highest bit: a socket is.
#define SOCKET 128u

static unsigned
s_poll_with (const int *others, size_t other_count, int timeout_ms)
{
    struct pollfd fds[ZSEQ_LINKS_MAX + 4];
    zseq_transport_flush (s_transport);
    size_t count = zseq_transport_fds (s_transport, fds);
    for (size_t at = 0; at < other_count; at++)
        fds[count + at] = (struct pollfd){others[at], POLLIN, 0};
    const struct timespec timeout = {timeout_ms / 1000, 0};
    int rc =
      zseq_transport_poll (s_transport, fds, count + other_count, &timeout);
    cr_assert_geq (rc, 0);
    unsigned ready = 0;
    for (size_t at = 0; rc > 0 && at < other_count; at++)
        ready |= fds[count + at].revents ? 1u << at : 0;
    for (size_t at = 0; rc > 0 && at < count; at++)
        ready |= fds[at].revents ? SOCKET : 0;
    if (rc > 0)
        zseq_transport_note_ready (s_transport, fds, count);
    return ready;
}

//  Others are found whether they are watched or not.
static void
s_poll_others (zseq_transport_kind_t kind)
{
    s_set_up (kind);
    int others[3];
    for (size_t at = 0; at < 3; at++)
        others[at] = eventfd (0, EFD_CLOEXEC);
    zseq_transport_watch (s_transport, others[0]);
    zseq_transport_watch (s_transport, others[1]);
    (void) s_drain ();
    cr_assert_eq (s_poll_with (others, 2, 0), 0);
    cr_assert_eq (eventfd_write (others[0], 1), 0);
    cr_assert_eq (s_poll_with (others, 2, WAIT_MS), 1);
    //  It is ready until it is read.
    cr_assert_eq (s_poll_with (others, 2, WAIT_MS), 1);
    cr_assert_eq (eventfd_write (others[1], 1), 0);
    cr_assert_eq (s_poll_with (others, 2, WAIT_MS), 3);
    //  One that is not watched. The native kind's own descriptor is ready with
    //  those that are.
    cr_assert_eq (eventfd_write (others[2], 1), 0);
    cr_assert_eq (s_poll_with (others, 3, WAIT_MS) & ~SOCKET, 7);
    zseq_transport_unwatch (s_transport, others[0]);
    cr_assert_eq (s_poll_with (others + 1, 1, WAIT_MS), 1);
    cr_assert_eq (s_poll_with (others, 2, WAIT_MS) & ~SOCKET, 3);
    zseq_transport_unwatch (s_transport, others[1]);
    cr_assert_eq (s_poll_with (NULL, 0, 0), 0);
    s_reply (0, 'a', false);
    cr_assert_eq (s_poll_with (NULL, 0, WAIT_MS), SOCKET);
    cr_assert_eq (zseq_transport_drain (s_transport, s_frames), 1);
    for (size_t at = 0; at < 3; at++)
        close (others[at]);
    s_tear_down ();
}

Test (transport, polls_other_descriptors_too)
{
    for (size_t index = 0; index < KINDS; index++)
        s_poll_others (s_kinds[index]);
}

//  An event that a poll has found may be of a link that was closed since.
static void
s_close_what_is_ready (zseq_transport_kind_t kind)
{
    s_set_up (kind);
    (void) s_drain ();
    s_reply (0, 'a', false);
    struct pollfd fds[ZSEQ_LINKS_MAX + 1];
    size_t count = zseq_transport_fds (s_transport, fds);
    const struct timespec timeout = {WAIT_MS / 1000, 0};
    cr_assert_gt (zseq_transport_poll (s_transport, fds, count, &timeout), 0);
    zseq_transport_unlink (s_transport, 0);
    zseq_transport_note_ready (s_transport, fds, count);
    cr_assert_eq (zseq_transport_drain (s_transport, s_frames), 0);
    s_reply (1, 'b', false);
    cr_assert_eq (s_await (), 1);
    cr_assert_eq (s_frames[0].bytes[0], 'b');
    s_tear_down ();
}

Test (transport, closes_a_link_that_a_poll_has_found_ready)
{
    for (size_t index = 0; index < KINDS; index++)
        s_close_what_is_ready (s_kinds[index]);
}

Test (transport, kinds_have_names)
{
    cr_assert_eq (zseq_transport_kind_find ("zmq"), ZSEQ_TRANSPORT_ZMQ);
    cr_assert_eq (zseq_transport_kind_find ("native"), ZSEQ_TRANSPORT_NATIVE);
    cr_assert_eq (zseq_transport_kind_find ("Zmq"), ZSEQ_TRANSPORT_NONE);
    cr_assert_eq (zseq_transport_kind_find (""), ZSEQ_TRANSPORT_NONE);
}

Test (transport, kind_is_the_given_one_or_the_environment_s_or_zmq)
{
    unsetenv ("ZSEQ_TRANSPORT");
    cr_assert_eq (zseq_transport_kind_choose (ZSEQ_TRANSPORT_NONE),
                  ZSEQ_TRANSPORT_ZMQ);
    cr_assert_eq (zseq_transport_kind_choose (ZSEQ_TRANSPORT_NATIVE),
                  ZSEQ_TRANSPORT_NATIVE);
    setenv ("ZSEQ_TRANSPORT", "", 1);
    cr_assert_eq (zseq_transport_kind_choose (ZSEQ_TRANSPORT_NONE),
                  ZSEQ_TRANSPORT_ZMQ);
    setenv ("ZSEQ_TRANSPORT", "native", 1);
    cr_assert_eq (zseq_transport_kind_choose (ZSEQ_TRANSPORT_NONE),
                  ZSEQ_TRANSPORT_NATIVE);
    cr_assert_eq (zseq_transport_kind_choose (ZSEQ_TRANSPORT_ZMQ),
                  ZSEQ_TRANSPORT_ZMQ);
    setenv ("ZSEQ_TRANSPORT", "udp", 1);
    cr_assert_eq (zseq_transport_kind_choose (ZSEQ_TRANSPORT_NONE),
                  ZSEQ_TRANSPORT_NONE);
}
