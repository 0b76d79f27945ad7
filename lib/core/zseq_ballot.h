//  Ballots and proposals of the key-value store. Source: Lamport, "Paxos Made
//  Simple" (2001), and lib/doc/kv.md.

#ifndef ZSEQ_BALLOT_H_INCLUDED
#define ZSEQ_BALLOT_H_INCLUDED

#include "zseq.h"

//  The highest round, so that a version floor stays below 2^63.
#define ZSEQ_ROUND_MAX 0x7fffffffu

//  A promise rises by at most so many rounds at once, so that nobody uses the
//  rounds up.
#define ZSEQ_ROUND_RISE_MAX 0x100000u

//  The right to propose in a shard. Round 0: none, below all others.
typedef struct {
    uint32_t round;
    uint64_t proposer;  //  56 random bits of a process, then its node's index
} zseq_ballot_t;

//  What a register accepts: one value of one ballot. seq counts from 1; 0: no
//  proposal, the register is absent.
typedef struct {
    zseq_ballot_t ballot;
    uint64_t seq;
} zseq_proposal_t;

//  Below 0, 0, or above 0: left is below, equal to, or above right.
static inline int
zseq_ballot_compare (const zseq_ballot_t *left, const zseq_ballot_t *right)
{
    if (left->round != right->round)
        return left->round < right->round ? -1 : 1;
    return (left->proposer > right->proposer) -
           (left->proposer < right->proposer);
}

static inline int
zseq_proposal_compare (const zseq_proposal_t *left,
                       const zseq_proposal_t *right)
{
    int order = zseq_ballot_compare (&left->ballot, &right->ballot);
    return order ? order : (left->seq > right->seq) - (left->seq < right->seq);
}

//  The index of the node whose process proposes.
static inline uint8_t
zseq_ballot_node (const zseq_ballot_t *self)
{
    return (uint8_t) self->proposer;
}

//  The version floor of a ballot: all versions written under lower rounds are
//  below it. Source: kv.md, K10.
static inline uint64_t
zseq_ballot_floor (const zseq_ballot_t *self)
{
    return (uint64_t) self->round << 32;
}

#endif
