//  A decoded message. The codec makes these from frames and frames from
//  these; the core knows no bytes. See lib/doc/wire.md.

#ifndef ZSEQ_MSG_H_INCLUDED
#define ZSEQ_MSG_H_INCLUDED

#include "zseq_record.h"

//  The highest version that this node speaks. Messages are of version 1, but for
//  FENCE and COPY of a recovery by force, which are of version 2 and sent only to
//  a node that has said in HELLO that it speaks it. Source: wire.md, section 1.6.
#define ZSEQ_WIRE_VERSION 2
#define ZSEQ_MESSAGE_MAX 65536  //  Bytes in a message
#define ZSEQ_PAGE_MAX 256       //  Names in one LIST or COPY reply
#define ZSEQ_REASON_MAX 127     //  Bytes in a STATUS reply's reason

typedef enum {
    ZSEQ_OP_HELLO = 1,      //  Who are you, and who are your peers?
    ZSEQ_OP_READ = 2,       //  What is next?
    ZSEQ_OP_CLAIM = 3,      //  Take [first, first + count)
    ZSEQ_OP_RAISE = 4,      //  Let next be at least this
    ZSEQ_OP_NEXT = 5,       //  Claim count IDs for me
    ZSEQ_OP_LIST = 6,       //  Which names do you hold?
    ZSEQ_OP_STATUS = 7,     //  How are you?
    ZSEQ_OP_INTRODUCE = 8,  //  A peer says who it is and which lives it knows
    ZSEQ_OP_FENCE = 9,      //  A peer recovers: is its new life in force?
    ZSEQ_OP_COPY = 10,      //  ... and what do you hold?
} zseq_op_t;

typedef enum {
    ZSEQ_STATE_BIRTH = 1,     //  Not all peers have been introduced
    ZSEQ_STATE_COMPLETE = 2,  //  All are; it waits for theirs to be complete
    ZSEQ_STATE_VOTING = 3,
    ZSEQ_STATE_RECOVERING = 4,
    ZSEQ_STATE_STOPPING = 5,
    ZSEQ_STATE_STARTING = 6,  //  Its record says that it votes; it asks whether
                              //  its life is still its newest
} zseq_state_t;

//  Bytes that belong to someone else, not terminated.
typedef struct {
    const char *data;
    size_t size;
} zseq_slice_t;

typedef struct {
    zseq_slice_t name;
    uint64_t next;
} zseq_item_t;

typedef struct {
    zseq_slice_t name;
    zseq_slice_t endpoint;  //  Not in INTRODUCE
} zseq_msg_member_t;

//  Only the fields that the op's section in wire.md names are set. Slices and
//  items point into the frame or the codec (decoded), or into whatever the
//  sender keeps alive until the message is encoded.
typedef struct {
    zseq_op_t op;
    bool reply;
    uint8_t version;  //  FENCE, COPY: 1 or 2, a reply's is that of its request
    uint64_t request;
    uint64_t cluster;

    //  Replies only.
    int status;            //  ZSEQ_OK or a negative ZSEQ_E...
    uint8_t node;          //  Who answers; in INTRODUCE, FENCE and COPY also
                           //  who asks
    zseq_vector_t vector;  //  Also in an INTRODUCE request; with starts only in
                           //  replies that are extended

    zseq_slice_t name;         //  READ, CLAIM, RAISE, NEXT; LIST: the prefix
    zseq_slice_t after;        //  LIST, COPY: names above it; empty for all
    uint64_t first;            //  CLAIM and its reply, NEXT reply
    uint64_t count;            //  CLAIM, NEXT and their replies; LIST: names
                               //  at most
    uint64_t count_min;        //  NEXT: how many are better than none
    uint64_t patience_us;      //  NEXT: how long its client still waits
    uint64_t served;           //  NEXT reply: requests that shared the claim
    bool crowded;              //  CLAIM, NEXT replies: many clients' requests
                               //  wait for the node at once
    uint64_t next;             //  RAISE's operand; READ, CLAIM, RAISE replies
    bool more;                 //  LIST, COPY replies: there are names above
                               //  the last
    const zseq_item_t *items;  //  LIST, COPY replies
    size_t item_count;
    uint64_t process;  //  INTRODUCE and its reply: who runs the node
    bool extended;     //  INTRODUCE, FENCE replies: of a node that speaks
                       //  version 2, with starts, met and floors
    uint64_t met;      //  INTRODUCE reply: the process that has answered
                       //  at the endpoint of who asks; 0: none
    uint64_t speaks;   //  HELLO reply: the highest version; 1 if untold
    bool holds_vote;   //  HELLO reply: its record on disk says that it votes,
                       //  whatever its state
    bool forced;       //  FENCE, COPY of version 2: a recovery by force
    zseq_incarnation_t life;  //  FENCE, COPY: the new life of who asks
    uint64_t floor;           //  FENCE, INTRODUCE replies: least next of every
                              //  name
    uint64_t floor_reserved;  //  The same for reserved names, in Unix
                              //  milliseconds
    zseq_slice_t cluster_name;                 //  HELLO reply, INTRODUCE
    zseq_msg_member_t member[ZSEQ_NODES_MAX];  //  The same, ascending by name
    size_t member_count;
    zseq_state_t state;   //  HELLO, STATUS, INTRODUCE replies; INTRODUCE
    zseq_slice_t reason;  //  STATUS reply: why it does not vote, or empty
    uint64_t sequences;   //  STATUS, FENCE replies: names held
    uint64_t claims;      //  STATUS reply: claims accepted since the start
    uint64_t conflicts;   //  STATUS reply: claims refused since the start
    uint64_t burnt;       //  STATUS reply: IDs at most that the last unclean
                          //  stop burnt here
} zseq_msg_t;

//  Where a reply goes: a ROUTER's routing ID. Opaque to the core.
#define ZSEQ_ROUTE_MAX 15
typedef struct {
    uint8_t size;
    uint8_t id[ZSEQ_ROUTE_MAX];
} zseq_route_t;

//  Whether a reply with that op and status carries the op's body.
bool zseq_msg_has_body (zseq_op_t op, int status);

#endif
