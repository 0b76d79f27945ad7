//  Operations: all questions to the nodes other than claims. An operation sends
//  one message at a time, mostly to all nodes. This file keeps the list of the
//  operations under way, and has the steps that all kinds share. A kind is a
//  table of functions (zseq_operation_kind_t); zseq_query.c and zseq_kv_query.c
//  have the kinds.
//
//  zseq_operation_start puts an operation on the reactor's list; from then on,
//  zseq_reactor_run_once ticks the operation and passes replies to it until the
//  operation ends.

#include <assert.h>

#include "zseq_codec.h"
#include "zseq_reactor_private.h"

void
zseq_operation_start (zseq_reactor_t *reactor, zseq_operation_t *self)
{
    assert (reactor);
    assert (self);
    assert (!self->active);

    self->active = true;
    self->started = false;
    self->request = 0;
    self->unsent = 0;
    self->foreign = false;
    if (!self->bytes) {
        self->bytes = self->own_bytes;
        self->bytes_max = sizeof self->own_bytes;
    }
    self->prev = NULL;
    self->next = reactor->operations;
    if (self->next)
        self->next->prev = self;
    reactor->operations = self;
    reactor->needs_run = true;
}

void
zseq_operation_retire (zseq_reactor_t *reactor, zseq_operation_t *self)
{
    assert (reactor);
    assert (self);
    assert (self->active);

    if (self->prev)
        self->prev->next = self->next;
    else
        reactor->operations = self->next;
    if (self->next)
        self->next->prev = self->prev;
    self->active = false;
    self->request = 0;
}

zseq_node_set_t
zseq_operation_nodes (const zseq_reactor_t *reactor,
                      const zseq_operation_t *self)
{
    assert (reactor);
    assert (self);
    uint8_t n = zseq_session_n (reactor->session);
    zseq_node_set_t nodes = zseq_node_set_first (n);
    for (uint8_t node = 0; node < n; node++)
        if (zseq_session_speaks (reactor->session, node) < self->kind->speaks)
            zseq_node_set_remove (&nodes, node);
    return nodes;
}

zseq_progress_t
zseq_operation_progress (const zseq_operation_t *self)
{
    assert (self);
    zseq_progress_t progress = {
      self->started, self->foreign,
      self->started ? self->unsent : zseq_node_set_first (ZSEQ_NODES_MAX),
      self->attempt};
    return progress;
}

//  Sends the message to the nodes that it has not reached so far.
static void
s_scatter (zseq_reactor_t *reactor, zseq_operation_t *self)
{
    if (self->unsent)
        self->unsent &= ~zseq_session_send (reactor->session, self->unsent,
                                            self->bytes, self->size);
    if (self->attempt)
        self->attempt->absent = self->unsent;
}

//  Makes the kind's next message, and sends it.
static void
s_send (zseq_reactor_t *reactor, zseq_operation_t *self)
{
    zseq_msg_t msg;
    self->kind->request (reactor, self, &msg);
    msg.cluster = zseq_session_cluster (reactor->session);
    self->request = msg.request;
    self->sent_us = zseq_reactor_now_us (reactor);
    self->targets = zseq_operation_nodes (reactor, self);
    if (self->kind->nodes)
        self->targets &= self->kind->nodes (self);
    self->unsent = self->targets;
    //  Nodes that speak an older version may not know how to encode it, either.
    self->size = 0;
    if (self->targets) {
        self->size = zseq_codec_encode (&msg, self->bytes, self->bytes_max);
        assert (self->size);
    }
    s_scatter (reactor, self);
}

//  Tells the kind which nodes the message was sent to. Returns whether there is
//  another message to send.
static bool
s_note_sent (zseq_reactor_t *reactor, zseq_operation_t *self)
{
    return self->kind->sent &&
           self->kind->sent (self, self->targets & ~self->unsent,
                             zseq_reactor_now_us (reactor)) == ZSEQ_DO_SEND;
}

//  Takes the operation off the list, and reports its end.
static void
s_end (zseq_reactor_t *reactor, zseq_operation_t *self)
{
    zseq_operation_retire (reactor, self);
    if (self->kind->ended)
        self->kind->ended (self);
    else
        zseq_waiter_wake (&self->waiter);
}

//  Does what the kind's tick or receive has returned.
static void
s_drive (zseq_reactor_t *reactor, zseq_operation_t *self, zseq_do_t todo)
{
    if (todo == ZSEQ_DO_SEND)
        do
            s_send (reactor, self);
        while (s_note_sent (reactor, self));
    else if (todo == ZSEQ_DO_DONE)
        s_end (reactor, self);
}

//  Starts, ticks or ends one operation.
static void
s_tick (zseq_reactor_t *reactor, zseq_operation_t *self, uint64_t now_us)
{
    if (zseq_session_fatal (reactor->session) || now_us >= self->deadline_us) {
        if (self->kind->fail)
            self->kind->fail (reactor, self);
        s_end (reactor, self);
        return;
    }
    bool starts = !self->started;
    if (starts && !self->kind->may_start (reactor->session))
        return;

    if (self->unsent) {
        s_scatter (reactor, self);
        (void) s_note_sent (reactor, self);
    }
    self->started = true;
    s_drive (reactor, self, self->kind->tick (reactor, self, starts, now_us));
}

void
zseq_operations_tick (zseq_reactor_t *reactor, uint64_t now_us)
{
    assert (reactor);
    zseq_operation_t *next;
    for (zseq_operation_t *self = reactor->operations; self; self = next) {
        next = self->next;
        s_tick (reactor, self, now_us);
    }
}

//  Passes a reply to its operation, and counts the round trips.
static void
s_receive (zseq_reactor_t *reactor, zseq_operation_t *self,
           const zseq_msg_t *msg)
{
    uint64_t now_us = zseq_reactor_now_us (reactor);
    //  Replies from another cluster never count as votes.
    zseq_attempt_t *attempt = self->attempt;
    if (attempt && msg->cluster != zseq_session_cluster (reactor->session)) {
        self->foreign = self->foreign || msg->status == ZSEQ_ECLUSTER;
        return;
    }

    uint32_t round_trips = attempt ? attempt->round_trips : 0;
    zseq_do_t todo = self->kind->receive (reactor, self, msg, now_us);
    if (attempt)
        reactor->stats.round_trips += attempt->round_trips - round_trips;
    s_drive (reactor, self, todo);
}

static bool
s_waits_for (const zseq_operation_t *self, uint64_t request)
{
    return self->started && self->kind->waits_for
             ? self->kind->waits_for (self, request)
             : self->request == request;
}

bool
zseq_operations_receive (zseq_reactor_t *reactor, const zseq_msg_t *msg)
{
    assert (reactor);
    assert (msg);

    zseq_operation_t *self = reactor->operations;
    while (self && !s_waits_for (self, msg->request))
        self = self->next;
    if (self)
        s_receive (reactor, self, msg);
    return self != NULL;
}

bool
zseq_operations_unsent (const zseq_reactor_t *reactor)
{
    assert (reactor);
    const zseq_operation_t *self = reactor->operations;
    while (self && !self->unsent && !self->foreign)
        self = self->next;
    return self != NULL;
}

static uint64_t
s_wake_us (const zseq_operation_t *self)
{
    uint64_t wake_us = ZSEQ_NEVER;
    if (self->started && self->kind->wake_us)
        wake_us = self->kind->wake_us (self);
    else if (self->started && self->attempt)
        wake_us = zseq_attempt_wake_us (self->attempt);
    return wake_us < self->deadline_us ? wake_us : self->deadline_us;
}

uint64_t
zseq_operations_wake_us (const zseq_reactor_t *reactor)
{
    assert (reactor);
    uint64_t wake_us = ZSEQ_NEVER;
    for (const zseq_operation_t *self = reactor->operations; self;
         self = self->next) {
        uint64_t self_us = s_wake_us (self);
        if (self_us < wake_us)
            wake_us = self_us;
    }
    return wake_us;
}
