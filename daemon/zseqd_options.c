//  The options of zseqd, their checks, and the help.

#include "zseqd_options.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zseq_host.h"
#include "zseqd_log.h"
#include "zseqd_texts.h"

#define RESERVE_S_MAX 60.0
#define SCRUB_DAYS_MAX 365.0
#define WAIT_S_DEFAULT 10
#define CONNECTIONS_MAX 1048576
#define MEMORY_MAX_MIB_DEFAULT 512

static const struct option s_options[] = {
  {"data", required_argument, NULL, ZSEQD_DATA},
  {"name", required_argument, NULL, ZSEQD_NAME},
  {"cluster", required_argument, NULL, ZSEQD_CLUSTER},
  {"members", required_argument, NULL, ZSEQD_MEMBERS},
  {"bind", required_argument, NULL, ZSEQD_BIND},
  {"transport", required_argument, NULL, ZSEQD_TRANSPORT},
  {"names-max", required_argument, NULL, ZSEQD_NAMES_MAX},
  {"memory-max", required_argument, NULL, ZSEQD_MEMORY_MAX},
  {"kv-memory", required_argument, NULL, ZSEQD_KV_MEMORY},
  {"connections-max", required_argument, NULL, ZSEQD_CONNECTIONS_MAX},
  {"connections-per-source", required_argument, NULL, ZSEQD_SOURCE_MAX},
  {"reserve", required_argument, NULL, ZSEQD_RESERVE},
  {"scrub", required_argument, NULL, ZSEQD_SCRUB},
  {"insecure", no_argument, NULL, ZSEQD_INSECURE},
  {"unsafe-filesystem", no_argument, NULL, ZSEQD_UNSAFE},
  {"core-dumps", no_argument, NULL, ZSEQD_CORES},
  {"force", no_argument, NULL, ZSEQD_FORCE},
  {"floor", required_argument, NULL, ZSEQD_FLOOR},
  {"lost", required_argument, NULL, ZSEQD_LOST},
  {"wait", required_argument, NULL, ZSEQD_WAIT},
  {"help", no_argument, NULL, 'h'},
  {"log-level", required_argument, NULL, ZSEQD_LOG_LEVEL},
  {"log-format", required_argument, NULL, ZSEQD_LOG_FORMAT},
  {NULL, 0, NULL, 0},
};

const char zseqd_usage[] =
  "usage: zseqd format  --data DIR --name NODE --cluster NAME --members LIST\n"
  "       zseqd start   --data DIR [options]\n"
  "       zseqd recover --data DIR [options] [--force --floor ID]\n"
  "       zseqd verify  --data DIR\n"
  "       zseqd --help | --version\n"
  "\n"
  "format makes the directory of a new node, once, before its cluster's\n"
  "first start. start runs the node until SIGTERM or SIGINT; a directory that\n"
  "is empty or damaged is recovered from the peers first. In a cluster of "
  "three\n"
  "or more a node votes once peers have confirmed that its directory is not "
  "an\n"
  "old copy. recover does a recovery whatever state the directory is in, and\n"
  "ends when it is done. verify reads all of a directory that no node uses "
  "and\n"
  "changes nothing: exit status 0 if it is intact, 2 if it is damaged, 3 if a\n"
  "node uses it, 1 if it could not be told.\n"
  "\n"
  "  --data DIR         the node's directory\n"
  "  --name NODE        this node's name, one of the members'\n"
  "  --cluster NAME     the cluster's name\n"
  "  --members LIST     a=tcp://HOST:PORT,b=tcp://HOST:PORT,... 1 to 9\n"
  "                     members, the same list for every node\n"
  "  --bind ENDPOINT    bind elsewhere than the member list says\n"
  "  --transport KIND   what moves messages: zmq, which is libzmq, or native;\n"
  "                     each serves both ($ZSEQ_TRANSPORT, else zmq)\n"
  "  --names-max COUNT  sequences to hold at most (default 4000000)\n"
  "  --memory-max MIB   close all connections when the process has more "
  "memory\n"
  "                     than that, besides what sequences and keys take, as\n"
  "                     when messages come in faster than it takes them (64 "
  "to\n"
  "                     1048576, default 512)\n"
  "  --kv-memory MIB    keys and values to hold in memory at most: when they\n"
  "                     are full, keys can only be deleted or replaced by no\n"
  "                     more (1 to 1048576, default 1024)\n"
  "  --connections-max COUNT\n"
  "                     native: connections at the same time (1 to 1048576,\n"
  "                     default 16384)\n"
  "  --connections-per-source COUNT\n"
  "                     native: of these from one other host (default a "
  "quarter)\n"
  "  --reserve SECONDS  keep at most so many seconds' worth of IDs of a\n"
  "                     busy sequence reserved on disk, so that claims need\n"
  "                     no write each; a crash burns them (0 to 60, default\n"
  "                     1; 0: none)\n"
  "  --scrub DAYS       read back in so many days, slowly, all that is on "
  "disk,\n"
  "                     and write again what is not as it was (0 to 365, also\n"
  "                     fractions, default 1; 0: never)\n"
  "  --insecure         bind where other machines reach it, unprotected\n"
  "  --unsafe-filesystem\n"
  "                     let DIR be on a network or FUSE file system: if its\n"
  "                     locks do not hold for all that reach DIR, IDs come "
  "twice\n"
  "  --core-dumps       leave the limit of core dumps as it is (default: "
  "none)\n"
  "  --force            recover from fewer peers than are safe\n"
  "  --floor ID         with --force: no sequence goes on below this ID\n"
  "  --lost NODE,...    with --force: peers whose directories are gone for "
  "good\n"
  "  --wait SECONDS     with --force: for peers that are silent (default 10)\n"
  "  --log-level LEVEL  log what is as grave as that: error, warning, info\n"
  "                     (the default) or debug\n"
  "  --log-format FORMAT\n"
  "                     text (the default), or json: an object a line\n"
  "\n"
  "start and recover take --name, --cluster and --members too: they must "
  "agree\n"
  "with the directory's, though endpoints may have moved, and they are needed\n"
  "where the directory is empty or its node's record is damaged.\n";

int
zseqd_bad_use (const char *format, const char *text)
{
    fputs ("zseqd: ", stderr);
    fprintf (stderr, format, text);
    fputs (ZSEQ_TEXT_SEE_HELP, stderr);
    return 1;
}

static int
s_parse_number (const char *option, const char *text, uint64_t min,
                uint64_t max, uint64_t *value_p)
{
    errno = 0;
    char *end;
    unsigned long long value = strtoull (text, &end, 10);
    if (*text >= '0' && *text <= '9' && !*end && !errno && value >= min &&
        value <= max) {
        *value_p = value;
        return 0;
    }
    fprintf (stderr, ZSEQ_TEXT_OPTION_NUMBER, option, text, min, max);
    return 1;
}

//  Seconds with a fraction, in microseconds.
static int
s_parse_reserve (const char *text, uint64_t *reserve_us_p)
{
    char *end;
    double seconds = strtod (text, &end);
    if (*text < '0' || *text > '9' || *end || !(seconds <= RESERVE_S_MAX))
        return zseqd_bad_use (ZSEQ_TEXT_OPTION_RESERVE, text);
    *reserve_us_p = (uint64_t) (seconds * 1000000);
    return 0;
}

//  Days with a fraction, in microseconds.
static int
s_parse_scrub (const char *text, uint64_t *scrub_us_p)
{
    char *end;
    double days = strtod (text, &end);
    if (*text < '0' || *text > '9' || *end || !(days <= SCRUB_DAYS_MAX))
        return zseqd_bad_use (ZSEQ_TEXT_OPTION_SCRUB, text);
    *scrub_us_p = (uint64_t) (days * 86400000000);
    return 0;
}

static int
s_parse_log_level (const char *text, zseq_log_level_t *level_p)
{
    int level = zseqd_log_level (text);
    if (level < 0)
        return zseqd_bad_use (ZSEQ_TEXT_OPTION_LOG_LEVEL, text);
    *level_p = (zseq_log_level_t) level;
    return 0;
}

static int
s_parse_log_format (const char *text, bool *json_p)
{
    *json_p = !strcmp (text, "json");
    if (!*json_p && strcmp (text, "text"))
        return zseqd_bad_use (ZSEQ_TEXT_OPTION_LOG_FORMAT, text);
    return 0;
}

static int
s_parse_transport (const char *text, zseq_transport_kind_t *kind_p)
{
    *kind_p = zseq_transport_kind_find (text);
    if (*kind_p == ZSEQ_TRANSPORT_NONE)
        return zseqd_bad_use (ZSEQ_TEXT_OPTION_TRANSPORT, text);
    return 0;
}

//  An option whose value is a number: one that is not it is refused.
static int
s_read_number (zseqd_options_t *self, int option, const char *value)
{
    switch (option) {
    case ZSEQD_NAMES_MAX:
        return s_parse_number ("--names-max", value, 1, 1000000000,
                               &self->names_max);
    case ZSEQD_MEMORY_MAX:
        return s_parse_number ("--memory-max", value, 64, 1048576,
                               &self->memory_max_mib);
    case ZSEQD_KV_MEMORY:
        return s_parse_number ("--kv-memory", value, 1, 1048576,
                               &self->kv_memory_mib);
    case ZSEQD_CONNECTIONS_MAX:
        return s_parse_number ("--connections-max", value, 1, CONNECTIONS_MAX,
                               &self->connections_max);
    case ZSEQD_SOURCE_MAX:
        return s_parse_number ("--connections-per-source", value, 1,
                               CONNECTIONS_MAX, &self->source_max);
    case ZSEQD_RESERVE:
        return s_parse_reserve (value, &self->reserve_us);
    case ZSEQD_SCRUB:
        return s_parse_scrub (value, &self->scrub_us);
    case ZSEQD_FLOOR:
        return s_parse_number ("--floor", value, 1, ZSEQ_ID_MAX, &self->floor);
    default:
        assert (option == ZSEQD_WAIT);
        return s_parse_number ("--wait", value, 0, 3600, &self->wait_s);
    }
}

static int
s_read_option (zseqd_options_t *self, int option, const char *value)
{
    switch (option) {
    case ZSEQD_DATA:
        self->data = value;
        return 0;
    case ZSEQD_NAME:
        self->name = value;
        return 0;
    case ZSEQD_CLUSTER:
        self->cluster = value;
        return 0;
    case ZSEQD_MEMBERS:
        self->members = value;
        return 0;
    case ZSEQD_BIND:
        self->bind = value;
        return 0;
    case ZSEQD_TRANSPORT:
        return s_parse_transport (value, &self->transport);
    case ZSEQD_LOST:
        self->lost = value;
        return 0;
    case ZSEQD_INSECURE:
        self->insecure = true;
        return 0;
    case ZSEQD_UNSAFE:
        self->unsafe = true;
        return 0;
    case ZSEQD_CORES:
        self->cores = true;
        return 0;
    case ZSEQD_FORCE:
        self->force = true;
        return 0;
    case ZSEQD_LOG_LEVEL:
        return s_parse_log_level (value, &self->log_level);
    case ZSEQD_LOG_FORMAT:
        return s_parse_log_format (value, &self->log_json);
    default:
        return s_read_number (self, option, value);
    }
}

int
zseqd_options_read (zseqd_options_t *self, int argc, char **argv)
{
    assert (self);
    assert (argc > 0);

    *self = (zseqd_options_t){.names_max = ZSEQ_NAMES_MAX_DEFAULT,
                              .memory_max_mib = MEMORY_MAX_MIB_DEFAULT,
                              .kv_memory_mib = ZSEQ_KV_BYTES_MAX_DEFAULT >> 20,
                              .reserve_us = ZSEQ_RESERVE_US_DEFAULT,
                              .scrub_us = ZSEQ_SCRUB_US_DEFAULT,
                              .wait_s = WAIT_S_DEFAULT,
                              .log_level = ZSEQ_LOG_INFO};
    opterr = 0;
    int option;
    while ((option = getopt_long (argc, argv, "+:h", s_options, NULL)) != -1) {
        const char *given = argv[optind - 1];
        if (option == ':')
            return zseqd_bad_use (ZSEQ_TEXT_OPTION_VALUE, given);
        if (option == '?')
            return zseqd_bad_use (ZSEQ_TEXT_OPTION_UNKNOWN, given);
        if (option == 'h') {
            self->help = true;
            return 0;
        }
        if (s_read_option (self, option, optarg))
            return 1;
        self->given |= option;
    }
    if (optind < argc)
        return zseqd_bad_use (ZSEQ_TEXT_OPTION_UNEXPECTED, argv[optind]);
    if (!self->data || !*self->data)
        return zseqd_bad_use (ZSEQ_TEXT_OPTION_MISSING, "--data");
    return 0;
}
