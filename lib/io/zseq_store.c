//  The bytes and the order of operations are those of lib/doc/disk.md.
//
//  Whoever works on the disk owns everything but the queue: the caller's
//  thread until zseq_store_start, the store's own from then on. The queue, the
//  completions and the flag stopping are under the mutex.

#include "zseq_store.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "zseq_seq.h"

#define FORMAT_VERSION 1
#define RECORD_MAGIC "zseqrec\n"
#define JOURNAL_MAGIC "zseqnam\n"
#define BATCH_MAGIC "zsqb"
#define MAGIC_SIZE 8
#define BATCH_MAGIC_SIZE 4
#define CHECKSUM_SIZE 8

#define KIND_SEQUENCE 1
#define KIND_NODE 3

#define LABELED_MAX (1 + ZSEQ_LABEL_MAX)
#define MEMBER_MAX (LABELED_MAX + 1 + ZSEQ_ENDPOINT_MAX)
#define VALUE_MAX (LABELED_MAX + 1 + ZSEQ_NODES_MAX * (MEMBER_MAX + 16) + 17)
#define RECORD_MIN (MAGIC_SIZE + 2 + 2 + 8 + 1 + 1 + 4 + CHECKSUM_SIZE)
#define RECORD_MAX (RECORD_MIN + ZSEQ_NAME_MAX + VALUE_MAX)

#define JOURNAL_HEADER_SIZE (MAGIC_SIZE + 2 + 8 + 1 + CHECKSUM_SIZE)
#define BATCH_HEADER_SIZE (BATCH_MAGIC_SIZE + 4)
#define GROUP_MAX 4096  //  Writes that share their syncs and a batch
#define PAYLOAD_MAX (GROUP_MAX * (2 + ZSEQ_NAME_MAX))
#define BATCH_MAX (BATCH_HEADER_SIZE + PAYLOAD_MAX + CHECKSUM_SIZE)

#define SPREAD_COUNT 256
#define FILE_MAX 180    //  Bytes in a file's name
#define PREFIX_MAX 100  //  Readable bytes in that of a long name
#define HASH_SIZE 16
#define WHERE_SIZE (FILE_MAX + 8)  //  A path below the directory: seq/XX/file
#define TEMP_PREFIX ".tmp-"        //  No record's file begins with a full stop

#define ADVICE "this node must not vote; recover it from its peers"

typedef struct {
    zseq_write_t write;  //  Its record is a copy of ours
    int status;
} s_job_t;

struct zseq_store {
    char *directory;
    char why[ZSEQ_STORE_TEXT_MAX];  //  What went wrong, for zseq_store_text
    int directory_fd;               //  -1 unless open
    int lock_fd;                    //  The same
    uint64_t identity;              //  As the node's record on disk has it
    uint8_t node;                   //  The same
    bool fatal;                     //  Nothing more is written
    uint64_t temps;                 //  Makes temporary names unique
    bool directory_touched;         //  This group renamed a file in it
    int seq_fd;                     //  -1 until needed
    int spread_fd[SPREAD_COUNT];    //  Open: this group renamed a file in it
    int journal_fd;                 //  -1 before birth
    off_t journal_size;             //  Where the next batch goes
    uint8_t *batch;                 //  Room for BATCH_MAX bytes
    size_t batch_size;              //  Bytes of the batch that is being made

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
    s_job_t *group;  //  The thread's own: taken up
    size_t group_capacity;
    size_t outstanding;    //  Submitted and not yet collected
    zseq_written_t *done;  //  Completed: [done_first, done_first + done_count)
    size_t done_first;
    size_t done_count;
    size_t done_capacity;  //  At least outstanding
};

//  What went wrong. Always returns rc, so that it can be returned in turn.
__attribute__ ((format (printf, 3, 4))) static int
s_fail (zseq_store_t *self, int rc, const char *format, ...)
{
    va_list args;
    va_start (args, format);
    vsnprintf (self->why, sizeof self->why, format, args);
    va_end (args);
    //  Names of unexpected files may hold anything; the text is one line.
    for (char *c = self->why; *c; c++)
        if ((unsigned char) *c < ' ' || *c == 0x7f)
            *c = '?';
    return rc;
}

//  A call that failed with errno where the disk may just be full.
static int
s_fail_write (zseq_store_t *self, const char *where, const char *call)
{
    bool full = errno == ENOSPC || errno == EDQUOT;
    return s_fail (self, full ? ZSEQ_ENOSPACE : ZSEQ_EIO, "%s/%s: %s: %m",
                   self->directory, where, call);
}

//  A call that failed with errno where that is the end.
static int
s_fail_io (zseq_store_t *self, const char *where, const char *call)
{
    return s_fail (self, ZSEQ_EIO, "%s/%s: %s: %m", self->directory, where,
                   call);
}

static int
s_fail_damage (zseq_store_t *self, const char *where, const char *what)
{
    return s_fail (self, ZSEQ_EDAMAGED, "%s/%s: %s; " ADVICE, self->directory,
                   where, what);
}

//  Both ends of a buffer of bytes, little-endian.

typedef struct {
    uint8_t *bytes;
    size_t size;
} s_writer_t;

static void
s_put (s_writer_t *self, const void *bytes, size_t size)
{
    memcpy (self->bytes + self->size, bytes, size);
    self->size += size;
}

static void
s_put_number (s_writer_t *self, uint64_t number, size_t size)
{
    for (size_t i = 0; i < size; i++)
        self->bytes[self->size++] = (uint8_t) (number >> (8 * i));
}

static void
s_put_text (s_writer_t *self, const char *text, size_t size)
{
    assert (size <= UINT8_MAX);
    s_put_number (self, size, 1);
    s_put (self, text, size);
}

static void
s_put_checksum (s_writer_t *self)
{
    s_put_number (self, XXH3_64bits (self->bytes, self->size), CHECKSUM_SIZE);
}

typedef struct {
    const uint8_t *bytes;
    size_t left;
    bool bad;  //  Something did not fit; all that was read since is 0
} s_reader_t;

static const uint8_t *
s_get (s_reader_t *self, size_t size)
{
    if (self->bad || size > self->left) {
        self->bad = true;
        return NULL;
    }
    const uint8_t *bytes = self->bytes;
    self->bytes += size;
    self->left -= size;
    return bytes;
}

static uint64_t
s_get_number (s_reader_t *self, size_t size)
{
    const uint8_t *bytes = s_get (self, size);
    uint64_t number = 0;
    for (size_t i = 0; bytes && i < size; i++)
        number |= (uint64_t) bytes[i] << (8 * i);
    return number;
}

//  A text of at most size_max bytes without NUL, terminated in text.
static void
s_get_text (s_reader_t *self, char *text, size_t size_max)
{
    size_t size = (size_t) s_get_number (self, 1);
    const uint8_t *bytes = s_get (self, size);
    if (!bytes || size > size_max || memchr (bytes, 0, size)) {
        self->bad = true;
        return;
    }
    memcpy (text, bytes, size);
    text[size] = 0;
}

//  Whether the last bytes are the checksum of those before them.
static bool
s_checksum_ok (const uint8_t *bytes, size_t size)
{
    assert (size >= CHECKSUM_SIZE);
    size_t covered = size - CHECKSUM_SIZE;
    s_reader_t reader = {bytes + covered, CHECKSUM_SIZE, false};
    return s_get_number (&reader, CHECKSUM_SIZE) ==
           XXH3_64bits (bytes, covered);
}

//  Where a name's record lies.

typedef struct {
    uint8_t spread;
    char file[FILE_MAX + 1];
    char where[WHERE_SIZE];  //  Below the directory
} s_place_t;

static bool
s_plain (char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static void
s_place_init (s_place_t *self, const char *name, size_t size)
{
    static const char digits[] = "0123456789ABCDEF";
    char full[3 * ZSEQ_NAME_MAX + 1];
    size_t length = 0;
    size_t prefix = 0;
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t) name[i];
        if (s_plain (name[i]) || (name[i] == '.' && i > 0))
            full[length++] = name[i];
        else {
            full[length++] = '%';
            full[length++] = digits[byte >> 4];
            full[length++] = digits[byte & 15];
        }
        if (length <= PREFIX_MAX)
            prefix = length;
    }
    if (length > FILE_MAX) {
        uint8_t hash[HASH_SIZE];
        crypto_generichash (hash, sizeof hash, (const uint8_t *) name, size,
                            NULL, 0);
        full[prefix] = '~';
        sodium_bin2hex (full + prefix + 1, 2 * HASH_SIZE + 1, hash,
                        sizeof hash);
        length = prefix + 1 + 2 * HASH_SIZE;
    }
    memcpy (self->file, full, length);
    self->file[length] = 0;
    self->spread = (uint8_t) XXH3_64bits (name, size);
    snprintf (self->where, sizeof self->where, "seq/%02x/%s", self->spread,
              self->file);
}

//  Records: an envelope around a value.

typedef struct {
    uint16_t kind;
    uint64_t identity;
    uint8_t node;
    const char *name;
    size_t name_size;
    const uint8_t *value;
    size_t value_size;
} s_envelope_t;

//  Returns the record's size; bytes has room for RECORD_MAX.
static size_t
s_envelope_encode (const s_envelope_t *self, uint8_t *bytes)
{
    s_writer_t writer = {bytes, 0};
    s_put (&writer, RECORD_MAGIC, MAGIC_SIZE);
    s_put_number (&writer, FORMAT_VERSION, 2);
    s_put_number (&writer, self->kind, 2);
    s_put_number (&writer, self->identity, 8);
    s_put_number (&writer, self->node, 1);
    s_put_text (&writer, self->name, self->name_size);
    s_put_number (&writer, self->value_size, 4);
    s_put (&writer, self->value, self->value_size);
    s_put_checksum (&writer);
    return writer.size;
}

//  The checksum comes before the version: a flipped bit there is damage, a
//  whole record of another version is the work of another zseq.
static int
s_envelope_decode (zseq_store_t *store, const char *where, uint16_t kind,
                   const uint8_t *bytes, size_t size, s_envelope_t *self)
{
    if (size < RECORD_MIN)
        return s_fail_damage (store, where, "too short for a record");
    if (memcmp (bytes, RECORD_MAGIC, MAGIC_SIZE) != 0)
        return s_fail_damage (store, where, "not a record of zseq");
    if (!s_checksum_ok (bytes, size))
        return s_fail_damage (store, where, "checksum does not match");

    s_reader_t reader = {bytes + MAGIC_SIZE, size - MAGIC_SIZE - CHECKSUM_SIZE,
                         false};
    uint64_t version = s_get_number (&reader, 2);
    if (version != FORMAT_VERSION)
        return s_fail (store, ZSEQ_EFOREIGN,
                       "%s/%s: format version %" PRIu64
                       " is not known here; use the zseq that wrote it",
                       store->directory, where, version);
    self->kind = (uint16_t) s_get_number (&reader, 2);
    self->identity = s_get_number (&reader, 8);
    self->node = (uint8_t) s_get_number (&reader, 1);
    self->name_size = (size_t) s_get_number (&reader, 1);
    self->name = (const char *) s_get (&reader, self->name_size);
    self->value_size = (size_t) s_get_number (&reader, 4);
    self->value = s_get (&reader, self->value_size);
    if (reader.bad || reader.left > 0)
        return s_fail_damage (store, where, "sizes do not add up");
    if (self->kind != kind)
        return s_fail_damage (store, where, "not the kind of its place");
    return ZSEQ_OK;
}

static size_t
s_node_encode (const zseq_record_t *record, uint8_t *bytes)
{
    uint8_t value[VALUE_MAX];
    s_writer_t writer = {value, 0};
    s_put_text (&writer, record->cluster, strlen (record->cluster));
    s_put_number (&writer, record->n, 1);
    for (size_t i = 0; i < record->n; i++) {
        const zseq_member_t *member = &record->member[i];
        s_put_text (&writer, member->name, strlen (member->name));
        s_put_text (&writer, member->endpoint, strlen (member->endpoint));
    }
    for (size_t i = 0; i < record->n; i++) {
        s_put_number (&writer, record->vector.life[i].counter, 8);
        s_put_number (&writer, record->vector.life[i].random, 8);
    }
    s_put_number (&writer, record->voting, 1);
    s_put_number (&writer, record->floor, 8);
    s_put_number (&writer, record->floor_reserved, 8);
    assert (writer.size <= sizeof value);

    s_envelope_t envelope = {KIND_NODE, record->identity, record->self, "", 0,
                             value,     writer.size};
    return s_envelope_encode (&envelope, bytes);
}

static bool
s_node_valid (const zseq_record_t *record)
{
    if (record->self >= record->n || !zseq_label_valid (record->cluster))
        return false;
    for (size_t i = 0; i < record->n; i++) {
        const zseq_member_t *member = &record->member[i];
        if (!zseq_label_valid (member->name) || !member->endpoint[0])
            return false;
        if (i > 0 && strcmp (member[-1].name, member->name) >= 0)
            return false;
    }
    return record->floor >= 1 && record->floor <= ZSEQ_NEXT_MAX &&
           record->floor_reserved >= 1 &&
           record->floor_reserved <= ZSEQ_NEXT_MAX;
}

static int
s_node_decode (zseq_store_t *self, const uint8_t *bytes, size_t size,
               zseq_record_t *record)
{
    s_envelope_t envelope;
    int rc =
      s_envelope_decode (self, "node", KIND_NODE, bytes, size, &envelope);
    if (rc != ZSEQ_OK)
        return rc;

    memset (record, 0, sizeof *record);
    record->identity = envelope.identity;
    record->self = envelope.node;
    s_reader_t reader = {envelope.value, envelope.value_size, false};
    s_get_text (&reader, record->cluster, ZSEQ_LABEL_MAX);
    record->n = (uint8_t) s_get_number (&reader, 1);
    if (record->n > ZSEQ_NODES_MAX)
        reader.bad = true;
    for (size_t i = 0; i < record->n && !reader.bad; i++) {
        s_get_text (&reader, record->member[i].name, ZSEQ_LABEL_MAX);
        s_get_text (&reader, record->member[i].endpoint, ZSEQ_ENDPOINT_MAX);
    }
    record->vector.n = record->n;
    for (size_t i = 0; i < record->n && !reader.bad; i++) {
        record->vector.life[i].counter = s_get_number (&reader, 8);
        record->vector.life[i].random = s_get_number (&reader, 8);
    }
    uint64_t voting = s_get_number (&reader, 1);
    record->voting = voting == 1;
    record->floor = s_get_number (&reader, 8);
    record->floor_reserved = s_get_number (&reader, 8);
    if (reader.bad || reader.left > 0 || voting > 1 || envelope.name_size > 0 ||
        !s_node_valid (record))
        return s_fail_damage (self, "node", "its value makes no sense");
    return ZSEQ_OK;
}

//  Files.

static bool
s_write_all (int fd, const uint8_t *bytes, size_t size, off_t offset)
{
    while (size > 0) {
        ssize_t written = pwrite (fd, bytes, size, offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        bytes += written;
        size -= (size_t) written;
        offset += written;
    }
    return true;
}

//  Reads size bytes, or fewer at the end of the file.
static ssize_t
s_read_all (int fd, uint8_t *bytes, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = pread (fd, bytes + done, size - done, (off_t) done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        done += (size_t) got;
    }
    return (ssize_t) done;
}

static void
s_close (int *fd_p)
{
    //  Nothing that must last was written through it since its last sync.
    if (*fd_p >= 0)
        (void) close (*fd_p);
    *fd_p = -1;
}

//  Opens a regular file. Errors: ZSEQ_EAGAIN (there is none), ZSEQ_EDAMAGED
//  (it is something else), ZSEQ_EIO.
static int
s_open_file (zseq_store_t *self, int directory_fd, const char *file,
             const char *where, int flags, int *fd_p, size_t *size_p)
{
    //  O_NONBLOCK: a pipe put there must not block us.
    int fd =
      openat (directory_fd, file, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return ZSEQ_EAGAIN;
    if (fd < 0 && (errno == ELOOP || errno == EISDIR || errno == ENXIO))
        return s_fail_damage (self, where, "not a regular file");
    if (fd < 0)
        return s_fail_io (self, where, "open");
    struct stat info;
    int rc = ZSEQ_OK;
    if (fstat (fd, &info) != 0)
        rc = s_fail_io (self, where, "stat");
    else if (!S_ISREG (info.st_mode))
        rc = s_fail_damage (self, where, "not a regular file");
    if (rc != ZSEQ_OK) {
        s_close (&fd);
        return rc;
    }
    *fd_p = fd;
    *size_p = (size_t) info.st_size;
    return ZSEQ_OK;
}

//  Reads a record's file whole into bytes, which has room for RECORD_MAX.
static int
s_read_record (zseq_store_t *self, int directory_fd, const char *file,
               const char *where, uint8_t *bytes, size_t *size_p)
{
    int fd;
    size_t size;
    int rc =
      s_open_file (self, directory_fd, file, where, O_RDONLY, &fd, &size);
    if (rc != ZSEQ_OK)
        return rc;
    if (size > RECORD_MAX)
        rc = s_fail_damage (self, where, "too long for a record");
    else {
        ssize_t got = s_read_all (fd, bytes, size);
        if (got < 0)
            rc = s_fail_io (self, where, "read");
        else
            *size_p = (size_t) got;
    }
    s_close (&fd);
    return rc;
}

//  Replaces file by bytes; that lasts once the directory is synced.
static int
s_replace (zseq_store_t *self, int directory_fd, const char *file,
           const char *where, const uint8_t *bytes, size_t size)
{
    char temp[64];
    int fd;
    do {
        snprintf (temp, sizeof temp, TEMP_PREFIX "%ld-%" PRIu64,
                  (long) getpid (), self->temps++);
        fd =
          openat (directory_fd, temp,
                  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    } while (fd < 0 && errno == EEXIST);
    if (fd < 0)
        return s_fail_write (self, where, "create a temporary file");

    //  Up to the rename the old value stands, so even a failed fsync leaves
    //  nothing in doubt if it only says that the disk is full.
    int rc = ZSEQ_OK;
    if (!s_write_all (fd, bytes, size, 0))
        rc = s_fail_write (self, where, "write");
    else if (fsync (fd) != 0)
        rc = s_fail_write (self, where, "fsync");
    if (close (fd) != 0 && rc == ZSEQ_OK)
        rc = s_fail_write (self, where, "close");
    if (rc == ZSEQ_OK && renameat (directory_fd, temp, directory_fd, file) != 0)
        rc = s_fail_write (self, where, "rename");
    //  If this fails too, the next start deletes it.
    if (rc == ZSEQ_ENOSPACE)
        (void) unlinkat (directory_fd, temp, 0);
    return rc;
}

//  Opens a directory, making it durably if need be.
static int
s_open_directory (zseq_store_t *self, int parent_fd, const char *name,
                  const char *where, int *fd_p)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat (parent_fd, name, flags);
    if (fd < 0 && errno == ENOENT) {
        if (mkdirat (parent_fd, name, 0700) != 0)
            return s_fail_write (self, where, "mkdir");
        if (fsync (parent_fd) != 0)
            return s_fail_io (self, where, "fsync of its parent directory");
        fd = openat (parent_fd, name, flags);
    }
    if (fd < 0)
        return s_fail_io (self, where, "open");
    *fd_p = fd;
    return ZSEQ_OK;
}

//  The names journal.

static int
s_journal_create (zseq_store_t *self, uint64_t identity, uint8_t node)
{
    uint8_t bytes[JOURNAL_HEADER_SIZE];
    s_writer_t writer = {bytes, 0};
    s_put (&writer, JOURNAL_MAGIC, MAGIC_SIZE);
    s_put_number (&writer, FORMAT_VERSION, 2);
    s_put_number (&writer, identity, 8);
    s_put_number (&writer, node, 1);
    s_put_checksum (&writer);

    int rc = s_replace (self, self->directory_fd, "names", "names", bytes,
                        writer.size);
    if (rc != ZSEQ_OK)
        return rc;
    //  A record that says that the cluster was born must not outlive it.
    if (fsync (self->directory_fd) != 0)
        return s_fail_io (self, "names", "fsync of its directory");
    s_close (&self->journal_fd);
    size_t size;
    rc = s_open_file (self, self->directory_fd, "names", "names", O_RDWR,
                      &self->journal_fd, &size);
    if (rc != ZSEQ_OK)
        return s_fail (self, ZSEQ_EIO, "%s/names: vanished", self->directory);
    self->journal_size = (off_t) writer.size;
    return ZSEQ_OK;
}

static void
s_batch_add (zseq_store_t *self, const char *name, size_t size)
{
    if (self->batch_size == 0)
        self->batch_size = BATCH_HEADER_SIZE;
    s_writer_t writer = {self->batch, self->batch_size};
    assert (writer.size + 2 + size + CHECKSUM_SIZE <= BATCH_MAX);
    s_put_number (&writer, KIND_SEQUENCE, 1);
    s_put_text (&writer, name, size);
    self->batch_size = writer.size;
}

//  Appends what was added, if anything, as one batch.
static int
s_batch_append (zseq_store_t *self)
{
    if (self->batch_size == 0)
        return ZSEQ_OK;
    assert (self->journal_fd >= 0);
    s_writer_t header = {self->batch, 0};
    s_put (&header, BATCH_MAGIC, BATCH_MAGIC_SIZE);
    s_put_number (&header, self->batch_size - BATCH_HEADER_SIZE, 4);
    s_writer_t writer = {self->batch, self->batch_size};
    s_put_checksum (&writer);
    self->batch_size = 0;

    if (!s_write_all (self->journal_fd, writer.bytes, writer.size,
                      self->journal_size)) {
        int rc = s_fail_write (self, "names", "append");
        if (ftruncate (self->journal_fd, self->journal_size) != 0)
            rc = s_fail_io (self, "names", "truncate after a failed append");
        return rc;
    }
    if (fsync (self->journal_fd) != 0)
        return s_fail_io (self, "names", "fsync");
    self->journal_size += (off_t) writer.size;
    return ZSEQ_OK;
}

//  The size of the whole batch at the beginning of bytes, 0 if there is none.
static size_t
s_batch_size (const uint8_t *bytes, size_t size)
{
    s_reader_t reader = {bytes, size, false};
    const uint8_t *magic = s_get (&reader, BATCH_MAGIC_SIZE);
    if (!magic || memcmp (magic, BATCH_MAGIC, BATCH_MAGIC_SIZE) != 0)
        return 0;
    size_t payload = (size_t) s_get_number (&reader, 4);
    if (reader.bad || payload > PAYLOAD_MAX ||
        reader.left < payload + CHECKSUM_SIZE)
        return 0;
    size_t whole = BATCH_HEADER_SIZE + payload + CHECKSUM_SIZE;
    return s_checksum_ok (bytes, whole) ? whole : 0;
}

//  Whether a whole batch begins anywhere in bytes.
static bool
s_batch_within (const uint8_t *bytes, size_t size)
{
    const uint8_t *end = bytes + size;
    while ((bytes = memmem (bytes, (size_t) (end - bytes), BATCH_MAGIC,
                            BATCH_MAGIC_SIZE))) {
        if (s_batch_size (bytes, (size_t) (end - bytes)) > 0)
            return true;
        bytes++;
    }
    return false;
}

//  Many names, held by offset into shared bytes.

typedef struct {
    size_t offset;
    uint64_t limit;  //  What a record holds
    uint8_t size;
    bool journaled;  //  A record that has its entry
} s_name_t;

typedef struct {
    uint8_t *bytes;
    size_t size;
    size_t size_capacity;
    s_name_t *name;
    size_t count;
    size_t count_capacity;
} s_names_t;

static void
s_names_term (s_names_t *self)
{
    free (self->bytes);
    free (self->name);
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
    void *items = reallocarray (*items_p, capacity, item);
    if (!items)
        return false;
    *items_p = items;
    *capacity_p = capacity;
    return true;
}

//  Adds the name of size bytes that lies at offset already.
static bool
s_names_add (s_names_t *self, size_t offset, size_t size, uint64_t limit)
{
    assert (size <= UINT8_MAX);
    if (!s_reserve ((void **) &self->name, &self->count_capacity,
                    self->count + 1, sizeof *self->name))
        return false;
    self->name[self->count++] =
      (s_name_t){offset, limit, (uint8_t) size, false};
    return true;
}

//  Adds a copy of name, terminated.
static bool
s_names_copy (s_names_t *self, const char *name, size_t size, uint64_t limit)
{
    if (!s_reserve ((void **) &self->bytes, &self->size_capacity,
                    self->size + size + 1, 1))
        return false;
    memcpy (self->bytes + self->size, name, size);
    self->bytes[self->size + size] = 0;
    if (!s_names_add (self, self->size, size, limit))
        return false;
    self->size += size + 1;
    return true;
}

static const char *
s_names_get (const s_names_t *self, size_t index)
{
    return (const char *) self->bytes + self->name[index].offset;
}

static int
s_compare (const char *a, size_t a_size, const char *b, size_t b_size)
{
    int order = memcmp (a, b, a_size < b_size ? a_size : b_size);
    if (order != 0)
        return order;
    return (a_size > b_size) - (a_size < b_size);
}

static int
s_compare_names (const void *a, const void *b, void *bytes)
{
    const s_name_t *x = a;
    const s_name_t *y = b;
    return s_compare ((const char *) bytes + x->offset, x->size,
                      (const char *) bytes + y->offset, y->size);
}

static void
s_names_sort (s_names_t *self)
{
    if (self->count > 1)
        qsort_r (self->name, self->count, sizeof *self->name, s_compare_names,
                 self->bytes);
}

static int
s_fail_memory (zseq_store_t *self)
{
    return s_fail (self, ZSEQ_ENOMEM, "%s: out of memory", self->directory);
}

//  Loading.

typedef struct {
    s_names_t records;   //  Sequence records that were found
    s_names_t temps;     //  Temporary files, below the directory
    s_names_t journal;   //  Entries, in the journal's own bytes
    size_t journal_end;  //  Where its whole batches end
} s_load_t;

static void
s_load_term (s_load_t *self)
{
    s_names_term (&self->records);
    s_names_term (&self->temps);
    s_names_term (&self->journal);
}

static int
s_check_journal_header (zseq_store_t *self, const uint8_t *bytes, size_t size)
{
    if (size < JOURNAL_HEADER_SIZE)
        return s_fail_damage (self, "names", "too short for a names journal");
    if (memcmp (bytes, JOURNAL_MAGIC, MAGIC_SIZE) != 0)
        return s_fail_damage (self, "names", "not a names journal");
    if (!s_checksum_ok (bytes, JOURNAL_HEADER_SIZE))
        return s_fail_damage (self, "names",
                              "checksum of its header does not match");
    s_reader_t reader = {bytes + MAGIC_SIZE, size - MAGIC_SIZE, false};
    uint64_t version = s_get_number (&reader, 2);
    if (version != FORMAT_VERSION)
        return s_fail (self, ZSEQ_EFOREIGN,
                       "%s/names: format version %" PRIu64
                       " is not known here; use the zseq that wrote it",
                       self->directory, version);
    uint64_t identity = s_get_number (&reader, 8);
    uint8_t node = (uint8_t) s_get_number (&reader, 1);
    //  Before birth it is what a birth that was cut short has left.
    if (self->identity != 0 &&
        (identity != self->identity || node != self->node))
        return s_fail (self, ZSEQ_EFOREIGN,
                       "%s/names: the journal of another node or cluster",
                       self->directory);
    return ZSEQ_OK;
}

//  Takes in the entries of a whole batch.
static int
s_read_batch (zseq_store_t *self, s_names_t *names, size_t offset, size_t size)
{
    s_reader_t reader = {names->bytes + offset + BATCH_HEADER_SIZE,
                         size - BATCH_HEADER_SIZE - CHECKSUM_SIZE, false};
    while (reader.left > 0) {
        uint64_t kind = s_get_number (&reader, 1);
        size_t name_size = (size_t) s_get_number (&reader, 1);
        const uint8_t *name = s_get (&reader, name_size);
        if (!name || kind != KIND_SEQUENCE || name_size == 0 ||
            memchr (name, 0, name_size))
            return s_fail_damage (self, "names", "an entry makes no sense");
        if (!s_names_add (names, (size_t) (name - names->bytes), name_size, 0))
            return s_fail_memory (self);
    }
    return ZSEQ_OK;
}

static int
s_read_journal (zseq_store_t *self, s_load_t *load)
{
    size_t size;
    s_close (&self->journal_fd);
    int rc = s_open_file (self, self->directory_fd, "names", "names", O_RDWR,
                          &self->journal_fd, &size);
    if (rc == ZSEQ_EAGAIN && self->identity == 0)
        return ZSEQ_OK;
    if (rc == ZSEQ_EAGAIN)
        return s_fail_damage (self, "names", "missing");
    if (rc != ZSEQ_OK)
        return rc;

    s_names_t *names = &load->journal;
    if (!s_reserve ((void **) &names->bytes, &names->size_capacity, size, 1))
        return s_fail_memory (self);
    ssize_t got = s_read_all (self->journal_fd, names->bytes, size);
    if (got < 0)
        return s_fail_io (self, "names", "read");
    names->size = (size_t) got;
    rc = s_check_journal_header (self, names->bytes, names->size);
    if (rc != ZSEQ_OK)
        return rc;

    size_t offset = JOURNAL_HEADER_SIZE;
    while (offset < names->size) {
        size_t whole =
          s_batch_size (names->bytes + offset, names->size - offset);
        if (whole == 0)
            break;
        rc = s_read_batch (self, names, offset, whole);
        if (rc != ZSEQ_OK)
            return rc;
        offset += whole;
    }
    //  Names hold no NUL and sizes of batches do, so that no batch lies
    //  within another's names: what is found here was written as a batch.
    if (s_batch_within (names->bytes + offset, names->size - offset))
        return s_fail_damage (self, "names",
                              "a batch that is not the last is corrupt");
    if (self->identity == 0 && names->size > JOURNAL_HEADER_SIZE)
        return s_fail_damage (
          self, "names", "has entries, but the node's record is from before");
    load->journal_end = offset;
    return ZSEQ_OK;
}

static int
s_read_sequence (zseq_store_t *self, s_load_t *load, int spread_fd,
                 const char *file, const char *where)
{
    uint8_t bytes[RECORD_MAX];
    size_t size;
    s_envelope_t envelope;
    int rc = s_read_record (self, spread_fd, file, where, bytes, &size);
    if (rc == ZSEQ_EAGAIN)
        return s_fail (self, ZSEQ_EIO, "%s/%s: vanished", self->directory,
                       where);
    if (rc == ZSEQ_OK)
        rc = s_envelope_decode (self, where, KIND_SEQUENCE, bytes, size,
                                &envelope);
    if (rc != ZSEQ_OK)
        return rc;

    if (self->identity == 0)
        return s_fail_damage (self, where,
                              "older than the cluster, by the node's record");
    if (envelope.identity != self->identity || envelope.node != self->node)
        return s_fail (self, ZSEQ_EFOREIGN,
                       "%s/%s: a record of another node or cluster",
                       self->directory, where);
    if (envelope.name_size == 0 ||
        memchr (envelope.name, 0, envelope.name_size))
        return s_fail_damage (self, where, "holds no valid name");
    s_place_t place;
    s_place_init (&place, envelope.name, envelope.name_size);
    if (strcmp (place.where, where) != 0)
        return s_fail_damage (self, where, "holds the record of another name");
    s_reader_t reader = {envelope.value, envelope.value_size, false};
    uint64_t next = s_get_number (&reader, 8);
    uint64_t limit = s_get_number (&reader, 8);
    if (reader.bad || reader.left > 0 || next < 1 || next > limit ||
        limit > ZSEQ_NEXT_MAX)
        return s_fail_damage (self, where, "its value makes no sense");
    if (!s_names_copy (&load->records, envelope.name, envelope.name_size,
                       limit))
        return s_fail_memory (self);
    return ZSEQ_OK;
}

//  Calls visit for each entry of a directory but "." and "..".
typedef int (s_visit_fn) (zseq_store_t *self, s_load_t *load, int fd,
                          const char *parent, const char *file);

static int
s_visit (zseq_store_t *self, s_load_t *load, int parent_fd, const char *name,
         const char *where, s_visit_fn *visit)
{
    int fd =
      openat (parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
        return s_fail_damage (self, where, "not a directory");
    DIR *stream = fd < 0 ? NULL : fdopendir (fd);
    if (!stream) {
        int rc = s_fail_io (self, where, "open");
        s_close (&fd);
        return rc;
    }
    int rc = ZSEQ_OK;
    while (rc == ZSEQ_OK) {
        errno = 0;
        const struct dirent *entry = readdir (stream);
        if (!entry && errno != 0)
            rc = s_fail_io (self, where, "read");
        if (!entry)
            break;
        if (strcmp (entry->d_name, ".") != 0 &&
            strcmp (entry->d_name, "..") != 0)
            rc = visit (self, load, fd, where, entry->d_name);
    }
    (void) closedir (stream);  //  Nothing was written
    return rc;
}

static bool
s_is_temp (const char *file)
{
    return strncmp (file, TEMP_PREFIX, strlen (TEMP_PREFIX)) == 0;
}

static int
s_note_temp (zseq_store_t *self, s_load_t *load, const char *where)
{
    //  Ours are short; what does not fit is somebody else's.
    size_t size = strlen (where);
    if (size > UINT8_MAX)
        return s_fail_damage (self, where, "unexpected");
    if (!s_names_copy (&load->temps, where, size, 0))
        return s_fail_memory (self);
    return ZSEQ_OK;
}

//  A path below the directory, of a file whose name may be anything.
#define PATH_SIZE (NAME_MAX + 16)

static int
s_visit_record (zseq_store_t *self, s_load_t *load, int fd, const char *parent,
                const char *file)
{
    char where[PATH_SIZE];
    snprintf (where, sizeof where, "%s/%s", parent, file);
    if (s_is_temp (file))
        return s_note_temp (self, load, where);
    return s_read_sequence (self, load, fd, file, where);
}

static int
s_visit_spread (zseq_store_t *self, s_load_t *load, int fd, const char *parent,
                const char *file)
{
    char where[PATH_SIZE];
    snprintf (where, sizeof where, "%s/%s", parent, file);
    if (strlen (file) != 2 || strspn (file, "0123456789abcdef") != 2)
        return s_fail_damage (self, where, "unexpected");
    return s_visit (self, load, fd, file, where, s_visit_record);
}

//  What else lies in the node's directory (lost+found, say) is not ours.
static int
s_visit_root (zseq_store_t *self, s_load_t *load, int fd, const char *parent,
              const char *file)
{
    (void) parent;
    if (s_is_temp (file))
        return s_note_temp (self, load, file);
    if (strcmp (file, "seq") == 0)
        return s_visit (self, load, fd, file, file, s_visit_spread);
    return ZSEQ_OK;
}

//  Joins records and journal, both sorted.
static int
s_match (zseq_store_t *self, s_load_t *load)
{
    s_names_t *records = &load->records;
    s_names_t *journal = &load->journal;
    size_t record = 0;
    size_t entry = 0;
    while (entry < journal->count) {
        int order = 1;
        if (record < records->count)
            order = s_compare (
              s_names_get (records, record), records->name[record].size,
              s_names_get (journal, entry), journal->name[entry].size);
        if (order > 0) {
            s_place_t place;
            s_place_init (&place, s_names_get (journal, entry),
                          journal->name[entry].size);
            return s_fail_damage (self, place.where,
                                  "missing, though the names journal has it");
        }
        //  An entry may stand there twice: its record stays current.
        if (order == 0) {
            records->name[record].journaled = true;
            entry++;
        }
        else
            record++;
    }
    return ZSEQ_OK;
}

//  Deletes temporary files, cuts off a bad last batch, adds lacking entries.
static int
s_mend (zseq_store_t *self, const s_load_t *load)
{
    for (size_t i = 0; i < load->temps.count; i++) {
        const char *where = s_names_get (&load->temps, i);
        if (unlinkat (self->directory_fd, where, 0) != 0)
            return s_fail_io (self, where, "delete");
    }
    if (self->identity == 0)
        return ZSEQ_OK;
    self->journal_size = (off_t) load->journal_end;
    if (load->journal_end < load->journal.size) {
        if (ftruncate (self->journal_fd, self->journal_size) != 0)
            return s_fail_io (self, "names", "truncate");
        if (fsync (self->journal_fd) != 0)
            return s_fail_io (self, "names", "fsync");
    }
    size_t added = 0;
    for (size_t i = 0; i < load->records.count; i++) {
        if (load->records.name[i].journaled)
            continue;
        s_batch_add (self, s_names_get (&load->records, i),
                     load->records.name[i].size);
        if (++added % GROUP_MAX > 0)
            continue;
        int rc = s_batch_append (self);
        if (rc != ZSEQ_OK)
            return rc;
    }
    return s_batch_append (self);
}

static int
s_load (zseq_store_t *self, s_load_t *load, zseq_store_load_fn *fn, void *arg)
{
    int rc = s_visit (self, load, self->directory_fd, ".", ".", s_visit_root);
    if (rc == ZSEQ_OK)
        rc = s_read_journal (self, load);
    if (rc != ZSEQ_OK)
        return rc;
    s_names_sort (&load->records);
    s_names_sort (&load->journal);
    rc = s_match (self, load);
    for (size_t i = 0; rc == ZSEQ_OK && i < load->records.count; i++)
        rc = fn (s_names_get (&load->records, i), load->records.name[i].size,
                 load->records.name[i].limit, arg);
    if (rc != ZSEQ_OK)
        return rc;
    return s_mend (self, load);
}

int
zseq_store_load (zseq_store_t *self, zseq_store_load_fn *load, void *arg)
{
    assert (self);
    assert (load);
    assert (self->directory_fd >= 0);
    assert (!self->started);
    self->why[0] = 0;
    s_load_t state = {0};
    int rc = s_load (self, &state, load, arg);
    s_load_term (&state);
    return rc;
}

//  Opening and formatting.

zseq_store_t *
zseq_store_new (const char *directory)
{
    assert (directory);
    zseq_store_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->directory_fd = -1;
    self->lock_fd = -1;
    self->seq_fd = -1;
    self->journal_fd = -1;
    self->event_fd = -1;
    for (size_t i = 0; i < SPREAD_COUNT; i++)
        self->spread_fd[i] = -1;
    self->directory = strdup (directory);
    self->batch = malloc (BATCH_MAX);
    if (!self->directory || !self->batch) {
        zseq_store_destroy (&self);
        return NULL;
    }
    return self;
}

//  As the store was when new.
static void
s_close_all (zseq_store_t *self)
{
    s_close (&self->journal_fd);
    s_close (&self->seq_fd);
    s_close (&self->directory_fd);
    s_close (&self->lock_fd);  //  Last: it gives the lock back
    self->identity = 0;
    self->directory_touched = false;
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
    s_close (&self->event_fd);
    s_close_all (self);
    free (self->waiting);
    free (self->group);
    free (self->done);
    free (self->batch);
    free (self->directory);
    free (self);
}

const char *
zseq_store_text (const zseq_store_t *self)
{
    assert (self);
    //  While the thread runs the text is its own.
    return self->started && !self->told_fatal ? "" : self->why;
}

typedef struct {
    size_t count;
    bool lock;
    bool node;
} s_content_t;

static int
s_list (zseq_store_t *self, s_content_t *content)
{
    int fd =
      openat (self->directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir (fd);
    if (!stream) {
        int rc = s_fail_io (self, ".", "open");
        s_close (&fd);
        return rc;
    }
    memset (content, 0, sizeof *content);
    const struct dirent *entry;
    errno = 0;
    while ((entry = readdir (stream))) {
        if (strcmp (entry->d_name, ".") != 0 &&
            strcmp (entry->d_name, "..") != 0)
            content->count++;
        if (strcmp (entry->d_name, "lock") == 0)
            content->lock = true;
        if (strcmp (entry->d_name, "node") == 0)
            content->node = true;
        errno = 0;
    }
    int rc = errno == 0 ? ZSEQ_OK : s_fail_io (self, ".", "read");
    (void) closedir (stream);  //  Nothing was written
    return rc;
}

static int
s_lock (zseq_store_t *self)
{
    int fd =
      openat (self->directory_fd, "lock",
              O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (fd < 0)
        return s_fail_write (self, "lock", "open");
    char pid[32] = "";
    if (flock (fd, LOCK_EX | LOCK_NB) != 0) {
        int rc;
        if (errno == EWOULDBLOCK) {
            (void) s_read_all (fd, (uint8_t *) pid, sizeof pid - 1);
            pid[strcspn (pid, "\n")] = 0;
            rc = s_fail (self, ZSEQ_ELOCKED, "%s: in use by process %s",
                         self->directory, pid[0] ? pid : "(unknown)");
        }
        else
            rc = s_fail_io (self, "lock", "flock");
        s_close (&fd);
        return rc;
    }
    self->lock_fd = fd;
    //  The number is a courtesy to the next process's operator: if it cannot
    //  be written, the lock holds all the same.
    snprintf (pid, sizeof pid, "%ld\n", (long) getpid ());
    if (ftruncate (fd, 0) == 0)
        (void) s_write_all (fd, (const uint8_t *) pid, strlen (pid), 0);
    return ZSEQ_OK;
}

//  Writes the node's record, and before it, when the cluster was just born,
//  an empty journal. It lasts once the directory is synced.
static int
s_write_node (zseq_store_t *self, const zseq_record_t *record)
{
    assert (record->self < record->n && record->n <= ZSEQ_NODES_MAX);
    if (self->identity == 0 && record->identity != 0) {
        int rc = s_journal_create (self, record->identity, record->self);
        if (rc != ZSEQ_OK)
            return rc;
    }
    assert (self->identity == 0 || record->identity == self->identity);
    uint8_t bytes[RECORD_MAX];
    size_t size = s_node_encode (record, bytes);
    int rc = s_replace (self, self->directory_fd, "node", "node", bytes, size);
    if (rc != ZSEQ_OK)
        return rc;
    self->identity = record->identity;
    self->node = record->self;
    self->directory_touched = true;
    return ZSEQ_OK;
}

static int
s_fail_not_empty (zseq_store_t *self)
{
    return s_fail (self, ZSEQ_EEXIST,
                   "%s: not empty; to format a node that never ran, remove "
                   "what is in it",
                   self->directory);
}

static int
s_format (zseq_store_t *self, const zseq_record_t *record)
{
    bool made = mkdir (self->directory, 0700) == 0;
    if (!made && errno != EEXIST)
        return s_fail_write (self, ".", "mkdir");
    self->directory_fd =
      open (self->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (self->directory_fd < 0)
        return s_fail_io (self, ".", "open");

    s_content_t content;
    int rc = s_list (self, &content);
    if (rc == ZSEQ_OK && content.count > 0)
        rc = s_fail_not_empty (self);
    if (rc == ZSEQ_OK)
        rc = s_lock (self);
    //  Somebody else may have formatted it in between.
    if (rc == ZSEQ_OK)
        rc = s_list (self, &content);
    if (rc == ZSEQ_ELOCKED || (rc == ZSEQ_OK && content.count > 1))
        rc = s_fail_not_empty (self);
    if (rc == ZSEQ_OK)
        rc = s_write_node (self, record);
    if (rc != ZSEQ_OK)
        return rc;
    if (fsync (self->directory_fd) != 0)
        return s_fail_io (self, ".", "fsync");
    if (!made)
        return ZSEQ_OK;
    int parent_fd =
      openat (self->directory_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent_fd < 0)
        return s_fail_io (self, "..", "open");
    if (fsync (parent_fd) != 0)
        rc = s_fail_io (self, "..", "fsync");
    s_close (&parent_fd);
    return rc;
}

int
zseq_store_format (zseq_store_t *self, const zseq_record_t *record)
{
    assert (self);
    assert (record);
    assert (self->directory_fd < 0);
    self->why[0] = 0;
    int rc = s_format (self, record);
    s_close_all (self);
    return rc;
}

static int
s_open (zseq_store_t *self, zseq_record_t *record)
{
    self->directory_fd =
      open (self->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (self->directory_fd < 0 && errno == ENOENT)
        return s_fail (self, ZSEQ_EAGAIN, "%s: there is no such directory",
                       self->directory);
    if (self->directory_fd < 0)
        return s_fail_io (self, ".", "open");

    s_content_t content;
    int rc = s_list (self, &content);
    if (rc != ZSEQ_OK)
        return rc;
    if (content.count == 0)
        return s_fail (self, ZSEQ_EAGAIN, "%s: the directory is empty",
                       self->directory);
    //  Nobody else's directory is touched, not even by a lock.
    if (!content.lock && !content.node)
        return s_fail (self, ZSEQ_EDAMAGED,
                       "%s: no node record; not a node's directory, or it "
                       "was deleted",
                       self->directory);
    rc = s_lock (self);
    if (rc != ZSEQ_OK)
        return rc;
    //  What a process before us wrote but could not sync is on disk now, or
    //  we do not go on.
    if (syncfs (self->directory_fd) != 0)
        return s_fail_io (self, ".", "syncfs");

    uint8_t bytes[RECORD_MAX];
    size_t size;
    rc = s_read_record (self, self->directory_fd, "node", "node", bytes, &size);
    if (rc == ZSEQ_EAGAIN)
        return s_fail (self, ZSEQ_EDAMAGED,
                       "%s/node: missing; it was deleted, or format was cut "
                       "short: if this node never ran, remove what is in the "
                       "directory and format again, else recover it from its "
                       "peers",
                       self->directory);
    if (rc != ZSEQ_OK)
        return rc;
    return s_node_decode (self, bytes, size, record);
}

int
zseq_store_open (zseq_store_t *self, zseq_record_t *record_p)
{
    assert (self);
    assert (record_p);
    assert (self->directory_fd < 0);
    self->why[0] = 0;
    zseq_record_t record;
    int rc = s_open (self, &record);
    if (rc != ZSEQ_OK) {
        s_close_all (self);
        return rc;
    }
    self->identity = record.identity;
    self->node = record.self;
    *record_p = record;
    return ZSEQ_OK;
}

//  Writing.

//  Opens the directory of a name, once per group.
static int
s_open_spread (zseq_store_t *self, uint8_t spread)
{
    if (self->seq_fd < 0) {
        int rc = s_open_directory (self, self->directory_fd, "seq", "seq",
                                   &self->seq_fd);
        if (rc != ZSEQ_OK)
            return rc;
    }
    if (self->spread_fd[spread] >= 0)
        return ZSEQ_OK;
    char where[16];
    snprintf (where, sizeof where, "seq/%02x", spread);
    return s_open_directory (self, self->seq_fd, where + strlen ("seq/"), where,
                             &self->spread_fd[spread]);
}

static int
s_write_sequence (zseq_store_t *self, const zseq_write_t *write)
{
    assert (self->identity != 0);
    assert (self->journal_fd >= 0);
    uint8_t value[16];
    s_writer_t writer = {value, 0};
    s_put_number (&writer, write->next, 8);
    s_put_number (&writer, write->limit, 8);
    s_envelope_t envelope = {KIND_SEQUENCE, self->identity,   self->node,
                             write->name,   write->name_size, value,
                             sizeof value};
    uint8_t bytes[RECORD_MAX];
    size_t size = s_envelope_encode (&envelope, bytes);

    s_place_t place;
    s_place_init (&place, write->name, write->name_size);
    int rc = s_open_spread (self, place.spread);
    if (rc != ZSEQ_OK)
        return rc;
    return s_replace (self, self->spread_fd[place.spread], place.file,
                      place.where, bytes, size);
}

//  Makes the group's renames last.
static int
s_sync_directories (zseq_store_t *self)
{
    if (self->directory_touched && fsync (self->directory_fd) != 0)
        return s_fail_io (self, ".", "fsync");
    self->directory_touched = false;
    for (size_t i = 0; i < SPREAD_COUNT; i++) {
        if (self->spread_fd[i] < 0)
            continue;
        if (fsync (self->spread_fd[i]) != 0) {
            char where[16];
            snprintf (where, sizeof where, "seq/%02x", (unsigned) i);
            return s_fail_io (self, where, "fsync");
        }
        s_close (&self->spread_fd[i]);
    }
    return ZSEQ_OK;
}

static bool
s_is_new_name (const s_job_t *job)
{
    return job->status == ZSEQ_OK && !job->write.record &&
           !job->write.journaled;
}

//  Writes a group; returns other than ZSEQ_OK when that is the store's end.
//  S8: records, then directories, then the journal; only then does the caller
//  make the completions appear.
static int
s_write_group (zseq_store_t *self, s_job_t *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const zseq_write_t *write = &jobs[i].write;
        if (write->record)
            jobs[i].status = s_write_node (self, write->record);
        else
            jobs[i].status = s_write_sequence (self, write);
        if (jobs[i].status != ZSEQ_OK && jobs[i].status != ZSEQ_ENOSPACE)
            return ZSEQ_EIO;
    }
    int rc = s_sync_directories (self);
    if (rc != ZSEQ_OK)
        return rc;

    for (size_t i = 0; i < count; i++)
        if (s_is_new_name (&jobs[i]))
            s_batch_add (self, jobs[i].write.name, jobs[i].write.name_size);
    rc = s_batch_append (self);
    if (rc != ZSEQ_ENOSPACE)
        return rc;
    for (size_t i = 0; i < count; i++)
        if (s_is_new_name (&jobs[i]))
            jobs[i].status = ZSEQ_ENOSPACE;
    return ZSEQ_OK;
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
    const uint64_t one = 1;
    ssize_t size = write (self->event_fd, &one, sizeof one);
    assert (size == sizeof one);
    pthread_mutex_unlock (&self->mutex);
}

static void
s_serve (zseq_store_t *self, s_job_t *jobs, size_t count)
{
    if (!self->fatal)
        self->fatal = s_write_group (self, jobs, count) != ZSEQ_OK;
    for (size_t i = 0; self->fatal && i < count; i++)
        jobs[i].status = ZSEQ_EIO;
    s_complete (self, jobs, count);
}

static void *
s_run (void *arg)
{
    zseq_store_t *self = arg;
    pthread_mutex_lock (&self->mutex);
    while (true) {
        while (self->waiting_count == 0 && !self->stopping)
            pthread_cond_wait (&self->wake, &self->mutex);
        if (self->waiting_count == 0)
            break;
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
    for (size_t i = 0; i < SPREAD_COUNT; i++)
        s_close (&self->spread_fd[i]);  //  Left open by a fatal error
    return NULL;
}

int
zseq_store_start (zseq_store_t *self)
{
    assert (self);
    assert (self->directory_fd >= 0);
    assert (!self->started);
    self->why[0] = 0;
    self->event_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->event_fd < 0)
        return s_fail_io (self, ".", "eventfd");

    pthread_mutex_init (&self->mutex, NULL);
    pthread_cond_init (&self->wake, NULL);
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
        s_close (&self->event_fd);
        return s_fail (self, ZSEQ_ENOMEM, "%s: no memory for a thread",
                       self->directory);
    }
    self->started = true;
    return ZSEQ_OK;
}

//  Makes room for count more jobs, and for their completions, so that the
//  thread never needs memory.
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
                      self->outstanding + count, sizeof *self->done);
}

static void
s_check_write (const zseq_write_t *write)
{
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
    if (self->done_count == 0) {
        uint64_t events;
        //  There may be none: the descriptor is quiet either way.
        ssize_t size = read (self->event_fd, &events, sizeof events);
        assert (size == sizeof events || errno == EAGAIN);
    }
    pthread_mutex_unlock (&self->mutex);
    return count;
}
