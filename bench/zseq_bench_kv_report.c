//  Each row is a line. zseq's comes first, with the ratio of the medians.

#include "zseq_bench_kv_report.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>

static const char *
s_side_name (zseq_bench_kv_side_t side)
{
    static const char *const name[ZSEQ_BENCH_KV_SIDES] = {
      "zseq", "etcd", "etcd/follower", "etcd/leader"};
    assert (side < ZSEQ_BENCH_KV_SIDES);
    return name[side];
}

void
zseq_bench_kv_report_head (const char *etcd, bool leader, FILE *file)
{
    if (etcd)
        fprintf (
          file, "etcd %s, as many members, default fsync; clientv3, %s\n", etcd,
          leader ? "connected to the leader only"
                 : "connected to all members in turn");
    fprintf (file,
             "\n%-24s %-13s %9s %9s %9s %7s %9s %9s %9s %9s %5s %9s %7s %7s "
             "%9s %9s\n",
             "case", "on", "op/s", "lowest", "highest", "ratio", "p50 us",
             "p99 us", "p99.9 us", "max us", "fair", "failed", "unknown",
             "tries", "node us", "client us");
}

void
zseq_bench_kv_report_row (const zseq_bench_kv_row_t *row, FILE *file)
{
    assert (row);
    char ratio[16] = "";
    char tries[24] = "";
    if (row->ratio.median > 0)
        snprintf (ratio, sizeof ratio, "%.2f", row->ratio.median);
    if (row->one.op == ZSEQ_BENCH_KV_CAS && row->done > 0)
        snprintf (tries, sizeof tries, "%.2f",
                  1 + (double) row->counts.conflicts / (double) row->done);
    fprintf (file,
             "%-24s %-13s %9.0f %9.0f %9.0f %7s %9.1f %9.1f %9.1f %9.0f %5.2f "
             "%9llu %7llu %7s %9.1f %9.1f\n",
             row->one.name, s_side_name (row->side), row->rate.median,
             row->rate.lowest, row->rate.highest, ratio, row->p50_us,
             row->p99_us, row->p999_us, row->max_us, row->fairness,
             (unsigned long long) zseq_bench_counts_failed (&row->counts),
             (unsigned long long) row->counts.unknown, tries, row->cpu_nodes_us,
             row->cpu_clients_us);
    //  etcd's are not told apart.
    if (row->side == ZSEQ_BENCH_KV_ZSEQ)
        zseq_bench_report_failed (&row->counts, file);
    if (row->one.requests > 0)
        fprintf (file, "  %llu requests took %.3f s\n",
                 (unsigned long long) (row->one.requests / row->one.clients *
                                       row->one.clients),
                 row->window_s);
    if (row->one.kill)
        fprintf (file,
                 "  longest time of a client without a success: %.1f ms "
                 "(%.1f to %.1f)\n",
                 row->gap_ms.median, row->gap_ms.lowest, row->gap_ms.highest);
    fflush (file);
}

//  Packs the median, the lowest and the highest value.
static json_t *
s_json_spread (const zseq_bench_spread_t *spread)
{
    return json_pack ("[f, f, f]", spread->median, spread->lowest,
                      spread->highest);
}

static json_t *
s_json_row (const zseq_bench_kv_row_t *row)
{
    return json_pack (
      "{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:b, s:I, s:o, s:o, s:f, s:f, "
      "s:f, s:f, s:f, s:o, s:f, s:I, s:I, s:o, s:I, s:I, s:f, s:f}",
      "name", row->one.name, "on", s_side_name (row->side), "operation",
      zseq_bench_kv_op_name (row->one.op), "clients",
      (json_int_t) row->one.clients, "connections",
      (json_int_t) row->one.connections, "keys", (json_int_t) row->one.keys,
      "size", (json_int_t) row->one.size, "requests",
      (json_int_t) row->one.requests, "kill", (int) row->one.kill, "slices",
      (json_int_t) row->slices, "op_per_s", s_json_spread (&row->rate), "ratio",
      s_json_spread (&row->ratio), "window_s", row->window_s, "p50_us",
      row->p50_us, "p99_us", row->p99_us, "p999_us", row->p999_us, "max_us",
      row->max_us, "gap_ms", s_json_spread (&row->gap_ms), "fairness",
      row->fairness, "done", (json_int_t) row->done, "failed",
      (json_int_t) zseq_bench_counts_failed (&row->counts), "failures",
      zseq_bench_report_json_failures (&row->counts), "unknown",
      (json_int_t) row->counts.unknown, "failed_tries",
      (json_int_t) row->counts.conflicts, "cpu_nodes_us", row->cpu_nodes_us,
      "cpu_clients_us", row->cpu_clients_us);
}

int
zseq_bench_kv_report_json (const zseq_bench_setting_t *setting,
                           const char *etcd, bool leader,
                           const zseq_bench_kv_row_t *rows, size_t count,
                           FILE *file)
{
    assert (setting);
    assert (rows || count == 0);
    assert (file);
    json_t *list = json_array ();
    for (size_t i = 0; i < count; i++)
        (void) json_array_append_new (list, s_json_row (&rows[i]));
    json_t *all =
      json_pack ("{s:o, s:s?, s:b, s:o}", "machine",
                 zseq_bench_report_json_setting (setting), "etcd", etcd,
                 "etcd_leader_only", (int) leader, "cases", list);
    int rc = 0;
    if (!all || json_array_size (list) != count)
        rc = zseq_bench_fail ("JSON: out of memory");
    else if (json_dumpf (all, file,
                         JSON_INDENT (2) | JSON_REAL_PRECISION (9)) != 0 ||
             fputc ('\n', file) == EOF || fflush (file) != 0)
        rc = zseq_bench_fail ("JSON: %s", strerror (errno));
    json_decref (all);
    return rc;
}

//  The plot.

//  The rate of a case on a side, or its gap; 0: it was not measured.
static double
s_value (const zseq_bench_kv_row_t *rows, size_t count, const char *name,
         zseq_bench_kv_side_t side)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].side == side && strcmp (rows[i].one.name, name) == 0)
            return rows[i].one.kill ? rows[i].gap_ms.median
                                    : rows[i].rate.median;
    return 0;
}

//  Plots the cases with a kill, or those without, as groups of bars: one for
//  each side that has measured one.
static void
s_plot_bars (const zseq_bench_kv_row_t *rows, size_t count, bool kill,
             const char *title, FILE *script)
{
    bool used[ZSEQ_BENCH_KV_SIDES] = {false};
    fprintf (script, "$rows%d << END\n", (int) kill);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].one.kill != kill)
            continue;
        used[rows[i].side] = true;
        if (rows[i].side != ZSEQ_BENCH_KV_ZSEQ)
            continue;
        fprintf (script, "\"%s\"", rows[i].one.name);
        for (size_t j = 0; j < ZSEQ_BENCH_KV_SIDES; j++)
            fprintf (script, " %.6g",
                     s_value (rows, count, rows[i].one.name,
                              (zseq_bench_kv_side_t) j));
        fputc ('\n', script);
    }
    fprintf (script, "END\nset title '%s'\nplot", title);
    const char *comma = "";
    for (size_t j = 0; j < ZSEQ_BENCH_KV_SIDES; j++)
        if (used[j]) {
            fprintf (script, "%s $rows%d using %zu:xtic(1) title '%s'", comma,
                     (int) kill, j + 2, s_side_name ((zseq_bench_kv_side_t) j));
            comma = ",";
        }
    fputc ('\n', script);
}

static void
s_plot_script (const zseq_bench_kv_row_t *rows, size_t count, FILE *script)
{
    size_t kills = 0;
    for (size_t i = 0; i < count; i++)
        kills += rows[i].one.kill;
    size_t plots = kills > 0 && kills < count ? 2 : 1;
    fprintf (script,
             "set terminal svg size 1200,%zu noenhanced\n"
             "set multiplot layout %zu,1\n"
             "set style data histograms\n"
             "set style histogram clustered gap 1\n"
             "set style fill solid 0.8 border -1\n"
             "set logscale y\n"
             "set grid ytics\n"
             "set xtics rotate by -40\n"
             "set key top right\n",
             plots * 600, plots);
    if (kills < count)
        s_plot_bars (rows, count, false, "key-value store: operations a second",
                     script);
    if (kills > 0)
        s_plot_bars (rows, count, true,
                     "longest time of a client without a success while a node "
                     "is killed, ms",
                     script);
}

int
zseq_bench_kv_report_plot (zseq_bench_children_t *children,
                           const zseq_bench_kv_row_t *rows, size_t count,
                           FILE *file)
{
    assert (children);
    assert (rows);
    assert (count >= 1);
    assert (file);
    FILE *script = tmpfile ();
    if (!script)
        return zseq_bench_fail ("plot: %s", strerror (errno));
    s_plot_script (rows, count, script);
    return zseq_bench_report_draw (children, script, file);
}
