//  What the files of a proposer share, in the order in which they may call each
//  other. Only zseq_proposer*.c include this header.

#ifndef ZSEQ_PROPOSER_PRIVATE_H_INCLUDED
#define ZSEQ_PROPOSER_PRIVATE_H_INCLUDED

#include <sys/queue.h>

//  A red-black tree; Debian's libbsd-dev. Only the header, no symbol.
#include <bsd/sys/tree.h>

#include "zseq_backoff.h"
#include "zseq_kv_requests.h"
#include "zseq_op_ids.h"
#include "zseq_proposer.h"
#include "zseq_register.h"
#include "zseq_tally.h"

//  Bytes of records in an ACCEPT at most, beyond its first.
#define BYTES_MAX 49152
//  How long a node may not know that a proposal was chosen: K15.
#define ZSEQ_CHOSEN_US 1000

typedef struct zseq_proposer_message zseq_proposer_message_t;

//  What a node showed of a key.
typedef struct {
    zseq_register_t *held;  //  NULL: absent
    bool copied;
    uint64_t from;  //  K9
} zseq_shown_t;

//  Where a key is listed.
typedef enum {
    KEY_IDLE,   //  No request waits; it may be forgotten
    KEY_READY,  //  Requests wait, and no message is under way
    KEY_ASKED   //  A message is under way
} zseq_key_state_t;

typedef struct zseq_proposer_key {
    RB_ENTRY (zseq_proposer_key) tree;
    TAILQ_ENTRY (zseq_proposer_key) link;  //  IDLE, READY
    zseq_key_state_t state;
    uint32_t messages;  //  That name it, under way for it or not
    uint8_t shard;

    zseq_kv_requests_t waiting;
    zseq_kv_requests_t proposed;  //  In the proposal under way

    //  Turns: K8.
    zseq_kv_requests_t refused;  //  Conditions do not hold; they are held
    uint64_t held_until_us;      //  When the first of them must have its turn
    uint64_t turn_us;            //  When the next turn begins
    uint64_t turn_count;         //  How many are answered then
    uint64_t given_us;  //  When a turn began of which no write came yet;
                        //  0: none did
    uint64_t retry_us;  //  How long it takes from a turn to a write,
                        //  typically; 0: not known

    //  The base: K4.
    bool known;
    zseq_register_t *base;   //  NULL: absent
    uint64_t from;           //  ... and then op ids up to that version may be
                             //  forgotten
    zseq_op_ids_t op_ids;    //  ... that were applied under the ballot
    uint64_t shown_arrival;  //  Requests that arrived no later may be answered
                             //  from the base: W nodes have shown it since
    size_t held;     //  Bytes of the value that nodes have accepted, as far as
                     //  is known
    bool unsettled;  //  W nodes do not show the base: it has to be proposed
                     //  again, K8

    //  The message under way.
    zseq_proposer_message_t *message;
    size_t item;             //  The key's place in it
    uint64_t asked_arrival;  //  FETCH: the last request before it
    zseq_tally_t tally;
    zseq_shown_t shown[ZSEQ_NODES_MAX];  //  FETCH
    zseq_node_set_t full;  //  ACCEPT: nodes that have refused it for good

    zseq_slice_t key;  //  Points behind this struct
} zseq_proposer_key_t;

//  A key of a message, and what is proposed for it.
typedef struct {
    zseq_proposer_key_t *key;
    zseq_register_t *proposed;  //  ACCEPT
} zseq_proposer_item_t;

//  A FETCH or an ACCEPT under way. Sending the same message again is always
//  allowed (K1), so it keeps all that it holds until none of its keys waits.
struct zseq_proposer_message {
    TAILQ_ENTRY (zseq_proposer_message) link;
    zseq_op_t op;
    zseq_ballot_t ballot;
    uint64_t request;   //  0: not sent yet, and more keys may join
    uint64_t sent_us;   //  When it was sent first
    uint64_t again_us;  //  When to send it again to nodes that owe a reply
    uint64_t pause_us;  //  ... and then
    zseq_node_set_t answered;
    zseq_node_set_t hastened;  //  Nodes that had to be asked for a promise
    size_t waiting;            //  Keys for which it is under way
    size_t bytes;
    size_t item_count;
    zseq_proposer_item_t item[ZSEQ_PAGE_MAX];
};

typedef struct {
    zseq_ballot_t ballot;  //  Round 0: none
    uint32_t round;        //  The highest that was seen
    uint64_t wait_us;      //  No new ballot before that: K6
    zseq_backoff_t backoff;
    zseq_node_set_t asked;     //  Nodes that were sent a PROMISE for ballot
    zseq_node_set_t promised;  //  ... and have it in force
} zseq_proposer_shard_t;

RB_HEAD (zseq_proposer_tree, zseq_proposer_key);
TAILQ_HEAD (zseq_proposer_list, zseq_proposer_key);
TAILQ_HEAD (zseq_proposer_messages, zseq_proposer_message);

struct zseq_proposer {
    zseq_proposer_hooks_t hooks;
    zseq_quorum_t quorum;
    uint64_t proposer;
    uint64_t own_shards;
    uint64_t now_us;
    uint64_t rtt_us;  //  Typical
    uint64_t seq;     //  The last that was used: K1
    uint64_t arrival;
    uint64_t requests;  //  That are not done
    zseq_proposer_shard_t shard[ZSEQ_SHARDS];
    struct zseq_proposer_tree keys;
    struct zseq_proposer_list idle;  //  The longest idle first
    size_t idle_count;
    size_t idle_bytes;
    struct zseq_proposer_list ready;
    struct zseq_proposer_messages messages;
    zseq_kv_chosen_t chosen[ZSEQ_PAGE_MAX];  //  Not told yet: K15
    char chosen_key[ZSEQ_PAGE_MAX][ZSEQ_KEY_MAX];
    size_t chosen_count;
    size_t chosen_bytes;  //  Of the message that tells them, at most
    uint64_t chosen_us;   //  When to tell them at the latest
    uint64_t expiry_us;   //  When to look at deadlines next
    uint64_t full_us;     //  Until then so many nodes are taken for full that
    size_t full_growth;   //  ... no value may grow by so many bytes
    zseq_proposer_stats_t stats;
    zseq_kv_record_t records[ZSEQ_PAGE_MAX];  //  Scratch
    zseq_slice_t names[ZSEQ_PAGE_MAX];        //  Scratch
};

//  zseq_proposer_turn.c: the order in which clients are told that a condition
//  does not hold (K8).

void zseq_proposer_turn_init (zseq_proposer_key_t *key);

//  The first count requests that wait were judged. Holds those whose condition
//  does not hold, unless there is only one, and neither do any of them write,
//  nor does a turn last. Returns how many are held.
size_t zseq_proposer_turn_hold (zseq_proposer_t *self, zseq_proposer_key_t *key,
                                size_t count, bool writes);

//  Those that are held and whose turn has come wait again, before all others.
void zseq_proposer_turn_give (zseq_proposer_t *self, zseq_proposer_key_t *key);

//  The key has a new value: the turn ends. And a write is about to be proposed.
void zseq_proposer_turn_end (zseq_proposer_key_t *key);
void zseq_proposer_turn_wrote (const zseq_proposer_t *self,
                               zseq_proposer_key_t *key);

//  All that are held wait again, before all others.
void zseq_proposer_turn_cancel (zseq_proposer_key_t *key);

//  When a turn is due.
uint64_t zseq_proposer_turn_wake_us (const zseq_proposer_key_t *key);

//  zseq_proposer_key.c: keys, and the requests that wait for each.

//  The key, which is made if it is not in use; NULL: no memory.
zseq_proposer_key_t *zseq_proposer_key_of (zseq_proposer_t *self,
                                           zseq_slice_t key);

//  A request waits for the key.
void zseq_proposer_key_wait (zseq_proposer_t *self, zseq_proposer_key_t *key,
                             zseq_kv_request_t *request);

//  A message is under way for the key, which was READY.
void zseq_proposer_key_ask (zseq_proposer_t *self, zseq_proposer_key_t *key);

//  No message is under way for the key any more, or its requests have changed:
//  those that it proposed and that are not done wait again.
void zseq_proposer_key_release (zseq_proposer_t *self,
                                zseq_proposer_key_t *key);

//  The base of a key that is not IDLE is this one from now on, which the key
//  owns; NULL: absent.
void zseq_proposer_key_rebase (zseq_proposer_key_t *self,
                               zseq_register_t *base);

//  The shard's ballot has ended: no base outlives it (K4).
void zseq_proposer_key_end_ballot (zseq_proposer_t *self, uint8_t shard);

//  The first count requests that wait are those of the key's proposal.
void zseq_proposer_key_propose (zseq_proposer_key_t *self, size_t count);

//  Forgets keys that were idle for longest, if there are too many, but for
//  those whose base may not be chosen. And whether so many of these are left
//  that the ballots have to be given up.
void zseq_proposer_key_tidy (zseq_proposer_t *self);
bool zseq_proposer_key_too_many (const zseq_proposer_t *self);

//  The requests that wait in a shard may be passed on to the proposer of that
//  node.
void zseq_proposer_key_pass (zseq_proposer_t *self, uint8_t shard,
                             uint8_t node);

//  Has a request done that is on no list.
void zseq_proposer_key_finish (zseq_proposer_t *self, zseq_proposer_key_t *key,
                               zseq_kv_request_t *request);

//  Ends the requests of all keys whose deadline has passed; and all requests.
void zseq_proposer_key_expire_all (zseq_proposer_t *self);
void zseq_proposer_key_end_all (zseq_proposer_t *self, int status);

void zseq_proposer_key_destroy_all (zseq_proposer_t *self);

//  zseq_proposer_ballot.c: ballots of shards.

//  Whether the shard has a ballot, which is taken if the time has come.
bool zseq_proposer_ballot_ready (zseq_proposer_t *self, uint8_t shard);

//  Asks a node for the promises of a ballot that it was not asked for yet. And
//  forgets that it was asked, unless it has promised.
void zseq_proposer_ballot_ask (zseq_proposer_t *self, uint8_t node,
                               const zseq_ballot_t *ballot);
void zseq_proposer_ballot_unask (zseq_proposer_t *self, uint8_t node,
                                 const zseq_ballot_t *ballot);

//  A node has told the promise that is in force in a shard. If that is above
//  the shard's ballot, the ballot is lost (K6).
void zseq_proposer_ballot_learn (zseq_proposer_t *self, uint8_t shard,
                                 uint8_t node, const zseq_ballot_t *promise);

//  A round was seen in a shard that is above that of its ballot: a new ballot
//  is needed.
void zseq_proposer_ballot_raise (zseq_proposer_t *self, uint8_t shard,
                                 uint64_t round);

//  zseq_proposer_message.c: messages under way.

//  Adds a READY key to a message that is not sent yet: an ACCEPT of proposed,
//  which the message then owns, or if it is NULL a FETCH. False: no memory.
bool zseq_proposer_message_add (zseq_proposer_t *self, zseq_proposer_key_t *key,
                                zseq_register_t *proposed);

//  Sends all messages that were not sent yet. Returns whether there were any.
bool zseq_proposer_message_send_all (zseq_proposer_t *self);

//  Sends a message to a node again, which lacks the promise for it.
void zseq_proposer_message_hasten (zseq_proposer_t *self,
                                   zseq_proposer_message_t *message,
                                   uint8_t node);

//  Sends those again that are due. And frees those that no key waits for.
void zseq_proposer_message_send_again (zseq_proposer_t *self);
void zseq_proposer_message_tidy (zseq_proposer_t *self);

//  The message of that request ID, or NULL.
zseq_proposer_message_t *zseq_proposer_message_find (zseq_proposer_t *self,
                                                     uint64_t request);

void zseq_proposer_message_destroy_all (zseq_proposer_t *self);

//  zseq_proposer_decide.c: what is to be done for a key.

//  Decides what comes next for a READY key: answers, a FETCH or an ACCEPT.
void zseq_proposer_decide (zseq_proposer_t *self, zseq_proposer_key_t *key);

//  The key's proposal was chosen: answers its requests.
void zseq_proposer_decide_chosen (zseq_proposer_t *self,
                                  zseq_proposer_key_t *key);

//  So many nodes have refused the key's proposal for lack of memory
//  (ZSEQ_EFULL) or disk (ZSEQ_ENOSPACE) that it is not chosen now: ends its
//  requests.
void zseq_proposer_decide_refused (zseq_proposer_t *self,
                                   zseq_proposer_key_t *key, int status);

//  A quorum has shown what it holds of the key, and nothing is proposed.
void zseq_proposer_decide_shown (zseq_proposer_t *self,
                                 zseq_proposer_key_t *key);

#endif
