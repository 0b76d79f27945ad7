//  What the files of the simulated cluster share: its processes, what is under
//  way, and what is due. From the bottom: zseq_sim_due (time, chance, the
//  trace), zseq_sim_message (the network), zseq_sim_check (what must hold at
//  each step), zseq_sim_process (nodes and their writes), zseq_sim_cluster (the
//  whole). Each calls only those before it.

#ifndef ZSEQ_SIM_CLUSTER_PRIVATE_H_INCLUDED
#define ZSEQ_SIM_CLUSTER_PRIVATE_H_INCLUDED

#include "zseq_codec.h"
#include "zseq_sim_cluster.h"

#define ZSEQ_SIM_TICK_US 20000
#define ZSEQ_SIM_NAMES_MAX 1000
#define ZSEQ_SIM_NO_PROCESS 0  //  No process

#define ZSEQ_SIM_WORDS_MAX 512

typedef struct {
    zseq_sequence_t *sequence;  //  NULL: the node's record
    zseq_record_t *record;      //  ... which it is, to be freed
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
    uint64_t wake_us;  //  When it is woken next, or was last
    bool deaf;         //  Its peers do not reach it, nor it them
    uint64_t began_us;
    bool formed;           //  It began with no identity on its disk
    bool recovered;        //  It has recovered
    bool forced;           //  ... by force
    zseq_node_set_t lost;  //  ... and these were named as lost
    bool voted;            //  It has voted
    bool watched;          //  Its owner is asked whether it may go on
    uint8_t guard;         //  A peer that it certainly hears; or its own index
    uint32_t met;  //  Peers that its introductions have reached, a bit each
    bool stopping;
    uint64_t paused_us;       //  Until then
    uint64_t stuck_us;        //  Until then none of its writes arrives
    uint64_t clock_us;        //  What its clock showed at time 0
    uint64_t clock_rate;      //  In a thousandth of time's
    const zseq_msg_t *asked;  //  The request that it is stepped with
    int ended;
} zseq_sim_process_t;

typedef struct {
    uint32_t from;  //  A process; or ZSEQ_SIM_NO_PROCESS: a client
    uint32_t to;    //  The same
    uint16_t client;
    uint8_t node;  //  Who was asked
    bool reply;
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
    uint64_t order;  //  Of two at the same time, the first made is first
    zseq_sim_kind_t kind;
    uint32_t target;  //  A process; or what an alarm is about
    zseq_sim_message_t *message;
} zseq_sim_due_t;

//  A node, whatever processes it has.
typedef struct {
    zseq_sim_disk_t *disk;
    uint32_t process;  //  The one with the endpoint
    uint32_t older;    //  Of two, the other
    bool copied;       //  ... which was started on a copy of the disk
    int ended;
    char words[ZSEQ_SIM_WORDS_MAX];
    uint64_t full_us;          //  Until then, no room is left on the disk
    bool failing;              //  Its next write fails
    zseq_incarnation_t begun;  //  The newest incarnation that it has begun
    zseq_incarnation_t voted;  //  ... in which it has voted
    uint64_t start;            //  The highest counter of a start of its own
    zseq_record_t unformed;    //  As it was formatted first
    uint64_t changed_us;  //  When its disk was last lost, replaced or damaged
    uint64_t forced_us;   //  One that was forced began to vote, last
    uint64_t forced_vote_us;  //  ... or had its vote on disk, at least
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
    uint64_t claimed;  //  No node has claimed above, as a coordinator
    uint64_t promised[ZSEQ_SIM_NAMES];  //  No node has answered more
    zseq_faults_t faults;
    zseq_members_t members;
    zseq_sim_slot_t slot[ZSEQ_NODES_MAX];
    uint8_t cut[ZSEQ_NODES_MAX][ZSEQ_NODES_MAX];  //  A bit for each zseq_cut_t
    bool cut_client[ZSEQ_SIM_CLUSTER_CLIENTS][ZSEQ_NODES_MAX];
    zseq_sim_process_t **process;  //  By number; NULL: it has ended
    uint32_t process_count;
    size_t process_capacity;
    zseq_sim_due_t *due;  //  A heap
    size_t due_count;
    size_t due_capacity;
    zseq_sim_cluster_hooks_t hooks;
    zseq_codec_t codec;
};

//  zseq_sim_due: time, chance, and who is there.

//  Makes room for one more item. Returns where they are now.
void *zseq_sim_grow (void *items, size_t *capacity_p, size_t count,
                     size_t size);
uint64_t zseq_sim_random (zseq_sim_cluster_t *self);

//  message: what is delivered, which is owned from now on; or NULL.
void zseq_sim_add_due (zseq_sim_cluster_t *self, uint64_t at_us,
                       zseq_sim_kind_t kind, uint32_t target,
                       zseq_sim_message_t *message);

//  The next; there is one.
zseq_sim_due_t zseq_sim_take_due (zseq_sim_cluster_t *self);

//  A process by its number; the one with a node's endpoint; of two processes of
//  a node, the other. NULL: there is none.
zseq_sim_process_t *zseq_sim_process (const zseq_sim_cluster_t *self,
                                      uint32_t id);
zseq_sim_process_t *zseq_sim_at (const zseq_sim_cluster_t *self, uint8_t node);
zseq_sim_process_t *zseq_sim_older (const zseq_sim_cluster_t *self,
                                    uint8_t node);

//  A node's letter in the alphabet, for people.
char zseq_sim_letter (uint8_t node);

//  zseq_sim_check: these end the run if something is broken.

//  S5: what a record may say that is about to be written.
void zseq_sim_check_record (const zseq_sim_process_t *process,
                            const zseq_record_t *record);

//  S11: a process begins to vote.
void zseq_sim_check_voter (zseq_sim_process_t *process);

//  S8: nothing that was promised is ever taken back.
void zseq_sim_check_disk (const zseq_sim_process_t *process);

//  S5: what only a node that votes may say; and that an incarnation is in
//  force.
void zseq_sim_check_vote (const zseq_sim_process_t *process,
                          const zseq_msg_t *msg);
void zseq_sim_check_fence (const zseq_sim_process_t *process,
                           const zseq_msg_t *msg);

//  S8 and S1: what is answered of that name.
void zseq_sim_check_durable (zseq_sim_process_t *process, const zseq_msg_t *msg,
                             size_t name);

//  zseq_sim_message: what is under way.

const char *zseq_sim_op_text (zseq_op_t op);

//  Traces a message that arrives.
void zseq_sim_trace_message (const zseq_sim_cluster_t *self,
                             const zseq_sim_message_t *message,
                             const zseq_msg_t *msg);

//  Sends msg, with what head says of its ends; cut: it does not arrive.
void zseq_sim_post (zseq_sim_cluster_t *self, const zseq_sim_message_t *head,
                    const zseq_msg_t *msg, bool cut);

//  Whether two nodes' processes, or a client and a node, do not hear each other
//  now.
bool zseq_sim_cut (const zseq_sim_cluster_t *self,
                   const zseq_sim_process_t *from, uint8_t to,
                   const zseq_msg_t *msg);
bool zseq_sim_cut_client (const zseq_sim_cluster_t *self, size_t client,
                          uint8_t node);

//  zseq_sim_process: a process, from its start to its end.

//  A new one on the node's disk, of which it has loaded nothing yet.
zseq_sim_process_t *zseq_sim_process_new (zseq_sim_cluster_t *self,
                                          uint8_t node,
                                          const zseq_record_t *record);
//  Loads what its disk has of sequences.
void zseq_sim_process_load (zseq_sim_process_t *process);

//  Lets its node take a step, which may end it.
void zseq_sim_process_step (zseq_sim_process_t *process, zseq_event_t event);

//  Ends it: of the writes under way some arrive; with power_cut, what was not
//  synced may be lost.
void zseq_sim_process_end (zseq_sim_process_t *process, bool power_cut);

//  What was due happens to it; or a message arrives, which is freed.
void zseq_sim_process_happen (zseq_sim_process_t *process,
                              zseq_sim_kind_t kind);
void zseq_sim_deliver (zseq_sim_cluster_t *self, zseq_sim_message_t *message);

#endif
