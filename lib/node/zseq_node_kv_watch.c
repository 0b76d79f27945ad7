//  Tells clients that a key has a newer version. Source: lib/doc/wire.md,
//  section 19, KV-WATCH.

#include "zseq_node_private.h"

#include <assert.h>

//  How long a watch waits at most, so that one whose client is gone is dropped.
#define WAIT_US_MAX 60000000

static void
s_hint (const zseq_sender_t *sender, uint64_t request, uint64_t version,
        void *arg)
{
    zseq_node_t *self = arg;
    zseq_msg_t *reply =
      zseq_node_reply (self, ZSEQ_OP_KV_WATCH, request, ZSEQ_OK);
    reply->kv_watch = (zseq_msg_kv_watch_t){.version = version};
    zseq_node_send (self, sender);
}

void
zseq_node_kv_watch (zseq_node_t *self, const zseq_event_t *event)
{
    const zseq_msg_t *msg = event->msg;
    zseq_registers_view_t view;
    zseq_registers_find (self->kv.registers, msg->name, &view);
    uint64_t version = view.durable ? view.durable->record.version : 0;
    if (version > msg->kv_watch.above) {
        s_hint (&event->sender, msg->request, version, self);
        return;
    }
    uint64_t wait_us = msg->kv_watch.timeout_us < WAIT_US_MAX
                         ? msg->kv_watch.timeout_us
                         : WAIT_US_MAX;
    if (zseq_kv_watches_add (self->kv.watches, &event->sender, msg->request,
                             msg->name, msg->kv_watch.above,
                             self->now_us + wait_us) != ZSEQ_OK)
        zseq_node_refuse (self, event, ZSEQ_EBUSY);
}

void
zseq_node_kv_watch_note (zseq_node_t *self, const zseq_kv_group_t *group)
{
    if (!self->voting || zseq_kv_watches_count (self->kv.watches) == 0)
        return;
    for (size_t index = 0; index < group->count; index++) {
        const zseq_kv_change_t *change = &group->changes[index];
        if (change->type == ZSEQ_KV_CHANGE_RECORD)
            zseq_kv_watches_note (
              self->kv.watches, change->accepted->record.key,
              change->accepted->record.version, s_hint, self);
    }
}

void
zseq_node_kv_watch_tick (zseq_node_t *self)
{
    if (self->kv.watches)
        zseq_kv_watches_expire (self->kv.watches, self->now_us);
}
