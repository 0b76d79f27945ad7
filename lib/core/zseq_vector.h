//  Incarnations of nodes, and the vector of the newest known ones, which every
//  reply carries.
//  Source: Michael, Ports, Sharma and Szekeres, "Recovering Shared Objects
//  Without Stable Storage" (DISC 2017), and lib/doc/design.md, S4.

#ifndef ZSEQ_VECTOR_H_INCLUDED
#define ZSEQ_VECTOR_H_INCLUDED

#include "zseq.h"

//  An incarnation of a node, with one disk: a counter, and a random number
//  drawn when it began. A counter of 0 means that no incarnation is known.
typedef struct {
    uint64_t counter;
    uint64_t random;
} zseq_incarnation_t;

//  Less than, equal to or greater than 0, as a is older than, the same as or
//  newer than b: by counter, then by random number.
int zseq_incarnation_compare (const zseq_incarnation_t *a,
                              const zseq_incarnation_t *b);

//  The start of a process on a node's directory: the counter rises with each
//  start in one incarnation, the random number is that of the process that took
//  it. A counter of 0 means that no start is known. Two starts with one counter
//  belong to two copies of the directory: a node that has seen both keeps the
//  counter with the random number 0, which belongs to no process. Source:
//  lib/doc/design.md, S11.
typedef struct {
    uint64_t counter;
    uint64_t random;
} zseq_start_t;

bool zseq_start_equal (const zseq_start_t *a, const zseq_start_t *b);

//  Raises self to other, a start in the same incarnation, if that is newer; or
//  to the start with random number 0. Returns whether self changed.
bool zseq_start_merge (zseq_start_t *self, const zseq_start_t *other);

//  The newest known incarnation of every node, and the newest known start in
//  it, by member index.
typedef struct {
    uint8_t n;  //  Members, 0..ZSEQ_NODES_MAX
    zseq_incarnation_t incarnation[ZSEQ_NODES_MAX];
    zseq_start_t start[ZSEQ_NODES_MAX];
} zseq_vector_t;

//  Raises every entry of self to other's where that is newer. A newer
//  incarnation brings its start along; of one incarnation the start with the
//  higher counter is newer. Both must have the same n. Returns whether self
//  changed.
bool zseq_vector_merge (zseq_vector_t *self, const zseq_vector_t *other);

//  Whether the incarnations are the same.
bool zseq_vector_equal (const zseq_vector_t *self, const zseq_vector_t *other);

//  Whether an incarnation of every member is known.
bool zseq_vector_complete (const zseq_vector_t *self);

#endif
