//  Floors: no sequence goes on below them, known or not.

#include "zseq_node_private.h"

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
