//  A cluster of real nodes under a load of many names, and of keys (zseq_keys),
//  for tests that disturb the nodes. Client processes note all IDs that they
//  are given in memory shared with the test, and zseq_crash_judge checks them
//  name by name. A failure in these functions ends the test
//  (zseq_process_fail).
//
//  A test calls zseq_crash_new, spawns the nodes, calls zseq_crash_load to
//  start the clients, and then kills, damages and restarts nodes in rounds
//  until zseq_crash_over. zseq_crash_turn_over judges in between,
//  zseq_crash_judge at the end.

#ifndef ZSEQ_CRASH_H_INCLUDED
#define ZSEQ_CRASH_H_INCLUDED

#include "zseq_cluster.h"
#include "zseq_history.h"

#define ZSEQ_CRASH_NODES 3
#define ZSEQ_CRASH_NAMES_MAX 2048
#define ZSEQ_CRASH_SKIPPED 77  //  Exit status of a test that cannot run here

typedef struct {
    const char *zseqd;      //  The daemon to run; NULL: the one of this build
                            //  with small segments of the registers' journal
    uint32_t processes;     //  Client processes
    uint32_t threads;       //  Threads of each
    uint32_t names;         //  Names they use, 1..ZSEQ_CRASH_NAMES_MAX
    uint32_t names_open;    //  Names they use at first
    bool unbuffered;        //  Clients do not buffer IDs
    int timeout_ms;         //  Of a call; 0 means 3000
    void (*at_end) (void);  //  Called when the nodes have ended for good, even
                            //  if the test fails; or NULL
} zseq_crash_options_t;

typedef struct zseq_crash zseq_crash_t;

//  Makes three nodes, formatted and not started. Prints the seed, which is
//  ZSEQ_TEST_SEED of the environment if set. ZSEQ_CRASH_ZSEQD replaces the
//  daemon of every test: set it to a faulty one to see a test fail.
zseq_crash_t *zseq_crash_new (const zseq_crash_options_t *options);

//  Ends the nodes and nulls the pointer. Judge the clients first.
void zseq_crash_destroy (zseq_crash_t **self_p);

zseq_cluster_t *zseq_crash_cluster (zseq_crash_t *self);

//  A random number below bound.
uint64_t zseq_crash_below (zseq_crash_t *self, uint64_t bound);

//  How often a test repeats a step that it takes times times in the suite: ten
//  times as often with ZSEQ_LONG=1.
uint64_t zseq_crash_times (uint64_t times);

//  _late: whether the test's time is up. _over: the same, or it has done that
//  many rounds; if not, begins another round.
bool zseq_crash_late (const zseq_crash_t *self);
bool zseq_crash_over (zseq_crash_t *self, uint64_t rounds);

//  The nodes.

//  Starts a node, with the extra arguments up to a NULL, or none if extra is
//  NULL; at random also with --reserve 0. tracer is a command that runs the
//  node, up to a NULL, or NULL.
void zseq_crash_spawn (zseq_crash_t *self, size_t node,
                       const char *const *tracer, const char *const *extra);

//  Starts a node on its directory as it is, with the options that it needs to
//  recover from its peers.
void zseq_crash_recover (zseq_crash_t *self, size_t node,
                         const char *const *tracer);

//  Waits until the node logs text. Text before the start, or before the last
//  text that was waited for, does not count. Returns false if the node ends
//  first.
bool zseq_crash_says (zseq_crash_t *self, size_t node, const char *text);

//  The same, but the node must not end before it logs text, or that it votes.
void zseq_crash_must_say (zseq_crash_t *self, size_t node, const char *text);
void zseq_crash_must_vote (zseq_crash_t *self, size_t node);

//  Whether the node has logged text since then.
bool zseq_crash_said (zseq_crash_t *self, size_t node, const char *text);

//  Starts all nodes that are not running and waits until they vote.
void zseq_crash_restart (zseq_crash_t *self);

//  Kills a node, or all at once, with SIGKILL and waits for the end. For a node
//  that has ended already, only waits.
void zseq_crash_kill (zseq_crash_t *self, size_t node);
void zseq_crash_kill_all (zseq_crash_t *self);

//  Waits for a node to end; returns its exit status as zseq_process_wait does.
int zseq_crash_wait (zseq_crash_t *self, size_t node);

//  The same, for at most timeout_ms. Returns -1 if the node still runs.
int zseq_crash_wait_for (zseq_crash_t *self, size_t node, int timeout_ms);

//  The node's process; 0 if it is not running.
pid_t zseq_crash_pid (const zseq_crash_t *self, size_t node);

//  Runs a program to its end, NULL after its last argument; it must succeed.
void zseq_crash_run (zseq_crash_t *self, ...) __attribute__ ((sentinel));

//  The clients.

void zseq_crash_load (zseq_crash_t *self);

//  Lets the clients use that many names.
void zseq_crash_open_names (zseq_crash_t *self, uint32_t names);
uint32_t zseq_crash_names_open (const zseq_crash_t *self);

//  _let_run waits for a random part of about that many calls for IDs, failed
//  ones included. _progress waits until some calls, and some for keys, have
//  succeeded.
void zseq_crash_let_run (zseq_crash_t *self, uint64_t calls);
void zseq_crash_progress (zseq_crash_t *self);

//  _hold waits until no call is under way and blocks new ones; _release
//  unblocks them.
void zseq_crash_hold (zseq_crash_t *self);
void zseq_crash_release (zseq_crash_t *self);

//  A new client peeks at every open name and takes an ID, and gets every key.
//  The nodes must be running.
void zseq_crash_ask_all (zseq_crash_t *self);

//  Ends the clients, asks for all names and keys, and judges all that was
//  answered. Returns whether it was correct, and adds it up for
//  zseq_crash_report.
bool zseq_crash_judge (zseq_crash_t *self);

//  If many IDs were noted: judges all and starts a new load with other names.
//  Returns false, without a load, if they were wrong.
bool zseq_crash_turn_over (zseq_crash_t *self);

//  The number of calls for IDs that failed because disks were full.
uint64_t zseq_crash_refused (const zseq_crash_t *self);

//  Prints a summary of what was judged.
void zseq_crash_report (const zseq_crash_t *self);

//  Whether strace works here and may attach to a process.
bool zseq_crash_can_trace (void);

//  Attaches strace to a node to inject a fault into calls of that name, as its
//  option -e inject takes it: "fsync", "signal=KILL:when=3". The injection is
//  active on return. Returns 0 if the node had ended.
pid_t zseq_crash_trace (zseq_crash_t *self, size_t node, const char *call,
                        const char *what);

//  Ends strace, unless it ended with its node, and returns how often it
//  injected the fault.
size_t zseq_crash_untrace (zseq_crash_t *self, size_t node, pid_t tracer);

#endif
