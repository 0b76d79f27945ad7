//  Medians of slices become a row.

#include "zseq_bench_series.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

void
zseq_bench_series_note (zseq_bench_series_t *self, uint64_t ns, uint64_t ids)
{
    assert (self);
    assert (self->count < ZSEQ_BENCH_ROUNDS_MAX);
    //  Not one ID in the whole slice: it takes at least that long.
    self->ns_per_id[self->count] = (double) ns / (double) (ids ? ids : 1);
    self->count++;
}

void
zseq_bench_series_note_sample (zseq_bench_series_t *self,
                               const zseq_bench_sample_t *sample)
{
    assert (self);
    assert (sample);
    size_t index = self->count;
    self->fairness[index] = sample->fairness;
    self->window_s[index] = (double) sample->window_ns / 1e9;
    self->cut += sample->cut;
    self->claims_per_s[index] =
      (double) sample->counts.claims * 1e9 / (double) sample->window_ns;
    zseq_bench_counts_add (&self->counts, &sample->counts);
    self->cpu_nodes_s += (double) sample->cpu_nodes_ns / 1e9;
    self->cpu_s +=
      (double) (sample->cpu_nodes_ns + sample->cpu_clients_ns) / 1e9;
    zseq_bench_histogram_merge (&self->waits, &sample->waits);
    zseq_bench_series_note (self, sample->window_ns, sample->done);
}

void
zseq_bench_series_note_mutex (zseq_bench_series_t *self,
                              const zseq_bench_sample_t *sample)
{
    assert (self);
    assert (self->count < ZSEQ_BENCH_ROUNDS_MAX);
    assert (sample);
    self->mutex_fairness[self->count] = sample->fairness;
    zseq_bench_histogram_merge (&self->mutex_waits, &sample->waits);
}

void
zseq_bench_series_note_used (zseq_bench_series_t *self,
                             const zseq_bench_used_t *used)
{
    assert (self);
    assert (used);
    self->ids += used->ids;
    self->claimed += used->next - (used->next > 0);
    if (self->next < used->next)
        self->next = used->next;
    self->unknown |= used->next == 0;
}

static double
s_percentile_us (const zseq_bench_series_t *self, double percent)
{
    return (double) zseq_bench_histogram_percentile (&self->waits, percent) /
           1e3;
}

zseq_bench_spread_t
zseq_bench_series_spread (double *values, size_t count)
{
    assert (values);
    assert (count >= 1);
    double median = zseq_bench_median (values, count);
    return (zseq_bench_spread_t){
      .median = median,
      .lowest = values[0],
      .highest = values[count - 1],
    };
}

void
zseq_bench_series_row (zseq_bench_series_t *self, const zseq_bench_case_t *one,
                       const char *suffix, zseq_bench_row_t *row)
{
    assert (self);
    assert (self->count >= 1);
    assert (one);
    assert (suffix);
    assert (row);
    size_t count = self->count;
    snprintf (row->name, sizeof row->name, "%s%s", one->name, suffix);
    row->ns = zseq_bench_series_spread (self->ns_per_id, count);
    row->claims_per_s = zseq_bench_series_spread (self->claims_per_s, count);
    row->p50_us = s_percentile_us (self, 50);
    row->p99_us = s_percentile_us (self, 99);
    row->p999_us = s_percentile_us (self, 99.9);
    row->max_us = (double) self->waits.max / 1e3;
    row->counts = self->counts;
    row->fairness = zseq_bench_median (self->fairness, count);
    row->mutex_fairness = zseq_bench_median (self->mutex_fairness, count);
    row->mutex_max_us = (double) self->mutex_waits.max / 1e3;
    row->floor = zseq_bench_median (self->floor, count) / one->share;
    row->floor_p50_us = zseq_bench_median (self->floor_p50_us, count);
    row->ratio = row->ns.median / row->floor;
    row->ids = self->ids;
    row->next = self->unknown ? 0 : self->next;
    row->used =
      self->unknown ? 0 : (double) self->claimed / fmax ((double) self->ids, 1);
    row->clients = one->processes * one->threads;
    row->window_s = zseq_bench_median (self->window_s, count);
    row->cpu_nodes_s = self->cpu_nodes_s;
    row->cpu_s = self->cpu_s;
    const char *floor = zseq_bench_floor_name (one->floor);
    if (one->share > 1)
        snprintf (row->floor_name, sizeof row->floor_name, "%s/%u", floor,
                  one->share);
    else
        snprintf (row->floor_name, sizeof row->floor_name, "%s", floor);
}
