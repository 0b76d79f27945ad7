//  A run of a crowd: many clients draw IDs from one name, on 3 or 5 nodes that
//  take time for each message, so that queues build up. Clients come all at
//  once (a burst), or each goes on and on with short pauses (steady); or they
//  know no coordinators, so that their claims fight. In a part of the runs a
//  minority of the nodes pauses or is killed and restarted, or messages are
//  lost. In some runs a part of the clients cannot reach one node at the start.
//
//  Beside P1 and P2 a run checks that each call ends in time, and succeeds
//  unless something has failed; and that few IDs are skipped or burnt
//  (s_skipped_max in zseq_contention.c has the bounds).

#ifndef ZSEQ_CONTENTION_H_INCLUDED
#define ZSEQ_CONTENTION_H_INCLUDED

#include "zseq_swarm.h"

typedef enum {
    ZSEQ_CONTENTION_BURST,
    ZSEQ_CONTENTION_STEADY,
    ZSEQ_CONTENTION_FIGHT,
    ZSEQ_CONTENTION_KINDS
} zseq_contention_kind_t;

extern const char *const zseq_contention_names[ZSEQ_CONTENTION_KINDS];

//  Totals of the runs of one kind.
typedef struct {
    uint64_t runs;
    uint64_t clients;
    uint64_t calls;
    uint64_t ids;             //  IDs handed out
    uint64_t skipped;         //  ... and not, below the name's next in the end
    uint64_t skipped_max;     //  The same of a run, in percent of the IDs that
                              //  were handed out, at most
    uint64_t longest_us;      //  The longest call
    uint64_t refused;         //  CLAIMs refused as conflicts
    uint64_t coordinators;    //  Nodes that claimed for clients, in all runs
    uint64_t coordinators_2;  //  Runs in which several nodes did
} zseq_contention_kind_totals_t;

typedef struct {
    uint64_t seeds;
    uint64_t simulated_us;
    uint64_t steps;  //  Of nodes
    zseq_contention_kind_totals_t
      well[ZSEQ_CONTENTION_KINDS];  //  Nothing failed
    zseq_contention_kind_totals_t
      faulty[ZSEQ_CONTENTION_KINDS];  //  Something did
    uint64_t late_links;    //  Clients that could not reach the first node
    uint64_t pauses;        //  Nodes paused
    uint64_t kills;         //  ... and killed
    uint64_t messages;      //  Messages lost
    uint64_t failed_calls;  //  Calls that failed while something did
} zseq_contention_totals_t;

//  Runs one seed. Its outcome depends on nothing else but nodes and clients of
//  the options.
void zseq_contention_run (uint64_t seed, const zseq_swarm_options_t *options,
                          zseq_contention_totals_t *totals);

#endif
