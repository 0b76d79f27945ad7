//  A node, as a state machine: events in, actions out. It never waits, sends,
//  writes, reads a clock or draws randomness; the same state and event always
//  give the same actions. Make a node with zseq_node_new, load its sequences
//  with zseq_node_load, then pass each event to zseq_node_step, which calls the
//  action function. Source: lib/doc/design.md, sections 3 and 5.

#ifndef ZSEQ_NODE_H_INCLUDED
#define ZSEQ_NODE_H_INCLUDED

#include "zseq_counters.h"
#include "zseq_log.h"
#include "zseq_msg.h"
#include "zseq_node_set.h"
#include "zseq_registers.h"
#include "zseq_sequence.h"

//  Who sent a message.
typedef enum {
    ZSEQ_SENDER_CONNECTION,  //  Whoever is at the other end of route
    ZSEQ_SENDER_LOCAL,       //  The client of the process that runs the node
    ZSEQ_SENDER_SELF,        //  The node's own coordinator
    ZSEQ_SENDER_PEER         //  The member with index peer, where it was asked
} zseq_sender_type_t;

typedef struct {
    zseq_sender_type_t type;
    zseq_route_t route;
    uint8_t peer;
    bool packed;  //  CONNECTION: the request came in a packed frame, so that
                  //  its reply may go in one
} zseq_sender_t;

//  A hash that tells senders apart; two may have the same.
uint64_t zseq_sender_hash (const zseq_sender_t *self);

static inline zseq_sender_t
zseq_sender_peer (uint8_t peer)
{
    zseq_sender_t sender = {.type = ZSEQ_SENDER_PEER, .peer = peer};
    return sender;
}

typedef enum {
    ZSEQ_EVENT_REQUEST,     //  sender asks msg
    ZSEQ_EVENT_MALFORMED,   //  sender asks msg, and only its op, request
                            //  and cluster could be read
    ZSEQ_EVENT_PEER_REPLY,  //  sender, a peer, answers msg
    ZSEQ_EVENT_TICK,        //  Time has passed; also the first event of all
    ZSEQ_EVENT_PERSISTED,   //  sequence was written with durable_to, and
                            //  journaled; or status is ZSEQ_ENOSPACE
    ZSEQ_EVENT_RECORD_PERSISTED,  //  The node's record of version was written;
                                  //  or it was not, and status says why
    ZSEQ_EVENT_KV_PERSISTED,  //  The group with that position was written; or
                              //  status is ZSEQ_ENOSPACE. In the order of the
                              //  positions
    ZSEQ_EVENT_DAMAGED,  //  The disk's record of sequence, or the node's if
                         //  NULL, is not what was written
    ZSEQ_EVENT_FLUSH,    //  All waiting requests were stepped
    ZSEQ_EVENT_STOP      //  Stop voting
} zseq_event_type_t;

typedef struct {
    zseq_event_type_t type;
    uint64_t now_us;
    uint64_t wall_ms;  //  Unix milliseconds by the node's own wall clock, which
                       //  may jump; 0: not known. Only for reserved names
    zseq_sender_t sender;
    const zseq_msg_t *msg;
    zseq_sequence_t *sequence;
    uint64_t durable_to;
    uint64_t version;
    uint64_t position;  //  KV_PERSISTED
    int status;
    const char *why;  //  PERSISTED, RECORD_PERSISTED, KV_PERSISTED: what the
                      //  system said if status is not ZSEQ_OK; NULL: not known
} zseq_event_t;

typedef enum {
    ZSEQ_ACTION_REPLY,    //  Send msg to sender, a connection or local
    ZSEQ_ACTION_ASK,      //  Send msg to peer; it is asked again if it is lost
    ZSEQ_ACTION_PERSIST,  //  Write sequence with durable_to, journal its name
                          //  if it is not, then step PERSISTED. deferred:
                          //  it may become durable with the next record
    ZSEQ_ACTION_PERSIST_RECORD,  //  Write record, then step RECORD_PERSISTED
    ZSEQ_ACTION_PERSIST_KV,      //  Write group, then step KV_PERSISTED. The
                                 //  group stays until then, or until the node
                                 //  is destroyed
    ZSEQ_ACTION_LOG,             //  Log text, of that level and kind
    ZSEQ_ACTION_EXIT             //  Log text and end with status
} zseq_action_type_t;

typedef struct {
    zseq_action_type_t type;
    const zseq_sender_t *sender;
    const zseq_msg_t *msg;
    uint8_t peer;
    bool packs;  //  ASK: msg may go in a packed frame
    zseq_sequence_t *sequence;
    uint64_t durable_to;
    bool deferred;
    const zseq_record_t *record;
    uint64_t version;
    const zseq_kv_group_t *group;
    int status;
    zseq_log_level_t level;
    const char *kind;  //  The event of zseq_log.h
    const char *text;
} zseq_action_t;

//  Performs one action, in order, during a step. Pointers in the action are
//  valid only during the call, except for sequence and group. It must not step
//  the node.
typedef void (zseq_action_fn) (const zseq_action_t *action, void *arg);

typedef struct {
    size_t names_max;       //  Names that the node holds at most
    size_t waiting_max;     //  Requests that may wait for the disk at once
    uint64_t reserve_us;    //  How many IDs are reserved ahead at most: what is
                            //  claimed in this time; 0: none
    uint64_t kv_bytes_max;  //  Memory that registers may take; 0: the node has
                            //  no key-value store
} zseq_node_limits_t;

typedef struct zseq_node zseq_node_t;

//  A node with a copy of that record. seed is the start of its request IDs,
//  drawn anew for each process. NULL: no memory.
zseq_node_t *zseq_node_new (const zseq_record_t *record,
                            const zseq_node_limits_t *limits, uint64_t seed,
                            zseq_action_fn *act, void *arg);
void zseq_node_destroy (zseq_node_t **self_p);

//  Before the first step: loads a journaled name whose record is intact on
//  disk. The sequence goes on at durable_to; IDs from next to durable_to are
//  burnt. 1 <= next <= durable_to <= ZSEQ_NEXT_MAX. Errors: ZSEQ_EFULL,
//  ZSEQ_ENOMEM.
int zseq_node_load (zseq_node_t *self, const char *name, size_t size,
                    uint64_t next, uint64_t durable_to);

//  The registers of a node that has a key-value store; else NULL. Before the
//  first step, what is on disk is loaded into them. From then on they may only
//  be read, and after a FLUSH they are as of the last group that was handed
//  over, and of what the disk has refused.
zseq_registers_t *zseq_node_registers (zseq_node_t *self);

//  Before the first step: the disk remembers what a peer has told of its
//  journal. Other nodes than peers are ignored.
void zseq_node_load_heard (zseq_node_t *self, uint8_t node,
                           const zseq_journal_end_t *end);

//  How to recover a node where too few of its peers vote.
typedef struct {
    uint64_t floor;        //  Least next of every name from then on
    uint64_t wait_us;      //  How long to wait for any peer to say something
    zseq_node_set_t lost;  //  Members whose directories are gone for good, as
                           //  the operator says
} zseq_force_t;

//  Before the first step: the node recovers from its peers, whatever its record
//  says, for the reason why. A node whose record neither votes nor is freshly
//  formatted recovers anyway. force: or NULL.
void zseq_node_recover (zseq_node_t *self, const char *why,
                        const zseq_force_t *force);

//  Before the first step, for a node whose record is lost: sets the identity of
//  the cluster that the rest of its disk shows; 0 if it shows none.
void zseq_node_adopt (zseq_node_t *self, uint64_t identity);

//  Before the first step: a member's endpoint is another one from now on.
//  Returns whether that is new; the record is then written soon.
bool zseq_node_move (zseq_node_t *self, const zseq_member_t *member);

//  The node's record as it is now.
const zseq_record_t *zseq_node_record (const zseq_node_t *self);

//  One step. After ZSEQ_ACTION_EXIT the node must not be stepped again.
void zseq_node_step (zseq_node_t *self, const zseq_event_t *event);

//  During an ASK: its message cannot be sent now, because there is no
//  connection to the peer.
void zseq_node_note_unreached (zseq_node_t *self, uint8_t peer);

//  The latest time of the next step, with a TICK and then a FLUSH.
uint64_t zseq_node_wake_us (const zseq_node_t *self);

//  Whether so many requests wait at once that the node's work should be saved.
bool zseq_node_congested (const zseq_node_t *self);

//  Whether no request waits and no write is in flight.
bool zseq_node_idle (const zseq_node_t *self);

//  The first sequence in byte order whose name is above after, or NULL.
zseq_sequence_t *zseq_node_above (const zseq_node_t *self, const char *after,
                                  size_t after_size);

//  What the node has counted since it began, and what it holds.
typedef struct {
    uint64_t sequences;  //  Names held
    uint64_t claims;     //  Claims accepted
    uint64_t conflicts;  //  Claims refused: another client was first
    uint64_t burnt;      //  IDs at most that the last unclean stop burnt
} zseq_node_stats_t;

void zseq_node_stats (const zseq_node_t *self, zseq_node_stats_t *stats);

//  What STATUS replies carry. The node counts but for frames and bytes, which
//  its owner writes here.
zseq_counters_t *zseq_node_counters (zseq_node_t *self);

//  What troubles the process that runs the node, as a line for the reason of
//  STATUS replies; NULL: nothing. text is not copied.
void zseq_node_set_trouble (zseq_node_t *self, const char *text);

//  Names that the node holds.
size_t zseq_node_count (const zseq_node_t *self);

zseq_state_t zseq_node_state (const zseq_node_t *self);

#endif
