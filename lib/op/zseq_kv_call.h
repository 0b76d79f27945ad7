//  One call of a client of the key-value store, on one key: a get, a stale get,
//  a watch, or a write. A get asks all nodes and is done when a quorum agrees.
//  A stale get asks one node. A watch is a get that is repeated whenever a node
//  has a newer version, until the get tells one. A write, and a get on which
//  the nodes do not agree, asks a coordinator, and when that is silent another
//  one. Source: lib/doc/kv.md, K7 to K11 and K15, and lib/doc/wire.md, section
//  6.10.
//
//  The owner ticks the call first. When a function returns ZSEQ_DO_SEND, the
//  owner calls _request, sends the message to the nodes that _nodes names, and
//  calls _sent, which may want to send again.

#ifndef ZSEQ_KV_CALL_H_INCLUDED
#define ZSEQ_KV_CALL_H_INCLUDED

#include "zseq_attempt.h"
#include "zseq_kv_nodes.h"

//  What a call asks.
typedef struct {
    zseq_slice_t key;  //  The owner keeps the bytes of key and value
    zseq_kv_op_t op;   //  A GET reads; the call chooses op.op. op.since: a
                       //  version of the key or a version floor of its shard
                       //  that was seen before; 0: none
    bool stale;        //  GET: one node's answer is enough
    uint64_t least;    //  ... if it shows that version at least; 0: the key may
                       //  be absent
    bool watch;        //  GET: only a newer version is an answer
    uint64_t above;    //  ... than that one; 0: than an absence
} zseq_kv_ask_t;

typedef enum {
    ZSEQ_KV_NEAR,         //  A stale read asks one node
    ZSEQ_KV_READ,         //  Asks all nodes
    ZSEQ_KV_COORDINATED,  //  Asks a coordinator
    ZSEQ_KV_WATCHING      //  Waits until a node has a newer version
} zseq_kv_phase_t;

//  What a node has shown of the key.
typedef struct {
    zseq_proposal_t proposal;
    bool copied;
    uint64_t version;
} zseq_kv_vote_t;

typedef struct {
    zseq_kv_nodes_t *nodes;
    zseq_kv_ask_t ask;
    zseq_kv_phase_t phase;
    uint64_t deadline_us;
    zseq_backoff_t backoff;

    //  READ. It also explains a failure.
    zseq_attempt_t attempt;
    zseq_kv_vote_t vote[ZSEQ_NODES_MAX];
    uint32_t disagreed;  //  READs on which W nodes did not agree

    //  WATCHING.
    uint64_t watched;          //  Request ID of the message; 0: a pause
    zseq_node_set_t reached;   //  Nodes that it has reached
    zseq_node_set_t declined;  //  ... and that do not hold the watch
    uint32_t fruitless;        //  Hints in a row after which no newer version
                               //  was read

    //  NEAR and COORDINATED.
    uint64_t sent[ZSEQ_NODES_MAX];  //  Request IDs of the op's copies that have
                                    //  no reply yet, by node; 0: none
    uint64_t request;               //  Of the copy that is about to be sent
    uint8_t node;                   //  That is asked; n: none
    uint64_t asked_us;              //  When
    uint64_t sent_us[ZSEQ_NODES_MAX];  //  The same of each copy
    uint64_t limit_us;  //  Its answer is late, though it is heard
    uint8_t waits;      //  Nodes for which the call has waited in vain, since
                        //  all were asked last
    bool hurried;       //  ... because the deadline is near
    uint64_t check_us;  //  When to see whether it is still connected; and after
    uint64_t checks_us;      //  ... which time again
    uint64_t pause_us;       //  Nobody is asked until then
    uint64_t busy_us;        //  A busy node is asked again until then; 0: none
    zseq_node_set_t passed;  //  Nodes that were asked, or cannot be reached
    zseq_node_set_t owing;  //  Nodes that may hold the op, and have not replied
    zseq_node_set_t unreached;  //  Nodes that could not be reached last
    bool applied;  //  The op may have been applied: a node has said so, or an
                   //  earlier copy of it at a node that was asked again
    int refusal;   //  Why a node refused last; or ZSEQ_OK

    //  The result.
    bool done;
    int rc;        //  ZSEQ_OK; ZSEQ_ENOKEY, ZSEQ_EVERSION; ZSEQ_EFORGOTTEN,
                   //  ZSEQ_EINVAL, ZSEQ_EVALUE, ZSEQ_EEXHAUSTED; or why the
                   //  deadline passed
    bool unknown;  //  If rc is an error of a write: it may have been applied,
                   //  or may be yet
    uint64_t version;  //  Of the key: written, read, or found instead; 0: none
    uint64_t floor;    //  A version floor of its shard; 0: not known
    zseq_slice_t value;  //  GET, and ZSEQ_EVERSION; in the last reply
} zseq_kv_call_t;

//  A call that may send at once. nodes must outlive it.
void zseq_kv_call_init (zseq_kv_call_t *self, zseq_kv_nodes_t *nodes,
                        const zseq_kv_ask_t *ask, const zseq_timing_t *timing);

//  Time has passed.
zseq_do_t zseq_kv_call_tick (zseq_kv_call_t *self, uint64_t now_us);

//  Fills in op, request, name and fields of the message to send. request: an
//  ID that was never used before.
void zseq_kv_call_request (zseq_kv_call_t *self, uint64_t request,
                           uint64_t now_us, zseq_msg_t *msg);

//  The nodes that the message is for.
zseq_node_set_t zseq_kv_call_nodes (const zseq_kv_call_t *self);

//  The message was sent to these nodes. The others cannot be reached now; a
//  READ may be sent to them later, after which this is called again with all
//  nodes that it was sent to.
zseq_do_t zseq_kv_call_sent (zseq_kv_call_t *self, zseq_node_set_t reached,
                             uint64_t now_us);

//  Whether a reply to that request may still matter. And takes in a reply of
//  the right cluster.
bool zseq_kv_call_waits_for (const zseq_kv_call_t *self, uint64_t request);
zseq_do_t zseq_kv_call_reply (zseq_kv_call_t *self, const zseq_msg_t *reply,
                              uint64_t now_us);

//  When to tick next at the latest.
uint64_t zseq_kv_call_wake_us (const zseq_kv_call_t *self);

//  Ends a call that is not done, as at its deadline: sets rc and unknown.
void zseq_kv_call_end (zseq_kv_call_t *self);

#endif
