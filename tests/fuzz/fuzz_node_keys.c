//  The node's key-value store: what its disk holds of keys, and messages about
//  them.
//
//  The disk has what each group that became durable says, in order; a crash
//  lets the first ones of those in flight arrive. Messages are made near to
//  what the node has: ballots next to its promise, proposals next to what it
//  has accepted. A peer's reply is made from the question that it answers.

#include "fuzz_node.h"

#define KV_BYTES_MAX 20000
#define KV_OPS 11
#define ANSWERS_MAX 8
#define SHARES 3  //  Of eight replies so many refuse

static const zseq_op_t s_ops[KV_OPS] = {
  ZSEQ_OP_KV_READ,   ZSEQ_OP_KV_WRITE,   ZSEQ_OP_KV_SETTLE,  ZSEQ_OP_KV_LIST,
  ZSEQ_OP_KV_WATCH,  ZSEQ_OP_KV_PROMISE, ZSEQ_OP_KV_FETCH,   ZSEQ_OP_KV_ACCEPT,
  ZSEQ_OP_KV_CHOSEN, ZSEQ_OP_KV_COPY,    ZSEQ_OP_KV_PROMISES};

//  What the present message points to.
static zseq_slice_t s_keys[ZSEQ_PAGE_MAX];
static zseq_kv_record_t s_records[ZSEQ_PAGE_MAX];
static zseq_kv_answer_t s_answers[ZSEQ_PAGE_MAX];
static zseq_kv_chosen_t s_chosen[ZSEQ_PAGE_MAX];
static zseq_ballot_t s_promises[ZSEQ_SHARDS];
static uint64_t s_dropped[ZSEQ_SHARDS];
static const char s_value[300];

uint64_t
fuzz_keys_bytes_max (void)
{
    return run.has_keys ? KV_BYTES_MAX : 0;
}

//  Keys on the disk.

fuzz_key_t *
fuzz_key_of (zseq_slice_t name)
{
    for (size_t index = 0; index < run.key_count; index++)
        if (!fuzz_compare (run.keys[index].name, run.keys[index].size,
                           name.data, name.size))
            return &run.keys[index];
    assert (run.key_count < FILES_MAX);
    fuzz_key_t *key = &run.keys[run.key_count++];
    memset (key, 0, sizeof *key);
    memcpy (key->name, name.data, name.size);
    key->size = name.size;
    return key;
}

zseq_proposal_t
fuzz_durable_proposal (const fuzz_key_t *key)
{
    return key->disk ? key->disk->record.proposal
                     : (zseq_proposal_t){{0, 0}, 0};
}

//  A shard's promise is at least the ballot of each of its records.
zseq_ballot_t
fuzz_durable_promise (uint8_t shard)
{
    zseq_ballot_t promise = run.promises[shard].promise;
    for (size_t index = 0; index < run.key_count; index++) {
        const fuzz_key_t *key = &run.keys[index];
        zseq_slice_t name = {key->name, key->size};
        if (key->disk && zseq_kv_shard (name) == shard &&
            zseq_ballot_compare (&key->disk->record.proposal.ballot, &promise) >
              0)
            promise = key->disk->record.proposal.ballot;
    }
    return promise;
}

static void
s_clear (uint8_t shard)
{
    //  K13: a node that votes forgets nothing.
    assert (!run.disk.voting);
    run.promises[shard] = (fuzz_promise_t){.dropped = 0};
    for (size_t index = 0; index < run.key_count; index++) {
        fuzz_key_t *key = &run.keys[index];
        if (zseq_kv_shard ((zseq_slice_t){key->name, key->size}) != shard)
            continue;
        zseq_register_release (&key->disk);
        key->answered = (zseq_proposal_t){{0, 0}, 0};
    }
}

static void
s_store (zseq_register_t *accepted)
{
    const zseq_kv_record_t *record = &accepted->record;
    fuzz_key_t *key = fuzz_key_of (record->key);
    zseq_proposal_t before = fuzz_durable_proposal (key);
    //  K3: what is accepted never falls.
    assert (zseq_proposal_compare (&record->proposal, &before) >= 0);
    //  K13: only a recovery copies.
    assert (!record->copied || !run.disk.voting);
    zseq_register_release (&key->disk);
    key->disk = zseq_register_own (accepted);
}

static void
s_promise (const zseq_kv_change_t *change)
{
    fuzz_promise_t *promise = &run.promises[change->shard];
    //  K2, K12: neither falls.
    assert (zseq_ballot_compare (&change->promise, &promise->promise) >= 0);
    assert (change->dropped >= promise->dropped);
    promise->promise = change->promise;
    promise->dropped = change->dropped;
}

void
fuzz_keys_written (const zseq_kv_group_t *group)
{
    assert (group->position > run.position);
    run.position = group->position;
    for (uint8_t node = 0; node < ZSEQ_NODES_MAX; node++) {
        //  K17: what was heard is not forgotten.
        zseq_journal_end_t heard = group->heard[node];
        assert (!zseq_journal_end_raise (&heard, &run.heard[node]));
        run.heard[node] = group->heard[node];
    }
    for (size_t index = 0; index < group->count; index++) {
        const zseq_kv_change_t *change = &group->changes[index];
        if (change->type == ZSEQ_KV_CHANGE_CLEARED)
            s_clear (change->shard);
        else if (change->type == ZSEQ_KV_CHANGE_PROMISE)
            s_promise (change);
        else if (change->type == ZSEQ_KV_CHANGE_RECORD)
            s_store (change->accepted);
        //  No request drops tombstones.
        else
            assert (false);
    }
}

void
fuzz_keys_persist (const zseq_kv_group_t *group)
{
    const zseq_registers_t *registers = zseq_node_registers (run.node);
    assert (run.has_keys);
    assert (group->count);
    assert (group->position > run.position);
    for (size_t index = 0; index < run.write_count; index++)
        assert (!run.writes[index].group ||
                run.writes[index].group->position < group->position);
    for (size_t index = 0; index < group->count; index++) {
        const zseq_kv_change_t *change = &group->changes[index];
        if (change->type != ZSEQ_KV_CHANGE_RECORD)
            continue;
        //  K3: nothing is accepted above the promise.
        const zseq_kv_record_t *record = &change->accepted->record;
        assert (
          zseq_ballot_compare (&record->proposal.ballot,
                               zseq_registers_promise (
                                 registers, zseq_kv_shard (record->key))) <= 0);
    }
}

void
fuzz_keys_load (void)
{
    zseq_registers_t *registers = zseq_node_registers (run.node);
    if (!run.has_keys)
        return;
    for (uint8_t node = 0; node < ZSEQ_NODES_MAX; node++)
        zseq_node_load_heard (run.node, node, &run.heard[node]);
    for (uint8_t shard = 0; shard < ZSEQ_SHARDS; shard++) {
        const fuzz_promise_t *promise = &run.promises[shard];
        zseq_ballot_t durable = fuzz_durable_promise (shard);
        //  K2: no crash has undone a promise that was answered.
        assert (zseq_ballot_compare (&durable, &promise->answered) >= 0);
        zseq_registers_load_promise (registers, shard, &promise->promise);
        zseq_registers_raise_dropped (registers, shard, promise->dropped);
    }
    for (size_t index = 0; index < run.key_count; index++) {
        fuzz_key_t *key = &run.keys[index];
        zseq_proposal_t durable = fuzz_durable_proposal (key);
        key->copied = false;
        //  K3: no crash has undone an acceptance that was answered.
        assert (zseq_proposal_compare (&durable, &key->answered) >= 0);
        if (!key->disk)
            continue;
        int rc = zseq_registers_load (registers, &key->disk->record);
        assert (rc == ZSEQ_OK);
    }
    zseq_registers_load_position (registers, run.position);
}

void
fuzz_keys_term (void)
{
    for (size_t index = 0; index < run.key_count; index++)
        zseq_register_release (&run.keys[index].disk);
    run.key_count = 0;
    run.position = 0;
    memset (run.promises, 0, sizeof run.promises);
    memset (run.heard, 0, sizeof run.heard);
}

//  Fields near to what the node has.

static zseq_slice_t
s_word (void)
{
    return fuzz_words[zseq_fuzz_below (&run.input, WORDS)];
}

static zseq_slice_t
s_draw_value (void)
{
    uint8_t size = zseq_fuzz_byte (&run.input);
    return (zseq_slice_t){s_value, size == 255 ? sizeof s_value : size % 40};
}

//  The key that the node has accepted last, as far as it is a word.
static void
s_find (zseq_slice_t key, zseq_registers_view_t *view)
{
    zseq_registers_find (zseq_node_registers (run.node), key, view);
}

static zseq_ballot_t
s_near_ballot (uint8_t shard)
{
    zseq_ballot_t ballot =
      *zseq_registers_promise (zseq_node_registers (run.node), shard);
    uint8_t which = zseq_fuzz_below (&run.input, 8);
    if (which == 1)
        ballot.round++;
    else if (which == 2)
        ballot.proposer++;
    else if (which == 3)
        ballot.proposer--;
    else if (which == 4)
        ballot = (zseq_ballot_t){ballot.round + 1, 0x100u + which};
    else if (which == 5)
        ballot = (zseq_ballot_t){
          (uint32_t) zseq_fuzz_within (&run.input, 0, ZSEQ_ROUND_MAX),
          zseq_fuzz_number (&run.input)};
    if (ballot.round < 1 || ballot.round > ZSEQ_ROUND_MAX)
        ballot.round = 1;
    return ballot;
}

static uint64_t
s_near_version (zseq_slice_t key)
{
    zseq_registers_view_t view;
    s_find (key, &view);
    uint64_t version = view.accepted ? view.accepted->record.version : 0;
    uint8_t which = zseq_fuzz_below (&run.input, 8);
    if (which == 1)
        version++;
    else if (which == 2 && version)
        version--;
    else if (which == 3)
        version = 0;
    else if (which == 4)
        version = zseq_fuzz_number (&run.input);
    return version > ZSEQ_KV_VERSION_MAX ? ZSEQ_KV_VERSION_MAX : version;
}

//  Fills in a record of a key, but for its ballot.
static void
s_near_record (zseq_kv_record_t *record, zseq_slice_t key)
{
    zseq_registers_view_t view;
    s_find (key, &view);
    zseq_kv_record_init (record, key, 0);
    if (view.accepted)
        *record = view.accepted->record;
    record->key = key;
    record->copied = false;
    uint8_t which = zseq_fuzz_byte (&run.input);
    if (which & 1)
        record->proposal.seq++;
    if ((which & 6) == 6)
        record->proposal.seq = zseq_fuzz_number (&run.input);
    if (which & 8)
        record->version = s_near_version (key);
    if (which & 16) {
        record->tombstone = which & 32;
        record->value =
          record->tombstone ? (zseq_slice_t){"", 0} : s_draw_value ();
    }
    if (!record->proposal.seq)
        record->proposal.seq = 1;
    if (!record->version)
        record->version = 1;
    uint8_t remembered = record->dedup_count;
    if (which & 64 && remembered < ZSEQ_DEDUP_MAX &&
        (!remembered ||
         record->dedup[remembered - 1].version < record->version))
        record->dedup[record->dedup_count++] =
          (zseq_dedup_t){1u + which, record->version};
}

static size_t
s_draw_keys (void)
{
    size_t count = 1u + zseq_fuzz_below (&run.input, 3);
    for (size_t index = 0; index < count; index++)
        s_keys[index] = s_word ();
    return count;
}

static void
s_fill_accept (zseq_msg_kv_accept_t *accept)
{
    size_t count = s_draw_keys ();
    zseq_ballot_t ballot = s_near_ballot (zseq_kv_shard (s_keys[0]));
    for (size_t index = 0; index < count; index++) {
        s_near_record (&s_records[index], s_keys[index]);
        s_records[index].proposal.ballot = ballot;
    }
    accept->records = s_records;
    accept->record_count = count;
}

static void
s_fill_chosen (zseq_msg_kv_chosen_t *chosen)
{
    zseq_registers_view_t view;
    chosen->chosen = s_chosen;
    chosen->chosen_count = s_draw_keys ();
    for (size_t index = 0; index < chosen->chosen_count; index++) {
        s_find (s_keys[index], &view);
        s_chosen[index] = (zseq_kv_chosen_t){.key = s_keys[index]};
        if (view.accepted)
            s_chosen[index].proposal = view.accepted->record.proposal;
        s_chosen[index].proposal.seq += zseq_fuzz_below (&run.input, 2);
        if (!s_chosen[index].proposal.ballot.round)
            s_chosen[index].proposal = (zseq_proposal_t){{1, 1}, 1};
    }
}

//  The shards of some words.
static uint64_t
s_draw_shards (void)
{
    uint64_t shards = 0;
    for (size_t left = 1u + zseq_fuzz_below (&run.input, 3); left > 0; left--)
        shards |= UINT64_C (1) << zseq_kv_shard (s_word ());
    return shards;
}

static void
s_fill_promise (zseq_msg_kv_promise_t *promise)
{
    promise->shards = s_draw_shards ();
    promise->ballot =
      s_near_ballot ((uint8_t) __builtin_ctzll (promise->shards));
}

static void
s_fill_write (zseq_msg_t *msg)
{
    zseq_kv_op_t *op = &msg->kv_write.op;
    msg->name = s_word ();
    msg->kv_write.timeout_us = zseq_fuzz_within (&run.input, 1, UINT64_MAX);
    msg->kv_write.relayed = zseq_fuzz_byte (&run.input) & 1;
    if (msg->op == ZSEQ_OP_KV_SETTLE)
        return;
    uint8_t which = zseq_fuzz_byte (&run.input);
    op->type = which & 3 ? ZSEQ_KV_PUT : ZSEQ_KV_DEL;
    op->op = zseq_fuzz_within (&run.input, 1, UINT64_MAX);
    op->since = which & 4 ? s_near_version (msg->name) : 0;
    op->conditional = which & 8;
    op->expected = op->conditional ? s_near_version (msg->name) : 0;
    if (op->type == ZSEQ_KV_PUT)
        op->value = s_draw_value ();
}

//  Who tells a position: a peer, and how far its journal has come.
static void
s_fill_teller (zseq_msg_t *msg)
{
    msg->node = fuzz_peer ();
    msg->end.incarnation = run.disk.vector.incarnation[msg->node];
    if (!msg->end.incarnation.counter)
        msg->end.incarnation.counter = 1;
    msg->end.position = zseq_fuzz_number (&run.input);
}

static void
s_fill_recovery (zseq_msg_t *msg)
{
    msg->node = fuzz_peer ();
    zseq_msg_recovery_t *recovery = msg->op == ZSEQ_OP_KV_COPY
                                      ? &msg->kv_copy.recovery
                                      : &msg->kv_promises.recovery;
    recovery->incarnation = run.disk.vector.incarnation[msg->node];
    recovery->incarnation.counter += zseq_fuzz_below (&run.input, 4) == 3;
    if (!recovery->incarnation.counter)
        recovery->incarnation.counter = 1;
    if (msg->op != ZSEQ_OP_KV_COPY)
        return;
    msg->kv_copy.shard = zseq_kv_shard (s_word ());
    if (zseq_fuzz_byte (&run.input) & 1)
        msg->kv_copy.after = s_word ();
}

static void
s_fill_list (zseq_msg_kv_list_t *list)
{
    uint8_t which = zseq_fuzz_byte (&run.input);
    list->prefix = s_word ();
    list->prefix.size = which & 3 ? 0 : 1;
    if (which & 4)
        list->after = s_word ();
    list->count = which & 8 ? 1 + (which >> 5) : ZSEQ_PAGE_MAX;
    list->values = which & 16;
}

void
fuzz_keys_fill_request (zseq_msg_t *msg)
{
    msg->op = s_ops[zseq_fuzz_below (&run.input, KV_OPS)];
    switch (msg->op) {
    case ZSEQ_OP_KV_READ:
        msg->kv_read.keys = s_keys;
        msg->kv_read.key_count = s_draw_keys ();
        msg->kv_read.stale = zseq_fuzz_byte (&run.input) & 1;
        msg->kv_read.least =
          msg->kv_read.stale ? s_near_version (s_keys[0]) : 0;
        break;
    case ZSEQ_OP_KV_WRITE:
    case ZSEQ_OP_KV_SETTLE:
        s_fill_write (msg);
        break;
    case ZSEQ_OP_KV_LIST:
        s_fill_list (&msg->kv_list);
        break;
    case ZSEQ_OP_KV_WATCH:
        msg->name = s_word ();
        msg->kv_watch.above = s_near_version (msg->name);
        msg->kv_watch.timeout_us = zseq_fuzz_within (&run.input, 1, UINT64_MAX);
        break;
    case ZSEQ_OP_KV_PROMISE:
        s_fill_teller (msg);
        s_fill_promise (&msg->kv_promise);
        break;
    case ZSEQ_OP_KV_FETCH:
        s_fill_teller (msg);
        msg->kv_fetch.keys = s_keys;
        msg->kv_fetch.key_count = s_draw_keys ();
        msg->kv_fetch.ballot = s_near_ballot (zseq_kv_shard (s_keys[0]));
        break;
    case ZSEQ_OP_KV_ACCEPT:
        s_fill_teller (msg);
        s_fill_accept (&msg->kv_accept);
        break;
    case ZSEQ_OP_KV_CHOSEN:
        s_fill_teller (msg);
        s_fill_chosen (&msg->kv_chosen);
        break;
    default:
        s_fill_recovery (msg);
    }
}

//  Replies.

//  Fills in answers of which some refuse.
static void
s_fill_answers (size_t count, const zseq_ballot_t *ballot, bool well)
{
    for (size_t index = 0; index < count; index++) {
        uint8_t which = well ? SHARES : zseq_fuzz_below (&run.input, 8);
        s_answers[index] = (zseq_kv_answer_t){ZSEQ_OK, *ballot};
        if (which >= SHARES)
            continue;
        s_answers[index].status = which == 0   ? ZSEQ_EBALLOT
                                  : which == 1 ? ZSEQ_EINVAL
                                               : ZSEQ_EFULL;
        s_answers[index].promise.round += which == 0;
        if (s_answers[index].promise.round > ZSEQ_ROUND_MAX)
            s_answers[index].promise.round = ZSEQ_ROUND_MAX;
    }
}

//  Records that a peer shows of keys: absent, or near to what the node has.
static void
s_fill_shown (const zseq_slice_t *keys, size_t count, bool well)
{
    for (size_t index = 0; index < count; index++) {
        bool absent = well || zseq_fuzz_byte (&run.input) & 1;
        zseq_kv_record_init (&s_records[index], keys[index], 0);
        if (absent)
            continue;
        s_near_record (&s_records[index], keys[index]);
        if (!s_records[index].proposal.ballot.round)
            s_records[index].proposal.ballot = (zseq_ballot_t){1, 0x102};
    }
}

static void
s_answer_proposer (zseq_msg_t *msg, const zseq_msg_t *asked, bool well)
{
    size_t count;
    switch (asked->op) {
    case ZSEQ_OP_KV_PROMISE:
        count = (size_t) __builtin_popcountll (asked->kv_promise.shards);
        s_fill_answers (count, &asked->kv_promise.ballot, well);
        msg->kv_promise.shards = asked->kv_promise.shards;
        msg->kv_promise.answers = s_answers;
        msg->kv_promise.answer_count = count;
        break;
    case ZSEQ_OP_KV_FETCH:
        count = asked->kv_fetch.key_count;
        s_fill_answers (count, &asked->kv_fetch.ballot, well);
        s_fill_shown (asked->kv_fetch.keys, count, well);
        msg->kv_fetch.answers = s_answers;
        msg->kv_fetch.records = s_records;
        msg->kv_fetch.answer_count = count;
        break;
    default:
        count = asked->kv_accept.record_count;
        s_fill_answers (count, &asked->kv_accept.records->proposal.ballot,
                        well);
        msg->kv_accept.answers = s_answers;
        msg->kv_accept.answer_count = count;
    }
}

//  What a peer that wishes well has accepted of two keys, and has promised
//  since in the shard of one.
static const size_t s_peer_words[] = {1, 3};
#define PEER_WORD 3
static const zseq_proposal_t s_peer_accepted = {{2, 0x102}, 1};
static const zseq_ballot_t s_peer_promised = {3, 0x102};

static void
s_answer_copy_well (zseq_msg_kv_copy_t *copy, const zseq_msg_kv_copy_t *asked)
{
    copy->records = s_records;
    copy->process = 100;
    copy->keys = sizeof s_peer_words / sizeof s_peer_words[0];
    for (size_t index = 0; index < copy->keys; index++) {
        zseq_slice_t word = fuzz_words[s_peer_words[index]];
        if (zseq_kv_shard (word) != asked->shard ||
            zseq_slice_compare (word, asked->after) <= 0)
            continue;
        zseq_kv_record_t *record = &s_records[copy->record_count++];
        zseq_kv_record_init (record, word,
                             zseq_ballot_floor (&s_peer_accepted.ballot) + 1);
        record->proposal = s_peer_accepted;
        record->proposal.seq += index;
    }
}

//  A peer's page: keys of the shard above what was asked for, ascending.
static void
s_answer_copy (zseq_msg_kv_copy_t *copy, const zseq_msg_kv_copy_t *asked)
{
    copy->records = s_records;
    copy->process = 100;
    for (size_t index = 0; index < WORDS; index++) {
        zseq_slice_t word = fuzz_words[index];
        if (zseq_kv_shard (word) != asked->shard ||
            zseq_slice_compare (word, asked->after) <= 0 ||
            zseq_fuzz_byte (&run.input) & 1)
            continue;
        zseq_kv_record_t *record = &s_records[copy->record_count++];
        s_near_record (record, word);
        record->proposal.ballot = s_near_ballot (asked->shard);
        record->copied = zseq_fuzz_byte (&run.input) & 1;
    }
    copy->keys = copy->record_count;
    uint8_t how = zseq_fuzz_below (&run.input, 16);
    copy->process += how == 15;
    copy->more = how == 14 && copy->record_count;
}

static void
s_answer_promises (zseq_msg_kv_promises_t *promises, bool well)
{
    memset (s_promises, 0, sizeof s_promises);
    memset (s_dropped, 0, sizeof s_dropped);
    promises->process = 100;
    promises->promises = s_promises;
    promises->dropped = s_dropped;
    if (well) {
        uint8_t shard = zseq_kv_shard (fuzz_words[PEER_WORD]);
        s_promises[shard] = s_peer_promised;
        s_dropped[shard] = zseq_ballot_floor (&s_peer_accepted.ballot);
        return;
    }
    for (size_t index = 0; index < WORDS; index++) {
        uint8_t shard = zseq_kv_shard (fuzz_words[index]);
        if (zseq_fuzz_byte (&run.input) & 1)
            s_promises[shard] = s_near_ballot (shard);
        if (zseq_fuzz_byte (&run.input) & 1)
            s_dropped[shard] = s_near_version (fuzz_words[index]);
    }
    promises->process += zseq_fuzz_below (&run.input, 16) == 15;
}

size_t
fuzz_keys_slot (zseq_op_t op)
{
    switch (op) {
    case ZSEQ_OP_KV_PROMISE:
        return 1;
    case ZSEQ_OP_KV_FETCH:
        return 2;
    case ZSEQ_OP_KV_ACCEPT:
        return 3;
    case ZSEQ_OP_KV_WRITE:
    case ZSEQ_OP_KV_SETTLE:
        return 4;
    default:
        return 0;
    }
}

bool
fuzz_keys_fill_reply (zseq_msg_t *msg, const fuzz_asked_t *question, bool well)
{
    static zseq_codec_t codec;
    zseq_msg_t asked;
    int rc = zseq_codec_decode_request (&codec, question->bytes, question->size,
                                        &asked);
    assert (rc == ZSEQ_OK);
    assert (asked.op == msg->op);
    switch (msg->op) {
    case ZSEQ_OP_KV_PROMISE:
    case ZSEQ_OP_KV_FETCH:
    case ZSEQ_OP_KV_ACCEPT:
        s_answer_proposer (msg, &asked, well);
        msg->end.position = well ? 1 : zseq_fuzz_number (&run.input);
        return true;
    case ZSEQ_OP_KV_WRITE:
    case ZSEQ_OP_KV_SETTLE:
        msg->kv_write.version = s_near_version (asked.name);
        return true;
    case ZSEQ_OP_KV_COPY:
        if (well)
            s_answer_copy_well (&msg->kv_copy, &asked.kv_copy);
        else
            s_answer_copy (&msg->kv_copy, &asked.kv_copy);
        return true;
    case ZSEQ_OP_KV_PROMISES:
        s_answer_promises (&msg->kv_promises, well);
        return true;
    default:
        return false;
    }
}
