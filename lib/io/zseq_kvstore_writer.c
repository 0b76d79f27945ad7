//  The thread that writes groups, and the calls that feed it.
//
//  s_run_writer is the thread's loop. It takes all groups that wait and writes
//  them with s_serve, as one batch if they fit into one. While no group waits
//  it works in the background, a piece at a time (s_choose_work): zeros for the
//  journal, a snapshot, segments that are not needed. While groups keep coming
//  it owes the background as much as it writes itself, twice (s_pay), so that
//  neither waits for long. After a fatal error it writes nothing and completes
//  every group with ZSEQ_EIO.

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "zseq_io_texts.h"
#include "zseq_kvstore_make.h"
#include "zseq_kvstore_private.h"

//  The journal grows to that many segments before any is removed.
#define SEGMENTS_MIN 2

//  Bytes that the background may write for a byte of groups.
#define SHARE 2

//  Writes between two pieces that are read back while groups keep coming.
#define CHECK_BATCHES 1000

//  The queue.

static void
s_queue_add (zseq_kvstore_queue_t *queue, zseq_kvstore_job_t *job)
{
    job->next = NULL;
    if (queue->last)
        queue->last->next = job;
    else
        queue->first = job;
    queue->last = job;
}

static zseq_kvstore_job_t *
s_queue_take (zseq_kvstore_queue_t *queue)
{
    zseq_kvstore_job_t *job = queue->first;
    if (!job)
        return NULL;
    queue->first = job->next;
    if (!queue->first)
        queue->last = NULL;
    return job;
}

static void
s_queue_term (zseq_kvstore_queue_t *queue)
{
    zseq_kvstore_job_t *job;
    while ((job = s_queue_take (queue)))
        free (job);
}

//  Completions. All of these are called under the mutex.

//  Makes the descriptor readable.
static void
s_signal (zseq_kvstore_t *self)
{
    const uint64_t one = 1;
    ssize_t size = write (self->event_fd, &one, sizeof one);
    assert (size == sizeof one);
}

static void
s_complete (zseq_kvstore_t *self, zseq_kvstore_job_t *job)
{
    if (job->status == ZSEQ_ENOSPACE)
        memcpy (self->refusal, self->disk.why, sizeof self->refusal);
    s_queue_add (&self->done, job);
    s_signal (self);
}

static void
s_end_shot (zseq_kvstore_t *self, int status)
{
    if (status == ZSEQ_ENOSPACE)
        memcpy (self->refusal, self->disk.why, sizeof self->refusal);
    self->shot_status = status;
    self->shot_state = ZSEQ_KVSTORE_SHOT_DONE;
    s_signal (self);
}

//  Notes a fatal error: nothing more is written.
static void
s_fail (zseq_kvstore_t *self)
{
    self->fatal = true;
    self->failed = true;
    if (self->shot_state == ZSEQ_KVSTORE_SHOT_GIVEN ||
        self->shot_state == ZSEQ_KVSTORE_SHOT_BEGUN)
        s_end_shot (self, ZSEQ_EIO);
    s_signal (self);
}

//  Batches.

//  Whether no other process has taken or written the directory.
static bool
s_is_ours (zseq_kvstore_t *self)
{
    char where[ZSEQ_KVSTORE_WHERE_SIZE];
    int rc = zseq_store_guard_check (&self->guard, &self->disk, NULL, -1);
    if (rc != ZSEQ_OK || self->damaged)
        return rc == ZSEQ_OK;
    const zseq_kvstore_journal_t *journal = &self->journal;
    zseq_kvstore_journal_where (journal->current.number, where);
    rc = zseq_store_guard_file (&self->disk, ZSEQ_KVSTORE_FOLDER,
                                journal->folder_fd, -1);
    if (rc == ZSEQ_OK)
        rc = zseq_store_guard_file (&self->disk, where, journal->current.fd,
                                    (off_t) journal->current.size);
    return rc == ZSEQ_OK;
}

static void
s_begin_batch (zseq_kvstore_t *self)
{
    zseq_kvstore_batch_begin (&self->batch);
    memset (self->shard_bytes, 0, sizeof self->shard_bytes);
}

//  Goes on in the next segment.
static int
s_turn (zseq_kvstore_t *self)
{
    if (!zseq_kvstore_ledger_reserve (&self->ledger))
        return zseq_store_disk_fail (&self->disk, ZSEQ_ENOSPACE,
                                     ZSEQ_KVSTORE_FOLDER,
                                     ZSEQ_TEXT_NO_MEMORY_WRITER);
    uint64_t size;
    int rc = zseq_kvstore_journal_turn (&self->journal, &size);
    if (rc != ZSEQ_OK)
        return rc;
    zseq_kvstore_ledger_grow (&self->ledger, size);
    zseq_kvstore_ledger_add (&self->ledger, self->journal.current.number);
    return ZSEQ_OK;
}

//  Notes in the ledger what a batch has added to the journal.
static void
s_note_batch (zseq_kvstore_t *self)
{
    for (uint8_t shard = 0; shard < ZSEQ_SHARDS; shard++)
        if (self->shard_bytes[shard] > 0)
            zseq_kvstore_ledger_note (&self->ledger, shard, self->batch_last,
                                      self->shard_bytes[shard]);
    if (self->shot.fd >= 0)
        self->shot_since += self->shard_bytes[self->shot.source.shard];
    zseq_kvstore_ledger_grow (&self->ledger, self->journal.current.end);
}

//  Puts what peers have told. The first batch of a segment has it, too, as
//  segments before may be deleted.
static void
s_put_heard (zseq_kvstore_t *self)
{
    for (uint8_t node = 0; node < ZSEQ_NODES_MAX; node++) {
        const zseq_journal_end_t *end = &self->ledger.heard[node];
        if (end->incarnation.counter > 0)
            zseq_kvstore_batch_heard (&self->batch, node, end);
    }
}

//  Writes the batch and begins another one. Errors: ZSEQ_ENOSPACE (it is not in
//  the journal), ZSEQ_EIO.
static int
s_flush (zseq_kvstore_t *self)
{
    size_t payload = zseq_kvstore_batch_payload (&self->batch);
    int rc = ZSEQ_OK;
    if (!zseq_kvstore_journal_fits (&self->journal,
                                    payload + ZSEQ_KVSTORE_EXTRA_SIZE))
        rc = s_turn (self);
    bool first = self->journal.current.end == ZSEQ_KVSTORE_HEADER_SIZE;
    bool base = first || self->ledger.base_due;
    if (rc == ZSEQ_OK && base)
        zseq_kvstore_batch_base (&self->batch, &self->ledger.base);
    if (rc == ZSEQ_OK && (first || self->ledger.heard_due))
        s_put_heard (self);
    if (rc == ZSEQ_OK)
        rc = zseq_kvstore_journal_append (&self->journal, &self->batch,
                                          self->batch_position);
    if (rc == ZSEQ_OK) {
        s_note_batch (self);
        self->written += self->batch.size;
        self->sealed = payload == 0;
        self->ledger.heard_due = false;
        if (base) {
            self->ledger.base_due = false;
            self->oldest_recorded = self->ledger.base.oldest;
        }
    }
    s_begin_batch (self);
    return rc;
}

//  Writes a batch without changes at position.
static int
s_write_empty (zseq_kvstore_t *self, uint64_t position)
{
    s_begin_batch (self);
    self->batch_position = position;
    return s_flush (self);
}

//  Groups.

static size_t
s_change_size (const zseq_kv_change_t *change)
{
    switch (change->type) {
    case ZSEQ_KV_CHANGE_PROMISE:
        return 1 + 1 + 4 + 8 + 8;
    case ZSEQ_KV_CHANGE_RECORD:
        return 1 + zseq_kvstore_record_size (&change->accepted->record);
    case ZSEQ_KV_CHANGE_DROPPED:
        return 1 + zseq_kvstore_dropped_size (&change->accepted->record);
    default:
        return 1 + 1;
    }
}

static void
s_put_change (zseq_kvstore_t *self, const zseq_kv_change_t *change)
{
    uint8_t shard = change->shard;
    switch (change->type) {
    case ZSEQ_KV_CHANGE_PROMISE:
        zseq_kvstore_batch_promise (&self->batch, shard, &change->promise,
                                    change->dropped);
        break;
    case ZSEQ_KV_CHANGE_RECORD:
        shard = zseq_kv_shard (change->accepted->record.key);
        zseq_kvstore_batch_record (&self->batch, &change->accepted->record);
        break;
    case ZSEQ_KV_CHANGE_DROPPED:
        shard = zseq_kv_shard (change->accepted->record.key);
        zseq_kvstore_batch_dropped (&self->batch, &change->accepted->record);
        break;
    case ZSEQ_KV_CHANGE_CLEARED:
        zseq_kvstore_batch_cleared (&self->batch, shard);
        break;
    }
    self->shard_bytes[shard] += s_change_size (change);
}

//  Completes the groups before end (NULL: all) in taken, which the last flush
//  has written. An error is that of all of them.
static void
s_complete_flushed (zseq_kvstore_t *self, zseq_kvstore_queue_t *taken,
                    zseq_kvstore_job_t *end, int rc)
{
    if (rc == ZSEQ_OK && !s_is_ours (self))
        rc = ZSEQ_EIO;
    pthread_mutex_lock (&self->mutex);
    if (rc == ZSEQ_EIO && !self->fatal) {
        s_fail (self);
        self->failed = false;  //  The groups say so
    }
    while (taken->first != end) {
        zseq_kvstore_job_t *job = s_queue_take (taken);
        if (rc != ZSEQ_OK)
            job->status = rc;
        s_complete (self, job);
    }
    pthread_mutex_unlock (&self->mutex);
}

//  Whether size bytes of entries are too many for what is in the batch.
static bool
s_exceeds (const zseq_kvstore_t *self, size_t size)
{
    size_t payload = zseq_kvstore_batch_payload (&self->batch);
    return payload > 0 && payload + size > self->sizes.payload;
}

//  Puts a group into the batch, and writes the batch whenever it is full. A
//  group is in one batch unless it is larger than a batch.
static void
s_put_group (zseq_kvstore_t *self, zseq_kvstore_queue_t *taken,
             zseq_kvstore_job_t *job)
{
    size_t total = 0;
    for (uint8_t node = 0; node < ZSEQ_NODES_MAX; node++)
        zseq_kvstore_ledger_hear (&self->ledger, node,
                                  &job->group->heard[node]);
    for (size_t i = 0; i < job->group->count; i++)
        total += s_change_size (&job->group->changes[i]);
    if (s_exceeds (self, total))
        s_complete_flushed (self, taken, job, s_flush (self));
    self->batch_last = job->position;
    for (size_t i = 0; i < job->group->count && !self->fatal; i++) {
        if (s_exceeds (self, s_change_size (&job->group->changes[i]))) {
            int rc = s_flush (self);
            if (rc != ZSEQ_OK)
                job->status = rc;
            s_complete_flushed (self, taken, job, rc);
        }
        if (!self->fatal)
            s_put_change (self, &job->group->changes[i]);
    }
    self->batch_position = job->position;
    self->processed = job->position;
}

//  Whether a group begins by clearing all shards.
static bool
s_clears_all (const zseq_kvstore_job_t *job)
{
    for (uint8_t shard = 0; shard < ZSEQ_SHARDS; shard++)
        if (shard >= job->group->count ||
            job->group->changes[shard].type != ZSEQ_KV_CHANGE_CLEARED ||
            job->group->changes[shard].shard != shard)
            return false;
    return true;
}

//  Makes a new kv beside the damaged one, and opens it.
static int
s_renew (zseq_kvstore_t *self)
{
    zseq_kvstore_journal_t *journal = &self->journal;
    zseq_store_close (&journal->current.fd);
    zseq_store_close (&journal->next.fd);
    zseq_store_close (&journal->folder_fd);
    self->aside.device = self->disk.device;
    self->aside.sync_each = self->disk.sync_each;
    int rc = zseq_kvstore_renew (&self->disk, &self->aside, journal->identity,
                                 journal->node);
    if (rc != ZSEQ_OK)
        return rc;
    const zseq_kvstore_load_callbacks_t callbacks = {.damage = NULL};
    zseq_kvstore_found_t found;
    journal->disk = &self->aside;
    rc = zseq_kvstore_read (&self->aside, journal->identity, journal->node, 0,
                            &callbacks, &found);
    if (rc == ZSEQ_OK && found.result.damaged > 0)
        rc = zseq_store_disk_fail (&self->aside, ZSEQ_EIO, ZSEQ_KVSTORE_FOLDER,
                                   ZSEQ_TEXT_KV_DAMAGED_ANEW);
    if (rc == ZSEQ_OK)
        rc = zseq_kvstore_tidy (&self->aside, &found, journal);
    if (rc != ZSEQ_OK) {
        zseq_kvstore_ledger_term (&found.ledger);
        return ZSEQ_EIO;
    }
    zseq_kvstore_ledger_term (&self->ledger);
    self->ledger = found.ledger;
    self->oldest = self->ledger.base.oldest;
    self->oldest_recorded = self->oldest;
    return ZSEQ_OK;
}

//  Writes the group that clears all shards to a new kv, with all that is to be
//  kept, and puts that in the place of the damaged one. A crash before that
//  leaves the damaged one where it is, for the next try.
static int
s_write_anew (zseq_kvstore_t *self, zseq_kvstore_queue_t *taken)
{
    zseq_kvstore_job_t *job = taken->first;
    assert (s_clears_all (job));
    int rc = s_renew (self);
    s_begin_batch (self);
    self->batch_position = self->journal.position;
    if (rc == ZSEQ_OK)
        s_put_group (self, taken, job);
    if (rc == ZSEQ_OK)
        rc = self->fatal ? ZSEQ_EIO : job->status;
    if (rc == ZSEQ_OK)
        rc = s_flush (self);
    if (rc != ZSEQ_OK && self->aside.why[0])
        memcpy (self->disk.why, self->aside.why, sizeof self->disk.why);
    if (rc == ZSEQ_OK)
        rc = zseq_kvstore_renewed (&self->disk);
    if (rc != ZSEQ_OK)
        return rc;
    self->journal.disk = &self->disk;
    zseq_store_close (&self->aside.fd);
    self->damaged = false;
    s_complete_flushed (self, taken, job->next, ZSEQ_OK);
    return ZSEQ_OK;
}

//  Writes and completes the groups that were taken.
static void
s_serve (zseq_kvstore_t *self, zseq_kvstore_queue_t *taken)
{
    int rc = self->fatal ? ZSEQ_EIO : ZSEQ_OK;
    self->full = false;
    if (rc == ZSEQ_OK && self->damaged)
        rc = s_write_anew (self, taken);
    s_begin_batch (self);
    self->batch_position = self->journal.position;
    for (zseq_kvstore_job_t *job = taken->first, *next; rc == ZSEQ_OK && job;
         job = next) {
        next = job->next;
        s_put_group (self, taken, job);
    }
    if (rc == ZSEQ_OK && self->fatal)
        rc = ZSEQ_EIO;
    if (rc == ZSEQ_OK && taken->first)
        rc = s_flush (self);
    self->used = self->used || rc == ZSEQ_OK;
    s_complete_flushed (self, taken, NULL, rc);
}

//  The background.

typedef enum {
    S_NOTHING,
    S_RECORD_BASE,
    S_DELETE_SEGMENT,
    S_WRITE_SHOT,
    S_WRITE_ZEROS,
    S_SPEND_SEGMENT,
    S_LEAVE_SEGMENT,
    S_ASK_FOR_SHOT,
    S_CHECK
} s_work_t;

//  Whether the snapshot can go on. Called under the mutex.
static bool
s_has_shot (const zseq_kvstore_t *self)
{
    if (self->shot_state == ZSEQ_KVSTORE_SHOT_GIVEN)
        return true;
    //  It is put in place after the groups that are in it.
    return self->shot_state == ZSEQ_KVSTORE_SHOT_BEGUN &&
           (!zseq_kvstore_shot_is_complete (&self->shot) ||
            self->processed >= self->shot.source.position);
}

//  What to write while no group waits. Called under the mutex.
static s_work_t
s_choose_writing (const zseq_kvstore_t *self)
{
    if (self->fatal || self->damaged || self->full || !self->used)
        return S_NOTHING;
    if (self->ledger.base_due)
        return S_RECORD_BASE;
    if (self->oldest < self->oldest_recorded)
        return S_DELETE_SEGMENT;
    if (s_has_shot (self))
        return S_WRITE_SHOT;
    if (zseq_kvstore_journal_is_short (&self->journal))
        return S_WRITE_ZEROS;
    if (zseq_kvstore_ledger_is_spent (&self->ledger))
        return S_SPEND_SEGMENT;
    if (zseq_kvstore_ledger_is_stuck (&self->ledger))
        return S_LEAVE_SEGMENT;
    if (self->shot_state == ZSEQ_KVSTORE_SHOT_NONE &&
        self->written >= self->shot_retry &&
        zseq_kvstore_ledger_due (
          &self->ledger, SEGMENTS_MIN * self->sizes.segment) < ZSEQ_SHARDS)
        return S_ASK_FOR_SHOT;
    return S_NOTHING;
}

//  What to do while no group waits. Called under the mutex.
static s_work_t
s_choose_work (const zseq_kvstore_t *self)
{
    s_work_t work = s_choose_writing (self);
    if (work == S_NOTHING && self->check_state == ZSEQ_KVSTORE_CHECK_ASKED &&
        !self->fatal && !self->damaged)
        return S_CHECK;
    return work;
}

//  Begins the snapshot that the caller has given.
static int
s_begin_shot (zseq_kvstore_t *self)
{
    pthread_mutex_lock (&self->mutex);
    self->shot_state = ZSEQ_KVSTORE_SHOT_BEGUN;
    pthread_mutex_unlock (&self->mutex);
    self->shot_since = 0;
    self->shot_owed = 0;
    return zseq_kvstore_shot_begin (&self->shot, &self->journal,
                                    &self->shot_source);
}

//  Puts the snapshot in place. The journal comes to its position first: groups
//  that were refused are in the snapshot, too.
static int
s_place_shot (zseq_kvstore_t *self)
{
    const zseq_kvstore_shot_source_t *source = &self->shot.source;
    assert (self->processed >= source->position);
    int rc = ZSEQ_OK;
    if (self->journal.position < source->position)
        rc = s_write_empty (self, source->position);
    if (rc == ZSEQ_OK)
        rc = zseq_kvstore_shot_end (&self->shot, &self->journal);
    if (rc == ZSEQ_OK)
        zseq_kvstore_ledger_snapshot (
          &self->ledger, source->shard, source->position, self->shot.size,
          zseq_kvstore_sum_value (self->shot.sum), self->shot_since);
    return rc;
}

//  Writes the next piece of the snapshot.
static int
s_write_shot (zseq_kvstore_t *self)
{
    bool begun = self->shot.fd >= 0;
    bool complete = begun && zseq_kvstore_shot_is_complete (&self->shot);
    int rc;
    if (!begun)
        rc = s_begin_shot (self);
    else if (!complete)
        rc = zseq_kvstore_shot_step (&self->shot, &self->journal);
    else
        rc = s_place_shot (self);
    if ((rc == ZSEQ_OK && !complete) || rc == ZSEQ_EIO)
        return rc;
    zseq_kvstore_shot_stop (&self->shot);
    if (rc != ZSEQ_OK)
        self->shot_retry = self->written + self->sizes.segment / 8;
    pthread_mutex_lock (&self->mutex);
    s_end_shot (self, rc);
    pthread_mutex_unlock (&self->mutex);
    return ZSEQ_OK;
}

//  Deletes the oldest segment.
static int
s_delete_segment (zseq_kvstore_t *self)
{
    int rc = zseq_kvstore_journal_delete (&self->journal, self->oldest);
    if (rc == ZSEQ_OK)
        self->oldest++;
    return rc;
}

static void
s_ask_for_shot (zseq_kvstore_t *self)
{
    uint8_t shard = zseq_kvstore_ledger_due (
      &self->ledger, SEGMENTS_MIN * self->sizes.segment);
    pthread_mutex_lock (&self->mutex);
    self->shot_shard = shard;
    self->shot_state = ZSEQ_KVSTORE_SHOT_DUE;
    s_signal (self);
    pthread_mutex_unlock (&self->mutex);
}

//  Reads back a piece. What is damaged is written anew even if the node has
//  written nothing yet; if the disk was full, that is tried again each time.
static void
s_check (zseq_kvstore_t *self)
{
    int rc =
      zseq_kvstore_scrub_step (&self->scrub, &self->journal, &self->ledger);
    if (zseq_kvstore_ledger_is_damaged (&self->ledger)) {
        self->used = true;
        self->full = false;
        self->shot_retry = self->written;
    }
    size_t pieces = zseq_kvstore_scrub_pieces (&self->scrub, &self->ledger);
    pthread_mutex_lock (&self->mutex);
    self->checked = 0;
    self->check_state = ZSEQ_KVSTORE_CHECK_DONE;
    self->check_status = rc;
    self->check_pieces = pieces;
    memcpy (self->check_text, self->scrub.disk.why, sizeof self->check_text);
    s_signal (self);
    pthread_mutex_unlock (&self->mutex);
}

static int
s_do_work (zseq_kvstore_t *self, s_work_t work)
{
    switch (work) {
    case S_RECORD_BASE:
        return s_write_empty (self, self->journal.position);
    case S_DELETE_SEGMENT:
        return s_delete_segment (self);
    case S_WRITE_SHOT:
        return s_write_shot (self);
    case S_WRITE_ZEROS:
        return zseq_kvstore_journal_prepare (&self->journal);
    case S_SPEND_SEGMENT:
        zseq_kvstore_ledger_remove (&self->ledger);
        return ZSEQ_OK;
    case S_LEAVE_SEGMENT:
        return s_turn (self);
    case S_ASK_FOR_SHOT:
        s_ask_for_shot (self);
        return ZSEQ_OK;
    case S_CHECK:
        s_check (self);
        return ZSEQ_OK;
    default:
        return ZSEQ_OK;
    }
}

//  Does a piece of work. What fails for lack of space is tried again after the
//  next group. Returns whether it went well.
static bool
s_work (zseq_kvstore_t *self, s_work_t work)
{
    int rc = s_do_work (self, work);
    if (rc == ZSEQ_ENOSPACE)
        self->full = true;
    if (rc == ZSEQ_EIO) {
        pthread_mutex_lock (&self->mutex);
        s_fail (self);
        pthread_mutex_unlock (&self->mutex);
    }
    return rc == ZSEQ_OK;
}

//  Does the work that the thread owes for the bytes that it has just written,
//  although groups may wait.
static void
s_pay (zseq_kvstore_t *self, uint64_t bytes)
{
    size_t piece = self->sizes.piece;
    if (self->damaged)
        return;
    self->zeros_owed += SHARE * bytes;
    while (!self->fatal && !self->full && self->zeros_owed >= piece &&
           zseq_kvstore_journal_is_short (&self->journal)) {
        self->zeros_owed -= piece;
        (void) s_work (self, S_WRITE_ZEROS);
    }
    self->zeros_owed %= piece;
    self->shot_owed += SHARE * bytes;
    while (!self->fatal && !self->full && self->shot_owed >= piece) {
        pthread_mutex_lock (&self->mutex);
        s_work_t work = s_choose_writing (self);
        pthread_mutex_unlock (&self->mutex);
        if (work == S_NOTHING || work == S_WRITE_ZEROS)
            break;
        self->shot_owed -= piece;
        (void) s_work (self, work);
    }
    self->shot_owed %= piece;
    pthread_mutex_lock (&self->mutex);
    bool check = self->check_state == ZSEQ_KVSTORE_CHECK_ASKED &&
                 !self->fatal && ++self->checked > CHECK_BATCHES;
    pthread_mutex_unlock (&self->mutex);
    if (check)
        s_check (self);
}

//  The thread.

//  After a second without a group: checks the directory, and writes a batch
//  without changes after the last group. From then on damage to that group's
//  batch does not look like a batch that was never finished.
static void
s_watch (zseq_kvstore_t *self)
{
    bool ours = s_is_ours (self);
    int rc = ours ? ZSEQ_OK : ZSEQ_EIO;
    if (ours && !self->damaged && !self->sealed)
        rc = s_write_empty (self, self->journal.position);
    if (rc == ZSEQ_EIO) {
        pthread_mutex_lock (&self->mutex);
        s_fail (self);
        pthread_mutex_unlock (&self->mutex);
    }
}

//  Waits for work. Called under the mutex.
static void
s_wait (zseq_kvstore_t *self)
{
    struct timespec until;
    clock_gettime (CLOCK_MONOTONIC, &until);
    until.tv_sec++;
    if (self->fatal)
        pthread_cond_wait (&self->wake, &self->mutex);
    else if (pthread_cond_timedwait (&self->wake, &self->mutex, &until) ==
             ETIMEDOUT) {
        pthread_mutex_unlock (&self->mutex);
        s_watch (self);
        pthread_mutex_lock (&self->mutex);
    }
}

static void *
s_run_writer (void *arg)
{
    zseq_kvstore_t *self = arg;
    pthread_mutex_lock (&self->mutex);
    while (true) {
        s_work_t work = S_NOTHING;
        zseq_kvstore_queue_t taken = self->waiting;
        self->waiting = (zseq_kvstore_queue_t){NULL, NULL};
        if (!taken.first && self->stopping)
            break;
        if (!taken.first)
            work = s_choose_work (self);
        if (!taken.first && work == S_NOTHING) {
            s_wait (self);
            continue;
        }
        pthread_mutex_unlock (&self->mutex);
        uint64_t before = self->written;
        if (taken.first) {
            s_serve (self, &taken);
            s_pay (self, self->written - before);
        }
        else
            (void) s_work (self, work);
        pthread_mutex_lock (&self->mutex);
    }
    pthread_mutex_unlock (&self->mutex);
    if (!self->fatal && !self->damaged && !self->sealed)
        (void) s_write_empty (self, self->journal.position);
    return NULL;
}

int
zseq_kvstore_start (zseq_kvstore_t *self)
{
    assert (self);
    assert (self->loaded);
    assert (!self->started);
    self->disk.why[0] = 0;
    self->event_fd =
      zseq_store_above_standard (eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (self->event_fd < 0)
        return zseq_store_disk_fail_io (&self->disk, ZSEQ_KVSTORE_FOLDER,
                                        "eventfd");
    self->processed = self->journal.position;
    self->sealed = self->journal.position == 0;
    self->oldest = self->ledger.base.oldest;
    self->oldest_recorded = self->oldest;
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
    if (error == 0) {
        self->started = true;
        return ZSEQ_OK;
    }
    pthread_cond_destroy (&self->wake);
    pthread_mutex_destroy (&self->mutex);
    zseq_store_close (&self->event_fd);
    return zseq_store_disk_fail (&self->disk, ZSEQ_ENOMEM, ZSEQ_KVSTORE_FOLDER,
                                 ZSEQ_TEXT_NO_MEMORY_WRITER_THREAD);
}

void
zseq_kvstore_writer_term (zseq_kvstore_t *self)
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
    s_queue_term (&self->waiting);
    s_queue_term (&self->done);
}

//  Asserts the contract of a change.
static void
s_check_change (const zseq_kvstore_t *self, const zseq_kv_change_t *change)
{
    bool of_shard = change->type == ZSEQ_KV_CHANGE_PROMISE ||
                    change->type == ZSEQ_KV_CHANGE_CLEARED;
    assert (of_shard ? change->shard < ZSEQ_SHARDS : change->accepted != NULL);
    assert (s_change_size (change) <= self->sizes.payload);
}

int
zseq_kvstore_submit (zseq_kvstore_t *self, const zseq_kv_group_t *group)
{
    assert (self);
    assert (self->started);
    assert (group);
    assert (group->count >= 1);
    assert (group->position > self->submitted);
    for (size_t i = 0; i < group->count; i++)
        s_check_change (self, &group->changes[i]);
    zseq_kvstore_job_t *job = malloc (sizeof *job);
    if (!job)
        return ZSEQ_ENOMEM;
    *job = (zseq_kvstore_job_t){
      .group = group, .position = group->position, .status = ZSEQ_OK};
    self->submitted = group->position;
    pthread_mutex_lock (&self->mutex);
    s_queue_add (&self->waiting, job);
    pthread_cond_signal (&self->wake);
    pthread_mutex_unlock (&self->mutex);
    return ZSEQ_OK;
}

void
zseq_kvstore_snapshot (zseq_kvstore_t *self, uint8_t shard,
                       const zseq_ballot_t *promise, uint64_t dropped,
                       zseq_register_t *const *registers, size_t count)
{
    assert (self);
    assert (promise);
    assert (registers || count == 0);
    pthread_mutex_lock (&self->mutex);
    assert (self->shot_state == ZSEQ_KVSTORE_SHOT_ASKED);
    assert (self->shot_shard == shard);
    self->shot_source =
      (zseq_kvstore_shot_source_t){.shard = shard,
                                   .position = self->submitted,
                                   .promise = *promise,
                                   .dropped = dropped,
                                   .registers = registers,
                                   .count = count};
    self->shot_state = ZSEQ_KVSTORE_SHOT_GIVEN;
    if (self->fatal)
        s_end_shot (self, ZSEQ_EIO);
    pthread_cond_signal (&self->wake);
    pthread_mutex_unlock (&self->mutex);
}

void
zseq_kvstore_check (zseq_kvstore_t *self)
{
    assert (self);
    assert (self->started);
    pthread_mutex_lock (&self->mutex);
    assert (self->check_state == ZSEQ_KVSTORE_CHECK_NONE);
    self->check_state = ZSEQ_KVSTORE_CHECK_ASKED;
    pthread_cond_signal (&self->wake);
    pthread_mutex_unlock (&self->mutex);
}

void
zseq_kvstore_check_text (zseq_kvstore_t *self, char *text)
{
    assert (self);
    assert (text);
    pthread_mutex_lock (&self->mutex);
    memcpy (text, self->check_text, sizeof self->check_text);
    pthread_mutex_unlock (&self->mutex);
}

void
zseq_kvstore_refusal (zseq_kvstore_t *self, char *text)
{
    assert (self);
    assert (text);
    pthread_mutex_lock (&self->mutex);
    memcpy (text, self->refusal, sizeof self->refusal);
    pthread_mutex_unlock (&self->mutex);
}

int
zseq_kvstore_fd (const zseq_kvstore_t *self)
{
    assert (self);
    assert (self->started);
    return self->event_fd;
}

//  Takes the next completion. Called under the mutex.
static bool
s_collect_next (zseq_kvstore_t *self, zseq_kvstore_done_t *done)
{
    zseq_kvstore_job_t *job = s_queue_take (&self->done);
    if (job)
        *done = (zseq_kvstore_done_t){.type = ZSEQ_KVSTORE_WRITTEN,
                                      .position = job->position,
                                      .status = job->status};
    else if (self->shot_state == ZSEQ_KVSTORE_SHOT_DUE) {
        *done = (zseq_kvstore_done_t){.type = ZSEQ_KVSTORE_DUE,
                                      .shard = self->shot_shard};
        self->shot_state = ZSEQ_KVSTORE_SHOT_ASKED;
    }
    else if (self->shot_state == ZSEQ_KVSTORE_SHOT_DONE) {
        *done = (zseq_kvstore_done_t){.type = ZSEQ_KVSTORE_SNAPPED,
                                      .shard = self->shot_shard,
                                      .position = self->shot_source.position,
                                      .status = self->shot_status};
        self->shot_state = ZSEQ_KVSTORE_SHOT_NONE;
        pthread_cond_signal (&self->wake);
    }
    else if (self->check_state == ZSEQ_KVSTORE_CHECK_DONE) {
        *done = (zseq_kvstore_done_t){.type = ZSEQ_KVSTORE_CHECKED,
                                      .status = self->check_status,
                                      .pieces = self->check_pieces};
        self->check_state = ZSEQ_KVSTORE_CHECK_NONE;
    }
    else if (self->failed) {
        *done = (zseq_kvstore_done_t){.type = ZSEQ_KVSTORE_FAILED,
                                      .status = ZSEQ_EIO};
        self->failed = false;
    }
    else
        return false;
    free (job);
    return true;
}

size_t
zseq_kvstore_collect (zseq_kvstore_t *self, zseq_kvstore_done_t *done,
                      size_t count)
{
    assert (self);
    assert (self->started);
    assert (done);
    size_t taken = 0;
    pthread_mutex_lock (&self->mutex);
    while (taken < count && s_collect_next (self, &done[taken])) {
        if (done[taken].status == ZSEQ_EIO)
            self->reported_fatal = true;
        taken++;
    }
    bool more = self->done.first || self->failed ||
                self->shot_state == ZSEQ_KVSTORE_SHOT_DUE ||
                self->shot_state == ZSEQ_KVSTORE_SHOT_DONE ||
                self->check_state == ZSEQ_KVSTORE_CHECK_DONE;
    uint64_t events;
    if (!more && taken > 0)
        (void) !read (self->event_fd, &events, sizeof events);
    pthread_mutex_unlock (&self->mutex);
    return taken;
}
