#include "zseq_kv_nodes.h"

#include <assert.h>
#include <string.h>

#include "zseq_kv_times.h"

//  How long a coordinator may be silent.
#define SILENCE_US_MAX 1000000
#define SILENCE_ROUND_TRIPS 8
//  By what a late answer counts at most: a part of a silence.
#define LATE_SHARE 4
//  How long a node that was silent is passed over.
#define PAUSE_US_MIN 100000
#define PAUSE_US_MAX 5000000

void
zseq_kv_nodes_init (zseq_kv_nodes_t *self, uint8_t n)
{
    assert (self);
    assert (n >= 1);
    assert (n <= ZSEQ_NODES_MAX);

    memset (self, 0, sizeof *self);
    self->n = n;
    zseq_coordinator_rank_init (&self->rank, n);
}

void
zseq_kv_nodes_set_name (zseq_kv_nodes_t *self, uint8_t node, const char *name,
                        size_t size)
{
    assert (self);
    zseq_coordinator_rank_set_name (&self->rank, node, name, size);
}

static bool
s_is_up (const zseq_kv_nodes_t *self, uint8_t node, uint64_t now_us)
{
    return now_us >= self->node[node].down_us;
}

uint8_t
zseq_kv_nodes_coordinator (const zseq_kv_nodes_t *self, uint8_t shard,
                           zseq_node_set_t passed, uint64_t now_us)
{
    assert (self);
    assert (shard < ZSEQ_SHARDS);

    const char name = (char) shard;
    uint8_t ranking[ZSEQ_NODES_MAX];
    zseq_coordinator_rank_nodes (&self->rank, &name, 1, ranking);
    uint8_t down = self->n;
    for (uint8_t at = self->n; at-- > 0;)
        if (!zseq_node_set_has (passed, ranking[at]))
            down = ranking[at];
    for (uint8_t at = 0; at < self->n; at++)
        if (!zseq_node_set_has (passed, ranking[at]) &&
            s_is_up (self, ranking[at], now_us))
            return ranking[at];
    return down;
}

uint8_t
zseq_kv_nodes_near (const zseq_kv_nodes_t *self, uint64_t random,
                    uint64_t now_us)
{
    assert (self);

    uint8_t up[ZSEQ_NODES_MAX];
    uint8_t count = 0;
    for (uint8_t node = 0; node < self->n; node++)
        if (s_is_up (self, node, now_us))
            up[count++] = node;
    if (count == 0)
        return (uint8_t) (random % self->n);
    uint8_t first = up[random % count];
    uint8_t second = up[(random >> 32) % count];
    //  A node that was not measured yet counts as fast, so that it is.
    return self->node[second].rtt_us < self->node[first].rtt_us ? second
                                                                : first;
}

uint64_t
zseq_kv_nodes_silence_us (const zseq_kv_nodes_t *self)
{
    assert (self);

    uint64_t silence_us = SILENCE_ROUND_TRIPS * self->served_us;
    if (silence_us < ZSEQ_KV_SILENCE_US)
        return ZSEQ_KV_SILENCE_US;
    return silence_us < SILENCE_US_MAX ? silence_us : SILENCE_US_MAX;
}

bool
zseq_kv_nodes_lost (const zseq_kv_nodes_t *self, uint8_t node)
{
    assert (self);
    assert (node < self->n);
    return self->reaches && !self->reaches (self->arg, node);
}

void
zseq_kv_nodes_heard (zseq_kv_nodes_t *self, uint8_t node, uint64_t now_us)
{
    assert (self);
    assert (node < self->n);
    self->node[node].heard_us = now_us;
    self->node[node].silent = false;
}

void
zseq_kv_nodes_note_silent (zseq_kv_nodes_t *self, zseq_node_set_t nodes)
{
    assert (self);

    for (uint8_t node = 0; node < self->n; node++)
        if (zseq_node_set_has (nodes, node))
            self->node[node].silent = true;
}

zseq_node_set_t
zseq_kv_nodes_silent (const zseq_kv_nodes_t *self)
{
    assert (self);

    zseq_node_set_t nodes = 0;
    for (uint8_t node = 0; node < self->n; node++)
        zseq_node_set_put (&nodes, node, self->node[node].silent);
    return nodes;
}

//  Weight of a new measure in the typical one: 1 / 8, as TCP has it (RFC 6298).
static uint64_t
s_typical (uint64_t typical_us, uint64_t measured_us)
{
    return typical_us ? (7 * typical_us + measured_us + 7) / 8
                      : measured_us + 1;
}

void
zseq_kv_nodes_note_read (zseq_kv_nodes_t *self, uint8_t node, uint64_t rtt_us)
{
    assert (self);
    assert (node < self->n);
    self->node[node].rtt_us = s_typical (self->node[node].rtt_us, rtt_us);
}

//  A coordinator that has to take a ballot first takes much longer than usual.
//  So shorter times count for more, and one long time is soon forgotten.
static void
s_note_served (zseq_kv_nodes_t *self, uint64_t served_us)
{
    self->served_us = self->served_us > served_us
                        ? (self->served_us + served_us + 1) / 2
                        : s_typical (self->served_us, served_us);
}

void
zseq_kv_nodes_note_served (zseq_kv_nodes_t *self, uint8_t node,
                           uint64_t served_us)
{
    assert (self);
    assert (node < self->n);

    s_note_served (self, served_us);
    self->node[node].pause_us = 0;
    self->node[node].down_us = 0;
}

void
zseq_kv_nodes_note_served_late (zseq_kv_nodes_t *self, uint8_t node,
                                uint64_t served_us)
{
    assert (self);
    assert (node < self->n);

    uint64_t most_us = zseq_kv_nodes_silence_us (self) / LATE_SHARE;
    bool first = self->served_us == 0;
    s_note_served (self, first || served_us < most_us ? served_us : most_us);
    self->node[node].down_us = 0;
}

void
zseq_kv_nodes_note_failed (zseq_kv_nodes_t *self, uint8_t node, uint64_t now_us)
{
    assert (self);
    assert (node < self->n);

    zseq_kv_node_t *failed = &self->node[node];
    if (!s_is_up (self, node, now_us))
        return;
    failed->pause_us = failed->pause_us ? 2 * failed->pause_us : PAUSE_US_MIN;
    if (failed->pause_us > PAUSE_US_MAX)
        failed->pause_us = PAUSE_US_MAX;
    failed->down_us = now_us + failed->pause_us;
}
