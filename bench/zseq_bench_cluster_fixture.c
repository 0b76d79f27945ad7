//  Clusters that several cases share. Their names are made once.

#include "zseq_bench_cluster_fixture.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

//  Processes that claim new names. Together they have as many claims in flight
//  as a node's store writes in one group.
#define FILLERS 8

//  Claims in flight for random names: many, but still several groups.
#define CLAIMS 256

#define NAMES_PREFIX "zseq-bench/names/"
#define FRESH_PREFIX "zseq-bench/fresh/"
#define PROGRESS_NS 200000000u

//  A process that claims new names.
typedef struct {
    zseq_bench_many_names_t many_names;
    zseq_bench_histogram_t waits;
    zseq_bench_counts_t counts;
    uint64_t cpu_ns;
} s_filler_t;

//  Shared by these processes.
typedef struct {
    _Atomic uint64_t begun;  //  Names that were taken, by number
    s_filler_t filler[FILLERS];
    uint64_t next[ZSEQ_BENCH_FIXTURE_NAMES_MAX];
} s_shared_t;

struct zseq_bench_cluster_fixture {
    zseq_bench_children_t *children;
    zseq_bench_cluster_options_t options;
    zseq_bench_cluster_t *cluster;  //  NULL: not started yet
    s_shared_t *shared;
    uint64_t names;
    uint64_t fresh;  //  Names of the other kind so far
    double prepare_s;
    uint64_t resident;
};

zseq_bench_cluster_fixture_t *
zseq_bench_cluster_fixture_new (zseq_bench_children_t *children,
                                const zseq_bench_cluster_options_t *options)
{
    assert (children);
    assert (options);
    zseq_bench_cluster_fixture_t *self = calloc (1, sizeof *self);
    if (self) {
        self->children = children;
        self->options = *options;
        self->shared = mmap (NULL, sizeof *self->shared, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    }
    if (!self || self->shared == MAP_FAILED) {
        zseq_bench_fail ("out of memory");
        free (self);
        return NULL;
    }
    for (size_t i = 0; i < ZSEQ_BENCH_FIXTURE_NAMES_MAX; i++)
        self->shared->next[i] = 1;
    return self;
}

void
zseq_bench_cluster_fixture_destroy (zseq_bench_cluster_fixture_t **self_p)
{
    assert (self_p);
    zseq_bench_cluster_fixture_t *self = *self_p;
    if (!self)
        return;
    zseq_bench_cluster_destroy (&self->cluster);
    munmap (self->shared, sizeof *self->shared);
    free (self);
    *self_p = NULL;
}

zseq_bench_cluster_t *
zseq_bench_cluster_fixture_cluster (zseq_bench_cluster_fixture_t *self)
{
    assert (self);
    if (self->cluster)
        return self->cluster;
    const char *directory = self->options.directory;
    zseq_bench_progress ("starting nodes (%zu) in %s", self->options.nodes,
                         directory);
    if (mkdir (directory, 0700) != 0) {
        zseq_bench_fail ("%s: %s", directory, strerror (errno));
        return NULL;
    }
    self->cluster = zseq_bench_cluster_new (self->children, &self->options);
    if (self->cluster)
        self->resident = zseq_bench_cluster_resident (self->cluster, 0);
    return self->cluster;
}

zseq_bench_many_names_t
zseq_bench_cluster_fixture_many_names (zseq_bench_cluster_fixture_t *self,
                                       uint64_t count)
{
    assert (self);
    assert (self->cluster);
    assert (count >= 1);
    assert (count <= self->names);
    return (zseq_bench_many_names_t){
      .uri = zseq_bench_cluster_uri (self->cluster),
      .prefix = NAMES_PREFIX,
      .claims = CLAIMS,
      .limit = count,
      .next = self->shared->next,
    };
}

//  Runs a filler, in a child.
static int
s_filler_run (void *arg)
{
    s_filler_t *self = arg;
    char text[ZSEQ_BENCH_TEXT_MAX] = "";
    if (zseq_bench_many_names_fill (&self->many_names, &self->waits,
                                    &self->counts, text) != 0) {
        zseq_bench_fail ("%s", text);
        return 1;
    }
    self->cpu_ns = zseq_bench_process_cpu_ns (getpid ());
    return 0;
}

//  Waits for the end of a filler, without a limit.
static int
s_await_filler (zseq_bench_cluster_fixture_t *self, pid_t pid, uint64_t limit)
{
    int status;
    while (!zseq_bench_children_ended (self->children, pid, &status)) {
        uint64_t begun = atomic_load (&self->shared->begun);
        zseq_bench_progress_line ("making names: %" PRIu64 " of %" PRIu64,
                                  begun < limit ? begun : limit, limit);
        if (zseq_bench_children_wait (self->children,
                                      zseq_bench_now_ns () + PROGRESS_NS) != 0)
            return -1;
    }
    return zseq_bench_children_finish (self->children, pid);
}

//  Runs the fillers, for the names from that number up to many_names.limit.
static int
s_run_fillers (zseq_bench_cluster_fixture_t *self,
               zseq_bench_many_names_t *many_names, uint64_t number)
{
    s_filler_t *filler = self->shared->filler;
    pid_t pid[FILLERS];
    atomic_store (&self->shared->begun, number);
    many_names->uri = zseq_bench_cluster_uri (self->cluster);
    many_names->claims = ZSEQ_BENCH_MANY_NAMES_MAX;
    many_names->fresh = &self->shared->begun;
    for (size_t i = 0; i < FILLERS; i++) {
        memset (&filler[i], 0, sizeof filler[i]);
        filler[i].many_names = *many_names;
        pid[i] = zseq_bench_children_fork (self->children, "who makes names",
                                           s_filler_run, &filler[i]);
        if (pid[i] < 0)
            return -1;
    }
    for (size_t i = 0; i < FILLERS; i++)
        if (s_await_filler (self, pid[i], many_names->limit) != 0)
            return -1;
    return 0;
}

int
zseq_bench_cluster_fixture_prepare (zseq_bench_cluster_fixture_t *self,
                                    uint64_t count)
{
    assert (self);
    assert (count <= ZSEQ_BENCH_FIXTURE_NAMES_MAX);
    if (!zseq_bench_cluster_fixture_cluster (self))
        return -1;
    if (count <= self->names)
        return 0;
    zseq_bench_progress ("making names: %" PRIu64 " in all", count);
    zseq_bench_many_names_t many_names = {
      .prefix = NAMES_PREFIX,
      .limit = count,
      .next = self->shared->next,
    };
    uint64_t start_ns = zseq_bench_now_ns ();
    if (s_run_fillers (self, &many_names, self->names) != 0)
        return -1;
    self->prepare_s += (double) (zseq_bench_now_ns () - start_ns) / 1e9;
    self->names = count;
    zseq_bench_progress_end ();
    return 0;
}

int
zseq_bench_cluster_fixture_claim_fresh (zseq_bench_cluster_fixture_t *self,
                                        uint64_t count,
                                        zseq_bench_sample_t *sample)
{
    assert (self);
    assert (self->cluster);
    assert (count >= 1);
    assert (sample);
    zseq_bench_many_names_t many_names = {
      .prefix = FRESH_PREFIX,
      .limit = self->fresh + count,
    };
    memset (sample, 0, sizeof *sample);
    uint64_t cpu_ns = zseq_bench_cluster_cpu_ns (self->cluster);
    uint64_t start_ns = zseq_bench_now_ns ();
    if (s_run_fillers (self, &many_names, self->fresh) != 0)
        return -1;
    self->fresh += count;
    sample->window_ns = zseq_bench_now_ns () - start_ns;
    sample->cpu_nodes_ns = zseq_bench_cluster_cpu_ns (self->cluster) - cpu_ns;
    sample->done = count;
    sample->fairness = 1;
    for (size_t i = 0; i < FILLERS; i++) {
        const s_filler_t *filler = &self->shared->filler[i];
        zseq_bench_histogram_merge (&sample->waits, &filler->waits);
        zseq_bench_counts_add (&sample->counts, &filler->counts);
        sample->cpu_clients_ns += filler->cpu_ns;
    }
    return 0;
}

uint64_t
zseq_bench_cluster_fixture_names (const zseq_bench_cluster_fixture_t *self)
{
    assert (self);
    return self->names;
}

double
zseq_bench_cluster_fixture_prepare_s (const zseq_bench_cluster_fixture_t *self)
{
    assert (self);
    return self->prepare_s;
}

uint64_t
zseq_bench_cluster_fixture_resident (const zseq_bench_cluster_fixture_t *self)
{
    assert (self);
    return self->resident;
}
