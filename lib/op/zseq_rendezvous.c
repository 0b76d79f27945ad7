#include "zseq_rendezvous.h"

#include <assert.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

//  How soon a node that did not answer is asked whether it does by now.
#define PAUSE_US_MIN 50000
#define PAUSE_US_MAX 10000000

void
zseq_rendezvous_init (zseq_rendezvous_t *self, uint8_t n)
{
    assert (self);
    assert (n <= ZSEQ_NODES_MAX);

    memset (self, 0, sizeof *self);
    self->n = n;
}

void
zseq_rendezvous_set_name (zseq_rendezvous_t *self, uint8_t node,
                          const char *name, size_t size)
{
    assert (self);
    assert (node < self->n);
    self->candidate[node].label = XXH3_64bits (name, size);
}

void
zseq_rendezvous_order (const zseq_rendezvous_t *self, const char *name,
                       size_t size, uint8_t *order)
{
    assert (self);
    assert (name);
    assert (order);

    uint64_t weight[ZSEQ_NODES_MAX];
    for (uint8_t node = 0; node < self->n; node++) {
        weight[node] =
          XXH3_64bits_withSeed (name, size, self->candidate[node].label);
        uint8_t at = node;
        for (; at > 0 && weight[order[at - 1]] < weight[node]; at--)
            order[at] = order[at - 1];
        order[at] = node;
    }
}

uint8_t
zseq_rendezvous_choose (const zseq_rendezvous_t *self, const uint8_t *order)
{
    assert (self);
    assert (order);

    for (uint8_t at = 0; at < self->n; at++)
        if (!self->candidate[order[at]].passed)
            return order[at];
    return self->n;
}

void
zseq_rendezvous_pass (zseq_rendezvous_t *self, uint8_t node, uint64_t now_us)
{
    assert (self);
    assert (node < self->n);

    zseq_candidate_t *candidate = &self->candidate[node];
    if (candidate->passed)
        return;
    candidate->passed = true;
    candidate->probe = 0;
    if (!candidate->pause_us)
        candidate->pause_us = PAUSE_US_MIN;
    candidate->probe_us = now_us + candidate->pause_us;
}

void
zseq_rendezvous_meet (zseq_rendezvous_t *self, uint8_t node)
{
    assert (self);
    assert (node < self->n);
    self->candidate[node].pause_us = 0;
}

bool
zseq_rendezvous_doubtful (const zseq_rendezvous_t *self, uint8_t node,
                          uint64_t now_us)
{
    assert (self);
    assert (node < self->n);

    const zseq_candidate_t *candidate = &self->candidate[node];
    return candidate->passed && now_us >= candidate->probe_us;
}

void
zseq_rendezvous_probe (zseq_rendezvous_t *self, uint8_t node, uint64_t request,
                       uint64_t now_us)
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
zseq_rendezvous_hear (zseq_rendezvous_t *self, uint8_t node, uint64_t request,
                      int status)
{
    assert (self);

    if (node >= self->n || !request || self->candidate[node].probe != request)
        return false;
    if (status == ZSEQ_OK)
        self->candidate[node].passed = false;
    self->candidate[node].probe = 0;
    return true;
}
