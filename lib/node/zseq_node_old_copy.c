//  Handles a peer that knows more of this node than the node's directory does:
//  the directory is an old copy, or another process runs under the node's name,
//  or the journal of the key-value store has lost its end. Of the first two the
//  node recovers the first time, and ends the second time.

#include "zseq_node_private.h"

#include <stdio.h>

#include "zseq_node_texts.h"

//  Recovers the first time, and ends the node the second time. what: what the
//  peer knows of this node.
static void
s_end_old_copy (zseq_node_t *self, uint8_t peer, const char *what)
{
    if (self->superseded++) {
        zseq_node_suspend (self);
        zseq_node_end (self, ZSEQ_ESUPERSEDED, ZSEQ_TEXT_COPY_RUNS,
                       zseq_node_name (self, peer), what,
                       zseq_node_name (self, self->record.self));
        return;
    }
    snprintf (self->recovery.why, sizeof self->recovery.why,
              ZSEQ_TEXT_COPY_IS_OLD, zseq_node_name (self, peer), what);
    zseq_node_recovery_begin (self);
}

bool
zseq_node_old_copy_superseded (zseq_node_t *self, uint8_t peer,
                               const zseq_vector_t *vector)
{
    const zseq_incarnation_t *theirs = &vector->incarnation[self->record.self];
    const zseq_incarnation_t *mine =
      &self->record.vector.incarnation[self->record.self];
    int order = zseq_incarnation_compare (theirs, mine);
    if (theirs->counter == 0 || order == 0)
        return false;
    if (!self->record.identity) {
        zseq_node_end (self, ZSEQ_EREFORMATTED, ZSEQ_TEXT_INCARNATION_OTHER,
                       zseq_node_name (self, peer),
                       zseq_node_name (self, self->record.self));
        return true;
    }
    if (order < 0)
        return false;
    //  The next incarnation must be above this one, whichever peer knows it.
    zseq_vector_merge (&self->record.vector, vector);
    s_end_old_copy (self, peer, ZSEQ_TEXT_COPY_INCARNATION);
    return true;
}

bool
zseq_node_old_copy_outrun (zseq_node_t *self, uint8_t peer,
                           const zseq_msg_t *msg)
{
    uint8_t me = self->record.self;
    if (!msg->extended ||
        zseq_incarnation_compare (&msg->vector.incarnation[me],
                                  &self->record.vector.incarnation[me]) ||
        zseq_node_start_fits (self, &msg->vector.start[me]))
        return false;
    s_end_old_copy (self, peer, ZSEQ_TEXT_COPY_START);
    return true;
}

bool
zseq_node_old_copy_shortened (zseq_node_t *self, uint8_t peer,
                              const zseq_msg_t *msg)
{
    uint8_t me = self->record.self;
    if (!self->kv.registers || !self->starting ||
        msg->introduce.heard <= self->kv.durable ||
        zseq_incarnation_compare (&msg->vector.incarnation[me],
                                  &self->record.vector.incarnation[me]))
        return false;
    snprintf (self->recovery.why, sizeof self->recovery.why,
              ZSEQ_TEXT_JOURNAL_END_LOST, (unsigned long long) self->kv.durable,
              zseq_node_name (self, peer),
              (unsigned long long) msg->introduce.heard);
    zseq_node_recovery_begin (self);
    return true;
}

void
zseq_node_old_copy_duplicate (zseq_node_t *self, uint8_t peer)
{
    zseq_node_end (self, ZSEQ_ESUPERSEDED, ZSEQ_TEXT_PROCESS_OTHER,
                   zseq_node_name (self, self->record.self),
                   zseq_node_name (self, peer));
}
