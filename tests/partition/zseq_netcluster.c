//  Nodes and clients, each in a network namespace of its own. A node is a zseqd
//  process that is started, stopped, paused, and given back its directory,
//  none, or an old one. A client is a process of zseq_load that writes its
//  history. What each node must do by now follows from which nodes reach which;
//  waits end when the nodes have done that, and fail after a limit. At the end
//  the histories are checked together.

#include "zseq_netcluster.h"
#include "zseq_history.h"
#include "zseq_load.h"
#include "zseq_process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define S_PORT 19001
#define S_CLUSTER "field"
#define S_PATH_MAX 64
#define S_TEXT_MAX 1024
#define S_TIMEOUT_MS 250        //  Of a call
#define S_MIXED_TIMEOUT_MS 350  //  ... of one that does all kinds of calls
#define S_PATIENT_MS 60000
#define S_PEEKS 5  //  One call in so many is a peek
#define S_KEYS 24
#define S_KEY_THREADS 3
#define S_VALUE_MAX 512
#define S_KEY_TIMEOUT_MS 1000
#define S_KEY_SUCCESSES 3    //  Reads, and writes, to call it progress
#define S_GAP_MS_MAX 15000   //  Without any
#define S_SUCCESSES 20       //  Calls that succeed, to call it progress
#define S_FAILURES 2         //  ... that fail, the first may have begun before
#define S_DEADLINE_MS 90000  //  How long anything of that may take
#define S_STEP_MS 5
#define S_PRINT_MS 1000  //  Waits that are printed
#define S_LOG_TAIL 1500  //  Bytes of a client's log to print
#define S_FAKETIME "LD_PRELOAD=/usr/$LIB/faketime/libfaketime.so.1"

typedef struct {
    char name[2];
    char directory[S_PATH_MAX];
    char old[S_PATH_MAX];  //  The directory that it lost last
    char log[S_PATH_MAX];
    char clock[S_PATH_MAX];  //  The file that sets its wall clock
    pid_t pid;
    off_t spoken;  //  Size of the log when it was started
    bool votes;
    bool paused;
} s_node_t;

typedef struct {
    zseq_load_t load;
    char history[S_PATH_MAX];
    char log[S_PATH_MAX];
    size_t host;
    pid_t pid;
    bool paused;
    bool able;            //  When the watch began, it reached a majority
    bool keyless;         //  It reached no node that reaches a majority
    bool cut_off;         //  ... nor one from which such a node is reached:
                          //  coordinators pass requests on
    bool helpless;        //  It was cut off, and reached no majority itself
    uint64_t operations;  //  What it had then
    uint64_t failures;
    zseq_keys_progress_t keys;
} s_client_t;

//  When a client was helpless.
typedef struct {
    uint32_t client;
    uint64_t start_ns;
    uint64_t end_ns;
} s_window_t;

struct zseq_netcluster {
    size_t n;
    uint64_t random;
    bool clocks;
    zseq_netns_t *netns;
    char members[S_TEXT_MAX];
    char uri[S_TEXT_MAX];
    s_node_t node[ZSEQ_NODES_MAX];
    s_client_t client[ZSEQ_NETCLUSTER_CLIENTS];
    zseq_keys_t *keys;
    bool slow[ZSEQ_NETNS_HOSTS_MAX];
    uint64_t watch_ns;  //  When it began; 0: nothing is watched
    s_window_t *window;
    size_t windows;
    size_t windows_max;
};

//  What all clusters have seen.
static struct {
    uint64_t operations;
    uint64_t ids;
    uint64_t failures;
    uint64_t windows;
    uint64_t duplicates;
    uint64_t violations;
    uint64_t hold_ms;      //  The longest wait for progress during a fault
    uint64_t progress_ms;  //  ... and after one
    uint64_t gap_ms;       //  The longest time without keys during a fault
    zseq_keys_counts_t keys;
    uint64_t key_violations;
} s_seen;

static const char *const s_name[2] = {"one for all", "one for the mixed"};

//  The one that incarnations in this process, whose logs are printed if it
//  fails.
static zseq_netcluster_t *s_living;
static pid_t s_owner;

//  Prints the last bytes of a file, if it has any.
static void
s_print (const char *what, const char *path, off_t size)
{
    off_t whole = zseq_process_size (path);
    if (whole == 0)
        return;
    char *text = zseq_process_read (path, whole > size ? whole - size : 0);
    fprintf (stderr, "--- %s ---\n%s\n", what, text);
    free (text);
}

//  Prints all logs, when the process that made the cluster fails.
static void
s_end (void)
{
    if (!s_living || s_owner != getpid ())
        return;
    for (size_t index = 0; index < s_living->n; index++)
        s_print (s_living->node[index].log, s_living->node[index].log, 1 << 16);
    for (size_t index = 0; index < ZSEQ_NETCLUSTER_CLIENTS; index++)
        s_print (s_living->client[index].log, s_living->client[index].log,
                 S_LOG_TAIL);
}

//  A number, from the seed.
static uint64_t
s_random (zseq_netcluster_t *self)
{
    uint64_t z = self->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t
zseq_netcluster_below (zseq_netcluster_t *self, uint64_t bound)
{
    assert (self);
    assert (bound > 0);
    return s_random (self) % bound;
}

size_t
zseq_netcluster_nodes (const zseq_netcluster_t *self)
{
    assert (self);
    return self->n;
}

zseq_netns_t *
zseq_netcluster_netns (zseq_netcluster_t *self)
{
    assert (self);
    return self->netns;
}

void
zseq_netcluster_last (uint64_t ms)
{
    struct timespec time = {.tv_sec = (time_t) (ms / 1000),
                            .tv_nsec = (long) (ms % 1000) * 1000000};
    while (nanosleep (&time, &time) == -1)
        ;
}

static uint64_t
s_since_ms (uint64_t start_ns)
{
    return (zseq_history_now_ns () - start_ns) / 1000000;
}

static s_node_t *
s_node (zseq_netcluster_t *self, size_t node)
{
    assert (self);
    assert (node < self->n);
    return &self->node[node];
}

//  The daemon to run.
static const char *
s_zseqd (void)
{
    const char *zseqd = getenv ("ZSEQ_CRASH_ZSEQD");
    return zseqd ? zseqd : ZSEQD;
}

//  Clocks. libfaketime would set CLOCK_MONOTONIC too, which no administrator
//  can, and which zseq relies on.

bool
zseq_netcluster_has_clocks (void)
{
    static const char script[] =
      "set -e\n"
      "then=$(env '" S_FAKETIME "' FAKETIME=+5000d date +%s)\n"
      "test $then -gt $(($(date +%s) + 400000000))\n"
      "env '" S_FAKETIME "' $0 --version\n";
    const char *argv[] = {"sh", "-c", script, s_zseqd (), NULL};
    bool can = zseq_process_wait (zseq_process_exec (argv, "/dev/null")) == 0;
    if (!can)
        printf ("skipped: libfaketime is not there, or not for this zseqd\n");
    return can;
}

void
zseq_netcluster_set_clock (zseq_netcluster_t *self, size_t index,
                           int64_t offset_s)
{
    const s_node_t *node = s_node (self, index);
    assert (self->clocks);
    char path[S_PATH_MAX + 4];
    snprintf (path, sizeof path, "%s.new", node->clock);
    FILE *file = fopen (path, "we");
    if (!file || fprintf (file, "%+ld\n", offset_s) < 0 || fclose (file) ||
        rename (path, node->clock) == -1)
        zseq_process_fail ("%s: %s", path, strerror (errno));
}

//  Nodes.

//  Whether a process has ended; it is not reaped.
static bool
s_ended (pid_t pid)
{
    siginfo_t info = {0};
    return waitid (P_PID, (id_t) pid, &info, WEXITED | WNOHANG | WNOWAIT) ==
             -1 ||
           info.si_pid != 0;
}

//  Starts the process of a node, on its host and with its clock.
static void
s_spawn (zseq_netcluster_t *self, size_t index)
{
    s_node_t *node = s_node (self, index);
    char clock[S_PATH_MAX + 32];
    snprintf (clock, sizeof clock, "FAKETIME_TIMESTAMP_FILE=%s", node->clock);
    const char *const argv[] = {"env",
                                S_FAKETIME,
                                clock,
                                "FAKETIME_NO_CACHE=1",
                                "FAKETIME_DONT_FAKE_MONOTONIC=1",
                                s_zseqd (),
                                "start",
                                "--data",
                                node->directory,
                                "--name",
                                node->name,
                                "--cluster",
                                S_CLUSTER,
                                "--members",
                                self->members,
                                "--insecure",
                                "--reserve",
                                zseq_netcluster_below (self, 3) == 0 ? "0"
                                                                     : "1",
                                NULL};
    node->spoken = zseq_process_size (node->log);
    zseq_netns_enter (self->netns, index);
    node->pid = zseq_process_exec (argv + (self->clocks ? 0 : 5), node->log);
    zseq_netns_leave (self->netns);
    node->votes = false;
    node->paused = false;
}

//  Runs a program, which must succeed.
static void
s_run (const char *const *argv, const char *log)
{
    int status = zseq_process_wait (zseq_process_exec (argv, log));
    if (status != 0)
        zseq_process_fail ("%s %s: exit status %d", argv[0], argv[1], status);
}

//  Moves a directory to where another one may be.
static void
s_replace (const char *from, const char *to, const char *log)
{
    const char *remove[] = {"rm", "-rf", to, NULL};
    s_run (remove, log);
    if (rename (from, to) == -1)
        zseq_process_fail ("%s: %s", from, strerror (errno));
}

void
zseq_netcluster_restart (zseq_netcluster_t *self, size_t index,
                         zseq_netcluster_disk_t disk)
{
    s_node_t *node = s_node (self, index);
    kill (node->pid, SIGKILL);
    zseq_process_wait (node->pid);
    if (disk == ZSEQ_NETCLUSTER_LOST)
        s_replace (node->directory, node->old, node->log);
    if (disk == ZSEQ_NETCLUSTER_OLD)
        s_replace (node->old, node->directory, node->log);
    s_spawn (self, index);
}

//  Whether it has said that it does something, since it was started.
static bool
s_says (const s_node_t *node, const char *what)
{
    char said[32];
    snprintf (said, sizeof said, "node %s %s", node->name, what);
    char *text = zseq_process_read (node->log, node->spoken);
    bool found = strstr (text, said) != NULL;
    free (text);
    return found;
}

//  Whether a node has logged that it votes.
static bool
s_voted (const s_node_t *node)
{
    return s_says (node, "votes (");
}

void
zseq_netcluster_must_vote (zseq_netcluster_t *self, size_t index)
{
    s_node_t *node = s_node (self, index);
    uint64_t start_ns = zseq_history_now_ns ();
    while (!s_voted (node)) {
        if (s_ended (node->pid))
            zseq_process_fail ("node %s ended and did not vote", node->name);
        if (s_since_ms (start_ns) > S_DEADLINE_MS)
            zseq_process_fail ("node %s does not vote", node->name);
        zseq_netcluster_last (S_STEP_MS);
    }
    node->votes = true;
}

void
zseq_netcluster_must_recover (zseq_netcluster_t *self, size_t index)
{
    zseq_netcluster_must_vote (self, index);
    if (!s_says (&self->node[index], "recovers: "))
        zseq_process_fail ("node %s votes in an incarnation that has ended",
                           self->node[index].name);
}

void
zseq_netcluster_may_not_vote (zseq_netcluster_t *self, size_t index)
{
    const s_node_t *node = s_node (self, index);
    if (!node->votes && s_voted (node))
        zseq_process_fail ("node %s votes and has asked too few peers",
                           node->name);
}

//  How many nodes a host reaches that vote now.
static size_t
s_voters (const zseq_netcluster_t *self, size_t host)
{
    size_t voters = 0;
    for (size_t index = 0; index < self->n; index++) {
        const s_node_t *node = &self->node[index];
        if (index != host && node->votes && !node->paused &&
            zseq_netns_connected (self->netns, host, index))
            voters++;
    }
    return voters;
}

//  Whether a client on that host reaches a majority that votes.
static bool
s_able (const zseq_netcluster_t *self, size_t host)
{
    return s_voters (self, host) >= self->n / 2 + 1;
}

//  Whether no node that a host reaches reaches a majority.
static bool
s_keyless (const zseq_netcluster_t *self, size_t host)
{
    for (size_t index = 0; index < self->n; index++) {
        const s_node_t *node = &self->node[index];
        if (node->votes && !node->paused &&
            zseq_netns_connected (self->netns, host, index) &&
            s_voters (self, index) + 1 >= self->n / 2 + 1)
            return false;
    }
    return true;
}

//  Adds the nodes that a host reaches and that can answer.
static void
s_add_reached (const zseq_netcluster_t *self, size_t host,
               bool reached[ZSEQ_NODES_MAX])
{
    for (size_t index = 0; index < self->n; index++) {
        const s_node_t *node = &self->node[index];
        if (index != host && node->votes && !node->paused &&
            zseq_netns_connected (self->netns, host, index))
            reached[index] = true;
    }
}

//  Whether no chain of nodes leads from a host to one that reaches a majority.
static bool
s_cut_off (const zseq_netcluster_t *self, size_t host)
{
    bool reached[ZSEQ_NODES_MAX] = {false};
    s_add_reached (self, host, reached);
    for (size_t step = 0; step < self->n; step++)
        for (size_t index = 0; index < self->n; index++)
            if (reached[index])
                s_add_reached (self, index, reached);
    for (size_t index = 0; index < self->n; index++)
        if (reached[index] && s_voters (self, index) + 1 >= self->n / 2 + 1)
            return false;
    return true;
}

bool
zseq_netcluster_can_vote (const zseq_netcluster_t *self, size_t index,
                          zseq_netcluster_disk_t disk)
{
    assert (self);
    assert (index < self->n);
    size_t majority = self->n / 2 + 1;
    return s_voters (self, index) >=
           (disk == ZSEQ_NETCLUSTER_KEPT ? self->n - majority : majority);
}

//  Stops a process, and waits until it has stopped.
static void
s_stop (pid_t pid)
{
    siginfo_t info;
    if (kill (pid, SIGSTOP) == -1 ||
        waitid (P_PID, (id_t) pid, &info, WSTOPPED | WEXITED | WNOWAIT) == -1)
        zseq_process_fail ("SIGSTOP: %s", strerror (errno));
}

static void
s_continue (pid_t pid)
{
    if (kill (pid, SIGCONT) == -1)
        zseq_process_fail ("SIGCONT: %s", strerror (errno));
}

void
zseq_netcluster_pause (zseq_netcluster_t *self, size_t index, bool pause)
{
    s_node_t *node = s_node (self, index);
    (pause ? s_stop : s_continue) (node->pid);
    node->paused = pause;
}

void
zseq_netcluster_pause_client (zseq_netcluster_t *self, size_t index, bool pause)
{
    assert (self);
    assert (index < ZSEQ_NETCLUSTER_CLIENTS);
    (pause ? s_stop : s_continue) (self->client[index].pid);
    self->client[index].paused = pause;
}

//  No process may end by itself.
static void
s_check_alive (zseq_netcluster_t *self)
{
    for (size_t index = 0; index < self->n; index++) {
        const s_node_t *node = &self->node[index];
        if (s_ended (node->pid))
            zseq_process_fail ("node %s has ended", node->name);
    }
    for (size_t index = 0; index < ZSEQ_NETCLUSTER_CLIENTS; index++)
        if (s_ended (self->client[index].pid))
            zseq_process_fail ("client %zu has ended", index);
}

//  Clients.

//  Its own process, whose errors are expected and belong to a file.
static int
s_client_run (void *arg)
{
    s_client_t *self = arg;
    int log = open (self->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log == -1 || dup2 (log, STDERR_FILENO) == -1)
        return 1;
    return zseq_load_run (&self->load);
}

static void
s_start_keys (zseq_netcluster_t *self)
{
    zseq_keys_options_t options = {.name = "key",
                                   .clients = ZSEQ_NETCLUSTER_CLIENTS,
                                   .threads = S_KEY_THREADS,
                                   .keys = S_KEYS,
                                   .value_max = S_VALUE_MAX,
                                   .timeout_ms = S_KEY_TIMEOUT_MS,
                                   .steady = true,
                                   .seed = s_random (self)};
    self->keys = zseq_keys_new (&options);
}

//  Starts a client. Those with an odd index make all kinds of calls.
static void
s_start_client (zseq_netcluster_t *self, size_t index)
{
    s_client_t *client = &self->client[index];
    const char *path = zseq_netns_path (self->netns);
    snprintf (client->history, S_PATH_MAX, "%s/%zu.history", path, index);
    snprintf (client->log, S_PATH_MAX, "%s/%zu.log", path, index);
    bool mixed = index % 2 == 1;
    client->host = self->n + index / 2;
    client->load =
      (zseq_load_t){.uri = self->uri,
                    .name = s_name[mixed],
                    .history = client->history,
                    .client = (uint32_t) index,
                    .batch = mixed ? 0 : 1,
                    .peeks = S_PEEKS,
                    .seed = s_random (self),
                    .timeout_ms = mixed ? S_MIXED_TIMEOUT_MS : S_TIMEOUT_MS,
                    .tolerant = true,
                    .shared = zseq_load_shared_new (),
                    .keys = self->keys,
                    .keys_index = (uint32_t) index};
    zseq_netns_enter (self->netns, client->host);
    client->pid = zseq_process_fork (s_client_run, client);
    zseq_netns_leave (self->netns);
}

void
zseq_netcluster_set_slow (zseq_netcluster_t *self, size_t host, bool slow)
{
    assert (self);
    assert (host < self->n + ZSEQ_NETCLUSTER_STANDS);
    self->slow[host] = slow;
}

//  How many operations of a client have succeeded.
static uint64_t
s_operations (const s_client_t *client)
{
    return atomic_load (&client->load.shared->operations);
}

//  How many operations of a client have failed.
static uint64_t
s_failures (const s_client_t *client)
{
    return atomic_load (&client->load.shared->failures);
}

//  What a client has done with keys.
static zseq_keys_progress_t
s_keys (const zseq_netcluster_t *self, const s_client_t *client)
{
    return self->keys ? zseq_keys_progress (self->keys, client->load.keys_index)
                      : (zseq_keys_progress_t){0};
}

//  Remembers what every client has.
static void
s_note (zseq_netcluster_t *self)
{
    for (size_t index = 0; index < ZSEQ_NETCLUSTER_CLIENTS; index++) {
        s_client_t *client = &self->client[index];
        client->able = s_able (self, client->host);
        client->keyless = s_keyless (self, client->host);
        client->cut_off = s_cut_off (self, client->host);
        client->helpless = !client->able && client->cut_off;
        client->keys = s_keys (self, client);
        client->operations = s_operations (client);
        client->failures = s_failures (client);
    }
}

//  Whether it has since then read and written keys, if it must.
static bool
s_has_keys (const zseq_netcluster_t *self, const s_client_t *client)
{
    if (client->keyless || self->slow[client->host])
        return true;
    zseq_keys_progress_t now = s_keys (self, client);
    return now.reads >= client->keys.reads + S_KEY_SUCCESSES &&
           now.writes >= client->keys.writes + S_KEY_SUCCESSES;
}

//  Whether it has since then got what it must.
static bool
s_served (const zseq_netcluster_t *self, const s_client_t *client)
{
    if (client->paused)
        return true;
    if (!s_has_keys (self, client))
        return false;
    bool failed = s_failures (client) >= client->failures + S_FAILURES;
    if (client->helpless)
        return failed;
    //  A coordinator may claim for it.
    if (!client->able && failed)
        return true;
    return self->slow[client->host] ||
           s_operations (client) >= client->operations + S_SUCCESSES;
}

//  Fails, as a client did not become what it must be.
static void
s_fail_waiting (const zseq_netcluster_t *self, const s_client_t *client)
{
    zseq_keys_progress_t keys = s_keys (self, client);
    zseq_process_fail (
      "client %u, %s, had %lu successes and %lu failures in %d s, and of keys, "
      "which it can%s use, %lu reads, %lu writes and %lu failures",
      client->load.client, client->able ? "able" : "unable",
      s_operations (client) - client->operations,
      s_failures (client) - client->failures, S_DEADLINE_MS / 1000,
      client->keyless ? "not" : "", keys.reads - client->keys.reads,
      keys.writes - client->keys.writes, keys.failures - client->keys.failures);
}

//  Waits until all have; returns how long that took for those who are able.
static uint64_t
s_await (zseq_netcluster_t *self)
{
    uint64_t start_ns = zseq_history_now_ns ();
    uint64_t able_ms = 0;
    const s_client_t *waiting;
    do {
        uint64_t ms = s_since_ms (start_ns);
        waiting = NULL;
        for (size_t index = 0; index < ZSEQ_NETCLUSTER_CLIENTS; index++) {
            const s_client_t *client = &self->client[index];
            if (s_served (self, client))
                continue;
            waiting = client;
            if (client->able)
                able_ms = ms;
        }
        if (waiting && ms > S_DEADLINE_MS)
            s_fail_waiting (self, waiting);
        s_check_alive (self);
        if (waiting)
            zseq_netcluster_last (S_STEP_MS);
    } while (waiting);
    if (able_ms > S_PRINT_MS)
        printf ("  it took %lu ms\n", able_ms);
    return able_ms;
}

void
zseq_netcluster_watch (zseq_netcluster_t *self)
{
    assert (self);
    assert (self->watch_ns == 0);
    s_note (self);
    self->watch_ns = zseq_history_now_ns ();
}

//  Fails if a client that was cut off could use keys. An answer for each of its
//  threads may have been on its way.
static void
s_check_keyless (const zseq_netcluster_t *self, const s_client_t *client)
{
    if (!client->cut_off)
        return;
    zseq_keys_progress_t now = s_keys (self, client);
    uint64_t answers = now.writes - client->keys.writes;
    if (client->helpless)
        answers += now.reads - client->keys.reads;
    if (answers > S_KEY_THREADS)
        zseq_process_fail (
          "client %u was cut off from all coordinators of keys, "
          "and had %lu answers",
          client->load.client, answers);
}

void
zseq_netcluster_watch_end (zseq_netcluster_t *self)
{
    assert (self);
    assert (self->watch_ns != 0);
    uint64_t now_ns = zseq_history_now_ns ();
    for (size_t index = 0; index < ZSEQ_NETCLUSTER_CLIENTS; index++) {
        s_check_keyless (self, &self->client[index]);
        if (!self->client[index].helpless)
            continue;
        if (self->windows == self->windows_max) {
            self->windows_max = 2 * self->windows_max + 64;
            self->window =
              realloc (self->window, self->windows_max * sizeof *self->window);
            assert (self->window);
        }
        self->window[self->windows++] =
          (s_window_t){(uint32_t) index, self->watch_ns, now_ns};
    }
    self->watch_ns = 0;
}

void
zseq_netcluster_hold (zseq_netcluster_t *self)
{
    assert (self);
    assert (self->watch_ns != 0);
    uint64_t ms = s_await (self);
    if (ms > s_seen.hold_ms)
        s_seen.hold_ms = ms;
}

static uint64_t
s_later (uint64_t one, uint64_t other)
{
    return one > other ? one : other;
}

//  Keeps in *longest_ms_p how long ago something last was, but not more than
//  since start_ns.
static void
s_note_gap (uint64_t *longest_ms_p, uint64_t start_ns, uint64_t last_ns)
{
    *longest_ms_p =
      s_later (*longest_ms_p, s_since_ms (s_later (start_ns, last_ns)));
}

void
zseq_netcluster_hold_keys (zseq_netcluster_t *self, uint64_t ms)
{
    assert (self);
    assert (self->watch_ns != 0);
    uint64_t start_ns = zseq_history_now_ns ();
    uint64_t read_ms = 0;
    uint64_t write_ms = 0;
    while (s_since_ms (start_ns) < ms) {
        for (size_t index = 0; index < ZSEQ_NETCLUSTER_CLIENTS; index++) {
            const s_client_t *client = &self->client[index];
            if (client->keyless || client->paused || self->slow[client->host])
                continue;
            zseq_keys_progress_t now = s_keys (self, client);
            s_note_gap (&read_ms, start_ns, now.read_ns);
            s_note_gap (&write_ms, start_ns, now.write_ns);
        }
        s_check_alive (self);
        zseq_netcluster_last (S_STEP_MS);
    }
    printf (
      "  keys: at most %lu ms without a read and %lu ms without a write\n",
      read_ms, write_ms);
    s_seen.gap_ms = s_later (s_seen.gap_ms, s_later (read_ms, write_ms));
    if (s_later (read_ms, write_ms) > S_GAP_MS_MAX)
        zseq_process_fail ("a client reached a coordinator of keys, and could "
                           "not use them");
}

void
zseq_netcluster_must_progress (zseq_netcluster_t *self)
{
    assert (self);
    assert (self->watch_ns == 0);
    for (size_t index = 0; index < self->n; index++)
        if (!self->node[index].votes)
            zseq_netcluster_must_vote (self, index);
    s_note (self);
    for (size_t index = 0; index < ZSEQ_NETCLUSTER_CLIENTS; index++)
        if (!self->client[index].able)
            zseq_process_fail ("client %zu is unable still", index);
    uint64_t ms = s_await (self);
    if (ms > s_seen.progress_ms)
        s_seen.progress_ms = ms;
}

//  The whole.

zseq_netcluster_t *
zseq_netcluster_new (size_t n, uint64_t seed, bool clocks)
{
    assert (n >= 1 && n <= ZSEQ_NODES_MAX);
    assert (!s_living);
    zseq_netcluster_t *self = calloc (1, sizeof *self);
    assert (self);
    self->n = n;
    self->random = seed;
    self->clocks = clocks;
    self->netns = zseq_netns_new (n + ZSEQ_NETCLUSTER_STANDS);
    if (s_owner != getpid ()) {
        s_owner = getpid ();
        atexit (s_end);
    }
    s_living = self;
    const char *path = zseq_netns_path (self->netns);
    for (size_t index = 0; index < n; index++) {
        s_node_t *node = &self->node[index];
        char letter = (char) ('a' + index);
        node->name[0] = letter;
        snprintf (node->directory, S_PATH_MAX, "%s/%c", path, letter);
        snprintf (node->old, S_PATH_MAX, "%s/%c.old", path, letter);
        snprintf (node->log, S_PATH_MAX, "%s/%c.log", path, letter);
        snprintf (node->clock, S_PATH_MAX, "%s/%c.clock", path, letter);
        size_t size = strlen (self->uri);
        snprintf (self->uri + size, S_TEXT_MAX - size, "%stcp://%s:%d",
                  index > 0 ? "," : "", zseq_netns_address (self->netns, index),
                  S_PORT);
        size = strlen (self->members);
        snprintf (self->members + size, S_TEXT_MAX - size, "%s%s=tcp://%s:%d",
                  index > 0 ? "," : "", node->name,
                  zseq_netns_address (self->netns, index), S_PORT);
    }
    for (size_t index = 0; index < n; index++) {
        s_node_t *node = &self->node[index];
        const char *format[] = {s_zseqd (),      "format",  "--data",
                                node->directory, "--name",  node->name,
                                "--cluster",     S_CLUSTER, "--members",
                                self->members,   NULL};
        s_run (format, node->log);
        if (clocks)
            zseq_netcluster_set_clock (self, index, 0);
        s_spawn (self, index);
    }
    for (size_t index = 0; index < n; index++)
        zseq_netcluster_must_vote (self, index);
    s_start_keys (self);
    for (size_t index = 0; index < ZSEQ_NETCLUSTER_CLIENTS; index++)
        s_start_client (self, index);
    zseq_netcluster_must_progress (self);
    return self;
}

void
zseq_netcluster_destroy (zseq_netcluster_t **self_p)
{
    assert (self_p);
    zseq_netcluster_t *self = *self_p;
    if (!self)
        return;
    for (size_t index = 0; index < self->n; index++) {
        kill (self->node[index].pid, SIGKILL);
        zseq_process_wait (self->node[index].pid);
    }
    for (size_t index = 0; index < ZSEQ_NETCLUSTER_CLIENTS; index++)
        zseq_load_shared_destroy (&self->client[index].load.shared);
    zseq_keys_destroy (&self->keys);
    s_living = NULL;
    zseq_netns_destroy (&self->netns);
    free (self->window);
    free (self);
    *self_p = NULL;
}

//  Judging.

//  Whether all nodes are reachable and vote.
static bool
s_all_vote (zseq_client_t *client, size_t n)
{
    zseq_status_t status;
    if (zseq_client_status (client, &status) != ZSEQ_OK || status.nodes != n)
        return false;
    for (size_t index = 0; index < n; index++)
        if (!status.node[index].reachable || !status.node[index].voting)
            return false;
    return true;
}

typedef struct {
    zseq_netcluster_t *netcluster;
    zseq_load_t load;
} s_asker_t;

//  Its own process: everybody votes, a peek and an ID of each name come.
static int
s_ask (void *arg)
{
    s_asker_t *self = arg;
    zseq_client_t *client = zseq_client_new (self->load.uri);
    uint64_t start_ns = zseq_history_now_ns ();
    while (!client || !s_all_vote (client, self->netcluster->n)) {
        zseq_netcluster_last (S_STEP_MS);
        if (s_since_ms (start_ns) > S_DEADLINE_MS) {
            fprintf (stderr, "not all nodes are seen to vote: %s\n",
                     zseq_detail ());
            return 1;
        }
    }
    zseq_keys_t *keys = self->netcluster->keys;
    int rc = zseq_keys_ask_all (keys, client, S_PATIENT_MS);
    zseq_client_destroy (&client);
    if (rc != ZSEQ_OK)
        return 1;
    for (size_t name = 0; name < 2; name++) {
        self->load.name = s_name[name];
        self->load.history = self->netcluster->client[name].history;
        if (zseq_load_run (&self->load) != 0)
            return 1;
    }
    return 0;
}

//  Every host of a client asks for IDs once more, and peeks.
static void
s_ask_all (zseq_netcluster_t *self)
{
    zseq_load_shared_t *shared = zseq_load_shared_new ();
    for (size_t stand = 0; stand < ZSEQ_NETCLUSTER_STANDS; stand++) {
        s_asker_t asker = {
          .netcluster = self,
          .load = {.uri = self->uri,
                   .client = (uint32_t) (ZSEQ_NETCLUSTER_CLIENTS + stand),
                   .operations = 2,
                   .batch = 1,
                   .peeks = 2,
                   .timeout_ms = S_PATIENT_MS,
                   .shared = shared}};
        zseq_netns_enter (self->netns, self->n + stand);
        pid_t pid = zseq_process_fork (s_ask, &asker);
        zseq_netns_leave (self->netns);
        if (zseq_process_wait (pid) != 0)
            zseq_process_fail ("nothing is wrong, and host %zu is not served",
                               self->n + stand);
    }
    zseq_load_shared_destroy (&shared);
}

//  Whether nothing was claimed for the client within the window. What comes
//  from a buffer may have been claimed before.
static bool
s_was_idle (const s_window_t *window, const zseq_history_op_t *op)
{
    return op->kind == ZSEQ_HISTORY_BUFFERED || op->client != window->client ||
           op->start_ns < window->start_ns || op->end_ns > window->end_ns;
}

//  Whether a client that reached no majority got no ID.
static bool
s_judge_windows (const zseq_netcluster_t *self, const s_client_t *client)
{
    FILE *file = fopen (client->history, "re");
    if (!file)
        zseq_process_fail ("%s: %s", client->history, strerror (errno));
    bool good = true;
    char kind;
    zseq_history_op_t op;
    while (fscanf (file, " %c %u %lu %lu %lu %lu", &kind, &op.client,
                   &op.start_ns, &op.end_ns, &op.first, &op.count) == 6) {
        op.kind = (zseq_history_kind_t) kind;
        for (size_t index = 0; index < self->windows && good; index++)
            if (!s_was_idle (&self->window[index], &op)) {
                printf ("client %u reached nobody who could claim and was "
                        "given %lu "
                        "(+%lu, %c)\n",
                        op.client, op.first, op.count, kind);
                s_seen.violations++;
                good = false;
            }
    }
    fclose (file);
    return good;
}

//  Checks the histories of all clients of a name together.
static bool
s_judge_name (zseq_netcluster_t *self, size_t name)
{
    zseq_history_t *history = zseq_history_new ();
    bool good = true;
    for (size_t index = name; index < ZSEQ_NETCLUSTER_CLIENTS; index += 2) {
        const s_client_t *client = &self->client[index];
        if (zseq_history_read (history, client->history) != 0)
            zseq_process_fail ("%s", zseq_history_text (history));
        if (!s_judge_windows (self, client))
            good = false;
        s_seen.failures += s_failures (client);
    }
    static zseq_verdict_t verdict;
    if (!zseq_history_check (history, false, &verdict)) {
        printf ("'%s': %s", s_name[name], verdict.text);
        good = false;
    }
    zseq_history_destroy (&history);
    s_seen.operations += verdict.operations;
    s_seen.ids += verdict.ids;
    s_seen.duplicates += verdict.duplicates;
    s_seen.violations += verdict.violations;
    return good;
}

//  Whether all calls for keys were right.
static bool
s_judge_keys (zseq_netcluster_t *self)
{
    zseq_keys_counts_t counts = zseq_keys_counts (self->keys);
    uint64_t violations = zseq_keys_judge (self->keys)->violations;
    s_seen.keys.calls += counts.calls;
    s_seen.keys.failures += counts.failures;
    s_seen.keys.unknown += counts.unknown;
    s_seen.key_violations += violations;
    return violations == 0;
}

bool
zseq_netcluster_judge (zseq_netcluster_t *self)
{
    assert (self);
    zseq_netcluster_must_progress (self);
    bool good = true;
    for (size_t index = 0; index < ZSEQ_NETCLUSTER_CLIENTS; index++)
        atomic_store (&self->client[index].load.shared->stop, true);
    zseq_keys_stop (self->keys);
    for (uint32_t index = 0; index < ZSEQ_NETCLUSTER_CLIENTS; index++) {
        if (zseq_process_wait (self->client[index].pid) != 0) {
            printf ("client %u failed as it may not\n", index);
            good = false;
        }
        zseq_keys_reap (self->keys, index);
    }
    s_ask_all (self);
    if (!s_judge_keys (self))
        good = false;
    for (size_t name = 0; name < 2; name++)
        if (!s_judge_name (self, name))
            good = false;
    s_seen.windows += self->windows;
    return good;
}

void
zseq_netcluster_print (void)
{
    printf ("%lu operations, %lu IDs, %lu calls failed, %lu times without a "
            "majority, longest wait %lu ms during and %lu ms after a fault, "
            "%lu duplicates, %lu violations\n",
            s_seen.operations, s_seen.ids, s_seen.failures, s_seen.windows,
            s_seen.hold_ms, s_seen.progress_ms, s_seen.duplicates,
            s_seen.violations);
    printf ("keys: %lu calls, %lu failed, %lu writes of unknown outcome, %lu "
            "ms at most without, %lu violations\n",
            s_seen.keys.calls, s_seen.keys.failures, s_seen.keys.unknown,
            s_seen.gap_ms, s_seen.key_violations);
}
