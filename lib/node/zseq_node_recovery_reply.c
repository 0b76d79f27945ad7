//  Handles the replies of peers to a recovering node: to HELLO, FENCE and COPY.

#include "zseq_node_private.h"

#include <string.h>

#include "zseq_node_texts.h"

//  Handles a reply from another node than the peer or, if fits, from another
//  cluster than this directory's. If a quorum of peers is of another cluster,
//  the directory is in the wrong place, and the node ends.
static void
s_foreign (zseq_node_t *self, uint8_t index, bool fits)
{
    int warning = fits ? ZSEQ_ECLUSTER : ZSEQ_EMEMBERS;
    if (zseq_node_log_changed (self, index, warning))
        zseq_node_log (self, ZSEQ_LOG (RECOVERY_FOREIGN_PEER),
                       zseq_node_name (self, index),
                       self->record.members.member[index].endpoint);
    zseq_node_set_t foreign = 0;
    for (uint8_t node = 0; node < self->record.members.n; node++)
        if (self->peer[node].last_warning == ZSEQ_ECLUSTER)
            zseq_node_set_add (&foreign, node);
    if (self->record.identity &&
        zseq_recovery_reached (&self->recovery.attempt, foreign))
        zseq_node_end (self, ZSEQ_EFOREIGN, ZSEQ_TEXT_RECOVERY_FOREIGN,
                       zseq_node_name (self, self->record.self));
}

//  Whether a node in that state holds sequences that a recovery may count on.
//  Without force only voters do: a node that starts may be an old copy.
static bool
s_may_copy (const zseq_node_t *self, zseq_state_t state)
{
    return state == ZSEQ_STATE_VOTING ||
           (state == ZSEQ_STATE_STARTING && self->recovery.forced);
}

//  Whether a reply to a recovering node is of its cluster.
static bool
s_is_same_cluster (zseq_node_t *self, uint8_t index, const zseq_msg_t *msg)
{
    bool fits = msg->node == index && msg->vector.n == self->record.members.n;
    bool hello = msg->op == ZSEQ_OP_HELLO && msg->status == ZSEQ_OK;
    if (fits && hello && !zseq_node_members_same (self, &msg->hello.members))
        fits = false;
    if (fits && hello &&
        (!msg->cluster || !self->recovery.identity ||
         msg->cluster == self->recovery.identity)) {
        self->peer[index].state = msg->hello.state;
        self->peer[index].speaks = msg->hello.speaks;
        self->peer[index].holds_vote =
          msg->hello.holds_vote || msg->hello.speaks < 2;
        zseq_node_members_compare (self, index, &msg->hello.members);
    }
    if (fits && hello && s_may_copy (self, msg->hello.state) &&
        !self->recovery.identity) {
        self->peer[index].cluster = msg->cluster;
        self->peer[index].vector = msg->vector;
        zseq_node_recovery_find_cluster (self, false);
    }
    if (fits && self->recovery.identity &&
        msg->cluster == self->recovery.identity)
        return true;
    //  A peer that does not know its own cluster is not of the wrong one.
    if (!fits || (self->recovery.identity && msg->cluster))
        s_foreign (self, index, fits);
    return false;
}

//  Takes over a page of a peer's sequences. Returns false if the node ends.
static bool
s_take_page (zseq_node_t *self, zseq_peer_answers_t *answers,
             const zseq_msg_page_t *page)
{
    for (size_t index = 0; index < page->item_count; index++) {
        const zseq_item_t *item = &page->items[index];
        zseq_sequence_t *sequence;
        int rc = zseq_sequence_insert (self->table, item->name.data,
                                       item->name.size, &sequence);
        if (rc != ZSEQ_OK) {
            zseq_node_end (self, rc,
                           rc == ZSEQ_EFULL ? ZSEQ_TEXT_RECOVERY_NAMES_MANY
                                            : ZSEQ_TEXT_NO_MEMORY_RECOVERY);
            return false;
        }
        //  S8: next never decreases.
        zseq_seq_raise (&sequence->seq, item->next);
        if (sequence->seq.next > sequence->durable_to)
            zseq_node_mark_dirty (self, sequence);
    }
    answers->copied += page->item_count;
    if (page->item_count) {
        const zseq_slice_t *last = &page->items[page->item_count - 1].name;
        answers->after_size = (uint8_t) last->size;
        memcpy (answers->after, last->data, last->size);
    }
    answers->complete = !page->more;
    return true;
}

//  Handles a peer's refusal to take part in this recovery.
static void
s_recovery_refused (zseq_node_t *self, uint8_t index, const zseq_msg_t *msg)
{
    const zseq_incarnation_t *incarnation =
      &self->record.vector.incarnation[self->record.self];
    //  The peer was recovering when it last answered, and votes by now.
    if (self->peer[index].state == ZSEQ_STATE_RECOVERING &&
        (msg->status == ZSEQ_EAGAIN || msg->status == ZSEQ_ESUPERSEDED))
        self->peer[index].state = ZSEQ_STATE_VOTING;
    if (msg->status == ZSEQ_ESUPERSEDED && msg->op == ZSEQ_OP_COPY)
        self->recovery.attempt.answers[index].fenced = false;
    else if (msg->status == ZSEQ_ESUPERSEDED &&
             !zseq_recovery_superseded (&self->recovery.attempt, incarnation))
        zseq_node_old_copy_duplicate (self, index);
    else if (msg->status == ZSEQ_EAGAIN &&
             self->now_us - self->recovery.progress_us >= ASK_US_MAX &&
             zseq_node_log_changed (self, index, ZSEQ_EAGAIN))
        zseq_node_log (self, ZSEQ_LOG (RECOVERY_NOT_REACHED),
                       zseq_node_name (self, index),
                       zseq_node_name (self, self->record.self),
                       self->record.members.member[self->record.self].endpoint);
}

static void
s_recovery_answered (zseq_node_t *self, uint8_t index, const zseq_msg_t *msg)
{
    zseq_peer_answers_t *answers = &self->recovery.attempt.answers[index];
    if (msg->op == ZSEQ_OP_HELLO) {
        if (!s_may_copy (self, msg->hello.state))
            return;
        answers->asked = true;
    }
    else if (msg->op == ZSEQ_OP_FENCE) {
        answers->fenced = true;
        answers->floor = msg->fence.floor;
        answers->floor_reserved = msg->fence.floor_reserved;
        answers->total = msg->fence.sequences;
        self->peer[index].ask_us = 0;
    }
    else if (answers->fenced && !answers->complete) {
        if (!s_take_page (self, answers, &msg->copy.page))
            return;
        self->peer[index].ask_us = 0;
    }
    self->recovery.progress_us = self->now_us;
    self->peer[index].last_warning = ZSEQ_OK;
}

void
zseq_node_recovery_reply (zseq_node_t *self, uint8_t index,
                          const zseq_msg_t *msg)
{
    if (!s_is_same_cluster (self, index, msg) ||
        !zseq_recovery_see (&self->recovery.attempt, index, &msg->vector))
        return;
    if (msg->status == ZSEQ_OK)
        s_recovery_answered (self, index, msg);
    else
        s_recovery_refused (self, index, msg);

    bool fencing = self->recovery.phase == PHASE_COPY ||
                   self->recovery.phase == PHASE_SETTLE;
    if (fencing && zseq_recovery_superseded (
                     &self->recovery.attempt,
                     &self->record.vector.incarnation[self->record.self])) {
        //  The newer incarnation may be one that this node took itself before
        //  it crashed.
        zseq_vector_merge (&self->record.vector,
                           &self->recovery.attempt.newest);
        zseq_node_recovery_attempt (self);
        return;
    }
    zseq_node_recovery_maybe_proceed (self);
}
