//  The texts of zseq_explain.h.

#include "zseq_explain.h"

#include <assert.h>

#include "zseq_client_texts.h"
#include "zseq_limits.h"

//  Names the nodes that the request has not reached.
static void
s_add_unsent (const zseq_session_t *session, zseq_node_set_t unsent,
              zseq_outcome_t *outcome)
{
    const char *before = ZSEQ_TEXT_UNREACHABLE;
    for (uint8_t node = 0; node < zseq_session_n (session); node++) {
        if (!zseq_node_set_has (unsent, node))
            continue;
        const zseq_member_t *member = zseq_session_member (session, node);
        zseq_outcome_add (outcome, "%s%s at %s", before, member->name,
                          member->endpoint);
        before = ", ";
    }
}

//  Adds the consequence; and that the process lacks descriptors, without which
//  it connects to no node, and a local node writes nothing.
static void
s_add_consequence (const char *consequence, size_t descriptors,
                   zseq_outcome_t *outcome)
{
    char text[ZSEQ_DETAIL_MAX];
    if (!zseq_limits_leave (descriptors, 0, text, sizeof text))
        zseq_outcome_add (outcome, "; %s", text);
    zseq_outcome_add (outcome, "; %s", consequence);
}

//  Names the nodes whose replies do not count (S4).
static void
s_add_superseded (const zseq_session_t *session, const zseq_attempt_t *attempt,
                  zseq_outcome_t *outcome)
{
    unsigned count = 0;
    for (uint8_t node = 0; node < zseq_session_n (session); node++)
        if (zseq_attempt_refusal (attempt, node) == ZSEQ_ESUPERSEDED)
            zseq_outcome_add (outcome, "%s%s",
                              count++ ? ", " : ZSEQ_TEXT_NOT_COUNTED,
                              zseq_session_member (session, node)->name);
    if (count == 1)
        zseq_outcome_add (outcome, ZSEQ_TEXT_SUPERSEDED_ONE);
    else if (count)
        zseq_outcome_add (outcome, ZSEQ_TEXT_SUPERSEDED_MANY);
}

//  Names the nodes that refuse, and why.
static void
s_add_refusals (const zseq_session_t *session, const zseq_attempt_t *attempt,
                zseq_outcome_t *outcome)
{
    for (uint8_t node = 0; node < zseq_session_n (session); node++) {
        int refusal = zseq_attempt_refusal (attempt, node);
        if (refusal != ZSEQ_OK && refusal != ZSEQ_ESUPERSEDED)
            zseq_outcome_add (outcome, ZSEQ_TEXT_NODE_REFUSES,
                              zseq_session_member (session, node)->name,
                              zseq_strerror (refusal));
    }
}

void
zseq_explain_add (const zseq_session_t *session,
                  const zseq_progress_t *progress, const char *consequence,
                  zseq_outcome_t *outcome)
{
    assert (session);
    assert (progress);
    assert (consequence);
    assert (outcome);

    s_add_superseded (session, progress->attempt, outcome);
    s_add_refusals (session, progress->attempt, outcome);
    s_add_unsent (session, progress->unsent, outcome);
    unsigned unsent = zseq_node_set_count (progress->unsent);
    s_add_consequence (consequence, unsent ? unsent : 1, outcome);
}

void
zseq_explain (const zseq_session_t *session, const zseq_progress_t *progress,
              zseq_quorum_kind_t kind, const char *consequence,
              zseq_outcome_t *outcome)
{
    assert (session);
    assert (progress);
    assert (consequence);
    assert (outcome);

    if (zseq_session_fatal (session)) {
        *outcome = *zseq_session_fatal (session);
        return;
    }
    if (!zseq_session_ready (session) || !progress->started) {
        zseq_session_explain (session, outcome);
        s_add_consequence (consequence, 1, outcome);
        return;
    }
    unsigned n = zseq_session_n (session);
    zseq_node_set_t answering;
    int rc = zseq_attempt_failure (progress->attempt, kind, &answering);
    unsigned answered = zseq_node_set_count (answering);
    if (rc == ZSEQ_EUNAVAILABLE && progress->foreign)
        zseq_outcome_set (outcome, ZSEQ_ECLUSTER, ZSEQ_TEXT_CLUSTER_ANEW);
    else if (rc == ZSEQ_ETIMEOUT)
        zseq_outcome_set (outcome, rc, ZSEQ_TEXT_ANSWERED_LATE, answered, n);
    else
        zseq_outcome_set (outcome, rc, ZSEQ_TEXT_ANSWERED_FEW, answered, n,
                          zseq_quorum_size (&progress->attempt->quorum, kind));
    zseq_explain_add (session, progress, consequence, outcome);
}
