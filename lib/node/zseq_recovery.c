#include "zseq_recovery.h"

#include <assert.h>
#include <string.h>

void
zseq_recovery_init (zseq_recovery_t *self, const zseq_record_t *record)
{
    assert (self);
    assert (record);

    memset (self, 0, sizeof *self);
    self->self = record->self;
    self->quorum = record->members.quorum;
    self->newest = record->vector;
}

//  S4: a peer's answers count only in its newest known incarnation. It may have
//  lost its disk since, and with the disk our fence.
static bool
s_counts (const zseq_recovery_t *self, uint8_t peer)
{
    return zseq_incarnation_compare (&self->answers[peer].incarnation,
                                     &self->newest.incarnation[peer]) == 0;
}

bool
zseq_recovery_see (zseq_recovery_t *self, uint8_t peer,
                   const zseq_vector_t *vector)
{
    assert (self);
    assert (vector);
    assert (peer < self->newest.n);
    assert (peer != self->self);
    assert (vector->n == self->newest.n);

    zseq_vector_merge (&self->newest, vector);
    for (uint8_t node = 0; node < self->newest.n; node++) {
        if (s_counts (self, node))
            continue;
        self->keys_void |= self->answers[node].process != 0;
        memset (&self->answers[node], 0, sizeof self->answers[node]);
    }

    const zseq_incarnation_t *incarnation = &vector->incarnation[peer];
    if (zseq_incarnation_compare (incarnation, &self->newest.incarnation[peer]))
        return false;
    self->answers[peer].incarnation = *incarnation;
    return true;
}

void
zseq_recovery_forget_keys (zseq_recovery_t *self, uint8_t peer)
{
    assert (self);
    assert (peer < self->newest.n);

    zseq_peer_answers_t *answers = &self->answers[peer];
    answers->says_version = answers->keyed = answers->complete = false;
    answers->process = answers->keys_total = answers->keys_copied = 0;
    answers->after_key = (zseq_kv_cursor_t){.shard = 0};
}

zseq_node_set_t
zseq_recovery_asked (const zseq_recovery_t *self)
{
    assert (self);

    zseq_node_set_t asked = 0;
    for (uint8_t node = 0; node < self->newest.n; node++)
        zseq_node_set_put (&asked, node, self->answers[node].asked);
    return asked;
}

zseq_node_set_t
zseq_recovery_complete (const zseq_recovery_t *self)
{
    assert (self);

    zseq_node_set_t complete = 0;
    for (uint8_t node = 0; node < self->newest.n; node++)
        zseq_node_set_put (&complete, node, self->answers[node].complete);
    return complete;
}

bool
zseq_recovery_reached (const zseq_recovery_t *self, zseq_node_set_t nodes)
{
    assert (self);
    return zseq_quorum_reached (&self->quorum, ZSEQ_QUORUM_WRITE, nodes);
}

bool
zseq_recovery_superseded (const zseq_recovery_t *self,
                          const zseq_incarnation_t *incarnation)
{
    assert (self);
    assert (incarnation);
    return zseq_incarnation_compare (&self->newest.incarnation[self->self],
                                     incarnation) > 0;
}
