//  Checks what the node may say of keys. Each check names the rule of
//  lib/doc/kv.md (K1 to K17) that it guards; those of what it writes are in
//  fuzz_node_keys.c.

#include "fuzz_node.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define PROPOSALS_MAX 512

//  K1: what the node has proposed in this run, in all its processes.
typedef struct {
    zseq_proposal_t proposal;
    uint64_t hash;
} s_proposal_t;

static s_proposal_t s_proposals[PROPOSALS_MAX];
static size_t s_proposal_count;

//  Others have proposed, and not by the rules: what they make the node accept
//  may have any version.
static bool s_others;

void
fuzz_keys_begin_checks (void)
{
    s_proposal_count = 0;
    s_others = false;
}

//  Notes what the checks need to know of a request, before the node takes it.
//  Of many keys the first ones are checked.

static void
s_note_key (fuzz_request_t *request, zseq_slice_t name,
            const zseq_proposal_t *proposal)
{
    if (request->key_count == REQUEST_KEYS_MAX)
        return;
    request->proposals[request->key_count] = *proposal;
    request->keys[request->key_count++] = fuzz_key_of (name);
}

//  K3: whether the node may accept a record, by what it has promised and
//  accepted by now.
static bool
s_is_acceptable (const zseq_kv_record_t *record)
{
    const zseq_registers_t *registers = zseq_node_registers (run.node);
    zseq_registers_view_t view;
    zseq_registers_find (registers, record->key, &view);
    return !zseq_ballot_compare (
             &record->proposal.ballot,
             zseq_registers_promise (registers, zseq_kv_shard (record->key))) &&
           (!view.accepted ||
            zseq_proposal_compare (&view.accepted->record.proposal,
                                   &record->proposal) <= 0);
}

static void
s_note_accept (fuzz_request_t *request, const zseq_msg_kv_accept_t *accept)
{
    s_others = true;
    for (size_t index = 0; index < accept->record_count; index++) {
        const zseq_kv_record_t *record = &accept->records[index];
        if (index < REQUEST_KEYS_MAX)
            request->acceptable[index] = s_is_acceptable (record);
        s_note_key (request, record->key, &record->proposal);
    }
}

static void
s_note_fetched (fuzz_request_t *request, zseq_slice_t name)
{
    zseq_registers_view_t view;
    zseq_proposal_t accepted = {{0, 0}, 0};
    zseq_registers_find (zseq_node_registers (run.node), name, &view);
    if (view.accepted)
        accepted = view.accepted->record.proposal;
    s_note_key (request, name, &accepted);
}

void
fuzz_keys_note_request (fuzz_request_t *request, const zseq_msg_t *msg)
{
    static const zseq_proposal_t none = {{0, 0}, 0};
    switch (msg->op) {
    case ZSEQ_OP_KV_READ:
        for (size_t index = 0; index < msg->kv_read.key_count; index++)
            s_note_key (request, msg->kv_read.keys[index], &none);
        break;
    case ZSEQ_OP_KV_FETCH:
        request->ballot = msg->kv_fetch.ballot;
        for (size_t index = 0; index < msg->kv_fetch.key_count; index++)
            s_note_fetched (request, msg->kv_fetch.keys[index]);
        break;
    case ZSEQ_OP_KV_PROMISE:
        request->ballot = msg->kv_promise.ballot;
        break;
    case ZSEQ_OP_KV_ACCEPT:
        s_note_accept (request, &msg->kv_accept);
        break;
    case ZSEQ_OP_KV_WRITE:
    case ZSEQ_OP_KV_SETTLE:
    case ZSEQ_OP_KV_WATCH:
        request->above = msg->op == ZSEQ_OP_KV_WATCH ? msg->kv_watch.above : 0;
        s_note_key (request, msg->name, &none);
        break;
    case ZSEQ_OP_KV_LIST:
        request->prefix_size = msg->kv_list.prefix.size;
        memcpy (request->prefix, msg->kv_list.prefix.data,
                msg->kv_list.prefix.size);
        request->after_size = msg->kv_list.after.size;
        memcpy (request->after, msg->kv_list.after.data,
                msg->kv_list.after.size);
        break;
    case ZSEQ_OP_KV_COPY:
        request->shard = msg->kv_copy.shard;
        request->after_size = msg->kv_copy.after.size;
        memcpy (request->after, msg->kv_copy.after.data,
                msg->kv_copy.after.size);
        request->incarnation = msg->kv_copy.recovery.incarnation;
        break;
    case ZSEQ_OP_KV_PROMISES:
        request->incarnation = msg->kv_promises.recovery.incarnation;
        break;
    default:
        break;
    }
}

//  Replies to proposers.

//  K2: what was promised is durable.
static void
s_check_promises (const fuzz_request_t *request,
                  const zseq_msg_kv_promise_t *promise)
{
    size_t index = 0;
    for (uint8_t shard = 0; shard < ZSEQ_SHARDS; shard++) {
        if (!(promise->shards >> shard & 1))
            continue;
        const zseq_kv_answer_t *answer = &promise->answers[index++];
        zseq_ballot_t durable = fuzz_durable_promise (shard);
        if (answer->status == ZSEQ_EBALLOT)
            assert (zseq_ballot_compare (&answer->promise, &request->ballot) >
                    0);
        if (answer->status != ZSEQ_OK)
            continue;
        assert (zseq_ballot_compare (&durable, &request->ballot) >= 0);
        if (zseq_ballot_compare (&run.promises[shard].answered,
                                 &request->ballot) < 0)
            run.promises[shard].answered = request->ballot;
    }
}

//  Whether the message has the key before, so that what may be accepted was
//  another matter when that record was taken.
static bool
s_is_repeated (const fuzz_request_t *request, size_t index)
{
    for (size_t before = 0; before < index; before++)
        if (request->keys[before] == request->keys[index])
            return true;
    return false;
}

//  K3: what was accepted is durable, and nothing below what was promised or
//  accepted was.
static void
s_check_accepted (const fuzz_request_t *request,
                  const zseq_msg_kv_accept_t *accept)
{
    for (size_t index = 0; index < request->key_count; index++) {
        fuzz_key_t *key = request->keys[index];
        const zseq_proposal_t *proposal = &request->proposals[index];
        zseq_proposal_t durable = fuzz_durable_proposal (key);
        if (accept->answers[index].status != ZSEQ_OK)
            continue;
        assert (request->acceptable[index] || s_is_repeated (request, index));
        assert (zseq_proposal_compare (&durable, proposal) >= 0);
        if (zseq_proposal_compare (&key->answered, proposal) < 0)
            key->answered = *proposal;
    }
}

//  K3, K4: a proposer is shown what was accepted when it asked, or what came
//  later; and that is durable.
static void
s_check_fetched (const fuzz_request_t *request,
                 const zseq_msg_kv_fetch_t *fetch)
{
    for (size_t index = 0; index < request->key_count; index++) {
        if (index >= fetch->answer_count ||
            fetch->answers[index].status != ZSEQ_OK)
            continue;
        const zseq_proposal_t *shown = &fetch->records[index].proposal;
        zseq_proposal_t durable = fuzz_durable_proposal (request->keys[index]);
        zseq_ballot_t promise =
          fuzz_durable_promise (zseq_kv_shard ((zseq_slice_t){
            request->keys[index]->name, request->keys[index]->size}));
        assert (zseq_proposal_compare (shown, &request->proposals[index]) >= 0);
        assert (zseq_proposal_compare (shown, &durable) <= 0);
        assert (zseq_ballot_compare (&promise, &request->ballot) >= 0);
    }
}

//  Replies to clients.

//  K3, K7: a reader is shown what is durable.
static void
s_check_read (const fuzz_request_t *request, const zseq_msg_kv_read_t *read)
{
    for (size_t index = 0; index < request->key_count; index++) {
        zseq_proposal_t durable = fuzz_durable_proposal (request->keys[index]);
        if (index < read->answer_count &&
            read->answers[index].status == ZSEQ_OK)
            assert (!zseq_proposal_compare (&read->records[index].proposal,
                                            &durable));
    }
}

static bool
s_is_listed (const fuzz_key_t *key, const fuzz_request_t *request,
             zseq_slice_t through)
{
    return key->size >= request->prefix_size &&
           !memcmp (key->name, request->prefix, request->prefix_size) &&
           fuzz_compare (key->name, key->size, request->after,
                         request->after_size) > 0 &&
           (!through.size || fuzz_compare (key->name, key->size, through.data,
                                           through.size) <= 0);
}

//  K7: a page has each durable key up to its end, and no other.
static void
s_check_listed (const fuzz_request_t *request, const zseq_msg_kv_list_t *list)
{
    size_t found = 0;
    for (size_t index = 0; index < run.key_count; index++) {
        const fuzz_key_t *key = &run.keys[index];
        if (!key->disk || !s_is_listed (key, request, list->through))
            continue;
        size_t at = 0;
        while (at < list->record_count &&
               fuzz_compare (key->name, key->size, list->records[at].key.data,
                             list->records[at].key.size))
            at++;
        assert (at < list->record_count);
        assert (!zseq_proposal_compare (&list->records[at].proposal,
                                        &key->disk->record.proposal));
        found++;
    }
    assert (found == list->record_count);
}

//  A hint is of a version that is durable.
static void
s_check_hint (const fuzz_request_t *request, const zseq_msg_kv_watch_t *watch)
{
    const fuzz_key_t *key = request->keys[0];
    assert (key->disk);
    assert (watch->version > request->above);
    assert (watch->version <= key->disk->record.version || !run.disk.voting);
}

//  A watch is answered at once if its key is newer already.
void
fuzz_keys_check_watch (const fuzz_request_t *request)
{
    if (request->op != ZSEQ_OP_KV_WATCH || request->malformed || run.ended ||
        !request->key_count || !run.disk.voting ||
        zseq_node_state (run.node) != ZSEQ_STATE_VOTING)
        return;
    const fuzz_key_t *key = request->keys[0];
    assert (request->answered || !key->disk ||
            key->disk->record.version <= request->above);
}

//  K5, K8: a node that is its own quorum has what it answers on its disk.
static void
s_check_written (const fuzz_request_t *request,
                 const zseq_msg_kv_write_t *write)
{
    const fuzz_key_t *key = request->keys[0];
    if (run.disk.members.n > 1 || s_others)
        return;
    assert (write->version == 0 || key->disk);
    assert (write->version == 0 || key->disk->record.version >= write->version);
}

//  Replies to a node that recovers.

//  S4: it recovers in an incarnation that is in force on this node's disk.
static void
s_check_recovery (const fuzz_request_t *request)
{
    assert (!zseq_incarnation_compare (
      &request->incarnation, &run.disk.vector.incarnation[request->node]));
}

//  K13: a page lacks no acceptance that was answered or is durable.
static void
s_check_copied (const fuzz_request_t *request, const zseq_msg_kv_copy_t *copy)
{
    s_check_recovery (request);
    const zseq_slice_t *last =
      copy->record_count ? &copy->records[copy->record_count - 1].key : NULL;
    for (size_t index = 0; index < run.key_count; index++) {
        const fuzz_key_t *key = &run.keys[index];
        zseq_slice_t name = {key->name, key->size};
        zseq_proposal_t least = fuzz_durable_proposal (key);
        if (!key->disk || zseq_kv_shard (name) != request->shard ||
            fuzz_compare (key->name, key->size, request->after,
                          request->after_size) <= 0 ||
            (copy->more && zseq_slice_compare (name, *last) > 0))
            continue;
        size_t at = 0;
        while (at < copy->record_count &&
               zseq_slice_compare (copy->records[at].key, name))
            at++;
        assert (at < copy->record_count);
        assert (zseq_proposal_compare (&copy->records[at].proposal, &least) >=
                0);
    }
}

static void
s_check_shown_promises (const fuzz_request_t *request,
                        const zseq_msg_kv_promises_t *promises)
{
    s_check_recovery (request);
    for (uint8_t shard = 0; shard < ZSEQ_SHARDS; shard++) {
        zseq_ballot_t durable = fuzz_durable_promise (shard);
        assert (zseq_ballot_compare (&promises->promises[shard], &durable) >=
                0);
        assert (promises->dropped[shard] >= run.promises[shard].dropped);
    }
}

bool
fuzz_keys_check_reply (const fuzz_request_t *request, const zseq_msg_t *msg)
{
    switch (msg->op) {
    case ZSEQ_OP_KV_PROMISE:
        s_check_promises (request, &msg->kv_promise);
        break;
    case ZSEQ_OP_KV_FETCH:
        s_check_fetched (request, &msg->kv_fetch);
        break;
    case ZSEQ_OP_KV_ACCEPT:
        s_check_accepted (request, &msg->kv_accept);
        break;
    case ZSEQ_OP_KV_READ:
        s_check_read (request, &msg->kv_read);
        return true;
    case ZSEQ_OP_KV_LIST:
        s_check_listed (request, &msg->kv_list);
        return true;
    case ZSEQ_OP_KV_WATCH:
        s_check_hint (request, &msg->kv_watch);
        return true;
    case ZSEQ_OP_KV_WRITE:
    case ZSEQ_OP_KV_SETTLE:
        s_check_written (request, &msg->kv_write);
        return true;
    case ZSEQ_OP_KV_COPY:
        s_check_copied (request, &msg->kv_copy);
        return true;
    case ZSEQ_OP_KV_PROMISES:
        s_check_shown_promises (request, &msg->kv_promises);
        return true;
    default:
        return false;
    }
    //  K17: the position that a reply tells is durable.
    assert (msg->end.position <= run.position);
    return true;
}

//  What the node asks.

static uint64_t
s_hash (const zseq_kv_record_t *record)
{
    uint64_t hash =
      XXH3_64bits_withSeed (record->key.data, record->key.size,
                            record->version << 1 | record->tombstone);
    hash = XXH3_64bits_withSeed (record->dedup,
                                 record->dedup_count * sizeof *record->dedup,
                                 hash ^ record->from);
    return XXH3_64bits_withSeed (record->value.data, record->value.size, hash);
}

//  K1: a proposal is one value of one key.
static void
s_check_proposal (const zseq_kv_record_t *record)
{
    s_proposal_t now = {record->proposal, s_hash (record)};
    for (size_t index = 0; index < s_proposal_count; index++)
        if (!zseq_proposal_compare (&s_proposals[index].proposal,
                                    &now.proposal)) {
            assert (s_proposals[index].hash == now.hash);
            return;
        }
    if (s_proposal_count < PROPOSALS_MAX)
        s_proposals[s_proposal_count++] = now;
}

void
fuzz_keys_check_ask (const zseq_msg_t *msg, uint8_t peer)
{
    assert (run.has_keys);
    //  It begins to copy, perhaps once more.
    if (msg->op == ZSEQ_OP_KV_COPY && msg->kv_copy.shard == 0 &&
        msg->kv_copy.after.size == 0)
        run.peers[peer].promised = false;
    if (msg->op == ZSEQ_OP_KV_COPY)
        assert (!run.disk.voting);
    if (zseq_msg_recovery (msg))
        return;
    //  K14, K17: only a node that votes coordinates, and tells what is durable.
    assert (run.disk.voting);
    if (msg->op == ZSEQ_OP_KV_WRITE || msg->op == ZSEQ_OP_KV_SETTLE)
        return;
    assert (msg->end.position <= run.position);
    if (msg->op != ZSEQ_OP_KV_ACCEPT)
        return;
    for (size_t index = 0; index < msg->kv_accept.record_count; index++)
        s_check_proposal (&msg->kv_accept.records[index]);
}

//  Recovery.

void
fuzz_keys_note_recovery (const zseq_msg_t *msg, fuzz_peer_t *peer)
{
    if (!zseq_vector_equal (&msg->vector, &zseq_node_record (run.node)->vector))
        return;
    if (msg->op == ZSEQ_OP_KV_COPY)
        for (size_t index = 0; index < msg->kv_copy.record_count; index++)
            fuzz_key_of (msg->kv_copy.records[index].key)->copied = true;
    if (msg->op != ZSEQ_OP_KV_PROMISES)
        return;
    peer->promised = true;
    memcpy (peer->promises, msg->kv_promises.promises, sizeof peer->promises);
    memcpy (peer->dropped, msg->kv_promises.dropped, sizeof peer->dropped);
}

//  K13: the promises of all peers that were copied from are taken over.
static void
s_check_taken_over (const fuzz_peer_t *peer)
{
    for (uint8_t shard = 0; shard < ZSEQ_SHARDS && peer->promised; shard++) {
        zseq_ballot_t durable = fuzz_durable_promise (shard);
        assert (zseq_ballot_compare (&durable, &peer->promises[shard]) >= 0);
        assert (run.promises[shard].dropped >= peer->dropped[shard]);
    }
}

//  K13: a register is marked as copied if its ballot is not the promise.
static void
s_check_mark (const fuzz_key_t *key)
{
    const zseq_kv_record_t *record = &key->disk->record;
    zseq_ballot_t promise = fuzz_durable_promise (zseq_kv_shard (record->key));
    assert (record->copied ==
            (zseq_ballot_compare (&record->proposal.ballot, &promise) != 0));
}

//  K13: so many peers were copied from as answer any recovery, with their
//  promises; those that have no keys have none.
static void
s_check_enough (const zseq_record_t *record)
{
    uint8_t enough = 0;
    const zseq_incarnation_t *incarnation =
      &record->vector.incarnation[record->self];
    for (uint8_t node = 0; node < record->members.n; node++) {
        const fuzz_peer_t *peer = &run.peers[node];
        bool copied = !zseq_incarnation_compare (&peer->copied, incarnation);
        if (copied && (peer->promised || peer->speaks < 4))
            enough++;
    }
    assert (enough >= zseq_quorum_majority (record->members.n) ||
            enough == record->members.n - 1);
}

//  K13: by force, the promises rise by 2^18 rounds, to the node's own ballots,
//  and what was dropped to their version floors.
static void
s_check_raised (void)
{
    for (uint8_t shard = 0; shard < ZSEQ_SHARDS; shard++) {
        zseq_ballot_t promise = fuzz_durable_promise (shard);
        assert (promise.round >= UINT32_C (1) << 18);
        assert (zseq_ballot_node (&promise) == run.disk.self);
        assert (run.promises[shard].dropped >= zseq_ballot_floor (&promise));
    }
}

//  K13: all that was copied is durable before the vote; and no own register is
//  kept, unless by force.
void
fuzz_keys_check_vote (const zseq_record_t *record)
{
    if (!run.has_keys)
        return;
    //  Else it forms.
    bool recovers = record->vector.incarnation[record->self].counter > 1;
    if (run.is_forced)
        s_check_raised ();
    else if (recovers)
        s_check_enough (record);
    assert (!zseq_registers_open_count (zseq_node_registers (run.node)));
    for (uint8_t node = 0; node < run.disk.members.n; node++)
        s_check_taken_over (&run.peers[node]);
    for (size_t index = 0; index < run.key_count; index++) {
        const fuzz_key_t *key = &run.keys[index];
        if (!key->disk)
            continue;
        assert (run.is_forced || key->copied);
        s_check_mark (key);
    }
}
