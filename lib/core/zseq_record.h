//  The node's own record: who it is and whether it votes. Kept in memory by
//  the node, on disk by the store (lib/doc/disk.md, section 4).

#ifndef ZSEQ_RECORD_H_INCLUDED
#define ZSEQ_RECORD_H_INCLUDED

#include "zseq_members.h"
#include "zseq_vector.h"

typedef struct {
    uint64_t identity;  //  The cluster's; 0 before it forms
    char cluster[ZSEQ_LABEL_MAX + 1];
    uint8_t self;  //  This node's index in members
    zseq_members_t members;
    zseq_vector_t vector;     //  Newest known incarnations
    bool start_voted;         //  S11: it was about to vote in its own start
    bool voting;              //  S5: the node votes only if this is set
    uint64_t floor;           //  Least next of every name
    uint64_t floor_reserved;  //  The same for reserved names, as a time: Unix
                              //  milliseconds
} zseq_record_t;

//  A record for a node that was just formatted: incarnation 1 with that
//  random number, no vote, floors 1. Errors: ZSEQ_EINVAL (cluster is no label,
//  or name is not among the members).
int zseq_record_init (zseq_record_t *self, const char *cluster,
                      const char *name, const zseq_members_t *members,
                      uint64_t random);

//  Makes it the record of a node whose own record is missing or damaged: no
//  vote, no incarnation, and the identity, if known (else 0).
void zseq_record_reset (zseq_record_t *self, uint64_t identity);

//  Whether the record lacks what a node must know, so that the node has to
//  recover: it neither votes nor was just formatted.
bool zseq_record_incomplete (const zseq_record_t *self);

//  The identity of a cluster whose vector is complete: never 0. A hash
//  (XXH3, 64 bits) of the cluster's name, the members' names and the random
//  numbers of vector. See lib/doc/wire.md, section 3.
uint64_t zseq_record_identity (const zseq_record_t *self);

#endif
