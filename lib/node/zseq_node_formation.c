//  Birth: how nodes that were formatted become a cluster. All have to meet
//  once, and write down the same lives.

#include "zseq_node_private.h"

#include "zseq_quorum.h"

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
s_unborn (const zseq_node_t *self, uint8_t node)
{
    const zseq_peer_t *peer = &self->peer[node];
    return (peer->state == ZSEQ_STATE_BIRTH ||
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
s_find_birth (const zseq_node_t *self)
{
    uint64_t identity = 0;
    uint8_t unborn = 0;
    uint8_t born = 0;
    uint8_t peers = (uint8_t) (self->record.members.n - 1);
    for (uint8_t node = 0; node < self->record.members.n; node++) {
        const zseq_peer_t *peer = &self->peer[node];
        //  The identity is that of the lives that all were born with.
        if (self->durable.vector.life[node].counter == 0)
            return 0;
        if (node == self->record.self)
            continue;
        unborn += s_unborn (self, node);
        if (!peer->cluster)
            continue;
        if (identity && identity != peer->cluster)
            return 0;
        identity = peer->cluster;
        born += s_lets_in (self, node);
    }
    if (identity)
        return (born >= zseq_node_start_need (self) ||
                born + unborn == peers) &&
                   born > 0 && zseq_node_start_all_heard (self)
                 ? identity
                 : 0;
    for (uint8_t node = 0; node < self->record.members.n; node++)
        if (self->durable.vector.life[node].counter != 1)
            return 0;
    return unborn == peers ? zseq_record_identity (&self->record) : 0;
}

//  Where every peer would have to note a first start, one that recovers cannot:
//  it asks nobody. It need not either, as every other node has to answer its
//  recovery, this one too. (They would wait for each other.)
static uint8_t
s_count_recovering (const zseq_node_t *self)
{
    uint8_t need = zseq_quorum_majority (self->record.members.n);
    if (need != self->record.members.n - 1)
        return 0;
    uint8_t count = 0;
    for (uint8_t node = 0; node < self->record.members.n; node++)
        if (self->peer[node].state == ZSEQ_STATE_RECOVERING)
            count++;
    return count;
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
    if (!self->bearing) {
        self->birth = s_find_birth (self);
        if (!self->birth)
            return;
        self->bearing = true;
        if (record->members.n > 1)
            zseq_node_start_take (self);
    }
    uint8_t noted = zseq_node_start_count_noted (self);
    if (noted >= zseq_node_start_need (self) &&
        noted + s_count_recovering (self) >= zseq_node_start_first_need (self))
        s_vote (self, self->birth);
}
