//  zseq-bench: how fast IDs come, and how near that is to the limits of the
//  machine.
//
//      zseq-bench run --case 'batch-*'     cases and their floors
//      zseq-bench floor --json FILE        only the floors
//      zseq-bench kv --peer etcd           the key-value store, beside etcd
//
//  This file reads the options, makes a temporary directory, runs the cases or
//  floors, and reports the results. Cases are in zseq_bench_cases, floors in
//  zseq_bench_floor, the key-value store in zseq_bench_kv; all measure with
//  zseq_bench_load. All processes are
//  children (zseq_bench_children) and end with the run. See --help.

#include "zseq_bench_cases.h"
#include "zseq_bench_cluster.h"
#include "zseq_bench_draw.h"
#include "zseq_bench_kv.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    EXIT_USE = 1,     //  Bad use
    EXIT_FAILED = 2,  //  The bench could not be run
};

#define ROUNDS ZSEQ_BENCH_ROUNDS_MAX
#define SECONDS_DEFAULT 5.0
#define SECONDS_QUICK 0.3
#define SECONDS_MAX 3600
#define RESERVE_S_DEFAULT 1.0
#define RESERVE_S_MAX 60
#define MEMORY "/dev/shm"  //  On a file system where fsync costs nothing

typedef enum { COMMAND_RUN, COMMAND_FLOOR, COMMAND_KV } s_command_t;

typedef struct {
    s_command_t command;
    const char *uri;      //  NULL: clusters of our own
    size_t nodes;         //  Of our own cluster
    double reserve_s;     //  The same; below 0: not given
    const char *zseqd;    //  NULL: beside this program
    const char *base;     //  Where the temporary directory is made
    const char *fsync;    //  on, off, or NULL: the machine decides
    const char *pattern;  //  NULL: all cases
    const char *peer;     //  etcd, etcd-leader, or NULL
    double seconds;
    bool quick;
    const char *json;  //  Files, or NULL
    const char *plot;
} s_options_t;

typedef struct {
    const s_options_t *options;
    zseq_bench_children_t *children;
    char directory[PATH_MAX];  //  Temporary; empty: not made yet
    char zseqd[PATH_MAX];
    char loader[PATH_MAX];  //  Of etcd
    zseq_bench_setting_t setting;
    zseq_bench_plan_t plan;
    zseq_bench_cases_t *cases;    //  Only of run
    zseq_bench_floors_t *floors;  //  Not of kv
    zseq_bench_kv_t *kv;          //  Only of kv
    FILE *json;
    FILE *plot;
} s_bench_t;

//  Measures all floors in turn, in several rounds.
static int
s_run_floors (s_bench_t *self)
{
    double slice = self->setting.seconds / (double) self->setting.rounds;
    for (size_t i = 0; i < self->setting.rounds; i++)
        for (size_t j = 0; j < ZSEQ_BENCH_FLOORS_ALONE; j++) {
            zseq_bench_floor_t floor = (zseq_bench_floor_t) j;
            double ns;
            double p50_us;
            (j == 0 ? zseq_bench_progress : zseq_bench_progress_line) (
              "floors, round %zu of %zu: %s", i + 1, self->setting.rounds,
              zseq_bench_floor_name (floor));
            if (zseq_bench_floors_measure (self->floors, floor, slice, &ns,
                                           &p50_us) != 0)
                return -1;
        }
    zseq_bench_progress_end ();
    return 0;
}

//  Setting up and ending a run.

//  Makes the temporary directory of the run.
static int
s_make_directory (s_bench_t *self)
{
    char path[PATH_MAX];
    int size =
      snprintf (path, sizeof path, "%s/zseq-bench.XXXXXX", self->options->base);
    if (size < 0 || (size_t) size >= sizeof path)
        return zseq_bench_fail ("--dir is too long");
    if (!mkdtemp (path))
        return zseq_bench_fail ("%s: %s", path, strerror (errno));
    memcpy (self->directory, path, sizeof path);
    return 0;
}

//  Writes the path of a program beside this one.
static int
s_find_beside (const char *program, char *path)
{
    ssize_t size = readlink ("/proc/self/exe", path, PATH_MAX - 1);
    if (size < 0)
        return zseq_bench_fail ("/proc/self/exe: %s", strerror (errno));
    path[size] = '\0';
    char *end = strrchr (path, '/') + 1;
    snprintf (end, PATH_MAX - (size_t) (end - path), "%s", program);
    return 0;
}

//  Finds the zseqd beside this program, unless the options name another.
static int
s_find_zseqd (s_bench_t *self)
{
    char *path = self->zseqd;
    if (self->options->zseqd) {
        snprintf (path, PATH_MAX, "%s", self->options->zseqd);
        return 0;
    }
    if (s_find_beside ("zseqd", path) != 0)
        return -1;
    if (access (path, X_OK) != 0)
        return zseq_bench_fail ("%s: %s; name it with --zseqd", path,
                                strerror (errno));
    return 0;
}

//  Opens a file for the results, if there is a path.
static int
s_open_output (const char *path, FILE **file_p)
{
    if (!path)
        return 0;
    *file_p = fopen (path, "we");
    if (!*file_p)
        return zseq_bench_fail ("%s: %s", path, strerror (errno));
    return 0;
}

//  A missing gnuplot is reported now rather than after the run.
static int
s_check_gnuplot (void)
{
    const char *place = getenv ("PATH");
    while (place && *place) {
        size_t size = strcspn (place, ":");
        char path[PATH_MAX];
        int written =
          snprintf (path, sizeof path, "%.*s/gnuplot", (int) size, place);
        if (written > 0 && (size_t) written < sizeof path &&
            access (path, X_OK) == 0)
            return 0;
        place += size + (place[size] == ':');
    }
    return zseq_bench_fail ("--plot needs gnuplot, which is not installed "
                            "(on Debian: apt install gnuplot-nox)");
}

//  Makes a plan from the options.
static zseq_bench_plan_t
s_plan (const s_options_t *options)
{
    return (zseq_bench_plan_t){
      .uri = options->uri,
      .pattern = options->pattern,
      .quick = options->quick,
      .nodes = options->nodes,
      .reserve_s = options->reserve_s,
    };
}

static size_t
s_chosen_count (const s_options_t *options)
{
    if (options->command == COMMAND_KV)
        return zseq_bench_kv_chosen_count (options->pattern, !options->uri);
    zseq_bench_plan_t plan = s_plan (options);
    size_t count = 0;
    for (size_t i = 0; i < zseq_bench_case_count (); i++)
        count += zseq_bench_case_chosen (i, &plan);
    return count;
}

//  Opens the cluster that cases run on: our own is started, another is asked.
static int
s_open_cases (s_bench_t *self)
{
    self->plan = s_plan (self->options);
    self->plan.zseqd = self->zseqd;
    self->plan.directory = self->directory;
    self->plan.setting = &self->setting;
    self->cases = zseq_bench_cases_new (self->children, &self->plan);
    if (!self->cases)
        return -1;
    if (self->options->uri)
        return zseq_bench_draw_quorum (self->children, self->options->uri,
                                       &self->setting.nodes, &self->setting.w);
    if (s_find_zseqd (self) != 0)
        return -1;
    return zseq_bench_cases_open (self->cases);
}

//  Opens the clusters that the cases of kv run on.
static int
s_open_kv (s_bench_t *self)
{
    const s_options_t *options = self->options;
    if ((!options->uri && s_find_zseqd (self) != 0) ||
        s_find_beside ("zseq-bench-etcd", self->loader) != 0)
        return -1;
    zseq_bench_kv_plan_t plan = {
      .uri = options->uri,
      .nodes = options->nodes,
      .zseqd = self->zseqd,
      .loader = options->peer ? self->loader : NULL,
      .leader = options->peer && strcmp (options->peer, "etcd") != 0,
      .directory = self->directory,
      .pattern = options->pattern,
      .seconds = options->seconds,
      .rounds = self->setting.rounds,
    };
    self->kv = zseq_bench_kv_new (self->children, &plan);
    return self->kv ? 0 : -1;
}

//  Opens what the command needs.
static int
s_open (s_bench_t *self)
{
    if (self->options->command == COMMAND_KV)
        return s_open_kv (self);
    if (self->options->command == COMMAND_RUN && s_open_cases (self) != 0)
        return -1;
    self->floors = zseq_bench_floors_new (self->children, self->setting.nodes,
                                          self->setting.w, self->directory);
    return self->floors ? 0 : -1;
}

//  Opens what a run needs, and reports the machine and the setting.
static int
s_prepare (s_bench_t *self)
{
    const s_options_t *options = self->options;
    if ((options->plot && s_check_gnuplot () != 0) ||
        s_open_output (options->json, &self->json) != 0 ||
        s_open_output (options->plot, &self->plot) != 0)
        return -1;
    self->children = zseq_bench_children_new ();
    if (!self->children || s_make_directory (self) != 0)
        return -1;

    zseq_bench_setting_t *setting = &self->setting;
    zseq_bench_setting_init (setting, self->directory);
    if (options->fsync && strcmp (options->fsync, "on") == 0 && !setting->disk)
        return zseq_bench_fail (
          "%s lies in memory: --fsync on needs a --dir on "
          "a disk",
          options->base);
    setting->nodes = options->nodes;
    setting->w = options->nodes / 2 + 1;
    setting->reserve_s = options->reserve_s;
    setting->seconds = options->seconds;
    setting->rounds = options->quick ? 1 : ROUNDS;
    if (s_open (self) != 0)
        return -1;
    zseq_bench_progress_end ();
    zseq_bench_report_setting (setting, stdout);
    return 0;
}

//  Writes JSON and the plot of kv.
static int
s_report_kv (s_bench_t *self)
{
    size_t count;
    const zseq_bench_kv_row_t *rows = zseq_bench_kv_rows (self->kv, &count);
    if (self->json &&
        zseq_bench_kv_report_json (
          &self->setting, zseq_bench_kv_etcd (self->kv),
          self->options->peer && strcmp (self->options->peer, "etcd") != 0,
          rows, count, self->json) != 0)
        return -1;
    if (self->plot && count > 0)
        return zseq_bench_kv_report_plot (self->children, rows, count,
                                          self->plot);
    return 0;
}

//  Reports the floors, and writes JSON and the plot.
static int
s_report (s_bench_t *self)
{
    if (self->kv)
        return s_report_kv (self);
    size_t count = 0;
    const zseq_bench_row_t *rows =
      self->cases ? zseq_bench_cases_rows (self->cases, &count) : NULL;
    zseq_bench_report_floors (self->floors, stdout);
    if (self->json && zseq_bench_report_json (&self->setting, self->floors,
                                              rows, count, self->json) != 0)
        return -1;
    if (self->plot && count > 0 &&
        zseq_bench_report_plot (self->children, rows, count, self->plot) != 0)
        return -1;
    if (fflush (stdout) != 0 || ferror (stdout))
        return zseq_bench_fail ("standard output: %s", strerror (errno));
    return 0;
}

//  Ends all children, and deletes the temporary directory.
static void
s_clear_up (s_bench_t *self)
{
    zseq_bench_floors_destroy (&self->floors);
    zseq_bench_cases_destroy (&self->cases);
    zseq_bench_kv_destroy (&self->kv);
    zseq_bench_children_destroy (&self->children);
    if (*self->directory)
        zseq_bench_delete (self->directory);
    if (self->json)
        fclose (self->json);
    if (self->plot)
        fclose (self->plot);
}

//  Measures.
static int
s_measure (s_bench_t *self)
{
    switch (self->options->command) {
    case COMMAND_KV:
        return zseq_bench_kv_run (self->kv);
    case COMMAND_FLOOR:
        return s_run_floors (self);
    case COMMAND_RUN:
    default:
        return zseq_bench_cases_run (self->cases, self->floors);
    }
}

//  Runs the bench once. Returns the exit status.
static int
s_run (const s_options_t *options)
{
    s_bench_t *self = calloc (1, sizeof *self);
    if (!self) {
        zseq_bench_fail ("out of memory");
        return EXIT_FAILED;
    }
    self->options = options;
    int rc = s_prepare (self);
    if (rc == 0)
        rc = s_measure (self);
    if (rc == 0)
        rc = s_report (self);
    s_clear_up (self);
    free (self);
    return rc == 0 ? 0 : EXIT_FAILED;
}

//  The command line.

static void
s_help_cases (void)
{
    fputs (
      "Cases:\n"
      "  batch-*     one sequence: IDs per claim, and who draws (one client,\n"
      "              threads on one handle, competing processes; sequences:\n"
      "              processes with one each)\n"
      "  stopped-*   the same with all nodes, and with one stopped by "
      "SIGSTOP,\n"
      "              each in turn\n"
      "  reserve-*   the same on two clusters in turn, /off with --reserve 0\n"
      "              and /on as --reserve says: claims per second compared\n"
      "  transport-* the same on two clusters in turn, /zmq over libzmq and\n"
      "              /native with zseq's own transport: IDs compared\n"
      "  mem-*       without a cluster, unbuffered: counters in memory\n"
      "  file-*      ... a directory that the process uses itself\n"
      "  flake-*     ... flake IDs of the clock; wide: with 22 bits of "
      "sequence,\n"
      "              so that the clock is the limit; cluster: with a worker "
      "that\n"
      "              the cluster makes sure of\n"
      "  cold-names  first claims of names, 4000 at once: durable on\n"
      "              all nodes\n"
      "  names-*     claims of so many names at random, 256 at once\n"
      "  recovery-*  a node without its directory gets so many names back\n"
      "  start-*     a node with so many names starts; -cold: after dropping\n"
      "              what the system keeps of files, all of them\n"
      "  contention-*  so many clients, with connections of their own, draw\n"
      "              from one new name without a buffer. burst: all at once\n"
      "              connect and draw ten IDs each, within 30 s; -warm: they\n"
      "              have connected before; steady: they go on drawing;\n"
      "              restart: after twenty IDs a new client takes over.\n"
      "              Threads of a few processes, or a process each. A failed\n"
      "              call is counted; an ID that comes twice ends the run\n"
      "With batch-auto-* and file-* of several clients, as many take a "
      "counter\n"
      "under a mutex: how fair that is, and the longest wait, to compare.\n"
      "Only batch-* and contention-* with --uri; contention-* only if PATTERN\n"
      "begins so; recovery-* and stopped-* from 3 nodes on; -one-node and\n"
      "start-* on a cluster of one node. Of starts and recoveries an ID is a\n"
      "name, a wait is that for the node to vote. They and contention-* have\n"
      "3 slices; those of starts, recoveries and bursts are as long as they\n"
      "take. A million names take minutes to make.\n"
      "\n",
      stdout);
}

static void
s_help_kv (void)
{
    fputs (
      "kv measures the key-value store. It takes all of the options above but\n"
      "--reserve, and:\n"
      "\n"
      "  --peer etcd     beside an etcd cluster of as many members, in slices\n"
      "                  that alternate; its clients use all members in turn\n"
      "  --peer etcd-leader  ... or the leader only, which is faster for etcd\n"
      "\n"
      "Clients are threads (etcd: goroutines) of one process, each with a\n"
      "connection of its own. ratio: zseq's median / etcd's. Failed calls are\n"
      "counted and given up; unknown: writes among them that may have been\n"
      "done. tries: for each cas that succeeded. node us, client us: "
      "processor\n"
      "time for each operation.\n"
      "\n"
      "Cases of kv:\n"
      "  put-, get-, stale-  24-byte keys and values, 1000 keys at random, so\n"
      "              many clients; get: linearizable; stale: zseq_kv_stale,\n"
      "              etcd's serializable. own-key: each client has one;\n"
      "              shared: one connection for all\n"
      "  cas-*       get and cas of one key until that succeeds; the value\n"
      "              counts, and the run fails if an increment is lost;\n"
      "              slices of several clients take 2 s at least\n"
      "  size-*      values of so many bytes\n"
      "  requests-*  how long so many requests take; only if PATTERN begins\n"
      "              so, as the next one\n"
      "  kill-*      a node is killed by SIGKILL in the middle of 6 s, and\n"
      "              started again: the longest time that any client was\n"
      "              without a success; calls have 1 s. etcd: a follower, and\n"
      "              the leader. 3 slices\n"
      "\n",
      stdout);
    for (size_t i = 0; i < zseq_bench_kv_case_count (); i++)
        printf ("  %s\n", zseq_bench_kv_case_at (i).name);
}

static void
s_help (void)
{
    printf (
      "Usage: zseq-bench run [OPTION]...    measure cases and their floors\n"
      "       zseq-bench floor [OPTION]...  measure only the floors\n"
      "       zseq-bench kv [OPTION]...     measure the key-value store\n"
      "\n"
      "How fast IDs come from a cluster, and how near that is to what the\n"
      "machine can do. One operation is one ID received. Every case is\n"
      "measured in %d slices, each right after one of its floor: the same\n"
      "work done with the least code. Medians of the slices are shown; waits\n"
      "are of all slices, within 0.8%%. Only ratios of one run can be\n"
      "compared with those of another.\n"
      "\n"
      "  --nodes N       start a cluster of N nodes, 1 to 9 (default 3), in\n"
      "                  a temporary directory; all of it ends with the run\n"
      "  --uri URI       or use that cluster; sequences zseq-bench/* stay\n"
      "                  there, and its processor time is not counted\n"
      "  --reserve S     IDs that its nodes reserve ahead at most, seconds'\n"
      "                  worth, 0 to %d (default %g; 0: none)\n"
      "  --zseqd PATH    the node's program (default: beside this one)\n"
      "  --fsync on|off  on: refuse to measure where fsync costs nothing; "
      "off:\n"
      "                  measure in memory (/dev/shm). The nodes always call "
      "it\n"
      "  --dir DIR       where the temporary directory is made (default\n"
      "                  $TMPDIR, or /tmp); should be on a disk\n"
      "  --case PATTERN  only cases that match, as '*processes*'\n"
      "  --seconds S     measure each case, or floor, for so long in all\n"
      "                  (default %g)\n"
      "  --quick         one slice of %g s, and no case of many names\n"
      "  --json FILE     write the results as JSON\n"
      "  --plot FILE     write a plot as SVG, with gnuplot; of contention-* "
      "also\n"
      "                  IDs a second and IDs used over the clients\n"
      "  --help          print this\n"
      "\n"
      "floor takes --nodes, --dir, --fsync, --seconds, --quick and --json.\n"
      "Exit status: 0 done, 1 bad use, 2 failed.\n"
      "\n",
      ROUNDS, RESERVE_S_MAX, RESERVE_S_DEFAULT, SECONDS_DEFAULT, SECONDS_QUICK);
    s_help_cases ();
    for (size_t i = 0; i < zseq_bench_case_count (); i++)
        printf ("  %s\n", zseq_bench_case_name (i));
    putchar ('\n');
    s_help_kv ();
}

static int s_use (const char *format, ...)
  __attribute__ ((format (printf, 1, 2)));

//  Reports bad use. Returns -1.
static int
s_use (const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    fputs ("zseq-bench: ", stderr);
    vfprintf (stderr, format, arguments);
    fputs ("; see zseq-bench --help\n", stderr);
    va_end (arguments);
    return -1;
}

//  Reads all of text as a plain decimal number.
static int
s_number (const char *text, const char *digits, double lowest, double highest,
          double *number_p)
{
    char *end;
    errno = 0;
    double number = strtod (text, &end);
    if (*text == '\0' || strspn (text, digits) != strlen (text) ||
        *end != '\0' || errno != 0 || !(number >= lowest && number <= highest))
        return -1;
    *number_p = number;
    return 0;
}

enum {
    OPTION_URI = 256,
    OPTION_NODES,
    OPTION_RESERVE,
    OPTION_ZSEQD,
    OPTION_DIR,
    OPTION_FSYNC,
    OPTION_CASE,
    OPTION_PEER,
    OPTION_SECONDS,
    OPTION_QUICK,
    OPTION_JSON,
    OPTION_PLOT,
    OPTION_HELP,
};

static const struct option s_long_options[] = {
  {"uri", required_argument, NULL, OPTION_URI},
  {"nodes", required_argument, NULL, OPTION_NODES},
  {"reserve", required_argument, NULL, OPTION_RESERVE},
  {"zseqd", required_argument, NULL, OPTION_ZSEQD},
  {"dir", required_argument, NULL, OPTION_DIR},
  {"fsync", required_argument, NULL, OPTION_FSYNC},
  {"case", required_argument, NULL, OPTION_CASE},
  {"peer", required_argument, NULL, OPTION_PEER},
  {"seconds", required_argument, NULL, OPTION_SECONDS},
  {"quick", no_argument, NULL, OPTION_QUICK},
  {"json", required_argument, NULL, OPTION_JSON},
  {"plot", required_argument, NULL, OPTION_PLOT},
  {"help", no_argument, NULL, OPTION_HELP},
  {NULL, 0, NULL, 0},
};

//  Takes an option whose value is a number. Returns 0, or -1 for bad use.
static int
s_take_number (s_options_t *options, int option)
{
    const char *whole = "0123456789";
    const char *fraction = "0123456789.";
    double number;
    switch (option) {
    case OPTION_NODES:
        if (s_number (optarg, whole, 1, ZSEQ_BENCH_NODES_MAX, &number) != 0)
            return s_use ("--nodes %s: not a number from 1 to %d", optarg,
                          ZSEQ_BENCH_NODES_MAX);
        options->nodes = (size_t) number;
        return 0;
    case OPTION_RESERVE:
        if (s_number (optarg, fraction, 0, RESERVE_S_MAX, &number) != 0)
            return s_use ("--reserve %s: not a number from 0 to %d", optarg,
                          RESERVE_S_MAX);
        options->reserve_s = number;
        return 0;
    default:
        if (s_number (optarg, fraction, 0.1, SECONDS_MAX, &number) != 0)
            return s_use ("--seconds %s: not a number from 0.1 to %d", optarg,
                          SECONDS_MAX);
        options->seconds = number;
        return 0;
    }
}

//  Takes an option. Returns 0, or -1 for bad use.
static int
s_take_option (s_options_t *options, int option)
{
    switch (option) {
    case OPTION_NODES:
    case OPTION_RESERVE:
    case OPTION_SECONDS:
        return s_take_number (options, option);
    case OPTION_URI:
        options->uri = optarg;
        return 0;
    case OPTION_ZSEQD:
        options->zseqd = optarg;
        return 0;
    case OPTION_DIR:
        options->base = optarg;
        return 0;
    case OPTION_FSYNC:
        options->fsync = optarg;
        if (strcmp (optarg, "on") != 0 && strcmp (optarg, "off") != 0)
            return s_use ("--fsync %s: neither on nor off", optarg);
        return 0;
    case OPTION_CASE:
        options->pattern = optarg;
        return 0;
    case OPTION_PEER:
        options->peer = optarg;
        if (strcmp (optarg, "etcd") != 0 && strcmp (optarg, "etcd-leader") != 0)
            return s_use ("--peer %s: neither etcd nor etcd-leader", optarg);
        return 0;
    case OPTION_QUICK:
        options->quick = true;
        return 0;
    case OPTION_JSON:
        options->json = optarg;
        return 0;
    case OPTION_PLOT:
        options->plot = optarg;
        return 0;
    default:
        //  getopt has reported the option.
        return s_use ("bad option");
    }
}

//  Refuses options that exclude each other, and fills in the others.
static int
s_settle_options (s_options_t *options)
{
    if (options->peer && options->command != COMMAND_KV)
        return s_use ("only kv takes --peer");
    if (options->command == COMMAND_KV && options->reserve_s >= 0)
        return s_use ("kv takes no --reserve");
    if (options->command == COMMAND_FLOOR &&
        (options->uri || options->reserve_s >= 0 || options->zseqd ||
         options->pattern || options->plot))
        return s_use (
          "floor takes no --uri, --reserve, --zseqd, --case or --plot");
    if (options->uri &&
        (options->nodes > 0 || options->reserve_s >= 0 || options->zseqd))
        return s_use ("--uri uses a cluster that runs: no --nodes, --reserve "
                      "or --zseqd");
    if (options->quick && options->seconds > 0)
        return s_use ("--quick says how long: no --seconds");
    if (options->nodes == 0)
        options->nodes = 3;
    if (options->reserve_s < 0)
        options->reserve_s = RESERVE_S_DEFAULT;
    if (options->command != COMMAND_FLOOR && s_chosen_count (options) == 0)
        return s_use ("--case %s: no such case with these options",
                      options->pattern);
    if (options->seconds <= 0)
        options->seconds = options->quick ? SECONDS_QUICK : SECONDS_DEFAULT;
    bool off = options->fsync && strcmp (options->fsync, "off") == 0;
    if (off && options->base)
        return s_use ("--fsync off takes the machine's memory: no --dir");
    if (off)
        options->base = MEMORY;
    if (!options->base)
        options->base = getenv ("TMPDIR");
    if (!options->base || !*options->base)
        options->base = "/tmp";
    return 0;
}

//  Opens closed standard descriptors. A node's socket or file would get their
//  numbers otherwise.
static void
s_hold_descriptors (void)
{
    for (int descriptor = 0; descriptor <= STDERR_FILENO; descriptor++)
        if (fcntl (descriptor, F_GETFD) == -1)
            (void) open ("/dev/null", O_RDWR);
}

//  As many connections as the system allows, also for children.
static void
s_raise_files (void)
{
    struct rlimit limit;
    if (getrlimit (RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void) setrlimit (RLIMIT_NOFILE, &limit);
}

int
main (int argc, char **argv)
{
    s_hold_descriptors ();
    s_raise_files ();
    s_options_t options = {.reserve_s = -1};
    int option;
    while ((option = getopt_long (argc, argv, "", s_long_options, NULL)) !=
           -1) {
        if (option == OPTION_HELP) {
            s_help ();
            return 0;
        }
        if (s_take_option (&options, option) != 0)
            return EXIT_USE;
    }
    if (optind + 1 != argc) {
        s_use (optind == argc ? "run, floor or kv?" : "too many arguments");
        return EXIT_USE;
    }
    if (strcmp (argv[optind], "floor") == 0)
        options.command = COMMAND_FLOOR;
    else if (strcmp (argv[optind], "kv") == 0)
        options.command = COMMAND_KV;
    else if (strcmp (argv[optind], "run") != 0) {
        s_use ("%s: neither run, floor nor kv", argv[optind]);
        return EXIT_USE;
    }
    if (s_settle_options (&options) != 0)
        return EXIT_USE;
    return s_run (&options);
}
