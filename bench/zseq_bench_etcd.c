//  Members are processes of the etcd in the PATH. Everything that needs etcd's
//  protocol is done by the loader, which prints what it found as JSON.

#include "zseq_bench_etcd.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MAX 1024
#define PACKAGES                                                               \
    "on Debian: apt install etcd-server golang-go golang-etcd-server-dev; "    \
    "then cmake --build BUILD --target zseq-bench-etcd"

//  Arguments of the loader.
#define LOADER_ARGUMENTS 40
#define LOADER_TEXT 32

struct zseq_bench_etcd {
    zseq_bench_children_t *children;
    zseq_bench_etcd_options_t options;
    int nowhere;
    int reserved[2 * ZSEQ_BENCH_NODES_MAX];
    unsigned port[2 * ZSEQ_BENCH_NODES_MAX];  //  For clients, for peers
    pid_t pid[ZSEQ_BENCH_NODES_MAX];
    char endpoints[TEXT_MAX];
    char members[TEXT_MAX];
    char version[32];
    size_t leader;
};

//  A run of the loader: its arguments, some of them made here.
typedef struct {
    char *argument[LOADER_ARGUMENTS];
    size_t count;
    char text[LOADER_ARGUMENTS][LOADER_TEXT];
    FILE *output;
} s_loader_t;

//  The loader.

static void
s_loader_add (s_loader_t *self, const char *option, const char *value)
{
    assert (self->count + 3 <= LOADER_ARGUMENTS);
    //  execvp takes char * strings, but does not write to them.
    self->argument[self->count++] = (char *) option;
    if (value)
        self->argument[self->count++] = (char *) value;
}

static void
s_loader_add_number (s_loader_t *self, const char *option, double number)
{
    snprintf (self->text[self->count], LOADER_TEXT, "%.12g", number);
    s_loader_add (self, option, self->text[self->count]);
}

//  Begins a program that writes to a file of ours.
static int
s_loader_init (s_loader_t *self, const char *program, const char *command)
{
    memset (self, 0, sizeof *self);
    self->output = tmpfile ();
    if (!self->output)
        return zseq_bench_fail ("etcd: %s", strerror (errno));
    s_loader_add (self, program, command);
    return 0;
}

//  Runs the program, for as long as it takes.
static int
s_loader_run (s_loader_t *self, zseq_bench_etcd_t *etcd)
{
    pid_t pid = zseq_bench_children_exec (etcd->children, "the load of etcd",
                                          self->argument, etcd->nowhere,
                                          fileno (self->output));
    int status;
    if (pid < 0)
        return -1;
    while (!zseq_bench_children_ended (etcd->children, pid, &status))
        if (zseq_bench_children_wait (etcd->children, UINT64_MAX) != 0)
            return -1;
    rewind (self->output);
    return zseq_bench_children_finish (etcd->children, pid);
}

static void
s_loader_term (s_loader_t *self)
{
    if (self->output)
        fclose (self->output);
}

//  The members.

static int
s_plan (zseq_bench_etcd_t *self)
{
    size_t endpoints_size = 0;
    size_t members_size = 0;
    for (size_t i = 0; i < 2 * self->options.nodes; i++)
        if (zseq_bench_reserve_port (&self->reserved[i], &self->port[i]) != 0)
            return -1;
    for (size_t i = 0; i < self->options.nodes; i++) {
        const char *comma = i > 0 ? "," : "";
        endpoints_size += (size_t) snprintf (
          self->endpoints + endpoints_size, TEXT_MAX - endpoints_size,
          "%s127.0.0.1:%u", comma, self->port[2 * i]);
        members_size += (size_t) snprintf (
          self->members + members_size, TEXT_MAX - members_size,
          "%s%zu=http://127.0.0.1:%u", comma, i, self->port[2 * i + 1]);
        assert (endpoints_size < TEXT_MAX);
        assert (members_size < TEXT_MAX);
    }
    return 0;
}

static int
s_start (zseq_bench_etcd_t *self, size_t index)
{
    char name[24];
    char what[32];
    char data[PATH_MAX];
    char client[64];
    char peer[64];
    snprintf (name, sizeof name, "%zu", index);
    snprintf (what, sizeof what, "etcd %zu", index);
    snprintf (client, sizeof client, "http://127.0.0.1:%u",
              self->port[2 * index]);
    snprintf (peer, sizeof peer, "http://127.0.0.1:%u",
              self->port[2 * index + 1]);
    int size =
      snprintf (data, sizeof data, "%s/%zu", self->options.directory, index);
    assert (size > 0 && (size_t) size < sizeof data);
    char *arguments[] = {"etcd",        "--name",
                         name,          "--data-dir",
                         data,          "--listen-client-urls",
                         client,        "--advertise-client-urls",
                         client,        "--listen-peer-urls",
                         peer,          "--initial-advertise-peer-urls",
                         peer,          "--initial-cluster",
                         self->members, "--initial-cluster-token",
                         "zseq-bench",  "--logger",
                         "zap",         "--log-level",
                         "error",       NULL};
    self->pid[index] = zseq_bench_children_exec (
      self->children, what, arguments, self->nowhere, self->nowhere);
    if (self->pid[index] < 0)
        return -1;
    zseq_bench_children_need (self->children, self->pid[index]);
    return 0;
}

//  Waits until all members name the same leader, and notes it.
static int
s_await_leader (zseq_bench_etcd_t *self)
{
    s_loader_t loader;
    int rc = s_loader_init (&loader, self->options.loader, "status");
    s_loader_add (&loader, "-endpoints", self->endpoints);
    if (rc == 0)
        rc = s_loader_run (&loader, self);
    if (rc == 0 && (fscanf (loader.output, "%zu", &self->leader) != 1 ||
                    self->leader >= self->options.nodes))
        rc = zseq_bench_fail ("etcd: no leader is named");
    s_loader_term (&loader);
    return rc;
}

static int
s_find_version (zseq_bench_etcd_t *self)
{
    s_loader_t loader;
    int rc = s_loader_init (&loader, "etcd", "--version");
    if (rc == 0)
        rc = s_loader_run (&loader, self);
    if (rc == 0 &&
        fscanf (loader.output, "etcd Version: %31s", self->version) != 1)
        snprintf (self->version, sizeof self->version, "unknown");
    s_loader_term (&loader);
    return rc;
}

static int
s_begin (zseq_bench_etcd_t *self)
{
    if (s_plan (self) != 0 || s_find_version (self) != 0)
        return -1;
    for (size_t i = 0; i < self->options.nodes; i++)
        if (s_start (self, i) != 0)
            return -1;
    return s_await_leader (self);
}

//  Whether a program is in the PATH.
static bool
s_is_installed (const char *program)
{
    const char *place = getenv ("PATH");
    while (place && *place) {
        size_t size = strcspn (place, ":");
        char path[PATH_MAX];
        snprintf (path, sizeof path, "%.*s/%s", (int) size, place, program);
        if (access (path, X_OK) == 0)
            return true;
        place += size + (place[size] == ':');
    }
    return false;
}

int
zseq_bench_etcd_check (const char *loader)
{
    assert (loader);
    if (!s_is_installed ("etcd"))
        return zseq_bench_fail ("--peer etcd: etcd is not installed (" PACKAGES
                                ")");
    if (access (loader, X_OK) != 0)
        return zseq_bench_fail ("--peer etcd: %s: %s (" PACKAGES ")", loader,
                                strerror (errno));
    return 0;
}

zseq_bench_etcd_t *
zseq_bench_etcd_new (zseq_bench_children_t *children,
                     const zseq_bench_etcd_options_t *options)
{
    assert (children);
    assert (options);
    assert (options->loader);
    assert (options->directory);
    assert (options->nodes >= 1);
    assert (options->nodes <= ZSEQ_BENCH_NODES_MAX);
    zseq_bench_etcd_t *self = calloc (1, sizeof *self);
    if (!self) {
        zseq_bench_fail ("out of memory");
        return NULL;
    }
    self->children = children;
    self->options = *options;
    for (size_t i = 0; i < 2 * ZSEQ_BENCH_NODES_MAX; i++)
        self->reserved[i] = -1;
    self->nowhere = open ("/dev/null", O_RDWR | O_CLOEXEC);
    if (self->nowhere < 0)
        zseq_bench_fail ("/dev/null: %s", strerror (errno));
    if (self->nowhere < 0 || s_begin (self) != 0)
        zseq_bench_etcd_destroy (&self);
    return self;
}

void
zseq_bench_etcd_destroy (zseq_bench_etcd_t **self_p)
{
    assert (self_p);
    zseq_bench_etcd_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->options.nodes; i++)
        if (self->pid[i] > 0)
            zseq_bench_children_end (self->children, self->pid[i]);
    for (size_t i = 0; i < 2 * self->options.nodes; i++)
        if (self->reserved[i] >= 0)
            close (self->reserved[i]);
    if (self->nowhere >= 0)
        close (self->nowhere);
    free (self);
    *self_p = NULL;
}

const char *
zseq_bench_etcd_version (const zseq_bench_etcd_t *self)
{
    assert (self);
    return self->version;
}

//  The load.

//  Begins a run of the loader with what all have.
static int
s_prepare (zseq_bench_etcd_t *self, const zseq_bench_kv_load_t *load,
           const char *command, s_loader_t *loader)
{
    const zseq_bench_kv_case_t *one = load->one;
    if (s_loader_init (loader, self->options.loader, command) != 0)
        return -1;
    s_loader_add (loader, "-endpoints", self->endpoints);
    s_loader_add (loader, "-op", zseq_bench_kv_op_name (one->op));
    s_loader_add_number (loader, "-size", (double) one->size);
    s_loader_add_number (loader, "-timeout", load->timeout_ms);
    if (self->options.leader && !one->kill)
        s_loader_add (loader, "-leader", NULL);
    return 0;
}

int
zseq_bench_etcd_fill (zseq_bench_etcd_t *self, const zseq_bench_kv_load_t *load)
{
    assert (self);
    assert (load);
    const zseq_bench_kv_case_t *one = load->one;
    s_loader_t loader;
    int rc = s_prepare (self, load, "fill", &loader);
    if (rc == 0) {
        s_loader_add_number (
          &loader, "-keys",
          (double) (one->keys > 0 ? one->keys : one->clients));
        rc = s_loader_run (&loader, self);
    }
    s_loader_term (&loader);
    return rc;
}

//  Reads the waits.
static void
s_take_waits (const json_t *waits, zseq_bench_histogram_t *histogram)
{
    size_t index;
    const json_t *wait;
    json_array_foreach (waits, index, wait) zseq_bench_histogram_record (
      histogram, (uint64_t) json_integer_value (wait), 1);
}

//  Reads what the loader has found.
static int
s_take_sample (FILE *file, zseq_bench_kv_sample_t *sample)
{
    json_error_t error;
    json_t *all = json_loadf (file, 0, &error);
    json_t *waits;
    json_int_t done, window, cpu_clients, cpu_nodes;
    json_int_t failed, unknown, conflicts, gap;
    memset (sample, 0, sizeof *sample);
    int rc = json_unpack_ex (
      all, &error, 0, "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:F, s:o}",
      "done", &done, "window_ns", &window, "cpu_clients_ns", &cpu_clients,
      "cpu_nodes_ns", &cpu_nodes, "failed", &failed, "unknown", &unknown,
      "conflicts", &conflicts, "gap_ns", &gap, "fairness",
      &sample->load.fairness, "waits", &waits);
    if (rc != 0) {
        json_decref (all);
        return zseq_bench_fail ("the load of etcd: %s", error.text);
    }
    s_take_waits (waits, &sample->load.waits);
    json_decref (all);
    sample->load.done = (uint64_t) done;
    sample->load.window_ns = (uint64_t) window;
    sample->load.cpu_clients_ns = (uint64_t) cpu_clients;
    sample->load.cpu_nodes_ns = (uint64_t) cpu_nodes;
    sample->load.counts.failed[0] = (uint64_t) failed;
    sample->load.counts.unknown = (uint64_t) unknown;
    sample->load.counts.conflicts = (uint64_t) conflicts;
    sample->gap_ns = (uint64_t) gap;
    return 0;
}

//  Starts a member that was killed.
static int
s_revive (zseq_bench_etcd_t *self, size_t index)
{
    zseq_bench_children_end (self->children, self->pid[index]);
    self->pid[index] = 0;
    if (s_start (self, index) != 0)
        return -1;
    return s_await_leader (self);
}

int
zseq_bench_etcd_run (zseq_bench_etcd_t *self, const zseq_bench_kv_load_t *load,
                     zseq_bench_etcd_victim_t victim,
                     zseq_bench_kv_sample_t *sample)
{
    assert (self);
    assert (load);
    assert (sample);
    const zseq_bench_kv_case_t *one = load->one;
    size_t index = victim == ZSEQ_BENCH_ETCD_LEADER
                     ? self->leader
                     : (self->leader + 1) % self->options.nodes;
    char nodes[16 * ZSEQ_BENCH_NODES_MAX] = "";
    for (size_t i = 0; i < self->options.nodes; i++)
        snprintf (nodes + strlen (nodes), sizeof nodes - strlen (nodes), "%s%d",
                  i > 0 ? "," : "", (int) self->pid[i]);
    s_loader_t loader;
    if (s_prepare (self, load, "run", &loader) != 0)
        return -1;
    s_loader_add_number (&loader, "-clients", (double) one->clients);
    s_loader_add_number (&loader, "-connections", (double) one->connections);
    s_loader_add_number (&loader, "-keys", (double) one->keys);
    s_loader_add_number (&loader, "-seconds", load->seconds);
    s_loader_add_number (&loader, "-requests", (double) one->requests);
    if (victim == ZSEQ_BENCH_ETCD_NOBODY)
        s_loader_add (&loader, "-nodes", nodes);
    else {
        zseq_bench_children_release (self->children, self->pid[index]);
        s_loader_add_number (&loader, "-kill", self->pid[index]);
    }
    int rc = s_loader_run (&loader, self);
    if (rc == 0)
        rc = s_take_sample (loader.output, sample);
    s_loader_term (&loader);
    if (rc == 0 && victim != ZSEQ_BENCH_ETCD_NOBODY)
        rc = s_revive (self, index);
    return rc;
}
