//  What the bench found, for people (a table and a plot) and for programs
//  (JSON). IDs are never reported, only how long they took.

#ifndef ZSEQ_BENCH_REPORT_H_INCLUDED
#define ZSEQ_BENCH_REPORT_H_INCLUDED

#include "zseq_bench_floor.h"

#include <stdio.h>

//  Of the slices.
typedef struct {
    double median;
    double lowest;
    double highest;
} zseq_bench_spread_t;

//  One case, or half of a pair. Of a start or a recovery, an ID is a name, and
//  a wait is that for the node.
typedef struct {
    char name[64];
    zseq_bench_spread_t ns;  //  Time over IDs received by all clients,
                             //  nanoseconds
    double p50_us;           //  Waits for one ID, microseconds
    double p99_us;
    double p999_us;
    double max_us;
    zseq_bench_spread_t claims_per_s;
    zseq_bench_spread_t times;   //  Its claims_per_s over those of its other
                                 //  half; 0 if it has none
    zseq_bench_counts_t counts;  //  Of all slices
    double fairness;      //  Slowest client's share / fastest client's, 0..1
    char floor_name[32];  //  As "echo-32/1024": the floor, and how many IDs one
                          //  of its operations could carry
    double floor;         //  Nanoseconds per ID
    double floor_p50_us;  //  The floor's operation, whole
    double ratio;         //  ns.median / floor
    double cpu_s;         //  Processor time of clients, and of own nodes
    double cpu_nodes_s;   //  The nodes' part of it
    bool fsync;           //  Whether the nodes' files are on a disk
    double reserve_s;     //  Of own nodes
    uint64_t names;       //  That there were, made for it; or 0
    double prepare_s;     //  How long making them took
    double resident;      //  Bytes of memory per name; 0: not measured
    char note[256];       //  What the table says below it; or empty
} zseq_bench_row_t;

//  The machine and the run.
typedef struct {
    char cpu[128];
    long cores;
    char kernel[160];
    char date[32];        //  Of the start, UTC
    double load;          //  Load average over a minute, at the start
    char filesystem[32];  //  Of the nodes' directories
    bool disk;            //  It is not in memory
    char zseq[16];        //  Version
    char libzmq[16];      //  Version
    size_t nodes;
    size_t w;
    double reserve_s;  //  Of own nodes
    double seconds;    //  Measured per case
    size_t rounds;     //  In so many slices
} zseq_bench_setting_t;

//  Finds out what is not of the run. directory is where the nodes' data lie.
void zseq_bench_setting_init (zseq_bench_setting_t *self,
                              const char *directory);

void zseq_bench_report_setting (const zseq_bench_setting_t *setting,
                                FILE *file);
void zseq_bench_report_head (FILE *file);
void zseq_bench_report_row (const zseq_bench_row_t *row, FILE *file);
void zseq_bench_report_floors (const zseq_bench_floors_t *floors, FILE *file);

//  Writes all of it as JSON. Returns 0; or -1 with the reason on stderr, as
//  the next one.
int zseq_bench_report_json (const zseq_bench_setting_t *setting,
                            const zseq_bench_floors_t *floors,
                            const zseq_bench_row_t *rows, size_t count,
                            FILE *file);

//  Draws the rows (at least 1) with gnuplot as SVG.
int zseq_bench_report_plot (zseq_bench_children_t *children,
                            const zseq_bench_row_t *rows, size_t count,
                            FILE *file);

#endif
