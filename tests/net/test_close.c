//  A client that is destroyed while threads use its handles: their calls end,
//  and the handles stay valid until they are destroyed. And processes that exit
//  instead.

#include "zseq_cluster.h"
#include "zseq_process.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREADS 6
#define DRAWS 50
#define TIMEOUT_MS ZSEQ_PROCESS_WAIT_MS

static zseq_cluster_t *s_cluster;

static void
s_open (void)
{
    s_cluster = zseq_cluster_new ("net", 3, NULL);
    zseq_cluster_start_all (s_cluster);
}

static void
s_close (void)
{
    zseq_cluster_destroy (&s_cluster);
}

TestSuite (close, .init = s_open, .fini = s_close);

static zseq_client_t *
s_client (const char *uri)
{
    zseq_client_t *client = zseq_client_new (uri);
    cr_assert (client, "%s", zseq_detail ());
    cr_assert_eq (zseq_client_set_timeout (client, TIMEOUT_MS), ZSEQ_OK);
    return client;
}

static zseq_t *
s_handle (zseq_client_t *client, const char *name, uint64_t batch)
{
    zseq_t *handle = zseq_new (client, name);
    cr_assert (handle, "%s", zseq_detail ());
    cr_assert_eq (zseq_set_batch (handle, batch), ZSEQ_OK);
    return handle;
}

static void
s_assert_closed (zseq_t *handle)
{
    uint64_t id = 77;
    cr_assert_eq (zseq_next (handle, &id), ZSEQ_ECLOSED);
    cr_assert_str_eq (zseq_detail (), "the client was destroyed");
    cr_assert_eq (zseq_try_next (handle, &id), ZSEQ_ECLOSED);
    cr_assert_eq (zseq_take (handle, &id, 1), ZSEQ_ECLOSED);
    cr_assert_eq (zseq_next_range (handle, 2, &id), ZSEQ_ECLOSED);
    cr_assert_eq (zseq_peek (handle, &id), ZSEQ_ECLOSED);
    cr_assert_eq (zseq_raise (handle, 9), ZSEQ_ECLOSED);
    cr_assert_eq (zseq_set_batch (handle, 3), ZSEQ_ECLOSED);
    cr_assert_eq (zseq_set_timeout (handle, 3), ZSEQ_ECLOSED);
    cr_assert_eq (zseq_start_next (handle, 1), ZSEQ_ECLOSED);
    cr_assert_eq (id, 77);
}

//  Threads that wait.

typedef struct {
    pthread_t thread;
    zseq_t *handle;
    int (*call) (zseq_t *handle, uint64_t *value_p);
    atomic_int id;  //  Of the thread, once it runs
    int rc;
} s_waiter_t;

static int
s_range (zseq_t *handle, uint64_t *value_p)
{
    return zseq_next_range (handle, 5, value_p);
}

static void *
s_wait (void *arg)
{
    s_waiter_t *self = arg;
    uint64_t value;
    self->id = (int) syscall (SYS_gettid);
    self->rc = self->call (self->handle, &value);
    return NULL;
}

//  Waits until the thread sleeps. If it sleeps elsewhere than in its call, that
//  begins later, and ends all the same.
static void
s_await_sleep (const s_waiter_t *self)
{
    char state = 0;
    while (state != 'S') {
        (void) sched_yield ();
        if (self->id == 0)
            continue;
        char path[64];
        snprintf (path, sizeof path, "/proc/self/task/%d/stat", self->id);
        char *text = zseq_process_read (path, 0);
        const char *name_end = strrchr (text, ')');
        cr_assert (name_end, "%s", text);
        state = name_end[2];
        free (text);
    }
}

static void
s_wake (uint64_t batch, int (*call) (zseq_t *, uint64_t *))
{
    zseq_client_t *client = s_client (zseq_cluster_uri (s_cluster));
    zseq_t *first = s_handle (client, "first", 1);
    uint64_t id;
    cr_assert_eq (zseq_next (first, &id), ZSEQ_OK, "%s", zseq_detail ());
    zseq_cluster_pause (s_cluster, 1);
    zseq_cluster_pause (s_cluster, 2);

    s_waiter_t claims = {.handle = s_handle (client, "orders", batch),
                         .call = call};
    s_waiter_t peeks = {.handle = first, .call = zseq_peek};
    cr_assert_eq (pthread_create (&peeks.thread, NULL, s_wait, &peeks), 0);
    cr_assert_eq (pthread_create (&claims.thread, NULL, s_wait, &claims), 0);
    s_await_sleep (&peeks);
    s_await_sleep (&claims);
    cr_assert_eq (zseq_start_next (first, 1), ZSEQ_OK);
    zseq_client_destroy (&client);
    cr_assert_null (client);
    pthread_join (claims.thread, NULL);
    pthread_join (peeks.thread, NULL);
    cr_assert_eq (claims.rc, ZSEQ_ECLOSED, "%s", zseq_strerror (claims.rc));
    cr_assert_eq (peeks.rc, ZSEQ_ECLOSED, "%s", zseq_strerror (peeks.rc));

    s_assert_closed (claims.handle);
    zseq_destroy (&claims.handle);
    zseq_destroy (&first);
    zseq_cluster_resume (s_cluster, 1);
    zseq_cluster_resume (s_cluster, 2);
}

Test (close, wakes_a_thread_that_waits_for_a_claim)
{
    s_wake (1, zseq_next);
}

Test (close, wakes_a_thread_that_waits_for_a_range)
{
    s_wake (1, s_range);
}

Test (close, wakes_a_thread_that_waits_for_a_buffer)
{
    s_wake (100, zseq_next);
}

//  Threads that draw until the client is closed.

typedef struct {
    pthread_t thread;
    zseq_t *handle;
    atomic_int drawn;
    int rc;
} s_drawer_t;

static void *
s_draw (void *arg)
{
    s_drawer_t *self = arg;
    int rc = ZSEQ_OK;
    while (rc == ZSEQ_OK || rc == ZSEQ_EAGAIN) {
        uint64_t id;
        rc = self->drawn % 5 ? zseq_next (self->handle, &id)
                             : zseq_take (self->handle, &id, 1);
        if (rc == ZSEQ_OK)
            self->drawn++;
        if (rc == ZSEQ_OK && self->drawn % 7 == 0)
            (void) zseq_peek (self->handle, &id);
    }
    self->rc = rc;
    //  The last of the threads frees the client.
    zseq_destroy (&self->handle);
    return NULL;
}

static void
s_destroy_under_load (const char *uri)
{
    zseq_client_t *client = s_client (uri);
    s_drawer_t drawers[THREADS] = {0};
    for (size_t index = 0; index < THREADS; index++) {
        drawers[index].handle =
          s_handle (client, index % 2 ? "orders" : "bills", index < 3 ? 1 : 20);
        cr_assert_eq (pthread_create (&drawers[index].thread, NULL, s_draw,
                                      &drawers[index]),
                      0);
    }
    for (size_t index = 0; index < THREADS; index++)
        while (drawers[index].drawn < DRAWS)
            (void) sched_yield ();
    zseq_client_destroy (&client);
    for (size_t index = 0; index < THREADS; index++) {
        pthread_join (drawers[index].thread, NULL);
        cr_assert_eq (drawers[index].rc, ZSEQ_ECLOSED, "%s: %s", uri,
                      zseq_strerror (drawers[index].rc));
    }
}

Test (close, ends_the_calls_of_all_threads)
{
    char uri[ZSEQ_CLUSTER_URI_MAX + 16];
    s_destroy_under_load (zseq_cluster_uri (s_cluster));
    snprintf (uri, sizeof uri, "flake+%s", zseq_cluster_uri (s_cluster));
    s_destroy_under_load (uri);
    snprintf (uri, sizeof uri, "file:%s/local", zseq_cluster_path (s_cluster));
    s_destroy_under_load (uri);
    s_destroy_under_load ("flake:1");
    s_destroy_under_load ("mem:");
}

Test (close, of_a_client_that_was_not_used_closes_its_handles)
{
    const char *const uris[] = {zseq_cluster_uri (s_cluster),
                                "mem:", "flake:1"};
    for (size_t index = 0; index < 3; index++) {
        zseq_client_t *client = s_client (uris[index]);
        zseq_t *handle = s_handle (client, "orders", 1);
        zseq_client_destroy (&client);
        s_assert_closed (handle);
        zseq_destroy (&handle);
    }
}

//  Processes that exit without closing their clients.

static zseq_client_t *s_left;
static zseq_t *s_orders;

static void *
s_draw_for_ever (void *arg)
{
    (void) arg;
    uint64_t id;
    while (zseq_next (s_orders, &id) != ZSEQ_ECLOSED)
        continue;
    return NULL;
}

//  Draws in the process that calls it, by a client of its own.
static bool
s_draws (void)
{
    zseq_client_t *client = zseq_client_new (zseq_cluster_uri (s_cluster));
    zseq_t *handle = client ? zseq_new (client, "others") : NULL;
    uint64_t id;
    return handle && zseq_next (handle, &id) == ZSEQ_OK;
}

//  A thread that forks: the child draws and exits.
static void *
s_fork (void *arg)
{
    int *status_p = arg;
    pid_t pid = fork ();
    if (pid == 0)
        exit (s_draws () ? 3 : 4);
    *status_p = pid > 0 ? zseq_process_wait (pid) : -1;
    return NULL;
}

//  Draws, and destroys the client while the threads draw.
static void
s_destroy_at_exit (void)
{
    uint64_t id;
    int rc = zseq_next (s_orders, &id);
    zseq_client_destroy (&s_left);
    //  In a child, no thread draws on.
    if (rc == ZSEQ_EFORKED)
        zseq_destroy (&s_orders);
}

//  How a process exits while its threads draw.
typedef struct {
    uint64_t batch;
    bool destroys;  //  Its client, when it exits
    bool forks;     //  Its threads fork children, which exit like it
} s_exit_t;

static int
s_exit_under_load (void *arg)
{
    const s_exit_t *self = arg;
    s_left = zseq_client_new (zseq_cluster_uri (s_cluster));
    s_orders = s_left ? zseq_new (s_left, "orders") : NULL;
    uint64_t id;
    if (!s_orders || zseq_set_batch (s_orders, self->batch) != ZSEQ_OK ||
        zseq_next (s_orders, &id) != ZSEQ_OK ||
        (self->destroys && atexit (s_destroy_at_exit) != 0))
        return 1;
    pthread_t thread;
    for (size_t index = 0; index < THREADS; index++)
        if (pthread_create (&thread, NULL, s_draw_for_ever, NULL) != 0)
            return 1;
    pthread_t forking[3];
    int status[3] = {3, 3, 3};
    for (size_t index = 0; self->forks && index < 3; index++)
        if (pthread_create (&forking[index], NULL, s_fork, &status[index]) != 0)
            return 1;
    for (size_t index = 0; self->forks && index < 3; index++)
        (void) pthread_join (forking[index], NULL);
    exit (status[0] == 3 && status[1] == 3 && status[2] == 3 ? 0 : 2);
}

static void
s_assert_exits (bool forks)
{
    for (unsigned run = 0; run < 20; run++) {
        s_exit_t how = {
          .batch = run % 2 ? 100 : 1, .destroys = run / 2 % 2, .forks = forks};
        int status =
          zseq_process_wait (zseq_process_fork (s_exit_under_load, &how));
        cr_assert_eq (status, 0, "run %u: %d", run, status);
    }
}

Test (close, is_not_needed_before_exit)
{
    s_assert_exits (false);
}

Test (close, is_not_needed_in_a_child_that_a_thread_forked)
{
#ifdef ZSEQ_TSAN
    cr_skip_test ("thread sanitizer's own locks stay locked in a child");
#endif
    if (!zseq_process_forks_threads ())
        cr_skip_test ("no fork with threads in this build");
    s_assert_exits (true);
}
