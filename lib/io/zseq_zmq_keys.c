#include "zseq_zmq_keys.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

//  Refuse everyone if nobody answers. libzmq knows the option, and says so in
//  its header only where drafts are built.
#define ENFORCE_DOMAIN 93

//  Whatever is not empty makes libzmq ask.
#define DOMAIN "zseq"
#define ZAP_ENDPOINT "inproc://zeromq.zap.01"
#define VERSION "1.0"
#define USER_ID_SIZE 41  //  A key in Z85, and a NUL

//  The frames of a question that count.
#define REQUEST_FRAME 1
#define KEY_FRAME 6

static void
s_set_key (void *socket, int option, const uint8_t *key)
{
    int rc = zmq_setsockopt (socket, option, key, ZSEQ_CURVE_KEY_SIZE);
    assert (rc == 0);
}

bool
zseq_zmq_keys_serve (void *router, const zseq_curve_keys_t *keys)
{
    assert (router);
    assert (keys);

    int on = 1;
    int set = 0;
    size_t size = sizeof set;
    int rc = zmq_setsockopt (router, ZMQ_CURVE_SERVER, &on, sizeof on);
    assert (rc == 0);
    s_set_key (router, ZMQ_CURVE_SECRETKEY, keys->pair.secret_key);
    rc = zmq_setsockopt (router, ZMQ_ZAP_DOMAIN, DOMAIN, sizeof (DOMAIN) - 1);
    assert (rc == 0);
    return zmq_setsockopt (router, ENFORCE_DOMAIN, &on, sizeof on) == 0 &&
           zmq_getsockopt (router, ENFORCE_DOMAIN, &set, &size) == 0 &&
           set == 1;
}

void
zseq_zmq_keys_connect (void *dealer, const zseq_curve_keys_t *keys,
                       const uint8_t *server_key)
{
    assert (dealer);
    assert (keys);
    assert (server_key);

    s_set_key (dealer, ZMQ_CURVE_PUBLICKEY, keys->pair.public_key);
    s_set_key (dealer, ZMQ_CURVE_SECRETKEY, keys->pair.secret_key);
    s_set_key (dealer, ZMQ_CURVE_SERVERKEY, server_key);
}

void *
zseq_zmq_keys_open_zap (void *context)
{
    assert (context);

    void *zap = zmq_socket (context, ZMQ_REP);
    if (!zap)
        return NULL;
    int linger = 0;
    (void) zmq_setsockopt (zap, ZMQ_LINGER, &linger, sizeof linger);
    if (zmq_bind (zap, ZAP_ENDPOINT) == 0)
        return zap;
    int error = errno;
    zmq_close (zap);
    errno = error;
    return NULL;
}

//  Receives the next frame of what libzmq says. False: there is none.
static bool
s_recv (void *socket, zmq_msg_t *frame)
{
    while (zmq_msg_recv (frame, socket, ZMQ_DONTWAIT) == -1)
        if (errno != EINTR)
            return false;
    return true;
}

static void
s_send (void *socket, const void *bytes, size_t size, bool more)
{
    //  libzmq takes all frames of an answer that it has asked for.
    (void) zmq_send (socket, bytes, size,
                     ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0));
}

//  A question: its number, and whose key it is about.
typedef struct {
    uint8_t request[256];
    size_t request_size;
    uint8_t key[ZSEQ_CURVE_KEY_SIZE];
    bool has_key;
} s_question_t;

static void
s_note (s_question_t *self, size_t index, zmq_msg_t *frame)
{
    size_t size = zmq_msg_size (frame);
    const void *bytes = zmq_msg_data (frame);
    if (index == REQUEST_FRAME && size <= sizeof self->request) {
        memcpy (self->request, bytes, size);
        self->request_size = size;
    }
    if (index == KEY_FRAME && size == sizeof self->key) {
        memcpy (self->key, bytes, size);
        self->has_key = true;
    }
}

//  False: nothing is asked.
static bool
s_take_question (void *zap, s_question_t *self)
{
    zmq_msg_t frame;
    memset (self, 0, sizeof *self);
    zmq_msg_init (&frame);
    bool more = s_recv (zap, &frame);
    bool taken = more;
    for (size_t index = 0; more; index++) {
        s_note (self, index, &frame);
        more = zmq_msg_more (&frame) && s_recv (zap, &frame);
    }
    zmq_msg_close (&frame);
    return taken;
}

void
zseq_zmq_keys_answer (void *zap, const zseq_curve_keys_t *keys)
{
    assert (zap);
    assert (keys);

    s_question_t question;
    while (s_take_question (zap, &question)) {
        bool allowed = question.has_key &&
                       (!keys->allow || keys->allow (keys->arg, question.key));
        char user_id[USER_ID_SIZE] = "";
        if (allowed)
            zmq_z85_encode (user_id, question.key, sizeof question.key);
        s_send (zap, VERSION, sizeof (VERSION) - 1, true);
        s_send (zap, question.request, question.request_size, true);
        s_send (zap, allowed ? "200" : "400", 3, true);
        s_send (zap, "", 0, true);
        s_send (zap, user_id, strlen (user_id), true);
        s_send (zap, "", 0, false);
    }
}

bool
zseq_zmq_keys_sender (void *frame, uint8_t key[ZSEQ_CURVE_KEY_SIZE])
{
    assert (frame);
    assert (key);

    const char *user_id = zmq_msg_gets (frame, "User-Id");
    return user_id && strlen (user_id) == USER_ID_SIZE - 1 &&
           zmq_z85_decode (key, user_id);
}

void *
zseq_zmq_keys_watch (void *context, void *dealer, unsigned number)
{
    assert (context);
    assert (dealer);

    char endpoint[64];
    snprintf (endpoint, sizeof endpoint, "inproc://zseq-monitor-%u", number);
    void *monitor = zmq_socket (context, ZMQ_PAIR);
    if (!monitor)
        return NULL;
    //  libzmq waits for room in this queue, and lets connections wait with it.
    int unlimited = 0;
    (void) zmq_setsockopt (monitor, ZMQ_RCVHWM, &unlimited, sizeof unlimited);
    (void) zmq_setsockopt (monitor, ZMQ_LINGER, &unlimited, sizeof unlimited);
    if (zmq_socket_monitor (dealer, endpoint,
                            ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
                              ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                              ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                              ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL) == 0 &&
        zmq_connect (monitor, endpoint) == 0)
        return monitor;
    (void) zmq_socket_monitor (dealer, NULL, 0);
    zmq_close (monitor);
    return NULL;
}

static zseq_zmq_news_t
s_news (uint16_t event, uint32_t value)
{
    switch (event) {
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        return ZSEQ_ZMQ_SHAKEN;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        return ZSEQ_ZMQ_DENIED;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        return value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH
                 ? ZSEQ_ZMQ_MISMATCH
                 : ZSEQ_ZMQ_HUNG_UP;
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        return ZSEQ_ZMQ_HUNG_UP;
    default:
        return ZSEQ_ZMQ_NO_NEWS;
    }
}

zseq_zmq_news_t
zseq_zmq_keys_news (void *monitor)
{
    assert (monitor);

    zseq_zmq_news_t news = ZSEQ_ZMQ_NO_NEWS;
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    while (s_recv (monitor, &frame)) {
        uint16_t event;
        uint32_t value;
        const uint8_t *bytes = zmq_msg_data (&frame);
        //  The frame after it is the endpoint.
        if (zmq_msg_size (&frame) != sizeof event + sizeof value ||
            !zmq_msg_more (&frame))
            continue;
        memcpy (&event, bytes, sizeof event);
        memcpy (&value, bytes + sizeof event, sizeof value);
        zseq_zmq_news_t next = s_news (event, value);
        news = next != ZSEQ_ZMQ_NO_NEWS ? next : news;
    }
    zmq_msg_close (&frame);
    return news;
}

void
zseq_zmq_keys_unwatch (void *dealer, void *monitor)
{
    assert (dealer);
    assert (monitor);

    //  In this order: libzmq's thread would wait for a closed one.
    (void) zmq_socket_monitor (dealer, NULL, 0);
    zmq_close (monitor);
}
