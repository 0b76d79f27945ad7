#include "zseq_tally.h"

#include <assert.h>
#include <string.h>

void
zseq_tally_init (zseq_tally_t *self, uint8_t n)
{
    assert (self);
    assert (n >= 1);
    assert (n <= ZSEQ_NODES_MAX);

    memset (self, 0, sizeof *self);
    self->n = n;
    self->newest.n = n;
}

//  S4: what a node said in an incarnation that has ended may be forgotten.
static void
s_judge (zseq_tally_t *self, uint8_t node)
{
    const zseq_vote_t *vote = &self->vote[node];
    bool counts = vote->present &&
                  zseq_incarnation_compare (
                    &vote->incarnation, &self->newest.incarnation[node]) == 0;
    zseq_node_set_put (&self->counting, node, counts);
}

void
zseq_tally_learn (zseq_tally_t *self, const zseq_vector_t *vector)
{
    assert (self);
    assert (vector);

    if (!zseq_vector_merge (&self->newest, vector))
        return;
    for (uint8_t node = 0; node < self->n; node++)
        s_judge (self, node);
}

bool
zseq_tally_add (zseq_tally_t *self, const zseq_msg_t *reply)
{
    assert (self);
    assert (reply);
    assert (reply->reply);

    if (reply->node >= self->n || reply->vector.n != self->n)
        return false;

    //  Even a reply that is not kept tells of newer incarnations.
    zseq_tally_learn (self, &reply->vector);

    //  S3: one vote per node, whatever socket it came over.
    zseq_vote_t *vote = &self->vote[reply->node];
    const zseq_incarnation_t *incarnation =
      &reply->vector.incarnation[reply->node];
    if (vote->present &&
        zseq_incarnation_compare (incarnation, &vote->incarnation) <= 0)
        return false;

    vote->present = true;
    vote->status = reply->status;
    vote->next = zseq_msg_next (reply);
    vote->incarnation = *incarnation;
    s_judge (self, reply->node);
    return true;
}

bool
zseq_tally_counts (const zseq_tally_t *self, uint8_t node)
{
    assert (self);
    assert (node < self->n);

    return zseq_node_set_has (self->counting, node);
}

zseq_node_set_t
zseq_tally_nodes (const zseq_tally_t *self, int status)
{
    assert (self);

    zseq_node_set_t nodes = 0;
    for (uint8_t node = 0; node < self->n; node++)
        if (self->vote[node].status == status && zseq_tally_counts (self, node))
            zseq_node_set_add (&nodes, node);
    return nodes;
}
