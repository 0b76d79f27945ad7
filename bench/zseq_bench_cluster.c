#include "zseq_bench_cluster.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TEXT_MAX 512

struct zseq_bench_cluster {
    zseq_bench_family_t *family;
    const char *zseqd;
    const char *directory;
    size_t nodes;
    int nowhere;  //  /dev/null, for standard input and output
    int reserved[ZSEQ_BENCH_NODES_MAX];  //  Sockets that keep the ports ours
    unsigned port[ZSEQ_BENCH_NODES_MAX];
    pid_t pid[ZSEQ_BENCH_NODES_MAX];
    char uri[TEXT_MAX];
    char members[TEXT_MAX];
};

static char
s_label (size_t index)
{
    return (char) ('a' + index);
}

//  Finds a free port and keeps it: bound with SO_REUSEADDR and not listening,
//  our socket bars everybody but those who set that option too, as libzmq
//  does, and who name the port.
static int
s_reserve (zseq_bench_cluster_t *self, size_t index)
{
    struct sockaddr_in address = {
      .sin_family = AF_INET,
      .sin_addr.s_addr = htonl (INADDR_LOOPBACK),
    };
    socklen_t size = sizeof address;
    int one = 1;
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    self->reserved[index] = fd;
    if (fd < 0 ||
        setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind (fd, (struct sockaddr *) &address, sizeof address) != 0 ||
        getsockname (fd, (struct sockaddr *) &address, &size) != 0)
        return zseq_bench_fail ("no free port: %s", strerror (errno));
    self->port[index] = ntohs (address.sin_port);
    return 0;
}

static int
s_plan (zseq_bench_cluster_t *self)
{
    size_t uri_size = 0;
    size_t members_size = 0;
    for (size_t i = 0; i < self->nodes; i++) {
        if (s_reserve (self, i) != 0)
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

//  Whether a node said that it votes.
static bool
s_voting (zseq_bench_cluster_t *self, size_t index)
{
    char ready[64];
    snprintf (ready, sizeof ready, "ready: node %c votes", s_label (index));
    return strstr (zseq_bench_family_said (self->family, self->pid[index]),
                   ready) != NULL;
}

static int
s_run (zseq_bench_cluster_t *self, size_t index, bool format)
{
    char what[16];
    char label[2] = {s_label (index), '\0'};
    char data[PATH_MAX];
    snprintf (what, sizeof what, "node %s", label);
    snprintf (data, sizeof data, "%s/%s", self->directory, label);
    //  execvp takes its strings as not const, and leaves them alone.
    char *to_format[] = {(char *) self->zseqd,
                         "format",
                         "--data",
                         data,
                         "--name",
                         label,
                         "--cluster",
                         "zseq-bench",
                         "--members",
                         self->members,
                         NULL};
    char *to_start[] = {(char *) self->zseqd, "start", "--data", data, NULL};
    self->pid[index] =
      zseq_bench_family_exec (self->family, what, format ? to_format : to_start,
                              self->nowhere, self->nowhere);
    return self->pid[index] > 0 ? 0 : -1;
}

static int
s_format (zseq_bench_cluster_t *self, size_t index)
{
    if (s_run (self, index, true) != 0)
        return -1;
    int rc = zseq_bench_family_finish (self->family, self->pid[index]);
    self->pid[index] = 0;
    return rc;
}

static int
s_start (zseq_bench_cluster_t *self)
{
    for (size_t i = 0; i < self->nodes; i++)
        if (s_format (self, i) != 0)
            return -1;
    for (size_t i = 0; i < self->nodes; i++) {
        if (s_run (self, i, false) != 0)
            return -1;
        zseq_bench_family_need (self->family, self->pid[i]);
    }
    uint64_t until_ns =
      zseq_bench_now_ns () + ZSEQ_BENCH_WAIT_S * 1000000000ull;
    for (size_t voting = 0; voting < self->nodes;) {
        if (s_voting (self, voting)) {
            voting++;
            continue;
        }
        if (zseq_bench_family_wait (self->family, until_ns) != 0)
            return -1;
        if (zseq_bench_now_ns () >= until_ns)
            return zseq_bench_fail (
              "node %c does not vote after %d s; it said: %s", s_label (voting),
              ZSEQ_BENCH_WAIT_S,
              zseq_bench_family_said (self->family, self->pid[voting]));
    }
    return 0;
}

zseq_bench_cluster_t *
zseq_bench_cluster_new (zseq_bench_family_t *family, const char *zseqd,
                        const char *directory, size_t nodes)
{
    assert (family);
    assert (zseqd);
    assert (directory);
    assert (nodes >= 1);
    assert (nodes <= ZSEQ_BENCH_NODES_MAX);
    zseq_bench_cluster_t *self = calloc (1, sizeof *self);
    if (!self) {
        zseq_bench_fail ("out of memory");
        return NULL;
    }
    self->family = family;
    self->zseqd = zseqd;
    self->directory = directory;
    self->nodes = nodes;
    for (size_t i = 0; i < nodes; i++)
        self->reserved[i] = -1;
    self->nowhere = open ("/dev/null", O_RDWR | O_CLOEXEC);
    if (self->nowhere < 0)
        zseq_bench_fail ("/dev/null: %s", strerror (errno));
    if (self->nowhere < 0 || s_plan (self) != 0 || s_start (self) != 0)
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
            zseq_bench_family_end (self->family, self->pid[i]);
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
