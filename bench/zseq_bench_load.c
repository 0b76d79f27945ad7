//  Processes and their threads repeat an operation. They share a mapping: the
//  phase, which the parent sets, and the results of each thread. Phases are:
//  first operation (if threads are to wait for each other), warm up, measure,
//  over. A thread counts an operation that began while
//  measuring, or that spanned all of it. In a burst, threads sleep instead of
//  warming up, and say when they are through. The parent adds up the results
//  after the last phase.

#include "zseq_bench_load.h"

#include <assert.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

//  An operation that takes longer than this, on average over a stretch, has
//  waited for something.
#define QUICK_NS 1000

//  How long to wait for every client's first operation. A client that has to
//  wait longer is not slow to start but starving, and is measured as such.
#define READY_S 3

typedef enum {
    PHASE_FIRST,    //  Do the operation once
    PHASE_WARM,     //  Repeat the operation, measure nothing
    PHASE_MEASURE,  //  The window is open
    PHASE_OVER,     //  Stop
} s_phase_t;

//  Shared by all processes.

typedef struct {
    zseq_bench_histogram_t waits;
    uint64_t done;               //  Operations that returned in the window
    uint64_t end_ns;             //  When its part of a burst was over
    zseq_bench_counts_t counts;  //  In the window, of a context of its own
} s_client_t;

typedef struct {
    zseq_bench_counts_t counts;      //  In the window
    uint64_t cpu_ns;                 //  In the window
    char text[ZSEQ_BENCH_TEXT_MAX];  //  Why it failed
} s_process_t;

typedef struct {
    _Atomic int phase;
    char apart[60];        //  Keeps the phase, which all read, in a cache line
                           //  that is never written
    _Atomic size_t ready;  //  Clients whose first operation is done, or who
                           //  wait for a burst
    _Atomic size_t through;  //  Clients whose part of a burst is over
    s_process_t process[ZSEQ_BENCH_PROCESSES_MAX];
    s_client_t client[];
} s_shared_t;

//  Private to a process.

typedef struct {
    const zseq_bench_load_t *load;
    zseq_bench_children_t *children;
    s_shared_t *shared;
    size_t shared_size;
    pid_t pids[ZSEQ_BENCH_PROCESSES_MAX];  //  Used by the parent
    size_t index;                          //  Index of the process
    void *context;                         //  What the operation has opened
    _Atomic bool failed;                   //  A thread is writing the reason
} s_crew_t;

typedef struct {
    s_crew_t *crew;
    size_t index;  //  Index of the thread in its process
    pthread_t thread;
    void *context;       //  Its own, or that of the process
    s_client_t *client;  //  What it finds
    uint64_t last;       //  The operation's word
    uint64_t quick_ns;   //  What an operation takes that waits for nothing
} s_member_t;

void
zseq_bench_counts_add (zseq_bench_counts_t *self,
                       const zseq_bench_counts_t *other)
{
    assert (self);
    assert (other);
    self->claims += other->claims;
    self->conflicts += other->conflicts;
    self->burnt += other->burnt;
    self->timeouts += other->timeouts;
    self->unknown += other->unknown;
    for (size_t i = 0; i < ZSEQ_BENCH_ERRORS; i++)
        self->failed[i] += other->failed[i];
}

uint64_t
zseq_bench_counts_failed (const zseq_bench_counts_t *self)
{
    assert (self);
    uint64_t sum = 0;
    for (size_t i = 0; i < ZSEQ_BENCH_ERRORS; i++)
        sum += self->failed[i];
    return sum;
}

zseq_bench_sample_t *
zseq_bench_sample_new (void)
{
    zseq_bench_sample_t *self = calloc (1, sizeof *self);
    if (!self)
        zseq_bench_fail ("out of memory");
    return self;
}

//  Several operations are timed together if reading the clock costs as much as
//  the operation, as for a buffered ID. A slow stretch is one operation that
//  waited and others that were as quick as usual: a claim feeds many stretches,
//  so two waits are rarely in one. If they are, the longest wait is reported
//  too long, never too short.
static void
s_record (s_client_t *client, size_t stretch, uint64_t wait_ns,
          uint64_t *quick_ns)
{
    if (stretch == 1) {
        zseq_bench_histogram_record (&client->waits, wait_ns, 1);
        return;
    }
    if (wait_ns < stretch * QUICK_NS) {
        *quick_ns = wait_ns / stretch;
        zseq_bench_histogram_record (&client->waits, *quick_ns, stretch);
        return;
    }
    uint64_t others_ns = *quick_ns * (stretch - 1);
    zseq_bench_histogram_record (&client->waits, wait_ns - others_ns, 1);
    zseq_bench_histogram_record (&client->waits, *quick_ns, stretch - 1);
}

//  Returns the time of a processor clock, in nanoseconds.
static uint64_t
s_cpu_ns (clockid_t clock)
{
    struct timespec used;
    if (clock_gettime (clock, &used) != 0)
        return 0;
    return (uint64_t) used.tv_sec * 1000000000u + (uint64_t) used.tv_nsec;
}

//  Counters of a context: what they were when the window opened becomes what
//  they have risen by when it closes.
static void
s_open_counts (const zseq_bench_operation_t *operation, void *context,
               zseq_bench_counts_t *counts)
{
    memset (counts, 0, sizeof *counts);
    if (operation->count)
        operation->count (context, counts);
}

static void
s_close_counts (const zseq_bench_operation_t *operation, void *context,
                zseq_bench_counts_t *counts)
{
    if (!operation->count)
        return;
    zseq_bench_counts_t end = {0};
    operation->count (context, &end);
    counts->claims = end.claims - counts->claims;
    counts->conflicts = end.conflicts - counts->conflicts;
    counts->burnt = end.burnt - counts->burnt;
    counts->timeouts = end.timeouts - counts->timeouts;
    counts->unknown = end.unknown - counts->unknown;
    for (size_t i = 0; i < ZSEQ_BENCH_ERRORS; i++)
        counts->failed[i] = end.failed[i] - counts->failed[i];
}

//  Counters and processor time of the process: less at the window's opening,
//  plus at its end.
static void
s_open_window (s_crew_t *crew)
{
    s_process_t *process = &crew->shared->process[crew->index];
    if (!crew->load->operation->per_thread)
        s_open_counts (crew->load->operation, crew->context, &process->counts);
    process->cpu_ns = s_cpu_ns (CLOCK_PROCESS_CPUTIME_ID);
}

//  Replaces them by the differences at the end of the window.
static void
s_close_window (s_crew_t *crew)
{
    s_process_t *process = &crew->shared->process[crew->index];
    process->cpu_ns = s_cpu_ns (CLOCK_PROCESS_CPUTIME_ID) - process->cpu_ns;
    if (!crew->load->operation->per_thread)
        s_close_counts (crew->load->operation, crew->context, &process->counts);
}

//  Returns the phase.
static int
s_phase (const s_crew_t *crew)
{
    return atomic_load_explicit (&crew->shared->phase, memory_order_relaxed);
}

//  Ends the process with a reason. The parent reports it, and ends the others.
_Noreturn static void
s_fail (s_crew_t *crew, const char *text)
{
    //  If several threads fail, only one writes its reason.
    while (atomic_exchange (&crew->failed, true))
        pause ();
    s_process_t *process = &crew->shared->process[crew->index];
    snprintf (process->text, sizeof process->text, "%s", text);
    _exit (1);
}

//  Sleeps while the phase is that one.
static void
s_await_end_of (const s_crew_t *crew, int phase)
{
    while (s_phase (crew) == phase)
        syscall (SYS_futex, &crew->shared->phase, FUTEX_WAIT, phase, NULL, NULL,
                 0);
}

//  Sets the phase of all processes.
static void
s_set_phase (const s_crew_t *crew, int phase)
{
    atomic_store (&crew->shared->phase, phase);
    syscall (SYS_futex, &crew->shared->phase, FUTEX_WAKE, INT_MAX, NULL, NULL,
             0);
}

//  Adds a client to those that have come so far. The last one tells the parent.
static void
s_check_in (const s_crew_t *crew, _Atomic size_t *come)
{
    if (atomic_fetch_add (come, 1) + 1 ==
        crew->load->processes * crew->load->threads)
        zseq_bench_children_ring (crew->children);
}

//  Does the operation. Returns whether it was done, rather than counted as
//  failed.
static bool
s_operate (s_member_t *self)
{
    const zseq_bench_load_t *load = self->crew->load;
    char text[ZSEQ_BENCH_TEXT_MAX];
    *text = '\0';
    int rc =
      load->operation->repeat (self->context, load->stretch, &self->last, text);
    if (rc < 0)
        s_fail (self->crew, text);
    return rc == 0;
}

//  Records the last operation, which took so long with all around it.
static void
s_time (s_member_t *self, uint64_t ns)
{
    const zseq_bench_load_t *load = self->crew->load;
    if (load->operation->wait_ns)
        ns = load->operation->wait_ns (self->context);
    s_record (self->client, load->stretch, ns, &self->quick_ns);
}

//  Repeats the operation until the window has closed. An operation is timed if
//  it began in the window, however late it ends, or outlasted all of it: who
//  starves is not left out. It is done if it ended in the window.
static void
s_member_repeat (s_member_t *self)
{
    s_crew_t *crew = self->crew;
    const zseq_bench_operation_t *operation = crew->load->operation;
    uint64_t then_ns = zseq_bench_now_ns ();
    int before = PHASE_WARM;
    bool first = true;

    while (before != PHASE_OVER) {
        if (before <= PHASE_WARM && operation->per_thread)
            s_open_counts (operation, self->context, &self->client->counts);
        bool done = s_operate (self);
        uint64_t now_ns = zseq_bench_now_ns ();
        int after = s_phase (crew);
        if (before == PHASE_MEASURE ||
            (before <= PHASE_WARM && after == PHASE_OVER))
            s_time (self, now_ns - then_ns);
        if (done && after == PHASE_MEASURE)
            self->client->done += crew->load->stretch;
        if (done && first) {
            s_check_in (crew, &crew->shared->ready);
            first = false;
            s_await_end_of (crew, PHASE_FIRST);
            after = s_phase (crew);
            now_ns = zseq_bench_now_ns ();
        }
        before = after;
        then_ns = now_ns;
    }
    if (operation->per_thread)
        s_close_counts (operation, self->context, &self->client->counts);
}

//  Does its part of a burst, as far as there is time.
static void
s_member_burst (s_member_t *self)
{
    s_crew_t *crew = self->crew;
    s_client_t *client = self->client;
    const zseq_bench_operation_t *operation = crew->load->operation;
    s_check_in (crew, &crew->shared->ready);
    s_await_end_of (crew, PHASE_WARM);
    s_open_counts (operation, self->context, &client->counts);
    for (uint64_t i = 0;
         i < crew->load->burst && s_phase (crew) == PHASE_MEASURE; i++) {
        uint64_t then_ns = zseq_bench_now_ns ();
        bool done = s_operate (self);
        client->end_ns = zseq_bench_now_ns ();
        s_time (self, client->end_ns - then_ns);
        if (done && s_phase (crew) == PHASE_MEASURE)
            client->done += crew->load->stretch;
    }
    s_close_counts (operation, self->context, &client->counts);
    s_check_in (crew, &crew->shared->through);
    //  Closing costs time that others still need.
    s_await_end_of (crew, PHASE_MEASURE);
}

//  One client.
static void *
s_member_run (void *arg)
{
    s_member_t *self = arg;
    s_crew_t *crew = self->crew;
    const zseq_bench_load_t *load = crew->load;
    size_t index = crew->index * load->threads + self->index;
    self->client = &crew->shared->client[index];
    self->context = crew->context;
    char text[ZSEQ_BENCH_TEXT_MAX] = "";
    if (load->operation->per_thread &&
        load->operation->open (load->arg, index, &self->context, text) != 0)
        s_fail (crew, text);
    if (load->burst > 0)
        s_member_burst (self);
    else
        s_member_repeat (self);
    if (load->operation->per_thread)
        load->operation->close (self->context);
    return NULL;
}

//  The threads are the clients; the process's first one looks at the counters
//  when the window opens and closes, whatever the clients then wait for.
static void
s_threads_run (s_crew_t *crew)
{
    size_t threads = crew->load->threads;
    s_member_t member[ZSEQ_BENCH_THREADS_MAX];
    for (size_t i = 0; i < threads; i++) {
        member[i] = (s_member_t){.crew = crew, .index = i};
        if (pthread_create (&member[i].thread, NULL, s_member_run,
                            &member[i]) != 0)
            s_fail (crew, "a thread cannot be started");
    }
    s_await_end_of (crew, PHASE_FIRST);
    s_await_end_of (crew, PHASE_WARM);
    s_open_window (crew);
    s_await_end_of (crew, PHASE_MEASURE);
    s_close_window (crew);
    for (size_t i = 0; i < threads; i++)
        pthread_join (member[i].thread, NULL);
}

//  A process of the load: opens the operation and runs its threads.
static int
s_process_run (void *arg)
{
    s_crew_t *crew = arg;
    const zseq_bench_operation_t *operation = crew->load->operation;
    char text[ZSEQ_BENCH_TEXT_MAX] = "";
    if (!operation->per_thread && operation->open (crew->load->arg, crew->index,
                                                   &crew->context, text) != 0)
        s_fail (crew, text);
    s_threads_run (crew);
    if (!operation->per_thread)
        operation->close (crew->context);
    return 0;
}

//  The parent.

//  Checks whether every process has ended. Returns -1 if one has failed.
static int
s_check (const s_crew_t *crew, bool *all_ended_p)
{
    *all_ended_p = true;
    for (size_t i = 0; i < crew->load->processes; i++) {
        int status;
        if (!zseq_bench_children_ended (crew->children, crew->pids[i], &status))
            *all_ended_p = false;
        else if (status != 0) {
            const char *text = crew->shared->process[i].text;
            return zseq_bench_fail ("client %zu: %s", i + 1,
                                    *text ? text : "ended unexpectedly");
        }
    }
    return 0;
}

//  Waits until the clients are ready, are through with a burst, or have ended,
//  or the time has come.
typedef enum { FOR_READY, FOR_THROUGH, FOR_TIME, FOR_END } s_what_for_t;

//  How long the clients may take to get ready, or to end.
static uint64_t
s_limit_ns (const zseq_bench_load_t *load, uint64_t otherwise_s)
{
    return load->limit_s > 0 ? (uint64_t) (load->limit_s * 1e9)
                             : otherwise_s * 1000000000u;
}

//  The parent waits: until all threads are ready or through, until a time, or
//  for the end.
static int
s_wait (const s_crew_t *crew, s_what_for_t what_for, uint64_t until_ns)
{
    size_t clients = crew->load->processes * crew->load->threads;
    for (;;) {
        bool ended;
        if (s_check (crew, &ended) != 0)
            return -1;
        if (what_for == FOR_READY &&
            atomic_load (&crew->shared->ready) == clients)
            return 0;
        if (what_for == FOR_THROUGH &&
            atomic_load (&crew->shared->through) == clients)
            return 0;
        if (what_for == FOR_END && ended)
            return 0;
        if (zseq_bench_now_ns () >= until_ns) {
            if (what_for != FOR_END)
                return 0;
            return zseq_bench_fail ("the clients did not end in time");
        }
        if (zseq_bench_children_wait (crew->children, until_ns) != 0)
            return -1;
    }
}

uint64_t
zseq_bench_process_cpu_ns (pid_t pid)
{
    clockid_t clock;
    return clock_getcpuclockid (pid, &clock) == 0 ? s_cpu_ns (clock) : 0;
}

static uint64_t
s_nodes_cpu_ns (const zseq_bench_load_t *load)
{
    uint64_t sum_ns = 0;
    for (size_t i = 0; i < load->node_count; i++)
        sum_ns += zseq_bench_process_cpu_ns (load->nodes[i]);
    return sum_ns;
}

//  When the last client was through with its part of a burst.
static uint64_t
s_last_end_ns (const s_crew_t *crew)
{
    uint64_t last_ns = 0;
    for (size_t i = 0; i < crew->load->processes * crew->load->threads; i++)
        if (last_ns < crew->shared->client[i].end_ns)
            last_ns = crew->shared->client[i].end_ns;
    return last_ns;
}

//  Opens the window and closes it, while the clients run.
static int
s_measure (const s_crew_t *crew, zseq_bench_sample_t *sample)
{
    const zseq_bench_load_t *load = crew->load;
    bool burst = load->burst > 0;
    uint64_t length_ns = (uint64_t) (load->seconds * 1e9);
    uint64_t start_ns = zseq_bench_now_ns ();
    if (s_wait (crew, FOR_READY, start_ns + s_limit_ns (load, READY_S)) != 0)
        return -1;
    s_set_phase (crew, PHASE_WARM);
    start_ns = zseq_bench_now_ns ();
    if (!burst && s_wait (crew, FOR_TIME, start_ns + length_ns / 10) != 0)
        return -1;

    uint64_t cpu_ns = s_nodes_cpu_ns (load);
    start_ns = zseq_bench_now_ns ();
    s_set_phase (crew, PHASE_MEASURE);
    int rc = 0;
    if (load->midway) {
        rc = s_wait (crew, FOR_TIME, start_ns + length_ns / 2);
        if (rc == 0)
            load->midway (load->midway_arg);
    }
    if (rc == 0)
        rc =
          s_wait (crew, burst ? FOR_THROUGH : FOR_TIME, start_ns + length_ns);
    sample->cut = burst && atomic_load (&crew->shared->through) <
                             load->processes * load->threads;
    s_set_phase (crew, PHASE_OVER);
    uint64_t end_ns = zseq_bench_now_ns ();
    if (burst && !sample->cut)
        end_ns = s_last_end_ns (crew);
    sample->window_ns = end_ns - start_ns;
    sample->cpu_nodes_ns = s_nodes_cpu_ns (load) - cpu_ns;
    if (rc != 0)
        return -1;
    return s_wait (crew, FOR_END,
                   zseq_bench_now_ns () + s_limit_ns (load, ZSEQ_BENCH_WAIT_S));
}

//  Adds up the measurements of all threads.
static void
s_collect (const s_crew_t *crew, zseq_bench_sample_t *sample)
{
    uint64_t slowest = UINT64_MAX;
    uint64_t fastest = 0;
    size_t clients = crew->load->processes * crew->load->threads;
    for (size_t i = 0; i < clients; i++) {
        const s_client_t *client = &crew->shared->client[i];
        zseq_bench_histogram_merge (&sample->waits, &client->waits);
        zseq_bench_counts_add (&sample->counts, &client->counts);
        sample->done += client->done;
        if (slowest > client->done)
            slowest = client->done;
        if (fastest < client->done)
            fastest = client->done;
    }
    sample->fairness = fastest > 0 ? (double) slowest / (double) fastest : 0;
    for (size_t i = 0; i < crew->load->processes; i++) {
        const s_process_t *process = &crew->shared->process[i];
        sample->cpu_clients_ns += process->cpu_ns;
        zseq_bench_counts_add (&sample->counts, &process->counts);
    }
}

int
zseq_bench_load_run (const zseq_bench_load_t *load,
                     zseq_bench_children_t *children,
                     zseq_bench_sample_t *sample)
{
    assert (load);
    assert (load->processes >= 1);
    assert (load->processes <= ZSEQ_BENCH_PROCESSES_MAX);
    assert (load->threads >= 1);
    assert (load->threads <= ZSEQ_BENCH_THREADS_MAX);
    assert (load->stretch >= 1);
    assert (!load->together || load->burst == 0);
    assert (!load->midway || load->burst == 0);
    assert (children);
    assert (sample);

    s_crew_t crew = {.load = load, .children = children};
    size_t clients = load->processes * load->threads;
    crew.shared_size = sizeof (s_shared_t) + clients * sizeof (s_client_t);
    crew.shared = mmap (NULL, crew.shared_size, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (crew.shared == MAP_FAILED)
        return zseq_bench_fail ("out of memory");

    atomic_init (&crew.shared->phase,
                 load->together ? PHASE_FIRST : PHASE_WARM);
    int rc = 0;
    size_t started = 0;
    for (; rc == 0 && started < load->processes; started++) {
        crew.index = started;
        crew.pids[started] =
          zseq_bench_children_fork (children, "client", s_process_run, &crew);
        if (crew.pids[started] < 0)
            rc = -1;
    }
    memset (sample, 0, sizeof *sample);
    if (rc == 0)
        rc = s_measure (&crew, sample);
    if (rc == 0)
        s_collect (&crew, sample);
    for (size_t i = 0; i < started; i++)
        if (crew.pids[i] > 0)
            zseq_bench_children_end (children, crew.pids[i]);
    munmap (crew.shared, crew.shared_size);
    return rc;
}
