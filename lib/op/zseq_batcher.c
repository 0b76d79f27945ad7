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
//  How long a coordinator waits for the nodes that it asks before it says that
//  they are too few, however often it has sent its claim again. Longer than a
//  client, as it claims for many, and a claim that is given up burns the IDs of
//  all of them: nodes that share a machine with a thousand clients have taken
//  more than half a second.
#define UNAVAILABLE_US 1500000
//  How many claims in a row a client loses before it asks the coordinators
//  again that it had passed over for them.
#define CONFLICTS_MAX 4
//  How many claims in a row a claim loses before fewer requests share it, and
//  how many share it then at least: so many, and that part of all in the queue,
//  so that a few claims serve it.
#define HALVE_AFTER 2
#define SHARE_MIN 16
#define SHARE_PART 8

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

uint64_t
zseq_batcher_draw (zseq_batcher_t *self)
{
    assert (self);

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

//  Claims.

//  A claim of many requests that loses burns as many IDs, whoever has won. So
//  from the second time on half of its requests wait for the next claim.
static void
s_note_lost (zseq_inflight_t *inflight)
{
    zseq_request_queue_t *queue = inflight->queue;
    size_t least = queue->requests / SHARE_PART;
    if (least < SHARE_MIN)
        least = SHARE_MIN;
    if (inflight->claim.conflicts % HALVE_AFTER ||
        inflight->request_count <= least)
        return;
    size_t half = inflight->request_count / 2;
    queue->share_max = half > least ? half : least;
}

//  A claim has met no other: twice as many requests may share the next one.
static void
s_note_unchallenged (zseq_request_queue_t *queue)
{
    queue->share_max =
      queue->share_max <= SIZE_MAX / 2 ? 2 * queue->share_max : SIZE_MAX;
}

//  The claim has ended.
static void
s_complete (zseq_inflight_t *inflight, uint64_t now_us)
{
    zseq_request_queue_t *queue = inflight->queue;
    const zseq_claim_t *claim = &inflight->claim;
    //  Each of several claims in flight may have learnt something.
    for (size_t node = 0; node < ZSEQ_NODES_MAX; node++)
        if (queue->known.next[node] < claim->known.next[node])
            queue->known.next[node] = claim->known.next[node];
    if (claim->rc == ZSEQ_OK) {
        if (!claim->conflicts) {
            zseq_delegation_note_uncontended (&queue->delegation, now_us);
            s_note_unchallenged (queue);
        }
        //  Nodes answer in order: what was sent before and has no majority of
        //  replies by now was lost, and is made again.
        for (zseq_inflight_t *other = queue->inflight; other != inflight;
             other = other->behind)
            if (zseq_inflight_claims (other) &&
                other->began_us < inflight->began_us)
                zseq_attempt_hasten (&other->claim.attempt, now_us);
        zseq_request_queue_hand_out (inflight, claim->first, claim->count, 0);
    }
    else {
        assert (claim->rc == ZSEQ_EEXHAUSTED);
        zseq_request_queue_refuse (inflight, claim->rc);
    }
    zseq_request_queue_retire (inflight);
}

//  Whether a coordinator is to continue the claim, and can be asked: after a
//  lost claim, or instead of a READ, of which one reply may have been enough to
//  show that the name is contended.
static bool
s_hands_over (zseq_batcher_t *self, zseq_inflight_t *inflight, bool beaten)
{
    return (beaten || zseq_claim_reads (&inflight->claim)) &&
           s_delegates (inflight->queue) &&
           zseq_batcher_coordinator (self, inflight) != self->quorum.n;
}

static void
s_follow (zseq_batcher_t *self, zseq_inflight_t *inflight, zseq_do_t what,
          uint32_t conflicts, uint64_t now_us)
{
    zseq_request_queue_t *queue = inflight->queue;
    bool beaten = inflight->claim.conflicts != conflicts;
    if (beaten) {
        zseq_delegation_note_contended (&self->delegation, &queue->delegation);
        s_note_lost (inflight);
    }
    if (what == ZSEQ_DO_DONE) {
        s_complete (inflight, now_us);
        return;
    }
    //  Claims that lose show that there is a coordinator that works.
    if (beaten && inflight->claim.conflicts % CONFLICTS_MAX == 0)
        inflight->passed = inflight->unreachable = inflight->late = 0;
    bool hands_over = s_hands_over (self, inflight, beaten);
    if (hands_over && zseq_claim_reads (&inflight->claim)) {
        zseq_claim_stop_read (&inflight->claim);
        s_note_round_trip (self, now_us - inflight->began_us);
    }
    if (what == ZSEQ_DO_SEND || hands_over) {
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

//  Lets a claim that was lost begin again behind the others of its name that
//  are in flight: they may win, and below them it would lose again.
static void
s_begin_behind (const zseq_batcher_t *self, zseq_inflight_t *inflight)
{
    const zseq_known_t *learnt = &inflight->queue->known;
    uint64_t end = 0;
    for (const zseq_inflight_t *other = inflight->queue->inflight; other;
         other = other->behind)
        if (other != inflight && zseq_inflight_claims (other) &&
            end < other->claim.first + other->claim.count)
            end = other->claim.first + other->claim.count;
    uint64_t *next = inflight->claim.known.next;
    for (uint8_t node = 0; node < self->quorum.n; node++) {
        if (!next[node])
            continue;
        if (next[node] < end)
            next[node] = end;
        if (next[node] < learnt->next[node])
            next[node] = learnt->next[node];
    }
}

static void
s_send (zseq_batcher_t *self, zseq_inflight_t *inflight, uint64_t now_us)
{
    zseq_request_queue_t *queue = inflight->queue;
    inflight->due = false;
    //  A READ of all nodes found the end: then what they said counts.
    if (inflight->claim.conflicts && !inflight->claim.doubted)
        s_begin_behind (self, inflight);
    if (zseq_delegation_wanted (&self->delegation, &queue->delegation) &&
        zseq_request_queue_assign (inflight, ZSEQ_COUNT_MAX, SIZE_MAX) &&
        zseq_batcher_send_next (self, inflight, now_us))
        return;
    //  A node that comes before this one may be up again.
    if (zseq_batcher_is_node (self))
        zseq_batcher_probe_down (self, queue, 0, now_us);
    if (!zseq_request_queue_assign (inflight,
                                    zseq_claim_remaining (&inflight->claim),
                                    queue->share_max)) {
        zseq_request_queue_abandon (inflight);
        return;
    }
    inflight->began_us = now_us;
    if (!inflight->unanswered_us)
        inflight->unanswered_us = now_us;
    zseq_msg_t msg;
    if (zseq_claim_request (&inflight->claim, zseq_batcher_draw (self), now_us,
                            &msg) == ZSEQ_DO_DONE) {
        s_complete (inflight, now_us);
        return;
    }
    msg.name = queue->name;
    s_ask_claim (self, inflight, &msg, zseq_node_set_first (self->quorum.n));
}

//  Makes a further claim begin where the last one will end, if that is known.
//  None follows a claim that has lost and is made again: the IDs that it would
//  leave below itself would be burnt.
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
        if (!zseq_inflight_claims (last) || last->claim.conflicts)
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
                            .wait_us =
                              zseq_batcher_is_node (self) ? UNAVAILABLE_US : 0,
                            .seed = zseq_batcher_draw (self)};
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

    assert (msg->node < ZSEQ_NODES_MAX);

    if (zseq_batcher_hear (self, msg, now_us))
        return true;
    for (size_t index = 0; index < self->inflight_count; index++) {
        zseq_inflight_t *inflight = self->inflight[index];
        zseq_claim_t *claim = &inflight->claim;
        if (zseq_inflight_delegated (inflight)) {
            if (inflight->request_id != msg->request ||
                inflight->node != msg->node || msg->op != ZSEQ_OP_NEXT)
                continue;
            zseq_batcher_next_reply (self, inflight, msg, now_us);
            return true;
        }
        if (claim->attempt.request != msg->request)
            continue;
        zseq_batcher_note_reachable (inflight, msg->node);
        uint32_t round_trips = claim->attempt.round_trips;
        uint32_t conflicts = claim->conflicts;
        if (msg->op == ZSEQ_OP_CLAIM && msg->claim.count)
            zseq_delegation_note_congestion (&self->delegation, msg);
        if (msg->contended)
            zseq_delegation_note_hint (&self->delegation,
                                       &inflight->queue->delegation, now_us);
        zseq_do_t what = zseq_claim_reply (claim, msg, now_us);
        if (claim->attempt.round_trips != round_trips) {
            s_note_round_trip (self, now_us - inflight->began_us);
            inflight->unanswered_us = 0;
        }
        s_follow (self, inflight, what, conflicts, now_us);
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
        if (!zseq_inflight_delegated (inflight) && !inflight->due) {
            uint32_t conflicts = inflight->claim.conflicts;
            uint32_t round_trips = inflight->claim.attempt.round_trips;
            zseq_do_t what = zseq_claim_tick (&inflight->claim, now_us);
            if (inflight->claim.attempt.round_trips != round_trips)
                inflight->unanswered_us = 0;
            s_follow (self, inflight, what, conflicts, now_us);
        }
    }
}

//  When a claim in flight shows that too few nodes answer.
static uint64_t
s_unavailable_us (const zseq_inflight_t *inflight)
{
    return zseq_inflight_delegated (inflight) || !inflight->unanswered_us
             ? UINT64_MAX
             : inflight->unanswered_us + UNAVAILABLE_US;
}

//  Whether so many nodes refused the last attempt by their clocks that no write
//  quorum was left. It would take the time that is missing.
static bool
s_is_too_early (const zseq_inflight_t *inflight)
{
    const zseq_attempt_t *attempt = &inflight->claim.attempt;
    if (zseq_inflight_delegated (inflight) || attempt->request)
        return false;
    zseq_node_set_t others = zseq_node_set_first (attempt->quorum.n) &
                             ~zseq_tally_nodes (&attempt->tally, ZSEQ_ECLOCK);
    return !zseq_quorum_reached (&attempt->quorum, ZSEQ_QUORUM_WRITE, others);
}

//  Ends the requests of names that too few nodes answer, or accept by their
//  clocks: their clients have other nodes to ask, and others wait for room.
static void
s_end_hopeless (zseq_batcher_t *self, uint64_t now_us)
{
    for (zseq_request_queue_t *queue = self->busy, *busy; queue; queue = busy) {
        busy = queue->busy;
        int status = ZSEQ_OK;
        for (zseq_inflight_t *inflight = queue->inflight, *behind; inflight;
             inflight = behind) {
            behind = inflight->behind;
            if (now_us >= s_unavailable_us (inflight))
                status = ZSEQ_EUNAVAILABLE;
            else if (!s_is_too_early (inflight))
                continue;
            else if (inflight->request_count > 1)
                //  Finds the request that is too large.
                queue->share_max = inflight->request_count / 2;
            else {
                zseq_request_queue_refuse (inflight, ZSEQ_ECLOCK);
                zseq_request_queue_abandon (inflight);
            }
        }
        if (status != ZSEQ_OK)
            zseq_request_queue_end (queue, status);
    }
}

void
zseq_batcher_tick (zseq_batcher_t *self, uint64_t now_us)
{
    assert (self);

    //  Expired requests first, so that no other request waits for them.
    s_tick_inflight (self, now_us);
    if (zseq_batcher_is_node (self))
        s_end_hopeless (self, now_us);
    zseq_batcher_tick_nexts (self, now_us);
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

    uint64_t wake_us = zseq_batcher_nexts_wake_us (self);
    if (self->busy && wake_us > self->deadline_us)
        wake_us = self->deadline_us;
    for (size_t index = 0; index < self->inflight_count; index++) {
        const zseq_inflight_t *inflight = self->inflight[index];
        if (zseq_inflight_delegated (inflight))
            continue;
        uint64_t at_us = zseq_claim_wake_us (&inflight->claim);
        if (zseq_batcher_is_node (self) && at_us > s_unavailable_us (inflight))
            at_us = s_unavailable_us (inflight);
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
