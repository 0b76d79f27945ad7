//  zseqd: a node of a zseq cluster. See lib/man/zseqd.8.

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zseq_host.h"
#include "zseq_server.h"
#include "zseq_store.h"
#include "zseqd_accept.h"
#include "zseqd_log.h"
#include "zseqd_options.h"
#include "zseqd_texts.h"
#include "zseqd_verify.h"

//  Descriptors of a node of nine with its peers and a few clients.
#define FILES_MIN 64

//  The warning before a recovery by force.
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

static int
s_read_members (const char *text, zseq_members_t *members)
{
    char why[ZSEQ_MEMBERS_WHY_MAX];
    int rc = zseq_members_parse (members, text, why);
    if (rc == ZSEQ_OK)
        return 0;
    fprintf (stderr, "zseqd: %s: %s\n", zseq_strerror (rc), why);
    return 1;
}

static int
s_format (const zseqd_options_t *options)
{
    if (!options->name || !options->cluster || !options->members)
        return zseqd_bad_use (ZSEQ_TEXT_FORMAT_NEEDS,
                              "--name, --cluster and --members");
    if (options->given & ~(ZSEQD_DATA | ZSEQD_NAME | ZSEQD_CLUSTER |
                           ZSEQD_MEMBERS | ZSEQD_UNSAFE))
        return zseqd_bad_use (ZSEQ_TEXT_FORMAT_TAKES,
                              "--data, --name, --cluster, --members and "
                              "--unsafe-filesystem");
    if (!zseq_label_valid (options->cluster))
        return zseqd_bad_use (ZSEQ_TEXT_FORMAT_CLUSTER, options->cluster);
    zseq_members_t members;
    if (s_read_members (options->members, &members))
        return 1;

    uint64_t random;
    randombytes_buf (&random, sizeof random);
    zseq_record_t record;
    if (zseq_record_init (&record, options->cluster, options->name, &members,
                          random) != ZSEQ_OK)
        return zseqd_bad_use (ZSEQ_TEXT_FORMAT_NOT_MEMBER, options->name);

    zseq_store_t *store = zseq_store_new (options->data);
    if (!store) {
        fprintf (stderr, ZSEQ_TEXT_NO_MEMORY_FORMAT);
        return 1;
    }
    if (options->unsafe)
        zseq_store_allow_unsafe (store);
    zseq_store_refuse_shared (store);
    int rc = zseq_store_format (store, &record);
    if (rc != ZSEQ_OK)
        fprintf (stderr, "zseqd: %s: %s\n", zseq_strerror (rc),
                 zseq_store_text (store));
    else
        printf (ZSEQ_TEXT_FORMATTED, options->data, options->name,
                options->cluster, members.n);
    zseq_store_destroy (&store);
    return rc == ZSEQ_OK ? 0 : 1;
}

static int
s_verify (const zseqd_options_t *options)
{
    if (options->given & ~ZSEQD_DATA)
        return zseqd_bad_use (ZSEQ_TEXT_VERIFY_TAKES, "--data");
    return zseqd_verify (options->data);
}

//  These stop the node. Others that would end a process which does not handle
//  them burn what is reserved, and ask for nothing that a node could do: it
//  goes on. SIGHUP, too: a terminal that was closed, or a script that rotates
//  logs, must not cost the cluster a node.
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

//  What the functions of a running node share.
typedef struct {
    zseqd_log_t log;
    sigset_t logged;  //  Signals that are in the log
} s_run_t;

static void
s_log (const zseq_log_line_t *line, void *arg)
{
    s_run_t *self = arg;
    zseqd_log_write (&self->log, line);
}

//  Logs a line of this program's own.
static void
s_log_text (s_run_t *self, zseq_log_level_t level, const char *event,
            const char *text)
{
    zseq_log_line_t line = {.level = level, .event = event, .text = text};
    zseqd_log_write (&self->log, &line);
}

//  Logs a signal: who has sent it, and what comes of it.
static void
s_log_signal (s_run_t *self, const struct signalfd_siginfo *info, bool stops)
{
    int number = (int) info->ssi_signo;
    const char *name = sigabbrev_np (number);
    char sender[64] = "";
    if (info->ssi_pid)
        snprintf (sender, sizeof sender, ZSEQ_TEXT_SIGNAL_SENDER,
                  info->ssi_pid);
    const char *outcome = ZSEQ_TEXT_SIGNAL_IGNORED;
    if (stops)
        outcome = ZSEQ_TEXT_SIGNAL_STOPS;
    else if (number == SIGHUP)
        outcome = ZSEQ_TEXT_SIGNAL_RELOAD;
    char text[192];
    snprintf (text, sizeof text, ZSEQ_TEXT_SIGNAL, number, name ? "SIG" : "",
              name ? name : "real-time", sender, outcome);
    s_log_text (self, ZSEQ_LOG_INFO, stops ? "end" : "signal", text);
}

//  Takes what has arrived: whether one of them stops the node. The log says
//  once of each other signal that nothing comes of it.
static bool
s_stops (int stop_fd, void *arg)
{
    s_run_t *self = arg;
    struct signalfd_siginfo info;
    while (read (stop_fd, &info, sizeof info) == (ssize_t) sizeof info) {
        int number = (int) info.ssi_signo;
        bool stops = false;
        for (size_t i = 0; i < COUNT (s_stops_on); i++)
            stops |= number == s_stops_on[i];
        if (stops || !sigismember (&self->logged, number))
            s_log_signal (self, &info, stops);
        sigaddset (&self->logged, number);
        if (stops)
            return true;
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

//  As many connections as the system allows. Returns 0; or 1, when it has said
//  that they are too few.
static int
s_raise_files (void)
{
    struct rlimit limit;
    if (getrlimit (RLIMIT_NOFILE, &limit) == -1)
        return 0;
    limit.rlim_cur = limit.rlim_max;
    (void) setrlimit (RLIMIT_NOFILE, &limit);
    if (limit.rlim_max >= FILES_MIN)
        return 0;
    fprintf (stderr, ZSEQ_TEXT_DESCRIPTORS_FEW, FILES_MIN,
             (unsigned long long) limit.rlim_max);
    return 1;
}

//  A core would hold what the node knows, and whoever may trace the process can
//  read it. Root still may. A sanitizer traces its own process.
static void
s_forbid_cores (void)
{
    struct rlimit limit;
    if (getrlimit (RLIMIT_CORE, &limit) == 0) {
        limit.rlim_cur = 0;
        (void) setrlimit (RLIMIT_CORE, &limit);
    }
#ifndef __SANITIZE_ADDRESS__
    (void) prctl (PR_SET_DUMPABLE, 0);
#endif
}

static int
s_serve (zseq_server_t *server, int stop_fd)
{
    if (s_raise_files ())
        return 1;
    zseqd_accept_init ();
    if (zseq_server_open (server) != ZSEQ_OK)
        return 1;
    return zseq_server_run (server, stop_fd) == ZSEQ_OK ? 0 : 1;
}

//  Says what a recovery by force may cost, and waits for a yes.
static bool
s_confirmed (const zseqd_options_t *options)
{
    fprintf (stderr, s_warning, options->wait_s, options->floor);
    char answer[8] = "";
    if (fgets (answer, sizeof answer, stdin) && !strcmp (answer, "yes\n"))
        return true;
    fprintf (stderr, ZSEQ_TEXT_FORCE_NOT_CONFIRMED);
    return false;
}

//  Whether a node may bind the endpoint. Nobody would know a port that the
//  system chooses. Returns 0; or 1, when it has said why not.
static int
s_check_bind (const char *endpoint)
{
    if (strncmp (endpoint, "tcp://", 6))
        return zseq_endpoint_valid (endpoint)
                 ? 0
                 : zseqd_bad_use (ZSEQ_TEXT_BIND_INVALID, endpoint);
    const char *port = strrchr (endpoint, ':') + 1;
    if (*port != '*' && strspn (port, "0") != strlen (port))
        return 0;
    return zseqd_bad_use (ZSEQ_TEXT_BIND_NO_PORT, endpoint);
}

//  Whether the options fit together. Returns 0; or 1, when it has said why
//  not.
static int
s_check_start (const zseqd_options_t *options, bool recover)
{
    if (!recover && options->force)
        return zseqd_bad_use (ZSEQ_TEXT_RECOVER_ONLY, "--force");
    if (options->force != (options->floor > 0))
        return zseqd_bad_use (ZSEQ_TEXT_FORCE_FLOOR, "--force and --floor");
    if (options->lost && !options->force)
        return zseqd_bad_use (ZSEQ_TEXT_FORCE_ONLY, "--lost");
    if (options->given & ZSEQD_WAIT && !options->force)
        return zseqd_bad_use (ZSEQ_TEXT_FORCE_ONLY, "--wait");

    return options->bind ? s_check_bind (options->bind) : 0;
}

static int
s_start (const zseqd_options_t *options, bool recover)
{
    if (s_check_start (options, recover))
        return 1;
    zseq_members_t members;
    if (options->members && s_read_members (options->members, &members))
        return 1;
    zseq_force_t force = {.floor = options->floor,
                          .wait_us = options->wait_s * 1000000};
    if (options->force && !s_confirmed (options))
        return 1;
    if (!options->cores)
        s_forbid_cores ();
    //  libzmq draws the routing IDs that a ROUTER gives its clients from rand,
    //  which it does not seed.
    srand (randombytes_random ());

    //  A log whose reader has gone must not end the node.
    (void) signal (SIGPIPE, SIG_IGN);
    s_run_t run;
    sigemptyset (&run.logged);
    zseqd_log_init (&run.log, options->log_level, options->log_json);
    int stop_fd = s_stop_fd ();
    if (stop_fd == -1) {
        s_log_text (&run, ZSEQ_LOG_ERROR, "end", strerror (errno));
        return 1;
    }
    zseq_server_options_t served = {
      .directory = options->data,
      .bind = options->bind,
      .name = options->name,
      .cluster = options->cluster,
      .members = options->members ? &members : NULL,
      .insecure = options->insecure,
      .unsafe = options->unsafe,
      .transport = options->transport,
      .connections_max = (int) options->connections_max,
      .source_max = (int) options->source_max,
      .names_max = (size_t) options->names_max,
      .memory_max = options->memory_max_mib << 20,
      .kv_bytes_max = options->kv_memory_mib << 20,
      .reserve_us = options->reserve_us,
      .scrub_us = options->scrub_us,
      .recover = recover,
      .force = options->force ? &force : NULL,
      .lost = options->lost,
      .stops = s_stops,
      .log = s_log,
      .arg = &run,
    };
    zseq_server_t *server = zseq_server_new (&served);
    if (!server) {
        s_log_text (&run, ZSEQ_LOG_ERROR, "end", ZSEQ_TEXT_NO_MEMORY_SERVER);
        return 1;
    }
    int status = s_serve (server, stop_fd);
    zseq_server_destroy (&server);
    zseqd_log_end (&run.log);
    close (stop_fd);
    return status;
}

static int
s_help (void)
{
    fputs (zseqd_usage, stdout);
    return fflush (stdout) ? 1 : 0;
}

int
main (int argc, char **argv)
{
    s_hold_descriptors ();
    //  What the node makes, the socket of an ipc endpoint too, is its user's.
    (void) umask (0077);
    //  A file that may not grow is a full disk, with which the node goes on.
    (void) signal (SIGXFSZ, SIG_IGN);
    if (sodium_init () == -1) {
        fprintf (stderr, ZSEQ_TEXT_NO_RANDOMNESS);
        return 1;
    }
    const char *command = argc > 1 ? argv[1] : "";
    if (!strcmp (command, "--help") || !strcmp (command, "-h"))
        return s_help ();
    if (!strcmp (command, "--version")) {
        printf ("zseqd %d.%d.%d\n", ZSEQ_VERSION_MAJOR, ZSEQ_VERSION_MINOR,
                ZSEQ_VERSION_PATCH);
        return fflush (stdout) ? 1 : 0;
    }
    bool format = !strcmp (command, "format");
    bool recover = !strcmp (command, "recover");
    bool verify = !strcmp (command, "verify");
    if (!format && !recover && !verify && strcmp (command, "start"))
        return *command ? zseqd_bad_use (ZSEQ_TEXT_COMMAND_UNKNOWN, command)
                        : zseqd_bad_use ("%s", ZSEQ_TEXT_COMMAND_MISSING);

    zseqd_options_t options;
    if (zseqd_options_read (&options, argc - 1, argv + 1))
        return 1;
    if (options.help)
        return s_help ();
    if (verify)
        return s_verify (&options);
    return format ? s_format (&options) : s_start (&options, recover);
}
