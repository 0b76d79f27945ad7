#include "zseq_crowd.h"

#include <assert.h>
#include <string.h>

//  So near to the last ID, a sequence may be at its end: reserves burn IDs.
#define END_NEAR (ZSEQ_NEXT_MAX - ((uint64_t) 1 << 32))

static uint64_t
s_draw (zseq_crowd_t *self, uint64_t bound)
{
    return zseq_storm_draw (self->storm, bound);
}

static size_t
s_index (const zseq_crowd_t *self, const zseq_caller_t *caller)
{
    return (size_t) (caller - self->caller);
}

static void
s_wake_at (zseq_crowd_t *self, const zseq_caller_t *caller, uint64_t at_us)
{
    zseq_storm_alarm (self->storm,
                      at_us + s_draw (self, self->manners.late_us + 1),
                      (uint32_t) s_index (self, caller));
}

static uint64_t
s_wake_us (const zseq_caller_t *caller)
{
    return caller->call == ZSEQ_CALL_CLAIM ? zseq_claim_wake_us (&caller->claim)
                                           : zseq_peek_wake_us (&caller->peek);
}

void
zseq_crowd_init (zseq_crowd_t *self, zseq_storm_t *storm, uint8_t n)
{
    assert (self);

    memset (self, 0, sizeof *self);
    self->storm = storm;
    self->n = n;
    self->highest = 1;
    self->request = s_draw (self, UINT64_MAX);
    for (size_t name = 0; name < ZSEQ_STORM_NAMES; name++)
        zseq_judge_init (&self->judge[name]);
    for (size_t index = 0; index < ZSEQ_CROWD_CLIENTS; index++) {
        int rc = zseq_quorum_init (&self->caller[index].quorum, n, 0, 0);
        assert (rc == ZSEQ_OK);
    }
}

void
zseq_crowd_term (zseq_crowd_t *self)
{
    assert (self);
    for (size_t name = 0; name < ZSEQ_STORM_NAMES; name++)
        zseq_judge_term (&self->judge[name]);
}

void
zseq_crowd_begin (zseq_crowd_t *self, const zseq_manners_t *manners)
{
    assert (self);
    assert (manners->clients <= ZSEQ_CROWD_CLIENTS);

    self->manners = *manners;
    self->manners.calls_max += self->calls;
    for (size_t index = 0; index < manners->clients; index++) {
        zseq_caller_t *caller = &self->caller[index];
        zseq_quorum_t *quorum = &caller->quorum;
        uint8_t more = (uint8_t) (quorum->n - quorum->w + 1);
        if (manners->large_quorums && s_draw (self, 2)) {
            quorum->w = (uint8_t) (quorum->w + s_draw (self, more));
            quorum->r = (uint8_t) (quorum->r + s_draw (self, more));
        }
        s_wake_at (self, caller, zseq_storm_now_us (self->storm));
    }
}

//  What a call comes to.

void
zseq_crowd_won_claim (zseq_crowd_t *self, size_t client, size_t name,
                      uint64_t reached, uint64_t first, uint64_t count)
{
    const char *broken =
      zseq_judge_claim (&self->judge[name], reached, first, count);
    char letter = (char) ('A' + name);
    zseq_storm_say (self->storm, "client %zu has %llu+%llu of %c", client,
                    (unsigned long long) first, (unsigned long long) count,
                    letter);
    if (broken)
        zseq_storm_broken (
          self->storm,
          "%s: client %zu has %llu+%llu of %c, and %llu had been reached "
          "before it began",
          broken, client, (unsigned long long) first,
          (unsigned long long) count, letter, (unsigned long long) reached);
}

void
zseq_crowd_won_peek (zseq_crowd_t *self, size_t client, size_t name,
                     uint64_t reached, uint64_t value)
{
    const char *broken = zseq_judge_peek (&self->judge[name], reached, value);
    char letter = (char) ('A' + name);
    if (self->highest < value)
        self->highest = value;
    zseq_storm_say (self->storm, "client %zu peeks %llu of %c", client,
                    (unsigned long long) value, letter);
    if (broken)
        zseq_storm_broken (self->storm,
                           "%s: client %zu peeks %llu of %c, and %llu had been "
                           "reached before it began",
                           broken, client, (unsigned long long) value, letter,
                           (unsigned long long) reached);
}

static void
s_failed (zseq_crowd_t *self, const zseq_caller_t *caller, int rc)
{
    self->lost++;
    zseq_storm_say (self->storm, "client %zu fails: %s", s_index (self, caller),
                    zseq_strerror (rc));
    if (rc == ZSEQ_EEXHAUSTED && self->highest < END_NEAR)
        zseq_storm_broken (self->storm,
                           "P5: client %zu is told that %c is at its end, and "
                           "no ID above %llu was ever asked for",
                           s_index (self, caller), (char) ('A' + caller->name),
                           (unsigned long long) self->highest);
    if (rc == ZSEQ_EEXHAUSTED)
        self->lost--;
}

static void
s_end_call (zseq_crowd_t *self, zseq_caller_t *caller)
{
    bool claim = caller->call == ZSEQ_CALL_CLAIM;
    int rc = claim ? caller->claim.rc : caller->peek.rc;
    size_t index = s_index (self, caller);
    if (claim)
        caller->known[caller->name] = caller->claim.known;
    self->won += rc == ZSEQ_OK;
    if (rc != ZSEQ_OK)
        s_failed (self, caller, rc);
    else if (claim) {
        self->claims++;
        zseq_crowd_won_claim (self, index, caller->name, caller->reached,
                              caller->claim.first, caller->claim.count);
    }
    else if (caller->call == ZSEQ_CALL_PEEK)
        zseq_crowd_won_peek (self, index, caller->name, caller->reached,
                             caller->peek.value);
    else {
        zseq_storm_say (self->storm, "client %zu has raised %c to %llu", index,
                        (char) ('A' + caller->name),
                        (unsigned long long) caller->value);
        zseq_judge_raise (&self->judge[caller->name], caller->value);
    }
    caller->call = ZSEQ_CALL_NONE;
}

//  Calls.

//  How many IDs: few, many, or very many.
static uint64_t
s_draw_count (zseq_crowd_t *self)
{
    uint64_t luck = s_draw (self, 16);
    if (luck < 11)
        return 1 + s_draw (self, 3);
    return 1 + s_draw (self, luck < 15 ? 1000 : (uint64_t) 1 << 20);
}

static void
s_begin_call (zseq_crowd_t *self, zseq_caller_t *caller)
{
    uint64_t now_us = zseq_storm_now_us (self->storm);
    const zseq_manners_t *manners = &self->manners;
    zseq_pace_t pace = {.rtt_us = 1 + s_draw (self, manners->rtt_us),
                        .deadline_us = now_us + manners->operation_min_us +
                                       s_draw (self, manners->operation_us + 1),
                        .seed = s_draw (self, UINT64_MAX)};
    self->calls++;
    caller->name = s_draw (self, manners->names);
    caller->reached = self->judge[caller->name].reached;
    uint64_t luck = s_draw (self, 10);
    if (luck < 7) {
        uint64_t count = s_draw_count (self);
        caller->call = ZSEQ_CALL_CLAIM;
        zseq_claim_init (&caller->claim, &caller->quorum,
                         &caller->known[caller->name], count,
                         1 + s_draw (self, count), &pace);
        return;
    }
    caller->call = luck < 9 ? ZSEQ_CALL_PEEK : ZSEQ_CALL_RAISE;
    caller->value = 0;
    if (caller->call == ZSEQ_CALL_RAISE) {
        caller->value = caller->reached + s_draw (self, 20);
        if (manners->ends && s_draw (self, 8) == 0)
            caller->value = ZSEQ_NEXT_MAX - s_draw (self, 2000);
        if (caller->value > ZSEQ_NEXT_MAX)
            caller->value = ZSEQ_NEXT_MAX;
        if (self->highest < caller->value)
            self->highest = caller->value;
    }
    zseq_peek_init (&caller->peek, &caller->quorum, caller->value, &pace);
}

//  Whoever wants IDs too may join a claim that is not sent yet (S7).
static void
s_board (zseq_crowd_t *self, zseq_caller_t *caller)
{
    if (s_draw (self, 8))
        return;
    zseq_claim_t *claim = &caller->claim;
    uint64_t count = claim->count + 1 + s_draw (self, 100);
    zseq_claim_resize (claim, count, claim->count_min);
    caller->reached = self->judge[caller->name].reached;
    zseq_storm_say (self->storm, "client %zu has others join its claim",
                    s_index (self, caller));
}

static void
s_scatter (zseq_crowd_t *self, zseq_caller_t *caller, zseq_msg_t *msg)
{
    char name = (char) ('A' + caller->name);
    msg->cluster = zseq_storm_identity (self->storm);
    msg->name = (zseq_slice_t){&name, 1};
    if (msg->op == ZSEQ_OP_CLAIM && self->highest < msg->first + msg->count)
        self->highest = msg->first + msg->count;
    zseq_attempt_t *attempt = caller->call == ZSEQ_CALL_CLAIM
                                ? &caller->claim.attempt
                                : &caller->peek.attempt;
    for (uint8_t node = 0; node < self->n; node++)
        if (!zseq_storm_send (self->storm, s_index (self, caller), node, msg))
            attempt->absent |= 1u << node;
}

//  Does what the call wants done until it waits.
static void
s_go_on (zseq_crowd_t *self, zseq_caller_t *caller, zseq_do_t what)
{
    uint64_t now_us = zseq_storm_now_us (self->storm);
    bool claim = caller->call == ZSEQ_CALL_CLAIM;
    if (what == ZSEQ_DO_SEND) {
        zseq_msg_t msg;
        memset (&msg, 0, sizeof msg);
        self->request += self->request == UINT64_MAX ? 2 : 1;
        if (claim)
            s_board (self, caller);
        what =
          claim
            ? zseq_claim_request (&caller->claim, self->request, now_us, &msg)
            : zseq_peek_request (&caller->peek, self->request, now_us, &msg);
        if (what == ZSEQ_DO_SEND)
            s_scatter (self, caller, &msg);
    }
    if (what == ZSEQ_DO_DONE) {
        s_end_call (self, caller);
        //  Bursts, and pauses between them.
        uint64_t pause_us =
          s_draw (self, 2) ? self->manners.pause_us : self->manners.rtt_us;
        s_wake_at (self, caller, now_us + s_draw (self, pause_us + 1));
    }
    else
        s_wake_at (self, caller, s_wake_us (caller));
}

static zseq_do_t
s_tick (zseq_caller_t *caller, uint64_t now_us)
{
    return caller->call == ZSEQ_CALL_CLAIM
             ? zseq_claim_tick (&caller->claim, now_us)
             : zseq_peek_tick (&caller->peek, now_us);
}

void
zseq_crowd_alarm (zseq_crowd_t *self, size_t client)
{
    assert (client < ZSEQ_CROWD_CLIENTS);
    zseq_caller_t *caller = &self->caller[client];
    if (caller->call == ZSEQ_CALL_NONE) {
        if (self->calls >= self->manners.calls_max)
            return;
        s_begin_call (self, caller);
    }
    //  Alarms of calls that went on meanwhile come as well.
    uint64_t now_us = zseq_storm_now_us (self->storm);
    if (s_wake_us (caller) <= now_us)
        s_go_on (self, caller, s_tick (caller, now_us));
}

void
zseq_crowd_reply (zseq_crowd_t *self, size_t client, const zseq_msg_t *msg)
{
    assert (client < ZSEQ_CROWD_CLIENTS);
    zseq_caller_t *caller = &self->caller[client];
    uint64_t now_us = zseq_storm_now_us (self->storm);
    if (caller->call == ZSEQ_CALL_NONE)
        return;
    uint64_t wake_us = s_wake_us (caller);
    zseq_do_t what = caller->call == ZSEQ_CALL_CLAIM
                       ? zseq_claim_reply (&caller->claim, msg, now_us)
                       : zseq_peek_reply (&caller->peek, msg, now_us);
    if (what != ZSEQ_DO_WAIT)
        s_go_on (self, caller, what);
    else if (s_wake_us (caller) != wake_us)
        s_wake_at (self, caller, s_wake_us (caller));
}

void
zseq_crowd_crash (zseq_crowd_t *self, size_t client)
{
    assert (client < ZSEQ_CROWD_CLIENTS);
    zseq_caller_t *caller = &self->caller[client];
    zseq_storm_say (self->storm, "client %zu crashes", client);
    if (caller->call != ZSEQ_CALL_NONE)
        s_wake_at (self, caller, zseq_storm_now_us (self->storm));
    caller->call = ZSEQ_CALL_NONE;
    memset (caller->known, 0, sizeof caller->known);
}

bool
zseq_crowd_idle (const zseq_crowd_t *self)
{
    if (self->calls < self->manners.calls_max)
        return false;
    for (size_t index = 0; index < ZSEQ_CROWD_CLIENTS; index++)
        if (self->caller[index].call != ZSEQ_CALL_NONE)
            return false;
    return true;
}
