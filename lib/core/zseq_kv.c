#include "zseq_kv.h"

#include <assert.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

uint8_t
zseq_kv_shard (zseq_slice_t key)
{
    return XXH3_64bits (key.data, key.size) % ZSEQ_SHARDS;
}

void
zseq_kv_record_init (zseq_kv_record_t *self, zseq_slice_t key, uint64_t floor)
{
    assert (self);

    memset (self, 0, sizeof *self);
    self->key = key;
    self->version = floor;
}

//  The version that an op made, if the window remembers it; 0 if not.
static uint64_t
s_find (const zseq_kv_record_t *record, uint64_t op)
{
    for (uint8_t index = 0; index < record->dedup_count; index++)
        if (record->dedup[index].op == op)
            return record->dedup[index].version;
    return 0;
}

static void
s_remember (zseq_kv_record_t *record, uint64_t op, uint64_t version)
{
    if (record->dedup_count == ZSEQ_DEDUP_MAX) {
        record->from = record->dedup[0].version;
        memmove (&record->dedup[0], &record->dedup[1],
                 (ZSEQ_DEDUP_MAX - 1) * sizeof record->dedup[0]);
        record->dedup_count--;
    }
    record->dedup[record->dedup_count++] =
      (zseq_dedup_t){.op = op, .version = version};
}

//  Why an op that was never applied does not write; ZSEQ_OK: it writes.
static int
s_refusal (const zseq_kv_record_t *record, const zseq_kv_op_t *op)
{
    bool exists = zseq_kv_record_exists (record);
    if (!exists &&
        (op->type == ZSEQ_KV_DEL || (op->conditional && op->expected != 0)))
        return ZSEQ_ENOKEY;
    if (op->conditional && exists && op->expected != record->version)
        return ZSEQ_EVERSION;
    return ZSEQ_OK;
}

static void
s_write (zseq_kv_record_t *record, const zseq_kv_op_t *op, uint64_t version)
{
    if (record->proposal.seq == 0)
        record->proposal.seq = 1;
    record->tombstone = op->type == ZSEQ_KV_DEL;
    record->copied = false;
    record->version = version;
    record->value = op->type == ZSEQ_KV_PUT ? op->value : (zseq_slice_t){"", 0};
    s_remember (record, op->op, version);
}

void
zseq_kv_apply (zseq_kv_record_t *record, uint64_t floor, const zseq_kv_op_t *op,
               zseq_kv_outcome_t *outcome)
{
    assert (record);
    assert (op);
    assert (outcome);

    outcome->writes = false;
    outcome->version = record->proposal.seq == 0 ? 0 : record->version;
    outcome->status = zseq_kv_record_exists (record) ? ZSEQ_OK : ZSEQ_ENOKEY;
    if (op->type == ZSEQ_KV_GET)
        return;

    uint64_t applied = s_find (record, op->op);
    if (applied) {
        outcome->status = ZSEQ_OK;
        outcome->version = applied;
        return;
    }
    //  A client can know only versions that were written under a ballot that
    //  is this one or a lower one.
    uint64_t known = record->version > floor ? record->version : floor;
    if (op->since > known) {
        uint64_t rounds = (op->since >> 32) - (floor >> 32);
        outcome->status =
          rounds >= ZSEQ_ROUND_RISE_MAX ? ZSEQ_EINVAL : ZSEQ_EBALLOT;
        return;
    }
    if (op->since < record->from) {
        outcome->status = ZSEQ_EFORGOTTEN;
        return;
    }
    outcome->status = s_refusal (record, op);
    if (outcome->status != ZSEQ_OK)
        return;
    if (known >= ZSEQ_KV_VERSION_MAX) {
        outcome->status = ZSEQ_EEXHAUSTED;
        return;
    }
    //  K10: so it is in the span of the ballot's round, and above since.
    outcome->writes = true;
    outcome->version = known + 1;
    s_write (record, op, outcome->version);
}
