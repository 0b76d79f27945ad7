//  Ranks the nodes as coordinators of a name (rendezvous hashing), so that all
//  clients of a name delegate to the same node, and names spread over the
//  nodes. The coordinator is the first node in that ranking that is not down.
//  Source: Thaler and Ravishankar, "Using Name-Based Mappings to Increase Hit
//  Rates" (IEEE/ACM ToN 6(1), 1998), and lib/doc/wire.md, section 6.9.

#ifndef ZSEQ_COORDINATOR_RANK_H_INCLUDED
#define ZSEQ_COORDINATOR_RANK_H_INCLUDED

#include "zseq.h"

typedef struct {
    uint64_t label;     //  A hash of the node's name
    bool down;          //  It did not answer, nor a probe since
    uint64_t probe;     //  Request ID of the probe under way; 0: none
    uint64_t probe_us;  //  When the next probe is due
    uint64_t pause_us;  //  The pause before the probe after that
} zseq_candidate_t;

typedef struct {
    uint8_t n;
    uint8_t self;  //  The node that asks others; n: a client asks
    zseq_candidate_t candidate[ZSEQ_NODES_MAX];
} zseq_coordinator_rank_t;

//  A ranking of n nodes, whose names are not known yet.
void zseq_coordinator_rank_init (zseq_coordinator_rank_t *self, uint8_t n);

//  A node itself asks, and is a candidate that is always up.
void zseq_coordinator_rank_set_self (zseq_coordinator_rank_t *self,
                                     uint8_t node);

void zseq_coordinator_rank_set_name (zseq_coordinator_rank_t *self,
                                     uint8_t node, const char *name,
                                     size_t size);

//  Writes the n nodes to ranking, the first coordinator of that name first.
void zseq_coordinator_rank_nodes (const zseq_coordinator_rank_t *self,
                                  const char *name, size_t size,
                                  uint8_t *ranking);

//  The first node of ranking that is not down; n if all are.
uint8_t zseq_coordinator_rank_choose (const zseq_coordinator_rank_t *self,
                                      const uint8_t *ranking);

//  A node did not answer, or refused: it is down until it answers a probe. No
//  request waits for the probe.
void zseq_coordinator_rank_mark_down (zseq_coordinator_rank_t *self,
                                      uint8_t node, uint64_t now_us);

//  A node has served a NEXT: resets the pause before its next probe. A node
//  that answers probes but serves nothing is probed with growing pauses.
void zseq_coordinator_rank_note_served (zseq_coordinator_rank_t *self,
                                        uint8_t node);

//  Whether a node that is down is due to be probed; and that it was probed
//  under that request ID.
bool zseq_coordinator_rank_probe_due (const zseq_coordinator_rank_t *self,
                                      uint8_t node, uint64_t now_us);
void zseq_coordinator_rank_probe (zseq_coordinator_rank_t *self, uint8_t node,
                                  uint64_t request, uint64_t now_us);

//  A node has replied. Returns whether the request was a probe; ZSEQ_OK marks
//  the node up.
bool zseq_coordinator_rank_probe_reply (zseq_coordinator_rank_t *self,
                                        uint8_t node, uint64_t request,
                                        int status);

#endif
