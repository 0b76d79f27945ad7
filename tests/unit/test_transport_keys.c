//  Tests transports with keys: who is let in, as whom, and what those are told
//  who are not; and with libzmq's own sockets at the other end.

#include <criterion/criterion.h>
#include <czmq.h>
#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "zseq_transport.h"
#include "zseq_zmtp.h"

enum { WAIT_MS = 10000 };

typedef struct {
    zseq_transport_kind_t router;
    zseq_transport_kind_t client;
} s_kinds_t;

static const s_kinds_t s_kinds[] = {
  {ZSEQ_TRANSPORT_NATIVE, ZSEQ_TRANSPORT_NATIVE},
  {ZSEQ_TRANSPORT_NATIVE, ZSEQ_TRANSPORT_ZMQ},
  {ZSEQ_TRANSPORT_ZMQ, ZSEQ_TRANSPORT_NATIVE},
  {ZSEQ_TRANSPORT_ZMQ, ZSEQ_TRANSPORT_ZMQ},
};
#define KINDS (sizeof s_kinds / sizeof *s_kinds)

typedef struct {
    zseq_transport_t *router;
    zseq_transport_t *client;
    const uint8_t *bytes;
    size_t size;
    zseq_route_t route;
} s_pair_t;

static char s_endpoint[80];
static zseq_curve_keys_t s_node;
static zseq_curve_keys_t s_client;
static zseq_curve_keys_t s_other;
static const uint8_t *s_allowed;

static bool
s_allow (void *arg, const uint8_t *public_key)
{
    cr_assert_eq (arg, &s_allowed);
    return !memcmp (s_allowed, public_key, ZSEQ_CURVE_KEY_SIZE);
}

static void
s_init (void)
{
    snprintf (s_endpoint, sizeof s_endpoint, "ipc:///tmp/zseq-keys.%d",
              (int) getpid ());
    zseq_curve_keys_t *const all[] = {&s_node, &s_client, &s_other};
    for (size_t index = 0; index < 3; index++)
        crypto_box_keypair (all[index]->pair.public_key,
                            all[index]->pair.secret_key);
    s_node.allow = s_allow;
    s_node.arg = &s_allowed;
    s_allowed = s_client.pair.public_key;
}

static void
s_fini (void)
{
    unlink (s_endpoint + strlen ("ipc://"));
}

TestSuite (keys, .init = s_init, .fini = s_fini);

static zseq_transport_t *
s_new (zseq_transport_kind_t kind, const zseq_curve_keys_t *keys)
{
    zseq_transport_options_t options = {.kind = kind, .keys = keys};
    zseq_transport_t *transport = zseq_transport_new (&options);
    cr_assert (transport);
    return transport;
}

static void
s_bind (s_pair_t *self, zseq_transport_kind_t kind,
        const zseq_curve_keys_t *keys)
{
    memset (self, 0, sizeof *self);
    self->router = s_new (kind, keys);
    cr_assert_eq (zseq_transport_bind (self->router, s_endpoint), ZSEQ_OK, "%s",
                  zseq_transport_text (self->router));
}

//  server_key: pinned; NULL: none.
static void
s_link (s_pair_t *self, zseq_transport_kind_t kind,
        const zseq_curve_keys_t *keys, const uint8_t *server_key)
{
    self->client = s_new (kind, keys);
    if (server_key)
        zseq_transport_pin (self->client, 0, server_key);
    cr_assert_eq (zseq_transport_link (self->client, 0, s_endpoint), ZSEQ_OK,
                  "%s", zseq_transport_text (self->client));
}

static void
s_close (s_pair_t *self)
{
    zseq_transport_destroy (&self->client);
    zseq_transport_destroy (&self->router);
}

static void
s_poll (zseq_transport_t *transport)
{
    struct pollfd fds[ZSEQ_TRANSPORT_FDS_MAX];
    if (!transport)
        return;
    zseq_transport_flush (transport);
    size_t count = zseq_transport_fds (transport, fds);
    (void) poll (fds, (nfds_t) count, 2);
    zseq_transport_note_ready (transport, fds, count);
}

//  Lets the ROUTER take what it gets. Whether that was a message.
static bool
s_take_request (s_pair_t *self)
{
    while (self->router &&
           zseq_transport_recv_request (self->router, &self->route,
                                        &self->bytes, &self->size) == ZSEQ_OK)
        if (self->size > 0)
            return true;
    return false;
}

static bool
s_take_reply (s_pair_t *self)
{
    return zseq_transport_recv (self->client, 0, &self->bytes, &self->size) ==
           ZSEQ_OK;
}

static void
s_wait (s_pair_t *self)
{
    s_poll (self->client);
    s_poll (self->router);
}

static void
s_send (s_pair_t *self, const void *bytes, size_t size)
{
    for (int look = 0;
         zseq_transport_send (self->client, 0, bytes, size) != ZSEQ_OK;
         look++) {
        cr_assert_lt (look, WAIT_MS, "%s",
                      zseq_transport_trouble (self->client, 0));
        cr_assert (!s_take_request (self));
        s_wait (self);
    }
}

static void
s_await_request (s_pair_t *self)
{
    for (int look = 0; !s_take_request (self); look++) {
        cr_assert_lt (look, WAIT_MS);
        s_wait (self);
    }
}

static void
s_await_reply (s_pair_t *self)
{
    for (int look = 0; !s_take_reply (self); look++) {
        cr_assert_lt (look, WAIT_MS);
        cr_assert (!s_take_request (self));
        s_wait (self);
    }
}

static void
s_exchange (s_pair_t *self, const uint8_t *bytes, size_t size)
{
    s_send (self, bytes, size);
    s_await_request (self);
    cr_assert_eq (self->size, size);
    cr_assert (!memcmp (self->bytes, bytes, size));
    cr_assert_eq (
      zseq_transport_reply (self->router, &self->route, bytes, size), ZSEQ_OK);
    s_await_reply (self);
    cr_assert_eq (self->size, size);
    cr_assert (!memcmp (self->bytes, bytes, size));
}

//  Waits until the link knows why it gets no connection.
static const char *
s_await_trouble (s_pair_t *self)
{
    const char *text;
    for (int look = 0; !(text = zseq_transport_trouble (self->client, 0));
         look++) {
        cr_assert_lt (look, WAIT_MS);
        cr_assert (!s_take_request (self));
        (void) s_take_reply (self);
        cr_assert (!zseq_transport_ready (self->client, 0));
        s_wait (self);
    }
    return text;
}

//  Who is let in.

Test (keys, messages_of_any_size_go_both_ways)
{
    static const size_t sizes[] = {
      1, 222, 223, 8192, ZSEQ_MESSAGE_MAX - 1, ZSEQ_MESSAGE_MAX};
    uint8_t *bytes = malloc (ZSEQ_MESSAGE_MAX);
    cr_assert (bytes);
    for (size_t at = 0; at < ZSEQ_MESSAGE_MAX; at++)
        bytes[at] = (uint8_t) (at * 7 + at / 256);
    for (size_t index = 0; index < KINDS; index++) {
        s_pair_t self;
        s_bind (&self, s_kinds[index].router, &s_node);
        s_link (&self, s_kinds[index].client, &s_client,
                s_node.pair.public_key);
        for (size_t at = 0; at < sizeof sizes / sizeof *sizes; at++)
            s_exchange (&self, bytes, sizes[at]);
        cr_assert_null (zseq_transport_trouble (self.client, 0));
        s_close (&self);
    }
    free (bytes);
}

Test (keys, many_messages_come_in_order)
{
    enum { COUNT = 5000 };
    for (size_t index = 0; index < KINDS; index++) {
        s_pair_t self;
        s_bind (&self, s_kinds[index].router, &s_node);
        s_link (&self, s_kinds[index].client, &s_client,
                s_node.pair.public_key);
        uint32_t sent = 0;
        uint32_t answered = 0;
        uint8_t bytes[512] = {0};
        while (answered < COUNT) {
            while (sent < COUNT && sent - answered < 300) {
                memcpy (bytes, &sent, sizeof sent);
                if (zseq_transport_send (self.client, 0, bytes,
                                         4 + sent % 500) != ZSEQ_OK)
                    break;
                sent++;
            }
            while (s_take_request (&self))
                cr_assert_eq (zseq_transport_reply (self.router, &self.route,
                                                    self.bytes, self.size),
                              ZSEQ_OK);
            while (s_take_reply (&self)) {
                uint32_t number;
                memcpy (&number, self.bytes, sizeof number);
                cr_assert_eq (number, answered);
                cr_assert_eq (self.size, 4 + answered % 500);
                answered++;
            }
            s_wait (&self);
        }
        s_close (&self);
    }
}

Test (keys, each_message_comes_with_its_sender_s_key)
{
    for (size_t index = 0; index < KINDS; index++) {
        s_pair_t one;
        s_node.allow = NULL;
        s_bind (&one, s_kinds[index].router, &s_node);
        s_pair_t two = {.router = one.router};
        s_link (&one, s_kinds[index].client, &s_client, s_node.pair.public_key);
        s_link (&two, s_kinds[index].client, &s_other, s_node.pair.public_key);
        for (int times = 0; times < 6; times++) {
            s_pair_t *pair = times % 2 ? &two : &one;
            const uint8_t *key =
              (times % 2 ? &s_other : &s_client)->pair.public_key;
            s_send (pair, "text", 4);
            s_await_request (pair);
            const uint8_t *sender = zseq_transport_sender (one.router);
            cr_assert (sender);
            cr_assert_arr_eq (sender, key, ZSEQ_CURVE_KEY_SIZE);
        }
        cr_assert (!s_take_request (&one));
        cr_assert_null (zseq_transport_sender (one.router));
        zseq_transport_destroy (&two.client);
        s_close (&one);
    }
}

Test (keys, without_keys_no_sender_has_one)
{
    s_pair_t self;
    s_bind (&self, ZSEQ_TRANSPORT_NATIVE, NULL);
    s_link (&self, ZSEQ_TRANSPORT_NATIVE, NULL, NULL);
    s_exchange (&self, (const uint8_t *) "text", 4);
    cr_assert_null (zseq_transport_sender (self.router));
    s_close (&self);
}

//  Who is not, and learns why.

static const char s_denied[] = "the node does not allow the key of this end: "
                               "add its public key to those that";
static const char s_other_key[] = "the node has another key than the one that "
                                  "is known of it: correct";
static const char s_hangs_up[] =
  "the node hangs up on this end's keys: it has no keys, or another key";
static const char s_hangs_up_keyless[] =
  "the node hangs up before its greeting: it may require keys";
static const char s_wants[] = "the node requires keys, and this end has none: "
                              "use keys that the node allows";
static const char s_lacks[] = "the node has no keys, and this end requires "
                              "them: start the node with its keys";

//  Between libzmq and another end, one may learn no more than that the other
//  one has hung up.
static void
s_assert_trouble (s_pair_t *self, bool libzmq, const char *text)
{
    const char *trouble = s_await_trouble (self);
    const char *less = text == s_wants ? s_hangs_up_keyless : s_hangs_up;
    cr_assert (strstr (trouble, text) || (libzmq && strstr (trouble, less)),
               "%s", trouble);
}

static bool
s_has_libzmq (size_t index)
{
    return s_kinds[index].router == ZSEQ_TRANSPORT_ZMQ ||
           s_kinds[index].client == ZSEQ_TRANSPORT_ZMQ;
}

//  Refused, and then, with what it lacked, let in.
Test (keys, a_key_that_is_not_allowed_is_refused)
{
    for (size_t index = 0; index < KINDS; index++) {
        s_pair_t self;
        s_bind (&self, s_kinds[index].router, &s_node);
        s_link (&self, s_kinds[index].client, &s_other, s_node.pair.public_key);
        cr_assert (strstr (s_await_trouble (&self), s_denied));
        zseq_transport_destroy (&self.client);
        s_link (&self, s_kinds[index].client, &s_client,
                s_node.pair.public_key);
        s_exchange (&self, (const uint8_t *) "text", 4);
        s_close (&self);
    }
}

Test (keys, a_node_with_another_key_is_not_talked_to)
{
    for (size_t index = 0; index < KINDS; index++) {
        s_pair_t self;
        s_bind (&self, s_kinds[index].router, &s_node);
        s_link (&self, s_kinds[index].client, &s_client,
                s_other.pair.public_key);
        s_assert_trouble (&self, s_has_libzmq (index), s_other_key);
        s_close (&self);
    }
}

Test (keys, a_node_with_keys_refuses_who_has_none)
{
    for (size_t index = 0; index < KINDS; index++) {
        s_pair_t self;
        //  libzmq's link is told nothing if it has no keys.
        if (s_kinds[index].client == ZSEQ_TRANSPORT_ZMQ)
            continue;
        s_bind (&self, s_kinds[index].router, &s_node);
        s_link (&self, s_kinds[index].client, NULL, NULL);
        s_assert_trouble (&self, s_has_libzmq (index), s_wants);
        s_close (&self);
    }
}

Test (keys, a_node_without_keys_is_not_talked_to)
{
    for (size_t index = 0; index < KINDS; index++) {
        s_pair_t self;
        s_bind (&self, s_kinds[index].router, NULL);
        s_link (&self, s_kinds[index].client, &s_client,
                s_node.pair.public_key);
        s_assert_trouble (&self, s_has_libzmq (index), s_lacks);
        s_close (&self);
    }
}

//  What was refused before is not held against a node that has come back.
Test (keys, the_trouble_is_that_of_the_last_attempt)
{
    s_pair_t self;
    s_bind (&self, ZSEQ_TRANSPORT_NATIVE, NULL);
    s_link (&self, ZSEQ_TRANSPORT_NATIVE, &s_client, s_node.pair.public_key);
    cr_assert (strstr (s_await_trouble (&self), s_lacks));
    zseq_transport_destroy (&self.router);
    for (int look = 0; zseq_transport_trouble (self.client, 0); look++) {
        cr_assert_lt (look, WAIT_MS);
        (void) s_take_reply (&self);
        s_wait (&self);
    }
    zseq_transport_t *client = self.client;
    s_bind (&self, ZSEQ_TRANSPORT_NATIVE, &s_node);
    self.client = client;
    s_exchange (&self, (const uint8_t *) "text", 4);
    s_close (&self);
}

Test (keys, a_link_needs_the_node_s_key)
{
    static const uint8_t none[ZSEQ_CURVE_KEY_SIZE];
    zseq_transport_t *client = s_new (ZSEQ_TRANSPORT_NATIVE, &s_client);
    cr_assert_eq (zseq_transport_link (client, 0, s_endpoint), ZSEQ_EINVAL);
    cr_assert (strstr (zseq_transport_text (client),
                       ": no valid public key of that node is known: add it"));
    zseq_transport_pin (client, 0, none);
    cr_assert_eq (zseq_transport_link (client, 0, s_endpoint), ZSEQ_EINVAL);
    zseq_transport_pin (client, 0, s_node.pair.public_key);
    cr_assert_eq (zseq_transport_link (client, 0, s_endpoint), ZSEQ_OK);
    zseq_transport_destroy (&client);
}

//  Handshakes that do not go on.

enum { HALF_OPEN = 40 };

//  Sends HELLO. It goes into the socket's buffer, as nothing else was sent.
static int
s_dial (void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf (address.sun_path, sizeof address.sun_path, "%s",
              s_endpoint + strlen ("ipc://"));
    int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    cr_assert_eq (connect (fd, (struct sockaddr *) &address, sizeof address),
                  0);
    zseq_zmtp_t zmtp;
    zseq_curve_t curve;
    uint8_t bytes[ZSEQ_ZMTP_GREETING_SIZE + ZSEQ_ZMTP_HANDSHAKE_MAX];
    zseq_zmtp_init (&zmtp, ZSEQ_ZMTP_DEALER, ZSEQ_ZMTP_CURVE, 1);
    zseq_zmtp_put_greeting (&zmtp, bytes);
    cr_assert_eq (zseq_zmtp_next (&zmtp, bytes, ZSEQ_ZMTP_GREETING_SIZE).type,
                  ZSEQ_ZMTP_GREETED);
    zseq_curve_init_client (&curve, &s_client, s_node.pair.public_key);
    zseq_zmtp_set_curve (&zmtp, &curve);
    size_t size = ZSEQ_ZMTP_GREETING_SIZE;
    size += zseq_zmtp_put_handshake (&zmtp, bytes + size);
    cr_assert_eq (send (fd, bytes, size, MSG_NOSIGNAL), (ssize_t) size);
    return fd;
}

//  What has come. *ended_p: nothing will come after it.
static size_t
s_drain (int fd, bool *ended_p)
{
    uint8_t bytes[1024];
    ssize_t size = recv (fd, bytes, sizeof bytes, 0);
    *ended_p = size == 0 || (size == -1 && errno != EAGAIN);
    return size > 0 ? (size_t) size : 0;
}

Test (keys, handshakes_that_stop_after_hello_are_ended)
{
    zseq_transport_options_t options = {
      .kind = ZSEQ_TRANSPORT_NATIVE, .keys = &s_node, .handshake_ms = 300};
    s_pair_t self = {.router = zseq_transport_new (&options)};
    cr_assert_eq (zseq_transport_bind (self.router, s_endpoint), ZSEQ_OK);
    int fds[HALF_OPEN];
    for (size_t index = 0; index < HALF_OPEN; index++)
        fds[index] = s_dial ();
    s_link (&self, ZSEQ_TRANSPORT_NATIVE, &s_client, s_node.pair.public_key);
    s_exchange (&self, (const uint8_t *) "text", 4);
    for (size_t index = 0; index < HALF_OPEN; index++) {
        size_t size = 0;
        bool ended = false;
        for (int look = 0; !ended; look++) {
            cr_assert_lt (look, WAIT_MS);
            size += s_drain (fds[index], &ended);
            cr_assert (!s_take_request (&self));
            s_wait (&self);
        }
        //  A greeting and WELCOME.
        cr_assert_eq (size, ZSEQ_ZMTP_GREETING_SIZE + 2 + 168);
        close (fds[index]);
    }
    s_exchange (&self, (const uint8_t *) "text", 4);
    s_close (&self);
}

//  libzmq's own sockets.

static void
s_set_key (zsock_t *socket, int option, const uint8_t *key)
{
    cr_assert_eq (
      zmq_setsockopt (zsock_resolve (socket), option, key, ZSEQ_CURVE_KEY_SIZE),
      0);
}

static zsock_t *
s_peer (int type, const zseq_curve_keys_t *keys, const uint8_t *server_key)
{
    zsock_t *socket = zsock_new (type);
    cr_assert (socket);
    zsock_set_rcvtimeo (socket, 5);
    if (!keys)
        return socket;
    s_set_key (socket, ZMQ_CURVE_PUBLICKEY, keys->pair.public_key);
    s_set_key (socket, ZMQ_CURVE_SECRETKEY, keys->pair.secret_key);
    if (server_key)
        s_set_key (socket, ZMQ_CURVE_SERVERKEY, server_key);
    else
        zsock_set_curve_server (socket, 1);
    return socket;
}

Test (keys, libzmq_s_client_is_served)
{
    s_pair_t self;
    s_bind (&self, ZSEQ_TRANSPORT_NATIVE, &s_node);
    zsock_t *peer = s_peer (ZMQ_DEALER, &s_client, s_node.pair.public_key);
    //  Its PINGs are sealed, too, and so are our answers to them.
    zsock_set_heartbeat_ivl (peer, 10);
    zsock_set_heartbeat_timeout (peer, 5000);
    cr_assert_eq (zsock_connect (peer, "%s", s_endpoint), 0);
    for (int times = 0; times < 200; times++) {
        cr_assert_eq (zstr_sendf (peer, "request %d", times), 0);
        s_await_request (&self);
        cr_assert_eq (zseq_transport_reply (self.router, &self.route,
                                            self.bytes, self.size),
                      ZSEQ_OK);
        char *text;
        for (int look = 0; !(text = zstr_recv (peer)); look++) {
            cr_assert_lt (look, WAIT_MS);
            cr_assert (!s_take_request (&self));
            s_wait (&self);
        }
        char expected[32];
        snprintf (expected, sizeof expected, "request %d", times);
        cr_assert_str_eq (text, expected);
        zstr_free (&text);
    }
    cr_assert_arr_eq (zseq_transport_sender (self.router)
                        ? zseq_transport_sender (self.router)
                        : s_client.pair.public_key,
                      s_client.pair.public_key, ZSEQ_CURVE_KEY_SIZE);
    //  Two frames are dropped, as ever.
    cr_assert_eq (zstr_sendx (peer, "two", "frames", NULL), 0);
    cr_assert_eq (zstr_send (peer, "one"), 0);
    s_await_request (&self);
    cr_assert_eq (self.size, 3);
    zsock_destroy (&peer);
    s_close (&self);
}

Test (keys, libzmq_s_node_serves)
{
    zsock_t *peer = s_peer (ZMQ_ROUTER, &s_node, NULL);
    cr_assert_geq (zsock_bind (peer, "%s", s_endpoint), 0);
    s_pair_t self = {0};
    s_link (&self, ZSEQ_TRANSPORT_NATIVE, &s_client, s_node.pair.public_key);
    for (int times = 0; times < 200; times++) {
        s_send (&self, "request", 7);
        zmsg_t *message;
        for (int look = 0; !(message = zmsg_recv (peer)); look++) {
            cr_assert_lt (look, WAIT_MS);
            s_wait (&self);
        }
        cr_assert_eq (zmsg_send (&message, peer), 0);
        s_await_reply (&self);
        cr_assert_eq (self.size, 7);
    }
    s_close (&self);
    zsock_destroy (&peer);
}

//  It hangs up without a word.
Test (keys, libzmq_s_node_refuses)
{
    static const struct {
        const zseq_curve_keys_t *node;
        const zseq_curve_keys_t *client;
        const uint8_t *pinned;
        const char *text;
    } cases[] = {
      {&s_node, NULL, NULL, s_wants},
      {NULL, &s_client, s_node.pair.public_key, s_lacks},
      {&s_node, &s_client, s_other.pair.public_key, s_other_key},
    };
    for (size_t index = 0; index < sizeof cases / sizeof *cases; index++) {
        zsock_t *peer = s_peer (ZMQ_ROUTER, cases[index].node, NULL);
        cr_assert_geq (zsock_bind (peer, "%s", s_endpoint), 0);
        s_pair_t self = {0};
        s_link (&self, ZSEQ_TRANSPORT_NATIVE, cases[index].client,
                cases[index].pinned);
        s_assert_trouble (&self, true, cases[index].text);
        s_close (&self);
        zsock_destroy (&peer);
    }
}

//  What it sends comes to nothing, and others are served.
Test (keys, libzmq_s_client_is_refused)
{
    s_pair_t self;
    s_bind (&self, ZSEQ_TRANSPORT_NATIVE, &s_node);
    zsock_t *peers[] = {
      s_peer (ZMQ_DEALER, NULL, NULL),
      s_peer (ZMQ_DEALER, &s_other, s_node.pair.public_key),
      s_peer (ZMQ_DEALER, &s_client, s_other.pair.public_key)};
    for (size_t index = 0; index < 3; index++) {
        cr_assert_eq (zsock_connect (peers[index], "%s", s_endpoint), 0);
        cr_assert_eq (zstr_send (peers[index], "let me in"), 0);
    }
    s_link (&self, ZSEQ_TRANSPORT_NATIVE, &s_client, s_node.pair.public_key);
    for (int times = 0; times < 50; times++)
        s_exchange (&self, (const uint8_t *) "text", 4);
    for (size_t index = 0; index < 3; index++)
        zsock_destroy (&peers[index]);
    s_close (&self);
}

//  libzmq gives up after that, and is made to try again.
Test (keys, a_key_that_is_allowed_later_is_let_in)
{
    for (size_t index = 0; index < KINDS; index++) {
        s_pair_t self;
        s_allowed = s_other.pair.public_key;
        s_bind (&self, s_kinds[index].router, &s_node);
        s_link (&self, s_kinds[index].client, &s_client,
                s_node.pair.public_key);
        cr_assert (strstr (s_await_trouble (&self), s_denied));
        s_allowed = s_client.pair.public_key;
        s_exchange (&self, (const uint8_t *) "text", 4);
        cr_assert_null (zseq_transport_trouble (self.client, 0));
        s_close (&self);
    }
}

Test (keys, a_node_that_has_its_keys_later_is_talked_to)
{
    for (size_t index = 0; index < KINDS; index++) {
        s_pair_t self;
        s_bind (&self, s_kinds[index].router, NULL);
        s_link (&self, s_kinds[index].client, &s_client,
                s_node.pair.public_key);
        s_assert_trouble (&self, s_has_libzmq (index), s_lacks);
        zseq_transport_t *client = self.client;
        zseq_transport_destroy (&self.router);
        s_bind (&self, s_kinds[index].router, &s_node);
        self.client = client;
        s_exchange (&self, (const uint8_t *) "text", 4);
        s_close (&self);
    }
}

Test (keys, links_to_a_named_host_have_keys_too)
{
    for (size_t index = 0; index < KINDS; index++) {
        s_pair_t self = {.router = s_new (s_kinds[index].router, &s_node)};
        char endpoint[80];
        int port = 20000 + (int) randombytes_uniform (10000);
        int rc = ZSEQ_ELOCKED;
        for (; rc == ZSEQ_ELOCKED; port++) {
            snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", port);
            rc = zseq_transport_bind (self.router, endpoint);
        }
        cr_assert_eq (rc, ZSEQ_OK);
        snprintf (endpoint, sizeof endpoint, "tcp://localhost:%d", port - 1);
        self.client = s_new (s_kinds[index].client, &s_client);
        zseq_transport_pin (self.client, 0, s_node.pair.public_key);
        cr_assert_eq (zseq_transport_link (self.client, 0, endpoint), ZSEQ_OK);
        s_exchange (&self, (const uint8_t *) "text", 4);
        s_close (&self);
    }
}
