//  Turns: of many clients that change a key in the same way, by a condition on
//  the version that they know, one succeeds at a time, and all others fail. If
//  all of these were told at once, all would try again at once, and all but one
//  in vain. So they are held, and take turns. With each proposal that is chosen
//  one is told what the key has now, and is likely to be the next to succeed.
//
//  Who is told may not try again. So after a while, which is several times what
//  clients have taken to try again, two more are told, then four, and so on.

#include "zseq_proposer_private.h"

#include <assert.h>

#include "zseq_kv_times.h"

//  How long a turn lasts: so many times what a client typically takes.
#define TURN_RETRIES 4
#define TURN_US_MIN 1000
#define TURN_US_MAX 10000
//  Each turn tells twice as many as the one before.
#define TURN_COUNT_MAX 1024

void
zseq_proposer_turn_init (zseq_proposer_key_t *key)
{
    assert (key);
    zseq_kv_requests_init (&key->refused);
    key->held_until_us = UINT64_MAX;
    key->turn_count = 1;
}

static void
s_begin (const zseq_proposer_t *self, zseq_proposer_key_t *key)
{
    uint64_t turn_us =
      TURN_RETRIES * (key->retry_us ? key->retry_us : self->rtt_us);
    if (turn_us < TURN_US_MIN)
        turn_us = TURN_US_MIN;
    if (turn_us > TURN_US_MAX)
        turn_us = TURN_US_MAX;
    key->turn_us = self->now_us + turn_us;
    if (!key->given_us)
        key->given_us = self->now_us;
    if (key->turn_count < TURN_COUNT_MAX)
        key->turn_count *= 2;
}

//  Holds a request, for no more than a quarter of its time: its client leaves a
//  coordinator after half of it.
static void
s_hold (const zseq_proposer_t *self, zseq_proposer_key_t *key,
        zseq_kv_request_t *request)
{
    uint64_t held_us = request->deadline_us > self->now_us
                         ? (request->deadline_us - self->now_us) / 4
                         : 0;
    if (held_us > ZSEQ_KV_HELD_US)
        held_us = ZSEQ_KV_HELD_US;
    request->held_until_us = self->now_us + held_us;
    if (request->held_until_us < key->held_until_us)
        key->held_until_us = request->held_until_us;
    zseq_kv_requests_append (&key->refused, request);
}

//  Whether a request may be held that was judged: its condition was refused,
//  nobody has proposed it, it has not had its turn yet, and no other node waits
//  for it.
static bool
s_may_hold (const zseq_kv_request_t *request)
{
    return request->op.conditional && !request->tried && !request->relayed &&
           !request->held_until_us &&
           (request->status == ZSEQ_EVERSION || request->status == ZSEQ_ENOKEY);
}

size_t
zseq_proposer_turn_hold (zseq_proposer_t *self, zseq_proposer_key_t *key,
                         size_t count, bool writes)
{
    assert (self);
    assert (key);

    //  Without competition, nobody is held.
    bool lone = !writes && !key->refused.first && self->now_us >= key->turn_us;
    bool answered = false;
    size_t held = 0;
    zseq_kv_request_t *previous = NULL;
    zseq_kv_request_t *request = key->waiting.first;
    while (count-- > 0) {
        zseq_kv_request_t *following = request->following;
        if (!s_may_hold (request))
            previous = request;
        else if (lone && !answered) {
            answered = true;
            request->held_until_us = self->now_us;
            previous = request;
        }
        else {
            (void) zseq_kv_requests_take_behind (&key->waiting, previous);
            s_hold (self, key, request);
            held++;
        }
        request = following;
    }
    if (answered && held > 0)
        s_begin (self, key);
    return held;
}

//  Moves requests to given: the first count, and all that have been held for
//  too long.
static void
s_give (zseq_proposer_t *self, zseq_proposer_key_t *key, uint64_t count,
        zseq_kv_requests_t *given)
{
    zseq_kv_request_t *previous = NULL;
    zseq_kv_request_t *request = key->refused.first;
    key->held_until_us = UINT64_MAX;
    while (request) {
        zseq_kv_request_t *following = request->following;
        if (count > 0 || self->now_us >= request->held_until_us) {
            (void) zseq_kv_requests_take_behind (&key->refused, previous);
            zseq_kv_requests_append (given, request);
            count -= count > 0;
        }
        else {
            if (request->held_until_us < key->held_until_us)
                key->held_until_us = request->held_until_us;
            previous = request;
        }
        request = following;
    }
}

void
zseq_proposer_turn_give (zseq_proposer_t *self, zseq_proposer_key_t *key)
{
    assert (self);
    assert (key);

    bool begins = key->refused.first && self->now_us >= key->turn_us;
    if (!begins && self->now_us < key->held_until_us)
        return;
    zseq_kv_requests_t given;
    zseq_kv_requests_init (&given);
    uint64_t count = begins ? key->turn_count : 0;
    if (begins)
        s_begin (self, key);
    s_give (self, key, count, &given);
    zseq_kv_requests_prepend (&key->waiting, &given);
}

void
zseq_proposer_turn_end (zseq_proposer_key_t *key)
{
    assert (key);
    key->turn_us = 0;
    key->turn_count = 1;
}

void
zseq_proposer_turn_wrote (const zseq_proposer_t *self, zseq_proposer_key_t *key)
{
    assert (self);
    assert (key);

    if (!key->given_us)
        return;
    uint64_t retry_us = self->now_us - key->given_us;
    key->given_us = 0;
    if (retry_us > TURN_US_MAX)
        retry_us = TURN_US_MAX;
    key->retry_us =
      key->retry_us ? (7 * key->retry_us + retry_us) / 8 : retry_us;
}

void
zseq_proposer_turn_cancel (zseq_proposer_key_t *key)
{
    assert (key);
    zseq_kv_requests_prepend (&key->waiting, &key->refused);
    key->held_until_us = UINT64_MAX;
    key->given_us = 0;
    zseq_proposer_turn_end (key);
}

uint64_t
zseq_proposer_turn_wake_us (const zseq_proposer_key_t *key)
{
    assert (key);
    if (!key->refused.first)
        return UINT64_MAX;
    return key->turn_us < key->held_until_us ? key->turn_us
                                             : key->held_until_us;
}
