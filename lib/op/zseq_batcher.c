#include "zseq_batcher.h"

#include <assert.h>
#include <stdlib.h>

#include "zseq_batcher_private.h"

//  Most claims in flight of one name, and of all names when one more starts. A
//  node keeps a thousand replies for a connection and drops any more.
#define INFLIGHT_MAX 2
#define OUT_MAX 512
//  The assumed round trip before the first one was measured, and the least one.
#define RTT_US 1000
#define RTT_US_MIN 20

zseq_batcher_t *
zseq_batcher_new (const zseq_batcher_hooks_t *hooks)
{
    assert (hooks);
    assert (hooks->ask);
    assert (hooks->done);
    assert (hooks->draw);

    zseq_batcher_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->hooks = *hooks;
    self->stats.rtt_us = RTT_US;
    self->deadline_us = UINT64_MAX;
    self->queued.end = &self->queued.first;
    self->lined_up.end = &self->lined_up.first;
    return self;
}

void
zseq_batcher_open (zseq_batcher_t *self, const zseq_quorum_t *quorum,
                   const zseq_coordinator_rank_t *rank)
{
    assert (self);
    assert (quorum);
    assert (!self->quorum.n);

    self->quorum = *quorum;
    zseq_delegation_open (&self->delegation, quorum, rank);
}

//  Whether a coordinator is to claim the name, and one is up.
static bool
s_delegates (zseq_request_queue_t *queue)
{
    const zseq_batcher_t *self = queue->batcher;
    return zseq_delegation_wanted (&self->delegation, &queue->delegation) &&
           zseq_delegation_coordinator (&self->delegation,
                                        &queue->delegation) != self->quorum.n;
}

static uint64_t
s_draw (zseq_batcher_t *self)
{
    if (!self->drawn_left) {
        self->drawn_next = self->hooks.draw (self->hooks.arg);
        self->drawn_left = self->hooks.draw_count ? self->hooks.draw_count : 1;
    }
    self->drawn_left--;
    return self->drawn_next++;
}

//  Weight of a new round trip in the typical one: 1 / 8, as TCP has it
//  (RFC 6298).
static void
s_note_round_trip (zseq_batcher_t *self, uint64_t round_trip_us)
{
    self->stats.round_trips++;
    self->stats.rtt_us = (7 * self->stats.rtt_us + round_trip_us + 7) / 8;
    if (self->stats.rtt_us < RTT_US_MIN)
        self->stats.rtt_us = RTT_US_MIN;
}

//  NEXTs.

//  A NEXT has ended; its requests may continue with another node.
static void
s_give_up_delegated (zseq_batcher_t *self, zseq_inflight_t *inflight,
                     uint64_t now_us)
{
    zseq_delegation_note_failed (&self->delegation, inflight->node, now_us);
    inflight->node = ZSEQ_NO_NODE;
    inflight->request_id = 0;
    inflight->own_inflight = 0;
    inflight->due = true;
    zseq_request_queue_schedule (inflight->queue);
}

//  A node has not answered in time: gives up every NEXT sent to it.
static void
s_give_up_node (zseq_batcher_t *self, uint8_t node, uint64_t now_us)
{
    for (size_t index = 0; index < self->inflight_count; index++) {
        zseq_inflight_t *inflight = self->inflight[index];
        if (inflight->node != node)
            continue;
        self->stats.late++;
        self->stats.burnt += inflight->claim.count;
        s_give_up_delegated (self, inflight, now_us);
    }
}

//  Probes the nodes that are down, with a READ of the name.
static void
s_probe (zseq_batcher_t *self, zseq_request_queue_t *queue, uint64_t now_us)
{
    uint8_t nodes[ZSEQ_NODES_MAX];
    uint8_t count = zseq_delegation_probes_due (
      &self->delegation, &queue->delegation, now_us, nodes);
    for (uint8_t index = 0; index < count; index++) {
        zseq_msg_t msg = {
          .op = ZSEQ_OP_READ, .request = s_draw (self), .name = queue->name};
        zseq_delegation_note_probe (&self->delegation, nodes[index],
                                    msg.request, now_us);
        (void) self->hooks.ask (self->hooks.arg, nodes[index], &msg);
    }
}

//  Notes how many NEXTs of the queue may wait at the coordinator together.
static void
s_count_own_inflight (zseq_request_queue_t *queue)
{
    size_t delegated = 0;
    for (zseq_inflight_t *inflight = queue->inflight; inflight;
         inflight = inflight->behind)
        delegated += zseq_inflight_delegated (inflight);
    for (zseq_inflight_t *inflight = queue->inflight; inflight;
         inflight = inflight->behind)
        if (inflight->own_inflight < delegated)
            inflight->own_inflight = delegated;
}

//  Sends a NEXT to the coordinator. False: all candidates are down.
static bool
s_send_delegated (zseq_batcher_t *self, zseq_inflight_t *inflight,
                  uint64_t now_us)
{
    zseq_request_queue_t *queue = inflight->queue;
    uint64_t wait_us =
      zseq_delegation_wait_us (&self->delegation, self->stats.rtt_us);
    //  P3: leaves time to claim without the coordinator.
    for (const zseq_request_t *request = inflight->requests; request;
         request = request->next) {
        uint64_t left_us =
          request->deadline_us > now_us ? request->deadline_us - now_us : 0;
        if (wait_us > left_us / 4)
            wait_us = left_us / 4 + 1;
    }

    zseq_msg_t msg = {
      .op = ZSEQ_OP_NEXT,
      .request = s_draw (self),
      .name = queue->name,
      .next = {.count = inflight->claim.count,
               .count_min = inflight->claim.count_min,
               .timeout_us = wait_us},
    };
    uint8_t node;
    while ((node = zseq_delegation_coordinator (
              &self->delegation, &queue->delegation)) != self->quorum.n) {
        if (self->hooks.ask (self->hooks.arg, node, &msg)) {
            inflight->node = node;
            inflight->request_id = msg.request;
            inflight->began_us = now_us;
            inflight->until_us = now_us + wait_us;
            s_count_own_inflight (queue);
            self->stats.claims++;
            break;
        }
        zseq_delegation_note_failed (&self->delegation, node, now_us);
    }
    s_probe (self, queue, now_us);
    return zseq_inflight_delegated (inflight);
}

//  Whether a reply serves the NEXT as the protocol allows.
static bool
s_serves (const zseq_inflight_t *inflight, const zseq_msg_t *msg)
{
    return msg->status == ZSEQ_OK && msg->next.first >= 1 &&
           msg->next.count >= inflight->claim.count_min &&
           msg->next.count <= inflight->claim.count &&
           msg->next.first <= ZSEQ_NEXT_MAX - msg->next.count;
}

static void
s_delegated_reply (zseq_batcher_t *self, zseq_inflight_t *inflight,
                   const zseq_msg_t *msg, uint64_t now_us)
{
    zseq_request_queue_t *queue = inflight->queue;
    if (s_serves (inflight, msg)) {
        self->stats.round_trips++;
        zseq_delegation_note_served (&self->delegation, inflight->node,
                                     now_us - inflight->began_us);
        zseq_delegation_note_congestion (&self->delegation, msg);
        for (uint8_t node = 0; node < self->quorum.n; node++)
            if (queue->known.next[node] < msg->next.first + msg->next.count)
                queue->known.next[node] = msg->next.first + msg->next.count;
        if (msg->next.served > inflight->own_inflight)
            zseq_delegation_note_contended (&self->delegation,
                                            &queue->delegation);
        else
            zseq_delegation_note_uncontended (&queue->delegation);
        zseq_request_queue_hand_out (inflight, msg->next.first,
                                     msg->next.count);
    }
    else if (msg->status == ZSEQ_EEXHAUSTED)
        zseq_request_queue_refuse (inflight, ZSEQ_EEXHAUSTED);
    else {
        s_give_up_delegated (self, inflight, now_us);
        return;
    }
    zseq_request_queue_retire (inflight);
}

//  Claims.

//  The claim has ended.
static void
s_complete (zseq_inflight_t *inflight)
{
    zseq_request_queue_t *queue = inflight->queue;
    const zseq_claim_t *claim = &inflight->claim;
    //  Each of several claims in flight may have learnt something.
    for (size_t node = 0; node < ZSEQ_NODES_MAX; node++)
        if (queue->known.next[node] < claim->known.next[node])
            queue->known.next[node] = claim->known.next[node];
    if (claim->rc == ZSEQ_OK) {
        if (!claim->conflicts)
            zseq_delegation_note_uncontended (&queue->delegation);
        zseq_request_queue_hand_out (inflight, claim->first, claim->count);
    }
    else {
        assert (claim->rc == ZSEQ_EEXHAUSTED);
        zseq_request_queue_refuse (inflight, claim->rc);
    }
    zseq_request_queue_retire (inflight);
}

static void
s_follow (zseq_batcher_t *self, zseq_inflight_t *inflight, zseq_do_t what,
          uint32_t conflicts)
{
    zseq_request_queue_t *queue = inflight->queue;
    if (inflight->claim.conflicts != conflicts)
        zseq_delegation_note_contended (&self->delegation, &queue->delegation);
    if (what == ZSEQ_DO_DONE) {
        s_complete (inflight);
        return;
    }
    //  A claim of a coordinator need not wait.
    bool turns = inflight->claim.conflicts != conflicts && s_delegates (queue);
    if (what == ZSEQ_DO_SEND || turns) {
        inflight->due = true;
        zseq_request_queue_schedule (queue);
    }
}

static void
s_ask_claim (zseq_batcher_t *self, zseq_inflight_t *inflight, zseq_msg_t *msg,
             zseq_node_set_t nodes)
{
    zseq_attempt_t *attempt = &inflight->claim.attempt;
    if (self->hooks.ask_all) {
        nodes &= zseq_node_set_first (self->quorum.n);
        zseq_node_set_t sent =
          self->hooks.ask_all (self->hooks.arg, nodes, msg);
        attempt->absent = (attempt->absent | nodes) & ~sent;
        return;
    }
    //  A node's own reply may arrive during ask and end the attempt.
    for (uint8_t node = 0; node < self->quorum.n; node++) {
        if (!zseq_node_set_has (nodes, node) ||
            attempt->request != msg->request)
            continue;
        bool sent = self->hooks.ask (self->hooks.arg, node, msg);
        zseq_node_set_put (&attempt->absent, node, !sent);
    }
}

static void
s_send (zseq_batcher_t *self, zseq_inflight_t *inflight, uint64_t now_us)
{
    zseq_request_queue_t *queue = inflight->queue;
    inflight->due = false;
    if (zseq_delegation_wanted (&self->delegation, &queue->delegation) &&
        zseq_request_queue_assign (inflight, ZSEQ_COUNT_MAX) &&
        s_send_delegated (self, inflight, now_us))
        return;
    if (!zseq_request_queue_assign (inflight,
                                    zseq_claim_remaining (&inflight->claim))) {
        zseq_request_queue_abandon (inflight);
        return;
    }
    inflight->began_us = now_us;
    zseq_msg_t msg;
    if (zseq_claim_request (&inflight->claim, s_draw (self), now_us, &msg) ==
        ZSEQ_DO_DONE) {
        s_complete (inflight);
        return;
    }
    msg.name = queue->name;
    s_ask_claim (self, inflight, &msg, zseq_node_set_first (self->quorum.n));
}

//  Makes a further claim begin where the last one will end, if that is known.
static zseq_inflight_t *
s_begin (zseq_batcher_t *self, zseq_request_queue_t *queue)
{
    zseq_known_t known = queue->known;
    zseq_inflight_t *last = queue->inflight;
    while (last && last->behind)
        last = last->behind;
    if (queue->inflight_count == INFLIGHT_MAX)
        return NULL;
    if (last && !s_delegates (queue)) {
        if (zseq_inflight_delegated (last) || last->claim.reading ||
            !last->claim.attempt.request)
            return NULL;
        for (uint8_t node = 0; node < self->quorum.n; node++)
            if (known.next[node] < last->claim.first + last->claim.count)
                known.next[node] = last->claim.first + last->claim.count;
    }
    zseq_inflight_t *inflight = zseq_request_queue_launch (queue);
    if (!inflight)
        return NULL;
    zseq_timing_t timing = {.rtt_us = self->stats.rtt_us,
                            .deadline_us = UINT64_MAX,
                            .seed = s_draw (self)};
    zseq_claim_init (&inflight->claim, &self->quorum, &known, 1, 1, &timing);
    return inflight;
}

//  How many claims may start now. Paused claims do not count.
static size_t
s_capacity (const zseq_batcher_t *self)
{
    if (self->inflight_count < OUT_MAX)
        return OUT_MAX - self->inflight_count;
    size_t out = 0;
    for (size_t index = 0; index < self->inflight_count; index++)
        out += zseq_inflight_delegated (self->inflight[index]) ||
               self->inflight[index]->claim.attempt.request;
    return out < OUT_MAX ? OUT_MAX - out : 0;
}

//  Returns whether a claim was sent: its requests may have gone.
static bool
s_start (zseq_batcher_t *self, zseq_request_queue_t *queue, uint64_t now_us)
{
    zseq_inflight_t *inflight = queue->waiting ? s_begin (self, queue) : NULL;
    if (inflight)
        s_send (self, inflight, now_us);
    return inflight != NULL;
}

//  Sends the queue's claims that are due again. Starts a second claim of the
//  name unless other names wait for their first; if the queue has no claim in
//  flight, it waits with them.
static void
s_look_at (zseq_batcher_t *self, zseq_request_queue_t *queue, uint64_t now_us)
{
    for (zseq_inflight_t *inflight = queue->inflight, *behind; inflight;
         inflight = behind) {
        behind = inflight->behind;
        if (inflight->due)
            s_send (self, inflight, now_us);
    }
    if (queue->waiting && !queue->inflight)
        zseq_request_queue_put (&self->lined_up, queue);
    else if (queue->waiting && !self->lined_up.first && s_capacity (self))
        (void) s_start (self, queue, now_us);
}

void
zseq_batcher_flush (zseq_batcher_t *self, uint64_t now_us)
{
    assert (self);

    if (!self->quorum.n)
        return;
    //  A node's own vote may end a claim during ask.
    zseq_request_queue_t *queue;
    do {
        while ((queue = zseq_request_queue_take (&self->queued)))
            s_look_at (self, queue, now_us);
        for (size_t capacity = s_capacity (self);
             capacity && self->lined_up.first;)
            capacity -=
              s_start (self, zseq_request_queue_take (&self->lined_up), now_us);
    } while (self->queued.first);
}

//  Calls.

bool
zseq_batcher_reply (zseq_batcher_t *self, const zseq_msg_t *msg,
                    uint64_t now_us)
{
    assert (self);
    assert (msg);

    if (zseq_delegation_reply (&self->delegation, msg))
        return true;
    for (size_t index = 0; index < self->inflight_count; index++) {
        zseq_inflight_t *inflight = self->inflight[index];
        zseq_claim_t *claim = &inflight->claim;
        if (zseq_inflight_delegated (inflight)) {
            if (inflight->request_id != msg->request ||
                inflight->node != msg->node || msg->op != ZSEQ_OP_NEXT)
                continue;
            s_delegated_reply (self, inflight, msg, now_us);
            return true;
        }
        if (claim->attempt.request != msg->request)
            continue;
        uint32_t round_trips = claim->attempt.round_trips;
        uint32_t conflicts = claim->conflicts;
        if (msg->op == ZSEQ_OP_CLAIM && msg->claim.count)
            zseq_delegation_note_congestion (&self->delegation, msg);
        zseq_do_t what = zseq_claim_reply (claim, msg, now_us);
        if (claim->attempt.round_trips != round_trips)
            s_note_round_trip (self, now_us - inflight->began_us);
        s_follow (self, inflight, what, conflicts);
        return true;
    }
    return false;
}

//  Whether a claim in flight did not reach a node.
static bool
s_is_absent (const zseq_inflight_t *inflight)
{
    return inflight->claim.attempt.request && inflight->claim.attempt.absent;
}

//  Sends claims in flight to nodes that they did not reach before, oldest
//  first: a second claim begins where the first ends.
static void
s_reach (zseq_batcher_t *self, zseq_request_queue_t *queue)
{
    for (zseq_inflight_t *inflight = queue->inflight, *behind; inflight;
         inflight = behind) {
        behind = inflight->behind;
        if (!s_is_absent (inflight))
            continue;
        zseq_msg_t msg;
        zseq_claim_repeat (&inflight->claim, &msg);
        msg.name = queue->name;
        s_ask_claim (self, inflight, &msg, inflight->claim.attempt.absent);
    }
}

static void
s_tick_inflight (zseq_batcher_t *self, uint64_t now_us)
{
    //  Backwards: the slot of a claim that ends is filled by one seen already.
    for (size_t index = self->inflight_count; index-- > 0;) {
        zseq_inflight_t *inflight = self->inflight[index];
        if (zseq_inflight_delegated (inflight)) {
            if (now_us >= inflight->until_us)
                s_give_up_node (self, inflight->node, now_us);
        }
        else if (!inflight->due) {
            uint32_t conflicts = inflight->claim.conflicts;
            zseq_do_t what = zseq_claim_tick (&inflight->claim, now_us);
            s_follow (self, inflight, what, conflicts);
        }
    }
}

void
zseq_batcher_tick (zseq_batcher_t *self, uint64_t now_us)
{
    assert (self);

    //  Expired requests first, so that no other request waits for them.
    s_tick_inflight (self, now_us);
    zseq_request_queue_expire (self, now_us);
    if (!zseq_batcher_has_unsent (self))
        return;
    for (zseq_request_queue_t *queue = self->busy, *busy; queue; queue = busy) {
        busy = queue->busy;
        s_reach (self, queue);
    }
}

uint64_t
zseq_batcher_wake_us (const zseq_batcher_t *self)
{
    assert (self);

    uint64_t wake_us = self->busy ? self->deadline_us : UINT64_MAX;
    for (size_t index = 0; index < self->inflight_count; index++) {
        const zseq_inflight_t *inflight = self->inflight[index];
        uint64_t at_us = zseq_inflight_delegated (inflight)
                           ? inflight->until_us
                           : zseq_claim_wake_us (&inflight->claim);
        if (wake_us > at_us)
            wake_us = at_us;
    }
    return wake_us;
}

void
zseq_batcher_end (zseq_batcher_t *self, int status)
{
    assert (self);

    while (self->busy)
        zseq_request_queue_end (self->busy, status);
}

bool
zseq_batcher_has_unsent (const zseq_batcher_t *self)
{
    assert (self);

    for (size_t index = 0; index < self->inflight_count; index++)
        if (s_is_absent (self->inflight[index]))
            return true;
    return false;
}

bool
zseq_batcher_busy (const zseq_batcher_t *self)
{
    assert (self);
    return self->busy || self->inflight_count;
}

static void
s_fill_state (const zseq_batcher_t *self, zseq_batcher_state_t *state)
{
    state->wake_us = zseq_batcher_wake_us (self);
    state->has_unsent = zseq_batcher_has_unsent (self);
    state->busy = zseq_batcher_busy (self);
}

void
zseq_batcher_run (zseq_batcher_t *self, uint64_t now_us,
                  zseq_batcher_state_t *state)
{
    assert (self);
    assert (state);

    zseq_batcher_tick (self, now_us);
    zseq_batcher_flush (self, now_us);
    s_fill_state (self, state);
}

void
zseq_batcher_post (zseq_batcher_t *self, zseq_request_queue_t *queue,
                   zseq_request_t *request, uint64_t now_us,
                   zseq_batcher_state_t *state)
{
    assert (self);
    assert (state);

    zseq_request_queue_add (queue, request);
    zseq_batcher_flush (self, now_us);
    s_fill_state (self, state);
}

const zseq_batcher_stats_t *
zseq_batcher_stats (const zseq_batcher_t *self)
{
    assert (self);
    return &self->stats;
}

void
zseq_batcher_destroy (zseq_batcher_t **self_p)
{
    assert (self_p);

    zseq_batcher_t *self = *self_p;
    if (!self)
        return;
    for (size_t index = 0; index < self->inflight_count; index++)
        free (self->inflight[index]);
    for (zseq_inflight_t *inflight = self->free_inflight, *behind; inflight;
         inflight = behind) {
        behind = inflight->behind;
        free (inflight);
    }
    free (self->inflight);
    free (self);
    *self_p = NULL;
}
