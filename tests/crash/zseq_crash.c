//  The cluster under load of the crash tests: zseq_crash.h.
//
//  The clients are forked processes (s_client_run), which share
//  zseq_crash_t's memory with the test. Each thread notes the IDs it was given;
//  a gate holds all clients while the test judges. Nodes are zseqd processes of
//  zseq_cluster.h, whose logs the test waits on. Faults come from SIGKILL, from
//  strace (at the end of the file) or from the tests themselves.

#include "zseq_crash.h"
#include "zseq_keys.h"
#include "zseq_load.h"
#include "zseq_process.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define S_CLUSTER "crash"
#define S_PROCESSES_MAX 16
#define S_THREADS_MAX 16
#define S_LOGS_MAX (S_PROCESSES_MAX * S_THREADS_MAX + 1)
#define S_LOG_MAX (1u << 18)  //  Operations that a thread writes down
#define S_HOT 4               //  Names that get half of the calls
#define S_BATCH_MAX 1250
#define S_RAISE_MAX 100  //  How far a raise goes at most
#define S_RUN_MAX 2000   //  Calls in a row on one handle
#define S_BUDGET_S 15
#define S_BUDGET_LONG_S 3600  //  The same with ZSEQ_LONG=1
#define S_REAP_TRIES 500
#define S_REAP_MS 10
#define S_PROGRESS 10  //  Calls that succeed, to call it progress
#define S_TIMEOUT_MS 3000
#define S_PATIENT_MS 60000
#define S_ARGUMENTS_MAX 32
#define S_KEYS 48        //  A part of the shards, so that snapshots come
#define S_KEY_THREADS 2  //  Of a client process, beside options.threads
#define S_NAME_MAX 256
#define S_PATH_MAX 256

typedef struct {
    zseq_history_op_t op;
    uint32_t name;
} s_line_t;

//  The IDs that one thread was given.
typedef struct {
    _Atomic uint32_t count;
    s_line_t line[S_LOG_MAX];
} s_log_t;

//  Memory shared with the clients.
typedef struct {
    pthread_rwlock_t gate;  //  A call holds it for reading
    _Atomic uint32_t names_open;
    _Atomic uint64_t calls;
    _Atomic uint64_t failures;  //  Of calls, those that are to be expected
    _Atomic uint64_t refused;   //  ... of which the disk was full
    s_log_t log[];
} s_shared_t;

struct zseq_crash {
    zseq_crash_options_t options;
    zseq_cluster_t *cluster;
    pid_t pid[ZSEQ_CRASH_NODES];     //  0: does not run
    off_t spoken[ZSEQ_CRASH_NODES];  //  Size of the log when it was started
    uint64_t seed;
    uint64_t random;
    uint64_t start_ns;
    uint64_t rounds;
    uint32_t generation;  //  Of names
    zseq_load_shared_t *progress;
    s_shared_t *shared;
    size_t shared_size;
    size_t logs;  //  The last one is the asker's
    pid_t client[S_PROCESSES_MAX];
    bool loaded;
    uint64_t loads;
    zseq_keys_t *keys;  //  Of this load

    uint64_t operations;  //  Judged so far
    uint64_t ids;
    uint64_t duplicates;
    uint64_t violations;
    zseq_keys_counts_t counts;  //  Of keys that were judged
    uint64_t key_violations;
};

static uint64_t
s_random (uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t
zseq_crash_below (zseq_crash_t *self, uint64_t bound)
{
    assert (bound > 0);
    return s_random (&self->random) % bound;
}

//  The cluster of this process. Its nodes must end before it removes their
//  directories, even if the test fails.
static zseq_crash_t *s_living;
static pid_t s_owner;

static void
s_end (void)
{
    if (!s_living || s_owner != getpid ())
        return;
    for (size_t node = 0; node < ZSEQ_CRASH_NODES; node++)
        if (s_living->pid[node]) {
            kill (s_living->pid[node], SIGKILL);
            waitpid (s_living->pid[node], NULL, 0);
        }
    if (s_living->options.at_end)
        s_living->options.at_end ();
}

static s_shared_t *
s_shared_new (size_t size)
{
    s_shared_t *self = mmap (NULL, size, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    pthread_rwlockattr_t attributes;
    if (self == MAP_FAILED || pthread_rwlockattr_init (&attributes) != 0 ||
        pthread_rwlockattr_setpshared (&attributes, PTHREAD_PROCESS_SHARED) ||
        pthread_rwlockattr_setkind_np (
          &attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP) ||
        pthread_rwlock_init (&self->gate, &attributes) != 0)
        zseq_process_fail ("shared memory: %s", strerror (errno));
    return self;
}

zseq_crash_t *
zseq_crash_new (const zseq_crash_options_t *options)
{
    assert (options);
    assert (options->processes >= 1 && options->processes <= S_PROCESSES_MAX);
    assert (options->threads >= 1 && options->threads <= S_THREADS_MAX);
    assert (options->names >= 1 && options->names <= ZSEQ_CRASH_NAMES_MAX);
    assert (options->names_open >= 1 && options->names_open <= options->names);
    zseq_crash_t *self = calloc (1, sizeof *self);
    assert (self);
    self->options = *options;
    if (self->options.timeout_ms == 0)
        self->options.timeout_ms = S_TIMEOUT_MS;
    const char *seed = getenv ("ZSEQ_TEST_SEED");
    self->seed = seed ? strtoull (seed, NULL, 10) : zseq_history_now_ns ();
    self->random = self->seed;
    setvbuf (stdout, NULL, _IOLBF, 0);
    printf ("ZSEQ_TEST_SEED=%lu\n", self->seed);
    self->start_ns = zseq_history_now_ns ();
    const char *zseqd = getenv ("ZSEQ_CRASH_ZSEQD");
    if (!zseqd)
        zseqd = options->zseqd ? options->zseqd : ZSEQD_SEGMENTS;
    self->cluster = zseq_cluster_new (S_CLUSTER, ZSEQ_CRASH_NODES, zseqd);
    assert (!s_living);
    s_living = self;
    s_owner = getpid ();
    atexit (s_end);
    self->progress = zseq_load_shared_new ();
    self->logs = options->processes * options->threads + 1;
    self->shared_size = sizeof *self->shared + self->logs * sizeof (s_log_t);
    self->shared = s_shared_new (self->shared_size);
    return self;
}

void
zseq_crash_destroy (zseq_crash_t **self_p)
{
    assert (self_p);
    zseq_crash_t *self = *self_p;
    if (!self)
        return;
    assert (!self->loaded);
    assert (self == s_living);
    zseq_crash_kill_all (self);
    if (self->options.at_end)
        self->options.at_end ();
    s_living = NULL;
    munmap (self->shared, self->shared_size);
    zseq_load_shared_destroy (&self->progress);
    zseq_cluster_destroy (&self->cluster);
    free (self);
    *self_p = NULL;
}

zseq_cluster_t *
zseq_crash_cluster (zseq_crash_t *self)
{
    assert (self);
    return self->cluster;
}

static bool
s_long (void)
{
    const char *value = getenv ("ZSEQ_LONG");
    return value && strcmp (value, "1") == 0;
}

uint64_t
zseq_crash_times (uint64_t times)
{
    return s_long () ? 10 * times : times;
}

bool
zseq_crash_late (const zseq_crash_t *self)
{
    assert (self);
    uint64_t seconds = (zseq_history_now_ns () - self->start_ns) / 1000000000u;
    return seconds >= (s_long () ? S_BUDGET_LONG_S : S_BUDGET_S);
}

bool
zseq_crash_over (zseq_crash_t *self, uint64_t rounds)
{
    assert (self);
    if (self->rounds >= zseq_crash_times (rounds) || zseq_crash_late (self))
        return true;
    self->rounds++;
    return false;
}

//  The nodes.

static size_t
s_add (const char **argv, size_t count, const char *const *more)
{
    for (; more && *more; more++) {
        assert (count < S_ARGUMENTS_MAX - 1);
        argv[count++] = *more;
    }
    return count;
}

void
zseq_crash_spawn (zseq_crash_t *self, size_t node, const char *const *tracer,
                  const char *const *extra)
{
    assert (self);
    assert (!self->pid[node]);
    const char *start[] = {zseq_cluster_zseqd (self->cluster), "start",
                           "--data",
                           zseq_cluster_directory (self->cluster, node), NULL};
    const char *argv[S_ARGUMENTS_MAX];
    size_t count = s_add (argv, 0, tracer);
    count = s_add (argv, count, start);
    count = s_add (argv, count, extra);
    //  Every write matters for a node that reserves nothing.
    static const char *const exact[] = {"--reserve", "0", NULL};
    if (zseq_crash_below (self, 3) == 0)
        count = s_add (argv, count, exact);
    argv[count] = NULL;
    const char *log = zseq_cluster_log (self->cluster, node);
    self->spoken[node] = zseq_process_size (log);
    self->pid[node] = zseq_process_exec (argv, log);
}

void
zseq_crash_recover (zseq_crash_t *self, size_t node, const char *const *tracer)
{
    const char name[2] = {(char) ('a' + node), 0};
    const char *identity[] = {"--name",    name,
                              "--cluster", S_CLUSTER,
                              "--members", zseq_cluster_members (self->cluster),
                              NULL};
    zseq_crash_spawn (self, node, tracer, identity);
}

bool
zseq_crash_says (zseq_crash_t *self, size_t node, const char *text)
{
    assert (self);
    assert (self->pid[node]);
    const char *log = zseq_cluster_log (self->cluster, node);
    if (!zseq_process_says (self->pid[node], log, self->spoken[node], text))
        return false;
    char *said = zseq_process_read (log, self->spoken[node]);
    char *found = strstr (said, text);
    assert (found);
    self->spoken[node] += found - said + (off_t) strlen (text);
    free (said);
    return true;
}

void
zseq_crash_must_say (zseq_crash_t *self, size_t node, const char *text)
{
    if (!zseq_crash_says (self, node, text))
        zseq_process_fail ("node %c ended with status %d and did not say '%s'",
                           (int) ('a' + node), zseq_crash_wait (self, node),
                           text);
}

bool
zseq_crash_said (zseq_crash_t *self, size_t node, const char *text)
{
    assert (self);
    char *said = zseq_process_read (zseq_cluster_log (self->cluster, node),
                                    self->spoken[node]);
    bool found = strstr (said, text) != NULL;
    free (said);
    return found;
}

void
zseq_crash_must_vote (zseq_crash_t *self, size_t node)
{
    char text[32];
    snprintf (text, sizeof text, "ready: node %c votes", (int) ('a' + node));
    zseq_crash_must_say (self, node, text);
}

void
zseq_crash_restart (zseq_crash_t *self)
{
    assert (self);
    bool started[ZSEQ_CRASH_NODES] = {false};
    for (size_t node = 0; node < ZSEQ_CRASH_NODES; node++)
        if (!self->pid[node]) {
            zseq_crash_spawn (self, node, NULL, NULL);
            started[node] = true;
        }
    for (size_t node = 0; node < ZSEQ_CRASH_NODES; node++)
        if (started[node])
            zseq_crash_must_vote (self, node);
}

int
zseq_crash_wait (zseq_crash_t *self, size_t node)
{
    assert (self);
    assert (self->pid[node]);
    int status = zseq_process_wait (self->pid[node]);
    self->pid[node] = 0;
    return status;
}

//  Whether a dying child can be waited for within a while.
static bool
s_ended (pid_t pid)
{
    siginfo_t info = {0};
    for (int tries = 0; tries < S_REAP_TRIES && info.si_pid == 0; tries++) {
        if (tries > 0)
            (void) poll (NULL, 0, S_REAP_MS);
        if (waitid (P_PID, (id_t) pid, &info, WEXITED | WNOHANG | WNOWAIT) ==
            -1)
            zseq_process_fail ("waitid: %s", strerror (errno));
    }
    return info.si_pid != 0;
}

int
zseq_crash_wait_for (zseq_crash_t *self, size_t node, int timeout_ms)
{
    assert (self);
    struct pollfd fd = {.fd = pidfd_open (self->pid[node], 0),
                        .events = POLLIN};
    if (fd.fd == -1)
        zseq_process_fail ("pidfd_open: %s", strerror (errno));
    int rc = poll (&fd, 1, timeout_ms);
    close (fd.fd);
    if (rc != 1)
        return -1;
    //  A traced process can be waited for only once its tracer has seen all its
    //  threads end, which sometimes does not happen: the caller then ends the
    //  tracer.
    return s_ended (self->pid[node]) ? zseq_crash_wait (self, node) : -1;
}

void
zseq_crash_kill (zseq_crash_t *self, size_t node)
{
    assert (self);
    if (!self->pid[node])
        return;
    if (kill (self->pid[node], SIGKILL) == -1)
        zseq_process_fail ("kill: %s", strerror (errno));
    (void) zseq_crash_wait (self, node);
}

void
zseq_crash_kill_all (zseq_crash_t *self)
{
    assert (self);
    for (size_t node = 0; node < ZSEQ_CRASH_NODES; node++)
        if (self->pid[node])
            kill (self->pid[node], SIGKILL);
    for (size_t node = 0; node < ZSEQ_CRASH_NODES; node++)
        if (self->pid[node])
            (void) zseq_crash_wait (self, node);
}

pid_t
zseq_crash_pid (const zseq_crash_t *self, size_t node)
{
    assert (self);
    return self->pid[node];
}

static void
s_path (const zseq_crash_t *self, const char *file, char *path)
{
    snprintf (path, S_PATH_MAX, "%s/%s", zseq_cluster_path (self->cluster),
              file);
}

void
zseq_crash_run (zseq_crash_t *self, ...)
{
    assert (self);
    const char *argv[S_ARGUMENTS_MAX];
    size_t count = 0;
    va_list list;
    va_start (list, self);
    while ((argv[count] = va_arg (list, const char *))) {
        count++;
        assert (count < S_ARGUMENTS_MAX);
    }
    va_end (list);
    char log[S_PATH_MAX];
    s_path (self, "run.log", log);
    int status = zseq_process_wait (zseq_process_exec (argv, log));
    if (status != 0)
        zseq_process_fail ("%s: exit status %d: %s", argv[0], status,
                           zseq_process_read (log, 0));
}

//  The clients.

//  One thread of a client; the state is inherited by fork.
typedef struct {
    zseq_crash_t *crash;
    uint32_t number;  //  Of its log, and in the history
    zseq_client_t *client;
    uint64_t random;
    zseq_t *handle[ZSEQ_CRASH_NAMES_MAX];
    uint64_t batch[ZSEQ_CRASH_NAMES_MAX];  //  What the handle is set to
    uint64_t seen;                         //  End of the last IDs it got
    int rc;
} s_thread_t;

static uint64_t
s_below (s_thread_t *self, uint64_t bound)
{
    return s_random (&self->random) % bound;
}

//  Names with all kinds of file names: plain, escaped, hashed.
static void
s_name (const zseq_crash_t *crash, uint32_t name, char *text)
{
    int size =
      snprintf (text, S_NAME_MAX, "%s%u.%u", name % 8 == 3 ? "a/b " : "name-",
                crash->generation, name);
    if (name % 16 == 7) {
        memset (text + size, 'x', 200);
        text[size + 200] = 0;
    }
}

static zseq_t *
s_handle (s_thread_t *self, uint32_t name)
{
    if (self->handle[name])
        return self->handle[name];
    char text[S_NAME_MAX];
    s_name (self->crash, name, text);
    self->handle[name] = zseq_new (self->client, text);
    assert (self->handle[name]);
    self->batch[name] = 1;
    return self->handle[name];
}

//  Notes an operation. Consecutive IDs from the buffer share an entry.
static void
s_write (s_thread_t *self, uint32_t name, const zseq_history_op_t *op)
{
    s_log_t *log = &self->crash->shared->log[self->number];
    uint32_t count = atomic_load (&log->count);
    s_line_t *last = count > 0 ? &log->line[count - 1] : NULL;
    if (last && last->name == name && op->kind == ZSEQ_HISTORY_BUFFERED &&
        last->op.kind == ZSEQ_HISTORY_BUFFERED &&
        op->first == last->op.first + last->op.count) {
        last->op.count++;
        last->op.end_ns = op->end_ns;
        return;
    }
    log->line[count] = (s_line_t){.op = *op, .name = name};
    atomic_store (&log->count, count + 1);
}

static int
s_make_call (s_thread_t *self, zseq_t *handle, zseq_history_op_t *op)
{
    switch (op->kind) {
    case ZSEQ_HISTORY_PEEK:
        return zseq_peek (handle, &op->first);
    case ZSEQ_HISTORY_RAISE:
        op->first = self->seen + 1 + s_below (self, S_RAISE_MAX);
        return zseq_raise (handle, op->first);
    default:
        return op->count > 1 ? zseq_next_range (handle, op->count, &op->first)
                             : zseq_next (handle, &op->first);
    }
}

//  Makes one call of that kind. Returns false if it failed, as it may while
//  nodes are disturbed, or with an error that it must not give (then self->rc
//  has it).
static bool
s_call (s_thread_t *self, uint32_t name, zseq_history_kind_t kind,
        uint64_t count)
{
    s_shared_t *shared = self->crash->shared;
    zseq_t *handle = s_handle (self, name);
    pthread_rwlock_rdlock (&shared->gate);
    zseq_history_op_t op = {.kind = kind,
                            .client = self->number,
                            .count = count,
                            .start_ns = zseq_history_now_ns ()};
    int rc = s_make_call (self, handle, &op);
    op.end_ns = zseq_history_now_ns ();
    if (rc == ZSEQ_OK) {
        if (count > 0)
            self->seen = op.first + count;
        s_write (self, name, &op);
    }
    pthread_rwlock_unlock (&shared->gate);
    atomic_fetch_add (&shared->calls, 1);
    if (rc == ZSEQ_OK)
        return true;
    atomic_fetch_add (&shared->failures, 1);
    if (rc == ZSEQ_ENOSPACE)
        atomic_fetch_add (&shared->refused, 1);
    else if (rc != ZSEQ_EUNAVAILABLE && rc != ZSEQ_ETIMEOUT) {
        fprintf (stderr, "client %u: %s: %s\n", self->number,
                 zseq_strerror (rc), zseq_detail ());
        self->rc = rc;
    }
    return false;
}

static bool
s_over (const s_thread_t *self)
{
    const s_shared_t *shared = self->crash->shared;
    return self->rc != ZSEQ_OK || atomic_load (&self->crash->progress->stop) ||
           atomic_load (&shared->log[self->number].count) >= S_LOG_MAX;
}

static void
s_draw (s_thread_t *self, uint32_t name)
{
    uint64_t batch = self->batch[name];
    uint64_t calls = 1 + s_below (self, 3 * batch);
    zseq_history_kind_t kind =
      batch == 1 ? ZSEQ_HISTORY_UNBUFFERED : ZSEQ_HISTORY_BUFFERED;
    while (calls > 0 && !s_over (self) && s_call (self, name, kind, 1))
        calls--;
}

static void
s_set_batch (s_thread_t *self, uint32_t name, uint64_t batch)
{
    int rc = zseq_set_batch (s_handle (self, name), batch);
    assert (rc == ZSEQ_OK);
    self->batch[name] = batch;
}

static void
s_turn (s_thread_t *self)
{
    uint32_t open = atomic_load (&self->crash->shared->names_open);
    uint32_t hot = open < S_HOT ? open : S_HOT;
    uint32_t name =
      (uint32_t) s_below (self, s_below (self, 2) == 0 ? hot : open);
    (void) s_handle (self, name);
    bool unbuffered = self->crash->options.unbuffered;
    switch (s_below (self, 16)) {
    case 0:
        s_call (self, name, ZSEQ_HISTORY_PEEK, 0);
        break;
    case 1:
        s_call (self, name, ZSEQ_HISTORY_RAISE, 0);
        break;
    case 2:
    case 3:
        s_call (self, name, ZSEQ_HISTORY_UNBUFFERED,
                2 + s_below (self, S_BATCH_MAX - 1));
        break;
    case 4:
        s_set_batch (self, name,
                     unbuffered ? 1 : 1 + s_below (self, S_BATCH_MAX));
        break;
    case 5:
        s_set_batch (self, name, 1);
        break;
    default:
        s_draw (self, name);
        break;
    }
    //  The write fails when there is no reader and the pipe is full, which is
    //  enough.
    (void) !write (self->crash->progress->progress[1], "", 1);
}

static void *
s_thread_run (void *arg)
{
    s_thread_t *self = arg;
    while (!s_over (self))
        s_turn (self);
    return NULL;
}

static void
s_thread_term (s_thread_t *self)
{
    for (size_t name = 0; name < ZSEQ_CRASH_NAMES_MAX; name++)
        zseq_destroy (&self->handle[name]);
}

static zseq_client_t *
s_client_new (const zseq_crash_t *crash, int timeout_ms)
{
    zseq_client_t *client = zseq_client_new (zseq_cluster_uri (crash->cluster));
    if (!client || zseq_client_set_timeout (client, timeout_ms) != ZSEQ_OK)
        zseq_process_fail ("no client: %s", zseq_detail ());
    return client;
}

typedef struct {
    zseq_crash_t *crash;
    uint32_t process;
} s_client_t;

static int
s_client_run (void *arg)
{
    static s_thread_t thread[S_THREADS_MAX];
    static pthread_t id[S_THREADS_MAX];
    s_client_t *self = arg;
    zseq_crash_t *crash = self->crash;
    zseq_client_t *client = s_client_new (crash, crash->options.timeout_ms);
    zseq_keys_client_t *keys =
      zseq_keys_client_new (crash->keys, self->process, client);
    uint32_t threads = crash->options.threads;
    int status = 0;
    for (uint32_t index = 0; index < threads; index++) {
        uint32_t number = self->process * threads + index;
        thread[index] = (s_thread_t){.crash = crash,
                                     .number = number,
                                     .client = client,
                                     .random = crash->random + number * 1009u};
        if (pthread_create (&id[index], NULL, s_thread_run, &thread[index]))
            zseq_process_fail ("cannot start a client's thread");
    }
    for (uint32_t index = 0; index < threads; index++) {
        pthread_join (id[index], NULL);
        if (thread[index].rc != ZSEQ_OK)
            status = 1;
        s_thread_term (&thread[index]);
    }
    if (zseq_keys_client_end (&keys) != ZSEQ_OK)
        status = 1;
    zseq_client_destroy (&client);
    return status;
}

//  Keys that no load has used.
static zseq_keys_t *
s_keys_new (zseq_crash_t *self)
{
    char name[32];
    snprintf (name, sizeof name, "load %lu", self->loads++);
    zseq_keys_options_t options = {.name = name,
                                   .clients = self->options.processes,
                                   .threads = S_KEY_THREADS,
                                   .keys = S_KEYS,
                                   .value_max = ZSEQ_VALUE_MAX,
                                   .timeout_ms = self->options.timeout_ms,
                                   .gate = &self->shared->gate,
                                   .seed = self->random};
    return zseq_keys_new (&options);
}

void
zseq_crash_load (zseq_crash_t *self)
{
    assert (self);
    assert (!self->loaded);
    atomic_store (&self->progress->stop, false);
    self->keys = s_keys_new (self);
    zseq_crash_open_names (self, self->options.names_open);
    for (uint32_t process = 0; process < self->options.processes; process++) {
        s_client_t client = {self, process};
        self->client[process] = zseq_process_fork (s_client_run, &client);
    }
    (void) s_random (&self->random);
    self->loaded = true;
}

void
zseq_crash_open_names (zseq_crash_t *self, uint32_t names)
{
    assert (self);
    assert (names >= 1 && names <= self->options.names);
    atomic_store (&self->shared->names_open, names);
}

uint32_t
zseq_crash_names_open (const zseq_crash_t *self)
{
    assert (self);
    return atomic_load (&self->shared->names_open);
}

void
zseq_crash_let_run (zseq_crash_t *self, uint64_t calls)
{
    assert (self);
    zseq_load_drain (self->progress);
    zseq_load_await (self->progress, zseq_crash_below (self, calls + 1));
}

static uint64_t
s_successes (const zseq_crash_t *self)
{
    return atomic_load (&self->shared->calls) -
           atomic_load (&self->shared->failures);
}

void
zseq_crash_progress (zseq_crash_t *self)
{
    assert (self);
    uint64_t before = s_successes (self);
    uint64_t start_ns = zseq_history_now_ns ();
    while (s_successes (self) < before + S_PROGRESS) {
        zseq_load_drain (self->progress);
        zseq_load_await (self->progress, 1);
        if ((zseq_history_now_ns () - start_ns) / 1000000u >
            ZSEQ_PROCESS_WAIT_MS)
            zseq_process_fail ("calls fail, and fail again");
    }
    zseq_keys_await (self->keys, S_PROGRESS);
}

void
zseq_crash_hold (zseq_crash_t *self)
{
    assert (self);
    pthread_rwlock_wrlock (&self->shared->gate);
}

void
zseq_crash_release (zseq_crash_t *self)
{
    assert (self);
    pthread_rwlock_unlock (&self->shared->gate);
}

//  Runs while the clients are held, so it does not take the gate.
static int
s_ask (void *arg)
{
    static s_thread_t thread;
    zseq_crash_t *crash = arg;
    zseq_client_t *client = s_client_new (crash, S_PATIENT_MS);
    uint32_t number = (uint32_t) crash->logs - 1;
    thread = (s_thread_t){.crash = crash, .number = number, .client = client};
    uint32_t open = atomic_load (&crash->shared->names_open);
    int rc = ZSEQ_OK;
    for (uint32_t name = 0; name < open && rc == ZSEQ_OK; name++) {
        for (int call = 0; call < 2 && rc == ZSEQ_OK; call++) {
            zseq_history_op_t op = {.kind = call == 0 ? ZSEQ_HISTORY_PEEK
                                                      : ZSEQ_HISTORY_UNBUFFERED,
                                    .client = number,
                                    .count = call == 0 ? 0 : 1,
                                    .start_ns = zseq_history_now_ns ()};
            rc = s_make_call (&thread, s_handle (&thread, name), &op);
            op.end_ns = zseq_history_now_ns ();
            if (rc == ZSEQ_OK)
                s_write (&thread, name, &op);
        }
    }
    if (rc != ZSEQ_OK)
        fprintf (stderr, "asking all: %s: %s\n", zseq_strerror (rc),
                 zseq_detail ());
    s_thread_term (&thread);
    if (rc == ZSEQ_OK)
        rc = zseq_keys_ask_all (crash->keys, client, S_PATIENT_MS);
    zseq_client_destroy (&client);
    return rc == ZSEQ_OK ? 0 : 1;
}

void
zseq_crash_ask_all (zseq_crash_t *self)
{
    assert (self);
    if (zseq_process_wait (zseq_process_fork (s_ask, self)) != 0)
        zseq_process_fail ("the nodes vote, and not all names and keys can be "
                           "used");
}

static bool
s_judge_logs (zseq_crash_t *self)
{
    static zseq_history_t *history[ZSEQ_CRASH_NAMES_MAX];
    static zseq_verdict_t verdict;
    bool good = true;
    for (uint32_t name = 0; name < self->options.names; name++)
        history[name] = zseq_history_new ();
    for (size_t index = 0; index < self->logs; index++) {
        s_log_t *log = &self->shared->log[index];
        for (uint32_t line = 0; line < atomic_load (&log->count); line++)
            zseq_history_add (history[log->line[line].name],
                              &log->line[line].op);
        atomic_store (&log->count, 0);
    }
    for (uint32_t name = 0; name < self->options.names; name++) {
        if (!zseq_history_check (history[name], false, &verdict)) {
            if (good)
                printf ("name %u: %s", name, verdict.text);
            good = false;
        }
        self->operations += verdict.operations;
        self->ids += verdict.ids;
        self->duplicates += verdict.duplicates;
        self->violations += verdict.violations;
        zseq_history_destroy (&history[name]);
    }
    return good;
}

static zseq_keys_counts_t
s_add_counts (zseq_keys_counts_t one, zseq_keys_counts_t other)
{
    return (zseq_keys_counts_t){.calls = one.calls + other.calls,
                                .failures = one.failures + other.failures,
                                .unknown = one.unknown + other.unknown,
                                .refused = one.refused + other.refused};
}

static bool
s_judge_keys (zseq_crash_t *self)
{
    uint64_t violations = zseq_keys_judge (self->keys)->violations;
    self->key_violations += violations;
    self->counts = s_add_counts (self->counts, zseq_keys_counts (self->keys));
    zseq_keys_destroy (&self->keys);
    return violations == 0;
}

bool
zseq_crash_judge (zseq_crash_t *self)
{
    assert (self);
    assert (self->loaded);
    bool good = true;
    atomic_store (&self->progress->stop, true);
    zseq_keys_stop (self->keys);
    for (uint32_t process = 0; process < self->options.processes; process++) {
        if (zseq_process_wait (self->client[process]) != 0)
            good = false;
        zseq_keys_reap (self->keys, process);
    }
    self->loaded = false;
    zseq_crash_ask_all (self);
    good = s_judge_logs (self) && good;
    return s_judge_keys (self) && good;
}

bool
zseq_crash_turn_over (zseq_crash_t *self)
{
    assert (self);
    bool full = false;
    for (size_t index = 0; index < self->logs; index++)
        if (atomic_load (&self->shared->log[index].count) > S_LOG_MAX / 2)
            full = true;
    if (!full)
        return true;
    if (!zseq_crash_judge (self))
        return false;
    self->generation++;
    zseq_crash_load (self);
    return true;
}

uint64_t
zseq_crash_refused (const zseq_crash_t *self)
{
    assert (self);
    return atomic_load (&self->shared->refused);
}

void
zseq_crash_report (const zseq_crash_t *self)
{
    assert (self);
    printf ("%lu s, %lu rounds, %lu calls, %lu failed (%lu for a full disk), "
            "%lu IDs, %lu duplicates, %lu violations\n",
            (zseq_history_now_ns () - self->start_ns) / 1000000000u,
            self->rounds, atomic_load (&self->shared->calls),
            atomic_load (&self->shared->failures),
            atomic_load (&self->shared->refused), self->ids, self->duplicates,
            self->violations);
    printf ("keys: %lu calls, %lu failed (%lu for a full disk), %lu writes of "
            "unknown outcome, %lu violations\n",
            self->counts.calls, self->counts.failures, self->counts.refused,
            self->counts.unknown, self->key_violations);
}

//  strace.

static void
s_trace_paths (const zseq_crash_t *self, size_t node, char *trace, char *log)
{
    char file[32];
    snprintf (file, sizeof file, "%c.trace", (int) ('a' + node));
    s_path (self, file, trace);
    snprintf (file, sizeof file, "%c.strace", (int) ('a' + node));
    s_path (self, file, log);
}

bool
zseq_crash_can_trace (void)
{
    const char *sleeper[] = {"sleep", "600", NULL};
    pid_t pid = zseq_process_exec (sleeper, "/dev/null");
    char path[] = "/tmp/zseq-strace-XXXXXX";
    int file = mkstemp (path);
    assert (file != -1);
    close (file);
    char number[16];
    snprintf (number, sizeof number, "%d", pid);
    const char *argv[] = {"strace", "-o", "/dev/null", "-p", number, NULL};
    pid_t tracer = zseq_process_exec (argv, path);
    bool can = zseq_process_says (tracer, path, 0, "attached");
    kill (pid, SIGKILL);
    kill (tracer, SIGKILL);
    zseq_process_wait (pid);
    zseq_process_wait (tracer);
    unlink (path);
    return can;
}

pid_t
zseq_crash_trace (zseq_crash_t *self, size_t node, const char *call,
                  const char *what)
{
    assert (self);
    assert (self->pid[node]);
    char trace[S_PATH_MAX];
    char log[S_PATH_MAX];
    char number[16];
    char calls[64];
    char inject[128];
    s_trace_paths (self, node, trace, log);
    unlink (trace);
    unlink (log);
    snprintf (number, sizeof number, "%d", self->pid[node]);
    snprintf (calls, sizeof calls, "trace=%s", call);
    snprintf (inject, sizeof inject, "inject=%s:%s", call, what);
    const char *argv[] = {"strace", "-f",  "-o", trace,  "-p", number,
                          "-e",     calls, "-e", inject, NULL};
    pid_t tracer = zseq_process_exec (argv, log);
    //  strace may have done its work, and ended, before it reports.
    (void) zseq_process_says (tracer, log, 0, "attached");
    return tracer;
}

static size_t
s_count (const char *text, const char *what)
{
    size_t count = 0;
    while ((text = strstr (text, what))) {
        count++;
        text += strlen (what);
    }
    return count;
}

size_t
zseq_crash_untrace (zseq_crash_t *self, size_t node, pid_t tracer)
{
    assert (self);
    char trace[S_PATH_MAX];
    char log[S_PATH_MAX];
    s_trace_paths (self, node, trace, log);
    kill (tracer, SIGTERM);
    //  The node may be gone, and strace still wait for it.
    if (!s_ended (tracer))
        kill (tracer, SIGKILL);
    (void) zseq_process_wait (tracer);
    if (zseq_process_size (trace) == 0)
        return 0;
    char *text = zseq_process_read (trace, 0);
    //  A call that kills does not return.
    size_t count = s_count (text, "(INJECTED)");
    if (count == 0)
        count = strstr (text, "killed by SIGKILL") != NULL;
    free (text);
    return count;
}
