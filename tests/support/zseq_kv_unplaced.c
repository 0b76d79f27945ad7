//  What shows no version: keys that a listing left out, and watches that ended
//  without news. Each is put at the lowest position that suits it, after all
//  that ended before it began. Why that loses nothing: zseq_kv_history.h, 5.

#include "zseq_kv_history_private.h"

#include <assert.h>
#include <stdlib.h>

typedef struct {
    zseq_kv_history_t *history;
    zseq_kv_key_t *key;
    uint64_t before_ns;  //  To settle; ZSEQ_KV_NEVER: all
    uint64_t limit;      //  What is known of positions below it is complete
    size_t complete;     //  The points below limit
    uint64_t begin_ns;   //  The latest begin of what is at these
    uint64_t delete_ns;  //  The earliest begin of an unknown delete
    uint64_t open_ns;    //  The earliest end of what has no position yet
    size_t ended_count;  //  Those that are sorted
} s_unplaced_t;

//  Where what is to be placed has its lowest position.
typedef struct {
    bool any;      //  At a point, else at what was settled or at first
    size_t point;  //  Its index
    bool present;
    uint64_t written;
} s_bound_t;

static bool
s_is_settled (const s_unplaced_t *self, const zseq_kv_point_t *point)
{
    const zseq_kv_state_t *settled = &self->key->settled;
    return settled->any && point->version <= settled->version;
}

//  The state at each point.

typedef struct {
    bool shows_key;   //  A value, or that there is one
    bool shows_none;  //  An absence
    const zseq_kv_history_op_t *writer;
    uint64_t write_ns;  //  The latest begin of a write
    uint64_t read_ns;   //  ... of a read
} s_shown_t;

static void
s_look_at (s_shown_t *shown, const zseq_kv_history_op_t *op, uint32_t kind)
{
    uint64_t *begin_ns = &shown->read_ns;
    if (kind == ZSEQ_KV_EXPECT) {
        shown->shows_key = true;
        return;
    }
    if (kind == ZSEQ_KV_WRITE) {
        begin_ns = &shown->write_ns;
        if (!shown->writer)
            shown->writer = op;
    }
    else if (op->outcome == ZSEQ_KV_HISTORY_ENOKEY)
        shown->shows_none = true;
    else
        shown->shows_key = true;
    //  A stale get may have read long before it began.
    if (op->kind != ZSEQ_KV_HISTORY_STALE && op->begin_ns > *begin_ns)
        *begin_ns = op->begin_ns;
}

static s_shown_t
s_shown (const s_unplaced_t *self, const zseq_kv_point_t *point)
{
    s_shown_t shown = {0};
    for (size_t index = 0; index < point->count; index++) {
        const zseq_kv_entry_t *entry =
          &self->history->entry[point->first + index];
        s_look_at (&shown, &self->key->op[entry->index], entry->kind);
    }
    return shown;
}

static void
s_describe (s_unplaced_t *self)
{
    const zseq_kv_history_t *history = self->history;
    bool present = self->key->settled.present;
    uint64_t written = self->key->settled.written;
    uint64_t version = self->key->settled.version;
    uint64_t begin_ns = 0;
    for (size_t index = 0; index < history->point_count; index++) {
        zseq_kv_point_t *point = &history->point[index];
        if (s_is_settled (self, point))
            continue;
        s_shown_t shown = s_shown (self, point);
        if (shown.write_ns > begin_ns)
            begin_ns = shown.write_ns;
        point->begin_ns = begin_ns;
        if (shown.read_ns > begin_ns)
            begin_ns = shown.read_ns;
        bool read_only = !shown.writer && !shown.shows_key;
        if (!read_only)
            written = point->version;
        else if (present)
            written = version + 1;
        present = shown.writer ? shown.writer->kind != ZSEQ_KV_HISTORY_DEL
                               : !shown.shows_none;
        version = point->version;
        point->present = present;
        point->written = written;
        if (point->version < self->limit) {
            self->complete = index + 1;
            self->begin_ns = begin_ns;
        }
    }
}

//  What ended by when.

static int
s_compare_ended (const void *a_, const void *b_)
{
    const zseq_kv_ended_t *a = a_;
    const zseq_kv_ended_t *b = b_;
    if (a->end_ns != b->end_ns)
        return a->end_ns < b->end_ns ? -1 : 1;
    return a->point < b->point ? -1 : a->point > b->point;
}

static void
s_note_ended (s_unplaced_t *self, uint64_t end_ns, size_t point)
{
    zseq_kv_history_t *history = self->history;
    history->ended = zseq_kv_history_reserve (
      history->ended, &history->ended_capacity, history->ended_count + 1,
      sizeof *history->ended);
    history->ended[history->ended_count++] = (zseq_kv_ended_t){end_ns, point};
}

//  Sorts by end; each then has the highest point of those up to it.
static void
s_sort_ended (s_unplaced_t *self)
{
    zseq_kv_history_t *history = self->history;
    self->ended_count = history->ended_count;
    if (history->ended_count > 1)
        qsort (history->ended, history->ended_count, sizeof *history->ended,
               s_compare_ended);
    for (size_t index = 1; index < history->ended_count; index++)
        if (history->ended[index].point < history->ended[index - 1].point)
            history->ended[index].point = history->ended[index - 1].point;
}

static void
s_list_ended (s_unplaced_t *self)
{
    zseq_kv_history_t *history = self->history;
    history->ended_count = 0;
    for (size_t index = 0; index < history->point_count; index++) {
        const zseq_kv_point_t *point = &history->point[index];
        if (s_is_settled (self, point))
            continue;
        for (size_t at = 0; at < point->count; at++) {
            const zseq_kv_entry_t *entry = &history->entry[point->first + at];
            uint64_t end_ns = zseq_kv_end_ns (&self->key->op[entry->index]);
            if (entry->kind != ZSEQ_KV_EXPECT && end_ns != ZSEQ_KV_NEVER)
                s_note_ended (self, end_ns, index);
        }
    }
    s_sort_ended (self);
}

//  The highest position that ended before an operation began.
static s_bound_t
s_find_bound (const s_unplaced_t *self, const zseq_kv_history_op_t *op)
{
    const zseq_kv_history_t *history = self->history;
    size_t low = 0;
    size_t high = self->ended_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (history->ended[middle].end_ns < op->begin_ns)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return (s_bound_t){.present = self->key->settled.present,
                           .written = self->key->settled.written};
    size_t index = history->ended[low - 1].point;
    const zseq_kv_point_t *point = &history->point[index];
    return (s_bound_t){true, index, point->present, point->written};
}

//  Shows what is at a bound; NULL: what was settled, if anything.
static const zseq_kv_history_op_t *
s_witness (const s_unplaced_t *self, const s_bound_t *bound)
{
    const zseq_kv_history_t *history = self->history;
    if (!bound->any)
        return self->key->settled.any ? &self->key->settled.op : NULL;
    const zseq_kv_point_t *point = &history->point[bound->point];
    return &self->key->op[history->entry[point->first].index];
}

//  Placing.

static bool
s_is_running (const s_unplaced_t *self, const zseq_kv_history_op_t *op)
{
    return self->before_ns != ZSEQ_KV_NEVER && op->end_ns >= self->before_ns;
}

//  What still runs has its lowest position above all that is settled.
static void
s_lower_limit (s_unplaced_t *self)
{
    for (size_t index = 0; index < self->key->count; index++) {
        const zseq_kv_history_op_t *op = &self->key->op[index];
        if (!zseq_kv_is_unplaced (op) || !s_is_running (self, op) ||
            op->begin_ns >= self->before_ns)
            continue;
        s_bound_t bound = s_find_bound (self, op);
        uint64_t version =
          bound.any ? self->history->point[bound.point].version : 0;
        if (version < self->limit)
            self->limit = version;
    }
}

//  It stays without a position, which will not be below limit.
static void
s_leave_open (s_unplaced_t *self, const zseq_kv_history_op_t *op)
{
    if (op->end_ns < self->open_ns)
        self->open_ns = op->end_ns;
}

//  Returns the next point where the key is absent, or the count of points.
static size_t
s_find_absence (const s_unplaced_t *self, const s_bound_t *bound)
{
    const zseq_kv_history_t *history = self->history;
    size_t index = bound->any ? bound->point + 1 : 0;
    while (index < self->complete &&
           (history->point[index].present ||
            s_is_settled (self, &history->point[index])))
        index++;
    return index < self->complete ? index : history->point_count;
}

static void
s_place_left_out (s_unplaced_t *self, size_t index)
{
    zseq_kv_history_t *history = self->history;
    const zseq_kv_history_op_t *op = &self->key->op[index];
    s_bound_t bound = s_find_bound (self, op);
    bool open = bound.any && bound.point >= self->complete;
    if (!open && bound.present && self->delete_ns > op->end_ns) {
        size_t at = s_find_absence (self, &bound);
        bool found = at < history->point_count;
        uint64_t begin_ns =
          found ? history->point[at].begin_ns : self->begin_ns;
        open = !found && self->before_ns != ZSEQ_KV_NEVER;
        if (begin_ns > op->end_ns || (!found && !open)) {
            open = false;
            zseq_kv_history_violation (history, ZSEQ_KV_RULE_ABSENT,
                                       "leaves out a key that was there since",
                                       s_witness (self, &bound), op);
        }
        else if (found) {
            history->version[index] = history->point[at].version;
            zseq_kv_chain_enter (history, history->version[index], index,
                                 ZSEQ_KV_READ);
            s_note_ended (self, op->end_ns, at);
            return;
        }
    }
    if (open)
        s_leave_open (self, op);
    else
        history->version[index] = ZSEQ_KV_SILENT;
}

static void
s_place_quiet (s_unplaced_t *self, size_t index)
{
    const zseq_kv_history_op_t *op = &self->key->op[index];
    s_bound_t bound = s_find_bound (self, op);
    if ((bound.any && bound.point >= self->complete) ||
        self->open_ns < op->begin_ns) {
        s_leave_open (self, op);
        return;
    }
    self->history->version[index] = ZSEQ_KV_SILENT;
    if (bound.written > op->expected)
        zseq_kv_history_violation (
          self->history, ZSEQ_KV_RULE_WATCH,
          "found nothing new, though a newer version was shown by",
          s_witness (self, &bound), op);
}

//  Calls place for what is left out, or else for what is quiet.
static void
s_place_all (s_unplaced_t *self, bool left_out,
             void (*place) (s_unplaced_t *self, size_t index))
{
    for (size_t index = 0; index < self->key->count; index++) {
        const zseq_kv_history_op_t *op = &self->key->op[index];
        if (zseq_kv_is_unplaced (op) && zseq_kv_is_left_out (op) == left_out &&
            !s_is_running (self, op))
            place (self, index);
    }
}

static bool
s_find_any (s_unplaced_t *self)
{
    bool any = false;
    self->delete_ns = ZSEQ_KV_NEVER;
    for (size_t index = 0; index < self->key->count; index++) {
        const zseq_kv_history_op_t *op = &self->key->op[index];
        any = any || zseq_kv_is_unplaced (op);
        if (op->outcome == ZSEQ_KV_HISTORY_UNKNOWN &&
            op->kind == ZSEQ_KV_HISTORY_DEL && op->begin_ns < self->delete_ns)
            self->delete_ns = op->begin_ns;
    }
    return any;
}

uint64_t
zseq_kv_unplaced_enter (zseq_kv_history_t *self, zseq_kv_key_t *key,
                        uint64_t before_ns, uint64_t *limit_p)
{
    assert (self);
    assert (key);
    assert (limit_p);
    s_unplaced_t unplaced = {.history = self,
                             .key = key,
                             .before_ns = before_ns,
                             .limit = *limit_p,
                             .open_ns = ZSEQ_KV_NEVER};
    if (!s_find_any (&unplaced))
        return ZSEQ_KV_NEVER;
    s_list_ended (&unplaced);
    s_lower_limit (&unplaced);
    *limit_p = unplaced.limit;
    s_describe (&unplaced);
    s_place_all (&unplaced, true, s_place_left_out);
    //  What was placed ended before watches began that come later.
    s_sort_ended (&unplaced);
    s_place_all (&unplaced, false, s_place_quiet);
    return unplaced.open_ns;
}
