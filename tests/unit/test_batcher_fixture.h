//  What the tests of the batcher share: a queue of one name, nodes made of
//  numbers, and a clock of our own. A test adds requests, flushes, reads the
//  letters that were sent, and lets the nodes answer them.

#ifndef TEST_BATCHER_FIXTURE_H_INCLUDED
#define TEST_BATCHER_FIXTURE_H_INCLUDED

#include "zseq_batcher.h"

#define TRIP_US 200u
#define LETTERS_MAX 65536
#define ALL_NODES UINT32_MAX
#define REQUESTS_MAX 64
#define ENDED_MAX 1024
#define LIMIT_US 10000000u  //  After the start: a request's deadline

//  What was sent to a node.
typedef struct {
    zseq_msg_t msg;
    uint8_t node;
    bool answered;
} test_letter_t;

extern zseq_batcher_t *test_batcher;
extern zseq_request_queue_t *test_queue;
extern zseq_quorum_t test_quorum;
extern zseq_coordinator_rank_t test_rank;
extern uint8_t test_ranking[ZSEQ_NODES_MAX];  //  Whom to ask first, and then
extern uint64_t test_now;
extern uint64_t test_drawn;
extern test_letter_t test_letters[LETTERS_MAX];
extern size_t test_sent;   //  Letters
extern size_t test_read;   //  ... of which a test has seen these
extern uint32_t test_cut;  //  Nodes that cannot be reached, a bit each
extern zseq_request_t test_requests[REQUESTS_MAX];
extern zseq_request_t *test_ended[ENDED_MAX];
extern size_t test_ended_count;

//  The nodes.
extern uint64_t test_next[ZSEQ_NODES_MAX];
extern int test_refusal[ZSEQ_NODES_MAX];  //  What each says to everything
extern uint32_t test_mute;                //  Those that do not answer
extern uint64_t test_served;              //  What a coordinator says of others
extern uint32_t test_congested;           //  Those that say that they are
extern uint64_t test_competitor;          //  How many IDs another client takes
                                          //  before each of our claims arrives

//  The hooks of test_batcher: notes a letter, and draws an ID.
bool test_ask (void *arg, uint8_t node, zseq_msg_t *msg);
uint64_t test_draw (void *arg);

//  A batcher for n nodes, where w 0 is the smallest; not open.
void test_make (size_t n, size_t w);

//  The same with the smallest w, open; and frees the batcher.
void test_open (size_t n);
void test_close (void);

//  Puts request index into the queue: for count IDs or count_min at least,
//  until deadline_us or LIMIT_US from now, or for just count.
zseq_request_t *test_add_until (size_t index, uint64_t count,
                                uint64_t count_min, uint64_t deadline_us);
zseq_request_t *test_add_at_least (size_t index, uint64_t count,
                                   uint64_t count_min);
zseq_request_t *test_add (size_t index, uint64_t count);

//  Flushes; and ticks, then flushes.
void test_flush (void);
void test_tick (void);

//  Lets the time pass until something is to be done.
void test_wait (void);

//  The next letter that was not read yet.
test_letter_t *test_letter (zseq_op_t op);

//  One for each node, of the same question. Returns the last one.
test_letter_t *test_letter_to_all (zseq_op_t op);

//  All letters were read.
void test_assert_silent (void);

//  A reply of node to a letter, of which the caller sets the body.
zseq_msg_t test_reply_to (const test_letter_t *letter, uint8_t node,
                          int status);

//  A coordinator that takes what all nodes have left.
int test_coordinate (const test_letter_t *letter, uint64_t *first_p,
                     uint64_t *count_p);

//  A node answers a letter as a node does. Returns whether the answer was
//  expected.
bool test_answer (test_letter_t *letter);

//  All nodes that talk answer all that was sent them, a trip later.
void test_answer_all (void);

//  Until nobody waits any more.
void test_finish (void);

//  One request from its beginning to its end.
zseq_request_t *test_draw_ids (uint64_t count);

//  A request got just these IDs.
void test_assert_got (const zseq_request_t *request, uint64_t first,
                      uint64_t count);

//  IDs burnt so far.
uint64_t test_burnt (void);

//  Another client takes IDs of all nodes.
void test_interfere (uint64_t count);

//  Lets the queue meet another client, so that it asks coordinators; IDs are
//  claimed up to some number.
void test_turn (size_t n);

#endif
