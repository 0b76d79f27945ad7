//  Clusters of the shipped core in one process, on virtual time: nodes with
//  disks that can be lost, and messages that a test lets through or drops.
//  Every message goes through the codec. The same calls always have the same
//  effect.

#ifndef ZSEQ_TESTBED_H_INCLUDED
#define ZSEQ_TESTBED_H_INCLUDED

#include "zseq_node.h"

#define ZSEQ_TESTBED_CLIENT 255              //  Sender of clients' messages
#define ZSEQ_TESTBED_WALL_MS 1800000000000u  //  What wall clocks show at time 0

//  A message in flight, as a filter sees it.
typedef struct {
    uint8_t from;  //  A node's index, or ZSEQ_TESTBED_CLIENT
    uint8_t to;
    zseq_op_t op;
    bool reply;
} zseq_testbed_message_t;

//  Returns whether a message arrives. Otherwise it is lost.
typedef bool (zseq_testbed_filter_fn) (const zseq_testbed_message_t *message,
                                       void *arg);

//  Takes a reply to a client; msg is valid during the call only.
typedef void (zseq_testbed_client_fn) (const zseq_msg_t *msg, void *arg);

typedef struct zseq_testbed zseq_testbed_t;

//  Makes n formatted nodes that are not started. Ends the program if there is
//  no memory.
zseq_testbed_t *zseq_testbed_new (size_t n);
void zseq_testbed_destroy (zseq_testbed_t **self_p);

//  Sets the filter of messages from now on. NULL: all messages arrive.
void zseq_testbed_filter (zseq_testbed_t *self, zseq_testbed_filter_fn *filter,
                          void *arg);
void zseq_testbed_client (zseq_testbed_t *self, zseq_testbed_client_fn *client,
                          void *arg);
void zseq_testbed_reserve (zseq_testbed_t *self, uint64_t reserve_us);

//  Starts a node with the contents of its disk; with an empty disk, as a node
//  that lost it. force may be NULL.
void zseq_testbed_start (zseq_testbed_t *self, uint8_t node,
                         const zseq_force_t *force);

//  Starts a node that is told to recover, whatever is on its disk.
void zseq_testbed_start_to_recover (zseq_testbed_t *self, uint8_t node);

//  Starts all nodes and runs until they vote.
void zseq_testbed_form (zseq_testbed_t *self);

//  Ends a node. Writes in flight are lost, its messages in flight are not.
void zseq_testbed_kill (zseq_testbed_t *self, uint8_t node);

//  Empties the disk of a node that is down; or damages one name's record, which
//  the node notices at its next start.
void zseq_testbed_wipe (zseq_testbed_t *self, uint8_t node);
void zseq_testbed_damage (zseq_testbed_t *self, uint8_t node, const char *name);

//  zseq_testbed_keep copies a disk, and zseq_testbed_put_back puts the copy
//  back.
typedef struct zseq_disk zseq_disk_t;
zseq_disk_t *zseq_testbed_keep (zseq_testbed_t *self, uint8_t node);
void zseq_testbed_put_back (zseq_testbed_t *self, uint8_t node,
                            zseq_disk_t **p);

//  While a node's disk is stuck, no write arrives there, except the first
//  writes_max writes.
void zseq_testbed_stick (zseq_testbed_t *self, uint8_t node, size_t writes_max);
void zseq_testbed_unstick (zseq_testbed_t *self, uint8_t node);

//  Sends a client's request to a node. It arrives in the next round.
void zseq_testbed_send (zseq_testbed_t *self, uint8_t node,
                        const zseq_msg_t *msg);

//  Lets 20 ms pass: all nodes tick, then messages and writes arrive until there
//  are none, except those that are stuck.
void zseq_testbed_round (zseq_testbed_t *self);

//  Runs rounds until the node votes. Returns whether it does within rounds_max.
bool zseq_testbed_votes (zseq_testbed_t *self, uint8_t node, size_t rounds_max);

//  Returns a node's state; 0: it is down.
zseq_state_t zseq_testbed_state (const zseq_testbed_t *self, uint8_t node);

//  Returns why a node ended by itself, a negative error; ZSEQ_OK: it did not.
int zseq_testbed_ended (const zseq_testbed_t *self, uint8_t node);

//  Returns a node's record in memory; NULL: it is down.
const zseq_record_t *zseq_testbed_record (const zseq_testbed_t *self,
                                          uint8_t node);

//  Return next and durable_to of a name on disk; 0: there is no record.
uint64_t zseq_testbed_disk_next (const zseq_testbed_t *self, uint8_t node,
                                 const char *name);
uint64_t zseq_testbed_disk_limit (const zseq_testbed_t *self, uint8_t node,
                                  const char *name);

//  Returns whether a node has logged text.
bool zseq_testbed_logged (const zseq_testbed_t *self, uint8_t node,
                          const char *text);

//  Returns the cluster's identity, 0 before it forms.
uint64_t zseq_testbed_identity (const zseq_testbed_t *self);
uint64_t zseq_testbed_now_us (const zseq_testbed_t *self);

//  Returns how many writes have arrived on a node's disk.
size_t zseq_testbed_writes (const zseq_testbed_t *self, uint8_t node);

#endif
