//  The report: a table on standard output, JSON, and a plot that gnuplot draws
//  from a data file.
//
//  zseq_bench_setting_init finds out the machine, the file system and the
//  versions, without which figures mean nothing. A case ends as a row
//  (zseq_bench_row_t). zseq_bench_report_row prints it in the table as soon as
//  it is there; at the end of the run zseq_bench_report_json and
//  zseq_bench_report_plot write all rows. A new column needs a field of the
//  row, and a line in the table and in s_json_row.

#include "zseq_bench_report.h"

#include "zseq.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <linux/magic.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

//  The setting.

//  Finds the name of the processor.
static void
s_find_cpu (zseq_bench_setting_t *self)
{
    snprintf (self->cpu, sizeof self->cpu, "unknown");
    FILE *file = fopen ("/proc/cpuinfo", "re");
    if (!file)
        return;
    char line[256];
    while (fgets (line, sizeof line, file)) {
        char *value = strchr (line, ':');
        if (strncmp (line, "model name", 10) != 0 || !value)
            continue;
        value += strspn (value, ": \t");
        value[strcspn (value, "\n")] = '\0';
        snprintf (self->cpu, sizeof self->cpu, "%.120s", value);
        break;
    }
    fclose (file);
}

//  Finds the file system of a directory, and whether it is on a disk.
static void
s_find_filesystem (zseq_bench_setting_t *self, const char *directory)
{
    static const struct {
        long magic;
        const char *name;
        bool disk;
    } known[] = {
      {EXT4_SUPER_MAGIC, "ext4", true},
      {XFS_SUPER_MAGIC, "xfs", true},
      {BTRFS_SUPER_MAGIC, "btrfs", true},
      {OVERLAYFS_SUPER_MAGIC, "overlay", true},
      {TMPFS_MAGIC, "tmpfs", false},
      {RAMFS_MAGIC, "ramfs", false},
    };
    self->disk = true;
    struct statfs info;
    if (statfs (directory, &info) != 0) {
        snprintf (self->filesystem, sizeof self->filesystem, "unknown");
        return;
    }
    snprintf (self->filesystem, sizeof self->filesystem, "0x%lx",
              (unsigned long) info.f_type);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].magic == (long) info.f_type) {
            snprintf (self->filesystem, sizeof self->filesystem, "%s",
                      known[i].name);
            self->disk = known[i].disk;
        }
}

void
zseq_bench_setting_init (zseq_bench_setting_t *self, const char *directory)
{
    assert (self);
    assert (directory);
    *self = (zseq_bench_setting_t){
      .cores = sysconf (_SC_NPROCESSORS_ONLN),
    };
    s_find_cpu (self);
    s_find_filesystem (self, directory);
    struct utsname system;
    if (uname (&system) == 0)
        snprintf (self->kernel, sizeof self->kernel, "%s %s", system.sysname,
                  system.release);
    time_t now = time (NULL);
    struct tm utc;
    strftime (self->date, sizeof self->date, "%Y-%m-%dT%H:%M:%SZ",
              gmtime_r (&now, &utc));
    if (getloadavg (&self->load, 1) != 1)
        self->load = -1;
    int version[3];
    zseq_version (&version[0], &version[1], &version[2]);
    snprintf (self->zseq, sizeof self->zseq, "%d.%d.%d", version[0], version[1],
              version[2]);
    zmq_version (&version[0], &version[1], &version[2]);
    snprintf (self->libzmq, sizeof self->libzmq, "%d.%d.%d", version[0],
              version[1], version[2]);
}

//  The table.

//  The name of an error, by its positive number.
static const char *
s_error_name (int number)
{
    switch (number) {
#define X(name, value, text)                                                   \
    case value:                                                                \
        return #name;
        ZSEQ_ERRORS (X)
#undef X
    default:
        return "unknown";
    }
}

void
zseq_bench_report_failed (const zseq_bench_counts_t *counts, FILE *file)
{
    uint64_t failed = zseq_bench_counts_failed (counts);
    if (failed == 0)
        return;
    fprintf (file, "  %llu calls failed:", (unsigned long long) failed);
    for (int i = 0; i < ZSEQ_BENCH_ERRORS; i++)
        if (counts->failed[i] > 0)
            fprintf (file, " %llu %s", (unsigned long long) counts->failed[i],
                     s_error_name (i));
    fputc ('\n', file);
}

void
zseq_bench_report_setting (const zseq_bench_setting_t *setting, FILE *file)
{
    assert (setting);
    fprintf (file,
             "%s, %ld cores, %s, %s, load %.2f\n"
             "zseq %s, libzmq %s, %zu nodes, W = %zu, reserve %g s, data on "
             "%s%s\n",
             setting->cpu, setting->cores, setting->kernel, setting->date,
             setting->load, setting->zseq, setting->libzmq, setting->nodes,
             setting->w, setting->reserve_s, setting->filesystem,
             setting->disk ? "" : ", which is memory: fsync costs nothing");
}

void
zseq_bench_report_head (FILE *file)
{
    fprintf (file,
             "\n%-36s %11s %11s %9s %9s %9s %9s %9s %9s %7s %5s %-14s %11s "
             "%7s %7s %5s\n",
             "case", "ns/ID", "IDs/s", "p50 us", "p99 us", "p99.9 us", "max us",
             "claims", "conflicts", "burnt", "fair", "floor", "floor ns/ID",
             "ratio", "cpu s", "fsync");
}

void
zseq_bench_report_row (const zseq_bench_row_t *row, FILE *file)
{
    assert (row);
    fprintf (
      file,
      "%-36s %11.1f %11.0f %9.2f %9.2f %9.2f %9.0f %9llu %9llu %7llu "
      "%5.2f %-14s %11.1f %7.2f %7.2f %5s\n",
      row->name, row->ns.median, 1e9 / row->ns.median, row->p50_us, row->p99_us,
      row->p999_us, row->max_us, (unsigned long long) row->counts.claims,
      (unsigned long long) row->counts.conflicts,
      (unsigned long long) row->counts.burnt, row->fairness, row->floor_name,
      row->floor, row->ratio, row->cpu_s, row->fsync ? "on" : "off");
    if (*row->note)
        fprintf (file, "  %s\n", row->note);
    if (row->counts.timeouts > 0)
        fprintf (file,
                 "  %llu calls failed at their deadline, and were "
                 "repeated\n",
                 (unsigned long long) row->counts.timeouts);
    zseq_bench_report_failed (&row->counts, file);
    fflush (file);
}

static double
s_percentile_us (const zseq_bench_floor_result_t *result, double percent)
{
    return (double) zseq_bench_histogram_percentile (result->waits, percent) /
           1e3;
}

void
zseq_bench_report_floors (const zseq_bench_floors_t *floors, FILE *file)
{
    assert (floors);
    fprintf (file, "\n%-10s %11s %11s %11s %11s %9s %9s %9s  %s\n", "floor",
             "ns/op", "lowest", "highest", "op/s", "p50 us", "p99 us", "max us",
             "what");
    for (size_t i = 0; i < ZSEQ_BENCH_FLOORS; i++) {
        zseq_bench_floor_result_t result =
          zseq_bench_floors_result (floors, (zseq_bench_floor_t) i);
        if (result.samples == 0)
            continue;
        fprintf (file,
                 "%-10s %11.1f %11.1f %11.1f %11.0f %9.2f %9.2f %9.0f  %s\n",
                 result.name, result.ns_per_op, result.ns_spread[0],
                 result.ns_spread[1], 1e9 / result.ns_per_op,
                 s_percentile_us (&result, 50), s_percentile_us (&result, 99),
                 (double) result.waits->max / 1e3, result.text);
    }
    fflush (file);
}

//  JSON. If jansson returns NULL for lack of memory, the next pack fails, too.
//  The failure is reported at the end.

json_t *
zseq_bench_report_json_setting (const zseq_bench_setting_t *setting)
{
    assert (setting);
    return json_pack (
      "{s:s, s:I, s:s, s:s, s:f, s:s, s:s, s:s, s:I, s:I, s:f, s:f, s:I}",
      "cpu", setting->cpu, "cores", (json_int_t) setting->cores, "kernel",
      setting->kernel, "date", setting->date, "load", setting->load,
      "filesystem", setting->filesystem, "zseq", setting->zseq, "libzmq",
      setting->libzmq, "nodes", (json_int_t) setting->nodes, "w",
      (json_int_t) setting->w, "reserve_s", setting->reserve_s, "seconds",
      setting->seconds, "rounds", (json_int_t) setting->rounds);
}

static json_t *
s_json_floor (const zseq_bench_floor_result_t *result)
{
    return json_pack (
      "{s:s, s:s, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "name",
      result->name, "text", result->text, "samples",
      (json_int_t) result->samples, "ns_per_op", result->ns_per_op, "ns_lowest",
      result->ns_spread[0], "ns_highest", result->ns_spread[1], "p50_us",
      s_percentile_us (result, 50), "p99_us", s_percentile_us (result, 99),
      "p999_us", s_percentile_us (result, 99.9), "max_us",
      (double) result->waits->max / 1e3);
}

//  Packs the median, the lowest and the highest value.
static json_t *
s_json_spread (const zseq_bench_spread_t *spread)
{
    return json_pack ("[f, f, f]", spread->median, spread->lowest,
                      spread->highest);
}

json_t *
zseq_bench_report_json_failures (const zseq_bench_counts_t *counts)
{
    json_t *failures = json_object ();
    for (int i = 0; failures && i < ZSEQ_BENCH_ERRORS; i++)
        if (counts->failed[i] > 0 &&
            json_object_set_new (
              failures, s_error_name (i),
              json_integer ((json_int_t) counts->failed[i])) != 0) {
            json_decref (failures);
            return NULL;
        }
    return failures;
}

static json_t *
s_json_row (const zseq_bench_row_t *row)
{
    return json_pack (
      "{s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:I, s:I, s:I, s:I, s:f, s:s, s:f, "
      "s:f, s:f, s:f, s:f, s:b, s:f, s:f, s:o, s:o, s:f, s:I, s:f, s:f, s:s, "
      "s:I, s:I, s:o, s:f, s:I, s:I, s:f, s:f, s:f}",
      "name", row->name, "ns_per_id", row->ns.median, "ids_per_s",
      1e9 / row->ns.median, "p50_us", row->p50_us, "p99_us", row->p99_us,
      "p999_us", row->p999_us, "max_us", row->max_us, "claims",
      (json_int_t) row->counts.claims, "conflicts",
      (json_int_t) row->counts.conflicts, "burnt",
      (json_int_t) row->counts.burnt, "timeouts",
      (json_int_t) row->counts.timeouts, "fairness", row->fairness,
      "floor_name", row->floor_name, "floor", row->floor, "floor_p50_us",
      row->floor_p50_us, "ratio", row->ratio, "cpu_s", row->cpu_s,
      "cpu_nodes_s", row->cpu_nodes_s, "fsync", (int) row->fsync, "ns_lowest",
      row->ns.lowest, "ns_highest", row->ns.highest, "claims_per_s",
      s_json_spread (&row->claims_per_s), "times", s_json_spread (&row->times),
      "reserve_s", row->reserve_s, "names", (json_int_t) row->names,
      "prepare_s", row->prepare_s, "resident", row->resident, "note", row->note,
      "clients", (json_int_t) row->clients, "failed",
      (json_int_t) zseq_bench_counts_failed (&row->counts), "failures",
      zseq_bench_report_json_failures (&row->counts), "window_s", row->window_s,
      "ids", (json_int_t) row->ids, "next", (json_int_t) row->next, "used",
      row->used, "mutex_fairness", row->mutex_fairness, "mutex_max_us",
      row->mutex_max_us);
}

int
zseq_bench_report_json (const zseq_bench_setting_t *setting,
                        const zseq_bench_floors_t *floors,
                        const zseq_bench_row_t *rows, size_t count, FILE *file)
{
    assert (setting);
    assert (floors);
    assert (rows || count == 0);
    assert (file);
    int rc = 0;
    json_t *floor_list = json_array ();
    for (size_t i = 0; i < ZSEQ_BENCH_FLOORS; i++) {
        zseq_bench_floor_result_t result =
          zseq_bench_floors_result (floors, (zseq_bench_floor_t) i);
        if (result.samples > 0)
            rc |= json_array_append_new (floor_list, s_json_floor (&result));
    }
    json_t *case_list = json_array ();
    for (size_t i = 0; i < count; i++)
        rc |= json_array_append_new (case_list, s_json_row (&rows[i]));

    json_t *all = json_pack ("{s:o, s:o, s:o}", "machine",
                             zseq_bench_report_json_setting (setting), "floors",
                             floor_list, "cases", case_list);
    if (!all || rc != 0)
        rc = zseq_bench_fail ("JSON: out of memory");
    else if (json_dumpf (all, file,
                         JSON_INDENT (2) | JSON_REAL_PRECISION (9)) != 0 ||
             fputc ('\n', file) == EOF || fflush (file) != 0)
        rc = zseq_bench_fail ("JSON: %s", strerror (errno));
    json_decref (all);
    return rc;
}

//  The plot.

//  Whether the row is one of several that differ in the number of clients, and
//  how long the part of its name is that they share.
static size_t
s_curve_size (const zseq_bench_row_t *row)
{
    const char *end = strrchr (row->name, '-');
    return row->ids > 0 && end ? (size_t) (end - row->name) : 0;
}

//  The curve that goes on in the row: the first row with it, or count.
static size_t
s_curve (const zseq_bench_row_t *rows, size_t count, size_t index)
{
    size_t size = s_curve_size (&rows[index]);
    for (size_t i = 0; size > 0 && i <= index; i++)
        if (s_curve_size (&rows[i]) == size &&
            strncmp (rows[i].name, rows[index].name, size) == 0)
            return i;
    return count;
}

//  Plots one column of $curves over the clients, a curve for each block.
static void
s_plot_curves (size_t curves, const char *title, int column, FILE *script)
{
    fprintf (script, "set title '%s'\nplot", title);
    for (size_t i = 0; i < curves; i++)
        fprintf (script,
                 "%s $curves index %zu using 1:%d with linespoints "
                 "title columnheader(1)",
                 i > 0 ? "," : "", i, column);
    fputc ('\n', script);
}

//  IDs a second, and IDs used, over the number of clients.
static void
s_plot_contention (const zseq_bench_row_t *rows, size_t count, FILE *script)
{
    size_t curves = 0;
    fprintf (script, "$curves << END\n");
    for (size_t i = 0; i < count; i++) {
        if (s_curve (rows, count, i) != i)
            continue;
        fprintf (script, "%s\"%.*s\"\n", curves++ > 0 ? "\n\n" : "",
                 (int) s_curve_size (&rows[i]), rows[i].name);
        for (size_t j = i; j < count; j++)
            if (s_curve (rows, count, j) == i)
                fprintf (script, "%zu %.3f %.6g\n", rows[j].clients,
                         1e9 / rows[j].ns.median,
                         rows[j].used > 0 ? rows[j].used : NAN);
    }
    fprintf (script, "END\n"
                     "set style data linespoints\n"
                     "set logscale x\n"
                     "set format '%%g'\n"
                     "set xtics norotate\n"
                     "set xlabel 'clients'\n"
                     "set grid xtics ytics\n"
                     "set key outside right\n"
                     "set ylabel 'IDs a second'\n");
    s_plot_curves (curves, "zseq: IDs a second on one name", 2, script);
    fprintf (script, "set ylabel 'IDs claimed / handed out'\n"
                     "unset logscale y\n"
                     "set yrange [0:]\n");
    s_plot_curves (curves, "zseq: IDs claimed for each handed out", 3, script);
}

static bool
s_has_contention (const zseq_bench_row_t *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (s_curve_size (&rows[i]) > 0)
            return true;
    return false;
}

//  Writes the script for gnuplot.
static void
s_plot_script (const zseq_bench_row_t *rows, size_t count, FILE *script)
{
    bool contention = s_has_contention (rows, count);
    fprintf (script, "set terminal svg size 1200,%d noenhanced\n%s",
             contention ? 1800 : 700,
             contention ? "set multiplot layout 3,1\n" : "");
    fprintf (script, "set title 'zseq: nanoseconds per ID'\n"
                     "set style data histograms\n"
                     "set style histogram clustered gap 1\n"
                     "set style fill solid 0.8 border -1\n"
                     "set logscale y\n"
                     "set format y '10^{%%T}'\n"
                     "set ylabel 'ns per ID'\n"
                     "set grid ytics\n"
                     "set xtics rotate by -40\n"
                     "set key top right\n"
                     "$rows << END\n");
    for (size_t i = 0; i < count; i++)
        fprintf (script, "\"%s\" %.3f %.3f\n", rows[i].name, rows[i].ns.median,
                 rows[i].floor);
    fprintf (script, "END\n"
                     "plot $rows using 2:xtic(1) title 'zseq', "
                     "'' using 3 title 'floor'\n");
    if (contention)
        s_plot_contention (rows, count, script);
}

int
zseq_bench_report_draw (zseq_bench_children_t *children, FILE *script,
                        FILE *file)
{
    assert (children);
    assert (script);
    assert (file);
    int rc = 0;
    if (fflush (script) != 0 || fseek (script, 0, SEEK_SET) != 0)
        rc = zseq_bench_fail ("plot: %s", strerror (errno));
    char gnuplot[] = "gnuplot";
    char *arguments[] = {gnuplot, NULL};
    pid_t pid = rc == 0
                  ? zseq_bench_children_exec (children, gnuplot, arguments,
                                              fileno (script), fileno (file))
                  : -1;
    fclose (script);
    if (pid < 0)
        return -1;
    return zseq_bench_children_finish (children, pid);
}

int
zseq_bench_report_plot (zseq_bench_children_t *children,
                        const zseq_bench_row_t *rows, size_t count, FILE *file)
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
