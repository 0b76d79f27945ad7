//  Coordinators: a ballot, the base of the key under it, and one proposal at a
//  time. Coordinator i is on node i, hears what replies tell, and may crash
//  with its node or without it.

#include "register.h"

#include <assert.h>

void
register_crash (int index)
{
    if (walk.proposer_count == PROPOSERS_MAX)
        return;
    walk.coordinator[index] =
      (register_coordinator_t){.proposer = ++walk.proposer_count};
    TRACE ("coordinator %d crashes, and is proposer %d", index,
           walk.proposer_count);
}

static void
s_forget_base (register_coordinator_t *self)
{
    self->has_base = self->active = false;
    self->fetched.from = 0;
}

static void
s_give_ballot_up (register_coordinator_t *self)
{
    s_forget_base (self);
    self->ballot = 0;
}

void
register_ask_promises (int index)
{
    register_coordinator_t *self = &walk.coordinator[index];
    if (walk.ballot_count == BALLOTS_MAX || self->round >= ROUNDS_MAX)
        return;
    s_forget_base (self);
    self->round++;
    self->ballot = self->round << ROUND_SHIFT | self->proposer;
    walk.ballot[walk.ballot_count++] = (register_request_t){
      .ballot = self->ballot, .sender = index, .end = register_end_of (index)};
    TRACE ("coordinator %d asks for %s", index,
           register_ballot_text (self->ballot));
}

//  K6: notes a promise that a node has given. A refusal that is late changes
//  nothing but the round.
static void
s_learn (register_coordinator_t *self, int promise)
{
    if (self->round < register_round_of (promise))
        self->round = register_round_of (promise);
    if (promise > self->ballot && !register_chance (2))
        s_give_ballot_up (self);
}

void
register_refuse (int proposal, int promise)
{
    for (int index = 0; index < walk.n; index++) {
        register_coordinator_t *self = &walk.coordinator[index];
        if (self->active && self->proposal == proposal)
            s_learn (self, promise);
    }
}

//  K10: returns the version that the next one is above.
static int
s_version_before (const register_coordinator_t *self)
{
    int version = self->absent ? 0 : walk.value[self->base].version;
    int floor = register_floor_of (self->ballot);
    return version < floor && walk.broken != VERSION_BELOW_FLOOR ? floor
                                                                 : version;
}

//  K9: returns the version up to which op ids may have fallen out of the dedup
//  window of the base.
static int
s_base_from (const register_coordinator_t *self)
{
    if (!self->absent)
        return walk.value[self->base].from;
    return walk.broken == FROM_NOTHING ? 0 : self->dropped;
}

//  K9: under a new ballot the coordinator knows the op ids that the base has.
static void
s_forget_ops (register_coordinator_t *self)
{
    self->known = self->absent ? 0 : self->base;
    self->from = s_base_from (self);
}

//  Takes the base from the replies that count.
static void
s_take_base (register_coordinator_t *self, uint32_t counted)
{
    register_image_t highest = {0};
    for (int node = 0; node < walk.n; node++) {
        if (!register_has (counted, node))
            continue;
        const register_image_t *image = &self->fetched.image[node];
        if (highest.accepted < image->accepted) {
            highest.accepted = image->accepted;
            highest.value = image->value;
        }
        if (highest.dropped < image->dropped)
            highest.dropped = image->dropped;
        if (walk.value[highest.collected].depth <
            walk.value[image->collected].depth)
            highest.collected = image->collected;
    }
    self->has_base = true;
    self->absent = !highest.accepted;
    self->base = self->absent ? highest.collected : highest.value;
    self->dropped = highest.dropped;
    //  EFORGOTTEN tells clients of the floor, and they come back with it.
    if (self->dropped > register_floor_of (self->ballot))
        register_fail ("forgotten: no op can be applied any more");
    if (walk.broken == BASE_KEPT && self->last_base) {
        self->base = self->last_base;
        self->absent = false;
    }
    if (walk.broken != OPS_KEPT || !self->known)
        s_forget_ops (self);
    TRACE ("under %s the base is value %d%s, from nodes %x",
           register_ballot_text (self->ballot), self->base,
           self->absent ? ", absent" : "", counted);
}

void
register_fetch (int index, int node)
{
    register_coordinator_t *self = &walk.coordinator[index];
    if (!self->ballot || self->has_base || !register_votes (node))
        return;
    const register_image_t *image = walk.broken == PROMISE_EARLY
                                      ? register_memory_of (node)
                                      : register_shown_of (node);
    if (image->promise != self->ballot) {
        s_learn (self, image->promise);
        return;
    }
    register_end_t end = register_end_of (node);
    register_arrived (node, end);
    register_hear (index, node, end);
    register_note (&self->fetched, node, image, &walk.node[node].vector);
    uint32_t counted =
      register_counted (&self->fetched, walk.broken != FETCH_UNCHECKED);
    if (register_size (counted) >= walk.majority)
        s_take_base (self, counted);
}

//  K9: returns the value that the operation made, if its version is above from
//  and it is on the chain that ends at value, or 0.
static int
s_find_above (int value, int from, int op)
{
    while (value && walk.value[value].version > from) {
        if (walk.value[value].op == op)
            return value;
        value = walk.value[value].parent;
    }
    return 0;
}

//  K9: returns the value that the operation made, if the dedup window of the
//  base has it or the coordinator has proposed it under its ballot, or 0.
static int
s_find_op (const register_coordinator_t *self, int op)
{
    if (walk.broken == OPS_NOT_REMEMBERED)
        return 0;
    int found =
      self->absent ? 0 : s_find_above (self->base, s_base_from (self), op);
    return found ? found : s_find_above (self->known, self->from, op);
}

//  K9: returns whether the operation may be applied and forgotten.
static bool
s_is_forgotten (const register_coordinator_t *self, int op)
{
    int from =
      self->from < s_base_from (self) ? self->from : s_base_from (self);
    return walk.op[op].since < from && walk.broken != SINCE_IGNORED &&
           walk.broken != OPS_NOT_REMEMBERED;
}

//  K10: returns whether the operation's client has seen a later ballot.
static bool
s_is_old (const register_coordinator_t *self, int op)
{
    int since = walk.op[op].since;
    return since > s_version_before (self) &&
           since > register_floor_of (self->ballot) &&
           walk.broken != SINCE_ABOVE_BALLOT;
}

//  K9: returns from of the value made from the base. The oldest op id falls out
//  of a window that is full.
static int
s_from (const register_coordinator_t *self)
{
    if (self->absent || walk.value[self->base].window < WINDOW)
        return s_base_from (self);
    int oldest = self->base;
    for (int left = WINDOW - 1; left > 0; left--)
        oldest = walk.value[oldest].parent;
    return walk.value[oldest].version;
}

//  Makes the value of an operation from the base.
static int
s_make (const register_coordinator_t *self, int op)
{
    const register_value_t *base = &walk.value[self->base];
    int window = self->absent ? 1 : base->window + 1;
    int version = s_version_before (self);
    //  Only a broken rule comes here with a since above that.
    if (version < walk.op[op].since)
        version = walk.op[op].since;
    version++;
    //  A recovery by force relies on it.
    if (version <= register_floor_of (self->ballot))
        register_fail ("version: not above the floor of its ballot");
    assert (walk.broken != RIGHT ||
            version >> FLOOR_SHIFT == register_round_of (self->ballot));
    walk.value[walk.value_count] =
      (register_value_t){.op = op,
                         .parent = self->base,
                         .depth = base->depth + 1,
                         .version = version,
                         .from = s_from (self),
                         .window = window < WINDOW ? window : WINDOW,
                         .deleted = walk.op[op].kind == DELETE};
    return walk.value_count++;
}

static void
s_send_accept (int index, int value, int op)
{
    register_coordinator_t *self = &walk.coordinator[index];
    self->base_before = self->base;
    self->absent_before = self->absent;
    //  K1: a seq is used once.
    self->proposal = self->ballot << BALLOT_SHIFT | ++self->seq;
    self->value = value;
    self->op = op;
    self->acceptances.from = 0;
    self->active = true;
    //  K4: the base is what was proposed last, chosen or not.
    self->base = self->last_base = self->known = value;
    self->absent = false;
    //  At any time it may forget what has fallen out of the window.
    if (register_chance (4))
        s_forget_ops (self);
    walk.accept[walk.accept_count++] =
      (register_request_t){.proposal = self->proposal,
                           .value = value,
                           .sender = index,
                           .end = register_end_of (index)};
    TRACE ("coordinator %d proposes %s: value %d of op %d, made from %d", index,
           register_proposal_text (self->proposal), value, op,
           walk.value[value].parent);
}

//  Returns the value to propose; -1: there is none.
static int
s_choose_value (register_coordinator_t *self, int op)
{
    if (walk.op[op].kind == SETTLE)
        return self->absent ? -1 : self->base;
    if (s_find_op (self, op)) {
        walk.sum.found++;
        return self->base;  //  K8: settled before it is answered
    }
    if (s_is_old (self, op)) {
        int round = walk.op[op].since >> FLOOR_SHIFT;
        if (self->round < round)
            self->round = round;
        s_give_ballot_up (self);  //  K6
        return -1;
    }
    return s_is_forgotten (self, op) ? -1 : s_make (self, op);
}

void
register_propose (int index, int op)
{
    register_coordinator_t *self = &walk.coordinator[index];
    if (!self->has_base || self->active || self->seq == SEQ_MAX ||
        walk.accept_count == VALUES_MAX || walk.value_count == VALUES_MAX)
        return;
    int found = s_find_op (self, op);
    if (walk.broken == FOUND_OP_DONE && found && !walk.op[op].done &&
        walk.op[op].kind != SETTLE) {
        walk.op[op].done = true;
        register_observe_write (found, walk.op[op].begun, op);
        return;
    }
    int value = s_choose_value (self, op);
    if (value >= 0)
        s_send_accept (index, value, op);
}

void
register_give_up (int index)
{
    register_coordinator_t *self = &walk.coordinator[index];
    if (!self->active)
        return;
    TRACE ("coordinator %d gives up %s", index,
           register_proposal_text (self->proposal));
    self->active = false;
    if (walk.broken != PROPOSAL_REUSED)
        return;
    self->seq--;
    self->base = self->base_before;
    self->absent = self->absent_before;
}

//  Answers the operation whose proposal was chosen.
static void
s_finish (int index)
{
    register_coordinator_t *self = &walk.coordinator[index];
    self->active = false;
    if (walk.chosen_count < VALUES_MAX)
        walk.chosen[walk.chosen_count++] =
          (register_request_t){.proposal = self->proposal,
                               .sender = index,
                               .end = register_end_of (index)};
    register_op_t *op = &walk.op[self->op];
    if (op->done)
        return;
    op->done = true;
    if (op->kind == SETTLE) {
        walk.sum.settled++;
        register_observe_read (self->value, op->begun);
        return;
    }
    int value = self->value;
    while (value && walk.value[value].op != self->op)
        value = walk.value[value].parent;
    register_observe_write (value, op->begun, self->op);
}

void
register_deliver_reply (const register_reply_t *reply)
{
    static const register_image_t s_nothing;
    for (int index = 0; index < walk.n; index++) {
        register_coordinator_t *self = &walk.coordinator[index];
        if (!self->active || self->proposal != reply->proposal)
            continue;
        register_arrived (reply->node, reply->end);
        register_hear (index, reply->node, reply->end);
        register_note (&self->acceptances, reply->node, &s_nothing,
                       &reply->vector);
        uint32_t counted = register_counted (&self->acceptances,
                                             walk.broken != ACCEPT_UNCHECKED);
        if (register_size (counted) >= walk.majority)
            s_finish (index);
    }
}
