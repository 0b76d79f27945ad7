//  zseq: the command line of the client library.
//
//  Every command is one row of s_commands. Output goes to stdout and is only
//  what was asked for; everything else goes to stderr.

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "zseq_cli_job.h"
#include "zseq_text.h"

//  IDs that "next -n" takes at a time when no batch is given.
#define S_CHUNK_MAX 4096

static void
s_stop (int number)
{
    (void) number;  //  Both signals mean the same.
    zseq_cli_stopped = 1;
}

//  Output.

static int
s_flush (void)
{
    return fflush (stdout) == 0 ? ZSEQ_CLI_DONE : zseq_cli_unwritable ();
}

static int
s_print_id (uint64_t id)
{
    return printf ("%" PRIu64 "\n", id) < 0 ? zseq_cli_unwritable ()
                                            : ZSEQ_CLI_DONE;
}

//  Prints and frees it; null: there was no memory for it.
static int
s_print_json (json_t *json)
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

//  Commands.

//  Makes the handle that the job's first argument names. On failure it is
//  null and the reason has been told.
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
        int status = s_print_id (id);
        if (status != ZSEQ_CLI_DONE)
            return status;
    }
    return ZSEQ_CLI_DONE;
}

static int
s_next (zseq_cli_job_t *job)
{
    int status = ZSEQ_CLI_DONE;
    zseq_t *seq = s_open (job, &status);
    if (!seq)
        return status;
    if (job->count == 0)
        job->count = 1;
    status = job->batch ? s_next_batches (job, seq) : s_next_claims (job, seq);
    zseq_destroy (&seq);
    return status;
}

static int
s_range (zseq_cli_job_t *job)
{
    uint64_t count;
    if (!zseq_cli_number (job, "count", job->argument[1], 1, ZSEQ_COUNT_MAX,
                          &count))
        return ZSEQ_CLI_MISUSED;
    int status = ZSEQ_CLI_DONE;
    zseq_t *seq = s_open (job, &status);
    if (!seq)
        return status;
    uint64_t first;
    int rc = zseq_next_range (seq, count, &first);
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
        int status = s_print_id (id);
        if (status == ZSEQ_CLI_DONE)
            status = s_flush ();
        if (status != ZSEQ_CLI_DONE)
            return status;
    }
    return ZSEQ_CLI_DONE;
}

//  The first signal ends the stream after the ID under way, the second ends
//  the process: a call may wait until its deadline.
static int
s_stream (zseq_cli_job_t *job)
{
    struct sigaction action = {.sa_handler = s_stop};
    sigemptyset (&action.sa_mask);
    action.sa_flags = (int) SA_RESETHAND;
    sigaction (SIGINT, &action, NULL);
    sigaction (SIGTERM, &action, NULL);

    int status = ZSEQ_CLI_DONE;
    zseq_t *seq = s_open (job, &status);
    if (!seq)
        return status;
    status = s_stream_ids (job, seq);
    zseq_destroy (&seq);
    return status;
}

static int
s_peek (zseq_cli_job_t *job)
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

static int
s_raise (zseq_cli_job_t *job)
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

static int
s_list (zseq_cli_job_t *job)
{
    const char *prefix = job->arguments > 0 ? job->argument[0] : "";
    int rc = zseq_client_list (job->client, prefix, s_list_item, job);
    if (job->unwritable)
        return zseq_cli_unwritable ();
    return rc == ZSEQ_OK ? ZSEQ_CLI_DONE : zseq_cli_failed (job, rc);
}

//  What an ID is made of.

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
    return s_print_json (json);
}

static int
s_flake (zseq_cli_job_t *job)
{
    uint64_t id;
    if (strcmp (job->argument[0], "decode") != 0)
        return zseq_cli_misused (job, "flake %s is not flake decode",
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

#define COLUMNS 8  //  Of status

typedef struct {
    char cell[COLUMNS][4 * ZSEQ_ENDPOINT_MAX + 1];
} s_row_t;

static void
s_status_row (const zseq_node_status_t *node, s_row_t *row)
{
    size_t size = sizeof row->cell[0];
    zseq_text_escape (node->name, row->cell[0], size);
    zseq_text_escape (node->endpoint, row->cell[1], size);
    if (!node->reachable) {
        (void) snprintf (row->cell[2], size, "unreachable");
        for (size_t index = 3; index < COLUMNS; index++)
            (void) snprintf (row->cell[index], size, "-");
        return;
    }
    zseq_text_escape (node->voting ? "voting" : node->state, row->cell[2],
                      size);
    (void) snprintf (row->cell[3], size, "%" PRIu64, node->incarnation);
    (void) snprintf (row->cell[4], size, "%" PRIu64, node->sequences);
    (void) snprintf (row->cell[5], size, "%" PRIu64, node->burnt);
    (void) snprintf (row->cell[6], size, "%" PRIu64, node->version);
    (void) snprintf (row->cell[7], size, "%" PRIu64 " us", node->rtt_us);
}

static int
s_status_table (const zseq_status_t *status)
{
    static s_row_t row[1 + ZSEQ_NODES_MAX] = {
      {{"NODE", "ENDPOINT", "STATE", "INCARNATION", "SEQUENCES", "BURNT",
        "VERSION", "ROUND TRIP"}},
    };
    int width[COLUMNS] = {0};
    for (size_t node = 0; node < status->nodes; node++)
        s_status_row (&status->node[node], &row[1 + node]);
    for (size_t line = 0; line < 1 + status->nodes; line++)
        for (size_t index = 0; index < COLUMNS; index++) {
            int size = (int) strlen (row[line].cell[index]);
            if (width[index] < size)
                width[index] = size;
        }
    char cluster[4 * ZSEQ_LABEL_MAX + 1];
    zseq_text_escape (status->cluster, cluster, sizeof cluster);
    char identity[32] = "not born yet";
    if (status->identity)
        (void) snprintf (identity, sizeof identity, "identity %016" PRIx64,
                         status->identity);
    if (printf ("cluster %s, %s, N %zu, R %zu, W %zu\n", cluster, identity,
                status->nodes, status->r, status->w) < 0)
        return zseq_cli_unwritable ();
    for (size_t line = 0; line < 1 + status->nodes; line++)
        for (size_t index = 0; index < COLUMNS; index++) {
            bool last = index + 1 == COLUMNS;
            if (printf ("%-*s%s", last ? 0 : width[index],
                        row[line].cell[index], last ? "\n" : "  ") < 0)
                return zseq_cli_unwritable ();
        }
    return ZSEQ_CLI_DONE;
}

//  Numbers of 64 bits are strings, since many readers keep 53 bits.
static json_t *
s_status_node (const zseq_node_status_t *node)
{
    s_row_t row;
    s_status_row (node, &row);
    json_t *json = json_pack (
      "{s:s, s:s, s:b, s:b, s:s, s:n, s:n, s:n, s:n, s:n}", "name", row.cell[0],
      "endpoint", row.cell[1], "reachable", node->reachable, "voting",
      node->reachable && node->voting, "state", row.cell[2], "incarnation",
      "sequences", "burnt", "version", "rtt_us");
    if (json && node->reachable) {
        json_object_set_new (json, "incarnation", json_string (row.cell[3]));
        json_object_set_new (json, "sequences", json_string (row.cell[4]));
        json_object_set_new (json, "burnt", json_string (row.cell[5]));
        json_object_set_new (json, "version",
                             json_integer ((json_int_t) node->version));
        json_object_set_new (json, "rtt_us",
                             json_integer ((json_int_t) node->rtt_us));
    }
    return json;
}

static int
s_status_json (const zseq_status_t *status)
{
    char cluster[4 * ZSEQ_LABEL_MAX + 1];
    char identity[17];
    zseq_text_escape (status->cluster, cluster, sizeof cluster);
    (void) snprintf (identity, sizeof identity, "%016" PRIx64,
                     status->identity);
    json_t *nodes = json_array ();
    for (size_t node = 0; node < status->nodes; node++)
        json_array_append_new (nodes, s_status_node (&status->node[node]));
    json_t *json = json_pack (
      "{s:s, s:s?, s:I, s:I, s:I, s:o}", "cluster", cluster, "identity",
      status->identity ? identity : NULL, "n", (json_int_t) status->nodes, "r",
      (json_int_t) status->r, "w", (json_int_t) status->w, "nodes", nodes);
    return s_print_json (json);
}

static int
s_status (zseq_cli_job_t *job)
{
    zseq_status_t status;
    int rc = zseq_client_status (job->client, &status);
    if (rc != ZSEQ_OK)
        return zseq_cli_failed (job, rc);
    return job->json ? s_status_json (&status) : s_status_table (&status);
}

static const zseq_cli_command_t s_commands[] = {
  {"next", "next NAME [-n COUNT] [--batch B]",
   "Prints the next ID of sequence NAME, or the next COUNT IDs, one per\n"
   "line. Without --batch they come in ranges of what is wanted, and nothing\n"
   "is burnt.\n"
   "\n"
   "  -n, --count COUNT   how many IDs (1)\n"
   "  -b, --batch B       take B IDs at a time, or (auto) as many as their "
   "rate\n"
   "                      suggests; those left over are burnt\n",
   "nb", 1, 1, s_next},
  {"range", "range NAME COUNT",
   "Takes COUNT consecutive IDs of sequence NAME, 1 to 4294967296, and\n"
   "prints the first and the last on one line.\n",
   "", 2, 2, s_range},
  {"stream", "stream NAME [--batch B] [--delay MS] [-n COUNT]",
   "Prints IDs of sequence NAME, one per line, until COUNT of them, or until\n"
   "SIGINT, SIGTERM or the end of the reader.\n"
   "\n"
   "  -n, --count COUNT   how many IDs (no end)\n"
   "  -b, --batch B       take B IDs at a time, or (auto) as many as their "
   "rate\n"
   "                      suggests; those left over are burnt\n"
   "  -d, --delay MS      wait between two IDs\n",
   "nbd", 1, 1, s_stream},
  {"peek", "peek NAME",
   "Prints the lowest ID of sequence NAME that was never claimed. Takes\n"
   "nothing.\n",
   "", 1, 1, s_peek},
  {"raise", "raise NAME ID",
   "Makes sure that sequence NAME hands out nothing below ID from now on, 1\n"
   "to 9223372036854775808, which ends it. Never goes back.\n",
   "", 2, 2, s_raise},
  {"list", "list [PREFIX]",
   "Prints the sequences whose names begin with PREFIX: name, tab, next ID.\n"
   "In a name, control characters, bytes that are not UTF-8 and the\n"
   "backslash are printed as \\xHH.\n",
   "", 0, 1, s_list},
  {"status", "status [-w table|json]",
   "Asks every node of the cluster how it is.\n"
   "\n"
   "  -w, --write-out F   table or json (table)\n",
   "w", 0, 0, s_status},
  {"export", "export [PREFIX] [-o FILE]",
   "Writes out the sequences whose names begin with PREFIX and their next "
   "IDs,\n"
   "for import: once nobody takes IDs there any more, 'zseq -u FROM export |\n"
   "zseq -u TO import' moves them.\n"
   "\n"
   "  -o, --output FILE   write to FILE, which appears when it is complete\n",
   "o", 0, 1, zseq_cli_export},
  {"import", "import [FILE] [--add COUNT] [--partial]",
   "Raises sequences to where they stood elsewhere, as FILE or the standard\n"
   "input says, which export has written; it may be repeated. Nothing is done\n"
   "unless the export is complete and undamaged. Prints how many there were,\n"
   "how many were raised, and how many were as high already.\n"
   "\n"
   "  -a, --add COUNT     raise each by COUNT more, since IDs may have been\n"
   "                      taken after the export\n"
   "  -p, --partial       take the complete lines of an export that was cut "
   "off\n"
   "                      or edited, or of what list prints: you know what is\n"
   "                      missing, and that its IDs would repeat\n",
   "ap", 0, 1, zseq_cli_import},
  {"flake", "flake decode ID [-w table|json]",
   "Prints the time, worker and sequence number that a flake ID is made of.\n"
   "Other layouts than the usual one are told by -u, as in\n"
   "-u 'flake:0?bits=41/10/12&epoch=1735689600000'.\n"
   "\n"
   "  -w, --write-out F   table or json (table)\n",
   "w", 2, 2, s_flake},
};

#define S_COMMANDS (sizeof s_commands / sizeof s_commands[0])

static const char s_common_help[] =
  "  -u, --uri URI       where IDs come from ($ZSEQ_URI, else a directory of\n"
  "                      the user's, file:$XDG_STATE_HOME/zseq): a cluster\n"
  "                      tcp://HOST:PORT,..., a directory file:DIR, clocks\n"
  "                      flake:WORKER or flake+tcp://..., or mem:\n"
  "  -t, --timeout MS    how long one request may take (5000)\n"
  "  -h, --help          this text, also of each command\n";

static int
s_help (const zseq_cli_command_t *command)
{
    if (command) {
        printf ("usage: zseq [-u URI] [-t MS] %s\n\n%s%s%s", command->usage,
                command->help, command->options[0] ? "" : "\n", s_common_help);
        return s_flush ();
    }
    printf (
      "usage: zseq [-u URI] [-t MS] COMMAND ...\n\n"
      "Strictly increasing 64-bit IDs, from a cluster or without one.\n\n");
    for (size_t index = 0; index < S_COMMANDS; index++)
        printf ("  zseq %s\n", s_commands[index].usage);
    printf ("\n%s  -V, --version       the library's version\n"
            "\nA name that begins with '-' goes behind '--'. Exit codes: 0, "
            "1 bad use,\n2 unavailable, timed out or refused by the "
            "cluster.\n",
            s_common_help);
    return s_flush ();
}

static int
s_version (void)
{
    int major;
    int minor;
    int patch;
    zseq_version (&major, &minor, &patch);
    printf ("zseq %d.%d.%d\n", major, minor, patch);
    return s_flush ();
}

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
        if (!job->json && strcmp (value, "table") != 0) {
            zseq_cli_misused (job, "--write-out '%s' is neither table nor json",
                              value);
            return false;
        }
        return true;
    case 'o':
        job->output = value;
        return true;
    case 'a':
        return zseq_cli_number (job, "--add", value, 1, ZSEQ_ID_MAX, &job->add);
    case 'p':
        job->partial = true;
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
      {"help", no_argument, NULL, 'h'},
      {"version", no_argument, NULL, 'V'},
      {NULL, 0, NULL, 0},
    };
    opterr = 0;
    int letter;
    while ((letter = getopt_long (argc, argv, ":u:t:n:b:d:w:o:a:phV", options,
                                  NULL)) != -1) {
        if (letter == ':') {
            zseq_cli_misused (job, "option '%s' needs a value",
                              argv[optind - 1]);
            return false;
        }
        if (letter == '?' && optopt && !strchr ("phV", optopt)) {
            bool digit = optopt >= '0' && optopt <= '9';
            zseq_cli_misused (job, "unknown option '-%c'%s", optopt,
                              digit ? " (a number has no sign)" : "");
            return false;
        }
        if (letter == '?') {
            zseq_cli_misused (job, "unknown option '%s'", argv[optind - 1]);
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
    for (size_t index = 0; index < S_COMMANDS; index++)
        if (strcmp (s_commands[index].name, name) == 0)
            job->command = &s_commands[index];
    if (!job->command) {
        zseq_cli_misused (job, "unknown command '%s'", name);
        return false;
    }
    job->argument++;
    job->arguments--;
    if (job->help)
        return true;
    for (const char *letter = job->given; *letter; letter++)
        if (!strchr ("ut", *letter) &&
            !strchr (job->command->options, *letter)) {
            zseq_cli_misused (job, "%s takes no option -%c", name, *letter);
            return false;
        }
    if (job->arguments < job->command->arguments_min ||
        job->arguments > job->command->arguments_max) {
        zseq_cli_misused (
          job, "%s arguments for %s: usage is zseq %s",
          job->arguments < job->command->arguments_min ? "too few" : "too many",
          name, job->command->usage);
        return false;
    }
    return true;
}

//  The user's own directory (XDG Base Directory Specification 0.8), whose
//  parents are made. False: there is none, which was told.
static bool
s_own_uri (const zseq_cli_job_t *job, char *uri, size_t size)
{
    const char *state = getenv ("XDG_STATE_HOME");
    const char *home = getenv ("HOME");
    bool given = state && *state == '/';
    if (!given && (!home || *home != '/')) {
        zseq_cli_misused (job,
                          "nothing says where IDs come from: neither -u nor "
                          "ZSEQ_URI, and there is no $HOME for a directory");
        return false;
    }
    int length = snprintf (uri, size, "file:%s%s/zseq", given ? state : home,
                           given ? "" : "/.local/state");
    if (length < 0 || (size_t) length >= size || strchr (uri, '?')) {
        zseq_cli_misused (job,
                          "the user's directory '%s' cannot be used: give -u",
                          given ? state : home);
        return false;
    }
    char *path = uri + strlen ("file:");
    for (char *slash = strchr (path + 1, '/'); slash;
         slash = strchr (slash + 1, '/')) {
        *slash = '\0';
        bool made = mkdir (path, 0700) == 0 || errno == EEXIST;
        if (!made)
            zseq_cli_misused (job, "cannot make the directory %s: %s", path,
                              strerror (errno));
        *slash = '/';
        if (!made)
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
    if (job->command->run == s_flake &&
        (none || strncmp (job->uri, "flake", 5)))
        job->uri = "flake:0";
    else if (none && !s_own_uri (job, own, sizeof own))
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
        return s_flush ();
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
        return s_version ();
    if (job.arguments == 0) {
        if (job.help)
            return s_help (NULL);
        return zseq_cli_misused (&job, "no command given");
    }
    if (!s_choose (&job))
        return ZSEQ_CLI_MISUSED;
    if (job.help)
        return s_help (job.command);
    return s_run (&job);
}
