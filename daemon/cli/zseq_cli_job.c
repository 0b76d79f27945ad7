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

int
zseq_cli_exit_code (int rc)
{
    bool misused = rc == ZSEQ_EINVAL || rc == ZSEQ_EURI || rc == ZSEQ_EQUORUM ||
                   rc == ZSEQ_EDUPLICATE || rc == ZSEQ_EVALUE;
    if (zseq_kv_unknown ())
        return ZSEQ_CLI_UNKNOWN;
    if (rc == ZSEQ_ENOKEY)
        return ZSEQ_CLI_NO_KEY;
    if (rc == ZSEQ_EVERSION)
        return ZSEQ_CLI_OTHER_VERSION;
    return misused ? ZSEQ_CLI_MISUSED : ZSEQ_CLI_FAILED;
}

int
zseq_cli_failed (const zseq_cli_job_t *job, int rc)
{
    char subject[ZSEQ_CLI_TEXT_MAX] = "";
    char detail[ZSEQ_CLI_TEXT_MAX];
    bool named = job->arguments > 0;
    if (named)
        zseq_text_escape (job->argument[0], subject, sizeof subject);
    zseq_text_escape (zseq_detail (), detail, sizeof detail);
    fprintf (stderr, "zseq: %s%s%s%s: %s%s%s\n", job->command->name,
             named ? " '" : "", subject, named ? "'" : "", zseq_strerror (rc),
             *detail ? ": " : "", detail);
    return zseq_cli_exit_code (rc);
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
    //  What it returns only fails on kernels that have no randomness yet.
    (void) getrandom (&number, sizeof number, 0);
    (void) snprintf (name, sizeof name, "zseq-floor-%016" PRIx64, number);
    zseq_t *seq = zseq_new (job->client, name);
    if (!seq)
        return zseq_errno ();
    int rc = zseq_peek (seq, floor_p);
    zseq_destroy (&seq);
    return rc;
}
