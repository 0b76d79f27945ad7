#include "zseq_recovery_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define CLIENTS_MAX 512

zseq_testbed_t *fixture_world;
uint8_t fixture_n;
bool fixture_copy;

//  Which nodes reach each other, and which do by HELLO.
static bool s_open[ZSEQ_NODES_MAX][ZSEQ_NODES_MAX];
static bool s_hello[ZSEQ_NODES_MAX][ZSEQ_NODES_MAX];

static fixture_client_t s_clients[CLIENTS_MAX];
static size_t s_client_count;

static bool
s_filter (const zseq_testbed_message_t *message, void *arg)
{
    (void) arg;
    if (message->from == ZSEQ_TESTBED_CLIENT ||
        message->to == ZSEQ_TESTBED_CLIENT)
        return true;
    if (message->op == ZSEQ_OP_COPY && !fixture_copy)
        return false;
    if (message->op == ZSEQ_OP_HELLO)
        return s_hello[message->from][message->to];
    return s_open[message->from][message->to];
}

void
fixture_set (uint8_t a, uint8_t b, bool open)
{
    s_open[a][b] = s_open[b][a] = open;
}

void
fixture_set_hello (uint8_t a, uint8_t b, bool open)
{
    s_hello[a][b] = s_hello[b][a] = open;
}

void
fixture_close_all (void)
{
    memset (s_open, 0, sizeof s_open);
}

void
fixture_open_all (void)
{
    memset (s_open, 1, sizeof s_open);
    memset (s_hello, 1, sizeof s_hello);
    fixture_copy = true;
}

static void
s_reply (const zseq_msg_t *msg, void *arg)
{
    (void) arg;
    for (size_t index = 0; index < s_client_count; index++) {
        fixture_client_t *client = &s_clients[index];
        if (client->msg.request != msg->request)
            continue;
        client->answered++;
        client->status = msg->status;
        client->next = zseq_msg_next (msg);
        if (client->msg.op == ZSEQ_OP_CLAIM)
            zseq_claim_reply (&client->claim, msg,
                              zseq_testbed_now_us (fixture_world));
    }
}

void
fixture_setup (size_t n)
{
    fixture_world = zseq_testbed_new (n);
    fixture_n = (uint8_t) n;
    s_client_count = 0;
    fixture_open_all ();
    zseq_testbed_filter (fixture_world, s_filter, NULL);
    zseq_testbed_client (fixture_world, s_reply, NULL);
    zseq_testbed_form (fixture_world);
}

static void
s_teardown (void)
{
    zseq_testbed_destroy (&fixture_world);
}

void
fixture_forget_clients (void)
{
    s_client_count = 0;
}

void
fixture_rounds (size_t count)
{
    for (size_t round = 0; round < count; round++)
        zseq_testbed_round (fixture_world);
}

fixture_client_t *
fixture_client (zseq_op_t op, const char *name)
{
    cr_assert_lt (s_client_count, (size_t) CLIENTS_MAX);
    fixture_client_t *self = &s_clients[s_client_count++];
    memset (self, 0, sizeof *self);
    snprintf (self->name, sizeof self->name, "%s", name);
    self->msg.op = op;
    self->msg.request = 5000 + s_client_count;
    self->msg.cluster = zseq_testbed_identity (fixture_world);
    self->msg.name = (zseq_slice_t){self->name, strlen (self->name)};
    return self;
}

fixture_client_t *
fixture_claim (const char *name, uint64_t first, uint64_t count)
{
    fixture_client_t *self = fixture_client (ZSEQ_OP_CLAIM, name);
    zseq_quorum_t quorum;
    zseq_timing_t timing = {
      .rtt_us = 100, .deadline_us = UINT64_MAX, .seed = 1};
    zseq_known_t known;
    cr_assert_eq (zseq_quorum_init (&quorum, fixture_n, 0, 0), ZSEQ_OK);
    for (size_t node = 0; node < ZSEQ_NODES_MAX; node++)
        known.next[node] = first;
    zseq_claim_init (&self->claim, &quorum, &known, count, count, &timing);
    uint64_t now_us = zseq_testbed_now_us (fixture_world);
    cr_assert_eq (zseq_claim_tick (&self->claim, now_us), ZSEQ_DO_SEND);
    cr_assert_eq (
      zseq_claim_request (&self->claim, self->msg.request, now_us, &self->msg),
      ZSEQ_DO_SEND);
    cr_assert_eq (self->msg.claim.first, first);
    return self;
}

void
fixture_send (fixture_client_t *self, uint8_t node)
{
    zseq_testbed_send (fixture_world, node, &self->msg);
    zseq_testbed_round (fixture_world);
}

bool
fixture_won (const fixture_client_t *self)
{
    return self->claim.done && self->claim.rc == ZSEQ_OK;
}

uint64_t
fixture_read (const char *name, uint8_t node)
{
    fixture_client_t *self = fixture_client (ZSEQ_OP_READ, name);
    fixture_send (self, node);
    cr_assert_eq (self->answered, 1);
    cr_assert_eq (self->status, ZSEQ_OK);
    return self->next;
}

void
fixture_lose (uint8_t node)
{
    zseq_testbed_kill (fixture_world, node);
    zseq_testbed_wipe (fixture_world, node);
    zseq_testbed_start (fixture_world, node, NULL);
}

uint64_t
fixture_incarnation (uint8_t of, uint8_t at)
{
    return zseq_testbed_record (fixture_world, at)
      ->vector.incarnation[of]
      .counter;
}

void
fixture_fill (const char *name, uint8_t without)
{
    fixture_client_t *client = fixture_claim (name, 1, 10);
    for (uint8_t node = 0; node < fixture_n; node++)
        if (node != without)
            fixture_send (client, node);
    cr_assert (fixture_won (client));
}

TestSuite (recovery, .fini = s_teardown);
