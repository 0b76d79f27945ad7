//  Birth: how nodes that were formatted become a cluster. All have to meet
//  once, and write down the same lives.

#include "zseq_node_private.h"

static void
s_vote (zseq_node_t *self, uint64_t identity)
{
    self->record.identity = identity;
    self->record.start_voted = true;
    self->record.voting = true;
    self->version++;
}

//  Whether a peer waits for its birth, too, and has written down the same lives.
static bool
s_is_forming (const zseq_node_t *self, uint8_t node)
{
    const zseq_peer_t *peer = &self->peer[node];
    return (peer->state == ZSEQ_STATE_FORMING ||
            peer->state == ZSEQ_STATE_COMPLETE) &&
           !peer->cluster &&
           zseq_vector_equal (&peer->vector, &self->durable.vector);
}

//  Whether a peer of a cluster that was born already knows this very node, and
//  may let it in.
static bool
s_lets_in (const zseq_node_t *self, uint8_t node)
{
    const zseq_peer_t *peer = &self->peer[node];
    uint8_t me = self->record.self;
    return peer->cluster && peer->state != ZSEQ_STATE_RECOVERING &&
           zseq_vector_complete (&peer->vector) &&
           !zseq_incarnation_compare (&peer->vector.life[node],
                                      &self->record.vector.life[node]) &&
           !zseq_incarnation_compare (&peer->vector.life[me],
                                      &self->record.vector.life[me]);
}

//  The identity with which this node may be born; 0: not yet. S5: every node has
//  met every other: then all have written down the same lives, to which each has
//  brought its own. S11: none of those that were born, be they voting or not, has
//  noted a start of this node: it would have been born before, and this directory
//  would be an old one. (Who has noted one that is not known here, voting or not,
//  born or not, is dealt with in s_outrun.)
static uint64_t
s_find_identity (const zseq_node_t *self)
{
    uint64_t identity = 0;
    zseq_node_set_t forming = 0;
    zseq_node_set_t formed = 0;
    zseq_node_set_t peers = zseq_node_peer_set (self);
    for (uint8_t node = 0; node < self->record.members.n; node++) {
        const zseq_peer_t *peer = &self->peer[node];
        //  The identity is that of the lives that all were born with.
        if (self->durable.vector.life[node].counter == 0)
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
        if (self->durable.vector.life[node].counter != 1)
            return 0;
    return forming == peers ? zseq_record_identity (&self->record) : 0;
}

//  Whether the peers are a quorum only if none of them is missing.
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

//  Where every peer would have to note a first start, one that recovers cannot:
//  it asks nobody. It need not either, as every other node has to answer its
//  recovery, this one too. (They would wait for each other.)
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

//  S11: before its first vote more peers note the start than later: so many that
//  any that are asked at another birth of this directory hold one of them.
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
