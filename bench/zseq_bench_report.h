//  What the bench found, for people (a table and a plot) and for programs
//  (JSON). Of IDs it is reported how long they took and, where many clients
//  draw from one name, how many of the name's they took for those handed out.

#ifndef ZSEQ_BENCH_REPORT_H_INCLUDED
#define ZSEQ_BENCH_REPORT_H_INCLUDED

#include "zseq_bench_floor.h"

#include <jansson.h>
#include <stdio.h>

//  The values of the slices.
typedef struct {
    double median;
    double lowest;
    double highest;
} zseq_bench_spread_t;

//  One case, or half of a pair. For a start or a recovery, an ID stands for a
//  name, and a wait for that of the node.
typedef struct {
    char name[64];
    zseq_bench_spread_t ns;  //  Time / IDs received by all clients,
                             //  nanoseconds
    double p50_us;           //  Wait for one ID, microseconds
    double p99_us;
    double p999_us;
    double max_us;
    zseq_bench_spread_t claims_per_s;
    zseq_bench_spread_t times;   //  claims_per_s / that of the other
                                 //  half; 0: there is none
    zseq_bench_counts_t counts;  //  Of all slices
    double fairness;        //  Slowest client's share / fastest client's, 0..1
    double mutex_fairness;  //  The same of as many clients of a mutex
    double mutex_max_us;    //  Their longest wait; 0: they were not measured
    char floor_name[32];    //  Such as "echo-32/1024": the floor, and how
                            //  many IDs one of its operations could carry
    double floor;           //  Nanoseconds per ID
    double floor_p50_us;    //  Of one whole operation of the floor
    double ratio;           //  ns.median / floor
    double cpu_s;           //  Processor time of clients and own nodes
    double cpu_nodes_s;     //  The nodes' part of it
    bool fsync;             //  Whether the nodes' files are on a disk
    double reserve_s;       //  Of our own nodes
    uint64_t names;         //  How many names there were; or 0
    double prepare_s;       //  How long making the names took
    double resident;        //  Bytes of memory per name; 0: not measured
    size_t clients;         //  At once: threads of a handle each, or shared
    double window_s;  //  Median of the slices': of a burst, how long it took
    uint64_t ids;     //  Handed out by a new name, in all slices; 0, as
                      //  what follows: the name was not new
    uint64_t next;    //  The name's, afterwards; the highest of the slices
    double used;      //  IDs claimed of the name / handed out; 0: not known
    char note[512];   //  What the table says below it; or empty
} zseq_bench_row_t;

//  The machine and the run.
typedef struct {
    char cpu[128];
    long cores;
    char kernel[160];
    char date[32];        //  When the run began, UTC
    double load;          //  Load average of a minute, at the start
    char filesystem[32];  //  Where the nodes' directories are
    bool disk;            //  It is not in memory
    char zseq[16];        //  Version
    char libzmq[16];      //  Version
    size_t nodes;
    size_t w;
    double reserve_s;  //  Of our own nodes
    double seconds;    //  Measured time of a case
    size_t rounds;     //  ... in this many slices
} zseq_bench_setting_t;

//  Finds out about the machine. directory is where the nodes' directories are.
void zseq_bench_setting_init (zseq_bench_setting_t *self,
                              const char *directory);

void zseq_bench_report_setting (const zseq_bench_setting_t *setting,
                                FILE *file);
void zseq_bench_report_head (FILE *file);
void zseq_bench_report_row (const zseq_bench_row_t *row, FILE *file);
void zseq_bench_report_floors (const zseq_bench_floors_t *floors, FILE *file);

//  Writes the whole report as JSON. Returns 0; or -1 with the reason on stderr,
//  as does zseq_bench_report_plot.
int zseq_bench_report_json (const zseq_bench_setting_t *setting,
                            const zseq_bench_floors_t *floors,
                            const zseq_bench_row_t *rows, size_t count,
                            FILE *file);

//  The setting as JSON, for other reports; NULL: out of memory.
json_t *zseq_bench_report_json_setting (const zseq_bench_setting_t *setting);

//  Calls that failed and were given up, by the name of the error: a line, if
//  there were any; and JSON, NULL: out of memory.
void zseq_bench_report_failed (const zseq_bench_counts_t *counts, FILE *file);
json_t *zseq_bench_report_json_failures (const zseq_bench_counts_t *counts);

//  Runs a script for gnuplot, which it closes.
int zseq_bench_report_draw (zseq_bench_children_t *children, FILE *script,
                            FILE *file);

//  Draws the rows (at least 1) as SVG, with gnuplot.
int zseq_bench_report_plot (zseq_bench_children_t *children,
                            const zseq_bench_row_t *rows, size_t count,
                            FILE *file);

#endif
