//  Threads of a client process, which use sequences and write what they were
//  given into a history; and the parent's side of that process.

#include "zseq_load.h"
#include "zseq_history.h"
#include "zseq_process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define S_THREADS_MAX 256
#define S_RUN_MAX 64        //  Buffered IDs in one line of a random history
#define S_RAISE_MAX 100     //  How far a raise goes at most
#define S_PROGRESS_IDS 256  //  IDs, and
#define S_PROGRESS_CALLS 8  //  ... calls, that one byte of progress stands for

zseq_load_shared_t *
zseq_load_shared_new (void)
{
    zseq_load_shared_t *self = mmap (NULL, sizeof *self, PROT_READ | PROT_WRITE,
                                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (self == MAP_FAILED ||
        pipe2 (self->progress, O_CLOEXEC | O_NONBLOCK) == -1)
        zseq_process_fail ("shared memory: %s", strerror (errno));
    return self;
}

void
zseq_load_shared_destroy (zseq_load_shared_t **self_p)
{
    assert (self_p);
    zseq_load_shared_t *self = *self_p;
    if (!self)
        return;
    close (self->progress[0]);
    close (self->progress[1]);
    munmap (self, sizeof *self);
    *self_p = NULL;
}

void
zseq_load_await (zseq_load_shared_t *self, size_t count)
{
    assert (self);
    char bytes[256];
    while (count > 0) {
        struct pollfd fd = {.fd = self->progress[0], .events = POLLIN};
        if (poll (&fd, 1, ZSEQ_PROCESS_WAIT_MS) == 0)
            zseq_process_fail ("no client makes progress");
        ssize_t size = read (self->progress[0], bytes,
                             count < sizeof bytes ? count : sizeof bytes);
        if (size > 0)
            count -= (size_t) size;
    }
}

void
zseq_load_drain (zseq_load_shared_t *self)
{
    assert (self);
    char bytes[4096];
    while (read (self->progress[0], bytes, sizeof bytes) > 0)
        ;
}

//  One thread of a client.
typedef struct {
    const zseq_load_t *load;
    zseq_t *handle;
    zseq_history_writer_t *writer;
    uint64_t random;
    uint64_t batch;
    uint64_t seen;              //  The end of the last IDs it got
    uint64_t done;              //  Calls
    uint64_t progress;          //  IDs not yet told as progress
    uint64_t progress_calls;    //  Calls, the same
    zseq_history_op_t pending;  //  Not yet written: it may grow. count 0: none
    int rc;
} s_thread_t;

static uint64_t
s_below (s_thread_t *self, uint64_t bound)
{
    uint64_t z = self->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % bound;
}

static void
s_write_pending (s_thread_t *self)
{
    if (self->pending.count > 0)
        zseq_history_writer_put (self->writer, &self->pending);
    self->pending.count = 0;
}

//  Writes down an operation. Neighbours from the buffer share a line when the
//  history would otherwise grow without need.
static void
s_record (s_thread_t *self, const zseq_history_op_t *op)
{
    zseq_history_op_t *pending = &self->pending;
    if (self->load->batch == 0 && pending->count > 0 &&
        pending->count < S_RUN_MAX && op->kind == ZSEQ_HISTORY_BUFFERED &&
        op->first == pending->first + pending->count) {
        pending->count++;
        pending->end_ns = op->end_ns;
        return;
    }
    s_write_pending (self);
    if (op->kind == ZSEQ_HISTORY_BUFFERED)
        *pending = *op;
    else
        zseq_history_writer_put (self->writer, op);
}

static void
s_progress (s_thread_t *self, uint64_t ids)
{
    zseq_load_shared_t *shared = self->load->shared;
    atomic_fetch_add (&shared->operations, 1);
    atomic_fetch_add (&shared->ids, ids);
    self->progress += ids;
    self->progress_calls++;
    if (self->progress < S_PROGRESS_IDS &&
        self->progress_calls < S_PROGRESS_CALLS)
        return;
    //  The write fails when the pipe is full and not read, which is enough.
    (void) !write (shared->progress[1], "", 1);
    self->progress = 0;
    self->progress_calls = 0;
}

//  Makes one call of that kind and writes it down.
static int
s_call (s_thread_t *self, zseq_history_kind_t kind, uint64_t range)
{
    if (self->load->pause_us)
        usleep ((useconds_t) self->load->pause_us);
    zseq_history_op_t op = {.kind = kind,
                            .client = self->load->client,
                            .count = 1,
                            .start_ns = zseq_history_now_ns ()};
    int rc;
    if (kind == ZSEQ_HISTORY_PEEK) {
        op.count = 0;
        rc = zseq_peek (self->handle, &op.first);
    }
    else if (kind == ZSEQ_HISTORY_RAISE) {
        op.count = 0;
        op.first = self->seen + s_below (self, S_RAISE_MAX) + 1;
        rc = zseq_raise (self->handle, op.first);
    }
    else if (range > 0) {
        op.count = range;
        rc = zseq_next_range (self->handle, range, &op.first);
    }
    else
        rc = zseq_next (self->handle, &op.first);
    op.end_ns = zseq_history_now_ns ();
    self->done++;
    if (rc == ZSEQ_OK) {
        if (op.count > 0)
            self->seen = op.first + op.count;
        s_record (self, &op);
        s_progress (self, op.count);
        return ZSEQ_OK;
    }
    atomic_fetch_add (&self->load->shared->failures, 1);
    fprintf (stderr, "client %u: %s: %s\n", self->load->client,
             zseq_strerror (rc), zseq_detail ());
    bool tolerable = rc == ZSEQ_EUNAVAILABLE || rc == ZSEQ_ETIMEOUT;
    return self->load->tolerant && tolerable ? ZSEQ_OK : rc;
}

static bool
s_over (const s_thread_t *self)
{
    const zseq_load_t *load = self->load;
    return atomic_load (&load->shared->stop) ||
           (load->operations > 0 && self->done >= load->operations);
}

static int
s_steady (s_thread_t *self)
{
    const zseq_load_t *load = self->load;
    zseq_history_kind_t kind = load->range > 0 || load->batch == 1
                                 ? ZSEQ_HISTORY_UNBUFFERED
                                 : ZSEQ_HISTORY_BUFFERED;
    int rc = ZSEQ_OK;
    while (rc == ZSEQ_OK && !s_over (self)) {
        bool peek = load->peeks > 0 && self->done % load->peeks == 0;
        rc = s_call (self, peek ? ZSEQ_HISTORY_PEEK : kind, load->range);
    }
    return rc;
}

//  A turn of something: another batch size, a range, a peek, a raise, or a
//  number of calls that may empty the buffer more than once. A thread does not
//  know what batch size another one has just set, so no thread calls its IDs
//  unbuffered.
static int
s_random_turn (s_thread_t *self)
{
    switch (s_below (self, 16)) {
    case 0:
    case 1:
        self->batch = 1;
        return zseq_set_batch (self->handle, 1);
    case 2:
    case 3:
    case 4:
        self->batch = 1 + s_below (self, ZSEQ_LOAD_BATCH_MAX);
        return zseq_set_batch (self->handle, self->batch);
    case 5:
    case 6:
        return s_call (self, ZSEQ_HISTORY_UNBUFFERED,
                       1 + s_below (self, ZSEQ_LOAD_BATCH_MAX));
    case 7:
        return s_call (self, ZSEQ_HISTORY_PEEK, 0);
    case 8:
        return s_call (self, ZSEQ_HISTORY_RAISE, 0);
    default:
        break;
    }
    bool unbuffered = self->batch == 1 && self->load->threads <= 1;
    zseq_history_kind_t kind =
      unbuffered ? ZSEQ_HISTORY_UNBUFFERED : ZSEQ_HISTORY_BUFFERED;
    uint64_t calls = 1 + s_below (self, 3 * self->batch);
    int rc = ZSEQ_OK;
    for (; rc == ZSEQ_OK && calls > 0 && !s_over (self); calls--)
        rc = s_call (self, kind, 0);
    return rc;
}

static void *
s_thread_run (void *arg)
{
    s_thread_t *self = arg;
    self->batch = 1;
    if (self->load->batch > 0)
        self->rc = s_steady (self);
    else
        while (self->rc == ZSEQ_OK && !s_over (self)) {
            self->rc = s_random_turn (self);
            s_write_pending (self);
            zseq_history_writer_flush (self->writer);
        }
    s_write_pending (self);
    return NULL;
}

static int
s_run_threads (const zseq_load_t *load, zseq_t *handle)
{
    static s_thread_t threads[S_THREADS_MAX];
    static pthread_t ids[S_THREADS_MAX];
    uint32_t count = load->threads > 0 ? load->threads : 1;
    assert (count <= S_THREADS_MAX);
    for (uint32_t index = 0; index < count; index++) {
        threads[index] =
          (s_thread_t){.load = load,
                       .handle = handle,
                       .writer = zseq_history_writer_new (load->history),
                       .random = load->seed + index};
        if (!threads[index].writer ||
            pthread_create (&ids[index], NULL, s_thread_run, &threads[index]))
            zseq_process_fail ("cannot start a client's thread");
    }
    int rc = ZSEQ_OK;
    for (uint32_t index = 0; index < count; index++) {
        pthread_join (ids[index], NULL);
        zseq_history_writer_destroy (&threads[index].writer);
        if (threads[index].rc != ZSEQ_OK)
            rc = threads[index].rc;
    }
    return rc;
}

int
zseq_load_run (void *arg)
{
    const zseq_load_t *load = arg;
    zseq_client_t *client = zseq_client_new (load->uri);
    zseq_t *handle = client ? zseq_new (client, load->name) : NULL;
    if (!handle || zseq_set_timeout (handle, load->timeout_ms) != ZSEQ_OK ||
        (load->batch > 0 && zseq_set_batch (handle, load->batch) != ZSEQ_OK)) {
        fprintf (stderr, "client %u: %s\n", load->client, zseq_detail ());
        return 1;
    }
    zseq_keys_client_t *keys =
      load->keys ? zseq_keys_client_new (load->keys, load->keys_index, client)
                 : NULL;
    int rc = s_run_threads (load, handle);
    if (keys) {
        int keys_rc = zseq_keys_client_end (&keys);
        if (rc == ZSEQ_OK)
            rc = keys_rc;
    }
    zseq_destroy (&handle);
    zseq_stats_t stats;
    if (zseq_client_stats (client, &stats) == ZSEQ_OK) {
        atomic_fetch_add (&load->shared->timeouts, stats.timeouts);
        atomic_fetch_add (&load->shared->burnt, stats.burnt);
    }
    zseq_client_destroy (&client);
    return rc == ZSEQ_OK ? 0 : 1;
}
