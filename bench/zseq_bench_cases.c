//  Measures cases. A case is a load (zseq_bench_load) on a cluster that a
//  fixture keeps, in slices, each right after a slice of its floor. A series
//  (zseq_bench_series) collects the slices of a row; at the end their medians
//  become the row of the report. Clusters start when the first case needs them
//  and stay for the next ones. A new kind of case gets a function that measures
//  one slice, and a line in the table of zseq_bench_case.c.

#include "zseq_bench_cases.h"

#include "zseq_bench_cluster_fixture.h"
#include "zseq_bench_draw.h"
#include "zseq_bench_mutex.h"
#include "zseq_bench_series.h"

#include "zseq.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

//  Of a batch of at least so many IDs, most come from the buffer. They are
//  timed in stretches, several IDs at a time. A claim feeds at least four of
//  these.
#define BATCH_STRETCHED 64
#define STRETCH 16

//  First claims in a slice: enough for several groups of a node's store.
#define FRESH_NAMES 20000
#define FRESH_NAMES_QUICK 1000

//  Claims of many names are answered in groups, which takes a while.
#define MANY_NAMES_SLICE 3

//  Starts, recoveries and crowds are long: fewer of them.
#define LONG_ROUNDS_MAX 3

//  A crowd: the IDs of each client in a burst, and how long that may take; and
//  the IDs after which a client is replaced.
#define BURST_IDS 10
#define BURST_S 30
#define RESTART_IDS 20

static const struct {
    const char *folder;
    bool alone;    //  One node
    bool reserve;  //  As the plan says; else none
    const char *transport;
} s_fixtures[ZSEQ_BENCH_FIXTURES] = {
  [ZSEQ_BENCH_ON_MAIN] = {"main", false, true, NULL},
  [ZSEQ_BENCH_ON_PLAIN] = {"plain", false, false, NULL},
  [ZSEQ_BENCH_ON_NAMES] = {"names", false, true, NULL},
  [ZSEQ_BENCH_ON_ONE] = {"one", true, true, NULL},
  [ZSEQ_BENCH_ON_ZMQ] = {"zmq", false, true, "zmq"},
  [ZSEQ_BENCH_ON_NATIVE] = {"native", false, true, "native"},
};

//  Without and with a reservation; over libzmq and natively.
static const zseq_bench_where_t s_pair[2] = {ZSEQ_BENCH_ON_PLAIN,
                                             ZSEQ_BENCH_ON_MAIN};
static const zseq_bench_where_t s_transports[2] = {ZSEQ_BENCH_ON_ZMQ,
                                                   ZSEQ_BENCH_ON_NATIVE};

struct zseq_bench_cases {
    zseq_bench_children_t *children;
    const zseq_bench_plan_t *plan;
    char directory[ZSEQ_BENCH_FIXTURES][PATH_MAX];
    zseq_bench_cluster_fixture_t *fixture[ZSEQ_BENCH_FIXTURES];
    zseq_bench_floors_t *floors;
    zseq_bench_sample_t *sample;    //  Scratch: one slice
    zseq_bench_series_t series[2];  //  Scratch: a case; of a pair, the second
                                    //  is with a reserve, or native
    zseq_bench_row_t *rows;         //  Two for each case at most
    size_t row_count;
};

//  Clusters.

//  Makes a cluster for cases, which starts when a case needs it.
static int
s_new_fixture (zseq_bench_cases_t *self, zseq_bench_where_t where)
{
    const zseq_bench_plan_t *plan = self->plan;
    int size = snprintf (self->directory[where], PATH_MAX, "%s/%s",
                         plan->directory, s_fixtures[where].folder);
    if (size < 0 || size >= PATH_MAX)
        return zseq_bench_fail ("--dir is too long");
    zseq_bench_cluster_options_t options = {
      .zseqd = plan->zseqd,
      .directory = self->directory[where],
      .nodes = s_fixtures[where].alone ? 1 : plan->nodes,
      .reserve_s = s_fixtures[where].reserve ? plan->reserve_s : 0,
      .transport = s_fixtures[where].transport,
    };
    self->fixture[where] =
      zseq_bench_cluster_fixture_new (self->children, &options);
    return self->fixture[where] ? 0 : -1;
}

zseq_bench_cases_t *
zseq_bench_cases_new (zseq_bench_children_t *children,
                      const zseq_bench_plan_t *plan)
{
    assert (children);
    assert (plan);
    assert (plan->setting->rounds <= ZSEQ_BENCH_ROUNDS_MAX);
    zseq_bench_cases_t *self = calloc (1, sizeof *self);
    if (!self) {
        zseq_bench_fail ("out of memory");
        return NULL;
    }
    self->children = children;
    self->plan = plan;
    self->sample = zseq_bench_sample_new ();
    self->rows = calloc (2 * zseq_bench_case_count (), sizeof *self->rows);
    int rc = self->sample && self->rows ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < ZSEQ_BENCH_FIXTURES; i++)
        rc = s_new_fixture (self, (zseq_bench_where_t) i);
    if (rc != 0)
        zseq_bench_cases_destroy (&self);
    return self;
}

void
zseq_bench_cases_destroy (zseq_bench_cases_t **self_p)
{
    assert (self_p);
    zseq_bench_cases_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < ZSEQ_BENCH_FIXTURES; i++)
        zseq_bench_cluster_fixture_destroy (&self->fixture[i]);
    free (self->sample);
    free (self->rows);
    free (self);
    *self_p = NULL;
}

int
zseq_bench_cases_open (zseq_bench_cases_t *self)
{
    assert (self);
    for (size_t i = 0; i < zseq_bench_case_count (); i++)
        if (!self->plan->uri &&
            zseq_bench_case_at (i)->where == ZSEQ_BENCH_ON_MAIN &&
            zseq_bench_case_chosen (i, self->plan))
            return zseq_bench_cluster_fixture_cluster (
                     self->fixture[ZSEQ_BENCH_ON_MAIN])
                     ? 0
                     : -1;
    return 0;
}

//  Measuring.

//  How many slices a case has.
static size_t
s_rounds (const zseq_bench_cases_t *self, const zseq_bench_case_t *one)
{
    bool is_long = one->kind == ZSEQ_BENCH_KIND_START ||
                   one->kind == ZSEQ_BENCH_KIND_COLD ||
                   one->kind == ZSEQ_BENCH_KIND_RECOVER ||
                   zseq_bench_case_is_contention (one);
    size_t rounds = self->plan->setting->rounds;
    return is_long && rounds > LONG_ROUNDS_MAX ? LONG_ROUNDS_MAX : rounds;
}

//  How long a slice is, seconds.
static double
s_slice_s (const zseq_bench_cases_t *self)
{
    const zseq_bench_setting_t *setting = self->plan->setting;
    return setting->seconds / (double) setting->rounds;
}

//  The clients of a case, for a slice.
static zseq_bench_load_t
s_clients (const zseq_bench_cases_t *self, const zseq_bench_case_t *one)
{
    return (zseq_bench_load_t){
      .processes = one->processes,
      .threads = one->threads,
      //  Without a cluster, an ID costs less than reading the clock.
      .stretch = one->batch >= BATCH_STRETCHED || one->scheme ? STRETCH : 1,
      .seconds =
        s_slice_s (self) *
        (one->kind == ZSEQ_BENCH_KIND_MANY_NAMES ? MANY_NAMES_SLICE : 1),
    };
}

//  A slice of a mutex with the clients of the case.
static int
s_mutex (zseq_bench_cases_t *self, const zseq_bench_case_t *one)
{
    zseq_bench_load_t load = s_clients (self, one);
    if (zseq_bench_mutex_run (&load, self->children, self->sample) != 0)
        return -1;
    zseq_bench_series_note_mutex (self->series, self->sample);
    return 0;
}

//  A slice of the operation on a cluster of ours, if it is one.
static int
s_load (zseq_bench_cases_t *self, const zseq_bench_case_t *one,
        const zseq_bench_operation_t *operation, const void *arg,
        zseq_bench_cluster_t *cluster, zseq_bench_series_t *series)
{
    zseq_bench_load_t load = s_clients (self, one);
    load.operation = operation;
    load.arg = arg;
    if (cluster)
        load.nodes = zseq_bench_cluster_pids (cluster, &load.node_count);
    if (zseq_bench_load_run (&load, self->children, self->sample) != 0)
        return -1;
    zseq_bench_series_note_sample (series, self->sample);
    return 0;
}

//  The cluster that a case runs on: another's, or ours.
static int
s_cluster (zseq_bench_cases_t *self, zseq_bench_where_t where,
           zseq_bench_cluster_t **cluster_p, const char **uri_p)
{
    *uri_p = self->plan->uri;
    *cluster_p = NULL;
    if (*uri_p)
        return 0;
    *cluster_p = zseq_bench_cluster_fixture_cluster (self->fixture[where]);
    if (!*cluster_p)
        return -1;
    *uri_p = zseq_bench_cluster_uri (*cluster_p);
    return 0;
}

//  Measures a slice of a case that draws IDs.
static int
s_draw (zseq_bench_cases_t *self, const zseq_bench_case_t *one,
        zseq_bench_where_t where, zseq_bench_series_t *series)
{
    char name[64];
    snprintf (name, sizeof name, "zseq-bench/%s", one->name);
    zseq_bench_draw_t draw = {
      .name = name,
      .batch = one->batch,
      .own = one->kind == ZSEQ_BENCH_KIND_OWN || one->own,
    };
    zseq_bench_cluster_t *cluster;
    if (s_cluster (self, where, &cluster, &draw.uri) != 0)
        return -1;
    char uri[2 * PATH_MAX];
    if (one->scheme) {
        bool file = strcmp (one->scheme, "file:") == 0;
        bool more = file || strcmp (one->scheme, "flake+") == 0;
        snprintf (uri, sizeof uri, "%s%s%s", one->scheme,
                  file   ? self->plan->directory
                  : more ? draw.uri
                         : "",
                  file ? "/file" : "");
        draw.uri = uri;
    }
    else if (s_fixtures[where].transport) {
        snprintf (uri, sizeof uri, "%s?transport=%s", draw.uri,
                  s_fixtures[where].transport);
        draw.uri = uri;
    }
    return s_load (self, one, &zseq_bench_draw, &draw, cluster, series);
}

//  Measures one slice on each of two clusters, in alternating order.
static int
s_draw_pair (zseq_bench_cases_t *self, const zseq_bench_case_t *one,
             size_t round, const zseq_bench_where_t where[2])
{
    for (size_t i = 0; i < 2; i++) {
        size_t which = (round + i) % 2;
        if (s_draw (self, one, where[which], &self->series[which]) != 0)
            return -1;
    }
    return 0;
}

//  Measures one slice with all nodes and one with a node stopped. The node
//  changes each time, because one of them is the coordinator.
static int
s_draw_stopped (zseq_bench_cases_t *self, const zseq_bench_case_t *one,
                size_t round)
{
    zseq_bench_cluster_t *cluster =
      zseq_bench_cluster_fixture_cluster (self->fixture[one->where]);
    if (!cluster || s_draw (self, one, one->where, &self->series[0]) != 0)
        return -1;
    size_t count;
    const pid_t *pids = zseq_bench_cluster_pids (cluster, &count);
    pid_t pid = pids[round % count];
    if (kill (pid, SIGSTOP) != 0)
        return zseq_bench_fail ("node %ld: %s", (long) pid, strerror (errno));
    int rc = s_draw (self, one, one->where, &self->series[1]);
    (void) kill (pid, SIGCONT);
    return rc;
}

//  Measures a slice of a crowd on a name that nobody has used.
static int
s_group (zseq_bench_cases_t *self, const zseq_bench_case_t *one,
         zseq_bench_series_t *series)
{
    bool burst = one->kind == ZSEQ_BENCH_KIND_BURST ||
                 one->kind == ZSEQ_BENCH_KIND_BURST_WARM;
    char name[ZSEQ_NAME_MAX + 1];
    struct timespec now;
    clock_gettime (CLOCK_REALTIME, &now);
    snprintf (name, sizeof name, "zseq-bench/%s/%llx.%lx", one->name,
              (unsigned long long) now.tv_sec, (unsigned long) now.tv_nsec);
    zseq_bench_contention_t contention = {
      .name = name,
      .warm = one->kind == ZSEQ_BENCH_KIND_BURST ? NULL : "zseq-bench/warm",
      .burst = burst ? BURST_IDS : 0,
      .calls_each = one->kind == ZSEQ_BENCH_KIND_RESTART ? RESTART_IDS : 0,
      .processes = one->processes,
      .threads = one->threads,
      .seconds =
        burst ? BURST_S
              : self->plan->setting->seconds / (double) s_rounds (self, one),
    };
    zseq_bench_cluster_t *cluster;
    if (s_cluster (self, one->where, &cluster, &contention.uri) != 0)
        return -1;
    if (cluster)
        contention.nodes =
          zseq_bench_cluster_pids (cluster, &contention.node_count);
    zseq_bench_used_t used;
    if (zseq_bench_contention_run (&contention, self->children, self->sample,
                                   &used) != 0)
        return -1;
    zseq_bench_series_note_sample (series, self->sample);
    zseq_bench_series_note_used (series, &used);
    return 0;
}

//  Measures a slice of first claims.
static int
s_fresh (zseq_bench_cases_t *self, const zseq_bench_case_t *one,
         zseq_bench_series_t *series)
{
    uint64_t count = self->plan->quick ? FRESH_NAMES_QUICK : FRESH_NAMES;
    if (zseq_bench_cluster_fixture_claim_fresh (self->fixture[one->where],
                                                count, self->sample) != 0)
        return -1;
    zseq_bench_series_note_sample (series, self->sample);
    return 0;
}

//  Measures a slice of claims over many names.
static int
s_many_names (zseq_bench_cases_t *self, const zseq_bench_case_t *one,
              zseq_bench_series_t *series)
{
    zseq_bench_cluster_fixture_t *fixture = self->fixture[one->where];
    zseq_bench_cluster_t *cluster =
      zseq_bench_cluster_fixture_cluster (fixture);
    zseq_bench_many_names_t many_names =
      zseq_bench_cluster_fixture_many_names (fixture, one->names);
    return s_load (self, one, &zseq_bench_many_names, &many_names, cluster,
                   series);
}

//  Writes back all dirty pages, and drops the system's cache of files.
static int
s_drop_caches (void)
{
    sync ();
    int file = open ("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
    if (file < 0 || write (file, "3\n", 2) != 2) {
        zseq_bench_fail ("/proc/sys/vm/drop_caches: %s", strerror (errno));
        if (file >= 0)
            close (file);
        return -1;
    }
    return close (file);
}

//  Measures a slice of a start: ends node a, and starts it again.
static int
s_start (zseq_bench_cases_t *self, const zseq_bench_case_t *one,
         zseq_bench_series_t *series)
{
    zseq_bench_cluster_fixture_t *fixture = self->fixture[one->where];
    zseq_bench_cluster_t *cluster =
      zseq_bench_cluster_fixture_cluster (fixture);
    if (one->kind == ZSEQ_BENCH_KIND_RECOVER)
        zseq_bench_cluster_wipe (cluster, 0);
    else
        zseq_bench_cluster_stop (cluster, 0);
    if (one->kind == ZSEQ_BENCH_KIND_COLD && s_drop_caches () != 0)
        return -1;
    //  The processor time of the other nodes, as the node that ended has none.
    uint64_t cpu_ns = zseq_bench_cluster_cpu_ns (cluster);
    uint64_t ns;
    if (zseq_bench_cluster_start (cluster, 0, &ns) != 0)
        return -1;

    double cpu_s =
      (double) (zseq_bench_cluster_cpu_ns (cluster) - cpu_ns) / 1e9;
    double more = (double) zseq_bench_cluster_resident (cluster, 0) -
                  (double) zseq_bench_cluster_fixture_resident (fixture);
    series->resident[series->count] = fmax (more, 0) / (double) one->names;
    series->fairness[series->count] = 1;
    series->cpu_nodes_s += cpu_s;
    series->cpu_s += cpu_s;
    zseq_bench_histogram_record (&series->waits, ns, 1);
    zseq_bench_series_note (series, ns, one->names);
    return 0;
}

//  Measures a slice of a case.
static int
s_measure (zseq_bench_cases_t *self, const zseq_bench_case_t *one, size_t round)
{
    switch (one->kind) {
    case ZSEQ_BENCH_KIND_DRAW:
    case ZSEQ_BENCH_KIND_OWN:
    case ZSEQ_BENCH_KIND_SCHEME:
        return s_draw (self, one, one->where, self->series);
    case ZSEQ_BENCH_KIND_STOPPED:
        return s_draw_stopped (self, one, round);
    case ZSEQ_BENCH_KIND_PAIR:
        return s_draw_pair (self, one, round, s_pair);
    case ZSEQ_BENCH_KIND_TRANSPORT:
        return s_draw_pair (self, one, round, s_transports);
    case ZSEQ_BENCH_KIND_FRESH:
        return s_fresh (self, one, self->series);
    case ZSEQ_BENCH_KIND_MANY_NAMES:
        return s_many_names (self, one, self->series);
    case ZSEQ_BENCH_KIND_BURST:
    case ZSEQ_BENCH_KIND_BURST_WARM:
    case ZSEQ_BENCH_KIND_STEADY:
    case ZSEQ_BENCH_KIND_RESTART:
        return s_group (self, one, self->series);
    default:
        return s_start (self, one, self->series);
    }
}

//  Measures one slice of the case, right after one of its floor.
static int
s_round (zseq_bench_cases_t *self, const zseq_bench_case_t *one, size_t round)
{
    double ns;
    double p50_us;
    if (zseq_bench_floors_measure (self->floors, one->floor,
                                   s_slice_s (self) / 2, &ns, &p50_us) != 0)
        return -1;
    for (size_t i = 0; i < 2; i++) {
        self->series[i].floor[round] = ns;
        self->series[i].floor_p50_us[round] = p50_us;
    }
    if (zseq_bench_case_has_mutex (one) && s_mutex (self, one) != 0)
        return -1;
    return s_measure (self, one, round);
}

//  Measures the floors that no case needs, as a reader wants to know them, too.
static int
s_side_floors (zseq_bench_cases_t *self)
{
    static const zseq_bench_floor_t floors[] = {
      ZSEQ_BENCH_FLOOR_ECHO_1,   ZSEQ_BENCH_FLOOR_ATOMIC_1,
      ZSEQ_BENCH_FLOOR_ATOMIC_2, ZSEQ_BENCH_FLOOR_RENAME,
      ZSEQ_BENCH_FLOOR_RENAME_N,
    };
    double seconds = fmin (0.2, self->plan->setting->seconds / 5);
    double ns;
    double p50_us;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof floors / sizeof floors[0]; i++)
        rc = zseq_bench_floors_measure (self->floors, floors[i], seconds, &ns,
                                        &p50_us);
    return rc;
}

//  Printing.

//  Makes a row of the report from a series.
static zseq_bench_row_t *
s_add_row (zseq_bench_cases_t *self, const zseq_bench_case_t *one,
           const char *suffix, zseq_bench_where_t where,
           zseq_bench_series_t *series)
{
    zseq_bench_row_t *row = &self->rows[self->row_count++];
    zseq_bench_series_row (series, one, suffix, row);
    row->fsync = self->plan->setting->disk;
    row->reserve_s = s_fixtures[where].reserve ? self->plan->reserve_s : 0;
    return row;
}

//  Reports both halves of a pair, without and with a reservation.
static void
s_print_pair (zseq_bench_cases_t *self, const zseq_bench_case_t *one)
{
    zseq_bench_series_t *plain = &self->series[0];
    zseq_bench_series_t *reserve = &self->series[1];
    double times[ZSEQ_BENCH_ROUNDS_MAX];
    for (size_t i = 0; i < plain->count; i++)
        times[i] =
          reserve->claims_per_s[i] / fmax (plain->claims_per_s[i], 1e-9);
    zseq_bench_row_t *row =
      s_add_row (self, one, "/off", ZSEQ_BENCH_ON_PLAIN, plain);
    zseq_bench_spread_t before = row->claims_per_s;
    zseq_bench_report_row (row, stdout);

    row = s_add_row (self, one, "/on", ZSEQ_BENCH_ON_MAIN, reserve);
    row->times = zseq_bench_series_spread (times, plain->count);
    snprintf (row->note, sizeof row->note,
              "claims per second: %.0f (%.0f to %.0f) without, %.0f (%.0f to "
              "%.0f) with a reserve: times %.2f (%.2f to %.2f)",
              before.median, before.lowest, before.highest,
              row->claims_per_s.median, row->claims_per_s.lowest,
              row->claims_per_s.highest, row->times.median, row->times.lowest,
              row->times.highest);
    zseq_bench_report_row (row, stdout);
}

//  Reports a case over both transports.
static void
s_print_transports (zseq_bench_cases_t *self, const zseq_bench_case_t *one)
{
    const zseq_bench_series_t *zmq = &self->series[0];
    const zseq_bench_series_t *native = &self->series[1];
    double times[ZSEQ_BENCH_ROUNDS_MAX];
    for (size_t i = 0; i < zmq->count; i++)
        times[i] = zmq->ns_per_id[i] / fmax (native->ns_per_id[i], 1e-9);
    zseq_bench_row_t *row =
      s_add_row (self, one, "/zmq", ZSEQ_BENCH_ON_ZMQ, &self->series[0]);
    zseq_bench_report_row (row, stdout);
    row =
      s_add_row (self, one, "/native", ZSEQ_BENCH_ON_NATIVE, &self->series[1]);
    row->times = zseq_bench_series_spread (times, zmq->count);
    snprintf (row->note, sizeof row->note,
              "times %.2f (%.2f to %.2f) as many IDs as over libzmq",
              row->times.median, row->times.lowest, row->times.highest);
    zseq_bench_report_row (row, stdout);
}

//  Reports a case with all nodes, and with one stopped.
static void
s_print_stopped (zseq_bench_cases_t *self, const zseq_bench_case_t *one)
{
    zseq_bench_row_t *row =
      s_add_row (self, one, "/all", one->where, &self->series[0]);
    double p50_us = row->p50_us;
    zseq_bench_report_row (row, stdout);
    row = s_add_row (self, one, "/stopped", one->where, &self->series[1]);
    snprintf (row->note, sizeof row->note,
              "p50 with a node stopped: %.2f times that with all",
              row->p50_us / p50_us);
    zseq_bench_report_row (row, stdout);
}

//  Reports a crowd.
static void
s_print_contention (zseq_bench_cases_t *self, const zseq_bench_case_t *one)
{
    zseq_bench_series_t *series = self->series;
    zseq_bench_row_t *row = s_add_row (self, one, "", one->where, series);
    char used[128] = "what the name has used cannot be told";
    if (row->used > 0)
        snprintf (used, sizeof used,
                  "used %.2f times as many of the name, next at most %" PRIu64,
                  row->used, row->next);
    char cut[64] = "";
    if (series->cut > 0)
        snprintf (cut, sizeof cut, ", %zu of %zu ended too early", series->cut,
                  series->count);
    snprintf (row->note, sizeof row->note,
              "%zu clients, slices (%zu) of %.3f s%s: %" PRIu64 " IDs, %s",
              row->clients, series->count, row->window_s, cut, row->ids, used);
    zseq_bench_report_row (row, stdout);
}

//  Reports a case that has one row.
static void
s_print (zseq_bench_cases_t *self, const zseq_bench_case_t *one)
{
    zseq_bench_series_t *series = self->series;
    zseq_bench_row_t *row = s_add_row (self, one, "", one->where, series);
    row->names = one->names;
    if (one->names > 0)
        row->prepare_s =
          zseq_bench_cluster_fixture_prepare_s (self->fixture[one->where]);
    if (one->kind == ZSEQ_BENCH_KIND_MANY_NAMES)
        snprintf (
          row->note, sizeof row->note,
          "%" PRIu64 " names on nodes (%zu), made in %.1f s in all", row->names,
          s_fixtures[one->where].alone ? 1 : self->plan->nodes, row->prepare_s);
    if (one->names > 0 && one->kind != ZSEQ_BENCH_KIND_MANY_NAMES) {
        row->resident = zseq_bench_median (series->resident, series->count);
        snprintf (row->note, sizeof row->note,
                  "%.3f s (%.3f to %.3f) from exec to ready with %" PRIu64
                  " names, of which each keeps %.0f bytes resident",
                  row->ns.median * (double) row->names / 1e9,
                  row->ns.lowest * (double) row->names / 1e9,
                  row->ns.highest * (double) row->names / 1e9, row->names,
                  row->resident);
    }
    if (zseq_bench_case_has_mutex (one))
        snprintf (row->note, sizeof row->note,
                  "as many clients of a mutex: fair %.2f, max %.0f us; that is "
                  "%.2f of its fairness, %.2f times its longest wait",
                  row->mutex_fairness, row->mutex_max_us,
                  row->fairness / fmax (row->mutex_fairness, 1e-9),
                  row->max_us / fmax (row->mutex_max_us, 1e-9));
    zseq_bench_report_row (row, stdout);
}

//  Running.

//  Measures all slices of a case, and reports it; or says why not.
static int
s_run_case (zseq_bench_cases_t *self, const zseq_bench_case_t *one,
            size_t index, size_t total)
{
    if (one->kind == ZSEQ_BENCH_KIND_COLD &&
        access ("/proc/sys/vm/drop_caches", W_OK) != 0) {
        printf ("%s: left out: /proc/sys/vm/drop_caches: %s\n", one->name,
                strerror (errno));
        return 0;
    }
    char text[ZSEQ_BENCH_TEXT_MAX];
    if (zseq_bench_case_is_contention (one) &&
        !zseq_bench_contention_fits (one->processes, one->threads, text)) {
        printf ("%s: left out: %s\n", one->name, text);
        return 0;
    }
    memset (self->series, 0, sizeof self->series);
    if (one->names > 0 && zseq_bench_cluster_fixture_prepare (
                            self->fixture[one->where], one->names) != 0)
        return -1;
    if (s_side_floors (self) != 0)
        return -1;
    size_t rounds = s_rounds (self, one);
    zseq_bench_progress ("case %zu of %zu, %s", index, total, one->name);
    for (size_t i = 0; i < rounds; i++) {
        zseq_bench_progress_line ("case %zu of %zu, %s: round %zu of %zu",
                                  index, total, one->name, i + 1, rounds);
        if (s_round (self, one, i) != 0)
            return -1;
    }
    zseq_bench_progress_end ();
    if (one->kind == ZSEQ_BENCH_KIND_PAIR)
        s_print_pair (self, one);
    else if (one->kind == ZSEQ_BENCH_KIND_TRANSPORT)
        s_print_transports (self, one);
    else if (one->kind == ZSEQ_BENCH_KIND_STOPPED)
        s_print_stopped (self, one);
    else if (zseq_bench_case_is_contention (one))
        s_print_contention (self, one);
    else
        s_print (self, one);
    return 0;
}

int
zseq_bench_cases_run (zseq_bench_cases_t *self, zseq_bench_floors_t *floors)
{
    assert (self);
    assert (floors);
    self->floors = floors;
    size_t total = 0;
    for (size_t i = 0; i < zseq_bench_case_count (); i++)
        total += zseq_bench_case_chosen (i, self->plan);
    size_t index = 0;
    zseq_bench_report_head (stdout);
    for (size_t i = 0; i < zseq_bench_case_count (); i++)
        if (zseq_bench_case_chosen (i, self->plan) &&
            s_run_case (self, zseq_bench_case_at (i), ++index, total) != 0)
            return -1;
    return 0;
}

const zseq_bench_row_t *
zseq_bench_cases_rows (const zseq_bench_cases_t *self, size_t *count_p)
{
    assert (self);
    assert (count_p);
    *count_p = self->row_count;
    return self->rows;
}
