//  zseq-crash-disks [ROUNDS]
//
//  Disks that are lost, damaged or restored from an old copy, one node after
//  the other, under load: the node recovers from its peers and votes again.

#include "zseq_crash.h"
#include "zseq_process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define S_ROUNDS 100
#define S_NAMES 600
#define S_PATH_MAX 512

typedef enum {
    S_WIPE,        //  The directory is gone
    S_WIPE_TWICE,  //  ... and again while the node recovers
    S_INTERRUPT,   //  It is gone, and the node is killed while it recovers
    S_ALL,         //  ... and all nodes are
    S_OLD,         //  An old copy of it is put back
    S_RECORD,      //  One sequence's record is gone
    S_JOURNAL,     //  The names journal is gone
    S_NODE,        //  The node's record is gone
    S_FLIP,        //  A bit of a file is another one
    S_TRUNCATE,    //  The end of a file is gone
    S_ZERO,        //  A file's bytes are all 0
    S_DAMAGES
} s_damage_t;

static const char *const s_text[S_DAMAGES] = {
  [S_WIPE] = "wiped",
  [S_WIPE_TWICE] = "wiped twice",
  [S_INTERRUPT] = "wiped and interrupted",
  [S_ALL] = "wiped and all killed",
  [S_OLD] = "old copies",
  [S_RECORD] = "records removed",
  [S_JOURNAL] = "journals removed",
  [S_NODE] = "node records removed",
  [S_FLIP] = "bits flipped",
  [S_TRUNCATE] = "files cut",
  [S_ZERO] = "files zeroed",
};

static zseq_crash_t *s_crash;
static uint64_t s_done[S_DAMAGES];
static uint64_t s_recoveries;
static bool s_copied[ZSEQ_CRASH_NODES];   //  There is an old copy
static bool s_went_on[ZSEQ_CRASH_NODES];  //  ... of an earlier incarnation

static const char *
s_directory (size_t node)
{
    return zseq_cluster_directory (zseq_crash_cluster (s_crash), node);
}

static void
s_copy_path (size_t node, char *path)
{
    snprintf (path, S_PATH_MAX, "%s.old", s_directory (node));
}

static void
s_wipe (size_t node)
{
    zseq_crash_run (s_crash, "rm", "-rf", s_directory (node), NULL);
}

//  A random file of the node, or of its records only.

static struct {
    char path[S_PATH_MAX];
    uint64_t seen;
    bool records;
} s_choice;

static int
s_choose (const char *path, const struct stat *status, int type,
          struct FTW *walk)
{
    const char *name = path + walk->base;
    bool record = strstr (path, "/seq/") != NULL;
    if (type != FTW_F || status->st_size == 0 || *name == '.' ||
        strcmp (name, "lock") == 0 || strstr (path, "/damaged/") ||
        (s_choice.records && !record))
        return 0;
    s_choice.seen++;
    if (zseq_crash_below (s_crash, s_choice.seen) == 0)
        snprintf (s_choice.path, S_PATH_MAX, "%s", path);
    return 0;
}

static const char *
s_choose_file (size_t node, bool records)
{
    s_choice.seen = 0;
    s_choice.records = records;
    nftw (s_directory (node), s_choose, 16, FTW_PHYS);
    if (s_choice.seen == 0)
        zseq_process_fail ("%s holds no files", s_directory (node));
    //  The journals and the node's record are a few among hundreds of files.
    static const char *const files[] = {"node", "names", "names-copy"};
    if (!records && zseq_crash_below (s_crash, 3) == 0)
        snprintf (s_choice.path, S_PATH_MAX, "%s/%s", s_directory (node),
                  files[zseq_crash_below (s_crash, 3)]);
    return s_choice.path;
}

static void
s_write_at (const char *path, off_t offset, const uint8_t *bytes, size_t size)
{
    int file = open (path, O_WRONLY | O_CLOEXEC);
    if (file == -1 || pwrite (file, bytes, size, offset) != (ssize_t) size ||
        close (file) == -1)
        zseq_process_fail ("%s: %s", path, strerror (errno));
}

static void
s_flip (const char *path)
{
    off_t offset =
      (off_t) zseq_crash_below (s_crash, (uint64_t) zseq_process_size (path));
    int file = open (path, O_RDONLY | O_CLOEXEC);
    uint8_t byte;
    if (file == -1 || pread (file, &byte, 1, offset) != 1)
        zseq_process_fail ("%s: %s", path, strerror (errno));
    close (file);
    byte = (uint8_t) (byte ^ 1u << zseq_crash_below (s_crash, 8));
    s_write_at (path, offset, &byte, 1);
}

static void
s_zero (const char *path)
{
    size_t size = (size_t) zseq_process_size (path);
    uint8_t *bytes = calloc (1, size);
    assert (bytes);
    s_write_at (path, 0, bytes, size);
    free (bytes);
}

static void
s_truncate (const char *path)
{
    off_t size =
      (off_t) zseq_crash_below (s_crash, (uint64_t) zseq_process_size (path));
    if (truncate (path, size) == -1)
        zseq_process_fail ("%s: %s", path, strerror (errno));
}

static void
s_remove (const char *path)
{
    if (unlink (path) == -1)
        zseq_process_fail ("%s: %s", path, strerror (errno));
}

static void
s_remove_in (size_t node, const char *file)
{
    char path[S_PATH_MAX];
    snprintf (path, sizeof path, "%s/%s", s_directory (node), file);
    s_remove (path);
}

static void
s_keep_copy (size_t node)
{
    char path[S_PATH_MAX];
    s_copy_path (node, path);
    zseq_crash_run (s_crash, "rm", "-rf", path, NULL);
    zseq_crash_run (s_crash, "cp", "-a", s_directory (node), path, NULL);
    s_copied[node] = true;
    s_went_on[node] = false;
}

//  Restores the copy; another one may be restored later.
static void
s_put_back (size_t node)
{
    char path[S_PATH_MAX];
    s_copy_path (node, path);
    s_wipe (node);
    zseq_crash_run (s_crash, "cp", "-a", path, s_directory (node), NULL);
}

//  A flipped or missing bit in the last batch of the journal's copy looks like
//  an interrupted append, which is no damage.
static bool
s_must_recover (s_damage_t damage, const char *path)
{
    const char *file = path ? strrchr (path, '/') : NULL;
    return damage < S_FLIP || !file || strcmp (file, "/names-copy") != 0;
}

//  Returns whether the node has to recover.
static bool
s_do_damage (size_t node, s_damage_t damage)
{
    const char *path = NULL;
    switch (damage) {
    case S_OLD:
        s_put_back (node);
        break;
    case S_RECORD:
        s_remove (s_choose_file (node, true));
        break;
    case S_JOURNAL:
        s_remove_in (node, zseq_crash_below (s_crash, 2) == 0 ? "names"
                                                              : "names-copy");
        break;
    case S_NODE:
        s_remove_in (node, "node");
        break;
    case S_FLIP:
        s_flip (path = s_choose_file (node, false));
        break;
    case S_TRUNCATE:
        s_truncate (path = s_choose_file (node, false));
        break;
    case S_ZERO:
        s_zero (path = s_choose_file (node, false));
        break;
    default:
        s_wipe (node);
        break;
    }
    printf ("node %c: %s %s\n", (int) ('a' + node), s_text[damage],
            path ? path : "");
    return s_must_recover (damage, path);
}

//  Waits for a moment during the recovery, or just after a quick one.
static void
s_interrupt (size_t node, s_damage_t damage)
{
    zseq_crash_must_say (s_crash, node, " recovers: ");
    zseq_crash_let_run (s_crash, 64);
    if (damage == S_ALL)
        zseq_crash_kill_all (s_crash);
    zseq_crash_kill (s_crash, node);
    if (damage == S_WIPE_TWICE)
        s_wipe (node);
    zseq_crash_recover (s_crash, node, NULL);
    if (damage == S_ALL)
        zseq_crash_restart (s_crash);
}

static void
s_round (size_t node, s_damage_t damage)
{
    zseq_crash_let_run (s_crash, 1u << zseq_crash_below (s_crash, 8));
    uint32_t open = zseq_crash_names_open (s_crash);
    if (open + 10 <= S_NAMES)
        zseq_crash_open_names (s_crash, open + 10);
    zseq_crash_kill (s_crash, node);
    if (damage == S_OLD && !s_went_on[node])
        damage = S_WIPE;
    if (damage != S_OLD &&
        (!s_copied[node] || zseq_crash_below (s_crash, 4) == 0))
        s_keep_copy (node);
    bool recovers = s_do_damage (node, damage);
    s_went_on[node] |= recovers;
    zseq_crash_recover (s_crash, node, NULL);
    if (damage == S_WIPE_TWICE || damage == S_INTERRUPT || damage == S_ALL) {
        s_interrupt (node, damage);
        //  The node may have recovered by then.
        recovers = damage == S_WIPE_TWICE;
    }
    if (recovers) {
        zseq_crash_must_say (s_crash, node, " recovers: ");
        s_recoveries++;
    }
    zseq_crash_must_vote (s_crash, node);
    zseq_crash_progress (s_crash);
    s_done[damage]++;
}

int
main (int argc, char **argv)
{
    uint64_t rounds = argc > 1 ? strtoull (argv[1], NULL, 10) : S_ROUNDS;
    zseq_crash_options_t options = {
      .processes = 4, .threads = 2, .names = S_NAMES, .names_open = 100};
    s_crash = zseq_crash_new (&options);
    zseq_crash_restart (s_crash);
    zseq_crash_load (s_crash);
    zseq_crash_progress (s_crash);
    bool good = true;
    //  First each fault in turn, with two lost disks for the node that will get
    //  an old one.
    for (uint64_t round = 0; good && !zseq_crash_over (s_crash, rounds);
         round++) {
        s_damage_t damage =
          round < S_DAMAGES
            ? (s_damage_t) round
            : (s_damage_t) zseq_crash_below (s_crash, S_DAMAGES);
        size_t node =
          round < S_DAMAGES ? 0 : zseq_crash_below (s_crash, ZSEQ_CRASH_NODES);
        s_round (node, damage);
        good = zseq_crash_turn_over (s_crash);
    }
    if (good)
        good = zseq_crash_judge (s_crash);
    for (size_t damage = 0; damage < S_DAMAGES; damage++)
        printf ("%s %lu, ", s_text[damage], s_done[damage]);
    printf ("%lu recoveries for certain\n", s_recoveries);
    zseq_crash_report (s_crash);
    if (good)
        zseq_crash_destroy (&s_crash);
    return good ? 0 : 1;
}
