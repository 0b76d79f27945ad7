//  Positions of journals: tells peers how far this node's journal is durable,
//  and remembers what they have told. A peer that starts is told what was heard
//  of it; if its journal ends below, that has lost its end. Source: kv.md, K17.

#include "zseq_node_private.h"

#include <assert.h>

void
zseq_node_load_heard (zseq_node_t *self, uint8_t node,
                      const zseq_journal_end_t *end)
{
    assert (self);
    assert (!self->begun);
    assert (end);

    zseq_node_kv_hear (self, node, end);
}

void
zseq_node_kv_say_end (const zseq_node_t *self, zseq_msg_t *msg)
{
    if (!msg->reply) {
        msg->node = self->record.self;
        msg->end.incarnation =
          self->record.vector.incarnation[self->record.self];
    }
    msg->end.position = self->kv.durable;
}

void
zseq_node_kv_hear (zseq_node_t *self, uint8_t node,
                   const zseq_journal_end_t *end)
{
    if (node < self->record.members.n && node != self->record.self)
        (void) zseq_journal_end_raise (&self->kv.heard[node], end);
}

void
zseq_node_kv_hear_reply (zseq_node_t *self, const zseq_msg_t *msg)
{
    zseq_journal_end_t end = {.incarnation = msg->vector.incarnation[msg->node],
                              .position = msg->end.position};
    zseq_node_kv_hear (self, msg->node, &end);
}

uint64_t
zseq_node_kv_heard (const zseq_node_t *self, uint8_t node,
                    const zseq_incarnation_t *incarnation)
{
    const zseq_journal_end_t *end = &self->kv.heard[node];
    int order = zseq_incarnation_compare (&end->incarnation, incarnation);
    if (order == 0)
        return end->position;
    //  The recovery that began a later incarnation wrote a group, unless it was
    //  one of a version without keys.
    return order < 0 && end->position > 0 ? 1 : 0;
}
