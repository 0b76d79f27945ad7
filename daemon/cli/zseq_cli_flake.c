//  zseq flake decode: what an ID is made of.

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "zseq_cli_commands.h"
#include "zseq_cli_output.h"
#include "zseq_cli_texts.h"

static int
s_decode_json (uint64_t id, const char *time, uint64_t unix_ms, uint32_t worker,
               uint32_t sequence)
{
    char text[2][32];
    (void) snprintf (text[0], sizeof text[0], "%" PRIu64, id);
    (void) snprintf (text[1], sizeof text[1], "%" PRIu64, unix_ms);
    json_t *json =
      json_pack ("{s:s, s:s, s:s, s:I, s:I}", "id", text[0], "time", time,
                 "unix_ms", text[1], "worker", (json_int_t) worker, "sequence",
                 (json_int_t) sequence);
    return zseq_cli_print_json (json);
}

int
zseq_cli_flake (zseq_cli_job_t *job)
{
    uint64_t id;
    if (strcmp (job->argument[0], "decode") != 0)
        return zseq_cli_misused (job, ZSEQ_TEXT_FLAKE_NOT_DECODE,
                                 job->argument[0]);
    if (!zseq_cli_number (job, "ID", job->argument[1], 1, ZSEQ_ID_MAX, &id))
        return ZSEQ_CLI_MISUSED;
    uint64_t unix_ms;
    uint32_t worker;
    uint32_t sequence;
    int rc = zseq_client_decode (job->client, id, &unix_ms, &worker, &sequence);
    if (rc != ZSEQ_OK)
        return zseq_cli_failed (job, rc);
    time_t seconds = (time_t) (unix_ms / 1000);
    struct tm parts;
    char day[64] = "";
    if (gmtime_r (&seconds, &parts))
        (void) strftime (day, sizeof day, "%Y-%m-%dT%H:%M:%S", &parts);
    char time[96];
    (void) snprintf (time, sizeof time, "%s.%03uZ", day,
                     (unsigned int) (unix_ms % 1000));
    if (job->json)
        return s_decode_json (id, time, unix_ms, worker, sequence);
    if (printf ("%s worker %" PRIu32 " sequence %" PRIu32 "\n", time, worker,
                sequence) < 0)
        return zseq_cli_unwritable ();
    return ZSEQ_CLI_DONE;
}
