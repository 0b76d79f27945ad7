#include "zseq_store_group.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "zseq_store_filesystem.h"
#include "zseq_store_noderecord.h"
#include "zseq_store_private.h"

#define MANY 32  //  From so many on, one syncfs is cheaper than their fsyncs

//  Opens a directory, making it if need be; with sync, durably.
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
                                            "fsync of its parent directory");
        fd = zseq_store_openat (parent_fd, name, flags);
    }
    if (fd < 0)
        return zseq_store_disk_fail_write (&self->disk, where, "open");
    *fd_p = fd;
    return zseq_store_filesystem_same (&self->disk, fd, ".", where);
}

static int
s_open_seq (zseq_store_t *self, bool sync)
{
    if (self->seq_fd >= 0)
        return ZSEQ_OK;
    return s_open_directory (self, self->disk.fd, "seq", "seq", sync,
                             &self->seq_fd);
}

//  Where a write's record goes.
typedef struct {
    zseq_store_path_t path;
    char bucket[3];  //  Its directory, below seq
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

//  Writes the temporary file of a job's record below fd; parent leads there.
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
                                      .durable_to = write->limit};
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

//  Gives the temporary file the record's name. What the record's file was is a
//  spare one once that lasts; where nothing is synced, that is not known.
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

//  A spare file that is not needed.
static void
s_drop_spare (zseq_store_t *self, uint8_t bucket, uint64_t number)
{
    char parent[4];
    snprintf (parent, sizeof parent, "%02x/", bucket);
    zseq_store_temp_t temp = {
      .fd = self->seq_fd, .parent = parent, .number = number};
    zseq_store_disk_drop (&temp);
}

//  All of the group lasts: nothing needs what its records' files were.
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

//  A few writes: each is synced by itself, and then the directories that have
//  changed.

//  Opens the directory of a name, once per group.
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

//  Makes the group's renames last.
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

//  Many writes: all temporary files, one syncfs, all renames, one syncfs. Paths
//  are below seq, so that no descriptors are needed for its directories.

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
    //  Lasts with the first syncfs.
    if (mkdirat (self->seq_fd, target.bucket, 0700) != 0)
        return zseq_store_disk_fail_write (&self->disk, target.where,
                                           "mkdir of its directory");
    return s_prepare_record (self, job, &target, self->seq_fd, target.parent,
                             false);
}

static int
s_rename_one (zseq_store_t *self, zseq_store_job_t *job)
{
    s_target_t target;
    s_target_init (&target, &job->write);
    return s_rename_record (self, job, &target, self->seq_fd, target.parent);
}

//  Without sync nothing is synced: deferred writes.
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

static bool
s_is_new_name (const zseq_store_job_t *job)
{
    return job->status == ZSEQ_OK && !job->write.record &&
           !job->write.journaled;
}

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

//  The sequences of a group. S8: records, then directories, then the journal;
//  only then does the caller make the completions appear.
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
    //  What no syncfs reaches later on cannot be deferred.
    bool sync = self->disk.sync_each;
    for (size_t i = 0; i < count; i++)
        sync |= !jobs[i].write.deferred;
    //  What was deferred is on disk before anything else says that it is.
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
