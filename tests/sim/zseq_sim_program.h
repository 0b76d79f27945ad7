//  What the smaller programs of the simulator share: their options, and
//  clusters that stay whole.

#ifndef ZSEQ_SIM_PROGRAM_H_INCLUDED
#define ZSEQ_SIM_PROGRAM_H_INCLUDED

#include "zseq_sim_cluster.h"

//  --seed N: that seed. --seeds N: as many, from 1. --trace: prints all that
//  happens.
typedef struct {
    uint64_t first;
    uint64_t count;
    bool trace;
} zseq_sim_options_t;

//  Ends the program on bad use.
zseq_sim_options_t zseq_sim_program_options (int argc, char **argv);

//  Runs all nodes, which were started, until they vote.
void zseq_sim_program_settle (zseq_sim_cluster_t *cluster, uint8_t n);

//  Hooks of the cluster: no node is watched; and the promise that text names is
//  broken, which ends the program. arg points to the seed.
bool zseq_sim_program_covered (uint8_t node, void *arg);
void zseq_sim_program_broken (const char *text, void *arg);

#endif
