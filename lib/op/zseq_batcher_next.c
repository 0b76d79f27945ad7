//  The NEXTs of a batcher: to which node a claim is delegated, and what becomes
//  of it there. zseq_batcher.c decides that a claim is delegated; a NEXT then
//  ends in one of these ways:
//
//      served               its requests get their IDs
//      busy                 it is sent again to the same node, later
//      lost                 it is sent again at once: the node does not know it
//      overdue, refused,    its requests continue with the next node, or claim
//      or the node is dead
//
//  Source: lib/doc/wire.md, section 6.9.

#include "zseq_batcher.h"

#include <assert.h>
#include <string.h>

#include "zseq_batcher_private.h"

//  How long a NEXT may take at most, whatever its requests' deadlines.
#define NEXT_US_MAX 10000000
//  How long to wait for a busy coordinator at most, whatever it says.
#define RETRY_US_MAX 1000000
#define RETRY_DOUBLINGS_MAX 20

//  A NEXT has ended, and its requests have not.
static void
s_end_delegated (zseq_inflight_t *inflight)
{
    inflight->node = ZSEQ_NO_NODE;
    inflight->request_id = 0;
    inflight->own_inflight = 0;
}

//  Its requests continue at once.
static void
s_send_again (zseq_inflight_t *inflight)
{
    s_end_delegated (inflight);
    inflight->due = true;
    zseq_request_queue_schedule (inflight->queue);
}

//  Its requests continue with another node.
static void
s_give_up_delegated (zseq_inflight_t *inflight)
{
    zseq_node_set_add (&inflight->passed, inflight->node);
    s_send_again (inflight);
}

//  The coordinator may still claim for a NEXT that is given up.
static void
s_give_up_late (zseq_batcher_t *self, zseq_inflight_t *inflight)
{
    self->stats.late++;
    self->stats.burnt += inflight->claim.count;
    zseq_node_set_add (&inflight->late, inflight->node);
    s_give_up_delegated (inflight);
}

//  A node is taken for dead: gives up every NEXT sent to it.
static void
s_give_up_node (zseq_batcher_t *self, uint8_t node, uint64_t now_us)
{
    zseq_delegation_note_failed (&self->delegation, node, now_us);
    for (size_t index = 0; index < self->inflight_count; index++)
        if (self->inflight[index]->node == node)
            s_give_up_late (self, self->inflight[index]);
}

//  The time of a NEXT is over. Others may still be served, so the node is not
//  taken for dead, unless it should have been probed by now: a client that
//  always looks at its clock late must not ask the same node for ever.
static void
s_give_up_overdue (zseq_batcher_t *self, zseq_inflight_t *inflight,
                   uint64_t now_us)
{
    uint64_t silence_us =
      zseq_delegation_silence_us (&self->delegation, self->stats.rtt_us);
    if (now_us >= zseq_detector_wake_us (
                    &self->delegation.detector[inflight->node], silence_us))
        zseq_delegation_note_failed (&self->delegation, inflight->node, now_us);
    s_give_up_late (self, inflight);
}

//  Of each node a queue with a NEXT that the node owes a reply, or NULL.
static void
s_find_owed (const zseq_batcher_t *self, const zseq_request_queue_t **owed)
{
    memset (owed, 0, ZSEQ_NODES_MAX * sizeof *owed);
    for (size_t index = 0; index < self->inflight_count; index++) {
        const zseq_inflight_t *inflight = self->inflight[index];
        if (zseq_inflight_delegated (inflight))
            owed[inflight->node] = inflight->queue;
    }
}

//  Probes a node with a READ of that queue's name. False: it cannot be reached.
static bool
s_probe (zseq_batcher_t *self, const zseq_request_queue_t *queue, uint8_t node,
         uint64_t now_us)
{
    zseq_msg_t msg = {.op = ZSEQ_OP_READ,
                      .request = zseq_batcher_draw (self),
                      .name = queue->name};
    zseq_detector_probed (&self->delegation.detector[node], msg.request,
                          now_us);
    return self->hooks.ask (self->hooks.arg, node, &msg);
}

//  Looks for nodes that owe replies and are silent.
static void
s_detect (zseq_batcher_t *self, uint64_t now_us)
{
    const zseq_request_queue_t *owed[ZSEQ_NODES_MAX];
    s_find_owed (self, owed);
    uint64_t silence_us =
      zseq_delegation_silence_us (&self->delegation, self->stats.rtt_us);
    for (uint8_t node = 0; node < self->quorum.n; node++) {
        if (!owed[node])
            continue;
        zseq_detector_verdict_t verdict = zseq_detector_tick (
          &self->delegation.detector[node], silence_us, now_us);
        if (verdict == ZSEQ_DETECTOR_SUSPECT ||
            (verdict == ZSEQ_DETECTOR_PROBE &&
             !s_probe (self, owed[node], node, now_us)))
            s_give_up_node (self, node, now_us);
    }
}

//  Gives up the NEXTs whose time is over.
static void
s_give_up_all_overdue (zseq_batcher_t *self, uint64_t now_us)
{
    for (size_t index = 0; index < self->inflight_count; index++) {
        zseq_inflight_t *inflight = self->inflight[index];
        if (zseq_inflight_delegated (inflight) && now_us >= inflight->until_us)
            s_give_up_overdue (self, inflight, now_us);
    }
}

void
zseq_batcher_tick_nexts (zseq_batcher_t *self, uint64_t now_us)
{
    assert (self);

    s_give_up_all_overdue (self, now_us);
    s_detect (self, now_us);
}

uint64_t
zseq_batcher_nexts_wake_us (const zseq_batcher_t *self)
{
    assert (self);

    uint64_t wake_us = UINT64_MAX;
    for (size_t index = 0; index < self->inflight_count; index++) {
        const zseq_inflight_t *inflight = self->inflight[index];
        if (zseq_inflight_delegated (inflight) && wake_us > inflight->until_us)
            wake_us = inflight->until_us;
    }
    const zseq_request_queue_t *owed[ZSEQ_NODES_MAX];
    s_find_owed (self, owed);
    uint64_t silence_us =
      zseq_delegation_silence_us (&self->delegation, self->stats.rtt_us);
    for (uint8_t node = 0; node < self->quorum.n; node++) {
        if (!owed[node])
            continue;
        uint64_t at_us =
          zseq_detector_wake_us (&self->delegation.detector[node], silence_us);
        if (wake_us > at_us)
            wake_us = at_us;
    }
    return wake_us;
}

//  Sends those NEXTs again that were lost on their way to a node, with the
//  connection or with the process that the node was.
static void
s_send_lost_again (zseq_batcher_t *self, uint8_t node, uint64_t probed_us)
{
    for (size_t index = 0; index < self->inflight_count; index++) {
        zseq_inflight_t *inflight = self->inflight[index];
        if (inflight->node != node || inflight->began_us >= probed_us)
            continue;
        self->stats.late++;
        self->stats.burnt += inflight->claim.count;
        s_send_again (inflight);
    }
}

//  A probe was answered: a node that does not vote serves no NEXT. A node that
//  has none in hand has answered, or will never answer, those that were sent
//  before the probe: replies come in the order of their requests.
static void
s_detector_reply (zseq_batcher_t *self, const zseq_msg_t *msg, uint64_t now_us)
{
    if (msg->status == ZSEQ_ENOTVOTING || msg->status == ZSEQ_ECLUSTER)
        s_give_up_node (self, msg->node, now_us);
    else if (msg->status == ZSEQ_OK && msg->read.none_waits)
        s_send_lost_again (self, msg->node,
                           self->delegation.detector[msg->node].probed_us);
}

bool
zseq_batcher_hear (zseq_batcher_t *self, const zseq_msg_t *msg, uint64_t now_us)
{
    assert (self);
    assert (msg);
    assert (msg->node < ZSEQ_NODES_MAX);

    zseq_detector_t *detector = &self->delegation.detector[msg->node];
    zseq_detector_heard (detector, now_us);
    if (zseq_detector_reply (detector, msg->request)) {
        s_detector_reply (self, msg, now_us);
        return true;
    }
    return zseq_delegation_reply (&self->delegation, msg);
}

void
zseq_batcher_probe_down (zseq_batcher_t *self, zseq_request_queue_t *queue,
                         zseq_node_set_t unreachable, uint64_t now_us)
{
    assert (self);
    assert (queue);

    if (!queue->delegation.ranked)
        return;
    uint8_t nodes[ZSEQ_NODES_MAX];
    uint8_t count = zseq_delegation_probes_due (
      &self->delegation, &queue->delegation, unreachable, now_us, nodes);
    for (uint8_t index = 0; index < count; index++) {
        zseq_msg_t msg = {.op = ZSEQ_OP_READ,
                          .request = zseq_batcher_draw (self),
                          .name = queue->name};
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

uint8_t
zseq_batcher_coordinator (zseq_batcher_t *self, const zseq_inflight_t *inflight)
{
    assert (self);
    assert (inflight);

    zseq_delegation_name_t *name = &inflight->queue->delegation;
    uint8_t own = self->delegation.rank.self;
    (void) zseq_delegation_coordinator (&self->delegation, name);
    for (uint8_t rank = 0; rank < self->quorum.n; rank++) {
        uint8_t node = name->ranking[rank];
        if (node == own)
            break;
        if (!self->delegation.rank.candidate[node].down &&
            !zseq_node_set_has (inflight->passed, node))
            return node;
    }
    return self->quorum.n;
}

//  Whether nothing else can be done for the requests than to ask that node: no
//  other one can be asked, and too few are reached to claim from.
static bool
s_is_only_chance (zseq_batcher_t *self, const zseq_inflight_t *inflight,
                  uint8_t only)
{
    if (zseq_batcher_is_node (self))
        return false;
    zseq_node_set_t reached = 0;
    for (uint8_t node = 0; node < self->quorum.n; node++) {
        bool down = self->delegation.rank.candidate[node].down;
        if (node != only && !down &&
            !zseq_node_set_has (inflight->passed, node))
            return false;
        zseq_node_set_put (&reached, node,
                           !down &&
                             !zseq_node_set_has (inflight->unreachable, node));
    }
    return !zseq_quorum_reached (&self->quorum, ZSEQ_QUORUM_WRITE, reached);
}

//  How long the node may take. P3: leaves as much time for what else can be
//  done, if there is anything.
static uint64_t
s_next_limit_us (zseq_batcher_t *self, const zseq_inflight_t *inflight,
                 uint8_t node, uint64_t now_us)
{
    uint64_t limit_us = NEXT_US_MAX;
    bool only = s_is_only_chance (self, inflight, node);
    for (const zseq_request_t *request = inflight->requests; request;
         request = request->next) {
        uint64_t left_us =
          request->deadline_us > now_us ? request->deadline_us - now_us : 0;
        uint64_t share_us = only ? left_us : left_us / 2;
        if (limit_us > share_us)
            limit_us = share_us + 1;
    }
    return limit_us;
}

//  Sends the NEXT to the first node that can be reached.
static void
s_ask_next (zseq_batcher_t *self, zseq_inflight_t *inflight, zseq_msg_t *msg,
            uint64_t now_us)
{
    uint8_t node;
    while ((node = zseq_batcher_coordinator (self, inflight)) !=
           self->quorum.n) {
        uint64_t limit_us = s_next_limit_us (self, inflight, node, now_us);
        msg->next.timeout_us = limit_us;
        if (self->hooks.ask (self->hooks.arg, node, msg)) {
            zseq_detector_asked (&self->delegation.detector[node], now_us);
            inflight->node = node;
            inflight->request_id = msg->request;
            inflight->began_us = now_us;
            inflight->until_us = now_us + limit_us;
            inflight->unanswered_us = 0;
            s_count_own_inflight (inflight->queue);
            self->stats.claims++;
            return;
        }
        zseq_node_set_add (&inflight->passed, node);
        zseq_node_set_add (&inflight->unreachable, node);
    }
}

bool
zseq_batcher_send_next (zseq_batcher_t *self, zseq_inflight_t *inflight,
                        uint64_t now_us)
{
    assert (self);
    assert (inflight);

    zseq_msg_t msg = {
      .op = ZSEQ_OP_NEXT,
      .request = zseq_batcher_draw (self),
      .name = inflight->queue->name,
      .next = {.count = inflight->claim.count,
               .count_min = inflight->claim.count_min},
    };
    inflight->passed &= ~inflight->unreachable;
    inflight->unreachable = 0;
    inflight->passed |=
      zseq_delegation_refused (&inflight->queue->delegation, now_us);
    s_ask_next (self, inflight, &msg, now_us);
    //  Rather than claim from too few nodes, asks those again that were late.
    if (!zseq_inflight_delegated (inflight) &&
        s_is_only_chance (self, inflight, self->quorum.n)) {
        inflight->passed &= ~inflight->late;
        inflight->late = 0;
        inflight->busy_until_us = 0;
        s_ask_next (self, inflight, &msg, now_us);
    }
    zseq_batcher_probe_down (self, inflight->queue, inflight->unreachable,
                             now_us);
    return zseq_inflight_delegated (inflight);
}

void
zseq_batcher_note_reachable (zseq_inflight_t *inflight, uint8_t node)
{
    assert (inflight);
    if (!zseq_node_set_has (inflight->unreachable, node))
        return;
    zseq_node_set_remove (&inflight->passed, node);
    zseq_node_set_remove (&inflight->unreachable, node);
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

//  A coordinator is busy. To claim beside it would make more work for it, so
//  its NEXT is sent again; but not for more than the time that a NEXT may take.
static void
s_wait_busy (zseq_batcher_t *self, zseq_inflight_t *inflight, uint64_t retry_us,
             uint64_t now_us)
{
    if (!inflight->busy_until_us)
        inflight->busy_until_us = inflight->until_us;
    if (now_us >= inflight->busy_until_us) {
        zseq_node_set_add (&inflight->late, inflight->node);
        s_give_up_delegated (inflight);
        return;
    }
    s_end_delegated (inflight);
    uint64_t pause_us = retry_us << inflight->busy_count;
    if (pause_us > RETRY_US_MAX || pause_us < retry_us)
        pause_us = RETRY_US_MAX;
    else if (inflight->busy_count < RETRY_DOUBLINGS_MAX)
        inflight->busy_count++;
    //  Half of it by chance, so that clients do not come back together.
    pause_us = pause_us / 2 + zseq_batcher_draw (self) % (pause_us / 2 + 1);
    zseq_attempt_pause_until (&inflight->claim.attempt, now_us + pause_us);
}

//  A coordinator refuses, and has not said that it is busy. What it refuses for
//  the name's sake it would refuse again: only this name does without it.
static void
s_refused (zseq_batcher_t *self, zseq_inflight_t *inflight, int status,
           uint64_t now_us)
{
    uint8_t node = inflight->node;
    //  Its claim may have been accepted by some nodes.
    if (status == ZSEQ_EUNAVAILABLE)
        self->stats.burnt += inflight->claim.count;
    if (status == ZSEQ_EFULL || status == ZSEQ_EINVAL)
        zseq_delegation_note_refused (&inflight->queue->delegation, node,
                                      now_us);
    //  By their clocks the nodes refuse this name only, and this NEXT only.
    else if (status != ZSEQ_ECLOCK) {
        zseq_delegation_note_failed (&self->delegation, node, now_us);
        zseq_node_set_add (&inflight->late, node);
    }
    s_give_up_delegated (inflight);
}

void
zseq_batcher_next_reply (zseq_batcher_t *self, zseq_inflight_t *inflight,
                         const zseq_msg_t *msg, uint64_t now_us)
{
    assert (self);
    assert (inflight);
    assert (msg);

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
            zseq_delegation_note_uncontended (&queue->delegation, now_us);
        uint64_t others = msg->next.served > inflight->own_inflight
                            ? msg->next.served - inflight->own_inflight
                            : 0;
        if (others > UINT32_MAX)
            others = UINT32_MAX;
        zseq_request_queue_hand_out (inflight, msg->next.first, msg->next.count,
                                     others);
    }
    else if (msg->status == ZSEQ_EEXHAUSTED)
        zseq_request_queue_refuse (inflight, ZSEQ_EEXHAUSTED);
    else if (msg->status == ZSEQ_EBUSY && msg->next.retry_us) {
        s_wait_busy (self, inflight, msg->next.retry_us, now_us);
        return;
    }
    else {
        s_refused (self, inflight, msg->status, now_us);
        return;
    }
    zseq_request_queue_retire (inflight);
}
