//  zseq-crash-power TYPE [ZSEQD]
//
//  Power cuts: nodes on file systems of that type, each on a device of its own
//  that is cut off under load. Data that has not reached the device is lost.
//
//  With ZSEQD, a faulty daemon, the test succeeds if clients were given IDs
//  twice or out of order, or if keys went back.

#include "zseq_crash.h"
#include "zseq_disk.h"
#include "zseq_process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define S_ROUNDS 60
#define S_POINT_MAX 160

static const char *s_type;
static zseq_crash_t *s_crash;
static zseq_disk_t *s_disk[ZSEQ_CRASH_NODES];
static char s_point[ZSEQ_CRASH_NODES][S_POINT_MAX];
static uint64_t s_cuts;
static uint64_t s_recoveries;
static uint64_t s_ended;  //  Nodes that ended by themselves after a cut

//  Moves the directory of a node that has not started to a disk of its own.
static void
s_move (size_t node)
{
    const char *directory =
      zseq_cluster_directory (zseq_crash_cluster (s_crash), node);
    char moved[sizeof s_point + 8];
    char log[S_POINT_MAX + 8];
    snprintf (s_point[node], S_POINT_MAX, "%s.disk", directory);
    snprintf (moved, sizeof moved, "%s/node", s_point[node]);
    snprintf (log, sizeof log, "%s.mkfs", directory);
    if (mkdir (s_point[node], 0700) == -1)
        zseq_process_fail ("%s: %s", s_point[node], strerror (errno));
    s_disk[node] = zseq_disk_new (s_type, s_point[node], log);
    zseq_crash_run (s_crash, "cp", "-a", directory, moved, NULL);
    zseq_crash_run (s_crash, "sync", "-f", moved, NULL);
    zseq_crash_run (s_crash, "rm", "-r", directory, NULL);
    if (symlink (moved, directory) == -1)
        zseq_process_fail ("%s: %s", directory, strerror (errno));
}

static void
s_remove_disks (void)
{
    for (size_t node = 0; node < ZSEQ_CRASH_NODES; node++)
        zseq_disk_destroy (&s_disk[node]);
}

static bool
s_chance (uint64_t one_in)
{
    return zseq_crash_below (s_crash, one_in) == 0;
}

//  Cuts the power of the nodes whose bit is set, at once, and boots them.
static void
s_cut (unsigned nodes)
{
    for (size_t node = 0; node < ZSEQ_CRASH_NODES; node++)
        if (nodes & 1u << node)
            zseq_disk_cut (s_disk[node]);
    for (size_t node = 0; node < ZSEQ_CRASH_NODES; node++) {
        if (!(nodes & 1u << node))
            continue;
        s_cuts++;
        //  A node that continues on a failing disk must not tell anyone.
        int status = -1;
        if (s_chance (4))
            status = zseq_crash_wait_for (s_crash, node, 200);
        if (status == -1)
            zseq_crash_kill (s_crash, node);
        else if (status == 0)
            zseq_process_fail ("the disk failed, and the node found it good");
        else
            s_ended++;
        zseq_disk_boot (s_disk[node], s_chance (2));
    }
}

//  Loses a node's disk, and cuts its power while it recovers or just after it
//  has logged that it votes.
static void
s_recover (size_t node)
{
    char command[2 * S_POINT_MAX];
    zseq_crash_kill (s_crash, node);
    //  With unfinished files, whose names begin with a dot.
    snprintf (command, sizeof command, "find %s/node -mindepth 1 -delete",
              s_point[node]);
    zseq_crash_run (s_crash, "sh", "-c", command, NULL);
    zseq_crash_recover (s_crash, node, NULL);
    zseq_crash_must_say (s_crash, node, " recovers: ");
    if (s_chance (2))
        zseq_crash_must_vote (s_crash, node);
    else
        zseq_crash_let_run (s_crash, 1u << zseq_crash_below (s_crash, 7));
    s_cut (1u << node);
    zseq_crash_recover (s_crash, node, NULL);
    zseq_crash_must_vote (s_crash, node);
    s_recoveries++;
}

//  The next cut: one node, two, or all, at any time or just after the last
//  replies.
static void
s_round (bool mutant)
{
    static const unsigned sets[] = {1, 2, 4, 3, 5, 6, 7, 7, 7, 7, 7, 7};
    unsigned nodes = mutant ? 7u : sets[zseq_crash_below (s_crash, 12)];
    bool quiet = mutant || s_chance (2);
    uint32_t open = zseq_crash_names_open (s_crash);
    if (!mutant && open < 200)
        zseq_crash_open_names (s_crash, open + 8);
    zseq_crash_let_run (s_crash, 1u << zseq_crash_below (s_crash, 10));
    if (quiet)
        zseq_crash_hold (s_crash);
    s_cut (nodes);
    zseq_crash_restart (s_crash);
    if (quiet) {
        zseq_crash_ask_all (s_crash);
        zseq_crash_release (s_crash);
    }
    if (!mutant && s_chance (4))
        s_recover (zseq_crash_below (s_crash, ZSEQ_CRASH_NODES));
    zseq_crash_progress (s_crash);
}

static int
s_run (bool mutant)
{
    bool good = true;
    zseq_crash_load (s_crash);
    zseq_crash_progress (s_crash);
    while (good && !zseq_crash_over (s_crash, S_ROUNDS)) {
        s_round (mutant);
        //  Detecting the mutant once is enough.
        if (!mutant)
            good = zseq_crash_turn_over (s_crash);
        else if (!zseq_crash_judge (s_crash))
            return 0;
        else
            zseq_crash_load (s_crash);
    }
    if (good)
        good = zseq_crash_judge (s_crash);
    return good == !mutant ? 0 : 1;
}

int
main (int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        fprintf (stderr, "usage: zseq-crash-power TYPE [ZSEQD]\n");
        return 2;
    }
    s_type = argv[1];
    bool mutant = argc == 3;
    if (!zseq_disk_available (s_type)) {
        printf ("skipped\n");
        return ZSEQ_CRASH_SKIPPED;
    }
    zseq_crash_options_t options = {.zseqd = mutant ? argv[2] : NULL,
                                    .processes = mutant ? 2 : 4,
                                    .threads = mutant ? 1 : 3,
                                    .names = mutant ? 8 : 208,
                                    .names_open = 8,
                                    .unbuffered = mutant,
                                    .at_end = s_remove_disks};
    s_crash = zseq_crash_new (&options);
    for (size_t node = 0; node < ZSEQ_CRASH_NODES; node++)
        s_move (node);
    zseq_crash_restart (s_crash);
    int status = s_run (mutant);
    printf ("%s: %lu cuts, %lu of them in a recovery, %lu nodes saw it and "
            "ended\n",
            s_type, s_cuts, s_recoveries, s_ended);
    zseq_crash_report (s_crash);
    if (status == 0)
        zseq_crash_destroy (&s_crash);
    return status;
}
