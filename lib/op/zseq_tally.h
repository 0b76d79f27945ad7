//  Replies to one operation, counted by node and incarnation, which is what
//  makes a node that lost its disk harmless (design.md, S3 and S4).

#ifndef ZSEQ_TALLY_H_INCLUDED
#define ZSEQ_TALLY_H_INCLUDED

#include "zseq_msg.h"
#include "zseq_node_set.h"

typedef struct {
    bool present;                    //  It replied
    int status;                      //  The reply's status
    uint64_t next;                   //  The reply's next; 0 if it carried none
    zseq_incarnation_t incarnation;  //  The replier's own entry in its vector
} zseq_vote_t;

typedef struct {
    uint8_t n;
    zseq_vote_t vote[ZSEQ_NODES_MAX];
    zseq_vector_t newest;  //  The newest incarnations that any reply showed;
                           //  only _add and _learn may change it
    zseq_node_set_t counting;  //  Nodes whose votes count
} zseq_tally_t;

void zseq_tally_init (zseq_tally_t *self, uint8_t n);

//  Takes in a reply. Of two replies of one node the newer incarnation's is
//  kept, and of two of the same incarnation the first one: the second may be a
//  refusal of what the first has granted. Returns whether it was kept; a reply
//  whose node or vector does not fit n is not.
bool zseq_tally_add (zseq_tally_t *self, const zseq_msg_t *reply);

//  Takes in incarnations that were seen elsewhere, of n nodes.
void zseq_tally_learn (zseq_tally_t *self, const zseq_vector_t *vector);

//  Whether node has replied and no reply shows a newer incarnation of it.
bool zseq_tally_counts (const zseq_tally_t *self, uint8_t node);

//  The nodes that count and said status.
zseq_node_set_t zseq_tally_nodes (const zseq_tally_t *self, int status);

#endif
