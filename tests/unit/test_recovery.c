//  Nodes that lose their disks: what may count, and what must not.

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "zseq_claim.h"
#include "zseq_testbed.h"

#define CLIENTS_MAX 512

//  A claim of [1, 11), sent to one node after the other.
typedef struct {
    zseq_claim_t claim;
    zseq_msg_t msg;
    char name[48];
    size_t answered;  //  Nodes that replied
    int status;       //  The last one's status
    uint64_t next;    //  ... and next
} s_client_t;

static zseq_testbed_t *s_testbed;
static s_client_t s_clients[CLIENTS_MAX];
static size_t s_client_count;

static uint8_t s_n;

//  Who reaches whom, both ways; and by HELLO.
static bool s_open[ZSEQ_NODES_MAX][ZSEQ_NODES_MAX];
static bool s_hello[ZSEQ_NODES_MAX][ZSEQ_NODES_MAX];
static bool s_copy;

static bool
s_filter (const zseq_testbed_message_t *message, void *arg)
{
    (void) arg;
    if (message->from == ZSEQ_TESTBED_CLIENT ||
        message->to == ZSEQ_TESTBED_CLIENT)
        return true;
    if (message->op == ZSEQ_OP_COPY && !s_copy)
        return false;
    if (message->op == ZSEQ_OP_HELLO)
        return s_hello[message->from][message->to];
    return s_open[message->from][message->to];
}

static void
s_set (uint8_t a, uint8_t b, bool open)
{
    s_open[a][b] = s_open[b][a] = open;
}

static void
s_set_hello (uint8_t a, uint8_t b, bool open)
{
    s_hello[a][b] = s_hello[b][a] = open;
}

//  Nothing gets through but HELLO.
static void
s_close_all (void)
{
    memset (s_open, 0, sizeof s_open);
}

static void
s_open_all (void)
{
    memset (s_open, 1, sizeof s_open);
    memset (s_hello, 1, sizeof s_hello);
    s_copy = true;
}

static void
s_reply (const zseq_msg_t *msg, void *arg)
{
    (void) arg;
    for (size_t index = 0; index < s_client_count; index++) {
        s_client_t *client = &s_clients[index];
        if (client->msg.request != msg->request)
            continue;
        client->answered++;
        client->status = msg->status;
        client->next = msg->next;
        if (client->msg.op == ZSEQ_OP_CLAIM)
            zseq_claim_reply (&client->claim, msg,
                              zseq_testbed_now_us (s_testbed));
    }
}

static void
s_setup (size_t n)
{
    s_testbed = zseq_testbed_new (n);
    s_n = (uint8_t) n;
    s_client_count = 0;
    s_open_all ();
    zseq_testbed_filter (s_testbed, s_filter, NULL);
    zseq_testbed_client (s_testbed, s_reply, NULL);
    zseq_testbed_birth (s_testbed);
}

static void
s_teardown (void)
{
    zseq_testbed_destroy (&s_testbed);
}

static void
s_rounds (size_t count)
{
    for (size_t round = 0; round < count; round++)
        zseq_testbed_round (s_testbed);
}

static s_client_t *
s_client (zseq_op_t op, const char *name)
{
    cr_assert_lt (s_client_count, (size_t) CLIENTS_MAX);
    s_client_t *self = &s_clients[s_client_count++];
    memset (self, 0, sizeof *self);
    snprintf (self->name, sizeof self->name, "%s", name);
    self->msg.op = op;
    self->msg.request = 5000 + s_client_count;
    self->msg.cluster = zseq_testbed_identity (s_testbed);
    self->msg.name = (zseq_slice_t){self->name, strlen (self->name)};
    return self;
}

static s_client_t *
s_claim (const char *name, uint64_t first, uint64_t count)
{
    s_client_t *self = s_client (ZSEQ_OP_CLAIM, name);
    zseq_quorum_t quorum;
    zseq_pace_t pace = {.rtt_us = 100, .deadline_us = UINT64_MAX, .seed = 1};
    zseq_known_t known;
    cr_assert_eq (zseq_quorum_init (&quorum, s_n, 0, 0), ZSEQ_OK);
    for (size_t node = 0; node < ZSEQ_NODES_MAX; node++)
        known.next[node] = first;
    zseq_claim_init (&self->claim, &quorum, &known, count, count, &pace);
    uint64_t now_us = zseq_testbed_now_us (s_testbed);
    cr_assert_eq (zseq_claim_tick (&self->claim, now_us), ZSEQ_DO_SEND);
    cr_assert_eq (
      zseq_claim_request (&self->claim, self->msg.request, now_us, &self->msg),
      ZSEQ_DO_SEND);
    cr_assert_eq (self->msg.first, first);
    return self;
}

static void
s_send (s_client_t *self, uint8_t node)
{
    zseq_testbed_send (s_testbed, node, &self->msg);
    zseq_testbed_round (s_testbed);
}

static bool
s_won (const s_client_t *self)
{
    return self->claim.done && self->claim.rc == ZSEQ_OK;
}

//  What a node answers to READ.
static uint64_t
s_read (const char *name, uint8_t node)
{
    s_client_t *self = s_client (ZSEQ_OP_READ, name);
    s_send (self, node);
    cr_assert_eq (self->answered, 1);
    cr_assert_eq (self->status, ZSEQ_OK);
    return self->next;
}

static void
s_lose (uint8_t node)
{
    zseq_testbed_kill (s_testbed, node);
    zseq_testbed_wipe (s_testbed, node);
    zseq_testbed_start (s_testbed, node, NULL);
}

static uint64_t
s_life (uint8_t of, uint8_t at)
{
    return zseq_testbed_record (s_testbed, at)->vector.life[of].counter;
}

//  Claims [1, 11) of name at every node but without (s_n: none).
static void
s_fill (const char *name, uint8_t without)
{
    s_client_t *client = s_claim (name, 1, 10);
    for (uint8_t node = 0; node < s_n; node++)
        if (node != without)
            s_send (client, node);
    cr_assert (s_won (client));
}

TestSuite (recovery, .fini = s_teardown);

Test (recovery, brings_back_what_the_others_know)
{
    s_setup (3);
    s_fill ("orders", s_n);
    s_lose (1);
    cr_assert (zseq_testbed_votes (s_testbed, 1, 100));
    cr_assert_eq (s_read ("orders", 1), 11);
    cr_assert_eq (zseq_testbed_disk_limit (s_testbed, 1, "orders"), 11);
    cr_assert_eq (s_life (1, 1), 2);
    cr_assert_eq (s_life (1, 0), 2);
    cr_assert_eq (s_life (1, 2), 2);
}

//  S4 in claims: b accepts a claim, loses its disk and recovers; its
//  acceptance must not complete the claim any more.
Test (recovery, a_claim_does_not_count_what_a_lost_disk_had_accepted)
{
    enum { A, B, C };
    s_setup (3);
    s_client_t *first = s_claim ("orders", 1, 10);
    s_send (first, B);
    cr_assert_eq (first->status, ZSEQ_OK);
    s_lose (B);
    cr_assert (zseq_testbed_votes (s_testbed, B, 100));
    s_send (first, A);
    cr_assert_eq (first->answered, 2);
    cr_assert_eq (first->status, ZSEQ_OK);
    cr_assert (!s_won (first), "b has forgotten what it accepted");
    s_client_t *second = s_claim ("orders", 1, 10);
    s_send (second, B);
    s_send (second, C);
    cr_assert (s_won (second));
}

//  S4 in recoveries: Z loses its disk and hears only A; A loses its disk too,
//  and with it Z's fence, so that a claim which Z had accepted completes there
//  and at B. A's answer to Z must not count with those of X and D, who know
//  nothing of that claim.
Test (recovery, does_not_count_the_answer_of_a_life_that_has_ended)
{
    enum { X, Z, A, B, D };
    s_setup (5);
    s_client_t *first = s_claim ("orders", 1, 10);
    s_send (first, Z);
    cr_assert_eq (first->status, ZSEQ_OK);

    s_close_all ();
    s_set (Z, A, true);
    s_lose (Z);
    s_rounds (20);
    cr_assert_eq (s_life (Z, A), 2);
    cr_assert_eq (s_life (Z, X), 1);

    s_set (Z, A, false);
    s_set_hello (Z, A, false);
    s_set (A, X, true);
    s_set (A, B, true);
    s_set (A, D, true);
    s_lose (A);
    cr_assert (zseq_testbed_votes (s_testbed, A, 100));
    cr_assert_eq (s_life (A, A), 2);
    cr_assert_eq (s_life (Z, A), 1, "A has forgotten Z's fence");
    cr_assert_eq (s_life (A, X), 2);
    s_close_all ();
    s_send (first, A);
    s_send (first, B);
    cr_assert (s_won (first));

    s_set (Z, X, true);
    s_set (Z, D, true);
    s_rounds (100);
    cr_assert_eq (s_life (Z, X), 2);
    cr_assert_eq (s_life (Z, D), 2);
    cr_assert_eq (zseq_testbed_state (s_testbed, Z), ZSEQ_STATE_RECOVERING,
                  "only the answers of X and D count");
    s_client_t *second = s_claim ("orders", 1, 10);
    s_send (second, X);
    s_send (second, Z);
    s_send (second, D);
    cr_assert (!s_won (second), "the same IDs twice");

    s_open_all ();
    cr_assert (zseq_testbed_votes (s_testbed, Z, 200));
    cr_assert_eq (s_read ("orders", Z), 11);
}

//  Why incarnations and not one epoch number for the cluster: Z begins two
//  lives and reaches only X, which then accepts a claim and loses its disk.
//  What X said to Z, and to the claim, belongs to X's old life, however high
//  Z's number was.
Test (recovery, lives_of_different_nodes_are_not_compared)
{
    enum { X, Z, A, B, D };
    s_setup (5);
    s_close_all ();
    s_set (Z, X, true);
    s_lose (Z);
    s_rounds (20);
    cr_assert_eq (s_life (Z, X), 2);
    zseq_testbed_kill (s_testbed, Z);
    zseq_testbed_start (s_testbed, Z, NULL);
    s_rounds (20);
    cr_assert_eq (s_life (Z, X), 3);

    s_client_t *first = s_claim ("orders", 1, 10);
    s_send (first, X);
    cr_assert_eq (first->status, ZSEQ_OK);
    s_set (Z, X, false);
    s_set_hello (Z, X, false);
    s_set (X, A, true);
    s_set (X, B, true);
    s_set (X, D, true);
    s_lose (X);
    cr_assert (zseq_testbed_votes (s_testbed, X, 100));
    cr_assert_eq (s_life (Z, X), 1, "X has forgotten Z's fence");

    s_close_all ();
    s_set (Z, A, true);
    s_set (Z, B, true);
    s_rounds (100);
    cr_assert_eq (s_life (Z, A), 3);
    bool votes = zseq_testbed_state (s_testbed, Z) == ZSEQ_STATE_VOTING;
    s_send (first, A);
    s_send (first, B);
    s_client_t *second = s_claim ("orders", 1, 10);
    s_send (second, X);
    s_send (second, Z);
    s_send (second, D);
    cr_assert (!s_won (first) || !s_won (second), "the same IDs twice");
    cr_assert (!votes, "only the answers of A and B count");
    cr_assert (!s_won (first), "only the votes of A and B count");
}

//  A recovery that was cut short begins anew, and does not vote on the part
//  that it had copied.
Test (recovery, begins_anew_when_it_was_cut_short)
{
    enum { A, B, C };
    s_setup (3);
    for (int name = 0; name < 300; name++) {
        char text[16];
        snprintf (text, sizeof text, "n%d", name);
        s_client_count = 0;
        s_fill (text, B);
    }
    zseq_testbed_kill (s_testbed, B);
    for (size_t writes = 0; writes < 300; writes += 23) {
        zseq_testbed_wipe (s_testbed, B);
        zseq_testbed_stick (s_testbed, B, writes);
        zseq_testbed_start (s_testbed, B, NULL);
        s_rounds (20);
        cr_assert_eq (zseq_testbed_state (s_testbed, B), ZSEQ_STATE_RECOVERING);
        zseq_testbed_kill (s_testbed, B);
    }
    zseq_testbed_unstick (s_testbed, B);
    zseq_testbed_start (s_testbed, B, NULL);
    cr_assert (zseq_testbed_votes (s_testbed, B, 100));
    for (int name = 0; name < 300; name++) {
        char text[16];
        snprintf (text, sizeof text, "n%d", name);
        s_client_count = 0;
        cr_assert_eq (s_read (text, B), 11);
    }
}

Test (recovery, a_cluster_killed_during_first_claims_comes_back)
{
    s_setup (3);
    for (size_t writes = 0; writes < 12; writes++) {
        s_client_count = 0;
        s_client_t *acknowledged[12];
        for (uint8_t node = 0; node < 3; node++)
            zseq_testbed_stick (s_testbed, node, writes + node);
        for (int name = 0; name < 12; name++) {
            char text[16];
            snprintf (text, sizeof text, "w%zu-%d", writes, name);
            acknowledged[name] = s_claim (text, 1, 10);
            for (uint8_t node = 0; node < 3; node++)
                zseq_testbed_send (s_testbed, node, &acknowledged[name]->msg);
        }
        s_rounds (3);
        for (uint8_t node = 0; node < 3; node++) {
            zseq_testbed_kill (s_testbed, node);
            zseq_testbed_unstick (s_testbed, node);
            zseq_testbed_start (s_testbed, node, NULL);
        }
        for (uint8_t node = 0; node < 3; node++)
            cr_assert (zseq_testbed_votes (s_testbed, node, 100));
        for (int name = 0; name < 12; name++) {
            unsigned knows = 0;
            for (uint8_t node = 0; node < 3; node++)
                knows += s_read (acknowledged[name]->name, node) == 11;
            cr_assert (!s_won (acknowledged[name]) || knows >= 2);
        }
    }
}

Test (recovery, copies_what_is_accepted_and_not_yet_durable)
{
    enum { A, B, C };
    s_setup (3);
    s_copy = false;
    s_lose (B);
    s_rounds (20);
    cr_assert_eq (s_life (B, A), 2);
    zseq_testbed_stick (s_testbed, A, 0);
    s_client_t *first = s_claim ("orders", 1, 10);
    s_send (first, A);
    cr_assert_eq (first->answered, 0);
    s_copy = true;
    cr_assert (zseq_testbed_votes (s_testbed, B, 100));
    cr_assert_eq (s_read ("orders", B), 11);
}

//  S5: its new life, two names, and only then the vote.
Test (recovery, votes_only_when_the_last_write_is_on_disk)
{
    enum { A, B, C };
    s_setup (3);
    s_fill ("orders", s_n);
    s_fill ("bills", s_n);
    zseq_testbed_stick (s_testbed, B, 3);
    s_lose (B);
    s_rounds (100);
    cr_assert_eq (zseq_testbed_disk_limit (s_testbed, B, "orders"), 11);
    cr_assert_eq (zseq_testbed_disk_limit (s_testbed, B, "bills"), 11);
    cr_assert_eq (zseq_testbed_state (s_testbed, B), ZSEQ_STATE_RECOVERING);
    zseq_testbed_stick (s_testbed, B, 1);
    s_rounds (1);
    cr_assert_eq (zseq_testbed_state (s_testbed, B), ZSEQ_STATE_VOTING);
}

Test (recovery, a_peer_answers_a_fence_only_when_it_is_durable)
{
    enum { A, B, C };
    s_setup (3);
    zseq_testbed_stick (s_testbed, A, 0);
    s_lose (B);
    s_rounds (50);
    cr_assert_eq (s_life (B, A), 2, "in force");
    cr_assert_eq (zseq_testbed_state (s_testbed, B), ZSEQ_STATE_RECOVERING);
    zseq_testbed_unstick (s_testbed, A);
    cr_assert (zseq_testbed_votes (s_testbed, B, 100));
}

//  Whoever reaches a node's port can send it FENCE; that fences nobody.
Test (recovery, nobody_is_fenced_by_what_anybody_could_say)
{
    enum { A, B, C };
    s_setup (3);
    s_client_t *self = s_client (ZSEQ_OP_FENCE, "");
    self->msg.node = B;
    self->msg.life = (zseq_incarnation_t){99, 99};
    s_send (self, A);
    cr_assert_eq (self->status, ZSEQ_EAGAIN);
    s_rounds (100);
    cr_assert_eq (s_life (B, A), 1);
    cr_assert_eq (zseq_testbed_state (s_testbed, B), ZSEQ_STATE_VOTING);
    s_send (self, A);
    cr_assert_eq (self->status, ZSEQ_ESUPERSEDED, "b lives an older life");
    s_client_t *copy = s_client (ZSEQ_OP_COPY, "");
    copy->msg.node = B;
    copy->msg.life = (zseq_incarnation_t){99, 99};
    s_send (copy, A);
    cr_assert_eq (copy->status, ZSEQ_ESUPERSEDED);
    copy->msg.node = A;
    s_send (copy, A);
    cr_assert_eq (copy->status, ZSEQ_EMEMBERS);
    s_fill ("orders", B);
}

Test (recovery, takes_no_part_until_it_is_over)
{
    enum { A, B, C };
    s_setup (3);
    s_fill ("orders", s_n);
    zseq_testbed_kill (s_testbed, C);
    s_lose (B);
    s_rounds (1000);
    cr_assert_eq (zseq_testbed_state (s_testbed, B), ZSEQ_STATE_RECOVERING);
    cr_assert (zseq_testbed_told (s_testbed, B,
                                  "cannot vote yet: recovering: "
                                  "found 1 of 2 voting peers; "
                                  "lacks c"));
    for (zseq_op_t op = ZSEQ_OP_READ; op <= ZSEQ_OP_RAISE; op++) {
        s_client_t *self = s_client (op, "orders");
        self->msg.first = self->msg.count = self->msg.next = 1;
        s_send (self, B);
        cr_assert_eq (self->status, ZSEQ_ENOTVOTING);
    }
    zseq_testbed_start (s_testbed, C, NULL);
    cr_assert (zseq_testbed_votes (s_testbed, B, 200));
}

Test (recovery, of_two_nodes_of_three_does_not_happen)
{
    enum { A, B, C };
    s_setup (3);
    s_fill ("orders", s_n);
    s_lose (B);
    s_lose (C);
    s_rounds (2000);
    for (uint8_t node = B; node <= C; node++) {
        cr_assert_eq (zseq_testbed_state (s_testbed, node),
                      ZSEQ_STATE_RECOVERING);
        cr_assert (zseq_testbed_told (s_testbed, node, "cannot vote yet"));
    }
    zseq_force_t force = {.floor = 5, .wait_us = 1000000};
    zseq_testbed_kill (s_testbed, B);
    zseq_testbed_start (s_testbed, B, &force);
    cr_assert (zseq_testbed_votes (s_testbed, B, 200));
    cr_assert_eq (s_read ("orders", B), 11, "a told it");
    cr_assert_eq (s_read ("other", B), 5);
    cr_assert (zseq_testbed_votes (s_testbed, C, 200), "from a and b");
    cr_assert_eq (s_read ("orders", C), 11);
    cr_assert_eq (s_read ("other", C), 5, "the floor is part of it");
    cr_assert_eq (zseq_testbed_record (s_testbed, A)->floor, 5, "it is bound");
}

Test (recovery, by_force_waits_for_nobody_who_recovers_itself)
{
    enum { A, B, C };
    s_setup (3);
    s_fill ("orders", s_n);
    s_lose (B);
    s_lose (C);
    s_rounds (200);
    zseq_force_t force = {.floor = 5, .wait_us = UINT64_MAX};
    zseq_testbed_kill (s_testbed, B);
    zseq_testbed_start (s_testbed, B, &force);
    cr_assert (zseq_testbed_votes (s_testbed, B, 200));
    cr_assert_eq (s_read ("orders", B), 11, "but for a, which has it");
}

Test (recovery, of_two_takes_force)
{
    enum { A, B };
    s_setup (2);
    s_fill ("orders", s_n);
    s_lose (B);
    s_rounds (1);
    cr_assert_eq (zseq_testbed_ended (s_testbed, B), ZSEQ_EQUORUM);
    cr_assert (zseq_testbed_told (s_testbed, B, "zseqd recover --force"));
    zseq_force_t force = {.floor = 1, .wait_us = 1000000};
    zseq_testbed_start (s_testbed, B, &force);
    cr_assert (zseq_testbed_votes (s_testbed, B, 200));
    cr_assert_eq (s_read ("orders", B), 11);
}

Test (recovery, by_force_lets_no_name_go_on_below_the_floor)
{
    s_setup (1);
    s_fill ("orders", s_n);
    s_fill ("damaged", s_n);
    zseq_testbed_kill (s_testbed, 0);
    zseq_testbed_damage (s_testbed, 0, "damaged");
    zseq_testbed_start (s_testbed, 0, NULL);
    s_rounds (1);
    cr_assert_eq (zseq_testbed_ended (s_testbed, 0), ZSEQ_EQUORUM);
    zseq_force_t force = {.floor = 1000, .wait_us = 1000000};
    zseq_testbed_start (s_testbed, 0, &force);
    cr_assert (zseq_testbed_votes (s_testbed, 0, 200));
    for (int start = 0; start < 2; start++) {
        cr_assert_eq (s_read ("orders", 0), 1000);
        cr_assert_eq (s_read ("damaged", 0), 1000);
        cr_assert_eq (s_read ("new", 0), 1000);
        zseq_testbed_kill (s_testbed, 0);
        zseq_testbed_start (s_testbed, 0, NULL);
        s_rounds (1);
    }
    s_client_t *low = s_claim ("orders", 11, 1);
    s_send (low, 0);
    cr_assert_eq (low->status, ZSEQ_ECONFLICT);
    cr_assert_eq (low->next, 1000);
    s_client_t *claim = s_claim ("orders", 1000, 5);
    s_send (claim, 0);
    cr_assert (s_won (claim));
}

Test (recovery, by_force_lets_no_reserved_name_go_on_where_others_may_have_been)
{
    static const char since_1970[] = "$flake/41-10-12/0/17";
    static const char since_2025[] = "$flake/41-10-12/1735689600000/17";
    static const char since_2286[] = "$flake/41-10-12/10000000000000/17";
    s_setup (1);
    s_fill ("damaged", s_n);
    zseq_testbed_kill (s_testbed, 0);
    zseq_testbed_damage (s_testbed, 0, "damaged");
    zseq_force_t force = {.floor = ZSEQ_NEXT_MAX / 2, .wait_us = 1000000};
    zseq_testbed_start (s_testbed, 0, &force);
    cr_assert (zseq_testbed_votes (s_testbed, 0, 200));
    cr_assert_eq (s_read ("orders", 0), ZSEQ_NEXT_MAX / 2);

    //  Whatever was claimed had to be within a minute of the clock.
    uint64_t now_ms =
      ZSEQ_TESTBED_WALL_MS + zseq_testbed_now_us (s_testbed) / 1000;
    uint64_t floor_ms = zseq_testbed_record (s_testbed, 0)->floor_reserved;
    cr_assert_leq (floor_ms, now_ms + 60000);
    cr_assert_geq (floor_ms, now_ms + 59000);
    for (int start = 0; start < 2; start++) {
        cr_assert_eq (s_read (since_1970, 0), floor_ms);
        cr_assert_eq (s_read (since_2025, 0), floor_ms - 1735689600000);
        cr_assert_eq (s_read (since_2286, 0), 1);
        zseq_testbed_kill (s_testbed, 0);
        zseq_testbed_start (s_testbed, 0, NULL);
        s_rounds (1);
    }
    s_client_t *low = s_claim (since_1970, floor_ms - 1, 1);
    s_send (low, 0);
    cr_assert_eq (low->status, ZSEQ_ECONFLICT);
    cr_assert_eq (low->next, floor_ms);
    s_rounds (100);
    s_client_t *claim = s_claim (since_1970, floor_ms, 1000);
    s_send (claim, 0);
    cr_assert (s_won (claim));
    cr_assert_eq (zseq_testbed_disk_limit (s_testbed, 0, since_1970),
                  floor_ms + 1000);
}

Test (recovery, takes_the_highest_next_of_reserved_names_whatever_the_clock)
{
    enum { A, B, C };
    static const char name[] = "$flake/41-10-12/0/17";
    s_setup (3);
    s_client_t *claim = s_claim (name, ZSEQ_TESTBED_WALL_MS + 50000, 1000);
    s_send (claim, A);
    s_send (claim, B);
    cr_assert (s_won (claim));
    s_lose (C);
    cr_assert (zseq_testbed_votes (s_testbed, C, 200));
    cr_assert_eq (s_read (name, C), ZSEQ_TESTBED_WALL_MS + 51000);
    cr_assert_eq (zseq_testbed_record (s_testbed, C)->floor_reserved, 1,
                  "nobody was forced");
}

Test (recovery, by_force_needs_somebody_who_knows_the_cluster)
{
    s_setup (3);
    for (uint8_t node = 0; node < 3; node++)
        zseq_testbed_kill (s_testbed, node);
    zseq_testbed_wipe (s_testbed, 0);
    zseq_force_t force = {.floor = 1, .wait_us = 1000000};
    zseq_testbed_start (s_testbed, 0, &force);
    s_rounds (200);
    cr_assert_eq (zseq_testbed_ended (s_testbed, 0), ZSEQ_EUNAVAILABLE);
}

Test (recovery, heals_a_damaged_name_and_keeps_the_others)
{
    enum { A, B, C };
    s_setup (3);
    s_fill ("orders", s_n);
    s_fill ("bills", s_n);
    //  Only b knows of these, by a claim that was lost.
    s_client_t *lost = s_claim ("mine", 1, 10);
    s_send (lost, B);
    s_client_t *higher = s_claim ("bills", 11, 10);
    s_send (higher, B);
    zseq_testbed_kill (s_testbed, B);
    zseq_testbed_damage (s_testbed, B, "orders");
    zseq_testbed_start (s_testbed, B, NULL);
    cr_assert (zseq_testbed_votes (s_testbed, B, 100));
    cr_assert_eq (s_read ("orders", B), 11);
    cr_assert_eq (s_read ("bills", B), 21, "nothing is lowered");
    cr_assert_eq (s_read ("mine", B), 11, "an intact record is kept");
    cr_assert_eq (s_life (B, B), 2);
}

Test (recovery, an_old_copy_hears_of_its_newer_life_and_recovers)
{
    enum { A, B, C };
    s_setup (3);
    zseq_testbed_kill (s_testbed, B);
    zseq_disk_t *old = zseq_testbed_keep (s_testbed, B);
    zseq_testbed_start (s_testbed, B, NULL);
    cr_assert (zseq_testbed_votes (s_testbed, B, 100));
    s_fill ("orders", C);
    s_lose (B);
    cr_assert (zseq_testbed_votes (s_testbed, B, 100));
    zseq_testbed_kill (s_testbed, B);
    zseq_testbed_put_back (s_testbed, B, &old);
    zseq_testbed_start (s_testbed, B, NULL);
    s_rounds (2);
    cr_assert (
      zseq_testbed_told (s_testbed, B, "an old copy of its directory"));
    cr_assert (zseq_testbed_votes (s_testbed, B, 100));
    cr_assert_eq (s_life (B, B), 3);
    cr_assert_eq (s_read ("orders", B), 11);
}

//  B has a claim that C's old life could complete, C's newer life a rival.
Test (recovery, an_old_copy_does_not_vote_before_it_has_asked)
{
    enum { A, B, C };
    s_setup (3);
    zseq_disk_t *old = zseq_testbed_keep (s_testbed, C);
    s_client_t *claim = s_claim ("orders", 1, 10);
    s_client_t *rival = s_claim ("orders", 1, 10);
    s_send (claim, B);
    s_send (rival, A);
    s_send (rival, C);
    cr_assert (s_won (rival));
    s_lose (C);
    cr_assert (zseq_testbed_votes (s_testbed, C, 100));
    zseq_testbed_kill (s_testbed, C);
    zseq_testbed_put_back (s_testbed, C, &old);
    //  Nobody reaches it, and it nobody, but the client.
    s_close_all ();
    zseq_testbed_start (s_testbed, C, NULL);
    s_rounds (100);
    s_send (claim, C);
    cr_assert_eq (claim->status, ZSEQ_ENOTVOTING);
    cr_assert (!s_won (claim));
    s_open_all ();
    cr_assert (zseq_testbed_votes (s_testbed, C, 100));
    cr_assert_eq (s_life (C, C), 3);
}

//  The recovery of E reached A, B and C, but not D.
Test (recovery, an_old_copy_asks_enough_peers_that_one_must_know)
{
    enum { A, B, C, D, E };
    s_setup (5);
    zseq_disk_t *old = zseq_testbed_keep (s_testbed, E);
    s_set (D, E, false);
    for (uint8_t node = A; node <= C; node++)
        s_set (D, node, false);
    s_lose (E);
    cr_assert (zseq_testbed_votes (s_testbed, E, 100));
    zseq_testbed_kill (s_testbed, E);
    zseq_testbed_put_back (s_testbed, E, &old);
    s_close_all ();
    s_set (D, E, true);
    zseq_testbed_start (s_testbed, E, NULL);
    s_rounds (100);
    cr_assert_eq (zseq_testbed_state (s_testbed, E), ZSEQ_STATE_STARTING);
    s_set (A, E, true);
    s_rounds (500);
    cr_assert (
      zseq_testbed_told (s_testbed, E, "an old copy of its directory"));
    s_open_all ();
    cr_assert (zseq_testbed_votes (s_testbed, E, 100));
    cr_assert_eq (s_life (E, E), 3);
}

//  A node that is told to recover, and cannot, is what it was.
Test (recovery, that_is_asked_for_changes_nothing_before_it_can_begin)
{
    enum { A, B, C };
    s_setup (3);
    s_fill ("orders", s_n);
    for (uint8_t node = A; node <= C; node++)
        zseq_testbed_kill (s_testbed, node);
    size_t writes = zseq_testbed_writes (s_testbed, C);
    zseq_testbed_start_told (s_testbed, C);
    zseq_testbed_start (s_testbed, A, NULL);
    s_rounds (200);
    cr_assert_eq (zseq_testbed_state (s_testbed, C), ZSEQ_STATE_RECOVERING);
    cr_assert_eq (zseq_testbed_writes (s_testbed, C), writes);
    zseq_testbed_kill (s_testbed, C);
    zseq_testbed_start (s_testbed, C, NULL);
    cr_assert (zseq_testbed_votes (s_testbed, C, 100));
    cr_assert_eq (s_life (C, C), 1);
    cr_assert_eq (s_read ("orders", C), 11);
}

Test (recovery, goes_on_while_others_claim)
{
    enum { A, B, C };
    s_setup (3);
    for (int name = 0; name < 400; name++) {
        char text[16];
        snprintf (text, sizeof text, "n%d", name);
        s_client_count = 0;
        s_fill (text, s_n);
    }
    s_client_count = 0;
    s_lose (B);
    for (uint64_t first = 11; first < 30; first++) {
        s_client_t *claim = s_claim ("n7", first, 1);
        for (uint8_t node = 0; node < 3; node++)
            s_send (claim, node);
        cr_assert (s_won (claim));
    }
    cr_assert (zseq_testbed_votes (s_testbed, B, 100));
    cr_assert_geq (s_read ("n7", B), 11);
}

//  `zseqd recover --force` ends as soon as a votes. B and c, whose directories are
//  older, have put its new life in force, and go on below the floor.
Test (recovery, a_forced_floor_binds_who_answered_fence)
{
    enum { A, B, C };
    s_setup (3);
    zseq_testbed_kill (s_testbed, A);
    zseq_force_t force = {.floor = 1000, .wait_us = 1000000};
    zseq_testbed_start (s_testbed, A, &force);
    cr_assert (zseq_testbed_votes (s_testbed, A, 500));
    zseq_testbed_kill (s_testbed, A);
    s_client_t *below = s_claim ("orders", 1, 10);
    s_send (below, B);
    s_send (below, C);
    cr_expect (!s_won (below), "IDs below the floor after the recovery");
}

//  B answers: it was told to recover, and its directory is whole.
Test (recovery, by_force_does_not_say_that_who_answers_is_silent)
{
    enum { A, B, C };
    s_setup (3);
    for (uint8_t node = A; node <= C; node++)
        zseq_testbed_kill (s_testbed, node);
    zseq_testbed_start_told (s_testbed, B);
    zseq_force_t force = {.floor = 5, .wait_us = 1000000, .lost = 1u << C};
    zseq_testbed_start (s_testbed, A, &force);
    s_rounds (200);
    cr_expect (!zseq_testbed_told (s_testbed, A, "these do not answer: b"));
    cr_expect (!zseq_testbed_told (s_testbed, A, "--lost b"),
               "it leads to giving up a whole directory");
}
