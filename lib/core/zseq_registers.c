//  Each shard has a red-black tree of its keys, from BSD's tree.h. A key's
//  entry holds up to two registers, one accepted and one durable. Between
//  writes they are the same. What lies between them is owned by the groups in
//  flight alone.

#include "zseq_registers.h"

#include <assert.h>
#include <bsd/sys/tree.h>
#include <stdlib.h>
#include <string.h>

//  A key. Its bytes are those of accepted.
typedef struct s_entry {
    RB_ENTRY (s_entry) links;
    zseq_slice_t key;
    zseq_register_t *accepted;
    zseq_register_t *durable;   //  NULL: absent
    zseq_proposal_t chosen;     //  The highest proposal that was
    uint64_t position;          //  The group that accepted is in; 0: durable
    struct s_entry *following;  //  In the open group
    bool open;                  //  Is in the open group
} s_entry_t;

typedef struct {
    zseq_ballot_t promise;
    zseq_ballot_t durable;
    uint64_t dropped;     //  The highest version of a tombstone that was
    uint32_t peer_round;  //  The highest that a peer has promised
    uint64_t position;    //  The group that promise is in; 0: durable
    bool open;            //  It is in the open group
} s_promise_t;

typedef RB_HEAD (s_tree, s_entry) s_tree_t;

struct zseq_registers {
    s_promise_t promises[ZSEQ_SHARDS];
    s_tree_t shards[ZSEQ_SHARDS];
    size_t count;
    uint64_t bytes;
    uint64_t bytes_max;
    uint64_t next;       //  Position of the open group
    uint64_t completed;  //  Position of the last group that is complete
    s_entry_t *open;     //  Entries of the open group
    s_entry_t **open_end;
    size_t open_count;  //  With the promises, and 64 clearings
    size_t open_bytes;
    bool clears;       //  The open group begins by clearing all shards
    uint64_t void_to;  //  Groups in flight below that position change nothing
};

static int
s_compare_keys (zseq_slice_t a, zseq_slice_t b)
{
    size_t shared = a.size < b.size ? a.size : b.size;
    int order = shared ? memcmp (a.data, b.data, shared) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

static int
s_compare (s_entry_t *a, s_entry_t *b)
{
    return s_compare_keys (a->key, b->key);
}

//  RB_GENERATE_STATIC wants a macro that libbsd does not define: __unused.
RB_GENERATE_INTERNAL (s_tree, s_entry, links, s_compare,
                      __attribute__ ((__unused__)) static)

zseq_registers_t *
zseq_registers_new (uint64_t bytes_max)
{
    zseq_registers_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->bytes_max = bytes_max;
    self->next = 1;
    self->open_end = &self->open;
    return self;
}

static void
s_entry_destroy (s_entry_t *entry)
{
    zseq_register_release (&entry->accepted);
    zseq_register_release (&entry->durable);
    free (entry);
}

static void
s_destroy_entries (zseq_registers_t *self)
{
    for (size_t shard = 0; shard < ZSEQ_SHARDS; shard++) {
        s_tree_t *tree = &self->shards[shard];
        s_entry_t *entry;
        while ((entry = RB_ROOT (tree))) {
            RB_REMOVE (s_tree, tree, entry);
            s_entry_destroy (entry);
        }
    }
}

void
zseq_registers_destroy (zseq_registers_t **self_p)
{
    assert (self_p);

    zseq_registers_t *self = *self_p;
    if (!self)
        return;
    s_destroy_entries (self);
    free (self);
    *self_p = NULL;
}

//  The entry of a key; NULL: there is none.
static s_entry_t *
s_find (const zseq_registers_t *self, zseq_slice_t key)
{
    s_entry_t like = {.key = key};
    return RB_FIND (s_tree, (s_tree_t *) &self->shards[zseq_kv_shard (key)],
                    &like);
}

//  The first entry of a shard above after, at or above prefix. NULL: none.
static s_entry_t *
s_above (const zseq_registers_t *self, size_t shard, zseq_slice_t prefix,
         zseq_slice_t after)
{
    bool beyond = s_compare_keys (prefix, after) > 0;
    s_entry_t like = {.key = beyond ? prefix : after};
    s_entry_t *entry =
      RB_NFIND (s_tree, (s_tree_t *) &self->shards[shard], &like);
    if (entry && s_compare_keys (entry->key, after) == 0)
        entry = RB_NEXT (s_tree, , entry);
    return entry;
}

//  Puts an entry into the open group.
static void
s_open_entry (zseq_registers_t *self, s_entry_t *entry)
{
    entry->position = self->next;
    self->open_bytes += zseq_register_size (entry->accepted);
    if (entry->open)
        return;
    entry->open = true;
    entry->following = NULL;
    *self->open_end = entry;
    self->open_end = &entry->following;
    self->open_count++;
}

//  Puts a shard's promise into the open group.
static void
s_open_promise (zseq_registers_t *self, s_promise_t *promise)
{
    promise->position = self->next;
    if (promise->open)
        return;
    promise->open = true;
    self->open_count++;
}

//  Memory that an entry takes with a register.
static size_t
s_size (const zseq_register_t *accepted)
{
    return sizeof (s_entry_t) + zseq_register_size (accepted);
}

//  Makes an entry for the key of a register, which the entry then owns. NULL:
//  no memory.
static s_entry_t *
s_insert (zseq_registers_t *self, zseq_register_t *accepted)
{
    s_entry_t *entry = calloc (1, sizeof *entry);
    if (!entry)
        return NULL;
    entry->key = accepted->record.key;
    entry->accepted = accepted;
    RB_INSERT (s_tree, &self->shards[zseq_kv_shard (entry->key)], entry);
    self->count++;
    self->bytes += s_size (accepted);
    return entry;
}

//  Removes an entry that is in no group.
static void
s_remove (zseq_registers_t *self, s_entry_t *entry)
{
    assert (!entry->open);
    self->count--;
    self->bytes -= s_size (entry->accepted);
    RB_REMOVE (s_tree, &self->shards[zseq_kv_shard (entry->key)], entry);
    s_entry_destroy (entry);
}

//  Replaces what an entry has accepted.
static void
s_replace (zseq_registers_t *self, s_entry_t *entry, zseq_register_t *accepted)
{
    self->bytes += s_size (accepted);
    self->bytes -= s_size (entry->accepted);
    if (entry->open)
        self->open_bytes -= zseq_register_size (entry->accepted);
    entry->key = accepted->record.key;
    zseq_register_release (&entry->accepted);
    entry->accepted = accepted;
}

//  Loading.

static void
s_raise (zseq_ballot_t *self, const zseq_ballot_t *to)
{
    if (zseq_ballot_compare (self, to) < 0)
        *self = *to;
}

void
zseq_registers_load_promise (zseq_registers_t *self, uint8_t shard,
                             const zseq_ballot_t *promise)
{
    assert (self);
    assert (shard < ZSEQ_SHARDS);
    assert (promise);

    s_raise (&self->promises[shard].promise, promise);
    s_raise (&self->promises[shard].durable, promise);
}

int
zseq_registers_load (zseq_registers_t *self, const zseq_kv_record_t *record)
{
    assert (self);
    assert (record);
    assert (record->proposal.seq >= 1);

    zseq_register_t *accepted = zseq_register_new (record);
    if (!accepted)
        return ZSEQ_ENOMEM;
    s_entry_t *entry = s_find (self, record->key);
    if (entry)
        s_replace (self, entry, accepted);
    else if (!(entry = s_insert (self, accepted))) {
        zseq_register_release (&accepted);
        return ZSEQ_ENOMEM;
    }
    zseq_register_release (&entry->durable);
    entry->durable = zseq_register_own (accepted);
    zseq_registers_load_promise (self, zseq_kv_shard (record->key),
                                 &record->proposal.ballot);
    return ZSEQ_OK;
}

uint64_t
zseq_registers_dropped (const zseq_registers_t *self, uint8_t shard)
{
    assert (self);
    assert (shard < ZSEQ_SHARDS);
    return self->promises[shard].dropped;
}

void
zseq_registers_raise_dropped (zseq_registers_t *self, uint8_t shard,
                              uint64_t version)
{
    assert (self);
    assert (shard < ZSEQ_SHARDS);

    if (self->promises[shard].dropped < version)
        self->promises[shard].dropped = version;
}

void
zseq_registers_load_dropped (zseq_registers_t *self, zseq_slice_t key,
                             const zseq_proposal_t *proposal, uint64_t version)
{
    assert (self);
    assert (proposal);

    zseq_registers_raise_dropped (self, zseq_kv_shard (key), version);
    s_entry_t *entry = s_find (self, key);
    if (entry && zseq_proposal_compare (&entry->accepted->record.proposal,
                                        proposal) == 0)
        s_remove (self, entry);
}

void
zseq_registers_load_cleared (zseq_registers_t *self, uint8_t shard)
{
    assert (self);
    assert (shard < ZSEQ_SHARDS);

    s_entry_t *entry;
    while ((entry = RB_ROOT (&self->shards[shard])))
        s_remove (self, entry);
    self->promises[shard] = (s_promise_t){.position = 0};
}

void
zseq_registers_load_position (zseq_registers_t *self, uint64_t last)
{
    assert (self);
    assert (self->open_count == 0);

    self->completed = last;
    self->next = last + 1;
}

//  Has the open group, which is empty, clear all shards.
static void
s_open_clearing (zseq_registers_t *self)
{
    self->clears = true;
    self->open_count = ZSEQ_SHARDS;
}

void
zseq_registers_load_damaged (zseq_registers_t *self)
{
    assert (self);
    assert (self->open_count == 0);

    for (size_t shard = 0; shard < ZSEQ_SHARDS; shard++) {
        s_entry_t *entry;
        self->promises[shard].durable = (zseq_ballot_t){0, 0};
        RB_FOREACH (entry, s_tree, &self->shards[shard])
        zseq_register_release (&entry->durable);
    }
    s_open_clearing (self);
}

//  Changes.

int
zseq_registers_prepare (zseq_registers_t *self, uint8_t shard,
                        const zseq_ballot_t *ballot)
{
    assert (self);
    assert (shard < ZSEQ_SHARDS);
    assert (ballot);
    assert (ballot->round <= ZSEQ_ROUND_MAX);

    s_promise_t *promise = &self->promises[shard];
    int order = zseq_ballot_compare (ballot, &promise->promise);
    if (order < 0)
        return ZSEQ_EBALLOT;
    if (order == 0)
        return ZSEQ_OK;
    uint32_t known = promise->promise.round > promise->peer_round
                       ? promise->promise.round
                       : promise->peer_round;
    if (ballot->round > known && ballot->round - known > ZSEQ_ROUND_RISE_MAX)
        return ZSEQ_EINVAL;
    promise->promise = *ballot;
    s_open_promise (self, promise);
    return ZSEQ_OK;
}

void
zseq_registers_note_peer (zseq_registers_t *self, uint8_t shard,
                          const zseq_ballot_t *ballot)
{
    assert (self);
    assert (shard < ZSEQ_SHARDS);
    assert (ballot);

    if (self->promises[shard].peer_round < ballot->round)
        self->promises[shard].peer_round = ballot->round;
}

//  Whether the memory suffices for a record that replaces what entry has;
//  NULL: a new key.
static bool
s_fits (const zseq_registers_t *self, const s_entry_t *entry,
        const zseq_kv_record_t *record)
{
    size_t size = sizeof (s_entry_t) + sizeof (zseq_register_t) +
                  record->key.size + record->value.size;
    size_t before = entry ? s_size (entry->accepted) : 0;
    return record->tombstone || size <= before ||
           self->bytes - before + size <= self->bytes_max;
}

int
zseq_registers_accept (zseq_registers_t *self, const zseq_kv_record_t *record)
{
    assert (self);
    assert (record);
    assert (record->proposal.seq >= 1);
    assert (!record->copied);

    const s_promise_t *promise = &self->promises[zseq_kv_shard (record->key)];
    if (zseq_ballot_compare (&record->proposal.ballot, &promise->promise) != 0)
        return ZSEQ_EBALLOT;
    s_entry_t *entry = s_find (self, record->key);
    if (entry) {
        const zseq_kv_record_t *before = &entry->accepted->record;
        int order =
          zseq_proposal_compare (&record->proposal, &before->proposal);
        if (order < 0)
            return ZSEQ_ECONFLICT;
        if (order == 0 && !before->copied)
            return ZSEQ_OK;
    }
    if (!s_fits (self, entry, record))
        return ZSEQ_EFULL;
    zseq_register_t *accepted = zseq_register_new (record);
    if (!accepted)
        return ZSEQ_ENOMEM;
    if (entry)
        s_replace (self, entry, accepted);
    else if (!(entry = s_insert (self, accepted))) {
        zseq_register_release (&accepted);
        return ZSEQ_ENOMEM;
    }
    s_open_entry (self, entry);
    return ZSEQ_OK;
}

//  Recovery.

void
zseq_registers_clear (zseq_registers_t *self)
{
    assert (self);

    s_destroy_entries (self);
    memset (self->promises, 0, sizeof self->promises);
    self->count = 0;
    self->bytes = 0;
    self->open = NULL;
    self->open_end = &self->open;
    self->open_bytes = 0;
    self->void_to = self->next;
    s_open_clearing (self);
}

int
zseq_registers_copy (zseq_registers_t *self, const zseq_kv_record_t *record)
{
    assert (self);
    assert (record);
    assert (record->proposal.seq >= 1);

    s_entry_t *entry = s_find (self, record->key);
    if (entry && zseq_proposal_compare (&record->proposal,
                                        &entry->accepted->record.proposal) <= 0)
        return ZSEQ_OK;
    if (!s_fits (self, entry, record))
        return ZSEQ_EFULL;
    zseq_register_t *accepted = zseq_register_new (record);
    if (!accepted)
        return ZSEQ_ENOMEM;
    if (entry)
        s_replace (self, entry, accepted);
    else if (!s_insert (self, accepted)) {
        zseq_register_release (&accepted);
        return ZSEQ_ENOMEM;
    }
    s_raise (&self->promises[zseq_kv_shard (record->key)].promise,
             &record->proposal.ballot);
    return ZSEQ_OK;
}

void
zseq_registers_raise (zseq_registers_t *self, uint8_t shard,
                      const zseq_ballot_t *ballot)
{
    assert (self);
    assert (shard < ZSEQ_SHARDS);
    assert (ballot);

    s_raise (&self->promises[shard].promise, ballot);
}

//  Marks an entry as copied, or not, and has it written unless it is on disk.
static int
s_settle_entry (zseq_registers_t *self, s_entry_t *entry)
{
    const zseq_ballot_t *promise =
      &self->promises[zseq_kv_shard (entry->key)].promise;
    zseq_kv_record_t record = entry->accepted->record;
    record.copied = zseq_ballot_compare (&record.proposal.ballot, promise) != 0;
    if (record.copied != entry->accepted->record.copied) {
        zseq_register_t *marked = zseq_register_new (&record);
        if (!marked)
            return ZSEQ_ENOMEM;
        s_replace (self, entry, marked);
    }
    if (entry->accepted != entry->durable)
        s_open_entry (self, entry);
    return ZSEQ_OK;
}

int
zseq_registers_settle (zseq_registers_t *self, zseq_kv_cursor_t *cursor,
                       size_t bytes_max)
{
    assert (self);
    assert (cursor);

    //  A disk that is made anew takes the place of the old one as a whole.
    while (cursor->shard < ZSEQ_SHARDS &&
           (self->clears || self->open_bytes < bytes_max)) {
        s_promise_t *promise = &self->promises[cursor->shard];
        zseq_slice_t after = {cursor->key, cursor->key_size};
        s_entry_t *entry = s_above (self, cursor->shard, after, after);
        if (cursor->key_size == 0 &&
            zseq_ballot_compare (&promise->promise, &promise->durable) != 0)
            s_open_promise (self, promise);
        if (!entry) {
            cursor->shard++;
            cursor->key_size = 0;
            continue;
        }
        if (s_settle_entry (self, entry) != ZSEQ_OK)
            return ZSEQ_ENOMEM;
        cursor->key_size = (uint8_t) entry->key.size;
        memcpy (cursor->key, entry->key.data, entry->key.size);
    }
    return ZSEQ_OK;
}

void
zseq_registers_choose (zseq_registers_t *self, zseq_slice_t key,
                       const zseq_proposal_t *proposal)
{
    assert (self);
    assert (proposal);

    s_entry_t *entry = s_find (self, key);
    if (entry && zseq_proposal_compare (&entry->chosen, proposal) < 0)
        entry->chosen = *proposal;
}

//  Reading.

const zseq_ballot_t *
zseq_registers_promise (const zseq_registers_t *self, uint8_t shard)
{
    assert (self);
    assert (shard < ZSEQ_SHARDS);
    return &self->promises[shard].promise;
}

const zseq_ballot_t *
zseq_registers_durable_promise (const zseq_registers_t *self, uint8_t shard)
{
    assert (self);
    assert (shard < ZSEQ_SHARDS);
    return &self->promises[shard].durable;
}

uint64_t
zseq_registers_promise_position (const zseq_registers_t *self, uint8_t shard)
{
    assert (self);
    assert (shard < ZSEQ_SHARDS);
    return self->promises[shard].position;
}

static void
s_view (const s_entry_t *entry, zseq_registers_view_t *view)
{
    view->accepted = entry->accepted;
    view->durable = entry->durable;
    view->position = entry->position;
    view->chosen =
      entry->durable && zseq_proposal_compare (&entry->durable->record.proposal,
                                               &entry->chosen) == 0;
}

void
zseq_registers_find (const zseq_registers_t *self, zseq_slice_t key,
                     zseq_registers_view_t *view)
{
    assert (self);
    assert (view);

    const s_entry_t *entry = s_find (self, key);
    if (entry)
        s_view (entry, view);
    else
        memset (view, 0, sizeof *view);
}

size_t
zseq_registers_page (const zseq_registers_t *self, uint8_t shard,
                     zseq_slice_t after, zseq_registers_view_t *views,
                     size_t max)
{
    assert (self);
    assert (shard < ZSEQ_SHARDS);
    assert (views);

    size_t count = 0;
    s_entry_t *entry = s_above (self, shard, (zseq_slice_t){"", 0}, after);
    for (; entry && count < max; entry = RB_NEXT (s_tree, , entry))
        s_view (entry, &views[count++]);
    return count;
}

static bool
s_begins (zseq_slice_t key, zseq_slice_t prefix)
{
    return key.size >= prefix.size &&
           (prefix.size == 0 ||
            memcmp (key.data, prefix.data, prefix.size) == 0);
}

//  Merges the shards: takes the least of their next keys each time.
size_t
zseq_registers_list (const zseq_registers_t *self, zseq_slice_t prefix,
                     zseq_slice_t after, zseq_registers_view_t *views,
                     size_t max)
{
    assert (self);
    assert (views);

    s_entry_t *next[ZSEQ_SHARDS];
    for (size_t shard = 0; shard < ZSEQ_SHARDS; shard++)
        next[shard] = s_above (self, shard, prefix, after);
    size_t count = 0;
    while (count < max) {
        size_t least = ZSEQ_SHARDS;
        for (size_t shard = 0; shard < ZSEQ_SHARDS; shard++)
            if (next[shard] && s_begins (next[shard]->key, prefix) &&
                (least == ZSEQ_SHARDS ||
                 s_compare_keys (next[shard]->key, next[least]->key) < 0))
                least = shard;
        if (least == ZSEQ_SHARDS)
            break;
        s_view (next[least], &views[count++]);
        next[least] = RB_NEXT (s_tree, , next[least]);
    }
    return count;
}

size_t
zseq_registers_count (const zseq_registers_t *self)
{
    assert (self);
    return self->count;
}

uint64_t
zseq_registers_bytes (const zseq_registers_t *self)
{
    assert (self);
    return self->bytes;
}

//  Groups.

uint64_t
zseq_registers_open_position (const zseq_registers_t *self)
{
    assert (self);
    return self->next;
}

size_t
zseq_registers_open_count (const zseq_registers_t *self)
{
    assert (self);
    return self->open_count;
}

size_t
zseq_registers_open_bytes (const zseq_registers_t *self)
{
    assert (self);
    return self->open_bytes;
}

zseq_kv_group_t *
zseq_registers_submit (zseq_registers_t *self)
{
    assert (self);
    assert (self->open_count > 0);

    zseq_kv_group_t *group = zseq_kv_group_new (self->next, self->open_count);
    if (!group)
        return NULL;
    group->bytes = self->open_bytes;
    for (uint8_t shard = 0; self->clears && shard < ZSEQ_SHARDS; shard++)
        group->changes[group->count++] =
          (zseq_kv_change_t){.type = ZSEQ_KV_CHANGE_CLEARED, .shard = shard};
    self->clears = false;
    for (uint8_t shard = 0; shard < ZSEQ_SHARDS; shard++) {
        s_promise_t *promise = &self->promises[shard];
        if (promise->open)
            group->changes[group->count++] =
              (zseq_kv_change_t){.type = ZSEQ_KV_CHANGE_PROMISE,
                                 .shard = shard,
                                 .promise = promise->promise,
                                 .dropped = promise->dropped};
        promise->open = false;
    }
    for (s_entry_t *entry = self->open; entry; entry = entry->following) {
        group->changes[group->count++] =
          (zseq_kv_change_t){.type = ZSEQ_KV_CHANGE_RECORD,
                             .shard = zseq_kv_shard (entry->key),
                             .accepted = zseq_register_own (entry->accepted)};
        entry->open = false;
    }
    assert (group->count == self->open_count);
    self->open = NULL;
    self->open_end = &self->open;
    self->open_count = 0;
    self->open_bytes = 0;
    self->next++;
    return group;
}

//  A change is durable. What is on disk of a key has never a lower proposal
//  than before; and a ballot that was accepted is promised.
static void
s_persisted (zseq_registers_t *self, const zseq_kv_change_t *change,
             uint64_t position)
{
    s_promise_t *promise = &self->promises[change->shard];
    if (change->type == ZSEQ_KV_CHANGE_PROMISE) {
        s_raise (&promise->durable, &change->promise);
        if (promise->position == position)
            promise->position = 0;
        return;
    }
    s_raise (&promise->durable, &change->accepted->record.proposal.ballot);
    s_entry_t *entry = s_find (self, change->accepted->record.key);
    assert (entry);
    assert (!entry->durable ||
            zseq_proposal_compare (&entry->durable->record.proposal,
                                   &change->accepted->record.proposal) <= 0);
    zseq_register_release (&entry->durable);
    entry->durable = zseq_register_own (change->accepted);
    if (entry->position == position)
        entry->position = 0;
}

//  The disk has not taken a change: it returns to the open group, unless a
//  later one has replaced it.
static void
s_refused (zseq_registers_t *self, const zseq_kv_change_t *change,
           uint64_t position)
{
    if (change->type == ZSEQ_KV_CHANGE_PROMISE) {
        if (self->promises[change->shard].position == position)
            s_open_promise (self, &self->promises[change->shard]);
        return;
    }
    s_entry_t *entry = s_find (self, change->accepted->record.key);
    assert (entry);
    if (entry->position == position)
        s_open_entry (self, entry);
}

void
zseq_registers_complete (zseq_registers_t *self, zseq_kv_group_t **group_p,
                         int status)
{
    assert (self);
    assert (group_p);
    assert (*group_p);

    const zseq_kv_group_t *group = *group_p;
    assert (group->position > self->completed);
    assert (group->position < self->next);
    self->completed = group->position;
    bool is_void = group->position < self->void_to;
    for (size_t index = 0; !is_void && index < group->count; index++) {
        if (group->changes[index].type == ZSEQ_KV_CHANGE_CLEARED)
            continue;
        if (status == ZSEQ_OK)
            s_persisted (self, &group->changes[index], group->position);
        else
            s_refused (self, &group->changes[index], group->position);
    }
    zseq_kv_group_destroy (group_p);
}
