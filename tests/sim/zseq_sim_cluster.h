//  A simulated cluster of the shipped core, with faults, on virtual time.
//  Messages come late, twice or never. Disks are slow, full, failing, lost or
//  put back. Processes are killed, paused or doubled, and clocks drift. Every
//  message goes through the codec. A seed determines the whole run.
//
//  The rules that hold at every single step are checked here (S5 and S8: a
//  reply is compared with what a power cut would leave on the disk). What
//  clients see is checked by zseq_checker.

#ifndef ZSEQ_SIM_CLUSTER_H_INCLUDED
#define ZSEQ_SIM_CLUSTER_H_INCLUDED

#include "zseq_node.h"
#include "zseq_sim_disk.h"

#define ZSEQ_SIM_CLUSTER_CLIENTS 512     //  At most
#define ZSEQ_SIM_CLUSTER_NO_REPLY 65535  //  A client that takes no replies

//  Rates of faults. Chances are in a thousand.
typedef struct {
    uint32_t lost;        //  Messages that do not arrive
    uint32_t doubled;     //  ... that arrive twice
    uint32_t late;        //  ... that take up to late_us
    uint64_t late_us;     //
    uint64_t lag_us;      //  The others take up to that
    uint64_t write_us;    //  A write takes up to that
    uint64_t reserve_us;  //  --reserve, from a node's next start on
    size_t waiting_max;   //  Requests that wait for a disk; also from then
    uint32_t drift;       //  Clocks are faster or slower by that at most,
                          //  in a thousand; also from then
    bool ordered;         //  Messages of one end to another arrive in the order
                          //  in which they were sent, as over a connection
    bool own_congestion;  //  Nodes say themselves whether they are congested
} zseq_faults_t;

typedef struct zseq_sim_cluster zseq_sim_cluster_t;

//  What the cluster reports to its owner.
typedef struct {
    //  A reply arrives at a client.
    void (*reply) (size_t client, const zseq_msg_t *msg, void *arg);
    //  An alarm is due that zseq_sim_cluster_alarm set.
    void (*alarm) (uint32_t what, void *arg);
    //  A process of a node has ended by itself, or because it lost its cover.
    void (*ended) (uint8_t node, void *arg);
    //  A watched process has taken a step (zseq_sim_cluster_watch). Returns
    //  whether it may go on. Otherwise it is killed.
    bool (*covered) (uint8_t node, void *arg);
    //  A promise was broken. It must not return.
    void (*broken) (const char *text, void *arg);
    void *arg;
} zseq_sim_cluster_hooks_t;

//  Makes n formatted nodes that are not started. trace prints every message,
//  write and fault on stdout.
zseq_sim_cluster_t *
zseq_sim_cluster_new (size_t n, uint64_t seed, bool trace,
                      const zseq_sim_cluster_hooks_t *hooks);
void zseq_sim_cluster_destroy (zseq_sim_cluster_t **self_p);

//  Sets the rates of faults from now on.
void zseq_sim_cluster_faults (zseq_sim_cluster_t *self,
                              const zseq_faults_t *faults);

//  Draws a number below bound; or true in in_thousand of a thousand cases.
uint64_t zseq_sim_cluster_draw (zseq_sim_cluster_t *self, uint64_t bound);
bool zseq_sim_cluster_chance (zseq_sim_cluster_t *self, uint32_t in_thousand);

//  Runs all events that are due until that time.
void zseq_sim_cluster_run (zseq_sim_cluster_t *self, uint64_t until_us);
uint64_t zseq_sim_cluster_now_us (const zseq_sim_cluster_t *self);
void zseq_sim_cluster_alarm (zseq_sim_cluster_t *self, uint64_t at_us,
                             uint32_t what);

//  Starts a process of that node on its disk, as zseqd start (or recover, or
//  recover --force) does. It gets the node's endpoint.
void zseq_sim_cluster_start (zseq_sim_cluster_t *self, uint8_t node,
                             bool recover, const zseq_force_t *force);

//  Starts a second process on an empty disk. The first process goes on without
//  its peers and without the endpoint, but clients still reach it.
void zseq_sim_cluster_double (zseq_sim_cluster_t *self, uint8_t node);
//  Connects the older of two processes to its peers again. with_endpoint: peers
//  reach it in place of the other process.
void zseq_sim_cluster_undouble (zseq_sim_cluster_t *self, uint8_t node,
                                bool with_endpoint);
bool zseq_sim_cluster_doubled (const zseq_sim_cluster_t *self, uint8_t node);

//  Starts a second process elsewhere, on a copy of the disk. It reaches its
//  peers, and they do not reach it. The first process goes on.
void zseq_sim_cluster_copy (zseq_sim_cluster_t *self, uint8_t node);
bool zseq_sim_cluster_copied (const zseq_sim_cluster_t *self, uint8_t node);

//  Watches the process that has just been started, until it votes or recovers:
//  the owner is asked after each of its steps whether it is covered. If peer is
//  another node, messages between the two are neither lost nor late.
void zseq_sim_cluster_watch (zseq_sim_cluster_t *self, uint8_t node,
                             uint8_t peer);

//  Ends all processes of a node, or the older of two. Some of the writes in
//  flight arrive. power_cut: writes that were not synced may be lost.
void zseq_sim_cluster_kill (zseq_sim_cluster_t *self, uint8_t node,
                            bool power_cut);
void zseq_sim_cluster_kill_older (zseq_sim_cluster_t *self, uint8_t node);

//  Sends SIGTERM: the process ends when it is idle.
void zseq_sim_cluster_stop (zseq_sim_cluster_t *self, uint8_t node);
//  The process does nothing until that time.
void zseq_sim_cluster_pause (zseq_sim_cluster_t *self, uint8_t node,
                             uint64_t until_us);
//  Each message keeps the node's process busy for that long, and the next one
//  waits until then. 0: for no time.
void zseq_sim_cluster_slow (zseq_sim_cluster_t *self, uint8_t node,
                            uint64_t service_us);
//  stick: no write of the process arrives until that time. fill: all writes of
//  the node are refused for lack of space until that time. fail: the next write
//  fails, whether it has arrived or not, and ends the process.
void zseq_sim_cluster_stick (zseq_sim_cluster_t *self, uint8_t node,
                             uint64_t until_us);
void zseq_sim_cluster_fill (zseq_sim_cluster_t *self, uint8_t node,
                            uint64_t until_us);
void zseq_sim_cluster_fail (zseq_sim_cluster_t *self, uint8_t node);

bool zseq_sim_cluster_up (const zseq_sim_cluster_t *self, uint8_t node);
//  Returns the process with the endpoint; 0: none.
uint32_t zseq_sim_cluster_process (const zseq_sim_cluster_t *self,
                                   uint8_t node);
//  Returns whether a node, if it is up, and the process at a peer's endpoint
//  hear each other now.
bool zseq_sim_cluster_hear (const zseq_sim_cluster_t *self, uint8_t node,
                            uint8_t peer);
//  State and record of the process with the endpoint; 0 and NULL: there is
//  none.
zseq_state_t zseq_sim_cluster_state (const zseq_sim_cluster_t *self,
                                     uint8_t node);
const zseq_record_t *zseq_sim_cluster_record (const zseq_sim_cluster_t *self,
                                              uint8_t node);
//  Why the node's last process ended by itself (ZSEQ_OK: it did not), and the
//  message with which it ended.
int zseq_sim_cluster_ended (const zseq_sim_cluster_t *self, uint8_t node);
const char *zseq_sim_cluster_last_words (const zseq_sim_cluster_t *self,
                                         uint8_t node);
//  Returns when the node's last forced process began to vote; 0: never.
uint64_t zseq_sim_cluster_forced_us (const zseq_sim_cluster_t *self,
                                     uint8_t node);

//  Returns the node's disk, to be read; and to be changed while no process uses
//  it.
zseq_sim_disk_t *zseq_sim_cluster_disk (zseq_sim_cluster_t *self, uint8_t node);
void zseq_sim_cluster_format (zseq_sim_cluster_t *self, uint8_t node);
void zseq_sim_cluster_wipe (zseq_sim_cluster_t *self, uint8_t node);
//  Makes the node's own record unreadable.
void zseq_sim_cluster_damage (zseq_sim_cluster_t *self, uint8_t node);
void zseq_sim_cluster_put (zseq_sim_cluster_t *self, uint8_t node,
                           const zseq_sim_disk_t *disk);
//  Makes the disk as it was when the node was first formatted.
void zseq_sim_cluster_unformed (const zseq_sim_cluster_t *self, uint8_t node,
                                zseq_sim_disk_t *disk);

//  Returns the newest incarnation in which the node has ever voted.
zseq_incarnation_t zseq_sim_cluster_voted (const zseq_sim_cluster_t *self,
                                           uint8_t node);

//  What is cut between one node and another.
typedef enum {
    ZSEQ_CUT_ALL,        //  All messages
    ZSEQ_CUT_BUT_HELLO,  //  All but HELLO and its replies
    ZSEQ_CUT_QUESTIONS,  //  Questions, but not answers: as if
                         //  its connections were refused
    ZSEQ_CUTS
} zseq_cut_t;

void zseq_sim_cluster_cut (zseq_sim_cluster_t *self, uint8_t from, uint8_t to,
                           zseq_cut_t cut);
//  Connects a node and a peer again.
void zseq_sim_cluster_join (zseq_sim_cluster_t *self, uint8_t node,
                            uint8_t peer);
//  Disconnects a client and a node.
void zseq_sim_cluster_cut_client (zseq_sim_cluster_t *self, size_t client,
                                  uint8_t node);
//  Connects all again.
void zseq_sim_cluster_mend (zseq_sim_cluster_t *self);

//  Sends a client's request to a node. Returns whether the node is up.
bool zseq_sim_cluster_send (zseq_sim_cluster_t *self, size_t client,
                            uint8_t node, const zseq_msg_t *msg);

//  Returns the highest next of that name that any node has ever answered.
uint64_t zseq_sim_cluster_promised (const zseq_sim_cluster_t *self,
                                    size_t name);

//  Returns the cluster's identity if a disk knows it; else 0.
uint64_t zseq_sim_cluster_identity (const zseq_sim_cluster_t *self);

//  Returns a number above all IDs that nodes have claimed on behalf of clients.
uint64_t zseq_sim_cluster_claimed (const zseq_sim_cluster_t *self);

//  How many CLAIMs of clients and coordinators peers have refused as conflicts,
//  and the nodes that have sent CLAIMs as coordinators.
uint64_t zseq_sim_cluster_refused (const zseq_sim_cluster_t *self);
zseq_node_set_t zseq_sim_cluster_claimers (const zseq_sim_cluster_t *self);

//  How many steps all nodes have taken, and how many messages came twice, late
//  or never.
uint64_t zseq_sim_cluster_steps (const zseq_sim_cluster_t *self);
uint64_t zseq_sim_cluster_messages (const zseq_sim_cluster_t *self);

//  Prints a line of the trace.
__attribute__ ((format (printf, 2, 3))) void
zseq_sim_cluster_say (const zseq_sim_cluster_t *self, const char *format, ...);

//  Reports a broken promise. Does not return.
__attribute__ ((format (printf, 2, 3), noreturn)) void
zseq_sim_cluster_broken (const zseq_sim_cluster_t *self, const char *format,
                         ...);

#endif
