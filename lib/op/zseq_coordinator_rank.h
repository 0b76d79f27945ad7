//  Whom a client asks to claim on its behalf: of the nodes in the name's own
//  order, the first that answers. All clients of a name find the same one, and
//  names spread over the nodes. Source: Thaler and Ravishankar, "Using
//  Name-Based Mappings to Increase Hit Rates" (IEEE/ACM ToN 6(1), 1998), and
//  lib/doc/wire.md, section 6.9.

#ifndef ZSEQ_COORDINATOR_RANK_H_INCLUDED
#define ZSEQ_COORDINATOR_RANK_H_INCLUDED

#include "zseq.h"

typedef struct {
    uint64_t label;     //  Of its name
    bool down;          //  It did not answer, and has not been heard of since
    uint64_t probe;     //  Question that is to tell whether it does; 0: none
    uint64_t probe_us;  //  When to ask again
    uint64_t pause_us;  //  How long then to wait
} zseq_candidate_t;

typedef struct {
    uint8_t n;
    zseq_candidate_t candidate[ZSEQ_NODES_MAX];
} zseq_coordinator_rank_t;

//  Of n nodes, with none of their names known yet.
void zseq_coordinator_rank_init (zseq_coordinator_rank_t *self, uint8_t n);

void zseq_coordinator_rank_set_name (zseq_coordinator_rank_t *self,
                                     uint8_t node, const char *name,
                                     size_t size);

//  Writes the n nodes in the order of that name.
void zseq_coordinator_rank_nodes (const zseq_coordinator_rank_t *self,
                                  const char *name, size_t size,
                                  uint8_t *ranking);

//  The first of them that is not passed over; n if all are.
uint8_t zseq_coordinator_rank_choose (const zseq_coordinator_rank_t *self,
                                      const uint8_t *ranking);

//  That node has not answered, or refused: it is passed over until it is heard
//  of again. Nobody's request waits to find out.
void zseq_coordinator_rank_mark_down (zseq_coordinator_rank_t *self,
                                      uint8_t node, uint64_t now_us);

//  It has done what it was asked: if it is passed over again, not for long. One
//  that answers and does nothing is asked ever less often.
void zseq_coordinator_rank_mark_up (zseq_coordinator_rank_t *self,
                                    uint8_t node);

//  Whether to ask a node that is passed over something, and under which ID it
//  then was asked.
bool zseq_coordinator_rank_probe_due (const zseq_coordinator_rank_t *self,
                                      uint8_t node, uint64_t now_us);
void zseq_coordinator_rank_probe (zseq_coordinator_rank_t *self, uint8_t node,
                                  uint64_t request, uint64_t now_us);

//  A node has answered a request. Returns whether it was such a question.
bool zseq_coordinator_rank_probe_reply (zseq_coordinator_rank_t *self,
                                        uint8_t node, uint64_t request,
                                        int status);

#endif
