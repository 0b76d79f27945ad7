//  Whom a client asks to claim on its behalf: of the nodes in the name's own
//  order, the first that answers. All clients of a name find the same one, and
//  names spread over the nodes. Source: Thaler and Ravishankar, "Using
//  Name-Based Mappings to Increase Hit Rates" (IEEE/ACM ToN 6(1), 1998), and
//  lib/doc/wire.md, section 6.9.

#ifndef ZSEQ_RENDEZVOUS_H_INCLUDED
#define ZSEQ_RENDEZVOUS_H_INCLUDED

#include "zseq.h"

typedef struct {
    uint64_t label;     //  Of its name
    bool passed;        //  It did not answer, and has not been heard of since
    uint64_t probe;     //  Question that is to tell whether it does; 0: none
    uint64_t probe_us;  //  When to ask again
    uint64_t pause_us;  //  How long then to wait
} zseq_candidate_t;

typedef struct {
    uint8_t n;
    zseq_candidate_t candidate[ZSEQ_NODES_MAX];
} zseq_rendezvous_t;

//  Of n nodes, with none of their names known yet.
void zseq_rendezvous_init (zseq_rendezvous_t *self, uint8_t n);

void zseq_rendezvous_set_name (zseq_rendezvous_t *self, uint8_t node,
                               const char *name, size_t size);

//  Writes the n nodes in the order of that name.
void zseq_rendezvous_order (const zseq_rendezvous_t *self, const char *name,
                            size_t size, uint8_t *order);

//  The first of them that is not passed over; n if all are.
uint8_t zseq_rendezvous_choose (const zseq_rendezvous_t *self,
                                const uint8_t *order);

//  That node has not answered, or refused: it is passed over until it is heard
//  of again. Nobody's request waits to find out.
void zseq_rendezvous_pass (zseq_rendezvous_t *self, uint8_t node,
                           uint64_t now_us);

//  It has done what it was asked: if it is passed over again, not for long. One
//  that answers and does nothing is asked ever less often.
void zseq_rendezvous_meet (zseq_rendezvous_t *self, uint8_t node);

//  Whether to ask a node that is passed over something, and under which ID it
//  then was asked.
bool zseq_rendezvous_doubtful (const zseq_rendezvous_t *self, uint8_t node,
                               uint64_t now_us);
void zseq_rendezvous_probe (zseq_rendezvous_t *self, uint8_t node,
                            uint64_t request, uint64_t now_us);

//  A node has answered a request. Returns whether it was such a question.
bool zseq_rendezvous_hear (zseq_rendezvous_t *self, uint8_t node,
                           uint64_t request, int status);

#endif
