//  The cases: what is measured, on which cluster, and which floor the result is
//  compared with. They are one table; zseq_bench_cases runs them.

#ifndef ZSEQ_BENCH_CASE_H_INCLUDED
#define ZSEQ_BENCH_CASE_H_INCLUDED

#include "zseq_bench_floor.h"
#include "zseq_bench_report.h"

#define ZSEQ_BENCH_ROUNDS_MAX 5  //  Slices of a case

//  How to run them. What is not the user's word is set by zseq-bench.
typedef struct {
    const char *uri;        //  A cluster that runs; NULL: our own
    const char *pattern;    //  Of the names of cases; NULL: all
    bool quick;             //  Without the long cases
    const char *zseqd;      //  Program of the nodes
    const char *directory;  //  Temporary
    size_t nodes;           //  Of our own cluster
    double reserve_s;       //  As zseqd start --reserve
    zseq_bench_setting_t *setting;
} zseq_bench_plan_t;

typedef enum {
    ZSEQ_BENCH_KIND_DRAW,        //  IDs of one sequence, through the library
    ZSEQ_BENCH_KIND_OWN,         //  The same, with a sequence per process
    ZSEQ_BENCH_KIND_PAIR,        //  DRAW on two clusters, without and
                                 //  with a reservation
    ZSEQ_BENCH_KIND_TRANSPORT,   //  DRAW, or OWN, on two clusters, over
                                 //  libzmq and natively
    ZSEQ_BENCH_KIND_STOPPED,     //  DRAW, then with one node stopped
    ZSEQ_BENCH_KIND_SCHEME,      //  DRAW of another URI
    ZSEQ_BENCH_KIND_MANY_NAMES,  //  Claims of names that exist
    ZSEQ_BENCH_KIND_FRESH,       //  First claims
    ZSEQ_BENCH_KIND_START,       //  A node loads its names
    ZSEQ_BENCH_KIND_COLD,        //  ... and none of its files is in the
                                 //  system's cache
    ZSEQ_BENCH_KIND_RECOVER,     //  A node without its directory recovers
    ZSEQ_BENCH_KIND_BURST,       //  Many clients connect and draw at once
    ZSEQ_BENCH_KIND_BURST_WARM,  //  ... and have connected before
    ZSEQ_BENCH_KIND_STEADY,      //  Many clients draw
    ZSEQ_BENCH_KIND_RESTART,     //  ... and are soon replaced by others
} zseq_bench_kind_t;

//  Clusters of our own. Each kind has one, so that names in one do not slow
//  down the others.
typedef enum {
    ZSEQ_BENCH_ON_MAIN,
    ZSEQ_BENCH_ON_PLAIN,
    ZSEQ_BENCH_ON_NAMES,
    ZSEQ_BENCH_ON_ONE,
    ZSEQ_BENCH_ON_ZMQ,
    ZSEQ_BENCH_ON_NATIVE,
    ZSEQ_BENCH_FIXTURES
} zseq_bench_where_t;

//  The floor is what the case is held to: for IDs of one sequence asking N
//  nodes and waiting for W of them (alone, or with threads of one handle, as
//  they can share one claim), or as many closed-loop clients of one plain node
//  (competing processes, or a crowd); for many names a durable rename each; for
//  a start reading as many small files. share is how many IDs one operation of
//  the floor could carry.
typedef struct {
    const char *name;
    zseq_bench_kind_t kind;
    zseq_bench_where_t where;
    uint64_t batch;
    size_t processes;
    size_t threads;
    bool own;  //  TRANSPORT: a sequence per process
    uint64_t names;
    zseq_bench_floor_t floor;
    unsigned share;
    const char *scheme;  //  The URI's; file: and flake+ add our path or URI
} zseq_bench_case_t;

//  Return the number of cases, and a case by its index, in the order in which
//  they run.
size_t zseq_bench_case_count (void);
const zseq_bench_case_t *zseq_bench_case_at (size_t index);
const char *zseq_bench_case_name (size_t index);

//  Whether the kind is a crowd of clients on one name.
bool zseq_bench_case_is_contention (const zseq_bench_case_t *self);

//  Whether its fairness and longest wait are compared with those of a mutex:
//  clients that share one, and take most IDs without the cluster.
bool zseq_bench_case_has_mutex (const zseq_bench_case_t *self);

//  Whether the plan has it; only pattern, uri, quick, nodes and reserve_s are
//  looked at.
bool zseq_bench_case_chosen (size_t index, const zseq_bench_plan_t *plan);

#endif
