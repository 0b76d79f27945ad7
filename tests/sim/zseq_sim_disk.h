//  What a simulated node has on its disk: as programs see it, as a power cut
//  would leave it, and what the node has promised.

#ifndef ZSEQ_SIM_DISK_H_INCLUDED
#define ZSEQ_SIM_DISK_H_INCLUDED

#include "zseq_node.h"
#include "zseq_record.h"

#define ZSEQ_SIM_NAMES 6  //  Sequences: "A", "B", ...
#define ZSEQ_SIM_KEYS 6   //  Keys: "a", "b", ...
#define ZSEQ_SIM_VALUE_MAX 32
#define ZSEQ_SIM_PAST 4  //  Groups that the journal may lose at its end

typedef struct {
    bool there;    //  A record was written
    bool damaged;  //  ... and is unreadable, or was removed
    uint64_t next;
    uint64_t durable_to;
} zseq_sim_file_t;

//  A record of the key-value store; proposal.seq 0: none.
typedef struct {
    zseq_kv_record_t record;  //  Without slices
    size_t value_size;
    char value[ZSEQ_SIM_VALUE_MAX];
} zseq_sim_kv_record_t;

//  The key-value store. Groups are written whole and in order, and are durable
//  at once.
typedef struct {
    bool damaged;        //  What is there is intact, and may lack anything
    uint64_t shortened;  //  In that incarnation it has lost its last groups
    uint64_t position;   //  Of the last group
    zseq_journal_end_t heard[ZSEQ_NODES_MAX];  //  Of peers, by their indexes
    zseq_ballot_t promise[ZSEQ_SHARDS];
    uint64_t dropped[ZSEQ_SHARDS];
    zseq_sim_kv_record_t record[ZSEQ_SIM_KEYS];
} zseq_sim_kv_t;

typedef struct {
    bool formatted;     //  It has a node's record
    bool damaged;       //  ... which is unreadable
    uint64_t identity;  //  In the journal's header; 0: no journal
    zseq_record_t record;
    zseq_sim_file_t file[ZSEQ_SIM_NAMES];    //  As programs see it
    zseq_sim_file_t synced[ZSEQ_SIM_NAMES];  //  As a power cut leaves it
    uint64_t promised[ZSEQ_SIM_NAMES];  //  The highest next that was answered
                                        //  as durable
    zseq_sim_kv_t kv;
    zseq_sim_kv_t past[ZSEQ_SIM_PAST];  //  Before the last groups, oldest first
    size_t past_count;
} zseq_sim_disk_t;

//  Writes the node's record, which is durable at once, together with all
//  earlier writes. The write repairs damage.
void zseq_sim_disk_write_record (zseq_sim_disk_t *self,
                                 const zseq_record_t *record);

//  Writes a sequence's record. deferred: a power cut may still lose it.
void zseq_sim_disk_write (zseq_sim_disk_t *self, size_t name, uint64_t next,
                          uint64_t durable_to, bool deferred);

//  Writes a group of the key-value store.
void zseq_sim_disk_write_group (zseq_sim_disk_t *self,
                                const zseq_kv_group_t *group);

//  A disk that has confirmed a sync and forgotten the data: the last groups of
//  the key-value store are lost, so many that it ends below a position. Returns
//  false, and does nothing, if it could not lose so many.
bool zseq_sim_disk_shorten (zseq_sim_disk_t *self, uint64_t position);

//  Loads the key-value store into a node whose registers have nothing yet.
void zseq_sim_disk_load_kv (const zseq_sim_disk_t *self, zseq_node_t *node);

//  Ends a process's use of the disk. After a power cut, writes that were not
//  synced are lost, damaged or kept, as luck decides (64 random bits).
//  Otherwise all writes are kept.
void zseq_sim_disk_end (zseq_sim_disk_t *self, bool power_cut, uint64_t luck);

//  Returns whether any record of the disk is damaged.
bool zseq_sim_disk_is_damaged (const zseq_sim_disk_t *self);

//  Returns up to which ID a name's claims would survive a power cut. Floors
//  count.
uint64_t zseq_sim_disk_durable (const zseq_sim_disk_t *self, size_t name);

//  Returns the first name of which less is durable than was promised (S8), or
//  ZSEQ_SIM_NAMES.
size_t zseq_sim_disk_forgotten (const zseq_sim_disk_t *self);

#endif
