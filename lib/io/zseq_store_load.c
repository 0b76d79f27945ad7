//  The calling thread reads the journal and lists seq; then threads take the
//  directories in it one after the other, each with memory of its own for what
//  it finds; in the end the calling thread puts all of it together. Without a
//  cache the disk is waited for, so there are more threads than processors, to
//  keep several reads on their way.

#include "zseq_store_load.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zseq_store_filesystem.h"

#define READERS_MAX 32
#define PROGRESS_STEP 50000  //  Records from one call of progress to the next

//  Memory that grows. A million names take a lot, once: it comes from the
//  kernel itself and is given back to it, and leaves no holes in the heap.

static void *
s_map (size_t size)
{
    void *memory = mmap (NULL, size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void
s_unmap (void *memory, size_t size)
{
    if (memory)
        (void) munmap (memory, size);  //  It is ours: that cannot fail
}

//  Makes room for count items of item bytes, doubling.
static bool
s_reserve (void **items_p, size_t *capacity_p, size_t count, size_t item)
{
    if (count <= *capacity_p)
        return true;
    size_t capacity = *capacity_p ? *capacity_p : 64;
    while (capacity < count)
        capacity *= 2;
    //  Not mremap, which ThreadSanitizer does not know.
    void *items = s_map (capacity * item);
    if (!items)
        return false;
    if (*items_p)
        memcpy (items, *items_p, *capacity_p * item);
    s_unmap (*items_p, *capacity_p * item);
    *items_p = items;
    *capacity_p = capacity;
    return true;
}

//  Texts that stay where they are.
typedef struct s_chunk s_chunk_t;
struct s_chunk {
    s_chunk_t *next;
    size_t used;
    char bytes[(1 << 20) - 2 * sizeof (size_t)];
};

//  A copy, terminated; NULL: no memory.
static const char *
s_copy (s_chunk_t **chunks_p, const char *bytes, size_t size)
{
    s_chunk_t *chunk = *chunks_p;
    if (!chunk || chunk->used + size + 1 > sizeof chunk->bytes) {
        chunk = s_map (sizeof *chunk);
        if (!chunk)
            return NULL;
        chunk->next = *chunks_p;
        *chunks_p = chunk;
    }
    char *copy = chunk->bytes + chunk->used;
    memcpy (copy, bytes, size);
    copy[size] = 0;
    chunk->used += size + 1;
    return copy;
}

//  What is found.

//  A record, or an entry of the journal.
typedef struct {
    const char *name;  //  An entry's lies in the journal's own bytes
    uint64_t next;     //  Of a record, like the next one
    uint64_t limit;
    uint8_t size;
    bool journaled;  //  A record that has its entry
} s_name_t;

typedef struct {
    const char *where;  //  Below the node's directory
    const char *what;
    bool there;  //  It is to be moved out of the way
} s_damage_t;

typedef struct {
    s_chunk_t *chunks;
    s_name_t *record;  //  In byte order of the names, once sorted
    size_t record_count;
    size_t record_capacity;
    s_damage_t *damage;
    size_t damage_count;
    size_t damage_capacity;
    const char **temp;  //  Paths of temporary files
    size_t temp_count;
    size_t temp_capacity;
} s_finds_t;

static void
s_finds_term (s_finds_t *self)
{
    while (self->chunks) {
        s_chunk_t *chunk = self->chunks;
        self->chunks = chunk->next;
        s_unmap (chunk, sizeof *chunk);
    }
    s_unmap (self->record, self->record_capacity * sizeof *self->record);
    s_unmap (self->damage, self->damage_capacity * sizeof *self->damage);
    s_unmap (self->temp, self->temp_capacity * sizeof *self->temp);
}

//  A directory's entries, to be read in the order of their inodes.
typedef struct {
    ino_t inode;
    size_t offset;  //  Of its name in bytes
    bool regular;
    bool directory;
} s_file_t;

typedef struct {
    s_file_t *file;
    size_t count;
    size_t count_capacity;
    char *bytes;
    size_t size;
    size_t size_capacity;
} s_listing_t;

static void
s_listing_term (s_listing_t *self)
{
    s_unmap (self->file, self->count_capacity * sizeof *self->file);
    s_unmap (self->bytes, self->size_capacity);
}

typedef struct {
    zseq_store_disk_t *disk;
    const zseq_store_owner_t *owner;
    const zseq_store_loader_t *loader;
    s_finds_t finds;  //  The calling thread's, and in the end everybody's

    int seq_fd;
    char spread[ZSEQ_STORE_SPREAD_COUNT][3];
    size_t spread_count;
    _Atomic uint64_t identity;  //  Of all that is intact; 0: nothing yet
    _Atomic uint8_t node;       //  The same; ZSEQ_STORE_NODE_UNKNOWN
    atomic_size_t spread_next;  //  The directory to be taken next
    atomic_size_t count;        //  Records read
    atomic_bool stop;           //  Something failed
    pthread_mutex_t mutex;
    pthread_cond_t news;  //  A thread ends, or there is progress
    size_t running;       //  Under the mutex, like the next one
    int rc;               //  What failed first; its text is the disk's

    zseq_store_pair_t pair;  //  The names journal and its copy
    s_name_t *entry;
    size_t entry_count;
    size_t entry_capacity;
} s_load_t;

typedef struct {
    s_load_t *load;
    pthread_t thread;
    s_finds_t finds;
    s_listing_t listing;
} s_reader_t;

//  What went wrong: first come, first told. Returns rc.
static int
s_stop (s_load_t *self, int rc, const char *where, const char *what)
{
    pthread_mutex_lock (&self->mutex);
    if (self->rc == ZSEQ_OK)
        self->rc = zseq_store_disk_fail (self->disk, rc, where, what);
    pthread_mutex_unlock (&self->mutex);
    atomic_store (&self->stop, true);
    return rc;
}

//  The same, when the disk's text says already what went wrong. Only before
//  there are threads.
static int
s_stop_told (s_load_t *self, int rc)
{
    self->rc = rc;
    return rc;
}

static int
s_stop_call (s_load_t *self, const char *where, const char *call)
{
    char what[160];
    snprintf (what, sizeof what, "%s: %m", call);
    return s_stop (self, ZSEQ_EIO, where, what);
}

static int
s_stop_memory (s_load_t *self)
{
    return s_stop (self, ZSEQ_ENOMEM, ".", "out of memory");
}

static int
s_note_damage (s_load_t *self, s_finds_t *finds, const char *where,
               const char *what, bool there)
{
    const char *copy = s_copy (&finds->chunks, where, strlen (where));
    if (!copy || !s_reserve ((void **) &finds->damage, &finds->damage_capacity,
                             finds->damage_count + 1, sizeof *finds->damage))
        return s_stop_memory (self);
    finds->damage[finds->damage_count++] = (s_damage_t){copy, what, there};
    return ZSEQ_OK;
}

static int
s_note_temp (s_load_t *self, s_finds_t *finds, const char *where)
{
    const char *copy = s_copy (&finds->chunks, where, strlen (where));
    if (!copy || !s_reserve ((void **) &finds->temp, &finds->temp_capacity,
                             finds->temp_count + 1, sizeof *finds->temp))
        return s_stop_memory (self);
    finds->temp[finds->temp_count++] = copy;
    return ZSEQ_OK;
}

static int
s_note_record (s_load_t *self, s_finds_t *finds,
               const zseq_store_sequence_t *sequence)
{
    const char *copy =
      s_copy (&finds->chunks, sequence->name, sequence->name_size);
    if (!copy || !s_reserve ((void **) &finds->record, &finds->record_capacity,
                             finds->record_count + 1, sizeof *finds->record))
        return s_stop_memory (self);
    finds->record[finds->record_count++] =
      (s_name_t){copy, sequence->next, sequence->limit,
                 (uint8_t) sequence->name_size, false};
    return ZSEQ_OK;
}

//  Whether that is who everything else here belongs to. Where the node's
//  record does not say which cluster, the first that is intact does.
static bool
s_ours (s_load_t *self, uint64_t identity, uint8_t node)
{
    uint64_t known = 0;
    uint8_t known_node = ZSEQ_STORE_NODE_UNKNOWN;
    return (atomic_compare_exchange_strong (&self->node, &known_node, node) ||
            known_node == node) &&
           (atomic_compare_exchange_strong (&self->identity, &known,
                                            identity) ||
            known == identity);
}

//  Order.

static int
s_compare (const char *a, size_t a_size, const char *b, size_t b_size)
{
    int order = memcmp (a, b, a_size < b_size ? a_size : b_size);
    if (order != 0)
        return order;
    return (a_size > b_size) - (a_size < b_size);
}

static int
s_compare_names (const s_name_t *a, const s_name_t *b)
{
    return s_compare (a->name, a->size, b->name, b->size);
}

//  Merges two sorted runs.
static void
s_merge_runs (const s_name_t *a, size_t a_count, const s_name_t *b,
              size_t b_count, s_name_t *to)
{
    while (a_count > 0 && b_count > 0)
        if (s_compare_names (b, a) < 0) {
            *to++ = *b++;
            b_count--;
        }
        else {
            *to++ = *a++;
            a_count--;
        }
    memcpy (to, a, a_count * sizeof *a);
    memcpy (to + a_count, b, b_count * sizeof *b);
}

//  Sorts by merging, not with qsort, which would take its room from the heap.
//  False: no memory.
static bool
s_sort_names (s_name_t **names_p, size_t *capacity_p, size_t count)
{
    s_name_t *other = NULL;
    size_t other_capacity = 0;
    if (count < 2)
        return true;
    if (!s_reserve ((void **) &other, &other_capacity, count, sizeof *other))
        return false;
    for (size_t run = 1; run < count; run *= 2) {
        for (size_t i = 0; i < count; i += 2 * run) {
            size_t left = count - i;
            size_t a = left < run ? left : run;
            size_t b = left - a < run ? left - a : run;
            s_merge_runs (*names_p + i, a, *names_p + i + a, b, other + i);
        }
        s_name_t *sorted = other;
        size_t sorted_capacity = other_capacity;
        other = *names_p;
        other_capacity = *capacity_p;
        *names_p = sorted;
        *capacity_p = sorted_capacity;
    }
    s_unmap (other, other_capacity * sizeof *other);
    return true;
}

static int
s_compare_damages (const void *a, const void *b)
{
    const s_damage_t *x = a;
    const s_damage_t *y = b;
    return strcmp (x->where, y->where);
}

static int
s_compare_files (const void *a, const void *b)
{
    const s_file_t *x = a;
    const s_file_t *y = b;
    return (x->inode > y->inode) - (x->inode < y->inode);
}

static void
s_sort (void *items, size_t count, size_t item,
        int (*compare) (const void *, const void *))
{
    if (count > 1)
        qsort (items, count, item, compare);
}

//  Directories.

static bool
s_is_temp (const char *file)
{
    return strncmp (file, ZSEQ_STORE_TEMP_PREFIX,
                    strlen (ZSEQ_STORE_TEMP_PREFIX)) == 0;
}

//  Adds a directory's entry, but for "." and "..". False: no memory.
static bool
s_list_entry (s_listing_t *listing, int fd, const struct dirent *entry)
{
    const char *name = entry->d_name;
    if (strcmp (name, ".") == 0 || strcmp (name, "..") == 0)
        return true;
    s_file_t file = {entry->d_ino, listing->size, entry->d_type == DT_REG,
                     entry->d_type == DT_DIR};
    struct stat info;
    //  Some file systems do not say; what is gone again is found out later.
    if (entry->d_type == DT_UNKNOWN &&
        fstatat (fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0) {
        file.regular = S_ISREG (info.st_mode);
        file.directory = S_ISDIR (info.st_mode);
    }
    size_t size = strlen (name) + 1;
    if (!s_reserve ((void **) &listing->file, &listing->count_capacity,
                    listing->count + 1, sizeof *listing->file) ||
        !s_reserve ((void **) &listing->bytes, &listing->size_capacity,
                    listing->size + size, 1))
        return false;
    listing->file[listing->count++] = file;
    memcpy (listing->bytes + listing->size, name, size);
    listing->size += size;
    return true;
}

//  S8: what an earlier process wrote is on disk before anyone is told of it. Where
//  that is not known of all that the file system holds, it is made so of this.
static int
s_settle (s_load_t *self, int fd, const char *where)
{
    if (!self->disk->sync_each || fsync (fd) == 0)
        return ZSEQ_OK;
    return s_stop_call (self, where, "fsync");
}

//  Lists the directory fd anew.
static int
s_list (s_load_t *self, s_listing_t *listing, int fd, const char *where)
{
    listing->count = 0;
    listing->size = 0;
    int copy = zseq_store_openat (fd, ".", O_RDONLY | O_DIRECTORY);
    DIR *stream = copy < 0 ? NULL : fdopendir (copy);
    if (!stream) {
        int rc = s_stop_call (self, where, "open");
        zseq_store_close (&copy);
        return rc;
    }
    int rc = s_settle (self, fd, where);
    while (rc == ZSEQ_OK) {
        errno = 0;
        const struct dirent *entry = readdir (stream);
        if (!entry && errno != 0)
            rc = s_stop_call (self, where, "read");
        if (!entry)
            break;
        if (!s_list_entry (listing, fd, entry))
            rc = s_stop_memory (self);
    }
    (void) closedir (stream);  //  Nothing was written
    return rc;
}

//  What syncs the node's directory must reach this one, too.
static int
s_check_device (s_load_t *self, int fd, const char *where)
{
    struct stat info;
    if (fstat (fd, &info) != 0)
        return s_stop_call (self, where, "stat");
    if (info.st_dev == self->disk->device)
        return ZSEQ_OK;
    return s_stop (self, ZSEQ_EINVAL, where, zseq_store_filesystem_elsewhere);
}

//  Opens a directory. Where there is something else in its place, that is
//  damage; *fd_p is -1 then, and where there is nothing.
static int
s_open_directory (s_load_t *self, s_finds_t *finds, int parent_fd,
                  const char *name, const char *where, int *fd_p)
{
    *fd_p =
      zseq_store_openat (parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (*fd_p >= 0) {
        int rc = s_check_device (self, *fd_p, where);
        if (rc != ZSEQ_OK)
            zseq_store_close (fd_p);
        return rc;
    }
    if (errno == ENOENT)
        return ZSEQ_OK;
    if (errno == ENOTDIR || errno == ELOOP)
        return s_note_damage (self, finds, where, "not a directory", true);
    return s_stop_call (self, where, "open");
}

//  Sequence records, by the threads.

//  Reads what file holds into bytes, at most size.
static int
s_read_file (s_load_t *self, int directory_fd, const char *file,
             const char *where, uint8_t *bytes, size_t size, size_t *got_p)
{
    //  Were it no regular file any more: O_NONBLOCK, so that a pipe does not
    //  block us. O_NOATIME: the first time each is read, its inode would be
    //  written; only the file's owner may ask for that.
    const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
    int fd = zseq_store_openat (directory_fd, file, flags | O_NOATIME);
    if (fd < 0 && errno == EPERM)
        fd = zseq_store_openat (directory_fd, file, flags);
    if (fd < 0)
        return s_stop_call (self, where, "open");
    zseq_store_disk_forget (self->disk, fd);
    //  A record lies within a page, so that one call gets all there is.
    int rc = s_settle (self, fd, where);
    ssize_t got = 0;
    while (rc == ZSEQ_OK && (got = read (fd, bytes, size)) < 0)
        if (errno != EINTR)
            rc = s_stop_call (self, where, "read");
    *got_p = got < 0 ? 0 : (size_t) got;
    zseq_store_close (&fd);
    return rc;
}

static int
s_read_record (s_reader_t *reader, int fd, const char *spread, const char *file)
{
    s_load_t *self = reader->load;
    s_finds_t *finds = &reader->finds;
    char where[ZSEQ_STORE_PATH_SIZE];
    snprintf (where, sizeof where, "seq/%s/%s", spread, file);
    uint8_t bytes[ZSEQ_STORE_RECORD_MAX + 1];
    size_t size = 0;
    int rc = s_read_file (self, fd, file, where, bytes, sizeof bytes, &size);
    if (rc != ZSEQ_OK)
        return rc;
    if (size > ZSEQ_STORE_RECORD_MAX)
        return s_note_damage (self, finds, where, "too long for a record",
                              true);

    zseq_store_sequence_t sequence;
    const char *what;
    rc = zseq_store_sequence_decode (&sequence, bytes, size, &what);
    if (rc == ZSEQ_EDAMAGED)
        return s_note_damage (self, finds, where, what, true);
    if (rc != ZSEQ_OK)
        return s_stop (self, rc, where, what);
    if (!s_ours (self, sequence.identity, sequence.node))
        return s_stop (self, ZSEQ_EFOREIGN, where,
                       "a record of another node or cluster");
    zseq_store_place_t place;
    zseq_store_place_init (&place, sequence.name, sequence.name_size);
    char digits[3];
    snprintf (digits, sizeof digits, "%02x", place.spread);
    if (strcmp (digits, spread) != 0 || strcmp (place.file, file) != 0)
        return s_note_damage (self, finds, where,
                              "holds the record of another name", true);
    return s_note_record (self, finds, &sequence);
}

static int
s_read_entry (s_reader_t *reader, int fd, const char *spread,
              const s_file_t *file)
{
    s_load_t *self = reader->load;
    const char *name = reader->listing.bytes + file->offset;
    bool temp = s_is_temp (name) && !file->directory;
    if (file->regular && !temp) {
        int rc = s_read_record (reader, fd, spread, name);
        size_t count = atomic_fetch_add (&self->count, 1) + 1;
        if (count % PROGRESS_STEP == 0) {
            pthread_mutex_lock (&self->mutex);
            pthread_cond_signal (&self->news);
            pthread_mutex_unlock (&self->mutex);
        }
        return rc;
    }
    char where[ZSEQ_STORE_PATH_SIZE];
    snprintf (where, sizeof where, "seq/%s/%s", spread, name);
    if (temp)
        return s_note_temp (self, &reader->finds, where);
    return s_note_damage (self, &reader->finds, where, "not a regular file",
                          true);
}

static int
s_read_spread (s_reader_t *reader, const char *spread)
{
    s_load_t *self = reader->load;
    s_listing_t *listing = &reader->listing;
    char where[16];
    snprintf (where, sizeof where, "seq/%s", spread);
    int fd;
    int rc =
      s_open_directory (self, &reader->finds, self->seq_fd, spread, where, &fd);
    if (rc != ZSEQ_OK || fd < 0)
        return rc;
    rc = s_list (self, listing, fd, where);
    //  Inodes lie on the disk in the order of their numbers, and mostly what
    //  they hold does too.
    if (rc == ZSEQ_OK)
        s_sort (listing->file, listing->count, sizeof *listing->file,
                s_compare_files);
    for (size_t i = 0; rc == ZSEQ_OK && i < listing->count; i++) {
        if (atomic_load (&self->stop))
            break;
        rc = s_read_entry (reader, fd, spread, &listing->file[i]);
    }
    zseq_store_close (&fd);
    return rc;
}

static void *
s_run_reader (void *arg)
{
    s_reader_t *reader = arg;
    s_load_t *self = reader->load;
    int rc = ZSEQ_OK;
    while (rc == ZSEQ_OK && !atomic_load (&self->stop)) {
        size_t index = atomic_fetch_add (&self->spread_next, 1);
        if (index >= self->spread_count)
            break;
        rc = s_read_spread (reader, self->spread[index]);
    }
    s_finds_t *finds = &reader->finds;
    if (!s_sort_names (&finds->record, &finds->record_capacity,
                       finds->record_count))
        (void) s_stop_memory (self);
    pthread_mutex_lock (&self->mutex);
    self->running--;
    pthread_cond_signal (&self->news);
    pthread_mutex_unlock (&self->mutex);
    return NULL;
}

//  Starts threads, as many as can be had. Returns how many.
static size_t
s_start_readers (s_load_t *self, s_reader_t *reader)
{
    //  They inherit the mask: no signal is ever handled on them.
    sigset_t all;
    sigset_t before;
    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    size_t count = 0;
    while (count < READERS_MAX && count < self->spread_count) {
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

//  Waits until all have ended, and tells of progress meanwhile.
static void
s_wait_for_readers (s_load_t *self)
{
    size_t told = 0;
    bool ended = false;
    while (!ended) {
        pthread_mutex_lock (&self->mutex);
        while (self->running > 0 &&
               atomic_load (&self->count) / PROGRESS_STEP == told)
            pthread_cond_wait (&self->news, &self->mutex);
        ended = self->running == 0;
        pthread_mutex_unlock (&self->mutex);
        size_t count = atomic_load (&self->count);
        if (count / PROGRESS_STEP == told)
            continue;
        told = count / PROGRESS_STEP;
        if (self->loader->progress)
            self->loader->progress (count, self->entry_count,
                                    self->loader->arg);
    }
}

//  Puts together what the threads found: records by merging, as each thread's
//  are sorted.
static int
s_merge (s_load_t *self, const s_reader_t *reader, size_t count)
{
    s_finds_t *finds = &self->finds;
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        const s_finds_t *part = &reader[i].finds;
        total += part->record_count;
        for (size_t k = 0; k < part->damage_count; k++)
            if (s_note_damage (self, finds, part->damage[k].where,
                               part->damage[k].what,
                               part->damage[k].there) != ZSEQ_OK)
                return ZSEQ_ENOMEM;
        for (size_t k = 0; k < part->temp_count; k++)
            if (s_note_temp (self, finds, part->temp[k]) != ZSEQ_OK)
                return ZSEQ_ENOMEM;
    }
    if (!s_reserve ((void **) &finds->record, &finds->record_capacity, total,
                    sizeof *finds->record))
        return s_stop_memory (self);
    size_t taken[READERS_MAX] = {0};
    while (finds->record_count < total) {
        const s_name_t *lowest = NULL;
        size_t from = 0;
        for (size_t i = 0; i < count; i++) {
            const s_finds_t *part = &reader[i].finds;
            if (taken[i] == part->record_count)
                continue;
            const s_name_t *record = &part->record[taken[i]];
            if (!lowest || s_compare_names (record, lowest) < 0) {
                lowest = record;
                from = i;
            }
        }
        finds->record[finds->record_count++] = *lowest;
        taken[from]++;
    }
    return ZSEQ_OK;
}

//  The journal.

//  Takes in the entries of the whole batches.
static int
s_read_batches (s_load_t *self, zseq_store_image_t *image)
{
    for (size_t offset = ZSEQ_STORE_HEADER_SIZE; offset < image->end;) {
        size_t whole =
          zseq_store_batch_size (image->bytes + offset, image->end - offset);
        assert (whole > 0);
        zseq_store_entries_t entries;
        zseq_store_entries_init (&entries, image->bytes + offset, whole);
        while (entries.left > 0) {
            const char *name;
            size_t size;
            if (!zseq_store_entries_next (&entries, &name, &size)) {
                image->damage = "an entry makes no sense";
                return ZSEQ_OK;
            }
            if (!s_reserve ((void **) &self->entry, &self->entry_capacity,
                            self->entry_count + 1, sizeof *self->entry))
                return s_stop_memory (self);
            self->entry[self->entry_count++] =
              (s_name_t){.name = name, .size = (uint8_t) size};
        }
        offset += whole;
    }
    return ZSEQ_OK;
}

static int
s_check_journal (uint64_t identity, uint8_t node, const char *file, void *arg)
{
    s_load_t *self = arg;
    if (s_ours (self, identity, node))
        return ZSEQ_OK;
    return zseq_store_disk_fail (self->disk, ZSEQ_EFOREIGN, file,
                                 "the journal of another node or cluster");
}

static int
s_read_journal (s_load_t *self)
{
    zseq_store_pair_t *pair = &self->pair;
    int rc = zseq_store_pair_read (pair, self->disk, s_check_journal, self);
    if (rc != ZSEQ_OK)
        return s_stop_told (self, rc);
    zseq_store_pair_judge (pair, self->owner->format);
    rc = s_read_batches (self, &pair->names);
    //  With damage the copy may have entries that the journal has lost.
    if (rc == ZSEQ_OK &&
        (!pair->names.there || pair->names.damage || pair->copy.damage))
        rc = s_read_batches (self, &pair->copy);
    if (rc == ZSEQ_OK && pair->names.damage)
        rc = s_note_damage (self, &self->finds, ZSEQ_STORE_NAMES,
                            pair->names.damage, true);
    if (rc == ZSEQ_OK && pair->copy.damage)
        rc = s_note_damage (self, &self->finds, ZSEQ_STORE_COPY,
                            pair->copy.damage, true);
    return rc;
}

//  Finding out what is wrong, and telling.

static bool
s_is_damaged (const s_load_t *self, size_t count, const char *where)
{
    s_damage_t key = {.where = where};
    return count > 0 && bsearch (&key, self->finds.damage, count, sizeof key,
                                 s_compare_damages);
}

//  An entry without a record. Where that is damaged, so much is known already:
//  the first known damages, which are sorted.
static int
s_note_missing (s_load_t *self, const s_name_t *entry, size_t known)
{
    zseq_store_place_t place;
    zseq_store_place_init (&place, entry->name, entry->size);
    char where[ZSEQ_STORE_PATH_SIZE];
    snprintf (where, sizeof where, "seq/%02x/%s", place.spread, place.file);
    if (s_is_damaged (self, known, where))
        return ZSEQ_OK;
    return s_note_damage (self, &self->finds, where,
                          "missing, though the names journal has it", false);
}

//  Joins records and journal, both sorted.
static int
s_match (s_load_t *self)
{
    s_finds_t *finds = &self->finds;
    size_t known = finds->damage_count;
    s_sort (finds->damage, known, sizeof *finds->damage, s_compare_damages);
    size_t record = 0;
    for (size_t i = 0; i < self->entry_count; i++) {
        const s_name_t *entry = &self->entry[i];
        //  An entry may stand there twice.
        if (i > 0 && s_compare_names (entry - 1, entry) == 0)
            continue;
        int order = -1;
        while (record < finds->record_count && order < 0) {
            order =
              s_compare (finds->record[record].name, finds->record[record].size,
                         entry->name, entry->size);
            record += order < 0;
        }
        if (order == 0)
            finds->record[record].journaled = true;
        else if (s_note_missing (self, entry, known) != ZSEQ_OK)
            return ZSEQ_ENOMEM;
    }
    return ZSEQ_OK;
}

//  Whether there is more than a birth that was cut short leaves: journals with
//  nothing in them.
static bool
s_has_content (const s_load_t *self)
{
    return self->finds.record_count > 0 ||
           self->pair.names.size > ZSEQ_STORE_HEADER_SIZE ||
           self->pair.copy.size > ZSEQ_STORE_HEADER_SIZE;
}

//  What the node's record and the rest say of each other.
static int
s_judge (s_load_t *self)
{
    const zseq_store_owner_t *owner = self->owner;
    bool unborn = owner->identity == 0 && !owner->lost;
    int rc = s_match (self);
    if (rc != ZSEQ_OK || self->identity == 0 ||
        (unborn && !s_has_content (self)))
        return rc;
    if (!self->pair.names.there)
        rc = s_note_damage (self, &self->finds, ZSEQ_STORE_NAMES, "missing",
                            false);
    //  Without a node's record nothing tells whether there was one.
    if (rc == ZSEQ_OK && !self->pair.copy.there && !owner->lost &&
        owner->format != 1)
        rc =
          s_note_damage (self, &self->finds, ZSEQ_STORE_COPY, "missing", false);
    if (rc == ZSEQ_OK && unborn)
        rc = s_note_damage (self, &self->finds, "node",
                            "older than the records beside it", false);
    return rc;
}

static int
s_tell (s_load_t *self)
{
    const zseq_store_loader_t *loader = self->loader;
    const s_finds_t *finds = &self->finds;
    for (size_t i = 0; loader->damage && i < finds->damage_count; i++) {
        char text[ZSEQ_STORE_TEXT_MAX];
        zseq_store_disk_text (self->disk, finds->damage[i].where,
                              finds->damage[i].what, text, sizeof text);
        loader->damage (text, loader->arg);
    }
    int rc = ZSEQ_OK;
    for (size_t i = 0; rc == ZSEQ_OK && i < finds->record_count; i++)
        rc = loader->name (finds->record[i].name, finds->record[i].size,
                           finds->record[i].next, finds->record[i].limit,
                           loader->arg);
    return rc;
}

//  How much a crash has left to be put right.
static size_t
s_count_unfinished (const s_load_t *self)
{
    const s_finds_t *finds = &self->finds;
    size_t count = finds->temp_count;
    if (self->owner->identity == 0)
        return count;
    for (size_t i = 0; i < finds->record_count; i++)
        count += !finds->record[i].journaled;
    return count +
           (self->owner->format != 1 && !zseq_store_pair_even (&self->pair));
}

//  All is well: deletes temporary files, makes both journals end alike, adds
//  entries that are lacking.
static int
s_mend (s_load_t *self, zseq_store_journal_t *journal)
{
    const s_finds_t *finds = &self->finds;
    for (size_t i = 0; i < finds->temp_count; i++)
        if (unlinkat (self->disk->fd, finds->temp[i], 0) != 0)
            return s_stop_call (self, finds->temp[i], "delete");
    if (self->owner->identity == 0)
        return ZSEQ_OK;
    int rc = zseq_store_pair_mend (&self->pair, self->disk, journal,
                                   self->owner->format);
    size_t added = 0;
    for (size_t i = 0; rc == ZSEQ_OK && i < finds->record_count; i++) {
        if (finds->record[i].journaled)
            continue;
        zseq_store_journal_add (journal, finds->record[i].name,
                                finds->record[i].size);
        if (++added % ZSEQ_STORE_GROUP_MAX == 0)
            rc = zseq_store_journal_append (journal, self->disk, true);
    }
    return rc == ZSEQ_OK ? zseq_store_journal_append (journal, self->disk, true)
                         : rc;
}

//  With damage: what repair will need.

static void
s_add_path (zseq_store_repair_t *repair, char what, const char *path)
{
    size_t size = strlen (path) + 1;
    repair->paths[repair->paths_size] = what;
    memcpy (repair->paths + repair->paths_size + 1, path, size);
    repair->paths_size += size + 1;
}

static bool
s_prepare_paths (const s_load_t *self, zseq_store_repair_t *repair)
{
    const s_finds_t *finds = &self->finds;
    size_t size = 0;
    for (size_t i = 0; i < finds->damage_count; i++)
        size += strlen (finds->damage[i].where) + 2;
    for (size_t i = 0; i < finds->temp_count; i++)
        size += strlen (finds->temp[i]) + 2;
    repair->paths = malloc (size > 0 ? size : 1);
    if (!repair->paths)
        return false;
    for (size_t i = 0; i < finds->damage_count; i++)
        if (finds->damage[i].there)
            s_add_path (repair, ZSEQ_STORE_REPAIR_MOVE, finds->damage[i].where);
    for (size_t i = 0; i < finds->temp_count; i++)
        s_add_path (repair, ZSEQ_STORE_REPAIR_DELETE, finds->temp[i]);
    return true;
}

//  A journal of all intact names. It is made now, so that the thread that
//  writes needs no memory.
static bool
s_prepare_journal (const s_load_t *self, zseq_store_repair_t *repair)
{
    const s_finds_t *finds = &self->finds;
    const size_t frame =
      ZSEQ_STORE_BATCH_HEADER_SIZE + ZSEQ_STORE_CHECKSUM_SIZE;
    size_t size = ZSEQ_STORE_HEADER_SIZE +
                  frame * (finds->record_count / ZSEQ_STORE_GROUP_MAX + 1);
    for (size_t i = 0; i < finds->record_count; i++)
        size += 2u + finds->record[i].size;
    repair->journal = malloc (size);
    if (!repair->journal)
        return false;
    repair->journal_size = ZSEQ_STORE_HEADER_SIZE;
    for (size_t i = 0; i < finds->record_count;) {
        zseq_store_batch_t batch = {repair->journal + repair->journal_size, 0};
        do
            zseq_store_batch_add (&batch, finds->record[i].name,
                                  finds->record[i].size);
        while (++i < finds->record_count && i % ZSEQ_STORE_GROUP_MAX != 0);
        zseq_store_batch_seal (&batch);
        repair->journal_size += batch.size;
    }
    assert (repair->journal_size <= size);
    return true;
}

static int
s_prepare_repair (s_load_t *self, zseq_store_repair_t *repair)
{
    repair->needed = true;
    repair->identity = self->identity;
    if (s_prepare_paths (self, repair) && s_prepare_journal (self, repair))
        return ZSEQ_OK;
    zseq_store_repair_term (repair);
    return s_stop_memory (self);
}

//  All together.

//  Where earlier damage lies, things are moved by rename.
static int
s_check_damaged (s_load_t *self)
{
    int rc = zseq_store_filesystem_same (self->disk, self->disk->fd, "damaged",
                                         "damaged");
    return rc == ZSEQ_EAGAIN ? ZSEQ_OK : rc;
}

static int
s_list_root (s_load_t *self, s_listing_t *listing)
{
    int rc = s_list (self, listing, self->disk->fd, ".");
    if (rc == ZSEQ_OK)
        rc = s_check_damaged (self);
    //  What else lies there (lost+found, say) is not ours.
    for (size_t i = 0; rc == ZSEQ_OK && i < listing->count; i++) {
        const char *file = listing->bytes + listing->file[i].offset;
        if (s_is_temp (file) && !listing->file[i].directory)
            rc = s_note_temp (self, &self->finds, file);
    }
    return rc;
}

static int
s_list_seq (s_load_t *self, s_listing_t *listing)
{
    int rc = s_open_directory (self, &self->finds, self->disk->fd, "seq", "seq",
                               &self->seq_fd);
    if (rc != ZSEQ_OK || self->seq_fd < 0)
        return rc;
    rc = s_list (self, listing, self->seq_fd, "seq");
    for (size_t i = 0; rc == ZSEQ_OK && i < listing->count; i++) {
        const char *file = listing->bytes + listing->file[i].offset;
        if (strlen (file) == 2 && strspn (file, "0123456789abcdef") == 2) {
            memcpy (self->spread[self->spread_count++], file, 3);
            continue;
        }
        char where[ZSEQ_STORE_PATH_SIZE];
        snprintf (where, sizeof where, "seq/%s", file);
        rc = s_note_damage (self, &self->finds, where, "unexpected", true);
    }
    return rc;
}

//  Reads all records, and puts the journal's entries in order meanwhile.
static int
s_read_records (s_load_t *self)
{
    s_reader_t reader[READERS_MAX];
    memset (reader, 0, sizeof reader);
    size_t count = s_start_readers (self, reader);
    if (count == 0 && self->spread_count > 0)
        (void) s_stop (self, ZSEQ_ENOMEM, ".", "no memory for a thread");
    if (!s_sort_names (&self->entry, &self->entry_capacity, self->entry_count))
        (void) s_stop_memory (self);
    s_wait_for_readers (self);
    for (size_t i = 0; i < count; i++)
        pthread_join (reader[i].thread, NULL);
    int rc = self->rc;
    if (rc == ZSEQ_OK)
        rc = s_merge (self, reader, count);
    //  Names are still wanted.
    for (size_t i = 0; i < count; i++) {
        s_chunk_t **end = &reader[i].finds.chunks;
        while (*end)
            end = &(*end)->next;
        *end = self->finds.chunks;
        self->finds.chunks = reader[i].finds.chunks;
        reader[i].finds.chunks = NULL;
        s_finds_term (&reader[i].finds);
        s_listing_term (&reader[i].listing);
    }
    return rc;
}

static int
s_load (s_load_t *self, zseq_store_journal_t *journal,
        zseq_store_repair_t *repair, zseq_store_found_t *found)
{
    s_listing_t listing = {0};
    int rc = s_read_journal (self);
    if (rc == ZSEQ_OK)
        rc = s_list_root (self, &listing);
    if (rc == ZSEQ_OK)
        rc = s_list_seq (self, &listing);
    s_listing_term (&listing);
    if (rc == ZSEQ_OK)
        rc = s_read_records (self);
    if (rc == ZSEQ_OK)
        rc = s_judge (self);
    if (rc == ZSEQ_OK)
        rc = s_tell (self);
    if (rc != ZSEQ_OK)
        return rc;
    found->damaged = self->finds.damage_count + self->owner->lost;
    found->identity =
      found->damaged > 0 ? self->identity : self->owner->identity;
    found->unfinished = found->damaged > 0 ? 0 : s_count_unfinished (self);
    if (!journal)
        return ZSEQ_OK;
    if (found->damaged == 0)
        return s_mend (self, journal);
    zseq_store_journal_close (journal);
    return s_prepare_repair (self, repair);
}

int
zseq_store_read (zseq_store_disk_t *disk, zseq_store_journal_t *journal,
                 zseq_store_repair_t *repair, const zseq_store_owner_t *owner,
                 const zseq_store_loader_t *loader, zseq_store_found_t *found_p)
{
    assert (disk);
    assert (!journal == !repair);
    assert (owner);
    s_load_t *self = calloc (1, sizeof *self);
    if (!self)
        return zseq_store_disk_fail (disk, ZSEQ_ENOMEM, ".", "out of memory");
    self->disk = disk;
    self->owner = owner;
    self->loader = loader;
    self->seq_fd = -1;
    atomic_init (&self->identity, owner->identity);
    atomic_init (&self->node, owner->node);
    pthread_mutex_init (&self->mutex, NULL);
    pthread_cond_init (&self->news, NULL);

    zseq_store_found_t found = {0};
    int rc = s_load (self, journal, repair, &found);
    if (rc == ZSEQ_OK)
        *found_p = found;

    pthread_cond_destroy (&self->news);
    pthread_mutex_destroy (&self->mutex);
    zseq_store_close (&self->seq_fd);
    s_finds_term (&self->finds);
    zseq_store_pair_term (&self->pair);
    s_unmap (self->entry, self->entry_capacity * sizeof *self->entry);
    free (self);
    return rc;
}
