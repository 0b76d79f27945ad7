//  Many writes in a group, and deferred ones, when calls fail, the process
//  dies, or the power goes.

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "zseq_assert.h"
#include "zseq_faults.h"
#include "zseq_fixture.h"
#include "zseq_power.h"

TestSuite (store_faults_many, .init = fixture_init, .fini = fixture_term);

enum { MANY = 32, ALL = 35 };

static char s_numbered[ALL][8];

//  Writes [first, first + count) of the numbered names with limit.
static void
s_write_numbered (zseq_store_t *store, size_t first, size_t count,
                  uint64_t limit, bool deferred, size_t journaled,
                  zseq_written_t *written)
{
    zseq_write_t writes[ALL];
    for (size_t i = 0; i < count; i++) {
        char *name = s_numbered[first + i];
        snprintf (name, sizeof *s_numbered, "n%zu", first + i);
        writes[i] = (zseq_write_t){.name = name,
                                   .name_size = (uint8_t) strlen (name),
                                   .journaled = first + i < journaled,
                                   .deferred = deferred,
                                   .next = limit,
                                   .durable_to = limit};
    }
    fixture_submit (store, writes, count, written);
}

static size_t
s_count_lines (const char *prefix)
{
    size_t found = 0;
    size_t count;
    zseq_faults_log (&count);
    for (size_t i = 0; i < count; i++)
        found += strncmp (zseq_faults_line (i), prefix, strlen (prefix)) == 0;
    return found;
}

Test (store_faults_many, syncs_few_writes_one_by_one_and_many_together)
{
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    zseq_store_t *store = fixture_start ();
    zseq_written_t written[ALL];
    zseq_faults_begin (fixture_node ());
    s_write_numbered (store, 0, MANY - 1, 10, false, 0, written);
    cr_assert_eq (s_count_lines ("syncfs"), 0);
    cr_assert_eq (s_count_lines ("fsync seq/XX/.tmp"), MANY - 1);

    //  The same plus one: data, renames, directories, journal, in this order.
    zseq_faults_begin (fixture_node ());
    s_write_numbered (store, 0, MANY, 20, false, MANY - 1, written);
    cr_assert_eq (s_count_lines ("fsync seq"), 0);
    static const char *const phases[] = {
      "syncfs .",         "syncfs .",         "write names", "fsync names",
      "write names-copy", "fsync names-copy", "complete"};
    size_t phase = 0;
    size_t seen[2] = {0, 0};
    size_t count;
    zseq_faults_log (&count);
    for (size_t i = 0; i < count; i++) {
        const char *line = zseq_faults_line (i);
        if (strcmp (line, phases[phase]) == 0) {
            phase++;
            continue;
        }
        if (strncmp (line, "create", 6) == 0 || strncmp (line, "write", 5) == 0)
            cr_assert_eq (phase, 0, "%s", line);
        bool placed = strncmp (line, "rename", 6) == 0 ||
                      strncmp (line, "exchange", 8) == 0;
        if (placed)
            cr_assert_eq (phase, 1, "%s", line);
        seen[0] += strncmp (line, "write", 5) == 0;
        seen[1] += placed;
    }
    cr_assert_eq (phase, 7);
    cr_assert_eq (seen[0], MANY);
    cr_assert_eq (seen[1], MANY);
    zseq_store_destroy (&store);
}

//  A voting node with known and new names.
typedef struct {
    size_t first;
    size_t count;
    uint64_t durable_to;
} s_many_t;

enum { GROUPS = 3 };

static const s_many_t s_many[GROUPS] = {
  {0, MANY, 10}, {1, 33, 20}, {0, ALL, 30}};

static uint64_t
s_many_limit (size_t name, size_t groups)
{
    uint64_t limit = 0;
    for (size_t i = 0; i < groups && i < GROUPS; i++)
        if (name >= s_many[i].first && name < s_many[i].first + s_many[i].count)
            limit = s_many[i].durable_to;
    return limit;
}

static void
s_play_many (size_t *completed)
{
    zseq_written_t written[ALL];
    zseq_store_t *store = fixture_start ();
    size_t journaled = 0;
    for (size_t i = 0; i < GROUPS; i++) {
        const s_many_t *group = &s_many[i];
        s_write_numbered (store, group->first, group->count, group->durable_to,
                          false, journaled, written);
        journaled = group->first + group->count;
        ++*completed;
    }
    zseq_store_destroy (&store);
}

static void
s_check_many (size_t completed, const char *what, size_t when)
{
    fixture_names_t names;
    int rc = fixture_check (&names);
    cr_assert_eq (rc, ZSEQ_OK, "%s %zu: %s", what, when, fixture_text ());
    for (size_t i = 0; i < ALL; i++) {
        uint64_t durable = s_many_limit (i, completed);
        uint64_t submitted = s_many_limit (i, completed + 1);
        char name[8];
        snprintf (name, sizeof name, "n%zu", i);
        uint64_t found = fixture_durable_to (&names, name);
        cr_assert_geq (found, durable, "%s %zu: %s lost", what, when, name);
        cr_assert_leq (found, submitted, "%s %zu: %s", what, when, name);
    }
    fixture_forget (&names);
}

Test (store_faults_many, loses_none_of_many_when_the_power_goes_at_any_call)
{
    size_t completed = 0;
    fixture_format (fixture_node (), FIXTURE_IDENTITY);
    power_begin ();
    s_play_many (&completed);
    power_cut_everywhere (8, s_check_many);
}

Test (store_faults_many, loses_none_of_many_when_killed_at_any_call)
{
    power_kill_everywhere (fixture_make_node, s_play_many, s_check_many);
}

//  How many of count writes are refused, and how many completions are fatal.
static void
s_count (const zseq_written_t *written, size_t count, size_t *refused,
         size_t *fatal)
{
    *refused = 0;
    *fatal = 0;
    for (size_t i = 0; i < count; i++) {
        *refused += written[i].status == ZSEQ_ENOSPACE;
        *fatal += written[i].status == ZSEQ_EIO;
    }
}

Test (store_faults_many, refuses_one_of_many_or_ends)
{
    static const char *const calls[] = {"create", "mkdir",  "write",
                                        "close",  "rename", "exchange",
                                        "syncfs", "fsync"};
    static const int errors[] = {EIO, ENOSPC, EDQUOT};
    for (size_t c = 0; c < sizeof calls / sizeof *calls; c++)
        for (size_t e = 0; e < 3; e++) {
            bool came = true;
            size_t when = 1;
            for (; came; when += ZSEQ_FAULTS_STRIDE) {
                fixture_make_node ();
                zseq_store_t *store = fixture_start ();
                zseq_written_t written[ALL];
                s_write_numbered (store, 0, 4, 10, false, 0, written);
                zseq_faults_begin (fixture_node ());
                zseq_faults_fail (calls[c], when, errors[e], false);
                s_write_numbered (store, 0, ALL, 20, false, 4, written);
                const zseq_call_t *failed = zseq_faults_failed ();
                came = failed != NULL;
                size_t refused;
                size_t fatal;
                s_count (written, ALL, &refused, &fatal);
                bool journal = came && strncmp (failed->path, "names", 5) == 0;
                if (!came)
                    cr_assert_eq (refused + fatal, 0);
                else if (errors[e] == EIO || c >= 6)
                    cr_assert_eq (fatal, ALL, "%s %zu", calls[c], when);
                else
                    cr_assert (fatal == 0 &&
                                 refused == (journal ? ALL - 4u : 1u),
                               "%s %zu of %s: %zu refused", calls[c], when,
                               failed->path, refused);
                zseq_store_destroy (&store);
                zseq_faults_end ();
                fixture_names_t names;
                cr_assert_eq (fixture_check (&names), ZSEQ_OK, "%s",
                              fixture_text ());
                for (size_t i = 0; i < ALL; i++)
                    if (written[i].status == ZSEQ_OK)
                        cr_assert_eq (
                          fixture_durable_to (&names, s_numbered[i]), 20);
                    else if (i < 4)
                        cr_assert_geq (
                          fixture_durable_to (&names, s_numbered[i]), 10);
                fixture_forget (&names);
                fixture_remove (fixture_node ());
            }
            cr_assert_gt (when, 2, "%s was never called", calls[c]);
        }
}

//  Deferred writes.

static void
s_make_lost_vote (void)
{
    zseq_record_t record;
    fixture_record (&record, FIXTURE_IDENTITY);
    record.voting = false;
    zseq_store_t *store = zseq_store_new (fixture_node ());
    cr_assert_eq (zseq_store_format (store, &record), ZSEQ_OK);
    zseq_store_destroy (&store);
    store = fixture_start ();
    cr_assert_eq (fixture_write (store, "n0", 5, false), ZSEQ_OK);
    zseq_store_destroy (&store);
}

static void
s_play_deferred (size_t *completed)
{
    zseq_written_t written[ALL];
    zseq_store_t *store = fixture_start ();
    s_write_numbered (store, 0, 3, 10, true, 1, written);
    ++*completed;
    s_write_numbered (store, 0, ALL, 20, true, 3, written);
    ++*completed;
    zseq_record_t record;
    fixture_record (&record, FIXTURE_IDENTITY);
    cr_assert_eq (fixture_write_record (store, &record), ZSEQ_OK);
    ++*completed;
    s_write_numbered (store, 0, 2, 30, false, ALL, written);
    ++*completed;
    zseq_store_destroy (&store);
}

//  A voting node has everything. Another one may be damaged.
static void
s_check_deferred (size_t completed, const char *what, size_t when)
{
    fixture_names_t names;
    int rc = fixture_check (&names);
    bool voting = !names.lost && names.record.voting;
    cr_assert (rc == ZSEQ_OK || (rc == ZSEQ_EDAMAGED && !voting), "%s %zu: %s",
               what, when, fixture_text ());
    cr_assert (completed < 3 || voting);
    cr_assert (completed >= 2 || !voting, "%s %zu", what, when);
    for (size_t i = 0; voting && i < ALL; i++) {
        char name[8];
        snprintf (name, sizeof name, "n%zu", i);
        uint64_t found = fixture_durable_to (&names, name);
        cr_assert_geq (found, completed == 4 && i < 2 ? 30 : 20,
                       "%s %zu: %s lost", what, when, name);
    }
    fixture_forget (&names);
}

Test (store_faults_many, syncs_deferred_writes_before_the_nodes_record)
{
    s_make_lost_vote ();
    zseq_store_t *store = fixture_start ();
    zseq_written_t written[ALL];
    zseq_faults_begin (fixture_node ());
    s_write_numbered (store, 0, 3, 10, true, 1, written);
    s_write_numbered (store, 0, ALL, 20, true, 3, written);
    cr_assert_eq (s_count_lines ("syncfs") + s_count_lines ("fsync"), 0);
    cr_assert_eq (s_count_lines ("write names"), 4);
    cr_assert_eq (s_count_lines ("write names-copy"), 2);
    zseq_faults_begin (fixture_node ());
    zseq_record_t record;
    fixture_record (&record, FIXTURE_IDENTITY);
    cr_assert_eq (fixture_write_record (store, &record), ZSEQ_OK);
    size_t index = 0;
    ASSERT_LINES (index, "syncfs .", "create .tmp", "write .tmp", "fsync .tmp",
                  "close .tmp", "rename .tmp node", "fsync .", "complete");
    //  Once is enough.
    cr_assert_eq (fixture_write_record (store, &record), ZSEQ_OK);
    ASSERT_LINES (index, "create .tmp");
    //  So does another write.
    s_write_numbered (store, 4, 1, 30, true, ALL, written);
    zseq_faults_begin (fixture_node ());
    s_write_numbered (store, 5, 1, 30, false, ALL, written);
    index = 0;
    ASSERT_LINES (index, "syncfs .", "create seq/XX/.tmp");
    zseq_store_destroy (&store);
}

Test (store_faults_many, ends_when_deferred_writes_cannot_be_synced)
{
    s_make_lost_vote ();
    zseq_store_t *store = fixture_start ();
    zseq_written_t written[ALL];
    s_write_numbered (store, 0, ALL, 20, true, 1, written);
    zseq_faults_begin (fixture_node ());
    zseq_faults_fail ("syncfs", 1, ENOSPC, false);
    zseq_record_t record;
    fixture_record (&record, FIXTURE_IDENTITY);
    cr_assert_eq (fixture_write_record (store, &record), ZSEQ_EIO);
    cr_assert (strstr (zseq_store_text (store), "syncfs"));
    zseq_store_destroy (&store);
    zseq_faults_end ();
    fixture_names_t names;
    fixture_check (&names);
    cr_assert (!names.record.voting);
    fixture_forget (&names);
}

Test (store_faults_many, votes_with_all_that_was_deferred_or_not_at_all)
{
    size_t completed = 0;
    s_make_lost_vote ();
    power_begin ();
    s_play_deferred (&completed);
    power_cut_everywhere (8, s_check_deferred);
}

Test (store_faults_many,
      votes_with_all_that_was_deferred_when_killed_at_any_call)
{
    power_kill_everywhere (s_make_lost_vote, s_play_deferred, s_check_deferred);
}
