//  Real nodes that claim on behalf of clients, asked by clients that the test
//  plays itself.

#include "zseq_cluster.h"

#include <criterion/criterion.h>
#include <czmq.h>

#include "zseq_codec.h"
#include "zseq_pack.h"

#define CLIENTS 8
#define TURNS 200

typedef struct {
    zsock_t *dealer;
    zseq_codec_t codec;
    zseq_msg_t reply;
    zframe_t *frame;
} s_client_t;

static void
s_open (s_client_t *self, const char *uri)
{
    char endpoint[256];
    snprintf (endpoint, sizeof endpoint, "%.*s", (int) strcspn (uri, ","), uri);
    memset (self, 0, sizeof *self);
    self->dealer = zsock_new (ZMQ_DEALER);
    cr_assert_eq (zsock_connect (self->dealer, "%s", endpoint), 0);
    zsock_set_rcvtimeo (self->dealer, 10000);
}

static void
s_close (s_client_t *self)
{
    zframe_destroy (&self->frame);
    zsock_destroy (&self->dealer);
}

static void
s_send (s_client_t *self, const zseq_msg_t *msg)
{
    uint8_t bytes[512];
    size_t size = zseq_codec_encode (msg, bytes, sizeof bytes);
    cr_assert (size);
    zframe_t *frame = zframe_new (bytes, size);
    cr_assert_eq (zframe_send (&frame, self->dealer, 0), 0);
}

static const zseq_msg_t *
s_receive (s_client_t *self)
{
    zframe_destroy (&self->frame);
    self->frame = zframe_recv (self->dealer);
    cr_assert (self->frame, "no reply");
    cr_assert_eq (
      zseq_codec_decode_reply (&self->codec, zframe_data (self->frame),
                               zframe_size (self->frame), &self->reply),
      ZSEQ_OK);
    return &self->reply;
}

static void
s_add (zseq_pack_t *pack, const zseq_msg_t *msg)
{
    uint8_t bytes[512];
    size_t size = zseq_codec_encode (msg, bytes, sizeof bytes);
    cr_assert (size);
    cr_assert (zseq_pack_add (pack, bytes, size));
}

static int
s_compare (const void *a, const void *b)
{
    const uint64_t *first = a;
    const uint64_t *second = b;
    return (*first > *second) - (*first < *second);
}

//  S7: clients that ask at the same time share claims, and no client gets an ID
//  below one that another client had before it asked.
Test (coordinator, serves_many_clients_with_few_claims)
{
    zseq_cluster_t *cluster = zseq_cluster_new ("net", 3, NULL);
    zseq_cluster_start_all (cluster);
    s_client_t clients[CLIENTS];
    for (size_t index = 0; index < CLIENTS; index++)
        s_open (&clients[index], zseq_cluster_uri (cluster));
    zseq_msg_t msg = {.op = ZSEQ_OP_HELLO, .request = 1};
    s_send (&clients[0], &msg);
    uint64_t cluster_id = s_receive (&clients[0])->cluster;

    static uint64_t given[TURNS * CLIENTS];
    size_t count = 0;
    uint64_t last = 0;
    uint64_t served = 0;
    for (uint64_t turn = 0; turn < TURNS; turn++) {
        msg = (zseq_msg_t){
          .op = ZSEQ_OP_NEXT,
          .cluster = cluster_id,
          .name = {"orders", 6},
          .next = {.count = 1, .count_min = 1, .timeout_us = 10000000}};
        for (size_t index = 0; index < CLIENTS; index++) {
            msg.request = 100 + turn * CLIENTS + index;
            s_send (&clients[index], &msg);
        }
        uint64_t newest = last;
        for (size_t index = 0; index < CLIENTS; index++) {
            const zseq_msg_t *reply = s_receive (&clients[index]);
            cr_assert_eq (reply->request, 100 + turn * CLIENTS + index);
            cr_assert_eq (reply->status, ZSEQ_OK);
            cr_assert_gt (reply->next.first, last);
            given[count++] = reply->next.first;
            served += reply->next.served;
            if (newest < reply->next.first)
                newest = reply->next.first;
        }
        last = newest;
    }
    qsort (given, count, sizeof *given, s_compare);
    for (size_t index = 1; index < count; index++)
        cr_assert_neq (given[index], given[index - 1]);
    cr_assert_gt (served, 2 * count, "they shared no claims");
    for (size_t index = 0; index < CLIENTS; index++)
        s_close (&clients[index]);
    zseq_cluster_destroy (&cluster);
}

//  A packed frame is answered by one, request by request. What is malformed
//  in it is refused, and harms no other.
Test (coordinator, answers_packed_requests_in_a_packed_frame)
{
    zseq_cluster_t *cluster = zseq_cluster_new ("net", 3, NULL);
    zseq_cluster_start_all (cluster);
    s_client_t client;
    s_open (&client, zseq_cluster_uri (cluster));
    static zseq_pack_t pack;
    zseq_msg_t msg = {.op = ZSEQ_OP_HELLO, .request = 1};
    s_add (&pack, &msg);
    //  A READ without its name; and an array of what is no message.
    cr_assert (
      zseq_pack_add (&pack, (const uint8_t *) "\x94\x01\x02\x02\0", 5));
    cr_assert (zseq_pack_add (&pack, (const uint8_t *) "\x91\x91\x01", 3));
    msg = (zseq_msg_t){.op = ZSEQ_OP_STATUS, .request = 3};
    s_add (&pack, &msg);
    const uint8_t *bytes;
    size_t size = zseq_pack_take (&pack, &bytes);
    zframe_t *frame = zframe_new (bytes, size);
    cr_assert_eq (zframe_send (&frame, client.dealer, 0), 0);

    frame = zframe_recv (client.dealer);
    cr_assert (frame, "no reply");
    zseq_unpacker_t unpacker;
    zseq_unpacker_init (&unpacker, zframe_data (frame), zframe_size (frame));
    cr_assert (unpacker.packed);
    static const struct {
        zseq_op_t op;
        int status;
    } expected[] = {{ZSEQ_OP_HELLO, ZSEQ_OK},
                    {ZSEQ_OP_READ, ZSEQ_EPROTOCOL},
                    {ZSEQ_OP_STATUS, ZSEQ_OK}};
    for (size_t at = 0; at < 3; at++) {
        cr_assert (zseq_unpacker_next (&unpacker, &bytes, &size));
        cr_assert_eq (
          zseq_codec_decode_reply (&client.codec, bytes, size, &client.reply),
          ZSEQ_OK);
        cr_assert_eq (client.reply.op, expected[at].op);
        cr_assert_eq (client.reply.request, at + 1);
        cr_assert_eq (client.reply.status, expected[at].status);
    }
    cr_assert_not (zseq_unpacker_next (&unpacker, &bytes, &size));
    zframe_destroy (&frame);
    s_close (&client);
    zseq_cluster_destroy (&cluster);
}
