//  One run of the simulator. A cluster forms, and clients use it while faults
//  happen. At last the faults end. Then all nodes must vote again, and all
//  calls must succeed. The seed draws how many nodes there are and which faults
//  occur how often ("swarm testing", Groce et al., ISSTA 2012), or that the run
//  follows a guided schedule.

#ifndef ZSEQ_SWARM_H_INCLUDED
#define ZSEQ_SWARM_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    ZSEQ_FAULT_KILL,      //  A process is killed
    ZSEQ_FAULT_POWER,     //  ... by a power cut
    ZSEQ_FAULT_KILL_ALL,  //  All processes are
    ZSEQ_FAULT_STOP,      //  A process is told to stop
    ZSEQ_FAULT_PAUSE,     //  A process is suspended for a while
    ZSEQ_FAULT_WIPE,      //  A disk is lost
    ZSEQ_FAULT_RUIN,      //  So many disks are lost that it takes force
    ZSEQ_FAULT_DAMAGE,    //  A record is damaged or removed
    ZSEQ_FAULT_SHORTEN,   //  Registers lose their last groups
    ZSEQ_FAULT_KEEP,      //  A directory is copied
    ZSEQ_FAULT_PUT_BACK,  //  ... and the copy put back
    ZSEQ_FAULT_UNFORMED,  //  ... or a directory as format left it
    ZSEQ_FAULT_BACKUP,    //  All directories are copied
    ZSEQ_FAULT_RESTORE,   //  ... and all copies put back
    ZSEQ_FAULT_COPY,      //  A second process runs on a copy, elsewhere
    ZSEQ_FAULT_FORCE,     //  A healthy node is recovered by force
    ZSEQ_FAULT_FORMAT,    //  A node is formatted again
    ZSEQ_FAULT_RECOVER,   //  A node is told to recover
    ZSEQ_FAULT_DOUBLE,    //  A second process runs under a node's name
    ZSEQ_FAULT_STICK,     //  A disk is slow
    ZSEQ_FAULT_FULL,      //  A disk is full
    ZSEQ_FAULT_FAIL,      //  A write fails
    ZSEQ_FAULT_CUT,       //  Some links are cut, one-way
    ZSEQ_FAULT_SPLIT,     //  Nodes and clients are split in two
    ZSEQ_FAULT_LONELY,    //  A node is connected to only one other
    ZSEQ_FAULT_MEND,      //  All links are restored
    ZSEQ_FAULT_FORGE,     //  A false message arrives
    ZSEQ_FAULT_CLIENT,    //  A client crashes
    ZSEQ_FAULTS
} zseq_fault_t;

extern const char *const zseq_fault_names[ZSEQ_FAULTS];

//  Totals of runs.
typedef struct {
    uint64_t seeds;
    uint64_t guided;  //  ... that followed a schedule
    uint64_t scenario_steps;
    uint64_t simulated_us;
    uint64_t steps;        //  Of nodes
    uint64_t calls;        //  Calls of clients, begun
    uint64_t won;          //  ... that succeeded
    uint64_t claims;       //  ... and were for IDs
    uint64_t delegated;    //  NEXT messages
    uint64_t key_calls;    //  Calls for keys, begun
    uint64_t key_done;     //  ... that had an answer
    uint64_t key_unknown;  //  ... writes whose outcome is unknown
    uint64_t key_pages;    //  ... pages of listings
    uint64_t key_watches;  //  ... watches
    uint64_t key_quiet;    //  ... that ended without news
    uint64_t messages;     //  Lost, duplicated or late
    uint64_t fault[ZSEQ_FAULTS];
} zseq_swarm_totals_t;

typedef struct {
    size_t nodes;      //  1..ZSEQ_NODES_MAX; 0: drawn
    uint64_t seconds;  //  About how long faults happen; 0: drawn
    size_t clients;    //  Of a crowd (zseq_contention.h); 0: drawn
    bool keys;         //  Most calls are for keys, and there are many
    bool trace;        //  Prints all that happens on stdout
    void (*broken) (uint64_t seed, const char *text);  //  Must not return
} zseq_swarm_options_t;

//  Runs one seed. Its outcome depends on nothing else but nodes, seconds and
//  keys.
void zseq_swarm_run (uint64_t seed, const zseq_swarm_options_t *options,
                     zseq_swarm_totals_t *totals);

#endif
