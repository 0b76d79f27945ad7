//  zseq import: reads the whole, then raises sequences and stores keys
//  (zseq_import_keys). What was read is kept in memory, of sequences about 30
//  bytes each: a file could change between two passes, and stdin cannot be read
//  twice. Raises are under way together, so that a million names take seconds.

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "zseq_cli_commands.h"
#include "zseq_cli_output.h"
#include "zseq_cli_texts.h"
#include "zseq_export.h"
#include "zseq_import_keys.h"
#include "zseq_text.h"

#define NEXT_MAX (ZSEQ_ID_MAX + (uint64_t) 1)
#define WINDOW 256
#define CHUNK_SIZE 65536

//  How far beyond the clock a reserved name is raised by a margin: nodes refuse
//  a minute (design.md, S10), and their clocks may differ by a second.
#define AHEAD_MS 59000

//  A sequence that was read. Records follow each other in memory.
typedef struct {
    uint64_t next;
    size_t size;  //  Of the record, with its name and what aligns it
    char name[];
} s_record_t;

//  A sequence that is at work.
typedef struct {
    zseq_t *seq;  //  NULL: free
    uint64_t next;
    size_t line;
    bool raises;
} s_inflight_t;

typedef struct {
    zseq_cli_job_t *job;
    const char *file;
    char *records;
    size_t used;
    size_t size;
    size_t count;
    size_t line;     //  Of the first record; one line each
    uint64_t floor;  //  Of where they were; 0: not known
    s_inflight_t inflight[WINDOW];
    size_t under_way;
    size_t raised;
    size_t passed;  //  Those that were as high
    zseq_import_keys_t keys;
} s_job_t;

//  How many sequences and keys are as they are to be.
static size_t
s_ready (const s_job_t *self)
{
    return self->raised + self->passed + self->keys.stored + self->keys.passed +
           self->keys.newer;
}

//  Says what is wrong with the input. Nothing was imported yet.
static int
s_refused (const s_job_t *self, size_t line, const char *why)
{
    char file[ZSEQ_CLI_TEXT_MAX];
    char escaped[ZSEQ_CLI_TEXT_MAX];
    fprintf (stderr, ZSEQ_TEXT_IMPORT_REFUSED,
             zseq_text_escape (self->file, file, sizeof file), line,
             zseq_text_escape (why, escaped, sizeof escaped));
    return ZSEQ_CLI_MISUSED;
}

//  Says that a sequence could not be raised, or a key not be stored.
static int
s_failed (const s_job_t *self, size_t line, int rc, const char *detail)
{
    char file[ZSEQ_CLI_TEXT_MAX];
    char escaped[ZSEQ_CLI_TEXT_MAX];
    fprintf (stderr, ZSEQ_TEXT_IMPORT_FAILED,
             zseq_text_escape (self->file, file, sizeof file), line,
             zseq_strerror (rc), *detail ? ": " : "",
             zseq_text_escape (detail, escaped, sizeof escaped), s_ready (self),
             self->count + self->keys.count);
    return zseq_cli_exit_code (rc);
}

//  Reading.

static bool
s_keep (const char *name, uint64_t next, size_t line, void *arg)
{
    s_job_t *self = arg;
    size_t align = _Alignof(s_record_t);
    size_t size = sizeof (s_record_t) + strlen (name) + 1;
    size = (size + align - 1) / align * align;
    if (self->used + size > self->size) {
        size_t wanted = 2 * (self->used + size);
        char *records = realloc (self->records, wanted);
        if (!records)
            return false;
        self->records = records;
        self->size = wanted;
    }
    s_record_t *record = (s_record_t *) (void *) (self->records + self->used);
    record->next = next;
    record->size = size;
    strcpy (record->name, name);
    self->used += size;
    if (self->count++ == 0)
        self->line = line;
    return true;
}

static bool
s_keep_key (const zseq_kv_entry_t *entry, size_t line, void *arg)
{
    s_job_t *self = arg;
    return zseq_import_keys_add (&self->keys, entry, line);
}

static int
s_read_from (s_job_t *self, zseq_import_t *import, int fd)
{
    static char bytes[CHUNK_SIZE];
    ssize_t size;
    bool going = true;
    while (going && (size = read (fd, bytes, sizeof bytes)) != 0) {
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0) {
            (void) snprintf (bytes, sizeof bytes, ZSEQ_TEXT_IMPORT_UNREADABLE,
                             strerror (errno));
            return s_refused (self, zseq_import_line (import) + 1, bytes);
        }
        going = zseq_import_feed (import, bytes, (size_t) size);
    }
    if (going && zseq_import_end (import)) {
        self->floor = zseq_import_floor (import);
        return ZSEQ_CLI_DONE;
    }
    return s_refused (self, zseq_import_line (import),
                      zseq_import_why (import));
}

static int
s_read (s_job_t *self)
{
    int fd = STDIN_FILENO;
    if (self->job->arguments > 0)
        fd = open (self->file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return zseq_cli_misused (self->job, ZSEQ_TEXT_IMPORT_NOT_OPENED,
                                 self->file, strerror (errno));
    zseq_import_t *import =
      zseq_import_new (self->job->partial, s_keep, s_keep_key, self);
    int status = import ? s_read_from (self, import, fd)
                        : zseq_cli_failed (self->job, ZSEQ_ENOMEM);
    zseq_import_destroy (&import);
    if (fd != STDIN_FILENO)
        (void) close (fd);  //  It was only read.
    return status;
}

//  Names that the export does not list begin at the floor there, because the
//  export cannot say which of their IDs were handed out. They must not begin
//  lower here.
static int
s_check_floor (const s_job_t *self)
{
    uint64_t floor;
    char why[256];
    if (self->floor <= 1 || self->job->partial)
        return ZSEQ_CLI_DONE;
    int rc = zseq_cli_floor (self->job, &floor);
    if (rc != ZSEQ_OK)
        return zseq_cli_failed (self->job, rc);
    if (floor >= self->floor)
        return ZSEQ_CLI_DONE;
    (void) snprintf (why, sizeof why, ZSEQ_TEXT_IMPORT_FLOOR, self->floor,
                     floor);
    return s_refused (self, 1, why);
}

//  Margins.

//  Of a flake worker's name, what is next of it a margin after: milliseconds
//  that a clock has passed need none, and none can be claimed far beyond it.
static uint64_t
s_add_ms (uint64_t next, uint64_t add, const char *name)
{
    uint64_t epoch_ms;
    if (sscanf (name, "$flake/%*u-%*u-%*u/%" SCNu64 "/", &epoch_ms) != 1)
        return next;
    struct timespec now;
    (void) clock_gettime (CLOCK_REALTIME, &now);  //  Fails for bad clocks only.
    uint64_t most = (uint64_t) now.tv_sec * 1000 +
                    (uint64_t) now.tv_nsec / 1000000 + AHEAD_MS;
    most = most > epoch_ms ? most - epoch_ms : 0;
    if (next >= most)
        return next;
    return add < most - next ? next + add : most;
}

//  What is next of it with the margin. False: that lies beyond its end. A
//  sequence that has ended stays so.
static bool
s_add_to (uint64_t *next, uint64_t add, const char *name)
{
    if (strncmp (name, "$flake/", 7) == 0)
        *next = s_add_ms (*next, add, name);
    else if (*next < NEXT_MAX && add > NEXT_MAX - *next)
        return false;
    else if (*next < NEXT_MAX)
        *next += add;
    return true;
}

static int
s_add_to_all (s_job_t *self)
{
    size_t line = self->line;
    for (size_t at = 0; at < self->used; line++) {
        s_record_t *record = (s_record_t *) (void *) (self->records + at);
        if (!s_add_to (&record->next, self->job->add, record->name))
            return s_refused (self, line, ZSEQ_TEXT_IMPORT_MARGIN);
        at += record->size;
    }
    return ZSEQ_CLI_DONE;
}

//  Raising: a peek, and a raise of what is not as high.

static int
s_ended (s_job_t *self, const zseq_ended_t *ended)
{
    s_inflight_t *inflight = &self->inflight[ended->tag];
    int rc = ended->rc;
    const char *detail = ended->detail;
    if (rc == ZSEQ_OK && !inflight->raises && ended->value < inflight->next) {
        inflight->raises = true;
        rc = zseq_start_raise (inflight->seq, inflight->next, ended->tag);
        if (rc == ZSEQ_OK)
            return ZSEQ_CLI_DONE;
        detail = zseq_detail ();
    }
    zseq_destroy (&inflight->seq);
    self->under_way--;
    if (rc != ZSEQ_OK)
        return s_failed (self, inflight->line, rc, detail);
    self->raised += inflight->raises;
    self->passed += !inflight->raises;
    return ZSEQ_CLI_DONE;
}

//  Waits until a call at least has ended, and deals with those that have.
static int
s_collect (s_job_t *self)
{
    zseq_ended_t ended[WINDOW];
    struct pollfd fd = {.fd = zseq_client_fd (self->job->client),
                        .events = POLLIN};
    if (fd.fd < 0)
        return zseq_cli_failed (self->job, zseq_errno ());
    while (poll (&fd, 1, -1) < 0)
        assert (errno == EINTR);
    size_t count = zseq_client_collect (self->job->client, ended, WINDOW);
    int status = ZSEQ_CLI_DONE;
    for (size_t index = 0; index < count && status == ZSEQ_CLI_DONE; index++)
        status = s_ended (self, &ended[index]);
    return status;
}

static int
s_begin (s_job_t *self, const s_record_t *record, size_t line)
{
    size_t slot = 0;
    while (self->inflight[slot].seq)
        slot++;
    s_inflight_t *inflight = &self->inflight[slot];
    *inflight =
      (s_inflight_t){.seq = zseq_new (self->job->client, record->name),
                     .next = record->next,
                     .line = line};
    int rc =
      inflight->seq ? zseq_start_peek (inflight->seq, slot) : zseq_errno ();
    if (rc == ZSEQ_OK) {
        self->under_way++;
        return ZSEQ_CLI_DONE;
    }
    zseq_destroy (&inflight->seq);
    return s_failed (self, line, rc, zseq_detail ());
}

static int
s_raise_all (s_job_t *self)
{
    int status = ZSEQ_CLI_DONE;
    size_t line = self->line;
    size_t at = 0;
    while (status == ZSEQ_CLI_DONE && (at < self->used || self->under_way)) {
        if (at == self->used || self->under_way == WINDOW) {
            status = s_collect (self);
            continue;
        }
        const s_record_t *record =
          (const s_record_t *) (const void *) (self->records + at);
        status = s_begin (self, record, line++);
        at += record->size;
    }
    for (size_t slot = 0; slot < WINDOW; slot++)
        zseq_destroy (&self->inflight[slot].seq);
    return status;
}

static int
s_store_keys (s_job_t *self)
{
    zseq_import_failure_t failure;
    int rc = zseq_import_keys_store (&self->keys, self->job->client, self->file,
                                     &failure);
    if (rc == ZSEQ_OK)
        return ZSEQ_CLI_DONE;
    int status = s_failed (self, failure.line, rc, failure.detail);
    return failure.unknown ? ZSEQ_CLI_FAILED : status;
}

//  Says what was done; of keys only if there were any.
static int
s_say (const s_job_t *self)
{
    const char *others = self->job->partial ? ZSEQ_TEXT_IMPORT_PARTIAL : "";
    const zseq_import_keys_t *keys = &self->keys;
    if (printf (ZSEQ_TEXT_IMPORT_DONE, self->count, self->count == 1 ? "" : "s",
                self->raised, self->passed, others) < 0)
        return zseq_cli_unwritable ();
    if (keys->count &&
        printf (ZSEQ_TEXT_IMPORT_KEYS, keys->count, keys->count == 1 ? "" : "s",
                keys->stored, keys->passed, keys->newer, others) < 0)
        return zseq_cli_unwritable ();
    return ZSEQ_CLI_DONE;
}

int
zseq_cli_import (zseq_cli_job_t *job)
{
    assert (job);
    s_job_t self = {.job = job,
                    .file = job->arguments > 0 ? job->argument[0] : "(stdin)"};
    zseq_import_keys_init (&self.keys);
    self.keys.replace = job->replace;
    int status = s_read (&self);
    if (status == ZSEQ_CLI_DONE)
        status = s_add_to_all (&self);
    if (status == ZSEQ_CLI_DONE)
        status = s_check_floor (&self);
    if (status == ZSEQ_CLI_DONE)
        status = s_raise_all (&self);
    if (status == ZSEQ_CLI_DONE)
        status = s_store_keys (&self);
    if (status == ZSEQ_CLI_DONE)
        status = s_say (&self);
    free (self.records);
    zseq_import_keys_term (&self.keys);
    return status;
}
