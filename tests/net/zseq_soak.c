//  zseq-soak [--seconds N | --kills N] [--clients M] [--nodes N] [--seed S]
//  [--zseqd PATH] [--keys]
//
//  Competing client processes that draw IDs from one sequence with batch sizes
//  and calls chosen at random, and use keys, while one node at a time is killed
//  with SIGKILL and restarted, and clients are killed and replaced, at random.
//  The history of all IDs handed out is checked at the end, that of keys
//  meanwhile. Without --seconds it ends after that many kills of nodes. With
//  --keys, clients draw IDs seldom, and use keys with many threads. Exit
//  status: 0 when the promises were kept.

#include "zseq_cluster.h"
#include "zseq_history.h"
#include "zseq_load.h"
#include "zseq_process.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define S_CLIENTS_MAX 64
#define S_CALL_TIMEOUT_MS 10000
#define S_PROGRESS_NS 5000000000u
#define S_KEYS 200
#define S_KEY_THREADS 2
//  With --keys.
#define S_VALUE_MAX 1024
#define S_PAUSE_US 10000

typedef struct {
    uint64_t seconds;  //  0: until that many kills
    uint64_t kills;
    uint64_t clients;
    uint64_t nodes;
    uint64_t seed;
    const char *zseqd;
    bool keys;
} s_options_t;

typedef struct {
    s_options_t options;
    uint64_t random;
    zseq_cluster_t *cluster;
    zseq_load_shared_t *shared;
    zseq_keys_t *keys;
    pid_t pid[S_CLIENTS_MAX];
    uint32_t started;  //  Clients, each with a history of its own
    uint64_t node_kills;
    uint64_t client_kills;
    uint64_t start_ns;
    uint64_t logged_ns;  //  When progress was last printed
} s_soak_t;

static uint64_t
s_below (s_soak_t *self, uint64_t bound)
{
    uint64_t z = self->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % bound;
}

static void
s_history_path (const s_soak_t *self, uint32_t client, char *path, size_t size)
{
    snprintf (path, size, "%s/%u.history", zseq_cluster_path (self->cluster),
              client);
}

static void
s_start_client (s_soak_t *self, size_t index)
{
    char path[256];
    s_history_path (self, self->started, path, sizeof path);
    zseq_load_t load = {.uri = zseq_cluster_uri (self->cluster),
                        .name = "soak",
                        .history = path,
                        .client = self->started,
                        .seed = s_below (self, UINT64_MAX),
                        .timeout_ms = S_CALL_TIMEOUT_MS,
                        .tolerant = true,
                        .pause_us = self->options.keys ? S_PAUSE_US : 0,
                        .shared = self->shared,
                        .keys = self->keys,
                        .keys_index = (uint32_t) index};
    self->started++;
    self->pid[index] = zseq_process_fork (zseq_load_run, &load);
}

static void
s_kill_client (s_soak_t *self)
{
    size_t index = s_below (self, self->options.clients);
    if (kill (self->pid[index], SIGKILL) == -1)
        zseq_process_fail ("kill");
    if (zseq_process_wait (self->pid[index]) != 128 + SIGKILL)
        zseq_process_fail ("a client ended before it was killed");
    zseq_keys_reap (self->keys, (uint32_t) index);
    self->client_kills++;
    s_start_client (self, index);
}

static void
s_log_progress (s_soak_t *self)
{
    uint64_t now_ns = zseq_history_now_ns ();
    if (now_ns - self->logged_ns < S_PROGRESS_NS)
        return;
    self->logged_ns = now_ns;
    fprintf (stderr,
             "soak: %lu s, %lu calls, %lu IDs, %lu failed, %lu calls for keys, "
             "%lu nodes and %lu clients killed\n",
             (now_ns - self->start_ns) / 1000000000u,
             atomic_load (&self->shared->operations),
             atomic_load (&self->shared->ids),
             atomic_load (&self->shared->failures),
             zseq_keys_counts (self->keys).calls, self->node_kills,
             self->client_kills);
}

static bool
s_over (const s_soak_t *self)
{
    uint64_t now_ns = zseq_history_now_ns ();
    if (self->options.seconds > 0)
        return now_ns - self->start_ns >= self->options.seconds * 1000000000u;
    return self->node_kills >= self->options.kills;
}

//  Gives the clients time for between none and some hundred calls.
static void
s_let_run (s_soak_t *self)
{
    zseq_load_drain (self->shared);
    zseq_load_await (self->shared, s_below (self, 1u << s_below (self, 9)));
    s_log_progress (self);
}

static void
s_start_keys (s_soak_t *self)
{
    zseq_keys_options_t options = {
      .name = "soak",
      .clients = (uint32_t) self->options.clients,
      .threads = self->options.keys ? ZSEQ_KEYS_THREADS_MAX : S_KEY_THREADS,
      .keys = S_KEYS,
      .value_max = self->options.keys ? S_VALUE_MAX : ZSEQ_VALUE_MAX,
      .timeout_ms = S_CALL_TIMEOUT_MS,
      .seed = self->random};
    self->keys = zseq_keys_new (&options);
}

static void
s_run (s_soak_t *self)
{
    s_start_keys (self);
    for (size_t index = 0; index < self->options.clients; index++)
        s_start_client (self, index);
    while (!s_over (self)) {
        size_t node = s_below (self, self->options.nodes);
        s_let_run (self);
        zseq_cluster_kill (self->cluster, node);
        self->node_kills++;
        s_let_run (self);
        zseq_cluster_start (self->cluster, node);
        if (s_below (self, 4) == 0)
            s_kill_client (self);
    }
    atomic_store (&self->shared->stop, true);
    zseq_keys_stop (self->keys);
}

//  Its own process, after all clients have ended.
static int
s_ask_keys (void *arg)
{
    const s_soak_t *self = arg;
    zseq_client_t *client = zseq_client_new (zseq_cluster_uri (self->cluster));
    int rc = client ? zseq_keys_ask_all (self->keys, client, S_CALL_TIMEOUT_MS)
                    : zseq_errno ();
    zseq_client_destroy (&client);
    return rc == ZSEQ_OK ? 0 : 1;
}

//  Whether the calls for keys were right.
static bool
s_judge_keys (s_soak_t *self)
{
    for (uint32_t index = 0; index < self->options.clients; index++)
        zseq_keys_reap (self->keys, index);
    bool good = zseq_process_wait (zseq_process_fork (s_ask_keys, self)) == 0;
    zseq_keys_counts_t counts = zseq_keys_counts (self->keys);
    uint64_t violations = zseq_keys_judge (self->keys)->violations;
    printf ("calls for keys %lu\nfailed calls   %lu\nunknown writes %lu\n"
            "violations     %lu\n",
            counts.calls, counts.failures, counts.unknown, violations);
    zseq_keys_destroy (&self->keys);
    return good && violations == 0;
}

static int
s_judge (s_soak_t *self)
{
    int status = 0;
    for (size_t index = 0; index < self->options.clients; index++)
        if (zseq_process_wait (self->pid[index]) != 0)
            status = 1;
    if (!s_judge_keys (self))
        status = 1;
    zseq_history_t *history = zseq_history_new ();
    for (uint32_t client = 0; client < self->started; client++) {
        char path[256];
        s_history_path (self, client, path, sizeof path);
        //  A child that was killed at once has left none.
        if (access (path, F_OK) == -1 && errno == ENOENT)
            continue;
        if (zseq_history_read (history, path) != 0)
            zseq_process_fail ("%s", zseq_history_text (history));
    }
    zseq_verdict_t verdict;
    if (!zseq_history_check (history, false, &verdict))
        status = 1;
    zseq_history_destroy (&history);
    printf (
      "seconds        %lu\nnode kills     %lu\nclient kills   %lu\n"
      "clients        %lu\noperations     %lu\nIDs            %lu\n"
      "failed calls   %lu\nnever handed out %lu\nduplicates     %lu\n"
      "violations     %lu\n%s%s\n",
      (zseq_history_now_ns () - self->start_ns) / 1000000000u, self->node_kills,
      self->client_kills, verdict.clients, verdict.operations, verdict.ids,
      atomic_load (&self->shared->failures), verdict.gaps, verdict.duplicates,
      verdict.violations, verdict.text, status == 0 ? "good" : "BAD");
    return status;
}

static uint64_t
s_number (const char *text, uint64_t least, uint64_t most)
{
    char *end;
    errno = 0;
    uint64_t number = strtoull (text, &end, 10);
    if (errno || *text < '0' || *text > '9' || *end || number < least ||
        number > most) {
        fprintf (stderr, "zseq-soak: '%s' is not a number from %lu to %lu\n",
                 text, least, most);
        exit (2);
    }
    return number;
}

static void
s_parse (int argc, char **argv, s_options_t *options)
{
    static const struct option known[] = {
      {"seconds", required_argument, NULL, 's'},
      {"kills", required_argument, NULL, 'k'},
      {"clients", required_argument, NULL, 'm'},
      {"nodes", required_argument, NULL, 'n'},
      {"seed", required_argument, NULL, 'r'},
      {"zseqd", required_argument, NULL, 'd'},
      {"keys", no_argument, NULL, 'y'},
      {NULL, 0, NULL, 0}};
    *options = (s_options_t){
      .kills = 60, .clients = 8, .nodes = 3, .seed = zseq_history_now_ns ()};
    int option;
    while ((option = getopt_long (argc, argv, "", known, NULL)) != -1) {
        if (option == 's')
            options->seconds = s_number (optarg, 1, 1000000);
        else if (option == 'k')
            options->kills = s_number (optarg, 1, UINT64_MAX);
        else if (option == 'm')
            options->clients = s_number (optarg, 1, S_CLIENTS_MAX);
        else if (option == 'n')
            options->nodes = s_number (optarg, 3, ZSEQ_NODES_MAX);
        else if (option == 'r')
            options->seed = s_number (optarg, 0, UINT64_MAX);
        else if (option == 'd')
            options->zseqd = optarg;
        else if (option == 'y')
            options->keys = true;
        else
            exit (2);
    }
}

int
main (int argc, char **argv)
{
    s_soak_t self = {0};
    s_parse (argc, argv, &self.options);
    printf ("seed           %lu\n", self.options.seed);
    fflush (stdout);
    self.random = self.options.seed;
    self.cluster =
      zseq_cluster_new ("soak", self.options.nodes, self.options.zseqd);
    zseq_cluster_start_all (self.cluster);
    self.shared = zseq_load_shared_new ();
    self.start_ns = self.logged_ns = zseq_history_now_ns ();
    s_run (&self);
    int status = s_judge (&self);
    zseq_load_shared_destroy (&self.shared);
    if (status == 0)
        zseq_cluster_destroy (&self.cluster);
    return status;
}
