//  Answers HELLO and STATUS: who this node is, and what it waits for.

#include "zseq_node_private.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "zseq_node_texts.h"

//  Whether a request names another cluster; 0 is any.
static bool
s_foreign (const zseq_node_t *self, const zseq_msg_t *msg)
{
    return msg->cluster && self->record.identity &&
           msg->cluster != self->record.identity;
}

void
zseq_node_status_hello (zseq_node_t *self, const zseq_event_t *event)
{
    if (s_foreign (self, event->msg)) {
        zseq_node_refuse (self, event, ZSEQ_ECLUSTER);
        return;
    }
    zseq_node_labels_note (self, &event->sender, event->msg->hello.label);
    zseq_msg_t *reply =
      zseq_node_reply (self, ZSEQ_OP_HELLO, event->msg->request, ZSEQ_OK);
    zseq_node_fill_members (self, &reply->hello.members);
    reply->hello.state = zseq_node_state (self);
    reply->hello.speaks = ZSEQ_WIRE_VERSION;
    reply->hello.holds_vote = self->durable.voting;
    zseq_node_send (self, &event->sender);
}

//  Whether a node that starts or forms waits for that peer.
static bool
s_reason_start (const zseq_node_t *self, uint8_t node)
{
    if (self->starting || self->forming)
        return !zseq_node_start_noted (self, node);
    if (zseq_node_state (self) == ZSEQ_STATE_FORMING)
        return self->durable.vector.incarnation[node].counter == 0;
    return !zseq_vector_equal (&self->peer[node].vector, &self->durable.vector);
}

//  Whether a recovering node waits for that peer: it has not answered as a
//  voter, or was not copied from completely.
static bool
s_reason_recovery (const zseq_node_t *self, uint8_t node)
{
    const zseq_peer_answers_t *answers = &self->recovery.attempt.answers[node];
    return self->recovery.phase == PHASE_ASK
             ? !answers->asked && !self->peer[node].cluster
             : !answers->complete;
}

//  What a node that votes refuses.
static void
s_refuses (const zseq_node_t *self, char *text, size_t size)
{
    const char *disk = "";
    if (self->disk.refused)
        disk = ZSEQ_TEXT_STATUS_REFUSES_CLAIMS;
    else if (self->disk.record_refused)
        disk = ZSEQ_TEXT_STATUS_NO_NOTES;
    else if (self->kv.refused)
        disk = ZSEQ_TEXT_STATUS_REFUSES_KEYS;
    const char *why = self->disk.refused || self->disk.record_refused
                        ? self->disk.refusal
                        : self->kv.refusal;
    bool both = *disk && self->names_full;
    snprintf (text, size, "%s%s%s%s", disk, *disk ? why : "", both ? "; " : "",
              self->names_full ? ZSEQ_TEXT_STATUS_REFUSES_NAMES : "");
}

void
zseq_node_set_trouble (zseq_node_t *self, const char *text)
{
    assert (self);
    self->trouble = text;
}

//  Why it does not vote, or what it refuses.
static void
s_describe (const zseq_node_t *self, char *text, size_t size)
{
    zseq_state_t state = zseq_node_state (self);
    size_t used = 0;
    text[0] = 0;
    if (state == ZSEQ_STATE_VOTING)
        s_refuses (self, text, size);
    else if (state == ZSEQ_STATE_STOPPING)
        snprintf (text, size, "stopping");
    else if (state == ZSEQ_STATE_STARTING)
        used = (size_t) snprintf (text, size, ZSEQ_TEXT_STATUS_STARTING);
    else if (state == ZSEQ_STATE_FORMING)
        used = (size_t) snprintf (text, size, ZSEQ_TEXT_STATUS_FORMING_UNMET);
    else if (state == ZSEQ_STATE_COMPLETE && self->forming)
        used = (size_t) snprintf (text, size, ZSEQ_TEXT_STATUS_FORMING_UNNOTED);
    else if (state == ZSEQ_STATE_COMPLETE)
        used = (size_t) snprintf (text, size, ZSEQ_TEXT_STATUS_FORMING_UNEQUAL);
    else if (self->recovery.phase == PHASE_BEGIN ||
             self->recovery.phase == PHASE_SETTLE)
        snprintf (text, size, ZSEQ_TEXT_STATUS_WRITING);
    else {
        uint8_t lacking = 0;
        for (uint8_t node = 0; node < self->record.members.n; node++)
            if (node != self->record.self && s_reason_recovery (self, node))
                lacking++;
        used = (size_t) snprintf (
          text, size, ZSEQ_TEXT_STATUS_RECOVERING,
          self->recovery.phase == PHASE_ASK ? "found" : ZSEQ_TEXT_STATUS_COPIED,
          self->record.members.n - 1 - lacking,
          zseq_quorum_size (&self->recovery.attempt.quorum, ZSEQ_QUORUM_WRITE));
    }
    for (uint8_t node = 0; node < self->record.members.n && used && used < size;
         node++) {
        bool lacks = state == ZSEQ_STATE_RECOVERING
                       ? s_reason_recovery (self, node)
                       : s_reason_start (self, node);
        if (node != self->record.self && lacks)
            used += (size_t) snprintf (text + used, size - used, " %s",
                                       zseq_node_name (self, node));
    }
}

void
zseq_node_reason (const zseq_node_t *self, char *text, size_t size)
{
    s_describe (self, text, size);
    size_t used = strlen (text);
    if (self->trouble)
        snprintf (text + used, size - used, "%s%s", used ? "; " : "",
                  self->trouble);
    zseq_node_members_reason (self, text, size);
}

//  Brings those counters up to date that something else than the node counts.
static void
s_count (zseq_node_t *self)
{
    zseq_batcher_stats_t coordinator;
    zseq_coordinator_stats (self->coordinator, &coordinator);
    self->counters.coordinator_claims = coordinator.won;
    self->counters.coordinator_conflicts = coordinator.conflicts;
    self->counters.coordinator_burnt = coordinator.burnt;
    if (self->kv.registers) {
        self->counters.keys = zseq_registers_count (self->kv.registers);
        self->counters.key_bytes = zseq_registers_bytes (self->kv.registers);
    }
    self->counters.uptime_us = self->now_us - self->begun_us;
    zseq_node_rates_fill (self);
    self->counters.member_lists_differ =
      zseq_node_set_count (zseq_node_members_differ (self));
}

void
zseq_node_status_answer (zseq_node_t *self, const zseq_event_t *event)
{
    if (s_foreign (self, event->msg)) {
        zseq_node_refuse (self, event, ZSEQ_ECLUSTER);
        return;
    }
    char reason[ZSEQ_REASON_MAX + 1];
    zseq_node_reason (self, reason, sizeof reason);
    zseq_msg_t *reply =
      zseq_node_reply (self, ZSEQ_OP_STATUS, event->msg->request, ZSEQ_OK);
    reply->node_status.state = zseq_node_state (self);
    reply->node_status.reason = (zseq_slice_t){reason, strlen (reason)};
    zseq_node_stats_t stats;
    zseq_node_stats (self, &stats);
    reply->node_status.sequences = stats.sequences;
    reply->node_status.claims = stats.claims;
    reply->node_status.conflicts = stats.conflicts;
    reply->node_status.burnt = stats.burnt;
    s_count (self);
    const zseq_msg_counter_t counters[] = {
#define X(counter) {{#counter, sizeof #counter - 1}, self->counters.counter},
      ZSEQ_COUNTERS (X)
#undef X
    };
    reply->node_status.counter = counters;
    reply->node_status.counter_count = sizeof counters / sizeof *counters;
    zseq_node_send (self, &event->sender);
}
