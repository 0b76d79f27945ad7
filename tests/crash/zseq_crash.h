//  A cluster of real nodes under a load of many names, for tests that harm
//  it. All that clients are given is written down in memory that they share
//  with the test, and judged name by name. What goes wrong here ends the test
//  (zseq_process_fail).

#ifndef ZSEQ_CRASH_H_INCLUDED
#define ZSEQ_CRASH_H_INCLUDED

#include "zseq_cluster.h"
#include "zseq_history.h"

#define ZSEQ_CRASH_NODES 3
#define ZSEQ_CRASH_NAMES_MAX 2048
#define ZSEQ_CRASH_SKIPPED 77  //  Exit status of a test that cannot run here

typedef struct {
    const char *zseqd;      //  NULL: the one that was built
    uint32_t processes;     //  Clients, each
    uint32_t threads;       //  ... with so many threads
    uint32_t names;         //  Names they use, 1..ZSEQ_CRASH_NAMES_MAX
    uint32_t names_open;    //  ... of which only the first so many at first
    bool unbuffered;        //  No batches
    int timeout_ms;         //  Of a call; 0 means 3000
    void (*at_end) (void);  //  Called when the nodes have ended for good, also
                            //  if the test fails; or NULL
} zseq_crash_options_t;

typedef struct zseq_crash zseq_crash_t;

//  Three nodes, formatted and not started. Prints the seed, which is that of
//  the environment's ZSEQ_TEST_SEED if there is one. ZSEQ_CRASH_ZSEQD is the
//  daemon to run instead of any other: one with a mistake, to see a test fail.
zseq_crash_t *zseq_crash_new (const zseq_crash_options_t *options);

//  Ends the nodes and nulls the pointer. The clients must have been judged.
void zseq_crash_destroy (zseq_crash_t **self_p);

zseq_cluster_t *zseq_crash_cluster (zseq_crash_t *self);

//  A random number below bound.
uint64_t zseq_crash_below (zseq_crash_t *self, uint64_t bound);

//  How often a test does what it does times times in the suite: ten times as
//  often with ZSEQ_LONG=1.
uint64_t zseq_crash_times (uint64_t times);

//  Whether the test has gone on for as long as it may; and that, or for so
//  many rounds, of which this begins another one if not.
bool zseq_crash_late (const zseq_crash_t *self);
bool zseq_crash_over (zseq_crash_t *self, uint64_t rounds);

//  The nodes.

//  Starts a node with further arguments, up to a NULL, or none if extra is
//  NULL; at random with --reserve 0 too. tracer is what runs it, up to a NULL,
//  or NULL.
void zseq_crash_spawn (zseq_crash_t *self, size_t node,
                       const char *const *tracer, const char *const *extra);

//  Starts a node on whatever its directory is now, with all that it needs to
//  recover from its peers.
void zseq_crash_recover (zseq_crash_t *self, size_t node,
                         const char *const *tracer);

//  Waits until it says text; what it said before it was started, or before
//  what was last waited for, does not count. Returns false if it ended before
//  that.
bool zseq_crash_says (zseq_crash_t *self, size_t node, const char *text);

//  It must not end before it says text, or that it votes.
void zseq_crash_must_say (zseq_crash_t *self, size_t node, const char *text);
void zseq_crash_must_vote (zseq_crash_t *self, size_t node);

//  Whether it has said text since then.
bool zseq_crash_said (zseq_crash_t *self, size_t node, const char *text);

//  Starts all nodes that do not run, and waits for their votes.
void zseq_crash_restart (zseq_crash_t *self);

//  SIGKILL to a node, or to all at once, and gone when it returns. A node that
//  has ended already is only waited for.
void zseq_crash_kill (zseq_crash_t *self, size_t node);
void zseq_crash_kill_all (zseq_crash_t *self);

//  Waits for the end of a node; returns its exit status as zseq_process_wait.
int zseq_crash_wait (zseq_crash_t *self, size_t node);

//  The same, but for at most so long. Returns -1 if it still runs.
int zseq_crash_wait_for (zseq_crash_t *self, size_t node, int timeout_ms);

//  0 if it does not run.
pid_t zseq_crash_pid (const zseq_crash_t *self, size_t node);

//  Runs a program to its end, NULL after its last argument; it must succeed.
void zseq_crash_run (zseq_crash_t *self, ...) __attribute__ ((sentinel));

//  The clients.

void zseq_crash_load (zseq_crash_t *self);

//  Lets them use so many names.
void zseq_crash_open_names (zseq_crash_t *self, uint32_t names);
uint32_t zseq_crash_names_open (const zseq_crash_t *self);

//  Waits until they have made some progress from now on, random between
//  nothing and about so many calls, failed ones included; or until some calls
//  have succeeded.
void zseq_crash_let_run (zseq_crash_t *self, uint64_t calls);
void zseq_crash_progress (zseq_crash_t *self);

//  Waits until no call is under way and lets none begin; lets them go on.
void zseq_crash_hold (zseq_crash_t *self);
void zseq_crash_release (zseq_crash_t *self);

//  A client that knows nothing yet peeks at every open name and takes an ID.
//  The nodes must be there.
void zseq_crash_ask_all (zseq_crash_t *self);

//  Ends the clients, asks all, and judges all that they were given; returns
//  whether it was right, and adds it up for zseq_crash_tell.
bool zseq_crash_judge (zseq_crash_t *self);

//  If a lot was written down: judges it and loads anew, with other names.
//  Returns false if it was not right; then there is no load.
bool zseq_crash_turn_over (zseq_crash_t *self);

//  Calls that failed because disks were full.
uint64_t zseq_crash_refused (const zseq_crash_t *self);

//  Prints what was judged.
void zseq_crash_tell (const zseq_crash_t *self);

//  Whether strace works here and may attach to a process.
bool zseq_crash_can_trace (void);

//  strace attached to a node, where it injects something into calls of that
//  name, as its option -e inject says: "fsync", "signal=KILL:when=3". It
//  works when this returns. Returns 0 if the node had ended.
pid_t zseq_crash_trace (zseq_crash_t *self, size_t node, const char *call,
                        const char *what);

//  Ends it, if it has not ended with its node, and says how often it did what
//  it was told.
size_t zseq_crash_untrace (zseq_crash_t *self, size_t node, pid_t tracer);

#endif
