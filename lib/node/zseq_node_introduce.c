//  INTRODUCE: peers ask each other who they are. A request is only compared
//  with what the node knows, as anybody could send it. The node learns from
//  replies, which come from the peer's endpoint: incarnations, starts, floors.

#include "zseq_node_private.h"
#include "zseq_node_texts.h"

//  The least time between two log lines on refused introductions.
#define UNKNOWN_NODE_US 10000000

//  Logs, at most every UNKNOWN_NODE_US, that an unknown node claims to be a
//  peer. Anybody can cause this.
static void
s_log_unknown_node (zseq_node_t *self, const zseq_msg_t *msg)
{
    if (self->now_us < self->unknown_node_us)
        return;
    self->unknown_node_us = self->now_us + UNKNOWN_NODE_US;
    const zseq_msg_members_t *members = &msg->introduce.members;
    const zseq_slice_t *name =
      &members->member[msg->node < members->member_count ? msg->node : 0].name;
    zseq_node_log (self, ZSEQ_LOG (INTRODUCTION_REFUSED), (int) name->size,
                   name->data, (int) members->cluster_name.size,
                   members->cluster_name.data, members->member_count);
}

//  Whether the sender of an introduction is another process than the one that
//  has answered at the peer's endpoint since: a copy of the peer's directory
//  runs elsewhere.
static bool
s_is_duplicate (zseq_node_t *self, const zseq_msg_t *msg)
{
    zseq_peer_t *peer = &self->peer[msg->node];
    if (msg->introduce.process == peer->process)
        return false;
    if (msg->introduce.process != peer->duplicate) {
        peer->duplicate = msg->introduce.process;
        peer->duplicate_checking = false;
        peer->duplicate_disproved = false;
    }
    zseq_node_ask_soon (self, msg->node);
    return peer->duplicate_disproved;
}

//  Answers a peer's introduction. The introduction is only compared with what
//  this node knows; the node stores nothing from it but a label of the
//  connection, as anybody could send it.
//  The node learns by asking at the peer's endpoint.
void
zseq_node_introduce_answer (zseq_node_t *self, const zseq_event_t *event)
{
    const zseq_msg_t *msg = event->msg;
    if (msg->cluster && self->record.identity &&
        msg->cluster != self->record.identity) {
        zseq_node_refuse (self, event, ZSEQ_ECLUSTER);
        return;
    }
    if (!zseq_node_members_same (self, &msg->introduce.members) ||
        msg->vector.n != self->record.members.n ||
        msg->node >= self->record.members.n || msg->node == self->record.self) {
        zseq_node_refuse (self, event, ZSEQ_EMEMBERS);
        s_log_unknown_node (self, msg);
        return;
    }
    const zseq_incarnation_t *known =
      &self->record.vector.incarnation[msg->node];
    const zseq_incarnation_t *said = &msg->vector.incarnation[msg->node];
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
    //  The peer may be reachable by now, or this node has to note the start
    //  that the peer has begun.
    if (order > 0 || !self->voting || msg->introduce.state != ZSEQ_STATE_VOTING)
        zseq_node_ask_soon (self, msg->node);
    if (order == 0 && s_is_duplicate (self, msg)) {
        zseq_node_refuse (self, event, ZSEQ_ESUPERSEDED);
        return;
    }
    zseq_node_labels_note_peer (self, &event->sender, msg->node);
    zseq_msg_t *reply =
      zseq_node_reply (self, ZSEQ_OP_INTRODUCE, msg->request, ZSEQ_OK);
    reply->introduce.state = zseq_node_state (self);
    reply->introduce.process = self->process;
    //  S5, S11: a peer must not vote because of a vector that is only in
    //  memory.
    reply->vector = self->durable.vector;
    reply->extended = true;
    reply->introduce.seen = self->peer[msg->node].process;
    reply->introduce.floor = self->durable.floor;
    reply->introduce.floor_reserved = self->durable.floor_reserved;
    reply->introduce.speaks = ZSEQ_WIRE_VERSION;
    reply->introduce.heard = zseq_node_kv_heard (
      self, msg->node, &reply->vector.incarnation[msg->node]);
    zseq_node_fill_members (self, &reply->introduce.members);
    zseq_node_send (self, &event->sender);
}

//  Whether a reply is from this peer in this cluster. A node that is forming
//  does not know its cluster yet and accepts any.
static bool
s_is_same_cluster (const zseq_node_t *self, uint8_t peer, const zseq_msg_t *msg)
{
    return msg->node == peer && msg->vector.n == self->record.members.n &&
           (!self->record.identity || msg->cluster == self->record.identity);
}

static void
s_peer_refused (zseq_node_t *self, uint8_t peer, const zseq_msg_t *msg)
{
    int status = msg->status;
    if ((status == ZSEQ_EREFORMATTED || status == ZSEQ_ESUPERSEDED) &&
        s_is_same_cluster (self, peer, msg) &&
        zseq_node_old_copy_superseded (self, peer, &msg->vector))
        return;
    if (status == ZSEQ_ESUPERSEDED && s_is_same_cluster (self, peer, msg)) {
        zseq_node_old_copy_duplicate (self, peer);
        return;
    }
    if (status == ZSEQ_EMEMBERS && !self->record.identity)
        zseq_node_end (self, status, ZSEQ_TEXT_PEER_FORMATTED,
                       zseq_node_name (self, peer),
                       self->record.members.member[peer].endpoint);
    else if (zseq_node_log_changed (self, peer, status))
        zseq_node_log (
          self, ZSEQ_LOG (PEER_REFUSES), zseq_node_name (self, peer),
          self->record.members.member[peer].endpoint, zseq_strerror (status));
}

//  Compares the peer's incarnation in its reply with the one in the record, and
//  takes over a newer one. Returns whether the reply may be used.
static bool
s_learn (zseq_node_t *self, uint8_t peer, const zseq_vector_t *vector,
         zseq_state_t state)
{
    zseq_incarnation_t *mine = &self->record.vector.incarnation[peer];
    const zseq_incarnation_t *theirs = &vector->incarnation[peer];
    int order = zseq_incarnation_compare (theirs, mine);
    if (order == 0) {
        zseq_node_start_note (self, peer, &vector->start[peer]);
        return true;
    }
    if (theirs->counter == 0 && state == ZSEQ_STATE_RECOVERING)
        return false;
    if (theirs->counter == 0 || order < 0 ||
        (mine->counter && theirs->counter == 1)) {
        if (zseq_node_log_changed (self, peer, ZSEQ_EREFORMATTED))
            zseq_node_log (self, ZSEQ_LOG (PEER_ANOTHER),
                           zseq_node_name (self, peer),
                           self->record.members.member[peer].endpoint);
        return false;
    }
    if (mine->counter)
        zseq_node_log (self, ZSEQ_LOG (PEER_RECOVERS),
                       zseq_node_name (self, peer),
                       (unsigned long long) theirs->counter);
    *mine = *theirs;
    self->record.vector.start[peer] = vector->start[peer];
    self->version++;
    return true;
}

//  Logs a reply from another node or cluster than this peer's. A node that does
//  not know its own cluster yet is not logged.
static void
s_log_wrong_cluster (zseq_node_t *self, uint8_t peer, const zseq_msg_t *msg)
{
    if (msg->node == peer && msg->vector.n == self->record.members.n &&
        !msg->cluster &&
        (msg->introduce.state == ZSEQ_STATE_RECOVERING ||
         zseq_incarnation_compare (&msg->vector.incarnation[peer],
                                   &self->record.vector.incarnation[peer]) ==
           0))
        return;
    if (zseq_node_log_changed (self, peer, ZSEQ_ECLUSTER))
        zseq_node_log (self, ZSEQ_LOG (PEER_NOT_THERE),
                       zseq_node_name (self, peer),
                       self->record.members.member[peer].endpoint);
}

//  Whether a late peer formed the cluster with this node and no other
//  incarnation has begun since. Such a peer has answered no recovery: one peer
//  less can have ended this incarnation, and one less needs to be asked.
static bool
s_is_formed_with (const zseq_node_t *self, const zseq_msg_t *msg)
{
    if (!zseq_vector_equal (&msg->vector, &self->record.vector))
        return false;
    for (uint8_t node = 0; node < self->record.members.n; node++)
        if (msg->vector.incarnation[node].counter != 1)
            return false;
    return true;
}

//  Whether a peer has formed but does not know yet that this node's cluster
//  has.
static bool
s_is_late (const zseq_node_t *self, uint8_t peer, const zseq_msg_t *msg)
{
    return self->record.identity && msg->node == peer &&
           msg->vector.n == self->record.members.n && !msg->cluster &&
           msg->introduce.state == ZSEQ_STATE_COMPLETE &&
           zseq_incarnation_compare (&msg->vector.incarnation[peer],
                                     &self->record.vector.incarnation[peer]) ==
             0;
}

//  Notes which process answers at a peer's endpoint, and disproves claims of a
//  newer incarnation or of another process.
static void
s_meet (zseq_node_t *self, uint8_t index, const zseq_msg_t *msg)
{
    zseq_peer_t *peer = &self->peer[index];
    if (peer->checking &&
        zseq_incarnation_compare (&msg->vector.incarnation[index],
                                  &peer->claimed) < 0)
        peer->disproved = true;
    peer->process = msg->introduce.process;
    if (peer->duplicate_checking && peer->duplicate != peer->process)
        peer->duplicate_disproved = true;
}

//  Stores what a peer's reply says of the peer and of this node.
static void
s_hold (zseq_node_t *self, uint8_t index, const zseq_msg_t *msg)
{
    zseq_peer_t *peer = &self->peer[index];
    peer->vector = msg->vector;
    peer->state = msg->introduce.state;
    peer->cluster = msg->cluster;
    peer->confirms = msg->introduce.state != ZSEQ_STATE_RECOVERING;
    peer->extended = msg->extended;
    peer->packs = msg->introduce.speaks > 2;
    peer->speaks = msg->introduce.speaks;
    peer->seen = msg->introduce.seen;
    peer->floor = msg->introduce.floor;
    peer->floor_reserved = msg->introduce.floor_reserved;
}

//  Takes over the floors, incarnations and starts that a peer of the same
//  cluster knows.
static void
s_take_vector (zseq_node_t *self, uint8_t peer, const zseq_msg_t *msg)
{
    uint64_t identity =
      self->forming ? self->forming_identity : self->record.identity;
    if (!identity || msg->cluster != identity)
        return;
    zseq_node_floor_take (self, peer, msg);
    if (zseq_vector_merge (&self->record.vector, &msg->vector))
        self->version++;
}

//  Handles the reply of a late peer: this node notes the peer's start, and the
//  reply shows whether the peer has noted this node's.
static void
s_introduced_late (zseq_node_t *self, uint8_t index, const zseq_msg_t *msg)
{
    self->peer[index].state = msg->introduce.state;
    s_meet (self, index, msg);
    zseq_node_start_note (self, index, &msg->vector.start[index]);
    if (zseq_node_old_copy_outrun (self, index, msg) ||
        zseq_node_old_copy_shortened (self, index, msg) ||
        !s_is_formed_with (self, msg))
        return;
    s_hold (self, index, msg);
    zseq_node_members_compare (self, index, &msg->introduce.members);
    zseq_node_start_maybe_vote (self);
}

void
zseq_node_introduce_reply (zseq_node_t *self, uint8_t index,
                           const zseq_msg_t *msg)
{
    if (msg->status != ZSEQ_OK) {
        s_peer_refused (self, index, msg);
        return;
    }
    if (s_is_late (self, index, msg)) {
        s_introduced_late (self, index, msg);
        return;
    }
    if (!s_is_same_cluster (self, index, msg)) {
        s_log_wrong_cluster (self, index, msg);
        //  The peer has answered, at least.
        if (msg->node == index && !msg->cluster) {
            self->peer[index].state = msg->introduce.state;
            self->peer[index].confirms = false;
        }
        return;
    }
    s_meet (self, index, msg);
    if (msg->introduce.state == ZSEQ_STATE_RECOVERING) {
        self->peer[index].state = msg->introduce.state;
        self->peer[index].confirms = false;
    }
    if (zseq_node_old_copy_superseded (self, index, &msg->vector) ||
        zseq_node_old_copy_outrun (self, index, msg) ||
        zseq_node_old_copy_shortened (self, index, msg) ||
        !s_learn (self, index, &msg->vector, msg->introduce.state))
        return;

    self->peer[index].last_warning = ZSEQ_OK;
    s_hold (self, index, msg);
    zseq_node_members_compare (self, index, &msg->introduce.members);
    s_take_vector (self, index, msg);
    zseq_node_start_maybe_vote (self);
    zseq_node_formation_maybe_vote (self);
}
