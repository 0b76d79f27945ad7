//  What zseq-bench kv found: a table, JSON and a plot, with what each case is
//  on zseq and, if there is a peer, on etcd.

#ifndef ZSEQ_BENCH_KV_REPORT_H_INCLUDED
#define ZSEQ_BENCH_KV_REPORT_H_INCLUDED

#include "zseq_bench_kv_case.h"
#include "zseq_bench_report.h"

//  What a row was measured on.
typedef enum {
    ZSEQ_BENCH_KV_ZSEQ,
    ZSEQ_BENCH_KV_ETCD,
    ZSEQ_BENCH_KV_ETCD_FOLLOWER,  //  While a follower is killed
    ZSEQ_BENCH_KV_ETCD_LEADER,
} zseq_bench_kv_side_t;

#define ZSEQ_BENCH_KV_SIDES 4

//  One case on one side.
typedef struct {
    zseq_bench_kv_case_t one;
    zseq_bench_kv_side_t side;
    size_t slices;
    zseq_bench_spread_t rate;   //  Operations a second, that succeeded
    zseq_bench_spread_t ratio;  //  Only of zseq's rows: zseq's rate / etcd's;
                                //  lowest: zseq's lowest / etcd's highest. 0:
                                //  there is no peer
    double window_s;            //  Median
    double p50_us;              //  Wait for one operation, of all slices
    double p99_us;
    double p999_us;
    double max_us;
    zseq_bench_spread_t gap_ms;  //  Of a kill; else 0
    double fairness;             //  Slowest client's share / fastest client's
    uint64_t done;
    zseq_bench_counts_t counts;  //  Conflicts are failed tries of a cas
    double cpu_nodes_us;    //  Processor time for each operation; 0: unknown
    double cpu_clients_us;  //  The same
} zseq_bench_kv_row_t;

//  etcd: its version, or NULL. leader: its clients talk to its leader only.
void zseq_bench_kv_report_head (const char *etcd, bool leader, FILE *file);

void zseq_bench_kv_report_row (const zseq_bench_kv_row_t *row, FILE *file);

//  The two below return 0; or -1 with the reason on stderr.
int zseq_bench_kv_report_json (const zseq_bench_setting_t *setting,
                               const char *etcd, bool leader,
                               const zseq_bench_kv_row_t *rows, size_t count,
                               FILE *file);

//  Draws the rows (at least 1) as SVG, with gnuplot.
int zseq_bench_kv_report_plot (zseq_bench_children_t *children,
                               const zseq_bench_kv_row_t *rows, size_t count,
                               FILE *file);

#endif
