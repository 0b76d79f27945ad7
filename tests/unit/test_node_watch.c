//  Tests what a node logs of its peers and of the quorum.

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "zseq_node_fixture.h"

#define STEP_US 100000
#define LINES_MAX 32
#define NODES_MAX 5

//  A node and the lines that it has logged.
typedef struct {
    fixture_t *node;
    zseq_state_t state[NODES_MAX];  //  That peers answer with; 0: silent
    char line[LINES_MAX][512];
    zseq_log_level_t level[LINES_MAX];
    size_t count;
} watched_t;

static void
s_take_lines (watched_t *self)
{
    for (size_t index = 0; index < self->node->count; index++) {
        const fixture_seen_t *seen = &self->node->seen[index];
        if (seen->type != ZSEQ_ACTION_LOG)
            continue;
        cr_assert_lt (self->count, (size_t) LINES_MAX);
        self->level[self->count] = seen->level;
        strcpy (self->line[self->count++], seen->text);
    }
}

//  Lets time pass. Peers answer each question at once, or not at all.
static void
s_run (watched_t *self, uint64_t us)
{
    self->count = 0;
    for (uint64_t passed = 0; passed < us; passed += STEP_US) {
        fixture_tick (self->node, STEP_US);
        s_take_lines (self);
        bool answers[NODES_MAX] = {false};
        zseq_msg_t reply[NODES_MAX];
        for (uint8_t peer = 1; peer < self->node->record.members.n; peer++) {
            answers[peer] =
              self->state[peer] && fixture_asked (self->node, peer) >= 0;
            if (answers[peer])
                reply[peer] = fixture_introduction (self->node, peer);
        }
        for (uint8_t peer = 1; peer < self->node->record.members.n; peer++) {
            if (!answers[peer])
                continue;
            reply[peer].introduce.state = self->state[peer];
            fixture_answer (self->node, peer, &reply[peer]);
            s_take_lines (self);
        }
    }
}

//  How many of the lines since s_run began, from that level on, contain text.
static size_t
s_count (const watched_t *self, zseq_log_level_t level, const char *text)
{
    size_t count = 0;
    for (size_t index = 0; index < self->count; index++)
        if (self->level[index] == level && strstr (self->line[index], text))
            count++;
    return count;
}

//  How many lines are graver than debugging.
static size_t
s_lines (const watched_t *self)
{
    return self->count - s_count (self, ZSEQ_LOG_DEBUG, "");
}

static void
s_begin (watched_t *self)
{
    *self = (watched_t){
      .node = fixture_voter (),
      .state = {0, ZSEQ_STATE_VOTING, ZSEQ_STATE_VOTING},
    };
    s_run (self, 2000000);
    cr_assert_eq (s_count (self, ZSEQ_LOG_INFO, "peer b at tcp:"), 1);
    cr_assert_eq (s_count (self, ZSEQ_LOG_INFO, "peer c at tcp:"), 1);
    cr_assert_eq (s_count (self, ZSEQ_LOG_DEBUG, "peer b votes"), 1);
}

Test (node_watch, logs_a_peer_that_goes_and_comes_once)
{
    watched_t self;
    s_begin (&self);
    self.state[2] = 0;
    s_run (&self, 10000000);
    cr_assert_eq (s_lines (&self), 1);
    cr_assert_eq (s_count (&self, ZSEQ_LOG_WARNING, "peer c at tcp"), 1);
    s_run (&self, 60000000);
    cr_assert_eq (self.count, 0);
    self.state[2] = ZSEQ_STATE_VOTING;
    s_run (&self, 20000000);
    cr_assert_eq (s_lines (&self), 1);
    cr_assert_eq (s_count (&self, ZSEQ_LOG_INFO, "peer c is up again, after "),
                  1);
    fixture_destroy (&self.node);
}

Test (node_watch, logs_a_peer_that_was_never_there)
{
    watched_t self = {.node = NULL};
    zseq_record_t record = fixture_record (3, 0);
    self.node = fixture_new (&record, 10, 10);
    s_run (&self, 10000000);
    cr_assert_eq (s_count (&self, ZSEQ_LOG_WARNING, "peer b at tcp"), 1);
    cr_assert_eq (s_count (&self, ZSEQ_LOG_WARNING, "peer c at tcp"), 1);
    //  It has not been there, so it was not lost.
    cr_assert_eq (s_count (&self, ZSEQ_LOG_WARNING, "quorum"), 0);
    fixture_destroy (&self.node);
}

Test (node_watch, takes_no_peer_for_down_after_a_pause_of_its_own)
{
    watched_t self;
    s_begin (&self);
    self.node->now_us += 60000000;
    s_run (&self, 10000000);
    cr_assert_eq (self.count, 0);
    fixture_destroy (&self.node);
}

Test (node_watch, knows_nothing_of_a_peer_that_has_not_answered_yet)
{
    watched_t self = {
      .state = {0, ZSEQ_STATE_VOTING, ZSEQ_STATE_VOTING, ZSEQ_STATE_VOTING, 0}};
    zseq_record_t record = fixture_record (5, 0);
    for (uint8_t index = 0; index < 5; index++)
        record.vector.incarnation[index] =
          (zseq_incarnation_t){1, 1000u + index};
    record.identity = 42;
    record.voting = true;
    self.node = fixture_new (&record, 10, 10);
    fixture_tick (self.node, 0);
    fixture_write_record (self.node);
    fixture_tick (self.node, 1000000);
    zseq_msg_t reply[5];
    for (uint8_t peer = 1; peer < 4; peer++)
        reply[peer] = fixture_introduction (self.node, peer);
    for (uint8_t peer = 1; peer < 4; peer++)
        fixture_answer (self.node, peer, &reply[peer]);
    fixture_write_record (self.node);
    cr_assert_eq (zseq_node_state (self.node->node), ZSEQ_STATE_VOTING);
    s_run (&self, 500000);
    self.state[1] = ZSEQ_STATE_RECOVERING;
    self.state[2] = ZSEQ_STATE_RECOVERING;
    s_run (&self, 3400000);
    cr_assert_eq (s_count (&self, ZSEQ_LOG_WARNING,
                           "b recovers, c recovers, e has not said what it "
                           "does"),
                  1);
    fixture_destroy (&self.node);
}

Test (node_watch, logs_that_the_quorum_is_lost_and_regained_once)
{
    watched_t self;
    s_begin (&self);
    self.state[1] = 0;
    self.state[2] = ZSEQ_STATE_RECOVERING;
    s_run (&self, 60000000);
    cr_assert_eq (s_count (&self, ZSEQ_LOG_WARNING, "quorum lost: 1 of 3"), 1);
    cr_assert_eq (s_count (&self, ZSEQ_LOG_WARNING, ": b is down, c recovers"),
                  1);
    cr_assert_eq (s_lines (&self), 2);
    self.state[2] = ZSEQ_STATE_VOTING;
    s_run (&self, 20000000);
    cr_assert_eq (s_count (&self, ZSEQ_LOG_INFO, "quorum regained, after "), 1);
    cr_assert_eq (s_lines (&self), 1);
    fixture_destroy (&self.node);
}

Test (node_watch, loses_no_quorum_while_a_peer_restarts)
{
    watched_t self;
    s_begin (&self);
    self.state[1] = 0;
    s_run (&self, 60000000);
    self.state[2] = ZSEQ_STATE_STARTING;
    s_run (&self, 1500000);
    self.state[2] = ZSEQ_STATE_VOTING;
    cr_assert_eq (s_lines (&self), 0);
    s_run (&self, 5000000);
    cr_assert_eq (s_lines (&self), 0);
    fixture_destroy (&self.node);
}
