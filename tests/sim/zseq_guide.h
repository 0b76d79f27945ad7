//  Guided schedules: rival claims of the same IDs, and peeks, sent to one node
//  at a time, while nodes lose their disks, come back as old copies, and are
//  let through to one peer at a time. Some follow a script that once broke a
//  protocol, or would break a mutant, with random steps in between. Purely
//  random weather does not find such holes.

#ifndef ZSEQ_GUIDE_H_INCLUDED
#define ZSEQ_GUIDE_H_INCLUDED

#include "zseq_operator.h"

#define ZSEQ_GUIDE_RIVALS 4  //  The storm's clients from ZSEQ_CROWD_CLIENTS on

typedef struct {
    zseq_call_t call;
    uint64_t reached;  //  When it began
    zseq_claim_t claim;
    zseq_peek_t peek;
    zseq_msg_t msg;  //  What is asked
    uint32_t sent;   //  To which nodes, a bit each
} zseq_rival_t;

typedef struct {
    zseq_storm_t *storm;
    zseq_crowd_t *crowd;
    zseq_operator_t *keeper;
    uint8_t n;
    bool hello;                     //  HELLO gets through always
    uint8_t order[ZSEQ_NODES_MAX];  //  Whom a script means
    zseq_rival_t rival[ZSEQ_GUIDE_RIVALS];
    uint64_t steps;
} zseq_guide_t;

void zseq_guide_init (zseq_guide_t *self, zseq_storm_t *storm,
                      zseq_crowd_t *crowd, zseq_operator_t *keeper, uint8_t n);

//  Goes through a schedule: a script's, if there is one for that many nodes, in
//  two of three cases. The nodes must vote, and the weather be calm.
void zseq_guide_go (zseq_guide_t *self);

//  Starts the cluster, of whose birth one node does not hear, and goes through
//  a schedule of that. Instead of zseq_guide_go; for ZSEQ_GUIDE_BIRTH nodes.
#define ZSEQ_GUIDE_BIRTH 5
void zseq_guide_birth (zseq_guide_t *self);

//  A reply to a rival, counted from 0, has come.
void zseq_guide_reply (zseq_guide_t *self, size_t rival, const zseq_msg_t *msg);

#endif
