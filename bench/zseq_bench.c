//  zseq-bench: how fast IDs come, and how near that is to what the machine
//  can do. See --help.

#include "zseq_bench_cluster.h"
#include "zseq_bench_draw.h"
#include "zseq_bench_report.h"

#include <assert.h>
#include <errno.h>
#include <fnmatch.h>
#include <ftw.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    EXIT_USE = 1,     //  Bad use
    EXIT_FAILED = 2,  //  The bench could not be done
};

#define ROUNDS 5
#define SECONDS_DEFAULT 5.0
#define SECONDS_QUICK 0.3
#define SECONDS_MAX 3600

//  With a batch of at least so many IDs, most of them come from the buffer,
//  and are timed in stretches. A claim feeds at least four of these.
#define BATCH_STRETCHED 64
#define STRETCH 16

//  The cases: who draws from one sequence, and how. The floor is what the case
//  is held to: alone, asking N nodes and waiting for W of them; threads of one
//  handle, the same, as they can share one claim; competing processes, as many
//  closed-loop clients of one plain node. share is how many IDs one operation
//  of the floor could carry.
typedef struct {
    const char *name;
    uint64_t batch;
    size_t processes;
    size_t threads;
    zseq_bench_floor_t floor;
    unsigned share;
} s_case_t;

static const s_case_t s_cases[] = {
  {"batch-1-single", 1, 1, 1, ZSEQ_BENCH_FLOOR_ASK, 1},
  {"batch-1-threads-8", 1, 1, 8, ZSEQ_BENCH_FLOOR_ASK, 8},
  {"batch-1-threads-32", 1, 1, 32, ZSEQ_BENCH_FLOOR_ASK, 32},
  {"batch-1-processes-8", 1, 8, 1, ZSEQ_BENCH_FLOOR_ECHO_8, 1},
  {"batch-1-processes-32", 1, 32, 1, ZSEQ_BENCH_FLOOR_ECHO_32, 1},
  {"batch-2-single", 2, 1, 1, ZSEQ_BENCH_FLOOR_ASK, 2},
  {"batch-2-threads-8", 2, 1, 8, ZSEQ_BENCH_FLOOR_ASK, 8},
  {"batch-2-threads-32", 2, 1, 32, ZSEQ_BENCH_FLOOR_ASK, 32},
  {"batch-2-processes-8", 2, 8, 1, ZSEQ_BENCH_FLOOR_ECHO_8, 2},
  {"batch-2-processes-32", 2, 32, 1, ZSEQ_BENCH_FLOOR_ECHO_32, 2},
  {"batch-1024-single", 1024, 1, 1, ZSEQ_BENCH_FLOOR_ASK, 1024},
  {"batch-1024-threads-8", 1024, 1, 8, ZSEQ_BENCH_FLOOR_ASK, 1024},
  {"batch-1024-threads-32", 1024, 1, 32, ZSEQ_BENCH_FLOOR_ASK, 1024},
  {"batch-1024-processes-8", 1024, 8, 1, ZSEQ_BENCH_FLOOR_ECHO_8, 1024},
  {"batch-1024-processes-32", 1024, 32, 1, ZSEQ_BENCH_FLOOR_ECHO_32, 1024},
};
#define CASES (sizeof s_cases / sizeof s_cases[0])

typedef struct {
    bool floors_only;
    const char *uri;      //  NULL: a cluster of our own
    size_t nodes;         //  Of that
    const char *zseqd;    //  NULL: beside this program
    const char *base;     //  Where the temporary directory is made
    const char *pattern;  //  NULL: all cases
    double seconds;
    bool quick;
    const char *json;  //  Files, or NULL
    const char *plot;
} s_options_t;

typedef struct {
    const s_options_t *options;
    zseq_bench_family_t *family;
    char directory[PATH_MAX];       //  Temporary; empty: not made yet
    zseq_bench_cluster_t *cluster;  //  Our own, or NULL
    const char *uri;
    zseq_bench_floors_t *floors;
    zseq_bench_setting_t setting;
    zseq_bench_sample_t *sample;    //  Scratch: one slice
    zseq_bench_histogram_t *waits;  //  Scratch: all slices of a case
    zseq_bench_row_t rows[CASES];
    size_t row_count;
    FILE *json;
    FILE *plot;
} s_bench_t;

//  Progress goes to stderr; on a terminal it stays on one line.
static void s_progress (const char *format, ...)
  __attribute__ ((format (printf, 1, 2)));

static void
s_progress (const char *format, ...)
{
    bool terminal = isatty (STDERR_FILENO);
    va_list arguments;
    va_start (arguments, format);
    fputs (terminal ? "\r\033[K" : "", stderr);
    vfprintf (stderr, format, arguments);
    fputs (terminal ? "" : "\n", stderr);
    va_end (arguments);
}

static void
s_progress_end (void)
{
    if (isatty (STDERR_FILENO))
        fputs ("\r\033[K", stderr);
}

static bool
s_chosen (const s_options_t *options, const s_case_t *one)
{
    return !options->floors_only &&
           (!options->pattern || fnmatch (options->pattern, one->name, 0) == 0);
}

static size_t
s_chosen_count (const s_options_t *options)
{
    size_t count = 0;
    for (size_t i = 0; i < CASES; i++)
        if (s_chosen (options, &s_cases[i]))
            count++;
    return count;
}

//  Running a case.

//  One value per slice of a case, of which the median is told. What is not
//  here adds up over the slices.
typedef struct {
    double ns_per_id[ROUNDS];
    double fairness[ROUNDS];
    double floor[ROUNDS];
    double floor_p50_us[ROUNDS];
} s_rounds_t;

//  One slice of the case, right after one of its floor.
static int
s_round (s_bench_t *self, const s_case_t *one, s_rounds_t *rounds, size_t round,
         zseq_bench_row_t *row)
{
    double slice = self->setting.seconds / (double) self->setting.rounds;
    if (zseq_bench_floors_measure (self->floors, one->floor, slice / 2,
                                   &rounds->floor[round],
                                   &rounds->floor_p50_us[round]) != 0)
        return -1;

    char name[64];
    snprintf (name, sizeof name, "zseq-bench/%s", one->name);
    zseq_bench_draw_t draw = {
      .uri = self->uri,
      .name = name,
      .batch = one->batch,
    };
    zseq_bench_load_t load = {
      .operation = &zseq_bench_draw,
      .arg = &draw,
      .processes = one->processes,
      .threads = one->threads,
      .stretch = one->batch >= BATCH_STRETCHED ? STRETCH : 1,
      .seconds = slice,
    };
    if (self->cluster)
        load.nodes = zseq_bench_cluster_pids (self->cluster, &load.node_count);
    zseq_bench_sample_t *sample = self->sample;
    if (zseq_bench_load_run (&load, self->family, sample) != 0)
        return -1;

    //  Not one ID in the whole slice: it takes at least that long.
    uint64_t ids = sample->done > 0 ? sample->done : 1;
    rounds->ns_per_id[round] = (double) sample->window_ns / (double) ids;
    rounds->fairness[round] = sample->fairness;
    zseq_bench_histogram_merge (self->waits, &sample->waits);
    row->claims += sample->counts.claims;
    row->conflicts += sample->counts.conflicts;
    row->burnt += sample->counts.burnt;
    row->timeouts += sample->counts.timeouts;
    row->cpu_nodes_s += (double) sample->cpu_nodes_ns / 1e9;
    row->cpu_s +=
      (double) (sample->cpu_nodes_ns + sample->cpu_clients_ns) / 1e9;
    return 0;
}

static double
s_percentile_us (const s_bench_t *self, double percent)
{
    return (double) zseq_bench_histogram_percentile (self->waits, percent) /
           1e3;
}

static void
s_conclude (const s_bench_t *self, const s_case_t *one, s_rounds_t *rounds,
            zseq_bench_row_t *row)
{
    size_t count = self->setting.rounds;
    row->ns_per_id = zseq_bench_median (rounds->ns_per_id, count);
    row->ids_per_s = 1e9 / row->ns_per_id;
    row->p50_us = s_percentile_us (self, 50);
    row->p99_us = s_percentile_us (self, 99);
    row->p999_us = s_percentile_us (self, 99.9);
    row->max_us = (double) self->waits->max / 1e3;
    row->fairness = zseq_bench_median (rounds->fairness, count);
    row->floor = zseq_bench_median (rounds->floor, count) / one->share;
    row->floor_p50_us = zseq_bench_median (rounds->floor_p50_us, count);
    row->ratio = row->ns_per_id / row->floor;
    row->fsync = self->setting.disk;
    snprintf (row->name, sizeof row->name, "%s", one->name);
    const char *floor = zseq_bench_floor_name (one->floor);
    if (one->share > 1)
        snprintf (row->floor_name, sizeof row->floor_name, "%s/%u", floor,
                  one->share);
    else
        snprintf (row->floor_name, sizeof row->floor_name, "%s", floor);
}

//  The floors that no case is held to yet, but every reader wants to know.
static int
s_side_floors (s_bench_t *self)
{
    static const zseq_bench_floor_t floors[] = {
      ZSEQ_BENCH_FLOOR_ECHO_1,   ZSEQ_BENCH_FLOOR_ATOMIC_1,
      ZSEQ_BENCH_FLOOR_ATOMIC_2, ZSEQ_BENCH_FLOOR_RENAME,
      ZSEQ_BENCH_FLOOR_RENAME_N,
    };
    double seconds = fmin (0.2, self->setting.seconds / 5);
    double ns;
    double p50_us;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof floors / sizeof floors[0]; i++)
        rc = zseq_bench_floors_measure (self->floors, floors[i], seconds, &ns,
                                        &p50_us);
    return rc;
}

static int
s_run_case (s_bench_t *self, const s_case_t *one, size_t index, size_t total)
{
    s_rounds_t rounds;
    zseq_bench_row_t *row = &self->rows[self->row_count];
    memset (self->waits, 0, sizeof *self->waits);
    if (s_side_floors (self) != 0)
        return -1;
    for (size_t i = 0; i < self->setting.rounds; i++) {
        if (i == 0 || isatty (STDERR_FILENO))
            s_progress ("case %zu of %zu, %s: round %zu of %zu", index, total,
                        one->name, i + 1, self->setting.rounds);
        if (s_round (self, one, &rounds, i, row) != 0)
            return -1;
    }
    s_conclude (self, one, &rounds, row);
    self->row_count++;
    s_progress_end ();
    zseq_bench_report_row (row, stdout);
    return 0;
}

static int
s_run_cases (s_bench_t *self)
{
    size_t total = s_chosen_count (self->options);
    size_t index = 0;
    zseq_bench_report_head (stdout);
    for (size_t i = 0; i < CASES; i++)
        if (s_chosen (self->options, &s_cases[i]) &&
            s_run_case (self, &s_cases[i], ++index, total) != 0)
            return -1;
    return 0;
}

//  All floors, one after the other, in rounds.
static int
s_run_floors (s_bench_t *self)
{
    double slice = self->setting.seconds / (double) self->setting.rounds;
    for (size_t i = 0; i < self->setting.rounds; i++)
        for (size_t j = 0; j < ZSEQ_BENCH_FLOORS; j++) {
            zseq_bench_floor_t floor = (zseq_bench_floor_t) j;
            double ns;
            double p50_us;
            if (j == 0 || isatty (STDERR_FILENO))
                s_progress ("floors, round %zu of %zu: %s", i + 1,
                            self->setting.rounds,
                            zseq_bench_floor_name (floor));
            if (zseq_bench_floors_measure (self->floors, floor, slice, &ns,
                                           &p50_us) != 0)
                return -1;
        }
    s_progress_end ();
    return 0;
}

//  What a run needs, and its end.

static int
s_remove_one (const char *path, const struct stat *info, int type,
              struct FTW *place)
{
    (void) info;
    (void) type;
    (void) place;
    if (remove (path) != 0)
        zseq_bench_fail ("%s: %s", path, strerror (errno));
    return 0;
}

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

//  The zseqd beside this program, unless another was named.
static int
s_find_zseqd (const s_options_t *options, char *path, size_t path_size)
{
    if (options->zseqd) {
        snprintf (path, path_size, "%s", options->zseqd);
        return 0;
    }
    ssize_t size = readlink ("/proc/self/exe", path, path_size - 1);
    if (size < 0)
        return zseq_bench_fail ("/proc/self/exe: %s", strerror (errno));
    path[size] = '\0';
    char *end = strrchr (path, '/') + 1;
    snprintf (end, path_size - (size_t) (end - path), "zseqd");
    if (access (path, X_OK) != 0)
        return zseq_bench_fail ("%s: %s; name it with --zseqd", path,
                                strerror (errno));
    return 0;
}

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

//  Better told now than after the run.
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

static int
s_start_cluster (s_bench_t *self)
{
    char zseqd[PATH_MAX];
    if (s_find_zseqd (self->options, zseqd, sizeof zseqd) != 0)
        return -1;
    s_progress ("starting %zu nodes in %s", self->options->nodes,
                self->directory);
    self->cluster = zseq_bench_cluster_new (
      self->family, zseqd, self->directory, self->options->nodes);
    if (!self->cluster)
        return -1;
    self->uri = zseq_bench_cluster_uri (self->cluster);
    return 0;
}

static int
s_prepare (s_bench_t *self)
{
    const s_options_t *options = self->options;
    if ((options->plot && s_check_gnuplot () != 0) ||
        s_open_output (options->json, &self->json) != 0 ||
        s_open_output (options->plot, &self->plot) != 0)
        return -1;
    self->sample = zseq_bench_sample_new ();
    self->waits = calloc (1, sizeof *self->waits);
    if (!self->sample || !self->waits)
        return zseq_bench_fail ("out of memory");
    self->family = zseq_bench_family_new ();
    if (!self->family || s_make_directory (self) != 0)
        return -1;

    size_t n = options->nodes;
    size_t w = n / 2 + 1;
    self->uri = options->uri;
    if (!options->floors_only) {
        if (!self->uri && s_start_cluster (self) != 0)
            return -1;
        if (zseq_bench_draw_quorum (self->family, self->uri, &n, &w) != 0)
            return -1;
    }
    self->floors = zseq_bench_floors_new (self->family, n, w, self->directory);
    if (!self->floors)
        return -1;
    s_progress_end ();
    zseq_bench_setting_init (&self->setting, self->directory);
    self->setting.nodes = n;
    self->setting.w = w;
    self->setting.seconds = options->seconds;
    self->setting.rounds = options->quick ? 1 : ROUNDS;
    zseq_bench_report_setting (&self->setting, stdout);
    return 0;
}

static int
s_report (s_bench_t *self)
{
    zseq_bench_report_floors (self->floors, stdout);
    if (self->json &&
        zseq_bench_report_json (&self->setting, self->floors, self->rows,
                                self->row_count, self->json) != 0)
        return -1;
    if (self->plot && zseq_bench_report_plot (self->family, self->rows,
                                              self->row_count, self->plot) != 0)
        return -1;
    if (fflush (stdout) != 0 || ferror (stdout))
        return zseq_bench_fail ("standard output: %s", strerror (errno));
    return 0;
}

static void
s_clear_up (s_bench_t *self)
{
    zseq_bench_floors_destroy (&self->floors);
    zseq_bench_cluster_destroy (&self->cluster);
    zseq_bench_family_destroy (&self->family);
    if (*self->directory)
        nftw (self->directory, s_remove_one, 16, FTW_DEPTH | FTW_PHYS);
    if (self->json)
        fclose (self->json);
    if (self->plot)
        fclose (self->plot);
    free (self->waits);
    free (self->sample);
}

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
        rc = options->floors_only ? s_run_floors (self) : s_run_cases (self);
    if (rc == 0)
        rc = s_report (self);
    s_clear_up (self);
    free (self);
    return rc == 0 ? 0 : EXIT_FAILED;
}

//  The command line.

static void
s_help (void)
{
    printf (
      "Usage: zseq-bench run [OPTION]...    measure cases and their floors\n"
      "       zseq-bench floor [OPTION]...  measure only the floors\n"
      "\n"
      "How fast IDs come from a cluster, and how near that is to what the\n"
      "machine can do. One operation is one ID received. Every case is\n"
      "measured in %d slices, each right after one of its floor: the same\n"
      "work done with the least code. Medians of the slices are told; waits\n"
      "are of all slices, within 0.8%%. Only ratios of one run can be\n"
      "compared with those of another.\n"
      "\n"
      "  --nodes N       start a cluster of N nodes, 1 to 9 (default 3), in\n"
      "                  a temporary directory; all of it ends with the run\n"
      "  --uri URI       or use that cluster; sequences zseq-bench/* stay\n"
      "                  there, and its processor time is not counted\n"
      "  --zseqd PATH    the node's program (default: beside this one)\n"
      "  --dir DIR       where the temporary directory is made (default\n"
      "                  $TMPDIR, or /tmp); should be on a disk\n"
      "  --case PATTERN  only cases that match, as '*processes*'\n"
      "  --seconds S     measure each case, or floor, for so long in all\n"
      "                  (default %g)\n"
      "  --quick         one slice of %g s\n"
      "  --json FILE     write the results as JSON\n"
      "  --plot FILE     write a plot as SVG, with gnuplot\n"
      "  --help          print this\n"
      "\n"
      "floor takes --nodes, --dir, --seconds, --quick and --json.\n"
      "Exit status: 0 done, 1 bad use, 2 failed.\n"
      "\n"
      "Cases, all on one sequence: IDs per claim, and who draws (one client,\n"
      "threads on one handle, competing processes):\n",
      ROUNDS, SECONDS_DEFAULT, SECONDS_QUICK);
    for (size_t i = 0; i < CASES; i++)
        printf ("  %s\n", s_cases[i].name);
}

static int s_use (const char *format, ...)
  __attribute__ ((format (printf, 1, 2)));

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
    OPTION_ZSEQD,
    OPTION_DIR,
    OPTION_CASE,
    OPTION_SECONDS,
    OPTION_QUICK,
    OPTION_JSON,
    OPTION_PLOT,
    OPTION_HELP,
};

static const struct option s_long_options[] = {
  {"uri", required_argument, NULL, OPTION_URI},
  {"nodes", required_argument, NULL, OPTION_NODES},
  {"zseqd", required_argument, NULL, OPTION_ZSEQD},
  {"dir", required_argument, NULL, OPTION_DIR},
  {"case", required_argument, NULL, OPTION_CASE},
  {"seconds", required_argument, NULL, OPTION_SECONDS},
  {"quick", no_argument, NULL, OPTION_QUICK},
  {"json", required_argument, NULL, OPTION_JSON},
  {"plot", required_argument, NULL, OPTION_PLOT},
  {"help", no_argument, NULL, OPTION_HELP},
  {NULL, 0, NULL, 0},
};

static int
s_take_option (s_options_t *options, int option)
{
    double number;
    switch (option) {
    case OPTION_URI:
        options->uri = optarg;
        return 0;
    case OPTION_NODES:
        if (s_number (optarg, "0123456789", 1, ZSEQ_BENCH_NODES_MAX, &number) !=
            0)
            return s_use ("--nodes %s: not a number from 1 to %d", optarg,
                          ZSEQ_BENCH_NODES_MAX);
        options->nodes = (size_t) number;
        return 0;
    case OPTION_ZSEQD:
        options->zseqd = optarg;
        return 0;
    case OPTION_DIR:
        options->base = optarg;
        return 0;
    case OPTION_CASE:
        options->pattern = optarg;
        return 0;
    case OPTION_SECONDS:
        if (s_number (optarg, "0123456789.", 0.1, SECONDS_MAX, &number) != 0)
            return s_use ("--seconds %s: not a number from 0.1 to %d", optarg,
                          SECONDS_MAX);
        options->seconds = number;
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
        //  getopt has said what is wrong.
        return s_use ("bad option");
    }
}

//  What does not go together, and what was left open.
static int
s_settle_options (s_options_t *options)
{
    if (options->floors_only &&
        (options->uri || options->zseqd || options->pattern || options->plot))
        return s_use ("floor takes no --uri, --zseqd, --case or --plot");
    if (options->uri && (options->nodes > 0 || options->zseqd))
        return s_use ("--uri uses a cluster that runs: no --nodes or --zseqd");
    if (options->quick && options->seconds > 0)
        return s_use ("--quick says how long: no --seconds");
    if (!options->floors_only && s_chosen_count (options) == 0)
        return s_use ("--case %s: no such case", options->pattern);
    if (options->nodes == 0)
        options->nodes = 3;
    if (options->seconds <= 0)
        options->seconds = options->quick ? SECONDS_QUICK : SECONDS_DEFAULT;
    if (!options->base)
        options->base = getenv ("TMPDIR");
    if (!options->base || !*options->base)
        options->base = "/tmp";
    return 0;
}

int
main (int argc, char **argv)
{
    s_options_t options = {.floors_only = false};
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
        s_use (optind == argc ? "run or floor?" : "too many arguments");
        return EXIT_USE;
    }
    if (strcmp (argv[optind], "floor") == 0)
        options.floors_only = true;
    else if (strcmp (argv[optind], "run") != 0) {
        s_use ("%s: neither run nor floor", argv[optind]);
        return EXIT_USE;
    }
    if (s_settle_options (&options) != 0)
        return EXIT_USE;
    return s_run (&options);
}
