//  A cluster of the shipped core with faults, on virtual time: messages that
//  come late, twice or never, disks that are slow, full, failing, lost or put
//  back, processes that are killed, paused or doubled, clocks that drift. Every
//  message goes through the codec. A seed fixes everything.
//
//  What holds at every single step is checked here (S5 and S8: a reply is held
//  against what a power cut would leave on the disk); what clients see is
//  checked by zseq_checker.

#ifndef ZSEQ_SIM_CLUSTER_H_INCLUDED
#define ZSEQ_SIM_CLUSTER_H_INCLUDED

#include "zseq_node.h"
#include "zseq_sim_disk.h"

#define ZSEQ_SIM_CLUSTER_CLIENTS 16      //  Clients at most
#define ZSEQ_SIM_CLUSTER_NO_REPLY 65535  //  A client that takes no replies

//  How bad it is. Chances are in a thousand.
typedef struct {
    uint32_t lost;        //  Messages that do not arrive
    uint32_t doubled;     //  ... that arrive twice
    uint32_t late;        //  ... that take up to late_us
    uint64_t late_us;     //
    uint64_t lag_us;      //  The others take up to that
    uint64_t write_us;    //  A write takes up to that
    uint64_t reserve_us;  //  --reserve; from a node's next start on
    size_t waiting_max;   //  Requests that wait for a disk at most; the same
    uint32_t drift;       //  Clocks run that much faster or slower at most, in
                          //  a thousand; the same
} zseq_faults_t;

typedef struct zseq_sim_cluster zseq_sim_cluster_t;

//  What the cluster reports to its owner.
typedef struct {
    //  A reply to a client has come.
    void (*reply) (size_t client, const zseq_msg_t *msg, void *arg);
    //  Something is due that was asked for by zseq_sim_cluster_alarm.
    void (*alarm) (uint32_t what, void *arg);
    //  A node's process has ended by itself, or with its cover.
    void (*ended) (uint8_t node, void *arg);
    //  A watched process has taken a step (zseq_sim_cluster_watch). Returns
    //  whether it may go on; else it is killed.
    bool (*covered) (uint8_t node, void *arg);
    //  A promise was broken. It must not return.
    void (*broken) (const char *text, void *arg);
    void *arg;
} zseq_sim_cluster_hooks_t;

//  n formatted nodes, not started. trace: prints every message, write and fault
//  on stdout.
zseq_sim_cluster_t *
zseq_sim_cluster_new (size_t n, uint64_t seed, bool trace,
                      const zseq_sim_cluster_hooks_t *hooks);
void zseq_sim_cluster_destroy (zseq_sim_cluster_t **self_p);

//  From now on.
void zseq_sim_cluster_faults (zseq_sim_cluster_t *self,
                              const zseq_faults_t *faults);

//  A random number below bound; true that often in a thousand.
uint64_t zseq_sim_cluster_draw (zseq_sim_cluster_t *self, uint64_t bound);
bool zseq_sim_cluster_chance (zseq_sim_cluster_t *self, uint32_t in_thousand);

//  Lets everything happen that is due until that time.
void zseq_sim_cluster_run (zseq_sim_cluster_t *self, uint64_t until_us);
uint64_t zseq_sim_cluster_now_us (const zseq_sim_cluster_t *self);
void zseq_sim_cluster_alarm (zseq_sim_cluster_t *self, uint64_t at_us,
                             uint32_t what);

//  Starts a process of that node on its disk, as zseqd start (or recover, or
//  recover --force) does, and lets it have the node's endpoint.
void zseq_sim_cluster_start (zseq_sim_cluster_t *self, uint8_t node,
                             bool recover, const zseq_force_t *force);

//  Starts a second one on an empty disk. The first goes on without its peers
//  and without the endpoint, but clients still reach it.
void zseq_sim_cluster_double (zseq_sim_cluster_t *self, uint8_t node);
//  The older of two processes reaches its peers again; with_endpoint: and they
//  reach it, and not the other.
void zseq_sim_cluster_undouble (zseq_sim_cluster_t *self, uint8_t node,
                                bool with_endpoint);
bool zseq_sim_cluster_doubled (const zseq_sim_cluster_t *self, uint8_t node);

//  Starts a second one elsewhere, on a copy of the disk: it reaches its peers,
//  and they do not reach it. The first goes on.
void zseq_sim_cluster_copy (zseq_sim_cluster_t *self, uint8_t node);
bool zseq_sim_cluster_copied (const zseq_sim_cluster_t *self, uint8_t node);

//  Until the process that has just been started votes or recovers, the owner is
//  asked after each of its steps whether it is covered; and messages between it
//  and peer, if that is a node's index, are neither lost nor late.
void zseq_sim_cluster_watch (zseq_sim_cluster_t *self, uint8_t node,
                             uint8_t peer);

//  Ends all processes of a node, or the older of two. Of the writes under way
//  some arrive; with power_cut, what was not synced may be lost.
void zseq_sim_cluster_kill (zseq_sim_cluster_t *self, uint8_t node,
                            bool power_cut);
void zseq_sim_cluster_kill_older (zseq_sim_cluster_t *self, uint8_t node);

//  As SIGTERM: the process ends when it is idle.
void zseq_sim_cluster_stop (zseq_sim_cluster_t *self, uint8_t node);
//  The process does nothing until then.
void zseq_sim_cluster_pause (zseq_sim_cluster_t *self, uint8_t node,
                             uint64_t until_us);
//  No write of the process arrives until then; or all of the node are refused
//  for lack of space until then; or its next one fails, whether it has arrived
//  or not, and ends the process.
void zseq_sim_cluster_stick (zseq_sim_cluster_t *self, uint8_t node,
                             uint64_t until_us);
void zseq_sim_cluster_fill (zseq_sim_cluster_t *self, uint8_t node,
                            uint64_t until_us);
void zseq_sim_cluster_fail (zseq_sim_cluster_t *self, uint8_t node);

bool zseq_sim_cluster_up (const zseq_sim_cluster_t *self, uint8_t node);
//  Which process has the endpoint; 0: none.
uint32_t zseq_sim_cluster_process (const zseq_sim_cluster_t *self,
                                   uint8_t node);
//  Whether a node, if it is up, and the process at a peer's endpoint hear each
//  other now.
bool zseq_sim_cluster_hear (const zseq_sim_cluster_t *self, uint8_t node,
                            uint8_t peer);
//  Of the process with the endpoint; 0 when there is none.
zseq_state_t zseq_sim_cluster_state (const zseq_sim_cluster_t *self,
                                     uint8_t node);
const zseq_record_t *zseq_sim_cluster_record (const zseq_sim_cluster_t *self,
                                              uint8_t node);
//  Why the node's last process ended by itself; ZSEQ_OK if it did not; and what
//  it said.
int zseq_sim_cluster_ended (const zseq_sim_cluster_t *self, uint8_t node);
const char *zseq_sim_cluster_last_words (const zseq_sim_cluster_t *self,
                                         uint8_t node);
//  When a process of the node that was forced last began to vote, or 0.
uint64_t zseq_sim_cluster_forced_us (const zseq_sim_cluster_t *self,
                                     uint8_t node);

//  The node's disk, to be read; and changed, while no process has it.
zseq_sim_disk_t *zseq_sim_cluster_disk (zseq_sim_cluster_t *self, uint8_t node);
void zseq_sim_cluster_format (zseq_sim_cluster_t *self, uint8_t node);
void zseq_sim_cluster_wipe (zseq_sim_cluster_t *self, uint8_t node);
//  The node's own record cannot be read any more.
void zseq_sim_cluster_damage (zseq_sim_cluster_t *self, uint8_t node);
void zseq_sim_cluster_put (zseq_sim_cluster_t *self, uint8_t node,
                           const zseq_sim_disk_t *disk);
//  The disk as it was when the node was formatted first.
void zseq_sim_cluster_unformed (const zseq_sim_cluster_t *self, uint8_t node,
                                zseq_sim_disk_t *disk);

//  The newest incarnation of the node in which it has ever voted.
zseq_incarnation_t zseq_sim_cluster_voted (const zseq_sim_cluster_t *self,
                                           uint8_t node);

//  What does not get from one node to another.
typedef enum {
    ZSEQ_CUT_ALL,        //  Nothing does
    ZSEQ_CUT_BUT_HELLO,  //  Nothing but HELLO and its replies
    ZSEQ_CUT_QUESTIONS,  //  Its questions do not, its answers do: as where a
                         //  connection that it opens is refused
    ZSEQ_CUTS
} zseq_cut_t;

void zseq_sim_cluster_cut (zseq_sim_cluster_t *self, uint8_t from, uint8_t to,
                           zseq_cut_t cut);
//  A node and a peer hear each other again.
void zseq_sim_cluster_join (zseq_sim_cluster_t *self, uint8_t node,
                            uint8_t peer);
//  A client and a node do not hear each other.
void zseq_sim_cluster_cut_client (zseq_sim_cluster_t *self, size_t client,
                                  uint8_t node);
//  All hear each other again.
void zseq_sim_cluster_mend (zseq_sim_cluster_t *self);

//  Sends a client's request to a node. Returns whether the node is up.
bool zseq_sim_cluster_send (zseq_sim_cluster_t *self, size_t client,
                            uint8_t node, const zseq_msg_t *msg);

//  No node has ever answered a higher next of that name.
uint64_t zseq_sim_cluster_promised (const zseq_sim_cluster_t *self,
                                    size_t name);

//  The cluster's identity, as far as a disk knows it; else 0.
uint64_t zseq_sim_cluster_identity (const zseq_sim_cluster_t *self);

//  No ID that a node has claimed on behalf of a client is that high.
uint64_t zseq_sim_cluster_claimed (const zseq_sim_cluster_t *self);

//  How many steps all nodes have taken; and how many messages came twice, were
//  late, or did not come.
uint64_t zseq_sim_cluster_steps (const zseq_sim_cluster_t *self);
uint64_t zseq_sim_cluster_messages (const zseq_sim_cluster_t *self);

//  Prints a line of the trace.
__attribute__ ((format (printf, 2, 3))) void
zseq_sim_cluster_say (const zseq_sim_cluster_t *self, const char *format, ...);

//  A promise was broken; does not return.
__attribute__ ((format (printf, 2, 3), noreturn)) void
zseq_sim_cluster_broken (const zseq_sim_cluster_t *self, const char *format,
                         ...);

#endif
