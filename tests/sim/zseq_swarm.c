//  A run of the simulator. The seed draws the size of the cluster, which faults
//  occur and how often, and whether the run follows a schedule.
//
//  zseq_swarm_run is the whole of it: s_form lets the cluster form,
//  zseq_scenario_go follows a schedule or s_faults runs clients and random
//  faults, s_clear ends all faults, after which all nodes must vote again, and
//  s_last_calls checks that all clients are served. Faults are alarms of the
//  cluster: s_next_fault draws a fault and sets the alarm for the next, and
//  s_strike carries it out, by a function of the operator (which may refuse) or
//  of the network.

#include "zseq_swarm.h"

#include <assert.h>
#include <string.h>

#include "zseq_kv_clients.h"
#include "zseq_scenario.h"

#define SECOND_US UINT64_C (1000000)
#define CALL_END_US (60 * SECOND_US)

const char *const zseq_fault_names[ZSEQ_FAULTS] = {
  "kill",   "power cut", "kill all",  "stop",        "pause",    "disk lost",
  "ruin",   "damage",    "end lost",  "copy",        "old copy", "as formatted",
  "backup", "restore",   "run copy",  "force",       "format",   "recover",
  "double", "slow disk", "full disk", "write error", "cut",      "split",
  "lonely", "mend",      "forgery",   "client crash"};

//  Alarms: a client's index, or one of these kinds and a node.
enum {
    ALARM_CLIENT = 0x000,
    ALARM_START = 0x100,
    ALARM_UNDOUBLE = 0x200,
    ALARM_FAULT = 0x300,
    ALARM_KEYS = 0x400,
    ALARM_KIND = 0xf00
};

typedef struct {
    uint64_t seed;
    const zseq_swarm_options_t *options;
    zseq_swarm_totals_t *totals;
    zseq_sim_cluster_t *cluster;
    uint8_t n;
    zseq_clients_t clients;
    zseq_kv_clients_t keys;
    zseq_operator_t keeper;
    zseq_scenario_t scenario;
    bool on[ZSEQ_FAULTS];
    uint64_t fault_us;   //  Between faults, at most
    uint64_t faults_us;  //  For so long faults happen
    bool calm;           //  No fault happens any more
} s_run_t;

//  Draws a number below bound.
static uint64_t
s_draw (s_run_t *self, uint64_t bound)
{
    return zseq_sim_cluster_draw (self->cluster, bound);
}

static uint64_t
s_now_us (const s_run_t *self)
{
    return zseq_sim_cluster_now_us (self->cluster);
}

//  Faults.

//  Kills the older of two processes of a node, or connects it to its peers
//  again.
static void
s_undouble (s_run_t *self, uint8_t node)
{
    if (s_draw (self, 2))
        zseq_sim_cluster_kill_older (self->cluster, node);
    else
        zseq_sim_cluster_undouble (self->cluster, node, s_draw (self, 2));
}

//  Starts a second process of a node. s_undouble ends that later.
static bool
s_double (s_run_t *self, uint8_t node)
{
    if (!zseq_operator_double (&self->keeper, node))
        return false;
    zseq_sim_cluster_alarm (
      self->cluster, s_now_us (self) + s_draw (self, 4 * self->fault_us + 1),
      ALARM_UNDOUBLE | node);
    return true;
}

//  Puts a copy back, at the first node from node on that has one.
static bool
s_put_back (s_run_t *self, uint8_t node)
{
    for (uint8_t tries = 0; tries < self->n; tries++)
        if (zseq_operator_put_back (&self->keeper,
                                    (uint8_t) ((node + tries) % self->n)))
            return true;
    return false;
}

//  Shortens the journal of the first node from node on where that may be.
static bool
s_shorten (s_run_t *self, uint8_t node)
{
    for (uint8_t tries = 0; tries < self->n; tries++)
        if (zseq_operator_shorten (&self->keeper,
                                   (uint8_t) ((node + tries) % self->n)))
            return true;
    return false;
}

//  Starts a process on a copy of a node's directory. s_undouble ends that
//  later.
static bool
s_copy (s_run_t *self, uint8_t node, uint64_t until_us)
{
    if (!zseq_operator_copy (&self->keeper, node,
                             s_draw (self, 2) ? until_us : 0))
        return false;
    zseq_sim_cluster_alarm (
      self->cluster, s_now_us (self) + s_draw (self, 8 * self->fault_us + 1),
      ALARM_UNDOUBLE | node);
    return true;
}

//  Restores all disks from the backup, and starts all nodes.
static bool
s_restore (s_run_t *self, uint8_t first)
{
    if (!zseq_operator_restore (&self->keeper, first))
        return false;
    for (uint8_t node = 0; node < self->n; node++)
        zseq_operator_start (&self->keeper, node);
    return true;
}

//  Cuts some links, each in one direction.
static void
s_cut (s_run_t *self)
{
    zseq_cut_t cut = (zseq_cut_t) s_draw (self, ZSEQ_CUTS);
    zseq_sim_cluster_say (self->cluster, "some do not hear some");
    for (uint8_t from = 0; from < self->n; from++)
        for (uint8_t to = 0; to < self->n; to++)
            if (s_draw (self, 3) == 0)
                zseq_sim_cluster_cut (self->cluster, from, to, cut);
    for (size_t client = 0; client < ZSEQ_CLIENTS_MAX; client++)
        for (uint8_t node = 0; node < self->n; node++)
            if (s_draw (self, 6) == 0)
                zseq_sim_cluster_cut_client (self->cluster, client, node);
    for (size_t client = 0; client < ZSEQ_KV_CLIENTS_MAX; client++)
        for (uint8_t node = 0; node < self->n; node++)
            if (s_draw (self, 6) == 0)
                zseq_sim_cluster_cut_client (
                  self->cluster, ZSEQ_KV_CLIENTS_FIRST + client, node);
}

//  Cuts all links between two halves of the nodes and clients.
static void
s_split (s_run_t *self)
{
    uint64_t nodes = s_draw (self, (uint64_t) 1 << self->n);
    uint64_t clients = s_draw (self, (uint64_t) 1 << ZSEQ_CLIENTS_MAX);
    zseq_sim_cluster_say (self->cluster, "nodes and clients are split in two");
    for (uint8_t from = 0; from < self->n; from++)
        for (uint8_t to = 0; to < self->n; to++)
            if ((nodes >> from & 1) != (nodes >> to & 1))
                zseq_sim_cluster_cut (self->cluster, from, to, ZSEQ_CUT_ALL);
    for (size_t client = 0; client < ZSEQ_CLIENTS_MAX; client++)
        for (uint8_t node = 0; node < self->n; node++)
            if ((clients >> client & 1) != (nodes >> node & 1)) {
                zseq_sim_cluster_cut_client (self->cluster, client, node);
                zseq_sim_cluster_cut_client (
                  self->cluster, ZSEQ_KV_CLIENTS_FIRST + client, node);
            }
}

//  Connects a node to just one other node.
static void
s_lonely (s_run_t *self, uint8_t node)
{
    zseq_cut_t cut = (zseq_cut_t) s_draw (self, ZSEQ_CUTS);
    uint8_t friend = (uint8_t) s_draw (self, self->n);
    zseq_sim_cluster_say (self->cluster, "%c hears only %c", 'a' + node,
                          'a' + friend);
    for (uint8_t other = 0; other < self->n; other++) {
        if (other == friend)
            continue;
        zseq_sim_cluster_cut (self->cluster, node, other, cut);
        zseq_sim_cluster_cut (self->cluster, other, node, cut);
    }
    if (s_draw (self, 2))
        (void) zseq_operator_wipe (&self->keeper, node);
}

//  Converts the members of a record to the members of a message.
static zseq_msg_members_t
s_members (const zseq_record_t *record,
           zseq_msg_member_t members[ZSEQ_NODES_MAX])
{
    for (uint8_t node = 0; node < record->members.n; node++)
        members[node].name =
          (zseq_slice_t){record->members.member[node].name,
                         strlen (record->members.member[node].name)};
    return (zseq_msg_members_t){
      .cluster_name = {record->cluster, strlen (record->cluster)},
      .member = members,
      .member_count = record->members.n};
}

//  Sends a false message from a peer that does not exist.
static bool
s_forge (s_run_t *self)
{
    static const zseq_op_t ops[] = {ZSEQ_OP_FENCE, ZSEQ_OP_COPY,
                                    ZSEQ_OP_INTRODUCE};
    uint8_t to = (uint8_t) s_draw (self, self->n);
    uint8_t as = (uint8_t) s_draw (self, self->n);
    const zseq_record_t *record = zseq_sim_cluster_record (self->cluster, to);
    if (!record)
        return false;
    zseq_msg_t msg;
    memset (&msg, 0, sizeof msg);
    msg.op = ops[s_draw (self, 3)];
    msg.request = 1 + s_draw (self, UINT64_MAX - 1);
    msg.cluster = record->identity;
    msg.node = as;
    uint64_t process = 1 + s_draw (self, UINT64_MAX - 1);
    zseq_incarnation_t incarnation = record->vector.incarnation[as];
    incarnation.counter += 1 + s_draw (self, 3) * s_draw (self, 1000);
    if (s_draw (self, 2))
        incarnation.random = s_draw (self, UINT64_MAX);
    msg.vector = record->vector;
    msg.vector.incarnation[s_draw (self, self->n)] = incarnation;
    zseq_msg_member_t members[ZSEQ_NODES_MAX];
    if (msg.op == ZSEQ_OP_FENCE)
        msg.fence.recovery.incarnation = incarnation;
    else if (msg.op == ZSEQ_OP_COPY)
        msg.copy.recovery.incarnation = incarnation;
    else
        msg.introduce =
          (zseq_msg_introduce_t){.members = s_members (record, members),
                                 .state = ZSEQ_STATE_VOTING,
                                 .process = process};
    (void) zseq_sim_cluster_send (self->cluster, ZSEQ_SIM_CLUSTER_NO_REPLY, to,
                                  &msg);
    return true;
}

//  Carries out a fault of a node's process. Returns whether it had an effect,
//  as do the next two functions.
static bool
s_strike_process (s_run_t *self, zseq_fault_t fault, uint8_t node,
                  uint64_t until_us)
{
    switch (fault) {
    case ZSEQ_FAULT_KILL:
    case ZSEQ_FAULT_POWER:
        zseq_operator_kill (&self->keeper, node, fault == ZSEQ_FAULT_POWER);
        return true;
    case ZSEQ_FAULT_KILL_ALL:
        for (uint8_t other = 0; other < self->n; other++)
            zseq_operator_kill (&self->keeper, other, s_draw (self, 2));
        return true;
    case ZSEQ_FAULT_STOP:
        zseq_sim_cluster_stop (self->cluster, node);
        zseq_sim_cluster_alarm (self->cluster, until_us, ALARM_START | node);
        return true;
    case ZSEQ_FAULT_PAUSE:
        zseq_sim_cluster_pause (self->cluster, node, until_us);
        return true;
    case ZSEQ_FAULT_COPY:
        return s_copy (self, node, until_us);
    case ZSEQ_FAULT_DOUBLE:
        return s_double (self, node);
    case ZSEQ_FAULT_FORCE:
        return zseq_operator_force (&self->keeper, node);
    case ZSEQ_FAULT_RECOVER:
        return zseq_operator_recover (&self->keeper, node);
    default:
        return false;
    }
}

//  Carries out a fault of a node's disk, or of all disks.
static bool
s_strike_disk (s_run_t *self, zseq_fault_t fault, uint8_t node,
               uint64_t until_us)
{
    switch (fault) {
    case ZSEQ_FAULT_WIPE:
        return zseq_operator_wipe (&self->keeper, node);
    case ZSEQ_FAULT_RUIN:
        return zseq_operator_ruin (&self->keeper, node);
    case ZSEQ_FAULT_DAMAGE:
        return zseq_operator_damage (&self->keeper, node);
    case ZSEQ_FAULT_SHORTEN:
        return s_shorten (self, node);
    case ZSEQ_FAULT_KEEP:
        return zseq_operator_keep (&self->keeper, node);
    case ZSEQ_FAULT_PUT_BACK:
        return s_put_back (self, node);
    case ZSEQ_FAULT_UNFORMED:
        return zseq_operator_put_unformed (&self->keeper, node);
    case ZSEQ_FAULT_BACKUP:
        return zseq_operator_back_up (&self->keeper);
    case ZSEQ_FAULT_RESTORE:
        return s_restore (self, node);
    case ZSEQ_FAULT_FORMAT:
        return zseq_operator_format (&self->keeper, node);
    case ZSEQ_FAULT_STICK:
        zseq_sim_cluster_stick (self->cluster, node, until_us);
        return true;
    case ZSEQ_FAULT_FULL:
        zseq_sim_cluster_fill (self->cluster, node, until_us);
        return true;
    case ZSEQ_FAULT_FAIL:
        zseq_sim_cluster_fail (self->cluster, node);
        return true;
    default:
        return false;
    }
}

//  Carries out a fault of the network or of a client.
static bool
s_strike_network (s_run_t *self, zseq_fault_t fault, uint8_t node)
{
    switch (fault) {
    case ZSEQ_FAULT_CUT:
        s_cut (self);
        return true;
    case ZSEQ_FAULT_SPLIT:
        s_split (self);
        return true;
    case ZSEQ_FAULT_LONELY:
        s_lonely (self, node);
        return true;
    case ZSEQ_FAULT_MEND:
        zseq_sim_cluster_say (self->cluster, "all hear each other");
        zseq_sim_cluster_mend (self->cluster);
        return true;
    case ZSEQ_FAULT_FORGE:
        return s_forge (self);
    case ZSEQ_FAULT_CLIENT:
        zseq_clients_crash (&self->clients, s_draw (self, ZSEQ_CLIENTS_MAX));
        zseq_kv_clients_crash (&self->keys, s_draw (self, ZSEQ_KV_CLIENTS_MAX));
        return true;
    default:
        return false;
    }
}

//  Carries out a fault at a random node. Returns whether it had an effect.
static bool
s_strike (s_run_t *self, zseq_fault_t fault)
{
    uint8_t node = (uint8_t) s_draw (self, self->n);
    uint64_t until_us = s_now_us (self) + s_draw (self, 4 * self->fault_us + 1);
    return s_strike_process (self, fault, node, until_us) ||
           s_strike_disk (self, fault, node, until_us) ||
           s_strike_network (self, fault, node);
}

//  Draws a fault, and sets the alarm for the next one.
static void
s_next_fault (s_run_t *self)
{
    if (self->calm)
        return;
    zseq_fault_t fault = (zseq_fault_t) s_draw (self, ZSEQ_FAULTS);
    if (self->on[fault] && s_strike (self, fault))
        self->totals->fault[fault]++;
    zseq_sim_cluster_alarm (
      self->cluster, s_now_us (self) + s_draw (self, self->fault_us / 4 + 1),
      ALARM_FAULT);
}

//  Hooks of the cluster.

//  Passes a reply to a client, or to a competitor of the schedule.
static void
s_on_reply (size_t client, const zseq_msg_t *msg, void *arg)
{
    s_run_t *self = arg;
    if (client < ZSEQ_CLIENTS_MAX)
        zseq_clients_reply (&self->clients, client, msg);
    else if (client < ZSEQ_CLIENTS_MAX + ZSEQ_SCENARIO_COMPETITORS)
        zseq_scenario_reply (&self->scenario, client - ZSEQ_CLIENTS_MAX, msg);
    else if (client >= ZSEQ_KV_CLIENTS_FIRST &&
             client < ZSEQ_KV_CLIENTS_FIRST + ZSEQ_KV_CLIENTS_MAX)
        zseq_kv_clients_reply (&self->keys, client - ZSEQ_KV_CLIENTS_FIRST,
                               msg);
}

//  Takes an alarm.
static void
s_on_alarm (uint32_t what, void *arg)
{
    s_run_t *self = arg;
    uint8_t number = (uint8_t) (what & 0xff);
    switch (what & ALARM_KIND) {
    case ALARM_CLIENT:
        zseq_clients_alarm (&self->clients, number);
        break;
    case ALARM_START:
        zseq_operator_start (&self->keeper, number);
        break;
    case ALARM_UNDOUBLE:
        s_undouble (self, number);
        break;
    case ALARM_FAULT:
        s_next_fault (self);
        break;
    case ALARM_KEYS:
        zseq_kv_clients_alarm (&self->keys, number);
        break;
    }
}

//  A process has ended by itself.
static void
s_on_ended (uint8_t node, void *arg)
{
    s_run_t *self = arg;
    zseq_operator_ended (&self->keeper, node);
}

//  Returns whether a process that the operator watches may go on.
static bool
s_on_covered (uint8_t node, void *arg)
{
    s_run_t *self = arg;
    return zseq_operator_covered (&self->keeper, node);
}

//  Reports a broken promise.
static void
s_on_broken (const char *text, void *arg)
{
    s_run_t *self = arg;
    self->options->broken (self->seed, text);
}

//  What the seed draws.

//  Draws one of the values.
static uint64_t
s_one_of (s_run_t *self, const uint64_t *values, size_t count)
{
    return values[s_draw (self, count)];
}

//  Draws the rates of faults of the network and the disks.
static void
s_draw_fault_rates (s_run_t *self, zseq_faults_t *faults)
{
    static const uint64_t lags_us[] = {100, 1000, 10000, 50000};
    static const uint64_t writes_us[] = {50, 5000, 50000, 300000};
    static const uint64_t rooms[] = {3, 20, 1000};
    *faults = (zseq_faults_t){
      .lost = s_draw (self, 3) ? 0 : (uint32_t) s_draw (self, 200),
      .doubled = s_draw (self, 2) ? 0 : (uint32_t) s_draw (self, 200),
      .late = s_draw (self, 2) ? 0 : (uint32_t) s_draw (self, 300),
      .late_us = 1 + s_draw (self, 3 * SECOND_US),
      .lag_us = s_one_of (self, lags_us, 4),
      .write_us = s_one_of (self, writes_us, 4),
      .reserve_us = s_draw (self, 3) ? s_draw (self, 2 * SECOND_US) : 0,
      .waiting_max = s_one_of (self, rooms, 3),
      .drift = s_draw (self, 2) ? 0 : (uint32_t) s_draw (self, 200)};
}

//  Draws which faults occur, how often, and for how long.
static void
s_draw_faults (s_run_t *self)
{
    static const uint64_t faults_us[] = {40000, 150000, 600000, 2000000};
    uint64_t frequent = 1 + s_draw (self, 3);
    for (size_t fault = 0; fault < ZSEQ_FAULTS; fault++)
        self->on[fault] = s_draw (self, frequent + 1) == 0;
    self->on[ZSEQ_FAULT_MEND] = true;
    self->on[ZSEQ_FAULT_RUIN] = s_draw (self, 8) == 0;
    self->on[ZSEQ_FAULT_RESTORE] = s_draw (self, 8) == 0;
    self->on[ZSEQ_FAULT_BACKUP] = self->on[ZSEQ_FAULT_RESTORE];
    self->on[ZSEQ_FAULT_FORCE] = s_draw (self, 8) == 0;
    self->on[ZSEQ_FAULT_KEEP] |= self->on[ZSEQ_FAULT_PUT_BACK];
    self->fault_us = s_one_of (self, faults_us, 4);
    self->keeper.down_us = s_one_of (self, faults_us, 4);
    self->faults_us = self->options->seconds
                        ? self->options->seconds * SECOND_US
                        : SECOND_US / 2 + s_draw (self, 5 * SECOND_US);
}

//  Draws how many clients there are, and how they behave.
static void
s_draw_manners (s_run_t *self, const zseq_faults_t *faults,
                zseq_manners_t *manners)
{
    static const uint64_t pauses_us[] = {5000, 50000, 300000};
    static const uint64_t lates_us[] = {0, 1000, 1000000};
    static const uint64_t operations_us[] = {300000, 2 * SECOND_US,
                                             10 * SECOND_US};
    *manners = (zseq_manners_t){
      .clients = 1 + s_draw (self, ZSEQ_CLIENTS_MAX),
      .names = 1 + s_draw (self, 2) * s_draw (self, ZSEQ_SIM_NAMES),
      .calls_max = 30 + s_draw (self, 270),
      .pause_us = s_one_of (self, pauses_us, 3),
      .late_us = s_one_of (self, lates_us, 3),
      .operation_us = s_one_of (self, operations_us, 3),
      .rtt_us = 2 * faults->lag_us + 10,
      .large_quorums = s_draw (self, 6) == 0,
      .alone = s_draw (self, 3) * 50,
      .ends = self->n > 2 && !self->on[ZSEQ_FAULT_RUIN] &&
              !self->on[ZSEQ_FAULT_RESTORE] && !self->on[ZSEQ_FAULT_FORCE] &&
              !self->keeper.disaster && s_draw (self, 4) == 0};
    if (self->options->seconds)
        manners->calls_max = self->options->seconds * 30;
    if (self->options->keys) {
        manners->clients = 1;
        manners->calls_max = 10;
    }
}

//  A run.

//  Lets the cluster form: if calm without faults, or sometimes a bit slowly;
//  else with many faults and kills.
static void
s_form (s_run_t *self, bool calm)
{
    zseq_faults_t faults;
    s_draw_fault_rates (self, &faults);
    bool slow = s_draw (self, 8) == 0;
    zseq_faults_t fine = {.late = slow ? 200 : 0,
                          .late_us = SECOND_US / 2,
                          .lag_us = 200,
                          .write_us = slow ? 100000 : 200,
                          .reserve_us = faults.reserve_us,
                          .waiting_max = faults.waiting_max,
                          .drift = faults.drift};
    zseq_sim_cluster_faults (self->cluster, calm ? &fine : &faults);
    zseq_operator_begin (&self->keeper);
    for (uint64_t kills = calm ? 0 : s_draw (self, 4); kills; kills--) {
        zseq_sim_cluster_run (self->cluster,
                              s_now_us (self) + s_draw (self, SECOND_US / 4));
        uint8_t node = (uint8_t) s_draw (self, self->n);
        zseq_operator_kill (&self->keeper, node, s_draw (self, 2));
        if (self->on[ZSEQ_FAULT_UNFORMED])
            (void) zseq_operator_put_unformed (&self->keeper, node);
    }
    zseq_sim_cluster_faults (self->cluster, &fine);
    zseq_operator_settle (&self->keeper, "after it began to form");
}

//  Clients of the key-value store begin, in half of the runs.
static void
s_begin_keys (s_run_t *self)
{
    static const uint64_t pauses_us[] = {1000, 20000, 200000};
    static const uint64_t operations_us[] = {300000, 2 * SECOND_US,
                                             10 * SECOND_US};
    zseq_kv_manners_t manners = {
      .clients = s_draw (self, 2) * (1 + s_draw (self, ZSEQ_KV_CLIENTS_MAX)),
      .keys = 1 + s_draw (self, ZSEQ_KV_CLIENTS_KEYS),
      .calls_max = 50 + s_draw (self, 2000),
      .pause_us = s_one_of (self, pauses_us, 3),
      .operation_us = s_one_of (self, operations_us, 3),
      .late_us = s_draw (self, 3) ? 0 : 100000,
      .rtt_us = 2000};
    //  A watch looks by itself after ten seconds.
    manners.watch_us = s_draw (self, 8) ? SECOND_US : 15 * SECOND_US;
    if (self->options->keys) {
        manners.clients = ZSEQ_KV_CLIENTS_MAX;
        manners.calls_max = 20000;
        manners.pause_us = 500;
        manners.watch_us /= 50;
    }
    zseq_kv_clients_begin (&self->keys, &manners);
}

//  Runs clients and random faults.
static void
s_faults (s_run_t *self)
{
    zseq_faults_t faults;
    zseq_manners_t manners;
    s_draw_fault_rates (self, &faults);
    s_draw_manners (self, &faults, &manners);
    zseq_sim_cluster_faults (self->cluster, &faults);
    zseq_clients_begin (&self->clients, &manners);
    s_next_fault (self);
    zseq_sim_cluster_run (self->cluster, s_now_us (self) + self->faults_us);
}

//  Ends all faults, and waits until all nodes vote.
static void
s_clear (s_run_t *self)
{
    zseq_sim_cluster_t *cluster = self->cluster;
    zseq_faults_t fine = {.lag_us = 1000,
                          .write_us = 1000,
                          .reserve_us = SECOND_US,
                          .waiting_max = 1000};
    zseq_sim_cluster_say (cluster, "faults end");
    self->calm = self->keeper.calm = true;
    self->keeper.down_us = 0;
    self->clients.manners.late_us = 0;
    self->clients.manners.calls_max = self->clients.calls;
    self->keys.manners.late_us = 0;
    self->keys.manners.calls_max = self->keys.calls;
    zseq_sim_cluster_faults (cluster, &fine);
    zseq_sim_cluster_mend (cluster);
    for (uint8_t node = 0; node < self->n; node++) {
        zseq_sim_cluster_stick (cluster, node, 0);
        zseq_sim_cluster_fill (cluster, node, 0);
        zseq_sim_cluster_pause (cluster, node, 0);
        zseq_sim_cluster_kill_older (cluster, node);
    }
    zseq_operator_settle (&self->keeper, "after faults have ended");
}

static bool
s_idle (const s_run_t *self)
{
    return zseq_clients_idle (&self->clients) &&
           zseq_kv_clients_idle (&self->keys);
}

//  Waits until all calls have ended.
static void
s_finish (s_run_t *self, const char *when)
{
    uint64_t end_us = s_now_us (self) + CALL_END_US;
    while (!s_idle (self) && s_now_us (self) < end_us)
        zseq_sim_cluster_run (self->cluster, s_now_us (self) + SECOND_US / 20);
    if (!s_idle (self))
        zseq_sim_cluster_broken (self->cluster, "liveness: calls do not end %s",
                                 when);
}

//  P3: checks that all calls succeed when all nodes are up, with IDs above all
//  that were handed out.
static void
s_last_calls (s_run_t *self)
{
    uint64_t lost = self->clients.lost;
    zseq_manners_t manners = {.clients = 4,
                              .names = ZSEQ_SIM_NAMES,
                              .calls_max = 16,
                              .pause_us = 50000,
                              .operation_min_us = 30 * SECOND_US,
                              .rtt_us = 2000};
    zseq_kv_manners_t keys = {.clients = 4,
                              .keys = ZSEQ_KV_CLIENTS_KEYS,
                              .calls_max = 24,
                              .pause_us = 50000,
                              .least_us = 30 * SECOND_US,
                              .rtt_us = 2000,
                              .watch_us = 2 * SECOND_US,
                              .news_us = SECOND_US};
    uint64_t failed = self->keys.failed;
    zseq_clients_begin (&self->clients, &manners);
    zseq_kv_clients_begin (&self->keys, &keys);
    s_finish (self, "without faults");
    if (self->keys.failed != failed)
        zseq_sim_cluster_broken (
          self->cluster,
          "key-value store: calls fail though all nodes are well");
    if (self->clients.lost != lost)
        zseq_sim_cluster_broken (self->cluster,
                                 "P3: calls fail though all nodes are well");
}

//  Adds the run to the totals.
static void
s_count (s_run_t *self)
{
    zseq_swarm_totals_t *totals = self->totals;
    totals->seeds++;
    totals->guided += self->scenario.steps > 0;
    totals->scenario_steps += self->scenario.steps;
    totals->simulated_us += s_now_us (self);
    totals->steps += zseq_sim_cluster_steps (self->cluster);
    totals->calls += self->clients.calls;
    totals->won += self->clients.won;
    totals->claims += self->clients.claims;
    totals->delegated += self->clients.delegated;
    totals->key_calls += self->keys.calls;
    totals->key_done += self->keys.done;
    totals->key_unknown += self->keys.unknown;
    totals->key_pages += self->keys.pages;
    totals->key_watches += self->keys.watches;
    totals->key_quiet += self->keys.quiet;
    totals->messages += zseq_sim_cluster_messages (self->cluster);
}

void
zseq_swarm_run (uint64_t seed, const zseq_swarm_options_t *options,
                zseq_swarm_totals_t *totals)
{
    static const uint8_t sizes[] = {1, 2, 3, 3, 3, 4, 5, 5, 5, 6, 7};
    static s_run_t run;
    s_run_t *self = &run;
    memset (self, 0, offsetof (s_run_t, clients));
    self->seed = seed;
    self->options = options;
    self->totals = totals;
    self->calm = false;
    uint64_t choice = seed * 0x9e3779b97f4a7c15u >> 32;
    self->n =
      options->nodes ? (uint8_t) options->nodes : sizes[choice % sizeof sizes];
    zseq_sim_cluster_hooks_t hooks = {.reply = s_on_reply,
                                      .alarm = s_on_alarm,
                                      .ended = s_on_ended,
                                      .covered = s_on_covered,
                                      .broken = s_on_broken,
                                      .arg = self};
    self->cluster =
      zseq_sim_cluster_new (self->n, seed, options->trace, &hooks);
    zseq_clients_init (&self->clients, self->cluster, self->n);
    zseq_kv_clients_init (&self->keys, self->cluster, self->n, ALARM_KEYS);
    zseq_operator_init (&self->keeper, self->cluster, &self->clients, self->n,
                        ALARM_START);
    zseq_scenario_init (&self->scenario, self->cluster, &self->clients,
                        &self->keeper, self->n);
    s_draw_faults (self);
    bool guided = self->n >= 2 && s_draw (self, 3) > 0 && !options->keys;
    if (guided && self->n == ZSEQ_SCENARIO_FORM_NODES && s_draw (self, 16) == 0)
        zseq_scenario_form (&self->scenario);
    else {
        s_form (self, guided || s_draw (self, 2));
        s_begin_keys (self);
        if (guided)
            zseq_scenario_go (&self->scenario);
    }
    if (!guided || s_draw (self, 4) == 0)
        s_faults (self);
    s_clear (self);
    s_finish (self, "though all nodes vote");
    if (self->n > 1 && s_draw (self, 8) == 0) {
        zseq_operator_start_some (&self->keeper);
        zseq_operator_settle (&self->keeper, "after a majority has started");
    }
    s_last_calls (self);
    //  A backup that is put back takes keys back, too.
    if (!self->keeper.disaster)
        zseq_kv_clients_judge (&self->keys);
    s_count (self);
    zseq_kv_clients_term (&self->keys);
    zseq_clients_term (&self->clients);
    zseq_sim_cluster_destroy (&self->cluster);
}
