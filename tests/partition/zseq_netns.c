//  Network namespaces on a bridge, and the rules that drop or delay their
//  packets.

#include "zseq_netns.h"
#include "zseq_process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

//  Exists everywhere; in a mount namespace of our own it is ours alone.
#define S_PATH "/dev/shm"
#define S_SPACE "/proc/self/ns/net"
#define S_LOG S_PATH "/net.log"
#define S_BATCH S_PATH "/net.batch"

typedef struct {
    int space;  //  Its namespace
    char address[32];
    bool up;
    bool blocked[ZSEQ_NETNS_HOSTS_MAX];  //  Hosts to which its packets are lost
} s_host_t;

struct zseq_netns {
    size_t hosts;
    int hub;  //  The namespace of the bridge
    s_host_t host[ZSEQ_NETNS_HOSTS_MAX];
};

//  Ends the test as skipped.
static void __attribute__ ((format (printf, 1, 2), noreturn))
s_skip (const char *format, ...)
{
    va_list list;
    va_start (list, format);
    printf ("skipped: ");
    vprintf (format, list);
    printf ("\n");
    va_end (list);
    fflush (stdout);
    _exit (ZSEQ_NETNS_SKIPPED);
}

//  The network namespace of this process.
static int
s_open_space (void)
{
    int space = open (S_SPACE, O_RDONLY | O_CLOEXEC);
    if (space == -1)
        zseq_process_fail (S_SPACE ": %s", strerror (errno));
    return space;
}

//  Moves this process to a network namespace.
static void
s_move_to (int space)
{
    if (setns (space, CLONE_NEWNET) == -1)
        zseq_process_fail ("setns: %s", strerror (errno));
}

void
zseq_netns_enter (zseq_netns_t *self, size_t host)
{
    assert (self);
    assert (host < self->hosts);
    s_move_to (self->host[host].space);
}

void
zseq_netns_leave (zseq_netns_t *self)
{
    assert (self);
    s_move_to (self->hub);
}

//  A file of commands for ip, nft or tc.

//  Begins a batch of commands.
static FILE *
s_batch_open (void)
{
    FILE *file = fopen (S_BATCH, "we");
    if (!file)
        zseq_process_fail (S_BATCH ": %s", strerror (errno));
    return file;
}

//  Closes the file and lets program read it. Returns its exit status.
static int
s_batch_run (FILE *file, const char *program, const char *option)
{
    if (fclose (file) != 0)
        zseq_process_fail (S_BATCH ": %s", strerror (errno));
    unlink (S_LOG);
    const char *argv[] = {program, option, S_BATCH, NULL};
    return zseq_process_wait (zseq_process_exec (argv, S_LOG));
}

//  Runs a batch, which must succeed.
static void
s_batch_must (FILE *file, const char *program, const char *option)
{
    int status = s_batch_run (file, program, option);
    if (status != 0)
        zseq_process_fail ("%s: exit status %d: %s", program, status,
                           zseq_process_read (S_LOG, 0));
}

//  The same while it is still open whether this can be had at all.
static void
s_batch_try (FILE *file, const char *program, const char *option)
{
    int status = s_batch_run (file, program, option);
    if (status != 0)
        s_skip ("%s: exit status %d: %s", program, status,
                zseq_process_read (S_LOG, 0));
}

//  Writes the firewall rules for all blocked pairs of hosts.
static void
s_write_rules (const zseq_netns_t *self, FILE *file)
{
    fprintf (file, "table bridge zseq {\nchain forward {\n"
                   "type filter hook forward priority 0;\n}\n}\n"
                   "flush chain bridge zseq forward\n");
    for (size_t from = 0; from < self->hosts; from++)
        for (size_t to = 0; to < self->hosts; to++)
            if (self->host[from].blocked[to])
                fprintf (file,
                         "add rule bridge zseq forward "
                         "ip saddr %s ip daddr %s drop\n",
                         self->host[from].address, self->host[to].address);
}

//  Makes the namespaces of all hosts, or skips the test.
static void
s_new_spaces (zseq_netns_t *self)
{
    if (unshare (CLONE_NEWNS | CLONE_NEWNET) == -1)
        s_skip ("no namespaces: %s", strerror (errno));
    if (mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
        mount ("zseq", S_PATH, "tmpfs", 0, NULL) == -1)
        s_skip ("no file system of its own: %s", strerror (errno));
    self->hub = s_open_space ();
    for (size_t index = 0; index < self->hosts; index++) {
        s_host_t *host = &self->host[index];
        if (unshare (CLONE_NEWNET) == -1)
            s_skip ("no namespace for a host: %s", strerror (errno));
        host->space = s_open_space ();
        host->up = true;
        snprintf (host->address, sizeof host->address, "10.77.0.%d",
                  (int) index + 1);
    }
    s_move_to (self->hub);
}

zseq_netns_t *
zseq_netns_new (size_t hosts)
{
    assert (hosts >= 1 && hosts <= ZSEQ_NETNS_HOSTS_MAX);
    zseq_netns_t *self = calloc (1, sizeof *self);
    assert (self);
    self->hosts = hosts;
    s_new_spaces (self);
    FILE *file = s_batch_open ();
    fprintf (file, "link add hub type bridge\nlink set hub up\n");
    for (size_t index = 0; index < hosts; index++)
        fprintf (file,
                 "link add port%zu type veth peer name eth0 netns "
                 "/proc/%d/fd/%d\nlink set port%zu master hub up\n",
                 index, getpid (), self->host[index].space, index);
    s_batch_try (file, "ip", "-batch");
    for (size_t index = 0; index < hosts; index++) {
        zseq_netns_enter (self, index);
        file = s_batch_open ();
        fprintf (file,
                 "link set lo up\naddress add %s/24 dev eth0\n"
                 "link set eth0 up\n",
                 self->host[index].address);
        s_batch_try (file, "ip", "-batch");
    }
    zseq_netns_leave (self);
    file = s_batch_open ();
    s_write_rules (self, file);
    s_batch_try (file, "nft", "-f");
    return self;
}

void
zseq_netns_destroy (zseq_netns_t **self_p)
{
    assert (self_p);
    zseq_netns_t *self = *self_p;
    if (!self)
        return;
    for (size_t index = 0; index < self->hosts; index++)
        close (self->host[index].space);
    close (self->hub);
    if (umount2 (S_PATH, MNT_DETACH) == -1)
        zseq_process_fail ("umount: %s", strerror (errno));
    free (self);
    *self_p = NULL;
}

const char *
zseq_netns_path (const zseq_netns_t *self)
{
    assert (self);
    return S_PATH;
}

const char *
zseq_netns_address (const zseq_netns_t *self, size_t host)
{
    assert (self);
    assert (host < self->hosts);
    return self->host[host].address;
}

void
zseq_netns_block (zseq_netns_t *self, size_t from, size_t to)
{
    assert (self);
    assert (from < self->hosts);
    assert (to < self->hosts);
    self->host[from].blocked[to] = true;
}

void
zseq_netns_unblock_all (zseq_netns_t *self)
{
    assert (self);
    for (size_t from = 0; from < self->hosts; from++)
        for (size_t to = 0; to < self->hosts; to++)
            self->host[from].blocked[to] = false;
}

void
zseq_netns_apply (zseq_netns_t *self)
{
    assert (self);
    FILE *file = s_batch_open ();
    s_write_rules (self, file);
    s_batch_must (file, "nft", "-f");
}

void
zseq_netns_set_up (zseq_netns_t *self, size_t host, bool up)
{
    assert (self);
    assert (host < self->hosts);
    FILE *file = s_batch_open ();
    fprintf (file, "link set port%zu %s\n", host, up ? "up" : "down");
    s_batch_must (file, "ip", "-batch");
    self->host[host].up = up;
}

//  What an interface sends; it waits for 200 ms at most, the rest is lost.
static bool
s_limit (const char *interface, unsigned kbit)
{
    FILE *file = s_batch_open ();
    if (kbit > 0)
        fprintf (file,
                 "qdisc replace dev %s root tbf rate %ukbit burst 4kb "
                 "latency 200ms\n",
                 interface, kbit);
    else
        fprintf (file, "qdisc del dev %s root\n", interface);
    return s_batch_run (file, "tc", "-batch") == 0;
}

bool
zseq_netns_set_speed (zseq_netns_t *self, size_t host, unsigned kbit)
{
    assert (self);
    assert (host < self->hosts);
    char port[32];
    snprintf (port, sizeof port, "port%zu", host);
    bool done = s_limit (port, kbit);
    zseq_netns_enter (self, host);
    done = s_limit ("eth0", kbit) && done;
    zseq_netns_leave (self);
    return done;
}

bool
zseq_netns_connected (const zseq_netns_t *self, size_t one, size_t other)
{
    assert (self);
    assert (one < self->hosts);
    assert (other < self->hosts);
    return self->host[one].up && self->host[other].up &&
           !self->host[one].blocked[other] && !self->host[other].blocked[one];
}
