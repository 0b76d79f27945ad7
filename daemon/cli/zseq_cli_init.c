//  The private store: the user's own directory, used without -u and ZSEQ_URI.
//
//  Only zseq init makes it. Whoever has a cluster and loses ZSEQ_URI (cron,
//  sudo, a unit, a typo) would otherwise get IDs that begin at 1 again, with
//  success. And whoever uses it is told each time, on a terminal or not: the
//  log of such a job must show where its IDs came from.

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "zseq_cli_commands.h"
#include "zseq_cli_output.h"
#include "zseq_cli_texts.h"
#include "zseq_text.h"

//  Writes the URI of the private store (XDG Base Directory Specification 0.8).
//  False: there is none, and the reason was printed.
static bool
s_locate (const zseq_cli_job_t *job, char *uri, size_t size)
{
    const char *state = getenv ("XDG_STATE_HOME");
    const char *home = getenv ("HOME");
    bool given = state && *state == '/';
    if (!given && (!home || *home != '/')) {
        zseq_cli_misused (job, ZSEQ_TEXT_PRIVATE_NO_HOME);
        return false;
    }
    int length = snprintf (uri, size, "file:%s%s/zseq", given ? state : home,
                           given ? "" : "/.local/state");
    if (length < 0 || (size_t) length >= size || strchr (uri, '?')) {
        zseq_cli_misused (job, ZSEQ_TEXT_PRIVATE_NO_URI, given ? state : home);
        return false;
    }
    return true;
}

//  Makes the parents of a directory. False: it could not, and said why.
static bool
s_make_parents (const zseq_cli_job_t *job, char *path)
{
    for (char *slash = strchr (path + 1, '/'); slash;
         slash = strchr (slash + 1, '/')) {
        *slash = '\0';
        bool made = mkdir (path, 0700) == 0 || errno == EEXIST;
        if (!made)
            zseq_cli_misused (job, ZSEQ_TEXT_PRIVATE_NO_PARENT, path,
                              strerror (errno));
        *slash = '/';
        if (!made)
            return false;
    }
    return true;
}

//  Whether a directory holds anything. An empty one is no store yet. Returns
//  false with errno 0 then, and else with the reason.
static bool
s_has_files (const char *path)
{
    DIR *directory = opendir (path);
    if (!directory)
        return false;
    const struct dirent *entry;
    do {
        errno = 0;
        entry = readdir (directory);
    } while (entry && (strcmp (entry->d_name, ".") == 0 ||
                       strcmp (entry->d_name, "..") == 0));
    int reason = errno;
    (void) closedir (directory);  //  It was only read.
    errno = reason;
    return entry;
}

bool
zseq_cli_private_uri (const zseq_cli_job_t *job, char *uri, size_t size)
{
    assert (job);
    assert (uri);
    if (!s_locate (job, uri, size))
        return false;
    char *path = uri + strlen ("file:");
    if (job->command->run == zseq_cli_init)
        return s_make_parents (job, path);
    if (s_has_files (path)) {
        char escaped[ZSEQ_CLI_TEXT_MAX];
        fprintf (stderr, ZSEQ_TEXT_PRIVATE_USED,
                 zseq_text_escape (uri, escaped, sizeof escaped));
        return true;
    }
    if (errno && errno != ENOENT)
        zseq_cli_misused (job, ZSEQ_TEXT_PRIVATE_UNUSABLE, path,
                          strerror (errno));
    else
        zseq_cli_misused (job, ZSEQ_TEXT_PRIVATE_NONE, path);
    return false;
}

//  A read opens the store, which makes it if it is missing.
int
zseq_cli_init (zseq_cli_job_t *job)
{
    assert (job);
    uint64_t floor;
    if (strncmp (job->uri, "file:", 5) != 0)
        return zseq_cli_misused (job, ZSEQ_TEXT_INIT_NOT_FILE, job->uri);
    int rc = zseq_cli_floor (job, &floor);
    if (rc != ZSEQ_OK)
        return zseq_cli_failed (job, rc);
    return printf ("%s\n", job->uri) < 0 ? zseq_cli_unwritable ()
                                         : ZSEQ_CLI_DONE;
}
