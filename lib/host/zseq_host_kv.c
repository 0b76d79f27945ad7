#include "zseq_host_kv.h"

#include <assert.h>
#include <stdlib.h>

#include "zseq_detail.h"
#include "zseq_host_texts.h"

//  Registers that are taken from a shard at once.
#define PAGE 256

struct zseq_host_kv {
    const zseq_store_t *store;
    zseq_node_t *node;
    zseq_registers_t *registers;  //  The node's
    zseq_kvstore_t *kvstore;
    void (*damage) (const char *text, void *arg);
    void *arg;
    //  The snapshot that the store has asked for. It owns its registers.
    bool due;  //  It is not answered yet
    uint8_t shard;
    zseq_register_t **shown;
    size_t shown_count;
    size_t shown_size;
};

zseq_host_kv_t *
zseq_host_kv_new (const zseq_store_t *store, zseq_node_t *node)
{
    assert (store);
    assert (node);

    zseq_host_kv_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->store = store;
    self->node = node;
    self->registers = zseq_node_registers (node);
    self->kvstore = zseq_kvstore_new (store);
    if (!self->kvstore)
        zseq_host_kv_destroy (&self);
    return self;
}

static void
s_release_shown (zseq_host_kv_t *self)
{
    for (size_t index = 0; index < self->shown_count; index++)
        zseq_register_release (&self->shown[index]);
    free (self->shown);
    self->shown = NULL;
    self->shown_count = self->shown_size = 0;
}

void
zseq_host_kv_destroy (zseq_host_kv_t **self_p)
{
    assert (self_p);

    zseq_host_kv_t *self = *self_p;
    if (!self)
        return;
    zseq_kvstore_destroy (&self->kvstore);
    s_release_shown (self);
    free (self);
    *self_p = NULL;
}

//  Loading.

bool
zseq_host_kv_is_there (const zseq_host_kv_t *self)
{
    assert (self);
    return zseq_kvstore_is_there (self->kvstore);
}

static int
s_load_promise (uint8_t shard, const zseq_ballot_t *ballot, uint64_t dropped,
                void *arg)
{
    zseq_host_kv_t *self = arg;
    zseq_registers_load_promise (self->registers, shard, ballot);
    zseq_registers_raise_dropped (self->registers, shard, dropped);
    return ZSEQ_OK;
}

static int
s_load_record (uint8_t shard, const zseq_kv_record_t *record, void *arg)
{
    zseq_host_kv_t *self = arg;
    (void) shard;
    return zseq_registers_load (self->registers, record);
}

static int
s_load_dropped (uint8_t shard, zseq_slice_t key,
                const zseq_proposal_t *proposal, uint64_t version, void *arg)
{
    zseq_host_kv_t *self = arg;
    (void) shard;
    zseq_registers_load_dropped (self->registers, key, proposal, version);
    return ZSEQ_OK;
}

static int
s_load_cleared (uint8_t shard, void *arg)
{
    zseq_host_kv_t *self = arg;
    zseq_registers_load_cleared (self->registers, shard);
    return ZSEQ_OK;
}

static int
s_load_heard (uint8_t node, const zseq_journal_end_t *end, void *arg)
{
    zseq_host_kv_t *self = arg;
    zseq_node_load_heard (self->node, node, end);
    return ZSEQ_OK;
}

static void
s_load_damage (const char *text, void *arg)
{
    zseq_host_kv_t *self = arg;
    self->damage (text, self->arg);
}

//  Sets zseq_detail to the store's text. Returns rc.
static int
s_fail (const zseq_host_kv_t *self, int rc)
{
    const char *text = zseq_kvstore_text (self->kvstore);
    return zseq_detail_fail (rc, "%s", *text ? text : ZSEQ_TEXT_NO_MEMORY_KEYS);
}

//  A store that has loaded nothing.
static int
s_renew_store (zseq_host_kv_t *self)
{
    zseq_kvstore_destroy (&self->kvstore);
    self->kvstore = zseq_kvstore_new (self->store);
    return self->kvstore
             ? ZSEQ_OK
             : zseq_detail_fail (ZSEQ_ENOMEM, ZSEQ_TEXT_NO_MEMORY_KEYS);
}

int
zseq_host_kv_load (zseq_host_kv_t *self, uint64_t *identity_p, uint8_t node,
                   void (*damage) (const char *text, void *arg), void *arg)
{
    assert (self);
    assert (damage);

    self->damage = damage;
    self->arg = arg;
    zseq_kvstore_load_callbacks_t callbacks = {.promise = s_load_promise,
                                               .record = s_load_record,
                                               .dropped = s_load_dropped,
                                               .cleared = s_load_cleared,
                                               .heard = s_load_heard,
                                               .damage = s_load_damage,
                                               .arg = self};
    zseq_kvstore_load_result_t found;
    int rc = zseq_kvstore_load (self->kvstore, *identity_p, node, 0, &callbacks,
                                &found);
    if (rc != ZSEQ_OK)
        return s_fail (self, rc);
    *identity_p = found.identity;
    if (found.identity == 0)
        return s_renew_store (self);
    //  After damage the store is made anew, and counts from 1 again.
    if (found.damaged == 0)
        zseq_registers_load_position (self->registers, found.position);
    else
        zseq_registers_load_damaged (self->registers);
    return ZSEQ_OK;
}

//  Loads, but takes nothing. heard: UINT64_MAX makes the store take any kv for
//  damaged.
static int
s_skip (zseq_host_kv_t *self, uint64_t identity, uint8_t node, uint64_t heard,
        zseq_kvstore_load_result_t *found)
{
    static const zseq_kvstore_load_callbacks_t nothing;
    int rc =
      zseq_kvstore_load (self->kvstore, identity, node, heard, &nothing, found);
    return rc == ZSEQ_OK ? rc : s_fail (self, rc);
}

int
zseq_host_kv_load_new (zseq_host_kv_t *self, uint64_t identity, uint8_t node,
                       bool recovers)
{
    assert (self);

    zseq_kvstore_load_result_t found;
    int rc = s_skip (self, identity, node, 0, &found);
    if (rc != ZSEQ_OK || (found.damaged == 0 && found.position == 0))
        return rc;
    if (!recovers)
        return zseq_detail_fail (ZSEQ_EDAMAGED, ZSEQ_TEXT_KV_NOT_EMPTY);
    //  The store is made anew with the first group that the node writes.
    zseq_registers_clear (self->registers);
    if (found.damaged > 0)
        return ZSEQ_OK;
    //  Positions of the node begin at 1, those of an intact kv go on.
    rc = s_renew_store (self);
    if (rc != ZSEQ_OK)
        return rc;
    return s_skip (self, identity, node, UINT64_MAX, &found);
}

int
zseq_host_kv_start (zseq_host_kv_t *self)
{
    assert (self);

    int rc = zseq_kvstore_start (self->kvstore);
    return rc == ZSEQ_OK ? rc : s_fail (self, rc);
}

//  Writing.

int
zseq_host_kv_submit (zseq_host_kv_t *self, const zseq_kv_group_t *group)
{
    assert (self);
    return zseq_kvstore_submit (self->kvstore, group);
}

size_t
zseq_host_kv_collect (zseq_host_kv_t *self, zseq_kvstore_done_t *done,
                      size_t count)
{
    assert (self);

    size_t taken = zseq_kvstore_collect (self->kvstore, done, count);
    for (size_t index = 0; index < taken; index++) {
        if (done[index].type == ZSEQ_KVSTORE_DUE) {
            self->due = true;
            self->shard = done[index].shard;
        }
        else if (done[index].type == ZSEQ_KVSTORE_SNAPPED)
            s_release_shown (self);
    }
    return taken;
}

//  Makes room for one more page. False: no memory.
static bool
s_reserve_page (zseq_host_kv_t *self)
{
    if (self->shown_count + PAGE <= self->shown_size)
        return true;
    size_t size = 2 * self->shown_size + PAGE;
    zseq_register_t **shown = realloc (self->shown, size * sizeof *shown);
    if (!shown)
        return false;
    self->shown = shown;
    self->shown_size = size;
    return true;
}

//  Owns all registers of the shard. False: no memory.
static bool
s_gather_shown (zseq_host_kv_t *self)
{
    zseq_registers_view_t views[PAGE];
    zseq_slice_t after = {"", 0};
    size_t count = PAGE;
    while (count == PAGE) {
        if (!s_reserve_page (self))
            return false;
        count = zseq_registers_page (self->registers, self->shard, after, views,
                                     PAGE);
        for (size_t index = 0; index < count; index++)
            self->shown[self->shown_count++] =
              zseq_register_own (views[index].accepted);
        if (count > 0)
            after = views[count - 1].accepted->record.key;
    }
    return true;
}

//  All that has changed was handed over in the FLUSH, as a snapshot requires;
//  or the disk has refused it, and may have it.
void
zseq_host_kv_flush (zseq_host_kv_t *self)
{
    assert (self);

    if (!self->due)
        return;
    //  Without memory the store waits for the next time.
    if (!s_gather_shown (self)) {
        s_release_shown (self);
        return;
    }
    self->due = false;
    zseq_kvstore_snapshot (
      self->kvstore, self->shard,
      zseq_registers_promise (self->registers, self->shard),
      zseq_registers_dropped (self->registers, self->shard), self->shown,
      self->shown_count);
}

void
zseq_host_kv_check (zseq_host_kv_t *self)
{
    assert (self);
    zseq_kvstore_check (self->kvstore);
}

void
zseq_host_kv_check_text (zseq_host_kv_t *self, char *text)
{
    assert (self);
    zseq_kvstore_check_text (self->kvstore, text);
}

void
zseq_host_kv_refusal (zseq_host_kv_t *self, char *text)
{
    assert (self);
    zseq_kvstore_refusal (self->kvstore, text);
}

const char *
zseq_host_kv_text (const zseq_host_kv_t *self)
{
    assert (self);
    return zseq_kvstore_text (self->kvstore);
}

int
zseq_host_kv_fd (const zseq_host_kv_t *self)
{
    assert (self);
    return zseq_kvstore_fd (self->kvstore);
}
