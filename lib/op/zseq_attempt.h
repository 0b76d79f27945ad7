//  One question to all nodes: asked, tallied, and asked again after a pause
//  until the deadline. Claims and peeks are made of these. Source: design.md,
//  section 4.

#ifndef ZSEQ_ATTEMPT_H_INCLUDED
#define ZSEQ_ATTEMPT_H_INCLUDED

#include "zseq_backoff.h"
#include "zseq_quorum.h"
#include "zseq_tally.h"

//  What the owner of an operation is to do next.
typedef enum {
    ZSEQ_DO_WAIT,  //  Nothing, until a reply comes or it is time to tick
    ZSEQ_DO_SEND,  //  Make the message with _request, send it to every node
    ZSEQ_DO_DONE,  //  Read the result
} zseq_do_t;

typedef struct {
    uint64_t rtt_us;       //  A typical round trip, for pauses and wait limit
    uint64_t deadline_us;  //  When to give up
    uint64_t seed;         //  For the jitter
} zseq_timing_t;

typedef struct {
    zseq_quorum_t quorum;
    zseq_timing_t timing;
    zseq_backoff_t backoff;
    zseq_tally_t tally;
    uint64_t request;        //  ID of the message under way; 0 during a pause
    uint64_t began_us;       //  When it was asked
    uint64_t wake_us;        //  When the pause or the wait limit ends
    uint32_t round_trips;    //  Questions that got their replies
    uint32_t late;           //  Questions given up because replies were late
    zseq_node_set_t absent;  //  Nodes that it could not be sent to; set by the
                             //  owner
    bool refused;            //  A node refused to answer the last one
    bool is_final_phase;     //  The question under way is what it is all about
    bool concluded;          //  Such a one has ended
    zseq_node_set_t
      answered;   //  Nodes that gave the last such a conclusive reply;
                  //  before the first such, of a preparation
    int refusal;  //  Why a node refused to answer that; or ZSEQ_OK
} zseq_attempt_t;

//  Ready to send at once.
void zseq_attempt_init (zseq_attempt_t *self, const zseq_quorum_t *quorum,
                        const zseq_timing_t *timing);

//  The question goes out under that ID (not 0). Forgets all earlier replies.
//  is_final_phase: it is not a mere preparation, and its replies say what the
//  matter was if the operation fails.
void zseq_attempt_begin (zseq_attempt_t *self, uint64_t request,
                         bool is_final_phase, uint64_t now_us);

//  Takes in a reply. Returns whether it answers the question under way; a
//  reply that does not leaves no trace.
bool zseq_attempt_add (zseq_attempt_t *self, const zseq_msg_t *reply);

//  The nodes that count and said ZSEQ_OK.
zseq_node_set_t zseq_attempt_granted (const zseq_attempt_t *self);

//  Those, and the nodes that may still say so. On nodes that it could not be
//  sent to one waits in vain only if another client is in the way: else they
//  may yet be reached.
zseq_node_set_t zseq_attempt_grantable (const zseq_attempt_t *self);

//  Whether the grants reach a quorum of that kind, and whether they cannot
//  reach it any more, whatever still comes.
bool zseq_attempt_reached (const zseq_attempt_t *self, zseq_quorum_kind_t kind);
bool zseq_attempt_hopeless (const zseq_attempt_t *self,
                            zseq_quorum_kind_t kind);

//  Waits for the replies that are missing until until_us at the latest.
void zseq_attempt_hasten (zseq_attempt_t *self, uint64_t until_us);

//  Ends the question: what comes for it from now on is late. It has got its
//  replies (answered), or not.
void zseq_attempt_end (zseq_attempt_t *self, bool answered);

//  Lets the next question wait for a random, growing pause: a few milliseconds
//  at most where other clients were in the way, ZSEQ_PAUSE_US_MAX where nodes
//  refused.
void zseq_attempt_pause (zseq_attempt_t *self, uint64_t now_us);

//  Whether a question is under way and its wait limit has passed.
bool zseq_attempt_overdue (const zseq_attempt_t *self, uint64_t now_us);

//  Whether it is time for the next question.
bool zseq_attempt_due (const zseq_attempt_t *self, uint64_t now_us);

//  When to look again.
uint64_t zseq_attempt_wake_us (const zseq_attempt_t *self);

//  What to call it when the deadline passed without grants of a quorum of that
//  kind. answered_p, unless NULL: the nodes that gave a conclusive reply.
int zseq_attempt_failure (const zseq_attempt_t *self, zseq_quorum_kind_t kind,
                          zseq_node_set_t *answered_p);

#endif
