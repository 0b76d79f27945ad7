//  Reports a command that cannot be done, and chooses the exit code.

#include "zseq_cli_job.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "zseq_cli_texts.h"
#include "zseq_text.h"

volatile sig_atomic_t zseq_cli_stopped;
bool zseq_cli_took;

int
zseq_cli_misused (const zseq_cli_job_t *job, const char *format, ...)
{
    char text[ZSEQ_CLI_TEXT_MAX];
    char escaped[ZSEQ_CLI_TEXT_MAX];
    va_list arguments;
    va_start (arguments, format);
    (void) vsnprintf (text, sizeof text, format, arguments);
    va_end (arguments);
    fprintf (stderr, ZSEQ_TEXT_CLI_MISUSED,
             zseq_text_escape (text, escaped, sizeof escaped),
             job->command ? job->command->name : "", job->command ? " " : "");
    return ZSEQ_CLI_MISUSED;
}

//  unknown: as zseq_kv_unknown.
static int
s_exit_code (int rc, bool unknown)
{
    bool misused = rc == ZSEQ_EINVAL || rc == ZSEQ_EURI || rc == ZSEQ_EQUORUM ||
                   rc == ZSEQ_EDUPLICATE || rc == ZSEQ_EVALUE;
    if (unknown)
        return ZSEQ_CLI_UNKNOWN;
    if (rc == ZSEQ_ENOKEY)
        return ZSEQ_CLI_NO_KEY;
    if (rc == ZSEQ_EVERSION)
        return ZSEQ_CLI_OTHER_VERSION;
    return misused ? ZSEQ_CLI_MISUSED : ZSEQ_CLI_FAILED;
}

int
zseq_cli_exit_code (int rc)
{
    return s_exit_code (rc, zseq_kv_unknown ());
}

static void
s_say (const zseq_cli_job_t *job, int rc, const char *detail)
{
    char subject[ZSEQ_CLI_TEXT_MAX] = "";
    char escaped[ZSEQ_CLI_TEXT_MAX];
    bool named = job->arguments > 0;
    if (named)
        zseq_text_escape (job->argument[0], subject, sizeof subject);
    zseq_text_escape (detail, escaped, sizeof escaped);
    fprintf (stderr, "zseq: %s%s%s%s: %s%s%s\n", job->command->name,
             named ? " '" : "", subject, named ? "'" : "", zseq_strerror (rc),
             *escaped ? ": " : "", escaped);
}

int
zseq_cli_failed (const zseq_cli_job_t *job, int rc)
{
    s_say (job, rc, zseq_detail ());
    return zseq_cli_exit_code (rc);
}

int
zseq_cli_ended (const zseq_cli_job_t *job, const zseq_ended_t *ended)
{
    s_say (job, ended->rc, ended->detail);
    return s_exit_code (ended->rc, ended->unknown);
}

bool
zseq_cli_number (const zseq_cli_job_t *job, const char *what, const char *text,
                 uint64_t min, uint64_t max, uint64_t *value_p)
{
    if (zseq_text_number (text, min, max, value_p))
        return true;
    zseq_cli_misused (job, ZSEQ_TEXT_CLI_NUMBER, what, text, min, max);
    return false;
}

int
zseq_cli_floor (const zseq_cli_job_t *job, uint64_t *floor_p)
{
    uint64_t number = 0;
    char name[64];
    if (getrandom (&number, sizeof number, 0) != sizeof number)
        return ZSEQ_EIO;
    (void) snprintf (name, sizeof name, "zseq-floor-%016" PRIx64, number);
    zseq_t *seq = zseq_new (job->client, name);
    if (!seq)
        return zseq_errno ();
    int rc = zseq_peek (seq, floor_p);
    zseq_destroy (&seq);
    return rc;
}
