//  What was shown and nobody is known to have written is explained by unknown
//  writes. Why this choice loses nothing: zseq_kv_history.h, 4.

#include "zseq_kv_history_private.h"

#include <assert.h>
#include <stdlib.h>

//  Unknown writes that any place suits, by begin. Those that began early
//  enough for a need did so for all later ones.
typedef struct {
    uint64_t *begin_ns;
    size_t count;
    size_t capacity;
    size_t *free_at;   //  The latest at or before this one that is free, + 1
    size_t began;      //  Those that were looked at
    size_t available;  //  ... began early enough, and are free
} s_pool_t;

//  An unknown write that expects a version.
typedef struct {
    uint64_t expected;
    uint64_t begin_ns;
    uint8_t kind;
} s_follower_t;

typedef struct {
    s_pool_t put;     //  Unconditional
    s_pool_t insert;  //  Expect no key
    s_pool_t del;
    s_follower_t *follower;
    size_t follower_count;
    size_t follower_capacity;
} s_supply_t;

static void
s_pool_add (s_pool_t *self, uint64_t begin_ns)
{
    self->begin_ns = zseq_kv_history_reserve (
      self->begin_ns, &self->capacity, self->count + 1, sizeof *self->begin_ns);
    self->begin_ns[self->count++] = begin_ns;
}

static int
s_compare_number (const void *a_, const void *b_)
{
    uint64_t a = *(const uint64_t *) a_;
    uint64_t b = *(const uint64_t *) b_;
    return a < b ? -1 : a > b;
}

static void
s_pool_sort (s_pool_t *self)
{
    if (self->count > 1)
        qsort (self->begin_ns, self->count, sizeof *self->begin_ns,
               s_compare_number);
    size_t none = 0;
    self->free_at = zseq_kv_history_reserve (NULL, &none, self->count + 1,
                                             sizeof *self->free_at);
    for (size_t index = 0; index < self->count; index++)
        self->free_at[index] = index + 1;
}

static void
s_pool_term (s_pool_t *self)
{
    free (self->begin_ns);
    free (self->free_at);
}

//  How many began by then.
static size_t
s_pool_began (const s_pool_t *self, uint64_t by_ns)
{
    size_t low = 0;
    size_t high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (self->begin_ns[middle] <= by_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

//  Takes the one that began latest, by then. Shortens the way for the next
//  (union-find, halving).
static bool
s_pool_take_latest (s_pool_t *self, uint64_t by_ns)
{
    size_t at = s_pool_began (self, by_ns);
    while (at > 0 && self->free_at[at - 1] != at) {
        size_t next = self->free_at[at - 1];
        if (next > 0)
            self->free_at[at - 1] = self->free_at[next - 1];
        at = next;
    }
    if (at == 0)
        return false;
    self->free_at[at - 1] = at - 1;
    return true;
}

//  Lets those come in that began by then, which never falls.
static void
s_pool_advance (s_pool_t *self, uint64_t by_ns)
{
    for (; self->began < self->count && self->begin_ns[self->began] <= by_ns;
         self->began++)
        if (self->free_at[self->began] == self->began + 1)
            self->available++;
}

static bool
s_pool_take (s_pool_t *self)
{
    if (self->available == 0)
        return false;
    self->available--;
    return true;
}

static int
s_compare_follower (const void *a_, const void *b_)
{
    const s_follower_t *a = a_;
    const s_follower_t *b = b_;
    if (a->expected != b->expected)
        return a->expected < b->expected ? -1 : 1;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return a->begin_ns < b->begin_ns ? -1 : a->begin_ns > b->begin_ns;
}

static void
s_add (s_supply_t *self, const zseq_kv_history_op_t *op)
{
    if (zseq_kv_expects_version (op)) {
        self->follower = zseq_kv_history_reserve (
          self->follower, &self->follower_capacity, self->follower_count + 1,
          sizeof *self->follower);
        self->follower[self->follower_count++] =
          (s_follower_t){op->expected, op->begin_ns, op->kind};
    }
    else if (op->kind == ZSEQ_KV_HISTORY_DEL)
        s_pool_add (&self->del, op->begin_ns);
    else if (op->kind == ZSEQ_KV_HISTORY_CAS)
        s_pool_add (&self->insert, op->begin_ns);
    else
        s_pool_add (&self->put, op->begin_ns);
}

static void
s_init (s_supply_t *self, const zseq_kv_history_t *history,
        const zseq_kv_key_t *key)
{
    *self = (s_supply_t){0};
    for (size_t index = 0; index < key->count; index++)
        if (key->op[index].outcome == ZSEQ_KV_HISTORY_UNKNOWN &&
            history->version[index] == ZSEQ_KV_NOWHERE)
            s_add (self, &key->op[index]);
    s_pool_sort (&self->put);
    s_pool_sort (&self->insert);
    s_pool_sort (&self->del);
    if (self->follower_count > 1)
        qsort (self->follower, self->follower_count, sizeof *self->follower,
               s_compare_follower);
}

static void
s_term (s_supply_t *self)
{
    s_pool_term (&self->put);
    s_pool_term (&self->insert);
    s_pool_term (&self->del);
    free (self->follower);
}

//  Whether a write of this kind that expects what is before the need began
//  early enough.
static bool
s_follows (const s_supply_t *self, uint8_t kind, const zseq_kv_need_t *need)
{
    s_follower_t wanted = {need->after, 0, kind};
    size_t low = 0;
    size_t high = self->follower_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s_compare_follower (&self->follower[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return need->over_value && low < self->follower_count &&
           self->follower[low].expected == need->after &&
           self->follower[low].kind == kind &&
           self->follower[low].begin_ns <= need->by_ns;
}

//  Whether only an unconditional write explains it, for want of versions.
static bool
s_is_tight (const s_supply_t *self, const zseq_kv_need_t *need)
{
    return !need->tombstone && need->over_value && !need->spare &&
           !s_follows (self, ZSEQ_KV_HISTORY_CAS, need);
}

//  A value after an absence.
static bool
s_take_first (s_supply_t *self)
{
    return s_pool_take (&self->insert) || s_pool_take (&self->put);
}

//  Explains a need that is not tight: there is a version for a delete.
static bool
s_explain (s_supply_t *self, const zseq_kv_need_t *need)
{
    s_pool_advance (&self->put, need->by_ns);
    s_pool_advance (&self->insert, need->by_ns);
    s_pool_advance (&self->del, need->by_ns);
    bool deleted = s_follows (self, ZSEQ_KV_HISTORY_DEL, need);
    if (need->tombstone)
        return deleted || s_pool_take (&self->del);
    if (s_follows (self, ZSEQ_KV_HISTORY_CAS, need))
        return true;
    if (!need->over_value || deleted)
        return s_take_first (self);
    if (s_pool_take (&self->put))
        return true;
    return self->insert.available > 0 && s_pool_take (&self->del) &&
           s_pool_take (&self->insert);
}

static void
s_unexplained (zseq_kv_history_t *history, const zseq_kv_need_t *need)
{
    const zseq_kv_history_op_t *before =
      need->any_before ? &need->before : NULL;
    if (need->tombstone)
        zseq_kv_history_violation (
          history, ZSEQ_KV_RULE_ABSENT,
          "finds no key, and no delete explains that it is gone after", before,
          &need->op);
    else
        zseq_kv_history_violation (
          history, ZSEQ_KV_RULE_WRITER,
          before ? "finds a version that no write explains, after"
                 : "finds a version that no write explains",
          before, &need->op);
}

void
zseq_kv_supply_check (zseq_kv_history_t *self, const zseq_kv_key_t *key)
{
    assert (self);
    assert (key);
    if (key->need_count == 0)
        return;
    s_supply_t supply;
    s_init (&supply, self, key);
    for (size_t index = 0; index < key->need_count; index++) {
        const zseq_kv_need_t *need = &key->need[index];
        if (s_is_tight (&supply, need) &&
            !s_pool_take_latest (&supply.put, need->by_ns))
            s_unexplained (self, need);
    }
    for (size_t index = 0; index < key->need_count; index++) {
        const zseq_kv_need_t *need = &key->need[index];
        if (!s_is_tight (&supply, need) && !s_explain (&supply, need))
            s_unexplained (self, need);
    }
    s_term (&supply);
}
