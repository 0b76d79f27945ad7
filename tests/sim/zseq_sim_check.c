//  Checks what must hold at every single step: S1, S5, S8 and S11 of design.md.

#include "zseq_quorum.h"
#include "zseq_sim_cluster_private.h"

//  Returns the counter of a node's incarnation in a vector.
static unsigned long long
s_incarnation (const zseq_vector_t *vector, uint8_t node)
{
    return vector->incarnation[node].counter;
}

//  Returns the counter of a node's start in a vector.
static unsigned long long
s_start (const zseq_vector_t *vector, uint8_t node)
{
    return vector->start[node].counter;
}

//  S5: checks a record that is about to be written.
void
zseq_sim_check_record (const zseq_sim_process_t *process,
                       const zseq_record_t *record)
{
    const zseq_sim_cluster_t *self = process->cluster;
    char node = zseq_sim_letter (process->index);
    if (record->voting && zseq_sim_disk_is_damaged (process->disk))
        zseq_sim_cluster_broken (
          self, "S5: node %c votes on a damaged directory", node);
    for (uint8_t other = 0; other < self->n; other++)
        if (zseq_incarnation_compare (&record->vector.incarnation[other],
                                      &self->slot[other].begun) > 0 ||
            record->vector.start[other].counter > self->slot[other].start)
            zseq_sim_cluster_broken (
              self,
              "P6: node %c notes incarnation %llu of %c, "
              "start %llu, which has never begun",
              node, s_incarnation (&record->vector, other),
              zseq_sim_letter (other), s_start (&record->vector, other));
    if (!record->voting || self->formed)
        return;
    //  Formation: all nodes have noted all others. A node whose directory is
    //  put back as it was formatted forms again.
    for (uint8_t other = 0; other < self->n; other++)
        if (other != process->index &&
            self->slot[other].changed_us <= process->began_us &&
            !zseq_vector_equal (&self->slot[other].disk->record.vector,
                                &record->vector))
            zseq_sim_cluster_broken (
              self,
              "S5: node %c votes when it forms, and %c has "
              "not noted the same nodes",
              node, zseq_sim_letter (other));
}

//  Returns whether a peer was forced at the same time. Each may have been told
//  that the other is lost, and the node that votes first does not know the
//  second node's new incarnation. Operators are told to force one node after
//  the other.
static bool
s_forced_beside (const zseq_sim_process_t *process, uint8_t peer)
{
    return process->forced &&
           process->cluster->slot[peer].forced_vote_us >= process->began_us;
}

static bool
s_recovers (const zseq_sim_cluster_t *self, uint8_t node)
{
    const zseq_sim_process_t *process = zseq_sim_at (self, node);
    return process && zseq_node_state (process->node) == ZSEQ_STATE_RECOVERING;
}

//  Returns how many peers have on disk what the node begins to vote with: its
//  incarnation and, unless it has recovered, its start. A peer whose disk was
//  lost meanwhile counts, because it may have known. After a recovery, a peer
//  that does not vote counts, because it has to learn all that anyway.
static uint8_t
s_noted (const zseq_sim_process_t *process)
{
    const zseq_sim_cluster_t *self = process->cluster;
    uint8_t node = process->index;
    const zseq_vector_t *mine = &process->disk->record.vector;
    uint8_t noted = 0;
    for (uint8_t peer = 0; peer < self->n; peer++) {
        const zseq_sim_slot_t *slot = &self->slot[peer];
        const zseq_record_t *its = &slot->disk->record;
        int order = zseq_incarnation_compare (&its->vector.incarnation[node],
                                              &mine->incarnation[node]);
        bool knows = order >= 0;
        if (!process->recovered && order == 0)
            knows =
              zseq_start_equal (&its->vector.start[node], &mine->start[node]);
        bool excused = slot->changed_us > process->began_us ||
                       (process->recovered && !its->voting) ||
                       (process->recovered && s_recovers (self, peer)) ||
                       s_forced_beside (process, peer) ||
                       process->lost >> peer & 1;
        if (peer != node && (knows || excused))
            noted++;
    }
    return noted;
}

static uint8_t
s_count_bits (uint32_t bits)
{
    uint8_t count = 0;
    for (; bits; bits &= bits - 1)
        count++;
    return count;
}

//  S11: checks a process that begins to vote. Enough peers have met this very
//  process at the node's endpoint and have it on disk, and no other process of
//  this incarnation.
void
zseq_sim_check_voter (zseq_sim_process_t *process)
{
    zseq_sim_cluster_t *self = process->cluster;
    uint8_t node = process->index;
    const zseq_sim_slot_t *slot = &self->slot[node];
    uint8_t majority = zseq_quorum_majority ((uint8_t) self->n);
    uint8_t need = (uint8_t) (majority - 1);
    if (self->n > 1 && (process->formed || process->recovered))
        need = majority < self->n ? majority : (uint8_t) (self->n - 1);
    uint32_t other_id =
      slot->process == process->id ? slot->older : slot->process;
    const zseq_sim_process_t *other = zseq_sim_process (self, other_id);
    process->voted = true;
    if (process->forced)
        self->slot[node].forced_us = self->now_us;
    if (other && zseq_node_state (other->node) == ZSEQ_STATE_VOTING &&
        !zseq_incarnation_compare (
          &other->disk->record.vector.incarnation[node],
          &process->disk->record.vector.incarnation[node]))
        zseq_sim_cluster_broken (
          self,
          "S11: two processes of node %c vote in "
          "incarnation %llu",
          zseq_sim_letter (node),
          s_incarnation (&process->disk->record.vector, node));
    if (s_noted (process) < need)
        zseq_sim_cluster_broken (
          self,
          "S11: node %c begins to vote, and %u of %u peers "
          "have noted it",
          zseq_sim_letter (node), s_noted (process), need);
    if (!process->recovered && s_count_bits (process->met) + 1 < majority)
        zseq_sim_cluster_broken (
          self,
          "S11: node %c begins to vote, and %u peers have "
          "met it",
          zseq_sim_letter (node), s_count_bits (process->met));
}

//  S8: checks that no promise is taken back.
void
zseq_sim_check_disk (const zseq_sim_process_t *process)
{
    const zseq_sim_disk_t *disk = process->disk;
    size_t name = zseq_sim_disk_forgotten (disk);
    if (name < ZSEQ_SIM_NAMES)
        zseq_sim_cluster_broken (
          process->cluster,
          "S8: node %c promised %llu of %c, its disk has %llu",
          zseq_sim_letter (process->index),
          (unsigned long long) disk->promised[name], (char) ('A' + name),
          (unsigned long long) zseq_sim_disk_durable (disk, name));
}

//  S5: checks replies that only a node that votes may send.
void
zseq_sim_check_vote (const zseq_sim_process_t *process, const zseq_msg_t *msg)
{
    const zseq_sim_disk_t *disk = process->disk;
    const zseq_record_t *record = &disk->record;
    bool votes =
      msg->status == ZSEQ_OK || (msg->op == ZSEQ_OP_CLAIM && msg->claim.count);
    if (msg->op == ZSEQ_OP_HELLO)
        votes = votes && msg->hello.state == ZSEQ_STATE_VOTING;
    if (msg->op == ZSEQ_OP_INTRODUCE)
        votes = votes && msg->introduce.state == ZSEQ_STATE_VOTING;
    if (votes &&
        (!disk->formatted || disk->damaged || !record->voting ||
         zseq_incarnation_compare (&record->vector.incarnation[process->index],
                                   &msg->vector.incarnation[process->index])))
        zseq_sim_cluster_broken (
          process->cluster,
          "S5: node %c answers %s though its record does not "
          "say that it votes",
          zseq_sim_letter (process->index), zseq_sim_op_text (msg->op));
    zseq_state_t state = zseq_node_state (process->node);
    //  A recovery by force also takes what a node holds that starts.
    const zseq_msg_t *asked = process->asked;
    const zseq_msg_recovery_t *recovery =
      asked ? zseq_msg_recovery (asked) : NULL;
    bool forced = state == ZSEQ_STATE_STARTING && recovery && recovery->forced;
    if (votes && state != ZSEQ_STATE_VOTING && state != ZSEQ_STATE_STOPPING &&
        !forced)
        zseq_sim_cluster_broken (
          process->cluster, "S5: node %c answers %s though it does not vote",
          zseq_sim_letter (process->index), zseq_sim_op_text (msg->op));
}

//  S5: checks that an incarnation that is reported to be in force is on disk.
void
zseq_sim_check_fence (const zseq_sim_process_t *process, const zseq_msg_t *msg)
{
    const zseq_msg_t *asked = process->asked;
    if (msg->op == ZSEQ_OP_FENCE && msg->status == ZSEQ_OK && asked &&
        zseq_incarnation_compare (
          &process->disk->record.vector.incarnation[asked->node],
          &asked->fence.recovery.incarnation))
        zseq_sim_cluster_broken (
          process->cluster,
          "S5: node %c says that an incarnation of %c is in force, "
          "which its disk does not know",
          zseq_sim_letter (process->index), zseq_sim_letter (asked->node));
}

//  S8: checks that what is answered would survive a power cut now. S1: checks
//  that what was once answered is not given again.
void
zseq_sim_check_durable (zseq_sim_process_t *process, const zseq_msg_t *msg,
                        size_t name)
{
    zseq_sim_disk_t *disk = process->disk;
    uint64_t durable = zseq_sim_disk_durable (disk, name);
    uint64_t next = zseq_msg_next (msg);
    if (msg->status != ZSEQ_OK)
        return;
    if (durable < next)
        zseq_sim_cluster_broken (
          process->cluster,
          "S8: node %c answers %s with %llu of %c, and %llu is durable",
          zseq_sim_letter (process->index), zseq_sim_op_text (msg->op),
          (unsigned long long) next, (char) ('A' + name),
          (unsigned long long) durable);
    if (msg->op == ZSEQ_OP_READ && next < disk->promised[name])
        zseq_sim_cluster_broken (
          process->cluster, "S1: node %c answers %llu of %c, and has told %llu",
          zseq_sim_letter (process->index), (unsigned long long) next,
          (char) ('A' + name), (unsigned long long) disk->promised[name]);
    if (disk->promised[name] < next)
        disk->promised[name] = next;
    if (process->cluster->promised[name] < next)
        process->cluster->promised[name] = next;
}
