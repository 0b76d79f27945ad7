//  Each node's reply is copied to its page. A cursor in each page walks over
//  the keys, lowest first (s_walk).

#include "zseq_kv_list.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

//  How long a page waits for other nodes when W have answered and do not agree
//  on each key.
#define OTHERS_US 20000

//  A key of a node.
typedef struct {
    zseq_slice_t key;
    zseq_slice_t value;
    zseq_proposal_t proposal;
    uint64_t version;
    bool tombstone;
    bool copied;
} s_item_t;

//  What a node has told. All bytes are in the message at most.
typedef struct {
    size_t count;
    zseq_slice_t through;  //  Empty: all keys
    s_item_t item[ZSEQ_PAGE_MAX];
    char bytes[ZSEQ_MESSAGE_MAX];
} s_page_t;

struct zseq_kv_list {
    zseq_attempt_t attempt;
    zseq_quorum_t quorum;  //  W is the majority, whatever the client's own
                           //  quorums are: K16
    zseq_kv_list_ask_t ask;
    char prefix[ZSEQ_KEY_MAX];
    char after[ZSEQ_KEY_MAX];
    bool done;
    zseq_node_set_t counting;  //  Nodes whose pages are merged
    bool bounded;              //  Keys above bound are not judged
    zseq_slice_t bound;
    size_t at[ZSEQ_NODES_MAX];  //  The cursors
    s_page_t page[ZSEQ_NODES_MAX];
};

zseq_kv_list_t *
zseq_kv_list_new (void)
{
    return calloc (1, sizeof (zseq_kv_list_t));
}

void
zseq_kv_list_destroy (zseq_kv_list_t **self_p)
{
    assert (self_p);
    free (*self_p);
    *self_p = NULL;
}

static zseq_slice_t
s_keep (char *bytes, zseq_slice_t slice)
{
    if (slice.size)
        memmove (bytes, slice.data, slice.size);
    return (zseq_slice_t){bytes, slice.size};
}

void
zseq_kv_list_begin (zseq_kv_list_t *self, uint8_t n,
                    const zseq_kv_list_ask_t *ask, const zseq_timing_t *timing)
{
    assert (self);
    assert (n >= 1);
    assert (n <= ZSEQ_NODES_MAX);
    assert (ask);
    assert (ask->prefix.size <= ZSEQ_KEY_MAX);
    assert (ask->after.size <= ZSEQ_KEY_MAX);

    self->ask.prefix = s_keep (self->prefix, ask->prefix);
    self->ask.after = s_keep (self->after, ask->after);
    self->ask.values = ask->values;
    self->done = false;
    int rc = zseq_quorum_init (&self->quorum, n, 0, 0);
    assert (rc == ZSEQ_OK);
    zseq_attempt_init (&self->attempt, &self->quorum, timing);
}

zseq_attempt_t *
zseq_kv_list_attempt (zseq_kv_list_t *self)
{
    assert (self);
    return &self->attempt;
}

static bool
s_quorum (const zseq_kv_list_t *self, zseq_node_set_t nodes)
{
    return zseq_quorum_reached (&self->quorum, ZSEQ_QUORUM_WRITE, nodes);
}

//  Merging.

//  Finds where the first page ends, and puts the cursors to the beginning.
static void
s_rewind (zseq_kv_list_t *self)
{
    self->counting = zseq_attempt_granted (&self->attempt);
    self->bounded = false;
    memset (self->at, 0, sizeof self->at);
    for (uint8_t node = 0; node < self->quorum.n; node++) {
        zseq_slice_t through = self->page[node].through;
        if (!zseq_node_set_has (self->counting, node) || through.size == 0 ||
            (self->bounded && zseq_slice_compare (self->bound, through) <= 0))
            continue;
        self->bounded = true;
        self->bound = through;
    }
}

//  What the cursor of a node is at; NULL: nothing, or its page does not count.
static const s_item_t *
s_item (const zseq_kv_list_t *self, uint8_t node)
{
    const s_page_t *page = &self->page[node];
    return zseq_node_set_has (self->counting, node) &&
               self->at[node] < page->count
             ? &page->item[self->at[node]]
             : NULL;
}

//  The item with the lowest key; NULL: none is left up to the bound.
static const s_item_t *
s_lowest (const zseq_kv_list_t *self)
{
    const s_item_t *lowest = NULL;
    for (uint8_t node = 0; node < self->quorum.n; node++) {
        const s_item_t *item = s_item (self, node);
        if (item &&
            (!lowest || zseq_slice_compare (item->key, lowest->key) < 0))
            lowest = item;
    }
    return lowest && self->bounded &&
               zseq_slice_compare (lowest->key, self->bound) > 0
             ? NULL
             : lowest;
}

typedef enum { ABSENT, EXISTS, DISPUTED } s_verdict_t;

//  K7, of one key: items has what each node shows of it; NULL: an absence. An
//  absence is not a tombstone, and a copy agrees with nobody.
static s_verdict_t
s_judge (const zseq_kv_list_t *self, const s_item_t **items,
         const s_item_t **chosen_p)
{
    zseq_node_set_t absent = 0;
    for (uint8_t node = 0; node < self->quorum.n; node++) {
        if (!zseq_node_set_has (self->counting, node))
            continue;
        if (!items[node]) {
            zseq_node_set_add (&absent, node);
            continue;
        }
        zseq_node_set_t agreeing = 0;
        for (uint8_t other = 0; other < self->quorum.n; other++)
            if (items[other] && !items[other]->copied &&
                zseq_proposal_compare (&items[node]->proposal,
                                       &items[other]->proposal) == 0)
                zseq_node_set_add (&agreeing, other);
        if (s_quorum (self, agreeing)) {
            *chosen_p = items[node];
            return items[node]->tombstone ? ABSENT : EXISTS;
        }
    }
    return s_quorum (self, absent) ? ABSENT : DISPUTED;
}

//  Judges the next key, and moves the cursors past it. False: none is left.
static bool
s_walk (zseq_kv_list_t *self, zseq_kv_list_entry_t *entry,
        s_verdict_t *verdict_p)
{
    const s_item_t *lowest = s_lowest (self);
    if (!lowest)
        return false;
    const s_item_t *items[ZSEQ_NODES_MAX] = {NULL};
    for (uint8_t node = 0; node < self->quorum.n; node++) {
        const s_item_t *item = s_item (self, node);
        if (item && zseq_slice_compare (item->key, lowest->key) == 0)
            items[node] = item;
    }
    for (uint8_t node = 0; node < self->quorum.n; node++)
        self->at[node] += items[node] != NULL;
    const s_item_t *chosen = NULL;
    *verdict_p = s_judge (self, items, &chosen);
    *entry = (zseq_kv_list_entry_t){
      .key = lowest->key, .disputed = *verdict_p == DISPUTED, .value = {"", 0}};
    if (*verdict_p == EXISTS) {
        entry->version = chosen->version;
        entry->value = chosen->value;
    }
    return true;
}

static bool
s_disputed (zseq_kv_list_t *self)
{
    zseq_kv_list_entry_t entry;
    s_verdict_t verdict;
    s_rewind (self);
    while (s_walk (self, &entry, &verdict))
        if (verdict == DISPUTED)
            return true;
    return false;
}

bool
zseq_kv_list_next (zseq_kv_list_t *self, zseq_kv_list_entry_t *entry)
{
    assert (self);
    assert (entry);
    assert (self->done);

    s_verdict_t verdict;
    while (s_walk (self, entry, &verdict))
        if (verdict != ABSENT)
            return true;
    return false;
}

bool
zseq_kv_list_more (const zseq_kv_list_t *self, zseq_slice_t *after_p)
{
    assert (self);
    assert (after_p);
    assert (self->done);

    *after_p = self->bound;
    return self->bounded;
}

//  Asking.

static zseq_do_t
s_done (zseq_kv_list_t *self)
{
    s_rewind (self);
    zseq_attempt_end (&self->attempt, true);
    self->done = true;
    return ZSEQ_DO_DONE;
}

zseq_do_t
zseq_kv_list_tick (zseq_kv_list_t *self, uint64_t now_us)
{
    assert (self);

    zseq_attempt_t *attempt = &self->attempt;
    if (self->done)
        return ZSEQ_DO_DONE;
    if (zseq_attempt_overdue (attempt, now_us)) {
        if (zseq_attempt_reached (attempt, ZSEQ_QUORUM_WRITE))
            return s_done (self);
        zseq_attempt_end (attempt, false);
        zseq_attempt_pause (attempt, now_us);
    }
    return zseq_attempt_due (attempt, now_us) ? ZSEQ_DO_SEND : ZSEQ_DO_WAIT;
}

void
zseq_kv_list_request (zseq_kv_list_t *self, uint64_t request, uint64_t now_us,
                      zseq_msg_t *msg)
{
    assert (self);
    assert (msg);

    *msg = (zseq_msg_t){.op = ZSEQ_OP_KV_LIST,
                        .request = request,
                        .kv_list = {.prefix = self->ask.prefix,
                                    .after = self->ask.after,
                                    .count = ZSEQ_PAGE_MAX,
                                    .values = self->ask.values}};
    zseq_attempt_begin (&self->attempt, request, true, now_us);
}

//  Whether a page is an answer to the question: its keys begin with the prefix,
//  and lie between after and its end, which lies above after.
static bool
s_valid (const zseq_kv_list_t *self, const zseq_msg_kv_list_t *page)
{
    zseq_slice_t prefix = self->ask.prefix;
    if (page->through.size &&
        zseq_slice_compare (page->through, self->ask.after) <= 0)
        return false;
    for (size_t index = 0; index < page->record_count; index++) {
        zseq_slice_t key = page->records[index].key;
        zseq_slice_t begin = {key.data, prefix.size};
        if (key.size < prefix.size || zseq_slice_compare (begin, prefix) != 0 ||
            zseq_slice_compare (key, self->ask.after) <= 0 ||
            (page->through.size && zseq_slice_compare (key, page->through) > 0))
            return false;
    }
    return true;
}

static zseq_slice_t
s_copy (s_page_t *page, size_t *used, zseq_slice_t slice)
{
    zseq_slice_t copy = {page->bytes + *used, slice.size};
    assert (slice.size <= sizeof page->bytes - *used);
    if (slice.size)
        memcpy (page->bytes + *used, slice.data, slice.size);
    *used += slice.size;
    return copy;
}

static void
s_take (s_page_t *page, const zseq_msg_kv_list_t *from)
{
    size_t used = 0;
    page->count = from->record_count;
    page->through = s_copy (page, &used, from->through);
    for (size_t index = 0; index < from->record_count; index++) {
        const zseq_kv_record_t *record = &from->records[index];
        page->item[index] =
          (s_item_t){.key = s_copy (page, &used, record->key),
                     .value = s_copy (page, &used, record->value),
                     .proposal = record->proposal,
                     .version = record->version,
                     .tombstone = record->tombstone,
                     .copied = record->copied};
    }
}

//  Whether a node may still answer that the message has reached.
static bool
s_others_may_answer (const zseq_kv_list_t *self)
{
    for (uint8_t node = 0; node < self->quorum.n; node++)
        if (!self->attempt.tally.vote[node].present &&
            !zseq_node_set_has (self->attempt.absent, node))
            return true;
    return false;
}

zseq_do_t
zseq_kv_list_reply (zseq_kv_list_t *self, const zseq_msg_t *reply,
                    uint64_t now_us)
{
    assert (self);
    assert (reply);
    assert (reply->reply);

    zseq_attempt_t *attempt = &self->attempt;
    if (self->done)
        return ZSEQ_DO_DONE;
    if (reply->op != ZSEQ_OP_KV_LIST || !zseq_attempt_add (attempt, reply))
        return ZSEQ_DO_WAIT;
    if (reply->status == ZSEQ_OK && s_valid (self, &reply->kv_list))
        s_take (&self->page[reply->node], &reply->kv_list);
    else if (reply->status == ZSEQ_OK)
        attempt->tally.vote[reply->node].status = ZSEQ_EPROTOCOL;
    if (zseq_attempt_reached (attempt, ZSEQ_QUORUM_WRITE)) {
        if (!s_others_may_answer (self) || !s_disputed (self))
            return s_done (self);
        zseq_attempt_hasten (attempt, now_us + OTHERS_US);
    }
    else if (zseq_attempt_hopeless (attempt, ZSEQ_QUORUM_WRITE)) {
        zseq_attempt_end (attempt, true);
        zseq_attempt_pause (attempt, now_us);
    }
    return ZSEQ_DO_WAIT;
}
