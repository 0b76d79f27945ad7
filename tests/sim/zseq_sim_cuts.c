//  zseq-sim-cuts: calls for keys end within a second while nodes hear only some
//  of their peers, and within 100 ms when a node is killed.
//
//      zseq-sim-cuts [--seeds N] [--seed N] [--trace]
//
//  In each run all nodes are well, and then links between them are cut: all but
//  those of one node (the others have lost their quorum); all but a chain; some
//  at random; all but those of a node that has missed what another one did,
//  which is gone then (constrained); or none. There is a node that reaches a
//  majority, which includes itself. Clients reach it; some reach a majority,
//  and some reach no other node. Half of them have just begun, and have heard
//  of no node yet. Nothing else fails. Source: Ng, Haridi, Carbone,
//  "Omni-Paxos: Breaking the Barriers of Partial Connectivity" (EuroSys 2023),
//  section 2.
//
//  Then all links are mended, and one node after the other is killed and
//  started again. Those that send to it notice that it is gone, as TCP tells
//  them.
//
//  Checked: no call takes longer than that, by whichever node a client asks
//  first, and what clients were told is linearizable. Messages take up to a
//  millisecond, and so does a write to disk.

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "zseq_kv_clients.h"
#include "zseq_sim_program.h"

#define SECOND_US UINT64_C (1000000)
#define CUT_US (5 * SECOND_US)
#define KILLED_US (2 * SECOND_US)
#define KILL_LIMIT_US 100000
#define STEP_US 2000
#define CLIENTS 4
//  Clients that reach only the hub while links are cut, a bit each. Listings
//  need a majority, and so they do not list.
#define LONELY 5u

typedef struct {
    uint64_t seed;  //  First, as the arg of the hooks points to it
    zseq_sim_cluster_t *cluster;
    zseq_kv_clients_t clients;
    uint8_t n;
    uint8_t order[ZSEQ_NODES_MAX];  //  The first is the hub
    uint64_t done;
    uint64_t limit_us;  //  How long a call may take
    uint64_t longest_us;
    uint64_t longest_killed_us;
} s_run_t;

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

static void
s_reply (size_t client, const zseq_msg_t *msg, void *arg)
{
    s_run_t *self = arg;
    zseq_kv_clients_reply (&self->clients, client - ZSEQ_KV_CLIENTS_FIRST, msg);
}

static void
s_alarm (uint32_t what, void *arg)
{
    s_run_t *self = arg;
    zseq_kv_clients_alarm (&self->clients, what);
}

static void
s_ended (uint8_t node, void *arg)
{
    const s_run_t *self = arg;
    zseq_sim_cluster_broken (self->cluster, "node %c has ended", 'a' + node);
}

static void
s_start (s_run_t *self, bool trace)
{
    zseq_sim_cluster_hooks_t hooks = {.reply = s_reply,
                                      .alarm = s_alarm,
                                      .ended = s_ended,
                                      .covered = zseq_sim_program_covered,
                                      .broken = zseq_sim_program_broken,
                                      .arg = self};
    self->n = self->seed % 2 ? 3 : 5;
    self->cluster = zseq_sim_cluster_new (self->n, self->seed, trace, &hooks);
    zseq_faults_t faults = {.lag_us = 1000,
                            .write_us = 1000,
                            .reserve_us = SECOND_US,
                            .waiting_max = 1000};
    zseq_sim_cluster_faults (self->cluster, &faults);
    for (uint8_t node = 0; node < self->n; node++)
        zseq_sim_cluster_start (self->cluster, node, false, NULL);
    zseq_sim_program_settle (self->cluster, self->n);
    for (uint8_t node = 0; node < self->n; node++) {
        uint8_t place = (uint8_t) s_draw (self, node + 1u);
        self->order[node] = self->order[place];
        self->order[place] = node;
    }
    zseq_kv_clients_init (&self->clients, self->cluster, self->n, 0);
}

typedef enum {
    CUT_QUORUM_LOSS,
    CUT_CHAINED,
    CUT_RANDOM,
    CUT_CONSTRAINED,
    CUT_NOTHING,
    CUT_KINDS
} s_kind_t;

static s_kind_t
s_kind (const s_run_t *self)
{
    return (s_kind_t) (self->seed / 2 % CUT_KINDS);
}

//  Whether a link remains, between places of the order.
static bool
s_remains (s_run_t *self, uint8_t lower, uint8_t higher)
{
    switch (s_kind (self)) {
    case CUT_QUORUM_LOSS:
        return lower == 0;
    case CUT_CHAINED:
        return higher == lower + 1;
    case CUT_RANDOM:
        //  The hub keeps a majority.
        return (lower == 0 && higher <= self->n / 2) || s_draw (self, 3) == 0;
    case CUT_CONSTRAINED:
        return lower == 0 && higher < self->n - 1;
    default:
        return true;
    }
}

static void
s_cut_link (s_run_t *self, uint8_t lower, uint8_t higher)
{
    uint8_t node = self->order[lower];
    uint8_t peer = self->order[higher];
    zseq_sim_cluster_cut (self->cluster, node, peer, ZSEQ_CUT_ALL);
    zseq_sim_cluster_cut (self->cluster, peer, node, ZSEQ_CUT_ALL);
}

//  Cuts a client off from some nodes, or from all but the hub.
static void
s_cut_client (s_run_t *self, size_t client, uint8_t hub)
{
    bool lonely = LONELY >> client & 1;
    uint8_t cut = lonely ? self->n : self->n / 2;
    for (uint8_t node = 0; node < self->n; node++)
        if (node != hub && cut > 0 && (lonely || s_draw (self, 3) == 0)) {
            zseq_sim_cluster_cut_client (self->cluster,
                                         ZSEQ_KV_CLIENTS_FIRST + client, node);
            cut--;
        }
}

static void
s_cut (s_run_t *self)
{
    for (uint8_t lower = 0; lower < self->n; lower++)
        for (uint8_t higher = lower + 1; higher < self->n; higher++)
            if (!s_remains (self, lower, higher))
                s_cut_link (self, lower, higher);
    //  In a chain, the one in the middle reaches a majority, of 3 or 5.
    uint8_t hub = self->order[s_kind (self) == CUT_CHAINED ? self->n / 2 : 0];
    for (size_t client = 0; client < CLIENTS; client++)
        s_cut_client (self, client, hub);
    for (size_t client = 0; client < CLIENTS / 2; client++)
        zseq_kv_clients_crash (&self->clients, client);
}

static void
s_check_calls (s_run_t *self)
{
    for (size_t client = 0; client < CLIENTS; client++) {
        const zseq_kv_caller_t *caller = &self->clients.caller[client];
        if (!caller->busy)
            continue;
        uint64_t age_us = s_now_us (self) - caller->begun_us;
        uint64_t *longest_us = self->limit_us == SECOND_US
                                 ? &self->longest_us
                                 : &self->longest_killed_us;
        if (age_us > *longest_us)
            *longest_us = age_us;
        if (age_us > self->limit_us)
            zseq_sim_cluster_broken (
              self->cluster, "P3: a call of client %zu takes more than %llu ms",
              client, (unsigned long long) self->limit_us / 1000);
    }
}

static void
s_run_until (s_run_t *self, uint64_t until_us)
{
    while (s_now_us (self) < until_us) {
        zseq_sim_cluster_run (self->cluster, s_now_us (self) + STEP_US);
        s_check_calls (self);
    }
}

//  Kills each node once. The one that is killed next has been up for a while,
//  so that all calls are served as before.
static void
s_kill_all (s_run_t *self)
{
    for (uint8_t at = 0; at < self->n; at++) {
        self->limit_us = KILL_LIMIT_US;
        zseq_sim_cluster_kill (self->cluster, self->order[at], false);
        s_run_until (self, s_now_us (self) + KILLED_US);
        self->limit_us = SECOND_US;
        zseq_sim_cluster_start (self->cluster, self->order[at], false, NULL);
        zseq_sim_program_settle (self->cluster, self->n);
        s_run_until (self, s_now_us (self) + SECOND_US);
    }
}

static void
s_run (uint64_t seed, bool trace, s_run_t *totals)
{
    static s_run_t run;
    s_run_t *self = &run;
    *self = (s_run_t){.seed = seed, .limit_us = SECOND_US};
    s_start (self, trace);
    zseq_kv_manners_t manners = {.clients = CLIENTS,
                                 .keys = ZSEQ_KV_CLIENTS_KEYS,
                                 .unlisted = LONELY,
                                 .calls_max = 100000,
                                 .pause_us = 20000,
                                 .least_us = 30 * SECOND_US,
                                 .rtt_us = 2000};
    zseq_kv_clients_begin (&self->clients, &manners);
    s_run_until (self, s_now_us (self) + SECOND_US);
    if (s_kind (self) == CUT_CONSTRAINED)
        s_cut_link (self, 0, self->n - 1);
    s_run_until (self, s_now_us (self) + SECOND_US);
    s_cut (self);
    s_run_until (self, s_now_us (self) + CUT_US);
    zseq_sim_cluster_mend (self->cluster);
    s_run_until (self, s_now_us (self) + SECOND_US);
    s_kill_all (self);
    self->clients.manners.calls_max = self->clients.calls;
    while (!zseq_kv_clients_idle (&self->clients))
        s_run_until (self, s_now_us (self) + STEP_US);
    if (self->clients.failed > 0)
        zseq_sim_cluster_broken (self->cluster, "P3: a call has failed");
    zseq_kv_clients_judge (&self->clients);
    totals->done += self->clients.done;
    if (totals->longest_us < self->longest_us)
        totals->longest_us = self->longest_us;
    if (totals->longest_killed_us < self->longest_killed_us)
        totals->longest_killed_us = self->longest_killed_us;
    zseq_kv_clients_term (&self->clients);
    zseq_sim_cluster_destroy (&self->cluster);
}

int
main (int argc, char **argv)
{
    static s_run_t totals;
    zseq_sim_options_t options = zseq_sim_program_options (argc, argv);
    for (uint64_t at = 0; at < options.count; at++)
        s_run (options.first + at, options.trace, &totals);
    printf ("%" PRIu64 " seeds, %" PRIu64 " calls, the longest took %" PRIu64
            " ms, and when a node was killed %" PRIu64 " ms\n",
            options.count, totals.done, totals.longest_us / 1000,
            totals.longest_killed_us / 1000);
    return 0;
}
