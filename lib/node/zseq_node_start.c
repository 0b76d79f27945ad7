//  Starts. S11: before a node votes in a process it takes a start, and peers
//  note the start on their disks as they note incarnations. An old copy of a
//  directory does not know the newest start that a peer has noted. No peer
//  notes a start of a process that runs elsewhere than at the member's
//  endpoint.

#include "zseq_node_private.h"
#include "zseq_node_texts.h"

//  How long a starting node waits for silent peers, once enough peers have
//  noted its start: a silent peer might know a later start.
#define START_WAIT_US 1000000

//  A start in which no process has voted is taken again. If each counted, an
//  old copy could overtake the noted start by being started and killed often.
void
zseq_node_start_take (zseq_node_t *self)
{
    zseq_record_t *record = &self->record;
    zseq_start_t *start = &record->vector.start[record->self];
    if (start->counter && !record->start_voted)
        return;
    *start = (zseq_start_t){start->counter + 1, self->process};
    record->start_voted = false;
    //  start_voted on disk belongs to the previous start.
    self->durable.start_voted = false;
    self->version++;
}

//  The start of this node's current incarnation that a peer has noted.
static zseq_start_t
s_noted_start (const zseq_node_t *self, uint8_t peer)
{
    uint8_t me = self->record.self;
    const zseq_vector_t *vector = &self->peer[peer].vector;
    zseq_start_t none = {0, 0};
    return vector->n &&
               !zseq_incarnation_compare (&vector->incarnation[me],
                                          &self->record.vector.incarnation[me])
             ? vector->start[me]
             : none;
}

bool
zseq_node_start_fits (const zseq_node_t *self, const zseq_start_t *start)
{
    const zseq_start_t *mine = &self->record.vector.start[self->record.self];
    return start->counter < mine->counter || zseq_start_equal (start, mine);
}

bool
zseq_node_start_noted (const zseq_node_t *self, uint8_t index)
{
    const zseq_peer_t *peer = &self->peer[index];
    //  S4: the reply does not count if any node knows a newer incarnation of
    //  the peer.
    if (!peer->confirms ||
        zseq_incarnation_compare (&peer->vector.incarnation[index],
                                  &self->record.vector.incarnation[index]))
        return false;
    //  A peer that speaks version 1 notes no starts.
    if (!peer->extended)
        return true;
    zseq_start_t start = s_noted_start (self, index);
    return zseq_start_equal (&start,
                             &self->record.vector.start[self->record.self]) &&
           peer->seen == self->process && peer->floor <= self->durable.floor &&
           peer->floor_reserved <= self->durable.floor_reserved;
}

zseq_node_set_t
zseq_node_start_noted_by (const zseq_node_t *self)
{
    zseq_node_set_t noted = 0;
    for (uint8_t node = 0; node < self->record.members.n; node++)
        if (node != self->record.self && zseq_node_start_noted (self, node))
            zseq_node_set_add (&noted, node);
    return noted;
}

bool
zseq_node_start_all_heard (const zseq_node_t *self)
{
    if (self->now_us - self->begun_us >= START_WAIT_US)
        return true;
    for (uint8_t node = 0; node < self->record.members.n; node++)
        if (node != self->record.self && !self->peer[node].state)
            return false;
    return true;
}

bool
zseq_node_start_first_reached (const zseq_node_t *self, zseq_node_set_t peers)
{
    return zseq_quorum_reached (&self->record.members.quorum, ZSEQ_QUORUM_WRITE,
                                peers) ||
           zseq_node_set_includes (peers, zseq_node_peer_set (self));
}

uint8_t
zseq_node_start_first_need (const zseq_node_t *self)
{
    uint8_t majority =
      zseq_quorum_size (&self->record.members.quorum, ZSEQ_QUORUM_WRITE);
    uint8_t peers = (uint8_t) (self->record.members.n - 1);
    return majority < peers ? majority : peers;
}

bool
zseq_node_start_reached (const zseq_node_t *self, zseq_node_set_t peers)
{
    zseq_node_set_add (&peers, self->record.self);
    return zseq_quorum_reached (&self->record.members.quorum, ZSEQ_QUORUM_WRITE,
                                peers);
}

//  How many peers must note a later start.
static uint8_t
s_need (const zseq_node_t *self)
{
    return (uint8_t) (zseq_quorum_size (&self->record.members.quorum,
                                        ZSEQ_QUORUM_WRITE) -
                      1);
}

//  S5, S11: the directory may be an old copy, whose incarnation has ended, or
//  of an older start. A majority of the peers answered any recovery that ended
//  the incarnation, so any majority less this node contains one of these peers.
void
zseq_node_start_maybe_vote (zseq_node_t *self)
{
    //  Grants below a floor that the node took over since are void.
    if (!self->starting || self->stopping || self->disk.writing > 0 ||
        self->record.floor != self->durable.floor ||
        self->record.floor_reserved != self->durable.floor_reserved)
        return;
    if (!zseq_node_start_reached (self, zseq_node_start_noted_by (self)) ||
        !zseq_node_start_all_heard (self))
        return;
    if (self->durable.start_voted)
        zseq_node_vote (self);
    else if (!self->record.start_voted) {
        self->record.start_voted = true;
        self->version++;
    }
}

void
zseq_node_start_begin (zseq_node_t *self)
{
    if (self->record.members.n == 1) {
        zseq_node_vote (self);
        return;
    }
    zseq_node_start_take (self);
    zseq_node_log (self, ZSEQ_LOG (STARTS),
                   zseq_node_name (self, self->record.self), s_need (self),
                   self->record.members.n - 1);
}

void
zseq_node_start_note (zseq_node_t *self, uint8_t peer,
                      const zseq_start_t *start)
{
    if (zseq_start_merge (&self->record.vector.start[peer], start))
        self->version++;
}
