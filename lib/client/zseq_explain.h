//  Explains to people why a request failed: which nodes answered, which nodes
//  were not reachable, and what to do.

#ifndef ZSEQ_EXPLAIN_H_INCLUDED
#define ZSEQ_EXPLAIN_H_INCLUDED

#include "zseq_attempt.h"
#include "zseq_session.h"

//  A request's progress.
typedef struct {
    bool started;                   //  The request was sent
    bool foreign;                   //  A node answered for another cluster
    zseq_node_set_t unsent;         //  Nodes it was not sent to
    const zseq_attempt_t *attempt;  //  May be NULL if it has not started
} zseq_progress_t;

//  Sets outcome to why a request did not get the grants of a quorum of that
//  kind by its deadline. consequence: what the failure means for the sequence.
void zseq_explain (const zseq_session_t *session,
                   const zseq_progress_t *progress, zseq_quorum_kind_t kind,
                   const char *consequence, zseq_outcome_t *outcome);

//  Adds to outcome, which says why a started request failed, which nodes refuse
//  and which could not be reached, and the consequence.
void zseq_explain_add (const zseq_session_t *session,
                       const zseq_progress_t *progress, const char *consequence,
                       zseq_outcome_t *outcome);

#endif
