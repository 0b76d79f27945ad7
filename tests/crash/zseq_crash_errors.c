//  zseq-crash-errors eio | full | full-all
//
//  Failing disk calls, by strace, on one node of three under load. EIO: the
//  node stops with the reason, having acknowledged nothing that was not
//  durable. ENOSPC and EDQUOT: the request is refused and the node continues,
//  but it stops where it cannot know what is durable (the sync of a directory).
//  With full-all all nodes fail at once, so that the clients see it.

#include "zseq_crash.h"
#include "zseq_process.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define S_TIMES 50       //  The first so many calls fail
#define S_REACH_MS 1500  //  For a call that fails to come
#define S_RARE 3         //  Times that it did not, to leave it alone
#define S_FILLED 64      //  Calls while the disk is full
#define S_FOREVER 60000
#define S_NAMES 1600
#define S_TIMEOUT_MS 1000

//  No close: libzmq aborts if closing a socket fails.
static const char *const s_calls[] = {"mkdirat",   "openat",    "pwrite64",
                                      "fsync",     "fdatasync", "renameat",
                                      "renameat2", "syncfs"};

#define S_CALLS (sizeof s_calls / sizeof *s_calls)

typedef enum { S_EIO, S_FULL, S_FULL_ALL, S_MODES } s_mode_t;

static const char *const s_names[S_MODES] = {"eio", "full", "full-all"};

static s_mode_t s_mode;
static zseq_crash_t *s_crash;
static uint64_t s_failed[S_CALLS];
static uint64_t s_ended;            //  Nodes
static uint64_t s_missed[S_CALLS];  //  Times that none came, in a row

static void
s_open_names (void)
{
    uint32_t open = zseq_crash_names_open (s_crash);
    if (open + 4 <= S_NAMES)
        zseq_crash_open_names (s_crash, open + 4);
}

//  Checks that a node that has ended by itself has logged the reason.
static void
s_check_end (size_t node, int status, const char *const *why)
{
    s_ended++;
    if (status == 0 || status > 128)
        zseq_process_fail ("node %c ended with status %d", (int) ('a' + node),
                           status);
    for (; *why; why++)
        if (zseq_crash_said (s_crash, node, *why))
            return;
    zseq_process_fail ("node %c ended and did not say why it may",
                       (int) ('a' + node));
}

static void
s_fail_once (size_t call, uint64_t when)
{
    static const char *const why[] = {"Input/output error", NULL};
    char what[64];
    snprintf (what, sizeof what, "error=EIO:when=%lu", when);
    size_t node = zseq_crash_below (s_crash, ZSEQ_CRASH_NODES);
    s_open_names ();
    pid_t tracer = zseq_crash_trace (s_crash, node, s_calls[call], what);
    int status = zseq_crash_wait_for (s_crash, node, S_REACH_MS);
    size_t failed = zseq_crash_untrace (s_crash, node, tracer);
    s_failed[call] += failed;
    s_missed[call] = failed == 0 ? s_missed[call] + 1 : 0;
    //  A slow node may have reached its failure only just now.
    if (status == -1 && failed > 0)
        status = zseq_crash_wait_for (s_crash, node, S_REACH_MS);
    if (status != -1)
        s_check_end (node, status, why);
    else if (failed > 0)
        zseq_process_fail ("%s number %lu failed and node %c went on",
                           s_calls[call], when, (int) ('a' + node));
}

//  Lets the calls fail on the nodes, one bit each, for a while.
static void
s_fill (unsigned nodes, size_t call, uint64_t first, uint64_t last)
{
    char what[64];
    pid_t tracer[ZSEQ_CRASH_NODES];
    bool quota = zseq_crash_below (s_crash, 2) == 0;
    snprintf (what, sizeof what, "error=%s:when=%lu..%lu",
              quota ? "EDQUOT" : "ENOSPC", first, last);
    s_open_names ();
    for (size_t node = 0; node < ZSEQ_CRASH_NODES; node++)
        if (nodes & 1u << node)
            tracer[node] =
              zseq_crash_trace (s_crash, node, s_calls[call], what);
    zseq_crash_let_run (s_crash, S_FILLED);
    size_t failed = 0;
    for (size_t node = 0; node < ZSEQ_CRASH_NODES; node++)
        if (nodes & 1u << node)
            failed += zseq_crash_untrace (s_crash, node, tracer[node]);
    s_failed[call] += failed;
    s_missed[call] = failed == 0 ? s_missed[call] + 1 : 0;
}

//  A node may have ended because a sync failed, whose data may be lost, or
//  because it could not open a directory. No kernel returns ENOSPC for that.
static void
s_reap (void)
{
    static const char *const why[] = {
      "sync: No space left", "sync: Disk quota exceeded",
      "fsync of its parent directory: No space left",
      "fsync of its parent directory: Disk quota exceeded",
      ": open: No space left", ": open: Disk quota exceeded",
      //  When strace detaches in the middle of a call that it should fail.
      "Function not implemented", NULL};
    for (size_t node = 0; node < ZSEQ_CRASH_NODES; node++) {
        if (!zseq_crash_pid (s_crash, node))
            continue;
        int status = zseq_crash_wait_for (s_crash, node, 0);
        if (status != -1)
            s_check_end (node, status, why);
    }
}

static bool
s_round (size_t call, uint64_t when)
{
    const uint64_t lasts[] = {when, S_TIMES, S_FOREVER};
    unsigned node = 1u << zseq_crash_below (s_crash, ZSEQ_CRASH_NODES);
    if (s_mode == S_EIO)
        s_fail_once (call, when);
    else
        s_fill (s_mode == S_FULL_ALL ? 7u : node, call, when,
                lasts[zseq_crash_below (s_crash, 3)]);
    s_reap ();
    zseq_crash_restart (s_crash);
    zseq_crash_progress (s_crash);
    return zseq_crash_turn_over (s_crash);
}

//  Whether enough has happened: a client must have been told of a full disk.
static bool
s_enough (void)
{
    return zseq_crash_late (s_crash) &&
           (s_mode != S_FULL_ALL || zseq_crash_refused (s_crash) > 0);
}

static bool
s_run (void)
{
    bool good = true;
    zseq_crash_restart (s_crash);
    zseq_crash_load (s_crash);
    zseq_crash_progress (s_crash);
    for (uint64_t turn = 0; turn < zseq_crash_times (S_TIMES); turn++)
        for (size_t call = 0; call < S_CALLS; call++)
            if (good && s_missed[call] < S_RARE && !s_enough ())
                good = s_round (call, 1 + turn % S_TIMES);
    if (good) {
        zseq_crash_kill_all (s_crash);
        zseq_crash_restart (s_crash);
        good = zseq_crash_judge (s_crash);
    }
    return good;
}

int
main (int argc, char **argv)
{
    while (argc == 2 && s_mode < S_MODES &&
           strcmp (argv[1], s_names[s_mode]) != 0)
        s_mode++;
    if (argc != 2 || s_mode == S_MODES) {
        fprintf (stderr, "usage: zseq-crash-errors eio|full|full-all\n");
        return 2;
    }
    if (!zseq_crash_can_trace ()) {
        printf ("skipped: strace does not work here\n");
        return ZSEQ_CRASH_SKIPPED;
    }
    zseq_crash_options_t options = {.processes = 2,
                                    .threads = 4,
                                    .names = S_NAMES,
                                    .names_open = 8,
                                    .timeout_ms = S_TIMEOUT_MS};
    s_crash = zseq_crash_new (&options);
    bool good = s_run ();
    uint64_t failed = 0;
    for (size_t call = 0; call < S_CALLS; call++) {
        printf ("%s %lu, ", s_calls[call], s_failed[call]);
        failed += s_failed[call];
    }
    printf ("%lu failures, %lu nodes ended\n", failed, s_ended);
    zseq_crash_report (s_crash);
    if (s_mode == S_FULL_ALL && zseq_crash_refused (s_crash) == 0)
        zseq_process_fail ("no client was told that the disks are full");
    if (good)
        zseq_crash_destroy (&s_crash);
    return good && failed > 0 ? 0 : 1;
}
