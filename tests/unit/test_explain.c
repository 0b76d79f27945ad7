//  Tests the texts of failed requests. The session is only what it has learnt,
//  and the test adds the replies.

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "zseq_explain.h"

#define NODES 3

static zseq_session_t
s_session (void)
{
    zseq_session_t session = {.ready = true, .known = true};
    session.members.n = NODES;
    for (uint8_t node = 0; node < NODES; node++)
        snprintf (session.members.member[node].name,
                  sizeof session.members.member[node].name, "%c", 'a' + node);
    return session;
}

static zseq_attempt_t
s_attempt (void)
{
    zseq_quorum_t quorum;
    zseq_timing_t timing = {.deadline_us = 5000000};
    zseq_attempt_t attempt;
    cr_assert_eq (zseq_quorum_init (&quorum, NODES, 0, 0), ZSEQ_OK);
    zseq_attempt_init (&attempt, &quorum, &timing);
    zseq_attempt_begin (&attempt, 7, true, 0);
    return attempt;
}

//  Adds a reply. The node knows that incarnation of each node.
static void
s_hear (zseq_attempt_t *attempt, uint8_t node, int status,
        const uint64_t *incarnations)
{
    zseq_msg_t msg = {.op = ZSEQ_OP_READ,
                      .reply = true,
                      .request = 7,
                      .status = status,
                      .node = node,
                      .read.next = 1};
    msg.vector.n = NODES;
    for (uint8_t index = 0; index < NODES; index++)
        msg.vector.incarnation[index].counter = incarnations[index];
    cr_assert (zseq_attempt_add (attempt, &msg));
}

static zseq_outcome_t
s_explain (const zseq_attempt_t *attempt)
{
    zseq_session_t session = s_session ();
    zseq_progress_t progress = {.started = true, .attempt = attempt};
    zseq_outcome_t outcome;
    zseq_explain (&session, &progress, ZSEQ_QUORUM_WRITE, "none was issued",
                  &outcome);
    return outcome;
}

//  Each of two nodes knows a newer incarnation of the other one.
Test (explain, names_nodes_that_answered_and_do_not_count)
{
    zseq_attempt_t attempt = s_attempt ();
    s_hear (&attempt, 0, ZSEQ_OK, (uint64_t[]){1, 2, 1});
    s_hear (&attempt, 1, ZSEQ_OK, (uint64_t[]){2, 1, 1});
    s_hear (&attempt, 2, ZSEQ_ENOSPACE, (uint64_t[]){1, 1, 1});
    zseq_outcome_t outcome = s_explain (&attempt);
    cr_expect_eq (outcome.rc, ZSEQ_ENOSPACE);
    cr_expect_str_eq (
      outcome.detail,
      "0 of 3 nodes answered, 2 are needed; answers that do not count: a, b "
      "(other nodes know newer incarnations of them; do they run on old copies "
      "of their directories?); node c refuses: the disk is full; none was "
      "issued");
}

Test (explain, says_nothing_of_nodes_whose_answers_count)
{
    zseq_attempt_t attempt = s_attempt ();
    s_hear (&attempt, 0, ZSEQ_OK, (uint64_t[]){1, 1, 1});
    zseq_outcome_t outcome = s_explain (&attempt);
    cr_expect_eq (outcome.rc, ZSEQ_EUNAVAILABLE);
    cr_expect_str_eq (outcome.detail,
                      "1 of 3 nodes answered, 2 are needed; none was issued");
}
