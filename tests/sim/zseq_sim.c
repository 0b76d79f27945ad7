//  zseq-sim: whole clusters and their clients in one process, on virtual time,
//  with all kinds of faults. Every seed is a run of its own (zseq_swarm), and
//  is the same run each time. The program ends with status 1 at the first seed
//  that breaks a promise. It says which promise, and how to repeat the run:
//
//      zseq-sim --seeds 2000 --jobs 2      a range of seeds, in two processes
//      zseq-sim --fresh 500                ... and 500 more from a random seed
//      zseq-sim --trace --seed 17          all that happens in one run
//      zseq-sim --crowd                    runs of zseq_contention instead
//
//  Jobs are forked processes. Each runs its share of the seeds and counts in a
//  mapping that all share. See --help for the rest.

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "zseq.h"
#include "zseq_contention.h"

#define SEEDS_SUITE 2000
#define CONTENTION_SUITE 100
#define JOBS_MAX 64
#define LOOK_US 200000
#define PROGRESS_S 10

static const char s_usage[] =
  "usage: zseq-sim [OPTION]...\n"
  "\n"
  "  --seed S        the first seed (1)\n"
  "  --seeds N       how many (1 with --seed, else 2000, or 100 crowds)\n"
  "  --fresh N       then N more from a random seed, or ZSEQ_TEST_SEED (0)\n"
  "  --long-seeds N  with ZSEQ_LONG set, as many as these, on all cores\n"
  "  --jobs N        processes that share the seeds (1)\n"
  "  --nodes N       nodes of the cluster, 1 to 9 (drawn, 1 to 7)\n"
  "  --seconds S     simulated seconds with faults, in a run that follows no\n"
  "                  schedule (drawn, up to 5)\n"
  "  --keys          runs with a hundred times as many calls for keys, that\n"
  "                  follow no schedule\n"
  "  --crowd         runs of a crowd: up to 500 clients draw IDs from one "
  "name\n"
  "  --clients N     clients of a crowd, 1 to 500 (drawn, 32 to 500)\n"
  "  --trace         print all that happens\n"
  "  --help          this\n";

typedef struct {
    uint64_t first;
    uint64_t count;
} s_range_t;

//  What the jobs report to the process that started them.
typedef struct {
    zseq_swarm_totals_t totals[JOBS_MAX];
    zseq_contention_totals_t contention[JOBS_MAX];
    volatile int failed;  //  A seed has broken a promise
} s_shared_t;

static zseq_swarm_options_t s_options;
static bool s_contention;
static const char *s_program;
static s_shared_t *s_shared;
static char s_failure[256];  //  What to report if the current seed crashes

//  Writes the command that runs a seed again.
static void
s_command (uint64_t seed, char *text, size_t size)
{
    int used = snprintf (text, size, "%s%s --trace --seed %" PRIu64, s_program,
                         s_contention ? " --crowd" : "", seed);
    if (s_options.nodes)
        used += snprintf (text + used, size - (size_t) used, " --nodes %zu",
                          s_options.nodes);
    if (s_options.keys)
        used += snprintf (text + used, size - (size_t) used, " --keys");
    if (s_options.clients)
        used += snprintf (text + used, size - (size_t) used, " --clients %zu",
                          s_options.clients);
    if (s_options.seconds)
        snprintf (text + used, size - (size_t) used, " --seconds %" PRIu64,
                  s_options.seconds);
}

//  Reports the seed that broke a promise, and ends the process.
static void
s_broken (uint64_t seed, const char *text)
{
    char command[160];
    s_command (seed, command, sizeof command);
    //  One write, so that the lines of several jobs do not mix.
    char lines[1024];
    int size =
      snprintf (lines, sizeof lines, "seed %" PRIu64 ": %s\nreplay: %s\n", seed,
                text, command);
    fflush (stdout);
    s_shared->failed = 1;
    if (write (STDOUT_FILENO, lines, (size_t) size) < size)
        _exit (2);
    _exit (1);
}

//  Reports the seed when an assertion of the core has failed, or worse.
static void
s_on_signal (int number)
{
    (void) number;
    s_shared->failed = 1;
    if (write (STDOUT_FILENO, s_failure, strlen (s_failure)) < 0)
        _exit (2);
    _exit (1);
}

static void
s_run (uint64_t seed, unsigned job)
{
    char command[160];
    s_command (seed, command, sizeof command);
    snprintf (s_failure, sizeof s_failure,
              "seed %" PRIu64 ": the program was aborted\nreplay: %s\n", seed,
              command);
    if (s_contention)
        zseq_contention_run (seed, &s_options, &s_shared->contention[job]);
    else
        zseq_swarm_run (seed, &s_options, &s_shared->totals[job]);
}

//  Runs the share of one job: one seed in every jobs.
static void
s_work (const s_range_t *range, unsigned job, unsigned jobs)
{
    for (uint64_t at = job; at < range->count && !s_shared->failed; at += jobs)
        s_run (range->first + at, job);
    fflush (stdout);
}

//  Totals.

static void
s_add (zseq_swarm_totals_t *sum, const zseq_swarm_totals_t *more)
{
    sum->seeds += more->seeds;
    sum->guided += more->guided;
    sum->scenario_steps += more->scenario_steps;
    sum->simulated_us += more->simulated_us;
    sum->steps += more->steps;
    sum->calls += more->calls;
    sum->won += more->won;
    sum->claims += more->claims;
    sum->delegated += more->delegated;
    sum->key_calls += more->key_calls;
    sum->key_done += more->key_done;
    sum->key_unknown += more->key_unknown;
    sum->key_pages += more->key_pages;
    sum->key_watches += more->key_watches;
    sum->key_quiet += more->key_quiet;
    sum->messages += more->messages;
    for (size_t fault = 0; fault < ZSEQ_FAULTS; fault++)
        sum->fault[fault] += more->fault[fault];
}

static void
s_add_kind (zseq_contention_kind_totals_t *sum,
            const zseq_contention_kind_totals_t *more)
{
    sum->runs += more->runs;
    sum->clients += more->clients;
    sum->calls += more->calls;
    sum->ids += more->ids;
    sum->skipped += more->skipped;
    if (sum->skipped_max < more->skipped_max)
        sum->skipped_max = more->skipped_max;
    if (sum->longest_us < more->longest_us)
        sum->longest_us = more->longest_us;
    sum->refused += more->refused;
    sum->coordinators += more->coordinators;
    sum->coordinators_2 += more->coordinators_2;
}

//  Adds up the totals of all jobs' crowds.
static void
s_sum_contention (zseq_contention_totals_t *sum)
{
    memset (sum, 0, sizeof *sum);
    for (size_t job = 0; job < JOBS_MAX; job++) {
        const zseq_contention_totals_t *more = &s_shared->contention[job];
        sum->seeds += more->seeds;
        sum->simulated_us += more->simulated_us;
        sum->steps += more->steps;
        for (size_t kind = 0; kind < ZSEQ_CONTENTION_KINDS; kind++) {
            s_add_kind (&sum->well[kind], &more->well[kind]);
            s_add_kind (&sum->faulty[kind], &more->faulty[kind]);
        }
        sum->late_links += more->late_links;
        sum->pauses += more->pauses;
        sum->kills += more->kills;
        sum->messages += more->messages;
        sum->failed_calls += more->failed_calls;
    }
}

//  Adds up the totals of all jobs.
static void
s_sum (zseq_swarm_totals_t *sum)
{
    memset (sum, 0, sizeof *sum);
    for (size_t job = 0; job < JOBS_MAX; job++)
        s_add (sum, &s_shared->totals[job]);
}

//  Returns the processor time of this process, or of its children, in seconds.
static double
s_cpu_s (int who)
{
    struct rusage usage;
    getrusage (who, &usage);
    return (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

//  Prints the totals of the runs of one kind.
static void
s_report_kind (const char *name, const char *how,
               const zseq_contention_kind_totals_t *kind)
{
    if (!kind->runs)
        return;
    printf ("%s %s: %" PRIu64 " runs, %" PRIu64 " clients, %" PRIu64
            " calls, the longest %.3f s; %" PRIu64 " IDs, %.1f %% skipped, at "
            "most %" PRIu64 " %%; %" PRIu64 " CLAIMs refused; %.2f "
            "coordinators claimed, several in %" PRIu64 " runs\n",
            name, how, kind->runs, kind->clients, kind->calls,
            (double) kind->longest_us / 1e6, kind->ids,
            100 * (double) kind->skipped / (double) kind->ids,
            kind->skipped_max, kind->refused,
            (double) kind->coordinators / (double) kind->runs,
            kind->coordinators_2);
}

//  Prints the totals of crowds.
static void
s_report_contention (void)
{
    zseq_contention_totals_t sum;
    s_sum_contention (&sum);
    double cpu_s = s_cpu_s (RUSAGE_SELF) + s_cpu_s (RUSAGE_CHILDREN);
    printf ("%" PRIu64 " seeds of crowds, %.0f simulated seconds, %" PRIu64
            " steps of nodes, %.1f processor-seconds\n",
            sum.seeds, (double) sum.simulated_us / 1e6, sum.steps, cpu_s);
    for (size_t kind = 0; kind < ZSEQ_CONTENTION_KINDS; kind++) {
        s_report_kind (zseq_contention_names[kind], "without faults",
                       &sum.well[kind]);
        s_report_kind (zseq_contention_names[kind], "with faults",
                       &sum.faulty[kind]);
    }
    printf ("faults: late links %" PRIu64 ", pause %" PRIu64 ", kill %" PRIu64
            ", messages %" PRIu64 "; calls that failed %" PRIu64 "\n",
            sum.late_links, sum.pauses, sum.kills, sum.messages,
            sum.failed_calls);
}

//  Returns how many seeds are done.
static uint64_t
s_seeds_done (void)
{
    uint64_t seeds = 0;
    for (size_t job = 0; job < JOBS_MAX; job++)
        seeds += s_shared->totals[job].seeds + s_shared->contention[job].seeds;
    return seeds;
}

//  Prints the totals.
static void
s_report (void)
{
    zseq_swarm_totals_t sum;
    s_sum (&sum);
    double simulated_s = (double) sum.simulated_us / 1e6;
    double cpu_s = s_cpu_s (RUSAGE_SELF) + s_cpu_s (RUSAGE_CHILDREN);
    printf ("%" PRIu64 " seeds (%" PRIu64 " guided), %.1f simulated hours, "
            "%.0f simulated seconds per processor-second\n",
            sum.seeds, sum.guided, simulated_s / 3600,
            cpu_s > 0 ? simulated_s / cpu_s : 0);
    printf ("%" PRIu64 " calls, of which %" PRIu64 " succeeded, %" PRIu64
            " of them for IDs, coordinators asked %" PRIu64 " times; %" PRIu64
            " steps of nodes\n",
            sum.calls, sum.won, sum.claims, sum.delegated, sum.steps);
    printf ("%" PRIu64 " calls for keys, of which %" PRIu64
            " had an answer, and %" PRIu64 " writes ended unknown; %" PRIu64
            " pages of listings, %" PRIu64 " watches, %" PRIu64
            " of them without news\n",
            sum.key_calls, sum.key_done, sum.key_unknown, sum.key_pages,
            sum.key_watches, sum.key_quiet);
    printf ("faults, beside %" PRIu64 " steps of schedules: messages %" PRIu64,
            sum.scenario_steps, sum.messages);
    for (size_t fault = 0; fault < ZSEQ_FAULTS; fault++)
        printf (", %s %" PRIu64, zseq_fault_names[fault], sum.fault[fault]);
    putchar ('\n');
}

//  Jobs.

//  Prints at intervals how many seeds are done.
static void
s_progress (uint64_t done, uint64_t count, time_t began)
{
    time_t passed = time (NULL) - began;
    static time_t printed;
    bool terminal = isatty (STDERR_FILENO);
    if (passed < 2 || (!terminal && passed < printed + PROGRESS_S))
        return;
    printed = passed;
    fprintf (stderr, "%s%" PRIu64 " of %" PRIu64 " seeds, %ld s%s",
             terminal ? "\r" : "", done, count, (long) passed,
             terminal ? "" : "\n");
}

//  Runs the seeds of a range in several processes. Returns whether all
//  succeeded.
static bool
s_share_out (const s_range_t *range, unsigned jobs)
{
    uint64_t before = s_seeds_done ();
    time_t began = time (NULL);
    fflush (stdout);
    unsigned running = 0;
    bool well = true;
    for (unsigned job = 0; job < jobs; job++) {
        pid_t pid = fork ();
        if (pid == 0) {
            //  A job ends with the process that started it.
            prctl (PR_SET_PDEATHSIG, SIGTERM);
            s_work (range, job, jobs);
            _exit (0);
        }
        if (pid < 0) {
            fprintf (stderr, "zseq-sim: fork: %s\n", strerror (errno));
            s_shared->failed = 1;
            well = false;
            break;
        }
        running++;
    }
    while (running) {
        int status;
        if (waitpid (-1, &status, WNOHANG) > 0) {
            well = well && WIFEXITED (status) && WEXITSTATUS (status) == 0;
            running--;
            continue;
        }
        s_progress (s_seeds_done () - before, range->count, began);
        usleep (LOOK_US / 10);
    }
    if (isatty (STDERR_FILENO))
        fputs ("\r\033[K", stderr);
    return well;
}

//  Runs a range of seeds. Returns whether all kept the promises.
static bool
s_run_range (const s_range_t *range, unsigned jobs)
{
    printf ("seeds %" PRIu64 " to %" PRIu64 "\n", range->first,
            range->first + range->count - 1);
    if (!s_options.trace && range->count > 1)
        return s_share_out (range, jobs);
    s_work (range, 0, 1);
    return true;
}

//  Options.

//  Reads a number. Ends the program if the text is no number.
static uint64_t
s_number (const char *option, const char *text, uint64_t min, uint64_t max)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull (text, &end, 10);
    if (errno || !*text || *text == '-' || *end || value < min || value > max) {
        fprintf (stderr,
                 "zseq-sim: %s: '%s' is not a number from %" PRIu64
                 " to %" PRIu64 "\n",
                 option, text, min, max);
        exit (2);
    }
    return value;
}

//  Returns a random seed, or the seed that ZSEQ_TEST_SEED names.
static uint64_t
s_fresh_seed (void)
{
    const char *text = getenv ("ZSEQ_TEST_SEED");
    if (text)
        return s_number ("ZSEQ_TEST_SEED", text, 1, UINT64_MAX / 2);
    uint64_t seed;
    if (getrandom (&seed, sizeof seed, 0) != sizeof seed) {
        fprintf (stderr, "zseq-sim: getrandom: %s\n", strerror (errno));
        exit (2);
    }
    //  Short enough to type.
    return 1 + seed % 1000000000000;
}

typedef struct {
    s_range_t range;
    uint64_t fresh;
    uint64_t seeds_long;
    unsigned jobs;
} s_task_t;

static const struct option s_long_options[] = {
  {"seed", required_argument, NULL, 's'},
  {"seeds", required_argument, NULL, 'c'},
  {"fresh", required_argument, NULL, 'f'},
  {"long-seeds", required_argument, NULL, 'l'},
  {"jobs", required_argument, NULL, 'j'},
  {"nodes", required_argument, NULL, 'n'},
  {"seconds", required_argument, NULL, 'd'},
  {"keys", no_argument, NULL, 'y'},
  {"crowd", no_argument, NULL, 'w'},
  {"clients", required_argument, NULL, 'k'},
  {"trace", no_argument, NULL, 't'},
  {"help", no_argument, NULL, 'h'},
  {NULL, 0, NULL, 0}};

//  Takes optarg as the value of that option. Exits on --help and bad use.
static void
s_take_option (s_task_t *task, int option, const char *name)
{
    switch (option) {
    case 's':
        task->range.first = s_number (name, optarg, 0, UINT64_MAX / 2);
        task->range.count = task->range.count ? task->range.count : 1;
        break;
    case 'c':
        task->range.count = s_number (name, optarg, 1, UINT64_MAX / 2);
        break;
    case 'f':
        task->fresh = s_number (name, optarg, 0, UINT64_MAX / 4);
        break;
    case 'l':
        task->seeds_long = s_number (name, optarg, 1, UINT64_MAX / 2);
        break;
    case 'j':
        task->jobs = (unsigned) s_number (name, optarg, 1, JOBS_MAX);
        break;
    case 'n':
        s_options.nodes = (size_t) s_number (name, optarg, 1, ZSEQ_NODES_MAX);
        break;
    case 'd':
        s_options.seconds = s_number (name, optarg, 1, 86400);
        break;
    case 'y':
        s_options.keys = true;
        break;
    case 'w':
        s_contention = true;
        break;
    case 'k':
        s_options.clients = (size_t) s_number (name, optarg, 1, 500);
        break;
    case 't':
        s_options.trace = true;
        break;
    case 'h':
        fputs (s_usage, stdout);
        exit (0);
    default:
        fputs (s_usage, stderr);
        exit (2);
    }
}

static void
s_parse (int argc, char **argv, s_task_t *task)
{
    int option;
    int index = 0;
    while ((option = getopt_long (argc, argv, "", s_long_options, &index)) !=
           -1) {
        char name[32];
        snprintf (name, sizeof name, "--%s", s_long_options[index].name);
        s_take_option (task, option, name);
    }
    if (optind < argc) {
        fprintf (stderr, "zseq-sim: unexpected '%s'\n%s", argv[optind],
                 s_usage);
        exit (2);
    }
}

//  Runs the seeds of --long-seeds on all cores.
static void
s_go_long (s_task_t *task)
{
    long cores = sysconf (_SC_NPROCESSORS_ONLN);
    task->range.count = task->seeds_long;
    task->jobs = cores < 1 ? 1 : cores > JOBS_MAX ? JOBS_MAX : (unsigned) cores;
}

int
main (int argc, char **argv)
{
    s_task_t task = {.range = {1, 0}, .jobs = 1};
    s_program = argv[0];
    s_options.broken = s_broken;
    s_parse (argc, argv, &task);
    if (!task.range.count)
        task.range.count = s_contention ? CONTENTION_SUITE : SEEDS_SUITE;
    if (task.seeds_long && getenv ("ZSEQ_LONG"))
        s_go_long (&task);

    s_shared = mmap (NULL, sizeof *s_shared, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (s_shared == MAP_FAILED) {
        fprintf (stderr, "zseq-sim: mmap: %s\n", strerror (errno));
        return 2;
    }
    signal (SIGABRT, s_on_signal);
    signal (SIGSEGV, s_on_signal);
    signal (SIGFPE, s_on_signal);

    if (!s_run_range (&task.range, task.jobs))
        return 1;
    if (task.fresh) {
        s_range_t fresh = {s_fresh_seed (), task.fresh};
        if (!s_run_range (&fresh, task.jobs))
            return 1;
    }
    if (s_contention)
        s_report_contention ();
    else
        s_report ();
    return 0;
}
