//  A cluster of zseqd processes on free ports, each with a directory of its
//  own.
//
//  zseq_bench_cluster_new reserves the ports (s_plan), formats and starts each
//  node, and waits until it says that it votes. It reads that from the node's
//  log (s_voting). From then on a node that ends by itself ends the run.
//  zseq_bench_cluster_stop and zseq_bench_cluster_start take single nodes down
//  and up again, with or without their data. The caller deletes the
//  directories.

#include "zseq_bench_cluster.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TEXT_MAX 512
#define START_S 1800  //  Limit of the wait for a node that has much to load

struct zseq_bench_cluster {
    zseq_bench_children_t *children;
    const char *zseqd;
    const char *directory;
    size_t nodes;
    char reserve[32];  //  Seconds
    const char *transport;
    int nowhere;  //  /dev/null, for standard input and output
    int reserved[ZSEQ_BENCH_NODES_MAX];  //  Sockets that reserve the ports
    unsigned port[ZSEQ_BENCH_NODES_MAX];
    pid_t pid[ZSEQ_BENCH_NODES_MAX];
    char uri[TEXT_MAX];
    char members[TEXT_MAX];
};

//  Returns the name of a node.
static char
s_label (size_t index)
{
    return (char) ('a' + index);
}

//  Our socket is bound with SO_REUSEADDR and does not listen. Only a process
//  that sets that option too and names the port, as zseqd does through libzmq,
//  can bind it.
int
zseq_bench_reserve_port (int *fd_p, unsigned *port_p)
{
    assert (fd_p);
    assert (port_p);
    struct sockaddr_in address = {
      .sin_family = AF_INET,
      .sin_addr.s_addr = htonl (INADDR_LOOPBACK),
    };
    socklen_t size = sizeof address;
    int one = 1;
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *fd_p = fd;
    if (fd < 0 ||
        setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind (fd, (struct sockaddr *) &address, sizeof address) != 0 ||
        getsockname (fd, (struct sockaddr *) &address, &size) != 0)
        return zseq_bench_fail ("no free port: %s", strerror (errno));
    *port_p = ntohs (address.sin_port);
    return 0;
}

//  Reserves ports, and writes the members and the URI.
static int
s_plan (zseq_bench_cluster_t *self)
{
    size_t uri_size = 0;
    size_t members_size = 0;
    for (size_t i = 0; i < self->nodes; i++) {
        if (zseq_bench_reserve_port (&self->reserved[i], &self->port[i]) != 0)
            return -1;
        const char *comma = i > 0 ? "," : "";
        uri_size +=
          (size_t) snprintf (self->uri + uri_size, sizeof self->uri - uri_size,
                             "%stcp://127.0.0.1:%u", comma, self->port[i]);
        members_size += (size_t) snprintf (
          self->members + members_size, sizeof self->members - members_size,
          "%s%c=tcp://127.0.0.1:%u", comma, s_label (i), self->port[i]);
        assert (uri_size < sizeof self->uri);
        assert (members_size < sizeof self->members);
    }
    return 0;
}

//  Returns whether a node has logged that it votes.
static bool
s_voting (zseq_bench_cluster_t *self, size_t index)
{
    char ready[64];
    snprintf (ready, sizeof ready, "ready: node %c votes", s_label (index));
    return strstr (zseq_bench_children_said (self->children, self->pid[index]),
                   ready) != NULL;
}

//  Writes the path of a node's directory.
static void
s_data (const zseq_bench_cluster_t *self, size_t index, char *path)
{
    int size =
      snprintf (path, PATH_MAX, "%s/%c", self->directory, s_label (index));
    assert (size > 0 && size < PATH_MAX);
}

//  Runs zseqd format, or zseqd start. start gets options about the node that
//  agree with its directory, as it needs them where that is empty.
static int
s_run (zseq_bench_cluster_t *self, size_t index, bool format)
{
    char what[16];
    char label[2] = {s_label (index), '\0'};
    char data[PATH_MAX];
    snprintf (what, sizeof what, "node %s", label);
    s_data (self, index, data);
    //  execvp takes char * strings, but does not write to them.
    char *arguments[] = {(char *) self->zseqd,
                         format ? "format" : "start",
                         "--data",
                         data,
                         "--name",
                         label,
                         "--cluster",
                         "zseq-bench",
                         "--members",
                         self->members,
                         format ? NULL : "--reserve",
                         self->reserve,
                         self->transport ? "--transport" : NULL,
                         (char *) self->transport,
                         NULL};
    self->pid[index] = zseq_bench_children_exec (
      self->children, what, arguments, self->nowhere, self->nowhere);
    return self->pid[index] > 0 ? 0 : -1;
}

//  Formats the directory of a node.
static int
s_format (zseq_bench_cluster_t *self, size_t index)
{
    if (s_run (self, index, true) != 0)
        return -1;
    int rc = zseq_bench_children_finish (self->children, self->pid[index]);
    self->pid[index] = 0;
    return rc;
}

//  Starts a node. The run needs it from now on.
static int
s_start (zseq_bench_cluster_t *self, size_t index)
{
    if (s_run (self, index, false) != 0)
        return -1;
    zseq_bench_children_need (self->children, self->pid[index]);
    return 0;
}

//  Waits until a node votes.
static int
s_await_vote (zseq_bench_cluster_t *self, size_t index, unsigned wait_s)
{
    uint64_t until_ns = zseq_bench_now_ns () + wait_s * 1000000000ull;
    while (!s_voting (self, index)) {
        if (zseq_bench_children_wait (self->children, until_ns) != 0)
            return -1;
        if (zseq_bench_now_ns () >= until_ns)
            return zseq_bench_fail (
              "node %c does not vote after %u s; it said: %s", s_label (index),
              wait_s,
              zseq_bench_children_said (self->children, self->pid[index]));
    }
    return 0;
}

//  Formats and starts all nodes, and waits until all vote.
static int
s_begin (zseq_bench_cluster_t *self)
{
    for (size_t i = 0; i < self->nodes; i++)
        if (s_format (self, i) != 0)
            return -1;
    for (size_t i = 0; i < self->nodes; i++)
        if (s_start (self, i) != 0)
            return -1;
    for (size_t i = 0; i < self->nodes; i++)
        if (s_await_vote (self, i, ZSEQ_BENCH_WAIT_S) != 0)
            return -1;
    return 0;
}

zseq_bench_cluster_t *
zseq_bench_cluster_new (zseq_bench_children_t *children,
                        const zseq_bench_cluster_options_t *options)
{
    assert (children);
    assert (options);
    assert (options->zseqd);
    assert (options->directory);
    assert (options->nodes >= 1);
    assert (options->nodes <= ZSEQ_BENCH_NODES_MAX);
    zseq_bench_cluster_t *self = calloc (1, sizeof *self);
    if (!self) {
        zseq_bench_fail ("out of memory");
        return NULL;
    }
    self->children = children;
    self->zseqd = options->zseqd;
    self->directory = options->directory;
    self->nodes = options->nodes;
    self->transport = options->transport;
    snprintf (self->reserve, sizeof self->reserve, "%.6f", options->reserve_s);
    for (size_t i = 0; i < self->nodes; i++)
        self->reserved[i] = -1;
    self->nowhere = open ("/dev/null", O_RDWR | O_CLOEXEC);
    if (self->nowhere < 0)
        zseq_bench_fail ("/dev/null: %s", strerror (errno));
    if (self->nowhere < 0 || s_plan (self) != 0 || s_begin (self) != 0)
        zseq_bench_cluster_destroy (&self);
    return self;
}

void
zseq_bench_cluster_destroy (zseq_bench_cluster_t **self_p)
{
    assert (self_p);
    zseq_bench_cluster_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->nodes; i++) {
        if (self->pid[i] > 0)
            zseq_bench_children_end (self->children, self->pid[i]);
        if (self->reserved[i] >= 0)
            close (self->reserved[i]);
    }
    if (self->nowhere >= 0)
        close (self->nowhere);
    free (self);
    *self_p = NULL;
}

const char *
zseq_bench_cluster_uri (const zseq_bench_cluster_t *self)
{
    assert (self);
    return self->uri;
}

const pid_t *
zseq_bench_cluster_pids (const zseq_bench_cluster_t *self, size_t *count_p)
{
    assert (self);
    assert (count_p);
    *count_p = self->nodes;
    return self->pid;
}

void
zseq_bench_cluster_stop (zseq_bench_cluster_t *self, size_t index)
{
    assert (self);
    assert (index < self->nodes);
    assert (self->pid[index] > 0);
    zseq_bench_children_end (self->children, self->pid[index]);
    self->pid[index] = 0;
}

void
zseq_bench_cluster_kill (zseq_bench_cluster_t *self, size_t index)
{
    assert (self);
    assert (index < self->nodes);
    assert (self->pid[index] > 0);
    zseq_bench_children_release (self->children, self->pid[index]);
    (void) kill (self->pid[index], SIGKILL);
    zseq_bench_cluster_stop (self, index);
}

int
zseq_bench_cluster_start (zseq_bench_cluster_t *self, size_t index,
                          uint64_t *ns_p)
{
    assert (self);
    assert (index < self->nodes);
    assert (self->pid[index] <= 0);
    assert (ns_p);
    uint64_t start_ns = zseq_bench_now_ns ();
    if (s_start (self, index) != 0 || s_await_vote (self, index, START_S) != 0)
        return -1;
    *ns_p = zseq_bench_now_ns () - start_ns;
    return 0;
}

void
zseq_bench_cluster_wipe (zseq_bench_cluster_t *self, size_t index)
{
    zseq_bench_cluster_stop (self, index);
    char path[PATH_MAX];
    s_data (self, index, path);
    zseq_bench_delete (path);
}

uint64_t
zseq_bench_cluster_resident (const zseq_bench_cluster_t *self, size_t index)
{
    assert (self);
    assert (index < self->nodes);
    char path[64];
    snprintf (path, sizeof path, "/proc/%d/status", (int) self->pid[index]);
    FILE *file = fopen (path, "re");
    if (!file)
        return 0;
    char line[256];
    unsigned long long kib = 0;
    while (fgets (line, sizeof line, file))
        if (sscanf (line, "VmRSS: %llu", &kib) == 1)
            break;
    fclose (file);
    return kib * 1024;
}

uint64_t
zseq_bench_cluster_cpu_ns (const zseq_bench_cluster_t *self)
{
    assert (self);
    uint64_t sum_ns = 0;
    for (size_t i = 0; i < self->nodes; i++)
        if (self->pid[i] > 0)
            sum_ns += zseq_bench_process_cpu_ns (self->pid[i]);
    return sum_ns;
}

//  Deletes a file, for nftw.
static int
s_delete_one (const char *path, const struct stat *info, int type,
              struct FTW *place)
{
    (void) info;
    (void) type;
    (void) place;
    if (remove (path) != 0)
        zseq_bench_fail ("%s: %s", path, strerror (errno));
    return 0;
}

void
zseq_bench_delete (const char *path)
{
    assert (path);
    nftw (path, s_delete_one, 16, FTW_DEPTH | FTW_PHYS);
}
