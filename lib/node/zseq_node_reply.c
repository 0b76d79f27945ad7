//  Makes replies with the fields that all have in common, and sends them to a
//  connection, the local client or the node's own coordinator.

#include "zseq_node_private.h"

#include <assert.h>

zseq_msg_t *
zseq_node_reply (zseq_node_t *self, zseq_op_t op, uint64_t request, int status)
{
    zseq_msg_t *reply = &self->reply;
    *reply = (zseq_msg_t){
      .op = op,
      .reply = true,
      .version = 1,
      .request = request,
      .cluster = self->record.identity,
      .status = status,
      .node = self->record.self,
      .congested = zseq_node_congested (self),
    };
    //  The incarnation of a node that does not vote may not be on its disk yet.
    reply->vector = self->voting ? self->record.vector : self->durable.vector;
    return reply;
}

//  Counts a refusal by its reason.
static void
s_count_refusal (zseq_node_t *self)
{
    zseq_counters_t *counters = &self->counters;
    switch (self->reply.status) {
    case ZSEQ_OK:
    case ZSEQ_ECONFLICT:  //  Counted among the stats
        break;
    case ZSEQ_EEXHAUSTED:
        counters->refused_exhausted++;
        break;
    case ZSEQ_ENOTVOTING:
        counters->refused_not_voting++;
        break;
    case ZSEQ_ENOSPACE:
        counters->refused_no_space++;
        break;
    case ZSEQ_EFULL:
        counters->refused_names_full++;
        break;
    case ZSEQ_EBUSY:
        counters->refused_busy++;
        break;
    case ZSEQ_EPROTOCOL:
        counters->refused_malformed++;
        break;
    default:
        counters->refused_other++;
    }
}

void
zseq_node_send (zseq_node_t *self, const zseq_sender_t *sender)
{
    if (sender->type == ZSEQ_SENDER_SELF && zseq_op_is_kv (self->reply.op)) {
        //  The coordinator answers clients meanwhile, with the scratch reply.
        zseq_msg_t reply = self->reply;
        zseq_kv_coordinator_reply (self->kv.coordinator, &reply, self->now_us);
        return;
    }
    if (sender->type == ZSEQ_SENDER_SELF) {
        zseq_coordinator_reply (self->coordinator, &self->reply, self->now_us);
        return;
    }
    s_count_refusal (self);
    zseq_action_t action = {
      .type = ZSEQ_ACTION_REPLY, .sender = sender, .msg = &self->reply};
    self->act (&action, self->arg);
}

void
zseq_node_refuse (zseq_node_t *self, const zseq_event_t *event, int status)
{
    zseq_msg_t *reply =
      zseq_node_reply (self, event->msg->op, event->msg->request, status);
    reply->version = event->msg->version;
    assert (status != ZSEQ_OK);
    zseq_node_send (self, &event->sender);
}
