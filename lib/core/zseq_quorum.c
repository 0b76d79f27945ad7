#include "zseq_quorum.h"

#include <assert.h>

uint8_t
zseq_quorum_majority (uint8_t n)
{
    assert (n >= 1);
    return (uint8_t) (n / 2 + 1);
}

int
zseq_quorum_init (zseq_quorum_t *self, size_t n, size_t r, size_t w)
{
    assert (self);

    if (n < 1 || n > ZSEQ_NODES_MAX || r > n || w > n)
        return ZSEQ_EQUORUM;

    //  S2: any two sets of w_min nodes share one, and so do any set of w_min
    //  and any of r_min.
    size_t w_min = zseq_quorum_majority ((uint8_t) n);
    size_t r_min = n - w_min + 1;
    if ((w && w < w_min) || (r && r < r_min))
        return ZSEQ_EQUORUM;

    self->n = (uint8_t) n;
    self->r = (uint8_t) (r ? r : r_min);
    self->w = (uint8_t) (w ? w : w_min);
    return ZSEQ_OK;
}

uint8_t
zseq_quorum_size (const zseq_quorum_t *self, zseq_quorum_kind_t kind)
{
    assert (self);
    assert (kind);

    uint8_t r = kind & ZSEQ_QUORUM_READ ? self->r : 0;
    uint8_t w = kind & ZSEQ_QUORUM_WRITE ? self->w : 0;
    return r > w ? r : w;
}

bool
zseq_quorum_reached (const zseq_quorum_t *self, zseq_quorum_kind_t kind,
                     zseq_node_set_t nodes)
{
    assert (self);

    return zseq_node_set_count (nodes & zseq_node_set_first (self->n)) >=
           zseq_quorum_size (self, kind);
}

bool
zseq_quorum_writes_by_majority (const zseq_quorum_t *self)
{
    assert (self);
    return self->w == zseq_quorum_majority (self->n);
}
