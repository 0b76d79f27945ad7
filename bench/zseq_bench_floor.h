//  The limits of the machine: the same work done with the least code. Floors
//  are measured in the same run as the cases, so that a case is reported as a
//  ratio to its floor.

#ifndef ZSEQ_BENCH_FLOOR_H_INCLUDED
#define ZSEQ_BENCH_FLOOR_H_INCLUDED

#include "zseq_bench_load.h"

typedef enum {
    ZSEQ_BENCH_FLOOR_ASK,        //  libzmq: ask N nodes, wait for W
    ZSEQ_BENCH_FLOOR_ECHO_1,     //  libzmq: one node, one client process
    ZSEQ_BENCH_FLOOR_ECHO_8,     //  ... eight
    ZSEQ_BENCH_FLOOR_ECHO_32,    //  ... thirty-two
    ZSEQ_BENCH_FLOOR_PLAIN,      //  Plain TCP and epoll: ask N, wait for W
    ZSEQ_BENCH_FLOOR_PLAIN_1,    //  ... one server, one client process
    ZSEQ_BENCH_FLOOR_PLAIN_32,   //  ... thirty-two
    ZSEQ_BENCH_FLOOR_ATOMIC_1,   //  An atomic add, one thread
    ZSEQ_BENCH_FLOOR_ATOMIC_2,   //  ... two threads on one word
    ZSEQ_BENCH_FLOOR_CLOCK,      //  The wall clock is read
    ZSEQ_BENCH_FLOOR_RENAME,     //  A record made durable by rename
    ZSEQ_BENCH_FLOOR_RENAME_N,   //  ... by N processes at once, on one disk
    ZSEQ_BENCH_FLOOR_READ,       //  A record opened, read and closed
    ZSEQ_BENCH_FLOOR_ECHO_100,   //  As echo-1, a hundred clients: threads of a
                                 //  few processes, with a connection each. This
                                 //  and what follows is for cases only
    ZSEQ_BENCH_FLOOR_ECHO_300,   //  ... three hundred
    ZSEQ_BENCH_FLOOR_ECHO_1000,  //  ... a thousand
    ZSEQ_BENCH_FLOOR_ECHO_2000,  //  ... two thousand
    ZSEQ_BENCH_FLOOR_ECHO_100P,  //  The same, a process each: these get less,
                                 //  because the nodes get less of the machine
    ZSEQ_BENCH_FLOOR_ECHO_300P,
    ZSEQ_BENCH_FLOOR_ECHO_1000P,
    ZSEQ_BENCH_FLOOR_ECHO_2000P,
    ZSEQ_BENCH_FLOORS,
    ZSEQ_BENCH_FLOORS_ALONE = ZSEQ_BENCH_FLOOR_ECHO_100  //  Quick to measure
} zseq_bench_floor_t;

//  All measurements of one floor so far.
typedef struct {
    const char *name;
    const char *text;     //  What it does
    size_t samples;       //  Number of measurements
    double ns_per_op;     //  Median of the samples; 0 without any
    double ns_spread[2];  //  The lowest and the highest sample
    const zseq_bench_histogram_t *waits;  //  Of all samples
} zseq_bench_floor_result_t;

typedef struct zseq_bench_floors zseq_bench_floors_t;

//  Starts n (1..9) echo processes of each kind, which sleep until they are
//  asked. ASK and PLAIN wait for w replies of n. RENAME, RENAME_N and READ work
//  in directory, which should be on the same file system as the nodes'
//  directories. Returns NULL, with the reason on stderr, on failure.
zseq_bench_floors_t *zseq_bench_floors_new (zseq_bench_children_t *children,
                                            size_t n, size_t w,
                                            const char *directory);
void zseq_bench_floors_destroy (zseq_bench_floors_t **self_p);

//  Measures a floor once, for that time. *ns_p is the time per operation, and
//  *p50_us_p the median wait in microseconds. Returns 0; or -1 with the reason
//  on stderr.
int zseq_bench_floors_measure (zseq_bench_floors_t *self,
                               zseq_bench_floor_t floor, double seconds,
                               double *ns_p, double *p50_us_p);

const char *zseq_bench_floor_name (zseq_bench_floor_t floor);

zseq_bench_floor_result_t
zseq_bench_floors_result (const zseq_bench_floors_t *self,
                          zseq_bench_floor_t floor);

#endif
