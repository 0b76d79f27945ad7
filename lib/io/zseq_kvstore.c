//  Opening and loading. zseq_kvstore_writer.c has the calls that write.

#include "zseq_kvstore.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_io_texts.h"
#include "zseq_kvstore_make.h"
#include "zseq_kvstore_private.h"
#include "zseq_store_private.h"
#include "zseq_store_signals.h"

static const zseq_kvstore_sizes_t s_sizes = {.segment = 64u << 20,
                                             .payload = 4u << 20,
                                             .piece = 256u << 10,
                                             .ahead = 4u << 20};

zseq_kvstore_t *
zseq_kvstore_new (const zseq_store_t *store)
{
    assert (store);
    assert (store->disk.fd >= 0);
    zseq_kvstore_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->disk.fd = store->disk.fd;
    self->disk.device = store->disk.device;
    self->disk.sync_each = store->disk.sync_each;
    self->disk.path = strdup (store->disk.path);
    self->aside.fd = -1;
    zseq_store_guard_follow (&self->guard, &store->guard);
    self->journal.current.fd = -1;
    self->journal.next.fd = -1;
    self->journal.folder_fd = -1;
    self->shot.fd = -1;
    self->event_fd = -1;
    self->sizes = s_sizes;
    zseq_kvstore_ledger_init (&self->ledger);
    if (!self->disk.path ||
        asprintf (&self->aside.path, "%s/" ZSEQ_KVSTORE_RENEWAL,
                  self->disk.path) < 0) {
        self->aside.path = NULL;
        zseq_kvstore_destroy (&self);
    }
    return self;
}

void
zseq_kvstore_set_sizes (zseq_kvstore_t *self, const zseq_kvstore_sizes_t *sizes)
{
    assert (!self->loaded);
    self->sizes = *sizes;
}

void
zseq_kvstore_destroy (zseq_kvstore_t **self_p)
{
    assert (self_p);
    zseq_kvstore_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    zseq_kvstore_writer_term (self);
    zseq_kvstore_shot_term (&self->shot);
    zseq_kvstore_scrub_term (&self->scrub);
    zseq_kvstore_journal_term (&self->journal);
    zseq_kvstore_ledger_term (&self->ledger);
    free (self->batch.bytes);
    zseq_store_close (&self->aside.fd);
    free (self->aside.path);
    free (self->disk.path);
    free (self);
}

bool
zseq_kvstore_is_there (const zseq_kvstore_t *self)
{
    assert (self);
    return zseq_kvstore_make_is_there (&self->disk);
}

const char *
zseq_kvstore_text (const zseq_kvstore_t *self)
{
    assert (self);
    //  The text belongs to the thread while it runs.
    return self->started && !self->reported_fatal ? "" : self->disk.why;
}

//  Allocates what the thread needs. False: no memory.
static bool
s_allocate (zseq_kvstore_t *self)
{
    self->batch.bytes = malloc (ZSEQ_KVSTORE_BATCH_FRAME + self->sizes.payload +
                                ZSEQ_KVSTORE_EXTRA_SIZE);
    return zseq_kvstore_journal_init (&self->journal, &self->disk,
                                      &self->sizes) &&
           zseq_kvstore_shot_init (&self->shot, self->sizes.piece) &&
           zseq_kvstore_scrub_init (&self->scrub, self->sizes.piece) &&
           self->batch.bytes;
}

int
zseq_kvstore_load (zseq_kvstore_t *self, uint64_t identity, uint8_t node,
                   uint64_t heard,
                   const zseq_kvstore_load_callbacks_t *callbacks,
                   zseq_kvstore_load_result_t *result_p)
{
    assert (self);
    assert (callbacks);
    assert (result_p);
    assert (!self->loaded);
    self->disk.why[0] = 0;
    if (!s_allocate (self))
        return zseq_store_disk_fail (&self->disk, ZSEQ_ENOMEM,
                                     ZSEQ_KVSTORE_FOLDER,
                                     ZSEQ_TEXT_NO_MEMORY_LOAD);
    self->journal.identity = identity;
    self->journal.node = node;
    zseq_kvstore_found_t found = {.current = {.fd = -1}};
    zseq_store_signals_t signals;
    zseq_store_signals_block (&signals);
    int rc = zseq_kvstore_place (&self->disk);
    if (rc == ZSEQ_OK)
        rc = zseq_kvstore_read (&self->disk, identity, node, heard, callbacks,
                                &found);
    if (rc == ZSEQ_OK && found.result.damaged == 0)
        rc = zseq_kvstore_tidy (&self->disk, &found, &self->journal);
    if (rc == ZSEQ_OK && found.result.damaged == 0)
        rc = zseq_kvstore_discard_renewal (&self->disk);
    zseq_store_signals_restore (&signals);
    if (rc != ZSEQ_OK) {
        zseq_kvstore_ledger_term (&found.ledger);
        return rc;
    }
    self->journal.identity = found.result.identity;
    self->ledger = found.ledger;
    self->loaded = true;
    self->damaged = found.result.damaged > 0;
    self->submitted = self->damaged ? 0 : found.result.position;
    *result_p = found.result;
    return ZSEQ_OK;
}
