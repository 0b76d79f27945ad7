//  How reading goes: s_list notes which snapshots and segments are there.
//  s_read_snapshots reports the snapshots. s_read_journal reports the entries
//  that are newer than their shard's snapshot, and follows the chain of
//  checksums from batch to batch. s_match compares the two.

#include "zseq_kvstore_load.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zseq_io_texts.h"
#include "zseq_kvstore_shot.h"
#include "zseq_store_filesystem.h"
#include "zseq_store_scan.h"

typedef struct {
    zseq_store_disk_t *disk;
    uint64_t identity;
    uint8_t node;
    const zseq_kvstore_load_callbacks_t *callbacks;
    zseq_kvstore_found_t *found;
    bool shot[ZSEQ_SHARDS];  //  Files that are there
    uint64_t *segment;       //  The same, their numbers
    size_t segment_count;
    size_t segment_capacity;

    uint64_t position[ZSEQ_SHARDS];  //  Of the snapshots
    bool begun;                      //  A batch was read
    bool closed;                     //  The last one names the next segment
    bool ended;                      //  The journal ends before this segment
    bool based;                      //  A batch said what the journal relies on
    zseq_kvstore_base_t base;        //  ... this
    uint8_t *bytes;                  //  The file that is being read
    size_t size;
} s_reader_t;

//  Reports damage.
static void
s_damage (s_reader_t *self, const char *where, const char *what)
{
    self->found->result.damaged++;
    if (!self->callbacks->damage)
        return;
    char text[ZSEQ_STORE_TEXT_MAX];
    zseq_store_disk_text (self->disk, where, what, text, sizeof text);
    self->callbacks->damage (text, self->callbacks->arg);
}

static int
s_fail_memory (s_reader_t *self)
{
    return zseq_store_disk_fail (self->disk, ZSEQ_ENOMEM, ZSEQ_KVSTORE_FOLDER,
                                 ZSEQ_TEXT_NO_MEMORY_LOAD);
}

//  Adds a segment's number. False: no memory.
static bool
s_add_segment (s_reader_t *self, uint64_t number)
{
    if (self->segment_count == self->segment_capacity) {
        size_t capacity =
          self->segment_capacity ? 2 * self->segment_capacity : 16;
        uint64_t *segment =
          reallocarray (self->segment, capacity, sizeof *segment);
        if (!segment)
            return false;
        self->segment = segment;
        self->segment_capacity = capacity;
    }
    self->segment[self->segment_count++] = number;
    return true;
}

//  Notes an entry of the directory. False: no memory.
static bool
s_note_file (s_reader_t *self, const char *file)
{
    char where[ZSEQ_STORE_PATH_SIZE];
    char same[ZSEQ_KVSTORE_WHERE_SIZE];
    unsigned shard;
    uint64_t number;
    snprintf (where, sizeof where, ZSEQ_KVSTORE_FOLDER "/%.255s", file);
    if (zseq_store_scan_is_temp (file)) {
        self->found->temps++;
        return true;
    }
    if (sscanf (file, "shard-%2x", &shard) == 1 && shard < ZSEQ_SHARDS) {
        zseq_kvstore_shot_where ((uint8_t) shard, same);
        if (strcmp (where, same) == 0) {
            self->shot[shard] = true;
            return true;
        }
    }
    if (sscanf (file, "journal-%20" SCNu64, &number) == 1 && number > 0) {
        zseq_kvstore_journal_where (number, same);
        if (strcmp (where, same) == 0)
            return s_add_segment (self, number);
    }
    s_damage (self, where, "unexpected");
    return true;
}

static int
s_compare_numbers (const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *) a;
    uint64_t y = *(const uint64_t *) b;
    return (x > y) - (x < y);
}

//  Lists the open directory.
static int
s_list_folder (s_reader_t *self, int fd)
{
    DIR *stream = fdopendir (fd);
    if (!stream) {
        int rc =
          zseq_store_disk_fail_io (self->disk, ZSEQ_KVSTORE_FOLDER, "open");
        zseq_store_close (&fd);
        return rc;
    }
    int rc = ZSEQ_OK;
    //  S8: sync before reading, as for every file that syncfs has not reached.
    if (self->disk->sync_each && fsync (fd) != 0)
        rc = zseq_store_disk_fail_io (self->disk, ZSEQ_KVSTORE_FOLDER, "fsync");
    while (rc == ZSEQ_OK) {
        errno = 0;
        const struct dirent *entry = readdir (stream);
        if (!entry && errno != 0)
            rc =
              zseq_store_disk_fail_io (self->disk, ZSEQ_KVSTORE_FOLDER, "read");
        if (!entry)
            break;
        if (strcmp (entry->d_name, ".") != 0 &&
            strcmp (entry->d_name, "..") != 0 &&
            !s_note_file (self, entry->d_name))
            rc = s_fail_memory (self);
    }
    (void) closedir (stream);  //  Nothing was written
    if (self->segment_count > 0)
        qsort (self->segment, self->segment_count, sizeof *self->segment,
               s_compare_numbers);
    return rc;
}

//  Lists the directory. *there_p: it is there.
static int
s_list (s_reader_t *self, bool *there_p)
{
    int rc = zseq_store_filesystem_same (
      self->disk, self->disk->fd, ZSEQ_KVSTORE_FOLDER, ZSEQ_KVSTORE_FOLDER);
    if (rc != ZSEQ_OK && rc != ZSEQ_EAGAIN)
        return rc;
    int fd = zseq_store_openat (self->disk->fd, ZSEQ_KVSTORE_FOLDER,
                                O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    *there_p = fd >= 0;
    if (fd >= 0)
        return s_list_folder (self, fd);
    if (errno == ENOENT)
        s_damage (self, ZSEQ_KVSTORE_FOLDER, "missing");
    else if (errno == ENOTDIR || errno == ELOOP)
        s_damage (self, ZSEQ_KVSTORE_FOLDER, ZSEQ_TEXT_STORE_NOT_DIRECTORY);
    else
        return zseq_store_disk_fail_io (self->disk, ZSEQ_KVSTORE_FOLDER,
                                        "open");
    return ZSEQ_OK;
}

//  Reads a file into bytes. Errors: ZSEQ_EDAMAGED (reported), ZSEQ_EIO,
//  ZSEQ_ENOMEM.
static int
s_read_file (s_reader_t *self, const char *where)
{
    int fd = -1;
    size_t size;
    free (self->bytes);
    self->bytes = NULL;
    int rc = zseq_store_disk_open (self->disk, where, O_RDONLY, &fd, &size);
    if (rc == ZSEQ_EDAMAGED)
        s_damage (self, where, ZSEQ_TEXT_STORE_NOT_REGULAR);
    if (rc == ZSEQ_EAGAIN)
        return zseq_store_disk_fail (self->disk, ZSEQ_EIO, where, "vanished");
    if (rc != ZSEQ_OK)
        return rc;
    self->bytes = malloc (size ? size : 1);
    ssize_t got = -1;
    if (!self->bytes)
        rc = s_fail_memory (self);
    else if (self->disk->sync_each && fsync (fd) != 0)
        rc = zseq_store_disk_fail_io (self->disk, where, "fsync");
    else {
        zseq_store_disk_forget (self->disk, fd);
        got = zseq_store_read_all (fd, self->bytes, size);
        if (got < 0)
            rc = zseq_store_disk_fail_io (self->disk, where, "read");
    }
    zseq_store_close (&fd);
    self->size = rc == ZSEQ_OK ? (size_t) got : 0;
    return rc;
}

//  Whether a file is of this node and cluster. If that is not known, the first
//  file says it.
static int
s_check_owner (s_reader_t *self, const char *where, uint64_t identity,
               uint8_t node)
{
    if (self->identity == 0)
        self->identity = identity;
    if (identity == self->identity && node == self->node)
        return ZSEQ_OK;
    return zseq_store_disk_fail (self->disk, ZSEQ_EFOREIGN, where,
                                 identity != self->identity
                                   ? ZSEQ_TEXT_KV_OTHER_CLUSTER
                                   : ZSEQ_TEXT_KV_OTHER_NODE);
}

//  Reports the records of a snapshot.
static int
s_report_records (s_reader_t *self, zseq_kvstore_shot_header_t *header,
                  const char *where)
{
    const zseq_kvstore_load_callbacks_t *callbacks = self->callbacks;
    zseq_slice_t before = {NULL, 0};
    int rc = ZSEQ_OK;
    if (callbacks->promise && header->promise.round > 0)
        rc = callbacks->promise (header->shard, &header->promise,
                                 header->dropped, callbacks->arg);
    while (rc == ZSEQ_OK && header->records.left > 0) {
        zseq_kv_record_t record;
        if (!zseq_kvstore_record_get (&header->records, &record) ||
            zseq_kv_shard (record.key) != header->shard ||
            (before.data &&
             zseq_kvstore_key_compare (before, record.key) >= 0)) {
            s_damage (self, where, ZSEQ_TEXT_KV_RECORD);
            return ZSEQ_OK;
        }
        before = record.key;
        if (callbacks->record)
            rc = callbacks->record (header->shard, &record, callbacks->arg);
    }
    return rc;
}

static int
s_read_snapshot (s_reader_t *self, uint8_t shard)
{
    char where[ZSEQ_KVSTORE_WHERE_SIZE];
    zseq_kvstore_shot_where (shard, where);
    int rc = s_read_file (self, where);
    if (rc != ZSEQ_OK)
        return rc == ZSEQ_EDAMAGED ? ZSEQ_OK : rc;
    zseq_kvstore_shot_header_t header;
    const char *what;
    rc = zseq_kvstore_shot_decode (&header, self->bytes, self->size, &what);
    if (rc == ZSEQ_EFOREIGN)
        return zseq_store_disk_fail (self->disk, rc, where, what);
    if (rc == ZSEQ_OK) {
        rc = s_check_owner (self, where, header.identity, header.node);
        if (rc != ZSEQ_OK)
            return rc;
        what = header.shard == shard ? NULL : ZSEQ_TEXT_KV_OTHER_SHARD;
    }
    if (what) {
        s_damage (self, where, what);
        return ZSEQ_OK;
    }
    self->position[shard] = header.position;
    self->found->ledger.base.snapshot[shard] = header.position;
    self->found->ledger.snapshot[shard] = self->size;
    self->found->ledger.sum[shard] = zseq_kvstore_sum (self->bytes, self->size);
    return s_report_records (self, &header, where);
}

static int
s_read_snapshots (s_reader_t *self)
{
    int rc = ZSEQ_OK;
    for (uint8_t shard = 0; rc == ZSEQ_OK && shard < ZSEQ_SHARDS; shard++)
        if (self->shot[shard])
            rc = s_read_snapshot (self, shard);
    return rc;
}

//  Reports an entry of a shard.
static int
s_report_change (s_reader_t *self, const zseq_kvstore_item_t *item)
{
    const zseq_kvstore_load_callbacks_t *callbacks = self->callbacks;
    if (!callbacks->record)
        return ZSEQ_OK;
    switch (item->type) {
    case ZSEQ_KVSTORE_PROMISE:
        return callbacks->promise (item->shard, &item->ballot, item->dropped,
                                   callbacks->arg);
    case ZSEQ_KVSTORE_RECORD:
        return callbacks->record (item->shard, &item->record, callbacks->arg);
    case ZSEQ_KVSTORE_DROPPED:
        return callbacks->dropped (item->shard, item->record.key,
                                   &item->record.proposal, item->record.version,
                                   callbacks->arg);
    default:
        return callbacks->cleared (item->shard, callbacks->arg);
    }
}

//  Reports what a node has told.
static int
s_report_heard (s_reader_t *self, const zseq_kvstore_item_t *item)
{
    zseq_kvstore_ledger_hear (&self->found->ledger, item->node, &item->end);
    return self->callbacks->heard
             ? self->callbacks->heard (item->node, &item->end,
                                       self->callbacks->arg)
             : ZSEQ_OK;
}

//  Takes an entry at position that has size bytes.
static int
s_take_entry (s_reader_t *self, const zseq_kvstore_item_t *item,
              uint64_t position, size_t size)
{
    if (item->type == ZSEQ_KVSTORE_NEXT)
        self->closed = true;
    else if (item->type == ZSEQ_KVSTORE_BASE) {
        self->base = item->base;
        self->based = true;
    }
    else if (item->type == ZSEQ_KVSTORE_HEARD)
        return s_report_heard (self, item);
    else if (position > self->position[item->shard]) {
        zseq_kvstore_ledger_note (&self->found->ledger, item->shard, position,
                                  size);
        return s_report_change (self, item);
    }
    return ZSEQ_OK;
}

//  The position of the last group that has entries in the batch. One that does
//  not end a group has a part of the next one, and nothing else. So may the
//  first one that is left; what it repeats of a snapshot changes nothing.
static uint64_t
s_last_group (const s_reader_t *self, const zseq_kvstore_whole_t *batch)
{
    bool ends = self->begun && batch->position > self->found->result.position;
    return ends ? batch->position : batch->position + 1;
}

//  Takes the entries of a batch in the segment of that number, of groups up to
//  that position.
static int
s_take_batch (s_reader_t *self, zseq_kvstore_whole_t *batch, uint64_t number,
              uint64_t position, const char *where)
{
    int rc = ZSEQ_OK;
    while (rc == ZSEQ_OK && batch->entries.left > 0) {
        zseq_kvstore_item_t item;
        size_t left = batch->entries.left;
        if (!zseq_kvstore_batch_take (batch, &item) || self->closed ||
            (item.type == ZSEQ_KVSTORE_NEXT && item.number != number + 1)) {
            s_damage (self, where, ZSEQ_TEXT_KV_ENTRY);
            self->ended = true;
            return ZSEQ_OK;
        }
        rc = s_take_entry (self, &item, position, left - batch->entries.left);
    }
    return rc;
}

//  Whether the batch comes after the last one that was read.
static bool
s_follows (const s_reader_t *self, const zseq_kvstore_whole_t *batch)
{
    return !self->begun || (batch->before == self->found->checksum &&
                            batch->position >= self->found->result.position);
}

//  Whether bytes are all zero.
static bool
s_is_zero (const uint8_t *bytes, size_t size)
{
    return size == 0 ||
           (bytes[0] == 0 && memcmp (bytes, bytes + 1, size - 1) == 0);
}

//  Judges what follows the last batch of a segment, from at on.
static void
s_judge_rest (s_reader_t *self, const char *where, uint64_t salt, size_t at)
{
    const uint8_t *rest = self->bytes + at;
    size_t size = self->size - at;
    if (self->ended || self->closed || s_is_zero (rest, size))
        return;
    if (zseq_kvstore_batch_within (salt, rest, size)) {
        s_damage (self, where, ZSEQ_TEXT_KV_BATCH_BAD);
        self->ended = true;
    }
    self->found->torn = true;
}

//  Takes the batches of a segment.
static int
s_take_segment (s_reader_t *self, const zseq_kvstore_header_t *header,
                const char *where)
{
    zseq_kvstore_found_t *found = self->found;
    zseq_kvstore_whole_t batch;
    size_t at = ZSEQ_KVSTORE_HEADER_SIZE;
    int rc = ZSEQ_OK;
    self->closed = false;
    while (rc == ZSEQ_OK && !self->ended && !self->closed &&
           zseq_kvstore_batch_read (&batch, header->salt, self->bytes + at,
                                    self->size - at)) {
        if (!s_follows (self, &batch)) {
            s_damage (self, where, ZSEQ_TEXT_KV_BATCH_GAP);
            self->ended = true;
            break;
        }
        uint64_t group = s_last_group (self, &batch);
        self->begun = true;
        found->result.position = batch.position;
        found->checksum = batch.checksum;
        at += batch.size;
        rc = s_take_batch (self, &batch, header->number, group, where);
    }
    found->current = (zseq_kvstore_segment_t){.fd = -1,
                                              .number = header->number,
                                              .salt = header->salt,
                                              .end = at,
                                              .size = self->size};
    found->ledger.heard_due = false;
    zseq_kvstore_ledger_grow (&found->ledger, at);
    if (rc == ZSEQ_OK)
        s_judge_rest (self, where, header->salt, at);
    return rc;
}

//  Reads a segment after one that names no other: it was made ahead and has no
//  batches.
static void
s_check_unused (s_reader_t *self, uint64_t number, uint64_t salt,
                const char *where)
{
    if (number != self->found->current.number + 1)
        s_damage (self, where, "unexpected");
    else if (zseq_kvstore_batch_within (salt,
                                        self->bytes + ZSEQ_KVSTORE_HEADER_SIZE,
                                        self->size - ZSEQ_KVSTORE_HEADER_SIZE))
        s_damage (self, where, ZSEQ_TEXT_KV_SEGMENT_UNNAMED);
}

//  Reads a segment. first: it is the oldest one.
static int
s_read_segment (s_reader_t *self, uint64_t number, bool first)
{
    char where[ZSEQ_KVSTORE_WHERE_SIZE];
    zseq_kvstore_journal_where (number, where);
    int rc = s_read_file (self, where);
    if (rc == ZSEQ_EDAMAGED)
        self->ended = true;
    if (rc != ZSEQ_OK)
        return rc == ZSEQ_EDAMAGED ? ZSEQ_OK : rc;
    zseq_kvstore_header_t header;
    const char *what;
    rc = zseq_kvstore_header_decode (&header, self->bytes, self->size, &what);
    if (rc == ZSEQ_EFOREIGN)
        return zseq_store_disk_fail (self->disk, rc, where, what);
    if (rc == ZSEQ_OK) {
        rc = s_check_owner (self, where, header.identity, header.node);
        if (rc != ZSEQ_OK)
            return rc;
        what = header.number == number ? NULL : ZSEQ_TEXT_KV_OTHER_NUMBER;
    }
    if (what) {
        s_damage (self, where, what);
        self->ended = true;
        return ZSEQ_OK;
    }
    if (!first && !self->closed) {
        s_check_unused (self, number, header.salt, where);
        return ZSEQ_OK;
    }
    if (!zseq_kvstore_ledger_reserve (&self->found->ledger))
        return s_fail_memory (self);
    zseq_kvstore_ledger_add (&self->found->ledger, number);
    return s_take_segment (self, &header, where);
}

static int
s_read_journal (s_reader_t *self)
{
    zseq_kvstore_found_t *found = self->found;
    char where[ZSEQ_KVSTORE_WHERE_SIZE];
    if (self->segment_count == 0) {
        s_damage (self, ZSEQ_KVSTORE_FOLDER, ZSEQ_TEXT_KV_NO_JOURNAL);
        return ZSEQ_OK;
    }
    found->oldest = self->segment[0];
    found->newest = self->segment[self->segment_count - 1];
    int rc = ZSEQ_OK;
    for (size_t i = 0; rc == ZSEQ_OK && !self->ended && i < self->segment_count;
         i++) {
        if (i > 0 && self->segment[i] != self->segment[i - 1] + 1) {
            zseq_kvstore_journal_where (self->segment[i - 1] + 1, where);
            s_damage (self, where, "missing");
            self->ended = true;
            break;
        }
        rc = s_read_segment (self, self->segment[i], i == 0);
    }
    if (rc == ZSEQ_OK && !self->ended && self->closed) {
        zseq_kvstore_journal_where (found->newest + 1, where);
        s_damage (self, where, "missing");
        self->ended = true;
    }
    return rc;
}

//  Compares a snapshot with what the journal says of it.
static void
s_match_snapshot (s_reader_t *self, uint8_t shard)
{
    char where[ZSEQ_KVSTORE_WHERE_SIZE];
    zseq_kvstore_shot_where (shard, where);
    uint64_t least = self->base.snapshot[shard];
    if (!self->shot[shard] && least > 0)
        s_damage (self, where, "missing");
    else if (self->shot[shard] && self->position[shard] < least)
        s_damage (self, where, ZSEQ_TEXT_KV_SHOT_OLD);
    else if (self->position[shard] > self->found->result.position)
        s_damage (self, where, ZSEQ_TEXT_KV_SHOT_NEW);
}

//  Compares what the journal relies on, and what peers have heard, with what is
//  there.
static void
s_match (s_reader_t *self, uint64_t heard)
{
    zseq_kvstore_found_t *found = self->found;
    char where[ZSEQ_KVSTORE_WHERE_SIZE];
    zseq_kvstore_journal_where (found->oldest, where);
    if (!self->based)
        s_damage (self, where, ZSEQ_TEXT_KV_SHOT_LACKS);
    else if (self->base.oldest > found->current.number)
        s_damage (self, where, ZSEQ_TEXT_KV_SHOT_AHEAD);
    else if (self->base.oldest < found->oldest) {
        zseq_kvstore_journal_where (self->base.oldest, where);
        s_damage (self, where, "missing");
    }
    else
        for (uint8_t shard = 0; shard < ZSEQ_SHARDS; shard++)
            s_match_snapshot (self, shard);
    if (found->result.position >= heard)
        return;
    char what[128];
    snprintf (what, sizeof what, ZSEQ_TEXT_KV_JOURNAL_SHORT,
              (unsigned long long) found->result.position,
              (unsigned long long) heard);
    s_damage (self, ZSEQ_KVSTORE_FOLDER, what);
}

//  Counts leftovers, and makes the ledger that of an intact directory.
static void
s_conclude (s_reader_t *self)
{
    zseq_kvstore_found_t *found = self->found;
    found->result.unfinished =
      found->temps + found->torn + (self->base.oldest - found->oldest);
    while (found->ledger.segment[0].number < self->base.oldest)
        zseq_kvstore_ledger_remove (&found->ledger);
    found->ledger.base.oldest = self->base.oldest;
    zseq_kvstore_ledger_end_load (&found->ledger, found->result.position);
    found->ledger.base_due =
      memcmp (&found->ledger.base, &self->base, sizeof self->base) != 0;
}

static int
s_read (s_reader_t *self, uint64_t heard)
{
    bool there;
    int rc = s_list (self, &there);
    if (rc != ZSEQ_OK || !there)
        return rc;
    rc = s_read_snapshots (self);
    if (rc == ZSEQ_OK)
        rc = s_read_journal (self);
    if (rc == ZSEQ_OK && self->found->result.damaged == 0)
        s_match (self, heard);
    if (rc == ZSEQ_OK && self->found->result.damaged == 0)
        s_conclude (self);
    return rc;
}

int
zseq_kvstore_read (zseq_store_disk_t *disk, uint64_t identity, uint8_t node,
                   uint64_t heard,
                   const zseq_kvstore_load_callbacks_t *callbacks,
                   zseq_kvstore_found_t *found)
{
    assert (disk);
    assert (callbacks);
    assert (found);
    memset (found, 0, sizeof *found);
    found->current.fd = -1;
    zseq_kvstore_ledger_init (&found->ledger);
    s_reader_t *self = calloc (1, sizeof *self);
    if (!self)
        return zseq_store_disk_fail (disk, ZSEQ_ENOMEM, ZSEQ_KVSTORE_FOLDER,
                                     ZSEQ_TEXT_NO_MEMORY_LOAD);
    self->disk = disk;
    self->identity = identity;
    self->node = node;
    self->callbacks = callbacks;
    self->found = found;
    int rc = s_read (self, heard);
    found->result.identity = self->identity;
    free (self->bytes);
    free (self->segment);
    free (self);
    return rc;
}

//  Deletes a file.
static int
s_delete (zseq_store_disk_t *disk, const char *where)
{
    if (unlinkat (disk->fd, where, 0) != 0)
        return zseq_store_disk_fail_io (disk, where, "delete");
    return ZSEQ_OK;
}

//  Deletes the temporary files of the open directory.
static int
s_delete_temps (zseq_store_disk_t *disk, int folder_fd)
{
    int fd = zseq_store_openat (folder_fd, ".", O_RDONLY | O_DIRECTORY);
    DIR *stream = fd < 0 ? NULL : fdopendir (fd);
    if (!stream) {
        int rc = zseq_store_disk_fail_io (disk, ZSEQ_KVSTORE_FOLDER, "open");
        zseq_store_close (&fd);
        return rc;
    }
    int rc = ZSEQ_OK;
    const struct dirent *entry;
    errno = 0;
    while (rc == ZSEQ_OK && (entry = readdir (stream))) {
        char where[ZSEQ_STORE_PATH_SIZE];
        snprintf (where, sizeof where, ZSEQ_KVSTORE_FOLDER "/%s",
                  entry->d_name);
        if (zseq_store_scan_is_temp (entry->d_name))
            rc = s_delete (disk, where);
        errno = 0;
    }
    if (rc == ZSEQ_OK && errno != 0)
        rc = zseq_store_disk_fail_io (disk, ZSEQ_KVSTORE_FOLDER, "read");
    (void) closedir (stream);  //  Nothing was written
    return rc;
}

//  Opens the segment that the journal ends in, and cuts off what follows its
//  last batch unless these are zeros.
static int
s_open_current (zseq_store_disk_t *disk, const zseq_kvstore_found_t *found,
                zseq_kvstore_journal_t *journal)
{
    char where[ZSEQ_KVSTORE_WHERE_SIZE];
    size_t size;
    journal->current = found->current;
    journal->position = found->result.position;
    journal->checksum = found->checksum;
    zseq_kvstore_journal_where (found->current.number, where);
    int rc =
      zseq_store_disk_open (disk, where, O_WRONLY, &journal->current.fd, &size);
    if (rc != ZSEQ_OK)
        return rc == ZSEQ_EAGAIN ? ZSEQ_EIO : rc;
    if (!found->torn)
        return ZSEQ_OK;
    if (ftruncate (journal->current.fd, (off_t) found->current.end) != 0)
        return zseq_store_disk_fail_io (disk, where, "truncate");
    if (fsync (journal->current.fd) != 0)
        return zseq_store_disk_fail_io (disk, where, "fsync");
    journal->current.size = found->current.end;
    return ZSEQ_OK;
}

//  Deletes the segments that are not needed: the oldest ones, and one that was
//  made ahead.
static int
s_delete_segments (zseq_store_disk_t *disk, const zseq_kvstore_found_t *found,
                   int folder_fd)
{
    char where[ZSEQ_KVSTORE_WHERE_SIZE];
    int rc = ZSEQ_OK;
    //  One by one: a power cut must not leave a gap.
    for (uint64_t number = found->oldest;
         rc == ZSEQ_OK && number < found->ledger.base.oldest; number++) {
        zseq_kvstore_journal_where (number, where);
        rc = s_delete (disk, where);
        if (rc == ZSEQ_OK && !zseq_store_sync_directory (folder_fd))
            rc = zseq_store_disk_fail_io (disk, ZSEQ_KVSTORE_FOLDER, "fsync");
    }
    if (rc == ZSEQ_OK && found->newest > found->current.number) {
        zseq_kvstore_journal_where (found->newest, where);
        rc = s_delete (disk, where);
    }
    return rc;
}

int
zseq_kvstore_tidy (zseq_store_disk_t *disk, const zseq_kvstore_found_t *found,
                   zseq_kvstore_journal_t *journal)
{
    assert (disk);
    assert (found);
    assert (found->result.damaged == 0);
    assert (journal);
    journal->folder_fd = zseq_store_openat (
      disk->fd, ZSEQ_KVSTORE_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (journal->folder_fd < 0)
        return zseq_store_disk_fail_io (disk, ZSEQ_KVSTORE_FOLDER, "open");
    int rc = ZSEQ_OK;
    if (found->temps > 0)
        rc = s_delete_temps (disk, journal->folder_fd);
    if (rc == ZSEQ_OK)
        rc = s_open_current (disk, found, journal);
    if (rc == ZSEQ_OK)
        rc = s_delete_segments (disk, found, journal->folder_fd);
    if (rc == ZSEQ_OK && !zseq_store_sync_directory (journal->folder_fd))
        rc = zseq_store_disk_fail_io (disk, ZSEQ_KVSTORE_FOLDER, "fsync");
    return rc;
}
