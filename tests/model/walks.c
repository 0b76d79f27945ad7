//  Guided walks of the protocol that zseq.pml models, where exhaustion cannot
//  reach: 2 to 7 nodes, disks lost again and again, old lives that answer on.
//  Source: lib/doc/design.md, sections 3 to 7; README.md tells how it is done.
//
//      zseq-walks [--walks COUNT] [--seed SEED] [--jobs COUNT]
//                 [--nodes N] [--broken NAME] [--trace]
//
//  Walk k has the seed SEED + k, and --seed with --walks 1 --trace shows it.
//  Ends with 0 when no walk hands out an ID twice or out of order, else with 1
//  and the first seed that does.

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NODES_MAX 7
#define INSTANCES_MAX 20
#define CLAIMS_MAX 5
#define VOTES_MAX 24
#define LIVES_MAX 16
#define ID_MAX 64
#define STARTS_MAX 250
//  In place of the serial number of a start that two processes have taken.
#define NOBODYS 255

//  A life of a node is one number: a counter, random bits, and a serial number
//  that keeps any two lives apart. 0: none is known.
#define COUNTER_SHIFT 8
#define FIRST_LIFE (1 << COUNTER_SHIFT)
//  A recovery by force passes over so many.
#define FORCED_LIVES 16
#define COUNTER_MAX 100

//  The newest known life of every node. Eight entries are one register.
typedef struct {
    int16_t of[8];
} s_vector_t;

typedef enum {
    VOTING,
    ASKING,    //  ... voting peers which lives they know
    COPYING,   //  ... from voting peers where its new life is in force
    STARTING,  //  ... with a vote on its disk: asks whether it is out of date
    FORMATTED  //  ... and not born yet
} s_phase_t;

//  What a node remembers of all nodes: the newest life of each, and the newest
//  start of that life.
typedef struct {
    s_vector_t life;
    s_vector_t start;
} s_memory_t;

//  A process and its disk. A node may have several: old lives go on.
typedef struct {
    uint8_t node;
    s_phase_t phase;
    bool running;
    bool ended;           //  For good: it never begins again
    bool born;            //  It has an identity, on disk, too
    bool started;         //  This process has its start
    bool elsewhere;       //  Not at its node's endpoint: nobody asks it
    bool disk_votes;      //  The record on disk says that it votes
    bool disk_started;    //  ... that it has been about to vote in its start
    bool superseded;      //  It has heard of a newer life once
    bool stale;           //  A copy of a life that is the newest: see warned
    bool warned;          //  It has asked a peer that knows of a later start
    bool restored;        //  From a copy, and votes only if met_floor
    bool met_floor;       //  It has asked a peer that has a floor
    bool forced;          //  It recovers by force
    uint8_t next;         //  In memory
    uint8_t disk_next;    //  On disk
    uint8_t floor;        //  Nothing is accepted below it
    uint8_t disk_floor;   //  On disk
    uint8_t holding;      //  Peers that a recovery by force must copy from
    uint8_t answered;     //  ... that have said that they do
    uint8_t bound;        //  ... which recover, with no vote on their disks
    uint8_t gone;         //  ... whose directories are gone, says the operator
    uint8_t serial;       //  A copy is older than starts above it
    uint8_t base;         //  The counter of its start on disk when it began
    uint8_t unreachable;  //  Peers that it need not wait for
    uint8_t heard;        //  Peers that have answered since it began
    uint8_t together;     //  ... with the same vector, and not born yet
    uint8_t born_peers;   //  ... which are born
    uint8_t identified;   //  ... and let it in
    int16_t process;      //  No two processes have the same
    s_memory_t memory;    //  In memory
    s_memory_t disk;      //  On disk
    s_vector_t met;       //  Processes that have answered at the endpoints
    s_vector_t sources;   //  Lives in which peers answered its recovery, or
                          //  its start; or 0
    uint8_t source_floor[NODES_MAX];  //  ... and their floors
} s_instance_t;

typedef enum {
    WAITS,    //  For the disk
    ANSWERED  //  Its reply has left, and may count
} s_vote_state_t;

//  An acceptance of a claim.
typedef struct {
    uint8_t instance;
    uint8_t node;
    s_vote_state_t state;
    uint32_t fits;      //  Other votes that count together with this one
    s_vector_t vector;  //  It was taken with
} s_vote_t;

typedef struct {
    uint8_t first;
    uint8_t count;
    uint8_t floor;  //  Claims that were won before it began end below
    bool won;
    uint8_t size;
    s_vote_t vote[VOTES_MAX];
} s_claim_t;

//  What can be broken, by the names that zseq.pml has for it.
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
    BIRTH_BY_VOTERS,
    BIRTH_NOTED_BY_FEW,
    BIRTH_UNNOTED,
    BIRTH_UNOBJECTED,
    BIRTH_TOGETHER,
    FLOOR_NOT_TAKEN_AT_START,
    FORCE_SKIPS_STARTING_PEERS,
    FORCE_BOUND_BY_TOO_FEW,
    FORCE_COUNTS_WHO_RECOVERS_IN_MEMORY,
    BROKEN_MAX
} s_broken_t;

static const char *const s_broken_name[BROKEN_MAX] = {
  [NOTHING] = "NOTHING",
  [CLAIM_UNCHECKED] = "CLAIM_UNCHECKED",
  [RECOVERY_UNCHECKED] = "RECOVERY_UNCHECKED",
  [HALF_R] = "HALF_R",
  [ONE_EPOCH] = "ONE_EPOCH",
  [ACCEPT_HIGHER] = "ACCEPT_HIGHER",
  [HALF_W] = "HALF_W",
  [VOTES_AT_ONCE] = "VOTES_AT_ONCE",
  [VOTES_EARLY] = "VOTES_EARLY",
  [VOTES_AFTER_RESTART] = "VOTES_AFTER_RESTART",
  [VOTES_UNCONFIRMED] = "VOTES_UNCONFIRMED",
  [CONFIRMED_BY_FEW] = "CONFIRMED_BY_FEW",
  [COPY_DISK] = "COPY_DISK",
  [FENCE_EARLY] = "FENCE_EARLY",
  [START_PER_PROCESS] = "START_PER_PROCESS",
  [START_UNMET] = "START_UNMET",
  [START_UNNOTED] = "START_UNNOTED",
  [STARTS_IGNORED] = "STARTS_IGNORED",
  [FIRST_START_STAYS] = "FIRST_START_STAYS",
  [NOTE_EARLY] = "NOTE_EARLY",
  [START_EARLY] = "START_EARLY",
  [NOTES_LOST] = "NOTES_LOST",
  [WAITS_FOR_NOBODY] = "WAITS_FOR_NOBODY",
  [BIRTH_BY_VOTERS] = "BIRTH_BY_VOTERS",
  [BIRTH_NOTED_BY_FEW] = "BIRTH_NOTED_BY_FEW",
  [BIRTH_UNNOTED] = "BIRTH_UNNOTED",
  [BIRTH_UNOBJECTED] = "BIRTH_UNOBJECTED",
  [BIRTH_TOGETHER] = "BIRTH_TOGETHER",
  [FLOOR_NOT_TAKEN_AT_START] = "FLOOR_NOT_TAKEN_AT_START",
  [FORCE_SKIPS_STARTING_PEERS] = "FORCE_SKIPS_STARTING_PEERS",
  [FORCE_BOUND_BY_TOO_FEW] = "FORCE_BOUND_BY_TOO_FEW",
  [FORCE_COUNTS_WHO_RECOVERS_IN_MEMORY] = "FORCE_COUNTS_WHO_RECOVERS_IN_MEMORY",
};

static s_broken_t s_broken;
static bool s_trace;
static uint8_t s_nodes;  //  How many all walks have; 0: 2 to NODES_MAX

//  The walk.
static uint64_t s_random;
static uint8_t s_n;
static uint8_t s_w;
static uint8_t s_r;
static uint8_t s_confirms;  //  Peers that a node asks before it votes again
static uint8_t s_instance_count;
static s_instance_t s_instance[INSTANCES_MAX];
static uint8_t s_current[NODES_MAX];  //  The latest instance of a node
static uint8_t s_life_count;
static int16_t s_process_count;
static int16_t s_start_count;
static bool s_genuine[NOBODYS + 1];      //  Starts of directories that are no
                                         //  copies
static s_memory_t s_noted[NODES_MAX];    //  Which of these a node has on disk
static s_memory_t s_counted[NODES_MAX];  //  ... which were voted with
static s_memory_t s_kept_noted;          //  ... at the time of the copy
static s_memory_t s_kept_counted;
static int16_t s_settled[NODES_MAX];  //  The newest life of a node that voted
static bool s_floor_known;  //  A recovery by force needs no floor if what it
                            //  copies is all that was asked for
static uint8_t s_copied;    //  The node of which there are copies; or NODES_MAX
static s_instance_t s_kept;  //  A copy of its directory
static uint8_t s_claim_count;
static s_claim_t s_claim[CLAIMS_MAX];
static uint64_t s_handed_out;  //  IDs, a bit each
static uint8_t s_top;          //  ... which are below this
static const char *s_wrong;    //  What was found

//  What walks have done so far.
static struct {
    uint64_t won;
    uint64_t lost;
    uint64_t restarted;
    uint64_t recovered;
    uint64_t old;        //  Acceptances of old lives
    uint64_t put_back;   //  Old copies
    uint64_t elsewhere;  //  Copies started beside the node
    uint64_t started;    //  Confirmed starts
    uint64_t born;
    uint64_t forced;  //  Recoveries by force that ended well
    uint64_t twice;   //  Walks with two claims won, and a recovery
} s_sum;

static uint32_t
s_draw (uint32_t below)
{
    //  splitmix64
    s_random += 0x9e3779b97f4a7c15u;
    uint64_t z = s_random;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t) (((z >> 32) * below) >> 32);
}

//  One time in so many.
static bool
s_chance (uint32_t in)
{
    return s_draw (in) == 0;
}

static uint32_t
s_all (void)
{
    return (1u << s_n) - 1;
}

#define TELL(...)                                                              \
    do {                                                                       \
        if (__builtin_expect (s_trace, 0))                                     \
            printf (__VA_ARGS__);                                              \
    } while (0)

static const char *
s_life_text (int life)
{
    static char text[4][16];
    static unsigned turn;
    char *place = text[turn++ % 4];
    snprintf (place, sizeof text[0], "%d.%02x", life >> COUNTER_SHIFT,
              (unsigned) life & 0xff);
    return place;
}

//  With one number for the cluster all nodes share an entry.
static uint8_t
s_entry (uint8_t node)
{
    return s_broken == ONE_EPOCH ? 0 : node;
}

static int16_t
s_known (const s_vector_t *vector, uint8_t node)
{
    return vector->of[s_entry (node)];
}

static int16_t
s_own (const s_instance_t *self)
{
    return s_known (&self->memory.life, self->node);
}

static void
s_merge (s_vector_t *self, const s_vector_t *other)
{
    for (int node = 0; node < 8; node++)
        if (self->of[node] < other->of[node])
            self->of[node] = other->of[node];
}

static bool
s_votes (const s_instance_t *self)
{
    if (s_broken == VOTES_EARLY && self->phase == COPYING)
        return self->running;
    return self->running && self->phase == VOTING;  //  S5
}

static bool
s_recovers (const s_instance_t *self)
{
    return self->phase == ASKING || self->phase == COPYING;
}

//  Its node's letter, and which instance of all it is.
static const char *
s_name (const s_instance_t *self)
{
    static char text[4][24];
    static unsigned turn;
    char *place = text[turn++ % 4];
    snprintf (place, sizeof text[0], "%c%ld", 'a' + self->node,
              (long) (self - s_instance));
    return place;
}

#define TELL_OF(self, ...)                                                     \
    do {                                                                       \
        TELL ("  %s%s, life %s: ", s_name (self),                              \
              self == &s_instance[s_current[(self)->node]] ? "" : " (old)",    \
              s_life_text (s_own (self)));                                     \
        TELL (__VA_ARGS__);                                                    \
        TELL ("\n");                                                           \
    } while (0)

//  Claims.

static void
s_begin_claim (uint8_t first, uint8_t count)
{
    if (s_claim_count == CLAIMS_MAX || first + count >= ID_MAX)
        return;
    s_claim_t *self = &s_claim[s_claim_count++];
    self->first = first;
    self->count = count;
    self->floor = s_top;
    self->won = false;
    self->size = 0;
    TELL ("  claim %u of [%u, %u)%s\n", s_claim_count - 1u, first,
          (unsigned) first + count,
          first < s_top ? ", below one that was won" : "");
}

//  Where self goes on.
static uint8_t
s_least (const s_instance_t *self)
{
    return self->next > self->floor ? self->next : self->floor;
}

//  S3, S4: whether need of these votes, and of those that fit them, count.
static bool
s_clique (const s_claim_t *claim, uint32_t votes, unsigned need)
{
    if (need == 0)
        return true;
    while ((unsigned) __builtin_popcount (votes) >= need) {
        uint32_t index = (uint32_t) __builtin_ctz (votes);
        votes &= votes - 1;
        if (s_clique (claim, votes & claim->vote[index].fits, need - 1))
            return true;
    }
    return false;
}

//  S4: whether a client may count both.
static bool
s_fit (const s_vote_t *a, const s_vote_t *b)
{
    if (a->node == b->node)
        return false;
    if (s_broken == CLAIM_UNCHECKED)
        return true;
    return s_known (&a->vector, b->node) <= s_known (&b->vector, b->node) &&
           s_known (&b->vector, a->node) <= s_known (&a->vector, a->node);
}

//  A reply leaves. The claim is won if there are any replies that, were they
//  all that the client receives, would win it.
static void
s_answer (s_claim_t *claim, uint32_t index)
{
    s_vote_t *vote = &claim->vote[index];
    vote->state = ANSWERED;
    vote->fits = 0;
    for (uint32_t other = 0; other < claim->size; other++) {
        s_vote_t *with = &claim->vote[other];
        if (with->state != ANSWERED || !s_fit (vote, with))
            continue;
        vote->fits |= 1u << other;
        with->fits |= 1u << index;
    }
    if (claim->won || !s_clique (claim, vote->fits, s_w - 1u))
        return;

    claim->won = true;
    s_sum.won++;
    uint64_t ids = ((1ull << claim->count) - 1) << claim->first;
    TELL ("  claim %ld is won\n", (long) (claim - s_claim));
    if (s_handed_out & ids)
        s_wrong = "P1: the same ID twice";
    else if (claim->first < claim->floor)
        s_wrong = "P2: a claim begun after another was won is below it";
    s_handed_out |= ids;
    if (s_top < claim->first + claim->count)
        s_top = (uint8_t) (claim->first + claim->count);
}

//  S8: what is in memory of the sequence is on disk, and replies leave.
static void
s_persist (s_instance_t *self)
{
    if (self->next == self->disk_next || !self->running)
        return;
    TELL_OF (self, "next %u on disk", self->next);
    self->disk_next = self->next;
    uint8_t slot = (uint8_t) (self - s_instance);
    for (uint8_t index = 0; index < s_claim_count; index++) {
        s_claim_t *claim = &s_claim[index];
        for (uint32_t vote = 0; vote < claim->size; vote++)
            if (claim->vote[vote].instance == slot &&
                claim->vote[vote].state == WAITS)
                s_answer (claim, vote);
    }
}

//  What waits for the disk is not answered any more.
static void
s_drop (const s_instance_t *self)
{
    uint8_t slot = (uint8_t) (self - s_instance);
    for (uint8_t index = 0; index < s_claim_count; index++) {
        s_claim_t *claim = &s_claim[index];
        for (uint32_t vote = 0; vote < claim->size; vote++)
            if (claim->vote[vote].instance == slot &&
                claim->vote[vote].state == WAITS)
                claim->vote[vote].instance = INSTANCES_MAX;
    }
}

static void
s_accept (s_instance_t *self, uint8_t index)
{
    s_claim_t *claim = &s_claim[index];
    uint8_t end = (uint8_t) (claim->first + claim->count);
    bool accepts = s_broken == ACCEPT_HIGHER ? end > self->next
                                             : claim->first >= s_least (self);
    //  One that is won could still raise next, which is never less safe.
    if (!accepts || !s_votes (self) || claim->won || claim->size == VOTES_MAX)
        return;  //  S1
    uint8_t slot = (uint8_t) (self - s_instance);
    if (s_current[self->node] != slot)
        s_sum.old++;
    self->next = end;
    s_vote_t *vote = &claim->vote[claim->size++];
    vote->instance = slot;
    vote->node = self->node;
    vote->state = WAITS;
    vote->vector = self->memory.life;
    TELL_OF (self, "accepts claim %u", index);
}

//  Lives and starts.

static uint8_t
s_counter (int16_t number)
{
    return (uint8_t) (number >> COUNTER_SHIFT);
}

//  The newest start of its node that self knows: its own, once it has one.
static int16_t
s_start (const s_instance_t *self)
{
    return self->memory.start.of[self->node];
}

//  What self knows of another node. Two starts with the same counter are nobody's:
//  one of them is an old copy's, and both have to hear of another.
static void
s_remember (s_memory_t *self, uint8_t node, int16_t life, int16_t start)
{
    if (self->life.of[node] < life) {
        self->life.of[node] = life;
        self->start.of[node] = start;
    }
    else if (self->life.of[node] == life &&
             s_counter (self->start.of[node]) < s_counter (start))
        self->start.of[node] = start;
    else if (self->life.of[node] == life && s_broken != FIRST_START_STAYS &&
             s_counter (self->start.of[node]) == s_counter (start) &&
             self->start.of[node] != start)
        self->start.of[node] |= NOBODYS;
}

//  ... of all nodes. Its own start is nobody else's to tell.
static void
s_remember_all (s_instance_t *self, const s_memory_t *other)
{
    if (s_broken == ONE_EPOCH) {
        s_merge (&self->memory.life, &other->life);
        return;
    }
    for (uint8_t node = 0; node < s_n; node++)
        if (node != self->node)
            s_remember (&self->memory, node, other->life.of[node],
                        other->start.of[node]);
    if (s_own (self) < other->life.of[self->node]) {
        self->memory.life.of[self->node] = other->life.of[self->node];
        self->memory.start.of[self->node] = 0;
    }
}

//  The world remembers which starts of directories that are no copies a node
//  has noted: those on its disk, and those that were voted with, which no
//  recovery of that node may lose.
static void
s_witness (s_memory_t *self, uint8_t node, int16_t life, int16_t start)
{
    if (!s_genuine[start & 0xff])
        return;
    if (self->life.of[node] < life ||
        (self->life.of[node] == life &&
         (self->start.of[node] & 0xff) < (start & 0xff))) {
        self->life.of[node] = life;
        self->start.of[node] = start;
    }
}

//  Whether the world knows that peer has to know of a start of self that is
//  newer than its directory.
static bool
s_has_witnessed (const s_memory_t *witness, const s_instance_t *self)
{
    return witness->life.of[self->node] == s_own (self) &&
           (witness->start.of[self->node] & 0xff) > self->serial;
}

//  The node's record is written. S5: what a node that recovers has heard, of a
//  newer life of its own above all, is not, before it begins its next life.
static void
s_write (s_instance_t *self)
{
    if (!self->running)
        return;
    if (self->phase == ASKING || (self->phase == COPYING && !s_votes (self))) {
        //  As long as a recovery by force cannot begin nothing has happened.
        if (!self->forced)
            self->disk_votes = false;
        return;
    }
    self->disk = self->memory;
    self->disk_floor = self->floor;
    for (uint8_t node = 0; node < s_n; node++)
        if (node != self->node && s_current[self->node] == self - s_instance)
            s_witness (&s_noted[self->node], node, self->disk.life.of[node],
                       self->disk.start.of[node]);
}

static void
s_ask_anew (s_instance_t *self)
{
    self->phase = ASKING;
    memset (&self->sources, 0, sizeof self->sources);
    s_drop (self);
}

//  peer, which votes, answers self, which recovers. S4: it counts in its newest
//  life that self has heard of.
static void
s_see (s_instance_t *self, const s_instance_t *peer)
{
    s_merge (&self->memory.life, &peer->memory.life);
    self->sources.of[peer->node] = s_own (peer);
    self->source_floor[peer->node] = peer->floor;
}

static uint8_t
s_sources (const s_instance_t *self)
{
    //  With one number for the cluster those that only tell it all count.
    bool checked = s_broken != RECOVERY_UNCHECKED &&
                   !(s_broken == ONE_EPOCH && self->phase != COPYING);
    uint8_t count = 0;
    for (uint8_t node = 0; node < s_n; node++) {
        int16_t life = self->sources.of[node];
        //  Who has a higher floor confirms nothing before it is taken.
        bool low = s_recovers (self) || s_broken == FLOOR_NOT_TAKEN_AT_START ||
                   self->source_floor[node] <= self->disk_floor;
        if (life && low &&
            (!checked || life == s_known (&self->memory.life, node)))
            count++;
    }
    return count;
}

//  A start is durable before anybody is shown it. A start in which the node has
//  not been about to vote is taken again: the counter of a copy that is started
//  again and again, and never votes, stays at or below what its peers noted.
static void
s_take_start (s_instance_t *self)
{
    int16_t *own = &self->memory.start.of[self->node];
    self->started = true;
    if (self->disk_started || s_broken == START_PER_PROCESS) {
        int16_t serial = ++s_start_count;
        s_genuine[serial] = !self->stale && !self->elsewhere;
        *own = (int16_t) ((s_counter (*own) + 1) << COUNTER_SHIFT | serial);
    }
    if (s_broken == START_EARLY)
        return;
    self->disk_started = false;
    self->disk.start.of[self->node] = *own;
    TELL_OF (self, "takes the start %s", s_life_text (*own));
}

//  Whether peer knows of a start of this life of self that self knows nothing
//  of: it has an old copy of a directory.
static bool
s_objects (const s_instance_t *self, const s_instance_t *peer)
{
    int16_t start = peer->disk.start.of[self->node];
    if (s_broken == STARTS_IGNORED || s_broken == ONE_EPOCH ||
        (s_broken == BIRTH_UNOBJECTED && !peer->born) ||
        (s_broken == BIRTH_BY_VOTERS && !self->born && !s_votes (peer)))
        return false;
    return peer->disk.life.of[self->node] == s_own (self) &&
           s_counter (start) > self->base && start != s_start (self);
}

//  peer has answered self. It may be one that the world says has to warn it.
static void
s_hear (s_instance_t *self, const s_instance_t *peer)
{
    self->heard |= (uint8_t) (1u << peer->node);
    self->met.of[peer->node] = peer->process;
    if (peer->born && peer->disk_floor)
        self->met_floor = true;
    if (self->stale && s_current[peer->node] == peer - s_instance &&
        !peer->stale && (peer->phase == VOTING || peer->phase == STARTING) &&
        s_own (peer) >= s_settled[peer->node] &&
        (s_has_witnessed (&s_noted[peer->node], self) ||
         s_has_witnessed (&s_counted[peer->node], self)))
        self->warned = true;
}

static int16_t
s_shown_start (const s_instance_t *self)
{
    return s_broken == START_EARLY ? s_start (self)
                                   : self->disk.start.of[self->node];
}

//  A floor that was forced binds whoever meets it: before it is on its disk the
//  node does not vote.
static void
s_take_floor (s_instance_t *self, const s_instance_t *peer)
{
    bool starts = self->phase == STARTING || self->phase == FORMATTED;
    if (!peer->born || self->floor >= peer->disk_floor ||
        (starts && s_broken == FLOOR_NOT_TAKEN_AT_START))
        return;
    self->floor = peer->disk_floor;
    TELL_OF (self, "takes the floor %u of %s", self->floor, s_name (peer));
    if (self->phase != VOTING)
        return;
    s_drop (self);
    self->phase = STARTING;
}

//  What self notes of what peer has answered. Before it takes its first start it
//  believes peers only what they say of themselves.
static void
s_note (s_instance_t *self, const s_instance_t *peer)
{
    s_memory_t shown = peer->disk;
    shown.start.of[peer->node] = s_shown_start (peer);
    if (peer->born && (self->born || self->started)) {
        s_remember_all (self, &shown);
        return;
    }
    if (s_broken == BIRTH_UNOBJECTED && !self->born &&
        shown.start.of[peer->node])
        self->memory.start.of[peer->node] = 0;
    s_remember (&self->memory, peer->node, shown.life.of[peer->node],
                shown.start.of[peer->node]);
}

//  Whether peer has noted, on disk, the start of self, and that it is self who
//  answers at the endpoint.
static bool
s_noted_by (const s_instance_t *self, const s_instance_t *peer)
{
    const s_memory_t *shown =
      s_broken == NOTE_EARLY ? &peer->memory : &peer->disk;
    bool met = peer->met.of[self->node] == self->process ||
               s_broken == START_UNMET || s_broken == STARTS_IGNORED;
    bool noted = shown->start.of[self->node] == s_start (self) ||
                 s_broken == START_UNNOTED || s_broken == STARTS_IGNORED;
    return met && noted && shown->life.of[self->node] == s_own (self);
}

static uint8_t
s_others (const s_instance_t *self)
{
    return (uint8_t) (s_all () & ~(1u << self->node));
}

static bool
s_has_heard_all (const s_instance_t *self)
{
    return s_broken == WAITS_FOR_NOBODY || ((self->heard | self->unreachable) &
                                            s_others (self)) == s_others (self);
}

//  The start of self is noted by enough, and nobody who may know better has yet
//  to be heard. That an old copy hears of somebody who knows is assumed.
static void
s_begin_to_vote (s_instance_t *self)
{
    if (s_sources (self) < s_confirms || !s_has_heard_all (self) ||
        (self->stale && !self->warned) || self->floor != self->disk_floor ||
        (self->restored && !self->met_floor && !self->disk_floor))
        return;
    //  It may be killed between the two.
    if (!self->disk_started) {
        self->disk_started = true;
        TELL_OF (self, "is about to vote");
        if (s_chance (8))
            return;
    }
    self->phase = VOTING;
    for (uint8_t node = 0; node < s_n; node++)
        if (self->sources.of[node] &&
            self->sources.of[node] == self->memory.life.of[node])
            s_witness (&s_counted[node], self->node, s_own (self),
                       s_start (self));
    s_sum.started++;
    TELL_OF (self, "votes, next %u", self->next);
}

//  S4: a confirmation counts in peer's newest life that self has heard of.
static void
s_confirm (s_instance_t *self, const s_instance_t *peer)
{
    if (!s_recovers (peer) && s_noted_by (self, peer)) {
        self->sources.of[peer->node] = s_known (&peer->disk.life, peer->node);
        self->source_floor[peer->node] = peer->disk_floor;
        TELL_OF (self, "is confirmed by %s", s_name (peer));
    }
    s_begin_to_vote (self);
}

//  The birth.

static bool
s_complete (const s_vector_t *life)
{
    for (uint8_t node = 0; node < s_n; node++)
        if (!life->of[node])
            return false;
    return true;
}

static bool
s_are_first (const s_vector_t *life)
{
    for (uint8_t node = 0; node < s_n; node++)
        if (s_counter (life->of[node]) != 1)
            return false;
    return true;
}

//  Whether peer waits for its birth, and has written down these very lives.
static bool
s_is_unborn_with (const s_vector_t *life, const s_instance_t *peer)
{
    return !peer->born && peer->phase == FORMATTED &&
           !memcmp (life, &peer->disk.life, sizeof *life);
}

//  Whether a peer that was born lets self in.
static bool
s_lets_in (const s_instance_t *self, const s_instance_t *peer)
{
    bool serves =
      s_broken == BIRTH_BY_VOTERS ? s_votes (peer) : !s_recovers (peer);
    return peer->born && serves && s_complete (&peer->disk.life) &&
           peer->disk.life.of[self->node] == s_own (self);
}

static void
s_set (uint8_t *set, uint8_t node, bool is_in)
{
    *set = (uint8_t) ((*set & ~(1u << node)) | (uint32_t) is_in << node);
}

static void
s_meet (s_instance_t *self, const s_instance_t *peer)
{
    s_set (&self->together, peer->node,
           s_is_unborn_with (&self->disk.life, peer));
    s_set (&self->born_peers, peer->node, peer->born);
    s_set (&self->identified, peer->node, s_lets_in (self, peer));
    self->source_floor[peer->node] = peer->disk_floor;
    if (self->started && !s_recovers (peer) && s_noted_by (self, peer))
        self->sources.of[peer->node] = s_known (&peer->disk.life, peer->node);
}

static uint8_t
s_first_need (void)
{
    return s_r < s_n ? s_r : s_n - 1;
}

static uint8_t
s_notes_for_birth (void)
{
    switch (s_broken) {
    case BIRTH_UNNOTED:
    case BIRTH_BY_VOTERS:
        return 0;
    case BIRTH_NOTED_BY_FEW:
        return s_r - 1;
    default:
        return s_first_need ();
    }
}

static bool
s_may_be_born (const s_instance_t *self)
{
    if (!s_complete (&self->disk.life))
        return false;
    if (!self->born_peers)
        return self->together == s_others (self) &&
               s_are_first (&self->disk.life);
    int born = __builtin_popcount (self->identified);
    bool all = (self->together | self->identified) == s_others (self) &&
               s_broken != BIRTH_TOGETHER;
    return (born >= s_r - 1 || all) && born > 0 && s_has_heard_all (self);
}

static void
s_pursue_birth (s_instance_t *self)
{
    if (!self->started) {
        if (!s_may_be_born (self))
            return;
        s_take_start (self);
    }
    if (s_sources (self) < s_notes_for_birth ())
        return;
    self->born = true;
    self->disk_votes = true;
    self->disk_started = true;
    self->disk = self->memory;
    self->disk_floor = self->floor;
    self->phase = VOTING;
    s_sum.born++;
    TELL_OF (self, "is born");
}

//  self hears that its life has ended, or that its directory is an old one.
static void
s_supersede (s_instance_t *self, const s_instance_t *peer)
{
    TELL_OF (self, "hears from %s that it is out of date", s_name (peer));
    s_ask_anew (self);
    if (self->superseded)
        self->running = false;
    self->superseded = true;
}

//  self, which was born, is answered by a peer that was not. If that peer was
//  formatted together with self it confirms a start: it answered no recovery.
static void
s_learn_of_unborn (s_instance_t *self, const s_instance_t *peer)
{
    self->heard |= (uint8_t) (1u << peer->node);
    if (peer->phase != FORMATTED || !s_complete (&peer->disk.life) ||
        peer->disk.life.of[peer->node] !=
          s_known (&self->memory.life, peer->node))
        return;
    s_hear (self, peer);
    s_note (self, peer);
    if (self->phase != STARTING ||
        !s_is_unborn_with (&self->memory.life, peer) ||
        !s_are_first (&peer->disk.life))
        return;
    if (s_objects (self, peer))
        s_supersede (self, peer);
    else
        s_confirm (self, peer);
}

//  self asks peer who it is and learns what it knows; and it may hear that its
//  own life has ended. Whoever answers is at its node's endpoint, or was.
static void
s_learn (s_instance_t *self, const s_instance_t *peer)
{
    if (self->node == peer->node || !peer->running || peer->elsewhere ||
        !self->running || self->phase == ASKING ||
        (self->phase == COPYING && !s_votes (self)))
        return;
    if (self->born && !peer->born) {
        s_learn_of_unborn (self, peer);
        return;
    }
    if (s_known (&peer->disk.life, peer->node) <
        s_known (&self->memory.life, peer->node))
        return;
    s_hear (self, peer);
    bool ended =
      s_broken != ONE_EPOCH && peer->disk.life.of[self->node] > s_own (self);
    if (ended || s_objects (self, peer)) {
        s_supersede (self, peer);
        return;
    }
    s_note (self, peer);
    s_take_floor (self, peer);
    if (self->phase == STARTING)
        s_confirm (self, peer);
    else if (self->phase == FORMATTED) {
        s_meet (self, peer);
        s_pursue_birth (self);
    }
}

//  Whether peer holds what the recovery of self may count on.
static bool
s_holds (const s_instance_t *self, const s_instance_t *peer)
{
    return s_votes (peer) ||
           (self->forced && peer->running && peer->phase == STARTING &&
            s_broken != FORCE_SKIPS_STARTING_PEERS);
}

static void
s_ask (s_instance_t *self, const s_instance_t *peer)
{
    if (self->node == peer->node || !self->running || self->phase != ASKING ||
        !peer->running || peer->elsewhere)
        return;
    bool empty =
      s_recovers (peer) &&
      (!peer->disk_votes || s_broken == FORCE_COUNTS_WHO_RECOVERS_IN_MEMORY);
    bool holds = s_holds (self, peer);
    s_set (&self->bound, peer->node, empty);
    s_set (&self->holding, peer->node, holds);
    if (s_votes (peer) || peer->phase == STARTING)
        self->answered |= (uint8_t) (1u << peer->node);
    if (holds)
        s_see (self, peer);
    if (holds || (self->forced && empty))
        TELL_OF (self, "asks %s, life %s", s_name (peer),
                 s_life_text (s_own (peer)));
}

//  Whether so many peers are bound by a recovery by force that the others cannot
//  let an old copy of self vote: they know the new life, or have nothing left.
static bool
s_binds_enough (const s_instance_t *self)
{
    uint32_t bound = self->bound | self->gone;
    for (uint8_t node = 0; node < s_n; node++)
        if (self->sources.of[node])
            bound |= 1u << node;
    int need = s_first_need ();
    if (s_broken == FORCE_BOUND_BY_TOO_FEW)
        need--;
    if (s_broken == FORCE_SKIPS_STARTING_PEERS)
        bound |= self->answered;
    return __builtin_popcount (bound & s_others (self)) >= need;
}

static bool
s_has_asked_enough (const s_instance_t *self)
{
    if (!self->forced)
        return s_sources (self) >= s_r;
    return s_binds_enough (self) && (self->born || self->answered);
}

//  A recovery by force passes over nobody who holds something and has answered.
static bool
s_has_copied_enough (const s_instance_t *self)
{
    if (!self->forced)
        return s_sources (self) >= s_r;
    for (uint8_t node = 0; node < s_n; node++)
        if ((self->holding >> node & 1) && !self->sources.of[node])
            return false;
    return s_binds_enough (self);
}

static void
s_begin_life (s_instance_t *self)
{
    if (!self->running || self->phase != ASKING || !s_has_asked_enough (self) ||
        s_life_count == LIVES_MAX || s_counter (s_own (self)) > COUNTER_MAX)
        return;
    int counter = (s_own (self) >> COUNTER_SHIFT) + 1;
    if (self->forced)
        counter += FORCED_LIVES;
    int tag = (int) s_draw (16) << 4 | s_life_count++;
    if (s_broken == ONE_EPOCH)
        tag = 0;
    self->memory.life.of[s_entry (self->node)] =
      (int16_t) (counter << COUNTER_SHIFT | tag);
    self->memory.start.of[self->node] = 0;
    self->base = 0;
    self->born = true;
    self->disk = self->memory;
    self->disk_votes = false;
    self->disk_started = true;
    self->phase = COPYING;
    memset (&self->sources, 0, sizeof self->sources);
    TELL_OF (self, "begins this life%s", self->forced ? ", by force" : "");
}

//  FENCE and COPY: peer tells what it holds if the life of self is in force
//  there, on its disk.
static void
s_copy (s_instance_t *self, const s_instance_t *peer)
{
    if (self->node == peer->node || !self->running || self->phase != COPYING ||
        !s_holds (self, peer) || peer->elsewhere)
        return;
    int16_t life = s_own (self);
    int16_t known = s_known (&peer->memory.life, self->node);
    if (known > life) {
        TELL_OF (self, "hears from %s of a newer life of its own",
                 s_name (peer));
        s_merge (&self->memory.life, &peer->memory.life);
        s_ask_anew (self);
        return;
    }
    if (known != life || (s_broken != FENCE_EARLY &&
                          s_known (&peer->disk.life, self->node) != life))
        return;
    s_see (self, peer);
    if (s_broken != NOTES_LOST)
        s_remember_all (self, &peer->memory);
    uint8_t next = s_broken == COPY_DISK ? peer->disk_next : peer->next;
    if (self->next < next)
        self->next = next;
    TELL_OF (self, "copies next %u from %s, life %s", next, s_name (peer),
             s_life_text (s_own (peer)));
}

//  What the operator says who forces a recovery: the floor is above all that was
//  asked for so far, unless a node that has answered holds it.
static uint8_t
s_forced_floor (const s_instance_t *self)
{
    uint8_t most = 1;
    for (uint8_t index = 0; index < s_claim_count; index++) {
        uint8_t end = (uint8_t) (s_claim[index].first + s_claim[index].count);
        if (most < end)
            most = end;
    }
    uint8_t known = s_least (self);
    for (uint8_t node = 0; node < s_n; node++) {
        const s_instance_t *peer = &s_instance[s_current[node]];
        if ((self->answered >> node & 1) && known < peer->disk_next)
            known = peer->disk_next;
    }
    return most <= known && s_floor_known ? 1 : most;
}

static void
s_settle_floor (s_instance_t *self)
{
    for (uint8_t node = 0; node < s_n; node++)
        if (self->sources.of[node] && self->floor < self->source_floor[node])
            self->floor = self->source_floor[node];
    if (!self->forced)
        return;
    uint8_t floor = s_forced_floor (self);
    if (self->floor < floor)
        self->floor = floor;
    self->forced = false;
    s_sum.forced++;
    TELL_OF (self, "has recovered by force, floor %u", self->floor);
}

//  S5: the vote is the last thing that is written.
static void
s_settle (s_instance_t *self)
{
    if (!self->running || self->phase != COPYING || !s_has_copied_enough (self))
        return;
    s_settle_floor (self);
    s_persist (self);
    self->disk = self->memory;
    self->disk_floor = self->floor;
    self->disk_votes = true;
    self->stale = self->restored = false;
    self->phase = VOTING;
    memset (&self->sources, 0, sizeof self->sources);
    if (s_settled[self->node] < s_own (self))
        s_settled[self->node] = s_own (self);
    s_sum.recovered++;
    TELL_OF (self, "votes, next %u", self->next);
}

//  Whether old lives answer on, and old disks come back. A node of a cluster
//  with one number cannot tell that its life has ended: too easy a prey.
static bool
s_have_old_lives (void)
{
    return s_broken != ONE_EPOCH;
}

//  Of how many nodes old lives answer at a time: there may be copies of the
//  directory of one node, or old lives of all that remember what they took.
static bool
s_may_be_old (uint8_t node)
{
    return s_have_old_lives () && (s_copied == NODES_MAX || s_copied == node);
}

//  A process begins on what is on disk.
static void
s_begin_process (s_instance_t *self)
{
    self->running = true;
    self->superseded = false;
    self->started = false;
    self->warned = false;
    self->heard = self->together = 0;
    self->born_peers = self->identified = 0;
    self->unreachable = s_chance (2) ? 0 : (uint8_t) s_draw (1u << s_n);
    self->process = ++s_process_count;
    self->forced = false;
    self->holding = self->answered = 0;
    self->bound = self->gone = 0;
    self->met_floor = false;
    self->next = self->disk_next;
    self->floor = self->disk_floor;
    self->memory = self->disk;
    memset (&self->sources, 0, sizeof self->sources);
    memset (&self->met, 0, sizeof self->met);
    self->base = s_counter (s_start (self));
    if (!self->disk_started && s_broken != START_PER_PROCESS)
        self->base--;
}

//  It goes on with what is on its disk.
static void
s_restart (s_instance_t *self)
{
    if ((s_current[self->node] != self - s_instance &&
         !s_may_be_old (self->node)) ||
        s_start_count == STARTS_MAX || self->ended)
        return;
    //  A restored node is not started before its floor has been forced.
    if (self->forced && self->phase == ASKING && !s_floor_known)
        return;
    s_drop (self);
    s_begin_process (self);
    bool votes = self->disk_votes;
    if (s_broken == VOTES_AFTER_RESTART && s_own (self) > FIRST_LIFE)
        votes = true;
    self->phase = ASKING;
    if (!self->born && s_own (self))
        self->phase = FORMATTED;
    if (votes)
        self->phase = s_confirms ? STARTING : VOTING;
    s_sum.restarted++;
    TELL_OF (self, "restarts%s, next %u",
             self->phase == ASKING ? " to recover" : "", self->next);
    if (self->phase == STARTING)
        s_take_start (self);
}

//  A node whose peers have noted its first start; or an empty directory.
static void
s_format (s_instance_t *self, uint8_t node, bool votes)
{
    memset (self, 0, sizeof *self);
    self->node = node;
    self->disk_next = 1;
    self->disk_votes = self->born = votes;
    self->disk_started = true;
    for (uint8_t other = 0; other < s_n && votes; other++) {
        self->disk.life.of[other] = FIRST_LIFE;
        self->disk.start.of[other] = (int16_t) (1 << COUNTER_SHIFT | other);
    }
    s_begin_process (self);
    self->phase = votes ? VOTING : ASKING;
}

//  Node begins anew on an empty disk. Its old life goes on, or ends; then its
//  disk may still come back.
static void
s_lose (uint8_t node, bool goes_on)
{
    if (s_instance_count == INSTANCES_MAX)
        return;
    s_instance_t *old = &s_instance[s_current[node]];
    TELL_OF (old, "its disk is lost");
    if (!goes_on || !s_may_be_old (node)) {
        s_drop (old);
        old->running = false;
    }
    memset (&s_noted[node], 0, sizeof s_noted[node]);
    s_current[node] = s_instance_count++;
    s_format (&s_instance[s_current[node]], node, s_broken == VOTES_AT_ONCE);
    s_sum.lost++;
}

//  Somebody copies the directory of s_copied.
static void
s_keep_copy (void)
{
    const s_instance_t *self = &s_instance[s_current[s_copied]];
    if (!self->disk_votes || self->stale)
        return;
    s_kept = *self;
    s_kept.serial = (uint8_t) s_start_count;
    s_kept_noted = s_noted[s_copied];
    s_kept_counted = s_counted[s_copied];
    TELL_OF (self, "its directory is copied, next %u", self->disk_next);
}

//  ... and starts a node there again. If its life is the newest one, it is only
//  an old copy where the node has taken a start since.
static void
s_put_back (bool goes_on)
{
    s_instance_t *now = &s_instance[s_current[s_copied]];
    if (s_instance_count == INSTANCES_MAX)
        return;
    if (!goes_on) {
        s_drop (now);
        now->running = false;
    }
    s_current[s_copied] = s_instance_count++;
    s_instance_t *self = &s_instance[s_current[s_copied]];
    *self = s_kept;
    self->stale = s_own (&s_kept) >= s_settled[s_copied];
    s_noted[s_copied] = s_kept_noted;
    s_counted[s_copied] = s_kept_counted;
    TELL_OF (self, "an old copy of its directory is put back");
    s_sum.put_back++;
    s_restart (self);
}

//  A copy of the directory is started where nobody asks for its node. It may be
//  one of today.
static void
s_start_elsewhere (void)
{
    if (s_instance_count == INSTANCES_MAX)
        return;
    s_instance_t *self = &s_instance[s_instance_count++];
    *self = s_kept;
    self->elsewhere = true;
    TELL_OF (self, "a copy of its directory is started elsewhere");
    s_sum.elsewhere++;
    s_restart (self);
}

//  ... which takes its node's endpoint.
static void
s_move_in (s_instance_t *self, bool goes_on)
{
    s_instance_t *now = &s_instance[s_current[self->node]];
    if (!self->elsewhere || now == self)
        return;
    if (!goes_on) {
        s_drop (now);
        now->running = false;
    }
    self->elsewhere = false;
    self->stale = s_own (&s_kept) >= s_settled[self->node];
    s_current[self->node] = (uint8_t) (self - s_instance);
    s_noted[self->node] = s_kept_noted;
    s_counted[self->node] = s_kept_counted;
    TELL_OF (self, "takes its node's endpoint");
}

//  How walks are guided.

//  Who answers for a node: mostly its latest instance.
static s_instance_t *
s_pick (uint8_t node)
{
    if (s_instance_count > s_n && s_chance (4)) {
        s_instance_t *any = &s_instance[s_draw (s_instance_count)];
        if (any->node == node)
            return any;
    }
    return &s_instance[s_current[node]];
}

//  An instance of node that takes part and is not the latest, if there is one.
static s_instance_t *
s_pick_old (uint8_t node)
{
    for (uint8_t slot = 0; slot < s_instance_count; slot++)
        if (s_instance[slot].node == node && s_current[node] != slot &&
            s_instance[slot].running)
            return &s_instance[slot];
    return &s_instance[s_current[node]];
}

static s_instance_t *
s_choose (uint8_t node, bool old)
{
    return old ? s_pick_old (node) : s_pick (node);
}

//  Calls body for each node of a set, in some order.
#define EACH_NODE(node, set)                                                   \
    for (uint32_t left_ = (set), turn_ = s_draw (s_n), node = 0; left_;        \
         turn_ = turn_ + 1 == s_n ? 0 : turn_ + 1)                             \
        if ((left_ >> turn_ & 1) == 0)                                         \
            continue;                                                          \
        else if (left_ &= ~(1u << turn_), node = turn_, true)

//  A set of so many nodes out of a set, or all of it.
static uint32_t
s_some (uint32_t set, unsigned size)
{
    while ((unsigned) __builtin_popcount (set) > size) {
        uint32_t drop = s_draw ((uint32_t) __builtin_popcount (set));
        uint32_t rest = set;
        while (drop--)
            rest &= rest - 1;
        set &= ~(rest & -rest);
    }
    return set;
}

static void
s_deliver (uint8_t claim, uint32_t set, bool old)
{
    EACH_NODE (node, set)
    {
        s_instance_t *self = s_choose ((uint8_t) node, old);
        s_accept (self, claim);
        if (!s_chance (16))
            s_persist (self);
    }
}

static void
s_ask_some (s_instance_t *self, uint32_t set, bool old)
{
    if (self->phase != ASKING)
        return;
    EACH_NODE (node, set)
    s_ask (self, s_choose ((uint8_t) node, old));
    s_begin_life (self);
}

//  self starts, or pursues its birth, and its peers hear of it. The others may
//  be unreachable for it.
static void
s_introduce (s_instance_t *self, uint32_t set, bool old)
{
    if (!s_chance (4))
        self->unreachable |= (uint8_t) (s_all () & ~set);
    EACH_NODE (node, set)
    {
        s_instance_t *peer = s_choose ((uint8_t) node, old);
        s_learn (peer, self);
        if (!s_chance (16))
            s_write (peer);
        s_learn (self, peer);
        if (s_chance (4))
            s_write (self);
    }
}

//  self pursues its start or its recovery, as far as it gets with these peers;
//  or only for some steps.
static void
s_recover (s_instance_t *self, uint32_t set, bool old)
{
    if (self->phase == STARTING || self->phase == FORMATTED)
        s_introduce (self, set, old);
    if (!self->running || self->phase == VOTING || self->phase == STARTING ||
        self->phase == FORMATTED)
        return;
    uint32_t asked = s_chance (4) ? set : s_all ();
    s_ask_some (self, asked, old);
    if (s_chance (16))
        return;
    bool copies = !s_chance (self->forced ? 32 : 8);
    EACH_NODE (node, set)
    {
        s_instance_t *peer = s_choose ((uint8_t) node, old);
        s_learn (peer, self);
        if (!s_chance (16))
            s_write (peer);
        if (copies)
            s_copy (self, peer);
    }
    if (s_chance (16))
        s_persist (self);
    if (!s_chance (16))
        s_settle (self);
}

//  One step of anybody.
static void
s_any_step (void)
{
    s_instance_t *self = &s_instance[s_draw (s_instance_count)];
    s_instance_t *peer = &s_instance[s_draw (s_instance_count)];
    switch (s_draw (9)) {
    case 0:
        s_accept (self, (uint8_t) s_draw (s_claim_count));
        break;
    case 1:
        s_persist (self);
        break;
    case 2:
        s_learn (self, peer);
        break;
    case 3:
        s_write (self);
        break;
    case 4:
        s_ask (self, peer);
        break;
    case 5:
        s_begin_life (self);
        break;
    case 6:
        s_copy (self, peer);
        break;
    case 7:
        s_settle (self);
        break;
    case 8:
        if (s_chance (4))
            s_restart (self);
        break;
    }
}

//  Another claim, from where some node is.
static void
s_further_claim (void)
{
    uint8_t first = s_least (&s_instance[s_draw (s_instance_count)]);
    s_begin_claim (first, (uint8_t) (1 + s_draw (3)));
    s_deliver ((uint8_t) (s_claim_count - 1), s_some (s_all (), s_w), false);
}

//  One of the nodes that recover, or any.
static s_instance_t *
s_one_recovering (void)
{
    uint8_t start = (uint8_t) s_draw (s_instance_count);
    for (uint8_t turn = 0; turn < s_instance_count; turn++) {
        uint8_t slot = (uint8_t) ((start + turn) % s_instance_count);
        if (s_instance[slot].running && s_instance[slot].phase != VOTING)
            return &s_instance[slot];
    }
    return &s_instance[start];
}

//  Who takes part in a step, roughly.
static uint32_t
s_side (uint32_t theirs, uint32_t mine)
{
    switch (s_draw (4)) {
    case 0:
        return theirs & mine;
    case 1:
        return theirs;
    case 2:
        return mine;
    default:
        return s_all ();
    }
}

//  A recovery that is cut short, once or twice, after it has reached few peers.
static void
s_cut_short (s_instance_t *self, uint32_t set)
{
    set = s_some (set, 1 + s_draw (2));
    s_recover (self, set, false);
    if (s_chance (2)) {
        s_restart (self);
        s_recover (self, set, false);
    }
}

static uint8_t
s_one (uint32_t set)
{
    return (uint8_t) __builtin_ctz (s_some (set, 1));
}

//  A node that recovers reaches one peer, which then forgets that, as it loses
//  its disk, too.
static void
s_lose_two (uint32_t theirs, uint32_t mine)
{
    uint8_t first = s_one (s_chance (2) ? mine : theirs & mine);
    uint8_t second = s_one (theirs & ~(1u << first));
    s_lose (first, s_chance (8));
    s_recover (&s_instance[s_current[first]], 1u << second, false);
    if (s_chance (2)) {
        s_restart (&s_instance[s_current[first]]);
        s_recover (&s_instance[s_current[first]], 1u << second, false);
    }
    if (s_chance (2))
        s_deliver (0, 1u << second, false);
    s_lose (second, s_chance (8));
    s_recover (&s_instance[s_current[second]], s_all () & ~(1u << first),
               false);
}

//  A copy of a directory is put back, perhaps when its node has lost its disk.
static void
s_bring_back (uint32_t peers)
{
    uint32_t others = peers & ~(1u << s_copied);
    if (s_chance (2)) {
        s_lose (s_copied, s_chance (3));
        s_recover (&s_instance[s_current[s_copied]],
                   s_chance (2) ? s_all () : others, s_chance (8));
    }
    s_put_back (s_chance (4));
    s_recover (&s_instance[s_current[s_copied]], others, s_chance (8));
}

static void
s_copies_and_steps (uint32_t theirs, uint32_t mine)
{
    if (s_copied != NODES_MAX && s_chance (4))
        s_keep_copy ();
    if (s_copied != NODES_MAX && s_chance (2))
        s_bring_back (s_side (theirs, mine));
    for (uint32_t steps = s_draw (4); steps > 0; steps--)
        s_any_step ();
}

//  Two clients want the same IDs: theirs, and mine. Each has its side, W nodes
//  that are to accept its claim; what the sides share has to forget the first
//  claim before it can accept the second. So trouble falls on nodes of the
//  first side most, and who recovers asks the second side most.
static void
s_trouble (uint32_t theirs, uint32_t mine)
{
    uint32_t from = s_chance (2) ? theirs & mine : s_side (theirs, mine);
    uint8_t node = s_one (from);
    uint32_t peers = s_side (theirs, mine);
    uint32_t others = peers & ~(1u << node);
    if (!s_chance (3))
        others = s_some (others, 1 + s_draw (s_n));
    switch (s_draw (12)) {
    case 0:
    case 1:
    case 2:
    case 3:
        s_lose (node, s_chance (3));
        s_recover (&s_instance[s_current[node]], others, s_chance (4));
        break;
    case 4:
        s_recover (s_one_recovering (), peers, s_chance (4));
        break;
    case 5: {
        s_instance_t *self = s_one_recovering ();
        s_restart (self);
        s_recover (self, others, s_chance (8));
        break;
    }
    case 6: {
        s_instance_t *self = &s_instance[s_draw (s_instance_count)];
        s_restart (self);
        s_recover (self, s_chance (8) ? others : s_all (), s_chance (8));
        break;
    }
    case 7:
    case 8:
        s_deliver (0, s_chance (4) ? theirs : s_some (from, 1 + s_draw (2)),
                   s_chance (8));
        break;
    case 9:
        s_further_claim ();
        break;
    case 10:
        s_lose (node, s_chance (3));
        s_cut_short (&s_instance[s_current[node]], peers & ~(1u << node));
        break;
    case 11:
        if (s_n > 2)
            s_lose_two (theirs, mine);
        break;
    }
    s_copies_and_steps (theirs, mine);
}

//  A node is started again and again, and copies of its directory.
static void
s_recover_all (uint32_t set)
{
    bool old = s_chance (8);
    for (uint8_t slot = 0; slot < s_instance_count; slot++)
        s_recover (&s_instance[slot], set, old);
}

//  What happens to the node of the copies.
static void
s_copied_trouble (uint32_t peers)
{
    s_instance_t *now = &s_instance[s_current[s_copied]];
    switch (s_draw (7)) {
    case 0:
    case 1:
        s_restart (now);
        s_recover (now, peers, s_chance (8));
        break;
    case 2:
        s_recover (now, peers, s_chance (8));
        break;
    case 3:
        s_put_back (s_chance (3));
        s_recover (&s_instance[s_current[s_copied]], peers, s_chance (8));
        break;
    case 4:
        s_keep_copy ();
        break;
    case 5:
        s_start_elsewhere ();
        s_recover (&s_instance[s_instance_count - 1], peers, s_chance (8));
        break;
    case 6: {
        s_instance_t *self = s_pick_old (s_copied);
        if (s_chance (3))
            s_move_in (self, s_chance (3));
        if (s_chance (2))
            s_restart (self);
        s_recover (self, peers, s_chance (8));
        break;
    }
    }
}

//  A node loses its disk or starts again.
static void
s_node_trouble (uint32_t peers)
{
    uint8_t node = s_one (s_all ());
    if (s_chance (3))
        s_lose (node, s_chance (4));
    else
        s_restart (&s_instance[s_current[node]]);
    s_recover (&s_instance[s_current[node]],
               (s_chance (2) ? peers : s_all ()) & ~(1u << node), s_chance (8));
}

static void
s_start_trouble (uint32_t theirs, uint32_t mine)
{
    uint32_t peers = s_side (theirs, mine) & ~(1u << s_copied);
    if (s_chance (3))
        peers = s_some (peers, s_draw (s_n));
    switch (s_draw (10)) {
    case 0:
        s_node_trouble (peers);
        break;
    case 1:
        s_deliver (0, theirs, s_chance (4));
        break;
    case 2:
        s_trouble (theirs, mine);
        break;
    default:
        s_copied_trouble (peers);
    }
}

static void
s_walk_starts (uint32_t theirs, uint32_t mine)
{
    s_begin_claim (1, (uint8_t) (1 + s_draw (3)));
    s_begin_claim (1, (uint8_t) (1 + s_draw (3)));
    s_copied = s_one (theirs & mine);
    s_keep_copy ();
    for (uint32_t rounds = 1 + s_draw (6); rounds > 0; rounds--)
        s_start_trouble (theirs, mine);
    s_deliver (0, theirs, s_chance (8));
    for (uint32_t rounds = 1 + s_draw (4); rounds > 0; rounds--)
        s_start_trouble (theirs, mine);
    s_deliver (1, mine, s_chance (4));
    s_deliver (1, s_all (), s_chance (4));
}

//  The birth: fresh nodes, of which some are killed; and a directory as it was
//  formatted is put back when its node has voted.
static void
s_form (void)
{
    for (uint8_t node = 0; node < s_n; node++) {
        s_instance_t *self = &s_instance[node];
        self->born = self->disk_votes = false;
        self->phase = FORMATTED;
        memset (&self->disk, 0, sizeof self->disk);
        self->disk.life.of[node] = FIRST_LIFE;
        self->memory = self->disk;
        self->base = 0;
    }
    s_start_count = 0;
}

static void
s_put_formatted_back (uint8_t node, bool goes_on)
{
    s_instance_t *now = &s_instance[s_current[node]];
    if (s_instance_count == INSTANCES_MAX || !now->disk_votes)
        return;
    if (!goes_on) {
        s_drop (now);
        now->running = false;
    }
    s_current[node] = s_instance_count++;
    s_instance_t *self = &s_instance[s_current[node]];
    s_format (self, node, false);
    self->disk.life.of[node] = FIRST_LIFE;
    TELL_OF (self, "is put back as it was formatted");
    s_sum.put_back++;
    s_restart (self);
}

static void
s_introduce_all (uint32_t set)
{
    EACH_NODE (node, set)
    {
        s_instance_t *self = &s_instance[s_current[node]];
        if (s_chance (2))
            s_recover (self, set & ~(1u << node), false);
        else if (!s_chance (8))
            s_introduce (self, set & ~(1u << node), false);
        s_write (self);
    }
}

static void
s_birth_trouble (uint32_t theirs, uint32_t mine, uint8_t node)
{
    s_instance_t *now = &s_instance[s_current[node]];
    uint32_t peers = s_side (theirs, mine) & ~(1u << node);
    switch (s_draw (9)) {
    case 0:
    case 1:
        s_introduce_all (s_side (theirs, mine));
        break;
    case 2:
        s_recover (now, peers, false);
        break;
    case 3:
        s_put_formatted_back (node, s_chance (3));
        s_recover (&s_instance[s_current[node]], s_all (), false);
        s_recover (&s_instance[s_current[node]], peers, false);
        break;
    case 4:
        s_restart (now);
        s_recover (now, peers, s_chance (8));
        break;
    case 5:
        s_restart (&s_instance[s_draw (s_instance_count)]);
        break;
    case 6:
        s_deliver (0, theirs, s_chance (4));
        break;
    case 7:
        if (s_chance (2))
            s_trouble (theirs, mine);
        break;
    case 8:
        s_recover_all (s_side (theirs, mine));
        break;
    }
}

static void
s_walk_birth (uint32_t theirs, uint32_t mine)
{
    s_form ();
    s_begin_claim (1, (uint8_t) (1 + s_draw (3)));
    s_begin_claim (1, (uint8_t) (1 + s_draw (3)));
    uint8_t node = s_one (theirs & mine);
    s_introduce_all (s_all ());
    for (uint32_t rounds = 2 + s_draw (6); rounds > 0; rounds--)
        s_birth_trouble (theirs, mine, node);
    s_deliver (0, theirs, s_chance (8));
    for (uint32_t rounds = 1 + s_draw (4); rounds > 0; rounds--)
        s_birth_trouble (theirs, mine, node);
    s_deliver (0, theirs, s_chance (2));
    s_deliver (1, mine, s_chance (4));
    s_deliver (1, s_all (), s_chance (4));
}

//  Disasters. All processes end; the operator restores directories, or starts
//  nodes on empty ones, and recovers one by force.

static void
s_end_all (void)
{
    for (uint8_t slot = 0; slot < s_instance_count; slot++) {
        s_drop (&s_instance[slot]);
        s_instance[slot].running = false;
        s_instance[slot].ended = s_current[s_instance[slot].node] != slot;
    }
    TELL ("  all processes end\n");
}

//  An instance that takes its node's place.
static s_instance_t *
s_replace (uint8_t node, const s_instance_t *directory)
{
    assert (s_instance_count < INSTANCES_MAX);
    s_instance[s_current[node]].ended = true;
    s_current[node] = s_instance_count++;
    s_instance_t *self = &s_instance[s_current[node]];
    if (directory)
        *self = *directory;
    else
        s_format (self, node, false);
    self->running = false;
    TELL_OF (self, directory ? "is restored" : "begins on an empty directory");
    return self;
}

//  The world forgets which starts copies must hear of.
static void
s_forget_witnesses (void)
{
    memset (s_noted, 0, sizeof s_noted);
    memset (s_counted, 0, sizeof s_counted);
    memset (s_settled, 0, sizeof s_settled);
    memset (&s_kept_noted, 0, sizeof s_kept_noted);
    memset (&s_kept_counted, 0, sizeof s_kept_counted);
}

//  The operator recovers node by force. Of those that are gone he may say so.
static void
s_force (uint8_t node, uint32_t gone)
{
    s_instance_t *self = &s_instance[s_current[node]];
    if (self->phase == COPYING && self->running)
        return;
    s_drop (self);
    self->ended = false;
    s_begin_process (self);
    self->phase = ASKING;
    self->forced = true;
    self->gone = (uint8_t) (s_chance (2) ? gone : s_some (gone, s_draw (s_n)));
    TELL_OF (self, "is to recover by force, lost %02x", self->gone);
}

//  Peers whose directories were lost, and which have not recovered since.
static uint32_t
s_still_empty (uint32_t set)
{
    uint32_t empty = 0;
    for (uint8_t node = 0; node < s_n; node++)
        if ((set >> node & 1) && !s_instance[s_current[node]].born)
            empty |= 1u << node;
    return empty;
}

//  Steps of one of these nodes.
static void
s_disaster_step (uint32_t theirs, uint32_t mine, uint32_t set)
{
    uint8_t node = s_one (set);
    s_instance_t *now = &s_instance[s_current[node]];
    switch (s_draw (6)) {
    case 0:
        if (s_chance (2))
            s_restart (now);
        s_recover (now, s_side (theirs, mine), s_chance (8));
        break;
    case 1:
        s_recover_all (s_side (theirs, mine));
        break;
    case 2:
        s_recover (now, s_all (), false);
        break;
    case 3:
        s_deliver (s_chance (2), s_side (theirs, mine), s_chance (8));
        break;
    case 4:
        s_further_claim ();
        break;
    case 5:
        s_any_step ();
        break;
    }
}

//  As many as a majority with the node of the floor are restored from copies,
//  of whatever time, and the others begin on empty directories. Or all are
//  restored, and each must have asked one that has the floor before it votes.
static void
s_walk_restore (uint32_t theirs, uint32_t mine)
{
    s_instance_t kept[NODES_MAX];
    s_begin_claim (1, (uint8_t) (1 + s_draw (3)));
    s_begin_claim (1, (uint8_t) (1 + s_draw (3)));
    for (uint8_t node = 0; node < s_n; node++)
        kept[node] = s_instance[node];
    s_deliver (0, s_chance (8) ? mine : theirs, false);
    for (uint32_t rounds = s_draw (3); rounds > 0; rounds--)
        s_trouble (theirs, mine);
    for (uint8_t node = 0; node < s_n; node++)
        if (s_chance (4) && s_instance[s_current[node]].disk_votes)
            kept[node] = s_instance[s_current[node]];
    s_end_all ();
    s_forget_witnesses ();
    bool most = s_chance (2);
    uint32_t restored = most ? s_all () : s_some (mine, s_r);
    uint8_t first = s_one (restored);
    if (s_instance_count + s_n > INSTANCES_MAX)
        return;
    for (uint8_t node = 0; node < s_n; node++) {
        s_instance_t *self =
          s_replace (node, restored >> node & 1 ? &kept[node] : NULL);
        self->ended = node == first;
        self->restored = most;
        s_restart (self);
    }
    s_copied = first;
    s_kept = s_instance[s_current[first]];
    for (uint32_t rounds = s_draw (4); rounds > 0; rounds--)
        s_disaster_step (theirs, mine, s_all () & ~(1u << first));
    s_force (first, s_still_empty (s_all ()));
    s_recover (&s_instance[s_current[first]], s_all (), false);
    for (uint32_t rounds = 2 + s_draw (8); rounds > 0; rounds--)
        s_disaster_step (theirs, mine, s_all ());
    s_deliver (1, mine, false);
    s_deliver (1, s_all (), false);
}

//  An old copy of a node that has recovered by force is put back, among these.
static void
s_start_old_copy (uint32_t set)
{
    s_put_back (false);
    for (uint8_t node = 0; node < s_n; node++) {
        s_instance_t *now = &s_instance[s_current[node]];
        if ((set >> node & 1) && (!now->running || s_recovers (now)))
            s_restart (now);
    }
    for (uint8_t node = 0; node < s_n; node++)
        if (set >> node & 1)
            s_recover (&s_instance[s_current[node]], set, false);
    s_recover (&s_instance[s_current[s_copied]], set, false);
}

//  A majority, or fewer, lose their directories; the others are intact. Then an
//  old copy of a node that has recovered by force may be put back.
static void
s_walk_force (uint32_t theirs, uint32_t mine)
{
    s_begin_claim (1, (uint8_t) (1 + s_draw (3)));
    s_begin_claim (1, (uint8_t) (1 + s_draw (3)));
    s_floor_known = true;
    s_copied = s_one (theirs & mine);
    uint8_t node = s_copied;
    s_keep_copy ();
    s_deliver (0, theirs, false);
    s_end_all ();
    uint32_t lost = s_some (s_side (theirs, mine), s_draw (s_n));
    for (uint8_t other = 0; other < s_n; other++)
        if (lost >> other & 1)
            s_replace (other, NULL);
    s_forget_witnesses ();
    for (uint8_t other = 0; other < s_n; other++)
        if (!s_chance (4))
            s_restart (&s_instance[s_current[other]]);
    //  One is told to recover; as long as it cannot, its disk says that it votes.
    s_instance_t *told = &s_instance[s_current[s_one (s_all ())]];
    if (s_chance (2) && told->phase == STARTING)
        s_ask_anew (told);
    for (uint32_t rounds = 1 + s_draw (3); rounds > 0; rounds--) {
        s_force (node, s_still_empty (lost & ~(1u << node)));
        s_recover (&s_instance[s_current[node]], s_all (), false);
        if (s_chance (2))
            s_disaster_step (theirs, mine, s_all ());
        if (s_chance (4) && s_still_empty (lost))
            node = s_one (s_still_empty (lost));
    }
    for (uint32_t rounds = 1 + s_draw (6); rounds > 0; rounds--) {
        if (s_chance (3))
            s_put_back (false);
        s_disaster_step (theirs, mine,
                         s_chance (2) ? 1u << s_copied : s_all ());
    }
    if (s_chance (2))
        s_start_old_copy (mine);
    s_deliver (1, mine, false);
    s_deliver (1, s_all (), false);
}

//  Whether it gets on: with nothing lost, a fresh cluster is born once all are
//  up, whoever was killed before; and after a power cut a majority starts.

static bool
s_comes_up (uint32_t set)
{
    uint32_t voting = 0;
    for (unsigned rounds = 0; rounds < 8u && voting != set; rounds++)
        EACH_NODE (node, set)
        {
            s_instance_t *self = &s_instance[s_current[node]];
            self->unreachable = (uint8_t) (s_all () & ~set);
            for (uint8_t peer = 0; peer < s_n; peer++)
                if (set >> peer & 1)
                    s_learn (self, &s_instance[s_current[peer]]);
            s_write (self);
            if (s_votes (self))
                voting |= 1u << node;
        }
    return voting == set;
}

//  Some are up, and some of these are killed.
static void
s_stumble (void)
{
    for (uint32_t rounds = s_draw (5); rounds > 0; rounds--) {
        if (s_chance (2))
            s_introduce_all (s_some (s_all (), 1 + s_draw (s_n)));
        else
            s_any_step ();
        while (s_chance (2))
            s_restart (&s_instance[s_draw (s_n)]);
    }
}

static void
s_walk_up (void)
{
    s_form ();
    s_introduce_all (s_all ());
    s_stumble ();
    if (!s_comes_up (s_all ())) {
        s_wrong = "all are up, and not all are born";
        return;
    }
    s_stumble ();
    for (uint8_t node = 0; node < s_n; node++)
        s_restart (&s_instance[node]);
    if (!s_comes_up (s_some (s_all (), s_n / 2 + 1u)))
        s_wrong = "after a power cut a majority does not start";
}

//  How many nodes a walk has: most often those that have gone wrong before.
static const uint8_t s_often[] = {2, 3, 3, 4, 4, 5, 5, 5, 6, 7};

static void
s_setup (uint64_t seed)
{
    s_random = seed * 0xd1342543de82ef95u;
    s_n = s_nodes ? s_nodes : s_often[s_draw (sizeof s_often)];
    s_w =
      (uint8_t) (s_broken == HALF_W && s_n % 2 == 0 ? s_n / 2 : s_n / 2 + 1);
    s_r =
      (uint8_t) (s_broken == HALF_R && s_n % 2 == 0 ? s_n / 2 : s_n / 2 + 1);
    //  One number for the cluster cannot tell whose life has ended.
    s_confirms = s_n / 2;
    if (s_broken == CONFIRMED_BY_FEW && s_confirms)
        s_confirms--;
    if (s_broken == VOTES_UNCONFIRMED || s_broken == ONE_EPOCH)
        s_confirms = 0;
    s_instance_count = s_n;
    s_process_count = 0;
    s_start_count = s_n;
    memset (s_genuine, 1, sizeof s_genuine);
    s_genuine[NOBODYS] = false;
    memset (s_noted, 0, sizeof s_noted);
    memset (s_counted, 0, sizeof s_counted);
    for (uint8_t node = 0; node < s_n; node++) {
        s_format (&s_instance[node], node, true);
        s_current[node] = node;
    }
    memset (s_settled, 0, sizeof s_settled);
    s_copied = NODES_MAX;
    s_floor_known = false;
    s_life_count = 0;
    s_claim_count = 0;
    s_handed_out = 0;
    s_top = 1;
    s_wrong = NULL;
}

//  Disks are lost, and copies of one put back.
static void
s_walk_lives (uint32_t theirs, uint32_t mine)
{
    s_begin_claim (1, (uint8_t) (1 + s_draw (3)));
    s_begin_claim (1, (uint8_t) (1 + s_draw (3)));
    if (s_have_old_lives () && s_chance (3)) {
        s_copied = s_one (theirs & mine);
        s_keep_copy ();
        s_deliver (1, s_some (mine & ~theirs, s_draw (s_n)), false);
    }
    if (s_chance (2))
        s_deliver (0, s_chance (2) ? theirs : theirs & mine, false);
    for (uint32_t rounds = 1 + s_draw (6); rounds > 0; rounds--)
        s_trouble (theirs, mine);
    if (!s_chance (4))
        s_recover_all (s_side (theirs, mine));
    s_deliver (0, s_chance (2) ? theirs : theirs & ~mine, s_chance (8));
    for (uint32_t rounds = s_draw (3); rounds > 0; rounds--)
        s_trouble (theirs, mine);
    s_recover_all (s_side (theirs, mine));
    s_deliver (1, mine, s_chance (4));
    s_deliver (1, s_all (), false);
}

static void
s_walk (uint64_t seed)
{
    s_setup (seed);
    if (s_have_old_lives () && s_confirms && s_chance (8)) {
        TELL ("seed %llu: %u nodes\n", (unsigned long long) seed, s_n);
        s_walk_up ();
        return;
    }
    uint64_t won = s_sum.won;
    uint64_t recovered = s_sum.recovered;
    uint32_t theirs = s_some (s_all (), s_w);
    //  The sides share as few nodes as they can.
    uint32_t mine = s_all () & ~theirs;
    mine |= s_some (theirs, s_w - (unsigned) __builtin_popcount (mine));
    TELL ("seed %llu: %u nodes, sides %02x and %02x\n",
          (unsigned long long) seed, s_n, theirs, mine);

    if (s_have_old_lives () && s_chance (8)) {
        if (s_chance (2))
            s_walk_restore (theirs, mine);
        else
            s_walk_force (theirs, mine);
        return;
    }
    if (s_have_old_lives () && s_chance (3)) {
        if (s_chance (2))
            s_walk_starts (theirs, mine);
        else
            s_walk_birth (theirs, mine);
        return;
    }
    s_walk_lives (theirs, mine);
    if (s_sum.won >= won + 2 && s_sum.recovered > recovered)
        s_sum.twice++;
}

//  The command line.

static int
s_usage (void)
{
    fprintf (stderr, "usage: zseq-walks [--walks COUNT] [--seed SEED] "
                     "[--jobs COUNT] [--nodes N] [--broken NAME] "
                     "[--trace]\nNAME:");
    for (int broken = 1; broken < BROKEN_MAX; broken++)
        fprintf (stderr, " %s", s_broken_name[broken]);
    fprintf (stderr, "\n");
    return 2;
}

static void
s_tell_sum (uint64_t walks)
{
    double share = 100.0 / (double) walks;
    printf (
      "job: %llu disks lost, %llu restarts, %llu old copies put back, "
      "%llu recoveries; %llu copies elsewhere, %llu starts, %llu births; %llu "
      "acceptances of old lives; %llu recoveries by force; %llu claims won, "
      "in %.0f %% of walks two or more and a recovery\n",
      (unsigned long long) s_sum.lost, (unsigned long long) s_sum.restarted,
      (unsigned long long) s_sum.put_back, (unsigned long long) s_sum.recovered,
      (unsigned long long) s_sum.elsewhere, (unsigned long long) s_sum.started,
      (unsigned long long) s_sum.born, (unsigned long long) s_sum.old,
      (unsigned long long) s_sum.forced, (unsigned long long) s_sum.won,
      share * (double) s_sum.twice);
}

//  Every jobs-th walk, from the one of that index on.
static int
s_run (uint64_t seed, uint64_t walks, uint64_t index, uint64_t jobs)
{
    for (; index < walks; index += jobs) {
        s_walk (seed + index);
        if (!s_wrong)
            continue;
        printf ("walk %llu, seed %llu, %u nodes: %s\n",
                (unsigned long long) index + 1,
                (unsigned long long) (seed + index), s_n, s_wrong);
        return 1;
    }
    s_tell_sum (walks / jobs + 1);
    return 0;
}

int
main (int argc, char *argv[])
{
    uint64_t walks = 1000000;
    uint64_t jobs = 1;
    uint64_t seed = 1;
    for (int arg = 1; arg < argc; arg++) {
        const char *name = argv[arg];
        const char *value = arg + 1 < argc ? argv[arg + 1] : NULL;
        if (!strcmp (name, "--trace")) {
            s_trace = true;
            continue;
        }
        if (!value)
            return s_usage ();
        arg++;
        if (!strcmp (name, "--walks"))
            walks = strtoull (value, NULL, 0);
        else if (!strcmp (name, "--seed"))
            seed = strtoull (value, NULL, 0);
        else if (!strcmp (name, "--jobs"))
            jobs = strtoull (value, NULL, 0);
        else if (!strcmp (name, "--nodes"))
            s_nodes = (uint8_t) strtoul (value, NULL, 0);
        else if (!strcmp (name, "--broken")) {
            for (int broken = 0; broken < BROKEN_MAX; broken++)
                if (!strcmp (value, s_broken_name[broken]))
                    s_broken = (s_broken_t) broken;
            if (s_broken == NOTHING)
                return s_usage ();
        }
        else
            return s_usage ();
    }
    if (jobs < 1 || jobs > 64 || s_nodes == 1 || s_nodes > NODES_MAX)
        return s_usage ();

    printf ("%llu walks from seed %llu\n", (unsigned long long) walks,
            (unsigned long long) seed);
    fflush (stdout);
    for (uint64_t job = 1; job < jobs; job++) {
        pid_t pid = fork ();
        if (pid < 0) {
            perror ("fork");
            return 2;
        }
        if (pid == 0)
            return s_run (seed, walks, job, jobs);
    }
    int rc = s_run (seed, walks, 0, jobs);
    fflush (stdout);
    int status;
    while (wait (&status) > 0)
        if (!WIFEXITED (status) || WEXITSTATUS (status) != 0)
            rc = 1;
    return rc;
}
