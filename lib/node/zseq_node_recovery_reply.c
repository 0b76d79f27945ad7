//  Handles the replies of peers to a recovering node: to HELLO, FENCE, COPY,
//  KV_COPY and KV_PROMISES.

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
    answers->named = !page->more;
    //  Without a store of its own, this node needs no registers.
    answers->complete = answers->named && !self->kv.registers;
    return true;
}

//  Whether a page has what was asked for: keys of that shard above the last
//  one. The codec has seen that they ascend.
static bool
s_is_page_asked_for (const zseq_kv_cursor_t *after,
                     const zseq_msg_kv_copy_t *page)
{
    for (size_t index = 0; index < page->record_count; index++)
        if (zseq_kv_shard (page->records[index].key) != after->shard)
            return false;
    zseq_slice_t last = {after->key, after->key_size};
    return page->record_count == 0 ||
           zseq_slice_compare (last, page->records[0].key) < 0;
}

//  K13: takes over a page of a peer's registers. Returns false if the node
//  ends.
static bool
s_take_keys (zseq_node_t *self, zseq_peer_answers_t *answers,
             const zseq_msg_kv_copy_t *page)
{
    if (!s_is_page_asked_for (&answers->after_key, page))
        return true;
    for (size_t index = 0; index < page->record_count; index++) {
        int rc =
          zseq_registers_copy (self->kv.registers, &page->records[index]);
        if (rc != ZSEQ_OK) {
            zseq_node_end (self, rc,
                           rc == ZSEQ_EFULL ? ZSEQ_TEXT_RECOVERY_KEYS_MANY
                                            : ZSEQ_TEXT_NO_MEMORY_RECOVERY);
            return false;
        }
    }
    zseq_kv_cursor_t *after = &answers->after_key;
    answers->keys_total = page->keys;
    answers->keys_copied += page->record_count;
    if (page->more) {
        const zseq_slice_t *last = &page->records[page->record_count - 1].key;
        after->key_size = (uint8_t) last->size;
        memcpy (after->key, last->data, last->size);
        return true;
    }
    after->key_size = 0;
    answers->keyed = ++after->shard == ZSEQ_SHARDS;
    return true;
}

//  K13: all pages and the promises after them are of one process of the peer. A
//  process that has ended may have shown what a power cut has undone, as a
//  dropped key and the promise that bars what was below it.
static bool
s_is_same_process (zseq_node_t *self, uint8_t index, uint64_t process)
{
    zseq_peer_answers_t *answers = &self->recovery.attempt.answers[index];
    if (answers->process && answers->process != process) {
        zseq_recovery_forget_keys (&self->recovery.attempt, index);
        return false;
    }
    answers->process = process;
    return true;
}

//  Takes over a peer's promises and what it has dropped, the last of what is
//  copied from it.
static void
s_take_promises (zseq_node_t *self, zseq_peer_answers_t *answers,
                 const zseq_msg_kv_promises_t *promises)
{
    for (uint8_t shard = 0; shard < ZSEQ_SHARDS; shard++) {
        zseq_registers_raise (self->kv.registers, shard,
                              &promises->promises[shard]);
        zseq_registers_raise_dropped (self->kv.registers, shard,
                                      promises->dropped[shard]);
    }
    //  K17: what the node had heard of its peers is lost, too.
    for (uint8_t node = 0; node < self->record.members.n; node++)
        zseq_node_kv_hear (self, node, &promises->heard[node]);
    answers->complete = true;
}

//  A peer has said which version it speaks, after it has put the new
//  incarnation in force. If that version has no key-value store, the peer holds
//  no register and has promised nothing; and whatever it will say later shows
//  the new incarnation.
static void
s_take_version (const zseq_node_t *self, zseq_peer_answers_t *answers,
                uint8_t index)
{
    answers->says_version = true;
    answers->complete = self->peer[index].speaks < KV_VERSION;
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
    bool copies = msg->op != ZSEQ_OP_HELLO && msg->op != ZSEQ_OP_FENCE;
    if (msg->status == ZSEQ_ESUPERSEDED && copies) {
        self->recovery.attempt.answers[index].fenced = false;
        //  Once registers are written, nothing is copied any more.
        if (msg->op != ZSEQ_OP_COPY && self->recovery.phase == PHASE_COPY)
            zseq_node_recovery_copy_keys_again (self);
    }
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

//  Takes over what a peer shows of what it holds. Returns false if the node
//  ends.
static bool
s_take_copied (zseq_node_t *self, uint8_t index, const zseq_msg_t *msg)
{
    zseq_peer_answers_t *answers = &self->recovery.attempt.answers[index];
    if (msg->op == ZSEQ_OP_COPY)
        return s_take_page (self, answers, &msg->copy.page);
    //  Once registers are written, nothing is copied any more.
    if (self->recovery.phase != PHASE_COPY)
        return true;
    bool page = msg->op == ZSEQ_OP_KV_COPY;
    //  It was asked for before what was copied was forgotten.
    if (page ? !answers->says_version || answers->keyed : !answers->keyed)
        return true;
    if (!s_is_same_process (
          self, index, page ? msg->kv_copy.process : msg->kv_promises.process))
        return true;
    if (page)
        return s_take_keys (self, answers, &msg->kv_copy);
    s_take_promises (self, answers, &msg->kv_promises);
    return true;
}

static void
s_recovery_answered (zseq_node_t *self, uint8_t index, const zseq_msg_t *msg)
{
    zseq_peer_answers_t *answers = &self->recovery.attempt.answers[index];
    if (msg->op == ZSEQ_OP_HELLO) {
        if (!s_may_copy (self, msg->hello.state))
            return;
        answers->asked = true;
        if (answers->named) {
            s_take_version (self, answers, index);
            self->peer[index].ask_us = 0;
        }
    }
    else if (msg->op == ZSEQ_OP_FENCE) {
        answers->fenced = true;
        answers->floor = msg->fence.floor;
        answers->floor_reserved = msg->fence.floor_reserved;
        answers->total = msg->fence.sequences;
        self->peer[index].ask_us = 0;
    }
    else if (answers->fenced && !answers->complete) {
        self->peer[index].ask_us = 0;
        if (!s_take_copied (self, index, msg))
            return;
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
    //  What was copied from a peer that has lost its disk since may have been
    //  dropped meanwhile.
    if (self->recovery.attempt.keys_void && self->recovery.phase == PHASE_COPY)
        zseq_node_recovery_copy_keys_again (self);
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
