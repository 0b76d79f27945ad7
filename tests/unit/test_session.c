//  Tests a client's session with a cluster. The test answers as the node, on a
//  ROUTER of its own, and passes the session its own time.

#include <criterion/criterion.h>
#include <czmq.h>
#include <poll.h>

#include "zseq_client_label.h"
#include "zseq_codec.h"
#include "zseq_session.h"
#include "zseq_transport.h"

typedef struct {
    zsock_t *router;
    zseq_uri_t uri;
    zseq_session_t *session;
    zframe_t *sender;
    char label[ZSEQ_LABEL_MAX + 1];  //  Of the last request; empty: none
    uint64_t speaks;                 //  What the node says
} s_fixture_t;

//  Opens a session with the test's node. other is a further endpoint, or NULL.
static s_fixture_t *
s_new_with (const char *other)
{
    s_fixture_t *self = calloc (1, sizeof *self);
    self->router = zsock_new (ZMQ_ROUTER);
    int port = zsock_bind (self->router, "tcp://127.0.0.1:*");
    cr_assert_gt (port, 0);
    char text[128];
    snprintf (text, sizeof text, "tcp://127.0.0.1:%d%s%s", port,
              other ? "," : "", other ? other : "");
    cr_assert_eq (zseq_uri_parse (text, &self->uri), ZSEQ_OK);
    cr_assert_eq (zseq_session_new (&self->session, &self->uri, 77), ZSEQ_OK);
    return self;
}

static s_fixture_t *
s_new (void)
{
    return s_new_with (NULL);
}

static void
s_destroy (s_fixture_t **self_p)
{
    s_fixture_t *self = *self_p;
    zseq_session_destroy (&self->session);
    zframe_destroy (&self->sender);
    zsock_destroy (&self->router);
    free (self);
    *self_p = NULL;
}

//  Ticks the session, and sends what it has to send.
static void
s_tick (s_fixture_t *self, uint64_t now_us, bool has_unsent)
{
    zseq_session_tick (self->session, now_us, has_unsent);
    zseq_session_flush (self->session);
}

//  Ticks the session at that time until the node receives a request.
static zseq_msg_t
s_request (s_fixture_t *self, uint64_t now_us)
{
    zsock_set_rcvtimeo (self->router, 5);
    zmsg_t *message = NULL;
    for (int round = 0; round < 2000 && !message; round++) {
        s_tick (self, now_us, false);
        message = zmsg_recv (self->router);
    }
    cr_assert_not_null (message, "no HELLO arrives");
    zframe_destroy (&self->sender);
    self->sender = zmsg_pop (message);
    zframe_t *frame = zmsg_pop (message);
    zseq_codec_t codec;
    zseq_msg_t msg;
    cr_assert_eq (zseq_codec_decode_request (&codec, zframe_data (frame),
                                             zframe_size (frame), &msg),
                  ZSEQ_OK);
    if (msg.op == ZSEQ_OP_HELLO)
        snprintf (self->label, sizeof self->label, "%.*s",
                  (int) msg.hello.label.size, msg.hello.label.data);
    zframe_destroy (&frame);
    zmsg_destroy (&message);
    return msg;
}

//  Answers a HELLO as node a, the only member of that cluster.
static void
s_answer (s_fixture_t *self, const zseq_msg_t *hello, uint64_t cluster)
{
    zseq_msg_t msg;
    memset (&msg, 0, sizeof msg);
    msg.op = ZSEQ_OP_HELLO;
    msg.reply = true;
    msg.request = hello->request;
    msg.cluster = cluster;
    msg.vector.n = 1;
    msg.vector.incarnation[0] = (zseq_incarnation_t){1, 1};
    zseq_msg_member_t member = {
      .name = {"a", 1},
      .endpoint = {self->uri.endpoint[0], strlen (self->uri.endpoint[0])}};
    msg.hello.members = (zseq_msg_members_t){
      .cluster_name = {"test", 4}, .member = &member, .member_count = 1};
    msg.hello.state = cluster ? ZSEQ_STATE_VOTING : ZSEQ_STATE_FORMING;
    msg.hello.speaks = self->speaks;
    uint8_t bytes[ZSEQ_MESSAGE_MAX];
    size_t size = zseq_codec_encode (&msg, bytes, sizeof bytes);
    zframe_t *sender = zframe_dup (self->sender);
    cr_assert_eq (zframe_send (&sender, self->router, ZFRAME_MORE), 0);
    zframe_t *frame = zframe_new (bytes, size);
    cr_assert_eq (zframe_send (&frame, self->router, 0), 0);
}

//  Waits until the session has received a frame.
static void
s_receive (s_fixture_t *self)
{
    bool seen = false;
    zseq_msg_t msg;
    while (!seen) {
        struct pollfd fds[ZSEQ_TRANSPORT_FDS_MAX];
        zseq_session_flush (self->session);
        size_t count = zseq_session_fds (self->session, fds);
        cr_assert (!zseq_session_recv (self->session, &msg, &seen));
        if (!seen)
            cr_assert_gt (poll (fds, count, 10000), 0);
        zseq_session_note_ready (self->session, fds, count);
    }
}

Test (sessions, are_ready_when_a_formed_cluster_has_answered)
{
    s_fixture_t *self = s_new ();
    zseq_msg_t hello = s_request (self, 1000000);
    cr_assert_eq (hello.op, ZSEQ_OP_HELLO);
    cr_assert (!zseq_session_ready (self->session));
    s_answer (self, &hello, 42);
    s_receive (self);
    s_tick (self, 1000001, false);
    cr_assert (zseq_session_ready (self->session));
    cr_assert_eq (zseq_session_cluster (self->session), 42);
    cr_assert_eq (zseq_session_n (self->session), 1);
    s_destroy (&self);
}

Test (sessions, wait_for_a_slow_reply)
{
    //  The reply to each HELLO takes 300 ms.
    s_fixture_t *self = s_new ();
    uint64_t now_us = 1000000;
    zseq_msg_t hello = s_request (self, now_us);
    bool ready = false;
    for (int round = 0; round < 4 && !ready; round++) {
        for (int tick = 0; tick < 15; tick++)
            s_tick (self, now_us += 20000, false);
        s_answer (self, &hello, 42);
        s_receive (self);
        s_tick (self, now_us, false);
        ready = zseq_session_ready (self->session);
        if (!ready)
            hello = s_request (self, now_us);
    }
    cr_assert (ready);
    s_destroy (&self);
}

Test (sessions, repeat_a_hello_ever_less_often_but_every_five_seconds)
{
    s_fixture_t *self = s_new ();
    uint64_t now_us = 1000000;
    for (uint64_t wait_us = 200000; now_us < 60000000; wait_us *= 2) {
        (void) s_request (self, now_us);
        wait_us = wait_us < 5000000 ? wait_us : 5000000;
        cr_assert_eq (zseq_session_wake_us (self->session), now_us + wait_us);
        now_us += wait_us;
    }
    s_destroy (&self);
}

//  The list of members may name an endpoint that this client cannot reach.
Test (sessions, stay_with_an_endpoint_that_was_given)
{
    s_fixture_t *self = s_new ();
    zseq_msg_t hello = s_request (self, 1000000);
    unsigned connections = zseq_session_changes (self->session);
    strcpy (self->uri.endpoint[0], "tcp://127.0.0.1:1");
    s_answer (self, &hello, 42);
    s_receive (self);
    s_tick (self, 1000001, false);
    cr_assert (zseq_session_ready (self->session));
    cr_assert_str_eq (zseq_session_member (self->session, 0)->endpoint,
                      "tcp://127.0.0.1:1");
    cr_assert_eq (zseq_session_changes (self->session), connections);
    uint8_t bytes[64];
    zseq_msg_t msg = {.op = ZSEQ_OP_STATUS, .request = 5, .cluster = 42};
    size_t size = zseq_codec_encode (&msg, bytes, sizeof bytes);
    cr_assert_eq (zseq_session_send (self->session, 1, bytes, size), 1);
    zseq_session_flush (self->session);
    cr_assert_eq (s_request (self, 1000002).op, ZSEQ_OP_STATUS);
    s_destroy (&self);
}

Test (sessions, ask_again_until_the_cluster_is_formed)
{
    s_fixture_t *self = s_new ();
    zseq_msg_t hello = s_request (self, 1000000);
    s_answer (self, &hello, 0);
    s_receive (self);
    s_tick (self, 1000001, false);
    cr_assert (zseq_session_known (self->session));
    cr_assert (!zseq_session_ready (self->session));
    hello = s_request (self, 1200000);
    s_answer (self, &hello, 42);
    s_receive (self);
    s_tick (self, 1200001, false);
    cr_assert (zseq_session_ready (self->session));
    s_destroy (&self);
}

Test (sessions, refuse_another_cluster_by_name)
{
    s_fixture_t *self = s_new ();
    strcpy (self->uri.cluster, "other");
    zseq_msg_t hello = s_request (self, 1000000);
    s_answer (self, &hello, 42);
    s_receive (self);
    cr_assert_not_null (zseq_session_fatal (self->session));
    cr_assert_eq (zseq_session_fatal (self->session)->rc, ZSEQ_ECLUSTER);
    s_destroy (&self);
}

Test (sessions, ignore_a_late_reply_to_a_hello)
{
    s_fixture_t *self = s_new ();
    zseq_msg_t first = s_request (self, 1000000);
    zseq_msg_t second = s_request (self, 9000000);
    cr_assert_neq (first.request, second.request);
    s_answer (self, &first, 41);
    s_receive (self);
    s_tick (self, 9000001, false);
    cr_assert (!zseq_session_known (self->session));
    s_answer (self, &second, 42);
    s_receive (self);
    s_tick (self, 9000002, false);
    cr_assert_eq (zseq_session_cluster (self->session), 42);
    s_destroy (&self);
}

//  The endpoint may lead to a slow node of another cluster.
Test (sessions, wait_for_a_connected_endpoint_of_an_unknown_node)
{
    zsock_t *unknown = zsock_new (ZMQ_ROUTER);
    int port = zsock_bind (unknown, "tcp://127.0.0.1:*");
    char endpoint[64];
    snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", port);
    s_fixture_t *self = s_new_with (endpoint);
    zseq_msg_t hello = s_request (self, 1000000);
    zsock_set_rcvtimeo (unknown, 5);
    zmsg_t *arrived = NULL;
    while (!arrived) {
        s_tick (self, 1000000, false);
        arrived = zmsg_recv (unknown);
    }
    zmsg_destroy (&arrived);
    s_answer (self, &hello, 42);
    s_receive (self);
    s_tick (self, 1900000, false);
    cr_assert (!zseq_session_known (self->session));
    cr_assert_eq (zseq_session_wake_us (self->session), 2000000);
    s_tick (self, 2000000, false);
    cr_assert (zseq_session_ready (self->session));
    s_destroy (&self);
    zsock_destroy (&unknown);
}

//  Reserves an endpoint at which no process listens, or can listen until the
//  returned descriptor is closed.
static int
s_reserve (char *endpoint, size_t endpoint_size)
{
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    cr_assert_eq (bind (fd, (const struct sockaddr *) &address, size), 0);
    cr_assert_eq (getsockname (fd, (struct sockaddr *) &address, &size), 0);
    snprintf (endpoint, endpoint_size, "tcp://127.0.0.1:%d",
              ntohs (address.sin_port));
    return fd;
}

Test (sessions, notice_a_connection_after_receiving_first)
{
    //  Receiving consumes the edge of the descriptor.
    char endpoint[64];
    int reserved = s_reserve (endpoint, sizeof endpoint);
    s_fixture_t *self = calloc (1, sizeof *self);
    cr_assert_eq (zseq_uri_parse (endpoint, &self->uri), ZSEQ_OK);
    cr_assert_eq (zseq_session_new (&self->session, &self->uri, 77), ZSEQ_OK);
    s_tick (self, 1000000, false);
    close (reserved);
    self->router = zsock_new (ZMQ_ROUTER);
    cr_assert_gt (zsock_bind (self->router, "%s", endpoint), 0);
    s_receive (self);
    zseq_msg_t hello = s_request (self, 1000000);
    cr_assert_eq (hello.op, ZSEQ_OP_HELLO);
    s_destroy (&self);
}

Test (sessions, know_when_a_node_is_connected_no_more)
{
    s_fixture_t *self = s_new ();
    zseq_msg_t hello = s_request (self, 1000000);
    s_answer (self, &hello, 42);
    s_receive (self);
    cr_assert (zseq_session_reaches (self->session, 0));
    zsock_destroy (&self->router);
    //  Its descriptor tells.
    while (zseq_session_reaches (self->session, 0)) {
        struct pollfd fds[ZSEQ_TRANSPORT_FDS_MAX];
        size_t count = zseq_session_fds (self->session, fds);
        cr_assert_gt (poll (fds, count, 10000), 0);
    }
    s_destroy (&self);
}

Test (sessions, do_not_wait_for_an_endpoint_without_a_node)
{
    char endpoint[64];
    int reserved = s_reserve (endpoint, sizeof endpoint);
    s_fixture_t *self = s_new_with (endpoint);
    zseq_msg_t hello = s_request (self, 1000000);
    s_answer (self, &hello, 42);
    s_receive (self);
    s_tick (self, 1049999, false);
    cr_assert (!zseq_session_known (self->session));
    s_tick (self, 1050000, false);
    cr_assert (zseq_session_ready (self->session));
    s_destroy (&self);
    close (reserved);
}

//  Who asks when to wake polls next: the descriptors have to tell what has come
//  meanwhile. So the answer depends on nothing that came after the last tick.
Test (sessions, look_at_no_connection_when_asked_when_to_wake)
{
    setenv ("ZSEQ_TRANSPORT", "native", 1);
    char endpoint[64];
    int reserved = s_reserve (endpoint, sizeof endpoint);
    s_fixture_t *self = s_new_with (endpoint);
    zseq_msg_t hello = s_request (self, 1000000);
    s_answer (self, &hello, 42);
    s_receive (self);
    s_tick (self, 1000001, false);
    cr_assert_eq (zseq_session_wake_us (self->session), 1050000);
    close (reserved);
    zsock_t *unknown = zsock_new (ZMQ_ROUTER);
    cr_assert_gt (zsock_bind (unknown, "%s", endpoint), 0);
    for (int round = 0; round < 200; round++) {
        (void) poll (NULL, 0, 2);
        cr_assert_eq (zseq_session_wake_us (self->session), 1050000);
    }
    s_destroy (&self);
    zsock_destroy (&unknown);
}

Test (sessions, draw_blocks_of_request_ids_without_0_and_without_overlap)
{
    zseq_session_t session = {.request = UINT64_MAX - 10};
    cr_assert_eq (zseq_session_draw_requests (&session, 8), UINT64_MAX - 9);
    cr_assert_eq (zseq_session_draw_requests (&session, 2), UINT64_MAX - 1);
    cr_assert_eq (zseq_session_draw_requests (&session, 1), 1);
    cr_assert_eq (zseq_session_draw_request (&session), 2);
    session.request = UINT64_MAX - 10;
    cr_assert_eq (zseq_session_draw_requests (&session, 256), 1);
    cr_assert_eq (zseq_session_draw_request (&session), 257);
}

//  Labels.

//  Opens a session with that label, which may be NULL, to a node that speaks
//  that version, and makes it ready. The first HELLO has no label.
static s_fixture_t *
s_new_labelled (const char *label, uint64_t speaks)
{
    s_fixture_t *self = calloc (1, sizeof *self);
    self->router = zsock_new (ZMQ_ROUTER);
    int port = zsock_bind (self->router, "tcp://127.0.0.1:*");
    char text[160];
    snprintf (text, sizeof text, "tcp://127.0.0.1:%d%s%s", port,
              label ? "?label=" : "", label ? label : "");
    cr_assert_eq (zseq_uri_parse (text, &self->uri), ZSEQ_OK);
    cr_assert_eq (zseq_session_new (&self->session, &self->uri, 77), ZSEQ_OK);
    self->speaks = speaks;
    zseq_msg_t hello = s_request (self, 1000000);
    cr_assert_str_empty (self->label);
    s_answer (self, &hello, 42);
    s_receive (self);
    s_tick (self, 1000001, false);
    cr_assert (zseq_session_ready (self->session));
    return self;
}

//  Sends a STATUS. Returns the op of the next request that arrives.
static zseq_op_t
s_use (s_fixture_t *self, uint64_t now_us)
{
    uint8_t bytes[64];
    zseq_msg_t msg = {.op = ZSEQ_OP_STATUS, .request = 5, .cluster = 42};
    size_t size = zseq_codec_encode (&msg, bytes, sizeof bytes);
    cr_assert_eq (zseq_session_send (self->session, 1, bytes, size), 1);
    zseq_session_flush (self->session);
    return s_request (self, now_us).op;
}

Test (sessions, tell_their_label_before_anything_else)
{
    s_fixture_t *self = s_new_labelled ("web-17", 3);
    cr_assert_eq (s_use (self, 1000001), ZSEQ_OP_HELLO);
    cr_assert_str_eq (self->label, "web-17");
    cr_assert_eq (s_request (self, 1000001).op, ZSEQ_OP_STATUS);
    s_destroy (&self);
}

//  The connection may be another one by then.
Test (sessions, tell_their_label_again_while_they_are_in_use)
{
    s_fixture_t *self = s_new_labelled ("web-17", 3);
    cr_assert_eq (s_use (self, 1000001), ZSEQ_OP_HELLO);
    cr_assert_eq (s_request (self, 1000001).op, ZSEQ_OP_STATUS);
    cr_assert_eq (s_use (self, 9000000), ZSEQ_OP_STATUS);
    cr_assert_eq (s_request (self, 12000000).op, ZSEQ_OP_HELLO);
    cr_assert_str_eq (self->label, "web-17");
    //  Not used since: the next request that arrives is the next one sent.
    for (uint64_t now_us = 13000000; now_us < 90000000; now_us += 1000000)
        s_tick (self, now_us, false);
    cr_assert_eq (s_use (self, 90000000), ZSEQ_OP_STATUS);
    s_destroy (&self);
}

Test (sessions, tell_no_label_to_older_nodes_nor_an_empty_one)
{
    for (size_t index = 0; index < 2; index++) {
        s_fixture_t *self =
          index ? s_new_labelled ("", 3) : s_new_labelled ("web-17", 2);
        cr_assert_eq (s_use (self, 1000001), ZSEQ_OP_STATUS);
        cr_assert_eq (s_use (self, 20000000), ZSEQ_OP_STATUS);
        s_destroy (&self);
    }
}

Test (sessions, are_labelled_by_program_process_and_host_unless_told)
{
    s_fixture_t *self = s_new_labelled (NULL, 3);
    cr_assert_eq (s_use (self, 1000001), ZSEQ_OP_HELLO);
    char process[32];
    snprintf (process, sizeof process, "[%ld]@", (long) getpid ());
    cr_assert (strstr (self->label, process), "%s", self->label);
    cr_assert_neq (self->label[0], '[');
    cr_assert (zseq_client_label_valid (self->label), "%s", self->label);
    s_destroy (&self);
}

#define S_TEN "0123456789"

Test (sessions, have_labels_of_63_plain_characters_at_most)
{
    static const struct {
        const char *text;
        int rc;
    } cases[] = {
      {"tcp://127.0.0.1:1?label=web-17", ZSEQ_OK},
      {"tcp://127.0.0.1:1?label=", ZSEQ_OK},
      {"tcp://127.0.0.1:1?label=aZ09-_.:@/+[]&timeout=7", ZSEQ_OK},
      {"flake+tcp://127.0.0.1:1?label=web-17", ZSEQ_OK},
      {"tcp://127.0.0.1:1?label=" S_TEN S_TEN S_TEN S_TEN S_TEN S_TEN "123",
       ZSEQ_OK},
      {"tcp://127.0.0.1:1?label=" S_TEN S_TEN S_TEN S_TEN S_TEN S_TEN "1234",
       ZSEQ_EURI},
      {"tcp://127.0.0.1:1?label=web 17", ZSEQ_EURI},
      {"tcp://127.0.0.1:1?label=\x1b[1m", ZSEQ_EURI},
      {"tcp://127.0.0.1:1?label=gr\xc3\xbc\xc3\x9f"
       "e",
       ZSEQ_EURI},
      {"tcp://127.0.0.1:1?label", ZSEQ_EURI},
      {"file:/d?label=web-17", ZSEQ_EURI},
      {"mem:?label=web-17", ZSEQ_EURI},
    };
    zseq_uri_t uri;
    for (size_t index = 0; index < sizeof cases / sizeof *cases; index++)
        cr_expect_eq (zseq_uri_parse (cases[index].text, &uri), cases[index].rc,
                      "%s: %s", cases[index].text, zseq_detail ());
    cr_assert_eq (zseq_uri_parse (cases[2].text, &uri), ZSEQ_OK);
    cr_expect_str_eq (uri.label, "aZ09-_.:@/+[]");
    cr_expect_eq (uri.timeout_ms, 7);
}
