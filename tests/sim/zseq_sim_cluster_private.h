//  What the files of the simulated cluster share: its processes, and the events
//  and messages that are due. From the bottom: zseq_sim_due (time, random
//  numbers, the trace), zseq_sim_message (the network), zseq_sim_check (what
//  must hold at each step), zseq_sim_process (nodes and their writes),
//  zseq_sim_cluster (the whole). Each calls only those before it.

#ifndef ZSEQ_SIM_CLUSTER_PRIVATE_H_INCLUDED
#define ZSEQ_SIM_CLUSTER_PRIVATE_H_INCLUDED

#include "zseq_codec.h"
#include "zseq_sim_cluster.h"

#define ZSEQ_SIM_TICK_US 20000
#define ZSEQ_SIM_NAMES_MAX 1000
#define ZSEQ_SIM_NO_PROCESS 0  //  No process
#define ZSEQ_SIM_ENDS (ZSEQ_NODES_MAX + ZSEQ_SIM_CLUSTER_CLIENTS)

#define ZSEQ_SIM_WORDS_MAX 512

typedef struct {
    const zseq_kv_group_t *group;  //  Of the key-value store; or NULL:
    zseq_sequence_t *sequence;     //  NULL: the node's record
    zseq_record_t *record;         //  ... whose contents these are, to be freed
    bool deferred;
    uint64_t next;
    uint64_t durable_to;
    uint64_t version;
} zseq_sim_write_t;

//  A process, from its start to its end.
typedef struct {
    zseq_sim_cluster_t *cluster;
    uint32_t id;
    uint8_t index;
    zseq_node_t *node;
    zseq_sim_disk_t *disk;
    zseq_sim_write_t *write;  //  Submitted, not arrived
    size_t write_count;
    size_t write_capacity;
    bool write_due;
    bool flush_due;
    uint64_t wake_us;  //  When it is, or was last, woken
    bool deaf;         //  Not connected to its peers, either way
    uint64_t began_us;
    bool formed;           //  It began with no identity on its disk
    bool recovered;        //  It has recovered
    bool forced;           //  ... by force
    zseq_node_set_t lost;  //  ... with these named as lost
    bool voted;            //  It has voted
    bool watched;          //  The owner is asked whether it may go on
    uint8_t guard;         //  A peer that it surely hears; or itself
    uint32_t met;  //  Peers that its introductions have reached, a bit each
    bool stopping;
    uint64_t paused_us;       //  It does nothing until then
    uint64_t stuck_us;        //  No write of it arrives until then
    uint64_t busy_us;         //  It takes no further message until then
    uint64_t clock_us;        //  What its clock showed at time 0
    uint64_t clock_rate;      //  Its clock's rate, in thousandths
    const zseq_msg_t *asked;  //  The request that it handles now
    int ended;
} zseq_sim_process_t;

typedef struct {
    uint32_t from;  //  A process; ZSEQ_SIM_NO_PROCESS: a client
    uint32_t to;    //  The same
    uint16_t client;
    uint8_t node;  //  The node that was asked
    bool reply;
    bool served;  //  Its process has spent the time that it takes
    size_t size;
    uint8_t bytes[];
} zseq_sim_message_t;

typedef enum {
    ZSEQ_SIM_DUE_MESSAGE,
    ZSEQ_SIM_DUE_TICK,
    ZSEQ_SIM_DUE_WAKE,
    ZSEQ_SIM_DUE_FLUSH,
    ZSEQ_SIM_DUE_WRITE,
    ZSEQ_SIM_DUE_ALARM
} zseq_sim_kind_t;

typedef struct {
    uint64_t at_us;
    uint64_t order;  //  Breaks ties: the first made comes first
    zseq_sim_kind_t kind;
    uint32_t target;  //  A process, or the number of an alarm
    zseq_sim_message_t *message;
} zseq_sim_due_t;

//  A node with all its processes.
typedef struct {
    zseq_sim_disk_t *disk;
    uint32_t process;  //  The process with the endpoint
    uint32_t older;    //  The other one of two
    bool copied;       //  ... which was started on a copy of the disk
    int ended;
    char words[ZSEQ_SIM_WORDS_MAX];
    uint64_t service_us;       //  A message takes its process that long
    uint64_t full_us;          //  The disk has no space until then
    bool failing;              //  The next write fails
    zseq_incarnation_t begun;  //  The newest incarnation it has begun
    zseq_incarnation_t voted;  //  ... in which it has voted
    uint64_t start;            //  The highest counter of its own starts
    zseq_journal_end_t end;    //  How far a journal of its registers ever was
    zseq_record_t unformed;    //  The record as it was first formatted
    uint64_t changed_us;  //  When the disk was last lost, replaced or damaged
    uint64_t forced_us;   //  When a forced process last began to vote
    uint64_t forced_vote_us;  //  ... or its vote was last on disk
} zseq_sim_slot_t;

struct zseq_sim_cluster {
    size_t n;
    uint64_t seed;
    uint64_t random;
    bool trace;
    bool formed;  //  A node has voted
    uint64_t now_us;
    uint64_t order;
    uint64_t steps;
    uint64_t messages;
    uint64_t claimed;                   //  Highest ID claimed by a coordinator
    uint64_t refused;                   //  CLAIMs that met a conflict
    zseq_node_set_t claimers;           //  Nodes that have sent CLAIMs
    uint64_t promised[ZSEQ_SIM_NAMES];  //  Highest next answered
    zseq_faults_t faults;
    zseq_members_t members;
    zseq_sim_slot_t slot[ZSEQ_NODES_MAX];
    uint8_t cut[ZSEQ_NODES_MAX][ZSEQ_NODES_MAX];  //  A bit for each zseq_cut_t
    bool cut_client[ZSEQ_SIM_CLUSTER_CLIENTS][ZSEQ_NODES_MAX];
    //  When the last message of a link arrives: to a node from each end, and
    //  back. Ends are nodes, then clients.
    uint64_t arrives_us[2][ZSEQ_NODES_MAX][ZSEQ_SIM_ENDS];
    zseq_sim_process_t **process;  //  By number; NULL: it has ended
    uint32_t process_count;
    size_t process_capacity;
    zseq_sim_due_t *due;  //  A heap
    size_t due_count;
    size_t due_capacity;
    zseq_sim_cluster_hooks_t hooks;
    zseq_codec_t codec;
};

//  zseq_sim_due: time, random numbers and processes.

//  Makes room for one more item. Returns the items' new address.
void *zseq_sim_grow (void *items, size_t *capacity_p, size_t count,
                     size_t size);
uint64_t zseq_sim_random (zseq_sim_cluster_t *self);

//  Adds an event. message, or NULL, is what is delivered; the cluster owns it
//  from now on.
void zseq_sim_add_due (zseq_sim_cluster_t *self, uint64_t at_us,
                       zseq_sim_kind_t kind, uint32_t target,
                       zseq_sim_message_t *message);

//  Takes the next event. There must be one.
zseq_sim_due_t zseq_sim_take_due (zseq_sim_cluster_t *self);

//  Return a process by its number, the process with a node's endpoint, or the
//  other one of two processes. NULL: there is none.
zseq_sim_process_t *zseq_sim_process (const zseq_sim_cluster_t *self,
                                      uint32_t id);
zseq_sim_process_t *zseq_sim_at (const zseq_sim_cluster_t *self, uint8_t node);
zseq_sim_process_t *zseq_sim_older (const zseq_sim_cluster_t *self,
                                    uint8_t node);

//  Returns a node's letter for messages, a for node 0.
char zseq_sim_letter (uint8_t node);

//  zseq_sim_check: these end the run if a rule is broken.

//  S5: checks a record that is about to be written.
void zseq_sim_check_record (const zseq_sim_process_t *process,
                            const zseq_record_t *record);

//  S11: checks a process that begins to vote.
void zseq_sim_check_voter (zseq_sim_process_t *process);

//  S8: checks that no promise is taken back.
void zseq_sim_check_disk (const zseq_sim_process_t *process);

//  K17: checks that the journal of a process which says so has lost its end.
void zseq_sim_check_end (const zseq_sim_process_t *process);

//  S5: check replies that only a node that votes may send, and that a fence
//  which is reported to be in force is on the disk.
void zseq_sim_check_vote (const zseq_sim_process_t *process,
                          const zseq_msg_t *msg);
void zseq_sim_check_fence (const zseq_sim_process_t *process,
                           const zseq_msg_t *msg);

//  S8 and S1: checks what is answered for that name.
void zseq_sim_check_durable (zseq_sim_process_t *process, const zseq_msg_t *msg,
                             size_t name);

//  zseq_sim_message: messages in flight.

const char *zseq_sim_op_text (zseq_op_t op);

//  Traces a message that arrives.
void zseq_sim_trace_message (const zseq_sim_cluster_t *self,
                             const zseq_sim_message_t *message,
                             const zseq_msg_t *msg);

//  Sends msg between the ends in head. cut: the message does not arrive.
void zseq_sim_post (zseq_sim_cluster_t *self, const zseq_sim_message_t *head,
                    const zseq_msg_t *msg, bool cut);

//  Return whether two nodes' processes, or a client and a node, do not hear
//  each other now.
bool zseq_sim_cut (const zseq_sim_cluster_t *self,
                   const zseq_sim_process_t *from, uint8_t to,
                   const zseq_msg_t *msg);
bool zseq_sim_cut_client (const zseq_sim_cluster_t *self, size_t client,
                          uint8_t node);

//  zseq_sim_process: processes, from start to end.

//  Makes a process on the node's disk. It has loaded nothing yet.
zseq_sim_process_t *zseq_sim_process_new (zseq_sim_cluster_t *self,
                                          uint8_t node,
                                          const zseq_record_t *record);
//  Loads the sequences and registers on its disk.
void zseq_sim_process_load (zseq_sim_process_t *process);

//  Lets its node take a step, which may end the process.
void zseq_sim_process_step (zseq_sim_process_t *process, zseq_event_t event);

//  Ends a process. Some of its writes in flight arrive. power_cut: writes that
//  were not synced may be lost.
void zseq_sim_process_end (zseq_sim_process_t *process, bool power_cut);

//  Carries out an event of a process; or delivers a message, and frees it.
void zseq_sim_process_happen (zseq_sim_process_t *process,
                              zseq_sim_kind_t kind);
void zseq_sim_deliver (zseq_sim_cluster_t *self, zseq_sim_message_t *message);

#endif
