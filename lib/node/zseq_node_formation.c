//  Formation: how freshly formatted nodes become a cluster. All nodes must
//  answer each other once and write down the same incarnations; then enough
//  peers must note each node's start before its first vote. Call
//  zseq_node_formation_maybe_vote whenever a reply, a write or time may have
//  changed that.

#include "zseq_node_private.h"

static void
s_vote (zseq_node_t *self, uint64_t identity)
{
    self->record.identity = identity;
    self->record.start_voted = true;
    self->record.voting = true;
    self->version++;
}

//  Whether a peer is forming too and has written down the same incarnations.
static bool
s_is_forming (const zseq_node_t *self, uint8_t node)
{
    const zseq_peer_t *peer = &self->peer[node];
    return (peer->state == ZSEQ_STATE_FORMING ||
            peer->state == ZSEQ_STATE_COMPLETE) &&
           !peer->cluster &&
           zseq_vector_equal (&peer->vector, &self->durable.vector);
}

//  Whether a peer whose cluster is formed already knows this incarnation of
//  this node, and may let it in.
static bool
s_lets_in (const zseq_node_t *self, uint8_t node)
{
    const zseq_peer_t *peer = &self->peer[node];
    uint8_t me = self->record.self;
    return peer->cluster && peer->state != ZSEQ_STATE_RECOVERING &&
           zseq_vector_complete (&peer->vector) &&
           !zseq_incarnation_compare (&peer->vector.incarnation[node],
                                      &self->record.vector.incarnation[node]) &&
           !zseq_incarnation_compare (&peer->vector.incarnation[me],
                                      &self->record.vector.incarnation[me]);
}

//  The identity of the cluster that this node may join with its first vote; 0:
//  not yet. S5: each node has answered every other, so all have written down
//  the same incarnations. S11: no formed peer, voting or not, has noted a start
//  of this node: otherwise this node would have voted before, and this
//  directory would be an old copy. (zseq_node_old_copy_outrun handles a peer
//  that has noted a start unknown here.)
static uint64_t
s_find_identity (const zseq_node_t *self)
{
    uint64_t identity = 0;
    zseq_node_set_t forming = 0;
    zseq_node_set_t formed = 0;
    zseq_node_set_t peers = zseq_node_peer_set (self);
    for (uint8_t node = 0; node < self->record.members.n; node++) {
        const zseq_peer_t *peer = &self->peer[node];
        //  The identity derives from the incarnations with which the cluster
        //  formed.
        if (self->durable.vector.incarnation[node].counter == 0)
            return 0;
        if (node == self->record.self)
            continue;
        zseq_node_set_put (&forming, node, s_is_forming (self, node));
        if (!peer->cluster)
            continue;
        if (identity && identity != peer->cluster)
            return 0;
        identity = peer->cluster;
        zseq_node_set_put (&formed, node, s_lets_in (self, node));
    }
    if (identity)
        return (zseq_node_start_reached (self, formed) ||
                (formed | forming) == peers) &&
                   formed && zseq_node_start_all_heard (self)
                 ? identity
                 : 0;
    for (uint8_t node = 0; node < self->record.members.n; node++)
        if (self->durable.vector.incarnation[node].counter != 1)
            return 0;
    return forming == peers ? zseq_record_identity (&self->record) : 0;
}

//  Whether the peers are a quorum only all together.
static bool
s_needs_every_peer (const zseq_node_t *self)
{
    const zseq_quorum_t *quorum = &self->record.members.quorum;
    zseq_node_set_t peers = zseq_node_peer_set (self);
    if (!zseq_quorum_reached (quorum, ZSEQ_QUORUM_WRITE, peers))
        return false;
    for (uint8_t node = 0; node < self->record.members.n; node++) {
        zseq_node_set_t others = peers;
        zseq_node_set_remove (&others, node);
        if (others != peers &&
            zseq_quorum_reached (quorum, ZSEQ_QUORUM_WRITE, others))
            return false;
    }
    return true;
}

//  The peers that need not note a first start. Where every peer would have to,
//  a recovering peer cannot, as it asks no node who it is. It need not either:
//  every other node has to answer its recovery, this one too. Otherwise both
//  would wait for each other.
static zseq_node_set_t
s_excused (const zseq_node_t *self)
{
    zseq_node_set_t recovering = 0;
    if (!s_needs_every_peer (self))
        return recovering;
    for (uint8_t node = 0; node < self->record.members.n; node++)
        if (self->peer[node].state == ZSEQ_STATE_RECOVERING)
            zseq_node_set_add (&recovering, node);
    return recovering;
}

//  S11: more peers must note the start before a node's first vote than before
//  later ones. Any set of peers that another formation of this directory would
//  ask then contains one of them.
void
zseq_node_formation_maybe_vote (zseq_node_t *self)
{
    const zseq_record_t *record = &self->record;
    if (record->voting || record->identity || self->recovering ||
        self->stopping)
        return;
    if (!self->forming) {
        self->forming_identity = s_find_identity (self);
        if (!self->forming_identity)
            return;
        self->forming = true;
        if (record->members.n > 1)
            zseq_node_start_take (self);
    }
    zseq_node_set_t noted = zseq_node_start_noted_by (self);
    if (zseq_node_start_reached (self, noted) &&
        zseq_node_start_first_reached (self, noted | s_excused (self)))
        s_vote (self, self->forming_identity);
}
