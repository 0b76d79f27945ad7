//  The disk of a simulated node: a record, a file for each name, and the
//  registers and promises of the key-value store.

#include "zseq_sim_disk.h"

#include <assert.h>
#include <string.h>

//  Syncs the disk: all earlier writes become durable with a durable one.
static void
s_sync (zseq_sim_disk_t *self)
{
    memcpy (self->synced, self->file, sizeof self->synced);
}

//  Returns whether two records of a name are equal.
static bool
s_same (const zseq_sim_file_t *a, const zseq_sim_file_t *b)
{
    return a->there == b->there && a->damaged == b->damaged &&
           a->next == b->next && a->durable_to == b->durable_to;
}

void
zseq_sim_disk_write_record (zseq_sim_disk_t *self, const zseq_record_t *record)
{
    assert (self);
    assert (record);

    bool lost = self->damaged;
    self->formatted = true;
    self->damaged = false;
    self->record = *record;
    self->identity = record->identity;
    for (size_t name = 0; name < ZSEQ_SIM_NAMES; name++)
        if (self->file[name].damaged) {
            memset (&self->file[name], 0, sizeof self->file[name]);
            self->promised[name] = 0;
        }
    s_sync (self);
    //  The floors are lost with the record.
    for (size_t name = 0; name < ZSEQ_SIM_NAMES; name++)
        if (lost && zseq_sim_disk_durable (self, name) < self->promised[name])
            self->promised[name] = 0;
}

void
zseq_sim_disk_write (zseq_sim_disk_t *self, size_t name, uint64_t next,
                     uint64_t durable_to, bool deferred)
{
    assert (self);
    assert (name < ZSEQ_SIM_NAMES);
    assert (next <= durable_to);

    if (!deferred)
        s_sync (self);
    self->file[name] =
      (zseq_sim_file_t){.there = true, .next = next, .durable_to = durable_to};
    if (!deferred)
        s_sync (self);
}

static void
s_write_kv_record (zseq_sim_disk_t *self, const zseq_kv_record_t *record)
{
    size_t key = (size_t) (record->key.data[0] - 'a');
    assert (record->key.size == 1);
    assert (key < ZSEQ_SIM_KEYS);
    assert (record->value.size <= ZSEQ_SIM_VALUE_MAX);

    zseq_sim_kv_record_t *file = &self->kv.record[key];
    file->record = *record;
    file->record.key = file->record.value = (zseq_slice_t){NULL, 0};
    file->value_size = record->value.size;
    memcpy (file->value, record->value.data, record->value.size);
}

static void
s_clear (zseq_sim_disk_t *self, uint8_t shard)
{
    self->kv.promise[shard] = (zseq_ballot_t){0, 0};
    self->kv.dropped[shard] = 0;
    for (size_t key = 0; key < ZSEQ_SIM_KEYS; key++) {
        char text = (char) ('a' + key);
        if (zseq_kv_shard ((zseq_slice_t){&text, 1}) == shard)
            memset (&self->kv.record[key], 0, sizeof self->kv.record[key]);
    }
}

//  Whether a group begins by clearing all shards.
static bool
s_clears_all (const zseq_kv_group_t *group)
{
    for (uint8_t shard = 0; shard < ZSEQ_SHARDS; shard++)
        if (shard >= group->count ||
            group->changes[shard].type != ZSEQ_KV_CHANGE_CLEARED ||
            group->changes[shard].shard != shard)
            return false;
    return true;
}

//  Keeps the key-value store as it is before a group.
static void
s_keep_past (zseq_sim_disk_t *self)
{
    if (self->past_count == ZSEQ_SIM_PAST) {
        self->past_count--;
        memmove (self->past, self->past + 1,
                 self->past_count * sizeof *self->past);
    }
    self->past[self->past_count++] = self->kv;
}

bool
zseq_sim_disk_shorten (zseq_sim_disk_t *self, uint64_t position)
{
    assert (self);

    size_t count = self->past_count;
    while (count > 0 && self->past[count - 1].position >= position)
        count--;
    if (count == 0 || self->kv.damaged || self->past[count - 1].damaged)
        return false;
    self->past_count = count - 1;
    self->kv = self->past[count - 1];
    self->kv.shortened =
      self->record.vector.incarnation[self->record.self].counter;
    return true;
}

void
zseq_sim_disk_write_group (zseq_sim_disk_t *self, const zseq_kv_group_t *group)
{
    assert (self);
    assert (group);
    assert (group->position > self->kv.position || self->kv.damaged);
    //  zseq_kvstore.h: only after the record that says that the node does not
    //  vote, and only that group.
    assert (!self->kv.damaged || s_clears_all (group));
    assert (!s_clears_all (group) || !self->record.voting);

    s_keep_past (self);
    if (s_clears_all (group))
        self->past_count = 0;
    self->kv.damaged = false;
    memcpy (self->kv.heard, group->heard, sizeof self->kv.heard);
    for (size_t index = 0; index < group->count; index++) {
        const zseq_kv_change_t *change = &group->changes[index];
        if (change->type == ZSEQ_KV_CHANGE_CLEARED)
            s_clear (self, change->shard);
        else if (change->type == ZSEQ_KV_CHANGE_PROMISE) {
            self->kv.promise[change->shard] = change->promise;
            self->kv.dropped[change->shard] = change->dropped;
        }
        else
            s_write_kv_record (self, &change->accepted->record);
    }
    self->kv.position = group->position;
}

void
zseq_sim_disk_load_kv (const zseq_sim_disk_t *self, zseq_node_t *node)
{
    assert (self);
    assert (node);

    zseq_registers_t *registers = zseq_node_registers (node);
    for (uint8_t peer = 0; peer < ZSEQ_NODES_MAX; peer++)
        zseq_node_load_heard (node, peer, &self->kv.heard[peer]);

    for (uint8_t shard = 0; shard < ZSEQ_SHARDS; shard++) {
        zseq_registers_load_promise (registers, shard,
                                     &self->kv.promise[shard]);
        zseq_registers_raise_dropped (registers, shard,
                                      self->kv.dropped[shard]);
    }
    for (size_t key = 0; key < ZSEQ_SIM_KEYS; key++) {
        const zseq_sim_kv_record_t *file = &self->kv.record[key];
        char text = (char) ('a' + key);
        zseq_kv_record_t record = file->record;
        record.key = (zseq_slice_t){&text, 1};
        record.value = (zseq_slice_t){file->value, file->value_size};
        if (record.proposal.seq == 0)
            continue;
        int rc = zseq_registers_load (registers, &record);
        assert (rc == ZSEQ_OK);
    }
    zseq_registers_load_position (registers,
                                  self->kv.damaged ? 0 : self->kv.position);
    if (self->kv.damaged)
        zseq_registers_load_damaged (registers);
}

void
zseq_sim_disk_end (zseq_sim_disk_t *self, bool power_cut, uint64_t luck)
{
    assert (self);

    for (size_t name = 0; power_cut && name < ZSEQ_SIM_NAMES; name++) {
        zseq_sim_file_t *file = &self->file[name];
        unsigned outcome = luck >> (8 * name) & 3;
        if (s_same (file, &self->synced[name]))
            continue;
        if (outcome == 0)
            *file = self->synced[name];
        else if (outcome == 1)
            *file = (zseq_sim_file_t){.there = true, .damaged = true};
    }
    //  After a restart nothing is trusted until it is synced.
    s_sync (self);
}

bool
zseq_sim_disk_is_damaged (const zseq_sim_disk_t *self)
{
    assert (self);

    bool damaged = self->damaged || self->kv.damaged;
    for (size_t name = 0; name < ZSEQ_SIM_NAMES; name++)
        damaged |= self->file[name].damaged;
    return damaged;
}

uint64_t
zseq_sim_disk_durable (const zseq_sim_disk_t *self, size_t name)
{
    assert (self);
    assert (name < ZSEQ_SIM_NAMES);

    uint64_t durable_to = self->synced[name].durable_to;
    return durable_to > self->record.floor ? durable_to : self->record.floor;
}

size_t
zseq_sim_disk_forgotten (const zseq_sim_disk_t *self)
{
    assert (self);

    for (size_t name = 0; name < ZSEQ_SIM_NAMES; name++)
        if (!self->synced[name].damaged &&
            zseq_sim_disk_durable (self, name) < self->promised[name])
            return name;
    return ZSEQ_SIM_NAMES;
}
