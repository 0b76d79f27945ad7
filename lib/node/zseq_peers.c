//  A node's peers: who they are, the cluster's birth, and what this node does
//  when it, or one of them, has lost what it knew.

#include "zseq_node_private.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "zseq_quorum.h"

//  How long after its answer a peer is asked again who it is: at birth, and
//  later. While it does not answer, the time doubles.
#define BIRTH_ASK_US 50000
#define ASK_US 1000000
#define ASK_US_MAX 8000000
//  How long a question is under way at least before it is asked again because
//  somebody says that the answer has changed: anybody can say so.
#define HINT_US 500000
//  How long a node that starts waits for peers that are silent, once as many as
//  it needs have noted its start: they might know a later one.
#define START_WAIT_US 1000000
//  So many lives of a node are passed over when it recovers by force.
#define FORCED_LIVES 1000
//  How often refused introductions are told of.
#define STRANGER_US 10000000
//  A recovering node asks for no more while that many writes are in flight.
#define COPYING_MAX 8192
//  How often it tells how far it is, or for whom it waits.
#define COPIED_US 1000000
#define WAITING_US 10000000
#define WAITING_FIRST_US 2000000
//  Attempts after which it gives up: others must be using its name.
#define ATTEMPTS_MAX 32

//  Tells of a peer's fault once, until it changes.
static bool
s_complain (zseq_node_t *self, uint8_t peer, int complaint)
{
    bool anew = self->peer[peer].complaint != complaint;
    self->peer[peer].complaint = complaint;
    return anew;
}

static bool
s_same (zseq_slice_t slice, const char *text)
{
    return slice.size == strlen (text) &&
           !memcmp (slice.data, text, slice.size);
}

static bool
s_same_members (const zseq_node_t *self, const zseq_msg_t *msg)
{
    if (!s_same (msg->cluster_name, self->record.cluster) ||
        msg->member_count != self->record.n || msg->vector.n != self->record.n)
        return false;
    for (uint8_t node = 0; node < self->record.n; node++)
        if (!s_same (msg->member[node].name, self->record.member[node].name))
            return false;
    return true;
}

//  Tells of a node that thinks it is a peer, now and then: anybody can cause it.
static void
s_tell_stranger (zseq_node_t *self, const zseq_msg_t *msg)
{
    if (self->now_us < self->stranger_us)
        return;
    self->stranger_us = self->now_us + STRANGER_US;
    const zseq_slice_t *name =
      &msg->member[msg->node < msg->member_count ? msg->node : 0].name;
    zseq_node_tell (
      self, ZSEQ_ACTION_LOG, ZSEQ_EMEMBERS,
      "refused node %.*s of cluster %.*s: it was formatted with another "
      "member list (%zu members) or cluster name, or as this very node; "
      "format one of the two again",
      (int) name->size, name->data, (int) msg->cluster_name.size,
      msg->cluster_name.data, msg->member_count);
}

//  Somebody says that a peer would answer something new by now.
static void
s_hint (zseq_node_t *self, uint8_t node)
{
    zseq_peer_t *peer = &self->peer[node];
    uint64_t ask_us = peer->request ? peer->asked_us + HINT_US : self->now_us;
    peer->hinted = peer->request != 0;
    if (peer->ask_us > ask_us)
        peer->ask_us = ask_us;
}

//  Whether who introduces itself as a peer is not the process that answers at
//  that peer's endpoint, when asked since: a copy of its directory, elsewhere.
static bool
s_rival (zseq_node_t *self, const zseq_msg_t *msg)
{
    zseq_peer_t *peer = &self->peer[msg->node];
    if (msg->process == peer->process)
        return false;
    if (msg->process != peer->rival) {
        peer->rival = msg->process;
        peer->rival_checking = false;
        peer->rival_refuted = false;
    }
    s_hint (self, msg->node);
    return peer->rival_refuted;
}

//  A peer says who it is. What it says is held against what is known, and
//  nothing is learnt from it: anybody could say it. This node learns by asking
//  at the peer's endpoint itself.
static void
s_introduce (zseq_node_t *self, const zseq_event_t *event)
{
    const zseq_msg_t *msg = event->msg;
    if (msg->cluster && self->record.identity &&
        msg->cluster != self->record.identity) {
        zseq_node_refuse (self, event, ZSEQ_ECLUSTER);
        return;
    }
    if (!s_same_members (self, msg) || msg->node >= self->record.n ||
        msg->node == self->record.self) {
        zseq_node_refuse (self, event, ZSEQ_EMEMBERS);
        s_tell_stranger (self, msg);
        return;
    }
    const zseq_incarnation_t *known = &self->record.vector.life[msg->node];
    const zseq_incarnation_t *said = &msg->vector.life[msg->node];
    int order = zseq_incarnation_compare (said, known);
    if (known->counter && order && said->counter <= 1 &&
        (!msg->cluster || known->counter == 1)) {
        zseq_node_refuse (self, event, ZSEQ_EREFORMATTED);
        return;
    }
    if (order < 0) {
        zseq_node_refuse (self, event, ZSEQ_ESUPERSEDED);
        return;
    }
    //  It may be there at last; or what it has begun is to be noted here.
    if (order > 0 || !self->voting || msg->state != ZSEQ_STATE_VOTING)
        s_hint (self, msg->node);
    if (order == 0 && s_rival (self, msg)) {
        zseq_node_refuse (self, event, ZSEQ_ESUPERSEDED);
        return;
    }
    zseq_msg_t *reply =
      zseq_node_reply (self, ZSEQ_OP_INTRODUCE, msg->request, ZSEQ_OK);
    reply->state = zseq_node_state (self);
    reply->process = self->process;
    //  S5, S11: what is only in memory must not make a peer vote.
    reply->vector = self->durable;
    reply->extended = true;
    reply->met = self->peer[msg->node].process;
    reply->floor = self->durable_floor;
    reply->floor_reserved = self->durable_floor_reserved;
    zseq_node_send (self, &event->route);
}

//  A new question to a peer; what was under way to it is given up. The caller
//  completes and sends it.
static zseq_msg_t *
s_question (zseq_node_t *self, uint8_t peer, zseq_op_t op)
{
    if (++self->next_request == 0)
        self->next_request = 1;
    self->peer[peer].request = self->next_request;
    self->peer[peer].asked_us = self->now_us;
    self->peer[peer].op = op;
    self->peer[peer].hinted = false;

    zseq_msg_t *ask = &self->reply;
    ask->op = op;
    ask->reply = false;
    ask->version = 1;
    ask->forced = false;
    ask->request = self->next_request;
    ask->cluster = self->record.identity;
    ask->node = self->record.self;
    return ask;
}

static void
s_send_question (zseq_node_t *self, uint8_t peer)
{
    zseq_action_t action = {
      .type = ZSEQ_ACTION_ASK, .peer = peer, .msg = &self->reply};
    self->act (&action, self->arg);
}

static void
s_ask (zseq_node_t *self, uint8_t peer)
{
    zseq_msg_t *ask = s_question (self, peer, ZSEQ_OP_INTRODUCE);
    ask->vector = self->record.vector;
    ask->state = zseq_node_state (self);
    ask->process = self->process;
    zseq_node_fill_members (self, ask);
    s_send_question (self, peer);
    self->peer[peer].checking = self->peer[peer].claimed.counter > 0;
    self->peer[peer].rival_checking = self->peer[peer].rival != 0;
}

//  Whether the peer that recovers may be told: its new life is in force here,
//  and on disk. What it says of that life itself is not believed, as anybody
//  could say it: this node learns of it by asking at the peer's endpoint.
static bool
s_admit_fenced (zseq_node_t *self, const zseq_event_t *event)
{
    const zseq_msg_t *msg = event->msg;
    //  A recovery by force takes also what a node holds that does not vote yet.
    if (self->starting && msg->forced && !self->stopping) {
        if (msg->cluster != self->record.identity) {
            zseq_node_refuse (self, event, ZSEQ_ECLUSTER);
            return false;
        }
    }
    else if (!zseq_node_admit (self, event))
        return false;
    if (msg->node >= self->record.n || msg->node == self->record.self) {
        zseq_node_refuse (self, event, ZSEQ_EMEMBERS);
        return false;
    }
    zseq_peer_t *peer = &self->peer[msg->node];
    int order = zseq_incarnation_compare (&msg->life,
                                          &self->record.vector.life[msg->node]);
    bool claimed = !zseq_incarnation_compare (&msg->life, &peer->claimed);
    if (order > 0 && !claimed) {
        peer->claimed = msg->life;
        peer->checking = false;
        peer->refuted = false;
    }
    if (order > 0)
        s_hint (self, msg->node);
    bool durable =
      !zseq_incarnation_compare (&msg->life, &self->durable.life[msg->node]);
    if (order == 0 && durable)
        return true;
    bool refused =
      order < 0 || (claimed && peer->refuted) || msg->op == ZSEQ_OP_COPY;
    zseq_node_refuse (self, event, refused ? ZSEQ_ESUPERSEDED : ZSEQ_EAGAIN);
    return false;
}

static void
s_fence (zseq_node_t *self, const zseq_event_t *event)
{
    if (!s_admit_fenced (self, event))
        return;
    zseq_msg_t *reply =
      zseq_node_reply (self, ZSEQ_OP_FENCE, event->msg->request, ZSEQ_OK);
    reply->version = event->msg->version;
    reply->extended = true;
    reply->floor = self->record.floor;
    reply->floor_reserved = self->record.floor_reserved;
    reply->sequences = zseq_table_count (self->table);
    zseq_node_send (self, &event->route);
}

static void
s_copy (zseq_node_t *self, const zseq_event_t *event)
{
    if (s_admit_fenced (self, event))
        zseq_node_answer_page (self, event, (zseq_slice_t){"", 0},
                               ZSEQ_PAGE_MAX);
}

//  Starts. S11: before a node votes in a process it takes a start, and peers
//  note it on their disks, as they note lives. An old copy of a directory is
//  found out by who has noted another start than it knows of, and one that runs
//  elsewhere than at the member's endpoint is noted by nobody.

//  A start in which no process has voted is taken again: were it counted, an old
//  copy would only have to be killed often enough to overtake what is noted.
static void
s_take_start (zseq_node_t *self)
{
    zseq_record_t *record = &self->record;
    zseq_start_t *start = &record->vector.start[record->self];
    if (start->counter && !record->start_voted)
        return;
    *start = (zseq_start_t){start->counter + 1, self->process};
    record->start_voted = false;
    //  What the disk says of that is of the start before.
    self->durable_start_voted = false;
    self->version++;
}

//  What that peer has noted of this node, in this very life.
static zseq_start_t
s_noted_start (const zseq_node_t *self, uint8_t peer)
{
    uint8_t me = self->record.self;
    const zseq_vector_t *vector = &self->peer[peer].vector;
    zseq_start_t none = {0, 0};
    return vector->n && !zseq_incarnation_compare (
                          &vector->life[me], &self->record.vector.life[me])
             ? vector->start[me]
             : none;
}

//  Whether that start is one before this node's, or its own.
static bool
s_start_fits (const zseq_node_t *self, const zseq_start_t *start)
{
    const zseq_start_t *mine = &self->record.vector.start[self->record.self];
    return start->counter < mine->counter || zseq_start_equal (start, mine);
}

bool
zseq_peers_noted (const zseq_node_t *self, uint8_t index)
{
    const zseq_peer_t *peer = &self->peer[index];
    //  S4: unless somebody knows a newer life of who said so.
    if (!peer->confirms ||
        zseq_incarnation_compare (&peer->vector.life[index],
                                  &self->record.vector.life[index]))
        return false;
    //  One that speaks version 1 notes no starts.
    if (!peer->extended)
        return true;
    zseq_start_t start = s_noted_start (self, index);
    return zseq_start_equal (&start,
                             &self->record.vector.start[self->record.self]) &&
           peer->met == self->process && peer->floor <= self->durable_floor &&
           peer->floor_reserved <= self->durable_floor_reserved;
}

//  How many peers have noted this start.
static uint8_t
s_count_noted (const zseq_node_t *self)
{
    uint8_t count = 0;
    for (uint8_t node = 0; node < self->record.n; node++)
        if (node != self->record.self)
            count += zseq_peers_noted (self, node);
    return count;
}

//  Whether all peers have spoken that are not silent.
static bool
s_all_heard (const zseq_node_t *self)
{
    if (self->now_us - self->begun_us >= START_WAIT_US)
        return true;
    for (uint8_t node = 0; node < self->record.n; node++)
        if (node != self->record.self && !self->peer[node].state)
            return false;
    return true;
}

//  How many peers are to note a node's first start, and how many are to be asked
//  before: any so many and so many share one.
static uint8_t
s_first_need (const zseq_node_t *self)
{
    uint8_t majority = zseq_quorum_majority (self->record.n);
    uint8_t peers = (uint8_t) (self->record.n - 1);
    return majority < peers ? majority : peers;
}

static uint8_t
s_start_need (const zseq_node_t *self)
{
    return (uint8_t) (zseq_quorum_majority (self->record.n) - 1);
}

//  S5, S11: the directory may be an old copy, whose life has ended, or of an
//  older start. A recovery that ended it was answered by a majority of the peers,
//  so of any majority less one of them and those one is the same.
static void
s_consider_start (zseq_node_t *self)
{
    //  What was granted below a floor that was met since is void.
    if (!self->starting || self->stopping || self->writing > 0 ||
        self->record.floor != self->durable_floor ||
        self->record.floor_reserved != self->durable_floor_reserved)
        return;
    if (s_count_noted (self) < s_start_need (self) || !s_all_heard (self))
        return;
    if (self->durable_start_voted)
        zseq_node_vote (self);
    else if (!self->record.start_voted) {
        self->record.start_voted = true;
        self->version++;
    }
}

void
zseq_peers_start (zseq_node_t *self)
{
    if (self->record.n == 1) {
        zseq_node_vote (self);
        return;
    }
    s_take_start (self);
    zseq_node_tell (
      self, ZSEQ_ACTION_LOG, ZSEQ_OK,
      "node %s starts: it votes once %u of its %u peers have noted that, and "
      "none that answers knows a later start or a newer life of it",
      zseq_node_name (self, self->record.self), s_start_need (self),
      self->record.n - 1);
}

//  Ceases to vote at once. What waits for the disk is not answered.
static void
s_suspend (zseq_node_t *self)
{
    self->voting = false;
    for (zseq_entry_t *entry = self->dirty; entry; entry = entry->dirty)
        zseq_node_release (self, entry, UINT64_MAX, ZSEQ_ENOTVOTING);
    zseq_coordinator_end (self->coordinator, ZSEQ_ENOTVOTING);
}

//  A floor that an operator has forced binds whoever meets it: up to when it is
//  on disk, this node does not vote.
static void
s_take_floors (zseq_node_t *self, uint8_t peer, const zseq_msg_t *msg)
{
    zseq_record_t *record = &self->record;
    bool higher = msg->floor > record->floor ||
                  msg->floor_reserved > record->floor_reserved;
    if (!msg->extended || !higher)
        return;
    if (msg->floor > record->floor)
        record->floor = msg->floor;
    if (msg->floor_reserved > record->floor_reserved)
        record->floor_reserved = msg->floor_reserved;
    self->version++;
    zseq_node_tell (self, ZSEQ_ACTION_LOG, ZSEQ_OK,
                    "node %s takes over the floors of peer %s: no sequence "
                    "goes on below %llu",
                    zseq_node_name (self, record->self),
                    zseq_node_name (self, peer),
                    (unsigned long long) record->floor);
    //  Also where the first vote is on its way to the disk.
    if (!record->voting || self->starting)
        return;
    s_suspend (self);
    self->starting = true;
}

//  Birth.

static void
s_vote (zseq_node_t *self, uint64_t identity)
{
    self->record.identity = identity;
    self->record.start_voted = true;
    self->record.voting = true;
    self->version++;
}

//  Whether a peer waits for its birth, too, and has written down the same lives.
static bool
s_unborn (const zseq_node_t *self, uint8_t node)
{
    const zseq_peer_t *peer = &self->peer[node];
    return (peer->state == ZSEQ_STATE_BIRTH ||
            peer->state == ZSEQ_STATE_COMPLETE) &&
           !peer->cluster && zseq_vector_equal (&peer->vector, &self->durable);
}

//  Whether a peer of a cluster that was born already knows this very node, and
//  may let it in.
static bool
s_lets_in (const zseq_node_t *self, uint8_t node)
{
    const zseq_peer_t *peer = &self->peer[node];
    uint8_t me = self->record.self;
    return peer->cluster && peer->state != ZSEQ_STATE_RECOVERING &&
           zseq_vector_complete (&peer->vector) &&
           !zseq_incarnation_compare (&peer->vector.life[node],
                                      &self->record.vector.life[node]) &&
           !zseq_incarnation_compare (&peer->vector.life[me],
                                      &self->record.vector.life[me]);
}

//  The identity with which this node may be born; 0: not yet. S5: every node has
//  met every other: then all have written down the same lives, to which each has
//  brought its own. S11: none of those that were born, be they voting or not, has
//  noted a start of this node: it would have been born before, and this directory
//  would be an old one. (Who has noted one that is not known here, voting or not,
//  born or not, is dealt with in s_outrun.)
static uint64_t
s_find_birth (const zseq_node_t *self)
{
    uint64_t identity = 0;
    uint8_t unborn = 0;
    uint8_t born = 0;
    uint8_t peers = (uint8_t) (self->record.n - 1);
    for (uint8_t node = 0; node < self->record.n; node++) {
        const zseq_peer_t *peer = &self->peer[node];
        //  The identity is that of the lives that all were born with.
        if (self->durable.life[node].counter == 0)
            return 0;
        if (node == self->record.self)
            continue;
        unborn += s_unborn (self, node);
        if (!peer->cluster)
            continue;
        if (identity && identity != peer->cluster)
            return 0;
        identity = peer->cluster;
        born += s_lets_in (self, node);
    }
    if (identity)
        return (born >= s_start_need (self) || born + unborn == peers) &&
                   born > 0 && s_all_heard (self)
                 ? identity
                 : 0;
    for (uint8_t node = 0; node < self->record.n; node++)
        if (self->durable.life[node].counter != 1)
            return 0;
    return unborn == peers ? zseq_record_identity (&self->record) : 0;
}

//  Where every peer would have to note a first start, one that recovers cannot:
//  it asks nobody. It need not either, as every other node has to answer its
//  recovery, this one too. (They would wait for each other.)
static uint8_t
s_count_recovering (const zseq_node_t *self)
{
    uint8_t need = zseq_quorum_majority (self->record.n);
    if (need != self->record.n - 1)
        return 0;
    uint8_t count = 0;
    for (uint8_t node = 0; node < self->record.n; node++)
        if (self->peer[node].state == ZSEQ_STATE_RECOVERING)
            count++;
    return count;
}

//  S11: before its first vote more peers note the start than later: so many that
//  any that are asked at another birth of this directory hold one of them.
static void
s_consider_birth (zseq_node_t *self)
{
    const zseq_record_t *record = &self->record;
    if (record->voting || record->identity || self->recovering ||
        self->stopping)
        return;
    if (!self->bearing) {
        self->birth = s_find_birth (self);
        if (!self->birth)
            return;
        self->bearing = true;
        if (record->n > 1)
            s_take_start (self);
    }
    uint8_t noted = s_count_noted (self);
    if (noted >= s_start_need (self) &&
        noted + s_count_recovering (self) >= s_first_need (self))
        s_vote (self, self->birth);
}

//  Recovery.

//  Begins to ask anew.
static void
s_attempt_recovery (zseq_node_t *self)
{
    if (++self->attempts > ATTEMPTS_MAX) {
        zseq_node_tell (
          self, ZSEQ_ACTION_EXIT, ZSEQ_ESUPERSEDED,
          "node %s has begun %u recoveries, and each time a newer life "
          "of it was there already: other processes live under its name",
          zseq_node_name (self, self->record.self), ATTEMPTS_MAX);
        return;
    }
    //  S5: the vote may be on its way to the disk already.
    if (self->record.voting) {
        self->record.voting = false;
        self->version++;
    }
    zseq_recovery_init (&self->recovery, &self->record);
    self->phase = PHASE_ASK;
    self->progress_us = self->now_us;
    for (uint8_t node = 0; node < self->record.n; node++) {
        self->peer[node].request = 0;
        self->peer[node].ask_us = 0;
        self->peer[node].wait_us = 0;
        self->peer[node].cluster = 0;
        self->peer[node].state = 0;
        self->peer[node].speaks = 0;
        //  What it said of the life before.
        self->peer[node].confirms = false;
        self->peer[node].complaint = ZSEQ_OK;
    }
}

//  S5: votes no more, as of now, and on disk soon. What waits for the disk is
//  not answered: it was granted in a life that has ended.
void
zseq_peers_recover (zseq_node_t *self)
{
    self->recovering = true;
    self->starting = false;
    self->bearing = false;
    s_suspend (self);
    zseq_node_tell (self, ZSEQ_ACTION_LOG, ZSEQ_OK, "node %s recovers: %s",
                    zseq_node_name (self, self->record.self), self->why);
    uint8_t need = zseq_quorum_majority (self->record.n);
    if (need > self->record.n - 1 && !self->forced) {
        zseq_node_tell (
          self, ZSEQ_ACTION_EXIT, ZSEQ_EQUORUM,
          "it takes %u voting peers to recover, and in a cluster of %u "
          "there are %u: see zseqd recover --force",
          need, self->record.n, self->record.n - 1);
        return;
    }
    //  The first time soon; that it wraps does no harm.
    self->told_us = self->now_us + WAITING_FIRST_US - WAITING_US;
    s_attempt_recovery (self);
}

//  Whether a peer has told all that it holds in this phase, or has nothing to
//  tell, as it recovers itself.
static bool
s_is_heard (const zseq_node_t *self, uint8_t node)
{
    const zseq_source_t *source = &self->recovery.source[node];
    const zseq_peer_t *peer = &self->peer[node];
    return (self->phase == PHASE_ASK ? source->asked : source->complete) ||
           (peer->state == ZSEQ_STATE_RECOVERING && !peer->holds_vote);
}

//  Whether a forced recovery has waited long enough for peers.
static bool
s_waited (const zseq_node_t *self)
{
    if (!self->forced)
        return false;
    bool all = true;
    for (uint8_t node = 0; node < self->record.n; node++)
        all = all && (node == self->record.self || s_is_heard (self, node) ||
                      (self->phase == PHASE_ASK && self->peer[node].cluster));
    return all || self->now_us - self->progress_us >= self->force.wait_us;
}

//  A node that does not know its cluster believes need voters that agree.
static void
s_find_cluster (zseq_node_t *self, uint8_t need)
{
    uint8_t n = self->record.n;
    for (uint8_t node = 0; node < n && !self->identity; node++) {
        uint8_t agree = 0;
        for (uint8_t other = 0; other < n; other++)
            if (self->peer[other].cluster == self->peer[node].cluster)
                agree++;
        if (self->peer[node].cluster && agree >= need)
            self->identity = self->peer[node].cluster;
    }
    for (uint8_t node = 0; node < n && self->identity; node++) {
        if (self->peer[node].cluster != self->identity ||
            !zseq_recovery_see (&self->recovery, node,
                                &self->peer[node].vector))
            continue;
        self->recovery.source[node].asked = true;
    }
}

//  Names of nodes, with commas between them.
typedef struct {
    char text[ZSEQ_NODES_MAX * (ZSEQ_LABEL_MAX + 2)];
    size_t size;
} s_names_t;

static void
s_add_name (const zseq_node_t *self, s_names_t *names, uint8_t node)
{
    names->size += (size_t) snprintf (
      names->text + names->size, sizeof names->text - names->size, "%s%s",
      names->size ? "," : "", zseq_node_name (self, node));
}

//  Whether a peer cannot speak for an older life of this node any more: it knows
//  the new one, or it is going to ask voters itself, or its directory is gone.
static bool
s_is_bound (const zseq_node_t *self, uint8_t node)
{
    return s_is_heard (self, node) || (self->force.lost >> node & 1);
}

//  S11: a recovery by force counts on no majority of voters, but as many peers as
//  answer any recovery must be bound by it: else the others could let an old
//  copy of this node vote. Says for whom it waits, and ends the node, if there are
//  too few.
static bool
s_heard_enough (zseq_node_t *self)
{
    uint8_t bound = 0;
    s_names_t silent = {.size = 0};
    s_names_t busy = {.size = 0};
    for (uint8_t node = 0; node < self->record.n; node++) {
        if (node == self->record.self)
            continue;
        if (s_is_bound (self, node))
            bound++;
        else
            s_add_name (self, self->peer[node].state ? &busy : &silent, node);
    }
    if (bound >= s_first_need (self))
        return true;
    if (silent.size)
        zseq_node_tell (
          self, ZSEQ_ACTION_EXIT, ZSEQ_EUNAVAILABLE,
          "%u of %u peers have to know of this recovery, and these do not "
          "answer: %s. Start them, with an empty directory if need be; or say "
          "--lost %s if their directories are gone for good",
          s_first_need (self), self->record.n - 1, silent.text, silent.text);
    else
        zseq_node_tell (
          self, ZSEQ_ACTION_EXIT, ZSEQ_EUNAVAILABLE,
          "%u of %u peers have to know of this recovery, and these do not vote "
          "now, but may do so later with what is on their disks: %s. Let them "
          "vote first; or stop them and start them again without recovery",
          s_first_need (self), self->record.n - 1, busy.text);
    return false;
}

//  The operator's floor, and by S10 that of reserved names: what the others may
//  have accepted by now does not lie beyond.
static void
s_force_floors (zseq_node_t *self)
{
    zseq_record_t *record = &self->record;
    uint64_t latest_ms = self->wall_ms + ZSEQ_FLAKE_AHEAD_MS;
    if (self->forced && record->floor < self->force.floor)
        record->floor = self->force.floor;
    if (self->forced && record->floor_reserved < latest_ms)
        record->floor_reserved = latest_ms;
}

//  Takes a new life, above all that anybody knows of.
static void
s_begin_life (zseq_node_t *self)
{
    zseq_record_t *record = &self->record;
    if (!self->identity && self->forced)
        s_find_cluster (self, 1);
    if (!record->identity)
        record->identity = self->identity;
    if (!record->identity) {
        zseq_node_tell (
          self, ZSEQ_ACTION_EXIT, ZSEQ_EUNAVAILABLE,
          "no peer that answers knows the cluster, and nothing is left on this "
          "disk. Start every node that may hold something and try again; if "
          "none does, format a new cluster and raise its sequences above all "
          "IDs that were handed out");
        return;
    }
    if (self->forced && !s_heard_enough (self))
        return;
    zseq_vector_merge (&record->vector, &self->recovery.newest);
    zseq_incarnation_t *life = &record->vector.life[record->self];
    if (life->counter >= UINT64_MAX - FORCED_LIVES) {
        zseq_node_tell (self, ZSEQ_ACTION_EXIT, ZSEQ_EPROTOCOL,
                        "node %s has had all incarnations that there are",
                        zseq_node_name (self, record->self));
        return;
    }
    //  The first life is for those that were formatted. Request IDs are random
    //  where a process begins, and never come twice in it.
    life->counter = life->counter ? life->counter + 1 : 2;
    //  Those who are asked may not know the newest.
    if (self->forced)
        life->counter += FORCED_LIVES;
    life->random = ++self->next_request;
    record->vector.start[record->self] = (zseq_start_t){0, 0};
    record->start_voted = false;
    //  Who puts the new life in force takes these with it.
    s_force_floors (self);
    self->phase = PHASE_BEGIN;
    self->begun_version = ++self->version;
}

//  Enough peers have told all that they hold.
static void
s_settle (zseq_node_t *self)
{
    zseq_record_t *record = &self->record;
    s_force_floors (self);
    for (uint8_t node = 0; node < record->n; node++) {
        const zseq_source_t *source = &self->recovery.source[node];
        if (!source->complete)
            continue;
        if (record->floor < source->floor)
            record->floor = source->floor;
        if (record->floor_reserved < source->floor_reserved)
            record->floor_reserved = source->floor_reserved;
    }
    zseq_vector_merge (&record->vector, &self->recovery.newest);
    //  All that is written with the vote.
    self->phase = PHASE_SETTLE;
}

//  Whether all that answered and hold something were copied from, and enough peers
//  know of this recovery by force; else the node ends.
static bool
s_passes_over_nobody (zseq_node_t *self)
{
    for (uint8_t node = 0; node < self->record.n; node++) {
        const zseq_source_t *source = &self->recovery.source[node];
        bool holds = self->peer[node].state == ZSEQ_STATE_VOTING ||
                     self->peer[node].state == ZSEQ_STATE_STARTING ||
                     self->peer[node].state == ZSEQ_STATE_STOPPING;
        if (node == self->record.self || !holds || source->complete)
            continue;
        zseq_node_tell (
          self, ZSEQ_ACTION_EXIT, ZSEQ_EUNAVAILABLE,
          "peer %s has answered, and holds what may be held nowhere else, but "
          "was not copied from: see to it that it runs, reaches node %s at %s, "
          "and is not older than this zseqd; then recover again",
          zseq_node_name (self, node), zseq_node_name (self, self->record.self),
          self->record.member[self->record.self].endpoint);
        return false;
    }
    return s_heard_enough (self);
}

static void
s_consider_recovery (zseq_node_t *self)
{
    if (!self->recovering || self->stopping)
        return;
    const zseq_recovery_t *recovery = &self->recovery;
    //  A forced one is glad of all that there are.
    uint8_t peers = (uint8_t) (self->record.n - 1);
    uint8_t need = self->forced ? peers : recovery->need;
    if (self->phase == PHASE_ASK) {
        if (zseq_recovery_asked (recovery) >= need || s_waited (self))
            s_begin_life (self);
    }
    else if (self->phase == PHASE_COPY) {
        if (zseq_recovery_complete (recovery) >= need ||
            (s_waited (self) && s_passes_over_nobody (self)))
            s_settle (self);
    }
}

//  S5: the vote is the last thing to be written.
void
zseq_peers_consider_vote (zseq_node_t *self)
{
    if (self->recovering && self->phase == PHASE_SETTLE && !self->dirty &&
        self->writing == 0 && !self->record.voting && !self->stopping) {
        self->record.start_voted = true;
        self->record.voting = true;
        self->version++;
    }
}

//  The next question of a recovery to a peer, if there is one.
static void
s_pursue (zseq_node_t *self, uint8_t peer)
{
    const zseq_source_t *source = &self->recovery.source[peer];
    zseq_op_t op = ZSEQ_OP_HELLO;
    if (self->phase == PHASE_COPY)
        op = source->fenced ? ZSEQ_OP_COPY : ZSEQ_OP_FENCE;
    else if (self->phase != PHASE_ASK)
        return;
    if (source->complete || (op == ZSEQ_OP_HELLO && source->asked) ||
        (op == ZSEQ_OP_COPY && self->writing > COPYING_MAX))
        return;

    uint64_t *wait_us = &self->peer[peer].wait_us;
    *wait_us = *wait_us ? *wait_us * 2 : BIRTH_ASK_US;
    if (*wait_us > ASK_US)
        *wait_us = ASK_US;
    self->peer[peer].ask_us = self->now_us + *wait_us;

    zseq_msg_t *ask = s_question (self, peer, op);
    if (op == ZSEQ_OP_HELLO)
        ask->cluster = 0;
    else if (self->forced && self->peer[peer].speaks > 1) {
        ask->version = 2;
        ask->forced = true;
    }
    ask->life = self->record.vector.life[self->record.self];
    ask->after = (zseq_slice_t){source->after, source->after_size};
    s_send_question (self, peer);
}

static void
s_pursue_all (zseq_node_t *self)
{
    for (uint8_t node = 0; node < self->record.n; node++)
        if (node != self->record.self &&
            self->now_us >= self->peer[node].ask_us)
            s_pursue (self, node);
}

//  Tells the operator how far it is, or for whom it waits.
static void
s_tell_recovery (zseq_node_t *self)
{
    uint64_t copied = 0;
    uint64_t total = 0;
    uint8_t from = 0;
    for (uint8_t node = 0; node < self->record.n; node++) {
        const zseq_source_t *source = &self->recovery.source[node];
        if (source->copied <= copied && source->total <= total)
            continue;
        copied = source->copied;
        total = source->total;
        from = node;
    }
    uint64_t silent_us = self->now_us - self->told_us;
    if (copied != self->told_copied && silent_us >= COPIED_US)
        zseq_node_tell (self, ZSEQ_ACTION_LOG, ZSEQ_OK,
                        "recovering: %llu of %llu names copied from %s",
                        (unsigned long long) copied, (unsigned long long) total,
                        zseq_node_name (self, from));
    else if (silent_us >= WAITING_US) {
        char reason[ZSEQ_REASON_MAX + 1];
        zseq_node_reason (self, reason, sizeof reason);
        zseq_node_tell (self, ZSEQ_ACTION_LOG, ZSEQ_EUNAVAILABLE,
                        "node %s cannot vote yet: %s",
                        zseq_node_name (self, self->record.self), reason);
    }
    else
        return;
    self->told_us = self->now_us;
    self->told_copied = copied;
}

//  This directory is an old copy, as a peer knows; or another process has taken
//  over, and does so again and again.
static void
s_end_old_copy (zseq_node_t *self, uint8_t peer, const char *what)
{
    if (self->superseded++) {
        s_suspend (self);
        zseq_node_tell (self, ZSEQ_ACTION_EXIT, ZSEQ_ESUPERSEDED,
                        "peer %s knows a %s of node %s, for the second time: "
                        "another process lives under its name",
                        zseq_node_name (self, peer), what,
                        zseq_node_name (self, self->record.self));
        return;
    }
    snprintf (self->why, sizeof self->why,
              "peer %s knows a %s of it, so this is an old copy of its "
              "directory",
              zseq_node_name (self, peer), what);
    zseq_peers_recover (self);
}

//  A peer's reply shows another life of this node than its own. Before its
//  birth that cannot be; later a newer one means that this is an old copy, or
//  that another process has taken over.
static bool
s_superseded (zseq_node_t *self, uint8_t peer, const zseq_vector_t *vector)
{
    const zseq_incarnation_t *theirs = &vector->life[self->record.self];
    const zseq_incarnation_t *mine =
      &self->record.vector.life[self->record.self];
    int order = zseq_incarnation_compare (theirs, mine);
    if (theirs->counter == 0 || order == 0)
        return false;
    if (!self->record.identity) {
        zseq_node_tell (
          self, ZSEQ_ACTION_EXIT, ZSEQ_EREFORMATTED,
          "peer %s knows another life of node %s: this directory was "
          "formatted again over a lost disk, or copied, and must be "
          "recovered: see zseqd recover",
          zseq_node_name (self, peer),
          zseq_node_name (self, self->record.self));
        return true;
    }
    if (order < 0)
        return false;
    //  The next life must be above this one, whoever else knows of it.
    zseq_vector_merge (&self->record.vector, vector);
    s_end_old_copy (self, peer, "newer life");
    return true;
}

//  S11: a peer has noted a start of this node in its very life that this
//  directory knows nothing of.
static bool
s_outrun (zseq_node_t *self, uint8_t peer, const zseq_msg_t *msg)
{
    uint8_t me = self->record.self;
    if (!msg->extended ||
        zseq_incarnation_compare (&msg->vector.life[me],
                                  &self->record.vector.life[me]) ||
        s_start_fits (self, &msg->vector.start[me]))
        return false;
    s_end_old_copy (self, peer, "later start");
    return true;
}

//  Whether the answer is from a node of this very cluster. Before its birth a
//  node cannot know.
static bool
s_kin (const zseq_node_t *self, uint8_t peer, const zseq_msg_t *msg)
{
    return msg->node == peer && msg->vector.n == self->record.n &&
           (!self->record.identity || msg->cluster == self->record.identity);
}

//  A peer has asked at this node's endpoint, and another process answered.
static void
s_tell_rival (zseq_node_t *self, uint8_t peer)
{
    zseq_node_tell (self, ZSEQ_ACTION_EXIT, ZSEQ_ESUPERSEDED,
                    "peer %s finds another process at %s, the endpoint of node "
                    "%s: it lives under this name already",
                    zseq_node_name (self, peer),
                    self->record.member[self->record.self].endpoint,
                    zseq_node_name (self, self->record.self));
}

static void
s_peer_refused (zseq_node_t *self, uint8_t peer, const zseq_msg_t *msg)
{
    int status = msg->status;
    if ((status == ZSEQ_EREFORMATTED || status == ZSEQ_ESUPERSEDED) &&
        s_kin (self, peer, msg) && s_superseded (self, peer, &msg->vector))
        return;
    if (status == ZSEQ_ESUPERSEDED && s_kin (self, peer, msg)) {
        s_tell_rival (self, peer);
        return;
    }
    if (status == ZSEQ_EMEMBERS && !self->record.identity)
        zseq_node_tell (
          self, ZSEQ_ACTION_EXIT, status,
          "peer %s at %s was formatted with another member list or "
          "cluster name: format one of the two again",
          zseq_node_name (self, peer), self->record.member[peer].endpoint);
    else if (s_complain (self, peer, status))
        zseq_node_tell (
          self, ZSEQ_ACTION_LOG, status, "peer %s at %s refuses us: %s",
          zseq_node_name (self, peer), self->record.member[peer].endpoint,
          zseq_strerror (status));
}

//  S11: notes a start that a peer has shown at its endpoint.
static void
s_note_start (zseq_node_t *self, uint8_t peer, const zseq_start_t *start)
{
    if (zseq_start_merge (&self->record.vector.start[peer], start))
        self->version++;
}

//  A peer's answer holds for the life that it shows; ours of it may be older,
//  the same, or newer. Returns whether the answer may be used.
static bool
s_learn (zseq_node_t *self, uint8_t peer, const zseq_vector_t *vector,
         zseq_state_t state)
{
    zseq_incarnation_t *mine = &self->record.vector.life[peer];
    const zseq_incarnation_t *theirs = &vector->life[peer];
    int order = zseq_incarnation_compare (theirs, mine);
    if (order == 0) {
        s_note_start (self, peer, &vector->start[peer]);
        return true;
    }
    if (theirs->counter == 0 && state == ZSEQ_STATE_RECOVERING)
        return false;
    if (theirs->counter == 0 || order < 0 ||
        (mine->counter && theirs->counter == 1)) {
        if (s_complain (self, peer, ZSEQ_EREFORMATTED))
            zseq_node_tell (
              self, ZSEQ_ACTION_LOG, ZSEQ_EREFORMATTED,
              "peer %s at %s is not the one this node has met: it was "
              "formatted again over a lost disk, or is an old copy, and "
              "must be recovered",
              zseq_node_name (self, peer), self->record.member[peer].endpoint);
        return false;
    }
    if (mine->counter)
        zseq_node_tell (self, ZSEQ_ACTION_LOG, ZSEQ_OK,
                        "peer %s begins incarnation %llu: it recovers",
                        zseq_node_name (self, peer),
                        (unsigned long long) theirs->counter);
    *mine = *theirs;
    self->record.vector.start[peer] = vector->start[peer];
    self->version++;
    return true;
}

//  Tells of an answer that is not that of the peer of this cluster. One that
//  does not know yet which its cluster is is left alone.
static void
s_tell_unkin (zseq_node_t *self, uint8_t peer, const zseq_msg_t *msg)
{
    if (msg->node == peer && msg->vector.n == self->record.n && !msg->cluster &&
        (msg->state == ZSEQ_STATE_RECOVERING ||
         zseq_incarnation_compare (&msg->vector.life[peer],
                                   &self->record.vector.life[peer]) == 0))
        return;
    if (s_complain (self, peer, ZSEQ_ECLUSTER))
        zseq_node_tell (
          self, ZSEQ_ACTION_LOG, ZSEQ_ECLUSTER,
          "peer %s is not who answers at %s: that is another node, or "
          "one of another cluster, or it was formatted again over a lost "
          "disk and must be recovered; check the endpoints",
          zseq_node_name (self, peer), self->record.member[peer].endpoint);
}

//  Whether a late peer was born with this node, and no other life has begun since.
//  It has answered no recovery, so that there is one peer less that can have ended
//  this life, and one less to be asked.
static bool
s_is_born_with (const zseq_node_t *self, const zseq_msg_t *msg)
{
    if (!zseq_vector_equal (&msg->vector, &self->record.vector))
        return false;
    for (uint8_t node = 0; node < self->record.n; node++)
        if (msg->vector.life[node].counter != 1)
            return false;
    return true;
}

//  Whether a peer has come late to the birth of this node's cluster, which it has
//  not heard of yet.
static bool
s_is_late (const zseq_node_t *self, uint8_t peer, const zseq_msg_t *msg)
{
    return self->record.identity && msg->node == peer &&
           msg->vector.n == self->record.n && !msg->cluster &&
           msg->state == ZSEQ_STATE_COMPLETE &&
           zseq_incarnation_compare (&msg->vector.life[peer],
                                     &self->record.vector.life[peer]) == 0;
}

//  Which process answers at a peer's endpoint, and in which life.
static void
s_meet (zseq_node_t *self, uint8_t index, const zseq_msg_t *msg)
{
    zseq_peer_t *peer = &self->peer[index];
    if (peer->checking &&
        zseq_incarnation_compare (&msg->vector.life[index], &peer->claimed) < 0)
        peer->refuted = true;
    peer->process = msg->process;
    if (peer->rival_checking && peer->rival != peer->process)
        peer->rival_refuted = true;
}

//  What a peer has said of itself, and of this node.
static void
s_hold (zseq_node_t *self, uint8_t index, const zseq_msg_t *msg)
{
    zseq_peer_t *peer = &self->peer[index];
    peer->vector = msg->vector;
    peer->state = msg->state;
    peer->cluster = msg->cluster;
    peer->confirms = msg->state != ZSEQ_STATE_RECOVERING;
    peer->extended = msg->extended;
    peer->met = msg->met;
    peer->floor = msg->floor;
    peer->floor_reserved = msg->floor_reserved;
}

//  Takes over what a peer of the same cluster knows of the others.
static void
s_take_vector (zseq_node_t *self, uint8_t peer, const zseq_msg_t *msg)
{
    uint64_t identity = self->bearing ? self->birth : self->record.identity;
    if (!identity || msg->cluster != identity)
        return;
    s_take_floors (self, peer, msg);
    if (zseq_vector_merge (&self->record.vector, &msg->vector))
        self->version++;
}

//  What a late peer says: its start is noted, and it notes ours.
static void
s_introduced_late (zseq_node_t *self, uint8_t index, const zseq_msg_t *msg)
{
    self->peer[index].state = msg->state;
    s_meet (self, index, msg);
    s_note_start (self, index, &msg->vector.start[index]);
    if (s_outrun (self, index, msg) || !s_is_born_with (self, msg))
        return;
    s_hold (self, index, msg);
    s_consider_start (self);
}

//  What a peer says of itself.
static void
s_introduced (zseq_node_t *self, uint8_t index, const zseq_msg_t *msg)
{
    if (msg->status != ZSEQ_OK) {
        s_peer_refused (self, index, msg);
        return;
    }
    if (s_is_late (self, index, msg)) {
        s_introduced_late (self, index, msg);
        return;
    }
    if (!s_kin (self, index, msg)) {
        s_tell_unkin (self, index, msg);
        //  It has spoken, at least.
        if (msg->node == index && !msg->cluster) {
            self->peer[index].state = msg->state;
            self->peer[index].confirms = false;
        }
        return;
    }
    s_meet (self, index, msg);
    if (msg->state == ZSEQ_STATE_RECOVERING) {
        self->peer[index].state = msg->state;
        self->peer[index].confirms = false;
    }
    if (s_superseded (self, index, &msg->vector) ||
        s_outrun (self, index, msg) ||
        !s_learn (self, index, &msg->vector, msg->state))
        return;

    self->peer[index].complaint = ZSEQ_OK;
    s_hold (self, index, msg);
    s_take_vector (self, index, msg);
    s_consider_start (self);
    s_consider_birth (self);
}

//  Who answers for a peer is another node, or (fits) one of another cluster
//  than this directory's. If they all are, the directory is in the wrong place.
static void
s_foreign (zseq_node_t *self, uint8_t index, bool fits)
{
    int complaint = fits ? ZSEQ_ECLUSTER : ZSEQ_EMEMBERS;
    if (s_complain (self, index, complaint))
        zseq_node_tell (
          self, ZSEQ_ACTION_LOG, complaint,
          "who answers for peer %s at %s is another node, or one of "
          "another cluster: check the endpoints",
          zseq_node_name (self, index), self->record.member[index].endpoint);
    uint8_t foreign = 0;
    for (uint8_t node = 0; node < self->record.n; node++)
        if (self->peer[node].complaint == ZSEQ_ECLUSTER)
            foreign++;
    if (self->record.identity && foreign >= self->recovery.need)
        zseq_node_tell (
          self, ZSEQ_ACTION_EXIT, ZSEQ_EFOREIGN,
          "the directory of node %s belongs to another cluster than its "
          "peers, and is left untouched",
          zseq_node_name (self, self->record.self));
}

//  Whether a node in that state holds what a recovery may count on. Without force
//  only voters do: one that starts may be an old copy.
static bool
s_may_copy (const zseq_node_t *self, zseq_state_t state)
{
    return state == ZSEQ_STATE_VOTING ||
           (state == ZSEQ_STATE_STARTING && self->forced);
}

//  Whether a reply to a recovering node is of its cluster.
static bool
s_recovery_kin (zseq_node_t *self, uint8_t index, const zseq_msg_t *msg)
{
    bool fits = msg->node == index && msg->vector.n == self->record.n;
    bool hello = msg->op == ZSEQ_OP_HELLO && msg->status == ZSEQ_OK;
    if (fits && hello && !s_same_members (self, msg))
        fits = false;
    if (fits && hello &&
        (!msg->cluster || !self->identity || msg->cluster == self->identity)) {
        self->peer[index].state = msg->state;
        self->peer[index].speaks = msg->speaks;
        self->peer[index].holds_vote = msg->holds_vote || msg->speaks < 2;
    }
    if (fits && hello && s_may_copy (self, msg->state) && !self->identity) {
        self->peer[index].cluster = msg->cluster;
        self->peer[index].vector = msg->vector;
        s_find_cluster (self, self->recovery.need);
    }
    if (fits && self->identity && msg->cluster == self->identity)
        return true;
    //  A peer that knows no cluster itself is no stranger.
    if (!fits || (self->identity && msg->cluster))
        s_foreign (self, index, fits);
    return false;
}

//  Takes over what a peer holds. Returns false when the node ends.
static bool
s_take_page (zseq_node_t *self, zseq_source_t *source, const zseq_msg_t *msg)
{
    for (size_t index = 0; index < msg->item_count; index++) {
        const zseq_item_t *item = &msg->items[index];
        zseq_entry_t *entry;
        int rc = zseq_table_insert (self->table, item->name.data,
                                    item->name.size, &entry);
        if (rc != ZSEQ_OK) {
            zseq_node_tell (
              self, ZSEQ_ACTION_EXIT, rc,
              rc == ZSEQ_EFULL
                ? "the peers hold more names than this node may: raise "
                  "--names-max"
                : "out of memory: the node ends");
            return false;
        }
        //  S8: nothing is ever lowered.
        zseq_seq_raise (&entry->seq, item->next);
        if (entry->seq.next > entry->limit)
            zseq_node_mark_dirty (self, entry);
    }
    source->copied += msg->item_count;
    if (msg->item_count) {
        const zseq_slice_t *last = &msg->items[msg->item_count - 1].name;
        source->after_size = (uint8_t) last->size;
        memcpy (source->after, last->data, last->size);
    }
    source->complete = !msg->more;
    return true;
}

//  A peer refuses to go on with a recovery.
static void
s_recovery_refused (zseq_node_t *self, uint8_t index, const zseq_msg_t *msg)
{
    const zseq_incarnation_t *life =
      &self->record.vector.life[self->record.self];
    //  It recovered when it was last asked, and votes by now.
    if (self->peer[index].state == ZSEQ_STATE_RECOVERING &&
        (msg->status == ZSEQ_EAGAIN || msg->status == ZSEQ_ESUPERSEDED))
        self->peer[index].state = ZSEQ_STATE_VOTING;
    if (msg->status == ZSEQ_ESUPERSEDED && msg->op == ZSEQ_OP_COPY)
        self->recovery.source[index].fenced = false;
    else if (msg->status == ZSEQ_ESUPERSEDED &&
             !zseq_recovery_superseded (&self->recovery, life))
        s_tell_rival (self, index);
    else if (msg->status == ZSEQ_EAGAIN &&
             self->now_us - self->progress_us >= ASK_US_MAX &&
             s_complain (self, index, ZSEQ_EAGAIN))
        zseq_node_tell (
          self, ZSEQ_ACTION_LOG, ZSEQ_EAGAIN,
          "peer %s does not reach node %s at %s: it must be reachable "
          "there to recover",
          zseq_node_name (self, index),
          zseq_node_name (self, self->record.self),
          self->record.member[self->record.self].endpoint);
}

static void
s_recovery_answered (zseq_node_t *self, uint8_t index, const zseq_msg_t *msg)
{
    zseq_source_t *source = &self->recovery.source[index];
    if (msg->op == ZSEQ_OP_HELLO) {
        if (!s_may_copy (self, msg->state))
            return;
        source->asked = true;
    }
    else if (msg->op == ZSEQ_OP_FENCE) {
        source->fenced = true;
        source->floor = msg->floor;
        source->floor_reserved = msg->floor_reserved;
        source->total = msg->sequences;
        self->peer[index].ask_us = 0;
    }
    else if (source->fenced && !source->complete) {
        if (!s_take_page (self, source, msg))
            return;
        self->peer[index].ask_us = 0;
    }
    self->progress_us = self->now_us;
    self->peer[index].complaint = ZSEQ_OK;
}

static void
s_recovery_reply (zseq_node_t *self, uint8_t index, const zseq_msg_t *msg)
{
    if (!s_recovery_kin (self, index, msg) ||
        !zseq_recovery_see (&self->recovery, index, &msg->vector))
        return;
    if (msg->status == ZSEQ_OK)
        s_recovery_answered (self, index, msg);
    else
        s_recovery_refused (self, index, msg);

    bool fencing = self->phase == PHASE_COPY || self->phase == PHASE_SETTLE;
    if (fencing &&
        zseq_recovery_superseded (
          &self->recovery, &self->record.vector.life[self->record.self])) {
        //  Also one that it took itself before it was cut short.
        zseq_vector_merge (&self->record.vector, &self->recovery.newest);
        s_attempt_recovery (self);
        return;
    }
    s_consider_recovery (self);
}

void
zseq_peers_reply (zseq_node_t *self, const zseq_event_t *event)
{
    const zseq_msg_t *msg = event->msg;
    uint8_t index = event->peer;
    assert (index < self->record.n);
    zseq_peer_t *peer = &self->peer[index];
    if (msg->op != peer->op || msg->request != peer->request || self->stopping)
        return;
    peer->request = 0;
    peer->wait_us = 0;
    peer->ask_us = self->now_us + (self->voting ? ASK_US : BIRTH_ASK_US);
    //  What it answers may be what was out of date.
    if (peer->hinted)
        peer->ask_us = self->now_us;
    if (self->recovering)
        s_recovery_reply (self, index, msg);
    //  The others are late answers to a recovery that is over.
    else if (msg->op == ZSEQ_OP_INTRODUCE)
        s_introduced (self, index, msg);
}

//  A peer that answers, but has not met this very process at the member's
//  endpoint, cannot note its start.
static void
s_tell_unreached (zseq_node_t *self)
{
    if ((!self->starting && !self->bearing) ||
        self->now_us - self->begun_us < ASK_US_MAX ||
        self->now_us < self->unreached_us)
        return;
    for (uint8_t node = 0; node < self->record.n; node++) {
        const zseq_peer_t *peer = &self->peer[node];
        //  One that recovers asks nobody.
        if (node == self->record.self || !peer->extended ||
            peer->met == self->process || peer->state == ZSEQ_STATE_RECOVERING)
            continue;
        self->unreached_us = self->now_us + WAITING_US;
        zseq_node_tell (
          self, ZSEQ_ACTION_LOG, ZSEQ_EAGAIN,
          "peer %s does not reach this process of node %s at %s: it must be "
          "reachable there, and not run elsewhere as well, to vote",
          zseq_node_name (self, node), zseq_node_name (self, self->record.self),
          self->record.member[self->record.self].endpoint);
    }
}

//  Time and disk.

static void
s_ask_all (zseq_node_t *self)
{
    for (uint8_t node = 0; node < self->record.n; node++) {
        zseq_peer_t *peer = &self->peer[node];
        if (node == self->record.self || self->now_us < peer->ask_us)
            continue;
        uint64_t usual_us = self->voting ? ASK_US : BIRTH_ASK_US;
        peer->wait_us = peer->wait_us ? peer->wait_us * 2 : usual_us;
        if (peer->wait_us > ASK_US_MAX)
            peer->wait_us = ASK_US_MAX;
        peer->ask_us = self->now_us + peer->wait_us;
        s_ask (self, node);
    }
}

void
zseq_peers_request (zseq_node_t *self, const zseq_event_t *event)
{
    switch (event->msg->op) {
    case ZSEQ_OP_INTRODUCE:
        s_introduce (self, event);
        break;
    case ZSEQ_OP_FENCE:
        s_fence (self, event);
        break;
    default:
        assert (event->msg->op == ZSEQ_OP_COPY);
        s_copy (self, event);
    }
}

void
zseq_peers_tick (zseq_node_t *self)
{
    if (self->recovering) {
        s_consider_recovery (self);
        s_pursue_all (self);
        s_tell_recovery (self);
        return;
    }
    s_ask_all (self);
    s_consider_start (self);
    s_consider_birth (self);
    s_tell_unreached (self);
}

void
zseq_peers_written (zseq_node_t *self)
{
    s_consider_start (self);
    s_consider_birth (self);
    if (!self->recovering || self->phase != PHASE_BEGIN ||
        self->version_disk < self->begun_version)
        return;
    self->phase = PHASE_COPY;
    self->progress_us = self->now_us;
    for (uint8_t node = 0; node < self->record.n; node++)
        self->peer[node].ask_us = 0;
}

void
zseq_peers_flushed (zseq_node_t *self)
{
    if (self->recovering && !self->stopping)
        s_pursue_all (self);
}
