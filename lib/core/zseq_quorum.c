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
