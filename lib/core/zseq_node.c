#include "zseq_node.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_quorum.h"
#include "zseq_recovery.h"

//  How long after its answer a peer is asked again who it is: at birth, and
//  later. While it does not answer, the time doubles.
#define BIRTH_ASK_US 50000
#define ASK_US 1000000
#define ASK_US_MAX 8000000
//  How long a question is under way at least before it is asked again because
//  somebody says that the answer has changed: anybody can say so.
#define HINT_US 500000
//  How often refused introductions are told of.
#define STRANGER_US 10000000

//  Bytes of names in a LIST reply: whoever asks and does not read has as many
//  replies waiting as the queue is long.
#define PAGE_BYTES_MAX 8192
#define PAGE_ITEM_BYTES 16

//  How long after its limit was chosen an entry is looked at again, and how
//  many are at one tick.
#define LOOK_US 1000000
#define LOOKS_MAX 32768

//  A recovering node asks for no more while that many writes are in flight.
#define COPYING_MAX 8192
//  How often it tells how far it is, or for whom it waits.
#define COPIED_US 1000000
#define WAITING_US 10000000
#define WHY_MAX 256
//  Attempts after which it gives up: others must be using its name.
#define ATTEMPTS_MAX 32

//  A request that was granted, and whose reply waits for the disk.
typedef struct {
    zseq_route_t route;
    zseq_op_t op;
    uint64_t request;
    uint64_t next;  //  To be answered, and to be durable before that
    uint64_t first;
    uint64_t count;
    uint32_t following;  //  Next in the entry's queue, or in the free list
} s_waiting_t;

//  What a peer last said of itself.
typedef struct {
    uint64_t request;   //  The question under way; 0 if none
    zseq_op_t op;       //  What it asks
    uint64_t ask_us;    //  When to ask next
    uint64_t asked_us;  //  When that was asked
    uint64_t wait_us;   //  How long to wait for the answer; 0: as usual
    uint64_t cluster;   //  Whose voter it is, to a node that does not know its
                        //  own cluster; 0: it has not said
    zseq_vector_t vector;
    int complaint;  //  What was last logged about it; ZSEQ_OK if nothing

    //  A life of it that somebody claimed by FENCE and that it has not
    //  confirmed yet, if the counter is not 0.
    zseq_incarnation_t claimed;
    bool checking;  //  The question under way was asked since
    bool refuted;   //  It answered in an older life
} s_peer_t;

//  How far a recovery is.
typedef enum {
    PHASE_ASK,    //  Asks which lives are known
    PHASE_BEGIN,  //  Its new life is being written
    PHASE_COPY,   //  Fences, and copies
    PHASE_SETTLE  //  What was copied is being written, the vote last
} s_phase_t;

struct zseq_node {
    zseq_record_t record;    //  As it is to be
    zseq_vector_t durable;   //  The vector of the record on disk
    uint64_t version;        //  Of record; one up with every change
    uint64_t version_disk;   //  Of the record on disk
    bool record_writing;     //  A write of the record is in flight
    zseq_record_t snapshot;  //  What that write holds
    bool voting;             //  S5: the record on disk says so
    bool recovering;         //  It lost what it knew, and does not vote
    bool stopping;
    bool begun;  //  The first tick is over
    bool ended;  //  It has told that it must end
    uint64_t now_us;
    uint64_t next_request;
    uint64_t stranger_us;  //  When a refused introduction may be told of again
    s_peer_t peer[ZSEQ_NODES_MAX];

    char why[WHY_MAX];  //  Why it recovers
    uint64_t identity;  //  The cluster's, as far as it is known
    s_phase_t phase;
    zseq_recovery_t recovery;  //  The attempt under way
    uint32_t attempts;
    uint32_t superseded;     //  Times a voter heard of a newer life of itself
    uint64_t begun_version;  //  Of the record that has the new life
    uint64_t progress_us;    //  When the last answer was of use
    uint64_t told_us;        //  When it was last told how far it is
    uint64_t told_copied;    //  How far that was
    bool forced;
    zseq_force_t force;

    zseq_table_t *table;
    uint64_t reserve_us;
    zseq_entry_t *reserved;  //  Entries with a reserve, first come first
    zseq_entry_t **reserved_end;
    s_waiting_t *waiting;  //  Place 0 is unused
    uint32_t waiting_size;
    uint32_t waiting_free;  //  First of the free places; 0 if none
    size_t waiting_count;
    size_t waiting_max;
    zseq_entry_t *dirty;  //  Entries to be written at the next flush
    zseq_entry_t **dirty_end;
    size_t writing;  //  Entries whose write is in flight

    uint64_t claims;
    uint64_t conflicts;
    uint64_t burnt;  //  IDs between next and limit that were loaded

    zseq_msg_t reply;                 //  Scratch
    zseq_item_t page[ZSEQ_PAGE_MAX];  //  Scratch
    zseq_action_fn *act;
    void *arg;
};

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
    self->durable = record->vector;
    self->version = self->version_disk = 1;
    self->voting = record->voting;
    self->identity = record->identity;
    self->next_request = seed;
    self->waiting_max = limits->waiting_max;
    self->dirty_end = &self->dirty;
    self->reserve_us = limits->reserve_us;
    self->reserved_end = &self->reserved;
    self->act = act;
    self->arg = arg;
    self->table = zseq_table_new (limits->names_max);
    if (!self->table)
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
    zseq_table_destroy (&self->table);
    free (self->waiting);
    free (self);
    *self_p = NULL;
}

static void
s_mark_dirty (zseq_node_t *self, zseq_entry_t *entry)
{
    if (entry->queued || entry->writing)
        return;
    entry->queued = true;
    entry->dirty = NULL;
    *self->dirty_end = entry;
    self->dirty_end = &entry->dirty;
}

int
zseq_node_load (zseq_node_t *self, const char *name, size_t size, uint64_t next,
                uint64_t limit)
{
    assert (self);
    assert (!self->begun);
    assert (next <= limit);

    zseq_entry_t *entry;
    int rc = zseq_table_insert (self->table, name, size, &entry);
    if (rc != ZSEQ_OK)
        return rc;
    zseq_seq_init (&entry->seq, limit);
    entry->limit = limit;
    entry->journaled = true;
    if (next < limit) {
        //  What was reserved is burnt. Once the record says so, it is not
        //  counted again.
        self->burnt += limit - next;
        entry->lowering = true;
        s_mark_dirty (self, entry);
    }
    return ZSEQ_OK;
}

void
zseq_node_adopt (zseq_node_t *self, uint64_t identity)
{
    assert (self);
    assert (!self->begun);

    zseq_record_lose (&self->record, identity);
    self->durable = self->record.vector;
    self->identity = identity;
}

void
zseq_node_recover (zseq_node_t *self, const char *why,
                   const zseq_force_t *force)
{
    assert (self);
    assert (why);
    assert (!self->begun);

    self->recovering = true;
    self->voting = false;
    snprintf (self->why, sizeof self->why, "%s", why);
    if (force) {
        self->forced = true;
        self->force = *force;
    }
}

bool
zseq_node_move (zseq_node_t *self, const zseq_member_t *member)
{
    assert (self);
    assert (member);
    assert (!self->begun);

    for (uint8_t node = 0; node < self->record.n; node++) {
        zseq_member_t *known = &self->record.member[node];
        if (strcmp (known->name, member->name) ||
            !strcmp (known->endpoint, member->endpoint))
            continue;
        *known = *member;
        self->version++;
        return true;
    }
    return false;
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
    return self->waiting_count == 0 && self->writing == 0 &&
           !self->record_writing && (self->recovering || !self->dirty);
}

zseq_state_t
zseq_node_state (const zseq_node_t *self)
{
    assert (self);

    if (self->stopping)
        return ZSEQ_STATE_STOPPING;
    if (self->voting)
        return ZSEQ_STATE_VOTING;
    if (self->recovering || zseq_record_lost (&self->record))
        return ZSEQ_STATE_RECOVERING;
    return zseq_vector_complete (&self->durable) ? ZSEQ_STATE_COMPLETE
                                                 : ZSEQ_STATE_BIRTH;
}

//  What is told to the operator.

static void
s_tell (zseq_node_t *self, zseq_action_type_t type, int status,
        const char *format, ...)
{
    char text[512];
    va_list list;
    va_start (list, format);
    vsnprintf (text, sizeof text, format, list);
    va_end (list);

    if (type == ZSEQ_ACTION_EXIT)
        self->ended = true;
    zseq_action_t action = {.type = type, .status = status, .text = text};
    self->act (&action, self->arg);
}

static const char *
s_name (const zseq_node_t *self, uint8_t node)
{
    return self->record.member[node].name;
}

//  Tells of a peer's fault once, until it changes.
static bool
s_complain (zseq_node_t *self, uint8_t peer, int complaint)
{
    bool anew = self->peer[peer].complaint != complaint;
    self->peer[peer].complaint = complaint;
    return anew;
}

static void
s_tell_ready (zseq_node_t *self)
{
    s_tell (
      self, ZSEQ_ACTION_LOG, ZSEQ_OK,
      "ready: node %s votes (cluster %s of %u, incarnation %llu, "
      "%zu sequences)",
      s_name (self, self->record.self), self->record.cluster, self->record.n,
      (unsigned long long) self->record.vector.life[self->record.self].counter,
      zseq_table_count (self->table));
    if (self->burnt)
        s_tell (self, ZSEQ_ACTION_LOG, ZSEQ_OK,
                "burnt %llu IDs at most, which were reserved when the node "
                "last ended without being stopped",
                (unsigned long long) self->burnt);
}

//  Replies.

static zseq_msg_t *
s_reply (zseq_node_t *self, zseq_op_t op, uint64_t request, int status)
{
    zseq_msg_t *reply = &self->reply;
    reply->op = op;
    reply->reply = true;
    reply->request = request;
    reply->cluster = self->record.identity;
    reply->status = status;
    reply->node = self->record.self;
    //  The life of a node that does not vote may not be on its disk yet.
    reply->vector = self->voting ? self->record.vector : self->durable;
    return reply;
}

static void
s_send (zseq_node_t *self, const zseq_route_t *route)
{
    zseq_action_t action = {
      .type = ZSEQ_ACTION_REPLY, .route = route, .msg = &self->reply};
    self->act (&action, self->arg);
}

static void
s_refuse (zseq_node_t *self, const zseq_event_t *event, int status)
{
    zseq_msg_t *reply =
      s_reply (self, event->msg->op, event->msg->request, status);
    assert (!zseq_msg_has_body (reply->op, status));
    s_send (self, &event->route);
}

//  What a READ, CLAIM or RAISE is to be answered.
static s_waiting_t
s_granted (const zseq_event_t *event, uint64_t next)
{
    const zseq_msg_t *msg = event->msg;
    s_waiting_t granted = {.route = event->route,
                           .op = msg->op,
                           .request = msg->request,
                           .next = next};
    if (msg->op == ZSEQ_OP_CLAIM) {
        granted.first = msg->first;
        granted.count = msg->count;
    }
    return granted;
}

static void
s_answer (zseq_node_t *self, const zseq_route_t *route,
          const s_waiting_t *granted, int status)
{
    zseq_msg_t *reply = s_reply (self, granted->op, granted->request, status);
    reply->next = granted->next;
    reply->first = granted->first;
    reply->count = granted->count;
    s_send (self, route);
}

//  Requests that wait for the disk.

static bool
s_room (zseq_node_t *self)
{
    if (self->waiting_free)
        return true;
    if (self->waiting_count == self->waiting_max)
        return false;

    size_t size = self->waiting_size ? self->waiting_size * 2 : 64;
    if (size > self->waiting_max + 1)
        size = self->waiting_max + 1;
    s_waiting_t *waiting = realloc (self->waiting, size * sizeof *waiting);
    if (!waiting)
        return false;
    uint32_t begin = self->waiting_size ? self->waiting_size : 1;
    for (uint32_t place = begin; place < size; place++)
        waiting[place].following = place + 1 < size ? place + 1 : 0;
    self->waiting = waiting;
    self->waiting_size = (uint32_t) size;
    self->waiting_free = begin < size ? begin : 0;
    return self->waiting_free != 0;
}

//  A name's next: no less than where every name begins.
static zseq_seq_t
s_seq (const zseq_node_t *self, const zseq_entry_t *entry)
{
    zseq_seq_t seq = {.next = self->record.floor};
    if (entry)
        zseq_seq_raise (&seq, entry->seq.next);
    return seq;
}

//  Whether an entry's next would survive a power cut: the limit on disk is no
//  less, or it is where every name begins.
static bool
s_durable (const zseq_node_t *self, const zseq_entry_t *entry)
{
    return entry->seq.next <= entry->limit ||
           entry->seq.next <= self->record.floor;
}

//  Writes ahead when half of a reserve is used up, so that nobody has to wait.
static void
s_reserve_ahead (zseq_node_t *self, zseq_entry_t *entry)
{
    if (entry->listed && entry->limit >= entry->seq.next &&
        entry->limit - entry->seq.next <= entry->reserve.claimed)
        s_mark_dirty (self, entry);
}

//  S8: answers now if what is answered is durable, else when it is. There
//  must be room.
static void
s_grant (zseq_node_t *self, const zseq_event_t *event, zseq_entry_t *entry)
{
    s_waiting_t granted = s_granted (event, s_seq (self, entry).next);
    if (s_durable (self, entry)) {
        s_answer (self, &event->route, &granted, ZSEQ_OK);
        return;
    }
    uint32_t place = self->waiting_free;
    assert (place);
    self->waiting_free = self->waiting[place].following;
    self->waiting_count++;
    self->waiting[place] = granted;
    if (entry->waiting)
        self->waiting[entry->waiting_last].following = place;
    else
        entry->waiting = place;
    entry->waiting_last = place;
    s_mark_dirty (self, entry);
}

//  Answers whoever waits for no more than limit. next only grows, so that
//  those come first in the queue. A node that votes no more has nothing to say.
static void
s_release (zseq_node_t *self, zseq_entry_t *entry, uint64_t limit, int status)
{
    while (entry->waiting) {
        uint32_t place = entry->waiting;
        s_waiting_t *granted = &self->waiting[place];
        if (granted->next > limit)
            break;
        if (self->voting)
            s_answer (self, &granted->route, granted, status);
        entry->waiting = granted->following;
        granted->following = self->waiting_free;
        self->waiting_free = place;
        self->waiting_count--;
    }
}

//  Requests of clients.

static bool
s_admit (zseq_node_t *self, const zseq_event_t *event)
{
    const zseq_msg_t *msg = event->msg;
    if (!self->voting || self->stopping) {
        s_refuse (self, event, ZSEQ_ENOTVOTING);
        return false;
    }
    if (msg->cluster != self->record.identity) {
        s_refuse (self, event, ZSEQ_ECLUSTER);
        return false;
    }
    return true;
}

static zseq_entry_t *
s_find (const zseq_node_t *self, const zseq_msg_t *msg)
{
    return zseq_table_find (self->table, msg->name.data, msg->name.size);
}

//  The entry of the request's name, made if need be. NULL: refused.
static zseq_entry_t *
s_obtain (zseq_node_t *self, const zseq_event_t *event)
{
    const zseq_msg_t *msg = event->msg;
    zseq_entry_t *entry = s_find (self, msg);
    if (entry)
        return entry;
    int rc =
      zseq_table_insert (self->table, msg->name.data, msg->name.size, &entry);
    if (rc != ZSEQ_OK) {
        s_refuse (self, event, rc == ZSEQ_EFULL ? ZSEQ_EFULL : ZSEQ_EBUSY);
        return NULL;
    }
    zseq_seq_init (&entry->seq, self->record.floor);
    return entry;
}

//  Answers at once, and takes nothing.
static void
s_answer_next (zseq_node_t *self, const zseq_event_t *event, uint64_t next,
               int status)
{
    s_waiting_t granted = s_granted (event, next);
    s_answer (self, &event->route, &granted, status);
}

static void
s_read (zseq_node_t *self, const zseq_event_t *event)
{
    if (!s_admit (self, event))
        return;
    zseq_entry_t *entry = s_find (self, event->msg);
    if (!entry)
        s_answer_next (self, event, self->record.floor, ZSEQ_OK);
    else if (!s_durable (self, entry) && !s_room (self))
        s_refuse (self, event, ZSEQ_EBUSY);
    else
        s_grant (self, event, entry);
}

static void
s_claim (zseq_node_t *self, const zseq_event_t *event)
{
    if (!s_admit (self, event))
        return;
    const zseq_msg_t *msg = event->msg;

    //  Tried on a copy first: a claim that is refused leaves nothing behind.
    zseq_entry_t *entry = s_find (self, msg);
    zseq_seq_t seq = s_seq (self, entry);
    int rc = zseq_seq_accept (&seq, msg->first, msg->count);
    if (rc != ZSEQ_OK) {
        if (rc == ZSEQ_ECONFLICT)
            self->conflicts++;
        s_answer_next (self, event, seq.next, rc);
        return;
    }
    if (!s_room (self)) {
        s_refuse (self, event, ZSEQ_EBUSY);
        return;
    }
    entry = s_obtain (self, event);
    if (!entry)
        return;
    entry->seq = seq;
    self->claims++;
    zseq_reserve_claim (&entry->reserve, msg->count);
    s_grant (self, event, entry);
    s_reserve_ahead (self, entry);
}

static void
s_raise (zseq_node_t *self, const zseq_event_t *event)
{
    if (!s_admit (self, event))
        return;
    if (!s_room (self)) {
        s_refuse (self, event, ZSEQ_EBUSY);
        return;
    }
    if (event->msg->next <= self->record.floor && !s_find (self, event->msg)) {
        s_answer_next (self, event, self->record.floor, ZSEQ_OK);
        return;
    }
    zseq_entry_t *entry = s_obtain (self, event);
    if (!entry)
        return;
    zseq_seq_raise (&entry->seq, event->msg->next);
    s_grant (self, event, entry);
}

//  A page of names that begin with prefix and lie above after. Of a LIST it
//  holds what is durable: a name whose first claim is not may never have been.
//  Of a COPY it holds all that is in memory.
static void
s_answer_page (zseq_node_t *self, const zseq_event_t *event,
               zseq_slice_t prefix, size_t wanted)
{
    const zseq_msg_t *msg = event->msg;
    bool copy = msg->op == ZSEQ_OP_COPY;
    zseq_entry_t *entries[ZSEQ_PAGE_MAX + 1];
    zseq_slice_t after = msg->after;
    size_t count = 0;
    bool more = true;
    while (more && count == 0) {
        size_t found =
          zseq_table_page (self->table, prefix.data, prefix.size, after.data,
                           after.size, entries, wanted + 1);
        more = found > wanted;
        size_t bytes = 0;
        for (size_t index = 0; index < found && index < wanted; index++) {
            const zseq_entry_t *entry = entries[index];
            after.data = entry->name;
            after.size = entry->name_size;
            if (!entry->limit && !copy)
                continue;
            bytes += entry->name_size + PAGE_ITEM_BYTES;
            if (bytes > PAGE_BYTES_MAX) {
                more = true;
                break;
            }
            uint64_t next = s_seq (self, entry).next;
            if (!copy && !s_durable (self, entry))
                next = entry->limit;
            self->page[count].name = after;
            self->page[count].next = next;
            count++;
        }
    }
    zseq_msg_t *reply = s_reply (self, msg->op, msg->request, ZSEQ_OK);
    reply->items = self->page;
    reply->item_count = count;
    reply->more = more;
    s_send (self, &event->route);
}

static void
s_list (zseq_node_t *self, const zseq_event_t *event)
{
    if (!s_admit (self, event))
        return;
    const zseq_msg_t *msg = event->msg;
    s_answer_page (self, event, msg->name,
                   msg->count < ZSEQ_PAGE_MAX ? (size_t) msg->count
                                              : ZSEQ_PAGE_MAX);
}

//  Who this node is: HELLO, STATUS and INTRODUCE.

static zseq_slice_t
s_slice (const char *text)
{
    zseq_slice_t slice = {text, strlen (text)};
    return slice;
}

static void
s_fill_members (const zseq_node_t *self, zseq_msg_t *msg)
{
    msg->cluster_name = s_slice (self->record.cluster);
    msg->member_count = self->record.n;
    for (uint8_t node = 0; node < self->record.n; node++) {
        msg->member[node].name = s_slice (self->record.member[node].name);
        msg->member[node].endpoint =
          s_slice (self->record.member[node].endpoint);
    }
}

static void
s_hello (zseq_node_t *self, const zseq_event_t *event)
{
    if (event->msg->cluster && event->msg->cluster != self->record.identity) {
        s_refuse (self, event, ZSEQ_ECLUSTER);
        return;
    }
    zseq_msg_t *reply =
      s_reply (self, ZSEQ_OP_HELLO, event->msg->request, ZSEQ_OK);
    s_fill_members (self, reply);
    reply->state = zseq_node_state (self);
    s_send (self, &event->route);
}

//  Whom a node that is being born waits for.
static bool
s_reason_birth (const zseq_node_t *self, uint8_t node)
{
    if (zseq_node_state (self) == ZSEQ_STATE_BIRTH)
        return self->durable.life[node].counter == 0;
    return !zseq_vector_equal (&self->peer[node].vector, &self->durable);
}

//  Whom a node that recovers waits for: peers that have not answered as voters,
//  or that it has not copied from.
static bool
s_reason_recovery (const zseq_node_t *self, uint8_t node)
{
    const zseq_source_t *source = &self->recovery.source[node];
    return self->phase == PHASE_ASK
             ? !source->asked && !self->peer[node].cluster
             : !source->complete;
}

//  Why the node does not vote, for a person; empty if it does.
static void
s_reason (const zseq_node_t *self, char *text, size_t size)
{
    zseq_state_t state = zseq_node_state (self);
    size_t used = 0;
    text[0] = 0;
    if (state == ZSEQ_STATE_VOTING)
        return;
    if (state == ZSEQ_STATE_STOPPING)
        snprintf (text, size, "stopping");
    else if (state == ZSEQ_STATE_BIRTH)
        used = (size_t) snprintf (text, size, "birth: has not met");
    else if (state == ZSEQ_STATE_COMPLETE)
        used = (size_t) snprintf (text, size,
                                  "birth: not all have met the same nodes:");
    else if (self->phase == PHASE_BEGIN || self->phase == PHASE_SETTLE)
        snprintf (text, size, "recovering: writing");
    else {
        uint8_t lacking = 0;
        for (uint8_t node = 0; node < self->record.n; node++)
            if (node != self->record.self && s_reason_recovery (self, node))
                lacking++;
        used = (size_t) snprintf (
          text, size, "recovering: %s %u of %u voting peers; lacks",
          self->phase == PHASE_ASK ? "found" : "copied from",
          self->record.n - 1 - lacking, self->recovery.need);
    }
    for (uint8_t node = 0; node < self->record.n && used && used < size;
         node++) {
        bool lacks = state == ZSEQ_STATE_RECOVERING
                       ? s_reason_recovery (self, node)
                       : s_reason_birth (self, node);
        if (node != self->record.self && lacks)
            used += (size_t) snprintf (text + used, size - used, " %s",
                                       s_name (self, node));
    }
}

static void
s_status (zseq_node_t *self, const zseq_event_t *event)
{
    if (event->msg->cluster && event->msg->cluster != self->record.identity) {
        s_refuse (self, event, ZSEQ_ECLUSTER);
        return;
    }
    char reason[ZSEQ_REASON_MAX + 1];
    s_reason (self, reason, sizeof reason);
    zseq_msg_t *reply =
      s_reply (self, ZSEQ_OP_STATUS, event->msg->request, ZSEQ_OK);
    reply->state = zseq_node_state (self);
    reply->reason = s_slice (reason);
    reply->sequences = zseq_table_count (self->table);
    reply->claims = self->claims;
    reply->conflicts = self->conflicts;
    reply->burnt = self->burnt;
    s_send (self, &event->route);
}

static bool
s_same (zseq_slice_t slice, const char *text)
{
    return slice.size == strlen (text) &&
           !memcmp (slice.data, text, slice.size);
}

static bool
s_same_members (const zseq_node_t *self, const zseq_msg_t *msg)
{
    if (!s_same (msg->cluster_name, self->record.cluster) ||
        msg->member_count != self->record.n || msg->vector.n != self->record.n)
        return false;
    for (uint8_t node = 0; node < self->record.n; node++)
        if (!s_same (msg->member[node].name, self->record.member[node].name))
            return false;
    return true;
}

//  Tells of a node that thinks it is a peer, now and then: anybody can cause it.
static void
s_tell_stranger (zseq_node_t *self, const zseq_msg_t *msg)
{
    if (self->now_us < self->stranger_us)
        return;
    self->stranger_us = self->now_us + STRANGER_US;
    const zseq_slice_t *name =
      &msg->member[msg->node < msg->member_count ? msg->node : 0].name;
    s_tell (self, ZSEQ_ACTION_LOG, ZSEQ_EMEMBERS,
            "refused node %.*s of cluster %.*s: it was formatted with another "
            "member list (%zu members) or cluster name, or as this very node; "
            "format one of the two again",
            (int) name->size, name->data, (int) msg->cluster_name.size,
            msg->cluster_name.data, msg->member_count);
}

//  Somebody says that a peer would answer something new by now.
static void
s_hint (zseq_node_t *self, uint8_t node)
{
    s_peer_t *peer = &self->peer[node];
    uint64_t ask_us = peer->request ? peer->asked_us + HINT_US : self->now_us;
    if (peer->ask_us > ask_us)
        peer->ask_us = ask_us;
}

//  A peer says who it is. What it says is held against what is known, and
//  nothing is learnt from it: anybody could say it. This node learns by asking
//  at the peer's endpoint itself.
static void
s_introduce (zseq_node_t *self, const zseq_event_t *event)
{
    const zseq_msg_t *msg = event->msg;
    if (msg->cluster && self->record.identity &&
        msg->cluster != self->record.identity) {
        s_refuse (self, event, ZSEQ_ECLUSTER);
        return;
    }
    if (!s_same_members (self, msg) || msg->node >= self->record.n ||
        msg->node == self->record.self) {
        s_refuse (self, event, ZSEQ_EMEMBERS);
        s_tell_stranger (self, msg);
        return;
    }
    const zseq_incarnation_t *known = &self->record.vector.life[msg->node];
    const zseq_incarnation_t *said = &msg->vector.life[msg->node];
    int order = zseq_incarnation_compare (said, known);
    if (known->counter && order && said->counter <= 1 &&
        (!msg->cluster || known->counter == 1)) {
        s_refuse (self, event, ZSEQ_EREFORMATTED);
        return;
    }
    if (order < 0) {
        s_refuse (self, event, ZSEQ_ESUPERSEDED);
        return;
    }
    if (order > 0)
        s_hint (self, msg->node);
    zseq_msg_t *reply =
      s_reply (self, ZSEQ_OP_INTRODUCE, msg->request, ZSEQ_OK);
    reply->state = zseq_node_state (self);
    //  S5: what is only in memory must not make a peer vote.
    reply->vector = self->durable;
    s_send (self, &event->route);
}

//  A new question to a peer; what was under way to it is given up. The caller
//  completes and sends it.
static zseq_msg_t *
s_question (zseq_node_t *self, uint8_t peer, zseq_op_t op)
{
    if (++self->next_request == 0)
        self->next_request = 1;
    self->peer[peer].request = self->next_request;
    self->peer[peer].asked_us = self->now_us;
    self->peer[peer].op = op;

    zseq_msg_t *ask = &self->reply;
    ask->op = op;
    ask->reply = false;
    ask->request = self->next_request;
    ask->cluster = self->record.identity;
    ask->node = self->record.self;
    return ask;
}

static void
s_send_question (zseq_node_t *self, uint8_t peer)
{
    zseq_action_t action = {
      .type = ZSEQ_ACTION_ASK, .peer = peer, .msg = &self->reply};
    self->act (&action, self->arg);
}

static void
s_ask (zseq_node_t *self, uint8_t peer)
{
    zseq_msg_t *ask = s_question (self, peer, ZSEQ_OP_INTRODUCE);
    ask->vector = self->record.vector;
    ask->state = zseq_node_state (self);
    s_fill_members (self, ask);
    s_send_question (self, peer);
    self->peer[peer].checking = self->peer[peer].claimed.counter > 0;
}

//  Whether the peer that recovers may be told: its new life is in force here,
//  and on disk. What it says of that life itself is not believed, as anybody
//  could say it: this node learns of it by asking at the peer's endpoint.
static bool
s_admit_fenced (zseq_node_t *self, const zseq_event_t *event)
{
    const zseq_msg_t *msg = event->msg;
    if (!s_admit (self, event))
        return false;
    if (msg->node >= self->record.n || msg->node == self->record.self) {
        s_refuse (self, event, ZSEQ_EMEMBERS);
        return false;
    }
    s_peer_t *peer = &self->peer[msg->node];
    int order = zseq_incarnation_compare (&msg->life,
                                          &self->record.vector.life[msg->node]);
    bool claimed = !zseq_incarnation_compare (&msg->life, &peer->claimed);
    if (order > 0 && !claimed) {
        peer->claimed = msg->life;
        peer->checking = false;
        peer->refuted = false;
    }
    if (order > 0)
        s_hint (self, msg->node);
    bool durable =
      !zseq_incarnation_compare (&msg->life, &self->durable.life[msg->node]);
    if (order == 0 && durable)
        return true;
    bool refused =
      order < 0 || (claimed && peer->refuted) || msg->op == ZSEQ_OP_COPY;
    s_refuse (self, event, refused ? ZSEQ_ESUPERSEDED : ZSEQ_EAGAIN);
    return false;
}

static void
s_fence (zseq_node_t *self, const zseq_event_t *event)
{
    if (!s_admit_fenced (self, event))
        return;
    zseq_msg_t *reply =
      s_reply (self, ZSEQ_OP_FENCE, event->msg->request, ZSEQ_OK);
    reply->floor = self->record.floor;
    reply->floor_reserved = self->record.floor_reserved;
    reply->sequences = zseq_table_count (self->table);
    s_send (self, &event->route);
}

static void
s_copy (zseq_node_t *self, const zseq_event_t *event)
{
    if (s_admit_fenced (self, event))
        s_answer_page (self, event, (zseq_slice_t){"", 0}, ZSEQ_PAGE_MAX);
}

//  Birth.

static void
s_vote (zseq_node_t *self, uint64_t identity)
{
    self->record.identity = identity;
    self->record.voting = true;
    self->version++;
}

//  S5: votes once every node has met every other: then all have written down
//  the same vector, to which each has brought its own entry. (A node that is
//  told late votes once a peer that votes knows this very life of it.)
static void
s_consider_birth (zseq_node_t *self)
{
    zseq_record_t *record = &self->record;
    if (record->voting || record->identity || self->recovering ||
        self->stopping)
        return;
    for (uint8_t node = 0; node < record->n; node++)
        if (node != record->self &&
            !zseq_vector_equal (&self->peer[node].vector, &self->durable))
            return;
    s_vote (self, zseq_record_identity (record));
}

//  Recovery.

//  Begins to ask anew.
static void
s_attempt_recovery (zseq_node_t *self)
{
    if (++self->attempts > ATTEMPTS_MAX) {
        s_tell (self, ZSEQ_ACTION_EXIT, ZSEQ_ESUPERSEDED,
                "node %s has begun %u recoveries, and each time a newer life "
                "of it was there already: other processes live under its name",
                s_name (self, self->record.self), ATTEMPTS_MAX);
        return;
    }
    //  S5: the vote may be on its way to the disk already.
    if (self->record.voting) {
        self->record.voting = false;
        self->version++;
    }
    zseq_recovery_init (&self->recovery, &self->record);
    self->phase = PHASE_ASK;
    self->progress_us = self->now_us;
    for (uint8_t node = 0; node < self->record.n; node++) {
        self->peer[node].request = 0;
        self->peer[node].ask_us = 0;
        self->peer[node].wait_us = 0;
        self->peer[node].cluster = 0;
        self->peer[node].complaint = ZSEQ_OK;
    }
}

//  S5: votes no more, as of now, and on disk soon. What waits for the disk is
//  not answered: it was granted in a life that has ended.
static void
s_recover (zseq_node_t *self)
{
    self->recovering = true;
    self->voting = false;
    for (zseq_entry_t *entry = self->dirty; entry; entry = entry->dirty)
        s_release (self, entry, UINT64_MAX, ZSEQ_ENOTVOTING);
    s_tell (self, ZSEQ_ACTION_LOG, ZSEQ_OK, "node %s recovers: %s",
            s_name (self, self->record.self), self->why);
    uint8_t need = zseq_quorum_majority (self->record.n);
    if (need > self->record.n - 1 && !self->forced) {
        s_tell (self, ZSEQ_ACTION_EXIT, ZSEQ_EQUORUM,
                "it takes %u voting peers to recover, and in a cluster of %u "
                "there are %u: see zseqd recover --force",
                need, self->record.n, self->record.n - 1);
        return;
    }
    self->told_us = self->now_us;
    s_attempt_recovery (self);
}

//  Whether a forced recovery has waited long enough for peers.
static bool
s_waited (const zseq_node_t *self)
{
    return self->forced &&
           self->now_us - self->progress_us >= self->force.wait_us;
}

//  A node that does not know its cluster believes need voters that agree.
static void
s_find_cluster (zseq_node_t *self, uint8_t need)
{
    uint8_t n = self->record.n;
    for (uint8_t node = 0; node < n && !self->identity; node++) {
        uint8_t agree = 0;
        for (uint8_t other = 0; other < n; other++)
            if (self->peer[other].cluster == self->peer[node].cluster)
                agree++;
        if (self->peer[node].cluster && agree >= need)
            self->identity = self->peer[node].cluster;
    }
    for (uint8_t node = 0; node < n && self->identity; node++) {
        if (self->peer[node].cluster != self->identity ||
            !zseq_recovery_see (&self->recovery, node,
                                &self->peer[node].vector))
            continue;
        self->recovery.source[node].asked = true;
    }
}

//  Takes a new life, above all that anybody knows of.
static void
s_begin_life (zseq_node_t *self)
{
    zseq_record_t *record = &self->record;
    if (!self->identity && self->forced)
        s_find_cluster (self, 1);
    if (!record->identity)
        record->identity = self->identity;
    if (!record->identity) {
        s_tell (self, ZSEQ_ACTION_EXIT, ZSEQ_EUNAVAILABLE,
                "no peer votes, and nothing is left on this disk: nobody knows "
                "the cluster any more. Format a new one and raise its "
                "sequences above all IDs that were handed out");
        return;
    }
    zseq_vector_merge (&record->vector, &self->recovery.newest);
    zseq_incarnation_t *life = &record->vector.life[record->self];
    if (life->counter == UINT64_MAX) {
        s_tell (self, ZSEQ_ACTION_EXIT, ZSEQ_EPROTOCOL,
                "node %s has had all incarnations that there are",
                s_name (self, record->self));
        return;
    }
    //  The first life is for those that were formatted. Request IDs are random
    //  where a process begins, and never come twice in it.
    life->counter = life->counter ? life->counter + 1 : 2;
    life->random = ++self->next_request;
    self->phase = PHASE_BEGIN;
    self->begun_version = ++self->version;
}

//  Enough peers have told all that they hold.
static void
s_settle (zseq_node_t *self)
{
    zseq_record_t *record = &self->record;
    if (self->forced && record->floor < self->force.floor)
        record->floor = self->force.floor;
    for (uint8_t node = 0; node < record->n; node++) {
        const zseq_source_t *source = &self->recovery.source[node];
        if (!source->complete)
            continue;
        if (record->floor < source->floor)
            record->floor = source->floor;
        if (record->floor_reserved < source->floor_reserved)
            record->floor_reserved = source->floor_reserved;
    }
    zseq_vector_merge (&record->vector, &self->recovery.newest);
    //  All that is written with the vote.
    self->phase = PHASE_SETTLE;
}

static void
s_consider_recovery (zseq_node_t *self)
{
    if (!self->recovering || self->stopping)
        return;
    const zseq_recovery_t *recovery = &self->recovery;
    //  A forced one is glad of all that there are.
    uint8_t peers = (uint8_t) (self->record.n - 1);
    uint8_t need = self->forced ? peers : recovery->need;
    if (self->phase == PHASE_ASK) {
        if (zseq_recovery_asked (recovery) >= need || s_waited (self))
            s_begin_life (self);
    }
    else if (self->phase == PHASE_COPY) {
        if (zseq_recovery_complete (recovery) >= need || s_waited (self))
            s_settle (self);
    }
}

//  S5: the vote is the last thing to be written.
static void
s_consider_vote (zseq_node_t *self)
{
    if (self->recovering && self->phase == PHASE_SETTLE && !self->dirty &&
        self->writing == 0 && !self->record.voting && !self->stopping) {
        self->record.voting = true;
        self->version++;
    }
}

//  The next question of a recovery to a peer, if there is one.
static void
s_pursue (zseq_node_t *self, uint8_t peer)
{
    const zseq_source_t *source = &self->recovery.source[peer];
    zseq_op_t op = ZSEQ_OP_HELLO;
    if (self->phase == PHASE_COPY)
        op = source->fenced ? ZSEQ_OP_COPY : ZSEQ_OP_FENCE;
    else if (self->phase != PHASE_ASK)
        return;
    if (source->complete || (op == ZSEQ_OP_HELLO && source->asked) ||
        (op == ZSEQ_OP_COPY && self->writing > COPYING_MAX))
        return;

    uint64_t *wait_us = &self->peer[peer].wait_us;
    *wait_us = *wait_us ? *wait_us * 2 : BIRTH_ASK_US;
    if (*wait_us > ASK_US)
        *wait_us = ASK_US;
    self->peer[peer].ask_us = self->now_us + *wait_us;

    zseq_msg_t *ask = s_question (self, peer, op);
    if (op == ZSEQ_OP_HELLO)
        ask->cluster = 0;
    ask->life = self->record.vector.life[self->record.self];
    ask->after = (zseq_slice_t){source->after, source->after_size};
    s_send_question (self, peer);
}

static void
s_pursue_all (zseq_node_t *self)
{
    for (uint8_t node = 0; node < self->record.n; node++)
        if (node != self->record.self &&
            self->now_us >= self->peer[node].ask_us)
            s_pursue (self, node);
}

//  Tells the operator how far it is, or for whom it waits.
static void
s_tell_recovery (zseq_node_t *self)
{
    uint64_t copied = 0;
    uint64_t total = 0;
    uint8_t from = 0;
    for (uint8_t node = 0; node < self->record.n; node++) {
        const zseq_source_t *source = &self->recovery.source[node];
        if (source->copied <= copied && source->total <= total)
            continue;
        copied = source->copied;
        total = source->total;
        from = node;
    }
    uint64_t silent_us = self->now_us - self->told_us;
    if (copied != self->told_copied && silent_us >= COPIED_US)
        s_tell (self, ZSEQ_ACTION_LOG, ZSEQ_OK,
                "recovering: %llu of %llu names copied from %s",
                (unsigned long long) copied, (unsigned long long) total,
                s_name (self, from));
    else if (silent_us >= WAITING_US) {
        char reason[ZSEQ_REASON_MAX + 1];
        s_reason (self, reason, sizeof reason);
        s_tell (self, ZSEQ_ACTION_LOG, ZSEQ_EUNAVAILABLE,
                "node %s cannot vote yet: %s", s_name (self, self->record.self),
                reason);
    }
    else
        return;
    self->told_us = self->now_us;
    self->told_copied = copied;
}

//  A peer's reply shows another life of this node than its own. Before its
//  birth that cannot be; later a newer one means that this is an old copy, or
//  that another process has taken over.
static bool
s_superseded (zseq_node_t *self, uint8_t peer, const zseq_vector_t *vector)
{
    const zseq_incarnation_t *theirs = &vector->life[self->record.self];
    const zseq_incarnation_t *mine =
      &self->record.vector.life[self->record.self];
    int order = zseq_incarnation_compare (theirs, mine);
    if (theirs->counter == 0 || order == 0)
        return false;
    if (!self->record.identity) {
        s_tell (self, ZSEQ_ACTION_EXIT, ZSEQ_EREFORMATTED,
                "peer %s knows another life of node %s: this directory was "
                "formatted again over a lost disk, or copied, and must be "
                "recovered: see zseqd recover",
                s_name (self, peer), s_name (self, self->record.self));
        return true;
    }
    if (order < 0)
        return false;
    if (self->superseded++) {
        s_tell (self, ZSEQ_ACTION_EXIT, ZSEQ_ESUPERSEDED,
                "peer %s knows a newer life of node %s, for the second time: "
                "another process lives under its name",
                s_name (self, peer), s_name (self, self->record.self));
        return true;
    }
    snprintf (self->why, sizeof self->why,
              "peer %s knows a newer life of it, so this is an old copy of "
              "its directory",
              s_name (self, peer));
    s_recover (self);
    return true;
}

//  Whether the answer is from a node of this very cluster. Before its birth a
//  node cannot know.
static bool
s_kin (const zseq_node_t *self, uint8_t peer, const zseq_msg_t *msg)
{
    return msg->node == peer && msg->vector.n == self->record.n &&
           (!self->record.identity || msg->cluster == self->record.identity);
}

static void
s_peer_refused (zseq_node_t *self, uint8_t peer, const zseq_msg_t *msg)
{
    int status = msg->status;
    if ((status == ZSEQ_EREFORMATTED || status == ZSEQ_ESUPERSEDED) &&
        s_kin (self, peer, msg) && s_superseded (self, peer, &msg->vector))
        return;
    if (status == ZSEQ_EMEMBERS && !self->record.identity)
        s_tell (self, ZSEQ_ACTION_EXIT, status,
                "peer %s at %s was formatted with another member list or "
                "cluster name: format one of the two again",
                s_name (self, peer), self->record.member[peer].endpoint);
    else if (s_complain (self, peer, status))
        s_tell (self, ZSEQ_ACTION_LOG, status, "peer %s at %s refuses us: %s",
                s_name (self, peer), self->record.member[peer].endpoint,
                zseq_strerror (status));
}

//  A peer's answer holds for the life that it shows; ours of it may be older,
//  the same, or newer. Returns whether the answer may be used.
static bool
s_learn (zseq_node_t *self, uint8_t peer, const zseq_vector_t *vector,
         zseq_state_t state)
{
    zseq_incarnation_t *mine = &self->record.vector.life[peer];
    const zseq_incarnation_t *theirs = &vector->life[peer];
    int order = zseq_incarnation_compare (theirs, mine);
    if (order == 0)
        return true;
    if (theirs->counter == 0 && state == ZSEQ_STATE_RECOVERING)
        return false;
    if (theirs->counter == 0 || order < 0 ||
        (mine->counter && theirs->counter == 1)) {
        if (s_complain (self, peer, ZSEQ_EREFORMATTED))
            s_tell (self, ZSEQ_ACTION_LOG, ZSEQ_EREFORMATTED,
                    "peer %s at %s is not the one this node has met: it was "
                    "formatted again over a lost disk, or is an old copy, and "
                    "must be recovered",
                    s_name (self, peer), self->record.member[peer].endpoint);
        return false;
    }
    if (mine->counter)
        s_tell (self, ZSEQ_ACTION_LOG, ZSEQ_OK,
                "peer %s begins incarnation %llu: it recovers",
                s_name (self, peer), (unsigned long long) theirs->counter);
    *mine = *theirs;
    self->version++;
    return true;
}

//  Tells of an answer that is not that of the peer of this cluster. One that
//  does not know yet which its cluster is is left alone.
static void
s_tell_unkin (zseq_node_t *self, uint8_t peer, const zseq_msg_t *msg)
{
    if (msg->node == peer && msg->vector.n == self->record.n && !msg->cluster &&
        (msg->state == ZSEQ_STATE_RECOVERING ||
         zseq_incarnation_compare (&msg->vector.life[peer],
                                   &self->record.vector.life[peer]) == 0))
        return;
    if (s_complain (self, peer, ZSEQ_ECLUSTER))
        s_tell (self, ZSEQ_ACTION_LOG, ZSEQ_ECLUSTER,
                "peer %s is not who answers at %s: that is another node, or "
                "one of another cluster, or it was formatted again over a lost "
                "disk and must be recovered; check the endpoints",
                s_name (self, peer), self->record.member[peer].endpoint);
}

//  What a peer says of itself.
static void
s_introduced (zseq_node_t *self, uint8_t index, const zseq_msg_t *msg)
{
    s_peer_t *peer = &self->peer[index];
    if (msg->status != ZSEQ_OK) {
        s_peer_refused (self, index, msg);
        return;
    }
    if (!s_kin (self, index, msg)) {
        s_tell_unkin (self, index, msg);
        return;
    }
    if (peer->checking &&
        zseq_incarnation_compare (&msg->vector.life[index], &peer->claimed) < 0)
        peer->refuted = true;
    if (s_superseded (self, index, &msg->vector) ||
        !s_learn (self, index, &msg->vector, msg->state))
        return;

    peer->complaint = ZSEQ_OK;
    peer->vector = msg->vector;
    if (self->record.identity && msg->cluster == self->record.identity) {
        if (zseq_vector_merge (&self->record.vector, &msg->vector))
            self->version++;
    }
    else if (!self->record.identity && msg->state == ZSEQ_STATE_VOTING &&
             msg->cluster && zseq_vector_complete (&msg->vector) &&
             zseq_incarnation_compare (
               &msg->vector.life[self->record.self],
               &self->record.vector.life[self->record.self]) == 0) {
        zseq_vector_merge (&self->record.vector, &msg->vector);
        s_vote (self, msg->cluster);
    }
    s_consider_birth (self);
}

//  Who answers for a peer is another node, or (fits) one of another cluster
//  than this directory's. If they all are, the directory is in the wrong place.
static void
s_foreign (zseq_node_t *self, uint8_t index, bool fits)
{
    int complaint = fits ? ZSEQ_ECLUSTER : ZSEQ_EMEMBERS;
    if (s_complain (self, index, complaint))
        s_tell (self, ZSEQ_ACTION_LOG, complaint,
                "who answers for peer %s at %s is another node, or one of "
                "another cluster: check the endpoints",
                s_name (self, index), self->record.member[index].endpoint);
    uint8_t foreign = 0;
    for (uint8_t node = 0; node < self->record.n; node++)
        if (self->peer[node].complaint == ZSEQ_ECLUSTER)
            foreign++;
    if (self->record.identity && foreign >= self->recovery.need)
        s_tell (self, ZSEQ_ACTION_EXIT, ZSEQ_EFOREIGN,
                "the directory of node %s belongs to another cluster than its "
                "peers, and is left untouched",
                s_name (self, self->record.self));
}

//  Whether a reply to a recovering node is of its cluster.
static bool
s_recovery_kin (zseq_node_t *self, uint8_t index, const zseq_msg_t *msg)
{
    bool fits = msg->node == index && msg->vector.n == self->record.n;
    bool hello = msg->op == ZSEQ_OP_HELLO && msg->status == ZSEQ_OK;
    if (fits && hello && !s_same_members (self, msg))
        fits = false;
    if (fits && hello && msg->state == ZSEQ_STATE_VOTING && !self->identity) {
        self->peer[index].cluster = msg->cluster;
        self->peer[index].vector = msg->vector;
        s_find_cluster (self, self->recovery.need);
    }
    if (fits && self->identity && msg->cluster == self->identity)
        return true;
    //  A peer that knows no cluster itself is no stranger.
    if (!fits || (self->identity && msg->cluster))
        s_foreign (self, index, fits);
    return false;
}

//  Takes over what a peer holds. Returns false when the node ends.
static bool
s_take_page (zseq_node_t *self, zseq_source_t *source, const zseq_msg_t *msg)
{
    for (size_t index = 0; index < msg->item_count; index++) {
        const zseq_item_t *item = &msg->items[index];
        zseq_entry_t *entry;
        int rc = zseq_table_insert (self->table, item->name.data,
                                    item->name.size, &entry);
        if (rc != ZSEQ_OK) {
            s_tell (self, ZSEQ_ACTION_EXIT, rc,
                    rc == ZSEQ_EFULL
                      ? "the peers hold more names than this node may: raise "
                        "--names-max"
                      : "out of memory: the node ends");
            return false;
        }
        //  S8: nothing is ever lowered.
        zseq_seq_raise (&entry->seq, item->next);
        if (entry->seq.next > entry->limit)
            s_mark_dirty (self, entry);
    }
    source->copied += msg->item_count;
    if (msg->item_count) {
        const zseq_slice_t *last = &msg->items[msg->item_count - 1].name;
        source->after_size = (uint8_t) last->size;
        memcpy (source->after, last->data, last->size);
    }
    source->complete = !msg->more;
    return true;
}

//  A peer refuses to go on with a recovery.
static void
s_recovery_refused (zseq_node_t *self, uint8_t index, const zseq_msg_t *msg)
{
    const zseq_incarnation_t *life =
      &self->record.vector.life[self->record.self];
    if (msg->status == ZSEQ_ESUPERSEDED && msg->op == ZSEQ_OP_COPY)
        self->recovery.source[index].fenced = false;
    else if (msg->status == ZSEQ_ESUPERSEDED &&
             !zseq_recovery_superseded (&self->recovery, life))
        s_tell (self, ZSEQ_ACTION_EXIT, ZSEQ_ESUPERSEDED,
                "peer %s finds another process at %s, the endpoint of node %s: "
                "it lives under this name already",
                s_name (self, index),
                self->record.member[self->record.self].endpoint,
                s_name (self, self->record.self));
    else if (msg->status == ZSEQ_EAGAIN &&
             self->now_us - self->progress_us >= ASK_US_MAX &&
             s_complain (self, index, ZSEQ_EAGAIN))
        s_tell (self, ZSEQ_ACTION_LOG, ZSEQ_EAGAIN,
                "peer %s does not reach node %s at %s: it must be reachable "
                "there to recover",
                s_name (self, index), s_name (self, self->record.self),
                self->record.member[self->record.self].endpoint);
}

static void
s_recovery_answered (zseq_node_t *self, uint8_t index, const zseq_msg_t *msg)
{
    zseq_source_t *source = &self->recovery.source[index];
    if (msg->op == ZSEQ_OP_HELLO) {
        if (msg->state != ZSEQ_STATE_VOTING)
            return;
        source->asked = true;
    }
    else if (msg->op == ZSEQ_OP_FENCE) {
        source->fenced = true;
        source->floor = msg->floor;
        source->floor_reserved = msg->floor_reserved;
        source->total = msg->sequences;
        self->peer[index].ask_us = 0;
    }
    else if (source->fenced && !source->complete) {
        if (!s_take_page (self, source, msg))
            return;
        self->peer[index].ask_us = 0;
    }
    self->progress_us = self->now_us;
    self->peer[index].complaint = ZSEQ_OK;
}

static void
s_recovery_reply (zseq_node_t *self, uint8_t index, const zseq_msg_t *msg)
{
    if (!s_recovery_kin (self, index, msg) ||
        !zseq_recovery_see (&self->recovery, index, &msg->vector))
        return;
    if (msg->status == ZSEQ_OK)
        s_recovery_answered (self, index, msg);
    else
        s_recovery_refused (self, index, msg);

    bool fencing = self->phase == PHASE_COPY || self->phase == PHASE_SETTLE;
    if (fencing &&
        zseq_recovery_superseded (
          &self->recovery, &self->record.vector.life[self->record.self])) {
        //  Also one that it took itself before it was cut short.
        zseq_vector_merge (&self->record.vector, &self->recovery.newest);
        s_attempt_recovery (self);
        return;
    }
    s_consider_recovery (self);
}

static void
s_peer_reply (zseq_node_t *self, const zseq_event_t *event)
{
    const zseq_msg_t *msg = event->msg;
    uint8_t index = event->peer;
    assert (index < self->record.n);
    s_peer_t *peer = &self->peer[index];
    if (msg->op != peer->op || msg->request != peer->request || self->stopping)
        return;
    peer->request = 0;
    peer->wait_us = 0;
    peer->ask_us = self->now_us + (self->voting ? ASK_US : BIRTH_ASK_US);
    if (self->recovering)
        s_recovery_reply (self, index, msg);
    else
        s_introduced (self, index, msg);
}

//  Time and disk.

static void
s_begin (zseq_node_t *self)
{
    self->begun = true;
    if (self->recovering)
        s_recover (self);
    else if (zseq_record_lost (&self->record)) {
        snprintf (self->why, sizeof self->why,
                  "its last recovery was not finished");
        s_recover (self);
    }
    else if (self->voting)
        s_tell_ready (self);
    else if (self->record.n > 1)
        s_tell (self, ZSEQ_ACTION_LOG, ZSEQ_OK,
                "node %s waits for its cluster's birth: all %u nodes have "
                "to be up together once",
                s_name (self, self->record.self), self->record.n);
}

static void
s_ask_all (zseq_node_t *self)
{
    for (uint8_t node = 0; node < self->record.n; node++) {
        s_peer_t *peer = &self->peer[node];
        if (node == self->record.self || self->now_us < peer->ask_us)
            continue;
        uint64_t usual_us = self->voting ? ASK_US : BIRTH_ASK_US;
        peer->wait_us = peer->wait_us ? peer->wait_us * 2 : usual_us;
        if (peer->wait_us > ASK_US_MAX)
            peer->wait_us = ASK_US_MAX;
        peer->ask_us = self->now_us + peer->wait_us;
        s_ask (self, node);
    }
}

static void
s_list_reserved (zseq_node_t *self, zseq_entry_t *entry)
{
    if (entry->listed)
        return;
    entry->listed = true;
    entry->reserved = NULL;
    *self->reserved_end = entry;
    self->reserved_end = &entry->reserved;
}

//  S8: claims above the lower limit wait for the next write, from now on; only
//  then may the disk be told.
static void
s_lower (zseq_node_t *self, zseq_entry_t *entry, uint64_t limit)
{
    assert (!entry->writing);
    assert (limit <= entry->limit);
    entry->limit = limit;
    entry->lowering = true;
    s_mark_dirty (self, entry);
}

//  Lets an entry's reserve follow its rate: to nothing when it is idle.
static void
s_look (zseq_node_t *self, zseq_entry_t *entry)
{
    uint64_t next = entry->seq.next;
    uint64_t unused = entry->limit > next ? entry->limit - next : 0;
    uint64_t wanted = entry->reserve.claimed;
    if (unused && !entry->writing && !entry->queued) {
        if (wanted == 0)
            s_lower (self, entry, next);
        else if (unused / 2 > wanted)
            s_lower (self, entry, next + wanted);
    }
    zseq_reserve_restart (&entry->reserve, self->now_us);
}

static void
s_look_all (zseq_node_t *self)
{
    for (size_t looks = 0; looks < LOOKS_MAX && self->reserved; looks++) {
        zseq_entry_t *entry = self->reserved;
        if (self->now_us < entry->reserve.since_us + LOOK_US)
            break;
        self->reserved = entry->reserved;
        if (!self->reserved)
            self->reserved_end = &self->reserved;
        entry->listed = false;
        s_look (self, entry);
        if (entry->limit > entry->seq.next || entry->writing)
            s_list_reserved (self, entry);
    }
}

//  Takes part in nothing more, and writes down the exact values.
static void
s_stop (zseq_node_t *self)
{
    self->stopping = true;
    for (zseq_entry_t *entry = self->reserved; entry; entry = entry->reserved)
        if (entry->limit > entry->seq.next && !entry->writing)
            s_lower (self, entry, entry->seq.next);
}

static void
s_tick (zseq_node_t *self)
{
    if (!self->begun)
        s_begin (self);
    if (self->stopping || self->ended)
        return;
    if (self->recovering) {
        s_consider_recovery (self);
        s_pursue_all (self);
        s_tell_recovery (self);
        return;
    }
    s_ask_all (self);
    s_consider_birth (self);
    s_look_all (self);
}

static void
s_persisted (zseq_node_t *self, const zseq_event_t *event)
{
    zseq_entry_t *entry = event->entry;
    assert (entry);
    assert (entry->writing);

    entry->writing = false;
    self->writing--;
    if (event->status == ZSEQ_OK) {
        //  S8: what is durable never becomes less.
        assert (event->limit >= entry->limit);
        entry->limit = event->limit;
        entry->journaled = true;
    }
    else if (self->recovering) {
        s_tell (self, ZSEQ_ACTION_EXIT, event->status,
                "the node cannot recover: make room on the disk");
        return;
    }
    s_release (self, entry, event->limit, event->status);
    if (entry->waiting || (self->recovering && entry->seq.next > entry->limit))
        s_mark_dirty (self, entry);
    if (entry->limit <= entry->seq.next || event->status != ZSEQ_OK)
        return;
    s_list_reserved (self, entry);
    if (self->stopping)
        s_lower (self, entry, entry->seq.next);
}

static void
s_record_persisted (zseq_node_t *self, const zseq_event_t *event)
{
    assert (self->record_writing);

    self->record_writing = false;
    if (event->status != ZSEQ_OK) {
        s_tell (self, ZSEQ_ACTION_EXIT, event->status,
                "the node's record cannot be written: make room on the disk");
        return;
    }
    self->version_disk = event->version;
    self->durable = self->snapshot.vector;
    if (self->recovering && self->phase == PHASE_BEGIN &&
        self->version_disk >= self->begun_version) {
        self->phase = PHASE_COPY;
        self->progress_us = self->now_us;
        for (uint8_t node = 0; node < self->record.n; node++)
            self->peer[node].ask_us = 0;
    }
    //  record may have changed its mind since: then it votes no more.
    if (self->snapshot.voting && self->record.voting && !self->voting &&
        !self->stopping) {
        self->voting = true;
        self->recovering = false;
        self->forced = false;
        s_tell_ready (self);
    }
    s_consider_birth (self);
}

//  What is to be written of an entry: a limit that is no lower than what is
//  durable, or what it has just been lowered to.
static uint64_t
s_limit (zseq_node_t *self, zseq_entry_t *entry)
{
    uint64_t limit = entry->seq.next;
    if (!entry->lowering && self->voting && !self->stopping) {
        uint64_t wanted = 0;
        if (self->reserve_us)
            wanted = zseq_reserve_wanted (&entry->reserve, self->now_us,
                                          self->reserve_us);
        limit = wanted < ZSEQ_NEXT_MAX - limit ? limit + wanted : ZSEQ_NEXT_MAX;
        zseq_reserve_restart (&entry->reserve, self->now_us);
    }
    entry->lowering = false;
    return limit > entry->limit ? limit : entry->limit;
}

static void
s_flush (zseq_node_t *self)
{
    s_consider_vote (self);
    if (self->version != self->version_disk && !self->record_writing) {
        self->record_writing = true;
        self->snapshot = self->record;
        zseq_action_t action = {.type = ZSEQ_ACTION_PERSIST_RECORD,
                                .record = &self->snapshot,
                                .version = self->version};
        self->act (&action, self->arg);
    }
    //  Before its new life is on disk, damage may still have to be healed.
    if (self->recovering &&
        (self->phase == PHASE_ASK || self->phase == PHASE_BEGIN))
        return;
    while (self->dirty) {
        zseq_entry_t *entry = self->dirty;
        self->dirty = entry->dirty;
        entry->queued = false;
        entry->writing = true;
        self->writing++;
        //  Before the node votes again its record is written, and all that
        //  was deferred lasts. What is on disk is not put at risk.
        zseq_action_t action = {.type = ZSEQ_ACTION_PERSIST,
                                .entry = entry,
                                .limit = s_limit (self, entry),
                                .deferred =
                                  self->recovering && entry->limit == 0};
        self->act (&action, self->arg);
    }
    self->dirty_end = &self->dirty;
    if (self->recovering && !self->stopping)
        s_pursue_all (self);
}

static void
s_request (zseq_node_t *self, const zseq_event_t *event)
{
    switch (event->msg->op) {
    case ZSEQ_OP_HELLO:
        s_hello (self, event);
        break;
    case ZSEQ_OP_READ:
        s_read (self, event);
        break;
    case ZSEQ_OP_CLAIM:
        s_claim (self, event);
        break;
    case ZSEQ_OP_RAISE:
        s_raise (self, event);
        break;
    case ZSEQ_OP_LIST:
        s_list (self, event);
        break;
    case ZSEQ_OP_STATUS:
        s_status (self, event);
        break;
    case ZSEQ_OP_INTRODUCE:
        s_introduce (self, event);
        break;
    case ZSEQ_OP_FENCE:
        s_fence (self, event);
        break;
    case ZSEQ_OP_COPY:
        s_copy (self, event);
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
    switch (event->type) {
    case ZSEQ_EVENT_REQUEST:
        s_request (self, event);
        break;
    case ZSEQ_EVENT_MALFORMED:
        s_refuse (self, event, ZSEQ_EPROTOCOL);
        break;
    case ZSEQ_EVENT_PEER_REPLY:
        s_peer_reply (self, event);
        break;
    case ZSEQ_EVENT_TICK:
        s_tick (self);
        break;
    case ZSEQ_EVENT_PERSISTED:
        s_persisted (self, event);
        break;
    case ZSEQ_EVENT_RECORD_PERSISTED:
        s_record_persisted (self, event);
        break;
    case ZSEQ_EVENT_FLUSH:
        s_flush (self);
        break;
    case ZSEQ_EVENT_STOP:
        s_stop (self);
        break;
    }
}
