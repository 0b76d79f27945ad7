#include "zseq_coordinator_rank.h"

#include <assert.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

//  The pause before the first probe of a node that did not answer.
#define PAUSE_US_MIN 50000
#define PAUSE_US_MAX 10000000

void
zseq_coordinator_rank_init (zseq_coordinator_rank_t *self, uint8_t n)
{
    assert (self);
    assert (n <= ZSEQ_NODES_MAX);

    memset (self, 0, sizeof *self);
    self->n = n;
    self->self = n;
}

void
zseq_coordinator_rank_set_self (zseq_coordinator_rank_t *self, uint8_t node)
{
    assert (self);
    assert (node < self->n);
    self->self = node;
}

void
zseq_coordinator_rank_set_name (zseq_coordinator_rank_t *self, uint8_t node,
                                const char *name, size_t size)
{
    assert (self);
    assert (node < self->n);
    self->candidate[node].label = XXH3_64bits (name, size);
}

void
zseq_coordinator_rank_nodes (const zseq_coordinator_rank_t *self,
                             const char *name, size_t size, uint8_t *ranking)
{
    assert (self);
    assert (name);
    assert (ranking);

    uint64_t weight[ZSEQ_NODES_MAX];
    for (uint8_t node = 0; node < self->n; node++) {
        weight[node] =
          XXH3_64bits_withSeed (name, size, self->candidate[node].label);
        uint8_t at = node;
        for (; at > 0 && weight[ranking[at - 1]] < weight[node]; at--)
            ranking[at] = ranking[at - 1];
        ranking[at] = node;
    }
}

uint8_t
zseq_coordinator_rank_choose (const zseq_coordinator_rank_t *self,
                              const uint8_t *ranking)
{
    assert (self);
    assert (ranking);

    for (uint8_t at = 0; at < self->n; at++)
        if (!self->candidate[ranking[at]].down)
            return ranking[at];
    return self->n;
}

void
zseq_coordinator_rank_mark_down (zseq_coordinator_rank_t *self, uint8_t node,
                                 uint64_t now_us)
{
    assert (self);
    assert (node < self->n);

    zseq_candidate_t *candidate = &self->candidate[node];
    if (candidate->down)
        return;
    candidate->down = true;
    candidate->probe = 0;
    if (!candidate->pause_us)
        candidate->pause_us = PAUSE_US_MIN;
    candidate->probe_us = now_us + candidate->pause_us;
}

void
zseq_coordinator_rank_note_served (zseq_coordinator_rank_t *self, uint8_t node)
{
    assert (self);
    assert (node < self->n);
    self->candidate[node].pause_us = 0;
}

bool
zseq_coordinator_rank_probe_due (const zseq_coordinator_rank_t *self,
                                 uint8_t node, uint64_t now_us)
{
    assert (self);
    assert (node < self->n);

    const zseq_candidate_t *candidate = &self->candidate[node];
    return candidate->down && now_us >= candidate->probe_us;
}

void
zseq_coordinator_rank_probe (zseq_coordinator_rank_t *self, uint8_t node,
                             uint64_t request, uint64_t now_us)
{
    assert (self);
    assert (node < self->n);
    assert (request);

    zseq_candidate_t *candidate = &self->candidate[node];
    candidate->probe = request;
    candidate->probe_us = now_us + candidate->pause_us;
    candidate->pause_us *= 2;
    if (candidate->pause_us > PAUSE_US_MAX)
        candidate->pause_us = PAUSE_US_MAX;
}

bool
zseq_coordinator_rank_probe_reply (zseq_coordinator_rank_t *self, uint8_t node,
                                   uint64_t request, int status)
{
    assert (self);

    if (node >= self->n || !request || self->candidate[node].probe != request)
        return false;
    if (status == ZSEQ_OK)
        self->candidate[node].down = false;
    self->candidate[node].probe = 0;
    return true;
}
