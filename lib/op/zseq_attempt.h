//  An attempt sends one message to all nodes, tallies the replies, and repeats
//  after a pause until the deadline. Claims and peeks consist of attempts;
//  their owner sends the messages and reports replies and time. Source:
//  design.md, section 4.

#ifndef ZSEQ_ATTEMPT_H_INCLUDED
#define ZSEQ_ATTEMPT_H_INCLUDED

#include "zseq_backoff.h"
#include "zseq_quorum.h"
#include "zseq_tally.h"

//  What the owner of an operation is to do next.
typedef enum {
    ZSEQ_DO_WAIT,  //  Nothing, until a reply arrives or a tick is due
    ZSEQ_DO_SEND,  //  Call _request, send its message to every node
    ZSEQ_DO_DONE,  //  Read the result
} zseq_do_t;

typedef struct {
    uint64_t rtt_us;  //  A typical round trip: scales pauses and wait limits
    uint64_t deadline_us;  //  When to give up
    uint64_t wait_us;      //  How long to wait for replies, unless another
                           //  client competes; 0: by the round trips
    uint64_t seed;         //  For the jitter
} zseq_timing_t;

typedef struct {
    zseq_quorum_t quorum;
    zseq_timing_t timing;
    zseq_backoff_t backoff;
    zseq_tally_t tally;
    uint64_t request;        //  ID of the message under way; 0 during a pause
    uint64_t began_us;       //  When the message was sent first
    uint64_t wake_us;        //  When the pause or the wait limit ends
    uint32_t round_trips;    //  Messages that got their replies
    uint32_t late;           //  Messages given up because replies were late
    zseq_node_set_t absent;  //  Nodes that the message did not reach; the
                             //  owner sets it
    bool refused;            //  A node refused to answer the last message
    bool is_final_phase;     //  The message under way decides the operation
    bool concluded;          //  A final phase has ended before
    zseq_node_set_t
      answered;   //  Nodes that gave a conclusive reply in the last
                  //  final phase, or before the first one, at all
    int refusal;  //  Why a node refused to answer then; or ZSEQ_OK
    int refusals[ZSEQ_NODES_MAX];  //  Why each node refused last; or ZSEQ_OK,
                                   //  also if it has answered since
} zseq_attempt_t;

//  An attempt that may send at once.
void zseq_attempt_init (zseq_attempt_t *self, const zseq_quorum_t *quorum,
                        const zseq_timing_t *timing);

//  Begins a message under that request ID (not 0) and forgets all earlier
//  replies. is_final_phase: the message is no mere preparation, so its replies
//  explain a failure of the operation.
void zseq_attempt_begin (zseq_attempt_t *self, uint64_t request,
                         bool is_final_phase, uint64_t now_us);

//  Counts a reply. Returns whether the reply answers the message under way; any
//  other reply changes nothing.
bool zseq_attempt_add (zseq_attempt_t *self, const zseq_msg_t *reply);

//  The nodes whose votes count and that replied ZSEQ_OK.
zseq_node_set_t zseq_attempt_granted (const zseq_attempt_t *self);

//  The nodes of _granted, and those that may still reply ZSEQ_OK. A node that
//  the message did not reach is one of them unless another client competes:
//  the node may yet be reached.
zseq_node_set_t zseq_attempt_grantable (const zseq_attempt_t *self);

//  Whether the grants reach a quorum of that kind; whether they cannot reach it
//  any more, whatever replies are still to come.
bool zseq_attempt_reached (const zseq_attempt_t *self, zseq_quorum_kind_t kind);
bool zseq_attempt_hopeless (const zseq_attempt_t *self,
                            zseq_quorum_kind_t kind);

//  Shortens the wait for the missing replies: until until_us at the latest.
void zseq_attempt_hasten (zseq_attempt_t *self, uint64_t until_us);

//  Ends the message: replies to it are late from now on. answered: enough
//  replies arrived.
void zseq_attempt_end (zseq_attempt_t *self, bool answered);

//  Delays the next message by a random pause, which doubles each time: up to a
//  few milliseconds after conflicts with other clients, up to
//  ZSEQ_PAUSE_US_MAX after refusals.
void zseq_attempt_pause (zseq_attempt_t *self, uint64_t now_us);

//  Delays the next message until then.
void zseq_attempt_pause_until (zseq_attempt_t *self, uint64_t until_us);

//  Whether a message is under way and its wait limit has passed.
bool zseq_attempt_overdue (const zseq_attempt_t *self, uint64_t now_us);

//  Whether the pause is over and the next message is due.
bool zseq_attempt_due (const zseq_attempt_t *self, uint64_t now_us);

//  When _overdue or _due changes next.
uint64_t zseq_attempt_wake_us (const zseq_attempt_t *self);

//  The error for a deadline that passed before a quorum of that kind granted.
//  Sets *answered_p, unless NULL, to the nodes that gave a conclusive reply.
int zseq_attempt_failure (const zseq_attempt_t *self, zseq_quorum_kind_t kind,
                          zseq_node_set_t *answered_p);

//  Why that node refused to answer last; ZSEQ_OK: it did not, or has answered
//  since. ZSEQ_ESUPERSEDED: it answered, and its reply does not count, because
//  a reply, perhaps another node's, tells of a newer incarnation of the node
//  (S4).
int zseq_attempt_refusal (const zseq_attempt_t *self, uint8_t node);

#endif
