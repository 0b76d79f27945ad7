//  The steps of a schedule, and schedules of random steps.
//
//  Between steps the network is closed: no node hears another. A step lets one
//  request of a competitor through, connects two nodes for some rounds, or
//  strikes a node. So each step is one message, or the messages of two nodes,
//  and the schedule decides their order. A competitor is a client that claims
//  the same IDs as the others, or peeks, one node at a time; its result goes to
//  the checker. zseq_scenario_go draws a script (zseq_scenario_script.c) or
//  random steps, which prefer nodes that do not vote and the node that two
//  quorums share.

#include "zseq_scenario_private.h"

#include <assert.h>
#include <string.h>

#define STEPS_MAX 60
#define COUNT 10

//  Draws a number below bound.
static uint64_t
s_draw (zseq_scenario_t *self, uint64_t bound)
{
    return zseq_sim_cluster_draw (self->cluster, bound);
}

void
zseq_scenario_pass (zseq_scenario_t *self, uint64_t us)
{
    zseq_sim_cluster_run (self->cluster,
                          zseq_sim_cluster_now_us (self->cluster) + us);
}

zseq_state_t
zseq_scenario_state (const zseq_scenario_t *self, uint8_t node)
{
    return zseq_sim_cluster_state (self->cluster, node);
}

//  Returns whether a node needs its peers to go on.
static bool
s_needy (const zseq_scenario_t *self, uint8_t node)
{
    return zseq_sim_cluster_up (self->cluster, node) &&
           zseq_scenario_state (self, node) != ZSEQ_STATE_VOTING;
}

void
zseq_scenario_close_all (zseq_scenario_t *self)
{
    zseq_sim_cluster_mend (self->cluster);
    for (uint8_t from = 0; from < self->n; from++)
        for (uint8_t to = 0; to < self->n; to++)
            zseq_sim_cluster_cut (self->cluster, from, to,
                                  self->hello ? ZSEQ_CUT_BUT_HELLO
                                              : ZSEQ_CUT_ALL);
}

//  Competitors.

//  Begins a call for IDs that no client is known to have.
static void
s_begin (zseq_scenario_t *self, size_t index)
{
    zseq_competitor_t *competitor = &self->competitor[index];
    uint64_t reached = self->clients->checker[0].reached;
    uint64_t now_us = zseq_sim_cluster_now_us (self->cluster);
    memset (competitor, 0, sizeof *competitor);
    competitor->reached = reached;
    zseq_quorum_t quorum;
    zseq_timing_t timing = {.rtt_us = 1, .deadline_us = UINT64_MAX};
    zseq_known_t known;
    int rc = zseq_quorum_init (&quorum, self->n, 0, 0);
    assert (rc == ZSEQ_OK);
    for (size_t node = 0; node < ZSEQ_NODES_MAX; node++)
        known.next[node] = reached;
    competitor->call = index < 3 ? ZSEQ_CALL_CLAIM : ZSEQ_CALL_PEEK;
    uint64_t request = ++self->clients->request;
    if (competitor->call == ZSEQ_CALL_CLAIM) {
        zseq_claim_init (&competitor->claim, &quorum, &known, COUNT, COUNT,
                         &timing);
        zseq_claim_request (&competitor->claim, request, now_us,
                            &competitor->msg);
        if (self->clients->highest < reached + COUNT)
            self->clients->highest = reached + COUNT;
    }
    else {
        zseq_peek_init (&competitor->peek, &quorum, 0, &timing);
        zseq_peek_request (&competitor->peek, request, now_us,
                           &competitor->msg);
    }
    competitor->msg.cluster = zseq_sim_cluster_identity (self->cluster);
    competitor->msg.name = (zseq_slice_t){"A", 1};
}

//  Passes a reply to the claim of a competitor. Begins another call when the
//  claim is over.
static void
s_claim_reply (zseq_scenario_t *self, size_t index, const zseq_msg_t *msg)
{
    zseq_competitor_t *competitor = &self->competitor[index];
    zseq_claim_t *claim = &competitor->claim;
    zseq_claim_reply (claim, msg, zseq_sim_cluster_now_us (self->cluster));
    if (claim->attempt.request)
        return;
    if (claim->done && claim->rc == ZSEQ_OK)
        zseq_clients_won_claim (self->clients, ZSEQ_CLIENTS_MAX + index, 0,
                                competitor->reached, claim->first,
                                claim->count);
    s_begin (self, index);
}

//  Passes a reply to the peek of a competitor. Begins another call when the
//  peek is over.
static void
s_peek_reply (zseq_scenario_t *self, size_t index, const zseq_msg_t *msg)
{
    zseq_competitor_t *competitor = &self->competitor[index];
    zseq_peek_t *peek = &competitor->peek;
    uint64_t now_us = zseq_sim_cluster_now_us (self->cluster);
    zseq_do_t what = zseq_peek_reply (peek, msg, now_us);
    if (peek->attempt.request)
        return;
    if (what == ZSEQ_DO_SEND) {
        competitor->sent = 0;
        zseq_peek_request (peek, ++self->clients->request, now_us,
                           &competitor->msg);
        return;
    }
    if (what == ZSEQ_DO_DONE && peek->rc == ZSEQ_OK)
        zseq_clients_won_peek (self->clients, ZSEQ_CLIENTS_MAX + index, 0,
                               competitor->reached, peek->value);
    s_begin (self, index);
}

void
zseq_scenario_reply (zseq_scenario_t *self, size_t competitor,
                     const zseq_msg_t *msg)
{
    assert (competitor < ZSEQ_SCENARIO_COMPETITORS);
    if (self->competitor[competitor].call == ZSEQ_CALL_CLAIM)
        s_claim_reply (self, competitor, msg);
    else if (self->competitor[competitor].call == ZSEQ_CALL_PEEK)
        s_peek_reply (self, competitor, msg);
}

void
zseq_scenario_send (zseq_scenario_t *self, size_t index, uint8_t node)
{
    zseq_competitor_t *competitor = &self->competitor[index];
    if (competitor->sent & 1u << node ||
        zseq_scenario_state (self, node) != ZSEQ_STATE_VOTING)
        return;
    competitor->sent |= 1u << node;
    (void) zseq_sim_cluster_send (self->cluster, ZSEQ_CLIENTS_MAX + index, node,
                                  &competitor->msg);
    zseq_scenario_pass (self, ROUND_US / 4);
}

//  Steps.

//  Connects a node and a peer for a while.
static void
s_meet (zseq_scenario_t *self, uint8_t node, uint8_t peer, uint64_t rounds)
{
    if (node == peer)
        return;
    zseq_sim_cluster_say (self->cluster, "%c and %c meet", 'a' + node,
                          'a' + peer);
    zseq_sim_cluster_join (self->cluster, node, peer);
    zseq_scenario_pass (self, rounds * ROUND_US);
    zseq_scenario_close_all (self);
}

void
zseq_scenario_restart (zseq_scenario_t *self, uint8_t node)
{
    zseq_sim_cluster_kill (self->cluster, node, false);
    zseq_operator_start (self->keeper, node);
    zseq_scenario_pass (self, ROUND_US);
}

void
zseq_scenario_lose (zseq_scenario_t *self, uint8_t node)
{
    if (!zseq_operator_wipe (self->keeper, node))
        return;
    zseq_operator_start (self->keeper, node);
    zseq_scenario_pass (self, ROUND_US);
}

void
zseq_scenario_put_back (zseq_scenario_t *self, uint8_t node)
{
    if (!self->keeper->charge[node].is_kept)
        (void) zseq_operator_keep (self->keeper, node);
    else if (zseq_operator_put_back (self->keeper, node)) {
        zseq_operator_start (self->keeper, node);
        zseq_scenario_pass (self, ROUND_US);
    }
}

void
zseq_scenario_put_unformed (zseq_scenario_t *self, uint8_t node)
{
    if (!zseq_operator_put_unformed (self->keeper, node))
        return;
    zseq_operator_start (self->keeper, node);
    zseq_scenario_pass (self, ROUND_US);
}

void
zseq_scenario_copy (zseq_scenario_t *self, uint8_t node, uint64_t pause_rounds)
{
    uint64_t until_us =
      zseq_sim_cluster_now_us (self->cluster) + pause_rounds * ROUND_US;
    if (zseq_operator_copy (self->keeper, node, pause_rounds ? until_us : 0))
        zseq_scenario_pass (self, ROUND_US);
}

void
zseq_scenario_restore (zseq_scenario_t *self, uint8_t first)
{
    if (!zseq_operator_restore (self->keeper, first))
        return;
    for (uint8_t node = 0; node < self->n; node++)
        zseq_operator_start (self->keeper, node);
    zseq_scenario_pass (self, ROUND_US);
}

void
zseq_scenario_stick (zseq_scenario_t *self, uint8_t node)
{
    zseq_sim_cluster_say (self->cluster, "%c's disk is stuck", 'a' + node);
    zseq_sim_cluster_stick (self->cluster, node,
                            zseq_sim_cluster_now_us (self->cluster) +
                              s_draw (self, 100) * ROUND_US);
}

//  Connects a node to just enough peers to go on, for a while.
static void
s_bring_back (zseq_scenario_t *self, uint8_t node)
{
    uint8_t need = zseq_quorum_majority (self->n);
    if (zseq_scenario_state (self, node) != ZSEQ_STATE_RECOVERING)
        need = (uint8_t) (self->n - need);
    uint32_t met = 1u << node;
    for (uint8_t tries = 0; tries < 30 && need; tries++) {
        uint8_t peer = (uint8_t) s_draw (self, self->n);
        if (met & 1u << peer ||
            zseq_scenario_state (self, peer) != ZSEQ_STATE_VOTING)
            continue;
        met |= 1u << peer;
        zseq_sim_cluster_join (self->cluster, node, peer);
        zseq_sim_cluster_say (self->cluster, "%c and %c meet", 'a' + node,
                              'a' + peer);
        need--;
    }
    zseq_scenario_pass (self, (5 + s_draw (self, 60)) * ROUND_US);
    zseq_scenario_close_all (self);
}

//  Picks a node, preferably one that does not vote, where races are likely.
static uint8_t
s_pick (zseq_scenario_t *self)
{
    for (uint8_t tries = 0; tries < self->n && s_draw (self, 3); tries++) {
        uint8_t node = (uint8_t) s_draw (self, self->n);
        if (s_needy (self, node))
            return node;
    }
    return (uint8_t) s_draw (self, self->n);
}

//  Sends the request of a competitor to a node. Competitors 0 and 1 keep to a
//  quorum of their own, and these share one node: the first in order. The
//  others ask any node.
//  ask any node.
static void
s_send_some (zseq_scenario_t *self)
{
    size_t competitor = s_draw (self, ZSEQ_SCENARIO_COMPETITORS);
    uint8_t index = (uint8_t) s_draw (self, zseq_quorum_majority (self->n));
    if (competitor == 1 && index)
        index = (uint8_t) (self->n - index);
    if (competitor > 1)
        index = (uint8_t) s_draw (self, self->n);
    zseq_scenario_send (self, competitor, self->order[index]);
}

//  Destroys a disk, most likely that of the shared node. A node that recovers
//  has less to lose.
static void
s_lose_some (zseq_scenario_t *self)
{
    uint8_t index = s_draw (self, 2) ? 0 : (uint8_t) s_draw (self, self->n);
    uint8_t node = self->order[index];
    if (zseq_scenario_state (self, node) == ZSEQ_STATE_VOTING ||
        s_draw (self, 8) == 0)
        zseq_scenario_lose (self, node);
}

//  Takes one of the steps that are drawn less often.
static void
s_random_fault (zseq_scenario_t *self, uint64_t what, uint8_t node)
{
    switch (what) {
    case 10:
        zseq_scenario_put_back (self, node);
        break;
    case 11:
        if (s_draw (self, 3) == 0)
            zseq_scenario_stick (self, node);
        break;
    case 12:
        if (s_draw (self, 2))
            zseq_scenario_put_unformed (self, node);
        break;
    case 13:
        if (s_draw (self, 3) == 0)
            zseq_scenario_copy (self, node,
                                s_draw (self, 2) * s_draw (self, 100));
        break;
    default:
        if (s_draw (self, 8) == 0)
            (void) zseq_operator_force (self->keeper, node);
    }
}

void
zseq_scenario_random_step (zseq_scenario_t *self)
{
    uint8_t node = s_pick (self);
    bool needy = s_needy (self, node);
    self->hello = s_draw (self, 2);
    zseq_scenario_close_all (self);
    self->steps++;
    uint64_t what = s_draw (self, 15);
    switch (what) {
    case 0:
    case 1:
    case 2:
    case 3:
        s_send_some (self);
        break;
    case 4:
    case 5:
    case 6:
        if (needy || s_draw (self, 8) == 0)
            s_meet (self, node, (uint8_t) s_draw (self, self->n),
                    1 + s_draw (self, 20));
        break;
    case 7:
        if (needy)
            s_bring_back (self, node);
        break;
    case 8:
        s_lose_some (self);
        break;
    case 9:
        if ((needy && s_draw (self, 2)) || s_draw (self, 8) == 0)
            zseq_scenario_restart (self, node);
        break;
    default:
        s_random_fault (self, what, node);
    }
}

void
zseq_scenario_init (zseq_scenario_t *self, zseq_sim_cluster_t *cluster,
                    zseq_clients_t *clients, zseq_operator_t *keeper, uint8_t n)
{
    assert (self);
    memset (self, 0, sizeof *self);
    self->cluster = cluster;
    self->clients = clients;
    self->keeper = keeper;
    self->n = n;
    for (uint8_t node = 0; node < n; node++) {
        uint8_t other = (uint8_t) s_draw (self, node + 1u);
        self->order[node] = self->order[other];
        self->order[other] = node;
    }
}

void
zseq_scenario_form (zseq_scenario_t *self)
{
    assert (self->n == ZSEQ_SCENARIO_FORM_NODES);
    uint8_t late = self->order[1];
    zseq_operator_begin (self->keeper);
    zseq_scenario_pass (self, (1 + s_draw (self, 2)) * ROUND_US);
    for (uint8_t node = 0; node < self->n; node++)
        zseq_sim_cluster_cut (self->cluster, late, node, ZSEQ_CUT_QUESTIONS);
    zseq_scenario_pass (self, 20 * ROUND_US);
    for (size_t competitor = 0; competitor < ZSEQ_SCENARIO_COMPETITORS;
         competitor++)
        s_begin (self, competitor);
    zseq_scenario_follow (self, zseq_scenario_formation);
}

void
zseq_scenario_go (zseq_scenario_t *self)
{
    for (size_t competitor = 0; competitor < ZSEQ_SCENARIO_COMPETITORS;
         competitor++)
        s_begin (self, competitor);
    const char *text = s_draw (self, 3) ? zseq_scenario_script (self) : NULL;
    if (text) {
        zseq_scenario_follow (self, text);
        return;
    }
    uint64_t steps = 10 + s_draw (self, STEPS_MAX - 10);
    for (uint64_t step = 0; step < steps; step++)
        zseq_scenario_random_step (self);
}
