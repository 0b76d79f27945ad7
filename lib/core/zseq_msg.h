//  A decoded message. The codec makes these from frames and frames from
//  these; the core knows no bytes. See lib/doc/wire.md.

#ifndef ZSEQ_MSG_H_INCLUDED
#define ZSEQ_MSG_H_INCLUDED

#include <assert.h>

#include "zseq_kv.h"
#include "zseq_record.h"
#include "zseq_journal_end.h"

//  The highest version that this node speaks. Messages are of version 1,
//  except FENCE and COPY of a recovery by force, which are of version 2 and go
//  only to nodes whose HELLO reply says that they speak it. A node that speaks
//  version 3 reads packed frames and labels in HELLO, and answers INFO; one
//  that speaks version 4 knows the key-value store. Source: wire.md, section
//  1.6.
#define ZSEQ_WIRE_VERSION 4
#define ZSEQ_MESSAGE_MAX 65536  //  Bytes in a message
#define ZSEQ_PAGE_MAX 256       //  Names in one LIST or COPY reply
#define ZSEQ_REASON_MAX 127     //  Bytes in a STATUS reply's reason

typedef enum {
    ZSEQ_OP_HELLO = 1,   //  Who are you, and who are your peers?
    ZSEQ_OP_READ = 2,    //  What is next?
    ZSEQ_OP_CLAIM = 3,   //  Take [first, first + count)
    ZSEQ_OP_RAISE = 4,   //  Raise next to at least this
    ZSEQ_OP_NEXT = 5,    //  Claim count IDs for me
    ZSEQ_OP_LIST = 6,    //  Which names do you hold?
    ZSEQ_OP_STATUS = 7,  //  How are you?
    ZSEQ_OP_INTRODUCE =
      8,  //  A peer says who it is and which incarnations it knows
    ZSEQ_OP_FENCE = 9,  //  A peer recovers: is its new incarnation in force?
    ZSEQ_OP_COPY = 10,  //  ... and what do you hold?
    ZSEQ_OP_INFO = 11,  //  What goes on with a name? Version 3
    //  The key-value store, version 4. Clients ask:
    ZSEQ_OP_KV_READ = 16,    //  What have you accepted of these keys?
    ZSEQ_OP_KV_WRITE = 17,   //  Write this key for me
    ZSEQ_OP_KV_SETTLE = 18,  //  Read this key for me
    ZSEQ_OP_KV_LIST = 19,    //  Which keys do you hold?
    ZSEQ_OP_KV_WATCH = 20,   //  Tell me when this key has a newer version
    //  Proposers ask:
    ZSEQ_OP_KV_PROMISE = 21,  //  Promise me these shards
    ZSEQ_OP_KV_FETCH = 22,    //  What have you accepted of these keys?
    ZSEQ_OP_KV_ACCEPT = 23,   //  Accept these records
    ZSEQ_OP_KV_CHOSEN = 24,   //  These proposals were chosen; no reply
    //  A peer that recovers asks:
    ZSEQ_OP_KV_COPY = 27,      //  Which records do you hold?
    ZSEQ_OP_KV_PROMISES = 28,  //  ... and then, what have you promised?
} zseq_op_t;

//  Whether an op is of the key-value store.
static inline bool
zseq_op_is_kv (zseq_op_t op)
{
    return op >= ZSEQ_OP_KV_READ;
}

typedef enum {
    ZSEQ_STATE_FORMING = 1,  //  Not all peers have been introduced
    ZSEQ_STATE_COMPLETE =
      2,  //  All are; waits until their vectors are complete
    ZSEQ_STATE_VOTING = 3,
    ZSEQ_STATE_RECOVERING = 4,
    ZSEQ_STATE_STOPPING = 5,
    ZSEQ_STATE_STARTING = 6,  //  Its record says that it votes; it asks peers
                              //  whether its incarnation is still its newest
} zseq_state_t;

typedef struct {
    zseq_slice_t name;
    uint64_t next;
} zseq_item_t;

typedef struct {
    zseq_slice_t name;
    zseq_slice_t endpoint;  //  Not in INTRODUCE requests
} zseq_msg_member_t;

typedef struct {
    zseq_slice_t name;
    uint64_t value;
} zseq_msg_counter_t;

//  Fields that several ops share.

//  A cluster and its members: HELLO replies, INTRODUCE requests. INTRODUCE
//  replies have the endpoints alone.
typedef struct {
    zseq_slice_t cluster_name;
    const zseq_msg_member_t *member;  //  Ascending by name
    size_t member_count;
} zseq_msg_members_t;

//  Names and their nexts: LIST and COPY replies.
typedef struct {
    const zseq_item_t *items;  //  Ascending by name
    size_t item_count;
    bool more;  //  There are names above the last
} zseq_msg_page_t;

//  A node that recovers: FENCE, COPY, KV_COPY and KV_PROMISES requests.
typedef struct {
    zseq_incarnation_t
      incarnation;  //  The new incarnation of the node that asks
    bool forced;    //  A recovery by force; of FENCE and COPY in version 2
} zseq_msg_recovery_t;

//  The fields of each op. Those of its reply follow those of its request; a
//  reply's first and count stand where the request's do.

typedef struct {
    zseq_slice_t label;  //  What the client calls itself; empty: absent
    //  Reply
    zseq_msg_members_t members;
    zseq_state_t state;
    uint64_t speaks;  //  The highest version; 1 if absent
    bool holds_vote;  //  Its record on disk says that it votes, whatever its
                      //  state
} zseq_msg_hello_t;

typedef struct {
    //  Reply
    uint64_t next;
    bool none_waits;  //  The node has no NEXT of the sender in hand
} zseq_msg_read_t;

typedef struct {
    uint64_t first;  //  Also in the reply
    uint64_t count;  //  Also in the reply
    //  Reply
    uint64_t next;
    uint64_t last_count;  //  IDs of the last claim that the node accepted; 0:
                          //  not known
} zseq_msg_claim_t;

typedef struct {
    uint64_t to;  //  Raise next to at least this
    //  Reply
    uint64_t next;
} zseq_msg_raise_t;

typedef struct {
    uint64_t count;       //  Also in the reply
    uint64_t count_min;   //  How many are better than none
    uint64_t timeout_us;  //  How long its client still waits
    //  Reply
    uint64_t first;
    uint64_t served;    //  Requests that shared the claim
    uint64_t retry_us;  //  EBUSY: when to ask again; 0: it has not said
} zseq_msg_next_t;

typedef struct {
    zseq_slice_t prefix;
    zseq_slice_t after;  //  Names above it; empty for all
    uint64_t count;      //  Names at most
    //  Reply
    zseq_msg_page_t page;
} zseq_msg_list_t;

typedef struct {
    //  Reply
    zseq_state_t state;
    zseq_slice_t reason;  //  Why it does not vote, or empty
    uint64_t sequences;   //  Names held
    uint64_t claims;      //  Claims accepted since the start
    uint64_t conflicts;   //  Claims refused since the start
    uint64_t burnt;       //  IDs at most that the last unclean stop burnt here
    const zseq_msg_counter_t *counter;  //  Of a node that sends them
    size_t counter_count;
} zseq_msg_status_t;

typedef struct {
    zseq_msg_members_t members;  //  Of a reply, if it speaks version 3: the
                                 //  endpoints; none if absent
    zseq_state_t state;          //  Also in the reply
    uint64_t process;            //  Who runs the node; also in the reply
    //  Reply, if it is extended
    uint64_t seen;   //  The process that has answered at the endpoint of the
                     //  node that asks; 0: none
    uint64_t floor;  //  Least next of every name
    uint64_t floor_reserved;  //  The same for reserved names, in Unix
                              //  milliseconds
    uint64_t speaks;          //  The highest version; 0: absent, it is 2 or 1
    uint64_t heard;  //  The highest position that the node that asks has told
                     //  in the incarnation in vector; 0: absent, or none
} zseq_msg_introduce_t;

typedef struct {
    zseq_msg_recovery_t recovery;
    //  Reply
    uint64_t floor;           //  As in INTRODUCE
    uint64_t floor_reserved;  //  As in INTRODUCE
    uint64_t sequences;       //  Names held
} zseq_msg_fence_t;

typedef struct {
    zseq_msg_recovery_t recovery;
    zseq_slice_t after;  //  Names above it; empty for all
    //  Reply
    zseq_msg_page_t page;
} zseq_msg_copy_t;

typedef struct {
    //  Reply
    uint64_t next;
    uint64_t rate;          //  IDs a second that were claimed of late
    uint64_t since_us;      //  Since its last claim; 0: none is remembered
    zseq_slice_t claimant;  //  Label of whoever made that; empty: not known
} zseq_msg_info_t;

//  The key-value store. Source: kv.md, section 8.

//  A key that a proposal was chosen of.
typedef struct {
    zseq_slice_t key;
    zseq_proposal_t proposal;
} zseq_kv_chosen_t;

//  What a node says of one key, or of one shard.
typedef struct {
    int status;             //  ZSEQ_OK, ZSEQ_EBALLOT, or why it refuses
    zseq_ballot_t promise;  //  In force in the shard; of READ and FETCH only if
                            //  it refuses
} zseq_kv_answer_t;

typedef struct {
    const zseq_slice_t *keys;  //  1 to ZSEQ_PAGE_MAX
    size_t key_count;
    bool stale;  //  Only what was chosen, and of at least that version, is of
                 //  use: K15
    uint64_t least;
    //  Reply, both in the order of the keys. Records have no key, dedup and
    //  from; a refused key has no record. ZSEQ_EAGAIN: stale, and this node
    //  cannot tell. Fewer answers than keys: no more had room
    const zseq_kv_answer_t *answers;
    const zseq_kv_record_t *records;
    size_t answer_count;
} zseq_msg_kv_read_t;

typedef struct {
    zseq_kv_op_t op;      //  A SETTLE's is a GET
    uint64_t timeout_us;  //  How long its client still waits
    bool relayed;         //  By another node: it must not be relayed again
    //  Reply; also if it is refused with ZSEQ_ENOKEY, ZSEQ_EVERSION or
    //  ZSEQ_EFORGOTTEN
    uint64_t version;    //  0: the key is absent
    uint64_t floor;      //  The shard's version floor
    zseq_slice_t value;  //  SETTLE
} zseq_msg_kv_write_t;

typedef struct {
    zseq_slice_t prefix;
    zseq_slice_t after;  //  Keys above it; empty for all
    uint64_t count;      //  Keys at most
    bool values;         //  With the values
    //  Reply. Records have no dedup and from, and none is absent
    const zseq_kv_record_t *records;  //  Strictly ascending by key
    size_t record_count;
    zseq_slice_t through;  //  Of the keys up to it, those without a record are
                           //  absent; empty: of all keys
} zseq_msg_kv_list_t;

typedef struct {
    uint64_t above;       //  The version that the client knows
    uint64_t timeout_us;  //  How long the node is to wait
    //  Reply
    uint64_t version;  //  That the node has; 0: none
} zseq_msg_kv_watch_t;

typedef struct {
    zseq_ballot_t ballot;
    uint64_t shards;  //  A bit each; also in the reply
    //  Reply, in the order of the bits
    const zseq_kv_answer_t *answers;
    size_t answer_count;
} zseq_msg_kv_promise_t;

typedef struct {
    zseq_ballot_t ballot;
    const zseq_slice_t *keys;  //  1 to ZSEQ_PAGE_MAX
    size_t key_count;
    //  Reply, both in the order of the keys. Records have no key, and a refused
    //  key has no record. Fewer answers than keys: no more had room
    const zseq_kv_answer_t *answers;
    const zseq_kv_record_t *records;
    size_t answer_count;
} zseq_msg_kv_fetch_t;

typedef struct {
    const zseq_kv_record_t *records;  //  All of one ballot: 1 to ZSEQ_PAGE_MAX
    size_t record_count;
    //  Reply, in the order of the records
    const zseq_kv_answer_t *answers;
    size_t answer_count;
} zseq_msg_kv_accept_t;

typedef struct {
    const zseq_kv_chosen_t *chosen;  //  1 to ZSEQ_PAGE_MAX
    size_t chosen_count;
} zseq_msg_kv_chosen_t;

typedef struct {
    zseq_msg_recovery_t recovery;
    uint8_t shard;
    zseq_slice_t after;  //  Keys above it; empty for all
    //  Reply
    uint64_t process;                 //  Who runs the node
    uint64_t keys;                    //  Keys held, in all shards
    const zseq_kv_record_t *records;  //  Ascending by key; 0 to ZSEQ_PAGE_MAX
    size_t record_count;
    bool more;  //  There are keys above the last
} zseq_msg_kv_copy_t;

typedef struct {
    zseq_msg_recovery_t recovery;
    //  Reply
    uint64_t process;                          //  Who runs the node
    const zseq_ballot_t *promises;             //  ZSEQ_SHARDS
    zseq_journal_end_t heard[ZSEQ_NODES_MAX];  //  Of members, by their indexes
} zseq_msg_kv_promises_t;

//  A head, which is the same for all ops, and the fields of one op: only those
//  of op may be used, and of these only what wire.md has in such a request or
//  reply. Slices, members and items point into the frame or the codec
//  (decoded), or into memory that the sender keeps until the message is
//  encoded. A reply without a body, which most refusals are, has zeros there: a
//  CLAIM's count tells. To add an op, add a struct above, a field to the union,
//  and its codec (zseq_codec_private.h); lib/README.md lists every step.
typedef struct {
    zseq_op_t op;
    bool reply;
    uint8_t version;  //  FENCE, COPY: 1 or 2, a reply's is that of its request
    uint64_t request;
    uint64_t cluster;

    //  Replies only.
    int status;            //  ZSEQ_OK or a negative ZSEQ_E...
    uint8_t node;          //  The node that answers; in requests INTRODUCE,
                           //  with end, and of a peer that recovers, the node
                           //  that asks
    bool congested;        //  CLAIM, NEXT: many clients' requests wait for the
                           //  node at once
    bool contended;        //  READ, CLAIM: other clients ask for the name, too
    bool extended;         //  INTRODUCE, FENCE: of a node that speaks version
                           //  2; vector has starts
    zseq_vector_t vector;  //  Also in an INTRODUCE request

    //  KV_PROMISE, KV_FETCH, KV_ACCEPT, KV_CHOSEN: of the sender; in replies
    //  without incarnation, which is in vector.
    zseq_journal_end_t end;

    zseq_slice_t name;  //  READ, CLAIM, RAISE, NEXT, INFO requests; a key in
                        //  KV_WRITE, KV_SETTLE and KV_WATCH requests
    union {
        zseq_msg_hello_t hello;
        zseq_msg_read_t read;
        zseq_msg_claim_t claim;
        zseq_msg_raise_t raise;
        zseq_msg_next_t next;
        zseq_msg_list_t list;
        zseq_msg_status_t node_status;  //  STATUS; status is the reply's own
        zseq_msg_introduce_t introduce;
        zseq_msg_fence_t fence;
        zseq_msg_copy_t copy;
        zseq_msg_info_t info;
        zseq_msg_kv_read_t kv_read;
        zseq_msg_kv_write_t kv_write;  //  KV_WRITE, KV_SETTLE
        zseq_msg_kv_list_t kv_list;
        zseq_msg_kv_watch_t kv_watch;
        zseq_msg_kv_promise_t kv_promise;
        zseq_msg_kv_fetch_t kv_fetch;
        zseq_msg_kv_accept_t kv_accept;
        zseq_msg_kv_chosen_t kv_chosen;
        zseq_msg_kv_copy_t kv_copy;
        zseq_msg_kv_promises_t kv_promises;
    };
} zseq_msg_t;

//  Where a reply goes: a ROUTER's routing ID. Opaque to the core.
#define ZSEQ_ROUTE_MAX 15
typedef struct {
    uint8_t size;
    uint8_t id[ZSEQ_ROUTE_MAX];
} zseq_route_t;

//  The next that a READ, CLAIM or RAISE reply carries; 0: the message is no
//  such reply, or has no body.
static inline uint64_t
zseq_msg_next (const zseq_msg_t *msg)
{
    if (!msg->reply)
        return 0;
    if (msg->op == ZSEQ_OP_READ)
        return msg->read.next;
    if (msg->op == ZSEQ_OP_CLAIM)
        return msg->claim.next;
    return msg->op == ZSEQ_OP_RAISE ? msg->raise.next : 0;
}

//  The node that recovers, of a FENCE, COPY, KV_COPY or KV_PROMISES request;
//  NULL: the message is none.
static inline const zseq_msg_recovery_t *
zseq_msg_recovery (const zseq_msg_t *msg)
{
    switch (msg->op) {
    case ZSEQ_OP_FENCE:
        return &msg->fence.recovery;
    case ZSEQ_OP_COPY:
        return &msg->copy.recovery;
    case ZSEQ_OP_KV_COPY:
        return &msg->kv_copy.recovery;
    case ZSEQ_OP_KV_PROMISES:
        return &msg->kv_promises.recovery;
    default:
        return NULL;
    }
}

//  The page of a LIST or COPY reply.
static inline const zseq_msg_page_t *
zseq_msg_page (const zseq_msg_t *msg)
{
    assert (msg->op == ZSEQ_OP_LIST || msg->op == ZSEQ_OP_COPY);
    return msg->op == ZSEQ_OP_COPY ? &msg->copy.page : &msg->list.page;
}

#endif
