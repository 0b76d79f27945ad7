//  zseq kv watch: a line for each version of a key, written as it comes, until
//  SIGINT, SIGTERM or the end of the reader.

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "zseq_cli_kv.h"
#include "zseq_cli_output.h"
#include "zseq_text.h"

typedef struct {
    zseq_cli_job_t *job;
    zseq_kv_t *kv;
    uint64_t after;
    sigset_t mask;  //  While waiting
    zseq_ended_t ended;
    char value[ZSEQ_VALUE_MAX];
} s_watch_t;

static void
s_stop (int number)
{
    (void) number;  //  Both signals mean the same.
    zseq_cli_stopped = 1;
}

//  The signals come while we wait, and at no other time.
static void
s_catch (s_watch_t *self)
{
    struct sigaction action = {.sa_handler = s_stop};
    sigset_t caught;
    sigemptyset (&action.sa_mask);
    action.sa_flags = (int) SA_RESETHAND;
    sigemptyset (&caught);
    sigaddset (&caught, SIGINT);
    sigaddset (&caught, SIGTERM);
    sigprocmask (SIG_BLOCK, &caught, &self->mask);
    sigaction (SIGINT, &action, NULL);
    sigaction (SIGTERM, &action, NULL);
}

//  Waits for a version. False: a signal came before; or the call was not even
//  started, with rc set.
static bool
s_wait (s_watch_t *self, int *rc_p)
{
    const char *key = self->job->argument[0];
    struct pollfd fd = {.fd = zseq_client_fd (self->job->client),
                        .events = POLLIN};
    *rc_p = fd.fd < 0
              ? zseq_errno ()
              : zseq_start_kv_watch (self->kv, key, strlen (key), self->after,
                                     self->value, sizeof self->value, 0);
    if (*rc_p != ZSEQ_OK)
        return false;
    while (!zseq_cli_stopped)
        if (ppoll (&fd, 1, NULL, &self->mask) > 0 &&
            zseq_client_collect (self->job->client, &self->ended, 1) == 1)
            return true;
    return false;
}

static int
s_print_json (const s_watch_t *self, bool deleted)
{
    json_t *json = json_object ();
    const char *key = self->job->argument[0];
    if (json) {
        zseq_cli_json_bytes (json, "key", key, strlen (key));
        json_object_set_new (json, "version",
                             zseq_cli_json_number (self->ended.value));
        if (deleted)
            json_object_set_new (json, "deleted", json_true ());
        else
            zseq_cli_json_bytes (json, "value", self->value, self->ended.size);
    }
    return zseq_cli_print_json_line (json, "\n");
}

//  Prints what the watch has got: of a deletion, only the version.
static int
s_print (const s_watch_t *self)
{
    static char value[4 * ZSEQ_VALUE_MAX + 1];
    bool deleted = self->ended.rc == ZSEQ_ENOKEY;
    size_t size = deleted ? 0 : self->ended.size;
    if (self->job->json) {
        int status = s_print_json (self, deleted);
        return status == ZSEQ_CLI_DONE ? zseq_cli_flush () : status;
    }
    zseq_text_escape_bytes (self->value, size, value, sizeof value);
    return printf ("%" PRIu64 "%s%s\n", self->ended.value, deleted ? "" : "\t",
                   value) < 0
             ? zseq_cli_unwritable ()
             : zseq_cli_flush ();
}

//  Without -t, no version is no failure.
static bool
s_goes_on (const s_watch_t *self)
{
    return self->ended.rc == ZSEQ_ETIMEOUT && !strchr (self->job->given, 't');
}

int
zseq_cli_kv_watch (zseq_cli_job_t *job, zseq_kv_t *kv)
{
    static s_watch_t self;
    self.job = job;
    self.kv = kv;
    self.after = job->after;
    s_catch (&self);
    int status = ZSEQ_CLI_DONE;
    for (uint64_t count = 0;
         status == ZSEQ_CLI_DONE && (job->count == 0 || count < job->count);) {
        int rc;
        if (!s_wait (&self, &rc))
            return rc == ZSEQ_OK ? ZSEQ_CLI_DONE : zseq_cli_failed (job, rc);
        if (s_goes_on (&self))
            continue;
        rc = self.ended.rc;
        if (rc != ZSEQ_OK && rc != ZSEQ_ENOKEY)
            return zseq_cli_ended (job, &self.ended);
        status = s_print (&self);
        self.after = self.ended.value;
        count++;
    }
    return status;
}
