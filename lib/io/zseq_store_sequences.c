//  Reading sequence records with several threads.
//
//  zseq_store_sequences_read starts the readers, sorts the journal's entries
//  while they run, reports progress, joins them and merges their finds. A
//  reader (s_run_reader) takes the next bucket, lists it, and reads its files
//  in the order of their inodes. Each reader sorts its own records, so that the
//  merge only has to compare heads.
//
//  The first failure stops all readers: zseq_store_loading_stop.

#include "zseq_store_sequences.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zseq_io_texts.h"
#include "zseq_store_scan.h"

#define READERS_MAX 32
#define PROGRESS_STEP 50000  //  Records between two calls of progress

typedef struct {
    zseq_store_loading_t *load;
    pthread_t thread;
    zseq_store_finds_t finds;
    zseq_store_listing_t listing;
} s_reader_t;

//  Adds a record to the reader's finds.
static int
s_note_record (zseq_store_loading_t *self, zseq_store_finds_t *finds,
               const zseq_store_sequence_t *sequence)
{
    const char *copy = zseq_store_chunk_copy (&finds->chunks, sequence->name,
                                              sequence->name_size);
    if (!copy || !zseq_store_memory_reserve (
                   (void **) &finds->record, &finds->record_capacity,
                   finds->record_count + 1, sizeof *finds->record))
        return zseq_store_loading_stop_memory (self);
    finds->record[finds->record_count++] =
      (zseq_store_name_t){copy, sequence->next, sequence->durable_to,
                          (uint8_t) sequence->name_size, false};
    return ZSEQ_OK;
}

//  Orders files by inode.
static int
s_compare_files (const void *a, const void *b)
{
    const zseq_store_file_t *x = a;
    const zseq_store_file_t *y = b;
    return (x->inode > y->inode) - (x->inode < y->inode);
}

//  Reads at most size bytes of a file.
static int
s_read_file (zseq_store_loading_t *self, int directory_fd, const char *file,
             const char *where, uint8_t *bytes, size_t size, size_t *got_p)
{
    //  O_NONBLOCK: a pipe that has replaced the file must not block us.
    //  O_NOATIME: the first read would otherwise write each inode; only the
    //  file's owner may use it.
    const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
    int fd = zseq_store_openat (directory_fd, file, flags | O_NOATIME);
    if (fd < 0 && errno == EPERM)
        fd = zseq_store_openat (directory_fd, file, flags);
    if (fd < 0)
        return zseq_store_loading_stop_call (self, where, "open");
    zseq_store_disk_forget (self->disk, fd);
    //  A record fits into a page, so one call reads all of it.
    int rc = zseq_store_scan_settle (self, fd, where);
    ssize_t got = 0;
    while (rc == ZSEQ_OK && (got = read (fd, bytes, size)) < 0)
        if (errno != EINTR)
            rc = zseq_store_loading_stop_call (self, where, "read");
    *got_p = got < 0 ? 0 : (size_t) got;
    zseq_store_close (&fd);
    return rc;
}

//  Reads and checks a sequence's record.
static int
s_read_record (s_reader_t *reader, int fd, const char *bucket, const char *file)
{
    zseq_store_loading_t *self = reader->load;
    zseq_store_finds_t *finds = &reader->finds;
    char where[ZSEQ_STORE_PATH_SIZE];
    snprintf (where, sizeof where, "seq/%s/%s", bucket, file);
    uint8_t bytes[ZSEQ_STORE_RECORD_MAX + 1];
    size_t size = 0;
    int rc = s_read_file (self, fd, file, where, bytes, sizeof bytes, &size);
    if (rc != ZSEQ_OK)
        return rc;
    if (size > ZSEQ_STORE_RECORD_MAX)
        return zseq_store_loading_note_damage (self, finds, where,
                                               ZSEQ_TEXT_RECORD_LONG, true);

    zseq_store_sequence_t sequence;
    const char *what;
    rc = zseq_store_sequence_decode (&sequence, bytes, size, &what);
    if (rc == ZSEQ_EDAMAGED)
        return zseq_store_loading_note_damage (self, finds, where, what, true);
    if (rc != ZSEQ_OK)
        return zseq_store_loading_stop (self, rc, where, what);
    if (!zseq_store_loading_ours (self, sequence.identity, sequence.node))
        return zseq_store_loading_stop (self, ZSEQ_EFOREIGN, where,
                                        ZSEQ_TEXT_RECORD_OTHER);
    zseq_store_path_t path;
    zseq_store_path_init (&path, sequence.name, sequence.name_size);
    char digits[3];
    snprintf (digits, sizeof digits, "%02x", path.bucket);
    if (strcmp (digits, bucket) != 0 || strcmp (path.file, file) != 0)
        return zseq_store_loading_note_damage (
          self, finds, where, ZSEQ_TEXT_RECORD_OTHER_NAME, true);
    return s_note_record (self, finds, &sequence);
}

//  Handles a bucket's entry: a record, a temporary file, or damage.
static int
s_read_entry (s_reader_t *reader, int fd, const char *bucket,
              const zseq_store_file_t *file)
{
    zseq_store_loading_t *self = reader->load;
    const char *name = reader->listing.bytes + file->offset;
    bool temp = zseq_store_scan_is_temp (name) && !file->directory;
    if (file->regular && !temp) {
        int rc = s_read_record (reader, fd, bucket, name);
        size_t count = atomic_fetch_add (&self->count, 1) + 1;
        if (count % PROGRESS_STEP == 0) {
            pthread_mutex_lock (&self->mutex);
            pthread_cond_signal (&self->news);
            pthread_mutex_unlock (&self->mutex);
        }
        return rc;
    }
    char where[ZSEQ_STORE_PATH_SIZE];
    snprintf (where, sizeof where, "seq/%s/%s", bucket, name);
    if (temp)
        return zseq_store_loading_note_temp (self, &reader->finds, where);
    return zseq_store_loading_note_damage (self, &reader->finds, where,
                                           ZSEQ_TEXT_STORE_NOT_REGULAR, true);
}

//  Reads all records of a bucket.
static int
s_read_bucket (s_reader_t *reader, const char *bucket)
{
    zseq_store_loading_t *self = reader->load;
    zseq_store_listing_t *listing = &reader->listing;
    char where[16];
    snprintf (where, sizeof where, "seq/%s", bucket);
    int fd;
    int rc = zseq_store_scan_open (self, &reader->finds, self->seq_fd, bucket,
                                   where, &fd);
    if (rc != ZSEQ_OK || fd < 0)
        return rc;
    rc = zseq_store_scan_list (self, listing, fd, where);
    //  Inodes lie on the disk in the order of their numbers, and their data
    //  mostly does, too.
    if (rc == ZSEQ_OK && listing->count > 1)
        qsort (listing->file, listing->count, sizeof *listing->file,
               s_compare_files);
    for (size_t i = 0; rc == ZSEQ_OK && i < listing->count; i++) {
        if (atomic_load (&self->stop))
            break;
        rc = s_read_entry (reader, fd, bucket, &listing->file[i]);
    }
    zseq_store_close (&fd);
    return rc;
}

//  A reader's loop: takes buckets until none is left.
static void *
s_run_reader (void *arg)
{
    s_reader_t *reader = arg;
    zseq_store_loading_t *self = reader->load;
    int rc = ZSEQ_OK;
    while (rc == ZSEQ_OK && !atomic_load (&self->stop)) {
        size_t index = atomic_fetch_add (&self->bucket_next, 1);
        if (index >= self->bucket_count)
            break;
        rc = s_read_bucket (reader, self->bucket[index]);
    }
    zseq_store_finds_t *finds = &reader->finds;
    if (!zseq_store_name_sort (&finds->record, &finds->record_capacity,
                               finds->record_count))
        (void) zseq_store_loading_stop_memory (self);
    pthread_mutex_lock (&self->mutex);
    self->running--;
    pthread_cond_signal (&self->news);
    pthread_mutex_unlock (&self->mutex);
    return NULL;
}

//  Starts as many readers as possible. Returns how many.
static size_t
s_start_readers (zseq_store_loading_t *self, s_reader_t *reader)
{
    //  The threads inherit the mask, so they never handle a signal.
    sigset_t all;
    sigset_t before;
    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    size_t count = 0;
    while (count < READERS_MAX && count < self->bucket_count) {
        reader[count].load = self;
        pthread_mutex_lock (&self->mutex);
        self->running++;
        pthread_mutex_unlock (&self->mutex);
        if (pthread_create (&reader[count].thread, NULL, s_run_reader,
                            &reader[count]) == 0) {
            count++;
            continue;
        }
        pthread_mutex_lock (&self->mutex);
        self->running--;
        pthread_mutex_unlock (&self->mutex);
        break;
    }
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    return count;
}

//  Waits for the readers to end and reports progress meanwhile.
static void
s_wait_for_readers (zseq_store_loading_t *self)
{
    size_t reported = 0;
    bool ended = false;
    while (!ended) {
        pthread_mutex_lock (&self->mutex);
        while (self->running > 0 &&
               atomic_load (&self->count) / PROGRESS_STEP == reported)
            pthread_cond_wait (&self->news, &self->mutex);
        ended = self->running == 0;
        pthread_mutex_unlock (&self->mutex);
        size_t count = atomic_load (&self->count);
        if (count / PROGRESS_STEP == reported)
            continue;
        reported = count / PROGRESS_STEP;
        if (self->callbacks->progress)
            self->callbacks->progress (count, self->entry_count,
                                       self->callbacks->arg);
    }
}

//  Merges the finds of the readers. Each reader's records are sorted.
static int
s_merge_readers (zseq_store_loading_t *self, const s_reader_t *reader,
                 size_t count)
{
    zseq_store_finds_t *finds = &self->finds;
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        const zseq_store_finds_t *part = &reader[i].finds;
        total += part->record_count;
        for (size_t k = 0; k < part->damage_count; k++)
            if (zseq_store_loading_note_damage (
                  self, finds, part->damage[k].where, part->damage[k].what,
                  part->damage[k].there) != ZSEQ_OK)
                return ZSEQ_ENOMEM;
        for (size_t k = 0; k < part->temp_count; k++)
            if (zseq_store_loading_note_temp (self, finds, part->temp[k]) !=
                ZSEQ_OK)
                return ZSEQ_ENOMEM;
    }
    if (!zseq_store_memory_reserve ((void **) &finds->record,
                                    &finds->record_capacity, total,
                                    sizeof *finds->record))
        return zseq_store_loading_stop_memory (self);
    size_t taken[READERS_MAX] = {0};
    while (finds->record_count < total) {
        const zseq_store_name_t *lowest = NULL;
        size_t from = 0;
        for (size_t i = 0; i < count; i++) {
            const zseq_store_finds_t *part = &reader[i].finds;
            if (taken[i] == part->record_count)
                continue;
            const zseq_store_name_t *record = &part->record[taken[i]];
            if (!lowest || zseq_store_name_compare (record, lowest) < 0) {
                lowest = record;
                from = i;
            }
        }
        finds->record[finds->record_count++] = *lowest;
        taken[from]++;
    }
    return ZSEQ_OK;
}

int
zseq_store_sequences_read (zseq_store_loading_t *self)
{
    assert (self);
    s_reader_t reader[READERS_MAX];
    memset (reader, 0, sizeof reader);
    size_t count = s_start_readers (self, reader);
    if (count == 0 && self->bucket_count > 0)
        (void) zseq_store_loading_stop (self, ZSEQ_ENOMEM, ".",
                                        ZSEQ_TEXT_NO_MEMORY_LOAD_THREAD);
    if (!zseq_store_name_sort (&self->entry, &self->entry_capacity,
                               self->entry_count))
        (void) zseq_store_loading_stop_memory (self);
    s_wait_for_readers (self);
    for (size_t i = 0; i < count; i++)
        pthread_join (reader[i].thread, NULL);
    int rc = self->rc;
    if (rc == ZSEQ_OK)
        rc = s_merge_readers (self, reader, count);
    //  The names in the chunks are still in use.
    for (size_t i = 0; i < count; i++) {
        zseq_store_chunk_t **end = &reader[i].finds.chunks;
        while (*end)
            end = &(*end)->next;
        *end = self->finds.chunks;
        self->finds.chunks = reader[i].finds.chunks;
        reader[i].finds.chunks = NULL;
        zseq_store_finds_term (&reader[i].finds);
        zseq_store_listing_term (&reader[i].listing);
    }
    return rc;
}
