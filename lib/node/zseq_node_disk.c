//  Asks for writes of the record and of sequences, and handles their completion
//  and damage on disk. The node counts a change only when it is durable.

#include "zseq_node_private.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "zseq_node_texts.h"

//  How long the node waits before it writes again what the disk has refused.
#define REFUSED_US 1000000
//  New names that are written at the same time, while the node votes. As many
//  share a sync.
#define FRESH_WRITING_MAX 256

void
zseq_node_disk_write_record (zseq_node_t *self)
{
    //  A node that the operator had recover keeps its record until its new
    //  incarnation: if the recovery cannot begin, nothing has changed.
    bool waits = self->recovering && self->recovery.requested &&
                 self->recovery.phase == PHASE_ASK;
    if (self->version != self->durable.version && !self->disk.record_writing &&
        self->now_us >= self->disk.record_us && !waits) {
        self->disk.record_writing = true;
        self->disk.snapshot = self->record;
        zseq_action_t action = {.type = ZSEQ_ACTION_PERSIST_RECORD,
                                .record = &self->disk.snapshot,
                                .version = self->version};
        self->act (&action, self->arg);
    }
}

//  Takes the first sequence of a list, and writes it.
static void
s_write_first (zseq_node_t *self, zseq_sequence_t **list)
{
    zseq_sequence_t *sequence = *list;
    *list = sequence->dirty;
    sequence->queued = false;
    sequence->writing = true;
    self->disk.writing++;
    sequence->first_write = zseq_node_seq_fresh (sequence);
    self->disk.fresh_writing += sequence->first_write;
    zseq_busy_set (&self->disk.busy, true, self->now_us);
    //  Deferred writes become durable with the record that lets the node vote
    //  again. A name that is on disk already is not deferred.
    zseq_action_t action = {
      .type = ZSEQ_ACTION_PERSIST,
      .sequence = sequence,
      .durable_to = zseq_node_reservation_target (self, sequence),
      .deferred =
        self->recovering && !self->record.voting && sequence->durable_to == 0};
    self->act (&action, self->arg);
}

//  A new name takes a file of its own: a write of a known name waits for a
//  bounded number of these.
void
zseq_node_disk_write_entries (zseq_node_t *self)
{
    while (self->queue.dirty)
        s_write_first (self, &self->queue.dirty);
    self->queue.dirty_end = &self->queue.dirty;
    while (self->queue.fresh &&
           (self->recovering || self->disk.fresh_writing < FRESH_WRITING_MAX))
        s_write_first (self, &self->queue.fresh);
    if (!self->queue.fresh)
        self->queue.fresh_end = &self->queue.fresh;
}

//  What the disk has said.
static const char *
s_why (const zseq_event_t *event)
{
    return event->why ? event->why : ZSEQ_TEXT_DISK_FULL;
}

//  Keeps the end of what the system has said: the file is in the log.
static void
s_keep_refusal (zseq_node_t *self, const char *why)
{
    const char *end = why ? strrchr (why, ':') : NULL;
    snprintf (self->disk.refusal, sizeof self->disk.refusal, "%s",
              end ? end + 2 : ZSEQ_TEXT_DISK_FULL);
}

//  The disk has refused a sequence, which is written again later, so that the
//  node notices when there is room. Nothing counts on it before it is durable.
static void
s_entry_refused (zseq_node_t *self, const zseq_event_t *event)
{
    if (!self->disk.refused) {
        s_keep_refusal (self, event->why);
        zseq_node_log (self, ZSEQ_LOG (DISK_REFUSES), s_why (event));
    }
    self->disk.refused = event->sequence;
    self->disk.refused_us = self->now_us;
}

static void
s_log_accepted (zseq_node_t *self)
{
    if (!self->disk.refused && !self->disk.record_refused)
        zseq_node_log (self, ZSEQ_LOG (DISK_ACCEPTS));
}

//  The disk has taken what it has refused, and has refused nothing else since.
static void
s_entry_accepted (zseq_node_t *self, const zseq_event_t *event)
{
    if (event->sequence != self->disk.refused ||
        self->now_us - self->disk.refused_us < REFUSED_US)
        return;
    self->disk.refused = NULL;
    s_log_accepted (self);
}

void
zseq_node_disk_tick (zseq_node_t *self)
{
    if (self->voting && self->disk.refused &&
        self->now_us - self->disk.refused_us >= REFUSED_US)
        zseq_node_mark_dirty (self, self->disk.refused);
}

void
zseq_node_disk_entry_written (zseq_node_t *self, const zseq_event_t *event)
{
    zseq_sequence_t *sequence = event->sequence;
    assert (sequence);
    assert (sequence->writing);

    sequence->writing = false;
    self->disk.writing--;
    self->disk.fresh_writing -= sequence->first_write;
    zseq_busy_set (&self->disk.busy, self->disk.writing > 0, self->now_us);
    if (event->status == ZSEQ_OK) {
        //  S8: what is durable never becomes less.
        assert (event->durable_to >= sequence->durable_to);
        sequence->durable_to = event->durable_to;
        sequence->journaled = true;
        s_entry_accepted (self, event);
    }
    else if (self->recovering) {
        zseq_node_end (self, event->status, ZSEQ_TEXT_DISK_NO_RECOVERY,
                       s_why (event));
        return;
    }
    else
        s_entry_refused (self, event);
    //  Once the node has ceased to vote, all requests that waited are void.
    zseq_node_release (self, sequence,
                       self->voting ? event->durable_to : UINT64_MAX,
                       event->status);
    if (sequence->waiting ||
        (self->recovering && sequence->seq.next > sequence->durable_to))
        zseq_node_mark_dirty (self, sequence);
    if (sequence->durable_to <= sequence->seq.next || event->status != ZSEQ_OK)
        return;
    zseq_node_reservation_list (self, sequence);
    if (self->stopping)
        zseq_node_reservation_shrink (self, sequence, sequence->seq.next);
}

//  The disk has refused the record, which is written again later. Nothing
//  counts on the record before it is durable. A recovery cannot go on without
//  it, so the node ends.
static void
s_record_refused (zseq_node_t *self, const zseq_event_t *event)
{
    if (self->recovering)
        zseq_node_end (self, event->status, ZSEQ_TEXT_RECORD_REFUSED,
                       s_why (event));
    else if (!self->disk.record_refused) {
        s_keep_refusal (self, event->why);
        zseq_node_log (self, ZSEQ_LOG (RECORD_REFUSED_LATER), s_why (event));
    }
    self->disk.record_refused = true;
    self->disk.record_us = self->now_us + REFUSED_US;
}

bool
zseq_node_disk_record_written (zseq_node_t *self, const zseq_event_t *event)
{
    assert (self->disk.record_writing);

    self->disk.record_writing = false;
    if (event->status != ZSEQ_OK) {
        s_record_refused (self, event);
        return false;
    }
    if (self->disk.record_refused) {
        self->disk.record_refused = false;
        s_log_accepted (self);
    }
    self->durable.version = event->version;
    self->durable.vector = self->disk.snapshot.vector;
    self->durable.floor = self->disk.snapshot.floor;
    self->durable.floor_reserved = self->disk.snapshot.floor_reserved;
    self->durable.start_voted = self->disk.snapshot.start_voted;
    self->durable.voting = self->disk.snapshot.voting;
    //  The record in memory may say by now that the node does not vote.
    if (self->disk.snapshot.voting && self->record.voting && !self->voting &&
        !self->starting && !self->stopping)
        zseq_node_vote (self);
    return true;
}

//  While the node votes, memory holds what the disk has lost. Otherwise the
//  node has written nothing yet, or writes everything soon.
void
zseq_node_disk_damaged (zseq_node_t *self, const zseq_event_t *event)
{
    if (!self->voting || self->stopping)
        return;
    if (event->sequence)
        zseq_node_mark_dirty (self, event->sequence);
    else
        self->version++;
}
