//  What peers have told the node, as far as the rules depend on it, and the
//  answers of peers that confirm the node's start.
//
//  fuzz_note_reply runs before the node takes a reply. It decides by the rules
//  of the protocol, not by the node's code, what the reply is worth, and keeps
//  that in run.peers: whether the peer has noted the start, recovers, holds a
//  vote, or shows that the node's incarnation has ended. The checks go by this
//  (fuzz_node_check.c). fuzz_confirm plays well-meaning peers, so that random
//  runs get beyond the start.

#include "fuzz_node.h"

//  Returns whether msg is of the node's cluster. Before the cluster forms, a
//  node cannot know that.
static bool
s_is_same_cluster (const zseq_msg_t *msg, uint8_t peer)
{
    uint64_t identity = zseq_node_record (run.node)->identity;
    return msg->node == peer && msg->vector.n == run.disk.members.n &&
           (!identity || msg->cluster == identity);
}

//  Returns whether the peer waits for its cluster to form, in the incarnation
//  that the node knows.
static bool
s_is_unformed (const zseq_msg_t *msg, uint8_t peer)
{
    const zseq_record_t *record = zseq_node_record (run.node);
    return record->identity && msg->node == peer &&
           msg->vector.n == run.disk.members.n && !msg->cluster &&
           msg->introduce.state == ZSEQ_STATE_COMPLETE &&
           !zseq_incarnation_compare (&msg->vector.incarnation[peer],
                                      &record->vector.incarnation[peer]);
}

//  Returns whether, besides, the peer was formatted together with this node,
//  which starts.
static bool
s_is_formed_with (const zseq_msg_t *msg, uint8_t peer)
{
    bool first = true;
    for (uint8_t node = 0; node < run.disk.members.n; node++)
        first = first && msg->vector.incarnation[node].counter == 1;
    return first && s_is_unformed (msg, peer) &&
           zseq_node_state (run.node) == ZSEQ_STATE_STARTING &&
           zseq_vector_equal (&msg->vector,
                              &zseq_node_record (run.node)->vector);
}

//  S11: returns whether msg shows that this node's incarnation or start has
//  ended.
static bool
s_ends_incarnation (const zseq_msg_t *msg)
{
    uint8_t self = run.disk.self;
    const zseq_start_t *mine = &zseq_node_record (run.node)->vector.start[self];
    const zseq_start_t *theirs = &msg->vector.start[self];
    int order = zseq_incarnation_compare (&msg->vector.incarnation[self],
                                          &run.disk.vector.incarnation[self]);
    return (order > 0 && msg->cluster) ||
           (order == 0 && msg->status == ZSEQ_OK && msg->extended &&
            theirs->counter >= mine->counter &&
            !zseq_start_equal (theirs, mine));
}

//  Returns whether the peer answers in an incarnation that can be its newest.
static bool
s_is_newest (const zseq_msg_t *msg, uint8_t peer)
{
    const zseq_incarnation_t *incarnation = &msg->vector.incarnation[peer];
    const zseq_incarnation_t *known[] = {
      &run.newest.incarnation[peer],
      &zseq_node_record (run.node)->vector.incarnation[peer]};
    for (size_t index = 0; index < 2; index++) {
        int order = zseq_incarnation_compare (incarnation, known[index]);
        if (order < 0 || (order > 0 && !incarnation->counter) ||
            (order > 0 && known[index]->counter && incarnation->counter == 1))
            return false;
    }
    return true;
}

//  Notes the highest floors that the peer has shown for the node's cluster.
static void
s_note_floors (const zseq_msg_t *msg, fuzz_peer_t *peer)
{
    uint64_t identity = zseq_node_record (run.node)->identity;
    if (!msg->extended || !identity || identity != msg->cluster)
        return;
    if (peer->cluster != msg->cluster)
        peer->floor_heard = peer->floor_reserved_heard = 0;
    peer->cluster = msg->cluster;
    if (msg->introduce.floor > peer->floor_heard)
        peer->floor_heard = msg->introduce.floor;
    if (msg->introduce.floor_reserved > peer->floor_reserved_heard)
        peer->floor_reserved_heard = msg->introduce.floor_reserved;
}

//  Notes a peer's reply to a node that does not recover. Ignores the rest of a
//  reply that the node cannot use.
static void
s_note_introduced (const zseq_msg_t *msg, uint8_t index)
{
    fuzz_peer_t *peer = &run.peers[index];
    bool formed_with = s_is_formed_with (msg, index);
    bool unformed = s_is_unformed (msg, index);
    bool same_cluster = s_is_same_cluster (msg, index);
    if (msg->status != ZSEQ_OK) {
        bool dead =
          msg->status == ZSEQ_EREFORMATTED || msg->status == ZSEQ_ESUPERSEDED;
        if (dead && same_cluster && s_ends_incarnation (msg))
            run.void_incarnation = run.disk.vector.incarnation[run.disk.self];
        return;
    }
    if (msg->node == index && (same_cluster || !msg->cluster))
        peer->heard = true;
    if (peer->heard)
        peer->recovers = msg->introduce.state == ZSEQ_STATE_RECOVERING;
    if (same_cluster || unformed)
        peer->process = msg->introduce.process;
    if (!same_cluster && !unformed)
        return;
    if (s_ends_incarnation (msg)) {
        run.void_incarnation = run.disk.vector.incarnation[run.disk.self];
        return;
    }
    if (!same_cluster && !formed_with)
        return;
    if (!formed_with && !s_is_newest (msg, index))
        return;
    peer->confirms = msg->introduce.state != ZSEQ_STATE_RECOVERING;
    peer->extended = msg->extended;
    peer->vector = msg->vector;
    peer->seen = msg->introduce.seen;
    peer->floor = msg->introduce.floor;
    peer->floor_reserved = msg->introduce.floor_reserved;
    if (formed_with)
        return;
    s_note_floors (msg, peer);
    if (zseq_incarnation_compare (&run.newest.incarnation[index],
                                  &msg->vector.incarnation[index]) < 0)
        run.newest.incarnation[index] = msg->vector.incarnation[index];
    if (zseq_node_record (run.node)->identity)
        zseq_vector_merge (&run.newest, &msg->vector);
}

static bool
s_is_text (zseq_slice_t slice, const char *text)
{
    return slice.size == strlen (text) &&
           !memcmp (slice.data, text, slice.size);
}

//  Returns whether these are the cluster and the members on the disk.
static bool
s_same_members (const zseq_msg_members_t *members)
{
    for (uint8_t node = 0; node < run.disk.members.n; node++)
        if (!s_is_text (members->member[node].name,
                        run.disk.members.member[node].name))
            return false;
    return s_is_text (members->cluster_name, run.disk.cluster);
}

//  Notes a peer's reply to a node that recovers.
static void
s_note_recovery (const zseq_msg_t *msg, uint8_t index)
{
    fuzz_peer_t *peer = &run.peers[index];
    const zseq_record_t *record = zseq_node_record (run.node);
    const zseq_incarnation_t *incarnation =
      &record->vector.incarnation[record->self];
    if (msg->status != ZSEQ_OK || msg->node != index ||
        msg->vector.n != run.disk.members.n)
        return;
    if (msg->op == ZSEQ_OP_HELLO) {
        if (!s_same_members (&msg->hello.members))
            return;
        peer->voter_of = msg->cluster;
        if (msg->hello.speaks > peer->speaks)
            peer->speaks = msg->hello.speaks;
        //  An answer after the incarnation began is too late.
        peer->holds =
          !run.incarnation_begun && (msg->hello.state == ZSEQ_STATE_VOTING ||
                                     msg->hello.state == ZSEQ_STATE_STARTING ||
                                     msg->hello.state == ZSEQ_STATE_STOPPING);
        peer->forgot = msg->hello.state == ZSEQ_STATE_RECOVERING &&
                       msg->hello.speaks > 1 && !msg->hello.holds_vote;
        return;
    }
    if (msg->extended && msg->vector.start[run.disk.self].counter >
                           run.disk.vector.start[run.disk.self].counter)
        run.start_heard = true;
    fuzz_keys_note_recovery (msg, peer);
    if (msg->op == ZSEQ_OP_FENCE)
        peer->fenced = *incarnation;
    else if (msg->op == ZSEQ_OP_COPY && !msg->copy.page.more &&
             !zseq_incarnation_compare (&peer->fenced, incarnation))
        peer->copied = *incarnation;
}

void
fuzz_note_reply (const zseq_msg_t *msg, uint8_t peer)
{
    zseq_state_t state = zseq_node_state (run.node);
    if (!run.asked_open[peer] || msg->op != run.asked_op[peer] ||
        msg->request != run.asked_request[peer] || state == ZSEQ_STATE_STOPPING)
        return;
    run.asked_open[peer] = false;
    bool introduced = msg->op == ZSEQ_OP_INTRODUCE;
    if (introduced && state != ZSEQ_STATE_RECOVERING)
        s_note_introduced (msg, peer);
    else if (!introduced && state == ZSEQ_STATE_RECOVERING)
        s_note_recovery (msg, peer);
}

bool
fuzz_can_be (const zseq_msg_t *msg)
{
    uint8_t self = run.disk.self;
    const zseq_start_t *start = &msg->vector.start[self];
    if (run.ended)
        return true;
    if (!msg->extended || msg->vector.n != run.disk.members.n)
        return true;
    if (start->counter == UINT64_MAX)
        return false;
    return zseq_start_equal (start, &run.disk.vector.start[self]) ||
           !zseq_start_equal (start,
                              &zseq_node_record (run.node)->vector.start[self]);
}

zseq_slice_t
fuzz_text (const char *text)
{
    return (zseq_slice_t){text, strlen (text)};
}

//  Answers as a peer that votes, or waits to form, too, and has met this
//  process.
static void
s_answer_introduce (zseq_msg_introduce_t *introduce, uint8_t peer)
{
    introduce->state = run.disk.identity || !run.speaks_2 ? ZSEQ_STATE_VOTING
                                                          : ZSEQ_STATE_COMPLETE;
    introduce->process = 100u + peer;
    if (!run.speaks_2)
        return;
    introduce->speaks = ZSEQ_WIRE_VERSION;
    introduce->seen = run.process;
    introduce->floor = run.disk.floor;
    introduce->floor_reserved = run.disk.floor_reserved;
}

//  Answers as a peer that votes and speaks the newest version.
static void
s_answer_hello (zseq_msg_hello_t *hello)
{
    for (uint8_t node = 0; node < run.disk.members.n; node++)
        run.members[node].name = fuzz_text (run.disk.members.member[node].name);
    hello->members = (zseq_msg_members_t){
      .cluster_name = fuzz_text (run.disk.cluster),
      .member = run.members,
      .member_count = run.disk.members.n,
    };
    hello->state = ZSEQ_STATE_VOTING;
    hello->speaks = ZSEQ_WIRE_VERSION;
}

//  Answers as a peer that votes, or waits to form, too, and knows what the node
//  has on its disk.
static void
s_answer (zseq_msg_t *msg, uint8_t peer, const fuzz_asked_t *asked)
{
    *msg = (zseq_msg_t){.op = asked->op,
                        .reply = true,
                        .request = asked->request,
                        .cluster = run.disk.identity,
                        .node = peer,
                        .vector = run.disk.vector};
    if (msg->op == ZSEQ_OP_INTRODUCE)
        s_answer_introduce (&msg->introduce, peer);
    else if (msg->op == ZSEQ_OP_HELLO)
        s_answer_hello (&msg->hello);
    else if (msg->op == ZSEQ_OP_FENCE) {
        msg->fence.floor = run.disk.floor;
        msg->fence.floor_reserved = run.disk.floor_reserved;
    }
    else
        (void) fuzz_keys_fill_reply (msg, asked, true);
    if (!run.speaks_2)
        return;
    msg->extended = true;
    if (msg->op != ZSEQ_OP_INTRODUCE && !msg->cluster)
        msg->cluster = IDENTITY;
    for (uint8_t node = 0; node < run.disk.members.n; node++)
        if (!msg->vector.incarnation[node].counter)
            msg->vector.incarnation[node] = (zseq_incarnation_t){1, 7u + node};
}

//  Lets a peer answer a question. Returns whether it did.
static bool
s_confirm (uint8_t peer, size_t slot)
{
    fuzz_asked_t *asked = &run.asked[peer][slot];
    bool *open = slot ? &asked->open : &run.asked_open[peer];
    if (!*open || run.ended ||
        (asked->op != ZSEQ_OP_INTRODUCE && !run.speaks_2))
        return false;
    zseq_msg_t msg;
    s_answer (&msg, peer, asked);
    if (!fuzz_can_be (&msg))
        return false;
    asked->open = false;
    fuzz_note_reply (&msg, peer);
    zseq_event_t event = {.type = ZSEQ_EVENT_PEER_REPLY,
                          .sender = zseq_sender_peer (peer),
                          .msg = &msg};
    fuzz_step (&event);
    return true;
}

void
fuzz_confirm (void)
{
    //  Each shard is a question.
    size_t left = run.has_keys ? ZSEQ_SHARDS + 4 : 1;
    bool any = true;
    fuzz_write_all ();
    for (; any && left > 0; left--) {
        any = false;
        for (uint8_t peer = 0; peer < run.disk.members.n; peer++)
            for (size_t slot = 0; slot < SLOTS; slot++)
                any = s_confirm (peer, slot) || any;
        fuzz_write_all ();
    }
}
