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

int
zseq_node_kv_capacity (const zseq_node_t *self)
{
    if (self->kv.refused &&
        zseq_registers_open_bytes (self->kv.registers) >= GROUP_BYTES_MAX)
        return ZSEQ_ENOSPACE;
    return self->kv.writing_bytes >= WRITING_BYTES_MAX ? ZSEQ_EBUSY : ZSEQ_OK;
}

//  What a group holds that cannot be handed over for lack of memory waits for
//  the next flush.
void
zseq_node_kv_flush (zseq_node_t *self)
{
    if (!self->kv.registers || self->kv.lost || !self->voting ||
        zseq_registers_open_count (self->kv.registers) == 0)
        return;
    bool waits = zseq_node_kv_open_waits (self);
    if (self->kv.refused && !self->kv.retry && !waits)
        return;
    self->kv.retry = false;
    (void) zseq_node_kv_submit (self);
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
    else
        s_refused (self, event->why);
    zseq_node_kv_release (self, event->position, event->status);
    if (event->status == ZSEQ_OK && self->kv.refused &&
        event->position >= self->kv.refused) {
        self->kv.refused = 0;
        zseq_node_log (self, ZSEQ_LOG (DISK_ACCEPTS_KEYS));
    }
}
