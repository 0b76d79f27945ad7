//  Histories that break a rule, and histories that break none.

#include "zseq_history.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

//  The generator of splitmix64: small, seeded, the same everywhere.
static uint64_t
s_random (uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t
s_below (uint64_t *state, uint64_t bound)
{
    return s_random (state) % bound;
}

//  Planted violations. Each history breaks exactly the rule that is named.

static void
s_judge (const zseq_history_op_t *ops, size_t count, bool gapless,
         zseq_verdict_t *verdict)
{
    zseq_history_t *history = zseq_history_new ();
    for (size_t index = 0; index < count; index++)
        zseq_history_add (history, &ops[index]);
    zseq_history_check (history, gapless, verdict);
    zseq_history_destroy (&history);
}

static void
s_assert_only (const zseq_verdict_t *verdict, zseq_rule_t rule)
{
    for (size_t index = 0; index < ZSEQ_RULES; index++)
        cr_assert_eq (verdict->violation[index] != 0, index == rule,
                      "rule %zu:\n%s", index, verdict->text);
}

#define OP(kind_, client_, start, end, first_, count_)                         \
    {                                                                          \
        .kind = ZSEQ_HISTORY_##kind_, .client = client_, .start_ns = start,    \
        .end_ns = end, .first = first_, .count = count_                        \
    }

#define JUDGE(gapless, ...)                                                    \
    zseq_verdict_t verdict;                                                    \
    const zseq_history_op_t ops[] = {__VA_ARGS__};                             \
    s_judge (ops, sizeof ops / sizeof ops[0], gapless, &verdict)

Test (history, an_empty_one_is_good)
{
    zseq_verdict_t verdict;
    s_judge (NULL, 0, true, &verdict);
    cr_assert_eq (verdict.violations, 0);
    cr_assert_eq (verdict.ids, 0);
}

Test (history, concurrent_calls_may_be_served_in_any_order)
{
    JUDGE (true, OP (UNBUFFERED, 1, 10, 30, 6, 5),
           OP (UNBUFFERED, 2, 20, 40, 1, 5), OP (UNBUFFERED, 3, 40, 50, 11, 1));
    cr_assert_eq (verdict.violations, 0, "%s", verdict.text);
    cr_assert_eq (verdict.operations, 3);
    cr_assert_eq (verdict.clients, 3);
    cr_assert_eq (verdict.ids, 11);
    cr_assert_eq (verdict.gaps, 0);
}

Test (history, a_call_that_starts_when_another_ends_is_not_after_it)
{
    JUDGE (false, OP (UNBUFFERED, 1, 10, 20, 2, 1),
           OP (UNBUFFERED, 2, 20, 30, 1, 1));
    cr_assert_eq (verdict.violations, 0, "%s", verdict.text);
}

Test (history, an_id_given_twice_is_found)
{
    JUDGE (false, OP (UNBUFFERED, 1, 10, 20, 1, 100),
           OP (UNBUFFERED, 2, 10, 20, 100, 5));
    s_assert_only (&verdict, ZSEQ_RULE_UNIQUE);
    cr_assert_eq (verdict.duplicates, 1);
    cr_assert (strstr (verdict.text, "[u 1 10 20 1 100]"), "%s", verdict.text);
    cr_assert (strstr (verdict.text, "[u 2 10 20 100 5]"), "%s", verdict.text);
}

Test (history, an_id_inside_an_earlier_wide_range_is_found)
{
    JUDGE (false, OP (BUFFERED, 1, 10, 20, 1, 100),
           OP (BUFFERED, 2, 10, 20, 3, 2), OP (BUFFERED, 3, 10, 20, 50, 1));
    s_assert_only (&verdict, ZSEQ_RULE_UNIQUE);
    cr_assert_eq (verdict.duplicates, 3);
}

Test (history, an_unbuffered_id_below_an_earlier_one_is_found)
{
    JUDGE (false, OP (UNBUFFERED, 1, 10, 20, 7, 3),
           OP (UNBUFFERED, 2, 21, 30, 6, 1));
    s_assert_only (&verdict, ZSEQ_RULE_ORDER);
}

Test (history, an_unbuffered_id_below_an_earlier_buffered_one_is_found)
{
    JUDGE (false, OP (BUFFERED, 1, 10, 20, 7, 1),
           OP (UNBUFFERED, 2, 21, 30, 6, 1));
    s_assert_only (&verdict, ZSEQ_RULE_ORDER);
}

Test (history, a_buffered_id_may_be_below_another_clients)
{
    JUDGE (false, OP (UNBUFFERED, 1, 10, 20, 7, 1),
           OP (BUFFERED, 2, 21, 30, 6, 1));
    cr_assert_eq (verdict.violations, 0, "%s", verdict.text);
}

Test (history, a_peek_below_a_handed_out_id_is_found)
{
    JUDGE (false, OP (BUFFERED, 1, 10, 20, 7, 1), OP (PEEK, 2, 21, 30, 7, 0));
    s_assert_only (&verdict, ZSEQ_RULE_ORDER);
}

Test (history, a_claim_below_an_earlier_peek_is_found)
{
    JUDGE (false, OP (PEEK, 1, 10, 20, 9, 0), OP (UNBUFFERED, 2, 21, 30, 8, 1));
    s_assert_only (&verdict, ZSEQ_RULE_ORDER);
}

Test (history, a_claim_at_an_earlier_peek_is_good)
{
    JUDGE (false, OP (PEEK, 1, 10, 20, 9, 0), OP (UNBUFFERED, 2, 21, 30, 9, 1));
    cr_assert_eq (verdict.violations, 0, "%s", verdict.text);
}

Test (history, a_peek_that_goes_back_is_found)
{
    JUDGE (false, OP (PEEK, 1, 10, 20, 9, 0), OP (PEEK, 2, 21, 30, 8, 0));
    s_assert_only (&verdict, ZSEQ_RULE_ORDER);
}

Test (history, a_claim_below_an_earlier_raise_is_found)
{
    JUDGE (false, OP (RAISE, 1, 10, 20, 50, 0),
           OP (UNBUFFERED, 2, 21, 30, 49, 1));
    s_assert_only (&verdict, ZSEQ_RULE_ORDER);
}

Test (history, a_handle_whose_buffered_ids_fall_is_found)
{
    JUDGE (false, OP (BUFFERED, 4, 10, 20, 7, 1),
           OP (BUFFERED, 4, 21, 30, 6, 1));
    s_assert_only (&verdict, ZSEQ_RULE_HANDLE);
}

Test (history, a_handles_buffer_below_its_own_raise_is_found)
{
    JUDGE (false, OP (RAISE, 4, 10, 20, 7, 0), OP (BUFFERED, 4, 21, 30, 6, 1));
    s_assert_only (&verdict, ZSEQ_RULE_HANDLE);
}

Test (history, a_handles_buffer_may_be_below_its_own_peek)
{
    JUDGE (false, OP (PEEK, 4, 10, 20, 7, 0), OP (BUFFERED, 4, 21, 30, 6, 1));
    cr_assert_eq (verdict.violations, 0, "%s", verdict.text);
}

Test (history, a_gap_is_found_where_none_may_be)
{
    JUDGE (true, OP (UNBUFFERED, 1, 10, 20, 1, 3),
           OP (UNBUFFERED, 1, 21, 30, 5, 1));
    s_assert_only (&verdict, ZSEQ_RULE_GAPLESS);
    cr_assert_eq (verdict.gaps, 1);
}

Test (history, a_first_id_above_1_is_a_gap)
{
    JUDGE (true, OP (UNBUFFERED, 1, 10, 20, 2, 3));
    s_assert_only (&verdict, ZSEQ_RULE_GAPLESS);
}

Test (history, ids_reach_to_the_end_and_no_further)
{
    JUDGE (false, OP (UNBUFFERED, 1, 1, 2, ZSEQ_ID_MAX - 4, 5),
           OP (PEEK, 2, 3, 4, ZSEQ_ID_MAX + 1, 0));
    cr_assert_eq (verdict.violations, 0, "%s", verdict.text);
}

Test (history, impossible_operations_are_found)
{
    const zseq_history_op_t ops[] = {
      OP (UNBUFFERED, 1, 10, 20, 0, 1),
      OP (UNBUFFERED, 1, 10, 20, 1, 0),
      OP (UNBUFFERED, 1, 20, 10, 1, 1),
      OP (UNBUFFERED, 1, 10, 20, ZSEQ_ID_MAX, 2),
      OP (UNBUFFERED, 1, 10, 20, UINT64_MAX, 1),
      OP (BUFFERED, 1, 10, 20, 1, (uint64_t) ZSEQ_COUNT_MAX + 1),
      OP (PEEK, 1, 10, 20, 0, 0),
      OP (PEEK, 1, 10, 20, 1, 1),
      OP (RAISE, 1, 10, 20, ZSEQ_ID_MAX + 2, 0),
    };
    for (size_t index = 0; index < sizeof ops / sizeof ops[0]; index++) {
        zseq_verdict_t verdict;
        s_judge (&ops[index], 1, false, &verdict);
        s_assert_only (&verdict, ZSEQ_RULE_RANGE);
    }
}

//  The dumb version: every pair of operations, straight from the rules.

static bool
s_hands_out (const zseq_history_op_t *op)
{
    return op->kind == ZSEQ_HISTORY_UNBUFFERED ||
           op->kind == ZSEQ_HISTORY_BUFFERED;
}

static bool
s_possible (const zseq_history_op_t *op)
{
    if (op->end_ns < op->start_ns)
        return false;
    if (!s_hands_out (op))
        return op->count == 0 && op->first >= 1 &&
               op->first <= 0x8000000000000000u;
    if (op->first == 0 || op->count == 0 || op->count > 0x100000000u)
        return false;
    uint64_t last;
    return !__builtin_add_overflow (op->first, op->count - 1, &last) &&
           last <= INT64_MAX;
}

static void
s_pair (const zseq_history_op_t *a, const zseq_history_op_t *b, bool *broken)
{
    uint64_t a_top = a->first + a->count;
    uint64_t b_top = b->first + b->count;
    if (s_hands_out (a) && s_hands_out (b) && a < b && a->first < b_top &&
        b->first < a_top)
        broken[ZSEQ_RULE_UNIQUE] = true;
    if (a->end_ns >= b->start_ns)
        return;
    bool below = b->first < a_top;
    if (below && b->kind != ZSEQ_HISTORY_BUFFERED &&
        b->kind != ZSEQ_HISTORY_RAISE)
        broken[ZSEQ_RULE_ORDER] = true;
    if (below && a->client == b->client && s_hands_out (b) &&
        a->kind != ZSEQ_HISTORY_PEEK)
        broken[ZSEQ_RULE_HANDLE] = true;
}

static void
s_oracle (const zseq_history_op_t *ops, size_t count, bool *broken)
{
    memset (broken, 0, ZSEQ_RULES * sizeof *broken);
    uint64_t top = 1;
    for (size_t a = 0; a < count; a++) {
        if (!s_possible (&ops[a])) {
            broken[ZSEQ_RULE_RANGE] = true;
            continue;
        }
        for (size_t b = 0; b < count; b++)
            if (a != b && s_possible (&ops[b]))
                s_pair (&ops[a], &ops[b], broken);
        if (s_hands_out (&ops[a]) && ops[a].first + ops[a].count > top)
            top = ops[a].first + ops[a].count;
    }
    //  A gap: the end of something, or 1, that lies below the highest end and
    //  inside nothing.
    for (size_t a = 0; a <= count; a++) {
        if (a < count && (!s_possible (&ops[a]) || !s_hands_out (&ops[a])))
            continue;
        uint64_t id = a < count ? ops[a].first + ops[a].count : 1;
        bool inside = id >= top;
        for (size_t b = 0; b < count; b++)
            if (s_possible (&ops[b]) && s_hands_out (&ops[b]) &&
                ops[b].first <= id && id - ops[b].first < ops[b].count)
                inside = true;
        if (!inside)
            broken[ZSEQ_RULE_GAPLESS] = true;
    }
}

//  A correct allocator, and threads that use handles on it, one step at a
//  time: each call starts, takes effect and ends at moments of its own.

#define S_THREADS 6
#define S_HANDLES 4
#define S_OPS_MAX 512

typedef struct {
    uint64_t batch;  //  1: unbuffered
    uint64_t first;  //  The buffer
    uint64_t count;
    uint64_t least;  //  IDs of this handle lie at or above it
} s_handle_t;

typedef struct {
    int phase;  //  0: idle, 1: started, 2: took effect
    zseq_history_op_t op;
} s_thread_t;

typedef struct {
    uint64_t random;
    uint64_t now;
    uint64_t next;  //  The sequence
    s_handle_t handle[S_HANDLES];
    s_thread_t thread[S_THREADS];
    zseq_history_op_t ops[S_OPS_MAX];
    size_t count;
} s_model_t;

static void
s_model_init (s_model_t *self, uint64_t seed)
{
    memset (self, 0, sizeof *self);
    self->random = seed;
    self->next = 1;
    for (size_t index = 0; index < S_HANDLES; index++) {
        uint64_t buffered = s_below (&self->random, 2);
        self->handle[index].batch = 1 + buffered * s_below (&self->random, 9);
    }
}

static void
s_start (s_model_t *self, s_thread_t *thread, uint32_t client)
{
    static const zseq_history_kind_t kinds[] = {
      ZSEQ_HISTORY_UNBUFFERED, ZSEQ_HISTORY_BUFFERED, ZSEQ_HISTORY_BUFFERED,
      ZSEQ_HISTORY_BUFFERED, ZSEQ_HISTORY_PEEK};
    zseq_history_op_t *op = &thread->op;
    op->client = client;
    op->start_ns = self->now;
    op->kind = kinds[s_below (&self->random, 5)];
    if (op->kind == ZSEQ_HISTORY_BUFFERED && self->handle[client].batch == 1)
        op->kind = ZSEQ_HISTORY_UNBUFFERED;
    if (s_below (&self->random, 20) == 0)
        op->kind = ZSEQ_HISTORY_RAISE;
    op->count = s_hands_out (op) ? 1 : 0;
    if (op->kind == ZSEQ_HISTORY_UNBUFFERED && s_below (&self->random, 4) == 0)
        op->count = 1 + s_below (&self->random, 5);
    thread->phase = 1;
}

static uint64_t
s_claim (s_model_t *self, uint64_t count)
{
    uint64_t first = self->next;
    self->next += count;
    return first;
}

static void
s_take_effect (s_model_t *self, zseq_history_op_t *op)
{
    s_handle_t *handle = &self->handle[op->client];
    if (op->kind == ZSEQ_HISTORY_PEEK)
        op->first = self->next;
    else if (op->kind == ZSEQ_HISTORY_RAISE) {
        op->first = self->next + s_below (&self->random, 6);
        self->next = op->first;
        handle->least = op->first;
    }
    else if (op->kind == ZSEQ_HISTORY_UNBUFFERED)
        op->first = s_claim (self, op->count);
    else {
        if (handle->count == 0 || handle->first < handle->least) {
            handle->count = handle->batch;
            handle->first = s_claim (self, handle->count);
        }
        op->first = handle->first++;
        handle->count--;
    }
    if (s_hands_out (op))
        handle->least = op->first + op->count;
}

static void
s_model_run (s_model_t *self, size_t count)
{
    while (self->count < count) {
        uint64_t index = s_below (&self->random, S_THREADS);
        s_thread_t *thread = &self->thread[index];
        self->now += s_below (&self->random, 2);
        if (thread->phase == 0)
            s_start (self, thread,
                     (uint32_t) s_below (&self->random, S_HANDLES));
        else if (thread->phase == 1) {
            s_take_effect (self, &thread->op);
            thread->phase = 2;
        }
        else {
            thread->op.end_ns = self->now;
            self->ops[self->count++] = thread->op;
            thread->phase = 0;
        }
    }
}

static void
s_mutate (s_model_t *self)
{
    uint64_t *random = &self->random;
    zseq_history_op_t *op = &self->ops[s_below (random, self->count)];
    zseq_history_op_t *other = &self->ops[s_below (random, self->count)];
    uint64_t first = op->first;
    switch (s_below (random, 9)) {
    case 0:
        op->first += s_below (random, 9) - 4;
        break;
    case 1:
        op->count += s_below (random, 5) - 2;
        break;
    case 2:
        op->start_ns += s_below (random, 21) - 10;
        break;
    case 3:
        op->end_ns += s_below (random, 21) - 10;
        break;
    case 4:
        op->client = (uint32_t) s_below (random, S_HANDLES);
        break;
    case 5:
        op->kind = other->kind;
        break;
    case 6:
        op->first = other->first;
        other->first = first;
        break;
    case 7:
        op->first = other->first;
        break;
    default:
        op->first = s_random (random);
    }
}

static uint64_t
s_seed (void)
{
    const char *text = getenv ("ZSEQ_TEST_SEED");
    uint64_t seed = text ? strtoull (text, NULL, 10) : zseq_history_now_ns ();
    fprintf (stderr, "ZSEQ_TEST_SEED=%lu\n", seed);
    return seed;
}

Test (history, a_correct_allocators_histories_are_good)
{
    uint64_t seed = s_seed ();
    for (int run = 0; run < 500; run++) {
        s_model_t model;
        zseq_verdict_t verdict;
        s_model_init (&model, s_random (&seed));
        s_model_run (&model, S_OPS_MAX);
        s_judge (model.ops, model.count, false, &verdict);
        cr_assert_eq (verdict.violations, 0, "run %d:\n%s", run, verdict.text);
    }
}

Test (history, agrees_with_the_dumb_oracle_on_mutated_histories)
{
    uint64_t seed = s_seed ();
    size_t found[ZSEQ_RULES] = {0};
    for (int run = 0; run < 30000; run++) {
        s_model_t model;
        zseq_verdict_t verdict;
        bool broken[ZSEQ_RULES];
        s_model_init (&model, s_random (&seed));
        s_model_run (&model, 2 + s_below (&model.random, 39));
        s_mutate (&model);
        s_oracle (model.ops, model.count, broken);
        s_judge (model.ops, model.count, true, &verdict);
        for (size_t rule = 0; rule < ZSEQ_RULES; rule++) {
            cr_assert_eq (verdict.violation[rule] != 0, broken[rule],
                          "run %d rule %zu: %lu\n%s", run, rule,
                          verdict.violation[rule], verdict.text);
            found[rule] += broken[rule];
        }
    }
    //  The mutations reach every rule.
    for (size_t rule = 0; rule < ZSEQ_RULES; rule++)
        cr_assert_gt (found[rule], 100, "rule %zu", rule);
}

//  Files.

static char s_path[64];

static void
s_make_path (void)
{
    strcpy (s_path, "/tmp/zseq-history-XXXXXX");
    int fd = mkstemp (s_path);
    cr_assert_neq (fd, -1);
    close (fd);
}

static void
s_remove_path (void)
{
    unlink (s_path);
}

TestSuite (history_file, .init = s_make_path, .fini = s_remove_path);

static void
s_write (const char *text)
{
    FILE *file = fopen (s_path, "we");
    cr_assert (file);
    fputs (text, file);
    fclose (file);
}

Test (history_file, what_is_written_is_read)
{
    zseq_history_writer_t *writer = zseq_history_writer_new (s_path);
    cr_assert (writer);
    for (uint64_t id = 1; id <= 5000; id++) {
        zseq_history_op_t op = OP (UNBUFFERED, 7, 2 * id, 2 * id + 1, id, 1);
        zseq_history_writer_put (writer, &op);
    }
    zseq_history_writer_destroy (&writer);
    cr_assert_null (writer);

    zseq_history_t *history = zseq_history_new ();
    zseq_verdict_t verdict;
    cr_assert_eq (zseq_history_read (history, s_path), 0);
    cr_assert (zseq_history_check (history, true, &verdict), "%s",
               verdict.text);
    cr_assert_eq (verdict.operations, 5000);
    cr_assert_eq (verdict.ids, 5000);
    zseq_history_destroy (&history);
}

Test (history_file, a_last_line_cut_short_is_left_out)
{
    s_write ("u 1 10 20 1 1\nu 1 21 30 2");
    zseq_history_t *history = zseq_history_new ();
    zseq_verdict_t verdict;
    cr_assert_eq (zseq_history_read (history, s_path), 0);
    zseq_history_check (history, true, &verdict);
    cr_assert_eq (verdict.ids, 1);
    zseq_history_destroy (&history);
}

Test (history_file, a_missing_one_is_an_error)
{
    zseq_history_t *history = zseq_history_new ();
    cr_assert_eq (zseq_history_read (history, "/nonexistent/file"), -1);
    cr_assert (strstr (zseq_history_text (history), "/nonexistent/file"));
    zseq_history_destroy (&history);
}

Test (history_file, malformed_lines_are_refused_by_number)
{
    static const char *bad[] = {
      "\n",
      "x 1 10 20 1 1\n",
      "u 1 10 20 1\n",
      "u 1 10 20 1 1 \n",
      "u 1 10 20 1 1 1\n",
      "u  1 10 20 1 1\n",
      " u 1 10 20 1 1\n",
      "u 1 10 20 +1 1\n",
      "u 1 10 20 -1 1\n",
      "u 1 10 20 0x1 1\n",
      "u 1 10 20 01 1\n",
      "u 1 10 20 18446744073709551616 1\n",
      "u 1048576 10 20 1 1\n",
      "uu 1 10 20 1 1\n",
      "u 1 10 20 1 1\r\n",
    };
    for (size_t index = 0; index < sizeof bad / sizeof bad[0]; index++) {
        char text[128];
        snprintf (text, sizeof text, "u 1 10 20 1 1\n%s", bad[index]);
        s_write (text);
        zseq_history_t *history = zseq_history_new ();
        cr_assert_eq (zseq_history_read (history, s_path), -1, "%s",
                      bad[index]);
        cr_assert (strstr (zseq_history_text (history), ":2: "), "%s",
                   zseq_history_text (history));
        zseq_history_destroy (&history);
    }
}
