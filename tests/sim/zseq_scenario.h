//  Guided schedules: competing claims of the same IDs, and peeks, are sent to
//  one node at a time, while nodes lose their disks, come back as old copies,
//  and reach one peer at a time. Some follow a script that once broke a
//  protocol or breaks a mutant, with random steps in between. Purely random
//  faults do not find such faults of a protocol.

#ifndef ZSEQ_SCENARIO_H_INCLUDED
#define ZSEQ_SCENARIO_H_INCLUDED

#include "zseq_claim.h"
#include "zseq_operator.h"

#define ZSEQ_SCENARIO_COMPETITORS                                              \
    4  //  The cluster's clients from ZSEQ_CLIENTS_MAX on

typedef struct {
    zseq_call_t call;
    uint64_t reached;  //  What had been reached when it began
    zseq_claim_t claim;
    zseq_peek_t peek;
    zseq_msg_t msg;  //  Its request
    uint32_t sent;   //  Nodes that got it, a bit each
} zseq_competitor_t;

typedef struct {
    zseq_sim_cluster_t *cluster;
    zseq_clients_t *clients;
    zseq_operator_t *keeper;
    uint8_t n;
    bool hello;                     //  HELLO always gets through
    uint8_t order[ZSEQ_NODES_MAX];  //  The node of each letter
    zseq_competitor_t competitor[ZSEQ_SCENARIO_COMPETITORS];
    uint64_t steps;
} zseq_scenario_t;

void zseq_scenario_init (zseq_scenario_t *self, zseq_sim_cluster_t *cluster,
                         zseq_clients_t *clients, zseq_operator_t *keeper,
                         uint8_t n);

//  Goes through a schedule. In two of three cases that is a script, if there is
//  one for that many nodes. All nodes must vote, and other faults be rare.
void zseq_scenario_go (zseq_scenario_t *self);

//  Takes the place of zseq_scenario_go, for ZSEQ_SCENARIO_FORM_NODES nodes:
//  starts the cluster, lets one node miss its formation, and goes through the
//  script of that.
//  ZSEQ_SCENARIO_FORM_NODES nodes.
#define ZSEQ_SCENARIO_FORM_NODES 5
void zseq_scenario_form (zseq_scenario_t *self);

//  A reply arrives at a competitor, counted from 0.
void zseq_scenario_reply (zseq_scenario_t *self, size_t competitor,
                          const zseq_msg_t *msg);

#endif
