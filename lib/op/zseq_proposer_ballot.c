#include "zseq_proposer_private.h"

#include <assert.h>

//  K1: every ballot is above all that this process has asked for or seen.
static void
s_take (zseq_proposer_t *self, zseq_proposer_shard_t *shard)
{
    shard->ballot.round = ++shard->round;
    shard->ballot.proposer = self->proposer;
    shard->asked = 0;
    shard->promised = 0;
    self->stats.ballots++;
}

//  Whether a shard has no ballot and may take one now.
static bool
s_may_take (const zseq_proposer_t *self, const zseq_proposer_shard_t *shard)
{
    return shard->ballot.round == 0 && self->now_us >= shard->wait_us &&
           shard->round < ZSEQ_ROUND_MAX;
}

bool
zseq_proposer_ballot_ready (zseq_proposer_t *self, uint8_t index)
{
    zseq_proposer_shard_t *shard = &self->shard[index];
    if (shard->ballot.round != 0)
        return true;
    if (!s_may_take (self, shard))
        return false;
    s_take (self, shard);
    if (!(self->own_shards >> index & 1))
        return true;
    //  One PROMISE takes all shards that will be needed sooner or later.
    for (uint8_t other = 0; other < ZSEQ_SHARDS; other++)
        if (self->own_shards >> other & 1 &&
            s_may_take (self, &self->shard[other]) &&
            self->shard[other].round + 1 == shard->round)
            s_take (self, &self->shard[other]);
    return true;
}

static void
s_give_up (zseq_proposer_t *self, uint8_t index)
{
    self->shard[index].ballot = (zseq_ballot_t){0};
    zseq_proposer_key_end_ballot (self, index);
}

void
zseq_proposer_ballot_ask (zseq_proposer_t *self, uint8_t node,
                          const zseq_ballot_t *ballot)
{
    zseq_msg_t msg = {
      .op = ZSEQ_OP_KV_PROMISE,
      .kv_promise = {.ballot = *ballot},
    };
    for (uint8_t index = 0; index < ZSEQ_SHARDS; index++) {
        zseq_proposer_shard_t *shard = &self->shard[index];
        if (zseq_ballot_compare (&shard->ballot, ballot) != 0 ||
            zseq_node_set_has (shard->asked, node))
            continue;
        msg.kv_promise.shards |= (uint64_t) 1 << index;
        zseq_node_set_add (&shard->asked, node);
    }
    if (!msg.kv_promise.shards)
        return;
    msg.request = self->hooks.draw (self->hooks.arg);
    (void) self->hooks.ask (self->hooks.arg, node, &msg);
}

void
zseq_proposer_ballot_unask (zseq_proposer_t *self, uint8_t node,
                            const zseq_ballot_t *ballot)
{
    for (uint8_t index = 0; index < ZSEQ_SHARDS; index++) {
        zseq_proposer_shard_t *shard = &self->shard[index];
        if (zseq_ballot_compare (&shard->ballot, ballot) == 0 &&
            !zseq_node_set_has (shard->promised, node))
            zseq_node_set_remove (&shard->asked, node);
    }
}

void
zseq_proposer_ballot_learn (zseq_proposer_t *self, uint8_t index, uint8_t node,
                            const zseq_ballot_t *promise)
{
    zseq_proposer_shard_t *shard = &self->shard[index];
    if (promise->round > shard->round)
        shard->round = promise->round;
    if (shard->ballot.round == 0)
        return;
    int order = zseq_ballot_compare (promise, &shard->ballot);
    zseq_node_set_put (&shard->promised, node, order == 0);
    if (order <= 0)
        return;
    self->stats.lost++;
    shard->wait_us = self->now_us + zseq_backoff_next (&shard->backoff);
    s_give_up (self, index);
    if (self->hooks.pass)
        zseq_proposer_key_pass (self, index, zseq_ballot_node (promise));
}

void
zseq_proposer_ballot_raise (zseq_proposer_t *self, uint8_t index,
                            uint64_t round)
{
    zseq_proposer_shard_t *shard = &self->shard[index];
    assert (round <= ZSEQ_ROUND_MAX);
    if (round > shard->round)
        shard->round = (uint32_t) round;
    s_give_up (self, index);
}
