//  Recovery: a node whose directory is incomplete or old takes a new
//  incarnation, has its peers put it in force, copies their sequences, and
//  votes last. zseq_phase_t lists the phases; zseq_recovery says whose answers
//  count. zseq_node_recovery_begin starts a recovery; after it, each reply,
//  tick and completed write calls the function below that may move it on.

#include "zseq_node_private.h"
#include "zseq_node_texts.h"

//  A recovery by force skips this many incarnations of the node.
#define FORCED_INCARNATIONS 1000
//  ... and raises promises by this many rounds: others follow at once, and can
//  do so a few times in a row.
#define FORCED_ROUNDS (ZSEQ_ROUND_RISE_MAX / 4)
//  A recovering node requests no further page while more writes than this are
//  in flight.
#define COPYING_MAX 8192
//  How often the node logs its progress, and when it first logs which peers it
//  waits for.
#define COPIED_US 1000000
#define WAITING_FIRST_US 2000000
//  After this many attempts the node ends: other processes must be using its
//  name.
#define ATTEMPTS_MAX 32

//  K13: own registers may have been dropped since. By force they count.
void
zseq_node_recovery_copy_keys_again (zseq_node_t *self)
{
    zseq_recovery_t *recovery = &self->recovery.attempt;
    recovery->keys_void = false;
    self->recovery.settled = (zseq_kv_cursor_t){.shard = 0};
    for (uint8_t node = 0; node < self->record.members.n; node++)
        zseq_recovery_forget_keys (recovery, node);
    if (self->kv.registers && !self->recovery.forced)
        zseq_registers_clear (self->kv.registers);
}

void
zseq_node_recovery_attempt (zseq_node_t *self)
{
    if (++self->recovery.attempts > ATTEMPTS_MAX) {
        zseq_node_end (self, ZSEQ_ESUPERSEDED, ZSEQ_TEXT_RECOVERIES_MANY,
                       zseq_node_name (self, self->record.self), ATTEMPTS_MAX);
        return;
    }
    //  S5: the vote may be on its way to the disk already.
    if (self->record.voting) {
        self->record.voting = false;
        self->version++;
    }
    zseq_recovery_init (&self->recovery.attempt, &self->record);
    self->recovery.phase = PHASE_ASK;
    self->recovery.progress_us = self->now_us;
    zseq_node_recovery_copy_keys_again (self);
    for (uint8_t node = 0; node < self->record.members.n; node++) {
        self->peer[node].request = 0;
        self->peer[node].ask_us = 0;
        self->peer[node].wait_us = 0;
        self->peer[node].cluster = 0;
        self->peer[node].state = 0;
        self->peer[node].speaks = 0;
        //  The peer confirmed the previous incarnation.
        self->peer[node].confirms = false;
        self->peer[node].last_warning = ZSEQ_OK;
    }
}

//  S5: ceases to vote now in memory, and soon on disk. Requests that wait for
//  the disk get no answer: they were granted in an incarnation that has ended.
void
zseq_node_recovery_begin (zseq_node_t *self)
{
    self->recovering = true;
    self->starting = false;
    self->forming = false;
    zseq_node_suspend (self);
    zseq_node_log (self, ZSEQ_LOG (RECOVERS),
                   zseq_node_name (self, self->record.self),
                   self->recovery.why);
    const zseq_quorum_t *quorum = &self->record.members.quorum;
    if (!zseq_quorum_reached (quorum, ZSEQ_QUORUM_WRITE,
                              zseq_node_peer_set (self)) &&
        !self->recovery.forced) {
        zseq_node_end (self, ZSEQ_EQUORUM, ZSEQ_TEXT_RECOVERY_NO_QUORUM,
                       zseq_quorum_size (quorum, ZSEQ_QUORUM_WRITE),
                       self->record.members.n, self->record.members.n - 1);
        return;
    }
    //  The first log line comes soon. The subtraction may wrap, which is
    //  harmless.
    self->recovery.logged_us = self->now_us + WAITING_FIRST_US - WAITING_US;
    zseq_node_recovery_attempt (self);
}

void
zseq_node_recovery_find_cluster (zseq_node_t *self, bool any)
{
    uint8_t n = self->record.members.n;
    for (uint8_t node = 0; node < n && !self->recovery.identity; node++) {
        zseq_node_set_t agree = 0;
        for (uint8_t other = 0; other < n; other++)
            if (self->peer[other].cluster == self->peer[node].cluster)
                zseq_node_set_add (&agree, other);
        if (self->peer[node].cluster &&
            (any || zseq_recovery_reached (&self->recovery.attempt, agree)))
            self->recovery.identity = self->peer[node].cluster;
    }
    for (uint8_t node = 0; node < n && self->recovery.identity; node++) {
        if (self->peer[node].cluster != self->recovery.identity ||
            !zseq_recovery_see (&self->recovery.attempt, node,
                                &self->peer[node].vector))
            continue;
        self->recovery.attempt.answers[node].asked = true;
    }
}

//  Takes a new incarnation above all that this node or a peer knows.
static void
s_begin_incarnation (zseq_node_t *self)
{
    zseq_record_t *record = &self->record;
    if (!self->recovery.identity && self->recovery.forced)
        zseq_node_recovery_find_cluster (self, true);
    if (!record->identity)
        record->identity = self->recovery.identity;
    if (!record->identity) {
        zseq_node_end (self, ZSEQ_EUNAVAILABLE,
                       ZSEQ_TEXT_RECOVERY_NOBODY_KNOWS);
        return;
    }
    if (self->recovery.forced && !zseq_node_force_heard_enough (self))
        return;
    zseq_vector_merge (&record->vector, &self->recovery.attempt.newest);
    zseq_incarnation_t *incarnation = &record->vector.incarnation[record->self];
    if (incarnation->counter >= UINT64_MAX - FORCED_INCARNATIONS) {
        zseq_node_end (self, ZSEQ_EPROTOCOL, ZSEQ_TEXT_INCARNATIONS_USED_UP,
                       zseq_node_name (self, record->self));
        return;
    }
    //  The first incarnation belongs to formatted nodes. Request IDs start at a
    //  random number in each process and never repeat in it.
    incarnation->counter = incarnation->counter ? incarnation->counter + 1 : 2;
    //  The peers that answer may not know the newest incarnation.
    if (self->recovery.forced)
        incarnation->counter += FORCED_INCARNATIONS;
    incarnation->random = ++self->next_request;
    record->vector.start[record->self] = (zseq_start_t){0, 0};
    record->start_voted = false;
    //  A peer that puts the new incarnation in force takes over these floors.
    zseq_node_floor_force (self);
    self->recovery.phase = PHASE_BEGIN;
    self->recovery.begun_version = ++self->version;
}

//  Registers were lost with their versions, as far as anybody knows. Promises
//  rise to a ballot of this process so far above that the versions that are
//  made from now on are above all lost ones (K10). And no op from before is
//  applied any more: what was lost may have had it (K9).
static void
s_pass_lost_versions (zseq_node_t *self)
{
    for (uint8_t shard = 0; shard < ZSEQ_SHARDS; shard++) {
        zseq_ballot_t ballot =
          *zseq_registers_promise (self->kv.registers, shard);
        uint32_t left = ZSEQ_ROUND_MAX - ballot.round;
        ballot.round += left < FORCED_ROUNDS ? left : FORCED_ROUNDS;
        ballot.proposer = self->process << 8 | self->record.self;
        zseq_registers_raise (self->kv.registers, shard, &ballot);
        zseq_registers_raise_dropped (self->kv.registers, shard,
                                      zseq_ballot_floor (&ballot));
    }
}

//  Enough peers have been copied from completely: takes over their floors and
//  begins to write.
static void
s_settle (zseq_node_t *self)
{
    zseq_record_t *record = &self->record;
    zseq_node_floor_force (self);
    for (uint8_t node = 0; node < record->members.n; node++) {
        const zseq_peer_answers_t *answers =
          &self->recovery.attempt.answers[node];
        if (!answers->complete)
            continue;
        if (record->floor < answers->floor)
            record->floor = answers->floor;
        if (record->floor_reserved < answers->floor_reserved)
            record->floor_reserved = answers->floor_reserved;
    }
    zseq_vector_merge (&record->vector, &self->recovery.attempt.newest);
    if (self->kv.registers && self->recovery.forced)
        s_pass_lost_versions (self);
    if (self->kv.registers)
        zseq_node_kv_delegation_begin (self);
    //  The record is written with the vote.
    self->recovery.phase = PHASE_SETTLE;
}

//  Whether those peers suffice. A recovery by force goes on early only if all
//  peers have answered.
static bool
s_are_enough (const zseq_node_t *self, zseq_node_set_t peers)
{
    return self->recovery.forced
             ? zseq_node_set_includes (peers, zseq_node_peer_set (self))
             : zseq_recovery_reached (&self->recovery.attempt, peers);
}

void
zseq_node_recovery_maybe_proceed (zseq_node_t *self)
{
    if (!self->recovering || self->stopping)
        return;
    const zseq_recovery_t *recovery = &self->recovery.attempt;
    if (self->recovery.phase == PHASE_ASK) {
        if (s_are_enough (self, zseq_recovery_asked (recovery)) ||
            zseq_node_force_waited (self))
            s_begin_incarnation (self);
    }
    else if (self->recovery.phase == PHASE_COPY) {
        if (s_are_enough (self, zseq_recovery_complete (recovery)) ||
            (zseq_node_force_waited (self) &&
             zseq_node_force_passes_over_nobody (self)))
            s_settle (self);
    }
}

void
zseq_node_recovery_settle_keys (zseq_node_t *self)
{
    if (self->recovering && self->recovery.phase == PHASE_SETTLE &&
        self->kv.registers && !self->record.voting && !self->stopping &&
        !self->ended)
        zseq_node_kv_settle (self, &self->recovery.settled);
}

//  S5: the vote is the last thing to be written.
void
zseq_node_recovery_maybe_vote (zseq_node_t *self)
{
    if (self->recovering && self->recovery.phase == PHASE_SETTLE &&
        !zseq_node_queue_dirty (self) && self->disk.writing == 0 &&
        !self->record.voting &&
        zseq_node_kv_settled (self, &self->recovery.settled) &&
        !self->stopping) {
        self->record.start_voted = true;
        self->record.voting = true;
        self->version++;
    }
}

//  The next request of the recovery to a peer that is fenced: COPY of the next
//  page; HELLO, as it may have been upgraded before the fence; KV_COPY of the
//  next page; KV_PROMISES.
static zseq_op_t
s_next_to_copy (const zseq_peer_answers_t *answers)
{
    if (!answers->named)
        return ZSEQ_OP_COPY;
    if (!answers->says_version)
        return ZSEQ_OP_HELLO;
    return answers->keyed ? ZSEQ_OP_KV_PROMISES : ZSEQ_OP_KV_COPY;
}

//  Fills in what a request says of this recovery.
static void
s_fill_request (const zseq_node_t *self, uint8_t peer, zseq_msg_t *ask)
{
    const zseq_peer_answers_t *answers = &self->recovery.attempt.answers[peer];
    zseq_msg_recovery_t recovery = {
      .incarnation = self->record.vector.incarnation[self->record.self],
      .forced = self->recovery.forced && self->peer[peer].speaks > 1};
    bool old = ask->op == ZSEQ_OP_FENCE || ask->op == ZSEQ_OP_COPY;
    ask->version = old && recovery.forced ? 2 : 1;
    if (ask->op == ZSEQ_OP_HELLO)
        ask->cluster = 0;
    else if (ask->op == ZSEQ_OP_FENCE)
        ask->fence.recovery = recovery;
    else if (ask->op == ZSEQ_OP_COPY)
        ask->copy = (zseq_msg_copy_t){
          .recovery = recovery, .after = {answers->after, answers->after_size}};
    else if (ask->op == ZSEQ_OP_KV_COPY)
        ask->kv_copy = (zseq_msg_kv_copy_t){
          .recovery = recovery,
          .shard = answers->after_key.shard,
          .after = {answers->after_key.key, answers->after_key.key_size}};
    else
        ask->kv_promises.recovery = recovery;
}

//  Sends a peer the next request of the recovery. Sends nothing if the peer is
//  complete or too many writes are in flight.
static void
s_request_next (zseq_node_t *self, uint8_t peer)
{
    const zseq_peer_answers_t *answers = &self->recovery.attempt.answers[peer];
    zseq_op_t op = ZSEQ_OP_HELLO;
    if (self->recovery.phase == PHASE_COPY)
        op = answers->fenced ? s_next_to_copy (answers) : ZSEQ_OP_FENCE;
    else if (self->recovery.phase != PHASE_ASK || answers->asked)
        return;
    if (answers->complete ||
        (op == ZSEQ_OP_COPY && self->disk.writing > COPYING_MAX))
        return;

    uint64_t *wait_us = &self->peer[peer].wait_us;
    *wait_us = *wait_us ? *wait_us * 2 : FORMATION_ASK_US;
    if (*wait_us > ASK_US)
        *wait_us = ASK_US;
    self->peer[peer].ask_us = self->now_us + *wait_us;

    s_fill_request (self, peer, zseq_node_ask_question (self, peer, op));
    zseq_node_ask_send (self, peer);
}

void
zseq_node_recovery_request_all (zseq_node_t *self)
{
    for (uint8_t node = 0; node < self->record.members.n; node++)
        if (node != self->record.self &&
            self->now_us >= self->peer[node].ask_us)
            s_request_next (self, node);
}

void
zseq_node_recovery_log (zseq_node_t *self)
{
    uint64_t copied = 0;
    uint64_t total = 0;
    uint8_t from = 0;
    for (uint8_t node = 0; node < self->record.members.n; node++) {
        const zseq_peer_answers_t *answers =
          &self->recovery.attempt.answers[node];
        if (answers->copied <= copied && answers->total <= total)
            continue;
        copied = answers->copied;
        total = answers->total;
        from = node;
    }
    uint64_t silent_us = self->now_us - self->recovery.logged_us;
    if (copied != self->recovery.logged_copied && silent_us >= COPIED_US)
        zseq_node_log (self, ZSEQ_LOG (RECOVERY_COPIED),
                       (unsigned long long) copied, (unsigned long long) total,
                       zseq_node_name (self, from));
    else if (silent_us >= WAITING_US) {
        char reason[ZSEQ_REASON_MAX + 1];
        zseq_node_reason (self, reason, sizeof reason);
        zseq_node_log (self, ZSEQ_LOG (RECOVERY_WAITS),
                       zseq_node_name (self, self->record.self), reason);
    }
    else
        return;
    self->recovery.logged_us = self->now_us;
    self->recovery.logged_copied = copied;
}

void
zseq_node_recovery_record_written (zseq_node_t *self)
{
    if (!self->recovering || self->recovery.phase != PHASE_BEGIN ||
        self->durable.version < self->recovery.begun_version)
        return;
    self->recovery.phase = PHASE_COPY;
    self->recovery.progress_us = self->now_us;
    for (uint8_t node = 0; node < self->record.members.n; node++)
        self->peer[node].ask_us = 0;
}
