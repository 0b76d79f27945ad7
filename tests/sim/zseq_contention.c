//  A run of a crowd.
//
//  zseq_contention_run is the whole of it: s_form lets the cluster form,
//  s_gather makes the clients, and alarms of the cluster start their calls and
//  the faults. Then s_finish waits until all calls have ended. A client has a
//  batcher of the library and one call at a time. Unlike those of zseq_clients,
//  it looks at its clock in time, and does nothing but draw IDs.

#include "zseq_contention.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_batcher.h"
#include "zseq_checker.h"
#include "zseq_sim_cluster.h"

#define SECOND_US UINT64_C (1000000)
#define CLIENTS_MIN 32
#define CLIENTS_MAX 500
#define FIGHTERS_MAX 48
#define CALLS_STEADY 10000  //  In a run, about
#define DEADLINE_US (5 * SECOND_US)
#define SLACK_US 1000
#define SKIP_AFTER 16  //  Claims of a call that are lost before one skips ahead
#define DOUBLINGS 4    //  ... and times that the distance doubles, at most
#define OPENING 8      //  Times the first calls' IDs may be skipped at first
#define FORM_US (30 * SECOND_US)
#define WELL_US (60 * SECOND_US)
#define LOOK_US 10000

const char *const zseq_contention_names[ZSEQ_CONTENTION_KINDS] = {
  "burst", "steady", "fight"};

//  Names of sequences.
static const char s_names[] = "ABCDEF";

//  Alarms: a client's index, or one of these kinds, the second with a node.
enum {
    ALARM_CLIENT = 0x0000,
    ALARM_FAULT = 0x1000,
    ALARM_BACK = 0x2000,
    ALARM_LOOK = 0x3000,
    ALARM_KIND = 0xf000
};

typedef struct s_run s_run_t;

typedef struct {
    zseq_request_t request;  //  First: a pointer to it points to the client
    s_run_t *run;
    zseq_batcher_t *batcher;
    zseq_request_queue_t *queue;
    bool pending;       //  A call is under way
    bool sure;          //  ... and may not fail
    uint64_t count;     //  ... of so many IDs
    uint64_t reached;   //  ... when this had been reached
    uint64_t began_us;  //  ... and it was that time
    uint64_t next_us;   //  The next call begins then
    uint64_t calls;     //  Calls that are left
    bool has_begun;     //  Its first call has
    uint64_t claims;    //  CLAIMs that it has sent for the call
    uint64_t winner;    //  IDs of a claim that beat one of these, at most
    uint64_t wake_us;   //  When its next alarm is due; 0: none is
    uint64_t link_us;   //  It cannot reach the first node before then
} s_client_t;

struct s_run {
    uint64_t seed;
    const zseq_swarm_options_t *options;
    zseq_contention_totals_t *totals;
    zseq_sim_cluster_t *cluster;
    uint8_t n;
    zseq_contention_kind_t kind;
    zseq_quorum_t quorum;
    size_t name;  //  Its index
    zseq_checker_t checker;
    s_client_t *client;
    size_t client_count;
    uint8_t first_node;  //  The one that some clients reach late
    uint64_t count_max;  //  IDs of a call, at most
    uint64_t pause_us;   //  Between a client's calls, at most
    uint64_t request;    //  The last request ID
    bool faulty;         //  Something fails in this run:
    bool pauses;         //  nodes are paused,
    bool kills;          //  or killed,
    bool loses;          //  or messages are lost
    uint64_t faults;     //  Faults that are left
    uint64_t fault_us;   //  Between them, at most
    uint64_t calm_us;    //  No fault begins, and no message is lost, after that
    bool well;           //  No fault happens any more, and all nodes vote
    zseq_faults_t network;             //  The rates of faults, now
    uint64_t back_us[ZSEQ_NODES_MAX];  //  When a node is back
    uint64_t calls;                    //  Calls begun
    uint64_t failed;                   //  ... that failed
    uint64_t ids;                      //  IDs handed out
    uint64_t pending;                  //  IDs of calls under way
    uint64_t pending_max;              //  ... at most
    uint64_t opening;                  //  IDs of the clients' first calls
    uint64_t strikes;                  //  Nodes paused or killed
    uint64_t reserved;    //  IDs that nodes had reserved when they restarted
    uint64_t claimed;     //  IDs of all CLAIMs of clients
    uint64_t ahead;       //  IDs that these may have skipped
    uint64_t longest_us;  //  The longest call
    size_t open;          //  Clients with calls left, or one under way
};

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

//  Returns the index of a client.
static size_t
s_index (const s_client_t *client)
{
    return (size_t) (client - client->run->client);
}

//  Skipped IDs.

//  Returns how many IDs may have been skipped or burnt by now. ended: no call
//  is under way any more.
//
//  - Clients that fight: the IDs of lost claims, and what may be skipped by
//    claims that were lost often (s_note_claim).
//  - Else each client may lose a claim or two before a coordinator claims for
//    all. A burst is over so soon that these are as many as the IDs that it
//    gets; a steady load goes on for so long that they are a fifth of them.
//  - While a run goes on, what is under way comes on top; and the opening, in
//    which each client's own claim may beat a coordinator's that is for all.
//  - A lost message may burn what a claim or a NEXT was for.
//  - A node that is paused or killed: its NEXTs may be served by it and by the
//    next coordinator, and once more by each if these fight, so four times what
//    is under way.
static uint64_t
s_skipped_max (const s_run_t *self, bool ended)
{
    uint64_t ids = self->ids + self->pending;
    uint64_t lost = self->claimed > self->ids ? self->claimed - self->ids : 0;
    uint64_t fair;
    if (self->kind == ZSEQ_CONTENTION_FIGHT)
        fair = lost + self->ahead;
    else if (self->kind == ZSEQ_CONTENTION_BURST || self->loses)
        fair = ids;
    else
        fair = ids / 5;
    if (!ended)
        fair += OPENING * self->opening;
    return fair + self->pending + self->reserved +
           4 * self->strikes * self->pending_max;
}

//  Checks that of the IDs below next not too many were skipped or burnt.
static void
s_check_skipped (const s_run_t *self, uint64_t next, bool ended)
{
    uint64_t skipped = next - 1 > self->ids ? next - 1 - self->ids : 0;
    uint64_t skipped_max = s_skipped_max (self, ended);
    if (skipped <= skipped_max)
        return;
    zseq_sim_cluster_broken (
      self->cluster,
      "P5: next is %llu, %llu IDs were handed out and %llu are under way: "
      "%llu are skipped, and %llu may be (%s, %zu clients)",
      (unsigned long long) next, (unsigned long long) self->ids,
      (unsigned long long) self->pending, (unsigned long long) skipped,
      (unsigned long long) skipped_max, zseq_contention_names[self->kind],
      self->client_count);
}

//  Checks that, with coordinators and while nothing fails, hardly any claims
//  meet: nodes tell newcomers that others ask for the name, too.
static void
s_check_refused (const s_run_t *self)
{
    uint64_t refused = zseq_sim_cluster_refused (self->cluster);
    if (self->faulty || self->kind == ZSEQ_CONTENTION_FIGHT ||
        refused < self->client_count)
        return;
    zseq_sim_cluster_broken (
      self->cluster, "nodes refused %llu CLAIMs (%s, %zu clients)",
      (unsigned long long) refused, zseq_contention_names[self->kind],
      self->client_count);
}

//  Returns where a claim would begin: a write quorum of nodes is there or
//  below, by what they have answered.
static uint64_t
s_next (const s_run_t *self)
{
    uint64_t next = UINT64_MAX;
    for (uint8_t node = 0; node < self->n; node++) {
        uint64_t own =
          zseq_sim_cluster_disk (self->cluster, node)->promised[self->name];
        unsigned accepting = 0;
        for (uint8_t other = 0; other < self->n; other++)
            accepting += zseq_sim_cluster_disk (self->cluster, other)
                           ->promised[self->name] <= own;
        if (accepting >= self->quorum.w && own < next)
            next = own;
    }
    return next ? next : 1;
}

//  A node starts again: what it has reserved is gone.
static void
s_note_reserved (s_run_t *self, uint8_t node)
{
    const zseq_sim_disk_t *disk = zseq_sim_cluster_disk (self->cluster, node);
    uint64_t durable_to = disk->file[self->name].durable_to;
    uint64_t next = s_next (self);
    if (durable_to > next)
        self->reserved += durable_to - next;
}

//  Clients.

//  Sends a request of the library to a node, unless the link is not up yet.
static bool
s_ask (void *arg, uint8_t node, zseq_msg_t *msg)
{
    s_client_t *client = arg;
    s_run_t *self = client->run;
    if (node == self->first_node && s_now_us (self) < client->link_us)
        return false;
    msg->cluster = zseq_sim_cluster_identity (self->cluster);
    return zseq_sim_cluster_send (self->cluster, s_index (client), node, msg);
}

//  A client sends a CLAIM to all nodes: notes what it asks for, and what it may
//  skip, which depends on what it and those who beat it asked for, but not on
//  what others have skipped.
static void
s_note_claim (s_run_t *self, s_client_t *client, uint64_t count)
{
    self->claimed += count;
    uint64_t lost = client->claims++;
    if (lost < SKIP_AFTER)
        return;
    uint64_t doublings = lost - SKIP_AFTER;
    if (doublings > DOUBLINGS)
        doublings = DOUBLINGS;
    self->ahead += (count > client->winner ? count : client->winner)
                   << doublings;
}

//  The same for a set of nodes.
static zseq_node_set_t
s_ask_all (void *arg, zseq_node_set_t nodes, zseq_msg_t *msg)
{
    s_client_t *client = arg;
    s_run_t *self = client->run;
    zseq_node_set_t sent = 0;
    if (msg->op == ZSEQ_OP_CLAIM && nodes == zseq_node_set_first (self->n))
        s_note_claim (self, client, msg->claim.count);
    for (uint8_t node = 0; node < self->n; node++)
        if (zseq_node_set_has (nodes, node) && s_ask (client, node, msg))
            zseq_node_set_add (&sent, node);
    return sent;
}

//  Returns a new request ID, which is never 0.
static uint64_t
s_draw_request (void *arg)
{
    s_client_t *client = arg;
    s_run_t *self = client->run;
    self->request += self->request == UINT64_MAX ? 2 : 1;
    return self->request;
}

//  Checks a call that has succeeded.
static void
s_won (s_run_t *self, const s_client_t *client)
{
    uint64_t first = client->request.first;
    uint64_t count = client->request.count;
    const char *broken =
      zseq_checker_claim (&self->checker, client->reached, first, count);
    zseq_sim_cluster_say (self->cluster, "client %zu has %llu+%llu",
                          s_index (client), (unsigned long long) first,
                          (unsigned long long) count);
    if (broken)
        zseq_sim_cluster_broken (
          self->cluster,
          "%s: client %zu has %llu+%llu, and %llu had been reached before it "
          "began",
          broken, s_index (client), (unsigned long long) first,
          (unsigned long long) count, (unsigned long long) client->reached);
    self->ids += count;
    s_check_skipped (self, self->checker.reached, false);
}

//  Checks a call that has failed.
static void
s_failed (s_run_t *self, const s_client_t *client)
{
    int rc = client->request.status;
    uint64_t passed_us = s_now_us (self) - client->began_us;
    zseq_sim_cluster_say (self->cluster, "client %zu fails: %s",
                          s_index (client), zseq_strerror (rc));
    self->failed++;
    if (client->sure)
        zseq_sim_cluster_broken (
          self->cluster,
          "P3: a call of client %zu fails after %llu us, and nothing else has "
          "failed: %s (%s, %zu clients)",
          s_index (client), (unsigned long long) passed_us, zseq_strerror (rc),
          zseq_contention_names[self->kind], self->client_count);
}

//  A call has ended.
static void
s_done (void *arg, zseq_request_t *request)
{
    s_client_t *client = arg;
    s_run_t *self = client->run;
    uint64_t passed_us = s_now_us (self) - client->began_us;
    client->pending = false;
    self->pending -= client->count;
    self->open -= client->calls == 0;
    client->next_us = s_now_us (self) + s_draw (self, self->pause_us + 1);
    if (self->longest_us < passed_us)
        self->longest_us = passed_us;
    if (passed_us > DEADLINE_US + SLACK_US)
        zseq_sim_cluster_broken (
          self->cluster, "liveness: a call of client %zu takes %llu us",
          s_index (client), (unsigned long long) passed_us);
    if (request->status == ZSEQ_OK)
        s_won (self, client);
    else
        s_failed (self, client);
}

static void
s_begin_call (s_run_t *self, s_client_t *client)
{
    uint64_t now_us = s_now_us (self);
    client->calls--;
    client->pending = true;
    client->sure = !self->faulty || self->well;
    client->count = s_draw (self, 8) ? 1 : 1 + s_draw (self, self->count_max);
    client->reached = self->checker.reached;
    client->began_us = now_us;
    self->calls++;
    self->pending += client->count;
    if (self->pending_max < self->pending)
        self->pending_max = self->pending;
    if (!client->has_begun)
        self->opening += client->count;
    client->has_begun = true;
    client->claims = client->winner = 0;
    client->request.count = client->count;
    client->request.count_min = client->count;
    client->request.deadline_us = now_us + DEADLINE_US;
    zseq_request_queue_add (client->queue, &client->request);
}

//  Sets a client's alarm, unless an earlier one is set.
static void
s_set_alarm (s_run_t *self, s_client_t *client, uint64_t at_us)
{
    if (client->wake_us && client->wake_us <= at_us)
        return;
    client->wake_us = at_us;
    zseq_sim_cluster_alarm (self->cluster, at_us,
                            ALARM_CLIENT | (uint32_t) s_index (client));
}

//  Sets the alarm for what a client has to do next.
static void
s_follow (s_run_t *self, s_client_t *client)
{
    uint64_t at_us = UINT64_MAX;
    if (client->pending)
        at_us = zseq_batcher_wake_us (client->batcher);
    else if (client->calls)
        at_us = client->next_us;
    if (at_us == UINT64_MAX)
        return;
    s_set_alarm (self, client,
                 at_us > s_now_us (self) ? at_us : s_now_us (self));
}

//  A client does all that is due.
static void
s_go_on (s_run_t *self, s_client_t *client)
{
    uint64_t now_us = s_now_us (self);
    if (!client->pending && client->calls && client->next_us <= now_us)
        s_begin_call (self, client);
    zseq_batcher_tick (client->batcher, now_us);
    zseq_batcher_flush (client->batcher, now_us);
    s_follow (self, client);
}

static void
s_make_client (s_run_t *self, s_client_t *client,
               const zseq_coordinator_rank_t *rank)
{
    zseq_batcher_hooks_t hooks = {.arg = client,
                                  .ask = s_ask,
                                  .ask_all = s_ask_all,
                                  .done = s_done,
                                  .draw = s_draw_request};
    client->run = self;
    client->batcher = zseq_batcher_new (&hooks);
    assert (client->batcher);
    zseq_batcher_open (client->batcher, &self->quorum, rank);
    client->queue =
      zseq_request_queue_new (client->batcher, &s_names[self->name], 1);
    assert (client->queue);
}

//  Faults.

//  Returns how many nodes are paused or down.
static unsigned
s_away (const s_run_t *self)
{
    unsigned away = 0;
    for (uint8_t node = 0; node < self->n; node++)
        away +=
          self->back_us[node] > s_now_us (self) ||
          zseq_sim_cluster_state (self->cluster, node) != ZSEQ_STATE_VOTING;
    return away;
}

//  Pauses or kills a node, if a majority is left.
static void
s_strike (s_run_t *self)
{
    uint8_t node = (uint8_t) s_draw (self, self->n);
    uint64_t until_us = s_now_us (self) + 1 + s_draw (self, SECOND_US * 3 / 2);
    bool kill = self->kills && (!self->pauses || s_draw (self, 2));
    if (s_away (self) >= (unsigned) (self->n - self->quorum.w) ||
        self->back_us[node] > s_now_us (self))
        return;
    self->strikes++;
    self->back_us[node] = until_us;
    if (kill) {
        zseq_sim_cluster_kill (self->cluster, node, s_draw (self, 2));
        self->totals->kills++;
    }
    else {
        zseq_sim_cluster_pause (self->cluster, node, until_us);
        self->totals->pauses++;
    }
    zseq_sim_cluster_alarm (self->cluster, until_us, ALARM_BACK | node);
}

//  Carries out the next fault, and sets the alarm for one more.
static void
s_next_fault (s_run_t *self)
{
    if (!self->faults || s_now_us (self) >= self->calm_us)
        return;
    self->faults--;
    s_strike (self);
    zseq_sim_cluster_alarm (self->cluster,
                            s_now_us (self) + 1 + s_draw (self, self->fault_us),
                            ALARM_FAULT);
}

//  A node is back from a pause, or it is to start again. Clients connect to it.
static void
s_back (s_run_t *self, uint8_t node)
{
    if (zseq_sim_cluster_up (self->cluster, node))
        return;
    s_note_reserved (self, node);
    zseq_sim_cluster_start (self->cluster, node, false, NULL);
    for (size_t index = 0; index < self->client_count; index++)
        s_go_on (self, &self->client[index]);
}

//  Looks whether all is well again.
static void
s_look (s_run_t *self)
{
    if (s_now_us (self) >= self->calm_us) {
        self->network.lost = 0;
        zseq_sim_cluster_faults (self->cluster, &self->network);
        self->well = s_away (self) == 0;
    }
    if (self->well)
        zseq_sim_cluster_say (self->cluster, "all is well");
    else
        zseq_sim_cluster_alarm (self->cluster, s_now_us (self) + LOOK_US,
                                ALARM_LOOK);
}

//  Hooks of the cluster.

static void
s_on_reply (size_t index, const zseq_msg_t *msg, void *arg)
{
    s_run_t *self = arg;
    if (index >= self->client_count)
        return;
    s_client_t *client = &self->client[index];
    if (msg->cluster != zseq_sim_cluster_identity (self->cluster))
        return;
    if (msg->op == ZSEQ_OP_CLAIM && msg->status == ZSEQ_ECONFLICT &&
        client->winner < msg->claim.last_count)
        client->winner = msg->claim.last_count;
    (void) zseq_batcher_reply (client->batcher, msg, s_now_us (self));
    zseq_batcher_flush (client->batcher, s_now_us (self));
    s_follow (self, client);
}

static void
s_on_alarm (uint32_t what, void *arg)
{
    s_run_t *self = arg;
    uint32_t number = what & ~(uint32_t) ALARM_KIND;
    switch (what & ALARM_KIND) {
    case ALARM_CLIENT:
        //  An alarm that an earlier one has replaced finds nothing to do.
        if (self->client[number].wake_us <= s_now_us (self))
            self->client[number].wake_us = 0;
        s_go_on (self, &self->client[number]);
        break;
    case ALARM_FAULT:
        s_next_fault (self);
        break;
    case ALARM_BACK:
        s_back (self, (uint8_t) number);
        break;
    case ALARM_LOOK:
        s_look (self);
        break;
    }
}

static void
s_on_ended (uint8_t node, void *arg)
{
    s_run_t *self = arg;
    zseq_sim_cluster_broken (self->cluster, "P3: node %c has ended: %s",
                             'a' + node,
                             zseq_sim_cluster_last_words (self->cluster, node));
}

static void
s_on_broken (const char *text, void *arg)
{
    s_run_t *self = arg;
    self->options->broken (self->seed, text);
}

//  A run.

//  Draws one of the values.
static uint64_t
s_one_of (s_run_t *self, const uint64_t *values, size_t count)
{
    return values[s_draw (self, count)];
}

//  Starts all nodes, and waits until they vote. They are fast until then.
static void
s_form (s_run_t *self)
{
    static const uint64_t lags_us[] = {50, 500, 3000};
    static const uint64_t writes_us[] = {50, 1000, 10000, 40000};
    static const uint64_t rooms[] = {1000, 65536};
    self->network =
      (zseq_faults_t){.lag_us = s_one_of (self, lags_us, 3),
                      .write_us = s_one_of (self, writes_us, 4),
                      .reserve_us = s_draw (self, 2) ? SECOND_US : 0,
                      .waiting_max = s_one_of (self, rooms, 2),
                      .drift = s_draw (self, 2) ? 0 : 1,
                      .ordered = true,
                      .own_congestion = true};
    zseq_sim_cluster_faults (self->cluster, &self->network);
    for (uint8_t node = 0; node < self->n; node++)
        zseq_sim_cluster_start (self->cluster, node, false, NULL);
    uint64_t end_us = s_now_us (self) + FORM_US;
    while (s_away (self) && s_now_us (self) < end_us)
        zseq_sim_cluster_run (self->cluster, s_now_us (self) + LOOK_US);
    if (s_away (self))
        zseq_sim_cluster_broken (self->cluster,
                                 "liveness: the cluster does not form");
}

//  Draws how much time a message takes each node. One node may be slower.
static void
s_slow (s_run_t *self)
{
    uint64_t service_us = 5 + s_draw (self, 46);
    uint64_t slow = s_draw (self, 3) ? self->n : s_draw (self, self->n);
    for (uint8_t node = 0; node < self->n; node++)
        zseq_sim_cluster_slow (self->cluster, node,
                               node == slow ? 4 * service_us : service_us);
}

//  Draws which faults happen, and begins with them.
static void
s_begin_faults (s_run_t *self)
{
    static const uint64_t faults_us[] = {20000, 100000, 500000};
    self->faulty = s_draw (self, 5) < 2 && self->kind != ZSEQ_CONTENTION_FIGHT;
    if (!self->faulty)
        return;
    uint64_t which = 1 + s_draw (self, 7);
    self->pauses = which & 1;
    self->kills = which & 2;
    self->loses = which & 4;
    if (self->loses)
        self->network.lost = 1 + (uint32_t) s_draw (self, 20);
    self->faults = self->pauses || self->kills ? 1 + s_draw (self, 5) : 0;
    self->fault_us = s_one_of (self, faults_us, 3);
    self->calm_us = s_now_us (self) + 1 + s_draw (self, 2 * SECOND_US);
    zseq_sim_cluster_faults (self->cluster, &self->network);
    zseq_sim_cluster_alarm (self->cluster,
                            s_now_us (self) + s_draw (self, self->fault_us),
                            ALARM_FAULT);
    zseq_sim_cluster_alarm (self->cluster, self->calm_us, ALARM_LOOK);
}

//  Draws how many clients there are.
static size_t
s_draw_clients (s_run_t *self)
{
    uint64_t max = s_draw (self, 2) ? CLIENTS_MAX : 4 * CLIENTS_MIN;
    if (self->kind == ZSEQ_CONTENTION_FIGHT)
        max = FIGHTERS_MAX;
    size_t clients = CLIENTS_MIN + s_draw (self, max - CLIENTS_MIN + 1);
    return self->options->clients ? self->options->clients : clients;
}

//  Makes the clients, and sets the alarms for their first calls.
static void
s_gather (s_run_t *self)
{
    static const uint64_t counts[] = {1, 1, 10, 1000};
    static const uint64_t pauses_us[] = {1000, 10000, 50000};
    zseq_coordinator_rank_t rank;
    zseq_coordinator_rank_init (&rank, self->n);
    for (uint8_t node = 0; node < self->n; node++) {
        char letter = (char) ('a' + node);
        zseq_coordinator_rank_set_name (&rank, node, &letter, 1);
    }
    self->client_count = s_draw_clients (self);
    self->client = calloc (self->client_count, sizeof *self->client);
    assert (self->client);
    bool steady = self->kind == ZSEQ_CONTENTION_STEADY;
    self->count_max = s_one_of (self, counts, 4);
    self->pause_us = steady ? s_one_of (self, pauses_us, 3) : 0;
    uint64_t calls = 3 + s_draw (self, 8);
    if (steady)
        calls = 20 + CALLS_STEADY / self->client_count;
    uint64_t late = s_draw (self, 3) ? 0 : 1 + s_draw (self, 100);
    uint64_t late_us = 1000 + s_draw (self, SECOND_US);
    uint8_t ranking[ZSEQ_NODES_MAX];
    zseq_coordinator_rank_nodes (&rank, &s_names[self->name], 1, ranking);
    self->first_node =
      s_draw (self, 2) ? ranking[0] : (uint8_t) s_draw (self, self->n);
    self->open = self->client_count;
    for (size_t index = 0; index < self->client_count; index++) {
        s_client_t *client = &self->client[index];
        s_make_client (self, client,
                       self->kind == ZSEQ_CONTENTION_FIGHT ? NULL : &rank);
        client->calls = calls;
        client->next_us = s_now_us (self) + s_draw (self, self->pause_us + 1);
        if (s_draw (self, 100) < late) {
            client->link_us = s_now_us (self) + s_draw (self, late_us);
            self->totals->late_links++;
            zseq_sim_cluster_alarm (self->cluster, client->link_us,
                                    ALARM_CLIENT | (uint32_t) index);
        }
        s_follow (self, client);
    }
}

//  Checks that no call is under way after its deadline.
static void
s_check_deadlines (const s_run_t *self)
{
    for (size_t index = 0; index < self->client_count; index++) {
        const s_client_t *client = &self->client[index];
        if (client->pending &&
            client->began_us + DEADLINE_US + SLACK_US < s_now_us (self))
            zseq_sim_cluster_broken (self->cluster,
                                     "liveness: a call of client %zu does not "
                                     "end",
                                     index);
    }
}

//  Waits until all calls have ended.
static void
s_finish (s_run_t *self)
{
    while (self->open) {
        zseq_sim_cluster_run (self->cluster, s_now_us (self) + LOOK_US);
        s_check_deadlines (self);
    }
}

//  After faults: waits until all is well, and checks that each client can make
//  one more call.
static void
s_last_calls (s_run_t *self)
{
    uint64_t end_us = self->calm_us + WELL_US;
    while (!self->well && s_now_us (self) < end_us)
        zseq_sim_cluster_run (self->cluster, s_now_us (self) + LOOK_US);
    if (!self->well)
        zseq_sim_cluster_broken (self->cluster,
                                 "liveness: not all nodes vote again");
    self->open = self->client_count;
    for (size_t index = 0; index < self->client_count; index++) {
        self->client[index].calls = 1;
        self->client[index].next_us = s_now_us (self);
        s_follow (self, &self->client[index]);
    }
    s_finish (self);
}

//  Adds the run to the totals.
static void
s_count (s_run_t *self, uint64_t next)
{
    zseq_contention_totals_t *totals = self->totals;
    zseq_contention_kind_totals_t *kind =
      self->faulty ? &totals->faulty[self->kind] : &totals->well[self->kind];
    uint64_t skipped = next - 1 > self->ids ? next - 1 - self->ids : 0;
    uint64_t percent = 100 * skipped / (self->ids ? self->ids : 1);
    zseq_node_set_t claimers = zseq_sim_cluster_claimers (self->cluster);
    uint8_t coordinators = zseq_node_set_count (claimers);
    kind->runs++;
    kind->clients += self->client_count;
    kind->calls += self->calls;
    kind->ids += self->ids;
    kind->skipped += skipped;
    if (kind->skipped_max < percent)
        kind->skipped_max = percent;
    if (kind->longest_us < self->longest_us)
        kind->longest_us = self->longest_us;
    kind->refused += zseq_sim_cluster_refused (self->cluster);
    kind->coordinators += coordinators;
    kind->coordinators_2 += coordinators > 1;
    totals->seeds++;
    totals->simulated_us += s_now_us (self);
    totals->steps += zseq_sim_cluster_steps (self->cluster);
    totals->messages += zseq_sim_cluster_messages (self->cluster);
    totals->failed_calls += self->failed;
}

static void
s_term (s_run_t *self)
{
    for (size_t index = 0; index < self->client_count; index++) {
        s_client_t *client = &self->client[index];
        assert (!client->pending);
        zseq_request_queue_free (&client->queue);
        zseq_batcher_destroy (&client->batcher);
    }
    free (self->client);
    zseq_checker_term (&self->checker);
    zseq_sim_cluster_destroy (&self->cluster);
}

void
zseq_contention_run (uint64_t seed, const zseq_swarm_options_t *options,
                     zseq_contention_totals_t *totals)
{
    static s_run_t run;
    s_run_t *self = &run;
    memset (self, 0, sizeof *self);
    self->seed = seed;
    self->options = options;
    self->totals = totals;
    uint64_t choice = seed * 0x9e3779b97f4a7c15u >> 32;
    self->n = options->nodes ? (uint8_t) options->nodes : choice % 3 ? 3 : 5;
    zseq_sim_cluster_hooks_t hooks = {.reply = s_on_reply,
                                      .alarm = s_on_alarm,
                                      .ended = s_on_ended,
                                      .broken = s_on_broken,
                                      .arg = self};
    self->cluster =
      zseq_sim_cluster_new (self->n, seed, options->trace, &hooks);
    int rc = zseq_quorum_init (&self->quorum, self->n, 0, 0);
    assert (rc == ZSEQ_OK);
    zseq_checker_init (&self->checker);
    self->request = s_draw (self, UINT64_MAX);
    self->name = s_draw (self, ZSEQ_SIM_NAMES);
    uint64_t luck = s_draw (self, 8);
    self->kind = luck < 4   ? ZSEQ_CONTENTION_BURST
                 : luck < 7 ? ZSEQ_CONTENTION_STEADY
                            : ZSEQ_CONTENTION_FIGHT;
    s_form (self);
    s_slow (self);
    s_gather (self);
    s_begin_faults (self);
    s_finish (self);
    if (self->faulty)
        s_last_calls (self);
    uint64_t next = s_next (self);
    zseq_sim_cluster_say (self->cluster, "all calls have ended, next is %llu",
                          (unsigned long long) next);
    s_check_skipped (self, next, true);
    s_check_refused (self);
    s_count (self, next);
    s_term (self);
}
