//  What is read without a coordinator: one-round reads (K7), stale reads (K15)
//  and the collection of tombstones (K12).

#include "register.h"

//  Returns how many of the counted nodes show the same accepted proposal as
//  node, none of them copied.
static int
s_agreeing (const register_replies_t *replies, uint32_t counted, int node)
{
    int proposal = replies->image[node].accepted;
    int agreeing = 0;
    for (int peer = 0; peer < walk.n; peer++) {
        const register_image_t *image = &replies->image[peer];
        agreeing += register_has (counted, peer) &&
                    image->accepted == proposal &&
                    (!image->copied || walk.broken == READ_COUNTS_COPIED);
    }
    return agreeing;
}

//  Takes, of two values, the deeper one.
static void
s_deepen (int *value, int other)
{
    if (walk.value[*value].depth < walk.value[other].depth)
        *value = other;
}

//  Returns the value that a majority shows as absent; -1: there is none.
static int
s_find_absence (const register_replies_t *replies, uint32_t counted)
{
    int absent = 0;
    int value = 0;
    for (int node = 0; node < walk.n; node++) {
        const register_image_t *image = &replies->image[node];
        if (!register_has (counted, node))
            continue;
        if (!image->accepted) {
            absent++;
            s_deepen (&value, image->collected);
        }
        else if (walk.broken == READ_MIXES_ABSENCES &&
                 walk.value[image->value].deleted) {
            absent++;
            s_deepen (&value, image->value);
        }
    }
    return absent >= walk.majority ? value : -1;
}

//  Returns the value of the highest proposal.
static int
s_highest (const register_replies_t *replies, uint32_t counted)
{
    register_image_t highest = {0};
    for (int node = 0; node < walk.n; node++)
        if (register_has (counted, node) &&
            highest.accepted <= replies->image[node].accepted)
            highest = replies->image[node];
    return highest.accepted ? highest.value : highest.collected;
}

//  K7: returns the value that these replies show; -1: they do not agree.
static int
s_decide (const register_replies_t *replies, uint32_t counted)
{
    for (int node = 0; node < walk.n; node++)
        if (register_has (counted, node) && replies->image[node].accepted &&
            s_agreeing (replies, counted, node) >= walk.majority)
            return replies->image[node].value;
    int absent = s_find_absence (replies, counted);
    if (absent >= 0)
        return absent;
    if (walk.broken == READ_TAKES_HIGHEST &&
        register_size (counted) >= walk.majority)
        return s_highest (replies, counted);
    return -1;
}

void
register_read (int index, int node)
{
    register_reader_t *self = &walk.reader[index];
    if (!self->active)
        *self = (register_reader_t){.active = true, .begun = walk.now};
    if (!register_votes (node))
        return;
    register_arrived (node, register_end_of (node));
    register_note (&self->replies, node, register_shown_of (node),
                   &walk.node[node].vector);
    uint32_t counted =
      register_counted (&self->replies, walk.broken != READ_UNCHECKED);
    int value = s_decide (&self->replies, counted);
    if (value >= 0) {
        walk.sum.read++;
        self->active = false;
        register_observe_read (value, self->begun);
    }
    else if (self->replies.from == register_all () && register_chance (3))
        self->active = false;  //  It is settled: an op of its own
}

//  It must be on the chain, however old it is.
void
register_read_stale (int node)
{
    const register_image_t *image = register_shown_of (node);
    if (!register_votes (node) || !image->accepted ||
        (!walk.node[node].chosen && walk.broken != STALE_UNCHOSEN))
        return;
    walk.sum.stale_read++;
    register_observe_read (image->value, 0);
}

//  Returns the proposal of the tombstone that all counted nodes show; 0: they
//  do not.
static int
s_find_tombstone (const register_replies_t *replies, uint32_t counted)
{
    int tombstone = 0;
    for (int node = 0; node < walk.n; node++) {
        if (!register_has (counted, node))
            continue;
        const register_image_t *image = &replies->image[node];
        if (!image->accepted || !walk.value[image->value].deleted ||
            (image->copied && walk.broken != COLLECT_COPIED) ||
            (tombstone && tombstone != image->accepted))
            return 0;
        tombstone = image->accepted;
    }
    return tombstone;
}

void
register_collect (int node)
{
    if (!register_votes (node)) {
        if (register_chance (8))
            walk.collected.from = 0;
        return;
    }
    register_arrived (node, register_end_of (node));
    register_note (&walk.collected, node, register_shown_of (node),
                   &walk.node[node].vector);
    uint32_t counted =
      register_counted (&walk.collected, walk.broken != COLLECT_UNCHECKED);
    int need = walk.broken == COLLECT_BY_MAJORITY ? walk.majority : walk.n;
    if (register_size (counted) < need)
        return;
    int tombstone = s_find_tombstone (&walk.collected, counted);
    walk.collected.from = 0;
    if (!tombstone || walk.drop_count == DROPS_MAX)
        return;
    walk.drop[walk.drop_count++] = tombstone;
    TRACE ("the tombstone of %s may be dropped",
           register_proposal_text (tombstone));
}
