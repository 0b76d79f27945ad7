//  Many clients at once, judged by the history checker.

#include "zseq_cluster.h"
#include "zseq_history.h"
#include "zseq_load.h"
#include "zseq_process.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define S_CLIENTS_MAX 128
#define S_TIMEOUT_MS 60000

static zseq_cluster_t *s_cluster;
static zseq_load_shared_t *s_shared;
static zseq_load_t s_load[S_CLIENTS_MAX];
static pid_t s_pid[S_CLIENTS_MAX];
static char s_path[S_CLIENTS_MAX][128];

static uint64_t
s_seed (void)
{
    const char *text = getenv ("ZSEQ_TEST_SEED");
    uint64_t seed = text ? strtoull (text, NULL, 10) : zseq_history_now_ns ();
    fprintf (stderr, "ZSEQ_TEST_SEED=%lu\n", seed);
    return seed;
}

//  Three nodes, and clients with equal options until the test changes them.
static void
s_open (const char *zseqd)
{
    s_cluster = zseq_cluster_new ("load", 3, zseqd);
    zseq_cluster_start_all (s_cluster);
    s_shared = zseq_load_shared_new ();
    uint64_t seed = s_seed ();
    for (uint32_t index = 0; index < S_CLIENTS_MAX; index++) {
        snprintf (s_path[index], sizeof s_path[index], "%s/%u.history",
                  zseq_cluster_path (s_cluster), index);
        s_load[index] = (zseq_load_t){.uri = zseq_cluster_uri (s_cluster),
                                      .name = "orders",
                                      .history = s_path[index],
                                      .client = index,
                                      .batch = 1,
                                      .seed = seed + index * 1000003,
                                      .timeout_ms = S_TIMEOUT_MS,
                                      .shared = s_shared};
    }
}

static void
s_start (size_t count)
{
    for (size_t index = 0; index < count; index++)
        s_pid[index] = zseq_process_fork (zseq_load_run, &s_load[index]);
}

//  Waits for the clients and returns what the checker finds in their histories.
static zseq_verdict_t
s_finish (size_t count, bool gapless)
{
    zseq_history_t *history = zseq_history_new ();
    for (size_t index = 0; index < count; index++)
        cr_assert_eq (zseq_process_wait (s_pid[index]), 0, "client %zu", index);
    for (size_t index = 0; index < count; index++)
        cr_assert_eq (zseq_history_read (history, s_path[index]), 0, "%s",
                      zseq_history_text (history));
    zseq_verdict_t verdict;
    zseq_history_check (history, gapless, &verdict);
    zseq_history_destroy (&history);
    fprintf (stderr, "%lu operations, %lu IDs, %lu gaps, %lu failed calls\n",
             verdict.operations, verdict.ids, verdict.gaps,
             atomic_load (&s_shared->failures));
    return verdict;
}

static void
s_close (void)
{
    zseq_load_shared_destroy (&s_shared);
    zseq_cluster_destroy (&s_cluster);
}

Test (load, of_32_processes_with_batches_from_1_to_1250_is_in_order)
{
    const size_t clients = 32;
    s_open (NULL);
    for (size_t index = 0; index < clients; index++) {
        //  Unbuffered ones, buffered ones, and takers of ranges.
        static const uint64_t sizes[] = {1, 2, 7, 64, 100, 500, 1000, 1250};
        uint64_t size = sizes[index % 8];
        zseq_load_t *load = &s_load[index];
        load->operations = 40;
        load->peeks = 10;
        if (index % 4 == 3)
            load->range = size;
        else {
            load->batch = size;
            if (size > 1)
                load->operations = 8 * size;
        }
    }
    s_start (clients);
    zseq_verdict_t verdict = s_finish (clients, false);
    cr_assert_eq (verdict.violations, 0, "%s", verdict.text);
    cr_assert_eq (atomic_load (&s_shared->failures), 0);
    cr_assert_eq (verdict.clients, clients);
    s_close ();
}

//  All at once, on a new name: as after a restart of all of them.
Test (load, of_128_processes_that_begin_together_leaves_few_gaps)
{
    s_open (NULL);
    for (size_t index = 0; index < S_CLIENTS_MAX; index++)
        s_load[index].operations = 10;
    s_start (S_CLIENTS_MAX);
    zseq_verdict_t verdict = s_finish (S_CLIENTS_MAX, false);
    cr_assert_eq (verdict.violations, 0, "%s", verdict.text);
    cr_assert_eq (atomic_load (&s_shared->failures), 0);
    cr_assert_eq (verdict.ids, 10 * S_CLIENTS_MAX);
    cr_assert_leq (verdict.gaps, verdict.ids);
    s_close ();
}

//  One process, 256 threads, one handle, and no other client.
static void
s_thread_load (uint64_t batch, uint64_t operations)
{
    s_open (NULL);
    s_load[0].threads = 256;
    s_load[0].batch = batch;
    s_load[0].operations = operations;
    s_start (1);
    zseq_verdict_t verdict = s_finish (1, true);
    //  Late replies, on a machine that stalls, cost IDs; nothing else does.
    if (atomic_load (&s_shared->timeouts) > 0) {
        verdict.violations -= verdict.violation[ZSEQ_RULE_GAPLESS];
        cr_assert_leq (verdict.gaps, atomic_load (&s_shared->burnt));
    }
    cr_assert_eq (verdict.violations, 0, "%s", verdict.text);
    cr_assert_eq (verdict.ids, 256 * operations);
    s_close ();
}

Test (load, of_256_threads_without_a_buffer_has_no_gap)
{
    s_thread_load (1, 20);
}

Test (load, of_256_threads_with_a_buffer_has_no_gap)
{
    s_thread_load (1000, 400);
}

Test (load, of_threads_that_mix_all_calls_on_their_handles_is_in_order)
{
    s_open (NULL);
    for (size_t index = 0; index < 3; index++) {
        s_load[index].threads = 8;
        s_load[index].batch = 0;
        s_load[index].operations = 4000;
    }
    s_start (3);
    zseq_verdict_t verdict = s_finish (3, false);
    cr_assert_eq (verdict.violations, 0, "%s", verdict.text);
    cr_assert_eq (atomic_load (&s_shared->failures), 0);
    s_close ();
}

//  Nodes die and come back, one at a time, while clients do all they can; the
//  time between is measured in progress.
static void
s_disturb (int turns, void (*fault) (size_t node), void (*mend) (size_t node))
{
    s_open (NULL);
    for (size_t index = 0; index < 8; index++) {
        s_load[index].batch = 0;
        s_load[index].tolerant = true;
    }
    s_start (8);
    for (int turn = 0; turn < turns; turn++) {
        size_t node = (size_t) turn % 3;
        zseq_load_drain (s_shared);
        zseq_load_await (s_shared, 20);
        fault (node);
        zseq_load_drain (s_shared);
        zseq_load_await (s_shared, 20);
        mend (node);
    }
    atomic_store (&s_shared->stop, true);
    zseq_verdict_t verdict = s_finish (8, false);
    cr_assert_eq (verdict.violations, 0, "%s", verdict.text);
    cr_assert_eq (atomic_load (&s_shared->failures), 0);
    s_close ();
}

static void
s_kill (size_t node)
{
    zseq_cluster_kill (s_cluster, node);
}

static void
s_term (size_t node)
{
    cr_assert_eq (zseq_cluster_stop (s_cluster, node, SIGTERM), 0);
}

static void
s_restart (size_t node)
{
    zseq_cluster_start (s_cluster, node);
}

static void
s_pause (size_t node)
{
    zseq_cluster_pause (s_cluster, node);
}

static void
s_resume (size_t node)
{
    zseq_cluster_resume (s_cluster, node);
}

Test (load, goes_on_in_order_while_nodes_are_killed_and_restarted)
{
    s_disturb (21, s_kill, s_restart);
}

Test (load, goes_on_in_order_while_nodes_are_stopped_and_restarted)
{
    s_disturb (6, s_term, s_restart);
}

Test (load, goes_on_in_order_while_nodes_are_paused_and_resumed)
{
    s_disturb (9, s_pause, s_resume);
}

//  All nodes at once: calls may fail, and IDs still come only once.
Test (load, is_in_order_across_a_power_cut_of_all_nodes)
{
    s_open (NULL);
    for (size_t index = 0; index < 4; index++) {
        s_load[index].batch = 0;
        s_load[index].tolerant = true;
        s_load[index].timeout_ms = 500;
    }
    s_start (4);
    for (int turn = 0; turn < 4; turn++) {
        zseq_load_drain (s_shared);
        zseq_load_await (s_shared, 20);
        for (size_t node = 0; node < 3; node++)
            zseq_cluster_kill (s_cluster, node);
        zseq_cluster_start_all (s_cluster);
    }
    zseq_load_drain (s_shared);
    zseq_load_await (s_shared, 20);
    atomic_store (&s_shared->stop, true);
    zseq_verdict_t verdict = s_finish (4, false);
    cr_assert_eq (verdict.violations, 0, "%s", verdict.text);
    s_close ();
}

//  The rule "accept iff the new value is higher", planted into the daemon: a
//  test that cannot see this sees nothing.
Test (load, on_the_rule_accept_iff_higher_gives_duplicates)
{
    s_open (ZSEQD_HIGHER);
    static const uint64_t ranges[] = {2, 7, 64, 100};
    //  Clients whose W is above the majority claim for themselves: one
    //  coordinator that claims for all would hide it.
    char uri[1024];
    snprintf (uri, sizeof uri, "%s?w=3", zseq_cluster_uri (s_cluster));
    for (size_t index = 0; index < 4; index++) {
        s_load[index].uri = uri;
        s_load[index].range = ranges[index];
        s_load[index].operations = 250;
    }
    zseq_verdict_t verdict = {0};
    for (int round = 0; round < 10 && verdict.duplicates == 0; round++) {
        s_start (4);
        verdict = s_finish (4, false);
    }
    fprintf (stderr, "%lu of %lu IDs were duplicates\n", verdict.duplicates,
             verdict.ids);
    cr_assert_gt (verdict.duplicates, 0);
    cr_assert_gt (verdict.violation[ZSEQ_RULE_UNIQUE], 0);
    s_close ();
}
