//  One attempt of a node to recover from its peers: who answered what, in
//  which life, and whose answers count. The node that owns it asks and takes
//  over what is told. Source: lib/doc/design.md, section 6 (Michael, Ports,
//  Sharma and Szekeres, DISC 2017), and lib/doc/wire.md.

#ifndef ZSEQ_RECOVERY_H_INCLUDED
#define ZSEQ_RECOVERY_H_INCLUDED

#include "zseq_msg.h"
#include "zseq_quorum.h"

//  What a peer has answered.
typedef struct {
    bool asked;               //  It votes, and said which lives it knows
    bool fenced;              //  Our new life is in force there, on its disk
    bool complete;            //  ... and all that it holds was copied
    zseq_incarnation_t life;  //  The life of the peer that answered so
    uint64_t floor;           //  Of a fenced one, as the next
    uint64_t floor_reserved;
    uint64_t total;      //  Names that it holds
    uint64_t copied;     //  Names that were copied
    uint8_t after_size;  //  The last one of these
    char after[ZSEQ_NAME_MAX];
} zseq_peer_answers_t;

typedef struct {
    uint8_t self;          //  Who recovers
    zseq_quorum_t quorum;  //  Voting peers whose answers it takes: a write's
    zseq_vector_t newest;  //  The newest lives that any reply showed
    zseq_peer_answers_t answers[ZSEQ_NODES_MAX];
} zseq_recovery_t;

//  A new attempt: nobody has answered.
void zseq_recovery_init (zseq_recovery_t *self, const zseq_record_t *record);

//  Takes in the vector of a reply of peer, which must be of this cluster.
//  Forgets the answers of lives that have ended. Returns whether the reply is
//  of the newest known life of peer, so that it may be used.
bool zseq_recovery_see (zseq_recovery_t *self, uint8_t peer,
                        const zseq_vector_t *vector);

//  The peers whose answers count that were asked, or copied from completely.
zseq_node_set_t zseq_recovery_asked (const zseq_recovery_t *self);
zseq_node_set_t zseq_recovery_complete (const zseq_recovery_t *self);

//  Whether nodes are as many as a recovery takes.
bool zseq_recovery_reached (const zseq_recovery_t *self, zseq_node_set_t nodes);

//  Whether somebody knows a newer life of this node than life.
bool zseq_recovery_superseded (const zseq_recovery_t *self,
                               const zseq_incarnation_t *life);

#endif
