//  Both clusters run all the time; the one that is not measured idles. Of each
//  case, a slice of zseq is followed by one of etcd, so that what else the
//  machine does falls on both.

#include "zseq_bench_kv.h"

#include "zseq_bench_etcd.h"
#include "zseq_bench_series.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

//  As the library's.
#define TIMEOUT_MS 5000
//  Of a kill: a call that a node has taken to its grave is given up early. The
//  window has room for an election of etcd.
#define KILL_TIMEOUT_MS 1000
#define KILL_S 6.0
#define KILL_ROUNDS 3
#define KILL_NODES_MIN 3
//  Of a cas that many compete for, at least: a client may wait for seconds.
#define CAS_S 2.0

//  Cases of so many requests have fewer slices, as they take long.
#define REQUESTS_MANY 10000
#define ROUNDS_MANY 1

#define ROWS_MAX 256

//  What the slices of a case on one side found.
typedef struct {
    size_t count;
    double rate[ZSEQ_BENCH_ROUNDS_MAX];
    double gap_ms[ZSEQ_BENCH_ROUNDS_MAX];
    double window_s[ZSEQ_BENCH_ROUNDS_MAX];
    double fairness[ZSEQ_BENCH_ROUNDS_MAX];
    zseq_bench_kv_sample_t sum;  //  But for the gap
} s_series_t;

struct zseq_bench_kv {
    zseq_bench_children_t *children;
    zseq_bench_kv_plan_t plan;
    zseq_bench_cluster_t *cluster;  //  NULL: somebody else's
    zseq_bench_etcd_t *etcd;        //  NULL: there is no peer
    char directory[2][PATH_MAX];    //  Of the two
    size_t filled;                  //  Size of the values that all keys have
    size_t victim;                  //  The next node to kill
    zseq_bench_kv_sample_t *sample;
    s_series_t *series;  //  Of each side
    zseq_bench_kv_row_t rows[ROWS_MAX];
    size_t row_count;
};

static bool
s_is_chosen (const zseq_bench_kv_case_t *one, const char *pattern, bool own)
{
    return zseq_bench_kv_case_chosen (one, pattern) && (own || !one->kill);
}

size_t
zseq_bench_kv_chosen_count (const char *pattern, bool own)
{
    size_t count = 0;
    for (size_t i = 0; i < zseq_bench_kv_case_count (); i++) {
        zseq_bench_kv_case_t one = zseq_bench_kv_case_at (i);
        count += s_is_chosen (&one, pattern, own);
    }
    return count;
}

//  Makes a directory of the run's.
static int
s_make_directory (const zseq_bench_kv_plan_t *plan, const char *name,
                  char *path)
{
    int size = snprintf (path, PATH_MAX, "%s/%s", plan->directory, name);
    assert (size > 0 && size < PATH_MAX);
    if (mkdir (path, 0700) != 0)
        return zseq_bench_fail ("%s: %s", path, strerror (errno));
    return 0;
}

static int
s_start_cluster (zseq_bench_kv_t *self)
{
    if (s_make_directory (&self->plan, "zseq", self->directory[0]) != 0)
        return -1;
    zseq_bench_cluster_options_t options = {
      .zseqd = self->plan.zseqd,
      .directory = self->directory[0],
      .nodes = self->plan.nodes,
    };
    self->cluster = zseq_bench_cluster_new (self->children, &options);
    return self->cluster ? 0 : -1;
}

static int
s_start_etcd (zseq_bench_kv_t *self)
{
    if (zseq_bench_etcd_check (self->plan.loader) != 0 ||
        s_make_directory (&self->plan, "etcd", self->directory[1]) != 0)
        return -1;
    zseq_bench_etcd_options_t options = {
      .loader = self->plan.loader,
      .directory = self->directory[1],
      .nodes = self->plan.nodes,
      .leader = self->plan.leader,
    };
    self->etcd = zseq_bench_etcd_new (self->children, &options);
    return self->etcd ? 0 : -1;
}

zseq_bench_kv_t *
zseq_bench_kv_new (zseq_bench_children_t *children,
                   const zseq_bench_kv_plan_t *plan)
{
    assert (children);
    assert (plan);
    assert (plan->rounds >= 1);
    assert (plan->rounds <= ZSEQ_BENCH_ROUNDS_MAX);
    zseq_bench_kv_t *self = calloc (1, sizeof *self);
    if (!self) {
        zseq_bench_fail ("out of memory");
        return NULL;
    }
    self->children = children;
    self->plan = *plan;
    self->sample = calloc (1, sizeof *self->sample);
    self->series = calloc (ZSEQ_BENCH_KV_SIDES, sizeof *self->series);
    int rc = 0;
    if (!self->sample || !self->series)
        rc = zseq_bench_fail ("out of memory");
    if (rc == 0 && plan->loader)
        rc = s_start_etcd (self);
    if (rc == 0 && !plan->uri)
        rc = s_start_cluster (self);
    if (rc != 0)
        zseq_bench_kv_destroy (&self);
    return self;
}

void
zseq_bench_kv_destroy (zseq_bench_kv_t **self_p)
{
    assert (self_p);
    zseq_bench_kv_t *self = *self_p;
    if (!self)
        return;
    zseq_bench_cluster_destroy (&self->cluster);
    zseq_bench_etcd_destroy (&self->etcd);
    free (self->sample);
    free (self->series);
    free (self);
    *self_p = NULL;
}

//  Slices.

//  Kills a node of zseq, in the middle of a window.
static void
s_kill (void *arg)
{
    zseq_bench_kv_t *self = arg;
    zseq_bench_cluster_kill (self->cluster, self->victim);
}

//  The length of a slice.
static double
s_seconds (const zseq_bench_kv_t *self, const zseq_bench_kv_case_t *one,
           size_t rounds)
{
    double seconds = self->plan.seconds / (double) rounds;
    if (one->kill)
        return KILL_S;
    if (one->op == ZSEQ_BENCH_KV_CAS && one->clients > 1 && seconds < CAS_S)
        return CAS_S;
    return seconds;
}

static zseq_bench_kv_load_t
s_load (zseq_bench_kv_t *self, const zseq_bench_kv_case_t *one, size_t rounds)
{
    zseq_bench_kv_load_t load = {
      .uri = self->plan.uri,
      .one = one,
      .seconds = s_seconds (self, one, rounds),
      .timeout_ms = one->kill ? KILL_TIMEOUT_MS : TIMEOUT_MS,
    };
    if (!self->cluster)
        return load;
    load.uri = zseq_bench_cluster_uri (self->cluster);
    if (one->kill) {
        load.midway = s_kill;
        load.midway_arg = self;
    }
    else
        load.nodes = zseq_bench_cluster_pids (self->cluster, &load.node_count);
    return load;
}

//  Runs a slice of zseq. A node that was killed starts again.
static int
s_run_zseq (zseq_bench_kv_t *self, const zseq_bench_kv_load_t *load)
{
    uint64_t ns;
    if (zseq_bench_kv_load_run (load, self->children, self->sample) != 0)
        return -1;
    if (!load->midway)
        return 0;
    size_t victim = self->victim;
    self->victim = (victim + 1) % self->plan.nodes;
    return zseq_bench_cluster_start (self->cluster, victim, &ns);
}

static int
s_run_side (zseq_bench_kv_t *self, const zseq_bench_kv_load_t *load,
            zseq_bench_kv_side_t side)
{
    switch (side) {
    case ZSEQ_BENCH_KV_ZSEQ:
        return s_run_zseq (self, load);
    case ZSEQ_BENCH_KV_ETCD_FOLLOWER:
        return zseq_bench_etcd_run (self->etcd, load, ZSEQ_BENCH_ETCD_FOLLOWER,
                                    self->sample);
    case ZSEQ_BENCH_KV_ETCD_LEADER:
        return zseq_bench_etcd_run (self->etcd, load, ZSEQ_BENCH_ETCD_LEADER,
                                    self->sample);
    case ZSEQ_BENCH_KV_ETCD:
    default:
        return zseq_bench_etcd_run (self->etcd, load, ZSEQ_BENCH_ETCD_NOBODY,
                                    self->sample);
    }
}

//  Whether a case is measured on a side.
static bool
s_has_side (const zseq_bench_kv_t *self, const zseq_bench_kv_case_t *one,
            zseq_bench_kv_side_t side)
{
    if (side == ZSEQ_BENCH_KV_ZSEQ)
        return true;
    return self->etcd && one->kill == (side != ZSEQ_BENCH_KV_ETCD);
}

static void
s_note (s_series_t *series, const zseq_bench_kv_sample_t *sample)
{
    const zseq_bench_sample_t *load = &sample->load;
    double window_s = (double) load->window_ns / 1e9;
    size_t index = series->count++;
    series->rate[index] = (double) load->done / window_s;
    series->gap_ms[index] = (double) sample->gap_ns / 1e6;
    series->window_s[index] = window_s;
    series->fairness[index] = load->fairness;
    zseq_bench_sample_t *sum = &series->sum.load;
    zseq_bench_histogram_merge (&sum->waits, &load->waits);
    zseq_bench_counts_add (&sum->counts, &load->counts);
    sum->done += load->done;
    sum->cpu_clients_ns += load->cpu_clients_ns;
    sum->cpu_nodes_ns += load->cpu_nodes_ns;
}

static double
s_percentile_us (const s_series_t *series, double percent)
{
    return (double) zseq_bench_histogram_percentile (&series->sum.load.waits,
                                                     percent) /
           1e3;
}

//  Makes the row of a case on a side.
static void
s_add_row (zseq_bench_kv_t *self, const zseq_bench_kv_case_t *one,
           zseq_bench_kv_side_t side)
{
    s_series_t *series = &self->series[side];
    const zseq_bench_sample_t *sum = &series->sum.load;
    double done = sum->done > 0 ? (double) sum->done : 1;
    assert (self->row_count < ROWS_MAX);
    self->rows[self->row_count++] = (zseq_bench_kv_row_t){
      .one = *one,
      .side = side,
      .slices = series->count,
      .rate = zseq_bench_series_spread (series->rate, series->count),
      .window_s = zseq_bench_median (series->window_s, series->count),
      .p50_us = s_percentile_us (series, 50),
      .p99_us = s_percentile_us (series, 99),
      .p999_us = s_percentile_us (series, 99.9),
      .max_us = (double) sum->waits.max / 1e3,
      .gap_ms = zseq_bench_series_spread (series->gap_ms, series->count),
      .fairness = zseq_bench_median (series->fairness, series->count),
      .done = sum->done,
      .counts = sum->counts,
      .cpu_nodes_us = (double) sum->cpu_nodes_ns / done / 1e3,
      .cpu_clients_us = (double) sum->cpu_clients_ns / done / 1e3,
    };
}

//  Makes the rows of a case, and prints them.
static void
s_print (zseq_bench_kv_t *self, const zseq_bench_kv_case_t *one)
{
    size_t first = self->row_count;
    for (int i = 0; i < ZSEQ_BENCH_KV_SIDES; i++)
        if (s_has_side (self, one, (zseq_bench_kv_side_t) i))
            s_add_row (self, one, (zseq_bench_kv_side_t) i);
    const zseq_bench_spread_t *etcd = &self->rows[first + 1].rate;
    zseq_bench_kv_row_t *row = &self->rows[first];
    if (self->row_count == first + 2 && etcd->lowest > 0)
        row->ratio = (zseq_bench_spread_t){
          .median = row->rate.median / etcd->median,
          .lowest = row->rate.lowest / etcd->highest,
          .highest = row->rate.highest / etcd->lowest,
        };
    zseq_bench_progress_end ();
    for (size_t i = first; i < self->row_count; i++)
        zseq_bench_kv_report_row (&self->rows[i], stdout);
}

//  Stores the keys of a case, unless the case before has.
static int
s_fill (zseq_bench_kv_t *self, const zseq_bench_kv_load_t *load)
{
    zseq_bench_kv_case_t all = *load->one;
    all.keys = ZSEQ_BENCH_KV_KEYS;
    zseq_bench_kv_load_t filling = *load;
    filling.one = &all;
    filling.timeout_ms = TIMEOUT_MS;
    if (self->filled == all.size)
        return 0;
    if (zseq_bench_kv_load_fill (&filling, self->children) != 0 ||
        (self->etcd && zseq_bench_etcd_fill (self->etcd, &filling) != 0))
        return -1;
    self->filled = all.size;
    return 0;
}

static size_t
s_rounds (const zseq_bench_kv_t *self, const zseq_bench_kv_case_t *one)
{
    size_t rounds = self->plan.rounds;
    if (one->kill && rounds > KILL_ROUNDS)
        return KILL_ROUNDS;
    return one->requests > REQUESTS_MANY ? ROUNDS_MANY : rounds;
}

static int
s_run_case (zseq_bench_kv_t *self, const zseq_bench_kv_case_t *one)
{
    if (one->kill && self->plan.nodes < KILL_NODES_MIN) {
        printf ("%s: left out: two nodes have to go on\n", one->name);
        return 0;
    }
    size_t rounds = s_rounds (self, one);
    zseq_bench_kv_load_t load = s_load (self, one, rounds);
    if (s_fill (self, &load) != 0)
        return -1;
    memset (self->series, 0, ZSEQ_BENCH_KV_SIDES * sizeof *self->series);
    for (size_t i = 0; i < rounds; i++)
        for (int j = 0; j < ZSEQ_BENCH_KV_SIDES; j++) {
            zseq_bench_kv_side_t side = (zseq_bench_kv_side_t) j;
            if (!s_has_side (self, one, side))
                continue;
            zseq_bench_progress_line ("%s: round %zu of %zu", one->name, i + 1,
                                      rounds);
            if (s_run_side (self, &load, side) != 0)
                return -1;
            s_note (&self->series[side], self->sample);
        }
    s_print (self, one);
    return 0;
}

int
zseq_bench_kv_run (zseq_bench_kv_t *self)
{
    assert (self);
    zseq_bench_kv_report_head (zseq_bench_kv_etcd (self), self->plan.leader,
                               stdout);
    for (size_t i = 0; i < zseq_bench_kv_case_count (); i++) {
        zseq_bench_kv_case_t one = zseq_bench_kv_case_at (i);
        if (s_is_chosen (&one, self->plan.pattern, !self->plan.uri) &&
            s_run_case (self, &one) != 0)
            return -1;
    }
    return 0;
}

const zseq_bench_kv_row_t *
zseq_bench_kv_rows (const zseq_bench_kv_t *self, size_t *count_p)
{
    assert (self);
    assert (count_p);
    *count_p = self->row_count;
    return self->rows;
}

const char *
zseq_bench_kv_etcd (const zseq_bench_kv_t *self)
{
    assert (self);
    return self->etcd ? zseq_bench_etcd_version (self->etcd) : NULL;
}
