//  The operator keeps a record of each node's directory (zseq_charge_t):
//  whether it is an old copy, which copies of it exist, and whether the node
//  was last started by force.
//
//  Before each fault the operator checks that zseq promises to survive it
//  (s_may_lose and others). A fault that it refuses has no effect, and the
//  function returns false. When a node has ended, an alarm calls
//  zseq_operator_start, which starts it as it is, or recovers or forces it, as
//  the documents tell an operator to do. zseq_operator_settle ends a run: it
//  starts nodes and uses force until all nodes vote in their newest
//  incarnations. That they do not is reported as a broken promise.

#include "zseq_operator.h"

#include <assert.h>
#include <string.h>

#define SECOND_US UINT64_C (1000000)
#define SETTLE_US (150 * SECOND_US)
//  The operator waits that long before it uses force.
#define FORCE_AFTER_US (40 * SECOND_US)
#define LOOK_US (SECOND_US / 10)
//  A recovery by force skips this many incarnations.
#define FORCED_INCARNATIONS 1000
//  A node that has not heard all its peers waits for longer than this before it
//  votes.
#define SHORT_US (SECOND_US / 2)
//  A floor is so far above all IDs that were ever asked for,
#define FLOOR_MARGIN 4000000
//  ... or so far if clients go on meanwhile.
#define FORCE_MARGIN (UINT64_C (1) << 40)

//  Draws a number below bound.
static uint64_t
s_draw (zseq_operator_t *self, uint64_t bound)
{
    return zseq_sim_cluster_draw (self->cluster, bound);
}

void
zseq_operator_init (zseq_operator_t *self, zseq_sim_cluster_t *cluster,
                    const zseq_clients_t *clients, uint8_t n, uint32_t alarm)
{
    assert (self);
    memset (self, 0, sizeof *self);
    self->cluster = cluster;
    self->clients = clients;
    self->n = n;
    self->alarm = alarm;
}

//  Returns a node's record: in memory if the node is up, else on disk.
static const zseq_record_t *
s_knows (zseq_operator_t *self, uint8_t node)
{
    const zseq_record_t *record = zseq_sim_cluster_record (self->cluster, node);
    return record ? record
                  : &zseq_sim_cluster_disk (self->cluster, node)->record;
}

//  Returns whether a peer knows a newer incarnation or start of node than
//  node's own record has. who_p is that peer.
static bool
s_outlived (zseq_operator_t *self, uint8_t node, const zseq_vector_t *own,
            uint8_t *who_p)
{
    for (uint8_t other = 0; other < self->n; other++) {
        const zseq_vector_t *vector = &s_knows (self, other)->vector;
        *who_p = other;
        if (!vector->n || other == node)
            continue;
        int order = zseq_incarnation_compare (&own->incarnation[node],
                                              &vector->incarnation[node]);
        uint64_t start = vector->start[node].counter;
        if (order < 0 || (order == 0 && own->start[node].counter < start))
            return true;
        if (order == 0 && start && own->start[node].counter == start &&
            !zseq_start_equal (&own->start[node], &vector->start[node]))
            return true;
    }
    return false;
}

static zseq_sim_disk_t *
s_disk (zseq_operator_t *self, uint8_t node)
{
    return zseq_sim_cluster_disk (self->cluster, node);
}

//  Returns whether a node has restored a backup and lacks the forced floor.
static bool
s_is_low (zseq_operator_t *self, uint8_t node)
{
    const zseq_sim_disk_t *disk = s_disk (self, node);
    return self->restored && disk->formatted &&
           disk->record.floor < self->floor;
}

//  Returns whether node is the node to be forced first and has not voted since,
//  in an incarnation that force began.
static bool
s_is_first (zseq_operator_t *self, uint8_t node)
{
    const zseq_sim_disk_t *disk = s_disk (self, node);
    bool begun = self->restored && disk->formatted && !disk->record.voting &&
                 zseq_sim_cluster_voted (self->cluster, node).counter <
                   FORCED_INCARNATIONS;
    return node == self->first && (s_is_low (self, node) || begun);
}

//  Returns whether a node's directory is an old copy. A node that has recovered
//  no longer runs on the old copy.
static bool
s_is_old (zseq_operator_t *self, uint8_t node)
{
    zseq_charge_t *charge = &self->charge[node];
    const zseq_record_t *record = &s_disk (self, node)->record;
    if (!s_disk (self, node)->formatted || s_disk (self, node)->damaged ||
        (record->identity && !record->voting) ||
        zseq_incarnation_compare (&record->vector.incarnation[node],
                                  &charge->incarnation))
        charge->old = false;
    return charge->old;
}

//  Returns whether the journal of a node's registers has lost its end, and the
//  node has not recovered since.
static bool
s_is_short (zseq_operator_t *self, uint8_t node)
{
    const zseq_sim_disk_t *disk = s_disk (self, node);
    return disk->formatted && !disk->damaged && disk->record.voting &&
           disk->kv.shortened &&
           disk->kv.shortened == disk->record.vector.incarnation[node].counter;
}

//  Returns whether a node lacks what others may know.
static bool
s_lacks (zseq_operator_t *self, uint8_t node)
{
    return s_is_old (self, node) || s_is_short (self, node);
}

bool
zseq_operator_intact (zseq_operator_t *self, uint8_t node)
{
    const zseq_sim_disk_t *disk = zseq_sim_cluster_disk (self->cluster, node);
    const zseq_record_t *memory = zseq_sim_cluster_record (self->cluster, node);
    uint8_t who;
    return disk->formatted && !zseq_sim_disk_is_damaged (disk) &&
           !s_is_low (self, node) && !s_lacks (self, node) &&
           disk->record.voting && (!memory || memory->voting) &&
           zseq_sim_cluster_state (self->cluster, node) !=
             ZSEQ_STATE_RECOVERING &&
           (!zseq_sim_cluster_doubled (self->cluster, node) ||
            zseq_sim_cluster_copied (self->cluster, node)) &&
           !s_outlived (self, node, &disk->record.vector, &who);
}

//  Returns whether the other nodes can bring a node back. A node that lacks
//  something may be up without a guard. Then this node may be the only one that
//  remembers what it lacks, so no disk may be lost.
static bool
s_may_lose (zseq_operator_t *self, uint8_t node)
{
    unsigned others = 0;
    for (uint8_t other = 0; other < self->n; other++) {
        if (other != node && self->charge[other].alone_until_us &&
            zseq_sim_cluster_up (self->cluster, other) && s_lacks (self, other))
            return false;
        others += other != node && zseq_operator_intact (self, other);
    }
    return self->n >= 3 && others >= zseq_quorum_majority (self->n);
}

//  Returns whether the other nodes, or force, can bring a node back.
static bool
s_may_lose_part (zseq_operator_t *self, uint8_t node)
{
    return self->n <= 2 ? zseq_operator_intact (self, node)
                        : s_may_lose (self, node);
}

//  Returns whether a node has all registers that another one has. Of two nodes,
//  the one that was forced while the other did not answer lacks some, and gets
//  them only as they are written again.
static bool
s_has_keys_of (zseq_operator_t *self, uint8_t node, uint8_t other)
{
    for (size_t key = 0; key < ZSEQ_SIM_KEYS; key++)
        if (zseq_proposal_compare (
              &s_disk (self, node)->kv.record[key].record.proposal,
              &s_disk (self, other)->kv.record[key].record.proposal) < 0)
            return false;
    return true;
}

//  Returns whether one of two nodes can bring the other back, by force.
static bool
s_may_lose_of_two (zseq_operator_t *self, uint8_t node)
{
    return self->n == 2 && zseq_operator_intact (self, !node) &&
           s_has_keys_of (self, !node, node);
}

//  Returns the same for a node whose older state will be put back.
static bool
s_may_replace (zseq_operator_t *self, uint8_t node)
{
    return self->n == 2 ? s_may_lose_of_two (self, node)
                        : s_may_lose (self, node);
}

//  Old copies.

//  Returns how far another node has on disk that the journal of a node's
//  registers has come; 0 if it would not be believed.
static uint64_t
s_heard_end (zseq_operator_t *self, uint8_t other, uint8_t node)
{
    const zseq_sim_disk_t *its = s_disk (self, other);
    const zseq_sim_disk_t *disk = s_disk (self, node);
    const zseq_incarnation_t *own = &disk->record.vector.incarnation[node];
    bool believed =
      other != node && !s_lacks (self, other) && !its->damaged &&
      !its->kv.damaged && its->record.voting &&
      its->record.identity == disk->record.identity &&
      zseq_incarnation_compare (&its->record.vector.incarnation[node], own) ==
        0 &&
      zseq_incarnation_compare (&its->kv.heard[node].incarnation, own) == 0;
    return believed ? its->kv.heard[node].position : 0;
}

//  Returns whether another node has on disk that the incarnation or the start
//  of an old copy was not the last one, and would be believed.
static bool
s_remembers (zseq_operator_t *self, uint8_t other, uint8_t node)
{
    const zseq_charge_t *charge = &self->charge[node];
    const zseq_record_t *its = &s_disk (self, other)->record;
    bool same_cluster = its->identity || !s_disk (self, node)->record.identity;
    if (!charge->old)
        return s_heard_end (self, other, node) >
               s_disk (self, node)->kv.position;
    if (other == node || self->charge[other].old || !its->vector.n ||
        !same_cluster || s_disk (self, other)->damaged)
        return false;
    int order = zseq_incarnation_compare (&charge->incarnation,
                                          &its->vector.incarnation[node]);
    //  The start of the copy's own process does not count.
    const zseq_start_t *start = &its->vector.start[node];
    const zseq_start_t *own = &s_disk (self, node)->record.vector.start[node];
    return order < 0 || (order == 0 && start->counter > charge->start &&
                         !zseq_start_equal (start, own));
}

//  Returns whether the nodes that do not remember are too few to let an old
//  copy vote.
static bool
s_is_outvoted (zseq_operator_t *self, uint8_t node)
{
    unsigned unaware = 0;
    for (uint8_t other = 0; other < self->n; other++)
        unaware += other != node && !s_remembers (self, other, node) &&
                   s_disk (self, other)->formatted;
    return unaware + 1 < zseq_quorum_majority (self->n);
}

//  Returns whether any other node remembers a later incarnation or start of
//  node.
static bool
s_is_remembered (zseq_operator_t *self, uint8_t node)
{
    for (uint8_t other = 0; other < self->n; other++)
        if (s_remembers (self, other, node))
            return true;
    return false;
}

//  Returns whether other hears node, and can tell node what its old copy lacks.
static bool
s_may_guard (zseq_operator_t *self, uint8_t node, uint8_t other)
{
    return other != node && !self->charge[other].old &&
           (!s_lacks (self, node) || s_remembers (self, other, node)) &&
           (!s_is_low (self, node) ||
            s_disk (self, other)->record.floor >= self->floor) &&
           zseq_sim_cluster_hear (self->cluster, node, other);
}

//  Finds the peer that has to be up until node knows its state: node itself if
//  none has to be. Returns whether node may start.
static bool
s_find_guard (zseq_operator_t *self, uint8_t node, uint8_t *guard_p)
{
    uint64_t found = 0;
    *guard_p = node;
    for (uint8_t other = 0; other < self->n; other++)
        if (s_may_guard (self, node, other) && s_draw (self, ++found) == 0)
            *guard_p = other;
    return found || (!s_is_low (self, node) &&
                     (!s_lacks (self, node) || s_is_outvoted (self, node)));
}

//  Returns whether a watched process is still covered: its guard is up and
//  heard, or it needs none.
static bool
s_is_covered (zseq_operator_t *self, uint8_t node)
{
    const zseq_charge_t *charge = &self->charge[node];
    if (charge->guard != node &&
        zseq_sim_cluster_process (self->cluster, charge->guard) ==
          charge->guard_process &&
        zseq_sim_cluster_hear (self->cluster, node, charge->guard))
        return true;
    //  Peers may have learnt more since the process began, and may have
    //  answered it before that.
    if (charge->alone_until_us)
        return zseq_sim_cluster_now_us (self->cluster) < charge->alone_until_us;
    return !s_is_low (self, node) &&
           (!s_lacks (self, node) || s_is_outvoted (self, node));
}

bool
zseq_operator_covered (zseq_operator_t *self, uint8_t node)
{
    assert (self);
    zseq_state_t state = zseq_sim_cluster_state (self->cluster, node);
    bool old = s_is_old (self, node);
    bool low = s_is_low (self, node);
    bool shortened = s_is_short (self, node);
    if (state == ZSEQ_STATE_RECOVERING)
        return true;
    //  A process may lose its cover while it is paused.
    if (!s_is_covered (self, node))
        return false;
    if (state == ZSEQ_STATE_VOTING && (old || low || shortened))
        zseq_sim_cluster_broken (self->cluster,
                                 "%s: node %c, and %c knows better",
                                 old   ? "S11: an old copy of a directory votes"
                                 : low ? "S5: it votes without the forced floor"
                                       : "K17: a journal without its end votes",
                                 'a' + node, 'a' + self->charge[node].guard);
    return true;
}

//  Starting nodes.

//  Checks that a forced recovery which ended by itself has changed nothing.
static void
s_check_refusal (zseq_operator_t *self, uint8_t node)
{
    zseq_charge_t *charge = &self->charge[node];
    int ended = zseq_sim_cluster_ended (self->cluster, node);
    if (!charge->forced || zseq_sim_cluster_up (self->cluster, node) ||
        (ended != ZSEQ_EQUORUM && ended != ZSEQ_EUNAVAILABLE))
        return;
    const zseq_record_t *after = &s_disk (self, node)->record;
    charge->forced = false;
    //  The node has voted, and ended for another reason.
    if (zseq_sim_cluster_forced_us (self->cluster, node) >= charge->forced_us)
        return;
    //  A new incarnation may have begun, which does not vote yet.
    bool begun =
      after->members.n &&
      zseq_incarnation_compare (&after->vector.incarnation[node],
                                &charge->before.vector.incarnation[node]);
    bool kept = after->voting == charge->before.voting &&
                (!charge->before.identity ||
                 (after->identity == charge->before.identity &&
                  after->floor == charge->before.floor));
    if (begun ? after->voting : !kept)
        zseq_sim_cluster_broken (
          self->cluster,
          "P5: node %c ends its forced recovery, and is not "
          "as it was",
          'a' + node);
    //  Next time the peers are named as lost, or started.
    if (s_draw (self, 2))
        self->named = true;
    else
        self->gone = 0;
}

void
zseq_operator_ended (zseq_operator_t *self, uint8_t node)
{
    s_check_refusal (self, node);
    zseq_sim_cluster_alarm (self->cluster,
                            zseq_sim_cluster_now_us (self->cluster) +
                              s_draw (self, self->down_us + 1),
                            self->alarm + node);
}

void
zseq_operator_kill (zseq_operator_t *self, uint8_t node, bool power_cut)
{
    if (!zseq_sim_cluster_up (self->cluster, node))
        return;
    zseq_sim_cluster_kill (self->cluster, node, power_cut);
    zseq_operator_ended (self, node);
}

//  Starts a node that recovers by force, and notes its record before.
static void
s_start_by_force (zseq_operator_t *self, uint8_t node,
                  const zseq_force_t *force)
{
    zseq_charge_t *charge = &self->charge[node];
    if (self->highest_floor < force->floor)
        self->highest_floor = force->floor;
    charge->forced = true;
    charge->forced_us = zseq_sim_cluster_now_us (self->cluster);
    charge->before = s_disk (self, node)->record;
    zseq_sim_cluster_say (self->cluster, "%c is forced: floor %llu, lost %x",
                          'a' + node, (unsigned long long) force->floor,
                          force->lost);
    zseq_sim_cluster_start (self->cluster, node, true, force);
}

//  Returns a floor above all IDs that were handed out, and above each floor so
//  far, because clients may have seen that.
static uint64_t
s_high_floor (const zseq_operator_t *self)
{
    uint64_t floor = zseq_clients_highest (self->clients) + FLOOR_MARGIN;
    return floor > self->highest_floor ? floor : self->highest_floor;
}

//  Forces the first node after a restore. All peers are named as lost, because
//  their directories have an older floor.
static void
s_start_first (zseq_operator_t *self, uint8_t node)
{
    zseq_force_t force = {.floor = self->floor,
                          .wait_us = s_draw (self, SECOND_US),
                          .lost =
                            (uint16_t) (((1u << self->n) - 1) & ~(1u << node))};
    s_start_by_force (self, node, &force);
}

//  Starts an old copy although no peer could warn it. It recovers if no peer
//  remembers, waits, or is up for so short a time that it cannot vote.
static void
s_start_uncovered (zseq_operator_t *self, uint8_t node)
{
    uint64_t now_us = zseq_sim_cluster_now_us (self->cluster);
    zseq_charge_t *charge = &self->charge[node];
    if (s_lacks (self, node) && !s_is_remembered (self, node))
        zseq_sim_cluster_start (self->cluster, node, true, NULL);
    else if (!self->calm && !s_is_low (self, node) && s_draw (self, 3) == 0) {
        charge->alone_until_us = now_us + SHORT_US;
        zseq_sim_cluster_start (self->cluster, node, false, NULL);
        zseq_sim_cluster_watch (self->cluster, node, node);
    }
    else if (!self->calm)
        zseq_sim_cluster_alarm (self->cluster, now_us + LOOK_US,
                                self->alarm + node);
}

//  Starts a node without force; an old copy only with a peer that knows better.
static void
s_start_as_is (zseq_operator_t *self, uint8_t node, bool recover)
{
    zseq_charge_t *charge = &self->charge[node];
    bool watch = s_lacks (self, node) || s_is_low (self, node);
    charge->guard = node;
    charge->alone_until_us = 0;
    if (watch && !s_find_guard (self, node, &charge->guard)) {
        s_start_uncovered (self, node);
        return;
    }
    zseq_sim_cluster_start (self->cluster, node, recover, NULL);
    charge->guard_process =
      zseq_sim_cluster_process (self->cluster, charge->guard);
    if (watch)
        zseq_sim_cluster_watch (self->cluster, node, charge->guard);
}

void
zseq_operator_start (zseq_operator_t *self, uint8_t node)
{
    if (zseq_sim_cluster_up (self->cluster, node) || self->gone & 1u << node)
        return;
    int ended = zseq_sim_cluster_ended (self->cluster, node);
    self->charge[node].forced = false;
    if (s_is_first (self, node))
        s_start_first (self, node);
    else if (self->n <= 2 &&
             (ended == ZSEQ_EQUORUM ||
              (ended == ZSEQ_EUNAVAILABLE && s_draw (self, 2)))) {
        uint8_t peer = node ? 0 : 1;
        bool lost = self->n == 2 && self->named &&
                    zseq_sim_disk_is_damaged (s_disk (self, peer));
        zseq_force_t force = {.floor = s_high_floor (self),
                              .wait_us = s_draw (self, 3 * SECOND_US),
                              .lost = (uint16_t) (lost << peer)};
        s_start_by_force (self, node, &force);
    }
    else
        s_start_as_is (self, node, ended == ZSEQ_EREFORMATTED);
}

bool
zseq_operator_wipe (zseq_operator_t *self, uint8_t node)
{
    bool by_force =
      zseq_operator_intact (self, node) && s_may_lose_of_two (self, node);
    if (!by_force && !s_may_lose (self, node))
        return false;
    zseq_operator_kill (self, node, false);
    zseq_sim_cluster_say (self->cluster, "%c loses its disk", 'a' + node);
    zseq_sim_cluster_wipe (self->cluster, node);
    return true;
}

//  Damages the key-value store of a node that is down: some records and
//  promises are lost.
static void
s_damage_keys (zseq_operator_t *self, zseq_sim_disk_t *disk)
{
    disk->kv.damaged = true;
    for (size_t key = 0; key < ZSEQ_SIM_KEYS; key++)
        if (s_draw (self, 2))
            memset (&disk->kv.record[key], 0, sizeof disk->kv.record[key]);
    for (size_t shard = 0; shard < ZSEQ_SHARDS; shard++)
        if (s_draw (self, 2))
            disk->kv.promise[shard] = (zseq_ballot_t){0, 0};
}

bool
zseq_operator_damage (zseq_operator_t *self, uint8_t node)
{
    if (!s_may_lose_part (self, node))
        return false;
    zseq_operator_kill (self, node, s_draw (self, 2));
    zseq_sim_disk_t *disk = zseq_sim_cluster_disk (self->cluster, node);
    size_t name = s_draw (self, ZSEQ_SIM_NAMES);
    bool record = self->n > 2 && s_draw (self, 4) == 0;
    bool keys = self->n > 2 && !record && s_draw (self, 2);
    if (record)
        zseq_sim_cluster_damage (self->cluster, node);
    else if (keys)
        s_damage_keys (self, disk);
    else if (disk->file[name].there)
        disk->file[name].damaged = disk->synced[name].damaged = true;
    else
        return false;
    zseq_sim_cluster_say (self->cluster, "%c: %s is damaged or removed",
                          'a' + node,
                          record ? "its own record"
                          : keys ? "its key-value store"
                                 : "the record of a sequence");
    return true;
}

bool
zseq_operator_shorten (zseq_operator_t *self, uint8_t node)
{
    zseq_sim_disk_t *disk = s_disk (self, node);
    uint64_t heard = 0;
    for (uint8_t other = 0; other < self->n; other++)
        if (s_heard_end (self, other, node) > heard)
            heard = s_heard_end (self, other, node);
    if (s_lacks (self, node) || s_is_low (self, node) ||
        zseq_sim_cluster_doubled (self->cluster, node) || !heard ||
        !disk->past_count || disk->past[0].position >= heard ||
        !s_may_lose (self, node))
        return false;
    zseq_operator_kill (self, node, true);
    if (!zseq_sim_disk_shorten (disk, heard))
        return false;
    zseq_sim_cluster_say (self->cluster,
                          "%c: the journal of its registers loses its end",
                          'a' + node);
    return true;
}

bool
zseq_operator_format (zseq_operator_t *self, uint8_t node)
{
    if (!s_may_lose (self, node))
        return false;
    zseq_operator_kill (self, node, false);
    zseq_sim_cluster_say (self->cluster, "%c is formatted again", 'a' + node);
    zseq_sim_cluster_format (self->cluster, node);
    return true;
}

bool
zseq_operator_double (zseq_operator_t *self, uint8_t node)
{
    if (!s_may_lose (self, node) ||
        !zseq_sim_cluster_up (self->cluster, node) ||
        zseq_sim_cluster_doubled (self->cluster, node))
        return false;
    zseq_sim_cluster_double (self->cluster, node);
    return true;
}

bool
zseq_operator_recover (zseq_operator_t *self, uint8_t node)
{
    if (!s_may_lose (self, node))
        return false;
    zseq_sim_cluster_kill (self->cluster, node, false);
    zseq_sim_cluster_start (self->cluster, node, true, NULL);
    return true;
}

//  Copies a disk as a snapshot of the machine does: it has what a power cut
//  leaves.
static void
s_take_copy (zseq_operator_t *self, uint8_t node, zseq_sim_disk_t *copy)
{
    *copy = *s_disk (self, node);
    zseq_sim_disk_end (copy, true, s_draw (self, UINT64_MAX));
}

bool
zseq_operator_keep (zseq_operator_t *self, uint8_t node)
{
    //  A copy that has become old is worth more than a new one.
    if (!s_disk (self, node)->record.identity || s_is_old (self, node) ||
        (self->charge[node].is_kept && s_draw (self, 4)))
        return false;
    s_take_copy (self, node, &self->charge[node].kept);
    self->charge[node].is_kept = true;
    return true;
}

//  Puts an old disk in. Returns false, and does nothing, if no other node could
//  know that it is old.
static bool
s_replace (zseq_operator_t *self, uint8_t node, const zseq_sim_disk_t *copy)
{
    zseq_charge_t *charge = &self->charge[node];
    zseq_charge_t before = *charge;
    charge->old = true;
    charge->incarnation = copy->record.vector.incarnation[node];
    charge->start = copy->record.vector.start[node].counter;
    if (!s_is_remembered (self, node)) {
        *charge = before;
        return false;
    }
    zseq_operator_kill (self, node, false);
    zseq_sim_cluster_put (self->cluster, node, copy);
    return true;
}

bool
zseq_operator_put_back (zseq_operator_t *self, uint8_t node)
{
    zseq_charge_t *charge = &self->charge[node];
    if (!charge->is_kept || !s_may_replace (self, node) ||
        !s_replace (self, node, &charge->kept))
        return false;
    charge->is_kept = false;
    zseq_sim_cluster_say (
      self->cluster,
      "%c's old disk, of incarnation %llu, start %llu, is put back", 'a' + node,
      (unsigned long long) charge->incarnation.counter,
      (unsigned long long) charge->start);
    return true;
}

bool
zseq_operator_put_unformed (zseq_operator_t *self, uint8_t node)
{
    zseq_incarnation_t voted = zseq_sim_cluster_voted (self->cluster, node);
    zseq_sim_disk_t disk;
    zseq_sim_cluster_unformed (self->cluster, node, &disk);
    if (zseq_sim_cluster_doubled (self->cluster, node))
        return false;
    if (voted.counter == 0) {
        //  A node that has not begun to form has told no peer anything.
        zseq_operator_kill (self, node, false);
        if (s_disk (self, node)->record.vector.start[node].counter)
            return false;
        zseq_sim_cluster_put (self->cluster, node, &disk);
    }
    else if (!s_may_replace (self, node) || !s_replace (self, node, &disk))
        return false;
    zseq_sim_cluster_say (
      self->cluster, "%c's disk as it was formatted is put back", 'a' + node);
    return true;
}

bool
zseq_operator_copy (zseq_operator_t *self, uint8_t node,
                    uint64_t paused_until_us)
{
    if (self->n == 1 || !zseq_sim_cluster_up (self->cluster, node) ||
        zseq_sim_cluster_doubled (self->cluster, node) ||
        !s_disk (self, node)->formatted || s_disk (self, node)->damaged)
        return false;
    if (paused_until_us)
        zseq_sim_cluster_pause (self->cluster, node, paused_until_us);
    zseq_sim_cluster_copy (self->cluster, node);
    return true;
}

bool
zseq_operator_force (zseq_operator_t *self, uint8_t node)
{
    uint64_t highest = zseq_clients_highest (self->clients);
    if (!s_may_replace (self, node) || self->disaster ||
        highest > ZSEQ_NEXT_MAX / 4)
        return false;
    zseq_sim_cluster_kill (self->cluster, node, false);
    zseq_force_t force = {.floor = highest + FORCE_MARGIN,
                          .wait_us = s_draw (self, 3 * SECOND_US)};
    s_start_by_force (self, node, &force);
    return true;
}

//  Returns whether no node is doubled, old or outlived.
static bool
s_is_orderly (zseq_operator_t *self)
{
    for (uint8_t node = 0; node < self->n; node++) {
        uint8_t who;
        const zseq_sim_disk_t *disk = s_disk (self, node);
        if (zseq_sim_cluster_doubled (self->cluster, node) ||
            s_is_old (self, node) ||
            (disk->record.voting &&
             s_outlived (self, node, &disk->record.vector, &who)))
            return false;
    }
    return true;
}

//  Forgets all copies, because no node might remember that they are old.
static void
s_forget_copies (zseq_operator_t *self)
{
    for (uint8_t node = 0; node < self->n; node++)
        self->charge[node].is_kept = self->charge[node].is_backed_up = false;
}

bool
zseq_operator_back_up (zseq_operator_t *self)
{
    if (!s_is_orderly (self))
        return false;
    for (uint8_t node = 0; node < self->n; node++)
        if (!s_disk (self, node)->record.voting ||
            zseq_sim_disk_is_damaged (s_disk (self, node)))
            return false;
    for (uint8_t node = 0; node < self->n; node++) {
        zseq_charge_t *charge = &self->charge[node];
        s_take_copy (self, node, &charge->backup);
        charge->is_backed_up = !zseq_sim_disk_is_damaged (&charge->backup);
    }
    zseq_sim_cluster_say (self->cluster, "all disks are copied");
    return true;
}

bool
zseq_operator_restore (zseq_operator_t *self, uint8_t first)
{
    if (self->disaster || self->n < 2 ||
        zseq_clients_highest (self->clients) > ZSEQ_NEXT_MAX / 4)
        return false;
    for (uint8_t node = 0; node < self->n; node++)
        if (!self->charge[node].is_backed_up)
            return false;
    self->disaster = self->restored = true;
    self->first = first;
    self->floor = s_high_floor (self);
    zseq_sim_cluster_say (self->cluster,
                          "all disks are restored from the backup");
    for (uint8_t node = 0; node < self->n; node++) {
        zseq_operator_kill (self, node, false);
        //  No process may be left on the old disk, wherever it runs.
        zseq_sim_cluster_kill_older (self->cluster, node);
        self->charge[node].old = false;
        zseq_sim_cluster_put (self->cluster, node, &self->charge[node].backup);
    }
    s_forget_copies (self);
    return true;
}

bool
zseq_operator_ruin (zseq_operator_t *self, uint8_t keeps)
{
    if (self->n < 3 || self->disaster || !zseq_operator_intact (self, keeps) ||
        !s_is_orderly (self))
        return false;
    self->disaster = true;
    bool all = s_draw (self, 2);
    for (uint8_t node = 0; node < self->n && all; node++)
        zseq_operator_kill (self, node, true);
    uint8_t lost = 0;
    for (uint8_t node = 0; node < self->n; node++) {
        uint8_t left = (uint8_t) (self->n - node);
        bool must = lost + left <= zseq_quorum_majority (self->n);
        if (node == keeps || (!must && s_draw (self, 2)))
            continue;
        lost++;
        zseq_operator_kill (self, node, false);
        zseq_sim_cluster_say (self->cluster, "%c loses its disk", 'a' + node);
        zseq_sim_cluster_wipe (self->cluster, node);
        if (s_draw (self, 3) == 0)
            self->gone |= (uint16_t) (1u << node);
    }
    s_forget_copies (self);
    return true;
}

void
zseq_operator_begin (zseq_operator_t *self)
{
    for (uint8_t node = 0; node < self->n; node++)
        zseq_sim_cluster_start (self->cluster, node, false, NULL);
}

//  Returns whether all nodes vote, none is outlived, and all have the same
//  floor.
static bool
s_settled (zseq_operator_t *self)
{
    uint8_t who;
    for (uint8_t node = 0; node < self->n; node++) {
        const zseq_record_t *record =
          zseq_sim_cluster_record (self->cluster, node);
        if (zseq_sim_cluster_state (self->cluster, node) != ZSEQ_STATE_VOTING ||
            s_outlived (self, node, &record->vector, &who) ||
            record->floor != zseq_sim_cluster_record (self->cluster, 0)->floor)
            return false;
    }
    return true;
}

//  Returns whether the intact nodes that are up know all that was ever
//  answered, so that no floor is needed.
static bool
s_is_all_known (zseq_operator_t *self, uint8_t chosen)
{
    for (size_t name = 0; name < ZSEQ_SIM_NAMES; name++) {
        uint64_t known = 1;
        for (uint8_t node = 0; node < self->n; node++) {
            const zseq_sim_disk_t *disk = s_disk (self, node);
            uint64_t durable = zseq_sim_disk_durable (disk, name);
            zseq_state_t state = zseq_sim_cluster_state (self->cluster, node);
            bool up = node == chosen || state == ZSEQ_STATE_STARTING ||
                      state == ZSEQ_STATE_VOTING;
            if (up && disk->formatted && !zseq_sim_disk_is_damaged (disk) &&
                disk->record.voting && durable > known)
                known = durable;
        }
        if (known < zseq_sim_cluster_promised (self->cluster, name))
            return false;
    }
    return true;
}

//  Draws the options of a recovery by force that starts at the chosen node.
static zseq_force_t
s_draw_force (zseq_operator_t *self, uint8_t chosen)
{
    zseq_force_t force = {.floor = s_high_floor (self),
                          .wait_us = s_draw (self, 3 * SECOND_US),
                          .lost = self->named ? self->gone : 0};
    //  All nodes get the same floor, as long as it is sufficient.
    if (!self->floor)
        self->floor = s_draw (self, 2) ? 1 : s_high_floor (self) / 2;
    if (!s_is_all_known (self, chosen))
        self->floor = s_high_floor (self);
    force.floor = self->floor;
    force.wait_us += SECOND_US / 2;
    return force;
}

//  Returns how soon a node is to be forced, 0: not at all. Nodes that recover
//  come before nodes that start, or first says otherwise. Of those that
//  recover, a node that knows its cluster comes first: its recovery may have
//  been cut short.
static int
s_rank (zseq_operator_t *self, uint8_t node, zseq_state_t first)
{
    zseq_state_t state = zseq_sim_cluster_state (self->cluster, node);
    if (state != ZSEQ_STATE_RECOVERING && state != ZSEQ_STATE_STARTING)
        return 0;
    return 1 + 2 * (state == first) +
           (state == ZSEQ_STATE_RECOVERING && s_knows (self, node)->identity);
}

//  After a disaster, forces one node that its peers cannot bring back.
static void
s_use_force (zseq_operator_t *self)
{
    unsigned voting = 0;
    uint8_t chosen = self->n;
    int highest = 0;
    uint64_t found = 0;
    zseq_state_t first = ZSEQ_STATE_RECOVERING;
    if (!self->floor && s_draw (self, 2))
        first = ZSEQ_STATE_STARTING;
    for (uint8_t node = 0; node < self->n; node++) {
        int rank = s_rank (self, node, first);
        bool votes =
          zseq_sim_cluster_state (self->cluster, node) == ZSEQ_STATE_VOTING;
        voting += votes;
        if (votes && self->charge[node].forced)
            self->gone = 0;
        if (rank > highest)
            found = 0;
        if (rank && rank >= highest && s_draw (self, ++found) == 0)
            chosen = node;
        if (rank > highest)
            highest = rank;
    }
    if (chosen == self->n || voting >= zseq_quorum_majority (self->n)) {
        self->gone = 0;
        return;
    }
    //  The first of restored nodes comes first, and those that wait for it need
    //  no force. Others may have copies of different times, so that a journal
    //  of keys ends before a position that a peer remembers.
    if (self->restored && (s_is_first (self, self->first) ||
                           zseq_sim_cluster_state (self->cluster, chosen) !=
                             ZSEQ_STATE_RECOVERING))
        return;
    zseq_sim_cluster_kill (self->cluster, chosen, false);
    zseq_force_t force = s_draw_force (self, chosen);
    s_start_by_force (self, chosen, &force);
}

//  Reports each node that keeps the cluster from being settled.
static void
s_complain (zseq_operator_t *self, const char *when)
{
    static const char *states[] = {"is down",    "waits to form", "is complete",
                                   "votes",      "is recovering", "is stopping",
                                   "is starting"};
    for (uint8_t node = 0; node < self->n; node++) {
        zseq_state_t state = zseq_sim_cluster_state (self->cluster, node);
        uint8_t who;
        if (state != ZSEQ_STATE_VOTING)
            zseq_sim_cluster_broken (
              self->cluster,
              "liveness: %llu s %s node %c %s; it last ended "
              "with '%s'",
              (unsigned long long) (SETTLE_US / SECOND_US), when, 'a' + node,
              states[state], zseq_sim_cluster_last_words (self->cluster, node));
        const zseq_record_t *record =
          zseq_sim_cluster_record (self->cluster, node);
        const zseq_vector_t *vector = &record->vector;
        if (s_outlived (self, node, vector, &who))
            zseq_sim_cluster_broken (
              self->cluster,
              "S5: node %c votes in incarnation %llu, and %c knows a "
              "newer one, or a newer start",
              'a' + node,
              (unsigned long long) vector->incarnation[node].counter,
              'a' + who);
        if (record->floor != zseq_sim_cluster_record (self->cluster, 0)->floor)
            zseq_sim_cluster_broken (
              self->cluster,
              "S5: nodes %c and a vote with floors of their "
              "own, %llu and %llu",
              'a' + node, (unsigned long long) record->floor,
              (unsigned long long) zseq_sim_cluster_record (self->cluster, 0)
                ->floor);
    }
}

void
zseq_operator_settle (zseq_operator_t *self, const char *when)
{
    uint64_t now_us = zseq_sim_cluster_now_us (self->cluster);
    uint64_t end_us = now_us + SETTLE_US;
    uint64_t force_us = now_us + FORCE_AFTER_US;
    if (!self->disaster)
        self->gone = 0;
    while (now_us < end_us && !s_settled (self)) {
        now_us += LOOK_US;
        zseq_sim_cluster_run (self->cluster, now_us);
        for (uint8_t node = 0; node < self->n; node++)
            zseq_operator_start (self, node);
        if (self->disaster && now_us >= force_us) {
            s_use_force (self);
            force_us = now_us + FORCE_AFTER_US / 4;
        }
    }
    if (!s_settled (self))
        s_complain (self, when);
}

//  Returns whether all nodes vote, except those in without.
static bool
s_votes_but (zseq_operator_t *self, uint16_t without)
{
    for (uint8_t node = 0; node < self->n; node++)
        if (!(without & 1u << node) &&
            zseq_sim_cluster_state (self->cluster, node) != ZSEQ_STATE_VOTING)
            return false;
    return true;
}

void
zseq_operator_start_some (zseq_operator_t *self)
{
    //  After a restore peers may remember positions of journals that are gone.
    //  If more nodes than a minority recover for that, the operator has to use
    //  force.
    bool damaged = self->restored;
    uint8_t left = self->n;
    zseq_sim_cluster_say (self->cluster, "a majority starts alone");
    for (uint8_t node = 0; node < self->n; node++) {
        zseq_sim_cluster_kill (self->cluster, node, true);
        damaged |= zseq_sim_disk_is_damaged (s_disk (self, node));
    }
    self->gone = 0;
    while (left > zseq_quorum_majority (self->n) && !damaged) {
        uint16_t bit = (uint16_t) (1u << s_draw (self, self->n));
        if (!(self->gone & bit))
            left--;
        self->gone |= bit;
    }
    uint64_t now_us = zseq_sim_cluster_now_us (self->cluster);
    uint64_t end_us = now_us + SETTLE_US;
    while (now_us < end_us && !damaged && !s_votes_but (self, self->gone)) {
        for (uint8_t node = 0; node < self->n; node++)
            zseq_operator_start (self, node);
        now_us += LOOK_US;
        zseq_sim_cluster_run (self->cluster, now_us);
    }
    if (!damaged && !s_votes_but (self, self->gone))
        zseq_sim_cluster_broken (
          self->cluster, "liveness: a majority that starts alone does not "
                         "come to vote");
    self->gone = 0;
}
