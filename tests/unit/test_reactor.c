//  Tests a client's reactor. The test answers as the only node, on a ROUTER of
//  its own.

#include <criterion/criterion.h>
#include <czmq.h>
#include <poll.h>
#include <unistd.h>

#include "zseq_clock.h"
#include "zseq_codec.h"
#include "zseq_reactor_private.h"
#include "zseq_transport.h"

#define WAIT_MS 10000

static zsock_t *s_router;
static zseq_uri_t s_uri;
static zseq_reactor_t *s_reactor;
static zseq_name_queue_t *s_queue;
static uint64_t s_next = 1;  //  The node's next, for every name
static bool s_recovers;      //  The node refuses each request, and answers it
                             //  once it has its record

//  Answers a request as node a, the only member of its cluster.
static void
s_answer (zframe_t *sender, const zseq_msg_t *request)
{
    zseq_msg_member_t member;
    zseq_msg_t msg;
    memset (&msg, 0, sizeof msg);
    msg.op = request->op;
    msg.reply = true;
    msg.request = request->request;
    msg.cluster = 42;
    msg.vector.n = 1;
    msg.vector.incarnation[0] = (zseq_incarnation_t){1, 1};
    if (msg.op == ZSEQ_OP_HELLO) {
        member.name = (zseq_slice_t){"a", 1};
        member.endpoint =
          (zseq_slice_t){s_uri.endpoint[0], strlen (s_uri.endpoint[0])};
        msg.hello.members.cluster_name = (zseq_slice_t){"test", 4};
        msg.hello.members.member_count = 1;
        msg.hello.members.member = &member;
        msg.hello.state = ZSEQ_STATE_VOTING;
    }
    else if (msg.op == ZSEQ_OP_CLAIM) {
        msg.claim.first = request->claim.first;
        msg.claim.count = request->claim.count;
        s_next = request->claim.first + request->claim.count;
        msg.claim.next = s_next;
    }
    else
        msg.read.next = s_next;
    uint8_t bytes[ZSEQ_MESSAGE_MAX];
    size_t size = zseq_codec_encode (&msg, bytes, sizeof bytes);
    cr_assert_gt (size, 0);
    cr_assert_eq (zframe_send (&sender, s_router, ZFRAME_MORE), 0);
    zframe_t *frame = zframe_new (bytes, size);
    cr_assert_eq (zframe_send (&frame, s_router, 0), 0);
}

//  Refuses a request as a node does that does not know its cluster.
static void
s_refuse (zframe_t *sender, const zseq_msg_t *request)
{
    zseq_msg_t msg = {.op = request->op,
                      .reply = true,
                      .request = request->request,
                      .status = ZSEQ_ENOTVOTING,
                      .vector.n = 1};
    uint8_t bytes[64];
    size_t size = zseq_codec_encode (&msg, bytes, sizeof bytes);
    cr_assert_gt (size, 0);
    cr_assert_eq (zframe_send (&sender, s_router, ZFRAME_MORE), 0);
    zframe_t *frame = zframe_new (bytes, size);
    cr_assert_eq (zframe_send (&frame, s_router, 0), 0);
}

//  Answers the next request that arrives within that time. Returns the
//  request's operation; -1: no request arrived.
static int
s_serve (int timeout_ms)
{
    zsock_set_rcvtimeo (s_router, timeout_ms);
    zmsg_t *message = zmsg_recv (s_router);
    if (!message)
        return -1;
    zframe_t *sender = zmsg_pop (message);
    zframe_t *frame = zmsg_pop (message);
    zseq_codec_t codec;
    zseq_msg_t msg;
    cr_assert_eq (zseq_codec_decode_request (&codec, zframe_data (frame),
                                             zframe_size (frame), &msg),
                  ZSEQ_OK);
    if (s_recovers)
        s_refuse (zframe_dup (sender), &msg);
    s_answer (sender, &msg);
    int op = (int) msg.op;
    zframe_destroy (&frame);
    zmsg_destroy (&message);
    return op;
}

//  Polls the session's sockets for that time. Returns whether any is ready.
static bool
s_poll (int timeout_ms)
{
    struct pollfd fds[ZSEQ_TRANSPORT_FDS_MAX];
    size_t count = zseq_session_fds (s_reactor->session, fds);
    int found = poll (fds, (nfds_t) count, timeout_ms);
    zseq_session_note_ready (s_reactor->session, fds, count);
    return found > 0;
}

//  Runs the reactor once, with a new time.
static void
s_run (void)
{
    s_reactor->now_us = 0;
    zseq_reactor_run_once (s_reactor);
    zseq_session_flush (s_reactor->session);
}

static void
s_done (zseq_id_request_t *request)
{
    (void) request;
}

static zseq_id_request_t
s_request (int timeout_ms)
{
    zseq_id_request_t request = {
      .request = {.count = 1,
                  .count_min = 1,
                  .deadline_us =
                    zseq_clock_now_us () + (uint64_t) timeout_ms * 1000},
      .done = s_done};
    return request;
}

//  Opens a session, and gets a first ID, so that the client knows the next.
static void
s_set_up (void)
{
    s_router = zsock_new (ZMQ_ROUTER);
    int port = zsock_bind (s_router, "tcp://127.0.0.1:*");
    cr_assert_gt (port, 0);
    char text[64];
    snprintf (text, sizeof text, "tcp://127.0.0.1:%d", port);
    cr_assert_eq (zseq_uri_parse (text, &s_uri), ZSEQ_OK);
    s_reactor = zseq_reactor_new (&s_uri);
    s_queue = zseq_name_queue_acquire (s_reactor, "a");
    cr_assert_eq (zseq_reactor_enter (s_reactor), ZSEQ_OK);
    zseq_id_request_t request = s_request (WAIT_MS);
    zseq_name_queue_post (s_reactor, s_queue, &request);
    while (request.pending) {
        s_run ();
        (void) s_serve (5);
        (void) s_poll (5);
    }
    cr_assert_eq (request.outcome.rc, ZSEQ_OK);
}

static void
s_tear_down (void)
{
    zseq_reactor_leave (s_reactor);
    zseq_name_queue_release (s_reactor, s_queue);
    zseq_reactor_destroy (&s_reactor);
    zsock_destroy (&s_router);
}

static void
s_sleep_until (uint64_t until_us)
{
    struct timespec until = zseq_clock_timespec (until_us);
    while (clock_nanosleep (CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL))
        continue;
}

//  The thread that polls may run late. It would otherwise drop a reply that
//  arrived in time, and burn the reply's IDs.
Test (reactor, takes_a_reply_that_is_there_when_the_deadline_has_passed)
{
    s_set_up ();
    zseq_id_request_t request = s_request (2000);
    zseq_name_queue_post (s_reactor, s_queue, &request);
    s_run ();
    cr_assert_eq (s_serve (WAIT_MS), ZSEQ_OP_CLAIM);
    cr_assert (s_poll (WAIT_MS));
    s_sleep_until (request.request.deadline_us);
    s_run ();
    cr_assert (!request.pending);
    cr_assert_eq (request.outcome.rc, ZSEQ_OK);
    cr_assert_eq (request.request.first, 2);
    s_tear_down ();
}

Test (reactor, ends_a_request_whose_deadline_has_passed_without_a_reply)
{
    s_set_up ();
    zseq_id_request_t request = s_request (100);
    zseq_name_queue_post (s_reactor, s_queue, &request);
    s_run ();
    s_sleep_until (request.request.deadline_us);
    s_run ();
    cr_assert (!request.pending);
    cr_assert_neq (request.outcome.rc, ZSEQ_OK);
    s_tear_down ();
}

//  The refusal says of no cluster that it does not vote. If it ended the claim,
//  the claim's reply would come too late.
Test (reactor, takes_a_refusal_without_a_cluster_for_no_reply)
{
    s_set_up ();
    zseq_id_request_t request = s_request (2000);
    zseq_name_queue_post (s_reactor, s_queue, &request);
    s_run ();
    s_recovers = true;
    cr_assert_eq (s_serve (WAIT_MS), ZSEQ_OP_CLAIM);
    while (request.pending) {
        (void) s_poll (WAIT_MS);
        s_run ();
    }
    cr_assert_eq (request.outcome.rc, ZSEQ_OK);
    cr_assert_eq (request.request.first, 2);
    s_tear_down ();
}
