//  What the tests of the batcher share: a queue of one name, simulated nodes,
//  each of which is only its next ID, and a clock that the test moves. A test
//  adds requests, flushes, reads the messages that were sent (letters), and
//  lets the nodes answer them.

#ifndef TEST_BATCHER_FIXTURE_H_INCLUDED
#define TEST_BATCHER_FIXTURE_H_INCLUDED

#include "zseq_batcher.h"

#define TRIP_US 200u
#define LETTERS_MAX 65536
#define ALL_NODES UINT32_MAX
#define REQUESTS_MAX 256
#define ENDED_MAX 1024
#define LIMIT_US 10000000u  //  After the start: a request's deadline

//  A message that was sent to a node.
typedef struct {
    zseq_msg_t msg;
    uint8_t node;
    bool answered;
} test_letter_t;

extern zseq_batcher_t *test_batcher;
extern zseq_request_queue_t *test_queue;
extern zseq_quorum_t test_quorum;
extern zseq_coordinator_rank_t test_rank;
extern uint8_t test_ranking[ZSEQ_NODES_MAX];  //  Which node to ask first
extern uint64_t test_now;
extern uint64_t test_drawn;
extern test_letter_t test_letters[LETTERS_MAX];
extern size_t test_sent;   //  Letters sent so far
extern size_t test_read;   //  ... of which the test has read these
extern uint32_t test_cut;  //  Unreachable nodes, a bit each
extern zseq_request_t test_requests[REQUESTS_MAX];
extern zseq_request_t *test_ended[ENDED_MAX];
extern size_t test_ended_count;

//  The nodes.
extern uint64_t test_next[ZSEQ_NODES_MAX];
extern int test_refusal[ZSEQ_NODES_MAX];  //  Status of each node's replies
extern uint32_t test_mute;                //  Nodes that do not answer
extern uint64_t test_served;              //  served of a coordinator's replies
extern uint32_t test_congested;           //  Nodes that report congestion
extern bool test_contended;               //  What nodes say of the name
extern uint64_t test_competitor;          //  How many IDs another client takes
                                          //  before each of our claims arrives

//  The hooks of test_batcher: test_ask stores a letter, and test_draw draws a
//  request ID.
bool test_ask (void *arg, uint8_t node, zseq_msg_t *msg);
uint64_t test_draw (void *arg);

//  Makes a batcher for n nodes that is not open yet. w is the write quorum,
//  where 0 is the smallest.
void test_make (size_t n, size_t w);

//  test_open makes the batcher with the smallest w and opens it. test_close
//  frees it.
void test_open (size_t n);
void test_close (void);

//  Puts request index into the queue. It asks for count IDs, or for count_min
//  at least (without that argument, for exactly count). Its deadline is
//  deadline_us, or LIMIT_US from now.
zseq_request_t *test_add_until (size_t index, uint64_t count,
                                uint64_t count_min, uint64_t deadline_us);
zseq_request_t *test_add_at_least (size_t index, uint64_t count,
                                   uint64_t count_min);
zseq_request_t *test_add (size_t index, uint64_t count);

//  test_flush flushes the batcher. test_tick ticks it first.
void test_flush (void);
void test_tick (void);

//  Moves the clock to the batcher's wake-up time, and ticks.
void test_wait (void);

//  Returns the next unread letter, which must be of this op.
test_letter_t *test_letter (zseq_op_t op);

//  Reads one letter to each node, all of the same request. Returns the last
//  one.
test_letter_t *test_letter_to_all (zseq_op_t op);

//  Checks that no letter is unread.
void test_assert_silent (void);

//  Makes a reply of node to a letter. The body echoes the request, and the
//  caller sets what differs.
zseq_msg_t test_reply_to (const test_letter_t *letter, uint8_t node,
                          int status);

//  Claims for a coordinator, from the lowest ID that is free on all nodes.
int test_coordinate (const test_letter_t *letter, uint64_t *first_p,
                     uint64_t *count_p);

//  Answers a letter as its node would. Returns whether the batcher expected the
//  reply.
bool test_answer (test_letter_t *letter);

//  Moves the clock by a round trip. All nodes that are not mute answer all
//  letters.
void test_answer_all (void);

//  Runs until no request waits.
void test_finish (void);

//  Runs one request from its beginning to its end.
zseq_request_t *test_draw_ids (uint64_t count);

//  Checks that a request got exactly these IDs.
void test_assert_got (const zseq_request_t *request, uint64_t first,
                      uint64_t count);

//  Returns how many IDs were burnt so far.
uint64_t test_burnt (void);

//  Another client takes IDs at all nodes.
void test_interfere (uint64_t count);

//  Opens the batcher and makes its queue find another client, so that it sends
//  NEXT to coordinators. A few IDs are claimed on the way.
void test_turn (size_t n);

#endif
