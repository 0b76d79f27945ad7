//  One suite for every scheme of a URI: what zseq.h promises of all clients
//  holds for a cluster, file:, mem: and the flake schemes. EACH makes a test
//  that runs for each of s_kinds, with a client (s_client) and a handle
//  (s_ids). Where the kinds differ, a test asks s_is_flake, s_has_nodes or
//  s_has_cluster.
//
//  At the end: the workers of flake schemes, and which URIs are refused. The
//  wall clock is this program's own clock_gettime, so that a test can set the
//  clock.

#include "zseq_cluster.h"
#include "zseq_history.h"
#include "zseq_process.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define S_MS ((int64_t) 1000000)  //  In nanoseconds
#define S_WORKER 5
#define S_EPOCH_MS 1735689600000u
#define S_LAYOUT_WORKERS 1024

//  The wall clock that this program and the library in it see.

static _Atomic int64_t s_step_ns;

__attribute__ ((visibility ("default"))) int
clock_gettime (clockid_t clock, struct timespec *time)
{
    long rc = syscall (SYS_clock_gettime, clock, time);
    if (rc != 0 || clock != CLOCK_REALTIME)
        return (int) rc;
    int64_t ns =
      (int64_t) time->tv_sec * 1000 * S_MS + time->tv_nsec + s_step_ns;
    time->tv_sec = (time_t) (ns / (1000 * S_MS));
    time->tv_nsec = (long) (ns % (1000 * S_MS));
    return 0;
}

static uint64_t
s_wall_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_REALTIME, &now);
    return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}

//  The schemes.

typedef enum {
    S_CLUSTER,
    S_FILE,
    S_MEM,
    S_FLAKE,
    S_FLAKE_TCP,
    S_FLAKE_FILE
} s_kind_t;

static const int s_kinds[] = {
  S_CLUSTER, S_MEM, S_FLAKE, S_FLAKE_TCP, S_FILE, S_FLAKE_FILE,
};

#define S_KINDS (sizeof s_kinds / sizeof s_kinds[0])

static s_kind_t s_kind;
static zseq_cluster_t *s_cluster;
static char s_directory[64];
static char s_uri[ZSEQ_CLUSTER_URI_MAX + 64];
static zseq_client_t *s_client;
static zseq_t *s_ids;

static bool
s_is_flake (void)
{
    return s_kind >= S_FLAKE;
}

//  Whether there are nodes: those of a cluster, or those that lease the worker.
static bool
s_has_nodes (void)
{
    return s_kind != S_MEM && s_kind != S_FLAKE;
}

static bool
s_has_cluster (void)
{
    return s_kind == S_CLUSTER || s_kind == S_FLAKE_TCP;
}

#define ASSERT_RC(call, expected)                                              \
    do {                                                                       \
        int rc_ = (call);                                                      \
        cr_assert_eq (rc_, expected, "%s: " #call ": %s (%s)", s_uri,          \
                      zseq_strerror (rc_), zseq_detail ());                    \
    } while (0)

//  The same, and that the detail says what is wrong.
#define ASSERT_REFUSED(call, expected)                                         \
    do {                                                                       \
        ASSERT_RC (call, expected);                                            \
        cr_assert_neq (zseq_detail ()[0], 0, "%s: " #call, s_uri);             \
        cr_assert_eq (zseq_errno (), expected, "%s: " #call, s_uri);           \
    } while (0)

//  The last failure's detail has that text.
static void
s_assert_detail (const char *text)
{
    cr_assert (strstr (zseq_detail (), text), "%s: '%s' and not '%s'", s_uri,
               zseq_detail (), text);
}

static zseq_client_t *
s_new_client (const char *options)
{
    char uri[sizeof s_uri + 64];
    snprintf (uri, sizeof uri, "%s%s", s_uri, options);
    zseq_client_t *client = zseq_client_new (uri);
    cr_assert (client, "%s: %s", uri, zseq_detail ());
    return client;
}

static zseq_t *
s_new (zseq_client_t *client, const char *name)
{
    zseq_t *seq = zseq_new (client, name);
    cr_assert (seq, "%s: %s", s_uri, zseq_detail ());
    return seq;
}

static void
s_open_kind (int kind)
{
    s_kind = (s_kind_t) kind;
    const char *place = "";
    if (s_has_cluster ()) {
        s_cluster = zseq_cluster_new ("net", kind == S_CLUSTER ? 3 : 1, NULL);
        zseq_cluster_start_all (s_cluster);
        place = zseq_cluster_uri (s_cluster);
    }
    else if (s_has_nodes ()) {
        strcpy (s_directory, "/tmp/zseq-schemes-XXXXXX");
        cr_assert (mkdtemp (s_directory));
        place = s_directory;
    }
    static const char *const format[] = {
      [S_CLUSTER] = "%s",         [S_FILE] = "file:%s",
      [S_MEM] = "mem:%s",         [S_FLAKE] = "flake:%s5",
      [S_FLAKE_TCP] = "flake+%s", [S_FLAKE_FILE] = "flake+file:%s"};
    int size = snprintf (s_uri, sizeof s_uri, format[kind], place);
    cr_assert_lt ((size_t) size, sizeof s_uri);
    s_client = s_new_client ("");
    s_ids = s_new (s_client, "orders");
}

static void
s_remove_directory (void)
{
    if (!s_directory[0])
        return;
    const char *argv[] = {"rm", "-rf", s_directory, NULL};
    cr_assert_eq (zseq_process_wait (zseq_process_exec (argv, "/dev/null")), 0);
    s_directory[0] = 0;
}

static void
s_close (void)
{
    zseq_destroy (&s_ids);
    zseq_client_destroy (&s_client);
    zseq_cluster_destroy (&s_cluster);
    s_remove_directory ();
}

//  A test that runs for each of s_kinds.
#define EACH(name)                                                             \
    static void s_try_##name (void);                                           \
    ParameterizedTestParameters (schemes, name)                                \
    {                                                                          \
        return cr_make_param_array (int, (int *) (uintptr_t) s_kinds,          \
                                    S_KINDS);                                  \
    }                                                                          \
    ParameterizedTest (const int *kind, schemes, name)                         \
    {                                                                          \
        s_open_kind (*kind);                                                   \
        s_try_##name ();                                                       \
        s_close ();                                                            \
    }                                                                          \
    static void s_try_##name (void)

static uint64_t
s_next (zseq_t *seq)
{
    uint64_t id = 0;
    ASSERT_RC (zseq_next (seq, &id), ZSEQ_OK);
    cr_assert_geq (id, 1);
    cr_assert_leq (id, ZSEQ_ID_MAX);
    return id;
}

static uint64_t
s_peek (zseq_t *seq)
{
    uint64_t next = 0;
    ASSERT_RC (zseq_peek (seq, &next), ZSEQ_OK);
    return next;
}

static zseq_stats_t
s_stats (void)
{
    zseq_stats_t stats;
    ASSERT_RC (zseq_client_stats (s_client, &stats), ZSEQ_OK);
    return stats;
}

//  A machine that stalls can make a reply late, which burns IDs.
static void
s_exact (uint64_t got, uint64_t expected)
{
    cr_assert_geq (got, expected, "%s: %lu instead of %lu", s_uri, got,
                   expected);
    if (s_stats ().timeouts == 0)
        cr_assert_eq (got, expected, "%s: %lu instead of %lu", s_uri, got,
                      expected);
}

static uint64_t
s_wait_end_ns (void)
{
    return zseq_history_now_ns () + (uint64_t) ZSEQ_PROCESS_WAIT_MS * 1000000;
}

static uint64_t
s_try (zseq_t *seq)
{
    uint64_t end_ns = s_wait_end_ns ();
    uint64_t id = 77;
    int rc;
    while ((rc = zseq_try_next (seq, &id)) == ZSEQ_EAGAIN) {
        cr_assert_eq (id, 77);
        cr_assert_lt (zseq_history_now_ns (), end_ns);
        sched_yield ();
    }
    ASSERT_RC (rc, ZSEQ_OK);
    return id;
}

//  Threads that take IDs.

typedef struct {
    pthread_t thread;
    zseq_t *seq;
    uint64_t *ids;
    size_t count;
    int rc;
    bool rising;
} s_taker_t;

static void *
s_take_all (void *arg)
{
    s_taker_t *self = arg;
    self->rising = true;
    for (size_t index = 0; index < self->count; index++) {
        self->rc = zseq_next (self->seq, &self->ids[index]);
        if (self->rc != ZSEQ_OK)
            return NULL;
        if (index > 0 && self->ids[index] <= self->ids[index - 1])
            self->rising = false;
    }
    return NULL;
}

static int
s_compare (const void *one, const void *other)
{
    uint64_t left = *(const uint64_t *) one;
    uint64_t right = *(const uint64_t *) other;
    return (left > right) - (left < right);
}

//  Sorts them.
static void
s_assert_unique (uint64_t *ids, size_t count)
{
    qsort (ids, count, sizeof *ids, s_compare);
    for (size_t index = 1; index < count; index++)
        cr_assert_lt (ids[index - 1], ids[index], "%s: %lu twice", s_uri,
                      ids[index]);
}

//  Has threads take that many IDs each, from the handles in turn. ids gets all
//  of them, sorted.
static void
s_take_with_threads (zseq_t *const *handles, size_t handle_count,
                     size_t threads, size_t each, uint64_t *ids)
{
    s_taker_t *takers = calloc (threads, sizeof *takers);
    cr_assert (takers);
    for (size_t index = 0; index < threads; index++) {
        takers[index].seq = handles[index % handle_count];
        takers[index].ids = ids + index * each;
        takers[index].count = each;
        cr_assert_eq (pthread_create (&takers[index].thread, NULL, s_take_all,
                                      &takers[index]),
                      0);
    }
    for (size_t index = 0; index < threads; index++) {
        pthread_join (takers[index].thread, NULL);
        cr_assert_eq (takers[index].rc, ZSEQ_OK, "%s: %s", s_uri,
                      zseq_strerror (takers[index].rc));
        cr_assert (takers[index].rising, "%s", s_uri);
    }
    free (takers);
    s_assert_unique (ids, threads * each);
}

static const uint64_t s_batches[] = {1, 2, 1000, ZSEQ_BATCH_AUTO, 0};

#define S_BATCHES (sizeof s_batches / sizeof s_batches[0])

//  IDs.

EACH (first_is_1)
{
    uint64_t last = 0;
    for (uint64_t count = 1; count <= 20; count++) {
        uint64_t id = s_next (s_ids);
        cr_assert_gt (id, last);
        if (!s_is_flake ())
            s_exact (id, count);
        last = id;
    }
}

EACH (ids_rise_with_each_batch)
{
    uint64_t last = 0;
    for (size_t index = 0; index < S_BATCHES; index++) {
        ASSERT_RC (zseq_set_batch (s_ids, s_batches[index]), ZSEQ_OK);
        for (int count = 0; count < 3000; count++) {
            uint64_t id = s_next (s_ids);
            cr_assert_gt (id, last, "%s", s_uri);
            last = id;
            if (s_batches[index] < 1000 && count == 100)
                break;
        }
    }
}

#define S_THREADS 16
#define S_EACH 500

EACH (ids_are_unique_over_threads)
{
    static uint64_t ids[S_THREADS * S_EACH];
    uint64_t last = 0;
    for (size_t index = 0; index < S_BATCHES; index++) {
        ASSERT_RC (zseq_set_batch (s_ids, s_batches[index]), ZSEQ_OK);
        s_take_with_threads (&s_ids, 1, S_THREADS, S_EACH, ids);
        cr_assert_gt (ids[0], last, "%s", s_uri);
        last = ids[S_THREADS * S_EACH - 1];
    }
}

#define S_MANY 256
#define S_MANY_EACH 20

EACH (threads_leave_no_gap)
{
    static uint64_t ids[S_MANY * S_MANY_EACH];
    s_take_with_threads (&s_ids, 1, S_MANY, S_MANY_EACH, ids);
    if (!s_is_flake ()) {
        s_exact (ids[0], 1);
        s_exact (ids[S_MANY * S_MANY_EACH - 1], S_MANY * S_MANY_EACH);
        s_exact (s_peek (s_ids), S_MANY * S_MANY_EACH + 1);
    }
}

EACH (handles_and_clients_share_a_name)
{
    static uint64_t ids[S_THREADS * S_EACH];
    zseq_client_t *client = NULL;
    zseq_t *handles[] = {s_ids, s_new (s_client, "orders"), NULL, NULL};
    size_t count = 2;
    //  A directory is for one process, and memory for one client.
    if (s_has_cluster () || s_kind == S_FLAKE) {
        client = s_new_client ("");
        handles[2] = s_new (client, "orders");
        handles[3] = s_new (client, "orders");
        count = 4;
    }
    uint64_t last = 0;
    for (int turn = 0; turn < 40; turn++) {
        uint64_t id = s_next (handles[turn % 2]);
        cr_assert_gt (id, last, "%s", s_uri);
        last = id;
    }
    ASSERT_RC (zseq_set_batch (handles[1], 100), ZSEQ_OK);
    s_take_with_threads (handles, count, S_THREADS, S_EACH, ids);
    zseq_destroy (&handles[1]);
    zseq_destroy (&handles[2]);
    zseq_destroy (&handles[3]);
    zseq_client_destroy (&client);
}

EACH (names_are_apart)
{
    zseq_t *bills = s_new (s_client, "bills");
    uint64_t order = s_next (s_ids);
    uint64_t bill = s_next (bills);
    if (s_is_flake ())
        cr_assert_neq (order, bill);
    else
        s_exact (bill, 1);
    zseq_destroy (&bills);
}

EACH (take_gives_rising_ids)
{
    static uint64_t ids[5000];
    uint64_t last = 0;
    for (size_t index = 0; index < S_BATCHES; index++) {
        ASSERT_RC (zseq_set_batch (s_ids, s_batches[index]), ZSEQ_OK);
        static const size_t counts[] = {1, 2, 5000, 999};
        for (size_t at = 0; at < sizeof counts / sizeof counts[0]; at++) {
            if (s_batches[index] == 2 && counts[at] == 5000)
                continue;
            ASSERT_RC (zseq_take (s_ids, ids, counts[at]), ZSEQ_OK);
            for (size_t id = 0; id < counts[at]; id++) {
                cr_assert_gt (ids[id], last, "%s", s_uri);
                last = ids[id];
            }
            uint64_t next = s_next (s_ids);
            cr_assert_gt (next, last, "%s", s_uri);
            last = next;
        }
    }
}

EACH (take_refuses_what_is_out_of_bounds)
{
    uint64_t ids[1] = {77};
    ASSERT_REFUSED (zseq_take (s_ids, ids, 0), ZSEQ_EINVAL);
    ASSERT_REFUSED (zseq_take (s_ids, ids, (size_t) ZSEQ_COUNT_MAX + 1),
                    ZSEQ_EINVAL);
    ASSERT_REFUSED (zseq_take (s_ids, ids, SIZE_MAX), ZSEQ_EINVAL);
    cr_assert_eq (ids[0], 77);
}

EACH (ranges_are_consecutive_or_refused)
{
    uint64_t first = 77;
    ASSERT_REFUSED (zseq_next_range (s_ids, 0, &first), ZSEQ_EINVAL);
    s_assert_detail ("count 0 is not in 1..2^32");
    ASSERT_REFUSED (
      zseq_next_range (s_ids, (uint64_t) ZSEQ_COUNT_MAX + 1, &first),
      ZSEQ_EINVAL);
    ASSERT_REFUSED (zseq_next_range (s_ids, UINT64_MAX, &first), ZSEQ_EINVAL);
    if (s_is_flake ()) {
        ASSERT_REFUSED (zseq_next_range (s_ids, 2, &first), ZSEQ_EINVAL);
        cr_assert_eq (first, 77);
        return;
    }
    cr_assert_eq (first, 77);
    ASSERT_RC (zseq_next_range (s_ids, 1000, &first), ZSEQ_OK);
    s_exact (first, 1);
    ASSERT_RC (zseq_next_range (s_ids, ZSEQ_COUNT_MAX, &first), ZSEQ_OK);
    s_exact (first, 1001);
    //  Ranges never come from the buffer, and later IDs are above them.
    ASSERT_RC (zseq_set_batch (s_ids, 100), ZSEQ_OK);
    uint64_t id = s_next (s_ids);
    ASSERT_RC (zseq_next_range (s_ids, 10, &first), ZSEQ_OK);
    cr_assert_gt (first, id);
    cr_assert_geq (s_next (s_ids), first + 10);
}

EACH (try_next_needs_a_buffer)
{
    uint64_t id = 77;
    ASSERT_REFUSED (zseq_try_next (s_ids, &id), ZSEQ_EINVAL);
    cr_assert_eq (id, 77);
    uint64_t last = s_next (s_ids);
    for (size_t index = 2; index < S_BATCHES - 1; index++) {
        ASSERT_RC (zseq_set_batch (s_ids, s_batches[index]), ZSEQ_OK);
        for (int count = 0; count < 2000; count++) {
            id = count % 3 ? s_try (s_ids) : s_next (s_ids);
            cr_assert_gt (id, last, "%s", s_uri);
            last = id;
        }
    }
    ASSERT_RC (zseq_set_batch (s_ids, 0), ZSEQ_OK);
    ASSERT_REFUSED (zseq_try_next (s_ids, &id), ZSEQ_EINVAL);
}

//  It never waits for nodes, even where there are none.
EACH (try_next_waits_for_no_node)
{
    if (!s_has_cluster ())
        return;
    size_t nodes = s_kind == S_CLUSTER ? 3 : 1;
    uint64_t id = 77;
    ASSERT_RC (zseq_set_batch (s_ids, 10), ZSEQ_OK);
    for (size_t node = 0; node < nodes; node++)
        zseq_cluster_pause (s_cluster, node);
    ASSERT_REFUSED (zseq_try_next (s_ids, &id), ZSEQ_EAGAIN);
    cr_assert_eq (id, 77);
    for (size_t node = 0; node < nodes; node++)
        zseq_cluster_resume (s_cluster, node);
    (void) s_try (s_ids);
}

//  Without a call that waited before.
EACH (try_next_says_that_nothing_is_buffered_yet)
{
    ASSERT_RC (zseq_set_batch (s_ids, 10), ZSEQ_OK);
    (void) s_try (s_ids);
}

EACH (batches_have_bounds)
{
    ASSERT_REFUSED (zseq_set_batch (s_ids, (uint64_t) ZSEQ_COUNT_MAX + 1),
                    ZSEQ_EINVAL);
    ASSERT_REFUSED (zseq_set_batch (s_ids, ZSEQ_BATCH_AUTO - 1), ZSEQ_EINVAL);
    ASSERT_RC (zseq_set_batch (s_ids, ZSEQ_COUNT_MAX), ZSEQ_OK);
    uint64_t id = s_next (s_ids);
    cr_assert_gt (s_next (s_ids), id);
}

//  What is next.

EACH (peeks_without_taking)
{
    uint64_t next = 77;
    if (s_is_flake ()) {
        ASSERT_REFUSED (zseq_peek (s_ids, &next), ZSEQ_EINVAL);
        cr_assert_eq (next, 77);
        return;
    }
    s_exact (s_peek (s_ids), 1);
    s_exact (s_peek (s_ids), 1);
    s_exact (s_next (s_ids), 1);
    s_exact (s_peek (s_ids), 2);
    uint64_t first;
    ASSERT_RC (zseq_next_range (s_ids, 10, &first), ZSEQ_OK);
    s_exact (s_peek (s_ids), 12);
    //  All that were handed out lie below.
    ASSERT_RC (zseq_set_batch (s_ids, 1000), ZSEQ_OK);
    for (int count = 0; count < 100; count++)
        cr_assert_lt (s_next (s_ids), s_peek (s_ids));
}

EACH (raises_and_never_lowers)
{
    ASSERT_REFUSED (zseq_raise (s_ids, 0), ZSEQ_EINVAL);
    s_assert_detail ("ID 0 is not in 1..2^63");
    ASSERT_REFUSED (zseq_raise (s_ids, ZSEQ_ID_MAX + (uint64_t) 2),
                    ZSEQ_EINVAL);
    ASSERT_REFUSED (zseq_raise (s_ids, UINT64_MAX), ZSEQ_EINVAL);
    if (s_is_flake ()) {
        ASSERT_REFUSED (zseq_raise (s_ids, 1000), ZSEQ_EINVAL);
        return;
    }
    ASSERT_RC (zseq_raise (s_ids, 1), ZSEQ_OK);
    s_exact (s_next (s_ids), 1);
    ASSERT_RC (zseq_raise (s_ids, 1000), ZSEQ_OK);
    s_exact (s_peek (s_ids), 1000);
    s_exact (s_next (s_ids), 1000);
    ASSERT_RC (zseq_raise (s_ids, 5), ZSEQ_OK);
    s_exact (s_next (s_ids), 1001);
    ASSERT_RC (zseq_set_batch (s_ids, 100), ZSEQ_OK);
    uint64_t id = s_next (s_ids);
    ASSERT_RC (zseq_raise (s_ids, id + 50), ZSEQ_OK);
    cr_assert_geq (s_next (s_ids), id + 50);
    ASSERT_RC (zseq_raise (s_ids, 1000000), ZSEQ_OK);
    cr_assert_geq (s_next (s_ids), 1000000);
}

//  The IDs that a raise skips were never claimed.
EACH (raises_burn_nothing)
{
    if (s_is_flake ())
        return;
    ASSERT_RC (zseq_raise (s_ids, 1000), ZSEQ_OK);
    zseq_stats_t stats = s_stats ();
    cr_assert_eq (stats.burnt, 0, "%s: %lu", s_uri, stats.burnt);
    cr_assert_eq (stats.issued, 0, "%s: %lu", s_uri, stats.issued);
}

EACH (gives_the_last_ids_and_then_none)
{
    if (s_is_flake ())
        return;
    static const uint64_t batches[] = {1, 3, 100, ZSEQ_BATCH_AUTO};
    for (size_t at = 0; at < sizeof batches / sizeof batches[0]; at++) {
        char name[16];
        snprintf (name, sizeof name, "end %zu", at);
        zseq_t *seq = s_new (s_client, name);
        ASSERT_RC (zseq_raise (seq, ZSEQ_ID_MAX - 9), ZSEQ_OK);
        ASSERT_RC (zseq_set_batch (seq, batches[at]), ZSEQ_OK);
        uint64_t id = ZSEQ_ID_MAX - 10;
        uint64_t got = id;
        int rc;
        while ((rc = zseq_next (seq, &got)) == ZSEQ_OK) {
            cr_assert_gt (got, id);
            id = got;
        }
        ASSERT_REFUSED (rc, ZSEQ_EEXHAUSTED);
        s_exact (ZSEQ_ID_MAX, id);
        cr_assert_eq (got, id);
        ASSERT_REFUSED (zseq_next (seq, &got), ZSEQ_EEXHAUSTED);
        ASSERT_REFUSED (zseq_take (seq, &got, 1), ZSEQ_EEXHAUSTED);
        ASSERT_REFUSED (zseq_next_range (seq, 1, &got), ZSEQ_EEXHAUSTED);
        cr_assert_eq (got, id);
        if (batches[at] > 1) {
            uint64_t end_ns = s_wait_end_ns ();
            while ((rc = zseq_try_next (seq, &got)) == ZSEQ_EAGAIN)
                cr_assert_lt (zseq_history_now_ns (), end_ns);
            cr_assert_eq (rc, ZSEQ_EEXHAUSTED);
        }
        cr_assert_eq (s_peek (seq), ZSEQ_ID_MAX + (uint64_t) 1);
        ASSERT_RC (zseq_raise (seq, ZSEQ_ID_MAX + (uint64_t) 1), ZSEQ_OK);
        zseq_destroy (&seq);
    }
}

EACH (range_that_does_not_fit_is_refused)
{
    if (s_is_flake ())
        return;
    uint64_t ids[6] = {77};
    ASSERT_RC (zseq_raise (s_ids, ZSEQ_ID_MAX - 4), ZSEQ_OK);
    ASSERT_REFUSED (zseq_next_range (s_ids, 6, ids), ZSEQ_EEXHAUSTED);
    s_assert_detail ("fewer than 6 IDs are left of sequence 'orders'");
    cr_assert_eq (ids[0], 77);
    ASSERT_RC (zseq_next_range (s_ids, 2, ids), ZSEQ_OK);
    s_exact (ids[0], ZSEQ_ID_MAX - 4);
    ASSERT_REFUSED (zseq_take (s_ids, ids, 4), ZSEQ_EEXHAUSTED);
    zseq_t *ended = s_new (s_client, "ended");
    ASSERT_RC (zseq_raise (ended, ZSEQ_ID_MAX + (uint64_t) 1), ZSEQ_OK);
    ASSERT_REFUSED (zseq_next (ended, ids), ZSEQ_EEXHAUSTED);
    s_assert_detail (s_has_nodes () ? "no ID is left of sequence 'ended'"
                                    : "fewer than 1 IDs are left of sequence");
    zseq_destroy (&ended);
}

//  What a client reports.

typedef struct {
    char names[16][ZSEQ_NAME_MAX + 1];
    uint64_t next[16];
    size_t count;
    size_t count_max;
} s_listing_t;

static int
s_list_one (const char *name, uint64_t next, void *arg)
{
    s_listing_t *self = arg;
    cr_assert_lt (self->count, 16);
    strcpy (self->names[self->count], name);
    self->next[self->count++] = next;
    return self->count == self->count_max;
}

static size_t
s_list (const char *prefix, size_t count_max, s_listing_t *listing)
{
    memset (listing, 0, sizeof *listing);
    listing->count_max = count_max;
    ASSERT_RC (zseq_client_list (s_client, prefix, s_list_one, listing),
               ZSEQ_OK);
    return listing->count;
}

static void
s_text (char *text, char byte, size_t size)
{
    memset (text, byte, size);
    text[size] = 0;
}

EACH (lists_what_was_claimed)
{
    static s_listing_t listing;
    char text[ZSEQ_NAME_MAX + 2];
    s_text (text, 'x', ZSEQ_NAME_MAX + 1);
    ASSERT_REFUSED (zseq_client_list (s_client, text, s_list_one, &listing),
                    ZSEQ_EINVAL);
    if (s_is_flake ()) {
        (void) s_next (s_ids);
        ASSERT_REFUSED (zseq_client_list (s_client, "", s_list_one, &listing),
                        ZSEQ_EINVAL);
        cr_assert_eq (listing.count, 0);
        return;
    }
    //  A peek makes no sequence.
    (void) s_peek (s_ids);
    cr_assert_eq (s_list ("", 0, &listing), 0);
    static const char *const names[] = {"b", "a/2", "a/10", "\xff", "Z", "a/"};
    for (uint64_t index = 0; index < 6; index++) {
        zseq_t *seq = s_new (s_client, names[index]);
        uint64_t first;
        ASSERT_RC (zseq_next_range (seq, index + 1, &first), ZSEQ_OK);
        zseq_destroy (&seq);
    }
    static const char *const sorted[] = {"Z", "a/", "a/10", "a/2", "b", "\xff"};
    static const uint64_t next[] = {6, 7, 4, 3, 2, 5};
    cr_assert_eq (s_list ("", 0, &listing), 6);
    for (size_t index = 0; index < 6; index++) {
        cr_assert_str_eq (listing.names[index], sorted[index]);
        s_exact (listing.next[index], next[index]);
    }
    cr_assert_eq (s_list ("a/", 0, &listing), 3);
    cr_assert_str_eq (listing.names[0], "a/");
    cr_assert_eq (s_list ("a/2", 0, &listing), 1);
    cr_assert_eq (s_list ("a/3", 0, &listing), 0);
    cr_assert_eq (s_list ("", 2, &listing), 2);
    text[ZSEQ_NAME_MAX] = 0;
    cr_assert_eq (s_list (text, 0, &listing), 0);
}

EACH (reports_the_status_of_nodes)
{
    (void) s_next (s_ids);
    zseq_status_t status;
    if (!s_has_nodes ()) {
        ASSERT_REFUSED (zseq_client_set_quorum (s_client, 1, 1), ZSEQ_EINVAL);
        s_assert_detail ("only a cluster's URI has quorums");
    }
    if (s_kind == S_FLAKE) {
        ASSERT_REFUSED (zseq_client_status (s_client, &status), ZSEQ_EINVAL);
        return;
    }
    ASSERT_RC (zseq_client_status (s_client, &status), ZSEQ_OK);
    size_t nodes = s_kind == S_CLUSTER ? 3 : 1;
    cr_assert_eq (status.nodes, nodes);
    cr_assert_eq (status.r, nodes / 2 + 1);
    cr_assert_eq (status.w, nodes / 2 + 1);
    cr_assert_neq (status.cluster[0], 0);
    size_t reachable = 0;
    for (size_t index = 0; index < nodes; index++) {
        const zseq_node_status_t *node = &status.node[index];
        cr_assert_neq (node->name[0], 0);
        cr_assert_neq (node->endpoint[0], 0);
        if (!node->reachable)
            continue;
        reachable++;
        cr_assert (node->voting);
        cr_assert_str_eq (node->state, "voting");
        cr_assert_eq (node->incarnation, 1);
        cr_assert_leq (node->sequences, 1);
    }
    cr_assert_geq (reachable, 1);
}

EACH (says_what_nodes_know_of_a_sequence)
{
    zseq_info_t info = {.nodes = 77};
    if (s_is_flake ()) {
        ASSERT_REFUSED (zseq_info (s_ids, &info), ZSEQ_EINVAL);
        cr_assert_eq (info.nodes, 77);
        return;
    }
    ASSERT_RC (zseq_info (s_ids, &info), ZSEQ_OK);
    cr_assert_eq (info.nodes, s_kind == S_CLUSTER ? 3 : 1);
    for (size_t index = 0; index < info.nodes; index++)
        if (info.node[index].known)
            cr_assert_eq (info.node[index].next, 1);
    uint64_t first;
    ASSERT_RC (zseq_next_range (s_ids, 100, &first), ZSEQ_OK);
    ASSERT_RC (zseq_info (s_ids, &info), ZSEQ_OK);
    uint64_t highest = 0;
    for (size_t index = 0; index < info.nodes; index++) {
        const zseq_node_info_t *node = &info.node[index];
        cr_assert_neq (node->name[0], 0);
        if (!node->known || node->next == 1)
            continue;
        highest = node->next;
        //  A source in memory does not know who claims when.
        cr_assert (s_kind == S_MEM || node->since_us);
    }
    cr_assert_eq (highest, first + 100);
}

EACH (counts_what_it_hands_out)
{
    cr_assert_eq (s_stats ().issued, 0);
    uint64_t issued = 0;
    for (; issued < 10; issued++)
        (void) s_next (s_ids);
    uint64_t ids[20];
    ASSERT_RC (zseq_take (s_ids, ids, 20), ZSEQ_OK);
    issued += 20;
    ASSERT_RC (zseq_set_batch (s_ids, 50), ZSEQ_OK);
    (void) s_next (s_ids);
    issued++;
    if (!s_is_flake ()) {
        ASSERT_RC (zseq_next_range (s_ids, 100, ids), ZSEQ_OK);
        issued += 100;
    }
    cr_assert_eq (s_stats ().issued, issued, "%s: %lu, not %lu", s_uri,
                  s_stats ().issued, issued);
    //  Also when its handles are gone.
    zseq_destroy (&s_ids);
    cr_assert_eq (s_stats ().issued, issued, "%s: %lu, not %lu", s_uri,
                  s_stats ().issued, issued);
}

//  Handles and clients.

EACH (closes_twice)
{
    zseq_destroy (&s_ids);
    cr_assert_null (s_ids);
    zseq_destroy (&s_ids);
    zseq_client_destroy (&s_client);
    cr_assert_null (s_client);
    zseq_client_destroy (&s_client);
    for (int turn = 0; turn < 5; turn++) {
        //  Without and with a call.
        s_client = s_new_client ("");
        zseq_client_destroy (&s_client);
        s_client = s_new_client ("");
        s_ids = s_new (s_client, "orders");
        (void) s_next (s_ids);
        zseq_destroy (&s_ids);
        zseq_client_destroy (&s_client);
    }
}

//  What was handed out is never handed out again.
EACH (ids_rise_over_clients)
{
    uint64_t last = 0;
    for (int turn = 0; turn < 5; turn++) {
        uint64_t id = s_next (s_ids);
        if (s_kind == S_MEM)
            cr_assert_eq (id, 1);
        else if (s_kind != S_FLAKE_TCP && s_kind != S_FLAKE_FILE)
            cr_assert_gt (id, last, "%s", s_uri);
        else
            cr_assert_neq (id, last, "%s", s_uri);
        last = id;
        zseq_destroy (&s_ids);
        zseq_client_destroy (&s_client);
        s_client = s_new_client ("");
        s_ids = s_new (s_client, "orders");
    }
}

EACH (timeouts_have_bounds)
{
    static const int bad[] = {0, -1, ZSEQ_TIMEOUT_MS_MAX + 1};
    for (size_t index = 0; index < sizeof bad / sizeof bad[0]; index++) {
        ASSERT_REFUSED (zseq_set_timeout (s_ids, bad[index]), ZSEQ_EINVAL);
        s_assert_detail (" ms is not in 1..86400000");
        ASSERT_REFUSED (zseq_client_set_timeout (s_client, bad[index]),
                        ZSEQ_EINVAL);
    }
    ASSERT_RC (zseq_set_timeout (s_ids, 1), ZSEQ_OK);
    ASSERT_RC (zseq_client_set_timeout (s_client, 1), ZSEQ_OK);
    ASSERT_RC (zseq_set_timeout (s_ids, ZSEQ_TIMEOUT_MS_MAX), ZSEQ_OK);
    ASSERT_RC (zseq_client_set_timeout (s_client, ZSEQ_TIMEOUT_MS_MAX),
               ZSEQ_OK);
    (void) s_next (s_ids);
}

//  A handle's timeout does not affect other calls.
EACH (timeouts_of_handles_are_their_own)
{
    uint64_t id;
    zseq_status_t status;
    ASSERT_RC (zseq_set_timeout (s_ids, 1), ZSEQ_OK);
    (void) zseq_next (s_ids, &id);
    if (s_kind != S_FLAKE)
        ASSERT_RC (zseq_client_status (s_client, &status), ZSEQ_OK);
    zseq_t *seq = s_new (s_client, "bills");
    (void) s_next (seq);
    zseq_destroy (&seq);
}

EACH (names_have_1_to_255_bytes)
{
    char text[ZSEQ_NAME_MAX + 2];
    cr_assert_null (zseq_new (s_client, NULL));
    cr_assert_eq (zseq_errno (), ZSEQ_EINVAL);
    cr_assert_null (zseq_new (s_client, ""));
    cr_assert_eq (zseq_errno (), ZSEQ_EINVAL);
    s_text (text, 'x', ZSEQ_NAME_MAX + 1);
    cr_assert_null (zseq_new (s_client, text));
    cr_assert_eq (zseq_errno (), ZSEQ_EINVAL);
    cr_assert_neq (zseq_detail ()[0], 0);
    static const char bytes[] = {'x', '/', '.', '%', '\xff', '\n', ' ', 1};
    for (size_t index = 0; index < sizeof bytes; index++)
        for (size_t size = 1; size <= ZSEQ_NAME_MAX;
             size += ZSEQ_NAME_MAX - 1) {
            s_text (text, bytes[index], size);
            zseq_t *seq = s_new (s_client, text);
            uint64_t id = s_next (seq);
            if (!s_is_flake ())
                s_exact (id, 1);
            zseq_destroy (&seq);
        }
}

//  Forks.

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fprintf (stderr, "%s: %s: %s (%s)\n", s_uri, #condition,           \
                     zseq_strerror (zseq_errno ()), zseq_detail ());           \
            return 1;                                                          \
        }                                                                      \
    } while (0)

static int
s_use_inherited (void *arg)
{
    const bool *goes_on = arg;
    //  Waiting for a thread that the child does not have would never end.
    alarm (30);
    static s_listing_t listing;
    uint64_t id = 77;
    zseq_stats_t stats;
    zseq_status_t status;
    zseq_ended_t ended;
    CHECK (zseq_next (s_ids, &id) == ZSEQ_EFORKED);
    CHECK (zseq_detail ()[0] != 0);
    CHECK (zseq_try_next (s_ids, &id) == ZSEQ_EFORKED);
    CHECK (zseq_next_range (s_ids, 2, &id) == ZSEQ_EFORKED);
    CHECK (zseq_take (s_ids, &id, 1) == ZSEQ_EFORKED);
    CHECK (zseq_peek (s_ids, &id) == ZSEQ_EFORKED);
    CHECK (zseq_raise (s_ids, 2) == ZSEQ_EFORKED);
    CHECK (zseq_set_batch (s_ids, 2) == ZSEQ_EFORKED);
    CHECK (zseq_set_batch (s_ids, 1) == ZSEQ_EFORKED);
    CHECK (zseq_set_timeout (s_ids, 2) == ZSEQ_EFORKED);
    CHECK (zseq_client_set_timeout (s_client, 2) == ZSEQ_EFORKED);
    CHECK (zseq_client_stats (s_client, &stats) == ZSEQ_EFORKED);
    CHECK (zseq_client_status (s_client, &status) == ZSEQ_EFORKED);
    CHECK (zseq_client_list (s_client, "", s_list_one, &listing) ==
           ZSEQ_EFORKED);
    CHECK (zseq_start_next (s_ids, 1) == ZSEQ_EFORKED);
    CHECK (zseq_start_range (s_ids, 2, 1) == ZSEQ_EFORKED);
    CHECK (zseq_start_peek (s_ids, 1) == ZSEQ_EFORKED);
    CHECK (zseq_start_raise (s_ids, 2, 1) == ZSEQ_EFORKED);
    CHECK (zseq_client_collect (s_client, &ended, 1) == 0);
    CHECK (zseq_client_fd (s_client) == -1);
    CHECK (zseq_errno () == ZSEQ_EFORKED);
    CHECK (zseq_new (s_client, "orders") == NULL);
    CHECK (zseq_errno () == ZSEQ_EFORKED);
    CHECK (id == 77);
    zseq_destroy (&s_ids);
    zseq_client_destroy (&s_client);
    CHECK (!s_ids && !s_client);
    //  The child's own client works, but its parent has the directory.
    if (!*goes_on || s_kind == S_FILE || s_kind == S_FLAKE_FILE)
        return 0;
    s_client = zseq_client_new (s_kind == S_FLAKE ? "flake:6" : s_uri);
    CHECK (s_client);
    s_ids = zseq_new (s_client, "orders");
    CHECK (s_ids);
    CHECK (zseq_next (s_ids, &id) == ZSEQ_OK);
    zseq_destroy (&s_ids);
    zseq_client_destroy (&s_client);
    return 0;
}

static int
s_wait_for_inheritor (bool goes_on)
{
    return zseq_process_wait (zseq_process_fork (s_use_inherited, &goes_on));
}

static void
s_skip_without_forks (void)
{
    if (zseq_process_forks_threads ())
        return;
    s_close ();
    cr_skip_test ("no fork with threads in this build");
}

EACH (forked_child_gets_nothing)
{
    s_skip_without_forks ();
    //  Before the first call, with an empty buffer, and with a full one.
    cr_assert_eq (s_wait_for_inheritor (true), 0);
    uint64_t last = s_next (s_ids);
    cr_assert_eq (s_wait_for_inheritor (true), 0);
    ASSERT_RC (zseq_set_batch (s_ids, 100), ZSEQ_OK);
    for (int count = 0; count < 300; count++) {
        uint64_t id = s_next (s_ids);
        cr_assert_gt (id, last);
        last = id;
        if (count == 30)
            cr_assert_eq (s_wait_for_inheritor (true), 0);
    }
    ASSERT_RC (zseq_set_batch (s_ids, 1), ZSEQ_OK);
    cr_assert_gt (s_next (s_ids), last);
}

//  A fork may come while other threads are in the middle of a call.

static atomic_bool s_stopped;

static void *
s_take_on (void *arg)
{
    zseq_t *seq = arg;
    uint64_t id;
    while (!s_stopped && zseq_next (seq, &id) == ZSEQ_OK)
        continue;
    return NULL;
}

EACH (forked_child_of_busy_threads_ends)
{
    s_skip_without_forks ();
    pthread_t threads[3];
    (void) s_next (s_ids);
    ASSERT_RC (zseq_set_batch (s_ids, 2), ZSEQ_OK);
    for (size_t index = 0; index < 3; index++)
        cr_assert_eq (pthread_create (&threads[index], NULL, s_take_on, s_ids),
                      0);
    for (int turn = 0; turn < 50; turn++)
        cr_assert_eq (s_wait_for_inheritor (false), 0);
    s_stopped = true;
    for (size_t index = 0; index < 3; index++)
        pthread_join (threads[index], NULL);
    (void) s_next (s_ids);
}

//  The asynchronous form.

static size_t
s_await (zseq_ended_t *ended, size_t count)
{
    int fd = zseq_client_fd (s_client);
    cr_assert_geq (fd, 0, "%s", zseq_detail ());
    uint64_t end_ns = s_wait_end_ns ();
    size_t got = 0;
    while (got < count) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        cr_assert_lt (zseq_history_now_ns (), end_ns, "%s: %zu of %zu", s_uri,
                      got, count);
        if (poll (&poll_fd, 1, 1000) == 1)
            got += zseq_client_collect (s_client, ended + got, count - got);
    }
    return got;
}

#define S_CALLS 300

EACH (calls_end_with_their_tags)
{
    static zseq_ended_t ended[S_CALLS];
    static uint64_t ids[S_CALLS];
    (void) s_next (s_ids);
    for (size_t at = 0; at < S_BATCHES; at++) {
        ASSERT_RC (zseq_set_batch (s_ids, s_batches[at]), ZSEQ_OK);
        for (uint64_t tag = 0; tag < S_CALLS; tag++)
            ASSERT_RC (zseq_start_next (s_ids, UINT64_MAX - tag), ZSEQ_OK);
        cr_assert_eq (s_await (ended, S_CALLS), S_CALLS);
        bool seen[S_CALLS] = {false};
        for (size_t index = 0; index < S_CALLS; index++) {
            cr_assert_eq (ended[index].rc, ZSEQ_OK, "%s: %s", s_uri,
                          ended[index].detail);
            uint64_t tag = UINT64_MAX - ended[index].tag;
            cr_assert_lt (tag, S_CALLS);
            cr_assert_not (seen[tag]);
            seen[tag] = true;
            ids[tag] = ended[index].value;
        }
        s_assert_unique (ids, S_CALLS);
        uint64_t last = ids[S_CALLS - 1];
        cr_assert_gt (s_next (s_ids), last, "%s", s_uri);
        zseq_ended_t none;
        cr_assert_eq (zseq_client_collect (s_client, &none, 1), 0);
    }
}

EACH (calls_of_all_kinds_end_as_their_functions_return)
{
    zseq_ended_t ended;
    int expected = s_is_flake () ? ZSEQ_EINVAL : ZSEQ_OK;
    uint64_t last = s_next (s_ids);
    ASSERT_REFUSED (zseq_start_range (s_ids, 0, 1), ZSEQ_EINVAL);
    ASSERT_REFUSED (zseq_start_range (s_ids, (uint64_t) ZSEQ_COUNT_MAX + 1, 1),
                    ZSEQ_EINVAL);
    ASSERT_REFUSED (zseq_start_raise (s_ids, 0, 1), ZSEQ_EINVAL);
    ASSERT_REFUSED (zseq_start_raise (s_ids, ZSEQ_ID_MAX + (uint64_t) 2, 1),
                    ZSEQ_EINVAL);

    ASSERT_RC (zseq_start_next (s_ids, 10), ZSEQ_OK);
    (void) s_await (&ended, 1);
    cr_assert_eq (ended.tag, 10);
    cr_assert_eq (ended.rc, ZSEQ_OK, "%s: %s", s_uri, ended.detail);
    cr_assert_gt (ended.value, last);
    last = ended.value;

    ASSERT_RC (zseq_start_range (s_ids, 7, 11), ZSEQ_OK);
    (void) s_await (&ended, 1);
    cr_assert_eq (ended.tag, 11);
    cr_assert_eq (ended.rc, expected, "%s: %s", s_uri, ended.detail);
    if (!s_is_flake ()) {
        cr_assert_gt (ended.value, last);
        last = ended.value + 6;
    }

    ASSERT_RC (zseq_start_peek (s_ids, 12), ZSEQ_OK);
    (void) s_await (&ended, 1);
    cr_assert_eq (ended.tag, 12);
    cr_assert_eq (ended.rc, expected, "%s: %s", s_uri, ended.detail);
    if (!s_is_flake ())
        s_exact (ended.value, last + 1);
    else
        cr_assert_neq (ended.detail[0], 0);

    ASSERT_RC (zseq_start_raise (s_ids, 5000, 13), ZSEQ_OK);
    (void) s_await (&ended, 1);
    cr_assert_eq (ended.tag, 13);
    cr_assert_eq (ended.rc, expected, "%s: %s", s_uri, ended.detail);
    if (!s_is_flake ())
        cr_assert_geq (s_next (s_ids), 5000);
}

//  Three handles with ranges in their buffers and in flight.
static void
s_open_three (zseq_t **handles)
{
    static const uint64_t batches[] = {10, 1000, ZSEQ_BATCH_AUTO};
    for (size_t at = 0; at < 3; at++) {
        handles[at] = s_new (s_client, "orders");
        ASSERT_RC (zseq_set_batch (handles[at], batches[at]), ZSEQ_OK);
    }
}

static void
s_assert_raised (zseq_t *const *handles, uint64_t id)
{
    for (size_t at = 0; at < 3; at++)
        for (int count = 0; count < 12; count++) {
            uint64_t got = s_next (handles[at]);
            cr_assert_geq (got, id, "%s: %lu after a raise to %lu", s_uri, got,
                           id);
        }
}

EACH (raises_reach_all_handles_of_their_client)
{
    if (s_is_flake ())
        return;
    zseq_t *handles[3];
    s_open_three (handles);
    zseq_ended_t ended;
    for (uint64_t id = 1; id < 200000; id += 5000) {
        ASSERT_RC (zseq_raise (s_ids, id), ZSEQ_OK);
        s_assert_raised (handles, id);
        //  A range may be in flight during the raise.
        ASSERT_RC (zseq_start_next (handles[0], 1), ZSEQ_OK);
        ASSERT_RC (zseq_start_raise (s_ids, id + 2500, 2), ZSEQ_OK);
        for (int call = 0; call < 2; call++)
            (void) s_await (&ended, 1);
        s_assert_raised (handles, id + 2500);
    }
    for (size_t at = 0; at < 3; at++)
        zseq_destroy (&handles[at]);
}

EACH (raises_leave_other_sequences_alone)
{
    if (s_is_flake ())
        return;
    zseq_t *other = s_new (s_client, "users");
    ASSERT_RC (zseq_set_batch (other, 100), ZSEQ_OK);
    s_exact (s_next (other), 1);
    ASSERT_RC (zseq_raise (s_ids, 1000), ZSEQ_OK);
    s_exact (s_next (other), 2);
    zseq_destroy (&other);
}

//  S9: while a thread raises, others take. A call that begins after a raise has
//  returned never gets a smaller ID.

typedef struct {
    pthread_t thread;
    zseq_t *seq;
    _Atomic uint64_t *raised;
    atomic_bool *over;
    uint64_t least;  //  The smallest allowed ID
    uint64_t got;    //  A smaller ID that was handed out; or 0
} s_watcher_t;

static void *
s_watch (void *arg)
{
    s_watcher_t *self = arg;
    while (!atomic_load (self->over) && !self->got) {
        self->least = atomic_load (self->raised);
        uint64_t id = self->least;
        if (zseq_next (self->seq, &id) != ZSEQ_OK || id < self->least)
            self->got = id;
    }
    return NULL;
}

EACH (no_thread_takes_an_id_below_a_raise)
{
    if (s_is_flake ())
        return;
    _Atomic uint64_t raised = 1;
    atomic_bool over = false;
    zseq_t *handles[3];
    s_open_three (handles);
    s_watcher_t watchers[6];
    for (size_t at = 0; at < 6; at++) {
        watchers[at] = (s_watcher_t){
          .seq = handles[at % 3], .raised = &raised, .over = &over};
        cr_assert_eq (
          pthread_create (&watchers[at].thread, NULL, s_watch, &watchers[at]),
          0);
    }
    for (int count = 0; count < 100; count++) {
        uint64_t id = s_peek (s_ids) + 500;
        ASSERT_RC (zseq_raise (s_ids, id), ZSEQ_OK);
        atomic_store (&raised, id);
    }
    atomic_store (&over, true);
    for (size_t at = 0; at < 6; at++) {
        pthread_join (watchers[at].thread, NULL);
        cr_assert_eq (watchers[at].got, 0, "%s: %lu after a raise to %lu",
                      s_uri, watchers[at].got, watchers[at].least);
    }
    for (size_t at = 0; at < 3; at++)
        zseq_destroy (&handles[at]);
}

//  At the end of a sequence, too.
EACH (calls_at_the_end_of_a_sequence_fail)
{
    if (s_is_flake ())
        return;
    zseq_ended_t ended[10];
    static const uint64_t batches[] = {1, 3, 100};
    for (size_t at = 0; at < sizeof batches / sizeof batches[0]; at++) {
        char name[16];
        snprintf (name, sizeof name, "end %zu", at);
        zseq_t *seq = s_new (s_client, name);
        ASSERT_RC (zseq_raise (seq, ZSEQ_ID_MAX - 4), ZSEQ_OK);
        ASSERT_RC (zseq_set_batch (seq, batches[at]), ZSEQ_OK);
        for (uint64_t tag = 0; tag < 10; tag++)
            ASSERT_RC (zseq_start_next (seq, tag), ZSEQ_OK);
        (void) s_await (ended, 10);
        uint64_t good = 0;
        for (size_t index = 0; index < 10; index++) {
            good += ended[index].rc == ZSEQ_OK;
            if (ended[index].rc != ZSEQ_OK) {
                cr_assert_eq (ended[index].rc, ZSEQ_EEXHAUSTED);
                cr_assert_neq (ended[index].detail[0], 0);
            }
        }
        s_exact (5, good);
        zseq_destroy (&seq);
    }
}

//  The deadline of a call does not depend on its count.
EACH (take_ends_by_its_deadline)
{
    if (!s_is_flake ())
        return;
    zseq_client_t *client = s_new_client ("?bits=41/10/1");
    zseq_t *seq = s_new (client, "orders");
    (void) s_next (seq);
    static uint64_t ids[1000];
    ASSERT_RC (zseq_set_timeout (seq, 50), ZSEQ_OK);
    uint64_t start_ns = zseq_history_now_ns ();
    int rc = zseq_take (seq, ids, 1000);
    uint64_t ms = (zseq_history_now_ns () - start_ns) / 1000000;
    cr_assert_neq (rc, ZSEQ_OK, "%s: 500 ms within 50", s_uri);
    cr_assert_lt (ms, 20000, "%s: %lu ms instead of 50", s_uri, ms);
    zseq_destroy (&seq);
    zseq_client_destroy (&client);
}

//  What IDs are made of.

EACH (decodes_its_ids)
{
    uint64_t unix_ms = 77;
    uint32_t worker = 77, sequence = 77;
    uint64_t before_ms = s_wall_ms ();
    uint64_t id = s_next (s_ids);
    uint64_t after_ms = s_wall_ms ();
    if (!s_is_flake ()) {
        ASSERT_REFUSED (
          zseq_client_decode (s_client, id, &unix_ms, &worker, &sequence),
          ZSEQ_EINVAL);
        cr_assert_eq (unix_ms, 77);
        return;
    }
    ASSERT_RC (zseq_client_decode (s_client, id, &unix_ms, &worker, &sequence),
               ZSEQ_OK);
    cr_assert_geq (unix_ms, before_ms, "%s", s_uri);
    cr_assert_leq (unix_ms, after_ms, "%s", s_uri);
    cr_assert_lt (worker, S_LAYOUT_WORKERS);
    if (s_kind == S_FLAKE)
        cr_assert_eq (worker, S_WORKER);
    cr_assert_eq (id, (unix_ms - S_EPOCH_MS) << 22 | worker << 12 | sequence);
    static const uint64_t bad[] = {0, 1, (1 << 22) - 1,
                                   ZSEQ_ID_MAX + (uint64_t) 1, UINT64_MAX};
    for (size_t index = 0; index < sizeof bad / sizeof bad[0]; index++)
        ASSERT_REFUSED (zseq_client_decode (s_client, bad[index], &unix_ms,
                                            &worker, &sequence),
                        ZSEQ_EINVAL);
}

static void
s_assert_layout (unsigned time_bits, unsigned worker_bits,
                 unsigned sequence_bits, uint64_t epoch_ms)
{
    char options[64];
    snprintf (options, sizeof options, "?bits=%u/%u/%u&epoch=%lu", time_bits,
              worker_bits, sequence_bits, epoch_ms);
    zseq_client_t *client = s_new_client (options);
    zseq_t *seq = s_new (client, "orders");
    uint64_t last = 0;
    for (int count = 0; count < 50; count++) {
        uint64_t before_ms = s_wall_ms ();
        uint64_t id = s_next (seq);
        uint64_t after_ms = s_wall_ms ();
        uint64_t unix_ms;
        uint32_t worker, sequence;
        cr_assert_gt (id, last);
        ASSERT_RC (
          zseq_client_decode (client, id, &unix_ms, &worker, &sequence),
          ZSEQ_OK);
        cr_assert_leq (unix_ms, after_ms, "%s%s", s_uri, options);
        cr_assert_geq (unix_ms + 1000, before_ms, "%s%s", s_uri, options);
        cr_assert_lt (worker, 1u << worker_bits);
        cr_assert_lt (sequence, (uint64_t) 1 << sequence_bits);
        cr_assert_eq (id >> sequence_bits >> worker_bits, unix_ms - epoch_ms);
        last = id;
    }
    zseq_destroy (&seq);
    zseq_client_destroy (&client);
}

EACH (layouts_are_kept)
{
    if (!s_is_flake ())
        return;
    //  A directory is for one client.
    zseq_destroy (&s_ids);
    zseq_client_destroy (&s_client);
    s_assert_layout (41, 10, 12, S_EPOCH_MS);
    s_assert_layout (42, 5, 16, 0);
    s_assert_layout (43, 8, 1, 1288834974657);
    s_assert_layout (42, 3, 18, 1000000000000);
    s_assert_layout (30, 3, 30, s_wall_ms () - 5000);
    s_assert_layout (28, 3, 32, s_wall_ms () - 5000);
    s_assert_layout (41, 20, 2, S_EPOCH_MS);
    s_client = s_new_client ("");
    s_ids = s_new (s_client, "orders");
}

//  Clocks that step.

#define S_STEPS_EACH 3000

EACH (clock_that_stepped_back_is_waited_for)
{
    uint64_t last = s_next (s_ids);
    if (s_is_flake ())
        ASSERT_RC (zseq_set_timeout (s_ids, 100), ZSEQ_OK);
    s_step_ns = -3000 * S_MS;
    uint64_t id = 77;
    int rc = zseq_next (s_ids, &id);
    if (!s_is_flake ()) {
        ASSERT_RC (rc, ZSEQ_OK);
        return;
    }
    ASSERT_REFUSED (rc, ZSEQ_ECLOCK);
    s_assert_detail (" ms behind the last ID: it was set back, or IDs come");
    cr_assert_eq (id, 77);
    ASSERT_REFUSED (zseq_take (s_ids, &id, 1), ZSEQ_ECLOCK);
    zseq_ended_t ended;
    ASSERT_RC (zseq_start_next (s_ids, 1), ZSEQ_OK);
    (void) s_await (&ended, 1);
    cr_assert_eq (ended.rc, ZSEQ_ECLOCK, "%s: %s", s_uri, ended.detail);
    ASSERT_RC (zseq_set_batch (s_ids, 100), ZSEQ_OK);
    ASSERT_REFUSED (zseq_try_next (s_ids, &id), ZSEQ_EAGAIN);
    ASSERT_RC (zseq_set_batch (s_ids, 1), ZSEQ_OK);
    //  A client waits for a small step.
    ASSERT_RC (zseq_set_timeout (s_ids, 60000), ZSEQ_OK);
    s_step_ns = -300 * S_MS;
    for (int count = 0; count < 100; count++) {
        id = s_next (s_ids);
        cr_assert_gt (id, last);
        last = id;
    }
    //  Also when the clock was wrong before.
    s_step_ns = 200 * S_MS;
    id = s_next (s_ids);
    cr_assert_gt (id, last);
    s_step_ns = 0;
    cr_assert_gt (s_next (s_ids), id);
}

static void *
s_step_on (void *arg)
{
    uint64_t *seed = arg;
    while (!s_stopped) {
        *seed = *seed * 6364136223846793005u + 1442695040888963407u;
        s_step_ns = (int64_t) (*seed >> 33) % (60 * S_MS) - 30 * S_MS;
        struct timespec pause = {.tv_nsec = 500000};
        nanosleep (&pause, NULL);
    }
    return NULL;
}

EACH (clock_that_jumps_about_repeats_nothing)
{
    static uint64_t ids[4 * S_STEPS_EACH];
    uint64_t seed = 1;
    pthread_t thread;
    cr_assert_eq (pthread_create (&thread, NULL, s_step_on, &seed), 0);
    s_take_with_threads (&s_ids, 1, 4, S_STEPS_EACH, ids);
    s_stopped = true;
    pthread_join (thread, NULL);
}

EACH (epoch_in_the_future_is_reported)
{
    if (!s_is_flake ())
        return;
    static const uint64_t epochs[] = {4102444800000, 18446744073709,
                                      18446744073710, 18446744074000,
                                      253402300799999};
    zseq_destroy (&s_ids);
    zseq_client_destroy (&s_client);
    for (size_t index = 0; index < sizeof epochs / sizeof epochs[0]; index++) {
        char options[64];
        snprintf (options, sizeof options, "?timeout=1000&epoch=%lu",
                  epochs[index]);
        s_client = s_new_client (options);
        s_ids = s_new (s_client, "orders");
        uint64_t id = 77;
        alarm (30);
        ASSERT_REFUSED (zseq_next (s_ids, &id), ZSEQ_ECLOCK);
        alarm (0);
        cr_assert_eq (id, 77);
        zseq_destroy (&s_ids);
        zseq_client_destroy (&s_client);
    }
    s_client = s_new_client ("");
    s_ids = s_new (s_client, "orders");
}

EACH (layout_that_is_used_up_is_reported)
{
    if (!s_is_flake ())
        return;
    zseq_destroy (&s_ids);
    zseq_client_destroy (&s_client);
    s_client = s_new_client ("?bits=20/10/12&timeout=1000");
    s_ids = s_new (s_client, "orders");
    uint64_t id = 77;
    ASSERT_REFUSED (zseq_next (s_ids, &id), ZSEQ_EEXHAUSTED);
    s_assert_detail ("the layout's 20 bits of time are used up");
    cr_assert_eq (id, 77);
}

//  Workers of a cluster.

static zseq_client_t *s_many[8];
static zseq_t *s_many_ids[8];

Test (workers, are_each_of_one_client)
{
    static uint64_t ids[8 * 200];
    s_open_kind (S_FLAKE_TCP);
    for (size_t index = 0; index < 8; index++) {
        s_many[index] = s_new_client ("?bits=41/4/12&timeout=60000");
        s_many_ids[index] = s_new (s_many[index], "orders");
    }
    s_take_with_threads (s_many_ids, 8, 8, 200, ids);
    for (size_t index = 0; index < 8; index++) {
        zseq_destroy (&s_many_ids[index]);
        zseq_client_destroy (&s_many[index]);
    }
    s_close ();
}

//  The parent uses the worker until it signals the child, and the child uses it
//  from then on, with a copy of the generator that is older than the signal.
Test (workers, handed_over_to_a_child_repeat_nothing)
{
    for (int round = 0; round < 50; round++) {
        char uri[32];
        snprintf (uri, sizeof uri, "flake:%d", round);
        zseq_client_t *client = zseq_client_new (uri);
        zseq_t *seq = zseq_new (client, "orders");
        uint64_t id;
        cr_assert_eq (zseq_next (seq, &id), ZSEQ_OK);
        int turn[2];
        int answer[2];
        cr_assert_eq (pipe (turn), 0);
        cr_assert_eq (pipe (answer), 0);
        pid_t child = fork ();
        if (child == 0) {
            char byte;
            uint64_t mine = 0;
            zseq_destroy (&seq);
            zseq_client_destroy (&client);
            if (read (turn[0], &byte, 1) == 1) {
                client = zseq_client_new (uri);
                seq = zseq_new (client, "orders");
                (void) zseq_next (seq, &mine);
            }
            _exit (write (answer[1], &mine, sizeof mine) != sizeof mine);
        }
        for (int more = 0; more < 100; more++)
            cr_assert_eq (zseq_next (seq, &id), ZSEQ_OK);
        zseq_destroy (&seq);
        zseq_client_destroy (&client);
        uint64_t theirs = 0;
        cr_assert_eq (write (turn[1], "x", 1), 1);
        cr_assert_eq (read (answer[0], &theirs, sizeof theirs),
                      (ssize_t) sizeof theirs);
        int status;
        cr_assert_eq (waitpid (child, &status, 0), child);
        cr_assert_gt (theirs, id, "round %d", round);
        for (int end = 0; end < 2; end++) {
            close (turn[end]);
            close (answer[end]);
        }
    }
}

//  Two numbers for three clients.
Test (workers, end)
{
    s_open_kind (S_FLAKE_TCP);
    uint64_t ids[3] = {77, 77, 77};
    uint64_t failures = 0;
    for (size_t index = 0; index < 3; index++) {
        s_many[index] = s_new_client ("?bits=41/1/12&timeout=1000");
        s_many_ids[index] = s_new (s_many[index], "orders");
        int rc = zseq_next (s_many_ids[index], &ids[index]);
        if (rc != ZSEQ_OK) {
            cr_assert (rc == ZSEQ_EFULL || rc == ZSEQ_EBUSY, "%s: %s",
                       zseq_strerror (rc), zseq_detail ());
            cr_assert_neq (zseq_detail ()[0], 0);
            cr_assert_eq (ids[index], 77);
            failures++;
        }
    }
    //  A number is free again when its milliseconds have passed.
    cr_assert_leq (failures, 1);
    for (size_t index = 0; index < 3; index++) {
        zseq_destroy (&s_many_ids[index]);
        zseq_client_destroy (&s_many[index]);
    }
    s_close ();
}

//  URIs.

#define TWENTY "aaaaaaaaaaaaaaaaaaaa"
#define HUNDRED TWENTY TWENTY TWENTY TWENTY TWENTY
#define THOUSAND                                                               \
    HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED    \
      HUNDRED

static const struct {
    const char *uri;
    const char *says;  //  What its detail has to name
} s_bad_uris[] = {
  {"", "endpoint"},
  {"?", "endpoint"},
  {"tcp", "endpoint"},
  {"tcp:", "endpoint"},
  {"tcp://", "endpoint"},
  {"tcp://:1", "endpoint"},
  {"tcp://a", "endpoint"},
  {"tcp://a:", "endpoint"},
  {"tcp://a:0", "endpoint"},
  {"tcp://a:65536", "endpoint"},
  {"tcp://a:-1", "endpoint"},
  {"tcp://a:1x", "endpoint"},
  {"tcp://a:99999999999999999999", "endpoint"},
  {"tcp://a/b:1", "endpoint"},
  {"tcp://a b:1", "endpoint"},
  {" tcp://a:1", "endpoint"},
  {"tcp://a:1 ", "endpoint"},
  {"tcp://a:1,", "endpoint 2"},
  {",tcp://a:1", "endpoint 1"},
  {"tcp://a:1,,tcp://b:1", "endpoint 2"},
  {"tcp://a:1,tcp://a:1", " lists tcp://a:1 twice"},
  {"tcp://a:1,tcp://a:2,tcp://a:3,tcp://a:4,tcp://a:5,tcp://a:6,tcp://a:7,"
   "tcp://a:8,tcp://a:9,tcp://a:10",
   " has more than 9 endpoints"},
  {"tcp://" HUNDRED HUNDRED HUNDRED ":1", "endpoint"},
  {"ipc://", "endpoint"},
  {"udp://a:1", "endpoint"},
  {"TCP://a:1", "endpoint"},
  {"http://a:1", "endpoint"},
  {"a:1", "endpoint"},
  {"tcp://a:1?", "option"},
  {"tcp://a:1?timeout", "option 'timeout' is not KEY=VALUE"},
  {"tcp://a:1?timeout=", "timeout"},
  {"tcp://a:1?timeout=0", "timeout=0' is not a number from 1 to 86400000"},
  {"tcp://a:1?timeout=-1", "timeout=-1"},
  {"tcp://a:1?timeout=86400001", "timeout=86400001"},
  {"tcp://a:1?timeout=1s", "timeout=1s"},
  {"tcp://a:1?timeout= 1", "timeout= 1"},
  {"tcp://a:1?timeout=18446744073709551617", "timeout=18446744073709551617"},
  {"tcp://a:1?timeout=1&", "option"},
  {"tcp://a:1?&timeout=1", "option"},
  {"tcp://a:1?timeout=1&&r=1", "option"},
  {"tcp://a:1?timeout=1?r=1", "timeout=1?r=1"},
  {"tcp://a:1?Timeout=1", "Timeout=1"},
  {"tcp://a:1?=1", "=1"},
  {"tcp://a:1?r=10", "r=10"},
  {"tcp://a:1?r=-1", "r=-1"},
  {"tcp://a:1?w=10", "w=10"},
  {"tcp://a:1?w=", "w="},
  {"tcp://a:1?cluster=", "cluster"},
  {"tcp://a:1?cluster=a/b", "'a/b' is not a cluster's name"},
  {"tcp://a:1?cluster=" TWENTY TWENTY TWENTY "aaaa", "cluster"},
  {"tcp://a:1?cluster=" HUNDRED, "an option is too long"},
  {"tcp://a:1?batch=1",
   "'batch=1'; there are cluster, label, r, transport, w and timeout"},
  {"tcp://a:1?bits=41/10/12", "bits"},
  {"tcp://a:1?epoch=1", "epoch"},
  {"tcp://a:1?" TWENTY "=1", TWENTY "=1"},
  {"tcp://a:1?rr=1", "rr=1"},

  {"file:", "directory"},
  {"file:?timeout=1", "directory"},
  {"file://", "directory"},
  {"file://host/directory", "directory"},
  {"file:" THOUSAND TWENTY "aaaa", "directory"},
  {"file:/a?", "option"},
  {"file:/a?r=1", "'r=1'; there are unsafe-filesystem and timeout"},
  {"file:/a?w=1", "w=1"},
  {"file:/a?cluster=a", "cluster=a"},
  {"file:/a?bits=41/10/12", "bits"},
  {"file:/a?timeout=0", "timeout=0"},
  {"FILE:/a", "endpoint"},

  {"mem", "endpoint"},
  {"mem:a", "nothing follows mem:"},
  {"mem://", "mem:"},
  {"mem: ", "mem:"},
  {"mem:?", "option"},
  {"mem:?a", "'a'"},
  {"mem:?r=1", "r=1"},
  {"mem:?epoch=1", "epoch=1"},
  {"mem:?timeout=86400001", "timeout=86400001"},
  {"MEM:", "endpoint"},

  {"flake", "endpoint"},
  {"flake:", "worker"},
  {"flake:?bits=41/10/12", "worker"},
  {"flake:-1", "worker"},
  {"flake:+1", "worker"},
  {"flake: 1", "worker"},
  {"flake:1 ", "worker"},
  {"flake:x", "worker"},
  {"flake:0x1", "worker"},
  {"flake:1,2", "worker"},
  {"flake:1024", "workers are 0 to 1023 with 10 bits"},
  {"flake:1048576", "worker"},
  {"flake:18446744073709551617", "worker"},
  {"flake:00000000000000000001", "worker"},
  {"flake:8?bits=41/3/12", "7"},
  {"flake:1?r=1", "'r=1'; there are timeout, bits and epoch"},
  {"flake:1?cluster=a", "cluster=a"},
  {"flake:1?bits=", "bits="},
  {"flake:1?bits=41", "bits=41"},
  {"flake:1?bits=41/10", "bits=41/10"},
  {"flake:1?bits=41/10/", "bits=41/10/"},
  {"flake:1?bits=41/10/12/", "bits=41/10/12/"},
  {"flake:1?bits=41/10/12/1", "bits=41/10/12/1"},
  {"flake:1?bits=/10/12", "bits=/10/12"},
  {"flake:1?bits=41//12", "bits=41//12"},
  {"flake:1?bits=41/10/13", "63"},
  {"flake:1?bits=42/10/12", "63"},
  {"flake:1?bits=0/10/12", "bits=0/10/12"},
  {"flake:1?bits=41/0/12", "bits=41/0/12"},
  {"flake:1?bits=41/10/0", "bits=41/10/0"},
  {"flake:1?bits=-1/10/12", "bits=-1/10/12"},
  {"flake:1?bits=41/21/1", "20"},
  {"flake:1?bits=20/10/33", "32"},
  {"flake:1?bits=64/1/1", "bits=64/1/1"},
  {"flake:1?bits=61/1/2", "63"},
  {"flake:1?bits=255/255/255", "bits=255/255/255"},
  {"flake:1?bits=256/10/12", "bits=256/10/12"},
  {"flake:1?bits=0041/10/12", "bits=0041/10/12"},
  {"flake:1?bits=41-10-12", "bits=41-10-12"},
  {"flake:1?bits=41/10/12 ", "bits=41/10/12 "},
  {"flake:1?epoch=", "epoch="},
  {"flake:1?epoch=-1", "epoch=-1 is not a time in Unix milliseconds"},
  {"flake:1?epoch=+1", "epoch=+1"},
  {"flake:1?epoch=1.5", "epoch=1.5"},
  {"flake:1?epoch=2025-01-01", "epoch=2025-01-01"},
  {"flake:1?epoch=253402300800000", "epoch=253402300800000"},
  {"flake:1?epoch=18446744073709551616", "epoch=18446744073709551616"},

  {"flake+", "endpoint"},
  {"flake+1", "endpoint"},
  {"flake+mem:", "endpoint"},
  {"flake+flake:1", "endpoint"},
  {"flake+flake+tcp://a:1", "endpoint"},
  {"flake+tcp://a", "endpoint"},
  {"flake+tcp://a:1,flake+tcp://b:1", "endpoint 2"},
  {"flake+tcp://a:1?bits=1", "bits=1"},
  {"flake+tcp://a:1?worker=1", "worker=1"},
  {"flake+tcp://a:1?r=10", "r=10"},
  {"flake+file:", "directory"},
  {"flake+file:/a?r=1", "r=1"},
  {"flake+file:/a?epoch=x", "epoch=x"},
};

Test (uris, that_are_malformed_are_refused)
{
    for (size_t at = 0; at < sizeof s_bad_uris / sizeof s_bad_uris[0]; at++) {
        const char *uri = s_bad_uris[at].uri;
        cr_expect_null (zseq_client_new (uri), "'%s'", uri);
        cr_expect_eq (zseq_errno (), ZSEQ_EURI, "'%s': %s", uri,
                      zseq_strerror (zseq_errno ()));
        const char *detail = zseq_detail ();
        //  The text must be in the detail itself, not only in the quoted URI.
        const char *quoted = strstr (detail, uri);
        const char *rest = *uri && quoted ? quoted + strlen (uri) : detail;
        cr_expect (strstr (rest, s_bad_uris[at].says),
                   "'%s' is refused with '%s', which does not name '%s'", uri,
                   detail, s_bad_uris[at].says);
    }
    cr_assert_null (zseq_client_new (NULL));
    cr_assert_eq (zseq_errno (), ZSEQ_EURI);
    cr_assert_str_eq (zseq_detail (), "the URI is NULL");
}

Test (uris, that_are_well_formed_are_taken)
{
    static const char *const uris[] = {
      "tcp://a:1",
      "tcp://a:65535",
      "tcp://[::1]:1",
      "ipc:///a",
      "tcp://a:1,ipc://b",
      "tcp://a:1?timeout=1",
      "tcp://a:1?timeout=86400000",
      "tcp://a:1?r=0&w=9&cluster=a-b_c.d",
      "file:a",
      "file:/a",
      "file:///a",
      "file:./a,b&c",
      "file:" THOUSAND TWENTY "aaa",
      "file:/a?timeout=5",
      "mem:",
      "mem:?timeout=5",
      "flake:0",
      "flake:1023",
      "flake:1048575?bits=41/20/2",
      "flake:7?bits=41/3/12&epoch=0&timeout=9",
      "flake:0?bits=61/1/1",
      "flake:0?bits=1/1/1",
      "flake:0?bits=30/1/32",
      "flake:0?epoch=253402300799999",
      "flake+tcp://a:1,tcp://b:1?r=1&w=1&bits=40/10/13&epoch=1&cluster=a",
      "flake+file:/a?bits=40/10/13&epoch=1&timeout=1",
    };
    for (size_t at = 0; at < sizeof uris / sizeof uris[0]; at++) {
        zseq_client_t *client = zseq_client_new (uris[at]);
        cr_expect (client, "%s: %s", uris[at], zseq_detail ());
        zseq_client_destroy (&client);
    }
}

//  URIs and details of any length.
Test (uris, of_any_length_get_a_detail)
{
    static const char *const uris[] = {"file:/" THOUSAND,
                                       "flake+file:/" THOUSAND};
    for (size_t at = 0; at < 2; at++) {
        zseq_client_t *client = zseq_client_new (uris[at]);
        cr_assert (client, "%s", zseq_detail ());
        zseq_t *seq = zseq_new (client, "orders");
        uint64_t id = 77;
        cr_assert_neq (zseq_next (seq, &id), ZSEQ_OK);
        cr_assert_neq (zseq_detail ()[0], 0);
        int rc = zseq_start_next (seq, 1);
        zseq_ended_t ended;
        if (rc == ZSEQ_OK) {
            struct pollfd fd = {.fd = zseq_client_fd (client),
                                .events = POLLIN};
            cr_assert_eq (poll (&fd, 1, 30000), 1);
            cr_assert_eq (zseq_client_collect (client, &ended, 1), 1);
            cr_assert_neq (ended.rc, ZSEQ_OK);
            cr_assert_lt (strnlen (ended.detail, sizeof ended.detail),
                          sizeof ended.detail);
        }
        zseq_destroy (&seq);
        zseq_client_destroy (&client);
    }
}
