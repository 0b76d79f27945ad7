//  zseq export: to stdout, or to a file that has its name once it is complete.

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zseq_cli_commands.h"
#include "zseq_cli_texts.h"
#include "zseq_export.h"
#include "zseq_text.h"

typedef struct {
    zseq_cli_job_t *job;
    zseq_export_t *export;
    FILE *stream;
    char path[PATH_MAX];       //  Where the file is to be; empty: stdout
    char temporary[PATH_MAX];  //  ... and is until then; empty: is not
    bool unwritable;
    bool has_keys;  //  At least one was written
} s_job_t;

//  Says that the file, or stdout, failed with errno.
static int
s_unwritable (const s_job_t *self)
{
    int reason = errno;
    char escaped[ZSEQ_CLI_TEXT_MAX];
    if (reason != EPIPE)
        fprintf (stderr, ZSEQ_TEXT_EXPORT_UNWRITABLE,
                 self->path[0]
                   ? zseq_text_escape (self->path, escaped, sizeof escaped)
                   : ZSEQ_TEXT_EXPORT_STDOUT,
                 strerror (reason));
    return ZSEQ_CLI_MISUSED;
}

//  Whether a URI file:DIR names a directory with something in it: the client
//  would make one, and export that it has no sequences.
static bool
s_is_there (const char *uri)
{
    char path[PATH_MAX];
    if (strncmp (uri, "file:", 5) != 0)
        return true;
    uri += strncmp (uri, "file://", 7) == 0 ? 7 : 5;
    size_t size = strcspn (uri, "?");
    if (size >= sizeof path)
        return true;
    memcpy (path, uri, size);
    path[size] = '\0';
    size_t entries = 0;
    DIR *directory = opendir (path);
    if (!directory)
        return errno != ENOENT;
    while (entries < 3 && readdir (directory))
        entries++;
    (void) closedir (directory);  //  It was only read.
    return entries > 2;
}

//  Opens a file beside the one that is wanted, which may be a symbolic link to
//  one. A device or a pipe is none: rename would replace it.
static int
s_open (s_job_t *self)
{
    const char *output = self->job->output;
    struct stat known;
    if (!realpath (output, self->path))
        (void) snprintf (self->path, sizeof self->path, "%s", output);
    bool exists = stat (self->path, &known) == 0;
    if (exists && !S_ISREG (known.st_mode))
        return zseq_cli_misused (self->job, ZSEQ_TEXT_EXPORT_NOT_REGULAR,
                                 output);
    int size = snprintf (self->temporary, sizeof self->temporary, "%s.XXXXXX",
                         self->path);
    int fd = -1;
    errno = ENAMETOOLONG;
    if (size > 0 && (size_t) size < sizeof self->temporary)
        fd = mkostemp (self->temporary, O_CLOEXEC);
    if (fd < 0) {
        self->temporary[0] = '\0';
        return s_unwritable (self);
    }
    mode_t mask = umask (0);
    (void) umask (mask);
    if (fchmod (fd, exists ? known.st_mode & 07777 : 0666 & ~mask) != 0 ||
        !(self->stream = fdopen (fd, "w"))) {
        (void) close (fd);  //  Nothing is in it.
        return s_unwritable (self);
    }
    return ZSEQ_CLI_DONE;
}

static int
s_sync_directory (const char *path)
{
    char copy[PATH_MAX];
    (void) snprintf (copy, sizeof copy, "%s", path);
    int fd = open (dirname (copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int rc = fsync (fd);
    (void) close (fd);  //  It was only synced.
    return rc;
}

//  The complete file gets its name, and keeps it.
static int
s_finish (s_job_t *self)
{
    if (!self->temporary[0])
        return fflush (self->stream) == 0 ? ZSEQ_CLI_DONE : s_unwritable (self);
    bool written =
      fflush (self->stream) == 0 && fsync (fileno (self->stream)) == 0;
    int reason = errno;
    if (fclose (self->stream) != 0 && written) {
        written = false;
        reason = errno;
    }
    self->stream = NULL;
    errno = reason;
    if (!written || rename (self->temporary, self->path) != 0)
        return s_unwritable (self);
    self->temporary[0] = '\0';
    return s_sync_directory (self->path) == 0 ? ZSEQ_CLI_DONE
                                              : s_unwritable (self);
}

static int
s_write_sequence (const char *name, uint64_t next, void *arg)
{
    s_job_t *self = arg;
    const char *line = zseq_export_sequence (self->export, name, next);
    self->unwritable = fputs (line, self->stream) < 0;
    return self->unwritable ? 1 : 0;
}

static int
s_write_key (const zseq_kv_entry_t *entry, void *arg)
{
    s_job_t *self = arg;
    const char *line = zseq_export_key (self->export, entry);
    self->has_keys = true;
    self->unwritable = fputs (line, self->stream) < 0;
    return self->unwritable ? 1 : 0;
}

//  Nodes of a version without the store have no keys.
static int
s_write_keys (s_job_t *self, const char *prefix)
{
    zseq_kv_t *kv = zseq_kv_new (self->job->client);
    if (!kv)
        return zseq_errno ();
    int rc =
      zseq_kv_list (kv, prefix, strlen (prefix), NULL, 0, s_write_key, self);
    zseq_kv_destroy (&kv);
    return rc == ZSEQ_EPROTOCOL && !self->has_keys ? ZSEQ_OK : rc;
}

//  What is exported, and from where.
static int
s_describe (const zseq_cli_job_t *job, zseq_status_t *status,
            zseq_export_source_t *source_p)
{
    *source_p = (zseq_export_source_t){
      .cluster = status->cluster,
      .time = time (NULL),
      .prefix = job->arguments > 0 ? job->argument[0] : ""};
    int rc = zseq_client_status (job->client, status);
    if (rc == ZSEQ_OK)
        rc = zseq_cli_floor (job, &source_p->floor);
    source_p->identity = status->identity;
    return rc;
}

static int
s_write (s_job_t *self)
{
    zseq_status_t status;
    zseq_export_source_t source;
    int rc = s_describe (self->job, &status, &source);
    //  One that is too long is refused below.
    if (rc == ZSEQ_OK && strlen (source.prefix) <= ZSEQ_NAME_MAX &&
        fputs (zseq_export_first (self->export, &source), self->stream) < 0)
        return s_unwritable (self);
    if (rc == ZSEQ_OK)
        rc = zseq_client_list (self->job->client, source.prefix,
                               s_write_sequence, self);
    if (rc == ZSEQ_OK && !self->unwritable)
        rc = s_write_keys (self, source.prefix);
    if (self->unwritable)
        return s_unwritable (self);
    if (rc != ZSEQ_OK)
        return zseq_cli_failed (self->job, rc);
    if (fputs (zseq_export_last (self->export), self->stream) < 0)
        return s_unwritable (self);
    return s_finish (self);
}

int
zseq_cli_export (zseq_cli_job_t *job)
{
    assert (job);
    s_job_t self = {.job = job, .stream = stdout};
    if (!s_is_there (job->uri))
        return zseq_cli_misused (job, ZSEQ_TEXT_EXPORT_NO_DIRECTORY, job->uri);
    if (!(self.export = zseq_export_new ()))
        return zseq_cli_failed (job, ZSEQ_ENOMEM);
    int status = job->output ? s_open (&self) : ZSEQ_CLI_DONE;
    if (status == ZSEQ_CLI_DONE)
        status = s_write (&self);
    if (self.temporary[0]) {
        if (self.stream != stdout && self.stream)
            (void) fclose (self.stream);  //  It is removed.
        (void) unlink (self.temporary);   //  It has failed already.
    }
    zseq_export_destroy (&self.export);
    return status;
}
