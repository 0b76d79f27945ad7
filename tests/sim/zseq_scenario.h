//  Guided schedules: competitor claims of the same IDs, and peeks, sent to one
//  node at a time, while nodes lose their disks, come back as old copies, and
//  are let through to one peer at a time. Some follow a script that once broke
//  a protocol, or would break a mutant, with random steps in between. Purely
//  random faults do not find such holes.

#ifndef ZSEQ_SCENARIO_H_INCLUDED
#define ZSEQ_SCENARIO_H_INCLUDED

#include "zseq_claim.h"
#include "zseq_operator.h"

#define ZSEQ_SCENARIO_COMPETITORS                                              \
    4  //  The cluster's clients from ZSEQ_CLIENTS_MAX on

typedef struct {
    zseq_call_t call;
    uint64_t reached;  //  When it began
    zseq_claim_t claim;
    zseq_peek_t peek;
    zseq_msg_t msg;  //  What is asked
    uint32_t sent;   //  To which nodes, a bit each
} zseq_competitor_t;

typedef struct {
    zseq_sim_cluster_t *cluster;
    zseq_clients_t *clients;
    zseq_operator_t *keeper;
    uint8_t n;
    bool hello;                     //  HELLO gets through always
    uint8_t order[ZSEQ_NODES_MAX];  //  The node of each letter
    zseq_competitor_t competitor[ZSEQ_SCENARIO_COMPETITORS];
    uint64_t steps;
} zseq_scenario_t;

void zseq_scenario_init (zseq_scenario_t *self, zseq_sim_cluster_t *cluster,
                         zseq_clients_t *clients, zseq_operator_t *keeper,
                         uint8_t n);

//  Goes through a schedule: a script's, if there is one for that many nodes, in
//  two of three cases. The nodes must vote, and faults be rare.
void zseq_scenario_go (zseq_scenario_t *self);

//  Starts the cluster, of whose formation one node does not hear, and goes
//  through a schedule of that. Instead of zseq_scenario_go; for
//  ZSEQ_SCENARIO_FORM_NODES nodes.
#define ZSEQ_SCENARIO_FORM_NODES 5
void zseq_scenario_form (zseq_scenario_t *self);

//  A reply to a competitor, counted from 0, arrives.
void zseq_scenario_reply (zseq_scenario_t *self, size_t competitor,
                          const zseq_msg_t *msg);

#endif
