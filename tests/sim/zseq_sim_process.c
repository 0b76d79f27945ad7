//  Processes of a simulated cluster: a node of the shipped core, its clock, and
//  its writes in flight to the disk.
//
//  zseq_sim_process_step hands a node an event at the time of its own clock.
//  The node answers by actions: messages are sent at once, and writes wait in a
//  queue. Later events are due in the cluster and come to
//  zseq_sim_process_happen: ticks, a flush, and one write after the other. A
//  write arrives, is refused, or fails; when a process ends, some of its writes
//  arrive. Replies and records are checked here, against the disk as it is at
//  that moment.

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_sim_cluster_private.h"

#define FLUSH_US 500
#define CONGESTION_US 20000
#define KV_BYTES_MAX 1000000
#define WALL_MS 1800000000000u  //  What wall clocks show at time 0

//  Checks a record, and writes it to the disk.
static void
s_write_record (zseq_sim_process_t *process, const zseq_record_t *record)
{
    zseq_sim_cluster_t *self = process->cluster;
    zseq_sim_slot_t *slot = &self->slot[process->index];
    const zseq_incarnation_t *incarnation =
      &record->vector.incarnation[process->index];
    uint64_t start = record->vector.start[process->index].counter;
    if (zseq_incarnation_compare (incarnation, &slot->begun) > 0)
        slot->begun = *incarnation;
    if (start > slot->start)
        slot->start = start;
    zseq_sim_check_record (process, record);
    self->formed |= record->voting;
    zseq_sim_disk_write_record (process->disk, record);
    if (record->voting &&
        zseq_incarnation_compare (incarnation, &slot->voted) > 0)
        slot->voted = *incarnation;
    if (record->voting && process->forced)
        slot->forced_vote_us = self->now_us;
    zseq_sim_cluster_say (self, "%c#%u writes its record: incarnation %llu%s",
                          zseq_sim_letter (process->index), process->id,
                          (unsigned long long) incarnation->counter,
                          record->voting ? ", votes" : "");
}

//  Carries out a write on the disk.
static void
s_apply (zseq_sim_process_t *process, const zseq_sim_write_t *write)
{
    if (write->group) {
        zseq_sim_disk_write_group (process->disk, write->group);
        zseq_journal_end_t end = {
          process->disk->record.vector.incarnation[process->index],
          write->group->position};
        (void) zseq_journal_end_raise (
          &process->cluster->slot[process->index].end, &end);
        zseq_sim_cluster_say (process->cluster,
                              "%c#%u writes group %llu of keys",
                              zseq_sim_letter (process->index), process->id,
                              (unsigned long long) write->group->position);
        return;
    }
    if (!write->sequence) {
        s_write_record (process, write->record);
        return;
    }
    zseq_sim_disk_write (
      process->disk, (size_t) (zseq_sequence_name (write->sequence)[0] - 'A'),
      write->next, write->durable_to, write->deferred);
    zseq_sim_cluster_say (
      process->cluster, "%c#%u writes %s: next %llu, limit %llu%s",
      zseq_sim_letter (process->index), process->id,
      zseq_sequence_name (write->sequence), (unsigned long long) write->next,
      (unsigned long long) write->durable_to,
      write->deferred ? ", deferred" : "");
}

//  Some of the writes in flight arrive; of groups, the first ones.
void
zseq_sim_process_end (zseq_sim_process_t *process, bool power_cut)
{
    zseq_sim_cluster_t *self = process->cluster;
    zseq_sim_disk_t *disk = process->disk;
    bool groups_arrive = true;
    for (size_t index = 0; index < process->write_count; index++) {
        bool arrives = zseq_sim_random (self) % 2;
        if (process->write[index].group)
            arrives = groups_arrive = groups_arrive && arrives;
        if (arrives)
            s_apply (process, &process->write[index]);
        free (process->write[index].record);
    }
    zseq_sim_disk_end (disk, power_cut, zseq_sim_random (self));
    zseq_sim_check_disk (process);
    zseq_sim_slot_t *slot = &self->slot[process->index];
    if (slot->process == process->id)
        slot->process = ZSEQ_SIM_NO_PROCESS;
    if (slot->older == process->id) {
        slot->older = ZSEQ_SIM_NO_PROCESS;
        slot->copied = false;
    }
    if (disk != slot->disk)
        free (disk);
    zseq_node_destroy (&process->node);
    self->process[process->id] = NULL;
    free (process->write);
    free (process);
}

//  Ends a process by itself, with a status and a text.
static void
s_exit (zseq_sim_process_t *process, int status, const char *text)
{
    zseq_sim_cluster_t *self = process->cluster;
    uint8_t node = process->index;
    zseq_sim_slot_t *slot = &self->slot[node];
    //  The end of the older of two processes is not the node's.
    if (slot->process == process->id) {
        slot->ended = status;
        snprintf (slot->words, sizeof slot->words, "%s", text);
    }
    zseq_sim_cluster_say (self, "%c#%u ENDS: %s", zseq_sim_letter (node),
                          process->id, text);
    process->ended = status;
}

//  Schedules a flush of the node, if none is scheduled.
static void
s_want_flush (zseq_sim_process_t *process)
{
    zseq_sim_cluster_t *self = process->cluster;
    if (process->flush_due)
        return;
    process->flush_due = true;
    zseq_sim_add_due (self, self->now_us + zseq_sim_random (self) % FLUSH_US,
                      ZSEQ_SIM_DUE_FLUSH, process->id, NULL);
}

//  Schedules the arrival of the first write, once its disk is not stuck.
static void
s_want_write (zseq_sim_process_t *process)
{
    zseq_sim_cluster_t *self = process->cluster;
    if (process->write_due || process->write_count == 0)
        return;
    process->write_due = true;
    uint64_t at_us = self->now_us;
    if (at_us < process->stuck_us)
        at_us = process->stuck_us;
    zseq_sim_add_due (
      self, at_us + zseq_sim_random (self) % (self->faults.write_us + 1),
      ZSEQ_SIM_DUE_WRITE, process->id, NULL);
}

//  Schedules the node's wake-up, unless an earlier one is scheduled.
static void
s_want_wake (zseq_sim_process_t *process, uint64_t local_us)
{
    zseq_sim_cluster_t *self = process->cluster;
    uint64_t wake_us = zseq_node_wake_us (process->node);
    if (wake_us == UINT64_MAX || local_us + ZSEQ_SIM_TICK_US <= wake_us)
        return;
    //  The flush does what is overdue.
    if (wake_us <= local_us && process->flush_due)
        return;
    uint64_t wait_us = wake_us < local_us ? 0 : wake_us - local_us;
    uint64_t at_us = self->now_us + wait_us * 1000 / process->clock_rate + 1;
    if (process->wake_us > self->now_us && process->wake_us <= at_us)
        return;
    process->wake_us = at_us;
    zseq_sim_add_due (self, at_us, ZSEQ_SIM_DUE_WAKE, process->id, NULL);
}

//  Checks and notes what a step may have changed.
static void
s_look_at (zseq_sim_process_t *process)
{
    zseq_sim_cluster_t *self = process->cluster;
    uint8_t node = process->index;
    zseq_state_t state = zseq_node_state (process->node);
    if (state == ZSEQ_STATE_RECOVERING)
        process->recovered = true;
    if (state == ZSEQ_STATE_VOTING && !process->voted)
        zseq_sim_check_voter (process);
    if (!process->watched)
        return;
    bool covered = self->hooks.covered (node, self->hooks.arg);
    process->watched =
      covered && state != ZSEQ_STATE_VOTING && state != ZSEQ_STATE_RECOVERING;
    if (covered)
        return;
    zseq_sim_cluster_say (self, "%c#%u has lost its cover, and is killed",
                          zseq_sim_letter (node), process->id);
    zseq_sim_process_end (process, false);
    self->hooks.ended (node, self->hooks.arg);
}

void
zseq_sim_process_step (zseq_sim_process_t *process, zseq_event_t event)
{
    zseq_sim_cluster_t *self = process->cluster;
    uint8_t node = process->index;
    event.now_us =
      process->clock_us + self->now_us * process->clock_rate / 1000;
    event.wall_ms = WALL_MS + self->now_us / 1000;
    process->asked = event.type == ZSEQ_EVENT_REQUEST ? event.msg : NULL;
    self->steps++;
    zseq_node_step (process->node, &event);
    process->asked = NULL;
    if (process->ended) {
        zseq_sim_process_end (process, false);
        self->hooks.ended (node, self->hooks.arg);
        return;
    }
    if (event.type == ZSEQ_EVENT_FLUSH && process->stopping &&
        zseq_node_idle (process->node)) {
        zseq_sim_cluster_say (self, "%c#%u has stopped", zseq_sim_letter (node),
                              process->id);
        zseq_sim_process_end (process, true);
        return;
    }
    if (event.type != ZSEQ_EVENT_FLUSH)
        s_want_flush (process);
    s_want_write (process);
    s_want_wake (process, event.now_us);
    s_look_at (process);
}

//  The origin of a request, as its routing ID.
typedef struct {
    uint32_t process;
    uint16_t client;
    uint16_t name;  //  The sequence, to check the reply
} s_origin_t;

//  Notes the highest ID that a coordinator has claimed.
static void
s_note_claimed (zseq_sim_cluster_t *self, const zseq_msg_t *msg)
{
    bool claims = msg->op == ZSEQ_OP_CLAIM && !msg->reply;
    bool serves =
      msg->op == ZSEQ_OP_NEXT && msg->reply && msg->status == ZSEQ_OK;
    uint64_t end = 0;
    if (claims)
        end = msg->claim.first + msg->claim.count;
    else if (serves)
        end = msg->next.first + msg->next.count;
    if (self->claimed < end)
        self->claimed = end;
}

//  Returns whether a node reports congestion. Nodes do so half of the time, so
//  that clients delegate and stop delegating at any moment. A simulation has
//  too few clients for real congestion.
static bool
s_congested (const zseq_sim_cluster_t *self, uint8_t node)
{
    uint64_t phase = self->now_us / CONGESTION_US + node;
    return (self->seed ^ phase * 0x9e3779b97f4a7c15u) >> 63;
}

//  Checks a reply against the disk, and sends it to the process or client that
//  asked.
static void
s_act_reply (zseq_sim_process_t *process, const zseq_action_t *action)
{
    zseq_sim_cluster_t *self = process->cluster;
    s_note_claimed (self, action->msg);
    s_origin_t origin;
    memcpy (&origin, action->sender->route.id, sizeof origin);
    const zseq_msg_t *msg = action->msg;
    zseq_sim_check_vote (process, msg);
    zseq_sim_check_fence (process, msg);
    if (msg->op == ZSEQ_OP_READ || msg->op == ZSEQ_OP_CLAIM ||
        msg->op == ZSEQ_OP_RAISE)
        zseq_sim_check_durable (process, msg, origin.name);
    zseq_sim_message_t head = {.from = process->id,
                               .to = origin.process,
                               .client = origin.client,
                               .node = process->index};
    bool cut = zseq_sim_cut_client (self, origin.client, process->index);
    if (origin.process != ZSEQ_SIM_NO_PROCESS) {
        const zseq_sim_process_t *to = zseq_sim_process (self, origin.process);
        cut = !to || to->deaf || zseq_sim_cut (self, process, to->index, msg);
    }
    self->refused += msg->op == ZSEQ_OP_CLAIM && msg->status == ZSEQ_ECONFLICT;
    zseq_msg_t sent = *msg;
    if (!self->faults.own_congestion)
        sent.congested = s_congested (self, process->index);
    zseq_sim_post (self, &head, &sent, cut);
}

//  Sends a request to the process that is now at the peer's endpoint.
static void
s_act_ask (zseq_sim_process_t *process, const zseq_action_t *action)
{
    zseq_sim_cluster_t *self = process->cluster;
    s_note_claimed (self, action->msg);
    if (action->msg->op == ZSEQ_OP_CLAIM)
        zseq_node_set_add (&self->claimers, process->index);
    const zseq_sim_process_t *to = zseq_sim_at (self, action->peer);
    //  What could not be sent does not arrive later, at another process.
    if (!to && zseq_op_is_kv (action->msg->op)) {
        zseq_node_note_unreached (process->node, action->peer);
        return;
    }
    zseq_sim_message_t head = {.from = process->id,
                               .to = to ? to->id : ZSEQ_SIM_NO_PROCESS,
                               .node = action->peer};
    zseq_sim_post (self, &head, action->msg,
                   !to || to->deaf ||
                     zseq_sim_cut (self, process, action->peer, action->msg));
}

//  Adds a write, which arrives on the disk after a flush and a delay.
static void
s_act_persist (zseq_sim_process_t *process, const zseq_action_t *action)
{
    process->write =
      zseq_sim_grow (process->write, &process->write_capacity,
                     process->write_count, sizeof *process->write);
    zseq_sim_write_t *write = &process->write[process->write_count++];
    *write = (zseq_sim_write_t){.group = action->group,
                                .sequence = action->sequence,
                                .deferred = action->deferred,
                                .durable_to = action->durable_to,
                                .version = action->version};
    if (action->group)
        return;
    if (action->record) {
        write->record = malloc (sizeof *write->record);
        assert (write->record);
        *write->record = *action->record;
        return;
    }
    uint64_t next = action->sequence->seq.next;
    write->next = next < action->durable_to ? next : action->durable_to;
}

//  Carries out an action of the node.
static void
s_act (const zseq_action_t *action, void *arg)
{
    zseq_sim_process_t *process = arg;
    switch (action->type) {
    case ZSEQ_ACTION_REPLY:
        s_act_reply (process, action);
        break;
    case ZSEQ_ACTION_ASK:
        s_act_ask (process, action);
        break;
    case ZSEQ_ACTION_PERSIST:
    case ZSEQ_ACTION_PERSIST_RECORD:
    case ZSEQ_ACTION_PERSIST_KV:
        s_act_persist (process, action);
        break;
    case ZSEQ_ACTION_EXIT:
        s_exit (process, action->status, action->text);
        break;
    case ZSEQ_ACTION_LOG:
        if (strstr (action->text, "has lost its end"))
            zseq_sim_check_end (process);
        zseq_sim_cluster_say (process->cluster, "%c#%u: %s",
                              zseq_sim_letter (process->index), process->id,
                              action->text);
        break;
    }
}

//  Returns the process that now listens where a message was sent.
static zseq_sim_process_t *
s_receiver (const zseq_sim_cluster_t *self, const zseq_sim_message_t *message)
{
    zseq_sim_process_t *process = zseq_sim_process (self, message->to);
    return process || message->reply ? process
                                     : zseq_sim_at (self, message->node);
}

//  Decodes a message and hands it to its process, or to its client.
static void
s_read_message (zseq_sim_cluster_t *self, zseq_sim_process_t *process,
                const zseq_sim_message_t *message)
{
    zseq_msg_t msg;
    int rc = message->reply
               ? zseq_codec_decode_reply (&self->codec, message->bytes,
                                          message->size, &msg)
               : zseq_codec_decode_request (&self->codec, message->bytes,
                                            message->size, &msg);
    assert (rc == ZSEQ_OK);
    zseq_sim_trace_message (self, message, &msg);
    zseq_sim_process_t *from = zseq_sim_process (self, message->from);
    if (process && from && msg.op == ZSEQ_OP_INTRODUCE && message->reply &&
        msg.status == ZSEQ_OK)
        from->met |= 1u << process->index;
    if (!process) {
        if (message->client < ZSEQ_SIM_CLUSTER_CLIENTS)
            self->hooks.reply (message->client, &msg, self->hooks.arg);
        return;
    }
    zseq_event_t event = {.type = ZSEQ_EVENT_PEER_REPLY,
                          .sender = zseq_sender_peer (message->node),
                          .msg = &msg};
    if (!message->reply) {
        s_origin_t origin = {.process = message->from,
                             .client = message->client};
        if (msg.name.size)
            origin.name = (uint16_t) (msg.name.data[0] - 'A');
        event.type = ZSEQ_EVENT_REQUEST;
        event.sender = (zseq_sender_t){.type = ZSEQ_SENDER_CONNECTION,
                                       .route.size = sizeof origin};
        memcpy (event.sender.route.id, &origin, sizeof origin);
    }
    zseq_sim_process_step (process, event);
}

//  Lets a message wait until its process has worked off those before it, and
//  has spent its own time. Returns whether it has to wait.
static bool
s_wait (zseq_sim_process_t *process, zseq_sim_message_t *message)
{
    zseq_sim_cluster_t *self = process->cluster;
    uint64_t service_us = self->slot[process->index].service_us;
    if (!service_us || message->served)
        return false;
    message->served = true;
    if (process->busy_us < self->now_us)
        process->busy_us = self->now_us;
    process->busy_us += service_us;
    zseq_sim_add_due (self, process->busy_us, ZSEQ_SIM_DUE_MESSAGE, 0, message);
    return true;
}

void
zseq_sim_deliver (zseq_sim_cluster_t *self, zseq_sim_message_t *message)
{
    bool to_client = message->reply && message->to == ZSEQ_SIM_NO_PROCESS;
    zseq_sim_process_t *process = to_client ? NULL : s_receiver (self, message);
    if (process && self->now_us < process->paused_us) {
        message->served = false;
        zseq_sim_add_due (self, process->paused_us, ZSEQ_SIM_DUE_MESSAGE, 0,
                          message);
        return;
    }
    if (process && s_wait (process, message))
        return;
    if (process || to_client)
        s_read_message (self, process, message);
    free (message);
}

//  Ends the first write: it arrives, is refused for lack of space, or fails.
static void
s_write_one (zseq_sim_process_t *process)
{
    zseq_sim_cluster_t *self = process->cluster;
    zseq_sim_slot_t *slot = &self->slot[process->index];
    process->write_due = false;
    if (self->now_us < process->stuck_us) {
        s_want_write (process);
        return;
    }
    zseq_sim_write_t write = process->write[0];
    process->write_count--;
    memmove (process->write, process->write + 1,
             process->write_count * sizeof *process->write);
    bool refused = self->now_us < slot->full_us;
    bool failed = slot->failing;
    //  A failed write may have arrived all the same.
    bool arrives = !refused && !failed;
    if (!arrives && !write.deferred && (write.sequence || failed))
        arrives = zseq_sim_random (self) % 2;
    if (arrives)
        s_apply (process, &write);
    free (write.record);
    if (failed) {
        //  The process ends as zseq_server.c does it, without another step.
        uint8_t node = process->index;
        slot->failing = false;
        s_exit (process, ZSEQ_EIO, "a write has failed");
        zseq_sim_process_end (process, false);
        self->hooks.ended (node, self->hooks.arg);
        return;
    }
    zseq_sim_check_disk (process);
    zseq_event_t event = {.type = write.sequence ? ZSEQ_EVENT_PERSISTED
                                                 : ZSEQ_EVENT_RECORD_PERSISTED,
                          .sequence = write.sequence,
                          .durable_to = write.durable_to,
                          .version = write.version,
                          .status = refused ? ZSEQ_ENOSPACE : ZSEQ_OK};
    if (write.group) {
        event.type = ZSEQ_EVENT_KV_PERSISTED;
        event.position = write.group->position;
    }
    if (refused)
        zseq_sim_cluster_say (self, "%c#%u: the disk is full",
                              zseq_sim_letter (process->index), process->id);
    zseq_sim_process_step (process, event);
}

void
zseq_sim_process_happen (zseq_sim_process_t *process, zseq_sim_kind_t kind)
{
    zseq_sim_cluster_t *self = process->cluster;
    if (self->now_us < process->paused_us) {
        zseq_sim_add_due (self, process->paused_us, kind, process->id, NULL);
        return;
    }
    switch (kind) {
    case ZSEQ_SIM_DUE_TICK:
        zseq_sim_add_due (
          self, self->now_us + ZSEQ_SIM_TICK_US * 1000 / process->clock_rate,
          ZSEQ_SIM_DUE_TICK, process->id, NULL);
        zseq_sim_process_step (process,
                               (zseq_event_t){.type = ZSEQ_EVENT_TICK});
        break;
    case ZSEQ_SIM_DUE_WAKE:
        zseq_sim_process_step (process,
                               (zseq_event_t){.type = ZSEQ_EVENT_TICK});
        break;
    case ZSEQ_SIM_DUE_FLUSH:
        process->flush_due = false;
        zseq_sim_process_step (process,
                               (zseq_event_t){.type = ZSEQ_EVENT_FLUSH});
        break;
    default:
        assert (kind == ZSEQ_SIM_DUE_WRITE);
        s_write_one (process);
    }
}

zseq_sim_process_t *
zseq_sim_process_new (zseq_sim_cluster_t *self, uint8_t node,
                      const zseq_record_t *record)
{
    self->process = zseq_sim_grow (self->process, &self->process_capacity,
                                   self->process_count, sizeof *self->process);
    zseq_sim_process_t *process = calloc (1, sizeof *process);
    assert (process);
    process->cluster = self;
    process->id = self->process_count;
    process->index = node;
    process->disk = self->slot[node].disk;
    process->began_us = self->now_us;
    process->formed = !record->identity;
    process->clock_us = zseq_sim_random (self) % ((uint64_t) 1 << 40);
    process->clock_rate = 1000 - self->faults.drift +
                          zseq_sim_random (self) % (2 * self->faults.drift + 1);
    zseq_node_limits_t limits = {.names_max = ZSEQ_SIM_NAMES_MAX,
                                 .waiting_max = self->faults.waiting_max,
                                 .reserve_us = self->faults.reserve_us,
                                 .kv_bytes_max = KV_BYTES_MAX};
    process->node =
      zseq_node_new (record, &limits, zseq_sim_random (self), s_act, process);
    assert (process->node);
    self->process[self->process_count++] = process;
    return process;
}

void
zseq_sim_process_load (zseq_sim_process_t *process)
{
    zseq_sim_disk_load_kv (process->disk, process->node);
    for (size_t name = 0; name < ZSEQ_SIM_NAMES; name++) {
        const zseq_sim_file_t *file = &process->disk->file[name];
        char text = (char) ('A' + name);
        if (file->damaged || !file->there)
            continue;
        int rc = zseq_node_load (process->node, &text, 1, file->next,
                                 file->durable_to);
        assert (rc == ZSEQ_OK);
    }
}
