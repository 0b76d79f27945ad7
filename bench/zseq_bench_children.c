//  Children are forked processes, nodes or gnuplot. The table s_child_t has one
//  entry for each.
//
//  Every wait of the benchmark goes through zseq_bench_children_wait. It polls
//  a signalfd, which reports the ends of children and the signals that end the
//  run; an eventfd, which a child may write to wake its parent (the bell); and
//  the pipes of the children's standard error, so that no child blocks on a
//  full pipe. The last lines of each child's standard error are kept, and
//  reported when it fails. zseq_bench_children_destroy ends all children.

#include "zseq_bench_children.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SAID_MAX 4096
#define END_S 10  //  How long SIGTERM may take

typedef struct {
    pid_t pid;  //  0: the entry is free
    char what[64];
    bool polite;  //  Started by _exec: gets SIGTERM first
    bool needed;
    bool ended;
    int status;               //  Of waitpid, once ended
    int speech;               //  Reads its standard error, or -1
    char said[SAID_MAX + 1];  //  Its end, with a NUL
    size_t said_size;
} s_child_t;

struct zseq_bench_children {
    s_child_t child[ZSEQ_BENCH_CHILDREN_MAX];
    sigset_t mask;    //  Before zseq_bench_children_new
    int signals;      //  Reports SIGCHLD and blocked signals
    int bell;         //  Written by children to wake us
    int interrupted;  //  The signal that asked to end, or 0
};

uint64_t
zseq_bench_now_ns (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (uint64_t) now.tv_sec * 1000000000u + (uint64_t) now.tv_nsec;
}

int
zseq_bench_fail (const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    fputs ("zseq-bench: ", stderr);
    vfprintf (stderr, format, arguments);
    fputc ('\n', stderr);
    va_end (arguments);
    return -1;
}

//  Prints progress; on a terminal, in place of the last progress.
static void
s_progress (bool terminal, const char *format, va_list arguments)
{
    fputs (terminal ? "\r\033[K" : "", stderr);
    vfprintf (stderr, format, arguments);
    fputs (terminal ? "" : "\n", stderr);
}

void
zseq_bench_progress (const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    s_progress (isatty (STDERR_FILENO), format, arguments);
    va_end (arguments);
}

void
zseq_bench_progress_line (const char *format, ...)
{
    if (!isatty (STDERR_FILENO))
        return;
    va_list arguments;
    va_start (arguments, format);
    s_progress (true, format, arguments);
    va_end (arguments);
}

void
zseq_bench_progress_end (void)
{
    if (isatty (STDERR_FILENO))
        fputs ("\r\033[K", stderr);
}

//  Finds the entry of a process id; 0: a free one.
static s_child_t *
s_slot (zseq_bench_children_t *self, pid_t pid)
{
    for (size_t i = 0; i < ZSEQ_BENCH_CHILDREN_MAX; i++)
        if (self->child[i].pid == pid)
            return &self->child[i];
    return NULL;
}

//  Finds the entry of a process id, which must exist.
static s_child_t *
s_child (zseq_bench_children_t *self, pid_t pid)
{
    assert (pid > 0);
    s_child_t *child = s_slot (self, pid);
    assert (child);
    return child;
}

zseq_bench_children_t *
zseq_bench_children_new (void)
{
    zseq_bench_children_t *self = calloc (1, sizeof *self);
    if (!self) {
        zseq_bench_fail ("out of memory");
        return NULL;
    }
    sigset_t held;
    sigemptyset (&held);
    sigaddset (&held, SIGCHLD);
    sigaddset (&held, SIGINT);
    sigaddset (&held, SIGTERM);
    sigaddset (&held, SIGHUP);
    sigprocmask (SIG_BLOCK, &held, &self->mask);
    //  If the reader of our output goes away, we still have to clear up.
    signal (SIGPIPE, SIG_IGN);
    self->signals = signalfd (-1, &held, SFD_CLOEXEC | SFD_NONBLOCK);
    self->bell = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->signals < 0 || self->bell < 0) {
        zseq_bench_fail ("signalfd or eventfd: %s", strerror (errno));
        zseq_bench_children_destroy (&self);
    }
    return self;
}

//  Prepares a child, between fork and its function or program.
static void
s_settle (const zseq_bench_children_t *self, pid_t parent)
{
    prctl (PR_SET_PDEATHSIG, SIGKILL);
    if (getppid () != parent)
        _exit (2);
    //  In a group of its own. The terminal's SIGINT then reaches only the
    //  bench, which ends its children in order.
    setpgid (0, 0);
    signal (SIGPIPE, SIG_DFL);
    sigprocmask (SIG_SETMASK, &self->mask, NULL);
}

//  Enters a child that was started, and its name.
static void
s_adopt (zseq_bench_children_t *self, const char *what, pid_t pid, int speech)
{
    s_child_t *child = s_slot (self, 0);
    assert (child);
    *child = (s_child_t){
      .pid = pid,
      .polite = speech >= 0,
      .speech = speech,
    };
    snprintf (child->what, sizeof child->what, "%s", what);
}

pid_t
zseq_bench_children_fork (zseq_bench_children_t *self, const char *what,
                          zseq_bench_child_fn *fn, void *arg)
{
    assert (self);
    assert (what);
    assert (fn);
    //  Buffered output of stdio would be written by both processes.
    fflush (NULL);
    pid_t parent = getpid ();
    pid_t pid = fork ();
    if (pid < 0)
        return zseq_bench_fail ("%s: fork: %s", what, strerror (errno));
    if (pid == 0) {
        s_settle (self, parent);
        _exit (fn (arg));
    }
    s_adopt (self, what, pid, -1);
    return pid;
}

pid_t
zseq_bench_children_exec (zseq_bench_children_t *self, const char *what,
                          char *const *arguments, int input, int output)
{
    assert (self);
    assert (what);
    assert (arguments && arguments[0]);
    int speech[2];
    if (pipe2 (speech, O_CLOEXEC) < 0)
        return zseq_bench_fail ("%s: pipe: %s", what, strerror (errno));
    fcntl (speech[0], F_SETFL, O_NONBLOCK);
    pid_t parent = getpid ();
    pid_t pid = fork ();
    if (pid < 0) {
        close (speech[0]);
        close (speech[1]);
        return zseq_bench_fail ("%s: fork: %s", what, strerror (errno));
    }
    if (pid == 0) {
        s_settle (self, parent);
        if (dup2 (input, STDIN_FILENO) < 0 ||
            dup2 (output, STDOUT_FILENO) < 0 ||
            dup2 (speech[1], STDERR_FILENO) < 0)
            _exit (126);
        execvp (arguments[0], arguments);
        dprintf (STDERR_FILENO, "%s: %s\n", arguments[0], strerror (errno));
        _exit (127);
    }
    close (speech[1]);
    s_adopt (self, what, pid, speech[0]);
    return pid;
}

void
zseq_bench_children_need (zseq_bench_children_t *self, pid_t pid)
{
    assert (self);
    s_child (self, pid)->needed = true;
}

void
zseq_bench_children_release (zseq_bench_children_t *self, pid_t pid)
{
    assert (self);
    s_child (self, pid)->needed = false;
}

//  Reads a part of what a child says, and keeps the end of all it said. A part
//  is a quarter of what is kept, so that a caller that looks after each _wait
//  misses no line. Returns whether there may be more.
static bool
s_listen (s_child_t *child)
{
    char piece[SAID_MAX / 4];
    ssize_t size = read (child->speech, piece, sizeof piece);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (size <= 0) {
        close (child->speech);
        child->speech = -1;
        return false;
    }
    size_t fresh = (size_t) size;
    if (child->said_size + fresh > SAID_MAX) {
        size_t old = SAID_MAX - fresh;
        memmove (child->said, child->said + child->said_size - old, old);
        child->said_size = old;
    }
    memcpy (child->said + child->said_size, piece, fresh);
    child->said_size += fresh;
    //  A NUL would hide the text behind it.
    for (size_t i = child->said_size - fresh; i < child->said_size; i++)
        if (child->said[i] == '\0')
            child->said[i] = '?';
    child->said[child->said_size] = '\0';
    return true;
}

//  Takes the exit status of each child that has ended.
static void
s_reap (zseq_bench_children_t *self)
{
    for (size_t i = 0; i < ZSEQ_BENCH_CHILDREN_MAX; i++) {
        s_child_t *child = &self->child[i];
        if (child->pid > 0 && !child->ended &&
            waitpid (child->pid, &child->status, WNOHANG) == child->pid)
            child->ended = true;
    }
}

//  Takes signals: the ends of children, or one that ends the run.
static void
s_take_signals (zseq_bench_children_t *self)
{
    struct signalfd_siginfo info;
    while (read (self->signals, &info, sizeof info) == sizeof info)
        if (info.ssi_signo != SIGCHLD)
            self->interrupted = (int) info.ssi_signo;
    s_reap (self);
}

//  Waits once, and handles the events.
static void
s_run_once (zseq_bench_children_t *self, uint64_t until_ns)
{
    struct pollfd fds[ZSEQ_BENCH_CHILDREN_MAX + 2] = {
      {.fd = self->signals, .events = POLLIN},
      {.fd = self->bell, .events = POLLIN},
    };
    s_child_t *speaker[ZSEQ_BENCH_CHILDREN_MAX + 2] = {NULL};
    nfds_t count = 2;
    for (size_t i = 0; i < ZSEQ_BENCH_CHILDREN_MAX; i++)
        if (self->child[i].pid > 0 && self->child[i].speech >= 0) {
            speaker[count] = &self->child[i];
            fds[count++] = (struct pollfd){
              .fd = self->child[i].speech,
              .events = POLLIN,
            };
        }

    uint64_t now_ns = zseq_bench_now_ns ();
    uint64_t left_ns = until_ns > now_ns ? until_ns - now_ns : 0;
    struct timespec left = {
      .tv_sec = (time_t) (left_ns / 1000000000u),
      .tv_nsec = (long) (left_ns % 1000000000u),
    };
    if (ppoll (fds, count, &left, NULL) <= 0)
        return;
    if (fds[0].revents)
        s_take_signals (self);
    if (fds[1].revents) {
        uint64_t rung;
        (void) !read (self->bell, &rung, sizeof rung);  //  Resets it.
    }
    for (nfds_t i = 2; i < count; i++)
        if (fds[i].revents)
            (void) s_listen (
              speaker[i]);  //  The rest follows after the next poll.
}

//  Reports the last line that a child said, or how it ended.
static void
s_report_end (s_child_t *child)
{
    while (child->speech >= 0 && s_listen (child))
        continue;
    while (child->said_size > 0 && child->said[child->said_size - 1] == '\n')
        child->said[--child->said_size] = '\0';
    const char *line = strrchr (child->said, '\n');
    line = line ? line + 1 : child->said;
    if (WIFSIGNALED (child->status))
        zseq_bench_fail ("%s was ended by signal %d%s%s", child->what,
                         WTERMSIG (child->status), *line ? ": " : "", line);
    else
        zseq_bench_fail ("%s ended with status %d%s%s", child->what,
                         WEXITSTATUS (child->status), *line ? ": " : "", line);
}

int
zseq_bench_children_wait (zseq_bench_children_t *self, uint64_t until_ns)
{
    assert (self);
    s_run_once (self, until_ns);
    if (self->interrupted)
        return zseq_bench_fail ("ended by signal %d (%s)", self->interrupted,
                                strsignal (self->interrupted));
    for (size_t i = 0; i < ZSEQ_BENCH_CHILDREN_MAX; i++) {
        s_child_t *child = &self->child[i];
        if (child->pid > 0 && child->needed && child->ended) {
            s_report_end (child);
            return -1;
        }
    }
    return 0;
}

void
zseq_bench_children_ring (zseq_bench_children_t *self)
{
    assert (self);
    uint64_t one = 1;
    (void) !write (self->bell, &one, sizeof one);  //  Full: it is set.
}

bool
zseq_bench_children_ended (zseq_bench_children_t *self, pid_t pid,
                           int *status_p)
{
    assert (self);
    assert (status_p);
    s_child_t *child = s_child (self, pid);
    if (!child->ended)
        return false;
    *status_p = WIFEXITED (child->status) ? WEXITSTATUS (child->status) : -1;
    return true;
}

const char *
zseq_bench_children_said (zseq_bench_children_t *self, pid_t pid)
{
    assert (self);
    return s_child (self, pid)->said;
}

//  Tells a child to end, without waiting.
static void
s_dismiss (s_child_t *child)
{
    child->needed = false;
    if (!child->ended)
        kill (child->pid, child->polite ? SIGTERM : SIGKILL);
}

//  Waits for the end of a child, kills it if that takes too long, and frees its
//  entry.
static void
s_bury (zseq_bench_children_t *self, s_child_t *child)
{
    uint64_t until_ns = zseq_bench_now_ns () + END_S * 1000000000ull;
    while (!child->ended && zseq_bench_now_ns () < until_ns)
        s_run_once (self, until_ns);
    if (!child->ended) {
        kill (child->pid, SIGKILL);
        waitpid (child->pid, &child->status, 0);
    }
    if (child->speech >= 0)
        close (child->speech);
    *child = (s_child_t){.pid = 0};
}

void
zseq_bench_children_end (zseq_bench_children_t *self, pid_t pid)
{
    assert (self);
    s_child_t *child = s_child (self, pid);
    s_dismiss (child);
    s_bury (self, child);
}

//  Waits for the end of a child, and checks its exit status.
static int
s_finish (zseq_bench_children_t *self, s_child_t *child)
{
    uint64_t until_ns =
      zseq_bench_now_ns () + ZSEQ_BENCH_WAIT_S * 1000000000ull;
    while (!child->ended) {
        if (zseq_bench_children_wait (self, until_ns) != 0)
            return -1;
        if (zseq_bench_now_ns () >= until_ns)
            return zseq_bench_fail ("%s did not end within %d s", child->what,
                                    ZSEQ_BENCH_WAIT_S);
    }
    if (WIFEXITED (child->status) && WEXITSTATUS (child->status) == 0)
        return 0;
    if (child->polite || !WIFEXITED (child->status))
        s_report_end (child);
    return -1;
}

int
zseq_bench_children_finish (zseq_bench_children_t *self, pid_t pid)
{
    assert (self);
    s_child_t *child = s_child (self, pid);
    int rc = s_finish (self, child);
    s_dismiss (child);
    s_bury (self, child);
    return rc;
}

void
zseq_bench_children_destroy (zseq_bench_children_t **self_p)
{
    assert (self_p);
    zseq_bench_children_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < ZSEQ_BENCH_CHILDREN_MAX; i++)
        if (self->child[i].pid > 0)
            s_dismiss (&self->child[i]);
    for (size_t i = 0; i < ZSEQ_BENCH_CHILDREN_MAX; i++)
        if (self->child[i].pid > 0)
            s_bury (self, &self->child[i]);
    if (self->signals >= 0)
        close (self->signals);
    if (self->bell >= 0)
        close (self->bell);
    free (self);
    *self_p = NULL;
}
