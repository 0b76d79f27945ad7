//  Standard output, checked: an ID that was not written must not pass as given.

#include "zseq_cli_output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "zseq_cli_job.h"

//  A closed pipe needs no words: the reader has seen enough. An interrupted
//  write is the end of a stream.
int
zseq_cli_unwritable (void)
{
    if (errno == EINTR && zseq_cli_stopped)
        return ZSEQ_CLI_DONE;
    if (errno != EPIPE)
        fprintf (stderr, "zseq: cannot write to standard output: %s%s\n",
                 strerror (errno),
                 zseq_cli_took ? "; what was not printed is burnt" : "");
    return ZSEQ_CLI_MISUSED;
}

int
zseq_cli_flush (void)
{
    return fflush (stdout) == 0 ? ZSEQ_CLI_DONE : zseq_cli_unwritable ();
}

int
zseq_cli_print_json (json_t *json)
{
    if (!json) {
        fprintf (stderr, "zseq: %s\n", zseq_strerror (ZSEQ_ENOMEM));
        return ZSEQ_CLI_FAILED;
    }
    int result = ZSEQ_CLI_DONE;
    if (json_dumpf (json, stdout, JSON_INDENT (2)) < 0 || puts ("") < 0)
        result = zseq_cli_unwritable ();
    json_decref (json);
    return result;
}
