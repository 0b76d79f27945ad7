//  Logs when a peer goes or comes, and when so few members vote that no claim
//  can succeed. A peer is down once it has not answered for DOWN_US, though it
//  was asked twice: that the node itself was paused takes no peer down. The
//  quorum is lost once voters have been too few for LOST_US, since a peer says
//  once a second only that it votes again. A node that recovers logs the peers
//  that it waits for elsewhere.

#include "zseq_node_private.h"

#include <stdio.h>

#include "zseq_node_texts.h"

#define DOWN_US 5000000
#define LOST_US 2000000
#define SECOND_US 1000000

//  By zseq_state_t; 0 is for a peer that has not said yet.
static const char *const s_state_text[] = {ZSEQ_TEXT_PEER_UNKNOWN,
                                           ZSEQ_TEXT_PEER_WAITS,
                                           ZSEQ_TEXT_PEER_WAITS,
                                           "votes",
                                           "recovers",
                                           "stops",
                                           "starts"};

static const char *
s_text (const zseq_peer_t *peer)
{
    return peer->presence == PRESENCE_DOWN ? ZSEQ_TEXT_PEER_IS_DOWN
                                           : s_state_text[peer->state];
}

static unsigned long long
s_seconds (const zseq_node_t *self, uint64_t since_us)
{
    return (self->now_us - since_us) / SECOND_US;
}

static void
s_note_down (zseq_node_t *self, uint8_t node)
{
    zseq_peer_t *peer = &self->peer[node];
    uint64_t since_us =
      peer->heard_us > self->begun_us ? peer->heard_us : self->begun_us;
    if (peer->wait_us <= ASK_US || self->now_us - since_us < DOWN_US)
        return;
    peer->presence = PRESENCE_DOWN;
    peer->down_us = since_us;
    zseq_node_log (self, ZSEQ_LOG (PEER_DOWN), zseq_node_name (self, node),
                   self->record.members.member[node].endpoint,
                   s_seconds (self, since_us));
}

static void
s_note_up (zseq_node_t *self, uint8_t node)
{
    zseq_peer_t *peer = &self->peer[node];
    bool again = peer->presence == PRESENCE_DOWN;
    if (peer->heard_us <= peer->down_us)
        return;
    peer->presence = PRESENCE_UP;
    if (again)
        zseq_node_log (self, ZSEQ_LOG (PEER_UP_AGAIN),
                       zseq_node_name (self, node),
                       s_seconds (self, peer->down_us));
    else
        zseq_node_log (self, ZSEQ_LOG (PEER_UP), zseq_node_name (self, node),
                       self->record.members.member[node].endpoint);
}

static void
s_watch_peer (zseq_node_t *self, uint8_t node)
{
    zseq_peer_t *peer = &self->peer[node];
    if (peer->presence != PRESENCE_UP)
        s_note_up (self, node);
    if (peer->presence != PRESENCE_DOWN)
        s_note_down (self, node);
    if (peer->logged_state == peer->state)
        return;
    peer->logged_state = peer->state;
    zseq_node_log (self, ZSEQ_LOG (PEER_STATE), zseq_node_name (self, node),
                   s_state_text[peer->state]);
}

//  The members that vote, as far as this node knows.
static zseq_node_set_t
s_voters (const zseq_node_t *self)
{
    zseq_node_set_t voters = 0;
    for (uint8_t node = 0; node < self->record.members.n; node++) {
        const zseq_peer_t *peer = &self->peer[node];
        if (node == self->record.self ? self->voting
                                      : peer->presence == PRESENCE_UP &&
                                          peer->state == ZSEQ_STATE_VOTING)
            zseq_node_set_add (&voters, node);
    }
    return voters;
}

static void
s_log_lost (zseq_node_t *self, zseq_node_set_t voters)
{
    char missing[ZSEQ_NODES_MAX * (ZSEQ_LABEL_MAX + 32)];
    size_t used = 0;
    for (uint8_t node = 0; node < self->record.members.n; node++) {
        if (zseq_node_set_has (voters, node))
            continue;
        used += (size_t) snprintf (
          missing + used, sizeof missing - used, "%s%s %s", used ? ", " : "",
          zseq_node_name (self, node),
          node == self->record.self ? ZSEQ_TEXT_SELF_NO_VOTE
                                    : s_text (&self->peer[node]));
    }
    zseq_node_log (
      self, ZSEQ_LOG (QUORUM_LOST), zseq_node_set_count (voters),
      self->record.members.n,
      zseq_quorum_size (&self->record.members.quorum, ZSEQ_QUORUM_WRITE),
      missing);
}

static void
s_watch_quorum (zseq_node_t *self)
{
    zseq_node_watch_t *watch = &self->watch;
    zseq_node_set_t voters = s_voters (self);
    if (!zseq_quorum_reached (&self->record.members.quorum, ZSEQ_QUORUM_WRITE,
                              voters)) {
        if (watch->quorum && !watch->short_us)
            watch->short_us = self->now_us;
        if (!watch->quorum || self->now_us - watch->short_us < LOST_US)
            return;
        watch->quorum = false;
        s_log_lost (self, voters);
        return;
    }
    if (!watch->quorum && watch->short_us)
        zseq_node_log (self, ZSEQ_LOG (QUORUM_REGAINED),
                       s_seconds (self, watch->short_us),
                       zseq_node_set_count (voters), self->record.members.n);
    watch->quorum = true;
    watch->short_us = 0;
}

void
zseq_node_watch_tick (zseq_node_t *self)
{
    for (uint8_t node = 0; node < self->record.members.n; node++)
        if (node != self->record.self)
            s_watch_peer (self, node);
    if (self->record.members.n > 1)
        s_watch_quorum (self);
}
