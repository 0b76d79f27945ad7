//  The commands about IDs of a sequence: next, range, stream, peek and raise;
//  and list, of all sequences.

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "zseq_cli_commands.h"
#include "zseq_cli_output.h"
#include "zseq_cli_texts.h"
#include "zseq_text.h"

//  IDs that "next -n" takes at a time when no batch is given.
#define S_CHUNK_MAX 4096

static int
s_print_id (uint64_t id)
{
    return printf ("%" PRIu64 "\n", id) < 0 ? zseq_cli_unwritable ()
                                            : ZSEQ_CLI_DONE;
}

//  Makes the handle that the job's first argument names. On failure it is
//  null and the reason has been printed.
static zseq_t *
s_open (zseq_cli_job_t *job, int *status_p)
{
    zseq_t *seq = zseq_new (job->client, job->argument[0]);
    if (!seq) {
        *status_p = zseq_cli_failed (job, zseq_errno ());
        return NULL;
    }
    if (job->batch) {
        int rc = zseq_set_batch (seq, job->batch);
        if (rc != ZSEQ_OK) {
            *status_p = zseq_cli_failed (job, rc);
            zseq_destroy (&seq);
        }
    }
    return seq;
}

//  The same for a command that takes IDs. IDs of a reserved name are
//  milliseconds of a flake worker, which would wait for them or lose them.
static zseq_t *
s_open_to_take (zseq_cli_job_t *job, int *status_p)
{
    if (strncmp (job->argument[0], "$flake/", 7) == 0) {
        *status_p =
          zseq_cli_misused (job, ZSEQ_TEXT_CLI_RESERVED, job->argument[0]);
        return NULL;
    }
    return s_open (job, status_p);
}

//  Without a batch: claims of exactly what is wanted, so that nothing burns.
static int
s_next_claims (zseq_cli_job_t *job, zseq_t *seq)
{
    uint64_t left = job->count;
    while (left > 0) {
        static uint64_t ids[S_CHUNK_MAX];
        size_t count = left < S_CHUNK_MAX ? (size_t) left : S_CHUNK_MAX;
        int rc = zseq_take (seq, ids, count);
        if (rc != ZSEQ_OK)
            return zseq_cli_failed (job, rc);
        zseq_cli_took = true;
        for (size_t index = 0; index < count; index++) {
            int status = s_print_id (ids[index]);
            if (status != ZSEQ_CLI_DONE)
                return status;
        }
        left -= count;
    }
    return ZSEQ_CLI_DONE;
}

static int
s_next_batches (zseq_cli_job_t *job, zseq_t *seq)
{
    for (uint64_t index = 0; index < job->count; index++) {
        uint64_t id;
        int rc = zseq_next (seq, &id);
        if (rc != ZSEQ_OK)
            return zseq_cli_failed (job, rc);
        zseq_cli_took = true;
        int status = s_print_id (id);
        if (status != ZSEQ_CLI_DONE)
            return status;
    }
    return ZSEQ_CLI_DONE;
}

int
zseq_cli_next (zseq_cli_job_t *job)
{
    int status = ZSEQ_CLI_DONE;
    zseq_t *seq = s_open_to_take (job, &status);
    if (!seq)
        return status;
    if (job->count == 0)
        job->count = 1;
    status = job->batch ? s_next_batches (job, seq) : s_next_claims (job, seq);
    zseq_destroy (&seq);
    return status;
}

int
zseq_cli_range (zseq_cli_job_t *job)
{
    uint64_t count;
    if (!zseq_cli_number (job, "count", job->argument[1], 1, ZSEQ_COUNT_MAX,
                          &count))
        return ZSEQ_CLI_MISUSED;
    int status = ZSEQ_CLI_DONE;
    zseq_t *seq = s_open_to_take (job, &status);
    if (!seq)
        return status;
    uint64_t first;
    int rc = zseq_next_range (seq, count, &first);
    zseq_cli_took = rc == ZSEQ_OK;
    if (rc != ZSEQ_OK)
        status = zseq_cli_failed (job, rc);
    else if (printf ("%" PRIu64 " %" PRIu64 "\n", first, first + (count - 1)) <
             0)
        status = zseq_cli_unwritable ();
    zseq_destroy (&seq);
    return status;
}

//  Sleeps until the time is over or a signal ends the stream. Blocking the
//  signals around the test leaves no gap in which one could be missed.
static void
s_pause (uint64_t delay_ms)
{
    sigset_t signals;
    sigset_t before;
    sigemptyset (&signals);
    sigaddset (&signals, SIGINT);
    sigaddset (&signals, SIGTERM);
    sigprocmask (SIG_BLOCK, &signals, &before);
    struct timespec delay = {
      .tv_sec = (time_t) (delay_ms / 1000),
      .tv_nsec = (long) (delay_ms % 1000) * 1000000,
    };
    if (!zseq_cli_stopped)
        (void) ppoll (NULL, 0, &delay, &before);  //  Either end is fine.
    sigprocmask (SIG_SETMASK, &before, NULL);
}

static int
s_stream_ids (zseq_cli_job_t *job, zseq_t *seq)
{
    for (uint64_t index = 0; job->count == 0 || index < job->count; index++) {
        if (index > 0 && job->delay_ms > 0)
            s_pause (job->delay_ms);
        if (zseq_cli_stopped)
            break;
        uint64_t id;
        int rc = zseq_next (seq, &id);
        if (rc != ZSEQ_OK)
            return zseq_cli_failed (job, rc);
        zseq_cli_took = true;
        int status = s_print_id (id);
        if (status == ZSEQ_CLI_DONE)
            status = zseq_cli_flush ();
        if (status != ZSEQ_CLI_DONE)
            return status;
    }
    return ZSEQ_CLI_DONE;
}

static void
s_stop (int number)
{
    (void) number;  //  Both signals mean the same.
    zseq_cli_stopped = 1;
}

//  The first signal ends the stream after the ID under way, the second ends
//  the process: a call may wait until its deadline.
int
zseq_cli_stream (zseq_cli_job_t *job)
{
    struct sigaction action = {.sa_handler = s_stop};
    sigemptyset (&action.sa_mask);
    action.sa_flags = (int) SA_RESETHAND;
    sigaction (SIGINT, &action, NULL);
    sigaction (SIGTERM, &action, NULL);

    int status = ZSEQ_CLI_DONE;
    zseq_t *seq = s_open_to_take (job, &status);
    if (!seq)
        return status;
    status = s_stream_ids (job, seq);
    zseq_destroy (&seq);
    return status;
}

int
zseq_cli_peek (zseq_cli_job_t *job)
{
    int status = ZSEQ_CLI_DONE;
    zseq_t *seq = s_open (job, &status);
    if (!seq)
        return status;
    uint64_t next;
    int rc = zseq_peek (seq, &next);
    status = rc == ZSEQ_OK ? s_print_id (next) : zseq_cli_failed (job, rc);
    zseq_destroy (&seq);
    return status;
}

int
zseq_cli_raise (zseq_cli_job_t *job)
{
    uint64_t id;
    if (!zseq_cli_number (job, "ID", job->argument[1], 1, ZSEQ_ID_MAX + 1, &id))
        return ZSEQ_CLI_MISUSED;
    int status = ZSEQ_CLI_DONE;
    zseq_t *seq = s_open (job, &status);
    if (!seq)
        return status;
    int rc = zseq_raise (seq, id);
    if (rc != ZSEQ_OK)
        status = zseq_cli_failed (job, rc);
    zseq_destroy (&seq);
    return status;
}

static int
s_list_item (const char *name, uint64_t next, void *arg)
{
    zseq_cli_job_t *job = arg;
    char escaped[4 * ZSEQ_NAME_MAX + 1];
    zseq_text_escape (name, escaped, sizeof escaped);
    job->unwritable = printf ("%s\t%" PRIu64 "\n", escaped, next) < 0;
    return job->unwritable ? 1 : 0;
}

int
zseq_cli_list (zseq_cli_job_t *job)
{
    const char *prefix = job->arguments > 0 ? job->argument[0] : "";
    int rc = zseq_client_list (job->client, prefix, s_list_item, job);
    if (job->unwritable)
        return zseq_cli_unwritable ();
    return rc == ZSEQ_OK ? ZSEQ_CLI_DONE : zseq_cli_failed (job, rc);
}
