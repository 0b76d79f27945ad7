#include "zseq_proposer_private.h"

#include <assert.h>
#include <string.h>

//  Requests that one answer or proposal serves at most.
#define REQUESTS_MAX 256
//  What a key takes in a CHOSEN beside its own bytes, at most.
#define CHOSEN_BYTES 32
//  How long nodes are taken for full that have refused a proposal.
#define FULL_US 1000000
//  A ballot is given up before it has made so many versions of a key: K10.
#define VERSIONS_MAX 0x80000000u

//  A key's requests, judged on its base: the first count of those that wait.
typedef struct {
    size_t count;
    size_t writes;
    uint64_t arrival;        //  Of the last one
    bool retried;            //  See s_is_retried
    size_t remembered;       //  Op ids beside the base's before that
    uint64_t round;          //  Not 0: a ballot of that round or a higher one
                             //  is needed first
    zseq_kv_record_t draft;  //  What they make of the base
} s_judged_t;

static uint64_t
s_floor (const zseq_proposer_t *self, const zseq_proposer_key_t *key)
{
    return zseq_ballot_floor (&self->shard[key->shard].ballot);
}

//  Whether a write was judged not to be made, because its condition does not
//  hold.
static bool
s_is_refused (const zseq_kv_request_t *request)
{
    return request->op.type != ZSEQ_KV_GET &&
           (request->status == ZSEQ_ENOKEY || request->status == ZSEQ_EVERSION);
}

//  Whether a condition does not hold for a write that was proposed before. That
//  proposal may still be taken up by whoever fetches it from a minority, until
//  a higher one is chosen. So the refusal is no answer before that (K8).
static bool
s_is_retried (const zseq_kv_request_t *request)
{
    return request->tried && s_is_refused (request);
}

//  Judges an op on the draft (K9). The proposer knows all op ids that have
//  fallen out of the draft's window since it has fetched the base.
static void
s_apply (zseq_proposer_key_t *key, zseq_kv_record_t *draft, uint64_t floor,
         const zseq_kv_op_t *op, zseq_kv_outcome_t *outcome)
{
    uint64_t version = op->type == ZSEQ_KV_GET
                         ? 0
                         : zseq_op_ids_find (&key->op_ids, op->op, op->since);
    if (version) {
        *outcome = (zseq_kv_outcome_t){.status = ZSEQ_OK, .version = version};
        return;
    }
    const zseq_dedup_t oldest = draft->dedup[0];
    const uint64_t from = draft->from;
    bool full = draft->dedup_count == ZSEQ_DEDUP_MAX;
    if (draft->from > key->op_ids.from)
        draft->from = key->op_ids.from;
    zseq_kv_apply (draft, floor, op, outcome);
    if (outcome->writes && full)
        zseq_op_ids_add (&key->op_ids, &oldest);
    else
        draft->from = from;
}

static void
s_take_outcome (s_judged_t *judged, zseq_kv_request_t *request,
                const zseq_kv_outcome_t *outcome)
{
    //  K9: "forgotten" tells the client that the op was never applied.
    bool unknown = outcome->status == ZSEQ_EFORGOTTEN && request->tried;
    request->status = unknown ? ZSEQ_ETIMEOUT : outcome->status;
    request->version = outcome->version;
    judged->writes += outcome->writes;
}

//  Judges one request. False: it has to wait.
static bool
s_judge_one (s_judged_t *judged, zseq_proposer_key_t *key, uint64_t floor,
             zseq_kv_request_t *request)
{
    zseq_kv_outcome_t outcome;

    if (judged->draft.version >= floor + VERSIONS_MAX) {
        judged->round = floor >> 32;
        return false;
    }
    s_apply (key, &judged->draft, floor, &request->op, &outcome);
    if (outcome.status == ZSEQ_EBALLOT) {
        judged->round = request->op.since >> 32;
        return false;
    }
    s_take_outcome (judged, request, &outcome);
    if (request->arrival > judged->arrival)
        judged->arrival = request->arrival;
    judged->count++;
    return true;
}

//  Judges the refused ones once more, on what all have made of the base. They
//  are ordered there, so that they show what the next write has to replace.
//  Returns whether a condition holds there that did not before: it writes.
static bool
s_judge_refused (s_judged_t *judged, zseq_proposer_key_t *key, uint64_t floor)
{
    size_t writes = judged->writes;
    zseq_kv_request_t *request = key->waiting.first;

    judged->retried = false;
    for (size_t at = 0; at < judged->count;
         at++, request = request->following) {
        if (!s_is_refused (request))
            continue;
        zseq_kv_outcome_t outcome;
        s_apply (key, &judged->draft, floor, &request->op, &outcome);
        s_take_outcome (judged, request, &outcome);
        judged->retried |= s_is_retried (request);
    }
    return judged->writes > writes;
}

static void
s_judge (const zseq_proposer_t *self, zseq_proposer_key_t *key,
         s_judged_t *judged)
{
    uint64_t floor = s_floor (self, key);

    memset (judged, 0, sizeof *judged);
    zseq_op_ids_forget (&key->op_ids, self->now_us);
    judged->remembered = key->op_ids.count;
    if (key->base)
        judged->draft = key->base->record;
    else {
        zseq_kv_record_init (&judged->draft, key->key, floor);
        judged->draft.from = key->from;
    }
    for (zseq_kv_request_t *request = key->waiting.first;
         request && judged->count < REQUESTS_MAX; request = request->following)
        if (!s_judge_one (judged, key, floor, request))
            break;
    while (s_judge_refused (judged, key, floor))
        continue;
}

//  Answers a request from the base. A GET is ordered after all writes that were
//  judged with it, as a refused write is.
static void
s_answer (zseq_proposer_t *self, zseq_proposer_key_t *key,
          zseq_kv_request_t *request)
{
    if (request->op.type == ZSEQ_KV_GET) {
        bool exists = key->base && zseq_kv_record_exists (&key->base->record);
        request->status = exists ? ZSEQ_OK : ZSEQ_ENOKEY;
        request->version = key->base ? key->base->record.version : 0;
        request->value =
          exists ? key->base->record.value : (zseq_slice_t){"", 0};
    }
    else if (request->status == ZSEQ_EVERSION)
        request->value = key->base->record.value;
    else
        request->value = (zseq_slice_t){"", 0};
    zseq_proposer_key_finish (self, key, request);
}

//  Proposes the draft as the key's next value. It is the base from now on,
//  chosen or not: K4. False: no memory.
static bool
s_propose (zseq_proposer_t *self, zseq_proposer_key_t *key, size_t count,
           zseq_kv_record_t *draft)
{
    draft->proposal.ballot = self->shard[key->shard].ballot;
    draft->proposal.seq = ++self->seq;
    draft->copied = false;
    zseq_register_t *proposed = zseq_register_new (draft);
    if (!proposed)
        return false;
    if (!zseq_proposer_message_add (self, key, proposed)) {
        zseq_register_release (&proposed);
        return false;
    }
    zseq_proposer_key_propose (key, count);
    zseq_proposer_key_rebase (key, zseq_register_own (proposed));
    self->stats.proposals++;
    return true;
}

//  Proposes what was judged, or leaves it for later.
static void
s_propose_judged (zseq_proposer_t *self, zseq_proposer_key_t *key,
                  s_judged_t *judged)
{
    if (!s_propose (self, key, judged->count, &judged->draft))
        zseq_op_ids_cut (&key->op_ids, judged->remembered);
}

//  Of those whose condition does not hold, leaves the ones that are told now.
static void
s_hold (zseq_proposer_t *self, zseq_proposer_key_t *key, s_judged_t *judged)
{
    size_t held =
      zseq_proposer_turn_hold (self, key, judged->count, judged->writes > 0);
    if (held == 0)
        return;
    judged->count -= held;
    judged->arrival = 0;
    judged->retried = false;
    const zseq_kv_request_t *request = key->waiting.first;
    for (size_t at = 0; at < judged->count;
         at++, request = request->following) {
        if (request->arrival > judged->arrival)
            judged->arrival = request->arrival;
        judged->retried |= s_is_retried (request);
    }
}

static void
s_fetch (zseq_proposer_t *self, zseq_proposer_key_t *key)
{
    if (zseq_proposer_message_add (self, key, NULL))
        self->stats.fetches++;
}

//  Answers the first count requests from a base that W nodes have shown.
static void
s_answer_waiting (zseq_proposer_t *self, zseq_proposer_key_t *key, size_t count)
{
    while (count-- > 0) {
        zseq_kv_request_t *request = zseq_kv_requests_take (&key->waiting);
        //  An absent key cannot be proposed again.
        if (!key->base && s_is_retried (request))
            request->status = ZSEQ_ETIMEOUT;
        s_answer (self, key, request);
    }
    zseq_proposer_key_release (self, key);
}

static size_t
s_value_size (const zseq_proposer_key_t *key)
{
    return key->base ? key->base->record.value.size : 0;
}

//  By how many bytes a value would be larger than what nodes hold of the key.
static size_t
s_growth (const zseq_proposer_key_t *key, size_t size)
{
    return size > key->held ? size - key->held : 0;
}

//  Whether a put may not be proposed because nodes are full. One that was
//  proposed, or that another node knows, has to be looked for first.
static bool
s_is_too_large (const zseq_proposer_t *self, const zseq_proposer_key_t *key,
                const zseq_kv_request_t *request)
{
    const zseq_kv_op_t *op = &request->op;
    if (request->tried || op->type != ZSEQ_KV_PUT ||
        s_growth (key, op->value.size) < self->full_growth ||
        zseq_op_ids_find (&key->op_ids, op->op, op->since))
        return false;
    for (uint8_t index = 0; key->base && index < key->base->record.dedup_count;
         index++)
        if (key->base->record.dedup[index].op == op->op)
            return false;
    return true;
}

//  Refuses puts that too many nodes would refuse. Nothing was proposed, so they
//  are not done.
static void
s_refuse_large (zseq_proposer_t *self, zseq_proposer_key_t *key)
{
    zseq_kv_request_t *previous = NULL;
    zseq_kv_request_t *request = key->waiting.first;
    while (request) {
        zseq_kv_request_t *following = request->following;
        if (s_is_too_large (self, key, request)) {
            (void) zseq_kv_requests_take_behind (&key->waiting, previous);
            request->status = ZSEQ_EFULL;
            zseq_proposer_key_finish (self, key, request);
        }
        else
            previous = request;
        request = following;
    }
}

//  Proposes or answers what was judged.
static void
s_serve (zseq_proposer_t *self, zseq_proposer_key_t *key, s_judged_t *judged)
{
    if (judged->writes > 0) {
        zseq_proposer_turn_wrote (self, key);
        s_propose_judged (self, key, judged);
    }
    //  K8: nothing is read from a base that may not be chosen.
    else if (judged->arrival <= key->shown_arrival &&
             !(judged->retried && key->base))
        s_answer_waiting (self, key, judged->count);
    else if (key->unsettled || (judged->retried && key->base))
        s_propose_judged (self, key, judged);
    else
        s_fetch (self, key);
}

void
zseq_proposer_decide (zseq_proposer_t *self, zseq_proposer_key_t *key)
{
    assert (key->state == KEY_READY);

    if (!zseq_proposer_ballot_ready (self, key->shard))
        return;
    if (!key->known) {
        s_fetch (self, key);
        return;
    }
    zseq_proposer_turn_give (self, key);
    if (self->now_us < self->full_us)
        s_refuse_large (self, key);
    if (!key->waiting.first) {
        //  A key whose requests are all held stays READY.
        if (!key->refused.first)
            zseq_proposer_key_release (self, key);
        return;
    }
    s_judged_t judged;
    s_judge (self, key, &judged);
    if (judged.count == 0) {
        zseq_proposer_ballot_raise (self, key->shard, judged.round);
        return;
    }
    s_hold (self, key, &judged);
    if (judged.count > 0)
        s_serve (self, key, &judged);
}

//  Remembers to tell all nodes that the base was chosen: K15.
static void
s_note_chosen (zseq_proposer_t *self, const zseq_proposer_key_t *key)
{
    size_t size = key->key.size + CHOSEN_BYTES;
    if (self->chosen_count == ZSEQ_PAGE_MAX ||
        self->chosen_bytes + size > BYTES_MAX)
        return;
    self->chosen_bytes += size;
    if (self->chosen_count == 0)
        self->chosen_us = self->now_us + ZSEQ_CHOSEN_US;
    zseq_kv_chosen_t *chosen = &self->chosen[self->chosen_count];
    char *bytes = self->chosen_key[self->chosen_count++];
    memcpy (bytes, key->key.data, key->key.size);
    chosen->key = (zseq_slice_t){bytes, key->key.size};
    chosen->proposal = key->base->record.proposal;
}

void
zseq_proposer_decide_chosen (zseq_proposer_t *self, zseq_proposer_key_t *key)
{
    zseq_kv_request_t *request;

    self->stats.chosen++;
    self->shard[key->shard].backoff.pause_us = self->rtt_us / 2 + 1;
    s_note_chosen (self, key);
    key->held = s_value_size (key);
    //  Whoever waited before it was proposed may read it, too.
    key->shown_arrival = key->asked_arrival;
    zseq_proposer_turn_end (key);
    while ((request = zseq_kv_requests_take (&key->proposed)) != NULL)
        s_answer (self, key, request);
    zseq_proposer_key_release (self, key);
}

//  The proposal stays the base (K4): a minority may have accepted it, and it
//  may be chosen later, under this ballot or by whoever takes it up. To propose
//  what was there before would not undo it: a late copy of it could still be
//  chosen before that, and be read. So its writes are neither done nor undone,
//  and the next op builds on it: a deletion, which every node accepts, and a
//  smaller value, go on.
void
zseq_proposer_decide_refused (zseq_proposer_t *self, zseq_proposer_key_t *key,
                              int status)
{
    zseq_kv_request_t *request;

    if (status == ZSEQ_EFULL) {
        size_t growth = s_growth (key, s_value_size (key));
        if (self->now_us >= self->full_us || growth < self->full_growth)
            self->full_growth = growth ? growth : 1;
        self->full_us = self->now_us + FULL_US;
    }
    key->unsettled = true;
    while ((request = zseq_kv_requests_take (&key->proposed)) != NULL) {
        //  ENOSPACE says that a write may be done yet.
        request->status =
          request->op.type == ZSEQ_KV_GET ? status : ZSEQ_ENOSPACE;
        zseq_proposer_key_finish (self, key, request);
    }
    zseq_proposer_key_release (self, key);
}

//  The highest proposal of the nodes that count; NULL: all are absent.
static zseq_register_t *
s_highest (const zseq_proposer_key_t *key, zseq_node_set_t nodes)
{
    zseq_register_t *highest = NULL;
    for (uint8_t node = 0; node < ZSEQ_NODES_MAX; node++) {
        zseq_register_t *held = key->shown[node].held;
        if (!zseq_node_set_has (nodes, node) || !held)
            continue;
        if (!highest || zseq_proposal_compare (&held->record.proposal,
                                               &highest->record.proposal) > 0)
            highest = held;
    }
    return highest;
}

//  K9: up to which version op ids may be forgotten of a key that all nodes that
//  count show as absent.
static uint64_t
s_absent_from (const zseq_proposer_key_t *key, zseq_node_set_t nodes)
{
    uint64_t from = 0;
    for (uint8_t node = 0; node < ZSEQ_NODES_MAX; node++)
        if (zseq_node_set_has (nodes, node) && from < key->shown[node].from)
            from = key->shown[node].from;
    return from;
}

//  The nodes that vote for the base: they show it, and have not copied it.
static zseq_node_set_t
s_agreeing (const zseq_proposer_key_t *key, zseq_node_set_t nodes)
{
    zseq_node_set_t agreeing = 0;
    for (uint8_t node = 0; node < ZSEQ_NODES_MAX; node++) {
        const zseq_register_t *held = key->shown[node].held;
        if (!zseq_node_set_has (nodes, node) || !held != !key->base)
            continue;
        if (!held || (!key->shown[node].copied &&
                      zseq_proposal_compare (&held->record.proposal,
                                             &key->base->record.proposal) == 0))
            zseq_node_set_add (&agreeing, node);
    }
    return agreeing;
}

void
zseq_proposer_decide_shown (zseq_proposer_t *self, zseq_proposer_key_t *key)
{
    zseq_node_set_t nodes = zseq_tally_nodes (&key->tally, ZSEQ_OK);

    //  Under this ballot nothing was proposed for the key if its base is not
    //  known or absent.
    if (!key->known || !key->base) {
        zseq_register_t *highest = s_highest (key, nodes);
        zseq_proposer_key_rebase (key,
                                  highest ? zseq_register_own (highest) : NULL);
        key->from = highest ? highest->record.from : s_absent_from (key, nodes);
        zseq_op_ids_begin (&key->op_ids, key->from, self->now_us);
        key->held = s_value_size (key);
    }
    if (zseq_quorum_reached (&self->quorum, ZSEQ_QUORUM_WRITE,
                             s_agreeing (key, nodes)))
        key->shown_arrival = key->asked_arrival;
    else
        key->unsettled = true;
    zseq_proposer_key_release (self, key);
}
