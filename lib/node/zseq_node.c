#include "zseq_node_private.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

//  Bytes of names in a LIST reply: whoever asks and does not read has as many
//  replies waiting as the queue is long.
#define PAGE_BYTES_MAX 8192
#define PAGE_ITEM_BYTES 16
//  How long after its limit was chosen an entry is looked at again, and how
//  many are at one tick.
#define LOOK_US 1000000
#define LOOKS_MAX 32768
//  How long after the disk has refused it the node's record is written again.
#define REFUSED_US 1000000
#define RECORD_REFUSED                                                         \
    "the node's record cannot be written: make room on the disk, or raise "    \
    "the limit of open files"
//  So many clients whose requests wait at once, on average over the last
//  CROWD_WINDOW of them, are a crowd; and how long that is believed, for once
//  they ask coordinators there is less to be seen of it.
#define CROWD 8
#define CROWD_WINDOW 128
#define CROWD_UNIT 256
#define CROWD_US 1000000

static bool s_ask (void *arg, uint8_t node, zseq_msg_t *msg);
static void s_answer_rider (void *arg, const zseq_route_t *route,
                            const zseq_msg_t *msg);
static uint64_t s_draw (void *arg);

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
    self->durable_floor = record->floor;
    self->durable_floor_reserved = record->floor_reserved;
    self->durable_start_voted = record->start_voted;
    self->durable_voting = record->voting;
    self->version = self->version_disk = 1;
    self->starting = record->voting;
    self->identity = record->identity;
    self->next_request = seed;
    self->process = seed ? seed : 1;  //  0 is nobody's
    self->waiting_max = limits->waiting_max;
    self->dirty_end = &self->dirty;
    self->reserve_us = limits->reserve_us;
    self->reserved_end = &self->reserved;
    self->act = act;
    self->arg = arg;
    self->table = zseq_table_new (limits->names_max);
    zseq_coordinator_hooks_t hooks = {
      .arg = self, .ask = s_ask, .answer = s_answer_rider, .draw = s_draw};
    self->coordinator =
      zseq_coordinator_new (record->n, limits->waiting_max, &hooks);
    if (!self->table || !self->coordinator)
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
    zseq_coordinator_destroy (&self->coordinator);
    zseq_table_destroy (&self->table);
    free (self->waiting);
    free (self);
    *self_p = NULL;
}

void
zseq_node_mark_dirty (zseq_node_t *self, zseq_entry_t *entry)
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
        zseq_node_mark_dirty (self, entry);
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
    self->told = true;
    self->starting = false;
    //  On disk that changes with its new life: up to then nothing has happened.
    self->record.voting = false;
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

uint64_t
zseq_node_wake_us (const zseq_node_t *self)
{
    assert (self);
    return zseq_coordinator_wake_us (self->coordinator);
}

zseq_entry_t *
zseq_node_above (const zseq_node_t *self, const char *after, size_t after_size)
{
    assert (self);

    zseq_entry_t *entry;
    return zseq_table_page (self->table, "", 0, after, after_size, &entry, 1)
             ? entry
             : NULL;
}

size_t
zseq_node_count (const zseq_node_t *self)
{
    assert (self);
    return zseq_table_count (self->table);
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
    if (self->starting)
        return ZSEQ_STATE_STARTING;
    return zseq_vector_complete (&self->durable) ? ZSEQ_STATE_COMPLETE
                                                 : ZSEQ_STATE_BIRTH;
}

//  What is told to the operator.

void
zseq_node_tell (zseq_node_t *self, zseq_action_type_t type, int status,
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

const char *
zseq_node_name (const zseq_node_t *self, uint8_t node)
{
    return self->record.member[node].name;
}

void
zseq_node_vote (zseq_node_t *self)
{
    self->voting = true;
    self->starting = false;
    self->recovering = false;
    self->told = false;
    self->forced = false;
    zseq_node_tell (
      self, ZSEQ_ACTION_LOG, ZSEQ_OK,
      "ready: node %s votes (cluster %s of %u, incarnation %llu, "
      "%zu sequences)",
      zseq_node_name (self, self->record.self), self->record.cluster,
      self->record.n,
      (unsigned long long) self->record.vector.life[self->record.self].counter,
      zseq_table_count (self->table));
    if (self->burnt && !self->told_burnt)
        zseq_node_tell (
          self, ZSEQ_ACTION_LOG, ZSEQ_OK,
          "burnt %llu IDs at most, which were reserved when the node "
          "last ended without being stopped",
          (unsigned long long) self->burnt);
    self->told_burnt = true;
}

//  Replies.

zseq_msg_t *
zseq_node_reply (zseq_node_t *self, zseq_op_t op, uint64_t request, int status)
{
    zseq_msg_t *reply = &self->reply;
    reply->op = op;
    reply->reply = true;
    reply->version = 1;
    reply->extended = false;
    reply->request = request;
    reply->cluster = self->record.identity;
    reply->status = status;
    reply->node = self->record.self;
    reply->crowded = self->now_us < self->crowded_until_us;
    //  The life of a node that does not vote may not be on its disk yet.
    reply->vector = self->voting ? self->record.vector : self->durable;
    return reply;
}

//  What the node's own coordinator asks has no route.
void
zseq_node_send (zseq_node_t *self, const zseq_route_t *route)
{
    if (!route->size) {
        zseq_coordinator_reply (self->coordinator, &self->reply, self->now_us);
        return;
    }
    zseq_action_t action = {
      .type = ZSEQ_ACTION_REPLY, .route = route, .msg = &self->reply};
    self->act (&action, self->arg);
}

void
zseq_node_refuse (zseq_node_t *self, const zseq_event_t *event, int status)
{
    zseq_msg_t *reply =
      zseq_node_reply (self, event->msg->op, event->msg->request, status);
    reply->version = event->msg->version;
    assert (!zseq_msg_has_body (reply->op, status));
    zseq_node_send (self, &event->route);
}

//  What a READ, CLAIM or RAISE is to be answered.
static zseq_waiting_t
s_granted (const zseq_event_t *event, uint64_t next)
{
    const zseq_msg_t *msg = event->msg;
    zseq_waiting_t granted = {.route = event->route,
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
          const zseq_waiting_t *granted, int status)
{
    zseq_msg_t *reply =
      zseq_node_reply (self, granted->op, granted->request, status);
    reply->next = granted->next;
    reply->first = granted->first;
    reply->count = granted->count;
    zseq_node_send (self, route);
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
    zseq_waiting_t *waiting = realloc (self->waiting, size * sizeof *waiting);
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

static zseq_slice_t
s_name (const zseq_entry_t *entry)
{
    zseq_slice_t name = {entry->name, entry->name_size};
    return name;
}

//  Where a name begins. Those that are reserved count milliseconds, each from an
//  epoch of its own.
static uint64_t
s_floor (const zseq_node_t *self, zseq_slice_t name)
{
    if (!zseq_flake_reserved (name.data, name.size))
        return self->record.floor;
    zseq_flake_layout_t layout;
    uint32_t worker;
    if (zseq_flake_parse (name.data, name.size, &layout, &worker) != ZSEQ_OK)
        return 1;
    uint64_t floor = zseq_flake_ms (&layout, self->record.floor_reserved);
    return floor ? floor : 1;
}

//  A name's next: no less than where it begins. entry: or NULL.
static zseq_seq_t
s_seq (const zseq_node_t *self, zseq_slice_t name, const zseq_entry_t *entry)
{
    zseq_seq_t seq = {.next = s_floor (self, name)};
    if (entry)
        zseq_seq_raise (&seq, entry->seq.next);
    return seq;
}

//  Whether an entry's next would survive a power cut: the limit on disk is no
//  less, or it is where the name begins.
static bool
s_durable (const zseq_node_t *self, const zseq_entry_t *entry)
{
    return entry->seq.next <= entry->limit ||
           entry->seq.next <= s_floor (self, s_name (entry));
}

//  Writes ahead when half of a reserve is used up, so that nobody has to wait.
static void
s_reserve_ahead (zseq_node_t *self, zseq_entry_t *entry)
{
    if (entry->listed && entry->limit >= entry->seq.next &&
        entry->limit - entry->seq.next <= entry->reserve.claimed)
        zseq_node_mark_dirty (self, entry);
}

//  S8: answers now if what is answered is durable, else when it is. There
//  must be room.
static void
s_grant (zseq_node_t *self, const zseq_event_t *event, zseq_entry_t *entry)
{
    zseq_waiting_t granted =
      s_granted (event, s_seq (self, s_name (entry), entry).next);
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
    zseq_node_mark_dirty (self, entry);
}

//  Answers whoever waits for no more than limit. next only grows, so that
//  those come first in the queue. A node that votes no more has nothing to say.
void
zseq_node_release (zseq_node_t *self, zseq_entry_t *entry, uint64_t limit,
                   int status)
{
    while (entry->waiting) {
        uint32_t place = entry->waiting;
        zseq_waiting_t *granted = &self->waiting[place];
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

bool
zseq_node_admit (zseq_node_t *self, const zseq_event_t *event)
{
    const zseq_msg_t *msg = event->msg;
    if (!self->voting || self->stopping) {
        zseq_node_refuse (self, event, ZSEQ_ENOTVOTING);
        return false;
    }
    if (msg->cluster != self->record.identity) {
        zseq_node_refuse (self, event, ZSEQ_ECLUSTER);
        return false;
    }
    return true;
}

//  The same of a request for a name, which lets what lies below end be claimed; 0:
//  nothing. S10: a reserved name's milliseconds do not run far ahead of this
//  node's clock, so that nobody else's can use them up.
static bool
s_admit (zseq_node_t *self, const zseq_event_t *event, uint64_t end)
{
    if (!zseq_node_admit (self, event))
        return false;
    const zseq_slice_t *name = &event->msg->name;
    if (!zseq_flake_reserved (name->data, name->size))
        return true;
    zseq_flake_layout_t layout;
    uint32_t worker;
    int rc = zseq_flake_parse (name->data, name->size, &layout, &worker);
    if (rc == ZSEQ_OK && end &&
        !zseq_flake_claimable (&layout, end, self->wall_ms))
        rc = ZSEQ_ECLOCK;
    if (rc != ZSEQ_OK)
        zseq_node_refuse (self, event, rc);
    return rc == ZSEQ_OK;
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
        zseq_node_refuse (self, event,
                          rc == ZSEQ_EFULL ? ZSEQ_EFULL : ZSEQ_EBUSY);
        return NULL;
    }
    zseq_seq_init (&entry->seq, s_floor (self, msg->name));
    return entry;
}

//  Answers at once, and takes nothing.
static void
s_answer_next (zseq_node_t *self, const zseq_event_t *event, uint64_t next,
               int status)
{
    zseq_waiting_t granted = s_granted (event, next);
    s_answer (self, &event->route, &granted, status);
}

static void
s_read (zseq_node_t *self, const zseq_event_t *event)
{
    if (!s_admit (self, event, 0))
        return;
    zseq_entry_t *entry = s_find (self, event->msg);
    if (!entry)
        s_answer_next (self, event, s_floor (self, event->msg->name), ZSEQ_OK);
    else if (!s_durable (self, entry) && !s_room (self))
        zseq_node_refuse (self, event, ZSEQ_EBUSY);
    else
        s_grant (self, event, entry);
}

static void
s_claim (zseq_node_t *self, const zseq_event_t *event)
{
    const zseq_msg_t *msg = event->msg;
    if (!s_admit (self, event, msg->first + msg->count))
        return;

    //  Tried on a copy first: a claim that is refused leaves nothing behind.
    zseq_entry_t *entry = s_find (self, msg);
    zseq_seq_t seq = s_seq (self, msg->name, entry);
    int rc = zseq_seq_accept (&seq, msg->first, msg->count);
    if (rc != ZSEQ_OK) {
        if (rc == ZSEQ_ECONFLICT)
            self->conflicts++;
        s_answer_next (self, event, seq.next, rc);
        return;
    }
    if (!s_room (self)) {
        zseq_node_refuse (self, event, ZSEQ_EBUSY);
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
    const zseq_msg_t *msg = event->msg;
    if (!s_admit (self, event, msg->next))
        return;
    if (!s_room (self)) {
        zseq_node_refuse (self, event, ZSEQ_EBUSY);
        return;
    }
    uint64_t floor = s_floor (self, msg->name);
    if (msg->next <= floor && !s_find (self, msg)) {
        s_answer_next (self, event, floor, ZSEQ_OK);
        return;
    }
    zseq_entry_t *entry = s_obtain (self, event);
    if (!entry)
        return;
    zseq_seq_raise (&entry->seq, msg->next);
    s_grant (self, event, entry);
}

//  Requests of clients to claim on their behalf.

static void
s_next (zseq_node_t *self, const zseq_event_t *event)
{
    if (!s_admit (self, event, 0))
        return;
    zseq_entry_t *entry = s_obtain (self, event);
    if (entry && zseq_coordinator_next (self->coordinator, entry, &event->route,
                                        event->msg, self->now_us) != ZSEQ_OK)
        zseq_node_refuse (self, event, ZSEQ_EBUSY);
}

static uint64_t
s_draw (void *arg)
{
    zseq_node_t *self = arg;
    if (++self->next_request == 0)
        self->next_request = 1;
    return self->next_request;
}

//  The coordinator's own vote takes the same way as any other, and counts when
//  it is durable.
static bool
s_ask (void *arg, uint8_t node, zseq_msg_t *msg)
{
    zseq_node_t *self = arg;
    msg->cluster = self->record.identity;
    if (node == self->record.self) {
        zseq_event_t event = {.type = ZSEQ_EVENT_REQUEST, .msg = msg};
        if (msg->op == ZSEQ_OP_READ)
            s_read (self, &event);
        else
            s_claim (self, &event);
        return true;
    }
    zseq_action_t action = {.type = ZSEQ_ACTION_ASK, .peer = node, .msg = msg};
    self->act (&action, self->arg);
    return true;
}

//  S3: a peer votes for itself only, and for its cluster.
static void
s_vote_reply (zseq_node_t *self, const zseq_event_t *event)
{
    const zseq_msg_t *msg = event->msg;
    if (msg->node == event->peer && msg->cluster == self->record.identity)
        zseq_coordinator_reply (self->coordinator, msg, self->now_us);
}

static void
s_answer_rider (void *arg, const zseq_route_t *route, const zseq_msg_t *msg)
{
    zseq_node_t *self = arg;
    zseq_msg_t *reply =
      zseq_node_reply (self, ZSEQ_OP_NEXT, msg->request, msg->status);
    reply->first = msg->first;
    reply->count = msg->count;
    reply->served = msg->served;
    zseq_node_send (self, route);
}

//  A page of names that begin with prefix and lie above after. Of a LIST it
//  holds what is durable: a name whose first claim is not may never have been.
//  Of a COPY it holds all that is in memory.
void
zseq_node_answer_page (zseq_node_t *self, const zseq_event_t *event,
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
            after = s_name (entry);
            if (!entry->limit && !copy)
                continue;
            bytes += entry->name_size + PAGE_ITEM_BYTES;
            if (bytes > PAGE_BYTES_MAX) {
                more = true;
                break;
            }
            uint64_t next = s_seq (self, after, entry).next;
            if (!copy && !s_durable (self, entry)) {
                uint64_t floor = s_floor (self, after);
                next = entry->limit > floor ? entry->limit : floor;
            }
            self->page[count].name = after;
            self->page[count].next = next;
            count++;
        }
    }
    zseq_msg_t *reply = zseq_node_reply (self, msg->op, msg->request, ZSEQ_OK);
    reply->version = msg->version;
    reply->items = self->page;
    reply->item_count = count;
    reply->more = more;
    zseq_node_send (self, &event->route);
}

static void
s_list (zseq_node_t *self, const zseq_event_t *event)
{
    if (!zseq_node_admit (self, event))
        return;
    const zseq_msg_t *msg = event->msg;
    zseq_node_answer_page (self, event, msg->name,
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

void
zseq_node_fill_members (const zseq_node_t *self, zseq_msg_t *msg)
{
    msg->cluster_name = s_slice (self->record.cluster);
    msg->member_count = self->record.n;
    for (uint8_t node = 0; node < self->record.n; node++) {
        msg->member[node].name = s_slice (self->record.member[node].name);
        msg->member[node].endpoint =
          s_slice (self->record.member[node].endpoint);
    }
}

//  Whether a question is for another cluster, where 0 is any.
static bool
s_foreign (const zseq_node_t *self, const zseq_msg_t *msg)
{
    return msg->cluster && self->record.identity &&
           msg->cluster != self->record.identity;
}

static void
s_hello (zseq_node_t *self, const zseq_event_t *event)
{
    if (s_foreign (self, event->msg)) {
        zseq_node_refuse (self, event, ZSEQ_ECLUSTER);
        return;
    }
    zseq_msg_t *reply =
      zseq_node_reply (self, ZSEQ_OP_HELLO, event->msg->request, ZSEQ_OK);
    zseq_node_fill_members (self, reply);
    reply->state = zseq_node_state (self);
    reply->speaks = ZSEQ_WIRE_VERSION;
    reply->holds_vote = self->durable_voting;
    zseq_node_send (self, &event->route);
}

//  Whom a node that starts, or is being born, waits for.
static bool
s_reason_start (const zseq_node_t *self, uint8_t node)
{
    if (self->starting || self->bearing)
        return !zseq_peers_noted (self, node);
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

void
zseq_node_reason (const zseq_node_t *self, char *text, size_t size)
{
    zseq_state_t state = zseq_node_state (self);
    size_t used = 0;
    text[0] = 0;
    if (state == ZSEQ_STATE_VOTING)
        return;
    if (state == ZSEQ_STATE_STOPPING)
        snprintf (text, size, "stopping");
    else if (state == ZSEQ_STATE_STARTING)
        used = (size_t) snprintf (text, size, "starting: not noted yet by");
    else if (state == ZSEQ_STATE_BIRTH)
        used = (size_t) snprintf (text, size, "birth: has not met");
    else if (state == ZSEQ_STATE_COMPLETE && self->bearing)
        used = (size_t) snprintf (text, size, "birth: not noted yet by");
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
                       : s_reason_start (self, node);
        if (node != self->record.self && lacks)
            used += (size_t) snprintf (text + used, size - used, " %s",
                                       zseq_node_name (self, node));
    }
}

static void
s_status (zseq_node_t *self, const zseq_event_t *event)
{
    if (s_foreign (self, event->msg)) {
        zseq_node_refuse (self, event, ZSEQ_ECLUSTER);
        return;
    }
    char reason[ZSEQ_REASON_MAX + 1];
    zseq_node_reason (self, reason, sizeof reason);
    zseq_msg_t *reply =
      zseq_node_reply (self, ZSEQ_OP_STATUS, event->msg->request, ZSEQ_OK);
    reply->state = zseq_node_state (self);
    reply->reason = s_slice (reason);
    reply->sequences = zseq_table_count (self->table);
    reply->claims = self->claims;
    reply->conflicts = self->conflicts;
    reply->burnt = self->burnt;
    zseq_node_send (self, &event->route);
}

static void
s_begin (zseq_node_t *self)
{
    self->begun = true;
    self->begun_us = self->now_us;
    if (self->recovering)
        zseq_peers_recover (self);
    else if (zseq_record_lost (&self->record)) {
        snprintf (self->why, sizeof self->why,
                  "its last recovery was not finished");
        zseq_peers_recover (self);
    }
    else if (self->starting)
        zseq_peers_start (self);
    else if (self->record.n > 1)
        zseq_node_tell (
          self, ZSEQ_ACTION_LOG, ZSEQ_OK,
          "node %s waits for its cluster's birth: all %u nodes have "
          "to be up together once",
          zseq_node_name (self, self->record.self), self->record.n);
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
    zseq_node_mark_dirty (self, entry);
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
    zseq_coordinator_end (self->coordinator, ZSEQ_ENOTVOTING);
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
    zseq_peers_tick (self);
    zseq_coordinator_tick (self->coordinator, self->now_us);
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
        zseq_node_tell (self, ZSEQ_ACTION_EXIT, event->status,
                        "the node cannot recover: make room on the disk");
        return;
    }
    //  What had waited when the node ceased to vote is void, all of it.
    zseq_node_release (self, entry, self->voting ? event->limit : UINT64_MAX,
                       event->status);
    if (entry->waiting || (self->recovering && entry->seq.next > entry->limit))
        zseq_node_mark_dirty (self, entry);
    if (entry->limit <= entry->seq.next || event->status != ZSEQ_OK)
        return;
    s_list_reserved (self, entry);
    if (self->stopping)
        s_lower (self, entry, entry->seq.next);
}

//  What the disk has no room for is written later. Nothing counts on it before it
//  is there; a recovery has to be begun anew.
static void
s_record_refused (zseq_node_t *self, int status)
{
    if (self->recovering)
        zseq_node_tell (self, ZSEQ_ACTION_EXIT, status, RECORD_REFUSED);
    else if (!self->record_refused)
        zseq_node_tell (self, ZSEQ_ACTION_LOG, status,
                        RECORD_REFUSED
                        "; until then peers that start may have to wait");
    self->record_refused = true;
    self->record_us = self->now_us + REFUSED_US;
}

static void
s_record_persisted (zseq_node_t *self, const zseq_event_t *event)
{
    assert (self->record_writing);

    self->record_writing = false;
    if (event->status != ZSEQ_OK) {
        s_record_refused (self, event->status);
        return;
    }
    self->record_refused = false;
    self->version_disk = event->version;
    self->durable = self->snapshot.vector;
    self->durable_floor = self->snapshot.floor;
    self->durable_floor_reserved = self->snapshot.floor_reserved;
    self->durable_start_voted = self->snapshot.start_voted;
    self->durable_voting = self->snapshot.voting;
    //  record may have changed its mind since: then it votes no more.
    if (self->snapshot.voting && self->record.voting && !self->voting &&
        !self->starting && !self->stopping)
        zseq_node_vote (self);
    zseq_peers_written (self);
}

//  Memory has what the disk has lost, as long as the node votes: else it has,
//  or is about to have, more to write.
static void
s_damaged (zseq_node_t *self, const zseq_event_t *event)
{
    if (!self->voting || self->stopping)
        return;
    if (event->entry)
        zseq_node_mark_dirty (self, event->entry);
    else
        self->version++;
}

//  What is to be written of an entry: a limit that is no lower than what is
//  durable, or what it has just been lowered to.
static uint64_t
s_limit (zseq_node_t *self, zseq_entry_t *entry)
{
    uint64_t limit = entry->seq.next;
    if (!entry->lowering && self->voting && !self->stopping) {
        //  S10: a reserve would be ahead of the clock after a crash.
        uint64_t wanted = 0;
        if (self->reserve_us &&
            !zseq_flake_reserved (entry->name, entry->name_size))
            wanted = zseq_reserve_wanted (&entry->reserve, self->now_us,
                                          self->reserve_us);
        limit = wanted < ZSEQ_NEXT_MAX - limit ? limit + wanted : ZSEQ_NEXT_MAX;
        zseq_reserve_restart (&entry->reserve, self->now_us);
    }
    entry->lowering = false;
    return limit > entry->limit ? limit : entry->limit;
}

//  Who asks between two flushes. Connections are told apart by a hash: it need
//  not be exact.
static void
s_note_caller (zseq_node_t *self, const zseq_route_t *route)
{
    uint64_t place = XXH3_64bits (route->id, route->size) % ZSEQ_CALLERS_MAX;
    uint64_t bit = (uint64_t) 1 << place % 64;
    if (self->caller[place / 64] & bit)
        return;
    self->caller[place / 64] |= bit;
    self->callers++;
}

//  How many wait at once, as the typical one of them finds it.
static void
s_note_crowd (zseq_node_t *self)
{
    uint64_t callers = self->callers;
    if (!callers)
        return;
    self->callers = 0;
    memset (self->caller, 0, sizeof self->caller);
    if (self->now_us < self->crowded_until_us)
        return;
    if (callers > CROWD_WINDOW)
        callers = CROWD_WINDOW;
    self->crowd = ((CROWD_WINDOW - callers) * self->crowd +
                   callers * callers * CROWD_UNIT) /
                  CROWD_WINDOW;
    if (self->crowd < CROWD * CROWD_UNIT || self->record.n == 1)
        return;
    self->crowd = 0;
    self->crowded_until_us = self->now_us + CROWD_US;
}

static void
s_flush (zseq_node_t *self)
{
    zseq_coordinator_flush (self->coordinator, self->now_us);
    zseq_peers_consider_vote (self);
    //  Who was told to recover leaves the record as it is up to its new life: if
    //  that cannot begin, nothing has happened.
    bool waits = self->recovering && self->told && self->phase == PHASE_ASK;
    if (self->version != self->version_disk && !self->record_writing &&
        self->now_us >= self->record_us && !waits) {
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
                                .deferred = self->recovering &&
                                            !self->record.voting &&
                                            entry->limit == 0};
        self->act (&action, self->arg);
    }
    self->dirty_end = &self->dirty;
    zseq_peers_flushed (self);
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
    case ZSEQ_OP_NEXT:
        s_next (self, event);
        break;
    case ZSEQ_OP_LIST:
        s_list (self, event);
        break;
    case ZSEQ_OP_STATUS:
        s_status (self, event);
        break;
    case ZSEQ_OP_INTRODUCE:
    case ZSEQ_OP_FENCE:
    case ZSEQ_OP_COPY:
        zseq_peers_request (self, event);
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
        s_note_caller (self, &event->route);
        s_request (self, event);
        break;
    case ZSEQ_EVENT_MALFORMED:
        zseq_node_refuse (self, event, ZSEQ_EPROTOCOL);
        break;
    case ZSEQ_EVENT_PEER_REPLY:
        if (event->msg->op == ZSEQ_OP_READ || event->msg->op == ZSEQ_OP_CLAIM)
            s_vote_reply (self, event);
        else
            zseq_peers_reply (self, event);
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
    case ZSEQ_EVENT_DAMAGED:
        s_damaged (self, event);
        break;
    case ZSEQ_EVENT_FLUSH:
        s_note_crowd (self);
        s_flush (self);
        break;
    case ZSEQ_EVENT_STOP:
        s_stop (self);
        break;
    }
}
