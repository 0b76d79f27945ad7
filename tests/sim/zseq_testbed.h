//  Clusters of the shipped core in one process, on virtual time: nodes with
//  disks that can be lost, messages that a test lets through or drops. Every
//  message goes through the codec. The same calls always do the same.

#ifndef ZSEQ_TESTBED_H_INCLUDED
#define ZSEQ_TESTBED_H_INCLUDED

#include "zseq_node.h"

#define ZSEQ_TESTBED_CLIENT 255              //  Who sends what no node does
#define ZSEQ_TESTBED_WALL_MS 1800000000000u  //  What wall clocks show at time 0

//  A message on its way, as a filter sees it.
typedef struct {
    uint8_t from;  //  A node's index, or ZSEQ_TESTBED_CLIENT
    uint8_t to;
    zseq_op_t op;
    bool reply;
} zseq_testbed_message_t;

//  Whether a message arrives; else it is lost.
typedef bool (zseq_testbed_filter_fn) (const zseq_testbed_message_t *message,
                                       void *arg);

//  Takes a reply to a client; msg is valid during the call only.
typedef void (zseq_testbed_client_fn) (const zseq_msg_t *msg, void *arg);

typedef struct zseq_testbed zseq_testbed_t;

//  n nodes, formatted and not started. Ends the program without memory.
zseq_testbed_t *zseq_testbed_new (size_t n);
void zseq_testbed_destroy (zseq_testbed_t **self_p);

//  From now on. NULL: all messages arrive.
void zseq_testbed_filter (zseq_testbed_t *self, zseq_testbed_filter_fn *filter,
                          void *arg);
void zseq_testbed_client (zseq_testbed_t *self, zseq_testbed_client_fn *client,
                          void *arg);
void zseq_testbed_reserve (zseq_testbed_t *self, uint64_t reserve_us);

//  Starts a node with what its disk holds: if that is empty, as one that lost
//  it. force: or NULL.
void zseq_testbed_start (zseq_testbed_t *self, uint8_t node,
                         const zseq_force_t *force);

//  Starts a node that is told to recover, whatever its disk holds.
void zseq_testbed_start_to_recover (zseq_testbed_t *self, uint8_t node);

//  Starts all nodes and runs until they vote.
void zseq_testbed_form (zseq_testbed_t *self);

//  Ends a node; what was not written is lost. Its messages on the way stay.
void zseq_testbed_kill (zseq_testbed_t *self, uint8_t node);

//  Empties the disk of a node that is not up; or damages one name's record,
//  which is noticed at the next start.
void zseq_testbed_wipe (zseq_testbed_t *self, uint8_t node);
void zseq_testbed_damage (zseq_testbed_t *self, uint8_t node, const char *name);

//  Keeps a copy of a disk, and puts it back.
typedef struct zseq_disk zseq_disk_t;
zseq_disk_t *zseq_testbed_keep (zseq_testbed_t *self, uint8_t node);
void zseq_testbed_put_back (zseq_testbed_t *self, uint8_t node,
                            zseq_disk_t **p);

//  While a node's disk is stuck, nothing that is written to it arrives there;
//  with writes_max, that many writes still do.
void zseq_testbed_stick (zseq_testbed_t *self, uint8_t node, size_t writes_max);
void zseq_testbed_unstick (zseq_testbed_t *self, uint8_t node);

//  Sends a client's request to a node. It arrives with the next round.
void zseq_testbed_send (zseq_testbed_t *self, uint8_t node,
                        const zseq_msg_t *msg);

//  20 ms pass: all nodes tick, then messages and writes go on until there are
//  none, but for those that are stuck.
void zseq_testbed_round (zseq_testbed_t *self);

//  Rounds until the node votes; returns whether it does within rounds_max.
bool zseq_testbed_votes (zseq_testbed_t *self, uint8_t node, size_t rounds_max);

//  A node's state; 0 when it is not up.
zseq_state_t zseq_testbed_state (const zseq_testbed_t *self, uint8_t node);

//  Why a node ended by itself, a negative error; ZSEQ_OK when it did not.
int zseq_testbed_ended (const zseq_testbed_t *self, uint8_t node);

//  What a node is, in memory; NULL when it is not up.
const zseq_record_t *zseq_testbed_record (const zseq_testbed_t *self,
                                          uint8_t node);

//  On disk: next and durable_to of a name; 0 when there is none.
uint64_t zseq_testbed_disk_next (const zseq_testbed_t *self, uint8_t node,
                                 const char *name);
uint64_t zseq_testbed_disk_limit (const zseq_testbed_t *self, uint8_t node,
                                  const char *name);

//  Whether a node has logged text.
bool zseq_testbed_logged (const zseq_testbed_t *self, uint8_t node,
                          const char *text);

//  The cluster's identity, 0 before it forms.
uint64_t zseq_testbed_identity (const zseq_testbed_t *self);
uint64_t zseq_testbed_now_us (const zseq_testbed_t *self);

//  How many writes have arrived on a node's disk.
size_t zseq_testbed_writes (const zseq_testbed_t *self, uint8_t node);

#endif
