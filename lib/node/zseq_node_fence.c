//  Answers FENCE and COPY: a recovering peer first asks this node to put its
//  new incarnation in force, then copies this node's sequences.

#include "zseq_node_private.h"

//  Whether the request of a recovering peer is admitted: its new incarnation is
//  in force here and on disk. Anybody could claim an incarnation, so this node
//  does not believe the request; it asks at the peer's endpoint.
static bool
s_admit_fenced (zseq_node_t *self, const zseq_event_t *event)
{
    const zseq_msg_t *msg = event->msg;
    const zseq_msg_recovery_t *recovery = zseq_msg_recovery (msg);
    //  A recovery by force also copies from a node that does not vote yet.
    if (self->starting && recovery->forced && !self->stopping) {
        if (msg->cluster != self->record.identity) {
            zseq_node_refuse (self, event, ZSEQ_ECLUSTER);
            return false;
        }
    }
    else if (!zseq_node_admit (self, event))
        return false;
    if (msg->node >= self->record.members.n || msg->node == self->record.self) {
        zseq_node_refuse (self, event, ZSEQ_EMEMBERS);
        return false;
    }
    zseq_peer_t *peer = &self->peer[msg->node];
    int order = zseq_incarnation_compare (
      &recovery->incarnation, &self->record.vector.incarnation[msg->node]);
    bool claimed =
      !zseq_incarnation_compare (&recovery->incarnation, &peer->claimed);
    if (order > 0 && !claimed) {
        peer->claimed = recovery->incarnation;
        peer->checking = false;
        peer->disproved = false;
    }
    if (order > 0)
        zseq_node_ask_soon (self, msg->node);
    bool durable = !zseq_incarnation_compare (
      &recovery->incarnation, &self->durable.vector.incarnation[msg->node]);
    if (order == 0 && durable)
        return true;
    bool refused =
      order < 0 || (claimed && peer->disproved) || msg->op == ZSEQ_OP_COPY;
    zseq_node_refuse (self, event, refused ? ZSEQ_ESUPERSEDED : ZSEQ_EAGAIN);
    return false;
}

void
zseq_node_fence_answer (zseq_node_t *self, const zseq_event_t *event)
{
    if (!s_admit_fenced (self, event))
        return;
    zseq_msg_t *reply =
      zseq_node_reply (self, ZSEQ_OP_FENCE, event->msg->request, ZSEQ_OK);
    reply->version = event->msg->version;
    reply->extended = true;
    reply->fence.floor = self->record.floor;
    reply->fence.floor_reserved = self->record.floor_reserved;
    reply->fence.sequences = zseq_table_count (self->table);
    zseq_node_send (self, &event->sender);
}

void
zseq_node_fence_copy (zseq_node_t *self, const zseq_event_t *event)
{
    if (s_admit_fenced (self, event))
        zseq_node_answer_page (self, event, (zseq_slice_t){"", 0},
                               ZSEQ_PAGE_MAX);
}
