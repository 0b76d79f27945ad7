/*  The protocol of zseq, for spin: claims, lost disks and recoveries.
 *  Source: lib/doc/design.md, sections 3 to 7. README.md says what is left out,
 *  and why that hides no fault. run.sh runs the model; the macros at the top
 *  set its size, and others break a rule (README.md lists them).
 *
 *  There is one sequence. A message is one step of the instance that answers
 *  it: any instance of a node may be asked at any time, and a lost message is
 *  a step that is not taken. All replies to a claim are kept. The claim is won
 *  as soon as any set of them would win it, if only these had arrived.
 */

#ifndef N
#define N 3         /*  Nodes  */
#endif
#ifndef LOSERS
#define LOSERS 1    /*  Nodes 0 to LOSERS - 1 may lose their disks, once  */
#endif
#ifndef CLIENTS
#define CLIENTS 2   /*  Each has one claim at a time  */
#endif
#ifndef CLAIMS
#define CLAIMS 2    /*  ... of each client, won or given up; with retries */
#endif
#ifndef BATCH
#define BATCH 2     /*  IDs in a claim of client 0; one less for client 1 */
#endif
#define COUNT(c) (BATCH - (c) % BATCH)
#ifndef FIRST_MAX
#define FIRST_MAX 6 /*  The highest first of a claim  */
#endif
#ifndef RESTARTS
#define RESTARTS 1  /*  ... of any node, while one recovers  */
#endif

/*  Without SLOW_DISK, what a node accepts is on its disk at once.  */
#ifdef SLOW_DISK
#define AT_ONCE(step)
#else
#define AT_ONCE(step) step;
#endif

#define MAJORITY (N / 2 + 1)

/*  Rules that can be broken.  */

#ifdef HALF_W
#define W (N / 2)
#else
#define W MAJORITY
#endif

#ifdef HALF_R
#define R (N / 2)
#else
#define R MAJORITY
#endif

#ifdef ACCEPT_HIGHER
#define ACCEPTS(i, c) (until[c] > next[i])
#else
#define ACCEPTS(i, c) (first[c] >= next[i])         /*  S1  */
#endif

/*  Whether old replies to a recovery are ignored. With one number for the
 *  cluster, all replies that only report it count.
 */
#ifdef RECOVERY_UNCHECKED
#define CHECKED(x) false
#elif defined(ONE_EPOCH)
#define CHECKED(x) (phase[x] == COPYING)
#else
#define CHECKED(x) true                             /*  S4  */
#endif

#ifdef COPY_DISK
#define TOLD(i) disk_next[i]
#else
#define TOLD(i) next[i]
#endif

/*  How many peers must confirm the incarnation of a node that starts.  */
#ifdef VOTES_UNCONFIRMED
#define CONFIRMS 0
#else
#define CONFIRMS (N - MAJORITY)
#endif

#ifdef VOTES_EARLY
#define VOTES(i) (phase[i] == VOTING || phase[i] == COPYING)
#else
#define VOTES(i) (phase[i] == VOTING)               /*  S5  */
#endif

#ifdef FENCE_EARLY
#define FENCED(q, x) (KNOWN (q, x) == OWN (x))
#else
#define FENCED(q, x) (KNOWN (q, x) == OWN (x) && DISK_KNOWN (q, x) == OWN (x))
#endif

/*  An instance is a process with its disk. 0 to N - 1 are the nodes. N + x is
 *  the old incarnation of node x, which still answers after node x has begun
 *  again on an empty disk.
 */
#define INSTANCES (N + LOSERS)
#define NODE(i) ((i) < N -> (i) : (i) - N)

/*  A vector has an entry for each node that may lose its disk: the counter of
 *  an incarnation, 1 at first, or 0 if none is known. With one number for the
 *  cluster all nodes share an entry.
 */
#define COUNTER_MAX 3
#ifdef ONE_EPOCH
#define ENTRIES 1
#define HAS_ENTRY(i) true
#define ENTRY(i) 0
#else
#define ENTRIES LOSERS
#define HAS_ENTRY(i) (NODE (i) < LOSERS)
#define ENTRY(i) (HAS_ENTRY (i) -> NODE (i) : 0)
#endif
#if ENTRIES > 2
#error "NEWER, an acceptance and s_judge know two entries"
#endif

#define VECTOR(i, k) vector[(i) * ENTRIES + (k)]
#define DISK_VECTOR(i, k) disk_vector[(i) * ENTRIES + (k)]
#define KNOWN(i, of) (HAS_ENTRY (of) -> VECTOR (i, ENTRY (of)) : 1)
#define DISK_KNOWN(i, of) (HAS_ENTRY (of) -> DISK_VECTOR (i, ENTRY (of)) : 1)
#define OWN(i) KNOWN (i, i)
/*  Whether q has an incarnation on its disk that i does not know.  */
#define NEWER(i, q)                                                            \
    (VECTOR (i, 0) < DISK_VECTOR (q, 0) ||                                     \
     VECTOR (i, ENTRIES - 1) < DISK_VECTOR (q, ENTRIES - 1))
#define UNWRITTEN(i)                                                           \
    (VECTOR (i, 0) != DISK_VECTOR (i, 0) ||                                    \
     VECTOR (i, ENTRIES - 1) != DISK_VECTOR (i, ENTRIES - 1))

#define NOBODY 0    /*  An old incarnation that is unused yet, or over */
#define VOTING 1
#define ASKING 2    /*  ... voting peers which incarnations they know  */
#define COPYING 3   /*  ... from peers where its incarnation is in force */
#define STARTING 4  /*  ... with a vote on its disk: asks if it is valid */

byte phase[INSTANCES];
byte next[INSTANCES];                       /*  In memory  */
byte disk_next[INSTANCES];
byte vector[INSTANCES * ENTRIES];           /*  In memory  */
byte disk_vector[INSTANCES * ENTRIES];
bit disk_votes[N];                          /*  The record says that it votes */
byte source[INSTANCES * N];                 /*  The incarnation in which a
                                                peer has answered a recovery
                                                or a start; or 0  */
bit lost[LOSERS];
#ifdef OLD_COPY
bit put_back[LOSERS];
#endif
byte restarts;

/*  A client's claim of [first, until): 0 if it has none, or has won it.  */
byte begun[CLIENTS];                        /*  Claims so far  */
byte first[CLIENTS];
byte until[CLIENTS];
bit below[CLIENTS];                         /*  A claim was won before it
                                                began, and ends above first */
byte vote[CLIENTS * INSTANCES];             /*  An acceptance; or 0  */
byte handed_out;                            /*  IDs, a bit each, that another
                                                claim could still win  */
byte top;                                   /*  All IDs are below  */
byte highest;                               /*  The highest next so far  */

/*  An acceptance: whether its reply has left, and the vector at that time.  */
#define WAITS 1
#define ANSWERED 2
#define STATE(v) ((v) & 3)
#define SHOWS(v, k) (((v) >> (2 + 2 * (k))) & 3)
#define INCARNATION(v, of) (HAS_ENTRY (of) -> SHOWS (v, ENTRY (of)) : 1)

#define IDS(c) ((1 << until[c]) - (1 << first[c]))

/*  Scratch.  */
hidden byte at, node, counter_0, counter_1, count, seen, other;

/*  S3, S4: the claim of c is won if W nodes have accepted it, each in some
 *  incarnation, and none of them knew a later incarnation of another.
 */
#define COUNTER(k) (k == 0 -> counter_0 : counter_1)
#ifdef CLAIM_UNCHECKED
#define COUNTS(v, i) (STATE (v) == ANSWERED)
#else
#define COUNTS(v, i)                                                           \
    (STATE (v) == ANSWERED && SHOWS (v, 0) <= counter_0 &&                     \
     (ENTRIES == 1 || SHOWS (v, 1) <= counter_1) &&                            \
     (!HAS_ENTRY (i) || INCARNATION (v, i) == COUNTER (ENTRY (i))))
#endif

inline s_end_claim (c)
{
    first[c] = 0;
    until[c] = 0;
    below[c] = 0;
    for (at : 0 .. INSTANCES - 1) {
        vote[c * INSTANCES + at] = 0
    }
}

/*  Forgets IDs that no claim in progress could win. top stands for them.  */
inline s_forget_ids ()
{
    counter_0 = top;
    for (at : 0 .. CLIENTS - 1) {
        counter_0 = (until[at] != 0 && !below[at] && first[at] < counter_0
                    -> first[at] : counter_0)
    }
    handed_out = (handed_out >> counter_0) << counter_0
}

inline s_judge (c)
{
    seen = 0;
    for (counter_0 : 1 .. COUNTER_MAX) {
        for (counter_1 : 1 .. (ENTRIES == 1 -> 1 : COUNTER_MAX)) {
            count = 0;
            for (node : 0 .. N - 1) {
                if
                :: COUNTS (vote[c * INSTANCES + node], node) -> count++
                :: else ->
                    if
                    :: node < LOSERS ->
                        if
                        :: COUNTS (vote[c * INSTANCES + N + node], node) ->
                            count++
                        :: else
                        fi
                    :: else
                    fi
                fi
            }
            seen = (count > seen -> count : seen)
        }
    }
    if
    :: seen >= W ->
        /*  P1, P2  */
        assert ((handed_out & IDS (c)) == 0);
        assert (!below[c]);
        handed_out = handed_out | IDS (c);
        top = (until[c] > top -> until[c] : top);
        s_end_claim (c);
        s_forget_ids ()
    :: else
    fi
}

/*  Steps. Each is atomic.  */

/*  c begins a claim, and gives up the one before.  */
inline s_begin_claim (c, from, size)
{
    s_end_claim (c);
    begun[c]++;
    first[c] = from;
    until[c] = from + size;
    below[c] = (from < top);
    s_forget_ids ()
}

inline s_accept (i, c)
{
    next[i] = until[c];
    highest = (until[c] > highest -> until[c] : highest);
    vote[c * INSTANCES + i] = WAITS | (VECTOR (i, 0) << 2) |
      (ENTRIES == 1 -> 0 : VECTOR (i, ENTRIES - 1) << 4)
}

/*  S8: i writes next to its disk, and replies that waited for it leave.  */
inline s_persist (i)
{
    disk_next[i] = next[i];
    for (other : 0 .. CLIENTS - 1) {
        if
        :: STATE (vote[other * INSTANCES + i]) == WAITS ->
            vote[other * INSTANCES + i] =
              vote[other * INSTANCES + i] - WAITS + ANSWERED;
            s_judge (other)
        :: else
        fi
    }
}

/*  i learns the incarnations that q knows, in memory or on its disk.  */
#define NEWEST(a, b) (a < b -> b : a)

inline s_merge (i, q)
{
    for (at : 0 .. ENTRIES - 1) {
        VECTOR (i, at) = NEWEST (VECTOR (i, at), VECTOR (q, at))
    }
}

inline s_learn (i, q)
{
    for (at : 0 .. ENTRIES - 1) {
        VECTOR (i, at) = NEWEST (VECTOR (i, at), DISK_VECTOR (q, at))
    }
}

inline s_write_vector (i)
{
    for (at : 0 .. ENTRIES - 1) {
        DISK_VECTOR (i, at) = VECTOR (i, at)
    }
}

inline s_forget_sources (x)
{
    for (at : 0 .. N - 1) {
        source[x * N + at] = 0
    }
}

/*  q, which votes, answers x, which recovers. The answer counts if q is the
 *  newest incarnation of its node that x has heard of.
 */
inline s_see (x, q)
{
    s_merge (x, q);
    if
    :: KNOWN (q, q) < KNOWN (x, q) && CHECKED (x)           /*  S4  */
    :: else -> source[x * N + NODE (q)] = KNOWN (q, q)
    fi
}

inline s_count_sources (x)
{
    count = 0;
    for (at : 0 .. N - 1) {
        if
        :: source[x * N + at] != 0 &&
           (source[x * N + at] == KNOWN (x, at) || !CHECKED (x)) -> count++
        :: else
        fi
    }
}

/*  When R voting peers have answered, x takes an incarnation above all of its
 *  own that they know.
 */
inline s_begin_incarnation (x)
{
    s_count_sources (x);
    if
    :: count >= R && OWN (x) < COUNTER_MAX ->
        VECTOR (x, ENTRY (x)) = OWN (x) + 1;
        s_write_vector (x);
        s_forget_sources (x);
        phase[x] = COPYING
    :: else
    fi
}

inline s_copy (x, q)
{
    next[x] = (next[x] < TOLD (q) -> TOLD (q) : next[x]);
    s_see (x, q)
}

/*  q knows a newer incarnation of x, so x recovers from the beginning.  */
inline s_start_over (x, q)
{
    s_merge (x, q);
    s_forget_sources (x);
    phase[x] = ASKING
}

/*  Votes when x has copied from R voting peers. The vote is written last.  */
inline s_settle (x)
{
    s_count_sources (x);
    if
    :: count >= R ->
        disk_next[x] = next[x];
        s_write_vector (x);
        s_forget_sources (x);
        disk_votes[x] = 1;
        phase[x] = VOTING
    :: else
    fi
}

/*  Node x begins on an empty disk. Its old incarnation goes on as N + x.  */
inline s_lose (x)
{
    lost[x] = 1;
#ifndef FEW_STEPS
    phase[N + x] = VOTING;
#endif
    next[N + x] = next[x];
    disk_next[N + x] = disk_next[x];
    next[x] = 1;
    disk_next[x] = 1;
    for (at : 0 .. ENTRIES - 1) {
        VECTOR (N + x, at) = VECTOR (x, at);
        DISK_VECTOR (N + x, at) = DISK_VECTOR (x, at);
#ifdef VOTES_AT_ONCE
        VECTOR (x, at) = 1;
        DISK_VECTOR (x, at) = 1
#else
        VECTOR (x, at) = 0;
        DISK_VECTOR (x, at) = 0
#endif
    }
    for (at : 0 .. CLIENTS - 1) {
        vote[at * INSTANCES + N + x] = vote[at * INSTANCES + x];
        vote[at * INSTANCES + x] = 0
    }
    s_forget_sources (x);
#ifndef VOTES_AT_ONCE
    disk_votes[x] = 0;
    phase[x] = ASKING
#endif
}

#define STARTED (CONFIRMS == 0 -> VOTING : STARTING)

/*  self loses what is not on its disk.  */
inline s_go_back (self)
{
    next[self] = disk_next[self];
    for (at : 0 .. ENTRIES - 1) {
        VECTOR (self, at) = DISK_VECTOR (self, at)
    }
    for (at : 0 .. CLIENTS - 1) {
        vote[at * INSTANCES + self] =
          (STATE (vote[at * INSTANCES + self]) == WAITS
             -> 0 : vote[at * INSTANCES + self])
    }
    s_forget_sources (self)
}

/*  i restarts from its disk.  */
inline s_restart (i)
{
    restarts++;
    s_go_back (i);
#ifdef VOTES_AFTER_RESTART
    phase[i] = (disk_votes[i] || OWN (i) > 1 -> STARTED : ASKING)
#else
    phase[i] = (disk_votes[i] -> STARTED : ASKING)  /*  S5  */
#endif
}

/*  An old copy of the directory of node x, as it was when the cluster formed,
 *  is started beside the node, in place of its old incarnation. A later copy
 *  would know more, and accept less.
 */
inline s_put_back (x)
{
    put_back[x] = 1;
    disk_next[N + x] = 1;
    for (at : 0 .. ENTRIES - 1) {
        DISK_VECTOR (N + x, at) = 1
    }
    s_go_back (N + x);
    phase[N + x] = STARTED
}

/*  i, which starts, asks q which incarnations it knows. An old copy that learns
 *  of a newer incarnation would recover; here it ends.
 */
inline s_confirm (i, q)
{
    if
    :: DISK_KNOWN (q, i) > OWN (i) ->
        s_forget_sources (i);
        phase[i] = NOBODY
    :: else ->
        s_learn (i, q);
        AT_ONCE (s_write_vector (i))
        source[i * N + NODE (q)] = DISK_KNOWN (q, q);
        s_count_sources (i);
        if
        :: count >= CONFIRMS ->
            s_forget_sources (i);
            phase[i] = VOTING
        :: else
        fi
    fi
}

/*  The steps and their conditions. A claim begins at the next of some node at
 *  most, because clients go by what nodes report. A claim that is won takes no
 *  more steps: it could only raise next, which is never less safe.
 */
#define IS_OTHER(i, q) (NODE (i) != NODE (q) && phase[q] != NOBODY)

/*  With FEW_STEPS nodes learn incarnations only from nodes that recover, and
 *  old incarnations are silent. That finds a fault sooner.
 */
#ifdef FEW_STEPS
#define TEACHES(q) (phase[q] == COPYING)
#else
#define TEACHES(q) true
#endif

#ifdef ONE_EPOCH
#define SUPERSEDES(q, i) (i >= N)
#else
#define SUPERSEDES(q, i) (DISK_KNOWN (q, i) > OWN (i))
#endif

#define STEP_BEGIN(c, from)                                                    \
    :: d_step { begun[c] < CLAIMS && from <= highest && from <= FIRST_MAX &&   \
                (c < 2 || begun[c - 2] > 0) ->                                 \
                s_begin_claim (c, from, COUNT (c)); skip }
#define STEP_ACCEPT(i, c)                                                      \
    :: d_step { VOTES (i) && until[c] != 0 && ACCEPTS (i, c) &&    \
                vote[c * INSTANCES + i] == 0 ->                                \
                s_accept (i, c); AT_ONCE (s_persist (i)) skip }
#define STEP_PERSIST(i)                                                        \
    :: d_step { next[i] != disk_next[i] -> s_persist (i); skip }
#define STEP_LEARN(i, q)                                                       \
    :: d_step { IS_OTHER (i, q) && VOTES (i) && NEWER (i, q) &&                \
                DISK_KNOWN (q, q) >= KNOWN (i, q) && TEACHES (q) &&            \
                !SUPERSEDES (q, i) ->                                          \
                s_learn (i, q); AT_ONCE (s_write_vector (i)) skip }
#define STEP_WRITE(i)                                                          \
    :: d_step { VOTES (i) && UNWRITTEN (i) -> s_write_vector (i); skip }
#define STEP_ASK(x, q)                                                         \
    :: d_step { IS_OTHER (x, q) && phase[x] == ASKING && VOTES (q) &&          \
                source[x * N + NODE (q)] != KNOWN (q, q) -> s_see (x, q); skip }
#define STEP_BEGIN_INCARNATION(x)                                              \
    :: d_step { phase[x] == ASKING -> s_begin_incarnation (x); skip }
#define STEP_COPY(x, q)                                                        \
    :: d_step { IS_OTHER (x, q) && phase[x] == COPYING && VOTES (q) &&         \
                FENCED (q, x) -> s_copy (x, q); skip }
#define STEP_START_OVER(x, q)                                                  \
    :: d_step { IS_OTHER (x, q) && phase[x] == COPYING && VOTES (q) &&         \
                KNOWN (q, x) > OWN (x) -> s_start_over (x, q); skip }
#define STEP_SETTLE(x)                                                         \
    :: d_step { phase[x] == COPYING -> s_settle (x); skip }
#define STEP_CONFIRM(i, q)                                                     \
    :: d_step { IS_OTHER (i, q) && phase[i] == STARTING &&                     \
                (phase[q] == VOTING || phase[q] == STARTING) &&                \
                source[i * N + NODE (q)] != DISK_KNOWN (q, q) ->               \
                s_confirm (i, q); skip }
#define STEP_LOSE(x)                                                           \
    :: d_step { phase[x] == VOTING && !lost[x] -> s_lose (x); skip }
#define STEP_RESTART(i)                                                        \
    :: d_step { i < N && restarts < RESTARTS &&                                \
                (phase[0] != VOTING || phase[LOSERS - 1] != VOTING) &&         \
                (phase[i] != VOTING || next[i] != disk_next[i] ||              \
                 UNWRITTEN (i)) ->                                             \
                s_restart (i); skip }
#ifdef OLD_COPY
#define STEP_PUT_BACK(x)                                                       \
    :: d_step { lost[x] && disk_votes[x] && !put_back[x] ->                    \
                s_put_back (x); skip }
#else
#define STEP_PUT_BACK(x)
#endif

#if CLIENTS > 4 || FIRST_MAX > 6 || INSTANCES > 8
#error "the lists below are too short"
#endif

#define EACH_INSTANCE(STEP, i)                                                 \
    STEP (i, 0) STEP (i, 1) STEP (i, 2) EACH_3 (STEP, i) EACH_4 (STEP, i)      \
    EACH_5 (STEP, i) EACH_6 (STEP, i) EACH_7 (STEP, i)
#if INSTANCES > 3
#define EACH_3(STEP, i) STEP (i, 3)
#else
#define EACH_3(STEP, i)
#endif
#if INSTANCES > 4
#define EACH_4(STEP, i) STEP (i, 4)
#else
#define EACH_4(STEP, i)
#endif
#if INSTANCES > 5
#define EACH_5(STEP, i) STEP (i, 5)
#else
#define EACH_5(STEP, i)
#endif
#if INSTANCES > 6
#define EACH_6(STEP, i) STEP (i, 6)
#else
#define EACH_6(STEP, i)
#endif
#if INSTANCES > 7
#define EACH_7(STEP, i) STEP (i, 7)
#else
#define EACH_7(STEP, i)
#endif

proctype Client (byte c)
{
end:
    do
    STEP_BEGIN (c, 1)
    STEP_BEGIN (c, 2)
    STEP_BEGIN (c, 3)
    STEP_BEGIN (c, 4)
    STEP_BEGIN (c, 5)
    STEP_BEGIN (c, 6)
    od
}

proctype Instance (byte i)
{
end:
    do
    STEP_ACCEPT (i, 0)
#if CLIENTS > 1
    STEP_ACCEPT (i, 1)
#endif
#if CLIENTS > 2
    STEP_ACCEPT (i, 2)
#endif
#if CLIENTS > 3
    STEP_ACCEPT (i, 3)
#endif
    STEP_PERSIST (i)
    EACH_INSTANCE (STEP_LEARN, i)
    STEP_WRITE (i)
    STEP_RESTART (i)
    EACH_INSTANCE (STEP_CONFIRM, i)
    od
}

proctype Loser (byte i)
{
end:
    do
    STEP_LOSE (i)
    EACH_INSTANCE (STEP_ASK, i)
    STEP_BEGIN_INCARNATION (i)
    EACH_INSTANCE (STEP_COPY, i)
    EACH_INSTANCE (STEP_START_OVER, i)
    STEP_SETTLE (i)
    STEP_PUT_BACK (i)
    od
}

/*  CUT_SHORT and FORGOTTEN give the first steps. CUT_SHORT: node 1 has lost its
 *  disk, its recovery was cut short, and the next one has reached node 0 only.
 *  FORGOTTEN: node 1 accepted a claim before it lost its disk, and its recovery
 *  has reached node 0 only.
 */
#if defined(CUT_SHORT) || defined(FORGOTTEN)
inline s_ask_all (x)
{
    for (other : 0 .. N - 1) {
        if
        :: other != x -> s_see (x, other)
        :: else
        fi
    }
    s_begin_incarnation (x)
}

inline s_first_steps ()
{
#ifdef FORGOTTEN
    s_begin_claim (0, 1, COUNT (0));
    s_accept (1, 0);
    s_persist (1);
#endif
    s_lose (1);
    s_ask_all (1);
#ifdef CUT_SHORT
    s_restart (1);
    s_ask_all (1);
#endif
    s_learn (0, 1);
    s_write_vector (0);
    s_copy (1, 0)
}
#else
#define s_first_steps() skip
#endif

init
{
    atomic {
        top = 1;
        highest = 1;
        for (at : 0 .. INSTANCES - 1) {
            next[at] = 1;
            disk_next[at] = 1
        }
        for (at : 0 .. INSTANCES * ENTRIES - 1) {
            vector[at] = 1;
            disk_vector[at] = 1
        }
        for (at : 0 .. N - 1) {
            phase[at] = VOTING;
            disk_votes[at] = 1
        }
        s_first_steps ();
        for (at : 0 .. CLIENTS - 1) {
            run Client (at)
        }
        for (at : 0 .. INSTANCES - 1) {
            run Instance (at)
        }
        for (at : 0 .. LOSERS - 1) {
            run Loser (at)
        }
        at = 0
    }
}
