//  Dispatches the events of a node's step to the file that handles each; no
//  file calls back into this one. Requests of clients go to zseq_node_seq,
//  _delegation and _status; peers to zseq_node_peers, and from there to
//  _introduce, _formation, _start, _fence and _recovery; the disk to
//  zseq_node_disk, _reservation and _queue. All files share the struct in
//  zseq_node_private.h, which says who writes which field. A file calls only
//  functions whose sections precede its own in that header. To use a node, see
//  zseq_node.h.

#include "zseq_node_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "zseq_node_texts.h"

zseq_node_t *
zseq_node_new (const zseq_record_t *record, const zseq_node_limits_t *limits,
               uint64_t seed, zseq_action_fn *act, void *arg)
{
    assert (record);
    assert (limits);
    assert (limits->waiting_max >= 1);
    assert (act);

    zseq_node_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->record = *record;
    self->durable.vector = record->vector;
    self->durable.floor = record->floor;
    self->durable.floor_reserved = record->floor_reserved;
    self->durable.start_voted = record->start_voted;
    self->durable.voting = record->voting;
    self->version = self->durable.version = 1;
    self->starting = record->voting;
    self->recovery.identity = record->identity;
    self->next_request = seed;
    self->process = seed ? seed : 1;  //  0 stands for no process
    self->queue.waiting_max = limits->waiting_max;
    self->queue.dirty_end = &self->queue.dirty;
    self->queue.fresh_end = &self->queue.fresh;
    self->reservation.ahead_us = limits->reserve_us;
    self->reservation.end = &self->reservation.first;
    self->act = act;
    self->arg = arg;
    self->table = zseq_sequence_table (limits->names_max);
    self->coordinator = zseq_node_delegation_new (self, limits->waiting_max);
    if (limits->kv_bytes_max) {
        self->kv.registers = zseq_registers_new (limits->kv_bytes_max);
        self->kv.watches = zseq_kv_watches_new ();
        self->kv.coordinator =
          zseq_node_kv_delegation_new (self, limits->waiting_max);
    }
    if (!self->table || !self->coordinator ||
        (limits->kv_bytes_max &&
         (!self->kv.registers || !self->kv.watches || !self->kv.coordinator)))
        zseq_node_destroy (&self);
    return self;
}

void
zseq_node_destroy (zseq_node_t **self_p)
{
    assert (self_p);

    zseq_node_t *self = *self_p;
    if (!self)
        return;
    zseq_kv_coordinator_destroy (&self->kv.coordinator);
    zseq_node_kv_term (self);
    zseq_coordinator_destroy (&self->coordinator);
    zseq_table_destroy (&self->table);
    free (self->queue.waiting);
    free (self);
    *self_p = NULL;
}

int
zseq_node_load (zseq_node_t *self, const char *name, size_t size, uint64_t next,
                uint64_t durable_to)
{
    assert (self);
    assert (!self->begun);
    assert (next <= durable_to);

    zseq_sequence_t *sequence;
    int rc = zseq_sequence_insert (self->table, name, size, &sequence);
    if (rc != ZSEQ_OK)
        return rc;
    zseq_seq_init (&sequence->seq, durable_to);
    sequence->durable_to = durable_to;
    sequence->journaled = true;
    if (next < durable_to) {
        //  The IDs that were reserved are burnt. The next write of the record
        //  stores the new next, so that a later start does not count them
        //  again.
        self->stats.burnt += durable_to - next;
        sequence->shrinking = true;
        zseq_node_mark_dirty (self, sequence);
    }
    return ZSEQ_OK;
}

zseq_registers_t *
zseq_node_registers (zseq_node_t *self)
{
    assert (self);
    return self->kv.registers;
}

void
zseq_node_adopt (zseq_node_t *self, uint64_t identity)
{
    assert (self);
    assert (!self->begun);

    zseq_record_reset (&self->record, identity);
    self->durable.vector = self->record.vector;
    self->recovery.identity = identity;
}

void
zseq_node_recover (zseq_node_t *self, const char *why,
                   const zseq_force_t *force)
{
    assert (self);
    assert (why);
    assert (!self->begun);

    self->recovering = true;
    self->recovery.requested = true;
    self->starting = false;
    //  The record on disk changes with the new incarnation; until then the node
    //  has changed nothing.
    self->record.voting = false;
    snprintf (self->recovery.why, sizeof self->recovery.why, "%s", why);
    if (force) {
        self->recovery.forced = true;
        self->recovery.force = *force;
    }
}

const zseq_record_t *
zseq_node_record (const zseq_node_t *self)
{
    assert (self);
    return &self->record;
}

bool
zseq_node_idle (const zseq_node_t *self)
{
    assert (self);
    return self->queue.waiting_count == 0 && self->disk.writing == 0 &&
           !self->disk.record_writing && self->kv.waiting_count == 0 &&
           self->kv.writing_count == 0 &&
           (self->recovering || !zseq_node_queue_dirty (self));
}

void
zseq_node_note_unreached (zseq_node_t *self, uint8_t peer)
{
    assert (self);
    assert (peer < self->record.members.n);
    self->peer[peer].unreached = true;
}

uint64_t
zseq_node_wake_us (const zseq_node_t *self)
{
    assert (self);
    uint64_t wake_us = zseq_coordinator_wake_us (self->coordinator);
    uint64_t kv_us = self->kv.coordinator
                       ? zseq_kv_coordinator_wake_us (self->kv.coordinator)
                       : UINT64_MAX;
    return kv_us < wake_us ? kv_us : wake_us;
}

zseq_sequence_t *
zseq_node_above (const zseq_node_t *self, const char *after, size_t after_size)
{
    assert (self);

    zseq_entry_t *entry;
    if (!zseq_table_page (self->table, "", 0, after, after_size, &entry, 1))
        return NULL;
    return (zseq_sequence_t *) entry;
}

void
zseq_node_stats (const zseq_node_t *self, zseq_node_stats_t *stats)
{
    assert (self);
    assert (stats);

    *stats = self->stats;
    stats->sequences = zseq_table_count (self->table);
}

zseq_counters_t *
zseq_node_counters (zseq_node_t *self)
{
    assert (self);
    return &self->counters;
}

size_t
zseq_node_count (const zseq_node_t *self)
{
    assert (self);
    return zseq_table_count (self->table);
}

static void
s_begin (zseq_node_t *self)
{
    self->begun = true;
    if (self->kv.registers) {
        self->kv.durable =
          zseq_registers_open_position (self->kv.registers) - 1;
        zseq_node_kv_delegation_begin (self);
    }
    self->begun_us = self->now_us;
    if (self->recovering)
        zseq_node_recovery_begin (self);
    else if (zseq_record_incomplete (&self->record)) {
        snprintf (self->recovery.why, sizeof self->recovery.why,
                  ZSEQ_TEXT_RECOVER_UNFINISHED);
        zseq_node_recovery_begin (self);
    }
    else if (self->starting)
        zseq_node_start_begin (self);
    else if (self->record.members.n > 1)
        zseq_node_log (self, ZSEQ_LOG (WAITS_TO_FORM),
                       zseq_node_name (self, self->record.self),
                       self->record.members.n);
}

//  Stops voting and coordinating, and has the exact next of every sequence
//  written.
static void
s_stop (zseq_node_t *self)
{
    self->stopping = true;
    zseq_coordinator_end (self->coordinator, ZSEQ_ENOTVOTING);
    if (self->kv.coordinator)
        zseq_kv_coordinator_end (self->kv.coordinator, ZSEQ_ENOTVOTING);
    zseq_node_reservation_shrink_all (self);
}

static void
s_tick (zseq_node_t *self)
{
    if (!self->begun)
        s_begin (self);
    zseq_node_rates_tick (self);
    if (self->stopping || self->ended)
        return;
    zseq_node_peers_tick (self);
    zseq_node_disk_tick (self);
    zseq_node_kv_tick (self);
    zseq_coordinator_tick (self->coordinator, self->now_us);
    if (self->kv.coordinator)
        zseq_kv_coordinator_tick (self->kv.coordinator, self->now_us);
    zseq_node_reservation_revisit (self);
}

static void
s_flush (zseq_node_t *self)
{
    zseq_coordinator_flush (self->coordinator, self->now_us);
    if (self->kv.coordinator)
        zseq_kv_coordinator_flush (self->kv.coordinator, self->now_us);
    zseq_node_recovery_maybe_vote (self);
    zseq_node_disk_write_record (self);
    //  Before the new incarnation is on disk, damage may still need repair.
    if (self->recovering && (self->recovery.phase == PHASE_ASK ||
                             self->recovery.phase == PHASE_BEGIN))
        return;
    zseq_node_disk_write_entries (self);
    zseq_node_kv_flush (self);
    zseq_node_recovery_settle_keys (self);
    zseq_node_peers_flushed (self);
}

static void
s_request (zseq_node_t *self, const zseq_event_t *event)
{
    switch (event->msg->op) {
    case ZSEQ_OP_HELLO:
        zseq_node_status_hello (self, event);
        break;
    case ZSEQ_OP_READ:
        zseq_node_seq_read (self, event);
        break;
    case ZSEQ_OP_CLAIM:
        zseq_node_seq_claim (self, event);
        break;
    case ZSEQ_OP_RAISE:
        zseq_node_seq_raise (self, event);
        break;
    case ZSEQ_OP_NEXT:
        zseq_node_delegation_next (self, event);
        break;
    case ZSEQ_OP_LIST:
        zseq_node_seq_list (self, event);
        break;
    case ZSEQ_OP_STATUS:
        zseq_node_status_answer (self, event);
        break;
    case ZSEQ_OP_INFO:
        zseq_node_seq_info (self, event);
        break;
    case ZSEQ_OP_INTRODUCE:
    case ZSEQ_OP_FENCE:
    case ZSEQ_OP_COPY:
    case ZSEQ_OP_KV_COPY:
    case ZSEQ_OP_KV_PROMISES:
        zseq_node_peers_request (self, event);
        break;
    case ZSEQ_OP_KV_WRITE:
    case ZSEQ_OP_KV_SETTLE:
        zseq_node_kv_delegation_write (self, event);
        break;
    case ZSEQ_OP_KV_READ:
    case ZSEQ_OP_KV_LIST:
    case ZSEQ_OP_KV_WATCH:
    case ZSEQ_OP_KV_PROMISE:
    case ZSEQ_OP_KV_FETCH:
    case ZSEQ_OP_KV_ACCEPT:
    case ZSEQ_OP_KV_CHOSEN:
        zseq_node_kv_request (self, event);
        break;
    }
}

void
zseq_node_step (zseq_node_t *self, const zseq_event_t *event)
{
    assert (self);
    assert (event);

    if (event->now_us > self->now_us)
        self->now_us = event->now_us;
    self->wall_ms = event->wall_ms;
    switch (event->type) {
    case ZSEQ_EVENT_REQUEST:
        self->counters.requests++;
        zseq_node_rates_note_request (self, &event->sender);
        zseq_node_congestion_note_request (self, &event->sender,
                                           event->msg->op);
        s_request (self, event);
        break;
    case ZSEQ_EVENT_MALFORMED:
        self->counters.requests++;
        zseq_node_rates_note_request (self, &event->sender);
        zseq_node_refuse (self, event, ZSEQ_EPROTOCOL);
        break;
    case ZSEQ_EVENT_PEER_REPLY:
        if (!zseq_node_peers_believes (self, event))
            break;
        self->peer[event->sender.peer].heard_us = self->now_us;
        if (event->msg->op == ZSEQ_OP_READ || event->msg->op == ZSEQ_OP_CLAIM ||
            event->msg->op == ZSEQ_OP_NEXT)
            zseq_node_delegation_reply (self, event);
        else if (zseq_op_is_kv (event->msg->op) &&
                 !zseq_msg_recovery (event->msg))
            zseq_node_kv_delegation_reply (self, event);
        else
            zseq_node_peers_reply (self, event);
        break;
    case ZSEQ_EVENT_TICK:
        s_tick (self);
        break;
    case ZSEQ_EVENT_PERSISTED:
        zseq_node_disk_entry_written (self, event);
        break;
    case ZSEQ_EVENT_RECORD_PERSISTED:
        if (zseq_node_disk_record_written (self, event))
            zseq_node_peers_record_written (self);
        break;
    case ZSEQ_EVENT_KV_PERSISTED:
        zseq_node_kv_written (self, event);
        break;
    case ZSEQ_EVENT_DAMAGED:
        zseq_node_disk_damaged (self, event);
        break;
    case ZSEQ_EVENT_FLUSH:
        zseq_node_congestion_note_flush (self);
        s_flush (self);
        break;
    case ZSEQ_EVENT_STOP:
        s_stop (self);
        break;
    }
}
