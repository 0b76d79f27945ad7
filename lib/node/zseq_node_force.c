//  Recovery by force: where too few peers vote, the operator lets a node
//  recover without them. The node waits for every peer that answers. It skips
//  no peer that may hold sequences or may let an old copy vote.

#include "zseq_node_private.h"

#include <stdio.h>

#include "zseq_node_texts.h"

//  Whether a peer has answered all that this phase asks, or has nothing to
//  answer because it recovers too.
static bool
s_is_heard (const zseq_node_t *self, uint8_t node)
{
    const zseq_peer_answers_t *answers = &self->recovery.attempt.answers[node];
    const zseq_peer_t *peer = &self->peer[node];
    return (self->recovery.phase == PHASE_ASK ? answers->asked
                                              : answers->complete) ||
           (peer->state == ZSEQ_STATE_RECOVERING && !peer->holds_vote);
}

bool
zseq_node_force_waited (const zseq_node_t *self)
{
    if (!self->recovery.forced)
        return false;
    bool all = true;
    for (uint8_t node = 0; node < self->record.members.n; node++)
        all = all &&
              (node == self->record.self || s_is_heard (self, node) ||
               (self->recovery.phase == PHASE_ASK && self->peer[node].cluster));
    return all || self->now_us - self->recovery.progress_us >=
                    self->recovery.force.wait_us;
}

//  Names of nodes, with commas between them.
typedef struct {
    char text[ZSEQ_NODES_MAX * (ZSEQ_LABEL_MAX + 2)];
    size_t size;
} s_names_t;

static void
s_add_name (const zseq_node_t *self, s_names_t *names, uint8_t node)
{
    names->size += (size_t) snprintf (
      names->text + names->size, sizeof names->text - names->size, "%s%s",
      names->size ? "," : "", zseq_node_name (self, node));
}

//  Whether a peer can no longer confirm an older incarnation of this node: it
//  knows the new one, or it will ask voters itself, or its directory is gone.
static bool
s_is_bound (const zseq_node_t *self, uint8_t node)
{
    return s_is_heard (self, node) ||
           zseq_node_set_has (self->recovery.force.lost, node);
}

//  S11: a recovery by force needs no majority of voters, but as many peers as
//  answer any recovery must be bound by it: otherwise the others could let an
//  old copy of this node vote. If too few are bound, logs which peers are
//  missing, and ends the node.
bool
zseq_node_force_heard_enough (zseq_node_t *self)
{
    zseq_node_set_t bound = 0;
    s_names_t silent = {.size = 0};
    s_names_t busy = {.size = 0};
    for (uint8_t node = 0; node < self->record.members.n; node++) {
        if (node == self->record.self)
            continue;
        if (s_is_bound (self, node))
            zseq_node_set_add (&bound, node);
        else
            s_add_name (self, self->peer[node].state ? &busy : &silent, node);
    }
    if (zseq_node_start_first_reached (self, bound))
        return true;
    if (silent.size)
        zseq_node_end (self, ZSEQ_EUNAVAILABLE, ZSEQ_TEXT_FORCE_SILENT,
                       zseq_node_start_first_need (self),
                       self->record.members.n - 1, silent.text, silent.text);
    else
        zseq_node_end (self, ZSEQ_EUNAVAILABLE, ZSEQ_TEXT_FORCE_NOT_VOTING,
                       zseq_node_start_first_need (self),
                       self->record.members.n - 1, busy.text);
    return false;
}

bool
zseq_node_force_passes_over_nobody (zseq_node_t *self)
{
    for (uint8_t node = 0; node < self->record.members.n; node++) {
        const zseq_peer_answers_t *answers =
          &self->recovery.attempt.answers[node];
        bool holds = self->peer[node].state == ZSEQ_STATE_VOTING ||
                     self->peer[node].state == ZSEQ_STATE_STARTING ||
                     self->peer[node].state == ZSEQ_STATE_STOPPING;
        if (node == self->record.self || !holds || answers->complete)
            continue;
        zseq_node_end (self, ZSEQ_EUNAVAILABLE, ZSEQ_TEXT_FORCE_NOT_COPIED,
                       zseq_node_name (self, node),
                       zseq_node_name (self, self->record.self),
                       self->record.members.member[self->record.self].endpoint);
        return false;
    }
    return zseq_node_force_heard_enough (self);
}
