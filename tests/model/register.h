//  What the files of zseq-register share: the state of a walk, and the steps
//  that one file offers the others. The walk has one key in one shard, nodes,
//  a coordinator on each node, clients that read, and a collector.
//
//      register_history.c      what was acknowledged and read, and the check
//      register_node.c         promises and acceptances, the journal, restarts
//      register_start.c        when a node may vote again; old copies
//      register_recovery.c     how a node recovers a lost disk
//      register_coordinator.c  ballots, bases and proposals
//      register_read.c         reads, and the collection of tombstones
//      register_step.c         random steps
//      register_schedule.c     schedules: known races, step by step; their
//                              steps, in register_schedule.h, are used by
//      register_races.c        races of disks, messages and collections, and
//      register_tails.c        journals that have lost their end
//      register.c              options, walks, and the runs for CI
//
//  A step that its node cannot take changes nothing, so callers need not check
//  first. K1 to K17 are the rules of lib/doc/kv.md, S1 to S11 those of
//  lib/doc/design.md.

#ifndef REGISTER_H_INCLUDED
#define REGISTER_H_INCLUDED

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define NODES_MAX 5
#define READERS 2
#define VALUES_MAX 96
#define OPS_MAX 40
#define OBSERVED_MAX 96
#define BALLOTS_MAX 64
#define DROPS_MAX 32
#define FENCES_MAX 64
#define REPLIES_MAX 64
#define WAITING_MAX 8
#define PROPOSERS_MAX 250
#define ROUNDS_MAX 200
#define SEQ_MAX 250
//  A dedup window holds this many op ids.
#define WINDOW 2
//  Entries of a journal that a walk keeps: a node loses fewer at a time.
#define JOURNAL_KEPT 16

//  A ballot is one number: round and proposer. A proposal is a ballot and a
//  seq. 0: there is none.
#define BALLOT_SHIFT 8
#define ROUND_SHIFT 8
//  A round's version floor. A walk makes fewer versions in a round.
#define FLOOR_SHIFT 8
//  An incarnation is one number: a counter and three random bits.
#define COUNTER_SHIFT 3
#define FIRST_INCARNATION (1 << COUNTER_SHIFT)

//  Rules that can be broken. register.c has their names, README.md explains
//  them.
typedef enum {
    RIGHT,
    PROPOSAL_REUSED,
    PROMISE_EARLY,
    ACCEPTED_EARLY,
    ACCEPT_BELOW_PROMISE,
    COLLECT_BY_MAJORITY,
    DROP_UNDER_ANY_PROMISE,
    DROP_IN_SAME_ROUND,
    COLLECT_COPIED,
    COLLECT_UNCHECKED,
    READ_COUNTS_COPIED,
    READ_TAKES_HIGHEST,
    READ_MIXES_ABSENCES,
    READ_UNCHECKED,
    FETCH_UNCHECKED,
    ACCEPT_UNCHECKED,
    RECOVERY_UNCHECKED,
    PROMISE_NOT_COPIED,
    PROMISE_COPIED_EARLY,
    RECOVERY_KEEPS_OWN,
    OPS_NOT_REMEMBERED,
    SINCE_IGNORED,
    OPS_KEPT,
    FROM_NOTHING,
    DROPPED_LATER,
    DROPPED_NOT_COPIED,
    DROPPED_COPIED_EARLY,
    SINCE_ABOVE_BALLOT,
    VERSION_BELOW_FLOOR,
    FOUND_OP_DONE,
    START_UNCONFIRMED,
    BASE_KEPT,
    STALE_UNCHOSEN,
    SHOWN_EARLY,
    COPY_DURABLE,
    TAIL_IGNORED,
    POSITION_EARLY,
    POSITION_OUTLIVES,
    TAIL_UNCOVERED,
    BROKEN_MAX
} register_broken_t;

//  The newest known incarnation of every node.
typedef struct {
    int of[NODES_MAX];
} register_vector_t;

//  What a node holds of the shard and of the key.
typedef struct {
    int promise;
    int accepted;  //  0: absent
    int value;
    int dropped;    //  The highest version of a tombstone that was dropped
    int collected;  //  For the checker: the deepest value that was dropped
    bool copied;    //  By a recovery, under a lower ballot than the promise
} register_image_t;

//  Where the journal of a node ends, as the node has told. Positions begin
//  anew with each incarnation.
typedef struct {
    int incarnation;
    int position;
} register_end_t;

typedef enum {
    VOTING,
    STARTING,  //  ... with a vote on its disk: is it out of date?
    ASKING,    //  ... voting peers which incarnations they know
    COPYING    //  ... from voting peers where its new incarnation is in force
} register_phase_t;

//  An acceptance on its way to the coordinator.
typedef struct {
    int node;
    int proposal;
    register_end_t end;        //  Of the batch that has the acceptance
    register_vector_t vector;  //  At the time of the acceptance
} register_reply_t;

typedef struct {
    register_phase_t phase;
    register_vector_t vector;
    register_image_t journal[JOURNAL_KEPT];  //  What each entry led to
    int end;                                 //  Position of the last entry
    int synced;                              //  ... that is durable
    bool chosen;         //  The accepted proposal is known to be chosen
    bool stale;          //  An old copy of its directory
    bool cut;            //  For the checker: durable entries are lost
    bool was_cut;        //  ... in this incarnation, before it voted again
    bool warned;         //  ... and a peer that it has asked knows it
    uint32_t confirmed;  //  Peers that let it start
    register_end_t heard[NODES_MAX];  //  Ends of peers' journals
    register_end_t heard_disk[NODES_MAX];
    int waiting_count;
    register_reply_t waiting[WAITING_MAX];  //  For the disk
} register_node_t;

//  What replies have shown, by node.
typedef struct {
    uint32_t from;
    register_vector_t vector[NODES_MAX];
    register_image_t image[NODES_MAX];
} register_replies_t;

typedef struct {
    uint32_t asked;
    int incarnation;  //  The new one
    uint32_t fenced;
    int peer_incarnation[NODES_MAX];  //  ... when it answered FENCE
    int peer_promise[NODES_MAX];
    int peer_dropped[NODES_MAX];
    register_replies_t pages;
} register_recovery_t;

//  A value knows the value that it was made from. 0 is the root.
typedef struct {
    int op;
    int parent;
    int depth;  //  In the chain, for the checker
    int version;
    int from;    //  The version up to which op ids may be forgotten
    int window;  //  How many op ids, from this one back, are remembered
    bool deleted;
} register_value_t;

typedef enum { PUT, DELETE, SETTLE } register_kind_t;

typedef struct {
    register_kind_t kind;
    int begun;
    int since;
    bool done;
} register_op_t;

typedef struct {
    int proposer;
    int round;
    int ballot;
    int seq;
    register_replies_t fetched;
    bool has_base;
    bool absent;    //  The base is
    int base;       //  A value
    int last_base;  //  ... proposed last, under whatever ballot
    int dropped;    //  ... the highest dropped version that was shown with it
    int known;      //  The value down from which it knows all op ids
    int from;       //  ... with versions above that one
    bool active;    //  The proposal below is under way
    int proposal;
    int value;
    int op;
    int base_before;
    bool absent_before;
    register_replies_t acceptances;
} register_coordinator_t;

typedef struct {
    bool active;
    int begun;
    register_replies_t replies;
} register_reader_t;

//  PROMISE, ACCEPT and CHOSEN. They tell where the journal of the sender ends.
typedef struct {
    int ballot;
    int proposal;
    int value;
    int sender;
    register_end_t end;
} register_request_t;

typedef struct {
    int node;
    int incarnation;
} register_fence_t;

//  What a client has seen.
typedef struct {
    int value;
    int begun;
    int ended;
} register_observed_t;

//  Totals of all walks.
typedef struct {
    uint64_t written;
    uint64_t read;
    uint64_t settled;
    uint64_t stale_read;
    uint64_t found;
    uint64_t recovered;
    uint64_t put_back;
    uint64_t dropped;
    uint64_t cut;
    uint64_t cut_found;
    uint64_t wrong;
} register_sum_t;

//  The current walk.
typedef struct {
    register_broken_t broken;
    bool trace;
    int n;
    int majority;
    uint64_t random;
    int now;
    int losses_left;
    int restarts_left;
    int copies_left;
    int cuts_left;
    register_node_t node[NODES_MAX];
    register_recovery_t recovery[NODES_MAX];
    register_node_t kept[NODES_MAX];  //  Copies of directories
    uint32_t has_kept;
    int shown[NODES_MAX];  //  The highest position of a reply that arrived
    int proposer_count;
    register_coordinator_t coordinator[NODES_MAX];
    register_reader_t reader[READERS];
    register_replies_t collected;
    int ballot_count;
    register_request_t ballot[BALLOTS_MAX];
    int value_count;
    register_value_t value[VALUES_MAX];
    int accept_count;
    register_request_t accept[VALUES_MAX];
    int reply_count;
    register_reply_t reply[REPLIES_MAX];
    int chosen_count;
    register_request_t chosen[VALUES_MAX];
    int drop_count;
    int drop[DROPS_MAX];
    int fence_count;
    register_fence_t fence[FENCES_MAX];
    int op_count;
    register_op_t op[OPS_MAX];
    int observed_count;
    register_observed_t observed[OBSERVED_MAX];
    const char *wrong;  //  The fault that was found; or NULL
    register_sum_t sum;
} register_walk_t;

extern register_walk_t walk;

//  Trace: the output of --trace.
#define TRACE(...)                                                             \
    do {                                                                       \
        if (__builtin_expect (walk.trace, 0)) {                                \
            printf ("%4d ", walk.now);                                         \
            printf (__VA_ARGS__);                                              \
            printf ("\n");                                                     \
        }                                                                      \
    } while (0)

//  The texts of a ballot and of a proposal: "round.proposer", and ".seq". The
//  last four texts stay valid.
const char *register_ballot_text (int ballot);
const char *register_proposal_text (int proposal);

//  Randomness. The seed determines the whole walk.

static inline int
register_draw (int below)
{
    //  splitmix64
    walk.random += 0x9e3779b97f4a7c15u;
    uint64_t z = walk.random;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (int) (((z >> 32) * (uint32_t) below) >> 32);
}

//  Returns true one time in so many.
static inline bool
register_chance (int in)
{
    return register_draw (in) == 0;
}

//  Draws an index, mostly the newest. count is above 0.
static inline int
register_draw_newest (int count)
{
    return register_chance (3) ? register_draw (count) : count - 1;
}

//  Sets of nodes, a bit each.

static inline uint32_t
register_all (void)
{
    return (1u << walk.n) - 1;
}

static inline bool
register_has (uint32_t set, int node)
{
    return set >> node & 1;
}

static inline int
register_size (uint32_t set)
{
    return __builtin_popcount (set);
}

//  Numbers.

static inline int
register_ballot_of (int proposal)
{
    return proposal >> BALLOT_SHIFT;
}

static inline int
register_round_of (int ballot)
{
    return ballot >> ROUND_SHIFT;
}

//  K10
static inline int
register_floor_of (int ballot)
{
    return register_round_of (ballot) << FLOOR_SHIFT;
}

//  A node.

//  What node holds in memory, and what of it is durable.
static inline register_image_t *
register_memory_of (int node)
{
    register_node_t *self = &walk.node[node];
    return &self->journal[self->end % JOURNAL_KEPT];
}

static inline register_image_t *
register_durable_of (int node)
{
    register_node_t *self = &walk.node[node];
    return &self->journal[self->synced % JOURNAL_KEPT];
}

static inline int
register_incarnation_of (int node)
{
    return walk.node[node].vector.of[node];
}

static inline bool
register_votes (int node)
{
    return walk.node[node].phase == VOTING;  //  K14
}

static inline bool
register_recovers (int node)
{
    return walk.node[node].phase >= ASKING;
}

//  Replies.

//  Notes a reply of node, which shows this image.
void register_note (register_replies_t *self, int node,
                    const register_image_t *image,
                    const register_vector_t *vector);

//  S4: returns the nodes whose replies count, all if nobody checks.
uint32_t register_counted (const register_replies_t *self, bool checks);

//  register_history.c

//  Returns whether value is older, or was made from it.
bool register_is_made_from (int value, int older);

//  Begins an operation. Its since is a version that some client has seen, a
//  version floor that a node has told, or 0.
void register_begin_op (register_kind_t kind);

//  Ends the walk: this is wrong.
void register_fail (const char *wrong);

//  Checks a write that was acknowledged, or a read, that began then. What
//  clients see must be one chain of values, in the order of real time, with
//  each operation once.
void register_observe_write (int value, int begun, int op);
void register_observe_read (int value, int begun);

//  register_node.c

//  Makes a node that votes and holds nothing.
void register_form (int node);

//  Returns the image that replies of node may show.
const register_image_t *register_shown_of (int node);

//  K17: returns where node says that its journal ends; notes at node what a
//  peer has said; notes, for the checker, that a reply of that end arrived.
register_end_t register_end_of (int node);
void register_hear (int node, int peer, register_end_t end);
void register_arrived (int node, register_end_t end);

//  Returns the next entry of node's journal, which begins as a copy of what the
//  node holds.
register_image_t *register_append (int node);

//  S8: makes the journal of node durable. Then the replies that waited leave.
void register_sync (int node);

//  K2, K3: delivers the PROMISE or ACCEPT of that index to node. A refusal by
//  which the coordinator learns of a higher promise may be lost.
void register_promise (int index, int node);
void register_accept (int index, int node, bool refusal_is_lost);

//  K12: delivers the DROP of that index.
void register_drop (int index, int node);

//  K15: delivers the CHOSEN of that index.
void register_learn_chosen (int index, int node);

//  Ends the process of node, and starts one on its directory. lost is how many
//  durable entries the journal has lost.
void register_restart (int node, int lost);

//  register_start.c

//  Returns how many nodes have lost what they promised, or are out of date. A
//  walk does not let more than n - majority be so at a time.
int register_down (void);

//  Starts node on what is on its disk.
void register_start (int node);

//  Lets node, which starts, ask peer.
void register_confirm (int node, int peer);

//  Copies the directory of node, or puts the copy back.
void register_keep_copy (int node);
void register_put_back (int node);

//  register_recovery.c

//  Loses the disk of node.
void register_lose (int node);

//  Lets node begin to recover. wiped: its directory is empty.
void register_recover (int node, bool wiped);

//  Lets node, which recovers, ask peer: for incarnations; FENCE; KV-COPY.
void register_ask (int node, int peer);
void register_ask_fence (int node, int peer);
void register_copy (int node, int peer);

//  Delivers a FENCE of that index late.
void register_late_fence (int index, int peer);

//  register_coordinator.c

void register_crash (int index);

//  K1: asks for a ballot.
void register_ask_promises (int index);

//  K4: reads the key at node.
void register_fetch (int index, int node);

//  K5, K8, K9: proposes what the operation makes of the base. One that is done
//  is a late copy of its request.
void register_propose (int index, int op);

//  Gives up waiting for the proposal that is under way.
void register_give_up (int index);

//  A node refused the coordinators of this proposal: its promise is higher.
void register_refuse (int proposal, int promise);

//  K5: delivers an acceptance.
void register_deliver_reply (const register_reply_t *reply);

//  register_read.c

//  K7: asks node on behalf of a reader.
void register_read (int index, int node);

//  K15: reads at node alone.
void register_read_stale (int node);

//  K12: shows the collector what node holds.
void register_collect (int node);

//  register_step.c

//  Draws how often what happens in this walk.
void register_draw_weights (void);

//  Takes a random step.
void register_step (void);

//  Proposes any operation.
void register_propose_any (int index);

//  register_schedule.c

//  Returns the name of a schedule; NULL: there is none of that index.
const char *register_schedule_name (int index);

//  Takes the steps of a schedule; some are left out, with others between.
void register_follow (int index);

#endif
