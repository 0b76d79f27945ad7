//  zseq-crash-calls one | all | start | recover | formation
//
//  SIGKILL at the N-th system call of each kind that a write uses, by strace:
//  for one node under load, all nodes under load, a starting node, a node that
//  recovers from the loss of its disk, and nodes that are forming their
//  cluster.

#include "zseq_crash.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define S_TIMES 8        //  N, at most
#define S_REACH_MS 1000  //  A call that does not come in this time is rare
#define S_FAR 300        //  ... now and then
#define S_NAMES 1600

//  The first kinds become rare with time.
static const char *const s_calls[] = {
  "mkdirat",   "ftruncate", "syncfs",    "unlinkat", "openat",
  "pwrite64",  "fsync",     "fdatasync", "close",    "renameat",
  "renameat2", "write",     "sendto"};

#define S_CALLS (sizeof s_calls / sizeof *s_calls)

typedef enum {
    S_ONE,
    S_ALL,
    S_START,
    S_RECOVER,
    S_FORMATION,
    S_MODES
} s_mode_t;

static const char *const s_names[S_MODES] = {"one", "all", "start", "recover",
                                             "formation"};

static s_mode_t s_mode;
static zseq_crash_t *s_crash;
static uint64_t s_kills[S_CALLS];
static bool s_rare[S_CALLS];  //  Did not come

static void
s_what (char *text, size_t size, uint64_t when)
{
    snprintf (text, size, "signal=KILL:when=%lu", when);
}

//  Kills the nodes, one bit each, at that call under load. Returns how many
//  reached it.
static size_t
s_kill_under_load (unsigned nodes, const char *call, uint64_t when)
{
    char what[64];
    pid_t tracer[ZSEQ_CRASH_NODES];
    size_t kills = 0;
    s_what (what, sizeof what, when);
    for (size_t node = 0; node < ZSEQ_CRASH_NODES; node++)
        if (nodes & 1u << node)
            tracer[node] = zseq_crash_trace (s_crash, node, call, what);
    for (size_t node = 0; node < ZSEQ_CRASH_NODES; node++) {
        if (!(nodes & 1u << node))
            continue;
        int status = zseq_crash_wait_for (s_crash, node, S_REACH_MS);
        (void) zseq_crash_untrace (s_crash, node, tracer[node]);
        if (status == 128 + SIGKILL)
            kills++;
        zseq_crash_kill (s_crash, node);
    }
    return kills;
}

//  The same while the nodes start; counts their calls from the first one.
static size_t
s_kill_at_start (unsigned nodes, const char *call, uint64_t when)
{
    char what[64];
    char trace[64];
    char inject[128];
    size_t kills = 0;
    s_what (what, sizeof what, when);
    snprintf (trace, sizeof trace, "trace=%s", call);
    snprintf (inject, sizeof inject, "inject=%s:%s", call, what);
    const char *tracer[] = {"strace", "-D",  "-f", "-q",   "-o", "/dev/null",
                            "-e",     trace, "-e", inject, NULL};
    for (size_t node = 0; node < ZSEQ_CRASH_NODES; node++)
        if (nodes & 1u << node) {
            zseq_crash_kill (s_crash, node);
            if (s_mode == S_RECOVER) {
                zseq_cluster_lose (zseq_crash_cluster (s_crash), node);
                zseq_crash_recover (s_crash, node, tracer);
            }
            else
                zseq_crash_spawn (s_crash, node, tracer, NULL);
        }
    for (size_t node = 0; node < ZSEQ_CRASH_NODES; node++) {
        if (!(nodes & 1u << node))
            continue;
        //  Nodes that form a cluster may have to wait for one that is killed.
        if (s_mode != S_FORMATION &&
            !zseq_crash_says (s_crash, node, " votes ("))
            kills += zseq_crash_wait (s_crash, node) == 128 + SIGKILL;
        else
            kills += zseq_crash_wait_for (s_crash, node, S_REACH_MS / 2) ==
                     128 + SIGKILL;
        zseq_crash_kill (s_crash, node);
    }
    return kills;
}

//  Makes new nodes on the old ports. There is no load.
static void
s_format_all (void)
{
    zseq_cluster_t *cluster = zseq_crash_cluster (s_crash);
    zseq_crash_kill_all (s_crash);
    for (size_t node = 0; node < ZSEQ_CRASH_NODES; node++) {
        zseq_cluster_lose (cluster, node);
        zseq_cluster_format (cluster, node);
    }
}

static bool
s_round_loaded (size_t call, uint64_t when)
{
    uint32_t open = zseq_crash_names_open (s_crash);
    if (open + 8 <= S_NAMES)
        zseq_crash_open_names (s_crash, open + 8);
    size_t node = zseq_crash_below (s_crash, ZSEQ_CRASH_NODES);
    size_t kills;
    if (s_mode == S_START || s_mode == S_RECOVER) {
        //  Reading and copying many names takes many calls.
        if (when % 2 == 0)
            when = 1 + zseq_crash_below (s_crash, S_FAR);
        kills = s_kill_at_start (1u << node, s_calls[call], when);
    }
    else
        kills = s_kill_under_load (s_mode == S_ALL ? 7u : 1u << node,
                                   s_calls[call], when);
    s_kills[call] += kills;
    s_rare[call] = kills == 0 && when <= S_TIMES;
    if (s_mode == S_RECOVER) {
        zseq_crash_recover (s_crash, node, NULL);
        zseq_crash_must_vote (s_crash, node);
    }
    zseq_crash_restart (s_crash);
    zseq_crash_progress (s_crash);
    return zseq_crash_turn_over (s_crash);
}

static bool
s_round_formation (size_t call, uint64_t when)
{
    s_format_all ();
    unsigned nodes = 1u + (unsigned) zseq_crash_below (s_crash, 7);
    for (size_t node = 0; node < ZSEQ_CRASH_NODES; node++)
        if (!(nodes & 1u << node))
            zseq_crash_spawn (s_crash, node, NULL, NULL);
    size_t kills = s_kill_at_start (nodes, s_calls[call], when);
    s_kills[call] += kills;
    s_rare[call] = kills == 0;
    if (zseq_crash_below (s_crash, 2) == 0)
        zseq_crash_kill_all (s_crash);
    zseq_crash_restart (s_crash);
    zseq_crash_load (s_crash);
    zseq_crash_progress (s_crash);
    zseq_crash_kill_all (s_crash);
    zseq_crash_restart (s_crash);
    return zseq_crash_judge (s_crash);
}

//  Whether enough has happened: there must have been a kill.
static bool
s_enough (void)
{
    uint64_t kills = 0;
    for (size_t call = 0; call < S_CALLS; call++)
        kills += s_kills[call];
    return zseq_crash_late (s_crash) && kills > 0;
}

static bool
s_run (void)
{
    bool formation = s_mode == S_FORMATION;
    bool good = true;
    if (!formation) {
        zseq_crash_restart (s_crash);
        zseq_crash_load (s_crash);
        zseq_crash_progress (s_crash);
    }
    for (uint64_t when = 1; when <= zseq_crash_times (S_TIMES); when++)
        for (size_t call = 0; call < S_CALLS; call++)
            if (good && !s_rare[call] && !s_enough ())
                good = formation ? s_round_formation (call, when)
                                 : s_round_loaded (call, when);
    if (good && !formation)
        good = zseq_crash_judge (s_crash);
    return good;
}

int
main (int argc, char **argv)
{
    while (argc == 2 && s_mode < S_MODES &&
           strcmp (argv[1], s_names[s_mode]) != 0)
        s_mode++;
    if (argc != 2 || s_mode == S_MODES) {
        fprintf (stderr,
                 "usage: zseq-crash-calls one|all|start|recover|formation\n");
        return 2;
    }
    if (!zseq_crash_can_trace ()) {
        printf ("skipped: strace does not work here\n");
        return ZSEQ_CRASH_SKIPPED;
    }
    zseq_crash_options_t options = {
      .processes = 2, .threads = 4, .names = S_NAMES, .names_open = 8};
    s_crash = zseq_crash_new (&options);
    bool good = s_run ();
    uint64_t kills = 0;
    for (size_t call = 0; call < S_CALLS; call++) {
        printf ("%s %lu, ", s_calls[call], s_kills[call]);
        kills += s_kills[call];
    }
    printf ("%lu kills\n", kills);
    zseq_crash_report (s_crash);
    if (good)
        zseq_crash_destroy (&s_crash);
    return good && kills > 0 ? 0 : 1;
}
