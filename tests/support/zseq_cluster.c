//  Starts, kills and restarts zseqd processes on free ports of this machine.
//  Clusters that are alive when the test ends are killed then.

#include "zseq_cluster.h"
#include "zseq_process.h"

#include <assert.h>
#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define S_PATH_MAX 128
#define S_MEMBERS_MAX 512
#define S_ARGUMENTS_MAX 16

typedef struct {
    char name[2];
    char endpoint[64];
    char directory[S_PATH_MAX];
    char log[S_PATH_MAX];
    int socket;    //  Keeps the port
    pid_t pid;     //  0 when it does not run
    off_t spoken;  //  Size of the log when it was started
} s_node_t;

struct zseq_cluster {
    pid_t owner;  //  The process that ends it; not a forked child
    char name[ZSEQ_LABEL_MAX + 1];
    char zseqd[512];
    char path[S_PATH_MAX];
    char uri[ZSEQ_CLUSTER_URI_MAX];
    char members[S_MEMBERS_MAX];
    size_t n;
    s_node_t node[ZSEQ_NODES_MAX];
    zseq_cluster_t *next;  //  In the list of those that live
};

static zseq_cluster_t *s_living;

//  Binds the socket to a free port before it allows others to bind there too:
//  so the port is ours alone, until zseqd, whose socket allows the same,
//  listens on it. This socket never does. (Linux refuses a second bind only
//  if one of the two does not have SO_REUSEADDR, or listens.)
static void
s_reserve_port (s_node_t *node)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int yes = 1;
    node->socket = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (node->socket == -1 ||
        bind (node->socket, (struct sockaddr *) &address, size) == -1 ||
        setsockopt (node->socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) ==
          -1 ||
        getsockname (node->socket, (struct sockaddr *) &address, &size) == -1)
        zseq_process_fail ("cannot reserve a port: %s", strerror (errno));
    snprintf (node->endpoint, sizeof node->endpoint, "tcp://127.0.0.1:%d",
              ntohs (address.sin_port));
}

static int
s_remove_entry (const char *path, const struct stat *status, int type,
                struct FTW *walk)
{
    (void) status;
    (void) type;
    (void) walk;
    return remove (path);
}

static void
s_remove_tree (const char *path)
{
    nftw (path, s_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void
s_print_logs (const zseq_cluster_t *self)
{
    for (size_t index = 0; index < self->n; index++) {
        const s_node_t *node = &self->node[index];
        if (zseq_process_size (node->log) == 0)
            continue;
        char *text = zseq_process_read (node->log, 0);
        fprintf (stderr, "--- log of node %s ---\n%s", node->name, text);
        free (text);
    }
}

static void
s_end_all (void)
{
    while (s_living && s_living->owner == getpid ()) {
        zseq_cluster_t *self = s_living;
        s_print_logs (self);
        zseq_cluster_destroy (&self);
    }
}

static void
s_append (char *text, size_t size, const char *format, ...)
{
    size_t used = strlen (text);
    va_list list;
    va_start (list, format);
    int rc = vsnprintf (text + used, size - used, format, list);
    va_end (list);
    assert (rc >= 0 && (size_t) rc < size - used);
}

static void
s_node_init (s_node_t *node, const char *path, size_t index)
{
    node->name[0] = (char) ('a' + index);
    s_append (node->directory, sizeof node->directory, "%s/%s", path,
              node->name);
    s_append (node->log, sizeof node->log, "%s/%s.log", path, node->name);
    s_reserve_port (node);
}

zseq_cluster_t *
zseq_cluster_new (const char *name, size_t n, const char *zseqd)
{
    assert (name);
    assert (n >= 1 && n <= ZSEQ_NODES_MAX);
    zseq_cluster_t *self = calloc (1, sizeof *self);
    assert (self);
    if (!s_living)
        atexit (s_end_all);
    self->owner = getpid ();
    self->next = s_living;
    s_living = self;
    s_append (self->name, sizeof self->name, "%s", name);
    s_append (self->zseqd, sizeof self->zseqd, "%s", zseqd ? zseqd : ZSEQD);
    s_append (self->path, sizeof self->path, "%s/zseq-test-XXXXXX",
              getenv ("TMPDIR") ? getenv ("TMPDIR") : "/tmp");
    if (!mkdtemp (self->path))
        zseq_process_fail ("%s: %s", self->path, strerror (errno));
    for (; self->n < n; self->n++) {
        s_node_t *node = &self->node[self->n];
        const char *comma = self->n > 0 ? "," : "";
        s_node_init (node, self->path, self->n);
        s_append (self->uri, sizeof self->uri, "%s%s", comma, node->endpoint);
        s_append (self->members, sizeof self->members, "%s%s=%s", comma,
                  node->name, node->endpoint);
    }
    for (size_t index = 0; index < n; index++)
        zseq_cluster_format (self, index);
    return self;
}

void
zseq_cluster_destroy (zseq_cluster_t **self_p)
{
    assert (self_p);
    zseq_cluster_t *self = *self_p;
    if (!self)
        return;
    for (size_t index = 0; index < self->n; index++) {
        if (self->node[index].pid)
            zseq_cluster_kill (self, index);
        close (self->node[index].socket);
    }
    s_remove_tree (self->path);
    zseq_cluster_t **place = &s_living;
    while (*place != self)
        place = &(*place)->next;
    *place = self->next;
    free (self);
    *self_p = NULL;
}

static s_node_t *
s_node (zseq_cluster_t *self, size_t index)
{
    assert (self);
    assert (index < self->n);
    return &self->node[index];
}

static s_node_t *
s_running (zseq_cluster_t *self, size_t index)
{
    s_node_t *node = s_node (self, index);
    assert (node->pid);
    return node;
}

int
zseq_cluster_run (zseq_cluster_t *self, size_t index, ...)
{
    const char *argv[S_ARGUMENTS_MAX] = {self->zseqd};
    size_t count = 1;
    va_list list;
    va_start (list, index);
    while ((argv[count] = va_arg (list, const char *)))
        if (++count == S_ARGUMENTS_MAX)
            zseq_process_fail ("too many arguments");
    va_end (list);
    return zseq_process_wait (
      zseq_process_exec (argv, s_node (self, index)->log));
}

void
zseq_cluster_format (zseq_cluster_t *self, size_t index)
{
    s_node_t *node = s_node (self, index);
    int rc = zseq_cluster_run (self, index, "format", "--data", node->directory,
                               "--name", node->name, "--cluster", self->name,
                               "--members", self->members, NULL);
    if (rc != 0)
        zseq_process_fail ("format of node %s: exit status %d", node->name, rc);
}

void
zseq_cluster_lose (zseq_cluster_t *self, size_t index)
{
    s_node_t *node = s_node (self, index);
    assert (!node->pid);
    s_remove_tree (node->directory);
}

void
zseq_cluster_spawn (zseq_cluster_t *self, size_t index)
{
    s_node_t *node = s_node (self, index);
    assert (!node->pid);
    const char *argv[] = {self->zseqd, "start", "--data", node->directory,
                          NULL};
    node->spoken = zseq_process_size (node->log);
    node->pid = zseq_process_exec (argv, node->log);
}

void
zseq_cluster_ready (zseq_cluster_t *self, size_t index)
{
    s_node_t *node = s_running (self, index);
    char text[32];
    snprintf (text, sizeof text, "ready: node %s votes", node->name);
    if (!zseq_process_says (node->pid, node->log, node->spoken, text))
        zseq_process_fail ("node %s ended with status %d before it voted",
                           node->name, zseq_cluster_wait (self, index));
}

void
zseq_cluster_start (zseq_cluster_t *self, size_t index)
{
    zseq_cluster_spawn (self, index);
    zseq_cluster_ready (self, index);
}

void
zseq_cluster_start_all (zseq_cluster_t *self)
{
    assert (self);
    for (size_t index = 0; index < self->n; index++)
        zseq_cluster_spawn (self, index);
    for (size_t index = 0; index < self->n; index++)
        zseq_cluster_ready (self, index);
}

static void
s_signal (zseq_cluster_t *self, size_t index, int signal)
{
    if (kill (s_running (self, index)->pid, signal) == -1)
        zseq_process_fail ("kill: %s", strerror (errno));
}

int
zseq_cluster_wait (zseq_cluster_t *self, size_t index)
{
    s_node_t *node = s_running (self, index);
    int status = zseq_process_wait (node->pid);
    node->pid = 0;
    return status;
}

size_t
zseq_cluster_wait_any (zseq_cluster_t *self, int *status_p)
{
    assert (self);
    assert (status_p);
    pid_t pids[ZSEQ_NODES_MAX];
    for (size_t index = 0; index < self->n; index++)
        pids[index] = self->node[index].pid;
    size_t ended = zseq_process_any (pids, self->n);
    *status_p = zseq_cluster_wait (self, ended);
    return ended;
}

int
zseq_cluster_stop (zseq_cluster_t *self, size_t index, int signal)
{
    s_signal (self, index, signal);
    return zseq_cluster_wait (self, index);
}

void
zseq_cluster_kill (zseq_cluster_t *self, size_t index)
{
    (void) zseq_cluster_stop (self, index, SIGKILL);
}

void
zseq_cluster_pause (zseq_cluster_t *self, size_t index)
{
    s_signal (self, index, SIGSTOP);
}

void
zseq_cluster_resume (zseq_cluster_t *self, size_t index)
{
    s_signal (self, index, SIGCONT);
}

const char *
zseq_cluster_uri (const zseq_cluster_t *self)
{
    assert (self);
    return self->uri;
}

static const s_node_t *
s_look (const zseq_cluster_t *self, size_t index)
{
    assert (self);
    assert (index < self->n);
    return &self->node[index];
}

const char *
zseq_cluster_endpoint (const zseq_cluster_t *self, size_t index)
{
    return s_look (self, index)->endpoint;
}

const char *
zseq_cluster_members (const zseq_cluster_t *self)
{
    assert (self);
    return self->members;
}

const char *
zseq_cluster_directory (const zseq_cluster_t *self, size_t index)
{
    return s_look (self, index)->directory;
}

const char *
zseq_cluster_log (const zseq_cluster_t *self, size_t index)
{
    return s_look (self, index)->log;
}

const char *
zseq_cluster_zseqd (const zseq_cluster_t *self)
{
    assert (self);
    return self->zseqd;
}

pid_t
zseq_cluster_pid (const zseq_cluster_t *self, size_t index)
{
    return s_look (self, index)->pid;
}

const char *
zseq_cluster_path (const zseq_cluster_t *self)
{
    assert (self);
    return self->path;
}

bool
zseq_cluster_logged (const zseq_cluster_t *self, size_t index, const char *text)
{
    char *log = zseq_process_read (s_look (self, index)->log, 0);
    bool found = strstr (log, text) != NULL;
    free (log);
    return found;
}
