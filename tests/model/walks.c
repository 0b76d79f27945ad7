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
#define INSTANCES_MAX 14
#define CLAIMS_MAX 5
#define VOTES_MAX 24
#define LIVES_MAX 16
#define ID_MAX 64

//  A life of a node is one number: a counter, random bits, and a serial number
//  that keeps any two lives apart. 0: none is known.
#define COUNTER_SHIFT 8
#define FIRST_LIFE (1 << COUNTER_SHIFT)

//  The newest known life of every node. Eight entries are one register.
typedef struct {
    int16_t life[8];
} s_vector_t;

typedef enum {
    VOTING,
    ASKING,   //  ... voting peers which lives they know
    COPYING,  //  ... from voting peers where its new life is in force
    STARTING  //  ... with a vote on its disk: asks whether its life has ended
} s_phase_t;

//  A process and its disk. A node may have several: old lives go on.
typedef struct {
    uint8_t node;
    s_phase_t phase;
    bool running;
    bool disk_votes;     //  The record on disk says that it votes
    bool superseded;     //  It has heard of a newer life once
    uint8_t next;        //  In memory
    uint8_t disk_next;   //  On disk
    s_vector_t vector;   //  In memory
    s_vector_t disk;     //  On disk
    s_vector_t sources;  //  Lives in which peers answered its recovery, or its
                         //  start; or 0
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
static int16_t s_settled[NODES_MAX];  //  The newest life of a node that voted
static uint8_t s_copied;  //  The node of which there are copies; or NODES_MAX
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
    uint64_t old;       //  Acceptances of old lives
    uint64_t put_back;  //  Old copies
    uint64_t twice;     //  Walks with two claims won, and a recovery
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
    return vector->life[s_entry (node)];
}

static int16_t
s_own (const s_instance_t *self)
{
    return s_known (&self->vector, self->node);
}

static void
s_merge (s_vector_t *self, const s_vector_t *other)
{
    for (int node = 0; node < 8; node++)
        if (self->life[node] < other->life[node])
            self->life[node] = other->life[node];
}

static bool
s_votes (const s_instance_t *self)
{
    if (s_broken == VOTES_EARLY && self->phase == COPYING)
        return self->running;
    return self->running && self->phase == VOTING;  //  S5
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
    bool accepts =
      s_broken == ACCEPT_HIGHER ? end > self->next : claim->first >= self->next;
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
    vote->vector = self->vector;
    TELL_OF (self, "accepts claim %u", index);
}

//  Lives.

//  The node's record is written. S5: what a node that recovers has heard, of a
//  newer life of its own above all, is not, before it begins its next life.
static void
s_write (s_instance_t *self)
{
    if (s_votes (self) || self->phase == STARTING)
        self->disk = self->vector;
    else if (self->running)
        self->disk_votes = false;
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
    s_merge (&self->vector, &peer->vector);
    self->sources.life[peer->node] = s_own (peer);
}

static uint8_t
s_sources (const s_instance_t *self)
{
    //  With one number for the cluster those that only tell it all count.
    bool checked = s_broken != RECOVERY_UNCHECKED &&
                   !(s_broken == ONE_EPOCH && self->phase != COPYING);
    uint8_t count = 0;
    for (uint8_t node = 0; node < s_n; node++) {
        int16_t life = self->sources.life[node];
        if (life && (!checked || life == s_known (&self->vector, node)))
            count++;
    }
    return count;
}

//  peer has told self, which starts, that it knows no newer life of it. S4: it
//  counts in its newest life that self has heard of.
static void
s_confirm (s_instance_t *self, const s_instance_t *peer)
{
    if (peer->phase == ASKING || peer->phase == COPYING)
        return;
    self->sources.life[peer->node] = s_known (&peer->disk, peer->node);
    TELL_OF (self, "is confirmed by %s", s_name (peer));
    if (s_sources (self) < s_confirms)
        return;
    self->phase = VOTING;
    TELL_OF (self, "votes, next %u", self->next);
}

//  self asks peer who it is and learns which lives it knows; and it may hear
//  that its own has ended.
static void
s_learn (s_instance_t *self, const s_instance_t *peer)
{
    bool starts = self->running && self->phase == STARTING;
    if (self->node == peer->node || !peer->running ||
        (!s_votes (self) && !starts) ||
        s_known (&peer->disk, peer->node) < s_known (&self->vector, peer->node))
        return;
    if (s_broken != ONE_EPOCH &&
        peer->disk.life[self->node] > self->vector.life[self->node]) {
        TELL_OF (self, "hears from %s that its life has ended", s_name (peer));
        s_ask_anew (self);
        if (self->superseded)
            self->running = false;
        self->superseded = true;
        return;
    }
    s_merge (&self->vector, &peer->disk);
    if (starts)
        s_confirm (self, peer);
}

static void
s_ask (s_instance_t *self, const s_instance_t *peer)
{
    if (self->node == peer->node || !self->running || self->phase != ASKING ||
        !s_votes (peer))
        return;
    s_see (self, peer);
    TELL_OF (self, "asks %s, life %s", s_name (peer),
             s_life_text (s_own (peer)));
}

static void
s_begin_life (s_instance_t *self)
{
    if (!self->running || self->phase != ASKING || s_sources (self) < s_r ||
        s_life_count == LIVES_MAX)
        return;
    int counter = (s_own (self) >> COUNTER_SHIFT) + 1;
    int tag = (int) s_draw (16) << 4 | s_life_count++;
    if (s_broken == ONE_EPOCH)
        tag = 0;
    self->vector.life[s_entry (self->node)] =
      (int16_t) (counter << COUNTER_SHIFT | tag);
    self->disk = self->vector;
    self->disk_votes = false;
    self->phase = COPYING;
    memset (&self->sources, 0, sizeof self->sources);
    TELL_OF (self, "begins this life");
}

//  FENCE and COPY: peer tells what it holds if the life of self is in force
//  there, on its disk.
static void
s_copy (s_instance_t *self, const s_instance_t *peer)
{
    if (self->node == peer->node || !self->running || self->phase != COPYING ||
        !s_votes (peer))
        return;
    int16_t life = s_own (self);
    int16_t known = s_known (&peer->vector, self->node);
    if (known > life) {
        TELL_OF (self, "hears from %s of a newer life of its own",
                 s_name (peer));
        s_merge (&self->vector, &peer->vector);
        s_ask_anew (self);
        return;
    }
    if (known != life ||
        (s_broken != FENCE_EARLY && s_known (&peer->disk, self->node) != life))
        return;
    s_see (self, peer);
    uint8_t next = s_broken == COPY_DISK ? peer->disk_next : peer->next;
    if (self->next < next)
        self->next = next;
    TELL_OF (self, "copies next %u from %s, life %s", next, s_name (peer),
             s_life_text (s_own (peer)));
}

//  S5: the vote is the last thing that is written.
static void
s_settle (s_instance_t *self)
{
    if (!self->running || self->phase != COPYING || s_sources (self) < s_r)
        return;
    s_persist (self);
    self->disk = self->vector;
    self->disk_votes = true;
    self->phase = VOTING;
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

//  It goes on with what is on its disk.
static void
s_restart (s_instance_t *self)
{
    if (s_current[self->node] != self - s_instance &&
        !s_may_be_old (self->node))
        return;
    s_drop (self);
    self->running = true;
    self->superseded = false;
    self->next = self->disk_next;
    self->vector = self->disk;
    memset (&self->sources, 0, sizeof self->sources);
    bool votes = self->disk_votes;
    if (s_broken == VOTES_AFTER_RESTART && s_own (self) > FIRST_LIFE)
        votes = true;
    self->phase = ASKING;
    if (votes)
        self->phase = s_confirms ? STARTING : VOTING;
    s_sum.restarted++;
    TELL_OF (self, "restarts%s, next %u", votes ? "" : " to recover",
             self->next);
}

static void
s_format (s_instance_t *self, uint8_t node, bool votes)
{
    memset (self, 0, sizeof *self);
    self->node = node;
    self->running = true;
    self->next = self->disk_next = 1;
    self->disk_votes = votes;
    self->phase = votes ? VOTING : ASKING;
    for (uint8_t other = 0; other < s_n && votes; other++)
        self->vector.life[other] = FIRST_LIFE;
    self->disk = self->vector;
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
    s_current[node] = s_instance_count++;
    s_format (&s_instance[s_current[node]], node, s_broken == VOTES_AT_ONCE);
    s_sum.lost++;
}

//  Somebody copies the directory of s_copied.
static void
s_keep_copy (void)
{
    const s_instance_t *self = &s_instance[s_current[s_copied]];
    if (!self->disk_votes)
        return;
    s_kept = *self;
    s_kept.vector = s_kept.disk;
    TELL_OF (self, "its directory is copied, next %u", self->disk_next);
}

//  ... and starts a node there again, when a newer life has taken its place:
//  without one nobody could know that anything was lost.
static void
s_put_back (bool goes_on)
{
    s_instance_t *now = &s_instance[s_current[s_copied]];
    if (s_instance_count == INSTANCES_MAX ||
        s_own (&s_kept) >= s_settled[s_copied])
        return;
    if (!goes_on) {
        s_drop (now);
        now->running = false;
    }
    s_current[s_copied] = s_instance_count++;
    s_instance_t *self = &s_instance[s_current[s_copied]];
    *self = s_kept;
    TELL_OF (self, "an old copy of its directory is put back");
    s_sum.put_back++;
    s_restart (self);
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

static uint32_t
s_all (void)
{
    return (1u << s_n) - 1;
}

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

//  self pursues its start or its recovery, as far as it gets with these peers;
//  or only for some steps.
static void
s_recover (s_instance_t *self, uint32_t set, bool old)
{
    if (self->phase == STARTING) {
        EACH_NODE (node, set)
        s_learn (self, s_choose ((uint8_t) node, old));
    }
    if (!self->running || self->phase == VOTING || self->phase == STARTING)
        return;
    uint32_t asked = s_chance (4) ? set : s_all ();
    s_ask_some (self, asked, old);
    if (s_chance (16))
        return;
    bool copies = !s_chance (8);
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
    uint8_t first = s_instance[s_draw (s_instance_count)].next;
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
    if (s_copied != NODES_MAX && s_chance (4))
        s_keep_copy ();
    if (s_copied != NODES_MAX && s_chance (2))
        s_bring_back (s_side (theirs, mine));
    for (uint32_t steps = s_draw (4); steps > 0; steps--)
        s_any_step ();
}

static void
s_recover_all (uint32_t set)
{
    bool old = s_chance (8);
    for (uint8_t slot = 0; slot < s_instance_count; slot++)
        s_recover (&s_instance[slot], set, old);
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
    s_confirms = (uint8_t) (s_n - (s_n / 2 + 1));
    if (s_broken == CONFIRMED_BY_FEW && s_confirms)
        s_confirms--;
    if (s_broken == VOTES_UNCONFIRMED || s_broken == ONE_EPOCH)
        s_confirms = 0;
    s_instance_count = s_n;
    for (uint8_t node = 0; node < s_n; node++) {
        s_format (&s_instance[node], node, true);
        s_current[node] = node;
    }
    memset (s_settled, 0, sizeof s_settled);
    s_copied = NODES_MAX;
    s_life_count = 0;
    s_claim_count = 0;
    s_handed_out = 0;
    s_top = 1;
    s_wrong = NULL;
}

static void
s_walk (uint64_t seed)
{
    s_setup (seed);
    uint64_t won = s_sum.won;
    uint64_t recovered = s_sum.recovered;
    uint32_t theirs = s_some (s_all (), s_w);
    //  The sides share as few nodes as they can.
    uint32_t mine = s_all () & ~theirs;
    mine |= s_some (theirs, s_w - (unsigned) __builtin_popcount (mine));
    TELL ("seed %llu: %u nodes, sides %02x and %02x\n",
          (unsigned long long) seed, s_n, theirs, mine);

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
    double share = 100.0 / (double) (walks / jobs + 1);
    printf (
      "job: %llu disks lost, %llu restarts, %llu old copies put back, "
      "%llu recoveries; %llu acceptances of old lives; %llu claims won, "
      "in %.0f %% of walks two or more and a recovery\n",
      (unsigned long long) s_sum.lost, (unsigned long long) s_sum.restarted,
      (unsigned long long) s_sum.put_back, (unsigned long long) s_sum.recovered,
      (unsigned long long) s_sum.old, (unsigned long long) s_sum.won,
      share * (double) s_sum.twice);
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
