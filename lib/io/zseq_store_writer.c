//  The thread that writes, and the calls that feed it. zseq_store_writer.h says
//  how the queue and the completions work.
//
//  s_run_writer is the thread's loop. It waits with s_wait_for_work, which also
//  runs the watch each second. It serves writes with s_serve_jobs, a group at a
//  time, and a check with s_serve_check when nothing waits or PASSED_MAX groups
//  have gone first. After a fatal error it writes nothing and completes every
//  job with ZSEQ_EIO.
//
//  All memory that the thread needs is reserved by the calls that submit work,
//  so the thread itself never runs out of memory.

#include "zseq_store_writer.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "zseq_io_texts.h"
#include "zseq_seq.h"
#include "zseq_store_private.h"
#include "zseq_store_scrub.h"

//  Groups that go before a waiting check. A check then makes a group wait for
//  the time of one read.
#define PASSED_MAX 1000

//  Grows an array to hold count items of item bytes, by doubling.
static bool
s_reserve_items (void **items_p, size_t *capacity_p, size_t count, size_t item)
{
    if (count <= *capacity_p)
        return true;
    size_t capacity = *capacity_p ? *capacity_p : 64;
    while (capacity < count)
        capacity *= 2;
    void *items = reallocarray (*items_p, capacity, item);
    if (!items)
        return false;
    *items_p = items;
    *capacity_p = capacity;
    return true;
}

//  Makes the descriptor readable.
static void
s_signal_completions (zseq_store_t *self)
{
    const uint64_t one = 1;
    ssize_t size = write (self->event_fd, &one, sizeof one);
    assert (size == sizeof one);
}

//  Appends a completion for each job and frees the copies of node's records.
static void
s_complete_jobs (zseq_store_t *self, zseq_store_job_t *jobs, size_t count)
{
    pthread_mutex_lock (&self->mutex);
    for (size_t i = 0; i < count; i++) {
        const zseq_write_t *write = &jobs[i].write;
        if (jobs[i].status == ZSEQ_ENOSPACE)
            memcpy (self->refusal, self->disk.why, sizeof self->refusal);
        assert (self->done_first + self->done_count < self->done_capacity);
        self->done[self->done_first + self->done_count++] =
          (zseq_written_t){.record = write->record != NULL,
                           .durable_to = write->durable_to,
                           .tag = write->tag,
                           .owner = write->owner,
                           .status = jobs[i].status};
        free ((void *) write->record);
    }
    s_signal_completions (self);
    pthread_mutex_unlock (&self->mutex);
}

//  Whether no other process has taken or written the directory.
static bool
s_is_ours (zseq_store_t *self)
{
    //  Before the formation, and with damage, any journal may be there, or
    //  none.
    bool journal = self->expected.identity != 0 && !self->repair.needed;
    return zseq_store_guard_check (&self->guard, &self->disk,
                                   journal ? &self->journal : NULL,
                                   self->seq_fd) == ZSEQ_OK;
}

//  Writes a group and completes its jobs.
static void
s_serve_jobs (zseq_store_t *self, zseq_store_job_t *jobs, size_t count)
{
    if (!self->fatal)
        self->fatal = zseq_store_group_write (self, jobs, count) != ZSEQ_OK ||
                      !s_is_ours (self);
    for (size_t i = 0; self->fatal && i < count; i++)
        jobs[i].status = ZSEQ_EIO;
    s_complete_jobs (self, jobs, count);
}

//  Reports a fatal error without a submitted write, by an extra completion. The
//  reserve includes one for this. Call it under the mutex.
static void
s_end_idle (zseq_store_t *self)
{
    assert (self->done_first + self->done_count < self->done_capacity);
    self->done[self->done_first + self->done_count++] =
      (zseq_written_t){.status = ZSEQ_EIO};
    self->outstanding++;
    s_signal_completions (self);
}

//  Waits for work. Watches the directory after each second without work. Called
//  under the mutex.
static void
s_wait_for_work (zseq_store_t *self)
{
    struct timespec until;
    clock_gettime (CLOCK_MONOTONIC, &until);
    until.tv_sec++;
    if (self->fatal)
        pthread_cond_wait (&self->wake, &self->mutex);
    else if (pthread_cond_timedwait (&self->wake, &self->mutex, &until) ==
             ETIMEDOUT) {
        pthread_mutex_unlock (&self->mutex);
        self->fatal = !s_is_ours (self);
        pthread_mutex_lock (&self->mutex);
        if (self->fatal)
            s_end_idle (self);
    }
}

//  Checks.

//  Runs the waiting check and returns its status.
static int
s_run_check (zseq_store_t *self)
{
    const zseq_check_t *check = &self->check;
    bool may = !self->fatal && !self->unsynced && !self->repair.needed &&
               self->expected.identity != 0;
    //  Frequent checks may leave no idle second for the watch.
    bool ours = self->fatal || s_is_ours (self);
    self->scrub = self->disk;
    self->scrub.cold = true;
    if (!ours || !may)
        return ours ? ZSEQ_EAGAIN : ZSEQ_EIO;
    int rc;
    if (check->type == ZSEQ_CHECK_SEQUENCE)
        rc =
          zseq_store_scrub_sequence (&self->scrub, &self->expected, check->name,
                                     check->name_size, check->durable_to);
    else if (check->type == ZSEQ_CHECK_NODE)
        rc = zseq_store_scrub_node (&self->scrub, &self->record);
    else
        rc = zseq_store_scrub_journal (&self->scrub, &self->journal,
                                       &self->expected, &self->check_offset);
    self->disk.temps = self->scrub.temps;
    return rc;
}

//  Runs the waiting check and completes it. Called under the mutex, which is
//  released while the check runs.
static void
s_serve_check (zseq_store_t *self)
{
    pthread_mutex_unlock (&self->mutex);
    int rc = s_run_check (self);
    if (rc == ZSEQ_EIO) {
        self->fatal = true;
        memcpy (self->disk.why, self->scrub.why, sizeof self->disk.why);
    }
    pthread_mutex_lock (&self->mutex);
    memcpy (self->check_text, self->scrub.why, sizeof self->check_text);
    self->check_waiting = false;
    assert (self->done_first + self->done_count < self->done_capacity);
    self->done[self->done_first + self->done_count++] =
      (zseq_written_t){.check = true,
                       .more = self->check_offset > 0,
                       .owner = self->check.owner,
                       .status = rc};
    s_signal_completions (self);
}

//  Whether to run a check now: no group waits, or the check has waited long
//  enough.
static bool
s_may_check (const zseq_store_t *self)
{
    return self->check_waiting &&
           (self->waiting_count == 0 || self->check_passed >= PASSED_MAX);
}

//  The thread's loop: takes all queued jobs and writes them group by group.
static void *
s_run_writer (void *arg)
{
    zseq_store_t *self = arg;
    pthread_mutex_lock (&self->mutex);
    while (true) {
        while (self->waiting_count == 0 && !self->stopping &&
               !self->check_waiting)
            s_wait_for_work (self);
        if (!self->stopping && s_may_check (self)) {
            s_serve_check (self);
            continue;
        }
        if (self->waiting_count == 0)
            break;
        self->check_passed++;
        zseq_store_job_t *jobs = self->waiting;
        size_t count = self->waiting_count;
        size_t capacity = self->waiting_capacity;
        self->waiting = self->group;
        self->waiting_capacity = self->group_capacity;
        self->waiting_count = 0;
        self->group = jobs;
        self->group_capacity = capacity;
        pthread_mutex_unlock (&self->mutex);
        for (size_t i = 0; i < count; i += ZSEQ_STORE_GROUP_MAX)
            s_serve_jobs (self, jobs + i,
                          count - i < ZSEQ_STORE_GROUP_MAX
                            ? count - i
                            : ZSEQ_STORE_GROUP_MAX);
        pthread_mutex_lock (&self->mutex);
    }
    pthread_mutex_unlock (&self->mutex);
    zseq_store_group_end (self);
    return NULL;
}

//  Reserves memory for count more jobs and their completions, and for the
//  completion that reports a fatal error, so that the thread never needs
//  memory.
static bool
s_reserve_capacity (zseq_store_t *self, size_t count)
{
    if (self->done_first > 0)
        memmove (self->done, self->done + self->done_first,
                 self->done_count * sizeof *self->done);
    self->done_first = 0;
    return s_reserve_items ((void **) &self->waiting, &self->waiting_capacity,
                            self->waiting_count + count,
                            sizeof *self->waiting) &&
           s_reserve_items ((void **) &self->done, &self->done_capacity,
                            self->outstanding + count + 1, sizeof *self->done);
}

int
zseq_store_start (zseq_store_t *self)
{
    assert (self);
    assert (self->disk.fd >= 0);
    assert (self->loaded);
    assert (!self->started);
    self->disk.why[0] = 0;
    if (!s_reserve_capacity (self, 0))
        return zseq_store_disk_fail (&self->disk, ZSEQ_ENOMEM, ".",
                                     ZSEQ_TEXT_NO_MEMORY_WRITER);
    self->event_fd =
      zseq_store_above_standard (eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (self->event_fd < 0)
        return zseq_store_disk_fail_io (&self->disk, ".", "eventfd");

    pthread_mutex_init (&self->mutex, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init (&monotonic);
    pthread_condattr_setclock (&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init (&self->wake, &monotonic);
    pthread_condattr_destroy (&monotonic);
    //  The thread inherits the mask, so it never handles a signal.
    sigset_t all;
    sigset_t before;
    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    int error = pthread_create (&self->thread, NULL, s_run_writer, self);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    if (error != 0) {
        pthread_cond_destroy (&self->wake);
        pthread_mutex_destroy (&self->mutex);
        zseq_store_close (&self->event_fd);
        return zseq_store_disk_fail (&self->disk, ZSEQ_ENOMEM, ".",
                                     ZSEQ_TEXT_NO_MEMORY_WRITER_THREAD);
    }
    self->started = true;
    return ZSEQ_OK;
}

void
zseq_store_writer_term (zseq_store_t *self)
{
    assert (self);
    if (self->started) {
        pthread_mutex_lock (&self->mutex);
        self->stopping = true;
        pthread_cond_signal (&self->wake);
        pthread_mutex_unlock (&self->mutex);
        pthread_join (self->thread, NULL);
        pthread_cond_destroy (&self->wake);
        pthread_mutex_destroy (&self->mutex);
    }
    zseq_store_close (&self->event_fd);
    free (self->waiting);
    free (self->group);
    free (self->done);
}

//  Asserts the contract of zseq_write_t.
static void
s_check_write (const zseq_write_t *write)
{
    assert (!write->record || !write->deferred);
    if (write->record)
        return;
    assert (write->name);
    assert (write->name_size >= 1);
    assert (!memchr (write->name, 0, write->name_size));
    assert (write->next >= 1);
    assert (write->next <= write->durable_to);
    assert (write->durable_to <= ZSEQ_NEXT_MAX);
}

//  Queues copies of the writes. False: no memory, nothing is queued.
static bool
s_queue_writes (zseq_store_t *self, const zseq_write_t *writes, size_t count)
{
    zseq_store_job_t *jobs = self->waiting + self->waiting_count;
    for (size_t i = 0; i < count; i++) {
        s_check_write (&writes[i]);
        jobs[i] = (zseq_store_job_t){.write = writes[i], .status = ZSEQ_OK};
        if (!writes[i].record)
            continue;
        zseq_record_t *record = malloc (sizeof *record);
        if (!record) {
            while (i-- > 0)
                free ((void *) jobs[i].write.record);
            return false;
        }
        *record = *writes[i].record;
        jobs[i].write.record = record;
    }
    self->waiting_count += count;
    self->outstanding += count;
    return true;
}

int
zseq_store_submit (zseq_store_t *self, const zseq_write_t *writes, size_t count)
{
    assert (self);
    assert (writes);
    assert (self->started);
    if (count == 0)
        return ZSEQ_OK;
    pthread_mutex_lock (&self->mutex);
    bool queued =
      s_reserve_capacity (self, count) && s_queue_writes (self, writes, count);
    if (queued)
        pthread_cond_signal (&self->wake);
    pthread_mutex_unlock (&self->mutex);
    return queued ? ZSEQ_OK : ZSEQ_ENOMEM;
}

int
zseq_store_check (zseq_store_t *self, const zseq_check_t *check)
{
    assert (self);
    assert (check);
    assert (self->started);
    assert (!check->name == (check->type != ZSEQ_CHECK_SEQUENCE));
    pthread_mutex_lock (&self->mutex);
    assert (!self->check_waiting);
    bool queued = s_reserve_capacity (self, 1);
    if (queued) {
        self->check = *check;
        self->check_waiting = true;
        self->check_passed = 0;
        self->outstanding++;
        pthread_cond_signal (&self->wake);
    }
    pthread_mutex_unlock (&self->mutex);
    return queued ? ZSEQ_OK : ZSEQ_ENOMEM;
}

const char *
zseq_store_check_text (const zseq_store_t *self)
{
    assert (self);
    return self->check_text;
}

void
zseq_store_refusal (zseq_store_t *self, char *text)
{
    assert (self);
    assert (text);

    pthread_mutex_lock (&self->mutex);
    memcpy (text, self->refusal, sizeof self->refusal);
    pthread_mutex_unlock (&self->mutex);
}

int
zseq_store_fd (const zseq_store_t *self)
{
    assert (self);
    assert (self->started);
    return self->event_fd;
}

size_t
zseq_store_collect (zseq_store_t *self, zseq_written_t *written, size_t count)
{
    assert (self);
    assert (written);
    assert (self->started);
    pthread_mutex_lock (&self->mutex);
    if (count > self->done_count)
        count = self->done_count;
    for (size_t i = 0; i < count; i++) {
        written[i] = self->done[self->done_first + i];
        if (written[i].status == ZSEQ_EIO)
            self->reported_fatal = true;
    }
    self->done_first += count;
    self->done_count -= count;
    self->outstanding -= count;
    if (count > 0 && self->done_count == 0) {
        uint64_t events;
        ssize_t size = read (self->event_fd, &events, sizeof events);
        assert (size == sizeof events);
    }
    pthread_mutex_unlock (&self->mutex);
    return count;
}
