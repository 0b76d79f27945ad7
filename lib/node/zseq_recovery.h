//  One attempt of a node to recover from its peers: which peer answered what,
//  in which incarnation, and whose answers count. The node asks, passes each
//  reply's vector to zseq_recovery_see, stores the answers in `answers`, and
//  goes on when zseq_recovery_reached. Source: lib/doc/design.md, section 6
//  (Michael, Ports, Sharma and Szekeres, DISC 2017), and lib/doc/wire.md.

#ifndef ZSEQ_RECOVERY_H_INCLUDED
#define ZSEQ_RECOVERY_H_INCLUDED

#include "zseq_msg.h"
#include "zseq_quorum.h"

//  What a peer has answered.
typedef struct {
    bool asked;                      //  It votes and has sent its vector
    bool fenced;                     //  Our incarnation is durable there
    bool named;                      //  ... and all its names were copied
    bool says_version;               //  It has said which version it speaks
    bool keyed;                      //  ... and all its records were copied
    bool complete;                   //  All of it was
    zseq_incarnation_t incarnation;  //  Its own when it answered
    uint64_t floor;                  //  Of a fenced one, as the next
    uint64_t floor_reserved;
    uint64_t total;      //  Names that it holds
    uint64_t copied;     //  Names that were copied
    uint8_t after_size;  //  The last one of these
    char after[ZSEQ_NAME_MAX];
    uint64_t process;            //  That shows its records; 0: none has
    uint64_t keys_total;         //  Keys that it holds
    uint64_t keys_copied;        //  Keys that were copied
    zseq_kv_cursor_t after_key;  //  The last one of these
} zseq_peer_answers_t;

typedef struct {
    uint8_t self;          //  The node that recovers
    zseq_quorum_t quorum;  //  Voting peers whose answers it takes: a write's
    zseq_vector_t newest;  //  The newest of any reply
    bool keys_void;        //  Records were copied from an incarnation that has
                           //  ended since
    zseq_peer_answers_t answers[ZSEQ_NODES_MAX];
} zseq_recovery_t;

//  Begins a new attempt: no peer has answered.
void zseq_recovery_init (zseq_recovery_t *self, const zseq_record_t *record);

//  Merges the vector of a reply of peer, which must be of this cluster. Forgets
//  the answers of incarnations that have ended. Returns whether the reply is of
//  the newest known incarnation of peer, so that it may be used.
bool zseq_recovery_see (zseq_recovery_t *self, uint8_t peer,
                        const zseq_vector_t *vector);

//  Forgets what was copied of a peer's keys, which are copied again.
void zseq_recovery_forget_keys (zseq_recovery_t *self, uint8_t peer);

//  The peers whose answers count: those that answered HELLO, and those that
//  were copied from completely.
zseq_node_set_t zseq_recovery_asked (const zseq_recovery_t *self);
zseq_node_set_t zseq_recovery_complete (const zseq_recovery_t *self);

//  Whether nodes are a quorum of peers for a recovery.
bool zseq_recovery_reached (const zseq_recovery_t *self, zseq_node_set_t nodes);

//  Whether any reply showed a newer incarnation of this node than incarnation.
bool zseq_recovery_superseded (const zseq_recovery_t *self,
                               const zseq_incarnation_t *incarnation);

#endif
