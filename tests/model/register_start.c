//  When a node may vote again after its process began: K14, K17, and S5 and S11
//  in short. A start is confirmed by peers that know no newer incarnation and
//  have heard of no further end of the node's journal. zseq-walks has all of
//  S11.

#include "register.h"

int
register_down (void)
{
    int down = 0;
    for (int node = 0; node < walk.n; node++)
        down += register_recovers (node) || walk.node[node].stale ||
                walk.node[node].cut;
    return down;
}

void
register_start (int node)
{
    register_node_t *self = &walk.node[node];
    self->synced = self->end;
    self->waiting_count = 0;
    self->chosen = false;  //  K14
    self->confirmed = 0;
    self->warned = false;
    memcpy (self->heard, self->heard_disk, sizeof self->heard);
    self->phase =
      walk.broken == START_UNCONFIRMED && !self->cut ? VOTING : STARTING;
}

//  Returns whether peer has heard of entries that the journal of node lacks.
static bool
s_knows_more (int node, int peer)
{
    const register_end_t *heard = &walk.node[peer].heard[node];
    return heard->position > walk.node[node].end &&
           (heard->incarnation == register_incarnation_of (node) ||
            walk.broken == POSITION_OUTLIVES);
}

//  Notes, for the checker, whether peer knows that something is lost which a
//  reply had shown.
static void
s_note_warning (int node, int peer)
{
    register_node_t *self = &walk.node[node];
    const register_end_t *heard = &walk.node[peer].heard[node];
    if (walk.shown[node] <= self->end ||
        (heard->incarnation == register_incarnation_of (node) &&
         heard->position >= walk.shown[node]))
        self->warned = true;
}

//  K17: the journal has lost its end, so the node recovers.
static void
s_find_damage (int node, int peer)
{
    register_node_t *self = &walk.node[node];
    TRACE ("node %d, whose journal ends at %d, hears from %d that it went to "
           "%d",
           node, self->end, peer, walk.node[peer].heard[node].position);
    if (!self->was_cut && !self->stale)
        register_fail ("false alarm: the journal of a node is whole");
    walk.sum.cut_found++;
    register_recover (node, false);
}

//  Returns whether the walk lets node vote: it does not if K17 cannot know what
//  the node has lost.
static bool
s_is_covered (int node)
{
    const register_node_t *self = &walk.node[node];
    return !self->cut || self->warned || walk.broken == TAIL_UNCOVERED;
}

void
register_confirm (int node, int peer)
{
    register_node_t *self = &walk.node[node];
    if (node == peer || self->phase != STARTING || register_recovers (peer))
        return;
    int known = walk.node[peer].vector.of[node];
    if (known > register_incarnation_of (node)) {
        TRACE ("node %d hears from %d of a newer incarnation of its own", node,
               peer);
        register_recover (node, false);
        self->vector.of[node] = known;
        return;
    }
    if (self->vector.of[peer] > register_incarnation_of (peer))
        return;
    s_note_warning (node, peer);
    if (s_knows_more (node, peer) && walk.broken != TAIL_IGNORED) {
        s_find_damage (node, peer);
        return;
    }
    self->confirmed |= 1u << peer;
    if (register_size (self->confirmed) < walk.n - walk.majority ||
        !s_is_covered (node))
        return;
    TRACE ("node %d votes again", node);
    self->phase = VOTING;
    self->stale = self->cut = false;
}

void
register_keep_copy (int node)
{
    const register_node_t *self = &walk.node[node];
    if (self->phase != VOTING || self->stale)
        return;
    walk.kept[node] = *self;
    walk.kept[node].end = self->synced;
    walk.has_kept |= 1u << node;
    TRACE ("a copy is made of the directory of node %d", node);
}

void
register_put_back (int node)
{
    register_node_t *self = &walk.node[node];
    const register_node_t *kept = &walk.kept[node];
    if (!walk.copies_left || !register_has (walk.has_kept, node) ||
        self->phase != VOTING ||
        kept->vector.of[node] >= register_incarnation_of (node) ||
        register_down () >= walk.n - walk.majority)
        return;
    walk.copies_left--;
    walk.sum.put_back++;
    *self = *kept;
    self->stale = true;
    TRACE ("the old copy of node %d is put back", node);
    register_start (node);
}
