//  Histories of keys that break a rule, and histories that break none.

#include "zseq_kv_history.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
s_judge (const zseq_kv_history_op_t *op, size_t count,
         zseq_kv_verdict_t *verdict)
{
    zseq_kv_history_t *history = zseq_kv_history_new ();
    for (size_t index = 0; index < count; index++)
        zseq_kv_history_add (history, &op[index]);
    zseq_kv_history_check (history, verdict);
    zseq_kv_history_destroy (&history);
    cr_assert_null (history);
}

static void
s_assert_only (const zseq_kv_verdict_t *verdict, zseq_kv_rule_t rule)
{
    for (size_t index = 0; index < ZSEQ_KV_RULES; index++)
        cr_assert_eq (verdict->violation[index] != 0, index == rule,
                      "rule %zu:\n%s", index, verdict->text);
}

#define OP(kind_, outcome_, client_, begin, end, expected_, version_, value_)  \
    {                                                                          \
        .kind = ZSEQ_KV_HISTORY_##kind_,                                       \
        .outcome = ZSEQ_KV_HISTORY_##outcome_, .client = client_,              \
        .begin_ns = begin, .end_ns = end, .expected = expected_,               \
        .version = version_, .value = value_                                   \
    }

#define GET(client, begin, end, version, value)                                \
    OP (GET, DONE, client, begin, end, 0, version, value)
#define NONE(client, begin, end, version)                                      \
    OP (GET, ENOKEY, client, begin, end, 0, version, 0)
#define STALE(client, begin, end, version, value)                              \
    OP (STALE, DONE, client, begin, end, 0, version, value)
#define PUT(client, begin, end, version, value)                                \
    OP (PUT, DONE, client, begin, end, 0, version, value)
#define CAS(client, begin, end, expected, version, value)                      \
    OP (CAS, DONE, client, begin, end, expected, version, value)
#define DEL(client, begin, end, version)                                       \
    OP (DEL, DONE, client, begin, end, ZSEQ_KV_HISTORY_ANY, version, 0)
#define MAYBE_PUT(client, begin, value)                                        \
    OP (PUT, UNKNOWN, client, begin, 0, 0, 0, value)
#define MAYBE_CAS(client, begin, expected, value)                              \
    OP (CAS, UNKNOWN, client, begin, 0, expected, 0, value)
#define MAYBE_DEL(client, begin)                                               \
    OP (DEL, UNKNOWN, client, begin, 0, ZSEQ_KV_HISTORY_ANY, 0, 0)

#define LIST(client, begin, end, version, value)                               \
    OP (LIST, DONE, client, begin, end, 0, version, value)
#define LEFT_OUT(client, begin, end)                                           \
    OP (LIST, ENOKEY, client, begin, end, 0, ZSEQ_KV_HISTORY_ANY, 0)
#define WATCH(client, begin, end, expected, version, value)                    \
    OP (WATCH, DONE, client, begin, end, expected, version, value)
#define GONE(client, begin, end, expected, version)                            \
    OP (WATCH, ENOKEY, client, begin, end, expected, version, 0)
#define QUIET(client, begin, end, expected)                                    \
    OP (WATCH, QUIET, client, begin, end, expected, 0, 0)

#define JUDGE(...)                                                             \
    zseq_kv_verdict_t verdict;                                                 \
    const zseq_kv_history_op_t ops[] = {__VA_ARGS__};                          \
    s_judge (ops, sizeof ops / sizeof ops[0], &verdict)

#define ASSERT_GOOD() cr_assert_eq (verdict.violations, 0, "%s", verdict.text)

//  Planted violations. Each history breaks exactly the rule that is named.

Test (kv_history, a_lost_write_is_found)
{
    JUDGE (PUT (1, 10, 20, 5, 100), NONE (2, 21, 30, 3));
    s_assert_only (&verdict, ZSEQ_KV_RULE_ORDER);
}

Test (kv_history, a_lost_write_is_found_by_a_floor_above_it)
{
    JUDGE (PUT (1, 10, 20, 5, 100), NONE (2, 21, 30, 9));
    s_assert_only (&verdict, ZSEQ_KV_RULE_ABSENT);
}

Test (kv_history, a_get_of_an_old_version_is_found)
{
    JUDGE (PUT (1, 10, 20, 5, 100), PUT (1, 21, 30, 6, 101),
           GET (2, 31, 40, 5, 100));
    s_assert_only (&verdict, ZSEQ_KV_RULE_ORDER);
    cr_assert (strstr (verdict.text, "[2 get 0 0 31 40 done - 5 100]"), "%s",
               verdict.text);
    cr_assert (strstr (verdict.text, "[1 put 0 0 21 30 done - 6 101]"), "%s",
               verdict.text);
}

Test (kv_history, a_fork_is_found)
{
    //  Two conditions hold at one version.
    JUDGE (PUT (1, 10, 20, 5, 100), CAS (1, 21, 40, 5, 6, 101),
           CAS (2, 21, 40, 5, 7, 102));
    s_assert_only (&verdict, ZSEQ_KV_RULE_CHAIN);
}

Test (kv_history, two_keys_created_at_once_are_found)
{
    JUDGE (CAS (1, 10, 20, 0, 5, 100), CAS (2, 10, 20, 0, 6, 101));
    s_assert_only (&verdict, ZSEQ_KV_RULE_ABSENT);
}

Test (kv_history, a_write_applied_twice_is_found)
{
    JUDGE (PUT (1, 10, 20, 5, 100), PUT (2, 21, 30, 6, 101),
           GET (3, 31, 40, 7, 100));
    s_assert_only (&verdict, ZSEQ_KV_RULE_ONCE);
}

Test (kv_history, an_unknown_write_applied_twice_is_found)
{
    JUDGE (MAYBE_PUT (1, 10, 100), GET (2, 21, 30, 5, 100),
           PUT (2, 31, 40, 6, 101), GET (3, 41, 50, 7, 100));
    s_assert_only (&verdict, ZSEQ_KV_RULE_ONCE);
}

Test (kv_history, a_wrong_value_for_a_version_is_found)
{
    JUDGE (PUT (1, 10, 20, 5, 100), PUT (1, 21, 30, 6, 101),
           GET (2, 31, 40, 6, 100));
    s_assert_only (&verdict, ZSEQ_KV_RULE_VALUE);
}

Test (kv_history, a_value_that_nobody_wrote_is_found)
{
    JUDGE (PUT (1, 10, 20, 5, 100), GET (2, 21, 30, 6, 999));
    s_assert_only (&verdict, ZSEQ_KV_RULE_VALUE);
}

Test (kv_history, the_value_of_a_refused_write_is_found)
{
    JUDGE (PUT (1, 10, 20, 5, 100), OP (CAS, EVERSION, 1, 21, 30, 4, 5, 101),
           GET (2, 31, 40, 6, 101));
    s_assert_only (&verdict, ZSEQ_KV_RULE_VALUE);
}

Test (kv_history, a_cas_that_skips_a_write_is_found)
{
    JUDGE (PUT (1, 10, 20, 5, 100), PUT (2, 21, 30, 7, 101),
           CAS (3, 31, 40, 5, 9, 102));
    s_assert_only (&verdict, ZSEQ_KV_RULE_CHAIN);
}

Test (kv_history, a_delete_that_skips_a_write_is_found)
{
    JUDGE (PUT (1, 10, 20, 5, 100), PUT (2, 21, 30, 7, 101),
           OP (DEL, DONE, 3, 31, 40, 5, 9, 0));
    s_assert_only (&verdict, ZSEQ_KV_RULE_CHAIN);
}

Test (kv_history, a_refusal_of_the_version_that_it_shows_is_found)
{
    JUDGE (PUT (1, 10, 20, 5, 100), OP (CAS, EVERSION, 2, 21, 30, 5, 5, 101));
    s_assert_only (&verdict, ZSEQ_KV_RULE_CHAIN);
}

Test (kv_history, a_version_used_twice_is_found)
{
    JUDGE (PUT (1, 10, 30, 5, 100), PUT (2, 10, 30, 5, 101));
    s_assert_only (&verdict, ZSEQ_KV_RULE_VERSION);
}

Test (kv_history, a_write_that_goes_back_in_time_is_found)
{
    JUDGE (PUT (1, 10, 20, 6, 100), PUT (2, 21, 30, 5, 101));
    s_assert_only (&verdict, ZSEQ_KV_RULE_ORDER);
}

Test (kv_history, a_get_from_the_future_is_found)
{
    JUDGE (GET (2, 10, 20, 5, 100), PUT (1, 21, 30, 5, 100));
    s_assert_only (&verdict, ZSEQ_KV_RULE_ORDER);
}

Test (kv_history, a_stale_get_from_the_future_is_found)
{
    JUDGE (STALE (2, 10, 20, 5, 100), MAYBE_PUT (1, 21, 100));
    s_assert_only (&verdict, ZSEQ_KV_RULE_ORDER);
}

Test (kv_history, a_stale_get_that_goes_back_is_found)
{
    JUDGE (PUT (1, 10, 20, 5, 100), PUT (1, 21, 30, 6, 101),
           STALE (2, 31, 40, 6, 101), STALE (2, 41, 50, 5, 100));
    s_assert_only (&verdict, ZSEQ_KV_RULE_HANDLE);
}

Test (kv_history, a_stale_get_behind_its_own_write_is_found)
{
    JUDGE (PUT (1, 10, 20, 5, 100), PUT (2, 21, 30, 6, 101),
           STALE (2, 31, 40, 5, 100));
    s_assert_only (&verdict, ZSEQ_KV_RULE_HANDLE);
}

Test (kv_history, a_get_behind_a_stale_one_is_found)
{
    //  What a stale get shows was chosen.
    JUDGE (PUT (1, 10, 20, 5, 100), MAYBE_PUT (1, 21, 101),
           STALE (2, 31, 40, 6, 101), GET (3, 41, 50, 5, 100));
    s_assert_only (&verdict, ZSEQ_KV_RULE_ORDER);
}

Test (kv_history, a_key_that_comes_back_after_its_delete_is_found)
{
    JUDGE (PUT (1, 10, 20, 5, 100), DEL (1, 21, 30, 6),
           GET (2, 31, 40, 5, 100));
    s_assert_only (&verdict, ZSEQ_KV_RULE_ORDER);
}

Test (kv_history, a_value_that_comes_back_with_a_new_version_is_found)
{
    JUDGE (PUT (1, 10, 20, 5, 100), DEL (1, 21, 30, 6), NONE (2, 31, 40, 6),
           GET (2, 41, 50, 7, 100));
    s_assert_only (&verdict, ZSEQ_KV_RULE_ONCE);
}

Test (kv_history, a_value_with_the_version_of_a_delete_is_found)
{
    JUDGE (PUT (1, 10, 20, 5, 100), DEL (1, 21, 30, 6),
           GET (2, 31, 40, 6, 100));
    s_assert_only (&verdict, ZSEQ_KV_RULE_VALUE);
}

Test (kv_history, a_condition_on_a_deleted_version_is_found)
{
    JUDGE (PUT (1, 10, 20, 5, 100), DEL (1, 21, 30, 6),
           CAS (2, 31, 40, 6, 7, 101));
    s_assert_only (&verdict, ZSEQ_KV_RULE_CHAIN);
}

Test (kv_history, a_version_that_nobody_wrote_is_found)
{
    JUDGE (PUT (1, 10, 20, 5, 100), OP (CAS, EVERSION, 2, 21, 30, 5, 6, 101));
    s_assert_only (&verdict, ZSEQ_KV_RULE_WRITER);
}

Test (kv_history, an_unknown_write_explains_one_version_only)
{
    JUDGE (PUT (1, 10, 20, 5, 100), MAYBE_PUT (1, 21, 101),
           OP (CAS, EVERSION, 2, 31, 40, 5, 6, 102),
           OP (CAS, EVERSION, 2, 41, 50, 5, 7, 103));
    s_assert_only (&verdict, ZSEQ_KV_RULE_WRITER);
}

Test (kv_history, an_unknown_delete_that_began_later_explains_nothing)
{
    JUDGE (PUT (1, 10, 20, 5, 100), NONE (2, 21, 30, 7), MAYBE_DEL (1, 31));
    s_assert_only (&verdict, ZSEQ_KV_RULE_ABSENT);
}

Test (kv_history, a_listing_of_an_old_value_is_found)
{
    JUDGE (PUT (1, 10, 20, 5, 100), PUT (1, 21, 30, 6, 101),
           LIST (2, 31, 40, 5, 100));
    s_assert_only (&verdict, ZSEQ_KV_RULE_ORDER);
}

Test (kv_history, a_key_that_a_listing_left_out_is_found)
{
    JUDGE (PUT (1, 10, 20, 5, 100), LEFT_OUT (2, 21, 30));
    s_assert_only (&verdict, ZSEQ_KV_RULE_ABSENT);
    cr_assert (strstr (verdict.text, "[2 list 0 0 21 30 ENOKEY - - -]"), "%s",
               verdict.text);
}

Test (kv_history, a_delete_after_a_listing_does_not_explain_it)
{
    JUDGE (PUT (1, 10, 20, 5, 100), LEFT_OUT (2, 21, 30), DEL (1, 31, 40, 6));
    s_assert_only (&verdict, ZSEQ_KV_RULE_ABSENT);
}

Test (kv_history, a_get_before_what_a_listing_left_out_is_found)
{
    //  The listing shows the delete, which still runs.
    JUDGE (PUT (1, 10, 20, 5, 100), DEL (1, 15, 90, 6), LEFT_OUT (2, 21, 30),
           GET (3, 31, 40, 5, 100));
    s_assert_only (&verdict, ZSEQ_KV_RULE_ABSENT);
}

Test (kv_history, a_watch_without_news_is_found)
{
    JUDGE (PUT (1, 10, 20, 5, 100), WATCH (2, 21, 30, 5, 5, 100));
    s_assert_only (&verdict, ZSEQ_KV_RULE_WATCH);
}

Test (kv_history, a_watch_that_finds_no_key_where_none_was_known_is_found)
{
    JUDGE (GONE (2, 21, 30, 0, 0));
    s_assert_only (&verdict, ZSEQ_KV_RULE_WATCH);
}

Test (kv_history, a_watch_of_an_old_version_is_found)
{
    JUDGE (PUT (1, 10, 20, 5, 100), PUT (1, 21, 30, 6, 101),
           PUT (1, 31, 40, 7, 102), WATCH (2, 41, 50, 5, 6, 101));
    s_assert_only (&verdict, ZSEQ_KV_RULE_ORDER);
}

Test (kv_history, a_watch_that_misses_the_last_value_is_found)
{
    JUDGE (PUT (1, 10, 20, 5, 100), PUT (1, 21, 30, 6, 101),
           QUIET (2, 31, 40, 5));
    s_assert_only (&verdict, ZSEQ_KV_RULE_WATCH);
    cr_assert (strstr (verdict.text, "[2 watch 0 0 31 40 quiet 5 - -]"), "%s",
               verdict.text);
    cr_assert (strstr (verdict.text, "[1 put 0 0 21 30 done - 6 101]"), "%s",
               verdict.text);
}

Test (kv_history, a_watch_that_misses_a_deletion_is_found)
{
    JUDGE (PUT (1, 10, 20, 5, 100), MAYBE_DEL (3, 15), NONE (1, 21, 30, 9),
           QUIET (2, 31, 40, 5));
    s_assert_only (&verdict, ZSEQ_KV_RULE_WATCH);
}

Test (kv_history, a_watch_that_misses_what_a_listing_left_out_is_found)
{
    JUDGE (PUT (1, 10, 20, 5, 100), DEL (1, 15, 90, 6), LEFT_OUT (2, 21, 30),
           QUIET (3, 31, 40, 5));
    s_assert_only (&verdict, ZSEQ_KV_RULE_WATCH);
}

Test (kv_history, impossible_operations_are_found)
{
    const zseq_kv_history_op_t ops[] = {
      GET (1, 20, 10, 5, 100),
      GET (1, 10, 20, 0, 100),
      PUT (1, 10, 20, 0, 100),
      PUT (1, 10, 20, UINT64_MAX, 100),
      OP (PUT, EVERSION, 1, 10, 20, 0, 5, 100),
      OP (PUT, ENOKEY, 1, 10, 20, 0, 5, 100),
      OP (CAS, ENOKEY, 1, 10, 20, 0, 5, 100),
      OP (GET, EVERSION, 1, 10, 20, 0, 5, 0),
      OP (DEL, EVERSION, 1, 10, 20, ZSEQ_KV_HISTORY_ANY, 5, 0),
      OP (DEL, DONE, 1, 10, 20, 0, 5, 0),
      OP (GET, QUIET, 1, 10, 20, 0, 0, 0),
      OP (LIST, ENOKEY, 1, 10, 20, 0, 5, 0),
    };
    for (size_t index = 0; index < sizeof ops / sizeof ops[0]; index++) {
        zseq_kv_verdict_t verdict;
        s_judge (&ops[index], 1, &verdict);
        s_assert_only (&verdict, ZSEQ_KV_RULE_FORM);
    }
}

Test (kv_history, unknown_writes_of_one_value_are_found)
{
    JUDGE (MAYBE_PUT (1, 10, 100), MAYBE_PUT (2, 10, 100));
    s_assert_only (&verdict, ZSEQ_KV_RULE_FORM);
}

//  Histories that break no rule.

Test (kv_history, an_empty_one_is_good)
{
    zseq_kv_verdict_t verdict;
    s_judge (NULL, 0, &verdict);
    ASSERT_GOOD ();
    cr_assert_eq (verdict.operations, 0);
}

Test (kv_history, concurrent_writes_may_have_any_order)
{
    JUDGE (PUT (1, 10, 20, 6, 100), PUT (2, 20, 30, 5, 101),
           GET (3, 30, 40, 6, 100));
    ASSERT_GOOD ();
    cr_assert_eq (verdict.operations, 3);
    cr_assert_eq (verdict.clients, 3);
    cr_assert_eq (verdict.keys, 1);
}

Test (kv_history, an_unknown_write_may_be_done_late_or_never)
{
    JUDGE (PUT (1, 10, 20, 5, 100), MAYBE_PUT (2, 11, 101),
           MAYBE_PUT (3, 12, 102), PUT (1, 50, 60, 6, 103),
           GET (1, 70, 80, 9, 101));
    ASSERT_GOOD ();
    cr_assert_eq (verdict.unknown, 2);
    cr_assert_eq (verdict.found, 1);
}

Test (kv_history, an_unknown_cas_holds_only_after_its_version)
{
    JUDGE (PUT (1, 10, 20, 5, 100), MAYBE_CAS (2, 11, 5, 101),
           PUT (1, 50, 60, 6, 103), GET (1, 70, 80, 9, 101));
    s_assert_only (&verdict, ZSEQ_KV_RULE_CHAIN);
}

Test (kv_history, an_unknown_delete_explains_one_absence)
{
    JUDGE (PUT (1, 10, 20, 5, 100), MAYBE_DEL (2, 11),
           CAS (1, 50, 60, 0, 8, 101), NONE (3, 61, 70, 9));
    s_assert_only (&verdict, ZSEQ_KV_RULE_ABSENT);
    cr_assert_eq (verdict.violations, 1, "%s", verdict.text);
}

Test (kv_history, a_collected_key_shows_a_floor_above_its_delete)
{
    JUDGE (PUT (1, 10, 20, 5, 100), DEL (1, 21, 30, 6), NONE (2, 31, 40, 6),
           NONE (2, 41, 50, 1000), CAS (2, 51, 60, 0, 1001, 101));
    ASSERT_GOOD ();
}

Test (kv_history, keys_are_judged_apart)
{
    zseq_kv_history_op_t ops[] = {PUT (1, 10, 20, 6, 100),
                                  PUT (2, 21, 30, 5, 100)};
    ops[1].key = 7;
    zseq_kv_verdict_t verdict;
    s_judge (ops, 2, &verdict);
    ASSERT_GOOD ();
    cr_assert_eq (verdict.keys, 2);
}

Test (kv_history, a_stale_absence_of_a_new_handle_says_nothing)
{
    JUDGE (PUT (1, 10, 20, 5, 100), OP (STALE, ENOKEY, 2, 31, 40, 0, 9, 0),
           GET (2, 41, 50, 5, 100));
    ASSERT_GOOD ();
}

Test (kv_history, a_stale_absence_of_a_handle_that_saw_the_key_is_found)
{
    JUDGE (PUT (1, 10, 20, 5, 100), GET (2, 21, 30, 5, 100),
           OP (STALE, ENOKEY, 2, 31, 40, 0, 9, 0));
    s_assert_only (&verdict, ZSEQ_KV_RULE_ABSENT);
}

Test (kv_history, a_listing_may_leave_out_what_is_deleted_meanwhile)
{
    JUDGE (PUT (1, 10, 20, 5, 100), LEFT_OUT (2, 21, 40), DEL (1, 31, 50, 6),
           LEFT_OUT (2, 51, 60), LIST (2, 61, 90, 8, 101),
           PUT (1, 70, 80, 8, 101));
    ASSERT_GOOD ();
}

Test (kv_history, an_unknown_delete_may_explain_what_a_listing_left_out)
{
    JUDGE (PUT (1, 10, 20, 5, 100), MAYBE_DEL (3, 15), LEFT_OUT (2, 21, 30));
    ASSERT_GOOD ();
}

Test (kv_history, what_a_listing_shows_does_not_bind_stale_gets)
{
    JUDGE (PUT (1, 10, 20, 5, 100), PUT (1, 21, 30, 6, 101),
           LIST (2, 31, 40, 6, 101), STALE (2, 41, 50, 5, 100));
    ASSERT_GOOD ();
}

Test (kv_history, what_a_watch_shows_binds_stale_gets)
{
    JUDGE (PUT (1, 10, 20, 5, 100), PUT (1, 21, 30, 6, 101),
           WATCH (2, 31, 40, 5, 6, 101), STALE (2, 41, 50, 5, 100));
    s_assert_only (&verdict, ZSEQ_KV_RULE_HANDLE);
}

Test (kv_history, a_watch_may_skip_values_and_end_without_news)
{
    JUDGE (QUIET (2, 10, 15, 0), PUT (1, 10, 20, 5, 100),
           PUT (1, 21, 30, 6, 101), PUT (1, 31, 40, 7, 102),
           WATCH (2, 16, 50, 0, 7, 102), QUIET (2, 51, 60, 7),
           DEL (1, 52, 62, 8), GONE (2, 61, 70, 7, 8),
           //  The deletion is collected: nobody knows its version.
           QUIET (2, 71, 80, 8));
    ASSERT_GOOD ();
}

Test (kv_history, a_watch_may_know_a_deletion_below_the_version_floor)
{
    JUDGE (PUT (1, 10, 20, 5, 100), DEL (1, 21, 30, 6), NONE (2, 31, 40, 1000),
           QUIET (1, 41, 50, 6));
    ASSERT_GOOD ();
}

//  Settling.

//  Judges after a settle before each operation, which must end in order.
static void
s_settle (const zseq_kv_history_op_t *op, size_t count,
          zseq_kv_verdict_t *verdict)
{
    zseq_kv_history_t *history = zseq_kv_history_new ();
    for (size_t index = 0; index < count; index++) {
        uint64_t before = UINT64_MAX - 1;
        for (size_t other = index; other < count; other++)
            if (op[other].begin_ns < before)
                before = op[other].begin_ns;
        zseq_kv_history_settle (history, before);
        zseq_kv_history_add (history, &op[index]);
    }
    zseq_kv_history_check (history, verdict);
    zseq_kv_history_destroy (&history);
}

#define SETTLE(...)                                                            \
    zseq_kv_verdict_t verdict;                                                 \
    const zseq_kv_history_op_t ops[] = {__VA_ARGS__};                          \
    s_settle (ops, sizeof ops / sizeof ops[0], &verdict)

Test (kv_history, a_write_below_what_was_settled_is_found)
{
    SETTLE (PUT (1, 10, 20, 5, 100), PUT (1, 21, 30, 7, 101),
            PUT (1, 31, 40, 9, 102), PUT (2, 41, 50, 6, 103));
    s_assert_only (&verdict, ZSEQ_KV_RULE_ORDER);
}

Test (kv_history, a_stale_get_of_what_was_settled_is_compared)
{
    SETTLE (PUT (1, 10, 20, 5, 100), PUT (1, 21, 30, 7, 101),
            PUT (1, 31, 40, 9, 102), STALE (2, 41, 50, 5, 100),
            STALE (3, 51, 60, 5, 101));
    s_assert_only (&verdict, ZSEQ_KV_RULE_VALUE);
    cr_assert_eq (verdict.violations, 1, "%s", verdict.text);
    cr_assert_eq (verdict.uncompared, 0);
}

Test (kv_history, a_settle_keeps_what_a_handle_saw_while_it_had_two_calls)
{
    //  The second call of client 2 ends late; the first one binds.
    SETTLE (PUT (1, 10, 20, 5, 100), PUT (1, 21, 30, 7, 101),
            GET (2, 31, 35, 7, 101), PUT (1, 36, 40, 9, 102),
            PUT (1, 41, 45, 11, 103), GET (2, 37, 70, 9, 102),
            STALE (2, 60, 80, 5, 100));
    s_assert_only (&verdict, ZSEQ_KV_RULE_HANDLE);
}

Test (kv_history, a_settle_binds_no_stale_absence_that_began_before)
{
    //  Client 2 had seen nothing when its stale get began.
    SETTLE (PUT (1, 10, 20, 5, 100), GET (2, 31, 35, 5, 100),
            PUT (1, 36, 40, 7, 101), PUT (1, 41, 45, 9, 102),
            OP (STALE, ENOKEY, 2, 33, 50, 0, 8, 0), PUT (1, 46, 60, 11, 103));
    ASSERT_GOOD ();
}

Test (kv_history, a_settled_need_is_explained_at_the_end)
{
    SETTLE (PUT (1, 10, 20, 5, 100), MAYBE_DEL (3, 15), NONE (2, 31, 40, 8),
            PUT (1, 41, 50, 9, 101), PUT (1, 51, 60, 10, 102));
    ASSERT_GOOD ();
}

Test (kv_history, a_settled_version_without_a_writer_is_found)
{
    SETTLE (PUT (1, 10, 20, 5, 100), NONE (2, 31, 40, 8),
            PUT (1, 41, 50, 9, 101), PUT (1, 51, 60, 10, 102));
    s_assert_only (&verdict, ZSEQ_KV_RULE_ABSENT);
    cr_assert_eq (verdict.violations, 1, "%s", verdict.text);
}

Test (kv_history, a_key_left_out_since_a_settle_is_found)
{
    SETTLE (PUT (1, 10, 20, 5, 100), PUT (1, 21, 30, 7, 101),
            LEFT_OUT (2, 31, 40), PUT (1, 41, 50, 9, 102),
            PUT (1, 51, 60, 10, 103));
    s_assert_only (&verdict, ZSEQ_KV_RULE_ABSENT);
    cr_assert_eq (verdict.violations, 1, "%s", verdict.text);
}

Test (kv_history, a_quiet_watch_is_held_against_what_was_settled)
{
    SETTLE (PUT (1, 10, 20, 5, 100), PUT (1, 21, 30, 7, 101),
            QUIET (2, 31, 40, 7), PUT (1, 41, 50, 9, 102),
            PUT (1, 51, 60, 10, 103), QUIET (2, 61, 70, 9));
    s_assert_only (&verdict, ZSEQ_KV_RULE_WATCH);
    cr_assert_eq (verdict.violations, 1, "%s", verdict.text);
}

Test (kv_history, stale_gets_of_what_was_forgotten_are_counted)
{
    zseq_kv_history_t *history = zseq_kv_history_new ();
    const uint64_t count = ZSEQ_KV_HISTORY_OLD_MAX + 2;
    for (uint64_t index = 1; index <= count; index++) {
        zseq_kv_history_op_t op =
          PUT (1, index * 10, index * 10 + 1, index, index);
        zseq_kv_history_add (history, &op);
    }
    zseq_kv_history_settle (history, count * 10 + 5);
    const zseq_kv_history_op_t stale[] = {
      STALE (2, count * 10 + 10, count * 10 + 11, 1, 1),
      STALE (3, count * 10 + 10, count * 10 + 11, 2, 2),
      STALE (4, count * 10 + 10, count * 10 + 11, count, count),
    };
    for (size_t index = 0; index < sizeof stale / sizeof stale[0]; index++)
        zseq_kv_history_add (history, &stale[index]);
    zseq_kv_verdict_t verdict;
    zseq_kv_history_check (history, &verdict);
    zseq_kv_history_destroy (&history);
    ASSERT_GOOD ();
    cr_assert_eq (verdict.uncompared, 1);
}

//  Text.

//  Reads a file with this text. Returns what zseq_kv_history_read did.
static int
s_read (const char *text, zseq_kv_verdict_t *verdict)
{
    char path[] = "/tmp/zseq-kv-history.XXXXXX";
    int fd = mkstemp (path);
    cr_assert_neq (fd, -1);
    cr_assert_eq (write (fd, text, strlen (text)), (ssize_t) strlen (text));
    close (fd);
    zseq_kv_history_t *history = zseq_kv_history_new ();
    int rc = zseq_kv_history_read (history, path);
    if (rc == 0)
        zseq_kv_history_check (history, verdict);
    else
        cr_assert (strstr (zseq_kv_history_text (history), ":1: malformed"));
    zseq_kv_history_destroy (&history);
    unlink (path);
    return rc;
}

Test (kv_history_text, every_kind_and_outcome_is_read)
{
    zseq_kv_verdict_t verdict;
    int rc = s_read ("# A comment, and an empty line.\n"
                     "\n"
                     "1 put cart 1 10 20 done - 5 100\n"
                     "1 cas cart 2 21 30 done 5 6 101\n"
                     "2 cas cart 3 31 40 EVERSION 5 6 102\n"
                     "2 del cart 4 41 50 done 6 7 -\n"
                     "2 del cart 5 51 60 ENOKEY - 7 -\n"
                     "3 get cart 6 51 60 ENOKEY - 7 -\n"
                     "3 stale cart 7 51 60 ENOKEY - 7 -\n"
                     "3 get cart 8 51 60 ETIMEOUT - - -\n"
                     "3 get cart 9 51 60 unknown - - -\n"
                     "3 list cart 22 51 - unknown - - -\n"
                     "3 put cart 10 51 60 EFULL - - 103\n"
                     "4 put cart 11 51 - unknown - - 104\n"
                     "4 cas b 12 51 90 unknown 0 - 105\n"
                     "4 get cart 13 61 70 done - 9 104\n"
                     "4 stale cart 14 61 70 done - 6 101\n"
                     "5 list cart 16 61 70 ENOKEY - - -\n"
                     "5 list cart 17 71 80 done - 9 104\n"
                     "5 list cart 18 71 80 EUNAVAILABLE - - -\n"
                     "5 watch cart 19 71 80 done 7 9 104\n"
                     "5 watch b 20 1 5 quiet 0 - -\n"
                     "5 watch cart 21 51 60 ENOKEY 6 7 -\n"
                     "4 get cart 15 61 70 done - 9",
                     &verdict);
    cr_assert_eq (rc, 0);
    ASSERT_GOOD ();
    cr_assert_eq (verdict.operations, 21);
    cr_assert_eq (verdict.keys, 2);
    cr_assert_eq (verdict.unknown, 2);
    cr_assert_eq (verdict.found, 1);
}

Test (kv_history_text, a_second_line_says_what_came_of_a_write)
{
    zseq_kv_verdict_t verdict;
    int rc = s_read ("1 put k 1 10 - unknown - - 100\n"
                     "1 put k 1 10 20 done - 5 100\n"
                     "1 put k 2 21 - unknown - - 101\n"
                     "1 put k 2 21 30 EFULL - - 101\n"
                     "1 put k 3 31 - unknown - - 102\n"
                     "1 put k 3 31 40 unknown - - 102\n",
                     &verdict);
    cr_assert_eq (rc, 0);
    ASSERT_GOOD ();
    cr_assert_eq (verdict.unknown, 1);
    rc = s_read ("1 put k 2 21 - unknown - - 101\n"
                 "1 put k 2 21 30 EFULL - - 101\n"
                 "1 get k 3 31 40 done - 5 101\n",
                 &verdict);
    cr_assert_eq (rc, 0);
    s_assert_only (&verdict, ZSEQ_KV_RULE_VALUE);
}

Test (kv_history_text, malformed_lines_are_refused)
{
    const char *line[] = {
      "1 put k 1 10 20 done - 5\n",
      "1 put k 1 10 20 done - 5 100 7\n",
      "1  put k 1 10 20 done - 5 100\n",
      " 1 put k 1 10 20 done - 5 100\n",
      "01 put k 1 10 20 done - 5 100\n",
      "1048576 put k 1 10 20 done - 5 100\n",
      "1 pot k 1 10 20 done - 5 100\n",
      "1 put k 1 10 20 Done - 5 100\n",
      "1 put k 1 10 20 done 4 5 100\n",
      "1 put k 1 10 20 done - - 100\n",
      "1 put k 1 10 20 done - 5 -\n",
      "1 put k 1 10 - done - 5 100\n",
      "1 put k 1 10 20 EFULL - 5 100\n",
      "1 cas k 1 10 20 done - 5 100\n",
      "1 del k 1 10 20 done - 5 100\n",
      "1 get k 1 10 20 ENOKEY - 5 100\n",
      "1 get k 1 10 20 done - 18446744073709551616 100\n",
      "1 get k 1 10 20 done - 5 100\r\n",
      "1 list k 1 10 20 ENOKEY - 5 -\n",
      "1 list k 1 10 20 done 4 5 100\n",
      "1 watch k 1 10 20 done - 5 100\n",
      "1 watch k 1 10 20 quiet 5 6 -\n",
    };
    for (size_t index = 0; index < sizeof line / sizeof line[0]; index++) {
        zseq_kv_verdict_t verdict;
        cr_assert_eq (s_read (line[index], &verdict), -1, "%s", line[index]);
    }
}
