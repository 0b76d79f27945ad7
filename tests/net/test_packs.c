//  Packed frames between nodes: a server in a thread of this process claims on
//  behalf of clients, and the test plays its two peers, one of which speaks an
//  older version. The test can stop the clock, so that what is held stays held
//  until it is answered.

#include <criterion/criterion.h>
#include <czmq.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "zseq_codec.h"
#include "zseq_coordinator_rank.h"
#include "zseq_pack.h"
#include "zseq_server.h"
#include "zseq_store.h"

#define CLUSTER 42
#define WAIT_MS 20000
#define MANY 64  //  Clients that make the node congested
#define TURNS_MAX 1000
#define HELD_MAX 16

enum { A, B, C, NODES };

//  The clock that this program and the server in it see.
static _Atomic int64_t s_now_ns;
static _Atomic bool s_stopped;

__attribute__ ((visibility ("default"))) int
clock_gettime (clockid_t clock, struct timespec *time)
{
    int rc = (int) syscall (SYS_clock_gettime, clock, time);
    if (clock != CLOCK_MONOTONIC)
        return rc;
    if (!s_stopped)
        s_now_ns = (int64_t) time->tv_sec * 1000000000 + time->tv_nsec;
    time->tv_sec = (time_t) (s_now_ns / 1000000000);
    time->tv_nsec = (long) (s_now_ns % 1000000000);
    return rc;
}

//  A peer that the test plays.
typedef struct {
    zsock_t *router;
    uint64_t speaks;
    zframe_t *route;  //  The node's
    bool silent;      //  It keeps questions for later, but for INTRODUCE
    zseq_msg_t held[HELD_MAX];
    size_t held_count;
    size_t frames;  //  That had such questions
    size_t packed;  //  ... and were packed
    size_t last;    //  Questions in the last of them
    char name[32];  //  That the last question was about
} s_peer_t;

static char s_directory[32];
static s_peer_t s_peer[NODES];
static zsock_t *s_client;
static zsock_t *s_many[MANY];
static zseq_server_t *s_server;
static pthread_t s_thread;
static int s_stop_fd;
static zseq_start_t s_start;  //  The node's, once the test has asked for it
static uint64_t s_request = 100;

static const char *
s_endpoint (int node)
{
    static char endpoint[NODES][64];
    snprintf (endpoint[node], sizeof endpoint[node], "ipc://%s/%c.sock",
              s_directory, 'a' + node);
    return endpoint[node];
}

//  The incarnations of a cluster that has lost no disk yet.
static void
s_set_vector (zseq_vector_t *vector)
{
    *vector = (zseq_vector_t){.n = NODES};
    for (uint8_t node = 0; node < NODES; node++)
        vector->incarnation[node] = (zseq_incarnation_t){1, 1000u + node};
}

//  The peers.

static void
s_answer (s_peer_t *self, const zseq_msg_t *ask)
{
    zseq_msg_t reply = *ask;
    reply.reply = true;
    reply.status = ZSEQ_OK;
    reply.node = (uint8_t) (self - s_peer);
    reply.cluster = CLUSTER;
    s_set_vector (&reply.vector);
    if (ask->op == ZSEQ_OP_INTRODUCE) {
        //  It has noted all that the node says of itself.
        reply.vector = ask->vector;
        reply.vector.start[A] = s_start;
        reply.extended = self->speaks > 1;
        //  It does not say its member list.
        reply.introduce.members.member_count = 0;
        reply.introduce.state = ZSEQ_STATE_VOTING;
        reply.introduce.seen = ask->introduce.process;
        reply.introduce.process = 99u + reply.node;
        reply.introduce.floor = reply.introduce.floor_reserved = 1;
        reply.introduce.speaks = self->speaks > 2 ? self->speaks : 0;
    }
    else if (ask->op == ZSEQ_OP_READ)
        reply.read.next = 1;
    else
        reply.claim.next = ask->claim.first + ask->claim.count;
    uint8_t bytes[ZSEQ_MESSAGE_MAX];
    size_t size = zseq_codec_encode (&reply, bytes, sizeof bytes);
    cr_assert (size);
    zframe_t *route = zframe_dup (self->route);
    cr_assert_eq (zframe_send (&route, self->router, ZFRAME_MORE), 0);
    zframe_t *frame = zframe_new (bytes, size);
    cr_assert_eq (zframe_send (&frame, self->router, 0), 0);
}

//  Answers what it has kept.
static void
s_release (s_peer_t *self)
{
    for (size_t at = 0; at < self->held_count; at++)
        s_answer (self, &self->held[at]);
    self->held_count = 0;
}

//  Takes a frame of the node.
static void
s_take (s_peer_t *self)
{
    zframe_destroy (&self->route);
    self->route = zframe_recv (self->router);
    zframe_t *frame = zframe_recv (self->router);
    cr_assert (frame);
    zseq_unpacker_t unpacker;
    zseq_unpacker_init (&unpacker, zframe_data (frame), zframe_size (frame));
    const uint8_t *bytes;
    size_t size;
    size_t count = 0;
    while (zseq_unpacker_next (&unpacker, &bytes, &size)) {
        static zseq_codec_t codec;
        zseq_msg_t ask;
        cr_assert_eq (zseq_codec_decode_request (&codec, bytes, size, &ask),
                      ZSEQ_OK);
        if (ask.op != ZSEQ_OP_INTRODUCE) {
            count++;
            snprintf (self->name, sizeof self->name, "%.*s",
                      (int) ask.name.size, ask.name.data);
        }
        if (!self->silent || ask.op == ZSEQ_OP_INTRODUCE) {
            s_answer (self, &ask);
            continue;
        }
        cr_assert_lt (self->held_count, HELD_MAX);
        self->held[self->held_count++] = ask;
    }
    if (count) {
        self->frames++;
        self->packed += unpacker.packed;
        self->last = count;
    }
    zframe_destroy (&frame);
}

//  Lets the peers take frames until there is something for the socket; NULL:
//  until one of them has taken a frame.
static void
s_turn (zsock_t *socket)
{
    zmq_pollitem_t items[] = {
      {zsock_resolve (s_peer[B].router), 0, ZMQ_POLLIN, 0},
      {zsock_resolve (s_peer[C].router), 0, ZMQ_POLLIN, 0},
      {socket ? zsock_resolve (socket) : NULL, 0, ZMQ_POLLIN, 0}};
    do {
        cr_assert_gt (zmq_poll (items, socket ? 3 : 2, -1), 0);
        for (int peer = B; peer <= C; peer++)
            if (items[peer - B].revents)
                s_take (&s_peer[peer]);
    } while (socket && !items[2].revents);
}

static void
s_wait_for_frames (size_t of_b, size_t of_c)
{
    while (s_peer[B].frames < of_b || s_peer[C].frames < of_c)
        s_turn (NULL);
    cr_assert_eq (s_peer[B].frames, of_b);
    cr_assert_eq (s_peer[C].frames, of_c);
}

//  Clients.

static void
s_send (zsock_t *socket, const zseq_msg_t *msg)
{
    uint8_t bytes[512];
    size_t size = zseq_codec_encode (msg, bytes, sizeof bytes);
    cr_assert (size);
    zframe_t *frame = zframe_new (bytes, size);
    cr_assert_eq (zframe_send (&frame, socket, 0), 0);
}

//  The index-th name for which the node is the first coordinator, so that it
//  asks no peer to claim in its place.
static zseq_slice_t
s_name (size_t index)
{
    static char name[32];
    zseq_coordinator_rank_t rank;
    zseq_coordinator_rank_init (&rank, NODES);
    for (uint8_t node = 0; node < NODES; node++)
        zseq_coordinator_rank_set_name (&rank, node, &"abc"[node], 1);
    for (size_t number = 0;; number++) {
        uint8_t ranking[NODES];
        size_t size = (size_t) snprintf (name, sizeof name, "name-%zu", number);
        zseq_coordinator_rank_nodes (&rank, name, size, ranking);
        if (ranking[0] == A && index-- == 0)
            return (zseq_slice_t){name, size};
    }
}

//  Asks for an ID of the index-th name, or with STATUS for that.
static void
s_ask (zsock_t *socket, zseq_op_t op, size_t index)
{
    zseq_msg_t msg = {.op = op, .request = s_request++, .cluster = CLUSTER};
    if (op == ZSEQ_OP_NEXT) {
        msg.name = s_name (index);
        msg.next.count = msg.next.count_min = 1;
        msg.next.timeout_us = WAIT_MS * 1000;
    }
    s_send (socket, &msg);
}

//  Waits for a reply, and takes of it what has nothing to do with its frame.
static zseq_msg_t
s_receive (zsock_t *socket)
{
    s_turn (socket);
    zframe_t *frame = zframe_recv (socket);
    cr_assert (frame);
    static zseq_codec_t codec;
    zseq_msg_t reply;
    cr_assert_eq (zseq_codec_decode_reply (&codec, zframe_data (frame),
                                           zframe_size (frame), &reply),
                  ZSEQ_OK);
    zframe_destroy (&frame);
    return reply;
}

//  Returns the reply's status; sets *congested_p, if it is given.
static int
s_await (zsock_t *socket, bool *congested_p)
{
    zseq_msg_t reply = s_receive (socket);
    if (congested_p)
        *congested_p |= reply.congested;
    return reply.status;
}

//  The server has flushed what it was asked before this.
static void
s_settle (void)
{
    for (int times = 0; times < 2; times++) {
        s_ask (s_client, ZSEQ_OP_STATUS, 0);
        cr_assert_eq (s_await (s_client, NULL), ZSEQ_OK);
    }
}

//  So many clients wait at once that the node finds itself congested, and stays
//  so, as the clock stops.
static void
s_congest (void)
{
    bool congested = false;
    for (int turn = 0; !congested; turn++) {
        cr_assert_lt (turn, TURNS_MAX, "it is never congested");
        for (size_t at = 0; at < MANY; at++)
            s_ask (s_many[at], ZSEQ_OP_NEXT, 0);
        for (size_t at = 0; at < MANY; at++)
            (void) s_await (s_many[at], &congested);
    }
    s_stopped = true;
}

//  The node.

static void
s_log (const zseq_log_line_t *line, void *arg)
{
    (void) arg;
    fprintf (stderr, "%s\n", line->text);
}

static void *
s_run (void *arg)
{
    return (void *) (intptr_t) zseq_server_run (arg, s_stop_fd);
}

//  Formats the directory of a node that has voted for long.
static void
s_format (const char *directory)
{
    char text[256];
    snprintf (text, sizeof text, "a=%s,b=%s,c=%s", s_endpoint (A),
              s_endpoint (B), s_endpoint (C));
    zseq_members_t members;
    char why[ZSEQ_MEMBERS_WHY_MAX];
    cr_assert_eq (zseq_members_parse (&members, text, why), ZSEQ_OK, "%s", why);
    zseq_record_t record;
    cr_assert_eq (zseq_record_init (&record, "shop", "a", &members, 1),
                  ZSEQ_OK);
    record.identity = CLUSTER;
    record.voting = true;
    s_set_vector (&record.vector);
    zseq_store_t *store = zseq_store_new (directory);
    cr_assert_eq (zseq_store_format (store, &record), ZSEQ_OK, "%s",
                  zseq_store_text (store));
    zseq_store_destroy (&store);
}

//  Asks the node as b until it tells its start, which a peer has to note before
//  the node votes.
static void
s_learn_start (void)
{
    zseq_msg_member_t member[NODES] = {
      {.name = {"a", 1}}, {.name = {"b", 1}}, {.name = {"c", 1}}};
    zseq_msg_t msg = {.op = ZSEQ_OP_INTRODUCE, .cluster = CLUSTER, .node = B};
    msg.introduce.members = (zseq_msg_members_t){{"shop", 4}, member, NODES};
    msg.introduce.state = ZSEQ_STATE_VOTING;
    msg.introduce.process = 99u + B;
    s_set_vector (&msg.vector);
    while (!s_start.counter) {
        msg.request = s_request++;
        s_send (s_client, &msg);
        s_start = s_receive (s_client).vector.start[A];
    }
}

//  Starts the node, with peers that speak version 3 and that one, and waits
//  until it hands out IDs.
static void
s_begin (uint64_t speaks)
{
    static zseq_server_options_t options = {
      .names_max = 1000, .memory_max = 1u << 30, .log = s_log};
    static char data[64];
    cr_assert_geq (sodium_init (), 0);
    strcpy (s_directory, "/tmp/zseq-packs-XXXXXX");
    cr_assert (mkdtemp (s_directory));
    snprintf (data, sizeof data, "%s/a", s_directory);
    s_format (data);
    for (int peer = B; peer <= C; peer++) {
        s_peer[peer] = (s_peer_t){.router = zsock_new (ZMQ_ROUTER),
                                  .speaks = peer == B ? 3 : speaks};
        cr_assert_eq (zsock_bind (s_peer[peer].router, "%s", s_endpoint (peer)),
                      0);
    }
    options.directory = data;
    s_server = zseq_server_new (&options);
    cr_assert_eq (zseq_server_open (s_server), ZSEQ_OK);
    s_stop_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    cr_assert_eq (pthread_create (&s_thread, NULL, s_run, s_server), 0);
    s_client = zsock_new_dealer (s_endpoint (A));
    for (size_t at = 0; at < MANY; at++)
        s_many[at] = zsock_new_dealer (s_endpoint (A));
    s_learn_start ();
    do
        s_ask (s_client, ZSEQ_OP_NEXT, 0);
    while (s_await (s_client, NULL) != ZSEQ_OK);
}

static void
s_end (void)
{
    s_stopped = false;
    cr_assert_eq (eventfd_write (s_stop_fd, 1), 0);
    void *rc;
    pthread_join (s_thread, &rc);
    cr_assert_eq ((intptr_t) rc, ZSEQ_OK);
    zseq_server_destroy (&s_server);
    close (s_stop_fd);
    zsock_destroy (&s_client);
    for (size_t at = 0; at < MANY; at++)
        zsock_destroy (&s_many[at]);
    for (int peer = B; peer <= C; peer++) {
        zframe_destroy (&s_peer[peer].route);
        zsock_destroy (&s_peer[peer].router);
    }
    char command[64];
    snprintf (command, sizeof command, "rm -r %s", s_directory);
    cr_assert_eq (system (command), 0);
}

//  While a frame to b is not answered, what follows waits for the answer and
//  then comes in one frame. To c each message comes at once and by itself.
static void
s_assert_held_for_b_only (uint64_t speaks)
{
    s_begin (speaks);
    s_congest ();
    //  With this reply, the node has heard all that b had to answer.
    s_peer[C].silent = true;
    s_ask (s_client, ZSEQ_OP_NEXT, 5);
    cr_assert_eq (s_await (s_client, NULL), ZSEQ_OK);
    s_settle ();
    char settled[32];
    snprintf (settled, sizeof settled, "%.*s", (int) s_name (5).size,
              s_name (5).data);
    while (strcmp (s_peer[B].name, settled) || strcmp (s_peer[C].name, settled))
        s_turn (NULL);
    cr_assert_eq (s_peer[C].packed, 0);
    s_peer[B].frames = s_peer[C].frames = s_peer[B].packed = 0;

    s_peer[B].silent = true;
    for (size_t at = 0; at < 4; at++) {
        s_ask (s_client, ZSEQ_OP_NEXT, 1 + at);
        s_settle ();
        s_wait_for_frames (1, 1 + at);
    }
    //  The answer to the first READ makes the node claim of that name, too.
    s_release (&s_peer[B]);
    s_wait_for_frames (2, 5);
    cr_assert_eq (s_peer[B].packed, 1);
    cr_assert_eq (s_peer[B].last, 4, "%zu", s_peer[B].last);
    s_peer[B].silent = false;
    s_release (&s_peer[B]);
    for (size_t at = 0; at < 4; at++)
        cr_assert_eq (s_await (s_client, NULL), ZSEQ_OK);
    cr_assert_eq (s_peer[C].packed, 0);
    s_end ();
}

//  Where nothing comes, libzmq waits for ever: its clock has stopped, too.
TestSuite (packs, .timeout = 30);

Test (packs, are_held_and_not_sent_to_who_speaks_version_2)
{
    s_assert_held_for_b_only (2);
}

Test (packs, are_held_and_not_sent_to_who_speaks_version_1)
{
    s_assert_held_for_b_only (1);
}
