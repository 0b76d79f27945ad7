//  One run of the simulator: a cluster forms, clients use it while faults
//  come, and at last the faults end; then all nodes must vote again and all
//  calls succeed. The seed draws how many nodes there are, which faults occur
//  and how often ("swarm testing", Groce et al., ISSTA 2012), or that the run
//  follows a guided schedule.

#ifndef ZSEQ_SWARM_H_INCLUDED
#define ZSEQ_SWARM_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    ZSEQ_FAULT_KILL,      //  A process is killed
    ZSEQ_FAULT_POWER,     //  ... by a power cut
    ZSEQ_FAULT_KILL_ALL,  //  All are
    ZSEQ_FAULT_STOP,      //  A process is told to stop
    ZSEQ_FAULT_PAUSE,     //  A process does nothing for a while
    ZSEQ_FAULT_WIPE,      //  A disk is lost
    ZSEQ_FAULT_RUIN,      //  So many are that it takes force
    ZSEQ_FAULT_DAMAGE,    //  A record is damaged or removed
    ZSEQ_FAULT_KEEP,      //  A directory is copied
    ZSEQ_FAULT_PUT_BACK,  //  ... and the copy put back
    ZSEQ_FAULT_UNFORMED,  //  ... or a directory as format left it
    ZSEQ_FAULT_BACKUP,    //  All directories are copied
    ZSEQ_FAULT_RESTORE,   //  ... and all copies put back
    ZSEQ_FAULT_COPY,      //  A second process runs on a copy, elsewhere
    ZSEQ_FAULT_FORCE,     //  A node is recovered by force, without need
    ZSEQ_FAULT_FORMAT,    //  A node is formatted again
    ZSEQ_FAULT_RECOVER,   //  A node is told to recover
    ZSEQ_FAULT_DOUBLE,    //  A second process runs under a node's name
    ZSEQ_FAULT_STICK,     //  A disk is slow
    ZSEQ_FAULT_FULL,      //  A disk is full
    ZSEQ_FAULT_FAIL,      //  A write fails
    ZSEQ_FAULT_CUT,       //  Some do not hear some, one-way
    ZSEQ_FAULT_SPLIT,     //  Nodes and clients are split in two
    ZSEQ_FAULT_LONELY,    //  A node hears only one other
    ZSEQ_FAULT_MEND,      //  All hear each other again
    ZSEQ_FAULT_FORGE,     //  A false message arrives
    ZSEQ_FAULT_CLIENT,    //  A client crashes
    ZSEQ_FAULTS
} zseq_fault_t;

extern const char *const zseq_fault_names[ZSEQ_FAULTS];

//  What runs came to; added up.
typedef struct {
    uint64_t seeds;
    uint64_t guided;  //  ... that followed a schedule
    uint64_t scenario_steps;
    uint64_t simulated_us;
    uint64_t steps;      //  Of nodes
    uint64_t calls;      //  Of clients, begun
    uint64_t won;        //  ... that ended well
    uint64_t claims;     //  ... which were for IDs
    uint64_t delegated;  //  Coordinators asked
    uint64_t messages;   //  Lost, doubled or late
    uint64_t fault[ZSEQ_FAULTS];
} zseq_swarm_totals_t;

typedef struct {
    size_t nodes;      //  1..ZSEQ_NODES_MAX; 0: drawn
    uint64_t seconds;  //  How long faults come, about; 0: drawn
    bool trace;        //  Prints all that happens on stdout
    void (*broken) (uint64_t seed, const char *text);  //  Must not return
} zseq_swarm_options_t;

//  Runs one seed. Its outcome depends on nothing else but nodes and seconds.
void zseq_swarm_run (uint64_t seed, const zseq_swarm_options_t *options,
                     zseq_swarm_totals_t *totals);

#endif
