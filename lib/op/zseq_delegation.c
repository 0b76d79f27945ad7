#include "zseq_delegation.h"

#include <assert.h>

//  How long a coordinator may be silent before it is probed. It may have to
//  claim twice and its disk may stall for a moment.
#define SILENCE_US_MIN 50000
#define SILENCE_US_MAX 1000000
#define SILENCE_ROUND_TRIPS 8
//  After so many replies in a row that served no other client, a client claims
//  for itself again. If that was too soon, it waits for twice as many.
#define UNCONTENDED_MIN 64
#define UNCONTENDED_MAX 4096
//  After a client has returned to claims, nodes that saw the coordinator's last
//  claims take it for one of several clients, for a second.
#define HINTS_US 1500000
//  A node that has no room for a name, or takes it for malformed, mostly does
//  until it is started again.
#define REFUSED_US 10000000

void
zseq_delegation_open (zseq_delegation_t *self, const zseq_quorum_t *quorum,
                      const zseq_coordinator_rank_t *rank)
{
    assert (self);
    assert (quorum);
    assert (!self->quorum.n);

    self->quorum = *quorum;
    //  A coordinator claims from a majority.
    self->possible = rank && zseq_quorum_writes_by_majority (quorum);
    if (self->possible)
        self->rank = *rank;
}

void
zseq_delegation_init_name (zseq_delegation_name_t *name, zseq_slice_t bytes)
{
    assert (name);
    assert (bytes.data);

    name->name = bytes;
    name->contended = false;
    name->hints_us = 0;
    name->uncontended = 0;
    name->uncontended_min = UNCONTENDED_MIN;
    name->refused = 0;
    name->refused_until_us = 0;
    name->ranked = false;
}

void
zseq_delegation_note_hint (const zseq_delegation_t *self,
                           zseq_delegation_name_t *name, uint64_t now_us)
{
    assert (self);
    assert (name);

    if (now_us >= name->hints_us)
        zseq_delegation_note_contended (self, name);
}

//  We met no other client; there may still be one.
void
zseq_delegation_note_uncontended (zseq_delegation_name_t *name, uint64_t now_us)
{
    assert (name);

    if (++name->uncontended < name->uncontended_min)
        return;
    name->uncontended = 0;
    if (name->contended) {
        name->contended = false;
        name->hints_us = now_us + HINTS_US;
        if (name->uncontended_min < UNCONTENDED_MAX)
            name->uncontended_min *= 2;
    }
    else if (name->uncontended_min > UNCONTENDED_MIN)
        name->uncontended_min /= 2;
}

void
zseq_delegation_note_contended (const zseq_delegation_t *self,
                                zseq_delegation_name_t *name)
{
    assert (self);
    assert (name);

    name->uncontended = 0;
    if (self->possible)
        name->contended = true;
}

void
zseq_delegation_note_refused (zseq_delegation_name_t *name, uint8_t node,
                              uint64_t now_us)
{
    assert (name);

    zseq_node_set_add (&name->refused, node);
    name->refused_until_us = now_us + REFUSED_US;
}

zseq_node_set_t
zseq_delegation_refused (zseq_delegation_name_t *name, uint64_t now_us)
{
    assert (name);

    if (now_us >= name->refused_until_us)
        name->refused = 0;
    return name->refused;
}

void
zseq_delegation_note_congestion (zseq_delegation_t *self,
                                 const zseq_msg_t *reply)
{
    assert (self);
    assert (reply);

    zseq_node_set_put (&self->congested, reply->node, reply->congested);
}

uint8_t
zseq_delegation_coordinator (const zseq_delegation_t *self,
                             zseq_delegation_name_t *name)
{
    assert (self);
    assert (name);

    if (!name->ranked)
        zseq_coordinator_rank_nodes (&self->rank, name->name.data,
                                     name->name.size, name->ranking);
    name->ranked = true;
    return zseq_coordinator_rank_choose (&self->rank, name->ranking);
}

//  When a write quorum is congested, one claim of a coordinator for all clients
//  is less work for every node. If the coordinator itself is not congested, the
//  congested nodes are not needed for a quorum.
bool
zseq_delegation_wanted (const zseq_delegation_t *self,
                        zseq_delegation_name_t *name)
{
    assert (self);
    assert (name);

    if (self->possible && self->rank.self != self->rank.n)
        return zseq_delegation_coordinator (self, name) != self->rank.self;
    if (name->contended)
        return true;
    if (!self->possible || !self->congested)
        return false;
    uint8_t node = zseq_delegation_coordinator (self, name);
    return zseq_quorum_reached (&self->quorum, ZSEQ_QUORUM_WRITE,
                                self->congested) &&
           (node == self->quorum.n ||
            zseq_node_set_has (self->congested, node));
}

uint64_t
zseq_delegation_silence_us (const zseq_delegation_t *self, uint64_t rtt_us)
{
    assert (self);

    uint64_t round_trip_us = self->round_trip_us ? self->round_trip_us : rtt_us;
    uint64_t silence_us = SILENCE_ROUND_TRIPS * round_trip_us;
    if (silence_us < SILENCE_US_MIN)
        return SILENCE_US_MIN;
    return silence_us < SILENCE_US_MAX ? silence_us : SILENCE_US_MAX;
}

//  Weight of a new round trip in the typical one: 1 / 8, as TCP has it
//  (RFC 6298).
void
zseq_delegation_note_served (zseq_delegation_t *self, uint8_t node,
                             uint64_t round_trip_us)
{
    assert (self);

    if (!self->round_trip_us)
        self->round_trip_us = round_trip_us;
    self->round_trip_us = (7 * self->round_trip_us + round_trip_us + 7) / 8;
    zseq_coordinator_rank_note_served (&self->rank, node);
    zseq_detector_served (&self->detector[node]);
}

void
zseq_delegation_note_failed (zseq_delegation_t *self, uint8_t node,
                             uint64_t now_us)
{
    assert (self);
    zseq_coordinator_rank_mark_down (&self->rank, node, now_us);
}

uint8_t
zseq_delegation_probes_due (const zseq_delegation_t *self,
                            const zseq_delegation_name_t *name,
                            zseq_node_set_t unreachable, uint64_t now_us,
                            uint8_t nodes[ZSEQ_NODES_MAX])
{
    assert (self);
    assert (name);
    assert (name->ranked);

    uint8_t count = 0;
    for (uint8_t rank = 0; rank < self->quorum.n; rank++) {
        uint8_t node = name->ranking[rank];
        if (zseq_node_set_has (unreachable, node))
            continue;
        if (!self->rank.candidate[node].down)
            break;
        if (zseq_coordinator_rank_probe_due (&self->rank, node, now_us))
            nodes[count++] = node;
    }
    return count;
}

void
zseq_delegation_note_probe (zseq_delegation_t *self, uint8_t node,
                            uint64_t request, uint64_t now_us)
{
    assert (self);
    zseq_coordinator_rank_probe (&self->rank, node, request, now_us);
}

bool
zseq_delegation_reply (zseq_delegation_t *self, const zseq_msg_t *reply)
{
    assert (self);
    assert (reply);
    return zseq_coordinator_rank_probe_reply (&self->rank, reply->node,
                                              reply->request, reply->status);
}
