//  Clusters of every size, and what nodes that are down do to them.

#include "zseq_cluster.h"
#include "zseq_history.h"
#include "zseq_process.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

//  Takes count IDs with a client of its own and returns the last one. They
//  are the ones above last, one after the other, if no reply was late.
static uint64_t
s_take (const char *uri, uint64_t last, uint64_t count)
{
    zseq_client_t *client = zseq_client_new (uri);
    zseq_t *seq = zseq_new (client, "orders");
    cr_assert (seq);
    for (; count > 0; count--) {
        uint64_t id = 0;
        zseq_stats_t stats;
        int rc = zseq_next (seq, &id);
        cr_assert_eq (rc, ZSEQ_OK, "%s: %s", zseq_strerror (rc),
                      zseq_detail ());
        cr_assert_eq (zseq_client_stats (client, &stats), ZSEQ_OK);
        cr_assert_gt (id, last);
        if (stats.timeouts == 0)
            cr_assert_eq (id, last + 1, "%lu after %lu", id, last);
        last = id;
    }
    zseq_destroy (&seq);
    zseq_client_destroy (&client);
    return last;
}

//  The next ID, which may be any above the last one.
static uint64_t
s_above (const char *uri, uint64_t last)
{
    zseq_client_t *client = zseq_client_new (uri);
    zseq_t *seq = zseq_new (client, "orders");
    cr_assert (seq);
    uint64_t id = 0;
    int rc = zseq_next (seq, &id);
    cr_assert_eq (rc, ZSEQ_OK, "%s: %s", zseq_strerror (rc), zseq_detail ());
    cr_assert_gt (id, last);
    zseq_destroy (&seq);
    zseq_client_destroy (&client);
    return id;
}

#define S_TIMEOUT_MS 1500

//  A process of its own, whose processor time is only the call's.
static int
s_fail_idly (void *uri)
{
    zseq_client_t *client = zseq_client_new (uri);
    zseq_t *seq = client ? zseq_new (client, "orders") : NULL;
    if (!seq || zseq_set_timeout (seq, S_TIMEOUT_MS) != ZSEQ_OK)
        return 2;
    uint64_t id = 0;
    uint64_t start_ns = zseq_history_now_ns ();
    int rc = zseq_next (seq, &id);
    uint64_t wall_ms = (zseq_history_now_ns () - start_ns) / 1000000;
    struct rusage usage;
    getrusage (RUSAGE_SELF, &usage);
    long busy_ms = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
                   (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
    zseq_destroy (&seq);
    zseq_client_destroy (&client);

    bool good = (rc == ZSEQ_EUNAVAILABLE || rc == ZSEQ_ETIMEOUT) && id == 0 &&
                wall_ms + 1 >= S_TIMEOUT_MS && wall_ms < 20 * S_TIMEOUT_MS &&
                busy_ms < S_TIMEOUT_MS / 5;
    if (!good)
        fprintf (stderr, "%s, ID %lu, after %lu ms, %ld of them busy\n",
                 zseq_strerror (rc), id, wall_ms, busy_ms);
    return good ? 0 : 1;
}

static void
s_assert_unavailable (zseq_cluster_t *cluster)
{
    pid_t pid =
      zseq_process_fork (s_fail_idly, (void *) zseq_cluster_uri (cluster));
    cr_assert_eq (zseq_process_wait (pid), 0);
}

static void
s_live_through_minorities (size_t n)
{
    zseq_cluster_t *cluster = zseq_cluster_new ("net", n, NULL);
    const char *uri = zseq_cluster_uri (cluster);
    zseq_cluster_start_all (cluster);

    //  Each node alone is enough to find the others.
    uint64_t last = 0;
    for (size_t node = 0; node < n; node++)
        last = s_take (zseq_cluster_endpoint (cluster, node), last, 3);

    size_t minority = n - (n / 2 + 1);
    for (size_t node = 0; node < minority; node++)
        zseq_cluster_kill (cluster, node);
    last = s_take (uri, last, 3);

    zseq_cluster_kill (cluster, minority);
    s_assert_unavailable (cluster);

    zseq_cluster_start (cluster, minority);
    last = s_above (uri, last);
    for (size_t node = 0; node < minority; node++)
        zseq_cluster_start (cluster, node);
    s_above (uri, last);
    zseq_cluster_destroy (&cluster);
}

#define S_INCARNATIONS(n)                                                      \
    Test (cluster, of_##n##_goes_on_while_a_majority_is_up)                    \
    {                                                                          \
        s_live_through_minorities (n);                                         \
    }

S_INCARNATIONS (1)
S_INCARNATIONS (2)
S_INCARNATIONS (3)
S_INCARNATIONS (4)
S_INCARNATIONS (5)
S_INCARNATIONS (6)
S_INCARNATIONS (7)

Test (cluster, of_9_hands_out_ids)
{
    zseq_cluster_t *cluster = zseq_cluster_new ("net", 9, NULL);
    zseq_cluster_start_all (cluster);
    s_take (zseq_cluster_uri (cluster), 0, 5);
    zseq_cluster_destroy (&cluster);
}

Test (cluster, goes_on_above_after_all_were_killed)
{
    zseq_cluster_t *cluster = zseq_cluster_new ("net", 3, NULL);
    zseq_cluster_start_all (cluster);
    uint64_t last = s_take (zseq_cluster_uri (cluster), 0, 20);
    for (size_t node = 0; node < 3; node++)
        zseq_cluster_kill (cluster, node);
    zseq_cluster_start_all (cluster);
    s_above (zseq_cluster_uri (cluster), last);
    zseq_cluster_destroy (&cluster);
}

Test (cluster, goes_on_above_after_all_were_stopped)
{
    zseq_cluster_t *cluster = zseq_cluster_new ("net", 3, NULL);
    zseq_cluster_start_all (cluster);
    uint64_t last = s_take (zseq_cluster_uri (cluster), 0, 20);
    for (size_t node = 0; node < 3; node++)
        cr_assert_eq (zseq_cluster_stop (cluster, node, SIGTERM), 0);
    zseq_cluster_start_all (cluster);
    //  A clean stop burns nothing.
    s_take (zseq_cluster_uri (cluster), last, 20);
    zseq_cluster_destroy (&cluster);
}

Test (cluster, goes_on_while_a_node_is_paused)
{
    zseq_cluster_t *cluster = zseq_cluster_new ("net", 3, NULL);
    zseq_cluster_start_all (cluster);
    const char *uri = zseq_cluster_uri (cluster);
    uint64_t last = s_take (uri, 0, 5);
    for (size_t node = 0; node < 3; node++) {
        zseq_cluster_pause (cluster, node);
        last = s_above (uri, last);
        zseq_cluster_resume (cluster, node);
    }
    zseq_cluster_destroy (&cluster);
}

//  An acceptance that no client has waited for must hold: b and c know of these
//  IDs, then only a and c are asked.
Test (cluster, remembers_what_a_node_missed)
{
    zseq_cluster_t *cluster = zseq_cluster_new ("net", 3, NULL);
    zseq_cluster_start_all (cluster);
    const char *uri = zseq_cluster_uri (cluster);
    zseq_cluster_kill (cluster, 0);
    uint64_t last = s_take (uri, 0, 10);
    zseq_cluster_start (cluster, 0);
    zseq_cluster_kill (cluster, 1);
    s_above (uri, last);
    zseq_cluster_destroy (&cluster);
}

static void
s_assert_formation (const char *uri, const char *missing)
{
    zseq_client_t *client = zseq_client_new (uri);
    zseq_status_t status;
    int rc;
    //  A node that stalls for a second is not dead.
    int tries = 20;
    do
        rc = zseq_client_status (client, &status);
    while (--tries > 0 && (rc != ZSEQ_OK || !status.node[0].reachable ||
                           !status.node[1].reachable));
    cr_assert_eq (rc, ZSEQ_OK, "%s: %s", zseq_strerror (rc), zseq_detail ());
    cr_assert_eq (status.nodes, 3);
    cr_assert_eq (status.identity, 0);
    for (size_t node = 0; node < 2; node++) {
        cr_assert (status.node[node].reachable);
        cr_assert_not (status.node[node].voting);
        cr_assert (strstr (status.node[node].state, missing), "%s",
                   status.node[node].state);
    }
    cr_assert_not (status.node[2].reachable);
    zseq_client_destroy (&client);
}

Test (cluster, does_not_form_before_all_were_seen)
{
    zseq_cluster_t *cluster = zseq_cluster_new ("net", 3, NULL);
    zseq_cluster_spawn (cluster, 0);
    zseq_cluster_spawn (cluster, 1);
    s_assert_unavailable (cluster);
    s_assert_formation (zseq_cluster_uri (cluster), "c");
    zseq_cluster_spawn (cluster, 2);
    for (size_t node = 0; node < 3; node++)
        zseq_cluster_ready (cluster, node);
    s_take (zseq_cluster_uri (cluster), 0, 5);
    zseq_cluster_destroy (&cluster);
}
