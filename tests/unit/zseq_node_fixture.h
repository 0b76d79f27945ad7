//  What the tests of a node share: a node that is stepped by hand, and the
//  actions of its last step. A test plays the node's peers, clients and disk.

#ifndef ZSEQ_NODE_FIXTURE_H_INCLUDED
#define ZSEQ_NODE_FIXTURE_H_INCLUDED

#include "zseq_node.h"

#define ACTIONS_MAX 512
#define ANSWERS_MAX 8
#define VALUE_MAX 16

typedef struct {
    zseq_action_type_t type;
    zseq_sender_t sender;
    zseq_msg_t msg;
    uint8_t peer;
    bool packs;
    zseq_sequence_t *sequence;
    uint64_t durable_to;
    bool deferred;
    zseq_record_t record;
    uint64_t version;
    int status;
    zseq_log_level_t level;
    char text[1024];
    size_t counters;  //  Of a STATUS reply
    zseq_counter_t counter[ZSEQ_COUNTERS_MAX];
    char reason[ZSEQ_REASON_MAX + 1];  //  Of a STATUS
    //  Of a reply of the key-value store, the first answers
    size_t answer_count;
    zseq_kv_answer_t answer[ANSWERS_MAX];
    zseq_kv_record_t shown[ANSWERS_MAX];
    char value[ANSWERS_MAX][VALUE_MAX];  //  Their beginnings
    char keys[64];                       //  Of a LIST, each with a space
    char through[8];
    const zseq_kv_group_t *group;
} fixture_seen_t;

typedef struct {
    zseq_node_t *node;
    zseq_record_t record;
    uint64_t now_us;
    uint64_t wall_ms;
    fixture_seen_t seen[ACTIONS_MAX];
    size_t count;
    zseq_node_set_t unreached;  //  Peers to which there is no connection
    zseq_msg_member_t members[ZSEQ_NODES_MAX];  //  Storage of fixture_members
} fixture_t;

//  Returns the record of node self of n, as it is formatted. The nodes are a,
//  b, c ...
zseq_record_t fixture_record (size_t n, uint8_t self);

//  Makes a node with that record that has not started.
fixture_t *fixture_new (const zseq_record_t *record, size_t names_max,
                        size_t waiting_max);

//  The same, with a key-value store whose registers may take that much memory.
fixture_t *fixture_new_kv (const zseq_record_t *record, size_t waiting_max,
                           uint64_t kv_bytes_max);

//  Destroys the node.
void fixture_destroy (fixture_t **self_p);

//  Takes one step, whose actions replace those of the last one.
void fixture_step (fixture_t *self, zseq_event_t event);

//  Ticks the node, us microseconds later.
void fixture_tick (fixture_t *self, uint64_t us);

//  Returns the cluster and members of the node's record, without endpoints.
zseq_msg_members_t fixture_members (fixture_t *self);

//  Flushes the node, which ends its turn.
void fixture_flush (fixture_t *self);

//  Returns the first action of that type in the last step; NULL: none.
const fixture_seen_t *fixture_find (const fixture_t *self,
                                    zseq_action_type_t type);

//  Returns the only action of the last step, which must be of that type.
const fixture_seen_t *fixture_only (const fixture_t *self,
                                    zseq_action_type_t type);

//  Returns the index of the last question to peer in the last step; -1: none.
int fixture_asked (const fixture_t *self, uint8_t peer);

//  Makes a voting peer's answer to the last question. The peer has noted all
//  that the question says about its sender.
zseq_msg_t fixture_introduction (const fixture_t *self, uint8_t peer);

//  Delivers a peer's reply.
void fixture_answer (fixture_t *self, uint8_t peer, const zseq_msg_t *reply);

//  Returns the record of node a of three, which has voted for long.
zseq_record_t fixture_voting_record (void);

//  Writes the record if it has changed.
void fixture_write_record (fixture_t *self);

//  Makes a node of three that votes.
fixture_t *fixture_voter (void);

//  Makes such a node with a key-value store.
fixture_t *fixture_kv_voter (size_t waiting_max);

//  Starts a node that was made with a voter's record, and has its peers answer.
void fixture_start (fixture_t *self);

//  Makes a request for name, in the cluster of a voter.
zseq_msg_t fixture_request (zseq_op_t op, const char *name, uint64_t request);

//  Sends a request, whose reply is to go to some route.
void fixture_send (fixture_t *self, const zseq_msg_t *msg);

//  Sends a CLAIM.
void fixture_claim (fixture_t *self, const char *name, uint64_t first,
                    uint64_t count);

//  Reports that the write of a sequence has ended.
void fixture_persisted (fixture_t *self, zseq_sequence_t *sequence,
                        uint64_t durable_to, int status);

//  Claims and makes them durable. Returns the name's sequence.
zseq_sequence_t *fixture_claim_durably (fixture_t *self, const char *name,
                                        uint64_t first, uint64_t count);

//  Lets the node ask peer, which answers with that vector, as that process.
void fixture_hear (fixture_t *self, uint8_t peer, const zseq_vector_t *vector,
                   uint64_t process);

//  The same, as the process that the node knows.
void fixture_hear_vector (fixture_t *self, uint8_t peer,
                          const zseq_vector_t *vector);

#endif
