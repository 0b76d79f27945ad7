//  Why a request failed, in words for a person: who answered, who was not
//  reachable, and what to do about it.

#ifndef ZSEQ_EXPLAIN_H_INCLUDED
#define ZSEQ_EXPLAIN_H_INCLUDED

#include "zseq_attempt.h"
#include "zseq_session.h"

//  How far a request has come.
typedef struct {
    bool started;                   //  Nodes were asked
    bool foreign;                   //  A node answered for another cluster
    zseq_node_set_t unsent;         //  Nodes that it could not be sent to
    const zseq_attempt_t *attempt;  //  May be NULL if it has not started
} zseq_progress_t;

//  Sets outcome to why a request that needs the grants of such a quorum did not
//  get them by its deadline. consequence: what that means for the sequence.
void zseq_explain (const zseq_session_t *session,
                   const zseq_progress_t *progress, zseq_quorum_kind_t kind,
                   const char *consequence, zseq_outcome_t *outcome);

#endif
