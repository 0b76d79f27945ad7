//  The disk of a simulated node: a record, and a file for each name.

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

    bool damaged = self->damaged;
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
