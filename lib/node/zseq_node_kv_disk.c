//  Hands the changes of registers and promises over to the disk in groups, and
//  handles the groups' ends.

#include "zseq_node_private.h"
#include "zseq_node_texts.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

//  A group is handed over at once when its registers take so much memory; while
//  groups in flight take that much, no more is accepted.
#define GROUP_BYTES_MAX ((size_t) 4 << 20)
#define WRITING_BYTES_MAX ((size_t) 32 << 20)
//  How long the node waits before it writes again what the disk has refused.
#define REFUSED_US 1000000

bool
zseq_node_kv_busy (const zseq_node_t *self)
{
    return self->kv.writing_bytes >= WRITING_BYTES_MAX;
}

int
zseq_node_kv_capacity (const zseq_node_t *self)
{
    if (self->kv.refused &&
        zseq_registers_open_bytes (self->kv.registers) >= GROUP_BYTES_MAX)
        return ZSEQ_ENOSPACE;
    return zseq_node_kv_busy (self) ? ZSEQ_EBUSY : ZSEQ_OK;
}

//  What a group holds that cannot be handed over for lack of memory waits for
//  the next flush.
void
zseq_node_kv_flush (zseq_node_t *self)
{
    if (!self->kv.registers || !self->voting ||
        zseq_registers_open_count (self->kv.registers) == 0)
        return;
    bool waits = zseq_node_kv_open_waits (self);
    if (self->kv.refused && !self->kv.retry && !waits)
        return;
    self->kv.retry = false;
    (void) zseq_node_kv_submit (self);
}

//  S5: the disk knows by now that the node does not vote. The first group
//  clears all shards, so that nothing is left of the own registers.
void
zseq_node_kv_settle (zseq_node_t *self, zseq_kv_cursor_t *cursor)
{
    zseq_registers_t *registers = self->kv.registers;
    while (!zseq_node_kv_busy (self)) {
        if (zseq_registers_settle (registers, cursor, GROUP_BYTES_MAX) !=
            ZSEQ_OK) {
            zseq_node_end (self, ZSEQ_ENOMEM, ZSEQ_TEXT_NO_MEMORY_RECOVERY);
            return;
        }
        //  Without memory for a group, it waits for the next flush.
        if (zseq_registers_open_count (registers) == 0 ||
            !zseq_node_kv_submit (self))
            return;
    }
}

bool
zseq_node_kv_settled (const zseq_node_t *self, const zseq_kv_cursor_t *cursor)
{
    return !self->kv.registers ||
           (cursor->shard == ZSEQ_SHARDS &&
            zseq_registers_open_count (self->kv.registers) == 0 &&
            self->kv.writing_count == 0);
}

void
zseq_node_kv_flush_large (zseq_node_t *self)
{
    if (!self->kv.refused &&
        zseq_registers_open_bytes (self->kv.registers) >= GROUP_BYTES_MAX)
        zseq_node_kv_flush (self);
}

void
zseq_node_kv_tick (zseq_node_t *self)
{
    if (self->kv.refused && self->now_us - self->kv.refused_us >= REFUSED_US)
        self->kv.retry = true;
    zseq_node_kv_watch_tick (self);
}

//  Keeps the end of what the system has said: the file is in the log.
static void
s_refused (zseq_node_t *self, const char *why)
{
    const char *end = why ? strrchr (why, ':') : NULL;
    snprintf (self->kv.refusal, sizeof self->kv.refusal, "%s",
              end ? end + 2 : ZSEQ_TEXT_DISK_FULL);
    if (!self->kv.refused)
        zseq_node_log (self, ZSEQ_LOG (DISK_REFUSES_KEYS),
                       why ? why : self->kv.refusal);
    self->kv.refused = zseq_registers_open_position (self->kv.registers);
    self->kv.refused_us = self->now_us;
}

void
zseq_node_kv_written (zseq_node_t *self, const zseq_event_t *event)
{
    assert (self->kv.registers);

    if (event->status == ZSEQ_OK)
        self->kv.durable = event->position;
    else if (self->recovering)
        zseq_node_end (self, event->status, ZSEQ_TEXT_DISK_NO_RECOVERY,
                       event->why ? event->why : ZSEQ_TEXT_DISK_FULL);
    else
        s_refused (self, event->why);
    zseq_node_kv_release (self, event->position, event->status);
    if (event->status == ZSEQ_OK && self->kv.refused &&
        event->position >= self->kv.refused) {
        self->kv.refused = 0;
        zseq_node_log (self, ZSEQ_LOG (DISK_ACCEPTS_KEYS));
    }
}
