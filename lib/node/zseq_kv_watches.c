//  Three red-black trees, from BSD's tree.h: the watches by key, the same by
//  the end of their time, and the senders that have any.

#include "zseq_kv_watches.h"

#include <assert.h>
#include <bsd/sys/tree.h>
#include <stdlib.h>
#include <string.h>

typedef struct s_owner {
    RB_ENTRY (s_owner) links;
    zseq_sender_t sender;
    size_t count;
} s_owner_t;

typedef struct s_watch {
    RB_ENTRY (s_watch) by_key;
    RB_ENTRY (s_watch) by_end;
    s_owner_t *owner;
    zseq_sender_t sender;  //  Its own, as one may be packed and another not
    uint64_t request;
    uint64_t above;
    uint64_t until_us;
    uint64_t serial;   //  Tells watches apart
    zseq_slice_t key;  //  Its bytes are behind this struct
    char bytes[];
} s_watch_t;

typedef RB_HEAD (s_owners, s_owner) s_owners_t;
typedef RB_HEAD (s_keys, s_watch) s_keys_t;
typedef RB_HEAD (s_ends, s_watch) s_ends_t;

struct zseq_kv_watches {
    s_owners_t owners;
    s_keys_t keys;
    s_ends_t ends;
    size_t count;
    uint64_t serial;
};

static int
s_order (uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int
s_compare_owners (s_owner_t *a, s_owner_t *b)
{
    const zseq_sender_t *left = &a->sender;
    const zseq_sender_t *right = &b->sender;
    int order = s_order (left->type, right->type);
    if (order == 0)
        order = s_order (left->peer, right->peer);
    return order ? order
                 : zseq_slice_compare (
                     (zseq_slice_t){(const char *) left->route.id,
                                    left->route.size},
                     (zseq_slice_t){(const char *) right->route.id,
                                    right->route.size});
}

static int
s_compare_keys (s_watch_t *a, s_watch_t *b)
{
    int order = zseq_slice_compare (a->key, b->key);
    return order ? order : s_order (a->serial, b->serial);
}

static int
s_compare_ends (s_watch_t *a, s_watch_t *b)
{
    int order = s_order (a->until_us, b->until_us);
    return order ? order : s_order (a->serial, b->serial);
}

//  RB_GENERATE_STATIC wants a macro that libbsd does not define: __unused.
RB_GENERATE_INTERNAL (s_owners, s_owner, links, s_compare_owners,
                      __attribute__ ((__unused__)) static)
RB_GENERATE_INTERNAL (s_keys, s_watch, by_key, s_compare_keys,
                      __attribute__ ((__unused__)) static)
RB_GENERATE_INTERNAL (s_ends, s_watch, by_end, s_compare_ends,
                      __attribute__ ((__unused__)) static)

zseq_kv_watches_t *
zseq_kv_watches_new (void)
{
    return calloc (1, sizeof (zseq_kv_watches_t));
}

void
zseq_kv_watches_destroy (zseq_kv_watches_t **self_p)
{
    assert (self_p);

    if (!*self_p)
        return;
    zseq_kv_watches_clear (*self_p);
    free (*self_p);
    *self_p = NULL;
}

//  The entry of a sender, which is made if there is none. NULL: no memory.
static s_owner_t *
s_obtain_owner (zseq_kv_watches_t *self, const zseq_sender_t *sender)
{
    s_owner_t like = {.sender = *sender};
    s_owner_t *owner = RB_FIND (s_owners, &self->owners, &like);
    if (owner)
        return owner;
    owner = calloc (1, sizeof *owner);
    if (!owner)
        return NULL;
    owner->sender = *sender;
    RB_INSERT (s_owners, &self->owners, owner);
    return owner;
}

static void
s_release_owner (zseq_kv_watches_t *self, s_owner_t *owner)
{
    if (owner->count)
        return;
    RB_REMOVE (s_owners, &self->owners, owner);
    free (owner);
}

static void
s_remove (zseq_kv_watches_t *self, s_watch_t *watch)
{
    RB_REMOVE (s_keys, &self->keys, watch);
    RB_REMOVE (s_ends, &self->ends, watch);
    self->count--;
    watch->owner->count--;
    s_release_owner (self, watch->owner);
    free (watch);
}

int
zseq_kv_watches_add (zseq_kv_watches_t *self, const zseq_sender_t *sender,
                     uint64_t request, zseq_slice_t key, uint64_t above,
                     uint64_t until_us)
{
    assert (self);
    assert (sender);
    assert (key.size >= 1);

    if (self->count >= ZSEQ_KV_WATCHES_MAX)
        return ZSEQ_EBUSY;
    s_owner_t *owner = s_obtain_owner (self, sender);
    if (!owner)
        return ZSEQ_ENOMEM;
    if (owner->count >= ZSEQ_KV_WATCHES_SENDER_MAX)
        return ZSEQ_EBUSY;
    s_watch_t *watch = malloc (sizeof *watch + key.size);
    if (!watch) {
        s_release_owner (self, owner);
        return ZSEQ_ENOMEM;
    }
    *watch = (s_watch_t){.owner = owner,
                         .sender = *sender,
                         .request = request,
                         .above = above,
                         .until_us = until_us,
                         .serial = ++self->serial,
                         .key = {watch->bytes, key.size}};
    memcpy (watch->bytes, key.data, key.size);
    RB_INSERT (s_keys, &self->keys, watch);
    RB_INSERT (s_ends, &self->ends, watch);
    self->count++;
    owner->count++;
    return ZSEQ_OK;
}

void
zseq_kv_watches_note (zseq_kv_watches_t *self, zseq_slice_t key,
                      uint64_t version, zseq_kv_watches_fn *fn, void *arg)
{
    assert (self);
    assert (fn);

    s_watch_t like = {.key = key};
    s_watch_t *following;
    for (s_watch_t *watch = RB_NFIND (s_keys, &self->keys, &like);
         watch && zseq_slice_compare (watch->key, key) == 0;
         watch = following) {
        following = RB_NEXT (s_keys, , watch);
        if (version <= watch->above)
            continue;
        fn (&watch->sender, watch->request, version, arg);
        s_remove (self, watch);
    }
}

void
zseq_kv_watches_expire (zseq_kv_watches_t *self, uint64_t now_us)
{
    assert (self);

    s_watch_t *watch;
    while ((watch = RB_MIN (s_ends, &self->ends)) && watch->until_us <= now_us)
        s_remove (self, watch);
}

void
zseq_kv_watches_clear (zseq_kv_watches_t *self)
{
    assert (self);
    zseq_kv_watches_expire (self, UINT64_MAX);
}

size_t
zseq_kv_watches_count (const zseq_kv_watches_t *self)
{
    assert (self);
    return self->count;
}
