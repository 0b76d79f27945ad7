//  zseq-sim-keys: nodes hold what they have told proposers and readers of keys.
//
//      zseq-sim-keys [--seeds N] [--seed N] [--trace]
//
//  In each run, clients play proposers by hand: they take ballots (PROMISE),
//  fetch bases (FETCH) and have a counter accepted that is one above the base's
//  (ACCEPT), or read the counter from all nodes (READ). Meanwhile nodes are
//  killed, with and without power cuts, paused and cut off, and their disks are
//  slow, full or failing. What clients do is kept as simple as Paxos allows, so
//  that the nodes alone are tested.
//
//  Checked: what a node has promised, accepted or shown is on its disk when its
//  reply arrives. No two different values are chosen with the same counter.
//  What was chosen, or read, before a FETCH or READ began is seen by it.

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_sim_program.h"

#define SECOND_US UINT64_C (1000000)
#define CLIENTS 4
#define COUNTERS_MAX 20000
#define RUN_US (20 * SECOND_US)
#define WELL_US (60 * SECOND_US)
#define STEP_US 10000
#define REPLY_US 60000  //  How long a client waits for replies

//  Alarms: a client's index, or one of these with a node.
enum { ALARM_FAULT = 0x1000, ALARM_BACK = 0x2000, ALARM_KIND = 0xf000 };

typedef struct s_run s_run_t;

//  One question to all nodes, and what they have answered.
typedef struct {
    zseq_op_t op;
    uint64_t request;  //  0: none is under way
    size_t key;
    uint64_t expected;  //  The least counter that must be seen
    uint64_t tries;
    bool answered[ZSEQ_NODES_MAX];
    zseq_proposal_t shown[ZSEQ_NODES_MAX];
    uint64_t counter[ZSEQ_NODES_MAX];
} s_question_t;

typedef struct {
    s_run_t *run;
    size_t index;
    uint64_t proposer;
    uint64_t round_seen;
    uint64_t seq;
    zseq_ballot_t ballot[ZSEQ_SIM_KEYS];  //  Of the keys' shards; round 0: none
    bool based[ZSEQ_SIM_KEYS];            //  The base is known
    uint64_t base[ZSEQ_SIM_KEYS];
    uint64_t due_us;  //  When to do something next
    s_question_t question;
} s_client_t;

struct s_run {
    uint64_t seed;  //  First, as the arg of the hooks points to it
    zseq_sim_cluster_t *cluster;
    uint8_t n;
    bool well;  //  No fault happens any more
    uint64_t request;
    uint64_t chosen[ZSEQ_SIM_KEYS];  //  The highest counter known to be chosen
    zseq_proposal_t by[ZSEQ_SIM_KEYS][COUNTERS_MAX];  //  Who had it chosen
    uint64_t writes;
    uint64_t reads;
    uint64_t faults;
    s_client_t client[CLIENTS];
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

static size_t
s_majority (const s_run_t *self)
{
    return self->n / 2u + 1;
}

static zseq_slice_t
s_key (size_t key)
{
    static const char letters[] = "abcdef";
    return (zseq_slice_t){letters + key, 1};
}

//  Clients.

//  Lets a client go on in up to so many microseconds.
static void
s_schedule (s_client_t *client, uint64_t within_us)
{
    s_run_t *self = client->run;
    client->due_us = s_now_us (self) + 1 + s_draw (self, within_us);
    zseq_sim_cluster_alarm (self->cluster, client->due_us,
                            (uint32_t) client->index);
}

static zseq_kv_record_t
s_record (const s_client_t *client, size_t key, char *text, size_t text_size)
{
    zseq_kv_record_t record;
    zseq_kv_record_init (&record, s_key (key), 0);
    record.proposal = (zseq_proposal_t){client->ballot[key], client->seq};
    record.version = client->base[key] + 1;
    int size = snprintf (text, text_size, "%" PRIu64, client->base[key] + 1);
    record.value = (zseq_slice_t){text, (size_t) size};
    return record;
}

//  Sends the question to all nodes that have not answered it.
static void
s_send (s_client_t *client)
{
    s_run_t *self = client->run;
    s_question_t *question = &client->question;
    char text[ZSEQ_SIM_VALUE_MAX];
    zseq_slice_t key = s_key (question->key);
    zseq_kv_record_t record =
      s_record (client, question->key, text, sizeof text);
    zseq_msg_t msg = {.op = question->op,
                      .request = question->request,
                      .cluster = zseq_sim_cluster_identity (self->cluster),
                      //  Older than any node's: nobody remembers it.
                      .end.incarnation.counter = 1};
    if (msg.op == ZSEQ_OP_KV_PROMISE) {
        msg.kv_promise.ballot = client->ballot[question->key];
        msg.kv_promise.shards = UINT64_C (1) << zseq_kv_shard (key);
    }
    else if (msg.op == ZSEQ_OP_KV_FETCH) {
        msg.kv_fetch.ballot = client->ballot[question->key];
        msg.kv_fetch.keys = &key;
        msg.kv_fetch.key_count = 1;
    }
    else if (msg.op == ZSEQ_OP_KV_ACCEPT) {
        msg.kv_accept.records = &record;
        msg.kv_accept.record_count = 1;
    }
    else {
        msg.kv_read.keys = &key;
        msg.kv_read.key_count = 1;
    }
    for (uint8_t node = 0; node < self->n; node++)
        if (!question->answered[node])
            (void) zseq_sim_cluster_send (self->cluster, client->index, node,
                                          &msg);
    s_schedule (client, REPLY_US);
}

static void
s_ask (s_client_t *client, zseq_op_t op, size_t key)
{
    client->question = (s_question_t){.op = op,
                                      .request = ++client->run->request,
                                      .key = key,
                                      .expected = client->run->chosen[key]};
    s_send (client);
}

//  Takes a ballot above all that it has seen, which ends its earlier one (K1).
static void
s_take_ballot (s_client_t *client, size_t key)
{
    client->ballot[key] = (zseq_ballot_t){
      .round = (uint32_t) ++client->round_seen, .proposer = client->proposer};
    client->based[key] = false;
    s_ask (client, ZSEQ_OP_KV_PROMISE, key);
}

//  Gives up what it does with the key, and the ballot with it.
static void
s_give_up (s_client_t *client)
{
    client->ballot[client->question.key].round = 0;
    client->based[client->question.key] = false;
    client->question.request = 0;
    s_schedule (client, 20000);
}

static void
s_propose (s_client_t *client, size_t key)
{
    client->seq++;
    s_ask (client, ZSEQ_OP_KV_ACCEPT, key);
}

static void
s_begin (s_client_t *client)
{
    s_run_t *self = client->run;
    size_t key = s_draw (self, self->well ? ZSEQ_SIM_KEYS : 3);
    if (s_draw (self, 3) == 0)
        s_ask (client, ZSEQ_OP_KV_READ, key);
    else if (client->ballot[key].round == 0 || s_draw (self, 10) == 0)
        s_take_ballot (client, key);
    else if (!client->based[key])
        s_ask (client, ZSEQ_OP_KV_FETCH, key);
    else
        s_propose (client, key);
}

//  Too few nodes have answered in time.
static void
s_late (s_client_t *client)
{
    if (client->question.request == 0)
        s_begin (client);
    else if (++client->question.tries < 3)
        s_send (client);
    else
        s_give_up (client);
}

//  Checks, and what follows of an answer.

static void
s_note_chosen (s_run_t *self, size_t key, uint64_t counter,
               const zseq_proposal_t *proposal)
{
    assert (counter < COUNTERS_MAX);
    zseq_proposal_t *by = &self->by[key][counter];
    if (by->seq == 0)
        *by = *proposal;
    if (zseq_proposal_compare (by, proposal) != 0)
        zseq_sim_cluster_broken (self->cluster,
                                 "K5: of key %c, %" PRIu64
                                 " was chosen twice, by round %" PRIu32
                                 " and round %" PRIu32,
                                 s_key (key).data[0], counter, by->ballot.round,
                                 proposal->ballot.round);
    if (self->chosen[key] < counter)
        self->chosen[key] = counter;
}

static void
s_check_seen (s_client_t *client, uint64_t counter)
{
    const s_question_t *question = &client->question;
    if (counter < question->expected)
        zseq_sim_cluster_broken (client->run->cluster,
                                 "K4, K7: of key %c, %" PRIu64
                                 " is shown, and %" PRIu64 " was chosen before",
                                 s_key (question->key).data[0], counter,
                                 question->expected);
}

//  A quorum has shown its records to a proposer: the highest is the base (K4).
static void
s_take_base (s_client_t *client)
{
    const s_question_t *question = &client->question;
    size_t key = question->key;
    zseq_proposal_t highest = {{0, 0}, 0};
    client->base[key] = 0;
    for (uint8_t node = 0; node < client->run->n; node++)
        if (question->answered[node] &&
            zseq_proposal_compare (&question->shown[node], &highest) > 0) {
            highest = question->shown[node];
            client->base[key] = question->counter[node];
        }
    s_check_seen (client, client->base[key]);
    client->based[key] = true;
    s_propose (client, key);
}

static size_t
s_answers (const s_client_t *client)
{
    size_t count = 0;
    for (uint8_t node = 0; node < client->run->n; node++)
        count += client->question.answered[node];
    return count;
}

static void
s_promised (s_client_t *client)
{
    if (s_answers (client) >= s_majority (client->run))
        s_ask (client, ZSEQ_OP_KV_FETCH, client->question.key);
}

static void
s_accepted (s_client_t *client)
{
    s_run_t *self = client->run;
    size_t key = client->question.key;
    if (s_answers (client) < s_majority (self))
        return;
    zseq_proposal_t proposal = {client->ballot[key], client->seq};
    s_note_chosen (self, key, ++client->base[key], &proposal);
    self->writes++;
    client->question.request = 0;
    s_schedule (client, 5000);
}

//  K7: a quorum that shows the same.
static void
s_read (s_client_t *client, uint8_t last)
{
    s_run_t *self = client->run;
    const s_question_t *question = &client->question;
    size_t same = 0;
    for (uint8_t node = 0; node < self->n; node++)
        same += question->answered[node] &&
                zseq_proposal_compare (&question->shown[node],
                                       &question->shown[last]) == 0;
    if (same < s_majority (self))
        return;
    s_check_seen (client, question->counter[last]);
    if (question->shown[last].seq)
        s_note_chosen (self, question->key, question->counter[last],
                       &question->shown[last]);
    self->reads++;
    client->question.request = 0;
    s_schedule (client, 5000);
}

//  Whether a node's disk has that proposal of the question's key, or a later
//  one. Disks are never lost here.
static bool
s_on_disk (const s_client_t *client, uint8_t node,
           const zseq_proposal_t *proposal)
{
    const zseq_sim_disk_t *disk =
      zseq_sim_cluster_disk (client->run->cluster, node);
    return zseq_proposal_compare (
             &disk->kv.record[client->question.key].record.proposal,
             proposal) >= 0;
}

//  A node has given a promise or accepted a record: that must be on its disk.
static void
s_check_granted (const s_client_t *client, const zseq_msg_t *msg)
{
    s_run_t *self = client->run;
    size_t key = client->question.key;
    uint8_t shard = zseq_kv_shard (s_key (key));
    const zseq_ballot_t *ballot = &client->ballot[key];
    zseq_proposal_t proposal = {*ballot, client->seq};
    bool promise = msg->op == ZSEQ_OP_KV_PROMISE;
    const zseq_sim_disk_t *disk =
      zseq_sim_cluster_disk (self->cluster, msg->node);
    if (promise ? zseq_ballot_compare (&disk->kv.promise[shard], ballot) < 0
                : !s_on_disk (client, msg->node, &proposal))
        zseq_sim_cluster_broken (
          self->cluster,
          "%s: node %c has granted key %c, round %" PRIu32
          ", which is not on its disk",
          promise ? "K2" : "K3", 'a' + msg->node, s_key (key).data[0],
          ballot->round);
}

//  Keeps what a node shows of the key, which must be on its disk.
static void
s_keep_shown (s_client_t *client, uint8_t node, const zseq_kv_record_t *record)
{
    s_question_t *question = &client->question;
    char text[ZSEQ_SIM_VALUE_MAX + 1] = "0";
    memcpy (text, record->value.data, record->value.size);
    question->shown[node] = record->proposal;
    question->counter[node] = strtoull (text, NULL, 10);
    if (!s_on_disk (client, node, &record->proposal))
        zseq_sim_cluster_broken (client->run->cluster,
                                 "K3: node %c shows key %c, round %" PRIu32
                                 ", which is not on its disk",
                                 'a' + node, s_key (question->key).data[0],
                                 record->proposal.ballot.round);
}

//  The answer for the only key or shard of a reply.
static const zseq_kv_answer_t *
s_answer (const zseq_msg_t *msg)
{
    if (msg->op == ZSEQ_OP_KV_PROMISE)
        return msg->kv_promise.answers;
    if (msg->op == ZSEQ_OP_KV_FETCH)
        return msg->kv_fetch.answers;
    return msg->op == ZSEQ_OP_KV_ACCEPT ? msg->kv_accept.answers
                                        : msg->kv_read.answers;
}

static void
s_reply (size_t index, const zseq_msg_t *msg, void *arg)
{
    s_run_t *self = arg;
    s_client_t *client = &self->client[index];
    s_question_t *question = &client->question;
    if (msg->status != ZSEQ_OK || msg->request != question->request)
        return;
    const zseq_kv_answer_t *answer = s_answer (msg);
    if (answer->status != ZSEQ_OK) {
        if (client->round_seen < answer->promise.round)
            client->round_seen = answer->promise.round;
        s_give_up (client);
        return;
    }
    question->answered[msg->node] = true;
    if (msg->op == ZSEQ_OP_KV_PROMISE || msg->op == ZSEQ_OP_KV_ACCEPT)
        s_check_granted (client, msg);
    if (msg->op == ZSEQ_OP_KV_PROMISE)
        s_promised (client);
    else if (msg->op == ZSEQ_OP_KV_ACCEPT)
        s_accepted (client);
    else if (msg->op == ZSEQ_OP_KV_READ) {
        s_keep_shown (client, msg->node, msg->kv_read.records);
        s_read (client, msg->node);
    }
    else {
        s_keep_shown (client, msg->node, msg->kv_fetch.records);
        if (s_answers (client) >= s_majority (self))
            s_take_base (client);
    }
}

//  Faults.

static void
s_back (s_run_t *self, uint8_t node)
{
    uint64_t at_us = s_now_us (self) + s_draw (self, SECOND_US);
    zseq_sim_cluster_alarm (self->cluster, at_us, ALARM_BACK | node);
}

static void
s_ended (uint8_t node, void *arg)
{
    s_back (arg, node);
}

static void
s_kill (s_run_t *self, uint8_t node)
{
    if (!zseq_sim_cluster_up (self->cluster, node))
        return;
    zseq_sim_cluster_kill (self->cluster, node, s_draw (self, 2));
    s_back (self, node);
}

static void
s_fault (s_run_t *self)
{
    uint8_t node = (uint8_t) s_draw (self, self->n);
    uint8_t other = (uint8_t) s_draw (self, self->n);
    uint64_t until_us = s_now_us (self) + s_draw (self, SECOND_US);
    bool up = zseq_sim_cluster_up (self->cluster, node);
    self->faults++;
    switch (s_draw (self, 8)) {
    case 0:
    case 1:
        s_kill (self, node);
        break;
    case 2:
        for (uint8_t each = 0; each < self->n; each++)
            s_kill (self, each);
        break;
    case 3:
        if (up)
            zseq_sim_cluster_stick (self->cluster, node, until_us);
        break;
    case 4:
        zseq_sim_cluster_fill (self->cluster, node, until_us);
        break;
    case 5:
        if (up)
            zseq_sim_cluster_pause (self->cluster, node, until_us);
        break;
    case 6:
        if (up)
            zseq_sim_cluster_fail (self->cluster, node);
        break;
    default:
        if (node != other)
            zseq_sim_cluster_cut (self->cluster, node, other, ZSEQ_CUT_ALL);
    }
    if (s_draw (self, 3) == 0)
        zseq_sim_cluster_mend (self->cluster);
}

static void
s_alarm (uint32_t what, void *arg)
{
    s_run_t *self = arg;
    uint8_t node = (uint8_t) what;
    if ((what & ALARM_KIND) == ALARM_FAULT) {
        if (self->well)
            return;
        s_fault (self);
        zseq_sim_cluster_alarm (self->cluster,
                                s_now_us (self) + s_draw (self, SECOND_US),
                                ALARM_FAULT);
    }
    else if ((what & ALARM_KIND) == ALARM_BACK) {
        if (!zseq_sim_cluster_up (self->cluster, node))
            zseq_sim_cluster_start (self->cluster, node, false, NULL);
    }
    else if (s_now_us (self) >= self->client[what].due_us)
        s_late (&self->client[what]);
}

//  A run.

static void
s_start (s_run_t *self, bool trace)
{
    zseq_sim_cluster_hooks_t hooks = {.reply = s_reply,
                                      .alarm = s_alarm,
                                      .ended = s_ended,
                                      .covered = zseq_sim_program_covered,
                                      .broken = zseq_sim_program_broken,
                                      .arg = self};
    self->n = self->seed % 4 == 0 ? 5 : 3;
    self->cluster = zseq_sim_cluster_new (self->n, self->seed, trace, &hooks);
    zseq_faults_t faults = {.lost = (uint32_t) s_draw (self, 30),
                            .doubled = (uint32_t) s_draw (self, 50),
                            .late = (uint32_t) s_draw (self, 50),
                            .late_us = SECOND_US,
                            .lag_us = 1 + s_draw (self, 5000),
                            .write_us = 1 + s_draw (self, 20000),
                            .waiting_max = 1 + s_draw (self, 50),
                            .drift = 5,
                            .own_congestion = true};
    zseq_sim_cluster_faults (self->cluster, &faults);
    for (uint8_t node = 0; node < self->n; node++)
        zseq_sim_cluster_start (self->cluster, node, false, NULL);
    zseq_sim_program_settle (self->cluster, self->n);
    for (size_t index = 0; index < CLIENTS; index++) {
        s_client_t *client = &self->client[index];
        client->run = self;
        client->index = index;
        client->proposer = s_draw (self, UINT64_C (1) << 56) << 8 | index;
        s_schedule (client, 1000);
    }
    zseq_sim_cluster_alarm (self->cluster, s_now_us (self) + SECOND_US,
                            ALARM_FAULT);
}

//  Ends the faults. Then all keys can be written again.
static void
s_finish (s_run_t *self)
{
    self->well = true;
    zseq_sim_cluster_mend (self->cluster);
    zseq_sim_cluster_run (self->cluster, s_now_us (self) + 3 * SECOND_US);
    zseq_sim_program_settle (self->cluster, self->n);
    uint64_t writes = self->writes;
    uint64_t until_us = s_now_us (self) + WELL_US;
    while (self->writes < writes + 20) {
        if (s_now_us (self) >= until_us)
            zseq_sim_cluster_broken (self->cluster, "nothing is chosen");
        zseq_sim_cluster_run (self->cluster, s_now_us (self) + STEP_US);
    }
}

static void
s_run (uint64_t seed, bool trace, s_run_t *totals)
{
    s_run_t *self = calloc (1, sizeof *self);
    assert (self);
    self->seed = seed;
    s_start (self, trace);
    zseq_sim_cluster_run (self->cluster, s_now_us (self) + RUN_US);
    s_finish (self);
    totals->writes += self->writes;
    totals->reads += self->reads;
    totals->faults += self->faults;
    zseq_sim_cluster_destroy (&self->cluster);
    free (self);
}

int
main (int argc, char **argv)
{
    static s_run_t totals;
    zseq_sim_options_t options = zseq_sim_program_options (argc, argv);
    for (uint64_t at = 0; at < options.count; at++)
        s_run (options.first + at, options.trace, &totals);
    printf ("%" PRIu64 " seeds, %" PRIu64 " writes, %" PRIu64 " reads, %" PRIu64
            " faults\n",
            options.count, totals.writes, totals.reads, totals.faults);
    return 0;
}
