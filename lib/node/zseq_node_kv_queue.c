//  Replies of the key-value store that wait for the disk, in the groups that
//  they wait for. A reply holds what its request found; messages may be late,
//  so that needs no second look when the group is durable.

#include "zseq_node_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void
s_reply_destroy (zseq_kv_reply_t **reply_p)
{
    zseq_kv_reply_t *reply = *reply_p;
    for (size_t index = 0; index < reply->count && reply->shown; index++)
        zseq_register_release (&reply->shown[index]);
    free (reply->shown);
    free (reply->records);
    free (reply);
    *reply_p = NULL;
}

//  The open group's; NULL: it has none.
static zseq_kv_pending_t *
s_open (const zseq_node_t *self)
{
    zseq_kv_pending_t *pending = self->kv.pending;
    while (pending && pending->group)
        pending = pending->following;
    return pending;
}

static zseq_kv_pending_t *
s_obtain_open (zseq_node_t *self)
{
    zseq_kv_pending_t *pending = s_open (self);
    if (pending)
        return pending;
    pending = calloc (1, sizeof *pending);
    if (!pending)
        return NULL;
    pending->position = zseq_registers_open_position (self->kv.registers);
    pending->replies_end = &pending->replies;
    zseq_kv_pending_t **end = &self->kv.pending;
    while (*end)
        end = &(*end)->following;
    *end = pending;
    return pending;
}

//  shows: it shows registers. NULL: no memory.
static zseq_kv_reply_t *
s_reply_new (size_t count, bool shows)
{
    zseq_kv_reply_t *reply =
      calloc (1, sizeof *reply + count * sizeof reply->answers[0]);
    if (!reply)
        return NULL;
    reply->count = count;
    if (!shows)
        return reply;
    reply->shown = calloc (count, sizeof (zseq_register_t *));
    reply->records = calloc (count, sizeof *reply->records);
    if (!reply->shown || !reply->records)
        s_reply_destroy (&reply);
    return reply;
}

zseq_kv_reply_t *
zseq_node_kv_reply_new (zseq_node_t *self, const zseq_event_t *event,
                        size_t count)
{
    zseq_op_t op = event->msg->op;
    zseq_kv_reply_t *reply = NULL;
    bool fits = self->kv.waiting_count < self->queue.waiting_max;
    //  A READ or a LIST never waits. Another reply may have to wait for what
    //  its request changes, so that its place is made beforehand.
    bool reads = op == ZSEQ_OP_KV_READ || op == ZSEQ_OP_KV_LIST;
    if (reads || (fits && s_obtain_open (self)))
        reply = s_reply_new (count, reads || op == ZSEQ_OP_KV_FETCH);
    if (!reply) {
        zseq_node_refuse (self, event, ZSEQ_EBUSY);
        return NULL;
    }
    reply->sender = event->sender;
    reply->op = op;
    reply->request = event->msg->request;
    return reply;
}

//  Makes the message of a reply.
static void
s_fill (zseq_msg_t *msg, const zseq_kv_reply_t *reply)
{
    if (reply->op == ZSEQ_OP_KV_READ)
        msg->kv_read = (zseq_msg_kv_read_t){.answers = reply->answers,
                                            .records = reply->records,
                                            .answer_count = reply->count};
    else if (reply->op == ZSEQ_OP_KV_LIST)
        msg->kv_list = (zseq_msg_kv_list_t){.records = reply->records,
                                            .record_count = reply->count,
                                            .through = reply->through};
    else if (reply->op == ZSEQ_OP_KV_FETCH)
        msg->kv_fetch = (zseq_msg_kv_fetch_t){.answers = reply->answers,
                                              .records = reply->records,
                                              .answer_count = reply->count};
    else if (reply->op == ZSEQ_OP_KV_PROMISE)
        msg->kv_promise = (zseq_msg_kv_promise_t){.shards = reply->shards,
                                                  .answers = reply->answers,
                                                  .answer_count = reply->count};
    else
        msg->kv_accept = (zseq_msg_kv_accept_t){.answers = reply->answers,
                                                .answer_count = reply->count};
}

//  Sends a reply, or with another status its refusal.
static void
s_send (zseq_node_t *self, zseq_kv_reply_t **reply_p, int status)
{
    const zseq_kv_reply_t *reply = *reply_p;
    zseq_msg_t *msg = zseq_node_reply (self, reply->op, reply->request, status);
    if (status == ZSEQ_OK)
        s_fill (msg, reply);
    zseq_node_kv_say_end (self, msg);
    zseq_node_send (self, &reply->sender);
    s_reply_destroy (reply_p);
}

void
zseq_node_kv_reply_need (zseq_kv_reply_t *reply, uint64_t position)
{
    if (position == 0)
        return;
    if (reply->first == 0 || reply->first > position)
        reply->first = position;
    if (reply->last < position)
        reply->last = position;
}

void
zseq_node_kv_answer (zseq_node_t *self, zseq_kv_reply_t **reply_p)
{
    uint64_t position = (*reply_p)->last;
    if (position == 0) {
        s_send (self, reply_p, ZSEQ_OK);
        return;
    }
    zseq_kv_pending_t *pending = self->kv.pending;
    while (pending->position != position)
        pending = pending->following;
    *pending->replies_end = *reply_p;
    pending->replies_end = &(*reply_p)->following;
    self->kv.waiting_count++;
    *reply_p = NULL;
}

bool
zseq_node_kv_open_waits (const zseq_node_t *self)
{
    const zseq_kv_pending_t *pending = s_open (self);
    return pending && pending->replies;
}

bool
zseq_node_kv_submit (zseq_node_t *self)
{
    zseq_kv_pending_t *pending = s_obtain_open (self);
    if (!pending)
        return false;
    pending->group = zseq_registers_submit (self->kv.registers);
    if (!pending->group)
        return false;
    memcpy (pending->group->heard, self->kv.heard, sizeof self->kv.heard);
    self->kv.writing_count++;
    self->kv.writing_bytes += pending->group->bytes;
    zseq_action_t action = {.type = ZSEQ_ACTION_PERSIST_KV,
                            .group = pending->group};
    self->act (&action, self->arg);
    return true;
}

//  Moves the replies that wait for a group at or before position to the end of
//  a list.
static void
s_take_waiting (zseq_kv_pending_t *pending, uint64_t position,
                zseq_kv_reply_t ***end_p)
{
    zseq_kv_reply_t **link = &pending->replies;
    while (*link) {
        zseq_kv_reply_t *reply = *link;
        if (reply->first > position) {
            link = &reply->following;
            continue;
        }
        *link = reply->following;
        reply->following = NULL;
        **end_p = reply;
        *end_p = &reply->following;
    }
    pending->replies_end = link;
}

//  What a refused group holds becomes durable with a later one than a reply may
//  wait for. A reply that did not need this very group is refused, too, which
//  does no harm.
void
zseq_node_kv_release (zseq_node_t *self, uint64_t position, int status)
{
    zseq_kv_pending_t *pending = self->kv.pending;
    assert (pending);
    assert (pending->group);
    assert (pending->position == position);

    self->kv.pending = pending->following;
    self->kv.writing_count--;
    self->kv.writing_bytes -= pending->group->bytes;
    if (status == ZSEQ_OK)
        zseq_node_kv_watch_note (self, pending->group);
    zseq_registers_complete (self->kv.registers, &pending->group, status);
    zseq_kv_reply_t *replies = pending->replies;
    zseq_kv_reply_t **end = replies ? pending->replies_end : &replies;
    free (pending);
    for (pending = self->kv.pending; pending && status != ZSEQ_OK;
         pending = pending->following)
        s_take_waiting (pending, position, &end);
    //  A reply to the node itself may have it ask at once.
    while (replies) {
        zseq_kv_reply_t *reply = replies;
        replies = reply->following;
        self->kv.waiting_count--;
        if (self->voting)
            s_send (self, &reply, status);
        else
            s_reply_destroy (&reply);
    }
}

void
zseq_node_kv_drop (zseq_node_t *self)
{
    for (zseq_kv_pending_t *pending = self->kv.pending; pending;
         pending = pending->following) {
        while (pending->replies) {
            zseq_kv_reply_t *reply = pending->replies;
            pending->replies = reply->following;
            s_reply_destroy (&reply);
        }
        pending->replies_end = &pending->replies;
    }
    self->kv.waiting_count = 0;
    if (self->kv.watches)
        zseq_kv_watches_clear (self->kv.watches);
}

void
zseq_node_kv_term (zseq_node_t *self)
{
    zseq_node_kv_drop (self);
    while (self->kv.pending) {
        zseq_kv_pending_t *pending = self->kv.pending;
        self->kv.pending = pending->following;
        zseq_kv_group_destroy (&pending->group);
        free (pending);
    }
    zseq_kv_watches_destroy (&self->kv.watches);
    zseq_registers_destroy (&self->kv.registers);
}
