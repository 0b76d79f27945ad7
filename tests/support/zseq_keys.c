//  The test's side of zseq_keys, and the judge.

#include "zseq_keys_private.h"
#include "zseq_history.h"
#include "zseq_process.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define S_SETTLE 200000  //  Calls that the judge settles together
#define S_REST_MS 5      //  It looks for new ones that often

void
zseq_keys_name (const zseq_keys_t *self, uint32_t key, char *text, size_t size)
{
    assert (self);
    snprintf (text, size, "%s.%u", self->name, key);
}

//  The judge.

typedef struct {
    zseq_keys_t *keys;
    zseq_kv_history_t *history;
    FILE *file;      //  ZSEQ_TEST_HISTORY, or NULL
    uint64_t added;  //  Since the last settle
} s_judge_t;

static void
s_take (s_judge_t *self, const zseq_kv_history_op_t *op)
{
    zseq_kv_history_add (self->history, op);
    self->added++;
    if (!self->file)
        return;
    char name[2 * ZSEQ_KEYS_NAME_MAX];
    zseq_keys_name (self->keys, op->key, name, sizeof name);
    zseq_kv_history_print (op, name, self->file);
    fputc ('\n', self->file);
}

//  Takes in what was noted. Returns whether that was anything.
static bool
s_take_all (s_judge_t *self)
{
    bool any = false;
    for (uint32_t index = 0; index < self->keys->logs; index++) {
        zseq_keys_log_t *log = &self->keys->log[index];
        uint64_t count = atomic_load (&log->count);
        uint64_t taken = atomic_load (&log->taken);
        for (; taken < count; taken++) {
            s_take (self, &log->op[taken % ZSEQ_KEYS_LOG_MAX]);
            any = true;
        }
        atomic_store (&log->taken, taken);
    }
    return any;
}

//  All calls that began before that are noted.
static uint64_t
s_before_ns (const s_judge_t *self)
{
    uint64_t before_ns = zseq_history_now_ns ();
    for (uint32_t index = 0; index < self->keys->logs; index++) {
        uint64_t bound_ns = atomic_load (&self->keys->log[index].bound_ns);
        if (bound_ns < before_ns)
            before_ns = bound_ns;
    }
    return before_ns;
}

//  Its own process. Ends when no call will be noted any more.
static int
s_judge_run (void *arg)
{
    s_judge_t self = {.keys = arg, .history = zseq_kv_history_new ()};
    const char *path = getenv ("ZSEQ_TEST_HISTORY");
    self.file = path ? fopen (path, "ae") : NULL;
    bool over = false;
    while (!over) {
        over = atomic_load (&self.keys->over);
        uint64_t before_ns = s_before_ns (&self);
        bool any = s_take_all (&self);
        if (self.added >= S_SETTLE) {
            zseq_kv_history_settle (self.history, before_ns);
            self.added = 0;
        }
        if (!any && !over)
            (void) poll (NULL, 0, S_REST_MS);
    }
    zseq_kv_history_check (self.history, &self.keys->verdict);
    zseq_kv_history_destroy (&self.history);
    if (self.file)
        fclose (self.file);
    return 0;
}

//  The test.

zseq_keys_t *
zseq_keys_new (const zseq_keys_options_t *options)
{
    assert (options);
    assert (options->clients >= 1 && options->clients <= ZSEQ_KEYS_CLIENTS_MAX);
    assert (options->threads >= 1 && options->threads <= ZSEQ_KEYS_THREADS_MAX);
    assert (!options->steady || options->threads >= 2);
    assert (options->keys >= 1 && options->keys <= ZSEQ_KEYS_MAX);
    assert (options->value_max <= ZSEQ_VALUE_MAX);
    uint32_t logs = options->clients * options->threads + 1;
    size_t size = sizeof (zseq_keys_t) + logs * sizeof (zseq_keys_log_t);
    zseq_keys_t *self =
      mmap (NULL, size, PROT_READ | PROT_WRITE,
            MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (self == MAP_FAILED)
        zseq_process_fail ("shared memory: %s", strerror (errno));
    self->options = *options;
    snprintf (self->name, sizeof self->name, "%s", options->name);
    self->size = size;
    self->logs = logs;
    for (uint32_t index = 0; index < logs; index++)
        atomic_init (&self->log[index].bound_ns, ZSEQ_KEYS_ENDED);
    self->judge = zseq_process_fork (s_judge_run, self);
    return self;
}

void
zseq_keys_destroy (zseq_keys_t **self_p)
{
    assert (self_p);
    zseq_keys_t *self = *self_p;
    if (!self)
        return;
    if (self->judge) {
        kill (self->judge, SIGKILL);
        (void) zseq_process_wait (self->judge);
    }
    munmap (self, self->size);
    *self_p = NULL;
}

void
zseq_keys_stop (zseq_keys_t *self)
{
    assert (self);
    atomic_store (&self->stop, true);
}

void
zseq_keys_reap (zseq_keys_t *self, uint32_t index)
{
    assert (self);
    assert (index < self->options.clients);
    uint32_t threads = self->options.threads;
    for (uint32_t thread = 0; thread < threads; thread++) {
        zseq_keys_log_t *log = &self->log[index * threads + thread];
        atomic_store (&log->count, atomic_load (&log->begun));
        atomic_store (&log->bound_ns, ZSEQ_KEYS_ENDED);
    }
}

zseq_keys_progress_t
zseq_keys_progress (const zseq_keys_t *self, uint32_t index)
{
    assert (self);
    assert (index < self->options.clients);
    uint32_t threads = self->options.steady ? 2 : self->options.threads;
    const zseq_keys_log_t *log = &self->log[index * self->options.threads];
    zseq_keys_progress_t progress = {0};
    for (uint32_t thread = 0; thread < threads; thread++, log++) {
        progress.reads += atomic_load (&log->reads);
        progress.writes += atomic_load (&log->writes);
        progress.failures += atomic_load (&log->failures);
        uint64_t read_ns = atomic_load (&log->read_ns);
        if (read_ns > progress.read_ns)
            progress.read_ns = read_ns;
        uint64_t write_ns = atomic_load (&log->write_ns);
        if (write_ns > progress.write_ns)
            progress.write_ns = write_ns;
    }
    return progress;
}

zseq_keys_counts_t
zseq_keys_counts (const zseq_keys_t *self)
{
    assert (self);
    zseq_keys_counts_t counts = {.unknown = atomic_load (&self->unknown),
                                 .refused = atomic_load (&self->refused)};
    for (uint32_t index = 0; index < self->logs; index++) {
        counts.calls += atomic_load (&self->log[index].count);
        counts.failures += atomic_load (&self->log[index].failures);
    }
    return counts;
}

static uint64_t
s_answers (const zseq_keys_t *self)
{
    zseq_keys_counts_t counts = zseq_keys_counts (self);
    return counts.calls - counts.failures;
}

void
zseq_keys_await (const zseq_keys_t *self, uint64_t answers)
{
    assert (self);
    uint64_t before = s_answers (self);
    uint64_t start_ns = zseq_history_now_ns ();
    while (s_answers (self) < before + answers) {
        (void) poll (NULL, 0, S_REST_MS);
        if ((zseq_history_now_ns () - start_ns) / 1000000u >
            ZSEQ_PROCESS_WAIT_MS)
            zseq_process_fail ("calls for keys fail, and fail again");
    }
}

const zseq_kv_verdict_t *
zseq_keys_judge (zseq_keys_t *self)
{
    assert (self);
    assert (self->judge);
    atomic_store (&self->over, true);
    int status = zseq_process_wait (self->judge);
    self->judge = 0;
    if (status != 0)
        zseq_process_fail ("the judge of keys ended with status %d", status);
    if (self->verdict.violations > 0)
        printf ("keys:\n%s", self->verdict.text);
    return &self->verdict;
}
