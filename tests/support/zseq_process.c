//  Forks processes, waits for them, and ends the test on errors.

#include "zseq_process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

void
zseq_process_fail (const char *format, ...)
{
    va_list list;
    va_start (list, format);
    fprintf (stderr, "test support: ");
    vfprintf (stderr, format, list);
    fprintf (stderr, "\n");
    va_end (list);
    exit (EXIT_FAILURE);
}

//  In the child: die with the parent, even if it has died already.
static void
s_bind_to (pid_t parent)
{
    prctl (PR_SET_PDEATHSIG, SIGKILL);
    if (getppid () != parent)
        _exit (EXIT_FAILURE);
}

static pid_t
s_fork (void)
{
    pid_t parent = getpid ();
    pid_t pid = fork ();
    if (pid == -1)
        zseq_process_fail ("fork: %s", strerror (errno));
    if (pid == 0)
        s_bind_to (parent);
    return pid;
}

pid_t
zseq_process_fork (int (*body) (void *arg), void *arg)
{
    assert (body);
    pid_t pid = s_fork ();
    if (pid == 0)
        _exit (body (arg));
    return pid;
}

bool
zseq_process_forks_threads (void)
{
#if defined __SANITIZE_ADDRESS__
    return false;
#elif defined __has_feature
    return !__has_feature (address_sanitizer);
#else
    return true;
#endif
}

pid_t
zseq_process_exec (const char *const *argv, const char *log)
{
    assert (argv);
    assert (log);
    pid_t pid = s_fork ();
    if (pid != 0)
        return pid;
    int null = open ("/dev/null", O_RDWR | O_CLOEXEC);
    int err = open (log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (null == -1 || err == -1 || dup2 (null, 0) == -1 ||
        dup2 (null, 1) == -1 || dup2 (err, 2) == -1)
        _exit (126);
    execvp (argv[0], (char *const *) argv);
    perror (argv[0]);
    _exit (127);
}

static int
s_open_pid (pid_t pid)
{
    int fd = pidfd_open (pid, 0);
    if (fd == -1)
        zseq_process_fail ("pidfd_open of %d: %s", pid, strerror (errno));
    return fd;
}

//  Polls, and ends the test when nothing happens at all.
static void
s_poll (struct pollfd *fds, nfds_t count, const char *what)
{
    int rc;
    do
        rc = poll (fds, count, ZSEQ_PROCESS_WAIT_MS);
    while (rc == -1 && errno == EINTR);
    if (rc == -1)
        zseq_process_fail ("poll: %s", strerror (errno));
    if (rc == 0)
        zseq_process_fail ("still waiting for %s", what);
}

int
zseq_process_wait (pid_t pid)
{
    struct pollfd fd = {.fd = s_open_pid (pid), .events = POLLIN};
    s_poll (&fd, 1, "a process to end");
    close (fd.fd);
    int status;
    if (waitpid (pid, &status, 0) != pid)
        zseq_process_fail ("waitpid of %d: %s", pid, strerror (errno));
    return WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status);
}

size_t
zseq_process_any (const pid_t *pids, size_t count)
{
    assert (pids);
    assert (count <= ZSEQ_PROCESSES_MAX);
    struct pollfd fds[ZSEQ_PROCESSES_MAX];
    for (size_t index = 0; index < count; index++)
        fds[index] = (struct pollfd){
          .fd = pids[index] ? s_open_pid (pids[index]) : -1, .events = POLLIN};
    s_poll (fds, count, "any process to end");
    size_t ended = count;
    for (size_t index = 0; index < count; index++) {
        if (fds[index].fd == -1)
            continue;
        if (fds[index].revents && ended == count)
            ended = index;
        close (fds[index].fd);
    }
    assert (ended < count);
    return ended;
}

off_t
zseq_process_size (const char *path)
{
    struct stat status;
    return stat (path, &status) == 0 ? status.st_size : 0;
}

char *
zseq_process_read (const char *path, off_t offset)
{
    FILE *file = fopen (path, "re");
    if (!file || fseeko (file, offset, SEEK_SET) != 0)
        zseq_process_fail ("%s: %s", path, strerror (errno));
    char *text = NULL;
    size_t text_size = 0;
    if (getdelim (&text, &text_size, '\0', file) == -1) {
        free (text);
        text = strdup ("");
    }
    fclose (file);
    assert (text);
    return text;
}

static bool
s_contains (const char *log, off_t offset, const char *text)
{
    char *content = zseq_process_read (log, offset);
    bool found = strstr (content, text) != NULL;
    free (content);
    return found;
}

bool
zseq_process_says (pid_t pid, const char *log, off_t offset, const char *text)
{
    //  The file may not be there yet.
    int file = open (log, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
    int watch = inotify_init1 (IN_CLOEXEC | IN_NONBLOCK);
    if (file == -1 || watch == -1 ||
        inotify_add_watch (watch, log, IN_MODIFY) == -1)
        zseq_process_fail ("cannot watch %s: %s", log, strerror (errno));
    close (file);

    struct pollfd fds[2] = {{.fd = watch, .events = POLLIN},
                            {.fd = s_open_pid (pid), .events = POLLIN}};
    bool found = false;
    bool alive = true;
    while (!(found = s_contains (log, offset, text)) && alive) {
        s_poll (fds, 2, text);
        char events[4096];
        while (read (watch, events, sizeof events) > 0)
            ;
        alive = fds[1].revents == 0;
    }
    close (fds[0].fd);
    close (fds[1].fd);
    return found;
}
