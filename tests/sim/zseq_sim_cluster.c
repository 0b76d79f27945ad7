//  The cluster: its network, its nodes and its loop over events that are due.
//  Processes, disks, messages and checks have files of their own
//  (zseq_sim_cluster_private.h names them).
//
//  zseq_sim_cluster_run takes the earliest event, moves the time to it and
//  carries it out, until no event is due before the given time. Each node has a
//  slot: its disk, its processes and what was noted of them. The functions for
//  faults change slots, processes and links. They do not judge whether zseq
//  promises to survive that; zseq_operator does.

#include "zseq_sim_cluster.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_sim_cluster_private.h"

uint64_t
zseq_sim_cluster_steps (const zseq_sim_cluster_t *self)
{
    return self->steps;
}

uint64_t
zseq_sim_cluster_messages (const zseq_sim_cluster_t *self)
{
    return self->messages;
}

void
zseq_sim_cluster_run (zseq_sim_cluster_t *self, uint64_t until_us)
{
    while (self->due_count && self->due[0].at_us <= until_us) {
        zseq_sim_due_t due = zseq_sim_take_due (self);
        self->now_us = due.at_us;
        if (due.kind == ZSEQ_SIM_DUE_MESSAGE)
            zseq_sim_deliver (self, due.message);
        else if (due.kind == ZSEQ_SIM_DUE_ALARM)
            self->hooks.alarm (due.target, self->hooks.arg);
        else if (zseq_sim_process (self, due.target))
            zseq_sim_process_happen (zseq_sim_process (self, due.target),
                                     due.kind);
    }
    self->now_us = until_us;
}

zseq_sim_cluster_t *
zseq_sim_cluster_new (size_t n, uint64_t seed, bool trace,
                      const zseq_sim_cluster_hooks_t *hooks)
{
    zseq_sim_cluster_t *self = calloc (1, sizeof *self);
    assert (self);
    self->n = n;
    self->seed = seed;
    self->random = seed;
    self->trace = trace;
    self->now_us = 1000000;
    self->hooks = *hooks;
    self->faults = (zseq_faults_t){
      .lag_us = 100, .write_us = 100, .waiting_max = ZSEQ_SIM_NAMES_MAX};
    self->process =
      zseq_sim_grow (NULL, &self->process_capacity, 0, sizeof *self->process);
    self->process[self->process_count++] = NULL;
    for (size_t node = 0; node < n; node++) {
        zseq_member_t *member = &self->members.member[node];
        snprintf (member->name, sizeof member->name, "%c", (char) ('a' + node));
        snprintf (member->endpoint, sizeof member->endpoint,
                  "tcp://127.0.0.1:%zu", 1000 + node);
    }
    int rc = zseq_members_init (&self->members, self->members.member, n);
    assert (rc == ZSEQ_OK);
    for (size_t node = 0; node < n; node++) {
        zseq_sim_cluster_format (self, (uint8_t) node);
        self->slot[node].unformed = self->slot[node].disk->record;
    }
    return self;
}

void
zseq_sim_cluster_destroy (zseq_sim_cluster_t **self_p)
{
    zseq_sim_cluster_t *self = *self_p;
    if (!self)
        return;
    for (uint32_t id = 0; id < self->process_count; id++)
        if (self->process[id])
            zseq_sim_process_end (self->process[id], false);
    for (size_t index = 0; index < self->due_count; index++)
        free (self->due[index].message);
    for (size_t node = 0; node < self->n; node++)
        free (self->slot[node].disk);
    free (self->process);
    free (self->due);
    free (self);
    *self_p = NULL;
}

void
zseq_sim_cluster_faults (zseq_sim_cluster_t *self, const zseq_faults_t *faults)
{
    self->faults = *faults;
}

void
zseq_sim_cluster_damage (zseq_sim_cluster_t *self, uint8_t node)
{
    zseq_sim_slot_t *slot = &self->slot[node];
    slot->disk->damaged = true;
    slot->changed_us = self->now_us;
}

void
zseq_sim_cluster_wipe (zseq_sim_cluster_t *self, uint8_t node)
{
    assert (!zseq_sim_at (self, node));
    zseq_sim_slot_t *slot = &self->slot[node];
    zseq_sim_process_t *older = zseq_sim_older (self, node);
    if (!older || older->disk != slot->disk)
        free (slot->disk);
    slot->disk = calloc (1, sizeof *slot->disk);
    assert (slot->disk);
    slot->changed_us = self->now_us;
}

void
zseq_sim_cluster_put (zseq_sim_cluster_t *self, uint8_t node,
                      const zseq_sim_disk_t *disk)
{
    zseq_sim_cluster_wipe (self, node);
    *self->slot[node].disk = *disk;
}

void
zseq_sim_cluster_unformed (const zseq_sim_cluster_t *self, uint8_t node,
                           zseq_sim_disk_t *disk)
{
    memset (disk, 0, sizeof *disk);
    disk->formatted = true;
    disk->record = self->slot[node].unformed;
}

void
zseq_sim_cluster_format (zseq_sim_cluster_t *self, uint8_t node)
{
    zseq_sim_cluster_wipe (self, node);
    zseq_sim_slot_t *slot = &self->slot[node];
    slot->disk->formatted = true;
    int rc = zseq_record_init (&slot->disk->record, "test",
                               self->members.member[node].name, &self->members,
                               zseq_sim_random (self));
    assert (rc == ZSEQ_OK);
    const zseq_incarnation_t *incarnation =
      &slot->disk->record.vector.incarnation[node];
    if (zseq_incarnation_compare (incarnation, &slot->begun) > 0)
        slot->begun = *incarnation;
}

//  Starts a process as zseq_server.c does.
void
zseq_sim_cluster_start (zseq_sim_cluster_t *self, uint8_t node, bool recover,
                        const zseq_force_t *force)
{
    assert (!zseq_sim_at (self, node));
    zseq_sim_slot_t *slot = &self->slot[node];
    zseq_sim_disk_t *disk = slot->disk;
    bool lost = !disk->formatted || disk->damaged;
    zseq_record_t record = disk->record;
    if (lost) {
        int rc = zseq_record_init (
          &record, "test", self->members.member[node].name, &self->members, 0);
        assert (rc == ZSEQ_OK);
        zseq_record_reset (&record, 0);
    }
    slot->ended = ZSEQ_OK;
    zseq_sim_process_t *process = zseq_sim_process_new (self, node, &record);
    slot->process = process->id;
    zseq_sim_process_load (process);
    const char *why = recover ? "it was told to" : NULL;
    if (zseq_sim_disk_is_damaged (disk))
        why = "its directory is damaged";
    if (lost)
        why = "its record is lost";
    if (!record.identity && why)
        zseq_node_adopt (process->node, disk->identity);
    zseq_sim_cluster_say (self, "%c#%u starts%s%s%s", zseq_sim_letter (node),
                          process->id, why ? ": " : "", why ? why : "",
                          force ? ", by force" : "");
    if (why)
        zseq_node_recover (process->node, why, force);
    process->forced = force != NULL;
    process->lost = force ? force->lost : 0;
    //  Sometimes the process first has something else to write.
    if (zseq_sim_random (self) % 8 == 0) {
        zseq_member_t member =
          self->members.member[zseq_sim_random (self) % self->n];
        snprintf (member.endpoint, sizeof member.endpoint, "ipc:///moved/%llu",
                  (unsigned long long) self->order);
        (void) zseq_node_move (process->node, &member);
    }
    zseq_sim_add_due (self, self->now_us, ZSEQ_SIM_DUE_TICK, process->id, NULL);
}

void
zseq_sim_cluster_double (zseq_sim_cluster_t *self, uint8_t node)
{
    zseq_sim_slot_t *slot = &self->slot[node];
    zseq_sim_process_t *older = zseq_sim_at (self, node);
    assert (older);
    assert (!zseq_sim_older (self, node));
    older->deaf = true;
    older->watched = false;
    slot->older = older->id;
    slot->process = ZSEQ_SIM_NO_PROCESS;
    slot->disk = calloc (1, sizeof *slot->disk);
    assert (slot->disk);
    slot->changed_us = self->now_us;
    zseq_sim_cluster_say (self, "%c is doubled", zseq_sim_letter (node));
    zseq_sim_cluster_start (self, node, false, NULL);
}

void
zseq_sim_cluster_copy (zseq_sim_cluster_t *self, uint8_t node)
{
    zseq_sim_slot_t *slot = &self->slot[node];
    zseq_sim_process_t *first = zseq_sim_at (self, node);
    assert (first);
    assert (!zseq_sim_older (self, node));
    zseq_sim_disk_t *copy = malloc (sizeof *copy);
    assert (copy);
    *copy = *first->disk;
    zseq_sim_disk_end (copy, zseq_sim_random (self) % 2,
                       zseq_sim_random (self));
    zseq_sim_cluster_say (self, "%c's disk is copied elsewhere",
                          zseq_sim_letter (node));
    slot->process = ZSEQ_SIM_NO_PROCESS;
    slot->disk = copy;
    zseq_sim_cluster_start (self, node, false, NULL);
    slot->older = slot->process;
    slot->copied = true;
    slot->process = first->id;
    slot->disk = first->disk;
}

bool
zseq_sim_cluster_copied (const zseq_sim_cluster_t *self, uint8_t node)
{
    return zseq_sim_older (self, node) && self->slot[node].copied;
}

void
zseq_sim_cluster_watch (zseq_sim_cluster_t *self, uint8_t node, uint8_t peer)
{
    zseq_sim_process_t *process = zseq_sim_at (self, node);
    assert (process);
    process->watched = true;
    process->guard = peer;
}

void
zseq_sim_cluster_undouble (zseq_sim_cluster_t *self, uint8_t node,
                           bool with_endpoint)
{
    zseq_sim_slot_t *slot = &self->slot[node];
    zseq_sim_process_t *older = zseq_sim_older (self, node);
    if (!older)
        return;
    zseq_sim_cluster_say (self, "the older %c#%u is back%s",
                          zseq_sim_letter (node), older->id,
                          with_endpoint ? ", with the endpoint" : "");
    older->deaf = false;
    if (!with_endpoint || slot->copied)
        return;
    //  The disk of a newer process that has ended is not kept.
    if (!zseq_sim_at (self, node))
        free (slot->disk);
    slot->older = slot->process;
    slot->process = older->id;
    slot->disk = older->disk;
    slot->changed_us = self->now_us;
}

bool
zseq_sim_cluster_doubled (const zseq_sim_cluster_t *self, uint8_t node)
{
    return zseq_sim_older (self, node) != NULL;
}

void
zseq_sim_cluster_kill_older (zseq_sim_cluster_t *self, uint8_t node)
{
    if (!zseq_sim_older (self, node))
        return;
    zseq_sim_cluster_say (self, "the older %c is killed",
                          zseq_sim_letter (node));
    zseq_sim_process_end (zseq_sim_older (self, node), true);
}

void
zseq_sim_cluster_kill (zseq_sim_cluster_t *self, uint8_t node, bool power_cut)
{
    zseq_sim_cluster_kill_older (self, node);
    if (!zseq_sim_at (self, node))
        return;
    zseq_sim_cluster_say (self, "%c is killed%s", zseq_sim_letter (node),
                          power_cut ? " by a power cut" : "");
    zseq_sim_process_end (zseq_sim_at (self, node), power_cut);
}

void
zseq_sim_cluster_stop (zseq_sim_cluster_t *self, uint8_t node)
{
    zseq_sim_process_t *process = zseq_sim_at (self, node);
    if (!process || process->stopping)
        return;
    zseq_sim_cluster_say (self, "%c is told to stop", zseq_sim_letter (node));
    process->stopping = true;
    zseq_sim_process_step (process, (zseq_event_t){.type = ZSEQ_EVENT_STOP});
}

void
zseq_sim_cluster_pause (zseq_sim_cluster_t *self, uint8_t node,
                        uint64_t until_us)
{
    if (!zseq_sim_at (self, node))
        return;
    zseq_sim_cluster_say (self, "%c pauses", zseq_sim_letter (node));
    zseq_sim_at (self, node)->paused_us = until_us;
}

void
zseq_sim_cluster_slow (zseq_sim_cluster_t *self, uint8_t node,
                       uint64_t service_us)
{
    self->slot[node].service_us = service_us;
}

void
zseq_sim_cluster_stick (zseq_sim_cluster_t *self, uint8_t node,
                        uint64_t until_us)
{
    if (zseq_sim_at (self, node))
        zseq_sim_at (self, node)->stuck_us = until_us;
}

void
zseq_sim_cluster_fill (zseq_sim_cluster_t *self, uint8_t node,
                       uint64_t until_us)
{
    self->slot[node].full_us = until_us;
}

void
zseq_sim_cluster_fail (zseq_sim_cluster_t *self, uint8_t node)
{
    self->slot[node].failing = true;
}

bool
zseq_sim_cluster_up (const zseq_sim_cluster_t *self, uint8_t node)
{
    return zseq_sim_at (self, node) != NULL;
}

uint32_t
zseq_sim_cluster_process (const zseq_sim_cluster_t *self, uint8_t node)
{
    const zseq_sim_process_t *process = zseq_sim_at (self, node);
    return process ? process->id : ZSEQ_SIM_NO_PROCESS;
}

//  Returns whether a process takes messages now.
static bool
s_listens (const zseq_sim_process_t *process)
{
    return process && process->paused_us <= process->cluster->now_us &&
           !process->deaf && !process->stopping;
}

bool
zseq_sim_cluster_hear (const zseq_sim_cluster_t *self, uint8_t node,
                       uint8_t peer)
{
    const zseq_sim_process_t *process = zseq_sim_at (self, node);
    return (!process || s_listens (process)) &&
           s_listens (zseq_sim_at (self, peer)) && !self->cut[node][peer] &&
           !self->cut[peer][node];
}

zseq_state_t
zseq_sim_cluster_state (const zseq_sim_cluster_t *self, uint8_t node)
{
    const zseq_sim_process_t *process = zseq_sim_at (self, node);
    return process ? zseq_node_state (process->node) : 0;
}

const zseq_record_t *
zseq_sim_cluster_record (const zseq_sim_cluster_t *self, uint8_t node)
{
    const zseq_sim_process_t *process = zseq_sim_at (self, node);
    return process ? zseq_node_record (process->node) : NULL;
}

uint64_t
zseq_sim_cluster_forced_us (const zseq_sim_cluster_t *self, uint8_t node)
{
    return self->slot[node].forced_us;
}

int
zseq_sim_cluster_ended (const zseq_sim_cluster_t *self, uint8_t node)
{
    return self->slot[node].ended;
}

const char *
zseq_sim_cluster_last_words (const zseq_sim_cluster_t *self, uint8_t node)
{
    return self->slot[node].words;
}

zseq_sim_disk_t *
zseq_sim_cluster_disk (zseq_sim_cluster_t *self, uint8_t node)
{
    return self->slot[node].disk;
}

zseq_incarnation_t
zseq_sim_cluster_voted (const zseq_sim_cluster_t *self, uint8_t node)
{
    return self->slot[node].voted;
}

void
zseq_sim_cluster_cut (zseq_sim_cluster_t *self, uint8_t from, uint8_t to,
                      zseq_cut_t cut)
{
    self->cut[from][to] |= (uint8_t) (1u << cut);
}

void
zseq_sim_cluster_join (zseq_sim_cluster_t *self, uint8_t node, uint8_t peer)
{
    self->cut[node][peer] = self->cut[peer][node] = 0;
}

void
zseq_sim_cluster_cut_client (zseq_sim_cluster_t *self, size_t client,
                             uint8_t node)
{
    self->cut_client[client][node] = true;
}

void
zseq_sim_cluster_mend (zseq_sim_cluster_t *self)
{
    memset (self->cut, 0, sizeof self->cut);
    memset (self->cut_client, 0, sizeof self->cut_client);
}

bool
zseq_sim_cluster_send (zseq_sim_cluster_t *self, size_t client, uint8_t node,
                       const zseq_msg_t *msg)
{
    const zseq_sim_process_t *to = zseq_sim_at (self, node);
    if (zseq_sim_older (self, node) && zseq_sim_random (self) % 2)
        to = zseq_sim_older (self, node);
    //  What could not be sent does not arrive later, at another process.
    if (!to && zseq_op_is_kv (msg->op))
        return false;
    zseq_sim_message_t head = {.to = to ? to->id : ZSEQ_SIM_NO_PROCESS,
                               .client = (uint16_t) client,
                               .node = node};
    zseq_sim_post (self, &head, msg, zseq_sim_cut_client (self, client, node));
    return to != NULL;
}

uint64_t
zseq_sim_cluster_refused (const zseq_sim_cluster_t *self)
{
    return self->refused;
}

zseq_node_set_t
zseq_sim_cluster_claimers (const zseq_sim_cluster_t *self)
{
    return self->claimers;
}

uint64_t
zseq_sim_cluster_claimed (const zseq_sim_cluster_t *self)
{
    return self->claimed;
}

uint64_t
zseq_sim_cluster_promised (const zseq_sim_cluster_t *self, size_t name)
{
    return self->promised[name];
}

uint64_t
zseq_sim_cluster_identity (const zseq_sim_cluster_t *self)
{
    for (size_t node = 0; node < self->n; node++)
        if (self->slot[node].disk->record.identity)
            return self->slot[node].disk->record.identity;
    return 0;
}
