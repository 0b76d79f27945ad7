//  What the files of the target fuzz_node share: the state of a run, and the
//  steps that one file offers the others.
//
//      fuzz_node.c           an input, its events, and the node's actions
//      fuzz_node_messages.c  requests and replies that are made from the input
//      fuzz_node_peers.c     what peers told the node, and what they answer
//      fuzz_node_disk.c      the disk, and the writes in flight
//      fuzz_node_keys.c      keys: the disk, and messages about them
//      fuzz_node_check.c     what the node may answer and write (S1 to S11)
//      fuzz_node_check_keys.c  ... of keys (K1 to K17)
//      fuzz_node_step.c      the node's steps, and the end of its writes
//
//  fuzz_node.c uses all other files, messages use peers, peers use steps, steps
//  use checks, checks use the disk, and the disk uses keys. There is no circle.
//  The checks know the rules, and of the node only its record, its state, and
//  what it has promised and accepted of keys.

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
#define FILES_MAX 1024  //  Names in messages, at most
#define WAITING_MAX 4
#define REQUESTS_MAX 512
#define REQUEST_KEYS_MAX 8  //  That are checked
#define GROUPS_MAX 64

//  Questions of several kinds are under way at once: those of coordinators of
//  keys (PROMISE, FETCH, ACCEPT; WRITE and SETTLE), and in slot 0 all others.
#define SLOTS 5
#define START_WAIT_US 1000000

//  The names of messages, ascending.
#define WORDS 5
extern const zseq_slice_t fuzz_words[WORDS];

//  A name: what is on the disk, and what the node has answered.
typedef struct {
    char name[ZSEQ_NAME_MAX];
    size_t size;
    uint64_t next;
    uint64_t limit;     //  0: there is no record
    uint64_t refused;   //  A refused write may have left this limit; or 0
    uint64_t answered;  //  The highest next that was acknowledged
} fuzz_file_t;

//  A key: what is on the disk, and what the node has answered.
typedef struct {
    char name[ZSEQ_KEY_MAX];
    size_t size;
    zseq_register_t *disk;     //  NULL: absent
    zseq_proposal_t answered;  //  The highest that was accepted
    bool copied;               //  A peer has shown it to this process
} fuzz_key_t;

//  The same of a shard.
typedef struct {
    zseq_ballot_t promise;
    uint64_t dropped;
    zseq_ballot_t answered;
} fuzz_promise_t;

typedef struct {
    const zseq_kv_group_t *group;  //  Or NULL
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
    bool known;     //  Whether this process of the node took it
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
    size_t prefix_size;
    char prefix[ZSEQ_NAME_MAX];
    uint8_t shard;
    uint64_t above;
    zseq_ballot_t ballot;
    size_t key_count;
    fuzz_key_t *keys[REQUEST_KEYS_MAX];
    //  ACCEPT: what is to be accepted. FETCH: what was accepted by then.
    zseq_proposal_t proposals[REQUEST_KEYS_MAX];
    bool acceptable[REQUEST_KEYS_MAX];  //  By what was promised and accepted
} fuzz_request_t;

//  The last question of its kind to a peer.
typedef struct {
    zseq_op_t op;  //  0: none
    uint64_t request;
    bool open;  //  It has no answer yet; not of slot 0
    size_t size;
    uint8_t bytes[ZSEQ_MESSAGE_MAX];
} fuzz_asked_t;

//  What a peer has told this process of the node.
typedef struct {
    bool heard;     //  Anything at all
    bool recovers;  //  As it said last
    bool confirms;  //  That it does not recover, and the rest
    bool extended;
    zseq_vector_t vector;
    uint64_t seen;
    uint64_t floor;
    uint64_t floor_reserved;
    uint64_t process;  //  The last one that answered at its endpoint

    uint64_t cluster;  //  The cluster of the floors below
    uint64_t floor_heard;
    uint64_t floor_reserved_heard;

    uint64_t speaks;  //  Its version by HELLO, as the next three
    uint64_t voter_of;
    bool holds;                 //  It votes or starts, by the last HELLO
    bool forgot;                //  It recovers, and its disk has no vote
    zseq_incarnation_t fenced;  //  The incarnations of the node for which
    zseq_incarnation_t copied;  //  it answered FENCE, and ended its COPY
    bool promised;              //  It has ended its KV-COPY, too, with these
    zseq_ballot_t promises[ZSEQ_SHARDS];
    uint64_t dropped[ZSEQ_SHARDS];
} fuzz_peer_t;

//  A run of one input.
typedef struct {
    zseq_fuzz_t input;
    zseq_node_t *node;
    bool ended;
    uint64_t now_us;
    zseq_record_t disk;        //  The record that is durable
    zseq_record_t maybe_disk;  //  ... or this one, refused; n 0: none
    fuzz_file_t files[FILES_MAX];
    size_t file_count;
    fuzz_write_t writes[NAMES_MAX + 1 + GROUPS_MAX];
    size_t write_count;
    fuzz_request_t requests[REQUESTS_MAX];
    size_t request_count;
    zseq_op_t asked_op[ZSEQ_NODES_MAX];  //  0: nothing
    uint64_t asked_request[ZSEQ_NODES_MAX];
    bool asked_open[ZSEQ_NODES_MAX];  //  The question has no answer yet
    fuzz_asked_t asked[ZSEQ_NODES_MAX][SLOTS];
    fuzz_peer_t peers[ZSEQ_NODES_MAX];
    bool has_keys;  //  The node has a key-value store; the next are its disk's
    fuzz_key_t keys[FILES_MAX];
    size_t key_count;
    fuzz_promise_t promises[ZSEQ_SHARDS];
    uint64_t position;  //  Of the last group
    zseq_journal_end_t heard[ZSEQ_NODES_MAX];
    bool speaks_2;           //  Peers may speak version 2
    bool starting;           //  Too few peers have noted its start
    bool may_form;           //  Enough peers have noted the start
    bool start_heard;        //  Peers said that a new incarnation started
    bool incarnation_begun;  //  No HELLO was asked since
    uint64_t process;        //  The number that it sends; 0: not known
    uint64_t began_us;       //  When it began
    zseq_incarnation_t void_incarnation;   //  It must not vote in this one
    zseq_incarnation_t first_incarnation;  //  The one on disk when it began
    zseq_start_t first_start;              //  The one on disk when it began
    bool first_voted;                      //  ... in which it had voted
    bool is_forced;                        //  It recovers by force
    zseq_force_t force;
    zseq_vector_t newest;                       //  Newest ones it was told
    zseq_msg_member_t members[ZSEQ_NODES_MAX];  //  Of the current message
    uint8_t bytes[ZSEQ_MESSAGE_MAX];            //  ... and its encoding
} fuzz_run_t;

extern fuzz_run_t run;

//  fuzz_node_messages.c

//  Make a request, and a reply to the node's last question to that peer.
void fuzz_fill_request (zseq_msg_t *msg);
void fuzz_fill_reply (zseq_msg_t *msg, uint8_t peer);

//  fuzz_encode returns the bytes of a message, fuzz_raw bytes of the input. The
//  next two functions free them.
uint8_t *fuzz_encode (const zseq_msg_t *msg, size_t *size_p);
uint8_t *fuzz_raw (size_t *size_p);

//  Deliver bytes, which are freed after the step.
void fuzz_take_request (uint8_t *bytes, size_t size);
void fuzz_take_reply (uint8_t *bytes, size_t size, uint8_t peer, bool answers);

//  Draws a peer; the node itself if it has none.
uint8_t fuzz_peer (void);

//  fuzz_node_peers.c

//  Notes a reply before the node takes it.
void fuzz_note_reply (const zseq_msg_t *msg, uint8_t peer);

//  Returns whether a peer may send this message. Peers know only starts that
//  were on the node's disk, and no start has the last counter.
bool fuzz_can_be (const zseq_msg_t *msg);

//  Lets every peer confirm the start, once it is on disk.
void fuzz_confirm (void);

zseq_slice_t fuzz_text (const char *text);

//  fuzz_node_disk.c

int fuzz_compare (const char *a, size_t a_size, const char *b, size_t b_size);

//  Returns a name's entry.
fuzz_file_t *fuzz_file_of (const char *name, size_t size);

//  Returns the least next of a name after a power cut now, whichever writes
//  arrive.
uint64_t fuzz_durable_next (const fuzz_file_t *file);

//  Returns the least next that a peer has to copy so that no accepted claim is
//  lost.
uint64_t fuzz_accepted_next (const fuzz_file_t *file);

//  Begin a write.
void fuzz_persist (const zseq_action_t *action);
void fuzz_persist_record (const zseq_action_t *action);
void fuzz_persist_keys (const zseq_action_t *action);

//  Ends the first write: it arrives, or is refused. Returns the event for the
//  node.
zseq_event_t fuzz_complete_write (bool refused);

//  fuzz_node_keys.c

//  Memory that the node may take for registers.
uint64_t fuzz_keys_bytes_max (void);

//  Returns a key's entry; and what is durable of a key and of a shard.
fuzz_key_t *fuzz_key_of (zseq_slice_t name);
zseq_proposal_t fuzz_durable_proposal (const fuzz_key_t *key);
zseq_ballot_t fuzz_durable_promise (uint8_t shard);

//  Checks a group that the node hands over, and one that becomes durable.
void fuzz_keys_persist (const zseq_kv_group_t *group);
void fuzz_keys_written (const zseq_kv_group_t *group);

//  Loads a new process; empties the disk.
void fuzz_keys_load (void);
void fuzz_keys_term (void);

//  Returns the slot of a question.
size_t fuzz_keys_slot (zseq_op_t op);

//  Make a request, and a reply to the question in that slot of a peer: by the
//  input, or as a peer that wishes well. The latter returns whether it is about
//  keys.
void fuzz_keys_fill_request (zseq_msg_t *msg);
bool fuzz_keys_fill_reply (zseq_msg_t *msg, const fuzz_asked_t *asked,
                           bool well);

//  fuzz_node_check_keys.c

void fuzz_keys_begin_checks (void);
void fuzz_keys_note_request (fuzz_request_t *request, const zseq_msg_t *msg);

//  Returns whether the reply is about keys. It has the status ZSEQ_OK.
bool fuzz_keys_check_reply (const fuzz_request_t *request,
                            const zseq_msg_t *msg);
void fuzz_keys_check_watch (const fuzz_request_t *request);
void fuzz_keys_check_ask (const zseq_msg_t *msg, uint8_t peer);
void fuzz_keys_check_vote (const zseq_record_t *record);

//  Notes what a peer shows of keys to a node that recovers.
void fuzz_keys_note_recovery (const zseq_msg_t *msg, fuzz_peer_t *peer);

//  fuzz_node_check.c

//  Finds the request that the action answers. Each is answered once.
fuzz_request_t *fuzz_request_of (const zseq_action_t *action);

//  Notes, before each step, whether enough peers have noted the start.
void fuzz_note_confirmations (void);

//  S5, S11: checks that the node may vote.
void fuzz_check_votes (void);

void fuzz_check_reply (const fuzz_request_t *request, const zseq_msg_t *msg);

//  Checks a record before it is written: what it must not change, and must not
//  say.
void fuzz_check_record (const zseq_record_t *record);

//  fuzz_node_step.c

//  Hands the node an event, at the present time.
void fuzz_step (zseq_event_t *event);
void fuzz_event (zseq_event_type_t type);

//  Ends the first write, and tells the node.
void fuzz_written (bool refused);

//  Flushes the node, and ends all writes.
void fuzz_write_all (void);

#endif
