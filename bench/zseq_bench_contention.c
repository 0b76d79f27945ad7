//  Each thread of the load is a client. It connects with its first call, so
//  that whether connecting is part of a burst depends on whether the client has
//  drawn anything before. All IDs that anyone receives go into a list that the
//  processes share; afterwards it is sorted, and no ID may be in it twice.

#include "zseq_bench_contention.h"

#include "zseq.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

//  More IDs than a cluster hands out one by one in a second; and how many more
//  seconds than the measured ones there may be, which is also how long a crowd
//  may take to connect, and to end. The list takes only the memory of the IDs
//  that there are.
#define IDS_PER_S 1000000
#define LIMIT_S 60

//  How often a client tries to draw its ID before the window. A client that
//  fails connects in the window.
#define WARM_TRIES 3

//  How long the peek after the crowd may take: the nodes may still be busy
//  with what it has asked for.
#define PEEK_MS 20000

//  In memory that all processes share.
typedef struct {
    uint64_t next;           //  What the peek said, or 0
    _Atomic uint64_t count;  //  IDs received
    uint64_t id[];           //  0: its process was ended before it wrote it
} s_list_t;

typedef struct {
    const zseq_bench_contention_t *contention;
    s_list_t *list;
    size_t size;        //  Of the list, bytes
    uint64_t capacity;  //  IDs
} s_group_t;

//  One thread.
typedef struct {
    const s_group_t *group;
    zseq_client_t *client;  //  NULL: the next call makes a new one
    zseq_t *sequence;
    uint64_t calls;  //  Of this client
    uint64_t wait_ns;
    zseq_bench_counts_t counts;  //  Without those of the client there is
} s_drawer_t;

//  Adds what the client there is, if any, has counted.
static void
s_drawer_add (const s_drawer_t *self, zseq_bench_counts_t *counts)
{
    zseq_stats_t stats;
    if (!self->client || zseq_client_stats (self->client, &stats) != ZSEQ_OK)
        return;
    counts->claims += stats.claims;
    counts->conflicts += stats.conflicts;
    counts->burnt += stats.burnt;
}

//  Ends the client, if there is one.
static void
s_drawer_leave (s_drawer_t *self)
{
    s_drawer_add (self, &self->counts);
    zseq_destroy (&self->sequence);
    zseq_client_destroy (&self->client);
    self->calls = 0;
}

//  One call, of a new client if there is none.
static int
s_drawer_call (s_drawer_t *self, uint64_t *id_p)
{
    const zseq_bench_contention_t *contention = self->group->contention;
    if (!self->client)
        self->client = zseq_client_new (contention->uri);
    if (self->client && !self->sequence)
        self->sequence = zseq_new (self->client, contention->name);
    return self->sequence ? zseq_next (self->sequence, id_p) : zseq_errno ();
}

//  Connects, by an ID of another sequence, so that no two clients contend.
static void
s_drawer_warm (s_drawer_t *self, size_t index)
{
    const zseq_bench_contention_t *contention = self->group->contention;
    char name[ZSEQ_NAME_MAX + 1];
    snprintf (name, sizeof name, "%s/%zu", contention->warm, index);
    self->client = zseq_client_new (contention->uri);
    zseq_t *sequence = self->client ? zseq_new (self->client, name) : NULL;
    int rc = ZSEQ_ETIMEOUT;
    for (int i = 0; sequence && rc != ZSEQ_OK && i < WARM_TRIES; i++) {
        uint64_t id;
        rc = zseq_next (sequence, &id);
    }
    zseq_destroy (&sequence);
}

static int
s_drawer_open (const void *arg, size_t index, void **context_p, char *text)
{
    s_drawer_t *self = calloc (1, sizeof *self);
    if (!self) {
        snprintf (text, ZSEQ_BENCH_TEXT_MAX, "out of memory");
        return -1;
    }
    self->group = arg;
    if (self->group->contention->warm)
        s_drawer_warm (self, index);
    *context_p = self;
    return 0;
}

static void
s_drawer_close (void *context)
{
    s_drawer_t *self = context;
    s_drawer_leave (self);
    free (self);
}

//  Puts an ID that was received on the list.
static int
s_drawer_note (s_drawer_t *self, uint64_t id, uint64_t *last, char *text)
{
    const char *wrong = NULL;
    s_list_t *list = self->group->list;
    uint64_t index = atomic_fetch_add (&list->count, 1);
    if (index >= self->group->capacity)
        wrong = "more IDs than can be checked for duplicates";
    else if (id <= *last)
        wrong = "an ID is not above the one before";
    if (wrong) {
        snprintf (text, ZSEQ_BENCH_TEXT_MAX, "%s: %s",
                  self->group->contention->name, wrong);
        return -1;
    }
    list->id[index] = id;
    *last = id;
    return 0;
}

static int
s_drawer_repeat (void *context, size_t count, uint64_t *last, char *text)
{
    s_drawer_t *self = context;
    assert (count == 1);
    uint64_t calls_each = self->group->contention->calls_each;
    if (calls_each > 0 && self->calls == calls_each)
        s_drawer_leave (self);
    self->calls++;
    uint64_t id;
    uint64_t then_ns = zseq_bench_now_ns ();
    int rc = s_drawer_call (self, &id);
    self->wait_ns = zseq_bench_now_ns () - then_ns;
    if (rc == ZSEQ_OK)
        return s_drawer_note (self, id, last, text);
    assert (rc < 0 && rc > -ZSEQ_BENCH_ERRORS);
    self->counts.failed[-rc]++;
    return 1;
}

//  Without the end of the client before.
static uint64_t
s_drawer_wait_ns (void *context)
{
    const s_drawer_t *self = context;
    return self->wait_ns;
}

static void
s_drawer_count (void *context, zseq_bench_counts_t *counts)
{
    const s_drawer_t *self = context;
    *counts = self->counts;
    s_drawer_add (self, counts);
}

static const zseq_bench_operation_t s_drawer = {
  .open = s_drawer_open,
  .per_thread = true,
  .repeat = s_drawer_repeat,
  .wait_ns = s_drawer_wait_ns,
  .count = s_drawer_count,
  .close = s_drawer_close,
};

//  The crowd, in the bench's own process.

//  The child that asks for the next ID. That it cannot is no failure: the row
//  says so.
static int
s_peek_run (void *arg)
{
    const s_group_t *group = arg;
    zseq_client_t *client = zseq_client_new (group->contention->uri);
    zseq_t *sequence =
      client ? zseq_new (client, group->contention->name) : NULL;
    uint64_t next;
    if (sequence && zseq_set_timeout (sequence, PEEK_MS) == ZSEQ_OK &&
        zseq_peek (sequence, &next) == ZSEQ_OK)
        group->list->next = next;
    zseq_destroy (&sequence);
    zseq_client_destroy (&client);
    return 0;
}

static int
s_peek (const s_group_t *group, zseq_bench_children_t *children)
{
    pid_t pid = zseq_bench_children_fork (children, "the question for the end",
                                          s_peek_run, (void *) group);
    return pid > 0 ? zseq_bench_children_finish (children, pid) : -1;
}

static int
s_compare (const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *) a;
    uint64_t right = *(const uint64_t *) b;
    return (left > right) - (left < right);
}

//  That no ID was handed out twice.
static int
s_check (const s_group_t *group)
{
    s_list_t *list = group->list;
    size_t count = (size_t) atomic_load (&list->count);
    qsort (list->id, count, sizeof list->id[0], s_compare);
    for (size_t i = 1; i < count; i++)
        if (list->id[i] > 0 && list->id[i] == list->id[i - 1])
            return zseq_bench_fail ("%s: an ID was handed out twice: %llu",
                                    group->contention->name,
                                    (unsigned long long) list->id[i]);
    return 0;
}

//  Maps the list, of pages that come when they are written.
static int
s_group_init (s_group_t *self, const zseq_bench_contention_t *contention)
{
    self->contention = contention;
    size_t clients = contention->processes * contention->threads;
    self->capacity =
      contention->burst > 0
        ? clients * contention->burst
        : (uint64_t) ((contention->seconds + 2 * LIMIT_S) * IDS_PER_S);
    self->size =
      sizeof *self->list + (size_t) self->capacity * sizeof self->list->id[0];
    self->list = mmap (NULL, self->size, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return self->list == MAP_FAILED ? zseq_bench_fail ("out of memory") : 0;
}

int
zseq_bench_contention_run (const zseq_bench_contention_t *self,
                           zseq_bench_children_t *children,
                           zseq_bench_sample_t *sample, zseq_bench_used_t *used)
{
    assert (self);
    assert (self->uri);
    assert (self->name);
    assert (children);
    assert (sample);
    assert (used);
    s_group_t group;
    if (s_group_init (&group, self) != 0)
        return -1;
    zseq_bench_load_t load = {
      .operation = &s_drawer,
      .arg = &group,
      .processes = self->processes,
      .threads = self->threads,
      .stretch = 1,
      .seconds = self->seconds,
      .burst = self->burst,
      .limit_s = LIMIT_S,
      .nodes = self->nodes,
      .node_count = self->node_count,
    };
    int rc = zseq_bench_load_run (&load, children, sample);
    if (rc == 0)
        rc = s_check (&group);
    if (rc == 0)
        rc = s_peek (&group, children);
    used->ids = atomic_load (&group.list->count);
    used->next = group.list->next;
    munmap (group.list, group.size);
    return rc;
}

bool
zseq_bench_contention_fits (size_t processes, size_t threads, char *text)
{
    assert (text);
    //  Also of the nodes, whoever started them: the limit is the system's.
    size_t client = threads * ZSEQ_BENCH_FILES_CLIENT;
    size_t node = processes * threads * ZSEQ_BENCH_FILES_NODE;
    size_t files = ZSEQ_BENCH_FILES_OTHER + (client > node ? client : node);
    struct rlimit limit = {0};
    if (getrlimit (RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= files)
        return true;
    snprintf (text, ZSEQ_BENCH_TEXT_MAX,
              "a process needs %zu open files, and may have %llu (ulimit -Hn)",
              files, (unsigned long long) limit.rlim_cur);
    return false;
}
