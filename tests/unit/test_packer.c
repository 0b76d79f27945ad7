//  Tests a packer: which messages share a frame, and when a frame leaves. The
//  node is a ROUTER socket of the test, the sender of requests a DEALER.

#include <criterion/criterion.h>
#include <czmq.h>
#include <poll.h>

#include "zseq_pack.h"
#include "zseq_packer.h"

#define WAIT_MS 10000
//  Longer than a link is held.
#define LONG_US 10000

static zseq_transport_t *s_transport;
static zseq_packer_t *s_packer;
static zsock_t *s_node;    //  At the other end of link 0
static zsock_t *s_client;  //  Asks the transport's ROUTER
static zseq_route_t s_route;

//  A message: an array of one number.
static void
s_make (uint8_t number, uint8_t message[2])
{
    message[0] = 0x91;
    message[1] = number;
}

static void
s_wait (void)
{
    struct pollfd fds[ZSEQ_TRANSPORT_FDS_MAX];
    zseq_transport_flush (s_transport);
    size_t count = zseq_transport_fds (s_transport, fds);
    cr_assert_gt (poll (fds, (nfds_t) count, WAIT_MS), 0);
    zseq_transport_note_ready (s_transport, fds, count);
}

//  Link 0 is up, and the route of the client is known.
static void
s_set_up (void)
{
    s_transport = zseq_transport_new (NULL);
    s_packer = zseq_packer_new (s_transport);
    s_node = zsock_new (ZMQ_ROUTER);
    zsock_set_rcvtimeo (s_node, WAIT_MS);
    char endpoint[64];
    int port = zsock_bind (s_node, "tcp://127.0.0.1:*");
    snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", port);
    cr_assert_eq (zseq_transport_link (s_transport, 0, endpoint), ZSEQ_OK);
    while (!zseq_transport_ready (s_transport, 0))
        s_wait ();

    snprintf (endpoint, sizeof endpoint, "ipc:///tmp/zseq-packer.%d",
              (int) getpid ());
    cr_assert_eq (zseq_transport_bind (s_transport, endpoint), ZSEQ_OK);
    s_client = zsock_new_dealer (endpoint);
    zsock_set_rcvtimeo (s_client, WAIT_MS);
    cr_assert_eq (zstr_send (s_client, "hello"), 0);
    const uint8_t *bytes;
    size_t size;
    while (zseq_transport_recv_request (s_transport, &s_route, &bytes, &size) !=
           ZSEQ_OK)
        s_wait ();
}

static void
s_tear_down (void)
{
    zsock_destroy (&s_client);
    zsock_destroy (&s_node);
    zseq_packer_destroy (&s_packer);
    zseq_transport_destroy (&s_transport);
}

TestSuite (packer, .init = s_set_up, .fini = s_tear_down);

static void
s_send (uint8_t number)
{
    uint8_t message[2];
    s_make (number, message);
    zseq_packer_send (s_packer, 0, message, sizeof message);
}

static void
s_reply (uint8_t number, bool packed)
{
    uint8_t message[2];
    s_make (number, message);
    zseq_packer_reply (s_packer, &s_route, packed, message, sizeof message);
}

//  Receives a frame, and checks that it holds the messages first to last.
static void
s_expect (zsock_t *socket, uint8_t first, uint8_t last)
{
    zseq_transport_flush (s_transport);
    zmsg_t *received = zmsg_recv (socket);
    cr_assert_not_null (received, "no frame with %u", first);
    zframe_t *frame = zmsg_last (received);
    zseq_unpacker_t unpacker;
    zseq_unpacker_init (&unpacker, zframe_data (frame), zframe_size (frame));
    cr_assert_eq (unpacker.packed, first != last);
    const uint8_t *message;
    size_t size;
    for (uint8_t number = first; number <= last; number++) {
        uint8_t expected[2];
        s_make (number, expected);
        cr_assert (zseq_unpacker_next (&unpacker, &message, &size));
        cr_assert (size == sizeof expected && !memcmp (message, expected, size),
                   "%u", number);
    }
    cr_assert_not (zseq_unpacker_next (&unpacker, &message, &size));
    zmsg_destroy (&received);
}

Test (packer, packs_what_is_sent_before_a_flush)
{
    s_send (1);
    zseq_packer_flush (s_packer, false, 0);
    s_send (2);
    s_send (3);
    s_send (4);
    zseq_packer_flush (s_packer, false, 0);
    cr_assert_eq (zseq_packer_wake_us (s_packer), UINT64_MAX);
    s_expect (s_node, 1, 1);
    s_expect (s_node, 2, 4);
}

Test (packer, holds_a_link_until_its_last_frame_is_answered)
{
    s_send (1);
    zseq_packer_flush (s_packer, true, 1000);
    s_send (2);
    zseq_packer_flush (s_packer, true, 1001);
    s_send (3);
    zseq_packer_flush (s_packer, true, 1002);
    cr_assert_gt (zseq_packer_wake_us (s_packer), 1002);
    cr_assert_lt (zseq_packer_wake_us (s_packer), 1000 + LONG_US);
    zseq_packer_note_heard (s_packer, 0);
    zseq_packer_flush (s_packer, true, 1003);
    cr_assert_eq (zseq_packer_wake_us (s_packer), UINT64_MAX);
    s_expect (s_node, 1, 1);
    s_expect (s_node, 2, 3);
}

Test (packer, holds_no_link_for_long_or_when_it_is_not_told_to)
{
    s_send (1);
    zseq_packer_flush (s_packer, true, 1000);
    s_send (2);
    zseq_packer_flush (s_packer, true, 1001);
    uint64_t wake_us = zseq_packer_wake_us (s_packer);
    zseq_packer_flush (s_packer, true, wake_us - 1);
    cr_assert_eq (zseq_packer_wake_us (s_packer), wake_us);
    zseq_packer_flush (s_packer, true, wake_us);
    cr_assert_eq (zseq_packer_wake_us (s_packer), UINT64_MAX);
    s_send (3);
    zseq_packer_flush (s_packer, false, wake_us + 1);
    s_expect (s_node, 1, 1);
    s_expect (s_node, 2, 2);
    s_expect (s_node, 3, 3);
}

Test (packer, begins_a_new_frame_when_one_is_full)
{
    for (size_t count = 0; count < ZSEQ_PACK_COUNT_MAX + 1; count++)
        s_send (7);
    zseq_packer_flush (s_packer, false, 0);
    zmsg_t *received = zmsg_recv (s_node);
    cr_assert_not_null (received);
    cr_assert_eq (zframe_size (zmsg_last (received)),
                  3 + 2 * ZSEQ_PACK_COUNT_MAX);
    zmsg_destroy (&received);
    s_expect (s_node, 7, 7);
}

Test (packer, packs_replies_to_packed_requests_only)
{
    s_reply (1, false);
    s_reply (2, false);
    s_expect (s_client, 1, 1);
    s_expect (s_client, 2, 2);
    s_reply (3, true);
    s_reply (4, true);
    //  Replies keep their order.
    s_reply (5, false);
    zseq_packer_flush (s_packer, true, 0);
    s_expect (s_client, 3, 5);
    s_reply (6, true);
    zseq_packer_flush (s_packer, true, 0);
    s_expect (s_client, 6, 6);
}

Test (packer, sends_what_is_too_large_for_a_pack_by_itself_and_in_order)
{
    static uint8_t large[ZSEQ_PACK_SIZE_MAX + 1];
    s_send (1);
    zseq_packer_send (s_packer, 0, large, sizeof large);
    s_send (2);
    zseq_packer_flush (s_packer, false, 0);
    s_expect (s_node, 1, 1);
    zmsg_t *received = zmsg_recv (s_node);
    cr_assert_not_null (received);
    cr_assert_eq (zframe_size (zmsg_last (received)), sizeof large);
    zmsg_destroy (&received);
    s_expect (s_node, 2, 2);
}

//  As many senders of packed requests as are kept apart at a time, and more.
//  Each gets its own replies.
#define SENDERS 40
Test (packer, packs_replies_to_many_senders)
{
    static zsock_t *client[SENDERS];
    static zseq_route_t route[SENDERS];
    char endpoint[64];
    snprintf (endpoint, sizeof endpoint, "ipc:///tmp/zseq-packer.%d",
              (int) getpid ());
    for (size_t index = 0; index < SENDERS; index++) {
        client[index] = zsock_new_dealer (endpoint);
        zsock_set_rcvtimeo (client[index], WAIT_MS);
        cr_assert_eq (zstr_send (client[index], "hello"), 0);
        const uint8_t *bytes;
        size_t size;
        while (zseq_transport_recv_request (s_transport, &route[index], &bytes,
                                            &size) != ZSEQ_OK)
            s_wait ();
    }
    for (uint8_t number = 1; number < 3; number++)
        for (size_t index = 0; index < SENDERS; index++) {
            uint8_t message[2];
            s_make ((uint8_t) (2 * index + number), message);
            zseq_packer_reply (s_packer, &route[index], true, message,
                               sizeof message);
        }
    zseq_packer_flush (s_packer, true, 0);
    //  In one frame, or in two if another sender took the place.
    for (size_t index = 0; index < SENDERS; index++) {
        uint8_t next = (uint8_t) (2 * index + 1);
        uint8_t end = (uint8_t) (next + 2);
        while (next != end) {
            zmsg_t *received = zmsg_recv (client[index]);
            cr_assert_not_null (received, "sender %zu, %u", index, next);
            zframe_t *frame = zmsg_last (received);
            zseq_unpacker_t unpacker;
            zseq_unpacker_init (&unpacker, zframe_data (frame),
                                zframe_size (frame));
            const uint8_t *message;
            size_t size;
            while (zseq_unpacker_next (&unpacker, &message, &size)) {
                cr_assert_eq (size, 2);
                cr_assert_eq (message[1], next);
                next++;
            }
            zmsg_destroy (&received);
        }
        zsock_destroy (&client[index]);
    }
}
