//  What the files of the target fuzz_node share: the state of a run, and the
//  steps that one file offers the others.
//
//      fuzz_node.c           an input, its events, and the node's actions
//      fuzz_node_messages.c  requests and replies that are made from the input
//      fuzz_node_peers.c     what peers told the node, and what they answer
//      fuzz_node_disk.c      the disk, and the writes that are under way
//      fuzz_node_check.c     what the node may answer and write (S1 to S11)
//      fuzz_node_step.c      the node's steps, and the end of its writes
//
//  fuzz_node.c uses all others; messages use peers; peers use steps; steps use
//  checks; and checks use the disk. None uses a file that uses it. The checks
//  know the rules, and of the node its record and state only.

#ifndef FUZZ_NODE_H_INCLUDED
#define FUZZ_NODE_H_INCLUDED

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_codec.h"
#include "zseq_fuzz.h"
#include "zseq_node.h"
#include "zseq_quorum.h"

#define IDENTITY 0x1122334455667788u
#define NAMES_MAX 12
#define FILES_MAX 1024  //  Names that any message has had
#define WAITING_MAX 4
#define REQUESTS_MAX 512
#define START_WAIT_US 1000000

//  The names of messages, ascending.
#define WORDS 5
extern const zseq_slice_t fuzz_words[WORDS];

//  What the node's disk holds of a name, and what the node said of it.
typedef struct {
    char name[ZSEQ_NAME_MAX];
    size_t size;
    uint64_t next;
    uint64_t limit;     //  0: there is no record
    uint64_t refused;   //  The limit may be this one instead, if it is not 0
    uint64_t answered;  //  The highest next that was acknowledged
} fuzz_file_t;

typedef struct {
    bool is_record;
    zseq_sequence_t *sequence;
    fuzz_file_t *file;
    uint64_t next;
    uint64_t limit;
    zseq_record_t record;
    uint64_t version;
} fuzz_write_t;

typedef struct {
    zseq_op_t op;
    uint64_t request;
    bool known;     //  By this process of the node
    bool answered;  //  At most once
    bool malformed;
    uint8_t version;
    bool forced;
    uint8_t node;
    zseq_incarnation_t incarnation;
    fuzz_file_t *file;
    uint64_t first;
    uint64_t count;
    uint64_t next;
    size_t after_size;
    char after[ZSEQ_NAME_MAX];
} fuzz_request_t;

//  What a peer has told this process of the node.
typedef struct {
    bool heard;     //  Anything at all
    bool recovers;  //  So it said last
    bool confirms;  //  That it does not recover, and the next five
    bool extended;
    zseq_vector_t vector;
    uint64_t seen;
    uint64_t floor;
    uint64_t floor_reserved;
    uint64_t process;  //  That has last answered at its endpoint

    uint64_t cluster;  //  Whose floors the next two are, the highest
    uint64_t floor_heard;
    uint64_t floor_reserved_heard;

    uint64_t speaks;  //  At most, by HELLO; like the next three
    uint64_t voter_of;
    bool holds;   //  It votes or starts, by the last HELLO
    bool forgot;  //  It recovers and has no vote on its disk, by that HELLO
    zseq_incarnation_t fenced;  //  The node's incarnation that it has answered
    zseq_incarnation_t copied;  //  FENCE to, and the one whose copy is whole
} fuzz_peer_t;

//  A run of one input.
typedef struct {
    zseq_fuzz_t input;
    zseq_node_t *node;
    bool ended;
    uint64_t now_us;
    zseq_record_t disk;        //  The record that is durable
    zseq_record_t maybe_disk;  //  ... or it is this one: refused, n not 0
    fuzz_file_t files[FILES_MAX];
    size_t file_count;
    fuzz_write_t writes[NAMES_MAX + 1];
    size_t write_count;
    fuzz_request_t requests[REQUESTS_MAX];
    size_t request_count;
    zseq_op_t asked_op[ZSEQ_NODES_MAX];  //  0: nothing
    uint64_t asked_request[ZSEQ_NODES_MAX];
    bool asked_open[ZSEQ_NODES_MAX];  //  It was not answered yet
    fuzz_peer_t peers[ZSEQ_NODES_MAX];
    bool speaks_2;           //  Peers may speak version 2
    bool starting;           //  Too few have noted its start yet
    bool may_form;           //  Enough peers have noted the start
    bool start_heard;        //  Peers said that a new incarnation started
    bool incarnation_begun;  //  No HELLO was asked since
    uint64_t process;        //  What it calls itself; 0: not known
    uint64_t began_us;       //  When it began
    zseq_incarnation_t void_incarnation;   //  It must not vote in this one
    zseq_incarnation_t first_incarnation;  //  The one that it began with
    zseq_start_t first_start;              //  The start that it found on disk
    bool first_voted;                      //  ... in which there was a vote
    bool is_forced;                        //  It recovers by force
    zseq_force_t force;
    zseq_vector_t newest;                       //  Of what it was told
    zseq_msg_member_t members[ZSEQ_NODES_MAX];  //  Of the message in hand
    uint8_t bytes[ZSEQ_MESSAGE_MAX];            //  ... and its encoding
} fuzz_run_t;

extern fuzz_run_t run;

//  fuzz_node_messages.c

//  Makes a request, or the reply to what the node has last asked that peer.
void fuzz_fill_request (zseq_msg_t *msg);
void fuzz_fill_reply (zseq_msg_t *msg, uint8_t peer);

//  The bytes of a message, or bytes of the input. The next two free them.
uint8_t *fuzz_encode (const zseq_msg_t *msg, size_t *size_p);
uint8_t *fuzz_raw (size_t *size_p);

//  Bytes arrive, in memory that is gone after the step.
void fuzz_take_request (uint8_t *bytes, size_t size);
void fuzz_take_reply (uint8_t *bytes, size_t size, uint8_t peer, bool answers);

//  Draws a peer; the node itself if it has none.
uint8_t fuzz_peer (void);

//  fuzz_node_peers.c

//  Notes a reply before the node takes it.
void fuzz_note_reply (const zseq_msg_t *msg, uint8_t peer);

//  Whether a peer can have sent that: peers know no start that has not been on
//  the node's disk, and no start has the last counter.
bool fuzz_can_be (const zseq_msg_t *msg);

//  Every peer confirms the start, once it is on disk.
void fuzz_confirm (void);

zseq_slice_t fuzz_text (const char *text);

//  fuzz_node_disk.c

int fuzz_compare (const char *a, size_t a_size, const char *b, size_t b_size);

//  What is known of a name.
fuzz_file_t *fuzz_file_of (const char *name, size_t size);

//  The least next that a name has after a power cut now, whichever writes
//  arrive.
uint64_t fuzz_durable_next (const fuzz_file_t *file);

//  The least next that a peer has to copy, so that nothing is lost that was
//  accepted.
uint64_t fuzz_accepted_next (const fuzz_file_t *file);

//  A write begins.
void fuzz_persist (const zseq_action_t *action);
void fuzz_persist_record (const zseq_action_t *action);

//  The first write arrives, or is refused. Returns the event for the node.
zseq_event_t fuzz_complete_write (bool refused);

//  fuzz_node_check.c

//  The request that is answered, once.
fuzz_request_t *fuzz_request_of (const zseq_action_t *action);

//  Before each step: notes whether enough peers have noted the start.
void fuzz_note_confirmations (void);

void fuzz_check_reply (const fuzz_request_t *request, const zseq_msg_t *msg);

//  Before the write begins: what the record must not change, nor say.
void fuzz_check_record (const zseq_record_t *record);

//  fuzz_node_step.c

//  Hands the node an event, now.
void fuzz_step (zseq_event_t *event);
void fuzz_event (zseq_event_type_t type);

//  The first write arrives, or is refused; and the node hears of it.
void fuzz_written (bool refused);

//  The node flushes, and all writes arrive.
void fuzz_write_all (void);

#endif
