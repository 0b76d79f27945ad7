//  What the files of zseq-walks share: the state of a walk, and the steps that
//  one file offers the others. A walk has claims (walks_claim.c) and nodes. A
//  node has instances: a process and its disk each. The behaviour of an
//  instance is in
//
//      walks_memory.c     what it knows of all nodes, in memory and on disk
//      walks_formation.c  how a new cluster forms
//      walks_start.c      how it may vote again after a restart
//      walks_recovery.c   how it recovers a lost disk, also by force
//      walks_process.c    how it begins and ends; disks and copies of disks
//
//  The guides choose the steps: walks_step.c single ones; walks_disks.c,
//  walks_copies.c, walks_cluster.c and walks_disaster.c whole walks. walks.c
//  draws a walk and reads the options. A step that its instance cannot take
//  changes nothing, so guides need not check first.

#ifndef WALKS_H_INCLUDED
#define WALKS_H_INCLUDED

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define NODES_MAX 7
#define INSTANCES_MAX 20
#define CLAIMS_MAX 5
#define VOTES_MAX 24
#define INCARNATIONS_MAX 16
#define ID_MAX 64
#define STARTS_MAX 250
//  Replaces the serial number of a start that two processes have taken.
#define DISPUTED 255

//  An incarnation of a node is one number: a counter, random bits, and a serial
//  number that keeps any two incarnations apart. 0: none is known.
#define COUNTER_SHIFT 8
#define FIRST_INCARNATION (1 << COUNTER_SHIFT)
//  A recovery by force skips this many.
#define FORCED_INCARNATIONS 16
#define COUNTER_MAX 100

//  The newest known incarnation of every node. Eight entries are one register.
typedef struct {
    int16_t of[8];
} walks_vector_t;

typedef enum {
    VOTING,
    ASKING,    //  ... voting peers which incarnations they know
    COPYING,   //  ... from voting peers where its new incarnation is in force
    STARTING,  //  ... with a vote on its disk: is it out of date?
    FORMATTED  //  ... and its cluster has not formed yet
} walks_phase_t;

//  What a node remembers of all nodes: the newest incarnation of each, and the
//  newest start of that incarnation.
typedef struct {
    walks_vector_t incarnation;
    walks_vector_t start;
} walks_memory_t;

//  A process and its disk. A node may have several, because old incarnations go
//  on.
typedef struct {
    uint8_t node;
    walks_phase_t phase;
    bool running;
    bool ended;             //  For good: it never starts again
    bool formed;            //  It has an identity, on disk, too
    bool started;           //  This process has its start
    bool elsewhere;         //  Not at its node's endpoint: no peer asks it
    bool disk_votes;        //  The record on disk says that it votes
    bool disk_started;      //  ... that it was about to vote in its start
    bool superseded;        //  It has heard of a newer incarnation once
    bool stale;             //  A copy of the newest incarnation: see warned
    bool warned;            //  It has asked a peer that knows a later start
    bool restored;          //  From a copy, and votes only if met_floor
    bool met_floor;         //  It has asked a peer that has the floor
    bool forced;            //  It recovers by force
    uint8_t next;           //  In memory
    uint8_t disk_next;      //  On disk
    uint8_t floor;          //  It accepts nothing below
    uint8_t disk_floor;     //  On disk
    uint8_t holding;        //  Peers that a recovery by force must copy from
    uint8_t answered;       //  ... that have answered that they do
    uint8_t bound;          //  ... that recover, with no vote on their disks
    uint8_t gone;           //  ... that have lost their directories
    uint8_t serial;         //  A copy is older than starts above it
    uint8_t base;           //  The counter of its start on disk when it began
    uint8_t unreachable;    //  Peers that it need not wait for
    uint8_t heard;          //  Peers that have answered since it began
    uint8_t together;       //  ... with the same vector, and are not formed
    uint8_t formed_peers;   //  ... which are formed
    uint8_t identified;     //  ... and let it in
    int16_t process;        //  Unique to the process
    walks_memory_t memory;  //  In memory
    walks_memory_t disk;    //  On disk
    walks_vector_t seen;    //  Processes that answered at the endpoints
    walks_vector_t peer_answers;    //  Incarnations in which peers answered its
                                    //  recovery, or its start; or 0
    uint8_t peer_floor[NODES_MAX];  //  ... and their floors
} walks_instance_t;

typedef enum {
    WAITS,    //  For a write to the disk
    ANSWERED  //  Its reply was sent, and may count
} walks_vote_state_t;

//  An acceptance of a claim.
typedef struct {
    uint8_t instance;
    uint8_t node;
    walks_vote_state_t state;
    uint32_t fits;          //  Other votes that count together with this one
    walks_vector_t vector;  //  At the time of the acceptance
} walks_vote_t;

typedef struct {
    uint8_t first;
    uint8_t count;
    uint8_t floor;  //  Claims won before it began end below
    bool won;
    uint8_t size;
    walks_vote_t vote[VOTES_MAX];
} walks_claim_t;

//  Rules that can be broken, by their names in zseq.pml.
typedef enum {
    NOTHING,
    CLAIM_UNCHECKED,
    RECOVERY_UNCHECKED,
    HALF_R,
    ONE_EPOCH,
    ACCEPT_HIGHER,
    HALF_W,
    VOTES_AT_ONCE,
    VOTES_EARLY,
    VOTES_AFTER_RESTART,
    VOTES_UNCONFIRMED,
    CONFIRMED_BY_FEW,
    COPY_DISK,
    FENCE_EARLY,
    START_PER_PROCESS,
    START_UNMET,
    START_UNNOTED,
    STARTS_IGNORED,
    FIRST_START_STAYS,
    NOTE_EARLY,
    START_EARLY,
    NOTES_LOST,
    WAITS_FOR_NOBODY,
    FORMATION_BY_VOTERS,
    FORMATION_NOTED_BY_FEW,
    FORMATION_UNNOTED,
    FORMATION_UNOBJECTED,
    FORMATION_TOGETHER,
    FLOOR_NOT_TAKEN_AT_START,
    FORCE_SKIPS_STARTING_PEERS,
    FORCE_BOUND_BY_TOO_FEW,
    FORCE_COUNTS_WHO_RECOVERS_IN_MEMORY,
    BROKEN_MAX
} walks_broken_t;

//  Totals of all walks.
typedef struct {
    uint64_t won;
    uint64_t lost;
    uint64_t restarted;
    uint64_t recovered;
    uint64_t old_votes;  //  Acceptances of old incarnations
    uint64_t put_back;   //  Old copies
    uint64_t elsewhere;  //  Copies started elsewhere
    uint64_t started;    //  Confirmed starts
    uint64_t formed;
    uint64_t forced;  //  Recoveries by force that succeeded
    uint64_t twice;   //  Walks with two claims won, and a recovery
} walks_sum_t;

//  The current walk. A process takes one walk at a time.
typedef struct {
    walks_broken_t broken;
    bool trace;
    uint8_t nodes;  //  Nodes of all walks; 0: 2 to NODES_MAX
    uint64_t random;
    uint8_t n;
    uint8_t w;
    uint8_t r;
    uint8_t confirms;  //  Peers that must confirm before it votes
    uint8_t instance_count;
    walks_instance_t instance[INSTANCES_MAX];
    uint8_t current[NODES_MAX];  //  The latest instance of a node
    uint8_t incarnation_count;
    int16_t process_count;
    int16_t start_count;
    bool genuine[DISPUTED + 1];         //  Starts of originals, not of copies
    walks_memory_t noted[NODES_MAX];    //  ... that a node has on disk
    walks_memory_t counted[NODES_MAX];  //  ... that were voted with
    walks_memory_t kept_noted;          //  ... at the time of the copy
    walks_memory_t kept_counted;
    int16_t newest_voter[NODES_MAX];  //  The newest incarnation that voted
    bool floor_known;       //  A recovery by force needs no floor if it
                            //  copies all IDs that were asked for
    uint8_t copied;         //  Its directory has copies; NODES_MAX: none
    walks_instance_t kept;  //  A copy of its directory
    uint8_t claim_count;
    walks_claim_t claim[CLAIMS_MAX];
    uint64_t handed_out;  //  IDs, a bit each
    uint8_t top;          //  ... which are below this
    const char *wrong;    //  The fault that was found; or NULL
    walks_sum_t sum;
} walks_t;

extern walks_t walk;

//  Trace: the output of --trace.

#define TRACE(...)                                                             \
    do {                                                                       \
        if (__builtin_expect (walk.trace, 0))                                  \
            printf (__VA_ARGS__);                                              \
    } while (0)

#define TRACE_OF(self, ...)                                                    \
    do {                                                                       \
        TRACE ("  %s%s, incarnation %s: ", walks_name_of (self),               \
               self == &walk.instance[walk.current[(self)->node]] ? ""         \
                                                                  : " (old)",  \
               walks_number_text (walks_own_incarnation (self)));              \
        TRACE (__VA_ARGS__);                                                   \
        TRACE ("\n");                                                          \
    } while (0)

//  Returns the text of an incarnation or a start. The last four texts stay
//  valid.
const char *walks_number_text (int number);

//  Returns the letter of a node and the index of the instance. The last four
//  texts stay valid.
const char *walks_name_of (const walks_instance_t *self);

//  Randomness. The seed determines the whole walk.

static inline uint32_t
walks_draw (uint32_t below)
{
    //  splitmix64
    walk.random += 0x9e3779b97f4a7c15u;
    uint64_t z = walk.random;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t) (((z >> 32) * below) >> 32);
}

//  Returns true one time in so many.
static inline bool
walks_chance (uint32_t in)
{
    return walks_draw (in) == 0;
}

//  Visits each node of a set, in random order.
#define EACH_NODE(node, set)                                                   \
    for (uint32_t left_ = (set), turn_ = walks_draw (walk.n), node = 0; left_; \
         turn_ = turn_ + 1 == walk.n ? 0 : turn_ + 1)                          \
        if ((left_ >> turn_ & 1) == 0)                                         \
            continue;                                                          \
        else if (left_ &= ~(1u << turn_), node = turn_, true)

//  Sets of nodes, a bit each.

static inline uint32_t
walks_all_nodes (void)
{
    return (1u << walk.n) - 1;
}

static inline uint8_t
walks_others_than (const walks_instance_t *self)
{
    return (uint8_t) (walks_all_nodes () & ~(1u << self->node));
}

static inline void
walks_set_bit (uint8_t *set, uint8_t node, bool is_in)
{
    *set = (uint8_t) ((*set & ~(1u << node)) | (uint32_t) is_in << node);
}

//  Returns how many peers have to note the first start of a node.
static inline uint8_t
walks_first_need (void)
{
    return walk.r < walk.n ? walk.r : walk.n - 1;
}

//  Numbers of incarnations and starts.

static inline uint8_t
walks_counter (int16_t number)
{
    return (uint8_t) (number >> COUNTER_SHIFT);
}

//  With one number for the cluster all nodes share an entry.
static inline uint8_t
walks_entry_of (uint8_t node)
{
    return walk.broken == ONE_EPOCH ? 0 : node;
}

static inline int16_t
walks_known (const walks_vector_t *vector, uint8_t node)
{
    return vector->of[walks_entry_of (node)];
}

static inline void
walks_merge (walks_vector_t *self, const walks_vector_t *other)
{
    for (int node = 0; node < 8; node++)
        if (self->of[node] < other->of[node])
            self->of[node] = other->of[node];
}

//  Properties of an instance.

static inline int16_t
walks_own_incarnation (const walks_instance_t *self)
{
    return walks_known (&self->memory.incarnation, self->node);
}

//  Returns the newest start of its node that self knows: its own, once it has
//  one.
static inline int16_t
walks_own_start (const walks_instance_t *self)
{
    return self->memory.start.of[self->node];
}

static inline bool
walks_votes (const walks_instance_t *self)
{
    if (walk.broken == VOTES_EARLY && self->phase == COPYING)
        return self->running;
    return self->running && self->phase == VOTING;  //  S5
}

static inline bool
walks_recovers (const walks_instance_t *self)
{
    return self->phase == ASKING || self->phase == COPYING;
}

//  Returns the lowest ID that self accepts.
static inline uint8_t
walks_least_next (const walks_instance_t *self)
{
    return self->next > self->floor ? self->next : self->floor;
}

//  walks_claim.c

//  Begins a claim of these IDs, which was sent to no node yet.
void walks_begin_claim (uint8_t first, uint8_t count);

//  Lets self accept the claim of that index, if the protocol allows it (S1).
void walks_accept (walks_instance_t *self, uint8_t index);

//  S8: writes the sequence of self to its disk. Then the replies that waited
//  for the write leave.
void walks_persist (walks_instance_t *self);

//  Forgets the replies of self that wait for the disk.
void walks_drop (const walks_instance_t *self);

//  walks_memory.c

//  Notes an incarnation of another node, and its start. If two processes have
//  taken starts with the same counter, one of them runs on an old copy. The
//  start is then DISPUTED, and both processes learn that there is another one.
void walks_remember (walks_memory_t *self, uint8_t node, int16_t incarnation,
                     int16_t start);

//  The same for all nodes. Peers cannot tell self its own start.
void walks_remember_all (walks_instance_t *self, const walks_memory_t *other);

//  Notes, for the checker, which original starts a node has noted: those on its
//  disk, and those with which a node has voted. No recovery of the noting node
//  may lose the latter.
void walks_witness (walks_memory_t *self, uint8_t node, int16_t incarnation,
                    int16_t start);

//  Returns whether the peer of that witness must know a start of self that is
//  newer than the directory of self.
bool walks_has_witnessed (const walks_memory_t *witness,
                          const walks_instance_t *self);

//  Writes the record of the node. S5: while a node recovers and has not begun
//  its next incarnation, it does not write what it has heard, least of all a
//  newer incarnation of its own.
void walks_write (walks_instance_t *self);

//  walks_formation.c

bool walks_complete (const walks_vector_t *incarnation);
bool walks_are_first (const walks_vector_t *incarnation);

//  Returns whether peer waits for its cluster to form, with these incarnations
//  on its disk.
bool walks_is_unformed_with (const walks_vector_t *incarnation,
                             const walks_instance_t *peer);

//  Notes the answer of peer in self, which waits for its cluster to form.
void walks_note_formation (walks_instance_t *self,
                           const walks_instance_t *peer);

//  Lets self take its start, or form, if enough peers have answered.
void walks_go_on_forming (walks_instance_t *self);

//  walks_start.c

//  Drops the answers that self has, and lets it recover from the beginning.
void walks_ask_anew (walks_instance_t *self);

//  Counts the answer of peer, which votes, to self, which recovers. S4: the
//  answer counts if peer is in its newest incarnation that self has heard of.
void walks_count_answer (walks_instance_t *self, const walks_instance_t *peer);

//  Returns how many answers count.
uint8_t walks_answers (const walks_instance_t *self);

//  Takes a start. It is on disk before any peer sees it. If the node was not
//  about to vote in its last start, it takes that start again. So the counter
//  of a copy that starts again and again, and never votes, does not exceed what
//  peers have noted.
void walks_take_start (walks_instance_t *self);

//  Returns whether peer has noted the start of self on its disk, and has seen
//  self answer at the endpoint.
bool walks_noted_by (const walks_instance_t *self,
                     const walks_instance_t *peer);

bool walks_has_heard_all (const walks_instance_t *self);

//  Lets self ask peer for its identity and learn what peer knows. self may
//  learn that its own incarnation has ended. The answering process is at its
//  node's endpoint, or was.
void walks_learn (walks_instance_t *self, const walks_instance_t *peer);

//  walks_recovery.c

//  Lets self, which recovers, ask peer which incarnations it knows.
void walks_ask (walks_instance_t *self, const walks_instance_t *peer);

//  Begins the next incarnation if enough peers have answered.
void walks_begin_incarnation (walks_instance_t *self);

//  FENCE and COPY: peer sends its IDs if the incarnation of self is in force
//  there, and on its disk.
void walks_copy (walks_instance_t *self, const walks_instance_t *peer);

//  Lets self vote if it has copied enough. S5: the vote is the last write.
void walks_finish_recovery (walks_instance_t *self);

//  walks_process.c

//  Returns whether old incarnations go on answering, and old disks come back.
//  In a cluster with one number a node cannot know that its incarnation has
//  ended, and that fault would be found too easily.
bool walks_has_old_incarnations (void);

//  Starts a process on its disk.
void walks_begin_process (walks_instance_t *self);

//  The same, after the process before has ended.
void walks_restart (walks_instance_t *self);

//  Makes a node whose first start its peers have noted; or, if it does not
//  vote, an empty directory.
void walks_format (walks_instance_t *self, uint8_t node, bool votes);

//  Starts the node on an empty disk. Its old incarnation goes on; or it ends,
//  and its disk may come back.
void walks_lose_disk (uint8_t node, bool goes_on);

//  Copies the directory of walk.copied.
void walks_keep_copy (void);

//  Puts the copy back, and starts the node on it. If its incarnation is still
//  the newest, the copy is old only if the node has taken a start since.
void walks_put_back (bool goes_on);

//  Starts the copy where no peer looks for its node. It may be up to date.
void walks_start_elsewhere (void);

//  Moves this instance to its node's endpoint.
void walks_move_in (walks_instance_t *self, bool goes_on);

//  walks_step.c

//  Returns a running instance of node that is not the latest; the latest if
//  there is none.
walks_instance_t *walks_pick_old (uint8_t node);

//  Draws a set of size nodes out of a set; all of it if it is smaller.
uint32_t walks_some_of (uint32_t set, unsigned size);

uint8_t walks_one_of (uint32_t set);

//  Draws the nodes that take part in a step: roughly one of the sides.
uint32_t walks_side (uint32_t theirs, uint32_t mine);

//  Delivers the claim of that index to the nodes of a set.
void walks_deliver (uint8_t claim, uint32_t set, bool old);

//  Lets self start, or form with its peers, which learn of it. Other nodes may
//  be unreachable for self.
void walks_introduce (walks_instance_t *self, uint32_t set, bool old);

//  Lets self start or recover as far as these peers allow, or only some steps
//  of that.
void walks_recover (walks_instance_t *self, uint32_t set, bool old);

//  The same for all instances.
void walks_recover_all (uint32_t set);

//  Takes one step of any instance.
void walks_any_step (void);

//  Begins another claim, at the next of some node.
void walks_further_claim (void);

//  Returns one of the instances that do not vote; any if there is none.
walks_instance_t *walks_one_recovering (void);

//  Whole walks. Two clients want the same IDs. Each has a side (theirs and
//  mine): w nodes that are to accept its claim.

//  Causes one fault. The shared nodes have to forget the first claim before
//  they can accept the second. So faults hit nodes of the first side most
//  often, and nodes that recover ask the second side most often.
void walks_trouble (uint32_t theirs, uint32_t mine);

//  Disks are lost, and copies of one are put back.
void walks_walk_disks (uint32_t theirs, uint32_t mine);

//  A node restarts again and again, and so do copies of its directory.
void walks_walk_starts (uint32_t theirs, uint32_t mine);

//  A new cluster forms while some nodes are killed. A directory as it was
//  formatted is put back after its node has voted.
void walks_walk_formation (uint32_t theirs, uint32_t mine);

//  Checks progress. With nothing lost, a new cluster forms once all nodes are
//  up, whichever were killed before; and a majority starts after a power cut.
void walks_walk_up (void);

//  All processes end. Either a majority with the node of the floor is restored
//  from copies of any time, and the others begin on empty directories; or all
//  are restored, and each must have asked a node that has the floor before it
//  votes.
void walks_walk_restore (uint32_t theirs, uint32_t mine);

//  All processes end. A majority or fewer lose their directories, and the
//  others are intact. Then an old copy of a node that has recovered by force
//  may be put back.
void walks_walk_force (uint32_t theirs, uint32_t mine);

#endif
