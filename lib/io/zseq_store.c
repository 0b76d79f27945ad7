//  Opening, the lock, and the thread that writes. The bytes are made in
//  zseq_store_format.c, files are dealt with in zseq_store_disk.c; a directory
//  is read in zseq_store_load.c and repaired in zseq_store_repair.c. Bytes and
//  the order of operations are those of lib/doc/disk.md.
//
//  Whoever works on the disk owns everything but the queue: the caller's
//  thread until zseq_store_start, the store's own from then on. The queue, the
//  completions and the flag stopping are under the mutex.

#include "zseq_store.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "zseq_seq.h"
#include "zseq_store_convert.h"
#include "zseq_store_filesystem.h"
#include "zseq_store_guard.h"
#include "zseq_store_load.h"
#include "zseq_store_scrub.h"
#include "zseq_store_signals.h"

#define GROUP_MAX ZSEQ_STORE_GROUP_MAX  //  Writes that share their syncs
#define MANY 32  //  From so many on, one syncfs is cheaper than their fsyncs

//  Groups that a check lets pass before it makes one wait: it costs the time of a
//  read.
#define PASSED_MAX 1000

#define SPARES_MAX 16  //  Spare files that a directory keeps

typedef struct {
    zseq_write_t write;  //  Its record is a copy of ours
    uint64_t temp;       //  The number of its temporary file
    uint8_t spread;      //  ... and its directory
    bool spare;          //  ... which is what the record's file was
    int status;
} s_job_t;

//  Temporary files of a directory that may be written over: nothing that lasts
//  needs what they hold.
typedef struct {
    size_t count;
    uint64_t number[SPARES_MAX];
} s_spares_t;

struct zseq_store {
    zseq_store_disk_t disk;
    zseq_store_journal_t journal;
    zseq_store_repair_t repair;  //  What loading found to be repaired
    zseq_store_guard_t guard;    //  Of the open directory
    zseq_store_owner_t owner;    //  As the node's record on disk has it
    zseq_record_t record;        //  ... in full
    bool node_there;             //  There is a node's record, though damaged
    bool loaded;
    bool fatal;     //  Nothing more is written
    bool unsynced;  //  Deferred writes came since the last syncfs
    int seq_fd;     //  -1 until needed
    int spread_fd[ZSEQ_STORE_SPREAD_COUNT];  //  Open: this group renamed a file
                                             //  in it
    s_spares_t spares[ZSEQ_STORE_SPREAD_COUNT];

    bool started;
    bool told_fatal;  //  A fatal completion was collected
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool stopping;
    int event_fd;
    s_job_t *waiting;  //  Submitted, not yet taken up
    size_t waiting_count;
    size_t waiting_capacity;
    bool check_waiting;       //  Submitted, not yet done
    zseq_check_t check;       //  The thread's own while it waits
    size_t check_passed;      //  Groups that have been written since
    off_t check_offset;       //  Where in the journals to go on
    zseq_store_disk_t scrub;  //  The directory, for what is read back
    char check_text[ZSEQ_STORE_TEXT_MAX];  //  What is wrong
    s_job_t *group;                        //  The thread's own: taken up
    size_t group_capacity;
    size_t outstanding;    //  Submitted and not yet collected
    zseq_written_t *done;  //  Completed: [done_first, done_first + done_count)
    size_t done_first;
    size_t done_count;
    size_t done_capacity;  //  At least outstanding
};

//  Makes room for count items of item bytes, doubling.
static bool
s_reserve (void **items_p, size_t *capacity_p, size_t count, size_t item)
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

//  Opening and formatting.

zseq_store_t *
zseq_store_new (const char *directory)
{
    assert (directory);
    zseq_store_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->disk.fd = -1;
    zseq_store_guard_init (&self->guard);
    self->seq_fd = -1;
    self->event_fd = -1;
    for (size_t i = 0; i < ZSEQ_STORE_SPREAD_COUNT; i++)
        self->spread_fd[i] = -1;
    self->disk.path = strdup (directory);
    if (!zseq_store_journal_init (&self->journal) || !self->disk.path) {
        zseq_store_destroy (&self);
        return NULL;
    }
    return self;
}

//  As the store was when new.
static void
s_close_all (zseq_store_t *self)
{
    zseq_store_journal_close (&self->journal);
    zseq_store_close (&self->seq_fd);
    zseq_store_guard_release (&self->guard, &self->disk);  //  Last
    memset (&self->owner, 0, sizeof self->owner);
}

void
zseq_store_destroy (zseq_store_t **self_p)
{
    assert (self_p);
    zseq_store_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
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
    s_close_all (self);
    free (self->waiting);
    free (self->group);
    free (self->done);
    zseq_store_repair_term (&self->repair);
    zseq_store_journal_term (&self->journal);
    free (self->disk.path);
    free (self);
}

void
zseq_store_allow_unsafe (zseq_store_t *self)
{
    assert (self);
    self->disk.unsafe = true;
}

const char *
zseq_store_text (const zseq_store_t *self)
{
    assert (self);
    //  While the thread runs the text is its own.
    return self->started && !self->told_fatal ? "" : self->disk.why;
}

//  What lies in the directory.
typedef struct {
    size_t count;
    bool lock;
    bool node;
    bool names;
} s_content_t;

static int
s_list (zseq_store_t *self, s_content_t *content)
{
    int fd = zseq_store_openat (self->disk.fd, ".", O_RDONLY | O_DIRECTORY);
    DIR *stream = fd < 0 ? NULL : fdopendir (fd);
    if (!stream) {
        int rc = zseq_store_disk_fail_io (&self->disk, ".", "open");
        zseq_store_close (&fd);
        return rc;
    }
    memset (content, 0, sizeof *content);
    const struct dirent *entry;
    errno = 0;
    while ((entry = readdir (stream))) {
        if (strcmp (entry->d_name, ".") != 0 &&
            strcmp (entry->d_name, "..") != 0)
            content->count++;
        content->lock |= strcmp (entry->d_name, "lock") == 0;
        content->node |= strcmp (entry->d_name, "node") == 0;
        content->names |= strcmp (entry->d_name, ZSEQ_STORE_NAMES) == 0 ||
                          strcmp (entry->d_name, ZSEQ_STORE_COPY) == 0;
        errno = 0;
    }
    int rc =
      errno == 0 ? ZSEQ_OK : zseq_store_disk_fail_io (&self->disk, ".", "read");
    (void) closedir (stream);  //  Nothing was written
    return rc;
}

//  Opens the directory, making it first if made_p is given and there is none, and
//  locks it; nothing in it is changed. Errors: ZSEQ_EAGAIN (there is none),
//  ZSEQ_ELOCKED, ZSEQ_EINVAL (its file system), ZSEQ_ENOSPACE, ZSEQ_EIO.
static int
s_enter (zseq_store_t *self, bool *made_p)
{
    bool made = made_p && mkdir (self->disk.path, 0700) == 0;
    if (made_p && !made && errno == ENOENT)
        return zseq_store_disk_fail (
          &self->disk, ZSEQ_EIO, ".",
          "it cannot be made, for its parent does not exist");
    if (made_p && !made && errno != EEXIST)
        return zseq_store_disk_fail_write (&self->disk, ".", "mkdir");
    int rc = zseq_store_guard_open (&self->guard, &self->disk);
    if (rc == ZSEQ_OK) {
        rc = zseq_store_filesystem_check (&self->disk);
        if (rc == ZSEQ_EINVAL && made)
            (void) rmdir (self->disk.path);  //  It is refused all the same
    }
    if (rc == ZSEQ_OK)
        rc = zseq_store_guard_hold (&self->guard, &self->disk);
    if (made_p && rc == ZSEQ_OK)
        *made_p = made;
    return made_p && rc == ZSEQ_EAGAIN ? ZSEQ_EIO : rc;
}

//  Makes the directory itself last.
static int
s_sync_parent (zseq_store_t *self)
{
    int fd = zseq_store_openat (self->disk.fd, "..", O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return zseq_store_disk_fail_io (&self->disk, "..", "open");
    int rc = ZSEQ_OK;
    if (!zseq_store_sync_directory (fd))
        rc = zseq_store_disk_fail_io (&self->disk, "..", "fsync");
    zseq_store_close (&fd);
    return rc;
}

//  Errors: ZSEQ_EAGAIN (there is none), ZSEQ_EDAMAGED, ZSEQ_EFOREIGN, ZSEQ_EIO.
static int
s_read_node (zseq_store_t *self, zseq_record_t *record, uint16_t *format_p)
{
    int fd;
    size_t size;
    int rc = zseq_store_disk_open (&self->disk, "node", O_RDONLY, &fd, &size);
    if (rc != ZSEQ_OK)
        return rc;
    uint8_t bytes[ZSEQ_STORE_RECORD_MAX];
    //  S8: as the others that are read, where no syncfs has done it.
    if (self->disk.sync_each && fsync (fd) != 0)
        rc = zseq_store_disk_fail_io (&self->disk, "node", "fsync");
    ssize_t got = zseq_store_read_all (fd, bytes, sizeof bytes);
    if (rc == ZSEQ_OK && got < 0)
        rc = zseq_store_disk_fail_io (&self->disk, "node", "read");
    else if (size > sizeof bytes)
        rc = zseq_store_disk_fail (&self->disk, ZSEQ_EDAMAGED, "node",
                                   "too long for a record");
    zseq_store_close (&fd);
    if (rc != ZSEQ_OK)
        return rc;
    const char *what;
    rc = zseq_store_node_decode (record, bytes, (size_t) got, format_p, &what);
    if (rc != ZSEQ_OK)
        return zseq_store_disk_fail (&self->disk, rc, "node", what);
    zseq_store_guard_node (&self->guard, &self->disk, bytes, (size_t) got);
    return ZSEQ_OK;
}

//  Puts an empty journal and its copy in place: a record that says that the
//  cluster was born must not outlive them.
static int
s_create_journal (zseq_store_t *self, const zseq_record_t *record)
{
    uint8_t bytes[ZSEQ_STORE_HEADER_SIZE];
    size_t size =
      zseq_store_header_encode (record->identity, record->self, bytes);
    int rc =
      zseq_store_journal_replace (&self->journal, &self->disk, bytes, size);
    return rc == ZSEQ_OK ? zseq_store_disk_sync (&self->disk) : rc;
}

//  Writes the node's record durably, with what comes before and after it: at
//  the birth an empty journal, after damage the repair.
static int
s_write_node (zseq_store_t *self, const zseq_record_t *record)
{
    assert (record->self < record->n && record->n <= ZSEQ_NODES_MAX);
    assert (self->owner.identity == 0 ||
            record->identity == self->owner.identity);
    zseq_store_repair_t *repair = &self->repair;
    int rc = ZSEQ_OK;
    if (repair->needed) {
        //  S5: what was damaged must not vote, whatever becomes of the repair.
        assert (!record->voting);
        assert (record->self == self->owner.node);
        assert (repair->identity == 0 || record->identity == repair->identity);
        rc = zseq_store_repair_begin (repair, &self->disk);
        zseq_store_guard_node (&self->guard, &self->disk, NULL, 0);
    }
    else if (self->owner.identity == 0 && record->identity != 0)
        rc = s_create_journal (self, record);
    if (rc != ZSEQ_OK)
        return rc;

    uint8_t bytes[ZSEQ_STORE_RECORD_MAX];
    size_t size = zseq_store_node_encode (record, bytes);
    rc = zseq_store_disk_replace (&self->disk, "node", bytes, size);
    if (rc != ZSEQ_OK)
        return rc;
    zseq_store_guard_node (&self->guard, &self->disk, bytes, size);
    rc = zseq_store_disk_sync (&self->disk);
    if (rc != ZSEQ_OK)
        return rc;
    self->owner = (zseq_store_owner_t){record->identity, record->self, false,
                                       ZSEQ_STORE_FORMAT};
    self->record = *record;
    if (repair->needed)
        rc =
          zseq_store_repair_end (repair, &self->disk, &self->journal, record);
    return rc;
}

static int
s_fail_not_empty (zseq_store_t *self)
{
    return zseq_store_disk_fail (
      &self->disk, ZSEQ_EEXIST, ".",
      "not empty; to format a node that never ran, remove what is in it");
}

static int
s_format (zseq_store_t *self, const zseq_record_t *record)
{
    bool made = false;
    int rc = s_enter (self, &made);
    s_content_t content = {0};
    if (rc == ZSEQ_OK)
        rc = s_list (self, &content);
    //  That it is in use matters only if nothing else is wrong.
    else if (rc == ZSEQ_ELOCKED && s_list (self, &content) != ZSEQ_OK)
        return ZSEQ_EIO;
    if (content.count > 0)
        return s_fail_not_empty (self);
    if (rc == ZSEQ_OK)
        rc = zseq_store_guard_sign (&self->guard, &self->disk);
    if (rc == ZSEQ_OK)
        rc = s_write_node (self, record);
    return rc == ZSEQ_OK && made ? s_sync_parent (self) : rc;
}

int
zseq_store_format (zseq_store_t *self, const zseq_record_t *record)
{
    assert (self);
    assert (record);
    assert (self->disk.fd < 0);
    self->disk.why[0] = 0;
    zseq_store_signals_t signals;
    zseq_store_signals_block (&signals);
    int rc = s_format (self, record);
    zseq_store_signals_restore (&signals);
    s_close_all (self);
    return rc;
}

//  Signs the directory, which is locked. What a process before us wrote but could
//  not sync is on disk afterwards, or we do not go on; where syncfs may not reach
//  it, each file is synced before it is read.
static int
s_take (zseq_store_t *self)
{
    int rc = zseq_store_guard_sign (&self->guard, &self->disk);
    if (rc != ZSEQ_OK || !self->disk.sync_each)
        return rc == ZSEQ_OK ? zseq_store_disk_sync_all (&self->disk) : rc;
    rc = zseq_store_disk_sync (&self->disk);
    return rc == ZSEQ_OK ? s_sync_parent (self) : rc;
}

//  With first: what is not there, or empty, is formatted with that record.
static int
s_open (zseq_store_t *self, const zseq_record_t *first, zseq_record_t *record,
        uint16_t *format_p)
{
    bool made = false;
    int rc = s_enter (self, first ? &made : NULL);
    s_content_t content;
    if (rc == ZSEQ_OK)
        rc = s_list (self, &content);
    if (rc != ZSEQ_OK)
        return rc;
    bool empty = content.count == 0;
    if (empty && !first)
        return zseq_store_disk_fail (&self->disk, ZSEQ_EAGAIN, ".",
                                     "the directory is empty");
    //  Nothing is made in what is nobody's that we know.
    if (!empty && !content.lock && !content.node)
        return zseq_store_disk_fail (
          &self->disk, ZSEQ_EDAMAGED, ".",
          "no node record; not a node's directory, or it was deleted");
    rc = s_take (self);
    if (rc == ZSEQ_OK && empty)
        rc = s_write_node (self, first);
    if (rc == ZSEQ_OK && made)
        rc = s_sync_parent (self);
    if (rc == ZSEQ_OK)
        rc = s_read_node (self, record, format_p);
    if (rc == ZSEQ_EAGAIN)
        return zseq_store_disk_fail (
          &self->disk, ZSEQ_EDAMAGED, "node",
          "missing; it was deleted, or format was cut short (if this node "
          "never ran, remove what is in the directory and format again)");
    return rc;
}

int
zseq_store_open_or_format (zseq_store_t *self, const zseq_record_t *first,
                           zseq_record_t *record_p)
{
    assert (self);
    assert (record_p);
    assert (self->disk.fd < 0);
    self->disk.why[0] = 0;
    uint16_t format;
    zseq_store_signals_t signals;
    zseq_store_signals_block (&signals);
    int rc = s_open (self, first, &self->record, &format);
    zseq_store_signals_restore (&signals);
    if (rc != ZSEQ_OK) {
        s_close_all (self);
        return rc;
    }
    const zseq_record_t *record = &self->record;
    self->owner =
      (zseq_store_owner_t){record->identity, record->self, false, format};
    *record_p = *record;
    return ZSEQ_OK;
}

int
zseq_store_open (zseq_store_t *self, zseq_record_t *record_p)
{
    return zseq_store_open_or_format (self, NULL, record_p);
}

static int
s_open_lost (zseq_store_t *self)
{
    bool made = false;
    int rc = s_enter (self, &made);
    if (rc == ZSEQ_OK && made)
        rc = s_sync_parent (self);
    s_content_t content;
    if (rc == ZSEQ_OK)
        rc = s_list (self, &content);
    if (rc != ZSEQ_OK)
        return rc;
    if (content.count > 0 && !content.lock && !content.node && !content.names)
        return zseq_store_disk_fail (
          &self->disk, ZSEQ_EFOREIGN, ".",
          "not empty, and not a node's directory: neither lock nor node's "
          "record nor names journal");
    rc = s_take (self);
    if (rc != ZSEQ_OK)
        return rc;
    zseq_record_t record;
    uint16_t format;
    rc = s_read_node (self, &record, &format);
    self->node_there = rc == ZSEQ_EDAMAGED;
    if (rc == ZSEQ_EAGAIN || rc == ZSEQ_EDAMAGED)
        return ZSEQ_OK;
    if (rc == ZSEQ_OK)
        rc = zseq_store_disk_fail (
          &self->disk, ZSEQ_ELOCKED, ".",
          "another process has just recovered it; start again");
    return rc;
}

int
zseq_store_open_lost (zseq_store_t *self, uint8_t node)
{
    assert (self);
    assert (node < ZSEQ_NODES_MAX);
    assert (self->disk.fd < 0);
    self->disk.why[0] = 0;
    zseq_store_signals_t signals;
    zseq_store_signals_block (&signals);
    int rc = s_open_lost (self);
    zseq_store_signals_restore (&signals);
    if (rc != ZSEQ_OK) {
        s_close_all (self);
        return rc;
    }
    self->owner = (zseq_store_owner_t){0, node, true, 0};
    self->disk.why[0] = 0;
    return ZSEQ_OK;
}

int
zseq_store_load (zseq_store_t *self, const zseq_store_loader_t *loader,
                 zseq_store_found_t *found_p)
{
    assert (self);
    assert (loader);
    assert (loader->name);
    assert (found_p);
    assert (self->disk.fd >= 0);
    assert (!self->loaded);
    self->disk.why[0] = 0;
    zseq_store_signals_t signals;
    zseq_store_signals_block (&signals);
    int rc = zseq_store_read (&self->disk, &self->journal, &self->repair,
                              &self->owner, loader, found_p);
    if (rc == ZSEQ_OK && self->owner.format == 1 && !self->repair.needed) {
        rc = zseq_store_convert (&self->disk, &self->journal, &self->guard,
                                 &self->record);
        self->owner.format = ZSEQ_STORE_FORMAT;
        found_p->converted = rc == ZSEQ_OK;
    }
    zseq_store_signals_restore (&signals);
    self->repair.node = self->repair.needed && self->node_there;
    self->loaded = rc == ZSEQ_OK;
    return rc;
}

//  Writing.

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
    zseq_store_place_t place;
    char spread[3];  //  Its directory, below seq
    char parent[4];  //  The same with a slash
    char where[ZSEQ_STORE_PATH_SIZE];
} s_target_t;

static void
s_target_init (s_target_t *self, const zseq_write_t *write)
{
    zseq_store_place_init (&self->place, write->name, write->name_size);
    snprintf (self->spread, sizeof self->spread, "%02x", self->place.spread);
    snprintf (self->parent, sizeof self->parent, "%s/", self->spread);
    snprintf (self->where, sizeof self->where, "seq/%s%s", self->parent,
              self->place.file);
}

//  Writes the temporary file of a job's record below fd; parent leads there.
static int
s_prepare (zseq_store_t *self, s_job_t *job, const s_target_t *target, int fd,
           const char *parent, bool sync)
{
    assert (self->owner.identity != 0);
    assert (!self->repair.needed);
    assert (self->journal.fd >= 0);
    const zseq_write_t *write = &job->write;
    zseq_store_sequence_t sequence = {.identity = self->owner.identity,
                                      .node = self->owner.node,
                                      .name = write->name,
                                      .name_size = write->name_size,
                                      .next = write->next,
                                      .limit = write->limit};
    uint8_t bytes[ZSEQ_STORE_SEQUENCE_MAX];
    size_t size = zseq_store_sequence_encode (&sequence, bytes);
    zseq_store_temp_t temp = {
      .fd = fd, .parent = parent, .where = target->where};
    s_spares_t *spares = &self->spares[target->place.spread];
    if (spares->count > 0) {
        temp.spare = true;
        temp.number = spares->number[--spares->count];
    }
    int rc = zseq_store_disk_prepare (&self->disk, &temp, bytes, size, sync);
    job->temp = temp.number;
    job->spread = target->place.spread;
    return rc;
}

//  Gives the temporary file the record's name. What the record's file was is a
//  spare one once that lasts; where nothing is synced, that is not known.
static int
s_place (zseq_store_t *self, s_job_t *job, const s_target_t *target, int fd,
         const char *parent)
{
    zseq_store_temp_t temp = {
      .fd = fd, .parent = parent, .where = target->where, .number = job->temp};
    const char *file = target->place.file;
    int rc = ZSEQ_EAGAIN;
    if (job->write.journaled && !job->write.deferred)
        rc = zseq_store_disk_exchange (&self->disk, &temp, file);
    job->spare = rc == ZSEQ_OK;
    return rc == ZSEQ_EAGAIN ? zseq_store_disk_place (&self->disk, &temp, file)
                             : rc;
}

//  A spare file that is not needed.
static void
s_drop (zseq_store_t *self, uint8_t spread, uint64_t number)
{
    char parent[4];
    snprintf (parent, sizeof parent, "%02x/", spread);
    zseq_store_temp_t temp = {
      .fd = self->seq_fd, .parent = parent, .number = number};
    zseq_store_disk_drop (&temp);
}

//  All of the group lasts: nothing needs what its records' files were.
static void
s_keep_spares (zseq_store_t *self, const s_job_t *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!jobs[i].spare)
            continue;
        s_spares_t *spares = &self->spares[jobs[i].spread];
        if (spares->count < SPARES_MAX)
            spares->number[spares->count++] = jobs[i].temp;
        else
            s_drop (self, jobs[i].spread, jobs[i].temp);
    }
}

static void
s_drop_spares (zseq_store_t *self)
{
    for (size_t i = 0; i < ZSEQ_STORE_SPREAD_COUNT; i++)
        while (self->spares[i].count > 0)
            s_drop (self, (uint8_t) i,
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
s_open_spread (zseq_store_t *self, uint8_t spread)
{
    int rc = s_open_seq (self, true);
    if (rc != ZSEQ_OK || self->spread_fd[spread] >= 0)
        return rc;
    char where[16];
    snprintf (where, sizeof where, "seq/%02x", spread);
    return s_open_directory (self, self->seq_fd, where + strlen ("seq/"), where,
                             true, &self->spread_fd[spread]);
}

static int
s_write_one (zseq_store_t *self, s_job_t *job)
{
    s_target_t target;
    s_target_init (&target, &job->write);
    uint8_t spread = target.place.spread;
    int rc = s_open_spread (self, spread);
    if (rc != ZSEQ_OK)
        return rc;
    int fd = self->spread_fd[spread];
    rc = s_prepare (self, job, &target, fd, "", true);
    return rc == ZSEQ_OK ? s_place (self, job, &target, fd, "") : rc;
}

//  Makes the group's renames last.
static int
s_sync_spreads (zseq_store_t *self)
{
    for (size_t i = 0; i < ZSEQ_STORE_SPREAD_COUNT; i++) {
        if (self->spread_fd[i] < 0)
            continue;
        if (!zseq_store_sync_directory (self->spread_fd[i])) {
            char where[16];
            snprintf (where, sizeof where, "seq/%02x", (unsigned) i);
            return zseq_store_disk_fail_io (&self->disk, where, "fsync");
        }
        zseq_store_close (&self->spread_fd[i]);
    }
    return ZSEQ_OK;
}

static int
s_write_few (zseq_store_t *self, s_job_t *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (jobs[i].write.record)
            continue;
        jobs[i].status = s_write_one (self, &jobs[i]);
        if (s_is_fatal (jobs[i].status))
            return ZSEQ_EIO;
    }
    return s_sync_spreads (self);
}

//  Many writes: all temporary files, one syncfs, all renames, one syncfs. Paths
//  are below seq, so that no descriptors are needed for its directories.

static int
s_prepare_one (zseq_store_t *self, s_job_t *job)
{
    s_target_t target;
    s_target_init (&target, &job->write);
    int rc = zseq_store_filesystem_same (&self->disk, self->seq_fd,
                                         target.spread, target.where);
    if (rc == ZSEQ_OK)
        rc = s_prepare (self, job, &target, self->seq_fd, target.parent, false);
    if (rc != ZSEQ_EAGAIN)
        return rc;
    //  Lasts with the first syncfs.
    if (mkdirat (self->seq_fd, target.spread, 0700) != 0)
        return zseq_store_disk_fail_write (&self->disk, target.where,
                                           "mkdir of its directory");
    return s_prepare (self, job, &target, self->seq_fd, target.parent, false);
}

static int
s_place_one (zseq_store_t *self, s_job_t *job)
{
    s_target_t target;
    s_target_init (&target, &job->write);
    return s_place (self, job, &target, self->seq_fd, target.parent);
}

//  Without sync nothing is synced: deferred writes.
static int
s_write_many (zseq_store_t *self, s_job_t *jobs, size_t count, bool sync)
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
        jobs[i].status = s_place_one (self, &jobs[i]);
        if (s_is_fatal (jobs[i].status))
            return ZSEQ_EIO;
    }
    return sync ? zseq_store_disk_sync_all (&self->disk) : ZSEQ_OK;
}

static bool
s_is_new_name (const s_job_t *job)
{
    return job->status == ZSEQ_OK && !job->write.record &&
           !job->write.journaled;
}

static int
s_journal_names (zseq_store_t *self, s_job_t *jobs, size_t count, bool sync)
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
s_write_sequences (zseq_store_t *self, s_job_t *jobs, size_t count, bool sync)
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

//  Writes a group; returns other than ZSEQ_OK when that is the store's end.
static int
s_write_group (zseq_store_t *self, s_job_t *jobs, size_t count)
{
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
        jobs[i].status = s_write_node (self, jobs[i].write.record);
        if (s_is_fatal (jobs[i].status))
            return ZSEQ_EIO;
    }
    return ZSEQ_OK;
}

//  Says that there are completions.
static void
s_tell (zseq_store_t *self)
{
    const uint64_t one = 1;
    ssize_t size = write (self->event_fd, &one, sizeof one);
    assert (size == sizeof one);
}

static void
s_complete (zseq_store_t *self, s_job_t *jobs, size_t count)
{
    pthread_mutex_lock (&self->mutex);
    for (size_t i = 0; i < count; i++) {
        const zseq_write_t *write = &jobs[i].write;
        assert (self->done_first + self->done_count < self->done_capacity);
        self->done[self->done_first + self->done_count++] =
          (zseq_written_t){.record = write->record != NULL,
                           .limit = write->limit,
                           .tag = write->tag,
                           .owner = write->owner,
                           .status = jobs[i].status};
        free ((void *) write->record);
    }
    s_tell (self);
    pthread_mutex_unlock (&self->mutex);
}

//  Whether the directory is still ours alone.
static bool
s_is_ours (zseq_store_t *self)
{
    //  Before the birth, and with damage, there may be any journal or none.
    bool journal = self->owner.identity != 0 && !self->repair.needed;
    return zseq_store_guard_check (&self->guard, &self->disk,
                                   journal ? &self->journal : NULL,
                                   self->seq_fd) == ZSEQ_OK;
}

static void
s_serve (zseq_store_t *self, s_job_t *jobs, size_t count)
{
    if (!self->fatal)
        self->fatal =
          s_write_group (self, jobs, count) != ZSEQ_OK || !s_is_ours (self);
    for (size_t i = 0; self->fatal && i < count; i++)
        jobs[i].status = ZSEQ_EIO;
    s_complete (self, jobs, count);
}

//  The store's end with nothing to write: told by a completion of nothing, for
//  which there is room. Under the mutex.
static void
s_end_idle (zseq_store_t *self)
{
    assert (self->done_first + self->done_count < self->done_capacity);
    self->done[self->done_first + self->done_count++] =
      (zseq_written_t){.status = ZSEQ_EIO};
    self->outstanding++;
    s_tell (self);
}

//  Waits until there is something to do; looks after the directory when there
//  was nothing for a second. Under the mutex.
static void
s_wait (zseq_store_t *self)
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

//  Reading back.

static int
s_check (zseq_store_t *self)
{
    const zseq_check_t *check = &self->check;
    bool may = !self->fatal && !self->unsynced && !self->repair.needed &&
               self->owner.identity != 0;
    //  Checks may come so often that there never is an idle second.
    bool ours = self->fatal || s_is_ours (self);
    self->scrub = self->disk;
    self->scrub.cold = true;
    if (!ours || !may)
        return ours ? ZSEQ_EAGAIN : ZSEQ_EIO;
    int rc;
    if (check->type == ZSEQ_CHECK_SEQUENCE)
        rc = zseq_store_scrub_sequence (&self->scrub, &self->owner, check->name,
                                        check->name_size, check->limit);
    else if (check->type == ZSEQ_CHECK_NODE)
        rc = zseq_store_scrub_node (&self->scrub, &self->record);
    else
        rc = zseq_store_scrub_journal (&self->scrub, &self->journal,
                                       &self->owner, &self->check_offset);
    self->disk.temps = self->scrub.temps;
    return rc;
}

//  Does what is to be checked, and completes it. Called under the mutex, which
//  is free meanwhile.
static void
s_serve_check (zseq_store_t *self)
{
    pthread_mutex_unlock (&self->mutex);
    int rc = s_check (self);
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
    s_tell (self);
}

//  Whether it is a check's turn: when nothing waits, or has waited for long.
static bool
s_may_check (const zseq_store_t *self)
{
    return self->check_waiting &&
           (self->waiting_count == 0 || self->check_passed >= PASSED_MAX);
}

static void *
s_run (void *arg)
{
    zseq_store_t *self = arg;
    pthread_mutex_lock (&self->mutex);
    while (true) {
        while (self->waiting_count == 0 && !self->stopping &&
               !self->check_waiting)
            s_wait (self);
        if (!self->stopping && s_may_check (self)) {
            s_serve_check (self);
            continue;
        }
        if (self->waiting_count == 0)
            break;
        self->check_passed++;
        s_job_t *jobs = self->waiting;
        size_t count = self->waiting_count;
        size_t capacity = self->waiting_capacity;
        self->waiting = self->group;
        self->waiting_capacity = self->group_capacity;
        self->waiting_count = 0;
        self->group = jobs;
        self->group_capacity = capacity;
        pthread_mutex_unlock (&self->mutex);
        for (size_t i = 0; i < count; i += GROUP_MAX)
            s_serve (self, jobs + i,
                     count - i < GROUP_MAX ? count - i : GROUP_MAX);
        pthread_mutex_lock (&self->mutex);
    }
    pthread_mutex_unlock (&self->mutex);
    if (!self->fatal)
        s_drop_spares (self);
    for (size_t i = 0; i < ZSEQ_STORE_SPREAD_COUNT; i++)
        zseq_store_close (&self->spread_fd[i]);  //  Left open by a fatal error
    return NULL;
}

//  Makes room for count more jobs, and for their completions, so that the
//  thread never needs memory; and for that of the store's end.
static bool
s_make_room (zseq_store_t *self, size_t count)
{
    if (self->done_first > 0)
        memmove (self->done, self->done + self->done_first,
                 self->done_count * sizeof *self->done);
    self->done_first = 0;
    return s_reserve ((void **) &self->waiting, &self->waiting_capacity,
                      self->waiting_count + count, sizeof *self->waiting) &&
           s_reserve ((void **) &self->done, &self->done_capacity,
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
    if (!s_make_room (self, 0))
        return zseq_store_disk_fail (&self->disk, ZSEQ_ENOMEM, ".",
                                     "out of memory");
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
    //  The thread inherits the mask: no signal is ever handled on it.
    sigset_t all;
    sigset_t before;
    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    int error = pthread_create (&self->thread, NULL, s_run, self);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    if (error != 0) {
        pthread_cond_destroy (&self->wake);
        pthread_mutex_destroy (&self->mutex);
        zseq_store_close (&self->event_fd);
        return zseq_store_disk_fail (&self->disk, ZSEQ_ENOMEM, ".",
                                     "no memory for a thread");
    }
    self->started = true;
    return ZSEQ_OK;
}

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
    assert (write->next <= write->limit);
    assert (write->limit <= ZSEQ_NEXT_MAX);
}

//  Queues a copy of each; false, and nothing is queued, without memory.
static bool
s_queue (zseq_store_t *self, const zseq_write_t *writes, size_t count)
{
    s_job_t *jobs = self->waiting + self->waiting_count;
    for (size_t i = 0; i < count; i++) {
        s_check_write (&writes[i]);
        jobs[i] = (s_job_t){.write = writes[i], .status = ZSEQ_OK};
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
    bool queued = s_make_room (self, count) && s_queue (self, writes, count);
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
    bool room = s_make_room (self, 1);
    if (room) {
        self->check = *check;
        self->check_waiting = true;
        self->check_passed = 0;
        self->outstanding++;
        pthread_cond_signal (&self->wake);
    }
    pthread_mutex_unlock (&self->mutex);
    return room ? ZSEQ_OK : ZSEQ_ENOMEM;
}

const char *
zseq_store_check_text (const zseq_store_t *self)
{
    assert (self);
    return self->check_text;
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
            self->told_fatal = true;
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
