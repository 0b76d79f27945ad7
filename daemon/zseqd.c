//  zseqd: a node of a zseq cluster. See lib/man/zseqd.8.

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "zseq_replica.h"
#include "zseq_server.h"
#include "zseq_store.h"
#include "zseqd_verify.h"

#define RESERVE_S_MAX 60.0
#define SCRUB_DAYS_MAX 365.0
#define WAIT_S_DEFAULT 10
#define MEMORY_MAX_MIB_DEFAULT 512

static const char s_usage[] =
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
  "  --names-max COUNT  sequences to hold at most (default 4000000)\n"
  "  --memory-max MIB   close all connections when the process has more "
  "memory\n"
  "                     than that, besides 1 KiB for each sequence, as when\n"
  "                     messages come in faster than it takes them (64 to\n"
  "                     1048576, default 512)\n"
  "  --reserve SECONDS  keep so many seconds' worth of IDs of a busy sequence\n"
  "                     reserved on disk, so that claims need no write each;\n"
  "                     a crash burns them (0 to 60, default 1; 0: none)\n"
  "  --scrub DAYS       read back in so many days, slowly, all that is on "
  "disk,\n"
  "                     and write again what is not as it was (0 to 365, also\n"
  "                     fractions, default 1; 0: never)\n"
  "  --insecure         bind where other machines reach it, unprotected\n"
  "  --unsafe-filesystem\n"
  "                     let DIR be on a network or FUSE file system: if its\n"
  "                     locks do not hold for all that reach DIR, IDs come "
  "twice\n"
  "  --force            recover from fewer peers than are safe\n"
  "  --floor ID         with --force: no sequence goes on below this ID\n"
  "  --lost NODE,...    with --force: peers whose directories are gone for "
  "good\n"
  "  --wait SECONDS     with --force: for peers that are silent (default 10)\n"
  "\n"
  "start and recover take --name, --cluster and --members too: they must "
  "agree\n"
  "with the directory's, though endpoints may have moved, and they are needed\n"
  "where the directory is empty or its node's record is damaged.\n";

//  What is told before a recovery by force.
static const char s_warning[] =
  "A recovery by force takes what the peers that answer within %" PRIu64
  " seconds\n"
  "hold, be they too few. IDs that were claimed with the help of this node "
  "and\n"
  "of others that do not answer may be handed out AGAIN, unless the floor is\n"
  "above all of them: no sequence of this node, held or not, will go on below\n"
  "%" PRIu64 ", and no node that meets this one votes below it. So keep this\n"
  "node up while the others start. Start every node that still holds "
  "something\n"
  "before you go on, and name with --lost only those whose directories, and\n"
  "copies of them, are gone for good.\n"
  "Type yes to go on: ";

typedef struct {
    const char *data;
    const char *name;
    const char *cluster;
    const char *members;
    const char *bind;
    uint64_t names_max;
    uint64_t memory_max_mib;
    uint64_t reserve_us;
    uint64_t scrub_us;
    bool insecure;
    bool unsafe;
    bool force;
    uint64_t floor;  //  0: not given
    const char *lost;
    uint64_t wait_s;
} s_arguments_t;

static int
s_bad_use (const char *format, const char *text)
{
    fputs ("zseqd: ", stderr);
    fprintf (stderr, format, text);
    fputs ("; see zseqd --help\n", stderr);
    return 1;
}

static int
s_failed (int rc)
{
    fprintf (stderr, "zseqd: %s: %s\n", zseq_strerror (rc), zseq_detail ());
    return 1;
}

static void
s_log (const char *text, void *arg)
{
    (void) arg;
    fprintf (stderr, "zseqd: %s\n", text);
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
    fprintf (stderr,
             "zseqd: %s '%s' is not a number from %" PRIu64 " to %" PRIu64
             "; see zseqd --help\n",
             option, text, min, max);
    return 1;
}

//  Seconds with a fraction, in microseconds.
static int
s_parse_reserve (const char *text, uint64_t *reserve_us_p)
{
    char *end;
    double seconds = strtod (text, &end);
    if (*text < '0' || *text > '9' || *end || !(seconds <= RESERVE_S_MAX))
        return s_bad_use ("--reserve '%s' is not a number of seconds from 0 "
                          "to 60",
                          text);
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
        return s_bad_use ("--scrub '%s' is not a number of days from 0 to 365",
                          text);
    *scrub_us_p = (uint64_t) (days * 86400000000);
    return 0;
}

static int
s_parse (int argc, char **argv, s_arguments_t *arguments)
{
    enum {
        DATA = 1,
        NAME,
        CLUSTER,
        MEMBERS,
        BIND,
        NAMES_MAX,
        MEMORY_MAX,
        RESERVE,
        SCRUB,
        INSECURE,
        UNSAFE,
        FORCE,
        FLOOR,
        LOST,
        WAIT
    };
    static const struct option options[] = {
      {"data", required_argument, NULL, DATA},
      {"name", required_argument, NULL, NAME},
      {"cluster", required_argument, NULL, CLUSTER},
      {"members", required_argument, NULL, MEMBERS},
      {"bind", required_argument, NULL, BIND},
      {"names-max", required_argument, NULL, NAMES_MAX},
      {"memory-max", required_argument, NULL, MEMORY_MAX},
      {"reserve", required_argument, NULL, RESERVE},
      {"scrub", required_argument, NULL, SCRUB},
      {"insecure", no_argument, NULL, INSECURE},
      {"unsafe-filesystem", no_argument, NULL, UNSAFE},
      {"force", no_argument, NULL, FORCE},
      {"floor", required_argument, NULL, FLOOR},
      {"lost", required_argument, NULL, LOST},
      {"wait", required_argument, NULL, WAIT},
      {NULL, 0, NULL, 0}};

    memset (arguments, 0, sizeof *arguments);
    arguments->names_max = ZSEQ_NAMES_MAX_DEFAULT;
    arguments->memory_max_mib = MEMORY_MAX_MIB_DEFAULT;
    arguments->reserve_us = ZSEQ_RESERVE_US_DEFAULT;
    arguments->scrub_us = ZSEQ_SCRUB_US_DEFAULT;
    arguments->wait_s = WAIT_S_DEFAULT;
    opterr = 0;
    int option;
    while ((option = getopt_long (argc, argv, "+:", options, NULL)) != -1) {
        const char *given = argv[optind - 1];
        switch (option) {
        case DATA:
            arguments->data = optarg;
            break;
        case NAME:
            arguments->name = optarg;
            break;
        case CLUSTER:
            arguments->cluster = optarg;
            break;
        case MEMBERS:
            arguments->members = optarg;
            break;
        case BIND:
            arguments->bind = optarg;
            break;
        case NAMES_MAX:
            if (s_parse_number ("--names-max", optarg, 1, 1000000000,
                                &arguments->names_max))
                return 1;
            break;
        case MEMORY_MAX:
            if (s_parse_number ("--memory-max", optarg, 64, 1048576,
                                &arguments->memory_max_mib))
                return 1;
            break;
        case RESERVE:
            if (s_parse_reserve (optarg, &arguments->reserve_us))
                return 1;
            break;
        case SCRUB:
            if (s_parse_scrub (optarg, &arguments->scrub_us))
                return 1;
            break;
        case FORCE:
            arguments->force = true;
            break;
        case FLOOR:
            if (s_parse_number ("--floor", optarg, 1, ZSEQ_ID_MAX,
                                &arguments->floor))
                return 1;
            break;
        case LOST:
            arguments->lost = optarg;
            break;
        case WAIT:
            if (s_parse_number ("--wait", optarg, 0, 3600, &arguments->wait_s))
                return 1;
            break;
        case INSECURE:
            arguments->insecure = true;
            break;
        case UNSAFE:
            arguments->unsafe = true;
            break;
        case ':':
            return s_bad_use ("option %s needs a value", given);
        default:
            return s_bad_use ("there is no option '%s'", given);
        }
    }
    if (optind < argc)
        return s_bad_use ("unexpected '%s'", argv[optind]);
    if (!arguments->data || !*arguments->data)
        return s_bad_use ("%s is missing", "--data");
    return 0;
}

static int
s_read_members (const char *text, zseq_member_t *members, size_t *count_p)
{
    char why[ZSEQ_MEMBERS_WHY_MAX];
    int rc = zseq_members_parse (text, members, count_p, why);
    if (rc == ZSEQ_OK)
        return 0;
    fprintf (stderr, "zseqd: %s: %s\n", zseq_strerror (rc), why);
    return 1;
}

static int
s_format (const s_arguments_t *arguments)
{
    if (!arguments->name || !arguments->cluster || !arguments->members)
        return s_bad_use ("format needs %s", "--name, --cluster and --members");
    if (arguments->bind || arguments->insecure || arguments->force ||
        arguments->floor)
        return s_bad_use ("format takes only %s",
                          "--data, --name, --cluster, --members and "
                          "--unsafe-filesystem");
    if (!zseq_label_valid (arguments->cluster))
        return s_bad_use ("'%s' is not a name for a cluster",
                          arguments->cluster);
    zseq_member_t members[ZSEQ_NODES_MAX];
    size_t count;
    if (s_read_members (arguments->members, members, &count))
        return 1;

    uint64_t random;
    randombytes_buf (&random, sizeof random);
    zseq_record_t record;
    if (zseq_record_init (&record, arguments->cluster, arguments->name, members,
                          count, random) != ZSEQ_OK)
        return s_bad_use ("node '%s' is not in the member list",
                          arguments->name);

    zseq_store_t *store = zseq_store_new (arguments->data);
    if (!store) {
        fprintf (stderr, "zseqd: out of memory\n");
        return 1;
    }
    if (arguments->unsafe)
        zseq_store_allow_unsafe (store);
    int rc = zseq_store_format (store, &record);
    if (rc != ZSEQ_OK)
        fprintf (stderr, "zseqd: %s: %s\n", zseq_strerror (rc),
                 zseq_store_text (store));
    else
        printf ("formatted %s for node %s of cluster %s (%zu members)\n",
                arguments->data, arguments->name, arguments->cluster, count);
    zseq_store_destroy (&store);
    return rc == ZSEQ_OK ? 0 : 1;
}

static int
s_verify (const s_arguments_t *arguments)
{
    if (arguments->name || arguments->cluster || arguments->members ||
        arguments->bind || arguments->insecure || arguments->force ||
        arguments->floor || arguments->lost || arguments->unsafe)
        return s_bad_use ("verify takes only %s", "--data");
    return zseqd_verify (arguments->data);
}

//  These stop the node. Others that would end a process which does not handle
//  them burn what is reserved, and ask for nothing that a node could do: it goes
//  on. SIGHUP, too: a terminal that was closed, or a script that rotates logs,
//  must not cost the cluster a node.
static const int s_stops_on[] = {SIGTERM, SIGINT, SIGQUIT, SIGPWR, SIGXCPU};
static const int s_goes_on[] = {SIGHUP,    SIGUSR1, SIGUSR2, SIGALRM,
                                SIGVTALRM, SIGPROF, SIGIO,   SIGSTKFLT};

#define COUNT(array) (sizeof (array) / sizeof *(array))

//  All of them arrive at a descriptor, in no thread.
static int
s_stop_fd (void)
{
    sigset_t set;
    sigemptyset (&set);
    for (size_t i = 0; i < COUNT (s_stops_on); i++)
        sigaddset (&set, s_stops_on[i]);
    for (size_t i = 0; i < COUNT (s_goes_on); i++)
        sigaddset (&set, s_goes_on[i]);
    for (int number = SIGRTMIN; number <= SIGRTMAX; number++)
        sigaddset (&set, number);
    if (sigprocmask (SIG_BLOCK, &set, NULL) == -1)
        return -1;
    return signalfd (-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

//  Says once of each signal that nothing comes of it.
static void
s_log_signal (int number)
{
    static sigset_t told;
    if (sigismember (&told, number))
        return;
    sigaddset (&told, number);
    const char *name = sigabbrev_np (number);
    char text[128];
    snprintf (text, sizeof text,
              "signal %d (%s%s): %s; the node goes on (SIGTERM stops it)",
              number, name ? "SIG" : "", name ? name : "real-time",
              number == SIGHUP ? "there is nothing to reload" : "ignored");
    s_log (text, NULL);
}

//  Takes what has arrived: whether one of them stops the node.
static bool
s_stops (int stop_fd, void *arg)
{
    (void) arg;
    struct signalfd_siginfo info;
    while (read (stop_fd, &info, sizeof info) == (ssize_t) sizeof info) {
        int number = (int) info.ssi_signo;
        for (size_t i = 0; i < COUNT (s_stops_on); i++)
            if (number == s_stops_on[i])
                return true;
        s_log_signal (number);
    }
    return false;
}

//  What is closed would be the number of a file of ours, and the log would be
//  written into it.
static void
s_hold_descriptors (void)
{
    for (int descriptor = 0; descriptor <= STDERR_FILENO; descriptor++)
        if (fcntl (descriptor, F_GETFD) == -1)
            (void) open ("/dev/null", O_RDWR);
}

//  As many connections as the system allows.
static void
s_raise_files (void)
{
    struct rlimit limit;
    if (getrlimit (RLIMIT_NOFILE, &limit) == -1)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void) setrlimit (RLIMIT_NOFILE, &limit);
}

static int
s_serve (zseq_server_t *server, bool recover, int stop_fd)
{
    s_raise_files ();
    int rc = zseq_server_open (server);
    if (rc == ZSEQ_EAGAIN)
        fprintf (stderr, "zseqd: if its cluster is new, make the directory "
                         "with zseqd format\n");
    if (rc != ZSEQ_OK)
        return s_failed (rc);
    rc = zseq_server_run (server, stop_fd);
    if (rc == ZSEQ_EAGAIN)
        s_log (zseq_detail (), NULL);
    if (rc != ZSEQ_OK)
        return 1;
    s_log (recover ? "recovered" : "stopped", NULL);
    return 0;
}

//  Says what a recovery by force may cost, and waits for a yes.
static bool
s_confirmed (const s_arguments_t *arguments)
{
    fprintf (stderr, s_warning, arguments->wait_s, arguments->floor);
    char answer[8] = "";
    if (fgets (answer, sizeof answer, stdin) && !strcmp (answer, "yes\n"))
        return true;
    fprintf (stderr, "zseqd: nothing was done\n");
    return false;
}

static int
s_start (const s_arguments_t *arguments, bool recover)
{
    if (!recover && arguments->force)
        return s_bad_use ("%s belongs to recover", "--force");
    if (arguments->force != (arguments->floor > 0))
        return s_bad_use ("%s belong together", "--force and --floor");
    if (arguments->lost && !arguments->force)
        return s_bad_use ("%s belongs to --force", "--lost");

    if (arguments->bind && strncmp (arguments->bind, "tcp://", 6) &&
        !zseq_endpoint_valid (arguments->bind))
        return s_bad_use ("'%s' is not tcp://HOST:PORT or ipc://PATH",
                          arguments->bind);
    zseq_member_t members[ZSEQ_NODES_MAX];
    size_t count = 0;
    if (arguments->members &&
        s_read_members (arguments->members, members, &count))
        return 1;
    zseq_force_t force = {.floor = arguments->floor,
                          .wait_us = arguments->wait_s * 1000000};
    if (arguments->force && !s_confirmed (arguments))
        return 1;

    //  A log that nobody reads any more must not end the node.
    (void) signal (SIGPIPE, SIG_IGN);
    int stop_fd = s_stop_fd ();
    if (stop_fd == -1) {
        fprintf (stderr, "zseqd: no signals: %s\n", strerror (errno));
        return 1;
    }
    zseq_server_options_t options = {
      .directory = arguments->data,
      .bind = arguments->bind,
      .name = arguments->name,
      .cluster = arguments->cluster,
      .members = arguments->members ? members : NULL,
      .member_count = count,
      .insecure = arguments->insecure,
      .unsafe = arguments->unsafe,
      .names_max = (size_t) arguments->names_max,
      .memory_max = arguments->memory_max_mib << 20,
      .reserve_us = arguments->reserve_us,
      .scrub_us = arguments->scrub_us,
      .recover = recover,
      .force = arguments->force ? &force : NULL,
      .lost = arguments->lost,
      .stops = s_stops,
      .log = s_log,
    };
    zseq_server_t *server = zseq_server_new (&options);
    if (!server) {
        fprintf (stderr, "zseqd: out of memory\n");
        return 1;
    }
    int status = s_serve (server, recover, stop_fd);
    zseq_server_destroy (&server);
    close (stop_fd);
    return status;
}

int
main (int argc, char **argv)
{
    s_hold_descriptors ();
    //  A file that may not grow is a full disk, with which the node goes on.
    (void) signal (SIGXFSZ, SIG_IGN);
    if (sodium_init () == -1) {
        fprintf (stderr, "zseqd: no source of randomness\n");
        return 1;
    }
    const char *command = argc > 1 ? argv[1] : "";
    if (!strcmp (command, "--help") || !strcmp (command, "-h")) {
        fputs (s_usage, stdout);
        return fflush (stdout) ? 1 : 0;
    }
    if (!strcmp (command, "--version")) {
        printf ("zseqd %d.%d.%d\n", ZSEQ_VERSION_MAJOR, ZSEQ_VERSION_MINOR,
                ZSEQ_VERSION_PATCH);
        return fflush (stdout) ? 1 : 0;
    }
    bool format = !strcmp (command, "format");
    bool recover = !strcmp (command, "recover");
    bool verify = !strcmp (command, "verify");
    if (!format && !recover && !verify && strcmp (command, "start"))
        return *command ? s_bad_use ("there is no command '%s'", command)
                        : s_bad_use ("%s", "a command is missing");

    s_arguments_t arguments;
    if (s_parse (argc - 1, argv + 1, &arguments))
        return 1;
    if (verify)
        return s_verify (&arguments);
    return format ? s_format (&arguments) : s_start (&arguments, recover);
}
