//  The key-value store when calls fail, the process dies, or the power goes:
//  nothing acknowledged is lost, and what is left can be loaded (S8).

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zseq_faults.h"
#include "zseq_fixture.h"
#include "zseq_kvstate.h"
#include "zseq_kvstore_format.h"
#include "zseq_power.h"

TestSuite (kvstore_faults, .init = fixture_init, .fini = fixture_term);

static kvstate_report_t *s_report;

//  The directory can be loaded, and holds exactly what it held after the group
//  where its journal ends. That is at or after acknowledged.
static void
s_assert_kept (uint64_t acknowledged, const char *what, size_t when)
{
    zseq_kvstore_load_result_t result;
    kvstate_counters_t counters;
    int rc = kvstate_check (acknowledged, &counters, &result);
    cr_assert_eq (rc, ZSEQ_OK, "%s %zu: %d, %s", what, when, rc,
                  kvstate_text ());
    cr_assert_geq (result.position, acknowledged, "%s %zu", what, when);
    cr_assert_leq (result.position, s_report->submitted, "%s %zu", what, when);
    cr_assert (memcmp (&counters, &s_report->after[result.position],
                       sizeof counters) == 0,
               "%s %zu: not the state after %lu", what, when, result.position);
    //  Loading leaves nothing to tidy, and finds the same again.
    uint64_t position = result.position;
    cr_assert_eq (kvstate_check (0, &counters, &result), ZSEQ_OK);
    cr_assert_eq (result.unfinished, 0, "%s %zu", what, when);
    cr_assert_eq (result.position, position);
    cr_assert (
      memcmp (&counters, &s_report->after[position], sizeof counters) == 0);
}

static void
s_note_durable (uint64_t position, void *arg)
{
    *(size_t *) arg = position;
}

static void
s_make (void)
{
    memset (s_report, 0, sizeof *s_report);
    fixture_make_node ();
}

static void
s_play (size_t *completed)
{
    kvstate_play (s_report, 14, 30, s_note_durable, completed);
}

static void
s_check_killed (size_t completed, const char *what, size_t when)
{
    s_assert_kept (completed, what, when);
}

Test (kvstore_faults, keeps_what_it_acknowledged_when_killed_at_any_call)
{
    s_report = kvstate_report_new ();
    power_kill_everywhere (s_make, s_play, s_check_killed);
}

//  What is intact of a damaged kv, and what is written to the new one.
static kvstate_counters_t s_intact;

//  Loads, with damage or without, and returns what is intact.
static int
s_load (zseq_store_t **store_p, zseq_kvstore_t **kv_p, kvstate_t *state)
{
    zseq_kvstore_load_result_t result;
    int rc = kvstate_open (store_p, kv_p, 0, state, &result);
    cr_assert (rc == ZSEQ_OK || rc == ZSEQ_EDAMAGED, "%d: %s", rc,
               kvstate_text ());
    cr_assert_not_null (*kv_p);
    return rc;
}

//  A directory whose oldest snapshot is damaged.
static void
s_make_damaged (void)
{
    fixture_make_node ();
    kvstate_report_t *report = kvstate_report_new ();
    kvstate_play (report, 4, 60, NULL, NULL);
    fixture_put (fixture_file ("kv/strange"), "", 1);
    zseq_store_t *store;
    zseq_kvstore_t *kv;
    kvstate_t state;
    cr_assert_eq (s_load (&store, &kv, &state), ZSEQ_EDAMAGED);
    s_intact = kvstate_count (&state);
    kvstate_term (&state);
    zseq_kvstore_destroy (&kv);
    zseq_store_destroy (&store);
}

//  Recovers it by force: writes what is intact in one group of many batches.
static void
s_write_anew (size_t *completed)
{
    zseq_store_t *store;
    zseq_kvstore_t *kv;
    kvstate_t state;
    if (s_load (&store, &kv, &state) == ZSEQ_EDAMAGED) {
        zseq_kv_change_t changes[2 * ZSEQ_SHARDS + KVSTATE_KEYS];
        size_t count = 0;
        for (uint8_t shard = 0; shard < ZSEQ_SHARDS; shard++)
            changes[count++] = (zseq_kv_change_t){
              .type = ZSEQ_KV_CHANGE_CLEARED, .shard = shard};
        for (uint8_t shard = 0; shard < ZSEQ_SHARDS; shard++)
            if (state.promise[shard].round > 0)
                changes[count++] =
                  (zseq_kv_change_t){.type = ZSEQ_KV_CHANGE_PROMISE,
                                     .shard = shard,
                                     .promise = state.promise[shard],
                                     .dropped = 3 * state.promise[shard].round};
        for (size_t key = 0; key < KVSTATE_KEYS; key++)
            if (state.reg[key])
                changes[count++] = (zseq_kv_change_t){
                  .type = ZSEQ_KV_CHANGE_RECORD, .accepted = state.reg[key]};
        cr_assert_eq (zseq_kvstore_start (kv), ZSEQ_OK);
        cr_assert_eq (kvstate_write (kv, 1, changes, count), ZSEQ_OK);
        ++*completed;
    }
    kvstate_term (&state);
    zseq_kvstore_destroy (&kv);
    zseq_store_destroy (&store);
}

//  Either kv, the damaged or the new one, has all that was intact. A second try
//  makes it intact.
static void
s_check_anew (size_t completed, const char *what, size_t when)
{
    for (int pass = 0; pass < 2; pass++) {
        zseq_store_t *store;
        zseq_kvstore_t *kv;
        kvstate_t state;
        int rc = s_load (&store, &kv, &state);
        kvstate_counters_t counters = kvstate_count (&state);
        for (size_t i = 0; i < KVSTATE_COUNTERS; i++)
            cr_assert_eq (counters.counter[i], s_intact.counter[i],
                          "%s %zu, try %d, %d: counter %zu is %u, not %u (%s)",
                          what, when, pass, rc, i, counters.counter[i],
                          s_intact.counter[i], kvstate_text ());
        if (completed > 0 || pass > 0)
            cr_assert_eq (rc, ZSEQ_OK, "%s %zu: %s", what, when,
                          kvstate_text ());
        kvstate_term (&state);
        zseq_kvstore_destroy (&kv);
        zseq_store_destroy (&store);
        if (pass == 0)
            s_write_anew (&completed);
    }
}

Test (kvstore_faults, keeps_what_is_intact_when_killed_while_it_is_made_anew)
{
    power_kill_everywhere (s_make_damaged, s_write_anew, s_check_anew);
}

//  The position of the last batch that was written before call number index,
//  and was acknowledged before it, too.
static uint64_t
s_acknowledged_at (size_t index)
{
    size_t count;
    const zseq_call_t *log = zseq_faults_log (&count);
    uint64_t written = 0;
    uint64_t acknowledged = 0;
    for (size_t i = 0; i <= index; i++) {
        const zseq_call_t *call = &log[i];
        if (strcmp (call->call, "complete") == 0)
            acknowledged = written;
        if (strcmp (call->call, "write") != 0 ||
            strncmp (call->path, "kv/journal-", 11) != 0 || call->size < 16 ||
            memcmp (call->data, "zsqk", 4) != 0)
            continue;
        written = 0;
        for (size_t byte = 0; byte < 8; byte++)
            written |= (uint64_t) call->data[8 + byte] << 8 * byte;
    }
    return acknowledged;
}

static void
s_check_cut (size_t completed, const char *what, size_t when)
{
    (void) completed;
    s_assert_kept (s_acknowledged_at (when), what, when);
}

Test (kvstore_faults, keeps_what_it_acknowledged_when_the_power_goes)
{
    size_t completed = 0;
    s_report = kvstate_report_new ();
    s_make ();
    power_begin ();
    s_play (&completed);
    cr_assert_eq (completed, s_report->submitted);
    //  Long enough to come to the end of segments, and to remove some.
    cr_assert (!fixture_exists (fixture_file ("kv/journal-00000001")));
    power_cut_everywhere (6, s_check_cut);
}

//  Each key is as it was after some position from the last one on up to which
//  all was durable.
static void
s_assert_between (const char *what, size_t when)
{
    zseq_kvstore_load_result_t result;
    kvstate_counters_t counters;
    int rc = kvstate_check (s_report->durable, &counters, &result);
    cr_assert_eq (rc, ZSEQ_OK, "%s %zu: %d, %s", what, when, rc,
                  kvstate_text ());
    for (size_t i = 0; i < KVSTATE_COUNTERS; i++) {
        bool found = false;
        for (uint64_t at = s_report->acknowledged; at <= s_report->submitted;
             at++)
            found |= s_report->after[at].counter[i] == counters.counter[i];
        cr_assert (found, "%s %zu: counter %zu is %u", what, when, i,
                   counters.counter[i]);
    }
    if (s_report->refused == 0 && s_report->fatal == 0)
        cr_assert_eq (result.position, s_report->submitted);
}

//  Runs the script in a child in which a call fails. Returns whether it came to
//  that call.
static bool
s_try_failing (const char *call, size_t when, int error, bool repeat)
{
    if (fixture_exists (fixture_node ()))
        fixture_remove (fixture_node ());
    s_make ();
    pid_t child = fork ();
    if (child == 0) {
        size_t completed;
        zseq_faults_begin (fixture_node ());
        zseq_faults_fail (call, when, error, repeat);
        s_play (&completed);
        _exit (zseq_faults_failed () ? 0 : 1);
    }
    int status;
    cr_assert_eq (waitpid (child, &status, 0), child);
    cr_assert (WIFEXITED (status), "%s %zu", call, when);
    return WEXITSTATUS (status) == 0;
}

//  The first one is of the lock file.
enum { FIRST_WRITE = 2 };

Test (kvstore_faults, refuses_groups_while_the_disk_is_full)
{
    static const char *const calls[] = {"create", "write", "rename"};
    static const int errors[] = {ENOSPC, EDQUOT, EFBIG};
    s_report = kvstate_report_new ();
    for (size_t c = 0; c < sizeof calls / sizeof *calls; c++) {
        size_t when = c == 2 ? 1 : FIRST_WRITE;
        for (; s_try_failing (calls[c], when, errors[when % 3], false);
             when += ZSEQ_FAULTS_STRIDE) {
            cr_assert_eq (s_report->fatal, 0, "%s %zu", calls[c], when);
            s_assert_between (calls[c], when);
        }
        cr_assert_gt (when, 3, "%s", calls[c]);
    }
}

Test (kvstore_faults, stops_for_good_when_a_sync_fails)
{
    static const char *const calls[] = {"fdatasync", "fsync", "truncate",
                                        "unlink", "write"};
    static const int errors[] = {EIO, ENOSPC};
    s_report = kvstate_report_new ();
    for (size_t c = 0; c < sizeof calls / sizeof *calls; c++)
        for (size_t e = 0; e < (c == 0 ? 2 : 1); e++) {
            //  Loading syncs once, and opening the directory writes and
            //  truncates the lock file.
            size_t when = c == 0 || c == 3 ? 1 : FIRST_WRITE;
            for (; s_try_failing (calls[c], when, errors[e], true);
                 when += ZSEQ_FAULTS_STRIDE) {
                //  A snapshot that cannot be synced is only given up, and after
                //  the last group there is nothing to report.
                if (errors[e] == EIO && s_report->durable < s_report->submitted)
                    cr_assert_gt (s_report->fatal, 0, "%s %zu", calls[c], when);
                cr_assert (!s_report->after_fatal, "%s %zu", calls[c], when);
                s_assert_between (calls[c], when);
            }
        }
}

//  A disk that is full from some call on, and has space again.
Test (kvstore_faults, goes_on_once_there_is_space)
{
    s_report = kvstate_report_new ();
    s_make ();
    size_t completed = 0;
    zseq_faults_begin (fixture_node ());
    for (size_t round = 0; round < 6; round++) {
        zseq_faults_fail ("write", 2 + 3 * round, ENOSPC, false);
        kvstate_play (s_report, s_report->snapshots + 2, 10, s_note_durable,
                      &completed);
        cr_assert_eq (s_report->fatal, 0);
        zseq_faults_fail (NULL, 0, 0, false);
        s_assert_between ("round", round);
        cr_assert_eq (s_report->acknowledged, s_report->submitted);
    }
    zseq_faults_end ();
}
