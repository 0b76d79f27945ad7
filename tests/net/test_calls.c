//  The asynchronous form, against real nodes: calls that are started, and
//  collected when they have ended. In order: many calls at once, the order of
//  their IDs, threads, deadlines, handles that are destroyed, buffers that end,
//  the descriptor, and forks.

#include "zseq_cluster.h"
#include "zseq_history.h"
#include "zseq_process.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static zseq_cluster_t *s_cluster;
static zseq_client_t *s_client;
static zseq_t *s_ids;

static void
s_open (void)
{
    s_cluster = zseq_cluster_new ("net", 3, NULL);
    zseq_cluster_start_all (s_cluster);
    s_client = zseq_client_new (zseq_cluster_uri (s_cluster));
    cr_assert (s_client, "%s", zseq_detail ());
    s_ids = zseq_new (s_client, "orders");
    cr_assert (s_ids);
}

static void
s_close (void)
{
    zseq_destroy (&s_ids);
    zseq_client_destroy (&s_client);
    zseq_cluster_destroy (&s_cluster);
}

TestSuite (calls, .init = s_open, .fini = s_close);

#define ASSERT_RC(call, expected)                                              \
    do {                                                                       \
        int rc_ = (call);                                                      \
        cr_assert_eq (rc_, expected, "%s: %s (%s)", #call,                     \
                      zseq_strerror (rc_), zseq_detail ());                    \
    } while (0)

static uint64_t
s_next (zseq_t *seq)
{
    uint64_t id = 0;
    ASSERT_RC (zseq_next (seq, &id), ZSEQ_OK);
    return id;
}

static uint64_t
s_wait_end_ns (void)
{
    return zseq_history_now_ns () + (uint64_t) ZSEQ_PROCESS_WAIT_MS * 1000000;
}

static bool
s_readable (void)
{
    struct pollfd fd = {.fd = zseq_client_fd (s_client), .events = POLLIN};
    cr_assert_geq (fd.fd, 0, "%s", zseq_detail ());
    return poll (&fd, 1, 0) == 1;
}

//  Waits until so many more calls have ended, and collects them, a few at a
//  time.
static void
s_await (zseq_ended_t *ended, size_t count)
{
    uint64_t end_ns = s_wait_end_ns ();
    size_t got = 0;
    while (got < count) {
        struct pollfd fd = {.fd = zseq_client_fd (s_client), .events = POLLIN};
        cr_assert_lt (zseq_history_now_ns (), end_ns, "%zu of %zu", got, count);
        (void) poll (&fd, 1, 1000);
        size_t most = count - got < 100 ? count - got : 100;
        got += zseq_client_collect (s_client, ended + got, most);
    }
}

static int
s_compare (const void *one, const void *other)
{
    uint64_t left = *(const uint64_t *) one;
    uint64_t right = *(const uint64_t *) other;
    return (left > right) - (left < right);
}

static void
s_assert_unique (uint64_t *ids, size_t count)
{
    qsort (ids, count, sizeof *ids, s_compare);
    for (size_t index = 1; index < count; index++)
        cr_assert_lt (ids[index - 1], ids[index], "%lu twice", ids[index]);
}

//  Checks that all have succeeded, each once, with tags below count.
static void
s_assert_ended (const zseq_ended_t *ended, size_t count)
{
    uint64_t *ids = calloc (count, sizeof *ids);
    bool *seen = calloc (count, sizeof *seen);
    cr_assert (ids && seen);
    for (size_t index = 0; index < count; index++) {
        cr_assert_eq (ended[index].rc, ZSEQ_OK, "%s (%s)",
                      zseq_strerror (ended[index].rc), ended[index].detail);
        cr_assert_lt (ended[index].tag, count);
        cr_assert_not (seen[ended[index].tag]);
        seen[ended[index].tag] = true;
        ids[index] = ended[index].value;
    }
    s_assert_unique (ids, count);
    free (ids);
    free (seen);
}

//  Many at once.

#define S_MANY 10000

static zseq_ended_t s_ended[S_MANY];

static void
s_start_many (uint64_t batch)
{
    ASSERT_RC (zseq_set_batch (s_ids, batch), ZSEQ_OK);
    for (uint64_t tag = 0; tag < S_MANY; tag++)
        ASSERT_RC (zseq_start_next (s_ids, tag), ZSEQ_OK);
    s_await (s_ended, S_MANY);
    s_assert_ended (s_ended, S_MANY);
    cr_assert_not (s_readable ());
}

Test (calls, ten_thousand_end_without_a_buffer)
{
    s_start_many (1);
}

Test (calls, ten_thousand_end_with_a_buffer)
{
    s_start_many (1000);
}

Test (calls, ten_thousand_end_with_a_small_buffer)
{
    s_start_many (2);
}

Test (calls, ten_thousand_end_with_an_automatic_batch)
{
    s_start_many (ZSEQ_BATCH_AUTO);
}

Test (calls, thousands_of_all_kinds_end)
{
    for (uint64_t tag = 0; tag < 4000; tag += 4) {
        ASSERT_RC (zseq_start_next (s_ids, tag), ZSEQ_OK);
        ASSERT_RC (zseq_start_range (s_ids, 10, tag + 1), ZSEQ_OK);
        ASSERT_RC (zseq_start_peek (s_ids, tag + 2), ZSEQ_OK);
        ASSERT_RC (zseq_start_raise (s_ids, tag + 1, tag + 3), ZSEQ_OK);
    }
    s_await (s_ended, 4000);
    static uint64_t ids[11000];
    size_t count = 0;
    for (size_t index = 0; index < 4000; index++) {
        cr_assert_eq (s_ended[index].rc, ZSEQ_OK, "%s", s_ended[index].detail);
        uint64_t kind = s_ended[index].tag % 4;
        uint64_t width = kind == 0 ? 1 : kind == 1 ? 10 : 0;
        for (uint64_t id = 0; id < width; id++)
            ids[count++] = s_ended[index].value + id;
    }
    cr_assert_eq (count, 11000);
    s_assert_unique (ids, count);
    cr_assert_gt (s_next (s_ids), 3997);
}

//  Order.

//  A call's ID is above all IDs that were collected before it was started.
static void
s_assert_order (uint64_t batch)
{
    static uint64_t floors[S_MANY];
    zseq_ended_t ended[64];
    ASSERT_RC (zseq_set_batch (s_ids, batch), ZSEQ_OK);
    uint64_t floor = 0;
    uint64_t started = 0;
    uint64_t end_ns = s_wait_end_ns ();
    for (uint64_t got = 0; got < 3000;) {
        cr_assert_lt (zseq_history_now_ns (), end_ns);
        for (; started < 3000 && started < got + 40; started++) {
            floors[started] = floor;
            ASSERT_RC (zseq_start_next (s_ids, started), ZSEQ_OK);
        }
        size_t count = zseq_client_collect (s_client, ended, 64);
        for (size_t index = 0; index < count; index++) {
            cr_assert_eq (ended[index].rc, ZSEQ_OK);
            cr_assert_gt (ended[index].value, floors[ended[index].tag]);
            if (floor < ended[index].value)
                floor = ended[index].value;
        }
        got += count;
        if (count == 0) {
            struct pollfd fd = {.fd = zseq_client_fd (s_client),
                                .events = POLLIN};
            (void) poll (&fd, 1, 1000);
        }
        //  Also that of a call that blocks.
        if (got % 7 == 0 && count > 0) {
            uint64_t id = s_next (s_ids);
            cr_assert_gt (id, floor);
            floor = id;
        }
    }
}

Test (calls, ids_rise_without_a_buffer)
{
    s_assert_order (1);
}

Test (calls, ids_rise_with_a_buffer)
{
    s_assert_order (100);
}

Test (calls, ids_rise_with_a_small_buffer)
{
    s_assert_order (3);
}

Test (calls, ids_rise_with_an_automatic_batch)
{
    s_assert_order (ZSEQ_BATCH_AUTO);
}

Test (calls, read_what_is_next)
{
    zseq_ended_t ended;
    uint64_t id = s_next (s_ids);
    ASSERT_RC (zseq_start_peek (s_ids, 1), ZSEQ_OK);
    s_await (&ended, 1);
    cr_assert_eq (ended.rc, ZSEQ_OK);
    cr_assert_gt (ended.value, id);
    ASSERT_RC (zseq_set_batch (s_ids, 100), ZSEQ_OK);
    id = s_next (s_ids);
    //  The raise burns this handle's buffer below it.
    ASSERT_RC (zseq_start_raise (s_ids, id + 10, 2), ZSEQ_OK);
    s_await (&ended, 1);
    cr_assert_eq (ended.rc, ZSEQ_OK);
    cr_assert_geq (s_next (s_ids), id + 10);
    ASSERT_RC (zseq_start_range (s_ids, 50, 3), ZSEQ_OK);
    s_await (&ended, 1);
    cr_assert_eq (ended.rc, ZSEQ_OK);
    cr_assert_geq (s_next (s_ids), ended.value + 50);
}

//  Threads.

#define S_THREADS 4
#define S_EACH 2000

typedef struct {
    pthread_t thread;
    uint64_t number;
    uint64_t ids[S_EACH];
    size_t count;
    bool good;
} s_worker_t;

static s_worker_t s_workers[2 * S_THREADS];
static atomic_size_t s_collected;

static void *
s_take (void *arg)
{
    s_worker_t *self = arg;
    self->good = true;
    for (self->count = 0; self->count < S_EACH; self->count++)
        if (zseq_next (s_ids, &self->ids[self->count]) != ZSEQ_OK ||
            (self->count > 0 &&
             self->ids[self->count] <= self->ids[self->count - 1]))
            self->good = false;
    return NULL;
}

static void *
s_start (void *arg)
{
    s_worker_t *self = arg;
    self->good = true;
    for (uint64_t tag = 0; tag < S_EACH; tag++)
        if (zseq_start_next (s_ids, self->number * S_EACH + tag) != ZSEQ_OK)
            self->good = false;
    return NULL;
}

//  Collects together with other threads, until S_THREADS * S_EACH calls were
//  collected.
static void *
s_collect (void *arg)
{
    s_worker_t *self = arg;
    self->good = true;
    struct pollfd fd = {.fd = zseq_client_fd (s_client), .events = POLLIN};
    while (s_collected < S_THREADS * S_EACH) {
        zseq_ended_t ended[7];
        (void) poll (&fd, 1, 1);
        size_t count = zseq_client_collect (s_client, ended, 7);
        for (size_t index = 0; index < count; index++) {
            if (ended[index].rc != ZSEQ_OK ||
                ended[index].tag >= S_THREADS * S_EACH)
                self->good = false;
            else
                s_ended[ended[index].tag] = ended[index];
        }
        s_collected += count;
    }
    return NULL;
}

static void
s_run (s_worker_t *workers, size_t count, void *(*body) (void *) )
{
    for (size_t index = 0; index < count; index++) {
        workers[index].number = index;
        cr_assert_eq (
          pthread_create (&workers[index].thread, NULL, body, &workers[index]),
          0);
    }
}

static void
s_join (size_t count)
{
    for (size_t index = 0; index < count; index++) {
        pthread_join (s_workers[index].thread, NULL);
        cr_assert (s_workers[index].good, "thread %zu", index);
    }
}

static void
s_share (uint64_t batch)
{
    ASSERT_RC (zseq_set_batch (s_ids, batch), ZSEQ_OK);
    s_collected = 0;
    for (size_t index = 0; index < S_MANY; index++)
        s_ended[index].tag = UINT64_MAX;
    s_run (s_workers, S_THREADS, s_collect);
    s_run (s_workers + S_THREADS, S_THREADS, s_start);
    s_join (2 * S_THREADS);
    s_assert_ended (s_ended, S_THREADS * S_EACH);
}

Test (calls, threads_start_and_collect_at_once)
{
    s_share (1);
    s_share (10);
    s_share (ZSEQ_BATCH_AUTO);
}

static void
s_mix (uint64_t batch)
{
    static uint64_t ids[S_THREADS * S_EACH + 3000];
    ASSERT_RC (zseq_set_batch (s_ids, batch), ZSEQ_OK);
    s_run (s_workers, S_THREADS, s_take);
    for (uint64_t tag = 0; tag < 3000; tag++)
        ASSERT_RC (zseq_start_next (s_ids, tag), ZSEQ_OK);
    s_await (s_ended, 3000);
    s_join (S_THREADS);
    s_assert_ended (s_ended, 3000);
    size_t count = 0;
    for (; count < 3000; count++)
        ids[count] = s_ended[count].value;
    for (size_t index = 0; index < S_THREADS; index++)
        for (size_t at = 0; at < S_EACH; at++)
            ids[count++] = s_workers[index].ids[at];
    s_assert_unique (ids, count);
}

Test (calls, go_along_with_threads_that_wait)
{
    s_mix (1);
    s_mix (2);
    s_mix (100);
}

//  A call does not depend on the thread that started it.
static void *
s_start_and_end (void *arg)
{
    uint64_t *tag = arg;
    return zseq_start_next (s_ids, *tag) == ZSEQ_OK ? tag : NULL;
}

Test (calls, end_after_the_thread_that_started_them)
{
    zseq_ended_t ended;
    for (uint64_t tag = 0; tag < 20; tag++) {
        pthread_t thread;
        void *good;
        cr_assert_eq (pthread_create (&thread, NULL, s_start_and_end, &tag), 0);
        pthread_join (thread, &good);
        cr_assert (good);
        s_await (&ended, 1);
        cr_assert_eq (ended.tag, tag);
        cr_assert_eq (ended.rc, ZSEQ_OK, "%s", ended.detail);
    }
}

//  Calls that fail at the end of the sequence end at once, while others are
//  collected.

#define S_LAST 40

static void *
s_collect_last (void *arg)
{
    s_worker_t *self = arg;
    self->good = true;
    while (s_collected < S_LAST) {
        zseq_ended_t ended[2];
        size_t count = zseq_client_collect (s_client, ended, 2);
        for (size_t index = 0; index < count; index++) {
            bool good = ended[index].rc == ZSEQ_OK;
            if (good)
                self->ids[self->count++] = ended[index].value;
            else if (ended[index].rc != ZSEQ_EEXHAUSTED)
                self->good = false;
        }
        s_collected += count;
    }
    return NULL;
}

Test (calls, end_at_the_end_of_the_sequence)
{
    for (int turn = 0; turn < 30; turn++) {
        char name[16];
        snprintf (name, sizeof name, "end %d", turn);
        zseq_t *seq = zseq_new (s_client, name);
        ASSERT_RC (zseq_raise (seq, ZSEQ_ID_MAX - 9), ZSEQ_OK);
        ASSERT_RC (zseq_set_batch (seq, turn % 2 ? 4 : 100), ZSEQ_OK);
        s_collected = 0;
        for (size_t index = 0; index < S_THREADS; index++)
            s_workers[index].count = 0;
        s_run (s_workers, S_THREADS, s_collect_last);
        for (uint64_t tag = 0; tag < S_LAST; tag++)
            ASSERT_RC (zseq_start_next (seq, tag), ZSEQ_OK);
        s_join (S_THREADS);
        size_t count = 0;
        for (size_t index = 0; index < S_THREADS; index++)
            count += s_workers[index].count;
        zseq_stats_t stats;
        ASSERT_RC (zseq_client_stats (s_client, &stats), ZSEQ_OK);
        cr_assert_leq (count, 10);
        if (stats.timeouts == 0)
            cr_assert_eq (count, 10);
        zseq_destroy (&seq);
    }
}

//  Deadlines.

static void
s_pause (void)
{
    zseq_cluster_pause (s_cluster, 0);
    zseq_cluster_pause (s_cluster, 1);
}

static void
s_resume (void)
{
    zseq_cluster_resume (s_cluster, 0);
    zseq_cluster_resume (s_cluster, 1);
}

static void
s_assert_late (const zseq_ended_t *ended)
{
    cr_assert (ended->rc == ZSEQ_ETIMEOUT || ended->rc == ZSEQ_EUNAVAILABLE,
               "%lu: %s", ended->tag, zseq_strerror (ended->rc));
    cr_assert_neq (ended->detail[0], 0);
}

Test (calls, end_at_their_deadline)
{
    static const uint64_t batches[] = {1, 10, ZSEQ_BATCH_AUTO};
    for (size_t at = 0; at < 3; at++) {
        ASSERT_RC (zseq_set_batch (s_ids, batches[at]), ZSEQ_OK);
        ASSERT_RC (zseq_set_timeout (s_ids, ZSEQ_TIMEOUT_MS_DEFAULT), ZSEQ_OK);
        (void) s_next (s_ids);
        //  What is left of the buffer.
        ASSERT_RC (zseq_set_batch (s_ids, 1), ZSEQ_OK);
        ASSERT_RC (zseq_set_batch (s_ids, batches[at]), ZSEQ_OK);
        ASSERT_RC (zseq_set_timeout (s_ids, 200), ZSEQ_OK);
        s_pause ();
        for (uint64_t tag = 0; tag < 100; tag += 4) {
            ASSERT_RC (zseq_start_next (s_ids, tag), ZSEQ_OK);
            ASSERT_RC (zseq_start_range (s_ids, 10, tag + 1), ZSEQ_OK);
            ASSERT_RC (zseq_start_peek (s_ids, tag + 2), ZSEQ_OK);
            ASSERT_RC (zseq_start_raise (s_ids, 2, tag + 3), ZSEQ_OK);
        }
        s_await (s_ended, 100);
        for (size_t index = 0; index < 100; index++)
            s_assert_late (&s_ended[index]);
        s_resume ();
        ASSERT_RC (zseq_set_timeout (s_ids, 60000), ZSEQ_OK);
        ASSERT_RC (zseq_start_next (s_ids, 7), ZSEQ_OK);
        s_await (s_ended, 1);
        cr_assert_eq (s_ended[0].tag, 7);
        cr_assert_eq (s_ended[0].rc, ZSEQ_OK, "%s", s_ended[0].detail);
    }
}

//  Later calls do not postpone the deadline of earlier ones.
Test (calls, end_at_their_deadline_while_others_are_started)
{
    ASSERT_RC (zseq_set_batch (s_ids, 10), ZSEQ_OK);
    (void) s_next (s_ids);
    ASSERT_RC (zseq_set_batch (s_ids, 1), ZSEQ_OK);
    ASSERT_RC (zseq_set_batch (s_ids, 10), ZSEQ_OK);
    ASSERT_RC (zseq_set_timeout (s_ids, 100), ZSEQ_OK);
    s_pause ();
    ASSERT_RC (zseq_start_next (s_ids, 0), ZSEQ_OK);
    ASSERT_RC (zseq_set_timeout (s_ids, 60000), ZSEQ_OK);
    struct pollfd fd = {.fd = zseq_client_fd (s_client), .events = POLLIN};
    uint64_t started = 1;
    //  A minute is 60 times what the first may take.
    uint64_t end_ns = zseq_history_now_ns () + 40000000000u;
    while (zseq_client_collect (s_client, s_ended, 1) == 0) {
        cr_assert_lt (zseq_history_now_ns (), end_ns);
        cr_assert_lt (started, S_MANY);
        ASSERT_RC (zseq_start_next (s_ids, started++), ZSEQ_OK);
        (void) poll (&fd, 1, 5);
    }
    cr_assert_eq (s_ended[0].tag, 0);
    s_assert_late (&s_ended[0]);
    //  The others have time.
    s_resume ();
    s_await (s_ended + 1, started - 1);
    for (uint64_t index = 1; index < started; index++)
        cr_assert_eq (s_ended[index].rc, ZSEQ_OK, "%s", s_ended[index].detail);
    (void) s_next (s_ids);
}

//  A call with a long timeout does not fail with one that has a short timeout.
Test (calls, with_more_time_outlast_those_with_less)
{
    static const uint64_t batches[] = {1, 10};
    for (size_t at = 0; at < 2; at++) {
        (void) s_next (s_ids);
        ASSERT_RC (zseq_set_batch (s_ids, 1), ZSEQ_OK);
        ASSERT_RC (zseq_set_batch (s_ids, batches[at]), ZSEQ_OK);
        s_pause ();
        ASSERT_RC (zseq_set_timeout (s_ids, 60000), ZSEQ_OK);
        ASSERT_RC (zseq_start_next (s_ids, 0), ZSEQ_OK);
        ASSERT_RC (zseq_set_timeout (s_ids, 100), ZSEQ_OK);
        ASSERT_RC (zseq_start_next (s_ids, 1), ZSEQ_OK);
        s_await (s_ended, 1);
        cr_assert_eq (s_ended[0].tag, 1);
        s_assert_late (&s_ended[0]);
        s_resume ();
        s_await (s_ended, 1);
        cr_assert_eq (s_ended[0].tag, 0);
        cr_assert_eq (s_ended[0].rc, ZSEQ_OK, "%s", s_ended[0].detail);
        ASSERT_RC (zseq_set_timeout (s_ids, 60000), ZSEQ_OK);
    }
}

//  Calls that were started before any node.
Test (calls, wait_for_the_nodes)
{
    for (size_t node = 0; node < 3; node++)
        zseq_cluster_kill (s_cluster, node);
    ASSERT_RC (zseq_set_timeout (s_ids, 100), ZSEQ_OK);
    ASSERT_RC (zseq_start_next (s_ids, 1), ZSEQ_OK);
    ASSERT_RC (zseq_start_peek (s_ids, 2), ZSEQ_OK);
    ASSERT_RC (zseq_set_batch (s_ids, 10), ZSEQ_OK);
    ASSERT_RC (zseq_start_next (s_ids, 3), ZSEQ_OK);
    s_await (s_ended, 3);
    for (size_t index = 0; index < 3; index++) {
        cr_assert_eq (s_ended[index].rc, ZSEQ_EUNAVAILABLE);
        cr_assert_neq (s_ended[index].detail[0], 0);
    }
    ASSERT_RC (zseq_set_timeout (s_ids, 60000), ZSEQ_OK);
    ASSERT_RC (zseq_start_next (s_ids, 4), ZSEQ_OK);
    ASSERT_RC (zseq_start_peek (s_ids, 5), ZSEQ_OK);
    zseq_cluster_start_all (s_cluster);
    s_await (s_ended, 2);
    for (size_t index = 0; index < 2; index++)
        cr_assert_eq (s_ended[index].rc, ZSEQ_OK, "%s", s_ended[index].detail);
}

//  Handles that end.

static void
s_start_some (zseq_t *seq, uint64_t tag)
{
    for (int count = 0; count < 50; count++) {
        ASSERT_RC (zseq_start_next (seq, tag), ZSEQ_OK);
        ASSERT_RC (zseq_start_range (seq, 3, tag), ZSEQ_OK);
        ASSERT_RC (zseq_start_peek (seq, tag), ZSEQ_OK);
        ASSERT_RC (zseq_start_raise (seq, 2, tag), ZSEQ_OK);
    }
}

Test (calls, of_a_destroyed_handle_never_end)
{
    static const uint64_t batches[] = {1, 10, ZSEQ_BATCH_AUTO};
    for (size_t at = 0; at < 3; at++) {
        (void) s_next (s_ids);
        zseq_t *seq = zseq_new (s_client, at % 2 ? "orders" : "bills");
        ASSERT_RC (zseq_set_batch (seq, batches[at]), ZSEQ_OK);
        ASSERT_RC (zseq_set_timeout (seq, 60000), ZSEQ_OK);
        s_pause ();
        s_start_some (seq, 1);
        ASSERT_RC (zseq_set_timeout (s_ids, 60000), ZSEQ_OK);
        ASSERT_RC (zseq_start_next (s_ids, 2), ZSEQ_OK);
        zseq_destroy (&seq);
        cr_assert_not (s_readable ());
        s_resume ();
        s_await (s_ended, 1);
        cr_assert_eq (s_ended[0].tag, 2);
        cr_assert_eq (s_ended[0].rc, ZSEQ_OK, "%s", s_ended[0].detail);
        for (int count = 0; count < 20; count++)
            (void) s_next (s_ids);
        cr_assert_eq (zseq_client_collect (s_client, s_ended, 1), 0);
    }
}

Test (calls, of_a_handle_destroyed_at_any_time_do_no_harm)
{
    for (int turn = 0; turn < 50; turn++) {
        zseq_t *seq = zseq_new (s_client, "bills");
        ASSERT_RC (zseq_set_batch (seq, turn % 3 == 0 ? 1 : 20), ZSEQ_OK);
        s_start_some (seq, 1);
        if (turn % 2)
            (void) s_next (s_ids);
        zseq_destroy (&seq);
        //  Calls that had ended can still be collected.
        size_t count = zseq_client_collect (s_client, s_ended, S_MANY);
        cr_assert_leq (count, 200);
        cr_assert_not (s_readable ());
    }
    (void) s_next (s_ids);
}

//  The client may be destroyed, too.
Test (calls, that_were_not_collected_are_forgotten)
{
    for (int turn = 0; turn < 5; turn++) {
        ASSERT_RC (zseq_set_batch (s_ids, turn % 2 ? 10 : 1), ZSEQ_OK);
        s_start_some (s_ids, 1);
        //  With a descriptor and without.
        if (turn > 2)
            s_await (s_ended, 1);
        zseq_destroy (&s_ids);
        zseq_client_destroy (&s_client);
        s_client = zseq_client_new (zseq_cluster_uri (s_cluster));
        s_ids = zseq_new (s_client, "orders");
        (void) s_next (s_ids);
    }
}

//  Buffers that end.

Test (calls, go_on_without_the_buffer_that_they_waited_for)
{
    for (int turn = 0; turn < 4; turn++) {
        ASSERT_RC (zseq_set_timeout (s_ids, 60000), ZSEQ_OK);
        ASSERT_RC (zseq_set_batch (s_ids, 10), ZSEQ_OK);
        s_pause ();
        for (uint64_t tag = 0; tag < 50; tag++)
            ASSERT_RC (zseq_start_next (s_ids, tag), ZSEQ_OK);
        ASSERT_RC (zseq_set_batch (s_ids, turn % 2 ? 1 : 0), ZSEQ_OK);
        if (turn > 1)
            ASSERT_RC (zseq_set_batch (s_ids, 20), ZSEQ_OK);
        s_resume ();
        s_await (s_ended, 50);
        s_assert_ended (s_ended, 50);
        ASSERT_RC (zseq_set_batch (s_ids, 1), ZSEQ_OK);
    }
}

//  A call does not report what failed before it was started.
Test (calls, do_not_report_an_older_failure)
{
    uint64_t id;
    ASSERT_RC (zseq_set_batch (s_ids, 10), ZSEQ_OK);
    (void) s_next (s_ids);
    ASSERT_RC (zseq_set_timeout (s_ids, 100), ZSEQ_OK);
    s_pause ();
    //  A fill ahead of need fails, and then the buffer is used up.
    int rc;
    while ((rc = zseq_next (s_ids, &id)) == ZSEQ_OK)
        continue;
    ASSERT_RC (zseq_try_next (s_ids, &id), ZSEQ_EAGAIN);
    //  This starts a fill that fails, and no call reports that.
    zseq_t *bills = zseq_new (s_client, "bills");
    ASSERT_RC (zseq_set_timeout (bills, 1000), ZSEQ_OK);
    cr_assert_neq (zseq_next (bills, &id), ZSEQ_OK);
    zseq_destroy (&bills);
    ASSERT_RC (zseq_set_timeout (s_ids, 60000), ZSEQ_OK);
    ASSERT_RC (zseq_start_next (s_ids, 1), ZSEQ_OK);
    ASSERT_RC (zseq_set_batch (s_ids, 1), ZSEQ_OK);
    s_resume ();
    s_await (s_ended, 1);
    cr_assert_eq (s_ended[0].rc, ZSEQ_OK, "%s (%s)",
                  zseq_strerror (s_ended[0].rc), s_ended[0].detail);
}

//  The descriptor.

Test (calls, make_the_descriptor_readable_exactly_while_they_wait)
{
    int fd = zseq_client_fd (s_client);
    cr_assert_geq (fd, 0);
    cr_assert_not (s_readable ());
    cr_assert_eq (zseq_client_collect (s_client, s_ended, 5), 0);
    for (int turn = 0; turn < 100; turn++) {
        ASSERT_RC (zseq_start_next (s_ids, 1), ZSEQ_OK);
        ASSERT_RC (zseq_start_next (s_ids, 2), ZSEQ_OK);
        s_await (s_ended, 1);
        //  The other is under way, or has ended.
        uint64_t end_ns = s_wait_end_ns ();
        while (!s_readable ())
            cr_assert_lt (zseq_history_now_ns (), end_ns);
        cr_assert_eq (zseq_client_collect (s_client, NULL, 0), 0);
        cr_assert (s_readable ());
        cr_assert_eq (zseq_client_collect (s_client, s_ended, 5), 1);
        cr_assert_not (s_readable ());
        cr_assert_eq (zseq_client_collect (s_client, s_ended, 5), 0);
        cr_assert_not (s_readable ());
    }
    cr_assert_eq (zseq_client_fd (s_client), fd);
}

Test (calls, make_a_descriptor_readable_that_is_made_later)
{
    ASSERT_RC (zseq_start_next (s_ids, 1), ZSEQ_OK);
    (void) s_next (s_ids);
    //  Without a descriptor, calls can be collected as well.
    uint64_t end_ns = s_wait_end_ns ();
    while (zseq_client_collect (s_client, s_ended, 1) == 0)
        cr_assert_lt (zseq_history_now_ns (), end_ns);
    ASSERT_RC (zseq_set_batch (s_ids, 10), ZSEQ_OK);
    (void) s_next (s_ids);
    //  The buffer answers at once.
    ASSERT_RC (zseq_start_next (s_ids, 2), ZSEQ_OK);
    cr_assert (s_readable ());
    cr_assert_eq (zseq_client_collect (s_client, s_ended, 5), 1);
    cr_assert_not (s_readable ());
}

//  Forks.

static int
s_use_inherited (void *arg)
{
    (void) arg;
    bool good = zseq_start_next (s_ids, 1) == ZSEQ_EFORKED &&
                zseq_start_range (s_ids, 2, 1) == ZSEQ_EFORKED &&
                zseq_start_peek (s_ids, 1) == ZSEQ_EFORKED &&
                zseq_start_raise (s_ids, 2, 1) == ZSEQ_EFORKED &&
                zseq_client_fd (s_client) == -1 &&
                zseq_errno () == ZSEQ_EFORKED &&
                zseq_client_collect (s_client, s_ended, 10) == 0;
    zseq_destroy (&s_ids);
    zseq_client_destroy (&s_client);
    return good ? 0 : 1;
}

Test (calls, of_a_parent_end_in_the_parent)
{
    if (!zseq_process_forks_threads ())
        cr_skip_test ("no fork with threads in this build");
    for (int turn = 0; turn < 4; turn++) {
        ASSERT_RC (zseq_set_batch (s_ids, turn % 2 ? 10 : 1), ZSEQ_OK);
        ASSERT_RC (zseq_set_timeout (s_ids, 60000), ZSEQ_OK);
        s_pause ();
        //  Under way in the child; or ended, too.
        if (turn > 1) {
            ASSERT_RC (zseq_set_timeout (s_ids, 100), ZSEQ_OK);
            ASSERT_RC (zseq_start_peek (s_ids, 200), ZSEQ_OK);
            while (!s_readable ())
                sched_yield ();
            ASSERT_RC (zseq_set_timeout (s_ids, 60000), ZSEQ_OK);
        }
        s_start_some (s_ids, 1);
        cr_assert_eq (
          zseq_process_wait (zseq_process_fork (s_use_inherited, NULL)), 0);
        s_resume ();
        size_t count = turn > 1 ? 201 : 200;
        s_await (s_ended, count);
        for (size_t index = 0; index < count; index++)
            if (s_ended[index].tag == 1)
                cr_assert_eq (s_ended[index].rc, ZSEQ_OK, "%s",
                              s_ended[index].detail);
        (void) s_next (s_ids);
    }
}
