//  One key: puts what was shown in the order of versions, holds it against
//  time, and walks along it. zseq_kv_history.h says why that is enough.

#include "zseq_kv_history_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    zseq_kv_history_t *history;
    zseq_kv_key_t *key;
    uint64_t before_ns;     //  To settle; ZSEQ_KV_NEVER: all
    uint64_t limit;         //  Only what is below it is judged
    uint64_t open_ns;       //  The earliest end of what has no position yet,
                            //  though it has ended: that will not be below
    bool stale;             //  There are stale gets
    zseq_kv_state_t state;  //  Where the walk is
} s_chain_t;

static const zseq_kv_history_op_t *
s_op (const s_chain_t *self, const zseq_kv_entry_t *entry)
{
    return &self->key->op[entry->index];
}

static bool
s_is_settled (const s_chain_t *self, uint64_t version)
{
    return self->key->settled.any && version <= self->key->settled.version;
}

//  Unknown writes of values, by value.

static int
s_compare_unknown (const void *a_, const void *b_)
{
    const zseq_kv_unknown_t *a = a_;
    const zseq_kv_unknown_t *b = b_;
    if (a->value != b->value)
        return a->value < b->value ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static void
s_list_unknown (s_chain_t *self)
{
    zseq_kv_history_t *history = self->history;
    history->unknown_count = 0;
    for (size_t index = 0; index < self->key->count; index++) {
        const zseq_kv_history_op_t *op = &self->key->op[index];
        if (op->outcome != ZSEQ_KV_HISTORY_UNKNOWN ||
            op->kind == ZSEQ_KV_HISTORY_DEL)
            continue;
        history->unknown = zseq_kv_history_reserve (
          history->unknown, &history->unknown_capacity,
          history->unknown_count + 1, sizeof *history->unknown);
        history->unknown[history->unknown_count++] =
          (zseq_kv_unknown_t){op->value, (uint32_t) index};
    }
    if (history->unknown_count > 1)
        qsort (history->unknown, history->unknown_count,
               sizeof *history->unknown, s_compare_unknown);
    if (self->before_ns != ZSEQ_KV_NEVER)
        return;
    for (size_t index = 1; index < history->unknown_count; index++)
        if (history->unknown[index].value == history->unknown[index - 1].value)
            zseq_kv_history_violation (
              history, ZSEQ_KV_RULE_FORM,
              "is unknown and writes the same value as",
              &self->key->op[history->unknown[index - 1].index],
              &self->key->op[history->unknown[index].index]);
}

static const zseq_kv_unknown_t *
s_find_unknown (const s_chain_t *self, uint64_t value)
{
    const zseq_kv_history_t *history = self->history;
    zseq_kv_unknown_t wanted = {value, 0};
    size_t low = 0;
    size_t high = history->unknown_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s_compare_unknown (&history->unknown[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == history->unknown_count || history->unknown[low].value != value)
        return NULL;
    return &history->unknown[low];
}

//  Handles: what each had seen, above the version where the sweep is.

static void
s_reset_handles (zseq_kv_history_t *history)
{
    history->handle = zseq_kv_history_reserve (
      history->handle, &history->handle_capacity, history->client_capacity,
      sizeof *history->handle);
    history->stamp++;
}

static void
s_note_handle (zseq_kv_history_t *history, const zseq_kv_history_op_t *op)
{
    zseq_kv_handle_t *handle = &history->handle[op->client];
    if (handle->stamp != history->stamp || op->end_ns < handle->end_ns)
        *handle = (zseq_kv_handle_t){op->end_ns, history->stamp, op};
}

//  Returns what the handle of an operation had seen when it began, or NULL.
static const zseq_kv_history_op_t *
s_seen_before (const zseq_kv_history_t *history, const zseq_kv_history_op_t *op)
{
    const zseq_kv_handle_t *handle = &history->handle[op->client];
    if (handle->stamp != history->stamp || handle->end_ns >= op->begin_ns)
        return NULL;
    return handle->op;
}

static const zseq_kv_seen_t *
s_seen_settled (const zseq_kv_key_t *key, const zseq_kv_history_op_t *op)
{
    if (op->client >= key->seen_count || !key->seen[op->client].any ||
        key->seen[op->client].end_ns >= op->begin_ns)
        return NULL;
    return &key->seen[op->client];
}

//  Finds stale gets, and what is the first that each handle saw.
static void
s_note_first_seen (s_chain_t *self)
{
    self->stale = false;
    for (size_t index = 0; index < self->key->count && !self->stale; index++)
        self->stale = self->key->op[index].kind == ZSEQ_KV_HISTORY_STALE;
    if (!self->stale)
        return;
    s_reset_handles (self->history);
    for (size_t index = 0; index < self->key->count; index++) {
        const zseq_kv_history_op_t *op = &self->key->op[index];
        if (zseq_kv_is_seen (op) && !zseq_kv_is_stale_absence (op))
            s_note_handle (self->history, op);
    }
}

//  Positions.

void
zseq_kv_chain_enter (zseq_kv_history_t *history, uint64_t version, size_t index,
                     zseq_kv_entry_kind_t kind)
{
    assert (history);
    history->entry = zseq_kv_history_reserve (
      history->entry, &history->entry_capacity, history->entry_count + 1,
      sizeof *history->entry);
    history->entry[history->entry_count++] =
      (zseq_kv_entry_t){version, (uint32_t) index, kind};
}

static void
s_enter_write (s_chain_t *self, uint64_t version, size_t index)
{
    const zseq_kv_history_op_t *op = &self->key->op[index];
    zseq_kv_chain_enter (self->history, version, index, ZSEQ_KV_WRITE);
    if (zseq_kv_expects_version (op) && op->expected < version &&
        !s_is_settled (self, op->expected))
        zseq_kv_chain_enter (self->history, op->expected, index,
                             ZSEQ_KV_EXPECT);
}

//  A value that was read tells the version of an unknown write. If another
//  read says another version, that one has no writer.
static void
s_place_unknown (s_chain_t *self, const zseq_kv_history_op_t *read)
{
    const zseq_kv_unknown_t *unknown = s_find_unknown (self, read->value);
    if (!unknown)
        return;
    uint64_t *version = &self->history->version[unknown->index];
    if (*version != ZSEQ_KV_NOWHERE)
        return;
    *version = read->version;
    s_enter_write (self, read->version, unknown->index);
}

//  Returns what is kept of a version that was settled, or NULL.
static const zseq_kv_old_t *
s_find_old (const zseq_kv_key_t *key, uint64_t version)
{
    uint64_t kept = key->old_count < ZSEQ_KV_HISTORY_OLD_MAX
                      ? key->old_count
                      : ZSEQ_KV_HISTORY_OLD_MAX;
    uint64_t low = key->old_count - kept;
    uint64_t high = key->old_count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (key->old[middle % ZSEQ_KV_HISTORY_OLD_MAX].version < version)
            low = middle + 1;
        else
            high = middle;
    }
    const zseq_kv_old_t *old = &key->old[low % ZSEQ_KV_HISTORY_OLD_MAX];
    return low < key->old_count && old->version == version ? old : NULL;
}

//  Enters what is added below what was settled. Only a stale get may be there;
//  the sweep finds others.
static void
s_enter_late (s_chain_t *self, size_t index)
{
    const zseq_kv_history_op_t *op = &self->key->op[index];
    zseq_kv_history_t *history = self->history;
    history->version[index] = ZSEQ_KV_LATE;
    zseq_kv_chain_enter (self->history, op->version, index, ZSEQ_KV_READ);
    if (op->kind != ZSEQ_KV_HISTORY_STALE)
        return;
    const zseq_kv_old_t *old = s_find_old (self->key, op->version);
    if (!zseq_kv_shows_value (op) || !old || !old->has_value)
        history->verdict->uncompared++;
    else if (old->value != op->value)
        zseq_kv_history_violation (
          history, ZSEQ_KV_RULE_VALUE,
          "shows another value of its version than was written", NULL, op);
}

//  Whether a stale absence says something: what its handle saw is above.
static bool
s_is_silent (const s_chain_t *self, const zseq_kv_history_op_t *op)
{
    return zseq_kv_is_stale_absence (op) && !s_seen_settled (self->key, op) &&
           !s_seen_before (self->history, op);
}

static void
s_enter_op (s_chain_t *self, size_t index)
{
    const zseq_kv_history_op_t *op = &self->key->op[index];
    uint64_t *version = &self->history->version[index];
    if (op->outcome == ZSEQ_KV_HISTORY_UNKNOWN || zseq_kv_is_unplaced (op))
        return;
    if (s_is_silent (self, op)) {
        *version = ZSEQ_KV_SILENT;
        return;
    }
    if (s_is_settled (self, op->version)) {
        s_enter_late (self, index);
        return;
    }
    *version = op->version;
    if (zseq_kv_is_done (op))
        s_enter_write (self, op->version, index);
    else
        zseq_kv_chain_enter (self->history, op->version, index, ZSEQ_KV_READ);
    if (zseq_kv_shows_value (op))
        s_place_unknown (self, op);
}

static int
s_compare_entry (const void *a_, const void *b_)
{
    const zseq_kv_entry_t *a = a_;
    const zseq_kv_entry_t *b = b_;
    if (a->version != b->version)
        return a->version < b->version ? -1 : 1;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static void
s_sort (zseq_kv_history_t *history)
{
    size_t sorted = 1;
    while (sorted < history->entry_count &&
           s_compare_entry (&history->entry[sorted - 1],
                            &history->entry[sorted]) < 0)
        sorted++;
    if (sorted < history->entry_count)
        qsort (history->entry, history->entry_count, sizeof *history->entry,
               s_compare_entry);
}

static void
s_group (zseq_kv_history_t *history)
{
    history->point_count = 0;
    for (size_t index = 0; index < history->entry_count; index++) {
        uint64_t version = history->entry[index].version;
        if (index == 0 || version != history->entry[index - 1].version) {
            history->point = zseq_kv_history_reserve (
              history->point, &history->point_capacity,
              history->point_count + 1, sizeof *history->point);
            history->point[history->point_count++] =
              (zseq_kv_point_t){.version = version, .first = index};
        }
        history->point[history->point_count - 1].count++;
    }
}

static void
s_order (s_chain_t *self)
{
    zseq_kv_history_t *history = self->history;
    history->version =
      zseq_kv_history_reserve (history->version, &history->version_capacity,
                               self->key->count + 1, sizeof *history->version);
    for (size_t index = 0; index < self->key->count; index++)
        history->version[index] = ZSEQ_KV_NOWHERE;
    history->entry_count = 0;
    s_note_first_seen (self);
    s_list_unknown (self);
    for (size_t index = 0; index < self->key->count; index++)
        s_enter_op (self, index);
    s_sort (history);
    s_group (history);
}

//  Versions below the highest that was shown in time are complete, up to the
//  first where something is still running.
static void
s_find_limit (s_chain_t *self)
{
    const zseq_kv_history_t *history = self->history;
    self->limit = ZSEQ_KV_NEVER;
    if (self->before_ns == ZSEQ_KV_NEVER)
        return;
    self->limit = 0;
    for (size_t index = 0; index < history->entry_count; index++) {
        const zseq_kv_entry_t *entry = &history->entry[index];
        if (entry->kind != ZSEQ_KV_EXPECT &&
            !s_is_settled (self, entry->version) &&
            zseq_kv_end_ns (s_op (self, entry)) < self->before_ns)
            self->limit = entry->version;
    }
    for (size_t index = 0; index < history->entry_count; index++) {
        const zseq_kv_entry_t *entry = &history->entry[index];
        const zseq_kv_history_op_t *op = s_op (self, entry);
        if (entry->version < self->limit && entry->kind != ZSEQ_KV_EXPECT &&
            !s_is_settled (self, entry->version) &&
            op->outcome != ZSEQ_KV_HISTORY_UNKNOWN &&
            op->end_ns >= self->before_ns)
            self->limit = entry->version;
    }
}

//  Places what shows no version.
static void
s_place (s_chain_t *self)
{
    zseq_kv_history_t *history = self->history;
    size_t count = history->entry_count;
    self->open_ns = zseq_kv_unplaced_enter (history, self->key, self->before_ns,
                                            &self->limit);
    if (history->entry_count == count)
        return;
    s_sort (history);
    s_group (history);
}

//  Against time: a sweep from the highest version down.

typedef struct {
    uint64_t end_ns;  //  The earliest above
    const zseq_kv_history_op_t *op;
} s_earliest_t;

static void
s_earliest_note (s_earliest_t *self, const zseq_kv_history_op_t *op)
{
    if (zseq_kv_end_ns (op) < self->end_ns) {
        self->end_ns = op->end_ns;
        self->op = op;
    }
}

static void
s_sweep_read (s_chain_t *self, const s_earliest_t *above,
              const zseq_kv_history_op_t *op)
{
    if (op->kind != ZSEQ_KV_HISTORY_STALE) {
        if (above->end_ns < op->begin_ns)
            zseq_kv_history_violation (
              self->history, ZSEQ_KV_RULE_ORDER,
              "began after a later version was shown by", above->op, op);
        return;
    }
    const zseq_kv_history_op_t *seen = s_seen_before (self->history, op);
    if (!seen) {
        const zseq_kv_seen_t *settled = s_seen_settled (self->key, op);
        if (settled && settled->op.version > op->version &&
            settled->op.end_ns < op->begin_ns)
            seen = &settled->op;
    }
    if (seen)
        zseq_kv_history_violation (self->history, ZSEQ_KV_RULE_HANDLE,
                                   "goes back behind what its handle saw in",
                                   seen, op);
}

//  Reads come after the write of their version.
static void
s_sweep_point (s_chain_t *self, zseq_kv_point_t *point, s_earliest_t *above)
{
    const zseq_kv_entry_t *entry = &self->history->entry[point->first];
    bool judged =
      point->version < self->limit || s_is_settled (self, point->version);
    s_earliest_t here = *above;
    for (size_t index = 0; index < point->count; index++) {
        if (entry[index].kind != ZSEQ_KV_READ)
            continue;
        if (judged)
            s_sweep_read (self, above, s_op (self, &entry[index]));
        s_earliest_note (&here, s_op (self, &entry[index]));
    }
    s_earliest_t written = here;
    for (size_t index = 0; index < point->count; index++) {
        const zseq_kv_history_op_t *op = s_op (self, &entry[index]);
        if (entry[index].kind != ZSEQ_KV_WRITE)
            continue;
        if (judged && here.end_ns < op->begin_ns)
            zseq_kv_history_violation (
              self->history, ZSEQ_KV_RULE_ORDER,
              "began after its version, or a later one, was shown by", here.op,
              op);
        s_earliest_note (&written, op);
    }
    for (size_t index = 0; index < point->count && self->stale; index++) {
        const zseq_kv_history_op_t *op = s_op (self, &entry[index]);
        if (entry[index].kind != ZSEQ_KV_EXPECT && zseq_kv_is_seen (op))
            s_note_handle (self->history, op);
    }
    *above = written;
    point->end_ns = above->end_ns;
}

static void
s_sweep (s_chain_t *self)
{
    if (self->stale)
        s_reset_handles (self->history);
    s_earliest_t above = {self->open_ns, NULL};
    for (size_t index = self->history->point_count; index > 0; index--)
        s_sweep_point (self, &self->history->point[index - 1], &above);
}

//  Against the neighbours: a walk from the lowest version up.

//  What is at a version: the first of each sort, or NULL.
typedef struct {
    const zseq_kv_history_op_t *writer;
    const zseq_kv_history_op_t *value;   //  Shows a value
    const zseq_kv_history_op_t *exists;  //  Shows that there is one
    const zseq_kv_history_op_t *absent;
    const zseq_kv_history_op_t *expect;
} s_shown_t;

static void
s_note_first (const zseq_kv_history_op_t **first_p,
              const zseq_kv_history_op_t *op)
{
    if (!*first_p)
        *first_p = op;
}

static void
s_note_read (s_shown_t *shown, const zseq_kv_history_op_t *op)
{
    if (zseq_kv_shows_value (op))
        s_note_first (&shown->value, op);
    else if (op->outcome == ZSEQ_KV_HISTORY_EVERSION)
        s_note_first (&shown->exists, op);
    else
        s_note_first (&shown->absent, op);
}

static s_shown_t
s_shown (s_chain_t *self, const zseq_kv_point_t *point)
{
    s_shown_t shown = {0};
    const zseq_kv_entry_t *entry = &self->history->entry[point->first];
    for (size_t index = 0; index < point->count; index++) {
        const zseq_kv_history_op_t *op = s_op (self, &entry[index]);
        if (entry[index].kind == ZSEQ_KV_EXPECT)
            s_note_first (&shown.expect, op);
        else if (entry[index].kind == ZSEQ_KV_READ)
            s_note_read (&shown, op);
        else if (!shown.writer)
            shown.writer = op;
        else
            zseq_kv_history_violation (self->history, ZSEQ_KV_RULE_VERSION,
                                       "has the same version as", shown.writer,
                                       op);
    }
    return shown;
}

static void
s_judge_read (s_chain_t *self, const zseq_kv_history_op_t *writer,
              const zseq_kv_history_op_t *op)
{
    bool deleted = writer->kind == ZSEQ_KV_HISTORY_DEL;
    bool absent = op->outcome == ZSEQ_KV_HISTORY_ENOKEY;
    if (zseq_kv_shows_value (op) && (deleted || op->value != writer->value))
        zseq_kv_history_violation (self->history, ZSEQ_KV_RULE_VALUE,
                                   "shows another value than was written by",
                                   writer, op);
    else if (!zseq_kv_shows_value (op) && deleted != absent)
        zseq_kv_history_violation (
          self->history, ZSEQ_KV_RULE_ABSENT,
          absent ? "finds no key with the version that was written by"
                 : "finds a key with the version of the delete",
          writer, op);
}

//  Nobody wrote the value with this version. Did somebody write it at all? It
//  is only searched as long as the answer has a chance to be printed.
static void
s_judge_foreign (s_chain_t *self, const zseq_kv_history_op_t *op)
{
    const zseq_kv_history_op_t *write = NULL;
    if (self->history->verdict->violations < 100)
        for (size_t index = 0; index < self->key->count && !write; index++)
            if (zseq_kv_is_done (&self->key->op[index]) &&
                self->key->op[index].kind != ZSEQ_KV_HISTORY_DEL &&
                self->key->op[index].value == op->value)
                write = &self->key->op[index];
    if (write)
        zseq_kv_history_violation (self->history, ZSEQ_KV_RULE_ONCE,
                                   "shows with a second version the value of",
                                   write, op);
    else
        zseq_kv_history_violation (self->history, ZSEQ_KV_RULE_VALUE,
                                   "shows a value that nobody wrote", NULL, op);
}

static void
s_add_need (s_chain_t *self, const zseq_kv_point_t *point, bool tombstone,
            const zseq_kv_history_op_t *op)
{
    zseq_kv_key_t *key = self->key;
    key->need = zseq_kv_history_reserve (
      key->need, &key->need_capacity, key->need_count + 1, sizeof *key->need);
    key->need[key->need_count++] = (zseq_kv_need_t){
      .tombstone = tombstone,
      .over_value = self->state.present,
      .spare = point->version - self->state.version > 1,
      .after = self->state.version,
      .by_ns = point->end_ns,
      .any_before = self->state.any,
      .op = *op,
      .before = self->state.op,
    };
}

//  Whether the key exists at a version that nobody is known to have written.
static bool
s_judge_unwritten (s_chain_t *self, const zseq_kv_point_t *point,
                   const s_shown_t *shown)
{
    if (shown->value) {
        s_judge_foreign (self, shown->value);
        return true;
    }
    if (shown->absent) {
        if (shown->exists)
            zseq_kv_history_violation (
              self->history, ZSEQ_KV_RULE_ABSENT,
              "finds no key, with the version that was found by", shown->exists,
              shown->absent);
        if (self->state.present)
            s_add_need (self, point, true, shown->absent);
        return false;
    }
    s_add_need (self, point, false,
                shown->exists ? shown->exists : shown->expect);
    return true;
}

//  A write whose condition held, against what is before it.
static void
s_judge_condition (s_chain_t *self, const zseq_kv_point_t *point,
                   const zseq_kv_history_op_t *op)
{
    const zseq_kv_state_t *state = &self->state;
    const zseq_kv_history_op_t *before = state->any ? &state->op : NULL;
    if (zseq_kv_expects_absence (op) && state->present) {
        if (point->version - state->version > 1)
            s_add_need (self, point, true, op);
        else
            zseq_kv_history_violation (self->history, ZSEQ_KV_RULE_ABSENT,
                                       "expected no key, right after", before,
                                       op);
    }
    if (!zseq_kv_expects_version (op))
        return;
    if (op->expected >= point->version)
        zseq_kv_history_violation (
          self->history, ZSEQ_KV_RULE_CHAIN,
          "was done with a version that is not above the one it expected", NULL,
          op);
    else if (!state->any || state->version != op->expected)
        zseq_kv_history_violation (
          self->history, ZSEQ_KV_RULE_CHAIN,
          "was done, though after the version that it expected came", before,
          op);
    else if (!state->present)
        zseq_kv_history_violation (
          self->history, ZSEQ_KV_RULE_CHAIN,
          "was done, though the key was absent at the version that it expected",
          before, op);
}

static void
s_judge_written (s_chain_t *self, const zseq_kv_point_t *point,
                 const s_shown_t *shown)
{
    const zseq_kv_entry_t *entry = &self->history->entry[point->first];
    for (size_t index = 0; index < point->count; index++) {
        if (entry[index].kind == ZSEQ_KV_READ)
            s_judge_read (self, shown->writer, s_op (self, &entry[index]));
        if (entry[index].kind == ZSEQ_KV_WRITE)
            s_judge_condition (self, point, s_op (self, &entry[index]));
    }
}

//  An operation that shows a state, the clearest first.
static const zseq_kv_history_op_t *
s_witness (const s_shown_t *shown)
{
    if (shown->writer)
        return shown->writer;
    if (shown->value)
        return shown->value;
    if (shown->absent)
        return shown->absent;
    return shown->exists ? shown->exists : shown->expect;
}

//  The least version that the last write up to a point may have: an absence
//  says only that there was one.
static uint64_t
s_written (const s_chain_t *self, const zseq_kv_point_t *point,
           const s_shown_t *shown)
{
    if (shown->writer || shown->value || shown->exists || shown->expect)
        return point->version;
    return self->state.present ? self->state.version + 1 : self->state.written;
}

//  Keeps a version for stale gets that come later.
static void
s_keep_old (s_chain_t *self, uint64_t version, const s_shown_t *shown)
{
    zseq_kv_key_t *key = self->key;
    size_t capacity = key->old ? ZSEQ_KV_HISTORY_OLD_MAX : 0;
    key->old = zseq_kv_history_reserve (
      key->old, &capacity, ZSEQ_KV_HISTORY_OLD_MAX, sizeof *key->old);
    bool has_value = shown->writer ? shown->writer->kind != ZSEQ_KV_HISTORY_DEL
                                   : shown->value != NULL;
    const zseq_kv_history_op_t *op = s_witness (shown);
    key->old[key->old_count++ % ZSEQ_KV_HISTORY_OLD_MAX] =
      (zseq_kv_old_t){version, has_value ? op->value : 0, has_value};
}

static void
s_walk (s_chain_t *self)
{
    const zseq_kv_history_t *history = self->history;
    self->state = self->key->settled;
    for (size_t index = 0; index < history->point_count; index++) {
        const zseq_kv_point_t *point = &history->point[index];
        if (s_is_settled (self, point->version))
            continue;
        if (point->version >= self->limit)
            return;
        s_shown_t shown = s_shown (self, point);
        bool present = true;
        if (shown.writer) {
            s_judge_written (self, point, &shown);
            present = shown.writer->kind != ZSEQ_KV_HISTORY_DEL;
        }
        else
            present = s_judge_unwritten (self, point, &shown);
        self->state =
          (zseq_kv_state_t){.any = true,
                            .present = present,
                            .version = point->version,
                            .written = s_written (self, point, &shown),
                            .op = *s_witness (&shown)};
        if (self->limit != ZSEQ_KV_NEVER)
            s_keep_old (self, point->version, &shown);
    }
}

//  Forgets what was judged.

static void
s_keep_seen (zseq_kv_key_t *key, const zseq_kv_history_op_t *op)
{
    key->seen = zseq_kv_history_reserve (
      key->seen, &key->seen_count, (size_t) op->client + 1, sizeof *key->seen);
    zseq_kv_seen_t *seen = &key->seen[op->client];
    if (!seen->any || op->version >= seen->op.version)
        seen->op = *op;
    if (!seen->any || op->end_ns < seen->end_ns)
        seen->end_ns = op->end_ns;
    seen->any = true;
}

static bool
s_is_kept (const s_chain_t *self, size_t index)
{
    const zseq_kv_history_op_t *op = &self->key->op[index];
    uint64_t version = self->history->version[index];
    if (version == ZSEQ_KV_LATE)
        return false;
    if (version == ZSEQ_KV_SILENT)
        return op->end_ns >= self->before_ns;
    return version == ZSEQ_KV_NOWHERE || version >= self->limit;
}

//  Counts unknown writes when they leave.
static void
s_count_unknown (const s_chain_t *self)
{
    zseq_kv_verdict_t *verdict = self->history->verdict;
    bool all = self->before_ns == ZSEQ_KV_NEVER;
    for (size_t index = 0; index < self->key->count; index++) {
        if (self->key->op[index].outcome != ZSEQ_KV_HISTORY_UNKNOWN ||
            (!all && s_is_kept (self, index)))
            continue;
        verdict->unknown++;
        verdict->found += self->history->version[index] != ZSEQ_KV_NOWHERE;
    }
}

static void
s_forget (s_chain_t *self)
{
    zseq_kv_key_t *key = self->key;
    size_t count = 0;
    s_count_unknown (self);
    for (size_t index = 0; index < key->count; index++) {
        const zseq_kv_history_op_t *op = &key->op[index];
        uint64_t version = self->history->version[index];
        if (s_is_kept (self, index))
            key->op[count++] = *op;
        else if (zseq_kv_is_seen (op) && version != ZSEQ_KV_SILENT &&
                 (version != ZSEQ_KV_LATE || op->kind == ZSEQ_KV_HISTORY_STALE))
            s_keep_seen (key, op);
    }
    key->count = count;
    key->settled = self->state;
}

void
zseq_kv_chain_check (zseq_kv_history_t *self, zseq_kv_key_t *key,
                     uint64_t before_ns)
{
    assert (self);
    assert (key);
    s_chain_t chain = {.history = self, .key = key, .before_ns = before_ns};
    s_order (&chain);
    s_find_limit (&chain);
    s_place (&chain);
    s_sweep (&chain);
    s_walk (&chain);
    if (before_ns != ZSEQ_KV_NEVER)
        s_forget (&chain);
    else {
        s_count_unknown (&chain);
        zseq_kv_supply_check (self, key);
    }
}
