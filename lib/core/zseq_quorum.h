//  Quorums: which sets of nodes are enough for a read, and which for a write.
//  Source: Gifford, "Weighted Voting for Replicated Data" (SOSP 1979), and
//  lib/doc/design.md, S2.

#ifndef ZSEQ_QUORUM_H_INCLUDED
#define ZSEQ_QUORUM_H_INCLUDED

#include "zseq_node_set.h"

typedef struct {
    uint8_t n;  //  Nodes in the cluster
    uint8_t r;  //  Replies that a read waits for
    uint8_t w;  //  Replies that a write waits for
} zseq_quorum_t;

//  What a set of nodes is to be enough for.
typedef enum {
    ZSEQ_QUORUM_READ = 1,
    ZSEQ_QUORUM_WRITE = 2,
    ZSEQ_QUORUM_BOTH = 3,
} zseq_quorum_kind_t;

//  The smallest number of nodes that any two sets of that size share.
uint8_t zseq_quorum_majority (uint8_t n);

//  Sets self to n nodes (1..ZSEQ_NODES_MAX) and the given r and w, where 0
//  means the smallest that is safe. Errors, self untouched: ZSEQ_EQUORUM
//  unless w is at least the majority, r at least n - majority + 1, and both
//  at most n.
int zseq_quorum_init (zseq_quorum_t *self, size_t n, size_t r, size_t w);

//  How many nodes the smallest quorum of that kind has.
uint8_t zseq_quorum_size (const zseq_quorum_t *self, zseq_quorum_kind_t kind);

//  Whether nodes are a quorum of that kind. Nodes from n on do not count.
bool zseq_quorum_reached (const zseq_quorum_t *self, zseq_quorum_kind_t kind,
                          zseq_node_set_t nodes);

//  Whether any majority is a write quorum.
bool zseq_quorum_writes_by_majority (const zseq_quorum_t *self);

#endif
