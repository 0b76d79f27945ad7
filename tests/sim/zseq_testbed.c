//  A testbed holds nodes, their disks, and the messages between them.
//
//  Nothing moves by itself: a test starts nodes, cuts links, and calls for
//  rounds (zseq_testbed_round). In a round each node ticks and flushes, its
//  messages are delivered in order, and its writes arrive on the disk, until
//  there is nothing left to deliver or write. A test can hold a disk's writes,
//  drop messages by a filter, and send requests as a client. What nodes log is
//  kept as text. Unlike the simulator, the testbed draws nothing: it is for
//  tests that decide each step.

#include "zseq_testbed.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_codec.h"

#define ROUND_US 20000
#define NAMES_MAX 100000
#define LOG_SIZE 65536
#define ROUTE_CLIENT 1
#define ROUTE_PEER 2

typedef struct {
    char name[ZSEQ_NAME_MAX + 1];
    uint64_t next;
    uint64_t durable_to;
    bool damaged;
} s_file_t;

struct zseq_disk {
    bool formatted;
    zseq_record_t record;
    s_file_t *file;
    size_t count;
};

typedef struct {
    zseq_sequence_t *sequence;  //  NULL: the node's record
    uint64_t next;
    uint64_t durable_to;
    zseq_record_t record;
    uint64_t version;
} s_write_t;

typedef struct {
    zseq_testbed_message_t message;
    uint8_t *bytes;
    size_t size;
} s_mail_t;

typedef struct {
    zseq_node_t *node;  //  NULL: the node is down
    uint8_t index;
    zseq_testbed_t *testbed;
    zseq_disk_t disk;
    s_write_t *write;  //  In flight
    size_t write_count;
    size_t write_capacity;
    bool stuck;
    size_t writes_max;  //  Writes that still arrive while stuck
    size_t writes;      //  Writes that have arrived
    int ended;
    char log[LOG_SIZE];
    size_t log_size;
} s_slot_t;

struct zseq_testbed {
    size_t n;
    s_slot_t *slot;
    zseq_members_t members;
    s_mail_t *mail;
    size_t mail_first;
    size_t mail_count;
    size_t mail_capacity;
    uint64_t now_us;
    uint64_t seed;
    uint64_t reserve_us;
    zseq_testbed_filter_fn *filter;
    void *filter_arg;
    zseq_testbed_client_fn *client;
    void *client_arg;
    zseq_codec_t codec;
};

//  Makes room in an array for one more item. Ends the program if there is no
//  memory.
static void *
s_grow (void *items, size_t *capacity_p, size_t count, size_t size)
{
    if (count < *capacity_p)
        return items;
    *capacity_p = *capacity_p ? *capacity_p * 2 : 16;
    items = realloc (items, *capacity_p * size);
    assert (items);
    return items;
}

//  Encodes a message, and adds it to the messages in flight.
static void
s_post (zseq_testbed_t *self, uint8_t from, uint8_t to, const zseq_msg_t *msg)
{
    static uint8_t bytes[ZSEQ_MESSAGE_MAX];
    size_t size = zseq_codec_encode (msg, bytes, sizeof bytes);
    assert (size);
    self->mail =
      s_grow (self->mail, &self->mail_capacity,
              self->mail_first + self->mail_count, sizeof *self->mail);
    s_mail_t *mail = &self->mail[self->mail_first + self->mail_count++];
    mail->message = (zseq_testbed_message_t){from, to, msg->op, msg->reply};
    mail->bytes = malloc (size);
    assert (mail->bytes);
    memcpy (mail->bytes, bytes, size);
    mail->size = size;
}

//  Keeps a text that a node logs. A full log is emptied first.
static void
s_log (s_slot_t *slot, const char *text)
{
    size_t size = strlen (text);
    if (slot->log_size + size + 2 > LOG_SIZE)
        slot->log_size = 0;
    memcpy (slot->log + slot->log_size, text, size);
    slot->log_size += size;
    slot->log[slot->log_size++] = '\n';
    slot->log[slot->log_size] = 0;
}

//  Carries out an action of a node.
static void
s_act (const zseq_action_t *action, void *arg)
{
    s_slot_t *slot = arg;
    zseq_testbed_t *self = slot->testbed;
    switch (action->type) {
    case ZSEQ_ACTION_REPLY:
        s_post (self, slot->index,
                action->sender->route.id[0] == ROUTE_PEER
                  ? action->sender->route.id[1]
                  : ZSEQ_TESTBED_CLIENT,
                action->msg);
        break;
    case ZSEQ_ACTION_ASK:
        s_post (self, slot->index, action->peer, action->msg);
        break;
    case ZSEQ_ACTION_PERSIST:
    case ZSEQ_ACTION_PERSIST_RECORD: {
        slot->write = s_grow (slot->write, &slot->write_capacity,
                              slot->write_count, sizeof *slot->write);
        s_write_t *write = &slot->write[slot->write_count++];
        memset (write, 0, sizeof *write);
        write->sequence = action->sequence;
        if (action->record)
            write->record = *action->record;
        else
            write->next = action->sequence->seq.next;
        write->durable_to = action->durable_to;
        write->version = action->version;
        break;
    }
    case ZSEQ_ACTION_PERSIST_KV:
        assert (false);
        break;
    case ZSEQ_ACTION_EXIT:
        slot->ended = action->status;
        s_log (slot, action->text);
        break;
    case ZSEQ_ACTION_LOG:
        s_log (slot, action->text);
        break;
    }
}

zseq_testbed_t *
zseq_testbed_new (size_t n)
{
    assert (n >= 1);
    assert (n <= ZSEQ_NODES_MAX);

    zseq_testbed_t *self = calloc (1, sizeof *self);
    assert (self);
    self->n = n;
    self->now_us = 1000000;
    self->seed = 1;
    self->slot = calloc (n, sizeof *self->slot);
    assert (self->slot);
    for (size_t index = 0; index < n; index++) {
        zseq_member_t *member = &self->members.member[index];
        snprintf (member->name, sizeof member->name, "%c",
                  (char) ('a' + index));
        snprintf (member->endpoint, sizeof member->endpoint,
                  "tcp://127.0.0.1:%zu", 1000 + index);
    }
    int rc = zseq_members_init (&self->members, self->members.member, n);
    assert (rc == ZSEQ_OK);
    for (size_t index = 0; index < n; index++) {
        s_slot_t *slot = &self->slot[index];
        slot->index = (uint8_t) index;
        slot->testbed = self;
        rc = zseq_record_init (&slot->disk.record, "test",
                               self->members.member[index].name, &self->members,
                               100 + index);
        assert (rc == ZSEQ_OK);
        slot->disk.formatted = true;
    }
    return self;
}

void
zseq_testbed_destroy (zseq_testbed_t **self_p)
{
    zseq_testbed_t *self = *self_p;
    if (!self)
        return;
    for (size_t index = 0; index < self->n; index++) {
        s_slot_t *slot = &self->slot[index];
        zseq_node_destroy (&slot->node);
        free (slot->write);
        free (slot->disk.file);
    }
    for (size_t index = 0; index < self->mail_count; index++)
        free (self->mail[self->mail_first + index].bytes);
    free (self->mail);
    free (self->slot);
    free (self);
    *self_p = NULL;
}

void
zseq_testbed_filter (zseq_testbed_t *self, zseq_testbed_filter_fn *filter,
                     void *arg)
{
    self->filter = filter;
    self->filter_arg = arg;
}

void
zseq_testbed_client (zseq_testbed_t *self, zseq_testbed_client_fn *client,
                     void *arg)
{
    self->client = client;
    self->client_arg = arg;
}

void
zseq_testbed_reserve (zseq_testbed_t *self, uint64_t reserve_us)
{
    self->reserve_us = reserve_us;
}

//  Returns the record of a name on disk, or NULL.
static s_file_t *
s_file (const zseq_disk_t *disk, const char *name)
{
    for (size_t index = 0; index < disk->count; index++)
        if (!strcmp (disk->file[index].name, name))
            return &disk->file[index];
    return NULL;
}

//  Starts a node. why is the reason to recover, or NULL.
static void
s_start (zseq_testbed_t *self, uint8_t node, const char *why,
         const zseq_force_t *force)
{
    s_slot_t *slot = &self->slot[node];
    assert (!slot->node);

    zseq_disk_t *disk = &slot->disk;
    zseq_record_t record = disk->record;
    if (!disk->formatted) {
        int rc = zseq_record_init (
          &record, "test", self->members.member[node].name, &self->members, 0);
        assert (rc == ZSEQ_OK);
        zseq_record_reset (&record, 0);
        why = "its directory is empty";
    }
    zseq_node_limits_t limits = {.names_max = NAMES_MAX,
                                 .waiting_max = 1000,
                                 .reserve_us = self->reserve_us};
    self->seed = self->seed * 6364136223846793005u + 1442695040888963407u;
    slot->ended = ZSEQ_OK;
    slot->log_size = 0;
    slot->log[0] = 0;
    slot->node = zseq_node_new (&record, &limits, self->seed, s_act, slot);
    assert (slot->node);
    for (size_t index = 0; index < disk->count; index++) {
        const s_file_t *file = &disk->file[index];
        if (file->damaged) {
            why = "its directory is damaged";
            continue;
        }
        int rc = zseq_node_load (slot->node, file->name, strlen (file->name),
                                 file->next, file->durable_to);
        assert (rc == ZSEQ_OK);
    }
    if (why)
        zseq_node_recover (slot->node, why, force);
}

void
zseq_testbed_start (zseq_testbed_t *self, uint8_t node,
                    const zseq_force_t *force)
{
    s_start (self, node, force ? "it was told to" : NULL, force);
}

void
zseq_testbed_start_to_recover (zseq_testbed_t *self, uint8_t node)
{
    s_start (self, node, "it was told to", NULL);
}

void
zseq_testbed_form (zseq_testbed_t *self)
{
    for (size_t node = 0; node < self->n; node++)
        zseq_testbed_start (self, (uint8_t) node, NULL);
    for (size_t node = 0; node < self->n; node++) {
        bool votes = zseq_testbed_votes (self, (uint8_t) node, 1000);
        assert (votes);
    }
}

void
zseq_testbed_kill (zseq_testbed_t *self, uint8_t node)
{
    zseq_node_destroy (&self->slot[node].node);
    self->slot[node].write_count = 0;
}

void
zseq_testbed_wipe (zseq_testbed_t *self, uint8_t node)
{
    s_slot_t *slot = &self->slot[node];
    assert (!slot->node);
    free (slot->disk.file);
    memset (&slot->disk, 0, sizeof slot->disk);
}

void
zseq_testbed_damage (zseq_testbed_t *self, uint8_t node, const char *name)
{
    assert (!self->slot[node].node);
    s_file_t *file = s_file (&self->slot[node].disk, name);
    assert (file);
    file->damaged = true;
}

zseq_disk_t *
zseq_testbed_keep (zseq_testbed_t *self, uint8_t node)
{
    const zseq_disk_t *disk = &self->slot[node].disk;
    zseq_disk_t *copy = malloc (sizeof *copy);
    assert (copy);
    *copy = *disk;
    copy->file = NULL;
    if (disk->count) {
        copy->file = malloc (disk->count * sizeof *copy->file);
        assert (copy->file);
        memcpy (copy->file, disk->file, disk->count * sizeof *copy->file);
    }
    return copy;
}

void
zseq_testbed_put_back (zseq_testbed_t *self, uint8_t node, zseq_disk_t **p)
{
    zseq_testbed_wipe (self, node);
    self->slot[node].disk = **p;
    free (*p);
    *p = NULL;
}

void
zseq_testbed_stick (zseq_testbed_t *self, uint8_t node, size_t writes_max)
{
    self->slot[node].stuck = true;
    self->slot[node].writes_max = writes_max;
}

void
zseq_testbed_unstick (zseq_testbed_t *self, uint8_t node)
{
    self->slot[node].stuck = false;
}

void
zseq_testbed_send (zseq_testbed_t *self, uint8_t node, const zseq_msg_t *msg)
{
    s_post (self, ZSEQ_TESTBED_CLIENT, node, msg);
}

//  Hands a node an event, at the present time. Kills a node that ended.
static void
s_step (zseq_testbed_t *self, s_slot_t *slot, zseq_event_t event)
{
    if (!slot->node)
        return;
    event.now_us = self->now_us;
    event.wall_ms = ZSEQ_TESTBED_WALL_MS + self->now_us / 1000;
    zseq_node_step (slot->node, &event);
    if (slot->ended)
        zseq_testbed_kill (self, slot->index);
}

//  Decodes a message and delivers it to its node, or to the client.
static void
s_deliver (zseq_testbed_t *self, const s_mail_t *mail)
{
    const zseq_testbed_message_t *message = &mail->message;
    zseq_msg_t msg;
    int rc =
      message->reply
        ? zseq_codec_decode_reply (&self->codec, mail->bytes, mail->size, &msg)
        : zseq_codec_decode_request (&self->codec, mail->bytes, mail->size,
                                     &msg);
    assert (rc == ZSEQ_OK);
    if (message->to == ZSEQ_TESTBED_CLIENT) {
        if (self->client)
            self->client (&msg, self->client_arg);
        return;
    }
    zseq_event_t event = {.type = ZSEQ_EVENT_PEER_REPLY,
                          .sender = zseq_sender_peer (message->from),
                          .msg = &msg};
    if (!message->reply) {
        event.type = ZSEQ_EVENT_REQUEST;
        event.sender.route.size = 2;
        event.sender.route.id[0] =
          message->from == ZSEQ_TESTBED_CLIENT ? ROUTE_CLIENT : ROUTE_PEER;
        event.sender.route.id[1] = message->from;
    }
    s_step (self, &self->slot[message->to], event);
}

//  Delivers all messages, and those that they cause. Returns whether there were
//  any.
static bool
s_deliver_all (zseq_testbed_t *self)
{
    bool any = self->mail_count > 0;
    while (self->mail_count) {
        s_mail_t mail = self->mail[self->mail_first++];
        self->mail_count--;
        if (!self->filter || self->filter (&mail.message, self->filter_arg))
            s_deliver (self, &mail);
        free (mail.bytes);
    }
    self->mail_first = 0;
    return any;
}

//  Carries out a write on the disk.
static void
s_write (s_slot_t *slot, const s_write_t *write)
{
    zseq_disk_t *disk = &slot->disk;
    slot->writes++;
    if (!write->sequence) {
        disk->formatted = true;
        disk->record = write->record;
        //  A recovering node repairs damage with this write.
        size_t kept = 0;
        for (size_t index = 0; index < disk->count; index++)
            if (!disk->file[index].damaged)
                disk->file[kept++] = disk->file[index];
        disk->count = kept;
        return;
    }
    s_file_t *file = s_file (disk, zseq_sequence_name (write->sequence));
    if (!file) {
        disk->file =
          realloc (disk->file, (disk->count + 1) * sizeof *disk->file);
        assert (disk->file);
        file = &disk->file[disk->count++];
        memset (file, 0, sizeof *file);
        snprintf (file->name, sizeof file->name, "%s",
                  zseq_sequence_name (write->sequence));
    }
    file->next =
      write->next < write->durable_to ? write->next : write->durable_to;
    file->durable_to = write->durable_to;
}

//  Lets the first write of a node arrive, unless its disk is stuck. Returns
//  whether it did.
static bool
s_write_some (zseq_testbed_t *self, s_slot_t *slot)
{
    if (!slot->node || slot->write_count == 0 ||
        (slot->stuck && slot->writes_max == 0))
        return false;
    if (slot->stuck)
        slot->writes_max--;
    s_write_t write = slot->write[0];
    slot->write_count--;
    memmove (slot->write, slot->write + 1,
             slot->write_count * sizeof *slot->write);
    s_write (slot, &write);
    zseq_event_t event = {.type = write.sequence ? ZSEQ_EVENT_PERSISTED
                                                 : ZSEQ_EVENT_RECORD_PERSISTED,
                          .sequence = write.sequence,
                          .durable_to = write.durable_to,
                          .version = write.version};
    s_step (self, slot, event);
    return true;
}

void
zseq_testbed_round (zseq_testbed_t *self)
{
    self->now_us += ROUND_US;
    for (size_t node = 0; node < self->n; node++)
        s_step (self, &self->slot[node],
                (zseq_event_t){.type = ZSEQ_EVENT_TICK});
    bool any = true;
    while (any) {
        any = s_deliver_all (self);
        for (size_t node = 0; node < self->n; node++) {
            s_step (self, &self->slot[node],
                    (zseq_event_t){.type = ZSEQ_EVENT_FLUSH});
            while (s_write_some (self, &self->slot[node]))
                any = true;
        }
    }
}

bool
zseq_testbed_votes (zseq_testbed_t *self, uint8_t node, size_t rounds_max)
{
    for (size_t round = 0; round < rounds_max; round++) {
        if (zseq_testbed_state (self, node) == ZSEQ_STATE_VOTING)
            return true;
        zseq_testbed_round (self);
    }
    return zseq_testbed_state (self, node) == ZSEQ_STATE_VOTING;
}

zseq_state_t
zseq_testbed_state (const zseq_testbed_t *self, uint8_t node)
{
    const s_slot_t *slot = &self->slot[node];
    return slot->node ? zseq_node_state (slot->node) : 0;
}

int
zseq_testbed_ended (const zseq_testbed_t *self, uint8_t node)
{
    return self->slot[node].ended;
}

const zseq_record_t *
zseq_testbed_record (const zseq_testbed_t *self, uint8_t node)
{
    const s_slot_t *slot = &self->slot[node];
    return slot->node ? zseq_node_record (slot->node) : NULL;
}

uint64_t
zseq_testbed_disk_next (const zseq_testbed_t *self, uint8_t node,
                        const char *name)
{
    const s_file_t *file = s_file (&self->slot[node].disk, name);
    return file ? file->next : 0;
}

uint64_t
zseq_testbed_disk_limit (const zseq_testbed_t *self, uint8_t node,
                         const char *name)
{
    const s_file_t *file = s_file (&self->slot[node].disk, name);
    return file ? file->durable_to : 0;
}

bool
zseq_testbed_logged (const zseq_testbed_t *self, uint8_t node, const char *text)
{
    return strstr (self->slot[node].log, text) != NULL;
}

uint64_t
zseq_testbed_identity (const zseq_testbed_t *self)
{
    for (size_t node = 0; node < self->n; node++)
        if (self->slot[node].node &&
            zseq_node_record (self->slot[node].node)->identity)
            return zseq_node_record (self->slot[node].node)->identity;
    return 0;
}

uint64_t
zseq_testbed_now_us (const zseq_testbed_t *self)
{
    return self->now_us;
}

size_t
zseq_testbed_writes (const zseq_testbed_t *self, uint8_t node)
{
    return self->slot[node].writes;
}
