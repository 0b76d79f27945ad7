//  The node's state: begins and ends its voting, and refuses requests while it
//  does not vote.

#include "zseq_node_private.h"

#include <assert.h>

#include "zseq_node_texts.h"

zseq_state_t
zseq_node_state (const zseq_node_t *self)
{
    assert (self);

    if (self->stopping)
        return ZSEQ_STATE_STOPPING;
    if (self->voting)
        return ZSEQ_STATE_VOTING;
    if (self->recovering || zseq_record_incomplete (&self->record))
        return ZSEQ_STATE_RECOVERING;
    if (self->starting)
        return ZSEQ_STATE_STARTING;
    return zseq_vector_complete (&self->durable.vector) ? ZSEQ_STATE_COMPLETE
                                                        : ZSEQ_STATE_FORMING;
}

void
zseq_node_vote (zseq_node_t *self)
{
    self->voting = true;
    self->starting = false;
    self->recovering = false;
    self->recovery.requested = false;
    self->recovery.forced = false;
    zseq_node_log (
      self, ZSEQ_LOG (READY), zseq_node_name (self, self->record.self),
      self->record.cluster, self->record.members.n,
      (unsigned long long) self->record.vector.incarnation[self->record.self]
        .counter,
      zseq_table_count (self->table));
    if (self->stats.burnt && !self->logged_burnt)
        zseq_node_log (self, ZSEQ_LOG (BURNT),
                       (unsigned long long) self->stats.burnt);
    self->logged_burnt = true;
}

void
zseq_node_suspend (zseq_node_t *self)
{
    self->voting = false;
    zseq_sequence_t *const lists[] = {self->queue.dirty, self->queue.fresh};
    for (size_t list = 0; list < sizeof lists / sizeof *lists; list++)
        for (zseq_sequence_t *sequence = lists[list]; sequence;
             sequence = sequence->dirty)
            zseq_node_release (self, sequence, UINT64_MAX, ZSEQ_ENOTVOTING);
    zseq_node_kv_drop (self);
    self->kv.refused = 0;
    zseq_coordinator_end (self->coordinator, ZSEQ_ENOTVOTING);
    if (self->kv.coordinator)
        zseq_kv_coordinator_end (self->kv.coordinator, ZSEQ_ENOTVOTING);
}

bool
zseq_node_admit (zseq_node_t *self, const zseq_event_t *event)
{
    const zseq_msg_t *msg = event->msg;
    if (!self->voting || self->stopping) {
        zseq_node_refuse (self, event, ZSEQ_ENOTVOTING);
        return false;
    }
    if (msg->cluster != self->record.identity) {
        zseq_node_refuse (self, event, ZSEQ_ECLUSTER);
        return false;
    }
    return true;
}
