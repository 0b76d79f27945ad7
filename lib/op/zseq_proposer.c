#include "zseq_proposer_private.h"

#include <assert.h>
#include <stdlib.h>

//  A typical round trip, before the first one was measured.
#define RTT_US 1000
//  How often deadlines are looked at.
#define EXPIRY_US 10000

zseq_proposer_t *
zseq_proposer_new (const zseq_proposer_options_t *options,
                   const zseq_proposer_hooks_t *hooks)
{
    assert (options);
    assert (hooks);
    assert (hooks->ask);
    assert (hooks->done);
    assert (hooks->draw);

    zseq_proposer_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    int rc = zseq_quorum_init (&self->quorum, options->n, 0, 0);
    assert (rc == ZSEQ_OK);
    self->hooks = *hooks;
    self->proposer = options->proposer;
    self->own_shards = options->own_shards;
    self->rtt_us = RTT_US;
    for (uint8_t shard = 0; shard < ZSEQ_SHARDS; shard++)
        zseq_backoff_init (&self->shard[shard].backoff, RTT_US,
                           options->seed + shard);
    RB_INIT (&self->keys);
    TAILQ_INIT (&self->idle);
    TAILQ_INIT (&self->ready);
    TAILQ_INIT (&self->messages);
    return self;
}

void
zseq_proposer_destroy (zseq_proposer_t **self_p)
{
    assert (self_p);

    zseq_proposer_t *self = *self_p;
    if (!self)
        return;
    zseq_proposer_message_destroy_all (self);
    zseq_proposer_key_destroy_all (self);
    free (self);
    *self_p = NULL;
}

void
zseq_proposer_note (zseq_proposer_t *self, uint8_t shard,
                    const zseq_ballot_t *promise)
{
    assert (self);
    assert (shard < ZSEQ_SHARDS);
    assert (promise);

    if (promise->round > self->shard[shard].round)
        self->shard[shard].round = promise->round;
}

int
zseq_proposer_add (zseq_proposer_t *self, zseq_slice_t name,
                   zseq_kv_request_t *request, uint64_t now_us)
{
    assert (self);
    assert (name.size >= 1);
    assert (name.size <= ZSEQ_KEY_MAX);
    assert (request);

    self->now_us = now_us;
    zseq_proposer_key_t *key = zseq_proposer_key_of (self, name);
    if (!key)
        return ZSEQ_ENOMEM;
    zseq_proposer_key_wait (self, key, request);
    return ZSEQ_OK;
}

static void
s_decide_all (zseq_proposer_t *self)
{
    //  A key that must wait for its shard's ballot stays READY, and a key that
    //  was answered may be READY again.
    zseq_proposer_key_t *last = TAILQ_LAST (&self->ready, zseq_proposer_list);
    zseq_proposer_key_t *key = TAILQ_FIRST (&self->ready);
    while (key) {
        zseq_proposer_key_t *next = key == last ? NULL : TAILQ_NEXT (key, link);
        zseq_proposer_decide (self, key);
        key = next;
    }
}

static void
s_send_chosen (zseq_proposer_t *self)
{
    zseq_msg_t msg = {
      .op = ZSEQ_OP_KV_CHOSEN,
      .kv_chosen = {.chosen = self->chosen, .chosen_count = self->chosen_count},
    };
    for (uint8_t node = 0; node < self->quorum.n; node++) {
        msg.request = self->hooks.draw (self->hooks.arg);
        (void) self->hooks.ask (self->hooks.arg, node, &msg);
    }
    self->chosen_count = 0;
    self->chosen_bytes = 0;
}

//  No base outlives its ballot.
static void
s_give_all_up (zseq_proposer_t *self)
{
    for (uint8_t shard = 0; shard < ZSEQ_SHARDS; shard++)
        zseq_proposer_ballot_raise (self, shard, self->shard[shard].round);
}

void
zseq_proposer_flush (zseq_proposer_t *self, uint64_t now_us)
{
    assert (self);

    self->now_us = now_us;
    //  The own node may have answered at once, so that more can be decided.
    do
        s_decide_all (self);
    while (zseq_proposer_message_send_all (self));
    if (self->chosen_count > 0 &&
        (now_us >= self->chosen_us || self->chosen_count == ZSEQ_PAGE_MAX))
        s_send_chosen (self);
    zseq_proposer_message_tidy (self);
    zseq_proposer_key_tidy (self);
    if (zseq_proposer_key_too_many (self)) {
        s_give_all_up (self);
        zseq_proposer_key_tidy (self);
    }
}

void
zseq_proposer_tick (zseq_proposer_t *self, uint64_t now_us)
{
    assert (self);

    self->now_us = now_us;
    if (now_us >= self->expiry_us && self->requests > 0) {
        self->expiry_us = now_us + EXPIRY_US;
        zseq_proposer_key_expire_all (self);
    }
    zseq_proposer_message_send_again (self);
}

static void
s_wake (uint64_t *wake_us, uint64_t other_us)
{
    if (other_us < *wake_us)
        *wake_us = other_us;
}

//  When a READY key can be decided.
static uint64_t
s_key_wake_us (const zseq_proposer_t *self, const zseq_proposer_key_t *key)
{
    const zseq_proposer_shard_t *shard = &self->shard[key->shard];
    return shard->ballot.round != 0 && !key->waiting.first
             ? zseq_proposer_turn_wake_us (key)
             : shard->wait_us;
}

uint64_t
zseq_proposer_wake_us (const zseq_proposer_t *self)
{
    assert (self);

    uint64_t wake_us = UINT64_MAX;
    const zseq_proposer_message_t *message;
    TAILQ_FOREACH (message, &self->messages, link)
    s_wake (&wake_us, message->again_us);
    const zseq_proposer_key_t *key = TAILQ_FIRST (&self->ready);
    TAILQ_FOREACH (key, &self->ready, link)
    s_wake (&wake_us, s_key_wake_us (self, key));
    if (self->chosen_count > 0)
        s_wake (&wake_us, self->chosen_us);
    if (self->requests > 0)
        s_wake (&wake_us, self->expiry_us);
    return wake_us;
}

void
zseq_proposer_end (zseq_proposer_t *self, int status)
{
    assert (self);

    zseq_proposer_key_end_all (self, status);
    s_give_all_up (self);
    self->chosen_count = 0;
    self->chosen_bytes = 0;
}

bool
zseq_proposer_busy (const zseq_proposer_t *self)
{
    assert (self);
    return self->requests > 0;
}

const zseq_proposer_stats_t *
zseq_proposer_stats (const zseq_proposer_t *self)
{
    assert (self);
    return &self->stats;
}
