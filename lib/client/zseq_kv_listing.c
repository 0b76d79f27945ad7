//  Listings of keys: page after page (zseq_kv_list), and each key on which the
//  nodes do not agree by a get of its own.

#include <assert.h>
#include <stdlib.h>

#include "zseq_client_check.h"
#include "zseq_client_private.h"
#include "zseq_client_texts.h"
#include "zseq_detail.h"

typedef struct {
    zseq_kv_t *kv;
    zseq_kv_list_t *list;
    zseq_kv_list_ask_t ask;
    zseq_kv_list_fn *fn;
    void *arg;
    bool ended;  //  fn has ended it
    char buffer[ZSEQ_VALUE_MAX];
} s_listing_t;

//  Passes on a key of which a quorum shows the same.
static void
s_pass (s_listing_t *self, zseq_slice_t key, zseq_slice_t value,
        uint64_t version)
{
    bool values = self->ask.values;
    zseq_kv_entry_t entry = {.key = key.data,
                             .key_size = key.size,
                             .data = values ? value.data : NULL,
                             .size = values ? value.size : 0,
                             .version = version};
    self->ended = self->fn (&entry, self->arg) != 0;
}

//  Reads a key on which the nodes did not agree; it may have no value.
static int
s_get (s_listing_t *self, zseq_slice_t key)
{
    zseq_kv_info_t info;
    int rc = zseq_kv_get (self->kv, key.data, key.size, self->buffer,
                          sizeof self->buffer, &info);
    if (rc == ZSEQ_OK)
        s_pass (self, key, (zseq_slice_t){self->buffer, info.size},
                info.version);
    return rc == ZSEQ_ENOKEY ? ZSEQ_OK : rc;
}

//  Asks for a page, and passes on its keys.
static int
s_page (s_listing_t *self)
{
    zseq_client_t *client = self->kv->client;
    zseq_outcome_t outcome;
    int rc = zseq_reactor_enter (client->reactor);
    if (rc != ZSEQ_OK)
        return rc;
    zseq_ask_kv_page (client->reactor, self->list, &self->ask,
                      zseq_client_deadline_us (self->kv->timeout_ms), &outcome);
    zseq_reactor_leave (client->reactor);
    if (outcome.rc != ZSEQ_OK)
        return zseq_client_report (&outcome);
    zseq_kv_list_entry_t entry;
    while (rc == ZSEQ_OK && !self->ended &&
           zseq_kv_list_next (self->list, &entry)) {
        if (entry.disputed)
            rc = s_get (self, entry.key);
        else
            s_pass (self, entry.key, entry.value, entry.version);
    }
    return rc;
}

static int
s_pages (s_listing_t *self)
{
    int rc;
    do
        rc = s_page (self);
    while (rc == ZSEQ_OK && !self->ended &&
           zseq_kv_list_more (self->list, &self->ask.after));
    return rc;
}

static int
s_list (zseq_kv_t *kv, const zseq_kv_list_ask_t *ask, zseq_kv_list_fn *fn,
        void *arg)
{
    assert (kv);
    assert (ask->prefix.data || ask->prefix.size == 0);
    assert (ask->after.data || ask->after.size == 0);
    assert (fn);

    zseq_client_t *client = kv->client;
    int rc = zseq_client_check (client);
    if (rc != ZSEQ_OK)
        return rc;
    if (ask->prefix.size > ZSEQ_KEY_MAX || ask->after.size > ZSEQ_KEY_MAX)
        return zseq_detail_fail (ZSEQ_EINVAL, ZSEQ_TEXT_KV_LIST_LONG,
                                 ZSEQ_KEY_MAX);
    if (client->source)
        return client->source->ops->kv_list (client->source, ask, fn, arg);
    s_listing_t *self = malloc (sizeof *self);
    zseq_kv_list_t *list = zseq_kv_list_new ();
    if (self && list) {
        self->kv = kv;
        self->list = list;
        self->ask = *ask;
        self->fn = fn;
        self->arg = arg;
        self->ended = false;
        rc = s_pages (self);
    }
    else
        rc = zseq_detail_fail (ZSEQ_ENOMEM, ZSEQ_TEXT_NO_MEMORY_PAGE);
    zseq_kv_list_destroy (&list);
    free (self);
    return rc;
}

int
zseq_kv_list (zseq_kv_t *self, const void *prefix, size_t prefix_size,
              const void *after, size_t after_size, zseq_kv_list_fn *fn,
              void *arg)
{
    zseq_kv_list_ask_t ask = {.prefix = {prefix, prefix_size},
                              .after = {after, after_size},
                              .values = true};
    return s_list (self, &ask, fn, arg);
}

int
zseq_kv_keys (zseq_kv_t *self, const void *prefix, size_t prefix_size,
              const void *after, size_t after_size, zseq_kv_list_fn *fn,
              void *arg)
{
    zseq_kv_list_ask_t ask = {.prefix = {prefix, prefix_size},
                              .after = {after, after_size}};
    return s_list (self, &ask, fn, arg);
}
