//  zseq: the command line of the client library.
//
//  Reads the options, finds the command (zseq_cli_commands), makes the client
//  and runs it. Output goes to stdout and is only what was asked for;
//  everything else goes to stderr.

#include <assert.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zseq_cli_commands.h"
#include "zseq_cli_output.h"
#include "zseq_cli_texts.h"

//  One option. Returns false when its value is wrong, having said so.
static bool
s_option (zseq_cli_job_t *job, int letter, const char *value)
{
    size_t used = strlen (job->given);
    if (!strchr (job->given, letter) && used + 1 < sizeof job->given)
        job->given[used] = (char) letter;
    switch (letter) {
    case 'u':
        job->uri = value;
        return true;
    case 't':
        return zseq_cli_number (job, "--timeout", value, 1, ZSEQ_TIMEOUT_MS_MAX,
                                &job->timeout_ms);
    case 'n':
        return zseq_cli_number (job, "--count", value, 1, ZSEQ_ID_MAX,
                                &job->count);
    case 'b':
        if (strcmp (value, "auto") == 0) {
            job->batch = ZSEQ_BATCH_AUTO;
            return true;
        }
        return zseq_cli_number (job, "--batch", value, 1, ZSEQ_COUNT_MAX,
                                &job->batch);
    case 'd':
        return zseq_cli_number (job, "--delay", value, 0, ZSEQ_TIMEOUT_MS_MAX,
                                &job->delay_ms);
    case 'w':
        job->json = strcmp (value, "json") == 0;
        job->raw = strcmp (value, "raw") == 0;
        if (!job->json && !job->raw && strcmp (value, "table") != 0) {
            zseq_cli_misused (job, ZSEQ_TEXT_CLI_WRITE_OUT, value);
            return false;
        }
        return true;
    case 's':
        job->stale = true;
        return true;
    case 'i':
        return zseq_cli_number (job, "--if", value, 0, ZSEQ_ID_MAX,
                                &job->expected);
    case 'A':
        return zseq_cli_number (job, "--after", value, 0, ZSEQ_ID_MAX,
                                &job->after);
    case 'v':
        job->values = true;
        return true;
    case 'o':
        job->output = value;
        return true;
    case 'a':
        return zseq_cli_number (job, "--add", value, 1, ZSEQ_ID_MAX, &job->add);
    case 'p':
        job->partial = true;
        return true;
    case 'r':
        job->replace = true;
        return true;
    case 'h':
        job->help = true;
        return true;
    default:
        assert (letter == 'V');
        job->version = true;
        return true;
    }
}

//  Reads the options, which may stand anywhere, and moves the rest behind
//  them. Returns false when the command line is wrong, having said so.
static bool
s_options (zseq_cli_job_t *job, int argc, char **argv)
{
    static const struct option options[] = {
      {"uri", required_argument, NULL, 'u'},
      {"timeout", required_argument, NULL, 't'},
      {"count", required_argument, NULL, 'n'},
      {"batch", required_argument, NULL, 'b'},
      {"delay", required_argument, NULL, 'd'},
      {"write-out", required_argument, NULL, 'w'},
      {"output", required_argument, NULL, 'o'},
      {"add", required_argument, NULL, 'a'},
      {"partial", no_argument, NULL, 'p'},
      {"replace", no_argument, NULL, 'r'},
      {"stale", no_argument, NULL, 's'},
      {"if", required_argument, NULL, 'i'},
      {"values", no_argument, NULL, 'v'},
      {"after", required_argument, NULL, 'A'},
      {"help", no_argument, NULL, 'h'},
      {"version", no_argument, NULL, 'V'},
      {NULL, 0, NULL, 0},
    };
    opterr = 0;
    int letter;
    while ((letter = getopt_long (argc, argv, ":u:t:n:b:d:w:o:a:i:A:prvshV",
                                  options, NULL)) != -1) {
        if (letter == ':') {
            zseq_cli_misused (job, ZSEQ_TEXT_CLI_OPTION_VALUE,
                              argv[optind - 1]);
            return false;
        }
        if (letter == '?' && optopt && !strchr ("prvshV", optopt)) {
            bool digit = optopt >= '0' && optopt <= '9';
            zseq_cli_misused (job, ZSEQ_TEXT_CLI_OPTION_LETTER, optopt,
                              digit ? ZSEQ_TEXT_CLI_NO_SIGN : "");
            return false;
        }
        if (letter == '?') {
            zseq_cli_misused (job, ZSEQ_TEXT_CLI_OPTION_UNKNOWN,
                              argv[optind - 1]);
            return false;
        }
        if (!s_option (job, letter, optarg))
            return false;
    }
    job->argument = argv + optind;
    job->arguments = argc - optind;
    return true;
}

//  Finds the command and checks what was given against what it takes.
static bool
s_choose (zseq_cli_job_t *job)
{
    const char *name = job->argument[0];
    job->command = zseq_cli_find (name);
    if (!job->command) {
        zseq_cli_misused (job, ZSEQ_TEXT_CLI_COMMAND_UNKNOWN, name);
        return false;
    }
    job->argument++;
    job->arguments--;
    if (job->help)
        return true;
    for (const char *letter = job->given; *letter; letter++)
        if (!strchr ("ut", *letter) &&
            !strchr (job->command->options, *letter)) {
            zseq_cli_misused (job, ZSEQ_TEXT_CLI_OPTION_OF_COMMAND, name,
                              *letter);
            return false;
        }
    if (strchr (job->given, 'w') && !job->json &&
        job->raw != (job->command->run == zseq_cli_kv)) {
        zseq_cli_misused (job, ZSEQ_TEXT_CLI_WRITES, name,
                          job->raw ? "table" : "raw");
        return false;
    }
    if (job->arguments < job->command->arguments_min ||
        job->arguments > job->command->arguments_max) {
        zseq_cli_misused (job, ZSEQ_TEXT_CLI_ARGUMENTS,
                          job->arguments < job->command->arguments_min
                            ? ZSEQ_TEXT_CLI_TOO_FEW
                            : ZSEQ_TEXT_CLI_TOO_MANY,
                          name, job->command->usage);
        return false;
    }
    return true;
}

//  Makes the client and runs the command.
static int
s_run (zseq_cli_job_t *job)
{
    char own[ZSEQ_CLI_TEXT_MAX];
    if (!job->uri)
        job->uri = getenv ("ZSEQ_URI");
    bool none = !job->uri || !*job->uri;
    //  No more is needed than how an ID is laid out.
    if (job->command->run == zseq_cli_flake &&
        (none || strncmp (job->uri, "flake", 5)))
        job->uri = "flake:0";
    else if (none && !zseq_cli_private_uri (job, own, sizeof own))
        return ZSEQ_CLI_MISUSED;
    else if (none)
        job->uri = own;
    job->client = zseq_client_new (job->uri);
    if (!job->client)
        return zseq_cli_failed (job, zseq_errno ());
    int status;
    int rc = ZSEQ_OK;
    if (job->timeout_ms)
        rc = zseq_client_set_timeout (job->client, (int) job->timeout_ms);
    if (rc == ZSEQ_OK)
        status = job->command->run (job);
    else
        status = zseq_cli_failed (job, rc);
    zseq_client_destroy (&job->client);
    if (status == ZSEQ_CLI_DONE)
        return zseq_cli_flush ();
    //  IDs that were handed out before the failure are good.
    (void) fflush (stdout);
    return status;
}

//  A standard descriptor that is closed would become one of our sockets, and
//  IDs would be printed into it. Writing to this stdout fails, as it should.
static void
s_hold_descriptors (void)
{
    for (int descriptor = 0; descriptor < 3; descriptor++)
        if (fcntl (descriptor, F_GETFD) < 0)
            (void) open ("/dev/null", descriptor == 1 ? O_RDONLY : O_RDWR);
}

int
main (int argc, char **argv)
{
    s_hold_descriptors ();
    //  A closed pipe is an error of the write, which then ends us tidily.
    signal (SIGPIPE, SIG_IGN);
    //  So is a file that may not grow (ulimit -f).
    signal (SIGXFSZ, SIG_IGN);

    zseq_cli_job_t job = {0};
    if (!s_options (&job, argc, argv))
        return ZSEQ_CLI_MISUSED;
    if (job.version)
        return zseq_cli_version ();
    if (job.arguments == 0) {
        if (job.help)
            return zseq_cli_help (NULL);
        return zseq_cli_misused (&job, ZSEQ_TEXT_CLI_NO_COMMAND);
    }
    if (!s_choose (&job))
        return ZSEQ_CLI_MISUSED;
    if (job.help)
        return zseq_cli_help (job.command);
    return s_run (&job);
}
