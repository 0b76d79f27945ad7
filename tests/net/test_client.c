//  The blocking calls of a client against real nodes: what zseq.h promises of
//  them. In order: IDs, ranges, peeks and raises; buffers; what a client learns
//  of its cluster, and which URIs it refuses; a forked child; names and their
//  listing; the automatic batch; threads; and clients that compete.
//
//  Most tests begin with three fresh nodes and a handle (s_open).

#include "zseq_cluster.h"
#include "zseq_history.h"
#include "zseq_process.h"
#include "zseq_coordinator_rank.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static zseq_cluster_t *s_cluster;
static zseq_client_t *s_client;
static zseq_t *s_orders;

static void
s_open (void)
{
    s_cluster = zseq_cluster_new ("net", 3, NULL);
    zseq_cluster_start_all (s_cluster);
    s_client = zseq_client_new (zseq_cluster_uri (s_cluster));
    cr_assert (s_client, "%s", zseq_detail ());
    s_orders = zseq_new (s_client, "orders");
    cr_assert (s_orders);
}

static void
s_close (void)
{
    zseq_destroy (&s_orders);
    zseq_client_destroy (&s_client);
    zseq_cluster_destroy (&s_cluster);
}

#define ASSERT_RC(call, expected)                                              \
    do {                                                                       \
        int rc_ = (call);                                                      \
        cr_assert_eq (rc_, expected, #call ": %s (%s)", zseq_strerror (rc_),   \
                      zseq_detail ());                                         \
    } while (0)

static uint64_t
s_next (zseq_t *seq)
{
    uint64_t id = 0;
    ASSERT_RC (zseq_next (seq, &id), ZSEQ_OK);
    return id;
}

static uint64_t
s_peek (zseq_t *seq)
{
    uint64_t next = 0;
    ASSERT_RC (zseq_peek (seq, &next), ZSEQ_OK);
    return next;
}

//  A machine that stalls can make a reply late: then the claim is made again,
//  and the IDs of the first attempt are burnt. Without that, the IDs that a
//  single client gets are known.
static void
s_exact (uint64_t got, uint64_t expected)
{
    zseq_stats_t stats;
    ASSERT_RC (zseq_client_stats (s_client, &stats), ZSEQ_OK);
    cr_assert_geq (got, expected, "%lu instead of %lu", got, expected);
    if (stats.timeouts == 0)
        cr_assert_eq (got, expected, "%lu instead of %lu", got, expected);
}

//  What zseq_next returns to a client of that URI.
static void
s_assert_next (const char *uri, int expected)
{
    zseq_client_t *client = zseq_client_new (uri);
    cr_assert (client, "%s: %s", uri, zseq_detail ());
    zseq_t *seq = zseq_new (client, "orders");
    uint64_t id = 77;
    ASSERT_RC (zseq_next (seq, &id), expected);
    if (expected != ZSEQ_OK) {
        cr_assert_eq (id, 77);
        cr_assert_neq (zseq_detail ()[0], '\0');
        cr_assert_eq (zseq_errno (), expected);
    }
    zseq_destroy (&seq);
    zseq_client_destroy (&client);
}

Test (client, gives_1_2_3_and_so_on)
{
    s_open ();
    for (uint64_t id = 1; id <= 200; id++)
        s_exact (s_next (s_orders), id);
    s_close ();
}

Test (client, leaves_no_gap_with_a_buffer)
{
    s_open ();
    ASSERT_RC (zseq_set_batch (s_orders, 100), ZSEQ_OK);
    for (uint64_t id = 1; id <= 2000; id++)
        s_exact (s_next (s_orders), id);
    s_close ();
}

Test (client, keeps_sequences_apart)
{
    s_open ();
    zseq_t *bills = zseq_new (s_client, "bills");
    s_exact (s_next (s_orders), 1);
    s_exact (s_next (bills), 1);
    s_exact (s_next (s_orders), 2);
    s_exact (s_next (bills), 2);
    zseq_destroy (&bills);
    s_close ();
}

Test (client, takes_ranges)
{
    s_open ();
    uint64_t first = 0;
    ASSERT_RC (zseq_next_range (s_orders, 1000, &first), ZSEQ_OK);
    s_exact (first, 1);
    ASSERT_RC (zseq_next_range (s_orders, 1, &first), ZSEQ_OK);
    s_exact (first, 1001);
    ASSERT_RC (zseq_next_range (s_orders, ZSEQ_COUNT_MAX, &first), ZSEQ_OK);
    s_exact (first, 1002);
    s_exact (s_next (s_orders), 1002 + (uint64_t) ZSEQ_COUNT_MAX);
    s_close ();
}

Test (client, has_a_text_for_any_error)
{
    cr_assert_str_eq (zseq_strerror (ZSEQ_OK), "success");
    cr_assert_str_eq (zseq_strerror (ZSEQ_EINVAL), "invalid argument");
    cr_assert_str_eq (zseq_strerror (1), "unknown error");
    cr_assert_str_eq (zseq_strerror (INT_MIN), "unknown error");
}

Test (client, refuses_what_is_out_of_bounds)
{
    s_open ();
    uint64_t id = 77;
    const uint64_t count_max = ZSEQ_COUNT_MAX;
    const uint64_t next_max = ZSEQ_ID_MAX + 1;
    ASSERT_RC (zseq_next_range (s_orders, 0, &id), ZSEQ_EINVAL);
    ASSERT_RC (zseq_next_range (s_orders, count_max + 1, &id), ZSEQ_EINVAL);
    ASSERT_RC (zseq_next_range (s_orders, UINT64_MAX, &id), ZSEQ_EINVAL);
    cr_assert_eq (id, 77);
    ASSERT_RC (zseq_raise (s_orders, 0), ZSEQ_EINVAL);
    ASSERT_RC (zseq_raise (s_orders, next_max + 1), ZSEQ_EINVAL);
    ASSERT_RC (zseq_set_batch (s_orders, count_max + 1), ZSEQ_EINVAL);
    ASSERT_RC (zseq_set_batch (s_orders, count_max), ZSEQ_OK);
    ASSERT_RC (zseq_set_batch (s_orders, 0), ZSEQ_OK);
    ASSERT_RC (zseq_set_timeout (s_orders, 0), ZSEQ_EINVAL);
    ASSERT_RC (zseq_set_timeout (s_orders, -1), ZSEQ_EINVAL);
    ASSERT_RC (zseq_set_timeout (s_orders, ZSEQ_TIMEOUT_MS_MAX + 1),
               ZSEQ_EINVAL);
    ASSERT_RC (zseq_set_timeout (s_orders, ZSEQ_TIMEOUT_MS_MAX), ZSEQ_OK);
    ASSERT_RC (zseq_client_set_timeout (s_client, 0), ZSEQ_EINVAL);
    ASSERT_RC (zseq_client_set_quorum (s_client, 10, 0), ZSEQ_EINVAL);
    ASSERT_RC (zseq_client_set_quorum (s_client, 0, -1), ZSEQ_EINVAL);
    s_exact (s_next (s_orders), 1);
    ASSERT_RC (zseq_client_set_quorum (s_client, 2, 2), ZSEQ_EINVAL);
    s_close ();
}

Test (client, peeks_without_taking)
{
    s_open ();
    s_exact (s_peek (s_orders), 1);
    s_exact (s_peek (s_orders), 1);
    s_exact (s_next (s_orders), 1);
    s_exact (s_peek (s_orders), 2);
    ASSERT_RC (zseq_set_batch (s_orders, 10), ZSEQ_OK);
    s_exact (s_next (s_orders), 2);
    s_exact (s_peek (s_orders), 12);
    s_close ();
}

//  One node alone has accepted a claim that failed. A peek that has seen it
//  must still hold when that node is gone (S6).
Test (client, peeks_never_go_back)
{
    s_open ();
    char uri[ZSEQ_CLUSTER_URI_MAX + 16];
    snprintf (uri, sizeof uri, "%s?r=3", zseq_cluster_uri (s_cluster));
    zseq_client_t *client = zseq_client_new (uri);
    zseq_t *seq = zseq_new (client, "orders");
    s_exact (s_next (s_orders), 1);
    zseq_cluster_kill (s_cluster, 1);
    zseq_cluster_kill (s_cluster, 2);
    uint64_t first;
    ASSERT_RC (zseq_set_timeout (s_orders, 200), ZSEQ_OK);
    ASSERT_RC (zseq_next_range (s_orders, 10, &first), ZSEQ_EUNAVAILABLE);
    zseq_cluster_start (s_cluster, 1);
    zseq_cluster_start (s_cluster, 2);

    uint64_t next = s_peek (seq);
    cr_assert_geq (next, 12);
    zseq_cluster_kill (s_cluster, 0);
    ASSERT_RC (zseq_set_timeout (s_orders, ZSEQ_TIMEOUT_MS_DEFAULT), ZSEQ_OK);
    cr_assert_geq (s_peek (s_orders), next);
    cr_assert_geq (s_next (s_orders), next);
    zseq_destroy (&seq);
    zseq_client_destroy (&client);
    s_close ();
}

Test (client, raises_and_never_lowers)
{
    s_open ();
    ASSERT_RC (zseq_raise (s_orders, 1000), ZSEQ_OK);
    s_exact (s_peek (s_orders), 1000);
    s_exact (s_next (s_orders), 1000);
    ASSERT_RC (zseq_raise (s_orders, 5), ZSEQ_OK);
    s_exact (s_next (s_orders), 1001);
    s_close ();
}

Test (client, burns_its_buffer_below_a_raise)
{
    s_open ();
    ASSERT_RC (zseq_set_batch (s_orders, 100), ZSEQ_OK);
    s_exact (s_next (s_orders), 1);
    ASSERT_RC (zseq_raise (s_orders, 50), ZSEQ_OK);
    cr_assert_geq (s_next (s_orders), 50);
    ASSERT_RC (zseq_raise (s_orders, 5000), ZSEQ_OK);
    cr_assert_geq (s_next (s_orders), 5000);
    s_close ();
}

Test (client, gives_the_last_ids_and_then_none)
{
    s_open ();
    uint64_t id = 77;
    ASSERT_RC (zseq_raise (s_orders, ZSEQ_ID_MAX - 4), ZSEQ_OK);
    ASSERT_RC (zseq_set_batch (s_orders, 100), ZSEQ_OK);
    uint64_t last = ZSEQ_ID_MAX - 5;
    int rc;
    while ((rc = zseq_next (s_orders, &id)) == ZSEQ_OK) {
        cr_assert_gt (id, last);
        cr_assert_leq (id, ZSEQ_ID_MAX);
        last = id;
    }
    cr_assert_eq (rc, ZSEQ_EEXHAUSTED);
    s_exact (ZSEQ_ID_MAX, last);
    ASSERT_RC (zseq_next (s_orders, &id), ZSEQ_EEXHAUSTED);
    cr_assert_eq (id, last);
    s_exact (s_peek (s_orders), ZSEQ_ID_MAX + 1);
    s_close ();
}

Test (client, refuses_a_range_that_does_not_fit_where_a_smaller_one_does)
{
    s_open ();
    uint64_t first = 77;
    ASSERT_RC (zseq_raise (s_orders, ZSEQ_ID_MAX - 4), ZSEQ_OK);
    ASSERT_RC (zseq_next_range (s_orders, 6, &first), ZSEQ_EEXHAUSTED);
    cr_assert_eq (first, 77);
    ASSERT_RC (zseq_next_range (s_orders, 2, &first), ZSEQ_OK);
    s_exact (first, ZSEQ_ID_MAX - 4);
    ASSERT_RC (zseq_next_range (s_orders, 4, &first), ZSEQ_EEXHAUSTED);
    s_close ();
}

Test (client, reports_that_a_sequence_was_ended)
{
    s_open ();
    uint64_t id = 77;
    ASSERT_RC (zseq_raise (s_orders, ZSEQ_ID_MAX + 1), ZSEQ_OK);
    ASSERT_RC (zseq_next (s_orders, &id), ZSEQ_EEXHAUSTED);
    cr_assert_eq (id, 77);
    s_close ();
}

Test (client, drops_its_buffer_with_batch_1)
{
    s_open ();
    zseq_client_t *client = zseq_client_new (zseq_cluster_uri (s_cluster));
    zseq_t *other = zseq_new (client, "orders");
    ASSERT_RC (zseq_set_batch (s_orders, 100), ZSEQ_OK);
    s_exact (s_next (s_orders), 1);
    uint64_t between = s_next (other);
    cr_assert_gt (between, 100);
    s_exact (s_next (s_orders), 2);
    ASSERT_RC (zseq_set_batch (s_orders, 1), ZSEQ_OK);
    cr_assert_gt (s_next (s_orders), between);
    zseq_destroy (&other);
    zseq_client_destroy (&client);
    s_close ();
}

Test (client, gives_rising_ids_when_ranges_come_between)
{
    s_open ();
    uint64_t last = 0;
    ASSERT_RC (zseq_set_batch (s_orders, 7), ZSEQ_OK);
    for (int turn = 0; turn < 20; turn++) {
        uint64_t first = 0;
        for (int call = 0; call < 3; call++) {
            uint64_t id = s_next (s_orders);
            cr_assert_gt (id, last);
            last = id;
        }
        ASSERT_RC (zseq_next_range (s_orders, 10, &first), ZSEQ_OK);
        cr_assert_gt (first, last);
        last = first + 9;
    }
    s_close ();
}

//  Tries until the buffer has something: the fetch is in the background.
static uint64_t
s_try (zseq_t *seq)
{
    uint64_t wait_ns = (uint64_t) ZSEQ_PROCESS_WAIT_MS * 1000000;
    uint64_t end_ns = zseq_history_now_ns () + wait_ns;
    uint64_t id = 0;
    int rc;
    while ((rc = zseq_try_next (seq, &id)) == ZSEQ_EAGAIN) {
        cr_assert_lt (zseq_history_now_ns (), end_ns);
        sched_yield ();
    }
    ASSERT_RC (rc, ZSEQ_OK);
    return id;
}

Test (client, tries_only_with_a_buffer)
{
    s_open ();
    uint64_t id = 77;
    ASSERT_RC (zseq_try_next (s_orders, &id), ZSEQ_EINVAL);
    ASSERT_RC (zseq_set_batch (s_orders, 10), ZSEQ_OK);
    ASSERT_RC (zseq_try_next (s_orders, &id), ZSEQ_EAGAIN);
    cr_assert_eq (id, 77);
    for (uint64_t want = 1; want <= 50; want++)
        s_exact (s_try (s_orders), want);
    s_close ();
}

//  What a client learns of its cluster, and which URIs it refuses.

#define S_STATUS_TRIES 20

//  Asks until that many nodes have answered: a node that stalls for a second is
//  not dead.
static void
s_status (zseq_client_t *client, size_t reachable, zseq_status_t *status)
{
    size_t count = 0;
    for (int try = 0; try < S_STATUS_TRIES && count != reachable; try++) {
        ASSERT_RC (zseq_client_status (client, status), ZSEQ_OK);
        count = 0;
        for (size_t node = 0; node < status->nodes; node++)
            count += status->node[node].reachable;
    }
    cr_assert_eq (count, reachable);
}

Test (client, finds_all_nodes_from_one)
{
    s_open ();
    zseq_client_t *client =
      zseq_client_new (zseq_cluster_endpoint (s_cluster, 1));
    zseq_t *seq = zseq_new (client, "orders");
    s_exact (s_next (seq), 1);
    zseq_status_t status;
    s_status (client, 3, &status);
    cr_assert_eq (status.nodes, 3);
    //  The client does not need the node of its URI any more.
    zseq_cluster_kill (s_cluster, 1);
    cr_assert_gt (s_next (seq), 1);
    zseq_destroy (&seq);
    zseq_client_destroy (&client);
    s_close ();
}

Test (client, skips_dead_endpoints_that_it_was_given)
{
    s_open ();
    zseq_cluster_kill (s_cluster, 0);
    s_assert_next (zseq_cluster_uri (s_cluster), ZSEQ_OK);
    s_close ();
}

Test (client, refuses_one_node_under_two_spellings)
{
    s_open ();
    const char *port = strrchr (zseq_cluster_endpoint (s_cluster, 0), ':');
    char uri[ZSEQ_CLUSTER_URI_MAX];
    snprintf (uri, sizeof uri, "tcp://127.0.0.1%s,tcp://127.1%s,%s", port, port,
              zseq_cluster_endpoint (s_cluster, 1));
    s_assert_next (uri, ZSEQ_EDUPLICATE);
    s_close ();
}

Test (client, refuses_endpoints_of_two_clusters)
{
    s_open ();
    //  Even one of the same name.
    zseq_cluster_t *other = zseq_cluster_new ("net", 1, NULL);
    zseq_cluster_start_all (other);
    char uri[ZSEQ_CLUSTER_URI_MAX];
    snprintf (uri, sizeof uri, "%s,%s", zseq_cluster_endpoint (s_cluster, 0),
              zseq_cluster_endpoint (other, 0));
    s_assert_next (uri, ZSEQ_ECLUSTER);
    zseq_cluster_destroy (&other);
    s_close ();
}

Test (client, refuses_a_cluster_of_another_name)
{
    s_open ();
    char uri[ZSEQ_CLUSTER_URI_MAX + 16];
    snprintf (uri, sizeof uri, "%s?cluster=other",
              zseq_cluster_uri (s_cluster));
    s_assert_next (uri, ZSEQ_ECLUSTER);
    snprintf (uri, sizeof uri, "%s?cluster=net", zseq_cluster_uri (s_cluster));
    s_assert_next (uri, ZSEQ_OK);
    s_close ();
}

Test (client, refuses_quorums_that_are_not_safe)
{
    static const struct {
        const char *options;
        int rc;
    } cases[] = {
      {"w=1", ZSEQ_EQUORUM},     {"w=2", ZSEQ_OK},
      {"w=3", ZSEQ_OK},          {"w=4", ZSEQ_EQUORUM},
      {"r=1", ZSEQ_EQUORUM},     {"r=2", ZSEQ_OK},
      {"r=3&w=3", ZSEQ_OK},      {"r=4&w=3", ZSEQ_EQUORUM},
      {"r=1&w=3", ZSEQ_EQUORUM},
    };
    s_open ();
    for (size_t index = 0; index < sizeof cases / sizeof cases[0]; index++) {
        char uri[ZSEQ_CLUSTER_URI_MAX + 16];
        snprintf (uri, sizeof uri, "%s?%s", zseq_cluster_uri (s_cluster),
                  cases[index].options);
        s_assert_next (uri, cases[index].rc);
    }
    s_close ();
}

Test (client, needs_more_nodes_for_a_larger_w)
{
    s_open ();
    char uri[ZSEQ_CLUSTER_URI_MAX + 32];
    snprintf (uri, sizeof uri, "%s?w=3", zseq_cluster_uri (s_cluster));
    s_assert_next (uri, ZSEQ_OK);
    zseq_cluster_kill (s_cluster, 2);
    snprintf (uri, sizeof uri, "%s?w=3&timeout=500",
              zseq_cluster_uri (s_cluster));
    s_assert_next (uri, ZSEQ_EUNAVAILABLE);
    s_assert_next (zseq_cluster_uri (s_cluster), ZSEQ_OK);
    s_close ();
}

Test (client, fails_at_the_deadline_without_any_node)
{
    zseq_cluster_t *cluster = zseq_cluster_new ("net", 3, NULL);
    char uri[ZSEQ_CLUSTER_URI_MAX + 32];
    snprintf (uri, sizeof uri, "%s?timeout=400", zseq_cluster_uri (cluster));
    uint64_t start_ns = zseq_history_now_ns ();
    s_assert_next (uri, ZSEQ_EUNAVAILABLE);
    cr_assert_geq (zseq_history_now_ns () - start_ns, 399000000);

    zseq_client_t *client = zseq_client_new (uri);
    zseq_t *seq = zseq_new (client, "orders");
    uint64_t next = 77;
    ASSERT_RC (zseq_peek (seq, &next), ZSEQ_EUNAVAILABLE);
    ASSERT_RC (zseq_next_range (seq, 5, &next), ZSEQ_EUNAVAILABLE);
    ASSERT_RC (zseq_raise (seq, 5), ZSEQ_EUNAVAILABLE);
    cr_assert_eq (next, 77);
    zseq_status_t status;
    ASSERT_RC (zseq_client_status (client, &status), ZSEQ_EUNAVAILABLE);
    zseq_destroy (&seq);
    zseq_client_destroy (&client);
    zseq_cluster_destroy (&cluster);
}

Test (client, starts_before_its_nodes)
{
    s_cluster = zseq_cluster_new ("net", 3, NULL);
    s_client = zseq_client_new (zseq_cluster_uri (s_cluster));
    s_orders = zseq_new (s_client, "orders");
    uint64_t id;
    ASSERT_RC (zseq_set_timeout (s_orders, 100), ZSEQ_OK);
    ASSERT_RC (zseq_next (s_orders, &id), ZSEQ_EUNAVAILABLE);
    zseq_cluster_start_all (s_cluster);
    ASSERT_RC (zseq_set_timeout (s_orders, 60000), ZSEQ_OK);
    s_exact (s_next (s_orders), 1);
    s_close ();
}

Test (client, reports_the_status_of_nodes)
{
    s_open ();
    s_next (s_orders);
    zseq_status_t status;
    uint64_t sequences = 0;
    s_status (s_client, 3, &status);
    cr_assert_str_eq (status.cluster, "net");
    cr_assert_neq (status.identity, 0);
    cr_assert_eq (status.nodes, 3);
    cr_assert_eq (status.r, 2);
    cr_assert_eq (status.w, 2);
    for (size_t index = 0; index < 3; index++) {
        const zseq_node_status_t *node = &status.node[index];
        char name[2] = {(char) ('a' + index), '\0'};
        cr_assert_str_eq (node->name, name);
        cr_assert_str_eq (node->endpoint,
                          zseq_cluster_endpoint (s_cluster, index));
        cr_assert (node->voting);
        cr_assert_str_eq (node->state, "voting");
        cr_assert_eq (node->incarnation, 1);
        cr_assert_leq (node->sequences, 1);
        sequences += node->sequences;
    }
    //  A node may have missed the claim.
    cr_assert_geq (sequences, 2);
    zseq_cluster_kill (s_cluster, 1);
    s_status (s_client, 2, &status);
    cr_assert_not (status.node[1].reachable);
    s_close ();
}

Test (client, counts_what_it_does)
{
    s_open ();
    zseq_stats_t stats;
    ASSERT_RC (zseq_set_batch (s_orders, 10), ZSEQ_OK);
    for (int call = 0; call < 5; call++)
        s_next (s_orders);
    ASSERT_RC (zseq_set_batch (s_orders, 1), ZSEQ_OK);
    ASSERT_RC (zseq_client_stats (s_client, &stats), ZSEQ_OK);
    cr_assert_eq (stats.issued, 5);
    cr_assert_geq (stats.burnt, 5);
    cr_assert_geq (stats.claims, 1);
    cr_assert_geq (stats.attempts, stats.claims);
    cr_assert_gt (stats.rtt_us, 0);
    s_close ();
}

//  A forked child.

static int
s_use_inherited (void *arg)
{
    (void) arg;
    uint64_t id = 77;
    zseq_stats_t stats;
    zseq_status_t status;
    bool good = zseq_next (s_orders, &id) == ZSEQ_EFORKED &&
                zseq_try_next (s_orders, &id) == ZSEQ_EFORKED &&
                zseq_next_range (s_orders, 2, &id) == ZSEQ_EFORKED &&
                zseq_peek (s_orders, &id) == ZSEQ_EFORKED &&
                zseq_raise (s_orders, 2) == ZSEQ_EFORKED &&
                zseq_set_batch (s_orders, 2) == ZSEQ_EFORKED &&
                zseq_client_stats (s_client, &stats) == ZSEQ_EFORKED &&
                zseq_client_status (s_client, &status) == ZSEQ_EFORKED &&
                strstr (zseq_detail (), "made before fork (): make a new") &&
                id == 77;
    zseq_destroy (&s_orders);
    zseq_client_destroy (&s_client);
    return good ? 0 : 1;
}

Test (client, gives_a_forked_child_nothing)
{
    if (!zseq_process_forks_threads ())
        cr_skip_test ("no fork with threads in this build");
    s_open ();
    ASSERT_RC (zseq_set_batch (s_orders, 100), ZSEQ_OK);
    s_exact (s_next (s_orders), 1);
    cr_assert_eq (zseq_process_wait (zseq_process_fork (s_use_inherited, NULL)),
                  0);
    //  The parent's connections still work.
    for (uint64_t id = 2; id <= 300; id++)
        s_exact (s_next (s_orders), id);
    s_close ();
}

//  Names.

static char s_long_text[ZSEQ_NAME_MAX + 2];

static const char *
s_long (char byte, size_t size)
{
    memset (s_long_text, byte, size);
    s_long_text[size] = '\0';
    return s_long_text;
}

static void
s_assert_named (const char *name, uint64_t id)
{
    zseq_t *seq = zseq_new (s_client, name);
    cr_assert (seq, "%s: %s", name, zseq_detail ());
    s_exact (s_next (seq), id);
    zseq_destroy (&seq);
}

static void
s_assert_all_named (uint64_t id)
{
    static const char *names[] = {
      "../../x",  "/",    ".",       "..",    "%",
      "%2e%2e",   "a/b",  "/etc/x",  "x\\y",  "a b\n",
      "\x01\xff", "A",    "a",       "%41",   "naïve",
      "日本",     ".tmp", "journal", "-rf *", "names.journal"};
    for (size_t index = 0; index < sizeof names / sizeof names[0]; index++)
        s_assert_named (names[index], id);
    s_assert_named (s_long ('x', ZSEQ_NAME_MAX), id);
    s_assert_named (s_long ('x', ZSEQ_NAME_MAX - 1), id);
    s_assert_named (s_long ('/', ZSEQ_NAME_MAX), id);
    s_assert_named (s_long ('\xff', ZSEQ_NAME_MAX), id);
}

//  Whether path holds nothing but the nodes' directories and logs.
static void
s_assert_tidy (const char *path)
{
    DIR *directory = opendir (path);
    cr_assert (directory);
    struct dirent *entry;
    while ((entry = readdir (directory))) {
        char node = entry->d_name[0];
        const char *rest = entry->d_name + 1;
        bool known = (node >= 'a' && node <= 'c' &&
                      (*rest == '\0' || !strcmp (rest, ".log"))) ||
                     !strcmp (entry->d_name, ".") ||
                     !strcmp (entry->d_name, "..");
        cr_assert (known, "%s", entry->d_name);
    }
    closedir (directory);
}

Test (client, keeps_any_name_inside_the_directories)
{
    s_open ();
    char outside[256];
    snprintf (outside, sizeof outside, "%s/../x",
              zseq_cluster_path (s_cluster));
    bool was_there = access (outside, F_OK) == 0;
    s_assert_all_named (1);
    s_assert_all_named (2);
    s_assert_tidy (zseq_cluster_path (s_cluster));
    cr_assert_eq (access (outside, F_OK) == 0, was_there);

    //  All names are found again.
    for (size_t node = 0; node < 3; node++)
        cr_assert_eq (zseq_cluster_stop (s_cluster, node, SIGTERM), 0);
    zseq_cluster_start_all (s_cluster);
    s_assert_all_named (3);
    s_close ();
}

Test (client, refuses_names_that_are_empty_or_too_long)
{
    s_open ();
    cr_assert_null (zseq_new (s_client, ""));
    cr_assert_eq (zseq_errno (), ZSEQ_EINVAL);
    cr_assert_null (zseq_new (s_client, s_long ('x', ZSEQ_NAME_MAX + 1)));
    cr_assert_eq (zseq_errno (), ZSEQ_EINVAL);
    s_close ();
}

//  Listing.

#define S_NAMES 1100  //  More than four pages
#define S_THREADS 16

static void
s_name_of (uint64_t index, char *name, size_t size)
{
    snprintf (name, size, "%s%04lu", index % 11 == 0 ? "other/" : "list/",
              index);
}

static void *
s_make_names (void *arg)
{
    const uint64_t *offset = arg;
    for (uint64_t index = *offset; index < S_NAMES; index += S_THREADS) {
        char name[32];
        s_name_of (index, name, sizeof name);
        s_assert_named (name, 1);
    }
    return NULL;
}

typedef struct {
    const char *prefix;
    char last[ZSEQ_NAME_MAX + 1];
    size_t count;
    size_t count_max;  //  Ends the listing
} s_listing_t;

static int
s_list_one (const char *name, uint64_t next, void *arg)
{
    s_listing_t *self = arg;
    cr_assert_geq (next, 2, "%s: %lu", name, next);
    cr_assert_gt (strcmp (name, self->last), 0, "%s after %s", name,
                  self->last);
    cr_assert_eq (strncmp (name, self->prefix, strlen (self->prefix)), 0);
    strcpy (self->last, name);
    return ++self->count == self->count_max;
}

static size_t
s_count (const char *prefix, size_t count_max)
{
    s_listing_t listing = {.prefix = prefix, .count_max = count_max};
    ASSERT_RC (zseq_client_list (s_client, prefix, s_list_one, &listing),
               ZSEQ_OK);
    return listing.count;
}

Test (client, lists_a_thousand_names_by_prefix)
{
    s_open ();
    cr_assert_eq (s_count ("", 0), 0);
    pthread_t threads[S_THREADS];
    uint64_t offsets[S_THREADS];
    for (uint64_t index = 0; index < S_THREADS; index++) {
        offsets[index] = index;
        cr_assert_eq (
          pthread_create (&threads[index], NULL, s_make_names, &offsets[index]),
          0);
    }
    for (size_t index = 0; index < S_THREADS; index++)
        pthread_join (threads[index], NULL);

    cr_assert_eq (s_count ("", 0), S_NAMES);
    cr_assert_eq (s_count ("list/", 0), 1000);
    cr_assert_eq (s_count ("other/", 0), 100);
    cr_assert_eq (s_count ("other/00", 0), 10);
    cr_assert_eq (s_count ("none", 0), 0);
    cr_assert_eq (s_count ("list/", 7), 7);
    ASSERT_RC (zseq_client_list (s_client, s_long ('x', ZSEQ_NAME_MAX + 1),
                                 s_list_one, NULL),
               ZSEQ_EINVAL);
    //  One of them is down and another has just missed a name.
    zseq_cluster_kill (s_cluster, 0);
    s_assert_named ("other/zzz", 1);
    zseq_cluster_start (s_cluster, 0);
    zseq_cluster_kill (s_cluster, 1);
    cr_assert_eq (s_count ("other/", 0), 101);
    s_close ();
}

//  What eight threads that take one ID each and one that takes a range get.
typedef struct {
    pthread_t thread;
    uint64_t count;
    uint64_t first;
    int rc;
} s_taker_t;

static void *
s_take (void *arg)
{
    s_taker_t *self = arg;
    self->rc = self->count == 1
                 ? zseq_next (s_orders, &self->first)
                 : zseq_next_range (s_orders, self->count, &self->first);
    return NULL;
}

Test (client, refuses_a_range_that_does_not_fit_alone, .init = s_open,
      .fini = s_close)
{
    for (int round = 0; round < 10; round++) {
        ASSERT_RC (zseq_raise (s_orders, ZSEQ_ID_MAX - 999), ZSEQ_OK);
        uint64_t before = s_peek (s_orders);
        s_taker_t takers[9];
        for (size_t index = 0; index < 9; index++) {
            takers[index].count = index == 4 ? 5000 : 1;
            cr_assert_eq (pthread_create (&takers[index].thread, NULL, s_take,
                                          &takers[index]),
                          0);
        }
        for (size_t index = 0; index < 9; index++) {
            pthread_join (takers[index].thread, NULL);
            cr_assert_eq (takers[index].rc,
                          index == 4 ? ZSEQ_EEXHAUSTED : ZSEQ_OK);
        }
        zseq_stats_t stats;
        ASSERT_RC (zseq_client_stats (s_client, &stats), ZSEQ_OK);
        uint64_t taken = s_peek (s_orders) - before;
        cr_assert_geq (taken, 8);
        if (stats.timeouts == 0)
            cr_assert_eq (taken, 8);
    }
}

//  A batch that follows the rate at which IDs are taken.

#define S_AUTO_IDS 100000u
#define S_AUTO_THREADS 4

Test (client, needs_few_claims_for_many_ids_with_an_automatic_batch)
{
    s_open ();
    ASSERT_RC (zseq_set_batch (s_orders, ZSEQ_BATCH_AUTO), ZSEQ_OK);
    uint64_t last = 0;
    for (uint64_t count = 1; count <= S_AUTO_IDS; count++) {
        uint64_t id = s_next (s_orders);
        cr_assert_gt (id, last);
        last = id;
    }
    cr_assert_geq (last, S_AUTO_IDS);
    zseq_stats_t stats;
    ASSERT_RC (zseq_client_stats (s_client, &stats), ZSEQ_OK);
    cr_assert_eq (stats.issued, S_AUTO_IDS);
    //  With batch 1 there is one for each.
    cr_assert_lt (stats.attempts, S_AUTO_IDS / 20);
    s_close ();
}

Test (client, tries_with_an_automatic_batch)
{
    s_open ();
    uint64_t id = 77;
    ASSERT_RC (zseq_set_batch (s_orders, ZSEQ_BATCH_AUTO), ZSEQ_OK);
    ASSERT_RC (zseq_try_next (s_orders, &id), ZSEQ_EAGAIN);
    cr_assert_eq (id, 77);
    uint64_t last = 0;
    for (uint64_t count = 0; count < 2000; count++) {
        id = s_try (s_orders);
        cr_assert_gt (id, last);
        last = id;
    }
    //  Without it nothing is taken from a buffer any more.
    uint64_t next = s_peek (s_orders);
    ASSERT_RC (zseq_set_batch (s_orders, 1), ZSEQ_OK);
    ASSERT_RC (zseq_try_next (s_orders, &id), ZSEQ_EINVAL);
    cr_assert_geq (s_next (s_orders), next);
    s_close ();
}

//  IDs that were claimed for a fast consumer are not handed to a slow one.
Test (client, drops_what_an_automatic_batch_was_too_large_for)
{
    s_open ();
    ASSERT_RC (zseq_set_batch (s_orders, ZSEQ_BATCH_AUTO), ZSEQ_OK);
    for (uint64_t count = 1; count <= S_AUTO_IDS; count++)
        (void) s_next (s_orders);
    zseq_stats_t before, stats;
    ASSERT_RC (zseq_client_stats (s_client, &before), ZSEQ_OK);
    //  From now on IDs are taken slowly, until each is a claim of its own.
    uint64_t claims = 0;
    for (uint64_t count = 0; count < 10000 && claims < 5; count++) {
        (void) poll (NULL, 0, 10);
        ASSERT_RC (zseq_client_stats (s_client, &stats), ZSEQ_OK);
        uint64_t claimed = stats.claims;
        (void) s_next (s_orders);
        ASSERT_RC (zseq_client_stats (s_client, &stats), ZSEQ_OK);
        claims = stats.claims > claimed ? claims + 1 : 0;
    }
    cr_assert_eq (claims, 5);
    cr_assert_gt (stats.burnt, before.burnt);
    s_close ();
}

//  A thread that draws IDs and keeps a record of them.
typedef struct {
    pthread_t thread;
    zseq_t *seq;
    uint32_t number;
    zseq_history_kind_t kind;
    uint64_t calls;        //  0: until it is stopped
    uint64_t range_every;  //  If not 0: one call in so many takes a range
    _Atomic uint64_t calls_done;
    zseq_history_op_t *ops;
    size_t size;
    _Atomic int rc;
} s_drawer_t;

static _Atomic bool s_stopped;

static int
s_draw (s_drawer_t *self, zseq_history_op_t *op)
{
    bool range = self->range_every && self->calls_done % self->range_every == 0;
    *op =
      (zseq_history_op_t){.start_ns = zseq_history_now_ns (),
                          .count = range ? 10 : 1,
                          .client = self->number,
                          .kind = range ? ZSEQ_HISTORY_UNBUFFERED : self->kind};
    int rc = range ? zseq_next_range (self->seq, op->count, &op->first)
                   : zseq_next (self->seq, &op->first);
    op->end_ns = zseq_history_now_ns ();
    return rc;
}

static void *
s_draw_on (void *arg)
{
    s_drawer_t *self = arg;
    self->rc = ZSEQ_OK;
    while (!s_stopped && (!self->calls || self->calls_done < self->calls)) {
        if (self->calls_done == self->size) {
            self->size = self->size ? 2 * self->size : 1024;
            self->ops = realloc (self->ops, self->size * sizeof *self->ops);
            cr_assert (self->ops);
        }
        self->rc = s_draw (self, &self->ops[self->calls_done]);
        if (self->rc != ZSEQ_OK)
            break;
        self->calls_done++;
    }
    return NULL;
}

static void
s_start_drawers (s_drawer_t *drawers, size_t count)
{
    for (size_t index = 0; index < count; index++)
        cr_assert_eq (pthread_create (&drawers[index].thread, NULL, s_draw_on,
                                      &drawers[index]),
                      0);
}

//  Waits until the threads have ended, and checks all IDs that they got.
static void
s_judge_drawers (s_drawer_t *drawers, size_t count)
{
    zseq_history_t *history = zseq_history_new ();
    for (size_t index = 0; index < count; index++) {
        s_drawer_t *drawer = &drawers[index];
        pthread_join (drawer->thread, NULL);
        cr_assert_eq (drawer->rc, ZSEQ_OK, "drawer %zu: %s", index,
                      zseq_strerror (drawer->rc));
        for (size_t call = 0; call < drawer->calls_done; call++)
            zseq_history_add (history, &drawer->ops[call]);
        free (drawer->ops);
    }
    zseq_verdict_t verdict;
    zseq_history_check (history, false, &verdict);
    zseq_history_destroy (&history);
    cr_assert_eq (verdict.violations, 0, "%s", verdict.text);
}

//  Waits until each of the threads has made that many more calls.
static void
s_await_drawers (s_drawer_t *drawers, size_t count, uint64_t calls)
{
    uint64_t wait_ns = (uint64_t) ZSEQ_PROCESS_WAIT_MS * 1000000;
    uint64_t end_ns = zseq_history_now_ns () + wait_ns;
    for (size_t index = 0; index < count; index++) {
        s_drawer_t *drawer = &drawers[index];
        uint64_t goal = drawer->calls_done + calls;
        while (drawer->calls_done < goal) {
            cr_assert_eq (drawer->rc, ZSEQ_OK, "drawer %zu: %s", index,
                          zseq_strerror (drawer->rc));
            cr_assert_lt (zseq_history_now_ns (), end_ns);
            sched_yield ();
        }
    }
}

Test (client, keeps_its_order_with_threads_and_an_automatic_batch)
{
    s_open ();
    ASSERT_RC (zseq_set_batch (s_orders, ZSEQ_BATCH_AUTO), ZSEQ_OK);
    s_drawer_t drawers[S_AUTO_THREADS] = {0};
    for (uint32_t index = 0; index < S_AUTO_THREADS; index++) {
        drawers[index].seq = s_orders;
        drawers[index].kind = ZSEQ_HISTORY_BUFFERED;
        drawers[index].calls = S_AUTO_IDS / S_AUTO_THREADS;
        drawers[index].range_every = index == 0 ? 1000 : 0;
    }
    s_start_drawers (drawers, S_AUTO_THREADS);
    s_judge_drawers (drawers, S_AUTO_THREADS);
    s_close ();
}

//  Clients that compete.

#define S_COMPETITORS 4
#define S_COMPETITOR_CALLS 500

//  The node that clients of that name ask to claim for them.
static size_t
s_coordinator_of (const char *name)
{
    zseq_coordinator_rank_t rank;
    uint8_t order[ZSEQ_NODES_MAX];
    zseq_coordinator_rank_init (&rank, 3);
    for (uint8_t node = 0; node < 3; node++)
        zseq_coordinator_rank_set_name (&rank, node, &"abc"[node], 1);
    zseq_coordinator_rank_nodes (&rank, name, strlen (name), order);
    return zseq_coordinator_rank_choose (&rank, order);
}

//  Their coordinator is paused for a while, and then goes on.
static void
s_compete (uint64_t batch, zseq_history_kind_t kind)
{
    s_open ();
    zseq_client_t *clients[S_COMPETITORS];
    s_drawer_t drawers[S_COMPETITORS] = {0};
    for (uint32_t index = 0; index < S_COMPETITORS; index++) {
        clients[index] = zseq_client_new (zseq_cluster_uri (s_cluster));
        ASSERT_RC (
          zseq_client_set_timeout (clients[index], ZSEQ_PROCESS_WAIT_MS),
          ZSEQ_OK);
        drawers[index].seq = zseq_new (clients[index], "orders");
        ASSERT_RC (zseq_set_batch (drawers[index].seq, batch), ZSEQ_OK);
        drawers[index].number = index;
        drawers[index].kind = kind;
    }
    size_t coordinator = s_coordinator_of ("orders");
    s_start_drawers (drawers, S_COMPETITORS);
    s_await_drawers (drawers, S_COMPETITORS, S_COMPETITOR_CALLS);
    zseq_cluster_pause (s_cluster, coordinator);
    s_await_drawers (drawers, S_COMPETITORS, S_COMPETITOR_CALLS);
    zseq_cluster_resume (s_cluster, coordinator);
    s_await_drawers (drawers, S_COMPETITORS, S_COMPETITOR_CALLS);
    s_stopped = true;
    s_judge_drawers (drawers, S_COMPETITORS);
    for (size_t index = 0; index < S_COMPETITORS; index++) {
        zseq_destroy (&drawers[index].seq);
        zseq_client_destroy (&clients[index]);
    }
    s_close ();
}

Test (client, goes_on_when_its_coordinator_is_paused)
{
    s_compete (1, ZSEQ_HISTORY_UNBUFFERED);
}

Test (client, goes_on_with_a_buffer_when_its_coordinator_is_paused)
{
    s_compete (20, ZSEQ_HISTORY_BUFFERED);
}
