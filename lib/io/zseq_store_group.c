//  Writing a group, as zseq_store_group.h describes it.
//
//  zseq_store_group_write syncs earlier deferred writes first.
//  s_write_sequences then takes one of two ways: s_write_few (open the bucket,
//  write, fsync, rename, fsync the bucket) or s_write_many (write all, syncfs,
//  rename all, syncfs). Both prepare a record with s_prepare_record and rename
//  it with s_rename_record. New names are journaled after that, node's records
//  come last. That order is S8.
//
//  ZSEQ_ENOSPACE refuses a single job. Any other error is fatal to the store.

#include "zseq_store_group.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "zseq_io_texts.h"
#include "zseq_store_filesystem.h"
#include "zseq_store_noderecord.h"
#include "zseq_store_private.h"

#define MANY 32  //  One syncfs is cheaper than this many fsyncs

//  Opens a directory and makes a missing one; with sync, durably.
static int
s_open_directory (zseq_store_t *self, int parent_fd, const char *name,
                  const char *where, bool sync, int *fd_p)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    int fd = zseq_store_openat (parent_fd, name, flags);
    if (fd < 0 && errno == ENOENT) {
        if (mkdirat (parent_fd, name, 0700) != 0)
            return zseq_store_disk_fail_write (&self->disk, where, "mkdir");
        if (sync && !zseq_store_sync_directory (parent_fd))
            return zseq_store_disk_fail_io (&self->disk, where,
                                            ZSEQ_TEXT_STORE_SYNC_PARENT);
        fd = zseq_store_openat (parent_fd, name, flags);
    }
    if (fd < 0)
        return zseq_store_disk_fail_write (&self->disk, where, "open");
    *fd_p = fd;
    return zseq_store_filesystem_same (&self->disk, fd, ".", where);
}

//  Opens seq, once.
static int
s_open_seq (zseq_store_t *self, bool sync)
{
    if (self->seq_fd >= 0)
        return ZSEQ_OK;
    return s_open_directory (self, self->disk.fd, "seq", "seq", sync,
                             &self->seq_fd);
}

//  The target of a write: the path of its record.
typedef struct {
    zseq_store_path_t path;
    char bucket[3];  //  The directory, below seq
    char parent[4];  //  The same with a slash
    char where[ZSEQ_STORE_PATH_SIZE];
} s_target_t;

static void
s_target_init (s_target_t *self, const zseq_write_t *write)
{
    zseq_store_path_init (&self->path, write->name, write->name_size);
    snprintf (self->bucket, sizeof self->bucket, "%02x", self->path.bucket);
    snprintf (self->parent, sizeof self->parent, "%s/", self->bucket);
    snprintf (self->where, sizeof self->where, "seq/%s%s", self->parent,
              self->path.file);
}

//  Writes the temporary file of a job's record; parent leads to its directory
//  from fd.
static int
s_prepare_record (zseq_store_t *self, zseq_store_job_t *job,
                  const s_target_t *target, int fd, const char *parent,
                  bool sync)
{
    assert (self->expected.identity != 0);
    assert (!self->repair.needed);
    assert (self->journal.fd >= 0);
    const zseq_write_t *write = &job->write;
    zseq_store_sequence_t sequence = {.identity = self->expected.identity,
                                      .node = self->expected.node,
                                      .name = write->name,
                                      .name_size = write->name_size,
                                      .next = write->next,
                                      .durable_to = write->durable_to};
    uint8_t bytes[ZSEQ_STORE_SEQUENCE_MAX];
    size_t size = zseq_store_sequence_encode (&sequence, bytes);
    zseq_store_temp_t temp = {
      .fd = fd, .parent = parent, .where = target->where};
    zseq_store_spares_t *spares = &self->spares[target->path.bucket];
    if (spares->count > 0) {
        temp.spare = true;
        temp.number = spares->number[--spares->count];
    }
    int rc = zseq_store_disk_prepare (&self->disk, &temp, bytes, size, sync);
    job->temp = temp.number;
    job->bucket = target->path.bucket;
    return rc;
}

//  Renames the temporary file to the record's name. An exchanged old file
//  becomes spare once the rename is durable. A deferred write does not tell
//  when that is, so it exchanges nothing.
static int
s_rename_record (zseq_store_t *self, zseq_store_job_t *job,
                 const s_target_t *target, int fd, const char *parent)
{
    zseq_store_temp_t temp = {
      .fd = fd, .parent = parent, .where = target->where, .number = job->temp};
    const char *file = target->path.file;
    int rc = ZSEQ_EAGAIN;
    if (job->write.journaled && !job->write.deferred)
        rc = zseq_store_disk_exchange (&self->disk, &temp, file);
    job->spare = rc == ZSEQ_OK;
    return rc == ZSEQ_EAGAIN ? zseq_store_disk_rename (&self->disk, &temp, file)
                             : rc;
}

//  Deletes a spare file.
static void
s_drop_spare (zseq_store_t *self, uint8_t bucket, uint64_t number)
{
    char parent[4];
    snprintf (parent, sizeof parent, "%02x/", bucket);
    zseq_store_temp_t temp = {
      .fd = self->seq_fd, .parent = parent, .number = number};
    zseq_store_disk_drop (&temp);
}

//  Keeps the replaced files as spares. The group is durable, so no state needs
//  them.
static void
s_keep_spares (zseq_store_t *self, const zseq_store_job_t *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!jobs[i].spare)
            continue;
        zseq_store_spares_t *spares = &self->spares[jobs[i].bucket];
        if (spares->count < ZSEQ_STORE_SPARES_MAX)
            spares->number[spares->count++] = jobs[i].temp;
        else
            s_drop_spare (self, jobs[i].bucket, jobs[i].temp);
    }
}

//  Deletes all spare files.
static void
s_drop_spares (zseq_store_t *self)
{
    for (size_t i = 0; i < ZSEQ_STORE_BUCKET_COUNT; i++)
        while (self->spares[i].count > 0)
            s_drop_spare (self, (uint8_t) i,
                          self->spares[i].number[--self->spares[i].count]);
}

static bool
s_is_fatal (int status)
{
    return status != ZSEQ_OK && status != ZSEQ_ENOSPACE;
}

//  A few writes: sync each, then the directories that changed.

//  Opens a name's bucket, once per group.
static int
s_open_bucket (zseq_store_t *self, uint8_t bucket)
{
    int rc = s_open_seq (self, true);
    if (rc != ZSEQ_OK || self->bucket_fd[bucket] >= 0)
        return rc;
    char where[16];
    snprintf (where, sizeof where, "seq/%02x", bucket);
    return s_open_directory (self, self->seq_fd, where + strlen ("seq/"), where,
                             true, &self->bucket_fd[bucket]);
}

//  Writes, syncs and renames a job's record.
static int
s_write_one (zseq_store_t *self, zseq_store_job_t *job)
{
    s_target_t target;
    s_target_init (&target, &job->write);
    uint8_t bucket = target.path.bucket;
    int rc = s_open_bucket (self, bucket);
    if (rc != ZSEQ_OK)
        return rc;
    int fd = self->bucket_fd[bucket];
    rc = s_prepare_record (self, job, &target, fd, "", true);
    return rc == ZSEQ_OK ? s_rename_record (self, job, &target, fd, "") : rc;
}

//  Syncs the group's directories, so that its renames are durable.
static int
s_sync_buckets (zseq_store_t *self)
{
    for (size_t i = 0; i < ZSEQ_STORE_BUCKET_COUNT; i++) {
        if (self->bucket_fd[i] < 0)
            continue;
        if (!zseq_store_sync_directory (self->bucket_fd[i])) {
            char where[16];
            snprintf (where, sizeof where, "seq/%02x", (unsigned) i);
            return zseq_store_disk_fail_io (&self->disk, where, "fsync");
        }
        zseq_store_close (&self->bucket_fd[i]);
    }
    return ZSEQ_OK;
}

//  Writes the sequences of a small group.
static int
s_write_few (zseq_store_t *self, zseq_store_job_t *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (jobs[i].write.record)
            continue;
        jobs[i].status = s_write_one (self, &jobs[i]);
        if (s_is_fatal (jobs[i].status))
            return ZSEQ_EIO;
    }
    return s_sync_buckets (self);
}

//  Many writes: write all temporary files, syncfs, rename all, syncfs. Paths
//  are relative to seq, so that its directories need no descriptors.

//  Writes a job's temporary file, and makes its directory if it is missing.
static int
s_prepare_one (zseq_store_t *self, zseq_store_job_t *job)
{
    s_target_t target;
    s_target_init (&target, &job->write);
    int rc = zseq_store_filesystem_same (&self->disk, self->seq_fd,
                                         target.bucket, target.where);
    if (rc == ZSEQ_OK)
        rc = s_prepare_record (self, job, &target, self->seq_fd, target.parent,
                               false);
    if (rc != ZSEQ_EAGAIN)
        return rc;
    //  The first syncfs makes the directory durable.
    if (mkdirat (self->seq_fd, target.bucket, 0700) != 0)
        return zseq_store_disk_fail_write (&self->disk, target.where,
                                           ZSEQ_TEXT_STORE_MAKE_DIRECTORY);
    return s_prepare_record (self, job, &target, self->seq_fd, target.parent,
                             false);
}

//  Renames a job's temporary file to its record.
static int
s_rename_one (zseq_store_t *self, zseq_store_job_t *job)
{
    s_target_t target;
    s_target_init (&target, &job->write);
    return s_rename_record (self, job, &target, self->seq_fd, target.parent);
}

//  Writes the sequences of a large group. Without sync (deferred writes) it
//  syncs nothing.
static int
s_write_many (zseq_store_t *self, zseq_store_job_t *jobs, size_t count,
              bool sync)
{
    int open = s_open_seq (self, false);
    if (s_is_fatal (open))
        return open;
    for (size_t i = 0; i < count; i++) {
        if (jobs[i].write.record)
            continue;
        jobs[i].status =
          open == ZSEQ_OK ? s_prepare_one (self, &jobs[i]) : open;
        if (s_is_fatal (jobs[i].status))
            return ZSEQ_EIO;
    }
    int rc = sync ? zseq_store_disk_sync_all (&self->disk) : ZSEQ_OK;
    if (rc != ZSEQ_OK)
        return rc;
    for (size_t i = 0; i < count; i++) {
        if (jobs[i].write.record || jobs[i].status != ZSEQ_OK)
            continue;
        jobs[i].status = s_rename_one (self, &jobs[i]);
        if (s_is_fatal (jobs[i].status))
            return ZSEQ_EIO;
    }
    return sync ? zseq_store_disk_sync_all (&self->disk) : ZSEQ_OK;
}

//  Whether a job's name was written and has to be journaled.
static bool
s_is_new_name (const zseq_store_job_t *job)
{
    return job->status == ZSEQ_OK && !job->write.record &&
           !job->write.journaled;
}

//  Journals the new names in one batch. A full disk refuses only their jobs.
static int
s_journal_names (zseq_store_t *self, zseq_store_job_t *jobs, size_t count,
                 bool sync)
{
    for (size_t i = 0; i < count; i++)
        if (s_is_new_name (&jobs[i]))
            zseq_store_journal_add (&self->journal, jobs[i].write.name,
                                    jobs[i].write.name_size);
    int rc = zseq_store_journal_append (&self->journal, &self->disk, sync);
    if (rc != ZSEQ_ENOSPACE)
        return rc;
    for (size_t i = 0; i < count; i++)
        if (s_is_new_name (&jobs[i]))
            jobs[i].status = ZSEQ_ENOSPACE;
    return ZSEQ_OK;
}

//  Writes the sequences of a group. S8: records, then directories, then the
//  journal; the caller reports the completions only after that.
static int
s_write_sequences (zseq_store_t *self, zseq_store_job_t *jobs, size_t count,
                   bool sync)
{
    size_t sequences = 0;
    for (size_t i = 0; i < count; i++)
        sequences += !jobs[i].write.record;
    if (sequences == 0)
        return ZSEQ_OK;
    bool few = sync && (sequences < MANY || self->disk.sync_each);
    int rc = few ? s_write_few (self, jobs, count)
                 : s_write_many (self, jobs, count, sync);
    if (rc != ZSEQ_OK)
        return rc;
    s_keep_spares (self, jobs, count);
    return s_journal_names (self, jobs, count, sync);
}

int
zseq_store_group_write (zseq_store_t *self, zseq_store_job_t *jobs,
                        size_t count)
{
    assert (self);
    assert (jobs);
    //  Do not defer a write that a later syncfs would not reach.
    bool sync = self->disk.sync_each;
    for (size_t i = 0; i < count; i++)
        sync |= !jobs[i].write.deferred;
    //  Deferred writes must be on disk before anything else says so.
    if (sync && self->unsynced) {
        int rc = zseq_store_disk_sync_all (&self->disk);
        if (rc != ZSEQ_OK)
            return rc;
    }
    self->unsynced = !sync;
    int rc = s_write_sequences (self, jobs, count, sync);
    if (rc != ZSEQ_OK)
        return rc;
    for (size_t i = 0; i < count; i++) {
        if (!jobs[i].write.record)
            continue;
        jobs[i].status =
          zseq_store_noderecord_write (self, jobs[i].write.record);
        if (s_is_fatal (jobs[i].status))
            return ZSEQ_EIO;
    }
    return ZSEQ_OK;
}

void
zseq_store_group_end (zseq_store_t *self)
{
    assert (self);
    if (!self->fatal)
        s_drop_spares (self);
    for (size_t i = 0; i < ZSEQ_STORE_BUCKET_COUNT; i++)
        zseq_store_close (&self->bucket_fd[i]);  //  Left open by a fatal error
}
