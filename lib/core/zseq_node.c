#include "zseq_node.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

//  How long after its answer a peer is asked again who it is: at birth, and
//  later. While it does not answer, the time doubles.
#define BIRTH_ASK_US 50000
#define ASK_US 1000000
#define ASK_US_MAX 8000000
//  How often refused introductions are told of.
#define STRANGER_US 10000000

//  Bytes of names in a LIST reply: whoever asks and does not read has as many
//  replies waiting as the queue is long.
#define PAGE_BYTES_MAX 8192
#define PAGE_ITEM_BYTES 16

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
    uint64_t request;  //  The question under way; 0 if none
    uint64_t ask_us;   //  When to ask next
    uint64_t wait_us;  //  How long to wait for the answer; 0: as usual
    zseq_state_t state;
    zseq_vector_t vector;
    int complaint;  //  What was last logged about it; ZSEQ_OK if nothing
} s_peer_t;

struct zseq_node {
    zseq_record_t record;    //  As it is to be
    zseq_vector_t durable;   //  The vector of the record on disk
    uint64_t version;        //  Of record; one up with every change
    uint64_t version_disk;   //  Of the record on disk
    bool record_writing;     //  A write of the record is in flight
    zseq_record_t snapshot;  //  What that write holds
    bool voting;             //  S5: the record on disk says so
    bool stopping;
    bool begun;  //  The first tick is over
    uint64_t now_us;
    uint64_t next_request;
    uint64_t stranger_us;  //  When a refused introduction may be told of again
    s_peer_t peer[ZSEQ_NODES_MAX];

    zseq_table_t *table;
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
    self->next_request = seed;
    self->waiting_max = limits->waiting_max;
    self->dirty_end = &self->dirty;
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

int
zseq_node_load (zseq_node_t *self, const char *name, size_t size,
                uint64_t limit)
{
    assert (self);
    assert (!self->begun);

    zseq_entry_t *entry;
    int rc = zseq_table_insert (self->table, name, size, &entry);
    if (rc != ZSEQ_OK)
        return rc;
    zseq_seq_init (&entry->seq, limit);
    entry->limit = limit;
    entry->journaled = true;
    return ZSEQ_OK;
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
           !self->record_writing;
}

zseq_state_t
zseq_node_state (const zseq_node_t *self)
{
    assert (self);

    if (self->stopping)
        return ZSEQ_STATE_STOPPING;
    if (self->voting)
        return ZSEQ_STATE_VOTING;
    if (self->record.identity && !self->record.voting)
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
    reply->vector = self->record.vector;
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

//  Whether an entry's next would survive a power cut: it is on disk, or it is
//  where every name begins.
static bool
s_durable (const zseq_node_t *self, const zseq_entry_t *entry)
{
    return entry->seq.next <= entry->limit ||
           entry->seq.next <= self->record.floor;
}

//  S8: answers now if what is answered is durable, else when it is. There
//  must be room.
static void
s_grant (zseq_node_t *self, const zseq_event_t *event, zseq_entry_t *entry)
{
    s_waiting_t granted = s_granted (event, entry->seq.next);
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
//  those come first in the queue.
static void
s_release (zseq_node_t *self, zseq_entry_t *entry, uint64_t limit, int status)
{
    while (entry->waiting) {
        uint32_t place = entry->waiting;
        s_waiting_t *granted = &self->waiting[place];
        if (granted->next > limit)
            break;
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
    zseq_seq_t seq = {.next = self->record.floor};
    if (entry)
        seq = entry->seq;
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
    s_grant (self, event, entry);
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

//  Lists what is durable. A name whose first claim is not is left out: it may
//  never have been.
static void
s_list (zseq_node_t *self, const zseq_event_t *event)
{
    if (!s_admit (self, event))
        return;
    const zseq_msg_t *msg = event->msg;
    zseq_entry_t *entries[ZSEQ_PAGE_MAX + 1];
    size_t wanted =
      msg->count < ZSEQ_PAGE_MAX ? (size_t) msg->count : ZSEQ_PAGE_MAX;
    zseq_slice_t after = msg->after;
    size_t count = 0;
    bool more = true;
    while (more && count == 0) {
        size_t found =
          zseq_table_page (self->table, msg->name.data, msg->name.size,
                           after.data, after.size, entries, wanted + 1);
        more = found > wanted;
        size_t bytes = 0;
        for (size_t index = 0; index < found && index < wanted; index++) {
            const zseq_entry_t *entry = entries[index];
            after.data = entry->name;
            after.size = entry->name_size;
            if (!entry->limit)
                continue;
            bytes += entry->name_size + PAGE_ITEM_BYTES;
            if (bytes > PAGE_BYTES_MAX) {
                more = true;
                break;
            }
            self->page[count].name = after;
            self->page[count].next = entry->limit;
            count++;
        }
    }
    zseq_msg_t *reply = s_reply (self, ZSEQ_OP_LIST, msg->request, ZSEQ_OK);
    reply->items = self->page;
    reply->item_count = count;
    reply->more = more;
    s_send (self, &event->route);
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

//  Why the node does not vote, for a person; empty if it does.
static void
s_reason (const zseq_node_t *self, char *text, size_t size)
{
    text[0] = 0;
    zseq_state_t state = zseq_node_state (self);
    if (state == ZSEQ_STATE_STOPPING)
        snprintf (text, size, "stopping");
    else if (state == ZSEQ_STATE_RECOVERING)
        snprintf (text, size, "must be recovered from its peers");
    else if (state != ZSEQ_STATE_VOTING) {
        const char *what = state == ZSEQ_STATE_BIRTH
                             ? "birth: has not met"
                             : "birth: not all have met the same nodes:";
        size_t used = (size_t) snprintf (text, size, "%s", what);
        for (uint8_t node = 0; node < self->record.n && used < size; node++) {
            if (node == self->record.self)
                continue;
            bool missing =
              state == ZSEQ_STATE_BIRTH
                ? self->durable.life[node].counter == 0
                : !zseq_vector_equal (&self->peer[node].vector, &self->durable);
            if (missing)
                used += (size_t) snprintf (text + used, size - used, " %s",
                                           s_name (self, node));
        }
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
    if (known->counter && order && said->counter <= 1) {
        s_refuse (self, event, ZSEQ_EREFORMATTED);
        return;
    }
    if (order < 0) {
        s_refuse (self, event, ZSEQ_ESUPERSEDED);
        return;
    }
    if (order > 0)
        self->peer[msg->node].ask_us = 0;
    zseq_msg_t *reply =
      s_reply (self, ZSEQ_OP_INTRODUCE, msg->request, ZSEQ_OK);
    reply->state = zseq_node_state (self);
    //  S5: what is only in memory must not make a peer vote.
    reply->vector = self->durable;
    s_send (self, &event->route);
}

static void
s_ask (zseq_node_t *self, uint8_t peer)
{
    if (++self->next_request == 0)
        self->next_request = 1;
    self->peer[peer].request = self->next_request;

    zseq_msg_t *ask = &self->reply;
    ask->op = ZSEQ_OP_INTRODUCE;
    ask->reply = false;
    ask->request = self->next_request;
    ask->cluster = self->record.identity;
    ask->node = self->record.self;
    ask->vector = self->record.vector;
    ask->state = zseq_node_state (self);
    s_fill_members (self, ask);
    zseq_action_t action = {.type = ZSEQ_ACTION_ASK, .peer = peer, .msg = ask};
    self->act (&action, self->arg);
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
    if (record->voting || record->identity || self->stopping)
        return;
    for (uint8_t node = 0; node < record->n; node++)
        if (node != record->self &&
            !zseq_vector_equal (&self->peer[node].vector, &self->durable))
            return;
    s_vote (self, zseq_record_identity (record));
}

//  A peer's answer shows another life of this node than its own.
static bool
s_superseded (zseq_node_t *self, uint8_t peer, const zseq_vector_t *vector)
{
    const zseq_incarnation_t *theirs = &vector->life[self->record.self];
    const zseq_incarnation_t *mine =
      &self->record.vector.life[self->record.self];
    int order = zseq_incarnation_compare (theirs, mine);
    if (theirs->counter == 0 || order == 0 || (order < 0 && mine->counter > 1))
        return false;

    if (mine->counter == 1)
        s_tell (self, ZSEQ_ACTION_EXIT, ZSEQ_EREFORMATTED,
                "peer %s knows another life of node %s: this directory was "
                "formatted again over a lost disk, or copied; it must not "
                "vote, recover it from its peers",
                s_name (self, peer), s_name (self, self->record.self));
    else
        s_tell (self, ZSEQ_ACTION_EXIT, ZSEQ_ESUPERSEDED,
                "peer %s knows a newer incarnation of node %s: this is an old "
                "copy of its directory, or another process lives under its "
                "name; recover it from its peers",
                s_name (self, peer), s_name (self, self->record.self));
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
        s_kin (self, peer, msg))
        s_tell (self, ZSEQ_ACTION_EXIT, status,
                "peer %s knows another life of node %s: this directory was "
                "formatted again over a lost disk, or is an old copy; it must "
                "not vote, recover it from its peers",
                s_name (self, peer), s_name (self, self->record.self));
    else if (status == ZSEQ_EMEMBERS && !self->record.identity)
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
s_learn (zseq_node_t *self, uint8_t peer, const zseq_vector_t *vector)
{
    zseq_incarnation_t *mine = &self->record.vector.life[peer];
    const zseq_incarnation_t *theirs = &vector->life[peer];
    int order = zseq_incarnation_compare (theirs, mine);
    if (order == 0)
        return true;
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
    *mine = *theirs;
    self->version++;
    return true;
}

//  Tells of an answer that is not that of the peer of this cluster. One that is
//  not told yet that its cluster was born is left alone.
static void
s_tell_unkin (zseq_node_t *self, uint8_t peer, const zseq_msg_t *msg)
{
    if (msg->node == peer && msg->vector.n == self->record.n && !msg->cluster &&
        zseq_incarnation_compare (&msg->vector.life[peer],
                                  &self->record.vector.life[peer]) == 0)
        return;
    if (s_complain (self, peer, ZSEQ_ECLUSTER))
        s_tell (self, ZSEQ_ACTION_LOG, ZSEQ_ECLUSTER,
                "peer %s is not who answers at %s: that is another node, or "
                "one of another cluster, or it was formatted again over a lost "
                "disk and must be recovered; check the endpoints",
                s_name (self, peer), self->record.member[peer].endpoint);
}

static void
s_peer_reply (zseq_node_t *self, const zseq_event_t *event)
{
    const zseq_msg_t *msg = event->msg;
    uint8_t index = event->peer;
    assert (index < self->record.n);
    s_peer_t *peer = &self->peer[index];
    if (msg->op != ZSEQ_OP_INTRODUCE || msg->request != peer->request)
        return;
    peer->request = 0;
    peer->wait_us = 0;
    peer->ask_us = self->now_us + (self->voting ? ASK_US : BIRTH_ASK_US);

    if (msg->status != ZSEQ_OK) {
        s_peer_refused (self, index, msg);
        return;
    }
    if (!s_kin (self, index, msg)) {
        s_tell_unkin (self, index, msg);
        return;
    }
    if (s_superseded (self, index, &msg->vector) ||
        !s_learn (self, index, &msg->vector))
        return;

    peer->complaint = ZSEQ_OK;
    peer->state = msg->state;
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

//  Time and disk.

static void
s_tick (zseq_node_t *self)
{
    if (!self->begun) {
        self->begun = true;
        if (self->voting)
            s_tell_ready (self);
        else if (self->record.n > 1 && !self->record.identity)
            s_tell (self, ZSEQ_ACTION_LOG, ZSEQ_OK,
                    "node %s waits for its cluster's birth: all %u nodes have "
                    "to be up together once",
                    s_name (self, self->record.self), self->record.n);
    }
    if (self->stopping)
        return;
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
    s_consider_birth (self);
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
    s_release (self, entry, event->limit, event->status);
    if (entry->waiting)
        s_mark_dirty (self, entry);
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
    if (self->snapshot.voting && !self->voting && !self->stopping) {
        self->voting = true;
        s_tell_ready (self);
    }
    s_consider_birth (self);
}

static void
s_flush (zseq_node_t *self)
{
    if (self->version != self->version_disk && !self->record_writing) {
        self->record_writing = true;
        self->snapshot = self->record;
        zseq_action_t action = {.type = ZSEQ_ACTION_PERSIST_RECORD,
                                .record = &self->snapshot,
                                .version = self->version};
        self->act (&action, self->arg);
    }
    while (self->dirty) {
        zseq_entry_t *entry = self->dirty;
        self->dirty = entry->dirty;
        entry->queued = false;
        entry->writing = true;
        self->writing++;
        zseq_action_t action = {.type = ZSEQ_ACTION_PERSIST,
                                .entry = entry,
                                .limit = entry->seq.next};
        self->act (&action, self->arg);
    }
    self->dirty_end = &self->dirty;
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
        self->stopping = true;
        break;
    }
}
