//  Floors: the least next of every sequence, whether the node knows it or not.
//  An operator's recovery by force raises them, and peers take them over.

#include "zseq_node_private.h"
#include "zseq_node_texts.h"

uint64_t
zseq_node_floor (const zseq_node_t *self, zseq_slice_t name)
{
    if (!zseq_flake_reserved (name.data, name.size))
        return self->record.floor;
    zseq_flake_layout_t layout;
    uint32_t worker;
    if (zseq_flake_parse (name.data, name.size, &layout, &worker) != ZSEQ_OK)
        return 1;
    uint64_t floor = zseq_flake_ms (&layout, self->record.floor_reserved);
    return floor ? floor : 1;
}

void
zseq_node_floor_take (zseq_node_t *self, uint8_t peer, const zseq_msg_t *msg)
{
    zseq_record_t *record = &self->record;
    bool higher = msg->introduce.floor > record->floor ||
                  msg->introduce.floor_reserved > record->floor_reserved;
    if (!msg->extended || !higher)
        return;
    if (msg->introduce.floor > record->floor)
        record->floor = msg->introduce.floor;
    if (msg->introduce.floor_reserved > record->floor_reserved)
        record->floor_reserved = msg->introduce.floor_reserved;
    self->version++;
    zseq_node_log (
      self, ZSEQ_LOG (FLOORS_TAKEN), zseq_node_name (self, record->self),
      zseq_node_name (self, peer), (unsigned long long) record->floor);
    //  This includes a first vote that is being written.
    if (!record->voting || self->starting)
        return;
    zseq_node_suspend (self);
    self->starting = true;
}

void
zseq_node_floor_force (zseq_node_t *self)
{
    zseq_record_t *record = &self->record;
    uint64_t latest_ms = self->wall_ms + ZSEQ_FLAKE_AHEAD_MS;
    if (self->recovery.forced && record->floor < self->recovery.force.floor)
        record->floor = self->recovery.force.floor;
    if (self->recovery.forced && record->floor_reserved < latest_ms)
        record->floor_reserved = latest_ms;
}
